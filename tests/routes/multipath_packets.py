"""multipath.sh's packets, all of them for each line on stdin: sent into the router by w0, and by which of w1 to w4 each comes out (.: not at
all, within 20 s)."""
import select, socket, struct, sys, time

TO_R = bytes.fromhex("020000000001") + bytes.fromhex("020000000002")
MARK = b"Mark"


def sum16(b):
    b += b"\0" * (len(b) & 1)
    s = sum(struct.unpack("!%dH" % (len(b) // 2), b))
    while s >> 16:
        s = (s & 0xffff) + (s >> 16)
    return ~s & 0xffff


def ip4(src, dst, proto, payload, ttl=64, frag=0, opts=b""):
    h = struct.pack("!BBHHHBBH4s4s", 0x45 + len(opts) // 4, 0, 20 + len(opts) + len(payload), 1, frag, ttl, proto, 0, socket.inet_aton(src), socket.inet_aton(dst)) + opts
    return h[:10] + struct.pack("!H", sum16(h)) + h[12:] + payload


def ip6(src, dst, proto, payload, hops=64, label=0):
    return struct.pack("!IHBB", 6 << 28 | label, len(payload), proto, hops) + socket.inet_pton(socket.AF_INET6, src) + socket.inet_pton(socket.AF_INET6, dst) + payload


def udp(sport, dport):
    return struct.pack("!HHHH", sport, dport, 16, 0) + b"padding."


def tcp(sport, dport):
    return struct.pack("!HHIIBBHHH", sport, dport, 1, 0, 0x50, 2, 1000, 0, 0)


def icmp(kind, quoted):
    p = struct.pack("!BBHI", kind, 0, 0, 0) + quoted
    return p[:2] + struct.pack("!H", sum16(p)) + p[4:]


def gre(proto, payload, flags=0, key=b""):
    return struct.pack("!HH", flags, proto) + key + payload


N = range(1, 25)
A, B = "30.0.0.1", "20.0.0.1"
A6, B6 = "3000::1", "2020::1"
inner4 = lambda i: ip4("40.0.0.%d" % i, "50.0.0.1", 17, udp(i, 9))
inner6 = lambda i: ip6("4000::%x" % i, "5000::1", 17, udp(i, 9), label=i * 99)
ports4 = lambda i: ip4("40.0.0.1", "50.0.0.1", 6, tcp(i, 9))
ports6 = lambda i: ip6("4000::1", "5000::1", 6, tcp(i, 9))
eth = b"\1\2\3\4\5\6\1\2\3\4\5\7"
kinds = [
    ("4 udp ports", lambda i: ip4(A, B, 17, udp(i, 7))),
    ("4 reverse udp ports", lambda i: ip4(A, B, 17, udp(7, i))),
    ("4 tcp ports", lambda i: ip4(A, B, 6, tcp(i, 80))),
    ("4 addresses", lambda i: ip4("30.0.0.%d" % i, "20.0.%d.1" % i, 17, udp(5, 5))),
    ("4 protocols", lambda i: ip4(A, B, 100 + i, b"12345678")),
    ("4 sctp", lambda i: ip4(A, B, 132, udp(i, 7))),
    ("4 esp", lambda i: ip4(A, B, 50, struct.pack("!II", i, 1))),
    ("4 ah", lambda i: ip4(A, B, 51, struct.pack("!BBHIII", 17, 4, 0, i, 1, 0))),
    ("4 options", lambda i: ip4(A, B, 17, udp(i, 7), opts=b"\1\1\1\0")),
    ("4 first fragments", lambda i: ip4(A, B, 17, udp(i, 7), frag=0x2000)),
    ("4 later fragments", lambda i: ip4(A, B, 17, udp(i, 7), frag=0x2010)),
    ("4 echo", lambda i: ip4("30.0.0.%d" % i, B, 1, icmp(8, b"payload."))),
    ("4 unreachable", lambda i: ip4("30.0.0.3", B, 1, icmp(3, ip4(B, "60.0.0.%d" % i, 17, udp(i, 7))))),
    ("4 time exceeded", lambda i: ip4("30.0.0.3", B, 1, icmp(11, ip4(B, "60.0.0.%d" % i, 17, udp(i, 7))))),
    ("4 ipip", lambda i: ip4(A, B, 4, inner4(i))),
    ("4 ipip ports", lambda i: ip4(A, B, 4, ports4(i))),
    ("4 sit", lambda i: ip4(A, B, 41, inner6(i))),
    ("4 sit ports", lambda i: ip4(A, B, 41, ports6(i))),
    ("4 gre", lambda i: ip4(A, B, 47, gre(0x800, inner4(i)))),
    ("4 gre ports", lambda i: ip4(A, B, 47, gre(0x800, ports4(i)))),
    ("4 gre key seq csum", lambda i: ip4(A, B, 47, gre(0x86dd, inner6(i), 0xb000, b"abcdefghijkl"))),
    ("4 gre ethernet", lambda i: ip4(A, B, 47, gre(0x6558, eth + b"\x08\0" + inner4(i)))),
    ("4 gre vlan", lambda i: ip4(A, B, 47, gre(0x6558, eth + b"\x81\0\0\5\x08\0" + inner4(i)))),
    ("4 gre routing", lambda i: ip4(A, B, 47, gre(0x800, inner4(i), 0x4000))),
    ("4 gre version 1", lambda i: ip4(A, B, 47, gre(0x880b, b"\xff\3\0\x21" + inner4(i), 0x2001, b"\0\4\0\0"))),
    ("4 gre other", lambda i: ip4(A, B, 47, gre(0x1234, inner4(i)))),
    ("4 ipip ipip", lambda i: ip4(A, B, 4, ip4("40.0.0.1", "50.0.0.1", 4, inner4(i)))),
    ("4 ipip fragment inside", lambda i: ip4(A, B, 4, ip4("40.0.0.1", "50.0.0.1", 17, udp(i, 7), frag=0x2000))),
    ("6 udp ports", lambda i: ip6(A6, B6, 17, udp(i, 7))),
    ("6 tcp ports", lambda i: ip6(A6, B6, 6, tcp(80, i))),
    ("6 addresses", lambda i: ip6("3000::%x" % i, B6, 17, udp(5, 5))),
    ("6 labels", lambda i: ip6(A6, B6, 17, udp(5, 5), label=i * 4097)),
    ("6 labels' ends", lambda i: ip6(A6, B6, 17, udp(5, 5), label=i)),
    ("6 protocols", lambda i: ip6(A6, B6, 150 + i, b"12345678")),
    ("6 hop-by-hop", lambda i: ip6(A6, B6, 0, b"\x11\0\1\4\0\0\0\0" + udp(i, 7))),
    ("6 destination options", lambda i: ip6(A6, B6, 60, b"\x06\0\1\4\0\0\0\0" + tcp(i, 7))),
    ("6 fragments", lambda i: ip6(A6, B6, 44, struct.pack("!BBHI", 17, 0, 1, i) + udp(i, 7))),
    ("6 later fragments", lambda i: ip6("3000::%x" % i, B6, 44, struct.pack("!BBHI", 17, 0, 801, i) + udp(i, 7))),
    ("6 echo", lambda i: ip6("3000::%x" % i, B6, 58, struct.pack("!BBHHH", 128, 0, 0, i, 1))),
    ("6 unreachable", lambda i: ip6("3000::3", B6, 58, struct.pack("!BBHI", 1, 0, 0, 0) + ip6(B6, "6000::%x" % i, 17, udp(i, 7), label=i * 4097))),
    ("6 too big", lambda i: ip6("3000::3", B6, 58, struct.pack("!BBHI", 2, 0, 0, 1280) + ip6(B6, "6000::%x" % i, 6, tcp(i, 7)))),
    ("6 ipip6", lambda i: ip6(A6, B6, 4, inner4(i))),
    ("6 ip6ip6", lambda i: ip6(A6, B6, 41, inner6(i))),
    ("6 ip6ip6 ports", lambda i: ip6(A6, B6, 41, ports6(i))),
    ("6 gre", lambda i: ip6(A6, B6, 47, gre(0x86dd, inner6(i), 0x2000, b"keyk"))),
    ("6 gre 4", lambda i: ip6(A6, B6, 47, gre(0x800, inner4(i)))),
    # the router's own errors go back the way that such a packet's flow goes
    ("4 too far", lambda i: ip4("20.0.0.%d" % i, "30.0.0.5", 17, udp(i, 7), ttl=1)),
    ("4 too far ports", lambda i: ip4(B, "30.0.0.5", 17, udp(i, 7), ttl=1)),
    ("6 too far", lambda i: ip6("2020::%x" % i, "3000::5", 17, udp(i, 7), hops=1, label=i * 4097)),
    ("6 too far ports", lambda i: ip6(B6, "3000::5", 17, udp(i, 7), hops=1)),
]

socks = []
for i in range(5):
    s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 21)
    s.bind(("w%d" % i, 3))
    socks.append(s)
came = {}


def receive(end):
    for s in select.select(socks, [], [], max(0, end - time.monotonic()))[0]:
        for k in range(100):
            try:
                data, where = s.recvfrom(2000, socket.MSG_DONTWAIT)
            except BlockingIOError:
                break
            at = data.rfind(MARK)
            if where[2] != 4 and at >= 0:  # not what we sent
                came[struct.unpack_from("!H", data, at + 4)[0]] = socks.index(s)


def frame(make, number, i):
    p = make(i)
    six = p[0] >> 4 == 6
    tail = MARK + struct.pack("!H", number)
    if six:
        p = p[:4] + struct.pack("!H", len(p) - 40 + len(tail)) + p[6:]
    else:
        n = (p[0] & 15) * 4
        p = p[:2] + struct.pack("!H", len(p) + len(tail)) + p[4:10] + b"\0\0" + p[12:]
        p = p[:10] + struct.pack("!H", sum16(p[:n])) + p[12:]
    return TO_R + (b"\x86\xdd" if six else b"\x08\0") + p + tail


frames = [[frame(make, k * 64 + i, i) for i in N] for k, (name, make) in enumerate(kinds)]
for title in sys.stdin:
    came.clear()
    for of_kind in frames:
        for f in of_kind:
            socks[0].send(f)
        receive(time.monotonic())
    end = time.monotonic() + 20
    while len(came) < len(kinds) * len(N) and time.monotonic() < end:
        receive(time.monotonic() + 0.1)
    print(title, end="")
    for k, (name, make) in enumerate(kinds):
        print("%-26s%s" % (name, "".join(str(came.get(k * 64 + i, ".")) for i in N)))
    print("end", flush=True)
