/* The NUD state machine in virtual time: what is asked when, what waits, what is dropped why, what is collected. The times are
 * those that Linux shows in `ip -timestamp monitor neigh` and tcpdump for ARP with default settings.
 */
#include "core/sysctl.h"
#include "link/netns_neigh.h"
#include "link/test_stack.h"
#include "link/type/veth.h"

#define CONNECTED (NUD_PERMANENT | NUD_NOARP | NUD_REACHABLE)

static struct {
	unsigned n, reports;
	u64 at[64];
	bool unicast[64];
} asked;

static void solicit(struct cpu *cpu, struct neighbour *n, struct sk_buff *skb)
{
	assert_true(asked.n < ARRAY_SIZE(asked.at));
	asked.at[asked.n] = cpu->now;
	asked.unicast[asked.n++] = n->probes < n->parms->ucast_probes;
}
static void error_report(struct cpu *cpu, struct neighbour *n, struct sk_buff *skb)
{
	asked.reports++;
	skb_drop(cpu, skb, SKB_DROP_REASON_NEIGH_FAILED);
}
static int constructor(struct neighbour *n)
{
	n->type = 1; /* RTN_UNICAST */
	return n->key[0] == 0xff ? -EINVAL : 0;
}
static const struct neigh_table table = {
	.family = AF_INET, .key_len = 4, .ethertype = ETH_P_IP, .id = "arp_cache", .solicit = solicit,
	.error_report = error_report, .constructor = constructor, .index = NEIGH_ARP,
};

static const struct event_sub *const subs[] = { &noting, &neigh_event_sub, NULL };
static const struct subsys *const subsys[] = { &dev_subsys, &neigh_subsys, &loopback_subsys, NULL };
static const struct sysctl_table *const sysctls[] = { &link_core_sysctls, &neigh_arp_sysctls, &neigh_arp_limits, NULL };
static struct stack_tables tables;

static struct world *w;
static struct cpu *cpu;
static struct netns *net;
static struct net_device *va, *vb;
static const u8 mac1[] = { 2, 0, 0, 0, 0, 1 }, mac2[] = { 2, 0, 0, 0, 0, 2 };

static int setup(void **state)
{
	tables = test_tables;
	tables.subsys = subsys;
	tables.event_subs = subs;
	tables.sysctls = sysctls;
	tables.dev_walk = link_dev_walk;
	w = test_world(&tables, 1);
	cpu = config_cpu(w);
	net = test_netns(w, "a", 0);
	neigh_table_start(net, &table);
	assert_int_equal(veth_pair_new(cpu, net, "va", net, "vb", &va, &vb), 0);
	dev_change_flags(cpu, va, va->flags | IFF_UP, NULL);
	dev_change_flags(cpu, vb, vb->flags | IFF_UP, NULL);
	memset(&asked, 0, sizeof(asked));
	events.n = 0;
	return 0;
}
static int teardown(void **state)
{
	collect_free(cpu);
	netns_free(net);
	world_run(w, cpu->now);
	world_free(w);
	return 0;
}
static struct neighbour *get(u8 last) { return neigh_get(cpu, &table, (u8[]){ 10, 0, 0, last }, va); }
static struct sk_buff *packet(u32 len)
{
	struct sk_buff *skb = skb_alloc(cpu, SKB_HEADROOM, len);
	memset(skb_put(skb, len), 0x45, len);
	skb->protocol = BE16(ETH_P_IP);
	skb->dev = va;
	skb_reset_network_header(skb);
	return skb;
}
static void after(u64 ns) { world_run_until(w, cpu->now + ns); }
static unsigned told(enum net_event ev)
{
	unsigned n = 0;
	for (unsigned i = 0; i < events.n; i++)
		n += events.ev[i] == ev;
	return n;
}

static void test_unanswered(void **state)
{
	struct neighbour *n = get(1);
	u64 t0 = cpu->now;
	assert_int_equal(n->nud_state, NUD_NONE);
	assert_int_equal(neigh_output(cpu, n, packet(84)), 0);
	assert_int_equal(n->nud_state, NUD_INCOMPLETE);
	assert_int_equal(asked.n, 1);
	after(10 * NSEC_PER_SEC);
	assert_int_equal(asked.n, 3); /* three requests, a second apart, then failed */
	assert_int_equal(asked.at[1], t0 + NSEC_PER_SEC);
	assert_int_equal(asked.at[2], t0 + 2 * NSEC_PER_SEC);
	assert_false(asked.unicast[0] || asked.unicast[2]);
	assert_int_equal(n->nud_state, NUD_FAILED);
	assert_int_equal(n->updated, t0 + 3 * NSEC_PER_SEC);
	assert_int_equal(asked.reports, 1);
	assert_int_equal(drops_sum(net, SKB_DROP_REASON_NEIGH_FAILED), 1);
	assert_int_equal(told(EV_NEIGH_CHANGE), 1);
	/* The next packet tries again. */
	neigh_output(cpu, n, packet(84));
	assert_int_equal(n->nud_state, NUD_INCOMPLETE);
	assert_int_equal(asked.n, 4);
}

static void test_resolve(void **state)
{
	struct neighbour *n = get(1);
	u64 confirmed, stale_at = 0;
	for (int i = 0; i < 3; i++)
		neigh_output(cpu, n, packet(84 + (u32)i));
	assert_int_equal(asked.n, 1);
	after(NSEC_PER_MSEC);
	assert_int_equal(neigh_update(cpu, n, mac1, NUD_REACHABLE, NEIGH_UPDATE_OVERRIDE, 0), 0);
	confirmed = cpu->now;
	after(0);
	assert_int_equal(got.n, 3); /* in order */
	assert_int_equal(got.skb[0]->len, 84);
	assert_int_equal(got.skb[2]->len, 86);
	assert_memory_equal(skb_mac_header(got.skb[0]), mac1, 6);
	assert_memory_equal(skb_mac_header(got.skb[0]) + 6, va->dev_addr, 6);
	neigh_output(cpu, n, packet(60)); /* the cached header */
	after(0);
	assert_memory_equal(skb_mac_header(got.skb[3]), mac1, 6);
	assert_int_equal(be16_to_cpu(got.skb[3]->protocol), ETH_P_IP);
	assert_int_equal(got.skb[3]->len, 60);
	/* Not used: stale after reachable_time, 15 to 45 s. */
	for (int i = 0; i < 500 && n->nud_state == NUD_REACHABLE; i++) {
		after(100 * NSEC_PER_MSEC);
		stale_at = cpu->now;
	}
	assert_int_equal(n->nud_state, NUD_STALE);
	assert_in_range(stale_at - confirmed, 15 * NSEC_PER_SEC, 45 * NSEC_PER_SEC + 100 * NSEC_PER_MSEC);
	/* Used: sent at once, checked five seconds later by unicast, three times, then failed. */
	u64 t0 = cpu->now;
	asked.n = 0;
	neigh_output(cpu, n, packet(60));
	after(0);
	assert_int_equal(got.n, 5);
	assert_int_equal(n->nud_state, NUD_DELAY);
	after(5 * NSEC_PER_SEC);
	assert_int_equal(n->nud_state, NUD_PROBE);
	assert_int_equal(asked.n, 1);
	assert_true(asked.unicast[0]);
	assert_int_equal(asked.at[0], t0 + 5 * NSEC_PER_SEC);
	neigh_output(cpu, n, packet(60));
	after(0);
	assert_int_equal(got.n, 6); /* still sent while probing */
	after(10 * NSEC_PER_SEC);
	assert_int_equal(asked.n, 3);
	assert_int_equal(n->nud_state, NUD_FAILED);
	assert_int_equal(n->updated, t0 + 8 * NSEC_PER_SEC);
}

static void test_confirm(void **state)
{
	struct neighbour *n = get(1);
	neigh_update(cpu, n, mac1, NUD_STALE, NEIGH_UPDATE_OVERRIDE, 0);
	neigh_output(cpu, n, packet(60));
	assert_int_equal(n->nud_state, NUD_DELAY);
	after(2 * NSEC_PER_SEC);
	neigh_confirm(cpu, n); /* TCP saw an ACK */
	after(3 * NSEC_PER_SEC);
	assert_int_equal(n->nud_state, NUD_REACHABLE);
	assert_int_equal(asked.n, 0);
}

static void test_update(void **state)
{
	struct neighbour *n = get(1);
	assert_int_equal(neigh_update(cpu, n, NULL, NUD_REACHABLE, 0, 0), -EINVAL); /* no address known */
	neigh_update(cpu, n, mac1, NUD_REACHABLE, NEIGH_UPDATE_OVERRIDE, 0);
	events.n = 0;
	neigh_update(cpu, n, mac1, NUD_STALE, NEIGH_UPDATE_OVERRIDE, 0); /* nothing new */
	assert_int_equal(n->nud_state, NUD_REACHABLE);
	assert_int_equal(events.n, 0);
	neigh_update(cpu, n, mac2, NUD_STALE, 0, 0); /* may not override */
	assert_memory_equal(n->ha, mac1, 6);
	neigh_update(cpu, n, mac2, NUD_STALE, NEIGH_UPDATE_WEAK_OVERRIDE, 0); /* doubts it */
	assert_memory_equal(n->ha, mac1, 6);
	assert_int_equal(n->nud_state, NUD_STALE);
	neigh_update(cpu, n, mac2, NUD_STALE, NEIGH_UPDATE_OVERRIDE, 0);
	assert_memory_equal(n->ha, mac2, 6);
	neigh_update(cpu, n, mac1, NUD_PERMANENT, NEIGH_UPDATE_OVERRIDE | NEIGH_UPDATE_ADMIN, 0);
	assert_int_equal(neigh_update(cpu, n, mac2, NUD_REACHABLE, NEIGH_UPDATE_OVERRIDE, 0), -EPERM);
	neigh_output(cpu, n, packet(60));
	after(1000 * NSEC_PER_SEC);
	assert_int_equal(n->nud_state, NUD_PERMANENT);
	assert_int_equal(asked.n, 0);
	assert_int_equal(neigh_del(cpu, n), 0);
	assert_null(neigh_lookup(&table, (u8[]){ 10, 0, 0, 1 }, va));
	assert_int_equal(told(EV_NEIGH_DEL), 1);
	assert_null(neigh_get(cpu, &table, (u8[]){ 255, 0, 0, 1 }, va)); /* the family refuses */
}

static void test_queue_full(void **state)
{
	struct neighbour *n = get(1);
	struct sk_buff *skb = packet(60);
	unsigned room = n->parms->queue_len_bytes / skb->truesize;
	neigh_output(cpu, n, skb);
	for (unsigned i = 1; i < room; i++)
		neigh_output(cpu, n, packet(60));
	assert_int_equal(drops_sum(net, SKB_DROP_REASON_NEIGH_QUEUEFULL), 0);
	neigh_output(cpu, n, packet(61)); /* the oldest goes */
	neigh_output(cpu, n, packet(62));
	assert_int_equal(drops_sum(net, SKB_DROP_REASON_NEIGH_QUEUEFULL), 2);
	assert_int_equal(n->queue.count, room);
	neigh_update(cpu, n, mac1, NUD_REACHABLE, NEIGH_UPDATE_OVERRIDE, 0);
	after(0);
	assert_int_equal(got.n, room);
	assert_int_equal(got.skb[room - 1]->len, 62);
	/* unres_qlen 0: nothing waits but the latest */
	struct strbuf out;
	strbuf_init(&out, &w->mem);
	assert_int_equal(sysctl_write(net, "ipv4/neigh/va/unres_qlen_bytes", "0", 1), 0);
	n = get(2);
	neigh_output(cpu, n, packet(60));
	neigh_output(cpu, n, packet(60));
	assert_int_equal(n->queue.count, 1);
	strbuf_fini(&out);
}

static void test_down(void **state)
{
	struct neighbour *n = get(1), *m = get(2);
	neigh_hold(n);
	neigh_update(cpu, n, mac1, NUD_PERMANENT, NEIGH_UPDATE_OVERRIDE | NEIGH_UPDATE_ADMIN, 0);
	neigh_output(cpu, m, packet(60));
	dev_change_flags(cpu, va, va->flags & ~(u32)IFF_UP, NULL);
	assert_int_equal(net->neigh->slot[NEIGH_ARP].count, 0);
	assert_int_equal(drops_sum(net, SKB_DROP_REASON_NEIGH_DEAD), 1);
	assert_true(n->dead);
	neigh_output(cpu, n, packet(60));
	assert_int_equal(drops_sum(net, SKB_DROP_REASON_NEIGH_DEAD), 2);
	neigh_put(cpu, n);
}

static void test_gc(void **state)
{
	struct neigh_slot *s = &net->neigh->slot[NEIGH_ARP];
	u8 key[4] = { 10, 1 };
	unsigned made = 0;
	for (unsigned i = 0; i < 2000; i++) {
		key[2] = (u8)(i >> 8);
		key[3] = (u8)i;
		made += neigh_get(cpu, &table, key, va) != NULL;
	}
	assert_int_equal(made, 1024); /* gc_thresh3; none is old enough to go */
	assert_int_equal(s->count, 1024);
	assert_true(s->stats.table_fulls > 0);
	after(6 * NSEC_PER_SEC);
	key[2] = 200;
	assert_non_null(neigh_get(cpu, &table, key, va));
	assert_int_equal(s->count, 513); /* down to gc_thresh2, and the new one */
	after(200 * NSEC_PER_SEC); /* gc_staletime is 60 s; below gc_thresh1 all may stay */
	assert_true(s->count < 128);
	/* Permanent ones don't count and don't go. */
	for (unsigned i = 0; i < 2000; i++) {
		struct neighbour *n;
		key[2] = (u8)(i >> 8);
		key[3] = (u8)i;
		n = neigh_get(cpu, &table, key, va);
		assert_non_null(n);
		neigh_update(cpu, n, mac1, NUD_PERMANENT, NEIGH_UPDATE_OVERRIDE | NEIGH_UPDATE_ADMIN, 0);
	}
	assert_true(s->count >= 2000);
}

static void test_sysctl(void **state)
{
	static const char *const expect[][2] = {
		{ "anycast_delay", "100\n" }, { "app_solicit", "0\n" }, { "base_reachable_time", "30\n" },
		{ "base_reachable_time_ms", "30000\n" }, { "delay_first_probe_time", "5\n" }, { "gc_stale_time", "60\n" },
		{ "interval_probe_time_ms", "5000\n" }, { "locktime", "100\n" }, { "mcast_resolicit", "0\n" },
		{ "mcast_solicit", "3\n" }, { "proxy_delay", "80\n" }, { "proxy_qlen", "64\n" }, { "retrans_time", "100\n" },
		{ "retrans_time_ms", "1000\n" }, { "ucast_solicit", "3\n" }, { "unres_qlen", "101\n" },
		{ "unres_qlen_bytes", "212992\n" },
	};
	struct strbuf out;
	char path[80];
	get(1); /* the device's parameters exist */
	for (unsigned i = 0; i < ARRAY_SIZE(expect); i++) {
		snprintf(path, sizeof(path), "ipv4/neigh/va/%s", expect[i][0]);
		strbuf_init(&out, &w->mem);
		assert_int_equal(sysctl_read(net, path, &out), 0);
		assert_string_equal(out.s, expect[i][1]);
		strbuf_fini(&out);
	}
	assert_int_equal(sysctl_write(net, "ipv4/neigh/va/mcast_solicit", "-5", 2), -EINVAL);
	assert_int_equal(sysctl_write(net, "ipv4/neigh/va/unres_qlen", "10", 2), 0);
	assert_int_equal(get(1)->parms->queue_len_bytes, 20900);
	/* A default reaches devices that did not set it themselves. */
	assert_int_equal(sysctl_write(net, "ipv4/neigh/default/mcast_solicit", "7", 1), 0);
	assert_int_equal(get(1)->parms->mcast_probes, 7);
	assert_int_equal(sysctl_write(net, "ipv4/neigh/va/ucast_solicit", "1", 1), 0);
	assert_int_equal(sysctl_write(net, "ipv4/neigh/default/ucast_solicit", "9", 1), 0);
	assert_int_equal(get(1)->parms->ucast_probes, 1);
	assert_int_equal(sysctl_write(net, "ipv4/neigh/default/gc_thresh3", "5", 1), 0);
	assert_int_equal(net->neigh->slot[NEIGH_ARP].gc_thresh3, 5);
	/* A child has no default directory. */
	struct netns *child = test_netns(w, "child", 0);
	strbuf_init(&out, &w->mem);
	assert_int_equal(sysctl_read(child, "ipv4/neigh/default/gc_thresh1", &out), -ENOENT);
	assert_int_equal(sysctl_read(child, "ipv4/neigh/default/mcast_solicit", &out), -ENOENT);
	strbuf_fini(&out);
	netns_free(child);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_unanswered), T(test_resolve), T(test_confirm), T(test_update),
		T(test_queue_full), T(test_down),    T(test_gc),      T(test_sysctl),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
