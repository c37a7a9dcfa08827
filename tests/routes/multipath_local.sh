# Connections and datagrams of our own over two equal ways: spread by their ports when the policy says so, each socket's packets all on one way.
set -u
ip netns add a; ip netns add b
for n in a b; do ip netns exec $n sysctl -qw net.ipv6.conf.all.accept_dad=0 net.ipv6.conf.default.accept_dad=0 net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.default.rp_filter=0; ip -n $n link set lo up; done
for i in 1 2; do
	ip -n a link add v$i address 02:00:00:00:00:0$i type veth peer name w$i address 02:00:00:00:01:0$i netns b
	ip -n a link set v$i up; ip -n b link set w$i up
	ip -n a addr add 10.0.$i.1/24 dev v$i; ip -n b addr add 10.0.$i.2/24 dev w$i
	ip -n a addr add 2001:db8:$i::1/64 dev v$i nodad; ip -n b addr add 2001:db8:$i::2/64 dev w$i nodad
done
ip -n a addr add 10.9.0.1/32 dev lo; ip -n a addr add 2001:db8:9::1/128 dev lo nodad
ip -n b addr add 10.8.0.1/32 dev lo; ip -n b addr add 2001:db8:8::1/128 dev lo nodad
ip -n a route add 10.8.0.1 src 10.9.0.1 nexthop via 10.0.1.2 nexthop via 10.0.2.2
ip -n b route add 10.9.0.1 nexthop via 10.0.1.1 nexthop via 10.0.2.1
ip -n a route add 2001:db8:8::1 src 2001:db8:9::1 nexthop via 2001:db8:1::2 nexthop via 2001:db8:2::2
ip -n b route add 2001:db8:9::1 nexthop via 2001:db8:1::1 nexthop via 2001:db8:2::1
cat >$TMP6/flows.py <<'END'
import select, socket, time
taps = []
for dev in ("v1", "v2"):
    t = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(3))
    t.bind((dev, 3))
    taps.append(t)
def count(port, n, end):
    """Adds what goes out from that port, by either way; of other sockets and neighbours nothing."""
    for t in select.select(taps, [], [], max(0, end - time.monotonic()))[0]:
        data, where = t.recvfrom(200)
        at, kind = ((data[0] & 15) * 4, data[9]) if data[0] >> 4 == 4 else (40, data[6])
        n[taps.index(t)] += where[2] == socket.PACKET_OUTGOING and kind in (6, 17) and data[at:at + 2] == port.to_bytes(2, "big")
for f, to in ((socket.AF_INET, "10.8.0.1"), (socket.AF_INET6, "2001:db8:8::1")):
    for kind, port, least in ((socket.SOCK_STREAM, 80, 3), (socket.SOCK_DGRAM, 9, 5)):
        both = one = 0
        for i in range(20):
            s = socket.socket(f, kind)
            s.connect((to, port))
            for k in range(5): s.send(b"x")
            n, end = [0, 0], time.monotonic() + 20
            while sum(n) < least and time.monotonic() < end:
                count(s.getsockname()[1], n, end)
            both += min(n) > 0
            one += n[0] > n[1]
            s.close()
        print("IPv%d %s: of 20 sockets %s on both ways; %s" % (4 if f == socket.AF_INET else 6, "TCP" if kind == socket.SOCK_STREAM else "UDP", both or "none",
              "both ways were used" if 1 < one < 19 else "one way took %d" % max(one, 20 - one)))
END
cat >$TMP6/server.py <<'END'
import socket, time
keep = []
for f, a in ((socket.AF_INET, "10.8.0.1"), (socket.AF_INET6, "2001:db8:8::1")):
    s = socket.socket(f); s.bind((a, 80)); s.listen(200); keep.append(s)
    s = socket.socket(f, socket.SOCK_DGRAM); s.bind((a, 9)); keep.append(s)
print("ready", flush=True)
time.sleep(100)
END
coproc S { ip netns exec b python3 -B $TMP6/server.py; }
read -r line <&${S[0]}
for policy in 0 1; do
	for n in a b; do ip netns exec $n sysctl -qw net.ipv4.fib_multipath_hash_policy=$policy net.ipv6.fib_multipath_hash_policy=$policy; done
	echo "== policy $policy"
	ip netns exec a python3 -B $TMP6/flows.py
done
kill $S_PID
