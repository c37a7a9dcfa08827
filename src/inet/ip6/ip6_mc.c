/* Groups and anycast addresses that an IPv6 device listens to, and the groups that are always joined. Membership is inet/mc.h's; what is
 * MLD's own is in mld.c.
 */
#include <net/if_arp.h>

#include "inet/ip6/ip6_priv.h"

GROUP(node_all, { 0xff, 1, [15] = 1 });
GROUP(link_all, { 0xff, 2, [15] = 1 });
GROUP(node_routers, { 0xff, 1, [15] = 2 });
GROUP(link_routers, { 0xff, 2, [15] = 2 });
GROUP(site_routers, { 0xff, 5, [15] = 2 });

bool ip6_mc_member(const struct inet6_dev *idev, const struct inaddr *group) { return mc_find(&idev->mc, group) != NULL; }

struct mc_dev *ip6_mc_dev(const struct net_device *dev)
{
	struct inet6_dev *idev = in6_dev_get(dev);
	return idev ? &idev->mc : NULL;
}

int ndisc_mc_map(const struct inaddr *a, const struct net_device *dev, u8 *hw)
{
	if (dev->type != ARPHRD_ETHER)
		return -EINVAL;
	hw[0] = hw[1] = 0x33; /* RFC 2464 section 7 */
	memcpy(hw + 2, a->b + 12, 4);
	return 0;
}

int ip6_mc_join(struct cpu *cpu, struct net_device *dev, const struct inaddr *group)
{
	struct mc_dev *md = ip6_mc_dev(dev);
	if (!md)
		return -ENODEV;
	return v6_is_multicast(group) ? mc_join(cpu, md, group, MCAST_EXCLUDE) : -EINVAL;
}

void ip6_mc_leave(struct cpu *cpu, struct net_device *dev, const struct inaddr *group)
{
	struct mc_dev *md = ip6_mc_dev(dev);
	if (md)
		mc_leave(cpu, md, group, &(struct mc_filter){ .mode = MCAST_EXCLUDE });
}

void ip6_mc_default_groups(struct cpu *cpu, struct inet6_dev *idev)
{
	ip6_mc_join(cpu, idev->dev, &node_all);
	ip6_mc_join(cpu, idev->dev, &link_all);
	if (ip6_forwards(idev))
		ip6_mc_router_groups(cpu, idev, true);
}

void ip6_mc_router_groups(struct cpu *cpu, struct inet6_dev *idev, bool on)
{
	static const struct inaddr *const groups[] = { &link_routers, &node_routers, &site_routers };
	if (idev->dev->flags & IFF_LOOPBACK && on)
		return;
	for (unsigned i = 0; i < ARRAY_SIZE(groups); i++) {
		if (on)
			ip6_mc_join(cpu, idev->dev, groups[i]);
		else
			ip6_mc_leave(cpu, idev->dev, groups[i]);
	}
}

void ip6_mc_link_up(struct cpu *cpu, struct inet6_dev *idev) { mc_link_up(cpu, &idev->mc); }

void ip6_mc_link_down(struct cpu *cpu, struct inet6_dev *idev)
{
	timer_cancel(&idev->mld_dad);
	mc_link_down(cpu, &idev->mc);
}

void ip6_mc_purge(struct cpu *cpu, struct inet6_dev *idev)
{
	timer_cancel(&idev->mld_dad);
	mc_purge(&idev->mc);
	while (!list_empty(&idev->ac_list)) {
		struct ip6_anycast *a = list_first(&idev->ac_list, struct ip6_anycast, link);
		list_del(&a->link);
		mem_free(&cpu->world->mem, a);
	}
}

/* -- anycast (RFC 4291 section 2.6) -- */

static struct ip6_anycast *anycast_find(const struct inet6_dev *idev, const struct inaddr *addr)
{
	struct ip6_anycast *a;
	list_for_each(a, &idev->ac_list, link)
		if (inaddr_eq(&a->addr, addr))
			return a;
	return NULL;
}

bool ip6_anycast_member(struct netns *net, const struct net_device *dev, const struct inaddr *addr)
{
	struct net_device *d;
	if (dev)
		return in6_dev_get(dev) && anycast_find(in6_dev_get(dev), addr);
	dev_for_each(d, net)
		if (in6_dev_get(d) && anycast_find(in6_dev_get(d), addr))
			return true;
	return false;
}

int ip6_anycast_join(struct cpu *cpu, struct net_device *dev, const struct inaddr *addr)
{
	struct inet6_dev *idev = in6_dev_get(dev);
	struct ip6_anycast *a = idev ? anycast_find(idev, addr) : NULL;
	struct inaddr sn;
	if (!idev)
		return -ENODEV;
	if (a) {
		a->users++;
		return 0;
	}
	a = mem_zalloc(&cpu->world->mem, sizeof(*a));
	if (!a)
		return -ENOMEM;
	*a = (struct ip6_anycast){ .addr = *addr, .users = 1 };
	list_init(&a->link);
	list_add_head(&idev->ac_list, &a->link);
	ip6_anycast_route(cpu, dev, addr, true);
	ip6_solicited_node(addr, &sn);
	ip6_mc_join(cpu, dev, &sn);
	return 0;
}

void ip6_anycast_leave(struct cpu *cpu, struct net_device *dev, const struct inaddr *addr)
{
	struct inet6_dev *idev = in6_dev_get(dev);
	struct ip6_anycast *a = idev ? anycast_find(idev, addr) : NULL;
	struct inaddr sn;
	if (!a || --a->users)
		return;
	list_del(&a->link);
	mem_free(&cpu->world->mem, a);
	ip6_anycast_route(cpu, dev, addr, false);
	ip6_solicited_node(addr, &sn);
	ip6_mc_leave(cpu, dev, &sn);
}
