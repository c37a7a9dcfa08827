/* Which frames a device takes besides its own: promiscuity and all-multicast as counts, the list of multicast addresses.
 * A driver that filters hears of it through set_rx_mode; the others take everything and leave it to L3. packet(7).
 */
#include "base/mem.h"
#include "codec/wire/eth.h"
#include "link/dev_internal.h"
#include "link/netns_dev.h"

static void rx_mode(struct net_device *dev)
{
	if (dev->ops->set_rx_mode && dev_running(dev))
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
	rx_mode(dev);
}

void dev_set_promiscuity(struct cpu *cpu, struct net_device *dev, int inc) { count(cpu, dev, &dev->promiscuity, IFF_PROMISC, inc); }

void dev_set_allmulti(struct cpu *cpu, struct net_device *dev, int inc) { count(cpu, dev, &dev->allmulti, IFF_ALLMULTI, inc); }

int dev_mc_add(struct net_device *dev, const u8 *addr)
{
	struct dev_mc_addr *mc;
	list_for_each(mc, &dev->mc_list, link)
		if (!memcmp(mc->addr, addr, dev->addr_len)) {
			mc->users++;
			return 0;
		}
	mc = mem_zalloc(&dev->net->world->mem, sizeof(*mc));
	if (!mc)
		return -ENOMEM;
	memcpy(mc->addr, addr, dev->addr_len);
	mc->users = 1;
	list_add_tail(&dev->mc_list, &mc->link);
	rx_mode(dev);
	return 0;
}

int dev_mc_del(struct net_device *dev, const u8 *addr)
{
	struct dev_mc_addr *mc;
	list_for_each(mc, &dev->mc_list, link) {
		if (memcmp(mc->addr, addr, dev->addr_len))
			continue;
		if (!--mc->users) {
			list_del(&mc->link);
			mem_free(&dev->net->world->mem, mc);
			rx_mode(dev);
		}
		return 0;
	}
	return -ENOENT;
}

void dev_mc_flush(struct net_device *dev)
{
	struct dev_mc_addr *mc, *tmp;
	list_for_each_safe(mc, tmp, &dev->mc_list, link) {
		list_del(&mc->link);
		mem_free(&dev->net->world->mem, mc);
	}
}
