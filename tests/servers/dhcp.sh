# needs: dnsmasq busybox dig
# root: dnsmasq wants other ids
# dnsmasq gives an address to busybox's udhcpc in another namespace, and answers questions.
ip netns add client
ip link add s0 type veth peer name c0 netns client
ip addr add 10.9.0.1/24 dev s0
ip addr add 2001:db8:9::1/64 dev s0 nodad
ip link set s0 up
ip -n client link set c0 address 02:00:00:00:00:09
ip -n client link set c0 up
ip -n client link set lo up
cat >take <<'S'
#!/bin/sh
[ "$1" = bound ] || exit 0
ip addr add "$ip/24" dev "$interface"
ip route add default via "$router"
echo "$ip $subnet $router $dns $domain $lease"
S
chmod +x take
dnsmasq -k -C /dev/null --no-resolv --no-hosts --log-facility=- --user="$(id -un)" --group="$(id -gn)" --pid-file="$PWD/pid" --interface=s0 --bind-interfaces --dhcp-range=10.9.0.50,10.9.0.60,1h --dhcp-host=02:00:00:00:00:09,10.9.0.55 \
	--dhcp-leasefile="$PWD/leases" --domain=lab --address=/www.lab/192.0.2.7 --address=/www.lab/2001:db8::7 --txt-record=t.lab,"$(head -c 200 /dev/zero | tr '\0' t)" --mx-host=lab,mail.lab,5 >log 2>&1 & d=$!
until_ok grep -q started log
ip netns exec client busybox udhcpc -i c0 -s "$PWD/take" -q -n -f 2>/dev/null
ip -n client -4 -br addr show c0
ip netns exec client ping -c 1 -W 5 10.9.0.1 | grep -c ' 0% packet loss'
dig="ip netns exec client dig @10.9.0.1 +short +tries=3"
$dig www.lab A
$dig www.lab AAAA
$dig lab MX
$dig t.lab TXT | wc -c
$dig +tcp www.lab A
ip netns exec client dig @2001:db8:9::1 +short www.lab A >/dev/null 2>&1 || echo "no route"
$dig nothere.lab
ip netns exec client nslookup www.lab 10.9.0.1 | grep -c 192.0.2.7
cut -d' ' -f2,3 leases | head -n 1
kill $d
