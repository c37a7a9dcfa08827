/* Loss recovery packet by packet: what a sender does with each ACK, and when. The test is the peer (test_peer.h); segments carry
 * 1000 bytes, so that sequence numbers read as counts. */
#include "transport/tcp/test_peer.h"

static void begin(struct peer *p, u32 rtt_ms, const char *cc)
{
	peer_begin(p);
	peer_connect(p, rtt_ms, cc);
}

/* Three SACKed segments above a hole: fast retransmission at the third, no sooner (no reordering was ever seen). */
static void test_fast_retransmit(void **state)
{
	static struct peer p;

	begin(&p, 20, "reno");
	peer_write(&p, 10000);
	assert_int_equal(peer_drain(&p), 10000);
	peer_run_ms(&p, 20);
	peer_ack(&p, 0, 1000, 2000);
	peer_ack(&p, 0, 1000, 3000);
	peer_expect_none(&p);
	peer_ack(&p, 0, 1000, 4000);
	peer_expect(&p, 0, 1000);
	peer_expect_none(&p);
	assert_int_equal(tcp_of(p.c)->ca_state, TCP_CA_Recovery);
	assert_int_equal(tcp_of(p.c)->snd_ssthresh, 5);
	assert_int_equal(PEER_MIB(TcpExt_TCPSackRecovery), 1);
	assert_int_equal(PEER_MIB(TcpExt_TCPFastRetrans), 1);
	peer_run_ms(&p, 20);
	peer_ack(&p, 10000);
	assert_int_equal(tcp_of(p.c)->ca_state, TCP_CA_Open);
	assert_int_equal(tcp_of(p.c)->snd_cwnd, 6); /* ssthresh, and this ACK's share */
	peer_end(&p);
}

/* RACK: fewer than three, but the reordering window (a quarter of the round trip) passes: the timer retransmits. */
static void test_reordering_timer(void **state)
{
	static struct peer p;
	struct peer_seg *s;
	u64 t;

	begin(&p, 40, "reno");
	peer_write(&p, 3000);
	peer_drain(&p);
	peer_run_ms(&p, 40);
	peer_ack(&p, 0, 2000, 3000);
	t = p.cpu->now;
	peer_expect_none(&p);
	peer_run_ms(&p, 9);
	peer_expect_none(&p);
	peer_run_ms(&p, 12); /* 40 / 4 ms and 8 ms, in ticks of 4 ms */
	s = peer_next(&p);
	assert_non_null(s);
	assert_int_equal(s->seq, 0);
	assert_in_range((s->at - t) / 1000, 20000, 20100);
	/* Both segments below were sent with it: both go, as PRR lets them. */
	assert_int_equal(tcp_of(p.c)->lost_out, 2);
	peer_end(&p);
}

/* A lone packet that is acknowledged in two pieces counts as reordering, as in Linux: the third SACK above a hole then waits for the
 * reordering timer. */
static void test_acked_in_pieces(void **state)
{
	static struct peer p;

	begin(&p, 20, "reno");
	peer_write(&p, 1000);
	peer_write(&p, 9000);
	assert_int_equal(peer_drain(&p), 10000);
	peer_run_ms(&p, 20);
	peer_ack(&p, 500);
	assert_int_equal(tcp_of(p.c)->reord_seen, 0);
	peer_ack(&p, 1000);
	assert_int_equal(tcp_of(p.c)->reord_seen, 1);
	assert_int_equal(PEER_MIB(TcpExt_TCPSACKReorder), 1);
	peer_ack(&p, 1000, 2000, 5000);
	peer_expect_none(&p);
	peer_run_ms(&p, 12);
	peer_expect_none(&p);
	peer_run_ms(&p, 5); /* 20 / 4 ms and 8 ms, in ticks of 4 ms */
	peer_expect(&p, 1000, 1000);
	peer_end(&p);
}

/* The window adapts: reordering seen, then D-SACKs, at most a step a round trip. */
static void test_reo_wnd_grows(void **state)
{
	static struct peer p;
	struct tcp_sock *tp;
	u32 at = 10000;

	begin(&p, 40, "reno");
	tp = tcp_of(p.c);
	peer_write(&p, 10000);
	peer_drain(&p);
	peer_run_ms(&p, 40);
	peer_ack(&p, 0, 1000, 2000);
	peer_ack(&p, 2000); /* the first was late, not lost */
	assert_int_equal(tp->reord_seen, 1);
	peer_ack(&p, 2000, 4000, 5000);
	peer_ack(&p, 2000, 3000, 5000); /* came later than what was sent after it */
	assert_int_equal(tp->reord_seen, 2);
	assert_int_equal(PEER_MIB(TcpExt_TCPSACKReorder), 2);
	assert_int_equal(tp->rack.reo_wnd_steps, 1);
	peer_ack(&p, 10000);
	for (u8 i = 2; i < 5; i++) {
		if (i == 4)
			lab_ok(weft_sysctl_set(p.l.ns[LEFT], "net.ipv4.tcp_recovery", "3")); /* static window */
		peer_write(&p, 8000);
		peer_run_ms(&p, 40);
		peer_drain(&p);
		peer_ack(&p, at, at + 1000, at + 5000); /* the first is taken for lost, and sent again */
		peer_run_ms(&p, 60);
		peer_expect(&p, at, 1000);
		peer_ack(&p, at + 8000);
		peer_send(&p, &(struct peer_out){ .seq = p.my_seq, .ack = at + 8000, .n_sacks = 1, .sacks = { at, at + 1000 } });
		peer_write(&p, 1000);
		peer_run_ms(&p, 40);
		peer_ack(&p, at + 9000);
		at += 9000;
		assert_int_equal(tp->rack.reo_wnd_steps, i < 4 ? i : 3);
		if (i < 4)
			assert_int_equal(tp->rack.reo_wnd_persist, 16 - 0);
	}
	peer_end(&p);
}

/* The retransmission is lost as well: found because something sent after it was SACKed; no timeout. */
static void test_lost_retransmission(void **state)
{
	static struct peer p;

	begin(&p, 20, "reno");
	peer_write(&p, 30000);
	assert_int_equal(peer_drain(&p), 10000);
	peer_run_ms(&p, 20);
	peer_ack(&p, 0, 1000, 4000);
	peer_expect(&p, 0, 1000);
	peer_run_ms(&p, 1);
	for (u32 i = 4; i < 10; i++)
		peer_ack(&p, 0, 1000, (i + 1) * 1000);
	assert_true(peer_drain(&p) >= 2000); /* new data behind the retransmission */
	peer_run_ms(&p, 20);
	peer_ack(&p, 0, 1000, 11000); /* it arrived; the retransmission, sent a millisecond before, did not */
	peer_run_ms(&p, 20);
	peer_expect(&p, 0, 1000);
	assert_int_equal(PEER_MIB(TcpExt_TCPLostRetransmit), 1);
	assert_int_equal(PEER_MIB(TcpExt_TCPTimeouts), 0);
	assert_int_equal(PEER_MIB(Tcp_RetransSegs), 2);
	assert_int_equal(PEER_MIB(Tcp_OutSegs) + 2, tcp_of(p.c)->segs_out); /* counts what is new */
	peer_end(&p);
}

/* Tail loss: the probe goes two round trips later, and its SACK begins recovery. */
static void test_tail_loss_probe(void **state)
{
	static struct peer p;
	struct peer_seg *s;
	u64 t;

	begin(&p, 20, "reno");
	peer_write(&p, 5000);
	t = p.cpu->now;
	peer_drain(&p);
	peer_run_ms(&p, 100);
	s = peer_next(&p);
	assert_non_null(s);
	assert_int_equal(s->seq, 4000);
	assert_int_equal(s->len, 1000);
	assert_in_range((s->at - t) / 1000, 44000, 44100); /* two round trips and 2 ms, in ticks of 4 ms */
	assert_int_equal(PEER_MIB(TcpExt_TCPLossProbes), 1);
	peer_ack(&p, 0, 4000, 5000);
	peer_run_ms(&p, 20);
	peer_expect(&p, 0, 1000);
	assert_int_equal(tcp_of(p.c)->ca_state, TCP_CA_Recovery);
	assert_int_equal(PEER_MIB(TcpExt_TCPTimeouts), 0);
	peer_end(&p);
}

/* The probe repaired the only loss: nobody else sees it, so the window is reduced by the ACK beyond it. And it is not when a D-SACK
 * says that the original had arrived. */
static void test_probe_repairs(void **state)
{
	for (int dsack = 0; dsack < 2; dsack++) {
		static struct peer p;

		begin(&p, 20, "reno");
		peer_write(&p, 5000);
		peer_drain(&p);
		peer_run_ms(&p, 20);
		peer_ack(&p, 4000);
		peer_run_ms(&p, 250); /* one segment out: two round trips and the delayed ACK's worst, 200 ms */
		peer_expect(&p, 4000, 1000);
		peer_run_ms(&p, 20);
		if (dsack)
			peer_ack(&p, 5000, 4000, 5000);
		else
			peer_ack(&p, 5000);
		peer_write(&p, 2000);
		peer_run_ms(&p, 20);
		peer_ack(&p, 6000);
		assert_int_equal(PEER_MIB(TcpExt_TCPLossProbeRecovery), !dsack);
		assert_int_equal(tcp_of(p.c)->snd_ssthresh < TCP_INFINITE_SSTHRESH, !dsack);
		peer_end(&p);
	}
}

static void test_probe_off(void **state)
{
	static struct peer p;

	peer_begin(&p);
	lab_ok(weft_sysctl_set(p.l.ns[LEFT], "net.ipv4.tcp_early_retrans", "0"));
	peer_connect(&p, 20, "reno");
	peer_write(&p, 5000);
	peer_drain(&p);
	peer_run_ms(&p, 219);
	peer_expect_none(&p);
	peer_run_ms(&p, 10); /* the timeout: 20 + 200 ms */
	peer_expect(&p, 0, 1000);
	assert_int_equal(PEER_MIB(TcpExt_TCPTimeouts), 1);
	assert_int_equal(tcp_of(p.c)->snd_cwnd, 1);
	peer_end(&p);
}

/* PRR: over the reduction as many packets go out as ssthresh / cwnd asks, spread over the ACKs. */
static void test_prr(void **state)
{
	static struct peer p;
	u32 sent = 0;

	begin(&p, 20, "reno");
	peer_write(&p, 10000);
	peer_drain(&p);
	peer_run_ms(&p, 20);
	peer_ack(&p, 10000); /* cwnd 20 */
	peer_write(&p, 60000);
	assert_int_equal(peer_drain(&p), 20000);
	peer_run_ms(&p, 20);
	for (u32 i = 1; i < 20; i++) {
		peer_run_us(&p, 1100); /* more than a millisecond between sends: nothing is put off to make larger packets */
		peer_ack(&p, 10000, 11000, 11000 + i * 1000);
		sent += peer_drain(&p) / 1000;
		/* In recovery from the third on: half of what is delivered, rounded up, never more. */
		if (i >= 3)
			assert_in_range(sent, (i + 1) / 2, (i + 1) / 2 + 2);
	}
	assert_int_equal(tcp_of(p.c)->snd_ssthresh, 10);
	assert_true(tcp_in_flight(tcp_of(p.c)) <= 11);
	peer_end(&p);
}

/* A D-SACK for each retransmission: none was needed, the window comes back. */
static void test_dsack_undo(void **state)
{
	static struct peer p;

	begin(&p, 20, "reno");
	peer_write(&p, 30000);
	peer_drain(&p);
	peer_run_ms(&p, 20);
	peer_ack(&p, 0, 1000, 4000);
	peer_expect(&p, 0, 1000);
	assert_int_equal(tcp_of(p.c)->ca_state, TCP_CA_Recovery);
	peer_run_ms(&p, 5);
	p.ts = false; /* no Eifel by timestamps */
	tcp_of(p.c)->rx_opt.saw_tstamp = false;
	peer_send(&p, &(struct peer_out){ .ack = 4000, .n_sacks = 1, .sacks = { 0, 1000 } });
	assert_int_equal(PEER_MIB(TcpExt_TCPDSACKUndo) + PEER_MIB(TcpExt_TCPFullUndo) + PEER_MIB(TcpExt_TCPPartialUndo), 1);
	assert_int_equal(tcp_of(p.c)->ca_state, TCP_CA_Open);
	assert_true(tcp_of(p.c)->snd_cwnd >= 10);
	assert_true(tcp_of(p.c)->snd_ssthresh >= TCP_INFINITE_SSTHRESH);
	peer_end(&p);
}

/* The ACK echoes the original's timestamp: undone at once (Eifel). */
static void test_eifel_undo(void **state)
{
	static struct peer p;
	u32 original;

	begin(&p, 20, "reno");
	peer_write(&p, 30000);
	peer_drain(&p);
	original = p.last_tsval;
	peer_run_ms(&p, 20);
	peer_send(&p, &(struct peer_out){ .ack = 0, .tsecr = original, .n_sacks = 1, .sacks = { 1000, 4000 } });
	peer_expect(&p, 0, 1000);
	peer_run_ms(&p, 5);
	peer_send(&p, &(struct peer_out){ .ack = 4000, .tsecr = original });
	assert_int_equal(PEER_MIB(TcpExt_TCPPartialUndo) + PEER_MIB(TcpExt_TCPFullUndo), 0 + (tcp_of(p.c)->ca_state == TCP_CA_Open));
	peer_send(&p, &(struct peer_out){ .ack = 10000, .tsecr = original });
	assert_int_equal(tcp_of(p.c)->ca_state, TCP_CA_Open);
	assert_int_equal(PEER_MIB(TcpExt_TCPPartialUndo) + PEER_MIB(TcpExt_TCPFullUndo), 1);
	assert_true(tcp_of(p.c)->snd_cwnd >= 10);
	peer_end(&p);
}

/* F-RTO: the first ACK after a timeout moves forward, new data goes, and what was never sent again is acknowledged: no loss. */
static void test_frto(void **state)
{
	for (int frto = 0; frto <= 2; frto += 2) {
		static struct peer p;

		peer_begin(&p);
		lab_ok(weft_sysctl_set(p.l.ns[LEFT], "net.ipv4.tcp_frto", frto ? "2" : "0"));
		lab_ok(weft_sysctl_set(p.l.ns[LEFT], "net.ipv4.tcp_early_retrans", "0"));
		p.ts = false;
		peer_connect(&p, 20, "reno");
		peer_write(&p, 40000);
		peer_drain(&p);
		peer_run_ms(&p, 230);
		peer_expect(&p, 0, 1000);
		assert_int_equal(tcp_of(p.c)->ca_state, TCP_CA_Loss);
		peer_ack(&p, 1000); /* the delayed originals */
		if (frto)
			peer_expect(&p, 10000, 1000); /* new data, not a retransmission */
		else
			peer_expect(&p, 1000, 1000);
		peer_drain(&p);
		peer_ack(&p, 2000);
		peer_ack(&p, 3000);
		assert_int_equal(PEER_MIB(TcpExt_TCPSpuriousRTOs), !!frto);
		if (frto) {
			assert_int_equal(tcp_of(p.c)->ca_state, TCP_CA_Open);
			assert_true(tcp_of(p.c)->snd_cwnd >= 10);
		}
		peer_end(&p);
	}
}

/* The peer takes back what it SACKed: after the timeout everything goes again. */
static void test_reneging(void **state)
{
	static struct peer p;

	begin(&p, 20, "reno");
	peer_write(&p, 10000);
	peer_drain(&p);
	peer_run_ms(&p, 20);
	peer_ack(&p, 0, 1000, 5000);
	peer_expect(&p, 0, 1000);
	peer_run_ms(&p, 20);
	peer_ack(&p, 1000); /* and yet not 5000 */
	peer_run_ms(&p, 40);
	assert_int_equal(PEER_MIB(TcpExt_TCPSACKReneging), 1);
	assert_int_equal(tcp_of(p.c)->sacked_out, 0);
	assert_int_equal(tcp_of(p.c)->ca_state, TCP_CA_Loss);
	peer_end(&p);
}

/* Without SACK: three duplicate ACKs, then one hole for each partial ACK. */
static void test_newreno(void **state)
{
	static struct peer p;

	peer_begin(&p);
	p.sack = false;
	peer_connect(&p, 20, "reno");
	peer_write(&p, 10000);
	peer_drain(&p);
	peer_run_ms(&p, 20);
	peer_ack(&p, 0);
	peer_ack(&p, 0);
	peer_expect_none(&p);
	peer_ack(&p, 0);
	peer_expect(&p, 0, 1000);
	assert_int_equal(PEER_MIB(TcpExt_TCPRenoRecovery), 1);
	for (int i = 0; i < 5; i++)
		peer_ack(&p, 0); /* one for each of the eight that arrived */
	peer_run_ms(&p, 20);
	peer_ack(&p, 3000);
	peer_expect(&p, 3000, 1000);
	peer_run_ms(&p, 20);
	peer_ack(&p, 10000);
	peer_write(&p, 2000);
	peer_run_ms(&p, 20);
	peer_ack(&p, 12000);
	assert_int_equal(tcp_of(p.c)->ca_state, TCP_CA_Open);
	peer_end(&p);
}

/* A timeout looks for another path, unless SO_TXREHASH forbids it. */
static void test_rehash(void **state)
{
	static struct peer p;

	for (int on = 0; on <= 1; on++) {
		begin(&p, 20, "reno");
		lab_opt(p.c, SOL_SOCKET, 74 /* SO_TXREHASH */, on);
		peer_write(&p, 1000);
		peer_run_ms(&p, 1000);
		assert_true(PEER_MIB(TcpExt_TCPTimeouts) > 0);
		assert_int_equal(PEER_MIB(TcpExt_TcpTimeoutRehash), on ? PEER_MIB(TcpExt_TCPTimeouts) : 0);
		assert_int_equal(tcp_of(p.c)->rehash, PEER_MIB(TcpExt_TcpTimeoutRehash));
		peer_end(&p);
	}
}

/* SACKed neighbours become one record: whole packets are merged, parts of large ones shifted; not over the end of a record (MSG_EOR). */
static void test_scoreboard_counters(void **state)
{
	static struct peer p;
	static char buf[1000];

	begin(&p, 20, "reno");
	peer_write(&p, 1000);
	peer_write(&p, 9000); /* packets of several segments */
	peer_drain(&p);
	peer_run_ms(&p, 20);
	peer_ack(&p, 0, 1000, 2000); /* cut off, nothing in front of it to join */
	assert_int_equal(PEER_MIB(TcpExt_TCPSackShiftFallback), 1);
	peer_ack(&p, 0, 1000, 4000); /* a part joins it */
	assert_int_equal(PEER_MIB(TcpExt_TCPSackShifted), 1);
	peer_ack(&p, 0, 1000, 10000); /* and what is left */
	assert_true(PEER_MIB(TcpExt_TCPSackMerged) > 0);
	assert_int_equal(tcp_of(p.c)->segs_n, 2); /* the hole and the rest */
	assert_int_equal(tcp_of(p.c)->sacked_out, 9);
	peer_end(&p);

	begin(&p, 20, "reno");
	for (int i = 0; i < 4; i++)
		assert_int_equal(weft_send(p.c, buf, sizeof buf, MSG_EOR), 1000);
	peer_run_ms(&p, 20);
	peer_ack(&p, 0, 1000, 4000);
	assert_int_equal(PEER_MIB(TcpExt_TCPSackShiftFallback), 3);
	assert_int_equal(PEER_MIB(TcpExt_TCPSackMerged), 0);
	assert_int_equal(tcp_of(p.c)->sacked_out, 3);
	peer_end(&p);
}

/* Without SACK: one ACK fills a hole, the rest it acknowledges are those that the duplicates counted; the window grows by one. */
/* Small neighbours that are lost go together, as far as a packet holds them; not with tcp_retrans_collapse off. Linux 6.18's, by a script
 * for packetdrill. */
static void begin_small(struct peer *pp, bool on, int eor_after)
{
	static const u32 len[] = { 100, 100, 300, 600, 100, 100 };
	static const char zeros[600];
	u32 at = 0;

	peer_begin(pp);
	pp->ts = false;
	lab_ok(weft_sysctl_set(pp->l.ns[LEFT], "net.ipv4.tcp_retrans_collapse", on ? "1" : "0"));
	peer_connect(pp, 100, NULL);
	lab_opt(pp->c, IPPROTO_TCP, TCP_NODELAY, 1);
	for (int i = 0; i < 6; at += len[i++]) {
		assert_int_equal(weft_send(pp->c, zeros, len[i], i == eor_after ? MSG_EOR : 0), len[i]);
		weft_step(pp->l.w, weft_now(pp->l.w));
		peer_collect(pp);
		weft_step(pp->l.w, weft_now(pp->l.w));
		peer_collect(pp);
		peer_expect(pp, at, len[i]);
	}
	peer_run_ms(pp, 250);
	peer_expect(pp, 1200, 100); /* the tail loss probe */
	peer_run_ms(pp, 400);
}

static void test_collapse(void **state)
{
	static struct peer p;

	begin_small(&p, true, -1);
	peer_expect(&p, 0, 500); /* 600 more would be too much */
	peer_expect_none(&p);
	assert_int_equal(tcp_of(p.c)->packets_out, 4);
	assert_int_equal(tcp_of(p.c)->segs_n, 4);
	peer_run_ms(&p, 100);
	peer_ack(&p, 500);
	peer_expect(&p, 500, 800);
	peer_expect_none(&p);
	peer_ack(&p, 1300);
	assert_int_equal(tcp_of(p.c)->total_retrans, 3);
	assert_int_equal(tcp_of(p.c)->packets_out, 0);
	assert_int_equal(tcp_of(p.c)->lost_out, 0);
	assert_int_equal(tcp_of(p.c)->retrans_out, 0);
	assert_int_equal(tcp_of(p.c)->inet.sk.wmem_queued, 0);
	peer_end(&p);
}

/* What the peer has stays out of it, and so does what follows the end of a record. */
static void test_collapse_bounds(void **state)
{
	static struct peer p;

	begin_small(&p, true, 0);
	peer_expect(&p, 0, 100);
	peer_ack(&p, 100, 500, 1100);
	peer_expect(&p, 100, 400);
	peer_run_ms(&p, 100);
	peer_ack(&p, 500, 500, 1100);
	peer_expect(&p, 1100, 200);
	peer_ack(&p, 1300);
	assert_int_equal(tcp_of(p.c)->packets_out, 0);
	assert_int_equal(tcp_of(p.c)->sacked_out, 0);
	peer_end(&p);
}

static void test_collapse_off(void **state)
{
	static struct peer p;

	begin_small(&p, false, -1);
	peer_expect(&p, 0, 100);
	peer_expect_none(&p);
	peer_run_ms(&p, 100);
	peer_ack(&p, 100);
	peer_expect(&p, 100, 100);
	peer_expect(&p, 200, 300);
	peer_expect_none(&p);
	peer_ack(&p, 1300);
	peer_end(&p);
}

static void test_reno_reordering(void **state)
{
	static struct peer p;

	peer_begin(&p);
	p.sack = false;
	peer_connect(&p, 20, "reno");
	peer_write(&p, 15000);
	assert_int_equal(peer_drain(&p), 10000);
	peer_run_ms(&p, 20);
	for (int i = 0; i < 2; i++) { /* limited transmit */
		peer_ack(&p, 0);
		peer_run_ms(&p, 5);
		assert_int_equal(peer_drain(&p), 1000);
	}
	assert_int_equal(tcp_of(p.c)->sacked_out, 2);
	peer_ack(&p, 3000);
	peer_run_ms(&p, 5);
	assert_int_equal(tcp_of(p.c)->sacked_out, 0);
	assert_int_equal(tcp_of(p.c)->snd_cwnd, 11);
	assert_int_equal(peer_drain(&p), 2000);
	peer_end(&p);
}

/* Without SACK and timestamps nothing proves a retransmission needless: the window stays reduced when recovery ends. */
static void test_reno_no_undo(void **state)
{
	static struct peer p;

	peer_begin(&p);
	p.sack = p.ts = false;
	peer_connect(&p, 20, "reno");
	peer_write(&p, 4000);
	assert_int_equal(peer_drain(&p), 4000);
	peer_run_ms(&p, 20);
	for (int i = 0; i < 3; i++)
		peer_ack(&p, 0);
	peer_expect(&p, 0, 1000);
	peer_run_ms(&p, 20);
	peer_ack(&p, 4000);
	assert_int_equal(tcp_of(p.c)->ca_state, TCP_CA_Recovery); /* until something above is acknowledged */
	peer_write(&p, 1000);
	peer_drain(&p);
	peer_run_ms(&p, 20);
	peer_ack(&p, 5000);
	assert_int_equal(tcp_of(p.c)->ca_state, TCP_CA_Open);
	assert_int_equal(PEER_MIB(TcpExt_TCPFullUndo), 0);
	assert_in_range(tcp_of(p.c)->snd_cwnd, 2, 6);
	peer_end(&p);
}

/* Limited transmit: each of the first duplicate ACKs lets a new segment out. */
static void test_limited_transmit(void **state)
{
	static struct peer p;

	begin(&p, 20, "reno");
	peer_write(&p, 20000);
	assert_int_equal(peer_drain(&p), 10000);
	peer_run_ms(&p, 20);
	peer_ack(&p, 0, 1000, 2000);
	peer_expect(&p, 10000, 1000);
	peer_run_ms(&p, 2);
	peer_ack(&p, 0, 1000, 3000);
	peer_expect(&p, 11000, 1000);
	peer_expect_none(&p);
	peer_end(&p);
}

/* Three of four are lost, and the last one's last byte alone was SACKed: no part of a packet counts. Probe, timeout, then slow start sends
 * two: the probe's packet does not count as a retransmission in flight. */
static void test_last_byte(void **state)
{
	static struct peer p;

	peer_begin(&p);
	p.ts = false;
	peer_connect(&p, 100, "cubic");
	peer_write(&p, 4000);
	peer_drain(&p);
	peer_run_ms(&p, 100);
	peer_ack(&p, 0, 3999, 4000);
	peer_run_ms(&p, 110);
	peer_expect(&p, 3000, 1000);
	peer_run_ms(&p, 320);
	peer_expect(&p, 0, 1000);
	assert_int_equal(tcp_of(p.c)->snd_cwnd, 1);
	peer_ack(&p, 1000, 3999, 4000);
	assert_int_equal(tcp_of(p.c)->snd_cwnd, 2);
	peer_expect(&p, 1000, 1000);
	peer_expect(&p, 2000, 1000);
	peer_end(&p);
}

/* Back-off doubles, except in thin streams that asked for linear timeouts. */
static void test_thin_linear(void **state)
{
	for (int thin = 0; thin < 2; thin++) {
		static struct peer p;
		u64 at[5];

		peer_begin(&p);
		lab_ok(weft_sysctl_set(p.l.ns[LEFT], "net.ipv4.tcp_early_retrans", "0"));
		peer_connect(&p, 20, "reno");
		lab_opt(p.c, IPPROTO_TCP, TCP_THIN_LINEAR_TIMEOUTS, thin);
		tcp_of(p.c)->snd_ssthresh = 20; /* beyond the initial slow start */
		peer_write(&p, 1000);
		peer_drain(&p);
		peer_run_ms(&p, 8000);
		for (int i = 0; i < 4; i++) {
			struct peer_seg *s = peer_next(&p);
			assert_non_null(s);
			at[i] = s->at;
		}
		if (thin)
			assert_in_range((at[3] - at[2]) / 1000000, 200, 300);
		else
			assert_true((at[3] - at[2]) / 1000 >= (at[2] - at[1]) / 1000 * 19 / 10);
		peer_end(&p);
	}
}

/* After idleness of several timeouts the window is the initial one again; the sysctl keeps it. */
static void test_slow_start_after_idle(void **state)
{
	for (int on = 0; on < 2; on++) {
		static struct peer p;

		peer_begin(&p);
		lab_ok(weft_sysctl_set(p.l.ns[LEFT], "net.ipv4.tcp_slow_start_after_idle", on ? "1" : "0"));
		peer_connect(&p, 20, "reno");
		for (u32 at = 0, w = 10; w <= 40; w *= 2) {
			peer_write(&p, w * 1000);
			peer_run_ms(&p, 20);
			at += w * 1000;
			peer_ack(&p, at);
		}
		assert_int_equal(tcp_of(p.c)->snd_cwnd, 80);
		peer_run_ms(&p, 60000);
		peer_drain(&p);
		peer_write(&p, 100000);
		assert_in_range(peer_drain(&p), on ? 10000 : 79000, on ? 10000 : 80000);
		peer_end(&p);
	}
}

/* What the application does not use does not grow (RFC 7661's idea as Linux has it). */
/* A segment's worth of window waits for the next ACK, to go as a larger burst, only while that ACK is due within a millisecond: a round trip
 * after the first segment out was sent. Linux 6.12.117 sends so in the runs of tests/goodput. */
static void test_burst_put_off(void **state)
{
	static struct peer p;

	begin(&p, 100, "reno");
	peer_write(&p, 5000);
	assert_int_equal(peer_drain(&p), 5000);
	peer_run_ms(&p, 40);
	peer_write(&p, 100000);
	assert_int_equal(peer_drain(&p), 5000);
	tcp_of(p.c)->snd_ssthresh = 10;
	peer_run_ms(&p, 60);
	peer_ack(&p, 4000);
	assert_int_equal(peer_drain(&p), 4000);
	peer_run_us(&p, 500);
	peer_ack(&p, 5000); /* the next one is due in 40 ms */
	peer_expect(&p, 14000, 1000);
	peer_run_us(&p, 39500);
	peer_ack(&p, 6000); /* nothing was sent for long: no burst to join */
	peer_expect(&p, 15000, 1000);
	peer_run_us(&p, 500);
	peer_ack(&p, 7000); /* the next one is due */
	peer_expect_none(&p);
	peer_run_us(&p, 100);
	peer_ack(&p, 8000);
	assert_int_equal(peer_drain(&p), 2000);
	peer_end(&p);
}

static void test_application_limited(void **state)
{
	static struct peer p;

	begin(&p, 20, "reno");
	for (u32 i = 1; i <= 100; i++) {
		peer_write(&p, 1000);
		peer_run_ms(&p, 20);
		peer_ack(&p, i * 1000);
	}
	assert_true(tcp_of(p.c)->snd_cwnd <= 10);
	assert_true(info_of(p.c).delivery_rate_app_limited);
	peer_end(&p);
}

/* What the counters say is what the segments say, and the list by time holds nothing that was delivered. */
static void check_scoreboard(const struct tcp_sock *tp)
{
	u32 packets = 0, sacked = 0, lost = 0, retrans = 0, seq = tp->snd_una;
	struct tcp_seg *s;
	u64 last = 0;

	for (s = tcp_seg_first(tp); s; s = tcp_seg_next(s)) {
		assert_int_equal(s->seq, seq);
		seq = s->end_seq;
		packets += s->pcount;
		sacked += s->state & SEG_SACKED ? s->pcount : 0;
		lost += s->state & SEG_LOST ? s->pcount : 0;
		retrans += s->state & SEG_RETRANS ? s->pcount : 0;
		assert_false((s->state & SEG_SACKED) && (s->state & SEG_LOST));
	}
	assert_int_equal(seq, tp->snd_nxt);
	assert_int_equal(packets, tp->packets_out);
	if (tcp_is_sack(tp))
		assert_int_equal(sacked, tp->sacked_out);
	assert_int_equal(lost, tp->lost_out);
	assert_int_equal(retrans, tp->retrans_out);
	assert_true(tp->sacked_out + tp->lost_out <= tp->packets_out);
	list_for_each(s, &tp->tsorted, tsorted) {
		assert_false(s->state & SEG_SACKED);
		assert_true(s->tx_ns >= last);
		last = s->tx_ns;
	}
}

/* A peer that acknowledges at random: forward, partly, again, SACKs and D-SACKs of any bounds, with and without sense, and waits. */
static void test_random_peer(void **state)
{
	static const char *const ccs[] = { "reno", "cubic", "bbr" };

	for (u32 run = 0; run < 60; run++) {
		static struct peer p;
		struct tcp_sock *tp;
		struct rng r;

		peer_begin(&p);
		rng_init(&r, (const u8[32]){ (u8)run, (u8)(run >> 8), 77 }, 0);
		p.sack = run % 5 != 4;
		p.ts = run & 1;
		peer_connect(&p, 1 + rng_below(&r, 50), ccs[run % 3]);
		tp = tcp_of(p.c);
		for (u32 i = 0; i < 150 && p.c->sk->state == TCP_ESTABLISHED; i++) {
			u32 una = tp->snd_una - p.isn - 1, out = tp->snd_nxt - tp->snd_una, how = rng_below(&r, 10);
			struct peer_out o = { .seq = p.my_seq, .ack = una };

			if (rng_below(&r, 3) == 0 && tp->write_seq - tp->snd_nxt < 50000)
				peer_write(&p, 1 + rng_below(&r, 20000));
			out = tp->snd_nxt - tp->snd_una;
			if (how < 4 && out)
				o.ack += rng_below(&r, out + 1) / (how < 2 ? 1 : 1000) * (how < 2 ? 1 : 1000);
			for (unsigned b = rng_below(&r, p.ts ? 4 : 5); p.sack && out && b; b--) {
				u32 from = rng_below(&r, out), len = 1 + rng_below(&r, 8) * 1000;

				if (rng_below(&r, 4))
					from = from / 1000 * 1000, len = len / 1000 * 1000;
				o.sacks[2 * o.n_sacks] = una + from - (rng_below(&r, 8) ? 0 : 3000);
				o.sacks[2 * o.n_sacks + 1] = una + MIN(from + len, out + (rng_below(&r, 30) ? 0 : 5000));
				o.n_sacks++;
			}
			peer_send(&p, &o);
			check_scoreboard(tp);
			peer_run_us(&p, rng_below(&r, 4) ? rng_below(&r, 3000) : rng_below(&r, 400000));
			check_scoreboard(tp);
			peer_drain(&p);
		}
		peer_end(&p);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fast_retransmit), cmocka_unit_test(test_reordering_timer), cmocka_unit_test(test_acked_in_pieces),
		cmocka_unit_test(test_reo_wnd_grows),
		cmocka_unit_test(test_lost_retransmission), cmocka_unit_test(test_tail_loss_probe), cmocka_unit_test(test_probe_repairs),
		cmocka_unit_test(test_probe_off), cmocka_unit_test(test_prr), cmocka_unit_test(test_dsack_undo), cmocka_unit_test(test_eifel_undo),
		cmocka_unit_test(test_frto), cmocka_unit_test(test_reneging), cmocka_unit_test(test_newreno), cmocka_unit_test(test_collapse), cmocka_unit_test(test_collapse_bounds), cmocka_unit_test(test_collapse_off),
		cmocka_unit_test(test_reno_reordering), cmocka_unit_test(test_rehash), cmocka_unit_test(test_reno_no_undo),
		cmocka_unit_test(test_scoreboard_counters),
		cmocka_unit_test(test_limited_transmit), cmocka_unit_test(test_thin_linear), cmocka_unit_test(test_last_byte), cmocka_unit_test(test_random_peer), cmocka_unit_test(test_slow_start_after_idle), cmocka_unit_test(test_application_limited),
		cmocka_unit_test(test_burst_put_off),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
