/* weft: finds the subcommand, and what all of them share. */
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "cli/cli.h"

static const struct command *const commands[] = { &cmd_run, &cmd_shell, &cmd_up, &cmd_down, &cmd_ls, &cmd_nic, &cmd_trace, &cmd_capture, NULL };

const struct command *command_find(const char *name)
{
	for (unsigned i = 0; commands[i]; i++)
		if (!strcmp(commands[i]->name, name))
			return commands[i];
	return NULL;
}

/* One line, whatever an argument contains. */
static void say(const char *who, const char *fmt, va_list ap, const char *end)
{
	char line[1024];

	vsnprintf(line, sizeof(line), fmt, ap);
	for (char *p = line; *p; p++)
		if ((unsigned char)*p < ' ' || *p == 127)
			*p = '?';
	fprintf(stderr, "weft%s: %s%s\n", who, line, end);
}

void complain(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say("", fmt, ap, "");
	va_end(ap);
}

int usage_error(const struct command *c, const char *fmt, ...)
{
	char who[32], help[64];
	va_list ap;

	snprintf(who, sizeof(who), " %s", c->name);
	snprintf(help, sizeof(help), "; see `weft %s --help`", c->name);
	va_start(ap, fmt);
	say(who, fmt, ap, help);
	va_end(ap);
	return 2;
}

char *join_arguments(int argc, char **argv)
{
	size_t n = 1;
	char *s;

	for (int i = 0; i < argc; i++)
		n += strlen(argv[i]) + 1;
	s = calloc(1, n);
	for (int i = 0; s && i < argc; i++) {
		strcat(s, i ? " " : "");
		strcat(s, argv[i]);
	}
	return s;
}

u64 clock_ns(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (u64)ts.tv_sec * NSEC_PER_SEC + (u64)ts.tv_nsec;
}

int show_help(const struct command *c)
{
	printf("Usage: weft %s %s\n\n%s\n", c->name, c->synopsis, c->summary);
	if (c->help)
		printf("\n%s", c->help);
	return fflush(stdout) ? 1 : 0;
}

int parse_number(const char *text, u64 lo, u64 hi, u64 *out)
{
	unsigned long long v;
	char *end;

	if (text[0] < '0' || text[0] > '9')
		return -EINVAL;
	errno = 0;
	v = strtoull(text, &end, 0);
	if (errno || *end || v < lo || v > hi)
		return -EINVAL;
	*out = v;
	return 0;
}

int uplink_option(const struct command *c, struct uplink_config *u, bool publish, const char *text)
{
	struct ctl_error err = { 0 };
	int e;

	if (!publish && u->kind != UPLINK_NONE)
		e = ctl_error_set(&err, -EINVAL, "one uplink at a time");
	else
		e = publish ? uplink_parse_publish(u, text, &err) : uplink_parse(u, text, &err);
	if (e)
		usage_error(c, "%s", err.text);
	return e;
}

int uplink_options_end(const struct command *c, struct uplink_config *u)
{
	struct ctl_error err = { 0 };
	int e = uplink_check(u, &err);

	if (e)
		usage_error(c, "%s", err.text);
	return e;
}

struct only {
	unsigned n;
	char name[CTL_NAME_MAX];
};

static void note_name(void *arg, const char *name)
{
	struct only *o = arg;

	if (!o->n++)
		snprintf(o->name, sizeof(o->name), "%s", name);
}

int pick_name(const char *given, char name[CTL_NAME_MAX], struct ctl_error *err)
{
	const char *env = getenv("WEFT_NAME");
	struct only o = { 0 };
	int e;

	if (!given && env && *env)
		given = env;
	if (given) {
		if (!ctl_name_valid(given)) {
			ctl_error_set(err, -EINVAL, "'%s' cannot be a name of a stack", given);
			return -EINVAL;
		}
		snprintf(name, CTL_NAME_MAX, "%s", given);
		return 0;
	}
	e = ctl_place_each(note_name, &o, err);
	if (e)
		return e;
	if (o.n != 1) {
		ctl_error_set(err, -ENOENT, o.n ? "several stacks are up; say which with -n NAME (`weft ls` lists them)" :
						  "no stack is up; start one with `weft up NAME`");
		return -ENOENT;
	}
	snprintf(name, CTL_NAME_MAX, "%s", o.name);
	return 0;
}

static void overview(FILE *to)
{
	fputs("Usage: weft COMMAND [ARGUMENTS]\n\nThe Linux network stack as one ordinary program.\n\nCommands:\n", to);
	for (unsigned i = 0; commands[i]; i++)
		fprintf(to, "  %-7s %s\n", commands[i]->name, commands[i]->summary);
	fputs("\n`weft COMMAND --help` says more. Stacks are found in $WEFT_RUNTIME_DIR, $XDG_RUNTIME_DIR/weft,\n"
	      "/run/user/UID/weft or /tmp/weft-UID, whichever can be used first.\n", to);
}

int main(int argc, char **argv)
{
	const struct command *c;

	/* A closed standard descriptor would become some socket of ours. */
	for (int fd = 0; fd < 3; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", fd ? O_WRONLY : O_RDONLY) != fd)
			return CLI_TROUBLE;
	/* Where root gave this file a capability (for packet:DEVICE), what is in /proc/self would be root's: but maps of user ids are written there. */
	if (getuid() == geteuid())
		prctl(PR_SET_DUMPABLE, 1);
	if (argc < 2) {
		overview(stderr);
		return 2;
	}
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") || (!strcmp(argv[1], "help") && argc == 2)) {
		overview(stdout);
		return fflush(stdout) ? 1 : 0;
	}
	if (!strcmp(argv[1], "--version") || !strcmp(argv[1], "-V")) {
		printf("weft %s\n", WEFT_VERSION);
		return fflush(stdout) ? 1 : 0;
	}
	c = command_find(strcmp(argv[1], "help") ? argv[1] : argv[2]);
	if (!c) {
		complain("there is no command '%s'; `weft --help` lists them", argv[1]);
		return 2;
	}
	if (!strcmp(argv[1], "help"))
		return show_help(c);
	return c->run(argc - 1, argv + 1);
}
