/* ipvlan, the device and the port that its lower device has: up and down, what happens below. The modes are explained in ipvlan.c.
 */
#include "base/mem.h"
#include "codec/netlink/nl_attr.h"
#include "inet/ipvlan/ipvlan.h"
#include "link/ethtool.h"

static void set_noarp(struct cpu *cpu, struct ipvlan *m)
{
	u32 flags = dev_get_flags(m->dev);
	dev_change_flags(cpu, m->dev, m->port->mode == IPVLAN_MODE_L2 ? flags & ~(u32)IFF_NOARP : flags | IFF_NOARP, NULL);
}

static int open(struct net_device *dev)
{
	struct ipvlan *m = iv_of(dev);
	if (m->port->mode == IPVLAN_MODE_L2)
		dev->flags &= ~(u32)IFF_NOARP;
	else
		dev->flags |= IFF_NOARP;
	return 0;
}

static void stop(struct net_device *dev) { dev_addr_unsync(iv_of(dev)->on.lower, dev); }

static void change_rx_flags(struct net_device *dev, u32 change)
{
	stacked_change_rx_flags(dev, change & ~(u32)IFF_PROMISC); /* promiscuous: nothing more to hear below */
}

/* Two may not have one address. */
static int addr_add(struct net_device *dev, const u8 *addr, struct nl_ext_ack *ack)
{
	struct inaddr a;
	memcpy(a.b, addr, 16);
	if (!iv_of(dev)->port || !iv_owner(iv_of(dev)->port, &a, dev))
		return 0;
	NL_SET_ERR(ack, "Address already assigned to an ipvlan device");
	return -EADDRINUSE;
}

void iv_set_mode(struct cpu *cpu, struct iv_port *port, u16 mode)
{
	struct ipvlan *m;
	if (port->mode == mode)
		return;
	port->mode = mode;
	list_for_each(m, &port->ipvlans, link)
		if (m->dev->registered)
			set_noarp(cpu, m);
}

#define FEATURES (NETIF_F_SG | NETIF_F_FRAGLIST | NETIF_F_HW_CSUM | NETIF_F_HIGHDMA | NETIF_F_GSO_SOFTWARE | NETIF_F_GSO_ROBUST | NETIF_F_RXCSUM)
#define ALWAYS (NETIF_F_SG | NETIF_F_FRAGLIST | NETIF_F_HW_CSUM | NETIF_F_HIGHDMA | NETIF_F_GSO_SOFTWARE | NETIF_F_GSO_ROBUST)

static u64 fix_features(struct net_device *dev, u64 wanted) { return stacked_fix_features(dev, wanted, ALWAYS); }

/* -- the port -- */

int iv_port_get(struct net_device *lower, struct iv_port **out)
{
	struct iv_port *port;
	int err = stacked_can_receive(lower, iv_receive);
	if (err == -EEXIST) {
		*out = lower->rx_handler_data;
		return 0;
	}
	if (err)
		return err;
	port = mem_zalloc(&lower->net->world->mem, sizeof(*port));
	if (!port)
		return -ENOMEM;
	port->lower = lower;
	port->mode = IPVLAN_MODE_L3;
	list_init(&port->ipvlans);
	list_init(&port->group_work.link);
	port->group_work.fn = iv_group_run;
	skb_list_init(&port->groups);
	dev_rx_handler_set(lower, iv_receive, port);
	*out = port;
	return 0;
}

void iv_port_put(struct cpu *cpu, struct iv_port *port)
{
	if (port->count)
		return;
	dev_rx_handler_clear(port->lower);
	list_del(&port->group_work.link);
	skb_list_drop(cpu, &port->groups, SKB_DROP_REASON_QUEUE_PURGE);
	mem_free(&port->lower->net->world->mem, port);
}

static void uninit(struct net_device *dev)
{
	struct cpu *cpu = config_cpu(dev->net->world);
	struct ipvlan *m = iv_of(dev);
	if (!m->port)
		return;
	list_del(&m->link);
	m->port->count--;
	dev_upper_unlink(m->on.lower, dev);
	iv_port_put(cpu, m->port);
	m->port = NULL;
}

static void lower_event(struct cpu *cpu, struct net_device *dev, struct net_device *lower, enum net_event ev, unsigned long info)
{
	stacked_lower_event(cpu, dev, lower, ev, info);
	if (ev != EV_LINK_CHANGE)
		return;
	if (info & LINK_CHANGE_MTU)
		dev->mtu = lower->mtu; /* be it less than one may set; Linux tells nobody either */
	if (info & LINK_CHANGE_ADDR && !eth_addr_eq(dev->dev_addr, lower->dev_addr)) {
		memcpy(dev->dev_addr, lower->dev_addr, ETH_ADDR_LEN);
		dev_announce_addr(cpu, dev);
	}
}

static const struct netdev_ops ops = {
	.uninit = uninit, .free = stacked_free, .open = open, .stop = stop, .start_xmit = iv_xmit, .xmit_here = iv_xmit_here, .fix_features = fix_features,
	.set_rx_mode = stacked_set_rx_mode, .change_rx_flags = change_rx_flags, .lower_event = lower_event, .iflink = stacked_iflink, .link_netns = stacked_link_netns,
	.addr_add = addr_add,
};

static u32 *msglevel(struct net_device *dev) { return &iv_of(dev)->msglevel; }

static const struct ethtool_ops ethtool = { .driver = "ipvlan", .version = "0.1", .tells_link = true, .below = stacked_lower, .msglevel = msglevel };

void iv_setup(struct net_device *dev)
{
	struct ipvlan *m = dev->priv;
	ether_setup(dev);
	m->dev = dev;
	list_init(&m->link);
	dev->ops = &ops;
	dev->ethtool_ops = &ethtool;
	dev->header_ops = &stacked_header_ops;
	dev->noqueue = true;
	dev->min_mtu = 68;
	dev->max_mtu = 65535;
	dev->unicast_filter = true;
	dev->no_rx_handler = true; /* its packets are told apart by now */
	dev->wanted_features = NETIF_F_GRO;
}

void iv_inherit(struct ipvlan *m, const struct net_device *lower)
{
	struct net_device *dev = m->dev;
	memcpy(dev->dev_addr, lower->dev_addr, ETH_ADDR_LEN);
	memcpy(dev->perm_addr, lower->dev_addr, ETH_ADDR_LEN);
	dev->features = (FEATURES & (ALWAYS | (lower->features & NETIF_F_RXCSUM))) | NETIF_F_LLTX | NETIF_F_VLAN_CHALLENGED;
	dev->vlan_features = lower->vlan_features & ALWAYS;
	stacked_inherit(dev, lower);
}
