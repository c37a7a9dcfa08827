#!/usr/bin/env python3
"""Unmodified radvd and dnsmasq as routers, and a host that configures itself from what they advertise: weft against what Linux 6.18 gave.

    compare.py [--weft build/weft]
    compare.py --record            as root: on this machine's kernel, writes routers.txt

routers.sh is what is done. A part whose program is not installed is skipped (tools/deps test has them all)."""
import argparse, difflib, os, shutil, subprocess, sys

here = os.path.dirname(os.path.abspath(__file__))
ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
ap.add_argument("--weft", default=os.path.join(here, "../../build/weft"))
ap.add_argument("--record", action="store_true")
a = ap.parse_args()
path = "/usr/sbin:/sbin:/usr/local/sbin:" + os.environ.get("PATH", "")
found = [shutil.which(p, path=path) for p in ("radvd", "dnsmasq", "rdisc6", "ndisc6")]
if not all(found):
    print("ok ra # SKIP radvd, dnsmasq, rdisc6 and ndisc6 are not all installed")
    sys.exit(77)
script = ["bash", os.path.join(here, "routers.sh"), *found]
if a.record: # a folder of its own for the namespaces' names
    mounts = 'mount --make-rprivate / && mkdir -p /run/netns && mount -t tmpfs t /run/netns && "$@"; rc=$?; ip netns del router; ip netns del host; exit $rc'
    run = ["unshare", "-n", "-m", "sh", "-c", mounts, "-", *script]
else:
    run = [os.path.abspath(a.weft), "run", *script]
r = subprocess.run(["timeout", "150", *run], capture_output=True, text=True)
have = "\n".join(line.rstrip() for line in r.stdout.split("\n"))
golden = os.path.join(here, "routers.txt")
if a.record:
    open(golden, "w").write(have)
    print("recorded, exit", r.returncode, r.stderr[-500:])
    sys.exit(r.returncode)
diff = list(difflib.unified_diff(open(golden).read().split("\n"), have.split("\n"), "linux", "weft", lineterm=""))
bad = bool(diff) or r.returncode != 0
print("%s ra" % ("not ok" if bad else "ok"))
if bad:
    print("exit %d\n%s\n%s" % (r.returncode, "\n".join(diff), r.stderr[-3000:]))
sys.exit(bad)
