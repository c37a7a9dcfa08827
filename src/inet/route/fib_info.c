/* fib_info: what many routes share (next hops, metrics, protocol, priority), found by content, so that a million prefixes over ten
 * neighbours cost ten of them. Checks what a new one asks for, in Linux's order and words.
 *
 * Two counts: `refcnt` of the routes (at zero it leaves the table and lets go of devices and dsts), `memcnt` of the memory, which
 * the dsts that point at its metrics share.
 */
#include "inet/route/nexthop_priv.h"

const struct fib_type_prop fib_type_props[RTN_MAX + 1] = {
	[RTN_UNSPEC] = { 0, RT_SCOPE_NOWHERE },	 [RTN_UNICAST] = { 0, RT_SCOPE_UNIVERSE },
	[RTN_LOCAL] = { 0, RT_SCOPE_HOST },	 [RTN_BROADCAST] = { 0, RT_SCOPE_LINK },
	[RTN_ANYCAST] = { 0, RT_SCOPE_LINK },	 [RTN_MULTICAST] = { 0, RT_SCOPE_UNIVERSE },
	[RTN_BLACKHOLE] = { -EINVAL, RT_SCOPE_UNIVERSE }, [RTN_UNREACHABLE] = { -EHOSTUNREACH, RT_SCOPE_UNIVERSE },
	[RTN_PROHIBIT] = { -EACCES, RT_SCOPE_UNIVERSE }, [RTN_THROW] = { -EAGAIN, RT_SCOPE_UNIVERSE },
	[RTN_NAT] = { -EINVAL, RT_SCOPE_NOWHERE }, [RTN_XRESOLVE] = { -EINVAL, RT_SCOPE_NOWHERE },
};

static u32 content_hash(const struct fib_info *fi)
{
	static const struct fib_nh by_name;
	const struct fib_nh *nh = fi->nh_id ? &by_name : &fi->nh[0];
	u64 a = (u64)fi->protocol | (u64)fi->scope << 8 | (u64)fi->type << 16 | ((u64)(fi->nh_id ? fi->nh_id : fi->nhs) << 24) | (u64)fi->priority << 32;
	u64 b = (u64)(u32)nh->oif | (u64)fi->table << 32;
	u64 c = nh->has_gw ? nh->gateway.q[0] * 31 + nh->gateway.q[1] : 0;
	return hash32_u64(a ^ hash32_u64(b, 1) ^ hash32_u64(c, 2) ^ hash32_u64(fi->prefsrc.q[1], 3), 0);
}

static bool same_hop(const struct fib_nh *a, const struct fib_nh *b)
{
	return a->oif == b->oif && a->has_gw == b->has_gw && (!a->has_gw || inaddr_eq(&a->gateway, &b->gateway)) &&
	       a->scope == b->scope && a->weight == b->weight && a->realms == b->realms && a->dev == b->dev &&
	       !((a->flags ^ b->flags) & ~(u32)(RTNH_F_DEAD | RTNH_F_LINKDOWN | RTNH_F_OFFLOAD));
}

static bool same_metrics(const u32 *a, const u32 *b)
{
	static const u32 none[RTAX_SLOTS];
	return !memcmp(a ? a : none, b ? b : none, sizeof(none));
}

static bool same_content(const struct fib_info *a, const struct fib_info *b)
{
	if ((!a->nh_id && a->nhs != b->nhs) || a->family != b->family || a->protocol != b->protocol || a->scope != b->scope || a->type != b->type ||
	    a->priority != b->priority || a->table != b->table || a->nh_id != b->nh_id || a->anycast != b->anycast || !inaddr_eq(&a->prefsrc, &b->prefsrc) ||
	    ((a->flags ^ b->flags) & ~(u32)(RTNH_F_DEAD | RTNH_F_LINKDOWN | RTNH_F_OFFLOAD)) ||
	    !same_metrics(a->metrics, b->metrics))
		return false;
	for (unsigned i = 0; !a->nh_id && i < a->nhs; i++)
		if (!same_hop(&a->nh[i], &b->nh[i]))
			return false;
	return true;
}

static void info_free(struct epoch_node *node)
{
	struct fib_info *fi = container_of(node, struct fib_info, epoch);
	struct mem *mem = &fi->world->mem;
	mem_free(mem, fi->metrics);
	if (fi->nh != fib_info_inline_hops(fi))
		mem_free(mem, fi->nh);
	mem_free(mem, fi);
}

void fib_info_mem_put(struct fib_info *fi)
{
	if (__atomic_sub_fetch(&fi->memcnt, 1, __ATOMIC_ACQ_REL) == 0)
		epoch_defer_node(fi->world, &fi->epoch, info_free);
}

static void let_go(struct fib_info *fi)
{
	for (unsigned i = 0; i < fi->nhs; i++) {
		fib_exceptions_free(fi->net, fi->nh[i].exceptions);
		fi->net->fib->hops_with_realms -= fi->nh[i].realms != 0;
		dst_put(fi->nh[i].dst);
		if (fi->nh[i].dev)
			dev_put(fi->nh[i].dev);
	}
	if (fi->nexthop)
		list_del(&fi->nexthop_link);
	fi->nexthop = NULL;
	fib_info_mem_put(fi);
}

void fib_info_put(struct fib_info *fi)
{
	if (--fi->refcnt)
		return;
	htable_del(&fi->net->fib->infos, &fi->node);
	let_go(fi);
}

bool fib_nh_usable(const struct fib_nh *nh)
{
	const struct fib_family_ops *ops = fib_ops(nh->info->net, nh->info->family);
	return !(nh->flags & RTNH_F_DEAD) && !(nh->flags & RTNH_F_LINKDOWN && nh->dev && ops && ops->ignore_linkdown(nh->dev));
}

/* Shares out the 31-bit hash space among the usable hops by weight. */
void fib_info_rebalance(struct fib_info *fi)
{
	u64 total = 0, sum = 0;
	if (fi->nhs < 2)
		return;
	for (unsigned pass = 0; pass < 2; pass++) {
		for (unsigned i = 0; i < fi->nhs; i++) {
			struct fib_nh *nh = &fi->nh[i];
			bool usable = fib_nh_usable(nh);
			if (!pass) {
				total += usable ? nh->weight : 0;
			} else {
				sum += usable ? nh->weight : 0;
				nh->upper_bound = usable ? (u32)((((u64)sum << 31) + total / 2) / total - 1) : 0;
			}
		}
		if (!total)
			return;
	}
}

static bool prefsrc_valid(struct netns *net, const struct fib_config *c)
{
	struct flow fl = { .family = c->family, .daddr = c->prefsrc };
	struct fib_result res;
	be32 v4 = inaddr_v4(&c->prefsrc);
	struct fib_table *tb;
	if (c->type == RTN_LOCAL && c->prefix_len && inaddr_eq(&c->prefsrc, &c->dst))
		return true;
	if (v4_is_zeronet(v4) || v4_is_broadcast(v4) || v4_is_multicast(v4))
		return false;
	tb = c->table && c->table != RT_TABLE_MAIN ? fib_table_find(net, c->family, c->table) : NULL;
	if (tb && !fib_table_lookup(net->home, net, tb, &fl, &res, true) && res.alias->type == RTN_LOCAL)
		return true;
	return fib_addr_type(net, NULL, &c->prefsrc) == RTN_LOCAL;
}

static int check_hops(struct cpu *cpu, struct fib_info *fi, const struct fib_config *c)
{
	struct netns *net = fi->net;
	int err = 0;
	if (fib_type_props[c->type].error) {
		if (c->has_gw || c->oif || c->mp) {
			NL_SET_ERR(c->ack, "Gateway, device and multipath can not be specified for this route type");
			return -EINVAL;
		}
		return 0;
	}
	if (c->type != RTN_UNICAST && c->type != RTN_LOCAL && c->type != RTN_BROADCAST && c->type != RTN_ANYCAST &&
	    c->type != RTN_MULTICAST) {
		NL_SET_ERR(c->ack, "Invalid route type");
		return -EINVAL;
	}
	if (c->scope > RT_SCOPE_HOST) {
		NL_SET_ERR(c->ack, "Invalid scope");
		return -EINVAL;
	}
	if (c->scope == RT_SCOPE_HOST) {
		struct fib_nh *nh = &fi->nh[0];
		if (fi->nhs != 1) {
			NL_SET_ERR(c->ack, "Route with host scope can not have multiple nexthops");
			return -EINVAL;
		}
		if (nh->has_gw) {
			NL_SET_ERR(c->ack, "Route with host scope can not have a gateway");
			return -EINVAL;
		}
		nh->scope = RT_SCOPE_NOWHERE;
		nh->dev = dev_by_index(net, nh->oif);
		if (!nh->dev)
			return -ENODEV;
		dev_hold(nh->dev);
		return 0;
	}
	for (unsigned i = 0, down = 0; i < fi->nhs && !err; i++) {
		err = fib_nh_check(cpu, net, &fi->nh[i], c->family, c->table, c->scope, c->ack);
		down += (fi->nh[i].flags & RTNH_F_LINKDOWN) != 0;
		if (down == fi->nhs)
			fi->flags |= RTNH_F_LINKDOWN;
	}
	return err;
}

static int check_request(const struct fib_config *c)
{
	if (c->type > RTN_MAX) {
		NL_SET_ERR(c->ack, "Invalid route type");
		return -EINVAL;
	}
	if (fib_type_props[c->type].scope > c->scope) {
		NL_SET_ERR(c->ack, "Invalid scope");
		return -EINVAL;
	}
	if (c->flags & (RTNH_F_DEAD | RTNH_F_LINKDOWN)) {
		NL_SET_ERR(c->ack, "Invalid rtm_flags - can not contain DEAD or LINKDOWN");
		return -EINVAL;
	}
	for (unsigned i = 0; i < c->mp_len; i++) {
		if (c->mp[i].flags & (RTNH_F_DEAD | RTNH_F_LINKDOWN)) {
			NL_SET_ERR(c->ack, "Invalid flags for nexthop - can not contain DEAD or LINKDOWN");
			return -EINVAL;
		}
	}
	if (c->mp && c->oif && c->mp[0].oif != c->oif) {
		NL_SET_ERR(c->ack, "Nexthop device index does not match RTA_OIF");
		return -EINVAL;
	}
	if (c->mp && c->has_gw && !(c->mp[0].has_gw && inaddr_eq(&c->mp[0].gateway, &c->gateway))) {
		NL_SET_ERR(c->ack, "Nexthop gateway does not match RTA_GATEWAY or RTA_VIA");
		return -EINVAL;
	}
	return 0;
}

static struct fib_info *info_alloc(struct netns *net, const struct fib_config *c, const struct nexthop *object)
{
	unsigned nhs = object ? nexthop_hops(object) : c->mp ? c->mp_len : 1;
	struct fib_info *fi = mem_zalloc(fib_mem(net), sizeof(*fi) + nhs * sizeof(fi->nh[0]));
	if (!fi)
		return NULL;
	*fi = (struct fib_info){ .net = net, .world = net->world, .refcnt = 1, .memcnt = 1, .family = c->family, .protocol = c->protocol,
				 .scope = c->scope, .type = c->type, .priority = c->family == AF_INET ? c->priority : 0,
				 .flags = c->mp ? 0 : c->flags, .table = c->table, .nh_id = c->nh_id, .nhs = nhs,
				 .anycast = c->rtf & FIB6_ANYCAST,
				 .nh = (struct fib_nh *)(fi + 1) };
	if (c->has_prefsrc)
		fi->prefsrc = c->prefsrc;
	list_init(&fi->nexthop_link);
	if (object)
		nexthop_fill_hops(object, fi, fi->nh);
	for (unsigned i = 0; !object && i < nhs; i++) {
		struct fib_nh *nh = &fi->nh[i];
		nh->info = fi;
		nh->oif = c->mp ? c->mp[i].oif : c->oif;
		nh->has_gw = c->mp ? c->mp[i].has_gw : c->has_gw;
		nh->gw_family = c->mp ? c->mp[i].gw_family : c->gw_family;
		if (nh->has_gw)
			nh->gateway = c->mp ? c->mp[i].gateway : c->gateway;
		nh->flags = c->mp ? c->mp[i].flags : c->flags;
		nh->realms = c->mp ? c->mp[i].realms : c->realms;
		net->fib->hops_with_realms += nh->realms != 0;
		nh->weight = MAX(c->mp ? c->mp[i].weight : c->weight, 1u);
		if (nh->has_gw && !nh->gw_family)
			nh->gw_family = c->family;
	}
	if (c->metrics) {
		fi->metrics = mem_alloc(fib_mem(net), RTAX_SLOTS * sizeof(u32));
		if (!fi->metrics) {
			let_go(fi);
			return NULL;
		}
		memcpy(fi->metrics, c->metrics, RTAX_SLOTS * sizeof(u32));
	}
	return fi;
}

int fib_object_check(const struct nexthop *nh, const struct fib_config *c)
{
	const struct nexthop *first = nh && nexthop_is_group(nh) ? nh->members[0].nh : nh;
	if (!nh) {
		NL_SET_ERR(c->ack, "Nexthop id does not exist");
		return -EINVAL;
	}
	if (c->family == AF_INET6 && (c->src.q[0] || c->src.q[1])) {
		NL_SET_ERR(c->ack, "Nexthops can not be used with source routing");
		return -EINVAL;
	}
	if (first->fdb) {
		NL_SET_ERR(c->ack, "Route cannot point to a fdb nexthop");
		return -EINVAL;
	}
	if (c->family == AF_INET6) {
		for (unsigned i = 0; i < nexthop_hops(nh); i++) {
			const struct nexthop *n = nexthop_is_group(nh) ? nh->members[i].nh : nh;
			if (n->family == AF_INET) {
				NL_SET_ERR(c->ack, "IPv6 routes can not use an IPv4 nexthop");
				return -EINVAL;
			}
		}
		return 0;
	}
	if (fib_type_props[c->type].error)
		return 0;
	if (nexthop_is_group(nh) && c->scope == RT_SCOPE_HOST) {
		NL_SET_ERR(c->ack, "Route with host scope can not have multiple nexthops");
		return -EINVAL;
	}
	if (c->scope == RT_SCOPE_HOST && first->hop.has_gw) {
		NL_SET_ERR(c->ack, "Route with host scope can not have a gateway");
		return -EINVAL;
	}
	if (first->hop.flags & RTNH_F_ONLINK && c->scope >= RT_SCOPE_LINK) {
		NL_SET_ERR(c->ack, "Scope mismatch with nexthop");
		return -EINVAL;
	}
	return 0;
}

int fib_info_make(struct cpu *cpu, struct netns *net, const struct fib_config *c, struct fib_info **out)
{
	struct nexthop *object = NULL;
	struct fib_info *fi, *old;
	u32 h;
	int err = c->family == AF_INET ? check_request(c) : 0;
	if (err)
		return err;
	if (c->nh_id) {
		object = nexthop_find(net, c->nh_id);
		err = c->metrics_err && c->family == AF_INET6 ? 0 : fib_object_check(object, c); /* IPv6's metrics are looked at before */
		if (err)
			return err;
	}
	if (c->metrics_err) {
		if (c->ack)
			*c->ack = *c->metrics_ack;
		return c->metrics_err;
	}
	fi = info_alloc(net, c, object);
	if (!fi)
		return -ENOBUFS;
	if (object)
		fi->reject = nexthop_is_blackhole(object);
	if (c->family == AF_INET6)
		err = fib6_info_check(cpu, fi, c);
	else if (!object)
		err = check_hops(cpu, fi, c);
	if (!err && c->family == AF_INET && c->has_prefsrc && !inaddr_is_any(&c->prefsrc) && !prefsrc_valid(net, c)) {
		NL_SET_ERR(c->ack, "Invalid prefsrc address");
		err = -EINVAL;
	}
	if (err)
		goto fail;
	h = content_hash(fi);
	htable_for_each_match(old, &net->fib->infos, h, node) {
		if (same_content(old, fi)) {
			old->refcnt++;
			*out = old;
			goto fail;
		}
	}
	for (unsigned i = 0; i < fi->nhs; i++) {
		fi->nh[i].dst = fib_nh_dst_make(&fi->nh[i]);
		if (!fi->nh[i].dst) {
			err = -ENOBUFS;
			goto fail;
		}
	}
	htable_add(&net->fib->infos, &fi->node, h);
	if (object) {
		fi->nexthop = object;
		list_add_tail(&object->infos, &fi->nexthop_link);
	}
	fib_info_rebalance(fi);
	*out = fi;
	return 0;
fail:
	let_go(fi);
	return err;
}

void fib6_prefsrc_gone(struct netns *net, const struct inaddr *addr)
{
	const struct fib_family_ops *ops = net->fib->ops6;
	u64 cursor = 0;
	bool again = true;
	while (again) { /* each change moves what the walk goes over */
		again = false;
		cursor = 0;
		for (struct hnode *n = htable_walk(&net->fib->infos, &cursor, NULL); n; n = htable_walk(&net->fib->infos, &cursor, n)) {
			struct fib_info *fi = container_of(n, struct fib_info, node);
			if (fi->family != AF_INET6 || fi->nh_id || !inaddr_eq(&fi->prefsrc, addr) || ops->own_addr(net, addr, fi->nh[0].dev))
				continue;
			htable_del(&net->fib->infos, &fi->node);
			fi->prefsrc = (struct inaddr){ .q = { 0, 0 } };
			htable_add(&net->fib->infos, &fi->node, content_hash(fi));
			fib_genid_bump(net);
			again = true;
			break;
		}
	}
}

static bool leads_through(const struct fib_info *fi, const struct net_device *dev)
{
	for (unsigned i = 0; i < fi->nhs; i++)
		if (fi->nh[i].dev == dev)
			return true;
	return false;
}

void fib6_sync_mtu(struct netns *net, const struct net_device *dev, u32 was, u32 now)
{
	u64 cursor = 0;
	for (struct hnode *n = htable_walk(&net->fib->infos, &cursor, NULL); n; n = htable_walk(&net->fib->infos, &cursor, n)) {
		const struct fib_info *fi = container_of(n, struct fib_info, node);
		u32 *m = fi->family == AF_INET6 ? fi->metrics : NULL;
		if (m && !(m[RTAX_LOCK] & BIT(RTAX_MTU)) && (m[RTAX_MTU] >= now || m[RTAX_MTU] == was) && leads_through(fi, dev))
			m[RTAX_MTU] = now;
	}
}

static bool metrics_match(const struct fib_info *fi, const struct fib_config *c)
{
	for (unsigned i = 1; c->metrics && i < RTAX_SLOTS; i++)
		if (c->metrics[i] && c->metrics[i] != (fi->metrics ? fi->metrics[i] : 0))
			return false;
	return true;
}

static bool hop_matches(const struct fib_nh *nh, s32 oif, bool has_gw, const struct inaddr *gw)
{
	return (!oif || oif == nh->oif) && (!has_gw || (nh->has_gw && inaddr_eq(gw, &nh->gateway)));
}

bool fib_info_matches(const struct fib_info *fi, const struct fib_config *c)
{
	if (c->priority && c->priority != fi->priority)
		return false;
	if (c->nh_id)
		return c->nh_id == fi->nh_id;
	if (fi->nh_id)
		return !c->oif && !c->has_gw && !c->mp_len;
	if (c->realms && c->realms != fi->nh[0].realms)
		return false;
	if (c->oif || c->has_gw)
		return hop_matches(&fi->nh[0], c->oif, c->has_gw, &c->gateway) && metrics_match(fi, c);
	for (unsigned i = 0; i < c->mp_len; i++)
		if (i >= fi->nhs || !hop_matches(&fi->nh[i], c->mp[i].oif, c->mp[i].has_gw, &c->mp[i].gateway))
			return false;
	return metrics_match(fi, c);
}
