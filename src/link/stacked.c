/* What vlan, macvlan and ipvlan have in common: they stand on one Ethernet device, make its headers, hear for it what they want to hear,
 * follow its carrier and end with it. dev_stack.c knows who stands on whom; each kind's file says what is special. ip-link(8).
 */
#include "link/stacked.h"

#include <linux/if_arp.h>
#include <linux/if_link.h>

#include "codec/netlink/nl_attr.h"
#include "codec/wire/eth.h"
#include "link/netns_dev.h"

int stacked_find_lower(struct netns *src_net, const struct nl_attrs *attrs, const struct net_device *dev, struct net_device **out)
{
	struct net_device *lower;
	if (!attrs->a[IFLA_LINK])
		return -EINVAL;
	lower = dev_by_index(src_net, (s32)nl_u32(attrs->a[IFLA_LINK]));
	if (!lower)
		return -ENODEV;
	*out = lower->kind == dev->kind ? stacked_lower(lower) : lower;
	return 0;
}

int stacked_can_receive(const struct net_device *lower, rx_handler_fn fn)
{
	if (lower->rx_handler == fn)
		return -EEXIST;
	if (lower->type != ARPHRD_ETHER || lower->flags & IFF_LOOPBACK)
		return -EINVAL;
	if (lower->rx_handler)
		return -EBUSY;
	return lower->no_rx_handler ? -EINVAL : 0;
}

void stacked_inherit(struct net_device *dev, const struct net_device *lower)
{
	dev->hard_header_len = lower->hard_header_len;
	dev->needed_headroom = lower->needed_headroom;
	dev->tso_max_size = lower->tso_max_size;
	dev->tso_max_segs = lower->tso_max_segs;
}

int stacked_register(struct cpu *cpu, struct net_device *dev, struct nl_ext_ack *ack)
{
	struct net_device *lower = stacked_lower(dev);
	int err = dev_upper_link(lower, dev, ack);
	if (err)
		return err;
	err = dev_register(cpu, dev, dev->ifindex);
	if (err)
		dev_upper_unlink(lower, dev);
	return err;
}

void stacked_free(struct net_device *dev)
{
	if (stacked_lower(dev))
		dev_put(stacked_lower(dev));
}

void stacked_change_rx_flags(struct net_device *dev, u32 change)
{
	struct cpu *cpu = config_cpu(dev->net->world);
	struct net_device *lower = stacked_lower(dev);
	if (!dev_running(dev))
		return;
	if (change & IFF_ALLMULTI)
		dev_set_allmulti(cpu, lower, dev->flags & IFF_ALLMULTI ? 1 : -1);
	if (change & IFF_PROMISC)
		dev_set_promiscuity(cpu, lower, dev->flags & IFF_PROMISC ? 1 : -1);
}

void stacked_set_rx_mode(struct net_device *dev) { dev_addr_sync(stacked_lower(dev), dev); }
s32 stacked_iflink(const struct net_device *dev) { return stacked_lower(dev)->ifindex; }
struct netns *stacked_link_netns(const struct net_device *dev) { return stacked_lower(dev)->net; }

int stacked_create_header(struct cpu *cpu, struct sk_buff *skb, struct net_device *dev, u16 ethertype, const u8 *daddr, const u8 *saddr)
{
	struct net_device *lower = stacked_lower(dev);
	return lower->header_ops->create(cpu, skb, lower, ethertype, daddr, saddr ? saddr : dev->dev_addr);
}

static int parse_header(const struct sk_buff *skb, u8 *haddr) { return eth_header_ops.parse(skb, haddr); }
const struct header_ops stacked_header_ops = { .create = stacked_create_header, .parse = parse_header };

void stacked_lower_event(struct cpu *cpu, struct net_device *dev, struct net_device *lower, enum net_event ev, unsigned long info)
{
	switch (ev) {
	case EV_LINK_CHANGE:
		if (info & (LINK_CHANGE_CARRIER | LINK_CHANGE_FLAGS | LINK_CHANGE_OTHER))
			dev_stacked_operstate(cpu, lower, dev);
		if (info & LINK_CHANGE_FEATURES) {
			dev->tso_max_size = lower->tso_max_size;
			dev->tso_max_segs = lower->tso_max_segs;
			dev_features_update(cpu, dev);
		}
		break;
	case EV_LINK_UP:
	case EV_LINK_DOWN:
		dev_stacked_operstate(cpu, lower, dev);
		break;
	case EV_LINK_UNREGISTER:
		if (!info) /* a move is nothing to us */
			dev_unregister(cpu, dev);
		break;
	default:
		break;
	}
}

u64 stacked_fix_features(struct net_device *dev, u64 wanted, u64 always)
{
	u64 lower = stacked_lower(dev)->features;
	u64 f = (wanted & ~(u64)NETIF_F_RXCSUM) | (lower & NETIF_F_RXCSUM) | always | NETIF_F_LLTX;
	if (!(lower & NETIF_F_GRO))
		f &= ~(u64)NETIF_F_GRO;
	if (!(lower & NETIF_F_GSO))
		f &= ~(u64)NETIF_F_GSO;
	return f;
}

bool stacked_hears(const struct net_device *dev, const u8 *group)
{
	const struct dev_mc_addr *a;
	if (eth_addr_eq(group, dev->broadcast) || dev->flags & (IFF_ALLMULTI | IFF_PROMISC))
		return true;
	list_for_each(a, &dev->mc_list, link)
		if (a->users && eth_addr_eq(a->addr, group))
			return true;
	return false;
}

void stacked_count_rx(struct cpu *cpu, struct net_device *dev, u32 bytes, bool multicast)
{
	struct dev_stats *s = &dev->stats[cpu->id];
	s->rx_packets++;
	s->rx_bytes += bytes;
	s->multicast += multicast;
}

void stacked_count_tx(struct cpu *cpu, struct net_device *dev, u32 bytes, bool sent)
{
	struct dev_stats *s = &dev->stats[cpu->id];
	if (likely(sent)) {
		s->tx_packets++;
		s->tx_bytes += bytes;
	} else {
		s->tx_dropped++;
	}
}

bool stacked_tx_begin(struct cpu *cpu, struct sk_buff *skb, struct net_device *dev)
{
	if (likely(pskb_may_pull(cpu, skb, ETH_HDR_LEN)))
		return true;
	dev->stats[cpu->id].tx_dropped++;
	skb_drop(cpu, skb, SKB_DROP_REASON_PKT_TOO_SMALL);
	return false;
}
