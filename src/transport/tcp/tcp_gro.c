/* Merging the segments of a flow as they arrive (link/gro.h): what goes into one packet must be one contiguous stretch with equal
 * headers, so that nothing is lost by it: same ACK, window and options; only PSH and FIN may come, and they end it.
 */
#include "codec/wire/checksum.h"
#include "link/gro.h"
#include "transport/tcp/tcp_impl.h"

struct sk_buff *tcp_gro_receive(struct cpu *cpu, struct skb_list *held, struct sk_buff *skb, const struct inaddr *saddr,
				const struct inaddr *daddr)
{
	struct net_device *dev = skb->dev;
	const struct inet_af *af = be16_eq(skb->protocol, BE16(0x86dd)) ? dev->net->inet->af6 : dev->net->inet->af4;
	u32 thoff = (u32)(skb->transport_header - skb_headroom(skb)), len = skb->len - thoff, hlen, mss, payload;
	const struct tcp_hdr *th, *ph;
	struct sk_buff *p, *same = NULL;
	u8 flags;
	bool end;

	if (!pskb_may_pull(cpu, skb, thoff + TCP_HDR_LEN))
		goto flush;
	th = (const struct tcp_hdr *)(skb->data + thoff);
	hlen = tcp_hlen(th);
	if (hlen < TCP_HDR_LEN || !pskb_may_pull(cpu, skb, thoff + hlen))
		goto flush;
	th = (const struct tcp_hdr *)(skb->data + thoff);
	payload = len - hlen;
	flags = th->flags;

	for (p = held->first; p; p = p->next) {
		u32 ports, pports;

		if (!GRO_CB(p)->same_flow)
			continue;
		ph = (const struct tcp_hdr *)(p->head + p->transport_header);
		memcpy(&ports, &th->sport, 4);
		memcpy(&pports, &ph->sport, 4);
		if (ports != pports)
			GRO_CB(p)->same_flow = 0;
		else
			same = p;
	}
	if ((flags & (TCPF_RST | TCPF_SYN | TCPF_URG)) || !(flags & TCPF_ACK))
		GRO_CB(skb)->flush = 1;
	if (!payload)
		GRO_CB(skb)->flush = 1;
	if (!GRO_CB(skb)->flush && !gro_csum_ok(skb, thoff, len, af->pseudo_csum(saddr, daddr, len, IPPROTO_TCP)))
		GRO_CB(skb)->flush = 1;
	if (!same) {
		GRO_CB(skb)->l4_u32[0] = payload; /* the segment size of what may be merged to it */
		if (flags & (TCPF_PSH | TCPF_FIN)) /* nothing follows soon */
			GRO_CB(skb)->flush = 1;
		return NULL;
	}
	ph = (const struct tcp_hdr *)(same->head + same->transport_header);
	mss = GRO_CB(same)->l4_u32[0];
	if (GRO_CB(skb)->flush || GRO_CB(same)->flush_id || payload > mss || !mss)
		goto not_this;
	if (((flags ^ ph->flags) & (u8) ~(TCPF_FIN | TCPF_PSH)) || th->doff != ph->doff || th->ack.raw != ph->ack.raw ||
	    th->window.raw != ph->window.raw || memcmp(th + 1, ph + 1, hlen - TCP_HDR_LEN))
		goto not_this;
	{
		u32 pthoff = (u32)(same->transport_header - skb_headroom(same));
		if (be32_to_cpu(ph->seq) + same->len - pthoff - hlen != be32_to_cpu(th->seq))
			goto not_this;
	}
	if (!gro_merge(cpu, same, skb, thoff + hlen))
		goto not_this;
	((struct tcp_hdr *)(same->head + same->transport_header))->flags |= flags & (TCPF_FIN | TCPF_PSH);
	end = payload < mss || (flags & (TCPF_PSH | TCPF_FIN));
	return end ? same : NULL;

not_this:
	GRO_CB(skb)->l4_u32[0] = payload;
	if (flags & (TCPF_PSH | TCPF_FIN))
		GRO_CB(skb)->flush = 1;
	return same;
flush:
	GRO_CB(skb)->flush = 1;
	return NULL;
}

void tcp_gro_complete(struct cpu *cpu, struct sk_buff *skb, u32 thoff)
{
	struct tcp_hdr *th = (struct tcp_hdr *)(skb->data + thoff);
	struct netns *net = skb->dev->net;
	bool v6 = be16_eq(skb->protocol, BE16(0x86dd));
	const struct inet_af *af = v6 ? net->inet->af6 : net->inet->af4;
	struct inaddr saddr, daddr;

	(void)cpu;
	af->addrs(skb, &saddr, &daddr);
	skb->gso_size = (u16)GRO_CB(skb)->l4_u32[0];
	skb->gso_segs = GRO_CB(skb)->count;
	skb->gso_type = v6 ? SKB_GSO_TCPV6 : SKB_GSO_TCPV4;
	if (th->flags & TCPF_CWR) /* more than one in a row: accurate ECN's */
		skb->gso_type |= SKB_GSO_TCP_ACCECN;
	th->check = csum_reduce(af->pseudo_csum(&saddr, &daddr, skb->len - thoff, IPPROTO_TCP));
	skb->ip_summed = CHECKSUM_PARTIAL;
	skb->csum_start = (u16)(skb_headroom(skb) + thoff);
	skb->csum_offset = offsetof(struct tcp_hdr, check);
}
