# For the scenarios beside: namespaces without IPv6, and commands typed in them, each shown with what it answers.
# On the recording machine time is virtual and skips while it waits for its disk: no time limits there.
limit=${WEFT:+timeout 20}
spaces() {
	local n f
	for n in "$@"; do
		ip netns add $n
		for f in all default; do
			ip netns exec $n sh -c "test ! -e /proc/sys/net/ipv6/conf/$f/disable_ipv6 || echo 1 >/proc/sys/net/ipv6/conf/$f/disable_ipv6"
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
# Linux works out operational states in the background; weft at once.
settle() { test -n "$WEFT" || sleep 1.5; }
