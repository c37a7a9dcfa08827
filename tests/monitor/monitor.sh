# What is told of each change, by `ip -d monitor all label`: links, addresses, routes, rules, neighbours, settings, namespace ids, next-hop
# objects, multicast routes, and what a router advertises, of both families. Then the same in the forms of other options, and by rtmon.
shopt -s expand_aliases
limit="timeout 20"
ip netns add a
ip netns add b
for s in all default; do
	for n in a b; do
		ip netns exec $n sh -c "cd /proc/sys/net/ipv6/conf/$s; echo 0 >accept_dad; echo 0 >router_solicitations; test $s = all || echo 1 >addr_gen_mode"
	done
done
ip -n a link add mark index 4 address 02:00:00:00:04:04 type veth peer name kram index 3
ip -n a link set mark up
ip -n a link set kram up
out=$TMP6/all
ip netns exec a ip -d monitor all label >$out 2>&1 &
pids=$! others=
ip netns exec a ip -o -t monitor link address route rule >$TMP6/oneline 2>&1 &
others="$others $!"
ip netns exec a ip -6 -ts monitor address route netconf >$TMP6/six 2>&1 &
others="$others $!"
ip netns exec a rtmon file $TMP6/history &
others="$others $!"

n=0 seen=0
# heard FILE PATTERN: waits for a line of FILE with it
heard() {
	local i
	for i in $(seq 100); do
		tail -n +$((seen + 1)) $1 2>/dev/null | grep -q -- "$2" && return
		sleep 0.05
	done
	echo "not heard: $2"
}
# A device's group is told: when that comes, all before it has come.
mark() {
	n=$((n + 1))
	ip -n a link set mark group $((5000 + n))
	heard $out "mark.* group $((5000 + n)) *\$"
}
show() {
	tail -n +$((seen + 1)) $out | sed "/4: mark.* group 5... *\$/,/^    veth/d; /numtxqueues/d; /ff02::16/d; s/\(valid_lft\|preferred_lft\|expires\) [0-9]\{4,\}sec/\1 Ksec/g"
	seen=$(wc -l <$out)
}
# c COMMAND: types it in namespace a, and shows what is heard. w PATTERN COMMAND: waits for the pattern.
c() {
	echo "\$ $*"
	$limit ip netns exec a "$@" 2>&1 || echo "= $?"
	mark
	show
}
w() {
	local p=$1
	shift
	echo "\$ $*"
	$limit ip netns exec a "$@" 2>&1 || echo "= $?"
	heard $out "$p"
	mark
	show
}
set_to() { echo $2 >/proc/sys/net/$1; }
export -f set_to
alias sysctl_to='c bash -c "set_to \$0 \$1"'
# Until all listen.
for i in $(seq 200); do
	ip -n a link set mark group $((6000 + i % 2))
	ip -n a -6 route replace unreachable 2001:db8:ffff::/64 metric $((7 + i % 2)) 
	test -s $out -a -s $TMP6/oneline -a -s $TMP6/six -a $(wc -c <$TMP6/history) -gt 2500 && break
	sleep 0.05
done
ip -n a -6 route flush proto boot
mark
for f in oneline six; do wc -l <$TMP6/$f >$TMP6/$f.seen; done
seen=$(wc -l <$out)

c ip link add v0 index 10 address 02:00:00:00:01:00 type veth peer name w0 index 20 address 02:00:00:00:02:00 netns b
c ip link set lo up
ip -n b link set w0 up
w "v0.*state UP" ip link set v0 up
ip -n b link set w0 down
w "state \(LOWERLAYER\)*DOWN" true
ip -n b link set w0 up
w "state UP" true
c ip link set v0 mtu 1400
c ip link set v0 txqueuelen 700
c ip link set v0 alias "a text"
c ip link set v0 promisc on
c ip link set v0 promisc off
c ip link set v0 allmulticast on
c ip link set v0 allmulticast off
c ip link set v0 address 02:00:00:00:01:05
c ip link set v0 group 5
c ip link property add dev v0 altname other
c ip link property del dev v0 altname other

c ip addr add 10.0.0.1/24 brd + dev v0
c ip addr add 10.0.0.2/24 dev v0 label v0:x
c ip addr add 10.7.0.1 peer 10.7.0.2/30 dev v0 metric 9 scope link
c ip addr change 10.0.0.1/24 dev v0 valid_lft 20000 preferred_lft 10000
c ip addr change 10.0.0.1/24 dev v0 noprefixroute
c ip addr del 10.7.0.1 peer 10.7.0.2/30 dev v0
w "2001:db8::1/128\|local 2001:db8::1 " ip addr add 2001:db8::1/64 dev v0
c ip addr change 2001:db8::1/64 dev v0 metric 77
c ip addr change 2001:db8::1/64 dev v0 preferred_lft 0
w "local 2001:db8:7::1 " ip addr add 2001:db8:7::1 peer 2001:db8:7::2/64 dev v0
c ip addr del 2001:db8:7::1 peer 2001:db8:7::2/64 dev v0
w "local 2001:db8:9::1 " ip addr add 2001:db8:9::1/64 dev v0 noprefixroute
c ip addr change 2001:db8:9::1/64 dev v0

kill $others
wait $others 2>/dev/null
c ip route add 10.1.0.0/16 via 10.0.0.9
c ip route replace 10.1.0.0/16 via 10.0.0.8 mtu 1300
c ip route append 10.1.0.0/16 via 10.0.0.7 metric 0
c ip route prepend 10.1.0.0/16 via 10.0.0.6
c ip route change 10.1.0.0/16 via 10.0.0.5
c ip route add 10.2.0.0/16 nexthop via 10.0.0.9 weight 2 nexthop via 10.0.0.8 onlink dev v0
c ip route add unreachable 10.3.0.0/16 table 100 proto static
c ip route flush 10.1.0.0/16
c ip route del 10.2.0.0/16
c ip -6 route add 2001:db8:1::/48 via 2001:db8::9
c ip -6 route append 2001:db8:1::/48 via 2001:db8::8
c ip -6 route add 2001:db8:1::/48 via 2001:db8::8
c ip -6 route add 2001:db8:1::/48 via fe80::9 dev v0 metric 5 pref high expires 3000
c ip -6 route replace 2001:db8:1::/48 via 2001:db8::7 mtu 1280
c ip -6 route change 2001:db8:1::/48 via 2001:db8::6
c ip -6 route add 2001:db8:2::/48 nexthop via 2001:db8::9 weight 2 nexthop via 2001:db8::8
c ip -6 route del 2001:db8:2::/48 via 2001:db8::9
c ip -6 route add prohibit 2001:db8:3::/48 table 100
c ip -6 route flush table 100

c ip nexthop add id 1 via 10.0.0.9 dev v0
c ip nexthop add id 2 via 10.0.0.8 dev v0
c ip nexthop add id 3 group 1,2/2,3
c ip nexthop add id 4 group 1/2 type resilient buckets 4 idle_timer 100
c ip nexthop add id 6 blackhole
c ip -6 nexthop add id 21 via 2001:db8::9 dev v0
c ip -6 nexthop add id 22 via fe80::9 dev v0
c ip route add 10.4.0.0/16 nhid 3
c ip route add 10.5.0.0/16 nhid 1
c ip -6 route add 2001:db8:4::/48 nhid 21
c ip -6 route add 2001:db8:5::/48 nhid 21
c ip nexthop replace id 1 via 10.0.0.7 dev v0
c ip -6 nexthop replace id 21 via 2001:db8::8 dev v0
c ip nexthop replace id 3 group 2
c ip nexthop del id 1
c ip nexthop del id 21
c ip nexthop del id 2
c ip nexthop flush

c ip rule add from 10.0.0.0/8 fwmark 5/0xff iif v0 pref 100 table 100
c ip rule add to 10.9.0.0/16 ipproto tcp dport 80-90 uidrange 5-9 pref 101 goto 200
c ip rule add pref 200 nop
c ip -6 rule add not from 2001:db8::/32 pref 100 suppress_prefixlength 0 table main
c ip -6 rule add pref 101 prohibit oif v0
c ip rule del pref 100
c ip rule flush
c ip -6 rule del pref 101

c ip neigh add 10.0.0.9 lladdr 02:00:00:00:00:09 dev v0
c ip neigh replace 10.0.0.9 lladdr 02:00:00:00:00:0a dev v0
c ip neigh change 10.0.0.9 nud stale dev v0
c ip neigh del 10.0.0.9 dev v0
c ip neigh add proxy 10.0.0.77 dev v0
c ip neigh del proxy 10.0.0.77 dev v0
c ip neigh add 2001:db8::9 lladdr 02:00:00:00:00:09 dev v0 nud permanent router
c ip neigh del 2001:db8::9 dev v0
c ip neigh add proxy 2001:db8::77 dev v0
c ip neigh del proxy 2001:db8::77 dev v0
c ip neigh add 10.0.0.10 lladdr 02:00:00:00:00:09 dev v0
c ip neigh flush all nud permanent

sysctl_to ipv4/conf/v0/forwarding 1
sysctl_to ipv4/conf/v0/forwarding 1
sysctl_to ipv4/ip_forward 1
sysctl_to ipv4/conf/default/rp_filter 1
sysctl_to ipv4/conf/v0/rp_filter 2
sysctl_to ipv4/conf/all/proxy_arp 1
sysctl_to ipv4/conf/v0/ignore_routes_with_linkdown 1
sysctl_to ipv6/conf/all/forwarding 1
sysctl_to ipv6/conf/v0/forwarding 0
sysctl_to ipv6/conf/v0/proxy_ndp 1
sysctl_to ipv6/conf/all/ignore_routes_with_linkdown 1
c ip netconf show dev v0
c ip -6 netconf show dev v0
c ip netconf show dev nosuch
c ip addrlabel add prefix 2001:db8::/32 label 50
c ip addrlabel add prefix 2001:db8::/32 label 51
c ip addrlabel add prefix 2001:db8:1::/48 dev v0 label 7
c ip addrlabel list
c ip addrlabel get 2001:db8::5
c ip addrlabel del prefix 2001:db8::/32
c ip addrlabel del prefix 2001:db8::/32
c ip token set ::5 dev v0
c ip token list
c ip token set ::5 dev lo
c ip token del dev v0

c ip netns set b 5
c ip netns set b 6
ip netns add gone
c ip netns set gone 9
w "\[NSID\]" ip netns del gone

c python3 - <<'P'
import socket, struct
s = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_IGMP)
s.setsockopt(0, 200, 1) # MRT_INIT
s.setsockopt(0, 202, struct.pack("=HBBI4sI", 0, 8, 1, 0, struct.pack("=I", 10), 0)) # MRT_ADD_VIF by index
s.setsockopt(0, 204, struct.pack("=4s4sH32sIIIi", socket.inet_aton("10.0.0.9"), socket.inet_aton("239.1.1.1"), 0, bytes([0, 1]) + bytes(30), 0, 0, 0, 0))
s.setsockopt(0, 205, struct.pack("=4s4sH32sIIIi", socket.inet_aton("10.0.0.9"), socket.inet_aton("239.1.1.1"), 0, bytes(32), 0, 0, 0, 0))
P

sysctl_to ipv6/conf/v0/accept_ra 2
sysctl_to ipv6/conf/v0/accept_ra_rt_info_max_plen 64
ip -n b addr add fe80::2/64 dev w0
cat >$TMP6/ra.py <<'P'
import socket, struct, sys
prefix = lambda flags, valid, preferred, a: struct.pack("!BBBBIII16s", 3, 4, 64, flags, valid, preferred, 0, socket.inet_pton(10, a))
life, valid = int(sys.argv[1]), int(sys.argv[2])
ra = struct.pack("!BBHBBHII", 134, 0, 0, 64, 0x40, life, 0, 0) + struct.pack("!BB6s", 1, 1, bytes([2, 0, 0, 0, 2, 0])) + prefix(0x80, valid, valid, "2001:db8:45::")
ra += prefix(0xc0, valid, valid // 2, "2001:db8:44::") + struct.pack("!BBBBI8s", 24, 2, 48, 8, valid, socket.inet_pton(10, "2001:db8:46::")[:8]) + struct.pack("!BBHI", 5, 1, 0, 1380)
s = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 255)
s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, 20)
s.sendto(ra, ("ff02::1%w0", 0))
P
ra() { ip netns exec b python3 $TMP6/ra.py "$@"; }
w2() { local p=$1; shift; echo "# a router says: $*"; ra "$@"; heard $out "$p"; mark; show; }
w2 "local 2001:db8:44::ff" 1800 72000
w2 "prefix 2001:db8:44::" 0 72000
# Names, ends
c ip link set v0 name x0
c ip link set x0 down
w "x0.*state UP" ip link set x0 up
c ip link set x0 mtu 1000
c ip link set x0 mtu 1500
c ip link del x0
kill $pids
wait $pids 2>/dev/null
ip netns del a
ip netns del b
for f in oneline six; do
	echo "== $f"
	tail -n +$(($(cat $TMP6/$f.seen) + 1)) $TMP6/$f | grep -v "mark\|kram" | sed "s/Timestamp: .*/Timestamp: T/; s/^\[20..-..-..T..:..:..\.[0-9]*\]/[T]/"
done
echo "== rtmon, shown"
ip -d monitor all file $TMP6/history | grep -v "mark\|kram\|numtxqueues" | tail -n 25 | sed "s/Timestamp: .*/Timestamp: T/"
