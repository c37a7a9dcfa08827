# needs: ping traceroute tracepath mtr arping dig nslookup nmap
# Probing a line of four: this namespace - r1 - r2 - right, with a name server and open ports at its end. IPv4 and IPv6. Most of it is waiting: what does
# not disturb the rest runs beside it.
export LC_ALL=C
calm() { sed -E -e 's/-?[0-9]+\.[0-9]+ ?ms/T/g' -e 's/time=[0-9.]+ ms/time=T/; s/time [0-9]+ms/time T/; s/time=T/time=T/; s/^(rtt).*/\1/; s/ipg\/ewma.*//' -e 's/\bid [0-9]+\b/id N/'; }
for n in r1 r2 right; do ip netns add $n; ip -n $n link set lo up; done
for n in "" r1 r2 right; do ${n:+ip netns exec $n} sysctl -qw net.ipv6.conf.default.accept_dad=0 net.ipv6.conf.all.accept_dad=0; done
link() { # FROM device address TO device address, the third and fourth bytes
	ip ${1:+-n $1} link add $2 type veth peer name $4 netns ${3:-1}
	set_up "$1" $2 $5; set_up "$3" $4 $6
}
set_up() {
	ip ${1:+-n $1} addr add 10.0.$3/24 dev $2
	ip ${1:+-n $1} addr add 2001:db8:${3%.*}::${3#*.}/64 dev $2 nodad
	ip ${1:+-n $1} link set $2 up
}
link "" l0 r1 a1 1.2 1.1; ip -n r1 link set a1 address 02:00:00:00:00:a1; link r1 a2 r2 b1 2.1 2.2; link r2 b2 right s0 3.1 3.2
for v in 4 6; do
	[ $v = 4 ] && net=10.0. end=/24 dot=. || { net=2001:db8: end=::/64 dot=::; }
	ip -$v route add default via ${net}1${dot}1
	ip -$v -n right route add default via ${net}3${dot}1
	[ $v = 4 ] && end=.0/24
	ip -$v -n r1 route add ${net}3$end via ${net}2${dot}2
	ip -$v -n r2 route add ${net}1$end via ${net}2${dot}1
done
for n in r1 r2; do ip netns exec $n sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1; done
for n in "" r1 r2 right; do ${n:+ip netns exec $n} sysctl -qw net.ipv4.icmp_ratelimit=0 net.ipv6.icmp.ratelimit=0 net.ipv4.ping_group_range="0 2147483647"; done
ip -n r2 link set b2 mtu 1400
until_ok ping -c 1 -W 1 10.0.3.2
until_ok ping -c 1 -W 1 2001:db8:3::2
pings() {
	echo "== ping"
	p() { echo "-- $*"; ping -n -W 1 "$@" 2>&1 | calm; }
	for group in "0 2147483647" "1 0"; do # datagram sockets, raw ones
		sysctl -qw net.ipv4.ping_group_range="$group"
		p -c 2 -i 0.2 10.0.3.2
		p -c 1 -I l0 -s 1000 10.0.3.2
		p -c 1 -I 10.0.1.2 -R 10.0.3.2
		p -c 1 -t 1 10.0.3.2
		p -c 1 -T tsonly 10.0.3.2 | sed -E 's/[0-9]+ absolute/N absolute/; s/^\t.*[0-9]+$/\tN/'
		p -c 1 -M do -s 1472 10.0.3.2
		p -c 1 -M do -s 1472 10.0.3.2
		ip route flush cache
		p -c 1 2001:db8:3::2
		p -c 1 -t 1 2001:db8:3::2
		p -c 1 -M do -s 1452 2001:db8:3::2
		ip -6 route flush cache
		p -q -f -c 300 10.0.3.2 | grep loss
		p -c 1 -p ff00 -Q 0x10 -m 7 10.0.3.2
		p -c 1 10.0.1.255
		p -c 1 -I nosuch 10.0.3.2
	done
	p -c 1 -M want -s 3000 10.0.3.2
	p -c 1 10.0.3.78
	p -c 1 -b 10.0.1.255
	p -c 1 -I lo 10.0.3.2
	ip netns exec r1 sysctl -qw net.ipv4.icmp_echo_ignore_broadcasts=0
	p -b -c 1 10.0.1.255
	p -c 1 -I l0 224.0.0.1 | grep -v "^From"
	p -c 1 ff02::1%l0 | grep -c "bytes from"
}
routes() {
	echo "== traceroute"
	# One probe after the other: how many of those in flight at once are waited for is a matter of microseconds.
	for o in -U -I -T "-T -p 7" "-U -p 33000 -q 1" "-I -q 1 -z 0.01" "-M udp"; do
		for d in 10.0.3.2 2001:db8:3::2; do
			echo "-- $o $d"
			traceroute -n -N 1 -w 5,0,0 $o $d 2>&1 | calm
		done
	done
	traceroute -n -N 1 -w 5,0,0 -q 1 -I 10.0.3.77 -m 3 2>&1 | calm
}
mtrs() {
	echo "== mtr"
	for o in "" -u -T; do mtr -n -r -c 2 -i 0.2 -G 2 $o 10.0.3.2 | sed -nE 's/ +[0-9]+\.\|-- ([^ ]+) +([0-9.]+%) +([0-9]+).*/\1 \2 \3/p'; done
	mtr -6 -n -r -c 2 -i 0.2 -G 2 2001:db8:3::2 | sed -nE 's/ +[0-9]+\.\|-- ([^ ]+) +([0-9.]+%) +([0-9]+).*/\1 \2 \3/p'
}
arpings() {
	echo "== arping"
	arping -c 2 -I l0 10.0.1.1 | calm
	arping -c 1 -w 1 -I l0 10.0.1.9 | calm
	arping -D -c 1 -I l0 10.0.1.1 | calm
	arping -U -c 1 -I l0 10.0.1.2 | calm
	nmap -n -sn 10.0.1.1-2 | grep -v '^Starting\|scanned in\|latency'
	command -v busybox >/dev/null && busybox arping -c 1 -I l0 10.0.1.1 | calm
}
names() {
	echo "== names"
	ip netns exec right python3 - <<'PY' >ready & server=$!
import socket, struct
s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
s.bind(("::", 53))
print("ready", flush=True)
while True:
    q, who = s.recvfrom(512)
    if len(q) < 17 or q[2] & 0x80: continue # a traceroute's probe
    n = 12
    while n < len(q) and q[n]: n += q[n] + 1
    question = q[12:n + 5]
    answer = b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4\xc0\0\2\7" if question[-4:-2] == b"\0\1" else b""
    s.sendto(q[:2] + struct.pack("!HHHHH", 0x8580, 1, 1 if answer else 0, 0, 0) + question + answer, who)
PY
	until_ok grep -q ready ready
	dig @10.0.3.2 +noedns +nocmd +nostats +nocookie www.lab A | sed 's/id: [0-9]*/id: N/'
	dig @2001:db8:3::2 +noedns +short www.lab A
	dig @10.0.3.1 +tries=1 +time=1 www.lab A | grep -v DiG
	nslookup -type=A www.lab 10.0.3.2
	kill $server
}
scans() {
	echo "== nmap"
	ip netns exec right python3 - <<'PY' >ready2 & server=$!
import socket
s = [socket.create_server(("::", p), family=socket.AF_INET6, dualstack_ipv6=True) for p in (22, 443)]
u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
u.bind(("", 69))
print("ready", flush=True)
while True: u.sendto(b"x", u.recvfrom(1000)[1])
PY
	until_ok grep -q ready ready2
	scan() { # each in the background, its output in a file
		i=$((i + 1))
		{ echo "-- $*"; timeout 60 nmap -n "$@" | grep -v '^Starting\|scanned in\|latency' | sed -E '/^ *(HOP|[0-9]+  *[0-9.]+ ms)/s/[0-9.]+ ms +/T /; s/port [0-9]+\//port N\//; s/^HOP +RTT +/HOP RTT /'; } >scan.$i &
		scans="$scans $!"
	}
	i=10
	for o in -sS -sT "-sS -Pn" "-sA" "-sF"; do scan $o -p 22,80,443 10.0.3.2; done
	scan -sn 10.0.3.2
	scan -sU -p 69,99 10.0.3.2
	scan -6 -sS -p 22,80 2001:db8:3::2
	scan -sS --traceroute -p 22 10.0.3.2
	wait $scans || true
	for o in "-sO -p 1,6,17" "-O -p 22,80"; do # these take others' answers for theirs
		scan $o 10.0.3.2
		wait $scans || true
	done
	cat scan.*
	kill $server
}
sysctl -qw net.ipv4.ping_group_range='1 0'
ping -n -c 1 -W 5 203.0.113.9 | calm # there are few such errors for each peer, and the others take them away
jobs=
for j in pings routes mtrs arpings names scans; do
	$j >$j.out 2>&1 &
	jobs="$jobs $!"
done
wait $jobs || true
cat pings.out routes.out mtrs.out arpings.out names.out
sed '/^Device type\|^Running\|^OS \|^No exact\|^TCP.IP fing\|^OS:\|^Aggressive\|^Warning: OSScan\|^Too many/d' scans.out | cat -s | sed '/^$/{N;/^\nNetwork/s/^\n//}'
echo "== path MTU"
for d in 10.0.3.2 2001:db8:3::2; do traceroute -n -N 1 -w 5,0,0 -q 1 -I --mtu $d 2>&1 | calm; done
tracepath -n 10.0.3.2 | calm | sed 's/  */ /g'
tracepath -n 2001:db8:3::2 | calm | sed 's/  */ /g'
ip route flush cache; ip -6 route flush cache
