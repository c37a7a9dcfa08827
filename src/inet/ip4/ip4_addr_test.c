/* Addresses and the routes that come and go with them, route replacement and next-hop checks: against what a Linux kernel (6.18)
 * shows for the same commands. The table is printed as `ip route` has it. */
#include "inet/ip4/ip4_test_world.h"

static char text[4096];

static int show(void *arg, const struct fib_alias *a)
{
	static const char *const types[] = { "unspec", "unicast", "local", "broadcast", "anycast", "multicast", "blackhole", "unreachable",
					     "prohibit", "throw" };
	const struct fib_info *fi = a->fi;
	size_t n = strlen(text);
	char *p = text + n;
	size_t room = sizeof(text) - n;
	if (fi->nh[0].dev == l0->net->dev->loopback)
		return 0;
	p += snprintf(p, room, "%s %s/%u", types[a->type], v4_text(inaddr_v4(&a->prefix)), a->prefix_len);
	if (a->tos)
		p += sprintf(p, " tos %u", a->tos);
	for (unsigned i = 0; i < fi->nhs; i++) {
		const struct fib_nh *nh = &fi->nh[i];
		if (fi->nhs > 1)
			p += sprintf(p, " nexthop");
		if (nh->has_gw)
			p += sprintf(p, " via %s", v4_text(inaddr_v4(&nh->gateway)));
		if (nh->dev)
			p += sprintf(p, " dev %s", nh->dev->name);
		if (nh->flags & RTNH_F_DEAD)
			p += sprintf(p, " dead");
		if (nh->flags & RTNH_F_LINKDOWN)
			p += sprintf(p, " linkdown");
	}
	if (!inaddr_is_any(&fi->prefsrc))
		p += sprintf(p, " src %s", v4_text(inaddr_v4(&fi->prefsrc)));
	if (fi->priority)
		p += sprintf(p, " metric %u", fi->priority);
	sprintf(p, "\n");
	return 0;
}
static void expect(u32 table, const char *want)
{
	u64 key[6] = { 0 };
	text[0] = 0;
	fib_walk(left, AF_INET, table, key, show, NULL);
	assert_string_equal(text, want);
}
#define MAIN RT_TABLE_MAIN
#define LOCAL RT_TABLE_LOCAL

static void clean(void)
{
	struct fib_config c = route_config("0.0.0.0", 0, NULL, NULL);
	c.scope = RT_SCOPE_NOWHERE;
	fib_route_del(cpu, left, &c);
	addr_del(l0, "10.0.1.2", 24);
	expect(MAIN, "");
	expect(LOCAL, "");
}

static void test_primaries(void **state)
{
	clean();
	assert_int_equal(addr_add(l0, "10.0.0.1", 24), 0);
	assert_int_equal(addr_add(l0, "10.0.0.2", 24), 0);
	assert_int_equal(addr_add(l0, "10.3.0.0", 31), 0);
	assert_int_equal(addr_add(l0, "10.5.0.1", 32), 0);
	struct in_ifaddr_config peer = { .local = v4("10.1.0.1"), .address = v4("10.2.0.0"), .prefix_len = 24, .excl = true };
	assert_int_equal(ip4_addr_add(cpu, l0, &peer, NULL), 0);
	struct in_ifaddr_config metric = { .local = v4("10.4.0.1"), .address = v4("10.4.0.1"), .broadcast = v4("10.4.0.255"),
					   .prefix_len = 24, .metric = 77, .excl = true };
	assert_int_equal(ip4_addr_add(cpu, l0, &metric, NULL), 0);
	expect(MAIN, "unicast 10.0.0.0/24 dev l0 src 10.0.0.1\n"
		     "unicast 10.2.0.0/24 dev l0 src 10.1.0.1\n"
		     "unicast 10.3.0.0/31 dev l0 src 10.3.0.0\n"
		     "unicast 10.4.0.0/24 dev l0 src 10.4.0.1 metric 77\n");
	expect(LOCAL, "local 10.0.0.1/32 dev l0 src 10.0.0.1\n"
		      "local 10.0.0.2/32 dev l0 src 10.0.0.1\n"
		      "broadcast 10.0.0.255/32 dev l0 src 10.0.0.1\n"
		      "local 10.1.0.1/32 dev l0 src 10.1.0.1\n"
		      "broadcast 10.2.0.255/32 dev l0 src 10.1.0.1\n"
		      "local 10.3.0.0/32 dev l0 src 10.3.0.0\n"
		      "local 10.4.0.1/32 dev l0 src 10.4.0.1\n"
		      "broadcast 10.4.0.255/32 dev l0 src 10.4.0.1\n"
		      "local 10.5.0.1/32 dev l0 src 10.5.0.1\n");
	assert_int_equal(addr_add(l0, "10.0.0.2", 24), -EEXIST);
	assert_int_equal(addr_del(l0, "10.0.0.9", 24), -EADDRNOTAVAIL);
	/* a primary takes its secondaries along */
	assert_int_equal(addr_del(l0, "10.0.0.1", 24), 0);
	assert_null(ip4_ifaddr_find(left, v4("10.0.0.2")));
	expect(MAIN, "unicast 10.2.0.0/24 dev l0 src 10.1.0.1\n"
		     "unicast 10.3.0.0/31 dev l0 src 10.3.0.0\n"
		     "unicast 10.4.0.0/24 dev l0 src 10.4.0.1 metric 77\n");
}

static void test_promote(void **state)
{
	clean();
	sysctl(left, "ipv4/conf/l0/promote_secondaries", "1");
	addr_add(l0, "10.0.0.1", 24), addr_add(l0, "10.0.0.2", 24), addr_add(l0, "10.0.0.3", 24);
	assert_int_equal(addr_del(l0, "10.0.0.1", 24), 0);
	expect(MAIN, "unicast 10.0.0.0/24 dev l0 src 10.0.0.2\n");
	expect(LOCAL, "local 10.0.0.2/32 dev l0 src 10.0.0.2\n"
		      "local 10.0.0.3/32 dev l0 src 10.0.0.2\n"
		      "broadcast 10.0.0.255/32 dev l0 src 10.0.0.2\n");
	assert_false(ip4_ifaddr_find(left, v4("10.0.0.2"))->flags & IFA_F_SECONDARY);
	assert_true(ip4_ifaddr_find(left, v4("10.0.0.3"))->flags & IFA_F_SECONDARY);
	assert_int_equal(addr_del(l0, "10.0.0.3", 24), 0);
	assert_int_equal(addr_del(l0, "10.0.0.2", 24), 0);
	expect(LOCAL, "");
}

static void test_links(void **state)
{
	clean();
	addr_add(l0, "10.0.0.1", 24);
	assert_int_equal(route_add(left, "20.0.0.0", 8, "10.0.0.9", NULL), 0);
	/* the other end goes down: no carrier */
	down(r0);
	after(SEC);
	expect(MAIN, "unicast 10.0.0.0/24 dev l0 linkdown src 10.0.0.1\nunicast 20.0.0.0/8 via 10.0.0.9 dev l0 linkdown\n");
	up(r0);
	after(SEC);
	expect(MAIN, "unicast 10.0.0.0/24 dev l0 src 10.0.0.1\nunicast 20.0.0.0/8 via 10.0.0.9 dev l0\n");
	/* our end goes down: routes go, the address answers still */
	down(l0);
	expect(MAIN, "");
	expect(LOCAL, "local 10.0.0.1/32 dev l0 src 10.0.0.1\n");
	up(l0);
	expect(MAIN, "unicast 10.0.0.0/24 dev l0 src 10.0.0.1\n");
	expect(LOCAL, "local 10.0.0.1/32 dev l0 src 10.0.0.1\nbroadcast 10.0.0.255/32 dev l0 src 10.0.0.1\n");
	assert_int_equal(addr_del(l0, "10.0.0.1", 24), 0);
	expect(MAIN, "");
}

static int try(const char *dst, u8 len, const char *via, u32 flags, u32 priority, const char **msg)
{
	struct nl_ext_ack ack = { .msg = NULL };
	struct fib_config c = route_config(dst, len, via, via ? NULL : l0);
	int err;
	c.nl_flags = flags;
	c.priority = priority;
	c.ack = &ack;
	err = fib_route_add(cpu, left, &c);
	if (msg)
		*msg = ack.msg;
	return err;
}
#define ADD (NLM_F_CREATE | NLM_F_EXCL)
#define REPLACE (NLM_F_CREATE | NLM_F_REPLACE)
#define CHANGE NLM_F_REPLACE
#define APPEND (NLM_F_CREATE | NLM_F_APPEND)
#define PREPEND NLM_F_CREATE

static void test_replace(void **state)
{
	const char *msg;
	clean();
	addr_add(l0, "10.0.0.1", 24);
	assert_int_equal(try("20.0.0.0", 8, "10.0.0.2", ADD, 0, NULL), 0);
	assert_int_equal(try("20.0.0.0", 8, "10.0.0.3", ADD, 0, NULL), -EEXIST);
	assert_int_equal(try("20.0.0.0", 8, "10.0.0.3", ADD, 5, NULL), 0);
	assert_int_equal(try("20.0.0.0", 8, "10.0.0.2", APPEND, 0, NULL), -EEXIST);
	assert_int_equal(try("20.0.0.0", 8, "10.0.0.4", APPEND, 0, NULL), 0);
	assert_int_equal(try("20.0.0.0", 8, "10.0.0.5", PREPEND, 0, NULL), 0);
	expect(MAIN, "unicast 10.0.0.0/24 dev l0 src 10.0.0.1\n"
		     "unicast 20.0.0.0/8 via 10.0.0.5 dev l0\n"
		     "unicast 20.0.0.0/8 via 10.0.0.2 dev l0\n"
		     "unicast 20.0.0.0/8 via 10.0.0.4 dev l0\n"
		     "unicast 20.0.0.0/8 via 10.0.0.3 dev l0 metric 5\n");
	assert_int_equal(try("20.0.0.0", 8, "10.0.0.4", REPLACE, 0, NULL), -EEXIST); /* there, but not first */
	assert_int_equal(try("20.0.0.0", 8, "10.0.0.6", REPLACE, 0, NULL), 0);
	assert_int_equal(try("20.0.0.0", 8, "10.0.0.7", CHANGE, 5, NULL), 0);
	assert_int_equal(try("20.0.0.0", 8, "10.0.0.7", CHANGE, 6, NULL), -ENOENT);
	assert_int_equal(try("20.0.0.0", 8, "10.0.0.6", REPLACE, 0, NULL), 0); /* as it is */
	expect(MAIN, "unicast 10.0.0.0/24 dev l0 src 10.0.0.1\n"
		     "unicast 20.0.0.0/8 via 10.0.0.6 dev l0\n"
		     "unicast 20.0.0.0/8 via 10.0.0.2 dev l0\n"
		     "unicast 20.0.0.0/8 via 10.0.0.4 dev l0\n"
		     "unicast 20.0.0.0/8 via 10.0.0.7 dev l0 metric 5\n");
	assert_int_equal(try("30.0.0.0", 8, "10.9.0.2", ADD, 0, &msg), -ENETUNREACH);
	assert_string_equal(msg, "Nexthop has invalid gateway");
	assert_int_equal(try("30.0.0.0", 8, "10.0.0.255", ADD, 0, &msg), -EINVAL);
	assert_string_equal(msg, "Nexthop has invalid gateway");
	assert_int_equal(try("30.0.0.1", 8, "10.0.0.2", ADD, 0, &msg), -EINVAL);
	assert_string_equal(msg, "Invalid prefix for given prefix length");
	/* without its source address a route goes */
	struct fib_config c = route_config("40.0.0.0", 8, "10.0.0.2", NULL);
	c.has_prefsrc = true;
	c.prefsrc = inaddr_from_v4(v4("10.0.0.9"));
	assert_int_equal(fib_route_add(cpu, left, &c), -EINVAL);
	addr_add(l0, "10.0.0.9", 24);
	assert_int_equal(fib_route_add(cpu, left, &c), 0);
	addr_del(l0, "10.0.0.9", 24);
	assert_int_equal(fib_route_del(cpu, left, &c), -ESRCH);
	/* deletion by what is given */
	c = route_config("20.0.0.0", 8, "10.0.0.4", NULL);
	assert_int_equal(fib_route_del(cpu, left, &c), 0);
	c = route_config("20.0.0.0", 8, NULL, NULL);
	c.scope = RT_SCOPE_NOWHERE;
	c.protocol = 0;
	assert_int_equal(fib_route_del(cpu, left, &c), 0);
	assert_int_equal(fib_route_del(cpu, left, &c), 0);
	assert_int_equal(fib_route_del(cpu, left, &c), 0);
	assert_int_equal(fib_route_del(cpu, left, &c), -ESRCH);
	expect(MAIN, "unicast 10.0.0.0/24 dev l0 src 10.0.0.1\n");
}

static struct { unsigned budget, n; u32 last; } walk;
static int count(void *arg, const struct fib_alias *a)
{
	(*(unsigned *)arg)++;
	return 0;
}
static int take_some(void *arg, const struct fib_alias *a)
{
	u32 at = be32_to_cpu(inaddr_v4(&a->prefix));
	if (!walk.budget)
		return -EMSGSIZE;
	walk.budget--;
	assert_true(at >= walk.last);
	walk.last = at;
	walk.n++;
	return 0;
}

static void test_walk_resumes(void **state)
{
	u64 key[6] = { 0 };
	unsigned all = 0, parts = 0;
	clean();
	addr_add(l0, "10.0.0.1", 24);
	for (unsigned i = 0; i < 200; i++) {
		char dst[32];
		snprintf(dst, sizeof(dst), "%u.%u.0.0", 20 + i % 7, i & ~7u);
		try(dst, (u8)(13 + i % 4), "10.0.0.2", APPEND, i % 3, NULL);
	}
	fib_walk(left, AF_INET, MAIN, key, count, &all);
	memset(&walk, 0, sizeof(walk));
	memset(key, 0, sizeof(key));
	do {
		walk.budget = 1 + parts++ % 3;
	} while (fib_walk(left, AF_INET, MAIN, key, take_some, NULL) && parts < 1000);
	assert_int_equal(walk.n, all);
	assert_true(all > 50);
}

static void test_lifetimes(void **state)
{
	struct in_ifaddr_config c = { .local = v4("10.7.0.1"), .address = v4("10.7.0.1"), .prefix_len = 24, .valid_lft_s = 20,
				      .preferred_lft_s = 10, .excl = true };
	assert_int_equal(ip4_addr_add(cpu, l0, &c, NULL), 0);
	assert_false(ip4_ifaddr_find(left, c.local)->flags & IFA_F_PERMANENT);
	after(11 * SEC);
	assert_true(ip4_ifaddr_find(left, c.local)->flags & IFA_F_DEPRECATED);
	after(10 * SEC);
	assert_null(ip4_ifaddr_find(left, c.local));
}

static void test_source_selection(void **state)
{
	addr_add(l0, "10.0.1.5", 24), addr_add(l0, "10.8.0.1", 16);
	assert_true(be32_eq(ip4_select_saddr(left, l0, v4("10.8.3.3"), RT_SCOPE_UNIVERSE), v4("10.8.0.1")));
	assert_true(be32_eq(ip4_select_saddr(left, l0, v4("10.0.1.9"), RT_SCOPE_UNIVERSE), v4("10.0.1.2")));
	assert_true(be32_eq(ip4_select_saddr(left, l0, v4("99.0.0.1"), RT_SCOPE_UNIVERSE), v4("10.0.1.2")));
}

static void test_multipath(void **state)
{
	typeof(*((struct fib_config *)0)->mp) hops[2] = { { .gateway = inaddr_from_v4(v4("10.0.1.1")), .has_gw = true, .gw_family = AF_INET, .weight = 3 },
							  { .gateway = inaddr_from_v4(v4("10.0.1.9")), .has_gw = true, .gw_family = AF_INET, .weight = 1 } };
	struct fib_config c = route_config("50.0.0.0", 8, NULL, NULL);
	struct fib_result res;
	c.scope = RT_SCOPE_UNIVERSE;
	c.mp = (void *)hops;
	c.mp_len = 2;
	assert_int_equal(fib_route_add(cpu, left, &c), 0);
	left->fib->hash4.fields = 63;
	for (u8 policy = 0; policy < 4; policy++) { /* by every policy the flows go by weight, within 5 % */
		unsigned last = 0;
		left->fib->hash4.policy = policy;
		for (u32 i = 0; i < 20000; i++) {
			struct flow fl = { .family = AF_INET, .daddr = inaddr_from_v4(cpu_to_be32(0x32000000 + (policy == 1 ? 1 : i))),
					   .saddr = inaddr_from_v4(v4("10.0.1.2")), .proto = 17, .sport = cpu_to_be16((u16)i) };
			assert_int_equal(fib_lookup(cpu, left, &fl, &res), 0);
			last += res.nh != &res.alias->fi->nh[0];
		}
		assert_in_range(last, 4750, 5250);
	}
}

#define T(f) cmocka_unit_test_setup_teardown(f, world_up, world_down)
int main(void)
{
	const struct CMUnitTest tests[] = { T(test_primaries), T(test_promote), T(test_links), T(test_replace), T(test_walk_resumes),
					    T(test_lifetimes), T(test_source_selection), T(test_multipath) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
