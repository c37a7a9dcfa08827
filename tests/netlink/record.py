#!/usr/bin/env python3
"""Records what a real kernel answers to the netlink requests of real tools.

    record.py SCENARIO.cmds > SCENARIO.txt       (as root; makes and removes its own namespaces)

A scenario is a list of lines: `ns NAME...` makes namespaces (IPv6 switched off in them), `NAME: COMMAND` runs a command
there under strace, `NAME& COMMAND` runs it in the background until the end (ip monitor). Output, one line each:
    ns a b            sock ID NS PROTO PID       opt ID LEVEL NAME VALUE      bind ID PID GROUPS
    fd N NS           send ID HEX                recv ID GROUPS HEX           close ID
The PID of a socket is the port id it got. tests/netlink/replay_test.c reads this.
"""
import os, re, signal, subprocess, sys, time

PREFIX = "nlrec%d-" % os.getpid()
spaces = []

def netns(name):
    return PREFIX + name

def make(names):
    for n in names:
        subprocess.run(["ip", "netns", "add", netns(n)], check=True)
        spaces.append(n)
        for w in "all", "default":
            subprocess.run(["ip", "netns", "exec", netns(n), "sysctl", "-qw", "net.ipv6.conf.%s.disable_ipv6=1" % w], check=True)

def strace(ns, log, command):
    return ["ip", "netns", "exec", netns(ns), "strace", "-f", "-o", log, "-s", "0", "-e",
            "trace=socket,bind,setsockopt,getsockname,sendto,sendmsg,recvmsg,recvfrom,openat,close", "-e", "read=all", "-e",
            "write=all", "sh", "-c", "exec " + command.replace("@", PREFIX)]

CALL = re.compile(r"^(\d+ +)?(\w+)\((\d+|AT_FDCWD)(.*)$")
DUMP = re.compile(r"^ \| [0-9a-f]{5,}  ((?:[0-9a-f]{2} *)+?)  [^ ]?.* ?\|$")
PROTO = {"NETLINK_ROUTE": 0, "NETLINK_SOCK_DIAG": 4, "NETLINK_NETFILTER": 12, "NETLINK_GENERIC": 16, "NETLINK_XFRM": 6}
SOLNL = {"NETLINK_ADD_MEMBERSHIP": 1, "NETLINK_DROP_MEMBERSHIP": 2, "NETLINK_PKTINFO": 3, "NETLINK_BROADCAST_ERROR": 4,
         "NETLINK_NO_ENOBUFS": 5, "NETLINK_LISTEN_ALL_NSID": 8, "NETLINK_CAP_ACK": 10, "NETLINK_EXT_ACK": 11,
         "NETLINK_GET_STRICT_CHK": 12}
counter = 0

def translate(ns, log, out):
    global counter
    counter += 1
    ids, protos, pending = {}, {}, None
    lines = open(log, errors="replace").read().split("\n") + ["0 end(0) = 0"]
    def flush():
        nonlocal pending
        if pending and pending[2]:
            out.append("%s %s%s %s" % (pending[0], pending[1], pending[3], pending[2]))
        pending = None
    for line in lines:
        if line.startswith(" | "):
            hexa = re.sub(r"\s", "", line[10:59])
            if pending:
                pending[2] += hexa
            continue
        if line.startswith(" * "):
            continue
        flush()
        line = re.sub(r"^\d+ +", "", line)
        m = re.match(r"socket\(AF_NETLINK, [^,]*, (\w+)\)\s*= (\d+)", line)
        if m:
            fd = m.group(2)
            ids[fd] = "%d.%s" % (counter, fd)
            protos[fd] = len(out)
            out.append("sock %s %s %d -" % (ids[fd], ns, PROTO[m.group(1)]))
            continue
        m = re.match(r"openat\(AT_FDCWD, \"/(?:var/)?run/netns/([^\"/]+)\".*= (\d+)", line)
        if m:
            name = m.group(1)
            out.append("fd %s %s" % (m.group(2), name[len(PREFIX):] if name.startswith(PREFIX) else "-"))
            continue
        m = re.match(r"(\w+)\((\d+)", line)
        if not m or m.group(2) not in ids:
            continue
        call, fd = m.groups()
        sid = ids[fd]
        if call == "close":
            out.append("close " + sid)
            del ids[fd]
        elif call == "setsockopt":
            m = re.search(r"(SOL_\w+), (\w+), \[(-?\d+)\]", line)
            if m and m.group(1) == "SOL_NETLINK" and m.group(2) in SOLNL:
                out.append("opt %s 270 %d %s" % (sid, SOLNL[m.group(2)], m.group(3)))
        elif call == "bind":
            m = re.search(r"nl_pid=(-?\d+), nl_groups=([0-9a-fx]+)", line)
            out.append("bind %s %s %x" % (sid, m.group(1), int(m.group(2), 16)))
        elif call == "getsockname":
            m = re.search(r"nl_pid=(-?\d+)", line)
            out[protos[fd]] = out[protos[fd]].rsplit(" ", 1)[0] + " " + m.group(1)
        elif call in ("sendto", "sendmsg"):
            m = re.search(r"= (-?\d+)", line)
            if m and int(m.group(1)) > 0:
                pending = ["send", sid, "", ""]
        elif call in ("recvmsg", "recvfrom"):
            if "MSG_PEEK" in line:
                continue
            m = re.search(r"nl_groups=([0-9a-fx]+)", line)
            pending = ["recv", sid, "", " %x" % (int(m.group(1), 16) if m else 0)]

def main():
    out, background = [], []
    for line in open(sys.argv[1]):
        line = line.rstrip("\n")
        if not line or line.startswith("#"):
            if line:
                out.append(line)
            continue
        if line.startswith("ns "):
            make(line.split()[1:])
            out.append(line)
            continue
        m = re.match(r"(\w+)([:&]) (.*)", line)
        ns, how, command = m.groups()
        log = "/tmp/%s.strace%d" % (PREFIX, len(background) if how == "&" else -1)
        if how == "&":
            background.append((ns, log, command, subprocess.Popen(strace(ns, log, command), stdout=subprocess.DEVNULL)))
            time.sleep(0.4)
            out.append(("bg", len(background) - 1))
            continue
        out.append("cmd %s %s" % (ns, command))
        r = subprocess.run(strace(ns, log, command), capture_output=True, text=True)
        for t in (r.stdout + r.stderr).rstrip("\n").split("\n"):
            if t:
                out.append("# | " + re.sub(r"\b" + PREFIX, "", t))
        if r.returncode:
            out.append("# rc %d" % r.returncode)
        translate(ns, log, out)
        os.unlink(log)
    time.sleep(0.3)
    for ns, log, command, p in background:
        subprocess.run(["pkill", "-TERM", "-P", str(p.pid)])
        p.wait()
    for i, (ns, log, command, p) in enumerate(background):
        lines = []
        translate(ns, log, lines)
        os.unlink(log)
        # Everything before the first delivery belongs to the start, the deliveries to the end.
        first = next((k for k, l in enumerate(lines) if l.startswith("recv") and l.split()[2] != "0"), len(lines))
        at = out.index(("bg", i))
        out[at:at + 1] = ["cmd %s& %s" % (ns, command)] + lines[:first]
        out += ["cmd %s& %s (what it got)" % (ns, command)] + [
            l for l in lines[first:] if l.startswith("recv") and l.split()[2] != "0"]
    print("\n".join(out))

try:
    main()
finally:
    for n in spaces:
        subprocess.run(["ip", "netns", "del", netns(n)])
