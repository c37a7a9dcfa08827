#!/usr/bin/env python3
"""Looks at frr.sh's and bird.sh's routers (VRF set: r5 has one; CUT set: the numbers of wires that are cut. How long FRR 8.4 keeps routes to the
networks of such wires, which one of their ends may still announce, is a matter of its timing on Linux, too: they are left out).

    frr_look.py routes STEP [DIR]    prints all routers' routes, sorted, without what differs from run to run: when they are as DIR/STEP says (at most
                                     a minute later), or without DIR when they have settled
    frr_look.py settle               waits until they have not changed for 8 s
    frr_look.py nexthops             whether every route's next-hop object exists and goes where the route does
    frr_look.py spread ADDRESS       sends flows from h1 to ADDRESS and says how r1 spread them
"""
import json, os, re, socket, subprocess, sys, time

ROUTERS = ["r1", "r2", "r3", "r4", "r5"]


def ip(*args):
    return subprocess.run(["ip", *args], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout


def routes():
    out = []
    for r in ROUTERS:
        for where in ("-4", "-6"):
            for vrf in ([], ["table", "55"]) if r == "r5" and "VRF" in os.environ else ([],):
                out.append("%s %s%s" % (r, where, " VRF" if vrf else ""))
                lines = []
                for l in ip("-n", r, "-o", where, "route", "show", *vrf).split("\n"):
                    hops = [h.strip() for h in re.sub(r"nhid \d+ ?", "nhid N ", l).split("\\")]
                    lines.append("    " + " | ".join([hops[0]] + sorted(hops[1:])))
                cut = "|".join(os.environ.get("CUT", "").split())
                lines = [l for l in lines if not (cut and re.match(r" +(10\.0\.(%s)\.0/24|2001:db8:(%s)::/64) .*proto ospf" % (cut, cut), l))]
                # what the kernel makes for links themselves is no routing program's
                out += sorted(x for x in lines if x.strip() and not re.match(r" +(anycast|multicast|local fe80|fe80::/64)", x))
    return "\n".join(out) + "\n"


def show_routes(step, want=None):
    if want:
        want = open("%s/%s" % (want, step)).read()
    end = time.time() + float(os.environ.get("SETTLE", 60))
    while True:
        have = routes()
        if have == want or time.time() > end:
            break
        time.sleep(0.1 if want else 5)
    print(have, end="")


def settle():
    last, same = None, 0
    while same < 8:
        have = routes()
        same = same + 1 if have == last else 0
        last = have
        time.sleep(1)


def show_nexthops():
    bad = n = 0
    for r in ROUTERS:
        objects = {o["id"]: o for o in json.loads(ip("-n", r, "-j", "nexthop", "show"))}
        for l in (ip("-n", r, "-o", "route", "show", "table", "all") + ip("-n", r, "-6", "-o", "route", "show", "table", "all")).split("\n"):
            m = re.search(r"nhid (\d+)", l)
            if not m:
                continue
            n += 1
            o = objects.get(int(m[1]))
            hops = [objects.get(g["id"]) for g in o["group"]] if o and "group" in o else [o]
            a = sorted((h["gateway"], h["dev"], h["protocol"]) if h else () for h in hops)
            b = sorted((g, d, "zebra") for g, d in re.findall(r"via (?:inet6? )?(\S+) dev (\S+)", l))
            if a != b:
                bad += 1
                print(r, l, hops)
    print("routes with next-hop objects: %s; objects that are not as their route: %d" % ("many" if n > 60 else n, bad))


def show_spread(to):
    def sent():
        return [json.loads(ip("-n", "r1", "-s", "-j", "link", "show", d))[0]["stats64"]["tx"]["packets"] for d in ("r2", "r3")]
    flows = 4000
    before = sent()
    code = """
import socket, sys
s = socket.socket(socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET, socket.SOCK_DGRAM)
for i in range(%d):
    try:
        s.sendto(b"x", (sys.argv[1], 10000 + i))
    except OSError: # refused, says the one before
        pass
""" % flows
    subprocess.run(["ip", "netns", "exec", "h1", "python3", "-c", code, to])
    for i in range(100):
        n = [a - b for a, b in zip(sent(), before)]
        if sum(n) >= flows:
            break
        time.sleep(0.1)
    good = sum(n) >= flows and all(abs(x - sum(n) / 2) <= 0.05 * sum(n) / 2 for x in n)
    print("flows to %s: %s" % (to, "spread evenly, within 5 %" if good else n))


{"routes": show_routes, "settle": settle, "nexthops": show_nexthops, "spread": show_spread}[sys.argv[1]](*sys.argv[2:])
