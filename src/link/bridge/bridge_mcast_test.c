/* Snooping in virtual time: who hears a group with a querier and without, memberships that end, queries of our own, sources, MLD, frames
 * that are cut off or lie, full tables.
 */
#include "codec/wire/icmp6.h"
#include "codec/wire/igmphdr.h"
#include "codec/wire/ip4hdr.h"
#include "codec/wire/ip6hdr.h"
#include "inet/mc.h"
#include "link/bridge/test_bridge.h"

#define GROUP 0xef010101u	/* 239.1.1.1 */
#define OTHER 0xef010102u
enum { S1 = 0x0a000007, S2 = 0x0a000008, ROUTER = 0x0a0000fe };

struct net {
	struct lab l;
	struct bridge *br;
	struct net_device *a, *b, *c;
	u64 fail_at; /* of allocations while the next frame is handled */
};

static struct net make(void)
{
	struct net n = { .l = lab_make(1) };
	n.br = lab_bridge(&n.l, "br0");
	n.a = lab_host(&n.l, n.br);
	n.b = lab_host(&n.l, n.br);
	n.c = lab_host(&n.l, n.br);
	return n;
}

/* An IPv4 packet with a router alert and `len` bytes of IGMP, its checksum filled in; cut: bytes to leave off its end. */
static void send4(struct net *n, struct net_device *from, u32 saddr, u32 daddr, u8 proto, const void *body, u32 len, u32 cut)
{
	u8 dst[6] = { 1, 0, 0x5e, daddr >> 16 & 0x7f, daddr >> 8 & 0xff, daddr & 0xff };
	struct sk_buff *skb = skb_alloc(n->l.cpu, SKB_HEADROOM, 1600);
	u8 *p = skb_put(skb, ETH_HDR_LEN + 24 + len);
	struct ip4_hdr *ip = (struct ip4_hdr *)(p + ETH_HDR_LEN);
	eth_build((struct eth_hdr *)p, dst, from->dev_addr, ETH_P_IP);
	*ip = (struct ip4_hdr){ .ver_ihl = 0x46, .tot_len = cpu_to_be16((u16)(24 + len)), .ttl = 1, .protocol = proto, .saddr = cpu_to_be32(saddr),
				.daddr = cpu_to_be32(daddr) };
	memcpy(ip + 1, (const u8[]){ 0x94, 4, 0, 0 }, 4);
	ip4_set_csum(ip);
	memcpy(p + ETH_HDR_LEN + 24, body, len);
	if (proto == IPPROTO_IGMP && len >= sizeof(struct igmp_hdr))
		((struct igmp_hdr *)(p + ETH_HDR_LEN + 24))->check = csum_fold(csum_partial(body, len, 0));
	assert_true(skb_trim(n->l.cpu, skb, skb->len - cut));
	skb->dev = from;
	skb->protocol = BE16(ETH_P_IP);
	collect_free(n->l.cpu);
	n->l.w->mem.fail_at = n->fail_at;
	dev_queue_xmit(n->l.cpu, skb);
	lab_run(&n->l);
	n->l.w->mem.fail_at = 0;
}
static void igmp(struct net *n, struct net_device *from, u8 type, u8 code, u32 saddr, u32 group, u32 daddr)
{
	struct igmp_hdr h = { .type = type, .code = code, .group = cpu_to_be32(group) };
	send4(n, from, saddr, daddr, IPPROTO_IGMP, &h, sizeof(h), 0);
}
static void report(struct net *n, struct net_device *from, u32 group) { igmp(n, from, IGMP_REPORT_V2, 0, 0x0a000001, group, group); }
static void query(struct net *n, struct net_device *from, u32 group) { igmp(n, from, IGMP_QUERY, 100, ROUTER, group, group ? group : 0xe0000001u); }
static void data(struct net *n, struct net_device *from, u32 saddr, u32 group) { send4(n, from, saddr, group, IPPROTO_UDP, "12345678", 8, 0); }

static struct br_mdb *entry(struct net *n, u32 group, u32 source)
{
	struct br_ip ip = { .proto = BE16(ETH_P_IP) };
	be32 g = cpu_to_be32(group), s = cpu_to_be32(source);
	memcpy(ip.dst, &g, 4);
	memcpy(ip.src, &s, 4);
	return br_mdb_find(n->br, &ip);
}

static void test_querier(void **state)
{
	struct net n = make();
	report(&n, n.a, GROUP);
	assert_non_null(entry(&n, GROUP, 0));
	assert_int_equal(lab_got(n.b), 1); /* nobody asks: all hear all */
	data(&n, n.b, S1, GROUP);
	assert_int_equal(lab_got(n.a) + lab_got(n.c), 2);
	query(&n, n.c, 0);
	assert_true(br_pm(lab_port(&n.l, n.c))->is_router[BR_IP4]);
	data(&n, n.b, S1, GROUP);
	assert_int_equal(lab_got(n.a) + lab_got(n.c), 2); /* who wants it has not had the time to say so */
	lab_wait_ms(&n.l, 10001);
	data(&n, n.b, S1, GROUP);
	assert_int_equal(lab_got(n.a) + lab_got(n.c), 2); /* the member, and the router */
	data(&n, n.c, S1, GROUP);
	assert_int_equal(lab_got(n.a), 1);
	assert_int_equal(lab_got(n.b) + lab_got(n.br->dev), 0);
	data(&n, n.a, S1, OTHER); /* nobody's: the router's */
	assert_int_equal(got.n, 1);
	assert_int_equal(lab_got(n.c), 1);
	data(&n, n.a, S1, 0xe0000005u); /* of this link: everybody's */
	assert_int_equal(lab_got(n.b), 1);
	report(&n, n.b, OTHER); /* only routers hear it */
	assert_int_equal(lab_got(n.a), 0);
	assert_int_equal(lab_got(n.c), 1);
	lab_wait_ms(&n.l, 246000); /* the querier fell silent */
	data(&n, n.c, S1, GROUP);
	assert_int_equal(lab_got(n.b), 1);
	assert_false(br_pm(lab_port(&n.l, n.c))->is_router[BR_IP4]);
	lab_wait_ms(&n.l, 20000);
	assert_null(entry(&n, GROUP, 0)); /* 260 s after it was reported */
	lab_end(&n.l);
}

static void test_leaving(void **state)
{
	struct net n = make();
	report(&n, n.a, GROUP);
	query(&n, n.c, 0);
	igmp(&n, n.a, IGMP_LEAVE, 0, 0x0a000001, GROUP, 0xe0000002u);
	lab_wait_ms(&n.l, 5000);
	assert_non_null(entry(&n, GROUP, 0)); /* it is the querier's to ask */
	igmp(&n, n.c, IGMP_QUERY, 10, ROUTER, GROUP, GROUP);
	lab_wait_ms(&n.l, 1900);
	assert_non_null(entry(&n, GROUP, 0));
	lab_wait_ms(&n.l, 200);
	assert_null(entry(&n, GROUP, 0));
	br_port_set_flag(lab_port(&n.l, n.a), BRP_FAST_LEAVE, true);
	report(&n, n.a, GROUP);
	igmp(&n, n.a, IGMP_LEAVE, 0, 0x0a000001, GROUP, 0xe0000002u);
	assert_null(entry(&n, GROUP, 0));
	report(&n, n.a, GROUP);
	lab_up(&n.l, n.a, false); /* its port goes down */
	assert_null(entry(&n, GROUP, 0));
	lab_end(&n.l);
}

static unsigned queries(struct net *n, const struct net_device *at)
{
	unsigned k = 0;
	for (unsigned i = 0; i < got.n; i++)
		k += got.skb[i]->dev == at && got.skb[i]->data[9] == IPPROTO_IGMP && got.skb[i]->data[24] == IGMP_QUERY;
	collect_free(n->l.cpu);
	return k;
}

static void test_we_ask(void **state)
{
	struct net n = make();
	report(&n, n.a, GROUP);
	br_mcast_set_querier(n.l.cpu, n.br, true);
	collect_free(n.l.cpu);
	lab_wait_ms(&n.l, 31000);
	assert_int_equal(queries(&n, n.a), 1);
	lab_wait_ms(&n.l, 1000);
	assert_int_equal(queries(&n, n.a), 1); /* the second of the startup's */
	lab_wait_ms(&n.l, 124000);
	assert_int_equal(queries(&n, n.b), 0);
	lab_wait_ms(&n.l, 2000);
	assert_int_equal(queries(&n, n.b), 1);
	data(&n, n.b, S1, GROUP); /* we are a querier: the group goes where it is wanted */
	assert_int_equal(lab_got(n.a), 1);
	assert_int_equal(lab_got(n.c), 0);
	igmp(&n, n.a, IGMP_LEAVE, 0, 0x0a000001, GROUP, 0xe0000002u);
	assert_int_equal(queries(&n, n.a), 1);
	lab_wait_ms(&n.l, 2100);
	assert_null(entry(&n, GROUP, 0));
	query(&n, n.c, 0); /* another one: we rest */
	collect_free(n.l.cpu);
	lab_wait_ms(&n.l, 200000);
	assert_int_equal(queries(&n, n.a), 0);
	lab_wait_ms(&n.l, 56000);
	assert_int_equal(queries(&n, n.a), 1);
	lab_end(&n.l);
}

static void report3(struct net *n, struct net_device *from, u8 type, u32 group, const u32 *sources, u16 count, u32 cut)
{
	struct { struct igmp_report3 h; struct mc_record_hdr r; be32 group, src[8]; } __packed_alias m = {
		.h = { .type = IGMP_REPORT_V3, .ngrec = BE16(1) }, .r = { .type = type, .nsrcs = cpu_to_be16(count) }, .group = cpu_to_be32(group) };
	for (unsigned i = 0; i < count; i++)
		m.src[i] = cpu_to_be32(sources[i]);
	send4(n, from, 0x0a000001, 0xe0000016u, IPPROTO_IGMP, &m, (u32)(16 + 4 * count), cut);
}

static bool hears(struct net *n, u32 source)
{
	data(n, n->c, source, GROUP);
	return lab_got(n->a);
}

static void test_sources(void **state)
{
	static const u32 both[] = { S1, S2 };
	struct net n = make();
	n.br->mcast->igmp_version = 3;
	br_mcast_set_querier(n.l.cpu, n.br, true);
	lab_wait_ms(&n.l, 11000);
	report3(&n, n.a, MC_ALLOW, GROUP, both, 1, 0);
	assert_non_null(entry(&n, GROUP, S1));
	assert_true(hears(&n, S1));
	assert_false(hears(&n, S2));
	report3(&n, n.a, MC_IS_INCLUDE, GROUP, both, 2, 0);
	assert_true(hears(&n, S2));
	report3(&n, n.a, MC_BLOCK, GROUP, both, 1, 0); /* is asked for, and nobody answers */
	assert_true(hears(&n, S1));
	lab_wait_ms(&n.l, 2100);
	assert_false(hears(&n, S1));
	assert_true(hears(&n, S2));
	report3(&n, n.a, MC_TO_EXCLUDE, GROUP, both, 1, 0);
	assert_false(hears(&n, S1));
	assert_true(hears(&n, S2));
	assert_true(hears(&n, 0x0a000063));
	report3(&n, n.a, MC_ALLOW, GROUP, both, 1, 0);
	assert_true(hears(&n, S1));
	report3(&n, n.a, MC_TO_INCLUDE, GROUP, NULL, 0, 0); /* it leaves */
	lab_wait_ms(&n.l, 2100);
	assert_null(entry(&n, GROUP, 0));
	assert_null(entry(&n, GROUP, S1));
	assert_int_equal(n.br->mcast->mdb.count, 0);
	report3(&n, n.a, MC_IS_EXCLUDE, GROUP, NULL, 0, 0);
	assert_true(hears(&n, S1));
	lab_wait_ms(&n.l, 261000);
	assert_null(entry(&n, GROUP, 0));
	lab_end(&n.l);
}

static void test_broken(void **state)
{
	static const u32 both[] = { S1, S2 };
	struct net n = make();
	u8 body[64];
	u64 dropped;
	n.br->mcast->igmp_version = 3;
	for (u32 cut = 1; cut < 24 + 24; cut++) {
		report3(&n, n.a, MC_ALLOW, GROUP, both, 2, cut);
		assert_int_equal(n.br->mcast->mdb.count, 0);
	}
	dropped = drops_sum(n.l.net, SKB_DROP_REASON_BRIDGE_SNOOPED);
	assert_true(dropped >= 24);
	for (unsigned i = 0; i < 5000; i++) { /* anything, with a right checksum */
		u32 len = rng_below(&n.l.cpu->rng, sizeof(body));
		rng_bytes(&n.l.cpu->rng, body, sizeof(body));
		body[0] = (u8[]){ IGMP_QUERY, IGMP_REPORT_V1, IGMP_REPORT_V2, IGMP_REPORT_V3, IGMP_LEAVE, 0x30 }[i % 6];
		send4(&n, n.a, S1, i & 1 ? 0xe0000001u : GROUP, IPPROTO_IGMP, body, len, 0);
	}
	igmp(&n, n.a, IGMP_QUERY, 100, ROUTER, 0, GROUP); /* a general one to a group */
	assert_true(drops_sum(n.l.net, SKB_DROP_REASON_BRIDGE_SNOOPED) > dropped);
	lab_end(&n.l);
}

static void test_limits(void **state)
{
	struct net n = make();
	struct br_port *pa = lab_port(&n.l, n.a);
	br_pm(pa)->max_groups = 2;
	for (u32 i = 0; i < 4; i++)
		report(&n, n.a, GROUP + i);
	assert_int_equal(br_pm(pa)->group_count, 2);
	assert_int_equal(n.br->mcast->mdb.count, 2);
	br_pm(pa)->max_groups = 0;
	n.br->mcast->hash_max = 3;
	report(&n, n.a, GROUP + 2);
	assert_true(n.br->mcast->snooping);
	report(&n, n.a, GROUP + 3);
	assert_false(n.br->mcast->snooping); /* a table that is not complete is none */
	data(&n, n.c, S1, GROUP);
	assert_int_equal(lab_got(n.b), 1);
	lab_end(&n.l);
}

static void test_as_unicast(void **state)
{
	struct net n = make();
	br_port_set_flag(lab_port(&n.l, n.a), BRP_MCAST_TO_UNICAST, true);
	report(&n, n.a, GROUP);
	query(&n, n.c, 0);
	lab_wait_ms(&n.l, 10001);
	data(&n, n.b, S1, GROUP);
	assert_int_equal(lab_got(n.a), 1);
	for (unsigned i = 0; i < got.n; i++)
		if (got.skb[i]->dev == n.a)
			assert_memory_equal(((const struct eth_hdr *)skb_mac_header(got.skb[i]))->dst, n.a->dev_addr, 6);
	lab_end(&n.l);
}

static void test_mld(void **state)
{
	static const u8 group[16] = { 0xff, 0x0e, [15] = 7 }, from[16] = { 0xfe, 0x80, [15] = 1 };
	struct { struct ip6_hdr ip; u8 hop[8]; struct mld_hdr m; } __packed_alias p = {
		.ip = { .vtf = ip6_vtf(0, (be32){ 0 }), .payload_len = BE16(32), .nexthdr = 0, .hop_limit = 1 },
		.hop = { IPPROTO_ICMPV6, 0, 5, 2, 0, 0, 1, 0 }, .m = { .type = ICMP6_MLD_REPORT } };
	struct br_ip ip = { .proto = BE16(ETH_P_IPV6) };
	struct net n = make();
	memcpy(ip.dst, group, 16);
	memcpy(p.ip.saddr, from, 16);
	memcpy(p.ip.daddr, group, 16);
	memcpy(p.m.group, group, 16);
	p.m.check = csum_fold(csum_partial(&p.m, sizeof(p.m), csum_pseudo6(from, group, sizeof(p.m), IPPROTO_ICMPV6)));
	for (int cut = (int)sizeof(p); cut >= 0; cut--) {
		struct sk_buff *skb = skb_alloc(n.l.cpu, SKB_HEADROOM, 200);
		u8 *f = skb_put(skb, ETH_HDR_LEN + (u32)sizeof(p) - (u32)cut);
		eth_build((struct eth_hdr *)f, (const u8[]){ 0x33, 0x33, 0, 0, 0, 7 }, n.a->dev_addr, ETH_P_IPV6);
		memcpy(f + ETH_HDR_LEN, &p, sizeof(p) - (u32)cut);
		skb->dev = n.a;
		skb->protocol = BE16(ETH_P_IPV6);
		dev_queue_xmit(n.l.cpu, skb);
		lab_run(&n.l);
		assert_int_equal(br_mdb_find(n.br, &ip) != NULL, cut == 0);
	}
	lab_wait_ms(&n.l, 261000);
	assert_null(br_mdb_find(n.br, &ip));
	lab_end(&n.l);
}

static void test_no_memory(void **state)
{
	static const u32 both[] = { S1, S2 };
	struct net n = make();
	n.br->mcast->igmp_version = 3;
	for (u64 k = 1; k < 14; k++) {
		n.fail_at = k;
		report(&n, n.a, GROUP);
		report3(&n, n.b, MC_TO_EXCLUDE, OTHER, both, 2, 0);
	}
	lab_end(&n.l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_querier), cmocka_unit_test(test_leaving), cmocka_unit_test(test_we_ask), cmocka_unit_test(test_sources),
		cmocka_unit_test(test_broken), cmocka_unit_test(test_limits), cmocka_unit_test(test_as_unicast), cmocka_unit_test(test_mld),
		cmocka_unit_test(test_no_memory),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
