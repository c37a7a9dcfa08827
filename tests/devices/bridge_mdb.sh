# Multicast: groups by hand and by IGMP, who hears a group with a querier and without, routers' ports, what is told, what is refused.
. ./lib.sh
command -v socat >/dev/null && command -v tcpdump >/dev/null || { echo "SKIP: socat or tcpdump is missing"; exit 0; }
spaces h b c d
q h ip link add br0 type bridge
q h ip link set br0 up
i=1
for n in b c d; do
	q h ip link add v$n address 02:00:00:00:00:0$n type veth peer name e0 address 02:00:00:00:01:0$n netns $n
	q $n ip link set e0 up
	q $n ip addr add 10.0.0.$i/24 dev e0
	q $n sysctl -w net.ipv4.icmp_echo_ignore_broadcasts=0
	q h ip link set v$n up
	q h ip link set v$n master br0
	i=$((i+1))
done
q h ip link add d0 type veth peer name d1
q c ip neigh add 10.0.0.1 lladdr 02:00:00:00:01:0b dev e0
q b ip route add 239.0.0.0/8 dev e0
settle
mdb() { echo "h: mdb"; ip netns exec h bridge -d mdb show 2>&1 | grep -v "224.0.0\|ff02" | sort; }
# heard: who hears b's group 239.1.1.1
heard() {
	local n pids=
	for n in c d; do ip netns exec $n timeout 4 tcpdump -Z root -lni e0 "icmp[0] = 8 and dst 239.1.1.1" >$tmp/$n 2>/dev/null & pids="$pids $!"; done
	sleep 1
	ip netns exec b ping -q -c 2 -i 0.2 -W 1 239.1.1.1 >/dev/null 2>&1
	wait $pids
	echo "heard by c: $(grep -c "echo request" $tmp/c), d: $(grep -c "echo request" $tmp/d)"
}
monitor=
echo "-- by hand"
ip netns exec h stdbuf -oL bridge monitor mdb >$tmp/m 2>&1 &
monitor=$!
sleep 0.5
m() { t h bridge mdb "$@"; }
m add dev br0 port vb grp 239.2.2.2 permanent
m add dev br0 port vb grp 239.2.2.2 permanent
m add dev br0 port vc grp 239.2.2.2 temp
m add dev br0 port vb grp 239.2.2.3 src 10.0.0.7 permanent
m add dev br0 port vb grp ff0e::7 permanent
m add dev br0 port vb grp 01:02:03:04:05:06 permanent
m add dev br0 port vb grp 01:02:03:04:05:06 temp
m add dev br0 port br0 grp 239.2.2.2
m add dev br0 port br0 grp 239.2.2.2
m add dev br0 port br0 grp 239.2.2.4 permanent
m add dev br0 port br0 grp 239.2.2.4 src 10.0.0.7
m add dev br0 port vb grp 224.0.0.5 permanent
m add dev br0 port vb grp 10.0.0.1 permanent
m add dev br0 port vb grp ff02::1 permanent
m add dev br0 port vb grp 239.2.2.5 src 239.0.0.1 permanent
m add dev br0 port d0 grp 239.2.2.2 permanent
m add dev d0 port d0 grp 239.2.2.2 permanent
m add dev br0 port vb grp 239.2.2.2 vid 4095 permanent
mdb
m del dev br0 port vb grp 239.2.2.9
m del dev br0 port vb grp 239.2.2.2
m del dev br0 port vb grp 239.2.2.2
m del dev br0 port vc grp 239.2.2.2
m del dev br0 port br0 grp 239.2.2.2
m del dev br0 port vb grp 239.2.2.3 src 10.0.0.7
m del dev br0 port vb grp ff0e::7
m del dev br0 port vb grp 01:02:03:04:05:06
mdb
echo "-- by IGMP"
ip netns exec c timeout 40 socat -u UDP4-RECV:5000,ip-add-membership=239.1.1.1:10.0.0.2 - >/dev/null 2>&1 &
socat=$!
sleep 1.5
mdb
heard
echo "-- with a querier"
q h ip link set br0 type bridge mcast_query_response_interval 100
q h ip link set br0 type bridge mcast_querier 1
sleep 1.5
heard
echo "-- d is a router; and no more; and flooded to regardless"
h ip link set vd type bridge_slave mcast_router 2
h bridge -d mdb show
heard
h ip link set vd type bridge_slave mcast_router 1
heard
echo "-- fast leave"
h ip link set vc type bridge_slave fastleave on
kill $socat
wait $socat 2>/dev/null
sleep 1
mdb
heard
echo "-- limits"
h ip link set br0 type bridge mcast_hash_max 2
m add dev br0 port vb grp 239.3.0.1 permanent
m add dev br0 port vb grp 239.3.0.2 permanent
m add dev br0 port vb grp 239.3.0.3 permanent
m add dev br0 port vb grp 239.3.0.4 permanent
h ip link set br0 type bridge mcast_hash_max 4096 mcast_snooping 1
q h ip link set br0 down
m add dev br0 port vb grp 239.3.0.5 permanent
kill $monitor
wait $monitor 2>/dev/null
echo "-- told"
grep -v "224.0.0\|ff02" $tmp/m
