# What frr.sh and bird.sh share: routers, wires and hosts as namespaces, and what is looked at after each step.
# dir, expected and here are set; hosts: those that send when circles looks for loops, targets: where to.

router() { # name, loopback's last byte
	ip netns add $1
	ip -n $1 link set lo up
	ip netns exec $1 sysctl -q -w net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1 net.ipv4.fib_multipath_hash_seed=77 net.ipv4.fib_multipath_hash_policy=1 net.ipv6.fib_multipath_hash_policy=1 \
		net.ipv6.conf.default.accept_dad=0 net.ipv6.conf.all.accept_dad=0 net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.default.rp_filter=0 \
		net.ipv6.conf.all.keep_addr_on_down=1 net.ipv6.conf.default.keep_addr_on_down=1
	test -z "${2-}" || { ip -n $1 addr add 10.0.0.$2/32 dev lo; ip -n $1 addr add 2001:db8::$2/128 dev lo; }
}
wire() { # a, b, net: the devices are named by who is at the other end; addresses 10.0.NET.{1,2}, 2001:db8:NET::{1,2}
	ip link add $2 netns $1 address 02:00:00:$(printf %02x $3):00:01 type veth peer name $1 netns $2 address 02:00:00:$(printf %02x $3):00:02
	ip -n $1 addr add 10.0.$3.1/24 dev $2
	ip -n $2 addr add 10.0.$3.2/24 dev $1
	ip -n $1 addr add 2001:db8:$3::1/64 dev $2
	ip -n $2 addr add 2001:db8:$3::2/64 dev $1
	ip -n $1 link set $2 up
	ip -n $2 link set $1 up
}
host() { # host, router, net
	router $1
	wire $2 $1 $3
	ip netns exec $1 sysctl -q -w net.ipv4.ip_forward=0 net.ipv6.conf.all.forwarding=0
	ip -n $1 route add default via 10.0.$3.1
	ip -n $1 route add default via 2001:db8:$3::1
}

step() { # what was done: the routes of all routers when they are as expected, or settled
	echo "-- $*"
	python3 $here/frr_look.py routes "$*" $expected
}
# Goes through? And by which routers, when there is only one way (an echo for every hop limit).
reaches() { # namespace, address, options
	local ns=$1 to=$2 i
	shift 2
	for i in $(seq 20); do
		ip netns exec $ns ping -c 1 -W 1 "$@" $to >/dev/null && { echo "$ns reaches $to"; return; }
	done
	echo "$ns does not reach $to"
}
way() { # namespace, address
	local ttl
	echo -n "$1 to $2 by"
	for ttl in 1 2 3 4 5 6; do
		ip netns exec $1 ping -n -c 1 -W 5 -t $ttl $2 | sed -n 's/^From \([^ ]*\) .*[Tt]ime.*/ \1/p;s/^.*bytes from \([^ ]*\): .*/ \1/p' | tr -d '\n' | sed 's/:*$//'
		ip netns exec $1 ping -n -c 1 -W 5 -t $ttl $2 >/dev/null && break
	done
	echo
}
# Packets whose hop limit ended, while traffic goes all ways.
exceeded() { for r in r1 r2 r3 r4 r5; do ip netns exec $r nstat -asz IcmpOutTimeExcds Icmp6OutTimeExcds; done | awk '/Out/ { n += $2 } END { print n }'; }
circles() {
	local before=$(exceeded) p= to ns
	for to in $targets; do
		for ns in $hosts; do ip netns exec $ns ping -q -c 3 -i 0.02 -W 5 $to >/dev/null & p="$p $!"; done
	done
	wait $p
	echo "packets that went round in circles: $(($(exceeded) - before))"
}
# The map: frr.sh draws it.
five_routers() {
	for i in 1 2 3 4 5; do router r$i $i; done
	wire r1 r2 12
	wire r1 r3 13
	wire r2 r4 24
	wire r3 r4 34
	wire r4 r5 45
	wire r3 r5 35
	host h1 r1 61
	host h4 r4 64
	host h5 r5 65
}
