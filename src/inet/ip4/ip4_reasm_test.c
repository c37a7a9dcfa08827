/* Reassembly: orders, repetitions, overlaps, contradictions, timeouts, floods; nothing may stay and nothing may grow. */
#include "inet/ip4/ip4_test_world.h"

/* A fragment of a datagram whose byte i is (u8)i, to the router. */
static void fragment(u16 id, u32 off, u32 len, bool more, const char *from)
{
	struct ip4_hdr h = { .saddr = v4(from), .daddr = v4("10.0.1.1"), .id = cpu_to_be16(id),
			     .frag = cpu_to_be16((u16)(off / 8 | (more ? IP4_MF : 0))) };
	struct sk_buff *skb = packet(&h, NULL, 0, len);
	for (u32 i = 0; i < len; i++)
		skb->data[20 + i] = (u8)(off + i);
	arrive(r0, skb);
}
static void frag(u16 id, u32 off, u32 len, bool more)
{
	fragment(id, off, len, more, "10.0.1.2");
	after(0);
}
static u64 memory(void) { return router->inet->frag_mem_bytes; }
static void expect_whole(unsigned n, u32 len)
{
	assert_int_equal(delivered.n, n);
	assert_int_equal(delivered.len[n - 1], len);
	for (u32 i = 0; i < MIN(len, 2048u); i++)
		assert_int_equal(delivered.bytes[n - 1][i], (u8)i);
	assert_int_equal(memory(), 0);
}

static void test_orders(void **state)
{
	frag(1, 0, 800, true), frag(1, 800, 800, true), frag(1, 1600, 100, false);
	expect_whole(1, 1700);
	assert_int_equal(delivered.nr_frags[0], 3); /* the pieces' own bytes, not copies */
	frag(2, 1600, 100, false), frag(2, 800, 800, true), frag(2, 0, 800, true);
	expect_whole(2, 1700);
	frag(3, 800, 800, true), frag(3, 0, 800, true), frag(3, 1600, 100, false);
	expect_whole(3, 1700);
	/* two at a time, kept apart by id and by source */
	frag(4, 0, 800, true), frag(5, 0, 800, true);
	fragment(4, 800, 8, false, "10.0.1.3");
	frag(5, 800, 16, false);
	assert_int_equal(delivered.len[3], 816);
	frag(4, 800, 8, false);
	assert_int_equal(delivered.len[4], 808);
	after(31 * SEC);
	assert_int_equal(memory(), 0);
	assert_int_equal(mib_sum(router, MIB_Ip_ReasmOKs), 5);
	/* more pieces than an sk_buff has fragments */
	for (u32 off = 0; off < 60000; off += 600)
		frag(6, off, 600, off + 600 < 60000);
	assert_int_equal(delivered.len[5], 60000);
	assert_int_equal(delivered.nr_frags[5], 0);
	assert_int_equal(memory(), 0);
}

static void test_duplicate(void **state)
{
	frag(1, 0, 800, true), frag(1, 0, 800, true);
	assert_int_equal(drops(router, SKB_DROP_REASON_DUP_FRAG), 1);
	frag(1, 8, 400, true); /* inside of what is there: a repetition too */
	assert_int_equal(drops(router, SKB_DROP_REASON_DUP_FRAG), 2);
	frag(1, 800, 100, false);
	expect_whole(1, 900);
}

static void test_overlap(void **state)
{
	frag(1, 0, 800, true), frag(1, 792, 800, true);
	assert_int_equal(drops(router, SKB_DROP_REASON_FRAG_OVERLAP), 2); /* both: the whole queue */
	assert_int_equal(mib_sum(router, MIB_IpExt_ReasmOverlaps), 1);
	assert_int_equal(mib_sum(router, MIB_Ip_ReasmFails), 1);
	assert_int_equal(memory(), 0);
	frag(2, 800, 800, true), frag(2, 0, 808, true);
	assert_int_equal(drops(router, SKB_DROP_REASON_FRAG_OVERLAP), 4);
	frag(3, 0, 8, true), frag(3, 16, 8, true), frag(3, 0, 24, true);
	assert_int_equal(drops(router, SKB_DROP_REASON_FRAG_OVERLAP), 7);
	assert_int_equal(delivered.n, 0);
	assert_int_equal(memory(), 0);
}

static void test_contradictions(void **state)
{
	frag(1, 800, 100, false), frag(1, 1600, 100, false); /* two ends */
	assert_int_equal(drops(router, SKB_DROP_REASON_IP_BAD_LENGTH), 2);
	frag(2, 800, 100, false), frag(2, 1600, 104, true); /* behind the end */
	assert_int_equal(drops(router, SKB_DROP_REASON_IP_BAD_LENGTH), 4);
	frag(3, 8, 0, true); /* nothing */
	assert_int_equal(drops(router, SKB_DROP_REASON_IP_BAD_LENGTH), 5);
	frag(4, 0, 7, true); /* less than a unit */
	assert_int_equal(drops(router, SKB_DROP_REASON_IP_BAD_LENGTH), 6);
	frag(5, 65528, 100, false); /* longer than a packet can be, which is seen when it is whole */
	for (unsigned off = 0; off < 65528; off += 1400)
		frag(5, off, MIN(65528 - off, 1400u), true);
	assert_true(drops(router, SKB_DROP_REASON_PKT_TOO_BIG) > 0);
	assert_int_equal(delivered.n, 0);
	assert_int_equal(memory(), 0);
}

static void test_timeout(void **state)
{
	const struct ip4_hdr *ip;
	frag(1, 800, 800, true); /* without the first nobody is told */
	frag(2, 0, 800, true);
	after(29 * SEC);
	assert_true(memory() > 0);
	after(2 * SEC);
	assert_int_equal(memory(), 0);
	assert_int_equal(mib_sum(router, MIB_Ip_ReasmTimeout), 2);
	assert_int_equal(drops(router, SKB_DROP_REASON_FRAG_REASM_TIMEOUT), 2);
	ip = seen(&at_left, false, 0);
	assert_non_null(ip);
	assert_int_equal(((const u8 *)ip)[20], ICMP4_TIME_EXCEEDED);
	assert_int_equal(((const u8 *)ip)[21], ICMP4_EXC_FRAGTIME);
	assert_true(be16_eq(((const struct ip4_hdr *)((const u8 *)ip + 28))->id, BE16(2)));
	assert_null(seen(&at_left, false, 1));
}

static void test_flood(void **state)
{
	u64 high = router->inet->frag_high_thresh, most = 0;
	char from[16];
	for (unsigned i = 0; i < 20000; i++) {
		snprintf(from, sizeof(from), "10.0.%u.%u", 3 + i / 200 % 200, 1 + i % 200);
		fragment((u16)i, 8 * (i % 3), 400, true, from);
		if (i % 64 == 0)
			after(0);
		most = MAX(most, memory());
	}
	after(0);
	assert_true(most <= high + 2 * BUF_MAX_BYTES);
	assert_true(drops(router, SKB_DROP_REASON_FRAG_MEMORY) > 0);
	after(31 * SEC);
	assert_int_equal(memory(), 0);
	/* one source and many ids: nothing is put together from pieces too far apart */
	frag(1, 0, 800, true);
	for (u16 i = 2; i < 80; i++)
		frag(i, 0, 8, true);
	frag(1, 800, 8, false);
	assert_int_equal(delivered.n, 0);
	assert_int_equal(drops(router, SKB_DROP_REASON_FRAG_TOO_FAR), 1);
}

static void test_namespace_ends(void **state)
{
	frag(1, 0, 800, true);
	frag(2, 800, 800, false);
}

#define T(f) cmocka_unit_test_setup_teardown(f, world_up, world_down)
int main(void)
{
	const struct CMUnitTest tests[] = { T(test_orders), T(test_duplicate), T(test_overlap), T(test_contradictions), T(test_timeout),
					    T(test_flood), T(test_namespace_ends) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
