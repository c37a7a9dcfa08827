"""try.py HOST,… PORT,…: what a TCP connection and a UDP datagram to each meet. For answers.sh."""
import errno, socket, sys

for host in sys.argv[1].split(","):
    six = ":" in host
    family = socket.AF_INET6 if six else socket.AF_INET
    for port in map(int, sys.argv[2].split(",")):
        s = socket.socket(family, socket.SOCK_STREAM)
        s.settimeout(5)
        try:
            s.connect((host, port))
            tcp = "connected"
        except socket.timeout:
            tcp = "nothing"
        except OSError as e:
            tcp = errno.errorcode[e.errno]
        u = socket.socket(family, socket.SOCK_DGRAM)
        u.settimeout(0.4)
        u.connect((host, port))
        u.setsockopt(41 if six else 0, 25 if six else 11, 1)  # IPV6_RECVERR, IP_RECVERR
        try:
            u.sendmsg([b"x"])
            u.recvmsg(10)
            udp = "data"
        except socket.timeout:
            udp = "nothing"
        except OSError as e:
            udp = errno.errorcode[e.errno]
        try:
            d, c, f, a = u.recvmsg(100, 500, 0x2000)  # MSG_ERRQUEUE
            udp += " %s" % [(v[4], v[5], v[6]) for l, k, v in c]
        except OSError:
            pass
        print(host, port, "tcp", tcp, "udp", udp)
