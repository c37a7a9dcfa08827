# Sockets and VRFs, both families: bound to one or to a member, listening in all of them (l3mdev_accept), addresses that two VRFs have, what
# may be bound where, connections out of a VRF and inside it; and a socket whose VRF goes.
. ./lib.sh
spaces6 r a b
for n in a b; do
	q r ip link add to$n type veth peer name eth0 netns $n
	q $n ip link set lo up
	q $n ip link set eth0 up
	q $n ip addr add 10.1.1.2/24 dev eth0
	q $n ip addr add 2001:db8:1::2/64 dev eth0
	q $n ip route add default via 10.1.1.1 dev eth0 onlink
	q $n ip -6 route add default via 2001:db8:1::1 dev eth0
done
q r ip link add red type vrf table 10
q r ip link add blue type vrf table 20
q r ip link set lo up
for l in red blue; do q r ip link set $l up; done
q r ip link set toa master red
q r ip link set tob master blue
for n in a b; do
	q r ip link set to$n up
	q r ip addr add 10.1.1.1/24 dev to$n
	q r ip addr add 2001:db8:1::1/64 dev to$n
done
q r ip addr add 10.9.9.9/32 dev red
q r ip addr add 10.8.8.8/32 dev lo
q r ip addr add 2001:db8:9::9/128 dev red
q r ip addr add 2001:db8:8::8/128 dev lo
q r sysctl -w net.ipv4.ping_group_range="0 0"
q r sysctl -w net.ipv4.icmp_ratelimit=0
q r sysctl -w net.ipv6.icmp.ratelimit=0
for n in a b; do q $n sysctl -w net.ipv4.icmp_ratelimit=0; q $n sysctl -w net.ipv6.icmp.ratelimit=0; done
settle
r sysctl net.ipv4.tcp_l3mdev_accept net.ipv4.udp_l3mdev_accept net.ipv4.raw_l3mdev_accept
for f in 4 6; do
	echo "== IPv$f"
	${WEFT:+timeout 60} python3 -u ./vrf_sockets.py $f 2>&1
done
echo "-- a VRF that goes"
ip netns exec r $limit python3 -u -c '
import socket, subprocess
u = socket.socket(2, 2); u.setsockopt(1, 25, b"red\0"); u.bind(("10.9.9.9", 5000))
t = socket.socket(2, 1); t.setsockopt(1, 25, b"red\0")
print(subprocess.run(("ip", "link", "del", "red"), capture_output=True, text=True).stderr.strip())
try: print("bound to", u.getsockopt(1, 25, 16))
except OSError as e: print("bound to what is", e)
try: u.sendto(b"x", ("10.1.1.2", 9)); print("sent")
except OSError as e: print("udp:", e)
try: t.connect(("10.1.1.2", 9))
except OSError as e: print("tcp:", e)
' 2>&1
