"""How runs end that do not end well, and programs that cannot be served: functions for run.py.

Each is called with the command that runs weft (a list) and the folder of the test programs, and returns whether all was as it should be.
What is left of a run is known by a variable in its environment, which the command, the stack and its helpers inherit.
"""
import os, random, shutil, signal, stat, subprocess, tempfile, time

MARK = "WEFT_TEST_RUN"


def processes(mark):
    """{pid: name} of what runs under the mark; zombies do not."""
    out = {}
    for p in os.listdir("/proc"):
        if not p.isdigit():
            continue
        try:
            if f"{MARK}={mark}".encode() not in open(f"/proc/{p}/environ", "rb").read().split(b"\0"):
                continue
            s = open(f"/proc/{p}/stat").read()
        except OSError:
            continue
        if s.rsplit(")", 1)[1].split()[0] != "Z":
            out[int(p)] = s[s.index("(") + 1:s.rindex(")")]
    return out


def until(what, seconds=20):
    end = time.monotonic() + seconds
    while not what():
        if time.monotonic() > end:
            return False
        time.sleep(0.01)
    return True


class Place:
    """A runtime directory of the user's own, and runs in it."""

    def __init__(self, command):
        self.command, self.dir = command, tempfile.mkdtemp(prefix="weft-", dir="/tmp")
        os.chmod(self.dir, 0o700)
        if "-u" in command:
            shutil.chown(self.dir, command[command.index("-u") + 1])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.dir, ignore_errors=True)

    def environment(self, mark):
        return dict(os.environ, WEFT_RUNTIME_DIR=self.dir, **{MARK: mark})

    def start(self, mark, *program, **kw):
        return subprocess.Popen(self.command + list(program), env=self.environment(mark), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                stdin=subprocess.PIPE, text=True, **kw)

    def files(self):
        return sorted(os.listdir(self.dir))


def ended(place, mark):
    """Nothing of the run is there any more, and its files go with the next command at the latest (the one after it, when a killed
    stack, seen no more in /proc, has not let go of its lock yet)."""
    if not until(lambda: not processes(mark)):
        print("left:", processes(mark))
        return False
    for i in range(20):
        next_mark = f"{mark}-next{i}"
        next_one = place.start(next_mark, "true")
        if next_one.wait(30) != 0 or not until(lambda: not processes(next_mark)):
            print("the next run:", next_one.stderr.read(), processes(next_mark))
            return False
        if not place.files():
            return True
    print("files:", place.files())
    return False


PROGRAM = ["sh", "-c", "ip link set lo up; (setsid sleep 1000 &) ; unshare -n sleep 1000 & echo up; exec python3 -m http.server 8000"]


def start_program(place, mark):
    run = place.start(mark, *PROGRAM)
    if run.stdout.readline() != "up\n":
        print("did not start:", run.stderr.read())
    return run


def is_gone(pid):
    """No such process, or a zombie: its parent has been told."""
    try:
        return open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()[0] == "Z"
    except OSError:
        return True


def one(mark, name):
    found = [p for p, n in processes(mark).items() if n == name]
    return found[0] if found else 0


def killed_command(command, bindir):
    """kill -9 of `weft run`: the stack ends, and with it the program and what that left running."""
    mounts = open("/proc/self/mountinfo").read()
    with Place(command) as place:
        run = start_program(place, "kc")
        os.kill(one("kc", "weft"), signal.SIGKILL)
        run.wait(20)
        return ended(place, "kc") and open("/proc/self/mountinfo").read() == mounts


def killed_stack(command, bindir):
    """kill -9 of the stack: the program lives, the command waits for it, says so, and leaves no lock behind."""
    with Place(command) as place:
        run = place.start("ks", "sh", "-c", "echo up; read x; exit 7")
        run.stdout.readline()
        stack = one("ks", "weft-stack")
        os.kill(stack, signal.SIGKILL)
        ok = until(lambda: is_gone(stack) and "weft-keeper" not in processes("ks").values())
        program = [p for p, n in processes("ks").items() if n == "sh"]
        ok = ok and len(program) == 1
        os.kill(program[0], signal.SIGTERM)
        said = run.communicate(timeout=20)[1]
        if not ok or run.returncode not in (-signal.SIGTERM, 128 + signal.SIGTERM) or "the stack ended before the program did" not in said:
            print("seen:", run.returncode, said, processes("ks"))
            return False
        if place.files():
            print("files:", place.files())
            return False
        return ended(place, "ks")


OURS = ("weft", "weft-stack", "weft-keeper", "runuser")


def kill_one(mark, rnd):
    victims = sorted((n, p) for p, n in processes(mark).items() if n != "runuser")
    if victims:
        try:
            os.kill(rnd.choice(victims)[1], signal.SIGKILL)
        except ProcessLookupError:
            pass


def end_programs(mark):
    """Kills what weft did not bring, and returns how many processes of the run there were."""
    found = processes(mark)
    for p, n in found.items():
        if n not in OURS:
            try:
                os.kill(p, signal.SIGKILL)
            except ProcessLookupError:
                pass
    return len(found)


def killed_any(command, bindir, times=25):
    """kill -9 of whichever process, at whichever moment: nothing stays."""
    seed = random.randrange(1 << 30)
    rnd = random.Random(seed)
    with Place(command) as place:
        for i in range(times):
            mark = f"ka{i}"
            run = place.start(mark, *PROGRAM)
            time.sleep(rnd.random() * 0.15)
            for _ in range(rnd.randrange(1, 3)):
                kill_one(mark, rnd)
            # A program outlives its stack, as it should, and a run of which only a helper was killed goes on: end those.
            if not until(lambda: end_programs(mark) == 0, 30):
                print("seed", seed, "round", i, "hangs:", processes(mark))
                return False
            run.communicate(timeout=30)
            if not ended(place, mark):
                print("seed", seed, "round", i)
                return False
    return True


def unreadable(command, bindir):
    """A program that may be executed but not read: refused with a sentence where the stack could not look into it; root's runs it."""
    with tempfile.TemporaryDirectory(dir="/tmp") as d:
        os.chmod(d, 0o755)
        p = f"{d}/program"
        shutil.copy("/bin/true", p)
        os.chmod(p, 0o711)
        root = "-u" not in command
        if not root and os.stat(p).st_uid != 0:
            return True
        first = subprocess.run(command + [p], capture_output=True, text=True, timeout=30)
        later = subprocess.run(command + ["sh", "-c", f"cd {d}; ./program; echo $?"], capture_output=True, text=True, timeout=30)
        if root:
            return first.returncode == 0 and later.stdout == "0\n"
        ok = first.returncode == 126 and f"{p} may be executed but not read" in first.stderr and "chmod a+r" in first.stderr
        ok = ok and later.stdout == "126\n" and "./program may be executed but not read" in later.stderr
        if not ok:
            print(first, later)
        return ok


IDS = r"""
set -e
mount --bind $1/subuid /etc/subuid
mount --bind $1/subgid /etc/subgid
shift
exec "$@"
"""
INSIDE = r"""
ip link set lo up
cat /proc/self/uid_map | wc -l
python3 -c '
import os, socket
os.setgroups([7]); os.setgid(6); os.setuid(5)
l = socket.create_server(("127.0.0.1", 8000))
c = socket.create_connection(("127.0.0.1", 8000))
s = l.accept()[0]
c.sendall(b"from 5"); c.shutdown(1)
print(os.getuid(), os.getgid(), os.getgroups(), s.recv(100).decode(), s.recv(1))
try:
    socket.socket(socket.AF_INET, socket.SOCK_RAW, 1)
except PermissionError:
    print("no raw socket")
'
"""


def subids(command, bindir):
    """With newuidmap and a range in /etc/subuid, a program may become another user, who has sockets and no rights."""
    if os.geteuid() != 0 or not shutil.which("newuidmap"):
        raise SystemExit(77) # root writes the ranges
    with tempfile.TemporaryDirectory(dir="/tmp") as d:
        os.chmod(d, 0o755)
        if "-u" not in command: # an ordinary user's run, of a copy that he can read
            shutil.copy(command[0], f"{d}/weft")
            command = ["runuser", "-u", "nobody", "--", f"{d}/weft", "run"]
        user = command[command.index("-u") + 1]
        for f in ("subuid", "subgid"):
            open(f"{d}/{f}", "w").write(f"someone:100000:1\n{user}:200000:65536\n")
            os.chmod(f"{d}/{f}", 0o644)
        r = subprocess.run(["unshare", "-m", "sh", "-c", IDS, "sh", d, *command, "sh", "-c", INSIDE], capture_output=True, text=True, timeout=60)
        if r.stdout != "2\n5 6 [7] from 5 b''\nno raw socket\n":
            print(r.stdout, r.stderr)
            return False
    return True
