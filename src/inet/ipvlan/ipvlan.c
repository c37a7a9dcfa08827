/* ipvlan: devices that share one lower device and its address, told apart by their IP addresses.
 * `ip link add link eth0 name i0 type ipvlan mode l3`.
 *
 * l2: frames go out by the lower device as they are, received ones are given to who has the destination (of ARP: the target), and groups'
 * to all. l3: what is sent is routed by the lower device's namespace; groups are not sent, ARP is not spoken. l3s: as l3, and Linux
 * receives by way of the lower namespace's hooks, so that its firewall sees both directions; there are none in between here yet, and
 * packets are handed on where l3 does. Neighbours reach each other directly, unless flagged private (not at all) or vepa (a switch
 * outside sends it back). The lower device's own addresses are not reached from here, as its frames to itself never leave it.
 *
 * From: the lower device's rx_handler; the device's start_xmit. To: the stack above, as the device's; the lower device; inet_af's routes.
 * Documentation/networking/ipvlan.rst; answers are those of Linux 6.12.
 */
#include "inet/ipvlan/ipvlan.h"

#include <linux/rtnetlink.h>
#include <netinet/in.h>

#include "codec/wire/arp.h"
#include "codec/wire/icmp6.h"
#include "codec/wire/ip4hdr.h"
#include "codec/wire/ip6hdr.h"
#include "core/trace.h"
#include "inet/af.h"
#include "inet/ip4/ip4.h"
#include "inet/ip6/ip6.h"

static const u8 *dst_of(const struct sk_buff *skb) { return ((const struct eth_hdr *)skb_mac_header(skb))->dst; }
static const u8 *src_of(const struct sk_buff *skb) { return ((const struct eth_hdr *)skb_mac_header(skb))->src; }

/* -- whose packet it is -- */

static bool has(const struct net_device *dev, const struct inaddr *a)
{
	if (inaddr_is_v4(a)) {
		const struct in_ifaddr *ifa = dev->net->ip4 ? ip4_ifaddr_find(dev->net, inaddr_v4(a)) : NULL;
		return ifa && ifa->idev->dev == dev;
	}
	return dev->net->ip6 && ip6_ifaddr_find(dev->net, a, dev, 0);
}

struct ipvlan *iv_owner(const struct iv_port *port, const struct inaddr *a, const struct net_device *except)
{
	struct ipvlan *m;
	list_for_each(m, &port->ipvlans, link)
		if (m->dev != except && has(m->dev, a))
			return m;
	return NULL;
}

/* The address that a packet is for (of ARP and neighbour solicitations: that is asked for), or from. off: of its network header from
 * skb->data. False: it says nothing of the kind. */
static bool address(const struct sk_buff *skb, u32 off, be16 protocol, bool source, struct inaddr *out)
{
	union {
		struct ip4_hdr ip4;
		struct { struct ip6_hdr h; u8 type; u8 rest[23]; } ip6;
		struct arp_eth_ip4 arp;
	} tmp;
	if (be16_eq(protocol, BE16(0x0800))) {
		const struct ip4_hdr *h = skb_header_pointer(skb, off, sizeof(*h), &tmp);
		if (!h || ip4_version(h) != 4)
			return false;
		*out = inaddr_from_v4(source ? h->saddr : h->daddr);
		return true;
	}
	if (be16_eq(protocol, BE16(0x0806))) {
		const struct arp_eth_ip4 *h = skb_header_pointer(skb, off, sizeof(*h), &tmp);
		if (!h)
			return false;
		*out = inaddr_from_v4(source ? h->sip : h->tip);
		return true;
	}
	if (be16_eq(protocol, BE16(0x86dd))) {
		const struct ip6_hdr *h = skb_header_pointer(skb, off, sizeof(*h), &tmp);
		if (!h || ip6_version(h) != 6)
			return false;
		*out = inaddr_from_v6(source ? h->saddr : h->daddr);
		if (!source && h->nexthdr == IPPROTO_ICMPV6 && (h = skb_header_pointer(skb, off, IP6_HDR_LEN + 24, &tmp)) &&
		    *((const u8 *)h + IP6_HDR_LEN) == 135) /* a neighbour solicitation's target */
			*out = inaddr_from_v6((const u8 *)h + IP6_HDR_LEN + 8);
		return true;
	}
	return false;
}

static struct ipvlan *owner_of(const struct iv_port *port, const struct sk_buff *skb, u32 off, be16 protocol, bool source)
{
	struct inaddr a;
	struct ipvlan *m = address(skb, off, protocol, source, &a) ? iv_owner(port, &a, NULL) : NULL;
	return m && dev_running(m->dev) ? m : NULL;
}

/* -- received frames; data behind the Ethernet header -- */

/* Comes in by m's device, which may be at home elsewhere. Takes skb. */
static void give(struct cpu *cpu, struct sk_buff *skb, struct ipvlan *m, u8 pkt_type, bool multicast)
{
	struct net_device *dev = m->dev;
	u32 len = skb->len + ETH_HDR_LEN;
	skb_scrub(cpu, skb, dev->net != skb->dev->net);
	skb->dev = dev;
	skb->pkt_type = pkt_type;
	skb->queue_mapping = 0;
	if (dev->net->home != cpu)
		skb_orphan(cpu, skb);
	if (cpu_backlog_add(cpu, dev->net->home, skb))
		stacked_count_rx(cpu, dev, len, multicast);
}

/* A frame to a group: to all who listen, but for its sender; and out, when it was sent here. Takes skb. */
static void to_group(struct cpu *cpu, struct iv_port *port, struct sk_buff *skb, bool sent)
{
	u8 type = eth_addr_eq(dst_of(skb), port->lower->broadcast) ? PACKET_BROADCAST : PACKET_MULTICAST;
	struct net_device *from = skb->dev;
	struct ipvlan *m;
	list_for_each(m, &port->ipvlans, link) {
		struct sk_buff *copy;
		if ((sent && m->dev == from) || !dev_running(m->dev) || !stacked_hears(m->dev, dst_of(skb)))
			continue;
		copy = skb_clone(cpu, skb);
		if (copy)
			give(cpu, copy, m, type, true);
		else
			m->dev->stats[cpu->id].rx_dropped++;
	}
	if (!sent) {
		skb_consume(cpu, skb);
		return;
	}
	skb_push(skb, ETH_HDR_LEN);
	skb->dev = port->lower;
	dev_xmit_lower(cpu, skb);
}

void iv_group_run(struct cpu *cpu, struct cpu_work *work)
{
	struct iv_port *port = container_of(work, struct iv_port, group_work);
	struct sk_buff *skb;
	while ((skb = skb_list_pop(&port->groups)))
		to_group(cpu, port, skb, false);
}

bool iv_receive(struct cpu *cpu, struct sk_buff **pskb, void *data)
{
	struct iv_port *port = data;
	struct sk_buff *skb = *pskb, *copy;
	struct ipvlan *to;

	if (unlikely(skb->pkt_type == PACKET_LOOPBACK || skb->mac_header == SKB_OFF_UNSET))
		return false;
	if (port->mode == IPVLAN_MODE_L2 && eth_addr_is_multicast(dst_of(skb))) {
		/* What one of ours sent and a switch returns has been heard already. */
		if (eth_addr_eq(src_of(skb), port->lower->dev_addr) && owner_of(port, skb, 0, skb->protocol, true))
			return false;
		if (port->groups.count >= IV_GROUPS_MAX || !(copy = skb_clone(cpu, skb))) {
			port->lower->stats[cpu->id].rx_dropped++;
			return false;
		}
		skb_forget_dst(cpu, copy);
		skb_list_add(&port->groups, copy);
		cpu_work_add(cpu, &port->group_work);
		return false;
	}
	to = owner_of(port, skb, 0, skb->protocol, false);
	if (!to)
		return false;
	if (unlikely(to->dev->net != skb->dev->net)) {
		give(cpu, skb, to, skb->pkt_type, false);
		return true;
	}
	stacked_count_rx(cpu, to->dev, skb->len + ETH_HDR_LEN, false);
	skb->dev = to->dev;
	return false;
}

/* -- sent frames; data at the Ethernet header -- */

/* To a neighbour, or (to NULL) to the lower device itself, as if it came in there. Takes skb. */
static bool turn_round(struct cpu *cpu, struct sk_buff *skb, struct ipvlan *to, struct net_device *lower)
{
	struct net_device *dev = to ? to->dev : lower;
	if (unlikely(!dev_running(dev) || (skb->len > dev->mtu + ETH_HDR_LEN && !skb_is_gso(skb)))) {
		dev->stats[cpu->id].rx_dropped++;
		skb_drop(cpu, skb, SKB_DROP_REASON_DEV_READY);
		return false;
	}
	skb_reset_mac_header(skb);
	skb->protocol = ((const struct eth_hdr *)skb->data)->type;
	skb->mac_len = ETH_HDR_LEN;
	skb_pull(skb, ETH_HDR_LEN);
	if (to) {
		give(cpu, skb, to, PACKET_HOST, false);
		return true;
	}
	skb_scrub(cpu, skb, lower->net != skb->dev->net);
	skb->dev = lower;
	skb->pkt_type = PACKET_HOST;
	skb->queue_mapping = 0;
	if (lower->net->home != cpu)
		skb_orphan(cpu, skb);
	return cpu_backlog_add(cpu, lower->net->home, skb);
}

static bool dropped(struct cpu *cpu, struct sk_buff *skb)
{
	skb_drop(cpu, skb, SKB_DROP_REASON_NOT_SPECIFIED);
	return false;
}

/* In the lower device's namespace, on its home cpu: data at the network header. Takes skb. */
static bool route_here(struct cpu *cpu, struct sk_buff *skb, struct net_device *lower)
{
	struct netns *net = lower->net;
	bool v4 = be16_eq(skb->protocol, BE16(0x0800));
	const struct inet_af *af = v4 ? net->inet->af4 : net->inet->af6;
	struct flow fl = { .family = v4 ? AF_INET : AF_INET6, .oif = lower->ifindex, .flags = FLOW_ANYSRC, .mark = skb->mark };
	struct dst *d;

	skb->dev = lower;
	af->addrs(skb, &fl.saddr, &fl.daddr);
	fl.tos = af->rx_tos(skb);
	if (af->route_out(cpu, net, &fl, &d))
		return dropped(cpu, skb);
	if (d->type != RTN_UNICAST && d->type != RTN_LOCAL) {
		dst_put(d);
		return dropped(cpu, skb);
	}
	skb_dst_set(skb, d);
	memset(skb->cb, 0, sizeof(skb->cb)); /* the network layer's */
	return d->output(cpu, skb) == 0;
}

void iv_xmit_here(struct cpu *cpu, struct sk_buff *skb)
{
	struct net_device *dev = skb->dev;
	skb->xmit_here = 0;
	if (iv_of(dev)->port)
		route_here(cpu, skb, iv_of(dev)->on.lower);
	else
		dropped(cpu, skb);
}

/* Its way is found in the lower device's namespace. Takes skb. */
static bool route(struct cpu *cpu, struct sk_buff *skb, struct ipvlan *m)
{
	struct netns *net = m->on.lower->net;
	bool v4 = be16_eq(skb->protocol, BE16(0x0800));
	const struct inet_af *af = v4 ? net->inet->af4 : be16_eq(skb->protocol, BE16(0x86dd)) ? net->inet->af6 : NULL;

	if (!af || eth_addr_is_multicast(skb->data) || !pskb_may_pull(cpu, skb, ETH_HDR_LEN + af->hdr_len))
		return dropped(cpu, skb);
	skb_scrub(cpu, skb, net != skb->dev->net);
	skb_pull(skb, ETH_HDR_LEN);
	skb_reset_network_header(skb);
	skb->transport_header = (u16)(skb->network_header + (v4 ? ip4_hlen((const struct ip4_hdr *)skb->data) : IP6_HDR_LEN));
	if (likely(net->home == cpu))
		return route_here(cpu, skb, m->on.lower);
	skb_orphan(cpu, skb);
	skb->xmit_there = skb->xmit_here = 1;
	return cpu_backlog_add(cpu, net->home, skb);
}

static bool xmit_l3(struct cpu *cpu, struct sk_buff *skb, struct ipvlan *m)
{
	struct iv_port *port = m->port;
	struct ipvlan *to = port->flags & IPVLAN_F_VEPA ? NULL : owner_of(port, skb, ETH_HDR_LEN, skb->protocol, false);
	if (!to)
		return route(cpu, skb, m);
	return port->flags & IPVLAN_F_PRIVATE ? dropped(cpu, skb) : turn_round(cpu, skb, to, m->on.lower);
}

static bool xmit_l2(struct cpu *cpu, struct sk_buff *skb, struct ipvlan *m)
{
	const struct eth_hdr *eth = (const struct eth_hdr *)skb->data;
	struct iv_port *port = m->port;
	if (!(port->flags & IPVLAN_F_VEPA) && eth_addr_eq(eth->dst, eth->src)) {
		struct ipvlan *to = owner_of(port, skb, ETH_HDR_LEN, eth->type, false);
		if (to && port->flags & IPVLAN_F_PRIVATE)
			return dropped(cpu, skb);
		return turn_round(cpu, skb, to, m->on.lower);
	}
	if (eth_addr_is_multicast(eth->dst)) {
		skb_reset_mac_header(skb);
		skb->protocol = eth->type;
		skb->mac_len = ETH_HDR_LEN;
		skb_forget_dst(cpu, skb);
		skb_pull(skb, ETH_HDR_LEN);
		to_group(cpu, port, skb, true);
		return true;
	}
	skb->dev = m->on.lower;
	return !dev_xmit_lower(cpu, skb);
}

enum netdev_tx iv_xmit(struct cpu *cpu, struct sk_buff *skb, struct net_device *dev, unsigned txq)
{
	struct ipvlan *m = iv_of(dev);
	u32 len = skb->len;
	if (!stacked_tx_begin(cpu, skb, dev))
		return NETDEV_TX_OK;
	stacked_count_tx(cpu, dev, len, m->port->mode == IPVLAN_MODE_L2 ? xmit_l2(cpu, skb, m) : xmit_l3(cpu, skb, m));
	return NETDEV_TX_OK;
}
