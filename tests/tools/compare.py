#!/usr/bin/env python3
"""Types the commands of the scenarios (*.cmds) at the real tools under weft and compares what they print and return with what a
Linux kernel gave (*.txt).

    compare.py [--weft build/weft] [SCENARIO...]
    compare.py --record [SCENARIO...]       as root, on this machine's kernel: writes *.txt
    compare.py --record --runner 'PROGRAM ARG...' modules    asks a kernel that has modules (a virtual machine)
    compare.py --kernel [SCENARIO...]       asks the kernel again and compares

A scenario has one line a command:
    ns A B...       makes namespaces, with loopback down, IPv6 without duplicate address detection
    A: COMMAND      a shell command in namespace A; what it prints and returns is compared
    0: COMMAND      the same in the first namespace (the kernel's side has one of its own there)
    A+ COMMAND      the same; it must succeed, what it prints is of no interest
    settle          Linux works out operational states in the background; weft at once
    # TEXT          a comment, which also parts the matrix of docs/tools.md
Exit 0: the same but for what two machines cannot share (see normalise)."""
import argparse, concurrent.futures, difflib, glob, os, re, subprocess, sys, tempfile

here = os.path.dirname(os.path.abspath(__file__))
ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
ap.add_argument("--weft", default=os.path.join(here, "../../build/weft"))
ap.add_argument("--record", action="store_true")
ap.add_argument("--kernel", action="store_true")
ap.add_argument("--runner", metavar="RUNNER", help="with --record: RUNNER SCRIPT runs a bash script as root on another kernel")
ap.add_argument("scenario", nargs="*")
a = ap.parse_args()

PRELUDE = r"""
export LC_ALL=C PATH=/usr/sbin:/usr/bin:/sbin:/bin HERE TMPD NSTAT_HISTORY=$TMPD/nstat RTACCT_HISTORY=$TMPD/rtacct
cd "$TMPD"
"""
NEWNS = r"""
ip netns add %(n)s
ip netns exec %(n)s sysctl -qw net.ipv6.conf.default.accept_dad=0 net.ipv6.conf.default.router_solicitations=0 net.ipv6.conf.all.accept_dad=0
"""


def script(path, kernel):
    out, block, where = [PRELUDE], [], None

    def flush():
        nonlocal block, where
        if block:
            out.append(("bash -s" if where == "0" else "ip netns exec %s bash -s" % where) + " <<'END_OF_BLOCK' 2>&1\n" +
                       "\n".join(block) + "\nEND_OF_BLOCK")
        block, where = [], None

    for number, line in enumerate(open(path), 1):
        line = line.strip()
        m = re.match(r"(\w+)([:+]) (.*)", line)
        if line == "settle":
            block.append("sleep 1.3" if kernel else "")
        elif line.startswith("ns "):
            flush()
            out += [NEWNS % {"n": n} for n in line.split()[1:]]
        elif m:
            ns, how, command = m.groups()
            if ns != where:
                flush()
                where = ns
            quoted = "'" + command.replace("'", "'\\''") + "'"
            if how == "+":
                block.append("(%s) >$TMPD/.out 2>&1 </dev/null || { echo %d: %s failed; cat $TMPD/.out; }" % (command, number, quoted))
            else:
                block.append("echo; echo '$ '%s\\> %s; (\n%s\n) 2>&1 </dev/null || echo = $?" % (ns, quoted, command))
        elif line and line[0] != "#":
            sys.exit("%s:%d: what is that?" % (path, number))
    flush()
    return "\n".join(out) + "\n"


def normalise(text):
    text = re.sub(r"\b(?!02:0|ff:ff|00:00|01:|33:33)([0-9a-f]{2}:){5}[0-9a-f]{2}\b", "MAC", text)
    text = re.sub(r"fe80::(?!0*[0-9a-f]{1,3}\b)[0-9a-f]*:[0-9a-f]*ff:fe[0-9a-f]*:[0-9a-f]*", "LINKLOCAL", text)
    text = re.sub(r"ff02::1:ff[0-9a-f]{2}:[0-9a-f]{4}|33:33:ff:[0-9a-f:]{8}", "SOLICITED", text)
    text = re.sub(r'(?m)^(?!\$ ).*num_?[tr]x_?queues.*', lambda m: re.sub(r'num_?([tr])x_?queues"?[: ]\d+', r"num\1xqueues Q", m.group(0)),
                  text)  # one per cpu
    # Linux hears of a carrier in the background, so which of two devices gets its routes first is not settled.
    text = re.sub(r"(?m)(^(?:fe80::/64|multicast ff00::/8) dev .*\n)+", lambda m: "".join(sorted(m.group(0).splitlines(True))), text)
    text = re.sub(r"(?m)(^ff02::\S+ dev .*\n)+", lambda m: "".join(sorted(m.group(0).splitlines(True))), text)
    text = re.sub(r"used \d+/\d+/\d+", "used T", text)
    text = re.sub(r'"(valid|preferred)_life_time":(\d+)', lambda m: '"%s_life_time":%d' % (m.group(1), (int(m.group(2)) + 5) // 10 * 10), text)
    text = re.sub(r"\b(\d+)sec\b", lambda m: "%dsec" % (int(m.group(1)) + 5 - (int(m.group(1)) + 5) % 10), text)
    return re.sub(r"(?m)[ \t\r]+$", "", text)


def run(path, kernel):
    with tempfile.TemporaryDirectory(prefix="weft-tools-") as d:
        f = os.path.join(d, "script")
        open(f, "w").write(script(path, kernel))
        os.mkdir(d + "/tmp")
        env = {**os.environ, "HERE": here, "TMPD": d + "/tmp"}
        if kernel and a.runner:
            open(f, "w").write("HERE=/nosuch TMPD=$(mktemp -d)\n" + script(path, kernel))
            command = a.runner.split() + [f]
        elif kernel:
            command = ["unshare", "-n", "-m", "-p", "-f", "--mount-proc", "sh", "-c",
                       "mkdir -p /run/netns; mount -t tmpfs none /run/netns; exec bash " + f]
        else:
            command = [os.path.abspath(a.weft), "run", "bash", f]
        try:
            r = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, timeout=280, env=env)
        except subprocess.TimeoutExpired as e:
            return (e.stdout or b"").decode(errors="replace") + "\nno end after 280 s\n"
        return normalise(r.stdout.decode(errors="replace").replace(d, "DIR"))


def one(path):
    """What to print, and whether all is well."""
    name, golden = os.path.basename(path)[:-5], path[:-5] + ".txt"
    have = run(path, a.record or a.kernel)
    if a.record:
        open(golden, "w").write(have)
        return "recorded " + name, True
    want = open(golden).read()
    diff = list(difflib.unified_diff(want.split("\n"), have.split("\n"), "linux", "weft", lineterm="", n=4))
    said = "%s %s: %d commands" % ("not ok" if diff else "ok", name, have.count("\n$ "))
    return "\n".join([said] + diff), not diff


bad = 0
paths = [os.path.join(here, s + ".cmds") for s in a.scenario] or sorted(glob.glob(here + "/*.cmds"))
with concurrent.futures.ThreadPoolExecutor(2) as pool:
    for said, good in pool.map(one, paths):
        print(said, flush=True)
        bad |= not good
sys.exit(bad)
