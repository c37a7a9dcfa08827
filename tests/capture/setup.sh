# Two namespaces and a veth pair: the capturing one (this) has a0, 10.9.0.1; the other b0, 10.9.0.2.
ip link set lo up
ip netns add b && ip -n b link set lo up
ip link add a0 address 02:00:00:00:00:0a type veth peer name b0 netns b address 02:00:00:00:00:0b
for d in all default a0; do echo 1 >/proc/sys/net/ipv6/conf/$d/disable_ipv6; done
for d in all default b0; do ip netns exec b sh -c "echo 1 >/proc/sys/net/ipv6/conf/$d/disable_ipv6"; done
ip addr add 10.9.0.1/24 dev a0 && ip link set a0 up
ip -n b addr add 10.9.0.2/24 dev b0 && ip -n b link set b0 up
