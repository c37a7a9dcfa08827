"""What the tests of uplinks share: a network namespace that plays this machine, and one behind it that plays the rest of the world.

    here    eth0 10.77.0.1/24 fd77::1/64     the test itself, and `weft`; its resolv.conf names 10.77.0.2
    there   eth0 10.77.0.2/24 fd77::2/64     servers and clients

Both are the kernel's, and lead nowhere else. Programs "there" and inside of stacks are this folder's peer.py, by its verbs.
"""
import os
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../cli"))
from clitest import LIMIT, WEFT, Case, until  # noqa: E402,F401

PEER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "peer.py")
PYTHON = sys.executable


def sh(script, **kw):
    r = subprocess.run(["sh", "-ec", script], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=LIMIT, **kw)
    if r.returncode:
        raise AssertionError(f"{script}: {r.stdout}")
    return r.stdout


class Net(Case):
    """Made once for a class: making and unmaking namespaces takes the kernel longer than the tests."""

    @classmethod
    def setUpClass(cls):
        cls.servers = []
        cls.holder = subprocess.Popen(["unshare", "-n", "sleep", "1000"])
        until(lambda: os.readlink(f"/proc/{cls.holder.pid}/ns/net") != os.readlink("/proc/self/ns/net"), "a namespace")
        sh(f"""ip link set lo up
               ip link add eth0 type veth peer name eth0 netns {cls.holder.pid}
               ip addr add 10.77.0.1/24 dev eth0; ip addr add fd77::1/64 dev eth0 nodad; ip link set eth0 up
               nsenter -t {cls.holder.pid} -n sh -ec '
                   ip link set lo up
                   ip addr add 10.77.0.2/24 dev eth0; ip addr add fd77::2/64 dev eth0 nodad; ip link set eth0 up'""")
        with open("/proc/sys/net/ipv4/ping_group_range", "w") as f:
            f.write("0 0" if os.environ.get("WEFT_TEST_UID") != "0" else "0 65535")
        with tempfile.NamedTemporaryFile("w", prefix="wt.resolv.", dir="/tmp", delete=False) as f:
            f.write("nameserver 10.77.0.2\nsearch test\n")
        os.chmod(f.name, 0o644)
        sh(f"mount --bind {f.name} /etc/resolv.conf")
        cls.resolv_conf = f.name
        cls.serve("dns", "10.77.0.2", "53")
        cls.serve("http", "::", "8000")
        cls.serve("udp", "::", "7")

    @classmethod
    def tearDownClass(cls):
        for p in [*cls.servers, cls.holder]:
            p.kill()
            p.wait()
            for f in filter(None, (p.stdin, p.stdout)):
                f.close()
        sh("umount /etc/resolv.conf") # eth0 went with the other end's namespace
        os.unlink(cls.resolv_conf)

    @classmethod
    def there_args(cls, *args):
        return ["nsenter", "-t", str(cls.holder.pid), "-n", *args]

    @classmethod
    def serve(cls, *args, there=True):
        """Starts a server of peer.py and waits until it serves."""
        p = subprocess.Popen([*(cls.there_args() if there else []), PYTHON, PEER, *args], stdout=subprocess.PIPE, text=True)
        cls.servers.append(p)
        assert p.stdout.readline() == "ready\n", args
        return p

    def there(self, *args, **kw):
        r = subprocess.run(self.there_args(*args), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=LIMIT, **kw)
        return r.stdout

    def client(self, *args, there=True):
        return subprocess.run([*(self.there_args() if there else []), PYTHON, PEER, *args], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              timeout=LIMIT).stdout

    def inside(self, script, *options):
        """Runs a script in a stack of its own."""
        r = self.weft("run", *options, "sh", "-c", script)
        self.assertEqual(r.stderr, "", r.stdout)
        return r.stdout

    def uplinks(self):
        """The processes of this test's slirp uplinks."""
        found = []
        for pid in self.processes():
            try:
                with open(f"/proc/{pid}/comm") as f:
                    if f.read() == "weft-uplink\n":
                        found.append(pid)
            except OSError:
                pass
        return found


def own_namespaces():
    """Goes on in namespaces of its own, as whoever it is: root, or an ordinary user who is root there."""
    if os.environ.get("WEFT_TEST_NETNS") != "own":
        os.environ["WEFT_TEST_NETNS"] = "own"
        os.environ["WEFT_TEST_UID"] = str(os.getuid())
        how = ["-n", "-m"] if os.getuid() == 0 else ["-r", "-n", "-m"]
        os.execvp("unshare", ["unshare", *how, "--", sys.executable, *sys.argv])
