/* IPv6 routes as the tables keep them: metrics, siblings, replacement, deletion, the order of walks, links that go, time that runs out;
 * and what a lookup makes of them. IPv6 itself is played by the few functions below. */
#include <arpa/inet.h>

#include "inet/ip4/ip4_test_world.h"
#include "inet/route/nexthop_priv.h"

static struct inaddr a6(const char *s)
{
	struct inaddr a;
	assert_int_equal(inet_pton(AF_INET6, s, a.b), 1);
	return a;
}
static bool enabled(const struct net_device *dev) { return true; }
static bool not_ignored(const struct net_device *dev) { return false; }
static void setup(struct dst *d) {}
static bool own(struct netns *net, const struct inaddr *a, const struct net_device *dev) { struct inaddr me = a6("2001:db8::1"); return inaddr_eq(a, &me); }
static int reach(struct cpu *c, const struct fib_nh *nh) { return nh->gateway.b[15] == 9 ? -1 : nh->gateway.b[15] == 8 ? 0 : 1; }
static const struct fib_family_ops ops = { .dst_setup = setup, .dev_enabled = enabled, .ignore_linkdown = not_ignored, .own_addr = own, .nh_reach = reach };

static struct fib_config config(const char *dst, u8 len, const char *via, struct net_device *dev, u32 metric, u32 flags)
{
	struct fib_config c = { .family = AF_INET6, .prefix_len = len, .type = RTN_UNICAST, .table = RT_TABLE_MAIN, .nl_flags = flags,
				.dst = a6(dst), .oif = dev ? dev->ifindex : 0, .priority = metric, .gw_family = AF_INET6 };
	if (via) {
		c.has_gw = true;
		c.gateway = a6(via);
	}
	return c;
}
enum { ADD = NLM_F_CREATE | NLM_F_EXCL, APPEND = NLM_F_CREATE | NLM_F_APPEND, REPLACE = NLM_F_CREATE | NLM_F_REPLACE };

static int add(const char *dst, u8 len, const char *via, struct net_device *dev, u32 metric, u32 flags)
{
	struct fib_config c = config(dst, len, via, dev, metric, flags);
	return fib_route_add(cpu, router, &c);
}
static int del(const char *dst, u8 len, const char *via, u32 metric)
{
	struct fib_config c = config(dst, len, via, NULL, metric, 0);
	return fib_route_del(cpu, router, &c);
}

static char text[4096];
static int show(void *arg, const struct fib_alias *a)
{
	char dst[64], gw[64] = "-";
	const struct fib_nh *nh = &a->fi->nh[0];
	inet_ntop(AF_INET6, a->prefix.b, dst, sizeof(dst));
	if (nh->has_gw)
		inet_ntop(AF_INET6, nh->gateway.b, gw, sizeof(gw));
	sprintf(text + strlen(text), "%s/%u %s %s %u%s\n", dst, a->prefix_len, gw, nh->dev->name, fib6_alias(a)->metric,
		fib6_alias(a)->siblings ? " +" : "");
	return 0;
}
static void expect(const char *want)
{
	u64 key[6] = { 0 };
	text[0] = 0;
	fib_walk(router, AF_INET6, RT_TABLE_MAIN, key, show, NULL);
	assert_string_equal(text, want);
}
static const char *look(const char *to, u8 flags, s32 oif)
{
	static char gw[64];
	struct flow fl = { .family = AF_INET6, .daddr = a6(to), .flags = flags, .oif = oif };
	struct fib_result res;
	int err = fib_lookup(cpu, router, &fl, &res);
	if (err)
		return err == -ENETUNREACH ? "unreachable" : err == -EACCES ? "prohibited" : err == -EINVAL ? "blackhole" : "error";
	if (!res.nh->has_gw)
		return res.nh->dev->name;
	return inet_ntop(AF_INET6, res.nh->gateway.b, gw, sizeof(gw));
}

static void begin(void)
{
	router->fib->ops6 = &ops;
	r0->ip6_ptr = r1->ip6_ptr = router->dev->loopback->ip6_ptr = (struct inet6_dev *)w; /* only asked whether it is there */
	assert_int_equal(add("2001:db8::", 64, NULL, r0, 256, ADD), 0);
	assert_int_equal(add("2001:db8:1::", 64, NULL, r1, 256, ADD), 0);
}
static int end(void **state)
{
	r0->ip6_ptr = r1->ip6_ptr = router->dev->loopback->ip6_ptr = NULL;
	fib_dev_down(cpu, r0, AF_INET6, FIB_DOWN_UNREGISTER);
	fib_dev_down(cpu, r1, AF_INET6, FIB_DOWN_UNREGISTER);
	fib_dev_down(cpu, router->dev->loopback, AF_INET6, FIB_DOWN_UNREGISTER);
	return world_down(state);
}

static void test_lists(void **state)
{
	begin();
	assert_int_equal(add("2001:db8:5::1", 48, "2001:db8::2", NULL, 1024, ADD), 0); /* host bits are cut off */
	assert_int_equal(add("2001:db8:5::", 48, "2001:db8::2", NULL, 1024, ADD), -EEXIST);
	assert_int_equal(add("2001:db8:5::", 48, "2001:db8::2", NULL, 1024, APPEND), -EEXIST);
	assert_int_equal(add("2001:db8:5::", 48, "2001:db8:1::3", NULL, 1024, APPEND), 0);
	assert_int_equal(add("2001:db8:5::", 48, NULL, r1, 1024, APPEND), 0);
	assert_int_equal(add("2001:db8:5::", 48, "2001:db8::4", NULL, 100, ADD), 0);
	assert_int_equal(add("2001:db8:5::", 64, NULL, r0, 1024, ADD), 0);
	assert_int_equal(add("::", 0, "fe80::5", r0, 1024, ADD), 0);
	expect("2001:db8::/64 - r0 256\n2001:db8:1::/64 - r1 256\n2001:db8:5::/64 - r0 1024\n2001:db8:5::/48 2001:db8::4 r0 100\n"
	       "2001:db8:5::/48 2001:db8::2 r0 1024 +\n2001:db8:5::/48 2001:db8:1::3 r1 1024 +\n2001:db8:5::/48 - r1 1024\n::/0 fe80::5 r0 1024\n");
	assert_string_equal(look("2001:db8:5::1", 0, 0), "r0");
	assert_string_equal(look("2001:db8:5:1::1", 0, 0), "2001:db8::4");
	assert_string_equal(look("2600::1", 0, 0), "fe80::5");
	assert_string_equal(look("2001:db8:5:1::1", FLOW_IFACE, r1->ifindex), "2001:db8:1::3");
	/* Replacing a multipath route takes all its hops, and leaves what is no hop. */
	assert_int_equal(add("2001:db8:5::", 48, "2001:db8::7", NULL, 1024, REPLACE), 0);
	assert_int_equal(del("2001:db8:5::", 48, NULL, 100), 0);
	assert_int_equal(del("2001:db8:5::", 48, "2001:db8::99", 0), -ESRCH);
	assert_int_equal(add("2001:db8:6::", 48, "2001:db8::7", NULL, 1024, NLM_F_REPLACE), -ENOENT);
	expect("2001:db8::/64 - r0 256\n2001:db8:1::/64 - r1 256\n2001:db8:5::/64 - r0 1024\n2001:db8:5::/48 2001:db8::7 r0 1024\n"
	       "2001:db8:5::/48 - r1 1024\n::/0 fe80::5 r0 1024\n");
	assert_int_equal(add("2001:db8:7::", 48, "2001:db8::1", NULL, 1024, ADD), -EINVAL); /* own address */
	assert_int_equal(add("2001:db8:7::", 48, "2002::1", r0, 1024, ADD), -EHOSTUNREACH);
	assert_int_equal(add("2001:db8:7::", 48, "fe80::1", NULL, 1024, ADD), -EINVAL);
}

static void test_types(void **state)
{
	static const struct { u8 type; const char *answer; } t[] = { { RTN_BLACKHOLE, "blackhole" }, { RTN_PROHIBIT, "prohibited" },
								     { RTN_THROW, "unreachable" }, { RTN_UNREACHABLE, "error" } };
	begin();
	for (unsigned i = 0; i < ARRAY_SIZE(t); i++) {
		struct fib_config c = config("2001:db8:8::", 48, NULL, NULL, 1024, ADD);
		c.type = t[i].type;
		assert_int_equal(fib_route_add(cpu, router, &c), 0);
		assert_string_equal(look("2001:db8:8::1", 0, 0), t[i].answer);
		assert_int_equal(fib_route_del(cpu, router, &c), 0);
	}
	assert_int_equal(add("2001:db8:8::", 48, NULL, router->dev->loopback, 1024, ADD), 0);
	assert_string_equal(look("2001:db8:8::1", 0, 0), "lo"); /* found, but what is sent there is refused: it would only come back */
}

/* A host prefers routers that answer, and goes round those it knows nothing of; the flow's hash spreads over siblings by weight. */
static void test_choice(void **state)
{
	unsigned first = 0;
	begin();
	struct fib_config c = config("::", 0, "2001:db8::9", NULL, 1024, APPEND);
	c.rtf = FIB6_ADDRCONF; /* routers' advertisements make no multipath route */
	assert_int_equal(fib_route_add(cpu, router, &c), 0);
	c.gateway = a6("2001:db8::5");
	assert_int_equal(fib_route_add(cpu, router, &c), 0);
	assert_string_equal(look("2600::1", 0, 0), "2001:db8::9");
	assert_string_equal(look("2600::1", FLOW_REACHABLE, 0), "2001:db8::5");
	c.gateway = a6("2001:db8:1::5");
	c.pref = 1; /* high */
	assert_int_equal(fib_route_add(cpu, router, &c), 0);
	assert_string_equal(look("2600::1", FLOW_REACHABLE, 0), "2001:db8:1::5");
	struct fib_config m = config("2001:db8:6::", 48, NULL, NULL, 1024, ADD);
	__typeof__(*m.mp) hops[2] = { { .has_gw = true, .gw_family = AF_INET6, .gateway = a6("2001:db8::2"), .weight = 3 },
				      { .has_gw = true, .gw_family = AF_INET6, .gateway = a6("2001:db8:1::2"), .weight = 1 } };
	m.mp = (void *)hops;
	m.mp_len = 2;
	assert_int_equal(fib_route_add(cpu, router, &m), 0);
	for (unsigned i = 0; i < 1000; i++) {
		struct flow fl = { .family = AF_INET6, .daddr = a6("2001:db8:6::1") };
		struct fib_result res;
		fl.daddr.w[3] = i;
		assert_int_equal(fib_lookup(cpu, router, &fl, &res), 0);
		first += res.nh->dev == r0;
	}
	assert_in_range(first, 690, 810);
	/* The link of one goes down: all flows take the other; both gone: the route is. */
	down(r1);
	fib_dev_down(cpu, r1, AF_INET6, FIB_DOWN_LINK);
	assert_string_equal(look("2001:db8:6::77", 0, 0), "2001:db8::2");
	fib_dev_down(cpu, r0, AF_INET6, FIB_DOWN_LINK);
	expect("");
}

/* fib_multipath_hash_policy 3: only the fields that are named decide. */
static void test_hash_fields(void **state)
{
	begin();
	struct fib_config m = config("2001:db8:6::", 48, NULL, NULL, 1024, ADD);
	__typeof__(*m.mp) hops[2] = { { .has_gw = true, .gw_family = AF_INET6, .gateway = a6("2001:db8::2"), .weight = 1 },
				      { .has_gw = true, .gw_family = AF_INET6, .gateway = a6("2001:db8:1::2"), .weight = 1 } };
	m.mp = (void *)hops;
	m.mp_len = 2;
	assert_int_equal(fib_route_add(cpu, router, &m), 0);
	assert_int_equal(sysctl_write(router, "ipv4/fib_multipath_hash_policy", "4", 1), -EINVAL);
	assert_int_equal(sysctl_write(router, "ipv4/fib_multipath_hash_fields", "4096", 4), -EINVAL);
	router->fib->hash6.policy = 3;
	for (unsigned field = 0; field < 2; field++) {
		unsigned by_sport = 0, by_dport = 0;
		router->fib->hash6.fields = field ? FIB_HASH_DPORT : FIB_HASH_SPORT;
		fib_genid_bump(router);
		for (u16 i = 0; i < 400; i++) {
			struct flow fl = { .family = AF_INET6, .daddr = a6("2001:db8:6::1"), .sport = cpu_to_be16(i) };
			struct fib_result res;
			assert_int_equal(fib_lookup(cpu, router, &fl, &res), 0);
			by_sport += res.nh->dev == r0;
			fl.dport = fl.sport;
			fl.sport = BE16(7);
			assert_int_equal(fib_lookup(cpu, router, &fl, &res), 0);
			by_dport += res.nh->dev == r0;
		}
		assert_in_range(field ? by_dport : by_sport, 140, 260);
		assert_true((field ? by_sport : by_dport) % 400 == 0);
	}
}

/* By every policy the flows go by weight, within 5 %. */
static void test_spread(void **state)
{
	begin();
	struct fib_config m = config("2001:db8:6::", 48, NULL, NULL, 1024, ADD);
	__typeof__(*m.mp) hops[2] = { { .has_gw = true, .gw_family = AF_INET6, .gateway = a6("2001:db8::2"), .weight = 1 },
				      { .has_gw = true, .gw_family = AF_INET6, .gateway = a6("2001:db8:1::2"), .weight = 3 } };
	m.mp = (void *)hops;
	m.mp_len = 2;
	assert_int_equal(fib_route_add(cpu, router, &m), 0);
	router->fib->hash6.fields = 63;
	for (u8 policy = 0; policy < 4; policy++) {
		unsigned to_first = 0;
		router->fib->hash6.policy = policy;
		for (u32 i = 0; i < 20000; i++) {
			struct flow fl = { .family = AF_INET6, .daddr = a6("2001:db8:6::"), .saddr = a6("2001:db8:99::1"), .proto = 17,
					   .sport = cpu_to_be16((u16)i), .dport = BE16(80) };
			struct fib_result res;
			if (policy != 1)
				fl.daddr.w[3] = cpu_to_be32(i).raw;
			assert_int_equal(fib_lookup(cpu, router, &fl, &res), 0);
			to_first += res.nh->dev == r0;
		}
		assert_in_range(to_first, 4750, 5250);
	}
}

/* A resilient group's buckets as Linux 6.18 moved them in the same steps: those that carried nothing since they came to their hop at once,
 * others when they have been idle, or when the table has been out of balance for too long. */
static void group(const char *members, u32 idle_s, u32 unbalanced_s, u32 flags)
{
	struct nexthop_grp g[4] = { { .id = 0 } };
	struct nexthop_config c = { .id = 10, .group = g, .resilient = true, .buckets = 8, .has_buckets = true, .idle_ns = idle_s * SEC, .has_idle = idle_s,
				    .unbalanced_ns = unbalanced_s * SEC, .has_unbalanced = unbalanced_s, .nl_flags = flags };
	for (; *members; members += 2)
		g[c.n++] = (struct nexthop_grp){ .id = (u32)(members[0] - '0'), .weight = (u8)(members[1] - '1') };
	assert_int_equal(nexthop_set(cpu, router, &c), 0);
}

static void expect_buckets(const char *want)
{
	const struct nexthop *nh = nexthop_find(router, 10);
	char have[9] = "";
	for (unsigned i = 0; i < 8; i++)
		have[i] = (char)('0' + nh->members[nh->res->b[i].member].nh->id);
	assert_string_equal(have, want);
}

static void use_all(void)
{
	for (u32 i = 0; i < 8; i++)
		nexthop_resilient_pick(cpu, nexthop_find(router, 10), i, false);
}

static void single(u32 id)
{
	struct nexthop_config c = { .id = id, .family = AF_INET6, .has_gw = true, .gateway = a6("2001:db8::2"), .oif = r0->ifindex,
				    .nl_flags = NLM_F_CREATE | NLM_F_EXCL };
	c.gateway.b[15] = (u8)(0x10 + id);
	assert_int_equal(nexthop_set(cpu, router, &c), 0);
}

static void test_resilient(void **state)
{
	begin();
	for (u32 id = 1; id <= 4; id++)
		single(id);
	group("1121", 3, 0, NLM_F_CREATE | NLM_F_EXCL);
	expect_buckets("22221111");
	group("1123", 0, 0, NLM_F_REPLACE);
	expect_buckets("22222211"); /* nothing had gone by them */
	use_all();
	group("112131", 0, 0, NLM_F_REPLACE);
	after(2 * SEC);
	expect_buckets("22222211");
	after(2 * SEC);
	expect_buckets("33312211");
	use_all();
	group("152131", 100, 2, NLM_F_REPLACE);
	after(1 * SEC);
	expect_buckets("33312211");
	after(2 * SEC);
	expect_buckets("11311211");
	nexthop_del(cpu, nexthop_find(router, 1), NULL);
	expect_buckets("33332222");
	single(1);
	group("11213141", 0, 0, NLM_F_REPLACE);
	expect_buckets("44331212");
}

static void test_lifetime(void **state)
{
	begin();
	struct fib_config c = config("2001:db8:9::", 48, "2001:db8::2", NULL, 1024, ADD);
	c.rtf = FIB6_EXPIRES;
	c.expires = cpu->now + 5 * SEC;
	assert_int_equal(fib_route_add(cpu, router, &c), 0);
	after(4 * SEC);
	assert_string_equal(look("2001:db8:9::1", 0, 0), "2001:db8::2");
	after(2 * SEC);
	assert_string_equal(look("2001:db8:9::1", 0, 0), "unreachable");
	expect("2001:db8::/64 - r0 256\n2001:db8:1::/64 - r1 256\n");
}

#define T(f) cmocka_unit_test_setup_teardown(f, world_up, end)
int main(void)
{
	const struct CMUnitTest tests[] = { T(test_lists), T(test_types), T(test_choice), T(test_hash_fields), T(test_spread), T(test_resilient), T(test_lifetime) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
