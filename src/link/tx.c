/* Transmit: from a finished frame to the driver.
 *
 * dev_queue_xmit() picks a queue; its qdisc holds the packet, or there is none (lo, veth, bridges) and the driver gets it at once.
 * Before the driver sees it, a packet that the device cannot take as it is gets cut (gso.c), its checksum filled in, its
 * fragments gathered. Taps see what the driver sees. A driver may transmit on another device from within (a bridge over veth over
 * ...): cpu->xmit_depth bounds that, for a loop of such devices would never end.
 */
#include "codec/wire/eth.h"
#include "core/stack_tables.h"
#include "core/trace.h"
#include "link/gro.h"
#include "link/netns_dev.h"
#include "link/qdisc.h"
#include "link/vlan.h"

/* Device under device under device: deeper is taken for a loop. */
#define XMIT_DEPTH_MAX 8

static void run_taps(struct cpu *cpu, struct list *taps, struct sk_buff *skb, struct net_device *dev)
{
	struct dev_tap *tap, *tmp;
	list_for_each_safe(tap, tmp, taps, link)
		if (tap->ethertype == ETH_P_ALL)
			tap->fn(cpu, tap, skb, dev, true);
}

static int refuse(struct cpu *cpu, struct sk_buff *skb, struct net_device *dev, enum skb_drop_reason reason, int err)
{
	dev->stats[cpu->id].tx_dropped++;
	skb_drop(cpu, skb, reason);
	return err;
}

static bool csum_in_hardware(const struct sk_buff *skb, u64 features)
{
	be16 proto = vlan_inner_protocol(skb);
	if (features & NETIF_F_HW_CSUM)
		return true;
	if (be16_eq(proto, BE16(ETH_P_IP)))
		return features & NETIF_F_IP_CSUM;
	return be16_eq(proto, BE16(ETH_P_IPV6)) && features & NETIF_F_IPV6_CSUM;
}

static bool tag_in_hardware(const struct sk_buff *skb, u64 features)
{
	return features & (be16_eq(skb->vlan_proto, BE16(ETH_P_8021Q)) ? NETIF_F_HW_VLAN_TX : NETIF_F_HW_VLAN_STAG_TX);
}

/* Puts a tag that the device does not take beside the frame into it. *features: what the device does for such a frame. */
static bool tagged_features(struct cpu *cpu, struct sk_buff *skb, const struct net_device *dev, u64 *features)
{
	if (vlan_tag_present(skb) && !tag_in_hardware(skb, dev->features) && !vlan_insert(cpu, skb))
		return false;
	*features &= dev->vlan_features | NETIF_F_HW_VLAN_TX | NETIF_F_HW_VLAN_STAG_TX;
	return true;
}

/* One packet that needs no cutting. */
static inline enum netdev_tx xmit_one(struct cpu *cpu, struct sk_buff *skb, struct net_device *dev, struct netdev_queue *q, u64 features)
{
	enum netdev_tx rc;
	if (unlikely(skb->ip_summed == CHECKSUM_PARTIAL && !csum_in_hardware(skb, features)) && !skb_checksum_help(cpu, skb)) {
		refuse(cpu, skb, dev, SKB_DROP_REASON_SKB_CSUM, 0);
		return NETDEV_TX_OK;
	}
	if (unlikely(skb->data_len && !(features & NETIF_F_SG)) && !pskb_may_pull(cpu, skb, skb->len)) {
		refuse(cpu, skb, dev, SKB_DROP_REASON_NOMEM, 0);
		return NETDEV_TX_OK;
	}
	if (unlikely(!list_empty(&dev->net->dev->taps)))
		run_taps(cpu, &dev->net->dev->taps, skb, dev);
	if (unlikely(!list_empty(&dev->taps)))
		run_taps(cpu, &dev->taps, skb, dev);
	trace_point(cpu, dev->net, skb, TP_DEV_TX, skb->len, 0, NULL);
	cpu->xmit_depth++;
	rc = dev->ops->start_xmit(cpu, skb, dev, q->index);
	cpu->xmit_depth--;
	if (rc == NETDEV_TX_OK)
		q->trans_start = cpu->now;
	return rc;
}

/* The packet is cut; what the driver refuses waits in the qdisc. Consumed in any case. */
static void xmit_cut(struct cpu *cpu, struct sk_buff *skb, struct net_device *dev, struct netdev_queue *q, u64 features)
{
	struct skb_list segs;
	struct sk_buff *seg;
	if (skb_gso_segment(cpu, skb, features, &segs)) {
		refuse(cpu, skb, dev, SKB_DROP_REASON_SKB_GSO_SEG, 0);
		return;
	}
	while ((seg = skb_list_pop(&segs))) {
		if (likely(!q->stopped) && xmit_one(cpu, seg, dev, q, features) == NETDEV_TX_OK)
			continue;
		if (q->qdisc && !q->qdisc->ops->noqueue) {
			skb_tx_waits(cpu, seg);
			skb_list_add(&q->qdisc->requeue, seg);
		} else {
			refuse(cpu, seg, dev, SKB_DROP_REASON_FULL_RING, 0);
		}
	}
}

enum netdev_tx dev_hard_start_xmit(struct cpu *cpu, struct sk_buff *skb, struct net_device *dev, struct netdev_queue *q)
{
	u64 features = dev->features;
	if (unlikely(cpu->xmit_depth >= XMIT_DEPTH_MAX)) {
		refuse(cpu, skb, dev, SKB_DROP_REASON_LOOP_LIMIT, 0);
		return NETDEV_TX_OK;
	}
	if (unlikely(vlan_tag_present(skb) || eth_type_is_vlan(skb->protocol)) && !tagged_features(cpu, skb, dev, &features)) {
		refuse(cpu, skb, dev, SKB_DROP_REASON_NOMEM, 0);
		return NETDEV_TX_OK;
	}
	if (skb_is_gso(skb) && unlikely(gso_needed(skb, features) || skb->len > dev->gso_max_size + dev->hard_header_len + VLAN_HDR_LEN)) {
		xmit_cut(cpu, skb, dev, q, features);
		return NETDEV_TX_OK;
	}
	return xmit_one(cpu, skb, dev, q, features);
}

static inline struct netdev_queue *select_queue(struct cpu *cpu, struct net_device *dev, struct sk_buff *skb)
{
	unsigned q = 0;
	if (unlikely(dev->real_tx_queues > 1)) {
		if (dev->ops->select_queue)
			q = dev->ops->select_queue(cpu, dev, skb);
		else
			q = skb->hash ? (unsigned)((u64)skb->hash * dev->real_tx_queues >> 32) : cpu->id;
		if (q >= dev->real_tx_queues)
			q %= dev->real_tx_queues;
	}
	skb->queue_mapping = (u16)q;
	return &dev->txq[q];
}

static void forget_dst(struct cpu *cpu, struct sk_buff *skb)
{
	if (skb->dst && !skb->dst_noref)
		cpu->world->tables->dst_put(skb->dst);
	skb->dst = NULL;
}

/* The queue is empty: past it. */
static inline int bypass(struct cpu *cpu, struct sk_buff *skb, struct net_device *dev, struct netdev_queue *q, struct qdisc *qd)
{
	u32 len = skb->len;
	qd->running = true;
	if (unlikely(dev_hard_start_xmit(cpu, skb, dev, q) == NETDEV_TX_BUSY)) {
		qdisc_requeue(cpu, qd, skb);
	} else {
		qd->stats.packets++;
		qd->stats.bytes += len;
	}
	qd->running = false;
	if (unlikely(qd->requeue.first || qd->stats.qlen))
		qdisc_run(cpu, qd);
	return 0;
}

int dev_queue_xmit(struct cpu *cpu, struct sk_buff *skb)
{
	struct net_device *dev = skb->dev;
	struct netdev_queue *q;
	struct qdisc *qd;
	int err;
	skb_reset_mac_header(skb);
	if (unlikely(!(dev->flags & IFF_UP)))
		return refuse(cpu, skb, dev, SKB_DROP_REASON_DEV_DOWN, -ENETDOWN);
	/* What Linux's noop qdisc does while there is no carrier: the sender is not told. */
	if (unlikely(!dev->carrier))
		return refuse(cpu, skb, dev, SKB_DROP_REASON_NO_CARRIER, 0);
	q = select_queue(cpu, dev, skb);
	qd = ptr_load(q->qdisc);
	if (likely(!qd || qd->ops->noqueue)) {
		if (unlikely(cpu->xmit_depth >= XMIT_DEPTH_MAX))
			return refuse(cpu, skb, dev, SKB_DROP_REASON_LOOP_LIMIT, -ENETDOWN);
		if (unlikely(q->stopped) || dev_hard_start_xmit(cpu, skb, dev, q) == NETDEV_TX_BUSY)
			return refuse(cpu, skb, dev, SKB_DROP_REASON_FULL_RING, -ENETDOWN);
		return 0;
	}
	if (unlikely(skb->dst != NULL))
		forget_dst(cpu, skb);
	trace_point(cpu, dev->net, skb, TP_QDISC, qd->stats.qlen, 0, qd->ops->id);
	if (likely(qd->ops->can_bypass && !qd->stats.qlen && !qd->requeue.first && !q->stopped && !qd->running))
		return bypass(cpu, skb, dev, q, qd);
	skb_tx_waits(cpu, skb);
	err = qd->ops->enqueue(cpu, qd, skb);
	qdisc_run(cpu, qd);
	return err;
}

int dev_direct_xmit(struct cpu *cpu, struct sk_buff *skb)
{
	struct net_device *dev = skb->dev;
	struct netdev_queue *q;
	skb_reset_mac_header(skb);
	if (unlikely(!(dev->flags & IFF_UP) || !dev->carrier))
		return refuse(cpu, skb, dev, dev->carrier ? SKB_DROP_REASON_DEV_DOWN : SKB_DROP_REASON_NO_CARRIER, -ENOBUFS);
	q = select_queue(cpu, dev, skb);
	if (unlikely(q->stopped) || dev_hard_start_xmit(cpu, skb, dev, q) == NETDEV_TX_BUSY)
		return refuse(cpu, skb, dev, SKB_DROP_REASON_FULL_RING, -ENOBUFS);
	return 0;
}

int dev_xmit_lower(struct cpu *cpu, struct sk_buff *skb)
{
	struct cpu *home = skb->dev->net->home;
	if (likely(home == cpu))
		return dev_queue_xmit(cpu, skb);
	skb->xmit_there = 1; /* its queues are that cpu's: the backlog takes it there (link_backlog_rx) */
	return cpu_backlog_add(cpu, home, skb) ? 0 : -ENOBUFS;
}

void netif_tx_stop(struct net_device *dev, unsigned txq) { dev->txq[txq].stopped = true; }

void netif_tx_wake(struct cpu *cpu, struct net_device *dev, unsigned txq)
{
	struct netdev_queue *q = &dev->txq[txq];
	if (!q->stopped)
		return;
	q->stopped = false;
	if (q->qdisc && !q->qdisc->ops->noqueue)
		cpu_work_add(cpu, &q->qdisc->run);
}
