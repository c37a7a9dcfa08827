/* weft trace: every stage that matching packets pass, in all namespaces, and what was decided there. */
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "bpf/cbpf.h"
#include "cli/cli.h"
#include "cli/trace_view.h"

struct viewer {
	const struct trace_options *o;
	struct lives *lives;
	s64 wall_minus_mono;
	u64 shown, events, lost;
	u8 *buf;
};

static void say_lost(struct viewer *v, u64 lost)
{
	v->lost += lost;
	if (v->o->json)
		fprintf(v->o->to, "{\"lost\":%llu}\n", (unsigned long long)lost);
	else
		fprintf(v->o->to, "(%llu events lost: this reader was too slow; use a narrower filter)\n\n", (unsigned long long)lost);
}

/* Shows lives that are over. Returns false when enough were shown, or the output is closed. */
static bool show(struct viewer *v, u64 now)
{
	struct life *l;

	while ((l = lives_take(v->lives, now))) {
		if (v->o->json)
			trace_show_json(v->o->to, l, v->wall_minus_mono);
		else
			trace_show_text(v->o->to, l, v->wall_minus_mono);
		v->shown += !l->shown_before;
		life_free(l);
		if (v->o->count && v->shown >= v->o->count)
			break;
	}
	return fflush(v->o->to) == 0 && (!v->o->count || v->shown < v->o->count);
}

/* One message. 0, or -errno: -ECONNRESET when the stack has ended. */
static int take(struct viewer *v, int sock, struct ctl_error *err)
{
	int fds[CTL_MAX_FDS], e;
	struct ctl_events h;
	unsigned type, nfds;
	size_t len;

	e = ctl_recv(sock, &type, v->buf, CTL_MAX_BYTES, &len, fds, &nfds);
	while (nfds)
		close(fds[--nfds]);
	if (e)
		return e;
	if (type == CTL_ERROR && len == sizeof(*err)) {
		memcpy(err, v->buf, len);
		err->text[sizeof(err->text) - 1] = 0;
		return err->err < 0 ? err->err : -EPROTO;
	}
	if (type == CTL_OK)
		return 0;
	if (type != CTL_EVENTS || len < sizeof(h))
		return -EPROTO;
	memcpy(&h, v->buf, sizeof(h));
	if (len != sizeof(h) + (u64)h.count * sizeof(struct trace_event))
		return -EPROTO;
	for (unsigned i = 0; i < h.count; i++) {
		struct trace_event ev;

		memcpy(&ev, v->buf + sizeof(h) + i * sizeof(ev), sizeof(ev));
		ev.netns[sizeof(ev.netns) - 1] = ev.dev[sizeof(ev.dev) - 1] = 0;
		ev.oif[sizeof(ev.oif) - 1] = ev.text[sizeof(ev.text) - 1] = 0;
		e = lives_add(v->lives, &ev, clock_ns(CLOCK_MONOTONIC), v->o->count);
		if (e)
			return e;
	}
	v->events += h.count;
	if (h.lost)
		say_lost(v, h.lost);
	return 0;
}

static int wait_ms(u64 now, u64 until)
{
	if (until == UINT64_MAX)
		return -1;
	return until <= now ? 0 : (int)MIN((until - now) / NSEC_PER_MSEC + 1, 3600000ull);
}

/* Until a signal, the limit, the end of the stack, or enough packets. */
static int watch(struct viewer *v, int sock, int sigfd, struct ctl_error *err)
{
	u64 end = v->o->seconds_ns ? clock_ns(CLOCK_MONOTONIC) + v->o->seconds_ns : UINT64_MAX;

	for (;;) {
		struct pollfd p[2] = { { .fd = sock, .events = POLLIN }, { .fd = sigfd, .events = POLLIN } };
		u64 now = clock_ns(CLOCK_MONOTONIC);
		int e;

		if (!show(v, now))
			return 0;
		if (now >= end)
			return 0;
		if (poll(p, 2, wait_ms(now, MIN(end, lives_next(v->lives)))) < 0 && errno != EINTR)
			return -errno;
		if (p[1].revents)
			return 0;
		if (p[0].revents && (e = take(v, sock, err)))
			return e == -ECONNRESET ? 0 : e;
	}
}

static int subscribe(int sock, const struct trace_filter *f, struct ctl_error *err)
{
	struct ctl_trace rq = { .raw_len = f->raw_len, .eth_len = f->eth_len };
	int e = ctl_send2(sock, CTL_TRACE, &rq, sizeof(rq), f->insns, (f->raw_len + f->eth_len) * sizeof(*f->insns), NULL, 0);

	if (e)
		ctl_error_set(err, e, "cannot ask for a trace: %s", strerror(-e));
	return e;
}

int trace_run(const struct trace_options *o)
{
	struct viewer v = { .o = o };
	struct trace_filter filter = { 0 };
	struct ctl_error err = { 0 };
	int sock = -1, sigfd = -1, e;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGINT, SIG_DFL); /* a script's background jobs ignore it, and what is ignored never arrives */
	signal(SIGPIPE, SIG_IGN); /* a closed output ends the trace in order */
	e = trace_filter_compile(o->filter, &filter, &err);
	if (!e)
		e = ctl_connect(o->name, &sock, &err);
	if (e)
		goto out;
	sigfd = signalfd(-1, &set, SFD_CLOEXEC);
	v.lives = lives_new();
	v.buf = malloc(CTL_MAX_BYTES);
	v.wall_minus_mono = (s64)(clock_ns(CLOCK_REALTIME) - clock_ns(CLOCK_MONOTONIC));
	e = sigfd >= 0 && v.lives && v.buf ? subscribe(sock, &filter, &err) : -ENOMEM;
	if (!e)
		e = take(&v, sock, &err); /* the answer: the trace runs */
	if (!e && o->ready_fd >= 0 && write(o->ready_fd, "", 1) != 1)
		e = -errno;
	if (!e)
		e = watch(&v, sock, sigfd, &err);
	if (!e)
		show(&v, UINT64_MAX);
	fflush(o->to);
	if (!e && !o->json)
		fprintf(o->to == stdout ? stderr : o->to, "%llu packets, %llu events, %llu lost\n", (unsigned long long)v.shown, (unsigned long long)v.events,
			(unsigned long long)v.lost);
out:
	if (e)
		complain("%s", err.text[0] ? err.text : strerror(-e));
	if (sock >= 0)
		close(sock);
	if (sigfd >= 0)
		close(sigfd);
	lives_free(v.lives);
	free(v.buf);
	trace_filter_free(&filter);
	return e ? 1 : 0;
}

static int trace(int argc, char **argv)
{
	static const struct option longs[] = { { "name", required_argument, NULL, 'n' }, { "json", no_argument, NULL, 'j' },
					       { "for", required_argument, NULL, 'f' }, { "count", required_argument, NULL, 'c' },
					       { "help", no_argument, NULL, 'h' }, { 0 } };
	struct trace_options o = { .to = stdout, .ready_fd = -1 };
	const char *given = NULL;
	struct ctl_error err = { 0 };
	char name[CTL_NAME_MAX], *filter, *end;
	int ch, status;
	double s;

	while ((ch = getopt_long(argc, argv, "+:n:jc:h", longs, NULL)) != -1) {
		switch (ch) {
		case 'n':
			given = optarg;
			break;
		case 'j':
			o.json = true;
			break;
		case 'c':
			if (parse_number(optarg, 1, UINT32_MAX, &o.count))
				return usage_error(&cmd_trace, "-c takes a number of packets, not '%s'", optarg);
			break;
		case 'f':
			s = strtod(optarg, &end);
			if (*end || end == optarg || !(s > 0 && s < 1e9))
				return usage_error(&cmd_trace, "--for takes a number of seconds, not '%s'", optarg);
			o.seconds_ns = (u64)(s * 1e9);
			break;
		case 'h':
			return show_help(&cmd_trace);
		default:
			return usage_error(&cmd_trace, ch == ':' ? "'%s' needs a value" : "there is no option '%s'", argv[optind - 1]);
		}
	}
	if (pick_name(given, name, &err)) {
		complain("%s", err.text);
		return 1;
	}
	filter = join_arguments(argc - optind, argv + optind);
	if (!filter)
		return 1;
	o.name = name;
	o.filter = filter;
	status = trace_run(&o);
	free(filter);
	return status;
}

const struct command cmd_trace = {
	.name = "trace",
	.run = trace,
	.synopsis = "[-n NAME] [--json] [-c PACKETS] [--for SECONDS] [FILTER]",
	.summary = "Tell the life of packets: every stage, in every namespace, and what was decided",
	.help = "  -n NAME        which stack (default: $WEFT_NAME, or the only one)\n"
		"  --json         one JSON object a line and packet\n"
		"  -c PACKETS     end after so many\n"
		"  --for SECONDS  end after this time\n\n"
		"FILTER is pcap-filter(7)'s language; without one, every packet is traced. Packets are matched from their IP header on, so\n"
		"conditions on Ethernet addresses match only frames without one, such as ARP.\n",
};
