# needs: memcached python3
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
