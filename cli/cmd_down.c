/* weft down NAME: ends a stack and the programs in it, and returns when nothing of it is left. */
#include <getopt.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cli/cli.h"

#define END_TIMEOUT_MS 15000 /* a stack ends within milliseconds; programs that must be killed may take a while */

static int down_one(const char *name)
{
	struct ctl_error err = { 0 };
	struct ctl_status st = { 0 };
	int sock, e, pidfd;
	struct pollfd p;
	size_t len;

	e = ctl_connect(name, &sock, &err);
	if (!e)
		e = ctl_call(sock, CTL_STATUS, NULL, 0, NULL, 0, NULL, &st, sizeof(st), &len, NULL, NULL, &err);
	if ((e == -EPIPE || e == -ECONNRESET) && ctl_place_clean(name))
		return 0; /* it died just now */
	if (e) {
		complain("%s", err.text);
		return 1;
	}
	pidfd = pidfd_open(st.pid, 0);
	e = ctl_call(sock, CTL_SHUTDOWN, NULL, 0, NULL, 0, NULL, NULL, 0, NULL, NULL, NULL, &err);
	if (e && e != -EPIPE && e != -ECONNRESET) { /* these: it ends already */
		complain("%s", err.text);
		return 1;
	}
	p = (struct pollfd){ .fd = pidfd >= 0 ? pidfd : sock, .events = POLLIN };
	do
		e = poll(&p, 1, END_TIMEOUT_MS);
	while (e < 0 && errno == EINTR);
	close(sock);
	if (pidfd >= 0)
		close(pidfd);
	if (!e) {
		complain("%s does not end; `kill -9 %d` ends it at once", name, st.pid);
		return 1;
	}
	return 0;
}

struct names {
	char **v;
	unsigned n;
};

static void collect(void *arg, const char *name)
{
	struct names *all = arg;
	char **more = realloc(all->v, (all->n + 1) * sizeof(*more));

	if (!more)
		return;
	all->v = more;
	more[all->n] = strdup(name);
	if (more[all->n])
		all->n++;
}

static int down_all(void)
{
	struct ctl_error err = { 0 };
	struct names all = { 0 };
	int status = 0;

	if (ctl_place_each(collect, &all, &err)) {
		complain("%s", err.text);
		return 1;
	}
	for (unsigned i = 0; i < all.n; i++) {
		status |= down_one(all.v[i]);
		free(all.v[i]);
	}
	free(all.v);
	return status;
}

static int down(int argc, char **argv)
{
	static const struct option longs[] = { { "all", no_argument, NULL, 'a' }, { "help", no_argument, NULL, 'h' }, { 0 } };
	bool all = false;
	int o, status = 0;

	while ((o = getopt_long(argc, argv, ":ah", longs, NULL)) != -1) {
		if (o == 'h')
			return show_help(&cmd_down);
		if (o != 'a')
			return usage_error(&cmd_down, "there is no option '%s'", argv[optind - 1]);
		all = true;
	}
	if (all ? optind != argc : optind == argc)
		return usage_error(&cmd_down, all ? "--all takes no name" : "give a name, or --all");
	if (all)
		return down_all();
	while (optind < argc)
		status |= down_one(argv[optind++]);
	return status;
}

const struct command cmd_down = {
	.name = "down",
	.run = down,
	.synopsis = "NAME… | --all",
	.summary = "End a stack and the programs in it",
	.help = "  --all   all stacks of yours, also those of running `weft run`\n",
};
