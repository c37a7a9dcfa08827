#!/usr/bin/env python3
"""Random `ip addr`, `link`, `route`, `rule`, `nexthop` and `neigh` commands, typed at a Linux kernel's namespace and at weft; after each,
all that can be asked (every table, the rules, objects, and answers of `ip route get`) must be the same.

    routes.py [--weft build/weft] [--seed N] [--steps N] [--episode N]      kernel beside weft (as root)
    routes.py --record FILE [--seed N] [--steps N]                          what the kernel says, into FILE (gzip)
    routes.py --replay FILE [--weft build/weft]                             weft alone, against such a file

Steps come in episodes of 40, each on fresh namespaces and with a seed of its own, which a difference names: --seed S --steps 40 repeats it.
Exit 0: no difference. A flow's hop of several is the kernel's random choice: of such answers only that there is one counts."""
import argparse, difflib, gzip, json, os, random, re, subprocess, sys, tempfile

here = os.path.dirname(os.path.abspath(__file__))
ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
ap.add_argument("--weft", default=os.path.join(here, "../../build/weft"))
ap.add_argument("--seed", type=int, default=1)
ap.add_argument("--steps", type=int, default=200)
ap.add_argument("--episode", type=int, default=40)
ap.add_argument("--record")
ap.add_argument("--replay")
ap.add_argument("--keep-going", action="store_true")
a = ap.parse_args()
PREFIX = "prop%d-" % os.getpid()

DEVS = ["v0", "v1", "v2", "lo"]
ADDRS = ["10.0.0.1/24", "10.0.0.2/24", "10.0.1.1/24", "10.0.1.1/16", "10.1.0.1/16", "10.1.2.1/30", "172.16.0.1/32", "192.168.5.1/25",
         "10.0.0.129/25", "127.0.0.5/8", "10.9.0.1/31"]
GATES = ["10.0.0.2", "10.0.0.3", "10.0.0.130", "10.0.1.2", "10.0.1.9", "10.1.0.2", "10.1.2.2", "192.168.5.2", "10.99.0.1", "10.0.0.1", "172.16.0.1"]
PREFIXES = ["default", "10.0.0.0/24", "10.2.0.0/16", "10.2.3.0/24", "10.2.3.4", "20.0.0.0/8", "20.1.0.0/16", "20.1.1.0/24", "20.1.1.1", "10.1.0.0/16",
            "192.168.0.0/16", "0.0.0.0/1", "128.0.0.0/1"]
TABLES = ["main", "main", "main", "100", "101", "300", "default", "local"]
TARGETS = ["10.0.0.1", "10.0.0.2", "10.0.0.9", "10.0.0.200", "10.0.0.255", "10.0.1.1", "10.0.1.7", "10.1.0.1", "10.1.2.2", "10.1.2.3", "10.2.1.1",
           "10.2.3.4", "10.2.3.5", "20.0.0.1", "20.1.0.1", "20.1.1.1", "20.1.1.2", "172.16.0.1", "192.168.5.1", "192.168.5.127", "192.168.9.9",
           "8.8.8.8", "200.1.1.1", "127.0.0.1", "127.0.0.5", "10.99.0.1"]

def maybe(r, p, text):
    return " " + text if r.random() < p else ""

def hop(r):
    s = ""
    x = r.random()
    if x < 0.75:
        s += " via " + r.choice(GATES)
    if x > 0.55:
        s += " dev " + r.choice(DEVS)
    return s + maybe(r, 0.1, "onlink")

def route(r):
    verb = r.choice(["add"] * 6 + ["replace"] * 3 + ["append", "append", "prepend", "change", "del", "del", "del"])
    kind = r.choice([""] * 10 + ["blackhole", "unreachable", "prohibit", "throw", "local", "broadcast"])
    s = "route %s %s %s" % (verb, kind, r.choice(PREFIXES))
    if verb == "del" and r.random() < 0.6:
        return s + maybe(r, 0.3, "table " + r.choice(TABLES)) + maybe(r, 0.2, "metric %d" % r.choice([0, 10, 20]))
    if kind in ("", "local", "broadcast"):
        x = r.random()
        if x < 0.15 and kind == "":
            s += " nhid %d" % r.randint(1, 12)
        elif x < 0.35 and kind == "":
            for i in range(r.randint(1, 3)):
                s += " nexthop" + hop(r) + maybe(r, 0.4, "weight %d" % r.randint(1, 4))
        else:
            s += hop(r)
        s += maybe(r, 0.1, "src " + r.choice(ADDRS).split("/")[0])
        s += maybe(r, 0.12, "scope " + r.choice(["link", "host", "global", "site", "200"]))
    s += maybe(r, 0.35, "metric %d" % r.choice([10, 20, 30])) + maybe(r, 0.12, "tos " + r.choice(["0x10", "0x08", "0x20", "0x01"]))
    s += maybe(r, 0.4, "table " + r.choice(TABLES)) + maybe(r, 0.15, "proto " + r.choice(["static", "bird", "kernel", "boot"]))
    s += maybe(r, 0.1, "mtu " + r.choice(["1400", "lock 1300", "9000"])) + maybe(r, 0.06, "advmss 1000") + maybe(r, 0.05, "initcwnd 20 rtt 50ms")
    return s

def rule(r):
    if r.random() < 0.3:
        return "rule del " + r.choice(["pref %d" % r.choice([100, 200, 300, 400, 32765]), "from 10.0.0.0/24", "table 100", "fwmark 5", "iif v0", "to 20.1.0.0/16"])
    s = "rule add" + maybe(r, 0.1, "not")
    s += maybe(r, 0.3, "from " + r.choice(["all", "10.0.0.0/24", "10.0.0.1", "10.1.0.0/16"])) + maybe(r, 0.3, "to " + r.choice(["20.1.0.0/16", "10.2.0.0/16", "20.1.1.1"]))
    s += maybe(r, 0.15, "fwmark " + r.choice(["5", "5/0xf", "0/0x3"])) + maybe(r, 0.15, "iif " + r.choice(DEVS + ["none0"])) + maybe(r, 0.15, "oif " + r.choice(DEVS))
    s += maybe(r, 0.1, "dsfield 0x08") + maybe(r, 0.12, "ipproto " + r.choice(["tcp", "udp", "icmp"])) + maybe(r, 0.08, "dport " + r.choice(["80", "1-100"]))
    s += maybe(r, 0.05, "sport 1000-2000") + maybe(r, 0.05, "uidrange 1000-2000") + maybe(r, 0.15, "suppress_prefixlength %d" % r.choice([0, 16, 24]))
    s += maybe(r, 0.5, "pref %d" % r.choice([100, 200, 300, 400, 1000]))
    x = r.random()
    if x < 0.7:
        s += " table " + r.choice(["100", "101", "300", "main", "local", "default", "500"])
    elif x < 0.85:
        s += " " + r.choice(["blackhole", "unreachable", "prohibit", "nop"])
    else:
        s += " goto %d" % r.choice([100, 200, 300, 400, 32766])
    return s

def nexthop(r):
    i = r.randint(1, 12)
    x = r.random()
    if x < 0.2:
        return "nexthop del id %d" % i
    verb = r.choice(["add", "add", "replace"])
    if x < 0.6:
        return "nexthop %s id %d%s dev %s%s" % (verb, i, maybe(r, 0.8, "via " + r.choice(GATES)), r.choice(DEVS), maybe(r, 0.1, "onlink"))
    if x < 0.68:
        return "nexthop %s id %d blackhole" % (verb, i)
    members = "/".join("%d%s" % (r.randint(1, 6), r.choice(["", "", ",2", ",3"])) for k in range(r.randint(1, 3)))
    return "nexthop %s id %d group %s%s" % (verb, i, members, maybe(r, 0.2, "type resilient buckets 8"))

def addr(r):
    if r.random() < 0.4:
        return "addr del %s dev %s" % (r.choice(ADDRS), r.choice(DEVS))
    return "addr add %s%s%s dev %s%s" % (r.choice(ADDRS), maybe(r, 0.1, "brd +"), maybe(r, 0.15, "scope " + r.choice(["link", "host"])), r.choice(DEVS),
                                           maybe(r, 0.1, "metric 50"))

def link(r):
    x = r.random()
    if x < 0.2:
        return "@b link set w%d %s" % (r.randint(0, 2), r.choice(["up", "down", "up"]))
    return "link set %s %s" % (r.choice(DEVS), r.choice(["up", "up", "up", "down"]))

def neigh(r):
    return "neigh %s %s lladdr 02:00:00:00:00:%02x dev %s nud permanent" % (r.choice(["add", "replace", "del"]), r.choice(GATES), r.randint(1, 9), r.choice(DEVS[:3]))

def flush(r):
    return r.choice(["route flush table 100", "route flush table 101", "route flush root 20.0.0.0/8", "addr flush dev v1", "route flush proto static", "neigh flush all nud permanent"])

def sysctl(r):
    return "! sysctl -qw net.ipv4." + r.choice(["conf.all.forwarding=1", "conf.all.forwarding=0", "conf.v0.rp_filter=1", "conf.v0.rp_filter=2", "conf.v0.rp_filter=0",
        "conf.v1.ignore_routes_with_linkdown=1", "conf.all.ignore_routes_with_linkdown=0", "conf.v0.accept_local=1", "conf.v0.route_localnet=1"])

KINDS = [(route, 42), (addr, 14), (link, 8), (rule, 14), (nexthop, 14), (neigh, 3), (flush, 2), (sysctl, 3)]

def step(r):
    x = r.random() * sum(w for _, w in KINDS)
    for f, w in KINDS:
        x -= w
        if x < 0:
            return re.sub(" +", " ", f(r))

SHOWS = ["route show table all", "rule show", "nexthop show", "addr show dev v0", "addr show dev v1", "neigh show nud permanent"]

def questions(r):
    q = []
    for t in TARGETS:
        opts = ""
        x = r.random()
        if x < 0.5:
            opts = r.choice([" from 10.0.0.1", " oif v0", " oif v1", " mark 5", " tos 0x08", " uid 1500", " ipproto tcp dport 80", " ipproto udp sport 1500",
                             " from 10.0.0.9 iif v0", " from 10.1.0.9 iif v1", " from 20.1.1.1 iif v0", " from 10.0.1.1 oif v2"])
        q.append("route get fibmatch " + t + opts)
        q.append("route get " + t + opts)
    for t in r.sample(TARGETS, 12):
        q.append("route get fibmatch " + t)
        q.append("route get " + t)
    return q

def episode(seed, n):
    r = random.Random(seed)
    steps = [(step(r), questions(r)) for i in range(n)]
    return steps

SETUP = """ip netns add @a; ip netns add @b
ip -n @a link set lo up
for n in @a @b; do for i in all default lo; do f=/proc/sys/net/ipv6/conf/$i/disable_ipv6; ip netns exec $n sh -c "test ! -e $f || echo 1 > $f"; done; done
for i in 0 1 2; do
 ip -n @a link add v$i address 02:00:00:00:01:0$i type veth peer name w$i address 02:00:00:00:02:0$i netns @b
 ip -n @a link set v$i up; ip -n @b link set w$i up
done
ip -n @a addr add 10.0.0.1/24 dev v0; ip -n @a addr add 10.0.1.1/24 dev v1
"""

def script(steps, dir, settle=False):
    out = [SETUP]
    for i, (command, q) in enumerate(steps):
        batch = "%s/q%d" % (dir, i)
        with open(batch, "w") as f:
            f.write("\n".join(q) + "\n")
        with open(batch + "s", "w") as f:
            f.write("\n".join(SHOWS) + "\n")
        if command.startswith("! "):
            run = "ip netns exec @a " + command[2:]
        elif command.startswith("@b "):
            run = "ip -n @b " + command[3:]
        else:
            run = "ip -n @a " + command
        if settle and "link set" in run:
            run = "%s; e=$?; sleep 1.1; (exit $e)" % run # Linux looks at a carrier that went or came once a second
        out.append("echo '## %d'; { timeout 10 %s; } 2>&1; echo \"= $?\"; echo '#shows'; ip -n @a -d -force -batch %ss 2>/dev/null" % (i, run, batch))
        out.append("echo '#answers'; ip -n @a -force -batch %s 2>%s/err; echo '#errors'; cat %s/err" % (batch, dir, dir))
    out.append("ip netns del @a; ip netns del @b")
    return "\n".join(out).replace("@", PREFIX)

def parse(text):
    """One dict a step: what the command said, the tables, and an answer for each question."""
    res = []
    for part in re.split(r"(?m)^## \d+\n", text.replace(PREFIX, ""))[1:]:
        said, rest = part.split("#shows\n", 1)
        shows, rest = rest.split("#answers\n", 1)
        answers, errors = rest.split("#errors\n", 1)
        res.append({"said": said, "shows": normalise(shows), "answers": re.findall(r"(?m)^\S.*\n(?:[ \t].*\n)*", answers),
                    "errors": re.sub(r"/\S*/q", "q", errors)})
    return res

def normalise(t):
    t = re.sub(r"(?m)^(\d+: \S+ .*?)(?: qdisc| group| qlen| promiscuity|$).*", r"\1", t)
    t = re.sub(r"(?m)^    (veth|link/|valid_lft).*\n", "", t)
    # Neighbours come in a hash table's order.
    t = re.sub(r"(?m)(^\S+ dev \S+ lladdr .*\n)+", lambda m: "".join(sorted(m.group(0).splitlines(True))), t)
    return re.sub(r"unbalanced_time [\d.]+", "unbalanced_time T", t)

def by_question(st, q):
    """question -> answer text, or its error."""
    failed = {}
    pending = []
    for line in st["errors"].splitlines():
        m = re.match(r"Command failed q\d+:(\d+)", line)
        if m:
            failed[int(m.group(1)) - 1] = " ".join(pending)
            pending = []
        else:
            pending.append(line)
    it = iter(st["answers"])
    return [("! " + failed[i]) if i in failed else next(it, "nothing") for i in range(len(q))]

def compare(steps, want, have, seed):
    for i, (command, q) in enumerate(steps):
        if i >= len(have) or i >= len(want):
            print("seed %d step %d: %s: one of them ended (kernel %d, weft %d steps)" % (seed, i, command, len(want), len(have)))
            return i
        w, h = want[i], have[i]
        diff = [d for what in ("said", "shows") for d in difflib.unified_diff(w[what].split("\n"), h[what].split("\n"), "kernel", "weft", lineterm="", n=1)]
        wa, ha = by_question(w, q), by_question(h, q)
        for k in range(0, len(q), 2):
            if wa[k] != ha[k]:
                diff += ["? " + q[k], "-" + wa[k].rstrip(), "+" + ha[k].rstrip()]
            several = "nexthop" in wa[k] or "nhid" in wa[k]
            if wa[k + 1] != ha[k + 1] and not (several and wa[k + 1][0] != "!" and ha[k + 1][0] != "!"):
                diff += ["? " + q[k + 1], "-" + wa[k + 1].rstrip(), "+" + ha[k + 1].rstrip()]
        if diff:
            print("seed %d step %d: %s" % (seed, i, command))
            print("\n".join(diff[:60]))
            sys.stdout.flush()
            return i
    return None

def kernel(s):
    r = subprocess.run(["unshare", "-m", "sh", "-c", s], capture_output=True, text=True, errors="replace")
    return parse(r.stdout)

def weft(s):
    r = subprocess.run(["timeout", "600", a.weft, "run", "sh", "-c", s], capture_output=True, text=True, errors="replace")
    if r.stderr.strip():
        print("weft says:", r.stderr[:2000])
    return parse(r.stdout)

def main():
    bad = done = 0
    with tempfile.TemporaryDirectory(prefix="property") as dir:
        os.chmod(dir, 0o755)
        if a.replay:
            record = json.loads(gzip.open(a.replay).read())
            for e in record:
                steps = [(c, q) for c, q in e["steps"]]
                at = compare(steps, e["kernel"], weft(script(steps, dir)), e["seed"])
                print("%s seed %d: %d steps" % ("ok" if at is None else "not ok", e["seed"], len(steps)))
                bad += at is not None
            return bad
        record = []
        seed = a.seed
        while done < a.steps:
            steps = episode(seed, min(a.episode, a.steps - done))
            want = kernel(script(steps, dir, True))
            if a.record:
                record.append({"seed": seed, "steps": steps, "kernel": want})
            else:
                at = compare(steps, want, weft(script(steps, dir)), seed)
                bad += at is not None
                if at is not None and not a.keep_going:
                    return bad
            done += len(steps)
            seed += 1
        if a.record:
            with gzip.GzipFile(a.record, "wb", mtime=0) as f:
                f.write(json.dumps(record).encode())
        else:
            print("%d steps, %d episodes differ" % (done, bad))
    return bad

if os.geteuid() and not a.replay:
    print("SKIP: needs root")
    sys.exit(77)
sys.exit(1 if main() else 0)
