/* Windows, buffers, corks, options on and off, wrapping sequence numbers, memory: what happens at the edges. */
#include "inet/route/fib.h"
#include "link/netns_dev.h"
#include "transport/tcp/tcp_impl.h"
#include "transport/tcp/test_tcp.h"

static char buf[1 << 20];

/* The reader sleeps: the window closes, probes keep the connection, it opens again, nothing is lost. */
static void test_zero_window(void **state)
{
	struct tcp_pair p;
	struct flow_half f;
	u64 probes;

	pair_veth(&p);
	p.srv = tcp_listener(&p.l, RIGHT, 80, 5);
	lab_opt(p.srv, SOL_SOCKET, SO_RCVBUF, 20000);
	pair_connect(&p);
	f = (struct flow_half){ .from = p.c, .to = p.s, .total = 1 << 20, .chunk = 8192, .eof = true }; /* not reading yet */
	assert_true(flow_pump(&f));
	assert_true(f.sent < f.total);
	assert_false(weft_poll(p.c) & POLLOUT);
	lab_run_ms(&p.l, 60000);
	assert_int_equal(tcp_of(p.c)->snd_wnd, 0);
	/* Empty probes; or, when the last segment found no memory, that one again. */
	probes = lab_mib(&p.l, LEFT, MIB_TcpExt_TCPWinProbe) + info_of(p.c).total_retrans;
	assert_in_range(probes, 5, 12); /* 0.2, 0.4, 0.8 … s */
	lab_run_ms(&p.l, 3600000); /* an hour: it stays */
	assert_int_equal(state_of(p.c), TCP_ESTABLISHED);
	f.eof = false;
	assert_true(lab_wait(&p.l, 300000, ({ assert_true(flow_pump(&f)); f.got == f.total; })));
	pair_end(&p);
}

/* A reader of single bytes: no silly windows, so no tiny segments. */
static void test_silly_window(void **state)
{
	struct tcp_pair p;
	u64 segs;

	pair_veth(&p);
	p.srv = tcp_listener(&p.l, RIGHT, 80, 5);
	lab_opt(p.srv, SOL_SOCKET, SO_RCVBUF, 8192);
	pair_connect(&p);
	while (weft_send(p.c, buf, 4096, 0) > 0)
		;
	lab_run_ms(&p.l, 1000);
	segs = info_of(p.c).data_segs_out;
	for (int i = 0; i < 2000; i++) {
		assert_int_equal(weft_recv(p.s, buf, 1, 0), 1);
		lab_run_ms(&p.l, 1);
	}
	assert_true(info_of(p.c).data_segs_out - segs <= 16);
	pair_end(&p);
}

static void test_options_matrix(void **state)
{
	for (int i = 0; i < 64; i++) {
		struct tcp_pair p;
		const char *names[] = { "net.ipv4.tcp_timestamps", "net.ipv4.tcp_sack", "net.ipv4.tcp_window_scaling" };

		pair_veth(&p);
		for (int k = 0; k < 3; k++) {
			lab_ok(weft_sysctl_set(p.l.ns[LEFT], names[k], i & 1 << k ? "1" : "0"));
			lab_ok(weft_sysctl_set(p.l.ns[RIGHT], names[k], i & 8 << k ? "1" : "0"));
		}
		pair_connect(&p);
		int both = i & i >> 3;
		struct tcp_info_full a = info_of(p.c), b = info_of(p.s);
		assert_int_equal(a.options, b.options);
		assert_int_equal(!!(a.options & TCPI_OPT_TIMESTAMPS), !!(both & 1));
		assert_int_equal(!!(a.options & TCPI_OPT_SACK), !!(both & 2));
		assert_int_equal(!!(a.options & TCPI_OPT_WSCALE), !!(both & 4));
		assert_int_equal(a.snd_mss, both & 1 ? 1448 : 1460);
		assert_int_equal(b.snd_mss, a.snd_mss);
		pair_transfer(&p, 300000, 20000, true, 10000);
		pair_end(&p);
	}
}

static void test_mss(void **state)
{
	struct tcp_pair p;

	pair_veth(&p);
	p.srv = tcp_listener(&p.l, RIGHT, 80, 5);
	lab_opt(p.srv, IPPROTO_TCP, TCP_MAXSEG, 600);
	pair_connect(&p);
	assert_int_equal(info_of(p.c).snd_mss, 588);
	pair_transfer(&p, 100000, 10000, true, 10000);
	assert_true(info_of(p.c).data_segs_out >= 100000 / 588);
	int v = 50;
	assert_int_equal(weft_setsockopt(p.c, IPPROTO_TCP, TCP_MAXSEG, &v, sizeof v), -EINVAL);
	pair_end(&p);
}

/* A gigabyte window: the largest scale. */
static void test_huge_window(void **state)
{
	struct tcp_pair p;

	pair_veth(&p);
	for (int i = LEFT; i <= RIGHT; i++) {
		lab_ok(weft_sysctl_set(p.l.ns[i], "net.ipv4.tcp_rmem", "4096 2000000000 2147483647"));
		lab_ok(weft_sysctl_set(p.l.ns[i], "net.ipv4.tcp_wmem", "4096 16384 2147483647"));
	}
	pair_connect(&p);
	assert_int_equal(info_of(p.c).rcv_wscale, 14);
	assert_int_equal(info_of(p.s).snd_wscale, 14);
	pair_transfer(&p, 8 << 20, 100000, true, 10000);
	pair_end(&p);
}

/* Sequence numbers that wrap within the transfer, in both directions. */
static void test_wrap(void **state)
{
	for (int dir = 0; dir < 2; dir++) {
		struct tcp_pair p;
		struct inaddr a = inaddr_from_v4(BE32(0x0a000001)), b = inaddr_from_v4(BE32(0x0a000002));
		struct cpu *cpu;
		u32 isn;

		pair_veth(&p);
		cpu = p.l.w->cpu[0];
		isn = dir ? tcp_isn(cpu, &b, &a, cpu_to_be16(80), cpu_to_be16(4000)) : tcp_isn(cpu, &a, &b, cpu_to_be16(4000), cpu_to_be16(80));
		/* It moves by one every 64 ns: until 100,000 before the end of the circle. */
		weft_run_for(p.l.w, (u64)(0u - 100000u - isn) * 64);
		p.c = lab_socket(&p.l, LEFT, SOCK_STREAM, 0);
		lab_ok(weft_bind(p.c, LAB_SA("10.0.0.1", 4000)));
		pair_connect(&p);
		assert_true(tcp_of(dir ? p.s : p.c)->snd_una > 0xfff00000u);
		pair_transfer(&p, 1 << 20, 30000, true, 10000);
		assert_true(tcp_of(dir ? p.s : p.c)->snd_una < 0x00200000u);
		pair_end(&p);
	}
}

static void test_nagle_and_cork(void **state)
{
	weft_wire_params w = { .delay_ns = 50 * LAB_MS };
	struct tcp_pair p;
	u32 segs;

	pair_wire(&p, 1, &w, &w);
	pair_connect(&p);
	segs = info_of(p.c).data_segs_out;
	for (int i = 0; i < 10; i++)
		weft_send(p.c, "x", 1, 0);
	lab_run_ms(&p.l, 1000);
	assert_int_equal(info_of(p.c).data_segs_out - segs, 2); /* one at once, nine when it is acknowledged */
	lab_opt(p.c, IPPROTO_TCP, TCP_NODELAY, 1);
	segs = info_of(p.c).data_segs_out;
	for (int i = 0; i < 10; i++)
		weft_send(p.c, "x", 1, 0);
	lab_run_ms(&p.l, 1000);
	assert_int_equal(info_of(p.c).data_segs_out - segs, 10);
	lab_opt(p.c, IPPROTO_TCP, TCP_CORK, 1);
	segs = info_of(p.c).data_segs_out;
	for (int i = 0; i < 10; i++)
		weft_send(p.c, "x", 1, 0);
	lab_run_ms(&p.l, 100);
	assert_int_equal(info_of(p.c).data_segs_out - segs, 0);
	lab_opt(p.c, IPPROTO_TCP, TCP_CORK, 0);
	lab_run_ms(&p.l, 1000);
	assert_int_equal(info_of(p.c).data_segs_out - segs, 1);
	segs = info_of(p.c).data_segs_out;
	weft_send(p.c, "a", 1, MSG_MORE);
	weft_send(p.c, "b", 1, MSG_MORE);
	lab_run_ms(&p.l, 100);
	assert_int_equal(info_of(p.c).data_segs_out - segs, 0);
	weft_send(p.c, "c", 1, 0);
	lab_run_ms(&p.l, 1000);
	assert_int_equal(info_of(p.c).data_segs_out - segs, 1);
	/* A cork gives way after 200 ms, so that nothing waits for ever. */
	lab_opt(p.c, IPPROTO_TCP, TCP_CORK, 1);
	weft_send(p.c, "late", 4, 0);
	lab_run_ms(&p.l, 1000);
	assert_int_equal(info_of(p.c).data_segs_out - segs, 2);
	pair_end(&p);
}

/* One ACK per two segments in a bulk flow; 40 ms for a lone one. */
static void test_delayed_ack(void **state)
{
	weft_wire_params w = { .delay_ns = 5 * LAB_MS };
	struct tcp_pair p;
	struct tcp_info_full i;

	pair_wire(&p, 1, &w, &w);
	pair_connect(&p);
	pair_transfer(&p, 3 << 20, 65536, false, 60000);
	i = info_of(p.s);
	assert_true(i.segs_out <= i.segs_in * 2 / 3);
	lab_run_ms(&p.l, 3000);
	/* Leave quick-ack mode behind. */
	for (int k = 0; k < 40; k++) {
		weft_send(p.c, "x", 1, 0);
		lab_run_ms(&p.l, 60);
		weft_recv(p.s, buf, 10, 0);
	}
	u64 d = lab_mib(&p.l, RIGHT, MIB_TcpExt_DelayedACKs);
	assert_true(d > 5);
	/* But never when the way back says so (ip-route(8), quickack). */
	u32 metrics[RTAX_SLOTS] = { [RTAX_QUICKACK] = 1 };
	struct fib_config c = { .family = AF_INET, .table = RT_TABLE_MAIN, .protocol = RTPROT_BOOT, .type = RTN_UNICAST, .scope = RT_SCOPE_LINK,
				.nl_flags = NLM_F_CREATE, .prefix_len = 32, .oif = dev_by_name(p.l.ns[RIGHT], "eth0")->ifindex, .metrics = metrics,
				.dst = inaddr_from_v4(BE32(0x0a000001)) };
	lab_ok(fib_route_add(p.l.w->cpu[0], p.l.ns[RIGHT], &c));
	for (int k = 0; k < 10; k++) {
		if (k == 1) /* the first ACK found the new route */
			d = lab_mib(&p.l, RIGHT, MIB_TcpExt_DelayedACKs);
		weft_send(p.c, "x", 1, 0);
		lab_run_ms(&p.l, 60);
		weft_recv(p.s, buf, 10, 0);
	}
	assert_int_equal(lab_mib(&p.l, RIGHT, MIB_TcpExt_DelayedACKs), d);
	pair_end(&p);
}

static void test_peek_and_lengths(void **state)
{
	struct tcp_pair p;
	struct iovec iov[4];
	u64 bytes;
	int n, v;

	pair_veth(&p);
	pair_connect(&p);
	assert_int_equal(weft_peek(p.s, iov, 4, &bytes), -EAGAIN);
	assert_int_equal(weft_recv(p.s, buf, 1, MSG_DONTWAIT), -EAGAIN);
	n = weft_reserve(p.c, iov, 4, &bytes);
	assert_true(n > 0 && bytes >= 65536);
	memset(iov[0].iov_base, 'r', 10000);
	lab_ok(weft_commit(p.c, 10000, 0));
	n = weft_reserve(p.c, iov, 4, &bytes);
	lab_ok(weft_commit(p.c, 0, 0));
	lab_run_ms(&p.l, 10);
	lab_ok(socket_ioctl(p.l.w->cpu[0], p.s, 0x541B, &v, sizeof v));
	assert_int_equal(v, 10000);
	assert_int_equal(weft_recv(p.s, buf, 100, MSG_PEEK), 100);
	assert_int_equal(buf[99], 'r');
	assert_int_equal(weft_recv(p.s, buf, 1000, MSG_TRUNC), 1000); /* thrown away */
	n = weft_peek(p.s, iov, 4, &bytes);
	assert_true(n >= 1 && bytes == 9000);
	assert_int_equal(*(char *)iov[0].iov_base, 'r');
	weft_consume(p.s, 4000);
	assert_int_equal(weft_recv(p.s, buf, sizeof buf, 0), 5000);
	lab_ok(weft_shutdown(p.c, SHUT_WR));
	lab_run_ms(&p.l, 10);
	assert_int_equal(weft_peek(p.s, iov, 4, &bytes), 0);
	assert_int_equal(bytes, 0);
	assert_int_equal(weft_reserve(p.c, iov, 4, &bytes), -EPIPE);
	lab_ok(socket_ioctl(p.l.w->cpu[0], p.s, 0x541B, &v, sizeof v));
	assert_int_equal(v, 0);
	pair_end(&p);
}

/* Buffers grow with the path: a long fat one is filled. */
static void test_autotuning(void **state)
{
	weft_wire_params w = { .delay_ns = 25 * LAB_MS, .rate_bps = 400000000, .queue_frames = 4000 };
	struct tcp_pair p;
	u64 t;

	pair_wire(&p, 1, &w, &w);
	lab_ok(weft_sysctl_set(p.l.ns[LEFT], "net.ipv4.tcp_wmem", "4096 16384 16777216"));
	pair_connect(&p);
	t = weft_now(p.l.w);
	pair_transfer(&p, 64 << 20, 262144, false, 60000);
	t = weft_now(p.l.w) - t;
	/* 64 MiB at 400 Mbit/s: 1.34 s and slow start */
	assert_in_range(t / LAB_MS, 1340, 2700);
	assert_true(p.s->sk->rcvbuf > 2000000);
	assert_true(p.c->sk->sndbuf > 1000000);
	pair_end(&p);
}

/* The path gets narrower on the way: "fragmentation needed" resegments, nothing is lost. */
static void test_pmtu(void **state)
{
	struct lab l;
	struct tcp_pair p = { 0 };

	lab_routed(&l, 1);
	p.l = l;
	p.srv = tcp_listener(&p.l, RIGHT, 80, 5);
	p.c = lab_socket(&p.l, LEFT, SOCK_STREAM, 0);
	assert_int_equal(weft_connect(p.c, LAB_SA("10.0.2.2", 80)), -EINPROGRESS);
	assert_true(lab_wait(&p.l, 1000, weft_poll(p.srv) & POLLIN));
	lab_ok(weft_accept(p.srv, &p.s));
	pair_transfer(&p, 100000, 10000, true, 10000);
	struct net_device *dev = dev_by_name(p.l.ns[ROUTER], "r0");
	lab_ok(dev_set_mtu(p.l.w->cpu[0], dev, 1000, NULL));
	pair_transfer(&p, 500000, 50000, false, 10000);
	assert_int_equal(info_of(p.c).pmtu, 1000);
	assert_int_equal(info_of(p.c).snd_mss, 948);
	pair_end(&p);
}

/* The n-th allocation fails, for many n: errors, never a crash or a leak; and what arrives is right. */
static void test_memory_failures(void **state)
{
	for (u64 n = 1; n < 120; n++) {
		struct tcp_pair p;
		struct flow_half f;
		weft_socket *s = NULL, *c = NULL;

		pair_veth(&p);
		p.srv = tcp_listener(&p.l, RIGHT, 80, 5);
		p.l.w->mem.fail_at = n;
		if (!weft_socket_new(p.l.ns[LEFT], AF_INET, SOCK_STREAM, 0, &c)) {
			weft_connect(c, LAB_SA("10.0.0.2", 80));
			lab_run_ms(&p.l, 3000);
			if (!weft_accept(p.srv, &s)) {
				f = (struct flow_half){ .from = c, .to = s, .total = 100000, .chunk = 5000 };
				lab_wait(&p.l, 20000, ({ assert_true(flow_pump(&f)); f.got == f.total; }));
			}
		}
		p.l.w->mem.fail_at = 0;
		p.c = c;
		p.s = s;
		pair_end(&p);
	}
}

/* SO_MAX_PACING_RATE: a megabyte a second, whatever the path could do. */
static void test_pacing(void **state)
{
	struct tcp_pair p;
	u64 rate = 1000000, t;

	pair_veth(&p);
	pair_connect(&p);
	lab_ok(weft_setsockopt(p.c, SOL_SOCKET, SO_MAX_PACING_RATE, &rate, sizeof rate));
	t = weft_now(p.l.w);
	pair_transfer(&p, 3000000, 65536, false, 60000);
	assert_in_range((weft_now(p.l.w) - t) / LAB_MS, 2800, 3500);
	pair_end(&p);
}

static void test_ecn(void **state)
{
	struct tcp_pair p;

	for (int i = 0; i < 3; i++) { /* asks and accepts; accepts only; refuses */
		pair_veth(&p);
		lab_ok(weft_sysctl_set(p.l.ns[LEFT], "net.ipv4.tcp_ecn", i == 1 ? "2" : "1"));
		lab_ok(weft_sysctl_set(p.l.ns[RIGHT], "net.ipv4.tcp_ecn", i == 2 ? "0" : "2"));
		pair_connect(&p);
		assert_int_equal(!!(info_of(p.c).options & TCPI_OPT_ECN), i == 0);
		assert_int_equal(!!(info_of(p.s).options & TCPI_OPT_ECN), i == 0);
		pair_transfer(&p, 100000, 10000, true, 10000);
		assert_int_equal(!!(info_of(p.s).options & TCPI_OPT_ECN_SEEN), i == 0);
		pair_end(&p);
	}
}

static void test_rcvlowat(void **state)
{
	struct tcp_pair p;

	pair_veth(&p);
	pair_connect(&p);
	lab_opt(p.s, SOL_SOCKET, SO_RCVLOWAT, 1000);
	weft_send(p.c, buf, 999, 0);
	lab_run_ms(&p.l, 500);
	assert_false(weft_poll(p.s) & POLLIN);
	weft_send(p.c, buf, 1, 0);
	lab_run_ms(&p.l, 500);
	assert_true(weft_poll(p.s) & POLLIN);
	pair_end(&p);
}

static size_t run_once(u64 seed, u8 **out)
{
	weft_wire_params w = { .delay_ns = 10 * LAB_MS, .rate_bps = 50000000, .loss_ppm = 20000, .duplicate_ppm = 5000, .reorder_ppm = 10000,
			       .jitter_ns = LAB_MS };
	struct tcp_pair p;
	weft_capture *cap;
	const u8 *data;
	size_t len;

	pair_wire(&p, seed, &w, &w);
	lab_ok(weft_capture_start(p.l.ns[LEFT], "eth0", &cap));
	pair_connect(&p);
	pair_transfer(&p, 400000, 30000, true, 600000);
	weft_capture_data(cap, &data, &len);
	*out = malloc(len);
	memcpy(*out, data, len);
	weft_capture_stop(cap);
	pair_end(&p);
	return len;
}

static void test_determinism(void **state)
{
	u8 *a, *b, *c;
	size_t la = run_once(5, &a), lb = run_once(5, &b), lc = run_once(6, &c);

	assert_int_equal(la, lb);
	assert_memory_equal(a, b, la);
	assert_true(la != lc || memcmp(a, c, la));
	free(a);
	free(b);
	free(c);
}

/* Each packet of a short transfer lost in turn: all arrives, and soon. */
static void test_each_packet_lost(void **state)
{
	for (int n = 0; n < 40; n++) {
		struct tcp_pair p;
		struct flow_half f;
		weft_wire_params good = { .delay_ns = 5 * LAB_MS }, bad = { .delay_ns = 5 * LAB_MS, .loss_ppm = 1000000 };
		weft_wire_stats st;
		bool lost = false;

		pair_wire(&p, 1, &good, &good);
		pair_connect(&p);
		f = (struct flow_half){ .from = p.c, .to = p.s, .total = 30000, .chunk = 1000, .closing = true };
		lab_opt(p.c, IPPROTO_TCP, TCP_NODELAY, 1);
		assert_true(lab_wait(&p.l, 20000, ({
			weft_wire_get_stats(p.wire, n & 1, &st);
			if (!lost && st.sent >= (u64)(n / 2 + 3)) {
				weft_wire_set(p.wire, n & 1, &bad);
				lost = true;
			} else if (st.lost) {
				weft_wire_set(p.wire, n & 1, &good);
			}
			assert_true(flow_pump(&f));
			f.eof;
		})));
		assert_int_equal(f.got, f.total);
		pair_end(&p);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_zero_window), cmocka_unit_test(test_silly_window), cmocka_unit_test(test_options_matrix),
		cmocka_unit_test(test_mss), cmocka_unit_test(test_huge_window), cmocka_unit_test(test_wrap), cmocka_unit_test(test_nagle_and_cork),
		cmocka_unit_test(test_delayed_ack), cmocka_unit_test(test_peek_and_lengths), cmocka_unit_test(test_autotuning),
		cmocka_unit_test(test_pmtu), cmocka_unit_test(test_memory_failures), cmocka_unit_test(test_pacing), cmocka_unit_test(test_ecn), cmocka_unit_test(test_rcvlowat), cmocka_unit_test(test_determinism),
		cmocka_unit_test(test_each_packet_lost),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
