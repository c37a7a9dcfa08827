/* ECN packet by packet: the handshake, the marks of what is sent, the echo, and one reduction a window. The test is the peer. */
#include "inet/route/fib.h"
#include "transport/tcp/test_peer.h"

static struct peer p;

static struct peer_seg first_syn(const char *ecn, const char *fallback, u64 wait_ms)
{
	struct peer_seg s, *q;

	peer_begin(&p);
	lab_ok(weft_sysctl_set(p.l.ns[LEFT], "net.ipv4.tcp_ecn", ecn));
	lab_ok(weft_sysctl_set(p.l.ns[LEFT], "net.ipv4.tcp_ecn_fallback", fallback));
	p.c = lab_socket(&p.l, LEFT, SOCK_STREAM, 0);
	assert_int_equal(weft_connect(p.c, LAB_SA("10.0.0.2", 80)), -EINPROGRESS);
	peer_run_ms(&p, wait_ms);
	assert_non_null(q = peer_next(&p));
	s = *q;
	while ((q = peer_next(&p)))
		s = *q;
	peer_end(&p);
	return s;
}

/* Asks with ECE and CWR, unmarked; retransmissions do without, unless that is switched off. */
static void test_syn(void **state)
{
	assert_int_equal(first_syn("0", "1", 1).flags, TCPF_SYN);
	assert_int_equal(first_syn("2", "1", 1).flags, TCPF_SYN);
	assert_int_equal(first_syn("1", "1", 1).flags, TCPF_SYN | TCPF_ECE | TCPF_CWR);
	assert_int_equal(first_syn("1", "1", 1).ecn, 0);
	assert_int_equal(first_syn("1", "1", 1500).flags, TCPF_SYN);
	assert_int_equal(first_syn("1", "0", 1500).flags, TCPF_SYN | TCPF_ECE | TCPF_CWR);
}

static void begin(const char *cc)
{
	peer_begin(&p);
	lab_ok(weft_sysctl_set(p.l.ns[LEFT], "net.ipv4.tcp_ecn", "1"));
	p.synack_flags = TCPF_ECE;
	peer_connect(&p, 20, cc);
	assert_true(info_of(p.c).options & TCPI_OPT_ECN);
}

/* Data is capable, pure ACKs and retransmissions are not; an echo reduces the window once, and the next data says so. */
static void test_sender(void **state)
{
	struct peer_seg *s;

	begin("reno");
	peer_write(&p, 40000);
	for (int i = 0; i < 10; i++) {
		assert_non_null(s = peer_next(&p));
		assert_int_equal(s->ecn, 2);
		assert_int_equal(s->flags & (TCPF_ECE | TCPF_CWR), 0);
		if (s->len > 1000)
			break;
	}
	peer_drain(&p);
	peer_run_ms(&p, 20);
	peer_send(&p, &(struct peer_out){ .ack = 2000, .flags = TCPF_ECE });
	assert_int_equal(tcp_of(p.c)->ca_state, TCP_CA_CWR);
	assert_int_equal(tcp_of(p.c)->snd_ssthresh, 5);
	assert_int_equal(info_of(p.c).delivered_ce, 2);
	s = peer_next(&p);
	assert_non_null(s);
	assert_int_equal(s->flags & TCPF_CWR, TCPF_CWR);
	while ((s = peer_next(&p)))
		assert_int_equal(s->flags & TCPF_CWR, 0);
	/* Echoes of the same window change nothing more. */
	for (u32 i = 3; i <= 10; i++) {
		peer_send(&p, &(struct peer_out){ .ack = i * 1000, .flags = TCPF_ECE });
		while ((s = peer_next(&p)))
			assert_int_equal(s->flags & TCPF_CWR, 0);
	}
	assert_int_equal(tcp_of(p.c)->snd_ssthresh, 5);
	assert_int_equal(tcp_of(p.c)->snd_cwnd, 5);
	/* A loss: what goes again is not capable. */
	peer_run_ms(&p, 2000);
	s = NULL;
	for (struct peer_seg *q; (q = peer_next(&p));)
		s = q;
	assert_non_null(s);
	assert_int_equal(s->ecn, 0);
	peer_end(&p);
}

static struct peer_seg *last_seg(void)
{
	struct peer_seg *s = NULL, *q;

	while ((q = peer_any(&p)))
		s = q;
	return s;
}

static void data(u8 ecn, u8 flags)
{
	peer_send(&p, &(struct peer_out){ .seq = p.my_seq, .ack = 0, .len = 100, .flags = flags, .ecn = ecn });
	p.my_seq += 100;
	peer_run_ms(&p, 60); /* longer than a delayed ACK */
}

/* A mark is echoed at once and from then on, until the sender says CWR. */
static void test_receiver(void **state)
{
	struct peer_seg *s;

	begin("reno");
	data(2, 0);
	assert_non_null(s = last_seg());
	assert_int_equal(s->flags, TCPF_ACK);
	assert_int_equal(s->ecn, 0);
	data(3, 0);
	assert_non_null(s = last_seg());
	assert_int_equal(s->flags, TCPF_ACK | TCPF_ECE);
	data(2, 0);
	assert_non_null(s = last_seg());
	assert_int_equal(s->flags, TCPF_ACK | TCPF_ECE);
	data(2, TCPF_CWR);
	assert_non_null(s = last_seg());
	assert_int_equal(s->flags, TCPF_ACK);
	data(3, TCPF_CWR); /* reduced, and marked again */
	assert_non_null(s = last_seg());
	assert_int_equal(s->flags, TCPF_ACK | TCPF_ECE);
	assert_true(info_of(p.c).options & TCPI_OPT_ECN_SEEN);
	peer_end(&p);
}

/* DCTCP's receiver: the echo follows each mark, and a delayed ACK never mixes two. */
static void test_dctcp_receiver(void **state)
{
	struct peer_seg *s;
	u32 acked[3];

	begin("dctcp");
	for (int i = 0; i < 20; i++) /* out of quick-ACK mode */
		data(2, 0);
	last_seg();
	peer_send(&p, &(struct peer_out){ .seq = p.my_seq, .ack = 0, .len = 100, .ecn = 2 });
	p.my_seq += 100;
	assert_null(peer_any(&p)); /* delayed */
	peer_send(&p, &(struct peer_out){ .seq = p.my_seq, .ack = 0, .len = 100, .ecn = 3 });
	p.my_seq += 100;
	assert_non_null(s = peer_any(&p));
	assert_int_equal(s->flags, TCPF_ACK);
	assert_int_equal(s->ecn, 2); /* everything is capable */
	acked[0] = s->ack;
	assert_non_null(s = peer_any(&p));
	assert_int_equal(s->flags, TCPF_ACK | TCPF_ECE);
	acked[1] = s->ack;
	assert_int_equal(acked[1] - acked[0], 100);
	data(2, 0);
	assert_non_null(s = last_seg());
	assert_int_equal(s->flags, TCPF_ACK);
	peer_end(&p);
}

/* A window of one segment, all of it marked or none. */
static void plb_round(bool marked)
{
	struct peer_seg *s;

	peer_write(&p, 1000);
	s = peer_any(&p);
	assert_non_null(s);
	peer_send(&p, &(struct peer_out){ .seq = p.my_seq, .ack = s->seq + s->len, .flags = marked ? TCPF_ECE : 0 });
	peer_run_ms(&p, 1);
}

/* net.ipv4.tcp_plb_*: congested rounds in a row, fewer when nothing is in flight; a pause after a timeout, one to two times as long as
 * tcp_plb_suspend_rto_sec; off by default. */
static void test_plb(void **state)
{
	static const struct { const char *on, *idle, *thresh; int rounds, rehash; } rows[] = {
		{ "0", "3", "128", 40, 0 }, { "1", "0", "128", 11, 0 }, { "1", "0", "128", 12, 1 }, { "1", "0", "128", 24, 2 },
		{ "1", "3", "128", 3, 1 }, { "1", "3", "128", 9, 3 }, { "1", "0", "0", 12, 1 },
	};
	u32 salt;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		begin("dctcp");
		lab_ok(weft_sysctl_set(p.l.ns[LEFT], "net.ipv4.tcp_plb_enabled", rows[i].on));
		lab_ok(weft_sysctl_set(p.l.ns[LEFT], "net.ipv4.tcp_plb_idle_rehash_rounds", rows[i].idle));
		lab_ok(weft_sysctl_set(p.l.ns[LEFT], "net.ipv4.tcp_plb_cong_thresh", rows[i].thresh));
		plb_round(true);
		plb_round(false); /* one good round, and the count begins anew */
		if (rows[i].thresh[0] == '0') /* no threshold: every round counts */
			assert_int_equal(PEER_MIB(TcpExt_TCPPLBRehash), 0);
		salt = tcp_of(p.c)->label_salt;
		for (int k = rows[i].thresh[0] == '0' ? 2 : 0; k < rows[i].rounds; k++)
			plb_round(true);
		if (rows[i].idle[0] == '3') /* the beginning of the next transmission looks, too */
			peer_write(&p, 1000);
		assert_int_equal(PEER_MIB(TcpExt_TCPPLBRehash), rows[i].rehash);
		assert_int_equal(info_of(p.c).rehash, rows[i].rehash);
		assert_int_equal(tcp_of(p.c)->label_salt - salt, rows[i].rehash);
		peer_end(&p);
	}
	begin("dctcp");
	lab_ok(weft_sysctl_set(p.l.ns[LEFT], "net.ipv4.tcp_plb_enabled", "1"));
	lab_ok(weft_sysctl_set(p.l.ns[LEFT], "net.ipv4.tcp_plb_suspend_rto_sec", "10"));
	peer_write(&p, 1000);
	peer_run_ms(&p, 1000); /* the timeout */
	while (peer_any(&p))
		;
	peer_ack(&p, 1000);
	for (int k = 0; k < 20; k++)
		plb_round(true);
	assert_int_equal(PEER_MIB(TcpExt_TCPPLBRehash), 0);
	peer_run_ms(&p, 20000);
	plb_round(true);
	assert_int_equal(PEER_MIB(TcpExt_TCPPLBRehash), 1);
	peer_end(&p);
}

/* As a listener: what an ECN SYN must be like. */
static void test_listener(void **state)
{
	static const struct { const char *sysctl; u8 flags, ecn; bool ae, ok; } cases[] = {
		{ "2", TCPF_ECE | TCPF_CWR, 0, false, true },  { "1", TCPF_ECE | TCPF_CWR, 0, false, true },
		{ "0", TCPF_ECE | TCPF_CWR, 0, false, false }, { "2", TCPF_ECE, 0, false, false },
		{ "2", TCPF_CWR, 0, false, false },	       { "2", TCPF_ECE | TCPF_CWR, 2, false, false },
		{ "2", TCPF_ECE | TCPF_CWR, 2, true, true },   { "2", 0, 0, false, false },
	};

	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		weft_socket *srv;
		struct peer_seg *s;

		peer_begin(&p);
		lab_ok(weft_sysctl_set(p.l.ns[LEFT], "net.ipv4.tcp_ecn", cases[i].sysctl));
		srv = tcp_listener(&p.l, LEFT, 80, 5);
		p.sport = cpu_to_be16(80);
		p.mss = 1000;
		peer_send(&p, &(struct peer_out){ .flags = (u8)(TCPF_SYN | cases[i].flags), .ae = cases[i].ae, .ecn = cases[i].ecn, .no_ack = true });
		peer_run_ms(&p, 10);
		assert_non_null(s = peer_next(&p));
		assert_int_equal(s->flags, TCPF_SYN | TCPF_ACK | (cases[i].ok ? TCPF_ECE : 0));
		weft_close(srv);
		peer_end(&p);
	}
}

/* `ip route … features ecn`, as Linux 6.18 took it: a client whose route has it asks whatever tcp_ecn says; a listener whose route to the
 * client has it accepts. */
static void test_route(void **state)
{
	static const struct { const char *client, *server; bool client_route, server_route, ecn; } cases[] = {
		{ "0", "0", false, false, false }, { "0", "0", true, false, false }, { "0", "0", true, true, true },  { "2", "2", false, false, false },
		{ "2", "2", true, false, true },   { "2", "2", true, true, true },   { "0", "2", false, false, false }, { "0", "2", true, false, true },
		{ "0", "2", true, true, true },
	};

	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		u32 metrics[RTAX_SLOTS] = { [RTAX_FEATURES] = RTAX_FEATURE_ECN };
		struct tcp_pair q;

		pair_veth(&q);
		for (int n = LEFT; n <= RIGHT; n++) {
			struct fib_config c = { .family = AF_INET, .table = RT_TABLE_MAIN, .protocol = RTPROT_BOOT, .type = RTN_UNICAST, .scope = RT_SCOPE_LINK,
						.nl_flags = NLM_F_CREATE, .prefix_len = 32, .oif = dev_by_name(q.l.ns[n], "eth0")->ifindex, .metrics = metrics,
						.dst = inaddr_from_v4(n == LEFT ? BE32(0x0a000002) : BE32(0x0a000001)) };

			lab_ok(weft_sysctl_set(q.l.ns[n], "net.ipv4.tcp_ecn", n == LEFT ? cases[i].client : cases[i].server));
			if (n == LEFT ? cases[i].client_route : cases[i].server_route)
				lab_ok(fib_route_add(q.l.w->cpu[0], q.l.ns[n], &c));
		}
		pair_connect(&q);
		assert_int_equal(tcp_of(q.c)->ecn_ok, cases[i].ecn);
		assert_int_equal(tcp_of(q.s)->ecn_ok, cases[i].ecn);
		pair_end(&q);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_syn), cmocka_unit_test(test_sender), cmocka_unit_test(test_receiver), cmocka_unit_test(test_dctcp_receiver), cmocka_unit_test(test_plb),
		cmocka_unit_test(test_listener), cmocka_unit_test(test_route),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
