/* Transmit and receive around the device: a loop of devices ends, taps see both ways, an rx_handler takes or redirects, runs of
 * protocols keep their order, a device that disappears takes its packets with it.
 */
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>

#include "codec/netlink/nl_attr.h"
#include "link/qdisc.h"
#include "link/test_stack.h"
#include "link/type/veth.h"

static struct world *w;
static struct cpu *cpu;
static struct netns *net;
static struct net_device *va, *vb;
static unsigned arps;

static void arp_rx(struct cpu *c, struct netns *n, struct sk_buff **skbs, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		assert_int_equal(skbs[i]->mark, got.n); /* after exactly the IP packets that came before it */
		skb_consume(c, skbs[i]);
		arps++;
	}
}
static const struct l3_proto arp = { .ethertype = ETH_P_ARP, .rx = arp_rx };
static const struct l3_proto *const protos[] = { &collect_proto, &arp, NULL };
static struct stack_tables tables;

static int setup(void **state)
{
	tables = test_tables;
	tables.l3_protos = protos;
	w = test_world(&tables, 1);
	cpu = config_cpu(w);
	net = test_netns(w, "a", 0);
	assert_int_equal(veth_pair_new(cpu, net, "va", net, "vb", &va, &vb), 0);
	dev_change_flags(cpu, va, va->flags | IFF_UP, NULL);
	dev_change_flags(cpu, vb, vb->flags | IFF_UP, NULL);
	arps = 0;
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

/* Two devices, each of which sends through the other: a bridge over itself. */
static struct net_device *loop[2];
static enum netdev_tx loop_xmit(struct cpu *c, struct sk_buff *skb, struct net_device *dev, unsigned q)
{
	dev->stats[c->id].tx_packets++;
	skb->dev = dev == loop[0] ? loop[1] : loop[0];
	dev_queue_xmit(c, skb);
	return NETDEV_TX_OK;
}
static const struct netdev_ops loop_ops = { .start_xmit = loop_xmit };
static void loop_setup(struct net_device *dev)
{
	ether_setup(dev);
	dev->ops = &loop_ops;
	dev->noqueue = true;
}
static const struct link_kind loop_kind = { .name = "loop", .setup = loop_setup };

static void test_loop(void **state)
{
	struct dev_stats a, b;
	for (unsigned i = 0; i < 2; i++) {
		loop[i] = dev_new(net, &loop_kind, "loop%d", 0, 0);
		assert_int_equal(dev_register(cpu, loop[i], 0), 0);
		dev_change_flags(cpu, loop[i], loop[i]->flags | IFF_UP, NULL);
	}
	dev_queue_xmit(cpu, test_frame(cpu, loop[0], NULL, ETH_P_IP, 60));
	assert_int_equal(drops_sum(net, SKB_DROP_REASON_LOOP_LIMIT), 1);
	dev_get_stats(loop[0], &a);
	dev_get_stats(loop[1], &b);
	assert_int_equal(a.tx_packets + b.tx_packets, 8);
	assert_int_equal(cpu->xmit_depth, 0);
}

static struct { unsigned in, out; u32 len; } tapped[2];
static void tap_fn(struct cpu *c, struct dev_tap *tap, struct sk_buff *skb, struct net_device *dev, bool outgoing)
{
	unsigned which = tap->ethertype == ETH_P_ALL ? 0 : 1;
	if (outgoing)
		tapped[which].out++;
	else
		tapped[which].in++;
	tapped[which].len = skb->len;
}

static void test_taps(void **state)
{
	struct dev_tap all = { .fn = tap_fn, .ethertype = ETH_P_ALL }, one = { .fn = tap_fn, .ethertype = 0x88b5 };
	memset(tapped, 0, sizeof(tapped));
	dev_tap_add(net, NULL, &all);
	dev_tap_add(net, vb, &one);
	dev_queue_xmit(cpu, test_frame(cpu, va, vb->dev_addr, ETH_P_IP, 60));
	dev_queue_xmit(cpu, test_frame(cpu, va, vb->dev_addr, 0x88b5, 60));
	world_run(w, cpu->now);
	assert_int_equal(tapped[0].out, 2);
	assert_int_equal(tapped[0].in, 2);
	assert_int_equal(tapped[1].in, 1);
	/* Somebody has seen the strange one: it is no drop. */
	assert_int_equal(drops_sum(net, SKB_DROP_REASON_UNHANDLED_PROTO), 0);
	dev_tap_del(&one);
	dev_tap_del(&all);
	dev_queue_xmit(cpu, test_frame(cpu, va, vb->dev_addr, 0x88b5, 60));
	world_run(w, cpu->now);
	assert_int_equal(drops_sum(net, SKB_DROP_REASON_UNHANDLED_PROTO), 1);
}

static unsigned handled;
static bool handler(struct cpu *c, struct sk_buff **skb, void *data)
{
	handled++;
	switch ((*skb)->mark) {
	case 1: /* takes it */
		skb_consume(c, *skb);
		return true;
	case 2: /* as the upper device's */
		(*skb)->dev = data;
		return false;
	default:
		return false;
	}
}
static bool to_each_other(struct cpu *c, struct sk_buff **skb, void *data)
{
	(*skb)->dev = data;
	return false;
}

static void test_handler(void **state)
{
	assert_int_equal(dev_rx_handler_set(vb, handler, va), 0);
	assert_int_equal(dev_rx_handler_set(vb, handler, va), -EBUSY);
	for (u32 i = 0; i < 3; i++) {
		struct sk_buff *skb = test_frame(cpu, va, vb->dev_addr, ETH_P_IP, 60);
		skb->mark = i;
		dev_queue_xmit(cpu, skb);
	}
	world_run(w, cpu->now);
	assert_int_equal(handled, 3);
	assert_int_equal(got.n, 2);
	assert_ptr_equal(got.skb[0]->dev, vb);
	assert_ptr_equal(got.skb[1]->dev, va);
	assert_int_equal(got.skb[1]->skb_iif, va->ifindex);
	dev_rx_handler_clear(vb);
	/* Handlers that pass a packet to and fro. */
	dev_rx_handler_set(va, to_each_other, vb);
	dev_rx_handler_set(vb, to_each_other, va);
	dev_queue_xmit(cpu, test_frame(cpu, va, vb->dev_addr, ETH_P_IP, 60));
	world_run(w, cpu->now);
	assert_int_equal(drops_sum(net, SKB_DROP_REASON_LOOP_LIMIT), 1);
	dev_rx_handler_clear(va);
	dev_rx_handler_clear(vb);
}

static void test_runs(void **state)
{
	u32 ips = 0;
	for (u32 i = 0; i < 60; i++) {
		bool is_arp = i % 7 == 3;
		struct sk_buff *skb = test_frame(cpu, va, vb->dev_addr, is_arp ? ETH_P_ARP : ETH_P_IP, 60);
		skb->mark = ips;
		ips += !is_arp;
		dev_queue_xmit(cpu, skb);
	}
	world_run(w, cpu->now);
	assert_int_equal(arps, 9);
	assert_int_equal(got.n, 51);
	assert_int_equal(got.batches, 9); /* runs between the ARPs, not single packets */
}

static void test_gone(void **state)
{
	for (int i = 0; i < 5; i++)
		dev_queue_xmit(cpu, test_frame(cpu, va, vb->dev_addr, ETH_P_IP, 60));
	va->kind->dellink(cpu, va);
	world_run(w, cpu->now);
	assert_int_equal(got.n, 0);
	assert_int_equal(drops_sum(net, SKB_DROP_REASON_DEV_READY), 5);
	assert_null(dev_by_name(net, "vb"));
}

/* A root in place of the default: a limit of 0 takes nothing, and the sender hears of it; then back to what the device had. */
static void test_root(void **state)
{
	const struct { struct nlattr a; struct tc_fifo_qopt o; } opt = { { sizeof(opt), TCA_OPTIONS }, { .limit = 0 } };
	struct nl_attrs tca = { 0 };
	struct qdisc *q;

	tca.a[TCA_OPTIONS] = &opt.a;
	assert_int_equal(qdisc_new(va, &va->txq[0], qdisc_ops_find(w, "pfifo"), &tca, NULL, &q), 0);
	assert_int_equal(qdisc_graft_root(cpu, va, q), 0);
	assert_string_equal(qdisc_name(va), "pfifo");
	assert_int_equal(dev_queue_xmit(cpu, test_frame(cpu, va, vb->dev_addr, ETH_P_IP, 60)), -ENOBUFS);
	assert_int_equal(drops_sum(net, SKB_DROP_REASON_QDISC_OVERLIMIT), 1);
	tca.a[TCA_OPTIONS] = NULL;
	assert_int_equal(q->ops->change(q, &tca, NULL), 0);
	assert_int_equal(q->limit, va->tx_queue_len);
	assert_int_equal(dev_queue_xmit(cpu, test_frame(cpu, va, vb->dev_addr, ETH_P_IP, 60)), 0);
	assert_int_equal(qdisc_graft_root(cpu, va, NULL), 0);
	assert_string_equal(qdisc_name(va), "noqueue");
	assert_int_equal(dev_queue_xmit(cpu, test_frame(cpu, va, vb->dev_addr, ETH_P_IP, 60)), 0);
	world_run(w, cpu->now);
	assert_int_equal(got.n, 2);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = { T(test_loop), T(test_taps), T(test_handler), T(test_runs), T(test_gone), T(test_root) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
