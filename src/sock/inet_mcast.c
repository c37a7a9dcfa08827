/* Group memberships of a socket: IP_ADD_MEMBERSHIP, IPV6_ADD_MEMBERSHIP and their relatives (ip(7), RFC 3678), and who may hear what.
 *
 * A socket lists the groups it joined, each on one device, with the sources it wants (INCLUDE) or does not want (EXCLUDE).
 * The device's own list, counted over all sockets, is inet/mc.h's; it decides what is received at all. RFC 3376, section 4.2, describes
 * the interface.
 */
#include "sock/inet_mcast.h"

#include <netinet/in.h>

#include "core/sysctl.h"
#include "inet/ip6/ip6.h"
#include "inet/route/fib.h"
#include "link/netdevice.h"

struct inet_mc {
	struct list link; /* inet_sock.mc_list */
	struct inaddr group, ifaddr;
	s32 ifindex;
	u32 mode; /* MCAST_INCLUDE, MCAST_EXCLUDE */
	u32 count;
	struct inaddr *source; /* [count], or NULL */
};

static bool is_group(const struct inaddr *a) { return inaddr_is_v4(a) ? v4_is_multicast(inaddr_v4(a)) : v6_is_multicast(a); }
static u32 max_memberships(const struct inet_sock *inet) { return (u32)MAX(inet->sk.net->ip4->igmp_max_memberships, 0); }
static struct mc_filter filter_of(const struct inet_mc *mc) { return (struct mc_filter){ (u8)mc->mode, mc->source, mc->count }; }

u32 inet_mc_max_sources(const struct inet_sock *inet, u8 family)
{
	const struct netns *net = inet->sk.net;
	return (u32)MAX(family == AF_INET6 && net->ip6 ? net->ip6->mld_max_msf : net->ip4->igmp_max_msf, 0);
}
static u32 max_sources(const struct inet_sock *inet, const struct inaddr *group)
{
	return inet_mc_max_sources(inet, inaddr_is_v4(group) ? AF_INET : AF_INET6);
}

static struct mc_dev *mc_dev_of(const struct net_device *dev, const struct inaddr *group)
{
	return !dev ? NULL : inaddr_is_v4(group) ? ip4_mc_dev(dev) : ip6_mc_dev(dev);
}

static struct net_device *by_route(struct cpu *cpu, struct inet_sock *inet, const struct inaddr *group)
{
	bool v4 = inaddr_is_v4(group);
	struct flow fl = { .family = v4 ? AF_INET : AF_INET6, .daddr = *group, .saddr = v4 ? inaddr_from_v4((be32){ 0 }) : inaddr_v6_any(),
			   .flags = v4 ? 0 : FLOW_ANYSRC };
	const struct inet_af *af = inet_af_of(inet->sk.net, group);
	struct net_device *dev;
	struct dst *d;
	if (!af || af->route_out(cpu, inet->sk.net, &fl, &d))
		return NULL;
	dev = d->dev;
	dst_put(d);
	return dev;
}

/* By index, by one of our addresses, or by the route to the group. NULL: none, or the family is not on it. */
static struct mc_dev *find_dev(struct cpu *cpu, struct inet_sock *inet, const struct mc_request *r)
{
	struct netns *net = inet->sk.net;
	struct net_device *dev;

	if (r->ifindex)
		dev = dev_by_index(net, r->ifindex);
	else if (!inaddr_is_any(&r->ifaddr))
		dev = ip4_dev_by_addr(net, inaddr_v4(&r->ifaddr));
	else if (inaddr_is_v4(&r->group) && inaddr_is_any(&r->group))
		dev = dev_by_index(net, 1); /* the route to nowhere is the loopback device's */
	else
		dev = by_route(cpu, inet, &r->group);
	return mc_dev_of(dev, &r->group);
}

static struct inet_mc *find(const struct inet_sock *inet, const struct inaddr *group, s32 ifindex)
{
	struct inet_mc *mc;

	list_for_each(mc, &inet->mc_list, link)
		if (inaddr_eq(&mc->group, group) && (!ifindex || mc->ifindex == ifindex))
			return mc;
	return NULL;
}

int inet_mc_join(struct cpu *cpu, struct inet_sock *inet, const struct mc_request *r, u32 mode)
{
	bool v4 = inaddr_is_v4(&r->group);
	struct mc_dev *md;
	struct inet_mc *mc;
	u32 n = 0;
	int err;

	if (!is_group(&r->group))
		return -EINVAL;
	if (!v4 && find(inet, &r->group, r->ifindex))
		return -EADDRINUSE;
	if (!(md = find_dev(cpu, inet, r)))
		return -ENODEV;
	list_for_each(mc, &inet->mc_list, link) {
		if (inaddr_eq(&mc->group, &r->group) && mc->ifindex == md->dev->ifindex)
			return -EADDRINUSE;
		n += inaddr_is_v4(&mc->group);
	}
	if (v4 ? n >= max_memberships(inet) : inet->sk.omem_alloc + sizeof *mc > sock_limits(inet->sk.net)->optmem_max)
		return v4 ? -ENOBUFS : -ENOMEM;
	if (!(mc = mem_zalloc(cpu_mem(cpu), sizeof *mc)))
		return v4 ? -ENOBUFS : -ENOMEM;
	if ((err = mc_join(cpu, md, &r->group, (u8)mode))) {
		mem_free(cpu_mem(cpu), mc);
		return err;
	}
	*mc = (struct inet_mc){ .group = r->group, .ifaddr = r->ifaddr, .ifindex = md->dev->ifindex, .mode = mode };
	list_add_tail(&inet->mc_list, &mc->link);
	inet->sk.omem_alloc += sizeof *mc;
	return 0;
}

static void leave(struct cpu *cpu, struct inet_sock *inet, struct inet_mc *mc)
{
	struct mc_dev *md = mc_dev_of(dev_by_index(inet->sk.net, mc->ifindex), &mc->group);
	struct mc_filter f = filter_of(mc);

	if (md)
		mc_leave(cpu, md, &mc->group, &f);
	list_del(&mc->link);
	inet->sk.omem_alloc -= sizeof *mc;
	mem_free(cpu_mem(cpu), mc->source);
	mem_free(cpu_mem(cpu), mc);
}

/* mc's filter becomes `mode` and the n sources: here and in what the device listens to. */
static int set_filter(struct cpu *cpu, struct inet_mc *mc, struct mc_dev *md, u32 mode, const struct inaddr *sources, u32 n)
{
	struct mc_filter old = filter_of(mc), new = { (u8)mode, NULL, n };
	struct inaddr *copy = NULL;
	int err;

	if (n) {
		copy = mem_alloc(cpu_mem(cpu), n * sizeof *copy);
		if (!copy)
			return -ENOBUFS;
		memcpy(copy, sources, n * sizeof *copy);
	}
	new.source = copy;
	err = mc_change(cpu, md, &mc->group, &old, &new);
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
	bool v4 = inaddr_is_v4(&r->group), named = r->ifindex || !inaddr_is_any(&r->ifaddr);
	struct inet_mc *mc;

	if (!v4 && !is_group(&r->group))
		return -EINVAL;
	if (v4 && !named && !find_dev(cpu, inet, r))
		return -ENODEV;
	list_for_each(mc, &inet->mc_list, link) {
		if (!inaddr_eq(&mc->group, &r->group))
			continue;
		if (r->ifindex ? mc->ifindex != r->ifindex : named && !inaddr_eq(&mc->ifaddr, &r->ifaddr))
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
	inet6_anycast_leave_all(cpu, inet);
}

int inet_mc_source(struct cpu *cpu, struct inet_sock *inet, const struct mc_request *r, const struct inaddr *source, u32 mode, bool add)
{
	struct mc_dev *md;
	struct inet_mc *mc;
	struct inaddr *list;
	u32 i, n;
	int err;

	if (!is_group(&r->group))
		return -EINVAL;
	if (!(md = find_dev(cpu, inet, r)))
		return -ENODEV;
	if (!(mc = find(inet, &r->group, md->dev->ifindex)))
		return -EINVAL;
	if (mc->mode != mode && mc->count)
		return -EINVAL;
	n = mc->count;
	for (i = 0; i < n && !inaddr_eq(&mc->source[i], source); i++)
		;
	if (add && i < n)
		return -EADDRNOTAVAIL;
	if (add && n && n >= max_sources(inet, &r->group)) /* one there may always be */
		return -ENOBUFS;
	if (!add && i == n) {
		err = mc->mode != mode ? set_filter(cpu, mc, md, mode, NULL, 0) : 0; /* an empty filter changes sides even so */
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
		list[n++] = *source;
	else
		list[i] = list[--n];
	err = set_filter(cpu, mc, md, mode, list, n);
	mem_free(cpu_mem(cpu), list);
	return err;
}

int inet_mc_filter_set(struct cpu *cpu, struct inet_sock *inet, const struct mc_request *r, u32 mode, const struct inaddr *sources, u32 n)
{
	struct mc_dev *md;
	struct inet_mc *mc;

	if (!is_group(&r->group) || (mode != MCAST_INCLUDE && mode != MCAST_EXCLUDE))
		return -EINVAL;
	if (n > max_sources(inet, &r->group))
		return -ENOBUFS;
	if (!(md = find_dev(cpu, inet, r)))
		return -ENODEV;
	mc = find(inet, &r->group, md->dev->ifindex);
	if (mode == MCAST_INCLUDE && !n)
		return mc ? (leave(cpu, inet, mc), 0) : -EADDRNOTAVAIL;
	return mc ? set_filter(cpu, mc, md, mode, sources, n) : -EINVAL;
}

int inet_mc_filter_get(struct cpu *cpu, struct inet_sock *inet, const struct mc_request *r, u32 *mode, struct inaddr *sources, u32 *n)
{
	struct mc_dev *md;
	struct inet_mc *mc;
	u32 room = *n;

	if (!is_group(&r->group))
		return -EINVAL;
	if (!(md = find_dev(cpu, inet, r)))
		return -ENODEV;
	if (!(mc = find(inet, &r->group, md->dev->ifindex)))
		return -EADDRNOTAVAIL;
	*mode = mc->mode;
	*n = mc->count;
	if (MIN(room, mc->count))
		memcpy(sources, mc->source, MIN(room, mc->count) * sizeof *sources);
	return 0;
}

bool inet_mc_allows(const struct inet_sock *inet, const struct inaddr *group, const struct inaddr *source, s32 iif)
{
	bool v4 = inaddr_is_v4(group);
	const struct inet_mc *mc;
	u32 i;

	if (!is_group(group))
		return true;
	mc = find(inet, group, v4 ? iif : 0); /* IPv6 looks at the group alone */
	if (!mc)
		return v4 ? inet->mc_all : inet->v6->mc_all;
	for (i = 0; i < mc->count && !inaddr_eq(&mc->source[i], source); i++)
		;
	return (i < mc->count) == (mc->mode == MCAST_INCLUDE);
}
