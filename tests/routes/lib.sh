# Sourced: r, the router, with five links v0 to v4 to the host h, whose neighbours are known; nothing of IPv6 speaks by itself.
x() { ip netns exec r "$@"; }
ip netns add r; ip netns add h
ip netns exec h sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
x sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1 net.ipv6.conf.default.accept_dad=0 net.ipv6.conf.all.accept_dad=0 net.ipv4.conf.all.rp_filter=0 \
	net.ipv4.conf.default.rp_filter=0
ip -n r link set lo up
for i in 0 1 2 3 4; do
	ip -n r link add v$i address 02:00:00:00:0$i:01 type veth peer name w$i address 02:00:00:00:0$i:02 netns h
	ip -n r link set v$i up; ip -n h link set w$i up
	ip -n r addr add 10.0.$i.1/24 dev v$i
	ip -n r addr add 2001:db8:$i::1/64 dev v$i nodad
	ip -n r neigh add 10.0.$i.2 lladdr 02:00:00:00:0$i:02 dev v$i nud permanent
	ip -n r neigh add 2001:db8:$i::2 lladdr 02:00:00:00:0$i:02 dev v$i nud permanent
done
