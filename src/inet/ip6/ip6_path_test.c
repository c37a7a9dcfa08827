/* IPv6 packets on their way: echo over a router, neighbour discovery, hop limits, errors, fragments, path MTU, extension headers, groups. */
#include "inet/ip6/ip6_test_world.h"

static void addresses_appear(void **state)
{
	assert_non_null(addr_of(l0, "fe80::ff:fe00:1"));
	assert_false(addr_of(l0, "fe80::ff:fe00:1")->flags & IFA_F_TENTATIVE);
	assert_false(addr_of(l0, "2001:db8:1::2")->flags & IFA_F_TENTATIVE);
	assert_non_null(addr_of(left->dev->loopback, "::1"));
	assert_true(addr_of(left->dev->loopback, "::1")->scope == RT_SCOPE_HOST);
}

static void ping_neighbour(void **state)
{
	assert_int_equal(ping_from(left, "2001:db8:1::1", 0, 56, false), 0);
	after(SEC);
	assert_int_equal(delivered.pings, 1);
	assert_non_null(seen(&at_left, true, ICMP6_NS, 0));
	assert_int_equal(seen(&at_left, true, ICMP6_NS, 0)->hop_limit, 255);
	assert_non_null(seen(&at_left, false, ICMP6_NA, 0));
	assert_int_equal(seen(&at_left, true, ICMP6_ECHO, 0)->hop_limit, 64);
}

static void ping_over_router(void **state)
{
	assert_int_equal(ping_from(left, "2001:db8:2::2", 0, 56, false), 0);
	after(SEC);
	assert_int_equal(delivered.pings, 1);
	assert_int_equal(seen(&at_right, false, ICMP6_ECHO, 0)->hop_limit, 63);
	assert_int_equal(mib_sum(router, MIB_Ip6_OutForwDatagrams), 2);
}

static void ping_self_and_link_local(void **state)
{
	assert_int_equal(ping_from(left, "::1", 0, 8, false), 0);
	assert_int_equal(ping_from(left, "2001:db8:1::2", 0, 8, false), 0);
	assert_int_equal(ping_from(left, "fe80::ff:fe00:1", l0->ifindex, 8, false), 0);
	after(SEC);
	assert_int_equal(delivered.pings, 3);
	assert_int_equal(ping_from(left, "fe80::ff:fe00:2", l0->ifindex, 8, false), 0);
	after(SEC);
	assert_int_equal(delivered.pings, 4);
	assert_int_equal(ping_from(left, "ff02::1", l0->ifindex, 8, false), 0);
	after(SEC);
	assert_int_equal(delivered.pings, 6); /* we ourselves and the router */
}

static void hop_limit_runs_out(void **state)
{
	struct ip6_hdr h = header("2001:db8:1::2", "2001:db8:2::2", TEST_PROTO);
	const struct ip6_hdr *e;
	h.hop_limit = 1;
	arrive(r0, packet(&h, NULL, 0, 2000));
	after(SEC);
	assert_int_equal(drops(router, SKB_DROP_REASON_IP_TTL_EXCEEDED), 1);
	e = seen(&at_left, false, ICMP6_TIME_EXCEEDED, 0);
	assert_non_null(e);
	assert_int_equal(ip6_payload_len(e), 1240); /* the quote fills the least MTU */
	assert_memory_equal(e->saddr, v6("2001:db8:1::1").b, 16);
	assert_int_equal(delivered.errors, 1);
	assert_int_equal(delivered.last_error.err, EHOSTUNREACH);
}

static void nobody_there(void **state)
{
	struct ip6_hdr h = header("2001:db8:1::2", "2001:db8:9::2", TEST_PROTO);
	assert_int_equal(ping_from(left, "2001:db8:2::77", 0, 8, false), 0);
	after(5 * SEC);
	assert_non_null(seen(&at_left, false, ICMP6_UNREACH, 0)); /* nobody answers the router's solicitations */
	assert_int_equal(seen(&at_left, false, ICMP6_UNREACH, 0)->saddr[15], 1);
	arrive(r0, packet(&h, NULL, 0, 8));
	after(SEC);
	assert_int_equal(delivered.last_error.err, ENETUNREACH);
	assert_int_equal(mib_sum(router, MIB_Ip6_InNoRoutes), 1);
	h = header("2001:db8:1::2", "2001:db8:1::1", 254);
	arrive(r0, packet(&h, NULL, 0, 8));
	after(SEC);
	assert_non_null(seen(&at_left, false, ICMP6_PARAM_PROBLEM, 0));
	assert_int_equal(mib_sum(router, MIB_Ip6_InUnknownProtos), 1);
}

static void bad_packets(void **state)
{
	static const struct { const char *s, *d; u8 version; } bad[] = {
		{ "::1", "2001:db8:1::1", 6 }, { "2001:db8:1::2", "::1", 6 }, { "ff02::1", "2001:db8:1::1", 6 }, { "2001:db8:1::2", "ff01::1", 6 },
		{ "2001:db8:1::2", "ff00::1", 6 }, { "2001:db8:1::2", "2001:db8:1::1", 4 },
	};
	for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
		struct ip6_hdr h = header(bad[i].s, bad[i].d, TEST_PROTO);
		h.vtf = cpu_to_be32((u32)bad[i].version << 28);
		arrive(r0, packet(&h, NULL, 0, 8));
		assert_int_equal(mib_sum(router, MIB_Ip6_InHdrErrors), i + 1);
	}
	struct ip6_hdr h = header("2001:db8:1::2", "2001:db8:1::1", TEST_PROTO);
	h.payload_len = BE16(9);
	arrive(r0, packet(&h, NULL, 0, 8));
	assert_int_equal(mib_sum(router, MIB_Ip6_InTruncatedPkts), 1);
	assert_int_equal(delivered.n, 0);
	h.payload_len = BE16(7); /* padding goes */
	arrive(r0, packet(&h, NULL, 0, 8));
	assert_int_equal(delivered.n, 1);
	assert_int_equal(delivered.len[0], 7);
	/* link-local sources do not pass a router */
	h = header("fe80::ff:fe00:1", "2001:db8:2::2", TEST_PROTO);
	arrive(r0, packet(&h, NULL, 0, 8));
	after(SEC);
	assert_int_equal(drops(router, SKB_DROP_REASON_IP_INADDRERRORS), 1);
}

static void fragments(void **state)
{
	assert_int_equal(ping_from(left, "2001:db8:2::2", 0, 5000, true), 0);
	after(SEC);
	assert_int_equal(delivered.pings, 1);
	assert_int_equal(mib_sum(left, MIB_Ip6_FragCreates), 4);
	assert_int_equal(mib_sum(right, MIB_Ip6_ReasmOKs), 1);
	assert_int_equal(mib_sum(left, MIB_Ip6_ReasmOKs), 1);
	assert_int_equal(ping_from(left, "2001:db8:2::2", 0, 5000, false), -EMSGSIZE);
}

static void path_mtu(void **state)
{
	struct flow fl = { .family = AF_INET6, .daddr = v6("2001:db8:2::2") };
	struct dst *d;
	assert_int_equal(dev_set_mtu(cpu, r1, 1300, NULL), 0);
	assert_int_equal(ping_from(left, "2001:db8:2::2", 0, 1400, true), 0);
	after(SEC);
	assert_non_null(seen(&at_left, false, ICMP6_PKT_TOOBIG, 0));
	assert_int_equal(delivered.pings, 0);
	assert_int_equal(ip6_route_out(cpu, left, &fl, &d), 0);
	assert_int_equal(dst_mtu(cpu, d), 1300);
	dst_put(d);
	assert_int_equal(ping_from(left, "2001:db8:2::2", 0, 1400, true), 0);
	after(SEC);
	assert_int_equal(mib_sum(right, MIB_Icmp6Msg_InType0 + ICMP6_ECHO), 1);
	after(601 * SEC);
	fl = (struct flow){ .family = AF_INET6, .daddr = v6("2001:db8:2::2") };
	assert_int_equal(ip6_route_out(cpu, left, &fl, &d), 0);
	assert_int_equal(dst_mtu(cpu, d), 1500);
	dst_put(d);
}

static struct sk_buff *fragment(u32 id, u32 off, bool more, u32 len)
{
	struct ip6_hdr h = header("2001:db8:1::2", "2001:db8:1::1", IP6_NH_FRAGMENT);
	struct ip6_frag_hdr f = { .nexthdr = TEST_PROTO, .off = cpu_to_be16((u16)(off | more)), .id = cpu_to_be32(id) };
	return packet(&h, &f, sizeof(f), len);
}

static void reassembly(void **state)
{
	/* out of order; a repetition; whole in one piece */
	arrive(r0, fragment(1, 16, false, 5));
	arrive(r0, fragment(1, 8, true, 8));
	arrive(r0, fragment(1, 8, true, 8));
	assert_int_equal(drops(router, SKB_DROP_REASON_DUP_FRAG), 1);
	arrive(r0, fragment(1, 0, true, 8));
	assert_int_equal(delivered.n, 1);
	assert_int_equal(delivered.len[0], 21);
	arrive(r0, fragment(2, 0, false, 9));
	assert_int_equal(delivered.n, 2);
	assert_int_equal(delivered.len[1], 9);
	/* an overlap ends the whole (RFC 5722) */
	arrive(r0, fragment(3, 0, true, 16));
	arrive(r0, fragment(3, 8, true, 16));
	assert_int_equal(drops(router, SKB_DROP_REASON_FRAG_OVERLAP), 2);
	arrive(r0, fragment(3, 24, false, 8));
	assert_int_equal(delivered.n, 2);
	/* a length that is no multiple of 8 draws an error */
	arrive(r0, fragment(4, 0, true, 9));
	after(SEC);
	assert_non_null(seen(&at_left, false, ICMP6_PARAM_PROBLEM, 0));
	/* time runs out */
	arrive(r0, fragment(5, 0, true, 8));
	after(61 * SEC);
	assert_non_null(seen(&at_left, false, ICMP6_TIME_EXCEEDED, 0));
	assert_int_equal(router->ip6->frag_mem_bytes, 0);
	/* memory is limited */
	for (u32 i = 0; i < 20000; i++)
		arrive(r0, fragment(100 + i, 0, true, 1200));
	assert_true(drops(router, SKB_DROP_REASON_FRAG_MEMORY) > 0);
	assert_true(router->ip6->frag_mem_bytes <= router->ip6->frag_high_thresh + BUF_MAX_BYTES);
	after(61 * SEC);
	assert_int_equal(router->ip6->frag_mem_bytes, 0);
}

static void options(void **state)
{
	struct ip6_hdr h = header("2001:db8:1::2", "2001:db8:1::1", IP6_NH_HOPOPTS);
	/* known and skippable options pass */
	arrive(r0, packet(&h, (const u8[]){ TEST_PROTO, 0, IP6_OPT_ROUTER_ALERT, 2, 0, 0, 1, 0 }, 8, 8));
	assert_int_equal(delivered.n, 1);
	arrive(r0, packet(&h, (const u8[]){ TEST_PROTO, 0, 0x1e, 4, 1, 2, 3, 4 }, 8, 8));
	assert_int_equal(delivered.n, 2);
	/* discard; discard and tell */
	arrive(r0, packet(&h, (const u8[]){ TEST_PROTO, 0, 0x5e, 4, 1, 2, 3, 4 }, 8, 8));
	arrive(r0, packet(&h, (const u8[]){ TEST_PROTO, 0, 0x9e, 4, 1, 2, 3, 4 }, 8, 8));
	after(SEC);
	assert_int_equal(delivered.n, 2);
	assert_non_null(seen(&at_left, false, ICMP6_PARAM_PROBLEM, 0));
	assert_null(seen(&at_left, false, ICMP6_PARAM_PROBLEM, 1));
	/* padding that is not zero, an option that is too long */
	arrive(r0, packet(&h, (const u8[]){ TEST_PROTO, 0, IP6_OPT_PADN, 4, 0, 0, 1, 0 }, 8, 8));
	arrive(r0, packet(&h, (const u8[]){ TEST_PROTO, 0, 0x1e, 5, 0, 0, 1, 0 }, 8, 8));
	assert_int_equal(delivered.n, 2);
	/* more options than the limit */
	sysctl(router, "ipv6/max_hbh_opts_number", "1");
	arrive(r0, packet(&h, (const u8[]){ TEST_PROTO, 0, 0x1e, 1, 1, 0x1e, 1, 1 }, 8, 8));
	assert_int_equal(delivered.n, 2);
	sysctl(router, "ipv6/max_hbh_opts_number", "8");
	/* a routing header that is not used up */
	h.nexthdr = IP6_NH_ROUTING;
	arrive(r0, packet(&h, (const u8[]){ TEST_PROTO, 0, 0, 0, 0, 0, 0, 0 }, 8, 8));
	assert_int_equal(delivered.n, 3);
	arrive(r0, packet(&h, (const u8[]){ TEST_PROTO, 2, 0, 1, [23] = 0 }, 24, 8));
	after(SEC);
	assert_int_equal(delivered.n, 3);
	assert_non_null(seen(&at_left, false, ICMP6_PARAM_PROBLEM, 1));
}

static void redirect(void **state)
{
	struct flow fl = { .family = AF_INET6, .daddr = v6("2001:db8:1::99") };
	struct dst *d;
	/* left reaches a neighbour by the router, which knows better */
	assert_int_equal(route_add(left, "2001:db8:1::99", 128, "fe80::ff:fe00:2", l0), 0);
	assert_int_equal(ping_from(left, "2001:db8:1::99", 0, 8, false), 0);
	after(SEC / 2);
	assert_non_null(seen(&at_left, false, ICMP6_REDIRECT, 0));
	assert_int_equal(ip6_route_out(cpu, left, &fl, &d), 0);
	assert_true(d->flags & DST_REDIRECT);
	assert_string_equal(text(&d->gateway), "2001:db8:1::99");
	dst_put(d);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, world_up, world_down)
	const struct CMUnitTest tests[] = {
		T(addresses_appear), T(ping_neighbour), T(ping_over_router), T(ping_self_and_link_local), T(hop_limit_runs_out), T(nobody_there),
		T(bad_packets), T(fragments), T(path_mtu), T(reassembly), T(options), T(redirect),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
