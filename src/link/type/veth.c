/* veth: two devices, back to back; what is sent on one is received on the other, in whatever namespace that is.
 *
 * The packet itself crosses, uncut (GSO) and with its checksum open (PARTIAL): it goes to the backlog of the cpu at home in the peer's
 * namespace, and what must not cross a namespace is scrubbed off. The charge to the sending socket stays until the backlog is
 * handled, so that a sender feels the queue, except towards another cpu, where the socket may not be touched. With GRO switched on,
 * a batch from the backlog is merged before it goes up. Carrier: both are up, or there is none. veth(4).
 */
#include <linux/rtnetlink.h>
#include <linux/veth.h>

#include "base/mem.h"
#include "codec/netlink/nl_attr.h"
#include "codec/wire/eth.h"
#include "core/caller.h"
#include "core/trace.h"
#include "link/ethtool.h"
#include "link/gro.h"
#include "link/netns_dev.h"
#include "link/type/veth.h"
#include "link/vlan.h"

struct veth {
	struct net_device *peer; /* NULL once one of them is being deleted */
	struct gro gro;
};

static struct net_device *peer_of(const struct net_device *dev) { return ((const struct veth *)dev->priv)->peer; }

static enum netdev_tx refuse(struct cpu *cpu, struct sk_buff *skb, struct net_device *dev, enum skb_drop_reason reason)
{
	dev->stats[cpu->id].tx_dropped++;
	skb_drop(cpu, skb, reason);
	return NETDEV_TX_OK;
}

static enum netdev_tx xmit(struct cpu *cpu, struct sk_buff *skb, struct net_device *dev, unsigned txq)
{
	struct net_device *peer = peer_of(dev);
	struct dev_stats *s = &dev->stats[cpu->id], *rs;
	struct cpu *to;
	u32 len = skb->len;
	if (unlikely(!peer))
		return refuse(cpu, skb, dev, SKB_DROP_REASON_NO_CARRIER);
	rs = &peer->stats[cpu->id];
	if (unlikely(!(peer->flags & IFF_UP))) {
		rs->rx_dropped++;
		return refuse(cpu, skb, dev, SKB_DROP_REASON_DEV_READY);
	}
	if (unlikely(len > peer->mtu + ETH_HDR_LEN + VLAN_HDR_LEN && !skb_is_gso(skb))) {
		rs->rx_dropped++;
		return refuse(cpu, skb, dev, SKB_DROP_REASON_PKT_TOO_BIG);
	}
	if (unlikely(!pskb_may_pull(cpu, skb, ETH_HDR_LEN)))
		return refuse(cpu, skb, dev, SKB_DROP_REASON_PKT_TOO_SMALL);
	trace_point(cpu, dev->net, skb, TP_WIRE, len, 0, peer->name);
	to = peer->net->home;
	skb_scrub(cpu, skb, dev->net != peer->net);
	if (unlikely(to != cpu))
		skb_orphan(cpu, skb);
	eth_type_trans(skb, peer);
	skb->queue_mapping = 0;
	if (unlikely(!cpu_backlog_add(cpu, to, skb))) { /* counted and dropped there */
		s->tx_dropped++;
		return NETDEV_TX_OK;
	}
	s->tx_packets++;
	s->tx_bytes += len;
	rs->rx_packets++;
	rs->rx_bytes += len;
	return NETDEV_TX_OK;
}

static int open(struct net_device *dev)
{
	struct cpu *cpu = config_cpu(dev->net->world);
	struct net_device *peer = peer_of(dev);
	if (!peer)
		return -ENOTCONN;
	if (dev_running(peer)) {
		dev_set_carrier(cpu, dev, true);
		dev_set_carrier(cpu, peer, true);
	}
	return 0;
}

static void stop(struct net_device *dev)
{
	struct cpu *cpu = config_cpu(dev->net->world);
	struct net_device *peer = peer_of(dev);
	dev_set_carrier(cpu, dev, false);
	if (peer)
		dev_set_carrier(cpu, peer, false);
}

static int iflink(const struct net_device *dev) { return peer_of(dev) ? peer_of(dev)->ifindex : 0; }
static struct netns *link_netns(const struct net_device *dev) { return peer_of(dev) ? peer_of(dev)->net : dev->net; }

static const struct netdev_ops ops = {
	.open = open, .stop = stop, .start_xmit = xmit, .set_mac = eth_mac_addr, .iflink = iflink, .link_netns = link_netns,
};

static void get_channels(const struct net_device *dev, struct ethtool_channels *c)
{
	c->max_rx = dev->num_rx_queues;
	c->max_tx = dev->num_tx_queues;
	c->rx_count = dev->real_rx_queues;
	c->tx_count = dev->real_tx_queues;
}

static int set_channels(struct cpu *cpu, struct net_device *dev, const struct ethtool_channels *c)
{
	if (c->combined_count || c->other_count || !c->rx_count || !c->tx_count || c->rx_count > dev->num_rx_queues ||
	    c->tx_count > dev->num_tx_queues)
		return -EINVAL;
	dev->real_rx_queues = c->rx_count;
	dev->real_tx_queues = c->tx_count;
	return 0;
}

static void get_link(const struct net_device *dev, struct dev_link_settings *s)
{
	*s = (struct dev_link_settings){ .speed = 10000, .duplex = DUPLEX_FULL, .port = PORT_TP };
}

static bool stat(const struct net_device *dev, unsigned i, char name[ETH_GSTRING_LEN], u64 *value)
{
	memset(name, 0, ETH_GSTRING_LEN);
	strcpy(name, "peer_ifindex");
	*value = peer_of(dev) ? (u64)peer_of(dev)->ifindex : 0;
	return i == 0;
}

static const struct ethtool_ops ethtool = {
	.driver = "veth", .version = "1.0", .tells_link = true, .stamps = STAMPS_TX, .get_link = get_link, .get_channels = get_channels,
	.set_channels = set_channels, .stat = stat,
};

static void setup(struct net_device *dev)
{
	u64 f = NETIF_F_SG | NETIF_F_FRAGLIST | NETIF_F_HW_CSUM | NETIF_F_RXCSUM | NETIF_F_SCTP_CRC | NETIF_F_HIGHDMA |
		NETIF_F_GSO_SOFTWARE | NETIF_F_GSO_ENCAP_ALL | NETIF_F_HW_VLAN_TX | NETIF_F_HW_VLAN_RX | NETIF_F_HW_VLAN_STAG_TX |
		NETIF_F_HW_VLAN_STAG_RX;
	struct veth *v = dev->priv;
	ether_setup(dev);
	gro_init(&v->gro);
	dev->gro = &v->gro;
	dev->ops = &ops;
	dev->ethtool_ops = &ethtool;
	dev->max_mtu = 65535;
	dev->noqueue = true;
	dev->live_addr_change = true;
	dev->carrier = false;
	dev->carrier_down_count = 1; /* Linux turns it off once both ends are there: ip -d -s link counts it */
	dev->tso_max_size = 524280; /* GSO_MAX_SIZE */
	dev->features = f | NETIF_F_LLTX;
	dev->hw_features = f;
	dev->vlan_features = f & ~(u64)(NETIF_F_HW_VLAN_TX | NETIF_F_HW_VLAN_RX | NETIF_F_HW_VLAN_STAG_TX | NETIF_F_HW_VLAN_STAG_RX);
	eth_random_addr(config_cpu(dev->net->world), dev->dev_addr);
	dev->addr_assign_type = 1; /* NET_ADDR_RANDOM */
}

/* Registers both, the peer first, as Linux numbers and names them. On failure neither is; both are the caller's. */
static int pair(struct cpu *cpu, struct net_device *dev, struct net_device *peer, bool *peer_gone)
{
	int err = dev_register(cpu, peer, peer->ifindex);
	*peer_gone = false;
	if (err)
		return err;
	((struct veth *)dev->priv)->peer = peer;
	((struct veth *)peer->priv)->peer = dev;
	err = dev_register(cpu, dev, dev->ifindex);
	if (err) {
		((struct veth *)dev->priv)->peer = NULL;
		((struct veth *)peer->priv)->peer = NULL;
		dev_unregister(cpu, peer);
		*peer_gone = true;
		return err;
	}
	return 0;
}

int veth_pair_new(struct cpu *cpu, struct netns *net_a, const char *name_a, struct netns *net_b, const char *name_b,
		  struct net_device **a, struct net_device **b)
{
	bool gone = false;
	int err = -ENOMEM;
	*a = dev_new(net_a, &link_kind_veth, name_a, 0, 0);
	*b = dev_new(net_b, &link_kind_veth, name_b, 0, 0);
	if (*a && *b)
		err = pair(cpu, *a, *b, &gone);
	if (!err)
		return 0;
	if (*a)
		dev_free(*a);
	if (*b && !gone)
		dev_free(*b);
	*a = *b = NULL;
	return err;
}

static const struct nl_policy peer_policy[] = {
	[IFLA_IFNAME] = { NLP_STRING, DEV_NAME_SIZE - 1 },
	[IFLA_ADDRESS] = { NLP_BINARY, DEV_ADDR_MAX },
	[IFLA_MTU] = { NLP_U32 },
	[IFLA_TXQLEN] = { NLP_U32 },
	[IFLA_NUM_TX_QUEUES] = { NLP_U32 },
	[IFLA_NUM_RX_QUEUES] = { NLP_U32 },
	[IFLA_NET_NS_FD] = { NLP_U32 },
	[IFLA_NET_NS_PID] = { NLP_U32 },
	[IFLA_GROUP] = { NLP_U32 },
};

/* The namespace that the peer's attributes ask for; a reference. */
static int peer_netns(struct cpu *cpu, struct netns *dflt, const struct nl_attrs *tb, struct netns **out)
{
	struct call_ctx *c = cpu->caller;
	*out = NULL;
	if (!tb->a[IFLA_NET_NS_FD] && !tb->a[IFLA_NET_NS_PID]) {
		*out = netns_get(dflt);
		return 0;
	}
	if (!c)
		return -EINVAL;
	if (tb->a[IFLA_NET_NS_FD])
		return c->ops->netns_by_fd(c, (int)nl_u32(tb->a[IFLA_NET_NS_FD]), out);
	return c->ops->netns_by_pid(c, (int)nl_u32(tb->a[IFLA_NET_NS_PID]), out);
}

/* Before anything else is looked at, and without a word, as Linux does. */
static int validate(const struct nl_attrs *tb, const struct nl_attrs *data, struct nl_ext_ack *ack)
{
	int err = eth_validate(tb, data, ack);
	if (!err && tb->a[IFLA_MTU] && (nl_u32(tb->a[IFLA_MTU]) < 68 || nl_u32(tb->a[IFLA_MTU]) > 65535))
		err = -EINVAL;
	return err;
}

static int configure_peer(struct net_device *peer, const struct nl_attrs *tb, struct nl_ext_ack *ack)
{
	int err;
	if (tb->a[IFLA_MTU]) {
		peer->mtu = nl_u32(tb->a[IFLA_MTU]);
		if (peer->mtu < peer->min_mtu || peer->mtu > peer->max_mtu) {
			NL_SET_ERR_ATTR(ack, tb->a[IFLA_MTU], peer->mtu < peer->min_mtu ? "mtu less than device minimum"
											 : "mtu greater than device maximum");
			return -EINVAL;
		}
	}
	err = validate(tb, NULL, ack);
	if (err)
		return err;
	if (tb->a[IFLA_ADDRESS]) {
		memcpy(peer->dev_addr, nl_data(tb->a[IFLA_ADDRESS]), ETH_ADDR_LEN);
		peer->addr_assign_type = 3; /* NET_ADDR_SET */
	}
	if (tb->a[IFLA_TXQLEN])
		peer->tx_queue_len = nl_u32(tb->a[IFLA_TXQLEN]);
	if (tb->a[IFLA_GROUP])
		peer->group = nl_u32(tb->a[IFLA_GROUP]);
	return 0;
}

/* VETH_INFO_PEER holds what RTM_NEWLINK would: an ifinfomsg and attributes. */
static int newlink(struct cpu *cpu, struct netns *src_net, struct net_device *dev, const struct nl_attrs *attrs,
		   const struct nl_attrs *data, struct nl_ext_ack *ack)
{
	const struct nlattr *info = data && data->max > VETH_INFO_PEER ? data->a[VETH_INFO_PEER] : NULL;
	struct nl_attrs tb = { 0 };
	struct ifinfomsg ifm = { 0 };
	struct net_device *peer = NULL;
	struct netns *net = NULL;
	char name[DEV_NAME_SIZE] = "veth%d";
	unsigned txqs, rxqs;
	bool gone = false;
	int err;
	if (info) {
		if (nl_len(info) < sizeof(ifm)) {
			NL_SET_ERR_ATTR(ack, info, "Invalid attribute length");
			return -EINVAL;
		}
		memcpy(&ifm, nl_data(info), sizeof(ifm));
		err = nl_parse((const u8 *)nl_data(info) + NLMSG_ALIGN(sizeof(ifm)), nl_len(info) - NLMSG_ALIGN(sizeof(ifm)), &tb,
			       ARRAY_SIZE(peer_policy) - 1, peer_policy, false, ack);
		if (err)
			return err;
	}
	if (tb.a[IFLA_IFNAME])
		nl_strcpy(name, sizeof(name), tb.a[IFLA_IFNAME]);
	err = peer_netns(cpu, src_net, &tb, &net);
	if (err)
		return err;
	txqs = tb.a[IFLA_NUM_TX_QUEUES] ? nl_u32(tb.a[IFLA_NUM_TX_QUEUES]) : 0;
	rxqs = tb.a[IFLA_NUM_RX_QUEUES] ? nl_u32(tb.a[IFLA_NUM_RX_QUEUES]) : 0;
	err = -EINVAL;
	if (txqs > 4096 || rxqs > 4096)
		goto out;
	err = -ENOMEM;
	peer = dev_new(net, &link_kind_veth, name, txqs, rxqs);
	if (!peer)
		goto out;
	peer->ifindex = ifm.ifi_index;
	err = configure_peer(peer, &tb, ack);
	if (!err)
		err = pair(cpu, dev, peer, &gone);
	if (err && !gone)
		dev_free(peer);
	if (!err && ifm.ifi_change)
		dev_change_flags(cpu, peer, (peer->flags & ~ifm.ifi_change) | (ifm.ifi_flags & ifm.ifi_change), ack);
out:
	netns_put(net);
	return err;
}

static void dellink(struct cpu *cpu, struct net_device *dev)
{
	struct veth *v = dev->priv;
	struct net_device *peer = v->peer;
	v->peer = NULL;
	if (peer)
		((struct veth *)peer->priv)->peer = NULL;
	dev_unregister(cpu, dev);
	if (peer)
		dev_unregister(cpu, peer);
}

/* Linux writes nothing either. */
static int fill_info(const struct net_device *dev, struct nl_buf *out) { return 0; }

const struct link_kind link_kind_veth = {
	.name = "veth",
	.priv_size = sizeof(struct veth),
	.queues_per_cpu = true,
	.setup = setup,
	.validate = validate,
	.newlink = newlink,
	.dellink = dellink,
	.fill_info = fill_info,
};
