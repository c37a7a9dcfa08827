# Options and control messages of ipv6(7) and RFC 3542 at work: see options.py.
ip link set lo up
ip -6 addr add 2001:db8::1/64 dev lo nodad
exec python3 options.py
