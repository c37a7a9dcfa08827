/* Accurate ECN packet by packet (RFC 9768): every handshake, the ACE counter and the option both ways, and what happens on paths that
 * break one of them. The test is the peer. */
#include "transport/tcp/test_peer.h"

static struct peer p;

enum { AE = 0x100, E = TCPF_ECE, C = TCPF_CWR }; /* AE beside the eight bits, for the tables here */

static u16 bits(const struct peer_seg *s) { return (u16)((s->flags & (E | C)) | (s->ae ? AE : 0)); }
static u8 ace(const struct peer_seg *s) { return (u8)((s->ae ? 4 : 0) | (s->flags & C ? 2 : 0) | (s->flags & E ? 1 : 0)); }

/* The fields of an option of ours, in its order: ECT(1), CE, ECT(0). Returns how many; 0: no option. */
static unsigned option(const struct peer_seg *s, u32 v[3])
{
	for (u32 i = 0; i < s->opts_len && s->opts[i]; i += s->opts[i] == 1 ? 1 : s->opts[i + 1]) {
		const u8 *o = s->opts + i;

		assert_int_not_equal(o[0], TCPO_ACCECN0);
		if (o[0] != TCPO_ACCECN1)
			continue;
		for (unsigned k = 0; k < (o[1] - 2u) / 3; k++)
			v[k] = (u32)o[2 + 3 * k] << 16 | (u32)o[3 + 3 * k] << 8 | o[4 + 3 * k];
		return (o[1] - 2u) / 3;
	}
	return 0;
}

/* The peer's option, in the order of kind 172: ECT(0), CE, ECT(1); padded. */
static u8 theirs[12];
static const u8 *their_option(u32 e0, u32 ce, u32 e1)
{
	const u32 v[3] = { e0, ce, e1 };

	theirs[0] = TCPO_ACCECN0;
	theirs[1] = 11;
	for (unsigned i = 0; i < 3; i++)
		memcpy(theirs + 2 + 3 * i, (u8[]){ (u8)(v[i] >> 16), (u8)(v[i] >> 8), (u8)v[i] }, 3);
	theirs[11] = TCPO_NOP;
	return theirs;
}

static void sysctl(const char *name, const char *val)
{
	char path[64];

	snprintf(path, sizeof path, "net.ipv4.%s", name);
	lab_ok(weft_sysctl_set(p.l.ns[LEFT], path, val));
}

/* -- who agrees to what -- */

static void test_syn_and_synack(void **state)
{
	static const struct { const char *mode; u16 syn, synack; bool ecn, accurate; } cases[] = {
		{ "0", 0, E, false, false },	      { "1", E | C, E, true, false },		 { "1", E | C, AE, false, false },
		{ "2", 0, E, false, false },	      { "3", AE | C | E, E, true, false },	 { "3", AE | C | E, 0, false, false },
		{ "3", AE | C | E, C, false, true },  { "3", AE | C | E, AE | C | E, false, false }, { "3", AE | C | E, AE | E, false, true },
		{ "3", AE | C | E, C | E, false, true }, { "4", E | C, E, true, false },	 { "4", E | C, C, false, false },
		{ "5", 0, C, false, false },
	};

	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		struct peer_seg *s;

		peer_begin(&p);
		sysctl("tcp_ecn", cases[i].mode);
		p.c = lab_socket(&p.l, LEFT, SOCK_STREAM, 0);
		assert_int_equal(weft_connect(p.c, LAB_SA("10.0.0.2", 80)), -EINPROGRESS);
		peer_run_ms(&p, 1);
		assert_non_null(s = peer_next(&p));
		assert_int_equal(bits(s), cases[i].syn);
		assert_int_equal(s->ecn, 0);
		assert_int_equal(option(s, (u32[3]){ 0 }), 0);
		peer_send(&p, &(struct peer_out){ .flags = (u8)(TCPF_SYN | (u8)cases[i].synack), .ae = cases[i].synack & AE });
		peer_run_ms(&p, 1);
		assert_int_equal(tcp_of(p.c)->ecn_ok, cases[i].ecn);
		assert_int_equal(tcp_of(p.c)->accecn, cases[i].accurate);
		assert_int_equal(!!(info_of(p.c).options & TCPI_OPT_ECN), cases[i].ecn || cases[i].accurate);
		peer_end(&p);
	}
}

static void test_listener(void **state)
{
	static const struct { const char *mode; u16 syn; u8 mark; u16 synack; bool option; } cases[] = {
		{ "0", AE | C | E, 0, 0, false }, { "1", AE | C | E, 0, E, false },   { "2", AE | C | E, 2, E, false },
		{ "3", E | C, 0, E, false },	  { "3", 0, 0, 0, false },	      { "3", AE | C | E, 0, C, true },
		{ "3", AE | C | E, 1, C | E, true }, { "3", AE | C | E, 2, AE, true }, { "3", AE | C | E, 3, AE | C, true },
		{ "4", AE, 0, C, true },	  { "5", AE | E, 0, C, true },	      { "5", C, 0, C, true },
	};

	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		weft_socket *srv;
		struct peer_seg *s;
		u32 v[3];

		peer_begin(&p);
		sysctl("tcp_ecn", cases[i].mode);
		srv = tcp_listener(&p.l, LEFT, 80, 5);
		p.sport = cpu_to_be16(80);
		peer_send(&p, &(struct peer_out){ .flags = (u8)(TCPF_SYN | (u8)cases[i].syn), .ae = cases[i].syn & AE, .ecn = cases[i].mark, .no_ack = true });
		peer_run_ms(&p, 10);
		assert_non_null(s = peer_next(&p));
		assert_int_equal(bits(s), cases[i].synack);
		assert_int_equal(s->ecn, 0);
		assert_int_equal(option(s, v), cases[i].option ? 3 : 0);
		if (cases[i].option)
			assert_true(v[0] == 1 && v[1] == 0 && v[2] == 1);
		/* Not answered: without the option, then without the bits. RFC 3168's stays. */
		peer_run_ms(&p, 1000);
		assert_non_null(s = peer_next(&p));
		assert_int_equal(bits(s), cases[i].synack);
		assert_int_equal(option(s, v), 0);
		peer_run_ms(&p, 2000);
		assert_non_null(s = peer_next(&p));
		assert_int_equal(bits(s), cases[i].option ? 0 : cases[i].synack);
		weft_close(srv);
		peer_end(&p);
	}
}

/* A SYN is tried twice; tcp_ecn_fallback 0: always. A late SYN-ACK that agrees is believed. */
static void test_syn_again(void **state)
{
	for (int fallback = 0; fallback < 2; fallback++) {
		const u16 want[] = { AE | C | E, AE | C | E, fallback ? 0 : AE | C | E };
		struct peer_seg *s;

		peer_begin(&p);
		sysctl("tcp_ecn", "3");
		sysctl("tcp_ecn_fallback", fallback ? "1" : "0");
		p.c = lab_socket(&p.l, LEFT, SOCK_STREAM, 0);
		assert_int_equal(weft_connect(p.c, LAB_SA("10.0.0.2", 80)), -EINPROGRESS);
		peer_run_ms(&p, 2500);
		for (unsigned i = 0; i < 3; i++) {
			assert_non_null(s = peer_next(&p));
			assert_int_equal(bits(s), want[i]);
		}
		peer_send(&p, &(struct peer_out){ .flags = TCPF_SYN | TCPF_CWR });
		peer_run_ms(&p, 1);
		assert_true(tcp_of(p.c)->accecn);
		peer_end(&p);
	}
}

/* -- a connection of ours, agreed on -- */

static void begin(u8 mark, bool with_option)
{
	static u8 synack_opt[12];
	struct peer_seg *s;

	peer_begin(&p);
	sysctl("tcp_ecn", "3");
	p.mss = 1024;
	p.ts = false;
	p.c = lab_socket(&p.l, LEFT, SOCK_STREAM, 0);
	assert_int_equal(weft_connect(p.c, LAB_SA("10.0.0.2", 80)), -EINPROGRESS);
	peer_run_ms(&p, 20);
	peer_drain(&p);
	memcpy(synack_opt, their_option(1, 0, 1), 12);
	peer_send(&p, &(struct peer_out){ .flags = TCPF_SYN | TCPF_CWR, .ecn = mark, .opt = synack_opt, .opt_len = with_option ? 12 : 0 });
	peer_run_ms(&p, 1);
	assert_true(tcp_of(p.c)->accecn);
	assert_non_null(s = peer_any(&p));
	assert_int_equal(s->ecn, 2);
	assert_int_equal(ace(s), mark == 0 ? 2 : mark == 1 ? 3 : mark == 2 ? 4 : 6); /* reflects, does not count */
	assert_int_equal(option(s, (u32[3]){ 0 }), with_option ? 3 : 0);
	assert_null(peer_any(&p));
}

static void ack(u32 upto, u8 field, const u8 *opt)
{
	peer_send(&p, &(struct peer_out){ .seq = p.my_seq, .ack = upto, .flags = (u8)((field & 2 ? TCPF_CWR : 0) | (field & 1 ? TCPF_ECE : 0)), .ae = field >> 2,
					  .ecn = 2, .opt = opt, .opt_len = opt ? 12 : 0 });
	peer_run_ms(&p, 1);
}

static struct peer_seg *data(u32 len, u8 mark)
{
	struct peer_seg *s = NULL, *q;

	while (peer_any(&p))
		;
	peer_send(&p, &(struct peer_out){ .seq = p.my_seq, .ack = 0, .len = len, .ecn = mark, .flags = TCPF_ECE, .ae = true });
	p.my_seq += len;
	peer_run_ms(&p, 60);
	while ((q = peer_any(&p)))
		s = q;
	return s;
}

/* Marks received: ACE counts packets modulo 8, the option bytes; a change is acknowledged at once, in every mark's place. */
static void test_receiver(void **state)
{
	struct peer_seg *s;
	u32 v[3];

	begin(3, true);
	for (u32 i = 1; i <= 17; i++) {
		assert_non_null(s = data(100, 3));
		assert_int_equal(ace(s), (5 + 1 + i) & 7); /* the SYN-ACK was marked too */
		assert_int_equal(s->ecn, 2);
		assert_int_equal(option(s, v), 3);
		assert_true(v[0] == 1 && v[1] == 100 * i && v[2] == 1);
	}
	assert_non_null(s = data(50, 1));
	assert_int_equal(option(s, v), 3);
	assert_true(v[0] == 51 && v[1] == 1700 && v[2] == 1);
	assert_non_null(s = data(70, 2));
	assert_int_equal(option(s, v), 3);
	assert_true(v[0] == 51 && v[1] == 1700 && v[2] == 71);
	assert_int_equal(info_of(p.c).received_ce, 18);
	assert_int_equal(info_of(p.c).received_ce_bytes, 1700);
	assert_int_equal(info_of(p.c).received_e0_bytes, 70);
	assert_int_equal(info_of(p.c).received_e1_bytes, 50);
	assert_int_equal(info_of(p.c).accecn_opt_seen, ACCECN_OPT_COUNTER_SEEN);
	assert_true(info_of(p.c).options & TCPI_OPT_ECN_SEEN);
	peer_end(&p);
}

/* tcp_ecn_option 0 sends none, 1 after changes and now and then (tcp_ecn_option_beacon), 2 always. */
static void test_option_modes(void **state)
{
	struct peer_seg *s;
	u32 v[3];

	begin(2, true);
	sysctl("tcp_ecn_option", "0");
	assert_non_null(s = data(100, 3));
	assert_int_equal(option(s, v), 0);
	assert_int_equal(ace(s), 6);
	sysctl("tcp_ecn_option", "1");
	sysctl("tcp_ecn_option_beacon", "0");
	assert_int_equal(option(data(100, 2), v), 3); /* a change: this ACK, and one more */
	assert_int_equal(option(data(100, 2), v), 3);
	assert_int_equal(option(data(100, 2), v), 0);
	assert_int_equal(option(data(100, 2), v), 0);
	sysctl("tcp_ecn_option_beacon", "3"); /* three a round trip of 20 ms; these are 60 ms apart */
	assert_int_equal(option(data(100, 2), v), 3);
	peer_end(&p);
	/* Nobody who never sent one gets one; after the first they go. */
	begin(0, false);
	assert_int_equal(option(data(100, 3), v), 0);
	peer_send(&p, &(struct peer_out){ .seq = p.my_seq, .ack = 0, .ecn = 2, .opt = their_option(1, 0, 1), .opt_len = 12 });
	assert_int_equal(option(data(100, 3), v), 0); /* that ACK told nothing new, so neither did its option */
	peer_write(&p, 500);
	peer_drain(&p);
	ack(500, 5, their_option(501, 0, 1));
	assert_int_equal(option(data(100, 3), v), 3);
	peer_end(&p);
}

/* What ACKs say of our packets: window reduced once a round trip, counters in TCP_INFO. */
static void test_sender(void **state)
{
	u32 d = 0;

	begin(0, true);
	weft_setsockopt(p.c, IPPROTO_TCP, TCP_CONGESTION, "reno", 4);
	peer_write(&p, 20000);
	for (struct peer_seg *s; (s = peer_next(&p)); d += s->len) {
		assert_int_equal(s->ecn, 2);
		assert_int_equal(ace(s), 5);
	}
	assert_int_equal(d, 10120); /* ten segments of 1024 less the option's 12 */
	ack(1012, 6, their_option(1, 1012, 1));
	assert_int_equal(info_of(p.c).delivered_ce, 1);
	assert_int_equal(info_of(p.c).delivered_ce_bytes, 1012);
	assert_int_equal(tcp_of(p.c)->ca_state, TCP_CA_CWR);
	assert_int_equal(tcp_of(p.c)->snd_ssthresh, 5);
	ack(2024, 6, their_option(1013, 1012, 1));
	assert_int_equal(info_of(p.c).delivered_e0_bytes, 1012);
	ack(4048, 0, their_option(1013, 3036, 1)); /* the counter wraps */
	assert_int_equal(info_of(p.c).delivered_ce, 3);
	assert_int_equal(tcp_of(p.c)->snd_ssthresh, 5); /* the same window */
	assert_int_equal(PEER_MIB(TcpExt_TCPDeliveredCE), 3);
	/* An ACK that moves nothing is not believed: it may be old. */
	ack(4048, 3, their_option(1013, 9000, 1));
	assert_int_equal(info_of(p.c).delivered_ce, 3);
	assert_int_equal(info_of(p.c).delivered_ce_bytes, 3036);
	for (struct peer_seg *s; (s = peer_next(&p));)
		assert_int_equal(ace(s), 5); /* no CWR: the bits are the counter's */
	peer_end(&p);
}

/* More packets at once than the field can count. */
static void big_ack(u32 first, u8 field, const u8 *opt, u32 marked)
{
	begin(0, true);
	weft_setsockopt(p.c, IPPROTO_TCP, TCP_CONGESTION, "reno", 4);
	peer_write(&p, 10120);
	peer_drain(&p);
	if (first)
		ack(first, 5, NULL);
	ack(10120, field, opt);
	assert_int_equal(info_of(p.c).delivered_ce, marked);
	peer_end(&p);
}
static void test_wrap(void **state)
{
	u8 none[12], some[12], all[12];

	memcpy(none, their_option(10121, 0, 1), 12);
	memcpy(some, their_option(9109, 1012, 1), 12);
	memcpy(all, their_option(1013, 9108, 1), 12);
	big_ack(0, 5, NULL, 8);	   /* eight or none: to be safe, eight */
	big_ack(0, 6, NULL, 9);
	big_ack(0, 5, none, 0);	   /* the option knows */
	big_ack(1012, 5, NULL, 8); /* of nine */
	big_ack(1012, 5, none, 0);
	big_ack(1012, 6, some, 1);
	big_ack(1012, 6, all, 9);
}

/* Where ACKs stand for many packets anyway, a field that did not move means no mark. */
static void test_thinned_acks(void **state)
{
	u32 acked = 0, marks = 0;

	begin(0, false);
	for (int i = 0; i < 8; i++) {
		tcp_of(p.c)->snd_cwnd = 20;
		marks = info_of(p.c).delivered_ce;
		peer_write(&p, 10240);
		assert_int_equal(peer_drain(&p), 10240);
		ack(acked += 10240, 5, NULL);
		assert_int_equal(info_of(p.c).delivered_ce - marks, i < 3 ? 8 : 0);
	}
	peer_end(&p);
}

/* Clears ACE in the handshake: what we send is not marked any more, though feedback goes on. */
static void test_broken_paths(void **state)
{
	struct peer_seg *s;
	weft_socket *srv, *c;

	for (int third = 0; third < 3; third++) {
		static const u8 fields[] = { 2 /* right */, 0 /* cleared */, 4 /* what we never sent */ };

		peer_begin(&p);
		sysctl("tcp_ecn", "3");
		p.ts = false;
		srv = tcp_listener(&p.l, LEFT, 80, 5);
		p.sport = cpu_to_be16(80);
		peer_send(&p, &(struct peer_out){ .flags = TCPF_SYN | E | C, .ae = true, .no_ack = true });
		peer_run_ms(&p, 10);
		peer_drain(&p);
		ack(0, fields[third], their_option(1, 0, 1));
		lab_ok(weft_accept(srv, &c));
		assert_int_equal(info_of(c).accecn_fail_mode, third ? ACCECN_ACE_FAIL_RECV : 0);
		assert_int_equal(weft_send(c, "hello", 5, 0), 5);
		peer_run_ms(&p, 1);
		assert_non_null(s = peer_next(&p));
		assert_int_equal(s->ecn, third ? 0 : 2);
		assert_int_equal(ace(s), 5);
		assert_int_equal(option(s, (u32[3]){ 0 }), 3);
		ack(5, third ? 0 : 5, NULL); /* what clears the bits goes on doing so: no mark was reported */
		assert_int_equal(info_of(c).delivered_ce, 0);
		assert_int_equal(tcp_of(c)->ca_state, TCP_CA_Open);
		weft_close(c);
		weft_close(srv);
		peer_end(&p);
	}
	/* An option whose ECT(0) counter came as zero was cleared on the way: not believed. */
	begin(0, false);
	peer_write(&p, 1000);
	peer_drain(&p);
	ack(1000, 5, their_option(0, 0, 1));
	assert_int_equal(info_of(p.c).accecn_opt_seen, ACCECN_OPT_FAIL_SEEN);
	assert_int_equal(info_of(p.c).accecn_fail_mode, ACCECN_OPT_FAIL_RECV);
	peer_end(&p);
}

/* A SYN-ACK again gets a challenge ACK that reflects its mark. */
static void test_synack_again(void **state)
{
	struct peer_seg *s;

	begin(0, true);
	peer_run_ms(&p, 600);
	peer_send(&p, &(struct peer_out){ .flags = TCPF_SYN, .ecn = 2 });
	peer_run_ms(&p, 1);
	assert_non_null(s = peer_any(&p));
	assert_int_equal(ace(s), 4);
	assert_non_null(s = data(100, 2));
	assert_int_equal(ace(s), 5);
	peer_end(&p);
}

/* The counters of TCP_INFO without accurate ECN, as Linux 6.18 gave them for these segments: what is accepted is counted, also behind holes
 * and without payload; what came twice or from far away is not, nor is the handshake. */
static void test_counters_without(void **state)
{
	static const struct { u32 seq, len; u8 mark; } in[] = { { 0, 1000, 2 }, { 1000, 1000, 3 }, { 2000, 1000, 1 }, { 4000, 1000, 3 },
								{ 5000, 0, 3 }, { 0, 1000, 3 }, { 900000, 1000, 3 } };

	for (int mode = 0; mode < 2; mode++) {
		weft_socket *srv, *c;

		peer_begin(&p);
		sysctl("tcp_ecn", mode ? "1" : "0");
		p.ts = false;
		srv = tcp_listener(&p.l, LEFT, 80, 5);
		p.sport = cpu_to_be16(80);
		peer_send(&p, &(struct peer_out){ .flags = TCPF_SYN | E | C, .no_ack = true });
		peer_run_ms(&p, 10);
		peer_drain(&p);
		peer_send(&p, &(struct peer_out){ .ack = 0, .ecn = 3 });
		lab_ok(weft_accept(srv, &c));
		assert_int_equal(info_of(c).options & (TCPI_OPT_ECN | TCPI_OPT_ECN_SEEN), mode ? TCPI_OPT_ECN : 0);
		assert_int_equal(info_of(c).received_ce, 0);
		for (unsigned i = 0; i < ARRAY_SIZE(in); i++) {
			peer_send(&p, &(struct peer_out){ .seq = in[i].seq, .len = in[i].len, .ecn = in[i].mark });
			peer_run_ms(&p, 100);
		}
		assert_int_equal(info_of(c).received_ce, 3);
		assert_int_equal(info_of(c).received_e1_bytes, 1000);
		assert_int_equal(info_of(c).received_e0_bytes, 1000);
		assert_int_equal(info_of(c).received_ce_bytes, 2000);
		assert_true(info_of(c).options & TCPI_OPT_ECN_SEEN);
		assert_int_equal(weft_send(c, "x", 1, 0), 1);
		peer_run_ms(&p, 1);
		peer_send(&p, &(struct peer_out){ .seq = 5000, .ack = 1, .flags = E, .ecn = 3 });
		assert_int_equal(info_of(c).received_ce, 4);
		assert_int_equal(info_of(c).delivered_ce, mode);
		peer_send(&p, &(struct peer_out){ .seq = 3000, .ack = 1, .len = 1, .ecn = 3, .opt = their_option(1001, 0, 0), .opt_len = 12 });
		assert_int_equal(info_of(c).received_ce, 5);
		assert_int_equal(info_of(c).received_ce_bytes, 2001);
		assert_int_equal(info_of(c).delivered_e0_bytes | info_of(c).accecn_opt_seen | info_of(c).accecn_fail_mode, 0);
		weft_close(c);
		weft_close(srv);
		peer_end(&p);
	}
}

/* SYNs that cross: what both asked for holds, and each SYN-ACK says so. RFC 3168's as Linux 6.18 does it. */
static void test_simultaneous(void **state)
{
	static const struct { const char *mode; u16 syn; u8 mark; u16 synack; bool ecn, accurate; } cases[] = {
		{ "1", E | C, 0, E, true, false },	    { "1", 0, 0, 0, false, false },	     { "3", E | C, 0, E, true, false },
		{ "3", AE | E | C, 0, C, false, true },	    { "3", AE | E | C, 1, E | C, false, true }, { "3", AE | E | C, 3, AE | C, false, true },
		{ "3", 0, 0, 0, false, false },
	};

	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		struct peer_seg *s;

		peer_begin(&p);
		sysctl("tcp_ecn", cases[i].mode);
		p.ts = false;
		p.c = lab_socket(&p.l, LEFT, SOCK_STREAM, 0);
		assert_int_equal(weft_connect(p.c, LAB_SA("10.0.0.2", 80)), -EINPROGRESS);
		peer_run_ms(&p, 1);
		peer_drain(&p);
		peer_send(&p, &(struct peer_out){ .flags = (u8)(TCPF_SYN | (u8)cases[i].syn), .ae = cases[i].syn & AE, .ecn = cases[i].mark, .no_ack = true });
		peer_run_ms(&p, 1);
		assert_non_null(s = peer_next(&p));
		assert_int_equal(s->flags & (TCPF_SYN | TCPF_ACK), TCPF_SYN | TCPF_ACK);
		assert_int_equal(bits(s), cases[i].synack);
		assert_int_equal(s->ecn, 0);
		ack(0, cases[i].accurate ? 2 : 0, NULL);
		assert_int_equal(p.c->sk->state, TCP_ESTABLISHED);
		assert_int_equal(tcp_of(p.c)->ecn_ok, cases[i].ecn);
		assert_int_equal(tcp_of(p.c)->accecn, cases[i].accurate);
		assert_int_equal(info_of(p.c).accecn_fail_mode | info_of(p.c).delivered_ce, 0);
		peer_write(&p, 100);
		assert_non_null(s = peer_next(&p));
		assert_int_equal(s->ecn, cases[i].ecn || cases[i].accurate ? 2 : 0);
		assert_int_equal(ace(s), cases[i].accurate ? 5 : 0);
		peer_end(&p);
	}
}

/* Data in the SYN: the child answers with reflection and option, and its data counts from the beginning. */
static void test_fastopen(void **state)
{
	struct peer_seg *s;
	weft_socket *srv, *c;
	char b[8];
	int on = 5;

	peer_begin(&p);
	sysctl("tcp_ecn", "3");
	sysctl("tcp_fastopen", "515"); /* a server that wants no cookie */
	p.ts = false;
	srv = lab_socket(&p.l, LEFT, SOCK_STREAM, 0);
	lab_ok(weft_setsockopt(srv, IPPROTO_TCP, TCP_FASTOPEN, &on, sizeof on));
	lab_ok(weft_bind(srv, LAB_SA("0.0.0.0", 80)));
	lab_ok(weft_listen(srv, 5));
	p.sport = cpu_to_be16(80);
	p.mss = 1000;
	peer_send(&p, &(struct peer_out){ .flags = TCPF_SYN | E | C, .ae = true, .ecn = 2, .no_ack = true, .len = 5 });
	peer_run_ms(&p, 1);
	assert_non_null(s = peer_next(&p));
	assert_int_equal(s->ack, 5);
	assert_int_equal(ace(s), 4);
	assert_int_equal(option(s, (u32[3]){ 0 }), 3);
	lab_ok(weft_accept(srv, &c));
	assert_int_equal(weft_recv(c, b, sizeof b, 0), 5);
	assert_int_equal(weft_send(c, "hello", 5, 0), 5);
	peer_run_ms(&p, 1);
	assert_non_null(s = peer_next(&p));
	assert_int_equal(s->len, 5);
	assert_int_equal(s->ecn, 2);
	assert_int_equal(ace(s), 5);
	p.my_seq = 5;
	ack(5, 2, their_option(6, 0, 1)); /* of SYN-ACK and data in one, reflecting */
	assert_int_equal(c->sk->state, TCP_ESTABLISHED);
	assert_int_equal(info_of(c).delivered_ce, 0);
	assert_int_equal(info_of(c).accecn_fail_mode, 0);
	assert_int_equal(info_of(c).accecn_opt_seen, ACCECN_OPT_COUNTER_SEEN);
	weft_close(c);
	weft_close(srv);
	peer_end(&p);
}

/* Both ends ours: the counters agree, large packets are cut and merged with their field, cookies and Fast Open carry it over. */
static void test_both_ends(void **state)
{
	static const char *const cookies[] = { "0", "2" }, *const ts[] = { "1", "0" };

	for (unsigned i = 0; i < 4; i++) {
		struct tcp_pair q;
		struct tcp_info_full a, b;

		pair_veth(&q);
		for (int n = LEFT; n <= RIGHT; n++)
			lab_ok(weft_sysctl_set(q.l.ns[n], "net.ipv4.tcp_ecn", "3"));
		lab_ok(weft_sysctl_set(q.l.ns[RIGHT], "net.ipv4.tcp_syncookies", cookies[i & 1]));
		lab_ok(weft_sysctl_set(q.l.ns[LEFT], "net.ipv4.tcp_timestamps", ts[i >> 1]));
		pair_connect(&q);
		assert_int_equal(tcp_of(q.s)->accecn, i != 3); /* a cookie keeps it in the timestamp */
		pair_transfer(&q, 3 << 20, 50000, true, 10000);
		lab_run_ms(&q.l, 300);
		a = info_of(q.c);
		b = info_of(q.s);
		if (i != 3) {
			assert_int_equal(a.accecn_opt_seen, ACCECN_OPT_COUNTER_SEEN);
			assert_int_equal(b.accecn_opt_seen, ACCECN_OPT_COUNTER_SEEN);
			assert_true(a.received_e0_bytes >= 3 << 20 && b.received_e0_bytes >= 3 << 20); /* a probe may come twice */
			assert_int_equal(b.delivered_e0_bytes, a.received_e0_bytes);
			assert_int_equal(a.delivered_e0_bytes, b.received_e0_bytes);
		}
		assert_int_equal(a.delivered_ce + b.delivered_ce + a.received_ce + b.received_ce, 0);
		assert_int_equal(a.accecn_fail_mode | b.accecn_fail_mode, 0);
		pair_end(&q);
	}
}

/* Through a router that marks: what the receiver counted is what the sender was told, packet for packet and byte for byte, whatever GRO
 * merges and ACKs skip; and nothing is lost, as the window follows the marks. */
static void test_marking_queue(void **state)
{
	static const struct { const char *cc; bool loss; const char *option; } cases[] = { { "cubic", false, "2" }, { "reno", false, "2" }, { "dctcp", false, "2" },
											    { "bbr", false, "2" }, { "cubic", false, "0" }, { "cubic", false, "1" },
											    { "cubic", true, "2" } };

	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		weft_wire_params out = { .delay_ns = 5 * LAB_MS, .rate_bps = 100000000, .queue_frames = 400, .mark_frames = 40, .loss_ppm = cases[i].loss ? 3000 : 0 };
		weft_wire_params back = { .delay_ns = 5 * LAB_MS };
		weft_wire_stats st;
		struct tcp_info_full a, b;
		struct tcp_pair q;

		pair_wire(&q, 1, &out, &back);
		for (int n = LEFT; n <= RIGHT; n++) {
			lab_ok(weft_sysctl_set(q.l.ns[n], "net.ipv4.tcp_ecn", "3"));
			lab_ok(weft_sysctl_set(q.l.ns[n], "net.ipv4.tcp_ecn_option", cases[i].option));
			lab_ok(weft_sysctl_set(q.l.ns[n], "net.ipv4.tcp_congestion_control", cases[i].cc));
		}
		pair_connect(&q);
		pair_transfer(&q, 20 << 20, 65536, false, 20000);
		lab_run_ms(&q.l, 500);
		weft_wire_get_stats(q.wire, 0, &st);
		a = info_of(q.c);
		b = info_of(q.s);
		assert_true(st.marked >= (cases[i].loss ? 1 : 3));
		assert_int_equal(b.received_ce, st.marked);
		assert_int_equal(a.delivered_ce, st.marked);
		assert_int_equal(a.delivered_ce_bytes, cases[i].option[0] == '0' ? 0 : b.received_ce_bytes);
		if (!cases[i].loss)
			assert_int_equal(a.total_retrans, 0);
		pair_end(&q);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_syn_and_synack), cmocka_unit_test(test_listener), cmocka_unit_test(test_syn_again),
		cmocka_unit_test(test_receiver), cmocka_unit_test(test_option_modes), cmocka_unit_test(test_sender), cmocka_unit_test(test_wrap), cmocka_unit_test(test_thinned_acks),
		cmocka_unit_test(test_broken_paths), cmocka_unit_test(test_synack_again), cmocka_unit_test(test_counters_without), cmocka_unit_test(test_simultaneous), cmocka_unit_test(test_fastopen), cmocka_unit_test(test_both_ends),
		cmocka_unit_test(test_marking_queue),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
