#!/bin/sh
# What is asked of the lab in IPv6, with outputs that can be compared between a kernel and weft. $1: the servers' scratch folder.
dir=$1
here=$(cd "$(dirname "$0")" && pwd)
left() { echo "left# $*"; ip netns exec left "$@" 2>&1; echo "exit $?"; }
router() { echo "router# $*"; ip netns exec router "$@" 2>&1; echo "exit $?"; }
left ip -6 addr show
left ip -d link show l0
left ip -6 route show table all
router sh -c "ip -6 route show table all | sort"
left ip -6 rule
left ip addrlabel
left ip -6 maddr show dev lo
left ping -6 -c 3 -i 0.01 2001:db8:2::2
left ping -6 -c 1 -t 1 2001:db8:2::2
left ping -6 -c 1 -W 1 2001:db8:9::9
left ping -6 -c 1 -s 3000 2001:db8:2::2
left ping -6 -c 1 -M do -s 1453 2001:db8:2::2
left ping -6 -c 1 fe80::ff:fe00:2%l0
left ping -6 -c 1 ::1
left ping -6 -c 1 -I l0 ff02::2
left ip -6 route get 2001:db8:2::2
left ip -6 route get fe80::1 oif l0
router sh -c 'ip -6 neigh show dev r0 | sort'
left curl -s 'http://[2001:db8:2::2]/index.html'
left curl -s -o "$dir/got" -w '%{http_code} %{size_download} %{remote_ip}:%{remote_port}\n' 'http://[2001:db8:2::2]/blob'
cmp "$dir/got" "$dir/www/blob" && echo "same content"
left curl -s -S 'http://[2001:db8:2::2]:81/'
echo "right# curl -4"; ip netns exec right curl -s http://127.0.0.1/index.html
left sort /proc/net/if_inet6
left awk '{ print $1, $2, $5, $6, $9, $10 }' /proc/net/ipv6_route
left ip -6 addr add 2001:db8:1::2/64 dev l0
left ip -6 addr add ::/64 dev l0
left ip -6 addr add ff02::7/64 dev l0
left ip -6 addr del 2001:db8:1::7/64 dev l0
left ip -6 addr add 2001:db8:5::5/64 dev l0 nodad valid_lft 1000 preferred_lft 0
left ip -6 addr add 2001:db8:6::5 peer 2001:db8:6::6/128 dev l0 nodad home metric 77
left ip -6 addr add 2001:db8:7::5/64 dev l0 noprefixroute nodad
left ip -6 addr change 2001:db8:7::5/64 dev l0 preferred_lft 0 nodad
left ip -6 addr show dev l0
left ip -6 route show
left ip -6 route show table local
left ip -6 addr flush dev l0 scope global
left ip -6 route show table all
left ip addrlabel add prefix 2001:db8::/32 label 99
left ip addrlabel add prefix 2001:db8::/32 label 98
left ip addrlabel list
left ip addrlabel del prefix 2001:db8::/32
left ip addrlabel del prefix 2001:db8::/32
left ip -6 neigh add 2001:db8:1::77 lladdr 02:00:00:00:00:77 dev l0
left ip -6 neigh show 2001:db8:1::77
left ip -6 neigh add proxy 2001:db8:1::88 dev l0
left ip -6 neigh show proxy
left ip -6 netconf show dev l0
left ip token set ::5 dev l0
left ip token list dev l0
left ip -6 addr add 2001:db8:1::2/64 dev l0
left ip -6 route add default via 2001:db8:1::1
left python3 "$here/sockets.py"
router sysctl -n net.ipv6.conf.all.forwarding net.ipv6.conf.r0.forwarding net.ipv6.conf.r0.mtu net.ipv6.icmp.ratemask net.ipv6.route.mtu_expires
router sysctl -w net.ipv6.conf.r0.mtu=1000
router sysctl -w net.ipv6.conf.r0.mtu=1400
router sysctl -n net.ipv6.conf.r0.stable_secret
router ip -6 addr show dev r1
router sysctl -w net.ipv6.conf.r1.disable_ipv6=1
router ip -6 addr show dev r1
router sysctl -w net.ipv6.conf.r1.disable_ipv6=0
router ip -6 addr show dev r1
