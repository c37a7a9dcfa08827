/* Which frames a device takes besides its own: promiscuity and all-multicast as counts, the lists of unicast and multicast addresses.
 *
 * A driver that filters hears of it through set_rx_mode; the others take everything and leave it to L3. One that cannot tell unicast
 * addresses apart (unicast_filter off) becomes promiscuous while there are any. A stacked device hands its lists down: dev_addr_sync()
 * in its set_rx_mode, dev_addr_unsync() when it goes down. packet(7).
 */
#include "base/mem.h"
#include "codec/wire/eth.h"
#include "link/dev_internal.h"
#include "link/netns_dev.h"

static bool has_users(const struct list *l)
{
	const struct dev_mc_addr *a;
	list_for_each(a, l, link)
		if (a->users)
			return true;
	return false;
}

void dev_rx_mode(struct net_device *dev)
{
	if (!dev_running(dev))
		return;
	if (!dev->unicast_filter && dev->uc_promisc != has_users(&dev->uc_list)) {
		dev->uc_promisc = !dev->uc_promisc;
		dev_set_promiscuity(config_cpu(dev->net->world), dev, dev->uc_promisc ? 1 : -1);
	}
	if (dev->ops->set_rx_mode)
		dev->ops->set_rx_mode(dev);
}

static void count(struct cpu *cpu, struct net_device *dev, u32 *counter, u32 flag, int inc)
{
	u32 old = dev->flags;
	assert(inc >= 0 || *counter >= (u32)-inc);
	*counter += (u32)inc;
	dev->flags = *counter ? dev->flags | flag : dev->flags & ~flag;
	if (dev->flags == old)
		return;
	if (flag == IFF_PROMISC)
		world_log(cpu->world, 6, "%s: %s promiscuous mode", dev->name, dev->flags & IFF_PROMISC ? "entered" : "left");
	if (dev->ops->change_rx_flags)
		dev->ops->change_rx_flags(dev, flag);
	dev_rx_mode(dev);
}

void dev_set_promiscuity(struct cpu *cpu, struct net_device *dev, int inc) { count(cpu, dev, &dev->promiscuity, IFF_PROMISC, inc); }

void dev_set_allmulti(struct cpu *cpu, struct net_device *dev, int inc) { count(cpu, dev, &dev->allmulti, IFF_ALLMULTI, inc); }

static struct dev_mc_addr *find(struct list *l, const struct net_device *dev, const u8 *addr)
{
	struct dev_mc_addr *a;
	list_for_each(a, l, link)
		if (!memcmp(a->addr, addr, dev->addr_len))
			return a;
	return NULL;
}

/* *news: the list has become another one. */
static int add(struct net_device *dev, struct list *l, const u8 *addr, bool *news)
{
	struct dev_mc_addr *a = find(l, dev, addr);
	*news = false;
	if (!a) {
		a = mem_zalloc(&dev->net->world->mem, sizeof(*a));
		if (!a)
			return -ENOMEM;
		memcpy(a->addr, addr, dev->addr_len);
		list_add_tail(l, &a->link);
	}
	*news = !a->users++;
	return 0;
}

static void forget(struct net_device *dev, struct dev_mc_addr *a)
{
	list_del(&a->link);
	mem_free(&dev->net->world->mem, a);
}

static int del(struct net_device *dev, struct list *l, const u8 *addr, bool *news)
{
	struct dev_mc_addr *a = find(l, dev, addr);
	*news = false;
	if (!a || !a->users)
		return -ENOENT;
	*news = !--a->users;
	if (*news && !a->synced)
		forget(dev, a);
	return 0;
}

int dev_mc_add(struct net_device *dev, const u8 *addr)
{
	bool news;
	int err = add(dev, &dev->mc_list, addr, &news);
	if (news)
		dev_rx_mode(dev);
	return err;
}

int dev_mc_del(struct net_device *dev, const u8 *addr)
{
	bool news;
	int err = del(dev, &dev->mc_list, addr, &news);
	if (news)
		dev_rx_mode(dev);
	return err;
}

int dev_mc_add_global(struct net_device *dev, const u8 *addr)
{
	struct dev_mc_addr *a = find(&dev->mc_list, dev, addr);
	int err;
	if (a && a->global)
		return 0;
	err = dev_mc_add(dev, addr);
	if (!err)
		find(&dev->mc_list, dev, addr)->global = true;
	return err;
}

int dev_mc_del_global(struct net_device *dev, const u8 *addr)
{
	struct dev_mc_addr *a = find(&dev->mc_list, dev, addr);
	if (!a || !a->global)
		return -ENOENT;
	a->global = false;
	return dev_mc_del(dev, addr);
}

int dev_uc_add(struct net_device *dev, const u8 *addr)
{
	bool news;
	int err = add(dev, &dev->uc_list, addr, &news);
	if (news)
		dev_rx_mode(dev);
	return err;
}

int dev_uc_del(struct net_device *dev, const u8 *addr)
{
	bool news;
	int err = del(dev, &dev->uc_list, addr, &news);
	if (news)
		dev_rx_mode(dev);
	return err;
}

/* True: lower's list changed. all: nothing of upper's stays there. */
static bool sync_list(struct net_device *lower, struct list *to, struct net_device *upper, struct list *from, bool all)
{
	struct dev_mc_addr *a, *tmp;
	bool changed = false, news;
	list_for_each_safe(a, tmp, from, link) {
		if (a->users && !a->synced && !all) {
			a->synced = !add(lower, to, a->addr, &news);
			changed |= news;
		} else if (a->synced && (!a->users || all)) {
			del(lower, to, a->addr, &news);
			changed |= news;
			a->synced = false;
			if (!a->users)
				forget(upper, a);
		}
	}
	return changed;
}

static void sync_both(struct net_device *lower, struct net_device *upper, bool all)
{
	bool changed = sync_list(lower, &lower->mc_list, upper, &upper->mc_list, all);
	if (sync_list(lower, &lower->uc_list, upper, &upper->uc_list, all) || changed)
		dev_rx_mode(lower);
}

void dev_addr_sync(struct net_device *lower, struct net_device *upper) { sync_both(lower, upper, false); }

void dev_addr_unsync(struct net_device *lower, struct net_device *upper) { sync_both(lower, upper, true); }

void dev_addr_flush(struct net_device *dev)
{
	struct dev_mc_addr *a, *tmp;
	list_for_each_safe(a, tmp, &dev->mc_list, link)
		forget(dev, a);
	list_for_each_safe(a, tmp, &dev->uc_list, link)
		forget(dev, a);
}
