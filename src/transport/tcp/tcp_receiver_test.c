/* What a receiver answers, packet by packet: D-SACK and SACK, closed and shrinking windows, what an empty queue may take. The test is the
 * peer (test_peer.h). Compared with Linux 6.18 by packetdrill's scripts of the same cases (net/packetdrill of its selftests). */
#include "inet/route/fib.h"
#include "transport/tcp/test_peer.h"

static struct peer p;
static u32 echo; /* timestamp in what the peer sends; 0: the last it saw */

static void begin(int rcvbuf)
{
	peer_begin(&p);
	echo = 0;
	p.ts = false;
	p.c = lab_socket(&p.l, LEFT, SOCK_STREAM, 0);
	if (rcvbuf)
		lab_opt(p.c, SOL_SOCKET, SO_RCVBUF, rcvbuf);
	assert_int_equal(weft_connect(p.c, LAB_SA("10.0.0.2", 80)), -EINPROGRESS);
	peer_run_ms(&p, 1);
	peer_drain(&p);
	peer_send(&p, &(struct peer_out){ .flags = TCPF_SYN, .window = 60000 });
	peer_run_us(&p, 10);
	assert_int_equal(p.c->sk->state, TCP_ESTABLISHED);
	p.head = p.tail;
}

/* Sends [seq, +len) and returns the ACK that comes within `ms`; NULL: none. */
static struct peer_seg *data_ms(u32 seq, u32 len, u8 flags, u32 ms)
{
	struct peer_seg *s, *last = NULL;

	peer_send(&p, &(struct peer_out){ .seq = seq, .len = len, .flags = flags, .tsecr = echo });
	if (ms)
		peer_run_ms(&p, ms);
	while ((s = peer_any(&p)))
		last = s;
	return last;
}
static struct peer_seg *data(u32 seq, u32 len) { return data_ms(seq, len, TCPF_PSH, 0); }

/* The n-th SACK block of an ACK; false: there are fewer. Relative to the peer's stream. */
static bool block(const struct peer_seg *s, unsigned n, u32 *start, u32 *end)
{
	for (u32 i = 0; i < s->opts_len && s->opts[i];) {
		if (s->opts[i] == 1) {
			i++;
			continue;
		}
		if (s->opts[i] == 5 && s->opts[i + 1] >= 2 + 8 * (n + 1)) {
			be32 v[2];
			memcpy(v, s->opts + i + 2 + 8 * n, 8);
			*start = be32_to_cpu(v[0]) - p.my_isn - 1;
			*end = be32_to_cpu(v[1]) - p.my_isn - 1;
			return true;
		}
		i += s->opts[i + 1];
	}
	return false;
}
#define BLOCK(s, n, a, b)                                                                                              \
	do {                                                                                                           \
		u32 start_, end_;                                                                                      \
		assert_true(block(s, n, &start_, &end_));                                                              \
		assert_int_equal(start_, a);                                                                           \
		assert_int_equal(end_, b);                                                                             \
	} while (0)
#define NO_BLOCK(s, n) assert_false(block(s, n, &(u32){ 0 }, &(u32){ 0 }))

/* RFC 2883: what comes twice is reported first, and no more than what did come twice. */
static void test_dsack(void **state)
{
	struct peer_seg *s;

	begin(0);
	s = data(1000, 500);
	BLOCK(s, 0, 1000, 1500);
	s = data(1500, 500);
	BLOCK(s, 0, 1000, 2000);
	s = data(3000, 400);
	BLOCK(s, 0, 3000, 3400);
	BLOCK(s, 1, 1000, 2000);
	assert_non_null(data(0, 100)); /* first data: quick ACK mode */
	/* Covers the first stretch, leaves the second. */
	s = data(100, 1400);
	assert_int_equal(s->ack, 2000);
	BLOCK(s, 0, 1000, 1500);
	BLOCK(s, 1, 3000, 3400);
	s = data(2000, 1400);
	assert_int_equal(s->ack, 3400);
	BLOCK(s, 0, 3000, 3400);
	NO_BLOCK(s, 1);
	s = data(0, 1000);
	BLOCK(s, 0, 0, 1000);
	assert_int_equal(PEER_MIB(TcpExt_TCPDSACKOldSent), 3);
	peer_end(&p);
}

/* A FIN behind old data: nothing is SACKed any more. */
static void test_fin_no_dsack(void **state)
{
	static char buf[2000];
	struct peer_seg *s;

	begin(0);
	data(0, 1000);
	assert_int_equal(weft_recv(p.c, buf, sizeof buf, 0), 1000);
	s = data_ms(0, 1000, TCPF_FIN, 50);
	assert_non_null(s);
	assert_int_equal(s->ack, 1001);
	NO_BLOCK(s, 0);
	peer_end(&p);
}

/* A segment that begins in the window and ends beyond it: only when the queue is empty. */
static void test_beyond_window(void **state)
{
	static char buf[65536];
	u32 seq = 0, win = 0;
	struct peer_seg *s;

	begin(4600);
	for (;;) {
		s = data_ms(seq, 1000, TCPF_PSH, 60);
		assert_non_null(s);
		if (s->ack == seq)
			break;
		seq = s->ack;
		win = (u32)s->window << tcp_of(p.c)->rx_opt.rcv_wscale;
		if (win < 1000)
			break;
	}
	assert_true(win < 1000);
	assert_int_equal(PEER_MIB(TcpExt_BeyondWindow), 0);
	s = data(seq, 1000);
	assert_int_equal(s->ack, seq);
	assert_int_equal(PEER_MIB(TcpExt_BeyondWindow), 1);
	assert_int_equal(lab_drops(&p.l, LEFT, SKB_DROP_REASON_TCP_INVALID_END_SEQUENCE), 1);
	s = data(seq + 5000, 1000);
	assert_int_equal(lab_drops(&p.l, LEFT, SKB_DROP_REASON_TCP_INVALID_SEQUENCE), 1);
	assert_int_equal(PEER_MIB(TcpExt_BeyondWindow), 2);
	/* A FIN in sequence closes even a shut window. */
	assert_true(weft_recv(p.c, buf, sizeof buf, 0) > 0);
	p.head = p.tail;
	s = data_ms(seq, 1400, TCPF_PSH, 60);
	assert_int_equal(s->ack, seq + 1400);
	peer_end(&p);
}

static void test_zero_window_fin(void **state)
{
	u32 seq = 0, win = 1000;
	struct peer_seg *s;

	begin(4600);
	while (win) {
		s = data_ms(seq, MIN(win, 1000u), TCPF_PSH, 60);
		assert_non_null(s);
		seq = s->ack;
		win = (u32)s->window << tcp_of(p.c)->rx_opt.rcv_wscale;
	}
	s = data_ms(seq, 100, TCPF_PSH, 60); /* data finds no room */
	assert_int_equal(s->ack, seq);
	s = data_ms(seq, 0, TCPF_FIN, 60);
	assert_int_equal(s->ack, seq + 1);
	assert_int_equal(p.c->sk->state, TCP_CLOSE_WAIT);
	peer_end(&p);
}

/* net.ipv4.tcp_shrink_window: 0: the right edge stays; 1: it moves back when the buffer fills with packets that waste it. */
static void test_shrink_window(void **state)
{
	for (int on = 0; on <= 1; on++) {
		u32 edge = 0, moved_back = 0, seq = 0;

		peer_begin(&p);
		lab_ok(weft_sysctl_set(p.l.ns[LEFT], "net.ipv4.tcp_shrink_window", on ? "1" : "0"));
		lab_ok(weft_sysctl_set(p.l.ns[LEFT], "net.ipv4.tcp_rmem", "4096 32768 33554432"));
		p.ts = false;
		p.c = lab_socket(&p.l, LEFT, SOCK_STREAM, 0);
		assert_int_equal(weft_connect(p.c, LAB_SA("10.0.0.2", 80)), -EINPROGRESS);
		peer_run_ms(&p, 1);
		peer_drain(&p);
		peer_send(&p, &(struct peer_out){ .flags = TCPF_SYN, .window = 60000 });
		peer_run_us(&p, 10);
		p.head = p.tail;
		for (int i = 0; i < 30; i++) {
			struct peer_seg *s = data_ms(seq, 100, TCPF_PSH, 60);
			u32 e;

			assert_non_null(s);
			seq = s->ack;
			e = seq + ((u32)s->window << tcp_of(p.c)->rx_opt.rcv_wscale);
			if (seq_before(e, edge))
				moved_back++;
			edge = e;
		}
		assert_true(on ? moved_back > 0 : moved_back == 0);
		peer_end(&p);
	}
}

/* Memory behind a hole makes the buffer of an accepted connection grow; the program need not read first. */
static void test_ofo_grows_buffer(void **state)
{
	s32 before;

	begin(0);
	before = p.c->sk->rcvbuf;
	for (u32 seq = 1000; seq < 61000; seq += 1000)
		data(seq, 1000);
	assert_true(p.c->sk->rcvbuf > before);
	peer_end(&p);
}

/* -- compressed ACKs; times and counts as Linux 6.18 was seen to answer the same packets -- */

static u32 held(void) { return (u32)PEER_MIB(TcpExt_TCPAckCompressed); }

/* Round trip of 10 ms both ways of measuring, quick ACKs used up. Returns the next sequence number; sysctl: NULL or a name and value. */
static u32 begin_held(const char *name, const char *value, bool ts, bool sack)
{
	u32 seq = 0;

	peer_begin(&p);
	echo = 0;
	lab_ok(weft_sysctl_set(p.l.ns[LEFT], "net.ipv4.tcp_rmem", "4096 1000000 8000000"));
	if (name)
		lab_ok(weft_sysctl_set(p.l.ns[LEFT], name, value));
	p.ts = ts;
	p.sack = sack;
	peer_connect(&p, 10, NULL);
	echo = p.last_tsval - 1; /* the last one went with an ACK already, which is no sample */
	peer_run_ms(&p, 9);
	for (int i = 0; i < 20; i++, seq += 1000) {
		data(seq, 1000);
		peer_run_us(&p, 100);
	}
	peer_run_ms(&p, 100); /* the delayed ACK of the last */
	p.head = p.tail;
	assert_int_equal(held(), 0);
	return seq;
}
#define HELD(s, n)                                                                                                     \
	do {                                                                                                           \
		for (u32 k_ = 0; k_ < (n); k_++)                                                                       \
			assert_null(data((s) + 1000 * k_, 1000));                                                      \
	} while (0)
/* No ACK until us from now, then one. */
static struct peer_seg *ack_after(u32 us)
{
	struct peer_seg *s;

	peer_run_us(&p, us - 1);
	assert_null(peer_any(&p));
	peer_run_us(&p, 1);
	s = peer_any(&p);
	assert_non_null(s);
	assert_null(peer_any(&p));
	return s;
}
/* Three packets behind the hole are answered at once. */
static u32 three(u32 seq)
{
	for (int i = 0; i < 3; i++, seq += 1000)
		assert_non_null(data(seq, 1000));
	return seq;
}

static void test_held_acks(void **state)
{
	u32 hole = begin_held(NULL, NULL, true, true), seq = three(hole + 2000);
	struct peer_seg *s;

	HELD(seq, 7); /* a twentieth of the round trip, and the slack */
	s = ack_after(600);
	BLOCK(s, 0, hole + 2000, seq + 7000);
	NO_BLOCK(s, 1);
	assert_int_equal(held(), 6);
	seq += 7000;
	HELD(seq, 44); /* no more than tcp_comp_sack_nr wait */
	seq += 44000;
	s = data(seq, 1000);
	assert_non_null(s);
	BLOCK(s, 0, hole + 2000, seq + 1000);
	assert_int_equal(held(), 50);
	peer_run_ms(&p, 2); /* its timer found nothing to do */
	assert_null(peer_any(&p));
	/* Part of the hole is filled: a new loss for the peer, so again three at once. */
	HELD(seq + 1000, 5);
	s = data(hole, 1000);
	assert_non_null(s);
	assert_int_equal(s->ack, hole + 1000);
	assert_int_equal(held(), 55);
	assert_non_null(data(seq + 6000, 1000));
	assert_non_null(data(seq + 7000, 1000));
	HELD(seq + 8000, 5);
	/* The hole closes: at once. */
	s = data(hole + 1000, 1000);
	assert_non_null(s);
	assert_int_equal(s->ack, seq + 13000);
	NO_BLOCK(s, 0);
	assert_int_equal(held(), 60);
	/* Old data: quick ACKs, and a D-SACK. */
	hole = seq + 13000;
	seq = three(hole + 1000);
	HELD(seq, 5);
	s = data(0, 1000);
	assert_non_null(s);
	BLOCK(s, 0, 0, 1000);
	BLOCK(s, 1, hole + 1000, seq + 5000);
	assert_int_equal(held(), 65);
	for (u32 i = 5; i < 9; i++)
		assert_non_null(data(seq + 1000 * i, 1000));
	peer_end(&p);
}

/* Two stretches fit in what the peer hears anyway; with a third, an ACK that waits goes before another takes its place in front. */
static void test_held_acks_of_stretches(void **state)
{
	u32 seq = begin_held(NULL, NULL, true, true) + 1000, a = seq, b = seq + 20000, c = seq + 40000, n = 0;
	struct peer_seg *s;

	data(a, 1000), data(b, 1000), data(a + 1000, 1000);
	for (u32 i = 1; i < 5; i++) {
		HELD(b + i * 1000, 1);
		HELD(a + i * 1000 + 1000, 1);
	}
	s = data(c, 1000); /* eight wait, and the blocks are without the ninth */
	assert_non_null(s);
	BLOCK(s, 0, a, a + 6000);
	BLOCK(s, 1, b, b + 5000);
	NO_BLOCK(s, 2);
	assert_int_equal(held(), 7);
	for (u32 i = 6; i < 12; i++) {
		n += !!data(a + i * 1000, 1000);
		n += !!data(b + i * 1000 - 1000, 1000);
		n += !!data(c + i * 1000 - 5000, 1000);
	}
	assert_int_equal(n, 9); /* every other one */
	assert_int_equal(held(), 7);
	peer_end(&p);
}

static void test_held_acks_sysctls(void **state)
{
	static const struct { const char *name, *value; bool ts, sack; u32 us; } t[] = {
		{ "net.ipv4.tcp_comp_sack_delay_ns", "300000", true, true, 400 },
		{ "net.ipv4.tcp_comp_sack_delay_ns", "0", true, true, 100 },
		{ "net.ipv4.tcp_comp_sack_delay_ns", "18446744073709551615", true, true, 600 },
		{ "net.ipv4.tcp_comp_sack_slack_ns", "0", true, true, 500 },
		{ "net.ipv4.tcp_comp_sack_slack_ns", "400000", true, true, 900 },
		{ NULL, NULL, false, true, 100 }, /* no estimate of the receiver's */
		{ "net.ipv4.tcp_comp_sack_nr", "0", true, true, 0 },
		{ NULL, NULL, true, false, 0 },
	};

	for (unsigned i = 0; i < ARRAY_SIZE(t); i++) {
		u32 seq = three(begin_held(t[i].name, t[i].value, t[i].ts, t[i].sack) + 1000);

		if (t[i].us) {
			HELD(seq, 3);
			BLOCK(ack_after(t[i].us), 0, seq - 3000, seq + 3000);
			assert_int_equal(held(), 2);
		} else {
			for (u32 k = 0; k < 50; k++, seq += 1000)
				assert_non_null(data(seq, 1000));
			assert_int_equal(held(), 0);
		}
		peer_end(&p);
	}
	/* A slack without end: only the count sends. Closing meanwhile is nothing special. */
	u32 seq = three(begin_held("net.ipv4.tcp_comp_sack_slack_ns", "18446744073709551615", true, true) + 1000);
	HELD(seq, 44);
	peer_run_ms(&p, 60000);
	assert_null(peer_any(&p));
	assert_non_null(data(seq + 44000, 1000));
	assert_int_equal(held(), 44);
	HELD(seq + 45000, 3);
	peer_end(&p);
}

/* A handshake's last segment must echo one of the SYN-ACKs' timestamps: others are answered, and dropped. */
static void test_tsecr(void **state)
{
	static const struct { s32 off; bool ok; } rows[] = { { 0, true }, { 1000, true }, { -1, false }, { 1001, false }, { 500, true } };
	u32 first;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		weft_socket *srv;

		peer_begin(&p);
		srv = tcp_listener(&p.l, LEFT, 80, 5);
		p.sport = cpu_to_be16(80);
		p.mss = 1460;
		peer_send(&p, &(struct peer_out){ .seq = (u32)-1, .flags = TCPF_SYN, .no_ack = true });
		peer_run_ms(&p, 1);
		first = p.last_tsval;
		peer_run_ms(&p, 1500); /* the SYN-ACK again, 1000 ms later */
		assert_int_equal(p.last_tsval - first, 1000);
		while (peer_any(&p))
			;
		peer_send(&p, &(struct peer_out){ .seq = 0, .ack = 0, .tsecr = first + (u32)rows[i].off });
		peer_run_ms(&p, 1);
		assert_int_equal(!!(weft_poll(srv) & POLLIN), rows[i].ok);
		assert_int_equal(PEER_MIB(TcpExt_TSEcrRejected), !rows[i].ok);
		assert_int_equal(!!peer_any(&p), !rows[i].ok); /* what it should have said */
		weft_close(srv);
		p.c = NULL;
		peer_end(&p);
	}
}

/* The route's feature tcp_usec_ts: our timestamps tick in us, whatever the peer's do, and tell the round trip that finely. */
static void test_usec_ts(void **state)
{
	for (int both = 0; both < 2; both++) {
		u32 metrics[RTAX_SLOTS] = { [RTAX_FEATURES] = RTAX_FEATURE_TCP_USEC_TS }, ts;
		weft_wire_params fine = { .delay_ns = 1234567 }, lossy = { .delay_ns = 1234567, .loss_ppm = 20000 };
		struct tcp_pair q;
		socklen_t len = sizeof ts;

		pair_wire(&q, 1, &fine, &fine);
		for (int n = LEFT; n <= both * RIGHT; n++) {
			struct fib_config c = { .family = AF_INET, .table = RT_TABLE_MAIN, .protocol = RTPROT_BOOT, .type = RTN_UNICAST, .scope = RT_SCOPE_LINK,
						.nl_flags = NLM_F_CREATE, .prefix_len = 32, .oif = dev_by_name(q.l.ns[n], "eth0")->ifindex, .metrics = metrics,
						.dst = inaddr_from_v4(n == LEFT ? BE32(0x0a000002) : BE32(0x0a000001)) };
			lab_ok(fib_route_add(q.l.w->cpu[0], q.l.ns[n], &c));
		}
		pair_connect(&q);
		assert_int_equal(info_of(q.c).options & 64, 64);
		assert_int_equal(info_of(q.s).options & 64, both ? 64 : 0);
		pair_transfer(&q, 100000, 20000, true, 20000);
		assert_in_range(info_of(q.c).min_rtt, 2469, 2490);
		assert_in_range(info_of(q.c).rcv_rtt, 2469, 6000);
		for (int k = 0; k < 2; k++) {
			u32 before;
			weft_socket *s = k ? q.s : q.c;

			lab_ok(weft_getsockopt(s, IPPROTO_TCP, TCP_TIMESTAMP, &ts, &len));
			before = ts;
			assert_int_equal(ts & 1, !k || both);
			lab_run_ms(&q.l, 100);
			lab_ok(weft_getsockopt(s, IPPROTO_TCP, TCP_TIMESTAMP, &ts, &len));
			assert_in_range(ts - before, !k || both ? 99998 : 98, !k || both ? 100002 : 102);
		}
		weft_wire_set(q.wire, 0, &lossy); /* undo and PAWS compare clocks */
		weft_wire_set(q.wire, 1, &lossy);
		pair_transfer(&q, 2000000, 20000, true, 60000);
		assert_int_equal(lab_mib(&q.l, LEFT, MIB_TcpExt_PAWSEstab) + lab_mib(&q.l, RIGHT, MIB_TcpExt_PAWSEstab), 0);
		pair_end(&q);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tsecr), cmocka_unit_test(test_usec_ts),
		cmocka_unit_test(test_dsack), cmocka_unit_test(test_fin_no_dsack), cmocka_unit_test(test_beyond_window),
		cmocka_unit_test(test_zero_window_fin), cmocka_unit_test(test_shrink_window), cmocka_unit_test(test_ofo_grows_buffer),
		cmocka_unit_test(test_held_acks), cmocka_unit_test(test_held_acks_of_stretches), cmocka_unit_test(test_held_acks_sysctls),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
