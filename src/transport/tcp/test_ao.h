/* For the tests of TCP-AO: its options as a program would set them. */
#ifndef TRANSPORT_TCP_TEST_AO_H
#define TRANSPORT_TCP_TEST_AO_H

#include "transport/tcp/tcp_impl.h"
#include "transport/tcp/test_tcp.h"

static inline struct ao_add key_of(const char *peer, int prefix, u8 snd, u8 rcv, const char *secret)
{
	struct ao_add a = { .alg_name = "hmac(sha1)", .prefix = (u8)prefix, .sndid = snd, .rcvid = rcv, .keylen = (u8)strlen(secret) };
	struct sockaddr_in sin = lab_addr(peer, 0);

	memcpy(&a.addr, &sin, sizeof sin);
	memcpy(a.key, secret, a.keylen);
	return a;
}
static inline int set(weft_socket *s, int name, const void *v, size_t len) { return weft_setsockopt(s, IPPROTO_TCP, name, v, (socklen_t)len); }
static inline int add(weft_socket *s, const char *peer, int prefix, u8 snd, u8 rcv, const char *secret)
{
	struct ao_add a = key_of(peer, prefix, snd, rcv, secret);
	return set(s, OPT_AO_ADD_KEY, &a, sizeof a);
}
static inline int del(weft_socket *s, const char *peer, int prefix, u8 snd, u8 rcv)
{
	struct ao_del d = { .prefix = (u8)prefix, .sndid = snd, .rcvid = rcv };
	struct sockaddr_in sin = lab_addr(peer, 0);

	memcpy(&d.addr, &sin, sizeof sin);
	return set(s, OPT_AO_DEL_KEY, &d, sizeof d);
}
static inline struct ao_info info(weft_socket *s)
{
	struct ao_info i = { 0 };
	socklen_t len = sizeof i;

	lab_ok(weft_getsockopt(s, IPPROTO_TCP, OPT_AO_INFO, &i, &len));
	assert_int_equal(len, sizeof i);
	return i;
}
static inline int get(weft_socket *s, struct ao_get *g)
{
	socklen_t len = sizeof *g;
	int err = weft_getsockopt(s, IPPROTO_TCP, OPT_AO_GET_KEYS, g, &len);

	if (!err)
		assert_int_equal(len, sizeof *g);
	return err;
}

static inline int md5_key(weft_socket *s, const char *peer)
{
	struct tcp_md5sig m = { .tcpm_keylen = 3, .tcpm_key = "abc" };
	struct sockaddr_in a = lab_addr(peer, 0);

	memcpy(&m.tcpm_addr, &a, sizeof a);
	return weft_setsockopt(s, IPPROTO_TCP, TCP_MD5SIG, &m, sizeof m);
}

#endif
