/* For unit tests of link/: a world with link's own parts and nothing above, and an l3_proto that collects what arrives. */
#ifndef LINK_TEST_STACK_H
#define LINK_TEST_STACK_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "codec/wire/eth.h"
#include "core/stack_tables.h"
#include "link/l3_proto.h"
#include "link/netns_dev.h"
#include "link/qdisc.h"

static struct {
	struct sk_buff *skb[4096];
	struct cpu *cpu[4096];
	unsigned n, batches;
} got;
static struct {
	enum net_event ev[256];
	void *obj[256];
	unsigned long info[256];
	unsigned n;
} events;

static inline void collect_rx(struct cpu *cpu, struct netns *net, struct sk_buff **skbs, unsigned n)
{
	got.batches++;
	for (unsigned i = 0; i < n; i++) {
		assert_ptr_equal(skbs[i]->dev->net, net);
		got.cpu[got.n] = cpu;
		got.skb[got.n++] = skbs[i];
	}
}
static inline void collect_free(struct cpu *cpu)
{
	while (got.n) {
		got.n--;
		skb_consume(cpu, got.skb[got.n]);
	}
	got.batches = 0;
}
static inline void note_event(struct cpu *cpu, struct netns *net, enum net_event ev, void *obj, unsigned long info)
{
	if (events.n < ARRAY_SIZE(events.ev)) {
		events.ev[events.n] = ev;
		events.obj[events.n] = obj;
		events.info[events.n++] = info;
	}
}

static const struct l3_proto collect_proto = { .ethertype = ETH_P_IP, .rx = collect_rx };
static const struct l3_proto *const test_protos[] = { &collect_proto, NULL };
static const struct event_sub noting = { note_event };
static const struct event_sub *const test_subs[] = { &noting, NULL };
static const struct subsys *const test_subsys[] = { &dev_subsys, &loopback_subsys, NULL };
static const struct stack_tables test_tables = {
	.subsys = test_subsys,
	.event_subs = test_subs,
	.link_kinds = link_kinds_builtin,
	.qdiscs = qdiscs_builtin,
	.l3_protos = test_protos,
	.backlog_rx = link_backlog_rx,
	.dev_netns = link_dev_netns,
};

static inline struct world *test_world(const struct stack_tables *tables, unsigned ncpus)
{
	struct world_config cfg = { .ncpus = ncpus, .seed = { 1 }, .start_ns = NSEC_PER_SEC, .tables = tables };
	struct world *w;
	assert_int_equal(world_new(&cfg, &w), 0);
	events.n = got.n = got.batches = 0;
	return w;
}
static inline struct netns *test_netns(struct world *w, const char *name, int home)
{
	struct netns *net;
	assert_int_equal(netns_new(w, name, home, &net), 0);
	return net;
}
/* A frame of len bytes with this header, ready for dev_queue_xmit. */
static inline struct sk_buff *test_frame(struct cpu *cpu, struct net_device *dev, const u8 *dst, u16 type, u32 len)
{
	struct sk_buff *skb = skb_alloc(cpu, SKB_HEADROOM, len);
	assert_non_null(skb);
	memset(skb_put(skb, len - ETH_HDR_LEN), 0xa5, len - ETH_HDR_LEN);
	skb_reset_network_header(skb);
	skb->protocol = cpu_to_be16(type);
	skb->dev = dev;
	assert_int_equal(dev->header_ops->create(cpu, skb, dev, type, dst, NULL), 0);
	return skb;
}

#endif
