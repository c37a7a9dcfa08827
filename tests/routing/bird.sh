# Five routers run BIRD, unmodified: OSPF and OSPFv3 with equal paths inside, BGP in both families with passwords to a neighbouring system. A link
# fails and comes back, a daemon is killed, a router dies. After each the routes of all routers are shown, traffic is followed. frr.sh has the map
# (there is no VRF here), and says what $1 and $2 are.
set -u
dir=$1
expected=${2-}
here=${0%/*}
hello=1
mkdir -p $dir
hosts="h1 h4 h5"
targets="10.0.61.2 2001:db8:61::2 10.0.64.2 2001:db8:64::2 10.0.65.2 2001:db8:65::2"
. $here/lab.sh
five_routers

common() { # router
	echo "log \"$dir/r$1.log\" all;
router id 10.0.0.$1;
protocol device { scan time 1; }
protocol direct { ipv4; ipv6; }
protocol kernel k4 { ipv4 { import none; export where source != RTS_DEVICE; }; merge paths on limit 8; }
protocol kernel k6 { ipv6 { import none; export where source != RTS_DEVICE; }; merge paths on limit 8; }"
}
ospf() { # interfaces...
	local v d f
	for v in 2 3; do
		f=ipv4; test $v = 3 && f=ipv6
		echo "protocol ospf v$v o$v { ecmp on limit 8; tick 1; $f { import all; export none; };
	area 0 {
		interface \"lo\", \"h*\" { stub; };"
		test $v = 3 && echo "		stubnet 2001:db8::$n/128;"
		for d in "$@"; do echo "		interface \"$d\" { type ptp; hello $hello; dead $((4 * hello)); retransmit 2; };"; done
		echo "	};
}"
	done
}
peer() { # name, own address, address, own AS, AS, more: in the family of its address
	local f=ipv4
	case $2 in *:*) f=ipv6 ;; esac
	echo "protocol bgp $1 { local $2 as $4; neighbor $3 as $5; password \"between-us\"; hold time $((6 * hello)); connect delay time 1; connect retry time 1;
	error wait time 1, 2; $6
	$f { import all; export where source = RTS_BGP || net ~ ours_$f; next hop self; };
}"
}
conf() {
	local i n=$1
	common $n
	case $n in
	5) echo 'define ours_ipv4 = [ 10.0.65.0/24, 10.5.0.0/16 ];
define ours_ipv6 = [ 2001:db8:65::/64 ];
protocol static { ipv4; route 10.5.0.0/16 unreachable; }' ;;
	*) echo 'define ours_ipv4 = [ 10.0.61.0/24, 10.0.64.0/24 ];
define ours_ipv6 = [ 2001:db8:61::/64, 2001:db8:64::/64 ];' ;;
	esac
	case $n in
	1) ospf r2 r3 ;;
	2 | 3) ospf r1 r4 ;;
	4) ospf r2 r3 ;;
	esac
	for i in 1 2 3 4; do
		test $n = 5 -o $i = $n && continue
		peer i4_$i 10.0.0.$n 10.0.0.$i 65001 65001 ''
		peer i6_$i 2001:db8::$n 2001:db8::$i 65001 65001 ''
	done
	case $n in
	3 | 4) peer e4 10.0.${n}5.1 10.0.${n}5.2 65001 65005 'ttl security on;'; peer e6 2001:db8:${n}5::1 2001:db8:${n}5::2 65001 65005 '' ;;
	5) for i in 3 4; do peer e4_$i 10.0.${i}5.2 10.0.${i}5.1 65005 65001 'ttl security on;'; peer e6_$i 2001:db8:${i}5::2 2001:db8:${i}5::1 65005 65001 ''; done ;;
	esac
}
start() { ip netns exec r$1 bird -c $dir/r$1.conf -s $dir/r$1.ctl -P $dir/r$1.pid || echo "r$1: bird did not start"; }
for i in 1 2 3 4 5; do
	conf $i >$dir/r$i.conf
	start $i
done

step all is up
for to in $targets; do for h in $hosts; do reaches $h $to; done; done
way h1 10.0.65.2
way h1 2001:db8:65::2
python3 $here/frr_look.py spread 10.0.64.2
python3 $here/frr_look.py spread 2001:db8:64::2

ip -n r1 link set r2 down
step a link goes down
circles
reaches h1 10.0.64.2
way h1 10.0.64.2
way h1 2001:db8:64::2

ip -n r1 link set r2 up
step it is up again
if test -n "${LONG-}"; then
	kill -9 $(cat $dir/r2.pid)
	step "(long) r2's bird is killed: what it put into the tables stays"
	circles
	way h1 10.0.64.2
	start 2
	step "(long) it is back"
	python3 $here/frr_look.py spread 10.0.64.2
fi

kill -9 $(cat $dir/r3.pid)
for d in r1 r4 r5; do ip -n r3 link set $d down; done
step a router dies
circles
for to in 10.0.64.2 2001:db8:64::2 10.0.65.2 2001:db8:65::2; do reaches h1 $to; done
way h1 10.0.65.2
way h1 2001:db8:65::2
kill $(cat $dir/r[1245].pid)
