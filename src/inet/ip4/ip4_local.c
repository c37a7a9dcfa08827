/* IPv4 local delivery: fragments are put together, raw sockets get their copies, the transport gets the packet.
 *
 * From: dst->input of a local, broadcast or group route. To: inet/l4_proto.h's handlers. RFC 1122 section 3.2.2.1 for what is
 * answered when nobody wants it.
 */
#include "inet/ip4/ip4_priv.h"

static void deliver(struct cpu *cpu, struct netns *net, struct sk_buff *skb)
{
	const struct ip4_hdr *ip = ip4_header(skb);
	u8 proto = ip->protocol;
	const struct l4_proto *l4 = net->inet->l4[0][proto];
	bool raw = false;

	skb_pull(skb, ip4_hlen(ip));
	skb_reset_transport_header(skb);
	if (net->inet->raw)
		raw = net->inet->raw->rx(cpu, net, skb, proto);
	if (likely(l4 != NULL)) {
		mib_inc(cpu, net, MIB_Ip_InDelivers);
		trace_point(cpu, net, skb, TP_LOCAL_IN, proto, 0, l4->name);
		l4->rx(cpu, net, skb);
		return;
	}
	if (raw) {
		mib_inc(cpu, net, MIB_Ip_InDelivers);
		trace_point(cpu, net, skb, TP_CONSUMED, 0, 0, "raw sockets");
		skb_consume(cpu, skb);
		return;
	}
	mib_inc(cpu, net, MIB_Ip_InUnknownProtos);
	icmp4_send(cpu, skb, ICMP4_UNREACH, ICMP4_PROT_UNREACH, (be32){ 0 });
	skb_drop_net(cpu, net, skb, SKB_DROP_REASON_IP_NOPROTO);
}

void ip4_local_deliver(struct cpu *cpu, struct sk_buff *skb)
{
	struct netns *net = skb->dev->net;
	if (unlikely(ip4_is_fragment(ip4_header(skb)))) {
		skb = ip4_defrag(cpu, net, skb);
		if (!skb)
			return;
	}
	if (hook_run(cpu, net, NFPF_IPV4, NFH_LOCAL_IN, skb, skb->dev, NULL) == HOOK_ACCEPT)
		deliver(cpu, net, skb);
}

bool ip4_router_alert(struct cpu *cpu, struct netns *net, struct sk_buff *skb)
{
	u8 proto = ip4_header(skb)->protocol;
	if (!net->inet->raw || !net->inet->raw->router_alert4 || !net->inet->raw->router_alert4(cpu, net, NULL, proto))
		return false;
	if (ip4_is_fragment(ip4_header(skb)) && !(skb = ip4_defrag(cpu, net, skb)))
		return true;
	return net->inet->raw->router_alert4(cpu, net, skb, proto);
}
