/* Exceptions: what was learned about the way to one destination (a smaller path MTU, a better gateway), and for how long.
 *
 * One table per namespace, by destination and the dst it deviates from. A peer can cause entries, so the hash is keyed and their
 * number is bounded: the least recently made one gives way. Each has a dst of its own, remade when the route generation moves.
 * A new entry makes the dst it deviates from stale, so that sockets that cache that one come back and find this.
 */
#include "inet/route/fib_priv.h"

enum { EXCEPTIONS_MAX = 4096 };

struct fib_exception {
	struct hnode node;
	struct list lru;
	struct inaddr daddr;
	struct net_device *dev;	/* of the base; compared, never followed */
	struct inaddr base_gw;
	bool has_gw, mtu_locked;
	struct inaddr gw;
	u32 mtu;		/* 0: none */
	u64 expires;		/* ns, 0: never */
	struct dst *dst;
};

static u32 exception_hash(const struct netns *net, const struct inaddr *daddr)
{
	return (u32)siphash_2u64(&net->world->hash_key, daddr->q[0], daddr->q[1]);
}

static struct fib_exception *find(struct netns *net, const struct inaddr *daddr, const struct dst *base)
{
	struct fib_exception *e;
	htable_for_each_match(e, &net->fib->exceptions, exception_hash(net, daddr), node)
		if (inaddr_eq(&e->daddr, daddr) && e->dev == base->dev && inaddr_eq(&e->base_gw, &base->gateway))
			return e;
	return NULL;
}

static void exception_free(struct netns *net, struct fib_exception *e)
{
	htable_del(&net->fib->exceptions, &e->node);
	list_del(&e->lru);
	dst_put(e->dst);
	mem_free(fib_mem(net), e);
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
	d->metrics = base->metrics;
	d->fi = base->fi;
	if (d->fi)
		fib_info_mem_hold(d->fi);
	d->input = base->input;
	d->output = base->output;
	if (e->has_gw) {
		d->flags |= DST_GATEWAY | DST_REDIRECT;
		d->gateway = e->gw;
	}
	d->mtu = e->mtu;
	d->mtu_locked = e->mtu_locked;
	d->expires = e->expires;
	return d;
}

struct dst *fib_exception_dst(struct cpu *cpu, struct netns *net, const struct inaddr *daddr, struct dst *base)
{
	struct fib_exception *e;
	if (likely(!net->fib->exceptions.count))
		return base;
	e = find(net, daddr, base);
	if (!e)
		return base;
	if (e->expires && cpu->now >= e->expires) {
		exception_free(net, e);
		return base;
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

int fib_exception_set(struct cpu *cpu, struct netns *net, const struct inaddr *daddr, struct dst *base, u32 mtu, bool mtu_locked,
		      const struct inaddr *gw, u64 expires)
{
	struct fib_exception *e = find(net, daddr, base);
	if (!e) {
		if (net->fib->exceptions.count >= EXCEPTIONS_MAX)
			exception_free(net, list_last(&net->fib->exception_lru, struct fib_exception, lru));
		e = mem_zalloc(fib_mem(net), sizeof(*e));
		if (!e)
			return -ENOMEM;
		e->daddr = *daddr;
		e->dev = base->dev;
		e->base_gw = base->gateway;
		list_init(&e->lru);
		htable_add(&net->fib->exceptions, &e->node, exception_hash(net, daddr));
	}
	list_del(&e->lru);
	list_add_head(&net->fib->exception_lru, &e->lru);
	if (mtu) {
		e->mtu = mtu;
		e->mtu_locked = mtu_locked;
	}
	if (gw) {
		e->has_gw = true;
		e->gw = *gw;
	}
	e->expires = expires;
	dst_put(e->dst);
	e->dst = NULL;
	base->genid = net->fib->genid - 1;
	return 0;
}

int fib_exceptions_walk(struct netns *net, int (*fn)(void *arg, const struct inaddr *daddr, const struct dst *d), void *arg)
{
	struct fib_exception *e;
	list_for_each(e, &net->fib->exception_lru, lru) {
		int err = e->dst ? fn(arg, &e->daddr, e->dst) : 0;
		if (err)
			return err;
	}
	return 0;
}

void fib_exceptions_flush(struct netns *net)
{
	struct fib_exception *e, *tmp;
	list_for_each_safe(e, tmp, &net->fib->exception_lru, lru)
		exception_free(net, e);
	fib_genid_bump(net);
}
