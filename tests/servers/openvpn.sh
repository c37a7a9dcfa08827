# needs: openvpn ping
# Two of them with a static key over UDP, then TCP: tun and tap devices opened inside.
ip netns add a
ip netns add b
ip link add va netns a type veth peer name vb netns b
ip -n a addr add 10.8.0.1/24 dev va
ip -n b addr add 10.8.0.2/24 dev vb
ip -n a link set va up
ip -n b link set vb up
openvpn --genkey secret key 2>/dev/null
common="--secret key --cipher AES-256-CBC --auth SHA256 --verb 1"
try() {
	ip netns exec a openvpn $common --dev "$1" --proto "$2" $3 --local 10.8.0.1 --remote 10.8.0.2 $5 >la 2>&1 & x=$!
	ip netns exec b openvpn $common --dev "$1" --proto "$4" --local 10.8.0.2 --remote 10.8.0.1 $6 >lb 2>&1 & y=$!
	for i in $(seq 100); do ip netns exec a ping -c 1 -W 1 10.7.0.2 >/dev/null 2>&1 && break; done
	ip netns exec a ping -c 3 -i 0.2 -s 1400 -W 5 10.7.0.2 | grep -c ' 0% packet loss'
	ip -n a -br addr show "$1" | tr -s ' ' | cut -d' ' -f1-3
	kill $x $y
	wait $x $y || true
}
try tun0 udp "" udp "--ifconfig 10.7.0.1 10.7.0.2" "--ifconfig 10.7.0.2 10.7.0.1"
try tap0 udp "" udp "--ifconfig 10.7.0.1 255.255.255.0" "--ifconfig 10.7.0.2 255.255.255.0"
try tun0 tcp-server "" tcp-client "--ifconfig 10.7.0.1 10.7.0.2" "--ifconfig 10.7.0.2 10.7.0.1"
