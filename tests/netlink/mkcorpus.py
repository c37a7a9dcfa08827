#!/usr/bin/env python3
"""Makes seeds for fuzz-netlink of the transcripts: mkcorpus.py DIRECTORY. One file per command, with all its requests."""
import glob, hashlib, os, sys

here = os.path.dirname(os.path.abspath(__file__))
to = sys.argv[1]
os.makedirs(to, exist_ok=True)
seen = set()

def flush(requests):
    if not requests:
        return
    body = b"".join(bytes([1, len(r) & 255, len(r) >> 8]) + r for r in requests)
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
