# needs: haproxy python3 curl
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
