# Spanning tree between two bridges with two links: who is root, which port is closed, what follows when that changes.
. ./lib.sh
spaces h b c
for n in 0 1; do
	q h ip link add br$n address 02:00:00:00:0f:0$n type bridge
	q h ip link set br$n type bridge forward_delay 200 hello_time 100 max_age 600
	q h ip link set br$n up
	q h ip link set br$n type bridge stp_state 1
done
link() { q h ip link add $1 address 02:00:00:00:01:0$3 type veth peer name $2 address 02:00:00:00:01:1$3; for x in $1 $2; do q h ip link set $x up; done; q h ip link set $1 master br0; q h ip link set $2 master br1; }
link x0 x1 1
link y0 y1 2
i=1
for n in b c; do
	q h ip link add v$n address 02:00:00:00:02:0$n type veth peer name e0 address 02:00:00:00:03:0$n netns $n
	q $n ip link set e0 up
	q $n ip addr add 10.0.0.$i/24 dev e0
	q h ip link set v$n up
	q h ip link set v$n master br$((i-1))
	i=$((i+1))
done
states() { ip netns exec h bridge link | sed 's/^[0-9]*: //; s/mtu.*master/master/'; }
roots() {
	local n
	for n in 0 1; do ip netns exec h ip -d link show br$n | grep -o "bridge_id.*topology_change_detected [01]" | sed "s/topology_change.*//; s/^/br$n: /"; done
}
sleep 7
echo "-- settled"
states
roots
p b 10.0.0.2
h ip link set x0 type bridge_slave state 4
echo "-- br1 is to be root"
q h ip link set br1 type bridge priority 4096
sleep 6.5
states
roots
p b 10.0.0.2
echo "-- one link is cut"
q h ip link set x1 down
sleep 11.5
states
p b 10.0.0.2
echo "-- guarded"
q h ip link set y0 type bridge_slave guard on
sleep 2.5
states
echo "-- off"
q h ip link set br0 type bridge stp_state 0
q h ip link set br1 type bridge stp_state 0
q h ip link set y0 type bridge_slave guard off
q h ip link set y0 down
q h ip link set y0 up
settle
states
p b 10.0.0.2
