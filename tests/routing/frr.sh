# Five routers run FRR, unmodified: OSPF and OSPFv3 inside, BGP in both families with passwords to a neighbouring system, a VRF with
# routing of its own. A link fails and comes back, a router dies; with LONG set daemons are killed, too. After each the routes of
# all routers are shown, traffic is followed, and where paths are equal, how flows spread. For compare.py, which says what is printed here on Linux.
#
#          r2 ---- .
#    h1 - r1       r4 - h4        r1 to r4: OSPF area 0, AS 65001; r3 - r4 - r5 and r3 - r5: BGP
#          r3 ---- '  \           r5: AS 65005 with h5's network; its VRF blue, on a link to r1, speaks OSPF with r1 and has a network of its own
#         |  `-----  r5
#
# $1: scratch folder. $2: a folder with what is expected after each step, to know when to look; empty (where a kernel is asked): it waits long.
set -u
dir=$1
expected=${2-}
here=${0%/*}
hello=1
test -n "$expected" || hello=5 # s; a machine that is asked may be a slow one
frr=/usr/lib/frr
export VTYSH_PAGER=cat VRF=blue
mkdir -p $dir
chmod 755 $dir

hosts="h1 h4 h5"
targets="10.0.61.2 2001:db8:61::2 10.0.64.2 2001:db8:64::2 10.0.65.2 2001:db8:65::2"
. $here/lab.sh
# FRR asks that root be in the group that may speak to its daemons: here it is.
sed 's/^frrvty:.*/frrvty:x:0:root/' /etc/group >$dir/group
mount --bind $dir/group /etc/group
five_routers
# The VRF: r5's other half, and its network.
ip -n r5 link add blue type vrf table 55
ip -n r5 link set blue up
wire r1 r5 15
ip -n r5 link set r1 master blue
ip -n r5 link add net6 address 02:00:00:66:00:01 type dummy
ip -n r5 link set net6 master blue
ip -n r5 addr add 10.6.0.1/16 dev net6
ip -n r5 addr add 2001:db8:66::1/64 dev net6
ip -n r5 link set net6 up

ospf() { # vrf, router id, devices... (those after -- are passive): configures ospfd and ospf6d of router $r
	local vrf=$1 id=$2 d p=
	shift 2
	echo "router ospf ${vrf:+vrf $vrf}
 ospf router-id $id
 maximum-paths 8
 timers throttle spf 0 50 500
 timers throttle lsa all 0
 timers lsa min-arrival 0
exit" >$dir/$r/ospfd.conf
	echo "router ospf6 ${vrf:+vrf $vrf}
 ospf6 router-id $id
 maximum-paths 8
 timers throttle spf 0 50 500
 timers lsa min-arrival 0
exit" >$dir/$r/ospf6d.conf
	for d in "$@"; do
		test $d = -- && { p=1; continue; }
		echo "interface $d
 ip ospf area 0
 ${p:+ip ospf passive}
 ip ospf network point-to-point
 ip ospf hello-interval $hello
 ip ospf dead-interval $((4 * hello))
 ip ospf retransmit-interval 1" >>$dir/$r/ospfd.conf
		echo "interface $d
 ipv6 ospf6 area 0
 ${p:+ipv6 ospf6 passive}
 ipv6 ospf6 network point-to-point
 ipv6 ospf6 hello-interval $hello
 ipv6 ospf6 dead-interval $((4 * hello))
 ipv6 ospf6 retransmit-interval 1" >>$dir/$r/ospf6d.conf
	done
}
bgp() { # own AS, router id's last byte
	a4= a6=
	echo "router bgp $1
 bgp router-id 10.0.0.$2
 no bgp ebgp-requires-policy
 no bgp network import-check
 no bgp default ipv4-unicast
 timers bgp $((2 * hello)) $((6 * hello))
 bgp bestpath as-path multipath-relax" >$dir/$r/bgpd.conf
}
peer() { # address, AS, another line: with a password, in the family of its address
	echo " neighbor $1 remote-as $2
 neighbor $1 password between-us
 neighbor $1 timers connect 1
 neighbor $1 advertisement-interval 0
 ${3-}" >>$dir/$r/bgpd.conf
	case $1 in *:*) a6="$a6 neighbor $1 activate
 neighbor $1 next-hop-self
" ;; *) a4="$a4 neighbor $1 activate
 neighbor $1 next-hop-self
" ;; esac
}
inner() { # iBGP between loopbacks, in both families
	local i
	bgp 65001 $1
	for i in 1 2 3 4; do
		test $i = $1 && continue
		peer 10.0.0.$i 65001 "neighbor 10.0.0.$i update-source 10.0.0.$1"
		peer 2001:db8::$i 65001 "neighbor 2001:db8::$i update-source 2001:db8::$1"
	done
}
networks() { # all that is announced: the end of bgpd's configuration
	local n f
	for n in "$@"; do
		case $n in *:*) a6="$a6 network $n
" ;; *) a4="$a4 network $n
" ;; esac
	done
	echo " address-family ipv4 unicast
$a4 exit-address-family
 address-family ipv6 unicast
$a6 exit-address-family" >>$dir/$r/bgpd.conf
}
conf() {
	local r=r$1
	mkdir -p $dir/$r
	echo "hostname $r" >$dir/$r/zebra.conf
	case $1 in
	1) ospf '' 10.0.0.1 r2 r3 r5 -- lo h1; inner 1; networks ;;
	2) ospf '' 10.0.0.2 r1 r4 -- lo; inner 2; networks ;;
	3) ospf '' 10.0.0.3 r1 r4 -- lo; inner 3; peer 10.0.35.2 65005; peer 2001:db8:35::2 65005; networks 10.0.61.0/24 10.0.64.0/24 2001:db8:61::/64 2001:db8:64::/64 ;;
	4) ospf '' 10.0.0.4 r2 r3 -- lo h4; inner 4; peer 10.0.45.2 65005 'neighbor 10.0.45.2 ttl-security hops 1'; peer 2001:db8:45::2 65005
		networks 10.0.61.0/24 10.0.64.0/24 2001:db8:61::/64 2001:db8:64::/64 ;;
	5) ospf blue 10.6.0.1 r1 -- net6; bgp 65005 5; echo ' bgp bestpath compare-routerid
 address-family ipv4 unicast
  maximum-paths 1
 exit-address-family
 address-family ipv6 unicast
  maximum-paths 1
 exit-address-family' >>$dir/$r/bgpd.conf
	  peer 10.0.45.1 65001 'neighbor 10.0.45.1 ttl-security hops 1'; peer 10.0.35.1 65001
		peer 2001:db8:45::1 65001; peer 2001:db8:35::1 65001; networks 10.0.65.0/24 10.5.0.0/16 2001:db8:65::/64 ;;
	esac
}
start() { # router, daemons...
	local r=$1 d
	shift
	for d in "$@"; do
		ip netns exec $r $frr/$d -d -u root -g root -f $dir/$r/$d.conf -i $dir/$r/$d.pid -z $dir/$r/zserv --vty_socket $dir/$r \
			--log file:$dir/$r/$d.log -A 127.0.0.1 -P 0 || echo "$r: $d did not start"
	done
}
for i in 1 2 3 4 5; do
	conf $i
	start r$i zebra ospfd ospf6d bgpd 2>>$dir/start.err
done

settled() { # what was done: until nothing has changed for longer than a silent neighbour is waited for
	echo "-- $*"
	python3 $here/frr_look.py settle
}
step all is up
python3 $here/frr_look.py nexthops
for to in 10.0.64.2 2001:db8:64::2 10.0.65.2 2001:db8:65::2 10.6.0.1 2001:db8:66::1; do reaches h1 $to; done
reaches r5 10.0.61.2 -I blue
reaches r5 2001:db8:61::2 -I blue
way h1 10.0.65.2
way h1 2001:db8:65::2
way h1 10.6.0.1
python3 $here/frr_look.py spread 10.0.64.2
python3 $here/frr_look.py spread 2001:db8:64::2

CUT=12
export CUT
ip -n r1 link set r2 down
step a link goes down
circles
for to in 10.0.64.2 2001:db8:64::2 10.0.65.2; do reaches h1 $to; done
way h1 10.0.64.2
way h1 2001:db8:64::2

ip -n r1 link set r2 up
echo "-- it is up again" # FRR 8.4 does not always take up both of two equal ways again, on Linux either: no routes are compared here
for i in $(seq 600); do
	test -n "$(ip -n r1 route show 10.0.0.2 dev r2)" -a -n "$(ip -n r1 -6 route show 2001:db8::2 dev r2)" && break
	sleep 0.1
done
reaches h1 10.0.64.2
CUT=
if test -n "${LONG-}"; then
	kill -9 $(cat $dir/r2/ospfd.pid $dir/r2/ospf6d.pid)
	step "(long) ospfd and ospf6d of r2 are killed"
	circles
	way h1 10.0.64.2
	way h1 2001:db8:64::2
	start r2 ospfd ospf6d 2>>$dir/start.err
	settled "(long) they are back"
	kill -9 $(cat $dir/r5/bgpd.pid)
	step "(long) bgpd of r5 is killed"
	reaches h1 10.0.64.2
	start r5 bgpd 2>>$dir/start.err
	settled "(long) it is back"
	reaches h1 10.0.65.2
	reaches h1 2001:db8:65::2
	kill -9 $(cat $dir/r4/zebra.pid)
	settled "(long) zebra of r4 is killed: what it put into the tables stays"
	circles
	kill $(cat $dir/r4/ospfd.pid $dir/r4/ospf6d.pid $dir/r4/bgpd.pid)
	start r4 zebra ospfd ospf6d bgpd 2>>$dir/start.err
	settled "(long) r4's daemons are started anew"
	reaches h1 10.0.65.2
fi

# Without a word to anybody: its programs end, its links lose their carrier.
CUT="13 34 35"
kill -9 $(cat $dir/r3/*.pid)
for d in r1 r4 r5; do ip -n r3 link set $d down; done
step a router dies
circles
for to in 10.0.64.2 2001:db8:64::2 10.0.65.2 2001:db8:65::2 10.6.0.1; do reaches h1 $to; done
way h1 10.0.65.2
way h1 2001:db8:65::2
python3 $here/frr_look.py nexthops
kill $(cat $dir/r[1245]/*.pid)
