/* dummy: takes every packet and drops it quietly; an interface to hang addresses on. ip-link(8).
 */
#include "core/trace.h"
#include "link/ethtool.h"
#include "link/netns_dev.h"

extern const struct link_kind link_kind_dummy;

static enum netdev_tx xmit(struct cpu *cpu, struct sk_buff *skb, struct net_device *dev, unsigned txq)
{
	struct dev_stats *s = &dev->stats[cpu->id];
	s->tx_packets++;
	s->tx_bytes += skb->len;
	trace_point(cpu, dev->net, skb, TP_WIRE, skb->len, 0, "dummy");
	skb_consume(cpu, skb);
	return NETDEV_TX_OK;
}

static const struct netdev_ops ops = { .start_xmit = xmit, .set_mac = eth_mac_addr };

static const struct ethtool_ops ethtool = { .driver = "dummy", .stamps = STAMPS_TX };

static void setup(struct net_device *dev)
{
	u64 f = NETIF_F_SG | NETIF_F_FRAGLIST | NETIF_F_GSO_SOFTWARE | NETIF_F_HW_CSUM | NETIF_F_HIGHDMA | NETIF_F_GSO_ENCAP_ALL;
	ether_setup(dev);
	dev->ops = &ops;
	dev->ethtool_ops = &ethtool;
	dev->flags = (dev->flags & ~(u32)IFF_MULTICAST) | IFF_NOARP;
	dev->noqueue = true;
	dev->live_addr_change = true;
	dev->min_mtu = 0;
	dev->max_mtu = 0;
	dev->features = f | NETIF_F_LLTX;
	dev->hw_features = f;
	dev->wanted_features = NETIF_F_GRO;
	eth_random_addr(config_cpu(dev->net->world), dev->dev_addr);
	dev->addr_assign_type = 1; /* NET_ADDR_RANDOM */
}

static int newlink(struct cpu *cpu, struct netns *src_net, struct net_device *dev, const struct nl_attrs *attrs,
		   const struct nl_attrs *data, struct nl_ext_ack *ack)
{
	return dev_register(cpu, dev, dev->ifindex);
}

const struct link_kind link_kind_dummy = {
	.name = "dummy", .setup = setup, .validate = eth_validate, .newlink = newlink, .dellink = dev_unregister,
};
