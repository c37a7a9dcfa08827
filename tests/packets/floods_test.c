/* Floods: what a peer can fill is bounded, what does not fit is dropped with a reason and counted, and all of it is given back afterwards.
 *
 * A host with one device whose wire we hold, in virtual time. Each flood comes twice, the second time three times as long: what the world
 * has allocated may not be more after the second than after the first (which fills caches of packets). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>

#include <weft/weft.h>

#include "codec/wire/checksum.h"
#include "codec/wire/eth.h"
#include "codec/wire/icmp4.h"
#include "codec/wire/icmp6.h"
#include "codec/wire/ip4hdr.h"
#include "core/mib.h"
#include "inet/inet.h"
#include "inet/ip4/ip4.h"
#include "inet/ip6/ip6.h"
#include "inet/route/fib.h"
#include "link/neigh.h"
#include "link/netdevice.h"
#include "link/netns_neigh.h"

#define SEC NSEC_PER_SEC

static struct {
	weft_world *w;
	weft_netns *host, *wire;
	struct net_device *e, *out;
	u8 frame[2048];
	u32 len, sent;
	u64 most;	/* bytes of the world's memory */
	struct dev_tap tap;
	u64 heard;	/* frames that the host sent */
} t;

static struct cpu *cpu(void) { return t.host->home; }
static u64 drops(enum skb_drop_reason r) { return drops_sum(t.host, r); }

static void hear(struct cpu *c, struct dev_tap *tap, struct sk_buff *skb, struct net_device *dev, bool outgoing) { t.heard += !outgoing; }

static int setup(void **state)
{
	static const char *const quiet[] = { "net/ipv6/conf/all/accept_dad", "net/ipv6/conf/e/accept_dad", "net/ipv6/conf/e/router_solicitations" };
	memset(&t, 0, sizeof t);
	assert_int_equal(weft_world_new(7, 1, &t.w), 0);
	assert_int_equal(weft_netns_new(t.w, "host", &t.host), 0);
	assert_int_equal(weft_netns_new(t.w, "wire", &t.wire), 0);
	assert_int_equal(weft_veth_new(t.host, "e", t.wire, "w"), 0);
	t.e = dev_by_name(t.host, "e");
	t.out = dev_by_name(t.wire, "w");
	assert_int_equal(weft_sysctl_set(t.wire, "net/ipv6/conf/all/disable_ipv6", "1"), 0);
	for (unsigned i = 0; i < ARRAY_SIZE(quiet); i++)
		assert_int_equal(weft_sysctl_set(t.host, quiet[i], "0"), 0);
	assert_int_equal(weft_link_up(t.host, "lo"), 0);
	assert_int_equal(dev_change_flags(cpu(), t.out, t.out->flags | IFF_UP | IFF_NOARP, NULL), 0);
	assert_int_equal(weft_link_up(t.host, "e"), 0);
	assert_int_equal(weft_addr_add(t.host, "e", "10.0.0.1/8"), 0);
	assert_int_equal(weft_addr_add(t.host, "e", "2001:db8::1/64"), 0);
	t.tap = (struct dev_tap){ .fn = hear, .ethertype = 3 /* ETH_P_ALL */ };
	dev_tap_add(t.wire, t.out, &t.tap);
	weft_run_for(t.w, 10 * SEC);
	return 0;
}
static int teardown(void **state)
{
	dev_tap_del(&t.tap);
	weft_netns_free(t.host);
	weft_netns_free(t.wire);
	weft_world_free(t.w); /* asserts that nothing is left */
	return 0;
}

/* -- frames -- */

static void put(const void *p, u32 n)
{
	memcpy(t.frame + t.len, p, n);
	t.len += n;
}
static void begin(u16 type)
{
	t.len = 0;
	put(t.e->dev_addr, 6);
	put((const u8[]){ 2, 0, 0, 0, 0, 2 }, 6);
	put((const u8[]){ (u8)(type >> 8), (u8)type }, 2);
}
static void send_frame(void)
{
	struct sk_buff *skb = skb_alloc(cpu(), SKB_HEADROOM, t.len);
	cpu()->now = weft_now(t.w);
	assert_non_null(skb);
	memcpy(skb_put(skb, t.len), t.frame, t.len);
	skb->dev = t.out;
	skb_reset_mac_header(skb);
	skb->network_header = (u16)(skb->mac_header + ETH_HDR_LEN);
	dev_queue_xmit(cpu(), skb);
	if (++t.sent % 32 == 0)
		weft_run_for(t.w, 1000);
	t.most = MAX(t.most, t.w->mem.bytes);
}
static void ip4(u32 from, u32 to, u8 proto, u16 id, u16 frag, const void *body, u32 n)
{
	struct ip4_hdr h = { .ver_ihl = 0x45, .tot_len = cpu_to_be16((u16)(20 + n)), .id = cpu_to_be16(id), .frag = cpu_to_be16(frag), .ttl = 64, .protocol = proto,
			     .saddr = cpu_to_be32(from), .daddr = cpu_to_be32(to) };
	h.check = csum_fold(csum_partial(&h, sizeof h, 0));
	put(&h, sizeof h);
	put(body, n);
}
static struct inaddr six(const char *prefix, u32 last)
{
	struct inaddr a;
	assert_int_equal(inet_pton(AF_INET6, prefix, a.b), 1);
	for (unsigned i = 0; i < 4; i++)
		a.b[12 + i] = (u8)(a.b[12 + i] + (last >> (24 - 8 * i)));
	return a;
}
static void ip6(const struct inaddr *from, const struct inaddr *to, u8 nh, u8 hops, const void *body, u32 n)
{
	u8 h[40] = { 0x60, 0, 0, 0, (u8)(n >> 8), (u8)n, nh, hops };
	memcpy(h + 8, from->b, 16);
	memcpy(h + 24, to->b, 16);
	put(h, sizeof h);
	put(body, n);
}
static void icmp6_sum(u8 *m, u32 n, const struct inaddr *from, const struct inaddr *to)
{
	u16 sum = csum_fold(csum_partial(m, n, csum_pseudo6(from->b, to->b, n, IPPROTO_ICMPV6)));
	memcpy(m + 2, &sum, 2);
}

/* Twice, the second time three times as long; time for what was made to end. */
static void twice(void (*flood)(u32 n), u32 n, u64 settle, u64 peak)
{
	u64 before, first;
	flood(n);
	weft_run_for(t.w, settle);
	before = first = t.w->mem.bytes;
	t.most = 0;
	flood(3 * n);
	if (t.most > before + peak)
		fail_msg("%llu bytes more than before", (unsigned long long)(t.most - before));
	weft_run_for(t.w, settle);
	if (t.w->mem.bytes > first + 4 * BUF_MAX_BYTES) /* of packets that are kept for the next */
		fail_msg("%llu bytes are left, %llu after the first", (unsigned long long)t.w->mem.bytes, (unsigned long long)first);
}

/* -- fragments -- */

static const u8 zeros[1400];

static void first_fragments(u32 n)
{
	for (u32 i = 0; i < n; i++) {
		begin(0x0800);
		ip4(0x0a000002 + i * 7 % 5000, 0x0a000001, 17, (u16)i, 0x2000, zeros, 1400);
		send_frame();
	}
}
static void test_fragments(void **state)
{
	twice(first_fragments, 5000, 31 * SEC, (u64)t.host->inet->frag_high_thresh + (1u << 20));
	assert_true(drops(SKB_DROP_REASON_FRAG_MEMORY) > 0);
	assert_int_equal(t.host->inet->frag_mem_bytes, 0);
	assert_int_equal(mib_sum(t.host, MIB_Ip_ReasmReqds), 20000);
	assert_int_equal(mib_sum(t.host, MIB_Ip_ReasmTimeout) + drops(SKB_DROP_REASON_FRAG_MEMORY), 20000);
	assert_int_equal(mib_sum(t.host, MIB_Ip_ReasmFails), 20000);
}

static void overlaps(u32 n)
{
	for (u32 i = 0; i < n; i++) {
		begin(0x0800);
		ip4(0x0a000002, 0x0a000001, 17, (u16)(i / 2), i & 1 ? 0x2000 | 100 : 0x2000, zeros, 1000);
		send_frame();
	}
}
static void test_overlaps(void **state)
{
	twice(overlaps, 4000, SEC, 1u << 20);
	assert_int_equal(t.host->inet->frag_mem_bytes, 0);
	assert_int_equal(mib_sum(t.host, MIB_IpExt_ReasmOverlaps), 8000);
	assert_int_equal(drops(SKB_DROP_REASON_FRAG_OVERLAP), 16000);
}

static void fragment6(u32 from, u32 id, u16 off)
{
	struct inaddr s = six("2001:db8::1:0", from), d = six("2001:db8::1", 0);
	u8 body[1208] = { 17, 0, (u8)(off >> 8), (u8)(off | 1), (u8)(id >> 24), (u8)(id >> 16), (u8)(id >> 8), (u8)id };
	begin(0x86dd);
	ip6(&s, &d, 44, 64, body, sizeof body);
	send_frame();
}
static void first_fragments6(u32 n)
{
	for (u32 i = 0; i < n; i++)
		fragment6(i % 5000, i, 0);
}
static void overlaps6(u32 n)
{
	for (u32 i = 0; i < n; i++)
		fragment6(1, i / 2, i & 1 ? 800 : 0);
}
static void test_fragments6(void **state)
{
	twice(first_fragments6, 5000, 61 * SEC, (u64)t.host->ip6->frag_high_thresh + (1u << 20));
	assert_true(drops(SKB_DROP_REASON_FRAG_MEMORY) > 0);
	assert_int_equal(t.host->ip6->frag_mem_bytes, 0);
	assert_int_equal(mib_sum(t.host, MIB_Ip6_ReasmTimeout) + drops(SKB_DROP_REASON_FRAG_MEMORY), 20000);
	twice(overlaps6, 4000, SEC, 1u << 20); /* RFC 5722: the whole packet goes */
	assert_int_equal(drops(SKB_DROP_REASON_FRAG_OVERLAP), 16000);
	assert_int_equal(t.host->ip6->frag_mem_bytes, 0);
}

/* -- neighbours -- */

static void arp_requests(u32 n)
{
	for (u32 i = 0; i < n; i++) {
		u8 m[28] = { 0, 1, 8, 0, 6, 4, 0, 1, 2, 0, 0, 0, 0, 2, 10, 1, (u8)(i >> 8), (u8)i, 0, 0, 0, 0, 0, 0, 10, 0, 0, 1 };
		begin(0x0806);
		put(m, sizeof m);
		send_frame();
	}
}
static void test_arp(void **state)
{
	struct neigh_slot *s = neigh_slot_of(t.host, &arp_table);
	twice(arp_requests, 5000, 300 * SEC, 4u << 20);
	assert_true(s->stats.table_fulls > 0);
	assert_in_range(s->count, 0, s->gc_thresh3);
	assert_true(s->stats.forced_gc_runs > 0);
	arp_requests(20000);
	assert_in_range(s->count, s->gc_thresh2, s->gc_thresh3);
}

static void solicitations(u32 n)
{
	struct inaddr d = six("2001:db8::1", 0);
	for (u32 i = 0; i < n; i++) {
		struct inaddr s = six("fe80::1:0", i);
		u8 m[32] = { 135 };
		memcpy(m + 8, d.b, 16);
		memcpy(m + 24, (const u8[]){ 1, 1, 2, 0, 0, 0, 0, 2 }, 8);
		icmp6_sum(m, sizeof m, &s, &d);
		begin(0x86dd);
		ip6(&s, &d, 58, 255, m, sizeof m);
		send_frame();
	}
}
static void test_nd(void **state)
{
	struct neigh_slot *s = neigh_slot_of(t.host, &nd_table);
	twice(solicitations, 5000, 300 * SEC, 4u << 20);
	assert_true(s->stats.table_fulls > 0);
	assert_in_range(s->count, 0, s->gc_thresh3);
}

/* Through a router to hosts that do not answer. */
static void to_nobody(u32 n)
{
	for (u32 i = 0; i < n; i++) {
		begin(0x0800);
		ip4(0xc6120001, 0x0a020000 + i, 17, 0, 0, zeros, 1000);
		send_frame();
	}
}
static void to_one(u32 n)
{
	for (u32 i = 0; i < n; i++) {
		begin(0x0800);
		ip4(0xc6120001, 0x0a020000, 17, 0, 0, zeros, 1000);
		send_frame();
	}
}
static void test_unresolved(void **state)
{
	struct neigh_slot *s = neigh_slot_of(t.host, &arp_table);
	u64 qlen = neigh_parms_for(t.host, &arp_table, t.e)->queue_len_bytes;
	assert_int_equal(weft_sysctl_set(t.host, "net/ipv4/ip_forward", "1"), 0);
	twice(to_nobody, 5000, 300 * SEC, 8u << 20);
	assert_true(s->stats.table_fulls > 0);
	assert_true(drops(SKB_DROP_REASON_NEIGH_CREATEFAIL) > 0);
	assert_int_equal(drops(SKB_DROP_REASON_NEIGH_CREATEFAIL) + drops(SKB_DROP_REASON_NEIGH_FAILED) + drops(SKB_DROP_REASON_NEIGH_QUEUEFULL) +
			 drops(SKB_DROP_REASON_NEIGH_DEAD), 20000);
	twice(to_one, 2000, 300 * SEC, qlen + (1u << 20)); /* unres_qlen_bytes */
	assert_true(drops(SKB_DROP_REASON_NEIGH_QUEUEFULL) > 0);
	assert_int_equal(s->stats.unres_discards, drops(SKB_DROP_REASON_NEIGH_QUEUEFULL));
}

/* -- ICMP -- */

/* Questions for a closed port, each from another host: the bucket for all limits the errors, and the table of hosts is bounded. */
static void closed_ports(u32 n)
{
	const u8 uh[12] = { 16, 0, 0, 9, 0, 12 };
	for (u32 i = 0; i < n; i++) {
		begin(0x0800);
		ip4(0xc6120000 + i, 0x0a000001, 17, 0, 0, uh, sizeof uh);
		send_frame();
	}
}
static void test_icmp_errors(void **state)
{
	const be32 gw = cpu_to_be32(0x0a000002);
	u64 was, since;
	assert_int_equal(weft_route_add(t.host, "198.18.0.0/15", "10.0.0.2", "e"), 0);
	assert_int_equal(neigh_update(cpu(), neigh_get(cpu(), &arp_table, &gw, t.e), (const u8[]){ 2, 0, 0, 0, 0, 2 }, NUD_PERMANENT, NEIGH_UPDATE_OVERRIDE | NEIGH_UPDATE_ADMIN, 0), 0);
	twice(closed_ports, 20000, 2 * SEC, 4u << 20);
	weft_run_for(t.w, 2 * SEC);
	was = mib_sum(t.host, MIB_IcmpMsg_OutType0 + 3);
	since = weft_now(t.w);
	t.heard = 0;
	closed_ports(10000); /* icmp_msgs_burst is 50, and each takes one of it on average */
	weft_run_for(t.w, 1000);
	assert_true(weft_now(t.w) - since < 20 * NSEC_PER_MSEC);
	assert_in_range(mib_sum(t.host, MIB_IcmpMsg_OutType0 + 3) - was, 25, 110);
	assert_int_equal(mib_sum(t.host, MIB_IcmpMsg_OutType0 + 3) - was, t.heard);
	assert_int_equal(mib_sum(t.host, MIB_IcmpMsg_OutType0 + 3) + mib_sum(t.host, MIB_Icmp_OutRateLimitGlobal) + mib_sum(t.host, MIB_Icmp_OutRateLimitHost), 90000);
	/* From one host: six, and one a second. */
	weft_run_for(t.w, 100 * SEC);
	was = mib_sum(t.host, MIB_IcmpMsg_OutType0 + 3);
	for (u32 i = 0; i < 100; i++)
		closed_ports(1);
	weft_run_for(t.w, 1000);
	assert_int_equal(mib_sum(t.host, MIB_IcmpMsg_OutType0 + 3) - was, 6);
	for (u32 i = 0; i < 100; i++) {
		closed_ports(1);
		weft_run_for(t.w, SEC / 10);
	}
	assert_in_range(mib_sum(t.host, MIB_IcmpMsg_OutType0 + 3) - was, 15, 16);
}

static void echoes(u32 n)
{
	const u8 m[1008] = { 8, 0, 0xf7, 0xff };
	for (u32 i = 0; i < n; i++) {
		begin(0x0800);
		ip4(0x0a000002, 0x0a000001, 1, 0, 0, m, sizeof m);
		send_frame();
	}
}
static void test_echoes(void **state)
{
	const be32 gw = cpu_to_be32(0x0a000002);
	assert_int_equal(neigh_update(cpu(), neigh_get(cpu(), &arp_table, &gw, t.e), (const u8[]){ 2, 0, 0, 0, 0, 2 }, NUD_PERMANENT, NEIGH_UPDATE_OVERRIDE | NEIGH_UPDATE_ADMIN, 0), 0);
	twice(echoes, 10000, SEC, 1u << 20);
	assert_int_equal(mib_sum(t.host, MIB_IcmpMsg_OutType0), 40000);
}

/* -- exceptions -- */

static u32 next_victim;
static void too_big(u32 n)
{
	for (u32 i = 0; i < n; i++) {
		u32 about = 0xcb000000 + next_victim++ * 3;
		u8 m[36] = { 3, 4, 0, 0, 0, 0, 1000 >> 8, 1000 & 255, 0x45, 0, 0, 28, 0, 0, 0, 0, 64, 1, 0, 0, 10, 0, 0, 1,
			     (u8)(about >> 24), (u8)(about >> 16), (u8)(about >> 8), (u8)about };
		u16 sum = csum_fold(csum_partial(m, sizeof m, 0));
		memcpy(m + 2, &sum, 2);
		begin(0x0800);
		ip4(0x0a000002, 0x0a000001, 1, 0, 0, m, sizeof m);
		send_frame();
	}
}
static void too_big6(u32 n)
{
	struct inaddr s = six("2001:db8::2", 0), d = six("2001:db8::1", 0);
	for (u32 i = 0; i < n; i++) {
		struct inaddr about = six("3fff::", next_victim++);
		u8 m[56] = { 2, 0, 0, 0, 0, 0, 1400 >> 8, 1400 & 255, 0x60, 0, 0, 0, 0, 8, 58, 64 };
		memcpy(m + 16, d.b, 16);
		memcpy(m + 32, about.b, 16);
		m[48] = 128;
		icmp6_sum(m, sizeof m, &s, &d);
		begin(0x86dd);
		ip6(&s, &d, 58, 64, m, sizeof m);
		send_frame();
	}
}
static void test_exceptions(void **state)
{
	struct netns_fib *f = t.host->fib;
	u64 none;
	assert_int_equal(weft_route_add(t.host, "0.0.0.0/0", "10.0.0.2", "e"), 0);
	assert_int_equal(weft_route_add(t.host, "::/0", "2001:db8::2", "e"), 0);
	none = t.w->mem.bytes;
	too_big(10000);
	assert_in_range(f->exceptions.count, 2000, 2048 * 10);
	twice(too_big, 30000, SEC, 1u << 20);
	assert_in_range(f->exceptions.count, 2048 * 5, 2048 * 10);
	assert_int_equal(f->exceptions6, 0);
	twice(too_big6, 20000, SEC, 1u << 20);
	assert_in_range(f->exceptions6, 1024 * 5, 1024 * 10);
	assert_in_range(t.w->mem.bytes, none, none + (u64)f->exceptions.count * 1024 + (4u << 20));
	weft_run_for(t.w, 700 * SEC); /* IPv6's are collected when they are old */
	assert_int_equal(f->exceptions6, 0);
	/* gc_thresh, once what is there leads over somebody who says that he is no router any more */
	too_big6(2000);
	assert_in_range(f->exceptions6, 1, 1100);
	weft_run_for(t.w, 100 * SEC);
	assert_true(f->exceptions.count > 2048 * 5); /* IPv4's stay until they are looked for, or the route goes */
	dev_change_flags(cpu(), t.e, t.e->flags & ~(u32)IFF_UP, NULL);
	weft_run_for(t.w, SEC);
	assert_int_equal(f->exceptions.count, 0);
	assert_in_range(t.w->mem.bytes, 0, none + (4u << 20));
}

/* -- memory runs out in the middle -- */

static void test_out_of_memory(void **state)
{
	void (*const all[])(u32) = { first_fragments, first_fragments6, overlaps6, arp_requests, solicitations, to_nobody, closed_ports, too_big, too_big6 };
	assert_int_equal(weft_route_add(t.host, "0.0.0.0/0", "10.0.0.2", "e"), 0);
	assert_int_equal(weft_route_add(t.host, "::/0", "2001:db8::2", "e"), 0);
	assert_int_equal(weft_sysctl_set(t.host, "net/ipv4/ip_forward", "1"), 0);
	for (unsigned i = 0; i < ARRAY_SIZE(all); i++)
		for (u64 at = 1; at < 12; at++) {
			begin(0x0800);
			t.sent = 0;
			all[i](at); /* a varying number, so that the failure falls on another one each time */
			t.w->mem.fail_at = at;
			weft_run_for(t.w, 1000);
			t.w->mem.fail_at = 0;
		}
	weft_run_for(t.w, 100 * SEC);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
int main(void)
{
	const struct CMUnitTest tests[] = { T(test_fragments), T(test_overlaps), T(test_fragments6), T(test_arp), T(test_nd), T(test_unresolved), T(test_icmp_errors),
					    T(test_echoes), T(test_exceptions), T(test_out_of_memory) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
