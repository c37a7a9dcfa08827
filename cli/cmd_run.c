/* weft run: a program in a stack, and weft shell.
 *
 * With -n the command joins a stack and becomes the program. Without, it starts a stack of its own and stays between its caller
 * and the program: it passes signals on, stops and continues with it, and when the program ends it ends the stack, and with
 * it whatever the program left running, waits for that, and ends as the program did.
 */
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "attach/attach.h"
#include "cli/cli.h"
#include "cli/trace_view.h"
#include "host/daemon.h"

/* What a program is told about where it runs, so that `weft trace` inside needs no -n. */
static void set_environment(const char *name)
{
	struct ctl_error err;
	char dir[96];
	int fd;

	setenv("WEFT_NAME", name, 1);
	if (runtime_dir_open(false, &fd, dir, sizeof(dir), &err) == 0) {
		setenv("WEFT_RUNTIME_DIR", dir, 1);
		close(fd);
	}
}

static int become(int control, u32 flags, char *const *argv)
{
	struct launch l = { .control = control, .flags = flags, .argv = argv };
	struct ctl_error err = { 0 };
	int status = launch_exec(&l, &err);

	complain("%s", err.text);
	return status;
}

static const int forwarded[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGALRM, SIGVTALRM, SIGPROF, SIGWINCH, SIGIO, SIGPWR };

static void watch_set(sigset_t *set)
{
	sigemptyset(set);
	sigaddset(set, SIGCHLD);
	for (unsigned i = 0; i < ARRAY_SIZE(forwarded); i++)
		sigaddset(set, forwarded[i]);
}

/* Waits for the program; returns its wait status. The stack's death is said, and the program's end still awaited. */
static int wait_for(pid_t program, pid_t stack, bool *stack_gone)
{
	siginfo_t si;
	sigset_t set;
	int status;
	pid_t p;

	watch_set(&set);
	for (;;) {
		while ((p = waitpid(-1, &status, WNOHANG | WUNTRACED)) > 0) {
			if (p == stack && (WIFEXITED(status) || WIFSIGNALED(status))) {
				*stack_gone = true;
				complain("the stack ended before the program did (%s %d); its sockets now fail",
					 WIFSIGNALED(status) ? "signal" : "status", WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
			} else if (p == program && WIFSTOPPED(status)) {
				raise(SIGSTOP); /* our caller sees what happened, and lets both continue through us */
				kill(program, SIGCONT);
			} else if (p == program) {
				return status;
			}
		}
		if (p < 0 && errno == ECHILD)
			return 0;
		if (sigwaitinfo(&set, &si) > 0 && si.si_signo != SIGCHLD && si.si_code <= 0)
			kill(program, si.si_signo); /* sent to us alone; what a terminal sends, the program got too */
	}
}

/* Ends as the program did. */
static int end_as(int status)
{
	struct rlimit none = { 0 };
	sigset_t set;

	if (WIFEXITED(status))
		return WEXITSTATUS(status);
	setrlimit(RLIMIT_CORE, &none); /* the program's core is enough */
	signal(WTERMSIG(status), SIG_DFL);
	sigemptyset(&set);
	sigaddset(&set, WTERMSIG(status));
	raise(WTERMSIG(status));
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	return 128 + WTERMSIG(status);
}

/* A child that traces the stack called `name`; it runs when this returns. -1 and a sentence said: it does not. */
static pid_t start_trace(const char *name, const struct run_options *o, int control)
{
	struct trace_options t = { .name = name, .filter = o->trace, .to = stderr };
	int ready[2];
	char byte;
	pid_t p;

	if (pipe2(ready, O_CLOEXEC) < 0)
		return -1;
	p = fork();
	if (!p) {
		setpgid(0, 0); /* ends with the stack, not with what a terminal sends to the program */
		close(ready[0]);
		close(control); /* it would keep the stack alive */
		if (o->trace_file && !(t.to = fopen(o->trace_file, "we"))) {
			complain("cannot write %s: %s", o->trace_file, strerror(errno));
			_exit(1);
		}
		t.ready_fd = ready[1];
		_exit(trace_run(&t));
	}
	close(ready[1]);
	if (p > 0 && read(ready[0], &byte, 1) != 1) {
		waitpid(p, NULL, 0); /* it has said why */
		p = -1;
	}
	close(ready[0]);
	return p;
}

static int run_private(const struct run_options *o, char *const *argv)
{
	char name[CTL_NAME_MAX];
	struct daemon_config cfg = { .name = name, .pinned = true, .ncpus = o->ncpus, .have_seed = o->have_seed, .seed = o->seed,
				     .uplink = o->uplink.kind != UPLINK_NONE ? &o->uplink : NULL };
	struct ctl_error err = { 0 };
	struct sigaction chld, dfl = { .sa_handler = SIG_DFL };
	bool stack_gone = false;
	pid_t stack, program, tracer = 0;
	sigset_t set, old;
	int control, status;

	snprintf(name, sizeof(name), "run-%d", (int)getpid());
	sigaction(SIGCHLD, &dfl, &chld); /* whoever ignores it cannot wait; the program gets it back as it was */
	if (daemon_spawn(&cfg, &stack, &control, &err)) {
		complain("%s", err.text);
		return CLI_TROUBLE;
	}
	set_environment(name);
	if (o->trace && (tracer = start_trace(name, o, control)) < 0) {
		close(control);
		waitpid(stack, NULL, 0);
		return CLI_TROUBLE;
	}
	watch_set(&set);
	sigprocmask(SIG_BLOCK, &set, &old);
	program = fork();
	if (program < 0) {
		complain("cannot fork: %s", strerror(errno));
		return CLI_TROUBLE;
	}
	if (!program) {
		sigaction(SIGCHLD, &chld, NULL);
		sigprocmask(SIG_SETMASK, &old, NULL);
		_exit(become(control, o->join_flags, argv));
	}
	status = wait_for(program, stack, &stack_gone);
	close(control); /* the last one of the pinned connection: the stack ends */
	if (!stack_gone) {
		int how = 0;

		while (waitpid(stack, &how, 0) < 0 && errno == EINTR)
			;
		if (how)
			complain("the stack did not end in order (%s %d); please report this", WIFSIGNALED(how) ? "signal" : "status",
				 WIFSIGNALED(how) ? WTERMSIG(how) : WEXITSTATUS(how));
		stack_gone = how != 0; /* it may not have cleaned up */
	}
	if (stack_gone)
		ctl_place_clean(name);
	if (tracer) /* the stack's end ended it; it shows what it has */
		while (waitpid(tracer, NULL, 0) < 0 && errno == EINTR)
			;
	return end_as(status);
}

int run_program(const struct run_options *o, char *const *argv)
{
	struct ctl_error err = { 0 };
	int control;

	if (!o->name)
		return run_private(o, argv);
	if (ctl_connect(o->name, &control, &err)) {
		complain("%s", err.text);
		return CLI_TROUBLE;
	}
	set_environment(o->name);
	return become(control, o->join_flags, argv);
}

int parse_run_options(const struct command *c, int argc, char **argv, struct run_options *o, bool *done)
{
	static const struct option longs[] = { { "name", required_argument, NULL, 'n' }, { "map-self", no_argument, NULL, 'm' },
					       { "cpus", required_argument, NULL, 'c' }, { "seed", required_argument, NULL, 's' },
					       { "trace", required_argument, NULL, 't' }, { "trace-to", required_argument, NULL, 'T' },
					       { "uplink", required_argument, NULL, 'u' }, { "publish", required_argument, NULL, 'p' },
					       { "help", no_argument, NULL, 'h' }, { 0 } };
	bool own = false;
	u64 n;
	int ch;

	*o = (struct run_options){ .ncpus = 1 };
	*done = true;
	while ((ch = getopt_long(argc, argv, "+:n:p:h", longs, NULL)) != -1) {
		switch (ch) {
		case 'n':
			o->name = optarg;
			break;
		case 'm':
			o->join_flags |= CTL_JOIN_MAP_SELF;
			break;
		case 'c':
			if (parse_number(optarg, 1, 64, &n)) {
				usage_error(c, "--cpus takes a number from 1 to 64, not '%s'", optarg);
				return CLI_TROUBLE;
			}
			o->ncpus = (unsigned)n;
			own = true;
			break;
		case 's':
			if (parse_number(optarg, 0, UINT64_MAX, &o->seed)) {
				usage_error(c, "--seed takes a number, not '%s'", optarg);
				return CLI_TROUBLE;
			}
			o->have_seed = own = true;
			break;
		case 't':
			o->trace = optarg;
			own = true;
			break;
		case 'T':
			o->trace_file = optarg;
			break;
		case 'u':
		case 'p':
			if (uplink_option(c, &o->uplink, ch == 'p', optarg))
				return CLI_TROUBLE;
			own = true;
			break;
		case 'h':
			return show_help(c);
		default:
			usage_error(c, ch == ':' ? "'%s' needs a value" : "there is no option '%s'", argv[optind - 1]);
			return CLI_TROUBLE;
		}
	}
	if (o->name && own) {
		usage_error(c, "--cpus, --seed, --uplink and --publish belong to `weft up` when a stack is named, and --trace to `weft trace`");
		return CLI_TROUBLE;
	}
	if (o->trace_file && !o->trace) {
		usage_error(c, "--trace-to goes with --trace");
		return CLI_TROUBLE;
	}
	if (uplink_options_end(c, &o->uplink))
		return CLI_TROUBLE;
	*done = false;
	return 0;
}

static int run(int argc, char **argv)
{
	struct run_options o;
	bool done;
	int status = parse_run_options(&cmd_run, argc, argv, &o, &done);

	if (done)
		return status;
	if (optind == argc) {
		usage_error(&cmd_run, "which program?");
		return CLI_TROUBLE;
	}
	return run_program(&o, argv + optind);
}

static int shell(int argc, char **argv)
{
	const char *sh = getenv("SHELL");
	char *args[2] = { NULL, NULL };
	struct run_options o;
	bool done;
	int status = parse_run_options(&cmd_shell, argc, argv, &o, &done);

	if (done)
		return status;
	if (optind != argc) {
		usage_error(&cmd_shell, "it takes no program; `weft run` does");
		return CLI_TROUBLE;
	}
	args[0] = strdup(sh && *sh ? sh : "/bin/sh");
	if (!args[0])
		return CLI_TROUBLE;
	status = run_program(&o, args);
	free(args[0]);
	return status;
}

#define RUN_OPTIONS                                                                                                    \
	"  -n NAME      in the stack of that name (`weft up NAME`); without it, in a stack of its own\n"               \
	"  --map-self   keep your own user id instead of appearing as root\n"                                          \
	"  --cpus N     lanes of its own stack (default 1)\n"                                                          \
	"  --seed S     all randomness of its own stack comes from this number\n"                                        \
	UPLINK_OPTIONS                                                                                                 \
	"  --trace FILTER, --trace-to FILE   tell the life of packets (see `weft trace`) on stderr, or in FILE\n"

const struct command cmd_run = {
	.name = "run",
	.run = run,
	.synopsis = "[-n NAME] [--map-self] [--cpus N] [--seed S] [--uplink WHAT] [--publish PORT] [--trace FILTER] PROGRAM [ARGUMENT…]",
	.summary = "Run a program in a stack",
	.help = RUN_OPTIONS "\nThe exit status is the program's; 125: weft failed, 126: the program cannot be executed, 127: not found.\n"
			    "A stack of its own ends with the program; what the program left running is ended too.\n",
};
const struct command cmd_shell = {
	.name = "shell",
	.run = shell,
	.synopsis = "[-n NAME] [--map-self] [--cpus N] [--seed S] [--uplink WHAT] [--publish PORT] [--trace FILTER]",
	.summary = "Run your shell ($SHELL) in a stack",
	.help = RUN_OPTIONS,
};
