"""What the tests of the command share: a private runtime directory, and the proof that nothing is left behind."""
import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

WEFT = os.environ.get("WEFT") or os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../build/weft")
LIMIT = 60  # seconds that nothing here comes near


def until(condition, what):
    """Waits for an event that must come."""
    end = time.monotonic() + LIMIT
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.005)
    raise AssertionError("never happened: " + what)


class Case(unittest.TestCase):
    def setUp(self):
        self.dir = tempfile.mkdtemp(prefix="wt.", dir="/tmp")
        os.chmod(self.dir, 0o700)
        self.env = {k: v for k, v in os.environ.items() if k not in ("WEFT_NAME", "WEFT_RUNTIME_DIR")}
        self.env.update(WEFT_RUNTIME_DIR=self.dir, LC_ALL="C")

    def tearDown(self):
        self.weft("down", "--all")
        left = until_or(lambda: not self.processes(), self.processes)
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        files = [f for f in os.listdir(self.dir) if not f.endswith(".log")]
        logs = ""
        for name in os.listdir(self.dir):
            if name.endswith(".log"):
                with open(os.path.join(self.dir, name)) as f:
                    logs += f.read()
        shutil.rmtree(self.dir)
        self.assertEqual(left, [], "processes left behind")
        self.assertEqual(files, [], "files left behind")
        self.assertNotIn("ERROR:", logs)

    def processes(self):
        """Processes that were started with our runtime directory, but this one."""
        found = []
        mark = b"WEFT_RUNTIME_DIR=" + self.dir.encode() + b"\0"
        for p in os.listdir("/proc"):
            if p.isdigit() and int(p) != os.getpid():
                with contextlib.suppress(OSError), open(f"/proc/{p}/environ", "rb") as f:
                    if mark in f.read():
                        found.append(int(p))
        return found

    def weft(self, *args, **kw):
        kw.setdefault("stdin", subprocess.DEVNULL)
        return subprocess.run([WEFT, *args], env=kw.pop("env", self.env), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                              timeout=LIMIT, **kw)

    def start(self, *args, **kw):
        kw.setdefault("stdin", subprocess.DEVNULL)
        return subprocess.Popen([WEFT, *args], env=self.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **kw)

    def ok(self, *args, **kw):
        r = self.weft(*args, **kw)
        self.assertEqual(r.returncode, 0, f"weft {' '.join(args)}: {r.stderr}")
        return r.stdout

    def refused(self, status, *args, says="", **kw):
        """Fails with this status and exactly one line."""
        r = self.weft(*args, **kw)
        self.assertEqual(r.returncode, status, r.stderr)
        self.assertEqual(r.stderr.count("\n"), 1, r.stderr)
        self.assertTrue(r.stderr.startswith("weft"), r.stderr)
        self.assertIn(says, r.stderr)
        return r.stderr

    def up(self, name="lab", *args):
        self.ok("up", *args, name)
        return self.status(name)

    def list(self):
        return json.loads(self.ok("ls", "--json"))

    def status(self, name="lab"):
        return next(s for s in self.list() if s["name"] == name)


def until_or(condition, value):
    try:
        until(condition, "")
    except AssertionError:
        pass
    return value()


def main():
    if not os.path.exists(WEFT):
        print(f"no {WEFT}: build it, or set WEFT", file=sys.stderr)
        sys.exit(77)
    unittest.main(verbosity=1)
