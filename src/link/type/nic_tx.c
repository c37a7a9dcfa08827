/* nic, sending: the tx ring and its doorbell.
 *
 * The driver half (nic_xmit) only writes descriptors; the doorbell rings once, at the end of the cpu's step, and hands the port
 * everything in one go. A full ring stops the queue: packets then wait in the qdisc until the port took some. From
 * dev_hard_start_xmit(); to the port.
 */
#include "core/trace.h"
#include "link/type/nic.h"
#include "link/vlan.h"

static inline u32 used(const struct nic_queue *q) { return q->tx_head - q->tx_tail; }

enum netdev_tx nic_xmit(struct cpu *cpu, struct sk_buff *skb, struct net_device *dev, unsigned txq)
{
	struct nic *nic = nic_of(dev);
	struct nic_queue *q = &nic->q[txq];
	if (unlikely(!nic->started)) {
		dev->stats[cpu->id].tx_dropped++;
		skb_drop(cpu, skb, SKB_DROP_REASON_DEV_READY);
		return NETDEV_TX_OK;
	}
	if (unlikely(used(q) == nic->tx_ring)) {
		q->stats.tx_full++;
		netif_tx_stop(dev, txq);
		return NETDEV_TX_BUSY;
	}
	if (unlikely(vlan_tag_present(skb)) && !vlan_insert(cpu, skb)) { /* here this is the hardware's work */
		dev->stats[cpu->id].tx_dropped++;
		skb_drop(cpu, skb, SKB_DROP_REASON_NOMEM);
		return NETDEV_TX_OK;
	}
	if (unlikely(q->tx_held))
		skb_tx_waits(cpu, skb);
	q->tx_slot[q->tx_head++ & (nic->tx_ring - 1)] = skb;
	if (unlikely(used(q) == nic->tx_ring)) {
		q->stats.tx_stops++;
		netif_tx_stop(dev, txq);
	}
	cpu_work_add(cpu, &q->doorbell);
	return NETDEV_TX_OK;
}

/* Hands the port [tail, tail + n), which lie together. Returns how many it took. */
static unsigned send_run(struct cpu *cpu, struct nic_queue *q, struct sk_buff **skbs, unsigned n)
{
	struct net_device *dev = q->nic->dev;
	struct dev_stats *s = &dev->stats[cpu->id];
	u32 len[NETDEV_BATCH];
	u64 bytes = 0;
	unsigned taken;
	for (unsigned i = 0; i < n; i++) {
		if (i + 4 < n)
			prefetch(skbs[i + 4]);
		len[i] = skbs[i]->len;
		skb_tx_goes(cpu, skbs[i]);
		trace_point(cpu, dev->net, skbs[i], TP_WIRE, len[i], 0, NULL);
	}
	taken = q->nic->port->ops->tx(cpu, q->nic->port, q->index, skbs, n);
	for (unsigned i = 0; i < taken; i++)
		bytes += len[i];
	s->tx_packets += taken;
	s->tx_bytes += bytes;
	q->stats.tx_packets += taken;
	q->stats.tx_bytes += bytes;
	return taken;
}

static void drain(struct cpu *cpu, struct nic_queue *q)
{
	struct nic *nic = q->nic;
	u32 before = used(q), mask = nic->tx_ring - 1;
	while (used(q)) {
		u32 at = q->tx_tail & mask;
		unsigned n = MIN(MIN(used(q), nic->tx_ring - at), NETDEV_BATCH);
		unsigned taken = send_run(cpu, q, q->tx_slot + at, n);
		q->tx_tail += taken;
		if (taken < n)
			break;
	}
	/* What the port did not take waits; what the doorbell had not rung for did not. All of it was known to wait, if the port was
	 * full before, but for the last offer. */
	for (u32 i = 0, n = q->tx_held ? MIN(used(q), NETDEV_BATCH) : used(q); unlikely(i < n); i++)
		skb_tx_waits(cpu, q->tx_slot[(q->tx_tail + i) & mask]);
	q->tx_held = used(q);
	if (used(q) < before)
		netif_tx_wake(cpu, nic->dev, q->index);
}

void nic_doorbell_fn(struct cpu *cpu, struct cpu_work *work)
{
	struct nic_queue *q = container_of(work, struct nic_queue, doorbell);
	if (q->nic->started)
		drain(cpu, q);
}

void nic_tx_ready(struct cpu *cpu, struct nic *nic, unsigned q)
{
	if (nic->started && used(&nic->q[q]))
		cpu_work_add(cpu, &nic->q[q].doorbell);
}

void nic_tx_purge(struct cpu *cpu, struct nic_queue *q)
{
	q->tx_held = false;
	for (; q->tx_tail != q->tx_head; q->tx_tail++)
		skb_drop(cpu, q->tx_slot[q->tx_tail & (q->nic->tx_ring - 1)], SKB_DROP_REASON_DEV_READY);
}
