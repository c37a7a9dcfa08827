#!/usr/bin/env python3
"""weft up --uplink tap:NAME and packet:DEVICE: a stack as a machine of its own on a network of this machine's devices."""
import os
import shutil
import struct
import subprocess
import tempfile

from uplinktest import LIMIT, PEER, PYTHON, WEFT, Net, own_namespaces, sh, until
from clitest import main


class Devices(Net):
    def inside_lab(self, script):
        r = self.weft("run", "-n", "lab", "sh", "-c", script)
        self.assertEqual(r.stderr, "", r.stdout)
        return r.stdout

    def start_inside(self, *args):
        p = subprocess.Popen([WEFT, "run", "-n", "lab", PYTHON, PEER, *args], env=self.env, stdout=subprocess.PIPE, text=True)
        self.addCleanup(p.communicate)
        self.addCleanup(self.weft, "down", "--all")
        self.assertEqual(p.stdout.readline(), "ready\n")

    def exchange(self, me, me6):
        """Both ways, both protocols, whole and long, with the server and clients "there"."""
        want = subprocess.run([PYTHON, PEER, "digest", "6000000"], stdout=subprocess.PIPE, text=True).stdout
        out = self.inside_lab(f"""curl -sS http://10.77.0.2:8000/ 'http://[fd77::2]:8000/'
            for a in 10.77.0.2 '[fd77::2]'; do curl -sS "http://$a:8000/6000000" | sha256sum | cut -d' ' -f1; done
            {PYTHON} {PEER} ask 10.77.0.2 7 0 1 1400 9000 | cut -d' ' -f1,3-; ping -q -c3 -i0.01 -W20 10.77.0.2 | grep -c ' 0% packet loss'""")
        self.assertEqual(out, f"{me}\n{me6}\n{want}{want}" + f"{me} from 10.77.0.2 7 intact\n" * 3 + "1\n")
        self.start_inside("tcp", "::", "80")
        self.assertEqual(self.client("call", me, "80") + self.client("call", me6, "80"), "10.77.0.2 same port intact\nfd77::2 same port intact\n")
        self.assertEqual(self.client("many", me, "80", "300"), "300 at once, 10.77.0.2 same port\n")

    def test_packet(self):
        self.up("lab", "--uplink", "packet:eth0,address=10.77.0.9/24,address=fd77::9/64,gateway=10.77.0.2,gateway=fd77::2,dns=10.77.0.2")
        self.assertEqual(self.inside_lab("ip route; ip -6 route show default; cat /etc/resolv.conf"),
                         "default via 10.77.0.2 dev eth0 \n10.77.0.0/24 dev eth0 proto kernel scope link src 10.77.0.9 \n"
                         "default via fd77::2 dev eth0 metric 1024 pref medium\nsearch test\nnameserver 10.77.0.2\n")
        until(lambda: "tentative" not in self.inside_lab("ip -6 addr show eth0"), "no duplicate of its address")
        self.exchange("10.77.0.9", "fd77::9")
        # What this machine itself sends and gets on that device does not come twice.
        self.assertEqual(self.inside_lab("ping -q -c1 -W20 10.77.0.2 | grep -c duplicates"), "0\n")
        # VLAN tags stay beside the frame.
        self.inside_lab("ip link add v5 link eth0 type vlan id 5; ip addr add 10.78.0.9/24 dev v5; ip link set v5 up")
        self.assertEqual(self.client("tagged", "eth0", "5", "10.78.0.9"), "10.78.0.9 in VLAN 5\n")
        # Down and up again; then gone.
        sh("ip link set eth0 down; ip link set eth0 up; ip addr add fd77::1/64 dev eth0 nodad")
        self.assertEqual(self.inside_lab("ping -q -c2 -i0.2 -W20 10.77.0.2 | grep -c ' 0% packet loss'"), "1\n")
        self.ok("down", "lab")

    def test_packet_device_goes(self):
        sh("ip link add gone0 type veth peer name gone1; ip link set gone0 up; ip link set gone1 up")
        self.up("lab", "--uplink", "packet:gone0")
        self.assertIn("LOWER_UP", self.inside_lab("ip link show gone0"))
        sh("ip link del gone0")
        until(lambda: "NO-CARRIER" in self.inside_lab("ip link show gone0"), "the carrier goes")

    def test_card_over_a_packet_socket(self):
        """The same as a card of a stack that is up."""
        self.up()
        self.ok("nic", "-n", "lab", "--mac", "02:00:00:00:00:09", "add", "wan0", "packet:eth0")
        self.assertEqual(self.inside_lab("ip addr add 10.77.0.9/24 dev wan0; ip link set wan0 up; curl -sS http://10.77.0.2:8000/"), "10.77.0.9\n")
        self.refused(1, "nic", "-n", "lab", "add", "wan1", "packet:nowhere0", says="there is no device nowhere0")
        self.refused(2, "nic", "-n", "lab", "--queues", "2", "add", "wan1", "packet:eth0", says="TAP alone")

    def test_tap(self):
        if not os.access("/dev/net/tun", os.R_OK | os.W_OK):
            self.refused(1, "up", "--uplink", "tap:wt0", "lab", says="ip tuntap add wt0")
            self.skipTest("/dev/net/tun cannot be used")
        sh("sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1")
        self.there("sh", "-ec", "ip route add 10.79.0.0/24 via 10.77.0.1; ip -6 route add fd79::/64 via fd77::1")
        for made in ("ip tuntap add wt0 mode tap", "ip tuntap add wt0 mode tap multi_queue vnet_hdr", "true"):
            sh(made)
            self.up("lab", "--uplink", "tap:wt0,name=out,address=10.79.0.2/24,gateway=10.79.0.1,address=fd79::2/64,gateway=fd79::1")
            sh("ip addr add 10.79.0.1/24 dev wt0; ip addr add fd79::1/64 dev wt0 nodad; ip link set wt0 up")
            until(lambda: "LOWER_UP" in sh("ip link show wt0"), "the carrier")
            if made != "true":
                self.assertEqual(self.inside_lab("curl -sS http://10.77.0.2:8000/"), "10.79.0.2\n")
                if "multi" not in made:
                    self.refused(1, "up", "--uplink", "tap:wt0", "other", says="another program holds the TAP device wt0")
                self.ok("down", "lab")
                sh("ip link del wt0")
        until(lambda: "tentative" not in self.inside_lab("ip -6 addr show out"), "no duplicate of its address")
        self.exchange("10.79.0.2", "fd79::2")
        sh("ip link del wt0")
        until(lambda: "NO-CARRIER" in self.inside_lab("ip link show out"), "the carrier goes")
        self.ok("down", "lab")

    def test_without_rights(self):
        if os.environ["WEFT_TEST_UID"] != "0":
            self.skipTest("an ordinary user who is root in namespaces of his own has the rights there")
        as_nobody = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"]
        for what, says in (("packet:eth0", "packet:eth0 needs the right CAP_NET_RAW"), ("tap:wt1", "ip tuntap add wt1 mode tap user")):
            r = subprocess.run([*as_nobody, WEFT, "run", "--uplink", what, "true"], env=self.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=LIMIT)
            self.assertEqual((r.returncode, r.stderr.count("\n")), (125, 1), r.stderr)
            self.assertIn(says, r.stderr)
        # The remedy that it names.
        mine = tempfile.mkdtemp(prefix="wt.", dir="/tmp")
        self.addCleanup(shutil.rmtree, mine)
        os.chmod(mine, 0o755)
        shutil.copy(WEFT, mine)
        os.chown(self.dir, 65534, 65534)
        os.setxattr(mine + "/weft", "security.capability", struct.pack("<IIIII", 0x02000001, 1 << 13, 0, 0, 0)) # CAP_NET_RAW, effective
        r = subprocess.run(["runuser", "-u", "nobody", "--", mine + "/weft", "run", "--uplink", "packet:eth0,address=10.77.0.8/24", "curl", "-sS", "http://10.77.0.2:8000/"],
                           env={**self.env, "XDG_RUNTIME_DIR": ""}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=LIMIT)
        self.assertEqual(r.stdout, "10.77.0.8\n")


if __name__ == "__main__":
    own_namespaces()
    main()
