#!/usr/bin/env python3
"""Servers and clients as Debian ships them, doing real work: run.py [--user NAME] [--record | --kernel] WEFT NAME...

Each script of this folder runs in a stack of its own with lib.sh before it, `lo` up and an empty directory of its own as the working
directory; what it prints must be NAME.txt, which a Linux kernel wrote (--record, as root: in a network namespace of its own; --kernel compares
again). A test whose programs (its first line names them) are not installed is skipped (77). `# --map-self` in the second line: an
ordinary user's program keeps his id, as it would not do its work as root without root's other ids; `# root`: it would not do it at all.
"""
import difflib, os, shutil, signal, subprocess, sys, tempfile

here = os.path.dirname(os.path.abspath(__file__))


def end_all(ns):
    for pid in subprocess.run(["ip", "netns", "pids", ns], capture_output=True, text=True).stdout.split():
        try:
            os.kill(int(pid), signal.SIGKILL)
        except ProcessLookupError:
            pass


def run(command, name, ns, user, timeout=150):
    """Its output and errors. What it leaves running is ended."""
    script = open(f"{here}/lib.sh").read() + open(f"{here}/{name}.sh").read()
    with tempfile.TemporaryDirectory(dir="/tmp", prefix="weft-servers-", ignore_cleanup_errors=True) as d:
        os.chmod(d, 0o755) # servers give up root's rights
        if user:
            shutil.chown(d, user)
        with open(d + ".out", "w+") as out, open(d + ".err", "w+") as err:
            os.unlink(out.name)
            os.unlink(err.name)
            p = subprocess.Popen(command + ["bash", "-c", script, name], cwd=d, stdin=subprocess.DEVNULL, stdout=out, stderr=err, start_new_session=True)
            try:
                p.wait(timeout=timeout)
                late = ""
            except subprocess.TimeoutExpired:
                os.killpg(p.pid, signal.SIGKILL)
                p.wait()
                late = "hangs\n"
            if ns:
                end_all(ns)
            out.seek(0)
            err.seek(0)
            return out.read() + late, err.read()


def main(argv):
    record = "--record" in argv
    kernel = record or "--kernel" in argv
    argv = [a for a in argv if a not in ("--record", "--kernel")]
    user = None
    if argv[0] == "--user":
        user, argv = argv[1], argv[2:]
    weft, bad, skipped = os.path.abspath(argv[0]), 0, 0
    ns = f"weft-servers-{os.getpid()}" if kernel else None
    for name in argv[1:]:
        lines = open(f"{here}/{name}.sh").read().splitlines()
        needs = lines[0].removeprefix("# needs:").split()
        ordinary = user or os.getuid() != 0
        options = ["--map-self"] if ordinary and lines[1] == "# --map-self" else []
        if ordinary and lines[1].startswith("# root"):
            skipped += 1
            continue
        as_user = ["runuser", "-u", user, "--"] if user else []
        missing = [p for p in needs if not shutil.which(p, path=os.environ["PATH"] + ":/usr/sbin:/sbin")]
        if missing:
            print(f"skip {name}: not installed: {' '.join(missing)}")
            skipped += 1
            continue
        before = os.listdir("/run/netns") if os.path.exists("/run/netns") else []
        if kernel:
            subprocess.run(["ip", "netns", "add", ns], check=True)
        try:
            out, err = run(["ip", "netns", "exec", ns] if kernel else as_user + [weft, "run"] + options, name, ns, user)
        finally:
            for made in set(os.listdir("/run/netns")) - set(before) if kernel else []:
                end_all(made)
                subprocess.run(["ip", "netns", "del", made])
        if record:
            open(f"{here}/{name}.txt", "w").write(out)
        want = open(f"{here}/{name}.txt").read()
        ok = out == want and "did not end in order" not in err
        if not ok or record:
            sys.stdout.writelines(difflib.unified_diff(want.splitlines(True), out.splitlines(True), "expected", "seen"))
            print(err)
        print(("ok   " if ok else "FAIL ") + name, flush=True)
        bad += not ok
    return 1 if bad else 77 if skipped and skipped == len(argv) - 1 else 0


sys.exit(main(sys.argv[1:]))
