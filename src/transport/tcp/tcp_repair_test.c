/* TCP_REPAIR: a connection moved from one socket to another with its queues full; what memory that runs out does to it. Its calls, one by
 * one, are compared with Linux in tests/kernel_compare/tcpopt_compare.c; so are the other options here, whose effects are times. */
#include "transport/tcp/test_peer.h"

enum { UNACKED = 30000, UNREAD = 20000, REST = 100000 };

struct image { /* as CRIU keeps it */
	u32 snd, rcv, stamp;
	struct tcp_repair_window win;
	struct tcp_info_full info;
	u8 out[UNACKED], in[UNREAD];
};

static u32 int_opt(weft_socket *s, int name) { return (u32)lab_getopt(s, IPPROTO_TCP, name); }

static void take(struct tcp_pair *p, struct image *im)
{
	socklen_t len = sizeof im->win;

	lab_opt(p->c, IPPROTO_TCP, TCP_REPAIR, TCP_REPAIR_ON);
	lab_opt(p->c, IPPROTO_TCP, TCP_REPAIR_QUEUE, TCP_SEND_QUEUE);
	im->snd = int_opt(p->c, TCP_QUEUE_SEQ);
	assert_int_equal(weft_recv(p->c, im->out, sizeof im->out, MSG_PEEK), UNACKED);
	lab_opt(p->c, IPPROTO_TCP, TCP_REPAIR_QUEUE, TCP_RECV_QUEUE);
	im->rcv = int_opt(p->c, TCP_QUEUE_SEQ);
	assert_int_equal(weft_recv(p->c, im->in, sizeof im->in, MSG_PEEK), UNREAD);
	lab_ok(weft_getsockopt(p->c, IPPROTO_TCP, TCP_REPAIR_WINDOW, &im->win, &len));
	im->stamp = int_opt(p->c, TCP_TIMESTAMP);
	im->info = info_of(p->c);
	weft_close(p->c);
	p->c = NULL;
}

/* 0 or the first error. */
static int put(struct tcp_pair *p, const struct image *im, u16 port)
{
	const struct tcp_repair_opt o[] = { { TCPO_MSS, 1460 }, { TCPO_WSCALE, (u32)(im->info.snd_wscale | im->info.rcv_wscale << 16) },
					    { TCPO_SACK_PERM, 0 }, { TCPO_TIMESTAMP, 0 } };
	const struct { int queue; u32 seq; const u8 *data; u32 len; } q[] = {
		{ TCP_SEND_QUEUE, im->snd - UNACKED, im->out, UNACKED }, { TCP_RECV_QUEUE, im->rcv - UNREAD, im->in, UNREAD },
	};
	ssize_t n;
	int err;

	if ((err = weft_socket_new(p->l.ns[LEFT], AF_INET, SOCK_STREAM, 0, &p->c)))
		return err;
	lab_opt(p->c, IPPROTO_TCP, TCP_REPAIR, TCP_REPAIR_ON);
	if ((err = weft_bind(p->c, LAB_SA("10.0.0.1", port))))
		return err;
	for (int i = 0; i < 2; i++) {
		lab_opt(p->c, IPPROTO_TCP, TCP_REPAIR_QUEUE, q[i].queue);
		lab_opt(p->c, IPPROTO_TCP, TCP_QUEUE_SEQ, (int)q[i].seq);
	}
	if ((err = weft_connect(p->c, LAB_SA("10.0.0.2", 80))))
		return err;
	lab_ok(weft_setsockopt(p->c, IPPROTO_TCP, TCP_REPAIR_OPTIONS, o, sizeof o));
	lab_opt(p->c, IPPROTO_TCP, TCP_TIMESTAMP, (int)im->stamp);
	for (int i = 0; i < 2; i++) {
		lab_opt(p->c, IPPROTO_TCP, TCP_REPAIR_QUEUE, q[i].queue);
		for (u32 at = 0; at < q[i].len; at += (u32)n)
			if ((n = weft_send(p->c, q[i].data + at, q[i].len - at, 0)) < 0)
				return (int)n;
	}
	lab_ok(weft_setsockopt(p->c, IPPROTO_TCP, TCP_REPAIR_WINDOW, &im->win, sizeof im->win));
	lab_opt(p->c, IPPROTO_TCP, TCP_REPAIR, TCP_REPAIR_OFF);
	return 0;
}

/* A connection whose last bytes in either direction were lost, or not read. */
static void begin(struct tcp_pair *p, struct flow_half *out, struct flow_half *in, u16 *port)
{
	weft_wire_params fine = { .delay_ns = 5 * NSEC_PER_MSEC }, lossy = { .delay_ns = 5 * NSEC_PER_MSEC, .loss_ppm = 1000000 };

	pair_wire(p, 1, &fine, &fine);
	pair_connect(p);
	*port = be16_to_cpu(tcp_of(p->c)->inet.sport);
	pair_transfer(p, 500000, 20000, true, 20000);
	lab_run_ms(&p->l, 1000);
	*out = (struct flow_half){ .from = p->c, .to = p->s, .total = REST, .salt = 3, .chunk = UNACKED };
	*in = (struct flow_half){ .from = p->s, .to = p->c, .total = REST, .salt = 4, .chunk = UNREAD };
	assert_int_equal(weft_send(p->s, pattern_at(0, in->salt, &(size_t){ 0 }), UNREAD, 0), UNREAD);
	in->sent = UNREAD;
	lab_run_ms(&p->l, 500);
	weft_wire_set(p->wire, 0, &lossy);
	assert_int_equal(weft_send(p->c, pattern_at(0, out->salt, &(size_t){ 0 }), UNACKED, 0), UNACKED);
	out->sent = UNACKED;
	lab_run_ms(&p->l, 20);
	weft_wire_set(p->wire, 0, &fine);
}

static void test_moved(void **state)
{
	struct tcp_pair p;
	struct image im;
	struct flow_half out, in;
	u64 sent;
	u16 port;

	begin(&p, &out, &in, &port);
	sent = lab_mib(&p.l, LEFT, MIB_Tcp_OutSegs);
	take(&p, &im);
	lab_run_ms(&p.l, 100);
	assert_int_equal(lab_mib(&p.l, LEFT, MIB_Tcp_OutSegs), sent); /* without a word */
	assert_int_equal(state_of(p.s), TCP_ESTABLISHED);
	assert_int_equal(put(&p, &im, port), 0);
	assert_int_equal(info_of(p.c).unacked, (UNACKED + 523) / 524); /* the handshake's MSS is not known when the queue is filled */
	out.from = in.to = p.c;
	assert_true(lab_wait(&p.l, 60000, !flow_pump(&out) || !flow_pump(&in) || (out.got == REST && in.got == REST)));
	assert_int_equal(out.got, REST);
	assert_int_equal(in.got, REST);
	pair_end(&p);
}

/* Whichever allocation fails: an error, nothing leaks, and the peer's connection goes on as soon as one attempt succeeds. */
static void test_no_memory(void **state)
{
	struct tcp_pair p;
	struct image im;
	struct flow_half out, in;
	int err = -1, failures = 0;
	u16 port;

	begin(&p, &out, &in, &port);
	take(&p, &im);
	for (u64 n = 1; err; n++) {
		p.l.w->mem.fail_at = n;
		err = put(&p, &im, port);
		p.l.w->mem.fail_at = 0;
		if (!err)
			break;
		failures++;
		if (p.c) { /* still under repair: it goes silently */
			weft_close(p.c);
			p.c = NULL;
		}
		assert_in_range(n, 1, 300);
	}
	assert_true(failures > 2);
	out.from = in.to = p.c;
	assert_true(lab_wait(&p.l, 60000, !flow_pump(&out) || !flow_pump(&in) || (out.got == REST && in.got == REST)));
	assert_int_equal(in.got, REST);
	pair_end(&p);
}

/* TCP_DELACK_MAX_US and TCP_RTO_MIN_US bound an ACK's delay: the timeout of a peer like us stays behind it. */
static void test_delack_max(void **state)
{
	static const struct { int name, us, ms; } rows[] = { { 46, 20000, 20 }, { 46, 8000, 8 }, { 46, 200000, 40 }, { 45, 20000, 16 }, { 45, 120000, 40 } };
	static struct peer p;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct peer_seg *s;
		u64 at;

		peer_begin(&p);
		p.ts = false;
		peer_connect(&p, 1, NULL);
		lab_opt(p.c, IPPROTO_TCP, rows[i].name, rows[i].us);
		for (u32 k = 0; k < 40; k++) { /* through the quick ACKs of the beginning */
			peer_send(&p, &(struct peer_out){ .seq = k * 1000, .len = 1000, .flags = TCPF_PSH });
			peer_run_ms(&p, 300);
		}
		lab_opt(p.c, IPPROTO_TCP, TCP_QUICKACK, 0);
		peer_drain(&p);
		at = p.cpu->now;
		peer_send(&p, &(struct peer_out){ .seq = 40000, .len = 1000, .flags = TCPF_PSH });
		peer_run_ms(&p, 300);
		s = peer_any(&p);
		assert_non_null(s);
		assert_in_range((s->at - at) / NSEC_PER_MSEC, rows[i].ms, rows[i].ms + 1);
		peer_end(&p);
	}
}

/* TCP_TX_DELAY: a live connection's round trip is longer by the difference at once, and its timeout; as in Linux, only a qdisc that
 * heeds departure times would hold its packets back. */
static void test_tx_delay(void **state)
{
	struct tcp_pair p;
	weft_wire_params fine = { .delay_ns = 5 * NSEC_PER_MSEC };
	struct tcp_info_full before, after;

	pair_wire(&p, 1, &fine, &fine);
	pair_connect(&p);
	pair_transfer(&p, 20000, 20000, true, 20000);
	before = info_of(p.c);
	lab_opt(p.c, IPPROTO_TCP, TCP_TX_DELAY, 30000);
	after = info_of(p.c);
	assert_int_equal(after.rtt, before.rtt + 30000);
	assert_true(after.rto > before.rto);
	lab_opt(p.c, IPPROTO_TCP, TCP_TX_DELAY, 10000);
	assert_int_equal(info_of(p.c).rtt, before.rtt + 10000);
	pair_transfer(&p, 200000, 20000, true, 20000);
	assert_in_range(info_of(p.c).rtt, 10000, 12000);
	pair_end(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_moved), cmocka_unit_test(test_no_memory), cmocka_unit_test(test_delack_max), cmocka_unit_test(test_tx_delay),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
