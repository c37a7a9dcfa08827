/* Exceptions: what was learned about the way to one destination (a smaller path MTU, a better gateway), and for how long.
 *
 * They belong to a hop, as on Linux: IPv4's to the fib_info's hop, which routes share; IPv6's to the route; those of a next-hop object to the
 * object. They go with it. A peer can cause entries, so the hash is keyed, and a hop's bucket holds five to nine (by chance, so that
 * nobody can tell): the oldest gives way. All hops' entries are in one table; what is of one hop and bucket has one hash there.
 *
 * Each has a dst of its own from the first lookup that found it on, remade when the route generation moves; until then it is not shown. A
 * change makes the dst stale that it deviates from, so that sockets that cache that one come back and find this.
 *
 * IPv4: a flush moves a generation; what is of an older one means nothing, and is empty again when it is next looked for. IPv6: ages (collect).
 */
#include "inet/route/nexthop_priv.h"
#include "link/neigh.h"

enum { BUCKETS4 = 2048, BUCKETS6 = 1024, DEPTH = 5 };

#define JIFFY_NS (4 * NSEC_PER_MSEC) /* Linux counts the age of IPv6's in these */

struct fib_exceptions { /* of one hop */
	u64 id;
	struct list all; /* fib_exception.of_hop */
};
struct fib_exception {
	struct hnode node;
	struct list all, of_hop; /* of the namespace; of one hop */
	struct fib_exceptions *set;
	struct inaddr daddr;
	const struct net_device *dev; /* the hop's, which holds it */
	u8 family;
	bool has_gw, mtu_locked;
	struct inaddr gw;
	u32 mtu;		/* 0: none */
	u32 genid;		/* IPv4: net->fib->exception_genid */
	u64 expires;		/* ns, 0: never */
	u64 made;		/* ns */
	struct dst *dst;
};

/* Where the exceptions of what a lookup found are kept. */
static struct fib_exceptions **slot_of(const struct fib_alias *a, struct fib_nh *nh)
{
	struct fib_info *fi = a->fi;
	if (fi->nexthop) {
		struct nexthop *o = fi->nexthop;
		return nexthop_is_group(o) ? &o->members[nh - fi->nh].nh->hop.exceptions : &o->hop.exceptions;
	}
	return fi->family == AF_INET6 ? &fib6_alias(a)->exceptions : &nh->exceptions;
}

static u32 hash_of(const struct netns *net, const struct fib_exceptions *set, const struct inaddr *daddr)
{
	u32 bucket = (u32)siphash_2u64(&net->world->hash_key, daddr->q[0], daddr->q[1]) & (inaddr_is_v4(daddr) ? BUCKETS4 - 1 : BUCKETS6 - 1);
	return hash32_u64(set->id << 11 | bucket, 0);
}

static u64 gc_interval(const struct netns_fib *f) { return (u64)MAX(f->gc6.interval_s, 1) * NSEC_PER_SEC; }

static struct fib_exception *find(struct netns *net, const struct fib_exceptions *set, const struct inaddr *daddr)
{
	struct fib_exception *e;
	htable_for_each_match(e, &net->fib->exceptions, hash_of(net, set, daddr), node)
		if (e->set == set && inaddr_eq(&e->daddr, daddr))
			return e;
	return NULL;
}

static void dst_drop(struct netns *net, struct fib_exception *e)
{
	if (e->dst)
		e->dst->genid = net->fib->genid - 1;
	dst_put(e->dst);
	e->dst = NULL;
}

static void exception_free(struct netns *net, struct fib_exception *e)
{
	htable_del(&net->fib->exceptions, &e->node);
	list_del(&e->all);
	list_del(&e->of_hop);
	net->fib->exceptions6 -= e->family == AF_INET6;
	dst_drop(net, e);
	mem_free(fib_mem(net), e);
}

void fib_exceptions_free(struct netns *net, struct fib_exceptions *set)
{
	struct fib_exception *e, *tmp;
	if (!set)
		return;
	list_for_each_safe(e, tmp, &set->all, of_hop)
		exception_free(net, e);
	mem_free(fib_mem(net), set);
}

static struct dst *dst_derive(const struct dst *base, const struct fib_exception *e)
{
	struct dst *d = dst_new(base->net, base->dev, base->family, base->type, base->flags);
	if (!d)
		return NULL;
	d->error = base->error;
	d->table = base->table;
	d->gateway = base->gateway;
	d->prefsrc = base->prefsrc;
	d->link_mtu = base->link_mtu;
	d->metrics = base->metrics;
	d->fi = base->fi;
	if (d->fi)
		fib_info_mem_hold(d->fi);
	d->input = base->input;
	d->output = base->output;
	if (e->has_gw) {
		d->flags |= DST_GATEWAY | DST_REDIRECT;
		d->gateway = e->gw;
		if (e->family == AF_INET6 && inaddr_eq(&e->gw, &e->daddr)) /* on the link itself */
			d->flags &= (u8)~DST_GATEWAY;
	}
	d->mtu = e->mtu;
	d->mtu_locked = e->mtu_locked;
	d->expires = e->expires;
	return d;
}

struct dst *fib_exception_dst(struct cpu *cpu, struct netns *net, const struct inaddr *daddr, const struct fib_result *res, struct dst *base)
{
	struct fib_exceptions *set;
	struct fib_exception *e;
	if (likely(!net->fib->exceptions.count))
		return base;
	set = *slot_of(res->alias, res->nh);
	e = set ? find(net, set, daddr) : NULL;
	if (!e)
		return base;
	if (e->expires && cpu->now >= e->expires) {
		exception_free(net, e);
		return base;
	}
	if (e->family == AF_INET && e->genid != net->fib->exception_genid) {
		e->genid = net->fib->exception_genid;
		e->has_gw = e->mtu_locked = false;
		e->mtu = 0;
		e->expires = 0;
		dst_drop(net, e);
	}
	if (!e->dst || e->dst->genid != net->fib->genid) {
		struct dst *d = dst_derive(base, e);
		if (!d)
			return base;
		dst_put(e->dst);
		e->dst = d;
	}
	return e->dst;
}

/* -- IPv6 ages what it learned -- */

/* A redirect to a router is believed as long as that one says that it is a router. True: more stay. */
static bool collect(struct cpu *cpu, struct netns *net, u64 timeout_ns)
{
	struct fib_exception *e, *tmp;
	bool more = false;

	list_for_each_safe(e, tmp, &net->fib->exception_all, all) {
		bool old = e->expires ? cpu->now > e->expires : cpu->now >= e->made + timeout_ns;
		const struct dst *d = e->dst;
		if (e->family != AF_INET6)
			continue;
		if (!old && d && d->flags & DST_GATEWAY) {
			const struct neighbour *n = neigh_lookup(net->fib->ops6->neigh, &d->gateway, d->dev);
			old = !n || !(n->flags & NTF_ROUTER);
		}
		if (old)
			exception_free(net, e);
		else
			more = true;
	}
	return more;
}

void fib_exception_gc_fn(void *owner, struct timer *t)
{
	struct netns_fib *f = container_of(t, struct netns_fib, exception_gc);
	struct cpu *cpu = owner;
	f->gc6.last = cpu->now;
	if (collect(cpu, f->net, (u64)MAX(f->gc6.timeout_s, 0) * NSEC_PER_SEC))
		cpu_timer_arm(f->net->home, t, cpu->now + gc_interval(f));
}

void fib6_exceptions_flush(struct cpu *cpu, struct netns *net, s64 delay_s)
{
	net->fib->gc6.last = cpu->now;
	collect(cpu, net, delay_s > 0 ? (u64)delay_s * JIFFY_NS : 0);
}

/* More than gc_thresh: what is old goes, and the more eagerly the more often that is needed; but not more often than every gc_min_interval,
 * as long as there are no more than max_size. */
static void make_room(struct cpu *cpu, struct netns *net)
{
	struct fib_gc6 *g = &net->fib->gc6;
	if ((s64)net->fib->exceptions6 <= g->thresh)
		return;
	if (cpu->now >= g->last + g->min_interval_ns || (s64)net->fib->exceptions6 > g->max_size) {
		g->last = cpu->now;
		collect(cpu, net, (u64)++g->expire * JIFFY_NS);
		if ((s64)net->fib->exceptions6 < g->thresh)
			g->expire = (u32)MAX(g->timeout_s, 0) * (u32)(NSEC_PER_SEC / JIFFY_NS) / 2;
	}
	g->expire -= g->expire >> MIN((u32)MAX(g->elasticity, 0), 31u);
}

static struct fib_exception *make(struct cpu *cpu, struct netns *net, struct fib_exceptions **slot, const struct inaddr *daddr)
{
	struct fib_exception *e, *oldest = NULL;
	unsigned depth = 0, most = DEPTH + rng_below(&cpu->rng, DEPTH);
	u32 h;

	if (!*slot) {
		*slot = mem_zalloc(fib_mem(net), sizeof(**slot));
		if (!*slot)
			return NULL;
		(*slot)->id = ++net->fib->exception_sets;
		list_init(&(*slot)->all);
	}
	h = hash_of(net, *slot, daddr);
	do { /* the limit by chance may be less than last time */
		depth = 0;
		oldest = NULL;
		htable_for_each_match(e, &net->fib->exceptions, h, node) {
			if (e->set != *slot)
				continue;
			depth++;
			if (!oldest || e->made < oldest->made)
				oldest = e;
		}
		if (depth >= most)
			exception_free(net, oldest);
	} while (depth > most);
	e = mem_zalloc(fib_mem(net), sizeof(*e));
	if (!e)
		return NULL;
	e->set = *slot;
	e->daddr = *daddr;
	e->family = inaddr_is_v4(daddr) ? AF_INET : AF_INET6;
	e->made = cpu->now;
	list_init(&e->of_hop);
	list_add_tail(&(*slot)->all, &e->of_hop);
	list_init(&e->all);
	list_add_tail(&net->fib->exception_all, &e->all);
	htable_add(&net->fib->exceptions, &e->node, h);
	net->fib->exceptions6 += e->family == AF_INET6;
	return e;
}

int fib_exception_set(struct cpu *cpu, struct netns *net, const struct inaddr *daddr, const struct fib_result *res, struct dst *base,
		      const struct fib_learned *l)
{
	struct fib_exceptions **slot = slot_of(res->alias, res->nh);
	struct fib_exception *e = *slot ? find(net, *slot, daddr) : NULL;
	bool shown;

	if (e && l->anew) {
		exception_free(net, e);
		e = NULL;
	}
	if (!e) {
		if (!inaddr_is_v4(daddr))
			make_room(cpu, net);
		e = make(cpu, net, slot, daddr);
		if (!e)
			return -ENOMEM;
	}
	e->genid = net->fib->exception_genid;
	e->dev = base->dev;
	if (l->mtu) {
		e->mtu = l->mtu;
		e->mtu_locked = l->mtu_locked;
	}
	if (l->gw) {
		e->has_gw = true;
		e->gw = *l->gw;
	}
	e->expires = l->expires;
	shown = e->dst || e->family == AF_INET6;
	dst_drop(net, e);
	if (shown)
		e->dst = dst_derive(base, e);
	base->genid = net->fib->genid - 1;
	if (e->family == AF_INET6 && !timer_armed(&net->fib->exception_gc))
		cpu_timer_arm(net->home, &net->fib->exception_gc, cpu->now + gc_interval(net->fib));
	return 0;
}

int fib_exceptions_walk(struct cpu *cpu, struct netns *net, const struct fib_alias *a,
			int (*fn)(void *arg, const struct inaddr *daddr, const struct dst *d), void *arg)
{
	unsigned hops = a->fi->family == AF_INET6 && !a->fi->nexthop ? 1 : a->fi->nhs;
	for (unsigned i = 0; i < hops; i++) {
		const struct fib_exceptions *set = *slot_of(a, &a->fi->nh[i]);
		const struct fib_exception *e;
		if (!set)
			continue;
		list_for_each(e, &set->all, of_hop) {
			int err = 0;
			if (e->dst && !(e->expires && cpu->now >= e->expires) && (e->family == AF_INET6 || e->genid == net->fib->exception_genid))
				err = fn(arg, &e->daddr, e->dst);
			if (err)
				return err;
		}
	}
	return 0;
}

int fib6_exception_del(struct netns *net, const struct fib_alias *a, const struct fib_config *c)
{
	const struct fib_exceptions *set = *slot_of(a, &a->fi->nh[0]);
	struct fib_exception *e = set ? find(net, set, &c->dst) : NULL;
	if (!e || (c->oif && e->dev->ifindex != c->oif) || (c->has_gw && e->dst && !inaddr_eq(&c->gateway, &e->dst->gateway)))
		return -ESRCH;
	exception_free(net, e);
	fib_genid_bump(net);
	return 0;
}

void fib_exceptions_flush(struct netns *net)
{
	net->fib->exception_genid++;
	fib_genid_bump(net);
}

void fib_exceptions_sync_mtu(struct netns *net, const struct net_device *dev, u8 family, u32 was, u32 now)
{
	struct fib_exception *e;
	list_for_each(e, &net->fib->exception_all, all) {
		if (e->family != family || e->dev != dev || !e->mtu)
			continue;
		if (e->mtu_locked ? now <= e->mtu : now < e->mtu || e->mtu == was) {
			e->mtu = now;
			e->mtu_locked = false;
			if (e->dst) {
				e->dst->mtu = now;
				e->dst->mtu_locked = false;
			}
		}
	}
	fib_genid_bump(net);
}

void fib_exceptions_exit(struct netns *net)
{
	struct fib_exception *e, *tmp;
	timer_cancel(&net->fib->exception_gc);
	list_for_each_safe(e, tmp, &net->fib->exception_all, all)
		exception_free(net, e);
}
