#!/usr/bin/env python3
"""IPv6's scenarios (*.sh), or those of another folder (--dir), under weft, compared with what Linux 6.18 printed (*.txt).

    compare.py [--weft build/weft] [--dir DIR] [SCENARIO...]
    compare.py --record [SCENARIO...]    as root: asks this machine's kernel, in throw-away namespaces, and writes *.txt

Addresses made at random are left out of the comparison. A scenario that needs a program which is not there says "SKIP: why" first."""
import argparse, difflib, glob, os, re, subprocess, sys, tempfile

here = os.path.dirname(os.path.abspath(__file__))
ap = argparse.ArgumentParser(description=__doc__)
ap.add_argument("--weft", default=os.path.join(here, "../../build/weft"))
ap.add_argument("--dir", default=here)
ap.add_argument("--record", action="store_true")
ap.add_argument("scenario", nargs="*")
a = ap.parse_args()
here = os.path.abspath(a.dir)


def normalise(text):
    text = re.sub(r"\b(?!02:00|ff:ff|00:00|33:33|01:)([0-9a-f]{2}:){5}[0-9a-f]{2}\b", "MAC", text)
    text = re.sub(r"time[= ]\d+(\.\d+)? ?ms|rtt min.*|, time \d+ms", "TIME", text)
    text = re.sub(r"(?m)^[-\d]+ [:.\d]+ weft\[\d+\] \w+: .*\n", "", text)  # what the kernel has in its log
    return re.sub(r"(?m)[ \t]+$", "", text)


def run(argv, path):
    with tempfile.TemporaryDirectory() as d:
        r = subprocess.run(argv + ["bash", path], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=here, env={**os.environ, "TMP6": d})
    return r.returncode, normalise(r.stdout)


kernel = ["timeout", "100", "unshare", "-n", "-m", "-p", "-f", "--mount-proc", "sh", "-c",
          'mkdir -p /run/netns; mount -t tmpfs t /run/netns; ip link set lo up; exec "$@"', "-"]
bad = 0
for path in [os.path.join(here, s + ".sh") for s in a.scenario] or sorted(glob.glob(here + "/*.sh")):
    name, golden = os.path.basename(path)[:-3], path[:-3] + ".txt"
    if name == "lib":
        continue
    if a.record:
        rc, out = run(kernel, path)
        open(golden, "w").write(out)
        print(name, "recorded, exit", rc)
        continue
    rc, have = run(["timeout", "100", os.path.abspath(a.weft), "run"], path)
    if have.startswith("SKIP"):
        print("ok %s # %s" % (name, have.split("\n")[0]))
        continue
    want = open(golden).read()
    diff = list(difflib.unified_diff(want.split("\n"), have.split("\n"), "linux", "weft", lineterm="", n=3))
    print("%s %s: %d lines" % ("not ok" if diff or rc else "ok", name, want.count("\n")))
    if diff or rc:
        print("exit %d" % rc)
        print("\n".join(diff))
        bad = 1
sys.exit(bad)
