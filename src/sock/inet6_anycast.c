/* Anycast addresses (RFC 4291 section 2.6) that AF_INET6 sockets joined: IPV6_JOIN_ANYCAST. The device's own list, counted over all
 * sockets, is inet/ip6's. */
#include "inet/ip6/ip6.h"
#include "link/netns_dev.h"
#include "sock/inet_sock.h"

struct anycast {
	struct list link; /* inet6_opts.anycasts */
	struct inaddr addr;
	s32 ifindex;
};

/* The device of an anycast address for which none was named: that of the route to it; without one, a router takes any. */
static int anycast_dev(struct cpu *cpu, struct inet_sock *inet, const struct inaddr *a, s32 ifindex, struct net_device **out)
{
	struct netns *net = inet->sk.net;
	struct flow fl = { .family = AF_INET6, .daddr = *a, .flags = FLOW_ANYSRC };
	struct net_device *dev = NULL;
	struct dst *d;

	if (ifindex) {
		dev = dev_by_index(net, ifindex);
	} else if (!net->inet->af6->route_out(cpu, net, &fl, &d)) {
		dev = d->dev;
		dst_put(d);
	} else if (!net->ip6->conf_all.v[IP6_CONF_FORWARDING]) {
		return -EADDRNOTAVAIL;
	} else {
		dev_for_each(dev, net)
			if (dev->flags & IFF_UP && !(dev->flags & IFF_LOOPBACK))
				break;
	}
	*out = dev;
	return dev ? 0 : -ENODEV;
}

int inet6_anycast_join(struct cpu *cpu, struct inet_sock *inet, const struct inaddr *addr, s32 ifindex)
{
	struct net_device *dev = ifindex ? dev_by_index(inet->sk.net, ifindex) : NULL;
	struct inet6_dev *idev;
	struct anycast *a;
	int err;

	if (v6_is_multicast(addr) || ip6_ifaddr_find(inet->sk.net, addr, dev, IFA_F_TENTATIVE))
		return -EINVAL;
	if ((err = anycast_dev(cpu, inet, addr, ifindex, &dev)))
		return err;
	idev = in6_dev_get(dev);
	if (!idev)
		return ifindex ? -ENODEV : -EADDRNOTAVAIL;
	if (!ip6_forwards(idev) && !ip6_prefix_known(idev, addr))
		return -EADDRNOTAVAIL;
	if (!(a = mem_zalloc(cpu_mem(cpu), sizeof *a)))
		return -ENOMEM;
	if ((err = ip6_anycast_join(cpu, dev, addr))) {
		mem_free(cpu_mem(cpu), a);
		return err;
	}
	a->addr = *addr;
	a->ifindex = dev->ifindex;
	list_add_head(&inet->v6->anycasts, &a->link);
	inet->sk.omem_alloc += sizeof *a;
	return 0;
}

static void anycast_drop(struct cpu *cpu, struct inet_sock *inet, struct anycast *a)
{
	struct net_device *dev = dev_by_index(inet->sk.net, a->ifindex);
	if (dev)
		ip6_anycast_leave(cpu, dev, &a->addr);
	list_del(&a->link);
	inet->sk.omem_alloc -= sizeof *a;
	mem_free(cpu_mem(cpu), a);
}

int inet6_anycast_leave(struct cpu *cpu, struct inet_sock *inet, const struct inaddr *addr, s32 ifindex)
{
	struct anycast *a;
	list_for_each(a, &inet->v6->anycasts, link)
		if (inaddr_eq(&a->addr, addr) && (!ifindex || a->ifindex == ifindex)) {
			anycast_drop(cpu, inet, a);
			return 0;
		}
	return -ENOENT;
}

void inet6_anycast_leave_all(struct cpu *cpu, struct inet_sock *inet)
{
	while (!list_empty(&inet->v6->anycasts))
		anycast_drop(cpu, inet, list_first(&inet->v6->anycasts, struct anycast, link));
}
