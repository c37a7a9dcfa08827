# Devices on devices on devices: a VLAN on a macvlan on a VLAN, and an ipvlan; what goes down, up and away below, addresses that are
# heard for those above, MTU, features, moves between namespaces, names of what is below, counters.
. ./lib.sh
spaces a b c
a ip link add v0 type veth peer name v1 netns b
a ip link add link v0 name v0.5 type vlan id 5
a ip link add link v0.5 name m0 type macvlan mode bridge
a ip link add link m0 name m0.6 address 02:00:00:00:00:66 type vlan id 6
a ip link add link m0.6 name i0 type ipvlan mode l2
a ip link add link i0 name i0.7 type vlan id 7
a ip link add link i0 name m1 type macvlan
a ip link add link m0.6 name m1 type macvlan
a ip link set v0.5 master m0
a ip link show
for d in v0 v0.5 m0 m0.6 i0; do q a ip link set $d up; done
q b ip link set v1 up
settle
a ip link show
a ip -br link
a ip maddr show dev v0
a ip -d link show v0
a ip -d link show v0.5
a ip -d link show m0
a ip link set i0 promisc on
a ip -d link show m0.6
a ip link set i0 promisc off
a ip link set m0.6 promisc on
for d in m0 v0.5 v0; do echo "a: $d"; ip netns exec a ip -d link show $d | grep -o "promiscuity [0-9]*\|allmulti [0-9]*"; done
a ip link set m0.6 promisc off
a ip link set m0.6 allmulticast on
for d in m0 v0.5 v0; do echo "a: $d"; ip netns exec a ip -d link show $d | grep -o "promiscuity [0-9]*\|allmulti [0-9]*\|<.*>"; done
a ip link set m0.6 allmulticast off
echo "-- carrier"
b ip link set v1 down
settle
a ip link show
b ip link set v1 up
settle
a ip -br link
echo "-- down and up below"
a ip link set v0.5 down
settle
a ip link show
a ip link set v0.5 up
settle
a ip link show
a ip link set m0 down
settle
a ip link show
a ip link set m0 up
settle
a ip link show
echo "-- addresses below"
a ip link set v0 address 02:00:00:00:00:01
a ip -br link
a ip link set m0 address 02:00:00:00:00:02
a ip -br link
a ip link set m0.6 address 02:00:00:00:00:03
a ip -br link
a ip link set m0.6 address 01:00:00:00:00:03
a ip link set m0 address 00:00:00:00:00:00
echo "-- MTU"
a ip link set m0.6 mtu 1501
a ip link set m0 mtu 1501
a ip link set i0 mtu 1501
a ip link set i0 mtu 60
a ip link set m0.6 mtu 60
a ip link set m0 mtu 60
a ip link set v0.5 mtu 60
a ip link set v0 mtu 1400
a ip link show
a ip link set m0 mtu 1300
a ip link show
a ip link set v0 mtu 9000
a ip link set v0.5 mtu 9000
a ip link show
echo "-- moves"
a ip link set m0 netns c
settle
c ip -d link show m0
a ip link show
c ip link set m0 up
c ip link show m0
a ip link set i0 netns c
c ip link show i0
c ip link set m0.6 netns b
a ip link set m0.6 name m0 netns c
a ip link show m0.6
a ip link set v0.5 netns b
b ip -d link show v0.5
c ip link show m0
b ip link set v0.5 netns a
a ip link show v0.5
a ip link set v0 netns b
settle
a ip link show
b ip link show v0
echo "-- the end"
b ip link del v0
a ip link show
b ip link show
c ip link show
