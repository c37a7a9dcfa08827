#!/usr/bin/env python3
"""weft run --uplink slirp: programs in a stack reach this machine's network as an ordinary user does, and ports lead inward."""
import os
import shutil
import subprocess
import tempfile

from uplinktest import PEER, PYTHON, WEFT, Net, own_namespaces
from clitest import main

HASH = subprocess.run([PYTHON, PEER, "digest", "8000000"], stdout=subprocess.PIPE, text=True).stdout


class Outward(Net):
    def test_the_devices_configuration(self):
        out = self.inside("ip -br addr show tap0; ip route; ip -6 route show default; cat /sys/class/net/tap0/mtu /etc/resolv.conf; ip -br link show lo; ls -A /run/netns",
                          "--uplink", "slirp,mac=52:54:00:00:00:01")
        self.assertEqual(out.split("\n"), [
            "tap0             UP             10.0.2.100/24 fd00::100/64 fe80::5054:ff:fe00:1/64 ",
            "default via 10.0.2.2 dev tap0 ", "10.0.2.0/24 dev tap0 proto kernel scope link src 10.0.2.100 ",
            "default via fd00::2 dev tap0 metric 1024 pref medium", "65520", "search test", "nameserver 10.0.2.3",
            "lo               UNKNOWN        00:00:00:00:00:00 <LOOPBACK,UP,LOWER_UP> ", ""])
        out = self.inside("ip -br addr; ip route show default; cat /etc/resolv.conf",
                          "--uplink", "slirp,address=192.0.2.200/25,no-ipv6,mtu=1400,name=out,dns=10.77.0.2,dns=fd77::2")
        self.assertEqual(out.split("\n"), [
            "lo               UNKNOWN        127.0.0.1/8 ::1/128 ", "out              UP             192.0.2.200/25 ",
            "default via 192.0.2.130 dev out ", "search test", "nameserver 10.77.0.2", "nameserver fd77::2", ""])

    def test_programs(self):
        out = self.inside(f"""
            curl -sS http://10.77.0.2:8000/ 'http://[fd77::2]:8000/'
            curl -sS -4 http://srv.test:8000/; curl -sS -6 http://srv:8000/
            dig +short srv.test; dig +short srv.test aaaa; dig +tcp +time=20 +tries=1 no.such | grep -c refused
            {PYTHON} {PEER} ask 10.77.0.2 7 0 1 1400 9000 | cut -d' ' -f1,3-
            {PYTHON} {PEER} ask fd77::2 7 0 1 1400 9000 | cut -d' ' -f1,3-
            {PYTHON} {PEER} call 10.77.0.2 9""", "--uplink", "slirp")
        self.assertEqual(out.split("\n"), [
            "10.77.0.1", "fd77::1", "10.77.0.1", "fd77::1", "10.77.0.2", "fd77::2", "1",
            *["10.77.0.1 from 10.77.0.2 7 intact"] * 3, *["fd77::1 from fd77::2 7 intact"] * 3, "refused", ""])

    def test_ping(self):
        """Those that are answered by libslirp, by the world outside, and by nobody; and from a namespace behind the first, without any proxy's settings."""
        out = self.inside("""quiet() { "$@" | sed -n 's/, time.*//; /packets transmitted/p'; }
            ping -q -c1 -W5 10.77.0.2 >/dev/null; ping -q -c1 -W5 fd77::2 >/dev/null # neighbours are found; of an echo that comes meanwhile libslirp may lose one
            quiet ping -q -c3 -i0.01 -W20 10.77.0.2; quiet ping -q -c2 -i0.01 -W20 fd77::2; quiet ping -q -c2 -i0.01 -s 20000 -W20 fd77::2
            quiet ping -q -c1 -W20 10.0.2.2; quiet ping -q -c1 -W20 fd00::2; quiet ping -q -c1 -W1 fd77::99
            sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
            ip netns add in; ip link add v0 type veth peer name v1 netns in; ip link set v0 up; ip -n in link set v1 up
            ip addr add 10.5.0.1/24 dev v0; ip -n in addr add 10.5.0.2/24 dev v1; ip -n in route add default via 10.5.0.1
            ip addr add fd05::1/64 dev v0 nodad; ip -n in addr add fd05::2/64 dev v1 nodad; ip -n in route add default via fd05::1
            for a in 10.77.0.2 fd77::2; do quiet ip netns exec in ping -q -c1 -W20 $a; done
            ip netns exec in curl -sS http://10.77.0.2:8000/ 'http://[fd77::2]:8000/'""", "--uplink", "slirp")
        good = "{0} packets transmitted, {0} received, 0% packet loss".format
        self.assertEqual(out.split("\n"), [good(3), good(2), good(2), good(1), good(1), "1 packets transmitted, 0 received, 100% packet loss", good(1), good(1),
                                           "10.77.0.1", "fd77::1", ""])

    def test_large_transfers(self):
        for mtu, addrs in (("65520", "10.77.0.2 [fd77::2]"), ("1500", "10.77.0.2")):
            out = self.inside(f"""for a in {addrs}; do
                curl -sS "http://$a:8000/8000000" | sha256sum | cut -d' ' -f1
                {PYTHON} -c "import sys; sys.path.insert(0, '{os.path.dirname(PEER)}'); import peer; [sys.stdout.buffer.write(b) for b in peer.data(8000000)]" |
                    curl -sS -T - -H 'Transfer-Encoding:' -H 'Content-Length: 8000000' "http://$a:8000/"; done""",
                              "--uplink", "slirp,mtu=" + mtu)
            self.assertEqual(out, HASH * 2 * len(addrs.split()))

    def test_many_connections_outward(self):
        self.serve("tcp", "10.77.0.2", "81")
        self.assertEqual(self.inside(f"{PYTHON} {PEER} many 10.77.0.2 81 400", "--uplink", "slirp"), "400 at once, 10.77.0.1 other port\n")

    def test_loopback_is_out_of_reach(self):
        """Neither by the gateway's address nor by frames that say so."""
        targets = "127.0.0.1 127.1.2.3 0.0.0.0 0.1.2.3 ::1 :: ::ffff:127.0.0.1 10.0.2.2 10.0.2.3 fd00::2 fd00::3"
        try_all = f"{PYTHON} {PEER} frames tap0 {targets}; curl -sS -m20 http://10.77.0.2:8000/"
        for options, reached in (("", 0), (",host-loopback", None)):
            count = [subprocess.Popen([PYTHON, PEER, "counting", a, "9"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
                     for a in ("127.0.0.1", "::1")]
            for c in count:
                self.assertEqual(c.stdout.readline(), "ready\n")
            self.assertEqual(self.inside(try_all, "--uplink", "slirp" + options), "sent\n10.77.0.1\n")
            got = [int(c.communicate("end\n")[0].split()[-1]) for c in count]
            if reached is None:
                self.assertGreater(min(got), 2, "only the gateway's address led here")
            else:
                self.assertEqual(got, [reached, reached])
        self.serve("http", "127.0.0.1", "8008", there=False)
        self.assertEqual(self.inside("curl -s http://10.0.2.2:8008/; echo $?", "--uplink", "slirp"), "7\n")
        self.assertEqual(self.inside("curl -sS http://10.0.2.2:8008/", "--uplink", "slirp,host-loopback"), "127.0.0.1\n")

    def test_as_an_ordinary_user(self):
        if os.environ["WEFT_TEST_UID"] != "0":
            self.skipTest("root's part; the others ran as one")
        os.chown(self.dir, 65534, 65534)
        mine = tempfile.mkdtemp(prefix="wt.", dir="/tmp")
        self.addCleanup(shutil.rmtree, mine)
        os.chmod(mine, 0o755)
        for f in (WEFT, PEER): # where they lie, he may not look
            shutil.copy(f, mine)
        served = subprocess.Popen(["runuser", "-u", "nobody", "--", "env", f"WEFT_RUNTIME_DIR={self.dir}", "XDG_RUNTIME_DIR=", f"{mine}/weft",
                                   "run", "--uplink", "slirp", "--publish", "8080", "sh", "-c",
                                   f"curl -4sS http://srv.test:8000/; ping -q -c1 -W20 10.77.0.2 | grep -c ' 0% packet loss'; exec /usr/bin/python3 {mine}/peer.py once 8080"],
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.assertEqual([served.stdout.readline() for _ in range(3)], ["10.77.0.1\n", "1\n", "ready\n"])
        self.client("call", "10.77.0.1", "8080")
        self.assertEqual(served.communicate(timeout=60)[0], "10.77.0.2\n")


if __name__ == "__main__":
    own_namespaces()
    main()
