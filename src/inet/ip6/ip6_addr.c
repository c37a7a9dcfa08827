/* IPv6 addresses of devices: adding, changing, deleting, expiring, and the routes that come with each.
 *
 * An address brings a host route (table local) once it may be used, and a prefix route (main) from the begin on unless it is not asked
 * for. The prefix route goes with the last permanent address of its prefix; one that a router advertised has a lifetime of its own.
 * RFC 4862 for lifetimes and states; duplicate detection is ip6_dad.c's.
 */
#include "inet/ip6/ip6_priv.h"

enum { SETTABLE = IFA_F_NODAD | IFA_F_HOMEADDRESS | IFA_F_MANAGETEMPADDR | IFA_F_NOPREFIXROUTE | IFA_F_MCAUTOJOIN | IFA_F_OPTIMISTIC };
enum { PREFIX_METRIC = 256 };

/* -- routes -- */

static void kernel_route(struct cpu *cpu, struct net_device *dev, u8 type, u32 table, const struct inaddr *dst, u8 len, u32 metric,
			 u64 expires, u32 rtf, bool add)
{
	const struct net_device *vrf = dev_vrf(dev); /* whose members have one table for all */
	struct fib_config c = { .family = AF_INET6, .prefix_len = len, .protocol = RTPROT_KERNEL, .type = type, .table = vrf ? vrf->l3mdev_table : table,
				.priority = metric, .dst = v6_prefix(dst, len), .oif = dev->ifindex, .expires = expires,
				.rtf = rtf | (expires ? FIB6_EXPIRES : 0) | (type == RTN_ANYCAST ? FIB6_ANYCAST : 0),
				.nl_flags = NLM_F_CREATE, .ignore_dev_down = type != RTN_UNICAST };
	if (add)
		fib_route_add(cpu, dev->net, &c); /* -EEXIST: another address asked for it before */
	else
		fib_route_del(cpu, dev->net, &c);
}

void ip6_prefix_route(struct cpu *cpu, struct net_device *dev, const struct inaddr *addr, u8 len, u32 metric, u64 expires, u32 rtf, bool add)
{
	kernel_route(cpu, dev, RTN_UNICAST, RT_TABLE_MAIN, addr, len, metric ? metric : PREFIX_METRIC, expires, rtf, add);
}

void ip6_host_route(struct cpu *cpu, struct inet6_ifaddr *ifa, bool add)
{
	kernel_route(cpu, ifa->idev->dev, RTN_LOCAL, RT_TABLE_LOCAL, &ifa->addr, 128, 0, 0, 0, add);
}

static void peer_route(struct cpu *cpu, struct inet6_ifaddr *ifa, bool add)
{
	if (!v6_is_any(&ifa->peer))
		ip6_prefix_route(cpu, ifa->idev->dev, &ifa->peer, 128, ifa->metric, 0, 0, add);
}

void ip6_group_route(struct cpu *cpu, struct net_device *dev, bool add)
{
	static const struct inaddr groups = { .b = { 0xff } };
	kernel_route(cpu, dev, RTN_MULTICAST, RT_TABLE_LOCAL, &groups, 8, PREFIX_METRIC, 0, 0, add);
}

void ip6_anycast_route(struct cpu *cpu, struct net_device *dev, const struct inaddr *a, bool add)
{
	kernel_route(cpu, dev, RTN_ANYCAST, RT_TABLE_LOCAL, a, 128, 0, 0, 0, add);
}

bool ip6_prefix_known(const struct inet6_dev *idev, const struct inaddr *a)
{
	const struct inet6_ifaddr *ifa;
	list_for_each(ifa, &idev->addrs, link) {
		struct inaddr p = v6_prefix(&ifa->addr, ifa->prefix_len), q = v6_prefix(a, ifa->prefix_len);
		if (inaddr_eq(&p, &q))
			return true;
	}
	return false;
}

/* -- telling -- */

static void changed(struct netns *net)
{
	net->ip6->priv->addr_gen++;
	fib_genid_bump6(net);
}

/* The subnet-router anycast address (RFC 4291 section 2.6.1) of a router's address. */
static void subnet_anycast(struct cpu *cpu, const struct inet6_ifaddr *ifa, bool join)
{
	struct inaddr a = v6_prefix(&ifa->addr, ifa->prefix_len);
	if (ifa->prefix_len >= 127 || v6_is_any(&a))
		return;
	if (join)
		ip6_anycast_join(cpu, ifa->idev->dev, &a);
	else
		ip6_anycast_leave(cpu, ifa->idev->dev, &a);
}

void ip6_addr_notify(struct cpu *cpu, struct inet6_ifaddr *ifa)
{
	struct net_device *dev = ifa->idev->dev;
	event_send(cpu, dev->net, EV_ADDR_ADD, ifa, AF_INET6);
	if (!(ifa->flags & IFA_F_TENTATIVE) || ifa->flags & IFA_F_OPTIMISTIC) {
		if (!ifa->notified) {
			ifa->notified = true;
			ip6_host_route(cpu, ifa, true);
			if (ip6_forwards(ifa->idev))
				subnet_anycast(cpu, ifa, true);
			peer_route(cpu, ifa, true);
		}
	}
	changed(dev->net);
}

static u64 valid_until(const struct inet6_ifaddr *ifa)
{
	return ifa->valid_lft_s == ~0u ? 0 : ifa->tstamp + ifa->valid_lft_s * NSEC_PER_SEC;
}

/* Whether a permanent address of the same prefix is left on the device; else when the last other one's validity ends (0: none). */
static bool prefix_needed(const struct inet6_ifaddr *gone, u64 *expires)
{
	struct inet6_ifaddr *a;
	*expires = 0;
	list_for_each(a, &gone->idev->addrs, link) {
		if (a == gone || a->prefix_len != gone->prefix_len || !v6_prefix_eq(&a->addr, &gone->addr, gone->prefix_len))
			continue;
		if (a->flags & (IFA_F_PERMANENT | IFA_F_NOPREFIXROUTE))
			return true;
		*expires = MAX(*expires, valid_until(a));
	}
	return false;
}

/* What Linux takes for it: the first on-link route of the prefix by the device, whoever made it and of whatever type. */
static struct fib6_alias *prefix_route_of(const struct inet6_ifaddr *ifa, const struct inaddr *addr)
{
	struct net_device *dev = ifa->idev->dev, *vrf = dev_vrf(dev);
	struct inaddr prefix = v6_prefix(addr, ifa->prefix_len);
	return fib6_route_of(dev->net, vrf ? vrf->l3mdev_table : RT_TABLE_MAIN, &prefix, ifa->prefix_len, dev, NULL, 0);
}

/* Nobody needs it any more, but for addresses that end themselves (expires, 0: there are none). */
static void give_up_prefix_route(struct cpu *cpu, const struct inet6_ifaddr *ifa, u64 expires)
{
	struct fib6_alias *route = prefix_route_of(ifa, &ifa->addr);
	if (route && expires)
		fib6_route_refresh(ifa->idev->dev->net, route, route->pref, expires);
	else if (route)
		fib6_route_del_alias(cpu, ifa->idev->dev->net, &route->a, false);
}

/* After a change of its address: another metric makes it another route. */
static void renew_prefix_route(struct cpu *cpu, const struct inet6_ifaddr *ifa, const struct inaddr *addr, bool had, u64 expires)
{
	struct net_device *dev = ifa->idev->dev;
	struct fib6_alias *route = had ? prefix_route_of(ifa, addr) : NULL;
	if (route && route->metric == (ifa->metric ? ifa->metric : PREFIX_METRIC)) {
		fib6_route_refresh(dev->net, route, route->pref, expires);
		return;
	}
	if (route)
		fib6_route_del_alias(cpu, dev->net, &route->a, false);
	ip6_prefix_route(cpu, dev, addr, ifa->prefix_len, ifa->metric, expires, 0, true);
}

/* Off its device, with its routes; freed. for_good: not because the device went down, which leaves routes their source. */
static void drop(struct cpu *cpu, struct inet6_ifaddr *ifa, bool for_good)
{
	struct inet6_dev *idev = ifa->idev;
	struct net_device *dev = idev->dev;
	struct inet6_ifaddr *t;
	bool needed = true;
	u64 expires = 0;

	if (ifa->flags & IFA_F_PERMANENT && !(ifa->flags & IFA_F_NOPREFIXROUTE))
		needed = prefix_needed(ifa, &expires);
	timer_cancel(&ifa->dad_timer);
	list_del(&ifa->link);
	htable_del(&dev->net->ip6->local, &ifa->node);
	list_for_each(t, &idev->addrs, link)
		if (t->pub == ifa)
			t->pub = NULL;
	event_send(cpu, dev->net, EV_ADDR_DEL, ifa, AF_INET6);
	if (!idev->dead) {
		if (ifa->notified && ip6_forwards(idev))
			subnet_anycast(cpu, ifa, false);
		ip6_solicited_leave(cpu, ifa);
	}
	if (ifa->notified) {
		peer_route(cpu, ifa, false);
		ip6_host_route(cpu, ifa, false);
	}
	if (!needed)
		give_up_prefix_route(cpu, ifa, expires);
	if (for_good)
		fib6_prefsrc_gone(dev->net, &ifa->addr);
	changed(dev->net);
	mem_free(&cpu->world->mem, ifa);
}

void ip6_addr_drop(struct cpu *cpu, struct inet6_ifaddr *ifa) { drop(cpu, ifa, true); }

/* keep: what keep_addr_on_down keeps. */
void ip6_addrs_purge(struct cpu *cpu, struct inet6_dev *idev, bool keep)
{
	struct inet6_ifaddr *a, *tmp;
	list_for_each_safe(a, tmp, &idev->addrs, link) {
		bool stays = keep && ip6_conf_any(idev, IP6_CONF_KEEP_ADDR_ON_DOWN) && a->flags & IFA_F_PERMANENT && !v6_is_linklocal(&a->addr) &&
			     !v6_is_loopback(&a->addr);
		if (!stays) {
			drop(cpu, a, false);
			continue;
		}
		timer_cancel(&a->dad_timer);
		if (!(a->flags & IFA_F_NODAD))
			a->flags |= IFA_F_TENTATIVE;
		a->state = IP6_DAD_DONE;
		if (a->notified && ip6_forwards(idev))
			subnet_anycast(cpu, a, false);
		a->notified = false;
		peer_route(cpu, a, false);
		ip6_host_route(cpu, a, false);
		ip6_solicited_leave(cpu, a);
	}
}

/* -- lifetimes -- */

static u64 ends_at(const struct inet6_ifaddr *a)
{
	u64 valid = a->valid_lft_s == ~0u ? UINT64_MAX : a->tstamp + a->valid_lft_s * NSEC_PER_SEC;
	u64 pref = UINT64_MAX;
	if (a->preferred_lft_s != ~0u && !(a->flags & IFA_F_DEPRECATED)) {
		pref = a->tstamp + a->preferred_lft_s * NSEC_PER_SEC;
		if (a->flags & IFA_F_TEMPORARY && !a->regenerated && pref > a->tstamp + a->regen_advance_ns)
			pref -= a->regen_advance_ns;
	}
	return MIN(valid, pref);
}

void ip6_addr_arm(struct netns *net)
{
	u64 next = UINT64_MAX, cursor = 0;
	for (struct hnode *n = htable_walk(&net->ip6->local, &cursor, NULL); n; n = htable_walk(&net->ip6->local, &cursor, n))
		next = MIN(next, ends_at(container_of(n, struct inet6_ifaddr, node)));
	if (next == UINT64_MAX)
		timer_cancel(&net->ip6->priv->addr_timer);
	else
		cpu_timer_arm(net->home, &net->ip6->priv->addr_timer, MAX(next, net->home->now + 1));
}

/* One thing that is due on dev. False: nothing more. */
static bool one_due(struct cpu *cpu, struct net_device *dev)
{
	struct inet6_ifaddr *a;
	list_for_each(a, &in6_dev_get(dev)->addrs, link) {
		if (ends_at(a) > cpu->now)
			continue;
		if (a->valid_lft_s != ~0u && a->tstamp + a->valid_lft_s * NSEC_PER_SEC <= cpu->now) {
			ip6_addr_drop(cpu, a);
		} else if (a->tstamp + a->preferred_lft_s * NSEC_PER_SEC <= cpu->now) {
			a->flags |= IFA_F_DEPRECATED;
			ip6_addr_notify(cpu, a);
		} else { /* a temporary address whose successor is due */
			a->regenerated = true;
			if (a->pub)
				ip6_temp_make(cpu, a->pub);
		}
		return true;
	}
	return false;
}

void ip6_addr_timer(void *owner, struct timer *t)
{
	struct cpu *cpu = owner;
	struct netns *net;
	struct net_device *dev;
	list_for_each(net, &cpu->world->netns_list, world_link)
		if (net->ip6 && net->ip6->priv && &net->ip6->priv->addr_timer == t)
			break;
	dev_for_each(dev, net)
		while (in6_dev_get(dev) && one_due(cpu, dev))
			;
	ip6_addr_arm(net);
}

void ip6_addr_set_lifetime(struct cpu *cpu, struct inet6_ifaddr *ifa, u32 valid, u32 preferred)
{
	ifa->flags &= ~(u32)(IFA_F_PERMANENT | IFA_F_DEPRECATED);
	ifa->valid_lft_s = valid;
	ifa->preferred_lft_s = preferred;
	if (valid == ~0u)
		ifa->flags |= IFA_F_PERMANENT;
	if (!preferred)
		ifa->flags |= IFA_F_DEPRECATED;
	ifa->tstamp = cpu->now;
	if (!ifa->cstamp)
		ifa->cstamp = cpu->now;
}

/* -- changes -- */

struct inet6_ifaddr *ip6_addr_new(struct cpu *cpu, struct inet6_dev *idev, const struct inet6_ifaddr_config *c, struct nl_ext_ack *ack, int *err)
{
	struct netns *net = idev->dev->net;
	struct inet6_ifaddr *ifa, *a;
	struct list *before = &idev->addrs;
	u8 scope = v6_is_multicast(&c->addr) ? (u8)v6_mc_scope(&c->addr) : v6_is_loopback(&c->addr) ? 1 : v6_is_linklocal(&c->addr) ? 2 :
		   c->addr.b[0] == 0xfe && (c->addr.b[1] & 0xc0) == 0xc0 ? 5 : 14;
	static const u8 rt_scope[16] = { [1] = RT_SCOPE_HOST, [2] = RT_SCOPE_LINK, [5] = RT_SCOPE_SITE };

	if (v6_is_any(&c->addr) || (v6_is_multicast(&c->addr) && !(c->flags & IFA_F_MCAUTOJOIN)) ||
	    (!(idev->dev->flags & IFF_LOOPBACK) && v6_is_loopback(&c->addr))) {
		if (v6_is_multicast(&c->addr))
			NL_SET_ERR(ack, "ipv6: Cannot assign multicast address without \"IFA_F_MCAUTOJOIN\" flag");
		else if (v6_is_any(&c->addr))
			NL_SET_ERR(ack, "ipv6: Invalid address");
		else
			NL_SET_ERR(ack, "ipv6: Cannot assign loopback address on this device");
		*err = -EADDRNOTAVAIL;
		return NULL;
	}
	if (ip6_ifaddr_find(net, &c->addr, idev->dev, 0)) {
		NL_SET_ERR(ack, "ipv6: address already assigned");
		*err = -EEXIST;
		return NULL;
	}
	ifa = mem_zalloc(&cpu->world->mem, sizeof(*ifa));
	if (!ifa) {
		*err = -ENOBUFS;
		return NULL;
	}
	*ifa = (struct inet6_ifaddr){ .idev = idev, .addr = c->addr, .prefix_len = c->prefix_len, .scope = rt_scope[scope], .proto = c->proto,
				      .flags = c->flags & (SETTABLE | IFA_F_TEMPORARY | IFA_F_STABLE_PRIVACY), .metric = c->metric };
	if (c->has_peer)
		ifa->peer = c->peer;
	ip6_addr_set_lifetime(cpu, ifa, c->valid_lft_s, c->preferred_lft_s);
	if (!(ifa->flags & IFA_F_NODAD))
		ifa->flags |= IFA_F_TENTATIVE;
	timer_init(&ifa->dad_timer, ip6_dad_timer);
	list_init(&ifa->link);
	list_for_each(a, &idev->addrs, link) {
		u8 s = a->scope == RT_SCOPE_HOST ? 1 : a->scope == RT_SCOPE_LINK ? 2 : a->scope == RT_SCOPE_SITE ? 5 : 14;
		if (scope >= s) {
			before = &a->link;
			break;
		}
	}
	list_add_tail(before, &ifa->link);
	htable_add(&net->ip6->local, &ifa->node, addr6_hash(net, &ifa->addr));
	return ifa;
}

static int change(struct cpu *cpu, struct inet6_ifaddr *ifa, const struct inet6_ifaddr_config *c, struct nl_ext_ack *ack)
{
	struct net_device *dev = ifa->idev->dev;
	bool had_route = (ifa->flags & (IFA_F_PERMANENT | IFA_F_NOPREFIXROUTE)) == IFA_F_PERMANENT, was_temp = ifa->flags & IFA_F_MANAGETEMPADDR;
	u64 expires;

	if (c->flags & IFA_F_MANAGETEMPADDR && (ifa->flags & IFA_F_TEMPORARY || ifa->prefix_len != 64)) {
		NL_SET_ERR(ack, "ipv6: address with \"mngtmpaddr\" flag must have a prefix length of 64");
		return -EINVAL;
	}
	ifa->flags = (ifa->flags & ~(u32)(SETTABLE)) | (c->flags & SETTABLE);
	ip6_addr_set_lifetime(cpu, ifa, c->valid_lft_s, c->preferred_lft_s);
	if (c->metric)
		ifa->metric = c->metric;
	ifa->proto = c->proto;
	if (c->has_peer)
		ifa->peer = c->peer;
	if (!(ifa->flags & IFA_F_TENTATIVE))
		event_send(cpu, dev->net, EV_ADDR_ADD, ifa, AF_INET6);
	changed(dev->net);
	if (!(c->flags & IFA_F_NOPREFIXROUTE)) {
		expires = valid_until(ifa);
		renew_prefix_route(cpu, ifa, &ifa->addr, had_route, expires);
		if (!v6_is_any(&ifa->peer))
			renew_prefix_route(cpu, ifa, &ifa->peer, had_route, expires);
	} else if (had_route && !prefix_needed(ifa, &expires)) {
		give_up_prefix_route(cpu, ifa, expires);
	}
	if (c->flags & IFA_F_MANAGETEMPADDR && !was_temp)
		ip6_temp_make(cpu, ifa);
	ip6_addr_arm(dev->net);
	return 0;
}

int ip6_addr_add(struct cpu *cpu, struct net_device *dev, const struct inet6_ifaddr_config *c, struct nl_ext_ack *ack)
{
	struct inet6_ifaddr *ifa = ip6_ifaddr_find(dev->net, &c->addr, dev, 0);
	struct inet6_ifaddr_config own = *c;
	struct inet6_dev *idev = in6_dev_get_or_new(dev);
	int err;

	if (!idev)
		return -EINVAL;
	if (ifa) {
		if (c->excl || !c->replace) {
			NL_SET_ERR(ack, "ipv6: address already assigned");
			return -EEXIST;
		}
		return change(cpu, ifa, c, ack);
	}
	if (c->prefix_len > 128) {
		NL_SET_ERR(ack, "ipv6: Invalid prefix length");
		return -EINVAL;
	}
	if (c->flags & IFA_F_MANAGETEMPADDR && c->prefix_len != 64) {
		NL_SET_ERR(ack, "ipv6: address with \"mngtmpaddr\" flag must have a prefix length of 64");
		return -EINVAL;
	}
	if (dev->ops->addr_add && (err = dev->ops->addr_add(dev, c->addr.b, ack)))
		return err;
	if (idev->conf.v[IP6_CONF_DISABLE_IPV6]) {
		NL_SET_ERR(ack, "ipv6: IPv6 is disabled on this device");
		return -EACCES;
	}
	if (dev->flags & IFF_MULTICAST && !(dev->flags & IFF_LOOPBACK) && dev->flags & IFF_UP)
		ip6_group_route(cpu, dev, true);
	own.flags &= SETTABLE;
	if (c->flags & IFA_F_MCAUTOJOIN && (err = ip6_mc_join(cpu, dev, &c->addr))) { /* ip addr add GROUP dev DEV autojoin */
		NL_SET_ERR(ack, "ipv6: Multicast auto join failed");
		return err;
	}
	ifa = ip6_addr_new(cpu, idev, &own, ack, &err);
	if (!ifa)
		return err;
	if (!(c->flags & IFA_F_NOPREFIXROUTE))
		ip6_prefix_route(cpu, dev, &ifa->addr, ifa->prefix_len, ifa->metric, valid_until(ifa), 0, true);
	if (!(ifa->flags & (IFA_F_OPTIMISTIC | IFA_F_NODAD)))
		event_send(cpu, dev->net, EV_ADDR_ADD, ifa, AF_INET6);
	ip6_dad_start(cpu, ifa);
	ifa = ip6_ifaddr_find(dev->net, &c->addr, dev, 0); /* gone again, when the link is not there */
	if (ifa && c->flags & IFA_F_MANAGETEMPADDR)
		ip6_temp_make(cpu, ifa);
	ip6_addr_arm(dev->net);
	return 0;
}

int ip6_addr_del(struct cpu *cpu, struct net_device *dev, const struct inaddr *addr, u8 prefix_len, struct nl_ext_ack *ack)
{
	struct inet6_dev *idev = in6_dev_get(dev);
	struct inet6_ifaddr *a, *t, *tmp;
	if (prefix_len > 128) {
		NL_SET_ERR(ack, "ipv6: Invalid prefix length");
		return -EINVAL;
	}
	if (!idev) {
		NL_SET_ERR(ack, "ipv6: IPv6 is disabled on this device");
		return -ENXIO;
	}
	list_for_each(a, &idev->addrs, link) {
		if (a->prefix_len != prefix_len || !inaddr_eq(&a->addr, addr))
			continue;
		if (a->flags & IFA_F_MANAGETEMPADDR) {
			list_for_each_safe(t, tmp, &idev->addrs, link)
				if (t->pub == a)
					ip6_addr_drop(cpu, t);
		}
		if (a->flags & IFA_F_MCAUTOJOIN)
			ip6_mc_leave(cpu, dev, addr);
		ip6_addr_drop(cpu, a);
		ip6_addr_arm(dev->net);
		return 0;
	}
	NL_SET_ERR(ack, "ipv6: address not found");
	return -EADDRNOTAVAIL;
}

/* -- questions -- */

struct inet6_ifaddr *ip6_ifaddr_find(struct netns *net, const struct inaddr *addr, const struct net_device *dev, u32 banned)
{
	struct inet6_ifaddr *a;
	htable_for_each_match(a, &net->ip6->local, addr6_hash(net, addr), node) {
		u32 flags = a->flags & IFA_F_OPTIMISTIC && ip6_conf_any(a->idev, IP6_CONF_USE_OPTIMISTIC) ? a->flags & ~(u32)IFA_F_TENTATIVE : a->flags;
		if (inaddr_eq(&a->addr, addr) && (!dev || a->idev->dev == dev) && !(flags & banned))
			return a;
	}
	return NULL;
}

struct inet6_ifaddr *ip6_ifaddr_find_for(struct netns *net, const struct inaddr *addr, struct net_device *dev, u32 banned)
{
	const struct net_device *vrf = dev ? dev_vrf(dev) : NULL;
	bool strict = dev && (v6_is_linklocal(addr) || v6_is_loopback(addr));
	struct inet6_ifaddr *a;
	htable_for_each_match(a, &net->ip6->local, addr6_hash(net, addr), node)
		if (inaddr_eq(&a->addr, addr) && dev_vrf(a->idev->dev) == vrf && (!strict || a->idev->dev == dev) && !(a->flags & banned))
			return a;
	return NULL;
}

struct inet6_ifaddr *ip6_linklocal_of(const struct inet6_dev *idev, u32 banned)
{
	struct inet6_ifaddr *a, *found = NULL;
	list_for_each(a, &idev->addrs, link)
		if (a->scope == RT_SCOPE_LINK && !(a->flags & banned))
			found = a; /* the oldest one, which stands last */
	return found;
}
