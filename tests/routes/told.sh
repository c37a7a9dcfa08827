# ICMP errors and sockets: see told.py.
exec python3 told.py
