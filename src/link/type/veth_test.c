/* veth and lo: carrier and operational state as Linux shows them, packets across namespaces and cpus, counters, drops with their
 * reasons, names and indexes, moves. Expected values were read off a Linux 6.18.
 */
#include "codec/netlink/nl_attr.h"
#include "link/test_stack.h"
#include "link/type/veth.h"

struct pair {
	struct world *w;
	struct cpu *cpu;
	struct netns *na, *nb;
	struct net_device *a, *b;
};

static struct pair make(unsigned ncpus)
{
	struct pair p = { .w = test_world(&test_tables, ncpus) };
	p.cpu = config_cpu(p.w);
	p.na = test_netns(p.w, "a", 0);
	p.nb = test_netns(p.w, "b", ncpus > 1);
	assert_int_equal(veth_pair_new(p.cpu, p.na, "va", p.nb, "vb", &p.a, &p.b), 0);
	return p;
}
static void end(struct pair *p)
{
	collect_free(p->cpu);
	netns_free(p->na);
	netns_free(p->nb);
	world_run(p->w, p->cpu->now);
	world_free(p->w);
}
static void up(struct pair *p, struct net_device *dev, bool on)
{
	assert_int_equal(dev_change_flags(p->cpu, dev, on ? dev->flags | IFF_UP : dev->flags & ~(u32)IFF_UP, NULL), 0);
}
#define SHOWN (IFF_UP | IFF_RUNNING | IFF_LOWER_UP)
static void is(const struct net_device *dev, u32 flags, u8 operstate, const char *qdisc)
{
	assert_int_equal(dev_get_flags(dev) & SHOWN, flags);
	assert_int_equal(dev_get_operstate(dev), operstate);
	assert_string_equal(qdisc_name(dev), qdisc);
}

static void test_carrier(void **state)
{
	struct pair p = make(1);
	is(p.a, 0, IF_OPER_DOWN, "noop");
	up(&p, p.a, true);
	is(p.a, IFF_UP, IF_OPER_DOWN, "noqueue");
	is(p.b, 0, IF_OPER_DOWN, "noop");
	up(&p, p.b, true);
	is(p.a, SHOWN, IF_OPER_UP, "noqueue");
	is(p.b, SHOWN, IF_OPER_UP, "noqueue");
	assert_int_equal(p.a->carrier_up_count, 1);
	up(&p, p.a, false);
	is(p.a, 0, IF_OPER_DOWN, "noqueue");
	is(p.b, IFF_UP, IF_OPER_DOWN, "noqueue");
	up(&p, p.a, true);
	up(&p, p.b, false);
	is(p.a, IFF_UP, IF_OPER_DOWN, "noqueue");
	end(&p);
}

static void test_lowerlayerdown(void **state)
{
	struct pair p = make(1);
	struct net_device *c, *d;
	assert_int_equal(veth_pair_new(p.cpu, p.na, "w0", p.na, "w1", &c, &d), 0);
	assert_int_equal(d->ifindex, 3); /* the peer comes first */
	assert_int_equal(c->ifindex, 4);
	assert_int_equal(dev_iflink(c), 3);
	up(&p, c, true);
	up(&p, d, true);
	up(&p, c, false);
	is(d, IFF_UP, IF_OPER_LOWERLAYERDOWN, "noqueue");
	is(c, 0, IF_OPER_DOWN, "noqueue");
	end(&p);
}

static void test_lo(void **state)
{
	struct pair p = make(1);
	struct net_device *lo = p.na->dev->loopback;
	struct dev_stats s;
	assert_int_equal(lo->ifindex, 1);
	is(lo, 0, IF_OPER_DOWN, "noop");
	up(&p, lo, true);
	is(lo, SHOWN, IF_OPER_UNKNOWN, "noqueue");
	assert_int_equal(lo->mtu, 65536);
	dev_queue_xmit(p.cpu, test_frame(p.cpu, lo, NULL, ETH_P_IP, 98));
	assert_int_equal(got.n, 0); /* transmit never calls receive */
	world_run(p.w, p.cpu->now);
	assert_int_equal(got.n, 1);
	assert_int_equal(got.skb[0]->pkt_type, PACKET_HOST);
	assert_int_equal(got.skb[0]->len, 84);
	dev_get_stats(lo, &s);
	assert_int_equal(s.rx_bytes, 84);
	assert_int_equal(s.tx_packets, 1);
	struct nl_ext_ack ack = { 0 };
	assert_int_equal(dev_set_netns(p.cpu, lo, p.nb, NULL, &ack), -EINVAL);
	assert_string_equal(ack.msg, "The interface netns is immutable");
	end(&p);
}

static void test_cross(void **state)
{
	for (unsigned ncpus = 1; ncpus <= 2; ncpus++) {
		struct pair p = make(ncpus);
		struct dev_stats s;
		up(&p, p.a, true);
		up(&p, p.b, true);
		for (int i = 0; i < 3; i++)
			dev_queue_xmit(p.cpu, test_frame(p.cpu, p.a, p.b->dev_addr, ETH_P_IP, 100));
		world_run(p.w, p.cpu->now);
		assert_int_equal(got.n, 3);
		assert_int_equal(got.batches, 1);
		assert_ptr_equal(got.skb[0]->dev, p.b);
		assert_ptr_equal(got.cpu[0], p.nb->home);
		assert_int_equal(got.skb[0]->pkt_type, PACKET_HOST);
		assert_int_equal(got.skb[0]->skb_iif, p.b->ifindex);
		dev_get_stats(p.a, &s);
		assert_int_equal(s.tx_packets, 3);
		assert_int_equal(s.tx_bytes, 300);
		dev_get_stats(p.b, &s);
		assert_int_equal(s.rx_packets, 3);
		assert_int_equal(s.rx_bytes, 300);
		/* nobody's protocol */
		dev_queue_xmit(p.cpu, test_frame(p.cpu, p.a, p.b->dev_addr, 0x88b5, 100));
		world_run(p.w, p.cpu->now);
		assert_int_equal(drops_sum(p.nb, SKB_DROP_REASON_UNHANDLED_PROTO), 1);
		/* not for us: IP's to judge */
		dev_queue_xmit(p.cpu, test_frame(p.cpu, p.a, (u8[]){ 2, 0, 0, 0, 0, 9 }, ETH_P_IP, 100));
		world_run(p.w, p.cpu->now);
		assert_int_equal(got.skb[3]->pkt_type, PACKET_OTHERHOST);
		end(&p);
	}
}

static void test_drops(void **state)
{
	struct pair p = make(1);
	struct dev_stats s;
	assert_int_equal(dev_queue_xmit(p.cpu, test_frame(p.cpu, p.a, p.b->dev_addr, ETH_P_IP, 100)), -ENETDOWN);
	assert_int_equal(drops_sum(p.na, SKB_DROP_REASON_DEV_DOWN), 1);
	up(&p, p.a, true);
	assert_int_equal(dev_queue_xmit(p.cpu, test_frame(p.cpu, p.a, p.b->dev_addr, ETH_P_IP, 100)), 0);
	assert_int_equal(drops_sum(p.na, SKB_DROP_REASON_NO_CARRIER), 1);
	dev_get_stats(p.a, &s);
	assert_int_equal(s.tx_dropped, 2);
	up(&p, p.b, true);
	assert_int_equal(dev_set_mtu(p.cpu, p.b, 1000, NULL), 0);
	dev_queue_xmit(p.cpu, test_frame(p.cpu, p.a, p.b->dev_addr, ETH_P_IP, 1019));
	assert_int_equal(drops_sum(p.na, SKB_DROP_REASON_PKT_TOO_BIG), 1);
	dev_queue_xmit(p.cpu, test_frame(p.cpu, p.a, p.b->dev_addr, ETH_P_IP, 1018));
	/* down while it is under way */
	up(&p, p.b, false);
	world_run(p.w, p.cpu->now);
	assert_int_equal(drops_sum(p.nb, SKB_DROP_REASON_DEV_READY), 1);
	assert_int_equal(got.n, 0);
	end(&p);
}

static void test_backlog_full(void **state)
{
	struct pair p = make(1);
	struct dev_stats s;
	up(&p, p.a, true);
	up(&p, p.b, true);
	for (unsigned i = 0; i < p.cpu->backlog_max + 50; i++)
		dev_queue_xmit(p.cpu, test_frame(p.cpu, p.a, p.b->dev_addr, ETH_P_IP, 60));
	world_run(p.w, p.cpu->now);
	dev_get_stats(p.b, &s);
	assert_int_equal(drops_sum(p.nb, SKB_DROP_REASON_CPU_BACKLOG), p.cpu->backlog_max + 50 - got.n);
	assert_true(drops_sum(p.nb, SKB_DROP_REASON_CPU_BACKLOG) >= 40);
	assert_int_equal(s.rx_packets, got.n);
	end(&p);
}

static void test_config(void **state)
{
	struct pair p = make(1);
	struct nl_ext_ack ack = { 0 };
	struct net_device *c, *d;
	assert_int_equal(dev_set_mtu(p.cpu, p.a, 67, &ack), -EINVAL);
	assert_string_equal(ack.msg, "mtu less than device minimum");
	assert_int_equal(dev_set_mtu(p.cpu, p.a, 65536, &ack), -EINVAL);
	assert_string_equal(ack.msg, "mtu greater than device maximum");
	assert_int_equal(dev_set_mtu(p.cpu, p.a, 65535, &ack), 0);
	assert_int_equal(dev_set_mac(p.cpu, p.a, (u8[]){ 1, 0, 0, 0, 0, 1 }, NULL), -EADDRNOTAVAIL);
	assert_int_equal(dev_set_mac(p.cpu, p.a, (u8[6]){ 0 }, NULL), -EADDRNOTAVAIL);
	assert_int_equal(dev_set_mac(p.cpu, p.a, (u8[]){ 2, 0, 0, 0, 0, 1 }, NULL), 0);
	assert_int_equal(veth_pair_new(p.cpu, p.na, "va", p.nb, "vc", &c, &d), -EEXIST);
	assert_null(dev_by_name(p.nb, "vc"));
	assert_int_equal(veth_pair_new(p.cpu, p.na, "q0", p.na, "q0", &c, &d), -EEXIST);
	assert_int_equal(veth_pair_new(p.cpu, p.na, "a/b", p.na, "q0", &c, &d), -EINVAL);
	assert_int_equal(veth_pair_new(p.cpu, p.na, "q%d%d", p.na, "q0", &c, &d), -EINVAL);
	assert_int_equal(veth_pair_new(p.cpu, p.na, "q%d", p.na, "q%d", &c, &d), 0);
	assert_string_equal(c->name, "q1");
	assert_string_equal(d->name, "q0");
	assert_int_equal(dev_set_name(p.cpu, c, "va"), -EEXIST);
	assert_int_equal(dev_set_name(p.cpu, c, "q5"), 0);
	assert_ptr_equal(dev_by_name(p.na, "q5"), c);
	assert_null(dev_by_name(p.na, "q1"));
	assert_int_equal(dev_altname_add(p.cpu, c, "a-rather-long-alternative-name"), 0);
	assert_ptr_equal(dev_by_name(p.na, "a-rather-long-alternative-name"), c);
	assert_int_equal(dev_altname_add(p.cpu, d, "q5"), -EEXIST);
	/* flags */
	assert_int_equal(dev_change_flags(p.cpu, c, c->flags | IFF_PROMISC, NULL), 0);
	assert_int_equal(c->promiscuity, 1);
	assert_true(dev_get_flags(c) & IFF_PROMISC);
	dev_set_promiscuity(p.cpu, c, 1);
	assert_int_equal(dev_change_flags(p.cpu, c, dev_get_flags(c) & ~(u32)IFF_PROMISC, NULL), 0);
	assert_true(c->flags & IFF_PROMISC);	      /* a capture still wants it */
	assert_false(dev_get_flags(c) & IFF_PROMISC); /* and ip link does not show it */
	dev_set_promiscuity(p.cpu, c, -1);
	assert_false(c->flags & IFF_PROMISC);
	/* deleting one deletes both */
	c->kind->dellink(p.cpu, c);
	assert_null(dev_by_name(p.na, "q0"));
	assert_null(dev_by_name(p.na, "a-rather-long-alternative-name"));
	end(&p);
}

static void test_move(void **state)
{
	struct pair p = make(1);
	struct nl_ext_ack ack = { 0 };
	struct net_device *c, *d;
	assert_int_equal(veth_pair_new(p.cpu, p.nb, "va", p.nb, "vd", &c, &d), 0);
	assert_int_equal(dev_set_netns(p.cpu, p.a, p.nb, NULL, &ack), -EEXIST);
	assert_string_equal(ack.msg, "An interface with the same name exists in the target netns");
	up(&p, p.a, true);
	up(&p, p.b, true);
	events.n = 0;
	assert_int_equal(dev_set_netns(p.cpu, p.a, p.nb, "vn%d", &ack), 0);
	assert_string_equal(p.a->name, "vn0");
	assert_ptr_equal(p.a->net, p.nb);
	assert_int_equal(p.a->ifindex, 5); /* 2 is taken there */
	assert_false(p.a->flags & IFF_UP);
	assert_null(dev_by_name(p.na, "va"));
	assert_null(dev_by_index(p.na, 2));
	assert_ptr_equal(dev_link_netns(p.b), p.nb);
	const enum net_event want[] = { EV_LINK_GOING_DOWN, EV_LINK_CHANGE, EV_LINK_DOWN, EV_LINK_UNREGISTER, EV_LINK_MOVED };
	assert_int_equal(events.n, ARRAY_SIZE(want));
	for (unsigned i = 0; i < events.n; i++)
		assert_int_equal(events.ev[i], want[i]);
	end(&p);
}

static void test_features(void **state)
{
	struct pair p = make(1);
	u64 f = p.a->features;
	assert_string_equal(netdev_feature_name(11), "tx-generic-segmentation");
	assert_null(netdev_feature_name(13));
	assert_true(f & NETIF_F_GSO);
	assert_false(f & NETIF_F_GRO);
	dev_set_features(p.cpu, p.a, f & ~(u64)NETIF_F_SG);
	assert_false(p.a->features & (NETIF_F_SG | NETIF_F_GSO | NETIF_F_TSO));
	dev_set_features(p.cpu, p.a, f & ~(u64)NETIF_F_HW_CSUM);
	assert_true(p.a->features & NETIF_F_GSO);
	assert_false(p.a->features & (NETIF_F_TSO | NETIF_F_GSO_UDP_L4));
	dev_set_features(p.cpu, p.a, f | NETIF_F_RXHASH | NETIF_F_GRO);
	assert_int_equal(p.a->features, f | NETIF_F_GRO);
	end(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_carrier), cmocka_unit_test(test_lowerlayerdown), cmocka_unit_test(test_lo),
		cmocka_unit_test(test_cross),	cmocka_unit_test(test_drops),	       cmocka_unit_test(test_backlog_full),
		cmocka_unit_test(test_config),	cmocka_unit_test(test_move),	       cmocka_unit_test(test_features),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
