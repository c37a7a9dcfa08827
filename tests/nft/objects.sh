# Named counters, quotas and limits, the same within rules and elements; numgen, jhash, last; what resets.
t() { echo "# $*"; "$@" 2>&1; }
ip link set lo up
nft -f - <<X
table ip t {
	counter c1 { comment "first"; }
	counter c2 { packets 5 bytes 500 }
	quota q1 { over 400 bytes }
	quota q2 { until 1 mbytes used 10 bytes }
	limit l1 { rate 3/minute burst 2 packets }
	limit l2 { rate over 1 kbytes/minute burst 300 bytes }
	map which { type ipv4_addr : counter; elements = { 127.0.0.2 : "c1", 127.0.0.3 : "c2" }; }
	map lim { type inet_service : limit; flags interval; elements = { 100-200 : "l1" }; }
	set each { type ipv4_addr; flags dynamic; size 10; }
	set both { type ipv4_addr; counter; quota 250 bytes; elements = { 127.0.0.7, 127.0.0.8 }; }
	chain i {
		type filter hook input priority 0;
		ip daddr 127.0.0.9 counter name c1
		counter name ip daddr map @which
		udp dport 53 quota name "q1" counter
		udp dport 53 quota name "q2" counter
		limit name udp dport map @lim counter
		udp dport 54 limit name "l2" counter
		udp dport 55 limit rate 2/minute burst 4 packets counter
		udp dport 55 limit rate over 2/minute burst 4 packets counter
		udp dport 56 quota 200 bytes counter
		udp dport 56 quota over 200 bytes counter
		ip daddr 127.0.0.5 add @each { ip daddr limit rate 1/hour burst 3 packets } counter
		ip daddr @both counter
		numgen inc mod 3 vmap { 0 : jump a, 1 : jump b, 2 : continue }
		numgen inc mod 4 offset 10 12 counter
		meta mark set jhash ip daddr . udp dport mod 8 seed 0x12345678 offset 100
		meta mark { 100, 101, 102, 103, 104, 105, 106, 107 } jump m
	}
	chain a { counter; }
	chain b { counter; }
	chain m { meta mark 100 counter; meta mark 101 counter; meta mark 102 counter; meta mark 103 counter; meta mark 104 counter; meta mark 105 counter; meta mark 106 counter; meta mark 107 counter; }
}
X
python3 - <<'X'
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_IP, 11, 1)
for host in ["127.0.0.1", "127.0.0.2", "127.0.0.3", "127.0.0.5", "127.0.0.7", "127.0.0.9"]:
    for port in [53, 54, 55, 56, 100, 150, 200, 201]:
        for n in range(3):
            try: s.sendto(b"x" * 40, (host, port))
            except OSError: pass
X
t nft -a list ruleset
t nft list counters
t nft list counter ip t c1
t nft list quotas
t nft list limits ip
t nft reset counter ip t c1
t nft list counter ip t c1
t nft reset quotas
t nft list quotas
t nft reset counters
t nft list counters
t nft add counter ip t c1
t nft create counter ip t c1
t nft add quota ip t q1 '{ over 800 bytes; }'
t nft list quota ip t q1
t nft delete counter ip t c1
t nft delete limit ip t nosuch
t nft add element ip t which '{ 1.1.1.1 : "nosuch" }'
t nft add element ip t which '{ 127.0.0.2 : "c2" }'
t nft delete element ip t which '{ 127.0.0.2, 127.0.0.3 }'
t nft delete counter ip t c2
t nft add ct helper ip t h '{ type "ftp" protocol tcp; }' | head -1
t nft add rule ip t a last
t nft add rule ip t a last used 5s
t nft list chain ip t a | sed 's/used .*s/used T/'
t nft add rule ip t a numgen random mod 0 1
t nft add rule ip t a meta mark set numgen random mod 4294967295 offset 7
t nft add rule ip t a meta mark set symhash mod 2
t nft add rule ip t a meta mark set jhash ip saddr mod 2
t nft add rule ip t a limit rate 10/second
t nft add rule ip t a limit rate over 10 mbytes/second burst 5 kbytes
t nft add rule ip t a limit rate 0/second
t nft list chain ip t a | sed 's/used .*s/used T/'
t nft flush chain ip t i
t nft delete limit ip t l1
t nft delete map ip t lim
t nft delete limit ip t l1
t nft list limits
t nft delete table ip t
t nft list ruleset
