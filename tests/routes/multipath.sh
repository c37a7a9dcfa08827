# Which of several hops: by `ip route get` and by real packets, for every hash policy of both families. With
# net.ipv4.fib_multipath_hash_seed set the choice is Linux's to the packet.
set -u
. ./lib.sh
x sysctl -qw net.ipv4.icmp_ratelimit=0 net.ipv6.icmp.ratelimit=0 net.ipv4.icmp_msgs_per_sec=100000 net.ipv4.icmp_msgs_burst=100000
ip -n r route add default via 10.0.0.2; ip -n r route add default via 2001:db8::2
ip -n r route add 20.0.0.0/8 nexthop via 10.0.1.2 nexthop via 10.0.2.2 weight 3 nexthop via 10.0.3.2 weight 2
ip -n r route add 2020::/16 nexthop via 2001:db8:1::2 nexthop via 2001:db8:2::2 weight 3 nexthop via 2001:db8:3::2 weight 2
# the same by objects, a group with weights and a resilient one
for i in 1 2 3 4; do ip -n r nexthop add id $i via 10.0.$i.2 dev v$i; ip -n r nexthop add id 1$i via 2001:db8:$i::2 dev v$i; done
ip -n r nexthop add id 100 group 1/2,7/4,2
ip -n r nexthop add id 101 group 11/12,7/14,2
ip -n r nexthop add id 200 group 1/2/3/4,3 type resilient buckets 32 idle_timer 3000
ip -n r nexthop add id 201 group 11/12/13/14,3 type resilient buckets 32 idle_timer 3000
ip -n r route add 21.0.0.0/8 nhid 100; ip -n r route add 2021::/16 nhid 101
ip -n r route add 22.0.0.0/8 nhid 200; ip -n r route add 2022::/16 nhid 201
x sysctl -qw net.ipv4.fib_multipath_hash_seed=12345
# Many questions at once, 48 to a line of what is printed: the devices that answered.
n() { seq 1 48; }
ask() { # file without its family: prints the answers beside what was asked
	for f in 4 6; do
		x ip -force -$f -batch $TMP6/$1$f 2>&1 | sed -n 's/.* dev v\([0-9]\).*/\1/p;s/^RTNETLINK.*/x/p' | fold -w 1 | paste -sd '' | fold -w 48 | paste - $TMP6/$1-what$f
	done
}
while read file family words; do
	n | sed "s/.*/route get $words/" >>$TMP6/$file$family
	echo "$words" >>$TMP6/$file-what$family
done <<END
policy 4 20.0.0.&
policy 4 20.0.0.1 ipproto udp sport 7 dport &
policy 4 20.0.0.1 ipproto tcp sport & dport 7
policy 4 20.0.0.1 from 30.0.0.& iif v0 ipproto udp sport 5
policy 4 20.0.0.& from 10.0.2.1 ipproto icmp
policy 4 20.0.0.& from 10.0.4.1
policy 4 21.0.0.& from 10.0.2.1
policy 4 22.0.0.& ipproto udp sport 5
policy 6 2020::&
policy 6 2020::1 ipproto udp sport 7 dport &
policy 6 2020::1 from 3000::& iif v0 ipproto tcp sport 5
policy 6 2020::& from 2001:db8:2::1
policy 6 2021::&
policy 6 2022::& ipproto ipv6-icmp
plain 4 20.0.0.&
plain 6 2020::&
neigh 4 20.0.0.&
neigh 4 21.0.0.&
neigh 4 22.0.0.&
neigh 6 2020::&
neigh 6 2021::&
END
for policy in 0 1 2 3; do
	x sysctl -qw net.ipv4.fib_multipath_hash_policy=$policy net.ipv6.fib_multipath_hash_policy=$policy
	for fields in 7 17 63; do
		test $policy != 3 -a $fields != 7 && continue
		x sysctl -qw net.ipv4.fib_multipath_hash_fields=$fields net.ipv6.fib_multipath_hash_fields=$fields
		echo "== policy $policy fields $fields"
		ask policy
	done
done
x sysctl -qw net.ipv4.fib_multipath_hash_seed=4000000000 net.ipv4.fib_multipath_hash_policy=0 net.ipv6.fib_multipath_hash_policy=0
echo "== another seed"
ask plain
echo "== neighbours that do not answer"
x sysctl -qw net.ipv4.fib_multipath_hash_seed=12345
for use in 0 1; do
	x sysctl -qw net.ipv4.fib_multipath_use_neigh=$use
	for state in stale failed; do
		ip -n r neigh del 10.0.2.2 dev v2; ip -n r neigh del 2001:db8:2::2 dev v2
		case $state in
		failed) ip -n r neigh add 10.0.2.2 dev v2 nud $state; ip -n r neigh add 2001:db8:2::2 dev v2 nud $state ;;
		*) ip -n r neigh add 10.0.2.2 lladdr 02:00:00:00:02:02 dev v2 nud $state; ip -n r neigh add 2001:db8:2::2 lladdr 02:00:00:00:02:02 dev v2 nud $state ;;
		esac
		echo "use_neigh $use, $state"
		ask neigh
	done
done
ip -n r neigh replace 10.0.2.2 lladdr 02:00:00:00:02:02 dev v2 nud permanent; ip -n r neigh replace 2001:db8:2::2 lladdr 02:00:00:00:02:02 dev v2 nud permanent
echo "== a hop loses its carrier"
ip -n r nexthop flush >/dev/null 2>&1
link() { ip -n h link set w2 $1; for i in $(seq 100); do ip -n r link show v2 | grep -q "NO-CARRIER" && s=down || s=up; test $s = $1 && break; sleep 0.05; done; }
for ignore in 0 1; do
	x sysctl -qw net.ipv4.conf.all.ignore_routes_with_linkdown=$ignore net.ipv6.conf.all.ignore_routes_with_linkdown=$ignore net.ipv6.conf.v2.ignore_routes_with_linkdown=$ignore
	link down
	ip -n r neigh replace 10.0.2.2 lladdr 02:00:00:00:02:02 dev v2 nud permanent; ip -n r neigh replace 2001:db8:2::2 lladdr 02:00:00:00:02:02 dev v2 nud permanent
	ip -n r route show 20.0.0.0/8; ip -n r -6 route show 2020::/16
	ask plain
	link up
	echo back
	ask plain
done
ip -n r route show 20.0.0.0/8; ip -n r -6 route show 2020::/16
ip -n r neigh replace 10.0.2.2 lladdr 02:00:00:00:02:02 dev v2 nud permanent; ip -n r neigh replace 2001:db8:2::2 lladdr 02:00:00:00:02:02 dev v2 nud permanent
echo "== packets"
coproc P { ip netns exec h python3 -B multipath_packets.py; }
for policy in 0 1 2 3; do
	x sysctl -qw net.ipv4.fib_multipath_hash_policy=$policy net.ipv6.fib_multipath_hash_policy=$policy
	for fields in 7 63 192 3840 4095; do
		test $policy != 3 -a $fields != 7 && continue
		x sysctl -qw net.ipv4.fib_multipath_hash_fields=$fields net.ipv6.fib_multipath_hash_fields=$fields
		echo "== policy $policy fields $fields" >&${P[1]}
		while read -r line <&${P[0]} && test "$line" != end; do echo "$line"; done
	done
done
exec {P[1]}>&-
wait $P_PID
