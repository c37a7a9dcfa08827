"""metrics.sh's connections. `serve` echoes on all addresses; else each line of stdin, "title;address", is three connections there (the third's and
first's TCP_INFO are shown: what is remembered of a peer acts from the second on), a datagram's hop limit and what a large ping gets."""
import os, socket, struct, sys

if sys.argv[1:] == ["serve"]:
    import threading
    s = socket.socket(socket.AF_INET6)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind(("::", 80))
    s.listen(10)
    u = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    u.bind(("::", 80))
    u.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVHOPLIMIT, 1)
    u.setsockopt(socket.IPPROTO_IP, 12, 1)
    print("ready", flush=True)

    def hops():
        while True:
            data, anc, fl, who = u.recvmsg(2000, 200)
            u.sendto(str([struct.unpack("=i", d[:4])[0] for l, t, d in anc]).encode(), who)

    threading.Thread(target=hops, daemon=True).start()
    while True:
        c = s.accept()[0]
        d = c.recv(1)
        i = c.getsockopt(6, 11, 240)
        c.send(str(struct.unpack_from("=I", i, 228)[0]).encode().ljust(12))
        c.recv(1)
        c.close()

f = {"rto": 8, "snd_mss": 16, "advmss": 84, "pmtu": 60, "ssthresh": 76, "cwnd": 80, "reordering": 88}


def connection(to):
    s = socket.socket(socket.AF_INET6 if ":" in to else socket.AF_INET)
    s.setsockopt(6, 13, b"reno")
    s.connect((to, 80))
    first = s.getsockopt(6, 11, 240)
    cc = s.getsockopt(6, 13, 16).rstrip(b"\0").decode()
    s.send(b"x")
    d = b""
    while len(d) < 12:
        d += s.recv(12 - len(d))
    i = s.getsockopt(6, 11, 240)
    s.shutdown(socket.SHUT_WR)
    s.recv(1) # both ends have closed: what was learnt is on record before the next connection begins
    s.close()
    r = {k: struct.unpack_from("=I", i if k == "rto" else first, o)[0] for k, o in f.items()}
    r["rto"] = r["rto"] // 100000 * 100
    r["first rto"] = struct.unpack_from("=I", first, 8)[0] // 100000 * 100
    if r["ssthresh"] > 1 << 30:
        del r["ssthresh"]
    r["peer's window"] = int(d)
    if first[5] & 8:
        r["ecn"] = "yes"
    if cc != "reno":
        r["cc"] = cc
    return r


base = {}
for line in sys.stdin:
    title, to = line.rstrip("\n").split(";")
    runs = [connection(to) for i in range(4)]
    last = dict(runs[3])
    for k in ("rto", "first rto"): # the machine's haste is no matter
        last[k] = min(r[k] for r in runs[1:])
    six = ":" in to
    u = socket.socket(socket.AF_INET6 if six else socket.AF_INET, socket.SOCK_DGRAM)
    u.settimeout(20)
    u.sendto(b"x", (to, 80))
    last["hops"] = u.recv(200).decode()
    if not base.get(six):
        base[six] = last
        print("IPv%d %s: %s" % (6 if six else 4, title, last), flush=True)
    else:
        print("IPv%d %s: %s%s" % (6 if six else 4, title, {k: v for k, v in runs[0].items() if v != base[six].get(k) and "rto" not in k},
              {k: v for k, v in last.items() if v != base[six].get(k)}), flush=True)
