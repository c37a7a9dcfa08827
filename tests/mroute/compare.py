#!/usr/bin/env python3
"""Runs scenario.py under weft and compares what it prints with what Linux 6.18 printed (api4.txt, api6.txt).

    compare.py [--weft build/weft]
    compare.py --record            as root: asks this machine's kernel, in namespaces of its own

Both families at once. Exit 0: no difference but for ages of entries and the bytes that Linux leaves unset in its reports."""
import argparse, difflib, os, subprocess, sys

here = os.path.dirname(os.path.abspath(__file__))
ap = argparse.ArgumentParser(description=__doc__)
ap.add_argument("--weft", default=os.path.join(here, "../../build/weft"))
ap.add_argument("--record", action="store_true")
a = ap.parse_args()

under = [] if a.record else [os.path.abspath(a.weft), "run"]
runs = {v: subprocess.Popen(["timeout", "200", *under, sys.executable, os.path.join(here, "scenario.py"), v], stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT, text=True) for v in ("4", "6")}
bad = 0
for v, p in runs.items():
    have = p.communicate()[0]
    golden = os.path.join(here, "api%s.txt" % v)
    if a.record:
        open(golden, "w").write(have)
        print("api%s recorded, exit %d" % (v, p.returncode))
        continue
    want = open(golden).read()
    diff = list(difflib.unified_diff(want.split("\n"), have.split("\n"), "linux", "weft", lineterm="", n=4))
    print("%s api%s: %d lines" % ("not ok" if diff or p.returncode else "ok", v, want.count("\n")))
    if diff or p.returncode:
        print("exit %d\n%s" % (p.returncode, "\n".join(diff)))
        bad = 1
sys.exit(bad)
