/* Passive opens under pressure: the queues' limits, SYN cookies, floods, saved SYNs. */
#include <linux/icmp.h>

#include "codec/wire/checksum.h"
#include "transport/tcp/tcp_impl.h"
#include "transport/tcp/test_tcp.h"

static char buf[65536];

#define R_MIB(m) lab_mib(&p.l, RIGHT, MIB_##m)
#define R_DROPS(r) lab_drops(&p.l, RIGHT, SKB_DROP_REASON_##r)

static void sysctl(struct tcp_pair *p, int ns, const char *name, const char *value)
{
	char path[96];

	snprintf(path, sizeof path, "net.ipv4.%s", name);
	lab_ok(weft_sysctl_set(p->l.ns[ns], path, value));
}

/* A segment from any address to 10.0.0.2:80, by a raw socket in left that writes the IP header too. */
static void spoof(struct tcp_pair *p, weft_socket *raw, u32 from, u16 sport, u32 seq, u32 ack, u8 flags)
{
	u8 b[40] = { 0x45, 0, 0, 40, 0, 0, 0, 0, 64, IPPROTO_TCP };
	struct tcp_hdr *th = (struct tcp_hdr *)(b + 20);
	be32 s = cpu_to_be32(from), d = BE32(0x0a000002);

	memcpy(b + 12, &s, 4);
	memcpy(b + 16, &d, 4);
	th->sport = cpu_to_be16(sport);
	th->dport = BE16(80);
	th->seq = cpu_to_be32(seq);
	th->ack = cpu_to_be32(ack);
	th->doff = 5 << 4;
	th->flags = flags;
	th->window = BE16(1000);
	th->check = csum_fold(csum_partial(th, 20, csum_pseudo4(s, d, 20, 6)));
	assert_int_equal(lab_sendto(raw, b, sizeof b, "10.0.0.2", 0), sizeof b);
}

static weft_socket *spoofer(struct tcp_pair *p)
{
	weft_socket *raw = lab_socket(&p->l, LEFT, SOCK_RAW, IPPROTO_RAW);

	lab_ok(weft_route_add(p->l.ns[RIGHT], "10.9.0.0/16", "10.0.0.1", NULL));
	sysctl(p, RIGHT, "conf.all.rp_filter", "0");
	return raw;
}

static weft_socket *client(struct tcp_pair *p)
{
	weft_socket *c = lab_socket(&p->l, LEFT, SOCK_STREAM, 0);

	assert_int_equal(weft_connect(c, LAB_SA("10.0.0.2", 80)), -EINPROGRESS);
	return c;
}

/* backlog + 1 requests, then drops; the requests end by themselves. */
static void test_syn_queue(void **state)
{
	struct tcp_pair p;
	weft_socket *raw;

	pair_veth(&p);
	sysctl(&p, RIGHT, "tcp_syncookies", "0");
	p.srv = tcp_listener(&p.l, RIGHT, 80, 10);
	raw = spoofer(&p);
	for (u16 i = 0; i < 20; i++)
		spoof(&p, raw, 0x0a090001, 1000 + i, 5, 0, TCPF_SYN);
	lab_run_ms(&p.l, 10);
	assert_int_equal(tcp_of(p.srv)->listen->reqs_len, 11);
	assert_int_equal(R_MIB(TcpExt_TCPReqQFullDrop), 9);
	assert_int_equal(R_MIB(TcpExt_ListenDrops), 9);
	assert_int_equal(R_DROPS(TCP_REQQ_OVERFLOW), 9);
	lab_run_ms(&p.l, 70000); /* 1 + 2 + 4 + 8 + 16 + 32 s and they are gone */
	assert_int_equal(tcp_of(p.srv)->listen->reqs_len, 0);
	weft_close(raw);
	pair_end(&p);
}

/* Errors of the way back end a request, others do not; neither does one about a SYN-ACK that was never sent. */
static void test_request_icmp(void **state)
{
	static const struct { u8 type, code; bool ends; } errors[] = {
		{ ICMP_DEST_UNREACH, ICMP_PORT_UNREACH, false }, { ICMP_DEST_UNREACH, ICMP_PROT_UNREACH, false },
		{ ICMP_DEST_UNREACH, ICMP_HOST_UNREACH, true },	 { ICMP_DEST_UNREACH, ICMP_NET_UNREACH, true },
		{ ICMP_TIME_EXCEEDED, 0, true },		 { ICMP_PARAMETERPROB, 0, true },
	};
	struct tcp_pair p;
	weft_socket *raw, *icmp;

	pair_veth(&p);
	p.srv = tcp_listener(&p.l, RIGHT, 80, 10);
	raw = spoofer(&p);
	icmp = lab_socket(&p.l, LEFT, SOCK_RAW, IPPROTO_ICMP);
	for (unsigned i = 0; i < sizeof errors / sizeof errors[0]; i++) {
		struct tcp_listen *l = tcp_of(p.srv)->listen;
		u8 b[36] = { errors[i].type, errors[i].code, [8] = 0x45, [11] = 40, [16] = 64, [17] = IPPROTO_TCP };
		be32 src = BE32(0x0a000002), dst = BE32(0x0a090001), seq;
		be16 sport = BE16(80), dport = cpu_to_be16((u16)(1000 + i)), check;

		spoof(&p, raw, 0x0a090001, (u16)(1000 + i), 5, 0, TCPF_SYN);
		lab_run_ms(&p.l, 5);
		assert_int_equal(l->reqs_len, 1);
		for (int wrong = 1; wrong >= 0; wrong--) {
			seq = cpu_to_be32(container_of(l->reqs.next, struct tcp_req, link)->snt_isn + (u32)wrong);
			memcpy(b + 20, &src, 4);
			memcpy(b + 24, &dst, 4);
			memcpy(b + 28, &sport, 2);
			memcpy(b + 30, &dport, 2);
			memcpy(b + 32, &seq, 4);
			memset(b + 2, 0, 2);
			check.raw = csum_fold(csum_partial(b, sizeof b, 0));
			memcpy(b + 2, &check, 2);
			assert_int_equal(lab_sendto(icmp, b, sizeof b, "10.0.0.2", 0), sizeof b);
			lab_run_ms(&p.l, 5);
			assert_int_equal(l->reqs_len, wrong || !errors[i].ends);
		}
		if (!errors[i].ends)
			spoof(&p, raw, 0x0a090001, (u16)(1000 + i), 6, 0, TCPF_RST);
		lab_run_ms(&p.l, 5);
		assert_int_equal(l->reqs_len, 0);
	}
	assert_int_equal(R_MIB(TcpExt_OutOfWindowIcmps), sizeof errors / sizeof errors[0]);
	weft_close(icmp);
	weft_close(raw);
	pair_end(&p);
}

/* Without cookies the last quarter of tcp_max_syn_backlog is for peers that we know. */
static void test_proven_peers(void **state)
{
	struct tcp_pair p;
	weft_socket *raw;

	pair_veth(&p);
	sysctl(&p, RIGHT, "tcp_syncookies", "0");
	sysctl(&p, RIGHT, "tcp_max_syn_backlog", "8");
	p.srv = tcp_listener(&p.l, RIGHT, 80, 100);
	/* The peer makes itself known. */
	pair_connect(&p);
	weft_close(p.s);
	p.s = NULL;
	lab_run_ms(&p.l, 100);
	weft_close(p.c);
	p.c = NULL;
	lab_run_ms(&p.l, 100);
	raw = spoofer(&p);
	for (u16 i = 0; i < 20; i++)
		spoof(&p, raw, 0x0a090001, 1000 + i, 5, 0, TCPF_SYN);
	lab_run_ms(&p.l, 10);
	assert_int_equal(tcp_of(p.srv)->listen->reqs_len, 7);
	assert_int_equal(R_MIB(TcpExt_TCPReqQFullDrop), 0);
	assert_int_equal(R_MIB(TcpExt_ListenDrops), 13);
	p.c = client(&p);
	assert_true(lab_wait(&p.l, 500, weft_poll(p.c) & POLLOUT));
	weft_close(raw);
	pair_end(&p);
}

static void test_accept_queue(void **state)
{
	weft_socket *c[4];
	struct tcp_pair p;

	pair_veth(&p);
	p.srv = tcp_listener(&p.l, RIGHT, 80, 1);
	for (int i = 0; i < 3; i++) {
		c[i] = client(&p);
		lab_run_ms(&p.l, 10);
	}
	assert_int_equal(state_of(c[1]), TCP_ESTABLISHED);
	assert_int_equal(state_of(c[2]), TCP_SYN_SENT);
	assert_int_equal(R_MIB(TcpExt_ListenOverflows), 1);
	assert_int_equal(R_MIB(TcpExt_ListenDrops), 1);
	lab_ok(weft_accept(p.srv, &p.s));
	assert_true(lab_wait(&p.l, 1500, weft_poll(c[2]) & POLLOUT)); /* its SYN again, after a second */
	for (int i = 0; i < 3; i++)
		weft_close(c[i]);
	pair_end(&p);
}

/* tcp_syncookies 2: every handshake by cookie. What SYN options agreed on survives in the timestamp, or not at all. */
static void cookies(bool timestamps)
{
	struct tcp_pair p;

	pair_veth(&p);
	sysctl(&p, RIGHT, "tcp_syncookies", "2");
	sysctl(&p, LEFT, "tcp_timestamps", timestamps ? "1" : "0");
	p.srv = tcp_listener(&p.l, RIGHT, 80, 10);
	lab_run_ms(&p.l, 100000); /* into the second minute */
	p.c = client(&p);
	lab_run_ms(&p.l, 10);
	assert_int_equal(state_of(p.c), TCP_ESTABLISHED);
	assert_int_equal(R_MIB(TcpExt_SyncookiesSent), 1);
	assert_int_equal(R_MIB(TcpExt_SyncookiesRecv), 1);
	assert_int_equal(R_MIB(TcpExt_TCPReqQFullDoCookies), 1);
	lab_ok(weft_accept(p.srv, &p.s));
	assert_int_equal(tcp_of(p.s)->rx_opt.wscale_ok, timestamps);
	assert_int_equal(tcp_of(p.s)->rx_opt.sack_ok, timestamps);
	assert_int_equal(tcp_of(p.c)->rx_opt.sack_ok, timestamps);
	assert_int_equal(tcp_of(p.s)->rx_opt.snd_wscale, tcp_of(p.c)->rx_opt.rcv_wscale);
	assert_int_equal(tcp_of(p.s)->rx_opt.rcv_wscale, tcp_of(p.c)->rx_opt.snd_wscale);
	assert_int_equal(tcp_of(p.s)->rx_opt.mss_clamp, 1460);
	pair_transfer(&p, 500000, 20000, true, 60000);
	pair_end(&p);
}
static void test_cookies(void **state) { cookies(true); }
static void test_cookies_no_timestamps(void **state) { cookies(false); }

/* A guess is refused; and a listener that sent none lately does not even look. */
static void test_cookie_guess(void **state)
{
	struct tcp_pair p;
	weft_socket *raw;

	pair_veth(&p);
	sysctl(&p, RIGHT, "tcp_syncookies", "2");
	p.srv = tcp_listener(&p.l, RIGHT, 80, 10);
	raw = spoofer(&p);
	spoof(&p, raw, 0x0a090001, 7, 100, 12345, TCPF_ACK);
	lab_run_ms(&p.l, 10);
	assert_int_equal(R_MIB(TcpExt_SyncookiesFailed), 0);
	assert_int_equal(R_MIB(Tcp_OutRsts), 1);
	spoof(&p, raw, 0x0a090001, 7, 100, 0, TCPF_SYN);
	lab_run_ms(&p.l, 10);
	assert_int_equal(R_MIB(TcpExt_SyncookiesSent), 1);
	assert_int_equal(tcp_of(p.srv)->listen->reqs_len, 0);
	for (u32 i = 0; i < 100; i++)
		spoof(&p, raw, 0x0a090001, 7, 101, 12345 + i * 0x01000001, TCPF_ACK);
	lab_run_ms(&p.l, 10);
	assert_int_equal(R_MIB(TcpExt_SyncookiesFailed), 100);
	assert_int_equal(R_MIB(TcpExt_SyncookiesRecv), 0);
	assert_int_equal(R_MIB(Tcp_OutRsts), 101);
	lab_run_ms(&p.l, 130000);
	spoof(&p, raw, 0x0a090001, 7, 101, 12345, TCPF_ACK);
	lab_run_ms(&p.l, 10);
	assert_int_equal(R_MIB(TcpExt_SyncookiesFailed), 100);
	weft_close(raw);
	pair_end(&p);
}

/* The last ACK is lost; the data behind it brings the cookie as well, for two minutes. */
static void cookie_late(u64 wait_ms, bool good)
{
	struct tcp_pair p;
	const weft_wire_params dead = { .loss_ppm = 1000000 }, live = { .delay_ns = LAB_MS };

	pair_wire(&p, 1, &live, &live);
	sysctl(&p, RIGHT, "tcp_syncookies", "2");
	p.srv = tcp_listener(&p.l, RIGHT, 80, 10);
	p.c = client(&p);
	assert_true(lab_wait(&p.l, 1000, lab_mib(&p.l, RIGHT, MIB_TcpExt_SyncookiesSent) == 1));
	weft_wire_set(p.wire, 0, &dead);
	assert_true(lab_wait(&p.l, 1000, weft_poll(p.c) & POLLOUT));
	lab_run_ms(&p.l, wait_ms);
	weft_wire_set(p.wire, 0, &live);
	assert_int_equal(weft_send(p.c, "late", 4, 0), 4);
	if (good) {
		assert_true(lab_wait(&p.l, 1000, weft_poll(p.srv) & POLLIN));
		lab_ok(weft_accept(p.srv, &p.s));
		assert_true(lab_wait(&p.l, 1000, weft_poll(p.s) & POLLIN));
		assert_int_equal(weft_recv(p.s, buf, sizeof buf, 0), 4);
	} else {
		assert_true(lab_wait(&p.l, 5000, weft_poll(p.c) & POLLERR));
		assert_int_equal(lab_getopt(p.c, SOL_SOCKET, SO_ERROR), ECONNRESET);
	}
	pair_end(&p);
}
static void test_cookie_late(void **state)
{
	cookie_late(55000, true);
	cookie_late(200000, false);
}

/* A flood of SYNs from addresses that do not answer: memory stays bounded, and whoever means it gets in. */
static void flood(bool timestamps)
{
	enum { CLIENTS = 50, BURST = 200 };
	struct tcp_pair p;
	weft_socket *raw, *c, *s;
	u64 before, most = 0;
	u32 n = 0;

	pair_veth(&p);
	sysctl(&p, RIGHT, "tcp_timestamps", timestamps ? "1" : "0");
	p.srv = tcp_listener(&p.l, RIGHT, 80, 16);
	raw = spoofer(&p);
	lab_run_ms(&p.l, 10);
	before = p.l.w->mem.bytes;
	for (int i = 0; i < CLIENTS; i++) {
		for (int k = 0; k < BURST; k++, n++)
			spoof(&p, raw, 0x0a090000 + n % 60000, (u16)(1 + n / 7), n * 999, 0, TCPF_SYN);
		c = client(&p);
		assert_true(lab_wait(&p.l, 100, weft_poll(c) & POLLOUT));
		assert_true(lab_wait(&p.l, 100, weft_poll(p.srv) & POLLIN));
		lab_ok(weft_accept(p.srv, &s));
		most = MAX(most, p.l.w->mem.bytes);
		weft_close(c);
		weft_close(s);
		lab_run_ms(&p.l, 5);
	}
	assert_true(tcp_of(p.srv)->listen->reqs_len <= 17);
	assert_true(R_MIB(TcpExt_SyncookiesSent) > CLIENTS * (BURST - 20));
	assert_int_equal(R_MIB(TcpExt_ListenOverflows), 0);
	assert_true(most - before < 4 << 20);
	weft_close(raw);
	pair_end(&p);
}
static void test_flood(void **state) { flood(true); }
static void test_flood_no_timestamps(void **state) { flood(false); }

/* Without cookies nobody gets in, but the queue holds no more than its length, and what is established goes on. */
static void test_flood_no_cookies(void **state)
{
	struct tcp_pair p;
	weft_socket *raw;
	u64 before;

	pair_veth(&p);
	sysctl(&p, RIGHT, "tcp_syncookies", "0");
	p.srv = tcp_listener(&p.l, RIGHT, 80, 16);
	pair_connect(&p);
	raw = spoofer(&p);
	lab_run_ms(&p.l, 10);
	before = p.l.w->mem.bytes;
	for (u32 n = 0; n < 20000; n++) {
		spoof(&p, raw, 0x0a090000 + n, (u16)(1 + n / 7), n * 999, 0, TCPF_SYN);
		if (n % 200 == 199)
			lab_run_ms(&p.l, 1);
	}
	assert_int_equal(tcp_of(p.srv)->listen->reqs_len, 17);
	assert_int_equal(R_MIB(TcpExt_TCPReqQFullDrop), 20000 - 17);
	assert_true(p.l.w->mem.bytes - before < 4 << 20);
	pair_transfer(&p, 100000, 0, true, 1000);
	weft_close(raw);
	pair_end(&p);
}

static void test_saved_syn(void **state)
{
	struct tcp_pair p;
	u8 syn[128];
	socklen_t len = sizeof syn;

	pair_veth(&p);
	p.srv = tcp_listener(&p.l, RIGHT, 80, 10);
	lab_opt(p.srv, IPPROTO_TCP, TCP_SAVE_SYN, 1);
	pair_connect(&p);
	len = 10;
	assert_int_equal(weft_getsockopt(p.s, IPPROTO_TCP, TCP_SAVED_SYN, syn, &len), -EINVAL);
	assert_int_equal(len, 60);
	len = sizeof syn;
	lab_ok(weft_getsockopt(p.s, IPPROTO_TCP, TCP_SAVED_SYN, syn, &len));
	assert_int_equal(len, 60);
	assert_int_equal(syn[0], 0x45);
	assert_int_equal(syn[20 + 13], TCPF_SYN);
	lab_ok(weft_getsockopt(p.s, IPPROTO_TCP, TCP_SAVED_SYN, syn, &len));
	assert_int_equal(len, 0);
	pair_end(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_syn_queue), cmocka_unit_test(test_request_icmp),     cmocka_unit_test(test_proven_peers), cmocka_unit_test(test_accept_queue),
		cmocka_unit_test(test_cookies),	      cmocka_unit_test(test_cookies_no_timestamps),
		cmocka_unit_test(test_cookie_guess),  cmocka_unit_test(test_cookie_late),  cmocka_unit_test(test_flood), cmocka_unit_test(test_flood_no_timestamps), cmocka_unit_test(test_flood_no_cookies),
		cmocka_unit_test(test_saved_syn),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
