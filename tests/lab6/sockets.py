#!/usr/bin/env python3
"""AF_INET6 sockets against the book: dual stack, scopes, binding, options, control messages, errors. Prints what happened, a line each."""
import errno, os, socket, struct
from socket import *

def t(what, fn):
    try:
        r = fn()
        print(what, "=", r)
        return r
    except OSError as e:
        print(what, "!", errno.errorcode.get(e.errno, e.errno))

def opts(kind):
    s = socket(AF_INET6, kind)
    for n in ("IPV6_V6ONLY", "IPV6_UNICAST_HOPS", "IPV6_MULTICAST_HOPS", "IPV6_MULTICAST_LOOP", "IPV6_MULTICAST_IF", "IPV6_TCLASS",
              "IPV6_RECVTCLASS", "IPV6_RECVPKTINFO", "IPV6_RECVHOPLIMIT", "IPV6_DONTFRAG"):
        t(n, lambda: s.getsockopt(IPPROTO_IPV6, globals()[n]))
    for name, n in (("MTU", 24), ("MTU_DISCOVER", 23), ("RECVERR", 25), ("MULTICAST_ALL", 29), ("FLOWINFO_SEND", 33), ("AUTOFLOWLABEL", 70),
                    ("ADDR_PREFERENCES", 72), ("MINHOPCOUNT", 73), ("UNICAST_IF", 76), ("RECVFRAGSIZE", 77), ("FREEBIND", 78), ("nothing", 99)):
        t(name, lambda: s.getsockopt(IPPROTO_IPV6, n))
    for n, v in ((16, 256), (16, -1), (16, 7), (18, 256), (18, -1), (19, 2), (17, 99), (23, 6), (23, 2), (24, 1000), (24, 1400), (67, 256),
                 (67, -1), (67, 0x42), (73, 256), (26, 1), (72, 3), (72, 1), (70, 0), (99, 1), (62, 1)):
        t("set %d %d" % (n, v), lambda: s.setsockopt(IPPROTO_IPV6, n, v))
    t("hops now", lambda: s.getsockopt(IPPROTO_IPV6, IPV6_UNICAST_HOPS))
    t("class now", lambda: s.getsockopt(IPPROTO_IPV6, IPV6_TCLASS))
    t("short", lambda: s.setsockopt(IPPROTO_IPV6, IPV6_UNICAST_HOPS, b"\1"))
    t("v4 ttl", lambda: s.getsockopt(IPPROTO_IP, IP_TTL))
    s.close()

for k in (SOCK_STREAM, SOCK_DGRAM):
    print("options", k)
    opts(k)
print("v6 options on v4")
s = socket(AF_INET, SOCK_DGRAM)
t("get", lambda: s.getsockopt(IPPROTO_IPV6, IPV6_V6ONLY))
t("set", lambda: s.setsockopt(IPPROTO_IPV6, IPV6_V6ONLY, 1))

print("bind")
def bound(addr, v6only=0, fam=AF_INET6, kind=SOCK_STREAM):
    s = socket(fam, kind)
    if fam == AF_INET6:
        s.setsockopt(IPPROTO_IPV6, IPV6_V6ONLY, v6only)
    s.bind(addr)
    return s
for kind in (SOCK_STREAM, SOCK_DGRAM):
    for a, b, ba, bb in (("::", "0.0.0.0", 0, 0), ("::", "0.0.0.0", 1, 0), ("::", "::ffff:0.0.0.0", 0, 0), ("::1", "127.0.0.1", 0, 0), ("::", "::1", 0, 0),
                         ("::ffff:127.0.0.1", "127.0.0.1", 0, 0), ("::1", "0.0.0.0", 0, 0), ("::ffff:127.0.0.1", "::1", 0, 0)):
        x = bound((a, 7777), ba, AF_INET6, kind)
        t("%d %s/%d then %s" % (kind, a, ba, b), lambda: bound((b, 7777), bb, AF_INET if "." in b and ":" not in b else AF_INET6, kind).getsockname())
        x.close()
t("foreign", lambda: bound(("2001:db8:77::1", 0)))
t("link-local", lambda: bound(("fe80::ff:fe00:1", 0)))
t("link-local scoped", lambda: bound(("fe80::ff:fe00:1", 7778, 0, if_nametoindex("l0"))).getsockname())
t("wrong scope", lambda: bound(("fe80::ff:fe00:1", 7778, 0, 1)))
t("no scope", lambda: bound(("fe80::ff:fe00:1", 7778, 0, 99)))
t("group stream", lambda: bound(("ff02::1", 0, 0, 2)))
t("group dgram", lambda: bound(("ff02::1", 7779, 0, if_nametoindex("l0")), kind=SOCK_DGRAM).getsockname())
t("mapped v6only", lambda: bound(("::ffff:127.0.0.1", 0), 1))
def freebind():
    s = socket(AF_INET6, SOCK_DGRAM)
    s.setsockopt(IPPROTO_IPV6, 78, 1)
    s.bind(("2001:db8:77::1", 7780))
    return s.getsockname()
t("freebind", freebind)

print("connect")
for kind in (SOCK_STREAM, SOCK_DGRAM):
    for a in (("::1", 9), ("::ffff:127.0.0.1", 9), ("::", 9), ("2001:db8:99::1", 9), ("fe80::1", 9), ("ff02::1", 9), ("2001:db8:2::2", 81)):
        s = socket(AF_INET6, kind)
        s.settimeout(3)
        t("%d %s" % (kind, a[0]), lambda: (s.connect(a), s.getpeername()[0], s.getsockname()[0]))
        s.close()
    s = socket(AF_INET6, kind)
    s.setsockopt(IPPROTO_IPV6, IPV6_V6ONLY, 1)
    t("v6only to mapped", lambda: s.connect(("::ffff:127.0.0.1", 9)))
    s.close()

print("dual stack")
for kind in (SOCK_STREAM, SOCK_DGRAM):
    l = bound(("::", 7790), 0, AF_INET6, kind)
    if kind == SOCK_STREAM:
        l.listen()
    for fam, to in ((AF_INET, "127.0.0.1"), (AF_INET6, "::1"), (AF_INET6, "::ffff:127.0.0.1")):
        c = socket(fam, kind)
        c.settimeout(3)
        if kind == SOCK_STREAM:
            c.connect((to, 7790))
            a, peer = l.accept()
            print(to, peer[0], a.getsockname()[0], c.getsockname()[0])
            c.sendall(b"hello")
            print(a.recv(10))
            a.close()
        else:
            c.sendto(b"hello", (to, 7790))
            d, peer = l.recvfrom(10)
            print(to, d, peer[0])
            l.sendto(b"back", peer)
            print(c.recvfrom(10)[0])
        c.close()
    l.close()

print("control messages")
def names(cm):
    out = []
    for level, type, data in cm:
        if level == IPPROTO_IPV6 and type == IPV6_PKTINFO:
            data = (inet_ntop(AF_INET6, data[:16]), struct.unpack("=I", data[16:])[0])
        elif len(data) == 4:
            data = struct.unpack("=i", data)[0]
        out.append((level, type, data))
    return out
r = bound(("::", 7791), 0, kind=SOCK_DGRAM)
for o in (IPV6_RECVPKTINFO, IPV6_RECVHOPLIMIT, IPV6_RECVTCLASS):
    r.setsockopt(IPPROTO_IPV6, o, 1)
s = socket(AF_INET6, SOCK_DGRAM)
s.setsockopt(IPPROTO_IPV6, IPV6_TCLASS, 0x20)
s.sendto(b"a", ("::1", 7791))
print(names(r.recvmsg(10, 200)[1]))
s.sendmsg([b"b"], [(IPPROTO_IPV6, IPV6_HOPLIMIT, struct.pack("=i", 9)), (IPPROTO_IPV6, IPV6_TCLASS, struct.pack("=i", 0x44))], 0, ("2001:db8:1::2", 7791))
print(names(r.recvmsg(10, 200)[1]))
s.sendmsg([b"c"], [(IPPROTO_IPV6, IPV6_PKTINFO, inet_pton(AF_INET6, "2001:db8:1::2") + struct.pack("=I", 0))], 0, ("::1", 7791))
d, cm, f, peer = r.recvmsg(10, 200)
print(peer[0], names(cm))
for bad in ((IPV6_HOPLIMIT, struct.pack("=i", 256)), (IPV6_TCLASS, struct.pack("=i", 256)), (IPV6_HOPLIMIT, b"\1"), (99, b"1234"),
            (IPV6_PKTINFO, inet_pton(AF_INET6, "2001:db8:77::1") + struct.pack("=I", 0))):
    t("bad %d" % bad[0], lambda: s.sendmsg([b"x"], [(IPPROTO_IPV6,) + bad], 0, ("::1", 7791)))
v4 = socket(AF_INET, SOCK_DGRAM)
v4.sendto(b"d", ("127.0.0.1", 7791))
print(names(r.recvmsg(10, 200)[1]))

print("errors")
s = socket(AF_INET6, SOCK_DGRAM)
s.setsockopt(IPPROTO_IPV6, 25, 1)
s.settimeout(3)
s.connect(("::1", 9))
s.send(b"x")
t("recv", lambda: s.recvmsg(10))
s.settimeout(None)
d, cm, f, peer = s.recvmsg(100, 300, MSG_ERRQUEUE)
print(d, peer[:2], [(l, ty, len(x), struct.unpack("=IBBBBII", x[:16]), inet_ntop(AF_INET6, x[24:40])) for l, ty, x in cm])
s = socket(AF_INET6, SOCK_DGRAM)
s.setsockopt(IPPROTO_IPV6, 23, 2)
s.connect(("2001:db8:2::2", 9))
t("mtu", lambda: s.getsockopt(IPPROTO_IPV6, 24))
t("too long", lambda: s.sendmsg([b"x" * 1500]))
t("just right", lambda: s.sendmsg([b"x" * 1452]))
s = socket(AF_INET6, SOCK_DGRAM)
t("most", lambda: s.sendto(b"x" * 65527, ("::1", 9)))
t("more", lambda: s.sendto(b"x" * 65528, ("::1", 9)))
t("nowhere", lambda: socket(AF_INET6, SOCK_DGRAM).sendmsg([b"x"]))
t("port 0", lambda: socket(AF_INET6, SOCK_DGRAM).sendto(b"x", ("::1", 0)))

print("raw")
t("raw", lambda: socket(AF_INET6, SOCK_RAW, 58).close())
s = socket(AF_INET6, SOCK_RAW, 58)
s.settimeout(3)
f = bytes([0xff] * 16 + [0xfd] + [0xff] * 15)
t("filter", lambda: s.setsockopt(58, 1, f))
t("filter back", lambda: s.getsockopt(58, 1, 32) == f)
t("checksum off", lambda: s.setsockopt(IPPROTO_IPV6, IPV6_CHECKSUM, 2))
s.sendto(bytes([128, 0, 0, 0, 1, 2, 3, 4]) + b"data", ("::1", 0))
d, peer = s.recvfrom(100)
print(d[0], d[4:], peer[0])
s = socket(AF_INET6, SOCK_RAW, 253)
t("checksum at", lambda: s.getsockopt(IPPROTO_IPV6, IPV6_CHECKSUM))
t("checksum at 4", lambda: s.setsockopt(IPPROTO_IPV6, IPV6_CHECKSUM, 4))
t("checksum at 3", lambda: s.setsockopt(IPPROTO_IPV6, IPV6_CHECKSUM, 3))
r = socket(AF_INET6, SOCK_RAW, 253)
s.sendto(b"\0" * 4 + b"\0\0" + b"abcd", ("::1", 0))
print(r.recv(100))
t("too short for it", lambda: s.sendto(b"abc", ("::1", 0)))

print("groups")
s = bound(("::", 7792), kind=SOCK_DGRAM)
i = if_nametoindex("l0")
m = lambda g, i: inet_pton(AF_INET6, g) + struct.pack("=I", i)
t("join", lambda: s.setsockopt(IPPROTO_IPV6, IPV6_JOIN_GROUP, m("ff02::1234", i)))
t("again", lambda: s.setsockopt(IPPROTO_IPV6, IPV6_JOIN_GROUP, m("ff02::1234", i)))
t("no group", lambda: s.setsockopt(IPPROTO_IPV6, IPV6_JOIN_GROUP, m("2001:db8::1", i)))
t("no device", lambda: s.setsockopt(IPPROTO_IPV6, IPV6_JOIN_GROUP, m("ff02::1235", 99)))
c = socket(AF_INET6, SOCK_DGRAM)
c.sendto(b"to all", ("ff02::1234", 7792, 0, i))
s.settimeout(3)
d, peer = s.recvfrom(10)
print(d, peer[0], peer[3] == i)
t("leave", lambda: s.setsockopt(IPPROTO_IPV6, IPV6_LEAVE_GROUP, m("ff02::1234", i)))
t("leave again", lambda: s.setsockopt(IPPROTO_IPV6, IPV6_LEAVE_GROUP, m("ff02::1234", i)))
t("stream", lambda: socket(AF_INET6, SOCK_STREAM).setsockopt(IPPROTO_IPV6, IPV6_JOIN_GROUP, m("ff02::1234", i)))
