#!/usr/bin/env python3
"""Multicast forwarding by its socket API, as a routing program uses it (linux/mroute.h, linux/mroute6.h): what a router answers, forwards,
reports and counts. Prints it all; compare.py runs it on Linux (recorded) and under weft. Namespaces: a sender, a router, two receivers.

    scenario.py 4|6 NAME...     the parts of these names, or all"""
import ctypes, errno, fcntl, os, re, select, socket, struct, subprocess, sys

V6 = sys.argv[1] == "6"
libc = ctypes.CDLL(None, use_errno=True)
pre = "mr%d" % os.getpid()
HOSTS = ["snd", "rtr", "ra", "rb"]
LEVEL = 41 if V6 else 0
G1, G2 = ("ff0e::1:1", "ff0e::1:2") if V6 else ("239.1.1.1", "239.1.1.2")
SRC = "2001:db8:1::1" if V6 else "10.1.1.1"
INIT, DONE, ADD_VIF, DEL_VIF, ADD_MFC, DEL_MFC, VERSION, ASSERT, PIM, TABLE, ADD_PROXY, DEL_PROXY, FLUSH = range(200, 213)
IN, A, B = 11, 21, 31  # the router's devices


def sh(cmd):
    return subprocess.run(cmd, shell=True, capture_output=True, text=True)


def ip(host, args, show=False):
    r = sh("ip -n %s-%s %s" % (pre, host, args))
    if show or r.returncode:
        print("%s: ip %s" % (host, args.replace(pre, "")))
        print(re.sub(r"Age [0-9.]+", "Age", r.stdout + r.stderr).rstrip())
    return r.stdout


def enter(host):
    fd = os.open("/run/netns/%s-%s" % (pre, host), os.O_RDONLY)
    if libc.setns(fd, 0x40000000):
        raise OSError(ctypes.get_errno(), "setns")
    os.close(fd)


def sock(host, *args):
    enter(host)
    return socket.socket(*args)


def say(what, fn):
    try:
        r = fn()
        print(what, "=", r.hex() if isinstance(r, bytes) else r)
    except OSError as e:
        print(what, "=", errno.errorcode[e.errno])


def setup():
    for h in HOSTS:
        sh("ip netns add %s-%s" % (pre, h))
        for f in ("all", "default"):
            sh("ip netns exec %s-%s sh -c 'echo 0 >/proc/sys/net/ipv6/conf/%s/accept_dad; echo 0 >/proc/sys/net/ipv6/conf/%s/router_solicitations'" % (pre, h, f, f))
        ip(h, "link set lo up")
    for host, index, dev in (("snd", IN, "din"), ("ra", A, "outa"), ("rb", B, "outb")):
        ip("rtr", "link add %s index %d address 02:00:00:00:00:%02x type veth peer name eth0 index %d address 02:00:00:00:00:%02x netns %s-%s" %
           (dev, index, index, index + 1, index + 1, pre, host))
        net = index // 10
        ip("rtr", "addr add 10.1.%d.254/24 dev %s" % (net, dev))
        ip(host, "addr add 10.1.%d.1/24 dev eth0" % net)
        ip("rtr", "addr add 2001:db8:%d::fe/64 dev %s nodad" % (net, dev))
        ip(host, "addr add 2001:db8:%d::1/64 dev eth0 nodad" % net)
        ip("rtr", "link set %s up" % dev)
        ip(host, "link set eth0 up")
        ip(host, "route add default via 10.1.%d.254" % net)
        ip(host, "route add default via 2001:db8:%d::fe" % net)
    for host in HOSTS:  # until addresses can be used
        for _ in range(100):
            if "tentative" not in ip(host, "-6 addr"):
                break
            select.select([], [], [], 0.02)


def cleanup():
    for h in HOSTS:
        sh("ip netns del %s-%s" % (pre, h))


def sender(ttl=5, host="snd", dev=12, bind=None, loop=1):
    s = sock(host, socket.AF_INET6 if V6 else socket.AF_INET, socket.SOCK_DGRAM)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if V6:
        s.setsockopt(41, socket.IPV6_MULTICAST_HOPS, ttl)
        s.setsockopt(41, socket.IPV6_MULTICAST_IF, dev)
        s.setsockopt(41, socket.IPV6_MULTICAST_LOOP, loop)
        s.bind((bind or (SRC if host == "snd" else "2001:db8:1::fe"), 4000))
    else:
        s.setsockopt(0, socket.IP_MULTICAST_TTL, ttl)
        s.setsockopt(0, socket.IP_MULTICAST_IF, struct.pack("4s4si", b"\0" * 4, b"\0" * 4, dev))
        s.setsockopt(0, socket.IP_MULTICAST_LOOP, loop)
        s.bind((bind or (SRC if host == "snd" else "10.1.1.254"), 4000))
    return s


def receiver(host, dev, group=G1, port=5000):
    s = sock(host, socket.AF_INET6 if V6 else socket.AF_INET, socket.SOCK_DGRAM)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind(("::" if V6 else "0.0.0.0", port))
    if V6:
        s.setsockopt(41, socket.IPV6_JOIN_GROUP, socket.inet_pton(socket.AF_INET6, group) + struct.pack("i", dev))
        s.setsockopt(41, socket.IPV6_RECVHOPLIMIT, 1)
    else:
        s.setsockopt(0, socket.IP_ADD_MEMBERSHIP, socket.inet_aton(group) + b"\0" * 4 + struct.pack("i", dev))
        s.setsockopt(0, 12, 1)
    return s


def get(s, wait=5.0):
    """One datagram: (payload, ttl); None when there is none."""
    if not select.select([s], [], [], wait)[0]:
        return None
    data, anc, _, _ = s.recvmsg(70000, 100)
    return data, struct.unpack("i", anc[0][2][:4])[0] if anc else None


def settled():
    """Everything that was sent before has been handled: a ping of the sender through the router is answered."""
    r = sh("ip netns exec %s-snd ping -q -c1 -W5 %s" % (pre, "2001:db8:1::fe" if V6 else "10.1.1.254"))
    assert r.returncode == 0, r.stdout + r.stderr


def heard(what, *socks):
    settled()
    for n, s in enumerate(socks):
        got = []
        while True:
            r = get(s, 0)
            if not r:
                break
            got.append("%s ttl %s" % (r[0].decode(), r[1]))
        print("%s: receiver %d: %s" % (what, n, ", ".join(got) or "nothing"))


def mcast(s, text, group=G1):
    s.sendto(text.encode(), (group, 5000))


def router(init=True):
    r = sock("rtr", socket.AF_INET6, socket.SOCK_RAW, 58) if V6 else sock("rtr", socket.AF_INET, socket.SOCK_RAW, 2)
    if V6:
        r.setsockopt(58, 1, b"\xff" * 32)
    if init:
        r.setsockopt(LEVEL, INIT, 1)
    return r


def vif(i, dev, ttl=1, flags=None):
    if V6:
        return struct.pack("HBBHxxI", i, flags or 0, ttl, dev, 0)
    return struct.pack("HBBIi4s", i, 8 if flags is None else flags, ttl, 0, dev, b"\0" * 4)


def mfc(parent, outs, group=G1, src=SRC):
    """outs: vif -> ttl."""
    if V6:
        bits = [0] * 8
        for o in outs:
            bits[o // 32] |= 1 << o % 32
        sa = lambda a: struct.pack("HHI16sI", 10, 0, 0, socket.inet_pton(socket.AF_INET6, a), 0)
        return sa(src) + sa(group) + struct.pack("Hxx8I", parent, *bits)
    ttls = bytes(outs.get(i, 0) for i in range(32))
    return socket.inet_aton(src) + socket.inet_aton(group) + struct.pack("H", parent) + ttls + struct.pack("=xxIIIi", 0, 0, 0, 0)


def three(r):
    for i, d in ((0, IN), (1, A), (2, B)):
        r.setsockopt(LEVEL, ADD_VIF, vif(i, d))


def reports(r, what):
    settled()
    n = 0
    while select.select([r], [], [], 0)[0]:
        data, addr = r.recvfrom(70000)
        if V6 and data[0] == 0:
            print(what, "report type %d mif %d pad %x %s > %s, and %s, from %s" % (
                data[1], struct.unpack("H", data[2:4])[0], struct.unpack("I", data[4:8])[0], socket.inet_ntop(socket.AF_INET6, data[8:24]),
                socket.inet_ntop(socket.AF_INET6, data[24:40]), data[40:].hex()[8:] if data[1] > 2 else "%d bytes of no meaning" % len(data[40:]), addr[0]))
            n += 1
        elif not V6 and (data[9] == 0):
            data = data[:4] + b"IDID" + (data[6:22] if data[8] < 3 else data[8:])
            print(what, "report %s, from %s" % (data.hex(), addr[0]))
            n += 1
    if not n:
        print(what, "no report")


def cat(name):
    r = sh("ip netns exec %s-rtr cat /proc/net/%s" % (pre, name))
    print(name)
    print(r.stdout.rstrip("\n"))


def tables():
    cat("ip6_mr_vif" if V6 else "ip_mr_vif")
    cat("ip6_mr_cache" if V6 else "ip_mr_cache")
    ip("rtr", "%s mroute show table all" % ("-6" if V6 else "-4"), True)
    ip("rtr", "-s %s mroute show" % ("-6" if V6 else "-4"), True)


def forwarding_sysctl():
    r = sh("ip netns exec %s-rtr sh -c 'cd /proc/sys/net/ipv%s/conf; for d in all default lo din outa outb; do echo $d $(cat $d/mc_forwarding); done; echo 1 >all/mc_forwarding'" %
           (pre, sys.argv[1]))
    print(r.stdout + r.stderr.split(":")[-1].strip())


# -- the parts --

def options():
    r, other = router(False), router(False)
    say("add vif before init", lambda: r.setsockopt(LEVEL, ADD_VIF, vif(0, IN)))
    say("init", lambda: r.setsockopt(LEVEL, INIT, 1))
    say("init of another", lambda: other.setsockopt(LEVEL, INIT, 1))
    say("init again", lambda: r.setsockopt(LEVEL, INIT, 1))
    forwarding_sysctl()
    say("same vif", lambda: r.setsockopt(LEVEL, ADD_VIF, vif(0, A)))
    say("add vif of no device", lambda: r.setsockopt(LEVEL, ADD_VIF, vif(1, 99)))
    say("add vif with strange flags", lambda: r.setsockopt(LEVEL, ADD_VIF, vif(1, A, flags=0x40)))
    say("add vif 32", lambda: r.setsockopt(LEVEL, ADD_VIF, vif(32, A)))
    say("del vif 5", lambda: r.setsockopt(LEVEL, DEL_VIF, vif(5, A) if not V6 else struct.pack("H", 5)))
    say("del vif 32", lambda: r.setsockopt(LEVEL, DEL_VIF, vif(32, A) if not V6 else struct.pack("H", 32)))
    say("add vif", lambda: r.setsockopt(LEVEL, ADD_VIF, vif(2, A, 3)))
    say("other adds vif", lambda: other.setsockopt(LEVEL, ADD_VIF, vif(3, B)))
    forwarding_sysctl()
    print("allmulti", [d for d in ("din", "a", "b") if "allmulti 1" in ip("rtr", "-d link show %s" % d)])
    tables()
    say("no such parent", lambda: r.setsockopt(LEVEL, ADD_MFC, mfc(32, {})))
    say("not a group", lambda: r.setsockopt(LEVEL, ADD_MFC, mfc(0, {}, group=SRC)))
    say("add", lambda: r.setsockopt(LEVEL, ADD_MFC, mfc(0, {2: 1, 3: 4})))
    say("other adds", lambda: other.setsockopt(LEVEL, ADD_MFC, mfc(3, {2: 1}, G2)))
    say("other adds the first", lambda: other.setsockopt(LEVEL, ADD_MFC, mfc(0, {3: 4})))
    say("delete none", lambda: r.setsockopt(LEVEL, DEL_MFC, mfc(0, {}, src="::2" if V6 else "1.2.3.4")))
    tables()
    for name in (ASSERT, PIM, VERSION, TABLE):
        say("get %d" % name, lambda: r.getsockopt(LEVEL, name))
    say("pim", lambda: r.setsockopt(LEVEL, PIM, 1))
    for name in (ASSERT, PIM):
        say("get %d" % name, lambda: r.getsockopt(LEVEL, name))
        say("get %d short" % name, lambda: r.getsockopt(LEVEL, name, 2))
    say("table while ours", lambda: r.setsockopt(LEVEL, TABLE, 7))
    say("flush ours", lambda: r.setsockopt(LEVEL, FLUSH, 5))
    tables()
    say("flush static", lambda: r.setsockopt(LEVEL, FLUSH, 10))
    tables()
    say("done by another", lambda: other.setsockopt(LEVEL, DONE, 1))
    say("done", lambda: r.setsockopt(LEVEL, DONE, 1))
    forwarding_sysctl()
    say("init of another now", lambda: other.setsockopt(LEVEL, INIT, 1))
    other.close()
    say("init after its close", lambda: r.setsockopt(LEVEL, INIT, 1))
    r.close()
    forwarding_sysctl()


def forward():
    r, s, a, b = router(), sender(), receiver("ra", A + 1), receiver("rb", B + 1)
    three(r)
    for i in range(6):
        mcast(s, "early%d" % i)
    reports(r, "miss")
    tables()
    r.setsockopt(LEVEL, ADD_MFC, mfc(0, {1: 1}))
    heard("resolved", a, b)
    mcast(s, "one")
    heard("one way", a, b)
    r.setsockopt(LEVEL, ADD_MFC, mfc(0, {1: 1, 2: 4}))
    mcast(s, "two")
    heard("both ways", a, b)
    s.setsockopt(LEVEL, socket.IPV6_MULTICAST_HOPS if V6 else socket.IP_MULTICAST_TTL, 4)
    mcast(s, "ttl4")
    s.setsockopt(LEVEL, socket.IPV6_MULTICAST_HOPS if V6 else socket.IP_MULTICAST_TTL, 1)
    mcast(s, "ttl1")
    heard("thresholds", a, b)
    s.setsockopt(LEVEL, socket.IPV6_MULTICAST_HOPS if V6 else socket.IP_MULTICAST_TTL, 9)
    mcast(s, "x" * 1400)
    settled()
    print("long", [len(get(x)[0]) for x in (a, b)])
    tables()
    # counters by ioctl
    enter("rtr")
    for i in (0, 1, 2, 3):
        buf = bytearray(struct.pack("H", i) + b"\0" * 38)
        say("vif count %d" % i, lambda: fcntl.ioctl(r, 0x89E0, buf) or bytes(buf))
    if V6:
        sa = lambda x: struct.pack("HHI16sI", 10, 0, 0, socket.inet_pton(socket.AF_INET6, x), 0)
        buf = bytearray(sa(SRC) + sa(G1) + b"\0" * 24)
    else:
        buf = bytearray(socket.inet_aton(SRC) + socket.inet_aton(G1) + b"\0" * 24)
    say("entry count", lambda: fcntl.ioctl(r, 0x89E1, buf) or bytes(buf))
    buf[15] ^= 1
    buf[3] ^= 1
    buf[19] ^= 9
    say("entry count of none", lambda: fcntl.ioctl(r, 0x89E1, buf))
    r.setsockopt(LEVEL, DEL_MFC, mfc(0, {}))
    mcast(s, "gone")
    reports(r, "deleted")
    heard("deleted", a, b)
    r.setsockopt(LEVEL, DEL_VIF, vif(1, A) if not V6 else struct.pack("H", 1))
    r.setsockopt(LEVEL, ADD_MFC, mfc(0, {1: 1, 2: 1}))
    heard("vif gone", a, b)
    ip("rtr", "link set outb down")
    mcast(s, "down")
    heard("device down", a, b)
    ip("rtr", "link del outb")
    tables()
    r.close()
    mcast(s, "over")
    heard("closed", a)
    tables()


def wrong():
    r, s, a = router(), sender(), receiver("ra", A + 1)
    three(r)
    r.setsockopt(LEVEL, ASSERT, 1)
    r.setsockopt(LEVEL, ADD_MFC, mfc(2, {1: 1}))
    mcast(s, "wrong way in")
    reports(r, "not a way out")
    r.setsockopt(LEVEL, ADD_MFC, mfc(2, {0: 1, 1: 1}))
    mcast(s, "wrong way in")
    mcast(s, "again")
    reports(r, "a way out")
    heard("wrong", a)
    r.setsockopt(LEVEL, PIM, 4)
    r.setsockopt(LEVEL, ADD_MFC, mfc(2, {1: 1}, G2))
    mcast(s, "whole", G2)
    tables()


def proxy():
    r, s, a, b = router(), sender(), receiver("ra", A + 1), receiver("rb", B + 1)
    any_ = "::" if V6 else "0.0.0.0"
    three(r)
    up = lambda p, o, g=any_: mfc(p, o, g, any_)
    say("(*,G)", lambda: r.setsockopt(LEVEL, ADD_PROXY, up(2, {0: 1, 1: 1, 2: 1}, G1)))
    mcast(s, "star G")
    heard("(*,G)", a, b)
    say("(*,*)", lambda: r.setsockopt(LEVEL, ADD_PROXY, up(2, {0: 1, 2: 1})))
    say("(*,*) of another parent", lambda: r.setsockopt(LEVEL, ADD_PROXY, up(1, {1: 1})))
    mcast(s, "up", G2)
    mcast(s, "star G again")
    b2 = receiver("rb", B + 1, G2)
    mcast(s, "up again", G2)
    heard("(*,*)", a, b, b2)
    reports(r, "proxied")
    tables()
    say("delete of a third parent", lambda: r.setsockopt(LEVEL, DEL_PROXY, up(0, {})))
    say("delete", lambda: r.setsockopt(LEVEL, DEL_PROXY, up(1, {})))
    tables()


def own():
    """The router sends itself, and is a member itself."""
    r, a, b = router(), receiver("ra", A + 1), receiver("rb", B + 1)
    me_in, me_a = receiver("rtr", IN), receiver("rtr", A, port=5000)
    three(r)
    here = "2001:db8:1::fe" if V6 else "10.1.1.254"
    r.setsockopt(LEVEL, ADD_MFC, mfc(0, {1: 1, 2: 1}, src=here))
    s = sender(3, "rtr", IN)
    mcast(s, "mine")
    heard("own", a, b, me_in, me_a)
    s.setsockopt(LEVEL, socket.IPV6_MULTICAST_LOOP if V6 else socket.IP_MULTICAST_LOOP, 0)
    mcast(s, "unlooped")
    heard("own, not looped", a, b, me_in, me_a)
    s.setsockopt(LEVEL, socket.IPV6_MULTICAST_LOOP if V6 else socket.IP_MULTICAST_LOOP, 1)
    s.setsockopt(LEVEL, socket.IPV6_MULTICAST_IF if V6 else socket.IP_MULTICAST_IF, A if V6 else struct.pack("4s4si", b"\0" * 4, b"\0" * 4, A))
    mcast(s, "by a")
    heard("own, by another", a, b, me_in, me_a)
    tables()
    o = sender()
    mcast(o, "theirs")
    reports(r, "member")
    r.setsockopt(LEVEL, ADD_MFC, mfc(0, {1: 1, 2: 1}))
    heard("member", a, b, me_in, me_a)
    mcast(o, "theirs")
    heard("member", a, b, me_in, me_a)
    link = sender()
    link.sendto(b"link", ("ff02::77" if V6 else "224.0.0.77", 5000))
    reports(r, "link-local group")


def csum(b):
    s = sum(struct.unpack("!%dH" % (len(b) // 2), b))
    while s >> 16:
        s = (s & 0xffff) + (s >> 16)
    return 0xffff - s


def register():
    r, s, a = router(), sender(), receiver("ra", A + 1)
    three(r)
    say("register vif", lambda: r.setsockopt(LEVEL, ADD_VIF, vif(5, 0, flags=1 if V6 else 4)))
    say("a second", lambda: r.setsockopt(LEVEL, ADD_VIF, vif(6, 0, flags=1 if V6 else 4)))
    dev = "pim6reg" if V6 else "pimreg"
    print(ip("rtr", "-d link show %s" % dev).split("group")[0].split(":", 1)[1])
    r.setsockopt(LEVEL, ADD_MFC, mfc(0, {5: 1}))
    s.setsockopt(LEVEL, socket.IPV6_MULTICAST_LOOP if V6 else socket.IP_MULTICAST_LOOP, 0)
    if V6:
        mcast(s, "to the rendezvous point")
        reports(r, "register")
    else:
        mcast(s, "to the rendezvous point")
        settled()
        while select.select([r], [], [], 0)[0]:
            d, _ = r.recvfrom(9000)
            if d[9] == 0:
                d = bytearray(d)
                d[4:6] = d[24:26] = d[30:32] = b"\0\0"
                print("register", bytes(d).hex())
    tables()
    # the other way: a register message of the sender
    inner_src = "2001:db8:9::9" if V6 else "10.9.9.9"
    r.setsockopt(LEVEL, ADD_MFC, mfc(5, {1: 1}, src=inner_src))
    udp = struct.pack("!HHHH", 4000, 5000, 13, 0) + b"inner"
    if V6:
        pseudo = socket.inet_pton(10, inner_src) + socket.inet_pton(10, G1) + struct.pack("!II", 13, 17)
        udp = udp[:6] + struct.pack("!H", csum(pseudo + udp + b"\0")) + udp[8:]
        inner = struct.pack("!IHBB", 0x60000000, 13, 17, 7) + socket.inet_pton(10, inner_src) + socket.inet_pton(10, G1) + udp
    else:
        inner = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 33, 1, 0, 7, 17, 0, socket.inet_aton(inner_src), socket.inet_aton(G1))
        inner = inner[:10] + struct.pack("!H", csum(inner)) + inner[12:] + udp
    head = bytes([0x21, 0, 0, 0, 0, 0, 0, 0])
    to = "2001:db8:1::fe" if V6 else "10.1.1.254"
    sum_over = (socket.inet_pton(10, SRC) + socket.inet_pton(10, to) + struct.pack("!II", 8, 103) if V6 else b"") + head
    head = head[:2] + struct.pack("!H", csum(sum_over)) + head[4:]
    p = sock("snd", socket.AF_INET6 if V6 else socket.AF_INET, socket.SOCK_RAW, 103)
    for what, h, body in (("good", head, inner), ("null", head[:4] + b"\x40\0\0\0", inner), ("sum", head[:2] + b"\x12\x34" + head[4:], inner),
                          ("hello", b"\x20" + head[1:], inner), ("short", head, inner[:20]), ("unicast", head, inner.replace(socket.inet_pton(10, G1) if V6 else socket.inet_aton(G1), socket.inet_pton(10, to) if V6 else socket.inet_aton(to)))):
        p.sendto(h + body, (to, 0))
        heard(what + " register message", a)
    tables()
    say("delete", lambda: r.setsockopt(LEVEL, DEL_VIF, vif(5, 0) if not V6 else struct.pack("H", 5)))
    print(dev in ip("rtr", "link show"))


def table():
    fam = "-6" if V6 else "-4"
    ip("rtr", "%s mrule show" % fam, True)
    r, r2, s, a = router(False), router(False), sender(), receiver("ra", A + 1)
    say("table", lambda: r.setsockopt(LEVEL, TABLE, 100))
    say("init", lambda: r.setsockopt(LEVEL, INIT, 1))
    say("init of the default", lambda: r2.setsockopt(LEVEL, INIT, 1))
    say("register vif", lambda: r.setsockopt(LEVEL, ADD_VIF, vif(5, 0, flags=1 if V6 else 4)))
    print([x.split()[1] for x in ip("rtr", "-o link show").split("\n") if "reg" in x])
    three(r)
    r.setsockopt(LEVEL, ADD_MFC, mfc(0, {1: 1}))
    mcast(s, "no rule")
    reports(r2, "default table without vifs")
    heard("no rule", a)
    ip("rtr", "%s mrule add iif din table 100" % fam, True)
    ip("rtr", "%s mrule add fwmark 7 unreachable pref 50" % fam, True)
    ip("rtr", "%s mrule add goto 50 iif outb" % fam, True)
    ip("rtr", "%s mrule show" % fam, True)
    mcast(s, "rule")
    heard("rule", a)
    ip("rtr", "%s mroute show table 100" % fam, True)
    ip("rtr", "%s mroute show table all" % fam, True)
    ip("rtr", "%s mroute show table 101" % fam, True)
    ip("rtr", "%s mrule del iif din table 100" % fam, True)
    ip("rtr", "%s mrule del iif din table 100" % fam, True)
    mcast(s, "no rule any more")
    heard("no rule", a)
    tables()


def monitor():
    nl = sock("rtr", socket.AF_NETLINK, socket.SOCK_RAW, 0)
    nl.bind((0, 0))
    for g in ((10, 31, 25) if V6 else (6, 30, 24)):  # RTNLGRP_IPV4_MROUTE, IPV4_MROUTE_R, IPV4_NETCONF, and IPv6's
        nl.setsockopt(270, 1, g)

    def told(what):
        settled()
        while select.select([nl], [], [], 0.2)[0]:
            data = nl.recv(70000)
            while len(data) >= 16:
                n, t, flags, seq, pid = struct.unpack("IHHII", data[:16])
                body, data = data[16:n], data[(n + 3) & ~3:]
                hl = 4 if t in (80, 81) else 12 if t in (24, 25) else 4
                out, rest = ["%d flags %x seq %d pid %d %s" % (t, flags, seq, pid, body[:hl].hex())], body[hl:]
                while len(rest) >= 4:
                    l, at = struct.unpack("HH", rest[:4])
                    v = rest[4:l]
                    if t in (24, 25) and at == 23:
                        v = b"?"
                    if t == 96 and at == 5:
                        v = b"?" * len(v)
                    out.append("%d:%s" % (at, v.hex()))
                    rest = rest[(l + 3) & ~3:]
                print(what, " ".join(out))

    r, s = router(), sender()
    told("init")
    three(r)
    told("vifs")
    mcast(s, "miss")
    told("miss")
    r.setsockopt(LEVEL, ADD_MFC, mfc(0, {1: 1, 2: 3}))
    told("added")
    r.setsockopt(LEVEL, ADD_MFC, mfc(0, {}))
    told("changed")
    mcast(s, "count")
    r.setsockopt(LEVEL, DEL_MFC, mfc(0, {}))
    told("deleted")
    r.setsockopt(LEVEL, DEL_VIF, vif(1, A) if not V6 else struct.pack("H", 1))
    told("vif")
    r.close()
    told("closed")
    if not V6:
        nl.send(struct.pack("IHHIIB3xiIII", 36, 18, 0x301, 1, 0, 128, 0, 0, 0, 0)[:36])
        if select.select([nl], [], [], 5)[0]:
            data = nl.recv(70000)
            print("links", data[16:].hex() if struct.unpack("H", data[4:6])[0] == 16 else data.hex())


def messages():
    """IPv4's entries by RTM_NEWROUTE and RTM_DELROUTE; IPv6's cannot be changed so."""
    fam, length = (129, 128) if V6 else (128, 32)
    nl, mon = sock("rtr", socket.AF_NETLINK, socket.SOCK_RAW, 0), sock("rtr", socket.AF_NETLINK, socket.SOCK_RAW, 0)
    nl.bind((0, 0))
    nl.setsockopt(270, 11, 1)  # NETLINK_EXT_ACK
    mon.bind((0, 0))
    mon.setsockopt(270, 1, 10 if V6 else 6)
    mon.setsockopt(270, 1, 1)  # links: what was told before such a message has come when it comes
    shown, marks = [], iter(range(1000))

    def a(kind, body):
        return struct.pack("HH", 4 + len(body), kind) + body.ljust(len(body) + 3 & ~3, b"\0")

    def u32(n):
        return struct.pack("I", n)

    def addr(text):
        return socket.inet_pton(socket.AF_INET6 if V6 else socket.AF_INET, text)

    def hops(*ttls, dev=A):
        return a(9, b"".join(struct.pack("HBBi", 8, 0, t, dev) for t in ttls))

    def ask(title, *attrs, kind=24, flags=0, dst_len=length, src_len=length, tos=0, table=0, proto=17, scope=0, type=5, rflags=0):
        body = struct.pack("BBBBBBBBI", fam, dst_len, src_len, tos, table, proto, scope, type, rflags) + b"".join(attrs)
        nl.send(struct.pack("IHHII", 16 + len(body), kind, 5 | flags, 1, 0) + body)
        r = nl.recv(9999)
        e = -struct.unpack("i", r[16:20])[0]
        body = struct.pack("BxHiII", 0, 0, 1, 0, 0) + a(20, b"mark %d" % next(marks))  # lo's alias
        nl.send(struct.pack("IHHII", 16 + len(body), 16, 5, 2, 0) + body)
        nl.recv(9999)
        told, marked = [], False
        while not marked:
            m = mon.recv(9999)
            while len(m) >= 16:
                kind = struct.unpack("H", m[4:6])[0]
                if kind == 16:
                    marked = True
                else:
                    told.append("told %d" % kind)
                m = m[struct.unpack("I", m[:4])[0] + 3 & ~3:]
        print(title, "=", errno.errorcode.get(e, e), *told)
        have = ip("rtr", "%s mroute show table all" % ("-6" if V6 else "-4"))
        if have not in shown[-1:]:
            print(have.rstrip())
            shown.append(have)

    src, dst, iif = a(2, addr(SRC)), a(1, addr(G1)), a(3, u32(IN))
    ask("no program", src, dst, iif)
    r = router()
    three(r)
    ask("an entry", src, dst, iif)
    ask("again, exclusively", src, dst, iif, flags=0x200)
    ask("with hops", src, dst, iif, hops(0, 1, 5))
    ask("other hops", src, dst, iif, hops(0, 255, 3, 7, dev=99))
    if not V6:
        ask("too many hops", src, dst, iif, hops(*range(1, 34)))
        ask("hops cut", src, dst, iif, a(9, hops(1)[4:12] + b"\1\0\0\0"))
        ask("less than a hop", src, dst, iif, a(9, b"123456"))
        ask("a device without vif", src, a(1, addr("239.1.2.4")), a(3, u32(1)))
        ask("no such device", src, a(1, addr("239.1.2.4")), a(3, u32(9999)))
        ask("no device", src, a(1, addr("239.1.2.4")))
        ask("any source", a(1, addr("239.1.2.6")), iif)
        ask("any group", src, iif)
        ask("not a group", src, a(1, addr("10.9.9.9")), iif)
        ask("prefsrc", src, a(1, addr("239.1.2.7")), iif, a(7, addr("1.2.3.4")))
        ask("prefsrc, any, another vif", a(3, u32(A)), hops(1), a(7, addr("1.2.3.4")))
        ask("destination of 24 bits", src, dst, iif, dst_len=24)
        ask("source of none", src, dst, iif, src_len=0)
        ask("tos", src, dst, iif, tos=4)
        ask("unicast", src, dst, iif, type=1)
        ask("on a link", src, dst, iif, scope=253)
        ask("static", src, a(1, addr("239.1.2.8")), iif, proto=4)
        ask("protocol boot", src, dst, iif, proto=3)
        ask("flags", src, dst, iif, rflags=0x200)
        ask("table in the header", src, dst, iif, table=100)
        ask("no such table", src, dst, iif, a(15, u32(100)))
        ask("the table's own number", src, dst, iif, a(15, u32(253)))
        ask("what it does not know", src, dst, iif, a(6, u32(5)))
    ask("deleted by another vif", src, dst, a(3, u32(A)), kind=25)
    ask("deleted again", src, dst, iif, kind=25)
    if not V6:
        ask("deleted, static", src, a(1, addr("239.1.2.8")), kind=25, proto=4)
        ask("static again", src, a(1, addr("239.1.2.8")), iif, proto=4)
    r.close()
    n = 0
    while not V6 and n < 4 and select.select([mon], [], [], 20)[0]:  # what it made goes with it
        m = mon.recv(9999)
        while len(m) >= 16:
            n += struct.unpack("H", m[4:6])[0] == 25
            m = m[struct.unpack("I", m[:4])[0] + 3 & ~3:]
    print("gone with the program:", n)
    ask("the program is gone", src, dst, iif)


parts = [options, forward, wrong, proxy, own, register, table, monitor, messages]
for part in parts:
    if len(sys.argv) > 2 and part.__name__ not in sys.argv[2:]:
        continue
    print("== %s" % part.__name__)
    sys.stdout.flush()
    home = os.open("/proc/self/ns/net", os.O_RDONLY)
    setup()
    try:
        part()
    finally:
        libc.setns(home, 0x40000000)
        os.close(home)
        cleanup()
    sys.stdout.flush()
