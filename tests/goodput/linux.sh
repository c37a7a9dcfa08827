#!/bin/bash
# Records Linux's side of the goodput tables: runs inside the reference kernel (virtual time), one line per run on standard output:
#   CELL SEED BYTES[ BYTES…]        bytes received in 10 s, per group of flows; a cell is FLOWS|RTT_MS|LOSS|REORDER|DUP|QUEUE
#   linux.sh CELLS [RUNS [FIRST]]   CELLS: a file of cells; loss, reorder and dup in per cent; queue in packets, eN behind it:
#                                   with ECN, and packets that were queued for more than N ms are marked. A line may end in its
#                                   own number of runs and its own first seed
#
#   a --- r1 --- r2 --- b     all links without offloads, so that every segment is a packet. r1 -> r2: 20 Mbit/s behind a drop-tail
#                             queue; r2 -> b: loss, duplication and half of the delay (reordered packets skip it); r1 -> a: the rest.
# Which packets are lost and reordered is pattern.h's: for the same seed the same ones as in goodput.c. Duplicates are netem's own.
set -u
cells=$(readlink -f $1) runs=${2:-20} first=${3:-1} seconds=10 rate=20mbit
[ -x ./flows ] || { echo "compile flows.c first: gcc -O2 -D_GNU_SOURCE -static -o flows flows.c" >&2; exit 1; }
for m in tcp_bbr tcp_dctcp tcp_cubic sch_netem; do modprobe $m; done
link() { # NS1 IF1 ADDR1 NS2 IF2 ADDR2
	ip -n "$1" link add name "$2" type veth peer name "$5" netns "$4" || exit 1
	end "$1" "$2" "$3"; end "$4" "$5" "$6"
}
end() {
	ip -n "$1" addr add "$3" dev "$2" && ip -n "$1" link set "$2" up || exit 1
	ip netns exec "$1" ethtool -K "$2" tso off gso off gro off >/dev/null 2>&1
}
these() { # loss|reorder PERCENT WHAT-TO-DO
	local numbers
	numbers=$(./flows pattern $seed $1 $2)
	[ -z "$numbers" ] || echo "add rule ip t c oifname e1 numgen inc mod 20000 { $numbers } ${*:3}"
}
cd /tmp; cp $OLDPWD/flows .
for n in a r1 r2 b; do ip netns add $n; ip -n $n link set lo up; ip netns exec $n sysctl -qw net.ipv4.ip_forward=1; done
link a e1 10.0.1.1/24 r1 e0 10.0.1.2/24
link r1 e1 10.0.2.1/24 r2 e0 10.0.2.2/24
link r2 e1 10.0.3.1/24 b e0 10.0.3.2/24
ip -n a route add default via 10.0.1.2; ip -n r1 route add 10.0.3.0/24 via 10.0.2.2
ip -n r2 route add 10.0.1.0/24 via 10.0.2.1; ip -n b route add default via 10.0.3.1
for n in a b; do
	ip netns exec $n sysctl -qw net.ipv4.tcp_no_metrics_save=1 net.ipv4.tcp_rmem="4096 131072 33554432" net.ipv4.tcp_wmem="4096 16384 4194304"
done
sysctl -qw net.core.somaxconn=4096 net.ipv4.tcp_max_syn_backlog=4096 2>/dev/null
while read -r cell own from; do
	[ -n "$cell" ] || continue
	IFS='|' read -r flows rtt loss reorder dup queue <<<"$cell"
	half=$(awk "BEGIN{print $rtt*500}")us
	n=${own:-$runs}
	case $loss$reorder$dup$flows in 000*,*) ;; 000*) [ $n -le 3 ] || n=3;; esac	# nothing is random
	ecn=2; [ "$queue" = "${queue%e*}" ] || ecn=1
	for ns in a b; do ip netns exec $ns sysctl -qw net.ipv4.tcp_ecn=$ecn; done
	for ((seed = ${from:-$first}; seed < ${from:-$first} + n; seed++)); do
		if [ $ecn = 2 ]; then
			tc -n r1 qdisc replace dev e1 root netem rate $rate limit $queue
		else
			tc -n r1 qdisc replace dev e1 root handle 1: tbf rate $rate burst 1600 limit 1000000
			tc -n r1 qdisc add dev e1 parent 1: codel limit ${queue%e*} target 100s interval 100s ecn ce_threshold ${queue#*e}ms
		fi
		ip netns exec r2 nft flush ruleset
		{
			echo "add table ip t; add chain ip t c { type filter hook forward priority 0; }"
			these reorder $reorder meta mark set 1
			these loss $loss drop
		} > rules
		ip netns exec r2 nft -f rules || exit 1
		opt="delay $half limit 100000"
		[ "$dup" = 0 ] || opt+=" duplicate $dup%"
		tc -n r2 qdisc del dev e1 root 2>/dev/null
		tc -n r1 qdisc del dev e0 root 2>/dev/null
		if [ "$reorder" = 0 ]; then
			tc -n r2 qdisc add dev e1 root netem $opt
		else
			tc -n r2 qdisc add dev e1 root handle 1: prio bands 2 priomap 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1
			tc -n r2 qdisc add dev e1 parent 1:2 netem $opt
			tc -n r2 filter add dev e1 parent 1: protocol ip handle 1 fw classid 1:1
		fi
		tc -n r1 qdisc add dev e0 root netem delay $half limit 100000
		rm -f pipe; mkfifo pipe
		ip netns exec b ./flows serve $seconds "$flows" > pipe &
		exec 3< pipe
		read -r _ <&3
		ip netns exec a ./flows send 10.0.3.2 "$flows" $seed 2>/dev/null &
		client=$!
		read -r got <&3
		echo "$cell $seed $got"
		kill $client; wait $client 2>/dev/null
		ip netns exec a ss -K dst 10.0.3.2 >/dev/null 2>&1
		ip netns exec b ss -K dst 10.0.1.1 >/dev/null 2>&1
		tc -n r1 qdisc del dev e1 root
	done
done < "$cells"
