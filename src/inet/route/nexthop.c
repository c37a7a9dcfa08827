/* Next-hop objects: making, replacing, deleting; what routes have of them. Resilient tables are nexthop_resilient.c. */
#include "inet/route/nexthop_priv.h"

struct nexthop *nexthop_find(struct netns *net, u32 id)
{
	struct rbnode *n = net->fib->nexthops.node;
	while (n) {
		struct nexthop *nh = container_of(n, struct nexthop, node);
		if (nh->id == id)
			return nh;
		n = id < nh->id ? n->left : n->right;
	}
	return NULL;
}

struct nexthop *nexthop_next(struct netns *net, u32 id)
{
	struct nexthop *best = NULL;
	for (struct rbnode *n = net->fib->nexthops.node; n;) {
		struct nexthop *nh = container_of(n, struct nexthop, node);
		if (nh->id > id)
			best = nh;
		n = nh->id > id ? n->left : n->right;
	}
	return best;
}

static void insert(struct netns *net, struct nexthop *nh)
{
	struct rbnode **at = &net->fib->nexthops.node, *parent = NULL;
	while (*at) {
		parent = *at;
		at = nh->id < container_of(parent, struct nexthop, node)->id ? &parent->left : &parent->right;
	}
	rb_link(&nh->node, parent, at);
	rb_insert(&net->fib->nexthops, &nh->node);
}

/* why: whose request it was; NULL: it happened by itself, which nobody is told. */
static void announce(struct cpu *cpu, enum net_event ev, const struct nexthop *nh, const struct nexthop_event *why)
{
	struct nexthop_event e;
	if (!why)
		return;
	e = *why;
	e.nh = nh;
	event_send(cpu, nh->net, ev, &e, 0);
}

/* -- what routes have of an object -- */

unsigned nexthop_hops(const struct nexthop *nh) { return nexthop_is_group(nh) ? nh->n : 1; }

static void copy_hop(struct fib_nh *to, const struct nexthop *from, struct fib_info *fi, u32 weight)
{
	*to = from->hop;
	to->dst = NULL;
	to->exceptions = NULL; /* they are the object's */
	to->upper_bound = 0;
	to->weight = weight;
	to->info = fi;
	if (from->blackhole) {
		to->dev = fi->net->dev->loopback;
		to->oif = to->dev->ifindex;
		to->reject = true;
	}
	if (to->dev)
		dev_hold(to->dev);
}

void nexthop_fill_hops(const struct nexthop *nh, struct fib_info *fi, struct fib_nh *hops)
{
	for (unsigned i = 0; i < nexthop_hops(nh); i++)
		copy_hop(&hops[i], nexthop_is_group(nh) ? nh->members[i].nh : nh, fi, nexthop_is_group(nh) ? nh->members[i].weight : 1);
}

bool nexthop_is_blackhole(const struct nexthop *nh)
{
	return nexthop_is_group(nh) ? nh->n == 1 && nh->members[0].nh->blackhole : nh->blackhole;
}

struct old_hops {
	struct epoch_node epoch;
	struct world *w;
	struct fib_nh *nh;
};

static void free_hops(struct epoch_node *node)
{
	struct old_hops *o = container_of(node, struct old_hops, epoch);
	struct mem *mem = &o->w->mem;
	mem_free(mem, o->nh);
	mem_free(mem, o);
}

/* The routes over nh get its hops as they are now. On -ENOMEM they keep the old ones. */
static int refresh(struct nexthop *nh, struct fib_info *fi)
{
	unsigned n = nexthop_hops(nh), old_n = fi->nhs;
	struct fib_nh *hops = mem_zalloc(fib_mem(nh->net), n * sizeof(*hops)), *old = fi->nh;
	struct old_hops *later = mem_alloc(fib_mem(nh->net), sizeof(*later));
	bool ok = hops && later;
	if (ok) {
		nexthop_fill_hops(nh, fi, hops);
		for (unsigned i = 0; i < n && ok; i++) {
			hops[i].dst = fib_nh_dst_make(&hops[i]);
			ok = hops[i].dst != NULL;
		}
	}
	if (!ok) {
		for (unsigned i = 0; hops && later && i < n; i++) {
			dst_put(hops[i].dst);
			if (hops[i].dev)
				dev_put(hops[i].dev);
		}
		mem_free(fib_mem(nh->net), hops);
		mem_free(fib_mem(nh->net), later);
		return -ENOMEM;
	}
	fi->nh = hops;
	fi->nhs = n;
	fi->reject = nexthop_is_blackhole(nh);
	for (unsigned i = 0; i < old_n; i++) {
		dst_put(old[i].dst);
		if (old[i].dev)
			dev_put(old[i].dev);
	}
	later->w = nh->net->world;
	later->nh = fib_info_inline_hops(fi) == old ? NULL : old;
	epoch_defer_node(nh->net->world, &later->epoch, free_hops);
	fib_info_rebalance(fi);
	return 0;
}

static void refresh_routes(struct cpu *cpu, struct nexthop *nh)
{
	struct fib_info *fi;
	list_for_each(fi, &nh->infos, nexthop_link)
		if (refresh(nh, fi))
			fi->flags |= RTNH_F_DEAD; /* no memory: better no route than a wrong one */
	fib_genid_bump(nh->net);
}

/* nh changed: its routes, and those of the groups it is in. */
static void propagate(struct cpu *cpu, struct nexthop *nh)
{
	struct nexthop_member *m;
	refresh_routes(cpu, nh);
	list_for_each(m, &nh->member_of, link)
		refresh_routes(cpu, m->group);
}

struct users {
	const struct nexthop *nh;
	const struct fib_alias *next;	/* IPv6: of those that came before `before`, the last */
	u32 before;
	struct cpu *cpu;
	const struct nexthop_event *why;
};

static void tell_route(const struct users *u, const struct fib_alias *a, u8 family)
{
	struct fib_event e = { .alias = a, .family = family, .portid = u->why->portid, .seq = u->why->seq, .nl_flags = NLM_F_REPLACE };
	event_send(u->cpu, u->nh->net, EV_ROUTE_REPLACE, &e, 0);
}

static int tell_user4(void *arg, const struct fib_alias *a)
{
	if (a->fi->nexthop == ((struct users *)arg)->nh)
		tell_route(arg, a, AF_INET);
	return 0;
}

static int find_user6(void *arg, const struct fib_alias *a)
{
	struct users *u = arg;
	u32 serial = fib6_alias(a)->serial;
	if (a->fi->nexthop == u->nh && serial < u->before && (!u->next || serial > fib6_alias(u->next)->serial))
		u->next = a;
	return 0;
}

/* The IPv6 route over it that came last before the one of serial `before`; NULL: no more. */
static const struct fib_alias *user6_before(struct users *u)
{
	u64 key[6] = { 0 };
	u->next = NULL;
	fib_walk(u->nh->net, AF_INET6, 0, key, find_user6, u);
	if (u->next)
		u->before = fib6_alias(u->next)->serial;
	return u->next;
}

/* Programs that know nothing of objects hear of the routes. */
static void tell_users(struct cpu *cpu, const struct nexthop *nh, const struct nexthop_event *why)
{
	struct users u = { .nh = nh, .before = UINT32_MAX, .cpu = cpu, .why = why };
	u64 key[6] = { 0 };
	if (list_empty(&nh->infos) || !nh->net->fib->nexthop_compat)
		return;
	fib_walk(nh->net, AF_INET, 0, key, tell_user4, &u);
	while (user6_before(&u))
		tell_route(&u, u.next, AF_INET6);
}

/* -- checking and making -- */

static int valid_member(const struct nexthop *nh, unsigned n, bool fdb, struct nl_ext_ack *ack)
{
	if (nexthop_is_group(nh)) {
		NL_SET_ERR(ack, nh->res ? "Resilient group can not be a nexthop within a group" :
					  "Hash-threshold group can not be a nexthop within a group");
		return -EINVAL;
	}
	if (nh->blackhole && n > 1) {
		NL_SET_ERR(ack, "Blackhole nexthop can not be used in a group with more than 1 path");
		return -EINVAL;
	}
	if (fdb && !nh->fdb) {
		NL_SET_ERR(ack, "FDB nexthop group can only have fdb nexthops");
		return -EINVAL;
	}
	if (!fdb && nh->fdb) {
		NL_SET_ERR(ack, "Non FDB nexthop group cannot have fdb nexthops");
		return -EINVAL;
	}
	return 0;
}

static int check_group(struct netns *net, const struct nexthop_config *c)
{
	for (unsigned i = 0; i < c->n; i++) {
		if (c->group[i].resvd2) {
			NL_SET_ERR(c->ack, "Reserved field in nexthop_grp must be 0");
			return -EINVAL;
		}
		for (unsigned j = i + 1; j < c->n; j++) {
			if (c->group[i].id == c->group[j].id) {
				NL_SET_ERR(c->ack, "Nexthop id can not be used twice in a group");
				return -EINVAL;
			}
		}
	}
	if (c->has_buckets && !c->buckets) {
		NL_SET_ERR(c->ack, "Number of buckets needs to be non-0");
		return -EINVAL;
	}
	for (unsigned i = 0; i < c->n; i++) {
		struct nexthop *nh = nexthop_find(net, c->group[i].id);
		int err;
		if (!nh) {
			NL_SET_ERR(c->ack, "Invalid nexthop id");
			return -EINVAL;
		}
		err = valid_member(nh, c->n, c->fdb, c->ack);
		if (err)
			return err;
	}
	return 0;
}

static int make_group(struct cpu *cpu, struct nexthop *nh, const struct nexthop_config *c)
{
	int err = check_group(nh->net, c);
	if (err)
		return err;
	nh->members = mem_zalloc(fib_mem(nh->net), c->n * sizeof(*nh->members));
	if (!nh->members)
		return -ENOMEM;
	nh->n = c->n;
	nh->fdb = c->fdb;
	nh->hw_stats = c->hw_stats;
	for (unsigned i = 0; i < c->n; i++) {
		struct nexthop_member *m = &nh->members[i];
		m->nh = nexthop_find(nh->net, c->group[i].id);
		m->group = nh;
		m->weight = nexthop_grp_weight_of(&c->group[i]);
		list_add_head(&m->nh->member_of, &m->link);
	}
	return c->resilient ? nexthop_resilient_new(cpu, nh, c) : 0;
}

static int make_single(struct cpu *cpu, struct nexthop *nh, const struct nexthop_config *c)
{
	struct net_device *dev = dev_by_index(nh->net, c->oif), *vrf = dev ? dev_vrf(dev) : NULL;
	struct fib6_hop_kind k = { .table = vrf ? vrf->l3mdev_table : 0 };
	struct fib_nh *h = &nh->hop;
	nh->family = c->family;
	nh->fdb = c->fdb;
	*h = (struct fib_nh){ .has_gw = c->has_gw, .gw_family = c->family, .gateway = c->gateway, .oif = c->oif, .flags = c->flags,
			      .weight = 1 };
	if (c->blackhole) {
		nh->blackhole = true;
		if (c->family == AF_INET6 && !fib_ops(nh->net, AF_INET6)->dev_enabled(nh->net->dev->loopback)) {
			NL_SET_ERR(c->ack, "IPv6 is disabled on nexthop device");
			return -EACCES;
		}
		if (!(nh->net->dev->loopback->flags & IFF_UP)) { /* through which it leads */
			NL_SET_ERR(c->ack, c->family == AF_INET ? "Device for nexthop is not up" : "Nexthop device is not up");
			return -ENETDOWN;
		}
		return 0;
	}
	if (c->fdb) {
		h->scope = RT_SCOPE_LINK;
		return 0;
	}
	if (c->family == AF_INET6)
		return fib6_nh_check(cpu, nh->net, h, &k, c->ack);
	return fib_nh_check(cpu, nh->net, h, AF_INET, RT_TABLE_MAIN, RT_SCOPE_UNIVERSE, c->ack);
}

static void leave_groups(struct nexthop *nh)
{
	for (unsigned i = 0; i < nh->n; i++)
		list_del(&nh->members[i].link);
}

static void drop_content(struct nexthop *nh)
{
	leave_groups(nh);
	nexthop_resilient_free(nh);
	mem_free(fib_mem(nh->net), nh->members);
	nh->members = NULL;
	nh->n = 0;
	fib_exceptions_free(nh->net, nh->hop.exceptions);
	nh->hop.exceptions = NULL;
	if (nh->hop.dev)
		dev_put(nh->hop.dev);
	nh->hop.dev = NULL;
}

static struct nexthop *make(struct cpu *cpu, struct netns *net, const struct nexthop_config *c, int *err)
{
	struct nexthop *nh = mem_zalloc(fib_mem(net), sizeof(*nh));
	*err = -ENOMEM;
	if (!nh)
		return NULL;
	nh->net = net;
	nh->id = c->id;
	nh->protocol = c->protocol;
	list_init(&nh->member_of);
	list_init(&nh->infos);
	*err = c->group ? make_group(cpu, nh, c) : make_single(cpu, nh, c);
	if (!*err)
		return nh;
	drop_content(nh);
	mem_free(fib_mem(net), nh);
	return NULL;
}

static u32 unused_id(struct netns *net)
{
	u32 start = net->fib->last_nexthop_id;
	while (++net->fib->last_nexthop_id != start)
		if (net->fib->last_nexthop_id && !nexthop_find(net, net->fib->last_nexthop_id))
			return net->fib->last_nexthop_id;
	return 0;
}

/* Do the routes over `owner` bear `new` in its place, or in that of one of its members? */
static int suits_routes(const struct nexthop *owner, const struct nexthop *new, struct nl_ext_ack *ack)
{
	static const u8 families[] = { AF_INET, AF_INET6 };
	const struct fib_info *fi;
	for (unsigned i = 0; i < ARRAY_SIZE(families); i++)
		list_for_each(fi, &owner->infos, nexthop_link) {
			struct fib_config c = { .family = fi->family, .scope = fi->scope, .type = fi->type, .ack = ack };
			int err = fi->family == families[i] ? fib_object_check(new, &c) : 0;
			if (err)
				return err;
		}
	return 0;
}

static int may_replace(const struct nexthop *old, const struct nexthop *new, const struct nexthop_config *c)
{
	const struct nexthop_member *m;
	int err = suits_routes(old, new, c->ack);
	if (err)
		return err;
	list_for_each(m, &old->member_of, link) {
		if (!nexthop_is_group(new) && new->blackhole && m->group->n > 1) {
			NL_SET_ERR(c->ack, "Blackhole nexthop can not be a member of a group with more than one path");
			return -EINVAL;
		}
		err = suits_routes(m->group, new, c->ack);
		if (err)
			return err;
	}
	if (nexthop_is_group(new) && !nexthop_is_group(old)) {
		NL_SET_ERR(c->ack, "Can not replace a nexthop with a nexthop group.");
		return -EINVAL;
	}
	if (!nexthop_is_group(new) && nexthop_is_group(old)) {
		NL_SET_ERR(c->ack, "Can not replace a nexthop group with a nexthop.");
		return -EINVAL;
	}
	if (nexthop_is_group(new) && !old->res != !new->res) {
		NL_SET_ERR(c->ack, "Can not replace a nexthop group with one of a different type.");
		return -EINVAL;
	}
	if (old->res && c->has_buckets && old->res->count != c->buckets) {
		NL_SET_ERR(c->ack, "Can not change number of buckets of a resilient nexthop group.");
		return -EINVAL;
	}
	if (!nexthop_is_group(new) && new->fdb != old->fdb && !list_empty(&old->member_of)) {
		NL_SET_ERR(c->ack, "Cannot change nexthop FDB status while in a group.");
		return -EINVAL;
	}
	return 0;
}

/* `old` takes over what `new` has; `new` goes. */
static int replace(struct cpu *cpu, struct nexthop *old, struct nexthop *new, const struct nexthop_config *c)
{
	const struct nexthop_event why = { .portid = c->portid, .seq = c->seq, .nl_flags = c->nl_flags };
	struct nexthop_member *m;
	int err = may_replace(old, new, c);
	if (err) {
		drop_content(new);
		mem_free(fib_mem(new->net), new);
		return err;
	}
	if (nexthop_is_group(old)) {
		struct nexthop_resilient *was = old->res;
		struct nexthop_member *members = old->members;
		leave_groups(old);
		old->members = new->members;
		old->res = new->res;
		new->members = members;
		unsigned n = old->n;
		old->n = new->n;
		new->n = 0;
		for (unsigned i = 0; i < old->n; i++)
			old->members[i].group = old;
		if (old->res)
			nexthop_resilient_take_over(cpu, old, was, members, n, c);
		mem_free(fib_mem(old->net), members);
		new->members = NULL;
		new->res = NULL;
		old->hw_stats = new->hw_stats;
	} else {
		struct fib_nh h = old->hop;
		old->hop = new->hop;
		new->hop = h;
		old->family = new->family;
		old->blackhole = new->blackhole;
		old->fdb = new->fdb;
	}
	old->protocol = new->protocol;
	drop_content(new);
	mem_free(fib_mem(new->net), new);
	propagate(cpu, old);
	announce(cpu, EV_NEXTHOP_SET, old, &why);
	tell_users(cpu, old, &why);
	list_for_each(m, &old->member_of, link)
		tell_users(cpu, m->group, &why);
	return 0;
}

int nexthop_set(struct cpu *cpu, struct netns *net, const struct nexthop_config *asked)
{
	struct nexthop_config c = *asked;
	struct nexthop *nh, *old;
	int err;

	if (c.nl_flags & NLM_F_REPLACE && !c.id) {
		NL_SET_ERR(c.ack, "Replace requires nexthop id");
		return -EINVAL;
	}
	if (!c.id) {
		c.id = unused_id(net);
		if (!c.id) {
			NL_SET_ERR(c.ack, "No unused id");
			return -EINVAL;
		}
	}
	nh = make(cpu, net, &c, &err);
	if (!nh)
		return err;
	old = nexthop_find(net, c.id);
	if (old && c.nl_flags & NLM_F_REPLACE)
		return replace(cpu, old, nh, &c);
	if (old || !(c.nl_flags & NLM_F_CREATE)) {
		if (!old)
			NL_SET_ERR(c.ack, c.nl_flags & NLM_F_REPLACE ? "Replace specified without create and no entry exists" :
								       "Entry for given id does not exist");
		drop_content(nh);
		mem_free(fib_mem(net), nh);
		return old ? -EEXIST : -ENOENT;
	}
	insert(net, nh);
	announce(cpu, EV_NEXTHOP_SET, nh, &(struct nexthop_event){ .portid = c.portid, .seq = c.seq, .nl_flags = c.nl_flags });
	return 0;
}

/* -- end -- */

static void forget_routes(struct cpu *cpu, struct nexthop *nh)
{
	struct users u = { .nh = nh, .before = UINT32_MAX };
	struct fib_info *fi, *tmp;
	bool any = !list_empty(&nh->infos);
	while (any && user6_before(&u))
		fib6_route_del_alias(cpu, nh->net, u.next, !nh->net->fib->nexthop_compat);
	any = !list_empty(&nh->infos);
	list_for_each_safe(fi, tmp, &nh->infos, nexthop_link) {
		fi->flags |= RTNH_F_DEAD;
		for (unsigned i = 0; i < fi->nhs; i++)
			fi->nh[i].flags |= RTNH_F_DEAD;
		list_del(&fi->nexthop_link);
		list_init(&fi->nexthop_link);
		fi->nexthop = NULL;
	}
	if (any) {
		fib_flush(cpu, nh->net, false);
		fib6_flush_dead(cpu, nh->net, NULL, false);
	}
}

/* One member less; a group without any goes. */
static void leave(struct cpu *cpu, struct nexthop_member *m, const struct nexthop_event *why)
{
	struct nexthop *group = m->group;
	unsigned at = (unsigned)(m - group->members);
	if (group->n == 1) { /* told with its last member */
		nexthop_del(cpu, group, why);
		return;
	}
	list_del(&m->link);
	for (unsigned i = 0; i < group->n; i++)
		if (i != at)
			list_del(&group->members[i].link);
	memmove(&group->members[at], &group->members[at + 1], (group->n - 1 - at) * sizeof(*m));
	group->n--;
	group->hw_stats = false; /* as in Linux, where it is another group from here on */
	for (unsigned i = 0; i < group->n; i++)
		list_add_head(&group->members[i].nh->member_of, &group->members[i].link);
	if (group->res)
		nexthop_resilient_lost(cpu, group, (s32)at);
	refresh_routes(cpu, group);
	announce(cpu, EV_NEXTHOP_SET, group, why);
}

void nexthop_del(struct cpu *cpu, struct nexthop *nh, const struct nexthop_event *why)
{
	rb_erase(&nh->net->fib->nexthops, &nh->node);
	announce(cpu, EV_NEXTHOP_DEL, nh, why);
	forget_routes(cpu, nh);
	while (!list_empty(&nh->member_of))
		leave(cpu, list_first(&nh->member_of, struct nexthop_member, link), why);
	drop_content(nh);
	fib_genid_bump(nh->net);
	mem_free(fib_mem(nh->net), nh);
}

void nexthop_dev_event(struct cpu *cpu, struct netns *net, enum net_event ev, const struct net_device *dev)
{
	struct nexthop *nh;
	bool gone = ev == EV_LINK_UNREGISTER;
	if (!net->fib || (!gone && ev != EV_LINK_DOWN && (ev != EV_LINK_CHANGE || (dev->carrier && dev->flags & IFF_UP))))
		return;
again:
	for (u32 id = 0; (nh = nexthop_next(net, id)); id = nh->id)
		if (nh->hop.dev == dev) {
			nexthop_del(cpu, nh, NULL);
			goto again;
		}
}

void nexthops_fini(struct netns *net)
{
	struct nexthop *nh;
	while ((nh = nexthop_next(net, 0)))
		nexthop_del(net->home, nh, NULL);
}
