/* What a hostile peer, or one who guesses, can do to a connection: nothing but use the memory and the answers that limits allow.
 * The test is the peer (test_peer.h). After every blow the invariants of test_tcp_check.h hold. Floods of SYNs: tcp_listen_test.c. */
#include "transport/tcp/test_peer.h"
#include "transport/tcp/test_tcp_check.h"

static void begin(struct peer *p)
{
	peer_begin(p);
	p->ts = false;
	peer_connect(p, 20, NULL);
	peer_run_ms(p, 2000); /* what is rate-limited begins anew */
	p->head = p->tail;
}

static unsigned answers(struct peer *p)
{
	unsigned n = p->tail - p->head;

	p->head = p->tail;
	return n;
}

static struct tcp_sock *attacked(struct peer *p)
{
	tcp_check_net(p->l.ns[LEFT]);
	return tcp_of(p->c);
}

/* RFC 5961: only the exact number resets; SYNs never do; what acknowledges nonsense is not taken. Challenge ACKs are rare: two a second. */
static void test_blind_injection(void **state)
{
	char b[64];
	struct peer p;

	begin(&p);
	for (u32 i = 1; i <= 3000; i++) { /* all over the window */
		peer_send(&p, &(struct peer_out){ .seq = i * 19, .flags = TCPF_RST, .no_ack = i & 1 });
		assert_int_equal(attacked(&p)->inet.sk.state, TCP_ESTABLISHED);
	}
	assert_in_range(answers(&p), 1, 2);
	peer_run_ms(&p, 1000);
	for (u32 i = 1; i <= 3000; i++) {
		peer_send(&p, &(struct peer_out){ .seq = i * 19, .flags = TCPF_SYN, .no_ack = i & 1 });
		assert_int_equal(attacked(&p)->inet.sk.state, TCP_ESTABLISHED);
	}
	assert_in_range(answers(&p), 1, 2);
	assert_true(PEER_MIB(TcpExt_TCPSYNChallenge) >= 3000);
	peer_run_ms(&p, 1000);
	for (u32 i = 0; i < 3000; i++) /* data that acknowledges what was never sent, or long ago (in order, Linux takes that one) */
		peer_send(&p, &(struct peer_out){ .seq = i & 1 ? 0 : 1 + i, .len = 50, .ack = i & 1 ? 1 + i * 7000 : 0u - 8000000 - i * 7000 });
	assert_int_equal(attacked(&p)->rcv_nxt, p.my_isn + 1);
	assert_null(tcp_of(p.c)->ofo_last);
	assert_in_range(answers(&p), 1, 3);
	assert_int_equal(weft_recv(p.c, b, sizeof b, 0), -EAGAIN);
	peer_send(&p, &(struct peer_out){ .seq = 0, .flags = TCPF_RST });
	assert_int_equal(attacked(&p)->inet.sk.state, TCP_CLOSE);
	assert_int_equal(lab_getopt(p.c, SOL_SOCKET, SO_ERROR), ECONNRESET);
	peer_end(&p);
}

/* Two ends that disagree would answer each other for ever: ACKs out of the window are answered twice a second. */
static void test_ack_storm(void **state)
{
	unsigned n = 0;
	struct peer p;

	begin(&p);
	for (u32 i = 0; i < 1000; i++) {
		peer_send(&p, &(struct peer_out){ .seq = 0u - 5000, .ack = 0 });
		peer_run_us(&p, 2000);
		n += answers(&p);
	}
	assert_in_range(n, 3, 5); /* in 2 s */
	assert_true(PEER_MIB(TcpExt_TCPACKSkippedSeq) >= 990);
	attacked(&p);
	peer_end(&p);
}

/* A byte a packet, and nobody reads: charged for the packets' whole memory, and no more is taken than the buffer allows. */
static void test_tiny_segments(void **state)
{
	static char b[65536];
	u32 sent = 0, got = 0;
	struct peer p;
	u64 before;
	ssize_t n;

	begin(&p);
	before = p.l.w->mem.bytes;
	for (; sent < 40000; sent++) {
		peer_send(&p, &(struct peer_out){ .seq = sent, .len = 1 });
		const struct tcp_sock *tp = tcp_of(p.c);
		assert_true(tp->inet.sk.rmem_alloc <= (u32)tcp_net(tp)->rmem[2] + 4096);
		if (tp->rcv_nxt != p.my_isn + 2 + sent)
			break;
		p.head = p.tail;
	}
	attacked(&p);
	assert_true(sent > 10000); /* collapsed in time: far more than one for each packet's worth */
	assert_true(PEER_MIB(TcpExt_TCPRcvCollapsed) > 0 || sent == 40000);
	assert_true(p.l.w->mem.bytes - before < 3u * (u32)tcp_net(tcp_of(p.c))->rmem[2]);
	while ((n = weft_recv(p.c, b, sizeof b, 0)) > 0)
		got += (u32)n;
	assert_int_equal(got, sent);
	assert_int_equal(attacked(&p)->inet.sk.rmem_alloc, 0);
	peer_end(&p);
}

/* Every second byte, so that nothing joins: the tree is pruned from above, and what is next is still taken. */
static void test_tiny_holes(void **state)
{
	struct peer p;
	char b[16];
	u64 before;

	begin(&p);
	lab_opt(p.c, SOL_SOCKET, SO_RCVBUF, 100000);
	before = p.l.w->mem.bytes;
	for (u32 i = 0; i < 20000; i++) {
		peer_send(&p, &(struct peer_out){ .seq = 2 + (i % 15000) * 2, .len = 1 });
		assert_true(tcp_of(p.c)->inet.sk.rmem_alloc <= 200000 + 4096);
		p.head = p.tail;
	}
	attacked(&p);
	assert_true(PEER_MIB(TcpExt_PruneCalled) > 0);
	assert_true(PEER_MIB(TcpExt_TCPOFODrop) + PEER_MIB(TcpExt_OfoPruned) > 0);
	assert_true(p.l.w->mem.bytes - before < 1 << 20);
	peer_send(&p, &(struct peer_out){ .seq = 0, .len = 2 });
	assert_int_equal(weft_recv(p.c, b, sizeof b, 0), 3); /* and the byte that waited */
	attacked(&p);
	peer_end(&p);
}

/* Each overlaps the one before by all but a byte, from above downwards and from below upwards. */
static void test_overlaps(void **state)
{
	static char b[65536];
	u32 got = 0;
	struct peer p;
	ssize_t n;

	begin(&p);
	for (u32 i = 3000; i > 0; i--) {
		peer_send(&p, &(struct peer_out){ .seq = i, .len = 1000 });
		p.head = p.tail;
		if (!(i % 100))
			attacked(&p);
	}
	for (u32 i = 1; i < 3000; i++) {
		peer_send(&p, &(struct peer_out){ .seq = i, .len = 1000 + i % 3 });
		p.head = p.tail;
	}
	assert_true(PEER_MIB(TcpExt_TCPOFOMerge) > 2900);
	assert_true(attacked(&p)->inet.sk.rmem_alloc <= (u32)tcp_of(p.c)->inet.sk.rcvbuf + 4096);
	peer_send(&p, &(struct peer_out){ .seq = 0, .len = 1 });
	while ((n = weft_recv(p.c, b, sizeof b, 0)) > 0)
		got += (u32)n;
	assert_int_equal(got, tcp_of(p.c)->rcv_nxt - p.my_isn - 1);
	assert_true(got >= 1000);
	assert_int_equal(attacked(&p)->inet.sk.rmem_alloc, 0);
	peer_end(&p);
}

/* CVE-2019-11477 to 11479: the smallest MSS, and SACKs that leave a hole after every packet. Records stay bounded, so that an ACK's work
 * does; and the data arrives. */
static void test_sack_holes(void **state)
{
	struct tcp_sock *tp;
	struct peer p;
	u32 most = 0, una = 0, turns = 0;

	peer_begin(&p);
	p.ts = false;
	p.mss = 48;
	p.c = lab_socket(&p.l, LEFT, SOCK_STREAM, 0);
	lab_opt(p.c, SOL_SOCKET, SO_SNDBUF, 60000);
	assert_int_equal(weft_connect(p.c, LAB_SA("10.0.0.2", 80)), -EINPROGRESS);
	peer_run_ms(&p, 20);
	peer_send(&p, &(struct peer_out){ .flags = TCPF_SYN, .window = 60000 });
	peer_run_ms(&p, 20);
	peer_ack(&p, 0);
	tp = tcp_of(p.c);
	assert_int_equal(tp->inet.sk.state, TCP_ESTABLISHED);
	tp->snd_cwnd = 100000; /* as after a long and friendly beginning: few records, of many packets each */
	tp->pacing_rate = UINT64_MAX;
	for (int i = 0; i < 8; i++)
		weft_send(p.c, (char[16000]){ 0 }, 16000, 0);
	peer_run_ms(&p, 1);
	p.head = p.tail;
	assert_true(tp->packets_out > 2000 && tp->segs_n < 50);
	for (u32 at = 48; at + 48 * 8 < tp->snd_nxt - p.isn - 1; at += 48 * 8) {
		peer_ack(&p, 0, at, at + 48, at + 96, at + 144, at + 192, at + 240, at + 288, at + 336);
		p.head = p.tail;
		attacked(&p);
		most = MAX(most, tp->segs_n);
	}
	/* Half of the send buffer's limit, in records of no more than they are charged for. */
	assert_true(most <= 2 * (2 * ((u32)tp->inet.sk.sndbuf + 2 * 66400) / 832) + 100);
	/* Once more, all at odd places: nothing is found in pieces of pieces. */
	for (u32 at = 1; at + 400 < tp->snd_nxt - p.isn - 1; at += 97) {
		peer_ack(&p, 0, at, at + 1, at + 50, at + 51, at + 99, at + 100, at + 148, at + 149);
		p.head = p.tail;
	}
	attacked(&p);
	most = MAX(most, tp->segs_n);
	assert_true(most <= 2 * (2 * ((u32)tp->inet.sk.sndbuf + 2 * 66400) / 832) + 100);
	assert_true(PEER_MIB(TcpExt_TCPWqueueTooBig) > 0);
	while (tp->snd_una != tp->write_seq && turns++ < 100000) {
		una = MIN(una + 4800, tp->snd_nxt - p.isn - 1);
		peer_ack(&p, una);
		p.head = p.tail;
		peer_run_ms(&p, 10);
		p.head = p.tail;
	}
	assert_int_equal(tp->snd_una, tp->write_seq);
	assert_int_equal(attacked(&p)->segs_n, 0);
	peer_end(&p);
}

/* A window of a few bytes: no segment for each of them. */
static void test_tiny_windows(void **state)
{
	unsigned n;
	struct peer p;

	begin(&p);
	peer_write(&p, 5000);
	peer_drain(&p);
	peer_write(&p, 100000);
	p.head = p.tail;
	for (u32 i = 0; i < 500; i++) {
		u32 una = tcp_of(p.c)->snd_nxt - p.isn - 1;

		peer_send(&p, &(struct peer_out){ .ack = una, .window = 1 }); /* 128 bytes */
		peer_run_us(&p, 1000);
	}
	n = answers(&p);
	assert_true(n < 20); /* silly windows are waited out: probes only */
	attacked(&p);
	peer_end(&p);
}

static void test_option_garbage(void **state)
{
	u64 x = 88172645463325252ull;
	u8 opt[20];
	struct peer p;
	char b[2000];
	u32 seq = 0;

	begin(&p);
	peer_write(&p, 20000);
	for (u32 i = 0; i < 4000; i++) {
		for (size_t k = 0; k < sizeof opt; k++) {
			x ^= x << 13, x ^= x >> 7, x ^= x << 17;
			opt[k] = x & 64 ? (u8)(x >> 40) % 40 : (u8)(x >> 32);
		}
		peer_send(&p, &(struct peer_out){ .seq = seq, .len = i & 1, .opt = opt, .opt_len = 4u * (1 + (u32)(x >> 20) % 5) });
		seq = tcp_of(p.c)->rcv_nxt - p.my_isn - 1;
		p.head = p.tail;
		if (!(i % 50))
			attacked(&p);
	}
	while (weft_recv(p.c, b, sizeof b, 0) > 0)
		;
	assert_int_equal(attacked(&p)->inet.sk.state, TCP_ESTABLISHED);
	peer_end(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_blind_injection), cmocka_unit_test(test_ack_storm),    cmocka_unit_test(test_tiny_segments),
		cmocka_unit_test(test_tiny_holes),	cmocka_unit_test(test_overlaps),     cmocka_unit_test(test_sack_holes),
		cmocka_unit_test(test_tiny_windows),	cmocka_unit_test(test_option_garbage),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
