"""What a router answers to what it does not pass on: ICMP errors of both families, whom and from which address, how much they quote, how many; and
which packets it believes: reverse paths, martians, directed broadcasts, what is forwarded by which device.

    answers.sh runs this; compare.py has what Linux 6.18 printed."""
from wire import *

w = Wire("ip addr add 10.0.0.5/24 dev e0; ip addr add 10.9.0.1/16 dev e0; ip neigh add 10.9.0.2 lladdr %s dev e0" % mac(A))
put("ipv4/ip_forward", 1)
put("ipv6/conf/all/forwarding", 1)
for d in "e0", "e1":
    put("ipv4/conf/%s/rp_filter" % d, 0)
    for v in "ipv4", "ipv6":
        put("%s/neigh/%s/retrans_time_ms" % (v, d), 1000000)
put("ipv4/conf/all/rp_filter", 0)
put("ipv4/route/error_cost", 0)


sh("ip route add 198.18.0.0/16 via 10.0.0.2; ip route add 198.19.0.0/16 via 10.1.0.2; for i in $(seq 100 140); do echo neigh add 10.0.0.$i lladdr %s dev e0; echo neigh add 10.9.0.$i lladdr %s dev e0; done | ip -batch -" % (mac(A), mac(A)))
last = [100]


def some(net="198.18.0"):
    """An address that was not told anything yet: what limits the errors about routes, and redirects, cannot be set here."""
    last[0] += 1
    return "%s.%d" % (net, last[0])


def ask(title, *frames, dev=0):
    show(title, w.send(dev, *frames) or ["nothing"])


def d4(n=4, dst="10.1.0.2", src="10.0.0.2", dport=9, proto=17, **k):
    return eth(ip4(udp(b"x" * n, src=src, dst=dst, dport=dport) if proto == 17 else b"x" * n, proto, src=src, dst=dst, **k))


def d6(n=4, dst="2001:db8:1::2", src="2001:db8::2", dport=9, nh=17, **k):
    return eth(ip6(udp(b"x" * n, src=src, dst=dst, dport=dport) if nh == 17 else b"x" * n, nh, src=src, dst=dst, **k), 0x86dd)


print("== how much is quoted")
for n in 0, 4, 520, 521, 540, 1000, 1400:
    ask("port unreachable, %d bytes" % n, d4(n, "10.0.0.1"), d6(n, "2001:db8::1"))
for n in 1183, 1184, 1185:
    ask("IPv6, %d bytes" % n, d6(n, "2001:db8::1"))
sh("ip link set e0 mtu 1280")
ask("over a small link", d4(1200, "10.0.0.1"), d6(1200, "2001:db8::1"))
sh("ip link set e0 mtu 1500; ip route add 192.0.2.0/24 via 10.0.0.2 mtu 500")
ask("over a route with a small MTU", d4(1200, "10.0.0.1", src="192.0.2.9"))
sh("ip route del 192.0.2.0/24")
print("== about what")
ask("protocol", d4(dst="10.0.0.1", proto=99), d6(dst="2001:db8::1", nh=99))
ask("TTL of 1, of 0", d4(ttl=1), d6(hop=1), d4(ttl=0), d6(hop=0))
ask("TTL of 1, for us", d4(dst="10.0.0.1", ttl=1), d6(dst="2001:db8::1", hop=1))
ask("no route", d4(dst="192.0.2.1", src=some()), d6(dst="2001:db8:9::1"))
ask("no route, TTL of 1", d4(dst="192.0.2.1", ttl=1, src=some()), d6(dst="2001:db8:9::1", hop=1))
for kind in "unreachable", "prohibit", "blackhole", "throw":
    sh("ip route replace %s 192.0.2.0/24; ip -6 route replace %s 2001:db8:9::/48" % (kind, kind))
    ask(kind, d4(dst="192.0.2.1", src=some()), d6(dst="2001:db8:9::1"))
    sh("ip route del %s 192.0.2.0/24; ip -6 route del %s 2001:db8:9::/48" % (kind, kind))
for kind in "unreachable", "prohibit", "blackhole":
    sh("ip rule add pref 10 to 192.0.2.0/24 %s; ip -6 rule add pref 10 to 2001:db8:9::/48 %s" % (kind, kind))
    ask("rule: " + kind, d4(dst="192.0.2.1", src=some()), d6(dst="2001:db8:9::1"))
    sh("ip rule del pref 10; ip -6 rule del pref 10")
sh("ip link set e1 mtu 1300")
ask("too big", d4(1300), d4(1300, flags=2), d6(1300))
ask("too big by one, just right", d4(1273, flags=2), d4(1272, flags=2), d6(1253), d6(1252))
sh("ip link set e1 mtu 1500")
ask("record route, no route", d4(dst="192.0.2.1", src=some(), opts=bytes([7, 11, 4]) + bytes(8)))
ask("record route, TTL of 1", d4(ttl=1, opts=bytes([7, 11, 4]) + bytes(8)))
ask("a bad option, for us and passing", d4(dst="10.0.0.1", opts=bytes([7, 3, 4, 0])), d4(opts=bytes([7, 3, 3, 0])))
print("== from which address")
ask("asked at another address", d4(dst="10.0.0.5"), d4(dst="10.1.0.1"), d6(dst="2001:db8:1::1"))
for v in 0, 1:
    put("ipv4/icmp_errors_use_inbound_ifaddr", v)
    sh("ip route add 192.0.2.0/24 via 10.1.0.2; ip -6 route add 2001:db8:9::/48 via 2001:db8:1::2")
    ask("inbound_ifaddr %d: from elsewhere" % v, d4(ttl=1, src="192.0.2.9"), d4(src=some("198.19.0"), dst="198.51.100.1"), d4(src="192.0.2.9", dst="10.0.0.1"), d6(hop=1, src="2001:db8:9::1", dst="2001:db8::77"))
    ask("inbound_ifaddr %d: from another network of the link" % v, d4(ttl=1, src="10.9.0.2"))
    sh("ip route del 192.0.2.0/24; ip -6 route del 2001:db8:9::/48")
put("ipv4/icmp_errors_use_inbound_ifaddr", 0)
sh("ip route add 192.0.2.0/24 via 10.0.0.2 src 10.1.0.1; ip -6 route add 2001:db8:9::/48 via 2001:db8::2 src 2001:db8:1::1")
ask("the route back has a source", d4(ttl=1, src="192.0.2.9"), d6(hop=1, src="2001:db8:9::1"))
sh("ip route del 192.0.2.0/24; ip -6 route del 2001:db8:9::/48")
ask("from a link-local address", d6(dst="2001:db8::1", src="fe80::2"), d6(hop=1, src="fe80::2"))
print("== never about")
bc = "ff" * 6
ask("a frame to all", eth(d4(dst="10.0.0.1")[14:], dst=bc), eth(d6(dst="2001:db8::1")[14:], 0x86dd, dst="333300000001"))
ask("a broadcast, a group", d4(dst="10.0.0.255"), d4(dst="224.0.0.1"), d6(dst="ff02::1"))
ask("a later fragment", d4(dst="10.0.0.1", off=10, flags=0, ttl=1), d4(ttl=1, off=10))
ask("an error", eth(ip4(icmp4(3, 1, data=ip4(udp())), 1, dst="10.1.0.2", ttl=1)), eth(ip6(icmp6(1, 0, data=ip6(b""), dst="2001:db8:1::2"), 58, dst="2001:db8:1::2", hop=1), 0x86dd))
ask("an unknown ICMP", eth(ip4(icmp4(77), 1, dst="10.1.0.2", ttl=1)), eth(ip6(icmp6(99, dst="2001:db8:1::2"), 58, dst="2001:db8:1::2", hop=1), 0x86dd),
    eth(ip6(icmp6(199, dst="2001:db8:1::2"), 58, dst="2001:db8:1::2", hop=1), 0x86dd))
ask("an echo request", eth(ip4(icmp4(8), 1, dst="10.1.0.2", ttl=1)), eth(ip6(icmp6(128, dst="2001:db8:1::2"), 58, dst="2001:db8:1::2", hop=1), 0x86dd))
for s in "0.0.0.0", "127.0.0.1", "224.0.0.1", "255.255.255.255", "10.0.0.255", "10.0.0.1":
    ask("from " + s, d4(dst="10.0.0.1", src=s), d4(ttl=1, src=s))
for s in "::", "::1", "ff02::1", "2001:db8::", "2001:db8::1":
    ask("from " + s, d6(dst="2001:db8::1", src=s), d6(hop=1, src=s))
print("== type of service")
for t in 0, 3, 0x10, 0x1c, 0xb8, 0xe0, 0xff:
    ask("tos %02x" % t, d4(dst="10.0.0.1", tos=t), d6(dst="2001:db8::1", tc=t), eth(ip4(icmp4(8), 1, tos=t)), eth(ip6(icmp6(128), 58, tc=t), 0x86dd), d4(tos=t))
print("== redirects")
sh("ip route add 192.0.2.0/24 via 10.0.0.253; ip -6 route add 2001:db8:9::/48 via fe80::fe dev e0; ip route add 192.0.3.0/24 dev e0; ip neigh add 192.0.3.9 lladdr %s dev e0" % mac(A))
last[0] = 100


def wayward(title):
    ask(title, d4(dst="192.0.2.1", src=some("10.0.0")), d6(dst="2001:db8:9::1"))


wayward("by the link it came from")
ask("to a neighbour", d4(dst="192.0.3.9", src=some("10.0.0")), d4(dst="10.0.0.253", src=some("10.0.0")), d6(dst="2001:db8::fe"))
ask("from elsewhere", d4(dst="192.0.2.1", src="198.51.100.7"), d6(dst="2001:db8:9::1", src="2001:db8:44::1"), d6(dst="2001:db8:9::1", src="fe80::2"))
ask("with a record of its route, and a source route", d4(dst="192.0.2.1", src=some("10.0.0"), opts=bytes([7, 11, 4]) + bytes(8)))
ask("TTL of 1", d4(dst="192.0.2.1", ttl=1, src=some("10.0.0")), d6(dst="2001:db8:9::1", hop=1))
for all_, own in (0, 0), (0, 1), (1, 0):
    put("ipv4/conf/all/send_redirects", all_)
    put("ipv4/conf/e0/send_redirects", own)
    wayward("send_redirects %d %d" % (all_, own))
put("ipv4/conf/all/send_redirects", 1)
put("ipv4/conf/e0/send_redirects", 1)
for all_, own in (0, 0), (0, 1), (1, 0):
    put("ipv4/conf/all/shared_media", all_)
    put("ipv4/conf/e0/shared_media", own)
    ask("shared_media %d %d" % (all_, own), d4(dst="192.0.2.1", src=some("10.0.0")), d4(dst="192.0.2.1", src=some("10.9.0")), d4(dst="192.0.2.1", src=some()))
put("ipv4/conf/all/shared_media", 1)
put("ipv4/conf/e0/shared_media", 1)
three = [some("10.0.0") for _ in range(2)]
ask("again and again", d4(dst="192.0.2.1", src=three[0]), d4(dst="192.0.2.1", src=three[0]), d4(dst="192.0.2.7", src=three[0]), d4(dst="192.0.2.7", src=three[1]), d6(dst="2001:db8:9::1"), d6(dst="2001:db8:9::2"))
ask("a frame to all", eth(d4(dst="192.0.2.1", src=some("10.0.0"))[14:], dst=bc))
sh("ip route del 192.0.2.0/24; ip -6 route del 2001:db8:9::/48; ip route del 192.0.3.0/24; ip neigh flush to 192.0.3.9")
print("== echo")


def echoes(title):
    ask(title, eth(ip4(icmp4(8), 1)), eth(ip4(icmp4(8), 1, dst="10.0.0.255"), dst=bc), eth(ip4(icmp4(8), 1, dst="224.0.0.1"), dst="01005e000001"), eth(ip4(icmp4(13, data=bytes(12)), 1, dst="10.0.0.255"), dst=bc),
        eth(ip4(icmp4(17), 1)), eth(ip4(icmp4(15), 1)))


def echoes6(title):
    ask(title, *[eth(ip6(icmp6(128, dst=d, src=s), 58, dst=d, src=s), 0x86dd, dst=E0 if d[0] != "f" or d[:2] == "fe" else "333300000001")
                 for d, s in (("2001:db8::1", "2001:db8::2"), ("ff02::1", "fe80::2"), ("ff02::1", "2001:db8::2"), ("ff01::1", "fe80::2"), ("ff05::2", "2001:db8::2"), ("2001:db8::", "2001:db8::2"), ("fe80::", "fe80::2"))])


echoes("IPv4")
put("ipv4/icmp_echo_ignore_broadcasts", 0)
echoes("IPv4, broadcasts too")
put("ipv4/icmp_echo_ignore_broadcasts", 1)
echoes6("IPv6")
for k in "echo_ignore_multicast", "echo_ignore_anycast", "echo_ignore_all":
    put("ipv6/icmp/" + k, 1)
    echoes6("IPv6, " + k)
    put("ipv6/icmp/" + k, 0)
put("ipv6/anycast_src_echo_reply", 1)
echoes6("IPv6, anycast_src_echo_reply")
put("ipv6/anycast_src_echo_reply", 0)
ask("errors to and from anycast addresses", d6(dst="2001:db8::"), d6(hop=1, src="2001:db8:1::"))
put("ipv6/icmp/error_anycast_as_unicast", 1)
ask("error_anycast_as_unicast", d6(dst="2001:db8::"), d6(hop=1, src="2001:db8:1::"))
put("ipv6/icmp/error_anycast_as_unicast", 0)
for n in 0, 4, 11, 12, 13, 100:
    out = w.send(0, eth(ip4(icmp4(13, data=bytes(n)), 1)))
    show("timestamp of %d bytes" % n, out or ["nothing"])
print("== how many")


def limited(title, *frames, n=10):
    was = counters()
    out = w.send(0, *[f for f in frames for _ in range(n)])
    kinds = {}
    for o in out:
        o = re.sub(r" [0-9a-f]{8} \{.*", "", o)
        kinds[o] = kinds.get(o, 0) + 1
    show(title, ["%d: %s" % (v, k) for k, v in kinds.items()] + [moved(was)])


show("defaults", [get("ipv4/icmp_ratemask"), get("ipv6/icmp/ratemask")])
sh("ip route add 192.0.2.0/24 via 10.0.0.2; ip -6 route add 2001:db8:9::1/128 via 2001:db8::2; ip -6 route add 2001:db8:a::/96 via 2001:db8::2; ip -6 route add 2001:db8:b::/32 via 2001:db8::2")
put("ipv4/icmp_ratelimit", 10000)
limited("port unreachable", d4(dst="10.0.0.1", src="192.0.2.10"))
limited("TTL", d4(ttl=1, src="192.0.2.11"))
limited("no route, then TTL", d4(dst="198.51.100.1", src="192.0.2.12"), d4(ttl=1, src="192.0.2.12"))
sh("ip link set e1 mtu 1300")
limited("too big", d4(1300, flags=2, src="192.0.2.13"))
sh("ip link set e1 mtu 1500")
limited("echo", eth(ip4(icmp4(8), 1, src="192.0.2.14")))
limited("bad options", d4(dst="10.0.0.1", src="192.0.2.15", opts=bytes([7, 3, 3, 0])))
put("ipv4/icmp_ratemask", 8)
limited("mask 8: TTL, port unreachable", d4(ttl=1, src="192.0.2.16"), d4(dst="10.0.0.1", src="192.0.2.16"))
put("ipv4/icmp_ratemask", 6168)
put("ipv4/icmp_ratelimit", 0)
put("ipv6/icmp/ratelimit", 10000)
limited("IPv6, /128", d6(dst="2001:db8::1", src="2001:db8:9::1"))
limited("IPv6, /96", d6(dst="2001:db8::1", src="2001:db8:a::1"))
limited("IPv6, /64", d6(dst="2001:db8::1", src="2001:db8::2"))
limited("IPv6, /32", d6(dst="2001:db8::1", src="2001:db8:b::1"))
limited("IPv6: no route, TTL", d6(dst="3fff::1", src="2001:db8:a::2"), d6(hop=1, src="2001:db8:a::2"))
sh("ip link set e1 mtu 1300")
limited("IPv6: too big", d6(1300, src="2001:db8:a::3"))
sh("ip link set e1 mtu 1500")
limited("IPv6: echo", eth(ip6(icmp6(128, src="2001:db8:a::4"), 58, src="2001:db8:a::4"), 0x86dd))
show("mask", [put("ipv6/icmp/ratemask", "128-129"), get("ipv6/icmp/ratemask")])
limited("IPv6, mask 128-129: echo, port", eth(ip6(icmp6(128, src="2001:db8:a::5"), 58, src="2001:db8:a::5"), 0x86dd), d6(dst="2001:db8::1", src="2001:db8:a::5"))
put("ipv6/icmp/ratemask", "0-1,3-127")
put("ipv6/icmp/ratelimit", 0)
for v in "icmp_msgs_per_sec", "icmp_msgs_burst":
    show(v, ["%s: %s %s" % (x, put("ipv4/" + v, x), get("ipv4/" + v)) for x in ("-1", "0", "x", "1000000")])
sh("ip route del 192.0.2.0/24")
print("== reverse paths")


def judged(title, *frames, dev=0):
    was = counters()
    out = w.send(dev, *frames)
    show(title, (out or ["nothing"]) + [moved(was)])


for all_, own in (0, 0), (0, 1), (1, 0), (0, 2), (2, 1), (1, 2), (2, 0):
    put("ipv4/conf/all/rp_filter", all_)
    put("ipv4/conf/e0/rp_filter", own)
    judged("rp_filter %d %d: from the other link, from nowhere, from here" % (all_, own), d4(src="10.1.0.77"), d4(src="198.51.100.1"), d4(), d4(src="10.1.0.77", dst="10.0.0.1"), d4(src="0.0.0.0", dst="255.255.255.255"))
put("ipv4/conf/all/rp_filter", 0)
put("ipv4/conf/e0/rp_filter", 0)
for d in "all", "e0":
    put("ipv4/conf/%s/log_martians" % d, 1)
for all_, own in (0, 0), (0, 1), (1, 0):
    put("ipv4/conf/all/accept_local", all_)
    put("ipv4/conf/e0/accept_local", own)
    judged("accept_local %d %d" % (all_, own), d4(src="10.1.0.1", dst="10.0.0.1", dport=5), d4(src="10.0.0.1"), d4(src="10.0.0.1", dst="10.0.0.1"))
put("ipv4/conf/all/accept_local", 0)
put("ipv4/conf/e0/accept_local", 0)
for all_, own in (0, 0), (0, 1), (1, 0):
    put("ipv4/conf/all/route_localnet", all_)
    put("ipv4/conf/e0/route_localnet", own)
    judged("route_localnet %d %d" % (all_, own), d4(dst="127.0.0.5"), d4(src="127.0.0.5", dst="10.0.0.1"))
put("ipv4/conf/all/route_localnet", 0)
put("ipv4/conf/e0/route_localnet", 0)
for all_, own, other in (0, 0, 0), (1, 0, 0), (0, 1, 0), (1, 1, 0), (1, 0, 1), (1, 1, 1):
    put("ipv4/conf/all/bc_forwarding", all_)
    put("ipv4/conf/e0/bc_forwarding", own)
    put("ipv4/conf/e1/bc_forwarding", other)
    judged("bc_forwarding %d %d %d" % (all_, own, other), d4(dst="10.1.0.255"), d4(dst="10.0.0.255", src=some("10.0.0")), d4(dst="255.255.255.255"), d4(dst="10.1.0.255", ttl=1))
for d in "all", "e0", "e1":
    put("ipv4/conf/%s/bc_forwarding" % d, 0)
judged("odd destinations", d4(dst="0.0.0.0"), d4(dst="240.0.0.1"), d4(dst="0.0.0.1"), d4(dst="10.0.0.0", src=some("10.0.0")), d4(dst="10.1.0.0"), d4(dst="255.255.255.254"))
judged("odd sources", d4(src="240.0.0.1"), d4(src="0.0.0.7"), d4(src="10.1.0.255"), d4(src="10.1.0.0"), d4(src="255.255.255.254"))
print("== by which device")
for e0, e1 in (0, 0), (1, 0), (0, 1):
    for v in "ipv4", "ipv6":
        put("%s/conf/e0/forwarding" % v, e0)
        put("%s/conf/e1/forwarding" % v, e1)
    judged("forwarding %d %d" % (e0, e1), d4(), d6(), d4(dst="192.0.2.1"), d6(dst="2001:db8:99::1"))
    judged("forwarding %d %d, the other way" % (e0, e1), eth(ip4(udp(), src="10.1.0.2", dst="10.0.0.2"), dst=E1, src=B), eth(ip6(udp(src="2001:db8:1::2", dst="2001:db8::2"), src="2001:db8:1::2", dst="2001:db8::2"), 0x86dd, dst=E1, src=B), dev=1)
for d in "e0", "e1":
    put("ipv4/conf/%s/forwarding" % d, 1)
    put("ipv6/conf/%s/forwarding" % d, 1)
