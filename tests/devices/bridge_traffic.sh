# Who hears whom through a bridge: flooding, isolation, hairpin, locks, backup, the host's part, reserved addresses, big packets.
. ./lib.sh
spaces h b c d
q h ip link add br0 type bridge
q h ip link set br0 up
i=1
for n in b c d; do
	q h ip link add v$n address 02:00:00:00:00:0$n type veth peer name e0 address 02:00:00:00:01:0$n netns $n
	q $n ip link set e0 up
	q $n ip addr add 10.0.0.$i/24 brd + dev e0
	q $n sysctl -w net.ipv4.icmp_echo_ignore_broadcasts=0
	q h ip link set v$n up
	q h ip link set v$n master br0
	i=$((i+1))
done
q h ip addr add 10.0.0.9/24 dev br0
settle
# stop: nothing stays known but what is permanent
forget() { local n; q h ip link set br0 type bridge fdb_flush; for n in b c d h; do q $n ip neigh flush all; done; }
slave() { q h ip link set $1 type bridge_slave "${@:2}"; }
p b 10.0.0.2
p b 10.0.0.9
p h 10.0.0.3
p d -s 5000 10.0.0.1
echo "-- isolated"
slave vb isolated on; slave vc isolated on
forget
p b 10.0.0.2
p b 10.0.0.3
p c 10.0.0.9
slave vb isolated off; slave vc isolated off
echo "-- no broadcast to c"
slave vc bcast_flood off
forget
p b 10.0.0.2
p c 10.0.0.1
slave vc bcast_flood on
echo "-- unknown addresses are not flooded to c"
slave vc flood off learning off
forget
q c ip neigh add 10.0.0.1 lladdr 02:00:00:00:01:0b dev e0
q b ip neigh add 10.0.0.2 lladdr 02:00:00:00:01:0c dev e0
p b 10.0.0.2
q h bridge fdb add 02:00:00:00:01:0c dev vc master static
p b 10.0.0.2
q h bridge fdb del 02:00:00:00:01:0c dev vc master
slave vc flood on learning on
forget
q c ip neigh del 10.0.0.1 dev e0
q b ip neigh del 10.0.0.2 dev e0
echo "-- locked"
slave vc locked on learning off
forget
p c 10.0.0.1
q h bridge fdb add 02:00:00:00:01:0c dev vc master static
p c 10.0.0.1
slave vc locked off learning on
q h bridge fdb del 02:00:00:00:01:0c dev vc master
echo "-- hairpin: two macvlans behind one port"
q b ip addr flush dev e0
for i in 4 5; do
	ip netns add m$i; eval "m$i() { t m$i \"\$@\"; }"
	q b ip link add m$i address 02:00:00:00:02:0$i link e0 type macvlan mode vepa
	q b ip link set m$i netns m$i
	q m$i ip link set m$i up
	q m$i ip addr add 10.0.0.$i/24 dev m$i
done
settle
p m4 10.0.0.5
slave vb hairpin on
p m4 10.0.0.5
slave vb hairpin off
echo "-- blocked"
h bridge link set dev vc state 4
p d 10.0.0.2
h bridge link set dev vc state 2
forget
p c 10.0.0.3
echo "h: bridge fdb show brport vc"; ip netns exec h bridge fdb show brport vc | grep -v "vlan 1 "
h bridge link set dev vc state 3
p c 10.0.0.3
echo "-- a backup"
slave vc backup_port vd
forget
p d 10.0.0.9
p d 10.0.0.2
q c ip link set e0 down
settle
h bridge link show dev vc
q c ip link set e0 up
settle
p d 10.0.0.2
slave vc nobackup_port
echo "-- proxy ARP"
slave vc proxy_arp on
q h ip neigh replace 10.0.0.3 lladdr 02:00:00:00:01:0d dev br0
forget
q h ip neigh replace 10.0.0.3 lladdr 02:00:00:00:01:0d dev br0
p d 10.0.0.9
q h ip neigh replace 10.0.0.3 lladdr 02:00:00:00:01:0d dev br0
p c 10.0.0.3
c ip neigh show
slave vc proxy_arp off
echo "-- the bridge down, and up"
q h ip link set br0 down
p c 10.0.0.3
q h ip link set br0 up
settle
p c 10.0.0.3
q h ip link set br0 promisc on
p c 10.0.0.3
q h ip link set br0 promisc off
echo "-- MTU"
q c ip link set e0 mtu 1400
q h ip link set vc mtu 1400
wait=1 p d -M do -s 1380 10.0.0.2
p d -M do -s 1300 10.0.0.2
echo "-- without the bridge"
h ip link del br0
h ip -br link show vc
