#!/usr/bin/env python3
"""Routing programs as Debian ships them over networks in weft, and what the same script gave on Linux.

    compare.py [--weft build/weft] [NAME...]
    compare.py --record RUNNER [NAME...]    asks a Linux kernel and writes NAME.txt: RUNNER SCRIPT must run a bash script as root there

NAME.sh is what is done, NAME.txt what Linux 6.12 had then. Exit 77: the programs are not installed."""
import argparse, difflib, os, re, shlex, shutil, subprocess, sys, tempfile

here = os.path.dirname(os.path.abspath(__file__))
ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
ap.add_argument("--weft", default=os.path.join(here, "../../build/weft"))
ap.add_argument("--record", metavar="RUNNER")
ap.add_argument("name", nargs="*")
a = ap.parse_args()
NEEDS = {"frr": "/usr/lib/frr/zebra"}
bad = ran = 0
for name in a.name or sorted(NEEDS):
    script, golden = "%s/%s.sh" % (here, name), "%s/%s.txt" % (here, name)
    if not os.path.exists(NEEDS[name]):
        print("ok %s # SKIP %s is not installed" % (name, NEEDS[name]))
        continue
    with tempfile.TemporaryDirectory() as d:
        if a.record:
            # A clock that skips idle time also skips while the machine reads its disk: the programs are read before.
            run = "%s/.record-%s.sh" % (here, name)
            open(run, "w").write("mkdir -p /run/netns; cat %s /usr/lib/x86_64-linux-gnu/frr/*.so* >/dev/null\nbash ./%s.sh /tmp/d 2>/tmp/err; tail -20 /tmp/err >&2\n"
                                 % (" ".join(["/usr/lib/frr/" + x for x in ("zebra", "ospfd", "ospf6d", "bgpd")]), name))
            r = subprocess.run(shlex.split(a.record) + [run], capture_output=True, text=True, cwd=here)
            os.unlink(run)
            open(golden, "w").write(r.stdout)
            print(name, "recorded, exit", r.returncode, r.stderr[-2000:])
            continue
        want = open(golden).read()
        os.chmod(d, 0o755)
        os.mkdir(d + "/expected")
        for m in re.finditer(r"(?m)^-- (.*)\n((?:r\d -[46].*\n(?:    .*\n)*)+)", want):
            open("%s/expected/%s" % (d, m[1]), "w").write(m[2])
        r = subprocess.run(["timeout", "250", os.path.abspath(a.weft), "run", "bash", script, d + "/r", d + "/expected"], capture_output=True, text=True)
        diff = list(difflib.unified_diff(want.split("\n"), r.stdout.split("\n"), "linux", "weft", lineterm="", n=3))
        print("%s %s: %d lines" % ("not ok" if diff else "ok", name, want.count("\n")))
        if diff:
            print("\n".join(diff))
            print("exit %d\n%s" % (r.returncode, r.stderr[-3000:]))
            bad = 1
sys.exit(bad)
