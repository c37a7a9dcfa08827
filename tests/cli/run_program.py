#!/usr/bin/env python3
"""weft run and weft shell: statuses, signals, descriptors, and what is left behind."""
import os
import signal
import subprocess
import sys

from clitest import WEFT, Case, main, until


class Run(Case):
    def test_exit_status_is_the_program_s(self):
        for n in (0, 1, 7, 124, 125, 200, 255):
            r = self.weft("run", "sh", "-c", f"exit {n}")
            self.assertEqual((r.returncode, r.stdout, r.stderr), (n, "", ""))

    def test_death_by_signal_is_the_program_s(self):
        for sig in (signal.SIGTERM, signal.SIGKILL, signal.SIGSEGV, signal.SIGPIPE, signal.SIGINT, signal.SIGUSR1):
            self.assertEqual(self.weft("run", "sh", "-c", f"kill -{int(sig)} $$").returncode, -sig)

    def test_what_cannot_run(self):
        self.env["PATH"] = "/usr/bin:/bin"  # with a directory that cannot be searched, "not found" is "permission denied", as for env(1)
        self.refused(127, "run", "no-such-program-anywhere", says="no-such-program-anywhere")
        self.refused(126, "run", "/etc/passwd", says="/etc/passwd")
        self.refused(126, "run", "/", says="/")
        self.refused(127, "run", "/no/such/file")

    def test_our_own_trouble(self):
        for args in (["run"], ["run", "--nothing", "true"], ["run", "--cpus", "x", "true"], ["run", "-n"], ["shell", "x"],
                     ["run", "-n", "lab", "--cpus", "2", "true"]):
            self.refused(125, *args, says="--help")
        self.refused(125, "run", "-n", "lab", "true", says="weft up lab")
        self.refused(125, "run", "-n", "../x", "true", says="name")

    def test_not_inside_itself(self):
        for inner in (["run", "true"], ["run", "-n", "x", "true"], ["up", "y"]):
            r = self.weft("run", "sh", "-c", '"$@" 2>&1; echo $?', "-", WEFT, *inner)
            self.assertNotEqual(r.stdout.splitlines()[-1], "0")
            if inner[1] != "-n":
                self.assertIn("does not run inside weft", r.stdout)

    def test_options_end_at_the_program(self):
        self.assertEqual(self.ok("run", "--seed", "3", "--cpus", "2", "echo", "-n", "x", "--help"), "x --help")

    def test_descriptors_pass_through(self):
        r = self.weft("run", "cat", input="abc\n" * 1000, stdin=None)
        self.assertEqual(r.stdout, "abc\n" * 1000)
        a, b = os.pipe()
        r = self.weft("run", "sh", "-c", f"echo out; echo err >&2; echo extra >&{b}", pass_fds=[b])
        os.close(b)
        self.assertEqual((r.stdout, r.stderr, os.read(a, 100)), ("out\n", "err\n", b"extra\n"))
        os.close(a)

    def test_only_the_usual_descriptors_are_open(self):
        want = subprocess.run(["ls", "/proc/self/fd"], env=self.env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True).stdout
        self.assertEqual(self.ok("run", "ls", "/proc/self/fd"), want)

    def test_closed_standard_descriptors(self):
        r = subprocess.run(["sh", "-c", f"{WEFT} run true <&- >&- 2>&-"], env=self.env)
        self.assertEqual(r.returncode, 0)

    def test_signals_are_passed_on(self):
        for sig in (signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGINT):
            p = self.start("run", "sh", "-c", f"trap 'echo got; exit 3' {int(sig)}; echo ready; while :; do sleep 0.01; done")
            self.assertEqual(p.stdout.readline(), "ready\n")
            p.send_signal(sig)
            self.assertEqual((p.communicate(timeout=30)[0], p.returncode), ("got\n", 3))

    def test_signal_dispositions_are_kept(self):
        show = "import signal; print(signal.getsignal(signal.SIGHUP) == signal.SIG_IGN, signal.getsignal(signal.SIGCHLD) == " \
               "signal.SIG_IGN, sorted(map(int, signal.pthread_sigmask(signal.SIG_BLOCK, []))))"

        def pre():
            signal.signal(signal.SIGHUP, signal.SIG_IGN)
            signal.signal(signal.SIGCHLD, signal.SIG_IGN)
            signal.pthread_sigmask(signal.SIG_SETMASK, [signal.SIGUSR2])
        self.assertEqual(self.ok("run", sys.executable, "-c", show, preexec_fn=pre), "True True [12]\n")
        self.assertEqual(self.weft("run", "sh", "-c", "exit 4", preexec_fn=pre).returncode, 4)

    def test_stop_and_continue(self):
        p = self.start("run", "sh", "-c", "echo ready; kill -STOP $$; echo again")
        self.assertEqual(p.stdout.readline(), "ready\n")
        _, status = os.waitpid(p.pid, os.WUNTRACED)
        self.assertTrue(os.WIFSTOPPED(status))
        p.send_signal(signal.SIGCONT)
        self.assertEqual(p.communicate(timeout=30)[0], "again\n")
        self.assertEqual(p.wait(), 0)

    def test_what_is_left_running_is_ended(self):
        r = self.weft("run", "sh", "-c", "sleep 1000 >/dev/null 2>&1 & setsid sleep 1000 >/dev/null 2>&1 & exit 5")
        self.assertEqual(r.returncode, 5)
        self.assertEqual(self.processes(), [])

    def test_killed_weft_takes_its_stack_along(self):
        p = self.start("run", "sh", "-c", "echo ready; exec sleep 1000")
        p.stdout.readline()
        p.kill()
        p.communicate()
        until(lambda: not self.processes(), "stack and program end with weft run")
        self.assertEqual(os.listdir(self.dir), [])

    def test_killed_stack(self):
        p = self.start("run", "sh", "-c", "echo ready; read x; exit 6", stdin=subprocess.PIPE)
        p.stdout.readline()
        s = self.list()
        self.assertEqual([x["name"] for x in s], [f"run-{p.pid}"])
        os.kill(s[0]["pid"], signal.SIGKILL)
        self.assertIn("stack ended", p.stderr.readline())
        p.stdin.write("\n")
        p.stdin.close()
        self.assertEqual(p.wait(30), 6)
        p.stdout.close()
        p.stderr.close()
        self.list()  # cleans up what it left

    def test_environment_says_where(self):
        self.up()
        self.assertEqual(self.ok("run", "-n", "lab", "sh", "-c", "echo $WEFT_NAME $WEFT_RUNTIME_DIR"), f"lab {self.dir}\n")
        self.assertEqual(self.ok("run", "-n", "lab", WEFT, "ls", "--json").count("lab"), 1)

    def test_shell(self):
        self.env["SHELL"] = "/bin/sh"
        r = self.weft("shell", input="echo in $WEFT_NAME; exit 9\n", stdin=None)
        self.assertEqual(r.returncode, 9)
        self.assertIn("in run-", r.stdout)

    def test_many_at_once(self):
        ps = [self.start("run", "sh", "-c", f"exit {i}") for i in range(12)]
        for i, p in enumerate(ps):
            p.communicate(timeout=60)
            self.assertEqual(p.returncode, i)

    def test_down_ends_programs(self):
        self.up()
        p = self.start("run", "-n", "lab", "sh", "-c", "echo ready; exec sleep 1000")
        p.stdout.readline()
        self.ok("down", "lab")
        p.communicate(timeout=30)
        self.assertNotEqual(p.returncode, 0)


if __name__ == "__main__":
    main()
