/* Worlds, namespaces, steps, backlogs, epochs, work and traces, with small stand-ins for what the upper layers plug in; and every
 * allocation of a world's and a namespace's beginning made to fail in turn.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <linux/filter.h>
#include <linux/if_ether.h>

#include "bpf/cbpf.h"
#include "core/event.h"
#include "core/hook.h"
#include "core/proc.h"
#include "core/softnet.h"
#include "core/stack_tables.h"
#include "core/subsys.h"
#include "core/trace.h"

struct net_device { /* a stand-in */
	struct netns *net;
	char name[16];
};

static char journal[1024];
#define note(...) snprintf(journal + strlen(journal), sizeof(journal) - strlen(journal), __VA_ARGS__)

static int a_world_init(struct world *w)
{
	w->sub[0] = mem_alloc(&w->mem, 10);
	return w->sub[0] ? 0 : -ENOMEM;
}
static void a_world_fini(struct world *w)
{
	mem_free(&w->mem, w->sub[0]);
	note("W");
}
static int a_init(struct netns *net)
{
	net->dev = mem_alloc(&net->world->mem, 10);
	return net->dev ? 0 : -ENOMEM;
}
static void a_exit(struct netns *net)
{
	assert_non_null(net->dev);
	note("a");
}
static void a_fini(struct netns *net)
{
	mem_free(&net->world->mem, net->dev);
	net->dev = NULL;
	note("A");
}
static int b_init(struct netns *net)
{
	net->ip4 = mem_alloc(&net->world->mem, 10);
	return net->ip4 ? 0 : -ENOMEM;
}
static void b_exit(struct netns *net)
{
	assert_non_null(net->dev);
	note("b");
}
static void b_fini(struct netns *net)
{
	mem_free(&net->world->mem, net->ip4);
	note("B");
}
static const struct subsys sub_a = { "a", a_world_init, a_world_fini, a_init, a_exit, a_fini };
static const struct subsys sub_b = { "b", .netns_init = b_init, .netns_exit = b_exit, .netns_fini = b_fini };
static const struct subsys sub_none = { "none" };
static const struct subsys *const subsys[] = { &sub_a, &sub_none, &sub_b, NULL };

static void on_event(struct cpu *cpu, struct netns *net, enum net_event ev, void *obj, unsigned long info)
{
	(void)cpu, (void)net, (void)obj;
	note("e%d.%lu", ev, info);
}
static const struct event_sub sub = { on_event };
static const struct event_sub *const event_subs[] = { &sub, &sub, NULL };

/* Bounces every packet to the other cpu until its mark is used up; counts batches. */
static unsigned received, batches, biggest;
static void backlog_rx(struct cpu *cpu, struct sk_buff **skbs, unsigned n)
{
	batches++;
	biggest = MAX(biggest, n);
	for (unsigned i = 0; i < n; i++) {
		received++;
		assert_true(cpu->running);
		if (skbs[i]->mark && skbs[i]->mark--)
			cpu_backlog_add(cpu, cpu->world->cpu[(cpu->id + 1) % cpu->world->ncpus], skbs[i]);
		else
			skb_consume(cpu, skbs[i]);
	}
}
static struct netns *dev_netns(const struct net_device *dev, int *ifindex, char *name)
{
	if (ifindex)
		*ifindex = 7;
	if (name)
		memcpy(name, dev->name, 16);
	return dev->net;
}
static const struct sysctl_table *const sysctls[] = { &softnet_sysctls, NULL };
static const struct proc_file *const proc_files[] = { &softnet_proc_stat, NULL };
static const struct stack_tables tables = { .subsys = subsys, .event_subs = event_subs, .backlog_rx = backlog_rx,
					    .dev_netns = dev_netns, .sysctls = sysctls, .proc_files = proc_files };

static unsigned kicks[2];
static void kick(void *host, struct cpu *cpu)
{
	(void)host;
	kicks[cpu->id]++;
}
static char last_log[512];
static void keep_log(void *host, int level, const char *text)
{
	(void)host, (void)level;
	snprintf(last_log, sizeof(last_log), "%s", text);
}
static const struct world_ops ops = { .kick = kick, .log = keep_log };

static struct world *new_world(unsigned ncpus)
{
	struct world_config cfg = { .ncpus = ncpus, .tables = &tables, .ops = &ops, .start_ns = 1000 };
	struct world *w;

	assert_int_equal(world_new(&cfg, &w), 0);
	journal[0] = 0;
	received = batches = biggest = 0;
	kicks[0] = kicks[1] = 0;
	return w;
}

static struct sk_buff *packet(struct cpu *cpu)
{
	struct sk_buff *skb = skb_alloc(cpu, 64, 64);

	assert_non_null(skb);
	skb_put(skb, 64);
	return skb;
}

static void life(void **state)
{
	struct world_config bad = { .ncpus = 0 };
	struct world *w = new_world(2);
	struct netns *a, *b, *c;

	(void)state;
	assert_int_equal(world_new(&bad, &w), -EINVAL);
	bad.ncpus = MAX_CPUS + 1;
	assert_int_equal(world_new(&bad, &w), -EINVAL);
	assert_int_equal(netns_new(w, "x", 2, &a), -EINVAL);
	assert_int_equal(netns_new(w, "left", -1, &a), 0);
	assert_int_equal(netns_new(w, "right", -1, &b), 0);
	assert_int_equal(netns_new(w, NULL, 0, &c), 0);
	assert_ptr_equal(w->init_net, a);
	assert_ptr_equal(a->home, w->cpu[0]);
	assert_ptr_equal(b->home, w->cpu[1]);
	assert_ptr_equal(c->home, w->cpu[0]);
	assert_string_equal(b->name, "right");
	assert_true(a->id != b->id && b->id != c->id && a->cookie != b->cookie);
	event_send(w->cpu[0], a, EV_LINK_UP, NULL, 3);
	assert_string_equal(journal, "e1.3e1.3");

	/* Exit hooks at once; memory when the last reference has gone and a step has passed. */
	journal[0] = 0;
	netns_get(b);
	netns_free(b);
	assert_string_equal(journal, "ba");
	assert_true(b->dying);
	world_run(w, 2000);
	assert_string_equal(journal, "ba");
	netns_put(b);
	assert_string_equal(journal, "ba");
	world_run(w, 2000);
	assert_string_equal(journal, "baBA");
	/* The world ends the rest, newest first. */
	journal[0] = 0;
	world_log(w, 3, "hello %d", 5);
	assert_string_equal(last_log, "hello 5");
	world_free(w);
	assert_string_equal(journal, "babaBABAW");
	world_free(NULL);
}

static void every_failure(void **state)
{
	(void)state;
	for (u64 fail = 1;; fail++) {
		struct world_config cfg = { .ncpus = 2, .tables = &tables, .fail_at = fail };
		struct netns *net = NULL;
		struct world *w;
		bool late;
		int err = world_new(&cfg, &w);

		assert_true(!err || err == -ENOMEM);
		if (err)
			continue;
		err = netns_new(w, "n", -1, &net);
		assert_true(err ? err == -ENOMEM && !w->init_net && list_empty(&w->netns_list) : !!net);
		if (err)
			assert_int_equal(netns_new(w, "again", -1, &net), 0);
		late = w->mem.fail_at > 0;
		w->mem.fail_at = 0;
		world_free(w);
		if (late)
			break;
	}
}

static void backlog(void **state)
{
	struct world *w = new_world(2);
	struct cpu *a = w->cpu[0], *b = w->cpu[1];

	(void)state;
	assert_int_equal(cpu_run(a, 1000), UINT64_MAX);
	assert_int_equal(cpu_run(b, 1000), UINT64_MAX);
	/* The own one: kicked once; beyond its length packets are dropped. */
	for (unsigned i = 0; i < 1100; i++)
		assert_int_equal(cpu_backlog_add(a, a, packet(a)), i < 1000);
	assert_int_equal(kicks[0], 1);
	assert_int_equal(a->softnet.dropped, 100);
	assert_int_equal(a->drops[SKB_DROP_REASON_CPU_BACKLOG], 100);
	/* Budget 300, 64 at a time: the step ends, and wants another at once. */
	assert_int_equal(cpu_run(a, 1000), 1000);
	assert_int_equal(received, 320);
	assert_int_equal(biggest, 64);
	assert_int_equal(a->softnet.time_squeeze, 1);
	while (cpu_run(a, 1000) == 1000)
		;
	assert_int_equal(received, 1000);
	/* Another cpu's. */
	for (unsigned i = 0; i < 1001; i++)
		assert_int_equal(cpu_backlog_add(a, b, packet(a)), i < 1000);
	assert_int_equal(kicks[1], 1);
	assert_int_equal(backlog_dropped(b), 1);
	assert_true(cpu_has_work(b));
	world_run(w, 1000);
	assert_int_equal(received, 2000);
	assert_false(cpu_has_work(b));
	/* Back and forth, until nobody has any left. */
	received = 0;
	for (unsigned i = 0; i < 100; i++) {
		struct sk_buff *skb = packet(a);

		skb->mark = i;
		cpu_backlog_add(a, a, skb);
	}
	world_run(w, 1000);
	assert_int_equal(received, 100 + 99 * 100 / 2);
	/* A device that goes takes its packets along. */
	struct net_device dev = { NULL, "gone" };
	for (unsigned i = 0; i < 20; i++) {
		struct sk_buff *skb = packet(a);

		skb->dev = i & 1 ? &dev : NULL;
		cpu_backlog_add(a, i & 2 ? b : a, skb);
	}
	received = 0;
	cpu_backlog_flush(w, &dev);
	world_run(w, 1000);
	assert_int_equal(received, 10);
	/* What is left at the end is freed with the world. */
	cpu_backlog_add(a, a, packet(a));
	cpu_backlog_add(a, b, packet(a));
	world_free(w);
}

static unsigned worked;
static struct cpu_work second_work;
static void second_fn(struct cpu *cpu, struct cpu_work *work)
{
	(void)cpu, (void)work;
	worked += 10;
}
static void work_fn(struct cpu *cpu, struct cpu_work *work)
{
	worked++;
	second_work.fn = second_fn;
	cpu_work_add(cpu, &second_work);
	(void)work;
}

static u64 fired_at;
static void timer_fired(void *owner, struct timer *t)
{
	(void)t;
	fired_at = ((struct cpu *)owner)->now;
}

static void steps(void **state)
{
	struct world *w = new_world(1);
	struct cpu *cpu = w->cpu[0];
	struct cpu_work work = { .fn = work_fn };
	struct timer t;

	(void)state;
	worked = 0;
	assert_int_equal(cpu_run(cpu, 2000), UINT64_MAX);
	assert_int_equal(cpu_run(cpu, 1500), UINT64_MAX);
	assert_int_equal(cpu->now, 2000); /* never back */
	timer_init(&t, timer_fired);
	cpu_timer_arm(cpu, &t, 9000);
	assert_int_equal(kicks[0], 1);
	cpu_timer_arm(cpu, &t, 10000); /* later than what the host knows: no kick */
	assert_int_equal(kicks[0], 1);
	assert_int_equal(cpu_run(cpu, 3000), 10000);
	cpu_work_add(cpu, &work);
	cpu_work_add(cpu, &work);
	assert_int_equal(kicks[0], 2);
	assert_int_equal(cpu_run(cpu, 3000), 10000);
	assert_int_equal(worked, 11);
	world_run_until(w, 9999);
	assert_int_equal(fired_at, 0);
	assert_int_equal(cpu->now, 9999);
	world_run_until(w, 20000);
	assert_int_equal(fired_at, 10000);
	assert_int_equal(cpu->now, 20000);
	cpu_enter(cpu, 25000);
	assert_int_equal(cpu->now, 25000);
	assert_int_equal(cpu->step & 1, 1);
	cpu_enter(cpu, 0);
	cpu_leave(cpu);
	assert_int_equal(cpu->step & 1, 1);
	cpu_leave(cpu);
	assert_int_equal(cpu->step & 1, 0);
	world_free(w);
}

static unsigned reclaimed;
static struct world *reclaim_world;
static void reclaim(void *arg)
{
	reclaimed++;
	if (arg)
		assert_int_equal(epoch_defer(reclaim_world, reclaim, NULL), 0);
}
static void reclaim_node(struct epoch_node *n)
{
	(void)n;
	reclaimed++;
}

static void epochs(void **state)
{
	struct world *w = new_world(2);
	struct epoch_node node, node2;

	(void)state;
	reclaim_world = w;
	reclaimed = 0;
	/* Nobody is in a step: the next one reclaims. */
	assert_int_equal(epoch_defer(w, reclaim, NULL), 0);
	assert_int_equal(kicks[0], 1);
	epoch_defer_node(w, &node, reclaim_node);
	assert_int_equal(reclaimed, 0);
	cpu_run(w->cpu[1], 1000);
	assert_int_equal(reclaimed, 2);
	/* The other cpu is in a step: it has to end, and what came later waits for the next round. */
	cpu_enter(w->cpu[1], 1000);
	epoch_defer_node(w, &node, reclaim_node);
	cpu_run(w->cpu[0], 1000);
	epoch_defer_node(w, &node2, reclaim_node);
	cpu_run(w->cpu[0], 1000);
	assert_int_equal(reclaimed, 2);
	cpu_leave(w->cpu[1]);
	assert_int_equal(kicks[1], 1);
	cpu_enter(w->cpu[1], 1000); /* a new step cannot know the old pointers */
	cpu_run(w->cpu[0], 1000);
	assert_int_equal(reclaimed, 3);
	cpu_leave(w->cpu[1]);
	world_run(w, 1000);
	assert_int_equal(reclaimed, 4);
	/* Reclaiming may defer; the end of the world waits for all. */
	assert_int_equal(epoch_defer(w, reclaim, w), 0);
	w->mem.fail_at = 1;
	assert_int_equal(epoch_defer(w, reclaim, w), -ENOMEM);
	world_free(w);
	assert_int_equal(reclaimed, 6);
}

static struct trace_event events[8];
static unsigned nevents;
static void sink(void *arg, const struct trace_event *ev)
{
	assert_ptr_equal(arg, events);
	events[nevents++ % 8] = *ev;
}

static void traces(void **state)
{
	static const struct cbpf_insn udp[] = { { BPF_LD | BPF_B | BPF_ABS, 0, 0, 9 }, { BPF_JMP | BPF_JEQ | BPF_K, 0, 1, 17 },
						{ BPF_RET | BPF_K, 0, 0, 1 }, { BPF_RET | BPF_K, 0, 0, 0 } };
	static const struct cbpf_insn arp[] = { { BPF_LD | BPF_H | BPF_ABS, 0, 0, 12 }, { BPF_JMP | BPF_JEQ | BPF_K, 0, 1, ETH_P_ARP },
						{ BPF_RET | BPF_K, 0, 0, 1 }, { BPF_RET | BPF_K, 0, 0, 0 } };
	struct trace t = { .sink = sink, .arg = events, .filter_raw = udp, .filter_raw_len = 4 };
	struct world *w = new_world(1);
	struct cpu *cpu = w->cpu[0];
	struct sk_buff *skb = packet(cpu);
	struct netns *net;

	(void)state;
	assert_int_equal(cbpf_check(udp, 4) | cbpf_check(arp, 4), 0);
	assert_int_equal(netns_new(w, "left", -1, &net), 0);
	struct net_device dev = { net, "eth0" };

	skb->dev = &dev;
	skb->protocol = BE16(ETH_P_IP);
	memset(skb->data, 0x42, 64);
	skb_reset_network_header(skb);
	skb->data[9] = 6;
	trace_mark(cpu, skb);
	assert_int_equal(skb->trace, 0);
	trace_start(w, &t);
	trace_mark(cpu, skb);
	assert_int_equal(skb->trace, 0);
	skb->data[9] = 17;
	skb_pull(skb, 20); /* seen from the network header wherever data is */
	trace_mark(cpu, skb);
	assert_int_equal(skb->trace, 1);
	trace_mark(cpu, skb);
	assert_int_equal(t.next_packet, 1);
	trace_point(cpu, net, skb, TP_FORWARD, 63, 0, "text");
	assert_int_equal(nevents, 1);
	assert_int_equal(events[0].packet, 1);
	assert_int_equal(events[0].a, 63);
	assert_int_equal(events[0].caplen, 64);
	assert_int_equal(events[0].bytes[9], 17);
	assert_int_equal(events[0].len, 44);
	assert_int_equal(events[0].ifindex, 7);
	assert_int_equal(events[0].time_ns, cpu->now);
	assert_string_equal(events[0].dev, "eth0");
	assert_string_equal(events[0].netns, "left");
	assert_string_equal(events[0].text, "text");
	assert_string_equal(trace_point_name(events[0].point), "forward");
	struct sk_buff *clone = skb_clone(cpu, skb);
	assert_int_equal(clone->trace, 1);
	skb_consume(cpu, clone);
	skb_drop(cpu, skb, SKB_DROP_REASON_NO_SOCKET);
	assert_int_equal(nevents, 2);
	assert_int_equal(events[1].point, TP_DROP);
	assert_string_equal(skb_drop_reason_name(events[1].reason), "NO_SOCKET");
	assert_int_equal(drops_sum(net, SKB_DROP_REASON_NO_SOCKET), 1);

	skb = packet(cpu);
	skb_reset_mac_header(skb);
	memset(skb->data, 0, 64);
	skb->data[12] = 8;
	skb->data[13] = 6;
	skb_pull(skb, 14);
	skb->protocol = BE16(ETH_P_ARP);
	trace_mark(cpu, skb);
	assert_int_equal(skb->trace, 0);
	t.filter_eth = arp;
	t.next_packet = UINT32_MAX; /* 0 is skipped */
	trace_mark(cpu, skb);
	assert_int_equal(skb->trace, 1);
	trace_stop(w);
	trace_point(cpu, net, skb, TP_CONSUMED, 0, 0, NULL);
	assert_int_equal(nevents, 2);
	skb_consume(cpu, skb);
	for (unsigned p = 0; p < TP_MAX; p++)
		assert_non_null(trace_point_name(p));
	for (unsigned r = 0; r < SKB_DROP_REASON_MAX; r++)
		assert_non_null(skb_drop_reason_name(r));
	mib_add(cpu, net, MIB_Ip_InReceives, 3);
	mib_inc(cpu, net, MIB_Ip_InReceives);
	assert_int_equal(mib_sum(net, MIB_Ip_InReceives), 4);
	world_free(w);
}

static enum hook_verdict verdict(struct cpu *cpu, void *priv, struct sk_buff *skb, const struct hook_state *st)
{
	int v = *(int *)priv;

	assert_int_equal(st->hook, NFH_FORWARD);
	if (v == HOOK_STOLEN)
		skb_consume(cpu, skb);
	return (enum hook_verdict)v;
}

static void hooks(void **state)
{
	struct world *w = new_world(1);
	struct cpu *cpu = w->cpu[0];
	int first = HOOK_ACCEPT, second = HOOK_ACCEPT;
	struct hook_entries *e = calloc(1, sizeof(*e) + 2 * sizeof(e->entry[0]));
	struct netns_nf nf = { 0 };
	struct netns *net;
	struct sk_buff *skb = packet(cpu);

	(void)state;
	assert_int_equal(netns_new(w, "n", -1, &net), 0);
	assert_int_equal(hook_run(cpu, net, NFPF_IPV4, NFH_FORWARD, skb, NULL, NULL), HOOK_ACCEPT);
	e->count = 2;
	e->entry[0] = (struct hook_entry){ verdict, &first, 0 };
	e->entry[1] = (struct hook_entry){ verdict, &second, 1 };
	nf.hooks[NFPF_IPV4][NFH_FORWARD] = e;
	net->nf = &nf;
	assert_int_equal(hook_run(cpu, net, NFPF_IPV4, NFH_FORWARD, skb, NULL, NULL), HOOK_ACCEPT);
	assert_int_equal(hook_run(cpu, net, NFPF_IPV6, NFH_FORWARD, skb, NULL, NULL), HOOK_ACCEPT);
	second = HOOK_DROP;
	assert_int_equal(hook_run(cpu, net, NFPF_IPV4, NFH_FORWARD, skb, NULL, NULL), HOOK_DROP);
	assert_int_equal(drops_sum(net, SKB_DROP_REASON_NETFILTER_DROP), 1);
	first = HOOK_STOLEN;
	assert_int_equal(hook_run(cpu, net, NFPF_IPV4, NFH_FORWARD, packet(cpu), NULL, NULL), HOOK_STOLEN);
	net->nf = NULL;
	free(e);
	world_free(w);
}

static void knobs(void **state)
{
	struct world *w = new_world(2);
	struct netns *first, *child;
	struct strbuf b;

	(void)state;
	assert_int_equal(netns_new(w, "1", -1, &first), 0);
	assert_int_equal(netns_new(w, "2", -1, &child), 0);
	assert_int_equal(sysctl_write(first, "core/netdev_max_backlog", "10", 2), 0);
	assert_int_equal(sysctl_write(child, "core/netdev_max_backlog", "10", 2), -ENOENT);
	for (unsigned i = 0; i < 15; i++)
		cpu_backlog_add(w->cpu[0], w->cpu[1], packet(w->cpu[0]));
	strbuf_init(&b, &w->mem);
	assert_int_equal(proc_read(first, "none", &b), -ENOENT);
	assert_int_equal(proc_read(first, "softnet_stat", &b), 0);
	assert_int_equal(b.len, 2 * 15 * 9);
	assert_non_null(strstr(b.s, "\n00000000 00000005 "));
	assert_non_null(strstr(b.s, " 0000000a 00000001 "));
	strbuf_fini(&b);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(life), cmocka_unit_test(every_failure), cmocka_unit_test(backlog),
		cmocka_unit_test(steps), cmocka_unit_test(epochs), cmocka_unit_test(traces),
		cmocka_unit_test(hooks), cmocka_unit_test(knobs),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
