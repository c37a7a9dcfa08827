/* UDP segmentation and merging: UDP_SEGMENT's packets are cut here when no device further down takes them whole; arriving
 * datagrams of one flow and one size are merged for sockets that asked for it (UDP_GRO). See link/gro.h for the rules.
 *
 * Merging looks for a socket that wants it, so it costs one load while there is none. All datagrams of a merged packet have the
 * same length but the last, which may be shorter and ends it.
 */
#include <netinet/in.h>

#include "codec/wire/checksum.h"
#include "codec/wire/udphdr.h"
#include "link/gro.h"
#include "transport/udp/udp.h"

#define UDP_GRO_MAX 64 /* datagrams merged into one */

static const struct inet_af *af_of(struct netns *net, const struct sk_buff *skb)
{
	return skb->protocol.raw == BE16(0x0800).raw ? net->inet->af4 : net->inet->af6;
}

int udp_gso_segment(struct cpu *cpu, struct sk_buff *skb, u64 features, struct skb_list *out)
{
	struct netns *net = skb->dev->net;
	const struct inet_af *af = af_of(net, skb);
	u64 csum_bit = skb->protocol.raw == BE16(0x0800).raw ? NETIF_F_IP_CSUM : NETIF_F_IPV6_CSUM;
	struct inaddr saddr, daddr;
	struct sk_buff *seg;
	int err;

	if (!pskb_may_pull(cpu, skb, UDP_HDR_LEN))
		return -EINVAL;
	af->addrs(skb, &saddr, &daddr);
	if ((err = gso_cut(cpu, skb, UDP_HDR_LEN, features & NETIF_F_SG, out)))
		return err;
	for (seg = out->first; seg; seg = seg->next) {
		struct udp_hdr *uh = (struct udp_hdr *)seg->data;
		u32 pseudo = af->pseudo_csum(&saddr, &daddr, seg->len, IPPROTO_UDP);

		uh->len = cpu_to_be16((u16)seg->len);
		if (features & (NETIF_F_HW_CSUM | csum_bit)) {
			uh->check = csum_reduce(pseudo);
			skb_reset_transport_header(seg);
			seg->ip_summed = CHECKSUM_PARTIAL;
			seg->csum_start = seg->transport_header;
			seg->csum_offset = offsetof(struct udp_hdr, check);
			continue;
		}
		uh->check = 0;
		uh->check = csum_fold(skb_checksum(seg, 0, seg->len, pseudo));
		if (!uh->check)
			uh->check = UDP_CSUM_MANGLED_0;
	}
	return 0;
}

/* skb: data at the network header. */
struct sk_buff *udp_gro_receive(struct cpu *cpu, struct skb_list *held, struct sk_buff *skb, const struct inaddr *saddr,
				const struct inaddr *daddr)
{
	struct netns *net = skb->dev->net;
	u32 thoff = (u32)(skb->transport_header - skb_headroom(skb)), len = skb->len - thoff;
	const struct udp_hdr *uh;
	struct sk_buff *p, *same = NULL;
	struct udp_sock *us;

	if (likely(!net->udp->gro_socks) || skb_headlen(skb) < thoff + UDP_HDR_LEN) {
		GRO_CB(skb)->flush = 1;
		return NULL;
	}
	uh = (const struct udp_hdr *)(skb->data + thoff);
	us = GRO_CB(skb)->flush ? NULL : udp_lookup(cpu, net, daddr, uh->dport, saddr, uh->sport, rx_ifs_any(skb->dev->ifindex));
	if (!us || !us->gro || !uh->check || be16_to_cpu(uh->len) != len || len <= UDP_HDR_LEN ||
	    !gro_csum_ok(skb, thoff, len, af_of(net, skb)->pseudo_csum(saddr, daddr, len, IPPROTO_UDP))) {
		GRO_CB(skb)->flush = 1;
	}
	for (p = held->first; p; p = p->next) {
		const struct udp_hdr *ph;
		if (!GRO_CB(p)->same_flow)
			continue;
		ph = (const struct udp_hdr *)(p->head + p->transport_header);
		if (!be16_eq(ph->sport, uh->sport) || !be16_eq(ph->dport, uh->dport))
			GRO_CB(p)->same_flow = 0;
		else
			same = p;
	}
	if (!same)
		return NULL;
	/* a held packet's header still says the length of its first datagram */
	u32 first = be16_to_cpu(((const struct udp_hdr *)(same->head + same->transport_header))->len);
	if (GRO_CB(skb)->flush || GRO_CB(same)->flush_id || len > first || !gro_merge(cpu, same, skb, thoff + UDP_HDR_LEN))
		return same;
	return len < first || GRO_CB(same)->count >= UDP_GRO_MAX ? same : NULL;
}

void udp_gro_complete(struct cpu *cpu, struct sk_buff *skb, u32 thoff)
{
	struct udp_hdr *uh = (struct udp_hdr *)(skb->data + thoff);
	struct inaddr saddr, daddr;
	const struct inet_af *af = af_of(skb->dev->net, skb);

	af->addrs(skb, &saddr, &daddr);
	skb->gso_size = (u16)(be16_to_cpu(uh->len) - UDP_HDR_LEN);
	skb->gso_segs = GRO_CB(skb)->count;
	skb->gso_type = SKB_GSO_UDP_L4;
	uh->len = cpu_to_be16((u16)(skb->len - thoff));
	uh->check = csum_reduce(af->pseudo_csum(&saddr, &daddr, skb->len - thoff, IPPROTO_UDP));
	skb->ip_summed = CHECKSUM_PARTIAL;
	skb->csum_start = (u16)(skb_headroom(skb) + thoff);
	skb->csum_offset = offsetof(struct udp_hdr, check);
}
