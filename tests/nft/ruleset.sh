# nft adding, listing, refusing and deleting tables, chains and rules; handles; dry runs; a file as one batch.
t() { echo "# $*"; "$@" 2>&1; }
t nft list ruleset
t nft add table ip t
t nft add chain ip t c '{ type filter hook input priority 0; policy accept; }'
t nft add rule ip t c counter accept
t nft add chain ip t sub
t nft add rule ip t sub ip saddr 10.0.0.1 tcp dport 80 counter drop
t nft insert rule ip t c ip protocol icmp jump sub
t nft -a list ruleset
t nft delete chain ip t sub
t nft add rule ip t nochain accept
t nft -c add rule ip t c drop
nft -f - <<X
table inet f {
  chain i { type filter hook input priority filter; policy drop;
    iifname "lo" accept
    meta mark set 5
    udp dport 53 counter
    ip6 saddr fe80::1 drop
  }
}
X
t nft list ruleset
t nft delete table ip t
t nft list tables
t nft flush ruleset
t nft list ruleset
t nft add table ip t
t nft create table ip t
t nft add chain ip t c '{ type filter hook input priority 0; }'
t nft add chain ip t c '{ type filter hook input priority 1; }'
t nft add chain ip t c '{ type filter hook ingress priority 1; }'
t nft add chain ip t n '{ type nosuch hook input priority 1; }'
t nft create chain ip t c
t nft add chain ip t r '{ policy drop; }'
t nft add rule ip t c position 99 accept
t nft delete rule ip t c handle 99
t nft delete table ip nosuch
t nft delete chain ip t nosuch
t nft add chain ip t a; t nft add chain ip t b
t nft add rule ip t c jump a; t nft add rule ip t a jump b
t nft add rule ip t b jump a
t nft -c add rule ip t b jump a
t nft add rule ip t b jump c
t nft add table ip d '{ flags dormant; }'
t nft add chain ip d i '{ type filter hook input priority 5; policy drop; }'
t nft list table ip d
t nft add table ip d
t nft list table ip d
nft -f - <<X
add chain ip t l1
add rule ip t l1 counter
add rule ip t nosuch counter
add rule ip t l1 jump nosuch
X
t nft list chain ip t l1
seq 1 17 | sed 's/.*/add chain ip t k&/' | nft -f -
seq 1 15 | while read i; do echo "add rule ip t k$i jump k$((i+1))"; done | nft -f -
t nft add rule ip t c jump k1
t nft add rule ip t k16 jump k17
t nft add rule ip t c ip saddr and 255.255.0.0 == 10.1.0.0 counter
t nft add rule ip t c tcp dport != 80-90 tcp flags '& (syn|ack) == syn' counter packets 3 bytes 4
t nft add rule ip t c meta mark set meta mark and 0xff00 or 7
t nft add rule ip t c ip dscp set cs1
t nft add rule ip t c meta hour '"08:00"-"18:00"' meta day sunday accept
t nft -a list chain ip t c
t nft flush chain ip t c
t nft delete chain ip t k17
t nft list chains
t nft flush ruleset
