/* SIOCADDRT, SIOCDELRT (route(8)) and SIOCSARP, SIOCDARP, SIOCGARP (arp(7)): translated to what netlink does.
 */
#include <linux/if_arp.h>
#include <linux/route.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <stdio.h>

#include "core/sysctl.h"
#include "inet/ip4/ip4.h"
#include "inet/route/fib.h"
#include "link/neigh.h"
#include "link/netns_dev.h"
#include "sock/ioctl_mem.h"
#include "sock/sock.h"

static be32 addr_of(const struct sockaddr *sa)
{
	struct sockaddr_in in;
	memcpy(&in, sa, sizeof in);
	return (be32){ in.sin_addr.s_addr };
}

/* A device's name lies in the program's memory; it may be shorter than the room we ask for, at the end of a page. */
static int read_name(struct cpu *cpu, const char *user, char name[IFNAMSIZ])
{
	for (unsigned i = 0; i < IFNAMSIZ - 1; i++) {
		int err = ioctl_copy_in(cpu, &name[i], user + i, 1);
		if (err)
			return err;
		if (!name[i])
			return 0;
	}
	name[IFNAMSIZ - 1] = 0;
	return 0;
}

static int to_config(struct cpu *cpu, struct netns *net, unsigned cmd, const struct rtentry *rt, struct fib_config *c, u32 *metrics)
{
	be32 dst = addr_of(&rt->rt_dst), mask = addr_of(&rt->rt_genmask);
	u32 inv = ~be32_to_cpu(mask);

	if (rt->rt_dst.sa_family != AF_INET)
		return -EAFNOSUPPORT;
	*c = (struct fib_config){ .family = AF_INET, .prefix_len = 32, .table = RT_TABLE_MAIN, .protocol = RTPROT_BOOT,
				  .scope = cmd == SIOCDELRT ? RT_SCOPE_NOWHERE : RT_SCOPE_LINK,
				  .type = cmd == SIOCDELRT ? RTN_UNSPEC : RTN_UNICAST, .nl_flags = NLM_F_CREATE };
	if (!(rt->rt_flags & RTF_HOST)) {
		if (rt->rt_genmask.sa_family != AF_INET && (mask.raw || rt->rt_genmask.sa_family))
			return -EAFNOSUPPORT;
		if (inv & (inv + 1) || dst.raw & ~mask.raw)
			return -EINVAL;
		c->prefix_len = (u8)__builtin_popcount(be32_to_cpu(mask));
	}
	c->dst = inaddr_from_v4(dst);
	if (rt->rt_metric)
		c->priority = (u32)rt->rt_metric - 1;
	if (rt->rt_flags & RTF_REJECT) {
		c->scope = RT_SCOPE_HOST;
		c->type = RTN_UNREACHABLE;
		return 0;
	}
	if (rt->rt_dev) {
		char name[IFNAMSIZ], *colon;
		const struct net_device *dev;
		int err = read_name(cpu, rt->rt_dev, name);
		if (err)
			return err;
		if ((colon = strchr(name, ':')))
			*colon = 0;
		if (!(dev = dev_by_name(net, name)))
			return -ENODEV;
		c->oif = dev->ifindex;
	}
	if (rt->rt_gateway.sa_family == AF_INET && addr_of(&rt->rt_gateway).raw) {
		c->gateway = inaddr_from_v4(addr_of(&rt->rt_gateway));
		c->gw_family = AF_INET;
		c->has_gw = true;
		if ((rt->rt_flags & RTF_GATEWAY) && cmd == SIOCADDRT)
			c->scope = RT_SCOPE_UNIVERSE;
	}
	if (cmd == SIOCDELRT)
		return 0;
	if ((rt->rt_flags & RTF_GATEWAY) && !c->has_gw)
		return -EINVAL;
	if (rt->rt_flags & (RTF_MTU | RTF_WINDOW | RTF_IRTT)) {
		if ((rt->rt_flags & RTF_MTU) && rt->rt_mtu > 40)
			metrics[RTAX_ADVMSS] = (u32)rt->rt_mtu - 40;
		if (rt->rt_flags & RTF_WINDOW)
			metrics[RTAX_WINDOW] = (u32)rt->rt_window;
		if (rt->rt_flags & RTF_IRTT)
			metrics[RTAX_RTT] = (u32)rt->rt_irtt << 3;
		c->metrics = metrics;
	}
	return 0;
}

int rt_ioctl(struct cpu *cpu, struct netns *net, unsigned cmd, void *arg, size_t len)
{
	u32 metrics[RTAX_SLOTS] = { 0 };
	struct fib_config c;
	struct rtentry rt;
	int err;

	if (!caller_net_admin(cpu))
		return -EPERM;
	if (len < sizeof rt)
		return -EFAULT;
	memcpy(&rt, arg, sizeof rt);
	if ((err = to_config(cpu, net, cmd, &rt, &c, metrics)))
		return err;
	return cmd == SIOCADDRT ? fib_route_add(cpu, net, &c) : fib_route_del(cpu, net, &c);
}

/* Where the neighbour is: the device named, else the one that the route to it leaves by. */
static int arp_dev(struct cpu *cpu, struct netns *net, const struct arpreq *r, struct net_device **out)
{
	struct flow fl = { .family = AF_INET, .daddr = inaddr_from_v4(addr_of(&r->arp_pa)), .scope = RT_SCOPE_LINK,
			   .saddr = inaddr_from_v4((be32){ 0 }) };
	char name[sizeof r->arp_dev + 1] = "";
	struct dst *d;
	int err;

	memcpy(name, r->arp_dev, sizeof r->arp_dev);
	if (name[0]) {
		*out = dev_by_name(net, name);
		return *out ? 0 : -ENODEV;
	}
	if ((err = net->inet->af4->route_out(cpu, net, &fl, &d)))
		return err;
	*out = d->dev;
	dst_put(d);
	return 0;
}

static int arp_get(struct net_device *dev, be32 ip, struct arpreq *r)
{
	const struct neighbour *n = neigh_lookup(&arp_table, &ip, dev);

	if (!n || (n->nud_state & NUD_NOARP))
		return -ENXIO;
	memset(&r->arp_ha, 0, sizeof r->arp_ha);
	r->arp_ha.sa_family = dev->type;
	memcpy(r->arp_ha.sa_data, n->ha, MIN(dev->addr_len, sizeof r->arp_ha.sa_data));
	r->arp_flags = n->nud_state & NUD_PERMANENT ? ATF_PERM | ATF_COM
		       : n->nud_state & (NUD_REACHABLE | NUD_PROBE | NUD_STALE | NUD_DELAY) ? ATF_COM : 0;
	memset(r->arp_dev, 0, sizeof r->arp_dev);
	memcpy(r->arp_dev, dev->name, strlen(dev->name));
	return 0;
}

/* ATF_PUBL: addresses that we answer for in others' stead, on one device or on all; with a netmask of 0 for everything (proxy_arp). */
static int arp_public(struct cpu *cpu, struct netns *net, unsigned cmd, const struct arpreq *r)
{
	be32 mask = r->arp_flags & ATF_NETMASK ? addr_of(&r->arp_netmask) : BE32(0xffffffffu), ip = addr_of(&r->arp_pa);
	char name[sizeof r->arp_dev + 1] = "", path[sizeof name + 32];
	struct net_device *dev = NULL;

	memcpy(name, r->arp_dev, sizeof r->arp_dev);
	if (name[0]) {
		dev = dev_by_name(net, name);
		if (!dev)
			return -ENODEV;
		if (r->arp_flags & ATF_COM && r->arp_ha.sa_family && r->arp_ha.sa_family != dev->type)
			return -EINVAL;
	}
	if (mask.raw && mask.raw != 0xffffffffu)
		return -EINVAL;
	if (cmd == SIOCSARP && !dev && r->arp_flags & ATF_COM) { /* the device that has the address given */
		struct net_device *d;
		dev_for_each(d, net)
			if (!dev && d->type == r->arp_ha.sa_family && !memcmp(d->dev_addr, r->arp_ha.sa_data, d->addr_len))
				dev = d;
		if (!dev)
			return -ENODEV;
	}
	if (!mask.raw) {
		snprintf(path, sizeof path, "ipv4/conf/%s/proxy_arp", dev ? dev->name : "all");
		return sysctl_write(net, path, cmd == SIOCSARP ? "1" : "0", 1);
	}
	if (cmd == SIOCDARP)
		return neigh_proxy_del(net, &arp_table, &ip, dev);
	return neigh_proxy_add(net, &arp_table, &ip, dev, 0, 0) ? -ENOBUFS : 0;
}

int arp_ioctl(struct cpu *cpu, struct netns *net, unsigned cmd, void *arg, size_t len)
{
	struct net_device *dev;
	struct neighbour *n;
	struct arpreq r;
	be32 ip;
	int err;

	if (cmd != SIOCGARP && !caller_net_admin(cpu))
		return -EPERM;
	if (len < sizeof r)
		return -EFAULT;
	memcpy(&r, arg, sizeof r);
	if (r.arp_pa.sa_family != AF_INET)
		return -EPFNOSUPPORT;
	if (r.arp_flags & ATF_PUBL && cmd != SIOCGARP)
		return arp_public(cpu, net, cmd, &r);
	if (!(r.arp_flags & ATF_PUBL) && r.arp_flags & (ATF_NETMASK | ATF_DONTPUB))
		return -EINVAL;
	ip = addr_of(&r.arp_pa);
	if ((err = arp_dev(cpu, net, &r, &dev)))
		return err;
	switch (cmd) {
	case SIOCGARP:
		if (!(err = arp_get(dev, ip, &r)))
			memcpy(arg, &r, sizeof r);
		return err;
	case SIOCDARP:
		n = neigh_lookup(&arp_table, &ip, dev);
		return n && !(n->nud_state & NUD_NOARP) ? neigh_del(cpu, n) : -ENXIO;
	default:
		if (r.arp_ha.sa_family != dev->type)
			return -EINVAL;
		if (!(n = neigh_get(cpu, &arp_table, &ip, dev)))
			return -ENOBUFS;
		return neigh_update(cpu, n, r.arp_flags & ATF_COM ? (const u8 *)r.arp_ha.sa_data : NULL,
				    r.arp_flags & ATF_PERM ? NUD_PERMANENT : NUD_STALE,
				    NEIGH_UPDATE_OVERRIDE | NEIGH_UPDATE_ADMIN, 0);
	}
}
