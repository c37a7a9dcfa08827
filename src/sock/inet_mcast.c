/* Group memberships of a socket: IP_ADD_MEMBERSHIP and its relatives (ip(7)), and who may hear what.
 *
 * A socket lists the groups it joined, each on one device, with the sources it wants (INCLUDE) or does not want (EXCLUDE).
 * The device's own list, counted over all sockets, is inet/ip4's (ip4_mc_join); it decides what is received at all. RFC 3376,
 * section 4.2, describes the interface.
 */
#include "sock/inet_mcast.h"

#include <netinet/in.h>

#include "core/sysctl.h"
#include "inet/route/fib.h"
#include "link/netdevice.h"

struct inet_mc {
	struct list link; /* inet_sock.mc_list */
	be32 group, ifaddr;
	s32 ifindex;
	u32 mode; /* MCAST_INCLUDE, MCAST_EXCLUDE */
	u32 count;
	be32 *source; /* [count], or NULL */
};

static u32 max_memberships(const struct inet_sock *inet) { return (u32)MAX(inet->sk.net->ip4->igmp_max_memberships, 0); }
static u32 max_sources(const struct inet_sock *inet) { return (u32)MAX(inet->sk.net->ip4->igmp_max_msf, 0); }
static struct ip4_mc_filter filter_of(const struct inet_mc *mc) { return (struct ip4_mc_filter){ (u8)mc->mode, mc->source, mc->count }; }

/* By index, by one of our addresses, or by the route to the group. NULL: none, or no IPv4 on it. */
static struct net_device *find_dev(struct cpu *cpu, struct inet_sock *inet, const struct mc_request *r)
{
	struct netns *net = inet->sk.net;
	struct net_device *dev = NULL;

	if (r->ifindex) {
		dev = dev_by_index(net, r->ifindex);
	} else if (r->ifaddr.raw) {
		dev = ip4_dev_by_addr(net, r->ifaddr);
	} else if (!r->group.raw) {
		dev = dev_by_index(net, 1); /* the route to nowhere is the loopback device's */
	} else {
		struct flow fl = { .family = AF_INET, .daddr = inaddr_from_v4(r->group), .saddr = inaddr_from_v4((be32){ 0 }) };
		struct dst *d;
		if (!net->inet->af4 || net->inet->af4->route_out(cpu, net, &fl, &d))
			return NULL;
		dev = d->dev;
		dst_put(d);
	}
	return dev && dev->ip_ptr ? dev : NULL;
}

static struct inet_mc *find(const struct inet_sock *inet, be32 group, s32 ifindex)
{
	struct inet_mc *mc;

	list_for_each(mc, &inet->mc_list, link)
		if (be32_eq(mc->group, group) && mc->ifindex == ifindex)
			return mc;
	return NULL;
}

int inet_mc_join(struct cpu *cpu, struct inet_sock *inet, const struct mc_request *r, u32 mode)
{
	struct net_device *dev;
	struct inet_mc *mc;
	u32 n = 0;
	int err;

	if (!v4_is_multicast(r->group))
		return -EINVAL;
	if (!(dev = find_dev(cpu, inet, r)))
		return -ENODEV;
	list_for_each(mc, &inet->mc_list, link) {
		if (be32_eq(mc->group, r->group) && mc->ifindex == dev->ifindex)
			return -EADDRINUSE;
		n++;
	}
	if (n >= max_memberships(inet) || !(mc = mem_zalloc(cpu_mem(cpu), sizeof *mc)))
		return -ENOBUFS;
	if ((err = ip4_mc_join_mode(cpu, dev, r->group, (u8)mode))) {
		mem_free(cpu_mem(cpu), mc);
		return err;
	}
	*mc = (struct inet_mc){ .group = r->group, .ifaddr = r->ifaddr, .ifindex = dev->ifindex, .mode = mode };
	list_add_tail(&inet->mc_list, &mc->link);
	inet->sk.omem_alloc += sizeof *mc;
	return 0;
}

static void leave(struct cpu *cpu, struct inet_sock *inet, struct inet_mc *mc)
{
	struct net_device *dev = dev_by_index(inet->sk.net, mc->ifindex);
	struct ip4_mc_filter f = filter_of(mc);

	if (dev && dev->ip_ptr)
		ip4_mc_leave_mode(cpu, dev, mc->group, &f);
	list_del(&mc->link);
	inet->sk.omem_alloc -= sizeof *mc;
	mem_free(cpu_mem(cpu), mc->source);
	mem_free(cpu_mem(cpu), mc);
}

/* mc's filter becomes `mode` and the n sources: here and in what the device listens to. */
static int set_filter(struct cpu *cpu, struct inet_mc *mc, struct net_device *dev, u32 mode, const be32 *sources, u32 n)
{
	struct ip4_mc_filter old = filter_of(mc), new = { (u8)mode, NULL, n };
	be32 *copy = NULL;
	int err;

	if (n) {
		copy = mem_alloc(cpu_mem(cpu), n * sizeof *copy);
		if (!copy)
			return -ENOBUFS;
		memcpy(copy, sources, n * sizeof *copy);
	}
	new.source = copy;
	err = ip4_mc_sources(cpu, dev, mc->group, &old, &new);
	if (err) {
		mem_free(cpu_mem(cpu), copy);
		return err;
	}
	mem_free(cpu_mem(cpu), mc->source);
	mc->mode = mode;
	mc->source = copy;
	mc->count = n;
	return 0;
}

int inet_mc_leave(struct cpu *cpu, struct inet_sock *inet, const struct mc_request *r)
{
	struct net_device *dev = find_dev(cpu, inet, r);
	struct inet_mc *mc;

	if (!dev && !r->ifindex && !r->ifaddr.raw)
		return -ENODEV;
	list_for_each(mc, &inet->mc_list, link) {
		if (!be32_eq(mc->group, r->group))
			continue;
		if (r->ifindex ? mc->ifindex != r->ifindex : r->ifaddr.raw && !be32_eq(mc->ifaddr, r->ifaddr))
			continue;
		leave(cpu, inet, mc);
		return 0;
	}
	return -EADDRNOTAVAIL;
}

void inet_mc_leave_all(struct cpu *cpu, struct inet_sock *inet)
{
	while (!list_empty(&inet->mc_list))
		leave(cpu, inet, list_first(&inet->mc_list, struct inet_mc, link));
	inet6_mc_leave_all(cpu, inet);
}

int inet_mc_source(struct cpu *cpu, struct inet_sock *inet, const struct mc_request *r, be32 source, u32 mode, bool add)
{
	struct net_device *dev;
	struct inet_mc *mc;
	be32 *list;
	u32 i, n;
	int err;

	if (!v4_is_multicast(r->group))
		return -EINVAL;
	if (!(dev = find_dev(cpu, inet, r)))
		return -ENODEV;
	if (!(mc = find(inet, r->group, dev->ifindex)))
		return -EINVAL;
	if (mc->mode != mode && mc->count)
		return -EINVAL;
	n = mc->count;
	for (i = 0; i < n && !be32_eq(mc->source[i], source); i++)
		;
	if (add && i < n)
		return -EADDRNOTAVAIL;
	if (add && n >= max_sources(inet))
		return -ENOBUFS;
	if (!add && i == n) {
		err = mc->mode != mode ? set_filter(cpu, mc, dev, mode, NULL, 0) : 0; /* an empty filter changes sides even so */
		return err ? err : -EADDRNOTAVAIL;
	}
	if (!add && n == 1 && mode == MCAST_INCLUDE) {
		leave(cpu, inet, mc); /* nothing left to hear */
		return 0;
	}
	list = mem_alloc(cpu_mem(cpu), (n + 1) * sizeof *list);
	if (!list)
		return -ENOBUFS;
	if (n)
		memcpy(list, mc->source, n * sizeof *list);
	if (add)
		list[n++] = source;
	else
		list[i] = list[--n];
	err = set_filter(cpu, mc, dev, mode, list, n);
	mem_free(cpu_mem(cpu), list);
	return err;
}

int inet_mc_filter_set(struct cpu *cpu, struct inet_sock *inet, const struct mc_request *r, u32 mode, const be32 *sources, u32 n)
{
	struct net_device *dev;
	struct inet_mc *mc;

	if (!v4_is_multicast(r->group) || (mode != MCAST_INCLUDE && mode != MCAST_EXCLUDE))
		return -EINVAL;
	if (n > max_sources(inet))
		return -ENOBUFS;
	if (!(dev = find_dev(cpu, inet, r)))
		return -ENODEV;
	mc = find(inet, r->group, dev->ifindex);
	if (mode == MCAST_INCLUDE && !n)
		return mc ? (leave(cpu, inet, mc), 0) : -EINVAL;
	return mc ? set_filter(cpu, mc, dev, mode, sources, n) : -EINVAL;
}

int inet_mc_filter_get(struct cpu *cpu, struct inet_sock *inet, const struct mc_request *r, u32 *mode, be32 *sources, u32 *n)
{
	struct net_device *dev;
	struct inet_mc *mc;
	u32 room = *n;

	if (!v4_is_multicast(r->group))
		return -EINVAL;
	if (!(dev = find_dev(cpu, inet, r)))
		return -ENODEV;
	if (!(mc = find(inet, r->group, dev->ifindex)))
		return -EADDRNOTAVAIL;
	*mode = mc->mode;
	*n = mc->count;
	if (MIN(room, mc->count))
		memcpy(sources, mc->source, MIN(room, mc->count) * sizeof *sources);
	return 0;
}

bool inet_mc_allows(const struct inet_sock *inet, const struct inaddr *group, const struct inaddr *source, s32 iif)
{
	const struct inet_mc *mc;
	u32 i;

	if (!inaddr_is_v4(group))
		return !v6_is_multicast(group) || inet6_mc_allows(inet, group, iif);
	if (!v4_is_multicast(inaddr_v4(group)))
		return true;
	mc = find(inet, inaddr_v4(group), iif);
	if (!mc)
		return inet->mc_all;
	for (i = 0; i < mc->count && !be32_eq(mc->source[i], inaddr_v4(source)); i++)
		;
	return (i < mc->count) == (mc->mode == MCAST_INCLUDE);
}
