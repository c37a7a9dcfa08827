#!/bin/sh
# tests/lab's network in IPv6: left - router - right, by the commands an operator would type. Fixed hardware addresses, so that link-local
# addresses are the same everywhere; no duplicate detection, so that nothing has to be waited for.
set -e
ip netns add left
ip netns add router
ip netns add right
for ns in left router right; do
	ip netns exec $ns sysctl -q -w net.ipv6.conf.default.accept_dad=0 net.ipv6.conf.all.accept_dad=0 net.ipv6.conf.default.router_solicitations=0
	ip netns exec $ns sysctl -q -w net.ipv6.conf.default.router_solicitation_delay=0
done
ip link add l0 netns left address 02:00:00:00:00:01 type veth peer name r0 netns router address 02:00:00:00:00:02
ip link add r1 netns router address 02:00:00:00:00:03 type veth peer name s0 netns right address 02:00:00:00:00:04
for ns in left router right; do ip -n $ns link set lo up; done
ip netns exec router sysctl -q -w net.ipv6.conf.all.forwarding=1
ip -n left link set l0 up
ip -n router link set r0 up
ip -n router link set r1 up
ip -n right link set s0 up
ip -n left addr add 2001:db8:1::2/64 dev l0
ip -n router addr add 2001:db8:1::1/64 dev r0
ip -n router addr add 2001:db8:2::1/64 dev r1
ip -n right addr add 2001:db8:2::2/64 dev s0
ip -n left route add default via 2001:db8:1::1
ip -n right route add default via 2001:db8:2::1
