/* GRO: merging packets of one flow that arrive together, so that the stack above is passed once for many. The contract with the
 * layers is in gro.h.
 *
 * Packets come from a NAPI's poll (nic) or from a device's backlog (veth with GRO on), and go to netif_receive() in batches, each
 * flow in its order: a packet that cannot join its flow sends the held one up before itself.
 */
#include "codec/wire/checksum.h"
#include "core/trace.h"
#include "link/gro.h"
#include "link/l3_proto.h"

/* An IP packet's total length is 16 bits. */
#define MERGED_MAX 65535

void gro_init(struct gro *g)
{
	g->used = 0;
	g->batch_len = 0;
	g->l3 = NULL;
	for (unsigned i = 0; i < GRO_BUCKETS; i++)
		skb_list_init(&g->bucket[i]);
}

static void send_batch(struct cpu *cpu, struct gro *g)
{
	struct sk_buff *batch[NETDEV_BATCH];
	unsigned n = g->batch_len;
	memcpy(batch, g->batch, n * sizeof(*batch));
	g->batch_len = 0;
	netif_receive(cpu, batch, n);
}

static inline void up(struct cpu *cpu, struct gro *g, struct sk_buff *skb)
{
	g->batch[g->batch_len++] = skb;
	if (g->batch_len == NETDEV_BATCH)
		send_batch(cpu, g);
}

/* A held packet is finished: its headers are made true again. */
static void complete(struct cpu *cpu, struct gro *g, struct sk_buff *p)
{
	if (GRO_CB(p)->count > 1)
		l3_proto_find(cpu->world, p->protocol)->gro_complete(cpu, p, 0);
	up(cpu, g, p);
}

static void unhold(struct skb_list *held, struct sk_buff *p)
{
	struct sk_buff **at = &held->first;
	while (*at != p)
		at = &(*at)->next;
	*at = p->next;
	if (held->last == &p->next)
		held->last = at;
	held->count--;
	p->next = NULL;
}

/* Where to look for skb's flow. Without the card's hash: bytes 12 to 23, which are addresses, and in IPv4 without options (others are
 * not merged) ports too: equal for packets of one flow. */
static unsigned bucket_of(const struct sk_buff *skb)
{
	u32 w[3];
	if (skb->hash)
		return skb->hash & (GRO_BUCKETS - 1);
	if (skb_headlen(skb) < 24)
		return 0;
	memcpy(w, skb->data + 12, sizeof(w));
	return (w[0] ^ w[1] ^ w[2]) * 0x9e3779b1u >> 29;
}
_Static_assert(GRO_BUCKETS == 8, "the shift above");

static bool same_link(const struct sk_buff *p, const struct sk_buff *skb)
{
	if (p->dev != skb->dev || p->hash != skb->hash || !be16_eq(p->protocol, skb->protocol) || p->vlan_tci != skb->vlan_tci ||
	    !be16_eq(p->vlan_proto, skb->vlan_proto) || p->mac_len != skb->mac_len || p->mark != skb->mark)
		return false;
	return !skb->mac_len || !memcmp(p->head + p->mac_header, skb->head + skb->mac_header, skb->mac_len);
}

void gro_receive(struct cpu *cpu, struct gro *g, struct sk_buff *skb)
{
	const struct l3_proto *l3 = g->l3;
	struct skb_list *held;
	struct sk_buff *done;
	unsigned b;
	if (unlikely(!l3 || cpu_to_be16(l3->ethertype).raw != skb->protocol.raw))
		g->l3 = l3 = l3_proto_find(cpu->world, skb->protocol);
	if (!l3 || !l3->gro_receive || skb->dev->rx_handler) {
		up(cpu, g, skb);
		return;
	}
	b = bucket_of(skb);
	held = &g->bucket[b];
	/* A big one is not merged further, but must not overtake what is held of its flow either: the layers look for that. */
	*GRO_CB(skb) = (struct gro_cb){ .count = 1, .flush = skb_is_gso(skb) };
	skb_reset_network_header(skb);
	trace_mark(cpu, skb);
	for (struct sk_buff *p = held->first; p; p = p->next) {
		GRO_CB(p)->same_flow = same_link(p, skb);
		GRO_CB(p)->flush_id = 0;
	}
	done = l3->gro_receive(cpu, held, skb);
	if (done) {
		if (GRO_CB(skb)->merged)
			trace_point(cpu, skb->dev->net, skb, TP_GRO, done->trace, 0, NULL);
		unhold(held, done);
		complete(cpu, g, done);
	}
	if (GRO_CB(skb)->merged) {
		if (!done)
			trace_point(cpu, skb->dev->net, skb, TP_GRO, held->first ? held->first->trace : 0, 0, NULL);
		skb_consume(cpu, skb);
	} else if (GRO_CB(skb)->flush) {
		up(cpu, g, skb);
	} else {
		if (held->count >= GRO_BUCKET_MAX)
			complete(cpu, g, skb_list_pop(held));
		if (unlikely(skb->destructor != NULL)) /* by veth: the sender's charge ends where the packet arrives */
			skb_orphan(cpu, skb);
		GRO_CB(skb)->held_since = cpu->now;
		skb_list_add(held, skb);
	}
	g->used = held->first ? g->used | BIT(b) : g->used & ~BIT(b);
}

void gro_flush(struct cpu *cpu, struct gro *g, u64 since)
{
	for (u32 used = g->used; used; used &= used - 1) {
		unsigned b = (unsigned)__builtin_ctz(used);
		struct skb_list *held = &g->bucket[b];
		while (held->first && GRO_CB(held->first)->held_since < since)
			complete(cpu, g, skb_list_pop(held));
		if (!held->first)
			g->used &= ~BIT(b);
	}
	if (g->batch_len)
		send_batch(cpu, g);
}

void gro_purge(struct cpu *cpu, struct gro *g)
{
	for (unsigned b = 0; b < GRO_BUCKETS; b++)
		skb_list_drop(cpu, &g->bucket[b], SKB_DROP_REASON_DEV_READY);
	for (unsigned i = 0; i < g->batch_len; i++)
		skb_drop(cpu, g->batch[i], SKB_DROP_REASON_DEV_READY);
	gro_init(g);
}

bool gro_merge(struct cpu *cpu, struct sk_buff *p, struct sk_buff *skb, u32 hdr_len)
{
	u32 linear = skb_headlen(skb), n = skb->len - hdr_len, max = MIN(skb->dev->gro_max_size, MERGED_MAX);
	unsigned pieces = (linear > hdr_len) + skb->nr_frags;
	if (linear < hdr_len || p->len + n > max || p->nr_frags + pieces > MAX_SKB_FRAGS || skb_cloned(p))
		return false;
	if (linear > hdr_len)
		skb_add_frag(p, skb->buf, (u32)(skb->data + hdr_len - skb->buf->data), linear - hdr_len);
	for (unsigned i = 0; i < skb->nr_frags; i++)
		skb_add_frag(p, skb->frags[i].buf, skb->frags[i].off, skb->frags[i].len);
	if (skb->truesize > n)
		p->truesize += skb->truesize - n;
	GRO_CB(p)->count++;
	GRO_CB(skb)->merged = 1;
	return true;
}

bool gro_csum_ok(struct sk_buff *skb, u32 thoff, u32 len, u32 pseudo)
{
	u32 sum;
	if (GRO_CB(skb)->checksummed || skb->ip_summed == CHECKSUM_UNNECESSARY || skb->ip_summed == CHECKSUM_PARTIAL)
		return true;
	if (skb->ip_summed == CHECKSUM_COMPLETE)
		sum = csum_add(csum_block_sub(skb->csum, skb_checksum(skb, 0, thoff, 0), 0), pseudo);
	else
		sum = skb_checksum(skb, thoff, len, pseudo);
	if (csum_fold(sum))
		return false;
	skb->ip_summed = CHECKSUM_UNNECESSARY;
	GRO_CB(skb)->checksummed = 1;
	return true;
}

void napi_gro_receive(struct cpu *cpu, struct napi *napi, struct sk_buff *skb)
{
	struct gro *g = napi->gro;
	if (unlikely(!g)) {
		netif_receive(cpu, &skb, 1);
		return;
	}
	if (likely(skb->dev->features & NETIF_F_GRO))
		gro_receive(cpu, g, skb);
	else
		up(cpu, g, skb);
}

void napi_complete(struct cpu *cpu, struct napi *napi)
{
	if (napi->gro && (napi->gro->used || napi->gro->batch_len))
		gro_flush(cpu, napi->gro, UINT64_MAX);
	napi_unschedule(napi);
}
