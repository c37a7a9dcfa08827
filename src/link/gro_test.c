/* GRO and GSO with a network layer and a transport made up for this test: random segments of several flows, with gaps, flags, oddities
 * and different layouts, some of them big already, are merged and must come up as the same bytes in the same order; what is merged is
 * cut again into the very packets that came.
 */
#include "codec/wire/checksum.h"
#include "link/gro.h"
#include "link/test_stack.h"
#include "link/type/mem_port.h"
#include "link/type/nic.h"

/* The made-up headers: 8 bytes each. */
struct l3 { u8 src, dst, proto, ttl; be16 len; u16 check; } __packed_alias;
struct l4 { u8 sport, dport, flags, pad; be32 seq; } __packed_alias;
#define HDRS 16
enum { PUSH = 1, URGENT = 2 };

static struct sk_buff *l4_receive(struct cpu *cpu, struct skb_list *held, struct sk_buff *skb)
{
	const struct l4 *h = (const struct l4 *)skb_transport_header(skb);
	u32 payload = skb->len - HDRS;
	for (struct sk_buff *p = held->first; p; p = p->next) {
		const struct l4 *ph = (const struct l4 *)skb_transport_header(p);
		u32 psize = GRO_CB(p)->l4_u32[0], next = be32_to_cpu(ph->seq) + p->len - HDRS;
		if (!GRO_CB(p)->same_flow || ph->sport != h->sport || ph->dport != h->dport)
			continue;
		if (GRO_CB(p)->flush_id || GRO_CB(skb)->flush || h->flags & URGENT || be32_to_cpu(h->seq) != next || payload > psize ||
		    !payload || (ph->flags & PUSH) || !gro_merge(cpu, p, skb, HDRS)) {
			GRO_CB(skb)->flush |= h->flags & URGENT || !payload;
			GRO_CB(skb)->l4_u32[0] = payload;
			return p;
		}
		((struct l4 *)skb_transport_header(p))->flags |= h->flags;
		return payload < psize || h->flags & PUSH ? p : NULL;
	}
	GRO_CB(skb)->l4_u32[0] = payload;
	GRO_CB(skb)->flush |= h->flags & (URGENT | PUSH) || !payload;
	return NULL;
}
static struct sk_buff *l3_receive(struct cpu *cpu, struct skb_list *held, struct sk_buff *skb)
{
	const struct l3 *h = (const struct l3 *)skb->data;
	if (!pskb_may_pull(cpu, skb, HDRS) || be16_to_cpu(h->len) != skb->len) {
		GRO_CB(skb)->flush = 1;
		return NULL;
	}
	h = (const struct l3 *)skb->data;
	skb->transport_header = skb->network_header + sizeof(*h);
	for (struct sk_buff *p = held->first; p; p = p->next) {
		const struct l3 *ph = (const struct l3 *)p->data;
		if (GRO_CB(p)->same_flow && (ph->src != h->src || ph->dst != h->dst || ph->proto != h->proto))
			GRO_CB(p)->same_flow = 0;
		if (ph->ttl != h->ttl)
			GRO_CB(p)->flush_id = 1;
	}
	return l4_receive(cpu, held, skb);
}
static void l3_complete(struct cpu *cpu, struct sk_buff *skb, u32 nhoff)
{
	((struct l3 *)(skb->data + nhoff))->len = cpu_to_be16((u16)(skb->len - nhoff));
	skb->gso_size = (u16)GRO_CB(skb)->l4_u32[0];
	skb->gso_segs = GRO_CB(skb)->count;
	skb->gso_type = SKB_GSO_TCPV4;
}
static int l4_segment(struct cpu *cpu, struct sk_buff *skb, u64 features, struct skb_list *out)
{
	u32 seq = be32_to_cpu(((struct l4 *)skb->data)->seq);
	u8 flags = ((struct l4 *)skb->data)->flags;
	int err = gso_cut(cpu, skb, sizeof(struct l4), features & NETIF_F_SG, out);
	for (struct sk_buff *seg = out->first; !err && seg; seg = seg->next) {
		struct l4 *h = (struct l4 *)seg->data;
		h->seq = cpu_to_be32(seq);
		h->flags = seg->next ? flags & (u8)~PUSH : flags;
		seq += seg->len - (u32)sizeof(*h);
	}
	return err;
}
static int l3_segment(struct cpu *cpu, struct sk_buff *skb, u64 features, struct skb_list *out)
{
	int err;
	skb->transport_header = skb->network_header + sizeof(struct l3);
	skb_pull(skb, sizeof(struct l3));
	err = l4_segment(cpu, skb, features, out);
	if (err) {
		skb_push(skb, sizeof(struct l3));
		return err;
	}
	for (struct sk_buff *seg = out->first; seg; seg = seg->next) {
		skb_push(seg, sizeof(struct l3));
		((struct l3 *)seg->data)->len = cpu_to_be16((u16)seg->len);
	}
	skb_consume(cpu, skb);
	return 0;
}
static const struct l3_proto proto = { .ethertype = ETH_P_IP, .rx = collect_rx, .gro_receive = l3_receive, .gro_complete = l3_complete,
				       .gso_segment = l3_segment };
static const struct l3_proto *const protos[] = { &proto, NULL };
static struct stack_tables tables;

static struct world *w;
static struct cpu *cpu;
static struct netns *net;
static struct net_device *dev;
static struct port *port;
static const u8 mac[] = { 2, 0, 0, 0, 0, 1 }, from[] = { 2, 0, 0, 0, 0, 2 };

static int setup(void **state)
{
	tables = test_tables;
	tables.l3_protos = protos;
	w = test_world(&tables, 1);
	cpu = config_cpu(w);
	net = test_netns(w, "a", 0);
	assert_int_equal(mem_port_new(&w->mem, &port), 0);
	assert_int_equal(nic_new(cpu, net, "eth0", port, &(struct nic_config){ .mac = mac, .rx_ring = 4096 }, &dev), 0);
	assert_true(dev->features & NETIF_F_GRO);
	dev_change_flags(cpu, dev, dev->flags | IFF_UP, NULL);
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
/* Payload byte i of a flow's stream. */
static u8 content(u8 flow, u32 i) { return (u8)(i * 31 + flow * 7 + (i >> 8)); }

static struct sk_buff *segment(u8 flow, u32 seq, u32 len, u8 flags, u8 ttl, unsigned layout)
{
	struct sk_buff *skb = skb_alloc(cpu, SKB_HEADROOM + NET_IP_ALIGN, 14 + HDRS + (layout ? 0 : len));
	u8 *p = skb_put(skb, 14 + HDRS);
	skb->hash = 1u + flow; /* as a card would */
	eth_build((struct eth_hdr *)p, mac, from, ETH_P_IP);
	*(struct l3 *)(p + 14) = (struct l3){ 1, 2, 3, ttl, cpu_to_be16((u16)(HDRS + len)), 0 };
	*(struct l4 *)(p + 22) = (struct l4){ flow, 9, flags, 0, cpu_to_be32(seq) };
	if (!layout) {
		p = skb_put(skb, len);
		for (u32 i = 0; i < len; i++)
			p[i] = content(flow, seq + i);
		return skb;
	}
	/* payload in one or two fragments */
	struct buf *b = buf_alloc(cpu, len + 8);
	for (u32 i = 0; i < len; i++)
		b->data[8 + i] = content(flow, seq + i);
	u32 cut = layout == 2 ? len / 2 : len;
	if (cut)
		skb_add_frag(skb, b, 8, cut);
	if (len > cut)
		skb_add_frag(skb, b, 8 + cut, len - cut);
	buf_put(cpu, b);
	return skb;
}
/* What a port with offloads, or a veth, brings: a packet nobody has cut yet. */
static struct sk_buff *big_segment(u8 flow, u32 seq, u32 len, u8 flags, u8 ttl, unsigned layout, u32 size)
{
	struct sk_buff *skb = segment(flow, seq, len, flags, ttl, layout);
	skb->gso_size = (u16)size;
	skb->gso_segs = (u16)((len + size - 1) / size);
	skb->gso_type = SKB_GSO_TCPV4;
	return skb;
}
static void inject(struct sk_buff *skb) { assert_int_equal(mem_port_inject(cpu, port, 0, &skb, 1), 1); }

static void check_packet(const struct sk_buff *skb)
{
	const struct l3 *ip = (const struct l3 *)skb_network_header(skb);
	const struct l4 *h = (const struct l4 *)(ip + 1);
	u32 len = skb->len - HDRS;
	static u8 bytes[70000];
	assert_int_equal(be16_to_cpu(ip->len), skb->len);
	assert_true(skb_copy_bits(skb, HDRS, bytes, len));
	for (u32 i = 0; i < len; i++)
		assert_int_equal(bytes[i], content(h->sport, be32_to_cpu(h->seq) + i));
}

static void test_merge(void **state)
{
	for (u32 i = 0; i < 10; i++)
		inject(segment(1, i * 1000, 1000, i == 9 ? PUSH : 0, 64, i % 3));
	world_run(w, cpu->now);
	assert_int_equal(got.n, 1);
	assert_int_equal(got.skb[0]->len, HDRS + 10000);
	assert_int_equal(got.skb[0]->gso_size, 1000);
	assert_int_equal(got.skb[0]->gso_segs, 10);
	check_packet(got.skb[0]);
}

static void test_limits(void **state)
{
	for (u32 i = 0; i < 60; i++)
		inject(segment(1, i * 1000, 1000, 0, 64, 0));
	world_run(w, cpu->now);
	assert_int_equal(got.n, 4); /* MAX_SKB_FRAGS and the linear part: 18, 18, 18, 6 */
	assert_int_equal(got.skb[0]->gso_segs, 1 + MAX_SKB_FRAGS);
	assert_int_equal(got.skb[3]->gso_segs, 6);
	collect_free(cpu);
	for (u32 i = 0; i < 12; i++)
		inject(segment(1, i * 9000, 9000, 0, 64, 0));
	world_run(w, cpu->now);
	assert_int_equal(got.n, 2); /* 65535 bytes */
	assert_int_equal(got.skb[0]->gso_segs, 7);
	collect_free(cpu);
	/* A new flow pushes the oldest out of a full bucket; nothing is lost. */
	for (u32 i = 0; i < 200; i++)
		inject(segment((u8)(i % 100), i / 100 * 1000, 1000, 0, 64, 0));
	world_run(w, cpu->now);
	u32 bytes = 0;
	for (unsigned i = 0; i < got.n; i++) {
		check_packet(got.skb[i]);
		bytes += got.skb[i]->len - HDRS;
	}
	assert_int_equal(bytes, 200 * 1000);
}

/* A packet that came big passes nothing that is held of its own flow, and leaves the others' alone. */
static void test_big(void **state)
{
	static const struct { u8 flow; u32 seq, len, segs; } up[] = {
		{ 1, 0, 1000, 1 }, { 1, 1000, 20000, 20 }, { 1, 21000, 2000, 2 }, { 1, 23000, 3000, 3 }, { 2, 0, 3000, 3 },
	};
	inject(segment(2, 0, 1000, 0, 64, 0));
	inject(segment(1, 0, 1000, 0, 64, 0));
	inject(big_segment(1, 1000, 20000, 0, 64, 1, 1000));
	inject(segment(2, 1000, 1000, 0, 64, 1));
	inject(segment(1, 21000, 1000, 0, 64, 1));
	inject(segment(1, 22000, 1000, 0, 64, 2));
	inject(big_segment(1, 23000, 3000, PUSH, 64, 2, 1000));
	inject(segment(2, 2000, 1000, 0, 64, 2));
	world_run(w, cpu->now);
	assert_int_equal(got.n, ARRAY_SIZE(up));
	for (unsigned i = 0; i < got.n; i++) {
		const struct l4 *h = (const struct l4 *)(skb_network_header(got.skb[i]) + sizeof(struct l3));
		assert_int_equal(h->sport, up[i].flow);
		assert_int_equal(be32_to_cpu(h->seq), up[i].seq);
		assert_int_equal(got.skb[i]->len, HDRS + up[i].len);
		assert_int_equal(MAX(got.skb[i]->gso_segs, 1), up[i].segs);
		check_packet(got.skb[i]);
	}
}

static void test_off(void **state)
{
	dev_set_features(cpu, dev, dev->features & ~(u64)NETIF_F_GRO);
	for (u32 i = 0; i < 10; i++)
		inject(segment(1, i * 1000, 1000, 0, 64, 0));
	world_run(w, cpu->now);
	assert_int_equal(got.n, 10);
}

static u32 lcg = 1;
static u32 rnd(u32 n) { return lcg = lcg * 1664525 + 1013904223, (lcg >> 8) % n; }

/* Cuts a merged packet again: each piece is a packet that came, in order. */
static u32 cut_again(struct sk_buff *skb, u64 features)
{
	struct skb_list segs;
	struct sk_buff *seg, *copy = skb_copy(cpu, skb, SKB_HEADROOM + 32);
	const struct l4 *h = (const struct l4 *)(skb_network_header(skb) + sizeof(struct l3));
	u32 seq = be32_to_cpu(h->seq), n = 0;
	assert_non_null(copy);
	if (rnd(2)) { /* the original layout, with its fragments */
		skb_consume(cpu, copy);
		copy = skb_clone(cpu, skb);
	}
	copy->network_header = (u16)(copy->data - copy->head);
	assert_true(skb_cow_head(cpu, copy, ETH_HDR_LEN));
	dev->header_ops->create(cpu, copy, dev, ETH_P_IP, from, NULL);
	skb_reset_mac_header(copy);
	assert_int_equal(skb_gso_segment(cpu, copy, features, &segs), 0);
	assert_int_equal(segs.count, (skb->len - HDRS + skb->gso_size - 1) / skb->gso_size);
	while ((seg = skb_list_pop(&segs))) {
		assert_memory_equal(seg->data, from, 6);
		assert_int_equal(seg->gso_size, 0);
		assert_true(features & NETIF_F_SG || !seg->data_len);
		skb_pull(seg, ETH_HDR_LEN);
		check_packet(seg);
		assert_int_equal(be32_to_cpu(((struct l4 *)(seg->data + 8))->seq), seq);
		seq += seg->len - HDRS;
		n++;
		skb_consume(cpu, seg);
	}
	assert_int_equal(seq, be32_to_cpu(h->seq) + skb->len - HDRS);
	return n;
}

static void test_random(void **state)
{
	u32 merged = 0, came = 0;
	for (int round = 0; round < 300; round++) {
		u32 next[6] = { 0 }, sent[6] = { 0 }, expect[6] = { 0 }, n = 1 + rnd(200), up = 0, big = 0;
		u32 size[6];
		for (int f = 0; f < 6; f++)
			size[f] = 1 + rnd(1400);
		for (u32 i = 0; i < n; i++) {
			u8 f = (u8)rnd(6), flags = rnd(20) ? 0 : rnd(2) ? PUSH : URGENT;
			u32 len = rnd(8) ? size[f] : rnd(size[f] + 1) + rnd(3);
			u8 ttl = rnd(30) ? 64 : 63;
			if (round % 2 && !rnd(6)) {
				len = size[f] * (1 + rnd(12)) + 1 + rnd(size[f]);
				big += (len - 1) / size[f];
				inject(big_segment(f, next[f], len, flags, ttl, rnd(3), size[f]));
			} else {
				inject(segment(f, next[f], len, flags, ttl, rnd(3)));
			}
			next[f] += len;
			sent[f] += len;
			if (!rnd(25))
				world_run(w, cpu->now);
		}
		world_run_until(w, cpu->now + 1000);
		for (unsigned i = 0; i < got.n; i++) {
			struct sk_buff *skb = got.skb[i];
			const struct l4 *h = (const struct l4 *)(skb_network_header(skb) + sizeof(struct l3));
			check_packet(skb);
			assert_int_equal(be32_to_cpu(h->seq), expect[h->sport]); /* in order, nothing missing */
			expect[h->sport] += skb->len - HDRS;
			if (skb_is_gso(skb)) {
				assert_int_equal(cut_again(skb, rnd(2) ? NETIF_F_SG : 0), skb->gso_segs);
				up += skb->gso_segs;
			} else {
				up++;
			}
		}
		assert_memory_equal(expect, sent, sizeof(sent));
		assert_int_equal(up, n + big);
		came += big ? 0 : n;
		merged += big ? 0 : got.n;
		collect_free(cpu);
	}
	assert_true(merged * 2 < came);
}

/* Transmit of what the device cannot: cut, summed and gathered in software; the charge leaves with the last segment. */
static unsigned uncharged;
static void destructor(struct cpu *c, struct sk_buff *skb) { uncharged++; }
static void test_software(void **state)
{
	struct sk_buff *out[64], *skb = segment(1, 0, 5000, 0, 64, 2);
	unsigned n;
	dev_set_features(cpu, dev, dev->features & ~(u64)(NETIF_F_TSO | NETIF_F_SG | NETIF_F_HW_CSUM));
	uncharged = 0;
	skb->dev = dev;
	skb->protocol = BE16(ETH_P_IP);
	skb->network_header = (u16)(skb->data + 14 - skb->head);
	skb->gso_size = 1000;
	skb->gso_type = SKB_GSO_TCPV4;
	skb->ip_summed = CHECKSUM_PARTIAL;
	skb->destructor = destructor;
	assert_int_equal(dev_queue_xmit(cpu, skb), 0);
	world_run(w, cpu->now);
	n = mem_port_collect(cpu, port, 0, out, 64);
	assert_int_equal(n, 5);
	for (unsigned i = 0; i < n; i++) {
		assert_int_equal(out[i]->data_len, 0);
		assert_int_equal(out[i]->len, 14 + HDRS + 1000);
		assert_int_equal(uncharged, 0);
		skb_consume(cpu, out[i]);
	}
	assert_int_equal(uncharged, 1);
	/* Nonsense is refused and counted. */
	skb = segment(1, 0, 0, 0, 64, 0);
	skb->dev = dev;
	skb->protocol = BE16(ETH_P_IP);
	skb->network_header = (u16)(skb->data + 14 - skb->head);
	skb->gso_size = 1000;
	skb->gso_type = SKB_GSO_TCPV4;
	dev_queue_xmit(cpu, skb);
	assert_int_equal(drops_sum(net, SKB_DROP_REASON_SKB_GSO_SEG), 1);
}

/* A packet is cut into more than the descriptor ring holds, again and again, while the port takes some, few or none: what leaves is
 * each flow's bytes in order, nothing twice, nothing missing. */
static void test_small_ring(void **state)
{
	u32 next[3] = { 0 }, expect[3] = { 0 };
	assert_int_equal(nic_set_rings(cpu, dev, 4096, 64), 0);
	dev_set_features(cpu, dev, dev->features & ~(u64)NETIF_F_TSO);
	for (int round = 0; round < 400; round++) {
		struct sk_buff *out[64], *skb;
		unsigned n, steps = 0;
		for (u32 i = rnd(12); i; i--) {
			u8 f = (u8)rnd(3);
			u32 size = 50 + rnd(300), len = rnd(3) ? size : 1 + rnd(size * 150);
			len = MIN(len, 60000u);
			skb = len > size ? big_segment(f, next[f], len, 0, 64, 1 + rnd(2), size) : segment(f, next[f], len, 0, 64, rnd(3));
			next[f] += len;
			skb->dev = dev;
			skb->protocol = BE16(ETH_P_IP);
			skb->network_header = (u16)(skb->data + 14 - skb->head);
			assert_int_equal(dev_queue_xmit(cpu, skb), 0);
			if (!rnd(4))
				world_run(w, cpu->now);
		}
		do {
			n = mem_port_collect(cpu, port, 0, out, 1 + rnd(64));
			for (unsigned i = 0; i < n; i++) {
				skb_pull(out[i], 14);
				skb_reset_network_header(out[i]);
				check_packet(out[i]);
				const struct l4 *h = (const struct l4 *)(out[i]->data + sizeof(struct l3));
				assert_int_equal(be32_to_cpu(h->seq), expect[h->sport]);
				expect[h->sport] += out[i]->len - HDRS;
				skb_consume(cpu, out[i]);
			}
			if (rnd(3))
				world_run(w, cpu->now);
		} while (round == 399 ? memcmp(expect, next, sizeof(next)) && ++steps < 100000 : rnd(30));
	}
	assert_memory_equal(expect, next, sizeof(next));
	assert_true(nic_of(dev)->q[0].stats.tx_stops > 400);
	assert_int_equal(drops_sum(net, SKB_DROP_REASON_FULL_RING) + drops_sum(net, SKB_DROP_REASON_QDISC_OVERLIMIT), 0);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_merge), T(test_limits), T(test_big), T(test_off), T(test_random), T(test_software), T(test_small_ring),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
