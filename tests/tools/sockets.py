"""sockets.py COMMAND...: runs each COMMAND while sockets of every kind exist, at fixed ports; what differs by run is made equal."""
import os, re, socket, subprocess, sys

keep = []


def put(family, kind, address, port, proto=0, peer=None, listen=False):
    s = socket.socket(family, kind, proto)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if family == socket.AF_INET6 and kind != socket.SOCK_RAW:
        s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    s.bind((address, port))
    if listen:
        s.listen(7)
    if peer:
        s.connect(peer)
    keep.append(s)
    return s


I4, I6, ST, DG, RAW = socket.AF_INET, socket.AF_INET6, socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_RAW
subprocess.run(["ip", "link", "set", "lo", "up"])
l4 = put(I4, ST, "127.0.0.1", 8000, listen=True)
l6 = put(I6, ST, "::1", 8006, listen=True)
put(I4, ST, "0.0.0.0", 8001, listen=True)
put(I4, ST, "127.0.0.1", 9000, peer=("127.0.0.1", 8000)).setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 0)
keep.append(l4.accept()[0])
put(I6, ST, "::1", 9006, peer=("::1", 8006))
keep.append(l6.accept()[0])
put(I4, ST, "127.0.0.1", 9001, peer=("127.0.0.1", 8001))  # waits to be accepted
put(I4, DG, "127.0.0.1", 7000)
put(I4, DG, "127.0.0.1", 7001, peer=("127.0.0.1", 7000))
put(I6, DG, "::", 7006)
try:
    put(I4, RAW, "127.0.0.1", 0, proto=89)
    put(I6, RAW, "::1", 0, proto=89)
except PermissionError:
    pass
for command in sys.argv[1:]:
    out = subprocess.run(command.split(), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout
    out = out.replace(str(os.getpid()), "PID")
    out = re.sub(r"(ino|sk|cgroup)(:| |=)\S+", r"\1:N", out)
    out = re.sub(r"(?m)^((?:tcp|udp|raw)\S* .*?) +\d{3,}( +\d+/| *$)", r"\1 INODE\2", out)
    lines = out.split("\n")
    print("#", command)
    print("\n".join(lines[:1] + sorted(lines[1:])).strip())
