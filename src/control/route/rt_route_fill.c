/* Routes into messages, of both families: for dumps, notifications and `ip route get fibmatch`. */
#include "control/route/rt_route.h"
#include "inet/ip4/ip4.h"
#include "inet/route/nexthop.h"
#include "transport/tcp/tcp_cc.h"

void rt_put_addr(struct nl_buf *b, u16 type, u8 family, const struct inaddr *a)
{
	if (family == AF_INET)
		nl_put_u32(b, type, inaddr_v4(a).raw);
	else
		nl_put(b, type, a->b, 16);
}

void rt_put_via6(struct nl_buf *b, const struct inaddr *gw)
{
	u8 via[18] = { AF_INET6 };
	memcpy(via + 2, gw->b, 16);
	nl_put(b, RTA_VIA, via, sizeof(via));
}

static void put_gateway(struct nl_buf *b, const struct fib_nh *nh, u8 family)
{
	if (!nh->has_gw)
		return;
	if (nh->gw_family == family) {
		rt_put_addr(b, RTA_GATEWAY, family, &nh->gateway);
		return;
	}
	rt_put_via6(b, &nh->gateway);
}

static u32 hop_flags(const struct fib_nh *nh, u8 family)
{
	u32 flags = nh->flags & (RTNH_F_ONLINK | RTNH_F_DEAD | RTNH_F_LINKDOWN);
	const struct netns *net = nh->dev ? nh->dev->net : NULL;
	const struct fib_family_ops *ops = !net ? NULL : family == AF_INET ? net->fib->ops4 : net->fib->ops6;

	if ((flags & RTNH_F_LINKDOWN) && ops && ops->ignore_linkdown(nh->dev))
		flags |= RTNH_F_DEAD;
	return flags;
}

void rt_put_metrics(struct nl_buf *b, const struct world *w, const u32 *metrics)
{
	size_t nest;

	if (!metrics)
		return;
	nest = nl_nest(b, RTA_METRICS);
	for (u16 i = 1; i < RTAX_SLOTS; i++) {
		u32 v = metrics[i];
		if (i == RTAX_FEATURES)
			v &= RTAX_FEATURES_KNOWN;
		const struct tcp_cc_ops *cc = i == RTAX_CC_ALGO ? tcp_cc_by_id(w, v) : NULL;

		if (cc)
			nl_put_str(b, i, cc->name);
		else if (v)
			nl_put_u32(b, i, v);
	}
	if (b->len == nest + NLA_HDRLEN)
		nl_nest_cancel(b, nest);
	else
		nl_nest_end(b, nest);
}

/* A struct rtnexthop has an attribute's shape: length, then flags and hops where the type would be, then four bytes. */
static void put_hop(struct nl_buf *b, const struct fib_nh *nh, u8 family)
{
	u8 hops = (u8)(nh->weight ? nh->weight - 1 : 0);
	s32 ifindex = nh->dev ? nh->dev->ifindex : nh->oif;
	size_t at = b->len;

	nl_put(b, (u16)((hop_flags(nh, family) & 0xff) | hops << 8), &ifindex, sizeof(ifindex));
	put_gateway(b, nh, family);
	if (nh->realms)
		nl_put_u32(b, RTA_FLOW, nh->realms);
	nl_nest_end(b, at);
}

static void put_multipath(struct nl_buf *b, const struct fib_info *fi)
{
	size_t nest = nl_nest(b, RTA_MULTIPATH);

	for (unsigned i = 0; i < fi->nhs; i++)
		put_hop(b, &fi->nh[i], fi->family);
	nl_nest_end(b, nest);
}

static void put_hops(struct nl_buf *b, struct rtmsg *m, const struct fib_info *fi)
{
	bool group = fi->family == AF_INET6 && fi->nexthop && nexthop_is_group(fi->nexthop); /* is shown as one even when it has one member */

	if (fi->nhs == 1 && !group) {
		m->rtm_flags = hop_flags(&fi->nh[0], fi->family);
		put_gateway(b, &fi->nh[0], fi->family);
		if (fi->nh[0].dev)
			nl_put_u32(b, RTA_OIF, (u32)fi->nh[0].dev->ifindex);
		if (fi->nh[0].realms)
			nl_put_u32(b, RTA_FLOW, fi->nh[0].realms);
	} else if (fi->nhs) {
		put_multipath(b, fi);
	}
}

static void put_object(struct nl_buf *b, struct rtmsg *m, const struct fib_info *fi)
{
	if (!fi->nh_id)
		return;
	nl_put_u32(b, RTA_NH_ID, fi->nh_id);
	if (fi->reject)
		m->rtm_type = RTN_BLACKHOLE;
}

/* IPv6: the siblings behind `from`, around to it. */
static void put_siblings(struct nl_buf *b, const struct fib6_alias *head, const struct fib6_alias *from)
{
	size_t nest = nl_nest(b, RTA_MULTIPATH);
	const struct fib6_alias *a;

	for (a = from; a; a = fib6_next(a)) {
		if (fib6_is_sibling(a, from))
			put_hop(b, &a->a.fi->nh[0], AF_INET6);
	}
	for (a = head; a && a != from; a = fib6_next(a)) {
		if (fib6_is_sibling(a, from))
			put_hop(b, &a->a.fi->nh[0], AF_INET6);
	}
	nl_nest_end(b, nest);
}

void rt_put_cacheinfo6(struct nl_buf *b, const struct fib6_alias *a, u64 now, s32 error)
{
	struct rta_cacheinfo ci = { .rta_error = (u32)error };

	if (a->rtf & FIB6_EXPIRES)
		ci.rta_expires = a->expires > now ? (s32)rt_ticks(a->expires - now) : -(s32)rt_ticks(now - a->expires);
	nl_put(b, RTA_CACHEINFO, &ci, sizeof(ci));
}

/* iif: of a question's packet, 0: none. */
static void put_alias6(struct nl_buf *b, struct rtmsg *m, const struct fib6_alias *a, const struct netns *net, s32 iif)
{
	const struct fib_info *fi = a->a.fi;
	const struct fib_table *t = a->siblings ? fib_table_find((struct netns *)net, AF_INET6, a->a.table) : NULL;
	const struct fib_alias *head = t ? lpm_find(&t->lpm, lpm_key_of(AF_INET6, &a->a.prefix), a->a.prefix_len) : NULL;

	if (a->a.prefix_len)
		nl_put(b, RTA_DST, a->a.prefix.b, 16);
	if (a->src_len) {
		m->rtm_src_len = a->src_len;
		nl_put(b, RTA_SRC, a->src.b, 16);
	}
	if (iif)
		nl_put_u32(b, RTA_IIF, (u32)iif);
	if (!inaddr_is_any(&fi->prefsrc))
		nl_put(b, RTA_PREFSRC, fi->prefsrc.b, 16);
	rt_put_metrics(b, fi->world, fi->metrics);
	nl_put_u32(b, RTA_PRIORITY, a->metric);
	if (head) {
		put_siblings(b, fib6_alias(head), a);
	} else {
		put_object(b, m, fi);
		if (!fi->nh_id || net->fib->nexthop_compat)
			put_hops(b, m, fi);
	}
	rt_put_cacheinfo6(b, a, net->home->now, 0);
	nl_put_u8(b, RTA_PREF, a->pref);
}

int rt_route_fill(struct nl_buf *b, const struct fib_alias *a, u16 type, u16 flags, u32 seq, u32 portid)
{
	return rt_route_fill_in(b, a, &(struct rt_shown){ .table = a->table, .type = a->type }, type, flags, seq, portid);
}

int rt_route_fill_in(struct nl_buf *b, const struct fib_alias *a, const struct rt_shown *as, u16 type, u16 flags, u32 seq, u32 portid)
{
	const struct fib_info *fi = a->fi;
	struct rtmsg *m = nl_begin(b, type, flags, seq, portid, sizeof(*m));
	u32 table = as->table;

	if (!m)
		return nl_end(b);
	/* The buffer may move while it grows: the header is found anew by its offset. */
	struct rtmsg h = { .rtm_family = fi->family, .rtm_dst_len = a->prefix_len, .rtm_tos = a->tos,
			   .rtm_table = table < 256 ? (u8)table : RT_TABLE_COMPAT, .rtm_protocol = fi->protocol,
			   .rtm_scope = fi->family == AF_INET ? fi->scope : RT_SCOPE_UNIVERSE, .rtm_type = as->type,
			   .rtm_flags = fi->family == AF_INET ? fi->flags : 0 };
	nl_put_u32(b, RTA_TABLE, table);
	if (fi->family == AF_INET6) {
		put_alias6(b, &h, fib6_alias(a), fi->net, as->iif);
	} else {
		if (a->prefix_len)
			nl_put_u32(b, RTA_DST, inaddr_v4(&a->prefix).raw);
		if (fi->priority)
			nl_put_u32(b, RTA_PRIORITY, fi->priority);
		rt_put_metrics(b, fi->world, fi->metrics);
		if (!inaddr_is_any(&fi->prefsrc))
			nl_put_u32(b, RTA_PREFSRC, inaddr_v4(&fi->prefsrc).raw);
		put_object(b, &h, fi);
		if (!fi->nh_id || fi->net->fib->nexthop_compat)
			put_hops(b, &h, fi);
	}
	if (!b->err)
		memcpy(b->data + b->msg + NLMSG_HDRLEN, &h, sizeof(h));
	return nl_end(b);
}
