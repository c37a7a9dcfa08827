/* GSO: cutting one big packet into packets that a device takes, as late as possible.
 *
 * skb_gso_segment() walks down the layers' gso_segment (the contract is in gro.h); gso_cut() does what all of them share: for
 * each segment a small linear part with a copy of all headers, and the payload by reference into the big packet's buffers.
 */
#include "codec/wire/checksum.h"
#include "core/stack_tables.h"
#include "core/trace.h"
#include "link/gro.h"
#include "link/l3_proto.h"
#include "link/vlan.h"

bool gso_needed(const struct sk_buff *skb, u64 features)
{
	u64 need = 0;
	if (!skb_is_gso(skb))
		return false;
	if (skb->gso_type & SKB_GSO_TCPV4)
		need |= NETIF_F_TSO;
	if (skb->gso_type & SKB_GSO_TCPV6)
		need |= NETIF_F_TSO6;
	if (skb->gso_type & SKB_GSO_UDP_L4)
		need |= NETIF_F_GSO_UDP_L4;
	if (skb->gso_type & SKB_GSO_TCP_ECN)
		need |= NETIF_F_TSO_ECN;
	if (skb->gso_type & SKB_GSO_TCP_ACCECN)
		need |= NETIF_F_TSO_ACCECN;
	return !need || (features & need) != need || skb->ip_summed != CHECKSUM_PARTIAL || (skb->data_len && !(features & NETIF_F_SG));
}

/* What every segment has of the packet it was cut from. dst is borrowed: it lives as long as this step. */
static void inherit(struct cpu *cpu, struct sk_buff *seg, const struct sk_buff *skb)
{
	seg->dev = skb->dev;
	seg->dst = skb->dst;
	seg->dst_noref = skb->dst != NULL;
	seg->protocol = skb->protocol;
	seg->pkt_type = skb->pkt_type;
	seg->mac_len = skb->mac_len;
	seg->hash = skb->hash;
	seg->hash_l4 = skb->hash_l4;
	seg->mark = skb->mark;
	seg->priority = skb->priority;
	seg->queue_mapping = skb->queue_mapping;
	seg->skb_iif = skb->skb_iif;
	seg->tstamp = skb->tstamp;
	seg->trace = skb->trace;
	seg->vlan_tci = skb->vlan_tci;
	seg->vlan_proto = skb->vlan_proto;
	seg->ignore_df = skb->ignore_df;
	seg->redirected = skb->redirected;
	seg->ct = skb->ct;
	if (seg->ct)
		cpu->world->tables->ct_hold(seg->ct);
	memcpy(seg->cb, skb->cb, sizeof(seg->cb));
}

/* Where in skb's payload the next segment begins. */
struct cursor {
	u32 off;      /* from data, while in the linear part */
	unsigned frag;
	u32 frag_off;
};

/* Refers to the next `len` bytes. False: more pieces than an skb has slots. */
static bool refer(struct sk_buff *seg, const struct sk_buff *skb, struct cursor *c, u32 len)
{
	u32 linear = skb_headlen(skb), n;
	if (c->off < linear) {
		n = MIN(len, linear - c->off);
		if (!skb_add_frag(seg, skb->buf, (u32)(skb->data + c->off - skb->buf->data), n))
			return false;
		c->off += n;
		len -= n;
	}
	while (len) {
		const struct skb_frag *f = &skb->frags[c->frag];
		n = MIN(len, f->len - c->frag_off);
		if (!skb_add_frag(seg, f->buf, f->off + c->frag_off, n))
			return false;
		len -= n;
		c->frag_off += n;
		if (c->frag_off == f->len) {
			c->frag++;
			c->frag_off = 0;
		}
	}
	return true;
}

/* The charge of the big packet moves to the last segment: when that is done with, all are. */
static void move_charge(struct sk_buff *from, struct sk_buff *to)
{
	if (!from->destructor)
		return;
	u32 truesize = to->truesize;
	to->sk = from->sk;
	to->destructor = from->destructor;
	to->truesize = from->truesize;
	to->tx_waits = from->tx_waits;
	from->tx_waits = 0;
	from->truesize = truesize;
	from->destructor = NULL;
	from->sk = NULL;
}

int gso_cut(struct cpu *cpu, struct sk_buff *skb, u32 hdr_len, bool sg, struct skb_list *out)
{
	u32 mss = skb->gso_size, data_off = (u32)(skb->data - skb->head), start = data_off, above, payload, off = hdr_len;
	struct cursor c = { .off = hdr_len };
	struct sk_buff *seg, *last = NULL;
	skb_list_init(out);
	if (!mss || skb->len <= hdr_len || skb_headlen(skb) < hdr_len)
		return -EINVAL;
	if (skb->network_header < start)
		start = skb->network_header;
	if (skb->mac_header < start)
		start = skb->mac_header;
	above = data_off - start;
	payload = skb->len - hdr_len;
	for (; payload; payload -= MIN(mss, payload)) {
		u32 n = MIN(mss, payload);
		seg = skb_alloc(cpu, SKB_HEADROOM, above + hdr_len + (sg ? 0 : n));
		if (!seg)
			goto nomem;
		memcpy(skb_put(seg, above + hdr_len), skb->head + start, above + hdr_len);
		inherit(cpu, seg, skb);
		skb_reset_mac_header(seg);
		if (skb->mac_header > skb->network_header)
			seg->mac_header = SKB_OFF_UNSET;
		seg->network_header = (u16)(SKB_HEADROOM + skb->network_header - start);
		skb_pull(seg, above);
		skb_reset_transport_header(seg);
		if (sg ? !refer(seg, skb, &c, n) : !skb_copy_bits(skb, off, skb_put(seg, n), n)) {
			seg->dst = NULL;
			skb_consume(cpu, seg);
			goto nomem;
		}
		off += n;
		skb_list_add(out, seg);
		last = seg;
	}
	move_charge(skb, last);
	return 0;
nomem:
	while ((seg = skb_list_pop(out)))
		skb_consume(cpu, seg);
	return -ENOMEM;
}

int skb_gso_segment(struct cpu *cpu, struct sk_buff *skb, u64 features, struct skb_list *out)
{
	const struct l3_proto *l3 = l3_proto_find(cpu->world, vlan_inner_protocol(skb));
	u32 data_off = (u32)(skb->data - skb->head), mac_len;
	u64 bytes = 0;
	int err;
	skb_list_init(out);
	if (!l3 || !l3->gso_segment || skb->network_header == SKB_OFF_UNSET || skb->network_header < data_off)
		return -EPROTONOSUPPORT;
	mac_len = skb->network_header - data_off;
	if (mac_len > skb_headlen(skb))
		return -EINVAL;
	skb_reset_mac_header(skb);
	skb_pull(skb, mac_len);
	trace_point(cpu, skb->dev->net, skb, TP_SEGMENT, (skb->len + skb->gso_size - 1) / skb->gso_size, skb->gso_size, NULL);
	err = l3->gso_segment(cpu, skb, features, out);
	if (err) {
		skb_push(skb, mac_len);
		return err;
	}
	for (struct sk_buff *seg = out->first; seg; seg = seg->next) {
		skb_push(seg, mac_len);
		bytes += seg->len;
	}
	out->bytes = bytes;
	return 0;
}
