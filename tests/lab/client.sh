#!/bin/sh
# What is asked of the lab, with outputs that can be compared between a kernel and weft (tests/lab/normalise takes out times,
# rates, MAC addresses, ids). $1: the servers' scratch folder.
dir=$1
left() { echo "left# $*"; ip netns exec left "$@" 2>&1; echo "exit $?"; }
router() { echo "router# $*"; ip netns exec router "$@" 2>&1; echo "exit $?"; }
left ip addr show
left ip -br link
left ip route show table all
router ip route
router ip -d link show r0
left ping -c 3 -i 0.01 10.0.2.2
left ping -c 1 -t 1 10.0.2.2
left ping -c 1 -W 1 10.0.9.9
left ping -c 1 -s 3000 10.0.2.2
left ping -c 1 -M do -s 1473 10.0.2.2
left ip route get 10.0.2.2
router ip route get 10.0.2.2 from 10.0.1.2 iif r0
router ip neigh show dev r0
left curl -s http://10.0.2.2:8000/index.html
left curl -s http://10.0.2.2/index.html
left curl -s -o "$dir/got" -w '%{http_code} %{size_download} %{remote_ip}:%{remote_port}\n' http://10.0.2.2/blob
cmp "$dir/got" "$dir/www/blob" && echo "same content"
left curl -s -S http://10.0.2.2:81/
left sh -c 'cat /proc/sys/net/ipv4/ip_forward'
router sh -c 'cat /proc/sys/net/ipv4/ip_forward'
router sh -c 'ls /sys/class/net'
router ip -s link show r1
left ip -j addr show l0
left ip link add l0 type dummy
left ip addr add 10.0.1.2/24 dev l0
left ip route add 10.3.0.0/16 via 192.168.77.1
left ip link set nosuch up
left ip link show nosuch
left ip netns exec nosuch true
left ip addr add 10.0.1.300/24 dev l0
left iperf3 -c 10.0.2.2 -n 20M -J
