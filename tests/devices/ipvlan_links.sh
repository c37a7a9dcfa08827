# ipvlan devices: modes and flags, which all of one lower device share, addresses that two may not both have; and the usual mistakes.
. ./lib.sh
spaces a b
a ip link add v0 address 02:00:00:00:00:10 type veth peer name v1 netns b
a ip link add i0 type ipvlan
a ip link add link lo name i0 type ipvlan
a ip link add link v0 name i0 type ipvlan mode foo
a ip link add link v0 name i0 type ipvlan
a ip -d link show i0
a ip link add link v0 name i1 type ipvlan mode l2
a ip -d link show i0
a ip -d link show i1
a ip link add link i1 name i2 type ipvlan mode l2 private
a ip -d link show i2
a ip -d link show i0
a ip link set i0 type ipvlan mode l2 vepa
a ip -d link show i1
a ip link set i0 type ipvlan mode l2 bridge
a ip -d link show i1
a ip link add link v0 name m0 type macvlan
a ip link set i0 up
settle
a ip link set v0 up
b ip link set v1 up
settle
a ip link set i1 up
settle
a ip link show
a ip -d link show v0
a ip link set i0 type ipvlan mode l3
a ip link show i0
a ip link set i0 type ipvlan mode l3s
a ip -d link show i0
a ip addr add 10.0.0.1/24 dev i0
a ip addr add 10.0.0.1/24 dev i1
a ip addr add 10.0.0.2/24 dev i1
a ip addr add 10.0.0.9/24 dev v0
a ip addr add 10.0.0.9/24 dev i0
a ip link set i1 address 02:00:00:00:00:01
a ip link set v0 address 02:00:00:00:00:11
a ip -br link
a ip link set i1 mtu 1501
a ip link set i1 mtu 1400
a ip link set v0 mtu 1300
a ip -br link
a ip link show i1
a ip link set i1 netns b
b ip -d link show i1
a ip link set v0 down
settle
a ip link show
a ip link del i0
a ip link add link v0 name m0 type macvlan
a ip link del v0
a ip link show
b ip link show
