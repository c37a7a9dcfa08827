#!/usr/bin/env python3
"""Servers and clients of the uplinks' tests: peer.py VERB ARGUMENTS. Servers say "ready" when they serve."""
import errno
import hashlib
import http.server
import os
import select
import socket
import struct
import sys

MEGA = 1 << 20


def family(addr):
    return socket.AF_INET6 if ":" in addr else socket.AF_INET


def bound(kind, addr, port):
    s = socket.socket(family(addr), kind)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if addr == "::":
        s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    s.bind((addr, int(port)))
    return s


def plain(addr):
    return addr.removeprefix("::ffff:")


def ready():
    print("ready", flush=True)


def dns(addr, port):
    """Knows one name, srv.test, in both families, and that it has no others."""
    s = bound(socket.SOCK_DGRAM, addr, port)
    ready()
    while True:
        q, who = s.recvfrom(2048)
        end = q.index(b"\0", 12) + 5
        name, kind = q[12:end - 4], struct.unpack("!H", q[end - 4:end - 2])[0]
        rdata = {1: socket.inet_aton("10.77.0.2"), 28: socket.inet_pton(socket.AF_INET6, "fd77::2")}.get(kind)
        found = name.lower() == b"\x03srv\x04test\0"
        answer = struct.pack("!HHHIH", 0xc00c, kind, 1, 60, len(rdata)) + rdata if found and rdata else b""
        s.sendto(q[:2] + struct.pack("!HHHHH", 0x8180 | (0 if found else 3), 1, 1 if answer else 0, 0, 0) + q[12:end] + answer, who)


def data(size):
    """The same bytes for everybody, not compressible, quickly made."""
    block = hashlib.shake_256(b"weft").digest(MEGA)
    left = size
    while left:
        yield block[:min(left, MEGA)]
        left -= min(left, MEGA)


class Http(http.server.BaseHTTPRequestHandler):
    """/ : who asks; /SIZE: so many bytes; PUT: the digest of what came."""
    protocol_version = "HTTP/1.1"

    def body(self, b):
        self.send_response(200)
        self.send_header("Content-Length", str(len(b)))
        self.end_headers()
        self.wfile.write(b)

    def do_GET(self):
        if self.path == "/":
            self.body(f"{plain(self.client_address[0])}\n".encode())
            return
        size = int(self.path[1:])
        self.send_response(200)
        self.send_header("Content-Length", str(size))
        self.end_headers()
        for block in data(size):
            self.wfile.write(block)

    def do_PUT(self):
        h, left = hashlib.sha256(), int(self.headers["Content-Length"])
        while left:
            b = self.rfile.read(min(left, MEGA))
            h.update(b)
            left -= len(b)
        self.body(h.hexdigest().encode() + b"\n")

    def log_message(self, *a):
        pass


def httpd(addr, port):
    class Server(http.server.ThreadingHTTPServer):
        address_family = family(addr)
        request_queue_size = 128

    s = Server((addr, int(port)), Http)
    ready()
    s.serve_forever()


def digest(size):
    h = hashlib.sha256()
    for b in data(int(size)):
        h.update(b)
    print(h.hexdigest())


def udp(addr, port):
    """Sends each datagram back, with who sent it in front."""
    s = bound(socket.SOCK_DGRAM, addr, port)
    ready()
    while True:
        d, who = s.recvfrom(65536)
        s.sendto(f"{plain(who[0])} {who[1]}\n".encode() + d, who)


def ask(addr, port, myport, *sizes):
    """Datagrams of these sizes to an udp server: what it says of the sender."""
    s = socket.socket(family(addr), socket.SOCK_DGRAM)
    s.settimeout(20)
    if int(myport):
        s.bind(("", int(myport)))
    for n in sizes or ["10"]:
        s.sendto(b"u" * int(n), (addr, int(port)))
        d, who = s.recvfrom(65536)
        head, rest = d.split(b"\n", 1)
        print(head.decode(), "from", plain(who[0]), who[1], "intact" if rest == b"u" * int(n) else "changed")


def tcp(addr, port):
    """Tells each connection who it is, then sends back what it says until it has said all: one thread, any number of them."""
    l = bound(socket.SOCK_STREAM, addr, port)
    l.listen(4096)
    l.setblocking(False)
    ep = select.epoll()
    ep.register(l, select.EPOLLIN)
    conns = {}
    ready()
    while True:
        for fd, ev in ep.poll():
            if fd == l.fileno():
                try:
                    c, who = l.accept()
                except BlockingIOError:
                    continue
                conns[c.fileno()] = c
                c.sendall(f"{plain(who[0])} {who[1]}\n".encode())
                c.setblocking(True)
                ep.register(c, select.EPOLLIN)
                continue
            c = conns[fd]
            try:
                d = c.recv(65536)
                if d:
                    c.sendall(d)
                    continue
            except OSError:
                pass
            ep.unregister(fd)
            conns.pop(fd).close()


def call(addr, port, myport="0"):
    """Connects, and says what the server says of it: the address, and whether the port is the one it has."""
    s = socket.socket(family(addr))
    s.settimeout(20)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if int(myport):
        s.bind(("", int(myport)))
    try:
        s.connect((addr, int(port)))
        s.sendall(b"to and fro")
        s.shutdown(socket.SHUT_WR)
        got = b""
        while True:
            d = s.recv(65536)
            if not d:
                break
            got += d
        head, rest = got.split(b"\n", 1)
        ip, p = head.decode().split()
        print(ip, "same port" if int(p) == s.getsockname()[1] else "other port", "intact" if rest == b"to and fro" else "changed")
    except OSError as e: # how a reset shows depends on what one was about to do when it came
        print("reset" if e.errno in (errno.ECONNRESET, errno.EPIPE, errno.ENOTCONN) else "refused" if e.errno == errno.ECONNREFUSED else e)


def many(addr, port, count):
    """So many connections at once, all open together; each says who it is and gets back what it sends."""
    ep, conns, seen = select.epoll(), {}, set()
    for i in range(int(count)):
        s = socket.socket(family(addr))
        s.setblocking(False)
        s.connect_ex((addr, int(port)))
        conns[s.fileno()] = [s, b"", None]
        ep.register(s, select.EPOLLOUT | select.EPOLLIN)
    greeted = done = 0
    while done < int(count):
        events = ep.poll(30)
        if not events:
            print("stuck:", greeted, "greeted", done, "done")
            return
        for fd, ev in events:
            s, got, sent = conns[fd]
            if ev & select.EPOLLOUT and sent is None:
                conns[fd][2] = sent = False
                ep.modify(s, select.EPOLLIN)
            if not ev & (select.EPOLLIN | select.EPOLLHUP | select.EPOLLERR):
                continue
            d = s.recv(4096)
            if not d:
                print("closed early")
                return
            conns[fd][1] = got = got + d
            if not sent and b"\n" in got:
                greeted += 1
                conns[fd][2] = True
                ip, p = got.split(b"\n")[0].decode().split()
                seen.add((ip, int(p) == s.getsockname()[1]))
                if greeted == int(count): # all are open now
                    for c in conns.values():
                        c[0].sendall(b"x" * 100)
            elif got.endswith(b"x" * 100):
                done += 1
                ep.unregister(s)
    print(len(conns), "at once,", *(f"{ip} {'same' if same else 'other'} port" for ip, same in sorted(seen)))


def frames(dev, *targets):
    """Sends a UDP datagram to port 9 and a TCP SYN to port 9009 of each target, as frames past the kernel's routing."""
    gw = os.popen("ip neigh").read()
    mac = bytes.fromhex("525500000202")
    s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    s.bind((dev, 0))
    me = s.getsockname()[4]
    for t in targets:
        if ":" in t:
            src, dst = socket.inet_pton(socket.AF_INET6, "fd00::100"), socket.inet_pton(socket.AF_INET6, t)
            pseudo, kind = lambda n, p: src + dst + struct.pack("!IHBB", n, 0, 0, p), 0x86dd
        else:
            src, dst = socket.inet_aton("10.0.2.100"), socket.inet_aton(t)
            pseudo, kind = lambda n, p: src + dst + struct.pack("!BBH", 0, p, n), 0x800
        for proto, l4 in ((17, struct.pack("!HHHH", 999, 9, 12, 0) + b"mark"), (6, struct.pack("!HHIIBBHHH", 998, 9009, 1, 0, 0x50, 2, 1000, 0, 0))):
            c = csum(pseudo(len(l4), proto) + l4)
            at = 6 if proto == 17 else 16
            l4 = l4[:at] + struct.pack("!H", c or 0xffff) + l4[at + 2:]
            if kind == 0x800:
                h = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(l4), 1, 0, 64, proto, 0) + src + dst
                h = h[:10] + struct.pack("!H", csum(h)) + h[12:]
            else:
                h = struct.pack("!IHBB", 6 << 28, len(l4), proto, 64) + src + dst
            s.send(mac + me + struct.pack("!H", kind) + h + l4)
    del gw
    print("sent")


def once(port):
    """Serves one connection: prints who called."""
    l = bound(socket.SOCK_STREAM, "::", port)
    l.listen(1)
    ready()
    print(plain(l.accept()[1][0]))


def tagged(dev, vid, addr):
    """Asks for an address's neighbour in a VLAN, without a VLAN device: who answers, and in which VLAN."""
    s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
    s.setsockopt(263, 8, 1)  # SOL_PACKET, PACKET_AUXDATA
    s.settimeout(20)
    s.bind((dev, 3))
    me = s.getsockname()[4]
    arp = struct.pack("!HHBBH6s4s6s4s", 1, 0x800, 6, 4, 1, me, socket.inet_aton("10.78.0.2"), bytes(6), socket.inet_aton(addr))
    s.send(b"\xff" * 6 + me + struct.pack("!HHH", 0x8100, int(vid), 0x806) + arp)
    while True:
        f, aux, _, _ = s.recvmsg(2000, 100)
        tci = struct.unpack("IIIHHHH", aux[0][2])[5]
        if f[12:14] == b"\x08\x06" and f[20:22] == b"\0\2":
            print(socket.inet_ntoa(f[28:32]), "in VLAN", tci & 0xfff)
            return


def csum(b):
    b += b"\0" * (len(b) % 2)
    n = sum(struct.unpack(f"!{len(b) // 2}H", b))
    while n >> 16:
        n = (n & 0xffff) + (n >> 16)
    return ~n & 0xffff


def counting(addr, port):
    """Counts what comes to a UDP and a TCP port, and says so when it is told to end."""
    u, l = bound(socket.SOCK_DGRAM, addr, port), bound(socket.SOCK_STREAM, addr, "9009")
    l.listen(8)
    ready()
    n = 0
    while True:
        r, _, _ = select.select([u, l, sys.stdin], [], [])
        if sys.stdin in r:
            print("reached", n, flush=True)
            return
        if u in r:
            u.recv(100)
            n += 1
        if l in r:
            l.accept()[0].close()
            n += 1


if __name__ == "__main__":
    verbs = {"dns": dns, "http": httpd, "udp": udp, "ask": ask, "tcp": tcp, "call": call, "many": many, "digest": digest, "frames": frames,
             "counting": counting, "once": once, "tagged": tagged}
    verbs[sys.argv[1]](*sys.argv[2:])
