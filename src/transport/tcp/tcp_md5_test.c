/* Signed connections (RFC 2385): whole lives with keys, refusals without or with wrong ones, prefixes. */
#include "base/md5.h"
#include "transport/tcp/tcp_impl.h"
#include "transport/tcp/test_tcp.h"

static void test_digest(void **state)
{
	static const struct { const char *text, *hex; } t[] = { { "", "d41d8cd98f00b204e9800998ecf8427e" }, { "abc", "900150983cd24fb0d6963f7d28e17f72" },
		{ "12345678901234567890123456789012345678901234567890123456789012345678901234567890", "57edf4a22be3c955ac49da2e2107b67a" } };

	for (size_t i = 0; i < ARRAY_SIZE(t); i++) {
		char hex[33];
		struct md5 m;
		u8 d[16];

		md5_init(&m);
		for (const char *p = t[i].text; *p; p++)
			md5_add(&m, p, 1);
		md5_end(&m, d);
		for (int k = 0; k < 16; k++)
			snprintf(hex + 2 * k, 3, "%02x", d[k]);
		assert_string_equal(hex, t[i].hex);
	}
}

static int set_key(weft_socket *s, const char *peer, int prefix, const char *key)
{
	struct tcp_md5sig m = { .tcpm_keylen = (u16)strlen(key), .tcpm_flags = prefix >= 0 ? TCP_MD5SIG_FLAG_PREFIX : 0,
				.tcpm_prefixlen = (u8)(prefix >= 0 ? prefix : 0) };
	struct sockaddr_in a = lab_addr(peer, 0);

	memcpy(&m.tcpm_addr, &a, sizeof a);
	memcpy(m.tcpm_key, key, MIN(strlen(key), sizeof m.tcpm_key));
	return weft_setsockopt(s, IPPROTO_TCP, prefix >= 0 ? TCP_MD5SIG_EXT : TCP_MD5SIG, &m, sizeof m);
}

static void start(struct tcp_pair *p, const char *server_key, int prefix, const char *client_key)
{
	weft_wire_params w = { .delay_ns = LAB_MS };

	pair_wire(p, 1, &w, &w);
	p->srv = tcp_listener(&p->l, RIGHT, 179, 5);
	if (server_key)
		lab_ok(set_key(p->srv, prefix >= 0 ? "10.0.0.0" : "10.0.0.1", prefix, server_key));
	p->c = lab_socket(&p->l, LEFT, SOCK_STREAM, 0);
	if (client_key)
		lab_ok(set_key(p->c, "10.0.0.2", -1, client_key));
	assert_int_equal(weft_connect(p->c, LAB_SA("10.0.0.2", 179)), -EINPROGRESS);
}

static void works(int prefix)
{
	const weft_wire_params lossy = { .delay_ns = LAB_MS, .loss_ppm = 30000, .reorder_ppm = 20000 };
	struct tcp_pair p;

	start(&p, "secret of the two", prefix, "secret of the two");
	assert_true(lab_wait(&p.l, 1000, weft_poll(p.c) & POLLOUT));
	assert_true(lab_wait(&p.l, 1000, weft_poll(p.srv) & POLLIN));
	lab_ok(weft_accept(p.srv, &p.s));
	assert_false(tcp_of(p.c)->rx_opt.tstamp_ok); /* SACK was preferred */
	assert_int_equal(tcp_of(p.c)->mss_cache, 1440);
	assert_int_equal(tcp_of(p.s)->mss_cache, 1440);
	weft_wire_set(p.wire, 0, &lossy);
	weft_wire_set(p.wire, 1, &lossy);
	pair_transfer(&p, 300000, 7000, true, 200000);
	for (int i = LEFT; i <= RIGHT; i++)
		assert_int_equal(lab_mib(&p.l, i, MIB_TcpExt_TCPMD5NotFound) + lab_mib(&p.l, i, MIB_TcpExt_TCPMD5Failure) +
					 lab_mib(&p.l, i, MIB_TcpExt_TCPMD5Unexpected), 0);
	/* An orderly end, TIME-WAIT included, is signed too. */
	lab_ok(weft_shutdown(p.c, SHUT_WR));
	lab_ok(weft_shutdown(p.s, SHUT_WR));
	lab_run_ms(&p.l, 20000);
	assert_int_equal(state_of(p.s), TCP_CLOSE);
	assert_int_equal(lab_mib(&p.l, RIGHT, MIB_TcpExt_TCPMD5NotFound), 0);
	pair_end(&p);
}
static void test_works(void **state) { works(-1); }
static void test_prefix(void **state) { works(24); }

static void refused(const char *server_key, const char *client_key, enum mib m)
{
	struct tcp_pair p;

	start(&p, server_key, -1, client_key);
	lab_run_ms(&p.l, 5000);
	assert_int_equal(state_of(p.c), TCP_SYN_SENT);
	assert_true(lab_mib(&p.l, RIGHT, m) >= 3);
	assert_int_equal(lab_mib(&p.l, RIGHT, MIB_Tcp_OutRsts), 0);
	pair_end(&p);
}
static void test_refused(void **state)
{
	refused("a", NULL, MIB_TcpExt_TCPMD5NotFound);
	refused(NULL, "a", MIB_TcpExt_TCPMD5Unexpected);
	refused("a", "b", MIB_TcpExt_TCPMD5Failure);
}

static void test_option(void **state)
{
	struct lab l;
	weft_socket *s;
	char key[82];

	lab_pair(&l, 1);
	s = lab_socket(&l, LEFT, SOCK_STREAM, 0);
	assert_int_equal(set_key(s, "10.0.0.2", -1, ""), -ENOENT);
	lab_ok(set_key(s, "10.0.0.2", -1, "x"));
	lab_ok(set_key(s, "10.0.0.2", -1, "y"));
	lab_ok(set_key(s, "10.0.0.0", 8, "z"));
	assert_int_equal(set_key(s, "10.0.0.0", 33, "z"), -EINVAL);
	memset(key, 'k', 81);
	key[81] = 0;
	assert_int_equal(set_key(s, "10.0.0.2", -1, key), -EINVAL);
	lab_ok(set_key(s, "10.0.0.2", -1, ""));
	assert_int_equal(set_key(s, "10.0.0.2", -1, ""), -ENOENT);
	assert_int_equal(weft_setsockopt(s, IPPROTO_TCP, TCP_MD5SIG, key, 80), -EINVAL);
	/* By VRF: of a device that is one, or 0 for those in none; a key beside the others. */
	{
		struct tcp_md5sig m = { .tcpm_keylen = 3, .tcpm_flags = 2 };
		struct sockaddr_in a = lab_addr("10.0.0.9", 0);
		s32 *ifindex = (s32 *)(void *)(m.tcpm_key - 4);

		memcpy(&m.tcpm_addr, &a, sizeof a);
		lab_ok(set_key(s, "10.0.0.9", -1, "plain"));
		lab_ok(weft_setsockopt(s, IPPROTO_TCP, TCP_MD5SIG_EXT, &m, sizeof m));
		*ifindex = 77;
		assert_int_equal(weft_setsockopt(s, IPPROTO_TCP, TCP_MD5SIG_EXT, &m, sizeof m), -EINVAL);
		*ifindex = 1; /* lo */
		assert_int_equal(weft_setsockopt(s, IPPROTO_TCP, TCP_MD5SIG_EXT, &m, sizeof m), -EINVAL);
		*ifindex = 0;
		m.tcpm_keylen = 0;
		lab_ok(weft_setsockopt(s, IPPROTO_TCP, TCP_MD5SIG_EXT, &m, sizeof m));
		assert_int_equal(weft_setsockopt(s, IPPROTO_TCP, TCP_MD5SIG_EXT, &m, sizeof m), -ENOENT);
		lab_ok(set_key(s, "10.0.0.9", -1, ""));
	}
	weft_close(s);
	lab_end(&l);
}

/* Which key counts for a peer: of its VRF before others, then the longest prefix; a VRF's for nobody else. */
static void test_choice(void **state)
{
	static const struct { u8 prefix; bool by_vrf; s32 ifindex; } keys[] = { { 96 + 8, false, 0 }, { 96 + 24, false, 0 }, { 96 + 8, true, 5 }, { 96 + 32, true, 6 }, { 96 + 25, true, 0 } };
	static const struct { const char *peer; s32 l3index; int want; } cases[] = { { "10.0.0.1", 0, 4 }, { "10.0.0.129", 0, 1 }, { "10.9.0.1", 0, 0 }, { "11.0.0.1", 0, -1 },
										       { "10.0.0.1", 5, 2 }, { "10.0.0.1", 6, 3 }, { "10.0.0.2", 6, 1 }, { "10.9.0.1", 7, 0 } };
	struct tcp_md5_key k[ARRAY_SIZE(keys)];
	struct tcp_sock *tp = calloc(1, sizeof *tp);

	for (unsigned i = 0; i < ARRAY_SIZE(keys); i++) {
		k[i] = (struct tcp_md5_key){ .next = tp->md5_keys, .addr = inaddr_from_v4(i == 0 || i == 2 ? BE32(0x0a000000) : BE32(0x0a000001)), .prefix = keys[i].prefix,
					     .by_vrf = keys[i].by_vrf, .ifindex = keys[i].ifindex };
		tp->md5_keys = &k[i];
	}
	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		struct inaddr a = inaddr_from_v4((be32){ lab_addr(cases[i].peer, 0).sin_addr.s_addr });
		const struct tcp_md5_key *got = tcp_md5_find(tp, cases[i].l3index, &a);

		assert_int_equal(got ? got - k : -1, cases[i].want);
	}
	free(tp);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_digest), cmocka_unit_test(test_works), cmocka_unit_test(test_prefix),
					    cmocka_unit_test(test_refused), cmocka_unit_test(test_option),
					    cmocka_unit_test(test_choice) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
