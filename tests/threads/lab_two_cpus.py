#!/usr/bin/env python3
"""The lab on two cpus under the thread sanitizer: this build's daemon serves real programs, started by another build's `weft run`.

    lab_two_cpus.py DAEMON_WEFT PLAIN_WEFT

The sanitizer runs a thread of its own in every process, and a process with threads may not enter a user or mount namespace: so only the
daemon is of the sanitized build. iperf3, curl and a bulk transfer that is compared by hash run through the router while routes, addresses
and links change, packets are lost to links that go down, and namespaces come and go. The sanitizer must have nothing to say."""
import glob, os, shutil, subprocess, sys, tempfile

daemon, plain = (os.path.abspath(p) for p in sys.argv[1:3])
here = os.path.dirname(os.path.abspath(__file__))
for p in daemon, plain:
    if not os.access(p, os.X_OK):
        print("SKIP: no", p)
        sys.exit(77)
dir = tempfile.mkdtemp(prefix="weft-tsan-")
NAME = "tsan%d" % os.getpid()
env = {**os.environ, "WEFT_RUNTIME_DIR": dir + "/run", "TSAN_OPTIONS": "log_path=%s/report:halt_on_error=0:second_deadlock_stack=1" % dir}
os.mkdir(dir + "/run", 0o700)

SCRIPT = r"""
set -e
D=$1; LAB=$2
sh $LAB/setup.sh
cat > $D/serve.py <<'END'
import socket, threading, hashlib
def one(c):
    n = int.from_bytes(c.recv(8, socket.MSG_WAITALL), "big")
    h = hashlib.sha256()
    while n:
        d = c.recv(min(n, 65536))
        if not d: return
        h.update(d); n -= len(d)
    c.sendall(h.digest()); c.close()
s = socket.create_server(("10.0.2.2", 7000))
while True:
    threading.Thread(target=one, args=(s.accept()[0],), daemon=True).start()
END
cat > $D/send.py <<'END'
import socket, os, hashlib
data = os.urandom(1 << 20) * 3
s = socket.create_connection(("10.0.2.2", 7000), 60); s.settimeout(60)
s.sendall(len(data).to_bytes(8, "big") + data)
assert s.recv(32, socket.MSG_WAITALL) == hashlib.sha256(data).digest()
print("bulk same")
END
head -c 500000 /dev/urandom > $D/blob
ip netns exec right python3 $D/serve.py & P1=$!
ip netns exec right python3 -m http.server --bind 10.0.2.2 --directory $D 8000 > /dev/null 2>&1 & P2=$!
ip netns exec right iperf3 -s > /dev/null 2>&1 & P3=$!
for i in $(seq 1 300); do ip netns exec left curl -s -o /dev/null http://10.0.2.2:8000/blob && break; sleep 0.1; done
(while [ ! -e $D/stop ]; do
	for i in 1 2 3 4 5; do
		ip -n router route replace 10.9.$i.0/24 via 10.0.2.2
		ip -n router addr add 10.0.1.10$i/24 dev r0
		ip -n left route replace 10.0.2.0/24 via 10.0.1.1 metric $i
		ip -n router neigh replace 10.0.2.9 lladdr 02:00:00:00:00:0$i dev r1
		ip -n router -s link > /dev/null; ip -n router route show table all > /dev/null
		ip -n router addr del 10.0.1.10$i/24 dev r0
		ip -n left route del 10.0.2.0/24 via 10.0.1.1 metric $i
	done
	ip -n router link set r1 down; ip -n router link set r1 up
	ip netns add extra; ip link add x0 type veth peer name x1 netns extra; ip link set x0 up; ip link del x0; ip netns del extra
	sysctl -qw net.ipv4.ip_forward=1; cat /proc/net/dev /proc/net/tcp > /dev/null
	sleep 0.4
done) & P4=$!
ip netns exec left iperf3 -c 10.0.2.2 -t 3 -P 2 > $D/iperf.txt 2>&1 && echo iperf3 done & P5=$!
ip netns exec left python3 $D/send.py & P6=$!
ip netns exec right python3 -c '
import socket
u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for i in range(2000): u.sendto(b"x" * (i % 2900), ("10.0.1.2", 9))
' 2> /dev/null || :
for i in 1 2 3; do ip netns exec left curl -s --retry 5 --retry-all-errors --max-time 60 -o $D/got http://10.0.2.2:8000/blob && cmp $D/got $D/blob && echo curl same; done
wait $P6; wait $P5
touch $D/stop; wait $P4
ip netns exec left ping -c 3 -i 0.1 -W 5 10.0.2.2 > /dev/null && echo ping done
kill $P1 $P2 $P3
wait $P1 $P2 $P3 || :
"""

def run(*cmd, timeout):
    return subprocess.run(cmd, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=timeout, stdin=subprocess.DEVNULL)

bad = []
r = run("setsid", daemon, "up", NAME, "--cpus", "2", timeout=60)
if r.returncode:
    bad.append("weft up: " + r.stdout)
else:
    try:
        r = run("setsid", plain, "run", "-n", NAME, "sh", "-c", SCRIPT, "sh", dir, here + "/../lab", timeout=240)
        for want in "iperf3 done", "bulk same", "curl same", "ping done":
            if want not in r.stdout:
                bad.append("no '%s' (exit %d) in:\n%s" % (want, r.returncode, r.stdout[-3000:]))
                break
    except subprocess.TimeoutExpired as e:
        bad.append("the lab did not end: %s" % (e.stdout or b"")[-2000:])
    try:
        r = run(daemon, "down", NAME, timeout=60)
        if r.returncode:
            bad.append("weft down: " + r.stdout)
    except subprocess.TimeoutExpired:
        bad.append("weft down did not end")
for f in glob.glob(dir + "/report*"):
    bad.append(open(f, errors="replace").read()[:6000])
shutil.rmtree(dir, ignore_errors=True)
print("\n".join(bad) if bad else "the lab ran; the thread sanitizer has nothing to say")
print("not ok lab_two_cpus" if bad else "ok lab_two_cpus")
sys.exit(bool(bad))
