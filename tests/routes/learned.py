"""What ICMP teaches a host about its routes: path MTUs and redirects of both families, believed or not, for how long, and until what.

    learned.sh runs this; compare.py has what Linux 6.18 printed."""
from wire import *

w = Wire("ip route add default via 10.0.0.254; ip -6 route add default via fe80::fe dev e0")


def age(text):
    """Seconds that are left, without what depends on the machine's speed."""
    def one(m):
        n = int(m.group(1))
        return "expires %ssec" % next((c for c in (100, 300, 600) if c * 3 // 4 < n <= c), n)
    return re.sub(r"expires (\d+)sec", one, text)


def cache(title="cache", only=(4, 6), to=()):
    """What is there once somebody asked for the way to `to` and the usual ones: until then Linux does not show what it learned."""
    batch = "".join("route get %s\n" % d for d in (FAR, FAR2, FAR6, FAR62, *to))
    subprocess.run(["ip", "-force", "-batch", "-"], input=batch, text=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    for f in only:
        lines = [re.sub(r"\s+", " ", l.strip()) for l in age(sh("ip -%d route show cache" % f)).replace("\n    cache", " cache").replace("\ncache", " cache").split("\n")]
        show("%s, IPv%d" % (title, f), sorted(l for l in lines if l))


def quoted4(dst, proto=1, src="10.0.0.1", body=None):
    return ip4(body or icmp4(0, data=b"12345678"), proto, src=src, dst=dst)


def quoted6(dst, src="2001:db8::1", nh=58, body=None):
    return ip6(body or icmp6(128, data=b"12345678", src=src, dst=dst), nh, src=src, dst=dst)


def frag(mtu, dst, frm="10.0.0.254", **k):
    w.send(0, eth(ip4(icmp4(3, 4, struct.pack(">HH", 0, mtu), quoted4(dst, **k)), 1, src=frm)))


def big(mtu, dst, frm="2001:db8::fe", **k):
    w.send(0, eth(ip6(icmp6(2, 0, struct.pack(">I", mtu), quoted6(dst, **k), src=frm), 58, src=frm), 0x86dd))


def redir4(dst, gw, frm="10.0.0.254", code=1, to="10.0.0.1", **k):
    w.send(0, eth(ip4(icmp4(5, code, a4(gw), quoted4(dst, **k)), 1, src=frm, dst=to)))


def redir6(dst, target, frm="fe80::fe", hop=255, opts=b"", to="2001:db8::1"):
    body = a6(target) + a6(dst) + opts
    w.send(0, eth(ip6(icmp6(137, 0, b"\0\0\0\0", body, src=frm, dst=to), 58, src=frm, dst=to, hop=hop), 0x86dd))


def header(p):
    return bytes([4, 1 + len(p) // 8]) + bytes(6) + p[:len(p) // 8 * 8]


def flush():
    put("ipv4/route/flush", 1)
    put("ipv6/route/flush", 1)


def route(*to):
    for d in to:
        v = "-6" if ":" in d else "-4"
        show("route get " + d, age(re.sub(r" \n", "\n", sh("ip %s route get %s" % (v, d)))))


FAR, FAR2, FAR6, FAR62 = "192.0.2.1", "192.0.2.2", "2001:db8:9::1", "2001:db8:9::2"
print("== path MTUs")
for m in 1400, 1500, 1450, 1300:
    frag(m, FAR)
    big(m, FAR6)
    cache("after %d" % m)
flush()
cache("flushed")
for m in 0, 1, 67, 68, 551, 552, 553, 1499, 1500, 65535:
    frag(m, FAR)
    cache("IPv4 %d" % m, (4,))
    flush()
for m in 0, 1, 1279, 1280, 1281, 1499, 1500, 65536, 0xffffffff:
    big(m, FAR6)
    cache("IPv6 %d" % m, (6,))
    flush()
print("== by whom, about what")
frag(1400, FAR, frm="203.0.113.7")
big(1400, FAR6, frm="2001:db8:77::1")
frag(1400, FAR2, src="10.1.0.1")
big(1400, FAR62, src="2001:db8:1::1")
cache("from anyone, about another address of ours")
flush()
frag(1400, FAR, src="10.0.0.77")
big(1400, FAR6, src="2001:db8::77")
cache("about a packet that was not ours")
flush()
frag(1400, FAR, proto=17, body=udp(src="10.0.0.1", dst=FAR))
big(1400, FAR6, nh=17, body=udp(src="2001:db8::1", dst=FAR6))
cache("about UDP that no socket sent")
frag(1400, FAR, body=icmp4(8, data=b"12345678"))
cache("about an echo request that no socket sent", (4,))
frag(1400, FAR, proto=6, body=tcp(src="10.0.0.1", dst=FAR))
big(1400, FAR6, nh=6, body=tcp(src="2001:db8::1", dst=FAR6))
frag(1400, FAR, proto=99)
big(1400, FAR6, nh=99)
cache("about TCP and protocol 99 that no socket sent")
flush()
frag(1400, "10.0.0.2")
big(1400, "2001:db8::2")
frag(1400, "10.1.0.2")
big(1400, "2001:db8:1::2")
cache("about neighbours", to=("10.1.0.2",))
flush()
frag(1400, "127.0.0.1")
frag(1400, "10.0.0.1")
big(1400, "::1")
big(1400, "2001:db8::1")
cache("about ourselves", to=("127.0.0.1", "10.0.0.1"))
route("10.0.0.1", "2001:db8::1")
flush()
frag(1400, "224.1.1.1")
frag(1400, "10.0.0.255")
big(1400, "ff02::99")
big(1400, "fe80::2")
cache("about groups, a broadcast, a neighbour of the link", to=("224.1.1.1", "10.0.0.255"))
flush()
print("== sockets' options")
for v in 0, 1, 2, 3:
    put("ipv4/ip_no_pmtu_disc", v)
    frag(1400, FAR)
    cache("ip_no_pmtu_disc %d" % v, (4,))
    flush()
put("ipv4/ip_no_pmtu_disc", 0)
print("== sysctls")
for name in "ipv4/route/mtu_expires", "ipv4/route/min_pmtu", "ipv4/route/min_adv_mss", "ipv6/route/mtu_expires", "ipv6/route/min_adv_mss":
    was = get(name)
    show(name, ["%s: %s, %s" % (v, put(name, v), get(name)) for v in ("0", "1", "67", "68", "100", "-1", "65536", "2147483648", "x")])
    put(name, was)
for v in "gc_thresh", "max_size", "gc_min_interval", "gc_timeout", "gc_interval", "gc_elasticity", "gc_min_interval_ms", "skip_notify_on_dev_down":
    was = get("ipv6/route/" + v)
    show("ipv6/route/%s %s" % (v, was), ["%s: %s, %s" % (x, put("ipv6/route/" + v, x), get("ipv6/route/" + v)) for x in ("-1", "0", "5", "2147483648")])
    put("ipv6/route/" + v, was)
show("gc_min_interval is gc_min_interval_ms", [put("ipv6/route/gc_min_interval", 2), get("ipv6/route/gc_min_interval_ms"), put("ipv6/route/gc_min_interval_ms", 700), get("ipv6/route/gc_min_interval")])
put("ipv6/route/gc_min_interval_ms", 500)
show("who may", sh("cd /proc/sys/net; stat -c '%a %n' ipv4/route/* ipv6/route/*"))
put("ipv4/route/mtu_expires", 300)
put("ipv6/route/mtu_expires", 100)
put("ipv4/route/min_pmtu", 1000)
frag(900, FAR)
frag(1000, FAR2)
big(1400, FAR6)
cache("mtu_expires, min_pmtu 1000")
frag(1300, FAR)
cache("a locked one, told more", (4,))
frag(800, FAR)
cache("a locked one, told less", (4,))
put("ipv4/route/min_pmtu", 552)
frag(600, FAR)
cache("a locked one, told less once that is allowed", (4,))
show("flush by sysctl", [put("ipv4/route/flush", 1), put("ipv6/route/flush", 1), get("ipv4/route/flush")])
cache("flushed")
put("ipv4/route/mtu_expires", 600)
put("ipv6/route/mtu_expires", 600)
print("== routes with an MTU")
sh("ip route replace 198.51.100.0/24 via 10.0.0.254 mtu 1450; ip -6 route replace 2001:db8:8::/48 via fe80::fe dev e0 mtu 1450")
frag(1460, "198.51.100.1")
big(1460, "2001:db8:8::1")
cache("more than the route's", to=("198.51.100.1", "2001:db8:8::1"))
frag(1400, "198.51.100.1")
big(1400, "2001:db8:8::1")
cache("less than the route's", to=("198.51.100.1", "2001:db8:8::1"))
route("198.51.100.1", "2001:db8:8::1", "198.51.100.2")
sh("ip route replace 198.51.100.0/24 via 10.0.0.254 mtu lock 1450; ip -6 route replace 2001:db8:8::/48 via fe80::fe dev e0 mtu lock 1450")
cache("the route was replaced", to=("198.51.100.1", "2001:db8:8::1"))
frag(1400, "198.51.100.1")
big(1400, "2001:db8:8::1")
cache("the route's is locked", to=("198.51.100.1", "2001:db8:8::1"))
route("198.51.100.1", "2001:db8:8::1")
sh("ip route del 198.51.100.0/24; ip -6 route del 2001:db8:8::/48")
flush()
print("== until when")


def learn():
    flush()
    frag(1400, FAR)
    big(1400, FAR6)
    w.send(0)


def gone(title, do, undo="true"):
    learn()
    out = sh(do)
    if out:
        show("said", out)
    cache(title)
    sh(undo)
    cache(title + ", and back")


gone("another route is added", "ip route add 198.18.0.0/24 via 10.0.0.254; ip -6 route add 2001:db8:aa::/48 via fe80::fe dev e0", "ip route del 198.18.0.0/24; ip -6 route del 2001:db8:aa::/48")
gone("a closer route is added", "ip route add 192.0.2.0/24 via 10.0.0.253; ip -6 route add 2001:db8:9::/48 via fe80::2 dev e0", "ip route del 192.0.2.0/24; ip -6 route del 2001:db8:9::/48")
gone("a closer route by the same gateway", "ip route add 192.0.2.0/24 via 10.0.0.254; ip -6 route add 2001:db8:9::/48 via fe80::fe dev e0; ip route get 192.0.2.1 | head -1; ip route get 2001:db8:9::1", "ip route del 192.0.2.0/24; ip -6 route del 2001:db8:9::/48")
gone("the route is replaced by itself", "ip route replace default via 10.0.0.254; ip -6 route replace default via fe80::fe dev e0")
gone("the route is replaced by another gateway", "ip route replace default via 10.0.0.253; ip -6 route replace default via fe80::2 dev e0", "ip route replace default via 10.0.0.254; ip -6 route replace default via fe80::fe dev e0")
gone("the route goes", "ip route del default; ip -6 route del default", "ip route add default via 10.0.0.254; ip -6 route add default via fe80::fe dev e0")
gone("another address", "ip addr add 10.7.0.1/24 dev e1; ip addr add 2001:db8:7::1/64 dev e1", "ip addr del 10.7.0.1/24 dev e1; ip addr del 2001:db8:7::1/64 dev e1")
gone("another address of the device", "ip addr add 10.7.0.1/24 dev e0; ip addr add 2001:db8:7::1/64 dev e0", "ip addr del 10.7.0.1/24 dev e0; ip addr del 2001:db8:7::1/64 dev e0")
gone("a rule comes", "ip rule add pref 100 to 203.0.113.0/24 lookup main; ip -6 rule add pref 100 to 2001:db8:ff::/48 lookup main", "ip rule del pref 100; ip -6 rule del pref 100")
gone("the device's MTU less", "ip link set e0 mtu 1380", "ip link set e0 mtu 1500")
gone("the device's MTU more", "ip link set e0 mtu 1600", "ip link set e0 mtu 1500")
gone("forwarding", "sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1", "sysctl -qw net.ipv4.ip_forward=0 net.ipv6.conf.all.forwarding=0")
gone("the neighbour goes", "ip neigh del 10.0.0.254 dev e0; ip neigh del fe80::fe dev e0", "ip neigh add 10.0.0.254 lladdr %s dev e0; ip neigh add fe80::fe lladdr %s dev e0" % (mac(A), mac(A)))
learn()
cache("by -4 alone", sh("ip -4 route flush cache") or (4, 6))
learn()
cache("by -6 alone", sh("ip -6 route flush cache") or (4, 6))
print("== the same way for two routes")
flush()
sh("ip route add 198.51.100.0/24 via 10.0.0.254; ip route add 198.51.101.0/24 via 10.0.0.254 metric 5; ip -6 route add 2001:db8:a::/48 via fe80::fe dev e0; ip -6 route add 2001:db8:b::/48 via fe80::fe dev e0")
frag(1400, "198.51.100.1")
frag(1390, "198.51.101.1")
big(1400, "2001:db8:a::1")
big(1390, "2001:db8:b::1")
cache(to=("198.51.100.1", "198.51.101.1"))
sh("ip route del 198.51.100.0/24; ip -6 route del 2001:db8:a::/48")
cache("one gone", to=("198.51.100.1", "198.51.101.1"))
sh("ip route del 198.51.101.0/24; ip -6 route del 2001:db8:b::/48")
cache("both gone")
flush()
print("== several ways")
sh("ip route add 198.51.100.0/24 nexthop via 10.0.0.254 nexthop via 10.1.0.254; ip -6 route add 2001:db8:a::/48 nexthop via fe80::fe dev e0 nexthop via 2001:db8:1::2")
frag(1400, "198.51.100.1")
frag(1400, "198.51.100.1", src="10.1.0.1")
big(1400, "2001:db8:a::1")
n = [len(sh("ip -%d route show cache" % f).replace("\n    cache", "").replace("\ncache", "").split("\n")) - 1 for f in (4, 6)]
show("entries", ["IPv4 at least one: %s" % (n[0] > 0), "IPv6 at least one: %s" % (n[1] > 0)])
sh("ip route del 198.51.100.0/24; ip -6 route del 2001:db8:a::/48")
cache("gone")
print("== next-hop objects")
sh("ip nexthop add id 1 via 10.0.0.254 dev e0; ip nexthop add id 2 via fe80::fe dev e0; ip route add 198.51.100.0/24 nhid 1; ip -6 route add 2001:db8:a::/48 nhid 2")
frag(1400, "198.51.100.1")
big(1400, "2001:db8:a::1")
cache(to=("198.51.100.1",))
sh("ip nexthop replace id 1 via 10.0.0.253 dev e0; ip nexthop replace id 2 via fe80::2 dev e0")
cache("replaced", to=("198.51.100.1",))
sh("ip nexthop del id 1; ip nexthop del id 2")
cache("gone")
flush()
print("== redirects")
redir4(FAR, "10.0.0.253")
redir6(FAR6, "fe80::2")
cache()
route(FAR, FAR6)
frag(1400, FAR)
big(1400, FAR6)
cache("and an MTU")
redir4(FAR, "10.0.0.2")
redir6(FAR6, "fe80::99", frm="fe80::2")
cache("and another gateway, from the old one in IPv4, from the new one in IPv6")
redir4(FAR, "10.0.0.2", frm="10.0.0.253")
cache("and from the new one in IPv4", (4,))
flush()
for title, k in (("by another gateway", {"frm": "10.0.0.2"}), ("for a network", {"code": 0}), ("for a network and TOS", {"code": 2}), ("for a host and TOS", {"code": 3}), ("code 4", {"code": 4}),
                 ("to itself", {"gw": "10.0.0.254"}), ("to us", {"gw": "10.0.0.1"}), ("off the link", {"gw": "10.5.0.1"}), ("to the other link", {"gw": "10.1.0.2"}), ("to a group", {"gw": "224.0.0.9"}),
                 ("to 0", {"gw": "0.0.0.0"}), ("to a broadcast", {"gw": "10.0.0.255"}), ("to nobody known", {"gw": "10.0.0.99"}), ("UDP that no socket sent", {"proto": 17, "body": udp(src="10.0.0.1", dst=FAR)}),
                 ("TCP that no socket sent", {"proto": 6, "body": tcp(src="10.0.0.1", dst=FAR)}), ("protocol 99", {"proto": 99}), ("not our packet", {"src": "10.0.0.77"}), ("an echo request that no socket sent", {"body": icmp4(8, data=b"12345678")}),
                 ("about a neighbour", {"dst": "10.0.0.99"}), ("to a neighbour of another link's", {"gw": "10.1.0.99"})):
    k = {"dst": FAR, "gw": "10.0.0.253", **k}
    redir4(**k)
    cache("IPv4 " + title, (4,), ("10.0.0.99",))
    flush()
for title, k in (("from an address that is not the link's", {"frm": "2001:db8::fe"}), ("hop limit 254", {"hop": 254}), ("the destination is on the link", {"target": FAR6}), ("to a global address", {"target": "2001:db8::2"}),
                 ("to a group", {"target": "ff02::2"}), ("about a group", {"dst": "ff05::1"}), ("by another", {"frm": "fe80::99"}), ("with an address", {"opts": bytes.fromhex("0201" + A)}),
                 ("to nobody known", {"target": "fe80::99"}), ("to our group", {"to": "ff02::1"}), ("option without a length", {"opts": bytes(8)}),
                 ("with the header of an echo request", {"opts": header(quoted6(FAR6, body=icmp6(128, data=b"12345678", src="2001:db8::1", dst=FAR6)))}), ("with the header of an echo reply", {"opts": header(quoted6(FAR6, body=icmp6(129, data=b"12345678", src="2001:db8::1", dst=FAR6)))}),
                 ("with the header of UDP that no socket sent", {"opts": header(quoted6(FAR6, nh=17, body=udp(b"12345678", src="2001:db8::1", dst=FAR6)))}),
                 ("with the header of TCP that no socket sent", {"opts": header(quoted6(FAR6, nh=6, body=tcp(src="2001:db8::1", dst=FAR6)))}),
                 ("with the header of protocol 99", {"opts": header(quoted6(FAR6, nh=99))}), ("with a header that is too short", {"opts": header(quoted6(FAR6)[:32])}),
                 ("with the header of a packet to another", {"opts": header(quoted6(FAR62))})):
    k = {"dst": FAR6, "target": "fe80::2", **k}
    redir6(**k)
    cache("IPv6 " + title, (6,))
    flush()
for name, v in (("accept_redirects", 0), ("shared_media", 0), ("secure_redirects", 0)):
    for d in "all", "e0":
        put("ipv4/conf/%s/%s" % (d, name), v)
    redir4(FAR, "10.0.0.253")
    cache("%s %d" % (name, v), (4,))
    flush()
    for d in "all", "e0":
        put("ipv4/conf/%s/%s" % (d, name), 1)
for d in "all", "e0":
    put("ipv4/conf/%s/shared_media" % d, 0)
sh("ip route add 203.0.113.0/24 via 10.0.0.253")
redir4(FAR, "10.0.0.253")
cache("shared_media 0, to a gateway of another route", (4,))
sh("ip route add default via 10.0.0.253 metric 10")
redir4(FAR, "10.0.0.253")
cache("shared_media 0, to a default gateway", (4,))
sh("ip route del default via 10.0.0.253; ip route del 203.0.113.0/24")
for d in "all", "e0":
    put("ipv4/conf/%s/shared_media" % d, 1)
put("ipv6/conf/e0/accept_redirects", 0)
redir6(FAR6, "fe80::2")
cache("IPv6 accept_redirects 0", (6,))
put("ipv6/conf/e0/accept_redirects", 1)
put("ipv4/ip_forward", 1)
put("ipv6/conf/e0/forwarding", 1)
put("ipv6/conf/e0/accept_redirects", 1)
redir4(FAR, "10.0.0.253")
redir6(FAR6, "fe80::2")
cache("a router")
put("ipv4/ip_forward", 0)
put("ipv6/conf/e0/forwarding", 0)
flush()
redir4(FAR, "10.0.0.253")
redir6(FAR6, "fe80::2")
sh("ip route del default; ip -6 route del default")
cache("the route goes")
sh("ip route add default via 10.0.0.254; ip -6 route add default via fe80::fe dev e0")
cache("and back")
print("== the link goes")
learn()
redir4(FAR2, "10.0.0.253")
redir6(FAR62, "fe80::2")
cache()
enter("w")
sh("ip link set w0 down")
enter("h")
cache("no carrier")
enter("w")
sh("ip link set w0 up")
enter("h")
cache("a carrier again")
sh("ip link set e0 down")
cache("down")
