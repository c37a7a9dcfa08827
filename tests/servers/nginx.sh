# needs: nginx curl python3
# --map-self
# Reload and binary upgrade under load: no request fails; two workers with SO_REUSEPORT both serve; a big file by sendfile.
mkdir -p www tmp
head -c 8000000 /dev/urandom >www/big
conf() {
	cat >nginx.conf <<C
pid $PWD/pid;
error_log $PWD/err;
worker_processes 2;
daemon on;
events { worker_connections 512; }
http {
	access_log off;
	client_body_temp_path $PWD/tmp; proxy_temp_path $PWD/tmp; fastcgi_temp_path $PWD/tmp; uwsgi_temp_path $PWD/tmp; scgi_temp_path $PWD/tmp;
	sendfile on;
	server {
		listen 127.0.0.1:8080 reuseport;
		listen [::1]:8080;
		root $PWD/www;
		location /gen { return 200 "$1 \$pid\n"; }
		location /ip { return 200 "\$remote_addr \$server_addr\n"; }
	}
}
C
}
[ "$(id -u)" != 0 ] || { chmod 755 .; user="user nobody nogroup;"; }
conf one
[ -z "$user" ] || sed -i "1i $user" nginx.conf
nginx=$(command -v nginx)
$nginx -p "$PWD" -c nginx.conf 2>/dev/null
up 8080
curl -s http://127.0.0.1:8080/big | cmp - www/big && echo same
curl -s 'http://[::1]:8080/ip' http://127.0.0.1:8080/ip
curl -s -r 1000-1999 http://127.0.0.1:8080/big | wc -c
for i in $(seq 60); do curl -s http://127.0.0.1:8080/gen; done | sort -u | wc -l
cat >load.py <<'P'
import http.client, os, sys, threading
stop, bad, n = threading.Event(), [], [0] * 4
def go(i):
    while not stop.is_set():
        try:
            c = http.client.HTTPConnection("127.0.0.1", 8080, timeout=60)
            c.request("GET", "/gen")
            r = c.getresponse()
            if r.status != 200 or not r.read():
                bad.append(r.status)
            c.close()
            n[i] += 1
        except Exception as e:
            bad.append(repr(e))
t = [threading.Thread(target=go, args=(i,)) for i in range(4)]
[x.start() for x in t]
open("loading", "w")
while not os.path.exists("enough"):
    stop.wait(0.02)
stop.set()
[x.join() for x in t]
print("failed", len(bad), bad[:3], "some" if min(n) > 5 else n)
P
python3 load.py & l=$!
until_ok test -e loading
conf two
[ -z "$user" ] || sed -i "1i $user" nginx.conf
kill -HUP "$(cat pid)"
until_ok sh -c 'curl -s http://127.0.0.1:8080/gen | grep -q two'
echo reloaded
old=$(cat pid)
kill -USR2 "$old"
until_ok test -e pid.oldbin
until_ok sh -c 'test "$(cat pid)" != "$(cat pid.oldbin)"'
kill -QUIT "$old"
until_ok sh -c "! kill -0 $old"
echo upgraded
curl -s http://127.0.0.1:8080/gen | cut -d' ' -f1
touch enough
wait $l
kill -QUIT "$(cat pid)"
until_ok test ! -e pid
