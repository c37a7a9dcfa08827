#!/usr/bin/env python3
"""Servers and clients as Debian ships them, doing real work under weft: run.py WEFT NAME...

Each script runs in a stack of its own, as this user, with `lo` up and an empty directory of its own as the working directory; what it
prints must be what is written beside it. A test whose programs are not installed is skipped (77).
"""
import os, shutil, subprocess, sys, tempfile

UP = r"""
set -e
ip link set lo up
# waits until somebody listens on a port
up() { for i in $(seq 600); do python3 -c 'import socket, sys; socket.create_connection(("127.0.0.1", int(sys.argv[1])), 1)' $1 2>/dev/null && return; sleep 0.1; done; echo "nobody on $1"; exit 1; }
"""

TESTS = {
    "redis": (["redis-server", "redis-cli", "redis-benchmark"], r"""
redis-server --port 6379 --save '' --appendonly no --dir . >log 2>&1 &
up 6379
redis-cli set key value
redis-cli --raw eval 'for i = 1, 1000 do redis.call("rpush", "l", string.rep("x", i)) end return redis.call("llen", "l")' 0
redis-cli --raw lrange l 999 999 | wc -c
redis-benchmark -q -n 2000 -c 20 -P 4 -t set,get,lpush >bench; tr '\r' '\n' <bench | grep -c 'requests per second'
redis-cli --raw subscribe news > said & s=$!
for i in $(seq 300); do [ "$(redis-cli --raw publish news hello)" = 1 ] && break; sleep 0.05; done
for i in $(seq 300); do grep -q hello said && break; sleep 0.05; done
kill $s; tail -1 said
redis-cli shutdown nosave || true
wait
""", "OK\n1000\n1001\n3\nhello\n"),
    "memcached": (["memcached", "python3"], r"""
memcached -u "$(id -un)" -l 127.0.0.1 -p 11211 -U 11211 -t 2 & m=$!
up 11211
python3 - <<'P'
import socket
c = socket.create_connection(("127.0.0.1", 11211)).makefile("rwb")
big = bytes(range(256)) * 2000
c.write(b"set a 0 0 %d\r\n%s\r\nget a\r\n" % (len(big), big)); c.flush()
print(c.readline(), c.readline(), c.read(len(big)) == big, c.readline(), c.readline())
u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); u.settimeout(20)
u.sendto(b"\0\1\0\0\0\1\0\0incr nothing 1\r\n", ("127.0.0.1", 11211))
print(u.recv(2000)[8:])
P
kill $m; wait
""", "b'STORED\\r\\n' b'VALUE a 0 512000\\r\\n' True b'\\r\\n' b'END\\r\\n'\nb'NOT_FOUND\\r\\n'\n"),
    "socat": (["socat"], r"""
head -c 3000000 /dev/urandom > in
socat TCP-LISTEN:7001,fork,reuseaddr EXEC:cat & s=$!
up 7001
socat -t 30 - TCP:127.0.0.1:7001 < in > out
cmp in out && echo same
kill $s
""", "same\n"),
    "asyncio": (["python3"], r"""
python3 - <<'P'
import asyncio, hashlib, os
async def echo(r, w):
    while data := await r.read(65536):
        w.write(data); await w.drain()
    w.close()
async def one(i):
    r, w = await asyncio.open_connection("127.0.0.1", 8000)
    data = os.urandom(200000)
    async def send():
        w.write(data); await w.drain(); w.write_eof()
    got, _ = await asyncio.gather(r.read(-1), send())
    w.close()
    return got == data
async def main():
    s = await asyncio.start_server(echo, "127.0.0.1", 8000)
    print(sum(await asyncio.gather(*(one(i) for i in range(50)))))
asyncio.run(main())
P
""", "50\n"),
    "haproxy": (["haproxy", "python3", "curl"], r"""
cat > c <<'C'
global
 maxconn 200
defaults
 mode http
 timeout connect 30s
 timeout client 30s
 timeout server 30s
frontend f
 bind 127.0.0.1:8080
 default_backend b
backend b
 balance roundrobin
 option forwardfor
 http-request set-header X-Seen haproxy
 server a 127.0.0.1:8001
 server b 127.0.0.1:8002
C
cat > s.py <<'P'
import http.server, sys
class H(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def log_message(self, *a): pass
    def do_GET(self):
        b = f"{sys.argv[1]} {self.headers['X-Seen']} {self.headers['X-Forwarded-For']}\n".encode()
        self.send_response(200); self.send_header("Content-Length", str(len(b))); self.end_headers(); self.wfile.write(b)
http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), H).serve_forever()
P
python3 s.py 8001 & python3 s.py 8002 &
up 8001; up 8002
haproxy -db -f c >log 2>&1 &
up 8080
for i in 1 2 3 4; do curl -s http://127.0.0.1:8080/; done | sort
kill %1 %2 %3
""", "8001 haproxy 127.0.0.1\n8001 haproxy 127.0.0.1\n8002 haproxy 127.0.0.1\n8002 haproxy 127.0.0.1\n"),
}


def main(argv):
    weft, bad, skipped = os.path.abspath(argv[0]), 0, 0
    for name in argv[1:] or TESTS:
        programs, script, want = TESTS[name]
        if not all(shutil.which(p) for p in programs):
            skipped += 1
            continue
        with tempfile.TemporaryDirectory(dir="/tmp", prefix="weft-servers-") as d:
            r = subprocess.run([weft, "run", "bash", "-c", UP + script], cwd=d, capture_output=True, text=True, timeout=150)
        ok = r.stdout == want
        if not ok:
            print(f"-- {name}: status {r.returncode}\n{r.stdout}{r.stderr}")
        print(("ok   " if ok else "FAIL ") + name)
        bad += not ok
    return 1 if bad else 77 if skipped and skipped == len(argv[1:] or TESTS) else 0


sys.exit(main(sys.argv[1:]))
