# `ip vrf exec`, identify and pids. A control group of its own holds what it makes, and goes with it; who may not make one learns so.
. ./lib.sh
root=$(awk '$3 == "cgroup2" { print $2; exit }' /proc/mounts)
if test -z "$root" && test -z "$WEFT"; then
	mkdir -p /run/cg && mount -t cgroup2 none /run/cg && root=/run/cg
fi
home=$(sed -n 's/^0:://p' /proc/self/cgroup)
cg=$root$home/weft-vrf-$$
if test -z "$root" || ! mkdir "$cg" 2>/dev/null; then
	echo "SKIP: no control group can be made here"
	exit 0
fi
leave() {
	echo $$ >"$root$home/cgroup.procs"
	for i in $(seq 100); do # a program that just ended may still be in one
		find "$cg" -depth -type d -exec rmdir {} + 2>/dev/null
		test -e "$cg" || break
		sleep 0.1
	done
	test ! -e "$cg" || echo "$cg is left"
	rm -rf $tmp
}
trap leave EXIT
echo $$ >"$cg/cgroup.procs" || exit 1
spaces r a
q r ip link add toa type veth peer name eth0 netns a
q r ip link add red type vrf table 10
q r ip link add blue type vrf table 20
for l in red blue toa; do q r ip link set $l up; done
q a ip link set eth0 up
q r ip link set toa master red
q r ip addr add 10.1.1.1/24 dev toa
q a ip addr add 10.1.1.2/24 dev eth0
q r sysctl -w net.ipv4.ping_group_range="0 0"
settle
r ip vrf exec nosuch true
r ip vrf exec red
r ip vrf exec red ip vrf identify
r ip vrf exec red sh -c 'ip vrf identify $$'
r ip vrf identify
r ip vrf identify 999999
r ip vrf exec red ping -q -c 1 -W 2 10.1.1.2
r ip vrf exec blue ping -q -c 1 -W 2 10.1.1.2
r ip vrf exec red ip vrf exec blue ip vrf identify
r ip vrf exec red ip vrf exec default ip vrf identify
cat >$tmp/bound.py <<'P'
import socket
for family, kind, proto in (2, 1, 0), (2, 2, 0), (10, 1, 0), (10, 2, 0), (2, 3, 1), (2, 2, 1), (16, 3, 0), (1, 1, 0), (17, 2, 0):
    s = socket.socket(family, kind, proto)
    try: print(family, kind, proto, s.getsockopt(1, 25, 16).rstrip(b"\0").decode() or "none")
    except OSError as e: print(family, kind, proto, e.strerror)
s = socket.socket()
s.setsockopt(1, 25, b"")
print("undone:", s.getsockopt(1, 25, 16))
P
echo "r: what it makes"; $limit ip netns exec r ip vrf exec red python3 $tmp/bound.py 2>&1
r ip vrf exec red python3 -c 'import socket, os, sys
a, b = socket.socketpair()
if not os.fork():
    s = socket.socket(); print("child", s.getsockopt(1, 25, 16).rstrip(b"\0").decode()); sys.exit()
os.wait()'
ip netns exec r ip vrf exec red sh -c 'echo $$ >'$tmp'/pid; exec sleep 1000' & sleeper=$!
while test ! -s $tmp/pid; do kill -0 $sleeper || break; sleep 0.05; done
while ! grep -q sleep /proc/$(cat $tmp/pid)/comm; do kill -0 $sleeper || break; sleep 0.05; done
r ip vrf pids red | sed "s/^ *$(cat $tmp/pid) /PID /"
r ip vrf pids blue
r ip vrf pids nosuch
r ip vrf identify $(cat $tmp/pid) | sed "s/$(cat $tmp/pid)/PID/"
kill $(cat $tmp/pid); wait $sleeper 2>/dev/null
r ip vrf pids red
r ip vrf show
r ip vrf show red
r ip vrf show nosuch
r ip vrf list
r ip vrf foo
a ip vrf show
