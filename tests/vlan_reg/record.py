#!/usr/bin/env python3
"""Brings VLAN 5's registration on a0 (record.sh makes it) into every state, lets every event come, and prints what a0 then says.

A line: G (GVRP) or M (MVRP), a state, an event, and what is said of VLAN 5 after it when nothing else happens; when a JoinIn is heard, too; when the
VLAN is given up; when it is asked for. Of GVRP within 0.7 s, of MVRP within 0.68 s and, behind the /, within the second after those, in which
declarations are repeated (VLAN 9, always declared, shows when that was). What is said are events' numbers as in the frames; -: nothing.
States and events are reached thus: STATES' and EVENTS' letters are + asked for, - given up, a number: heard with this event's number (L: LeaveAll)."""
import ctypes, os, select, socket, struct, sys, time

STATES = {
    "G": (("QA", ""), ("VA", "1"), ("AA", "1."), ("LA", "-"), ("VP", "L"), ("AP", "L2"), ("QP", "L22"), ("VO", "L-"), ("AO", "L2-"), ("QO", "L22-"), ("LO", "L-L")),
    "M": (("QA", ""), ("AA", "4"), ("LA", "-"), ("VP", "5"), ("AP", "51"), ("QP", "511"), ("VO", "5-"), ("AO", "51-"), ("QO", "511-"), ("LO", "5-5")),
}
EVENTS = {
    "G": (("none", ""), ("LeaveAll", "L"), ("JoinEmpty", "1"), ("JoinIn", "2"), ("LeaveEmpty", "3"), ("LeaveIn", "4"), ("Empty", "5"), ("join", "+"), ("leave", "-")),
    "M": (("none", ""), ("New", "0"), ("JoinIn", "1"), ("In", "2"), ("JoinMt", "3"), ("Mt", "4"), ("Lv", "5"), ("LeaveAll", "L"), ("join", "+"), ("leave", "-")),
}
PROBES = {"G": ("", "2", "-", "+"), "M": ("", "1", "-", "+")}
FLAG = {"G": 2, "M": 8}
TO = bytes.fromhex("0180c2000021020000000002")


def enter(name):
    fd = os.open("/run/netns/" + name, os.O_RDONLY)
    ctypes.CDLL(None).setns(fd, 0x40000000)
    os.close(fd)


enter("a")
nl = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)
v5 = socket.if_nametoindex("v5")
enter("b")
wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
wire.bind(("b0", 0))


def attr(kind, body):
    return (struct.pack("HH", 4 + len(body), kind) + body).ljust(4 + (len(body) + 3 & ~3), b"\0")


def ask(proto, on):
    bit = FLAG[proto]
    info = attr(1, b"vlan\0") + attr(2, attr(2, struct.pack("II", bit if on else 0, bit)))
    body = struct.pack("BBHiII", 0, 0, 0, v5, 0, 0) + attr(18, info)
    nl.send(struct.pack("IHHII", 16 + len(body), 16, 5, 1, 0) + body)
    assert struct.unpack("i", nl.recv(9999)[16:20]) == (0,)


def hear(proto, event):
    if proto == "G":
        pdu = b"\x42\x42\x03\0\1\1" + (b"\2\0" if event == "L" else bytes((4, int(event), 0, 5))) + b"\0\0"
        frame = TO + struct.pack("!H", len(pdu)) + pdu
    else:
        frame = TO + b"\x88\xf5\0\1\2" + (struct.pack("!HH", 1 << 13, 0) if event == "L" else struct.pack("!HHB", 1, 5, int(event) * 36)) + bytes(4)
    wire.send(frame.ljust(60, b"\0"))


def said(frame):
    """{VLAN: event} of a frame of a0's."""
    out = {}
    if frame[12:14] != b"\x88\xf5":
        p = frame[20:]
        while p[0]:
            out[p[2] << 8 | p[3]] = p[1]
            p = p[p[0]:]
        return out
    p = frame[17:]
    while p[:2] != b"\0\0":
        n, first = struct.unpack("!HH", p[:4])
        n &= 0x1FFF
        for i in range(n):
            b = p[4 + i // 3]
            out[first + i] = (b // 36, b // 6 % 6, b % 6)[i % 3]
        p = p[4 + (n + 2) // 3:]
    return out


def listen(seconds, most=1000):
    out, end = [], time.time() + seconds
    while len(out) < most and time.time() < end:
        if select.select([wire], [], [], max(0, end - time.time()))[0]:
            frame, a = wire.recvfrom(2000)
            if a[2] != 4:
                out.append(said(frame))
    return out


def do(proto, steps):
    for s in steps:
        if s in "+-":
            ask(proto, s == "+")
        elif s == ".":
            while 5 not in listen(0.5, 1)[0]:
                pass
        else:
            hear(proto, s)


def heard(frames):
    return ",".join(str(f[5]) for f in frames if 5 in f) or "-"


def start(proto):
    """VLAN 5 is declared, all has been said, and MVRP's second has just begun."""
    ask(proto, False)
    listen(1.5)
    ask(proto, True)
    listen(2.5)
    while proto == "M" and 9 not in (listen(3, 1) or [{}])[0]:
        pass


if __name__ == "__main__":
    for proto in "GM":
        for state, way in STATES[proto]:
            for event, step in EVENTS[proto]:
                row = []
                for probe in PROBES[proto]:
                    start(proto)
                    do(proto, way + step + probe)
                    row.append(heard(listen(0.7)) if proto == "G" else heard(listen(0.68)) + "/" + heard(listen(1)))
                print(proto, state, event, *row, flush=True)
        ask(proto, False)
        listen(1.5)
