/* RTM_NEWROUTE, RTM_DELROUTE and dumps of RTM_GETROUTE: requests into struct fib_config, routes into messages. What a route may be
 * is for inet/route to say; here are the rules of the message. `ip route get` is rt_route_get.c.
 */
#include <linux/in_route.h>

#include "control/route/rt_route.h"
#include "inet/ip4/ip4.h"
#include "inet/route/nexthop.h"
#include "link/netns_dev.h"
#include "transport/tcp/tcp_cc.h"

const struct nl_policy rt_route_policy[RT_RTA_MAX + 1] = {
	[RTA_DST] = { .type = NLP_U32 },
	[RTA_SRC] = { .type = NLP_U32 },
	[RTA_IIF] = { .type = NLP_U32 },
	[RTA_OIF] = { .type = NLP_U32 },
	[RTA_GATEWAY] = { .type = NLP_U32 },
	[RTA_PRIORITY] = { .type = NLP_U32 },
	[RTA_PREFSRC] = { .type = NLP_U32 },
	[RTA_METRICS] = { .type = NLP_NESTED },
	[RTA_MULTIPATH] = { .type = NLP_MIN_LEN, .len = sizeof(struct rtnexthop) },
	[RTA_FLOW] = { .type = NLP_U32 },
	[RTA_TABLE] = { .type = NLP_U32 },
	[RTA_MARK] = { .type = NLP_U32 },
	[RTA_ENCAP_TYPE] = { .type = NLP_U16 },
	[RTA_ENCAP] = { .type = NLP_NESTED },
	[RTA_UID] = { .type = NLP_U32 },
	[RTA_IP_PROTO] = { .type = NLP_U8 },
	[RTA_SPORT] = { .type = NLP_U16 },
	[RTA_DPORT] = { .type = NLP_U16 },
	[RTA_NH_ID] = { .type = NLP_U32 },
	[RT_RTA_FLOWLABEL] = { .type = NLP_UNSUPPORTED },
};

const struct nl_policy rt_route_policy6[RT_RTA_MAX + 1] = {
	[RTA_DST] = { .type = NLP_MIN_LEN, .len = 0 },
	[RTA_SRC] = { .type = NLP_MIN_LEN, .len = 0 },
	[RTA_GATEWAY] = { .type = NLP_MIN_LEN, .len = 16 },
	[RTA_PREFSRC] = { .type = NLP_MIN_LEN, .len = 16 },
	[RTA_IIF] = { .type = NLP_U32 },
	[RTA_OIF] = { .type = NLP_U32 },
	[RTA_PRIORITY] = { .type = NLP_U32 },
	[RTA_METRICS] = { .type = NLP_NESTED },
	[RTA_MULTIPATH] = { .type = NLP_MIN_LEN, .len = sizeof(struct rtnexthop) },
	[RTA_PREF] = { .type = NLP_U8 },
	[RTA_ENCAP_TYPE] = { .type = NLP_U16 },
	[RTA_ENCAP] = { .type = NLP_NESTED },
	[RTA_EXPIRES] = { .type = NLP_U32 },
	[RTA_UID] = { .type = NLP_U32 },
	[RTA_MARK] = { .type = NLP_U32 },
	[RTA_TABLE] = { .type = NLP_U32 },
	[RTA_IP_PROTO] = { .type = NLP_U8 },
	[RTA_SPORT] = { .type = NLP_U16 },
	[RTA_DPORT] = { .type = NLP_U16 },
	[RTA_NH_ID] = { .type = NLP_U32 },
	[RT_RTA_FLOWLABEL] = { .type = NLP_BE32 },
};

typedef __typeof__(*((struct fib_config *)0)->mp) mp_hop;

/* -- requests into struct fib_config -- */

static int read_metrics(const struct world *w, const struct nlattr *nest, u32 *metrics, struct nl_ext_ack *ack)
{
	static const u32 features = RTAX_FEATURES_KNOWN;
	const struct nlattr *pos;

	nl_for_each_nested(pos, nest) {
		u16 type = nl_type(pos);
		u32 v;

		if (!type)
			continue;
		if (type > RTAX_MAX) {
			NL_SET_ERR(ack, "Invalid metric type");
			return -EINVAL;
		}
		if (type == RTAX_CC_ALGO) {
			metrics[type] = tcp_cc_id(w, nl_data(pos), strnlen(nl_data(pos), nl_len(pos)));
			if (!metrics[type]) {
				NL_SET_ERR(ack, "Unknown tcp congestion algorithm");
				return -EINVAL;
			}
			continue;
		}
		if (nl_len(pos) != sizeof(u32)) {
			NL_SET_ERR_ATTR(ack, pos, "Invalid attribute in metrics");
			return -EINVAL;
		}
		v = nl_u32(pos);
		if (type == RTAX_ADVMSS)
			v = MIN(v, 65535u - 40);
		else if (type == RTAX_MTU)
			v = MIN(v, 65535u - 15);
		else if (type == RTAX_HOPLIMIT)
			v = MIN(v, 255u);
		else if (type == RTAX_FEATURES && (v & ~features)) {
			NL_SET_ERR(ack, "Unknown flag set in feature mask in metrics attribute");
			return -EINVAL;
		}
		if (type < RTAX_SLOTS)
			metrics[type] = v;
	}
	return 0;
}

/* RTA_VIA: a gateway of a family of its own. */
static int read_via(const struct nlattr *via, u8 *family, struct inaddr *gw, bool has_ip6, struct nl_ext_ack *ack)
{
	const struct rtvia *v = nl_data(via);
	be32 a;

	if (nl_len(via) < sizeof(*v)) {
		NL_SET_ERR(ack, "Invalid attribute length for RTA_VIA");
		return -EINVAL;
	}
	switch (v->rtvia_family) {
	case AF_INET:
		if (nl_len(via) != sizeof(*v) + 4) {
			NL_SET_ERR(ack, "Invalid IPv4 address in RTA_VIA");
			return -EINVAL;
		}
		memcpy(&a, v->rtvia_addr, sizeof(a));
		*gw = inaddr_from_v4(a);
		*family = AF_INET;
		return 0;
	case AF_INET6:
		if (!has_ip6) {
			NL_SET_ERR(ack, "IPv6 support not enabled in kernel");
			return -EINVAL;
		}
		if (nl_len(via) != sizeof(*v) + 16) {
			NL_SET_ERR(ack, "Invalid IPv6 address in RTA_VIA");
			return -EINVAL;
		}
		memcpy(gw->b, v->rtvia_addr, 16);
		*family = AF_INET6;
		return 0;
	default:
		NL_SET_ERR(ack, "Unsupported address family in RTA_VIA");
		return -EINVAL;
	}
}

/* *family: in: the route's; out: the gateway's. */
static int read_gateway(const struct nl_attrs *a, bool *has, u8 *family, struct inaddr *gw, bool has_ip6, struct nl_ext_ack *ack)
{
	if (*family == AF_INET6) {
		if (a->a[RTA_VIA]) {
			NL_SET_ERR(ack, "IPv6 does not support RTA_VIA attribute");
			return -EINVAL;
		}
		if (a->a[RTA_GATEWAY]) {
			*has = true;
			memcpy(gw->b, nl_data(a->a[RTA_GATEWAY]), 16);
		}
		return 0;
	}
	if (a->a[RTA_GATEWAY] && a->a[RTA_VIA]) {
		NL_SET_ERR(ack, "Nexthop configuration can not contain both GATEWAY and VIA");
		return -EINVAL;
	}
	if (a->a[RTA_GATEWAY] && nl_u32(a->a[RTA_GATEWAY])) {
		*has = true;
		*family = AF_INET;
		*gw = inaddr_from_v4((be32){ nl_u32(a->a[RTA_GATEWAY]) });
	}
	if (a->a[RTA_VIA]) {
		*has = true;
		return read_via(a->a[RTA_VIA], family, gw, has_ip6, ack);
	}
	return 0;
}

/* Lightweight tunnels: none is built in. */
static int read_encap(const struct nl_attrs *a, struct nl_ext_ack *ack)
{
	if (!a->a[RTA_ENCAP] && !a->a[RTA_ENCAP_TYPE])
		return 0;
	NL_SET_ERR(ack, "CONFIG_LWTUNNEL is not enabled in this kernel");
	return -EOPNOTSUPP;
}

/* RTA_MULTIPATH: struct rtnexthop, each with attributes behind it. Two passes: count, then fill. */
static int read_hops(const struct nlattr *mp, struct fib_config *c, struct mem *mem, bool has_ip6, struct nl_ext_ack *ack)
{
	const u8 *p = nl_data(mp), *end = p + nl_len(mp);
	struct nl_attrs a;
	unsigned n = 0;
	int err;

	for (const u8 *q = p; end - q >= (ptrdiff_t)sizeof(struct rtnexthop); n++) {
		const struct rtnexthop *h = (const struct rtnexthop *)q;
		if (h->rtnh_len < sizeof(*h) || h->rtnh_len > end - q)
			break;
		q += MIN((ptrdiff_t)RTNH_ALIGN(h->rtnh_len), end - q);
	}
	if (!n) {
		NL_SET_ERR(ack, "Invalid nexthop configuration - no valid nexthops");
		return -EINVAL;
	}
	if (n > 1024)
		return -EINVAL;
	c->mp = mem_zalloc(mem, n * sizeof(*c->mp));
	if (!c->mp)
		return -ENOBUFS;
	c->mp_len = n;
	for (unsigned i = 0; i < n; i++) {
		const struct rtnexthop *h = (const struct rtnexthop *)p;
		mp_hop *hop = &c->mp[i];

		if (h->rtnh_flags & (RTNH_F_DEAD | RTNH_F_LINKDOWN)) {
			NL_SET_ERR(ack, "Invalid flags for nexthop - can not contain DEAD or LINKDOWN");
			return -EINVAL;
		}
		err = nl_parse(p + sizeof(*h), h->rtnh_len - sizeof(*h), &a, RT_RTA_MAX,
			       c->family == AF_INET ? rt_route_policy : rt_route_policy6, false, ack);
		if (!err)
			err = read_encap(&a, ack);
		if (err)
			return err;
		hop->realms = a.a[RTA_FLOW] && c->family == AF_INET ? nl_u32(a.a[RTA_FLOW]) : 0;
		hop->gw_family = c->family;
		hop->oif = h->rtnh_ifindex;
		hop->flags = h->rtnh_flags;
		hop->weight = h->rtnh_hops + 1u;
		err = read_gateway(&a, &hop->has_gw, &hop->gw_family, &hop->gateway, has_ip6, ack);
		if (err)
			return err;
		p += RTNH_ALIGN(h->rtnh_len);
	}
	return 0;
}

static struct inaddr read_addr6(const struct nlattr *a, u8 prefix_len)
{
	struct inaddr r = { .q = { 0, 0 } };

	if (a)
		memcpy(r.b, nl_data(a), MIN((size_t)nl_len(a), MIN((size_t)(prefix_len + 7) / 8, sizeof(r.b))));
	return r;
}

/* IPv4's own part of the message. */
static int read_v4(const struct rtmsg *m, const struct nl_attrs *a, struct fib_config *c, struct nl_ext_ack *ack)
{
	if (m->rtm_tos & 3) {
		NL_SET_ERR(ack, "Invalid dsfield (tos): ECN bits must be 0");
		return -EINVAL;
	}
	if (m->rtm_type > RTN_MAX) {
		NL_SET_ERR(ack, "Invalid route type");
		return -EINVAL;
	}
	c->dst = inaddr_from_v4((be32){ a->a[RTA_DST] ? nl_u32(a->a[RTA_DST]) : 0 });
	c->realms = a->a[RTA_FLOW] ? nl_u32(a->a[RTA_FLOW]) : 0;
	if (a->a[RTA_PREFSRC]) {
		c->prefsrc = inaddr_from_v4((be32){ nl_u32(a->a[RTA_PREFSRC]) });
		c->has_prefsrc = !inaddr_is_any(&c->prefsrc);
	}
	return 0;
}

static int read_v6(struct nl_request *rq, const struct rtmsg *m, const struct nl_attrs *a, struct fib_config *c)
{
	if (m->rtm_tos) {
		NL_SET_ERR(rq->ack, "Invalid dsfield (tos): option not available for IPv6");
		return -EINVAL;
	}
	if (a->a[RT_RTA_FLOWLABEL]) {
		NL_SET_ERR_ATTR(rq->ack, a->a[RT_RTA_FLOWLABEL], "Flow label cannot be specified for this operation");
		return -EINVAL;
	}
	if ((a->a[RTA_DST] && nl_len(a->a[RTA_DST]) < (m->rtm_dst_len + 7) / 8) ||
	    (a->a[RTA_SRC] && nl_len(a->a[RTA_SRC]) < (m->rtm_src_len + 7) / 8))
		return -EINVAL;
	c->dst = read_addr6(a->a[RTA_DST], m->rtm_dst_len);
	c->src_len = m->rtm_src_len;
	c->src = read_addr6(a->a[RTA_SRC], m->rtm_src_len);
	c->tos = c->scope = 0;
	c->flags &= RTNH_F_ONLINK;
	if (a->a[RTA_PREFSRC]) {
		memcpy(c->prefsrc.b, nl_data(a->a[RTA_PREFSRC]), 16);
		c->has_prefsrc = !inaddr_is_any(&c->prefsrc);
	}
	if (a->a[RTA_PREF]) {
		u8 pref = nl_u8(a->a[RTA_PREF]);
		c->pref = pref == 1 || pref == 3 ? pref : 0; /* ICMPV6_ROUTER_PREF_HIGH, LOW; else MEDIUM */
	}
	if (a->a[RTA_EXPIRES] && nl_u32(a->a[RTA_EXPIRES]) < 0x7fffffff / 250) {
		c->rtf |= FIB6_EXPIRES;
		c->expires = rq->cpu->now + nl_u32(a->a[RTA_EXPIRES]) * NSEC_PER_SEC;
	}
	return 0;
}

/* metrics: RTAX_SLOTS words of the caller's, as metrics_ack is; c->mp is the caller's to free. */
static int read_config(struct nl_request *rq, struct fib_config *c, u32 *metrics, struct nl_ext_ack *metrics_ack, bool add)
{
	const struct rtmsg *m = nlmsg_hdr_data(rq->nlh);
	size_t len;
	const void *p = nlmsg_attrs(rq->nlh, sizeof(*m), &len);
	struct nl_ext_ack *ack = rq->ack;
	struct nl_attrs a;
	int err;

	if (nlmsg_body_len(rq->nlh) < sizeof(*m))
		return -EINVAL;
	if (m->rtm_family == AF_INET6 && !rq->net->ip6)
		return -EOPNOTSUPP;
	err = nl_parse(p, len, &a, RT_RTA_MAX, m->rtm_family == AF_INET ? rt_route_policy : rt_route_policy6, false, ack);
	if (err)
		return err;
	*c = (struct fib_config){
		.family = m->rtm_family, .prefix_len = m->rtm_dst_len, .tos = m->rtm_tos, .protocol = m->rtm_protocol,
		.scope = m->rtm_scope, .type = m->rtm_type, .table = m->rtm_table, .flags = m->rtm_flags, .gw_family = m->rtm_family,
		.nl_flags = rq->nlh->nlmsg_flags, .portid = rq->portid, .seq = rq->nlh->nlmsg_seq, .ack = ack,
	};
	err = m->rtm_family == AF_INET ? read_v4(m, &a, c, ack) : read_v6(rq, m, &a, c);
	if (!err)
		err = read_encap(&a, ack);
	if (err)
		return err;
	if (a.a[RTA_OIF])
		c->oif = (s32)nl_u32(a.a[RTA_OIF]);
	if (a.a[RTA_PRIORITY])
		c->priority = nl_u32(a.a[RTA_PRIORITY]);
	if (add && c->family == AF_INET6 && !c->priority)
		c->priority = 1024; /* IP6_RT_PRIO_USER */
	if (a.a[RTA_TABLE])
		c->table = nl_u32(a.a[RTA_TABLE]);
	if (a.a[RTA_NH_ID])
		c->nh_id = nl_u32(a.a[RTA_NH_ID]);
	err = read_gateway(&a, &c->has_gw, &c->gw_family, &c->gateway, rq->net->ip6, ack);
	if (err)
		return err;
	if (c->nh_id && (c->oif || c->has_gw || a.a[RTA_MULTIPATH])) {
		NL_SET_ERR(ack, "Nexthop specification and nexthop id are mutually exclusive");
		return -EINVAL;
	}
	if (!c->table)
		c->table = RT_TABLE_MAIN;
	if (a.a[RTA_METRICS]) {
		c->metrics_err = read_metrics(rq->cpu->world, a.a[RTA_METRICS], metrics, metrics_ack);
		c->metrics_ack = metrics_ack;
		c->metrics = metrics;
	}
	return a.a[RTA_MULTIPATH] ? read_hops(a.a[RTA_MULTIPATH], c, cpu_mem(rq->cpu), rq->net->ip6, ack) : 0;
}

/* RTM_F_CLONED: what was learned about one IPv6 destination. -ESRCH. */
static int forget_learned(struct nl_request *rq, const struct fib_config *c)
{
	struct flow fl = { .family = AF_INET6, .daddr = c->dst, .oif = c->oif };
	const struct fib_table *t = fib_table_find(rq->net, AF_INET6, c->table);
	struct fib_result res = { .alias = NULL };

	if (t)
		fib6_table_lookup(rq->cpu, rq->net, t, &fl, &res);
	if (!res.alias)
		return -ESRCH;
	for (const struct fib_alias *a = lpm_find(&t->lpm, lpm_key_of(AF_INET6, &res.alias->prefix), res.alias->prefix_len); a; a = a->next)
		if (!fib6_exception_del(rq->net, a, c))
			return 0;
	return -ESRCH;
}

static int change(struct nl_request *rq, bool add)
{
	u32 metrics[RTAX_SLOTS] = { 0 };
	struct nl_ext_ack metrics_ack = { .msg = NULL };
	struct fib_config c = { .mp = NULL };
	int err = read_config(rq, &c, metrics, &metrics_ack, add);

	if (!err)
		err = add ? fib_route_add(rq->cpu, rq->net, &c) :
		      c.family == AF_INET6 && ((const struct rtmsg *)nlmsg_hdr_data(rq->nlh))->rtm_flags & RTM_F_CLONED ? forget_learned(rq, &c) : fib_route_del(rq->cpu, rq->net, &c);
	mem_free(cpu_mem(rq->cpu), c.mp);
	return err;
}

static int new_route(struct nl_request *rq)
{
	return change(rq, true);
}

static int del_route(struct nl_request *rq)
{
	return change(rq, false);
}

const struct nl_handler rt_route_handlers[] = {
	{ .protocol = NETLINK_ROUTE, .type = RTM_NEWROUTE, .family = AF_INET, .doit = new_route },
	{ .protocol = NETLINK_ROUTE, .type = RTM_DELROUTE, .family = AF_INET, .doit = del_route },
	{ .protocol = NETLINK_ROUTE, .type = RTM_GETROUTE, .family = AF_INET, .doit = rt_get_route, .dump = rt_dump_routes },
	{ .protocol = NETLINK_ROUTE, .type = RTM_NEWROUTE, .family = AF_INET6, .doit = new_route },
	{ .protocol = NETLINK_ROUTE, .type = RTM_DELROUTE, .family = AF_INET6, .doit = del_route },
	{ .protocol = NETLINK_ROUTE, .type = RTM_GETROUTE, .family = AF_INET6, .doit = rt_get_route6, .dump = rt_dump_routes },
	{ .protocol = NETLINK_ROUTE, .type = RTM_GETROUTE, .dump = rt_dump_routes },
	{ 0 },
};
