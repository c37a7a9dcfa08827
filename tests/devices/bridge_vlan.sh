# VLAN filtering: membership, who hears whom, tags in and out, counters, what is told.
. ./lib.sh
spaces h b c d
q h ip link add br0 type bridge
q h ip link set br0 up
i=1
for n in b c d; do
	q h ip link add v$n address 02:00:00:00:00:0$n type veth peer name e0 address 02:00:00:00:01:0$n netns $n
	q $n ip link set e0 up
	q $n ip addr add 10.0.0.$i/24 dev e0
	q h ip link set v$n up
	q h ip link set v$n master br0
	i=$((i+1))
done
q h ip addr add 10.0.0.9/24 dev br0
settle
ip netns exec h stdbuf -oL bridge monitor vlan >$tmp/m 2>&1 &
monitor=$!
sleep 0.5
h bridge vlan
h ip link set br0 type bridge vlan_filtering 1 vlan_stats_enabled 1
p b 10.0.0.2
p b 10.0.0.9
echo "-- c to VLAN 10"
h bridge vlan add vid 10 dev vc pvid untagged
h bridge vlan del vid 1 dev vc
p b 10.0.0.2
p b 10.0.0.3
p c 10.0.0.9
echo "-- b is in it with a tag"
h bridge vlan add vid 10 dev vb
q b ip link add link e0 name e0.10 type vlan id 10
q b ip link set e0.10 up
q b ip addr add 10.0.10.1/24 dev e0.10
q c ip addr add 10.0.10.2/24 dev e0
p b 10.0.10.2
echo "-- and the host"
h bridge vlan add vid 10 dev br0
h bridge vlan add vid 10 dev br0 self
q h ip link add link br0 name br0.10 type vlan id 10
q h ip link set br0.10 up
q h ip addr add 10.0.10.9/24 dev br0.10
p c 10.0.10.9
p b 10.0.10.9
p h 10.0.10.1
echo "-- without a PVID; with a state"
h bridge vlan del vid 10 dev vc
p c 10.0.10.9
h bridge vlan add vid 10 dev vc pvid untagged
h bridge vlan set vid 10 dev vc state blocking
p c 10.0.10.9
h bridge vlan set vid 10 dev vc state forwarding
p c 10.0.10.9
h bridge vlan set vid 11 dev vc state forwarding
echo "-- as it stands"
h bridge -d vlan
echo "h: bridge -s vlan"; ip netns exec h bridge -s vlan | sed 's/[1-9][0-9]* bytes [0-9]* packets/some/'
h bridge -c vlan
h bridge -j vlan
h bridge vlan show dev vc
h bridge vlan global show
h bridge fdb show br br0
h bridge fdb show vlan 10
h bridge fdb add 02:00:00:00:00:71 dev vb master vlan 10
h bridge fdb add 02:00:00:00:00:71 dev vc master vlan 1
h bridge fdb get 02:00:00:00:00:71 br br0 vlan 10
echo "-- ranges and mistakes"
h bridge vlan add vid 20-25 dev vd
h bridge vlan add vid 30-29 dev vd
h bridge vlan add vid 22-23 dev vd untagged
h bridge vlan show dev vd
h bridge -c vlan show dev vd
h bridge vlan del vid 21-30 dev vd
h bridge -c vlan show dev vd
h bridge vlan add vid 4095 dev vd
h bridge vlan add vid 0 dev vd
h bridge vlan add vid 5 dev lo
h bridge vlan add vid 5 dev lo self
h bridge vlan del vid 99 dev vd
h bridge vlan add vid 40 dev vd master self
h bridge vlan show dev br0
echo "-- the default"
h ip link set br0 type bridge vlan_default_pvid 7
h ip link set br0 type bridge vlan_filtering 0
h ip link set br0 type bridge vlan_default_pvid 7
h bridge vlan
h ip link set br0 type bridge vlan_stats_per_port 1
p b 10.0.0.3
kill $monitor
wait $monitor 2>/dev/null
echo "-- told"
cat $tmp/m
