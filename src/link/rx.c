/* Receive: from a driver's batch to the network layers.
 *
 * Packets come from NAPI polls and from GRO (gro.c), and from the backlog, where veth and loopback put them; they go to taps, to
 * the VLAN device of their tag (vlan.c), to the device's rx_handler (a bridge's port, a bond's slave), and then to the l3_proto of
 * their EtherType. A batch is cut into runs
 * of one protocol and one namespace, so that IP sees arrays and the order within a flow stays. Nobody wants it: UNHANDLED_PROTO,
 * unless a tap of its own saw it. packet(7).
 */
#include "codec/wire/eth.h"
#include "core/stack_tables.h"
#include "core/trace.h"
#include "link/gro.h"
#include "link/l3_proto.h"
#include "link/netns_dev.h"
#include "link/vlan.h"

/* A bond over a bridge over a veth is three; more than this is a loop of rx_handlers. */
#define HANDLER_ROUNDS 8
#define PREFETCH_AHEAD 4

const struct l3_proto *l3_proto_find(const struct world *w, be16 protocol)
{
	for (const struct l3_proto *const *p = w->tables->l3_protos; p && *p; p++)
		if (cpu_to_be16((*p)->ethertype).raw == protocol.raw)
			return *p;
	return NULL;
}

void dev_tap_add(struct netns *net, struct net_device *dev, struct dev_tap *tap)
{
	list_add_tail(dev ? &dev->taps : &net->dev->taps, &tap->link);
}

void dev_tap_del(struct dev_tap *tap) { list_del(&tap->link); }

static bool run_taps(struct cpu *cpu, struct list *taps, struct sk_buff *skb, struct net_device *dev)
{
	struct dev_tap *tap, *tmp;
	bool seen = false;
	list_for_each_safe(tap, tmp, taps, link)
		if (tap->ethertype == ETH_P_ALL || cpu_to_be16(tap->ethertype).raw == skb->protocol.raw) {
			tap->fn(cpu, tap, skb, dev, false);
			seen = true;
		}
	return seen;
}

static void drop(struct cpu *cpu, struct sk_buff *skb, enum skb_drop_reason reason)
{
	skb->dev->stats[cpu->id].rx_dropped++;
	skb_drop(cpu, skb, reason);
}

/* Everything before L3. NULL: gone. */
static inline struct sk_buff *receive_one(struct cpu *cpu, struct sk_buff *skb, bool *tapped)
{
	struct net_device *dev = skb->dev;
	rx_handler_fn handler;
	for (unsigned round = 0;; round++) {
		if (unlikely(!(dev->flags & IFF_UP))) {
			drop(cpu, skb, SKB_DROP_REASON_DEV_READY);
			return NULL;
		}
		if (unlikely(round > HANDLER_ROUNDS)) {
			drop(cpu, skb, SKB_DROP_REASON_LOOP_LIMIT);
			return NULL;
		}
		skb->skb_iif = dev->ifindex;
		skb->sdif = 0; /* a VRF it was in before, elsewhere */
		if (unlikely(eth_type_is_vlan(skb->protocol)) && !vlan_tag_present(skb)) {
			skb = vlan_untag(cpu, skb);
			if (!skb)
				return NULL;
		}
		skb_reset_network_header(skb);
		trace_mark(cpu, skb);
		trace_point(cpu, dev->net, skb, TP_DEV_RX, skb->len, 0, NULL);
		*tapped = false;
		if (unlikely(!list_empty(&dev->net->dev->taps)))
			*tapped |= run_taps(cpu, &dev->net->dev->taps, skb, dev);
		if (unlikely(!list_empty(&dev->taps)))
			*tapped |= run_taps(cpu, &dev->taps, skb, dev);
		if (unlikely(vlan_tag_present(skb))) {
			if (vlan_receive(cpu, &skb)) {
				dev = skb->dev;
				continue;
			}
			if (!skb)
				return NULL;
		}
		handler = ptr_load(dev->rx_handler);
		if (unlikely(handler != NULL)) {
			if (handler(cpu, &skb, dev->rx_handler_data))
				return NULL;
			if (skb->dev != dev) {
				dev = skb->dev;
				continue;
			}
		}
		if (likely(!vlan_tag_present(skb)))
			return skb;
		/* Of a VLAN that this device has no part in: nobody's, except for taps. Id 0 is a priority alone. */
		if (skb->vlan_tci & VLAN_VID_MASK)
			skb->pkt_type = PACKET_OTHERHOST;
		skb->vlan_proto = (be16){ 0 };
		skb->vlan_tci = 0;
		if (!eth_type_is_vlan(skb->protocol) || skb->pkt_type == PACKET_OTHERHOST)
			return skb;
	}
}

static inline void prefetch_skb(struct sk_buff *const *skbs, unsigned i, unsigned n)
{
	if (i + PREFETCH_AHEAD < n) {
		prefetch(skbs[i + PREFETCH_AHEAD]);
		prefetch((u8 *)skbs[i + PREFETCH_AHEAD] + CACHELINE);
	}
}

void netif_receive(struct cpu *cpu, struct sk_buff **skbs, unsigned n)
{
	struct sk_buff *run[NETDEV_BATCH];
	const struct l3_proto *l3 = NULL, *next;
	struct netns *net = NULL;
	unsigned len = 0;
	cpu->softnet.processed += n;
	for (unsigned i = 0; i < n; i++) {
		struct sk_buff *skb = skbs[i];
		bool tapped;
		prefetch_skb(skbs, i, n);
		skb = receive_one(cpu, skb, &tapped);
		if (!skb)
			continue;
		next = l3 && cpu_to_be16(l3->ethertype).raw == skb->protocol.raw ? l3 : l3_proto_find(cpu->world, skb->protocol);
		if (unlikely(!next)) {
			if (tapped)
				skb_consume(cpu, skb);
			else
				drop(cpu, skb, SKB_DROP_REASON_UNHANDLED_PROTO);
			continue;
		}
		if (unlikely(len && (next != l3 || skb->dev->net != net || len == NETDEV_BATCH))) {
			l3->rx(cpu, net, run, len);
			len = 0;
		}
		l3 = next;
		net = skb->dev->net;
		run[len++] = skb;
	}
	if (len)
		l3->rx(cpu, net, run, len);
}

/* Runs of packets of one way (straight up, or through one device's GRO) keep their order. */
void link_backlog_rx(struct cpu *cpu, struct sk_buff **skbs, unsigned n)
{
	unsigned i = 0, from, left = 0;
	for (; i < n; i++) {
		if (unlikely(skbs[i]->xmit_there)) {
			skbs[i]->xmit_there = 0;
			if (skbs[i]->xmit_here)
				skbs[i]->dev->ops->xmit_here(cpu, skbs[i]);
			else
				dev_queue_xmit(cpu, skbs[i]);
		} else {
			skbs[left++] = skbs[i];
		}
	}
	n = left;
	i = 0;
	while (i < n) {
		struct net_device *dev = skbs[i]->dev;
		struct gro *g = dev->features & NETIF_F_GRO ? dev->gro : NULL;
		if (!g) {
			for (from = i++; i < n; i++)
				if (skbs[i]->dev->gro && skbs[i]->dev->features & NETIF_F_GRO)
					break;
			netif_receive(cpu, skbs + from, i - from);
			continue;
		}
		for (; i < n && skbs[i]->dev == dev; i++)
			gro_receive(cpu, g, skbs[i]);
		gro_flush(cpu, g, UINT64_MAX);
	}
}
