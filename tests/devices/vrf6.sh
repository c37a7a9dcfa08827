# IPv6 in VRFs: tables, addresses of members, link-local and multicast destinations, sockets, routes that lead from one into another,
# traceroute, strict mode.
. ./lib.sh
spaces6 r a b
n=1
for s in a b; do
	q r ip link add to$s address 02:00:00:00:01:0$n type veth peer name eth0 address 02:00:00:00:02:0$n netns $s
	q $s ip link set lo up
	q $s ip link set eth0 up
	q $s ip addr add 2001:db8:1::2/64 dev eth0
	q $s ip addr add 10.1.1.2/24 dev eth0
	q $s ip addr add 2001:db8:a$n::1/128 dev lo
	n=$((n+1))
done
r ip link add red address 02:00:00:00:00:10 type vrf table 10
r ip link add blue address 02:00:00:00:00:20 type vrf table 20
r ip -6 rule
q r ip link set lo up
r ip link set toa up
r ip addr add 2001:db8:1::1/64 dev toa
settle
r ip -6 route show table all
r ip link set toa master red
settle
r ip -br -6 addr show dev toa
r ip -6 route show table all
for l in red blue tob; do q r ip link set $l up; done
q r ip link set tob master blue
settle
r ip addr add 2001:db8:1::1/64 dev toa
r ip addr add 2001:db8:1::1/64 dev tob
r ip addr add 10.1.1.1/24 dev toa
r ip addr add 10.1.1.1/24 dev tob
r ip addr add 2001:db8:9::9/128 dev red
settle
r ip -6 route show table all
r ip -6 route show vrf red
r ip -br -6 addr
for s in a b; do q $s ip -6 route add default via 2001:db8:1::1; done
wait=0.4 # many get no answer
p a 2001:db8:1::1
p b 2001:db8:1::1
p a fe80::ff:fe00:101%eth0
p a 2001:db8:9::9
p a ff02::1%eth0
p r 2001:db8:1::2
p r -I red 2001:db8:1::2
p r -I toa 2001:db8:1::2
p r -I blue 2001:db8:1::2
p r -I red 2001:db8:1::1
p r -I red 2001:db8:9::9
p r -I red ::1
p r -I toa fe80::ff:fe00:201
p r -I red fe80::ff:fe00:201

p r -I red fe80::ff:fe00:101
p r -I toa fe80::ff:fe00:101
p r -I toa ff02::1
p r -I red ff02::1
p r -I red 224.0.0.1
p r -I toa 224.0.0.1
r ip -6 route get vrf red 2001:db8:1::2
r ip -6 route get vrf red 2001:db8:1::1
r ip -6 route get 2001:db8:1::2 oif toa
r ip -6 route get vrf red fe80::1
r ip -6 route get fe80::1 oif toa
r ip -6 route get vrf red ff02::1
r ip -6 route get vrf red 2001:db8:ff::1
r ip -6 route get 2001:db8:1::1
r ip -6 route get 2001:db8:1::1 from 2001:db8:1::2 iif toa
r ip -6 route add vrf red default via 2001:db8:1::2
r ip -6 route add vrf red 2001:db8:55::/48 via 2001:db8:1::2 dev tob
r ip -6 route add vrf red 2001:db8:56::/48 via 2001:db8:7::2
r ip -6 route add vrf nosuch 2001:db8:56::/48 via 2001:db8:7::2
r ip -6 route show vrf red
r ip maddr show dev toa
echo "-- from one VRF into another"
q r sysctl -w net.ipv6.conf.all.forwarding=1
q r ip -6 route add vrf red 2001:db8:a2::/64 via 2001:db8:1::2 dev tob
q r ip -6 route add vrf blue 2001:db8:a1::/64 via 2001:db8:1::2 dev toa
p a -I 2001:db8:a1::1 2001:db8:a2::1
q r ip -6 route del vrf blue 2001:db8:a1::/64
p a -I 2001:db8:a1::1 2001:db8:a2::1
q r ip -6 route add vrf blue 2001:db8:a1::/64 dev red
p a -I 2001:db8:a1::1 2001:db8:a2::1
q r ip -6 route add vrf blue 2001:db8:a1::/64 via 2001:db8:1::2 dev toa metric 10
tr() { local n=$1; shift; echo "$n: traceroute $*"; $limit ip netns exec $n traceroute -n -q 1 -w 1 -m 3 "$@" 2>&1 | sed 's/ [0-9.]* ms//'; }
tr a -6 -s 2001:db8:a1::1 2001:db8:a2::1
tr r -6 -i red 2001:db8:a1::1
tr r -6 -i red 2001:db8:9::9
tr a 10.1.1.1
q a ip route add default via 10.1.1.1
tr a 10.7.7.7
echo "-- strict mode"
r sysctl net.vrf.strict_mode
r ip link add red2 type vrf table 10
r sysctl -w net.vrf.strict_mode=1
r ip link del red2
r sysctl -w net.vrf.strict_mode=1
r ip link add red2 type vrf table 10
r ip link add red2 type vrf table 11
r sysctl -w net.vrf.strict_mode=2
a sysctl net.vrf.strict_mode
r sysctl -w net.vrf.strict_mode=0
r ip link add red3 type vrf table 10
r ip -d -br link show type vrf
r ip vrf show
echo "-- rules"
r ip rule show
r ip -6 rule show
r ip rule del pref 1000
r ip -6 rule del pref 1000
r ip rule add l3mdev pref 500
r ip rule add l3mdev table 10 pref 501
r ip rule add pref 502 oif red table 10
r ip rule add pref 503 iif red table 10
r ip rule add l3mdev pref 504 from 10.0.0.0/8
r ip rule show
p a 10.1.1.1
r ip link add green type vrf table 30
r ip rule show
r ip -6 rule show
echo "-- the end of a VRF"
r ip link del red
settle
r ip -br -6 addr
r ip -6 route show table all
p a 2001:db8:1::1
