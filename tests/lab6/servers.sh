#!/bin/sh
# Starts the servers in "right", on [::]: nginx on 80, iperf3 on 5201, and the sockets of sockets.py. $1: a scratch folder. Prints the pids.
set -e
dir=$1
mkdir -p "$dir/www" "$dir/nginx"
head -c 3000000 /dev/urandom >"$dir/www/blob"
echo 'hello from the other side of the router' >"$dir/www/index.html"
cat >"$dir/nginx/nginx.conf" <<END
worker_processes 2;
pid $dir/nginx/pid;
error_log $dir/nginx/error.log;
events { worker_connections 1024; }
http {
	access_log off;
	client_body_temp_path $dir/nginx/body; proxy_temp_path $dir/nginx/proxy;
	fastcgi_temp_path $dir/nginx/fcgi; uwsgi_temp_path $dir/nginx/uwsgi; scgi_temp_path $dir/nginx/scgi;
	server { listen [::]:80 ipv6only=off default_server; root $dir/www; }
}
END
[ "$(id -u)" != 0 ] || sed -i '1i user root root;' "$dir/nginx/nginx.conf"
ip netns exec right nginx -p "$dir/nginx" -e "$dir/nginx/error.log" -c "$dir/nginx/nginx.conf" -g 'daemon off;' >"$dir/nginx.log" 2>&1 &
echo $!
ip netns exec right iperf3 -s >"$dir/iperf3.log" 2>&1 &
echo $!
# Ready when each answers: asked again and again, not waited for.
for try in $(seq 1 200); do
	ip netns exec right curl -s -o /dev/null 'http://[::1]/index.html' && ip netns exec right sh -c 'grep -q 1451 /proc/net/tcp6' && exit 0
	sleep 0.05
done
echo "the servers did not come up: see $dir" >&2
exit 1
