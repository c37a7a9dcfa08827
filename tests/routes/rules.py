"""rules.sh's traffic: for each line of stdin (`ip rule` commands separated by `;`, undone afterwards) packets of our own and forwarded ones, and by which of
v1 to v4 each left: digits in the order of OWN and OTHERS below; a letter for an error, `.` for nothing. What ip says is shown, too. An `@` begins a
rule that Debian 12's ip does not know: family then attribute=value pairs, by netlink."""
import errno, os, select, socket, struct, subprocess, sys, time

U, T = socket.SOCK_DGRAM, socket.SOCK_STREAM
OWN = [dict(), dict(dport=53), dict(sport=5000), dict(kind=T, dport=80), dict(kind=T, dport=443), dict(mark=1), dict(mark=0x12), dict(uid=1000),
       dict(tos=0x10), dict(tos=0x20), dict(tos=0xb8), dict(dev="v2"), dict(src=2), dict(kind=T, dport=80, mark=1), dict(kind=T, dport=80, uid=1500), dict(src=9)]
OTHERS = [dict(), dict(dport=53), dict(sport=5000), dict(proto=6, dport=80), dict(tos=0x10), dict(tos=0x20), dict(tos=0xb8), dict(proto=1), dict(src=7), dict(label=0x12345), dict(label=0x54321)]
socks = []
for i in range(5):
    s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
    s.bind(("w%d" % i, 3))
    socks.append(s)
# the router's side: sockets are made there
ns = os.open("/run/netns/r", os.O_RDONLY)
import ctypes
assert ctypes.CDLL(None).setns(ns, 0x40000000) == 0
ARP = bytes.fromhex("ffffffffffff020000000002") + struct.pack("!HHHBBH", 0x806, 1, 0x800, 6, 4, 1) + bytes.fromhex("020000000002") + socket.inet_aton("10.0.0.2") + bytes(6) + socket.inet_aton("10.0.0.1")
TO_R = bytes.fromhex("020000000001020000000002")


def own(six, n, kind=U, dport=9, sport=0, mark=0, uid=0, tos=0, dev="", src=0):
    if uid:
        os.setresuid(uid, uid, 0)
    s = socket.socket(socket.AF_INET6 if six else socket.AF_INET, kind)
    if uid:
        os.setresuid(0, 0, 0)
    try:
        s.setblocking(False)
        if mark:
            s.setsockopt(socket.SOL_SOCKET, 36, mark)
        if tos:
            s.setsockopt(*((41, 67) if six else (0, 1)), tos)
        if dev:
            s.setsockopt(socket.SOL_SOCKET, 25, dev.encode() + b"\0")
        if sport or src:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            s.bind((("2001:db8:%d::1" if six else "10.0.%d.1") % src if src else "", sport))
        to = ("2020::%x" if six else "20.0.0.%d") % n
        if kind == T:
            e = s.connect_ex((to, dport))
            return s, 0 if e == errno.EINPROGRESS else e
        s.sendto(b"x", (to, dport))
        return s, 0
    except OSError as e:
        return s, e.errno


def other(six, n, proto=17, dport=9, sport=7, tos=0, src=1, label=0):
    p = struct.pack("!BBHHH", 128 if six else 8, 0, 0, 0, 0) if proto == 1 else struct.pack("!HHIIBBHHH", sport, dport, 1, 0, 0x50, 2, 9, 0, 0) if proto == 6 else struct.pack("!HHHH", sport, dport, 8, 0)
    if six:
        return TO_R + b"\x86\xdd" + struct.pack("!IHBB", 6 << 28 | tos << 20 | label, len(p), 58 if proto == 1 else proto, 64) + socket.inet_pton(10, "3000::%d" % src) + socket.inet_pton(10, "2020::%x" % n) + p
    h = struct.pack("!BBHHHBBH4s4s", 0x45, tos, 20 + len(p), 1, 0, 64, proto, 0, socket.inet_aton("30.0.0.%d" % src), socket.inet_aton("20.0.0.%d" % n))
    s = sum(struct.unpack("!10H", h))
    s = (s & 0xffff) + (s >> 16)
    return TO_R + b"\x08\0" + h[:10] + struct.pack("!H", ~(s + (s >> 16)) & 0xffff) + h[12:] + p


LETTERS = {errno.ENETUNREACH: "u", errno.EACCES: "p", errno.EINVAL: "b", errno.EHOSTUNREACH: "h"}


def traffic(six):
    came, keep, out = {}, [], {}
    for n, o in enumerate(OWN):
        s, e = own(six, n + 1, **o)
        keep.append(s)
        if e:
            out[n + 1] = LETTERS.get(e, "?%d" % e)
    for n, o in enumerate(OTHERS):
        socks[0].send(other(six, n + 101, **o))
    socks[0].send(ARP)
    end, done = time.monotonic() + 20, False
    while not done and time.monotonic() < end:
        for s in select.select(socks, [], [], 1)[0]:
            for k in range(200):
                try:
                    d, where = s.recvfrom(2000, socket.MSG_DONTWAIT)
                except BlockingIOError:
                    break
                if where[2] == 4:
                    continue
                if d[12:14] == b"\x08\x06" and d[21] == 2:
                    done = True
                elif d[12:14] == (b"\x86\xdd" if six else b"\x08\0"):
                    to = d[38:54] if six else d[30:34]
                    if to[:2] == (b"\x20\x20" if six else b"\x14\0"):
                        came.setdefault(to[-1], socks.index(s))
    for s in select.select(socks, [], [], 0)[0]: # what was under way to the others when the answer was seen
        for k in range(200):
            try:
                d, where = s.recvfrom(2000, socket.MSG_DONTWAIT)
            except BlockingIOError:
                break
            to = d[38:54] if six else d[30:34]
            if where[2] != 4 and d[12:14] == (b"\x86\xdd" if six else b"\x08\0") and to[:2] == (b"\x20\x20" if six else b"\x14\0"):
                came.setdefault(to[-1], socks.index(s))
    return "".join(out.get(n + 1) or str(came.get(n + 1, ".")) for n in range(len(OWN))) + " " + "".join(str(came.get(n + 101, ".")) for n in range(len(OTHERS)))


def raw_rule(add, words):
    """@ FAMILY pref=N table=N KEY=VALUE...: dscp, dscp_mask (u8), flowlabel, flowlabel_mask (be32), sport_mask, dport_mask (u16), sport, dport (range)."""
    def attr(t, v):
        return struct.pack("=HH", 4 + len(v), t) + v + b"\0" * (-len(v) % 4)
    b = b""
    for w in words[1:]:
        k, v = w.split("=")
        v = int(v, 0)
        b += {"pref": lambda: attr(6, struct.pack("=I", v)), "table": lambda: attr(15, struct.pack("=I", v)), "dscp": lambda: attr(25, bytes([v])),
              "flowlabel": lambda: attr(26, struct.pack("!I", v)), "flowlabel_mask": lambda: attr(27, struct.pack("!I", v)), "sport_mask": lambda: attr(28, struct.pack("=H", v)),
              "dport_mask": lambda: attr(29, struct.pack("=H", v)), "dscp_mask": lambda: attr(30, bytes([v])), "sport": lambda: attr(23, struct.pack("=HH", v, v)),
              "dport": lambda: attr(24, struct.pack("=HH", v, v)), "proto": lambda: attr(22, bytes([v]))}[k]()
    body = struct.pack("=BBBBBBBBI", 10 if words[0] == "6" else 2, 0, 0, 0, 0, 0, 0, 1, 0) + b
    s = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)
    s.setsockopt(270, 11, 1)
    s.send(struct.pack("=IHHII", 16 + len(body), 32 if add else 33, 0x605 if add else 5, 1, 0) + body)
    d = s.recv(4096)
    code = struct.unpack_from("=i", d, 16)[0]
    if code and add:
        at = 20 + struct.unpack_from("=I", d, 20)[0]
        while at + 4 <= len(d): # the extended acknowledgement: 1 a text, 2 where, 5 what is missing
            n, t = struct.unpack_from("=HH", d, at)
            v = d[at + 4:at + n]
            print("  netlink: %d %d %s" % (code, t & 0x3fff, v.rstrip(b"\0").decode("latin1") if t == 1 else struct.unpack("=I", v)[0] if len(v) == 4 else "..."))
            at += (n + 3) & ~3


def command(verb, c):
    words = c.split()
    if words[0] == "@":
        raw_rule(verb == "add", words[1:])
        return
    six = words[0] == "-6"
    r = subprocess.run(["ip", *(["-6"] if six else []), "rule", verb, *words[six:]], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if r.stdout and verb == "add":
        print("  ip:", r.stdout.strip())


for line in sys.stdin:
    rules = [c.strip() for c in line.strip().split(";") if c.strip()]
    print(line.strip() or "(no rules)")
    for c in rules:
        command("add", c)
    six = "-6" in line or "@ 6" in line
    for f in ([False, True] if not rules else [six]):
        print("  IPv%d %s" % (6 if f else 4, traffic(f)), flush=True)
    for c in rules:
        command("del", c)
