/* TCP-AO's options: every answer as Linux's own tests of them expect it. */
#include "transport/tcp/test_ao.h"

static struct lab opt_lab;
static weft_socket *with_key(bool listening)
{
	weft_socket *s = lab_socket(&opt_lab, LEFT, SOCK_STREAM, 0);

	if (listening) {
		lab_ok(weft_bind(s, LAB_SA("0.0.0.0", 0)));
		lab_ok(weft_listen(s, 1));
	}
	lab_ok(add(s, "10.0.0.2", 32, 100, 100, "secret"));
	return s;
}

/* One change of a good command, on a fresh socket. */
#define ADD(want, listening, ...)                                                                                   \
	do {                                                                                                           \
		struct ao_add c = key_of("10.0.0.2", 32, 7, 8, "secret");                                              \
		weft_socket *s = with_key(listening);                                                                  \
		__VA_ARGS__;                                                                                           \
		assert_int_equal(set(s, OPT_AO_ADD_KEY, &c, sizeof c), want);                                          \
		weft_close(s);                                                                                         \
	} while (0)
#define DEL(want, listening, ...)                                                                                   \
	do {                                                                                                           \
		struct ao_del c = { .prefix = 32, .sndid = 100, .rcvid = 100 };                                        \
		struct sockaddr_in sin = lab_addr("10.0.0.2", 0);                                                      \
		weft_socket *s = with_key(listening);                                                                  \
		memcpy(&c.addr, &sin, sizeof sin);                                                                     \
		__VA_ARGS__;                                                                                           \
		assert_int_equal(set(s, OPT_AO_DEL_KEY, &c, sizeof c), want);                                          \
		weft_close(s);                                                                                         \
	} while (0)
#define INFO(want, listening, ...)                                                                                  \
	do {                                                                                                           \
		struct ao_info c = { 0 };                                                                              \
		weft_socket *s = with_key(listening);                                                                  \
		__VA_ARGS__;                                                                                           \
		assert_int_equal(set(s, OPT_AO_INFO, &c, sizeof c), want);                                             \
		weft_close(s);                                                                                         \
	} while (0)
#define GET(want, ...)                                                                                              \
	do {                                                                                                           \
		struct ao_get c = { .nkeys = 1, .get_all = 1 };                                                        \
		struct sockaddr_in dest = lab_addr("10.0.0.2", 0), any = lab_addr("0.0.0.0", 0);                       \
		weft_socket *s = with_key(false);                                                                      \
		(void)dest, (void)any;                                                                                 \
		__VA_ARGS__;                                                                                           \
		assert_int_equal(get(s, &c), want);                                                                    \
		weft_close(s);                                                                                         \
	} while (0)
#define ADDR(a) memcpy(&c.addr, &(struct sockaddr_in[]){ a }, sizeof(struct sockaddr_in))

static void test_add(void **state)
{
	lab_pair(&opt_lab, 1);
	ADD(0, false, );
	ADD(-EINVAL, false, c.keylen = 81);
	ADD(-EINVAL, false, c.reserved = 1);
	ADD(-EINVAL, false, c.reserved2 = 1);
	ADD(-EINVAL, false, c.addr.ss_family = AF_UNIX);
	ADD(-EINVAL, false, c.addr.ss_family = AF_INET6);
	ADD(-EINVAL, false, ADDR(lab_addr("10.0.0.2", 1234)));
	ADD(-EINVAL, false, c.prefix = 0);
	ADD(0, false, c.prefix = 0; ADDR(lab_addr("0.0.0.0", 0)));
	ADD(-EINVAL, false, ADDR(lab_addr("0.0.0.0", 0)));
	ADD(-EINVAL, false, c.prefix = 129);
	ADD(-EINVAL, false, c.prefix = 33);
	ADD(-EINVAL, false, c.prefix = 2);
	ADD(-EINVAL, false, c.keyflags = 0xff);
	ADD(0, false, c.keyflags = AO_KEYF_EXCLUDE_OPT);
	ADD(-EINVAL, true, c.set_current = 1);
	ADD(-EINVAL, true, c.set_rnext = 1);
	ADD(0, false, c.set_current = 1);
	ADD(0, false, c.set_rnext = 1);
	ADD(-EINVAL, false, c.ifindex = 42);
	ADD(-EINVAL, false, c.keyflags |= AO_KEYF_IFINDEX; c.ifindex = 42);
	ADD(-EINVAL, false, c.keyflags |= AO_KEYF_IFINDEX; c.ifindex = 1); /* no VRF */
	ADD(0, false, c.keyflags |= AO_KEYF_IFINDEX);
	ADD(-EMSGSIZE, false, c.maclen = 100);
	ADD(-EMSGSIZE, false, c.maclen = 17);
	ADD(0, false, c.maclen = 16);
	ADD(0, false, c.maclen = 4);
	ADD(-ENOENT, false, strcpy(c.alg_name, "imaginary hash algo"));
	ADD(0, false, strcpy(c.alg_name, "hmac(sha256)"));
	ADD(0, false, strcpy(c.alg_name, "cmac(aes128)"));
	/* Peers that overlap need two new ids. */
	ADD(-EEXIST, false, c.sndid = c.rcvid = 100);
	ADD(-EEXIST, false, c.sndid = 100);
	ADD(-EEXIST, false, c.rcvid = 100);
	ADD(-EEXIST, false, c.rcvid = 100; c.prefix = 0; ADDR(lab_addr("0.0.0.0", 0)));
	ADD(-EEXIST, false, c.rcvid = 100; c.prefix = 16; ADDR(lab_addr("10.0.0.0", 0)));
	ADD(0, false, c.sndid = c.rcvid = 100; ADDR(lab_addr("10.0.0.3", 0)));
	/* One peer is signed in one way. */
	ADD(-EKEYREJECTED, false, lab_ok(md5_key(s, "10.0.0.9")); ADDR(lab_addr("10.0.0.9", 0)));
	ADD(-EKEYREJECTED, false, lab_ok(md5_key(s, "10.0.0.9")); c.prefix = 24; ADDR(lab_addr("10.0.0.0", 0)));
	ADD(0, false, assert_int_equal(md5_key(s, "10.0.0.2"), -EKEYREJECTED));
	/* Lengths. */
	{
		u8 b[400] = { 0 };
		struct ao_add c = key_of("10.0.0.2", 32, 7, 8, "x");
		weft_socket *s = lab_socket(&opt_lab, LEFT, SOCK_STREAM, 0);

		memcpy(b, &c, sizeof c);
		assert_int_equal(set(s, OPT_AO_ADD_KEY, b, offsetof(struct ao_add, key)), -EINVAL);
		assert_int_equal(set(s, OPT_AO_DEL_KEY, b, offsetof(struct ao_del, keyflags)), -EINVAL);
		assert_int_equal(set(s, OPT_AO_INFO, b, offsetof(struct ao_info, pkt_dropped_icmp)), -EINVAL);
		lab_ok(set(s, OPT_AO_ADD_KEY, b, sizeof b));
		b[350] = 1;
		assert_int_equal(set(s, OPT_AO_ADD_KEY, b, sizeof b), -E2BIG);
		assert_int_equal(set(s, OPT_AO_REPAIR, b, 16), -EPERM);
		weft_close(s);
		/* As many keys as net.core.optmem_max has room for. */
		s = lab_socket(&opt_lab, LEFT, SOCK_STREAM, 0);
		for (unsigned i = 0;; i++) {
			char ip[32];
			int err;

			snprintf(ip, sizeof ip, "10.9.%u.%u", i / 250, i % 250);
			err = add(s, ip, 32, 1, 1, "x");
			if (err) {
				assert_int_equal(err, -ENOMEM);
				assert_int_equal(i, opt_lab.ns[LEFT]->core->optmem_max / sizeof(struct tcp_ao_key));
				break;
			}
		}
		weft_close(s);
	}
	lab_end(&opt_lab);
}

static void test_del(void **state)
{
	lab_pair(&opt_lab, 1);
	DEL(0, false, );
	DEL(0, true, );
	DEL(0, true, c.del_async = 1);
	DEL(-EINVAL, false, c.reserved = 1);
	DEL(-EINVAL, false, c.reserved2 = 1);
	DEL(-EINVAL, true, c.set_current = 1);
	DEL(-EINVAL, true, c.set_rnext = 1);
	DEL(-EINVAL, false, c.keyflags = 0xff);
	DEL(-EINVAL, false, c.ifindex = 42);
	DEL(-ENOENT, false, c.keyflags |= AO_KEYF_IFINDEX; c.ifindex = 42);
	DEL(-ENOENT, false, c.set_current = 1);
	DEL(-ENOENT, false, c.set_rnext = 1);
	DEL(-ENOENT, false, c.set_current = 1; c.current_key = 100);
	DEL(-ENOENT, false, c.set_rnext = 1; c.rnext = 100);
	DEL(0, false, lab_ok(add(s, "10.0.0.2", 32, 0, 0, "y")); c.set_current = c.set_rnext = 1);
	DEL(-EINVAL, false, c.del_async = 1);
	DEL(-ENOENT, false, c.sndid = 101);
	DEL(-ENOENT, false, c.rcvid = 101);
	DEL(-ENOENT, false, ADDR(lab_addr("10.0.0.1", 0)));
	DEL(-ENOENT, false, c.prefix = 24; ADDR(lab_addr("10.0.0.0", 0)));
	/* A key in use stays. */
	DEL(-EBUSY, false, struct ao_info i = { .set_current = 1, .current_key = 100 }; lab_ok(set(s, OPT_AO_INFO, &i, sizeof i)));
	DEL(0, false, struct ao_info i = { .set_current = 1, .current_key = 100 }; lab_ok(set(s, OPT_AO_INFO, &i, sizeof i));
	    lab_ok(add(s, "10.0.0.2", 32, 5, 5, "y")); c.set_current = 1; c.current_key = 5);
	lab_end(&opt_lab);
}

static void test_info(void **state)
{
	weft_socket *sock;
	struct ao_info i;
	socklen_t len = sizeof i;

	lab_pair(&opt_lab, 1);
	INFO(0, false, );
	INFO(0, true, );
	INFO(-EINVAL, true, c.set_current = 1);
	INFO(-EINVAL, true, c.set_rnext = 1);
	INFO(-EINVAL, false, c.reserved = 1);
	INFO(-EINVAL, false, c.reserved2 = 1);
	INFO(0, false, c.ao_required = 1);
	INFO(-EKEYREJECTED, false, c.ao_required = 1; lab_ok(md5_key(s, "10.0.0.9")));
	INFO(-ENOENT, false, c.set_current = 1);
	INFO(-ENOENT, false, c.set_rnext = 1);
	sock = with_key(false);
	i = (struct ao_info){ .set_current = 1, .set_rnext = 1, .current_key = 100, .rnext = 100, .accept_icmps = 1, .set_counters = 1, .pkt_good = 321,
			      .pkt_bad = 888, .pkt_key_not_found = 654, .pkt_ao_required = 987654, .pkt_dropped_icmp = 10000 };
	lab_ok(set(sock, OPT_AO_INFO, &i, sizeof i));
	i.set_counters = 0;
	{
		struct ao_info got = info(sock);
		assert_memory_equal(&got, &i, sizeof i);
	}
	assert_int_equal(md5_key(sock, "10.0.0.9"), 0);
	weft_close(sock);
	sock = lab_socket(&opt_lab, LEFT, SOCK_STREAM, 0);
	memset(&i, 0, sizeof i);
	assert_int_equal(weft_getsockopt(sock, IPPROTO_TCP, OPT_AO_INFO, &i, &len), -ENOENT);
	i.ao_required = 1;
	lab_ok(set(sock, OPT_AO_INFO, &i, sizeof i));
	assert_int_equal(md5_key(sock, "10.0.0.9"), -EKEYREJECTED);
	assert_int_equal(weft_connect(sock, LAB_SA("10.0.0.2", 80)), -EKEYREJECTED); /* without a key for the peer */
	len = (socklen_t)-1;
	assert_int_equal(weft_getsockopt(sock, IPPROTO_TCP, OPT_AO_INFO, &i, &len), -EINVAL);
	weft_close(sock);
	lab_end(&opt_lab);
}

static void test_get_keys(void **state)
{
	struct ao_get g[4] = { { .nkeys = 4, .get_all = 1 } };
	weft_socket *sock;

	lab_pair(&opt_lab, 1);
	sock = lab_socket(&opt_lab, LEFT, SOCK_STREAM, 0);
	assert_int_equal(get(sock, g), -ENOENT);
	weft_close(sock);
	GET(0, );
	GET(-EINVAL, c.pkt_good = 643);
	GET(-EINVAL, c.pkt_bad = 94);
	GET(-EINVAL, c.keyflags = 0xff);
	GET(-EINVAL, c.ifindex = 42);
	GET(-EINVAL, c.reserved = 1);
	GET(-EINVAL, c.get_all = 0; ADDR(dest));
	GET(0, c.get_all = 0; ADDR(any));
	GET(-EINVAL, c.get_all = 0; c.prefix = 32; ADDR(any));
	GET(-EINVAL, c.get_all = 0; c.prefix = 129; ADDR(dest));
	GET(-EINVAL, c.get_all = 0; c.prefix = 2; ADDR(dest));
	GET(0, c.get_all = 0; c.prefix = 32; ADDR(dest));
	GET(-EINVAL, c.prefix = 32);
	GET(-EINVAL, ADDR(dest));
	GET(-EINVAL, c.sndid = 1);
	GET(-EINVAL, c.rcvid = 1);
	GET(-EINVAL, c.get_all = 0; c.is_current = 1; c.prefix = 32);
	GET(-EINVAL, c.get_all = 0; c.is_rnext = 1; ADDR(dest));
	GET(-EINVAL, c.get_all = 0; c.is_current = 1; c.sndid = 1);
	GET(-EINVAL, c.is_current = 1);
	GET(-EINVAL, c.is_rnext = 1);
	GET(0, c.get_all = 0; c.is_current = c.is_rnext = 1);
	sock = with_key(false);
	lab_ok(add(sock, "10.0.0.0", 24, 5, 6, "other"));
	lab_ok(add(sock, "10.7.0.0", 16, 7, 8, "third"));
	lab_ok(get(sock, g));
	assert_int_equal(g[0].nkeys, 3);
	assert_int_equal(g[0].sndid, 7); /* the newest first */
	assert_int_equal(g[2].sndid, 100);
	assert_string_equal(g[1].alg_name, "hmac(sha1)");
	assert_int_equal(g[1].maclen, 12);
	assert_int_equal(g[1].keylen, 5);
	assert_memory_equal(g[1].key, "other", 5);
	assert_int_equal(g[1].prefix, 24);
	assert_int_equal(((struct sockaddr_in *)&g[1].addr)->sin_addr.s_addr, htonl(0x0a000000));
	memset(g, 0, sizeof g);
	g[0] = (struct ao_get){ .nkeys = 1, .get_all = 1 };
	lab_ok(get(sock, g)); /* no more than there is room for, and how many there are */
	assert_int_equal(g[0].nkeys, 3);
	assert_int_equal(g[1].sndid, 0);
	weft_close(sock);
	lab_end(&opt_lab);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_add), cmocka_unit_test(test_del), cmocka_unit_test(test_info), cmocka_unit_test(test_get_keys) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
