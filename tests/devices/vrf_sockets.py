#!/usr/bin/env python3
"""Sockets and VRFs, for vrf_sockets.sh: one program that goes from namespace to namespace (r: the router with the VRFs red and blue; a and
b: a neighbour in each). Everything asked is answered, by who heard it or by an error, so that nothing depends on a clock."""
import ctypes, os, select, socket, struct, sys

libc = ctypes.CDLL(None, use_errno=True)
WAIT = 3 if not os.environ.get("WEFT") else 4  # the longest that anybody waits for an answer that does not come
SIX = sys.argv[1] == "6"
FAMILY = socket.AF_INET6 if SIX else socket.AF_INET
LEVEL = socket.IPPROTO_IPV6 if SIX else socket.IPPROTO_IP
R, PEER, ON_RED, ON_LO, NONE = (
    ("2001:db8:1::1", "2001:db8:1::2", "2001:db8:9::9", "2001:db8:8::8", "2001:db8:5::5") if SIX else ("10.1.1.1", "10.1.1.2", "10.9.9.9", "10.8.8.8", "10.5.5.5")
)
RECVERR, PKTINFO, RECVPKTINFO = (25, 50, 49) if SIX else (11, 8, 8)


def enter(ns):
    fd = os.open("/run/netns/" + ns, os.O_RDONLY)
    if libc.setns(fd, 0x40000000):
        raise OSError(ctypes.get_errno(), "setns")
    os.close(fd)


def sysctl(name, value):
    enter("r")
    with open("/proc/sys/net/" + name, "w") as f:
        f.write(str(value))


def where(s):
    return s.getsockopt(socket.SOL_SOCKET, 25, 16).rstrip(b"\0").decode() or "none"


def sock(ns, kind, dev, proto=253):
    enter(ns)
    types = {"tcp": (socket.SOCK_STREAM, 0), "udp": (socket.SOCK_DGRAM, 0), "raw": (socket.SOCK_RAW, proto), "ping": (socket.SOCK_DGRAM, 58 if SIX else 1)}
    s = socket.socket(FAMILY, *types[kind])
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if dev:
        s.setsockopt(socket.SOL_SOCKET, 25, dev.encode() + b"\0")
    return s


def listen(ns, kind, *devs):
    ss = []
    for dev in devs:
        s = sock(ns, kind, dev)
        try:
            if kind != "raw":
                s.bind(("", 80))
            if kind == "tcp":
                s.listen()
            s.setsockopt(LEVEL, RECVPKTINFO, 1)
            ss.append(s)
        except OSError as e:
            print("  bind on %s: %s" % (dev or "none", e.strerror))
    print("  listening:", *[where(s) for s in ss])
    return ss


def answer(kind, s):
    if kind == "tcp":
        c, _ = s.accept()
        c.send(("%s, accepted on %s" % (where(s), where(c))).encode())
        c.close()
        return
    m, anc, _, peer = s.recvmsg(200, 200)
    info = [d for l, t, d in anc if (l, t) == (LEVEL, PKTINFO)][0]
    try:
        s.sendmsg([where(s).encode()], [(LEVEL, PKTINFO, info)], 0, peer)
    except OSError as e:
        print("  %s heard it, but cannot answer: %s" % (where(s), e.strerror))


def ask(ns, kind, to, dev=None, listeners=()):
    name = "%s: %s to %s%s:" % (ns, kind, to, " on " + dev if dev else "")
    c = sock(ns, kind, dev, 253)
    try:
        if kind == "raw":
            c.setsockopt(LEVEL, RECVERR, 1)
            c.connect((to, 0))
            c.send(b"x")
            with sock(ns, "udp", dev) as after:  # what is refused after it says that it has been heard, or not
                after.connect((to, 9))
                after.send(b"x")
                select.select([after], [], [], WAIT)
            r = select.select(listeners, [], [], 0)[0]
            for s in r:
                s.recv(200)
            return print(" ", name, "heard by", *([where(s) for s in r] or ["nobody"]))
        else:
            c.setsockopt(LEVEL, RECVERR, 1)
            c.setblocking(False)
            e = c.connect_ex((to, 80))
            if e and e != 115:
                raise OSError(e, os.strerror(e))
            if kind == "udp":
                c.send(b"x")
        connecting = kind == "tcp"
        while True:
            r, w, _ = select.select([*listeners, c], [c] if connecting else [], [], WAIT)
            if not r and not w:
                return print(" ", name, "nothing")
            if c in w or (c in r and not connecting):
                e = c.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
                if e:
                    raise OSError(e, os.strerror(e))
                if connecting:
                    connecting = False
                    continue
                m = c.recv(200)
                return print(" ", name, "heard by", m.decode())
            for s in listeners:
                if s in r:
                    answer(kind, s)
    except OSError as e:
        print(" ", name, e.strerror)
    finally:
        c.close()


def close(ss):
    for s in ss:
        s.close()


print("-- where what may be bound")
for dev in None, "red", "blue", "toa", "tob":
    for addr in R, ON_RED, ON_LO, NONE, "::1" if SIX else "127.0.0.1", "ff02::5" if SIX else "224.0.0.5", "::ffff:10.1.1.1" if SIX else "0.0.0.0":
        said = []
        for kind in "udp", "tcp", "raw", "ping":
            try:
                with sock("r", kind, dev) as s:
                    s.bind((addr, 0))
                said.append(kind + " ok")
            except OSError as e:
                said.append(kind + " " + e.strerror)
        print("  %s on %s: %s" % (addr, dev or "none", ", ".join(said)))

print("-- binding and binding again")
s = sock("r", "udp", "red")
for dev in "red", "blue", "toa", "", "nosuch", "red":
    try:
        s.setsockopt(socket.SOL_SOCKET, 25, dev.encode())
        print("  %s: %s" % (dev or "none", where(s)))
    except OSError as e:
        print("  %s: %s" % (dev or "none", e.strerror))
s.close()

for kind in "tcp", "udp", "raw":
    for accept in 0, 1:
        print("-- %s_l3mdev_accept=%d" % (kind, accept))
        sysctl("ipv4/%s_l3mdev_accept" % kind, accept)
        for devs in ("red", "blue"), (None,), (None, "red"), ("red", None), ("toa",), ("red", "toa"), ("toa", "tob"):
            ls = listen("r", kind, *devs)
            for ns in "a", "b":
                ask(ns, kind, R, None, ls)
            if kind != "raw":  # one that sends to itself hears itself
                ask("r", kind, ON_LO, None, ls)
                ask("r", kind, ON_RED, "red", ls)
                ask("r", kind, R, "red", ls)
                ask("r", kind, R, "toa", ls)
            close(ls)
    sysctl("ipv4/%s_l3mdev_accept" % kind, 0)

for kind in "tcp", "udp":
    print("-- %s out of a VRF" % kind)
    ls = listen("a", kind, None)
    for dev in "red", "toa", "blue", "tob", None:
        ask("r", kind, PEER, dev, ls)
    close(ls)
    print("-- %s inside one" % kind)
    ls = listen("r", kind, "red")
    for dev in "red", "toa", "blue", None:
        for to in ON_RED, R:
            ask("r", kind, to, dev, ls)
    close(ls)

print("-- a source of another VRF")
for dev in None, "red", "blue":
    for src in R, ON_RED, ON_LO:
        enter("r")
        s = sock("r", "udp", dev)
        try:
            s.bind((src, 0))
            s.connect((PEER, 9))
            print("  %s on %s: ok" % (src, dev or "none"))
        except OSError as e:
            print("  %s on %s: %s" % (src, dev or "none", e.strerror))
        s.close()
