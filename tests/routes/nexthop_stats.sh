# How often a group's hops were chosen (NHA_OP_FLAGS: stats, hw_stats), NHA_HW_STATS_ENABLE, and where these are refused.
set -u
ip netns add r
x() { ip netns exec r "$@"; }
x sysctl -qw net.ipv6.conf.default.accept_dad=0 net.ipv4.fib_multipath_hash_seed=99
ip -n r link set lo up
for i in 1 2 3; do
	ip -n r link add v$i index 1$i type veth peer name w$i
	ip -n r link set v$i up; ip -n r link set w$i up
	ip -n r addr add 10.0.$i.1/24 dev v$i
	ip -n r addr add 2001:db8:$i::1/64 dev v$i nodad
	ip -n r neigh add 10.0.$i.2 lladdr 02:00:00:00:0$i:02 dev v$i nud permanent
	ip -n r neigh add 2001:db8:$i::2 lladdr 02:00:00:00:0$i:02 dev v$i nud permanent
	ip -n r nexthop add id $i via 10.0.$i.2 dev v$i
	ip -n r nexthop add id 1$i via 2001:db8:$i::2 dev v$i
done
ip -n r nexthop add id 100 group 1/2,3
ip -n r nexthop add id 101 group 11/12,3
ip -n r nexthop add id 110 group 1
ip -n r nexthop add id 111 group 11
ip -n r nexthop add id 200 group 1/2 type resilient buckets 8
ip -n r nexthop add id 4 blackhole
ip -n r nexthop add id 5 via 10.9.9.9 fdb
ip -n r nexthop add id 300 group 5 fdb
ip -n r route add 20.0.0.0/8 nhid 100; ip -n r route add 2020::/16 nhid 101; ip -n r route add 21.0.0.0/8 nhid 110; ip -n r route add 2021::/16 nhid 111; ip -n r route add 22.0.0.0/8 nhid 200
ask() { x python3 -B nexthop_stats.py "$@"; }
ask get:100 get:100:0 get:100:1 get:100:2 get:100:3 get:100:4 get:100:0x80000000 get:200:1 get:300:1 get:1:1
for i in $(seq 40); do echo "route get 20.0.0.$i"; echo "route get 21.0.0.$i"; echo "route get 22.0.0.$i"; echo "route get fibmatch 20.0.1.$i"; done | x ip -batch - >/dev/null
for i in $(seq 40); do echo "route get 2020::$i"; echo "route get fibmatch 2020::1:$i"; echo "route get 2021::$i"; done | x ip -6 -batch - >/dev/null
ask get:100:1 get:101:1 get:110:1 get:111:1 get:200:1 get:300:1
x python3 -c '
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for i in range(60): s.sendto(b"x", ("20.1.0.%d" % i, 9))
s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
for i in range(60): s.sendto(b"x", ("2020:1::%x" % i, 9))
'
ask get:100:1 get:101:1 get:200:3
ask hw:400:0 get:400:1 get:400:3 hw:400:1 get:400:3 hw:400:2 hw:100:1 get:100:3
ask single:500:1 new:501:0 new:502:1 new:503:0x80000000 del:501:0 del:502:1 bucket:200:1 bucket:200:0 buckets:1 buckets:0
ask dump dump:1 dump:3 dump:4
# a member less: the others keep their counts; a new member begins at nothing
ip -n r nexthop del id 2
ask get:100:1 get:200:1
ip -n r nexthop add id 2 via 10.0.2.2 dev v2
ip -n r nexthop replace id 100 group 1/2
ask get:100:1
