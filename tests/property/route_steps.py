"""Random commands and questions for tests/property/routes.py: the same seed gives the same. Small sets of addresses, prefixes, gateways
and tables, so that commands meet: most succeed, many are refused, and why is compared too."""
import random, re

VETHS = ["v0", "v1", "v2"]
DEVS = ["v0", "v0", "v0", "v1", "v1", "v1", "v2", "v2", "lo", "d0", "m0", "x1", "other0", "gone0"]
A4 = ["10.0.0.1/24", "10.0.0.2/24", "10.0.1.1/24", "10.0.1.1/16", "10.1.0.1/16", "10.1.2.1/30", "172.16.0.1/32", "192.168.5.1/25",
      "10.0.0.129/25", "127.0.0.5/8", "10.9.0.1/31"]
A6 = ["2001:db8::1/64", "2001:db8::2/64", "2001:db8:1::1/64", "2001:db8:1::1/48", "2001:db8:2::1/127", "fd00::1/128", "fe80::5/64",
      "2001:db8:0:5::1/72", "2001:db8::a/120"]
G4 = ["10.0.0.2", "10.0.0.3", "10.0.0.130", "10.0.1.2", "10.0.1.9", "10.1.0.2", "10.1.2.2", "192.168.5.2", "10.99.0.1", "10.0.0.1", "172.16.0.1"]
G6 = ["2001:db8::2", "2001:db8::3", "2001:db8:1::2", "2001:db8:1::9", "2001:db8:2::", "fe80::2", "fe80::2", "fe80::9", "2001:db8:99::1", "2001:db8::1",
      "fe80::1", "ff02::1", "::1", "fd00::1"]
P4 = ["default", "10.0.0.0/24", "10.2.0.0/16", "10.2.3.0/24", "10.2.3.4", "20.0.0.0/8", "20.1.0.0/16", "20.1.1.0/24", "20.1.1.1", "10.1.0.0/16",
      "192.168.0.0/16", "0.0.0.0/1", "128.0.0.0/1", "20.1.1.1/8"]
P6 = ["default", "2001:db8::/64", "2001:db8:2::/48", "2001:db8:2:3::/64", "2001:db8:2:3::4", "2a00::/12", "2a00:1::/32", "2a00:1:1::/48",
      "2a00:1:1::1", "2001:db8:1::/64", "fd00::/8", "::/1", "8000::/1", "2a00:1:1::1/32", "fe80::/64", "ff00::/8"]
T4 = ["10.0.0.1", "10.0.0.2", "10.0.0.9", "10.0.0.200", "10.0.0.255", "10.0.1.1", "10.0.1.7", "10.1.0.1", "10.1.2.2", "10.1.2.3", "10.2.1.1",
      "10.2.3.4", "10.2.3.5", "20.0.0.1", "20.1.0.1", "20.1.1.1", "20.1.1.2", "172.16.0.1", "192.168.5.1", "192.168.5.127", "192.168.9.9",
      "8.8.8.8", "200.1.1.1", "127.0.0.1", "127.0.0.5", "10.99.0.1", "224.0.0.5", "239.1.1.1", "255.255.255.255", "0.0.0.0"]
T6 = ["2001:db8::1", "2001:db8::2", "2001:db8::9", "2001:db8::", "2001:db8:1::1", "2001:db8:1::7", "2001:db8:1:1::1", "2001:db8:2::1", "2001:db8:2:3::4",
      "2001:db8:2:3::5", "2001:db8:2:9::1", "2a00::1", "2a00:1::1", "2a00:1:1::1", "2a00:1:1::2", "fd00::1", "fd00::2", "fe80::5", "fe80::2", "::1",
      "ff02::1", "9000::1", "2001:db8:99::1", "::"]
TABLES = ["main", "main", "main", "100", "101", "300", "default", "local"]
PROTOS = ["static", "static", "bird", "kernel", "boot", "ra", "redirect", "200"]
METRICS = ["mtu 1400", "mtu 1400", "mtu lock 1300", "mtu lock 1500", "mtu 9000", "mtu 1200", "mtu 0", "mtu 70000", "advmss 1000", "advmss lock 1200", "advmss 70000", "initcwnd 20 rtt 50ms",
           "rtt lock 300ms", "rttvar 30ms ssthresh 9", "ssthresh lock 7", "window 5000", "window lock 3000", "cwnd 7", "cwnd lock 8", "reordering 9", "hoplimit 5", "hoplimit 300",
           "initrwnd 15", "quickack 1", "features ecn", "rto_min 5s", "rto_min lock 200ms", "fastopen_no_cookie 1", "congctl reno", "congctl lock cubic", "congctl cubic", "congctl nosuch"]


def maybe(r, p, text):
    return " " + text if r.random() < p else ""


def pick(r, family, four, six):
    return r.choice(four if family == 4 else six)


def ip(family):
    return "" if family == 4 else "-6 "


def hop(r, f):
    s = ""
    x = r.random()
    if f == 4 and x < 0.05:
        s += " via inet6 " + r.choice(G6)
    elif x < 0.75:
        s += " via " + pick(r, f, G4, G6)
    if x > (0.55 if f == 4 else 0.4):
        s += " dev " + r.choice(DEVS)
    return s + maybe(r, 0.1, "onlink")


def route(r, f):
    verb = r.choice(["add"] * 5 + ["replace"] * 3 + ["append", "append", "prepend", "prepend", "change", "change", "del", "del", "del"])
    if r.random() < 0.25: # one of a few: what was added is changed and deleted by the same words
        r = random.Random("%d %d" % (f, r.randint(1, 30)))
    kind = r.choice([""] * 10 + ["blackhole", "unreachable", "prohibit", "throw", "local", "broadcast" if f == 4 else "anycast", "multicast", "nat"])
    s = "%sroute %s %s %s" % (ip(f), verb, kind, pick(r, f, P4, P6))
    if verb == "del" and r.random() < 0.6:
        return s + maybe(r, 0.3, "table " + r.choice(TABLES)) + maybe(r, 0.2, "metric %d" % r.choice([0, 10, 20]))
    if kind in ("", "local", "broadcast", "anycast", "multicast") or r.random() < 0.1:
        x = r.random()
        if x < 0.18 and kind == "":
            s += " nhid %d" % (r.randint(1, 12) + (20 if r.random() < (0.95 if f == 6 else 0.15) else 0))
        elif x < 0.4 and kind == "":
            for i in range(r.randint(1, 4)):
                s += " nexthop" + hop(r, f) + maybe(r, 0.4, "weight %d" % r.choice([1, 2, 3, 4, 256])) + maybe(r, 0.05, "realm 4")
        else:
            s += hop(r, f)
        s += maybe(r, 0.1, "src " + pick(r, f, A4, A6).split("/")[0])
        if f == 4:
            s += maybe(r, 0.12, "scope " + r.choice(["link", "host", "global", "site", "200"]))
    s += maybe(r, 0.35, "metric %d" % r.choice([10, 20, 30])) + maybe(r, 0.02, "metric %d" % r.choice([0, 1024, 256, 4294967295]))
    if f == 4:
        s += maybe(r, 0.15, "tos " + r.choice(["0x10", "0x08", "0x20", "0x40", "0xb8", "0x01"]))
    else:
        s += maybe(r, 0.08, "pref " + r.choice(["low", "high", "medium"])) + maybe(r, 0.05, "expires 600") + maybe(r, 0.02, "tos 0x10") + maybe(r, 0.02, "scope link")
    s += maybe(r, 0.4, "table " + r.choice(TABLES)) + maybe(r, 0.15, "proto " + r.choice(PROTOS))
    while r.random() < 0.2:
        s += " " + r.choice(METRICS)
    return s + maybe(r, 0.04, r.choice(["realm 3", "realm 5/6", "table 4294967295", "table 0"]))


def rule(r, f):
    if r.random() < 0.3: # one of a few: deleted by all that it was made with
        s = rule_add(random.Random("rule %d %d" % (f, r.randint(1, 12))), f)
        return s if r.random() < 0.5 else s.replace("rule add", "rule del")
    if r.random() < 0.3:
        return ip(f) + "rule del " + r.choice(["pref %d" % r.choice([100, 200, 300, 400, 32765]), "from " + pick(r, f, ["10.0.0.0/24"], ["2001:db8::/64"]),
                                               "table 100", "fwmark 5", "iif v0", "not", "suppress_prefixlength 0", "ipproto tcp", "dsfield 0x08", "table 500", "oif v1", "prohibit", "goto 300", "uidrange 1000-2000",
                                               "dport 80", "protocol static", "l3mdev", "pref 4294967295", "to " + pick(r, f, ["20.1.0.0/16"], ["2a00:1::/32"]), "pref 0", "pref 32766 table main"])
    return rule_add(r, f)


def rule_add(r, f):
    s = ip(f) + "rule add" + maybe(r, 0.1, "not")
    s += maybe(r, 0.3, "from " + pick(r, f, ["all", "10.0.0.0/24", "10.0.0.1", "10.1.0.0/16"], ["all", "2001:db8::/64", "2001:db8::1", "2001:db8:1::/48"]))
    s += maybe(r, 0.3, "to " + pick(r, f, ["20.1.0.0/16", "10.2.0.0/16", "20.1.1.1"], ["2a00:1::/32", "2001:db8:2::/48", "2a00:1:1::1"]))
    s += maybe(r, 0.15, "fwmark " + r.choice(["5", "5/0xf", "0/0x3", "0", "0xffffffff", "6/4"])) + maybe(r, 0.2, "iif " + r.choice(DEVS + ["none0", "lo", "lo"])) + maybe(r, 0.15, "oif " + r.choice(DEVS))
    s += maybe(r, 0.1, "dsfield " + r.choice(["0x08", "0x10", "0x20", "0x01", "0", "0xb8", "CS1"])) + maybe(r, 0.12, "ipproto " + r.choice(["tcp", "udp", "icmp" if f == 4 else "ipv6-icmp"]))
    s += maybe(r, 0.08, "dport " + r.choice(["80", "1-100", "100-1", "53", "0", "65535"])) + maybe(r, 0.05, "sport " + r.choice(["1000-2000", "1500", "1-65535"])) + maybe(r, 0.05, "uidrange " + r.choice(["1000-2000", "0-0", "5-1"]))
    s += maybe(r, 0.15, "suppress_prefixlength %d" % r.choice([0, 0, 8, 16, 24, 32, 48, 64, 128, 200])) + maybe(r, 0.06, "suppress_ifgroup %d" % r.choice([0, 5])) + maybe(r, 0.5, "pref %d" % r.choice([100, 200, 300, 400, 1000, 0, 32766, 32767, 4294967295]))
    s += maybe(r, 0.04, "protocol " + r.choice(["static", "kernel", "0"])) + maybe(r, 0.03, r.choice(["realms 3/4", "realms 7"])) + maybe(r, 0.02, "tun_id 5")
    x = r.random()
    if x < 0.65:
        s += " table " + r.choice(["100", "101", "300", "main", "local", "default", "500", "0", "4294967295"])
    elif x < 0.7:
        s += " l3mdev"
    elif x < 0.85:
        s += " " + r.choice(["blackhole", "unreachable", "prohibit", "nop"])
    else:
        s += " goto %d" % r.choice([100, 200, 300, 400, 32766, 32767, 0, 50])
    return s


def nexthop(r, f):
    base = 0 if f == (4 if r.random() < 0.92 else 6) else 20
    i = base + r.randint(1, 12)
    x = r.random()
    if x < 0.2:
        return "nexthop %s id %d" % (r.choice(["del", "del", "del", "get"]), i)
    if x < 0.23:
        return "nexthop " + r.choice(["show", "show groups", "show dev v0", "show fdb", "-6 show", "flush proto bird", "flush dev v1", "bucket show", "bucket get id 3 index 1", "bucket show nhid 2", "bucket show dev v1"])
    verb = r.choice(["add", "add", "replace"])
    if x < 0.6:
        return "%snexthop %s id %d%s dev %s%s" % (ip(f), verb, i, maybe(r, 0.8, "via " + pick(r, f, G4, G6)), r.choice(DEVS), maybe(r, 0.1, "onlink") + maybe(r, 0.1, "proto " + r.choice(PROTOS)))
    if x < 0.68:
        return "%snexthop %s id %d blackhole" % (ip(f), verb, i)
    if x < 0.71:
        return "%snexthop %s id %d via %s fdb" % (ip(f), verb, i, pick(r, f, G4, G6))
    members = "/".join("%d%s" % (base + r.randint(1, 6), r.choice(["", "", ",2", ",3", ",256", ",257"] if r.random() < 0.2 else ["", ",2"])) for k in range(r.randint(1, 4)))
    return "nexthop %s id %d group %s%s" % (verb, i, members, maybe(r, 0.4, "type resilient" + maybe(r, 0.95, "buckets %d" % r.choice([8, 8, 8, 16, 4, 2, 0])) +
        maybe(r, 0.2, "idle_timer 90 unbalanced_timer 200")) or maybe(r, 0.1, r.choice(["type mpath", "fdb", "proto bird", "buckets 8"])))


def addr(r, f):
    a = pick(r, f, A4, A6)
    if r.random() < 0.36:
        return "addr del %s dev %s" % (a, r.choice(DEVS))
    life = maybe(r, 0.08, r.choice(["valid_lft 3000 preferred_lft 2000", "valid_lft 3000 preferred_lft forever", "valid_lft 2000 preferred_lft 3000", "preferred_lft 0"]))
    if f == 6:
        if r.random() < 0.06:
            return "addr %s %s peer 2001:db8:77::2/64 dev %s%s" % (r.choice(["add", "replace"]), a.split("/")[0], r.choice(DEVS), maybe(r, 0.3, "metric 50"))
        verb = r.choice(["add", "add", "add", "replace", "change"])
        if verb != "add": # Linux 6.18 lets the prefix route of an address that was permanent end at once
            life = life if "valid" not in life else ""
        return "addr %s %s dev %s%s%s" % (verb, a, r.choice(DEVS),
                                           maybe(r, 0.2, r.choice(["metric 50", "metric 70", "metric 256", "noprefixroute", "nodad", "mngtmpaddr", "autojoin", "optimistic",
                                                                   "metric 50 noprefixroute", "proto 7", "brd +", "scope link"])), life)
    verb = r.choice(["add"] * 6 + ["replace", "change"])
    dev = r.choice(DEVS)
    if r.random() < 0.06:
        return "addr %s %s peer 10.77.0.%d/%d dev %s" % (verb, a.split("/")[0], r.randint(2, 3), r.choice([32, 30]), dev)
    if r.random() < 0.04:
        a = r.choice(["0.0.0.0/0", "10.0.5.1/0", "10.0.5.1/33", "10.0.0.0/24", "10.0.0.255/24", "10.77.0.1", "169.254.1.1/16", "10.200.0.1/24"])
    return "addr %s %s%s%s%s dev %s%s%s" % (verb, a, maybe(r, 0.12, r.choice(["brd +", "brd -", "brd 10.0.0.7"])), maybe(r, 0.15, "scope " + r.choice(["link", "host"])),
                                            maybe(r, 0.08, "label %s:%d" % (dev, r.randint(1, 2))), dev,
                                           maybe(r, 0.1, r.choice(["metric 50", "noprefixroute", "metric 70", "metric 0", "home", "autojoin", "proto 9", "metric 50 noprefixroute"])), life)


def link(r, f):
    x = r.random()
    if x < 0.2:
        return "@b link set w%d %s" % (r.randint(0, 2), r.choice(["up", "down", "up"]))
    if x < 0.3:
        return r.choice(["link add d0 index 40 address 02:00:00:00:04:00 type veth peer name e0 address 02:00:00:00:05:00 index 140 netns @@b", "link del d0", "link set d0 up", "@b link set e0 up"])
    if x < 0.4:
        return "link set %s mtu %d" % (r.choice(VETHS), r.choice([1500, 1280, 1279, 600, 9000]))
    if x < 0.5:
        return "link set %s %s" % (r.choice(VETHS), r.choice(["promisc on", "promisc off", "allmulticast on", "allmulticast off", "txqueuelen 500", "alias who", "group 0", "group 5",
            "address 02:00:00:00:01:%02x" % r.randint(0x10, 0x1f), "carrier off", "multicast off", "multicast on", "name lo", "addrgenmode none", "addrgenmode eui64"]))
    if x < 0.58: # its names
        return r.choice(["link set v2 name x2", "link set x2 name v2", "link set x2 name v2", "link set x2 up", "link set v1 name x1", "link set x1 name v1", "link set x1 name v1",
                         "link property add dev %s altname other0" % r.choice(VETHS), "link property del dev %s altname other0" % r.choice(VETHS)])
    if x < 0.63: # to another namespace and back
        return r.choice(["link set v2 netns @@b", "@b link set v2 netns @@a", "@b link set v2 netns @@a", "link set v1 netns @@b name y1", "@b link set y1 netns @@a name v1",
                         "@b link set y1 netns @@a name v1", "link set m0 netns @@b", "link set lo netns @@b", "@b link set v2 up"])
    if x < 0.68: # a device upon another
        return r.choice(["link add link %s name m0 index 50 address 02:00:00:00:06:00 type macvlan mode bridge" % r.choice(VETHS), "link set m0 up", "link set m0 up", "link del m0"])
    if x < 0.72:
        return "link del v2" if r.random() < 0.5 else "link add v2 index 12 address 02:00:00:00:01:02 type veth peer name w2 address 02:00:00:00:02:02 index 112 netns @@b"
    return "link set %s %s" % (r.choice(VETHS + ["lo"]), r.choice(["up", "up", "up", "down"]))


def neigh(r, f):
    x = r.random()
    if x < 0.4:
        return "neigh %s proxy %s dev %s" % (r.choice(["add", "add", "replace", "del"]), pick(r, f, G4, G6), r.choice(DEVS[:5]))
    if x < 0.55:
        return "neigh %s %s lladdr 02:00:00:00:00:%02x dev %s nud noarp%s" % (r.choice(["add", "replace"]), pick(r, f, G4, G6), r.randint(1, 9), r.choice(DEVS),
            maybe(r, 0.3, r.choice(["router", "extern_learn"])))
    if x < 0.65:
        return "neigh %s %s dev %s" % (r.choice(["del", "get"]), pick(r, f, G4, G6), r.choice(DEVS))
    if x < 0.8: # no state that passes by itself
        return "neigh %s %s lladdr 02:00:00:00:00:%02x dev %s nud %s%s" % (r.choice(["add", "replace", "change"]), pick(r, f, G4, G6), r.randint(1, 9), r.choice(DEVS[:8]),
            r.choice(["stale", "stale", "failed", "none"]), maybe(r, 0.3, r.choice(["router", "extern_learn", "protocol 5"])))
    return "neigh %s %s lladdr 02:00:00:00:00:%02x dev %s nud permanent" % (r.choice(["add", "replace", "del"]), pick(r, f, G4, G6), r.randint(1, 9), r.choice(DEVS[:3]))


def flush(r, f):
    return ip(f) + r.choice(["route flush table 100", "route flush table 101", "route flush cache", "route flush type blackhole", "route flush exact " + pick(r, f, ["20.1.0.0/16"], ["2a00:1::/32"]),
                             "route flush via " + pick(r, f, ["10.0.0.2"], ["2001:db8::2"]), "addr flush label v0", "addr flush to " + pick(r, f, ["10.0.0.0/8"], ["2001:db8::/32"]), "addr flush scope global",
                             "addr flush permanent dev v0", "neigh flush dev v0", "neigh flush dev v1 proxy", "route flush match " + pick(r, f, ["20.1.1.1"], ["2a00:1:1::1"]), "route flush src 10.0.0.1",
                             "rule flush table 100", "rule flush protocol static", "route flush root " + pick(r, f, ["20.0.0.0/8"], ["2a00::/12"]), "addr flush dev v1",
                             "route flush proto static", "neigh flush all nud permanent", "rule flush", "nexthop flush", "route flush dev v0", "route flush scope link"])


def sysctl(r, f):
    if f == 4:
        return "! net.ipv4." + r.choice(["ip_forward=0", "ip_forward=1", "conf.all.rp_filter=1", "conf.all.rp_filter=0", "conf.v2.proxy_arp=1", "conf.v1.proxy_arp=0",
            "fib_multipath_hash_policy=1", "conf.v1.promote_secondaries=1", "conf.all.promote_secondaries=1", "conf.default.forwarding=0", "conf.all.accept_local=1",
            "conf.all.forwarding=1", "conf.all.forwarding=0", "conf.v0.rp_filter=1", "conf.v0.rp_filter=2", "conf.v0.rp_filter=0",
            "conf.v1.ignore_routes_with_linkdown=1", "conf.all.ignore_routes_with_linkdown=0", "conf.v0.accept_local=1", "conf.v0.route_localnet=1", "conf.v0.src_valid_mark=1",
            "conf.v1.bc_forwarding=1", "conf.v1.forwarding=0", "fib_multipath_hash_policy=1", "fib_multipath_hash_policy=3", "fib_multipath_hash_policy=0",
            "fib_multipath_use_neigh=1", "fib_multipath_hash_seed=99", "fib_multipath_hash_fields=3", "fib_multipath_hash_fields=55", "fib_multipath_use_neigh=0", "nexthop_compat_mode=0",
            "nexthop_compat_mode=1", "conf.v1.arp_evict_nocarrier=0", "conf.lo.forwarding=0", "conf.v1.rp_filter=1", "route.flush=1", "conf.all.route_localnet=1",
            "fib_multipath_hash_policy=2"])
    return "! net.ipv6." + r.choice(["conf.v0.forwarding=0", "conf.v0.forwarding=1", "conf.all.forwarding=0", "conf.all.forwarding=1", "conf.default.forwarding=1", "conf.v1.proxy_ndp=1",
        "conf.all.proxy_ndp=1", "conf.all.ignore_routes_with_linkdown=1", "conf.all.ignore_routes_with_linkdown=0", "conf.default.disable_ipv6=1", "conf.default.disable_ipv6=0", "conf.v0.disable_ipv6=1", "conf.v0.disable_ipv6=0",
        "conf.all.keep_addr_on_down=1", "conf.v1.addr_gen_mode=0", "conf.lo.disable_ipv6=1", "conf.lo.disable_ipv6=0",
        "conf.v1.ignore_routes_with_linkdown=1", "conf.v1.ignore_routes_with_linkdown=0", "conf.v0.keep_addr_on_down=1", "conf.v1.disable_ipv6=1",
        "conf.v1.disable_ipv6=0", "route.skip_notify_on_dev_down=1", "conf.v0.mtu=1300", "fib_multipath_hash_policy=1", "fib_multipath_hash_policy=3",
        "fib_multipath_hash_policy=2", "fib_multipath_hash_fields=3", "fib_multipath_hash_fields=63", "fib_multipath_hash_policy=0", "conf.v0.addr_gen_mode=0", "conf.v2.addr_gen_mode=1",
        "conf.v2.stable_secret=2001:db8::7", "conf.v2.addr_gen_mode=2", "conf.v1.ndisc_evict_nocarrier=0", "conf.v0.proxy_ndp=0", "conf.v2.proxy_ndp=2",
        "conf.all.disable_ipv6=1", "conf.all.disable_ipv6=0", "conf.v0.use_optimistic=1", "conf.v0.accept_ra=2", "route.skip_notify_on_dev_down=0", "conf.v1.mtu=1279",
        "conf.v1.mtu=1500", "route.flush=1"])


SHOWS = ["rule show", "-6 rule show", "rule show table 100", "rule show from 10.0.0.0/24", "-d route show table all", "-6 -d route show table all", "route show dev v0 table all",
         "route show match 20.1.1.1", "route show exact 20.1.0.0/16 table all", "route show root 20.0.0.0/8", "-6 route show root 2a00::/12", "route show type local table all", "route show proto static",
         "-6 route show proto kernel dev v1", "route show vrf v0", "route show scope link", "route show via 10.0.0.2", "route show src 10.0.0.1 table all", "route show tos 0x10",
         "-6 -d nexthop show", "addr show up dev v0", "-4 addr show to 10.0.0.0/8", "addr show label v0:1", "-4 addr show dev v0", "-6 addr show dev v1", "link show up", "link show group 5", "link show master v0",
         "link show type macvlan", "addrlabel show", "token show", "neigh show nud permanent dev v0", "netconf show", "netconf show dev v0", "netns list-id", "mroute show", "-j -d route show table all",
         "route get 20.1.1.1 ipproto udp sport 1000 dport 53", "route get fibmatch 20.1.1.1", "-6 route get fibmatch 2a00:1:1::1", "-6 route get 2a00:1:1::1 from 2001:db8::1", "-6 route get 2001:db8::9 dport 80",
         "route get 10.0.0.300"]


def other(r, f):
    if r.random() < 0.6:
        return r.choice(SHOWS)
    return r.choice(["addrlabel add prefix 2001:db8:%d::/48 label %d%s" % (r.randint(0, 2), r.randint(50, 53), maybe(r, 0.3, "dev v0")), "addrlabel del prefix 2001:db8:%d::/48" % r.randint(0, 2),
                     "addrlabel flush", "token set ::%d dev %s" % (r.randint(1, 2), r.choice(DEVS)), "token del dev v0", "netns set @@b %d" % r.randint(0, 9), "addr add 10.0.0.300/8 dev v0"])


KINDS = [(route, 42), (addr, 14), (link, 12), (rule, 12), (nexthop, 14), (neigh, 3), (flush, 2), (sysctl, 5), (other, 4)]


def step(r, families):
    f = r.choice(families)
    x = r.random() * sum(w for _, w in KINDS)
    for fn, w in KINDS:
        x -= w
        if x < 0:
            return re.sub(" +", " ", fn(r, f))


def selectors(r, f):
    if r.random() < 0.35: # another flow
        return maybe(r, 0.5, "from " + pick(r, f, ["10.0.0.1", "10.0.1.1"], ["2001:db8::1", "2001:db8:1::1"])) + " ipproto %d sport %d dport %d" % (
            r.choice([6, 17]), r.choice([1500, r.randint(1, 65535)]), r.choice([53, 80, r.randint(1, 65535)])) + maybe(r, 0.2, "tos %d" % r.choice([8, 16, 32, 4, 3])) + maybe(r, 0.1, "iif v0")
    return r.choice([" from " + pick(r, f, ["10.0.0.1"], ["2001:db8::1"]), " oif v0", " oif v1", " mark 5", " tos 8", " uid 1500", " uid 0", " ipproto 6 dport 80", " ipproto 17 sport 1500", " tos 16", " tos 184",
                     " ipproto 1", " ipproto 58", " oif v2", " oif m0", " mark 4294967295", " flowlabel 74565",
                     " oif lo", " oif d0", " oif gone0",
                     " from %s iif v0" % pick(r, f, ["10.0.0.9"], ["2001:db8::9"]), " from %s iif v1" % pick(r, f, ["10.1.0.9"], ["2001:db8:1::9"]),
                     " from %s iif v0" % pick(r, f, ["20.1.1.1"], ["2a00:1:1::1"]), " from %s oif v2" % pick(r, f, ["10.0.1.1"], ["2001:db8:1::1"]),
                     " from %s iif v2 mark 5 tos 8" % pick(r, f, ["20.1.1.1"], ["2a00:1:1::1"]), " from %s iif lo" % pick(r, f, ["10.0.0.1"], ["2001:db8::1"])])


def questions(r, families):
    q = []
    for f in families:
        targets = T4 if f == 4 else T6
        asked = [(t, selectors(r, f) if r.random() < 0.5 else "") for t in targets]
        asked += [(t, "") for t in r.sample(targets, 8 if len(families) > 1 else 20)]
        for t, opts in asked:
            q += ["%d %s fibmatch%s" % (f, t, opts), "%d %s%s" % (f, t, opts)]
    return q
