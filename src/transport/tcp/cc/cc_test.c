/* Congestion controls over wires in virtual time: that each finds the path's rate, and what is particular to it. */
#include <linux/inet_diag.h>

#include "transport/tcp/test_tcp.h"

enum { MBIT = 1000000 };

static void wire_pair(struct tcp_pair *p, u64 seed, u64 delay_ms, u64 rate, u32 queue, u32 loss_ppm, const char *cc)
{
	weft_wire_params ab = { .delay_ns = delay_ms * LAB_MS, .rate_bps = rate, .queue_frames = queue, .loss_ppm = loss_ppm };
	weft_wire_params ba = { .delay_ns = delay_ms * LAB_MS };

	pair_wire(p, seed, &ab, &ba);
	p->c = lab_socket(&p->l, LEFT, SOCK_STREAM, 0);
	lab_ok(weft_setsockopt(p->c, IPPROTO_TCP, TCP_CONGESTION, cc, (socklen_t)strlen(cc)));
	pair_connect(p);
}

/* Bytes that arrive in ms while the sender always has something to send. */
static u64 flood(struct tcp_pair *p, u64 ms)
{
	static char buf[65536];
	u64 end = weft_now(p->l.w) + ms * LAB_MS, got = 0;
	ssize_t n;

	while (weft_now(p->l.w) < end) {
		while (weft_send(p->c, buf, sizeof buf, 0) > 0)
			;
		while ((n = weft_recv(p->s, buf, sizeof buf, 0)) > 0)
			got += (u64)n;
		u64 next = weft_step(p->l.w, weft_now(p->l.w));
		weft_step(p->l.w, MIN(next, end));
	}
	return got;
}

static double mbit(u64 bytes, u64 ms) { return (double)bytes * 8 / 1000 / (double)ms; }

/* Each fills the path, and none loses its share to the others' mistakes. */
static void test_fills_the_path(void **state)
{
	static const char *const ccs[] = { "reno", "cubic", "bbr" };

	for (unsigned i = 0; i < ARRAY_SIZE(ccs); i++) {
		struct tcp_pair p;

		wire_pair(&p, 1, 10, 20 * MBIT, 100, 0, ccs[i]);
		flood(&p, 2000);
		assert_true(mbit(flood(&p, 5000), 5000) > 18.5);
		pair_end(&p);
	}
}

static struct tcp_bbr_info bbr_info(weft_socket *s)
{
	union tcp_cc_info i;
	socklen_t len = sizeof i;

	lab_ok(weft_getsockopt(s, IPPROTO_TCP, TCP_CC_INFO, &i, &len));
	assert_int_equal(len, sizeof i.bbr);
	return i.bbr;
}

/* The model is the path: its rate and its delay; the standing queue is small, where a loss-based sender's fills the buffer. */
static void test_bbr_model(void **state)
{
	struct tcp_pair p;
	struct tcp_bbr_info b;

	wire_pair(&p, 1, 10, 20 * MBIT, 1000, 0, "bbr");
	flood(&p, 4000);
	b = bbr_info(p.c);
	assert_in_range(b.bbr_bw_lo, 2300000, 2450000); /* bytes a second, of payload */
	assert_in_range(b.bbr_min_rtt, 20000, 20700);
	assert_in_range(info_of(p.c).rtt, 20000, 45000);
	assert_in_range(tcp_of(p.c)->snd_cwnd, 60, 100); /* twice 35 packets, and the host's batching */
	assert_int_equal(b.bbr_cwnd_gain, 512);
	pair_end(&p);
}

/* Random loss costs little. */
static void test_bbr_loss(void **state)
{
	struct tcp_pair p;

	wire_pair(&p, 3, 10, 20 * MBIT, 100, 20000, "bbr");
	flood(&p, 1000);
	assert_true(mbit(flood(&p, 10000), 10000) > 17);
	pair_end(&p);
}

/* Ten seconds without a new minimum: four packets for 200 ms, and back. */
static void test_bbr_probe_rtt(void **state)
{
	struct tcp_pair p;
	u64 low_ms = 0;
	u32 before = 0;

	wire_pair(&p, 1, 10, 20 * MBIT, 1000, 0, "bbr");
	flood(&p, 8000);
	before = tcp_of(p.c)->snd_cwnd;
	for (int i = 0; i < 500; i++) {
		flood(&p, 10);
		low_ms += tcp_of(p.c)->snd_cwnd == 4 ? 10 : 0;
	}
	assert_in_range(low_ms, 200, 300);
	assert_true(tcp_of(p.c)->snd_cwnd >= before - 8);
	pair_end(&p);
}

/* A path that becomes slower, and faster again, is followed. */
static void test_bbr_follows(void **state)
{
	weft_wire_params w = { .delay_ns = 10 * LAB_MS, .rate_bps = 5 * MBIT, .queue_frames = 200 };
	struct tcp_pair p;

	wire_pair(&p, 1, 10, 20 * MBIT, 200, 0, "bbr");
	flood(&p, 4000);
	weft_wire_set(p.wire, 0, &w);
	flood(&p, 3000);
	assert_in_range(bbr_info(p.c).bbr_bw_lo, 550000, 640000);
	w.rate_bps = 20 * MBIT;
	weft_wire_set(p.wire, 0, &w);
	flood(&p, 5000);
	assert_true(bbr_info(p.c).bbr_bw_lo > 2200000);
	pair_end(&p);
}

/* SO_MAX_PACING_RATE holds whatever the congestion control, and bursts are no longer than a millisecond of it. */
static void test_max_pacing_rate(void **state)
{
	static const char *const ccs[] = { "reno", "cubic", "bbr" };

	for (unsigned i = 0; i < ARRAY_SIZE(ccs); i++) {
		struct tcp_pair p;
		u32 rate = 500000;

		wire_pair(&p, 1, 5, 0, 0, 0, ccs[i]);
		lab_ok(weft_setsockopt(p.c, SOL_SOCKET, SO_MAX_PACING_RATE, &rate, sizeof rate));
		flood(&p, 500);
		assert_in_range(flood(&p, 4000), 4 * 480000, 4 * 510000);
		assert_int_equal(info_of(p.c).max_pacing_rate, rate);
		assert_true(info_of(p.c).pacing_rate <= rate);
		assert_int_equal(lab_mib(&p.l, LEFT, MIB_Tcp_RetransSegs), 0);
		pair_end(&p);
	}
}

/* HyStart: slow start ends when the round trip rises, before the buffer overflows. */
static void test_hystart(void **state)
{
	struct tcp_pair p;

	wire_pair(&p, 1, 50, 20 * MBIT, 1000, 0, "cubic");
	flood(&p, 3000);
	assert_int_equal(lab_mib(&p.l, LEFT, MIB_TcpExt_TCPHystartDelayDetect) + lab_mib(&p.l, LEFT, MIB_TcpExt_TCPHystartTrainDetect), 1);
	assert_int_equal(lab_mib(&p.l, LEFT, MIB_Tcp_RetransSegs), 0);
	assert_true(info_of(p.c).snd_ssthresh < TCP_INFINITE_SSTHRESH);
	pair_end(&p);
}

/* Who has nothing to send is not taken for a slow path. */
static void test_application_limited_rate(void **state)
{
	struct tcp_pair p;
	static char buf[10000];

	wire_pair(&p, 1, 10, 20 * MBIT, 1000, 0, "bbr");
	flood(&p, 3000);
	for (int i = 0; i < 100; i++) {
		weft_send(p.c, buf, sizeof buf, 0);
		lab_run_ms(&p.l, 50);
		while (weft_recv(p.s, buf, sizeof buf, 0) > 0)
			;
	}
	assert_true(bbr_info(p.c).bbr_bw_lo > 2200000);
	assert_true(tcp_of(p.c)->app_limited); /* lower samples did not count */
	pair_end(&p);
}

/* tcp(7): who may choose what; what listeners hand on; the namespace's default. */
static void test_choice(void **state)
{
	struct tcp_pair p;
	char name[16];
	socklen_t len = sizeof name;

	pair_veth(&p);
	p.c = lab_socket(&p.l, LEFT, SOCK_STREAM, 0);
	assert_int_equal(weft_setsockopt(p.c, IPPROTO_TCP, TCP_CONGESTION, "nosuch", 6), -ENOENT);
	lab_ok(weft_getsockopt(p.c, IPPROTO_TCP, TCP_CONGESTION, name, &len));
	assert_int_equal(len, 16);
	assert_string_equal(name, "cubic");
	lab_ok(weft_sysctl_set(p.l.ns[LEFT], "net.ipv4.tcp_congestion_control", "bbr"));
	weft_close(p.c);
	p.c = lab_socket(&p.l, LEFT, SOCK_STREAM, 0);
	p.srv = tcp_listener(&p.l, RIGHT, 80, 5);
	lab_ok(weft_setsockopt(p.srv, IPPROTO_TCP, TCP_CONGESTION, "reno", 4));
	pair_connect(&p);
	assert_string_equal(tcp_of(p.c)->cc->name, "bbr");
	assert_string_equal(tcp_of(p.s)->cc->name, "reno");
	/* In the middle of a connection too. */
	pair_transfer(&p, 100000, 10000, false, 1000);
	lab_ok(weft_setsockopt(p.c, IPPROTO_TCP, TCP_CONGESTION, "cubic", 5));
	pair_transfer(&p, 1000000, 10000, false, 1000);
	pair_end(&p);
}

/* ECN: the queue is kept short by marks, and nothing is lost; DCTCP reacts in proportion, so it keeps the link full with less. */
static void test_ecn_marks(void **state)
{
	static const char *const ccs[] = { "reno", "cubic", "dctcp" };

	for (unsigned i = 0; i < ARRAY_SIZE(ccs); i++) {
		weft_wire_params ab = { .delay_ns = LAB_MS / 2, .rate_bps = 100 * MBIT, .queue_frames = 1000, .mark_frames = 20 }, ba = { .delay_ns = LAB_MS / 2 };
		struct tcp_pair p;
		weft_wire_stats st;

		pair_wire(&p, 1, &ab, &ba);
		p.srv = tcp_listener(&p.l, RIGHT, 80, 5);
		if (i == 2) { /* both ends, as in a data centre: the receiver echoes exactly */
			lab_ok(weft_setsockopt(p.srv, IPPROTO_TCP, TCP_CONGESTION, "dctcp", 5));
			lab_ok(weft_sysctl_set(p.l.ns[LEFT], "net.ipv4.tcp_ecn", "0")); /* DCTCP asks whatever the sysctl says */
		} else {
			lab_ok(weft_sysctl_set(p.l.ns[LEFT], "net.ipv4.tcp_ecn", "1"));
		}
		p.c = lab_socket(&p.l, LEFT, SOCK_STREAM, 0);
		lab_ok(weft_setsockopt(p.c, IPPROTO_TCP, TCP_CONGESTION, ccs[i], (socklen_t)strlen(ccs[i])));
		pair_connect(&p);
		assert_true(info_of(p.c).options & TCPI_OPT_ECN);
		flood(&p, 500);
		assert_true(mbit(flood(&p, 2000), 2000) > (i == 2 ? 93 : 85));
		weft_wire_get_stats(p.wire, 0, &st);
		assert_true(st.marked > 0);
		assert_int_equal(st.queue_drops, 0);
		assert_int_equal(lab_mib(&p.l, LEFT, MIB_Tcp_RetransSegs), 0);
		assert_true(info_of(p.c).delivered_ce > 0);
		assert_true(info_of(p.s).options & TCPI_OPT_ECN_SEEN);
		assert_true(lab_mib(&p.l, LEFT, MIB_TcpExt_TCPDeliveredCE) > 0);
		assert_true(lab_mib(&p.l, RIGHT, MIB_IpExt_InCEPkts) > 0);
		if (i == 2) {
			union tcp_cc_info info;
			socklen_t len = sizeof info;

			lab_ok(weft_getsockopt(p.c, IPPROTO_TCP, TCP_CC_INFO, &info, &len));
			assert_int_equal(len, sizeof info.dctcp);
			assert_int_equal(info.dctcp.dctcp_enabled, 1);
			assert_in_range(info.dctcp.dctcp_alpha, 1, 1023);
			assert_true(lab_mib(&p.l, LEFT, MIB_IpExt_InECT0Pkts) > 0); /* pure ACKs too */
			assert_true(tcp_of(p.c)->snd_cwnd < 60);
		}
		pair_end(&p);
	}
}

/* The peer refuses ECN: DCTCP is Reno then, and says so. */
static void test_dctcp_fallback(void **state)
{
	struct tcp_pair p;
	char name[16];
	socklen_t len = sizeof name;

	pair_veth(&p);
	lab_ok(weft_sysctl_set(p.l.ns[RIGHT], "net.ipv4.tcp_ecn", "0"));
	p.c = lab_socket(&p.l, LEFT, SOCK_STREAM, 0);
	lab_ok(weft_setsockopt(p.c, IPPROTO_TCP, TCP_CONGESTION, "dctcp", 5));
	pair_connect(&p);
	lab_ok(weft_getsockopt(p.c, IPPROTO_TCP, TCP_CONGESTION, name, &len));
	assert_string_equal(name, "dctcp-reno");
	assert_false(info_of(p.c).options & TCPI_OPT_ECN);
	pair_transfer(&p, 1000000, 65536, false, 1000);
	pair_end(&p);
}

/* Later namespaces begin with the first one's default, and take no restricted one by themselves. */
static void test_namespaces(void **state)
{
	struct lab l = { 0 };
	char v[64];

	lab_ok(weft_world_new(1, 1, &l.w));
	lab_ok(weft_netns_new(l.w, "left", &l.ns[LEFT]));
	lab_ok(weft_sysctl_set(l.ns[LEFT], "net.ipv4.tcp_congestion_control", "bbr"));
	lab_ok(weft_netns_new(l.w, "right", &l.ns[RIGHT]));
	assert_true(weft_sysctl_get(l.ns[RIGHT], "net.ipv4.tcp_congestion_control", v, sizeof v) >= 0);
	assert_string_equal(strtok(v, "\n"), "bbr");
	assert_int_equal(weft_sysctl_set(l.ns[RIGHT], "net.ipv4.tcp_congestion_control", "dctcp"), -EPERM);
	assert_int_equal(weft_sysctl_set(l.ns[RIGHT], "net.ipv4.tcp_congestion_control", "nosuch"), -ENOENT);
	lab_ok(weft_sysctl_set(l.ns[LEFT], "net.ipv4.tcp_congestion_control", "dctcp"));
	lab_ok(weft_sysctl_set(l.ns[RIGHT], "net.ipv4.tcp_congestion_control", "dctcp")); /* now free for all */
	lab_end(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fills_the_path), cmocka_unit_test(test_bbr_model), cmocka_unit_test(test_bbr_loss),
		cmocka_unit_test(test_bbr_probe_rtt), cmocka_unit_test(test_bbr_follows), cmocka_unit_test(test_max_pacing_rate),
		cmocka_unit_test(test_hystart), cmocka_unit_test(test_application_limited_rate), cmocka_unit_test(test_choice), cmocka_unit_test(test_namespaces),
		cmocka_unit_test(test_ecn_marks), cmocka_unit_test(test_dctcp_fallback),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
