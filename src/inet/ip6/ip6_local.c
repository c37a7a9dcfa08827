/* IPv6 local delivery: extension headers one by one, raw sockets' copies, the transport.
 *
 * From: dst->input of a local, anycast or group route. To: inet/l4_proto.h's handlers, with data at their header. RFC 8200 section 4
 * for what is answered when a header is not known.
 */
#include "inet/ip6/ip6_priv.h"

static void unknown_header(struct cpu *cpu, struct netns *net, struct sk_buff *skb, bool raw)
{
	struct inet6_dev *idev = in6_dev_get(skb->dev);
	if (raw) {
		mib6_inc(cpu, net, idev, MIB_Ip6_InDelivers);
		trace_point(cpu, net, skb, TP_CONSUMED, 0, 0, "raw sockets");
		skb_consume(cpu, skb);
		return;
	}
	mib6_inc(cpu, net, idev, MIB_Ip6_InUnknownProtos);
	icmp6_send(cpu, skb, ICMP6_PARAM_PROBLEM, ICMP6_UNK_NEXTHDR, IP6_CB(skb)->nhoff);
	skb_drop_net(cpu, net, skb, SKB_DROP_REASON_IP_NOPROTO);
}

/* To the transport: data at its header. */
static void upper(struct cpu *cpu, struct netns *net, struct sk_buff *skb, u8 proto)
{
	const struct l4_proto *l4 = net->inet->l4[1][proto];
	bool raw = false;

	skb_pull(skb, (u32)(skb->head + skb->transport_header - skb->data));
	skb->protocol = BE16(0x86dd);
	if (net->inet->raw)
		raw = net->inet->raw->rx(cpu, net, skb, proto);
	if (unlikely(!l4)) {
		unknown_header(cpu, net, skb, raw);
		return;
	}
	mib6_inc(cpu, net, in6_dev_get(skb->dev), MIB_Ip6_InDelivers);
	trace_point(cpu, net, skb, TP_LOCAL_IN, proto, 0, l4->name);
	l4->rx(cpu, net, skb);
}

static void deliver(struct cpu *cpu, struct netns *net, struct sk_buff *skb)
{
	for (;;) {
		u8 nh = skb_network_header(skb)[IP6_CB(skb)->nhoff];
		u32 off = (u32)(skb->transport_header - skb->network_header);

		if (!pskb_may_pull(cpu, skb, (u32)(skb->head + skb->transport_header - skb->data))) {
			mib6_inc(cpu, net, in6_dev_get(skb->dev), MIB_Ip6_InDiscards);
			skb_drop_net(cpu, net, skb, SKB_DROP_REASON_PKT_TOO_SMALL);
			return;
		}
		switch (nh) {
		case IP6_NH_ROUTING:
			if (!ip6_rx_rthdr(cpu, net, skb))
				return;
			continue;
		case IP6_NH_DSTOPTS:
			if (!ip6_rx_dstopts(cpu, net, skb))
				return;
			continue;
		case IP6_NH_FRAGMENT:
			skb = ip6_defrag(cpu, net, skb, off);
			if (!skb)
				return;
			continue;
		case IP6_NH_NONE:
			mib6_inc(cpu, net, in6_dev_get(skb->dev), MIB_Ip6_InDelivers);
			trace_point(cpu, net, skb, TP_CONSUMED, 0, 0, "no next header");
			skb_consume(cpu, skb);
			return;
		}
		upper(cpu, net, skb, nh);
		return;
	}
}

/* A group's packet is for us when the device listens to it. */
static bool group_wanted(struct cpu *cpu, struct netns *net, struct sk_buff *skb)
{
	struct inet6_dev *idev = in6_dev_get(skb->dev);
	struct inaddr d = ip6_dst(skb);
	mib6_inc(cpu, net, idev, MIB_Ip6_InMcastPkts);
	mib6_add(cpu, net, idev, MIB_Ip6_InMcastOctets, skb->len);
	if (idev && ip6_mc_member(idev, &d))
		return true;
	skb_drop_net(cpu, net, skb, SKB_DROP_REASON_IP_INVALID_DEST);
	return false;
}

void ip6_local_deliver(struct cpu *cpu, struct sk_buff *skb)
{
	struct netns *net = skb->dev->net;
	if (unlikely(skb->dst->type == RTN_MULTICAST) && !group_wanted(cpu, net, skb))
		return;
	if (hook_run(cpu, net, NFPF_IPV6, NFH_LOCAL_IN, skb, skb->dev, NULL) == HOOK_ACCEPT)
		deliver(cpu, net, skb);
}
