# Sourced by every script here.
set -e
PATH=$PATH:/usr/sbin:/sbin
ip link set lo up
# Waits until somebody listens on a TCP port of an address (127.0.0.1 unless told).
up() {
	for i in $(seq 600); do
		python3 -c 'import socket, sys; socket.create_connection((sys.argv[2], int(sys.argv[1])), 1)' "$1" "${2:-127.0.0.1}" 2>/dev/null && return
		sleep 0.1
	done
	echo "nobody on $1"
	exit 1
}
# Waits until a command succeeds.
until_ok() {
	for i in $(seq 300); do "$@" >/dev/null 2>&1 && return; sleep 0.1; done
	echo "never: $*"
	exit 1
}
