/* IPv4 addresses of devices: adding, changing, deleting, expiring, and the routes that come with each.
 *
 * The first address of a subnet on a device is its primary, further ones are secondaries. A primary that goes takes its
 * secondaries along, unless promote_secondaries lets the first of them take its place. An address asks for up to four routes
 * (see asked_routes); a route is deleted when no other address of the device asks for the same one. Secondaries' routes
 * prefer their primary's address as source, so at a promotion all of the subnet's are made anew.
 */
#include "inet/ip4/ip4_priv.h"

/* -- routes -- */

enum { ROUTES_MAX = 4 };

static struct in_ifaddr *primary_of(const struct in_device *idev, const struct in_ifaddr *ifa)
{
	struct in_ifaddr *p;
	list_for_each(p, &idev->addrs, link)
		if (!(p->flags & IFA_F_SECONDARY) && p->prefix_len == ifa->prefix_len &&
		    in_prefix(ifa->address, p->address, ifa->prefix_len))
			return p;
	return NULL;
}

/* What an address asks for, given its primary: itself, its broadcast address, its subnet, the subnet's broadcast address. */
static unsigned asked_routes(const struct in_device *idev, const struct in_ifaddr *ifa, const struct in_ifaddr *prim,
			     struct fib_local_route r[ROUTES_MAX])
{
	be32 mask = prefix_mask(ifa->prefix_len), subnet = { ifa->address.raw & mask.raw }, brd = { subnet.raw | ~mask.raw };
	struct inaddr src = inaddr_from_v4(prim->local);
	bool secondary = ifa->flags & IFA_F_SECONDARY;
	unsigned n = 0;

	r[n++] = (struct fib_local_route){ RTN_LOCAL, 32, inaddr_from_v4(ifa->local), src, 0 };
	if (!(idev->dev->flags & IFF_UP))
		return n;
	if (ifa->broadcast.raw && !v4_is_broadcast(ifa->broadcast))
		r[n++] = (struct fib_local_route){ RTN_BROADCAST, 32, inaddr_from_v4(ifa->broadcast), src, 0 };
	if (v4_is_zeronet(subnet) || secondary || (be32_eq(subnet, ifa->local) && ifa->prefix_len == 32))
		return n;
	if (!(ifa->flags & IFA_F_NOPREFIXROUTE))
		r[n++] = (struct fib_local_route){ idev->dev->flags & IFF_LOOPBACK ? RTN_LOCAL : RTN_UNICAST, ifa->prefix_len,
						   inaddr_from_v4(subnet), src, ifa->metric };
	if (ifa->prefix_len < 31 && !be32_eq(brd, ifa->broadcast))
		r[n++] = (struct fib_local_route){ RTN_BROADCAST, 32, inaddr_from_v4(brd), src, 0 };
	return n;
}

static void routes_add(struct cpu *cpu, struct in_device *idev, struct in_ifaddr *ifa)
{
	struct fib_local_route r[ROUTES_MAX];
	struct in_ifaddr *prim = ifa->flags & IFA_F_SECONDARY ? primary_of(idev, ifa) : ifa;
	unsigned n = prim ? asked_routes(idev, ifa, prim, r) : 0;
	for (unsigned i = 0; i < n; i++)
		fib_kernel_route_add(cpu, idev->dev, &r[i]);
}

static bool same_route(const struct fib_local_route *a, const struct fib_local_route *b)
{
	return a->type == b->type && a->prefix_len == b->prefix_len && inaddr_eq(&a->dst, &b->dst) &&
	       inaddr_eq(&a->prefsrc, &b->prefsrc) && a->priority == b->priority;
}

/* prim: whose subnet ifa belonged to. Addresses of `subnet_of`'s subnet do not count as askers: their routes are to be remade. */
static void routes_del(struct cpu *cpu, struct in_device *idev, struct in_ifaddr *ifa, struct in_ifaddr *prim,
		       const struct in_ifaddr *subnet_of)
{
	struct fib_local_route r[ROUTES_MAX], o[ROUTES_MAX];
	unsigned n = asked_routes(idev, ifa, prim, r), gone = (1u << n) - 1;
	bool on_device = false;
	struct in_ifaddr *other;
	list_for_each(other, &idev->addrs, link) {
		struct in_ifaddr *p = other->flags & IFA_F_SECONDARY ? primary_of(idev, other) : other;
		unsigned m;
		if (other == ifa) {
			on_device = true;
			continue;
		}
		if (!p || (subnet_of && other->prefix_len == subnet_of->prefix_len &&
			   in_prefix(other->address, subnet_of->address, other->prefix_len)))
			continue;
		m = asked_routes(idev, other, p, o);
		for (unsigned i = 0; i < n; i++)
			for (unsigned j = 0; j < m; j++)
				if (same_route(&r[i], &o[j]))
					gone &= ~(1u << i);
	}
	/* Linux's order: the subnet, broadcasts, and last the address itself: while it is there, the others' source is valid. */
	for (unsigned i = 1; i < n; i++)
		if (gone & 1u << i && r[i].type != RTN_BROADCAST)
			fib_kernel_route_del(cpu, idev->dev, &r[i]);
	for (unsigned i = 1; i < n; i++)
		if (gone & 1u << i && r[i].type == RTN_BROADCAST)
			fib_kernel_route_del(cpu, idev->dev, &r[i]);
	if (gone & 1)
		fib_kernel_route_del(cpu, idev->dev, &r[0]);
	if (gone & 1 && !on_device && fib_addr_type(idev->dev->net, dev_vrf(idev->dev), &r[0].dst) != RTN_LOCAL)
		fib_prefsrc_gone(cpu, idev->dev->net, &r[0].dst);
}

/* -- events -- */

static void announce_new(struct cpu *cpu, struct in_ifaddr *ifa)
{
	struct net_device *dev = ifa->idev->dev;
	event_send(cpu, dev->net, EV_ADDR_ADD, ifa, AF_INET); /* before its routes are told of, as Linux does */
	routes_add(cpu, ifa->idev, ifa);
	fib_dev_up(cpu, dev, AF_INET, RTNH_F_DEAD);
	fib_genid_bump(dev->net);
}

static void remove_one(struct cpu *cpu, struct in_ifaddr *ifa, struct in_ifaddr *prim)
{
	struct in_device *idev = ifa->idev;
	struct net_device *dev = idev->dev;
	list_del(&ifa->link);
	htable_del(&dev->net->ip4->local, &ifa->node);
	event_send(cpu, dev->net, EV_ADDR_DEL, ifa, AF_INET);
	routes_del(cpu, idev, ifa, prim, NULL);
	if (list_empty(&idev->addrs) && !idev->dead) {
		fib_dev_down(cpu, dev, AF_INET, FIB_DOWN_FORCE);
		neigh_ifdown(cpu, &arp_table, dev);
	}
	fib_genid_bump(dev->net);
}

static bool same_subnet(const struct in_ifaddr *a, const struct in_ifaddr *b)
{
	return a->prefix_len == b->prefix_len && in_prefix(a->address, b->address, b->prefix_len);
}

static void promote(struct cpu *cpu, struct in_device *idev, struct in_ifaddr *heir)
{
	struct in_ifaddr *a;
	struct list *behind = &idev->addrs;
	list_del(&heir->link);
	list_for_each(a, &idev->addrs, link)
		if (!(a->flags & IFA_F_SECONDARY))
			behind = &a->link;
	list_add_head(behind, &heir->link);
	heir->flags &= ~(u32)IFA_F_SECONDARY;
	announce_new(cpu, heir);
	list_for_each(a, &idev->addrs, link)
		if (a != heir && a->flags & IFA_F_SECONDARY && same_subnet(a, heir))
			routes_add(cpu, idev, a);
}

static void delete(struct cpu *cpu, struct in_ifaddr *ifa)
{
	struct in_device *idev = ifa->idev;
	struct mem *mem = &cpu->world->mem;
	bool primary = !(ifa->flags & IFA_F_SECONDARY);
	bool keep = ip4_conf_get(idev->dev, IP4_CONF_PROMOTE_SECONDARIES);
	struct in_ifaddr *a, *tmp, *heir = NULL;

	if (primary) {
		list_for_each_safe(a, tmp, &idev->addrs, link) {
			if (!(a->flags & IFA_F_SECONDARY) || !same_subnet(a, ifa))
				continue;
			if (keep) {
				heir = heir ? heir : a;
				routes_del(cpu, idev, a, ifa, ifa);
			} else {
				remove_one(cpu, a, ifa);
				mem_free(mem, a);
			}
		}
	}
	remove_one(cpu, ifa, primary ? ifa : (a = primary_of(idev, ifa)) ? a : ifa);
	if (heir)
		promote(cpu, idev, heir);
	mem_free(mem, ifa);
}

/* The device ends: no secondary takes over, and each is told by itself; their routes go with the device's, untold. */
void ip4_addrs_purge(struct cpu *cpu, struct in_device *idev)
{
	while (!list_empty(&idev->addrs)) {
		struct in_ifaddr *ifa = list_first(&idev->addrs, struct in_ifaddr, link);
		if (ifa->flags & IFA_F_SECONDARY) {
			list_del(&ifa->link);
			htable_del(&idev->dev->net->ip4->local, &ifa->node);
			event_send(cpu, idev->dev->net, EV_ADDR_DEL, ifa, AF_INET);
		} else {
			remove_one(cpu, ifa, ifa);
		}
		mem_free(&cpu->world->mem, ifa);
	}
	fib_genid_bump(idev->dev->net);
}

void ip4_addrs_link_up(struct cpu *cpu, struct in_device *idev)
{
	struct in_ifaddr *ifa;
	list_for_each(ifa, &idev->addrs, link)
		routes_add(cpu, idev, ifa);
}

/* -- lifetimes -- */

static u64 ends_at(const struct in_ifaddr *ifa)
{
	u64 valid = ifa->valid_lft_s == ~0u ? UINT64_MAX : ifa->tstamp + ifa->valid_lft_s * NSEC_PER_SEC;
	u64 pref = ifa->preferred_lft_s == ~0u || ifa->flags & IFA_F_DEPRECATED ? UINT64_MAX :
										   ifa->tstamp + ifa->preferred_lft_s * NSEC_PER_SEC;
	return MIN(valid, pref);
}

static void arm_lifetimes(struct netns *net)
{
	u64 next = UINT64_MAX, cursor = 0;
	for (struct hnode *n = htable_walk(&net->ip4->local, &cursor, NULL); n; n = htable_walk(&net->ip4->local, &cursor, n))
		next = MIN(next, ends_at(container_of(n, struct in_ifaddr, node)));
	if (next == UINT64_MAX)
		timer_cancel(&net->ip4->priv->addr_timer);
	else
		cpu_timer_arm(net->home, &net->ip4->priv->addr_timer, next);
}

void ip4_addr_timer(void *owner, struct timer *t)
{
	struct cpu *cpu = owner;
	struct netns *net;
	struct net_device *dev;
	list_for_each(net, &cpu->world->netns_list, world_link)
		if (net->ip4 && net->ip4->priv && &net->ip4->priv->addr_timer == t)
			break;
	dev_for_each(dev, net) {
		struct in_ifaddr *a, *tmp;
		bool again = true;
		while (again && dev->ip_ptr) {
			again = false;
			list_for_each_safe(a, tmp, &dev->ip_ptr->addrs, link) {
				if (ends_at(a) > cpu->now)
					continue;
				again = true;
				if (a->valid_lft_s != ~0u && a->tstamp + a->valid_lft_s * NSEC_PER_SEC <= cpu->now) {
					delete(cpu, a);
				} else {
					a->flags |= IFA_F_DEPRECATED;
					event_send(cpu, net, EV_ADDR_ADD, a, AF_INET);
				}
				break;
			}
		}
	}
	arm_lifetimes(net);
}

static void set_lifetime(struct cpu *cpu, struct in_ifaddr *ifa, u32 valid, u32 preferred)
{
	ifa->flags &= ~(u32)(IFA_F_PERMANENT | IFA_F_DEPRECATED);
	ifa->valid_lft_s = valid;
	if (valid == ~0u)
		ifa->flags |= IFA_F_PERMANENT;
	if (!preferred)
		ifa->flags |= IFA_F_DEPRECATED;
	ifa->preferred_lft_s = preferred;
	ifa->tstamp = cpu->now;
	if (!ifa->cstamp)
		ifa->cstamp = cpu->now;
}

/* -- changes -- */

static struct in_ifaddr *find_same(const struct in_device *idev, const struct in_ifaddr_config *c)
{
	struct in_ifaddr *a;
	list_for_each(a, &idev->addrs, link)
		if (a->prefix_len == c->prefix_len && be32_eq(a->local, c->local) &&
		    in_prefix(a->address, c->address, c->prefix_len))
			return a;
	return NULL;
}

/* Where Linux puts it: a primary behind the last primary of at least its scope, a secondary at the end. */
static int place(struct in_device *idev, struct in_ifaddr *ifa, struct nl_ext_ack *ack)
{
	struct in_ifaddr *a;
	struct list *behind = &idev->addrs;
	ifa->flags &= ~(u32)IFA_F_SECONDARY;
	list_for_each(a, &idev->addrs, link) {
		if (!(a->flags & IFA_F_SECONDARY) && ifa->scope <= a->scope)
			behind = &a->link;
		if (!same_subnet(ifa, a))
			continue;
		if (be32_eq(a->local, ifa->local)) {
			NL_SET_ERR(ack, "ipv4: Address already assigned");
			return -EEXIST;
		}
		if (a->scope != ifa->scope) {
			NL_SET_ERR(ack, "ipv4: Invalid scope value");
			return -EINVAL;
		}
		ifa->flags |= IFA_F_SECONDARY;
	}
	if (ifa->flags & IFA_F_SECONDARY)
		list_add_tail(&idev->addrs, &ifa->link);
	else
		list_add_head(behind, &ifa->link);
	return 0;
}

static int change(struct cpu *cpu, struct in_ifaddr *ifa, const struct in_ifaddr_config *c, struct nl_ext_ack *ack)
{
	struct net_device *dev = ifa->idev->dev;
	if (c->excl || !c->replace) {
		NL_SET_ERR(ack, "ipv4: Address already assigned");
		return -EEXIST;
	}
	if (ifa->metric != c->metric) {
		struct fib_local_route r[ROUTES_MAX];
		unsigned n = asked_routes(ifa->idev, ifa, ifa, r);
		ifa->metric = c->metric;
		routes_add(cpu, ifa->idev, ifa);
		for (unsigned i = 0; i < n; i++)
			if (r[i].priority != c->metric && r[i].prefix_len == ifa->prefix_len && r[i].type != RTN_BROADCAST && i)
				fib_kernel_route_del(cpu, dev, &r[i]);
	}
	ifa->proto = c->proto;
	set_lifetime(cpu, ifa, c->valid_lft_s, c->preferred_lft_s);
	arm_lifetimes(dev->net);
	event_send(cpu, dev->net, EV_ADDR_ADD, ifa, AF_INET);
	return 0;
}

int ip4_addr_add(struct cpu *cpu, struct net_device *dev, const struct in_ifaddr_config *c, struct nl_ext_ack *ack)
{
	struct in_device *idev;
	struct in_ifaddr *ifa;
	int err;

	if (c->prefix_len > 32)
		return -EINVAL;
	if (!c->local.raw) /* accepted, and no address, on Linux too */
		return 0;
	idev = in_dev_get_or_new(dev);
	if (!idev)
		return -ENOBUFS;
	ifa = find_same(idev, c);
	if (ifa)
		return change(cpu, ifa, c, ack);
	if (dev->ops->addr_add) {
		struct inaddr a = inaddr_from_v4(c->local);
		if ((err = dev->ops->addr_add(dev, a.b, ack)))
			return err;
	}
	ifa = mem_zalloc(&cpu->world->mem, sizeof(*ifa));
	if (!ifa)
		return -ENOBUFS;
	if (c->flags & IFA_F_MCAUTOJOIN && (err = ip4_mc_join(cpu, dev, c->local))) { /* ip addr add GROUP dev DEV autojoin */
		NL_SET_ERR(ack, "ipv4: Multicast auto join failed");
		mem_free(&cpu->world->mem, ifa);
		return err;
	}
	*ifa = (struct in_ifaddr){ .idev = idev, .local = c->local, .address = c->address, .broadcast = c->broadcast,
				   .prefix_len = c->prefix_len, .scope = c->has_scope ? c->scope : RT_SCOPE_UNIVERSE, .flags = c->flags,
				   .metric = c->metric, .proto = c->proto };
	if (!c->has_scope && v4_is_loopback(ifa->local))
		ifa->scope = RT_SCOPE_HOST;
	if (c->label)
		memcpy(ifa->label, c->label, strnlen(c->label, DEV_NAME_SIZE - 1));
	else
		memcpy(ifa->label, dev->name, DEV_NAME_SIZE);
	set_lifetime(cpu, ifa, c->valid_lft_s ? c->valid_lft_s : ~0u, c->valid_lft_s ? c->preferred_lft_s : ~0u);
	list_init(&ifa->link);
	err = place(idev, ifa, ack);
	if (err) {
		mem_free(&cpu->world->mem, ifa);
		return err;
	}
	htable_add(&dev->net->ip4->local, &ifa->node, addr_hash(dev->net, ifa->local));
	announce_new(cpu, ifa);
	arm_lifetimes(dev->net);
	return 0;
}

int ip4_addr_del(struct cpu *cpu, struct net_device *dev, const struct in_ifaddr_config *c, struct nl_ext_ack *ack)
{
	struct in_device *idev = dev->ip_ptr;
	struct in_ifaddr *a;
	if (!idev) {
		NL_SET_ERR(ack, "ipv4: Device not found");
		return -ENODEV;
	}
	list_for_each(a, &idev->addrs, link) {
		if ((c->local.raw && !be32_eq(a->local, c->local)) || (c->label && strcmp(a->label, c->label)) ||
		    (c->address.raw && (a->prefix_len != c->prefix_len || !in_prefix(c->address, a->address, a->prefix_len))))
			continue;
		if (a->flags & IFA_F_MCAUTOJOIN)
			ip4_mc_leave(cpu, dev, a->local);
		delete(cpu, a);
		arm_lifetimes(dev->net);
		return 0;
	}
	NL_SET_ERR(ack, "ipv4: Address not found");
	return -EADDRNOTAVAIL;
}

/* -- questions -- */

struct in_ifaddr *ip4_ifaddr_find(struct netns *net, be32 local)
{
	struct in_ifaddr *a;
	htable_for_each_match(a, &net->ip4->local, addr_hash(net, local), node)
		if (be32_eq(a->local, local))
			return a;
	return NULL;
}

struct net_device *ip4_dev_by_addr(struct netns *net, be32 local)
{
	struct in_ifaddr *a = ip4_ifaddr_find(net, local);
	struct flow fl = { .family = AF_INET, .daddr = inaddr_from_v4(local), .flags = FLOW_PROBE };
	struct fib_result res;
	if (a)
		return a->idev->dev;
	if (!net->fib->local4 || fib_table_lookup(net->home, net, net->fib->local4, &fl, &res, false) || res.alias->type != RTN_LOCAL)
		return NULL;
	return res.nh->dev; /* ours by a route, as 127/8 is */
}

/* Where 127/8 is routed (route_localnet), its addresses serve on the link. */
static u8 effective_scope(const struct in_device *idev, const struct in_ifaddr *a)
{
	return idev->on & IN_DEV_ROUTE_LOCALNET ? MIN(a->scope, (u8)RT_SCOPE_LINK) : a->scope;
}

static be32 select_on(const struct in_device *idev, be32 dst, u8 scope)
{
	struct in_ifaddr *a;
	be32 any = { 0 };
	list_for_each(a, &idev->addrs, link) {
		if (a->flags & IFA_F_SECONDARY || effective_scope(idev, a) > scope)
			continue;
		if (!dst.raw || in_prefix(dst, a->address, a->prefix_len))
			return a->local;
		if (!any.raw)
			any = a->local;
	}
	return any;
}

/* A primary of dev whose subnet has dst, else its first one of the scope; else one of another device that is not host-only. */
be32 ip4_select_saddr(struct netns *net, struct net_device *dev, be32 dst, u8 scope)
{
	struct net_device *d;
	struct in_ifaddr *a;
	be32 addr = { 0 };
	if (dev && dev->ip_ptr)
		addr = select_on(dev->ip_ptr, dst, scope);
	if (addr.raw)
		return addr;
	dev_for_each(d, net) {
		if (!d->ip_ptr || d == dev)
			continue;
		list_for_each(a, &d->ip_ptr->addrs, link)
			if (!(a->flags & IFA_F_SECONDARY) && a->scope != RT_SCOPE_LINK && a->scope <= scope)
				return a->local;
	}
	return addr;
}
