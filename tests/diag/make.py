import socket, time

def tcp(addr, to=None):
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind(addr)
    s.connect(to) if to else s.listen(7)
    return s

l = tcp(("127.0.0.2", 8080))
l2 = tcp(("0.0.0.0", 9090))
c = tcp(("127.0.0.3", 4001), ("127.0.0.2", 8080))
s, _ = l.accept()
c.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
c.send(b"x" * 100)
s.recv(100)  # what weft handed over already would be missing in Recv-Q
c2 = tcp(("127.0.0.3", 4002), ("127.0.0.2", 8080))
s2, _ = l.accept()
c2.close()
time.sleep(0.2)
s2.close()
c3 = tcp(("127.0.0.3", 4003), ("127.0.0.2", 8080))  # waits in the accept queue
u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
u.bind(("127.0.0.1", 5353))
u2 = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
u2.bind(("127.0.0.1", 5354))
u2.connect(("127.0.0.1", 5353))
r = socket.socket(socket.AF_INET, socket.SOCK_RAW, 1)
time.sleep(0.5)
print("ready", flush=True)
time.sleep(100)
