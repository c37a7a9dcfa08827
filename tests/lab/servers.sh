#!/bin/sh
# Starts the servers in "right": python's http.server on 8000, nginx on 80, iperf3 on 5201. $1: a scratch folder.
# Prints the pids; they end when they are killed.
set -e
dir=$1
mkdir -p "$dir/www" "$dir/nginx"
echo 'hello from the other side of the router' >"$dir/www/index.html"
head -c 3000000 /dev/urandom >"$dir/www/blob"
head -c 512 /dev/zero | tr '\0' 'x' >"$dir/www/small"
cat >"$dir/nginx/nginx.conf" <<EOF
worker_processes 2;
pid $dir/nginx/pid;
error_log $dir/nginx/error.log;
events { worker_connections 1024; }
http {
	access_log off;
	client_body_temp_path $dir/nginx/body; proxy_temp_path $dir/nginx/proxy;
	fastcgi_temp_path $dir/nginx/fcgi; uwsgi_temp_path $dir/nginx/uwsgi; scgi_temp_path $dir/nginx/scgi;
	keepalive_requests 1000000;
	server { listen 80 default_server; root $dir/www; }
}
EOF
[ "$(id -u)" != 0 ] || sed -i "1i user $(id -un) $(id -gn);" "$dir/nginx/nginx.conf"
[ "$(id -u)" != 0 ] || sed -i '1s/user .*/user root root;/' "$dir/nginx/nginx.conf"
ip netns exec right python3 -m http.server --bind 10.0.2.2 --directory "$dir/www" 8000 >"$dir/http.log" 2>&1 &
echo $!
ip netns exec right nginx -p "$dir/nginx" -e "$dir/nginx/error.log" -c "$dir/nginx/nginx.conf" -g 'daemon off;' >"$dir/nginx.log" 2>&1 &
echo $!
ip netns exec right iperf3 -s >"$dir/iperf3.log" 2>&1 &
echo $!
# Ready when each answers: asked again and again, not waited for.
for try in $(seq 1 200); do
	ip netns exec right curl -s -o /dev/null http://10.0.2.2:8000/small && ip netns exec right curl -s -o /dev/null http://10.0.2.2/small && exit 0
	sleep 0.05
done
echo "the servers did not come up: see $dir" >&2
exit 1
