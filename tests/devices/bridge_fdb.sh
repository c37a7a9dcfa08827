# The forwarding database: adding, replacing, deleting, flushing, on bridges and on other devices, and what is told of it.
. ./lib.sh
spaces h b c
q h ip link add br0 type bridge
q h ip link set br0 up
for n in b c; do
	q h ip link add v$n address 02:00:00:00:00:0$n type veth peer name e0 address 02:00:00:00:01:0$n netns $n
	q $n ip link set e0 up
	q h ip link set v$n up
	q h ip link set v$n master br0
done
q h ip link add d0 address 02:00:00:00:00:d0 type dummy
settle
ip netns exec h bridge monitor fdb >$tmp/m 2>&1 &
monitor=$!
sleep 0.5
h bridge fdb add 02:00:00:00:00:71 dev vb master
h bridge fdb add 02:00:00:00:00:71 dev vb master
h bridge fdb add 02:00:00:00:00:72 dev vb master static
h bridge fdb add 02:00:00:00:00:73 dev vb master dynamic
h bridge fdb add 02:00:00:00:00:74 dev vb master static sticky
h bridge fdb add 02:00:00:00:00:74 dev vb master permanent sticky
h bridge fdb add 02:00:00:00:00:75 dev vb master extern_learn
h bridge fdb add 02:00:00:00:00:76 dev vb master use
h bridge fdb add 02:00:00:00:00:77 dev br0 self
h bridge fdb add 02:00:00:00:00:78 dev br0 self static
h bridge fdb add 00:00:00:00:00:00 dev vb master
h bridge fdb replace 02:00:00:00:00:72 dev vc master static
h bridge fdb append 02:00:00:00:00:72 dev vb master static
h bridge fdb replace 02:00:00:00:00:79 dev vc master
h bridge fdb add 02:00:00:00:00:7a dev vb vlan 7 master
h bridge fdb add 02:00:00:00:00:7a dev d0 master
h bridge fdb add 02:00:00:00:00:7a dev nosuch master
h bridge fdb add 02:00:00:00:00:7b dev vb
h bridge fdb show br br0
h bridge fdb show brport vc
h bridge fdb show dev vb
h bridge fdb show dynamic
h bridge fdb get 02:00:00:00:00:72 br br0
h bridge fdb get 02:00:00:00:00:72 dev vb
h bridge fdb get 02:00:00:00:00:99 br br0
h bridge fdb get 02:00:00:00:00:72 dev d0
h bridge fdb del 02:00:00:00:00:72 dev vc master
h bridge fdb del 02:00:00:00:00:72 dev vb master
h bridge fdb del 02:00:00:00:00:72 dev vb master
h bridge fdb del 02:00:00:00:00:77 dev br0 self
h bridge fdb del 02:00:00:00:00:0b dev vb master
h bridge fdb show br br0
echo "-- other devices"
h bridge fdb add 02:00:00:00:00:81 dev d0
h bridge fdb add 02:00:00:00:00:81 dev d0 self
h bridge fdb add 01:00:5e:00:00:81 dev d0 self permanent
h bridge fdb add 02:00:00:00:00:82 dev d0 self static
h bridge fdb add 02:00:00:00:00:82 dev d0 self vlan 5
h bridge fdb add 02:00:00:00:00:82 dev lo self
h bridge fdb show dev d0
h bridge fdb del 02:00:00:00:00:81 dev d0 self
h bridge fdb del 02:00:00:00:00:81 dev d0 self
h bridge fdb show dev d0
echo "-- learning, with a limit and without"
q b ip addr add 10.0.0.1/24 dev e0
q c ip addr add 10.0.0.2/24 dev e0
p b 10.0.0.2
h bridge fdb show br br0
h ip link set vb type bridge_slave fdb_flush
h ip link set br0 type bridge fdb_flush
h bridge fdb show br br0
h ip link set vb type bridge_slave learning off
p b 10.0.0.2
h bridge fdb show br br0
kill $monitor
wait $monitor 2>/dev/null
echo "-- told"
grep -v "33:33" $tmp/m | sed 's/^Deleted/deleted/'
