#!/usr/bin/env python3
"""weft up, ls, down: races, stale sockets, a daemon that is killed, wrong input, a hostile peer, and rest."""
import array
import os
import signal
import socket
import stat
import struct
import subprocess
import threading
import time

from clitest import WEFT, Case, main, until

HEADER = struct.Struct("IHHII")  # magic, version, type, len, nfds
MAGIC, VERSION = 0x77656674, 1
OK, ERROR, STATUS = 1, 2, 3


class Life(Case):
    def test_up_ls_down(self):
        self.assertEqual(self.ok("ls"), "")
        self.assertEqual(self.list(), [])
        self.up("lab")
        self.up("other", "--cpus", "2", "--seed", "7")
        self.assertEqual([(s["name"], s["cpus"]) for s in self.list()], [("lab", 1), ("other", 2)])
        self.assertIn("other", self.ok("ls"))
        s = os.stat(self.dir + "/lab")
        self.assertTrue(stat.S_ISSOCK(s.st_mode) and not s.st_mode & 0o77)
        self.ok("down", "lab")
        self.assertEqual([s["name"] for s in self.list()], ["other"])
        self.ok("down", "--all")
        self.assertEqual(os.listdir(self.dir), [])

    def test_the_process_is_gone_when_down_returns(self):
        for _ in range(10):
            pid = self.up()["pid"]
            self.ok("down", "lab")
            try:
                with open(f"/proc/{pid}/stat") as f:  # not reaped yet by its new parent, at most
                    self.assertEqual(f.read().rsplit(")")[1].split()[0], "Z")
            except FileNotFoundError:
                pass

    def test_a_name_is_taken_once(self):
        self.up()
        self.refused(1, "up", "lab", says="already")
        results = []
        threads = [threading.Thread(target=lambda: results.append(self.weft("up", "race").returncode)) for _ in range(8)]
        [t.start() for t in threads]
        [t.join() for t in threads]
        self.assertEqual(sorted(results), [0] + [1] * 7)

    def test_up_and_down_in_any_order(self):
        def storm(command):
            for _ in range(15):
                r = self.weft(command, "lab")
                self.assertIn(r.returncode, (0, 1), r.stderr)
                self.assertNotIn("died", r.stderr)

        def look():
            for _ in range(15):
                self.ok("ls")
        threads = [threading.Thread(target=storm, args=(c,)) for c in ("up", "down", "up", "down")] + [threading.Thread(target=look)]
        [t.start() for t in threads]
        [t.join() for t in threads]
        self.weft("down", "lab")
        self.up()

    def test_killed(self):
        pid = self.up()["pid"]
        os.kill(pid, signal.SIGKILL)
        until(lambda: not self.list() and "lab" not in os.listdir(self.dir), "a killed daemon disappears, and its socket")
        self.refused(1, "down", "lab", says="weft up lab")
        self.assertNotEqual(self.up()["pid"], pid)
        os.kill(self.status()["pid"], signal.SIGKILL)
        until(lambda: self.weft("up", "lab").returncode == 0, "its name can be taken again")

    def test_ended_by_signal(self):
        for sig in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            os.kill(self.up()["pid"], sig)
            until(lambda: os.listdir(self.dir) == [], "a daemon that is told to end cleans up")

    def test_stale_socket(self):
        s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        s.bind(self.dir + "/lab")
        s.close()
        self.assertEqual(self.list(), [])
        s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        s.bind(self.dir + "/lab")
        s.close()
        self.refused(1, "down", "lab", says="no stack named lab")
        self.up()

    def test_other_files_stay(self):
        with open(self.dir + "/notes", "w") as f:
            f.write("mine")
        self.up()
        self.list()
        self.refused(1, "down", "notes")
        self.ok("down", "lab")
        self.assertEqual(os.listdir(self.dir), ["notes"])
        os.unlink(self.dir + "/notes")

    def test_no_runtime_directory_yet(self):
        self.env["WEFT_RUNTIME_DIR"] = self.dir + "/sub"
        self.assertEqual(self.list(), [])
        self.refused(1, "down", "lab")
        self.assertEqual(os.listdir(self.dir), [])
        self.up()
        self.assertEqual(os.stat(self.dir + "/sub").st_mode & 0o777, 0o700)
        self.ok("down", "lab")
        os.rmdir(self.dir + "/sub")
        self.env["WEFT_RUNTIME_DIR"] = self.dir

    def test_a_directory_of_others_is_refused(self):
        os.chmod(self.dir, 0o755)
        self.refused(1, "up", "lab", says="0700")
        os.chmod(self.dir, 0o700)
        os.symlink(self.dir, self.dir + ".link")
        self.env["WEFT_RUNTIME_DIR"] = self.dir + ".link"
        self.refused(1, "up", "lab", says="WEFT_RUNTIME_DIR")
        os.unlink(self.dir + ".link")
        self.env["WEFT_RUNTIME_DIR"] = "/tmp/" + "x" * 90
        self.refused(1, "up", "lab", says="shorter")
        if os.getuid() == 0:
            self.env["WEFT_RUNTIME_DIR"] = self.dir
            os.chown(self.dir, 65534, 65534)
            self.refused(1, "up", "lab", says="not yours")
            os.chown(self.dir, 0, 0)
        self.env["WEFT_RUNTIME_DIR"] = self.dir

    def test_wrong_input(self):
        for name in ("", ".lab", "-lab", "a/b", "../x", "x" * 32, "a b", "ä", "a\n"):
            self.refused(1, "up", "--", name, says="cannot be a name")
        for args in (["up"], ["up", "a", "b"], ["up", "--cpus", "0", "a"], ["up", "--cpus", "65", "a"], ["up", "--cpus", "x", "a"],
                     ["up", "--seed", "-1", "a"], ["up", "--nothing", "a"], ["up", "a", "--cpus"], ["down"], ["down", "--all", "a"],
                     ["down", "-x"], ["ls", "x"], ["ls", "-x"], ["nothing"], ["trace", "-c", "0"], ["trace", "--for", "x"],
                     ["nic"], ["nic", "add", "x"], ["nic", "add", "x", "y:z"]):
            self.refused(2, *args, says="--help")
        for args in (["--help"], ["--version"], ["help"], ["help", "up"], ["up", "--help"], ["trace", "--help"]):
            self.assertTrue(self.ok(*args))
        self.assertEqual(self.weft().returncode, 2)
        self.assertEqual(os.listdir(self.dir), [])

    def test_closed_output(self):
        self.up()
        with open("/dev/full", "w") as full:
            r = subprocess.run([WEFT, "ls"], env=self.env, stdout=full, stderr=subprocess.DEVNULL)
        self.assertEqual(r.returncode, 1)


class Peer(Case):
    """The control socket against whoever may connect."""

    def connect(self):
        s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        s.connect(self.dir + "/lab")
        s.settimeout(30)
        return s

    def ask(self, s, type_, body=b"", fds=(), version=VERSION, magic=MAGIC, length=None, nfds=None):
        h = HEADER.pack(magic, version, type_, len(body) if length is None else length, len(fds) if nfds is None else nfds)
        s.sendmsg([h + body], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else [])

    def answer(self, s):
        m = s.recv(200000)
        return (HEADER.unpack(m[:16])[2], m[16:]) if m else (None, b"")

    def test_broken_messages(self):
        pid = self.up()["pid"]

        def count():
            return len(os.listdir(f"/proc/{pid}/fd"))
        before = count()
        null = os.open("/dev/null", os.O_RDONLY)
        for send in (lambda s: s.send(b"x"), lambda s: s.send(os.urandom(4000)), lambda s: self.ask(s, STATUS, magic=1),
                     lambda s: self.ask(s, STATUS, version=99), lambda s: self.ask(s, STATUS, b"x"),
                     lambda s: self.ask(s, STATUS, length=5), lambda s: self.ask(s, STATUS, length=2**32 - 1),
                     lambda s: self.ask(s, STATUS, nfds=3), lambda s: self.ask(s, STATUS, fds=[null] * 16),
                     lambda s: self.ask(s, STATUS, fds=[null] * 200), lambda s: self.ask(s, STATUS, b"y" * 150000),
                     lambda s: self.ask(s, 77), lambda s: self.ask(s, 0), lambda s: self.ask(s, 0xffff),
                     lambda s: self.ask(s, 5, bytes(8)), lambda s: self.ask(s, 5, bytes(8), fds=[null]),
                     lambda s: self.ask(s, 4, b""), lambda s: self.ask(s, 6, b""), lambda s: self.ask(s, 6, struct.pack("II", 2**31, 2**31)),
                     lambda s: self.ask(s, 6, struct.pack("II", 1, 0) + struct.pack("HBBI", 0xffff, 9, 9, 9)),
                     lambda s: self.ask(s, 8, b""), lambda s: self.ask(s, 8, bytes(56), fds=[null])):
            s = self.connect()
            try:
                send(s)
                s.shutdown(socket.SHUT_WR)
                while self.answer(s)[0]:
                    pass
            except (ConnectionError, BrokenPipeError):
                pass
            s.close()
        os.close(null)
        until(lambda: count() <= before, "the daemon keeps no descriptor of a refused message")
        self.assertEqual(self.status()["pid"], pid)

    def test_a_filter_that_would_not_end(self):
        self.up()
        s = self.connect()
        self.ask(s, 6, struct.pack("II", 2, 0) + struct.pack("HBBI", 0x05, 0, 0, 100) + struct.pack("HBBI", 0x06, 0, 0, 1))
        self.assertEqual(self.answer(s)[0], ERROR)

    def test_many_connections(self):
        self.up()
        conns = [self.connect() for _ in range(300)]
        for s in conns:
            self.ask(s, STATUS)
        for s in conns:
            self.assertEqual(self.answer(s)[0], STATUS)
        for s in conns:
            s.close()

    def test_who_leaves_half_way(self):
        pid = self.up()["pid"]
        for _ in range(100):
            s = self.connect()
            self.ask(s, STATUS)
            s.close()
        self.assertEqual(self.status()["pid"], pid)


class Rest(Case):
    def test_idle_costs_nothing(self):
        s = self.up("lab", "--cpus", "2")
        lanes = []
        for t in os.listdir(f"/proc/{s['pid']}/task"):
            with open(f"/proc/{s['pid']}/task/{t}/comm") as f:
                if f.read().startswith("weft-"):
                    lanes.append(t)
        self.assertGreaterEqual(len(lanes), 2)

        def life():
            out = {}
            for t in lanes:
                if int(t) == s["pid"]:
                    continue  # answers us
                with open(f"/proc/{s['pid']}/task/{t}/status") as f:
                    out[t] = [line for line in f if "ctxt_switches" in line]
                with open(f"/proc/{s['pid']}/task/{t}/stat") as f:
                    out[t] += f.read().rsplit(")")[1].split()[11:13]
            return out
        until(lambda: self.status()["wakeups"] == self.status()["wakeups"], "the start is over")
        time.sleep(0.1)
        first, wakeups = life(), self.status()["wakeups"]
        time.sleep(0.7)
        self.assertEqual(life(), first)
        self.assertEqual(self.status()["wakeups"], wakeups)


if __name__ == "__main__":
    main()
