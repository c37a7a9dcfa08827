"""What sockets hear of ICMP errors: every type and code, to UDP, ping, raw and TCP sockets of both families, connected or not, with and without
IP_RECVERR; what the error queue says; RFC 4884's extensions.

    told.sh runs this; compare.py has what Linux 6.18 printed."""
import errno
from wire import *

w = Wire("ip -6 route add 2001:db8:9::/48 via fe80::fe dev e0")  # a gateway that is no router: so that what is learned over it can be flushed
w.s[0].settimeout(5)
RECVERR4, RECVERR6, RFC4884_4, RFC4884_6, MSG_ERRQUEUE = (0, 11), (41, 25), (0, 26), (41, 31), 0x2000
PEER = {4: "10.0.0.2", 6: "2001:db8:9::2"}
OWN = {4: "10.0.0.1", 6: "2001:db8::1"}
put("ipv4/ping_group_range", "0 0")


def name(e):
    return errno.errorcode.get(e, str(e))


def addr(b):
    fam = struct.unpack("H", b[:2])[0]
    if fam == 2:
        return "%s:%d" % (socket.inet_ntoa(b[4:8]), struct.unpack(">H", b[2:4])[0])
    if fam == 10:
        return "[%s]:%d%%%d" % (socket.inet_ntop(10, b[8:24]), struct.unpack(">H", b[2:4])[0], struct.unpack("I", b[24:28])[0])
    return "family %d" % fam


def queue(s):
    out = []
    while True:
        try:
            d, c, f, a = s.recvmsg(2000, 1000, MSG_ERRQUEUE | socket.MSG_DONTWAIT)
        except OSError as e:
            return out
        for level, kind, v in c:
            if (level, kind) in ((0, 11), (41, 25)):
                no, origin, t, code, pad, info, data = struct.unpack("IBBBBII", v[:16])
                out.append("%s origin %d type %d code %d info %d data %x offender %s, of %s, to %s, flags %x" % (name(no), origin, t, code, info, data, addr(v[16:]), "%d:%s" % (len(d), d[:12].hex()), a[:2] if a else a, f))
            else:
                out.append("cmsg %d %d: %s" % (level, kind, v.hex()))


def heard(s, also=()):
    out = []
    try:
        s.recvmsg(1000, 100, socket.MSG_DONTWAIT)  # which weft sees, and a plain recv it does not: docs/differences.md
        out.append("data")
    except OSError as e:
        out.append(name(e.errno))
    e = s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    out.append("then " + name(e) if e else "then nothing")
    return [" ".join(out)] + queue(s)


def error(v, type, code, rest, quoted, frm=None):
    frm = frm or ("10.0.0.9" if v == 4 else "2001:db8::9")
    if v == 4:
        return eth(ip4(icmp4(type, code, rest, quoted), 1, src=frm))
    return eth(ip6(icmp6(type, code, rest, quoted, src=frm), 58, src=frm), 0x86dd)


def quote(v, proto, body, dst=None, src=None):
    return ip4(body, proto, src=src or OWN[4], dst=dst or PEER[4]) if v == 4 else ip6(body, proto, src=src or OWN[6], dst=dst or PEER[6])


ALL = {4: [(3, c) for c in range(17)] + [(4, 0), (5, 1), (11, 0), (11, 1), (11, 2), (12, 0), (12, 1)], 6: [(1, c) for c in range(9)] + [(2, 0), (2, 1), (3, 0), (3, 1), (4, 0), (4, 1), (4, 2), (4, 3), (5, 0), (100, 0), (127, 0)]}


def rest(v, t, c):
    if (v, t, c) == (4, 3, 4):
        return struct.pack(">HH", 0, 1400)
    if (v, t) == (6, 2):
        return struct.pack(">I", 1400)
    if (v, t) == (4, 5):
        return a4("10.0.0.253")
    if t in (12, 4) and (v, t) != (4, 4):
        return bytes([6, 0, 0, 0]) if v == 4 else bytes([0, 0, 0, 6])
    return bytes(4)


def flush():
    put("ipv4/route/flush", 1)
    put("ipv6/route/flush", 1)


def every(title, v, s, quoted):
    """Each error in turn; only lines that say something new about it."""
    out = []
    for t, c in ALL[v]:
        w.send(0, error(v, t, c, rest(v, t, c), quoted))
        h = heard(s)
        out.append("%d/%d: %s" % (t, c, "; ".join(h)))
    show(title, out)
    flush()


for v, fam in (4, socket.AF_INET), (6, socket.AF_INET6):
    print("== IPv%d" % v)
    R, X = (RECVERR4, RFC4884_4) if v == 4 else (RECVERR6, RFC4884_6)
    port = 6000

    def udp_socket(connected, recverr, pmtu=None):
        global port
        port += 1
        s = socket.socket(fam, socket.SOCK_DGRAM)
        s.bind((OWN[v], port))
        if connected:
            s.connect((PEER[v], 9))
        if recverr:
            s.setsockopt(*R, 1)
        if pmtu is not None:
            s.setsockopt(0 if v == 4 else 41, 10 if v == 4 else 23, pmtu)
        return s, quote(v, 17, udp(b"payload", port, 9, src=OWN[v], dst=PEER[v]))

    for connected in 0, 1:
        for recverr in 0, 1:
            s, q = udp_socket(connected, recverr)
            every("UDP, %sconnected, %s" % ("" if connected else "not ", "RECVERR" if recverr else "no RECVERR"), v, s, q)
    for pmtu in range(6):
        out = []
        for recverr in 0, 1:
            s, q = udp_socket(1, recverr, pmtu)
            t, c = (3, 4) if v == 4 else (2, 0)
            w.send(0, error(v, t, c, rest(v, t, c), q))
            out += heard(s)
            out += [re.sub(r"\s+", " ", re.sub(r"expires \d+sec", "expires", sh("ip -%d route get %s" % (v, PEER[v])))).strip()]
            flush()
        show("UDP, MTU_DISCOVER %d" % pmtu, out)
    s, q = udp_socket(1, 1)
    t, c = (3, 3) if v == 4 else (1, 4)
    hl = 20 if v == 4 else 40
    out = []
    for cut in 0, hl - 1, hl, hl + 4, hl + 7, hl + 8, hl + 12:
        w.send(0, error(v, t, c, bytes(4), q[:cut]))
        out.append("%d: %s" % (cut, "; ".join(heard(s))))
    show("quotes of as many bytes", out)
    out = []
    for frm in ("10.0.0.2", "198.51.100.1", "0.0.0.0", "10.0.0.1") if v == 4 else ("2001:db8::2", "fe80::2", "::", "2001:db8::1"):
        w.send(0, error(v, t, c, bytes(4), q, frm))
        out.append("%s: %s" % (frm, "; ".join(heard(s))))
    show("from whom", out)
    out = []
    for title, other in (("another source port", udp(b"payload", port + 100, 9, src=OWN[v], dst=PEER[v])), ("another destination port", udp(b"payload", port, 10, src=OWN[v], dst=PEER[v]))):
        w.send(0, error(v, t, c, bytes(4), quote(v, 17, other)))
        out.append("%s: %s" % (title, "; ".join(heard(s))))
    w.send(0, error(v, t, c, bytes(4), quote(v, 17, udp(b"payload", port, 9, src=OWN[v], dst=PEER[v]), dst="10.0.0.7" if v == 4 else "2001:db8::7")))
    out.append("another destination: %s" % "; ".join(heard(s)))
    show("about what else", out)
    s.setsockopt(0 if v == 4 else 41, 2 if v == 4 else 66, 1)  # IP_TOS, IPV6_RECVTCLASS: what does it add?
    s.setsockopt(*(socket.IPPROTO_IP, 8) if v == 4 else (41, 49), 1)  # PKTINFO
    s.setsockopt(*(socket.IPPROTO_IP, 12) if v == 4 else (41, 51), 1)  # TTL, hop limit
    w.send(0, error(v, t, c, bytes(4), q))
    show("with control messages", heard(s))
    out = []
    for n in range(3):
        w.send(0, error(v, t, c, bytes(4), q), error(v, *((11, 0) if v == 4 else (3, 0)), bytes(4), q))
    out += heard(s)
    show("several", out)
    show("sends after an error", [w.send(0, error(v, t, c, bytes(4), q))] and [name(e) for e in [s.connect_ex((PEER[v], 9))]] + heard(s))
    # RFC 4884
    ext = bytes([0x20, 0]) + b"\0\0" + struct.pack(">HBB", 8, 1, 1) + b"\1\2\3\4"
    ext = ext[:2] + struct.pack(">H", csum(ext)) + ext[4:]
    bad = ext[:2] + b"\x12\x34" + ext[4:]
    unit = 4 if v == 4 else 8
    out = []
    for on in 0, 1:
        s, q = udp_socket(1, 1)
        s.setsockopt(*X, on)
        for title, length, e in (("an object", 128, ext), ("a bad checksum", 128, bad), ("no checksum", 128, bytes([0x20, 0, 0, 0]) + ext[4:]), ("too short a quote", 64, ext), ("version 1", 128, bytes([0x10]) + ext[1:]), ("cut", 128, ext[:6]), ("an object that is too long", 128, ext[:4] + struct.pack(">HBB", 80, 1, 1) + b"\1\2\3\4"), ("nothing", 128, b"")):
            body = (q + bytes(200))[:length] + e
            r = bytes([0, length // unit, 0, 0]) if v == 4 else bytes([length // unit, 0, 0, 0])
            w.send(0, error(v, *((11, 0) if v == 4 else (3, 0)), r, body))
            out.append("%d, %s: %s" % (on, title, "; ".join(re.sub(r", of .*", "", x) for x in heard(s))))
    show("extensions", out)
    # ping
    for connected in 0, 1:
        for recverr in 0, 1:
            s = socket.socket(fam, socket.SOCK_DGRAM, 1 if v == 4 else 58)
            s.bind((OWN[v], 777))
            if connected:
                s.connect((PEER[v], 0))
            if recverr:
                s.setsockopt(*R, 1)
            q = quote(v, 1 if v == 4 else 58, struct.pack(">BBHHH", 8 if v == 4 else 128, 0, 0, 777, 1) + b"payload")
            every("ping, %sconnected, %s" % ("" if connected else "not ", "RECVERR" if recverr else "no RECVERR"), v, s, q)
            s.close()
    # raw
    for connected in 0, 1:
        for recverr in 0, 1:
            s = socket.socket(fam, socket.SOCK_RAW, 99)
            s.bind((OWN[v], 0))
            if connected:
                s.connect((PEER[v], 0))
            if recverr:
                s.setsockopt(*R, 1)
            every("raw, %sconnected, %s" % ("" if connected else "not ", "RECVERR" if recverr else "no RECVERR"), v, s, quote(v, 99, b"a payload of 20 bytes"))
            s.close()
    # TCP
    def attempt(recverr, t, c, seq=0):
        s = socket.socket(fam, socket.SOCK_STREAM)
        s.setblocking(False)
        if recverr:
            s.setsockopt(*R, 1)
        s.connect_ex((PEER[v], 80))
        syn = None
        while syn is None:
            b, a = w.s[0].recvfrom(2000)
            at = 34 if v == 4 else 54
            if a[2] != 4 and len(b) > at + 13 and b[at - 11 if v == 4 else 20] == 6 and b[at + 13] == 2:
                syn = b
        p = syn[14:]
        p = p[:at - 14 + 4] + struct.pack(">I", (struct.unpack(">I", p[at - 10:at - 6])[0] + seq) & 0xffffffff) + p[at - 6:]
        w.send(0, error(v, t, c, rest(v, t, c), p))
        e = s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        s.close()
        return name(e) if e else "0"

    for recverr in 0, 1:
        show("TCP connecting, %s" % ("RECVERR" if recverr else "no RECVERR"), ["%d/%d: %s" % (t, c, attempt(recverr, t, c)) for t, c in ALL[v]])
    show("TCP connecting, another sequence number", [attempt(0, *((3, 3) if v == 4 else (1, 4)), d) for d in (-1, 0, 1, 5)])

    def established(recverr, t, c):
        """A connection over the wire, with a segment unacknowledged that the error quotes."""
        global port
        port += 1
        srv = socket.socket(fam, socket.SOCK_STREAM)
        srv.setsockopt(1, 2, 1)
        srv.bind((OWN[v], 81))
        srv.listen()
        eth_type = 0x0800 if v == 4 else 0x86dd

        def seg(**k):
            x = tcp(sport=port, dport=81, src=PEER[v], dst=OWN[v], **k)
            return eth(ip4(x, 6) if v == 4 else ip6(x, 6, src=PEER[6]), eth_type)

        def hear(flags):
            at = 34 if v == 4 else 54
            while True:
                b, a = w.s[0].recvfrom(2000)
                if a[2] != 4 and len(b) > at + 13 and b[at - 11 if v == 4 else 20] == 6 and b[at + 13] == flags and b[at + 2:at + 4] == struct.pack(">H", port):
                    return b

        srv.settimeout(5)
        w.s[0].send(seg(seq=1000, flags=2))
        b = hear(0x12)
        at = 34 if v == 4 else 54
        isn = struct.unpack(">I", b[at + 4:at + 8])[0]
        w.s[0].send(seg(seq=1001, ack=isn + 1 & 0xffffffff, flags=16))
        k, _ = srv.accept()
        k.setblocking(False)
        if recverr:
            k.setsockopt(*R, 1)
        k.send(b"x" * 10)
        b = hear(0x18)
        w.send(0, error(v, t, c, rest(v, t, c), b[14:14 + (20 if v == 4 else 40) + 20]))
        e = k.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        try:
            k.send(b"y")
            r = "sends"
        except OSError as x:
            r = name(x.errno)
        out = "%s, %s, %s" % (name(e) if e else "0", r, "; ".join(re.sub(r"of \d+:[0-9a-f]*", "", x) for x in queue(k)))
        k.close()
        w.s[0].send(seg(seq=1001, flags=4))  # a reset
        srv.close()
        return out

    for recverr in 0, 1:
        show("TCP established, %s" % ("RECVERR" if recverr else "no RECVERR"), ["%d/%d: %s" % (t, c, established(recverr, t, c)) for t, c in (((3, 0), (3, 1), (3, 2), (3, 3), (3, 4), (3, 5), (3, 13), (4, 0), (5, 1), (11, 0), (12, 0)) if v == 4 else ((1, 0), (1, 1), (1, 3), (1, 4), (1, 5), (2, 0), (3, 0), (4, 0)))])
        flush()
print("== local errors")
for v, fam in (4, socket.AF_INET), (6, socket.AF_INET6):
    R = RECVERR4 if v == 4 else RECVERR6
    s = socket.socket(fam, socket.SOCK_DGRAM)
    s.setsockopt(*R, 1)
    s.setsockopt(0 if v == 4 else 41, 10 if v == 4 else 23, 2)
    try:
        s.sendto(bytes(3000), (PEER[v], 9))
    except OSError as e:
        print(name(e.errno))
    show("too long for the path, IPv%d" % v, heard(s))
    s = socket.socket(fam, socket.SOCK_RAW, 99)
    s.setsockopt(*R, 1)
    s.setsockopt(0 if v == 4 else 41, 10 if v == 4 else 23, 2)
    try:
        s.sendto(bytes(3000), (PEER[v], 0))
    except OSError as e:
        print(name(e.errno))
    show("too long for the path, raw, IPv%d" % v, heard(s))
    for x in 0, 1, 2, -1:
        s = socket.socket(fam, socket.SOCK_DGRAM)
        r = []
        for o in R, (RFC4884_4 if v == 4 else RFC4884_6):
            try:
                s.setsockopt(*o, x)
                r.append(s.getsockopt(*o))
            except OSError as e:
                r.append(name(e.errno))
        print("set to", x, r)
