/* IGMP by the socket API, in virtual time: what goes over the wire is what Linux 6.18 sent in the same scenario (recorded from a
 * veth pair: joins, blocked and wanted sources, leaves, queries of versions 2 and 3), each change told twice within a second.
 */
#include "codec/wire/eth.h"
#include "core/sysctl.h"
#include "link/netdevice.h"
#include "stack/testlib.h"

static char wire[64][96]; /* "to type-code-and-rest", in order */
static unsigned sent;

static void tap_fn(struct cpu *cpu, struct dev_tap *tap, struct sk_buff *skb, struct net_device *dev, bool outgoing)
{
	u8 p[200];
	u32 n = MIN(skb->len, (u32)sizeof(p)), hlen;
	char *to;
	if (outgoing || skb->pkt_type == PACKET_LOOPBACK || n < 24 || !skb_copy_bits(skb, 0, p, n) || p[9] != IPPROTO_IGMP || sent == ARRAY_SIZE(wire))
		return;
	hlen = (p[0] & 15) * 4u;
	assert_int_equal(hlen, 24); /* with a router alert */
	assert_memory_equal(p + 20, "\x94\x04\x00\x00", 4);
	assert_int_equal(p[8], 1);    /* ttl */
	assert_int_equal(p[1], 0xc0); /* tos */
	assert_int_equal(p[6], 0x40); /* DF */
	assert_int_equal(p[15], 1);   /* from 10.0.0.1 */
	to = wire[sent++];
	to += sprintf(to, "%u.%u.%u.%u %02x ", p[16], p[17], p[18], p[19], p[hlen]);
	for (u32 i = hlen + 4; i < n && i < hlen + 40; i++)
		to += sprintf(to, "%02x", p[i]);
}

static struct dev_tap tap = { .fn = tap_fn, .ethertype = ETH_P_IP };

struct mc { struct lab l; weft_socket *s; };

static struct mc begin(void)
{
	struct mc m;
	lab_pair(&m.l, 1);
	dev_tap_add(m.l.ns[RIGHT], dev_by_name(m.l.ns[RIGHT], "eth0"), &tap);
	lab_run_ms(&m.l, 3000);
	m.s = lab_udp(&m.l, LEFT, NULL, 0);
	sent = 0;
	return m;
}
static void end(struct mc *m)
{
	weft_close(m->s);
	dev_tap_del(&tap);
	lab_end(&m->l);
}
static int source(struct mc *m, int opt, const char *addr)
{
	struct ip_mreq_source r = { .imr_multiaddr.s_addr = inet_addr("239.1.2.3"), .imr_interface.s_addr = inet_addr("10.0.0.1"),
				    .imr_sourceaddr.s_addr = inet_addr(addr) };
	return weft_setsockopt(m->s, SOL_IP, opt, &r, sizeof(r));
}
static int group(weft_socket *s, int opt, const char *addr)
{
	struct ip_mreq r = { .imr_multiaddr.s_addr = inet_addr(addr), .imr_interface.s_addr = inet_addr("10.0.0.1") };
	return weft_setsockopt(s, SOL_IP, opt, &r, sizeof(r));
}
/* What was sent within ms is `what`, `times` times. */
#define expect(m, ms, times, what) expect_at(m, ms, times, what, __LINE__)
static void expect_at(struct mc *m, u64 ms, unsigned times, const char *what, int line)
{
	lab_run_ms(&m->l, ms);
	if (sent != times)
		fail_msg("line %d: %u messages, not %u; the first: %s", line, sent, times, wire[0]);
	for (unsigned i = 0; i < sent; i++)
		if (strcmp(wire[i], what))
			fail_msg("line %d: %s, not %s", line, wire[i], what);
	sent = 0;
}

static void test_version3(void **state)
{
	struct mc m = begin();
	lab_ok(group(m.s, IP_ADD_MEMBERSHIP, "239.1.2.3"));
	expect(&m, 20, 1, "224.0.0.22 22 0000000104000000ef010203"); /* at once, and again */
	expect(&m, 1500, 1, "224.0.0.22 22 0000000104000000ef010203");
	lab_ok(source(&m, IP_BLOCK_SOURCE, "10.0.0.5"));
	expect(&m, 1500, 2, "224.0.0.22 22 0000000106000001ef0102030a000005");
	lab_ok(source(&m, IP_UNBLOCK_SOURCE, "10.0.0.5"));
	expect(&m, 1500, 2, "224.0.0.22 22 0000000105000001ef0102030a000005");
	lab_ok(group(m.s, IP_DROP_MEMBERSHIP, "239.1.2.3"));
	expect(&m, 1500, 2, "224.0.0.22 22 0000000103000000ef010203");
	lab_ok(source(&m, IP_ADD_SOURCE_MEMBERSHIP, "10.0.0.7"));
	expect(&m, 1500, 2, "224.0.0.22 22 0000000105000001ef0102030a000007");
	lab_ok(source(&m, IP_ADD_SOURCE_MEMBERSHIP, "10.0.0.8"));
	expect(&m, 1500, 2, "224.0.0.22 22 0000000105000001ef0102030a000008");
	lab_ok(source(&m, IP_DROP_SOURCE_MEMBERSHIP, "10.0.0.7"));
	expect(&m, 1500, 2, "224.0.0.22 22 0000000106000001ef0102030a000007");
	expect(&m, 60000, 0, "");
	end(&m);
}

/* From the right to the group, by a raw socket. */
static void send_igmp(struct mc *m, const char *to, const void *body, size_t len)
{
	weft_socket *raw = lab_socket(&m->l, RIGHT, SOCK_RAW, IPPROTO_IGMP);
	struct in_addr from = { inet_addr("10.0.0.2") };
	u8 msg[64] = { 0 };
	u32 sum = 0;
	memcpy(msg, body, len);
	for (size_t i = 0; i < len; i += 2)
		sum += (u32)(msg[i] << 8 | msg[i + 1]);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = ~((sum & 0xffff) + (sum >> 16));
	msg[2] = (u8)(sum >> 8);
	msg[3] = (u8)sum;
	lab_ok(weft_setsockopt(raw, SOL_IP, IP_MULTICAST_IF, &from, sizeof(from)));
	assert_int_equal(lab_sendto(raw, msg, len, to, 0), (ssize_t)len);
	weft_close(raw);
}

static void test_queries(void **state)
{
	struct mc m = begin();
	lab_ok(source(&m, IP_ADD_SOURCE_MEMBERSHIP, "10.0.0.8"));
	lab_run_ms(&m.l, 2000);
	sent = 0;
	send_igmp(&m, "224.0.0.1", "\x11\x0a\0\0\0\0\0\0\x02\x7d\0\0", 12);
	expect(&m, 1100, 1, "224.0.0.22 22 0000000101000001ef0102030a000008");
	send_igmp(&m, "239.1.2.3", "\x11\x0a\0\0\xef\1\2\3\x02\x7d\0\0", 12);
	expect(&m, 1100, 1, "224.0.0.22 22 0000000101000001ef0102030a000008");
	send_igmp(&m, "239.1.2.3", "\x11\x0a\0\0\xef\1\2\3\x02\x7d\0\1\x0a\0\0\x08", 16);
	expect(&m, 1100, 1, "224.0.0.22 22 0000000101000001ef0102030a000008");
	send_igmp(&m, "239.1.2.3", "\x11\x0a\0\0\xef\1\2\3\x02\x7d\0\1\x0a\0\0\1", 16); /* a source nobody wants */
	expect(&m, 1100, 0, "");
	send_igmp(&m, "239.1.2.3", "\x11\x0a\0\0\xef\1\2\3\x02\x7d\0\xff\x0a\0\0\x08", 16); /* claims more sources than it has */
	expect(&m, 1100, 0, "");
	send_igmp(&m, "224.0.0.1", "\x11\x0a\0\0\0\0\0\0\x02\x7d", 10);
	expect(&m, 1100, 0, "");
	end(&m);
}

static void test_version2(void **state)
{
	struct mc m = begin();
	weft_socket *s2 = lab_udp(&m.l, LEFT, NULL, 0);
	lab_ok(group(m.s, IP_ADD_MEMBERSHIP, "239.1.2.3"));
	lab_run_ms(&m.l, 2000);
	sent = 0;
	send_igmp(&m, "224.0.0.1", "\x11\x0a\0\0\0\0\0\0", 8); /* a version 2 router: its language from here on */
	expect(&m, 1100, 1, "239.1.2.3 16 ef010203");
	lab_ok(group(s2, IP_ADD_MEMBERSHIP, "239.9.9.9"));
	expect(&m, 20, 1, "239.9.9.9 16 ef090909");
	expect(&m, 10100, 1, "239.9.9.9 16 ef090909");
	lab_ok(group(s2, IP_DROP_MEMBERSHIP, "239.9.9.9"));
	expect(&m, 20, 1, "224.0.0.2 17 ef090909");
	/* Somebody else reports first: we need not, and have not to leave either. */
	send_igmp(&m, "224.0.0.1", "\x11\x64\0\0\0\0\0\0", 8);
	send_igmp(&m, "239.1.2.3", "\x16\0\0\0\xef\1\2\3", 8);
	expect(&m, 11000, 0, "");
	lab_ok(group(m.s, IP_DROP_MEMBERSHIP, "239.1.2.3"));
	expect(&m, 2000, 0, "");
	/* Its time is over after robustness * interval + response interval. */
	lab_run_ms(&m.l, 260000);
	lab_ok(group(m.s, IP_ADD_MEMBERSHIP, "239.1.2.3"));
	expect(&m, 20, 1, "224.0.0.22 22 0000000104000000ef010203");
	weft_close(s2);
	end(&m);
}

static void test_several_members(void **state)
{
	struct mc m = begin();
	weft_socket *s2 = lab_udp(&m.l, LEFT, NULL, 0);
	lab_ok(source(&m, IP_ADD_SOURCE_MEMBERSHIP, "10.0.0.8"));
	lab_run_ms(&m.l, 2000);
	sent = 0;
	lab_ok(group(s2, IP_ADD_MEMBERSHIP, "239.1.2.3")); /* INCLUDE {8} and EXCLUDE {}: EXCLUDE {} */
	expect(&m, 1500, 2, "224.0.0.22 22 0000000104000000ef010203");
	lab_ok(group(s2, IP_DROP_MEMBERSHIP, "239.1.2.3"));
	expect(&m, 1500, 2, "224.0.0.22 22 0000000103000001ef0102030a000008");
	weft_close(s2);
	expect(&m, 1500, 0, "");
	end(&m);
	assert_int_equal(sent, 0);
}

static void test_limits(void **state)
{
	struct mc m = begin();
	char addr[20];
	for (int i = 0; i < 20; i++) {
		sprintf(addr, "239.2.0.%d", i);
		lab_ok(group(m.s, IP_ADD_MEMBERSHIP, addr));
	}
	assert_int_equal(group(m.s, IP_ADD_MEMBERSHIP, "239.2.1.1"), -ENOBUFS);
	lab_ok(weft_sysctl_set(m.l.ns[LEFT], "net.ipv4.igmp_max_memberships", "21"));
	lab_ok(group(m.s, IP_ADD_MEMBERSHIP, "239.1.2.3"));
	for (int i = 0; i < 10; i++) {
		sprintf(addr, "10.0.1.%d", i);
		lab_ok(source(&m, IP_BLOCK_SOURCE, addr));
	}
	assert_int_equal(source(&m, IP_BLOCK_SOURCE, "10.0.2.1"), -ENOBUFS);
	assert_int_equal(source(&m, IP_BLOCK_SOURCE, "10.0.1.1"), -EADDRNOTAVAIL);
	lab_run_ms(&m.l, 3000);
	end(&m);
}

/* conf/DEV/force_igmp_version: as if such a router had asked, for good. */
static void test_forced(void **state)
{
	struct mc m = begin();
	assert_int_equal(sysctl_write(m.l.ns[LEFT], "ipv4/conf/eth0/force_igmp_version", "2", 1), 0);
	lab_ok(group(m.s, IP_ADD_MEMBERSHIP, "239.1.2.3"));
	expect(&m, 25000, 2, "239.1.2.3 16 ef010203");
	lab_ok(group(m.s, IP_DROP_MEMBERSHIP, "239.1.2.3"));
	expect(&m, 25000, 1, "224.0.0.2 17 ef010203");
	assert_int_equal(sysctl_write(m.l.ns[LEFT], "ipv4/conf/eth0/force_igmp_version", "1", 1), 0);
	lab_ok(group(m.s, IP_ADD_MEMBERSHIP, "239.1.2.3"));
	expect(&m, 25000, 2, "239.1.2.3 12 ef010203");
	lab_ok(group(m.s, IP_DROP_MEMBERSHIP, "239.1.2.3"));
	expect(&m, 25000, 0, "");
	end(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_version3), cmocka_unit_test(test_forced), cmocka_unit_test(test_queries), cmocka_unit_test(test_version2),
		cmocka_unit_test(test_several_members), cmocka_unit_test(test_limits),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
