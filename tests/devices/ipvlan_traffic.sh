# Packets between ipvlans of one device, with the world outside, and with the device below; by mode and flag.
. ./lib.sh
host_and_outside x y
n=1
for s in x y; do
	q h ip link add link v0 name i0 netns $s type ipvlan mode l2
	q $s ip addr add 10.0.0.$n/24 brd + dev i0
	q $s ip link set i0 up
	n=$((n+1))
done
settle
counts() { ip -n $1 -s link show $2 | awk 'NR==4 { printf "'$1' '$2' rx %s", $2 } NR==6 { print " tx", $2 }'; }
all() {
	p x 10.0.0.2
	p y 10.0.0.1
	p x 10.0.0.9
	p o 10.0.0.1
	p o 10.0.0.2
	p x 10.0.0.8
	p h 10.0.0.1
	# twice: one whose entry is still there may ask, and be learnt by another that has just forgotten
	for s in h o x y h o x y; do q $s ip neigh flush all; done
}
echo "-- l2"
all
q x ping -c 1 -W 1 10.0.0.9
q x ping -c 3 -i 0.1 -W 1 10.0.0.2
x ip neigh show 10.0.0.2 nud reachable
x ip neigh show 10.0.0.9 nud reachable
p x -b 10.0.0.255
echo "-- l2 private"
q x ip link set i0 type ipvlan mode l2 private
all
echo "-- l2 vepa"
q x ip link set i0 type ipvlan mode l2 vepa
all
echo "-- l3"
q x ip link set i0 type ipvlan mode l3 bridge
all
echo "-- l3, the way out is the lower device's"
q h ip addr add 10.1.0.8/24 dev v0
q o ip addr add 10.1.0.9/24 dev v1
q o ip route add 10.0.0.1 via 10.0.0.8
q x ip route add default dev i0
p x 10.1.0.9
p x 10.2.0.9
q h ip route add 10.2.0.0/24 via 10.1.0.9
q o ip addr add 10.2.0.9/32 dev lo
p x 10.2.0.9
p x 10.0.0.9
p o 10.0.0.1
x ip neigh show dev i0
p x -I i0 224.0.0.1
echo "-- l3 private"
q x ip link set i0 type ipvlan mode l3 private
p x 10.0.0.2
p x 10.0.0.9
echo "-- l3s"
q x ip link set i0 type ipvlan mode l3s bridge
all
p x 10.2.0.9
echo "-- down"
q y ip link set i0 down
p x 10.0.0.2
