"""Random commands and questions for tests/property/routes.py: the same seed gives the same. Small sets of addresses, prefixes, gateways
and tables, so that commands meet: most succeed, many are refused, and why is compared too."""
import re

VETHS = ["v0", "v1", "v2"]
DEVS = ["v0", "v0", "v1", "v1", "v2", "lo", "d0", "gone0"]
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


def maybe(r, p, text):
    return " " + text if r.random() < p else ""


def pick(r, family, four, six):
    return r.choice(four if family == 4 else six)


def ip(family):
    return "" if family == 4 else "-6 "


def hop(r, f):
    s = ""
    x = r.random()
    if x < 0.75:
        s += " via " + pick(r, f, G4, G6)
    if x > (0.55 if f == 4 else 0.4):
        s += " dev " + r.choice(DEVS)
    return s + maybe(r, 0.1, "onlink")


def route(r, f):
    verb = r.choice(["add"] * 6 + ["replace"] * 3 + ["append", "append", "prepend", "change", "del", "del", "del"])
    kind = r.choice([""] * 10 + ["blackhole", "unreachable", "prohibit", "throw", "local", "broadcast" if f == 4 else "anycast", "multicast", "nat"])
    s = "%sroute %s %s %s" % (ip(f), verb, kind, pick(r, f, P4, P6))
    if verb == "del" and r.random() < 0.6:
        return s + maybe(r, 0.3, "table " + r.choice(TABLES)) + maybe(r, 0.2, "metric %d" % r.choice([0, 10, 20]))
    if kind in ("", "local", "broadcast", "anycast", "multicast") or r.random() < 0.1:
        x = r.random()
        if x < 0.15 and kind == "":
            s += " nhid %d" % (r.randint(1, 12) + (20 if f == 6 and r.random() < 0.95 else 0))
        elif x < 0.35 and kind == "":
            for i in range(r.randint(1, 3)):
                s += " nexthop" + hop(r, f) + maybe(r, 0.4, "weight %d" % r.randint(1, 4))
        else:
            s += hop(r, f)
        s += maybe(r, 0.1, "src " + pick(r, f, A4, A6).split("/")[0])
        if f == 4:
            s += maybe(r, 0.12, "scope " + r.choice(["link", "host", "global", "site", "200"]))
    s += maybe(r, 0.35, "metric %d" % r.choice([10, 20, 30]))
    if f == 4:
        s += maybe(r, 0.12, "tos " + r.choice(["0x10", "0x08", "0x20", "0x01"]))
    else:
        s += maybe(r, 0.08, "pref " + r.choice(["low", "high", "medium"])) + maybe(r, 0.05, "expires 600")
    s += maybe(r, 0.4, "table " + r.choice(TABLES)) + maybe(r, 0.15, "proto " + r.choice(["static", "bird", "kernel", "boot"]))
    s += maybe(r, 0.1, "mtu " + r.choice(["1400", "lock 1300", "9000", "1200"])) + maybe(r, 0.06, "advmss 1000") + maybe(r, 0.05, "initcwnd 20 rtt 50ms")
    return s + maybe(r, 0.03, r.choice(["congctl reno", "congctl nosuch", "features ecn", "hoplimit 300", "quickack 1", "realm 3", "realm 5/6", "window 5000", "rto_min 5s",
                                    "rttvar 30ms ssthresh 9", "reordering 9 cwnd 7", "initrwnd 15", "fastopen_no_cookie 1"]))


def rule(r, f):
    if r.random() < 0.06: # all that one was made with
        return rule_add(r, f).replace("rule add", "rule del")
    if r.random() < 0.3:
        return ip(f) + "rule del " + r.choice(["pref %d" % r.choice([100, 200, 300, 400, 32765]), "from " + pick(r, f, ["10.0.0.0/24"], ["2001:db8::/64"]),
                                               "table 100", "fwmark 5", "iif v0", "to " + pick(r, f, ["20.1.0.0/16"], ["2a00:1::/32"]), "pref 0", "pref 32766 table main"])
    return rule_add(r, f)


def rule_add(r, f):
    s = ip(f) + "rule add" + maybe(r, 0.1, "not")
    s += maybe(r, 0.3, "from " + pick(r, f, ["all", "10.0.0.0/24", "10.0.0.1", "10.1.0.0/16"], ["all", "2001:db8::/64", "2001:db8::1", "2001:db8:1::/48"]))
    s += maybe(r, 0.3, "to " + pick(r, f, ["20.1.0.0/16", "10.2.0.0/16", "20.1.1.1"], ["2a00:1::/32", "2001:db8:2::/48", "2a00:1:1::1"]))
    s += maybe(r, 0.15, "fwmark " + r.choice(["5", "5/0xf", "0/0x3"])) + maybe(r, 0.15, "iif " + r.choice(DEVS + ["none0"])) + maybe(r, 0.15, "oif " + r.choice(DEVS))
    s += maybe(r, 0.1, "dsfield " + r.choice(["0x08", "0x20", "0x01"])) + maybe(r, 0.12, "ipproto " + r.choice(["tcp", "udp", "icmp" if f == 4 else "ipv6-icmp"]))
    s += maybe(r, 0.08, "dport " + r.choice(["80", "1-100", "100-1"])) + maybe(r, 0.05, "sport 1000-2000") + maybe(r, 0.05, "uidrange 1000-2000")
    s += maybe(r, 0.15, "suppress_prefixlength %d" % r.choice([0, 16, 24])) + maybe(r, 0.04, "suppress_ifgroup 0") + maybe(r, 0.5, "pref %d" % r.choice([100, 200, 300, 400, 1000]))
    s += maybe(r, 0.04, "protocol static") + maybe(r, 0.03, r.choice(["realms 3/4", "realms 7"])) + maybe(r, 0.02, "tun_id 5")
    x = r.random()
    if x < 0.65:
        s += " table " + r.choice(["100", "101", "300", "main", "local", "default", "500"])
    elif x < 0.7:
        s += " l3mdev"
    elif x < 0.85:
        s += " " + r.choice(["blackhole", "unreachable", "prohibit", "nop"])
    else:
        s += " goto %d" % r.choice([100, 200, 300, 400, 32766])
    return s


def nexthop(r, f):
    base = 0 if f == 4 else 20
    i = base + r.randint(1, 12)
    x = r.random()
    if x < 0.2:
        return "nexthop del id %d" % i
    verb = r.choice(["add", "add", "replace"])
    if x < 0.6:
        return "%snexthop %s id %d%s dev %s%s" % (ip(f), verb, i, maybe(r, 0.8, "via " + pick(r, f, G4, G6)), r.choice(DEVS), maybe(r, 0.1, "onlink"))
    if x < 0.68:
        return "%snexthop %s id %d blackhole" % (ip(f), verb, i)
    if x < 0.71:
        return "%snexthop %s id %d via %s fdb" % (ip(f), verb, i, pick(r, f, G4, G6))
    members = "/".join("%d%s" % (base + r.randint(1, 6), r.choice(["", "", ",2", ",3"])) for k in range(r.randint(1, 3)))
    return "nexthop %s id %d group %s%s" % (verb, i, members, maybe(r, 0.25, "type resilient buckets %d" % r.choice([8, 8, 16, 0]) + maybe(r, 0.2, "idle_timer 90 unbalanced_timer 200")))


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
                                           maybe(r, 0.14, r.choice(["metric 50", "metric 70", "noprefixroute", "nodad", "mngtmpaddr", "autojoin"])), life)
    verb = r.choice(["add"] * 6 + ["replace", "change"])
    dev = r.choice(DEVS)
    if r.random() < 0.06:
        return "addr %s %s peer 10.77.0.%d/%d dev %s" % (verb, a.split("/")[0], r.randint(2, 3), r.choice([32, 30]), dev)
    return "addr %s %s%s%s%s dev %s%s%s" % (verb, a, maybe(r, 0.12, r.choice(["brd +", "brd -", "brd 10.0.0.7"])), maybe(r, 0.15, "scope " + r.choice(["link", "host"])),
                                            maybe(r, 0.08, "label %s:%d" % (dev, r.randint(1, 2))), dev,
                                           maybe(r, 0.1, r.choice(["metric 50", "noprefixroute", "metric 70"])), life)


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
    if x < 0.56: # its names
        return r.choice(["link set v2 name x2", "link set x2 name v2", "link set x2 down", "link set x2 up"])
    if x < 0.6:
        return "link del v2" if r.random() < 0.5 else "link add v2 index 12 address 02:00:00:00:01:02 type veth peer name w2 address 02:00:00:00:02:02 index 112 netns @@b"
    return "link set %s %s" % (r.choice(VETHS + ["lo"]), r.choice(["up", "up", "up", "down"]))


def neigh(r, f):
    x = r.random()
    if x < 0.4:
        return "neigh %s proxy %s dev %s" % (r.choice(["add", "add", "replace", "del"]), pick(r, f, G4, G6), r.choice(DEVS[:5]))
    if x < 0.55:
        return "neigh %s %s lladdr 02:00:00:00:00:%02x dev %s nud noarp%s" % (r.choice(["add", "replace"]), pick(r, f, G4, G6), r.randint(1, 9), r.choice(DEVS),
            maybe(r, 0.3, r.choice(["router", "extern_learn"])))
    if x < 0.6:
        return "neigh %s %s dev %s" % (r.choice(["del", "get"]), pick(r, f, G4, G6), r.choice(DEVS))
    return "neigh %s %s lladdr 02:00:00:00:00:%02x dev %s nud permanent" % (r.choice(["add", "replace", "del"]), pick(r, f, G4, G6), r.randint(1, 9), r.choice(DEVS[:3]))


def flush(r, f):
    return ip(f) + r.choice(["route flush table 100", "route flush table 101", "route flush root " + pick(r, f, ["20.0.0.0/8"], ["2a00::/12"]), "addr flush dev v1",
                             "route flush proto static", "neigh flush all nud permanent", "rule flush", "nexthop flush", "route flush dev v0", "route flush scope link"])


def sysctl(r, f):
    if f == 4:
        return "! net.ipv4." + r.choice(["ip_forward=0", "ip_forward=1", "conf.all.rp_filter=1", "conf.all.rp_filter=0", "conf.v2.proxy_arp=1", "conf.v1.proxy_arp=0",
            "fib_multipath_hash_policy=1", "conf.v1.promote_secondaries=1", "conf.all.promote_secondaries=1", "conf.default.forwarding=0", "conf.all.accept_local=1",
            "conf.all.forwarding=1", "conf.all.forwarding=0", "conf.v0.rp_filter=1", "conf.v0.rp_filter=2", "conf.v0.rp_filter=0",
            "conf.v1.ignore_routes_with_linkdown=1", "conf.all.ignore_routes_with_linkdown=0", "conf.v0.accept_local=1", "conf.v0.route_localnet=1", "conf.v0.src_valid_mark=1",
            "conf.v1.bc_forwarding=1", "conf.v1.forwarding=0", "fib_multipath_hash_policy=1", "fib_multipath_hash_policy=3", "fib_multipath_hash_policy=0",
            "fib_multipath_use_neigh=1", "fib_multipath_hash_seed=99"])
    return "! net.ipv6." + r.choice(["conf.v0.forwarding=0", "conf.v0.forwarding=1", "conf.all.forwarding=0", "conf.all.forwarding=1", "conf.default.forwarding=1", "conf.v1.proxy_ndp=1",
        "conf.all.proxy_ndp=1", "conf.all.ignore_routes_with_linkdown=1", "conf.all.ignore_routes_with_linkdown=0", "conf.default.disable_ipv6=1", "conf.default.disable_ipv6=0", "conf.v0.disable_ipv6=1", "conf.v0.disable_ipv6=0",
        "conf.all.keep_addr_on_down=1", "conf.v1.addr_gen_mode=0", "conf.lo.disable_ipv6=1", "conf.lo.disable_ipv6=0",
        "conf.v1.ignore_routes_with_linkdown=1", "conf.v1.ignore_routes_with_linkdown=0", "conf.v0.keep_addr_on_down=1", "conf.v1.disable_ipv6=1",
        "conf.v1.disable_ipv6=0", "route.skip_notify_on_dev_down=1", "conf.v0.mtu=1300", "fib_multipath_hash_policy=1", "fib_multipath_hash_policy=3"])


def other(r, f):
    return r.choice(["addrlabel add prefix 2001:db8:%d::/48 label %d%s" % (r.randint(0, 2), r.randint(50, 53), maybe(r, 0.3, "dev v0")), "addrlabel del prefix 2001:db8:%d::/48" % r.randint(0, 2),
                     "addrlabel flush", "token set ::%d dev %s" % (r.randint(1, 2), r.choice(DEVS)), "token del dev v0", "netns set @@b %d" % r.randint(0, 9),
                     "netconf show dev v0", "-6 route get 2001:db8::9 dport 80", "route get 10.0.0.300", "addr add 10.0.0.300/8 dev v0"])


KINDS = [(route, 42), (addr, 14), (link, 12), (rule, 12), (nexthop, 14), (neigh, 3), (flush, 2), (sysctl, 4), (other, 2)]


def step(r, families):
    f = r.choice(families)
    x = r.random() * sum(w for _, w in KINDS)
    for fn, w in KINDS:
        x -= w
        if x < 0:
            return re.sub(" +", " ", fn(r, f))


def selectors(r, f):
    return r.choice([" from " + pick(r, f, ["10.0.0.1"], ["2001:db8::1"]), " oif v0", " oif v1", " mark 5", " tos 8", " uid 1500", " ipproto 6 dport 80", " ipproto 17 sport 1500",
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
