#!/usr/bin/env python3
"""Much at once, often, and nothing left over: load.py [--user NAME] [--long] WEFT

One stack, two namespaces joined by a veth pair, nginx in one of them, and
- idle connections, and namespaces beside them, at once (10,000 and 1,000 with --long, where the limit of open files allows it): each
  connection carries a byte both ways after all are there, and the stack sleeps while they do;
- wrk, a connection for each request (--long: a minute);
- curl, one process after another (--long: a thousand).
All of it twice. Then everything that was opened is gone: the daemon has the descriptors, watches, sockets, namespaces and memory that it had
after the first round (TIME-WAIT, which outlives its socket, is kept short by a sysctl). Prints a line for each; with --long the rates too."""
import argparse, json, os, pwd, re, resource, shutil, subprocess, sys, tempfile, time

ap = argparse.ArgumentParser()
ap.add_argument("--user")
ap.add_argument("--long", action="store_true")
ap.add_argument("weft")
args = ap.parse_args()
weft = os.path.abspath(args.weft)
for program in ("nginx", "wrk", "curl", "ip"):
    if not shutil.which(program, path=os.environ["PATH"] + ":/usr/sbin:/sbin"):
        print(f"{program} is not there")
        sys.exit(77)
LIMIT = 60  # seconds for what takes a moment, on a machine that is busy otherwise
connections, namespaces, seconds, curls = (10000, 1000, 60, 1000) if args.long else (500, 50, 1, 5)
hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
try:
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(hard, 32768), max(hard, 32768)))
except ValueError: # not root, or one without CAP_SYS_RESOURCE
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    connections = min(connections, (hard - 1000) // 2) # the daemon has an end for each of both ends
tmp = tempfile.mkdtemp(prefix="weft-load-", dir="/tmp")
name = f"load{os.getpid()}"
env = {k: v for k, v in os.environ.items() if not k.startswith("WEFT_")} | {"WEFT_RUNTIME_DIR": tmp + "/run", "PATH": os.environ["PATH"] + ":/usr/sbin:/sbin"}
as_user = ["setpriv", f"--reuid={args.user}", "--regid", str(pwd.getpwnam(args.user).pw_gid), "--clear-groups", "--"] if args.user else []
bad = 0


def sh(cmd, **kw):
    return subprocess.run(as_user + cmd, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=900, **kw)


def run(*cmd):
    r = sh([weft, "run", "-n", name, *cmd])
    if r.returncode:
        raise SystemExit(f"{' '.join(cmd)[:100]}: exit {r.returncode}: {r.stdout[-500:]}")
    return r.stdout


def start(*cmd):
    return subprocess.Popen(as_user + [weft, "run", "-n", name, *cmd], env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def said(p, what):
    line = p.stdout.readline().strip()
    if line != what:
        raise SystemExit(f"not {what}: {line}")


def report(what, good, why=""):
    global bad
    bad += not good
    print("ok" if good else "not ok", what, why, flush=True)


def until(what):
    """Waits for what must come; its last value."""
    end = time.monotonic() + LIMIT
    while not (value := what()) and time.monotonic() < end:
        time.sleep(0.02)
    return value


def status():
    return next(s for s in json.loads(sh([weft, "ls", "--json"]).stdout) if s["name"] == name)


def cpu_ms(pid):
    f = open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()
    return (int(f[11]) + int(f[12])) * 1000 / os.sysconf("SC_CLK_TCK")


def rss_kb(pid):
    return int(re.search(r"VmRSS:\s+(\d+)", open(f"/proc/{pid}/status").read()).group(1))


def held(pid):
    """What the daemon holds, by kind: descriptors (one of a socket counts once a kind), unix sockets of its namespace, its own counts."""
    kinds = {}
    for f in os.listdir(f"/proc/{pid}/fd"):
        try:
            k = re.sub(r"\d+", "N", os.readlink(f"/proc/{pid}/fd/{f}"))
        except OSError:
            continue
        kinds[k] = kinds.get(k, 0) + 1
    s = status()
    watches = sum(open(f"/proc/{pid}/fdinfo/{f}").read().count("inotify wd:") for f in os.listdir(f"/proc/{pid}/fd")
                  if os.readlink(f"/proc/{pid}/fd/{f}") == "anon_inode:inotify")
    # Processes that were looked at are remembered by a descriptor each, up to a limit: not held for anybody.
    kinds.pop("anon_inode:[pidfd]", None)
    kinds.pop("pidfd:[N]", None)
    return {**kinds, "unix sockets": len(open(f"/proc/{pid}/net/unix").readlines()), "watches": watches, "sockets": s["sockets"],
            "namespaces": s["namespaces"], "programs": s["programs"]}


HOLDER = '''
import select, socket, sys
side, n = sys.argv[1], int(sys.argv[2])
if side == "server":
    l = socket.create_server(("10.9.0.2", 9000), backlog=4096)
    print("listens", flush=True)
    there = [l.accept()[0] for _ in range(n)]
else:
    there = [socket.create_connection(("10.9.0.2", 9000)) for _ in range(n)]
print("there", flush=True)
sys.stdin.readline()
for s in there:
    if side == "client":
        s.sendall(b"x")
    if s.recv(1) != b"x":
        raise SystemExit("a connection is dead")
    if side == "server":
        s.sendall(b"x")
print("lives", flush=True)
sys.stdin.readline()
'''


def idle(pid):
    open(tmp + "/holder.py", "w").write(HOLDER)
    run("sh", "-c", f"seq -f 'netns add many%g' {namespaces} | ip -batch -")
    t = time.monotonic()
    server = start("ip", "netns", "exec", "right", "python3", tmp + "/holder.py", "server", str(connections))
    said(server, "listens")
    client = start("ip", "netns", "exec", "left", "python3", tmp + "/holder.py", "client", str(connections))
    said(client, "there")
    said(server, "there")
    t = time.monotonic() - t
    s = status()
    n = len(run("ip", "netns", "exec", "left", "ss", "-Htn", "state", "established", "dport", "=", ":9000").splitlines())
    report(f"{connections} connections and {namespaces} namespaces at once", s["namespaces"] >= namespaces and s["sockets"] > 2 * connections and n == connections,
           f"{s['namespaces']} namespaces, {s['sockets']} sockets, {n} connections in ss" + (f"; {connections / t:.0f} connections/s" if args.long else ""))
    # The looks themselves cost: ten milliseconds of two seconds are theirs, and what ends meanwhile.
    def quiet():
        a = cpu_ms(pid)
        time.sleep(0.5)
        return cpu_ms(pid) - a <= 10
    report("a stack full of idle connections sleeps", until(quiet))
    for p in (server, client):
        p.stdin.write("\n")
        p.stdin.flush()
    said(client, "lives")
    said(server, "lives")
    report("every one of them carries a byte both ways", True)
    if args.long:
        print(f"     resident: {rss_kb(pid) // 1024} MiB", flush=True)
    client.communicate("\n", timeout=LIMIT * 5)
    server.communicate("\n", timeout=LIMIT * 5)
    run("sh", "-c", f"seq -f 'netns del many%g' {namespaces} | ip -batch -")


def churn():
    out = run("ip", "netns", "exec", "left", "wrk", "-t1", "-c32", f"-d{seconds}s", "-H", "Connection: close", "http://10.9.0.2/small")
    n = int(re.search(r"(\d+) requests in", out).group(1))
    wrong = re.search(r"Socket errors.*|Non-2xx.*", out)
    t = time.monotonic()
    r = run("ip", "netns", "exec", "left", "sh", "-c", f"for i in $(seq {curls}); do curl -s -m {LIMIT} http://10.9.0.2/small; echo; done")
    t = time.monotonic() - t
    return n, wrong and wrong.group(0), r.split() == ["x" * 512] * curls, curls / t


def main():
    os.makedirs(tmp + "/run", mode=0o700)
    os.chmod(tmp, 0o755)
    open(tmp + "/small", "w").write("x" * 512)
    body = " ".join(f"{k}_temp_path {tmp}/run/{k};" for k in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    open(tmp + "/nginx.conf", "w").write(f"user root root; worker_processes 2; daemon off; pid {tmp}/run/nginx.pid; error_log {tmp}/run/error.log;\n"
                                         f"events {{ worker_connections 1024; }}\nhttp {{ access_log off; {body} server {{ listen 80; root {tmp}; }} }}\n")
    if args.user:
        shutil.chown(tmp + "/run", args.user)
    up = sh([weft, "up", name], start_new_session=True)
    if up.returncode:
        raise SystemExit(up.stdout)
    nginx = None
    try:
        pid = status()["pid"]
        run("sh", "-ec", """ip netns add left; ip netns add right; ip link add l0 netns left type veth peer name r0 netns right
            ip -n left addr add 10.9.0.1/24 dev l0; ip -n right addr add 10.9.0.2/24 dev r0
            for n in left right; do ip netns exec $n sysctl -qw net.ipv4.tcp_max_tw_buckets=16; done
            ip -n left link set l0 up; ip -n right link set r0 up""")
        nginx = start("ip", "netns", "exec", "right", "nginx", "-e", tmp + "/run/error.log", "-c", tmp + "/nginx.conf")
        until(lambda: sh([weft, "run", "-n", name, "ip", "netns", "exec", "left", "curl", "-s", "-o", "/dev/null", "http://10.9.0.2/small"]).returncode == 0)
        first = None
        for turn in range(2):
            n, wrong, right, rate = churn()
            report(f"round {turn + 1}: wrk's connections end in order", n > 10 and not wrong, wrong or (f"{n / seconds:.0f}/s" if args.long else ""))
            report(f"round {turn + 1}: every curl has its answer", right, f"{rate:.0f}/s" if args.long else "")
            idle(pid)
            if turn == 0:
                first = settled(pid, None)
                memory = status()["memory_bytes"], rss_kb(pid)
        last = settled(pid, first)
        report("nothing is left: descriptors, watches, sockets, namespaces", last == first, "" if last == first else f"{first} before, {last} after")
        after = status()["memory_bytes"], rss_kb(pid)
        report("what the stack has allocated is as before", after[0] - memory[0] < 200_000, f"{memory[0]} bytes before, {after[0]} after")
        report("the process has not grown", after[1] - memory[1] < 5000 + memory[1] // 20, f"{memory[1]} kB before, {after[1]} after")
        left = run("ip", "netns", "exec", "left", "ss", "-Htan", "state", "all", "exclude", "time-wait", "exclude", "listening")
        report("no socket is left in ss", not left.strip(), left[:300])
    finally:
        if nginx:
            nginx.terminate()
            nginx.wait(LIMIT)
        sh([weft, "down", name])
        shutil.rmtree(tmp, ignore_errors=True)


def settled(pid, want):
    """held(), when it has become what it should be, or does not change any more."""
    seen = [None]

    def same():
        now = held(pid)
        done = now == want if want else now == seen[0]
        seen[0] = now
        return done
    if not want:
        time.sleep(0.3)
    until(same)
    return seen[0]


main()
sys.exit(bad != 0)
