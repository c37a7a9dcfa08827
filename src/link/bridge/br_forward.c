/* Where a frame leaves: one port, all of them, or up through the bridge device.
 *
 * Frames come from br_input.c (a port received them) and br_dev.c (the host sends), data at the network header and the Ethernet header in
 * front of it; they leave through the ports' queues, uncut (GSO) and with their checksums open, as they came. What goes to several ports
 * is cloned for all but the last. IEEE 802.1D 7.7.
 */
#include <stdarg.h>
#include <stdio.h>

#include "core/hook.h"
#include "link/bridge/br_mcast.h"
#include "link/vlan.h"

void br_trace(struct cpu *cpu, const struct sk_buff *skb, u64 a, const char *fmt, ...)
{
	char text[96];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	trace_point_slow(cpu, skb->dev->net, skb, TP_BRIDGE, a, 0, text);
}

bool br_should_deliver(struct cpu *cpu, const struct br_port *p, const struct sk_buff *skb)
{
	const struct br_cb *cb = BR_CB(skb);
	if (cb->src == p && !(p->flags & BRP_HAIRPIN))
		return false;
	if (unlikely(p->state != BR_STATE_FORWARDING)) {
		if (unlikely(skb->trace))
			br_trace(cpu, skb, 0, "not to %s: its port does not forward", p->dev->name);
		return false;
	}
	if (unlikely(!br_vlan_egress_ok(p->br, &p->vlans, skb))) {
		if (unlikely(skb->trace))
			br_trace(cpu, skb, 0, "not to %s: not in the VLAN", p->dev->name);
		return false;
	}
	if (unlikely(cb->isolated && p->flags & BRP_ISOLATED)) {
		if (unlikely(skb->trace))
			br_trace(cpu, skb, 0, "not to %s: both are isolated", p->dev->name);
		return false;
	}
	return true;
}

static bool fits(const struct net_device *dev, const struct sk_buff *skb)
{
	return dev_running(dev) && (skb->len <= dev->mtu + dev->hard_header_len + VLAN_HDR_LEN || skb_is_gso(skb));
}

void br_send_finish(struct cpu *cpu, struct br_port *p, struct sk_buff *skb)
{
	struct net_device *in = BR_CB(skb)->src ? BR_CB(skb)->src->dev : NULL;
	struct netns *net = p->dev->net;
	bool local = BR_CB(skb)->local;
	if (unlikely(!br_vlan_egress(p->br, &p->vlans, skb))) {
		skb_drop(cpu, skb, SKB_DROP_REASON_BRIDGE_VLAN_FILTER);
		return;
	}
	skb->dev = p->dev;
	if (hook_run(cpu, net, NFPF_BRIDGE, local ? NFH_LOCAL_OUT : NFH_FORWARD, skb, in, p->dev) != HOOK_ACCEPT)
		return;
	if (!local && skb->ip_summed == CHECKSUM_COMPLETE)
		skb->ip_summed = CHECKSUM_NONE;
	if (hook_run(cpu, net, NFPF_BRIDGE, NFH_POST_ROUTING, skb, NULL, p->dev) != HOOK_ACCEPT)
		return;
	if (unlikely(skb_headroom(skb) < ETH_HDR_LEN)) {
		skb_drop(cpu, skb, SKB_DROP_REASON_NOMEM);
		return;
	}
	skb_push(skb, ETH_HDR_LEN);
	if (unlikely(!fits(p->dev, skb))) {
		skb_drop(cpu, skb, dev_running(p->dev) ? SKB_DROP_REASON_PKT_TOO_BIG : SKB_DROP_REASON_DEV_DOWN);
		return;
	}
	if (unlikely(skb->trace))
		br_trace(cpu, skb, p->port_no, "%s to %s", local ? "sent" : "forwarded", p->dev->name);
	dev_queue_xmit(cpu, skb);
}

void br_deliver_copy(struct cpu *cpu, struct br_port *p, struct sk_buff *skb)
{
	struct sk_buff *copy = skb_clone(cpu, skb);
	if (!copy) {
		p->br->dev->stats[cpu->id].tx_dropped++;
		return;
	}
	*BR_CB(copy) = *BR_CB(skb);
	br_send_finish(cpu, p, copy);
}

/* To this station alone, though it was sent to a group (mcast_to_unicast). */
bool br_deliver_copy_as_unicast(struct cpu *cpu, struct br_port *p, struct sk_buff *skb, const u8 *dst)
{
	struct br_cb cb = *BR_CB(skb);
	struct sk_buff *copy;
	if (eth_addr_eq(((const struct eth_hdr *)skb_mac_header(skb))->src, dst) && cb.src == p)
		return false; /* it does not hear itself */
	skb_push(skb, ETH_HDR_LEN);
	copy = skb_copy(cpu, skb, SKB_HEADROOM);
	skb_pull(skb, ETH_HDR_LEN);
	if (!copy) {
		p->br->dev->stats[cpu->id].tx_dropped++;
		return false;
	}
	skb_reset_mac_header(copy);
	memcpy(((struct eth_hdr *)copy->data)->dst, dst, ETH_ADDR_LEN);
	skb_pull(copy, ETH_HDR_LEN);
	skb_reset_network_header(copy);
	*BR_CB(copy) = cb;
	br_send_finish(cpu, p, copy);
	return true;
}

void br_forward_to(struct cpu *cpu, struct br_port *p, struct sk_buff *skb, bool keep)
{
	if (unlikely(!p))
		goto drop;
	if (unlikely(p->backup && (!p->dev->carrier || !dev_running(p->dev))))
		p = p->backup;
	if (likely(br_should_deliver(cpu, p, skb))) {
		if (unlikely(keep))
			br_deliver_copy(cpu, p, skb);
		else
			br_send_finish(cpu, p, skb);
		return;
	}
drop:
	if (!keep)
		skb_drop(cpu, skb, SKB_DROP_REASON_NO_TX_TARGET);
}

static bool wants(const struct br_port *p, const struct sk_buff *skb, enum br_kind kind)
{
	const struct br_cb *cb = BR_CB(skb);
	switch (kind) {
	case BR_UNICAST:
		if (!(p->flags & BRP_FLOOD))
			return false;
		break;
	case BR_MULTICAST:
		if (!(p->flags & BRP_MCAST_FLOOD) && !cb->local)
			return false;
		break;
	case BR_BROADCAST:
		if (!(p->flags & BRP_BCAST_FLOOD) && !cb->local)
			return false;
		break;
	}
	if (p->flags & BRP_PROXYARP)
		return false;
	return !(cb->answered && p->flags & (BRP_PROXYARP_WIFI | BRP_NEIGH_SUPPRESS));
}

void br_flood(struct cpu *cpu, struct bridge *br, struct sk_buff *skb, enum br_kind kind, bool keep, u16 vid)
{
	struct br_port *p, *prev = NULL;
	unsigned n = 0;
	br_for_each_port(p, br) {
		if (!wants(p, skb, kind) || !br_should_deliver(cpu, p, skb))
			continue;
		if (prev)
			br_deliver_copy(cpu, prev, skb);
		prev = p;
		n++;
		br_mcast_count(br, p, skb, BR_CB(skb)->report, BR_MCAST_DIR_TX);
	}
	if (unlikely(skb->trace))
		br_trace(cpu, skb, n, "flooded to %u port%s", n, n == 1 ? "" : "s");
	if (prev && keep)
		br_deliver_copy(cpu, prev, skb);
	else if (prev)
		br_send_finish(cpu, prev, skb);
	else if (!keep)
		skb_drop(cpu, skb, SKB_DROP_REASON_NO_TX_TARGET);
}

bool br_pass_up(struct cpu *cpu, struct bridge *br, struct sk_buff *skb)
{
	struct dev_stats *s = &br->dev->stats[cpu->id];
	struct net_device *in = skb->dev;
	s->rx_packets++;
	s->rx_bytes += skb->len;
	if (unlikely(!(br->dev->flags & IFF_PROMISC) && !br_vlan_egress_ok(br, &br->vlans, skb))) {
		skb_drop(cpu, skb, SKB_DROP_REASON_BRIDGE_VLAN_FILTER);
		return false;
	}
	if (unlikely(!br_vlan_egress(br, &br->vlans, skb) && !(br->dev->flags & IFF_PROMISC))) {
		skb_drop(cpu, skb, SKB_DROP_REASON_BRIDGE_VLAN_FILTER);
		return false;
	}
	if (unlikely(skb->trace))
		br_trace(cpu, skb, 0, "up to %s", br->dev->name);
	br_mcast_count(br, NULL, skb, BR_CB(skb)->report, BR_MCAST_DIR_TX);
	skb->dev = br->dev;
	return hook_run(cpu, br->dev->net, NFPF_BRIDGE, NFH_LOCAL_IN, skb, in, NULL) == HOOK_ACCEPT;
}
