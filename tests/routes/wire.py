"""A host with two Ethernet devices whose wires a scenario holds: what goes in is made by ../packets/packets.py, what comes out is heard.

e0 has 10.0.0.1/24 and 2001:db8::1/64, e1 10.1.0.1/24 and 2001:db8:1::1/64. On e0's wire is MAC A (10.0.0.2, .254; 2001:db8::2, ::fe, fe80::2), on e1's
MAC B (10.1.0.2, 2001:db8:1::2), each a permanent neighbour. Every namespace is this process's own, and ends with it."""
import ctypes, os, re, select, socket, subprocess, sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../packets"))
sys.dont_write_bytecode = True
from packets import *  # noqa: F401, F403 (the makers of packets)
from packets import E0, E1, A, B, eth, ip4, ip6, icmp4, icmp6

libc = ctypes.CDLL(None, use_errno=True)


def sh(c):
    r = subprocess.run(c, shell=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return r.stdout


def enter(name):
    fd = os.open("/run/netns/" + name, os.O_RDONLY)
    if libc.setns(fd, 0x40000000):
        raise OSError(ctypes.get_errno(), "setns")
    os.close(fd)


def sysctl(**k):
    for name, v in k.items():
        put(name.replace("__", "/"), v)


def put(name, v):
    """Into /proc/sys/net; what the kernel says about it."""
    try:
        with open("/proc/sys/net/" + name, "w") as f:
            f.write(str(v))
    except OSError as e:
        return os.strerror(e.errno)
    return "ok"


def get(name):
    try:
        return open("/proc/sys/net/" + name).read().strip().replace("\t", " ")
    except OSError as e:
        return os.strerror(e.errno)


class Wire:
    def __init__(self, setup=""):
        sh("ip netns add h; ip netns add w")
        enter("w")
        put("ipv6/conf/all/disable_ipv6", 1)
        put("ipv6/conf/default/disable_ipv6", 1)
        sh("ip link add w0 type veth peer name e0 netns h address %s; ip link add w1 type veth peer name e1 netns h address %s; "
           "ip link set w0 up; ip link set w1 up" % (mac(E0), mac(E1)))
        self.s = []
        for d in "w0", "w1":
            s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
            s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
            s.bind((d, 3))
            self.s.append(s)
        enter("h")
        for d in "all", "default", "e0", "e1":
            put("ipv6/conf/%s/accept_dad" % d, 0)
            put("ipv6/conf/%s/router_solicitations" % d, 0)
        put("ipv4/icmp_msgs_per_sec", 1000000)
        put("ipv4/icmp_msgs_burst", 1000000)
        put("ipv4/icmp_ratelimit", 0)
        put("ipv6/icmp/ratelimit", 0)
        put("ipv6/auto_flowlabels", 0)
        sh("""ip link set lo up; ip link set e0 up; ip link set e1 up
        ip addr add 10.0.0.1/24 dev e0; ip addr add 10.1.0.1/24 dev e1; ip addr add 2001:db8::1/64 dev e0; ip addr add 2001:db8:1::1/64 dev e1""")
        for d, m, who in (("e0", A, "10.0.0.2 10.0.0.253 10.0.0.254 2001:db8::2 2001:db8::fe fe80::2 fe80::fe"), ("e1", B, "10.1.0.2 10.1.0.254 2001:db8:1::2 fe80::b")):
            for n in who.split():
                sh("ip neigh add %s lladdr %s dev %s" % (n, mac(m), d))
        sh(setup)

    def mark(self, dev):
        data = b"the mark"
        f = eth(ip4(icmp4(8, data=data), 1), dst=E0) if not dev else eth(ip4(icmp4(8, data=data), 1, src="10.1.0.2", dst="10.1.0.1"), dst=E1, src=B)
        self.s[dev].send(f)

    def send(self, dev, *frames, wait=5):
        """Puts frames on a wire, and returns what the host sent, on e0 and then on e1, until it had answered something behind them on each."""
        for f in frames:
            self.s[dev].send(f)
        out = [[], []]
        for last in dev, 1 - dev:
            self.mark(last)
            while last is not None:
                ready = select.select(self.s, [], [], wait)[0]
                if not ready:
                    out[last].append("LOST")
                    break
                for s in ready:
                    b, a = s.recvfrom(70000)
                    if a[2] == 4:  # ours
                        continue
                    i = self.s.index(s)
                    if b.endswith(b"the mark") and b[12:14] == b"\x08\x00" and b[23] == 1 and b[34] == 0:
                        last = None if i == last else last
                    elif not noise(b):
                        out[i].append("e%d %s" % (i, told(b)))
        return out[0] + out[1]

    def heard(self):
        """What the host sent by itself until now."""
        return self.send(0)


def mac(m):
    return ":".join(m[i:i + 2] for i in range(0, 12, 2))


def noise(b):
    """Reports of groups and solicitations of routers: sent when they like."""
    if b[12:14] == b"\x86\xdd":
        return b[20] == 0 and len(b) > 62 and b[54] == 58 and b[62] in (131, 132, 143) or b[20] == 58 and b[54] in (133, 143)
    return b[12:14] == b"\x08\x00" and b[23] == 2


def told(b):
    """A frame in words; of an ICMP error its quote too."""
    if b[12:14] == b"\x08\x06":
        return "arp %d who-has %s tell %s" % (b[21], socket.inet_ntoa(b[38:42]), socket.inet_ntoa(b[28:32]))
    return packet(b[14:])


def packet(p, quoted=False):
    if not p:
        return "-"
    v = p[0] >> 4
    if v == 4 and len(p) >= 20:
        n = (p[0] & 15) * 4
        off = struct.unpack(">H", p[6:8])[0]
        s = "ip %s>%s tos %02x ttl %d len %d%s" % (socket.inet_ntoa(p[12:16]), socket.inet_ntoa(p[16:20]), p[1], p[8], struct.unpack(">H", p[2:4])[0], " DF" if off & 0x4000 else "")
        if off & 0x3fff:
            s += " frag %d%s" % ((off & 0x1fff) * 8, "+" if off & 0x2000 else "")
        if n > 20:
            s += " opts " + p[20:n].hex()
        proto, body, first = p[9], p[n:], not off & 0x1fff
    elif v == 6 and len(p) >= 40:
        w, plen, proto, hop = struct.unpack(">IHBB", p[:8])
        s = "ip6 %s>%s tc %02x%s hop %d len %d" % (socket.inet_ntop(10, p[8:24]), socket.inet_ntop(10, p[24:40]), w >> 20 & 255, " label %x" % (w & 0xfffff) if w & 0xfffff else "", hop, plen)
        body, first = p[40:], True
        while proto in (0, 43, 60, 44) and len(body) >= 8:
            k = 8 if proto == 44 else body[1] * 8 + 8
            if proto == 44:
                off = struct.unpack(">H", body[2:4])[0]
                s += " frag %d%s" % (off & 0xfff8, "+" if off & 1 else "")
                first = not off & 0xfff8
            else:
                s += " ext%d %s" % (proto, body[1:k].hex())
            proto, body = body[0], body[k:]
    else:
        return "bytes " + p[:40].hex()
    if not first:
        return s + " proto %d" % proto
    if proto in (1, 58) and len(body) >= 8:
        s += " icmp %d/%d" % (body[0], body[1])
        err = body[0] in (3, 4, 5, 11, 12) if proto == 1 else body[0] < 128
        if quoted:
            return s
        if not err:
            return s + " %s +%d" % (body[4:8].hex() if body[0] not in (135, 136) else "", len(body) - 8)
        if proto == 58 and body[0] == 137:
            return s
        return s + " %s {%d: %s}" % (body[4:8].hex(), len(body) - 8, packet(body[8:], True))
    if proto in (6, 17) and len(body) >= 8:
        s += " %s %d>%d" % ("tcp" if proto == 6 else "udp", *struct.unpack(">HH", body[:4]))
        return s + (" flags %02x" % body[13] if proto == 6 and len(body) > 13 and not quoted else "")
    return s + " proto %d" % proto


def show(title, lines):
    print(title)
    for l in lines if isinstance(lines, list) else str(lines).rstrip("\n").split("\n"):
        print("   ", re.sub(r"[ \t]+$", "", l))


def counters():
    out = {}
    for f in "snmp", "netstat":
        l = open("/proc/net/" + f).read().split("\n")
        for names, values in zip(l[::2], l[1::2]):
            g = names.split(":")[0]
            out.update({g + n: int(v) for n, v in zip(names.split()[1:], values.split()[1:])})
    for l in open("/proc/net/snmp6"):
        n, v = l.split()
        out[n] = int(v)
    return out


def moved(was, but=""):
    """The counters that moved since `was`, without those that every packet moves."""
    dull = r"Octets|InReceives|InDelivers|OutRequests|NoECTPkts|OutTransmits|InMsgs|OutMsgs|McastPkts|BcastPkts|InMcast|OutMcast|IcmpMsg|Icmp6(In|Out)Type|IcmpInEcho|IcmpOutEcho|Icmp6.*(MLDv2|RouterS|Neigh)"
    return " ".join("%s+%d" % (k, v - was.get(k, 0)) for k, v in sorted(counters().items()) if v != was.get(k, 0) and not re.search(dull, k) and not (but and re.search(but, k)))
