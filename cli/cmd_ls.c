/* weft ls: the stacks that are up. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cli/cli.h"

struct listing {
	bool json;
	unsigned rows;
};

static void age(u64 ns, char *buf, size_t size)
{
	u64 s = ns / NSEC_PER_SEC;

	if (s < 60)
		snprintf(buf, size, "%us", (unsigned)s);
	else if (s < 3600)
		snprintf(buf, size, "%um%02us", (unsigned)(s / 60), (unsigned)(s % 60));
	else if (s < 86400)
		snprintf(buf, size, "%uh%02um", (unsigned)(s / 3600), (unsigned)(s / 60 % 60));
	else
		snprintf(buf, size, "%llud%02uh", (unsigned long long)(s / 86400), (unsigned)(s / 3600 % 24));
}

static void row(void *arg, const char *name)
{
	struct listing *l = arg;
	struct ctl_error err = { 0 };
	struct ctl_status st;
	size_t len = 0;
	char up[32];
	int sock, e;

	e = ctl_connect(name, &sock, &err);
	if (e == -ENOENT)
		return; /* it ended in this moment */
	if (!e) {
		struct timeval limit = { .tv_sec = 5 };

		setsockopt(sock, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
		e = ctl_call(sock, CTL_STATUS, NULL, 0, NULL, 0, NULL, &st, sizeof(st), &len, NULL, NULL, &err);
		close(sock);
		if (!e && len != sizeof(st))
			e = -EPROTO;
	}
	if (e == -EPIPE || e == -ECONNRESET)
		return;
	if (e) {
		complain("%s: %s", name, err.text);
		return;
	}
	if (l->json) {
		printf("%s{\"name\":\"%s\",\"pid\":%d,\"cpus\":%u,\"namespaces\":%u,\"programs\":%u,\"sockets\":%u,\"traces\":%u,"
		       "\"memory_bytes\":%llu,\"wakeups\":%llu,\"uptime_ns\":%llu,\"version\":\"%.31s\"}",
		       l->rows ? ",\n " : "", name, st.pid, st.ncpus, st.namespaces, st.programs, st.sockets, st.traces,
		       (unsigned long long)st.memory_bytes, (unsigned long long)st.wakeups, (unsigned long long)st.uptime_ns, st.version);
	} else {
		if (!l->rows)
			printf("%-20s %8s %4s %10s %8s %8s %9s\n", "NAME", "PID", "CPUS", "NAMESPACES", "PROGRAMS", "SOCKETS", "UP");
		age(st.uptime_ns, up, sizeof(up));
		printf("%-20s %8d %4u %10u %8u %8u %9s\n", name, st.pid, st.ncpus, st.namespaces, st.programs, st.sockets, up);
	}
	l->rows++;
}

static int ls(int argc, char **argv)
{
	static const struct option longs[] = { { "json", no_argument, NULL, 'j' }, { "help", no_argument, NULL, 'h' }, { 0 } };
	struct ctl_error err = { 0 };
	struct listing l = { 0 };
	int o;

	while ((o = getopt_long(argc, argv, ":jh", longs, NULL)) != -1) {
		if (o == 'h')
			return show_help(&cmd_ls);
		if (o != 'j')
			return usage_error(&cmd_ls, "there is no option '%s'", argv[optind - 1]);
		l.json = true;
	}
	if (optind != argc)
		return usage_error(&cmd_ls, "'%s' is one argument too many", argv[optind]);
	if (l.json)
		printf("[");
	if (ctl_place_each(row, &l, &err)) {
		complain("%s", err.text);
		return 1;
	}
	if (l.json)
		printf("]\n");
	return fflush(stdout) ? 1 : 0;
}

const struct command cmd_ls = {
	.name = "ls",
	.run = ls,
	.synopsis = "[--json]",
	.summary = "List the stacks that are up",
	.help = "  --json   as a JSON array\n",
};
