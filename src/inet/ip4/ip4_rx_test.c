/* Receiving, forwarding and delivering: every malformed header field, TTL, MTU, options, sources, with drop reasons and counters
 * asserted. left - router - right in virtual time. */
#include "inet/ip4/ip4_test_world.h"

/* A header from left to right, with these fields; an address that is not named is left's or right's. */
static struct ip4_hdr *header(struct ip4_hdr *h, bool any_source)
{
	if (!h->saddr.raw && !any_source)
		h->saddr = v4("10.0.1.2");
	if (!h->daddr.raw)
		h->daddr = v4("10.0.2.2");
	return h;
}
#define H(...) header(&(struct ip4_hdr){ __VA_ARGS__ }, false)
#define TO_ROUTER .daddr = v4("10.0.1.1")

static void expect_drop(const struct ip4_hdr *h, u32 len, enum skb_drop_reason r)
{
	u64 before = drops(router, r), n = 0, all = 0;
	for (unsigned i = 0; i < SKB_DROP_REASON_MAX; i++)
		all += drops(router, i);
	inject(r0, h, len);
	for (unsigned i = 0; i < SKB_DROP_REASON_MAX; i++)
		n += drops(router, i);
	if (drops(router, r) != before + 1 || n != all + 1) {
		show_drops(router);
		fail_msg("expected a drop with %s", skb_drop_reason_name(r));
	}
}

static void test_header_fields(void **state)
{
	struct sk_buff *skb;
	u64 errors = mib_sum(router, MIB_Ip_InHdrErrors);
	expect_drop(H(.ver_ihl = 0x65), 20, SKB_DROP_REASON_IP_INHDR);
	expect_drop(H(.ver_ihl = 0x44), 20, SKB_DROP_REASON_IP_INHDR);
	expect_drop(H(.ver_ihl = 0x40), 20, SKB_DROP_REASON_IP_INHDR);
	expect_drop(H(.ver_ihl = 0x4f), 20, SKB_DROP_REASON_IP_INHDR); /* 60 bytes of header in 40 */
	expect_drop(H(.check = 0x1234), 20, SKB_DROP_REASON_IP_CSUM);
	expect_drop(H(.tot_len = BE16(19)), 20, SKB_DROP_REASON_IP_INHDR);
	assert_int_equal(mib_sum(router, MIB_Ip_InHdrErrors), errors + 6);
	assert_int_equal(mib_sum(router, MIB_IpExt_InCsumErrors), 1);
	expect_drop(H(.tot_len = BE16(60)), 20, SKB_DROP_REASON_PKT_TOO_SMALL);
	assert_int_equal(mib_sum(router, MIB_IpExt_InTruncatedPkts), 1);
	/* less than a header */
	skb = skb_alloc(cpu, 64, 20);
	memset(skb_put(skb, 19), 0x45, 19);
	arrive(r0, skb);
	after(0);
	assert_int_equal(drops(router, SKB_DROP_REASON_IP_INHDR), 6);
	/* not for us */
	skb = packet(H(.ttl = 9), NULL, 0, 20);
	skb->pkt_type = PACKET_OTHERHOST;
	arrive(r0, skb);
	after(0);
	assert_int_equal(drops(router, SKB_DROP_REASON_OTHERHOST), 1);
	/* padding is cut off */
	inject(r0, H(TO_ROUTER, .tot_len = BE16(30)), 40);
	assert_int_equal(delivered.n, 1);
	assert_int_equal(delivered.len[0], 10);
}

static void test_addresses(void **state)
{
	expect_drop(H(.saddr = v4("224.0.0.1")), 8, SKB_DROP_REASON_IP_INVALID_SOURCE);
	expect_drop(H(.saddr = v4("255.255.255.255")), 8, SKB_DROP_REASON_IP_INVALID_SOURCE);
	expect_drop(header(&(struct ip4_hdr){ .ttl = 3 }, true), 8, SKB_DROP_REASON_IP_INVALID_SOURCE);
	inject(r0, H(.saddr = v4("0.1.2.3")), 8); /* 0/8 but 0.0.0.0 is like any other */
	assert_int_equal(delivered.n, 1);
	delivered.n = 0;
	expect_drop(H(.saddr = v4("127.0.0.1")), 8, SKB_DROP_REASON_IP_LOCALNET);
	expect_drop(H(.daddr = v4("127.0.0.1")), 8, SKB_DROP_REASON_IP_LOCALNET);
	expect_drop(H(.saddr = v4("10.0.1.1")), 8, SKB_DROP_REASON_IP_LOCAL_SOURCE);
	expect_drop(H(.saddr = v4("10.0.2.1"), TO_ROUTER), 8, SKB_DROP_REASON_IP_LOCAL_SOURCE);
	expect_drop(H(.daddr = v4("239.1.2.3")), 8, SKB_DROP_REASON_IP_INVALID_DEST);
	inject(r0, H(.daddr = v4("224.0.0.1"), .ttl = 1), 8);
	inject(r0, H(.daddr = v4("255.255.255.255")), 8);
	inject(r0, H(.daddr = v4("10.0.1.255")), 8);
	assert_int_equal(delivered.n, 3);
	assert_int_equal(mib_sum(router, MIB_IpExt_InMcastPkts), 1);
	assert_int_equal(mib_sum(router, MIB_IpExt_InBcastPkts), 2);
	/* accept_local lets a source of ours in; route_localnet 127/8 */
	sysctl(router, "ipv4/conf/r0/accept_local", "1");
	inject(r0, H(.saddr = v4("10.0.2.1"), TO_ROUTER), 8);
	assert_int_equal(delivered.n, 4);
	sysctl(router, "ipv4/conf/all/route_localnet", "1");
	inject(r0, H(.daddr = v4("127.0.0.1")), 8);
	assert_int_equal(delivered.n, 5);
}

static void test_rp_filter(void **state)
{
	sysctl(router, "ipv4/conf/all/rp_filter", "1");
	expect_drop(H(.saddr = v4("10.0.2.77")), 8, SKB_DROP_REASON_IP_RPFILTER);
	expect_drop(H(.saddr = v4("9.9.9.9")), 8, SKB_DROP_REASON_IP_RPFILTER);
	assert_int_equal(mib_sum(router, MIB_TcpExt_IPReversePathFilter), 2);
	sysctl(router, "ipv4/conf/all/rp_filter", "2");
	expect_drop(H(.saddr = v4("9.9.9.9")), 8, SKB_DROP_REASON_IP_RPFILTER);
	inject(r0, H(.saddr = v4("10.0.2.77")), 8);
	after(SEC);
	assert_int_equal(mib_sum(router, MIB_Ip_ForwDatagrams), 1);
}

static const struct icmp4_hdr *icmp_at_left(unsigned i)
{
	const struct ip4_hdr *ip = seen(&at_left, false, i);
	assert_non_null(ip);
	assert_int_equal(ip->protocol, IPPROTO_ICMP);
	return (const struct icmp4_hdr *)((const u8 *)ip + ip4_hlen(ip));
}

static void test_ttl(void **state)
{
	const struct icmp4_hdr *h;
	expect_drop(H(.ttl = 1), 100, SKB_DROP_REASON_IP_TTL_EXCEEDED);
	after(SEC);
	h = icmp_at_left(0);
	assert_int_equal(h->type, ICMP4_TIME_EXCEEDED);
	assert_int_equal(h->code, ICMP4_EXC_TTL);
	assert_true(be32_eq(((const struct ip4_hdr *)(h + 1))->daddr, v4("10.0.2.2")));
	assert_true(be32_eq(seen(&at_left, false, 0)->saddr, v4("10.0.1.1")));
	assert_int_equal(ip4_tot_len(seen(&at_left, false, 0)), 20 + 8 + 120);
	assert_int_equal(seen(&at_left, false, 0)->tos, 0xc0);
	inject(r0, H(.ttl = 2), 100);
	after(SEC);
	assert_int_equal(seen(&at_right, false, 0)->ttl, 1);
	assert_int_equal(ip4_hdr_csum(seen(&at_right, false, 0), 20), 0);
	/* to ourselves, the last hop is no hop */
	inject(r0, H(TO_ROUTER, .ttl = 1), 8);
	assert_int_equal(delivered.n, 2);
}

static void test_no_route(void **state)
{
	expect_drop(H(.daddr = v4("9.9.9.9")), 8, SKB_DROP_REASON_IP_INNOROUTES);
	after(SEC);
	assert_int_equal(icmp_at_left(0)->code, ICMP4_NET_UNREACH);
	assert_int_equal(mib_sum(router, MIB_IpExt_InNoRoutes), 1);
	struct fib_config c = route_config("9.0.0.0", 8, NULL, NULL);
	c.scope = RT_SCOPE_UNIVERSE;
	c.type = RTN_BLACKHOLE;
	assert_int_equal(fib_route_add(cpu, router, &c), 0);
	expect_drop(H(.daddr = v4("9.9.9.9")), 8, SKB_DROP_REASON_BLACKHOLE_ROUTE);
	c.type = RTN_PROHIBIT;
	c.prefix_len = 16;
	c.dst = inaddr_from_v4(v4("9.9.0.0"));
	assert_int_equal(fib_route_add(cpu, router, &c), 0);
	expect_drop(H(.daddr = v4("9.9.9.9")), 8, SKB_DROP_REASON_IP_OUTNOROUTES);
	after(SEC);
	assert_int_equal(icmp_at_left(1)->code, ICMP4_PKT_FILTERED);
	c.type = RTN_UNREACHABLE;
	c.prefix_len = 24;
	c.dst = inaddr_from_v4(v4("9.9.9.0"));
	assert_int_equal(fib_route_add(cpu, router, &c), 0);
	expect_drop(H(.daddr = v4("9.9.9.9")), 8, SKB_DROP_REASON_IP_OUTNOROUTES);
	after(SEC);
	assert_int_equal(icmp_at_left(2)->code, ICMP4_HOST_UNREACH);
	c.type = RTN_THROW; /* the search goes on in the next table: nothing there */
	c.prefix_len = 32;
	c.dst = inaddr_from_v4(v4("9.9.9.9"));
	assert_int_equal(fib_route_add(cpu, router, &c), 0);
	expect_drop(H(.daddr = v4("9.9.9.9")), 8, SKB_DROP_REASON_IP_INNOROUTES);
	/* a host does not forward, and says nothing */
	sysctl(router, "ipv4/ip_forward", "0");
	expect_drop(H(.ttl = 7), 8, SKB_DROP_REASON_IP_INADDRERRORS);
	assert_int_equal(mib_sum(router, MIB_Ip_InAddrErrors), 1);
}

static void test_mtu(void **state)
{
	const struct icmp4_hdr *h;
	assert_int_equal(dev_set_mtu(cpu, r1, 1000, NULL), 0);
	expect_drop(H(.frag = BE16(IP4_DF)), 1400, SKB_DROP_REASON_PKT_TOO_BIG);
	after(SEC);
	h = icmp_at_left(0);
	assert_int_equal(h->type, ICMP4_UNREACH);
	assert_int_equal(h->code, ICMP4_FRAG_NEEDED);
	assert_int_equal(be16_to_cpu(h->frag.mtu), 1000);
	assert_int_equal(ip4_tot_len(seen(&at_left, false, 0)), 576);
	assert_int_equal(mib_sum(router, MIB_Ip_FragFails), 1);
	/* exactly fits */
	inject(r0, H(.frag = BE16(IP4_DF)), 980);
	after(SEC);
	assert_int_equal(delivered.n, 1);
	/* without DF it is cut, and put together at the other end */
	inject(r0, H(.id = BE16(77)), 1400);
	after(SEC);
	assert_int_equal(delivered.n, 2);
	assert_int_equal(delivered.len[1], 1400);
	for (unsigned i = 0; i < 1400; i++)
		assert_int_equal(delivered.bytes[1][i], (u8)i);
	assert_int_equal(mib_sum(router, MIB_Ip_FragOKs), 1);
	assert_int_equal(mib_sum(router, MIB_Ip_FragCreates), 2);
	assert_int_equal(mib_sum(right, MIB_Ip_ReasmOKs), 1);
	assert_int_equal(ip4_tot_len(seen(&at_right, false, 1)), 20 + 976);
	assert_true(ip4_has_mf(seen(&at_right, false, 1)));
	assert_int_equal(ip4_frag_off(seen(&at_right, false, 2)), 976);
	assert_false(ip4_has_mf(seen(&at_right, false, 2)));
	/* fragments of a fragment */
	assert_int_equal(dev_set_mtu(cpu, r1, 500, NULL), 0);
	inject(r0, H(.id = BE16(78), .frag = BE16(IP4_MF)), 976);
	inject(r0, H(.id = BE16(78), .frag = BE16(976 / 8)), 24);
	after(SEC);
	assert_int_equal(delivered.n, 3);
	assert_int_equal(delivered.len[2], 1000);
}

static void test_unknown_protocol(void **state)
{
	u64 before = mib_sum(router, MIB_Ip_InUnknownProtos);
	expect_drop(H(TO_ROUTER, .protocol = 200), 40, SKB_DROP_REASON_IP_NOPROTO);
	after(SEC);
	assert_int_equal(icmp_at_left(0)->code, ICMP4_PROT_UNREACH);
	assert_int_equal(mib_sum(router, MIB_Ip_InUnknownProtos), before + 1);
	/* the quoted destination is ours: the error comes from it */
	assert_true(be32_eq(seen(&at_left, false, 0)->saddr, v4("10.0.1.1")));
}

static void test_never_about(void **state)
{
	struct sk_buff *skb = packet(H(.protocol = IPPROTO_ICMP, .ttl = 1), NULL, 0, 28);
	skb->data[20] = ICMP4_UNREACH;
	arrive(r0, skb);
	expect_drop(H(.ttl = 1, .frag = BE16(100)), 100, SKB_DROP_REASON_IP_TTL_EXCEEDED);
	skb = packet(H(TO_ROUTER, .protocol = 200), NULL, 0, 28);
	skb->pkt_type = PACKET_BROADCAST;
	arrive(r0, skb);
	expect_drop(H(.daddr = v4("10.0.1.255"), .protocol = 200), 30, SKB_DROP_REASON_IP_NOPROTO);
	after(SEC);
	assert_null(seen(&at_left, false, 0));
	/* about a question it may */
	skb = packet(H(.protocol = IPPROTO_ICMP, .ttl = 1), NULL, 0, 28);
	skb->data[20] = ICMP4_ECHO;
	arrive(r0, skb);
	after(SEC);
	assert_int_equal(icmp_at_left(0)->type, ICMP4_TIME_EXCEEDED);
}

static void test_host_unreachable(void **state)
{
	inject(r0, H(.daddr = v4("10.0.2.99")), 40);
	inject(r0, H(.daddr = v4("10.0.2.99")), 40);
	after(10 * SEC);
	assert_int_equal(icmp_at_left(0)->code, ICMP4_HOST_UNREACH);
	assert_int_equal(drops(router, SKB_DROP_REASON_NEIGH_FAILED), 2);
}

static void test_options(void **state)
{
	static const u8 rr[] = { 7, 11, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0 };
	static const u8 ts[] = { 68, 12, 5, 1, 0, 0, 0, 0, 0, 0, 0, 0 };
	static const u8 lsrr[] = { 131, 7, 4, 10, 0, 2, 2, 0 };
	static const u8 bad[] = { 7, 40, 4, 0 };
	static const u8 ra[] = { 148, 4, 0, 0 };
	const u8 *o;
	/* record route, forwarded: the router writes the address of the device it leaves by, right its own */
	arrive(r0, packet(H(.ttl = 9), rr, 12, 8));
	after(SEC);
	o = (const u8 *)(seen(&at_right, false, 0) + 1);
	assert_int_equal(o[2], 8);
	assert_memory_equal(o + 3, &(be32[]){ v4("10.0.2.1") }, 4);
	assert_int_equal(ip4_hdr_csum(seen(&at_right, false, 0), 32), 0);
	arrive(r0, packet(H(.ttl = 9), ts, 12, 8));
	after(SEC);
	o = (const u8 *)(seen(&at_right, false, 1) + 1);
	assert_int_equal(o[2], 13);
	assert_memory_equal(o + 4, &(be32[]){ v4("10.0.1.1") }, 4); /* the address at arrival stays (Linux 6.18) */
	arrive(r0, packet(H(.ttl = 9), ra, 4, 8));
	after(SEC);
	assert_non_null(seen(&at_right, false, 2));
	/* malformed: parameter problem, pointing at it */
	arrive(r0, packet(H(.ttl = 9), bad, 4, 8));
	after(SEC);
	assert_int_equal(drops(router, SKB_DROP_REASON_IP_INHDR), 1);
	assert_null(seen(&at_right, false, 3));
	/* source routes are refused by conf/all */
	arrive(r0, packet(H(TO_ROUTER), lsrr, 8, 8));
	after(SEC);
	assert_int_equal(drops(router, SKB_DROP_REASON_IP_OPTIONS), 1);
	sysctl(router, "ipv4/conf/all/accept_source_route", "1");
	arrive(r0, packet(H(TO_ROUTER), lsrr, 8, 8));
	after(SEC);
	assert_true(be32_eq(seen(&at_right, false, 3)->daddr, v4("10.0.2.2")));
	o = (const u8 *)(seen(&at_right, false, 3) + 1);
	assert_int_equal(o[2], 8);
	assert_memory_equal(o + 3, &(be32[]){ v4("10.0.2.1") }, 4);
}

static void test_echo(void **state)
{
	struct sk_buff *skb;
	/* a broadcast ping is ignored unless asked for */
	skb = packet(H(.daddr = v4("10.0.1.255"), .protocol = IPPROTO_ICMP), NULL, 0, 64);
	memset(skb->data + 20, 0, 8);
	skb->data[20] = 8;
	((struct icmp4_hdr *)(skb->data + 20))->check = csum_fold(csum_partial(skb->data + 20, 64, 0));
	arrive(r0, skb);
	after(0);
	assert_int_equal(drops(router, SKB_DROP_REASON_INVALID_PROTO), 1);
	/* checksum */
	skb = packet(H(TO_ROUTER, .protocol = IPPROTO_ICMP), NULL, 0, 64);
	arrive(r0, skb);
	after(0);
	assert_int_equal(drops(router, SKB_DROP_REASON_ICMP_CSUM), 1);
	assert_int_equal(mib_sum(router, MIB_Icmp_InCsumErrors), 1);
	/* a large one, in fragments both ways */
	assert_int_equal(ping_from(left, "10.0.2.2", 5000, IP_PMTUDISC_DONT), 0);
	after(SEC);
	assert_int_equal(delivered.pings, 1);
	assert_int_equal(mib_sum(left, MIB_Ip_ReasmOKs), 1);
	sysctl(right, "ipv4/icmp_echo_ignore_all", "1");
	assert_int_equal(ping_from(left, "10.0.2.2", 50, IP_PMTUDISC_DONT), 0);
	after(SEC);
	assert_int_equal(delivered.pings, 1);
	/* DF and too long for ourselves */
	assert_int_equal(ping_from(left, "10.0.2.2", 5000, IP_PMTUDISC_DO), -EMSGSIZE);
}

static void test_rate_limit(void **state)
{
	unsigned n = 0;
	for (unsigned i = 0; i < 20; i++)
		inject(r0, H(.daddr = v4("9.9.9.9")), 8);
	after(1000);
	while (seen(&at_left, false, n))
		n++;
	/* That there is no route may be said five times in a row (error_burst), anything six times, out of one account. As Linux 6.18 does. */
	assert_int_equal(n, 2);
	assert_int_equal(mib_sum(router, MIB_Icmp_OutRateLimitHost), 1);
	after(2 * SEC + 1000);
	for (unsigned i = 0; i < 5; i++)
		inject(r0, H(.daddr = v4("9.9.9.9")), 8);
	after(1000);
	while (seen(&at_left, false, n))
		n++;
	assert_int_equal(n, 3); /* two seconds' worth */
	after(20 * SEC);
	for (unsigned i = 0; i < 20; i++)
		inject(r0, H(TO_ROUTER, .protocol = 254), 8);
	after(1000);
	while (seen(&at_left, false, n))
		n++;
	assert_int_equal(n, 9); /* no question of routes: six */
}

static void test_pmtu(void **state)
{
	struct flow fl = { .family = AF_INET, .daddr = inaddr_from_v4(v4("10.0.2.2")), .saddr = inaddr_from_v4((be32){ 0 }) };
	struct dst *d, *e;
	assert_int_equal(dev_set_mtu(cpu, r1, 1000, NULL), 0);
	assert_int_equal(dev_set_mtu(cpu, h1, 1000, NULL), 0);
	assert_int_equal(inet_af_v4.route_out(cpu, left, &fl, &d), 0);
	assert_int_equal(dst_mtu(cpu, d), 1500);
	assert_int_equal(ping_from(left, "10.0.2.2", 1400, IP_PMTUDISC_WANT), 0);
	after(SEC);
	assert_int_equal(delivered.errors, 1);
	assert_int_equal(delivered.last_error.info, 1000);
	assert_false(inet_af_v4.dst_valid(cpu, d));
	assert_int_equal(inet_af_v4.route_out(cpu, left, &fl, &e), 0);
	assert_int_equal(dst_mtu(cpu, e), 1000);
	assert_ptr_not_equal(d, e);
	dst_put(d);
	/* without DF it goes in pieces of the path's size */
	assert_int_equal(ping_from(left, "10.0.2.2", 1400, IP_PMTUDISC_DONT), 0);
	after(SEC);
	assert_int_equal(delivered.pings, 1);
	after(601 * SEC); /* forgotten after mtu_expires */
	assert_false(inet_af_v4.dst_valid(cpu, e));
	dst_put(e);
	assert_int_equal(inet_af_v4.route_out(cpu, left, &fl, &d), 0);
	assert_int_equal(dst_mtu(cpu, d), 1500);
	dst_put(d);
}

static void test_redirect(void **state)
{
	/* left's way to 10.9/16 leads over the router, whose way leads back to a gateway on left's link */
	assert_int_equal(route_add(router, "10.9.0.0", 16, "10.0.1.7", NULL), 0);
	sysctl(left, "ipv4/conf/all/accept_redirects", "1");
	struct flow fl = { .family = AF_INET, .daddr = inaddr_from_v4(v4("10.9.1.1")), .saddr = inaddr_from_v4((be32){ 0 }) };
	const be32 gw = v4("10.0.1.7");
	struct dst *d;
	assert_int_equal(ping_from(left, "10.9.1.1", 8, IP_PMTUDISC_DONT), 0);
	after(SEC / 10);
	assert_int_equal(icmp_at_left(0)->type, ICMP4_REDIRECT);
	assert_true(be32_eq(icmp_at_left(0)->gateway, gw));
	assert_int_equal(inet_af_v4.route_out(cpu, left, &fl, &d), 0);
	assert_false(d->flags & DST_REDIRECT); /* not before that one is known to be there */
	dst_put(d);
	neigh_update(cpu, neigh_lookup(&arp_table, &gw, l0), (const u8[]){ 2, 0, 0, 0, 0, 7 }, NUD_REACHABLE, NEIGH_UPDATE_OVERRIDE, 0);
	after(SEC);
	assert_int_equal(ping_from(left, "10.9.1.1", 8, IP_PMTUDISC_DONT), 0);
	after(SEC / 10);
	fl.saddr = inaddr_from_v4((be32){ 0 });
	assert_int_equal(inet_af_v4.route_out(cpu, left, &fl, &d), 0);
	assert_true(d->flags & DST_REDIRECT);
	assert_true(be32_eq(inaddr_v4(&d->gateway), v4("10.0.1.7")));
	dst_put(d);
}

#define T(f) cmocka_unit_test_setup_teardown(f, world_up, world_down)
int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_header_fields), T(test_addresses), T(test_rp_filter), T(test_ttl), T(test_no_route), T(test_mtu),
		T(test_unknown_protocol), T(test_never_about), T(test_host_unreachable), T(test_options), T(test_echo), T(test_rate_limit),
		T(test_pmtu), T(test_redirect),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
