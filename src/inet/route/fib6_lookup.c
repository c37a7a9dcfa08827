/* IPv6 lookups: rules, tables, the longest prefix, and among its routes the one Linux would take.
 *
 * Of a prefix's routes those of the lowest metric compete: by device, router preference (RFC 4191) and, for a host, whether the
 * neighbour answers (RFC 4861 section 6.3.6); among those that are not known to work, round robin. A multipath route is one of them;
 * the flow's hash picks its hop. When none of a prefix will do, the next shorter one is asked.
 */
#include "inet/route/nexthop_priv.h"

enum { NOT_AT_ALL = -3, PROBE = -2, NEXT_TIME_ANOTHER = -1 };

struct choice {
	struct cpu *cpu;
	struct netns *net;
	const struct flow *fl;
	struct fib6_alias *best;
	int score;
	bool go_round, stop;	/* stop: nothing can be better */
};

static bool expired(const struct cpu *cpu, const struct fib6_alias *a) { return a->rtf & FIB6_EXPIRES && cpu->now >= a->expires; }

static int score(struct choice *c, const struct fib6_alias *a)
{
	const struct fib_family_ops *ops = c->net->fib->ops6;
	const struct fib_nh *nh = &a->a.fi->nh[0];
	s32 dev = c->fl->oif ? c->fl->oif : c->fl->iif; /* of a packet that came in: routes back through its device are preferred */
	int m = !dev || nh->oif == dev ? 2 : 0, reach;
	if (!m && c->fl->flags & FLOW_IFACE)
		return NOT_AT_ALL;
	m |= (a->pref ^ 2) << 2; /* ICMPV6_ROUTER_PREF_LOW 3, MEDIUM 0, HIGH 1 */
	if (c->fl->flags & FLOW_REACHABLE && nh->has_gw && ops && ops->nh_reach) {
		reach = ops->nh_reach(c->cpu, nh);
		if (reach <= 0)
			return reach ? NOT_AT_ALL : NEXT_TIME_ANOTHER;
	}
	return m;
}

static bool usable(const struct choice *c, const struct fib_nh *nh)
{
	const struct fib_family_ops *ops = c->net->fib->ops6;
	if (nh->flags & RTNH_F_DEAD)
		return false;
	return !(nh->flags & RTNH_F_LINKDOWN) || c->fl->flags & FLOW_IGNORE_LINKSTATE || !nh->dev || !ops || !ops->ignore_linkdown(nh->dev);
}

static void consider(struct choice *c, struct fib6_alias *a)
{
	bool round = false;
	int m;
	if (c->stop || expired(c->cpu, a))
		return;
	if (a->a.fi->nh_id && a->a.fi->reject) { /* an object that is a blackhole takes all, whatever the device */
		c->best = a;
		c->stop = true;
		return;
	}
	if (!usable(c, &a->a.fi->nh[0]))
		return;
	m = score(c, a);
	if (m == NEXT_TIME_ANOTHER) {
		round = true;
		m = 0;
	} else if (m == NOT_AT_ALL) {
		return;
	}
	if (m > c->score) {
		c->score = m;
		c->go_round = round;
		c->best = a;
	}
}

/* Only routes for this source: which of the lists of a prefix, from the narrowest source prefix to all. */
static bool of_source(const struct fib6_alias *a, int src_len, const struct inaddr *saddr)
{
	if (a->src_len != src_len)
		return false;
	return !src_len || lpm_key_eq(lpm_key_mask(lpm_key_of(AF_INET6, saddr), a->src_len), lpm_key_of(AF_INET6, &a->src));
}

static struct fib6_alias *choose_of(struct cpu *cpu, struct netns *net, const struct flow *fl, struct fib6_alias *head, int src_len)
{
	struct choice c = { .cpu = cpu, .net = net, .fl = fl, .score = -1 };
	struct fib6_alias *first = NULL, *from = NULL, *a;
	u32 metric;
	for (a = head; a; a = fib6_next(a)) {
		if (!of_source(a, src_len, &fl->saddr))
			continue;
		if (!first)
			first = a;
		if (a->rr)
			from = a;
	}
	if (!first)
		return NULL;
	from = from ? from : first;
	metric = from->metric;
	for (a = from; a && a->metric == metric; a = fib6_next(a))
		if (of_source(a, src_len, &fl->saddr))
			consider(&c, a);
	for (a = first; a != from && a->metric == metric; a = fib6_next(a))
		if (of_source(a, src_len, &fl->saddr))
			consider(&c, a);
	for (a = c.best ? NULL : from; a; a = fib6_next(a))
		if (a->metric != metric && of_source(a, src_len, &fl->saddr))
			consider(&c, a);
	if (c.go_round) {
		struct fib6_alias *next = fib6_next(c.best);
		if (!next || next->metric != c.best->metric || !of_source(next, src_len, &fl->saddr))
			next = first;
		if (next != c.best) {
			from->rr = false;
			next->rr = true;
		}
	}
	return c.best;
}

static struct fib6_alias *choose(struct cpu *cpu, struct netns *net, const struct flow *fl, struct fib6_alias *head)
{
	int max = 0;
	struct fib6_alias *a;
	for (a = head; a; a = fib6_next(a))
		max = MAX(max, (int)a->src_len);
	for (int len = max; len >= 0; len--) {
		a = len && inaddr_is_any(&fl->saddr) ? NULL : choose_of(cpu, net, fl, head, len);
		if (a)
			return a;
	}
	return NULL;
}

/* The sibling that the flow's hash names, unless it is worse than useless. */
static struct fib6_alias *sibling_by_hash(struct cpu *cpu, struct netns *net, const struct flow *fl, struct fib6_alias *head,
					  struct fib6_alias *match)
{
	struct choice c = { .cpu = cpu, .net = net, .fl = fl };
	u32 h = fib_flow_hash31(cpu, net, fl);
	if (fl->oif && match->a.fi->nh[0].oif == fl->oif && fl->flags & FLOW_IFACE)
		return match;
	for (struct fib6_alias *a = head; a; a = fib6_next(a)) {
		if (!fib6_is_sibling(a, match) || h > a->upper_bound)
			continue;
		return usable(&c, &a->a.fi->nh[0]) && score(&c, a) >= 0 ? a : match;
	}
	return match;
}

static int answer(struct cpu *cpu, struct netns *net, const struct fib_table *tb, const struct flow *fl, struct fib6_alias *a, struct fib_result *res)
{
	struct fib_info *fi = a->a.fi;
	res->alias = &a->a;
	res->table = tb->id;
	res->nh = fi->nhs > 1 || (fi->nexthop && nexthop_is_group(fi->nexthop)) ? fib_select_path(cpu, net, fi, fl) : &fi->nh[0];
	res->dst = res->nh->dst;
	if (!fi->reject)
		return 0;
	return fi->nh_id ? -EINVAL : fib_type_props[a->a.type].error;
}

int fib6_table_lookup(struct cpu *cpu, struct netns *net, const struct fib_table *tb, const struct flow *fl, struct fib_result *res)
{
	struct lpm_key key = lpm_key_of(AF_INET6, &fl->daddr);
	struct flow relaxed;
	for (;;) {
		struct fib_alias *head = lpm_lookup_max(&tb->lpm, key, 128);
		while (head) {
			struct fib6_alias *a = choose(cpu, net, fl, fib6_alias(head));
			if (a && a->siblings)
				a = sibling_by_hash(cpu, net, fl, fib6_alias(head), a);
			if (a)
				return answer(cpu, net, tb, fl, a, res);
			head = head->prefix_len ? lpm_lookup_max(&tb->lpm, key, head->prefix_len - 1u) : NULL;
		}
		if (!(fl->flags & FLOW_REACHABLE))
			break;
		relaxed = *fl;
		relaxed.flags &= (u16)~FLOW_REACHABLE;
		fl = &relaxed;
	}
	res->alias = NULL;
	return -EAGAIN;
}

int fib6_lookup(struct cpu *cpu, struct netns *net, const struct flow *fl, struct fib_result *res)
{
	int err;
	*res = (struct fib_result){ .alias = NULL };
	if (unlikely(!net->fib->default_rules6))
		return fib_rules_lookup(cpu, net, fl, res);
	err = fib6_table_lookup(cpu, net, net->fib->local6, fl, res);
	if (err == -EAGAIN)
		err = fib6_table_lookup(cpu, net, net->fib->main6, fl, res);
	if (err != -EAGAIN)
		return err;
	res->alias = NULL; /* the last one may have been a throw route */
	return -ENETUNREACH;
}
