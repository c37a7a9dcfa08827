/* Fast Open, both ends: cookies, data in the SYN, the ways back to an ordinary handshake, limits against spoofers. */
#include "transport/tcp/tcp_impl.h"
#include "transport/tcp/test_tcp.h"

static char buf[65536];

#define MIB_AT(ns, m) lab_mib(&p.l, ns, MIB_TcpExt_TCPFastOpen##m)

static ssize_t send_fast(weft_socket *s, size_t len)
{
	struct sockaddr_in a = lab_addr("10.0.0.2", 80);
	struct iovec iov = { buf, len };
	struct msghdr m = { .msg_name = &a, .msg_namelen = sizeof a, .msg_iov = &iov, .msg_iovlen = 1 };

	return weft_sendmsg(s, &m, MSG_FASTOPEN | MSG_NOSIGNAL);
}

static void server(struct tcp_pair *p, int qlen)
{
	lab_ok(weft_sysctl_set(p->l.ns[RIGHT], "net.ipv4.tcp_fastopen", "3"));
	p->srv = tcp_listener(&p->l, RIGHT, 80, 16);
	lab_opt(p->srv, IPPROTO_TCP, TCP_FASTOPEN, qlen);
}

/* An ordinary handshake that brings the cookie home. */
static void warm(struct tcp_pair *p)
{
	weft_socket *c = lab_socket(&p->l, LEFT, SOCK_STREAM, 0), *s;

	assert_int_equal(send_fast(c, 100), -EINPROGRESS);
	assert_true(lab_wait(&p->l, 3000, weft_poll(c) & POLLOUT));
	assert_true(lab_wait(&p->l, 3000, weft_poll(p->srv) & POLLIN));
	lab_ok(weft_accept(p->srv, &s));
	weft_close(c);
	weft_close(s);
	lab_run_ms(&p->l, 200);
}

/* The data is in the server's hands half a round trip after the SYN left; the answer is there after one. */
static void test_one_rtt(void **state)
{
	weft_wire_params w = { .delay_ns = 50 * LAB_MS };
	struct tcp_pair p;
	u64 t;

	pair_wire(&p, 1, &w, &w);
	server(&p, 16);
	warm(&p);
	assert_int_equal(MIB_AT(RIGHT, CookieReqd), 1);
	p.c = lab_socket(&p.l, LEFT, SOCK_STREAM, 0);
	t = weft_now(p.l.w);
	assert_int_equal(send_fast(p.c, 1000), 1000);
	assert_int_equal(send_fast(p.c, 1000), -EALREADY);
	assert_int_equal(weft_send(p.c, buf, 10, MSG_NOSIGNAL), -EAGAIN);
	assert_true(lab_wait(&p.l, 1000, weft_poll(p.srv) & POLLIN));
	assert_int_equal((weft_now(p.l.w) - t) / LAB_MS, 50);
	lab_ok(weft_accept(p.srv, &p.s));
	assert_int_equal(state_of(p.s), TCP_SYN_RECV);
	assert_int_equal(weft_poll(p.s) & (POLLIN | POLLOUT), POLLIN | POLLOUT);
	assert_int_equal(weft_recv(p.s, buf, sizeof buf, 0), 1000);
	assert_int_equal(weft_send(p.s, buf, 5000, 0), 5000);
	assert_true(lab_wait(&p.l, 1000, weft_poll(p.c) & POLLIN));
	assert_int_equal((weft_now(p.l.w) - t) / LAB_MS, 100);
	lab_run_ms(&p.l, 200);
	assert_int_equal(weft_recv(p.c, buf, sizeof buf, 0), 5000);
	assert_int_equal(state_of(p.s), TCP_ESTABLISHED);
	assert_true(info_of(p.c).options & TCPI_OPT_SYN_DATA);
	assert_true(info_of(p.s).options & TCPI_OPT_SYN_DATA);
	assert_int_equal(MIB_AT(LEFT, Active), 1);
	assert_int_equal(MIB_AT(RIGHT, Passive), 1);
	assert_int_equal(tcp_of(p.srv)->listen->fo_qlen, 0);
	assert_null(tcp_of(p.s)->fastopen_rsk);
	pair_transfer(&p, 300000, 10000, true, 60000);
	pair_end(&p);
}

/* The server forgot its key: data in vain, sent again at once, and a fresh cookie. */
static void test_stale_cookie(void **state)
{
	struct tcp_pair p;

	pair_veth(&p);
	server(&p, 16);
	lab_ok(weft_sysctl_set(p.l.ns[RIGHT], "net.ipv4.tcp_fastopen_key", "a1a1a1a1-b2b2b2b2-c3c3c3c3-d4d4d4d4"));
	warm(&p);
	lab_ok(weft_sysctl_set(p.l.ns[RIGHT], "net.ipv4.tcp_fastopen_key", "0-0-0-1"));
	p.c = lab_socket(&p.l, LEFT, SOCK_STREAM, 0);
	assert_int_equal(send_fast(p.c, 1000), 1000);
	assert_true(lab_wait(&p.l, 1000, weft_poll(p.srv) & POLLIN));
	lab_ok(weft_accept(p.srv, &p.s));
	assert_true(lab_wait(&p.l, 1000, weft_poll(p.s) & POLLIN));
	assert_int_equal(weft_recv(p.s, buf, sizeof buf, 0), 1000);
	assert_int_equal(MIB_AT(RIGHT, PassiveFail), 1);
	assert_int_equal(MIB_AT(LEFT, ActiveFail), 1);
	assert_false(info_of(p.c).options & TCPI_OPT_SYN_DATA);
	assert_int_equal(info_of(p.c).fastopen_client_fail, TFO_DATA_NOT_ACKED);
	weft_close(p.c);
	weft_close(p.s);
	lab_run_ms(&p.l, 100);
	/* The new one works; as the backup of a newer one, it still does, and brings that. */
	lab_ok(weft_sysctl_set(p.l.ns[RIGHT], "net.ipv4.tcp_fastopen_key", "5-6-7-8,0-0-0-1"));
	p.c = lab_socket(&p.l, LEFT, SOCK_STREAM, 0);
	assert_int_equal(send_fast(p.c, 1000), 1000);
	lab_run_ms(&p.l, 100);
	assert_int_equal(MIB_AT(RIGHT, Passive), 1);
	assert_int_equal(MIB_AT(RIGHT, PassiveAltKey), 1);
	lab_ok(weft_accept(p.srv, &p.s));
	pair_end(&p);
}

/* SYN with data lost: the next SYN is bare, the data follows the handshake. */
static void test_syn_lost(void **state)
{
	const weft_wire_params dead = { .loss_ppm = 1000000 }, live = { .delay_ns = LAB_MS };
	struct tcp_pair p;

	pair_wire(&p, 1, &live, &live);
	server(&p, 16);
	warm(&p);
	weft_wire_set(p.wire, 0, &dead);
	p.c = lab_socket(&p.l, LEFT, SOCK_STREAM, 0);
	assert_int_equal(send_fast(p.c, 1000), 1000);
	lab_run_ms(&p.l, 100);
	weft_wire_set(p.wire, 0, &live);
	assert_true(lab_wait(&p.l, 3000, weft_poll(p.srv) & POLLIN));
	lab_ok(weft_accept(p.srv, &p.s));
	assert_true(lab_wait(&p.l, 1000, weft_poll(p.s) & POLLIN));
	assert_int_equal(weft_recv(p.s, buf, sizeof buf, 0), 1000);
	assert_int_equal(info_of(p.c).fastopen_client_fail, TFO_SYN_RETRANSMITTED);
	assert_int_equal(MIB_AT(RIGHT, Passive), 0);
	pair_end(&p);
}

/* The SYN-ACK is repeated, with the child's data waiting, until the handshake is complete. */
static void test_synack_lost(void **state)
{
	const weft_wire_params dead = { .loss_ppm = 1000000 }, live = { .delay_ns = LAB_MS };
	struct tcp_pair p;

	pair_wire(&p, 1, &live, &live);
	server(&p, 16);
	warm(&p);
	weft_wire_set(p.wire, 1, &dead);
	p.c = lab_socket(&p.l, LEFT, SOCK_STREAM, 0);
	assert_int_equal(send_fast(p.c, 1000), 1000);
	lab_run_ms(&p.l, 100);
	lab_ok(weft_accept(p.srv, &p.s));
	assert_int_equal(weft_send(p.s, buf, 3000, 0), 3000);
	lab_run_ms(&p.l, 100);
	weft_wire_set(p.wire, 1, &live);
	assert_true(lab_wait(&p.l, 10000, state_of(p.s) == TCP_ESTABLISHED));
	assert_true(lab_wait(&p.l, 10000, ({ weft_recv(p.c, buf, sizeof buf, MSG_PEEK) == 3000; })));
	pair_end(&p);
}

/* At most qlen children with an incomplete handshake; a reset one counts for a minute. */
static void test_queue_limit(void **state)
{
	const weft_wire_params dead = { .loss_ppm = 1000000 }, live = { .delay_ns = LAB_MS };
	struct linger lg = { 1, 0 };
	weft_socket *c[3], *s;
	struct tcp_pair p;

	pair_wire(&p, 1, &live, &live);
	server(&p, 2);
	warm(&p);
	weft_wire_set(p.wire, 1, &dead); /* no SYN-ACK arrives */
	for (int i = 0; i < 3; i++) {
		c[i] = lab_socket(&p.l, LEFT, SOCK_STREAM, 0);
		assert_int_equal(send_fast(c[i], 100), 100);
	}
	lab_run_ms(&p.l, 50);
	assert_int_equal(tcp_of(p.srv)->listen->fo_qlen, 2);
	assert_int_equal(MIB_AT(RIGHT, Passive), 2);
	assert_int_equal(MIB_AT(RIGHT, ListenOverflow), 1);
	lab_ok(weft_accept(p.srv, &s));
	weft_close(s); /* with unread data: reset by us */
	lab_run_ms(&p.l, 10);
	assert_int_equal(tcp_of(p.srv)->listen->fo_qlen, 1);
	(void)lg;
	for (int i = 0; i < 3; i++)
		weft_close(c[i]);
	weft_wire_set(p.wire, 1, &live);
	lab_run_ms(&p.l, 200000);
	weft_close(p.srv);
	p.srv = NULL;
	pair_end(&p);
}

/* TCP_FASTOPEN_CONNECT: connect returns at once, the first write sends the SYN. */
static void test_deferred_connect(void **state)
{
	struct tcp_pair p;

	pair_veth(&p);
	server(&p, 16);
	p.c = lab_socket(&p.l, LEFT, SOCK_STREAM, 0);
	lab_opt(p.c, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, 1);
	assert_int_equal(weft_connect(p.c, LAB_SA("10.0.0.2", 80)), -EINPROGRESS); /* no cookie yet: asks for one */
	assert_true(lab_wait(&p.l, 1000, weft_poll(p.c) & POLLOUT));
	lab_ok(weft_accept(p.srv, &p.s));
	weft_close(p.c);
	weft_close(p.s);
	lab_run_ms(&p.l, 100);
	p.c = lab_socket(&p.l, LEFT, SOCK_STREAM, 0);
	lab_opt(p.c, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, 1);
	lab_ok(weft_connect(p.c, LAB_SA("10.0.0.2", 80)));
	assert_int_equal(weft_connect(p.c, LAB_SA("10.0.0.2", 80)), -EISCONN);
	assert_int_equal(weft_poll(p.c), POLLOUT | POLLWRNORM);
	assert_int_equal(weft_send(p.c, buf, 5000, 0), 1420);
	lab_run_ms(&p.l, 10);
	assert_int_equal(MIB_AT(RIGHT, Passive), 1);
	lab_ok(weft_accept(p.srv, &p.s));
	assert_int_equal(weft_recv(p.s, buf, sizeof buf, 0), 1420);
	pair_transfer(&p, 10000, 1000, true, 1000);
	pair_end(&p);
	/* Closed before anything was written. */
	pair_veth(&p);
	server(&p, 16);
	warm(&p);
	p.c = lab_socket(&p.l, LEFT, SOCK_STREAM, 0);
	lab_opt(p.c, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, 1);
	lab_ok(weft_connect(p.c, LAB_SA("10.0.0.2", 80)));
	pair_end(&p);
}

static void test_off(void **state)
{
	struct tcp_pair p;
	int v = 1;

	pair_veth(&p);
	lab_ok(weft_sysctl_set(p.l.ns[LEFT], "net.ipv4.tcp_fastopen", "0"));
	p.c = lab_socket(&p.l, LEFT, SOCK_STREAM, 0);
	assert_int_equal(send_fast(p.c, 10), -EOPNOTSUPP);
	assert_int_equal(weft_setsockopt(p.c, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, &v, sizeof v), -EOPNOTSUPP);
	pair_end(&p);
}

/* Timeouts of connections that used it pause it. */
static void test_blackhole(void **state)
{
	const weft_wire_params dead = { .loss_ppm = 1000000 }, live = { .delay_ns = LAB_MS };
	struct tcp_pair p;

	pair_wire(&p, 1, &live, &live);
	server(&p, 16);
	lab_ok(weft_sysctl_set(p.l.ns[LEFT], "net.ipv4.tcp_fastopen_blackhole_timeout_sec", "100"));
	warm(&p);
	weft_wire_set(p.wire, 0, &dead);
	p.c = lab_socket(&p.l, LEFT, SOCK_STREAM, 0);
	assert_int_equal(send_fast(p.c, 1000), 1000);
	lab_run_ms(&p.l, 5000);
	assert_int_equal(MIB_AT(LEFT, Blackhole), 1);
	weft_close(p.c);
	weft_wire_set(p.wire, 0, &live);
	p.c = lab_socket(&p.l, LEFT, SOCK_STREAM, 0);
	assert_int_equal(send_fast(p.c, 1000), -EINPROGRESS);
	assert_true(lab_wait(&p.l, 1000, weft_poll(p.c) & POLLOUT));
	weft_close(p.c);
	lab_run_ms(&p.l, 100000);
	p.c = lab_socket(&p.l, LEFT, SOCK_STREAM, 0);
	assert_int_equal(send_fast(p.c, 1000), 1000);
	pair_end(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_rtt),	    cmocka_unit_test(test_stale_cookie),     cmocka_unit_test(test_syn_lost),
		cmocka_unit_test(test_synack_lost), cmocka_unit_test(test_queue_limit),	     cmocka_unit_test(test_deferred_connect),
		cmocka_unit_test(test_off),	    cmocka_unit_test(test_blackhole),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
