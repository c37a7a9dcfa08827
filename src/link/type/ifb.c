/* ifb: where tc sends packets to queue them again. What arrives by a redirect goes on, after its qdisc, the way it was going; anything else
 * that is sent on it is dropped. ip-link(8), tc-mirred(8).
 */
#include <stdio.h>

#include "base/mem.h"
#include "core/trace.h"
#include "link/ethtool.h"
#include "link/netns_dev.h"

extern const struct link_kind link_kind_ifb;

struct ifb_queue { u64 rx_packets, rx_bytes, tx_packets, tx_bytes; }; /* what came to it, and what went on */
struct ifb { struct ifb_queue *q; }; /* priv; [dev->num_tx_queues] */

static int init(struct net_device *dev)
{
	struct ifb *ifb = dev->priv;
	ifb->q = mem_zalloc(&dev->net->world->mem, dev->num_tx_queues * sizeof(*ifb->q));
	return ifb->q ? 0 : -ENOMEM;
}

static void free_priv(struct net_device *dev) { mem_free(&dev->net->world->mem, ((struct ifb *)dev->priv)->q); }

static enum netdev_tx xmit(struct cpu *cpu, struct sk_buff *skb, struct net_device *dev, unsigned txq)
{
	struct dev_stats *s = &dev->stats[cpu->id];
	struct ifb_queue *q = &((struct ifb *)dev->priv)->q[txq];
	struct net_device *from;
	s->rx_packets++;
	s->rx_bytes += skb->len;
	q->rx_packets++;
	q->rx_bytes += skb->len;
	/* Only what a redirect brought knows where it came from. */
	from = skb->redirected && skb->skb_iif ? dev_by_index(dev->net, skb->skb_iif) : NULL;
	if (!from || !pskb_may_pull(cpu, skb, dev->hard_header_len)) {
		s->rx_dropped++;
		skb_drop(cpu, skb, SKB_DROP_REASON_DEV_HDR);
		return NETDEV_TX_OK;
	}
	s->tx_packets++;
	s->tx_bytes += skb->len;
	q->tx_packets++;
	q->tx_bytes += skb->len;
	skb_forget_dst(cpu, skb);
	skb->redirected = 0;
	eth_type_trans(skb, from);
	trace_point(cpu, dev->net, skb, TP_WIRE, skb->len, 0, from->name);
	cpu_backlog_add(cpu, from->net->home, skb);
	return NETDEV_TX_OK;
}

static const struct netdev_ops ops = { .init = init, .free = free_priv, .start_xmit = xmit };

static bool stat(const struct net_device *dev, unsigned i, char name[ETH_GSTRING_LEN], u64 *value)
{
	bool tx = i / 2 >= dev->real_rx_queues;
	unsigned n = tx ? i / 2 - dev->real_rx_queues : i / 2;
	const struct ifb_queue *q = &((const struct ifb *)dev->priv)->q[n];
	if (n >= (tx ? dev->real_tx_queues : dev->real_rx_queues) || n >= dev->num_tx_queues)
		return false;
	memset(name, 0, ETH_GSTRING_LEN);
	snprintf(name, ETH_GSTRING_LEN, "%s_queue_%u_%s", tx ? "tx" : "rx", n, i % 2 ? "bytes" : "packets");
	*value = tx ? i % 2 ? q->tx_bytes : q->tx_packets : i % 2 ? q->rx_bytes : q->rx_packets;
	return true;
}

static const struct ethtool_ops ethtool = { .driver = "ifb", .stat = stat };

static void setup(struct net_device *dev)
{
	u64 f = NETIF_F_SG | NETIF_F_FRAGLIST | NETIF_F_GSO_SOFTWARE | NETIF_F_HW_CSUM | NETIF_F_HIGHDMA | NETIF_F_GSO_ENCAP_ALL |
		NETIF_F_HW_VLAN_TX | NETIF_F_HW_VLAN_STAG_TX;
	ether_setup(dev);
	dev->ops = &ops;
	dev->ethtool_ops = &ethtool;
	dev->flags = (dev->flags & ~(u32)IFF_MULTICAST) | IFF_NOARP;
	dev->tx_queue_len = 32;
	dev->live_addr_change = true;
	dev->min_mtu = 0;
	dev->max_mtu = 0;
	dev->features = f | NETIF_F_LLTX;
	dev->hw_features = f;
	dev->vlan_features = f & ~(u64)(NETIF_F_HW_VLAN_TX | NETIF_F_HW_VLAN_STAG_TX);
	dev->wanted_features = NETIF_F_GRO;
	eth_random_addr(config_cpu(dev->net->world), dev->dev_addr);
	dev->addr_assign_type = 1; /* NET_ADDR_RANDOM */
}

static int newlink(struct cpu *cpu, struct netns *src_net, struct net_device *dev, const struct nl_attrs *attrs,
		   const struct nl_attrs *data, struct nl_ext_ack *ack)
{
	return dev_register(cpu, dev, dev->ifindex);
}

const struct link_kind link_kind_ifb = {
	.name = "ifb", .priv_size = sizeof(struct ifb), .setup = setup, .validate = eth_validate, .newlink = newlink, .dellink = dev_unregister,
};
