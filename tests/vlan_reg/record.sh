# As root in a kernel with 802.1Q, GVRP and MVRP (a virtual machine whose clock skips idle time): bash record.sh >states.txt
# See record.py, which does the asking, for what states.txt says.
ip netns add a
ip netns add b
ip link add a0 netns a address 02:00:00:00:00:01 type veth peer name b0 netns b address 02:00:00:00:00:02
for n in a b; do
	ip netns exec $n sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
	ip -n $n link set ${n}0 up
done
ip -n a link add link a0 name v5 up type vlan id 5
ip -n a link add link a0 name v9 up type vlan id 9 mvrp on
exec python3 record.py
