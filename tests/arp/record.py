#!/usr/bin/env python3
"""Records what a real kernel does about ARP.

    record.py arp.cases > arp.txt       (as root; makes and removes its own namespaces)

A host has two Ethernet devices, e0 and e1, whose wires' other ends we hold. A case is a list of actions; behind each, in lines
that begin with `>`, stands what the host then sent: `w0 ETHDST request SHA SIP THA TIP` by the first wire. arp_test.c plays the same
against weft and compares. Hardware addresses are letters: a to d are others', e0 and e1 the host's own, * is broadcast, 0 zeros.

    case TEXT                       a new host: e0, e1 and lo up, nothing else
    addr add|del ADDR/LEN DEV [SCOPE]      route add PREFIX DEV     link up|down DEV     mac DEV LETTER
    set NAME VALUE                  net/ipv4/NAME by sysctl
    rx DEV ETHDST request|reply SHA SIP THA TIP
    raw DEV HEX                     a frame as it is; E is e0's address, A and B those of a and b, F broadcast's
    send SRC DST                    a packet of protocol 253 from the host
    wait SECONDS
    neigh                           > lists the neighbours
"""
import ctypes, os, re, select, socket, struct, subprocess, sys, time

HOST, WIRE = "arprec%d-h" % os.getpid(), "arprec%d-w" % os.getpid()
libc = ctypes.CDLL(None, use_errno=True)
MAC = {"a": "02000000000a", "b": "02000000000b", "c": "02000000000c", "d": "02000000000d", "e0": "0200000000e0", "e1": "0200000000e1",
       "*": "ffffffffffff", "0": "000000000000"}
NAME = {v: k for k, v in MAC.items()}
own = os.open("/proc/self/ns/net", os.O_RDONLY)

def colons(mac):
    return ":".join(mac[i:i + 2] for i in range(0, 12, 2))

def ip(*words):
    return subprocess.run(["ip", *words], check=True, capture_output=True, text=True).stdout

class inside:
    def __init__(self, name):
        self.name = name
    def __enter__(self):
        fd = os.open("/run/netns/" + self.name, os.O_RDONLY)
        assert libc.setns(fd, 0) == 0
        os.close(fd)
    def __exit__(self, *_):
        assert libc.setns(own, 0) == 0

class Host:
    def __init__(self):
        for n in HOST, WIRE:
            ip("netns", "add", n)
            with inside(n):
                for d in "all", "default":
                    open("/proc/sys/net/ipv6/conf/%s/disable_ipv6" % d, "w").write("1")
        self.tap = {}
        ip("-n", HOST, "link", "set", "lo", "up")
        for i in "01":
            ip("-n", HOST, "link", "add", "e" + i, "address", colons(MAC["e" + i]), "type", "veth", "peer", "name", "w" + i, "netns", WIRE)
            ip("-n", WIRE, "link", "set", "w" + i, "arp", "off", "up")
            ip("-n", HOST, "link", "set", "e" + i, "up")
            with inside(WIRE):
                self.tap[i] = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
                self.tap[i].bind(("w" + i, 0))
        time.sleep(0.05)
        self.sent()
    def end(self):
        for t in self.tap.values():
            t.close()
        for n in HOST, WIRE:
            ip("netns", "del", n)
    def sent(self):
        out = []
        by = {t.fileno(): (i, t) for i, t in self.tap.items()}
        while True:
            ready = select.select(list(by), [], [], 0.03)[0]
            if not ready:
                return sorted(out)
            for fd in ready:
                i, t = by[fd]
                f, where = t.recvfrom(2000)
                if where[2] == 4: # ours
                    continue
                if f[12:14] == b"\x08\x06":
                    op, = struct.unpack(">H", f[20:22])
                    m = lambda o: NAME.get(f[o:o + 6].hex(), f[o:o + 6].hex())
                    out.append("w%s %s %s %s %s %s %s" % (i, m(0), {1: "request", 2: "reply"}.get(op, op), m(22), socket.inet_ntoa(f[28:32]), m(32),
                                                          socket.inet_ntoa(f[38:42])))
                elif f[12:14] == b"\x08\x00" and f[23] != 2: # no IGMP
                    out.append("w%s %s packet %s %s" % (i, NAME.get(f[:6].hex(), "?"), socket.inet_ntoa(f[26:30]), socket.inet_ntoa(f[30:34])))

def act(h, w):
    if w[0] == "addr":
        ip("-n", HOST, "addr", w[1], w[2], "dev", w[3], *(["scope", w[4]] if len(w) > 4 else []))
    elif w[0] == "route":
        ip("-n", HOST, "route", "add", w[2], "dev", w[3])
    elif w[0] == "link":
        ip("-n", HOST, "link", "set", w[2], w[1])
    elif w[0] == "mac":
        ip("-n", HOST, "link", "set", w[1], "address", colons(MAC[w[2]]))
    elif w[0] == "set":
        with inside(HOST):
            open("/proc/sys/net/ipv4/" + w[1], "w").write(w[2])
    elif w[0] == "rx":
        dev, dst, op, sha, sip, tha, tip = w[1:]
        h.tap[dev[1]].send(bytes.fromhex(MAC[dst] + MAC[sha] + "0806" + "0001080006040001"[:-1] + ("1" if op == "request" else "2") + MAC[sha])
                           + socket.inet_aton(sip) + bytes.fromhex(MAC[tha]) + socket.inet_aton(tip))
    elif w[0] == "raw":
        x = "".join({"E": MAC["e0"], "A": MAC["a"], "B": MAC["b"], "F": MAC["*"]}.get(c, c) for c in w[2])
        h.tap[w[1][1]].send(bytes.fromhex(x))
    elif w[0] == "send":
        with inside(HOST):
            s = socket.socket(socket.AF_INET, socket.SOCK_RAW, 253)
            s.bind((w[1], 0))
            try:
                s.sendto(b"x", (w[2], 0))
            except OSError:
                pass
            s.close()
    elif w[0] == "wait":
        time.sleep(float(w[1]))
    elif w[0] == "neigh":
        out = []
        for l in ip("-n", HOST, "-4", "neigh", "show").splitlines():
            m = re.match(r"(\S+) dev (\S+)(?: lladdr (\S+))?.* (\w+)$", l.strip())
            out.append("%s %s %s %s" % (m[1], m[2], NAME.get((m[3] or "").replace(":", ""), "-"), m[4]))
        return sorted(out)
    else:
        sys.exit("what is %s?" % w)

h = None
print("# Made by record.py from arp.cases on Linux %s: do not edit." % os.uname().release)
for line in open(sys.argv[1]):
    line = line.split("#")[0].strip()
    if not line:
        continue
    print(line)
    w = line.split()
    if w[0] == "case":
        if h:
            h.end()
        h = Host()
        continue
    for l in (act(h, w) or []) + h.sent():
        print("> " + l)
if h:
    h.end()
