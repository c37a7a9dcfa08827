/* IPv6's part in merging received packets and in cutting large ones (the contract is in link/gro.h).
 *
 * Packets of one flow may be merged when their headers differ only in length: same traffic class, hop limit and flow label, no extension
 * headers. A packet that is cut may have headers that every segment repeats.
 */
#include "inet/ip6/ip6_priv.h"
#include "link/gro.h"

struct sk_buff *ip6_gro_receive(struct cpu *cpu, struct skb_list *held, struct sk_buff *skb)
{
	struct netns *net = skb->dev->net;
	const struct ip6_hdr *ip;
	const struct l4_proto *l4;
	struct inaddr saddr, daddr;
	u32 len;

	if (!net->inet || !pskb_may_pull(cpu, skb, IP6_HDR_LEN))
		goto flush;
	ip = (const struct ip6_hdr *)skb->data;
	len = ip6_payload_len(ip) + IP6_HDR_LEN;
	if (ip6_version(ip) != 6 || len <= IP6_HDR_LEN || skb->len < len)
		goto flush;
	if (skb->len > len) { /* Ethernet's padding */
		if (skb->ip_summed == CHECKSUM_COMPLETE)
			skb->ip_summed = CHECKSUM_NONE;
		if (!skb_trim(cpu, skb, len))
			goto flush;
		ip = (const struct ip6_hdr *)skb->data;
	}
	l4 = net->inet->l4[1][ip->nexthdr];
	if (!l4 || !l4->gro_receive)
		goto flush;
	skb_reset_network_header(skb);
	skb->transport_header = (u16)(skb->network_header + IP6_HDR_LEN);
	for (struct sk_buff *p = held->first; p; p = p->next) {
		const struct ip6_hdr *h;
		if (!GRO_CB(p)->same_flow)
			continue;
		h = ip6_header(p);
		if (p->protocol.raw != BE16(0x86dd).raw || memcmp(h->saddr, ip->saddr, 32) || h->nexthdr != ip->nexthdr ||
		    ip6_flowlabel(h).raw != ip6_flowlabel(ip).raw) {
			GRO_CB(p)->same_flow = 0;
			continue;
		}
		GRO_CB(p)->flush_id = h->hop_limit != ip->hop_limit || ip6_tclass(h) != ip6_tclass(ip);
	}
	saddr = inaddr_from_v6(ip->saddr);
	daddr = inaddr_from_v6(ip->daddr);
	return l4->gro_receive(cpu, held, skb, &saddr, &daddr);
flush:
	GRO_CB(skb)->flush = 1;
	for (struct sk_buff *p = held->first; p; p = p->next)
		GRO_CB(p)->same_flow = 0;
	return NULL;
}

void ip6_gro_complete(struct cpu *cpu, struct sk_buff *skb, u32 nhoff)
{
	struct ip6_hdr *ip = (struct ip6_hdr *)(skb->data + nhoff);
	ip->payload_len = cpu_to_be16((u16)(skb->len - nhoff - IP6_HDR_LEN));
	skb->dev->net->inet->l4[1][ip->nexthdr]->gro_complete(cpu, skb, nhoff + IP6_HDR_LEN);
}

int ip6_gso_segment(struct cpu *cpu, struct sk_buff *skb, u64 features, struct skb_list *out)
{
	const struct l4_proto *l4;
	be16 frag;
	u8 proto;
	int hlen, err;

	if (!pskb_may_pull(cpu, skb, IP6_HDR_LEN))
		return -EINVAL;
	proto = ((const struct ip6_hdr *)skb->data)->nexthdr;
	hlen = ip6_skip_exthdrs(skb, IP6_HDR_LEN, &proto, &frag);
	if (hlen < 0 || frag.raw || !pskb_may_pull(cpu, skb, (u32)hlen))
		return -EINVAL;
	l4 = skb->dev->net->inet->l4[1][proto];
	if (!l4 || !l4->gso_segment)
		return -EPROTONOSUPPORT;
	skb_reset_network_header(skb);
	skb_pull(skb, (u32)hlen);
	skb_reset_transport_header(skb);
	err = l4->gso_segment(cpu, skb, features, out);
	if (err) {
		skb_push(skb, (u32)hlen);
		return err;
	}
	for (struct sk_buff *seg = out->first; seg; seg = seg->next) {
		struct ip6_hdr *h = (struct ip6_hdr *)skb_push(seg, (u32)hlen);
		skb_reset_network_header(seg);
		h->payload_len = cpu_to_be16((u16)(seg->len - IP6_HDR_LEN));
	}
	skb_consume(cpu, skb);
	return 0;
}
