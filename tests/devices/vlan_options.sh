# VLAN flags and priorities: each flag on and off, alone and in twos; the maps; what comes of bindings when the device below moves.
. ./lib.sh
spaces a b
q a ip link add v0 type veth peer name v1 netns b
for f in reorder_hdr loose_binding bridge_binding; do
	a ip link add link v0 name v0.2 type vlan id 2 $f on
	a ip -d link show v0.2
	a ip link set v0.2 type vlan $f off
	a ip -d link show v0.2
	a ip link set v0.2 type vlan $f on
	a ip -d link show v0.2
	q a ip link del v0.2
	a ip link add link v0 name v0.2 type vlan id 2 $f off
	a ip -d link show v0.2
	q a ip link del v0.2
done
a ip link add link v0 name v0.0 type vlan id 0
a ip link add link v0 name v0.4094 type vlan id 4094
a ip -d link show v0.0
a ip link add link v0 name x type vlan protocol 802.1x id 3
a ip link add link v0 name x type vlan protocol ip id 3
a ip link add link v0 name x type vlan proto 802.1AD id 3
a ip -d link show x
a ip link add link v0 name v0.4 address 02:00:00:00:00:04 type vlan id 4
a ip -d link show v0.4
a ip link add link v0 name v0.x address 01:00:00:00:00:04 type vlan id 44
a ip link add link v0 name v0.x address 00:00:00:00:00:00 type vlan id 44
a ip link show v0.x
a ip link add link v0 name v0.9 mtu 60 type vlan id 9
a ip -d link show v0.9
a ip link set v0.9 mtu 0
a ip -d link show v0.9
echo "-- loose"
q a ip link add link v0 name loose type vlan id 10 loose_binding on
a ip link set loose up
settle
a ip link show loose
a ip link set v0.4 up
q a ip link set v0 up
q b ip link set v1 up
settle
a ip link show loose
a ip link show v0.4
q a ip link set v0 down
settle
a ip link show loose
a ip link show v0.4
q a ip link set loose type vlan loose_binding off
a ip link show loose
q a ip link set v0 up
settle
a ip link show loose
q a ip link set v0 down
settle
a ip link show loose
echo "-- bridge binding"
q a ip link add link v0 name bind type vlan id 11 bridge_binding on
q a ip link set v0 up
a ip link set bind up
settle
a ip link show bind
a ip link set bind type vlan bridge_binding off
settle
a ip link show bind
a ip link set bind down
a ip link set bind up
settle
a ip link show bind
a ip link set bind type vlan bridge_binding on
settle
a ip link show bind
echo "-- maps"
q a ip link add link v0 name q type vlan id 12
a ip link set q type vlan ingress-qos-map 0:1 1:2 2:3 3:4 4:5 5:6 6:7 7:0
a ip -d link show q
a ip link set q type vlan ingress-qos-map 8:4 9:4294967295
a ip -d link show q
a ip link set q type vlan egress-qos-map 0:1 1:2 16:3 17:4 100000:5 4294967295:6
a ip -d link show q
a cat /proc/net/vlan/q
a ip link set q type vlan egress-qos-map 16:0 17:8
a ip -d link show q
a ip link set q type vlan egress-qos-map 1
a ip link set q type vlan egress-qos-map x:1
a cat /proc/net/vlan/q
echo "-- priorities on the wire"
q b ip link add link v1 name q type vlan id 12 ingress-qos-map 5:9
q a ip link set q type vlan egress-qos-map 6:5
for n in a b; do q $n ip link set q up; done
q a ip addr add 10.0.12.1/24 dev q
q b ip addr add 10.0.12.2/24 dev q
settle
cat >$tmp/see.py <<'P'
import socket, struct, sys
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
s.setsockopt(263, 8, 1)  # PACKET_AUXDATA
s.bind(("v1", 3)); s.settimeout(20 if sys.argv[1:] else None)
print("ready", flush=True)
while True:
    d, c, _, a = s.recvmsg(2000, 200)
    if a[2] == 4: continue
    aux = struct.unpack("IIIHHHH", c[0][2])
    if d[12:14] == b"\x08\0" and d[23] == 17:
        print("tci %04x tpid %04x valid %d" % (aux[5], aux[6], bool(aux[0] & 0x10)))
        break
P
for tos in 0 0x10 0x08 0xb8; do
	ip netns exec b $limit python3 $tmp/see.py $WEFT >$tmp/seen & pid=$!
	while ! grep -q ready $tmp/seen; do kill -0 $pid || break; sleep 0.1; done
	q a python3 -c "import socket; s=socket.socket(2,2); s.setsockopt(0,1,$tos); s.sendto(b'x',('10.0.12.2',9))"
	wait $pid; echo "tos $tos: $(grep -v ready $tmp/seen)"
done
echo "-- registration with the bridges on the link"
cat >$tmp/asks.py <<'P'
import socket, subprocess, sys
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
s.bind(("v1", 3)); s.settimeout(20 if sys.argv[1:] else None)
known = set()
def until_said(protocols, *command):
    subprocess.run(["ip", "-n", "a", "link", *command], check=True)
    while protocols:
        d, a = s.recvfrom(2000)
        d = d[14:].rstrip(b"\0").hex() if d[:6] == b"\1\x80\xc2\0\0\x21" and a[2] != 4 else None
        if d and d not in known: # each is said twice, MVRP's each second
            known.add(d)
            protocols -= 1
            print("%s: %s" % ("GVRP" if d[:4] == "4242" else "MVRP", d), flush=True)
until_said(1, "add", "link", "v0", "name", "g", "up", "type", "vlan", "id", "300", "gvrp", "on")
print(subprocess.run("ip -n a -d link show g | tail -1 | cut -d' ' -f5-10", shell=True, capture_output=True, text=True).stdout, end="")
until_said(1, "set", "g", "type", "vlan", "mvrp", "on")
until_said(1, "set", "g", "type", "vlan", "gvrp", "off")
print(subprocess.run("ip -n a -d link show g | tail -1 | cut -d' ' -f5-10", shell=True, capture_output=True, text=True).stdout, end="")
until_said(1, "del", "g")
P
q b ip link set v1 up
ip netns exec b $limit python3 $tmp/asks.py $WEFT
a ip maddr show dev v0
