#!/usr/bin/env python3
"""Types the commands of the scenarios (*.sh) under weft and compares what they print with what Linux printed (*.txt).

    compare.py [--weft build/weft] [SCENARIO...]
    compare.py --record RUNNER [SCENARIO...]    asks a Linux kernel and writes *.txt: RUNNER SCRIPT must run a bash script as root
                                                there (a virtual machine's `... run`, or bash itself in throw-away namespaces)

The recorded answers are Linux 6.12's (bridge_traffic, _mdb, _stp, _brctl: 6.18's, of a kernel without VLAN filtering). Exit 0: the same but for addresses made at random, queues and what IPv6 adds."""
import argparse, concurrent.futures, difflib, glob, os, re, shlex, subprocess, sys

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
    text = re.sub(r"(?m)^.*tx-tcp-accecn.*\n|^tcp-segmentation-offload: .*\n", "", text)  # newer than the recording, and a sum with it
    text = re.sub(r"(?m)^01:80:c2:00:00:21 .*\n", "", text)  # GVRP's, once that kernel's module is there
    text = re.sub(r"(_timer) +\d+\.\d\d", r"\1 T", text)
    text = re.sub(r"time[= ]\d+(\.\d+)? ?ms|rtt min.*|, time \d+ms", "TIME", text)
    return re.sub(r"(?m)[ \t]+$", "", text)


def record(path):
    r = subprocess.run(shlex.split(a.record) + [path], capture_output=True, text=True, cwd=here)
    open(path[:-3] + ".txt", "w").write(normalise(r.stdout))
    print(os.path.basename(path), "recorded, exit", r.returncode, r.stderr[-300:])


def replay(path):
    """What to print, and whether all is well."""
    name, golden = os.path.basename(path)[:-3], path[:-3] + ".txt"
    r = subprocess.run(["timeout", "250", os.path.abspath(a.weft), "run", "bash", path], capture_output=True, text=True, cwd=here, env={**os.environ, "WEFT": "1"})
    want, have = open(golden).read(), normalise(r.stdout + r.stderr)
    if have.startswith("SKIP: "):
        return "ok %s # SKIP %s" % (name, have[6:].strip()), True
    diff = list(difflib.unified_diff(want.split("\n"), have.split("\n"), "linux", "weft", lineterm="", n=4))
    good = not diff and not r.returncode
    said = "%s %s: %d lines" % ("ok" if good else "not ok", name, want.count("\n"))
    return said if good else "\n".join([said, "exit %d" % r.returncode, *diff]), good


paths = [os.path.join(here, s + ".sh") for s in a.scenario] or [p for p in sorted(glob.glob(here + "/*.sh")) if not p.endswith("/lib.sh")]
if a.record:
    for path in paths:
        record(path)
    sys.exit()
bad = 0
with concurrent.futures.ThreadPoolExecutor(3) as pool:  # most of their time they wait for answers that do not come
    for said, good in pool.map(replay, paths):
        print(said, flush=True)
        bad |= not good
sys.exit(bad)
