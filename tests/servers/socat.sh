# needs: socat
head -c 3000000 /dev/urandom > in
socat TCP-LISTEN:7001,fork,reuseaddr EXEC:cat & s=$!
up 7001
socat -t 30 - TCP:127.0.0.1:7001 < in > out
cmp in out && echo same
kill $s
