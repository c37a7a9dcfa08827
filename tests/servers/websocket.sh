# needs: nginx node python3
# An echo over WebSocket behind nginx: node is the server, a client by hand in python.
cat >s.js <<'J'
const http = require('http'), crypto = require('crypto')
http.createServer().on('upgrade', (q, s) => {
	const k = crypto.createHash('sha1').update(q.headers['sec-websocket-key'] + '258EAFA5-E914-47DA-95CA-C5AB0DC85B11').digest('base64')
	s.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ' + k + '\r\n\r\n')
	let b = Buffer.alloc(0)
	s.on('data', d => {
		b = Buffer.concat([b, d])
		while (b.length >= 8) {
			const n = b.readUInt16BE(2)
			if ((b[1] & 127) != 126 || b.length < 8 + n) return
			const m = b.subarray(4, 8), p = Buffer.from(b.subarray(8, 8 + n))
			for (let i = 0; i < n; i++) p[i] ^= m[i & 3]
			s.write(Buffer.concat([Buffer.from([0x82, 126, n >> 8, n & 255]), p]))
			b = b.subarray(8 + n)
		}
	})
	s.on('end', () => s.end()).on('error', () => {})
}).listen(8001, '127.0.0.1')
J
node s.js & n=$!
mkdir tmp
cat >nginx.conf <<C
pid $PWD/pid;
error_log $PWD/err;
daemon off;
events { }
http {
	access_log off;
	client_body_temp_path $PWD/tmp; proxy_temp_path $PWD/tmp; fastcgi_temp_path $PWD/tmp; uwsgi_temp_path $PWD/tmp; scgi_temp_path $PWD/tmp;
	server { listen 127.0.0.1:8080; location / { proxy_pass http://127.0.0.1:8001; proxy_http_version 1.1; proxy_set_header Upgrade \$http_upgrade; proxy_set_header Connection upgrade; } }
}
C
[ "$(id -u)" != 0 ] || sed -i '1i user root;' nginx.conf
nginx -p "$PWD" -c nginx.conf 2>/dev/null & w=$!
up 8001
up 8080
python3 - <<'P'
import os, socket, struct
s = socket.create_connection(("127.0.0.1", 8080))
s.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
f = s.makefile("rb")
print(f.readline().strip().decode())
while line := f.readline().strip():
    if line.lower().startswith(b"sec-websocket-accept"):
        print(line.split()[1].decode())
good = 0
for i in range(300):
    m, p = os.urandom(4), os.urandom(200 + i * 37)
    s.sendall(struct.pack("!BBH", 0x82, 0x80 | 126, len(p)) + m + bytes(c ^ m[j & 3] for j, c in enumerate(p)))
    a, b, n = struct.unpack("!BBH", f.read(4))
    good += f.read(n) == p
print("echoes", good)
P
kill $n $w
