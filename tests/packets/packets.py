#!/usr/bin/env python3
"""Bad packets: every field of every header at its boundaries and beyond, and what a real kernel does about each.

    packets.py list [GROUP]                 the packets, as they are made here
    packets.py record > packets.txt         as root: sends them to this machine's kernel (makes and removes namespaces of its own)
    gzip -9n packets.txt                    is what packets_test.c plays against weft

A group is a fresh host with two Ethernet devices (SETUP), whose wires we hold. Behind each packet (`rx DEV HEX TITLE`) stand the frames
that the host then sent (`> DEV HEX`, with what is random set to 0: see tidy()) and the counters of /proc/net that moved (`= NAME+N ...`).
"""
import ctypes, fcntl, ipaddress, os, re, socket, struct, subprocess, sys, time

# -- the host --

E0, E1, A, B = "0200000000e0", "0200000000e1", "02000000000a", "02000000000b"  # the host's devices; a host on either wire
IPV4, IPV6 = "net/ipv4/", "net/ipv6/"
# What is done to a fresh host; packets_test.c does the same. {}: how the group differs.
SETUP = """set net/ipv4/ip_forward {forward}
set net/ipv6/conf/all/forwarding {forward}
set net/ipv4/icmp_ratelimit 0
set net/ipv6/icmp/ratelimit 0
set net/ipv4/icmp_msgs_per_sec 100000000
set net/ipv4/icmp_msgs_burst 100000000
set net/ipv4/route/error_cost 0
set net/ipv4/route/redirect_silence -1
set net/ipv4/tcp_synack_retries 0
set net/ipv4/tcp_syncookies 0
set net/ipv4/tcp_max_syn_backlog 100000
set net/ipv4/tcp_invalid_ratelimit 0
set net/ipv4/tcp_challenge_ack_limit 2147483647
set net/core/somaxconn 100000
set net/ipv6/auto_flowlabels 0
set net/ipv6/conf/all/accept_dad 0
set net/ipv6/conf/e0/accept_dad 0
set net/ipv6/conf/e1/accept_dad 0
set net/ipv6/conf/e0/router_solicitations 0
set net/ipv6/conf/e1/router_solicitations 0
set net/ipv6/conf/e0/accept_ra {accept_ra}
set net/ipv4/neigh/e0/retrans_time_ms 1000000
set net/ipv4/neigh/e1/retrans_time_ms 1000000
set net/ipv6/neigh/e0/retrans_time_ms 1000000
set net/ipv6/neigh/e1/retrans_time_ms 1000000
set net/ipv4/neigh/e0/unres_qlen_bytes 4000
set net/ipv4/neigh/e1/unres_qlen_bytes 4000
set net/ipv6/neigh/e0/unres_qlen_bytes 4000
set net/ipv6/neigh/e1/unres_qlen_bytes 4000
set net/ipv4/neigh/e0/proxy_delay 0
set net/ipv4/neigh/e1/proxy_delay 0
set net/ipv6/neigh/e0/proxy_delay 0
set net/ipv6/neigh/e1/proxy_delay 0
set net/ipv4/conf/all/rp_filter 0
set net/ipv4/conf/e0/rp_filter 0
up
addr 10.0.0.1/24 e0
addr 10.1.0.1/24 e1
addr 2001:db8::1/64 e0
addr 2001:db8:1::1/64 e1
neigh 10.0.0.2 e0 a
neigh 10.1.0.2 e1 b
neigh 2001:db8::2 e0 a
neigh fe80::2 e0 a
neigh 2001:db8:1::2 e1 b
{more}listen
"""

# -- packets --


def csum(b):
    if len(b) & 1:
        b += b"\0"
    s = sum(struct.unpack(">%dH" % (len(b) // 2), b))
    while s >> 16:
        s = (s & 0xffff) + (s >> 16)
    return ~s & 0xffff


def a4(s):
    return socket.inet_aton(s)


def a6(s):
    return socket.inet_pton(socket.AF_INET6, s)


def eth(payload, type=0x0800, dst=E0, src=A):
    return bytes.fromhex(dst + src) + struct.pack(">H", type) + payload


def ip4(payload=b"", proto=17, src="10.0.0.2", dst="10.0.0.1", ver=4, ihl=None, tos=0, tot=None, id=0x1234, flags=0, off=0, ttl=64, check=None, opts=b""):
    opts += b"\0" * (-len(opts) % 4)
    ihl = 5 + len(opts) // 4 if ihl is None else ihl
    tot = 20 + len(opts) + len(payload) if tot is None else tot
    h = struct.pack(">BBHHHBBH", ver << 4 | ihl, tos, tot, id, flags << 13 | off, ttl, proto, 0) + a4(src) + a4(dst) + opts
    c = csum(h[:max(ihl, 5) * 4]) if check is None else check
    return h[:10] + struct.pack(">H", c) + h[12:] + payload


def pseudo(src, dst, n, proto):
    return a6(src) + a6(dst) + struct.pack(">II", n, proto) if ":" in src else a4(src) + a4(dst) + struct.pack(">HH", proto, n)


def udp(payload=b"weft", sport=4000, dport=9, n=None, check=None, src="10.0.0.2", dst="10.0.0.1"):
    ln = 8 + len(payload) if n is None else n
    h = struct.pack(">HHHH", sport, dport, ln & 0xffff, 0) + payload
    c = csum(pseudo(src, dst, len(h), 17) + h) or 0xffff if check is None else check
    return h[:6] + struct.pack(">H", c) + h[8:]


def tcp(payload=b"", sport=4000, dport=9, seq=1000, ack=0, doff=None, flags=2, win=1000, check=None, urg=0, opts=b"", res=0, src="10.0.0.2", dst="10.0.0.1"):
    opts += b"\0" * (-len(opts) % 4)
    doff = 5 + len(opts) // 4 if doff is None else doff
    h = struct.pack(">HHIIBBHHH", sport, dport, seq, ack, doff << 4 | res, flags, win, 0, urg) + opts + payload
    c = csum(pseudo(src, dst, len(h), 6) + h) if check is None else check
    return h[:16] + struct.pack(">H", c) + h[18:]


def icmp4(type, code=0, rest=b"\x11\x22\x33\x44", data=b"", check=None):
    h = struct.pack(">BBH", type, code, 0) + rest + data
    return h[:2] + struct.pack(">H", csum(h) if check is None else check) + h[4:]


def ip6(payload=b"", nh=17, src="2001:db8::2", dst="2001:db8::1", ver=6, tc=0, label=0, plen=None, hop=64):
    return struct.pack(">IHBB", ver << 28 | tc << 20 | label, len(payload) if plen is None else plen, nh, hop) + a6(src) + a6(dst) + payload


def icmp6(type, code=0, rest=b"\x11\x22\x33\x44", data=b"", check=None, src="2001:db8::2", dst="2001:db8::1"):
    h = struct.pack(">BBH", type, code, 0) + rest + data
    return h[:2] + struct.pack(">H", csum(pseudo(src, dst, len(h), 58) + h) if check is None else check) + h[4:]


def arp(htype=1, ptype=0x800, hlen=6, plen=4, op=1, sha=A, sip="10.0.0.2", tha="000000000000", tip="10.0.0.1", dst="ffffffffffff", src=A):
    return eth(struct.pack(">HHBBH", htype, ptype, hlen, plen, op) + bytes.fromhex(sha) + a4(sip) + bytes.fromhex(tha) + a4(tip), 0x0806, dst, src)


def u4(**k):  # IPv4 with UDP to a closed port
    return eth(ip4(udp(src=k.get("src", "10.0.0.2"), dst=k.get("dst", "10.0.0.1")), **k))


def u6(dport=9, ext=b"", nh=17, hop=64, **k):  # IPv6 the same, behind extension headers
    s, d = k.get("src", "2001:db8::2"), k.get("dst", "2001:db8::1")
    return eth(ip6(ext + udp(src=s, dst=d, dport=dport), nh=nh, hop=hop, **k), 0x86dd)


ADDR4 = ["0.0.0.0", "0.0.0.1", "10.0.0.0", "10.0.0.1", "10.0.0.2", "10.0.0.77", "10.0.0.255", "10.1.0.0", "10.1.0.1", "10.1.0.2", "10.1.0.78", "10.1.0.255",
         "127.0.0.1", "127.255.255.255", "128.0.0.0", "169.254.0.1", "192.0.2.1", "198.51.100.1", "223.255.255.255", "224.0.0.0", "224.0.0.1", "224.0.0.22",
         "224.0.1.1", "232.1.1.1", "239.255.255.255", "240.0.0.1", "255.255.255.254", "255.255.255.255"]
ADDR6 = ["::", "::1", "::2", "::ffff:10.0.0.1", "::10.0.0.1", "64:ff9b::1", "100::1", "2001:db8::", "2001:db8::1", "2001:db8::2", "2001:db8::77",
         "2001:db8:1::", "2001:db8:1::1", "2001:db8:1::2", "2001:db8:1::78", "2001:db8:9::1", "3fff::1", "fc00::1", "fe80::", "fe80::ff:fe00:e0", "fe80::ff:fe00:e1",
         "fe80::2", "fe80::3", "fec0::1", "ff00::1", "ff01::1", "ff02::1", "ff02::2", "ff02::1:ff00:1", "ff02::1:ff00:2", "ff02::16", "ff03::1", "ff05::2", "ff0e::1", "ff0f::1",
         "ff32::1", "ffff::1"]
W16 = [0, 1, 2, 7, 8, 9, 255, 256, 0x7fff, 0x8000, 0xfffe, 0xffff]


def g_ethernet():
    pkt4, pkt6 = ip4(udp()), ip6(udp(src="2001:db8::2", dst="2001:db8::1"))
    for t in (0, 1, 46, 0x5dc, 0x5dd, 0x5ff, 0x600, 0x601, 0x7ff, 0x800, 0x801, 0x805, 0x806, 0x807, 0x8035, 0x8100, 0x86dc, 0x86dd, 0x86de, 0x8808, 0x8863,
              0x8864, 0x88a8, 0x88cc, 0x8906, 0x9000, 0xffff):
        yield "type %04x, IPv4 within" % t, eth(pkt4, t)
        yield "type %04x, IPv6 within" % t, eth(pkt6, t)
        for n in (0, 1, 3, 4, 17):
            yield "type %04x, %d bytes" % (t, n), eth(pkt4[:n], t)
    for tci in (0, 0x1000, 0xe000, 1, 5, 4094, 4095):
        for t in (0x8100, 0x88a8):
            yield "tag %04x %04x" % (t, tci), eth(struct.pack(">HH", tci, 0x800) + pkt4, t)
    for dst in (E0, E1, A, B, "ffffffffffff", "01005e000001", "01005e000002", "01005e000016", "01005e7fffff", "333300000001", "333300000002", "3333ff000001", "3333ff000002",
                "0180c2000000", "0180c2000001", "000000000000", "010000000000", "feffffffffff"):
        for p, t in ((pkt4, 0x800), (pkt6, 0x86dd)):
            yield "to %s" % dst, eth(p, t, dst)
            yield "to %s, echo" % dst, eth(ip4(icmp4(8), 1) if t == 0x800 else ip6(icmp6(128), 58), t, dst)
            yield "to %s, forwarded" % dst, eth(ip4(udp(dst="10.1.0.2"), dst="10.1.0.2") if t == 0x800 else
                                                ip6(udp(src="2001:db8::2", dst="2001:db8:1::2"), dst="2001:db8:1::2"), t, dst)
    for src in (E0, "000000000000", "ffffffffffff", "01005e000001", "333300000001"):
        yield "from %s, IPv4" % src, eth(pkt4, 0x800, E0, src)
        yield "from %s, IPv6" % src, eth(pkt6, 0x86dd, E0, src)


def g_arp():
    for v in W16:
        yield "htype %d" % v, arp(htype=v)
        yield "ptype %04x" % v, arp(ptype=v)
        yield "op %d" % v, arp(op=v)
    for v in range(12):
        yield "op %d" % v, arp(op=v, dst=E0)
    for v in (0, 1, 4, 5, 7, 8, 255):
        yield "hlen %d" % v, arp(hlen=v)
    for v in (0, 1, 3, 5, 6, 16, 255):
        yield "plen %d" % v, arp(plen=v)
    for m in ("000000000000", "ffffffffffff", E0, E1, B, "01005e000001"):
        for op in (1, 2):
            yield "op %d from hardware %s" % (op, m), arp(sha=m, op=op, dst=E0)
            yield "op %d to hardware %s" % (op, m), arp(tha=m, op=op, dst=E0)
    for op in (1, 2):
        for x in ADDR4:
            yield "op %d from %s" % (op, x), arp(sip=x, op=op, dst=E0)
            yield "op %d for %s" % (op, x), arp(tip=x, op=op, dst="ffffffffffff")
            yield "op %d %s for itself" % (op, x), arp(sip=x, tip=x, op=op)
    for n in range(0, 29):
        yield "%d bytes" % n, arp()[:14 + n]
    for n in (1, 18, 100):
        yield "%d bytes more" % n, arp() + b"\xaa" * n
    for d in (E0, E1, B, "ffffffffffff", "01005e000001"):
        yield "to %s" % d, arp(dst=d)


def g_ip4():
    fwd = dict(src="10.0.0.2", dst="10.1.0.2")
    for v in range(16):
        yield "version %d" % v, u4(ver=v)
        yield "header length %d" % v, u4(ihl=v)
        yield "header length %d with options' room" % v, eth(ip4(udp(), ihl=v, opts=b"\1" * 40))
    for v in list(range(0, 256, 5)) + [1, 2, 3, 255]:
        yield "tos %02x" % v, u4(tos=v)
        yield "tos %02x, forwarded" % v, u4(tos=v, **fwd)
    whole = len(u4()) - 14
    for v in sorted(set(W16 + [19, 20, 21, 27, 28, 29, whole - 1, whole, whole + 1])):
        yield "total length %d" % v, u4(tot=v)
        yield "total length %d, forwarded" % v, u4(tot=v, **fwd)
    for n in range(0, whole):
        yield "cut at %d" % n, u4()[:14 + n]
    for n in (1, 14, 100, 1000):
        yield "%d bytes behind it" % n, u4() + b"\xee" * n
        yield "%d bytes behind it, forwarded" % n, u4(**fwd) + b"\xee" * n
    for v in W16:
        yield "id %d" % v, u4(id=v)
    for v in range(8):
        yield "flags %d" % v, u4(flags=v, id=100 + v)
        yield "flags %d, forwarded" % v, u4(flags=v, id=110 + v, **fwd)
        for off in (1, 2, 3, 64, 8189, 8190, 8191):
            yield "flags %d offset %d" % (v, off), u4(flags=v, off=off, id=1000 + v * 16 + off % 16)
    for off in (1, 8191):
        yield "offset %d, forwarded" % off, u4(off=off, **fwd)
    for v in (0, 1, 2, 3, 63, 254, 255):
        yield "ttl %d" % v, u4(ttl=v)
        yield "ttl %d, forwarded" % v, u4(ttl=v, **fwd)
        yield "ttl %d, forwarded, a later fragment" % v, u4(ttl=v, off=5, **fwd)
        yield "ttl %d, forwarded, too long for a quote" % v, eth(ip4(udp(b"x" * 900, dst="10.1.0.2"), ttl=v, **fwd))
    for v in range(256):
        yield "protocol %d" % v, eth(ip4(b"\0" * 12, v))
    for v in range(256):
        yield "protocol %d, a fragment" % v, eth(ip4(b"\0" * 16, v, flags=1, id=2000 + v))
    for v in (0, 1, 6, 17, 253):
        yield "protocol %d, nothing behind it" % v, eth(ip4(b"", v))
        yield "protocol %d, forwarded" % v, eth(ip4(b"", v, **fwd))
    for v in (0, 1, 0xffff, 0x1234):
        yield "checksum %04x" % v, u4(check=v)
        yield "checksum %04x, forwarded" % v, u4(check=v, **fwd)


def g_ip4addr():
    for s in ADDR4:
        for d in ADDR4:
            yield "%s to %s" % (s, d), u4(src=s, dst=d)
            yield "%s to %s, echo" % (s, d), eth(ip4(icmp4(8), 1, src=s, dst=d))
    for s in ADDR4:
        for d in ADDR4:
            yield "%s to %s, TTL 1" % (s, d), u4(src=s, dst=d, ttl=1)
            yield "%s to %s, open TCP port" % (s, d), eth(ip4(tcp(dport=7, src=s, dst=d), 6, src=s, dst=d))


def g_ip4opt():
    for where, dst in (("", "10.0.0.1"), (", forwarded", "10.1.0.2")):
        for kind in range(256):
            for n in (0, 1, 2, 3, 4, 8) if kind in (7, 68, 130, 131, 134, 136, 137, 148) else (4,):
                yield "option %d length %d%s" % (kind, n, where), u4(dst=dst, opts=bytes([kind, n]) + b"\x04\0" * 3)
        for n in range(2, 43):
            yield "no operation, then option 1e, length %d%s" % (n, where), u4(dst=dst, opts=(b"\1" * 3 + bytes([0x9e, n]) + b"\0" * 35)[:40])
        for kind in (7, 131, 137):
            for n in (3, 4, 6, 7, 8, 11, 15, 39):
                for p in (0, 1, 3, 4, 5, 6, 7, 8, 9, 12, 16, 36, 37, 40, 255):
                    yield "option %d length %d pointer %d%s" % (kind, n, p, where), u4(dst=dst, opts=(bytes([kind, n, p]) + (a4("10.1.0.2") + a4("10.0.0.1")) * 5)[:max(n, 4)][:40])
        for n in (4, 5, 8, 12, 20, 36, 40):
            for p in (0, 4, 5, 6, 8, 9, 13, 17, 21, 37, 40, 41, 255):
                for f in (0, 1, 2, 3, 4, 0xf0, 0xe1, 0xf3):
                    yield "timestamp length %d pointer %d flags %02x%s" % (n, p, f, where), u4(dst=dst, opts=(bytes([68, n, p, f]) + (a4("10.0.0.1") + b"\0" * 4) * 5)[:max(n, 4)][:40])
        for n in (2, 3, 4, 5, 6):
            for v in (0, 1, 256):
                yield "router alert length %d value %d%s" % (n, v, where), u4(dst=dst, opts=bytes([148, n]) + struct.pack(">H", v) + b"\0\0")
        for two in (bytes([7, 7, 4, 0, 0, 0, 0]), bytes([131, 7, 4, 10, 1, 0, 2]), bytes([148, 4, 0, 0]), bytes([68, 8, 5, 0, 0, 0, 0, 0]), bytes([134, 3, 0])):
            yield "option %d twice%s" % (two[0], where), u4(dst=dst, opts=two + two)
            yield "option %d and echo%s" % (two[0], where), eth(ip4(icmp4(8), 1, dst=dst, opts=two))
            yield "option %d and a closed port%s" % (two[0], where), u4(dst=dst, opts=two + b"\1\1\0\7")


def g_icmp4():
    quoted = ip4(udp(sport=7, dport=4000, src="10.0.0.1", dst="10.0.0.2"), src="10.0.0.1", dst="10.0.0.2")
    for t in range(256):
        yield "type %d" % t, eth(ip4(icmp4(t, 0, b"\0\0\0\0", quoted), 1))
    for t in (0, 3, 4, 5, 8, 9, 10, 11, 12, 13, 14, 15, 17, 18, 19, 42, 43):
        for c in (1, 2, 3, 4, 13, 15, 16, 17, 255):
            yield "type %d code %d" % (t, c), eth(ip4(icmp4(t, c, b"\0\0\x02\x40", quoted), 1))
        for n in range(0, 12):
            yield "type %d, %d bytes" % (t, n), eth(ip4(icmp4(t)[:2] + struct.pack(">H", csum((icmp4(t, 0, b"\0\0\0\0", quoted)[:2] + b"\0\0" + b"\0\0\0\0" + quoted)[:n])) * (n >= 4) + (b"\0\0\0\0" + quoted)[:max(n - 4, 0)] if n >= 4 else icmp4(t)[:n], 1))
        yield "type %d, wrong checksum" % t, eth(ip4(icmp4(t, 0, b"\0\0\0\0", quoted, check=0x1234), 1))
        for d in ("10.0.0.255", "255.255.255.255", "224.0.0.1", "10.1.0.1", "10.1.0.255"):
            yield "type %d to %s" % (t, d), eth(ip4(icmp4(t, 0, b"\0\0\0\0", quoted), 1, dst=d))
    for t in (3, 4, 5, 11, 12):
        for n in range(0, len(quoted) + 1):
            yield "type %d, %d bytes quoted" % (t, n), eth(ip4(icmp4(t, 0, b"\0\0\0\0", quoted[:n]), 1))
        for k in (dict(ver=5), dict(ihl=4), dict(ihl=6), dict(ihl=15), dict(tot=0), dict(off=1), dict(check=1), dict(ttl=0), dict(proto=1), dict(proto=6), dict(proto=58), dict(proto=255)):
            yield "type %d, quoted %s" % (t, k), eth(ip4(icmp4(t, 3 if t == 3 else 0, b"\0\0\0\0", ip4(udp(sport=7, dport=4000), **{"src": "10.0.0.1", "dst": "10.0.0.2", **k})), 1))
        for s in ("0.0.0.0", "10.0.0.2", "10.1.0.1", "127.0.0.1", "224.0.0.1"):
            yield "type %d, quoted from %s" % (t, s), eth(ip4(icmp4(t, 1, b"\0\0\0\0", ip4(udp(sport=7, dport=4000), src=s, dst="10.0.0.2")), 1))
    for mtu in (0, 1, 67, 68, 69, 551, 552, 576, 1280, 1499, 1500, 1501, 65535):
        yield "too big, MTU %d" % mtu, eth(ip4(icmp4(3, 4, struct.pack(">HH", 0, mtu), quoted), 1))
    for g in ADDR4:
        yield "redirect to %s" % g, eth(ip4(icmp4(5, 1, a4(g), quoted), 1))
        yield "echo for %s" % g, eth(ip4(icmp4(8, 0), 1, dst=g))
    for n in (0, 1, 56, 1000, 1472):
        yield "echo with %d bytes" % n, eth(ip4(icmp4(8, 0, data=b"p" * n), 1))
        yield "echo with %d bytes and DF" % n, eth(ip4(icmp4(8, 0, data=b"p" * n), 1, flags=2))
    for n in (0, 4, 8, 11, 12, 13, 16, 20):
        yield "timestamp with %d bytes" % n, eth(ip4(icmp4(13, 0, data=b"\0" * n), 1))


def probe(kind, data, length=None, cls=3):
    obj = struct.pack(">HBB", 4 + len(data) if length is None else length, cls, kind) + data
    body = struct.pack(">BBH", 0x20, 0, 0) + obj
    return body[:2] + struct.pack(">H", csum(body)) + body[4:]


def g_probe():
    for n in (b"e0", b"e1", b"lo", b"nothing", b"e0\0", b"", b"x" * 15, b"x" * 16):
        name = n + b"\0" * (-len(n) % 4)
        for l in (0, 1):
            yield "by name %s, local %d" % (n, l), eth(ip4(icmp4(42, 0, struct.pack(">HBB", 7, 1, l), probe(1, name)), 1))
            yield "by name %s, local %d, v6" % (n, l), eth(ip6(icmp6(160, 0, struct.pack(">HBB", 7, 1, l), probe(1, name)), 58), 0x86dd)
        for ln in (0, 3, 4, 5, 8, 200):
            yield "by name %s, length %d" % (n, ln), eth(ip4(icmp4(42, 0, b"\0\7\1\1", probe(1, name, ln)), 1))
    for i in (0, 1, 2, 3, 4, 77):
        yield "by index %d" % i, eth(ip4(icmp4(42, 0, b"\0\7\1\1", probe(2, struct.pack(">I", i))), 1))
        yield "by index %d, v6" % i, eth(ip6(icmp6(160, 0, b"\0\7\1\1", probe(2, struct.pack(">I", i))), 58), 0x86dd)
    for afi, addrs in ((1, ADDR4), (2, ADDR6)):
        for x in addrs:
            b = a4(x) if afi == 1 else a6(x)
            yield "by address %s" % x, eth(ip4(icmp4(42, 0, b"\0\7\1\1", probe(3, struct.pack(">HBB", afi, len(b), 0) + b)), 1))
        for ln in (0, 3, 4, 5, 15, 16, 17):
            yield "by address, family %d, length %d" % (afi, ln), eth(ip4(icmp4(42, 0, b"\0\7\1\1", probe(3, struct.pack(">HBB", afi, ln, 0) + b"\x0a\0\0\1" * 4)), 1))
    for c in (0, 1, 3, 255):
        yield "class %d" % c, eth(ip4(icmp4(42, 0, b"\0\7\1\1", probe(1, b"e0\0\0", cls=c)), 1))
        yield "kind %d" % c, eth(ip4(icmp4(42, 0, b"\0\7\1\1", probe(c, b"e0\0\0")), 1))
        yield "code %d" % c, eth(ip4(icmp4(42, c, b"\0\7\1\1", probe(1, b"e0\0\0")), 1))
    whole = icmp4(42, 0, b"\0\7\1\1", probe(1, b"e0\0\0"))
    for n in range(4, len(whole)):
        b = whole[:2] + b"\0\0" + whole[4:n]
        yield "%d bytes" % n, eth(ip4(b[:2] + struct.pack(">H", csum(b)) + b[4:], 1))


def g_udp():
    for v6 in (0, 1):
        s, d = ("2001:db8::2", "2001:db8::1") if v6 else ("10.0.0.2", "10.0.0.1")
        w = (lambda p: eth(ip6(p), 0x86dd)) if v6 else (lambda p: eth(ip4(p)))
        for port in (7, 9):
            for v in W16:
                yield "source port %d to %d" % (v, port), w(udp(sport=v, dport=port, src=s, dst=d))
                yield "to %d, length %d" % (port, v), w(udp(dport=port, n=v, src=s, dst=d))
                yield "to %d, length %d, the checksum fits" % (port, v), w(udp(dport=port, n=v, src=s, dst=d, check=csum(pseudo(s, d, v, 17) + struct.pack(">HHHH", 4000, port, v, 0) + b"weft"[:max(v - 8, 0)])))
            for n in range(0, 14):
                yield "to %d, cut at %d" % (port, n), w(udp(dport=port, src=s, dst=d)[:n])
            for c in (0, 1, 0xffff):
                yield "to %d, checksum %04x" % (port, c), w(udp(dport=port, src=s, dst=d, check=c))
            for n in (0, 1, 1000, 1452):
                yield "to %d, %d bytes" % (port, n), w(udp(b"z" * n, dport=port, src=s, dst=d))
        for v in W16 + [7]:
            yield "to port %d" % v, w(udp(dport=v, src=s, dst=d))
    for d in ("10.0.0.255", "255.255.255.255", "224.0.0.1", "224.0.0.9"):
        for port in (7, 9):
            yield "to %s port %d" % (d, port), eth(ip4(udp(dport=port, dst=d), dst=d))
            yield "to %s port %d, wrong checksum" % (d, port), eth(ip4(udp(dport=port, dst=d, check=5), dst=d))


def g_tcp():
    n = 5000
    for v6 in (0, 1):
        s, d = ("2001:db8::2", "2001:db8::1") if v6 else ("10.0.0.2", "10.0.0.1")
        w = (lambda p: eth(ip6(p, 6), 0x86dd)) if v6 else (lambda p: eth(ip4(p, 6)))
        for port in (9, 7):
            for f in range(256):
                n += 1
                yield "to %d, flags %02x" % (port, f), w(tcp(sport=n, dport=port, flags=f, ack=77, src=s, dst=d))
            for f in (2, 0x10, 0x12, 0x14, 4, 1, 0):
                for doff in range(16):
                    n += 1
                    yield "to %d, flags %02x, data offset %d" % (port, f, doff), w(tcp(b"\1" * 8, sport=n, dport=port, flags=f, doff=doff, src=s, dst=d))
                for v in (0, 1, 0x7fffffff, 0x80000000, 0xffffffff):
                    n += 1
                    yield "to %d, flags %02x, sequence %x" % (port, f, v), w(tcp(b"x" * 3, sport=n, dport=port, flags=f, seq=v, src=s, dst=d))
                    n += 1
                    yield "to %d, flags %02x, acknowledgment %x" % (port, f, v), w(tcp(sport=n, dport=port, flags=f, ack=v, src=s, dst=d))
                for k in (0, 1, 7, 8, 19, 20):
                    n += 1
                    yield "to %d, flags %02x, cut at %d" % (port, f, k), w(tcp(sport=n, dport=port, flags=f, src=s, dst=d)[:k])
                for c in (0, 0x1234, 0xffff):
                    n += 1
                    yield "to %d, flags %02x, checksum %04x" % (port, f, c), w(tcp(sport=n, dport=port, flags=f, check=c, src=s, dst=d))
                for r in (1, 2, 4, 8, 15):
                    n += 1
                    yield "to %d, flags %02x, reserved bits %x" % (port, f, r), w(tcp(sport=n, dport=port, flags=f, res=r, src=s, dst=d))
                for v in (0, 1, 65535):
                    n += 1
                    yield "to %d, flags %02x, window %d, urgent %d" % (port, f, v, v), w(tcp(sport=n, dport=port, flags=f, win=v, urg=v, src=s, dst=d))
            for sp in (0, 1, 65535):
                yield "from %d to %d" % (sp, port), w(tcp(sport=sp, dport=port, src=s, dst=d))
        if v6:
            continue
        for kind in list(range(0, 36)) + [253, 254, 255]:
            for ln in (0, 1, 2, 3, 4, 10, 18, 40):
                n += 1
                yield "option %d length %d" % (kind, ln), w(tcp(sport=n, dport=7, opts=bytes([kind, ln]) + b"\0\x09\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d"))
        for mss in (0, 1, 47, 48, 87, 88, 536, 1460, 65535):
            n += 1
            yield "MSS %d" % mss, w(tcp(sport=n, dport=7, opts=struct.pack(">BBH", 2, 4, mss)))
        for ws in (0, 1, 13, 14, 15, 255):
            n += 1
            yield "window scale %d" % ws, w(tcp(sport=n, dport=7, opts=struct.pack(">BBBB", 1, 3, 3, ws)))
        for v in (0, 1, 0xffffffff):
            n += 1
            yield "timestamps %x" % v, w(tcp(sport=n, dport=7, opts=struct.pack(">BBBBII", 1, 1, 8, 10, v, v)))
    for d in ("10.0.0.255", "255.255.255.255", "224.0.0.1"):
        for f in (2, 0x10):
            n += 1
            yield "flags %02x to %s" % (f, d), eth(ip4(tcp(sport=n, dport=7, flags=f, dst=d), 6, dst=d))


def g_igmp():
    def igmp(t, code=0, group="0.0.0.0", data=b"", check=None):
        h = struct.pack(">BBH", t, code, 0) + a4(group) + data
        return h[:2] + struct.pack(">H", csum(h) if check is None else check) + h[4:]
    for t in range(0, 256):
        yield "type %02x" % t, eth(ip4(igmp(t, 0, "224.0.1.1"), 2, dst="224.0.0.1", ttl=1))
    for t in (0x11, 0x12, 0x16, 0x17, 0x22):
        for n in range(0, 12):
            m = igmp(t, 0, data=b"\0\0\0\0")
            yield "type %02x, %d bytes" % (t, n), eth(ip4(m[:2] + struct.pack(">H", csum(m[:2] + b"\0\0" + m[4:n])) + m[4:n] if n >= 4 else m[:n], 2, dst="224.0.0.1", ttl=1))
        yield "type %02x, wrong checksum" % t, eth(ip4(igmp(t, check=1), 2, dst="224.0.0.1", ttl=1))
        for d in ("10.0.0.1", "224.0.0.22", "224.0.0.2", "255.255.255.255"):
            yield "type %02x to %s" % (t, d), eth(ip4(igmp(t), 2, dst=d, ttl=1))
        for g in ADDR4:
            yield "type %02x about %s" % (t, g), eth(ip4(igmp(t, 0, g), 2, dst="224.0.0.1", ttl=1))
    for n in (0, 1, 2, 255, 65535):
        yield "query with %d sources" % n, eth(ip4(igmp(0x11, 1, data=struct.pack(">BBH", 0, 0, n) + b"\x0a\0\0\2"), 2, dst="224.0.0.1", ttl=1))


def g_ip6():
    fwd = dict(dst="2001:db8:1::2")
    for v in range(16):
        yield "version %d" % v, u6(ver=v)
    for v in list(range(0, 256, 15)) + [1, 2, 3, 255]:
        yield "class %02x" % v, u6(tc=v)
        yield "class %02x, forwarded" % v, u6(tc=v, **fwd)
    for v in (1, 0xfffff):
        yield "label %x" % v, u6(label=v)
    whole = len(u6()) - 14
    for v in sorted(set(W16 + [11, 12, 13, whole - 41, whole - 40, whole - 39])):
        yield "payload length %d" % v, u6(plen=v)
        yield "payload length %d, forwarded" % v, u6(plen=v, **fwd)
    for n in range(0, whole):
        yield "cut at %d" % n, u6()[:14 + n]
    for n in (1, 100):
        yield "%d bytes behind it" % n, u6() + b"\xee" * n
        yield "%d bytes behind it, forwarded" % n, u6(**fwd) + b"\xee" * n
    for v in range(256):
        yield "next header %d" % v, eth(ip6(b"\0" * 16, v), 0x86dd)
        yield "next header %d behind options" % v, eth(ip6(bytes([v, 0]) + b"\1\4\0\0\0\0" + b"\0" * 16, 60), 0x86dd)
    for v in range(0, 256, 3):
        yield "next header %d, forwarded" % v, eth(ip6(b"\0" * 16, v, **fwd), 0x86dd)
    for v in (0, 6, 17, 43, 44, 58, 59, 60, 135, 139, 140, 253):
        yield "next header %d, nothing behind it" % v, eth(ip6(b"", v), 0x86dd)
    for v in (0, 1, 2, 255):
        yield "hop limit %d" % v, u6(hop=v)
        yield "hop limit %d, forwarded" % v, u6(hop=v, **fwd)
        yield "hop limit %d, forwarded, long" % v, eth(ip6(udp(b"x" * 1400, src="2001:db8::2", **fwd), hop=v, **fwd), 0x86dd)


def g_ip6addr():
    for s in ADDR6:
        for d in ADDR6:
            yield "%s to %s" % (s, d), u6(src=s, dst=d)
            yield "%s to %s, echo" % (s, d), eth(ip6(icmp6(128, src=s, dst=d), 58, src=s, dst=d), 0x86dd)
    for s in ADDR6:
        for d in ADDR6:
            yield "%s to %s, hop limit 1" % (s, d), u6(src=s, dst=d, hop=1)
    for d in ADDR6:
        yield "to %s, open TCP port" % d, eth(ip6(tcp(dport=7, src="2001:db8::2", dst=d), 6, dst=d), 0x86dd)


def hdr(nh, body, n=None):
    body += b"\1" + bytes([(-len(body) - 4) % 8]) + b"\0" * ((-len(body) - 4) % 8) if (len(body) + 2) % 8 else b""
    return bytes([nh, (len(body) + 2) // 8 - 1 if n is None else n]) + body


def g_ip6ext():
    for where, d in (("", "2001:db8::1"), (", forwarded", "2001:db8:1::2"), (", to a group", "ff02::1")):
        for e, name in ((0, "hop-by-hop"), (60, "destination")):
            for kind in range(256) if e == 0 or not where else range(0, 256, 16):
                yield "%s option %02x%s" % (name, kind, where), u6(dst=d, nh=e, ext=hdr(17, bytes([kind, 4]) + b"\0" * 4))
            for kind in (0, 1, 5, 0x1e, 0x3e, 0x7e, 0xbe, 0xc2, 0xc9, 0xfe):
                for n in (0, 1, 2, 3, 5, 6, 13, 255):
                    yield "%s option %02x length %d%s" % (name, kind, n, where), u6(dst=d, nh=e, ext=bytes([17, 1, kind, n]) + b"\0" * 12)
            for n in (0, 1, 2, 3, 255):
                yield "%s length %d%s" % (name, n, where), u6(dst=d, nh=e, ext=hdr(17, b"\1\4\0\0\0\0", n))
            for k in (1, 2, 5, 6, 7, 8, 9, 20):
                yield "%s with %d pads%s" % (name, k, where), u6(dst=d, nh=e, ext=hdr(17, b"\1\0" * k))
                yield "%s with %d one-byte pads%s" % (name, k, where), u6(dst=d, nh=e, ext=bytes([17, (k + 9) // 8 - 1 if (k + 2) % 8 == 0 else (k + 2 + 7) // 8 - 1]) + b"\0" * (k + (-(k + 2)) % 8))
                yield "%s with %d options%s" % (name, k, where), u6(dst=d, nh=e, ext=hdr(17, b"\x1e\2\0\0" * k))
            for v in (0, 1, 6, 7, 8, 14):
                yield "%s pad of %d, not zero%s" % (name, v, where), u6(dst=d, nh=e, ext=bytes([17, 1]) + (b"\1" + bytes([v]) + b"\x55" * v + b"\0" * 14)[:14])
        for v in (0, 1, 2, 65535):
            yield "router alert %d%s" % (v, where), u6(dst=d, nh=0, ext=hdr(17, b"\5\2" + struct.pack(">H", v)))
        for j in (0, 1, 12, 65535, 65536, 70000):
            yield "jumbo %d%s" % (j, where), u6(dst=d, nh=0, plen=0, ext=bytes([17, 0, 0xc2, 4]) + struct.pack(">I", j))
            yield "jumbo %d beside a length%s" % (j, where), u6(dst=d, nh=0, ext=bytes([17, 0, 0xc2, 4]) + struct.pack(">I", j))
        for t in list(range(0, 7)) + [253, 254, 255]:
            for left in (0, 1, 2, 255):
                for n in (0, 1, 2, 3, 4):
                    yield "routing type %d left %d length %d%s" % (t, left, n, where), u6(dst=d, nh=43, ext=bytes([17, n, t, left]) + b"\0" * 4 + a6("2001:db8:1::2") * 2)
        for order in ((0, 0), (60, 0), (0, 60), (60, 60), (43, 0), (44, 0), (60, 43, 60)):
            ext = b"".join(bytes([nx, 0]) + (b"\0\0" + b"\0" * 4 if h == 43 else b"\0\0" + b"\0\0\0\1" if h == 44 else b"\1\4\0\0\0\0") for h, nx in zip(order, order[1:] + (17,)))
            yield "headers %s%s" % (order, where), u6(dst=d, nh=order[0], ext=ext)
        for k in (7, 8, 9, 20):
            yield "%d destination headers%s" % (k, where), u6(dst=d, nh=60, ext=b"".join(bytes([60 if i < k - 1 else 17, 0]) + b"\1\4\0\0\0\0" for i in range(k)))
    n = 0
    for off in (0, 1, 2, 100, 8190, 8191):
        for m in range(8):
            for size in (8, 12, 16):
                n += 1
                yield "fragment offset %d flags %d of %d bytes" % (off, m, size), eth(ip6(bytes([17, n & 255]) + struct.pack(">HI", off << 3 | m, 1000 + n) + b"\0" * size, 44), 0x86dd)
    for nh in range(256):
        yield "atomic fragment of %d" % nh, eth(ip6(bytes([nh, 0]) + struct.pack(">HI", 0, 5) + b"\0" * 16, 44), 0x86dd)
    for nh in (0, 6, 17, 43, 58, 59, 60):
        yield "a first fragment with %d cut off" % nh, eth(ip6(bytes([nh, 0]) + struct.pack(">HI", 1, 5000 + nh), 44), 0x86dd)
        yield "a first fragment of 8 bytes with %d" % nh, eth(ip6(bytes([nh, 0]) + struct.pack(">HI", 1, 6000 + nh) + b"\0" * 8, 44), 0x86dd)
        yield "a first fragment, %d behind options" % nh, eth(ip6(bytes([60, 0]) + struct.pack(">HI", 1, 7000 + nh) + bytes([nh, 0, 1, 4, 0, 0, 0, 0]), 44), 0x86dd)


def g_icmp6():
    quoted = ip6(udp(sport=7, dport=4000, src="2001:db8::1", dst="2001:db8::2"), src="2001:db8::1", dst="2001:db8::2")
    w = lambda m, **k: eth(ip6(m, 58, **k), 0x86dd)
    for t in range(256):
        if t not in (130, 134, 137):
            yield "type %d" % t, w(icmp6(t, 0, b"\0\0\0\0", quoted))
            yield "type %d, hop limit 255" % t, w(icmp6(t, 0, b"\0\0\0\0", quoted), hop=255)
    for t in (1, 2, 3, 4, 128, 129, 133, 135, 136, 138, 139, 140, 160):
        for c in (1, 2, 3, 4, 5, 6, 7, 255):
            yield "type %d code %d" % (t, c), w(icmp6(t, c, b"\0\0\x05\0", quoted), hop=255)
        for n in range(0, 12):
            m = (icmp6(t, 0, b"\0\0\0\0", quoted)[:2] + b"\0\0\0\0\0\0" + quoted)[:n]
            yield "type %d, %d bytes" % (t, n), w(m[:2] + struct.pack(">H", csum(pseudo("2001:db8::2", "2001:db8::1", n, 58) + m)) + m[4:] if n >= 4 else m, hop=255)
        yield "type %d, wrong checksum" % t, w(icmp6(t, 0, b"\0\0\0\0", quoted, check=0x1234), hop=255)
        for d in ("ff02::1", "ff01::1", "ff05::1", "2001:db8:1::1", "2001:db8::", "fe80::ff:fe00:e0"):
            yield "type %d to %s" % (t, d), w(icmp6(t, 0, b"\0\0\0\0", quoted, dst=d), dst=d, hop=255)
    for t in (1, 2, 3, 4):
        for n in range(0, len(quoted) + 1, 3):
            yield "type %d, %d bytes quoted" % (t, n), w(icmp6(t, 0, b"\0\0\5\0", quoted[:n]))
        for nh in (0, 6, 17, 43, 44, 58, 59, 60, 253):
            q = ip6(b"\0" * 24, nh, src="2001:db8::1", dst="2001:db8::2")
            yield "type %d, quoted %d" % (t, nh), w(icmp6(t, 0, b"\0\0\5\0", q))
        for s in ("::", "2001:db8::2", "2001:db8:1::1", "fe80::ff:fe00:e0", "ff02::1"):
            yield "type %d, quoted from %s" % (t, s), w(icmp6(t, 0, b"\0\0\5\0", ip6(udp(src=s, dst="2001:db8::2"), src=s, dst="2001:db8::2")))
    for mtu in (0, 1, 67, 1279, 1280, 1281, 1499, 1500, 1501, 65535, 0xffffffff):
        yield "too big, MTU %d" % mtu, w(icmp6(2, 0, struct.pack(">I", mtu), quoted))
    for n in (0, 1, 1000, 1440):
        yield "echo with %d bytes" % n, w(icmp6(128, 0, data=b"p" * n))


def g_nd():
    def nd(t, target="2001:db8::1", opts=b"", rest=b"\0\0\0\0", src="2001:db8::2", dst="2001:db8::1", hop=255, code=0, check=None):
        return eth(ip6(icmp6(t, code, rest, (a6(target) if target else b"") + opts, check, src, dst), 58, src, dst, hop=hop), 0x86dd, E0 if not dst.startswith("ff") else "3333" + a6(dst)[12:].hex())
    sll, tll = b"\1\1" + bytes.fromhex(A), b"\2\1" + bytes.fromhex(A)
    for t in (135, 136):
        ll = sll if t == 135 else tll
        for d in ("2001:db8::1", "ff02::1:ff00:1", "ff02::1", "ff02::1:ff00:99", "fe80::ff:fe00:e0"):
            for x in ADDR6:
                yield "%d to %s for %s" % (t, d, x), nd(t, x, ll, dst=d)
            for s in ("::", "fe80::2", "2001:db8::77", "2001:db8:1::1", "2001:db8::1"):
                for o in (b"", ll):
                    yield "%d from %s to %s, options %d" % (t, s, d, len(o)), nd(t, "2001:db8::1", o, src=s, dst=d)
        for h in (0, 1, 64, 254):
            yield "%d, hop limit %d" % (t, h), nd(t, hop=h, opts=ll)
        for c in (1, 255):
            yield "%d, code %d" % (t, c), nd(t, code=c, opts=ll)
        yield "%d, wrong checksum" % t, nd(t, check=3, opts=ll)
        for k in range(0, 256):
            yield "%d, option %d" % (t, k), nd(t, opts=bytes([k, 1]) + bytes.fromhex(A))
        for n in (0, 1, 2, 3, 255):
            for k in (1, 2, 3, 5, 14, 24, 25, 31):
                yield "%d, option %d length %d" % (t, k, n), nd(t, opts=bytes([k, n]) + bytes.fromhex(A) + b"\0" * 8)
        for n in range(0, 8):
            yield "%d, an option's %d bytes" % (t, n), nd(t, opts=ll[:n])
        for n in range(0, 16):
            yield "%d, %d bytes of the target" % (t, n), nd(t, "", a6("2001:db8::1")[:n])
        for f in range(0, 256, 16):
            yield "%d, flags %02x" % (t, f), nd(t, "2001:db8::2", ll, bytes([f, 0, 0, 0]))
            yield "%d, flags %02x, to all" % (t, f), nd(t, "fe80::2", ll, bytes([f, 0, 0, 0]), dst="ff02::1", src="fe80::2")
        for m in ("000000000000", "ffffffffffff", "333300000001", E0, B):
            yield "%d, hardware address %s" % (t, m), nd(t, opts=ll[:2] + bytes.fromhex(m))
    for s in ("fe80::2", "::", "2001:db8::2"):
        for d in ("ff02::2", "fe80::ff:fe00:e0", "2001:db8::1"):
            for o in (b"", sll, tll, sll[:5], b"\1\0"):
                yield "router solicitation from %s to %s, options %s" % (s, d, o.hex()), nd(133, "", o, src=s, dst=d)
    for s in ("fe80::2", "2001:db8::2", "::"):
        for n in range(0, 20, 4):
            yield "router advertisement from %s, %d bytes" % (s, n), nd(134, "", b"\0" * n, rest=b"\x40\0\7\x08", src=s, dst="ff02::1")
        for tgt in ("fe80::2", "2001:db8:1::2", "ff02::1", "2001:db8::2"):
            for dd in ("2001:db8:9::1", "2001:db8:1::2", "ff02::1", "fe80::9"):
                yield "redirect from %s: %s by %s" % (s, dd, tgt), nd(137, tgt, a6(dd) + tll, src=s)
    for n in range(0, 40, 3):
        yield "redirect of %d bytes" % n, nd(137, "", (a6("fe80::2") + a6("2001:db8:9::1"))[:n], src="fe80::2")


def g_mld():
    ra = bytes([58, 0, 5, 2, 0, 0, 1, 0])
    def mld(t, group="::", rest=b"\0\0\0\0", data=b"", src="fe80::2", dst="ff02::1", hop=1, alert=True, code=0, check=None):
        m = icmp6(t, code, rest, a6(group) + data, check, src, dst)
        return eth(ip6((ra if alert else b"") + m, 0 if alert else 58, src, dst, hop=hop), 0x86dd, "3333" + a6(dst)[12:].hex() if dst.startswith("ff") else E0)
    for t in (130, 131, 132, 143):
        for s in ("fe80::2", "2001:db8::2", "::"):
            yield "%d from %s" % (t, s), mld(t, src=s)
        for h in (0, 1, 2, 64, 255):
            yield "%d, hop limit %d" % (t, h), mld(t, hop=h)
        yield "%d without router alert" % t, mld(t, alert=False)
        yield "%d, wrong checksum" % t, mld(t, check=7)
        for c in (1, 255):
            yield "%d, code %d" % (t, c), mld(t, code=c)
        for g in ADDR6:
            yield "%d about %s" % (t, g), mld(t, g)
        for n in range(0, 16):
            yield "%d with %d more bytes" % (t, n), mld(t, data=b"\0" * n)
        for n in range(0, 16, 3):
            m = icmp6(t, 0, b"\0\0\0\0", b"\0" * n, src="fe80::2", dst="ff02::1")
            yield "%d of %d bytes" % (t, 8 + n), eth(ip6(ra + m, 0, "fe80::2", "ff02::1", hop=1), 0x86dd, "333300000001")
    for n in (0, 1, 2, 100, 65535):
        yield "query of %d sources" % n, mld(130, "ff02::1:ff00:1", data=struct.pack(">BBH", 2, 125, n) + a6("2001:db8::5"))


def frag4(id, off, more, data, proto=17, **k):
    return eth(ip4(data, proto, id=id, flags=1 if more else 0, off=off, **k))


def frag6(id, off, more, data, nh=17, **k):
    return eth(ip6(bytes([nh, 0]) + struct.pack(">HI", off << 3 | (1 if more else 0), id) + data, 44, **k), 0x86dd)


def g_fragments():
    for v6 in (0, 1):
        s, d = ("2001:db8::2", "2001:db8::1") if v6 else ("10.0.0.2", "10.0.0.1")
        frag, n = (frag6, 50000) if v6 else (frag4, 1)
        whole = udp(bytes(range(40)), src=s, dst=d)  # 48 bytes, to a closed port: an answer quotes what was put together
        scenes = {
            "in order": [(0, 16, 1), (16, 32, 1), (32, 48, 0)], "backwards": [(32, 48, 0), (16, 32, 1), (0, 16, 1)], "the middle last": [(0, 16, 1), (32, 48, 0), (16, 32, 1)],
            "one twice": [(0, 16, 1), (0, 16, 1), (16, 48, 0)], "the last twice": [(32, 48, 0), (32, 48, 0), (0, 32, 1)], "overlap to the left": [(0, 24, 1), (16, 48, 0)],
            "overlap to the right": [(16, 48, 0), (0, 24, 1)], "one within another": [(0, 32, 1), (8, 16, 1), (32, 48, 0)], "one around another": [(8, 16, 1), (0, 32, 1), (32, 48, 0)],
            "two ends": [(0, 16, 1), (32, 40, 0), (16, 48, 0)], "behind the end": [(16, 32, 0), (32, 48, 1), (0, 16, 1)], "an end before the end": [(32, 48, 0), (16, 24, 0), (0, 16, 1)],
            "an odd middle": [(0, 15, 1), (16, 48, 0)], "an odd end": [(0, 16, 1), (16, 47, 0)], "nothing in the middle": [(0, 16, 1), (16, 16, 1), (16, 48, 0)],
            "nothing at the end": [(0, 48, 1), (48, 48, 0)], "nothing at first": [(0, 0, 1), (0, 48, 0)], "of eight bytes": [(i, i + 8, int(i < 40)) for i in range(0, 48, 8)],
            "whole with more to come": [(0, 48, 1), (48, 48, 0)],
        }
        for name, parts in scenes.items():
            n += 1
            for i, (a, b, m) in enumerate(parts):
                yield "v%d %s: %d to %d%s" % (6 if v6 else 4, name, a, b, "" if m else ", end"), frag(n, a // 8, m, whole[a:b])
        n += 1
        big = udp(b"\0" * 8, n=65535 & 0xffff, src=s, dst=d, check=1)
        yield "v%d beyond 65535: first" % (6 if v6 else 4), frag(n, 0, 1, big)
        yield "v%d beyond 65535: last" % (6 if v6 else 4), frag(n, 8191, 0, b"\0" * 100)
        n += 1
        for i in range(46):
            yield "v%d long: %d" % (6 if v6 else 4, i), frag(n, i * 178, 1, (b"\0\0\0\x09\xff\0\0\0" if i == 0 else b"\0" * 8) + b"\0" * 1416)
        yield "v%d long: end" % (6 if v6 else 4), frag(n, 46 * 178, 0, b"\0" * 100)
        n += 1
        other = dict(src="2001:db8::77") if v6 else dict(src="10.0.0.77")
        yield "v%d others' pieces: one's" % (6 if v6 else 4), frag(n, 0, 1, whole[:16])
        yield "v%d others' pieces: another's" % (6 if v6 else 4), frag(n, 2, 0, whole[16:], **other)
        yield "v%d others' pieces: its own" % (6 if v6 else 4), frag(n, 2, 0, whole[16:])
        for ecn in range(16):
            n += 1
            e = (lambda v: dict(tc=v)) if v6 else (lambda v: dict(tos=v))
            yield "v%d ECN %d, then" % (6 if v6 else 4, ecn >> 2), frag(n, 0, 1, whole[:16], **e(ecn >> 2))
            yield "v%d ECN %d" % (6 if v6 else 4, ecn & 3), frag(n, 2, 0, whole[16:], **e(ecn & 3))
        for h in (1, 2, 64):
            n += 1
            k = dict(hop=h) if v6 else dict(ttl=h)
            yield "v%d hop limit %d: first" % (6 if v6 else 4, h), frag(n, 0, 1, whole[:16], **k)
            yield "v%d hop limit %d: last" % (6 if v6 else 4, h), frag(n, 2, 0, whole[16:], **k)
    n = 900
    for o in (b"\7\7\4\0\0\0\0", b"\x94\4\0\0", b"\x83\7\4\x0a\1\0\2"):
        n += 1
        yield "v4 options %02x in the first" % o[0], frag4(n, 0, 1, udp(bytes(40))[:16], opts=o)
        yield "v4 options %02x, last" % o[0], frag4(n, 2, 0, udp(bytes(40))[16:])
        n += 1
        yield "v4 options %02x in all" % o[0], frag4(n, 0, 1, udp(bytes(40))[:16], opts=o)
        yield "v4 options %02x in all, last" % o[0], frag4(n, 2, 0, udp(bytes(40))[16:], opts=o)
    big = udp(bytes(1400), dst="10.1.0.2")
    for f in (0, 2):
        yield "v4 too long to forward, flags %d" % f, eth(ip4(big, dst="10.1.0.2", flags=f))
        yield "v4 too long to forward with options, flags %d" % f, eth(ip4(big, dst="10.1.0.2", flags=f, opts=b"\7\7\4\0\0\0\0\x94\4\0\0"))
        yield "v4 too long to forward, itself a fragment, flags %d" % f, eth(ip4(big[:1408], dst="10.1.0.2", flags=f | 1))
    yield "v6 too long to forward", eth(ip6(udp(bytes(1400), src="2001:db8::2", dst="2001:db8:1::2"), dst="2001:db8:1::2"), 0x86dd)


def g_host():
    """A host, not a router: advertisements and redirects count, and nothing is forwarded."""
    yield "IPv4 for another", u4(dst="10.1.0.2")
    yield "IPv4 for nobody", u4(dst="192.0.2.1")
    yield "IPv6 for another", u6(dst="2001:db8:1::2")
    for t in (3, 5, 11, 12):
        yield "ICMP %d" % t, eth(ip4(icmp4(t, 0, a4("10.0.0.77"), ip4(udp(sport=7, dport=4000), src="10.0.0.1", dst="192.0.2.1")), 1))
    for s in ADDR4:
        yield "IPv4 from %s" % s, u4(src=s)
    def ra(opts=b"", hop=255, src="fe80::2", dst="ff02::1", body=b"\x40\0\7\x08" + b"\0" * 8, code=0, check=None):
        return eth(ip6(icmp6(134, code, body[:4], body[4:] + opts, check, src, dst), 58, src, dst, hop=hop), 0x86dd, "333300000001")
    for s in ("2001:db8::2", "::", "fe80::ff:fe00:e0"):
        yield "router advertisement from %s" % s, ra(src=s)
    for h in (1, 64, 254):
        yield "router advertisement, hop limit %d" % h, ra(hop=h)
    for c in (1, 255):
        yield "router advertisement, code %d" % c, ra(code=c)
    yield "router advertisement, wrong checksum", ra(check=4)
    for n in range(4, 12):
        yield "router advertisement of %d bytes" % (n + 4), ra(body=b"\x40\0\7\x08" + b"\0" * (n - 4))
    for k in range(0, 64):
        for n in (0, 1, 2, 3, 4, 255):
            yield "router advertisement, option %d length %d" % (k, n), ra(bytes([k, n]) + b"\0" * 30)
    for l in (0, 1, 63, 64, 65, 127, 128, 129, 255):
        yield "router advertisement, a prefix of %d" % l, ra(struct.pack(">BBBBIII", 3, 4, l, 0xc0, 0, 0, 0) + a6("2001:db8:77::"))
    yield "the end: an echo", eth(ip4(icmp4(8), 1))


GROUPS = {"ethernet": g_ethernet, "arp": g_arp, "ip4": g_ip4, "ip4addr": g_ip4addr, "ip4opt": g_ip4opt, "icmp4": g_icmp4, "probe": g_probe, "udp": g_udp, "tcp": g_tcp,
          "igmp": g_igmp, "ip6": g_ip6, "ip6addr": g_ip6addr, "ip6ext": g_ip6ext, "icmp6": g_icmp6, "nd": g_nd, "mld": g_mld, "fragments": g_fragments, "host": g_host}
DIFFERENT = {"host": dict(forward=0, accept_ra=1), "probe": dict(more="set net/ipv4/icmp_echo_enable_probe 1\n"),
             "fragments": dict(more="set net/ipv4/ipfrag_time 1000\nset net/ipv6/ip6frag_time 1000\nmtu e1 1280\n"),
             "ip4opt": dict(more="set net/ipv4/conf/all/accept_source_route 1\nset net/ipv4/conf/e0/accept_source_route 1\n")}


def setup_of(group):
    return SETUP.format(**{"forward": 1, "accept_ra": 0, "more": "", **DIFFERENT.get(group, {})})


# -- recording --

libc = ctypes.CDLL(None, use_errno=True)
own = os.open("/proc/self/ns/net", os.O_RDONLY)


class inside:
    def __init__(self, name):
        self.name = name

    def __enter__(self):
        fd = os.open("/run/netns/" + self.name, os.O_RDONLY)
        assert libc.setns(fd, 0) == 0
        os.close(fd)

    def __exit__(self, *_):
        assert libc.setns(own, 0) == 0


def colons(mac):
    return ":".join(mac[i:i + 2] for i in range(0, 12, 2))


MACHINE = {}  # sysctls of the machine's that were changed, and what they were


class Host:
    def __init__(self, group):
        self.ns = "packets%d-%s" % (os.getpid(), group)
        self.tap, self.socks = {}, []
        subprocess.run(["ip", "netns", "add", self.ns], check=True)
        with inside(self.ns):
            for d, mac in (("e0", E0), ("e1", E1)):
                fd = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
                fcntl.ioctl(fd, 0x400454ca, struct.pack("16sH22x", d.encode(), 2 | 0x1000))  # TUNSETIFF: IFF_TAP, IFF_NO_PI
                self.tap[d] = fd
                self.ip("link", "set", d, "address", colons(mac))
        for line in setup_of(group).splitlines():
            self.do(line.split())

    def ip(self, *w):
        subprocess.run(["ip", "-n", self.ns, *w], check=True)

    def do(self, w):
        if w[0] == "set":
            with inside(self.ns):
                if os.path.exists("/proc/sys/" + w[1]):
                    open("/proc/sys/" + w[1], "w").write(w[2])
                    return
            MACHINE.setdefault(w[1], open("/proc/sys/" + w[1]).read())
            open("/proc/sys/" + w[1], "w").write(w[2])
        elif w[0] == "up":
            for d in ("lo", "e0", "e1"):
                self.ip("link", "set", d, "up")
        elif w[0] == "mtu":
            self.ip("link", "set", w[1], "mtu", w[2])
        elif w[0] == "addr":
            self.ip("addr", "add", w[1], "dev", w[2])
        elif w[0] == "neigh":
            self.ip("neigh", "add", w[1], "lladdr", colons({"a": A, "b": B}[w[3]]), "dev", w[2])
        elif w[0] == "listen":  # in both families, UDP and TCP port 7
            with inside(self.ns):
                for t in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
                    s = socket.socket(socket.AF_INET6, t)
                    s.bind(("::", 7))
                    if t == socket.SOCK_STREAM:
                        s.listen(100000)
                    self.socks.append(s)
                self.files = [open("/proc/thread-self/net/" + n) for n in ("snmp", "netstat", "snmp6")]

    def counters(self):
        c = {}
        for f in self.files[:2]:
            f.seek(0)
            l = f.read().splitlines()
            for names, values in zip(l[::2], l[1::2]):
                for n, v in zip(names.split()[1:], values.split()[1:]):
                    c[names.split(":")[0] + n] = int(v)
        self.files[2].seek(0)
        for l in self.files[2]:
            n, v = l.split()
            c[n] = int(v)
        return c

    def sent(self):
        out = []
        for d in ("e0", "e1"):
            while True:
                try:
                    out.append((d, os.read(self.tap[d], 70000)))
                except BlockingIOError:
                    break
        try:
            while True:
                self.socks[0].recv(70000, socket.MSG_DONTWAIT)
        except OSError:
            pass
        return out

    def end(self):
        for f in self.files + self.socks:
            f.close()
        for fd in self.tap.values():
            os.close(fd)
        subprocess.run(["ip", "netns", "del", self.ns])


def report_of_groups(f):
    """IGMP's and MLD's own reports, which come when they like."""
    if f[12:14] == b"\x08\x00":
        return f[23] == 2
    return f[12:14] == b"\x86\xdd" and len(f) > 62 and f[20] == 0 and f[54] == 58 and f[62] in (131, 132, 143)


def tidy(f, sent):
    """What is random set to 0: IPv4's id and IPv6's of fragments, TCP's first sequence number and timestamps; the time of day, wherever it is, becomes TIME; checksums are
    verified, then 0. sent: about when the packet was, as in ICMP timestamps."""
    f = bytearray(f)
    if f[12:14] == b"\x08\x00" and len(f) >= 34:
        n = (f[14] & 15) * 4
        f[24:26] = b"\0\0" if csum(bytes(f[14:14 + n])) == 0 else b"\xff\xff"
        f[18:20] = b"\0\0"
        if not struct.unpack(">H", f[20:22])[0] & 0x3fff:
            transport(f, 14 + n, f[23], bytes(f[26:30] + f[30:34]) + struct.pack(">HH", f[23], len(f) - 14 - n))
        for i in range(34, min(len(f), 200) - 3):
            if 0 <= struct.unpack(">I", f[i:i + 4])[0] - sent < 50:
                f[i:i + 4] = b"TIME"
    elif f[12:14] == b"\x86\xdd" and len(f) >= 54:
        if f[20] == 44 and len(f) >= 62:
            f[58:62] = b"\0" * 4
        transport(f, 54, f[20], bytes(f[22:54]) + struct.pack(">II", len(f) - 54, f[20]))
    return bytes(f)


def transport(f, at, proto, ph):
    where = {6: 16, 17: 6, 1: 2, 58: 2}.get(proto)
    if where is None or len(f) < at + where + 2:
        return
    c = csum((b"" if proto == 1 else ph) + bytes(f[at:]))
    f[at + where:at + where + 2] = b"\0\0" if c == 0 or not any(f[at:]) else b"\xff\xff"  # either zero will do for zeros
    if proto == 6 and f[at + 13] & 2:
        f[at + 4:at + 8] = b"\0" * 4
        o, end = at + 20, at + (f[at + 12] >> 4) * 4
        while o < end and f[o]:
            if f[o] == 8:
                f[o + 2:o + 6] = b"\0" * 4
            o += 1 if f[o] == 1 else max(f[o + 1], 1)


# Counters that say how a kernel works inside, or that reports of groups move.
IGNORED = re.compile(r"Octets$|OutMcast|TcpExt(TCPPureAcks|TCPHPHits|TCPOrigDataSent|TCPDelivered|TCPRcvCoalesce)|^Ip(6Out|Out)(Requests|Transmits)$|^(Icmp6?OutMsgs|Icmp6OutType143|Icmp6OutType131|Icmp6OutMLDv2Reports)$"
                     r"|^Icmp6(In|Out)[A-Z](?!sgs|ype|rrors|sumErrors)|^Tcp(CurrEstab|MaxConn|Rto)|^IpForwarding|^IpDefaultTTL|^Icmp(In|Out)[A-Z][a-z]+(s|ed|es|Probs|Excds|Reps|Masks|MaskReps)$|^UdpLite")
KEEP = ("IcmpInMsgs", "IcmpInErrors", "IcmpInCsumErrors", "IcmpOutErrors", "Icmp6InErrors", "Icmp6InMsgs", "Icmp6InCsumErrors", "Icmp6OutErrors")


def counted(name):
    return name in KEEP or not IGNORED.search(name)


def record(groups):
    hosts = {g: Host(g) for g in groups}
    time.sleep(12)  # until all joined groups are reported
    try:
        print("# Made by packets.py on Linux %s: do not edit." % os.uname().release)
        for g in groups:
            h = hosts[g]
            print("group " + g)
            print(setup_of(g), end="")
            h.sent()
            before = h.counters()
            for title, frame in GROUPS[g]():
                sent = int(time.time() * 1000 % 86400000) - 1
                os.write(h.tap["e0"], frame)
                out = h.sent()
                after = h.counters()
                print("rx e0 %s %s" % (frame.hex(), title))
                for d, f in out:
                    if not report_of_groups(f):
                        print("> %s %s" % (d, tidy(f, sent).hex()))
                moved = sorted("%s+%d" % (k, after[k] - before.get(k, 0)) for k in after if after[k] != before.get(k, 0) and counted(k))
                print("= " + " ".join(moved))
                before = after
    finally:
        for h in hosts.values():
            h.end()
        for name, was in MACHINE.items():
            open("/proc/sys/" + name, "w").write(was)


if __name__ == "__main__":
    which = sys.argv[2:] or list(GROUPS)
    if sys.argv[1:2] == ["record"]:
        record(which)
    else:
        for g in which:
            for title, frame in GROUPS[g]():
                print(g, frame.hex(), title)
