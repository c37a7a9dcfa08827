/* weft capture: what every device of every namespace transmits and receives, and what is dropped, as a pcapng file or a line a packet. */
#include <getopt.h>
#include <linux/if_ether.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bpf/cbpf.h"
#include "cli/cli.h"
#include "cli/pcapng.h"
#include "cli/trace_view.h"
#include "codec/wire/eth.h"
#include "codec/wire/vlanhdr.h"

#define REST_NS (2 * NSEC_PER_SEC) /* what is queued when the capture ends is waited for no longer */

struct options {
	struct ctl_capture q;
	const char *name, *filter;
	const char *file; /* "-": standard output; NULL: a line a packet */
	u64 count, seconds_ns;
	u64 file_bytes, file_ns, files; /* rotation; 0: none */
};
struct capture {
	const struct options *o;
	struct pcapng ng; /* to: NULL before the first file */
	FILE *text;
	unsigned file_no;
	u64 file_began_ns;
	u64 written, lost;
	bool over;
	u8 *buf;
};

/* -- files -- */
/* FILE, FILE1, FILE2 …; with a number of files (-W) FILE0 …, as wide as the largest, round and round; with -G, as strftime(3) makes it. */
static int file_name(const struct capture *c, char *buf, size_t size)
{
	const struct options *o = c->o;
	time_t now = time(NULL);
	struct tm tm;
	int width = 1;

	if (o->file_ns)
		return strftime(buf, size, o->file, localtime_r(&now, &tm)) ? 0 : -ENAMETOOLONG;
	for (u64 n = o->files ? o->files - 1 : 0; n >= 10; n /= 10)
		width++;
	if (o->files)
		return snprintf(buf, size, "%s%0*u", o->file, width, c->file_no % (unsigned)o->files) < (int)size ? 0 : -ENAMETOOLONG;
	return snprintf(buf, size, c->file_no ? "%s%u" : "%s", o->file, c->file_no) < (int)size ? 0 : -ENAMETOOLONG;
}

/* Ends the file. 0 or -errno: it is not whole. */
static int end_file(struct capture *c)
{
	int e = 0;

	if (!c->ng.to)
		return 0;
	pcapng_end(&c->ng, clock_ns(CLOCK_REALTIME));
	if (fflush(c->ng.to) || ferror(c->ng.to))
		e = -errno;
	if (c->ng.to != stdout && fclose(c->ng.to) && !e)
		e = -errno;
	c->ng.to = NULL;
	return e;
}

static int begin_file(struct capture *c)
{
	char name[4096];
	int e;

	if (!strcmp(c->o->file, "-")) {
		c->ng.to = stdout;
	} else {
		e = file_name(c, name, sizeof(name));
		if (e)
			return e;
		c->ng.to = fopen(name, "we");
		if (!c->ng.to)
			return -errno;
		c->file_no++;
	}
	c->file_began_ns = clock_ns(CLOCK_MONOTONIC);
	pcapng_begin(&c->ng);
	return fflush(c->ng.to) ? -errno : 0;
}

static int rotate_if_due(struct capture *c)
{
	const struct options *o = c->o;
	int e;

	if (!(o->file_bytes && c->ng.bytes >= o->file_bytes) && !(o->file_ns && clock_ns(CLOCK_MONOTONIC) - c->file_began_ns >= o->file_ns))
		return 0;
	e = end_file(c);
	return e ? e : begin_file(c);
}

/* -- packets -- */
/* The frame as a trace shows packets: from the network header on. */
static void as_event(const struct ctl_frame *f, const u8 *data, struct trace_event *ev)
{
	u32 at = 0;
	u16 type = 0;

	*ev = (struct trace_event){ .len = f->len };
	if (f->link_header && f->caplen >= ETH_HDR_LEN) {
		at = ETH_HDR_LEN;
		type = (u16)(data[12] << 8 | data[13]);
		while ((type == ETH_P_8021Q || type == ETH_P_8021AD) && f->caplen >= at + VLAN_HDR_LEN) {
			type = (u16)(data[at + 2] << 8 | data[at + 3]);
			at += VLAN_HDR_LEN;
		}
		if (type != ETH_P_IP && type != ETH_P_IPV6)
			at = 0;
	} else if (!f->link_header && f->caplen) {
		type = data[0] >> 4 == 6 ? ETH_P_IPV6 : ETH_P_IP;
	}
	ev->protocol = cpu_to_be16(type);
	ev->caplen = (u16)MIN(f->caplen - at, (u32)sizeof(ev->bytes));
	memcpy(ev->bytes, data + at, ev->caplen);
}

static void show_line(struct capture *c, const struct ctl_frame *f, const u8 *data)
{
	u64 t = f->time_ns + (u64)c->ng.wall_minus_mono;
	time_t sec = (time_t)(t / NSEC_PER_SEC);
	struct trace_event ev;
	char where[64], what[512];
	struct tm tm;

	localtime_r(&sec, &tm);
	as_event(f, data, &ev);
	packet_summary(&ev, what, sizeof(what));
	pcapng_if_name(f->netns, f->dev, where, sizeof(where));
	fprintf(c->text, "%02d:%02d:%02d.%09llu %-16s %-4s %s%s%s\n", tm.tm_hour, tm.tm_min, tm.tm_sec, (unsigned long long)(t % NSEC_PER_SEC), where,
		f->what == CTL_FRAME_OUT ? "out" : f->what == CTL_FRAME_IN ? "in" : "DROP", what, f->what == CTL_FRAME_DROP ? "  dropped: " : "",
		f->what == CTL_FRAME_DROP ? skb_drop_reason_name(f->reason) : "");
}

static int one(struct capture *c, const struct ctl_frame *f, const u8 *data)
{
	int e = 0;

	if (f->what == CTL_FRAME_LOST)
		c->lost += f->lost;
	else if (c->over)
		return 0;
	if (c->ng.to) {
		e = rotate_if_due(c);
		if (!e)
			e = pcapng_frame(&c->ng, f, data);
	} else if (f->what != CTL_FRAME_LOST) {
		show_line(c, f, data);
	}
	if (f->what != CTL_FRAME_LOST)
		c->over = ++c->written == c->o->count;
	return e;
}

/* One message. 0, or -errno: -ECONNRESET when no more will come. */
static int take(struct capture *c, int sock, struct ctl_error *err)
{
	int fds[CTL_MAX_FDS], e;
	struct ctl_events h;
	struct ctl_frame f;
	unsigned type, nfds;
	size_t len, at = sizeof(h);

	e = ctl_recv(sock, &type, c->buf, CTL_MAX_BYTES, &len, fds, &nfds);
	while (nfds)
		close(fds[--nfds]);
	if (e)
		return e;
	if (type == CTL_ERROR && len == sizeof(*err)) {
		memcpy(err, c->buf, len);
		err->text[sizeof(err->text) - 1] = 0;
		return err->err < 0 ? err->err : -EPROTO;
	}
	if (type == CTL_OK)
		return 0;
	if (type != CTL_FRAMES || len < sizeof(h))
		return -EPROTO;
	memcpy(&h, c->buf, sizeof(h));
	for (u32 n = 0; n < h.count; n++) {
		if (len - at < sizeof(f))
			return -EPROTO;
		memcpy(&f, c->buf + at, sizeof(f));
		if (f.size < sizeof(f) || f.size % 8 || f.size > len - at || f.caplen > f.size - sizeof(f))
			return -EPROTO;
		f.netns[sizeof(f.netns) - 1] = f.dev[sizeof(f.dev) - 1] = 0;
		e = one(c, &f, c->buf + at + sizeof(f));
		if (e)
			return e;
		at += f.size;
	}
	if (fflush(c->ng.to ? c->ng.to : c->text))
		return -errno;
	return 0;
}

/* Until a signal, the limit, the end of the stack, or enough packets; then what is queued already. */
static int watch(struct capture *c, int sock, int sigfd, struct ctl_error *err)
{
	u64 end = c->o->seconds_ns ? clock_ns(CLOCK_MONOTONIC) + c->o->seconds_ns : UINT64_MAX;
	bool ending = false;

	for (;;) {
		struct pollfd p[2] = { { .fd = sock, .events = POLLIN }, { .fd = ending ? -1 : sigfd, .events = POLLIN } };
		u64 now = clock_ns(CLOCK_MONOTONIC), wait = end > now ? end - now : 0;
		int e;

		if (c->over || (ending && !wait))
			return 0;
		if (!ending && (!wait || p[1].revents)) {
			shutdown(sock, SHUT_WR); /* the stack sends what it has, and closes */
			ending = true;
			end = now + REST_NS;
			continue;
		}
		if (poll(p, 2, end == UINT64_MAX ? -1 : (int)MIN(wait / NSEC_PER_MSEC + 1, (u64)3600000)) < 0 && errno != EINTR)
			return -errno;
		if (p[1].revents)
			end = 0;
		else if (p[0].revents && (e = take(c, sock, err)))
			return e == -ECONNRESET ? 0 : e;
	}
}

static int subscribe(const struct options *o, int sock, const struct trace_filter *f, struct ctl_error *err)
{
	struct ctl_capture rq = o->q;
	int e;

	rq.filter = (struct ctl_trace){ .raw_len = f->raw_len, .eth_len = f->eth_len };
	e = ctl_send2(sock, CTL_CAPTURE, &rq, sizeof(rq), f->insns, (f->raw_len + f->eth_len) * sizeof(*f->insns), NULL, 0);
	if (e)
		ctl_error_set(err, e, "cannot ask for a capture: %s", strerror(-e));
	return e;
}

static int run(const struct options *o)
{
	struct capture c = { .o = o, .text = stdout, .ng = { .snaplen = o->q.snaplen, .filter = o->filter } };
	struct trace_filter filter = { 0 };
	struct ctl_error err = { 0 };
	int sock = -1, sigfd = -1, e, e2;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGINT, SIG_DFL); /* a script's background jobs ignore it, and what is ignored never arrives */
	signal(SIGPIPE, SIG_IGN); /* a closed output ends the capture in order */
	e = trace_filter_compile(o->filter, &filter, &err);
	if (!e)
		e = ctl_connect(o->name, &sock, &err);
	if (e)
		goto out;
	sigfd = signalfd(-1, &set, SFD_CLOEXEC);
	c.buf = malloc(CTL_MAX_BYTES);
	c.ng.wall_minus_mono = (s64)(clock_ns(CLOCK_REALTIME) - clock_ns(CLOCK_MONOTONIC));
	e = sigfd >= 0 && c.buf ? subscribe(o, sock, &filter, &err) : -ENOMEM;
	if (!e)
		e = take(&c, sock, &err); /* the answer: it runs */
	if (!e && o->file && (e = begin_file(&c)))
		ctl_error_set(&err, e, "cannot write %.160s: %s", o->file, strerror(-e));
	if (!e) {
		fprintf(stderr, "capturing in %s, snapshot length %u bytes\n", o->name, o->q.snaplen);
		e = watch(&c, sock, sigfd, &err);
	}
	e2 = end_file(&c);
	e = e ? e : e2;
	if (e == -EPIPE)
		e = 0; /* whoever reads has seen enough */
	if (!err.text[0] && e != -ENOMEM)
		fprintf(stderr, "%llu packets captured, %llu lost because this reader was too slow\n", (unsigned long long)c.written,
			(unsigned long long)c.lost);
out:
	if (e)
		complain("%s", err.text[0] ? err.text : strerror(-e));
	if (sock >= 0)
		close(sock);
	if (sigfd >= 0)
		close(sigfd);
	free(c.ng.ifs);
	free(c.buf);
	trace_filter_free(&filter);
	return e ? 1 : 0;
}

/* DEVICE or NETNS/DEVICE or NETNS/. */
static bool parse_device(const char *s, struct ctl_capture *q)
{
	const char *slash = strchr(s, '/'), *dev = slash ? slash + 1 : s;
	size_t n = slash ? (size_t)(slash - s) : 0;

	if (n >= sizeof(q->netns) || strlen(dev) >= sizeof(q->dev) || (!n && !dev[0]))
		return false;
	memcpy(q->netns, s, n);
	memcpy(q->dev, dev, strlen(dev));
	return true;
}

static int capture(int argc, char **argv)
{
	static const struct option longs[] = { { "name", required_argument, NULL, 'n' }, { "for", required_argument, NULL, 'f' },
					       { "drops", no_argument, NULL, 'd' }, { "help", no_argument, NULL, 'h' }, { 0 } };
	struct options o = { .q = { .snaplen = CTL_SNAPLEN_MAX } };
	char name[CTL_NAME_MAX], *filter, *end;
	struct ctl_error err = { 0 };
	const char *given = NULL;
	int ch, status;
	double s;
	u64 v;

	while ((ch = getopt_long(argc, argv, "+:n:w:s:c:i:C:W:G:h", longs, NULL)) != -1) {
		switch (ch) {
		case 'n':
			given = optarg;
			break;
		case 'w':
			o.file = optarg;
			break;
		case 's':
			if (parse_number(optarg, 0, UINT32_MAX, &v))
				return usage_error(&cmd_capture, "-s takes a number of bytes, not '%s'", optarg);
			o.q.snaplen = v && v < CTL_SNAPLEN_MAX ? (u32)v : CTL_SNAPLEN_MAX;
			break;
		case 'c':
			if (parse_number(optarg, 1, UINT32_MAX, &o.count))
				return usage_error(&cmd_capture, "-c takes a number of packets, not '%s'", optarg);
			break;
		case 'i':
			if (!parse_device(optarg, &o.q))
				return usage_error(&cmd_capture, "-i takes DEVICE, NETNS/DEVICE or NETNS/, not '%s'", optarg);
			break;
		case 'C':
			if (parse_number(optarg, 1, 1000000, &v))
				return usage_error(&cmd_capture, "-C takes millions of bytes, not '%s'", optarg);
			o.file_bytes = v * 1000000;
			break;
		case 'W':
			if (parse_number(optarg, 1, 1000000, &o.files))
				return usage_error(&cmd_capture, "-W takes a number of files, not '%s'", optarg);
			break;
		case 'G':
			if (parse_number(optarg, 1, 1000000000, &v))
				return usage_error(&cmd_capture, "-G takes a number of seconds, not '%s'", optarg);
			o.file_ns = v * NSEC_PER_SEC;
			break;
		case 'd':
			o.q.drops = 1;
			break;
		case 'f':
			s = strtod(optarg, &end);
			if (*end || end == optarg || !(s > 0 && s < 1e9))
				return usage_error(&cmd_capture, "--for takes a number of seconds, not '%s'", optarg);
			o.seconds_ns = (u64)(s * 1e9);
			break;
		case 'h':
			return show_help(&cmd_capture);
		default:
			return usage_error(&cmd_capture, ch == ':' ? "'%s' needs a value" : "there is no option '%s'", argv[optind - 1]);
		}
	}
	if ((o.file_bytes || o.file_ns) && (!o.file || !strcmp(o.file, "-")))
		return usage_error(&cmd_capture, "-C and -G go with -w FILE");
	if (o.files && !o.file_bytes)
		return usage_error(&cmd_capture, "-W goes with -C");
	if (o.file_bytes && o.file_ns)
		return usage_error(&cmd_capture, "a file ends by its size (-C) or by time (-G), not by both");
	if (o.file && !strcmp(o.file, "-") && isatty(STDOUT_FILENO))
		return usage_error(&cmd_capture, "a capture is not for a terminal to read; leave -w out for a line a packet");
	if (pick_name(given, name, &err)) {
		complain("%s", err.text);
		return 1;
	}
	filter = join_arguments(argc - optind, argv + optind);
	if (!filter)
		return 1;
	o.name = name;
	o.filter = filter;
	status = run(&o);
	free(filter);
	return status;
}

const struct command cmd_capture = {
	.name = "capture",
	.run = capture,
	.synopsis = "[-n NAME] [-w FILE] [-i [NETNS/]DEVICE] [-s SNAPLEN] [-c PACKETS] [--for SECONDS] [--drops] [FILTER]",
	.summary = "Capture packets on all devices of all namespaces, and what is dropped, with the reason",
	.help = "  -n NAME        which stack (default: $WEFT_NAME, or the only one)\n"
		"  -w FILE        write a pcapng file for wireshark, tshark and others; - is standard output. Without it, a line a packet\n"
		"  -i DEVICE      only on that device; NETNS/DEVICE: of that namespace; NETNS/: all of that namespace\n"
		"  -s SNAPLEN     bytes kept of each packet (default and at most 98304)\n"
		"  -c PACKETS     end after so many\n"
		"  --for SECONDS  end after this time\n"
		"  --drops        only what is dropped\n"
		"  -C MILLIONS    begin a new file after so many millions of bytes: FILE, FILE1, FILE2 …\n"
		"  -W FILES       keep so many of them: FILE0 …, round and round\n"
		"  -G SECONDS     begin a new file after this time; FILE's name is made by strftime(3)\n\n"
		"FILTER is pcap-filter(7)'s language; without one, every packet is captured. Packets are matched where the stack meets them first, from\n"
		"their IP header on, and are then seen on every device; conditions on Ethernet addresses match only frames without one, such as ARP.\n",
};
