/* What links and addresses do to routes: next hops that die and come back, routes that the stack itself puts into tables local and
 * main, and a namespace's birth and end.
 *
 * A next hop dies with IFF_UP (host-scope ones live on: own addresses answer on a device that is down) and is only marked linkdown
 * when the carrier goes. A route all of whose hops are dead is flushed, without a message; one whose source address goes, with one: as on Linux.
 */
#include "core/subsys.h"
#include "inet/route/fib_stat.h"
#include "inet/route/nexthop_priv.h"

/* A VRF's members have one table for all. */
static u32 table_of(struct net_device *dev, u8 type)
{
	const struct net_device *vrf = dev_vrf(dev);
	if (vrf)
		return vrf->l3mdev_table;
	return type == RTN_UNICAST ? RT_TABLE_MAIN : RT_TABLE_LOCAL;
}

void fib_kernel_route_add(struct cpu *cpu, struct net_device *dev, const struct fib_local_route *r)
{
	struct fib_config c = { .family = inaddr_is_v4(&r->dst) ? AF_INET : AF_INET6, .prefix_len = r->prefix_len, .protocol = RTPROT_KERNEL,
				.scope = r->type == RTN_LOCAL ? RT_SCOPE_HOST : RT_SCOPE_LINK, .type = r->type,
				.table = table_of(dev, r->type),
				.nl_flags = NLM_F_CREATE | NLM_F_APPEND, .priority = r->priority, .dst = r->dst, .prefsrc = r->prefsrc,
				.has_prefsrc = true, .oif = dev->ifindex, .rtf = r->type == RTN_ANYCAST ? FIB6_ANYCAST : 0 };
	fib_route_add(cpu, dev->net, &c); /* the same route for a second address: -EEXIST, as it should */
}

void fib_kernel_route_del(struct cpu *cpu, struct net_device *dev, const struct fib_local_route *r)
{
	struct fib_config c = { .family = inaddr_is_v4(&r->dst) ? AF_INET : AF_INET6, .prefix_len = r->prefix_len, .protocol = RTPROT_KERNEL,
				.scope = r->type == RTN_LOCAL ? RT_SCOPE_HOST : RT_SCOPE_LINK, .type = r->type,
				.table = table_of(dev, r->type), .priority = r->priority, .dst = r->dst,
				.prefsrc = r->prefsrc, .has_prefsrc = true, .oif = dev->ifindex };
	fib_route_del(cpu, dev->net, &c);
}

static void moved(struct netns *net, u8 family)
{
	if (family == AF_INET6)
		fib_genid_bump6(net);
	else
		fib_genid_bump(net);
}

void fib_dev_up(struct cpu *cpu, struct net_device *dev, u8 family, u32 clear)
{
	struct netns *net = dev->net;
	u64 cursor = 0;
	if (!(dev->flags & IFF_UP))
		return;
	if (clear & RTNH_F_DEAD && dev->carrier)
		clear |= RTNH_F_LINKDOWN;
	for (struct hnode *n = htable_walk(&net->fib->infos, &cursor, NULL); n; n = htable_walk(&net->fib->infos, &cursor, n)) {
		struct fib_info *fi = container_of(n, struct fib_info, node);
		unsigned alive = 0, changed = 0;
		if (fi->family != family || fi->nh_id)
			continue;
		for (unsigned i = 0; i < fi->nhs; i++) {
			struct fib_nh *nh = &fi->nh[i];
			if (nh->dev == dev && nh->flags & clear) {
				nh->flags &= ~clear;
				changed++;
			}
			alive += !(nh->flags & clear);
		}
		if (!changed)
			continue;
		if (alive)
			fi->flags &= ~clear;
		fib_info_rebalance(fi);
	}
	if (family == AF_INET6)
		fib6_rebalance_all(net);
	moved(net, family);
}

/* IPv6's routes go with a message each; multipath routes with other hops stay. */
static void flush6(struct cpu *cpu, struct net_device *dev, enum fib_down how)
{
	struct netns *net = dev->net;
	u64 cursor = 0;
	fib6_flush_dead(cpu, net, dev, how == FIB_DOWN_UNREGISTER);
	for (struct hnode *n = htable_walk(&net->fib->infos, &cursor, NULL); n; n = htable_walk(&net->fib->infos, &cursor, n)) {
		struct fib_info *fi = container_of(n, struct fib_info, node);
		if (fi->family == AF_INET6 && !fi->nh_id && fi->nh[0].dev == dev && fi->nh[0].flags & RTNH_F_DEAD) {
			fi->nh[0].flags |= RTNH_F_LINKDOWN;
			fi->flags |= RTNH_F_LINKDOWN;
		}
	}
}

void fib_dev_down(struct cpu *cpu, struct net_device *dev, u8 family, enum fib_down how)
{
	struct netns *net = dev->net;
	u64 cursor = 0;
	unsigned dead_routes = 0;
	u32 set = how == FIB_DOWN_CARRIER ? RTNH_F_LINKDOWN : family == AF_INET6 ? RTNH_F_DEAD : RTNH_F_LINKDOWN | RTNH_F_DEAD;
	for (struct hnode *n = htable_walk(&net->fib->infos, &cursor, NULL); n; n = htable_walk(&net->fib->infos, &cursor, n)) {
		struct fib_info *fi = container_of(n, struct fib_info, node);
		unsigned dead = 0, mine = 0;
		if (fi->nh_id) /* the object itself goes with the link, but not with the last address */
			continue;
		if (fi->family != family || (family == AF_INET6 && how == FIB_DOWN_CARRIER && (fi->type == RTN_LOCAL || fi->anycast)))
			continue;
		for (unsigned i = 0; i < fi->nhs; i++) {
			struct fib_nh *nh = &fi->nh[i];
			mine += nh->dev == dev;
			if (nh->flags & RTNH_F_DEAD) {
				dead++;
			} else if (nh->dev == dev && (nh->scope != RT_SCOPE_NOWHERE || how >= FIB_DOWN_FORCE || family == AF_INET6)) {
				nh->flags |= set;
				dead++;
			}
		}
		if (!mine)
			continue;
		if (how == FIB_DOWN_UNREGISTER)
			dead = fi->nhs; /* a hop through a device that is gone cannot be shown */
		if (dead == fi->nhs) {
			fi->flags |= set;
			dead_routes += how != FIB_DOWN_CARRIER;
		}
		fib_info_rebalance(fi);
	}
	if (family == AF_INET6 && how != FIB_DOWN_CARRIER)
		flush6(cpu, dev, how);
	else if (dead_routes)
		fib_flush(cpu, net, false);
	else if (family == AF_INET6)
		fib6_rebalance_all(net);
	moved(net, family);
}

void fib_prefsrc_gone(struct cpu *cpu, struct netns *net, const struct inaddr *addr)
{
	u64 cursor = 0;
	unsigned dead = 0;
	for (struct hnode *n = htable_walk(&net->fib->infos, &cursor, NULL); n; n = htable_walk(&net->fib->infos, &cursor, n)) {
		struct fib_info *fi = container_of(n, struct fib_info, node);
		if (fi->table == RT_TABLE_MAIN && inaddr_eq(&fi->prefsrc, addr)) { /* other tables' routes stay, as on Linux */
			fi->flags |= RTNH_F_DEAD;
			fi->prefsrc_gone = true;
			dead++;
		}
	}
	if (dead)
		fib_flush(cpu, net, false);
}

static void netns_fini(struct netns *net)
{
	if (!net->fib)
		return;
	fib_table_free_all(net);
	fib_rules_fini(net);
	htable_fini(&net->fib->exceptions);
	htable_fini(&net->fib->infos);
	mem_free(fib_mem(net), net->fib);
	net->fib = NULL;
}

static void netns_exit(struct netns *net)
{
	timer_cancel(&net->fib->expiry);
	fib_exceptions_exit(net);
	nexthops_fini(net);
	fib_flush(net->home, net, true);
}

static int netns_init(struct netns *net)
{
	struct netns_fib *f = mem_zalloc(fib_mem(net), sizeof(*f));
	if (!f)
		return -ENOMEM;
	net->fib = f;
	f->net = net;
	timer_init(&f->expiry, fib6_expiry);
	list_init(&f->tables);
	list_init(&f->rules4);
	list_init(&f->rules6);
	list_init(&f->mr_rules4);
	list_init(&f->mr_rules6);
	list_init(&f->exception_all);
	timer_init(&f->exception_gc, fib_exception_gc_fn);
	f->gc6 = (struct fib_gc6){ .thresh = 1024, .max_size = INT32_MAX, .timeout_s = 60, .interval_s = 30, .elasticity = 9,
				   .min_interval_ns = NSEC_PER_SEC / 2, .expire = 30 * 250 };
	f->genid4 = 1;
	f->nexthop_compat = true;
	f->multipath_seed = rng_u32(&net->home->rng);
	f->hash4.fields = f->hash6.fields = 7;
	if (htable_init(&f->infos, fib_mem(net), 16) || htable_init(&f->exceptions, fib_mem(net), 16) || fib_rules_init(net))
		goto fail;
	f->local4 = fib_table_get_or_new(net, AF_INET, RT_TABLE_LOCAL);
	f->main4 = fib_table_get_or_new(net, AF_INET, RT_TABLE_MAIN);
	f->local6 = fib_table_get_or_new(net, AF_INET6, RT_TABLE_LOCAL);
	f->main6 = fib_table_get_or_new(net, AF_INET6, RT_TABLE_MAIN);
	if (f->local4 && f->main4 && f->local6 && f->main6)
		return 0;
fail:
	netns_fini(net);
	return -ENOMEM;
}

static void dev_event(struct cpu *cpu, struct netns *net, enum net_event ev, void *obj, unsigned long info)
{
	if (ev > EV_LINK_UNREGISTER)
		return;
	fib_rules_dev_event(net, ev, obj, info);
	nexthop_dev_event(cpu, net, ev, obj);
}

const struct event_sub fib_event_sub = { .fn = dev_event };
const struct subsys fib_subsys = { .name = "fib", .world_init = fib_stat_init, .world_fini = fib_stat_fini, .netns_init = netns_init, .netns_exit = netns_exit, .netns_fini = netns_fini };
