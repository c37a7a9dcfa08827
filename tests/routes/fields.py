"""Fields that packets get from others or from sysctls (type of service, ECN, hop limits, flow labels), and the limits
on groups and source filters.

    fields.sh runs this; compare.py has what Linux 6.18 printed."""
import errno
from wire import *

w = Wire("ip -6 route add 2001:db8:9::/48 via fe80::fe dev e0")
put("ipv4/ip_forward", 1)
put("ipv6/conf/all/forwarding", 1)
port = 7000


def syn(v, dport, tos=0, label=0, **k):
    global port
    port += 1
    s, d = ("10.0.0.2", "10.0.0.1") if v == 4 else ("2001:db8::2", "2001:db8::1")
    x = tcp(sport=port, dport=dport, src=s, dst=d, **k)
    f = eth(ip4(x, 6, tos=tos)) if v == 4 else eth(ip6(x, 6, tc=tos, label=label), 0x86dd)
    return [re.sub(r" %d\b" % port, " P", re.sub(r">%d\b" % port, ">P", o)) for o in w.send(0, f) if "tcp" not in o or str(port) in o]


print("== what answers reflect")
srv = {}
for v, fam in (4, socket.AF_INET), (6, socket.AF_INET6):
    s = srv[v] = socket.socket(fam, socket.SOCK_STREAM)
    s.setsockopt(1, 2, 1)
    if v == 6:
        s.setsockopt(41, 26, 1)
    s.bind(("10.0.0.1" if v == 4 else "2001:db8::1", 80))
    s.listen(100)
for reflect in 0, 1:
    put("ipv4/tcp_reflect_tos", reflect)
    for v in 4, 6:
        for t in 0, 0x10, 0xb8, 0xe3:
            show("tcp_reflect_tos %d, SYN with %02x" % (reflect, t), syn(v, 80, t) + syn(v, 81, t))
put("ipv4/tcp_reflect_tos", 0)
for v in range(8):
    put("ipv6/flowlabel_reflect", v)
    show("flowlabel_reflect %d: SYN, SYN to a closed port, echo, UDP to a closed port" % v, syn(6, 80, 0, 0x12345) + syn(6, 81, 0, 0x12345) +
         w.send(0, eth(ip6(icmp6(128), 58, label=0x12345), 0x86dd), eth(ip6(udp(src="2001:db8::2", dst="2001:db8::1"), label=0x12345), 0x86dd)))
put("ipv6/flowlabel_reflect", 0)
for name in "auto_flowlabels", "flowlabel_consistency", "flowlabel_state_ranges", "flowlabel_reflect":
    was = get("ipv6/" + name)
    show("%s %s" % (name, was), ["%s: %s %s" % (x, put("ipv6/" + name, x), get("ipv6/" + name)) for x in ("-1", "0", "1", "2", "3", "4", "7", "8", "255", "256")])
    put("ipv6/" + name, was)
for auto in 0, 1, 2, 3:
    put("ipv6/auto_flowlabels", auto)
    out = []
    for own in None, 0, 1:
        s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        if own is not None:
            try:
                s.setsockopt(41, 70, own)
            except OSError as e:
                out.append("IPV6_AUTOFLOWLABEL %s: %s" % (own, errno.errorcode[e.errno]))
        s.sendto(b"x", ("2001:db8::2", 9))
        s.sendto(b"x", ("2001:db8::2", 10))
        seen = w.send(0)
        labels = [re.search(r"label (\w+)", o) for o in seen]
        out.append("option %s (%d): %s" % (own, s.getsockopt(41, 70), ["a label" if m else "none" for m in labels]))
    show("auto_flowlabels %d" % auto, out)
put("ipv6/auto_flowlabels", 0)
print("== TOS and hop limits of sockets")
for v, fam, to in (4, socket.AF_INET, "10.0.0.2"), (6, socket.AF_INET6, "2001:db8::2"):
    s = socket.socket(fam, socket.SOCK_DGRAM)
    out = []
    for t in 0, 0x10, 0xb8, 0xff:
        s.setsockopt(0 if v == 4 else 41, 1 if v == 4 else 67, t)
        s.sendto(b"x", (to, 9))
        out += [re.sub(r"udp \d+", "udp P", o) for o in w.send(0)] + ["SO_PRIORITY %d" % s.getsockopt(1, 12)]
    show("UDP", out)
    c = socket.socket(fam, socket.SOCK_STREAM)
    c.setblocking(False)
    c.setsockopt(0 if v == 4 else 41, 1 if v == 4 else 67, 0xb9)
    c.connect_ex((to, 80))
    show("TCP with b9", [re.sub(r"tcp \d+", "tcp P", o) for o in w.send(0)])
    c.close()
    for n in (1, 64, 255):
        s.setsockopt(0 if v == 4 else 41, 2 if v == 4 else 16, n)
        s.sendto(b"x", (to, 9))
    show("hops", [re.sub(r"udp \d+", "udp P", o) for o in w.send(0)])
put("ipv4/ip_default_ttl", 7)
put("ipv6/conf/e0/hop_limit", 9)
show("defaults of 7 and 9", w.send(0, eth(ip4(icmp4(8), 1)), eth(ip6(icmp6(128), 58), 0x86dd)))
sh("ip route replace 192.0.2.0/24 via 10.0.0.2 hoplimit 33; ip -6 route replace 2001:db8:9::/48 via fe80::fe dev e0 hoplimit 34")
show("routes of 33 and 34", w.send(0, eth(ip4(icmp4(8), 1, src="192.0.2.1")), eth(ip6(icmp6(128, src="2001:db8:9::1"), 58, src="2001:db8:9::1"), 0x86dd)))
put("ipv4/ip_default_ttl", 64)
put("ipv6/conf/e0/hop_limit", 64)
print("== groups and source filters")


def tries(s, n, fn):
    for i in range(n):
        try:
            fn(i)
        except OSError as e:
            return "%d, then %s" % (i, errno.errorcode[e.errno])
    return "all %d" % n


def group_source(group, source, index):
    def sa(a):
        return struct.pack("HHI", 10, 0, 0) + socket.inet_pton(10, a) + bytes(4 + 100) if ":" in a else struct.pack("HH", 2, 0) + a4(a) + bytes(120)
    return struct.pack("II", index, 0) + sa(group) + sa(source)


def msfilter4(group, sources, mode=1):
    return a4(group) + a4("10.0.0.1") + struct.pack("II", mode, len(sources)) + b"".join(a4(s) for s in sources)


def gsf(group, sources, index, mode=1):
    def sa(a):
        return struct.pack("HHI", 10, 0, 0) + socket.inet_pton(10, a) + bytes(104) if ":" in a else struct.pack("HH", 2, 0) + a4(a) + bytes(120)
    return struct.pack("II", index, 0) + sa(group) + struct.pack("II", mode, len(sources)) + b"".join(sa(s) for s in sources)


idx = socket.if_nametoindex("e0")
for memberships in 20, 5, 0:
    put("ipv4/igmp_max_memberships", memberships)
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    print("igmp_max_memberships", memberships, tries(s, 30, lambda i: s.setsockopt(0, 35, a4("239.1.1.%d" % i) + a4("10.0.0.1"))))
put("ipv4/igmp_max_memberships", 20)
for msf in 10, 3, 0:
    put("ipv4/igmp_max_msf", msf)
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    print("igmp_max_msf", msf, "included:", tries(s, 30, lambda i: s.setsockopt(0, 39, a4("239.2.1.1") + a4("10.0.0.1") + a4("10.9.9.%d" % (i + 1)))))
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.setsockopt(0, 35, a4("239.2.1.2") + a4("10.0.0.1"))
    print("igmp_max_msf", msf, "blocked:", tries(s, 30, lambda i: s.setsockopt(0, 38, a4("239.2.1.2") + a4("10.0.0.1") + a4("10.9.9.%d" % (i + 1)))))
    for n in (0, 1, msf, msf + 1):
        print("igmp_max_msf", msf, "IP_MSFILTER of", n, tries(s, 1, lambda i: s.setsockopt(0, 41, msfilter4("239.2.1.2", ["10.9.8.%d" % (k + 1) for k in range(n)]))),
              "MCAST_MSFILTER", tries(s, 1, lambda i: s.setsockopt(0, 48, gsf("239.2.1.2", ["10.9.8.%d" % (k + 1) for k in range(n)], idx))))
put("ipv4/igmp_max_msf", 10)
show("mld_max_msf", [get("ipv6/mld_max_msf")])
s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
print("IPv6 memberships", tries(s, 300, lambda i: s.setsockopt(41, 20, socket.inet_pton(10, "ff05::1:%x" % i) + struct.pack("I", idx))))
s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
print("IPv6 included:", tries(s, 100, lambda i: s.setsockopt(41, 46, group_source("ff05::2", "2001:db8::%x" % (i + 1), idx))))
s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
s.setsockopt(41, 20, socket.inet_pton(10, "ff05::3") + struct.pack("I", idx))
print("IPv6 blocked:", tries(s, 100, lambda i: s.setsockopt(41, 43, group_source("ff05::3", "2001:db8::%x" % (i + 1), idx))))
for n in 0, 1, 64, 65:
    print("IPv6 MCAST_MSFILTER of", n, tries(s, 1, lambda i: s.setsockopt(41, 48, gsf("ff05::3", ["2001:db8::%x" % (k + 1) for k in range(n)], idx))))
