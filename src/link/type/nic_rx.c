/* nic, receiving: interrupts with moderation, and the poll that takes frames from the port, up to its budget.
 *
 * The port raises an interrupt (nic_rx_ready) after it was armed; the poll then runs until the port has no more, and arms it again:
 * an interrupt a packet at light load, polling without interrupts at full load. A vector may be bound to another cpu than its
 * namespace's home; what it receives crosses to the home's backlog. From the port; to gro.c, and from there to rx.c.
 */
#include "codec/wire/eth.h"
#include "core/trace.h"
#include "link/netns_dev.h"
#include "link/type/nic.h"
#include "link/vlan.h"

static void interrupt(struct cpu *cpu, struct nic_queue *q)
{
	if (!q->nic->started || napi_scheduled(&q->napi))
		return;
	q->stats.interrupts++;
	q->irqs[cpu->id]++;
	q->last_irq = cpu->now;
	napi_schedule(cpu, &q->napi);
}

void nic_irq_timer_fn(void *owner, struct timer *t) { interrupt(owner, container_of(t, struct nic_queue, irq_timer)); }

void nic_remote_fn(struct cpu *cpu, struct cpu_call *call)
{
	struct nic_queue *q = container_of(call, struct nic_queue, remote);
	nic_rx_ready(cpu, q->nic, q->index);
}

void nic_rx_ready(struct cpu *cpu, struct nic *nic, unsigned index)
{
	struct nic_queue *q = &nic->q[index];
	u64 apart = (u64)nic->rx_usecs * NSEC_PER_USEC;
	if (unlikely(q->cpu != cpu)) {
		cpu_call(q->cpu, &q->remote);
		return;
	}
	if (apart && cpu->now < q->last_irq + apart) {
		if (!timer_armed(&q->irq_timer) && !napi_scheduled(&q->napi))
			cpu_timer_arm(cpu, &q->irq_timer, q->last_irq + apart);
		return;
	}
	interrupt(cpu, q);
}

void nic_rx_missed(struct cpu *cpu, struct nic *nic, unsigned q, struct sk_buff *skb)
{
	nic->q[q].stats.rx_missed++;
	nic->dev->stats[cpu->id].rx_missed_errors++;
	skb->dev = nic->dev;
	skb_drop(cpu, skb, SKB_DROP_REASON_FULL_RING);
}

static void runt(struct cpu *cpu, struct net_device *dev, struct sk_buff *skb)
{
	struct dev_stats *s = &dev->stats[cpu->id];
	s->rx_errors++;
	s->rx_length_errors++;
	skb->dev = dev;
	skb_drop(cpu, skb, SKB_DROP_REASON_PKT_TOO_SMALL);
}

static bool listed(const struct list *l, const u8 *addr)
{
	const struct dev_mc_addr *a;
	list_for_each(a, l, link)
		if (a->users && eth_addr_eq(a->addr, addr))
			return true;
	return false;
}

/* The card's address filter: what it takes besides its own address and broadcasts. */
static bool wanted(const struct net_device *dev, const struct sk_buff *skb)
{
	const u8 *dst = ((const struct eth_hdr *)skb_mac_header(skb))->dst;
	if (dev->flags & IFF_PROMISC)
		return true;
	if (skb->pkt_type == PACKET_OTHERHOST)
		return listed(&dev->uc_list, dst);
	return skb->pkt_type != PACKET_MULTICAST || dev->flags & IFF_ALLMULTI || listed(&dev->mc_list, dst);
}

/* Headers read, everything counted. Returns how many frames are left. */
static unsigned take_in(struct cpu *cpu, struct nic_queue *q, struct sk_buff **skbs, unsigned n)
{
	struct net_device *dev = q->nic->dev;
	struct dev_stats *s = &dev->stats[cpu->id];
	u64 bytes = 0, mcast = 0, features = dev->features;
	unsigned kept = 0;
	for (unsigned i = 0; i < n; i++) {
		struct sk_buff *skb = skbs[i];
		u32 len = skb->len;
		if (i + 4 < n)
			prefetch(skbs[i + 4]->data);
		if (unlikely(features & NETIF_F_RXHASH) && !skb->hash) {
			bool l4 = false;
			skb->hash = nic_rss_hash(&q->nic->rss, skb, &l4);
			skb->hash_l4 = l4;
		}
		if (unlikely(skb_headlen(skb) < ETH_HDR_LEN && !pskb_may_pull(cpu, skb, ETH_HDR_LEN))) {
			runt(cpu, dev, skb);
			continue;
		}
		eth_type_trans(skb, dev);
		if (unlikely(skb->pkt_type != PACKET_HOST) && !wanted(dev, skb)) {
			skb_drop(cpu, skb, SKB_DROP_REASON_OTHERHOST);
			continue;
		}
		if (unlikely(eth_type_is_vlan(skb->protocol)) && features & (be16_eq(skb->protocol, BE16(ETH_P_8021Q)) ? NETIF_F_HW_VLAN_RX
															   : NETIF_F_HW_VLAN_STAG_RX)) {
			skb = vlan_untag(cpu, skb);
			if (!skb)
				continue;
		}
		if (!(features & NETIF_F_RXCSUM) && skb->ip_summed == CHECKSUM_UNNECESSARY)
			skb->ip_summed = CHECKSUM_NONE;
		skb->queue_mapping = (u16)(q->index + 1);
		mcast += skb->pkt_type == PACKET_MULTICAST;
		bytes += len;
		skbs[kept++] = skb;
	}
	s->rx_packets += kept;
	s->rx_bytes += bytes;
	s->multicast += mcast;
	q->stats.rx_packets += kept;
	q->stats.rx_bytes += bytes;
	return kept;
}

static void hand_up(struct cpu *cpu, struct nic_queue *q, struct sk_buff **skbs, unsigned n)
{
	struct net_device *dev = q->nic->dev;
	struct cpu *home = dev->net->home;
	if (unlikely(home != cpu)) {
		for (unsigned i = 0; i < n; i++)
			cpu_backlog_add(cpu, home, skbs[i]);
	} else if (dev->features & NETIF_F_GRO) {
		for (unsigned i = 0; i < n; i++)
			gro_receive(cpu, &q->gro, skbs[i]);
	} else {
		netif_receive(cpu, skbs, n);
	}
}

int nic_poll(struct cpu *cpu, struct napi *napi, int budget)
{
	struct nic_queue *q = napi->priv;
	struct port *port = q->nic->port;
	struct sk_buff *skbs[NETDEV_BATCH];
	int done = 0;
	q->stats.polls++;
	while (done < budget) {
		unsigned n = port->ops->rx(cpu, port, q->index, skbs, MIN((unsigned)(budget - done), NETDEV_BATCH));
		if (!n)
			break;
		done += (int)n;
		n = take_in(cpu, q, skbs, n);
		hand_up(cpu, q, skbs, n);
	}
	if (done == budget) {
		gro_flush(cpu, &q->gro, cpu->now);
		return done;
	}
	napi_complete(cpu, napi);
	if (!port->ops->arm || port->ops->arm(cpu, port, q->index))
		nic_rx_ready(cpu, q->nic, q->index);
	return done;
}
