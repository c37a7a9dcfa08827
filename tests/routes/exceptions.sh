# What a host learned about the way to a destination (a smaller MTU, by ICMP): in `ip route show cache`
# and `route get`, and how long by which sysctl.
x() { n=$1; shift; ip netns exec $n "$@"; }
t() { echo "$@"; "$@" 2>&1; }
# Seconds that are left, as far as they cannot depend on this machine's speed: 451 to 600 are "600".
left() { awk '{ for (i = 1; i < NF; i++) if ($i == "expires") { s = $(i + 1) + 0; for (k in c) if (s <= c[k] && s > c[k] - 150) s = c[k]; $(i + 1) = s "sec" } print }
	BEGIN { split("600 300", c) }'; }
show() { for f in -4 -6; do echo "== $1 $f"; ip -n a $f route show cache | sed 's/^[ \t]*//' | left | sort; done; }
for n in a r q b; do ip netns add $n; ip -n $n link set lo up; x $n sysctl -qw net.ipv6.conf.all.accept_dad=0 net.ipv6.conf.default.accept_dad=0; done
ip -n r link add br0 type veth peer name ar netns a
ip -n r link add rb type veth peer name br netns b
ip -n a link set ar up; ip -n r link set br0 up; ip -n r link set rb up; ip -n b link set br up
ip -n r link set rb mtu 1400; ip -n b link set br mtu 1400
ip -n a addr add 10.0.1.2/24 dev ar; ip -n r addr add 10.0.1.1/24 dev br0
ip -n r addr add 10.0.2.1/24 dev rb; ip -n b addr add 10.0.2.2/24 dev br; ip -n b addr add 10.0.2.3/24 dev br
ip -n a addr add 2001:db8:1::2/64 dev ar nodad; ip -n r addr add 2001:db8:1::1/64 dev br0 nodad
ip -n r addr add 2001:db8:2::1/64 dev rb nodad; ip -n b addr add 2001:db8:2::2/64 dev br nodad; ip -n b addr add 2001:db8:2::3/64 dev br nodad
x r sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
ip -n a route add default via 10.0.1.1; ip -n b route add default via 10.0.2.1
ip -n a route add default via 2001:db8:1::1; ip -n b route add default via 2001:db8:2::1
pmtu() { x a ping -M do -c1 -W1 -s 1450 $1 >/dev/null 2>&1; x a ping -M do -c1 -W1 -s 1450 $1 2>&1 | sed -n 's/.*\(mtu.*\)/\1/p'; }
show none
pmtu 10.0.2.2; pmtu 2001:db8:2::2
show learned
x a ip route get 10.0.2.2 | left
x a ip -6 route get 2001:db8:2::2 | left
x a ip -d route get 10.0.2.2 | left
x a ip -6 -d route get 2001:db8:2::2 | left
x a ip route get 10.0.2.3
x a ip route get fibmatch 10.0.2.2
x a ip -6 route get fibmatch 2001:db8:2::2
x a ip route show | left
x a ip -6 route show default
echo == expiry by sysctl
x a sysctl -qw net.ipv4.route.mtu_expires=300 net.ipv6.route.mtu_expires=300
pmtu 10.0.2.3; pmtu 2001:db8:2::3
show two
echo == selectors
for s in "10.0.2.3" "10.0.2.0/24" "root 10.0.2.0/24" "match 10.0.2.3" "dev ar" "dev lo" "via 10.0.1.1" "table main" "table local" "proto 4"; do echo "cache $s"; x a ip route show cache $s 2>&1 | left | sort; done
for s in "2001:db8:2::3" "root 2001:db8:2::/64" "dev ar" "dev lo" "proto 4"; do echo "-6 cache $s"; x a ip -6 route show cache $s 2>&1 | left | sort; done
