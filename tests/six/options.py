"""What a socket says of its packets and hears of those it gets: extension headers, flow labels and their leases, IPV6_PATHMTU,
IPV6_ROUTER_ALERT, IPV6_ADDRFORM, anycast addresses. Prints results; compare.py has what Linux 6.18 printed."""
import errno, socket, struct

V6, MTU = socket.IPPROTO_IPV6, 65536
ADDRFORM, O_PKTINFO, O_HOPOPTS, O_DSTOPTS, O_RTHDR, O_HOPLIMIT, FLOWINFO = 1, 2, 3, 4, 5, 8, 11
ROUTER_ALERT, RECVERR, JOIN_ANYCAST, LEAVE_ANYCAST, FL_MGR, FLOWINFO_SEND = 22, 25, 27, 28, 32, 33
RECVPKTINFO, RECVHOPLIMIT, RECVHOPOPTS, HOPOPTS, RTHDRDSTOPTS, RECVRTHDR, RTHDR, RECVDSTOPTS, DSTOPTS = 49, 51, 53, 54, 55, 56, 57, 58, 59
RECVPATHMTU, PATHMTU, DONTFRAG, RECVTCLASS, AUTOFLOWLABEL = 60, 61, 62, 66, 70
HOP = bytes.fromhex("0000010400000000")
HOP2 = bytes.fromhex("00001e0401020304")


def t(name, fn):
    try:
        print(name, "->", fn())
    except OSError as e:
        print(name, "->", errno.errorcode[e.errno])


def udp():
    return socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)


def addr(a):
    return socket.inet_pton(socket.AF_INET6, a)


def lease(dst, label, action, share, flags, expires=0, linger=0, opts=b""):
    return addr(dst) + struct.pack(">I", label) + struct.pack("BBHHHI", action, share, flags, expires, linger, 0) + opts


def cmsg(kind, data):
    return struct.pack("QII", 16 + len(data), V6, kind) + data


def segments(*a):
    return struct.pack("BBBBBBH", 0, 2 * len(a), 4, len(a) - 1, len(a) - 1, 0, 0) + b"".join(addr(x) for x in a)


rx = udp()
rx.bind(("::1", 5000))
rx.settimeout(10)


def heard():
    d, c, f, a = rx.recvmsg(100, 2000)
    print("   heard", len(d), [(k, v.hex()) for _, k, v in c])


print("-- what is heard")
for o in (FLOWINFO, RECVTCLASS, RECVDSTOPTS, RECVRTHDR, RECVHOPOPTS, RECVHOPLIMIT, RECVPKTINFO):
    rx.setsockopt(V6, o, 1)
a = udp()
t("flowinfo of one datagram", lambda: a.sendmsg([b"x"], [(V6, FLOWINFO, struct.pack(">I", 0x06512345))], 0, ("::1", 5000)))
heard()
a.setsockopt(V6, FLOWINFO_SEND, 1)
t("flowinfo of the address", lambda: a.sendto(b"x", ("::1", 5000, 0x12346, 0)))
heard()
a.connect(("::1", 5000, 0x12347, 0))
t("flowinfo of the peer", lambda: a.send(b"x"))
heard()
print(a.getpeername())
a.setsockopt(V6, AUTOFLOWLABEL, 0)
b = udp()
b.setsockopt(V6, AUTOFLOWLABEL, 0)

print("-- extension headers")
for name, o in ("hop-by-hop", HOPOPTS), ("destination", DSTOPTS), ("destination before routing", RTHDRDSTOPTS):
    t(name, lambda: b.setsockopt(V6, o, HOP))
    t(name, lambda: b.getsockopt(V6, o, 64))
b.sendto(b"x", ("::1", 5000))
heard()
t("of one datagram", lambda: b.sendmsg([b"x"], [(V6, DSTOPTS, HOP2)], 0, ("::1", 5000)))
heard()
b.sendto(b"x" * 2000, ("::1", 5000))
heard()
t("two hop-by-hop", lambda: b.sendmsg([b"x"], [(V6, HOPOPTS, HOP), (V6, HOPOPTS, HOP)], 0, ("::1", 5000)))
t("two destination", lambda: b.sendmsg([b"x"], [(V6, DSTOPTS, HOP), (V6, DSTOPTS, HOP2)], 0, ("::1", 5000)))
heard()
t("too short", lambda: b.sendmsg([b"x"], [(V6, DSTOPTS, HOP[:4])], 0, ("::1", 5000)))
t("longer than it is", lambda: b.sendmsg([b"x"], [(V6, DSTOPTS, b"\0\1" + HOP[2:])], 0, ("::1", 5000)))
for o in (O_PKTINFO, O_HOPOPTS, O_DSTOPTS, O_RTHDR, O_HOPLIMIT):
    rx.setsockopt(V6, o, 1)
b.sendto(b"x", ("::1", 5000))
heard()
for o in (O_PKTINFO, O_HOPOPTS, O_DSTOPTS, O_RTHDR, O_HOPLIMIT):
    rx.setsockopt(V6, o, 0)
for kind in 0, 2, 3, 4:
    rt = struct.pack("BBBBI", 0, 2, kind, 1, 0) + addr("2001:db8::5")
    t("routing header of type %d" % kind, lambda: b.setsockopt(V6, RTHDR, rt))
for s in ("::",), ("::", "2001:db8::5"), ("2001:db8::9", "2001:db8::5", "2001:db8::6"):
    t("%d segments" % len(s), lambda: b.setsockopt(V6, RTHDR, segments(*s)))
    t("%d segments" % len(s), lambda: b.getsockopt(V6, RTHDR, 64))
t("of one datagram", lambda: b.sendmsg([b"x"], [(V6, RTHDR, segments("::", "::1"))], 0, ("::1", 5000)))
t("none", lambda: b.setsockopt(V6, RTHDR, b""))
t("none", lambda: b.getsockopt(V6, RTHDR, 64))

print("-- the path's MTU")
c = udp()
for o in RECVPATHMTU, DONTFRAG, RECVERR:
    c.setsockopt(V6, o, 1)
c.setblocking(False)
t("too long", lambda: c.sendto(b"x" * 65530, ("::1", 5000)))
t("told", lambda: c.recvmsg(100, 200))
t("told once", lambda: c.recvmsg(100, 200))
t("error queue", lambda: c.recvmsg(100, 500, socket.MSG_ERRQUEUE)[:2])
t("not connected", lambda: c.getsockopt(V6, PATHMTU, 32))
c.connect(("::1", 5000))
for n in 31, 32, 40:
    t("connected, %d" % n, lambda: c.getsockopt(V6, PATHMTU, n))

print("-- leases of flow labels")
d, e = udp(), udp()
for s in d, e:
    s.setsockopt(V6, FLOWINFO_SEND, 1)
for r in [("::1", 0x12345, 0, 255, 1), ("::1", 0x12345, 0, 255, 1), ("::1", 0x12345, 0, 255, 3), ("::1", 0x12346, 0, 0, 1), ("::1", 0x99999, 0, 255, 0),
          ("::ffff:1.2.3.4", 0x78, 0, 255, 1), ("::", 0x79, 0, 255, 1), ("::1", 0x112345, 0, 255, 1), ("::1", 0x12345, 1, 0, 0), ("::1", 0x12345, 1, 0, 0),
          ("::1", 0x12345, 1, 0, 0), ("::1", 0x12345, 2, 0, 0), ("::1", 0x12345, 2, 1, 0), ("::1", 0, 0, 0, 4), ("::1", 0, 0, 0, 8), ("::1", 0x12, 3, 0, 0)]:
    t("lease %s %x action %d share %d flags %d" % r, lambda: d.setsockopt(V6, FL_MGR, lease(*r)))
t("not leased", lambda: d.sendto(b"x", ("::1", 5000, 0x33, 0)))
heard()
t("for one", lambda: d.setsockopt(V6, FL_MGR, lease("::1", 0x44, 0, 1, 1, 1000, 1000)))
t("not leased", lambda: d.sendto(b"x", ("::1", 5000, 0x33, 0)))
t("leased", lambda: d.sendto(b"x", ("::1", 5000, 0x44, 0)))
heard()
t("by another", lambda: e.sendto(b"x", ("::1", 5000, 0x44, 0)))
t("by another", lambda: e.connect(("::1", 5000, 0x44, 0)))
t("by another", lambda: e.sendmsg([b"x"], [(V6, FLOWINFO, struct.pack(">I", 0x44))], 0, ("::1", 5000)))
t("another's lease", lambda: e.setsockopt(V6, FL_MGR, lease("::1", 0x44, 0, 1, 1)))
t("with options", lambda: d.setsockopt(V6, FL_MGR, lease("::1", 0x55, 0, 255, 1, 1000, 1000, cmsg(HOPOPTS, HOP))))
t("with options behind a fragment header", lambda: d.setsockopt(V6, FL_MGR, lease("::1", 0x56, 0, 255, 1, 0, 0, cmsg(DSTOPTS, HOP))))
t("sent", lambda: d.sendto(b"x", ("::1", 5000, 0x55, 0)))
heard()
t("which", lambda: d.getsockopt(V6, FL_MGR, 32))
d.connect(("::1", 5000, 0x55, 0))
t("which", lambda: d.getsockopt(V6, FL_MGR, 32)[:22])
for line in open("/proc/net/ip6_flowlabel"):
    f = line.split()
    if f[0] in ("Label", "00044", "00055"):
        print(f[:5], f[6:])

print("-- router alert")
w = socket.socket(socket.AF_INET6, socket.SOCK_RAW, 255)
for v in 0, 0, -1, -1, 5:
    t("value %d" % v, lambda: w.setsockopt(V6, ROUTER_ALERT, v))
    t("get", lambda: w.getsockopt(V6, ROUTER_ALERT))
w = socket.socket(socket.AF_INET6, socket.SOCK_RAW, 89)
t("of another protocol", lambda: w.setsockopt(V6, ROUTER_ALERT, 0))

print("-- address form")
f = udp()
t("not connected", lambda: f.setsockopt(V6, ADDRFORM, socket.AF_INET))
f.connect(("::ffff:127.0.0.1", 5001))
t("connected", lambda: f.getsockopt(V6, ADDRFORM))
t("to IPv4", lambda: f.setsockopt(V6, ADDRFORM, socket.AF_INET))
t("domain", lambda: f.getsockopt(socket.SOL_SOCKET, socket.SO_DOMAIN))
t("an option of IPv6", lambda: f.getsockopt(V6, 16))
t("an option of IPv4", lambda: f.getsockopt(0, 2))
g = socket.socket(fileno=f.detach())
print(g.family, g.getsockname()[0], g.getpeername())
h = udp()
h.connect(("::1", 5001))
t("of an address of IPv6", lambda: h.setsockopt(V6, ADDRFORM, socket.AF_INET))
srv = socket.socket(socket.AF_INET6, socket.SOCK_STREAM)
srv.bind(("::", 5002))
srv.listen()
k = socket.create_connection(("127.0.0.1", 5002))
s, _ = srv.accept()
t("of a connection", lambda: s.setsockopt(V6, ADDRFORM, socket.AF_INET))
s = socket.socket(fileno=s.detach())
print(s.family, s.getsockname())
s.sendall(b"over IPv4")
print(k.recv(20))

print("-- anycast addresses")
g = udp()
for a, i in ("2001:db8::99", 1), ("2001:db8::99", 1), ("ff02::99", 1), ("2001:db8::1", 1), ("2001:db8::98", 0), ("2001:db8::98", 77), ("2001:db9::98", 0):
    t("join %s %d" % (a, i), lambda: g.setsockopt(V6, JOIN_ANYCAST, addr(a) + struct.pack("I", i)))
print(open("/proc/net/anycast6").read())
for a, i in ("2001:db8::99", 1), ("2001:db8::99", 1), ("2001:db8::99", 1), ("2001:db8::98", 0):
    t("leave %s %d" % (a, i), lambda: g.setsockopt(V6, LEAVE_ANYCAST, addr(a) + struct.pack("I", i)))
print(open("/proc/net/anycast6").read())
