"""Questions to the generic netlink family "ethtool", and all that comes back, as text. See ethnl.sh."""
import socket, struct

REQUEST, ACK, DUMP = 1, 4, 0x300
NAMES = ("STRSET LINKINFO LINKINFO_SET LINKMODES LINKMODES_SET LINKSTATE DEBUG DEBUG_SET WOL WOL_SET FEATURES FEATURES_SET PRIVFLAGS PRIVFLAGS_SET "
         "RINGS RINGS_SET CHANNELS CHANNELS_SET COALESCE COALESCE_SET PAUSE PAUSE_SET EEE EEE_SET TSINFO CABLE_TEST CABLE_TEST_TDR TUNNEL_INFO FEC "
         "FEC_SET MODULE_EEPROM STATS PHC_VCLOCKS MODULE MODULE_SET PSE PSE_SET RSS PLCA PLCA_SET PLCA_STATUS MM MM_SET MODULE_FLASH PHY TSCONFIG "
         "TSCONFIG_SET RSS_SET RSS_CREATE RSS_DELETE").split()


def attr(type, data):
    if isinstance(data, str):
        data = data.encode() + b"\0"
    return struct.pack("<HH", 4 + len(data), type) + data + b"\0" * (-len(data) % 4)


def nest(type, *inside): return attr(type | 0x8000, b"".join(inside))
def u32(type, v): return attr(type, struct.pack("<I", v))
def u8(type, v): return attr(type, bytes([v]))
def flag(type): return attr(type, b"")


def attrs(data):
    at = 0
    while at + 4 <= len(data):
        n, type = struct.unpack_from("<HH", data, at)
        yield type & 0x3fff, type & 0x8000, data[at + 4:at + n]
        at += n + 3 & ~3


sock = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 16)
sock.bind((0, 0))
sock.setsockopt(270, 11, 1)  # NETLINK_EXT_ACK
sock.setsockopt(270, 10, 1)  # NETLINK_CAP_ACK
seq = 0


def ask(family, cmd, data, flags):
    """The answers' bodies, the error, what was said with it."""
    global seq
    seq += 1
    body = struct.pack("<BBH", cmd, 1, 0) + data
    sock.send(struct.pack("<IHHII", 16 + len(body), family, REQUEST | ACK | flags, seq, 0) + body)
    answers = []
    while True:
        got, at = sock.recv(1 << 20), 0
        while at < len(got):
            n, type, f, s, p = struct.unpack_from("<IHHII", got, at)
            body = got[at + 16:at + n]
            at += n + 3 & ~3
            if type == 2 or type == 3:
                start = 4 if type == 3 else 20 if f & 0x100 else 4 + struct.unpack_from("<I", body, 4)[0]
                return answers, struct.unpack_from("<i", body)[0], list(attrs(body[start:])) if f & 0x200 else []
            answers.append(body)


def family(name):
    return {t: v for t, _, v in attrs(ask(16, 3, attr(2, name), 0)[0][0][4:])}


def show(label, cmd, data, flags=0):
    answers, err, said = ask(ethtool, cmd, data, flags)
    said = ["%d=%s" % (t, v.rstrip(b"\0").decode() if t == 1 else v.hex()) for t, _, v in said]
    print(NAMES[cmd - 1], label, "error" if err else "ok", err or "", *said)
    for body in answers:
        print("  command", body[0])
        tree(body[4:], 4)


def tree(data, indent):
    for type, nested, value in attrs(data):
        print(" " * indent + str(type), "nest" if nested else value.hex() or "-")
        if nested:
            tree(value, indent + 2)


mine = family("ethtool")
ethtool = struct.unpack("<H", mine[1])[0]
print("version", mine[3].hex(), "commands", *[v.hex() for _, _, op in attrs(mine[6]) for _, _, v in attrs(op)])
print("groups", [v.decode() for _, _, group in attrs(mine[7]) for t, _, v in attrs(group) if t == 1])

NEWER = {48}  # RSS_SET: what it takes by kind of flow is longer than what is known here
for cmd in range(1, 51):
    messages, err, _ = ask(16, 10, struct.pack("<HHHH", 6, 1, ethtool, 0) + u32(10, cmd), DUMP)
    print("policy of", NAMES[cmd - 1], err)
    for body in messages if cmd not in NEWER else []:
        for type, _, value in attrs(body[4:]):
            if type != 1:
                tree(value, 4)


def header(*more, name="v0"): return nest(1, attr(2, name), *more)


for cmd in range(1, 51):  # with a header only
    for name in "lo", "v0":
        if (cmd, name) not in ((1, "v0"), (11, "lo"), (11, "v0")):  # counters and features that are not there are compared elsewhere
            show(name, cmd, header(name=name))
    show("nosuch", cmd, nest(2 if cmd == 32 else 1, attr(2, "nosuch")))
    show("nothing", cmd, b"")
    show("unknown attribute", cmd, header() + u32(99, 1))
    if cmd not in (1, 11, 25, 28):  # Linux's dump of tunnels fails where a device has none
        show("of all", cmd, b"", DUMP)

for label, data in {
    "empty header": nest(1), "header without nest": attr(1, attr(2, "v0")), "index": nest(1, u32(1, 1)), "wrong index": nest(1, u32(1, 77)),
    "index 0": nest(1, u32(1, 0)), "negative index": nest(1, u32(1, 0xffffffff)), "two devices": nest(1, u32(1, 1), attr(2, "v0")),
    "index and name": nest(1, u32(1, 1), attr(2, "lo")), "too long name": nest(1, attr(2, "x" * 130)), "long name": nest(1, attr(2, "x" * 20)),
    "unterminated name": nest(1, attr(2, b"lo")), "flag 8": header(u32(3, 8)), "flag 4": header(u32(3, 4)), "attribute 4": header(u32(4, 1)),
    "attribute 5": header(u32(5, 1)), "attribute 0": header(u32(0, 1)), "bytes behind": header() + b"\1\0", "short index": nest(1, attr(1, b"\1\0")),
    "long index": nest(1, attr(1, b"\1\0\0\0\0\0")), "nested index": nest(1, attr(0x8001, b"\1\0\0\0")),
}.items():
    show(label, 6, data)
show("flag 4", 17, header(u32(3, 4)))
show("of all but for", 6, header(), DUMP)
show("of all but for nobody", 6, nest(1, attr(2, "nosuch")), DUMP)
show("half a dump", 17, b"", 0x100)
show("the other half", 17, header(), 0x200)
print("command 0", ask(ethtool, 0, header(), 0))
print("command 60", ask(ethtool, 60, header(), 0))


def sets(*ids): return nest(2, *[nest(1, u32(1, i)) for i in ids])


for i in range(25):
    show("count %d" % i, 1, nest(1) + sets(i) + flag(3))
    if i != 1:
        show("count %d of v0" % i, 1, header() + sets(i) + flag(3))
for i in (5, 6, *range(8, 23)):
    show("strings %d" % i, 1, nest(1) + sets(i))
show("without device or set", 1, nest(1) + flag(3))
show("a set twice", 1, nest(1) + sets(4, 4) + flag(3))
show("in order", 1, nest(1) + sets(9, 4) + flag(3))
show("of all", 1, sets(4) + flag(3), DUMP)
show("a set without number", 1, header() + nest(2, nest(1)))
show("a set of another kind", 1, header() + nest(2, nest(2)))
show("a set with more", 1, header() + nest(2, nest(1, u32(2, 1))))


def wanted(*bits, more=b""): return header() + nest(3, more, nest(3, *[nest(1, *b) for b in bits]))
def words(size, val, mask=None, *more):
    n = (size + 31) // 32 * 4
    return nest(3, *more, u32(2, size), attr(4, val.to_bytes(n, "little")), *([] if mask is None else [attr(5, mask.to_bytes(n, "little"))]))


SET, GRO = 12, 1 << 14
gro = attr(2, "rx-gro")
for label, data in {
    "empty": header() + nest(3), "what can be": header() + nest(2), "without nest": header() + attr(3, b""), "size only": header() + nest(3, u32(2, 64)),
    "no bits": wanted(), "bit without name": wanted(()), "gro on": wanted((gro, flag(3))), "gro off": wanted((gro,)), "14 on": wanted((u32(1, 14), flag(3))),
    "14 off": header(u32(3, 2)) + nest(3, nest(3, nest(1, u32(1, 14)))), "compact on": header(u32(3, 1)) + words(64, GRO, GRO),
    "compact off": header(u32(3, 3)) + words(64, 0, GRO), "as it was": wanted((gro,)), "both": wanted((u32(1, 14), gro)),
    "both, not one": wanted((u32(1, 14), attr(2, "rx-lro"))), "no such name": wanted((attr(2, "rx-foo"),)), "64": wanted((u32(1, 64), flag(3))),
    "nameless": wanted((u32(1, 2), flag(3))), "lltx": wanted((u32(1, 12), flag(3))), "lro on": wanted((attr(2, "rx-lro"), flag(3))),
    "lro off": wanted((attr(2, "rx-lro"),)), "challenged": wanted((u32(1, 10), flag(3))), "list": wanted((gro,), more=flag(1)),
    "bits and words": header() + nest(3, u32(2, 64), nest(3, nest(1, gro)), attr(4, bytes(8))), "words only": header() + nest(3, attr(4, bytes(8))),
    "no mask": header() + words(64, 0), "mask only": header() + nest(3, u32(2, 64), attr(5, bytes(8))), "nothing to do": header() + words(64, 0, 0),
    "short words": header() + nest(3, u32(2, 64), attr(4, bytes(4)), attr(5, bytes(8))), "short mask": header() + nest(3, u32(2, 64), attr(4, bytes(8)), attr(5, bytes(4))),
    "32 bits": header() + words(32, 0, 0), "15 bits": header() + words(15, GRO, GRO), "96 bits": header() + words(96, 0, 0),
    "bit 70": header() + words(96, 1 << 70, 1 << 70), "bit 70 masked": header() + words(96, 0, 1 << 70), "beyond the mask": header() + words(64, GRO, 0),
    "list with a mask": header() + words(64, GRO, 0, flag(1)), "too large": header() + nest(3, u32(2, 100000), nest(3)), "size 0": header() + words(0, 0, 0),
    "small size": wanted((u32(1, 14), flag(3)), more=u32(2, 10)), "bit with more": wanted((u32(1, 14), u32(4, 1))),
    "another kind of bit": header() + nest(3, nest(3, nest(2, u32(1, 14)))), "bit without nest": header() + nest(3, nest(3, attr(1, u32(1, 14)))),
    "attribute 9": header() + nest(3, u32(9, 1)),
}.items():
    show(label, SET, data)

for label, data in {
    "rx 1": u32(6, 1), "rx 2": u32(6, 2), "rx 1 tx 1": u32(6, 1) + u32(7, 1), "rx 0": u32(6, 0), "tx 0": u32(7, 0), "none": u32(6, 0) + u32(7, 0), "rx 100": u32(6, 100),
    "tx 100": u32(7, 100), "combined 1": u32(9, 1), "combined 0": u32(9, 0), "other 1": u32(8, 1), "maximum": u32(2, 1), "all": u32(6, 100) + u32(7, 100) + u32(9, 5),
}.items():
    show(label, 18, header() + data)
show("rx of lo", 18, header(name="lo") + u32(6, 1))

which = nest(2, attr(2, "v0"))
def groups(val): return nest(3, u32(2, 5), attr(4, struct.pack("<I", val)), attr(5, struct.pack("<I", 31)))


for label, data in {
    "nothing": which, "no group": which + groups(0), "all groups": which + groups(31), "bad group": which + nest(3, nest(3, nest(1, attr(2, "foo")))),
    "unmasked": which + nest(3), "of pMAC": which + groups(31) + u32(5, 1), "of both": which + groups(31) + u32(5, 0),
}.items():
    show(label, 32, data)
show("of all", 32, groups(2), DUMP)

for label, cmd, data in (
    ("function", 48, u32(3, 1)), ("table", 48, attr(4, bytes(4))), ("empty table", 48, attr(4, b"")), ("key", 48, attr(5, bytes(40))), ("transform", 48, u32(6, 1)),
    ("context", 48, u32(2, 1)), ("context", 38, u32(2, 1)), ("context", 50, u32(2, 1)), ("part", 31, u32(2, 0) + u32(3, 1) + u8(4, 0) + u8(5, 0) + u8(6, 0x50)),
    ("flags", 14, nest(2)), ("power", 37, u32(3, 2)), ("modes", 10, nest(2, nest(3))), ("on", 24, u8(5, 1)), ("off", 47, nest(3)), ("policy", 35, u8(2, 1)),
    ("source", 21, u32(6, 1)), ("rx", 16, u32(6, 1)), ("buffers", 16, u32(10, 1)), ("no buffers", 16, u32(10, 0)), ("split", 16, u8(11, 2)), ("split 3", 16, u8(11, 3)),
    ("push", 16, u8(13, 1)), ("usecs", 20, u32(2, 1)), ("role", 5, u8(7, 9)), ("lanes 9", 5, u32(9, 9)), ("provider", 25, nest(7, u32(1, 0))), ("provider 0", 25, nest(7, u32(1, 0) + u32(2, 0))), ("role 2", 5, u8(7, 2)),
):
    show(label, cmd, header() + data)
