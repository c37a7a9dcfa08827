# IPv4 routes over IPv6 gateways (RFC 5549), routes through loopback, addresses and routes by ioctl, counters of a device.
t() { echo "$@"; "$@" 2>&1; }
ip netns add a; ip netns add r; ip netns add b
ip link add v0 netns a type veth peer name v1 netns r
ip link add w0 netns b type veth peer name w1 netns r
for n in a r b; do
	ip -n $n link set lo up
	ip netns exec $n sysctl -qw net.ipv6.conf.all.accept_dad=0 net.ipv6.conf.default.accept_dad=0
done
ip -n a link set v0 addr 02:00:00:00:00:01; ip -n r link set v1 addr 02:00:00:00:00:02
ip -n r link set w1 addr 02:00:00:00:00:03; ip -n b link set w0 addr 02:00:00:00:00:04
for x in a:v0 r:v1 r:w1 b:w0; do ip -n ${x%:*} link set ${x#*:} up; done
ip -n a addr add 2001:db8:1::2/64 dev v0 nodad; ip -n r addr add 2001:db8:1::1/64 dev v1 nodad
ip -n r addr add 2001:db8:2::1/64 dev w1 nodad; ip -n b addr add 2001:db8:2::2/64 dev w0 nodad
ip netns exec r sysctl -qw net.ipv6.conf.all.forwarding=1 net.ipv4.ip_forward=1
ip -n a addr add 10.0.1.2/32 dev lo; ip -n b addr add 10.0.2.2/32 dev lo
for i in $(seq 50); do ip netns exec a ping -6 -c1 -W1 fe80::ff:fe00:2%v0 >/dev/null 2>&1 && break; sleep 0.2; done
t ip -n a route add 10.0.2.2/32 via inet6 fe80::ff:fe00:2 dev v0
t ip -n r route add 10.0.2.2/32 via inet6 2001:db8:2::2
t ip -n r route add 10.0.1.2/32 via inet6 fe80::ff:fe00:1 dev v1
t ip -n b route add 10.0.1.2 via inet6 2001:db8:2::1 dev w0
t ip -n b route add 10.0.9.0/24 via inet6 2001:db8:99::1
t ip -n b route add 10.0.9.0/24 via inet6 2001:db8:2::2
t ip -n b route add 10.0.9.0/24 via inet6 fe80::1
t ip -n b route add 10.0.9.0/24 via inet6 ff02::1 dev w0
for n in a r b; do t ip -n $n route; done
t ip -n a -j route get 10.0.2.2
t ip -n a route get 10.0.2.2 from 10.0.1.2
t ip netns exec a ping -c2 -i0.2 -W5 -I 10.0.1.2 10.0.2.2
t ip netns exec a ping -c1 -s 3000 -W5 -I 10.0.1.2 10.0.2.2
t ip -n a -4 neigh
echo "-- loopback"
for r in "2001:db8:9::/64 via fe80::1" "2001:db8:a::/64 via 2001:db8:1::5" "2001:db8:b::/64 via 2001:db8:1::2" "2001:db8:f::/64 via ff02::1" \
	"2001:db8:c::/64" "2001:db8:f::/64 via 2001:db8:1::5 onlink"; do
	t ip -n a -6 route add $r dev lo
done
t ip -n a -6 route get 2001:db8:c::1
t ip netns exec a ping -c1 -W1 2001:db8:c::1
echo "-- ioctls"
if ! command -v ifconfig route >/dev/null; then echo "no net-tools"; exit; fi
t ip netns exec a ifconfig v0 add 2001:db8:7::1/64
t ip netns exec a ifconfig v0 del 2001:db8:7::1/64
t ip netns exec a ifconfig v0 add 2001:db8:8::1/64
t ip -n a -6 addr show dev v0 scope global to 2001:db8:8::/64 | grep -o "inet6 [0-9a-f:/]*"
t ip netns exec a route -A inet6 add 2001:db8:55::/48 gw 2001:db8:1::1
t ip netns exec a route -A inet6 add 2001:db8:56::/48 dev v0 metric 5
t ip netns exec a route -A inet6 add 2001:db8:57::/48 gw 2001:db8:99::1
t ip -n a -6 route show 2001:db8:55::/48
t ip netns exec a route -A inet6 del 2001:db8:55::/48 gw 2001:db8:1::1
t ip netns exec a route -A inet6 del 2001:db8:55::/48 gw 2001:db8:1::1
t ip -n a -6 route show root 2001:db8:50::/44
echo "-- counters"
t ip netns exec a cat /proc/net/sockstat6
t ip netns exec a sh -c 'test -r /proc/net/dev_snmp6/lo; cut -f1 /proc/net/dev_snmp6/v0 | grep -v Type[0-9]'
