/* macvlan, the device and the port that its lower device has: up and down, addresses, features, what happens below. The modes are
 * explained in macvlan.c.
 */
#include <linux/if_link.h>

#include "base/mem.h"
#include "link/ethtool.h"
#include "link/type/macvlan.h"

static bool addr_busy(const struct mv_port *port, const u8 *addr)
{
	return (!port->passthru && eth_addr_eq(port->lower->dev_addr, addr)) || mv_find(port, addr);
}

static int open(struct net_device *dev)
{
	struct cpu *cpu = config_cpu(dev->net->world);
	struct macvlan *m = mv_of(dev);
	int err;
	if (m->port->passthru) {
		if (!(m->flags & MACVLAN_FLAG_NOPROMISC))
			dev_set_promiscuity(cpu, m->on.lower, 1);
	} else {
		if (addr_busy(m->port, dev->dev_addr))
			return -EADDRINUSE;
		err = dev_uc_add(m->on.lower, dev->dev_addr);
		if (err)
			return err;
		if (dev->flags & IFF_ALLMULTI)
			dev_set_allmulti(cpu, m->on.lower, 1);
		if (dev->flags & IFF_PROMISC)
			dev_set_promiscuity(cpu, m->on.lower, 1);
	}
	m->up = true;
	return 0;
}

static void stop(struct net_device *dev)
{
	struct cpu *cpu = config_cpu(dev->net->world);
	struct macvlan *m = mv_of(dev);
	m->up = false;
	dev_addr_unsync(m->on.lower, dev);
	if (m->port->passthru) {
		if (!(m->flags & MACVLAN_FLAG_NOPROMISC))
			dev_set_promiscuity(cpu, m->on.lower, -1);
		return;
	}
	if (dev->flags & IFF_ALLMULTI)
		dev_set_allmulti(cpu, m->on.lower, -1);
	if (dev->flags & IFF_PROMISC)
		dev_set_promiscuity(cpu, m->on.lower, -1);
	dev_uc_del(m->on.lower, dev->dev_addr);
}

static void change_rx_flags(struct net_device *dev, u32 change)
{
	if (!mv_of(dev)->port->passthru)
		stacked_change_rx_flags(dev, change);
}

static int change_mtu(struct net_device *dev, u32 mtu) { return mtu > mv_of(dev)->on.lower->mtu ? -EINVAL : 0; }

static int set_mac(struct net_device *dev, const u8 *addr)
{
	struct cpu *cpu = config_cpu(dev->net->world);
	struct macvlan *m = mv_of(dev);
	int err;
	if (!eth_addr_is_valid(addr))
		return -EADDRNOTAVAIL;
	if (eth_addr_eq(dev->dev_addr, addr))
		return 0;
	if (m->mode == MACVLAN_MODE_PASSTHRU) {
		/* The lower device's address is this one's; lower_event() has it follow. */
		return dev_set_mac(cpu, m->on.lower, addr, NULL);
	}
	if (addr_busy(m->port, addr))
		return -EADDRINUSE;
	if (dev_running(dev)) {
		err = dev_uc_add(m->on.lower, addr);
		if (err)
			return err;
		dev_uc_del(m->on.lower, dev->dev_addr);
	}
	memcpy(dev->dev_addr, addr, ETH_ADDR_LEN);
	return 0;
}

#define FEATURES (NETIF_F_SG | NETIF_F_FRAGLIST | NETIF_F_HW_CSUM | NETIF_F_IP_CSUM | NETIF_F_IPV6_CSUM | NETIF_F_HIGHDMA | NETIF_F_GSO_SOFTWARE | \
		  NETIF_F_GSO_ROBUST | NETIF_F_GSO_ENCAP_ALL | NETIF_F_RXCSUM)
#define ALWAYS (NETIF_F_SG | NETIF_F_FRAGLIST | NETIF_F_HW_CSUM | NETIF_F_HIGHDMA | NETIF_F_GSO_SOFTWARE | NETIF_F_GSO_ROBUST | NETIF_F_GSO_ENCAP_ALL)

/* What is sent is cut where the lower device needs it; only how packets are received depends on that one. */
static u64 fix_features(struct net_device *dev, u64 wanted) { return stacked_fix_features(dev, wanted, ALWAYS); }

/* -- the port -- */

void mv_update_bc_queue_len(struct mv_port *port)
{
	struct macvlan *m;
	u32 len = 0;
	list_for_each(m, &port->macvlans, link)
		len = MAX(len, m->bc_queue_len);
	port->bc_queue_len = len;
}

int mv_port_get(struct net_device *lower, struct mv_port **out)
{
	struct mv_port *port;
	int err = stacked_can_receive(lower, mv_receive);
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
	list_init(&port->macvlans);
	list_init(&port->bc_work.link);
	port->bc_work.fn = mv_bc_run;
	skb_list_init(&port->bc_queue);
	memcpy(port->perm_addr, lower->dev_addr, ETH_ADDR_LEN);
	dev_rx_handler_set(lower, mv_receive, port);
	*out = port;
	return 0;
}

static void forget_waiting(struct cpu *cpu, struct mv_port *port, const struct macvlan *src)
{
	struct sk_buff *skb;
	for (skb = port->bc_queue.first; skb; skb = skb->next)
		if (MV_CB(skb)->src == src)
			MV_CB(skb)->src = NULL;
}

void mv_port_put(struct cpu *cpu, struct mv_port *port)
{
	if (port->count)
		return;
	if (port->passthru && !eth_addr_eq(port->lower->dev_addr, port->perm_addr))
		dev_set_mac(cpu, port->lower, port->perm_addr, NULL);
	dev_rx_handler_clear(port->lower);
	list_del(&port->bc_work.link);
	skb_list_drop(cpu, &port->bc_queue, SKB_DROP_REASON_QUEUE_PURGE);
	mem_free(&port->lower->net->world->mem, port);
}

void mv_sources_flush(struct macvlan *m)
{
	while (!list_empty(&m->sources)) {
		struct mv_source *s = list_first(&m->sources, struct mv_source, link);
		list_del(&s->link);
		mem_free(&m->dev->net->world->mem, s);
	}
	m->nsources = 0;
}

static void uninit(struct net_device *dev)
{
	struct cpu *cpu = config_cpu(dev->net->world);
	struct macvlan *m = mv_of(dev);
	if (!m->port)
		return;
	mv_sources_flush(m);
	forget_waiting(cpu, m->port, m);
	list_del(&m->link);
	m->port->count--;
	mv_update_bc_queue_len(m->port);
	dev_upper_unlink(m->on.lower, dev);
	mv_port_put(cpu, m->port);
	m->port = NULL;
}

static void lower_event(struct cpu *cpu, struct net_device *dev, struct net_device *lower, enum net_event ev, unsigned long info)
{
	stacked_lower_event(cpu, dev, lower, ev, info);
	if (ev != EV_LINK_CHANGE)
		return;
	if (info & LINK_CHANGE_MTU && dev->mtu > lower->mtu)
		dev_set_mtu(cpu, dev, lower->mtu, NULL);
	if (info & LINK_CHANGE_ADDR && mv_of(dev)->port->passthru && !eth_addr_eq(dev->dev_addr, lower->dev_addr)) {
		memcpy(dev->dev_addr, lower->dev_addr, ETH_ADDR_LEN);
		dev_announce_addr(cpu, dev);
	}
}

static const struct netdev_ops ops = {
	.uninit = uninit, .free = stacked_free, .open = open, .stop = stop, .start_xmit = mv_xmit, .change_mtu = change_mtu, .set_mac = set_mac,
	.fix_features = fix_features, .set_rx_mode = stacked_set_rx_mode, .change_rx_flags = change_rx_flags, .lower_event = lower_event,
	.iflink = stacked_iflink, .link_netns = stacked_link_netns,
};

static const struct ethtool_ops ethtool = { .driver = "macvlan", .version = "0.1", .tells_link = true, .stamps = STAMPS_BELOW,
					    .below = stacked_lower };

void mv_setup(struct net_device *dev)
{
	struct macvlan *m = dev->priv;
	ether_setup(dev);
	m->dev = dev;
	list_init(&m->link);
	list_init(&m->sources);
	dev->ops = &ops;
	dev->ethtool_ops = &ethtool;
	dev->header_ops = &stacked_header_ops;
	dev->noqueue = true;
	dev->live_addr_change = true;
	dev->can_proto_down = true;
	dev->unicast_filter = true;
	dev->min_mtu = 0; /* until it has a device below */
	dev->max_mtu = 65535;
	dev->wanted_features = NETIF_F_GRO;
}

void mv_inherit(struct macvlan *m, const struct net_device *lower)
{
	struct net_device *dev = m->dev;
	dev->min_mtu = 68;
	dev->max_mtu = lower->max_mtu;
	dev->features = FEATURES & (ALWAYS | (lower->features & NETIF_F_RXCSUM));
	dev->features |= NETIF_F_LLTX;
	dev->hw_features = NETIF_F_LRO;
	dev->vlan_features = lower->vlan_features & ALWAYS;
	stacked_inherit(dev, lower);
}
