/* nic over memory ports: rings that overflow, budgets, interrupts and their moderation, doorbells, stopped queues, queues by hash,
 * vectors on other cpus, two nics wired together.
 */
#include "codec/wire/ip4hdr.h"
#include "link/test_stack.h"
#include "link/type/mem_port.h"
#include "link/type/nic.h"

static struct world *w;
static struct cpu *cpu;
static struct netns *net;
static const u8 mac_a[] = { 2, 0, 0, 0, 0, 0xa }, mac_b[] = { 2, 0, 0, 0, 0, 0xb };

static void begin(unsigned ncpus)
{
	w = test_world(&test_tables, ncpus);
	cpu = config_cpu(w);
	net = test_netns(w, "a", 0);
}
static void finish(void)
{
	collect_free(cpu);
	while (w->init_net)
		netns_free(w->init_net);
	world_run(w, cpu->now);
	world_free(w);
}
static struct net_device *make(struct netns *in, const char *name, const u8 *mac, unsigned queues, u32 rings, struct port **port)
{
	struct nic_config cfg = { .queues = queues, .rx_ring = rings, .tx_ring = rings, .mac = mac };
	struct net_device *dev;
	assert_int_equal(mem_port_new(&w->mem, port), 0);
	assert_int_equal(nic_new(cpu, in, name, *port, &cfg, &dev), 0);
	assert_int_equal(dev_change_flags(cpu, dev, dev->flags | IFF_UP, NULL), 0);
	return dev;
}
/* An Ethernet frame with a UDP-like packet of flow `flow`. */
static struct sk_buff *frame(const u8 *dst, unsigned flow, unsigned seq)
{
	struct sk_buff *skb = skb_alloc(cpu, SKB_HEADROOM + NET_IP_ALIGN, 64);
	u8 *p = skb_put(skb, 64);
	memset(p, 0, 64);
	eth_build((struct eth_hdr *)p, dst, mac_b, ETH_P_IP);
	struct ip4_hdr *ip = (struct ip4_hdr *)(p + 14);
	*ip = (struct ip4_hdr){ .ver_ihl = 0x45, .tot_len = BE16(50), .protocol = 17, .saddr = cpu_to_be32(0x0a000000 + flow * 7919),
				.daddr = BE32(0x0a000002) };
	memcpy(p + 34, (u8[]){ 0x10, (u8)flow, 0, 53 }, 4);
	memcpy(p + 42, &seq, 4);
	return skb;
}
static unsigned seq_of(const struct sk_buff *skb)
{
	unsigned seq;
	memcpy(&seq, skb->data + 28, 4);
	return seq;
}

static void test_rx(void **state)
{
	struct port *port;
	struct dev_stats s;
	struct sk_buff *skbs[100];
	begin(1);
	struct net_device *dev = make(net, "eth0", mac_a, 1, 0, &port);
	assert_int_equal(dev_get_operstate(dev), IF_OPER_UP);
	assert_string_equal(qdisc_name(dev), "pfifo_fast");
	for (int i = 0; i < 100; i++)
		skbs[i] = frame(mac_a, 1, (unsigned)i);
	assert_int_equal(mem_port_inject(cpu, port, 0, skbs, 100), 100);
	assert_int_equal(got.n, 0);
	world_run(w, cpu->now);
	assert_int_equal(got.n, 100);
	for (unsigned i = 0; i < 100; i++)
		assert_int_equal(seq_of(got.skb[i]), i);
	assert_int_equal(nic_of(dev)->q[0].stats.interrupts, 1);
	dev_get_stats(dev, &s);
	assert_int_equal(s.rx_packets, 100);
	assert_int_equal(s.rx_bytes, 6400);
	/* a runt, and a frame to somebody else */
	assert_int_equal(mem_port_inject_bytes(cpu, port, 0, "abc", 3), 0);
	skbs[0] = frame(mac_b, 1, 0);
	mem_port_inject(cpu, port, 0, skbs, 1);
	world_run(w, cpu->now);
	assert_int_equal(drops_sum(net, SKB_DROP_REASON_PKT_TOO_SMALL), 1);
	assert_int_equal(got.n, 100); /* the card's filter */
	assert_int_equal(drops_sum(net, SKB_DROP_REASON_OTHERHOST), 1);
	dev_set_promiscuity(cpu, dev, 1);
	skbs[0] = frame(mac_b, 1, 0);
	mem_port_inject(cpu, port, 0, skbs, 1);
	world_run(w, cpu->now);
	assert_int_equal(got.n, 101);
	assert_int_equal(got.skb[100]->pkt_type, PACKET_OTHERHOST);
	dev_set_promiscuity(cpu, dev, -1);
	dev_get_stats(dev, &s);
	assert_int_equal(s.rx_length_errors, 1);
	finish();
}

/* One frame to dst; whether it passed the card's filter. */
static bool passes(struct port *port, const u8 *dst)
{
	struct sk_buff *skb = frame(dst, 1, 0);
	bool passed;
	mem_port_inject(cpu, port, 0, &skb, 1);
	world_run(w, cpu->now);
	passed = got.n;
	collect_free(cpu);
	return passed;
}

static void test_filter(void **state)
{
	static const u8 group[] = { 1, 0, 0x5e, 1, 2, 3 }, other_group[] = { 1, 0, 0x5e, 1, 2, 4 }, all[] = { 255, 255, 255, 255, 255, 255 };
	struct port *port;
	begin(1);
	struct net_device *dev = make(net, "eth0", mac_a, 1, 0, &port);
	assert_true(passes(port, mac_a));
	assert_true(passes(port, all));
	assert_false(passes(port, mac_b));
	assert_false(passes(port, group));
	dev_mc_add(dev, group);
	dev_uc_add(dev, mac_b);
	assert_int_equal(dev->promiscuity, 0); /* it can tell addresses apart */
	assert_true(passes(port, mac_b));
	assert_true(passes(port, group));
	assert_false(passes(port, other_group));
	dev_set_allmulti(cpu, dev, 1);
	assert_true(passes(port, other_group));
	dev_uc_del(dev, mac_b);
	assert_false(passes(port, mac_b));
	finish();
}

/* Tags are taken off and put on by the card as long as it is to do so. */
static void test_vlan_offload(void **state)
{
	struct port *port;
	struct sk_buff *skb;
	begin(1);
	struct net_device *dev = make(net, "eth0", mac_a, 1, 0, &port);
	for (int on = 1; on >= 0; on--) {
		if (!on)
			dev_set_features(cpu, dev, dev->features & ~(u64)(NETIF_F_HW_VLAN_TX | NETIF_F_HW_VLAN_RX));
		skb = frame(mac_b, 1, 0);
		skb->dev = dev;
		skb->protocol = BE16(ETH_P_IP);
		skb->vlan_proto = BE16(ETH_P_8021Q);
		skb->vlan_tci = 0x6009;
		assert_int_equal(dev_queue_xmit(cpu, skb), 0);
		world_run(w, cpu->now);
		assert_int_equal(mem_port_collect(cpu, port, 0, &skb, 1), 1);
		assert_int_equal(skb->len, 68);
		assert_memory_equal(skb->data + 12, "\x81\x00\x60\x09\x08\x00\x45", 7);
		memcpy(skb->data, mac_a, 6);
		skb->dev = NULL;
		mem_port_inject(cpu, port, 0, &skb, 1);
		world_run(w, cpu->now);
		assert_int_equal(got.n, 1);
		assert_int_equal(got.skb[0]->pkt_type, PACKET_OTHERHOST); /* no VLAN device: nobody's */
		assert_int_equal(got.skb[0]->data[0], 0x45);
		collect_free(cpu);
	}
	finish();
}

static void test_overflow(void **state)
{
	struct port *port;
	struct dev_stats s;
	begin(1);
	struct net_device *dev = make(net, "eth0", mac_a, 1, 256, &port);
	for (unsigned i = 0; i < 300; i++) {
		struct sk_buff *skb = frame(mac_a, 1, i);
		mem_port_inject(cpu, port, 0, &skb, 1);
	}
	world_run(w, cpu->now);
	assert_int_equal(got.n, 256);
	assert_int_equal(drops_sum(net, SKB_DROP_REASON_FULL_RING), 44);
	dev_get_stats(dev, &s);
	assert_int_equal(s.rx_missed_errors, 44);
	/* down: the wire is dead */
	dev_change_flags(cpu, dev, dev->flags & ~(u32)IFF_UP, NULL);
	struct sk_buff *skb = frame(mac_a, 1, 0);
	assert_int_equal(mem_port_inject(cpu, port, 0, &skb, 1), 0);
	assert_int_equal(drops_sum(net, SKB_DROP_REASON_DEV_READY), 1);
	finish();
}

static void test_budget(void **state)
{
	struct port *port;
	begin(1);
	struct net_device *dev = make(net, "eth0", mac_a, 1, 2048, &port);
	for (unsigned i = 0; i < 2000; i++) {
		struct sk_buff *skb = frame(mac_a, 1, i);
		mem_port_inject(cpu, port, 0, &skb, 1);
	}
	/* One step handles netdev_budget and a poll's weight at most, and is due again at once: no livelock. */
	assert_int_equal(cpu_run(cpu, cpu->now), cpu->now);
	assert_in_range(got.n, w->netdev_budget, w->netdev_budget + w->dev_weight);
	assert_int_equal(cpu->softnet.time_squeeze, 1);
	world_run(w, cpu->now);
	assert_int_equal(got.n, 2000);
	assert_int_equal(nic_of(dev)->q[0].stats.interrupts, 1);
	finish();
}

static void test_moderation(void **state)
{
	struct port *port;
	begin(1);
	struct net_device *dev = make(net, "eth0", mac_a, 1, 0, &port);
	nic_set_coalesce(dev, 100);
	for (unsigned i = 0; i < 100; i++) {
		struct sk_buff *skb = frame(mac_a, 1, i);
		mem_port_inject(cpu, port, 0, &skb, 1);
		world_run_until(w, cpu->now + 10 * NSEC_PER_USEC);
	}
	world_run_until(w, cpu->now + NSEC_PER_MSEC);
	assert_int_equal(got.n, 100);
	assert_in_range(nic_of(dev)->q[0].stats.interrupts, 9, 12); /* one per 100 us instead of one per packet */
	finish();
}

static void test_tx(void **state)
{
	struct port *port;
	struct dev_stats s;
	struct sk_buff *out[2048];
	begin(1);
	struct net_device *dev = make(net, "eth0", mac_a, 1, 256, &port);
	for (unsigned i = 0; i < 10; i++)
		assert_int_equal(dev_queue_xmit(cpu, test_frame(cpu, dev, mac_b, ETH_P_IP, 64)), 0);
	assert_int_equal(mem_port_collect(cpu, port, 0, out, 2048), 0); /* the doorbell has not rung */
	world_run(w, cpu->now);
	assert_int_equal(mem_port_collect(cpu, port, 0, out, 2048), 10);
	assert_memory_equal(out[0]->data, mac_b, 6);
	for (unsigned i = 0; i < 10; i++)
		skb_consume(cpu, out[i]);
	/* Wire ring, descriptor ring and qdisc fill up, in this order; then packets are lost and the sender hears of it. */
	unsigned lost = 0;
	for (unsigned i = 0; i < 3000; i++) {
		lost += dev_queue_xmit(cpu, test_frame(cpu, dev, mac_b, ETH_P_IP, 64)) == -ENOBUFS;
		world_run(w, cpu->now);
	}
	assert_int_equal(lost, 3000 - 256 - 256 - 1000);
	assert_int_equal(drops_sum(net, SKB_DROP_REASON_QDISC_OVERLIMIT), lost);
	assert_int_equal(dev->qdisc->stats.qlen, 1000);
	assert_int_equal(dev->qdisc->stats.drops, lost);
	unsigned all = 0, n;
	while ((n = mem_port_collect(cpu, port, 0, out, 2048))) {
		for (unsigned i = 0; i < n; i++)
			skb_consume(cpu, out[i]);
		all += n;
		world_run(w, cpu->now);
	}
	assert_int_equal(all, 1512);
	assert_int_equal(dev->qdisc->stats.qlen, 0);
	dev_get_stats(dev, &s);
	assert_int_equal(s.tx_packets, 1522);
	assert_int_equal(s.tx_bytes, 1522 * 64);
	/* What waits when the device goes down is dropped. */
	for (unsigned i = 0; i < 600; i++)
		dev_queue_xmit(cpu, test_frame(cpu, dev, mac_b, ETH_P_IP, 64));
	dev_change_flags(cpu, dev, dev->flags & ~(u32)IFF_UP, NULL);
	assert_int_equal(drops_sum(net, SKB_DROP_REASON_QUEUE_PURGE), 600 - 256);
	assert_int_equal(drops_sum(net, SKB_DROP_REASON_DEV_READY), 256);
	finish();
}

static void test_bands(void **state)
{
	struct port *port;
	struct sk_buff *out[2048];
	unsigned n;
	begin(1);
	struct net_device *dev = make(net, "eth0", mac_a, 1, 64, &port);
	for (unsigned i = 0; i < 64 + 6; i++) {
		struct sk_buff *skb = test_frame(cpu, dev, mac_b, ETH_P_IP, 64);
		skb->priority = i < 64 ? 0 : i % 2 ? 6 : 2; /* TC_PRIO_INTERACTIVE, TC_PRIO_BULK */
		skb->mark = i;
		dev_queue_xmit(cpu, skb);
	}
	world_run(w, cpu->now);
	n = mem_port_collect(cpu, port, 0, out, 2048);
	assert_int_equal(n, 64);
	world_run(w, cpu->now);
	n += mem_port_collect(cpu, port, 0, out + n, 2048 - n);
	assert_int_equal(n, 70);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(out[64 + i]->mark, 65 + 2 * i); /* interactive first */
		assert_int_equal(out[67 + i]->mark, 64 + 2 * i);
	}
	for (unsigned i = 0; i < n; i++)
		skb_consume(cpu, out[i]);
	finish();
}

/* The verification suite of Microsoft's RSS specification, with its key. */
static void test_toeplitz(void **state)
{
	static const u8 key[NIC_RSS_KEY] = { 0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e, 0xc2, 0x41, 0x67, 0x25, 0x3d, 0x43, 0xa3,
					     0x8f, 0xb0, 0xd0, 0xca, 0x2b, 0xcb, 0xae, 0x7b, 0x30, 0xb4, 0x77, 0xcb, 0x2d, 0xa3,
					     0x80, 0x30, 0xf2, 0x0c, 0x6a, 0x42, 0xb7, 0x3b, 0xbe, 0xac, 0x01, 0xfa };
	static struct nic_rss r;
	bool l4;
	begin(1);
	nic_rss_init(&r, 4);
	nic_rss_set_key(&r, key);
	struct sk_buff *skb = frame(mac_a, 0, 0);
	u8 *ip = skb->data + 14;
	memcpy(ip + 12, (u8[]){ 66, 9, 149, 187, 161, 142, 100, 80, 2794 >> 8, 2794 & 255, 1766 >> 8, 1766 & 255 }, 12);
	assert_int_equal(nic_rss_hash(&r, skb, &l4), 0x51ccc178);
	assert_true(l4);
	ip[9] = 1; /* ICMP: addresses only */
	assert_int_equal(nic_rss_hash(&r, skb, &l4), 0x323e8fc2);
	assert_false(l4);
	ip[9] = 17;
	ip[6] = 0x20; /* a fragment */
	assert_int_equal(nic_rss_hash(&r, skb, &l4), 0x323e8fc2);
	/* The default key gives both directions one hash. */
	ip[6] = 0;
	nic_rss_init(&r, 4);
	u32 h = nic_rss_hash(&r, skb, &l4);
	memcpy(ip + 12, (u8[]){ 161, 142, 100, 80, 66, 9, 149, 187, 1766 >> 8, 1766 & 255, 2794 >> 8, 2794 & 255 }, 12);
	assert_int_equal(nic_rss_hash(&r, skb, &l4), h);
	skb_consume(cpu, skb);
	finish();
}

static void test_queues(void **state)
{
	struct port *port;
	unsigned last[64] = { 0 }, per_queue[4] = { 0 };
	begin(2);
	struct net_device *dev = make(net, "eth0", mac_a, 4, 1024, &port);
	assert_string_equal(qdisc_name(dev), "mq");
	nic_set_vector(cpu, dev, 1, w->cpu[1]); /* receives elsewhere, and crosses to the namespace's home */
	for (unsigned i = 1; i <= 1600; i++) {
		struct sk_buff *skb = frame(mac_a, i % 64, i);
		assert_int_equal(mem_port_inject(cpu, port, MEM_PORT_RSS, &skb, 1), 1);
	}
	world_run(w, cpu->now);
	assert_int_equal(got.n, 1600);
	for (unsigned i = 0; i < got.n; i++) {
		unsigned flow = got.skb[i]->data[21]; /* lowest byte of the source port */
		assert_ptr_equal(got.cpu[i], cpu);
		assert_true(seq_of(got.skb[i]) > last[flow]); /* a flow keeps its order */
		last[flow] = seq_of(got.skb[i]);
		per_queue[(got.skb[i]->queue_mapping - 1) % 4]++;
		assert_int_not_equal(got.skb[i]->hash, 0);
	}
	for (unsigned q = 0; q < 4; q++)
		assert_true(per_queue[q] > 0);
	assert_int_equal(nic_set_queues(cpu, dev, 2), 0);
	assert_int_equal(nic_set_queues(cpu, dev, 5), -EINVAL);
	assert_int_equal(nic_set_rings(cpu, dev, 100, 128), -EINVAL);
	assert_int_equal(nic_set_rings(cpu, dev, 128, 128), 0);
	for (unsigned i = 1; i <= 64; i++) {
		struct sk_buff *skb = frame(mac_a, i % 64, 10000 + i);
		mem_port_inject(cpu, port, MEM_PORT_RSS, &skb, 1);
	}
	world_run(w, cpu->now);
	assert_int_equal(got.n, 1664);
	finish();
}

static void test_wire(void **state)
{
	for (unsigned ncpus = 1; ncpus <= 2; ncpus++) {
		struct port *pa, *pb;
		begin(ncpus);
		struct netns *other = test_netns(w, "b", ncpus > 1);
		struct net_device *a = make(net, "eth0", mac_a, 1, 0, &pa), *b = make(other, "eth0", mac_b, 1, 0, &pb);
		mem_port_wire(pa, pb);
		for (unsigned i = 0; i < 20; i++)
			dev_queue_xmit(cpu, test_frame(cpu, a, mac_b, ETH_P_IP, 64));
		world_run(w, cpu->now);
		assert_int_equal(got.n, 20);
		assert_ptr_equal(got.skb[19]->dev, b);
		assert_ptr_equal(got.cpu[19], other->home);
		assert_int_equal(got.skb[19]->pkt_type, PACKET_HOST);
		/* A nic outlives its namespace: it goes home, to the first one, under another name when need be. */
		collect_free(cpu);
		netns_free(other);
		world_run(w, cpu->now);
		assert_ptr_equal(b->net, net);
		assert_string_equal(b->name, "dev0");
		finish();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rx), cmocka_unit_test(test_filter), cmocka_unit_test(test_vlan_offload),	cmocka_unit_test(test_overflow), cmocka_unit_test(test_budget),
		cmocka_unit_test(test_moderation), cmocka_unit_test(test_tx),	 cmocka_unit_test(test_bands),
		cmocka_unit_test(test_toeplitz), cmocka_unit_test(test_queues),	 cmocka_unit_test(test_wire),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
