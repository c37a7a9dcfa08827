/* macvlan: more addresses on one device, each a device of its own. `ip link add link eth0 name m0 type macvlan mode bridge`.
 *
 * The lower device gets a port (struct mv_port), whose rx_handler looks received frames' destinations up among the macvlans; what is
 * nobody's stays the lower device's. What a macvlan sends goes out by the lower device; in bridge mode its neighbours in bridge
 * mode get it directly. vepa: a switch outside sends it back. private: neighbours are never heard. passthru: one macvlan
 * has the lower device for itself. source: takes what comes from listed addresses.
 *
 * Frames to groups are copied, from a queue of the port (bcqueuelen bounds it) at the end of the step, so that a flood of them does
 * not hold up the others. ip-link(8); answers are those of Linux 6.12.
 */
#include <linux/if_link.h>

#include "core/trace.h"
#include "link/type/macvlan.h"
#include "link/vlan.h"

static const u8 *dst_of(const struct sk_buff *skb) { return ((const struct eth_hdr *)skb_mac_header(skb))->dst; }
static const u8 *src_of(const struct sk_buff *skb) { return ((const struct eth_hdr *)skb_mac_header(skb))->src; }

struct macvlan *mv_find(const struct mv_port *port, const u8 *addr)
{
	struct macvlan *m;
	list_for_each(m, &port->macvlans, link)
		if (m->up && eth_addr_eq(m->dev->dev_addr, addr))
			return m;
	return NULL;
}

/* -- received frames -- */

/* A copy for dev; data behind the Ethernet header, as everybody has it on receive. */
static void give_copy(struct cpu *cpu, struct sk_buff *skb, struct net_device *dev)
{
	struct sk_buff *copy = skb_clone(cpu, skb);
	if (!copy) {
		dev->stats[cpu->id].rx_dropped++;
		return;
	}
	skb_scrub(cpu, copy, dev->net != skb->dev->net);
	copy->dev = dev;
	copy->pkt_type = !eth_addr_is_multicast(dst_of(copy))		  ? PACKET_HOST
			 : eth_addr_eq(dst_of(copy), dev->broadcast) ? PACKET_BROADCAST
									     : PACKET_MULTICAST;
	if (cpu_backlog_add(cpu, dev->net->home, copy))
		stacked_count_rx(cpu, dev, skb->len + ETH_HDR_LEN, true);
}

static void give_all(struct cpu *cpu, struct mv_port *port, struct sk_buff *skb, const struct macvlan *except, u32 modes)
{
	struct macvlan *m;
	list_for_each(m, &port->macvlans, link)
		if (m->up && m != except && m->mode & modes && dev_running(m->dev) && stacked_hears(m->dev, dst_of(skb)))
			give_copy(cpu, skb, m->dev);
}

/* A frame to a group from outside, or from one of our own that a switch sent back (vepa). */
static void give_group(struct cpu *cpu, struct mv_port *port, struct sk_buff *skb, const struct macvlan *src)
{
	if (!src)
		give_all(cpu, port, skb, NULL, MACVLAN_MODE_PRIVATE | MACVLAN_MODE_VEPA | MACVLAN_MODE_PASSTHRU | MACVLAN_MODE_BRIDGE);
	else if (src->mode == MACVLAN_MODE_VEPA)
		give_all(cpu, port, skb, src, MACVLAN_MODE_VEPA | MACVLAN_MODE_BRIDGE);
	else /* its neighbours in bridge mode had it when it was sent */
		give_all(cpu, port, skb, src, MACVLAN_MODE_VEPA);
}

void mv_bc_run(struct cpu *cpu, struct cpu_work *work)
{
	struct mv_port *port = container_of(work, struct mv_port, bc_work);
	struct sk_buff *skb;
	while ((skb = skb_list_pop(&port->bc_queue))) {
		give_group(cpu, port, skb, MV_CB(skb)->src);
		skb_consume(cpu, skb);
	}
}

static void bc_enqueue(struct cpu *cpu, struct mv_port *port, struct sk_buff *skb, struct macvlan *src)
{
	struct sk_buff *copy;
	if (port->bc_queue.count >= port->bc_queue_len || !(copy = skb_clone(cpu, skb))) {
		port->lower->stats[cpu->id].rx_dropped++;
		return;
	}
	skb_forget_dst(cpu, copy);
	MV_CB(copy)->src = src;
	skb_list_add(&port->bc_queue, copy);
	cpu_work_add(cpu, &port->bc_work);
}

/* source mode: everybody who lists the sender gets the frame. True: one of them (NODST) keeps it from its destination. */
static bool give_by_source(struct cpu *cpu, struct mv_port *port, struct sk_buff *skb)
{
	struct macvlan *m;
	bool keep = false;
	list_for_each(m, &port->macvlans, link) {
		struct mv_source *s;
		if (m->mode != MACVLAN_MODE_SOURCE)
			continue;
		list_for_each(s, &m->sources, link) {
			if (!eth_addr_eq(s->addr, src_of(skb)))
				continue;
			if (m->flags & MACVLAN_FLAG_NODST)
				keep = true;
			if (dev_running(m->dev))
				give_copy(cpu, skb, m->dev);
			break;
		}
	}
	return keep;
}

bool mv_receive(struct cpu *cpu, struct sk_buff **pskb, void *data)
{
	struct mv_port *port = data;
	struct sk_buff *skb = *pskb;
	struct macvlan *m;
	struct net_device *dev;
	if (unlikely(skb->pkt_type == PACKET_LOOPBACK || skb->mac_header == SKB_OFF_UNSET))
		return false;
	if (eth_addr_is_multicast(dst_of(skb))) {
		give_by_source(cpu, port, skb);
		m = mv_find(port, src_of(skb));
		if (m && m->mode != MACVLAN_MODE_VEPA && m->mode != MACVLAN_MODE_BRIDGE) {
			/* Its own frame came back: it alone hears it. */
			give_copy(cpu, skb, m->dev);
			skb_consume(cpu, skb);
			return true;
		}
		bc_enqueue(cpu, port, skb, m);
		return false;
	}
	if (give_by_source(cpu, port, skb)) {
		skb_consume(cpu, skb);
		return true;
	}
	m = port->passthru ? list_first(&port->macvlans, struct macvlan, link) : mv_find(port, dst_of(skb));
	if (!m || m->mode == MACVLAN_MODE_SOURCE)
		return false;
	dev = m->dev;
	if (unlikely(!dev_running(dev))) {
		skb_drop(cpu, skb, SKB_DROP_REASON_DEV_READY);
		return true;
	}
	stacked_count_rx(cpu, dev, skb->len + ETH_HDR_LEN, false);
	if (unlikely(dev->net != skb->dev->net)) {
		struct cpu *home = dev->net->home;
		skb_scrub(cpu, skb, true);
		skb->dev = dev;
		skb->pkt_type = PACKET_HOST;
		if (home != cpu)
			skb_orphan(cpu, skb);
		cpu_backlog_add(cpu, home, skb);
		return true;
	}
	skb->dev = dev;
	skb->pkt_type = PACKET_HOST;
	return false;
}

/* -- sent frames -- */

/* A frame that was to go out comes in by dev instead: as if it came from its wire. */
static bool turn_round(struct cpu *cpu, struct sk_buff *skb, struct net_device *dev)
{
	if (unlikely(!dev_running(dev) || (skb->len > dev->mtu + ETH_HDR_LEN + VLAN_HDR_LEN && !skb_is_gso(skb)))) {
		dev->stats[cpu->id].rx_dropped++;
		skb_drop(cpu, skb, SKB_DROP_REASON_DEV_READY);
		return false;
	}
	skb_scrub(cpu, skb, skb->dev->net != dev->net);
	if (dev->net->home != cpu)
		skb_orphan(cpu, skb);
	eth_type_trans(skb, dev);
	skb->queue_mapping = 0;
	return cpu_backlog_add(cpu, dev->net->home, skb);
}

static bool to_neighbours(struct cpu *cpu, struct sk_buff *skb, struct macvlan *m, bool *sent)
{
	const u8 *dst = ((const struct eth_hdr *)skb->data)->dst;
	struct macvlan *to;
	if (eth_addr_is_multicast(dst)) {
		struct sk_buff *copy = skb_clone(cpu, skb);
		if (copy) {
			copy->pkt_type = PACKET_MULTICAST;
			skb_reset_mac_header(copy);
			skb_pull(copy, ETH_HDR_LEN);
			copy->mac_len = ETH_HDR_LEN;
			give_all(cpu, m->port, copy, m, MACVLAN_MODE_BRIDGE);
			skb_consume(cpu, copy);
		}
		return false;
	}
	to = mv_find(m->port, dst);
	if (!to || to->mode != MACVLAN_MODE_BRIDGE)
		return false;
	*sent = turn_round(cpu, skb, m->on.lower);
	return true;
}

enum netdev_tx mv_xmit(struct cpu *cpu, struct sk_buff *skb, struct net_device *dev, unsigned txq)
{
	struct macvlan *m = mv_of(dev);
	u32 len = skb->len;
	bool sent;
	if (!stacked_tx_begin(cpu, skb, dev))
		return NETDEV_TX_OK;
	if (m->mode != MACVLAN_MODE_BRIDGE || !to_neighbours(cpu, skb, m, &sent)) {
		skb->dev = m->on.lower;
		sent = !dev_xmit_lower(cpu, skb);
	}
	stacked_count_tx(cpu, dev, len, sent);
	return NETDEV_TX_OK;
}
