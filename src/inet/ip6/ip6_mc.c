/* Groups and anycast addresses that a device listens to: who joined, the link layer's filter, and the groups that are always joined.
 *
 * Membership is counted per device. What tells routers of it (MLD) is built on these lists.
 */
#include "inet/ip6/ip6_priv.h"

#define GROUP(name, ...) static const struct inaddr name = { .b = __VA_ARGS__ }
GROUP(node_all, { 0xff, 1, [15] = 1 });
GROUP(link_all, { 0xff, 2, [15] = 1 });
GROUP(node_routers, { 0xff, 1, [15] = 2 });
GROUP(link_routers, { 0xff, 2, [15] = 2 });
GROUP(site_routers, { 0xff, 5, [15] = 2 });

static struct ip6_mc_group *find(const struct inet6_dev *idev, const struct inaddr *a)
{
	struct ip6_mc_group *g;
	list_for_each(g, &idev->mc_list, link)
		if (inaddr_eq(&g->addr, a))
			return g;
	return NULL;
}

bool ip6_mc_member(const struct inet6_dev *idev, const struct inaddr *group) { return find(idev, group) != NULL; }

int ndisc_mc_map(const struct inaddr *a, const struct net_device *dev, u8 *hw)
{
	if (dev->addr_len != 6)
		return -EINVAL;
	hw[0] = hw[1] = 0x33; /* RFC 2464 section 7 */
	memcpy(hw + 2, a->b + 12, 4);
	return 0;
}

static void on_wire(struct inet6_dev *idev, struct ip6_mc_group *g, bool on)
{
	u8 mac[DEV_ADDR_MAX] = { 0 };
	if (g->on_wire == on || v6_mc_scope(&g->addr) < 2 || ndisc_mc_map(&g->addr, idev->dev, mac))
		return;
	if (on && dev_mc_add(idev->dev, mac))
		return;
	if (!on)
		dev_mc_del(idev->dev, mac);
	g->on_wire = on;
}

int ip6_mc_join(struct cpu *cpu, struct net_device *dev, const struct inaddr *group)
{
	struct inet6_dev *idev = in6_dev_get(dev);
	struct ip6_mc_group *g;
	if (!idev)
		return -ENODEV;
	if (!v6_is_multicast(group))
		return -EINVAL;
	g = find(idev, group);
	if (g) {
		g->users++;
		return 0;
	}
	g = mem_zalloc(&cpu->world->mem, sizeof(*g));
	if (!g)
		return -ENOMEM;
	*g = (struct ip6_mc_group){ .addr = *group, .users = 1, .joined = cpu->now };
	list_init(&g->link);
	list_add_head(&idev->mc_list, &g->link);
	on_wire(idev, g, dev->flags & IFF_UP);
	return 0;
}

static void group_free(struct cpu *cpu, struct inet6_dev *idev, struct ip6_mc_group *g)
{
	on_wire(idev, g, false);
	list_del(&g->link);
	mem_free(&cpu->world->mem, g);
}

void ip6_mc_leave(struct cpu *cpu, struct net_device *dev, const struct inaddr *group)
{
	struct inet6_dev *idev = in6_dev_get(dev);
	struct ip6_mc_group *g = idev ? find(idev, group) : NULL;
	if (g && !--g->users)
		group_free(cpu, idev, g);
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

void ip6_mc_link_up(struct cpu *cpu, struct inet6_dev *idev)
{
	struct ip6_mc_group *g;
	list_for_each(g, &idev->mc_list, link)
		on_wire(idev, g, true);
}

void ip6_mc_link_down(struct cpu *cpu, struct inet6_dev *idev)
{
	struct ip6_mc_group *g;
	list_for_each(g, &idev->mc_list, link)
		on_wire(idev, g, false);
}

void ip6_mc_purge(struct cpu *cpu, struct inet6_dev *idev)
{
	while (!list_empty(&idev->mc_list))
		group_free(cpu, idev, list_first(&idev->mc_list, struct ip6_mc_group, link));
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
