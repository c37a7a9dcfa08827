# What `nft monitor` says of each change.
out=$TMP6/monitor
nft monitor > $out 2>&1 &
pid=$!
for i in $(seq 200); do awk '$2 == 12 && $4 != "00000000"' /proc/net/netlink | grep -q . && break; sleep 0.05; done
nft add table ip t
nft add chain ip t c '{ type filter hook input priority 0; policy accept; }'
nft add rule ip t c counter accept
nft insert rule ip t c ip saddr 1.2.3.4 drop comment '"x y"'
nft add rule ip t c position 3 tcp dport 1-5 accept
nft replace rule ip t c handle 3 tcp dport 7 drop
nft add chain ip t c '{ policy drop; }'
nft add chain ip t d
nft rename chain ip t d e
nft delete rule ip t c handle 4
nft flush chain ip t c
nft delete table ip t
nft flush ruleset
nft add table ip last
for i in $(seq 200); do grep -q "table ip last" $out && [ $(grep -c generation $out) = 13 ] && break; sleep 0.05; done
kill $pid; wait $pid 2>/dev/null
sed 's/process [0-9]*/process N/' $out
