# reject in all its forms, where packets come in, go through and go out; options of TCP read, set and stripped; fib's answers.
t() { echo "# $*"; "$@" 2>&1; }
ip netns add a; ip netns add r; ip netns add b
ip link add a0 netns a type veth peer name r0 netns r
ip link add b0 netns b type veth peer name r1 netns r
for n in a b r; do ip -n $n link set lo up; ip netns exec $n sysctl -qw net.ipv6.conf.all.accept_dad=0 net.ipv6.conf.default.accept_dad=0; done
ip -n a addr add 10.0.1.2/24 dev a0; ip -n r addr add 10.0.1.1/24 dev r0; ip -n r addr add 10.0.2.1/24 dev r1; ip -n b addr add 10.0.2.2/24 dev b0
ip -n a addr add 2001:db8:1::2/64 dev a0 nodad; ip -n r addr add 2001:db8:1::1/64 dev r0 nodad; ip -n r addr add 2001:db8:2::1/64 dev r1 nodad; ip -n b addr add 2001:db8:2::2/64 dev b0 nodad
for x in a:a0 r:r0 r:r1 b:b0; do ip -n ${x%:*} link set ${x#*:} up; done
ip -n a route add default via 10.0.1.1; ip -n b route add default via 10.0.2.1
ip -n a -6 route add default via 2001:db8:1::1; ip -n b -6 route add default via 2001:db8:2::1
ip netns exec r sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1 net.ipv4.icmp_ratelimit=0 net.ipv4.icmp_ratemask=0 net.ipv6.icmp.ratelimit=0
ip netns exec b sysctl -qw net.ipv4.icmp_ratelimit=0 net.ipv6.icmp.ratelimit=0
for i in $(seq 100); do ip netns exec a ping -c1 -W1 -q 10.0.2.2 >/dev/null && ip netns exec a ping -6 -c1 -W1 -q 2001:db8:2::2 >/dev/null && break; done
both=10.0.2.2,2001:db8:2::2
ip netns exec b python3 -c "
import socket, time
for f in (socket.AF_INET6,):
    for p in (1001, 1002):
        s = socket.socket(f); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1); s.bind(('::', p)); s.listen(20)
        globals()['k%d' % p] = s
time.sleep(100)" & server=$!
for i in $(seq 100); do ip netns exec b ss -ltn | grep -q 1002 && break; sleep 0.05; done
t ip netns exec a python3 try.py $both 1001,1003
for where in "r forward" "b input" "a output"; do
	set -- $where
	ip netns exec $1 nft -f - <<X
table inet f { chain c { type filter hook $2 priority 0;
	tcp dport 1001 counter reject with tcp reset
	tcp dport 1002 counter reject
	meta l4proto { tcp, udp } th dport 1004 counter reject with icmpx type host-unreachable
	meta l4proto { tcp, udp } th dport 1005 counter reject with icmpx type admin-prohibited
	meta nfproto ipv4 meta l4proto { tcp, udp } th dport 1006 counter reject with icmp type net-prohibited
	meta nfproto ipv6 meta l4proto { tcp, udp } th dport 1006 counter reject with icmpv6 type no-route
	udp dport 1007 counter reject
}
}
X
	t echo $where
	t ip netns exec a python3 try.py $both 1001,1002,1003,1004,1005,1006,1007
	t ip netns exec $1 nft list ruleset | sed 's/packets [0-9]* bytes [0-9]*/T/' # Linux takes an error for a SYN in the second place at times
	ip netns exec $1 nft flush ruleset
done
t ip netns exec r nft add table inet f
t ip netns exec r nft add chain inet f p '{ type filter hook postrouting priority 0; }'
t ip netns exec r nft add rule inet f p reject
t ip netns exec r nft add rule inet f p reject with icmp type 77
t ip netns exec r nft add table ip g
t ip netns exec r nft add chain ip g p '{ type filter hook prerouting priority 0; }'
t ip netns exec r nft add rule ip g p udp dport 1010 reject
t ip netns exec r nft add rule ip g p tcp dport 1011 reject with tcp reset
t ip netns exec a python3 try.py 10.0.2.2 1010,1011
t ip netns exec r nft delete table ip g
ip netns exec r nft flush ruleset
# options of TCP
ip netns exec r nft -f - <<X
table inet f { chain c { type filter hook forward priority 0;
	tcp flags syn tcp option maxseg size set 1000
	tcp flags syn tcp option maxseg size 1-999 counter
	tcp flags syn tcp option maxseg size 1000 counter
	tcp flags syn tcp option timestamp exists counter
	tcp flags syn tcp option sack-perm exists counter
	tcp flags syn tcp dport 1002 reset tcp option sack-perm
	tcp flags syn tcp option sack-perm missing counter
	tcp flags syn tcp option window count 7 counter
	ip option rr exists counter
	exthdr frag exists counter
	exthdr hbh missing counter
	rt type 0 counter
}
}
table ip p { chain c { type filter hook prerouting priority 0;
	fib saddr . iif oif exists counter
	fib saddr . iif oif missing counter
	fib daddr type local counter
	fib daddr type unicast counter
	fib daddr type broadcast counter
	fib daddr type { blackhole, unreachable, prohibit } counter
	fib saddr oifname "r0" counter
	fib daddr . mark oif "r1" counter
	fib daddr . iif type local counter
}
}
X
t ip netns exec a python3 -c "
import socket
for h in ('10.0.2.2', '2001:db8:2::2'):
    for p in (1001, 1002):
        s = socket.create_connection((h, p)); i = s.getsockopt(6, 11, 200); print(h, p, 'mss', s.getsockopt(6, 2), 'options', i[5] & 7)
"
t ip netns exec a ping -c 1 -R -q 10.0.2.2 | grep packets | sed 's/time.*//'
t ip netns exec a ping -c 1 -b -W 0.2 -q 10.0.1.255 | grep packets | sed 's/time.*//'
t ip netns exec a ping -c 1 -q 10.0.1.1 | grep packets | sed 's/time.*//'
ip -n a addr add 10.7.7.7/32 dev a0
t ip netns exec a ping -I 10.7.7.7 -c 1 -W 0.2 -q 10.0.2.2 | grep packets | sed 's/time.*//'
t ip netns exec r nft list ruleset
kill $server; wait $server 2>/dev/null
ip netns del a; ip netns del b; ip netns del r
