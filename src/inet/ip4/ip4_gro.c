/* IPv4's part in merging received packets and in cutting large ones (the contract is in link/gro.h).
 *
 * Packets of one flow may be merged when their headers differ only in length, identification and checksum: same TOS, TTL and DF,
 * no options, no fragments. Identifications must count up by one a packet, or stand still all the time with DF (as senders with
 * large offloads and ours do): the second packet decides which it is. Cutting counts them up.
 */
#include "inet/ip4/ip4_priv.h"
#include "inet/ip4/ip4_offload.h"
#include "link/gro.h"

static bool mergeable(struct cpu *cpu, struct sk_buff *skb)
{
	const struct ip4_hdr *ip;
	u32 len;
	if (!pskb_may_pull(cpu, skb, IP4_HDR_LEN))
		return false;
	ip = (const struct ip4_hdr *)skb->data;
	if (ip->ver_ihl != 0x45 || ip4_is_fragment(ip) || ip4_hdr_csum(ip, IP4_HDR_LEN))
		return false;
	len = ip4_tot_len(ip);
	if (len <= IP4_HDR_LEN || skb->len < len)
		return false;
	if (skb->len > len) { /* Ethernet's padding */
		if (skb->ip_summed == CHECKSUM_COMPLETE)
			skb->ip_summed = CHECKSUM_NONE;
		return skb_trim(cpu, skb, len);
	}
	return true;
}

static void compare(struct sk_buff *p, const struct ip4_hdr *ip)
{
	const struct ip4_hdr *h = ip4_header(p);
	struct gro_cb *cb = GRO_CB(p);
	u16 id = be16_to_cpu(ip->id);
	bool fixed = id == cb->ip_id && ip4_has_df(ip), counts = id == (u16)(cb->ip_id + 1);

	if (!be32_eq(h->saddr, ip->saddr) || !be32_eq(h->daddr, ip->daddr) || h->protocol != ip->protocol) {
		cb->same_flow = 0;
		return;
	}
	cb->flush_id = h->ttl != ip->ttl || h->tos != ip->tos || !be16_eq(h->frag, ip->frag);
	if (cb->count > 1)
		cb->flush_id |= cb->ip_id_fixed ? !fixed : !counts;
	else
		cb->flush_id |= !fixed && !counts;
}

struct sk_buff *ip4_gro_receive(struct cpu *cpu, struct skb_list *held, struct sk_buff *skb)
{
	struct netns *net = skb->dev->net;
	const struct ip4_hdr *ip;
	const struct l4_proto *l4;
	struct sk_buff *done, *same = NULL;
	struct inaddr saddr, daddr;

	if (!net->inet || !mergeable(cpu, skb))
		goto flush;
	ip = (const struct ip4_hdr *)skb->data;
	l4 = net->inet->l4[0][ip->protocol];
	if (!l4 || !l4->gro_receive)
		goto flush;
	skb_reset_network_header(skb);
	skb->transport_header = (u16)(skb->network_header + IP4_HDR_LEN);
	GRO_CB(skb)->ip_id = be16_to_cpu(ip->id);
	for (struct sk_buff *p = held->first; p; p = p->next) {
		if (GRO_CB(p)->same_flow)
			compare(p, ip);
		if (GRO_CB(p)->same_flow && !same)
			same = p;
	}
	saddr = inaddr_from_v4(ip->saddr);
	daddr = inaddr_from_v4(ip->daddr);
	done = l4->gro_receive(cpu, held, skb, &saddr, &daddr);
	if (!GRO_CB(skb)->merged)
		return done;
	/* Into whom: the one that is still taken for the same flow after the transport looked at the ports. */
	for (struct sk_buff *p = held->first; p; p = p->next) {
		if (!GRO_CB(p)->same_flow)
			continue;
		if (GRO_CB(p)->count == 2)
			GRO_CB(p)->ip_id_fixed = GRO_CB(p)->ip_id == GRO_CB(skb)->ip_id;
		GRO_CB(p)->ip_id = GRO_CB(skb)->ip_id;
	}
	return done;
flush:
	GRO_CB(skb)->flush = 1;
	/* What is held of its flow must not be overtaken, but without a valid header there is no telling; others are not merged here. */
	for (struct sk_buff *p = held->first; p; p = p->next)
		GRO_CB(p)->same_flow = 0;
	return NULL;
}

void ip4_gro_complete(struct cpu *cpu, struct sk_buff *skb, u32 nhoff)
{
	struct ip4_hdr *ip = (struct ip4_hdr *)(skb->data + nhoff);
	u16 len = ip->tot_len.raw, check = ip->check;
	const struct l4_proto *l4 = skb->dev->net->inet->l4[0][ip->protocol];
	ip->tot_len = cpu_to_be16((u16)(skb->len - nhoff));
	csum_replace2(&check, len, ip->tot_len.raw);
	ip->check = check;
	l4->gro_complete(cpu, skb, nhoff + IP4_HDR_LEN);
}

int ip4_gso_segment(struct cpu *cpu, struct sk_buff *skb, u64 features, struct skb_list *out)
{
	const struct ip4_hdr *ip;
	const struct l4_proto *l4;
	u32 hlen;
	u16 id;
	int err;

	if (!pskb_may_pull(cpu, skb, IP4_HDR_LEN))
		return -EINVAL;
	ip = (const struct ip4_hdr *)skb->data;
	hlen = ip4_hlen(ip);
	l4 = skb->dev->net->inet->l4[0][ip->protocol];
	if (hlen < IP4_HDR_LEN || !pskb_may_pull(cpu, skb, hlen) || ip4_is_fragment((const struct ip4_hdr *)skb->data))
		return -EINVAL;
	if (!l4 || !l4->gso_segment)
		return -EPROTONOSUPPORT;
	skb_reset_network_header(skb);
	id = be16_to_cpu(((const struct ip4_hdr *)skb->data)->id);
	skb_pull(skb, hlen);
	skb_reset_transport_header(skb);
	err = l4->gso_segment(cpu, skb, features, out);
	if (err) {
		skb_push(skb, hlen);
		return err;
	}
	for (struct sk_buff *seg = out->first; seg; seg = seg->next) {
		struct ip4_hdr *h = (struct ip4_hdr *)skb_push(seg, hlen);
		skb_reset_network_header(seg);
		h->tot_len = cpu_to_be16((u16)seg->len);
		h->id = cpu_to_be16(id++);
		ip4_set_csum(h);
	}
	skb_consume(cpu, skb);
	return 0;
}
