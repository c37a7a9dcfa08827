#!/usr/bin/env python3
"""Random `ip addr`, `link`, `route`, `rule`, `nexthop` and `neigh` commands of both families, typed at a Linux kernel's namespace and at
weft; after each, all that can be asked must be the same: what the command said, links, addresses, every table, rules, objects and their
buckets, proxies, netconf, address labels, and some hundred answers of `ip route get`; and all that `ip monitor` hears, in the same order.

    routes.py [--weft build/weft] [--seed N] [--steps N] [--family 4|6|46]    kernel beside weft (as root)
    routes.py --record FILE [--seed N] [--steps N]                            the same, and what the kernel says into FILE (gzip)
    routes.py --replay FILE [--weft build/weft]                               weft alone, against such a file
    --episode N (40), --keep-going, --shrink: reduces the first difference to as few commands as needed

Steps come in episodes, each on fresh namespaces and with a seed of its own, which a difference names: --seed S --steps 40 repeats it.
A recording begins with those of found.txt, which were different once. The random ones are route_steps.py's; route_side.py types them and reads back. What takes effect a moment later (carrier, new IPv6 addresses)
is asked for again until both sides agree, for at most ten seconds. The seed of the flows' hash is given, so that the choice among hops is the same.
Exit 0: no difference."""
import argparse, difflib, gzip, json, os, random, re, subprocess, sys, time

here = os.path.dirname(os.path.abspath(__file__))
sys.dont_write_bytecode = True
sys.path.insert(0, here)
import route_steps

ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
ap.add_argument("--weft", default=os.path.join(here, "../../build/weft"))
ap.add_argument("--seed", type=int, default=1)
ap.add_argument("--steps", type=int, default=200)
ap.add_argument("--episode", type=int, default=40)
ap.add_argument("--family", default="46")
ap.add_argument("--record")
ap.add_argument("--replay")
ap.add_argument("--keep-going", action="store_true")
ap.add_argument("--shrink", action="store_true")
ap.add_argument("--show", type=int, default=40, help="lines of a difference")

ap.add_argument("--script", help="a file like found.txt, to be typed instead of random commands")
a = ap.parse_args()
PREFIX = "prop%d-" % os.getpid()
FAMILIES = [int(c) for c in a.family]
PATIENCE = 10.0

SETUP = [piece.split("\n") for piece in """link set lo up
! net.ipv4.fib_multipath_hash_seed=4711
! net.ipv4.conf.all.forwarding=1
! net.ipv6.conf.all.forwarding=1
! net.ipv6.conf.default.accept_dad=0
! net.ipv6.conf.default.addr_gen_mode=1
! net.ipv6.conf.default.router_solicitations=0
! net.ipv6.conf.all.accept_dad=0
@b ! net.ipv6.conf.default.router_solicitations=0
link add v0 index 10 address 02:00:00:00:01:00 type veth peer name w0 address 02:00:00:00:02:00 index 110 netns @@b
link add v1 index 11 address 02:00:00:00:01:01 type veth peer name w1 address 02:00:00:00:02:01 index 111 netns @@b
link add v2 index 12 address 02:00:00:00:01:02 type veth peer name w2 address 02:00:00:00:02:02 index 112 netns @@b
@b link set w0 up
@b link set w1 up
@b link set w2 up

link set v0 up

link set v1 up

link set v2 up

addr add 10.0.0.1/24 dev v0
addr add 10.0.1.1/24 dev v1

addr add 2001:db8::1/64 dev v0

addr add 2001:db8:1::1/64 dev v1

addr add fe80::1/64 dev v0""".split("\n\n")]


class Disturbed(Exception):
    """Somebody ended the kernel's side, which does not end by itself."""


class Side:
    """A namespace with a helper in it. what: "kernel", or weft's program."""

    def __init__(self, what):
        self.what, self.names = what, [PREFIX + "a", PREFIX + "b"]
        start = "%s ip netns exec %s python3 -B %s/route_side.py %s" % (
            "".join("ip netns add %s && " % n for n in self.names), self.names[0], here, self.names[1])
        self.p = subprocess.Popen([what, "run", "sh", "-c", start] if what != "kernel" else ["sh", "-c", start],
                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, do, questions):
        try:
            self.p.stdin.write(json.dumps({"do": [c.replace("@@", PREFIX) for c in do], "ask": questions}) + "\n")
            self.p.stdin.flush()
        except BrokenPipeError:
            raise self.gone()

    def answer(self):
        l = self.p.stdout.readline()
        if not l:
            raise self.gone()
        r = json.loads(l)
        # Without what runs down, and what `ip` says of other people's files in /run/netns.
        r["said"] = [re.sub(r"\d+sec", "Nsec", s.replace(PREFIX, "")).replace("Error: Peer netns reference is invalid.\n", "") for s in r["said"]]
        return r

    def gone(self):
        return Disturbed() if self.what == "kernel" else EOFError("%s: its helper ended" % self.what)

    def end(self):
        try:
            self.p.stdin.close()
        except BrokenPipeError:
            pass
        self.p.wait()
        if self.what == "kernel":
            for n in self.names:
                subprocess.run(["ip", "netns", "del", n])


class Recorded:
    """The kernel, as it answered once."""

    def __init__(self, episode, lines):
        self.rest, self.lines = iter(episode["answers"]), lines

    def ask(self, do, questions):
        self.now = next(self.rest) if do else {**self.now, "heard": []}

    def answer(self):
        return {k: [self.lines[i] for i in v] for k, v in self.now.items()}

    def end(self):
        pass


def in_time(heard):
    """What neighbours say comes when packets do, between the rest; and groups are among them once a report was sent, after a random delay.
    A macvlan's carrier follows that of the device below some time after; what the lower device's change means to it stands between IPv4's and
    IPv6's part of that, there."""
    def apart(l):
        return l[1:6] == "neigh" or " link m0 " in l or ("netconf" in l and l.endswith("1=32000000"))
    return [l for l in heard if not apart(l)] + sorted(l for l in heard if apart(l) and "0040000005" not in l)


def differences(w, h, q):
    diff = []
    for what in ("said", "heard", "state"):
        x, y = (in_time(w[what]), in_time(h[what])) if what == "heard" else (w[what], h[what])
        if x != y:
            diff += [d for d in difflib.unified_diff(x, y, "kernel", "weft", lineterm="", n=0)]
    for k in range(0, len(q), 2):
        if w["answers"][k] != h["answers"][k]:
            diff += ["? " + q[k], "-" + w["answers"][k], "+" + h["answers"][k]]
        x, y = w["answers"][k + 1], h["answers"][k + 1]
        if x != y:
            diff += ["? " + q[k + 1], "-" + x, "+" + y]
    return diff


def compare(kernel, weft, do, q):
    """Types and asks on both sides; the kernel's answer, and how weft's differs."""
    sides = [kernel, weft]
    for s in sides:
        s.ask(do, q)
    w, h = kernel.answer(), weft.answer()
    said = w["said"], h["said"]
    until, pause, settled = time.monotonic() + PATIENCE, 0.005, not a.record
    while True:
        diff = differences(w, h, q)
        if (not diff and settled) or said[0] != said[1] or time.monotonic() > until:
            return w, diff
        if not diff: # what is recorded is all that comes of a command
            settled, pause = True, 0.4
        time.sleep(pause)
        pause = min(2 * pause, 0.1)
        for s in sides:
            s.ask([], q)
        before = w["heard"], h["heard"]
        w, h = kernel.answer(), weft.answer()
        w["said"], h["said"] = said
        w["heard"], h["heard"] = before[0] + w["heard"], before[1] + h["heard"]


def show(diff):
    for d in diff[:a.show]:
        print(pretty(d))
    sys.stdout.flush()


NAMES = {"route": "0 dst src iif oif gw prio prefsrc metrics mp 10 flow cacheinfo 13 14 table mark 17 via newdst pref encaptype encap expires pad uid ttlprop ipproto sport dport nhid".split()}
NAMES["get"] = NAMES["route"]


def pretty(d):
    """A difference's line with names and addresses for what is known."""
    w = d[1:].split()
    if w and w[0] in ("+route", "-route"):
        at = next((i for i, x in enumerate(w) if len(x) == 24 and i > 1), None)
        if at:
            return d[0] + " ".join(w[:at]) + pretty("  " + " ".join(["route"] + w[at:]))[6:]
    if not w or w[0] not in NAMES:
        return d
    h = bytes.fromhex(w[1])
    out = [d[0] + w[0], "fam%d/%d tos%d table%d proto%d scope%d type%d flags%x" % (h[0], h[1], h[3], h[4], h[5], h[6], h[7], int.from_bytes(h[8:], "little"))]
    for x in w[2:]:
        t, v = x.split("=")
        name = NAMES[w[0]][int(t)] if int(t) < len(NAMES[w[0]]) else t
        if name in ("dst", "gw", "src", "prefsrc"):
            v = ".".join(str(b) for b in bytes.fromhex(v)) if len(v) == 8 else ":".join(v[i:i + 4] for i in range(0, len(v), 4))
        elif name in ("oif", "iif", "prio", "table", "nhid"):
            v = str(int.from_bytes(bytes.fromhex(v), "little"))
        out.append(name + "=" + v)
    return " ".join(out)


def run_episode(steps, seed, record=None, quiet=False):
    """The number of the step that differs, or None. When somebody disturbs it, it is done again."""
    for attempt in range(5):
        answers = []
        try:
            at = beside(steps, seed, Side("kernel"), Side(a.weft), answers, quiet)
            if record is not None:
                record += answers
            return at
        except Disturbed:
            print("# seed %d: disturbed" % seed)
    return len(steps)


def beside(steps, seed, kernel, weft, record=None, quiet=False):
    """The same, on these two sides, which end with it."""
    try:
        for i, (command, q) in enumerate([(c, []) for c in SETUP] + [([c], q) for c, q in steps]):
            w, diff = compare(kernel, weft, command, q)
            if record is not None:
                record.append(w)
            if diff:
                if not quiet:
                    print("seed %d step %d: %s" % (seed, i - len(SETUP), "; ".join(command)))
                    show(diff)
                return i - len(SETUP)
        return None
    except EOFError as e:
        if not quiet:
            print("seed %d step %d: %s: %s" % (seed, i - len(SETUP), "; ".join(command), e))
        return i - len(SETUP)
    finally:
        kernel.end()
        weft.end()


def episode(seed, n):
    r = random.Random(seed)
    return [(route_steps.step(r, FAMILIES), route_steps.questions(r, FAMILIES)) for i in range(n)]


def written(path):
    """Episodes that stand in a file: a command a line, an empty line between two."""
    with open(path) as f:
        pieces = f.read().strip().split("\n\n")
    for n, piece in enumerate(pieces):
        r = random.Random(n)
        yield n, [(c, route_steps.questions(r, FAMILIES)) for c in piece.split("\n")]


def shrink(steps, seed):
    """Leaves out what isn't needed for some difference, from large pieces to single commands."""
    size = max(1, len(steps) // 2)
    while True:
        i = 0
        while i < len(steps) - 1:
            less = steps[:i] + steps[min(i + size, len(steps) - 1):]
            at = run_episode(less, seed, quiet=True) if len(less) < len(steps) else None
            if at is not None and at >= 0:
                steps = less[:at + 1]
            else:
                i += size
        if size == 1:
            break
        size //= 2
    print("shrunk to:")
    for c, _ in steps:
        print("  " + c)
    run_episode(steps, seed)


def replay():
    bad = 0
    with gzip.open(a.replay) as f:
        file = json.loads(f.read())
    for e in file["episodes"]:
        steps = [(c, q) for c, q in zip(e["commands"], e["questions"])]
        at = beside([(c, [file["lines"][i] for i in q]) for c, q in steps], e["seed"], Recorded(e, file["lines"]), Side(a.weft))
        print("%s seed %d: %d steps" % ("ok" if at is None else "not ok", e["seed"], len(steps)))
        bad += at is not None
    return bad


class Recording:
    def __init__(self):
        self.lines, self.index, self.episodes = [], {}, []

    def number(self, l):
        if l not in self.index:
            self.index[l] = len(self.lines)
            self.lines.append(l)
        return self.index[l]

    def add(self, seed, steps, answers):
        self.episodes.append({"seed": seed, "commands": [c for c, _ in steps], "questions": [[self.number(x) for x in q] for _, q in steps],
                              "answers": [{k: [self.number(x) for x in v] for k, v in w.items()} for w in answers]})

    def write(self, path):
        with gzip.GzipFile(path, "wb", mtime=0) as f:
            f.write(json.dumps({"lines": self.lines, "episodes": self.episodes}).encode())


def main():
    if a.replay:
        return replay()
    if a.script:
        return sum([run_episode(steps, n) is not None for n, steps in written(a.script)])
    bad = done = episodes = 0
    recording = Recording()
    seed = a.seed
    t0 = time.monotonic()
    if a.record:
        for n, steps in written(os.path.join(here, "found.txt")):
            answers = []
            bad += run_episode(steps, n, answers) is not None
            recording.add(n, steps, answers)
    while done < a.steps:
        steps = episode(seed, min(a.episode, a.steps - done))
        answers = []
        at = run_episode(steps, seed, answers)
        if at is None:
            recording.add(seed, steps, answers)
        elif a.shrink:
            shrink(steps[:at + 1], seed)
        bad += at is not None
        if at is not None and not a.keep_going:
            return bad
        done += len(steps)
        seed += 1
        episodes += 1
        if not episodes % 25:
            print("# %d steps, %d differ, %d s" % (done, bad, time.monotonic() - t0), flush=True)
    if a.record:
        recording.write(a.record)
    print("%d steps in %d episodes of both families, %d differ; %d s" % (done, episodes, bad, time.monotonic() - t0))
    return bad


if os.geteuid() and not a.replay:
    print("SKIP: needs root")
    sys.exit(77)
sys.exit(1 if main() else 0)
