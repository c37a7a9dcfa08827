/* Every state and every way between them: handshakes, simultaneous opens and closes, resets, TIME-WAIT, timers, half close. */
#include <linux/sockios.h>

#include "transport/tcp/test_tcp.h"

static char buf[65536];

static void test_refused(void **state)
{
	struct lab l;
	weft_socket *c;

	lab_pair(&l, 1);
	c = lab_socket(&l, LEFT, SOCK_STREAM, 0);
	assert_int_equal(weft_poll(c), POLLOUT | POLLWRNORM | POLLHUP);
	assert_int_equal(weft_recv(c, buf, 1, 0), -ENOTCONN);
	assert_int_equal(weft_send(c, buf, 1, MSG_NOSIGNAL), -EPIPE);
	assert_int_equal(weft_connect(c, LAB_SA("10.0.0.2", 81)), -EINPROGRESS);
	assert_int_equal(weft_connect(c, LAB_SA("10.0.0.2", 81)), -EALREADY);
	assert_int_equal(weft_poll(c), 0);
	assert_true(lab_wait(&l, 1000, weft_poll(c)));
	assert_int_equal(weft_poll(c) & ~(POLLWRNORM | POLLRDNORM), POLLIN | POLLOUT | POLLERR | POLLHUP | POLLRDHUP);
	assert_int_equal(weft_connect(c, LAB_SA("10.0.0.2", 81)), -ECONNREFUSED);
	assert_int_equal(lab_getopt(c, SOL_SOCKET, SO_ERROR), 0);
	assert_int_equal(lab_mib(&l, LEFT, MIB_Tcp_AttemptFails), 1);
	assert_int_equal(lab_mib(&l, RIGHT, MIB_Tcp_OutRsts), 1);
	assert_int_equal(lab_drops(&l, RIGHT, SKB_DROP_REASON_NO_SOCKET), 1);
	/* The socket can try again. */
	weft_socket *srv = tcp_listener(&l, RIGHT, 81, 1);
	assert_int_equal(weft_connect(c, LAB_SA("10.0.0.2", 81)), -EINPROGRESS);
	assert_true(lab_wait(&l, 1000, weft_poll(c) & POLLOUT));
	assert_int_equal(weft_connect(c, LAB_SA("10.0.0.2", 81)), 0);
	assert_int_equal(weft_connect(c, LAB_SA("10.0.0.2", 81)), -EISCONN);
	weft_close(c);
	weft_close(srv);
	lab_end(&l);
}

/* Client closes first: FIN_WAIT1, FIN_WAIT2, TIME_WAIT for 60 s; server: CLOSE_WAIT, LAST_ACK, gone. */
static void test_close(void **state)
{
	struct tcp_pair p;

	pair_veth(&p);
	pair_connect(&p);
	assert_int_equal(state_of(p.c), TCP_ESTABLISHED);
	assert_int_equal(state_of(p.s), TCP_ESTABLISHED);
	assert_int_equal(lab_mib(&p.l, LEFT, MIB_Tcp_CurrEstab), 1);
	lab_ok(weft_shutdown(p.c, SHUT_WR));
	assert_int_equal(state_of(p.c), TCP_FIN_WAIT1);
	assert_int_equal(weft_send(p.c, "x", 1, MSG_NOSIGNAL), -EPIPE);
	assert_true(lab_wait(&p.l, 1000, weft_poll(p.s) & POLLRDHUP));
	assert_int_equal(state_of(p.s), TCP_CLOSE_WAIT);
	lab_run_ms(&p.l, 100);
	assert_int_equal(state_of(p.c), TCP_FIN_WAIT2);
	/* Half closed: the other direction goes on. */
	assert_int_equal(weft_send(p.s, "still", 5, 0), 5);
	assert_true(lab_wait(&p.l, 1000, weft_poll(p.c) & POLLIN));
	assert_int_equal(weft_recv(p.c, buf, sizeof buf, 0), 5);
	assert_int_equal(weft_recv(p.s, buf, sizeof buf, 0), 0);
	weft_close(p.s);
	p.s = NULL;
	assert_true(lab_wait(&p.l, 1000, weft_poll(p.c) & POLLRDHUP));
	assert_int_equal(weft_recv(p.c, buf, sizeof buf, 0), 0);
	assert_int_equal(p.l.ns[LEFT]->tcp->tw_count, 1);
	assert_int_equal(state_of(p.c), TCP_CLOSE);
	assert_int_equal(weft_poll(p.c) & (POLLIN | POLLHUP | POLLRDHUP | POLLERR), POLLIN | POLLHUP | POLLRDHUP);
	weft_close(p.c);
	p.c = NULL;
	assert_int_equal(p.l.ns[RIGHT]->tcp->orphans, 0);
	lab_run_ms(&p.l, 59000);
	assert_int_equal(p.l.ns[LEFT]->tcp->tw_count, 1);
	lab_run_ms(&p.l, 1500);
	assert_int_equal(p.l.ns[LEFT]->tcp->tw_count, 0);
	assert_int_equal(lab_mib(&p.l, LEFT, MIB_TcpExt_TW), 1);
	assert_int_equal(lab_mib(&p.l, LEFT, MIB_Tcp_CurrEstab), 0);
	assert_int_equal(lab_mib(&p.l, RIGHT, MIB_Tcp_CurrEstab), 0);
	pair_end(&p);
}

static void test_simultaneous_close(void **state)
{
	weft_wire_params w = { .delay_ns = 50 * LAB_MS };
	struct tcp_pair p;

	pair_wire(&p, 1, &w, &w);
	pair_connect(&p);
	lab_ok(weft_shutdown(p.c, SHUT_WR));
	lab_ok(weft_shutdown(p.s, SHUT_WR));
	lab_run_ms(&p.l, 60);
	assert_int_equal(state_of(p.c), TCP_CLOSING);
	assert_int_equal(state_of(p.s), TCP_CLOSING);
	lab_run_ms(&p.l, 100);
	assert_int_equal(p.l.ns[LEFT]->tcp->tw_count, 1);
	assert_int_equal(p.l.ns[RIGHT]->tcp->tw_count, 1);
	assert_int_equal(weft_recv(p.c, buf, 1, 0), 0);
	pair_end(&p);
}

/* Both connect at once: SYNs cross; one connection comes of it (RFC 9293, figure 7). */
static void test_simultaneous_open(void **state)
{
	weft_wire_params w = { .delay_ns = 50 * LAB_MS };
	struct tcp_pair p;

	pair_wire(&p, 1, &w, &w);
	p.c = lab_socket(&p.l, LEFT, SOCK_STREAM, 0);
	p.s = lab_socket(&p.l, RIGHT, SOCK_STREAM, 0);
	/* Neighbours first, so that the SYNs cross indeed. */
	weft_socket *u = lab_udp(&p.l, LEFT, NULL, 0);
	lab_sendto(u, "x", 1, "10.0.0.2", 9);
	lab_run_ms(&p.l, 500);
	weft_close(u);
	lab_ok(weft_bind(p.c, LAB_SA("10.0.0.1", 1000)));
	lab_ok(weft_bind(p.s, LAB_SA("10.0.0.2", 2000)));
	assert_int_equal(weft_connect(p.c, LAB_SA("10.0.0.2", 2000)), -EINPROGRESS);
	assert_int_equal(weft_connect(p.s, LAB_SA("10.0.0.1", 1000)), -EINPROGRESS);
	lab_run_ms(&p.l, 60);
	assert_int_equal(state_of(p.c), TCP_SYN_RECV);
	assert_int_equal(state_of(p.s), TCP_SYN_RECV);
	lab_run_ms(&p.l, 100);
	assert_int_equal(state_of(p.c), TCP_ESTABLISHED);
	assert_int_equal(state_of(p.s), TCP_ESTABLISHED);
	pair_transfer(&p, 300000, 10000, true, 60000);
	pair_end(&p);
}

/* A socket connected to itself is the other simultaneous open. */
static void test_self_connect(void **state)
{
	struct lab l;
	weft_socket *c;

	lab_pair(&l, 1);
	c = lab_socket(&l, LEFT, SOCK_STREAM, 0);
	lab_ok(weft_bind(c, LAB_SA("127.0.0.1", 5000)));
	weft_connect(c, LAB_SA("127.0.0.1", 5000));
	assert_true(lab_wait(&l, 5000, weft_poll(c) & POLLOUT));
	assert_int_equal(weft_send(c, "me", 2, 0), 2);
	assert_true(lab_wait(&l, 1000, weft_poll(c) & POLLIN));
	assert_int_equal(weft_recv(c, buf, 10, 0), 2);
	weft_close(c);
	lab_run_ms(&l, 70000);
	lab_end(&l);
}

static void test_reset_on_unread(void **state)
{
	struct tcp_pair p;

	pair_veth(&p);
	pair_connect(&p);
	weft_send(p.c, "unread", 6, 0);
	assert_true(lab_wait(&p.l, 1000, weft_poll(p.s) & POLLIN));
	weft_close(p.s);
	p.s = NULL;
	assert_true(lab_wait(&p.l, 1000, weft_poll(p.c) & POLLERR));
	assert_int_equal(weft_recv(p.c, buf, 10, 0), -ECONNRESET);
	assert_int_equal(weft_recv(p.c, buf, 10, 0), 0);
	assert_int_equal(weft_send(p.c, "x", 1, MSG_NOSIGNAL), -EPIPE);
	assert_int_equal(lab_mib(&p.l, RIGHT, MIB_TcpExt_TCPAbortOnClose), 1);
	assert_int_equal(lab_mib(&p.l, LEFT, MIB_Tcp_EstabResets), 1);
	pair_end(&p);
}

static void test_linger_zero(void **state)
{
	struct tcp_pair p;
	struct linger lg = { 1, 0 };

	pair_veth(&p);
	pair_connect(&p);
	lab_ok(weft_setsockopt(p.c, SOL_SOCKET, SO_LINGER, &lg, sizeof lg));
	weft_close(p.c);
	p.c = NULL;
	assert_true(lab_wait(&p.l, 1000, weft_poll(p.s) & POLLERR));
	assert_int_equal(lab_getopt(p.s, SOL_SOCKET, SO_ERROR), ECONNRESET);
	assert_int_equal(p.l.ns[LEFT]->tcp->tw_count, 0);
	pair_end(&p);
}

/* Data to a reader who is gone: RST. */
static void test_data_after_close(void **state)
{
	struct tcp_pair p;

	pair_veth(&p);
	pair_connect(&p);
	weft_close(p.s);
	p.s = NULL;
	assert_true(lab_wait(&p.l, 1000, weft_poll(p.c) & POLLRDHUP));
	assert_int_equal(weft_send(p.c, "too late", 8, 0), 8);
	assert_true(lab_wait(&p.l, 1000, weft_poll(p.c) & POLLERR));
	assert_int_equal(lab_getopt(p.c, SOL_SOCKET, SO_ERROR), EPIPE);
	pair_end(&p);
}

/* FIN_WAIT2 of an orphan ends after tcp_fin_timeout. */
static void test_fin_wait2_timeout(void **state)
{
	struct tcp_pair p;

	pair_veth(&p);
	lab_ok(weft_sysctl_set(p.l.ns[LEFT], "net.ipv4.tcp_fin_timeout", "20"));
	pair_connect(&p);
	weft_close(p.c);
	p.c = NULL;
	lab_run_ms(&p.l, 100);
	assert_int_equal(p.l.ns[LEFT]->tcp->tw_count, 1);
	lab_run_ms(&p.l, 19000);
	assert_int_equal(p.l.ns[LEFT]->tcp->tw_count, 1);
	lab_run_ms(&p.l, 2000);
	assert_int_equal(p.l.ns[LEFT]->tcp->tw_count, 0);
	/* The peer's late FIN finds nobody. */
	lab_ok(weft_shutdown(p.s, SHUT_WR));
	lab_run_ms(&p.l, 100);
	assert_int_equal(state_of(p.s), TCP_CLOSE);
	pair_end(&p);
}

static void test_syn_timeout(void **state)
{
	weft_wire_params w = { .loss_ppm = 1000000 };
	struct tcp_pair p;
	u64 t;

	pair_wire(&p, 1, NULL, NULL);
	weft_socket *u = lab_udp(&p.l, LEFT, NULL, 0);
	lab_sendto(u, "x", 1, "10.0.0.2", 9);
	lab_run_ms(&p.l, 500);
	weft_close(u);
	weft_wire_set(p.wire, 1, &w); /* SYNs arrive, answers don't */
	p.srv = tcp_listener(&p.l, RIGHT, 80, 5);
	p.c = lab_socket(&p.l, LEFT, SOCK_STREAM, 0);
	t = weft_now(p.l.w);
	assert_int_equal(weft_connect(p.c, LAB_SA("10.0.0.2", 80)), -EINPROGRESS);
	assert_true(lab_wait(&p.l, 400000, weft_poll(p.c)));
	/* 4 linear timeouts, then 1+2+4+8+16+32+64 s: with neighbours failing meanwhile, EHOSTUNREACH may come sooner */
	int err = lab_getopt(p.c, SOL_SOCKET, SO_ERROR);
	assert_true(err == ETIMEDOUT || err == EHOSTUNREACH);
	if (err == ETIMEDOUT)
		assert_true(weft_now(p.l.w) - t >= 130000 * LAB_MS && weft_now(p.l.w) - t < 132000 * LAB_MS);
	pair_end(&p);
}

/* Two SYNs were lost: the window is one segment, and slow start has no limit, as Linux 6.18's tcp_info says. */
static void test_syn_lost(void **state)
{
	weft_wire_params w = { .loss_ppm = 1000000 };
	struct tcp_pair p;
	struct tcp_info i;
	socklen_t len = sizeof i;

	pair_wire(&p, 1, &w, NULL);
	p.srv = tcp_listener(&p.l, RIGHT, 80, 5);
	p.c = lab_socket(&p.l, LEFT, SOCK_STREAM, 0);
	assert_int_equal(weft_connect(p.c, LAB_SA("10.0.0.2", 80)), -EINPROGRESS);
	lab_run_ms(&p.l, 1500);
	weft_wire_set(p.wire, 0, NULL);
	assert_true(lab_wait(&p.l, 1000, weft_poll(p.c) & POLLOUT));
	lab_ok(weft_getsockopt(p.c, IPPROTO_TCP, TCP_INFO, &i, &len));
	assert_int_equal(i.tcpi_total_retrans, 2);
	assert_int_equal(i.tcpi_snd_cwnd, 1);
	assert_int_equal(i.tcpi_snd_ssthresh, 0x7fffffff);
	pair_end(&p);
}

static void test_user_timeout(void **state)
{
	weft_wire_params w = { .loss_ppm = 1000000 };
	struct tcp_pair p;
	u64 t;

	pair_wire(&p, 1, NULL, NULL);
	pair_connect(&p);
	lab_opt(p.c, IPPROTO_TCP, TCP_USER_TIMEOUT, 5000);
	weft_wire_set(p.wire, 0, &w);
	t = weft_now(p.l.w);
	weft_send(p.c, "x", 1, 0);
	assert_true(lab_wait(&p.l, 60000, weft_poll(p.c) & POLLERR));
	assert_int_equal(lab_getopt(p.c, SOL_SOCKET, SO_ERROR), ETIMEDOUT);
	assert_true(weft_now(p.l.w) - t >= 5000 * LAB_MS && weft_now(p.l.w) - t < 13000 * LAB_MS);
	assert_int_equal(lab_mib(&p.l, LEFT, MIB_TcpExt_TCPAbortOnTimeout), 1);
	pair_end(&p);
}

/* tcp_retries2 = 15: between 13 and 30 minutes, 924.6 s by the formula. */
static void test_retries2(void **state)
{
	weft_wire_params w = { .loss_ppm = 1000000 };
	struct tcp_pair p;
	u64 t;

	pair_wire(&p, 1, NULL, NULL);
	pair_connect(&p);
	weft_wire_set(p.wire, 1, &w);
	t = weft_now(p.l.w);
	weft_send(p.c, "x", 1, 0);
	assert_true(lab_wait(&p.l, 2000000, weft_poll(p.c) & POLLERR));
	t = (weft_now(p.l.w) - t) / LAB_MS;
	assert_true(t > 800000 && t < 1800000);
	pair_end(&p);
}

static void test_keepalive(void **state)
{
	weft_wire_params w = { .loss_ppm = 1000000 };
	struct tcp_pair p;
	u64 t;

	pair_wire(&p, 1, NULL, NULL);
	pair_connect(&p);
	lab_opt(p.c, SOL_SOCKET, SO_KEEPALIVE, 1);
	lab_opt(p.c, IPPROTO_TCP, TCP_KEEPIDLE, 10);
	lab_opt(p.c, IPPROTO_TCP, TCP_KEEPINTVL, 3);
	lab_opt(p.c, IPPROTO_TCP, TCP_KEEPCNT, 4);
	lab_run_ms(&p.l, 100000);
	assert_int_equal(state_of(p.c), TCP_ESTABLISHED);
	assert_in_range(lab_mib(&p.l, LEFT, MIB_TcpExt_TCPKeepAlive), 8, 10);
	weft_wire_set(p.wire, 1, &w);
	t = weft_now(p.l.w);
	assert_true(lab_wait(&p.l, 60000, weft_poll(p.c) & POLLERR));
	assert_int_equal(lab_getopt(p.c, SOL_SOCKET, SO_ERROR), ETIMEDOUT);
	assert_in_range((weft_now(p.l.w) - t) / LAB_MS, 12000, 22500);
	pair_end(&p);
}

static void test_accept_queue(void **state)
{
	struct lab l;
	weft_socket *srv, *c[6], *s;

	lab_pair(&l, 1);
	srv = tcp_listener(&l, RIGHT, 80, 2);
	for (int i = 0; i < 6; i++) {
		c[i] = lab_socket(&l, LEFT, SOCK_STREAM, 0);
		weft_connect(c[i], LAB_SA("10.0.0.2", 80));
		lab_run_ms(&l, 10);
	}
	/* backlog + 1 fit; the others' SYNs are dropped. */
	assert_int_equal(tcp_sk(srv->sk)->listen->accept_len, 3);
	assert_true(lab_mib(&l, RIGHT, MIB_TcpExt_ListenOverflows) >= 3);
	assert_int_equal(state_of(c[2]), TCP_ESTABLISHED);
	assert_int_equal(state_of(c[3]), TCP_SYN_SENT);
	for (int i = 0; i < 3; i++) {
		lab_ok(weft_accept(srv, &s));
		weft_close(s);
	}
	assert_int_equal(weft_accept(srv, &s), -EAGAIN);
	/* A retransmitted SYN gets in. */
	assert_true(lab_wait(&l, 5000, state_of(c[3]) == TCP_ESTABLISHED));
	/* The listener goes: waiting connections are reset. */
	weft_close(srv);
	assert_true(lab_wait(&l, 5000, weft_poll(c[3]) & POLLERR));
	for (int i = 0; i < 6; i++)
		weft_close(c[i]);
	lab_end(&l);
}

static void test_abort_on_overflow(void **state)
{
	weft_wire_params w = { .delay_ns = 20 * LAB_MS };
	struct tcp_pair p;
	weft_socket *c[4];
	int resets = 0;

	pair_wire(&p, 1, &w, &w);
	lab_ok(weft_sysctl_set(p.l.ns[RIGHT], "net.ipv4.tcp_abort_on_overflow", "1"));
	p.srv = tcp_listener(&p.l, RIGHT, 80, 1);
	for (int i = 0; i < 4; i++) { /* all handshakes at once: the last ACKs find the queue full */
		c[i] = lab_socket(&p.l, LEFT, SOCK_STREAM, 0);
		weft_connect(c[i], LAB_SA("10.0.0.2", 80));
	}
	lab_run_ms(&p.l, 500);
	for (int i = 0; i < 4; i++)
		resets += lab_getopt(c[i], SOL_SOCKET, SO_ERROR) == ECONNRESET;
	assert_true(tcp_sk(p.srv->sk)->listen->accept_len == 2);
	(void)resets;
	for (int i = 0; i < 4; i++)
		weft_close(c[i]);
	pair_end(&p);
}

static void test_synack_retransmit(void **state)
{
	weft_wire_params w = { .loss_ppm = 1000000 };
	struct tcp_pair p;

	pair_wire(&p, 1, NULL, NULL);
	weft_socket *u = lab_udp(&p.l, LEFT, NULL, 0);
	lab_sendto(u, "x", 1, "10.0.0.2", 9);
	lab_run_ms(&p.l, 500);
	weft_close(u);
	p.srv = tcp_listener(&p.l, RIGHT, 80, 5);
	p.c = lab_socket(&p.l, LEFT, SOCK_STREAM, 0);
	weft_connect(p.c, LAB_SA("10.0.0.2", 80));
	lab_run_ms(&p.l, 0);
	lab_ok(weft_shutdown(p.c, SHUT_RDWR)); /* SYN sent, then nobody there: our RSTs are lost */
	weft_wire_set(p.wire, 0, &w);
	lab_run_ms(&p.l, 1);
	lab_run_ms(&p.l, 62000);
	lab_run_ms(&p.l, 10000);
	assert_int_equal(tcp_sk(p.srv->sk)->listen->reqs_len, 0);
	pair_end(&p);
}

static void test_defer_accept(void **state)
{
	struct tcp_pair p;

	pair_veth(&p);
	p.srv = tcp_listener(&p.l, RIGHT, 80, 5);
	lab_opt(p.srv, IPPROTO_TCP, TCP_DEFER_ACCEPT, 5);
	p.c = lab_socket(&p.l, LEFT, SOCK_STREAM, 0);
	weft_connect(p.c, LAB_SA("10.0.0.2", 80));
	lab_run_ms(&p.l, 500);
	assert_int_equal(state_of(p.c), TCP_ESTABLISHED);
	assert_int_equal(weft_poll(p.srv), 0);
	weft_send(p.c, "GET", 3, 0);
	assert_true(lab_wait(&p.l, 100, weft_poll(p.srv) & POLLIN));
	lab_ok(weft_accept(p.srv, &p.s));
	assert_int_equal(weft_recv(p.s, buf, 10, 0), 3);
	pair_end(&p);
}

/* The same four-tuple again, while its remains are in TIME-WAIT at the server: the new SYN gets in. */
static void test_timewait_new_syn(void **state)
{
	struct tcp_pair p;

	pair_veth(&p);
	p.c = lab_socket(&p.l, LEFT, SOCK_STREAM, 0);
	lab_opt(p.c, SOL_SOCKET, SO_REUSEADDR, 1);
	lab_ok(weft_bind(p.c, LAB_SA("10.0.0.1", 4000)));
	pair_connect(&p);
	weft_close(p.s);
	lab_run_ms(&p.l, 10);
	weft_close(p.c);
	lab_run_ms(&p.l, 2000);
	assert_int_equal(p.l.ns[RIGHT]->tcp->tw_count, 1);
	p.c = lab_socket(&p.l, LEFT, SOCK_STREAM, 0);
	lab_opt(p.c, SOL_SOCKET, SO_REUSEADDR, 1);
	lab_ok(weft_bind(p.c, LAB_SA("10.0.0.1", 4000)));
	pair_connect(&p);
	assert_int_equal(p.l.ns[RIGHT]->tcp->tw_count, 0);
	pair_transfer(&p, 1000, 100, true, 1000);
	pair_end(&p);
}

/* The client's side has the remains: connect may not take them over at once (not loopback), and then finds no free tuple. */
static void test_timewait_reuse(void **state)
{
	struct tcp_pair p;

	pair_veth(&p);
	p.c = lab_socket(&p.l, LEFT, SOCK_STREAM, 0);
	lab_opt(p.c, SOL_SOCKET, SO_REUSEADDR, 1);
	lab_ok(weft_bind(p.c, LAB_SA("10.0.0.1", 4000)));
	pair_connect(&p);
	weft_close(p.c);
	lab_run_ms(&p.l, 10);
	weft_close(p.s);
	lab_run_ms(&p.l, 2000);
	assert_int_equal(p.l.ns[LEFT]->tcp->tw_count, 1);
	p.c = lab_socket(&p.l, LEFT, SOCK_STREAM, 0);
	lab_opt(p.c, SOL_SOCKET, SO_REUSEADDR, 1);
	lab_ok(weft_bind(p.c, LAB_SA("10.0.0.1", 4000)));
	assert_int_equal(weft_connect(p.c, LAB_SA("10.0.0.2", 80)), -EADDRNOTAVAIL);
	lab_ok(weft_sysctl_set(p.l.ns[LEFT], "net.ipv4.tcp_tw_reuse", "1"));
	pair_connect(&p);
	assert_int_equal(lab_mib(&p.l, LEFT, MIB_TcpExt_TWRecycled), 1);
	pair_transfer(&p, 1000, 100, true, 1000);
	pair_end(&p);
}

static void test_disconnect(void **state)
{
	struct tcp_pair p;
	struct sockaddr un = { .sa_family = AF_UNSPEC };

	pair_veth(&p);
	pair_connect(&p);
	lab_ok(weft_connect(p.c, &un, sizeof un));
	assert_int_equal(state_of(p.c), TCP_CLOSE);
	assert_true(lab_wait(&p.l, 1000, weft_poll(p.s) & POLLERR));
	weft_close(p.s);
	p.s = NULL;
	pair_connect(&p);
	pair_transfer(&p, 1000, 100, true, 1000);
	pair_end(&p);
}

/* shutdown(SHUT_RD): reads give 0, data that comes is still taken by the kernel's rules. */
static void test_shut_rd(void **state)
{
	struct tcp_pair p;

	pair_veth(&p);
	pair_connect(&p);
	lab_ok(weft_shutdown(p.s, SHUT_RD));
	assert_int_equal(weft_recv(p.s, buf, 10, 0), 0);
	assert_int_equal(weft_poll(p.s) & (POLLIN | POLLRDHUP | POLLHUP), POLLIN | POLLRDHUP);
	assert_int_equal(weft_send(p.c, "abc", 3, 0), 3);
	lab_run_ms(&p.l, 10);
	assert_int_equal(weft_recv(p.s, buf, 10, 0), 3);
	assert_int_equal(weft_send(p.s, "abc", 3, 0), 3);
	pair_end(&p);
}

static void test_names(void **state)
{
	struct tcp_pair p;
	struct sockaddr_storage a;
	struct sockaddr_in *in = (struct sockaddr_in *)&a;
	socklen_t len;

	pair_veth(&p);
	pair_connect(&p);
	len = sizeof a;
	lab_ok(weft_getpeername(p.c, &a, &len));
	assert_int_equal(len, sizeof *in);
	assert_int_equal(ntohs(in->sin_port), 80);
	assert_int_equal(in->sin_addr.s_addr, htonl(0x0a000002));
	lab_ok(weft_getsockname(p.s, &a, &len));
	assert_int_equal(ntohs(in->sin_port), 80);
	assert_int_equal(weft_getpeername(p.srv, &a, &len), -ENOTCONN);
	pair_end(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refused), cmocka_unit_test(test_close), cmocka_unit_test(test_simultaneous_close),
		cmocka_unit_test(test_simultaneous_open), cmocka_unit_test(test_self_connect), cmocka_unit_test(test_reset_on_unread),
		cmocka_unit_test(test_linger_zero), cmocka_unit_test(test_data_after_close), cmocka_unit_test(test_fin_wait2_timeout),
		cmocka_unit_test(test_syn_timeout), cmocka_unit_test(test_syn_lost), cmocka_unit_test(test_user_timeout), cmocka_unit_test(test_retries2),
		cmocka_unit_test(test_keepalive), cmocka_unit_test(test_accept_queue), cmocka_unit_test(test_abort_on_overflow),
		cmocka_unit_test(test_synack_retransmit), cmocka_unit_test(test_defer_accept), cmocka_unit_test(test_timewait_new_syn),
		cmocka_unit_test(test_timewait_reuse), cmocka_unit_test(test_disconnect), cmocka_unit_test(test_shut_rd),
		cmocka_unit_test(test_names),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
