# The tables as /proc/net/fib_trie, fib_triestat and rt_cache show them: before there are routes, local and main in one trie, tables
# of their own, one that became empty, every type and scope, dense prefixes; a rule takes local and main apart.
set -u
x() { ip netns exec n "$@"; }
show() { echo "== $1"; x cat /proc/net/fib_trie /proc/net/fib_triestat; }
ip netns add n
show new
x cat /proc/net/rt_cache
ip -n n link set lo up
ip -n n link add d0 type veth peer name d1
ip -n n link set d0 up; ip -n n link set d1 up
show lo
ip -n n addr add 10.0.0.1/24 dev d0
ip -n n -batch - <<END
route add default via 10.0.0.2
route add 10.0.0.1/32 dev d0
route add 10.0.0.1/32 tos 8 metric 5 dev d0
route add 10.0.0.1/32 tos 16 metric 5 dev d0
route add 20.0.0.0/8 dev d0 table 100
route del 20.0.0.0/8 table 100
route add throw 30.0.0.0/7 table 200
route add 30.0.0.0/8 dev d0 table 200
route add prohibit 30.0.0.0/8 metric 10 table 200
route add unreachable default table default
route add blackhole 10.0.0.0/8
route add multicast 224.0.0.0/4 dev d0
route add local 40.0.0.0/8 dev d0
route add 21.0.0.0/8 dev d0 scope 77
route add 21.0.0.0/8 dev d0 scope site table 300
END
show small
for i in $(seq 0 31); do echo route add 10.2.$i.0/24 dev d0; done | ip -n n -batch -
show dense
ip -n n rule add pref 100 from 1.2.3.4 table 100
show apart
ip -n n route del default
ip -n n link set d0 down
show down
