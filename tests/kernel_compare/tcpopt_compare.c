/* TCP's socket options in every state of a connection, on this machine's kernel and on weft: what can be read, what can be set, what a
 * child gets from its listener, and connections taken apart and put together again with TCP_REPAIR.
 *
 * Each option gets a connection of its own in each state. Needs a private network namespace: makes one.
 */
#include <linux/tcp.h>

#include "tests/kernel_compare/both_sides.h"

enum { PORT = 7100, OPTIONS = 47, FORCE_REUSE = 2 };
enum { OPT_RTO_MAX_MS = 44, OPT_RTO_MIN_US = 45, OPT_DELACK_MAX_US = 46 };

/* Whose bytes are each side's own, or of the moment; and those that this kernel was built without, or weft. */
enum { SKIP = 1, NO_BYTES = 2 };
/* Timers' bounds are rounded to ticks, and so is what they show: weft's are those of a kernel at 250 Hz. */
static bool ticks_of_4ms(void)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0), v = 12001;
	socklen_t len = sizeof v;
	bool yes = fd >= 0 && !setsockopt(fd, IPPROTO_TCP, OPT_RTO_MIN_US, &v, sizeof v) && !getsockopt(fd, IPPROTO_TCP, OPT_RTO_MIN_US, &v, &len) && v == 16000;

	close(fd);
	return yes;
}
static const struct { int name, how; const char *why; } special[] = {
	{ TCP_INFO, NO_BYTES, "times and windows of the moment" },
	{ TCP_CONGESTION, NO_BYTES, "the default is each side's own" },
	{ TCP_CC_INFO, SKIP, "the default's, which is each side's own" },
	{ TCP_TIMESTAMP, NO_BYTES, "a clock with an offset" },
	{ TCP_QUEUE_SEQ, NO_BYTES, "sequence numbers" },
	{ TCP_REPAIR_WINDOW, NO_BYTES, "sequence numbers" },
	{ TCP_FASTOPEN_KEY, NO_BYTES, "each has its own" },
	{ TCP_SAVED_SYN, NO_BYTES, "ports and sequence numbers" },
	{ TCP_ZEROCOPY_RECEIVE, SKIP, "not built" },
	{ 38, SKIP, "TCP-AO: this kernel was built without" },
	{ 39, SKIP, "TCP-AO" }, { 40, SKIP, "TCP-AO" }, { 41, SKIP, "TCP-AO" }, { 42, SKIP, "TCP-AO" },
};
static int how(int name)
{
	for (size_t i = 0; i < sizeof special / sizeof *special; i++)
		if (special[i].name == name)
			return special[i].how;
	return name >= OPT_RTO_MAX_MS && name <= OPT_DELACK_MAX_US && !ticks_of_4ms() ? SKIP : 0;
}

/* -- connections -- */

struct conn { sock listener, client, server, other; };
enum { FIN_WAIT2 = 5, CLOSED = 7 }; /* tcpi_state */
enum { FRESH, BOUND, LISTENER, CONNECTING, CLIENT, SERVER, HALF_CLOSED, PEER_CLOSED, BOTH_CLOSED, RESET, DISSOLVED, STATES };
static const char *const state_names[] = { "fresh", "bound", "listener", "connecting", "client", "server", "half closed", "peer closed", "both closed", "reset", "dissolved" };
static const sock none = { .fd = -1 };
static bool is_none(sock s) { return s.fd < 0 && !s.s; }

/* What is asked of the sockets between their making and their first use. */
static int before_name = -1, before_value;
static int before_rc;

static struct conn connected(int backlog)
{
	struct conn c = { sk_new(SOCK_STREAM, 0), sk_new(SOCK_STREAM, 0), none, none };

	sk_int(c.listener, SOL_SOCKET, SO_REUSEADDR, 1);
	sk_bind(c.listener, PORT);
	if (before_name >= 0)
		before_rc = sk_int(c.listener, IPPROTO_TCP, before_name, before_value);
	sk_listen(c.listener, backlog);
	sk_connect(c.client, PORT);
	if (on_weft)
		weft_run_for(world, 1000000);
	return c;
}

static void settle(void)
{
	if (on_weft)
		weft_run_for(world, 1000000);
}

/* The kernel's ACKs may be delayed: until they are through. */
static void until(sock s, int state)
{
	struct tcp_info i = { 0 };
	socklen_t len = sizeof i;

	settle();
	for (int ms = 0; ms < PATIENCE_MS && !sk_getopt(s, IPPROTO_TCP, TCP_INFO, &i, &len) && i.tcpi_state != state && !on_weft; ms++) {
		usleep(1000);
		len = sizeof i;
	}
}

static struct conn make(int state)
{
	struct conn c = { none, none, none, none };
	struct linger l = { 1, 0 };
	struct sockaddr un = { .sa_family = AF_UNSPEC };

	if (state <= LISTENER) {
		c.client = sk_new(SOCK_STREAM, 0);
		if (state >= BOUND)
			sk_bind(c.client, PORT);
		if (state == LISTENER)
			sk_listen(c.client, 5);
		return c;
	}
	if (state == CONNECTING) { /* the accept queue is full: SYNs are not answered */
		c = connected(0);
		if (!on_weft)
			poll(&(struct pollfd){ .fd = c.listener.fd, .events = POLLIN }, 1, PATIENCE_MS);
		c.other = c.client;
		c.client = sk_new(SOCK_STREAM, 0);
		sk_connect(c.client, PORT);
		settle();
		return c;
	}
	c = connected(5);
	c.server = sk_accept(c.listener);
	switch (state) {
	case SERVER: {
		sock s = c.client;
		c.client = c.server;
		c.server = s;
		break;
	}
	case HALF_CLOSED:
		sk_shutdown(c.client, SHUT_WR);
		until(c.client, FIN_WAIT2);
		break;
	case PEER_CLOSED:
		sk_shutdown(c.server, SHUT_WR);
		until(c.server, FIN_WAIT2);
		break;
	case BOTH_CLOSED:
		sk_shutdown(c.server, SHUT_WR);
		until(c.server, FIN_WAIT2);
		sk_shutdown(c.client, SHUT_WR);
		until(c.client, CLOSED);
		break;
	case RESET:
		sk_opt(c.server, SOL_SOCKET, SO_LINGER, &l, sizeof l);
		sk_end(c.server);
		c.server = none;
		break;
	case DISSOLVED:
		if (on_weft)
			weft_connect(c.client.s, &un, sizeof un);
		else if (connect(c.client.fd, &un, sizeof un))
			perror("AF_UNSPEC");
		break;
	}
	settle();
	return c;
}

static void end(struct conn c)
{
	const struct linger l = { 1, 0 };
	const sock all[] = { c.client, c.server, c.other, c.listener };

	for (size_t i = 0; i < 4; i++) { /* no TIME-WAIT is left that would hold the port */
		if (is_none(all[i]))
			continue;
		sk_opt(all[i], SOL_SOCKET, SO_LINGER, &l, sizeof l);
		sk_end(all[i]);
	}
	settle();
}

/* -- options in every state -- */

static void say_get(sock s, int name, socklen_t room)
{
	unsigned char v[512];
	socklen_t len = room;
	int err;

	memset(v, 0xee, sizeof v);
	err = sk_getopt(s, IPPROTO_TCP, name, v, &len);
	say("%s", err ? result(err) : "");
	for (unsigned i = 0; !err && i < len && i < 12 && !(how(name) & NO_BYTES); i++)
		say("%02x", v[i]);
	say(err ? " " : "/%u ", len);
}

static void one_option(int state, int name)
{
	static const int values[] = { 0, 1, -1, 2, 3, -2, 40, 127, 128, 500, 1000, 4001, 8000, 12001, 120000, 200000, 2147483647 };
	unsigned char wide[64] = { 0 };
	struct conn c = make(state);

	say("%s %d: ", state_names[state], name);
	say_get(c.client, name, 4);
	say_get(c.client, name, 0);
	say_get(c.client, name, 2);
	say_get(c.client, name, 500);
	say(" set 3 %s,", result(sk_opt(c.client, IPPROTO_TCP, name, wide, 3)));
	for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
		say(" %d %s ", values[i], result(sk_int(c.client, IPPROTO_TCP, name, values[i])));
		say_get(c.client, name, 4);
	}
	memcpy(wide, &(int){ 1 }, 4);
	say(" set 20 %s,", result(sk_opt(c.client, IPPROTO_TCP, name, wide, 20)));
	say("\n");
	end(c);
}

static void states(int from, int to)
{
	for (int s = from; s < to; s++)
		for (int name = 0; name <= OPTIONS; name++)
			if (how(name) != SKIP)
				one_option(s, name);
}
static void states_before(void) { states(FRESH, CONNECTING); }
static void states_open(void) { states(CONNECTING, HALF_CLOSED); }
static void states_closing(void) { states(HALF_CLOSED, STATES); }

/* What a listener's children begin with. */
static void inheritance(void)
{
	static const int values[] = { 1, 2, 3, 30, 2000, 20000, 100000 };

	for (int name = 0; name <= OPTIONS; name++) {
		if (how(name) || name == TCP_REPAIR)
			continue;
		for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
			struct conn c;

			before_name = name;
			before_value = values[i];
			c = connected(5);
			if (name != TCP_DEFER_ACCEPT) {
				c.server = sk_accept(c.listener);
				say("%d = %d: %s, ", name, values[i], result(before_rc));
				say_get(c.listener, name, 4);
				say_get(c.server, name, 4);
				say("\n");
			}
			end(c);
		}
	}
	before_name = -1;
}

/* -- repair -- */

static char stream[200000];
static void fill(void)
{
	for (size_t i = 0; i < sizeof stream; i++)
		stream[i] = (char)(i * 7 + (i >> 9));
}

static int get_int(sock s, int level, int name)
{
	int v = 0;
	socklen_t len = sizeof v;
	int err = sk_getopt(s, level, name, &v, &len);

	return err ? err : v;
}

static void say_peek(const char *what, sock s, size_t room, int flags)
{
	static char buf[sizeof stream];
	struct iovec v = { buf, room };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1 };
	ssize_t rc;
	unsigned sum = 0;

	memset(buf, 0, sizeof buf);
	rc = sk_recv(s, &m, flags | MSG_DONTWAIT);
	for (ssize_t i = 0; i < rc && i < (ssize_t)room; i++)
		sum = sum * 31 + (unsigned char)buf[i];
	say("  %s: %s", what, result(rc));
	say(" sum %u\n", sum);
}

struct saved {
	uint32_t snd, rcv, stamp;
	struct tcp_repair_window win;
	struct tcp_info info;
	int mss;
};

static void say_info(const char *what, sock s)
{
	struct tcp_info i = { 0 };
	socklen_t len = sizeof i;

	sk_getopt(s, IPPROTO_TCP, TCP_INFO, &i, &len);
	say("  %s: state %u options %x scales %u %u mss %u %u pmtu %u advmss %u unacked %u notsent %u, %llu bytes sent, window %d clamp %d\n", what,
	    i.tcpi_state, i.tcpi_options & 7, i.tcpi_snd_wscale, i.tcpi_rcv_wscale, i.tcpi_snd_mss, i.tcpi_rcv_mss, i.tcpi_pmtu, i.tcpi_advmss,
	    i.tcpi_unacked, i.tcpi_notsent_bytes, (unsigned long long)i.tcpi_bytes_sent, i.tcpi_snd_wnd != 0, get_int(s, IPPROTO_TCP, TCP_WINDOW_CLAMP));
}

/* What CRIU asks of a connection that it takes down. */
static struct saved take(sock s)
{
	struct saved v = { 0 };
	socklen_t len = sizeof v.win;

	say("  repair %s, ", result(sk_int(s, IPPROTO_TCP, TCP_REPAIR, 1)));
	say("reuse %d, queue %d, ", get_int(s, SOL_SOCKET, SO_REUSEADDR), get_int(s, IPPROTO_TCP, TCP_REPAIR_QUEUE));
	say("seq without a queue %s\n", result(get_int(s, IPPROTO_TCP, TCP_QUEUE_SEQ)));
	say_peek("read", s, 10, 0);
	say_peek("peek no queue", s, 10, MSG_PEEK);
	sk_int(s, IPPROTO_TCP, TCP_REPAIR_QUEUE, TCP_SEND_QUEUE);
	v.snd = (uint32_t)get_int(s, IPPROTO_TCP, TCP_QUEUE_SEQ);
	say_peek("send queue", s, sizeof stream, MSG_PEEK);
	say_peek("part of it", s, 10, MSG_PEEK);
	sk_int(s, IPPROTO_TCP, TCP_REPAIR_QUEUE, TCP_RECV_QUEUE);
	v.rcv = (uint32_t)get_int(s, IPPROTO_TCP, TCP_QUEUE_SEQ);
	say_peek("receive queue", s, sizeof stream, MSG_PEEK);
	say_peek("part of it", s, 10, MSG_PEEK);
	say("  window %s\n", result(sk_getopt(s, IPPROTO_TCP, TCP_REPAIR_WINDOW, &v.win, &len)));
	v.stamp = (uint32_t)get_int(s, IPPROTO_TCP, TCP_TIMESTAMP);
	v.mss = get_int(s, IPPROTO_TCP, TCP_MAXSEG);
	len = sizeof v.info;
	sk_getopt(s, IPPROTO_TCP, TCP_INFO, &v.info, &len);
	say("  sequence numbers %s, options %s, rest %s\n", result(sk_int(s, IPPROTO_TCP, TCP_QUEUE_SEQ, 1)),
	    v.info.tcpi_options & 7 ? "yes" : "no", result(sk_send(s, -1, "x", 0, 0, NULL, 0)));
	return v;
}

/* And of one that it puts up again: where the old one was, its listener still there. */
static sock put(const struct saved *v, int from, int to, const char *unread, size_t n_unread, const char *unacked, size_t n_unacked, bool options)
{
	sock s = sk_new(SOCK_STREAM, 0);
	struct tcp_repair_opt o[4] = { { 2, (uint32_t)v->info.tcpi_snd_mss + 12 }, { 3, (uint32_t)(v->info.tcpi_snd_wscale | v->info.tcpi_rcv_wscale << 16) }, { 4, 0 }, { 8, 0 } };
	struct tcp_repair_opt bad[] = { { 3, 15 }, { 3, 15 << 16 }, { 4, 1 }, { 8, 1 }, { 77, 5 } };
	struct tcp_repair_window w = v->win;

	say("  repair %s", result(sk_int(s, IPPROTO_TCP, TCP_REPAIR, 1)));
	say(", bind %s", result(sk_bind(s, from)));
	sk_int(s, IPPROTO_TCP, TCP_REPAIR_QUEUE, TCP_SEND_QUEUE);
	say(", seq %s", result(sk_int(s, IPPROTO_TCP, TCP_QUEUE_SEQ, (int)(v->snd - (uint32_t)n_unacked))));
	sk_int(s, IPPROTO_TCP, TCP_REPAIR_QUEUE, TCP_RECV_QUEUE);
	say(" %s", result(sk_int(s, IPPROTO_TCP, TCP_QUEUE_SEQ, (int)(v->rcv - (uint32_t)n_unread))));
	say(" read back %d", (uint32_t)get_int(s, IPPROTO_TCP, TCP_QUEUE_SEQ) == v->rcv - (uint32_t)n_unread);
	say(", options of what is closed %s", result(sk_opt(s, IPPROTO_TCP, TCP_REPAIR_OPTIONS, o, sizeof o)));
	say(", data %s", result(sk_send(s, -1, "x", 1, MSG_NOSIGNAL, NULL, 0)));
	say(", connect %s", result(sk_connect(s, to)));
	say(", again %s\n", result(sk_connect(s, to)));
	say_info("connected", s);
	for (size_t i = 0; i < 5; i++)
		say("  bad %zu %s", i, result(sk_opt(s, IPPROTO_TCP, TCP_REPAIR_OPTIONS, &bad[i], sizeof bad[i])));
	if (options)
		say("\n  options %s", result(sk_opt(s, IPPROTO_TCP, TCP_REPAIR_OPTIONS, o, sizeof o)));
	say(", clock %s", result(sk_int(s, IPPROTO_TCP, TCP_TIMESTAMP, (int)v->stamp)));
	say(" as set %d", (uint32_t)get_int(s, IPPROTO_TCP, TCP_TIMESTAMP) - v->stamp < 1000);
	if (n_unread) {
		say(", unread %s", result(sk_send(s, -1, unread, n_unread, 0, NULL, 0)));
	}
	sk_int(s, IPPROTO_TCP, TCP_REPAIR_QUEUE, TCP_NO_QUEUE);
	say(", no queue %s", result(sk_send(s, -1, "x", 1, MSG_NOSIGNAL, NULL, 0)));
	sk_int(s, IPPROTO_TCP, TCP_REPAIR_QUEUE, TCP_SEND_QUEUE);
	if (n_unacked)
		say(", unacknowledged %s", result(sk_send(s, -1, unacked, n_unacked, 0, NULL, 0)));
	w.max_window = w.snd_wnd - 1;
	say(", windows %s", result(sk_opt(s, IPPROTO_TCP, TCP_REPAIR_WINDOW, &w, sizeof w)));
	w = v->win;
	w.rcv_wup = v->rcv + 1;
	say(" %s", result(sk_opt(s, IPPROTO_TCP, TCP_REPAIR_WINDOW, &w, sizeof w)));
	w = v->win;
	w.snd_wl1 = v->rcv + w.rcv_wnd + 1;
	say(" %s", result(sk_opt(s, IPPROTO_TCP, TCP_REPAIR_WINDOW, &w, sizeof w)));
	say(" %s", result(sk_opt(s, IPPROTO_TCP, TCP_REPAIR_WINDOW, &v->win, sizeof v->win - 1)));
	say(" %s\n", result(sk_opt(s, IPPROTO_TCP, TCP_REPAIR_WINDOW, &v->win, sizeof v->win)));
	say_info("filled", s);
	return s;
}

static void say_exact(const char *what, sock s, size_t n)
{
	static char buf[sizeof stream];
	size_t got = 0;
	unsigned sum = 0;
	ssize_t rc = 1;

	for (int tries = 0; got < n && tries < 100 && rc; tries++) {
		struct iovec v = { buf + got, n - got };
		struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1 };

		rc = sk_recv(s, &m, 0);
		got += rc > 0 ? (size_t)rc : 0;
		if (on_weft)
			weft_run_for(world, 300000000);
	}
	for (size_t i = 0; i < got; i++)
		sum = sum * 31 + (unsigned char)buf[i];
	say("  %s: %zu sum %u\n", what, got, sum);
}

static int local_port(sock s)
{
	struct sockaddr_in a;
	socklen_t len = sizeof a;
	int err = on_weft ? weft_getsockname(s.s, (struct sockaddr_storage *)&a, &len) : getsockname(s.fd, (struct sockaddr *)&a, &len);

	return err ? 0 : ntohs(a.sin_port);
}

/* One end of a connection is taken down and put up again, with and without data in its queues; the other end notices nothing. */
static void repair(void)
{
	fill();
	for (int round = 0; round < 4; round++) {
		struct conn c = make(round & 1 ? SERVER : CLIENT);
		int from = local_port(c.client), to = local_port(c.server);
		size_t unread = round > 1 ? 100 : 0;
		struct saved v;
		sock again;

		say("round %d\n", round);
		if (unread)
			sk_send(c.server, -1, stream, unread, 0, NULL, 0);
		v = take(c.client);
		sk_end(c.client);
		settle();
		say("  peer's poll %d\n", on_weft ? (int)weft_poll(c.server.s) & (POLLIN | POLLHUP | POLLERR) : poll(&(struct pollfd){ .fd = c.server.fd, .events = POLLIN }, 1, 20));
		/* The 300 bytes that it thinks unacknowledged the peer had before, other ones: it acknowledges them. */
		again = put(&v, from, to, stream, unread, stream + 1000, round > 1 ? 300 : 0, true);
		sk_send(c.server, -1, "to", 2, 0, NULL, 0);
		say("  off %s", result(sk_int(again, IPPROTO_TCP, TCP_REPAIR, round & 1 ? 0 : -1)));
		say(", reuse %d\n", get_int(again, SOL_SOCKET, SO_REUSEADDR));
		sk_send(again, -1, "and fro", 7, 0, NULL, 0);
		say_exact("there", c.server, 7);
		say_exact("and back", again, unread + 2);
		say_info("goes on", again);
		c.client = again;
		end(c);
	}
}

/* Much in both queues: what a send takes, what is shown, and that it arrives. */
static void repair_much(void)
{
	struct saved v = { .snd = 0x11223344, .rcv = 0x55667788, .info.tcpi_snd_mss = 1448, .info.tcpi_snd_wscale = 7, .info.tcpi_rcv_wscale = 7 };
	static const size_t sizes[] = { 1, 4095, 4096, 4097, 10000, 65536, 70000, 73727, 80000, 200000 };
	static bool small; /* whoever is not root in earnest keeps to the usual buffers */
	sock a, b;

	fill();
	v.win = (struct tcp_repair_window){ .snd_wl1 = v.rcv - 1, .snd_wnd = 60000, .max_window = 60000, .rcv_wnd = 60000, .rcv_wup = v.rcv };
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		a = sk_new(SOCK_STREAM, 0);
		small = small || (!on_weft && sk_int(a, SOL_SOCKET, SO_RCVBUFFORCE, 1 << 20));
		if (on_weft && !small)
			sk_int(a, SOL_SOCKET, SO_RCVBUFFORCE, 1 << 20);
		if (small && sizes[i] > 10000) {
			sk_end(a);
			continue;
		}
		if (!small)
			sk_int(a, SOL_SOCKET, SO_SNDBUFFORCE, 1 << 20);
		sk_int(a, IPPROTO_TCP, TCP_REPAIR, 1);
		sk_bind(a, 7201);
		say("connect %s, ", result(sk_connect(a, 7202)));
		sk_int(a, IPPROTO_TCP, TCP_REPAIR_QUEUE, TCP_RECV_QUEUE);
		say("received %s, ", result(sk_send(a, -1, stream, sizes[i], 0, NULL, 0)));
		sk_int(a, IPPROTO_TCP, TCP_REPAIR_QUEUE, TCP_SEND_QUEUE);
		say("sent %s\n", result(sk_send(a, -1, stream, sizes[i], 0, NULL, 0)));
		say_peek("all", a, sizeof stream, MSG_PEEK);
		say_peek("some", a, sizes[i] / 2, MSG_PEEK);
		sk_int(a, IPPROTO_TCP, TCP_REPAIR_QUEUE, TCP_RECV_QUEUE);
		say_peek("all", a, sizeof stream, MSG_PEEK);
		say("  shutdown %s\n", result(sk_shutdown(a, SHUT_WR)));
		sk_end(a);
	}
	/* Two that were never connected find each other. */
	a = sk_new(SOCK_STREAM, 0);
	b = sk_new(SOCK_STREAM, 0);
	for (int i = 0; i < 2; i++) {
		sock s = i ? b : a;

		sk_int(s, IPPROTO_TCP, TCP_REPAIR, 1);
		sk_bind(s, 7203 + i);
		sk_int(s, IPPROTO_TCP, TCP_REPAIR_QUEUE, TCP_SEND_QUEUE);
		sk_int(s, IPPROTO_TCP, TCP_QUEUE_SEQ, i ? (int)v.rcv : (int)v.snd);
		sk_int(s, IPPROTO_TCP, TCP_REPAIR_QUEUE, TCP_RECV_QUEUE);
		sk_int(s, IPPROTO_TCP, TCP_QUEUE_SEQ, i ? (int)v.snd : (int)v.rcv);
		say("connect %s ", result(sk_connect(s, 7204 - i)));
	}
	sk_int(a, IPPROTO_TCP, TCP_REPAIR_QUEUE, TCP_SEND_QUEUE);
	say("queued %s\n", result(sk_send(a, -1, stream, 3000, 0, NULL, 0)));
	for (int i = 0; i < 2; i++) {
		v.win.snd_wl1 = (i ? v.snd : v.rcv) - 1;
		v.win.rcv_wup = i ? v.snd : v.rcv;
		say("window %s ", result(sk_opt(i ? b : a, IPPROTO_TCP, TCP_REPAIR_WINDOW, &v.win, sizeof v.win)));
	}
	sk_int(b, IPPROTO_TCP, TCP_REPAIR, -1);
	say("off %s\n", result(sk_int(a, IPPROTO_TCP, TCP_REPAIR, 0)));
	say("more %s\n", result(sk_send(a, -1, stream + 3000, 2000, 0, NULL, 0)));
	say_exact("all of it", b, 5000); /* by the retransmission timeout */
	say("back %s\n", result(sk_send(b, -1, stream, 50, 0, NULL, 0)));
	say_exact("it", a, 50);
	/* Closed under repair, it says nothing; dissolved, it says so to its own program alone. */
	sk_int(a, IPPROTO_TCP, TCP_REPAIR, 1);
	if (on_weft)
		weft_connect(a.s, &(struct sockaddr){ .sa_family = AF_UNSPEC }, sizeof(struct sockaddr));
	else if (connect(a.fd, &(struct sockaddr){ .sa_family = AF_UNSPEC }, sizeof(struct sockaddr)))
		perror("AF_UNSPEC");
	say("SO_ERROR %d, still repaired %d\n", get_int(a, SOL_SOCKET, SO_ERROR), get_int(a, IPPROTO_TCP, TCP_REPAIR));
	say("the other's SO_ERROR %d\n", get_int(b, SOL_SOCKET, SO_ERROR));
	sk_int(b, IPPROTO_TCP, TCP_REPAIR, 1);
	sk_end(a);
	sk_end(b);
}

/* -- /proc/sys/net/ipv4/tcp_* -- */

static int sysctl_set(const char *name, const char *v)
{
	char path[128];
	int fd;
	ssize_t n;

	snprintf(path, sizeof path, on_weft ? "net.ipv4.%s" : "/proc/sys/net/ipv4/%s", name);
	if (on_weft)
		return weft_sysctl_set(net, path, v);
	if ((fd = open(path, O_WRONLY)) < 0)
		return -errno;
	n = write(fd, v, strlen(v));
	n = n < 0 ? -errno : 0;
	close(fd);
	return (int)n;
}
static int sysctl_get(const char *name, char *buf, size_t size)
{
	char path[128];
	int fd;
	ssize_t n;

	snprintf(path, sizeof path, on_weft ? "net.ipv4.%s" : "/proc/sys/net/ipv4/%s", name);
	if (on_weft)
		return weft_sysctl_get(net, path, buf, size);
	if ((fd = open(path, O_RDONLY)) < 0)
		return -errno;
	n = read(fd, buf, size - 1);
	n = n < 0 ? -errno : n;
	close(fd);
	buf[n < 0 ? 0 : n] = 0;
	return n < 0 ? (int)n : 0;
}

/* Each one that the kernel has: default, what it takes, and what it refuses. */
static void sysctls(void)
{
	static const char *const own[] = { "tcp_congestion_control", "tcp_available_congestion_control", "tcp_allowed_congestion_control",
					   "tcp_ehash_entries", "tcp_fastopen_key", "tcp_ecn" };
	static const char *const values[] = { "0", "1", "2", "3", "4", "5", "6", "31", "32", "48", "64", "127", "128", "255", "256", "257", "999", "1000",
					      "1001", "4096", "60000", "60001", "65535", "65536", "86400", "86401", "120000", "120001", "1000000", "2147483",
					      "2147484", "16777216", "16777217", "2147483647", "2147483648", "4294967295", "4294967296", "18446744073709551615",
					      "-1", "-2", "-31", "-32", "-2147483648", "-2147483649", "x", "1x", "", " 7", "7 8", "0x10", "010", "1 2 3" };
	static char names[128][64];
	static int count;

	if (!count) { /* the kernel's turn comes first */
		FILE *f = popen("ls /proc/sys/net/ipv4", "r");
		char line[64];

		while (f && count < 128 && fgets(line, sizeof line, f))
			if (!strncmp(line, "tcp_", 4) && sscanf(line, "%63s", names[count]) == 1)
				count++;
		if (f)
			pclose(f);
	}
	for (int i = 0; i < count; i++) {
		char was[256], is[256];
		bool ms = !strcmp(names[i], "tcp_invalid_ratelimit"), skip = ms && !ticks_of_4ms(); /* in ticks, with what Linux makes of more than an int */
		int err = sysctl_get(names[i], was, sizeof was);

		for (size_t k = 0; k < sizeof own / sizeof *own; k++)
			skip |= !strcmp(names[i], own[k]);
		was[strcspn(was, "\n")] = 0;
		say("%s: %s %s;", names[i], result(err), skip ? "" : was);
		for (size_t k = 0; k < sizeof values / sizeof *values && !skip; k++) {
			if (ms && (strtoll(values[k], NULL, 0) > INT32_MAX || strtoll(values[k], NULL, 0) < INT32_MIN))
				continue;
			say(" [%s] %s", values[k], result(sysctl_set(names[i], values[k])));
			if (sysctl_get(names[i], is, sizeof is))
				continue;
			is[strcspn(is, "\n")] = 0;
			if (strcmp(is, was))
				say(" -> %s", is);
			sysctl_set(names[i], was);
		}
		say("\n");
	}
}

/* What waits at a listener that closes goes to another of its group, or nowhere (tcp_migrate_req). */
static void migrate(void)
{
	for (int on = 0; on < 2; on++) {
		sock l[2], c[16];
		sock s[16];
		int accepted = 0, open = 0;

		say("tcp_migrate_req %s: ", result(sysctl_set("tcp_migrate_req", on ? "1" : "0")));
		for (int i = 0; i < 2; i++) {
			l[i] = sk_new(SOCK_STREAM, 0);
			sk_int(l[i], SOL_SOCKET, SO_REUSEPORT, 1);
			sk_bind(l[i], 7300);
			sk_listen(l[i], 64);
		}
		for (int i = 0; i < 16; i++) {
			c[i] = sk_new(SOCK_STREAM, 0);
			sk_connect(c[i], 7300);
			settle();
		}
		sk_end(l[0]);
		settle();
		for (int i = 0; i < 16; i++) {
			s[accepted] = none;
			accepted += on_weft ? !weft_accept(l[1].s, &s[accepted].s) : (s[accepted].fd = accept4(l[1].fd, NULL, NULL, SOCK_NONBLOCK)) >= 0;
		}
		for (int i = 0; i < 16; i++) {
			struct tcp_info info = { 0 };
			socklen_t len = sizeof info;

			sk_getopt(c[i], IPPROTO_TCP, TCP_INFO, &info, &len);
			open += info.tcpi_state == 1;
		}
		for (int i = 0; i < accepted; i++)
			sk_end(s[i]);
		say("all there %d, the others reset %d\n", accepted == 16, open == accepted);
		sk_end(l[1]);
		settle();
		for (int i = 0; i < 16; i++)
			sk_end(c[i]);
	}
	sysctl_set("tcp_migrate_req", "0");
}

/* -- segments by hand (RFC 9293, RFC 5961) -- */

enum { FIN = 1, SYN = 2, RST = 4, PSH = 8, ACK = 16 };

/* The connection's numbers: as TCP_REPAIR tells them, without a word to the peer. */
static void numbers(sock s, uint32_t *snd, uint32_t *rcv)
{
	sk_int(s, IPPROTO_TCP, TCP_REPAIR, 1);
	sk_int(s, IPPROTO_TCP, TCP_REPAIR_QUEUE, TCP_SEND_QUEUE);
	*snd = (uint32_t)get_int(s, IPPROTO_TCP, TCP_QUEUE_SEQ);
	sk_int(s, IPPROTO_TCP, TCP_REPAIR_QUEUE, TCP_RECV_QUEUE);
	*rcv = (uint32_t)get_int(s, IPPROTO_TCP, TCP_QUEUE_SEQ);
	sk_int(s, IPPROTO_TCP, TCP_REPAIR, -1);
}

static void inject(sock raw, int from, int to, uint32_t seq, uint32_t ack, int flags, size_t len)
{
	uint8_t b[20 + 64] = { 0 };
	uint32_t sum = 6 + 20 + (uint32_t)len + 2 * (0x7f00 + 0x0001), words[] = { htonl(seq), htonl(ack) };

	b[0] = (uint8_t)(from >> 8), b[1] = (uint8_t)from, b[2] = (uint8_t)(to >> 8), b[3] = (uint8_t)to;
	memcpy(b + 4, words, 8);
	b[12] = 5 << 4;
	b[13] = (uint8_t)flags;
	b[14] = 4; /* window */
	memset(b + 20, 'x', len);
	for (size_t i = 0; i < 20 + len; i++)
		sum += i % 2 ? b[i] : (uint32_t)b[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	b[16] = (uint8_t)(~sum >> 8), b[17] = (uint8_t)~sum;
	sk_send(raw, 0, b, 20 + len, 0, NULL, 0);
}

/* Into an established connection without timestamps, from one that guesses: what comes of it, and what is said. */
static void injection(void)
{
	static const struct { int flags; int32_t seq, ack; size_t len; } rows[] = {
		{ RST, 0, 0, 0 }, { RST, 1, 0, 0 }, { RST, 1000, 0, 0 }, { RST, -1, 0, 0 }, { RST, 100000, 0, 0 }, { RST | ACK, 0, 5, 0 }, { RST | ACK, 1, 0, 0 },
		{ SYN, 0, 0, 0 }, { SYN, 1, 0, 0 }, { SYN, 1000, 0, 0 }, { SYN, -1, 0, 0 }, { SYN, 100000, 0, 0 }, { SYN | ACK, 0, 0, 0 }, { SYN | ACK, 1000, 0, 0 },
		{ SYN | RST, 0, 0, 0 }, { SYN | RST, 1000, 0, 0 },
		{ ACK, 0, 0, 3 }, { ACK, 0, 1, 3 }, { ACK, 0, 1000000, 3 }, { ACK, 0, -1, 3 }, { ACK, 0, -100, 3 }, { ACK, 0, -65535, 3 }, { ACK, 0, -70000, 3 },
		{ ACK, 0, -2000000000, 3 }, { ACK, 0, 2000000000, 3 }, { ACK, 0, 1, 0 }, { ACK, 0, -1, 0 }, { ACK, 0, -1000000, 0 }, { ACK, -1, 0, 0 }, { ACK, 100, 0, 0 },
		{ ACK, 100, 0, 3 }, { ACK, 100000, 0, 3 }, { ACK, -100000, 0, 3 }, { ACK, -3, 0, 3 }, { ACK, -2, 0, 3 }, { PSH, 0, 0, 3 }, { 0, 0, 0, 0 }, { 0, 0, 0, 3 },
		{ FIN, 0, 0, 0 }, { FIN | ACK, 0, -100000, 0 }, { FIN | ACK, 0, 1000, 0 }, { FIN | ACK, 1, 0, 0 }, { FIN | ACK, 100000, 0, 0 }, { FIN | SYN, 0, 0, 0 }, { FIN | RST, 0, 0, 0 },
	};
	sock raw = sk_new(SOCK_RAW, IPPROTO_TCP);

	sysctl_set("tcp_timestamps", "0");
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct conn c = make(CLIENT);
		struct tcp_info info = { 0 };
		socklen_t len = sizeof info;
		uint32_t snd, rcv;
		uint8_t b[200];
		struct iovec v = { b, sizeof b };
		struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1 };
		ssize_t n;

		numbers(c.server, &snd, &rcv);
		while (sk_recv(raw, &m, MSG_DONTWAIT) >= 0)
			m.msg_namelen = 0;
		inject(raw, local_port(c.client), PORT, rcv + (uint32_t)rows[i].seq, snd + (uint32_t)rows[i].ack, rows[i].flags, rows[i].len);
		say("%x seq %d ack %d len %zu:", (unsigned)rows[i].flags, rows[i].seq, rows[i].ack, rows[i].len);
		while ((n = sk_recv(raw, &m, MSG_DONTWAIT)) >= 40)
			if (ntohs(*(uint16_t *)(b + 20)) == PORT) /* the server's answers */
				say(" %x %d", b[33], (int)(ntohl(*(uint32_t *)(b + 28)) - rcv));
		sk_getopt(c.server, IPPROTO_TCP, TCP_INFO, &info, &len);
		say(", state %u, error %d", info.tcpi_state, get_int(c.server, SOL_SOCKET, SO_ERROR));
		say_peek("got", c.server, 100, 0);
		end(c);
	}
	sysctl_set("tcp_timestamps", "1");
	sk_end(raw);
}

static const struct scene scenes[] = {
	{ "injection", injection },
	{ "sysctls", sysctls }, { "migrate", migrate },
	{ "repair", repair }, { "repair_much", repair_much },
	{ "states_before", states_before }, { "states_open", states_open }, { "states_closing", states_closing }, { "inheritance", inheritance },
};

int main(int argc, char **argv) { return run_scenes("tcpopt_compare", scenes, sizeof scenes / sizeof *scenes, argc, argv); }
