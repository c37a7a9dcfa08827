# A bridge and its ports by ip and bridge: what may be a port, addresses, MTU, every option and its mistakes.
. ./lib.sh
spaces h b c
link() { echo "h: link $1"; ip netns exec h ip -d link show $1 2>&1 | sed -n '1p;/bridge/p;/link\/ether/p' | sed 's/^ *//'; }
h ip link add br0 address 02:00:00:00:0f:00 type bridge
h ip link del br0
h ip link add br0 type bridge
link br0
q h ip link set br0 up
settle
link br0
for n in b c; do
	q h ip link add v$n address 02:00:00:00:00:0$n type veth peer name e0 address 02:00:00:00:01:0$n netns $n
	q $n ip link set e0 up
	q h ip link set v$n up
done
settle
h ip link set vb master br0
h ip link set vc master br0
settle
link br0
link vb
h bridge -d link
h bridge fdb show
h ip maddr show dev br0
echo "-- who may be a port"
h ip link set lo master br0
h ip link add br1 type bridge
h ip link set br1 master br0
h ip link add d0 address 02:00:00:00:00:d0 type dummy
h ip link set d0 master br0
h ip link set d0 master br1
link d0
h ip link add m0 link d0 type macvlan
h ip link add m0 address 02:00:00:00:00:e0 link br0 type macvlan
h ip link set m0 master br1
h ip link add i0 link br0 type ipvlan
h ip link add r0 type vrf table 5
h ip link set r0 master br1
h ip link set br1 master r0
h ip link set br1 nomaster
h ip link add v5 link br0 type vlan id 5
h ip link set v5 master br0
h ip link set v5 master br1
h ip link set br0 netns b
link br1
h ip link set d0 nomaster
h ip link set m0 nomaster
h ip link set v5 nomaster
link br1
q h ip link del v5
q h ip link del m0
echo "-- MTU and address"
h ip link set vb mtu 1300
link br0
h ip link set vb mtu 1500
link br0
h ip link set br0 mtu 1400
h ip link set vb mtu 1300
link br0
h ip link set br0 mtu 70000
h ip link set vb address 02:00:00:00:00:1b
link br0
h ip link set br0 address 02:00:00:00:0f:01
h ip link set vb address 02:00:00:00:00:0b
link br0
h ip link set br0 address 01:00:00:00:0f:01
h bridge fdb show br br0
echo "-- options of the bridge"
o() { t h ip link set br0 type bridge "$@"; }
o ageing_time 2000 forward_delay 900 hello_time 300 max_age 700
o hello_time 50
o hello_time 1100
o max_age 100
o forward_delay 0
o priority 4096 group_fwd_mask 8
o group_fwd_mask 1
o group_address 01:80:c2:00:00:05
o group_address 01:80:c2:00:00:01
o group_address 01:80:c2:00:00:20
o vlan_protocol 802.1ad
o vlan_protocol 802.3
o vlan_default_pvid 5
o vlan_default_pvid 4095
o vlan_stats_enabled 1
o vlan_stats_per_port 1
o no_linklocal_learn 1
o mcast_router 2
o mcast_router 3
o mcast_querier 1 mcast_query_use_ifaddr 1
o mcast_hash_max 64
o mcast_last_member_count 3 mcast_startup_query_count 4
o mcast_last_member_interval 200 mcast_membership_interval 1000 mcast_querier_interval 2000
o mcast_query_interval 1500 mcast_query_response_interval 300 mcast_startup_query_interval 900
o mcast_query_interval 10
o mcast_igmp_version 3 mcast_mld_version 2
o mcast_igmp_version 4
o mcast_stats_enabled 1
o nf_call_iptables 1 nf_call_ip6tables 1 nf_call_arptables 1
link br0
o mcast_querier 0 mcast_router 1 mcast_igmp_version 2 mcast_mld_version 1 vlan_default_pvid 0
o mcast_snooping 0
h bridge vlan
h bridge fdb show br br0
link br0
echo "-- and of a port"
s() { t h ip link set vb type bridge_slave "$@"; }
s cost 7 priority 5
s cost 0
s cost 70000
s priority 64
s hairpin on guard on root_block on fastleave on learning off flood off mcast_flood off bcast_flood off
s proxy_arp on proxy_arp_wifi on mcast_to_unicast on neigh_suppress on isolated on
s mcast_router 2
s mcast_router 4
s group_fwd_mask 8
s group_fwd_mask 2
s vlan_tunnel on
s locked on
s state 4
s state 5
s fdb_flush
s backup_port vc
link vb
s nobackup_port
s backup_port vb
s backup_port d0
h ip link set d0 type bridge_slave cost 7
h bridge link set dev vb state 3 cost 9 hairpin off guard off root_block off fastleave off learning on flood on
h bridge link set dev vb mcast_flood on bcast_flood on mcast_to_unicast off neigh_suppress off isolated off locked off vlan_tunnel off
h bridge link set dev d0 cost 3
h bridge link set dev nosuch cost 3
h bridge -d link show dev vb
h ip link set vb nomaster
link vb
link br0
h ip link set vc down
settle
link vc
link br0
h ip link set vc nomaster
link br0
h bridge link
h ip link set br0 down
link br0
h ip link del br0
h ethtool -i br1
q h ip link del br1
