/* IPv6 routes: how they come, take each other's place, become siblings of one multipath route, go, and run out.
 *
 * A prefix's list is in the order of metrics, routes of one metric in the order they came. Unlike IPv4's, a route of equal metric is
 * never refused for being similar: it stands beside the other, and if both have gateways it becomes another hop of it. Host bits
 * behind the prefix are cut off, not complained of.
 */
#include "core/cpu.h"
#include "inet/route/fib_priv.h"

/* -- siblings -- */

void fib6_rebalance(struct fib6_alias *head)
{
	for (struct fib6_alias *a = head; a; a = fib6_next(a)) {
		u64 total = 0, sum = 0;
		unsigned n = 0;
		struct fib6_alias *s;
		bool done = false;
		for (s = head; s != a; s = fib6_next(s))
			done |= fib6_is_sibling(s, a);
		if (done)
			continue;
		for (s = a; s; s = fib6_next(s)) {
			if (s != a && !fib6_is_sibling(s, a))
				continue;
			total += fib_nh_usable(&s->a.fi->nh[0]) ? s->a.fi->nh[0].weight : 0;
			n++;
		}
		for (s = a; s; s = fib6_next(s)) {
			const struct fib_nh *nh = &s->a.fi->nh[0];
			if (s != a && !fib6_is_sibling(s, a))
				continue;
			s->siblings = (u16)(n - 1);
			if (n < 2)
				continue;
			sum += fib_nh_usable(nh) ? nh->weight : 0;
			s->upper_bound = total && fib_nh_usable(nh) ? (u32)(((sum << 31) + total / 2) / total - 1) : 0;
		}
	}
}

/* -- one prefix's list -- */

static struct fib6_alias *head_of(struct fib_table *t, const struct fib_config *c)
{
	struct fib_alias *a = lpm_find(&t->lpm, lpm_key_of(AF_INET6, &c->dst), c->prefix_len);
	return a ? fib6_alias(a) : NULL;
}

static bool same_source(const struct fib6_alias *a, const struct fib_config *c)
{
	return a->src_len == c->src_len && inaddr_eq(&a->src, &c->src);
}

static int link_at(struct fib_table *t, struct fib6_alias *head, struct fib6_alias *prev, struct fib6_alias *a)
{
	if (prev) {
		a->a.next = prev->a.next;
		ptr_publish(prev->a.next, &a->a);
	} else {
		a->a.next = head ? &head->a : NULL;
		if (lpm_set(&t->lpm, lpm_key_of(AF_INET6, &a->a.prefix), a->a.prefix_len, &a->a, NULL))
			return -ENOMEM;
	}
	t->routes++;
	return 0;
}

static struct fib6_alias *before(struct fib6_alias *head, const struct fib6_alias *a)
{
	struct fib6_alias *p = NULL;
	for (struct fib6_alias *i = head; i && i != a; i = fib6_next(i))
		p = i;
	return p;
}

/* Takes a out; what it leaves is rebalanced. It is the caller's to announce and free. */
static void take_out(struct netns *net, struct fib_table *t, struct fib6_alias *a)
{
	struct fib_alias *head = lpm_find(&t->lpm, lpm_key_of(AF_INET6, &a->a.prefix), a->a.prefix_len);
	struct fib6_alias *prev = before(fib6_alias(head), a);
	fib_alias_unlink(t, prev ? &prev->a : NULL, &a->a);
	a->rtf &= ~(u32)FIB6_EXPIRES; /* as it is told then */
	head = lpm_find(&t->lpm, lpm_key_of(AF_INET6, &a->a.prefix), a->a.prefix_len);
	if (head)
		fib6_rebalance(fib6_alias(head));
	fib_genid_bump6(net);
}

static bool same_hop(const struct fib6_alias *a, const struct fib6_alias *b)
{
	const struct fib_nh *x = &a->a.fi->nh[0], *y = &b->a.fi->nh[0];
	return x->dev == y->dev && x->has_gw == y->has_gw && (!x->has_gw || inaddr_eq(&x->gateway, &y->gateway)) &&
	       a->a.fi->nh_id == b->a.fi->nh_id;
}

static void arm_expiry(struct netns *net, u64 at)
{
	struct timer *t = &net->fib->expiry;
	if (!timer_armed(t) || at < t->expires)
		cpu_timer_arm(net->home, t, at);
}

static void set_expiry(struct netns *net, struct fib6_alias *a, u32 rtf, u64 expires)
{
	a->rtf = (a->rtf & ~(u32)FIB6_EXPIRES) | (rtf & FIB6_EXPIRES);
	a->expires = expires;
	if (a->rtf & FIB6_EXPIRES)
		arm_expiry(net, expires);
}

/* -- adding -- */

struct place {
	struct fib6_alias *head, *prev;	/* insert behind prev, or at the head */
	struct fib6_alias *instead_of;	/* replace this one */
	u32 nl_flags;
};

static int find_place(struct netns *net, const struct fib_config *c, u32 flags, struct fib6_alias *a, struct place *p)
{
	bool replace = flags & NLM_F_REPLACE, found = false;
	struct fib6_alias *prev = NULL, *other = NULL;
	p->nl_flags = NLM_F_EXCL | (flags & NLM_F_APPEND);
	for (struct fib6_alias *i = p->head; i; prev = i, i = fib6_next(i)) {
		if (!same_source(i, c))
			continue;
		if (i->metric > a->metric)
			break;
		if (i->metric != a->metric)
			continue;
		if (flags & NLM_F_EXCL)
			return -EEXIST;
		p->nl_flags &= ~(u32)NLM_F_EXCL;
		if (replace) {
			if (fib6_ecmp(i) == fib6_ecmp(a)) {
				p->instead_of = i;
				found = true;
				break;
			}
			if (!other)
				other = i;
			continue;
		}
		if (same_hop(i, a)) {
			if (i->rtf & FIB6_EXPIRES)
				set_expiry(net, i, a->rtf, a->expires);
			return -EEXIST;
		}
	}
	if (!found && other)
		p->instead_of = other;
	p->prev = p->instead_of ? before(p->head, p->instead_of) : prev;
	if (replace && !p->instead_of && !(flags & NLM_F_CREATE))
		return -ENOENT;
	return 0;
}

static struct fib6_alias *alias_new(struct netns *net, struct fib_table *t, const struct fib_config *c, struct fib_info *fi)
{
	struct fib6_alias *a = mem_zalloc(fib_mem(net), sizeof(*a));
	if (!a)
		return NULL;
	a->a = (struct fib_alias){ .fi = fi, .type = c->type, .prefix_len = c->prefix_len, .table = t->id, .prefix = c->dst };
	a->metric = c->priority;
	if (fi->nh_id)
		a->serial = ++net->fib->route_serial;
	if (!fi->reject || fi->nh_id) { /* what rejects does so for good, and with no preference */
		a->rtf = c->rtf;
		a->expires = c->expires;
		a->pref = c->pref;
	}
	a->src_len = c->src_len;
	a->src = c->src;
	return a;
}

/* The others of the route that `old` was a hop of go with it. */
static void drop_siblings(struct netns *net, struct fib_table *t, const struct fib_config *c, struct fib6_alias *a)
{
	struct fib6_alias *next, *head = head_of(t, c);
	for (struct fib6_alias *i = head; i; i = next) {
		next = fib6_next(i);
		if (i == a || !same_source(i, c) || i->metric != a->metric || !fib6_ecmp(i))
			continue;
		take_out(net, t, i);
		fib_alias_free(net, &i->a);
	}
}

/* Whether some route's prefix is longer than c's and begins at `from`, c's prefix and one more bit. */
static bool any_in_half(const struct fib_table *t, const struct fib_config *c, struct lpm_key from)
{
	struct lpm_key half = from, at;
	for (;;) {
		const struct fib_alias *a = lpm_next(&t->lpm, from, &at);
		if (!a || !lpm_key_eq(lpm_key_mask(at, c->prefix_len + 1u), half))
			return false;
		if (a->prefix_len > c->prefix_len)
			return true;
		from = at; /* a shorter one that begins here: no other can */
		if (!++from.lo && !++from.hi)
			return false;
	}
}

/* In Linux' tree a prefix without routes is there, too, when routes in both its halves part at it: then the sentence is not said. */
static bool is_branch(const struct fib_table *t, const struct fib_config *c)
{
	struct lpm_key low = lpm_key_mask(lpm_key_of(AF_INET6, &c->dst), c->prefix_len), high = low;
	if (!c->prefix_len || c->prefix_len == 128)
		return !c->prefix_len;
	if (c->prefix_len < 64)
		high.hi |= BIT64(63 - c->prefix_len);
	else
		high.lo |= BIT64(127 - c->prefix_len);
	return any_in_half(t, c, low) && any_in_half(t, c, high);
}

/* One route with one hop. quiet: the caller announces. */
static int add_one(struct cpu *cpu, struct netns *net, const struct fib_config *c, u32 flags, bool quiet, struct fib6_alias **out)
{
	struct fib_table *t = fib_table_get_or_new(net, AF_INET6, c->table);
	struct fib_config own = *c;
	struct place p = { .head = NULL };
	struct fib6_alias *a;
	struct fib_info *fi;
	int err;

	if (!t)
		return -ENOBUFS;
	own.table = t->id;
	err = fib_info_make(cpu, net, &own, &fi);
	if (err)
		return err;
	a = alias_new(net, t, &own, fi);
	if (!a) {
		fib_info_put(fi);
		return -ENOMEM;
	}
	p.head = head_of(t, c);
	if (!p.head && flags & NLM_F_REPLACE && !(flags & NLM_F_CREATE)) {
		if (!is_branch(t, c))
			NL_SET_ERR(c->ack, "Can not replace route - no match found");
		err = -ENOENT;
	} else {
		err = find_place(net, c, flags, a, &p);
	}
	if (err)
		goto fail;
	if (p.instead_of) {
		struct fib6_alias *old = p.instead_of;
		bool many = old->siblings != 0;
		a->a.next = old->a.next;
		if (p.prev)
			ptr_publish(p.prev->a.next, &a->a);
		else
			lpm_set(&t->lpm, lpm_key_of(AF_INET6, &c->dst), c->prefix_len, &a->a, NULL); /* in place: cannot fail */
		p.nl_flags = NLM_F_REPLACE;
		fib_alias_free(net, &old->a);
		if (!quiet)
			fib_announce(cpu, net, EV_ROUTE_REPLACE, &a->a, c, p.nl_flags);
		if (many)
			drop_siblings(net, t, c, a);
	} else {
		err = link_at(t, p.head, p.prev, a);
		if (err)
			goto fail;
	}
	if (p.head) /* what is alone has no siblings */
		fib6_rebalance(head_of(t, c));
	fib_genid_bump6(net);
	if (a->rtf & FIB6_EXPIRES)
		arm_expiry(net, a->expires);
	if (!quiet && !p.instead_of)
		fib_announce(cpu, net, EV_ROUTE_ADD, &a->a, c, p.nl_flags | NLM_F_CREATE);
	if (out)
		*out = a;
	return 0;
fail:
	mem_free(fib_mem(net), a);
	fib_info_put(fi);
	return err;
}

/* c's hop i as a route of its own. */
static struct fib_config hop_config(const struct fib_config *c, unsigned i)
{
	struct fib_config h = *c;
	h.mp = NULL;
	h.mp_len = 0;
	if (c->mp[i].oif)
		h.oif = c->mp[i].oif;
	if (c->mp[i].has_gw) {
		h.has_gw = true;
		h.gw_family = AF_INET6;
		h.gateway = c->mp[i].gateway;
	}
	h.flags = c->mp[i].flags;
	h.weight = c->mp[i].weight;
	return h;
}

static int add_multipath(struct cpu *cpu, struct netns *net, const struct fib_config *c)
{
	struct fib6_alias *first = NULL, *last = NULL;
	u32 flags = c->nl_flags, nl = flags & NLM_F_REPLACE ? NLM_F_REPLACE : NLM_F_CREATE;
	int err = 0;

	for (unsigned i = 0; i < c->mp_len; i++)
		if (c->nh_id || !hop_config(c, i).has_gw) {
			NL_SET_ERR(c->ack, "Device only routes can not be added for IPv6 using the multipath API.");
			return -EINVAL;
		}
	/* All must be good before any is put in. */
	for (unsigned i = 0; i < c->mp_len; i++) {
		struct fib_config h = hop_config(c, i);
		struct fib_info *fi;
		err = fib_info_make(cpu, net, &h, &fi);
		if (err)
			return err;
		fib_info_put(fi);
		for (unsigned j = 0; j < i; j++)
			if (c->mp[j].oif == c->mp[i].oif && inaddr_eq(&c->mp[j].gateway, &c->mp[i].gateway))
				return -EEXIST;
	}
	for (unsigned i = 0; i < c->mp_len; i++) {
		struct fib_config h = hop_config(c, i);
		err = add_one(cpu, net, &h, flags, true, &last);
		if (err)
			goto undo;
		if (!first)
			first = last;
		flags = (flags & ~(u32)(NLM_F_EXCL | NLM_F_REPLACE)) | NLM_F_CREATE;
	}
	nl |= c->nl_flags & NLM_F_APPEND;
	if (c->nl_flags & NLM_F_APPEND && last->siblings)
		for (first = head_of(fib_table_find(net, AF_INET6, c->table), c); !fib6_is_sibling(first, last);)
			first = fib6_next(first);
	fib_announce(cpu, net, nl & NLM_F_REPLACE ? EV_ROUTE_REPLACE : EV_ROUTE_ADD, &first->a, c, nl);
	return 0;
undo:
	if (first)
		fib_announce(cpu, net, EV_ROUTE_ADD, &first->a, c, nl);
	for (unsigned i = 0; first && i < c->mp_len; i++) {
		struct fib_config h = hop_config(c, i);
		fib_route_del(cpu, net, &h);
	}
	return err;
}

static void cut_host_bits(struct inaddr *a, unsigned len)
{
	struct lpm_key k = lpm_key_mask(lpm_key_of(AF_INET6, a), len);
	a->q[0] = __builtin_bswap64(k.hi);
	a->q[1] = __builtin_bswap64(k.lo);
}

static int check_request(const struct fib_config *c)
{
	if (c->type > RTN_MAX) {
		NL_SET_ERR(c->ack, "Invalid route type");
		return -EINVAL;
	}
	if (c->prefix_len > 128) {
		NL_SET_ERR(c->ack, "Invalid prefix length");
		return -EINVAL;
	}
	if (c->src_len > 128) {
		NL_SET_ERR(c->ack, "Invalid source address length");
		return -EINVAL;
	}
	return 0;
}

int fib6_route_add(struct cpu *cpu, struct netns *net, const struct fib_config *asked)
{
	struct fib_config c = *asked;
	int err = check_request(&c);
	if (err)
		return err;
	cut_host_bits(&c.dst, c.prefix_len);
	cut_host_bits(&c.src, c.src_len);
	if (!c.table)
		c.table = RT_TABLE_MAIN;
	if (!c.protocol)
		c.protocol = RTPROT_BOOT;
	return c.mp ? add_multipath(cpu, net, &c) : add_one(cpu, net, &c, c.nl_flags, false, NULL);
}

/* -- changing in place -- */

struct fib6_alias *fib6_route_of(struct netns *net, u32 table, const struct inaddr *dst, u8 len, const struct net_device *dev,
				 const struct inaddr *gw, u32 rtf)
{
	struct fib_config c = { .table = table, .dst = *dst, .prefix_len = len };
	struct fib_table *t = fib_table_find(net, AF_INET6, table);
	struct fib6_alias *a = t ? head_of(t, &c) : NULL;
	for (; a; a = fib6_next(a)) {
		const struct fib_nh *nh = &a->a.fi->nh[0];
		if ((a->rtf & rtf) == rtf && nh->dev == dev && nh->has_gw == (gw != NULL) && (!gw || inaddr_eq(&nh->gateway, gw)))
			return a;
	}
	return NULL;
}

void fib6_route_refresh(struct netns *net, struct fib6_alias *a, u8 pref, u64 expires)
{
	bool other = a->pref != pref;
	a->pref = pref;
	set_expiry(net, a, expires ? FIB6_EXPIRES : 0, expires);
	if (other)
		fib_genid_bump6(net);
}

int fib6_route_set_metric(struct cpu *cpu, struct netns *net, struct fib6_alias *a, unsigned which, u32 value)
{
	const struct fib_info *old = a->a.fi;
	u32 metrics[RTAX_SLOTS] = { 0 };
	struct fib_config c = { .family = AF_INET6, .protocol = old->protocol, .scope = old->scope, .type = a->a.type, .table = a->a.table,
				.priority = a->metric, .dst = a->a.prefix, .prefix_len = a->a.prefix_len, .has_gw = old->nh[0].has_gw,
				.gw_family = AF_INET6, .gateway = old->nh[0].gateway, .oif = old->nh[0].oif, .rtf = a->rtf, .metrics = metrics };
	struct fib_info *fi;
	int err;
	if (old->metrics)
		memcpy(metrics, old->metrics, sizeof(metrics));
	if (metrics[which] == value)
		return 0;
	metrics[which] = value;
	err = fib_info_make(cpu, net, &c, &fi);
	if (err)
		return err;
	ptr_publish(a->a.fi, fi);
	fib_info_put((struct fib_info *)old);
	fib_genid_bump6(net);
	return 0;
}

void fib6_route_tell(struct cpu *cpu, struct netns *net, const struct fib6_alias *a)
{
	struct fib_config c = { .family = AF_INET6 };
	fib_announce(cpu, net, EV_ROUTE_REPLACE, &a->a, &c, NLM_F_REPLACE);
}

/* -- deleting -- */

/* All hops of a's route go, told in one message. */
static void del_whole(struct cpu *cpu, struct netns *net, struct fib_table *t, const struct fib_config *c, struct fib6_alias *a)
{
	struct fib6_alias *next;
	fib_announce(cpu, net, EV_ROUTE_DEL, &a->a, c, 0);
	for (struct fib6_alias *i = head_of(t, c); i; i = next) {
		next = fib6_next(i);
		if (i == a || !fib6_is_sibling(i, a))
			continue;
		take_out(net, t, i);
		net->fib->discarded6++;
		fib_alias_free(net, &i->a);
	}
	take_out(net, t, a);
	net->fib->discarded6++;
	fib_alias_free(net, &a->a);
}

/* quiet: without a message. */
static void del_hop(struct cpu *cpu, struct netns *net, struct fib_table *t, const struct fib_config *c, struct fib6_alias *a, bool quiet)
{
	take_out(net, t, a);
	net->fib->discarded6++;
	a->siblings = 0;
	if (!quiet)
		fib_announce(cpu, net, EV_ROUTE_DEL, &a->a, c, 0);
	fib_alias_free(net, &a->a);
}

static bool matches(const struct fib6_alias *a, const struct fib_config *c)
{
	const struct fib_nh *nh = &a->a.fi->nh[0];
	return same_source(a, c) && (!c->nh_id || c->nh_id == a->a.fi->nh_id) && (!c->oif || (nh->dev && nh->dev->ifindex == c->oif)) &&
	       (!c->has_gw || (nh->has_gw && inaddr_eq(&nh->gateway, &c->gateway))) && (!c->priority || c->priority == a->metric) &&
	       (!c->protocol || c->protocol == a->a.fi->protocol);
}

int fib6_route_del(struct cpu *cpu, struct netns *net, const struct fib_config *asked)
{
	struct fib_config c = *asked;
	struct fib_table *t = fib_table_find(net, AF_INET6, c.table);
	int err = 0;

	if (!t) {
		NL_SET_ERR(c.ack, "FIB table does not exist");
		return -ESRCH;
	}
	c.prefix_len = MIN(c.prefix_len, (u8)128);
	cut_host_bits(&c.dst, c.prefix_len);
	cut_host_bits(&c.src, MIN(c.src_len, (u8)128));
	for (unsigned i = 0; i < c.mp_len; i++) {
		struct fib_config h = hop_config(&c, i);
		int r = fib6_route_del(cpu, net, &h);
		err = r ? r : err;
	}
	if (c.mp)
		return err;
	for (struct fib6_alias *a = head_of(t, &c); a; a = fib6_next(a)) {
		if (!matches(a, &c))
			continue;
		if (c.has_gw || !a->siblings)
			del_hop(cpu, net, t, &c, a, false);
		else
			del_whole(cpu, net, t, &c, a);
		return 0;
	}
	/* An empty root has an unreachable route of the stack's own through loopback, which nobody may take away. */
	if (!c.prefix_len && !head_of(t, &c) && !c.src_len && !c.has_gw && !c.nh_id && (!c.oif || c.oif == net->dev->loopback->ifindex) &&
	    (!c.priority || c.priority == UINT32_MAX) && (!c.protocol || c.protocol == RTPROT_KERNEL))
		return -ENOENT;
	return -ESRCH;
}

/* -- links and time -- */

static struct fib_config by_itself(const struct fib_table *t, const struct fib_alias *a)
{
	return (struct fib_config){ .family = AF_INET6, .table = t->id, .dst = a->prefix, .prefix_len = a->prefix_len };
}

struct dying {
	const struct net_device *dev; /* it was its end; NULL: a next-hop object's */
	bool siblings_too;
};

void fib6_route_del_alias(struct cpu *cpu, struct netns *net, const struct fib_alias *a, bool quiet)
{
	struct fib_table *t = fib_table_find(net, AF_INET6, a->table);
	struct fib_config c = by_itself(t, a);
	del_hop(cpu, net, t, &c, fib6_alias(a), quiet);
}

static bool is_dead(struct fib6_alias *head, struct fib6_alias *a, void *arg);

/* It is told as it lived: what has just died is not said to be dead. */
static void del_dead(struct cpu *cpu, struct netns *net, struct fib_table *t, const struct fib_config *c, struct fib6_alias *a,
		     const struct dying *why)
{
	struct fib_info *fi = a->a.fi;
	u32 dead = !why->dev || fi->nh[0].dev == why->dev ? RTNH_F_DEAD : 0;
	fib_info_mem_hold(fi);
	fi->nh[0].flags &= ~dead;
	del_hop(cpu, net, t, c, a, net->fib->skip_notify_on_dev_down);
	fi->nh[0].flags |= dead; /* other routes share it */
	fib_info_mem_put(fi);
}

/* Removes of one prefix what `gone` says; the head then, or NULL. */
static void sweep(struct cpu *cpu, struct netns *net, bool (*gone)(struct fib6_alias *head, struct fib6_alias *a, void *arg), void *arg)
{
	struct fib_table *t;
	list_for_each(t, &net->fib->tables, link) {
		if (t->family != AF_INET6)
			continue;
		for (struct fib_alias *h = fib_next_prefix(t, 0, NULL); h;) {
			struct lpm_key at = lpm_key_of(AF_INET6, &h->prefix);
			u8 len = h->prefix_len;
			for (struct fib6_alias *a = fib6_alias(h), *next; a; a = next) {
				struct fib_config c = by_itself(t, &a->a);
				next = fib6_next(a);
				h = lpm_find(&t->lpm, at, len);
				if (!gone(fib6_alias(h), a, arg))
					continue;
				if (gone == is_dead)
					del_dead(cpu, net, t, &c, a, arg);
				else
					del_hop(cpu, net, t, &c, a, false);
			}
			h = lpm_find(&t->lpm, at, len);
			if (h)
				fib6_rebalance(fib6_alias(h));
			h = fib_next_prefix(t, len, &at);
		}
	}
	fib_alias_batch_close(net);
}

static bool is_dead(struct fib6_alias *head, struct fib6_alias *a, void *arg)
{
	if (!(a->a.fi->nh[0].flags & RTNH_F_DEAD))
		return false;
	if (a->siblings && !((const struct dying *)arg)->siblings_too)
		for (struct fib6_alias *s = head; s; s = fib6_next(s))
			if (fib6_is_sibling(s, a) && !(s->a.fi->nh[0].flags & RTNH_F_DEAD))
				return false;
	return true;
}

void fib6_flush_dead(struct cpu *cpu, struct netns *net, const struct net_device *dev, bool siblings_too)
{
	sweep(cpu, net, is_dead, &(struct dying){ dev, siblings_too });
}

static bool none(struct fib6_alias *head, struct fib6_alias *a, void *arg) { return false; }

void fib6_rebalance_all(struct netns *net) { sweep(net->home, net, none, NULL); }

struct sweep_time {
	u64 now, next;
};

static bool ran_out(struct fib6_alias *head, struct fib6_alias *a, void *arg)
{
	struct sweep_time *s = arg;
	if (!(a->rtf & FIB6_EXPIRES))
		return false;
	if (a->expires > s->now) {
		s->next = MIN(s->next, a->expires);
		return false;
	}
	return true;
}

void fib6_expiry(void *owner, struct timer *timer)
{
	struct netns_fib *f = container_of(timer, struct netns_fib, expiry);
	struct cpu *cpu = owner;
	struct sweep_time s = { cpu->now, UINT64_MAX };
	sweep(cpu, f->net, ran_out, &s);
	if (s.next != UINT64_MAX)
		cpu_timer_arm(cpu, timer, s.next);
}
