/* What an administrator changes on a device: up and down, flags, MTU, address, name, queue length, master, namespace.
 *
 * Each change checks, asks the driver, stores, and tells with EV_LINK_*. All batons held. Answers and texts are those of Linux's
 * rtnetlink. The operational state follows RFC 2863: a device without carrier is DOWN, or LOWERLAYERDOWN when the device it sits
 * on has none either; one that never lost its carrier stays UNKNOWN, as dummy and lo do. ip-link(8), netdevice(7).
 */
#include <linux/if_link.h>

#include "base/mem.h"
#include "codec/netlink/nl_attr.h"
#include "codec/wire/eth.h"
#include "link/dev_internal.h"
#include "link/netns_dev.h"
#include "link/qdisc.h"

/* Flags that SIOCSIFFLAGS and RTM_SETLINK may change besides UP, PROMISC and ALLMULTI. */
#define FLAGS_SETTABLE (IFF_DEBUG | IFF_NOTRAILERS | IFF_NOARP | IFF_DYNAMIC | IFF_MULTICAST | IFF_PORTSEL | IFF_AUTOMEDIA)
#define FLAGS_SHOWN_APART (IFF_PROMISC | IFF_ALLMULTI | IFF_RUNNING | IFF_LOWER_UP | IFF_DORMANT)

static void changed(struct cpu *cpu, struct net_device *dev, unsigned long what)
{
	if (dev->registered)
		dev_tell(cpu, dev, EV_LINK_CHANGE, what);
}

/* What Linux tells only of a device that is up. */
static void state_changed(struct cpu *cpu, struct net_device *dev)
{
	if (dev->flags & IFF_UP)
		changed(cpu, dev, LINK_CHANGE_OTHER);
}

u32 dev_get_flags(const struct net_device *dev)
{
	u32 flags = (dev->flags & ~(u32)FLAGS_SHOWN_APART) | dev->gflags;
	if (!(dev->flags & IFF_UP))
		return flags;
	if (dev->operstate == IF_OPER_UP || dev->operstate == IF_OPER_UNKNOWN)
		flags |= IFF_RUNNING;
	if (dev->dormant)
		flags |= IFF_DORMANT;
	if (dev->carrier)
		flags |= IFF_LOWER_UP;
	return flags;
}

s32 dev_iflink(const struct net_device *dev) { return dev->ops->iflink ? dev->ops->iflink(dev) : dev->ifindex; }

struct netns *dev_link_netns(const struct net_device *dev) { return dev->ops->link_netns ? dev->ops->link_netns(dev) : dev->net; }

u8 dev_get_operstate(const struct net_device *dev) { return dev_running(dev) ? dev->operstate : IF_OPER_DOWN; }

void dev_operstate_update(struct net_device *dev)
{
	struct net_device *lower;
	s32 iflink = dev_iflink(dev);
	if (dev->carrier) {
		dev->operstate = dev->link_mode == IF_LINK_MODE_DORMANT ? IF_OPER_DORMANT : IF_OPER_UP;
		return;
	}
	/* The index is looked up in the device's own namespace, as Linux does: a peer elsewhere is mistaken for what has its index. */
	lower = iflink && iflink != dev->ifindex ? dev_by_index(dev->net, iflink) : NULL;
	dev->operstate = lower && !lower->carrier ? IF_OPER_LOWERLAYERDOWN : IF_OPER_DOWN;
}

void dev_set_carrier(struct cpu *cpu, struct net_device *dev, bool on)
{
	if (dev->carrier == on)
		return;
	dev->carrier = on;
	if (!dev->registered)
		return;
	if (on)
		dev->carrier_up_count++;
	else
		dev->carrier_down_count++;
	if (dev->opening) { /* told after EV_LINK_UP */
		dev->carrier_news = true;
		return;
	}
	dev_operstate_update(dev);
	if (!dev_running(dev)) {
		/* Linux works states out when the whole command is done: devices above that lost their carrier to this one find it has one. */
		dev_uppers_operstate(dev);
		return;
	}
	if (!on)
		qdisc_reset_all(cpu, dev);
	changed(cpu, dev, LINK_CHANGE_CARRIER);
}

int dev_open(struct cpu *cpu, struct net_device *dev)
{
	int err;
	if (dev_running(dev))
		return 0;
	if (!dev->registered || dev->unregistering)
		return -ENODEV;
	err = qdisc_attach_default(cpu, dev);
	if (err)
		return err;
	dev->flags |= IFF_UP;
	if (dev->ops->open) {
		dev->opening = true;
		err = dev->ops->open(dev);
		dev->opening = false;
		if (err) {
			dev->flags &= ~(u32)IFF_UP;
			return err;
		}
	}
	dev_rx_mode(dev);
	dev_tell(cpu, dev, EV_LINK_UP, 0);
	if (dev->carrier_news) {
		dev->carrier_news = false;
		dev_operstate_update(dev);
		changed(cpu, dev, LINK_CHANGE_CARRIER);
	}
	return 0;
}

void dev_close(struct cpu *cpu, struct net_device *dev, u32 also)
{
	if (!dev_running(dev))
		return;
	dev_tell(cpu, dev, EV_LINK_GOING_DOWN, 0);
	dev->flags &= ~(u32)IFF_UP;
	qdisc_reset_all(cpu, dev);
	if (dev->ops->stop)
		dev->ops->stop(dev);
	dev_tell(cpu, dev, EV_LINK_DOWN, also);
}

int dev_change_flags(struct cpu *cpu, struct net_device *dev, u32 flags, struct nl_ext_ack *ack)
{
	u32 old = dev->flags, old_g = dev->gflags;
	int err = 0;
	dev->flags = (dev->flags & ~(u32)FLAGS_SETTABLE) | (flags & FLAGS_SETTABLE);
	if ((old ^ dev->flags) & IFF_MULTICAST)
		dev_rx_mode(dev);
	if ((flags ^ dev->flags) & IFF_UP) {
		if (flags & IFF_UP)
			err = dev_open(cpu, dev);
		else
			dev_close(cpu, dev, 0);
	}
	if ((flags ^ dev->gflags) & IFF_PROMISC) {
		dev->gflags ^= IFF_PROMISC;
		dev_set_promiscuity(cpu, dev, dev->gflags & IFF_PROMISC ? 1 : -1);
	}
	if ((flags ^ dev->gflags) & IFF_ALLMULTI) {
		dev->gflags ^= IFF_ALLMULTI;
		dev_set_allmulti(cpu, dev, dev->gflags & IFF_ALLMULTI ? 1 : -1);
	}
	/* UP and DOWN told themselves. */
	old = ((old ^ dev->flags) & ~(u32)IFF_UP) | (old_g ^ dev->gflags);
	if (old)
		changed(cpu, dev, LINK_CHANGE_FLAGS | (unsigned long)old << LINK_CHANGE_WHICH_SHIFT);
	return err;
}

int dev_set_mtu(struct cpu *cpu, struct net_device *dev, u32 mtu, struct nl_ext_ack *ack)
{
	int err;
	if (mtu == dev->mtu)
		return 0;
	if (mtu > INT32_MAX || mtu < dev->min_mtu) {
		NL_SET_ERR(ack, "mtu less than device minimum");
		return -EINVAL;
	}
	if (dev->max_mtu && mtu > dev->max_mtu) {
		NL_SET_ERR(ack, "mtu greater than device maximum");
		return -EINVAL;
	}
	err = dev->ops->change_mtu ? dev->ops->change_mtu(dev, mtu) : 0;
	if (err)
		return err;
	dev->mtu = mtu;
	changed(cpu, dev, LINK_CHANGE_MTU);
	return 0;
}

int dev_set_mac(struct cpu *cpu, struct net_device *dev, const u8 *addr, struct nl_ext_ack *ack)
{
	int err;
	if (!dev->ops->set_mac)
		return -EOPNOTSUPP;
	if (dev_running(dev) && !dev->live_addr_change)
		return -EBUSY;
	err = dev->ops->set_mac(dev, addr);
	if (err)
		return err;
	dev->addr_assign_type = 3; /* NET_ADDR_SET */
	changed(cpu, dev, LINK_CHANGE_ADDR);
	return 0;
}

void dev_announce_addr(struct cpu *cpu, struct net_device *dev) { changed(cpu, dev, LINK_CHANGE_ADDR); }

/* ops->set_mac of Ethernet devices that filter nothing. */
int eth_mac_addr(struct net_device *dev, const u8 *addr)
{
	if (!eth_addr_is_valid(addr))
		return -EADDRNOTAVAIL;
	memcpy(dev->dev_addr, addr, ETH_ADDR_LEN);
	return 0;
}

int eth_validate(const struct nl_attrs *attrs, const struct nl_attrs *data, struct nl_ext_ack *ack)
{
	const struct nlattr *a = attrs->a[IFLA_ADDRESS];
	if (a && nl_len(a) != ETH_ADDR_LEN)
		return -EINVAL;
	return a && !eth_addr_is_valid(nl_data(a)) ? -EADDRNOTAVAIL : 0;
}

int dev_set_name(struct cpu *cpu, struct net_device *dev, const char *name)
{
	char chosen[DEV_NAME_SIZE] = "";
	int err;
	if (!strncmp(name, dev->name, DEV_NAME_SIZE))
		return 0;
	err = dev_name_choose(dev->net, name, chosen);
	if (err)
		return err;
	dev_rename_listed(dev, chosen);
	changed(cpu, dev, LINK_CHANGE_NAME);
	return 0;
}

int dev_set_alias(struct cpu *cpu, struct net_device *dev, const char *alias, size_t len)
{
	char *copy = NULL;
	if (len >= 256) /* IFALIASZ */
		return -EINVAL;
	if (len) {
		copy = mem_zalloc(cpu_mem(cpu), len + 1);
		if (!copy)
			return -ENOMEM;
		memcpy(copy, alias, len);
	}
	mem_free(cpu_mem(cpu), dev->alias);
	dev->alias = copy;
	state_changed(cpu, dev);
	return 0;
}

int dev_set_tx_queue_len(struct cpu *cpu, struct net_device *dev, u32 len)
{
	if (len == dev->tx_queue_len)
		return 0;
	dev->tx_queue_len = len;
	changed(cpu, dev, LINK_CHANGE_QUEUE_LEN);
	return 0;
}

int dev_set_group(struct cpu *cpu, struct net_device *dev, u32 group)
{
	dev->group = group;
	state_changed(cpu, dev);
	return 0;
}

int dev_set_master(struct cpu *cpu, struct net_device *dev, struct net_device *master, struct nl_ext_ack *ack)
{
	int err;
	if (dev->master) {
		struct net_device *old = dev->master;
		if (!old->ops->del_slave)
			return -EOPNOTSUPP;
		err = old->ops->del_slave(old, dev);
		if (err)
			return err;
		list_del(&dev->slave_link);
		dev->master = NULL;
		changed(cpu, dev, LINK_CHANGE_MASTER | (old->l3mdev_table ? LINK_CHANGE_VRF : 0));
		if (old->ops->slave_moved)
			old->ops->slave_moved(cpu, old, dev);
		dev_put(old);
	}
	if (!master)
		return 0;
	if (!master->ops->add_slave)
		return -EOPNOTSUPP;
	err = master->ops->add_slave(master, dev, ack); /* what it refuses itself, it knows better words for */
	if (err)
		return err;
	err = dev_stack_check(dev, master, ack);
	if (err) {
		master->ops->del_slave(master, dev);
		return err;
	}
	dev_hold(master);
	dev->master = master;
	list_add_tail(&master->slaves, &dev->slave_link);
	changed(cpu, dev, LINK_CHANGE_MASTER | (master->l3mdev_table ? LINK_CHANGE_VRF : 0));
	if (master->ops->slave_moved)
		master->ops->slave_moved(cpu, master, dev);
	return 0;
}

int dev_set_netns(struct cpu *cpu, struct net_device *dev, struct netns *to, const char *name, struct nl_ext_ack *ack)
{
	struct netns *from = dev->net;
	struct dev_altname *alt;
	char chosen[DEV_NAME_SIZE] = "";
	s32 ifindex;
	int err;
	if (dev->features & NETIF_F_NETNS_LOCAL) {
		NL_SET_ERR(ack, "The interface netns is immutable");
		return -EINVAL;
	}
	if (!dev->registered || to->dying || !to->dev)
		return -EINVAL;
	if (from == to)
		return name ? dev_set_name(cpu, dev, name) : 0;
	if (!dev_by_name(to, dev->name))
		name = NULL;
	err = dev_name_choose(to, name ? name : dev->name, chosen);
	if (err == -EEXIST)
		NL_SET_ERR(ack, name ? "Unable to use the new interface name in the target netns"
				     : "An interface with the same name exists in the target netns");
	list_for_each(alt, &dev->altnames, link)
		if (!err && dev_by_name(to, alt->name)) {
			err = -EEXIST;
			NL_SET_ERR(ack, "An interface with the altname exists in the target netns");
		}
	if (!err && dev_ifindex_choose(to, dev->ifindex, &ifindex))
		err = dev_ifindex_choose(to, 0, &ifindex);
	if (err)
		return err;
	dev_close(cpu, dev, IFF_RUNNING);
	qdisc_detach(cpu, dev);
	dev_leave(cpu, dev, &(struct link_move){ .to = to, .ifindex = ifindex });
	dev_unlist(dev);
	list_for_each(alt, &dev->altnames, link) {
		list_del(&alt->net_link);
		list_add_tail(&to->dev->altnames, &alt->net_link);
	}
	dev->net = netns_get(to);
	dev->ifindex = ifindex;
	memcpy(dev->name, chosen, sizeof(chosen));
	dev_list(dev);
	netns_put(from);
	if (!dev->carrier)
		dev_operstate_update(dev);
	event_send(cpu, to, EV_LINK_MOVED, dev, 0);
	return 0;
}

int dev_rx_handler_set(struct net_device *dev, rx_handler_fn fn, void *data)
{
	if (dev->rx_handler)
		return -EBUSY;
	if (dev->no_rx_handler)
		return -EINVAL;
	dev->rx_handler_data = data;
	ptr_publish(dev->rx_handler, fn);
	return 0;
}

void dev_rx_handler_clear(struct net_device *dev)
{
	ptr_publish(dev->rx_handler, NULL);
	dev->rx_handler_data = NULL;
}
