#!/usr/bin/env python3
"""weft capture: pcapng files read by a parser of our own and, where they are installed, by tshark and capinfos; filters, limits, files by turns,
losses, and how it ends."""
import glob
import json
import os
import shutil
import signal
import struct
import subprocess
import tempfile

from clitest import WEFT, Case, main, until

PAIR = """set -e
ip netns add b; ip link set lo up; ip -n b link set lo up
ip link add a0 address 02:00:00:00:00:0a type veth peer name b0 netns b address 02:00:00:00:00:0b
sysctl -qw net.ipv6.conf.all.disable_ipv6=1; ip netns exec b sysctl -qw net.ipv6.conf.all.disable_ipv6=1
ip addr add 10.9.0.1/24 dev a0; ip link set a0 up; ip -n b addr add 10.9.0.2/24 dev b0; ip -n b link set b0 up
ip link add link a0 name a0.5 type vlan id 5; ip addr add 10.5.0.1/24 dev a0.5; ip link set a0.5 up
"""
SEND = "python3 -c 'import socket; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); %s'"


def blocks(data):
    """Type and body of each block, whose length must be there twice."""
    at, found = 0, []
    while at < len(data):
        kind, length = struct.unpack_from("<II", data, at)
        assert length % 4 == 0 and length >= 12 and at + length <= len(data), (at, length)
        assert struct.unpack_from("<I", data, at + length - 4)[0] == length
        found.append((kind, data[at + 8:at + length - 4]))
        at += length
    return found


def options(body, at):
    found = {}
    while at < len(body):
        code, length = struct.unpack_from("<HH", body, at)
        if code == 0:
            assert length == 0 and at + 4 == len(body)
            return found
        assert code not in found
        found[code] = body[at + 4:at + 4 + length]
        at += 4 + (length + 3) // 4 * 4
    raise AssertionError("options without an end")


class File:
    def __init__(self, data):
        parts = blocks(data)
        assert parts[0][0] == 0x0A0D0D0A and struct.unpack_from("<IHH", parts[0][1]) == (0x1A2B3C4D, 1, 0)
        self.interfaces, self.packets, self.statistics = [], [], {}
        for kind, body in parts[1:]:
            if kind == 1:
                link, _, snaplen = struct.unpack_from("<HHI", body)
                o = options(body, 8)
                assert o[9] == b"\x09"
                self.interfaces.append({"link": link, "snaplen": snaplen, "name": o[2].decode(), "filter": o.get(11, b"\0")[1:].decode()})
            elif kind == 6:
                n, high, low, caplen, length = struct.unpack_from("<IIIII", body)
                o = options(body, 20 + (caplen + 3) // 4 * 4)
                self.packets.append({"if": self.interfaces[n]["name"], "time": high << 32 | low, "len": length, "data": body[20:20 + caplen],
                                     "flags": struct.unpack("<I", o[2])[0], "id": struct.unpack("<Q", o[5])[0], "comment": o[1].decode(),
                                     "lost": struct.unpack("<Q", o[4])[0] if 4 in o else 0})
            else:
                assert kind == 5
                n, = struct.unpack_from("<I", body)
                o = options(body, 12)
                self.statistics[self.interfaces[n]["name"]] = {k: struct.unpack("<Q", o[k])[0] for k in (4, 5, 7, 8)}


class Capture(Case):
    def setUp(self):
        super().setUp()
        self.out = tempfile.mkdtemp(prefix="wt.", dir="/tmp")
        self.addCleanup(shutil.rmtree, self.out)

    def capture(self, *args, **kw):
        """A capture that runs when this returns."""
        p = self.start("capture", "-n", "lab", *args, **kw)
        until(lambda: p.poll() is not None or self.status()["traces"] == 1, "the capture runs")
        return p

    def end(self, p, status=0):
        out, err = p.communicate(timeout=30)
        self.assertEqual(p.returncode, status, err)
        return out, err

    def inside(self, script):
        r = self.weft("run", "-n", "lab", "sh", "-c", script)
        self.assertEqual(r.returncode, 0, r.stdout + r.stderr)
        return r.stdout

    def file(self, name="out"):
        with open(os.path.join(self.out, name), "rb") as f:
            return File(f.read())

    def test_a_file(self):
        self.up()
        self.inside(PAIR)
        out = os.path.join(self.out, "out")
        p = self.capture("-w", out, "icmp", "or", "udp", "port", "9")
        self.inside("ping -q -c1 -W5 10.9.0.2; ping -q -c1 -W5 127.0.0.1;" + SEND % 's.sendto(b"x" * 50, ("10.9.0.2", 9))')
        p.send_signal(signal.SIGINT)
        self.assertIn("13 packets captured, 0 lost", self.end(p)[1])
        f = self.file()
        self.assertEqual([i["name"] for i in f.interfaces], ["init/a0", "b/b0", "init/lo"])
        self.assertEqual({i["link"] for i in f.interfaces}, {1})
        self.assertEqual({i["filter"] for i in f.interfaces}, {"icmp or udp port 9"})
        seen = [(q["if"], q["flags"] & 3, q["data"][23], q["comment"]) for q in f.packets]
        echo = [("init/a0", 2, 1, "netns init, device a0, out"), ("b/b0", 1, 1, "netns b, device b0, in"),
                ("b/b0", 2, 1, "netns b, device b0, out"), ("init/a0", 1, 1, "netns init, device a0, in")]
        self.assertEqual(seen[:4], echo)
        self.assertEqual([q["if"] for q in f.packets[4:8]], ["init/lo"] * 4)
        self.assertEqual([q["flags"] & 3 for q in f.packets[4:8]], [2, 1, 2, 1])
        drop = [q for q in f.packets if "dropped" in q["comment"]]
        self.assertEqual([(q["if"], q["flags"] & 3, q["comment"]) for q in drop], [("b/b0", 0, "netns b, device b0, dropped: NO_SOCKET")])
        self.assertEqual(drop[0]["data"][:14].hex(), "02000000000b02000000000a0800")
        self.assertEqual(len(drop[0]["data"]), 14 + 28 + 50)
        self.assertEqual(f.packets[0]["data"], f.packets[1]["data"])
        self.assertEqual(f.packets[0]["id"], f.packets[1]["id"])
        self.assertNotEqual(f.packets[0]["id"], f.packets[4]["id"])
        times = [q["time"] for q in f.packets]
        self.assertEqual(times, sorted(times))
        self.assertEqual(f.statistics["b/b0"], {4: 5, 5: 1, 7: 0, 8: 5})
        self.assertEqual(sum(s[8] for s in f.statistics.values()), 13)
        if shutil.which("tshark"):
            r = subprocess.run(["tshark", "-n", "-r", out, "-T", "json"], capture_output=True, text=True, timeout=60)
            self.assertEqual(r.returncode, 0, r.stderr)
            told = [q["_source"]["layers"] for q in json.loads(r.stdout)]
            self.assertEqual(len(told), 13)
            self.assertEqual([t["frame"]["frame.interface_id_tree"]["frame.interface_name"] for t in told], [q["if"] for q in f.packets])
            self.assertIn("netns b, device b0, dropped: NO_SOCKET", r.stdout)
            self.assertEqual(told[0]["icmp"]["icmp.type"], "8")
        if shutil.which("capinfos"):
            r = subprocess.run(["capinfos", "-M", "-c", "-I", "-t", "-N", "-T", "-m", "-r", out], capture_output=True, text=True, timeout=60)
            self.assertEqual(r.returncode, 0, r.stderr)
            self.assertIn("pcapng", r.stdout)

    def test_tags_and_cut_packets_and_arp(self):
        self.up()
        self.inside(PAIR)
        p = self.capture("-w", "-", "-s", "30", "arp")
        self.inside(SEND % 's.sendto(b"x", ("10.5.0.9", 9))')
        p.send_signal(signal.SIGINT)
        data = subprocess.run(["cat"], stdin=p.stdout, stdout=subprocess.PIPE, timeout=30).stdout
        self.assertEqual(p.wait(30), 0)
        p.stdout.close()
        p.stderr.close()
        f = File(data)
        by = {q["if"]: q for q in f.packets if "dropped" not in q["comment"]}
        self.assertEqual((by["init/a0.5"]["len"], by["init/a0"]["len"], by["b/b0"]["len"]), (42, 46, 46))
        self.assertEqual(by["init/a0"]["data"].hex(), "ffffffffffff02000000000a" + "81000005" + "0806" + "000108000604000102000000")
        self.assertEqual(by["b/b0"]["data"], by["init/a0"]["data"])
        self.assertEqual((by["init/a0"]["flags"], by["b/b0"]["flags"]), (2, 13))  # out; in, a broadcast

    def test_lines(self):
        self.up()
        self.inside(PAIR)
        p = self.capture("-c", "2", "-i", "b/", "icmp")
        self.inside("ping -q -c1 -W5 10.9.0.2")
        lines = self.end(p)[0].splitlines()
        self.assertEqual(len(lines), 2)
        self.assertRegex(lines[0], r"^\d\d:\d\d:\d\d\.\d{9} b/b0 +in +IP 10\.9\.0\.1 > 10\.9\.0\.2: ICMP echo request")
        self.assertRegex(lines[1], r" b/b0 +out +IP 10\.9\.0\.2 > 10\.9\.0\.1: ICMP echo reply")
        p = self.capture("--drops", "-c", "1")
        self.inside("ping -q -c1 -W5 10.9.0.2; " + SEND % 's.sendto(b"x", ("10.9.0.2", 9))')
        self.assertIn("DROP IP 10.9.0.1", self.end(p)[0].replace("  ", " "))
        p = self.capture("-i", "a0.5", "--for", "0.5")
        self.inside("ping -q -c1 -W5 10.9.0.2")
        self.assertEqual(self.end(p)[0], "")

    def test_without_a_device_or_a_link_header(self):
        self.up()
        self.inside(PAIR + "ip tuntap add t0 mode tun; ip link set t0 up; ip addr add 10.7.0.1/24 dev t0")
        p = self.capture("-w", os.path.join(self.out, "out"), "-c", "1", "ip")
        self.inside(SEND % 's.sendto(b"x", ("10.7.0.9", 9))')
        self.end(p)
        f = self.file()
        self.assertEqual([(i["link"], i["name"]) for i in f.interfaces], [(101, "init/t0")])
        self.assertEqual(f.packets[0]["data"][0], 0x45)

    def test_files_by_turns(self):
        self.up()
        self.inside(PAIR)
        name = os.path.join(self.out, "r")
        many = SEND % '[s.sendto(b"x" * 60000, ("127.0.0.1", 9)) for _ in range(30)]'
        p = self.capture("-w", name, "-C", "1", "udp")
        self.inside(many)
        p.send_signal(signal.SIGTERM)
        self.end(p)
        files = sorted(os.path.basename(f) for f in glob.glob(name + "*"))
        self.assertGreater(len(files), 2)
        self.assertEqual(files, ["r"] + [f"r{i}" for i in range(1, len(files))])
        n = 0
        for i, one in enumerate(files):
            f = self.file(one)
            n += len(f.packets)
            self.assertEqual(f.interfaces[0]["name"], "init/lo")
            self.assertEqual(sum(s[8] for s in f.statistics.values()), len(f.packets))
            if i < len(files) - 1:
                self.assertGreater(os.path.getsize(os.path.join(self.out, one)), 1000000)
        self.assertGreaterEqual(n, 60)
        for one in files:
            os.unlink(os.path.join(self.out, one))
        p = self.capture("-w", name, "-C", "1", "-W", "2", "udp")
        self.inside(many)
        p.send_signal(signal.SIGTERM)
        self.end(p)
        self.assertEqual(sorted(os.path.basename(f) for f in glob.glob(name + "*")), ["r0", "r1"])
        self.assertGreater(len(self.file("r0").packets) + len(self.file("r1").packets), 15)

    def test_a_reader_that_is_too_slow_loses_packets_and_is_told(self):
        self.up()
        self.inside(PAIR)
        p = subprocess.Popen([WEFT, "capture", "-n", "lab", "-w", "-", "udp"], env=self.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        until(lambda: self.status()["traces"] == 1, "the capture runs")
        self.inside(SEND % '[s.sendto(b"x" * 60000, ("127.0.0.1", 9)) for _ in range(600)]')
        p.send_signal(signal.SIGINT)
        data, err = p.communicate(timeout=60)
        self.assertEqual(p.returncode, 0, err)
        f = File(data)
        lost = f.statistics["init/lo"][7]
        self.assertGreater(lost, 0)
        self.assertIn(f"{len(f.packets)} packets captured, {lost} lost", err.decode())
        self.assertEqual(f.statistics["init/lo"][4], len(f.packets) + lost)
        self.assertGreaterEqual(len(f.packets) + lost, 1200)

    def test_refused(self):
        self.refused(1, "capture", says="weft up")
        self.up()
        for args in (["-c", "0"], ["-s", "x"], ["-i", "/"], ["-i", "d" * 16], ["-C", "1"], ["-G", "1", "-w", "-"], ["-W", "2", "-w", "x"], ["--for", "0"],
                     ["-C", "1", "-G", "1", "-w", "x"], ["-w"]):
            self.refused(2, "capture", "-n", "lab", *args, says="--help")
        self.refused(1, "capture", "-n", "lab", "icmp", "and", "(", says="pcap-filter(7)")
        self.refused(1, "capture", "-n", "other", says="no stack named other")
        self.refused(1, "capture", "-n", "lab", "-w", "/nonexistent/x", says="/nonexistent/x")
        p = self.capture()
        self.refused(1, "capture", "-n", "lab", says="one trace at a time")
        self.ok("down", "lab")
        self.end(p)


main()
