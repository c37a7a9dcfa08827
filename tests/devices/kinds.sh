# dummy and ifb: made, shown, changed, counted; names by pattern and number; and the usual mistakes of ip link add.
. ./lib.sh
spaces a b
a ip link add type dummy
a ip link add type dummy
a ip link add dummy%d type dummy
a ip link add name d0 type dummy
a ip link add name d0 type dummy
a ip link add d9 index 77 mtu 9000 txqueuelen 10 address 02:00:00:00:00:09 broadcast ff:ff:ff:ff:ff:fe arp off type dummy
a ip -d link show d9
a ip link add d8 index 77 type dummy
a ip link add d8 index 0 type dummy
a ip link add d8 mtu 70000 type dummy
a ip link add d8 mtu 0 type dummy
a ip -d link show d8
a ip link add d7 address 01:00:00:00:00:07 type dummy
a ip link add d7 address 02:00:00:00:07 type dummy
a ip link add d7 numtxqueues 4 numrxqueues 2 type dummy
a ip link show d7
a ip link add d6 type dummy foo
a ip link add d6 up type dummy
a ip link add verylongname1234 type dummy
a ip link add verylongname123 type dummy
a ip link add a/b type dummy
a ip link add . type dummy
a ip link add 'd%' type dummy
a ip link add d6 type nosuch
a ip link add d6 link d0 type dummy
a ip -d link show d6
a ip link del d6 type ifb
a ip link set d0 type dummy
a ip link set d0 type ifb
a ip link add group 5 name g1 type dummy
a ip link add group 5 name g2 type ifb
a ip link show group 5
a ip link del group 5
a ip -br link
a ip link set d0 up
settle
a ip link show d0
a ip -d -s link show d0
a ip link set d0 carrier off
settle
a ip link show d0
a ip link set d0 carrier on
settle
a ip link show d0
a ip link set d0 arp on
a ip link show d0
a ip addr add 10.0.0.1/24 dev d0
a ping -q -c 2 -i 0.1 -W 0.2 10.0.0.2
a ip link set d0 arp off
a ping -q -c 2 -i 0.1 -W 0.2 -s 900 10.0.0.3
a ip -s link show d0
a ip link set d0 netns b
b ip link show d0
b ip -s link show d0
b ip addr show d0
b ip link set d0 alias "the one"
b ip link show d0
b ip link set d0 name d1
b ip link set d1 up
b ip link set d1 name d2
b ip link show d2
b ip link property add dev d2 altname other
b ip link show other
b ip link del other
echo "-- ifb"
a ip link add ifb0 type ifb
a ip -d link show ifb0
a ip link set ifb0 up
settle
a ip link show ifb0
a ip link add i2 numtxqueues 3 numrxqueues 2 type ifb
a ip -d link show i2
a ip addr add 10.1.0.1/24 dev ifb0
a ping -q -c 2 -i 0.1 -W 0.2 10.1.0.2
a ip -s link show ifb0
a ip link set ifb0 mtu 67
a ip link set ifb0 mtu 1501
a ip link set ifb0 address 02:00:00:00:00:10
a ip link set ifb0 netns b
b ip link show ifb0
b ip link add link ifb0 name ifb0.5 type vlan id 5
b ip link add link ifb0 name m0 type macvlan
b ip link del ifb0
b ip link show
k() { echo "a: ethtool -k $1"; ip netns exec a ethtool -k $1 | grep -v 'nocache\|rx-gro-list\|udp-gro'; }
q a ip link add ifb0 type ifb
for d in d9 ifb0; do k $d; done
