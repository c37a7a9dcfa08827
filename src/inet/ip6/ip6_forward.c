/* IPv6 forwarding: one hop less to live, a size that fits the next link, a hint to a sender who has a better way.
 *
 * From: dst->input of a unicast route (ip6_rx.c). To: the FORWARD hook, then dst->output (ip6_tx.c). RFC 8200, 4861 section 8.
 * A router does not cut: what is too big draws an error with the link's size.
 */
#include "inet/ip6/ip6_priv.h"

static u32 forward_mtu(const struct dst *d)
{
	/* What somebody else's ICMP says about a path is not for a router to believe: route metric or link. */
	u32 mtu = dst_metric(d, RTAX_MTU), link = d->link_mtu ? d->link_mtu : d->dev->mtu;
	return MAX(mtu ? MIN(mtu, link) : link, (u32)IP6_MIN_MTU);
}

static bool too_big(const struct sk_buff *skb, u32 mtu)
{
	if (IP6_CB(skb)->frag_max_size)
		return IP6_CB(skb)->frag_max_size > mtu;
	if (skb->len <= mtu || skb->ignore_df)
		return false;
	return !skb_is_gso(skb) || ip6_gso_len(skb) > mtu;
}

/* RFC 4861 section 8.2, and addresses that must not pass a router (RFC 4291 section 2.5.6). False: consumed. */
static bool same_link(struct cpu *cpu, struct netns *net, struct sk_buff *skb, const struct dst *d)
{
	struct inet6_dev *idev = in6_dev_get(skb->dev);
	struct inaddr s = ip6_src(skb), to = ip6_dst(skb), target = d->flags & DST_GATEWAY ? d->gateway : to;
	if (d->dev == skb->dev && !IP6_CB(skb)->srcrt) {
		if (icmp6_redirect_allowed(cpu, net, &to)) /* and its sender's limit: ndisc_send_redirect() */
			ndisc_send_redirect(cpu, skb, &target);
		return true;
	}
	if (!v6_is_any(&s) && !v6_is_multicast(&s) && !v6_is_loopback(&s) && !v6_is_linklocal(&s))
		return true;
	if (v6_is_linklocal(&s))
		icmp6_send(cpu, skb, ICMP6_UNREACH, ICMP6_NOT_NEIGHBOUR, 0);
	mib6_inc(cpu, net, idev, MIB_Ip6_InAddrErrors);
	skb_drop_net(cpu, net, skb, SKB_DROP_REASON_IP_INADDRERRORS);
	return false;
}

/* RFC 2711: the routers on the way are to look at the packet; who does takes it. */
static bool alerts_somebody(struct cpu *cpu, struct netns *net, struct sk_buff *skb)
{
	be16 value;

	memcpy(&value, skb_network_header(skb) + IP6_CB(skb)->ra + 2, sizeof(value));
	if (!net->inet->raw || !net->inet->raw->router_alert || !net->inet->raw->router_alert(cpu, net, skb, be16_to_cpu(value)))
		return false;
	trace_point(cpu, net, skb, TP_CONSUMED, 0, 0, "router alert");
	skb_consume(cpu, skb);
	return true;
}

void ip6_forward(struct cpu *cpu, struct sk_buff *skb)
{
	struct net_device *in = skb->dev;
	struct netns *net = in->net;
	struct inet6_dev *idev = in6_dev_get(in);
	struct dst *d = skb->dst;
	u32 mtu = forward_mtu(d), room = (u32)d->dev->hard_header_len + d->dev->needed_headroom;

	if (unlikely(net->ip6->conf_all.v[IP6_CONF_FORWARDING] <= 0 && !(idev && idev->conf.v[IP6_CONF_FORCE_FORWARDING]))) {
		mib6_inc(cpu, net, idev, MIB_Ip6_InAddrErrors);
		skb_drop_net(cpu, net, skb, SKB_DROP_REASON_IP_FORWARD_DISABLED);
		return;
	}
	if (unlikely(skb->pkt_type != PACKET_HOST)) {
		skb_drop_net(cpu, net, skb, SKB_DROP_REASON_OTHERHOST);
		return;
	}
	if (skb->ip_summed == CHECKSUM_COMPLETE)
		skb->ip_summed = CHECKSUM_NONE;
	if (unlikely(IP6_CB(skb)->ra) && alerts_somebody(cpu, net, skb))
		return;
	if (unlikely(ip6_header(skb)->hop_limit <= 1)) {
		icmp6_send(cpu, skb, ICMP6_TIME_EXCEEDED, ICMP6_EXC_HOPLIMIT, 0);
		mib6_inc(cpu, net, idev, MIB_Ip6_InHdrErrors);
		skb_drop_net(cpu, net, skb, SKB_DROP_REASON_IP_TTL_EXCEEDED);
		return;
	}
	if (!same_link(cpu, net, skb, d))
		return;
	mib6_inc(cpu, net, in6_dev_get(d->dev), MIB_Ip6_OutForwDatagrams); /* those that turn out too long as well */
	if (unlikely(skb->len > mtu || IP6_CB(skb)->frag_max_size) && too_big(skb, mtu)) {
		icmp6_send(cpu, skb, ICMP6_PKT_TOOBIG, 0, mtu);
		mib6_inc(cpu, net, idev, MIB_Ip6_InTooBigErrors);
		mib6_inc(cpu, net, in6_dev_get(d->dev), MIB_Ip6_FragFails);
		skb_drop_net(cpu, net, skb, SKB_DROP_REASON_PKT_TOO_BIG);
		return;
	}
	if (unlikely(skb_cloned(skb) || skb_headroom(skb) < room) && !skb_cow_head(cpu, skb, ALIGN_UP(room, 16u))) {
		mib6_inc(cpu, net, in6_dev_get(d->dev), MIB_Ip6_OutDiscards);
		skb_drop_net(cpu, net, skb, SKB_DROP_REASON_NOMEM);
		return;
	}
	ip6_header(skb)->hop_limit--;
	IP6_CB(skb)->flags |= IP6CB_FORWARDED;
	trace_point(cpu, net, skb, TP_FORWARD, ip6_header(skb)->hop_limit, 0, NULL);
	if (hook_run(cpu, net, NFPF_IPV6, NFH_FORWARD, skb, in, d->dev) != HOOK_ACCEPT)
		return;
	skb->tstamp = 0;
	skb->dst->output(cpu, skb);
}
