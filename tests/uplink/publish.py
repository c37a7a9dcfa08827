#!/usr/bin/env python3
"""weft up --uplink slirp --publish: servers in a stack are called from outside, and see who calls."""
import os
import signal
import subprocess

from uplinktest import PEER, PYTHON, WEFT, Net, own_namespaces, until
from clitest import main


class Published(Net):
    def setUp(self):
        super().setUp()
        self.inner = []

    def tearDown(self):
        self.weft("down", "--all")
        for p in self.inner:
            p.communicate()
        super().tearDown()

    def start_inside(self, *args, stack="lab"):
        p = subprocess.Popen([WEFT, "run", "-n", stack, PYTHON, PEER, *args], env=self.env, stdout=subprocess.PIPE, text=True)
        self.inner.append(p)
        self.assertEqual(p.stdout.readline(), "ready\n")
        return p

    def test_clients_keep_their_addresses(self):
        self.up("lab", "--uplink", "slirp", "-p", "8080:80", "-p", "5353:53/udp", "--publish", "10.77.0.1:8081:80", "--publish", "[fd77::1]:8082:80/tcp")
        self.start_inside("tcp", "::", "80")
        self.start_inside("udp", "::", "53")
        for target, client, who in (("10.77.0.1", True, "10.77.0.2"), ("fd77::1", True, "fd77::2"), ("127.0.0.1", False, "10.0.2.2"),
                                    ("::1", False, "fd00::2"), ("10.77.0.1", False, "10.77.0.1")):
            self.assertEqual(self.client("call", target, "8080", there=client), f"{who} same port intact\n")
            self.assertEqual(self.client("ask", target, "5353", "0", "1", "1400", "60000", there=client).split("\n")[0].split()[0::2], [who, "from", "5353"])
        self.assertEqual(self.client("ask", "10.77.0.1", "5353", "4444", "1", "1400", "60000"), "10.77.0.2 4444 from 10.77.0.1 5353 intact\n" * 3)
        self.assertEqual(self.client("ask", "fd77::1", "5353", "4444", "1", "60000"), "fd77::2 4444 from fd77::1 5353 intact\n" * 2)
        # Bound to one address of this machine, and to one family.
        self.assertEqual(self.client("call", "10.77.0.1", "8081"), "10.77.0.2 same port intact\n")
        self.assertEqual(self.client("call", "127.0.0.1", "8081", there=False), "refused\n")
        self.assertEqual(self.client("call", "fd77::1", "8081"), "refused\n")
        self.assertEqual(self.client("call", "fd77::1", "8082"), "fd77::2 same port intact\n")
        # One client address and port, two ways to one port inside: the second gets another port, and its own address.
        self.assertEqual(self.client("call", "10.77.0.1", "8080", "4001"), "10.77.0.2 same port intact\n")
        self.assertEqual(self.client("call", "10.77.0.1", "8081", "4001").split()[0], "10.77.0.2")
        # The server's own connections to that client's address are another matter.
        r = self.weft("run", "-n", "lab", "curl", "-sS", "http://10.77.0.2:8000/")
        self.assertEqual(r.stdout, "10.77.0.1\n", r.stderr)

    def test_a_thousand_at_once(self):
        self.up("lab", "--uplink", "slirp", "-p", "8080:80")
        self.start_inside("tcp", "::", "80")
        self.assertEqual(self.client("many", "10.77.0.1", "8080", "1000"), "1000 at once, 10.77.0.2 same port\n")
        self.assertEqual(self.client("many", "fd77::1", "8080", "100"), "100 at once, fd77::2 same port\n")

    def test_large_transfers(self):
        self.up("lab", "--uplink", "slirp", "-p", "8000", "-p", "8001")
        self.start_inside("http", "::", "8000")
        want = self.client("digest", "10000000", there=False)
        self.assertEqual(self.there("sh", "-c", "curl -sS http://10.77.0.1:8000/10000000 | sha256sum | cut -d' ' -f1"), want)
        self.assertEqual(self.there("sh", "-c", f"""{PYTHON} -c "import sys; sys.path.insert(0, '{os.path.dirname(PEER)}'); import peer; [sys.stdout.buffer.write(b) for b in peer.data(10000000)]" |
            curl -sS -T - -H 'Transfer-Encoding:' -H 'Content-Length: 10000000' 'http://[fd77::1]:8000/'"""), want)
        # Ends: nobody listens; a server that dies in the middle.
        self.assertEqual(self.client("call", "10.77.0.1", "8001"), "reset\n")
        self.inner[0].send_signal(signal.SIGSTOP)
        c = subprocess.Popen(self.there_args("curl", "-s", "http://10.77.0.1:8000/500000000", "-o", "/dev/null"))
        until(lambda: "ESTAB" in self.there("ss", "-Htn"), "it is connected")
        self.inner[0].kill()
        self.inner[0].send_signal(signal.SIGCONT)
        self.assertNotEqual(c.wait(60), 0)

    def test_the_end(self):
        """The uplink's process dies: the carrier goes, the stack lives. The stack is killed: the process goes."""
        self.up("lab", "--uplink", "slirp", "-p", "8080:80")
        pid, = self.uplinks()
        with open(f"/proc/{pid}/status") as f:
            status = dict(l.rstrip("\n").split(":\t", 1) for l in f if ":\t" in l)
        self.assertEqual((status["CapEff"], status["CapBnd"], status["NoNewPrivs"], status["Seccomp"]), ("0" * 16, "0" * 16, "1", "2"))
        self.assertEqual([f for f in os.listdir(f"/proc/{pid}/root/") if f != "etc"], [])
        self.assertEqual(os.readlink(f"/proc/{pid}/ns/net"), os.readlink("/proc/self/ns/net"))
        show = lambda: self.weft("run", "-n", "lab", "ip", "link", "show", "tap0").stdout
        self.assertNotIn("NO-CARRIER", show())
        os.kill(pid, signal.SIGKILL)
        until(lambda: "NO-CARRIER" in show(), "the carrier goes")
        r = self.weft("run", "-n", "lab", "sh", "-c", "ip link set tap0 down; ip link set tap0 up; curl -sS -m2 http://10.77.0.2:8000/; echo $?; ip link del tap0")
        self.assertIn("RTNETLINK answers: No such device", r.stderr)
        self.ok("down", "lab")
        self.up("lab", "--uplink", "slirp")
        pid, = self.uplinks()
        os.kill(self.status()["pid"], signal.SIGKILL)
        until(lambda: not self.uplinks(), "it goes with the stack")

    def test_wrong_options(self):
        for args, says in ((["--uplink", "wire"], "there is no uplink 'wire'; slirp, tap:NAME and packet:DEVICE are there"),
                           (["--uplink", "slirp:x"], "there is no uplink"), (["--uplink", "tap"], "there is no uplink"),
                           (["--uplink", "tap:a/b"], "cannot be a device's name"),
                           (["--uplink", "slirp,color=red"], "no option 'color'"), (["--uplink", "slirp,mtu=9"], "mtu cannot be '9'"),
                           (["--uplink", "slirp,mtu"], "needs a value"), (["--uplink", "slirp,no-ipv6=1"], "takes no value"),
                           (["--uplink", "slirp,gateway=10.0.2.1"], "cannot be chosen"), (["--uplink", "slirp,address=10.0.2.2/24"], "gateway's"),
                           (["--uplink", "slirp,address=10.0.2.9"], "prefix's length"), (["--uplink", "slirp,address=10.0.2.9/31"], "at most 27"),
                           (["--uplink", "slirp,mtu=1000"], "no-ipv6"), (["--uplink", "slirp", "--uplink", "slirp"], "one uplink"),
                           (["--uplink", "packet:eth0,host-loopback"], "slirp alone"), (["--uplink", "tap:t0", "-p", "80"], "--publish is slirp's"),
                           (["-p", "80"], "needs an uplink"), (["--uplink", "slirp", "-p", "0"], "from 1 to 65535"),
                           (["--uplink", "slirp", "-p", "80:90:70"], "from 1 to 65535"), (["--uplink", "slirp", "-p", "80/icmp"], "from 1 to 65535"),
                           (["--uplink", "slirp", "-p", "::1:80"], "in brackets")):
            self.refused(2, "up", *args, "lab", says=says)
            self.refused(125, "run", *args, "true", says=says)
        self.refused(1, "up", "--uplink", "packet:nowhere0", "lab", says="there is no device nowhere0")
        self.refused(1, "up", "--uplink", "packet:lo", "lab", says="no Ethernet device")
        self.refused(1, "up", "--uplink", "tap:eth0", "lab", says="it must be a TAP")
        self.serve("tcp", "10.77.0.1", "8089", there=False)
        self.refused(1, "up", "--uplink", "slirp", "-p", "8089", "lab", says="cannot publish port 8089: Address already in use; another program of this machine has it")
        self.refused(1, "up", "--uplink", "slirp", "-p", "10.9.9.9:8089", "lab", says="this machine has no such address")
        self.refused(1, "up", "--uplink", "slirp,no-ipv6", "-p", "[::1]:8089", "lab", says="has no IPv6")
        self.up()
        self.refused(125, "run", "-n", "lab", "--uplink", "slirp", "true", says="belong to `weft up`")


if __name__ == "__main__":
    own_namespaces()
    main()
