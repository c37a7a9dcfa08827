/* IPv4 forwarding: one hop less to live, a size that fits the next link, a hint to a sender who has a better way.
 *
 * From: dst->input of a unicast route (ip4_rx.c). To: the FORWARD hook, then dst->output (ip4_tx.c). RFC 1812 section 5.
 */
#include "inet/ip4/ip4_priv.h"

static u32 forward_mtu(struct cpu *cpu, struct netns *net, const struct dst *d)
{
	u32 mtu;
	if (unlikely(net->ip4->ip_forward_use_pmtu || d->mtu_locked))
		return dst_mtu(cpu, d);
	/* What somebody else's ICMP says about a path is not for a router to believe: route metric or device. */
	mtu = dst_metric(d, RTAX_MTU);
	return MIN(mtu ? mtu : d->dev->mtu, 65535u);
}

/* The largest network-layer length of a GSO packet's segments. */
static u32 gso_network_len(const struct sk_buff *skb)
{
	u32 thlen = 8, hlen = ip4_hlen(ip4_header(skb));
	if (skb->gso_type & SKB_GSO_TCPV4) {
		u8 tmp;
		const u8 *doff = skb_header_pointer(skb, hlen + 12, 1, &tmp);
		thlen = doff ? (*doff >> 4) * 4u : 20;
	}
	return hlen + thlen + skb->gso_size;
}

static bool too_big(const struct sk_buff *skb, u32 mtu)
{
	const struct ip4_cb *cb = IP4_CB(skb);
	if (skb->len <= mtu && cb->frag_max_size <= mtu)
		return false;
	if (!ip4_has_df(ip4_header(skb)) || skb->ignore_df)
		return false;
	return cb->frag_max_size > mtu || !skb_is_gso(skb) || gso_network_len(skb) > mtu;
}

void ip4_forward(struct cpu *cpu, struct sk_buff *skb)
{
	struct net_device *in = skb->dev;
	struct netns *net = in->net;
	struct dst *d = skb->dst;
	struct ip4_cb *cb = IP4_CB(skb);
	u32 mtu = forward_mtu(cpu, net, d);

	if (unlikely(skb->pkt_type != PACKET_HOST)) {
		skb_drop_net(cpu, net, skb, SKB_DROP_REASON_OTHERHOST);
		return;
	}
	if (unlikely(cb->ra) && ip4_router_alert(cpu, net, skb))
		return;
	if (skb->ip_summed == CHECKSUM_COMPLETE)
		skb->ip_summed = CHECKSUM_NONE;
	if (unlikely(ip4_header(skb)->ttl <= 1)) {
		mib_inc(cpu, net, MIB_Ip_InHdrErrors);
		icmp4_send(cpu, skb, ICMP4_TIME_EXCEEDED, ICMP4_EXC_TTL, (be32){ 0 });
		skb_drop_net(cpu, net, skb, SKB_DROP_REASON_IP_TTL_EXCEEDED);
		return;
	}
	if (unlikely(cb->strict && d->flags & DST_GATEWAY)) {
		icmp4_send(cpu, skb, ICMP4_UNREACH, ICMP4_SR_FAILED, (be32){ 0 });
		skb_drop_net(cpu, net, skb, SKB_DROP_REASON_IP_OPTIONS);
		return;
	}
	mib_inc(cpu, net, MIB_Ip_ForwDatagrams); /* those that turn out too long as well */
	cb->flags |= IP4CB_FORWARDED;
	if (unlikely(skb->len > mtu || cb->frag_max_size > mtu) && too_big(skb, mtu)) {
		mib_inc(cpu, net, MIB_Ip_FragFails);
		icmp4_send(cpu, skb, ICMP4_UNREACH, ICMP4_FRAG_NEEDED, cpu_to_be32(mtu));
		skb_drop_net(cpu, net, skb, SKB_DROP_REASON_PKT_TOO_BIG);
		return;
	}
	if (unlikely(skb_cloned(skb) || skb_headroom(skb) < (u32)d->dev->hard_header_len + d->dev->needed_headroom) &&
	    !skb_cow_head(cpu, skb, ALIGN_UP((u32)d->dev->hard_header_len + d->dev->needed_headroom, 16u))) {
		mib_inc(cpu, net, MIB_Ip_OutDiscards);
		skb_drop_net(cpu, net, skb, SKB_DROP_REASON_NOMEM);
		return;
	}
	ip4_dec_ttl(ip4_header(skb));
	if (unlikely(cb->flags & IP4CB_REDIRECT) && !cb->srr)
		ip4_send_redirect(cpu, skb, d);
	if (net->ip4->fwd_update_priority) {
		static const u8 tos2prio[16] = { 0, 1, 0, 0, 2, 2, 2, 2, 6, 6, 6, 6, 4, 4, 4, 4 };
		skb->priority = tos2prio[ip4_header(skb)->tos >> 1 & 15];
	}
	trace_point(cpu, net, skb, TP_FORWARD, ip4_header(skb)->ttl, 0, NULL);
	if (hook_run(cpu, net, NFPF_IPV4, NFH_FORWARD, skb, in, d->dev) != HOOK_ACCEPT)
		return;
	if (unlikely(cb->optlen))
		ip4_options_forward(cpu, net, skb);
	skb->tstamp = 0;
	skb->dst->output(cpu, skb);
}
