/* TCP's limits and the choice of local ports, on this machine's kernel and on weft: which parity bind(2) and connect(2) take first, what
 * they leave alone, when a range is used up, who may share a port, and what full queues and tables do. Chosen ports are random on both
 * sides: they are said by their parity, or counted. */
#include "tests/kernel_compare/both_sides.h"

#include <netinet/tcp.h>

#ifndef IP_LOCAL_PORT_RANGE
#define IP_LOCAL_PORT_RANGE 51
#endif

enum { LISTEN_AT = 7000, MANY = 24 };

static void sysctl(const char *name, const char *value)
{
	char path[96];

	if (on_weft) {
		snprintf(path, sizeof path, "net.ipv4.%s", name);
		for (char *p = path; (p = strchr(p, '/')); *p = '.')
			;
		if (weft_sysctl_set(net, !strcmp(name, "somaxconn") ? "net.core.somaxconn" : path, value))
			say("  %s: no such sysctl\n", name);
		return;
	}
	snprintf(path, sizeof path, "/proc/sys/net/%s/%s", !strcmp(name, "somaxconn") ? "core" : "ipv4", name);
	write_file(path, value);
}

static void settle(void)
{
	if (on_weft)
		weft_run_for(world, 1000000);
}
static int listen_on(sock s, int backlog) { return on_weft ? weft_listen(s.s, backlog) : listen(s.fd, backlog) ? -errno : 0; }
static int port_of(sock s)
{
	struct sockaddr_storage a = { 0 };
	socklen_t len = sizeof a;

	if (on_weft)
		weft_getsockname(s.s, &a, &len);
	else
		getsockname(s.fd, (struct sockaddr *)&a, &len);
	return ntohs(((struct sockaddr_in *)&a)->sin_port);
}
static sock tcp(void) { return sk_new(SOCK_STREAM, 0); }
static sock listener(int port, int backlog)
{
	sock l = tcp();

	sk_int(l, SOL_SOCKET, SO_REUSEADDR, 1);
	if (sk_bind(l, port) || listen_on(l, backlog))
		say("  no listener\n");
	return l;
}
static int connect_to(sock s, int port)
{
	int err = sk_connect(s, port);

	settle();
	return err == -EINPROGRESS ? 0 : err;
}
static int state_of(sock s)
{
	struct tcp_info i = { 0 };
	socklen_t len = sizeof i;

	if (on_weft)
		weft_getsockopt(s.s, IPPROTO_TCP, TCP_INFO, &i, &len);
	else
		getsockopt(s.fd, IPPROTO_TCP, TCP_INFO, &i, &len);
	return i.tcpi_state;
}
static int accept_one(sock l, sock *out)
{
	*out = (sock){ .fd = -1 };
	if (on_weft)
		return weft_accept(l.s, &out->s);
	return (out->fd = accept(l.fd, NULL, NULL)) < 0 ? -errno : 0;
}

/* Each socket in turn: the parity of its port, counted from the range's begin, or the error. Who connects in a range of his own, or one of
 * an odd number of ports, begins at either parity: of those, how many. */
static void use_up(bool binds, int n, int low, bool reuse, int opt, uint32_t optval)
{
	sock l = listener(LISTEN_AT, 100), s[MANY];
	int parity[2] = { 0 };
	bool mixed = !binds && (opt || low % 2);

	for (int i = 0; i < n; i++) {
		int err;

		s[i] = tcp();
		if (reuse)
			sk_int(s[i], SOL_SOCKET, SO_REUSEADDR, 1);
		if (opt)
			sk_opt(s[i], SOL_IP, opt, &optval, sizeof optval);
		err = binds ? sk_bind(s[i], 0) : connect_to(s[i], LISTEN_AT);
		if (err)
			say("  %d: %s\n", i, result(err));
		else if (mixed)
			parity[(port_of(s[i]) - low) % 2]++;
		else
			say("  %d: %s%s\n", i, (port_of(s[i]) - low) % 2 ? "odd" : "even", port_of(s[i]) < low ? " outside" : "");
	}
	if (mixed)
		say("  %d even, %d odd\n", parity[0], parity[1]);
	for (int i = 0; i < n; i++)
		sk_end(s[i]);
	sk_end(l);
	settle();
}

static void range(const char *ports) { sysctl("ip_local_port_range", ports); sysctl("tcp_tw_reuse", "0"); }

static void bind_parity(void) { range("50000 50009"); use_up(true, 12, 50000, false, 0, 0); }
static void bind_parity_odd_begin(void) { range("50101 50108"); use_up(true, 10, 50101, false, 0, 0); }
static void connect_parity(void) { range("50200 50209"); use_up(false, 12, 50200, false, 0, 0); }
static void connect_parity_odd_range(void) { range("50301 50307"); use_up(false, 9, 50301, false, 0, 0); }
static void bind_reuse(void) { range("50400 50409"); use_up(true, 12, 50400, true, 0, 0); }
static void own_range(void)
{
	range("50500 50599");
	use_up(true, 6, 50510, false, IP_LOCAL_PORT_RANGE, 50513u << 16 | 50510u);
	use_up(false, 6, 50520, false, IP_LOCAL_PORT_RANGE, 50523u << 16 | 50520u);
	use_up(true, 2, 50500, false, IP_LOCAL_PORT_RANGE, 60000u << 16 | 59990u);
}
static void reserved(void)
{
	range("50600 50607");
	sysctl("ip_local_reserved_ports", "50600-50603");
	use_up(true, 6, 50604, false, 0, 0);
	use_up(false, 6, 50604, false, 0, 0);
	sock s = tcp();
	say("  named: %s\n", result(sk_bind(s, 50601)));
	sk_end(s);
	sysctl("ip_local_reserved_ports", "");
}

/* Bound sockets and connecting ones share the range, but not a port. */
static void mixed(void)
{
	sock l, s[10];

	range("50700 50705");
	l = listener(LISTEN_AT, 100);
	for (int i = 0; i < 10; i++) {
		int err;
		s[i] = tcp();
		err = i % 2 ? connect_to(s[i], LISTEN_AT) : sk_bind(s[i], 0);
		say("  %d: %s\n", i, err ? result(err) : (port_of(s[i]) & 1) ? "odd" : "even");
	}
	for (int i = 0; i < 10; i++)
		sk_end(s[i]);
	sk_end(l);
	settle();
}

/* One port for several peers; bind without a port until connect. */
static void late_port(void)
{
	sock l[3], s[5];

	range("50800 50800");
	for (int i = 0; i < 3; i++)
		l[i] = listener(LISTEN_AT + i, 10);
	for (int i = 0; i < 5; i++) {
		int err;
		s[i] = tcp();
		if (i < 4)
			sk_int(s[i], SOL_IP, IP_BIND_ADDRESS_NO_PORT, 1);
		err = sk_bind(s[i], 0);
		say("  bind %s port %d", result(err), port_of(s[i]));
		err = connect_to(s[i], LISTEN_AT + i % 3);
		say(" connect %s port %d\n", result(err), port_of(s[i]));
	}
	for (int i = 0; i < 5; i++)
		sk_end(s[i]);
	for (int i = 0; i < 3; i++)
		sk_end(l[i]);
	settle();
}

/* The only port's connection is in TIME-WAIT: taken for that peer, free for another. */
static void time_wait_tuple(void)
{
	sock l = listener(LISTEN_AT, 10), other = listener(LISTEN_AT + 1, 10), c, a;

	range("50900 50900");
	c = tcp();
	say("  first %s", result(connect_to(c, LISTEN_AT)));
	say(" accept %s\n", result(accept_one(l, &a)));
	sk_end(c);
	settle();
	sk_end(a);
	settle();
	for (int i = 0; i < 2; i++) {
		c = tcp();
		say("  again %s\n", result(connect_to(c, LISTEN_AT + i)));
		sk_end(c);
	}
	c = tcp();
	say("  bind %s", result(sk_bind(c, 50900)));
	sk_int(c, SOL_SOCKET, SO_REUSEADDR, 1);
	say(" with SO_REUSEADDR %s\n", result(sk_bind(c, 50900)));
	sk_end(c);
	sk_end(l);
	sk_end(other);
	settle();
}

/* How many of `n` clients are through, and what the others are. */
static void crowd(int backlog, int n)
{
	sock l = listener(LISTEN_AT, backlog), c[MANY], a;
	int states[16] = { 0 }, accepted = 0;

	for (int i = 0; i < n; i++) {
		c[i] = tcp();
		connect_to(c[i], LISTEN_AT);
	}
	for (int i = 0; i < n; i++)
		states[state_of(c[i]) & 15]++;
	say("  established %d, SYN sent %d, closed %d\n", states[TCP_ESTABLISHED], states[TCP_SYN_SENT], states[TCP_CLOSE]);
	while (!accept_one(l, &a)) {
		accepted++;
		sk_end(a);
	}
	say("  accepted %d\n", accepted);
	for (int i = 0; i < n; i++)
		sk_end(c[i]);
	sk_end(l);
	settle();
}
static void accept_queue(void)
{
	range("32768 60999");
	crowd(3, 8);
	crowd(0, 4);
	crowd(1, 1);
	crowd(-1, 20);
}
static void somaxconn(void)
{
	sysctl("somaxconn", "2");
	crowd(100, 8);
	crowd(-1, 8);
	sysctl("somaxconn", "4096");
}
static void no_cookies(void)
{
	sysctl("tcp_syncookies", "0");
	sysctl("tcp_max_syn_backlog", "4");
	crowd(10, 8);
	sysctl("tcp_max_syn_backlog", "2048");
	sysctl("tcp_syncookies", "1");
}
static void abort_on_overflow(void)
{
	sysctl("tcp_abort_on_overflow", "1");
	crowd(2, 8);
	sysctl("tcp_abort_on_overflow", "0");
}

int main(int argc, char **argv)
{
	static const struct scene scenes[] = {
		{ "bind_parity", bind_parity },	    { "bind_parity_odd_begin", bind_parity_odd_begin },
		{ "connect_parity", connect_parity }, { "connect_parity_odd_range", connect_parity_odd_range },
		{ "bind_reuse", bind_reuse },	    { "own_range", own_range },
		{ "reserved", reserved },	    { "mixed", mixed },
		{ "late_port", late_port },	    { "time_wait_tuple", time_wait_tuple },
		{ "accept_queue", accept_queue },   { "somaxconn", somaxconn },
		{ "no_cookies", no_cookies },	    { "abort_on_overflow", abort_on_overflow },
	};

	return run_scenes("limits_compare", scenes, sizeof scenes / sizeof *scenes, argc, argv);
}
