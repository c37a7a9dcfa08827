# A host that configures itself from radvd, then from dnsmasq, both as Debian ships them: what it has after each change of the router's mind.
# routers.sh RADVD DNSMASQ RDISC6 NDISC6. Makes namespaces router and host, under weft or on a kernel (as root).
here=$(cd "$(dirname "$0")" && pwd)
radvd=$1 dnsmasq=$2 rdisc6=$3 ndisc6=$4
tmp=$(mktemp -d) && chmod 755 "$tmp"
pids=
trap 'for p in $pids; do kill $p; done 2>/dev/null; rm -rf "$tmp"' EXIT

# Runs the rest until it succeeds, 20 s at most; says so if it never did.
until_ok() {
	local n=0
	until "$@"; do
		n=$((n + 1))
		[ $n -lt ${TRIES:-200} ] || { echo "never: $*"; for f in "$tmp"/*.log; do echo "$f"; tail -n 5 "$f"; done >&2; return 1; }
		sleep 0.1
	done
}
host() { ip netns exec host "$@"; }
router() { ip netns exec router "$@"; }
routes() { ip -n host -6 route show | grep -q -- "$1"; }
no_routes() { ! routes "$1"; }
addrs() { ip -n host -6 addr show dev h0 | grep -q -- "$1"; }
none_tentative() { ! ip -n host -6 addr show dev h0 tentative | grep -q inet6; }
logged() { grep -q -- "$1" "$tmp/$2"; }
# Lifetimes that the routers count from are exact to some seconds only.
timeless() { sed -E 's/\b(86[34][0-9]{2}|14[34][0-9]{2}|7[12][0-9]{2}|5[0-9]{2}|6[0-9]{2}|179[0-9]|1800|29[0-9]|300|89[0-9]|900|3[56][0-9]{2})sec/~\1/g' |
	sed -E 's/~(86[34])[0-9]*/about 86400s/g; s/~(14[34])[0-9]*/about 14400s/g; s/~7[12][0-9]{2}/about 7200s/g; s/~(5|6)[0-9]{2}\b/about 600s/g
		s/~(179[0-9]|1800)/about 1800s/g; s/~(29[0-9]|300)\b/about 300s/g; s/~(89[0-9]|900)\b/about 900s/g; s/~3[56][0-9]{2}/about 3600s/g'; }
conf() { for k in hop_limit mtu ra_defrtr_metric; do echo "$k $(host cat /proc/sys/net/ipv6/conf/h0/$k)"; done
	for k in retrans_time_ms base_reachable_time_ms; do echo "$k $(host cat /proc/sys/net/ipv6/neigh/h0/$k)"; done; }
look() {
	echo "-- $1"
	ip -n host -6 addr show dev h0 | tail -n +2 | timeless
	ip -n host -6 route show | timeless | sort
	ip -n host -d link show dev h0 | grep -o 'addrgenmode [a-z0-9]*'
	conf
	ip -n host -6 neigh show dev h0 | grep ^fe80 | sed -E 's/(REACHABLE|STALE|DELAY|PROBE)/RESOLVED/' | sort
}

ip netns add router && ip netns add host || exit 1
for ns in router host; do
	ip -n $ns link set lo up
	ip netns exec $ns sysctl -q -w net.ipv6.conf.default.router_solicitation_delay=0 net.ipv6.conf.default.router_solicitation_interval=1 \
		net.ipv6.conf.default.use_tempaddr=0
done
host sysctl -q -w net.ipv6.conf.default.accept_ra_rt_info_max_plen=64
router sysctl -q -w net.ipv6.conf.all.forwarding=1 net.ipv6.conf.default.accept_dad=0
ip link add r0 netns router address 02:00:00:00:00:01 type veth peer name h0 netns host address 02:00:00:00:00:02
ip -n router link set r0 up
ip -n router addr add 2001:db8:a::1/64 dev r0
ip -n router addr add 2001:db8:d::1/64 dev r0

radvd_conf() { # $1: preference, $2: that of the route
	cat >"$tmp/radvd.conf" <<-E
	interface r0 {
		AdvSendAdvert on;
		MinRtrAdvInterval 0.5; MaxRtrAdvInterval 1; MinDelayBetweenRAs 0.03; AdvIntervalOpt on;
		AdvManagedFlag on; AdvOtherConfigFlag on;
		AdvDefaultLifetime 1800; AdvDefaultPreference $1;
		AdvLinkMTU 1400; AdvCurHopLimit 33; AdvRetransTimer 2000; AdvReachableTime 50000;
		prefix 2001:db8:a::/64 { AdvValidLifetime 86400; AdvPreferredLifetime 14400; DeprecatePrefix on; };
		prefix 2001:db8:b::/64 { AdvOnLink off; AdvValidLifetime 86400; AdvPreferredLifetime 0; };
		prefix 2001:db8:c::/64 { AdvAutonomous off; AdvValidLifetime infinity; AdvPreferredLifetime infinity; };
		route 2001:db8:100::/40 { AdvRoutePreference $2; AdvRouteLifetime 900; RemoveRoute on; };
		route 2001:db8:ffff::/64 { AdvRoutePreference medium; AdvRouteLifetime infinity; RemoveRoute off; };
		RDNSS 2001:db8:a::53 2001:db8:a::54 { AdvRDNSSLifetime 300; };
		DNSSL lab.example { AdvDNSSLLifetime 300; };
	};
	E
}

ip -n host monitor prefix >"$tmp/prefixes.log" 2>&1 & pids="$pids $!"
ip -n host -o monitor address route >"$tmp/changes.log" 2>&1 & pids="$pids $!"
listening() { ip -n host addr replace 192.0.2.1/32 dev lo; ip -n host addr del 192.0.2.1/32 dev lo; logged 192.0.2.1 changes.log; }
until_ok listening

radvd_conf high low
router "$radvd" -n -C "$tmp/radvd.conf" -p "$tmp/radvd.pid" -m stderr -d 1 >"$tmp/radvd.log" 2>&1 & pids="$pids $!"
ip -n host link set h0 up
until_ok routes '^default' && until_ok addrs 2001:db8:b && until_ok none_tentative && until_ok routes 2001:db8:ffff
look "radvd: high, its route low"
host "$rdisc6" -1 h0
host "$ndisc6" -1 2001:db8:a::1 h0
host "$ndisc6" -1 -r1 -w300 2001:db8:a::99 h0
echo "exit $?"
host ping -6 -c1 -W5 -q 2001:db8:d::1 | grep received
host ip -6 route get 2001:db8:100::1 | timeless
radvd_conf low high
kill -HUP $(cat "$tmp/radvd.pid")
until_ok routes '^default.*pref low' && until_ok routes '2001:db8:100::.*pref high'
look "radvd: low, its route high"
kill $(cat "$tmp/radvd.pid")
until_ok no_routes '^default' && until_ok addrs '2001:db8:a:.*deprecated'
look "radvd has gone"
echo "-- prefixes told"
until_ok logged '2001:db8:a:.*valid 7200' prefixes.log
sort -u "$tmp/prefixes.log"
echo "-- changes told"
grep -v 192.0.2.1 "$tmp/changes.log" | tr '\\' ' ' | timeless | sort -u
ip -n host link set h0 up
router "$dnsmasq" --conf-file=/dev/null --no-daemon --port=0 --interface=r0 --user=root --group=root --enable-ra --log-dhcp \
	--dhcp-range=2001:db8:d::,ra-stateless,64,3600 --ra-param=r0,mtu:1300,high,4,600 --dhcp-option=option6:dns-server,[2001:db8:d::53] \
	--dhcp-leasefile="$tmp/leases" --pid-file="$tmp/dnsmasq.pid" >"$tmp/dnsmasq.log" 2>&1 & dm=$!; pids="$pids $dm"
until_ok routes '^default.*pref high' && until_ok addrs 2001:db8:d && until_ok none_tentative
look "dnsmasq: ra-stateless"
host "$rdisc6" -1 h0
host python3 "$here/inform.py" h0
host ping -6 -c1 -W5 -q 2001:db8:d::1 | grep received
kill $dm
