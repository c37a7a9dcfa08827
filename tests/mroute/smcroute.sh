# smcrouted, unmodified: a static multicast router between a sender and two receivers, both families, one entry made on demand.
# smcroute.sh SMCROUTED; prints lines that compare with smcroute.txt (Linux 6.18).
set -u
smc=$1
P=smc$$
n() { ip netns exec $P-$1 "${@:2}"; }
for h in s r a b; do ip netns add $P-$h; n $h ip link set lo up; n $h sh -c 'echo 0 >/proc/sys/net/ipv6/conf/all/accept_dad; echo 0 >/proc/sys/net/ipv6/conf/default/accept_dad'; done
i=1
for h in s a b; do
 ip -n $P-r link add to$h type veth peer name eth0 netns $P-$h
 ip -n $P-r addr add 10.1.$i.254/24 dev to$h; ip -n $P-$h addr add 10.1.$i.1/24 dev eth0
 ip -n $P-r addr add 2001:db8:$i::fe/64 dev to$h nodad; ip -n $P-$h addr add 2001:db8:$i::1/64 dev eth0 nodad
 ip -n $P-r link set to$h up; ip -n $P-$h link set eth0 up
 ip -n $P-$h route add default via 10.1.$i.254
 i=$((i+1))
done
T=$(mktemp -d)
cat > $T/smc.conf <<E
phyint tos enable
phyint toa enable
phyint tob enable
mgroup from tos group 239.7.7.7
mroute from tos source 10.1.1.1 group 239.7.7.7 to toa tob
mroute from tos group 239.8.0.0/16 to toa
mroute from tos source 2001:db8:1::1 group ff0e::7 to toa tob
E
ip netns exec $P-r $smc -n -l debug -f $T/smc.conf -u $T/sock -P $T/pid > $T/log 2>&1 &
SP=$!
for i in $(seq 50); do [ -S $T/sock ] && break; sleep 0.1; done
ip -n $P-r mroute show; ip -n $P-r -6 mroute show
cat > $T/recv.py <<'E'
import socket,struct,sys
v6=':' in sys.argv[1]
s=socket.socket(socket.AF_INET6 if v6 else socket.AF_INET,socket.SOCK_DGRAM)
s.bind(('::' if v6 else '',5000)); i=socket.if_nametoindex('eth0')
if v6: s.setsockopt(41,socket.IPV6_JOIN_GROUP,socket.inet_pton(10,sys.argv[1])+struct.pack('i',i))
else: s.setsockopt(0,socket.IP_ADD_MEMBERSHIP,socket.inet_aton(sys.argv[1])+bytes(4)+struct.pack('i',i))
s.settimeout(float(sys.argv[2]))
print('ready',flush=True)
n=0
try:
    while n<100: s.recv(2000); n+=1
except TimeoutError: pass
print(n,'datagrams for',sys.argv[1])
E
cat > $T/send.py <<'E'
import socket,struct,sys,time
g=sys.argv[1]; v6=':' in g
s=socket.socket(socket.AF_INET6 if v6 else socket.AF_INET,socket.SOCK_DGRAM)
s.setsockopt(41 if v6 else 0, socket.IPV6_MULTICAST_HOPS if v6 else socket.IP_MULTICAST_TTL, 8)
i=socket.if_nametoindex('eth0')
if v6: s.setsockopt(41,socket.IPV6_MULTICAST_IF,i)
else: s.setsockopt(0,socket.IP_MULTICAST_IF,struct.pack('4s4si',bytes(4),bytes(4),i))
for k in range(100): s.sendto(b'x'*1000,(g,5000)); time.sleep(0.002)
E
for g in 239.7.7.7 239.8.1.1 ff0e::7; do
 # who is not to get any waits for no longer than the sender takes
 ip netns exec $P-a timeout 40 python3 $T/recv.py $g 30 > $T/a.out 2>&1 & ra=$!
 ip netns exec $P-b timeout 40 python3 $T/recv.py $g $([ $g = 239.8.1.1 ] && echo 3 || echo 30) > $T/b.out 2>&1 & rb=$!
 for i in $(seq 100); do grep -q ready $T/a.out && grep -q ready $T/b.out && break; sleep 0.1; done
 n s python3 $T/send.py $g
 wait $ra $rb
 cat $T/a.out $T/b.out | grep -v ready
done
ip -n $P-r -s mroute show | sed 's/Age.*/Age/'; ip -n $P-r -s -6 mroute show | sed 's/Age.*/Age/'
kill $SP; wait $SP; sed 's/.*: //' $T/log | grep 'multicast data\|Add 10'
echo left: $(ip -n $P-r mroute show; ip -n $P-r -6 mroute show)
for h in s r a b; do ip netns del $P-$h; done
rm -r $T
