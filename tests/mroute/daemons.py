#!/usr/bin/env python3
"""Unmodified multicast routing daemons forward a stream under weft: smcrouted (both families) and pimd (two routers, register messages).

    daemons.py [--weft build/weft]
    daemons.py --record            as root: on this machine's kernel, writes smcroute.txt and pimd.txt

A daemon that is not installed is skipped (tools/deps test has them). Both at once."""
import argparse, difflib, os, shutil, subprocess, sys

here = os.path.dirname(os.path.abspath(__file__))
ap = argparse.ArgumentParser(description=__doc__)
ap.add_argument("--weft", default=os.path.join(here, "../../build/weft"))
ap.add_argument("--record", action="store_true")
a = ap.parse_args()
path = "/usr/sbin:/sbin:/usr/local/sbin:/opt/weft-deps/pimd/usr/sbin:/opt/weft-deps/smcroute/usr/sbin:" + os.environ.get("PATH", "")
under = ["unshare", "-m"] if a.record else [os.path.abspath(a.weft), "run"]
runs, bad = {}, 0
for name, program in (("smcroute", "smcrouted"), ("pimd", "pimd")):
    found = shutil.which(program, path=path)
    if not found:
        print("ok %s # SKIP %s is not installed" % (name, program))
        continue
    runs[name] = subprocess.Popen(["timeout", "150", *under, "bash", os.path.join(here, name + ".sh"), found], stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE, text=True)
for name, p in runs.items():
    out, err = p.communicate()
    have = "\n".join(l.rstrip() for l in out.split("\n"))
    golden = os.path.join(here, name + ".txt")
    if a.record:
        open(golden, "w").write(have)
        print(name, "recorded, exit", p.returncode, err[-300:])
        continue
    diff = list(difflib.unified_diff(open(golden).read().split("\n"), have.split("\n"), "linux", "weft", lineterm=""))
    print("%s %s" % ("not ok" if diff or p.returncode else "ok", name))
    if diff or p.returncode:
        print("exit %d\n%s\n%s" % (p.returncode, "\n".join(diff), err[-1500:]))
        bad = 1
sys.exit(bad)
