/* The bridge as a switch: learning, ageing, flooding, ports' flags, VLANs, the host's part, addresses, big packets, two cpus, and that a lack
 * of memory is survived.
 */
#include "link/bridge/test_bridge.h"
#include "link/vlan.h"

static void test_learns_and_forgets(void **state)
{
	struct lab l = lab_make(1);
	struct bridge *br = lab_bridge(&l, "br0");
	struct net_device *a = lab_host(&l, br), *b = lab_host(&l, br), *c = lab_host(&l, br);
	lab_send(&l, a, everybody, 100);
	assert_int_equal(lab_got(b), 1);
	assert_int_equal(lab_got(c), 1);
	assert_int_equal(lab_got(a), 0);
	assert_int_equal(lab_got(br->dev), 1);
	assert_ptr_equal(lab_learned(br, a, 0), lab_port(&l, a));
	lab_send(&l, b, a->dev_addr, 100);
	assert_int_equal(got.n, 1);
	assert_int_equal(lab_got(a), 1);
	lab_send(&l, c, (const u8[6]){ 2, 9, 9, 9, 9, 9 }, 100); /* nobody's */
	assert_int_equal(lab_got(a) + lab_got(b), 2);
	lab_wait_ms(&l, 299000);
	lab_send(&l, b, a->dev_addr, 100);
	assert_int_equal(got.n, 1); /* a is still known; b was heard again */
	lab_wait_ms(&l, 2000);
	assert_null(br_fdb_find(br, a->dev_addr, 0));
	assert_non_null(br_fdb_find(br, b->dev_addr, 0));
	lab_wait_ms(&l, 300000);
	assert_int_equal(br->fdb_learned, 0);
	lab_end(&l);
}

static void test_moves(void **state)
{
	struct lab l = lab_make(1);
	struct bridge *br = lab_bridge(&l, "br0");
	struct net_device *a = lab_host(&l, br), *b = lab_host(&l, br);
	lab_send(&l, a, everybody, 60);
	assert_int_equal(dev_set_mac(l.cpu, b, a->dev_addr, NULL), 0);
	lab_send(&l, b, everybody, 60);
	assert_ptr_equal(lab_learned(br, a, 0), lab_port(&l, b));
	lab_up(&l, b, false); /* its port is down: what it taught is gone */
	assert_null(br_fdb_find(br, a->dev_addr, 0));
	assert_int_equal(lab_port(&l, b)->state, BR_STATE_DISABLED);
	br->fdb_max_learned = 1;
	lab_send(&l, a, everybody, 60);
	lab_up(&l, b, true);
	assert_int_equal(dev_set_mac(l.cpu, b, (const u8[6]){ 2, 0, 0, 0, 1, 99 }, NULL), 0);
	lab_send(&l, b, everybody, 60);
	assert_int_equal(br->fdb_learned, 1);
	assert_null(br_fdb_find(br, b->dev_addr, 0));
	lab_end(&l);
}

static void test_sources_that_lie(void **state)
{
	struct lab l = lab_make(1);
	struct bridge *br = lab_bridge(&l, "br0");
	struct net_device *a = lab_host(&l, br), *b = lab_host(&l, br);
	u8 own[6];
	br->mcast->snooping = false; /* these frames say they are IP, and are not */
	memcpy(own, br->dev->dev_addr, 6);
	memcpy(a->dev_addr, (const u8[6]){ 1, 0, 0, 0, 0, 1 }, 6);
	lab_send(&l, a, everybody, 60);
	assert_int_equal(lab_got(b), 0);
	assert_int_equal(drops_sum(l.net, SKB_DROP_REASON_MAC_INVALID_SOURCE), 1);
	memcpy(a->dev_addr, own, 6); /* the bridge's own: is not believed */
	lab_send(&l, a, everybody, 60);
	assert_true(br_fdb_find(br, own, 0)->flags & FDB_LOCAL);
	memcpy(a->dev_addr, (const u8[6]){ 2, 0, 0, 0, 1, 1 }, 6);
	lab_send(&l, a, (const u8[6]){ 1, 0x80, 0xc2, 0, 0, 1 }, 60); /* pause */
	assert_int_equal(drops_sum(l.net, SKB_DROP_REASON_MAC_IEEE_MAC_CONTROL), 1);
	lab_send(&l, a, (const u8[6]){ 1, 0x80, 0xc2, 0, 0, 0x0e }, 60); /* LLDP: the port's, nobody else's */
	assert_int_equal(lab_got(b), 0);
	assert_int_equal(got.n, 1);
	assert_ptr_equal(got.skb[0]->dev, lab_port(&l, a)->dev);
	br->group_fwd_mask = 1 << 14;
	lab_send(&l, a, (const u8[6]){ 1, 0x80, 0xc2, 0, 0, 0x0e }, 60);
	assert_int_equal(lab_got(b), 1);
	lab_end(&l);
}

static void test_port_flags(void **state)
{
	struct lab l = lab_make(1);
	struct bridge *br = lab_bridge(&l, "br0");
	struct net_device *a = lab_host(&l, br), *b = lab_host(&l, br), *c = lab_host(&l, br);
	struct br_port *pa = lab_port(&l, a), *pb = lab_port(&l, b);
	br_port_set_flag(pa, BRP_ISOLATED, true);
	br_port_set_flag(pb, BRP_ISOLATED, true);
	lab_send(&l, a, everybody, 60);
	assert_int_equal(lab_got(b), 0);
	assert_int_equal(lab_got(c), 1);
	br_port_set_flag(pa, BRP_ISOLATED, false);
	br_port_set_flag(pb, BRP_ISOLATED, false);
	br_port_set_flag(pb, BRP_BCAST_FLOOD, false);
	lab_send(&l, a, everybody, 60);
	assert_int_equal(lab_got(b), 0);
	br_port_set_flag(pb, BRP_BCAST_FLOOD, true);
	br_port_set_flag(pa, BRP_HAIRPIN, true);
	lab_send(&l, a, everybody, 60);
	assert_int_equal(lab_got(a), 1);
	br_port_set_flag(pa, BRP_HAIRPIN, false);
	br_port_set_flag(pb, BRP_LOCKED, true);
	lab_send(&l, b, everybody, 60);
	assert_int_equal(got.n, 0);
	assert_int_equal(drops_sum(l.net, SKB_DROP_REASON_BRIDGE_PORT_LOCKED), 1);
	br_port_set_flag(pb, BRP_MAB, true);
	lab_send(&l, b, everybody, 60);
	assert_int_equal(got.n, 0);
	assert_true(br_fdb_find(br, b->dev_addr, 0)->flags & FDB_LOCKED); /* who asks is noted */
	lab_end(&l);
}

static void test_addresses(void **state)
{
	struct lab l = lab_make(1);
	struct bridge *br = lab_bridge(&l, "br0");
	struct net_device *a = lab_host(&l, br);
	struct br_port *pa = lab_port(&l, a);
	lab_host(&l, br);
	assert_memory_equal(br->dev->dev_addr, pa->dev->dev_addr, 6); /* the lowest */
	assert_int_equal(dev_set_mac(l.cpu, pa->dev, (const u8[6]){ 2, 0, 0, 0, 0, 0x50 }, NULL), 0);
	assert_memory_equal(br->dev->dev_addr, ((const u8[6]){ 2, 0, 0, 0, 0, 2 }), 6);
	assert_non_null(br_fdb_find(br, pa->dev->dev_addr, 0));
	assert_null(br_fdb_find(br, (const u8[6]){ 2, 0, 0, 0, 0, 1 }, 0));
	assert_int_equal(dev_set_mac(l.cpu, br->dev, (const u8[6]){ 2, 0, 0, 0, 0xf, 1 }, NULL), 0);
	assert_null(br_fdb_find(br, br->dev->dev_addr, 0)->dst);
	assert_int_equal(dev_set_mtu(l.cpu, pa->dev, 1300, NULL), 0);
	assert_int_equal(br->dev->mtu, 1300);
	assert_int_equal(dev_set_master(l.cpu, pa->dev, NULL, NULL), 0);
	assert_int_equal(br->dev->mtu, 1500);
	lab_send(&l, a, br->dev->dev_addr, 60);
	assert_int_equal(lab_got(br->dev), 0); /* it is no port any more */
	lab_end(&l);
}

static void test_carrier(void **state)
{
	struct lab l = lab_make(1);
	struct bridge *br = lab_bridge(&l, "br0");
	struct net_device *a = lab_host(&l, br);
	assert_true(br->dev->carrier);
	lab_up(&l, a, false);
	assert_false(br->dev->carrier);
	lab_up(&l, a, true);
	assert_true(br->dev->carrier);
	lab_up(&l, br->dev, false);
	assert_int_equal(lab_port(&l, a)->state, BR_STATE_DISABLED);
	lab_up(&l, br->dev, true);
	assert_int_equal(lab_port(&l, a)->state, BR_STATE_FORWARDING);
	dev_unregister(l.cpu, lab_port(&l, a)->dev); /* leaves the bridge */
	assert_true(list_empty(&br->ports));
	lab_end(&l);
}

static void test_vlans(void **state)
{
	struct lab l = lab_make(1);
	struct bridge *br = lab_bridge(&l, "br0");
	struct net_device *a = lab_host(&l, br), *b = lab_host(&l, br), *c = lab_host(&l, br);
	struct br_port *pb = lab_port(&l, b), *pc = lab_port(&l, c);
	struct sk_buff *skb;
	bool changed;
	u64 before;
	assert_int_equal(br_vlan_set_filtering(l.cpu, br, true), 0);
	br->vlan_stats = true;
	assert_int_equal(br_vlan_port_add(pb, 10, BRIDGE_VLAN_INFO_PVID | BRIDGE_VLAN_INFO_UNTAGGED, &changed, NULL), 0);
	assert_true(changed);
	assert_int_equal(br_vlan_port_del(pb, 1), 0);
	assert_int_equal(br_vlan_port_add(pc, 10, 0, &changed, NULL), 0);
	lab_send(&l, a, everybody, 60);
	assert_int_equal(lab_got(b), 0);
	assert_int_equal(lab_got(c), 1);
	assert_ptr_equal(lab_learned(br, a, 1), lab_port(&l, a));
	assert_null(br_fdb_find(br, a->dev_addr, 0));
	lab_send(&l, b, everybody, 60); /* leaves with a tag, which nobody there wants */
	assert_int_equal(lab_got(c), 1);
	assert_int_equal(got.skb[0]->pkt_type, PACKET_OTHERHOST);
	assert_int_equal(lab_got(a) + lab_got(br->dev), 0);
	collect_free(l.cpu);
	skb = test_frame(l.cpu, c, everybody, ETH_P_IP, 60); /* and comes back with one */
	skb->vlan_proto = BE16(ETH_P_8021Q);
	skb->vlan_tci = 10;
	dev_queue_xmit(l.cpu, skb);
	lab_run(&l);
	assert_int_equal(lab_got(b), 1);
	assert_false(vlan_tag_present(got.skb[0]));
	assert_int_equal(br_vlan_find(&br->vlans, 10)->stats->rx_packets, 2);
	assert_int_equal(br_vlan_port_del(pb, 10), 0);
	before = drops_sum(l.net, SKB_DROP_REASON_BRIDGE_VLAN_FILTER); /* of frames that the bridge itself is not to hear */
	lab_send(&l, b, everybody, 60);
	assert_int_equal(got.n, 0);
	assert_int_equal(drops_sum(l.net, SKB_DROP_REASON_BRIDGE_VLAN_FILTER), before + 1);
	assert_int_equal(br_vlan_port_del(pc, 10), 0);
	assert_null(br_vlan_find(&br->vlans, 10)); /* the last member takes it along */
	lab_end(&l);
}

static void test_from_the_host(void **state)
{
	struct lab l = lab_make(1);
	struct bridge *br = lab_bridge(&l, "br0");
	struct net_device *a = lab_host(&l, br), *b = lab_host(&l, br);
	lab_send(&l, br->dev, a->dev_addr, 60);
	assert_int_equal(lab_got(a), 1);
	assert_int_equal(lab_got(b), 1); /* heard by both, for a is not known */
	lab_send(&l, a, br->dev->dev_addr, 60);
	assert_int_equal(got.n, 1);
	assert_ptr_equal(got.skb[0]->dev, br->dev);
	assert_int_equal(got.skb[0]->pkt_type, PACKET_HOST);
	lab_send(&l, br->dev, a->dev_addr, 60);
	assert_int_equal(got.n, 1);
	assert_int_equal(br->dev->stats[0].tx_packets, 2);
	assert_int_equal(br->dev->stats[0].rx_packets, 1);
	lab_end(&l);
}

static void test_big_packets_stay_whole(void **state)
{
	struct lab l = lab_make(1);
	struct bridge *br = lab_bridge(&l, "br0");
	struct net_device *a = lab_host(&l, br), *b = lab_host(&l, br);
	struct sk_buff *skb = test_frame(l.cpu, a, everybody, ETH_P_IP, 20000);
	skb->gso_size = 1400;
	skb->gso_segs = 15;
	skb->gso_type = SKB_GSO_TCPV4;
	skb->ip_summed = CHECKSUM_PARTIAL;
	skb->csum_start = (u16)(skb->data - skb->head + ETH_HDR_LEN + 20);
	skb->csum_offset = 16;
	dev_queue_xmit(l.cpu, skb);
	lab_run(&l);
	assert_int_equal(lab_got(b), 1);
	assert_int_equal(got.skb[0]->gso_size, 1400);
	collect_free(l.cpu);
	dev_set_mtu(l.cpu, lab_port(&l, b)->dev, 1000, NULL);
	lab_send(&l, a, everybody, 1200);
	assert_int_equal(lab_got(b), 0);
	assert_int_equal(drops_sum(l.net, SKB_DROP_REASON_PKT_TOO_BIG), 1);
	lab_end(&l);
}

/* The hosts' namespace is at home on another cpu. */
static void test_two_cpus(void **state)
{
	struct lab l = lab_make(2);
	struct bridge *br = lab_bridge(&l, "br0");
	struct net_device *a = lab_host(&l, br), *b = lab_host(&l, br);
	for (int i = 0; i < 50; i++) {
		collect_free(l.cpu);
		dev_queue_xmit(a->net->home, test_frame(a->net->home, a, i ? b->dev_addr : everybody, ETH_P_IP, 60));
		world_run_until(l.w, l.cpu->now + NSEC_PER_MSEC);
		assert_int_equal(lab_got(b), 1);
		for (unsigned k = 0; k < got.n; k++)
			assert_ptr_equal(got.cpu[k], got.skb[k]->dev->net->home);
	}
	lab_end(&l);
}

static void test_no_memory(void **state)
{
	struct lab l = lab_make(1);
	struct net_device *dev = NULL, *x, *y;
	int err = -ENOMEM;
	for (u64 n = 1; err; n++) {
		l.w->mem.fail_at = n;
		err = lab_bridge_new(&l, "br0", &dev);
		l.w->mem.fail_at = 0;
		if (err)
			assert_null(dev_by_name(l.net, "br0"));
		assert_true(n < 50);
	}
	lab_up(&l, dev, true);
	assert_int_equal(veth_pair_new(l.cpu, l.net, "x", l.out, "y", &x, &y), 0);
	lab_up(&l, x, true);
	lab_up(&l, y, true);
	err = -ENOMEM;
	for (u64 n = 1; err; n++) {
		l.w->mem.fail_at = n;
		err = dev_set_master(l.cpu, x, dev, NULL);
		l.w->mem.fail_at = 0;
		assert_true(n < 50);
		if (err)
			assert_true(list_empty(&br_of(dev)->ports));
	}
	for (u64 n = 1; n < 8; n++) { /* a station that cannot be noted, copies that cannot be made */
		struct sk_buff *skb = test_frame(l.cpu, y, everybody, ETH_P_IP, 60);
		l.w->mem.fail_at = n;
		dev_queue_xmit(l.cpu, skb);
		lab_run(&l);
		l.w->mem.fail_at = 0;
	}
	lab_end(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_learns_and_forgets), cmocka_unit_test(test_moves), cmocka_unit_test(test_sources_that_lie),
		cmocka_unit_test(test_port_flags), cmocka_unit_test(test_addresses), cmocka_unit_test(test_carrier), cmocka_unit_test(test_vlans),
		cmocka_unit_test(test_from_the_host), cmocka_unit_test(test_big_packets_stay_whole), cmocka_unit_test(test_two_cpus),
		cmocka_unit_test(test_no_memory),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
