# pimd, unmodified, on two routers between a sender and a receiver. The receiver's is the rendezvous point: the sender's tells it of the
# first packets in register messages, and then forwards along the shortest path. pimd.sh PIMD; its lines compare with pimd.txt (Linux 6.18).
# It takes pimd about half a minute, most of which is waiting for its timers.
set -u
pimd=$1
P=pim$$
n() { ip netns exec $P-$1 "${@:2}"; }
for h in s r q b; do ip netns add $P-$h; n $h ip link set lo up; done
link() { # left-host left-dev right-host right-dev net
 ip -n $P-$1 link add $2 type veth peer name $4 netns $P-$3
 ip -n $P-$1 addr add 10.2.$5.1/24 dev $2; ip -n $P-$3 addr add 10.2.$5.2/24 dev $4
 ip -n $P-$1 link set $2 up; ip -n $P-$3 link set $4 up
}
link r tos s eth0 1; link r toq q tor 2; link q tob b eth0 3
ip -n $P-s route add default via 10.2.1.1; ip -n $P-b route add default via 10.2.3.1
ip -n $P-r route add 10.2.3.0/24 via 10.2.2.2; ip -n $P-q route add 10.2.1.0/24 via 10.2.2.1
n r sysctl -qw net.ipv4.ip_forward=1; n q sysctl -qw net.ipv4.ip_forward=1
for h in r q; do n $h sh -c "for f in /proc/sys/net/ipv4/conf/*/rp_filter; do echo 0 >\$f; done"; done
T=$(mktemp -d)
# The receiver's router is the rendezvous point: the sender's registers there.
printf 'hello-interval 10\nigmp-query-interval 2\nrp-address 10.2.2.2 224.0.0.0/4\nspt-threshold packets 0 interval 5\n' > $T/pimd.conf
for h in r q; do mkdir $T/$h; ip netns exec $P-$h unshare -m sh -c "mount -t tmpfs none /run 2>/dev/null; exec $pimd -f -c $T/pimd.conf" > $T/$h/log 2>&1 & eval "p_$h=$!"; done
cat > $T/recv.py <<'E'
import socket,struct,sys,time
s=socket.socket(socket.AF_INET,socket.SOCK_DGRAM)
s.bind(('',5000)); i=socket.if_nametoindex('eth0')
s.setsockopt(0,socket.IP_ADD_MEMBERSHIP,socket.inet_aton(sys.argv[1])+bytes(4)+struct.pack('i',i))
s.settimeout(60)
print('ready',flush=True)
n=0
try:
    while n<50: s.recv(2000); n+=1
except TimeoutError: pass
print(n,'datagrams for',sys.argv[1],flush=True)
E
cat > $T/send.py <<'E'
import socket,struct,sys,time
s=socket.socket(socket.AF_INET,socket.SOCK_DGRAM)
s.setsockopt(0, socket.IP_MULTICAST_TTL, 8)
s.setsockopt(0,socket.IP_MULTICAST_IF,struct.pack('4s4si',bytes(4),bytes(4),socket.if_nametoindex('eth0')))
for k in range(1300): s.sendto(b'x'*1000,(sys.argv[1],5000)); time.sleep(0.05)
E
ip netns exec $P-b timeout 70 python3 $T/recv.py 239.7.7.7 > $T/b.out 2>&1 & rp=$!
ip netns exec $P-s timeout 70 python3 $T/send.py 239.7.7.7 & sp=$!
wait $rp; cat $T/b.out
# by the shortest path, once the register messages have stopped
for i in $(seq 300); do
 ip -n $P-r mroute show | grep -q 'Oifs: toq  State' && ip -n $P-q mroute show | grep -q 'Iif: tor ' && break
 sleep 0.1
done
kill $sp
for h in r q; do echo "router $h"; ip -n $P-$h mroute show; n $h cat /proc/net/ip_mr_vif | cut -c1-13; done
kill $p_r $p_q; wait $p_r $p_q
for h in s r q b; do ip netns del $P-$h; done
rm -r $T
