/* VLAN devices: tags beside and inside frames, stacked tags, priorities, tags of nobody, big packets through stacked devices,
 * and that making one survives a lack of memory.
 */
#include <linux/if_vlan.h>

#include "link/gro.h"
#include "link/type/stacked_test.h"
#include "link/type/veth.h"
#include "link/type/vlan_dev.h"
#include "link/vlan.h"

struct lab {
	struct world *w;
	struct cpu *cpu;
	struct netns *na, *nb;
	struct net_device *a, *b; /* a veth pair, up */
};
static const u8 everybody[6] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };

static struct lab make(void)
{
	struct lab l = { .w = test_world(&test_tables, 1) };
	l.cpu = config_cpu(l.w);
	l.na = test_netns(l.w, "a", 0);
	l.nb = test_netns(l.w, "b", 0);
	assert_int_equal(veth_pair_new(l.cpu, l.na, "va", l.nb, "vb", &l.a, &l.b), 0);
	stacked_up(l.cpu, l.a, true);
	stacked_up(l.cpu, l.b, true);
	return l;
}
static void end(struct lab *l)
{
	collect_free(l->cpu);
	netns_free(l->na);
	netns_free(l->nb);
	world_run(l->w, l->cpu->now);
	world_free(l->w);
}

struct qos { u32 from, to; };
static struct net_device *vlan_over(struct lab *l, struct net_device *real, u16 id, u16 proto, u32 flags_off, const struct qos *in, const struct qos *eg)
{
	struct stacked_opts o = stacked_begin(l->w);
	struct ifla_vlan_flags f = { .flags = 0, .mask = flags_off };
	struct net_device *dev = NULL;
	char name[DEV_NAME_SIZE];
	size_t nest;
	nl_put_u16(&o.b, IFLA_VLAN_ID, id);
	nl_put_u16(&o.b, IFLA_VLAN_PROTOCOL, cpu_to_be16(proto).raw);
	if (flags_off)
		nl_put(&o.b, IFLA_VLAN_FLAGS, &f, sizeof(f));
	for (int i = 0; i < 2; i++) {
		if (!(i ? eg : in))
			continue;
		nest = nl_nest(&o.b, i ? IFLA_VLAN_EGRESS_QOS : IFLA_VLAN_INGRESS_QOS);
		nl_put(&o.b, IFLA_VLAN_QOS_MAPPING, i ? eg : in, sizeof(struct qos));
		nl_nest_end(&o.b, nest);
	}
	snprintf(name, sizeof(name), "%.7s%c%u", real->name, proto == ETH_P_8021Q ? '.' : '-', id);
	assert_int_equal(stacked_new(l->cpu, &link_kind_vlan, real->net, real, name, &o, NULL, &dev), 0);
	stacked_up(l->cpu, dev, true);
	return dev;
}
static struct net_device *vlan(struct lab *l, struct net_device *real, u16 id) { return vlan_over(l, real, id, ETH_P_8021Q, 0, NULL, NULL); }

static void run(struct lab *l) { world_run(l->w, l->cpu->now); }

static void switch_off(struct lab *l, struct net_device *dev, u64 f)
{
	assert_int_equal(dev_set_features(l->cpu, dev, dev->features & ~f), 0);
	assert_int_equal(dev->features & f, 0);
}

static void test_beside_and_inside(void **state)
{
	struct lab l = make();
	struct net_device *va = vlan(&l, l.a, 5), *vb = vlan(&l, l.b, 5);
	for (int inside = 0; inside < 2; inside++) {
		if (inside) /* what the device does not insert is inserted for it */
			switch_off(&l, l.a, NETIF_F_HW_VLAN_TX);
		assert_int_equal(dev_queue_xmit(l.cpu, test_frame(l.cpu, va, everybody, ETH_P_IP, 114)), 0);
		run(&l);
		assert_int_equal(got.n, 1);
		assert_ptr_equal(got.skb[0]->dev, vb);
		assert_int_equal(got.skb[0]->len, 100);
		assert_int_equal(got.skb[0]->data[0], 0xa5);
		assert_memory_equal(skb_mac_header(got.skb[0]) + 6, va->dev_addr, 6);
		assert_false(vlan_tag_present(got.skb[0]));
		collect_free(l.cpu);
	}
	assert_int_equal(va->stats[0].tx_packets, 2);
	assert_int_equal(va->stats[0].tx_bytes, 228);
	assert_int_equal(vb->stats[0].rx_bytes, 200); /* a VLAN device counts without the header */
	assert_int_equal(l.b->stats[0].rx_bytes, 114 + 118);
	end(&l);
}

static void test_stacked_tags(void **state)
{
	struct lab l = make();
	struct net_device *sa = vlan_over(&l, l.a, 100, ETH_P_8021AD, 0, NULL, NULL), *sb = vlan_over(&l, l.b, 100, ETH_P_8021AD, 0, NULL, NULL);
	struct net_device *ca = vlan(&l, sa, 7), *cb = vlan(&l, sb, 7), *same = vlan(&l, l.b, 100);
	switch_off(&l, l.a, NETIF_F_HW_VLAN_STAG_TX);
	assert_int_equal(dev_queue_xmit(l.cpu, test_frame(l.cpu, ca, everybody, ETH_P_IP, 64)), 0);
	run(&l);
	assert_int_equal(got.n, 1);
	assert_ptr_equal(got.skb[0]->dev, cb);
	assert_int_equal(got.skb[0]->len, 50);
	assert_int_equal(same->stats[0].rx_packets, 0); /* 802.1Q's 100 is not 802.1ad's */
	assert_int_equal(sb->stats[0].rx_packets, 1);
	end(&l);
}

static void test_priorities(void **state)
{
	struct lab l = make();
	struct net_device *va = vlan_over(&l, l.a, 5, ETH_P_8021Q, 0, NULL, &(struct qos){ 3, 6 });
	struct net_device *vb = vlan_over(&l, l.b, 5, ETH_P_8021Q, 0, &(struct qos){ 6, 42 }, NULL);
	struct sk_buff *skb = test_frame(l.cpu, va, everybody, ETH_P_IP, 64);
	skb->priority = 3;
	assert_int_equal(dev_queue_xmit(l.cpu, skb), 0);
	run(&l);
	assert_int_equal(got.n, 1);
	assert_ptr_equal(got.skb[0]->dev, vb);
	assert_int_equal(got.skb[0]->priority, 42);
	end(&l);
}

/* A frame with this tag in it, sent by va itself. */
static void send_tagged(struct lab *l, u16 tci, const u8 *dst)
{
	struct sk_buff *skb = test_frame(l->cpu, l->a, dst, ETH_P_IP, 64);
	skb->vlan_proto = BE16(ETH_P_8021Q);
	skb->vlan_tci = tci;
	assert_true(vlan_insert(l->cpu, skb));
	assert_int_equal(skb->len, 68);
	assert_int_equal(dev_queue_xmit(l->cpu, skb), 0);
	run(l);
}

static void test_nobodys_vlan(void **state)
{
	struct lab l = make();
	struct net_device *vb = vlan(&l, l.b, 5);
	send_tagged(&l, 6, l.b->dev_addr); /* no device for 6: IP gets it as somebody else's */
	assert_int_equal(got.n, 1);
	assert_ptr_equal(got.skb[0]->dev, l.b);
	assert_int_equal(got.skb[0]->pkt_type, PACKET_OTHERHOST);
	collect_free(l.cpu);
	send_tagged(&l, 0xa000, l.b->dev_addr); /* a priority alone is no VLAN */
	assert_int_equal(got.n, 1);
	assert_ptr_equal(got.skb[0]->dev, l.b);
	assert_int_equal(got.skb[0]->pkt_type, PACKET_HOST);
	collect_free(l.cpu);
	stacked_up(l.cpu, vb, false);
	send_tagged(&l, 5, l.b->dev_addr);
	assert_int_equal(got.n, 0);
	assert_int_equal(drops_sum(l.nb, SKB_DROP_REASON_DEV_READY), 1);
	end(&l);
}

static void test_own_address(void **state)
{
	static const u8 mine[6] = { 2, 0, 0, 0, 0, 9 };
	struct lab l = make();
	struct net_device *vb = vlan(&l, l.b, 5);
	assert_int_equal(dev_set_mac(l.cpu, vb, mine, NULL), 0);
	assert_int_equal(l.b->promiscuity, 1); /* veth does not tell unicast addresses apart */
	send_tagged(&l, 5, mine);
	assert_int_equal(got.n, 1);
	assert_int_equal(got.skb[0]->pkt_type, PACKET_HOST);
	assert_int_equal(dev_set_mac(l.cpu, vb, l.b->dev_addr, NULL), 0);
	assert_int_equal(l.b->promiscuity, 0);
	end(&l);
}

static void test_truncated_tag(void **state)
{
	struct lab l = make();
	struct sk_buff *skb = test_frame(l.cpu, l.a, everybody, ETH_P_8021Q, 16);
	assert_int_equal(dev_queue_xmit(l.cpu, skb), 0);
	run(&l);
	assert_int_equal(got.n, 0);
	assert_int_equal(drops_sum(l.nb, SKB_DROP_REASON_HDR_TRUNC), 1);
	end(&l);
}

static void test_tag_kept_in_frame(void **state)
{
	struct lab l = make();
	struct net_device *vb = vlan_over(&l, l.b, 5, ETH_P_8021Q, VLAN_FLAG_REORDER_HDR, NULL, NULL);
	send_tagged(&l, 0x2005, everybody);
	assert_int_equal(got.n, 1);
	assert_ptr_equal(got.skb[0]->dev, vb);
	assert_int_equal(got.skb[0]->mac_len, 18);
	assert_int_equal(got.skb[0]->len, 50);
	assert_memory_equal(skb_mac_header(got.skb[0]) + 12, "\x81\x00\x20\x05\x08\x00", 6);
	assert_int_equal(be16_to_cpu(got.skb[0]->protocol), ETH_P_IP);
	end(&l);
}

static void test_shared_bytes(void **state)
{
	struct lab l = make();
	struct net_device *va = vlan(&l, l.a, 5);
	struct sk_buff *skb = test_frame(l.cpu, va, everybody, ETH_P_IP, 64), *other = skb_clone(l.cpu, skb);
	vlan(&l, l.b, 5);
	switch_off(&l, l.a, NETIF_F_HW_VLAN_TX);
	assert_int_equal(dev_queue_xmit(l.cpu, skb), 0);
	run(&l);
	assert_int_equal(got.n, 1);
	assert_memory_equal(other->data, everybody, 6); /* untouched by tags that came and went */
	assert_memory_equal(other->data + 12, "\x08\x00", 2);
	assert_int_equal(other->len, 64);
	skb_consume(l.cpu, other);
	end(&l);
}

static void test_loops_and_depth(void **state)
{
	struct lab l = make();
	struct net_device *top = l.a;
	struct stacked_opts o;
	int err = 0;
	for (u16 i = 1; i < 12 && !err; i++) {
		char name[DEV_NAME_SIZE];
		snprintf(name, sizeof(name), "n%u", i);
		o = stacked_begin(l.w);
		nl_put_u16(&o.b, IFLA_VLAN_ID, i);
		err = stacked_new(l.cpu, &link_kind_vlan, l.na, top, name, &o, NULL, &top);
	}
	assert_int_equal(err, -EMLINK);
	assert_string_equal(top->name, "n9");
	assert_true(dev_has_upper(l.a, top));
	dev_unregister(l.cpu, dev_by_name(l.na, "n3")); /* and all above it */
	assert_null(dev_by_name(l.na, "n9"));
	assert_non_null(dev_by_name(l.na, "n2"));
	end(&l);
}

static void test_no_memory(void **state)
{
	struct lab l = make();
	struct net_device *dev;
	int err = -ENOMEM;
	for (u64 n = 1; err; n++) {
		struct stacked_opts o = stacked_begin(l.w);
		u32 link_attr[2] = { 8 | IFLA_LINK << 16, (u32)l.a->ifindex };
		struct nl_attrs attrs = { .max = IFLA_MAX }, data;
		nl_put_u16(&o.b, IFLA_VLAN_ID, 9);
		attrs.a[IFLA_LINK] = (const struct nlattr *)link_attr;
		stacked_data(&o, &link_kind_vlan, &data, NULL);
		l.w->mem.fail_at = n;
		dev = dev_new(l.na, &link_kind_vlan, "x", 0, 0);
		err = dev ? link_kind_vlan.newlink(l.cpu, l.na, dev, &attrs, &data, NULL) : -ENOMEM;
		l.w->mem.fail_at = 0;
		if (err) {
			assert_int_equal(err, -ENOMEM);
			if (dev)
				dev_free(dev);
			assert_null(l.a->vlans);
			assert_true(list_empty(&l.a->uppers));
		}
		nl_buf_fini(&o.b);
		assert_true(n < 50);
	}
	end(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_beside_and_inside), cmocka_unit_test(test_stacked_tags), cmocka_unit_test(test_priorities),
		cmocka_unit_test(test_nobodys_vlan), cmocka_unit_test(test_own_address), cmocka_unit_test(test_truncated_tag),
		cmocka_unit_test(test_tag_kept_in_frame), cmocka_unit_test(test_shared_bytes), cmocka_unit_test(test_loops_and_depth),
		cmocka_unit_test(test_no_memory),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
