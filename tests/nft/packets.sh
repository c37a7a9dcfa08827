# What rules do to packets on their way in and out: verdicts, jumps, counters, marks, headers written with their checksums.
ip link set lo up
nft -f - <<X
table ip f {
	chain i { type filter hook input priority filter; policy accept;
		icmp type echo-request ip ttl 64 counter
		ip protocol icmp ip saddr 127.0.0.5 drop
		tcp dport 81 counter drop
		tcp dport 82 tcp flags syn counter
		meta l4proto udp udp dport 53 counter packets 5 bytes 7 jump u
		meta length 100-200 counter
		meta iifname "lo" ip daddr 127.0.0.0/24 counter
	}
	chain u { counter; return; }
	chain o { type filter hook output priority -10; policy accept;
		ip daddr 127.0.0.9 tcp dport 90 ip dscp set 10 meta mark set 7 counter
		tcp dport 83 tcp dport set 82
		udp dport 54 udp dport set 55 ip ttl set 9
		ip daddr 127.0.0.7 ip daddr set 127.0.0.8
		ip daddr 127.0.0.6 counter goto g
		ip daddr 127.0.0.6 counter comment "never"
	}
	chain g { ip protocol udp counter; }
	chain p { type filter hook postrouting priority 0; meta mark 7 counter ip dscp 10 counter; meta oif lo meta skuid 0 counter; }
}
table ip6 s {
	chain i { type filter hook input priority 0; policy drop;
		icmpv6 type echo-request counter accept
		icmpv6 type echo-reply ip6 hoplimit 64 counter accept
		ip6 saddr ::1 ip6 nexthdr udp counter accept
		counter
	}
}
X
ping -c 2 -i 0.01 127.0.0.1 | sed '/rtt/d; s/time.*//'
ping -c 1 -W 0.2 -I 127.0.0.5 127.0.0.1 | grep packets | sed 's/time.*//'
ping -c 2 -i 0.01 ::1 | sed '/rtt/d; s/time.*//'
python3 - <<'X'
import socket, errno
def tcp(host, port, wait):
    s = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    s.settimeout(wait)
    try: s.connect((host, port)); print(host, port, "connected")
    except socket.timeout: print(host, port, "nothing")
    except OSError as e: print(host, port, errno.errorcode[e.errno])
tcp("127.0.0.1", 81, .3); tcp("127.0.0.1", 82, 5); tcp("127.0.0.1", 83, .3); tcp("127.0.0.9", 90, 5); tcp("::1", 80, .3)
def udp(host, port, at=None, bound=None):
    r = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); r.bind(("0.0.0.0", bound or port)); r.settimeout(.5)
    r.setsockopt(socket.IPPROTO_IP, socket.IP_RECVTTL, 1); r.setsockopt(socket.IPPROTO_IP, socket.IP_PKTINFO, 1)
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.sendto(b"hello", (host, port))
    try:
        d, c, f, a = r.recvmsg(100, 200)
        print(host, port, d, [(t, v[0] if t == 2 else socket.inet_ntoa(v[8:12])) for l, t, v in sorted(c)])
    except socket.timeout: print(host, port, "nothing")
udp("127.0.0.1", 53); udp("127.0.0.1", 54, bound=55); udp("127.0.0.7", 56); udp("127.0.0.6", 57)
X
nft list ruleset
nft list ruleset | grep -c packets
