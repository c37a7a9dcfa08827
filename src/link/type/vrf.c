/* vrf: a routing table with devices of its own. `ip link add red type vrf table 10; ip link set eth1 master red`.
 *
 * The device is the master of its members and the key to its table: rules with l3mdev look there for whatever belongs to a
 * member (inet/route/fib_rule.c), and addresses of members live in that table. inet/ip4/ takes what a member received for the VRF's
 * (to_vrf()), so that sockets bound to the VRF hear it. What is sent on the device itself comes back, as on lo: it is for addresses
 * of ours inside the VRF, or, where a route of another table named the VRF as its device, for wherever the VRF's table leads.
 *
 * Documentation/networking/vrf; ip-vrf(8). Answers are those of Linux 6.12.
 */
#include <linux/if_link.h>

#include "codec/netlink/nl_attr.h"
#include "codec/wire/eth.h"
#include "core/sysctl.h"
#include "core/trace.h"
#include "link/ethtool.h"
#include "link/netns_dev.h"

extern const struct link_kind link_kind_vrf;
extern const struct sysctl_table vrf_sysctls;

#define MTU_MIN 1280
#define MTU_MAX 65575 /* the longest IPv6 packet without a jumbo payload */

static enum netdev_tx xmit(struct cpu *cpu, struct sk_buff *skb, struct net_device *dev, unsigned txq)
{
	struct dev_stats *s = &dev->stats[cpu->id];
	u32 len;
	skb_scrub(cpu, skb, false);
	if (unlikely(!pskb_may_pull(cpu, skb, ETH_HDR_LEN) || !eth_type_trans(skb, dev))) {
		s->tx_errors++;
		skb_drop(cpu, skb, SKB_DROP_REASON_PKT_TOO_SMALL);
		return NETDEV_TX_OK;
	}
	skb->pkt_type = PACKET_LOOPBACK; /* checked when it was sent */
	trace_point(cpu, dev->net, skb, TP_WIRE, skb->len, 0, NULL);
	len = skb->len;
	if (likely(cpu_backlog_add(cpu, cpu, skb))) {
		s->tx_packets++;
		s->tx_bytes += len;
		s->rx_packets++;
		s->rx_bytes += len;
	} else {
		s->rx_dropped++;
	}
	return NETDEV_TX_OK;
}

/* Down and up again: its addresses' routes move to the other table. */
static void cycle(struct cpu *cpu, struct net_device *dev, struct net_device *port)
{
	u32 flags = dev_get_flags(port);
	if (!(flags & IFF_UP))
		return;
	dev_change_flags(cpu, port, flags & ~(u32)IFF_UP, NULL);
	dev_change_flags(cpu, port, flags, NULL);
}

static int add_slave(struct net_device *dev, struct net_device *port, struct nl_ext_ack *ack)
{
	if (port->flags & IFF_LOOPBACK) {
		NL_SET_ERR(ack, "Can not enslave loopback device to a VRF");
		return -EOPNOTSUPP;
	}
	if (port->l3mdev_table || port->master) {
		NL_SET_ERR(ack, "Can not enslave an L3 master device to a VRF");
		return -EINVAL;
	}
	return 0;
}

static int del_slave(struct net_device *dev, struct net_device *port) { return 0; }

static const struct netdev_ops ops = {
	.start_xmit = xmit, .set_mac = eth_mac_addr, .add_slave = add_slave, .del_slave = del_slave, .slave_moved = cycle,
};

static const struct ethtool_ops ethtool = { .driver = "vrf", .version = "1.1" };

static void setup(struct net_device *dev)
{
	u64 f = NETIF_F_SG | NETIF_F_FRAGLIST | NETIF_F_HW_CSUM | NETIF_F_RXCSUM | NETIF_F_SCTP_CRC | NETIF_F_HIGHDMA | NETIF_F_GSO_SOFTWARE;
	ether_setup(dev);
	dev->ops = &ops;
	dev->ethtool_ops = &ethtool;
	dev->flags = IFF_NOARP | IFF_MASTER;
	dev->noqueue = true;
	dev->live_addr_change = true;
	dev->no_rx_handler = true;
	dev->min_mtu = MTU_MIN;
	dev->max_mtu = dev->mtu = MTU_MAX;
	dev->hw_features = f;
	dev->features = f | NETIF_F_LLTX | NETIF_F_NETNS_LOCAL | NETIF_F_VLAN_CHALLENGED;
	dev->wanted_features = NETIF_F_GRO;
	eth_random_addr(config_cpu(dev->net->world), dev->dev_addr);
	dev->addr_assign_type = 1; /* NET_ADDR_RANDOM */
}

static const struct nl_policy policy[IFLA_VRF_MAX + 1] = { [IFLA_VRF_TABLE] = { .type = NLP_U32 } };

static int validate(const struct nl_attrs *attrs, const struct nl_attrs *data, struct nl_ext_ack *ack)
{
	int err = eth_validate(attrs, data, ack);
	if (err)
		NL_SET_ERR(ack, "Invalid hardware address");
	return err;
}

static unsigned table_users(struct netns *net, u32 table)
{
	struct net_device *dev;
	unsigned n = 0;
	dev_for_each(dev, net)
		n += dev->l3mdev_table == table;
	return n;
}

static int newlink(struct cpu *cpu, struct netns *src_net, struct net_device *dev, const struct nl_attrs *attrs,
		   const struct nl_attrs *data, struct nl_ext_ack *ack)
{
	int err;
	if (!data || !data->a[IFLA_VRF_TABLE]) {
		NL_SET_ERR(ack, "VRF table id is missing");
		return -EINVAL;
	}
	dev->l3mdev_table = nl_u32(data->a[IFLA_VRF_TABLE]);
	if (!dev->l3mdev_table) {
		NL_SET_ERR_ATTR(ack, data->a[IFLA_VRF_TABLE], "Invalid VRF table id");
		return -EINVAL;
	}
	if (dev->net->dev->vrf_strict && table_users(dev->net, dev->l3mdev_table)) {
		NL_SET_ERR(ack, "Table is used by another VRF");
		return -EBUSY;
	}
	err = dev_register(cpu, dev, dev->ifindex);
	if (!err)
		dev_operstate_update(dev);
	return err;
}

static void dellink(struct cpu *cpu, struct net_device *dev)
{
	struct net_device *port, *tmp;
	list_for_each_safe(port, tmp, &dev->slaves, slave_link)
		dev_set_master(cpu, port, NULL, NULL);
	dev_unregister(cpu, dev);
}

static int fill_info(const struct net_device *dev, struct nl_buf *out)
{
	nl_put_u32(out, IFLA_VRF_TABLE, dev->l3mdev_table);
	return 0;
}

static int fill_slave_info(const struct net_device *dev, const struct net_device *port, struct nl_buf *out)
{
	nl_put_u32(out, IFLA_VRF_PORT_TABLE, dev->l3mdev_table);
	return 0;
}

const struct link_kind link_kind_vrf = {
	.name = "vrf", .setup = setup, .policy = policy, .policy_max = IFLA_VRF_MAX, .validate = validate, .newlink = newlink,
	.dellink = dellink, .fill_info = fill_info, .fill_slave_info = fill_slave_info,
};

/* -- net.vrf.strict_mode -- */

static void *sysctl_base(struct netns *net, const char *dev) { return net->dev; }

static int strict_set(struct netns *net, void *base, const struct sysctl *s, const char *text)
{
	struct net_device *dev;
	if (net->dev->vrf_strict)
		dev_for_each(dev, net)
			if (dev->l3mdev_table && table_users(net, dev->l3mdev_table) > 1)
				return -EBUSY;
	return 0;
}

static const struct sysctl entries[] = {
	{ .name = "strict_mode", .kind = SYSCTL_INT, .mode = 0644, .offset = offsetof(struct netns_dev, vrf_strict), .min = 0, .max = 1, .set = strict_set },
};
const struct sysctl_table vrf_sysctls = { .dir = "vrf", .entries = entries, .count = ARRAY_SIZE(entries), .base = sysctl_base };
