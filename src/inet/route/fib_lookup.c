/* Lookups: rules (fib_rule.c, when there are more than a namespace is born with), then tables, then the first acceptable route of the longest prefix, else of shorter ones.
 *
 * The plain case of forwarding (a single live next hop, tos 0, the three default rules) is answered by fib_lookup_bulk() without
 * looking at rules; fib_lookup() knows everything.
 */
#include "inet/route/nexthop_priv.h"
#include "link/neigh.h"

static bool hop_usable(const struct fib_nh *nh, const struct flow *fl, bool ignore_linkdown)
{
	const struct fib_family_ops *ops;
	if (nh->flags & RTNH_F_DEAD)
		return false;
	if (unlikely(nh->flags & RTNH_F_LINKDOWN) && !ignore_linkdown && nh->dev) {
		ops = fib_ops(nh->info->net, fl->family);
		if (ops && ops->ignore_linkdown(nh->dev))
			return false;
	}
	return !fl->oif || fl->oif == nh->oif;
}

/* Is the neighbour that stands for nh not known to be silent? Where nothing is known, it is not. */
static bool neighbour_good(const struct fib_nh *nh)
{
	const struct fib_family_ops *ops = nh->has_gw ? fib_ops(nh->info->net, nh->gw_family) : NULL;
	const struct neighbour *n;
	be32 v4 = inaddr_v4(&nh->gateway);
	if (!ops || !ops->neigh || !nh->dev)
		return true;
	n = neigh_lookup(ops->neigh, nh->gw_family == AF_INET ? (const void *)&v4 : (const void *)&nh->gateway, nh->dev);
	return !n || n->nud_state & NUD_VALID;
}

/* The first hop whose share of the hash's range holds h, of an object's only those whose neighbour answers. */
static struct fib_nh *object_hop(struct cpu *cpu, struct fib_info *fi, const struct flow *fl, u32 h)
{
	struct nexthop *group = fi->nexthop;
	unsigned at = 0;
	bool any = false;
	if (group->res) {
		at = MIN(nexthop_resilient_pick(cpu, group, h, fl->flags & FLOW_PROBE), fi->nhs - 1);
	} else {
		for (unsigned i = 0; i < fi->nhs; i++) {
			if (!hop_usable(&fi->nh[i], fl, false) || !neighbour_good(&fi->nh[i]))
				continue;
			if (!any)
				at = i;
			any = true;
			if (fi->nh[i].upper_bound && h <= fi->nh[i].upper_bound) {
				at = i;
				break;
			}
		}
	}
	if (!(fl->flags & FLOW_PROBE) && nexthop_is_group(group) && at < group->n)
		group->members[at].packets++;
	return &fi->nh[at];
}

/* A hop that packets with this source would leave by anyway is worth more than the hash's. */
static bool speaks_as(const struct netns *net, const struct fib_nh *nh, const struct inaddr *saddr)
{
	const struct fib_family_ops *ops = fib_ops(net, AF_INET);
	struct inaddr own = { .q = { 0, 0 } };
	if (!nh->dev || !ops)
		return false;
	ops->select_saddr(nh->info->net, nh->dev, nh->has_gw ? &nh->gateway : NULL, nh->info->scope, &own);
	return inaddr_eq(&own, saddr);
}

struct fib_nh *fib_select_path(struct cpu *cpu, struct netns *net, struct fib_info *fi, const struct flow *fl)
{
	u32 h = fib_flow_hash31(cpu, net, fl);
	bool ours = fl->family == AF_INET && !(fl->flags & FLOW_INPUT) && inaddr_v4(&fl->saddr).raw;
	struct fib_nh *best = NULL, *first = NULL;
	int best_score = 0;

	if (fi->nexthop)
		return object_hop(cpu, fi, fl, h);
	for (unsigned i = 0; i < fi->nhs; i++) {
		struct fib_nh *nh = &fi->nh[i];
		int score;
		if (!hop_usable(nh, fl, false) || !nh->upper_bound)
			continue;
		if (!first)
			first = nh;
		if (net->fib->use_neigh && !neighbour_good(nh))
			continue;
		score = (ours && speaks_as(net, nh, &fl->saddr) ? 2 : 0) + (h <= nh->upper_bound);
		if (score > best_score) {
			best = nh;
			best_score = score;
			if (score == (ours ? 3 : 1))
				break;
		}
	}
	return best ? best : first ? first : &fi->nh[0];
}

static int one_table(struct cpu *cpu, struct netns *net, const struct fib_table *tb, const struct flow *fl, struct fib_result *res,
		     bool ignore_linkdown)
{
	struct lpm_key key = lpm_key_of(AF_INET, &fl->daddr);
	struct fib_alias *a = lpm4_lookup(&tb->lpm, inaddr_v4(&fl->daddr));
	ignore_linkdown |= (fl->flags & FLOW_IGNORE_LINKSTATE) != 0;
	while (a) {
		unsigned len = a->prefix_len;
		for (; a; a = ptr_load(a->next)) {
			struct fib_info *fi = a->fi;
			int err = unlikely(fi->reject) ? -EINVAL : fib_type_props[a->type].error;
			if ((a->tos && a->tos != fib_tos(fl)) || fi->flags & RTNH_F_DEAD || fi->scope < fl->scope)
				continue;
			res->alias = a;
			res->table = tb->id;
			res->nh = &fi->nh[0];
			res->dst = fi->nh[0].dst;
			if (err)
				return err;
			for (unsigned i = 0; i < fi->nhs; i++) {
				if (!hop_usable(&fi->nh[i], fl, ignore_linkdown))
					continue;
				res->nh = &fi->nh[i];
				if (unlikely(fi->nhs > 1) && !fl->oif && !(fl->flags & FLOW_FIRST_HOP))
					res->nh = fib_select_path(cpu, net, fi, fl);
				res->dst = res->nh->dst;
				return 0;
			}
		}
		a = len ? lpm_lookup_max(&tb->lpm, key, len - 1) : NULL;
	}
	res->alias = NULL;
	return -EAGAIN;
}

/* Until a rule is made tables local and main are one: the longest prefix of both counts, of one prefix local's routes first. */
int fib_table_lookup(struct cpu *cpu, struct netns *net, const struct fib_table *tb, const struct flow *fl, struct fib_result *res,
		     bool ignore_linkdown)
{
	struct fib_result main = { .alias = NULL };
	int err, main_err;
	if (!net->fib->default_rules || (tb != net->fib->local4 && tb != net->fib->main4))
		return one_table(cpu, net, tb, fl, res, ignore_linkdown);
	err = one_table(cpu, net, net->fib->local4, fl, res, ignore_linkdown);
	if (res->alias && res->alias->prefix_len == 32)
		return err;
	main_err = one_table(cpu, net, net->fib->main4, fl, &main, ignore_linkdown);
	if (!main.alias || (res->alias && res->alias->prefix_len >= main.alias->prefix_len))
		return err;
	*res = main;
	return main_err;
}

int fib_lookup(struct cpu *cpu, struct netns *net, const struct flow *fl, struct fib_result *res)
{
	int err;
	if (fl->family == AF_INET6)
		return fib6_lookup(cpu, net, fl, res);
	*res = (struct fib_result){ .alias = NULL };
	if (unlikely(!net->fib->default_rules))
		return fib_rules_lookup(cpu, net, fl, res);
	err = fib_table_lookup(cpu, net, net->fib->main4, fl, res, false);
	if (err == -EAGAIN && net->fib->default4)
		err = fib_table_lookup(cpu, net, net->fib->default4, fl, res, false);
	if (err != -EAGAIN)
		return err;
	res->alias = NULL; /* the last one may have been a throw route */
	return -ENETUNREACH;
}

static bool plain(const struct fib_alias *a)
{
	const struct fib_info *fi = a->fi;
	return !a->next && !a->tos && fi->nhs == 1 && !fi->reject && !(fi->flags & RTNH_F_DEAD) &&
	       !(fi->nh[0].flags & (RTNH_F_DEAD | RTNH_F_LINKDOWN)) && a->type <= RTN_BROADCAST;
}

void fib_lookup_bulk(struct netns *net, const be32 *daddr, unsigned n, const struct fib_alias **res)
{
	const struct fib_table *local = net->fib->local4, *main = net->fib->main4;
	if (unlikely(!net->fib->default_rules)) {
		memset(res, 0, n * sizeof(*res));
		return;
	}
	lpm4_lookup_bulk(&main->lpm, daddr, n, (void **)res);
	for (unsigned i = 0; i < n; i++)
		prefetch(res[i]);
	for (unsigned i = 0; i < n; i++) {
		const struct fib_alias *l = lpm4_lookup(&local->lpm, daddr[i]);
		if (l && (!res[i] || l->prefix_len >= res[i]->prefix_len))
			res[i] = l;
		if (res[i] && unlikely(!plain(res[i])))
			res[i] = NULL;
	}
}

u8 fib_addr_type(struct netns *net, const struct net_device *dev, const struct inaddr *a)
{
	struct flow fl = { .family = inaddr_is_v4(a) ? AF_INET : AF_INET6, .daddr = *a };
	bool vrf = dev && dev->l3mdev_table;
	struct fib_table *tb = fib_table_find(net, fl.family, vrf ? dev->l3mdev_table : RT_TABLE_LOCAL);
	struct fib_result res;
	if (fl.family == AF_INET) {
		be32 v4 = inaddr_v4(a);
		if (v4_is_zeronet(v4) || v4_is_broadcast(v4))
			return RTN_BROADCAST;
		if (v4_is_multicast(v4))
			return RTN_MULTICAST;
		if (!tb || !tb->used)
			return RTN_BROADCAST;
	}
	fl.flags = FLOW_IGNORE_LINKSTATE;
	if (!tb || (fl.family == AF_INET6 ? fib6_table_lookup(net->home, net, tb, &fl, &res) :
					    fib_table_lookup(net->home, net, tb, &fl, &res, true)))
		return RTN_UNICAST;
	return !dev || vrf || dev == res.nh->dev ? res.alias->type : RTN_UNICAST;
}
