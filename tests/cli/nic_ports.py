#!/usr/bin/env python3
"""weft nic add: a card over capture files and over a TAP device, in a network namespace of the test's own."""
import os
import struct
import subprocess
import sys

from clitest import Case, main, until

MAC = "02:00:00:00:00:01"
PEER = bytes.fromhex("020000000002")


def ethernet(dst, src, kind, body):
    return dst + src + struct.pack("!H", kind) + body


def arp_request(target):
    return ethernet(b"\xff" * 6, PEER, 0x806, struct.pack("!HHBBH6s4s6s4s", 1, 0x800, 6, 4, 1, PEER, bytes([10, 7, 0, 2]), bytes(6), target))


def write_capture(path, frames):
    with open(path, "wb") as f:
        f.write(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1))
        for i, frame in enumerate(frames):
            f.write(struct.pack("<IIII", 1700000000, i * 1000, len(frame), len(frame)) + frame)


def read_capture(path):
    with open(path, "rb") as f:
        data = f.read()
    frames, at = [], 24
    while at + 16 <= len(data):
        n = struct.unpack_from("<I", data, at + 8)[0]
        frames.append(data[at + 16:at + 16 + n])
        at += 16 + n
    return frames


class Nic(Case):
    def inside(self, script):
        r = self.weft("run", "-n", "lab", "sh", "-ec", script)
        self.assertEqual(r.returncode, 0, r.stdout + r.stderr)
        return r.stdout

    def test_capture_files(self):
        self.up()
        files = self.dir + "/in.pcap", self.dir + "/out.pcap"
        write_capture(files[0], [arp_request(bytes([10, 7, 0, 1])), b"short", arp_request(bytes([10, 7, 0, 9]))])
        self.ok("nic", "-n", "lab", "--mac", MAC, "add", "eth0", f"pcap:{files[0]},{files[1]}")
        self.inside("ip addr add 10.7.0.1/24 dev eth0; ip link set eth0 up")
        until(lambda: "RX: " in self.inside("ip -s link show eth0"), "it is up")
        self.inside("ip link set eth0 down")
        replies = [f for f in read_capture(files[1]) if f[12:14] == b"\x08\x06" and f[20:22] == b"\0\2"]
        self.assertEqual(len(replies), 1, "one of the two addresses asked for is ours")
        self.assertEqual((replies[0][:6], replies[0][28:32]), (PEER, bytes([10, 7, 0, 1])))
        for f in files:
            os.unlink(f)

    def test_wrong_input(self):
        self.up()
        path = self.dir + "/text"
        with open(path, "w") as f:
            f.write("no capture")
        self.refused(1, "nic", "-n", "lab", "add", "eth0", "pcap:" + path, says="no capture file")
        self.refused(1, "nic", "-n", "lab", "add", "eth0", "pcap:/no/such/file", says="/no/such/file")
        self.refused(1, "nic", "-n", "lab", "add", "a/b", "pcap:," + path, says="name")
        self.refused(1, "nic", "-n", "lab", "--netns", str(os.getpid()), "add", "eth0", "pcap:," + path, says="no program of this stack")
        self.ok("nic", "-n", "lab", "add", "eth0", "pcap:," + path)
        self.refused(1, "nic", "-n", "lab", "add", "eth0", "pcap:," + path, says="already")
        self.refused(2, "nic", "-n", "lab", "add", "x" * 16, "pcap:," + path, says="too long")
        self.refused(2, "nic", "-n", "lab", "--mac", "01:00:00:00:00:00", "add", "eth1", "pcap:," + path, says="unicast")
        self.ok("down", "lab")
        os.unlink(path)

    def test_tap(self):
        if not os.access("/dev/net/tun", os.R_OK | os.W_OK):
            self.up()
            self.refused(1, "nic", "-n", "lab", "add", "eth0", "tap:wt0", says="ip tuntap add")
            self.skipTest("/dev/net/tun cannot be used")
        subprocess.run(["ip", "tuntap", "add", "wt0", "mode", "tap", "multi_queue", "vnet_hdr"], check=True)
        subprocess.run(["ip", "addr", "add", "10.7.0.2/24", "dev", "wt0"], check=True)
        subprocess.run(["ip", "link", "set", "wt0", "up"], check=True)
        self.up()
        self.ok("nic", "-n", "lab", "--queues", "2", "add", "eth0", "tap:wt0")
        self.inside("ip addr add 10.7.0.1/24 dev eth0; ip link set eth0 up")
        until(lambda: "LOWER_UP" in subprocess.run(["ip", "link", "show", "wt0"], stdout=subprocess.PIPE, text=True).stdout, "the carrier")
        self.inside("ping -q -c3 -i0.01 -W5 10.7.0.2")
        r = subprocess.run(["ping", "-q", "-c3", "-i0.01", "-W5", "10.7.0.1"], stdout=subprocess.PIPE, text=True)
        self.assertEqual(r.returncode, 0, r.stdout)
        self.ok("down", "lab")
        self.assertIn("NO-CARRIER", subprocess.run(["ip", "link", "show", "wt0"], stdout=subprocess.PIPE, text=True).stdout)
        # What is not ours lives on: this test, in the namespace where the command ran.
        self.assertEqual(subprocess.run(["true"]).returncode, 0)

    def test_ethtool(self):
        """The real ethtool on a card with four queues: what it sets is seen in /proc/interrupts, by tc and in the counters."""
        if not os.access("/dev/net/tun", os.R_OK | os.W_OK):
            self.skipTest("/dev/net/tun cannot be used")
        subprocess.run(["ip", "tuntap", "add", "wt1", "mode", "tap", "multi_queue", "vnet_hdr"], check=True)
        subprocess.run(["ip", "addr", "add", "10.8.0.2/24", "dev", "wt1"], check=True)
        subprocess.run(["ip", "link", "set", "wt1", "up"], check=True)
        self.up()
        self.ok("nic", "-n", "lab", "--queues", "4", "add", "eth0", "tap:wt1")
        self.inside("ip addr add 10.8.0.1/24 dev eth0; ip link set eth0 up")

        def vectors():
            lines = [line.split() for line in self.inside("cat /proc/interrupts").splitlines()[1:]]
            return [line[-1] for line in lines], sum(int(line[1]) for line in lines)

        self.assertEqual(vectors()[0], ["eth0-TxRx-%d" % q for q in range(4)])
        qdiscs = self.inside("tc qdisc show dev eth0")
        self.assertIn("qdisc mq 0: root", qdiscs)
        self.assertEqual(qdiscs.count("parent :"), 4)
        before = vectors()[1]
        self.inside("ping -q -c5 -i0.01 -W5 10.8.0.2")
        self.assertGreater(vectors()[1], before)
        self.inside("ethtool -L eth0 combined 2; ethtool -G eth0 rx 4096; ethtool -C eth0 rx-usecs 100; ethtool -X eth0 equal 1")
        self.assertEqual(vectors()[0], ["eth0-TxRx-0", "eth0-TxRx-1"])
        self.assertIn("Combined:\t2", self.inside("ethtool -l eth0").split("Current")[1])
        self.assertIn("RX:\t\t4096", self.inside("ethtool -g eth0").split("Current")[1])
        self.assertIn("rx-usecs: 100", self.inside("ethtool -c eth0"))
        table = [line.split()[1:] for line in self.inside("ethtool -x eth0").splitlines() if line.strip()[:1].isdigit() and line.count(":") == 1]
        self.assertEqual({q for line in table for q in line}, {"0"})
        self.inside("ping -q -c5 -i0.01 -W5 10.8.0.2")
        counters = dict(line.split(": ") for line in self.inside("ethtool -S eth0").splitlines()[1:])
        self.assertGreaterEqual(int(counters["     rx_queue_0_packets"]), 5)
        self.assertIn("Speed: 10000Mb/s", self.inside("ethtool eth0"))
        self.assertEqual(self.inside("cat /sys/class/net/eth0/speed"), "10000\n")
        for order, words in (("-L eth0 combined 9", "requested channel count exceeds maximum"), ("-G eth0 rx 100000", "requested ring size exceeds maximum"),
                             ("-C eth0 tx-usecs 5", "cannot modify an unsupported parameter"),
                             ("-L eth0 combined 0", "requested channel counts would result in no RX or TX channel")):
            self.assertIn(words, self.inside("ethtool %s 2>&1 || true" % order))
        self.ok("down", "lab")


if __name__ == "__main__":
    if os.environ.get("WEFT_TEST_NETNS") != "own":
        os.environ["WEFT_TEST_NETNS"] = "own"
        how = ["-n"] if os.getuid() == 0 else ["-r", "-n"]
        os.execvp("unshare", ["unshare", *how, "--", sys.executable, *sys.argv])
    main()
