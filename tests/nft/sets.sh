# Sets and maps: hash, intervals, concatenations with ranges, verdict maps, timeouts, expressions of elements; adding, deleting, refusing.
t() { echo "# $*"; "$@" 2>&1; }
ip link set lo up
nft -f - <<X
table ip t {
	set a { type ipv4_addr; elements = { 1.1.1.1, 2.2.2.2 }; }
	set b { type ipv4_addr; flags interval; elements = { 1.0.0.0/8, 5.5.5.5-5.5.5.9, 200.0.0.0/5 }; }
	map m { type inet_service : verdict; elements = { 80 : accept, 81 : jump c, 82 : drop }; }
	map d { type ipv4_addr : mark; flags timeout; timeout 1h; elements = { 9.9.9.9 comment "hey" : 7 }; }
	set cc { type ipv4_addr . inet_service; flags interval; counter; size 100; elements = { 1.1.1.0/24 . 80-90, 2.2.2.2 . 443 }; }
	set dd { type ipv4_addr; flags dynamic,timeout; size 65535; timeout 5m; }
	chain c { ip saddr { 7.7.7.7, 8.8.8.8 } accept; ip saddr @b drop; tcp dport vmap @m; meta mark set ip saddr map @d; }
}
X
t nft -a list ruleset | sed 's/expires [0-9hms]*/expires T/g'
t nft add element ip t a '{ 3.3.3.3, 4.4.4.4 }'
t nft add element ip t a '{ 3.3.3.3 }'
t nft create element ip t a '{ 3.3.3.3 }'
t nft delete element ip t a '{ 9.9.9.9 }'
t nft delete element ip t a '{ 1.1.1.1 }'
t nft get element ip t a '{ 2.2.2.2 }'
t nft get element ip t a '{ 1.1.1.1 }'
t nft list set ip t a
t nft add element ip t b '{ 5.5.5.7 }'
t nft add element ip t b '{ 5.5.5.0-5.5.5.20 }'
t nft add element ip t b '{ 5.5.5.10-5.5.5.20, 10.0.0.0/8, 255.255.255.255 }'
t nft get element ip t b '{ 5.5.5.6 }'
t nft get element ip t b '{ 10.2.3.4 }'
t nft get element ip t b '{ 11.2.3.4 }'
t nft delete element ip t b '{ 5.5.5.5-5.5.5.9 }'
t nft delete element ip t b '{ 10.0.0.0/9 }'
t nft list set ip t b
t nft add element ip t cc '{ 1.1.1.5 . 85 }'
t nft add element ip t cc '{ 1.1.1.0/24 . 80-90 }'
t nft add element ip t cc '{ 1.1.1.0/24 . 91-99 }'
t nft get element ip t cc '{ 1.1.1.9 . 95 }'
t nft delete element ip t cc '{ 2.2.2.2 . 443 }'
t nft list set ip t cc
t nft add element ip t m '{ 80 : drop }'
t nft add element ip t m '{ 83 : goto nosuch }'
t nft delete set ip t b
t nft delete chain ip t c
t nft add set ip t a '{ type ipv6_addr; }'
t nft create set ip t a '{ type ipv4_addr; }'
t nft add set ip t s '{ type ipv4_addr; size 2; }'
t nft add element ip t s '{ 1.1.1.1, 2.2.2.2, 3.3.3.3 }'
t nft add element ip t s '{ 1.1.1.1 timeout 5s }'
t nft list set ip t s
t nft delete set ip t nosuch
t nft add set ip t v '{ typeof ip saddr . meta mark; flags interval; auto-merge; }'
t nft add map ip t cm '{ type ipv4_addr . inet_service : verdict; flags interval; elements = { 10.0.0.0/8 . 1-1000 : accept, * : drop }; }'
t nft list map ip t cm
t nft add set ip t ca '{ type ipv4_addr; elements = { 1.2.3.4, * }; }'
t nft add set ip t many '{ type ipv4_addr; flags interval; }'
python3 -c "
for i in range(3000): print('add element ip t many { 10.%d.%d.0/26 }' % (i // 200, i % 200))
" | nft -f -
nft list set ip t many | tr ',' '\n' | grep -c 10\\.
t nft get element ip t many '{ 10.3.77.9 }'
t nft get element ip t many '{ 10.3.77.64 }'
t nft flush set ip t many
t nft list set ip t many
t nft -f - <<X
delete chain ip t c
delete set ip t b
delete map ip t m
X
t nft list ruleset | sed 's/expires [0-9hms]*/expires T/g'
nft flush ruleset
echo "# packets"
nft -f - <<X
table ip f {
	set hosts { type ipv4_addr; elements = { 127.0.0.2, 127.0.0.3 }; }
	set nets { type ipv4_addr; flags interval; counter; elements = { 127.1.0.0/16, 127.2.0.5-127.2.0.9, 127.9.0.0-127.255.255.255 }; }
	set pairs { type ipv4_addr . inet_service; flags interval; elements = { 127.0.4.0/24 . 1000-2000, 127.0.5.7 . 99 }; }
	map marks { type ipv4_addr : mark; elements = { 127.0.0.2 : 2, 127.0.0.3 : 3 }; }
	map go { type inet_service : verdict; elements = { 70 : jump seventy, 71 : drop, 72-79 : accept }; flags interval; }
	set seen { type ipv4_addr; flags dynamic; size 3; counter; }
	set seen2 { type ipv4_addr . inet_service; flags dynamic,timeout; timeout 1h; }
	map learned { type ipv4_addr : inet_service; flags dynamic; size 100; }
	chain seventy { counter; }
	chain i { type filter hook input priority 0; policy accept;
		ip daddr @hosts counter
		ip daddr != @hosts counter
		ip daddr @nets counter
		ip daddr . udp dport @pairs counter
		meta mark set ip daddr map @marks
		meta mark 3 counter
		udp dport vmap @go
		udp dport { 70, 80, 90-95 } counter
		ip daddr . udp dport { 127.0.0.2 . 80, 127.0.0.3 . 90 } counter
		ip daddr 127.7.0.0/16 add @seen { ip daddr } counter
		ip daddr 127.7.0.0/16 update @seen2 { ip daddr . udp dport } counter
		ip daddr 127.7.0.0/16 add @learned { ip daddr : udp dport }
		ip daddr 127.7.0.9 delete @seen { ip daddr }
		counter
	}
}
X
python3 - <<'X'
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for host in ["127.0.0.1", "127.0.0.2", "127.0.0.3", "127.1.2.3", "127.2.0.4", "127.2.0.5", "127.2.0.9", "127.2.0.10", "127.200.0.1", "127.255.255.254", "127.0.4.9", "127.0.5.7",
             "127.7.0.1", "127.7.0.2", "127.7.0.3", "127.7.0.4", "127.7.0.1", "127.7.0.9"]:
    for port in [70, 71, 75, 80, 90, 95, 99, 1000, 2000, 2001]:
        try: s.sendto(b"x" * port, (host, port))
        except OSError: pass
X
nft list ruleset | sed 's/expires [0-9hms]*/expires T/g'
