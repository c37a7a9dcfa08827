# VLAN devices: made, shown, changed, followed up and down, moved, deleted; and the usual mistakes.
. ./lib.sh
spaces a b
a ip link add v0 type veth peer name v1 netns b
a ip link add link v0 name v0.5 type vlan id 5
a ip -d link show v0.5
a ip -d link show v0
a ip link add link v0 name v0.x type vlan
a ip link add link v0 name v0.x type vlan id 4095
a ip link add link v0 name v0.x type vlan id 4096
a ip link add link v0 name v0.x type vlan id 5
a ip link add name v0.x type vlan id 6
a ip link add link nosuch name v0.x type vlan id 6
a ip link add link lo name lo.6 type vlan id 6
a ip link add link v0 name v0.6 type vlan id 6 protocol 802.1ad
a ip link add link v0 name v0.7 type vlan id 7 protocol 802.1q reorder_hdr off loose_binding on bridge_binding on ingress-qos-map 1:2 3:4 egress-qos-map 2:3 0:7
a ip -d link show v0.7
a ip -d link show v0.6
a ip link set v0.7 type vlan loose_binding off bridge_binding off
a ip -d link show v0.7
a ip link set v0.7 type vlan id 8
a ip link set v0.7 type vlan id 7
a ip link set v0.7 type vlan protocol 802.1ad
a ip link set v0.7 type vlan ingress-qos-map 1:5 egress-qos-map 2:0
a ip link set v0.7 type vlan ingress-qos-map 1:8
a ip link set v0.7 type vlan egress-qos-map 1:8
a ip -d link show v0.7
a ip link add link v0 name v0.10 mtu 2000 type vlan id 10
a ip link add link v0 name v0.10 mtu 1400 type vlan id 10
a ip -d link show v0.10
a ip link set v0.10 mtu 1501
a ip link set v0.10 mtu 1500
a ip link add link v0.10 name v0.10.20 type vlan id 20
a ip -d link show v0.10.20
a ip link set v0.10 up
settle
a ip link set v0 up
settle
a ip link set v0.10 up
settle
a ip link show
b ip link set v1 up
settle
a ip link show
a ip link set v0.10.20 up
settle
a ip link set v0 mtu 1300
a ip link show
a ip link set v0 mtu 1500
a ip link show v0.10
a ip link set v0 down
settle
a ip link show
a ip link set v0 up
settle
a ip link show
a cat /proc/net/vlan/config
a cat /proc/net/vlan/v0.7
a ip link set v0.10 address 02:00:00:00:00:77
a ip -d link show v0
a ip -d link show v0.10
a ip maddr show dev v0
a ip link set v0 address 02:00:00:00:00:78
a ip -br link
a ip link set v0.10 promisc on
a ip -d link show v0
a ip link set v0.10 promisc off
a ip link set v0.10 allmulticast on
a ip -d link show v0
a ip link set v0.10 allmulticast off
a ip link set v0.5 netns b
b ip -d link show v0.5
b ip link set v0.5 up
settle
b ip link show v0.5
b ip link set v0.5 mtu 1501
b ip link set v1 down
settle
a ip link set v0 netns b
settle
a ip link show
b ip link show
b ip link del v0
b ip link show
a ip link show
