# Captures by the real programs; run in a namespace that setup.sh made. $1: scratch folder.
tmp=$1
# capture NAME ARGS…: starts tcpdump, returns when it listens.
capture() {
	rm -f $tmp/err
	timeout 30 tcpdump -n -Z root "$@" >$tmp/out 2>$tmp/err &
	dump=$!
	n=0
	until grep -qs "listening on" $tmp/err || ! kill -0 $dump 2>/dev/null || [ $n = 600 ]; do n=$((n + 1)); sleep 0.02; done
}
# What it saw, once it has ended by itself, or is told to.
seen() {
	[ "$1" ] && kill -$1 $dump
	wait $dump
	echo "exit $?"
	cat $tmp/out
	grep -v 'verbose output\|received by filter' $tmp/err # what is received after the last one wanted is a matter of time
}
echo "== ethernet"
capture -e -t -i a0 -c 6 arp or icmp
ping -q -c 2 -i 0.2 10.9.0.2 >/dev/null
seen
echo "== any"
capture -t -i any -c 4 icmp
ping -q -c 1 127.0.0.1 >/dev/null; ping -q -c 1 10.9.0.2 >/dev/null
seen
echo "== directions"
for q in in out; do
	capture -t -i a0 -Q $q -c 2 icmp
	ping -q -c 2 -i 0.2 10.9.0.2 >/dev/null
	seen
done
echo "== at once, cut, to a file and back"
capture --immediate-mode -i a0 -s 60 -U -w $tmp/file -c 4 icmp
ping -q -c 2 -i 0.2 -s 1000 10.9.0.2 >/dev/null
seen
tcpdump -n -t -r $tmp/file 2>/dev/null
echo "== a connection"
rm -f $tmp/up
ip netns exec b python3 -c 'import socket; s = socket.create_server(("10.9.0.2", 80)); print("up", flush=True); c = s.accept()[0]; c.sendall(c.recv(9).upper()); c.recv(1)' >$tmp/up &
server=$!
until grep -qs up $tmp/up; do sleep 0.02; done
capture -t -S -i a0 -c 3 'tcp port 80 and tcp[tcpflags] & (tcp-syn|tcp-fin) != 0'
python3 -c 'import socket; c = socket.create_connection(("10.9.0.2", 80)); c.sendall(b"upper"); print(c.recv(9))'
wait $server
seen
echo "== ended by a signal"
capture -t -i lo udp
python3 -c 'import socket; s = socket.socket(2, 2); s.bind(("127.0.0.1", 5555)); s.sendto(b"x" * 100, ("127.0.0.1", 5555)); s.recv(200)'
sleep 1.2 # the time after which a block is handed over is tcpdump's
seen INT
echo "== refused"
for what in '-i nosuch' '-i a0 nonsense' '-i a0 -y IEEE802_11'; do
	timeout 30 tcpdump -n -Z root -c 1 $what 2>&1
	echo "exit $?"
done
ip link set a0 down; timeout 30 tcpdump -n -Z root -c 1 -i a0 2>&1; echo "exit $?"; ip link set a0 up
echo "== promiscuous while it runs"
calm() { n=0; while ! ip -d link show a0 | grep -q 'promiscuity 0' && [ $n -lt 200 ]; do n=$((n + 1)); sleep 0.05; done; }
calm
capture -i a0 -w $tmp/file
ip -d link show a0 | grep -o 'promiscuity [0-9]*'
ip link show a0 | grep -o PROMISC
kill $dump; wait $dump
calm
ip -d link show a0 | grep -o 'promiscuity [0-9]*'
tail -n +2 /proc/net/packet | wc -l
if command -v tshark >/dev/null; then
	echo "== tshark"
	rm -f $tmp/err
	timeout 30 tshark -n -i a0 -c 2 -T fields -e ip.src -e ip.dst -e icmp.type icmp >$tmp/out 2>$tmp/err & dump=$!
	n=0; until grep -qs "Capturing on" $tmp/err && [ $(wc -l </proc/net/packet) -gt 1 ] || [ $n = 600 ]; do n=$((n + 1)); sleep 0.05; done
	ping -q -c 6 -i 0.2 10.9.0.2 >/dev/null
	wait $dump; echo "exit $?"; cat $tmp/out
fi
echo "== arping"
arping -I a0 -c 2 10.9.0.2
arping -I a0 -c 1 -w 1 10.9.0.77
arping -D -I a0 -c 1 10.9.0.2; echo "exit $?"
if command -v nmap >/dev/null; then
	echo "== nmap"
	rm -f $tmp/up
	ip netns exec b python3 -c 'import socket, time; s = [socket.create_server(("10.9.0.2", p)) for p in (22, 443)]; print("up", flush=True); time.sleep(600)' >$tmp/up & server=$!
	until grep -qs up $tmp/up; do sleep 0.02; done
	timeout 60 nmap -n -sT -p 22,80,443 10.9.0.2 | grep -v '^Starting\|latency\|scanned in'
	kill $server
fi
if /usr/bin/python3 -c 'import scapy' 2>/dev/null; then
	echo "== scapy"
	/usr/bin/python3 - <<'PY'
import logging
logging.getLogger("scapy.runtime").setLevel(logging.ERROR)
from scapy.all import *
conf.verb = 0
a = srp1(Ether(dst="ff:ff:ff:ff:ff:ff") / ARP(pdst="10.9.0.2"), iface="a0", timeout=5)
print(a[ARP].hwsrc, a[ARP].psrc)
r = sr1(IP(dst="10.9.0.2") / ICMP(id=7, seq=3) / b"scapy", timeout=5)
print(r[ICMP].type, r[ICMP].id, r[ICMP].seq, bytes(r[Raw]))
s = sr1(IP(dst="10.9.0.2") / TCP(sport=1234, dport=81, flags="S"), timeout=5)
print(s[TCP].flags, s[TCP].sport)
got = sniff(iface="a0", count=2, timeout=10, filter="icmp", started_callback=lambda: send(IP(dst="10.9.0.2") / ICMP()))
print([p[ICMP].type for p in got])
PY
fi
