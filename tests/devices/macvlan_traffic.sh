# Packets between macvlans of one device, with the world outside, and with the device below; by mode.
. ./lib.sh
host_and_outside x y z
n=1
for s in x y z; do
	q h ip link add link v0 name m0 address 02:00:00:00:01:0$n netns $s type macvlan mode bridge
	q $s ip addr add 10.0.0.$n/24 brd + dev m0
	q $s ip link set m0 up
	n=$((n+1))
done
settle
echo "-- bridge"
p x 10.0.0.2
p x 10.0.0.9
p o 10.0.0.1
p x 10.0.0.8
p h 10.0.0.1
echo "-- y is private, z is vepa"
q y ip link set m0 type macvlan mode private
q z ip link set m0 type macvlan mode vepa
for s in x y z; do q $s ip neigh flush all; done
p x 10.0.0.2
p y 10.0.0.1
p x 10.0.0.3
p z 10.0.0.1
p y 10.0.0.9
p z 10.0.0.9
p o 10.0.0.2
echo "-- the address of another, while up"
x ip link set m0 address 02:00:00:00:00:01
y ip link set m0 address 02:00:00:00:00:01
echo "-- source"
q y ip link set m0 type macvlan mode source
q o ip link set v1 address 02:00:00:00:00:99
q y ip link set m0 type macvlan macaddr add 02:00:00:00:00:99
q o ip neigh flush all
q x ip neigh flush all
p o 10.0.0.1
echo "-- passthru"
for s in x y z; do q $s ip link del m0; done
q h ip addr flush dev v0
q h ip link add link v0 name m0 netns x type macvlan mode passthru
q x ip addr add 10.0.0.1/24 dev m0
q x ip link set m0 up
settle
p x 10.0.0.9
q x ip link set m0 address 02:00:00:00:00:42
p o 10.0.0.1
echo "o: neighbour"; ip netns exec o ip neigh show | cut -d" " -f1-5
echo "-- a VLAN on a macvlan, a macvlan on a VLAN"
q x ip link add link m0 name m0.5 type vlan id 5
q x ip link set m0.5 up
q x ip addr add 10.0.5.1/24 dev m0.5
q o ip link add link v1 name v1.5 type vlan id 5
q o ip link set v1.5 up
q o ip link add link v1.5 name m1 type macvlan mode bridge
q o ip link set m1 up
q o ip addr add 10.0.5.2/24 dev m1
settle
p x 10.0.5.2
p x -s 1472 -M do 10.0.5.2
