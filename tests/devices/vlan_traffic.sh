# Packets through VLANs: plain, stacked, with and without offloads, sizes at the MTU, routed between two VLANs, counters.
. ./lib.sh
spaces a b c
q a ip link add v0 type veth peer name v1 netns b
q a ip link set v0 up
q b ip link set v1 up
q a ip link add link v0 name v0.5 type vlan id 5
q b ip link add link v1 name v1.5 type vlan id 5
q a ip link add link v0 name s0 type vlan protocol 802.1ad id 5
q b ip link add link v1 name s1 type vlan protocol 802.1ad id 5
q a ip link add link s0 name s0.7 type vlan id 7
q b ip link add link s1 name s1.7 type vlan id 7
for i in 5:v0.5:v1.5 7:s0.7:s1.7; do
	IFS=: read n x y <<<$i
	q a ip link set $x up
	q b ip link set $y up
	q a ip addr add 10.0.$n.1/24 dev $x
	q b ip addr add 10.0.$n.2/24 dev $y
done
q a ip link set s0 up
q b ip link set s1 up
settle
p a 10.0.5.2
p a 10.0.7.2
p a -s 1472 -M do 10.0.5.2
p a -s 1472 -M do 10.0.7.2
p a -s 4000 10.0.7.2
q a ethtool -K v0 txvlan off
q b ethtool -K v1 rxvlan off
p a -s 1472 -M do 10.0.5.2
q a ethtool -K v0 tx-vlan-stag-hw-insert off
p a -s 1472 -M do 10.0.7.2
q a ip link set v0.5 type vlan reorder_hdr off
p a 10.0.5.2
q b ip link set v1.5 type vlan reorder_hdr off
p a 10.0.5.2
q a ip link set v0.5 type vlan reorder_hdr on
p a 10.0.5.2
q b ip link set v1.5 type vlan reorder_hdr on

# An address of its own on a VLAN device
q b ip link set v1.5 address 02:00:00:00:00:55
p a 10.0.5.2
echo "a: neighbour"; ip netns exec a ip neigh show dev v0.5 | cut -d" " -f1-3
# A VLAN device in another namespace than the device it stands on
q b ip link set v1.5 netns c
q c ip link set v1.5 up
q c ip addr add 10.0.5.3/24 dev v1.5
settle
p a 10.0.5.3
p a 10.0.5.2
# From one VLAN to another by a router
q b sysctl -w net.ipv4.ip_forward=1
q b ip link add link v1 name v1.9 type vlan id 9
q b ip link set v1.9 up
q b ip addr add 10.0.9.2/24 dev v1.9
q c ip link add link v1.5 name t5 type vlan id 50
q c ip link set t5 up
q c ip addr add 10.0.50.1/24 dev t5
q a ip link add link v0.5 name t5 type vlan id 50
q a ip link set t5 up
q a ip addr add 10.0.50.2/24 dev t5
settle
p a 10.0.50.1
c ip -s link show t5
