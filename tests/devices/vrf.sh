# VRF devices: made, joined and left; their tables and rule; sockets bound to them; traffic inside one, between two, and leaked routes.
. ./lib.sh
out=$tmp/out
spaces a r b
a ip link add vrf0 type vrf
a ip link add vrf0 type vrf table 0
a ip link add vrf0 type vrf table 254
a ip rule show
a ip link add vrf1 type vrf table 10
a ip rule show
a ip -d link show vrf1
a ip link set vrf1 type vrf table 11
a ip link set vrf1 up
a ip link show vrf1
a ip link set vrf1 netns b
a ip link add d0 type dummy
a ip addr add 10.9.0.1/24 dev d0
a ip link set d0 up
a ip route show table all
a ip link set d0 master vrf1
a ip -d link show d0
a ip route show table all
a ip route show vrf vrf1
a ip addr add 10.9.0.2/24 dev d0
a ip route show table 10
a ip route get 10.9.0.7 vrf vrf1
a ip route get 10.9.0.1 vrf vrf1
a ip route get 10.9.0.7
a ip link set lo master vrf1
a ip link set vrf1 master vrf1
a ip link set d0 nomaster
a ip route show table all
a ip link set d0 master vrf1
a ip link add vrf2 type vrf table 10
a ip link del vrf1
a ip link show
a ip route show table all
q a ip link del d0
q a ip link del vrf2
# Two customers with the same addresses behind one router.
q a ip link add v0 type veth peer name v1 netns r
q b ip link add v0 type veth peer name v2 netns r
q a ip addr add 10.0.0.2/24 dev v0
q b ip addr add 10.0.0.2/24 dev v0
q a ip link set v0 up
q b ip link set v0 up
q r ip link add red type vrf table 10
q r ip link add blue type vrf table 20
q r ip link set red up
q r ip link set blue up
q r ip link set v1 master red
q r ip link set v2 master blue
q r ip addr add 10.0.0.1/24 dev v1
q r ip addr add 10.0.0.1/24 dev v2
q r ip link set v1 up
q r ip link set v2 up
q a ip route add default via 10.0.0.1
q b ip route add default via 10.0.0.1
settle
p a 10.0.0.1
p b 10.0.0.1
p r 10.0.0.2
p r -I red 10.0.0.2
p r -I blue 10.0.0.2
p r -I red 10.0.0.1
r ip route show table 10
r ip -br link show vrf red
r ip -s link show blue
echo "-- sockets"
srv() { ip netns exec r $limit python3 -u -c '
import socket,sys
kind,dev=sys.argv[1],sys.argv[2]
s=socket.socket(socket.AF_INET,socket.SOCK_STREAM if kind=="tcp" else socket.SOCK_DGRAM)
s.setsockopt(1,2,1)
if dev!="-": s.setsockopt(socket.SOL_SOCKET,25,dev.encode()+b"\0")
s.bind(("0.0.0.0",7000))
if kind=="tcp":
    s.listen(); print("ready")
    c,_=s.accept(); d=c.getsockopt(socket.SOL_SOCKET,25,16).rstrip(b"\0"); print("from",c.recv(9).decode(),"on",d.decode() or "-"); c.close()
else:
    print("ready"); m,_=s.recvfrom(9); print("from",m.decode())
' $1 $2 2>/dev/null >$out & pid=$!
	while ! grep -q "ready\|Error" $out; do kill -0 $pid || break; sleep 0.1; done; }
cli() { ip netns exec $1 $limit python3 -c '
import os,socket,sys,time
s=socket.socket(socket.AF_INET,socket.SOCK_STREAM if sys.argv[1]=="tcp" else socket.SOCK_DGRAM)
try:
    s.connect(("10.0.0.1",7000)); s.send(sys.argv[2].encode())
    if sys.argv[1]=="tcp": s.recv(1)
    else:
        time.sleep(0.5)
        e=s.getsockopt(socket.SOL_SOCKET,socket.SO_ERROR)
        if e: raise OSError(e,os.strerror(e))
    print("done")
except OSError as e: print(e)
' $2 $1; }
for k in tcp udp; do
	for dev in red -; do
		echo "-- $k server on $dev"
		srv $k $dev
		echo "b:"; cli b $k
		echo "a:"; cli a $k
		kill $pid 2>/dev/null; wait $pid 2>/dev/null
		cat $out
	done
	q r sysctl -w net.ipv4.${k}_l3mdev_accept=1
	echo "-- $k server of all VRFs"
	srv $k -
	echo "b:"; cli b $k
	kill $pid 2>/dev/null; wait $pid 2>/dev/null
	cat $out
done
echo "-- leaks"
q r sysctl -w net.ipv4.ip_forward=1
q r ip link add vx type veth peer name vy
q b ip addr add 10.7.0.1/24 dev lo
q b ip link set lo up
q a ip addr add 10.8.0.1/24 dev lo
q a ip link set lo up
q r ip route add 10.7.0.0/24 vrf red via 10.0.0.2 dev v2
q r ip route add 10.8.0.0/24 vrf blue via 10.0.0.2 dev v1
r ip route show vrf red
p a -I 10.8.0.1 10.7.0.1
q r ip route del 10.8.0.0/24 vrf blue
p a -I 10.8.0.1 10.7.0.1
r ip vrf show
a ip vrf show
