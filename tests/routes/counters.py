"""Packets of each kind to and from r, and what stat/rt_cache and rt_acct then count more than before. r0 - h's w5, w6 - r1; h, who counts as well,
does not know the addresses that r answers to."""
import ctypes, os, socket, struct, subprocess, time

libc = ctypes.CDLL(None)


def sh(text):
    subprocess.run(text, shell=True, check=True)


def enter(name):
    fd = os.open("/run/netns/" + name, os.O_RDONLY)
    libc.setns(fd, 0x40000000)
    os.close(fd)


sh("""for n in r h; do ip netns exec $n sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1; done
ip -n r link add r0 address 02:00:00:00:05:01 type veth peer name w5 address 02:00:00:00:05:02 netns h
ip -n r link add r1 address 02:00:00:00:06:01 type veth peer name w6 address 02:00:00:00:06:02 netns h
for d in r0 r1; do ip -n r link set $d up; done
for d in w5 w6; do ip -n h link set $d up; done
ip -n r addr add 10.0.5.1/24 dev r0; ip -n r addr add 10.0.6.1/24 dev r1
ip -n r neigh add 10.0.5.2 lladdr 02:00:00:00:05:99 dev r0 nud permanent; ip -n r neigh add 10.0.6.2 lladdr 02:00:00:00:06:99 dev r1 nud permanent""")
enter("h")
wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
wire.bind(("w5", 0))
out = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x800))
out.bind(("w6", 0x800))
enter("r")
COLUMNS = {3: "in_slow_mc", 4: "in_no_route", 5: "in_brd", 6: "in_martian_dst", 7: "in_martian_src", 10: "out_slow_mc"}


def counted():
    rows = [[int(v, 16) for v in l.split()] for l in open("/proc/net/stat/rt_cache").read().split("\n")[1:] if l]
    have = {name: sum(r[i] for r in rows) for i, name in COLUMNS.items()}
    a = struct.unpack("1024I", open("/proc/net/rt_acct", "rb").read())
    for realm in range(256):
        for i, name in enumerate(("to, bytes", "to", "from, bytes", "from")):
            have["realm %d %s" % (realm, name)] = a[4 * realm + i]
    have["received"] = int([l.split() for l in open("/proc/net/snmp") if l.startswith("Ip:")][1][3])
    return have


def checksum(b):
    s = sum(struct.unpack("!%dH" % (len(b) // 2), b))
    s = (s & 0xFFFF) + (s >> 16)
    return ~((s & 0xFFFF) + (s >> 16)) & 0xFFFF


def packets(src, dst, n=3, to="\2\0\0\0\5\1", proto=253, length=40):
    head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, length, 7, 0, 9, proto, 0, socket.inet_aton(src), socket.inet_aton(dst))
    frame = to.encode("latin1") + b"\2\0\0\0\5\2\10\0" + head[:10] + struct.pack("!H", checksum(head)) + head[12:] + bytes(length - 20)
    for _ in range(n):
        wire.send(frame)


def step(title, do, n=3):
    before = counted()
    do()
    for _ in range(200):  # all have come
        now = counted()
        if now["received"] - before["received"] >= n:
            break
        time.sleep(0.02)
    time.sleep(0.1)
    now = counted()
    print("%s: %s" % (title, ", ".join("%s %d" % (k, now[k] - before[k]) for k in now if now[k] != before[k])))


u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
u.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
u.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_LOOP, 0)
u.bind(("10.0.5.1", 0))
sh("sysctl -qw net.ipv4.ip_forward=0 net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.default.rp_filter=0 net.ipv4.conf.r0.rp_filter=0")
step("to it", lambda: packets("10.0.5.2", "10.0.5.1"))
step("to all", lambda: packets("10.0.5.2", "255.255.255.255", to="\377" * 6))
step("to its link", lambda: packets("10.0.5.2", "10.0.5.255", to="\377" * 6))
step("to a group of its own", lambda: packets("10.0.5.2", "224.0.0.1", to="\1\0\136\0\0\1"))
step("to a group of others", lambda: packets("10.0.5.2", "224.0.0.99", to="\1\0\136\0\0\143"))
step("from a group", lambda: packets("224.0.0.1", "10.0.5.1"))
step("from nobody", lambda: packets("0.0.0.0", "10.0.5.1"))
step("from loopback", lambda: packets("127.0.0.1", "10.0.5.1"))
step("to loopback", lambda: packets("10.0.5.2", "127.0.0.1"))
step("to nobody", lambda: packets("10.0.5.2", "0.0.0.1"))
step("from itself", lambda: packets("10.0.5.1", "10.0.5.1"))
step("a group, from itself", lambda: packets("10.0.5.1", "224.0.0.1", to="\1\0\136\0\0\1"))
step("to others, who are not forwarded to", lambda: packets("10.0.5.2", "10.0.6.2"))
sh("sysctl -qw net.ipv4.ip_forward=1; sysctl -qw net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.r0.rp_filter=0")
step("to others", lambda: packets("10.0.5.2", "10.0.6.2"))
step("where no route leads", lambda: packets("10.0.5.2", "203.0.113.1"))
sh("ip route add unreachable 203.0.113.2; ip route add blackhole 203.0.113.3")
step("where a route says no", lambda: packets("10.0.5.2", "203.0.113.2"))
step("into a black hole", lambda: packets("10.0.5.2", "203.0.113.3"))
sh("sysctl -qw net.ipv4.conf.r0.rp_filter=1")
step("from elsewhere", lambda: packets("10.0.6.2", "10.0.5.1"))
sh("sysctl -qw net.ipv4.conf.r0.rp_filter=0; sysctl -qw net.ipv4.conf.all.rp_filter=0")
step("sent to all", lambda: [u.sendto(b"x", ("10.0.5.255", 9)) for _ in range(3)], 0)
step("sent to a group", lambda: [u.sendto(b"x", ("224.0.0.1", 9)) for _ in range(3)], 0)
step("sent to a group of others", lambda: [u.sendto(b"x", ("224.0.0.99", 9)) for _ in range(3)], 0)
sh("ip route replace 10.0.6.0/24 dev r1 realms 3/7")
step("realm of the destination", lambda: packets("10.0.5.2", "10.0.6.2"))
sh("ip route replace 10.0.5.0/24 dev r0 src 10.0.5.1 realms 5")
step("and of the source", lambda: packets("10.0.5.2", "10.0.6.2", length=100))
step("to it, from a realm", lambda: packets("10.0.5.2", "10.0.5.1"))
step("to all, from a realm", lambda: packets("10.0.5.2", "255.255.255.255", to="\377" * 6))
step("to a group, from a realm", lambda: packets("10.0.5.2", "224.0.0.1", to="\1\0\136\0\0\1"))
sh("ip rule add from 10.0.5.2 realms 9/11 table main")
step("of a rule", lambda: packets("10.0.5.2", "10.0.6.2"))
