# /proc/net/rt6_stats after changes of routes; stat/rt_cache and rt_acct after packets of each kind. The last two count for the whole machine: their
# part was recorded on a Linux 6.12 that did nothing else. What a namespace's own stack sends by itself is no part of it: IPv6 has no addresses.
set -u
. ./lib.sh
s() { x awk '{ print $1, $2, $4, $5, $6, $7 }' /proc/net/rt6_stats | tr '\n' ' '; echo "$*"; }
c() { ip -n r -6 route "$@" 2>&1; s "$*"; }
for i in 1 2 3 4; do ip -n r link del v$i; done
x sysctl -qw net.ipv6.conf.v0.addr_gen_mode=1 net.ipv6.conf.all.forwarding=0
ip -n r link set v0 down; ip -n r addr flush dev v0; ip -n r link set v0 up
x sh -c 'until grep -q 1 /sys/class/net/v0/carrier; do sleep 0.1; done'
x ls /proc/net/dev_snmp6
ip -n r -6 route flush table all; ip -n r -6 addr flush dev lo
s before
ip -n r -6 addr add 2001:db8::1/64 dev v0 nodad; s an address
c add default via 2001:db8::2
c add default via 2001:db8::3 metric 7
c replace default via 2001:db8::9
c replace 2001:db8:1::/64 via 2001:db8::9
c append 2001:db8:1::/64 via 2001:db8::8
c replace 2001:db8:1::/64 via 2001:db8::8
c replace 2001:db8:1::/64 nexthop via 2001:db8::8 nexthop via 2001:db8::9
c replace 2001:db8:1::/64 nexthop via 2001:db8::8 nexthop via 2001:db8::7
c change 2001:db8:1::/64 via 2001:db8::8 mtu 1400
c add 2001:db8:1::/64 from 2001:db8:f::/48 via 2001:db8::8
c add 2001:db8:1::/64 from 2001:db8:e::/48 via 2001:db8::8
c add 2001:db8:7::/64 from 2001:db8:e::/48 via 2001:db8::8
c add 2001:db8:7::/64 from 2001:db8:8::/45 via 2001:db8::8
c add 2001:db8:7::/64 from 2001:db8:e::/47 via 2001:db8::8 metric 3
c del 2001:db8:7::/64 from 2001:db8:e::/48 via 2001:db8::8
c add default from 2001:db8:e::/48 via 2001:db8::8
c del default from 2001:db8:e::/48 via 2001:db8::8
c del default
ip -n r nexthop add id 1 via 2001:db8::8 dev v0
c add 2001:db8:9::/64 nhid 1
ip -n r nexthop del id 1; s an object goes
c add blackhole 2001:db8:a::/64 table 100
c add 2001:db8:a::/64 via 2001:db8::8 table 101
c add 2001:db8:b::/64 via 2001:db8::8
c add 2001:db8:b::/128 via 2001:db8::8
c add 2001:db8:b::/49 via 2001:db8::8
ip -n r -6 addr del 2001:db8::1/64 dev v0; s the address goes
c flush table all
ip -n r link set v0 down; s down
python3 -B counters.py
