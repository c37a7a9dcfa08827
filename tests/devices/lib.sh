# For the scenarios beside: namespaces without IPv6, and commands typed in them, each shown with what it answers.
# On the recording machine time is virtual and skips while it waits for its disk: no time limits there.
limit=${WEFT:+timeout 20}
# The queue that devices get unless told otherwise; weft has no other.
test -n "$WEFT" || sysctl -q -w net.core.default_qdisc=pfifo_fast
spaces() { make_spaces disable_ipv6 1 "$@"; }
# With IPv6; addresses are there at once.
spaces6() { make_spaces accept_dad 0 "$@"; }
make_spaces() {
	local key=$1 value=$2 n f
	shift 2
	for n in "$@"; do
		ip netns add $n
		for f in all default; do
			ip netns exec $n sh -c "test ! -e /proc/sys/net/ipv6/conf/$f/$key || echo $value >/proc/sys/net/ipv6/conf/$f/$key"
		done
		eval "$n() { t $n \"\$@\"; }"
	done
}
t() {
	local n=$1
	shift
	echo "$n: $*"
	$limit ip netns exec $n "$@" 2>&1 || echo "= $?"
}
# quiet: a command that must succeed, and whose output is of no interest
q() {
	local n=$1
	shift
	$limit ip netns exec $n "$@" >/dev/null 2>&1 || echo "$n: $*: failed"
}
# ping: what came back
p() {
	local n=$1
	shift
	echo "$n: ping $*"
	$limit ip netns exec $n ping -q -c 2 -i 0.1 -W ${wait:-1} "$@" 2>&1 | grep -v Warning | grep -o "[0-9]* received.*loss\|ping: .*"
}
# Namespaces h and o with a wire between them: h's v0 (10.0.0.8) and o's v1 (10.0.0.9); and those named, where broadcasts are answered, too.
host_and_outside() {
	local n
	spaces h o "$@"
	q h ip link add v0 type veth peer name v1 netns o
	q o ip addr add 10.0.0.9/24 dev v1
	q o ip link set v1 up
	q h ip link set v0 up
	q h ip addr add 10.0.0.8/24 dev v0
	for n in h "$@"; do q $n sysctl -w net.ipv4.icmp_echo_ignore_broadcasts=0; done
}
# Linux works out operational states in the background; weft at once.
settle() { test -n "$WEFT" || sleep 1.5; }
# A folder for what a scenario keeps meanwhile.
tmp=$(mktemp -d)
trap 'rm -rf $tmp' EXIT
