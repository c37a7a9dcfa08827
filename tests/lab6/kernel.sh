#!/bin/sh
# Runs the lab on this machine's kernel, in namespaces of its own (needs root): the reference that weft is compared with.
# $1: scratch folder. Output of client.sh on standard output.
here=$(cd "$(dirname "$0")" && pwd)
exec unshare -n -m sh -c '
	mount --make-rprivate /
	mkdir -p /run/netns && mount -t tmpfs t /run/netns
	sh "$1/setup.sh" || exit 1
	pids=$(sh "$1/servers.sh" "$2") || { kill $pids; exit 1; }
	sh "$1/client.sh" "$2"
	kill $pids
	for ns in left router right; do ip netns del $ns; done' - "$here" "$1"
