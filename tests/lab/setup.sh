#!/bin/sh
# The lab's network: left - router - right, by the commands an operator would type. Runs alike on a Linux kernel (as root) and
# under `weft run` (as anybody).
set -e
ip netns add left
ip netns add router
ip netns add right
ip link add l0 netns left type veth peer name r0 netns router
ip link add r1 netns router type veth peer name s0 netns right
for ns in left router right; do ip -n $ns link set lo up; done
ip -n left addr add 10.0.1.2/24 dev l0
ip -n left link set l0 up
ip -n router addr add 10.0.1.1/24 dev r0
ip -n router addr add 10.0.2.1/24 dev r1
ip -n router link set r0 up
ip -n router link set r1 up
ip -n right addr add 10.0.2.2/24 dev s0
ip -n right link set s0 up
ip -n left route add default via 10.0.1.1
ip -n right route add default via 10.0.2.1
ip netns exec router sysctl -q -w net.ipv4.ip_forward=1
