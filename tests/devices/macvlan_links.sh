# macvlan devices: modes, addresses, sources, queue lengths, following the device below; and the usual mistakes.
. ./lib.sh
spaces a b
a ip link add v0 type veth peer name v1 netns b
a ip link add m0 type macvlan
a ip link add link lo name m0 type macvlan
a ip link add link v0 name m0 type macvlan mode foo
a ip link add link v0 name m0 type macvlan
a ip -d link show m0
a ip link add link m0 name m1 type macvlan mode bridge
a ip -d link show m1
a ip link add link v0 name p0 type macvlan mode passthru
a ip link add link v0 name big mtu 1600 type macvlan
a ip link set m0 up
settle
a ip link set v0 up
settle
a ip link show
b ip link set v1 up
settle
a ip link show
a ip link set m1 mtu 1501
a ip link set m1 mtu 1400
a ip link set v0 mtu 1300
a ip -br link
a ip link show m0
a ip -d link show v0
a ip link set m1 address 02:00:00:00:00:01
a ip link set m0 address 02:00:00:00:00:01
a ip link set m0 address 02:00:00:00:00:02
a ip link set m1 up
settle
a ip -d link show v0
a ip link set m0 type macvlan mode private
a ip link set m0 type macvlan mode passthru
a ip link set m0 type macvlan mode source
a ip link set m0 type macvlan macaddr add 02:00:00:00:00:99
a ip link set m0 type macvlan macaddr add 02:00:00:00:00:98
a ip -d link show m0
a ip link set m0 type macvlan macaddr del 02:00:00:00:00:99
a ip -d link show m0
a ip link set m0 type macvlan macaddr set 02:00:00:00:00:97 02:00:00:00:00:96
a ip -d link show m0
a ip link set m0 type macvlan macaddr flush
a ip -d link show m0
a ip link set m0 type macvlan bcqueuelen 2000
a ip -d link show m0
a ip -d link show m1
a ip link set m1 type macvlan bcqueuelen 10
a ip -d link show m1
a ip link set m0 netns b
b ip -d link show m0
a ip link set v1 netns b
a ip maddr show dev v0
a ip addr add 10.0.0.1/24 dev m1
a ip maddr show
a ip link set m1 promisc on
a ip -d link show v0
a ip link set v0 down
settle
a ip link show
a ip link del v0
a ip link show
b ip link show
a ip link add d0 type dummy
a ip link add link d0 name p0 type macvlan mode passthru
a ip -d link show p0
a ip link add link d0 name p1 type macvlan mode bridge
a ip link set p0 up
settle
a ip -d link show d0
a ip link set d0 address 02:00:00:00:00:55
a ip -br link
a ip link set p0 address 02:00:00:00:00:56
a ip -br link
a ip link set p0 type macvlan mode passthru nopromisc
a ip link set p0 type macvlan mode bridge
