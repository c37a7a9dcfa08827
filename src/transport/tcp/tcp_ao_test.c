/* TCP-AO: the vectors of RFC 9235; whole lives of signed connections, keys changed under way, sequence numbers that wrap, and what is
 * refused. */
#include <arpa/inet.h>
#include <linux/icmp.h>

#include "transport/tcp/test_ao.h"

/* -- RFC 9235 -- */

static size_t unhex(const char *hex, u8 *out)
{
	size_t n = 0;

	while (*hex) {
		if (*hex == ' ') {
			hex++;
			continue;
		}
		out[n++] = (u8)strtoul((char[]){ hex[0], hex[1], 0 }, NULL, 16);
		hex += 2;
	}
	return n;
}

/* An IP packet, the traffic key that signs it, and of which numbers that is made; exclude: options are not covered. */
static const struct vector {
	enum mac_alg alg;
	bool exclude;
	u32 sisn, disn;
	const char *traffic, *packet;
} vectors[] = {
	{ MAC_HMAC_SHA1, false, 0xfbfbab5a, 0, "6d63ef1b02fe1509d4b1402707fd7b0416abb74f", /* 4.1.1 */
	  "45e0004cdd0f4000ff06bf6b0a0b0c0d ac1b1c1de9d700b3fbfbab5a00000000 e002ffffcac40000020405b401030308"
	  "0402080a00155ab7000000001d103d54 2ee437c6f8ede6d7c4d602e7" },
	{ MAC_HMAC_SHA1, false, 0x11c14261, 0xfbfbab5a, "d9e217e4834a80ca2f3fd8de2e41b8e6797fea96", /* 4.1.2 */
	  "45e0004c65064000ff063775ac1b1c1d 0a0b0c0d00b3e9d711c14261fbfbab5b e012ffff37760000020405b401030308"
	  "0402080a84a50beb00155ab71d10543d eeab0fe24c3010815116b3be" },
	{ MAC_HMAC_SHA1, false, 0xfbfbab5a, 0x11c14261, "d2e59c65ffc7b1a393476564 63b70edc24a13d71", /* 4.1.3 */
	  "45e0008736a14000ff06659f0a0b0c0d ac1b1c1de9d700b3fbfbab5b11c14262 c0180104a16200000101080a00155ac1"
	  "84a50beb1d103d547064cf998cc6c315 c2c2e2bfffffffffffffffffffffffff ffffffff00430104dabf00b40a0b0c0d"
	  "26020601040001000102028000020202 0002024200020641040000dabf020840 06006400010100" },
	{ MAC_HMAC_SHA1, true, 0xcb0efbee, 0, "30eaa1560cf0be57dab5c045229fb10a423cd7ea", /* 4.2.1 */
	  "45e0004c53994000ff0648e20a0b0c0d ac1b1c1dff1200b3cb0efbee00000000 e002ffff541f0000020405b401030308"
	  "0402080a00024cce000000001d103d54 80af3cfeb85368937b8f9ec2" },
	{ MAC_HMAC_SHA1, true, 0xcb0efbee, 0xacd5b5e1, "f3db1793d7910ecd806c34f155ea1f00345953e3", /* 4.2.3 */
	  "45e00087a8f54000ff06f34a0a0b0c0d ac1b1c1dff1200b3cb0efbefacd5b5e2 c01801046c4500000101080a00024cce"
	  "576772f31d103d54710608cc696c03a2 71c93aa5ffffffffffffffffffffffff ffffffff00430104dabf00b40a0b0c0d"
	  "26020601040001000102028000020202 0002024200020641040000dabf020840 06006400010100" },
	{ MAC_AES128_CMAC, false, 0x787a1ddf, 0, "f5b8b3d5f34fdbb6eb8d4ab9660e60e3", /* 5.1.1 */
	  "45e0004c7b9f4000ff0620dc0a0b0c0d ac1b1c1dc4fa00b3787a1ddf00000000 e002ffff5a0f0000020405b401030308"
	  "0402080a00017ed0000000001d103d54 e477e99c8040765498e55091" },
	{ MAC_HMAC_SHA1, false, 0x176a833f, 0, "625ec09d575836edc9b6428418bbf06989a361bb", /* 6.1.1 */
	  "6e0891dc00380640fd00000000000000 0000000000000001fd00000000000000 0000000000000002f7e400b3176a833f"
	  "00000000e002ffff47210000020405a0 010303080402080a0041d08700000000 1d103d549033ec3d7334b64c5edd039f" },
	{ MAC_HMAC_SHA1, false, 0x3f51994b, 0x176a833f, "e4a37ada2a0afca8711434913fe138c771ebcb4a", /* 6.1.2 */
	  "6e01009e00380640fd00000000000000 0000000000000002fd00000000000000 000000000000000100b3f7e43f51994b"
	  "176a8340e012ffffbfec0000020405a0 010303080402080abd33129b0041d087 1d10543df1cba346c3526163f71f1f55" },
	{ MAC_HMAC_SHA1, true, 0xeba3734d, 0x020c1e69, "405108947f996575e7bdbc26d40216a2c7fa91bd", /* 6.2.2 */
	  "6e0a7e1f00380640fd00000000000000 0000000000000002fd00000000000000 000000000000000100b3c6cdeba3734d"
	  "020c1e6ae012ffff774d0000020405a0 010303080402080a5ec99b70009db95b 1d10543d3c546bad9743f12df8b8010d" },
	{ MAC_AES128_CMAC, false, 0xa6744ecb, 0x193cccec, "cf1b1e225e06a63616764a067b46f4b1", /* 7.1.2 */
	  "6e06152000380640fd00000000000000 0000000000000002fd00000000000000 000000000000000100b3f85aa6744ecb"
	  "193cccede012ffffeabb0000020405a0 010303080402080a71daabc813e4ab99 1d10543ddc2843a84e78a6bcfdc5ed80" },
	{ MAC_AES128_CMAC, false, 0xa6744ecb, 0x193cccec, "cf1b1e225e06a63616764a067b46f4b1", /* 7.1.4 */
	  "6e06152000730640fd00000000000000 0000000000000002fd00000000000000 000000000000000100b3f85aa6744ecc"
	  "193ccd30c018010052f400000101080a 71daabd313e4aba31d10543dc1069b7d fd3d693a6df3f289ffffffffffffffff"
	  "ffffffffffffffff00430104fde800b4 0101017a260206010400010001020280 0002020200020242000206410400 00fd"
	  "e802084006006400010100" },
};

static void test_vectors(void **state)
{
	struct lab l;
	struct cpu *cpu;

	lab_pair(&l, 1);
	cpu = l.w->cpu[0];
	for (unsigned i = 0; i < ARRAY_SIZE(vectors); i++) {
		const struct vector *v = &vectors[i];
		struct tcp_ao_key k = { .alg = v->alg, .keyflags = v->exclude ? AO_KEYF_EXCLUDE_OPT : 0, .maclen = 12, .keylen = 10 };
		u8 pkt[256], want[32], got[32];
		size_t n = unhex(v->packet, pkt), ip = pkt[0] >> 4 == 4 ? 20 : 40;
		struct tcp_ao_opt o;
		struct inaddr s, d;
		const struct tcp_hdr *th;
		struct sk_buff *skb = skb_alloc(cpu, 64, 256);
		const u8 *md5;

		if (v->alg == MAC_AES128_CMAC) { /* ten bytes: not its own length */
			struct mac m;
			mac_init(&m, v->alg, (u8[16]){ 0 }, 16);
			mac_add(&m, "testvector", 10);
			mac_end(&m, k.kdf);
			k.kdf_len = 16;
		} else {
			memcpy(k.kdf, "testvector", 10);
			k.kdf_len = 10;
		}
		memcpy(skb_put(skb, (u32)(n - ip)), pkt + ip, n - ip);
		th = (const struct tcp_hdr *)skb->data;
		if (ip == 20) {
			be32 a[2];
			memcpy(a, pkt + 12, 8);
			s = inaddr_from_v4(a[0]);
			d = inaddr_from_v4(a[1]);
		} else {
			memcpy(s.b, pkt + 8, 16);
			memcpy(d.b, pkt + 24, 16);
		}
		assert_true(tcp_auth_options(th, &md5, &o));
		assert_non_null(o.at);
		assert_int_equal(o.maclen, 12);
		assert_int_equal(o.keyid + o.rnext, 61 + 84);
		tcp_ao_traffic_key(&k, &s, &d, th->sport, th->dport, v->sisn, v->disn, got);
		assert_int_equal(unhex(v->traffic, want), mac_len(v->alg));
		assert_memory_equal(got, want, mac_len(v->alg));
		tcp_ao_mac(&k, want, 0, &s, &d, skb, 0, (u32)(o.at - skb->data), got);
		assert_memory_equal(got, o.at + 4, 12);
		skb_consume(cpu, skb);
	}
	lab_end(&l);
}

static void test_extension(void **state)
{
	const struct tcp_ao_sne r = { 0xfffffff0, 7 }, z = { 0x10, 8 };

	assert_int_equal(tcp_ao_sne(&r, 0xfffffff0), 7);
	assert_int_equal(tcp_ao_sne(&r, 0xffffff00), 7);
	assert_int_equal(tcp_ao_sne(&r, 0x10), 8);
	assert_int_equal(tcp_ao_sne(&z, 0x7fffffff), 8);
	assert_int_equal(tcp_ao_sne(&z, 0xfffffff0), 7); /* late */
	assert_int_equal(tcp_ao_sne(&z, 0x11), 8);
}

/* -- connections -- */

static void start(struct tcp_pair *p, const struct ao_add *server, const struct ao_add *client)
{
	weft_wire_params w = { .delay_ns = LAB_MS };

	pair_wire(p, 1, &w, &w);
	p->srv = tcp_listener(&p->l, RIGHT, 179, 5);
	if (server)
		lab_ok(set(p->srv, OPT_AO_ADD_KEY, server, sizeof *server));
	p->c = lab_socket(&p->l, LEFT, SOCK_STREAM, 0);
	if (client)
		lab_ok(set(p->c, OPT_AO_ADD_KEY, client, sizeof *client));
	assert_int_equal(weft_connect(p->c, LAB_SA("10.0.0.2", 179)), -EINPROGRESS);
}
static void accepted(struct tcp_pair *p)
{
	assert_true(lab_wait(&p->l, 20000, weft_poll(p->c) & POLLOUT));
	assert_true(lab_wait(&p->l, 20000, weft_poll(p->srv) & POLLIN));
	p->l.w->mem.fail_at = 0;
	lab_ok(weft_accept(p->srv, &p->s));
}
static u64 refusals(struct tcp_pair *p)
{
	u64 n = 0;

	for (int i = LEFT; i <= RIGHT; i++)
		n += lab_mib(&p->l, i, MIB_TcpExt_TCPAOBad) + lab_mib(&p->l, i, MIB_TcpExt_TCPAORequired) + lab_mib(&p->l, i, MIB_TcpExt_TCPAOKeyNotFound);
	return n;
}

static void works(const char *alg, u8 maclen, u8 keyflags, int prefix, const char *secret, bool cookies)
{
	const weft_wire_params lossy = { .delay_ns = LAB_MS, .loss_ppm = 30000, .reorder_ppm = 20000 };
	struct ao_add a = key_of("10.0.0.2", 32, 11, 22, secret), b = key_of(prefix == 32 ? "10.0.0.1" : prefix ? "10.0.0.0" : "0.0.0.0", prefix, 22, 11, secret);
	u32 opt = (maclen ? maclen + 4u + 3 : 16) & ~3u;
	struct tcp_pair p;

	strcpy(a.alg_name, alg);
	strcpy(b.alg_name, alg);
	a.maclen = b.maclen = maclen;
	a.keyflags = b.keyflags = keyflags;
	start(&p, &b, &a);
	if (cookies)
		lab_ok(weft_sysctl_set(p.l.ns[RIGHT], "net.ipv4.tcp_syncookies", "2"));
	accepted(&p);
	assert_true(tcp_of(p.c)->rx_opt.tstamp_ok);
	assert_int_equal(tcp_of(p.c)->mss_cache, 1460 - 12 - opt);
	assert_int_equal(tcp_of(p.s)->mss_cache, 1460 - 12 - opt);
	weft_wire_set(p.wire, 0, &lossy);
	weft_wire_set(p.wire, 1, &lossy);
	pair_transfer(&p, 200000, 7000, true, 200000);
	assert_int_equal(refusals(&p), 0);
	assert_int_equal(info(p.c).pkt_good, lab_mib(&p.l, LEFT, MIB_TcpExt_TCPAOGood));
	assert_int_equal(info(p.c).pkt_good, tcp_of(p.c)->segs_in);
	assert_int_equal(info(p.c).current_key, 11);
	assert_int_equal(info(p.c).rnext, 22);
	assert_int_equal(info(p.s).current_key, 22);
	/* An orderly end: TIME-WAIT signs, too. */
	lab_ok(weft_shutdown(p.c, SHUT_WR));
	lab_ok(weft_shutdown(p.s, SHUT_WR));
	lab_run_ms(&p.l, 20000);
	assert_int_equal(state_of(p.s), TCP_CLOSE);
	assert_int_equal(refusals(&p), 0);
	pair_end(&p);
}
static void test_works(void **state)
{
	works("hmac(sha1)", 0, 0, 32, "secret", false);
	works("hmac(sha256)", 16, 0, 24, "a secret that is longer than one of the blocks that the hash takes, which are 64", false);
	works("cmac(aes128)", 9, 0, 0, "0123456789abcdef", false);
	works("cmac(aes128)", 8, AO_KEYF_EXCLUDE_OPT, 32, "another length", false);
	works("hmac(sha1)", 12, 0, 32, "secret", true);
}

/* IPv6, and IPv4 by IPv6 sockets, whose keys have mapped addresses and prefixes of 32. */
static int add6(weft_socket *s, const char *peer, u8 prefix, u8 snd, u8 rcv)
{
	struct ao_add a = { .alg_name = "hmac(sha256)", .prefix = prefix, .sndid = snd, .rcvid = rcv, .keylen = 3, .key = "six" };
	struct sockaddr_in6 *sin6 = (struct sockaddr_in6 *)&a.addr;

	sin6->sin6_family = AF_INET6;
	assert_int_equal(inet_pton(AF_INET6, peer, &sin6->sin6_addr), 1);
	return set(s, OPT_AO_ADD_KEY, &a, sizeof a);
}
static void six(const char *server, const char *client, u8 prefix)
{
	struct sockaddr_in6 any = { .sin6_family = AF_INET6, .sin6_port = htons(179) }, to = any;
	weft_wire_params w = { .delay_ns = LAB_MS };
	struct tcp_pair p;

	pair_wire(&p, 1, &w, &w);
	lab_ok(weft_addr_add(p.l.ns[LEFT], "eth0", "fd00::1/64"));
	lab_ok(weft_addr_add(p.l.ns[RIGHT], "eth0", "fd00::2/64"));
	lab_run_ms(&p.l, 3000); /* duplicate address detection */
	lab_ok(weft_socket_new(p.l.ns[RIGHT], AF_INET6, SOCK_STREAM, 0, &p.srv));
	lab_ok(weft_bind(p.srv, (struct sockaddr *)&any, sizeof any));
	lab_ok(weft_listen(p.srv, 5));
	lab_ok(add6(p.srv, client, prefix, 1, 2));
	assert_int_equal(add6(p.srv, client, (u8)(prefix + 1), 3, 4), -EINVAL);
	lab_ok(add6(p.srv, "::", 0, 7, 8)); /* all of IPv6, none of IPv4 */
	lab_ok(weft_socket_new(p.l.ns[LEFT], AF_INET6, SOCK_STREAM, 0, &p.c));
	lab_ok(add6(p.c, server, prefix, 2, 1));
	assert_int_equal(inet_pton(AF_INET6, server, &to.sin6_addr), 1);
	assert_int_equal(weft_connect(p.c, (struct sockaddr *)&to, sizeof to), -EINPROGRESS);
	accepted(&p);
	pair_transfer(&p, 50000, 5000, true, 20000);
	assert_int_equal(refusals(&p), 0);
	assert_int_equal(info(p.s).current_key, 1);
	assert_int_equal(info(p.s).pkt_good, tcp_of(p.s)->segs_in - 1); /* the last of the handshake is the listener's */
	pair_end(&p);
}
static void test_six(void **state)
{
	six("fd00::2", "fd00::1", 128);
	six("::ffff:10.0.0.2", "::ffff:10.0.0.1", 32);
}

/* A key of a VRF is for peers there; one without is for all. */
static void test_vrf_choice(void **state)
{
	struct inaddr peer = inaddr_from_v4(BE32(0x0a000001));
	struct tcp_ao_key plain = { .addr = peer, .family = AF_INET, .prefix = 32, .sndid = 1, .rcvid = 1 }, five = plain, none = plain;
	struct tcp_ao ao = { .keys = &five };

	five = (struct tcp_ao_key){ .next = &none, .addr = peer, .family = AF_INET, .prefix = 32, .keyflags = AO_KEYF_IFINDEX, .ifindex = 5 };
	none = (struct tcp_ao_key){ .next = &plain, .addr = peer, .family = AF_INET, .prefix = 32, .keyflags = AO_KEYF_IFINDEX };
	assert_ptr_equal(tcp_ao_find(&ao, 5, &peer, -1, -1), &five);
	assert_ptr_equal(tcp_ao_find(&ao, 0, &peer, -1, -1), &none);
	assert_ptr_equal(tcp_ao_find(&ao, 6, &peer, -1, -1), &plain);
	assert_ptr_equal(tcp_ao_find(&ao, 5, &peer, 1, -1), &plain);
	assert_null(tcp_ao_find(&ao, 5, &peer, -1, 9));
}

static void refused(const struct ao_add *server, const struct ao_add *client, enum mib m)
{
	struct tcp_pair p;

	start(&p, server, client);
	lab_run_ms(&p.l, 5000);
	assert_int_equal(state_of(p.c), TCP_SYN_SENT);
	assert_true(lab_mib(&p.l, RIGHT, m) >= 3);
	assert_int_equal(lab_mib(&p.l, RIGHT, MIB_Tcp_OutRsts), 0);
	pair_end(&p);
}
static void test_refused(void **state)
{
	struct ao_add a = key_of("10.0.0.2", 32, 11, 22, "one"), b = key_of("10.0.0.1", 32, 22, 11, "one"), c;

	refused(&b, NULL, MIB_TcpExt_TCPAORequired);
	refused(NULL, &a, MIB_TcpExt_TCPAOKeyNotFound);
	c = key_of("10.0.0.1", 32, 22, 11, "two");
	refused(&c, &a, MIB_TcpExt_TCPAOBad);
	c = key_of("10.0.0.1", 32, 22, 12, "one");
	refused(&c, &a, MIB_TcpExt_TCPAOKeyNotFound);
	c = b;
	c.maclen = 10;
	refused(&c, &a, MIB_TcpExt_TCPAOBad);
	c = b;
	strcpy(c.alg_name, "hmac(sha256)");
	refused(&c, &a, MIB_TcpExt_TCPAOBad);
}

/* The key that the client would hear is none of the server's: no SYN-ACK, which nobody could check. */
static void test_no_key_back(void **state)
{
	struct ao_add a = key_of("10.0.0.2", 32, 11, 22, "one"), b = key_of("10.0.0.1", 32, 23, 11, "one");
	struct tcp_pair p;

	start(&p, &b, &a);
	lab_run_ms(&p.l, 5000);
	assert_int_equal(state_of(p.c), TCP_SYN_SENT);
	assert_int_equal(lab_mib(&p.l, LEFT, MIB_Tcp_InSegs), 0);
	assert_true(lab_mib(&p.l, RIGHT, MIB_TcpExt_TCPAOGood) > 0);
	pair_end(&p);
}

/* A socket that connects to itself: its own SYN crosses its own. */
static void test_self(void **state)
{
	struct tcp_pair p;
	char b[8];

	pair_veth(&p);
	p.c = lab_socket(&p.l, LEFT, SOCK_STREAM, 0);
	lab_ok(weft_bind(p.c, LAB_SA("10.0.0.1", 5555)));
	lab_ok(add(p.c, "10.0.0.1", 32, 5, 5, "myself"));
	assert_int_equal(weft_connect(p.c, LAB_SA("10.0.0.1", 5555)), -EINPROGRESS);
	lab_run_ms(&p.l, 100);
	assert_int_equal(state_of(p.c), TCP_ESTABLISHED);
	assert_int_equal(weft_send(p.c, "echo", 4, 0), 4);
	lab_run_ms(&p.l, 100);
	assert_int_equal(weft_recv(p.c, b, sizeof b, 0), 4);
	assert_int_equal(refusals(&p), 0);
	pair_end(&p);
}

/* Both kinds of keys on a listener, each for its peers; a segment with both options is nobody's. */
static void test_beside_md5(void **state)
{
	struct ao_add b = key_of("10.0.0.77", 32, 22, 11, "one"), a = key_of("10.0.0.2", 32, 11, 22, "one");
	struct tcp_pair p;

	start(&p, &b, NULL);
	weft_close(p.c);
	lab_ok(md5_key(p.srv, "10.0.0.1"));
	p.c = lab_socket(&p.l, LEFT, SOCK_STREAM, 0);
	lab_ok(set(p.c, OPT_AO_ADD_KEY, &b, sizeof b)); /* of somebody else */
	lab_ok(md5_key(p.c, "10.0.0.2"));
	assert_int_equal(weft_connect(p.c, LAB_SA("10.0.0.2", 179)), -EINPROGRESS);
	accepted(&p);
	assert_null(tcp_of(p.c)->ao); /* it is the other kind */
	assert_non_null(tcp_of(p.s)->md5_keys);
	assert_int_equal(set(p.c, OPT_AO_ADD_KEY, &a, sizeof a), -EISCONN);
	pair_transfer(&p, 5000, 1000, true, 10000);
	pair_end(&p);
	start(&p, NULL, &a);
	assert_int_equal(md5_key(p.c, "10.0.0.2"), -EKEYREJECTED);
	pair_end(&p);
}

static void test_both_options(void **state)
{
	static const struct { u8 opts[40], len; bool ok; } cases[] = {
		{ { 29, 4, 1, 2 }, 4, true },			  { { 29, 3, 1, 0 }, 4, false },
		{ { 19, 18, [18] = 29, 6, 1, 1 }, 24, false },	  { { 29, 4, 1, 2, 29, 4, 1, 2 }, 8, false },
		{ { 19, 4, 0, 0 }, 4, false },			  { { 1, 1, 29, 40 }, 4, true }, /* beyond the header: not there */
		{ { 0, 29, 4, 1 }, 4, true },			  { { 5, 1, 29, 4 }, 4, true },
	};

	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		u8 h[60] = { 0 };
		struct tcp_ao_opt ao;
		const u8 *md5;

		h[12] = (u8)((20 + cases[i].len) / 4 << 4);
		memcpy(h + 20, cases[i].opts, cases[i].len);
		assert_int_equal(tcp_auth_options((struct tcp_hdr *)h, &md5, &ao), cases[i].ok);
		if (cases[i].ok)
			assert_int_equal(!!ao.at, i == 0);
	}
}

/* A listener that needs no signature from others still serves them. */
static void test_other_peers(void **state)
{
	struct ao_add b = key_of("10.0.0.77", 32, 22, 11, "one");
	struct tcp_pair p;

	start(&p, &b, NULL);
	accepted(&p);
	assert_null(tcp_of(p.s)->ao);
	assert_int_equal(add(p.s, "10.0.0.1", 32, 1, 1, "late"), -EISCONN);
	pair_end(&p);
}

/* Keys are changed by asking for the next one: RFC 5925, 6.1. */
static void test_rotation(void **state)
{
	struct ao_add a = key_of("10.0.0.2", 32, 11, 22, "one"), b = key_of("10.0.0.1", 32, 22, 11, "one");
	struct ao_info i = { .set_rnext = 1, .rnext = 44 };
	struct tcp_pair p;

	start(&p, &b, &a);
	accepted(&p);
	lab_ok(add(p.c, "10.0.0.2", 32, 33, 44, "two"));
	assert_int_equal(add(p.c, "10.0.0.3", 32, 55, 66, "no peer of this"), -EINVAL);
	lab_ok(set(p.c, OPT_AO_INFO, &i, sizeof i)); /* the peer has no such key: all stays */
	pair_transfer(&p, 5000, 1000, true, 10000);
	assert_int_equal(info(p.s).current_key, 22);
	lab_ok(add(p.s, "10.0.0.1", 32, 44, 33, "two"));
	pair_transfer(&p, 5000, 1000, true, 10000);
	assert_int_equal(info(p.s).current_key, 44);
	assert_int_equal(info(p.c).current_key, 11);
	assert_int_equal(del(p.c, "10.0.0.2", 32, 11, 22), -EBUSY); /* it signs with it still */
	i.rnext = 33;
	lab_ok(set(p.s, OPT_AO_INFO, &i, sizeof i));
	pair_transfer(&p, 5000, 1000, true, 10000);
	assert_int_equal(info(p.c).current_key, 33);
	lab_ok(del(p.c, "10.0.0.2", 32, 11, 22));
	lab_ok(del(p.s, "10.0.0.1", 32, 22, 11));
	pair_transfer(&p, 5000, 1000, true, 10000);
	assert_int_equal(refusals(&p), 0);
	/* By force: the other side may not have it. */
	lab_ok(add(p.c, "10.0.0.2", 32, 1, 2, "three"));
	{
		struct ao_del d = { .prefix = 32, .sndid = 33, .rcvid = 44, .set_current = 1, .current_key = 1, .set_rnext = 1, .rnext = 2 };
		struct sockaddr_in sin = lab_addr("10.0.0.2", 0);

		memcpy(&d.addr, &sin, sizeof sin);
		lab_ok(set(p.c, OPT_AO_DEL_KEY, &d, sizeof d));
	}
	assert_int_equal(weft_send(p.c, "x", 1, 0), 1);
	lab_run_ms(&p.l, 100);
	assert_true(info(p.s).pkt_key_not_found > 0);
	pair_end(&p);
}

/* Sequence numbers wrap, in both directions one after the other, and late segments are still known for what they are. */
static void wrap(bool servers)
{
	const weft_wire_params lossy = { .delay_ns = 2 * LAB_MS, .loss_ppm = 20000, .reorder_ppm = 50000, .jitter_ns = 2 * LAB_MS };
	struct ao_add a = key_of("10.0.0.2", 32, 11, 22, "one"), b = key_of("10.0.0.1", 32, 22, 11, "one");
	const struct linger hard = { 1, 0 };
	struct tcp_pair p;
	u64 before;
	u32 isn;

	start(&p, &b, &a); /* to learn where the clock of the numbers stands */
	weft_close(p.c);
	lab_run_ms(&p.l, 1000);
	for (int turn = 0; turn < 2; turn++) {
		p.c = lab_socket(&p.l, LEFT, SOCK_STREAM, 0);
		lab_opt(p.c, SOL_SOCKET, SO_REUSEADDR, 1);
		lab_ok(weft_bind(p.c, LAB_SA("10.0.0.1", 5555)));
		lab_ok(set(p.c, OPT_AO_ADD_KEY, &a, sizeof a));
		assert_int_equal(weft_connect(p.c, LAB_SA("10.0.0.2", 179)), -EINPROGRESS);
		accepted(&p);
		if (turn)
			break;
		isn = servers ? tcp_of(p.s)->ao->lisn : tcp_of(p.c)->ao->lisn;
		lab_ok(weft_setsockopt(p.c, SOL_SOCKET, SO_LINGER, &hard, sizeof hard));
		weft_close(p.c);
		lab_run_ms(&p.l, 100);
		weft_close(p.s);
		lab_run_ms(&p.l, ((u64)(0xfffe0000u - isn) << 6) / 1000000 - 200);
	}
	isn = servers ? tcp_of(p.s)->ao->lisn : tcp_of(p.c)->ao->lisn;
	assert_true(isn > 0xff800000u); /* some 8 MB at most before the wrap */
	before = refusals(&p);		/* the client that went away at once: unsigned resets */
	weft_wire_set(p.wire, 0, &lossy);
	weft_wire_set(p.wire, 1, &lossy);
	pair_transfer(&p, (u64)(u32)-isn + 500000, 65536, true, 1000000);
	assert_int_equal(refusals(&p), before);
	assert_int_equal((servers ? tcp_of(p.s) : tcp_of(p.c))->ao->snd.sne, 1);
	assert_int_equal((servers ? tcp_of(p.c) : tcp_of(p.s))->ao->rcv.sne, 1);
	pair_end(&p);
}
static void test_wrap(void **state)
{
	wrap(false);
	wrap(true);
}

/* Resets count when they are signed. */
static void test_resets(void **state)
{
	struct ao_add a = key_of("10.0.0.2", 32, 11, 22, "one"), b = key_of("10.0.0.1", 32, 22, 11, "one");
	const struct linger hard = { 1, 0 };
	struct tcp_pair p;

	/* Of a socket that is closed hard. */
	start(&p, &b, &a);
	accepted(&p);
	lab_ok(weft_setsockopt(p.s, SOL_SOCKET, SO_LINGER, &hard, sizeof hard));
	weft_close(p.s);
	p.s = NULL;
	lab_run_ms(&p.l, 100);
	assert_int_equal(lab_getopt(p.c, SOL_SOCKET, SO_ERROR), ECONNRESET);
	assert_int_equal(refusals(&p), 0);
	/* For data that nobody reads any more. */
	weft_close(p.c);
	p.c = lab_socket(&p.l, LEFT, SOCK_STREAM, 0);
	lab_ok(set(p.c, OPT_AO_ADD_KEY, &a, sizeof a));
	assert_int_equal(weft_connect(p.c, LAB_SA("10.0.0.2", 179)), -EINPROGRESS);
	accepted(&p);
	weft_close(p.s);
	p.s = NULL;
	lab_run_ms(&p.l, 100);
	assert_int_equal(weft_send(p.c, "x", 1, 0), 1);
	lab_run_ms(&p.l, 100);
	assert_int_equal(lab_getopt(p.c, SOL_SOCKET, SO_ERROR), EPIPE);
	assert_int_equal(refusals(&p), 0);
	pair_end(&p);
	/* From a host that knows nothing of the connection: unsigned, and not believed. */
	start(&p, &b, &a);
	accepted(&p);
	tcp_ao_free(p.l.w->cpu[0], p.s->sk, &tcp_of(p.s)->ao); /* it forgets */
	assert_int_equal(weft_send(p.s, "x", 1, 0), 1);
	lab_run_ms(&p.l, 50);
	assert_true(info(p.c).pkt_ao_required > 0);
	assert_int_equal(lab_drops(&p.l, LEFT, SKB_DROP_REASON_TCP_AONOTFOUND), info(p.c).pkt_ao_required);
	assert_int_equal(state_of(p.c), TCP_ESTABLISHED);
	pair_end(&p);
}

/* An error that would end or slow the connection is not believed, unless asked for. */
static void test_icmp(void **state)
{
	struct ao_add a = key_of("10.0.0.2", 32, 11, 22, "one"), b = key_of("10.0.0.1", 32, 22, 11, "one");
	static const struct { u8 code; bool ignored; } cases[] = { { ICMP_HOST_UNREACH, false }, { ICMP_PROT_UNREACH, true }, { ICMP_PORT_UNREACH, true },
								   { ICMP_FRAG_NEEDED, true }, { ICMP_PKT_FILTERED, false } };
	struct tcp_pair p;
	weft_socket *icmp;
	u64 ignored = 0;

	start(&p, &b, &a);
	accepted(&p);
	icmp = lab_socket(&p.l, RIGHT, SOCK_RAW, IPPROTO_ICMP);
	for (unsigned i = 0; i < 2 * ARRAY_SIZE(cases); i++) {
		unsigned k = i % ARRAY_SIZE(cases);
		u8 m[36] = { ICMP_DEST_UNREACH, cases[k].code, [6] = 4, [8] = 0x45, [11] = 40, [16] = 64, [17] = IPPROTO_TCP };
		be32 addr[2] = { BE32(0x0a000001), BE32(0x0a000002) }, seq = cpu_to_be32(tcp_of(p.c)->snd_una);
		be16 ports[2] = { tcp_of(p.c)->inet.sport, tcp_of(p.c)->inet.dport }, check;

		if (i == ARRAY_SIZE(cases)) {
			struct ao_info on = { .accept_icmps = 1 };
			lab_ok(set(p.c, OPT_AO_INFO, &on, sizeof on));
		}
		memcpy(m + 20, addr, 8);
		memcpy(m + 28, ports, 4);
		memcpy(m + 32, &seq, 4);
		check.raw = csum_fold(csum_partial(m, sizeof m, 0));
		memcpy(m + 2, &check, 2);
		assert_int_equal(lab_sendto(icmp, m, sizeof m, "10.0.0.1", 0), sizeof m);
		lab_run_ms(&p.l, 5);
		ignored += i < ARRAY_SIZE(cases) && cases[k].ignored;
		assert_int_equal(info(p.c).pkt_dropped_icmp, ignored);
		assert_int_equal(lab_mib(&p.l, LEFT, MIB_TcpExt_TCPAODroppedIcmps), ignored);
	}
	weft_close(icmp);
	pair_end(&p);
}

/* Memory fails: the connection waits, nothing is lost or kept. */
static void test_no_memory(void **state)
{
	struct ao_add a = key_of("10.0.0.2", 32, 11, 22, "one"), b = key_of("10.0.0.1", 32, 22, 11, "one");

	for (u64 n = 1; n < 30; n++) {
		struct tcp_pair p;

		start(&p, &b, &a);
		lab_run_ms(&p.l, 3);
		p.l.w->mem.fail_at = n;
		accepted(&p);
		pair_transfer(&p, 2000, 1000, true, 100000);
		pair_end(&p);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vectors), cmocka_unit_test(test_extension),
		cmocka_unit_test(test_works), cmocka_unit_test(test_six), cmocka_unit_test(test_vrf_choice), cmocka_unit_test(test_refused),
		cmocka_unit_test(test_no_key_back), cmocka_unit_test(test_self), cmocka_unit_test(test_beside_md5), cmocka_unit_test(test_both_options),
		cmocka_unit_test(test_other_peers), cmocka_unit_test(test_rotation), cmocka_unit_test(test_wrap), cmocka_unit_test(test_resets),
		cmocka_unit_test(test_icmp), cmocka_unit_test(test_no_memory),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
