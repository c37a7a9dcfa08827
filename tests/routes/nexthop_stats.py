"""nexthop_stats.sh's questions that Debian 12's ip cannot put: RTM_*NEXTHOP with NHA_OP_FLAGS and NHA_HW_STATS_ENABLE; one word a question:
get:ID[:FLAGS] dump[:FLAGS] hw:ID:VALUE (replace with hw_stats) new:ID:FLAGS del:ID:FLAGS bucket:ID:FLAGS. Prints attributes as they come."""
import socket, struct, sys

s = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)
s.setsockopt(270, 11, 1)
s.setsockopt(270, 12, 1)
NAMES = {1: "id", 2: "group", 3: "type", 4: "blackhole", 5: "oif", 6: "gateway", 10: "master", 11: "fdb", 12: "res_group", 13: "res_bucket", 14: "op_flags",
         15: "group_stats", 16: "hw_enable", 17: "hw_used"}


def attrs(b):
    while len(b) >= 4:
        n, t = struct.unpack_from("=HH", b)
        yield t, b[4:n]
        b = b[(n + 3) & ~3:]


def attr(t, v):
    return struct.pack("=HH", 4 + len(v), t) + v + b"\0" * (-len(v) % 4)


def u32(t, v):
    return attr(t, struct.pack("=I", int(v, 0)))


def show(t, v):
    name = NAMES.get(t & 0x3fff, str(t & 0x3fff)) + ("+" if t & 0x8000 else "")
    if name.startswith("group_stats"):
        return name + "[" + ", ".join("%d%s{%s}" % (k & 0x3fff, "+" if k & 0x8000 else "", " ".join("%d=%s" % (a & 0x3fff, int.from_bytes(x, "little")) + "/%d" % len(x) for a, x in attrs(e)))
                                      for k, e in attrs(v)) + "]"
    return "%s=%s" % (name, v.hex() if t & 0x3fff != 12 else len(v))


def ask(kind, flags, body):
    s.send(struct.pack("=IHHII", 16 + len(body), kind, flags, 7, 0) + body)
    while True:
        data = s.recv(65536)
        while len(data) >= 16:
            n, k, fl, seq, pid = struct.unpack_from("=IHHII", data)
            m, data = data[16:n], data[(n + 3) & ~3:]
            if k == 2:
                text = b" ".join(v.rstrip(b"\0") for t, v in attrs(m[4 + (16 if fl & 0x100 else struct.unpack_from("=I", m, 4)[0]):]) if t == 1) if fl & 0x200 else b""
                code = struct.unpack_from("=i", m)[0]
                print("  = %d %s" % (code, text.decode()))
                return
            if k == 3:
                print("  done", struct.unpack_from("=i", m)[0])
                return
            print("  %d %s" % (k, " ".join(show(t, v) for t, v in attrs(m[8:]))))
            if not fl & 2 and not flags & 4:
                return


for q in sys.argv[1:]:
    print(q)
    w = q.split(":")
    nh = lambda f=0: struct.pack("=BBBBI", f, 0, 0, 0, 0)
    if w[0] == "get":
        ask(106, 1, nh() + u32(1, w[1]) + (u32(14, w[2]) if len(w) > 2 else b""))
    elif w[0] == "dump":
        ask(106, 0x301, nh() + (u32(14, w[1]) if len(w) > 1 else b""))
    elif w[0] == "hw":
        ask(104, 0x105, nh() + u32(1, w[1]) + attr(2, struct.pack("=IBBHIBBH", 1, 0, 0, 0, 2, 0, 0, 0)) + u32(16, w[2]))
    elif w[0] == "single":
        ask(104, 0x405, nh(2) + u32(1, w[1]) + attr(4, b"") + u32(16, w[2]))
    elif w[0] == "new":
        ask(104, 0x405, nh(2) + u32(1, w[1]) + attr(4, b"") + u32(14, w[2]))
    elif w[0] == "del":
        ask(105, 5, nh() + u32(1, w[1]) + u32(14, w[2]))
    elif w[0] == "bucket":
        ask(118, 1, nh() + u32(1, w[1]) + attr(13 | 0x8000, attr(1, struct.pack("=H", 0))) + u32(14, w[2]))
    elif w[0] == "buckets":
        ask(118, 0x301, nh() + u32(14, w[1]))
