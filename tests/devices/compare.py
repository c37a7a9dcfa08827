#!/usr/bin/env python3
"""Types the commands of the scenarios (*.sh) under weft and compares what they print with what Linux printed (*.txt).

    compare.py [--weft build/weft] [SCENARIO...]
    compare.py --record RUNNER [SCENARIO...]    asks a Linux kernel and writes *.txt: RUNNER SCRIPT must run a bash script as root
                                                there (a virtual machine's `... run`, or bash itself in throw-away namespaces)

The recorded answers are Linux 6.12's. Exit 0: the same but for addresses made at random, queues and what IPv6 adds."""
import argparse, difflib, glob, os, re, shlex, subprocess, sys

here = os.path.dirname(os.path.abspath(__file__))
ap = argparse.ArgumentParser(description=__doc__)
ap.add_argument("--weft", default=os.path.join(here, "../../build/weft"))
ap.add_argument("--record", metavar="RUNNER")
ap.add_argument("scenario", nargs="*")
a = ap.parse_args()


def normalise(text):
    text = re.sub(r"(?m)^.*33:33:.*\n|^\s+inet6 .*\n", "", text)
    text = re.sub(r"(?m)^\d+:\t\w+\n(?!\t)", "", text)  # ip maddr: a device without groups of ours
    text = re.sub(r" addrgenmode \w+", "", text)
    text = re.sub(r"\b(?!02:00|ff:ff|00:00|01:)([0-9a-f]{2}:){5}[0-9a-f]{2}\b", "MAC", text)
    text = re.sub(r"num([tr])xqueues \d+", r"num\1xqueues Q", text)  # one per cpu
    text = re.sub(r"(?m)^version: \d+\.\d+\.\d+\S*$", "version: KERNEL", text)
    text = re.sub(r"(?m)^(\d+: (lo|tunl0|sit0)@?\S*: .*)\n", lambda m: m.group(0) if m.group(2) == "lo" else "", text)
    text = re.sub(r"(?m)^.*tx-tcp-accecn.*\n", "", text)  # newer than the recording
    text = re.sub(r"(?m)^\tlink  01:80:c2:00:00:21 .*\n", "", text)  # GVRP's, which that kernel speaks
    text = re.sub(r"time[= ]\d+(\.\d+)? ?ms|rtt min.*|, time \d+ms", "TIME", text)
    return re.sub(r"(?m)[ \t]+$", "", text)


bad = 0
for path in [os.path.join(here, s + ".sh") for s in a.scenario] or sorted(glob.glob(here + "/*.sh")):
    name = os.path.basename(path)[:-3]
    if name == "lib":
        continue
    golden = path[:-3] + ".txt"
    if a.record:
        r = subprocess.run(shlex.split(a.record) + [path], capture_output=True, text=True, cwd=here)
        open(golden, "w").write(normalise(r.stdout))
        print(name, "recorded, exit", r.returncode, r.stderr[-300:])
        continue
    r = subprocess.run(["timeout", "100", os.path.abspath(a.weft), "run", "bash", path], capture_output=True, text=True, cwd=here, env={**os.environ, "WEFT": "1"})
    want, have = open(golden).read(), normalise(r.stdout + r.stderr)
    diff = list(difflib.unified_diff(want.split("\n"), have.split("\n"), "linux", "weft", lineterm="", n=4))
    print("%s %s: %d lines" % ("not ok" if diff or r.returncode else "ok", name, want.count("\n")))
    if diff or r.returncode:
        print("exit %d" % r.returncode)
        print("\n".join(diff))
        bad = 1
sys.exit(bad)
