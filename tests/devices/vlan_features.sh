# What stacked devices can do, and what becomes of it when the device below can do less.
. ./lib.sh
spaces a
a ip link add v0 type veth peer name v1
a ip link add d0 type dummy
a ip link add link v0 name v0.5 type vlan id 5
a ip link add link d0 name d0.5 type vlan id 5
a ip link add link v0.5 name v0.5.6 type vlan id 6
k() { echo "a: ethtool -k $1"; ip netns exec a ethtool -k $1 | grep -v 'fixed\]$\|nocache\|rx-gro-list\|udp-gro'; }
for d in v0.5 v0.5.6 d0.5; do k $d; a ethtool -i $d; a ip -d link show $d; done
q a ethtool -K v0 txvlan off
q a ethtool -K v0 tso off
k v0.5
q a ethtool -K v0 tx off
k v0.5
k v0.5.6
q a ethtool -K v0 sg off
k v0.5
q a ethtool -K v0 tx on sg on tso on
k v0.5.6
