#!/usr/bin/env python3
"""Types the commands of the scenarios (*.cmds) at the real tools, once on this machine's kernel and once under weft, and compares
what they print and return.

    compare.py [--weft build/weft] [SCENARIO...]        (as root, for the kernel's side)

Exit 0: the same but for addresses made at random, times and counters."""
import argparse, difflib, glob, os, re, subprocess, sys

here = os.path.dirname(os.path.abspath(__file__))
ap = argparse.ArgumentParser(description=__doc__)
ap.add_argument("--weft", default=os.path.join(here, "../../build/weft"))
ap.add_argument("scenario", nargs="*")
a = ap.parse_args()
if os.geteuid() or not os.path.exists(a.weft):
    print("SKIP: needs root and", a.weft)
    sys.exit(77)
PREFIX = "nlcmp%d-" % os.getpid()

def script(path):
    out, spaces = [], []
    for line in open(path):
        line = line.strip()
        if line.startswith("ns6 "): # with IPv6
            for n in line.split()[1:]:
                spaces.append(PREFIX + n)
                out += ["ip netns add " + PREFIX + n, "ip netns exec %s%s sysctl -qw net.ipv6.conf.default.accept_dad=0 "
                        "net.ipv6.conf.default.router_solicitations=0" % (PREFIX, n)]
            continue
        if line.startswith("ns "):
            for n in line.split()[1:]:
                spaces.append(PREFIX + n)
                out += ["ip netns add " + PREFIX + n]
                out += ["for i in all default; do f=/proc/sys/net/ipv6/conf/$i/disable_ipv6; ip netns exec %s sh -c "
                        "\"test ! -e $f || echo 1 > $f\"; done" % (PREFIX + n)]
            continue
        m = re.match(r"(\w+): (.*)", line)
        if not m:
            continue
        command = m.group(2).replace("@", PREFIX)
        if not command.split()[0] in ("ip", "tc", "bridge", "sysctl"):
            continue
        out += ["echo '$ %s'" % m.group(2), "timeout 5 ip netns exec %s%s %s 2>&1; echo \"= $?\"" % (PREFIX, m.group(1), command)]
    out += ["ip netns del " + s for s in spaces]
    return "\n".join(out)

def normalise(text):
    text = text.replace(PREFIX, "")
    text = re.sub(r"(?m)^.*33:33:.*\n", "", text) # IPv6's groups
    text = re.sub(r"\b(?!02:00|ff:ff|00:00:00|01:00)([0-9a-f]{2}:){5}[0-9a-f]{2}\b", "MAC", text)
    text = re.sub(r"\b(\d+)sec\b", lambda m: "%dsec" % (int(m.group(1)) + 5 - (int(m.group(1)) + 5) % 10), text)
    text = re.sub(r"used \d+/\d+/\d+", "used T", text)
    text = re.sub(r"idle_time [\d.]+", "idle_time T", text)
    text = re.sub(r"fe80::[0-9a-f]*:[0-9a-f]*ff:fe[0-9a-f]*:[0-9a-f]*", "LINKLOCAL", text)
    text = re.sub(r"(ref|refcnt) \d+ ", "", text)
    text = re.sub(r"\breachable \d+", "reachable T", text)
    text = re.sub(r'"(used|confirmed|updated|valid_life_time|preferred_life_time|address)":("[^"]*"|\d+)', r'"\1":X', text)
    text = re.sub(r'"(bytes|packets|multicast|dropped|errors)":\d+', r'"\1":N', text)
    text = re.sub(r"(?m)^( +[RT]X:.*\n) +[\d ]+$", r"\1 counters", text)
    text = re.sub(r'num_?([tr])x_?queues"?[: ]\d+', r"num\1xqueues Q", text) # one per cpu
    # A hash table's order.
    text = re.sub(r"(?m)(^(?:\d+\.){3}\d+ .*lladdr.*\n)+", lambda m: "".join(sorted(m.group(0).splitlines(True))), text)
    # What IPv6 does on the kernel's side.
    text = re.sub(r"(?m)^inet6 .*\n", "", text)
    text = re.sub(r"(?m)^\tinet6 .*\n", "", text)
    text = re.sub(r"(?m)^\d+:\t\w+\n(?!\t)", "", text) # a device without addresses of ours
    text = re.sub(r"(?m)^inet6? ndisc_cache.*\n(    .*\n)*", "", text)
    return re.sub(r" addrgenmode \w+|\"inet6_addr_gen_mode\":\"\w+\",", "", text)

bad = 0
for path in [os.path.join(here, s + ".cmds") for s in a.scenario] or sorted(glob.glob(here + "/*.cmds")):
    s = script(path)
    kernel = subprocess.run(["unshare", "-m", "sh", "-c", "mkdir -p /run/netns; mount -t tmpfs none /run/netns; " + s], capture_output=True, text=True)
    weft = subprocess.run(["timeout", "60", a.weft, "run", "sh", "-c", s], capture_output=True, text=True)
    want, have = normalise(kernel.stdout + kernel.stderr), normalise(weft.stdout + weft.stderr)
    diff = list(difflib.unified_diff(want.split("\n"), have.split("\n"), "kernel", "weft", lineterm="", n=4))
    print("%s %s: %d commands" % ("not ok" if diff else "ok", os.path.basename(path), s.count("echo '$ ")))
    if diff:
        print("\n".join(diff))
        bad = 1
sys.exit(bad)
