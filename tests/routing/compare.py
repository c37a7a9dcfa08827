#!/usr/bin/env python3
"""Routing programs as Debian ships them over networks in weft, and what the same script gave on Linux.

    compare.py [--weft build/weft] [--long] [NAME...]
    compare.py --record RUNNER [NAME...]    asks a Linux kernel and writes NAME.txt: RUNNER SCRIPT must run a bash script as root there

NAME.sh is what is done, NAME.txt what Linux had then (frr: 6.12, bird: 6.18); --long does the steps, too, whose titles begin with (long). Exit 77: the programs are not installed."""
import argparse, concurrent.futures, difflib, os, re, shlex, shutil, subprocess, sys, tempfile

here = os.path.dirname(os.path.abspath(__file__))
ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
ap.add_argument("--weft", default=os.path.join(here, "../../build/weft"))
ap.add_argument("--record", metavar="RUNNER")
ap.add_argument("--long", action="store_true")
ap.add_argument("name", nargs="*")
a = ap.parse_args()
NEEDS = {"bird": "/usr/sbin/bird", "frr": "/usr/lib/frr/zebra"}


def record(name, script, golden, d):
    # A clock that skips idle time also skips while the machine reads its disk: the programs are read before.
    run = "%s/.record-%s.sh" % (here, name)
    open(run, "w").write("mkdir -p /run/netns; cat %s /usr/lib/x86_64-linux-gnu/frr/*.so* >/dev/null\nLONG=1 bash ./%s.sh /tmp/d-%s 2>/tmp/err; tail -20 /tmp/err >&2\n"
                         % (" ".join(["/usr/lib/frr/" + x for x in ("zebra", "ospfd", "ospf6d", "bgpd")]), name, name))
    r = subprocess.run(shlex.split(a.record) + [run], capture_output=True, text=True, cwd=here)
    os.unlink(run)
    open(golden, "w").write(r.stdout)
    return 0, "%s recorded, exit %d %s" % (name, r.returncode, r.stderr[-2000:])


def check(name, script, golden, d):
    want = open(golden).read()
    if not a.long:
        want = re.sub(r"(?ms)^-- \(long\).*?(?=^-- (?!\(long\))|\Z)", "", want)
    os.chmod(d, 0o755)
    os.mkdir(d + "/expected")
    for m in re.finditer(r"(?m)^-- (.*)\n((?:r\d -[46].*\n(?:    .*\n)*)+)", want):
        open("%s/expected/%s" % (d, m[1]), "w").write(m[2])
    r = subprocess.run(["timeout", "600" if a.long else "250", os.path.abspath(a.weft), "run", "bash", script, d + "/r", d + "/expected"], capture_output=True, text=True,
                       env={**os.environ, "LONG": "1" if a.long else ""})
    diff = list(difflib.unified_diff(want.split("\n"), r.stdout.split("\n"), "linux", "weft", lineterm="", n=3))
    text = ["%s %s: %d lines" % ("not ok" if diff else "ok", name, want.count("\n"))]
    if diff:
        text += diff + ["exit %d" % r.returncode, r.stderr[-3000:]]
    return bool(diff), "\n".join(text)


def one(name):
    if not os.path.exists(NEEDS[name]):
        return 0, "ok %s # SKIP %s is not installed" % (name, NEEDS[name])
    with tempfile.TemporaryDirectory() as d:
        return (record if a.record else check)(name, "%s/%s.sh" % (here, name), "%s/%s.txt" % (here, name), d)


# Side by side: they wait most of the time.
with concurrent.futures.ThreadPoolExecutor(4) as pool:
    bad = 0
    for failed, text in pool.map(one, a.name or sorted(NEEDS)):
        print(text)
        bad |= failed
sys.exit(bad)
