#!/usr/bin/env python3
"""Makes seeds for fuzz-netlink of the transcripts: mkcorpus.py DIRECTORY. One file per command, with all its requests. And every command
of the ethtool family, with what it takes."""
import glob, hashlib, os, struct, sys

here = os.path.dirname(os.path.abspath(__file__))
to = sys.argv[1]
os.makedirs(to, exist_ok=True)
seen = set()

def flush(requests, socket=1):
    if not requests:
        return
    body = b"".join(bytes([socket, len(r) & 255, len(r) >> 8]) + r for r in requests)
    name = hashlib.sha1(body).hexdigest()[:16]
    if name not in seen:
        seen.add(name)
        open(os.path.join(to, name), "wb").write(body)

for path in sorted(glob.glob(here + "/*.txt")):
    requests = []
    for line in open(path):
        w = line.split()
        if w[:1] == ["cmd"]:
            flush(requests)
            requests = []
        elif w[:1] == ["send"]:
            r = bytes.fromhex(w[2])
            if r[4:6] != b"\x10\x00" or len(r) > 32: # not the empty probe that precedes everything
                requests.append(r[:2000])
    flush(requests)

def attr(type, data): return struct.pack("<HH", 4 + len(data), type) + data + b"\0" * (-len(data) % 4)
def nest(type, *inside): return attr(type | 0x8000, b"".join(inside))
def u32(type, v): return attr(type, struct.pack("<I", v))

ETHTOOL = 0x10 + 4 + 1  # the second of stack_tables.genl_families
bits = nest(3, attr(1, b""), nest(3, nest(1, u32(1, 1)), nest(1, attr(2, b"rx-gro\0"), attr(3, b""))))
compact = nest(2, u32(2, 15), attr(4, b"\7\0\0\0"), attr(5, b"\7\0\0\0"))
takes = {1: nest(2, nest(1, u32(1, 4)), nest(1, u32(1, 1))), 5: attr(2, b"\1") + u32(5, 100), 8: compact, 12: bits, 14: compact, 16: u32(6, 128) + u32(9, 256),
         18: u32(9, 2), 20: u32(2, 100), 22: attr(3, b"\1"), 24: attr(5, b"\1"), 32: nest(3, u32(2, 5), attr(4, b"\37\0\0\0"), attr(5, b"\37\0\0\0")),
         48: attr(4, bytes(512)) + attr(5, bytes(40))}
for cmd in range(1, 51):
    requests = []
    for name, flags in (b"eth0\0", 5), (b"v0\0", 5), (b"", 0x305):
        body = struct.pack("<BBH", cmd, 1, 0) + nest(2 if cmd == 32 else 1, attr(2, name) if name else b"", u32(3, cmd & 1)) + takes.get(cmd, b"")
        requests.append(struct.pack("<IHHII", 16 + len(body), ETHTOOL, flags, cmd, 0) + body)
    policy = struct.pack("<BBH", 10, 1, 0) + attr(2, b"ethtool\0") + u32(10, cmd)
    requests.append(struct.pack("<IHHII", 16 + len(policy), 0x10, 0x305, cmd, 0) + policy)
    flush(requests, 3)
