/* IPv6 addresses: link-local ones with the link, duplicates, lifetimes, routes that come and go, source selection, router advertisements. */
#include "inet/ip6/ip6_test_world.h"

static unsigned routes(struct netns *net, u32 table, const char *dst, u8 len)
{
	struct fib_table *t = fib_table_find(net, AF_INET6, table);
	struct inaddr a = v6(dst);
	struct fib_alias *r = t ? lpm_find(&t->lpm, lpm_key_of(AF_INET6, &a), len) : NULL;
	unsigned n = 0;
	for (; r; r = r->next)
		n++;
	return n;
}

static void link_local(void **state)
{
	u64 t0 = cpu->now;
	up(l0);
	assert_null(addr_of(l0, "fe80::ff:fe00:1")); /* no carrier yet */
	up(r0);
	assert_true(addr_of(l0, "fe80::ff:fe00:1")->flags & IFA_F_TENTATIVE);
	assert_int_equal(routes(left, RT_TABLE_MAIN, "fe80::", 64), 1);
	assert_int_equal(routes(left, RT_TABLE_LOCAL, "fe80::ff:fe00:1", 128), 0);
	after(3 * SEC);
	assert_false(addr_of(l0, "fe80::ff:fe00:1")->flags & IFA_F_TENTATIVE);
	assert_int_equal(routes(left, RT_TABLE_LOCAL, "fe80::ff:fe00:1", 128), 1);
	/* one probe from nobody, within the random delay, with a nonce; then a router solicitation */
	assert_non_null(seen(&at_left, true, ICMP6_NS, 0));
	assert_true(at_left.p[0].at - t0 <= 1000 * NSEC_PER_MSEC);
	assert_int_equal(seen(&at_left, true, ICMP6_NS, 0)->saddr[15], 0);
	assert_int_equal(((const u8 *)seen(&at_left, true, ICMP6_NS, 0))[64], ND_OPT_NONCE);
	assert_null(seen(&at_left, true, ICMP6_NS, 1));
	assert_non_null(seen(&at_left, true, ICMP6_RS, 0));
	down(l0);
	assert_null(addr_of(l0, "fe80::ff:fe00:1"));
	assert_int_equal(routes(left, RT_TABLE_MAIN, "fe80::", 64), 0);
	assert_int_equal(routes(left, RT_TABLE_LOCAL, "ff00::", 8), 0);
}

/* RFC 7217 with the kernel's hash: what Linux 6.18 makes of this secret on a veth, which has no permanent address. */
static void stable_secret(void **state)
{
	struct inaddr a = v6("fe80::");
	u8 tries = 0;
	sysctl(left, "ipv6/conf/l0/stable_secret", "2001:db8::1234:5678");
	memcpy(l0->perm_addr, (const u8[6]){ 0 }, 6);
	assert_true(ip6_stable_addr(cpu, l0->ip6_ptr, &a, &tries));
	assert_string_equal(text(&a), "fe80::71d8:1385:74ce:e11c");
	assert_int_equal(l0->ip6_ptr->conf.v[IP6_CONF_ADDR_GEN_MODE], IP6_GEN_STABLE);
}

static void duplicates(void **state)
{
	addr_add(r0, "2001:db8:1::2", 64); /* left has it */
	assert_true(addr_of(r0, "2001:db8:1::2")->flags & IFA_F_TENTATIVE);
	after(4 * SEC);
	assert_true(addr_of(r0, "2001:db8:1::2")->flags & IFA_F_DADFAILED);
	assert_int_equal(routes(router, RT_TABLE_LOCAL, "2001:db8:1::2", 128), 0);
	assert_false(addr_of(l0, "2001:db8:1::2")->flags & IFA_F_DADFAILED);
	/* both at the same time: neither gets it */
	addr_add(r0, "2001:db8:1::77", 64);
	addr_add(l0, "2001:db8:1::77", 64);
	after(4 * SEC);
	assert_true(addr_of(r0, "2001:db8:1::77")->flags & IFA_F_DADFAILED || addr_of(l0, "2001:db8:1::77")->flags & IFA_F_DADFAILED);
	/* nodad: at once */
	addr_add_flags(l0, "2001:db8:1::78", 64, IFA_F_NODAD);
	assert_false(addr_of(l0, "2001:db8:1::78")->flags & IFA_F_TENTATIVE);
	assert_int_equal(routes(left, RT_TABLE_LOCAL, "2001:db8:1::78", 128), 1);
	sysctl(left, "ipv6/conf/all/accept_dad", "0");
	sysctl(left, "ipv6/conf/l0/accept_dad", "0");
	addr_add(l0, "2001:db8:1::79", 64);
	assert_false(addr_of(l0, "2001:db8:1::79")->flags & IFA_F_TENTATIVE);
}

static void prefix_routes(void **state)
{
	addr_add(l0, "2001:db8:7::1", 64);
	addr_add(l0, "2001:db8:7::2", 64);
	assert_int_equal(routes(left, RT_TABLE_MAIN, "2001:db8:7::", 64), 1);
	assert_int_equal(addr_add(l0, "2001:db8:7::2", 64), -EEXIST);
	assert_int_equal(addr_del(l0, "2001:db8:7::2", 63), -EADDRNOTAVAIL);
	assert_int_equal(addr_del(l0, "2001:db8:7::1", 64), 0);
	assert_int_equal(routes(left, RT_TABLE_MAIN, "2001:db8:7::", 64), 1);
	assert_int_equal(addr_del(l0, "2001:db8:7::2", 64), 0);
	assert_int_equal(routes(left, RT_TABLE_MAIN, "2001:db8:7::", 64), 0);
	addr_add_flags(l0, "2001:db8:8::1", 64, IFA_F_NOPREFIXROUTE);
	assert_int_equal(routes(left, RT_TABLE_MAIN, "2001:db8:8::", 64), 0);
	assert_int_equal(addr_add(l0, "::", 64), -EADDRNOTAVAIL);
	assert_int_equal(addr_add(l0, "ff02::5", 64), -EADDRNOTAVAIL);
	sysctl(left, "ipv6/conf/l0/disable_ipv6", "1");
	assert_int_equal(addr_add(l0, "2001:db8:9::1", 64), -EACCES);
	assert_true(list_empty(&l0->ip6_ptr->addrs));
	sysctl(left, "ipv6/conf/l0/disable_ipv6", "0");
	assert_non_null(addr_of(l0, "fe80::ff:fe00:1"));
	assert_int_equal(dev_set_mtu(cpu, l0, 1279, NULL), 0);
	assert_null(l0->ip6_ptr);
	assert_int_equal(dev_set_mtu(cpu, l0, 1500, NULL), 0);
	assert_non_null(addr_of(l0, "fe80::ff:fe00:1"));
}

static void lifetimes(void **state)
{
	struct inet6_ifaddr_config c = { .addr = v6("2001:db8:7::1"), .prefix_len = 64, .valid_lft_s = 100, .preferred_lft_s = 50, .excl = true };
	assert_int_equal(ip6_addr_add(cpu, l0, &c, NULL), 0);
	after(40 * SEC);
	assert_false(addr_of(l0, "2001:db8:7::1")->flags & (IFA_F_DEPRECATED | IFA_F_TENTATIVE | IFA_F_PERMANENT));
	after(20 * SEC);
	assert_true(addr_of(l0, "2001:db8:7::1")->flags & IFA_F_DEPRECATED);
	after(50 * SEC);
	assert_null(addr_of(l0, "2001:db8:7::1"));
	assert_int_equal(routes(left, RT_TABLE_LOCAL, "2001:db8:7::1", 128), 0);
	assert_int_equal(routes(left, RT_TABLE_MAIN, "2001:db8:7::", 64), 0);
}

static void keep_on_down(void **state)
{
	sysctl(left, "ipv6/conf/l0/keep_addr_on_down", "1");
	down(l0);
	assert_non_null(addr_of(l0, "2001:db8:1::2"));
	assert_null(addr_of(l0, "fe80::ff:fe00:1"));
	up(l0);
	after(4 * SEC);
	assert_false(addr_of(l0, "2001:db8:1::2")->flags & IFA_F_TENTATIVE);
	assert_int_equal(routes(left, RT_TABLE_MAIN, "2001:db8:1::", 64), 1);
	assert_int_equal(routes(left, RT_TABLE_LOCAL, "2001:db8:1::2", 128), 1);
}

static const char *source_for(const char *dst)
{
	static struct inaddr s;
	struct inaddr d = v6(dst);
	assert_true(ip6_select_saddr(cpu, left, l0, &d, 0, &s));
	return text(&s);
}

/* RFC 6724 section 10.1, as far as one device can show it. */
static void source_selection(void **state)
{
	addr_add_flags(l0, "2002:c000:201::d5e3:7953:13eb:22e8", 64, IFA_F_NODAD);
	addr_add_flags(l0, "fd00:1::1", 64, IFA_F_NODAD);
	assert_string_equal(source_for("2001:db8:1::1"), "2001:db8:1::2");
	assert_string_equal(source_for("fe80::1"), "fe80::ff:fe00:1");
	assert_string_equal(source_for("2002:c000:201::1"), "2002:c000:201:0:d5e3:7953:13eb:22e8");
	assert_string_equal(source_for("fd00:9::9"), "fd00:1::1");
	assert_string_equal(source_for("2001:4860::1"), "2001:db8:1::2");
	assert_string_equal(source_for("ff02::1"), "fe80::ff:fe00:1");
	addr_of(l0, "2001:db8:1::2")->flags |= IFA_F_DEPRECATED;
	assert_string_equal(source_for("2001:4860::1"), "2002:c000:201:0:d5e3:7953:13eb:22e8");
}

/* A router advertisement from the router's link-local address. */
static void advertise(const void *options, u32 len, u16 lifetime, u8 flags)
{
	u8 buf[512];
	struct nd_ra_msg *m = (struct nd_ra_msg *)buf;
	struct ip6_hdr h = header("fe80::ff:fe00:2", "ff02::1", IPPROTO_ICMPV6);
	struct sk_buff *skb;
	*m = (struct nd_ra_msg){ .type = ICMP6_RA, .hop_limit = 33, .flags = flags, .lifetime_s = cpu_to_be16(lifetime) };
	memcpy(m + 1, options, len);
	m->check = csum_fold(csum_partial(buf, sizeof(*m) + len, csum_pseudo6(h.saddr, h.daddr, (u32)(sizeof(*m) + len), IPPROTO_ICMPV6)));
	h.hop_limit = 255;
	skb = packet(&h, buf, (u32)(sizeof(*m) + len), 0);
	skb->pkt_type = PACKET_MULTICAST;
	arrive(l0, skb);
}

static void router_advertisement(void **state)
{
	static const u8 options[] = {
		1, 1, 2, 0, 0, 0, 0, 2,
		5, 1, 0, 0, 0, 0, 5, 120 /* 1400 */,
		3, 4, 64, 0xc0, 0, 0, 1, 0x2c /* 300 */, 0, 0, 0, 100, 0, 0, 0, 0, 0x20, 1, 0xd, 0xb8, 0, 0xaa, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
		24, 2, 48, 0x08, 0, 0, 0, 200, 0x20, 1, 0xd, 0xb8, 0, 0xbb, 0, 0,
	};
	struct lpm_key zero = { 0, 0 };
	struct fib_alias *d;
	assert_int_equal(routes(left, RT_TABLE_MAIN, "::", 0), 1);
	sysctl(left, "ipv6/conf/l0/accept_ra_rt_info_max_plen", "64");
	sysctl(left, "ipv6/conf/l0/use_tempaddr", "2");
	advertise(options, sizeof(options), 180, 0x08);
	assert_int_equal(routes(left, RT_TABLE_MAIN, "::", 0), 2);
	d = lpm_find(&left->fib->main6->lpm, zero, 0);
	d = fib6_alias(d)->rtf & FIB6_DEFAULT ? d : d->next;
	assert_int_equal(fib6_alias(d)->pref, 1);
	assert_int_equal(routes(left, RT_TABLE_MAIN, "2001:db8:bb::", 48), 1);
	assert_int_equal(routes(left, RT_TABLE_MAIN, "2001:db8:aa::", 64), 1);
	assert_int_equal(l0->ip6_ptr->conf.v[IP6_CONF_HOP_LIMIT], 33);
	assert_int_equal(l0->ip6_ptr->conf.v[IP6_CONF_MTU], 1400);
	after(4 * SEC);
	assert_non_null(addr_of(l0, "2001:db8:aa::ff:fe00:1"));
	assert_true(addr_of(l0, "2001:db8:aa::ff:fe00:1")->flags & IFA_F_MANAGETEMPADDR);
	{
		struct inet6_ifaddr *a, *temp = NULL;
		list_for_each(a, &l0->ip6_ptr->addrs, link)
			if (a->flags & IFA_F_TEMPORARY)
				temp = a;
		assert_non_null(temp);
		assert_true(temp->preferred_lft_s <= 100);
		assert_string_equal(source_for("2001:db8:aa::1"), text(&temp->addr));
	}
	/* all of it has an end */
	after(190 * SEC);
	assert_int_equal(routes(left, RT_TABLE_MAIN, "::", 0), 1);
	assert_true(addr_of(l0, "2001:db8:aa::ff:fe00:1")->flags & IFA_F_DEPRECATED);
	after(200 * SEC);
	assert_null(addr_of(l0, "2001:db8:aa::ff:fe00:1"));
	assert_int_equal(routes(left, RT_TABLE_MAIN, "2001:db8:aa::", 64), 0);
	/* lifetime 0 ends it at once; a router does not listen */
	advertise(options, sizeof(options), 180, 0);
	assert_int_equal(routes(left, RT_TABLE_MAIN, "::", 0), 2);
	advertise(options, 8, 0, 0);
	assert_int_equal(routes(left, RT_TABLE_MAIN, "::", 0), 1);
	sysctl(left, "ipv6/conf/l0/accept_ra", "0");
	advertise(options, sizeof(options), 180, 0);
	assert_int_equal(routes(left, RT_TABLE_MAIN, "::", 0), 1);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, world_up, world_down)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(link_local, world_new_down, world_down), T(stable_secret), T(duplicates), T(prefix_routes), T(lifetimes),
		T(keep_on_down), T(source_selection), T(router_advertisement),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
