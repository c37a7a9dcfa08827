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

/* Nobody here wants this source's packets to the group (MLDv2's filters); MLD itself is heard from everybody. */
static bool unwanted_source(const struct sk_buff *skb, u8 proto)
{
	const struct inet6_dev *idev = in6_dev_get(skb->dev);
	struct inaddr s = ip6_src(skb), d = ip6_dst(skb);
	u8 type = proto == IPPROTO_ICMPV6 && skb_headlen(skb) ? skb->data[0] : 0;
	if (type == ICMP6_MLD_QUERY || type == ICMP6_MLD_REPORT || type == ICMP6_MLD_DONE || type == ICMP6_MLD2_REPORT)
		return false;
	return !idev || !mc_wants(&idev->mc, &d, v6_is_any(&s) ? NULL : &s);
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
	if (unlikely(skb->dst && skb->dst->type == RTN_MULTICAST) && unwanted_source(skb, proto)) {
		mib6_inc(cpu, net, in6_dev_get(skb->dev), MIB_Ip6_InAddrErrors);
		skb_drop_net(cpu, net, skb, SKB_DROP_REASON_IP_INADDRERRORS);
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

/* An MLD message says so by a router alert of value 0 (RFC 2710 section 3): for those who listen, wherever it goes. */
static bool is_mld_alert(const struct sk_buff *skb, bool *is_mld)
{
	const u8 *ra = skb_network_header(skb) + IP6_CB(skb)->ra;
	u32 base = (u32)(skb->head + skb->network_header - skb->data);
	u8 nh = ip6_header(skb)->nexthdr, tmp;
	const u8 *type;
	be16 frag;
	int off;
	if (!IP6_CB(skb)->ra || ra[2] || ra[3])
		return false;
	off = ip6_skip_exthdrs(skb, base + IP6_HDR_LEN, &nh, &frag);
	type = off >= 0 && nh == IPPROTO_ICMPV6 ? skb_header_pointer(skb, (u32)off, 1, &tmp) : NULL;
	*is_mld = type && ((*type >= 130 && *type <= 132) || *type == 143);
	return true;
}

/* A group's packet is for us when the device listens to it; and perhaps for others, by way of us. False: it was not for us, consumed. */
static bool group_wanted(struct cpu *cpu, struct netns *net, struct sk_buff *skb)
{
	struct inet6_dev *idev = in6_dev_get(skb->dev);
	struct inaddr d = ip6_dst(skb);
	bool wanted = idev && ip6_mc_member(idev, &d);
	struct sk_buff *copy;

	mib6_inc(cpu, net, idev, MIB_Ip6_InMcastPkts);
	mib6_add(cpu, net, idev, MIB_Ip6_InMcastOctets, skb->len);
	if (unlikely(net->ip6->conf_all.v[IP6_CONF_MC_FORWARDING] > 0) && v6_mc_scope(&d) > 2 && !is_mld_alert(skb, &wanted)) {
		if (!wanted) {
			ip6_mr_input(cpu, skb);
			return false;
		}
		copy = skb_clone(cpu, skb);
		if (copy)
			ip6_mr_input(cpu, copy);
	}
	if (wanted)
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
