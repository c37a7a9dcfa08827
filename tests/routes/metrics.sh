# What the metrics of a route do to connections, datagrams and hop limits, in both families.
set -u
for n in a b; do
	ip netns add $n; ip -n $n link set lo up
	ip netns exec $n sysctl -qw net.ipv6.conf.all.accept_dad=0 net.ipv6.conf.default.accept_dad=0 net.ipv4.tcp_rmem="4096 131072 6291456" net.ipv4.tcp_no_ssthresh_metrics_save=0
done
ip netns exec b sysctl -qw net.ipv4.tcp_ecn=2
ip -n a link add va type veth peer name vb netns b
ip -n a link set va up; ip -n b link set vb up
ip -n a addr add 10.0.0.1/24 dev va; ip -n b addr add 10.0.0.2/24 dev vb
ip -n a addr add 2001:db8::1/64 dev va nodad; ip -n b addr add 2001:db8::2/64 dev vb nodad
coproc S { ip netns exec b python3 -B metrics.py serve; }
read -r line <&${S[0]}
i=0
while read -r metric; do
	i=$((i + 1))
	ip -n b addr add 10.1.0.$i/32 dev lo; ip -n b addr add 2001:db8:1::$i/128 dev lo nodad
	ip -n a route add 10.1.0.$i via 10.0.0.2 $metric
	ip -n a route add 2001:db8:1::$i via 2001:db8::2 $metric
	ip -n a route show 10.1.0.$i; ip -n a -6 route show 2001:db8:1::$i
	echo "${metric:-none};10.1.0.$i" >>$TMP6/asked; echo "${metric:-none};2001:db8:1::$i" >>$TMP6/asked
done <<END

mtu 1300
mtu lock 1300
advmss 1000
window 5000
initcwnd 23
initrwnd 5
initrwnd 60
hoplimit 7
rto_min 500ms
rtt 300ms
rtt lock 300ms
rtt 300ms rttvar 50ms
cwnd 5
cwnd lock 5
ssthresh 7
ssthresh lock 7
reordering 11
reordering lock 11
features ecn
congctl lock reno
mtu 1300 advmss 900 initcwnd 4 hoplimit 9 rto_min 300ms
END
ip netns exec a python3 -B metrics.py <$TMP6/asked
kill $S_PID
