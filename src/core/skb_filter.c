/* What a classic BPF program sees of a packet: its bytes, linear or not, headers in front of data by their offsets, and the
 * ancillary values. The program's packet begins at any point; SKF_NET_OFF and SKF_LL_OFF stay where the headers are.
 */
#include <linux/if_ether.h>
#include <netinet/in.h>

#include "core/skb_filter.h"
#include "core/stack_tables.h"

struct view {
	const struct sk_buff *skb;
	s32 from;
};

static bool load(const void *ctx, u32 off, void *to, u32 len)
{
	const struct view *v = ctx;
	s64 at = (s64)off + v->from;
	u8 *p = to;

	while (at < 0 && len) { /* bytes before data, when a load straddles it and the fragments */
		*p++ = v->skb->data[at++];
		len--;
	}
	return skb_copy_bits(v->skb, (u32)at, p, len);
}

static s32 header(const struct sk_buff *skb, u16 offset, s32 from)
{
	return offset == SKB_OFF_UNSET ? -from : (s32)offset - (s32)skb_headroom(skb) - from;
}

static bool byte_at(const struct sk_buff *skb, u32 off, u8 *b)
{
	return skb_copy_bits(skb, off, b, 1);
}

/* Offset from data of what is behind IP and transport headers; as far as the headers are known. */
static u32 pay_offset(const struct sk_buff *skb)
{
	s32 net = header(skb, skb->network_header, 0);
	u16 type = be16_to_cpu(skb->protocol);
	u32 at = (u32)net;
	u8 b, proto = 0;

	if (net < 0)
		return 0;
	if (type == ETH_P_IP && byte_at(skb, at, &b) && byte_at(skb, at + 9, &proto))
		at += (b & 0xfu) * 4;
	else if (type == ETH_P_IPV6 && byte_at(skb, at + 6, &proto))
		at += 40;
	else
		return 0;
	switch (proto) {
	case IPPROTO_TCP:
		return byte_at(skb, at + 12, &b) ? at + (b >> 4) * 4 : at;
	case IPPROTO_UDP:
	case IPPROTO_UDPLITE:
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		return at + 8;
	}
	return at;
}

static void fill_aux(struct cpu *cpu, const struct sk_buff *skb, struct cbpf_aux *aux)
{
	const struct stack_tables *t = cpu->world->tables;
	int ifindex = 0;

	*aux = (struct cbpf_aux){
		.protocol = be16_to_cpu(skb->protocol),
		.pkt_type = skb->pkt_type,
		.mark = skb->mark,
		.queue = skb->queue_mapping,
		.hash = skb->hash,
		.cpu = cpu->id,
		.vlan_tci = skb->vlan_tci,
		.vlan_proto = be16_to_cpu(skb->vlan_proto),
		.pay_offset = pay_offset(skb),
		.rng = &cpu->rng,
	};
	if (skb->dev && t->dev_netns) {
		t->dev_netns(skb->dev, &ifindex, NULL);
		aux->has_dev = true;
		aux->ifindex = (u32)ifindex;
		aux->hatype = t->dev_type ? t->dev_type(skb->dev) : 0;
	}
}

u32 skb_run_filter(struct cpu *cpu, const struct sk_buff *skb, s32 from, const struct cbpf_insn *insn)
{
	struct view view = { skb, from };
	struct cbpf_aux aux;
	struct cbpf_packet p = {
		.net_off = header(skb, skb->network_header, from),
		.ll_off = header(skb, skb->mac_header, from),
		.load = load,
		.ctx = &view,
		.aux = &aux,
	};
	s64 len = (s64)skb->len - from, linear = (s64)skb_headlen(skb) - from, before = (s64)skb_headroom(skb) + from;

	assert(before >= 0 && len >= 0);
	p.len = (u32)len;
	if (linear >= 0) {
		p.data = skb->data + from;
		p.linear = (u32)linear;
		p.before = (u32)before;
	} else { /* begins in a fragment */
		p.data = skb->data;
	}
	fill_aux(cpu, skb, &aux);
	return cbpf_run(insn, &p);
}
