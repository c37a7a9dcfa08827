#!/usr/bin/env python3
"""Runs the attach tests: run.py [--kernel] [--record] [--user NAME] WEFT BINDIR NAME...

A test is a program of this folder, whose output must be that of expected/NAME.txt: it was recorded from a Linux kernel (--record, as root:
in a network namespace of its own), and --kernel compares the kernel again. In differences.c both are known: NAME.kernel.txt is Linux'.
The others (kill, spaces, leftovers, …) are functions below and in endings.py.
"""
import os, re, signal, subprocess, sys, tempfile, time

import endings

here = os.path.dirname(os.path.abspath(__file__))
PROGRAMS = ["states", "ends", "blocking", "sharing", "datagrams", "urgent", "marks", "rings", "pollerr", "storm", "closes", "taps", "handed", "differences", "signed", "rights"]
user = []


def weft(*cmd, timeout=60, check=False, **kw):
    return subprocess.run(user + [WEFT, "run", *cmd], capture_output=True, text=True, timeout=timeout, check=check, **kw)


def lo_up(cmd):
    return ["sh", "-c", f"ip link set lo up && exec {cmd}"]


def expected(name, kernel):
    p = f"{here}/expected/{name}.kernel.txt"
    return p if kernel and name == "differences" else f"{here}/expected/{name}.txt"


def compare(name, out, path):
    want = open(path).read()
    if out == want:
        return True
    import difflib
    sys.stdout.writelines(difflib.unified_diff(want.splitlines(True), out.splitlines(True), "expected", "seen"))
    return False


def on_kernel(name):
    ns = f"weft-attach-{os.getpid()}"
    subprocess.run(["ip", "netns", "add", ns], check=True)
    try:
        subprocess.run(["ip", "-n", ns, "link", "set", "lo", "up"], check=True)
        return subprocess.run(["ip", "netns", "exec", ns, f"{BIN}/{name}"], capture_output=True, text=True, timeout=60).stdout
    finally:
        subprocess.run(["ip", "netns", "del", ns])


def program(name):
    r = weft(*lo_up(f"{BIN}/{name}"))
    sys.stderr.write(r.stderr)
    return compare(name, r.stdout, expected(name, False)) and r.returncode == 0 and "did not end in order" not in r.stderr


def stacks():
    """(pid, parent) of every stack process of ours."""
    out = []
    for p in os.listdir("/proc"):
        if p.isdigit():
            try:
                s = open(f"/proc/{p}/stat").read()
            except OSError:
                continue
            if "(weft-stack)" in s:
                out.append((int(p), int(s.rsplit(")", 1)[1].split()[1])))
    return out


def stack_of(proc):
    for _ in range(200):
        for pid, parent in stacks():
            if parent == proc.pid or parent_of(parent) == proc.pid:
                return pid
        time.sleep(0.01)
    raise SystemExit("no stack")


def parent_of(pid):
    try:
        return int(open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()[1])
    except OSError:
        return 0


def kill():
    """kill -9 of the stack: a connection is reset, never cleanly ended; nobody hangs; later calls fail."""
    p = subprocess.Popen(user + [WEFT, "run", *lo_up(f"{BIN}/orphans")], stdout=subprocess.PIPE, text=True)
    ok, line = True, ""
    while line != "ready\n":
        line = p.stdout.readline()
        if not line:
            return False
    os.kill(stack_of(p), signal.SIGKILL)
    out, _ = p.communicate(timeout=20)
    return compare("orphans", out, f"{here}/expected/orphans.txt") and ok


def lost_closes():
    """More closes at once than the kernel's queue of events holds (fs.inotify.max_queued_events): all are found."""
    many = int(open("/proc/sys/fs/inotify/max_queued_events").read()) + 500
    script = f"""n=0
while [ $n -lt {many} ]; do mkfifo "$1/$n"; "$0" hold >"$1/$n" & pids="$pids $!"; n=$((n + $(head -n 1 "$1/$n"))); done
echo stop; read go; kill -9 $pids; wait $pids; echo killed; read go
for i in $(seq 500); do grep -q '^TCP:.* alloc 0 ' /proc/net/sockstat && break; sleep 0.01; done; grep ^TCP: /proc/net/sockstat"""
    with tempfile.TemporaryDirectory() as d:
        os.chmod(d, 0o777)
        p = subprocess.Popen(user + [WEFT, "run", "sh", "-c", script, f"{BIN}/closes", d], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        stack = stack_of(p) if p.stdout.readline() == "stop\n" else 0
        if not stack:
            return False
        os.kill(stack, signal.SIGSTOP)
        p.stdin.write("\n")
        p.stdin.flush()
        killed = p.stdout.readline()
        os.kill(stack, signal.SIGCONT)
        out = p.communicate("\n", timeout=60)[0]
    print(killed, out)
    return killed == "killed\n" and " alloc 0 " in out


def gone(pid):
    for _ in range(2000):
        try:
            if ") Z " in open(f"/proc/{pid}/stat").read():
                return True
        except OSError:
            return True
        time.sleep(0.01)
    return False


def leftovers():
    """After a run: no process, mount or namespace of it is there; what it left running is gone."""
    before = open("/proc/self/mountinfo").read()
    r = weft(*lo_up("sh -c 'ip netns add x; unshare -n sleep 1000 & (setsid sleep 1000 &) ; python3 -m http.server 8000 >/dev/null 2>&1 & echo $!'"))
    pid = int(r.stdout.split()[0])
    ok = gone(pid) and open("/proc/self/mountinfo").read() == before
    if not ok:
        print("left:", r.stdout, r.stderr)
    if os.path.exists("/run/netns/x"):
        print("/run/netns/x is on the host")
        ok = False
    return ok


SPACES = r"""
set -e
ip netns add a
ip netns add b
ip -n a link add v type veth peer name w netns b
ls /sys/class/net
ip netns exec a ls /sys/class/net
ip netns exec a sh -c 'ls /sys/class/net; cat /sys/class/net/v/ifindex'
ip netns exec b sh -c 'ls /sys/class/net'
unshare -n ls /sys/class/net
nsenter --net=/run/netns/a ls /sys/class/net
ip netns exec a grep -c : /proc/net/dev
ip netns exec a cat /proc/self/net/dev | grep -c :
ip netns exec a sh -c 'cd /proc/net && grep -c : dev; cd /proc/self; grep -c : net/dev; cd /proc; grep -c : ./net/dev'
ip netns del a
for i in 1 2 3 4 5 6; do unshare -n sh -c 'ip link add q type dummy && ip -br link | wc -l'; done
sleep 0.3
ip -n b -br link | wc -l
"""


def spaces():
    """Namespaces: seen under /sys after ip netns exec, unshare and nsenter; a reused inode never leads to an old one; deletion takes
    the other end of a veth pair along."""
    r = weft("sh", "-c", SPACES)
    sys.stderr.write(r.stderr)
    return compare("spaces", r.stdout, f"{here}/expected/spaces.txt")


def static():
    """A static program and the busybox of the machine."""
    r = weft(*lo_up("sh -c 'busybox ifconfig lo | grep -o UP; (busybox nc -l -p 7000 -e busybox echo hello &) ; sleep 0.3; busybox nc 127.0.0.1 7000 </dev/null'"))
    s = weft(*lo_up(f"{BIN}/ends-static"))
    return r.stdout.split() == ["UP", "hello"] and compare("ends", s.stdout, f"{here}/expected/ends.txt")


GOLANG = r"""
ip link set lo up
printf '[global.config]\n as = 65001\n router-id = "10.0.0.1"\n port = 1790\n local-address-list = ["0.0.0.0"]\n' > $1/g.conf
gobgpd -f $1/g.conf --api-hosts 127.0.0.1:50051 >/dev/null 2>&1 &
for i in 1 2 3 4 5 6 7 8 9 10; do gobgp -u 127.0.0.1 global >/dev/null 2>&1 && break; sleep 0.3; done
gobgp -u 127.0.0.1 global rib add 10.9.0.0/24
gobgp -u 127.0.0.1 global rib | grep -o '10.9.0.0/24'
"""


def golang():
    """A Go program: its runtime makes system calls itself, from many threads, and polls with EPOLLET."""
    import shutil, tempfile
    if not shutil.which("gobgpd"):
        sys.exit(77)
    with tempfile.TemporaryDirectory() as d:
        os.chmod(d, 0o777)
        r = weft("sh", "-c", GOLANG, "sh", d)
    return r.stdout == "10.9.0.0/24\n"


def mapself():
    """--map-self keeps the user's own id, and his rights over the network."""
    r = subprocess.run(user + [WEFT, "run", "--map-self", "sh", "-c", "id -u; ip link set lo up && ping -c1 -W1 127.0.0.1 >/dev/null && echo pong"],
                       capture_output=True, text=True, timeout=30)
    want = subprocess.run(user + ["id", "-u"], capture_output=True, text=True).stdout
    return r.stdout == want + "pong\n"


IFADDRS = r"""
for i in $(seq 30); do ip link add d$i type dummy; ip link set d$i up; ip addr add 10.$i.0.1/24 dev d$i; done
python3 -c 'import ctypes; print(ctypes.CDLL(None).getifaddrs(ctypes.byref(ctypes.c_void_p())))'
ip link | grep -c ^[0-9]
"""


def ifaddrs():
    """getifaddrs(3) reads into a page: a dump's messages are never longer than what their reader gives room for."""
    r = weft("sh", "-c", IFADDRS)
    return r.stdout == "0\n31\n"


def main(argv):
    global WEFT, BIN, user
    kernel = "--kernel" in argv
    record = "--record" in argv
    if "--user" in argv:
        i = argv.index("--user")
        user = ["runuser", "-u", argv[i + 1], "--"]
        del argv[i:i + 2]
    argv = [a for a in argv if not a.startswith("--")]
    WEFT, BIN, names = os.path.abspath(argv[0]), os.path.abspath(argv[1]), argv[2:]
    if (user or kernel or record) and os.geteuid() != 0:
        return 77
    bad = 0
    for n in names:
        if record or kernel:
            if n not in PROGRAMS or n == "signed":  # which the kernel cannot
                continue
            out = on_kernel(n)
            if record:
                open(expected(n, True), "w").write(out)
                ok = True
            else:
                ok = compare(n, out, expected(n, True))
        else:
            if n in PROGRAMS:
                ok = program(n)
            elif hasattr(endings, n):
                ok = getattr(endings, n)(user + [WEFT, "run"], BIN)
            else:
                ok = globals()[n]()
        print(("ok   " if ok else "FAIL ") + n)
        bad += not ok
    return 1 if bad else 0


sys.exit(main(sys.argv[1:]))
