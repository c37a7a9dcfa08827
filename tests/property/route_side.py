"""One side of tests/property/routes.py: lives in a namespace (a kernel's or weft's), types commands at the real `ip`, and reads back over
netlink everything that `ip` could show, faster than a process for each question.

Requests and answers are lines of JSON on stdin and stdout: {"do": command or null, "ask": [question, ...]} gives
{"said": text and exit code, "state": [line, ...], "answers": [line, ...]}. A line is a message: its header's and its attributes' bytes in
hex, in the order they came, times that pass cut out. A question is `ip route get`'s words: "4 10.0.0.1 fibmatch iif v0 from 10.0.0.9"."""
import json, os, socket, struct, subprocess, sys

GETLINK, GETADDR, GETROUTE, GETNEIGH, GETRULE, GETADDRLABEL, GETNETCONF, GETNEXTHOP, GETBUCKET = 18, 22, 26, 30, 34, 74, 82, 106, 118
AF4, AF6 = socket.AF_INET, socket.AF_INET6


class Side:
    def __init__(self):
        self.s = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)
        for opt in (11, 12):  # ext-acks, strict checks: as ip asks
            self.s.setsockopt(270, opt, 1)
        self.s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        self.seq = 0

    def messages(self):
        data = self.s.recv(1 << 17)
        at = 0
        while at + 16 <= len(data):
            n, kind, flags, seq, pid = struct.unpack_from("=IHHII", data, at)
            yield kind, flags, seq, data[at + 16:at + n]
            at += (n + 3) & ~3

    def dump(self, kind, header):
        for attempt in range(5):
            self.seq += 1
            self.s.send(struct.pack("=IHHII", 16 + len(header), kind, 0x301, self.seq, 0) + header)
            out, torn, end = [], False, False
            while not end:
                for k, flags, seq, body in self.messages():
                    torn |= bool(flags & 0x10)
                    if k == 2:
                        return ["error %d" % struct.unpack_from("=i", body)]
                    if k == 3:
                        end = True
                    else:
                        out.append(body)
            if not torn:
                return out
        return out

    def ask(self, requests):
        """One answer for each (kind, body): the message, or (errno, text)."""
        out = []
        for i in range(0, len(requests), 25):
            part = requests[i:i + 25]
            first = self.seq + 1
            buf = b""
            for kind, body in part:
                self.seq += 1
                buf += struct.pack("=IHHII", 16 + len(body), kind, 1, self.seq, 0) + body
            self.s.send(buf)
            got = {}
            while len(got) < len(part):
                for k, flags, seq, body in self.messages():
                    got[seq] = error(body, flags) if k == 2 else body
            out += [got[first + j] for j in range(len(part))]
        return out


def error(body, flags):
    code = struct.unpack_from("=i", body)[0]
    text = ""
    if flags & 0x200:
        size = 20 if flags & 0x100 else 4 + struct.unpack_from("=I", body, 4)[0]
        text = b" ".join(v.rstrip(b"\0") for t, v in attributes(body, size) if t == 1).decode("latin1")
    return "error %d %s" % (code, text)


def attributes(b, at):
    while at + 4 <= len(b):
        n, t = struct.unpack_from("=HH", b, at)
        if n < 4:
            return
        yield t, b[at + 4:at + n]
        at += (n + 3) & ~3


def attr(t, v):
    n = 4 + len(v)
    return struct.pack("=HH", n, t) + v + b"\0" * (-n % 4)


def line(name, b, header, cut=()):
    out = [name, b[:header].hex()]
    for t, v in attributes(b, header):
        if t & 0x3fff in cut:
            v = cut[t & 0x3fff](v)
            if v is None:
                continue
        out.append("%d=%s" % (t & 0x3fff, v.hex()))
    return " ".join(out)


def cacheinfo(v):
    """rta_cacheinfo: only the error, and whether it expires."""
    expires, err = struct.unpack_from("=ii", v, 8)
    return struct.pack("=bi", expires != 0, err)


def lifetimes(v):
    """ifa_cacheinfo: preferred and valid, which run down: to a thousand seconds."""
    return struct.pack("=II", *(n if n in (0, 0xffffffff) else (n + 990) // 1000 for n in struct.unpack_from("=II", v)))


def res_group(v):
    return b"".join(attr(t, b"" if (t & 0x3fff) == 4 else x) for t, x in attributes(v, 0))


def route(b):
    return line("route", b, 12, {12: cacheinfo}) if isinstance(b, bytes) else b


def hops(v):
    """IPv6 tells the hops of a route from the one on that a flow's random hash chose: in no order, then."""
    out = []
    while len(v) >= 8:
        n = struct.unpack_from("=H", v)[0]
        out.append(v[:n])
        v = v[n:]
    return b"".join(sorted(out))


def route_get(b):
    return line("get", b, 12, {12: cacheinfo, 9: hops} if b[0] == AF6 else {12: cacheinfo}) if isinstance(b, bytes) else b


def link_line(b):
    index, flags = struct.unpack_from("=iI", b, 4)
    a = dict((t & 0x3fff, v) for t, v in attributes(b, 16))
    kind = [v for t, v in attributes(a.get(18, b""), 0) if t == 1]
    keep = flags & (1 | 2 | 8 | 0x40 | 0x80 | 0x10000)
    return "link %s %d flags=%x mtu=%d oper=%d master=%s %s" % (a[3][:-1].decode(), index, keep, struct.unpack("=I", a[4])[0], a[16][0], a.get(10, b"").hex(), kind)


GROUPS = [1, 3, 5, 6, 7, 8, 9, 10, 11, 12, 18, 19, 20, 24, 25, 28, 30, 31, 32]  # RTNLGRP_*: all that `ip monitor all` hears of


class Monitor:
    """What is told of changes, in order."""

    def __init__(self):
        self.s = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)
        self.s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        self.s.bind((0, 0))
        for g in GROUPS:
            self.s.setsockopt(270, 1, g)

    def heard(self):
        out = []
        while True:
            try:
                data = self.s.recv(1 << 17, socket.MSG_DONTWAIT)
            except BlockingIOError:
                return out
            except OSError as e:
                out.append("monitor: errno %d" % e.errno)
                continue
            at = 0
            while at + 16 <= len(data):
                n, kind, flags, seq, pid = struct.unpack_from("=IHHII", data, at)
                out.append(event_line(kind, flags, seq, pid, data[at + 16:at + n]))
                at += (n + 3) & ~3


def event_line(kind, flags, seq, pid, b):
    asked = "%x%s%s" % (flags, " seq" if seq else "", " pid" if pid else "")
    name = {16: "link", 20: "addr", 24: "route", 28: "neigh", 32: "rule", 52: "prefix", 68: "useropt", 80: "netconf", 88: "nsid", 104: "nexthop"}.get(kind & ~3, str(kind))
    name = ("+", "-", "?", "*")[kind & 3] + name + " " + asked
    if kind & ~3 == 16:
        if b[0] == AF6:
            return line(name, b, 16, {12: lambda v: None})
        types = " ".join(str(t & 0x3fff) for t, v in attributes(b, 16))
        return "%s %s change=%x has %s" % (name, link_line(b), struct.unpack_from("=I", b, 12)[0], types)
    header, cut = {20: (8, {6: lifetimes}), 24: (12, {12: cacheinfo}), 28: (12, {3: lambda v: b""}), 32: (12, {}), 52: (16, {}), 68: (16, {}), 80: (1, {}),
                   88: (1, {}), 104: (8, {12: res_group})}.get(kind & ~3, (0, {}))
    if kind & ~3 in (80, 88):
        header = 4
    return line(name, b, header, cut)


def lookup(side, names, q):
    w = q.split()
    family = AF4 if w[0] == "4" else AF6
    size = 32 if family == AF4 else 128
    flags, tos, src = 0, 0, 0
    attrs = b"" if w[1] == "-" else attr(1, socket.inet_pton(family, w[1]))
    i = 2
    while i < len(w):
        k = w[i]
        v = w[i + 1] if i + 1 < len(w) else ""
        i += 2
        if k == "fibmatch":
            flags |= 0x2000
            i -= 1
        elif k == "from":
            attrs += attr(2, socket.inet_pton(family, v))
            src = size
        elif k == "iif":
            attrs += attr(3, struct.pack("=i", names.get(v, 999)))
        elif k in ("oif", "vrf"):
            attrs += attr(4, struct.pack("=i", names.get(v, 999)))
        elif k == "mark":
            attrs += attr(16, struct.pack("=I", int(v, 0)))
        elif k == "tos":
            tos = int(v, 0)
        elif k == "uid":
            attrs += attr(25, struct.pack("=I", int(v)))
        elif k == "ipproto":
            attrs += attr(27, struct.pack("=B", int(v)))
        elif k == "sport":
            attrs += attr(28, struct.pack("!H", int(v)))
        elif k == "dport":
            attrs += attr(29, struct.pack("!H", int(v)))
        elif k == "flowlabel":
            attrs += attr(31, struct.pack("!I", int(v, 0)))
    if family == AF4:
        flags |= 0x1000  # RTM_F_LOOKUP_TABLE, as ip asks
    return GETROUTE, struct.pack("=BBBBBBBBI", family, 0 if w[1] == "-" else size, src, tos, 0, 0, 0, 0, flags) + attrs


def typed(b):
    """A neighbour that stays as it is: permanent, without ARP, or one that was typed and sleeps."""
    return b[11] != 5 and (b[8] & 0xc0 or (b[8] == 4 and any(t == 2 and v[:5] == bytes([2, 0, 0, 0, 0]) for t, v in attributes(b, 12))))


def state(side):
    out = []
    links = side.dump(GETLINK, bytes(16))
    # A link's own question makes Linux look at its carrier now, rather than up to a second later.
    side.ask([(GETLINK, struct.pack("=BBHiII", 0, 0, 0, struct.unpack_from("=i", b, 4)[0], 0, 0)) for b in links])
    links = side.dump(GETLINK, bytes(16))
    names = {}
    for b in links:
        for t, v in attributes(b, 16):
            if t == 3:
                names[v[:-1].decode()] = struct.unpack_from("=i", b, 4)[0]
    out += sorted(link_line(b) for b in links)
    for family in (AF4, AF6):
        one = bytes([family])
        out += sorted(line("addr", b, 8, {6: lifetimes}) for b in side.dump(GETADDR, one + bytes(7)))
        out += [route(b) for b in side.dump(GETROUTE, one + bytes(11))]
        out += [line("rule", b, 12) for b in side.dump(GETRULE, one + bytes(11))]
        out += sorted(line("neigh", b, 12, {3: lambda v: b""}) for b in side.dump(GETNEIGH, one + bytes(11)) if typed(b))
        # Linux 6.18 forgets proxies of no device when a namespace ends: one that comes to lie at its place in memory has them. No command makes any.
        out += sorted(line("proxy", b, 12, {3: lambda v: b""}) for b in side.dump(GETNEIGH, one + bytes(9) + b"\x08" + bytes(1)) if struct.unpack_from("=i", b, 4)[0])
        out += [line("netconf", b, 4) for b in side.dump(GETNETCONF, one + bytes(3))]
    out += sorted(line("addrlabel", b, 12, {}) for b in side.dump(GETADDRLABEL, bytes([AF6]) + bytes(11)))
    out += [line("nexthop", b, 8, {12: res_group}) for b in side.dump(GETNEXTHOP, bytes(8))]
    out += [line("bucket", b, 8, {13: lambda v: b"".join(attr(t, x) for t, x in attributes(v, 0) if (t & 0x3fff) != 2)}) for b in side.dump(GETBUCKET, bytes(8))]
    return out, names


def do(command):
    if not command:
        return ""
    if command.startswith("! "):  # sysctl
        name, value = command[2:].split("=")
        try:
            with open("/proc/sys/" + name.replace(".", "/").replace("%", "."), "w") as f:
                f.write(value)
            return "= 0"
        except OSError as e:
            return "= errno %d" % e.errno
    if command.startswith("@b ! "):
        name, value = command[5:].split("=")
        argv = ["ip", "netns", "exec", sys.argv[1], "sh", "-c", "echo %s > /proc/sys/%s" % (value, name.replace(".", "/"))]
    elif command.startswith("@b "):
        argv = ["ip", "-n", sys.argv[1]] + command[3:].split()
    else:
        argv = ["ip"] + command.split()
    r = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, close_fds=False, timeout=60)
    return r.stdout.decode("latin1") + "= %d" % r.returncode


def main():
    os.sched_setaffinity(0, [max(os.sched_getaffinity(0))])  # Linux caches output routes per cpu, and tells from the cache
    side, monitor = Side(), Monitor()
    for l in sys.stdin:
        q = json.loads(l)
        said = [do(c) for c in q["do"]]
        side.dump(GETLINK, bytes(16))
        heard = monitor.heard()
        lines, names = state(side)
        answers = [route_get(a) for a in side.ask([lookup(side, names, x) for x in q["ask"]])]
        sys.stdout.write(json.dumps({"said": said, "heard": heard, "state": lines, "answers": answers}) + "\n")
        sys.stdout.flush()


main()
