#!/usr/bin/env python3
"""Runs scenario.py under weft and compares what it prints with what Linux 6.18 printed (expected.txt).

    compare.py [--weft build/weft]
    compare.py --record            as root: asks this machine's kernel, in namespaces of its own"""
import argparse, difflib, os, subprocess, sys

here = os.path.dirname(os.path.abspath(__file__))
ap = argparse.ArgumentParser(description=__doc__)
ap.add_argument("--weft", default=os.path.join(here, "../../build/weft"))
ap.add_argument("--record", action="store_true")
a = ap.parse_args()
under = [] if a.record else [os.path.abspath(a.weft), "run"]
r = subprocess.run(["timeout", "200", *under, sys.executable, os.path.join(here, "scenario.py")], capture_output=True, text=True)
have = "\n".join(l.rstrip() for l in (r.stdout + r.stderr).split("\n"))
golden = os.path.join(here, "expected.txt")
if a.record:
    open(golden, "w").write(have)
    print("recorded, exit", r.returncode)
    sys.exit(0)
diff = list(difflib.unified_diff(open(golden).read().split("\n"), have.split("\n"), "linux", "weft", lineterm="", n=3))
print("%s options: %d lines" % ("not ok" if diff or r.returncode else "ok", have.count("\n")))
if diff or r.returncode:
    print("exit %d\n%s" % (r.returncode, "\n".join(diff)))
sys.exit(bool(diff or r.returncode))
