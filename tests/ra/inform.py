#!/usr/bin/env python3
"""Asks the DHCPv6 servers of a link what is to be known besides addresses (RFC 8415 section 18.2.6): inform.py DEVICE"""
import socket, struct, sys

index = socket.if_nametoindex(sys.argv[1])
s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, sys.argv[1].encode())
s.bind(("::", 546))
s.settimeout(1)
request = struct.pack("!B3s HH10s HHH HHHH", 11, b"\1\2\3", 1, 10, bytes([0, 3, 0, 1, 2, 0, 0, 0, 0, 2]), 8, 2, 0, 6, 4, 23, 24)
for i in range(10):
    s.sendto(request, ("ff02::1:2", 547, 0, index))
    try:
        reply, peer = s.recvfrom(2000)
    except TimeoutError:
        continue
    print("reply of", peer[0], "type", reply[0], "transaction", reply[1:4].hex())
    at = 4
    while at + 4 <= len(reply):
        kind, size = struct.unpack_from("!HH", reply, at)
        value = reply[at + 4:at + 4 + size]
        at += 4 + size
        if kind == 23:
            print("dns", *[socket.inet_ntop(socket.AF_INET6, value[j:j + 16]) for j in range(0, size, 16)])
    break
else:
    print("no reply")
