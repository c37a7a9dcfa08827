/* RTM_NEWROUTE, RTM_DELROUTE and dumps of RTM_GETROUTE: requests into struct fib_config, routes into messages. What a route may be
 * is for inet/route to say; here are the rules of the message. `ip route get` is rt_route_get.c.
 */
#include <linux/in_route.h>

#include "control/route/rt_route.h"
#include "inet/ip4/ip4.h"
#include "link/netns_dev.h"
#include "transport/tcp/tcp_cc.h"

const struct nl_policy rt_route_policy[RTA_MAX + 1] = {
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
};

typedef __typeof__(*((struct fib_config *)0)->mp) mp_hop;

/* -- routes into messages -- */

static void put_gateway(struct nl_buf *b, const struct fib_nh *nh)
{
	u8 via[18] = { AF_INET6 };

	if (!nh->has_gw)
		return;
	if (nh->gw_family != AF_INET6) {
		nl_put_u32(b, RTA_GATEWAY, inaddr_v4(&nh->gateway).raw);
		return;
	}
	memcpy(via + 2, nh->gateway.b, 16);
	nl_put(b, RTA_VIA, via, sizeof(via));
}

static u32 hop_flags(const struct fib_nh *nh)
{
	u32 flags = nh->flags & (RTNH_F_ONLINK | RTNH_F_DEAD | RTNH_F_LINKDOWN);

	if ((flags & RTNH_F_LINKDOWN) && nh->dev && ip4_conf_get(nh->dev, IP4_CONF_IGNORE_ROUTES_WITH_LINKDOWN))
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
		const struct tcp_cc_ops *cc = i == RTAX_CC_ALGO ? tcp_cc_by_id(w, metrics[i]) : NULL;

		if (cc)
			nl_put_str(b, i, cc->name);
		else if (metrics[i])
			nl_put_u32(b, i, metrics[i]);
	}
	if (b->len == nest + NLA_HDRLEN)
		nl_nest_cancel(b, nest);
	else
		nl_nest_end(b, nest);
}

/* RTA_MULTIPATH. A struct rtnexthop has an attribute's shape: length, then flags and hops where the type would be, then four bytes. */
static void put_multipath(struct nl_buf *b, const struct fib_info *fi)
{
	size_t nest = nl_nest(b, RTA_MULTIPATH), at;

	for (unsigned i = 0; i < fi->nhs; i++) {
		const struct fib_nh *nh = &fi->nh[i];
		u8 hops = (u8)(nh->weight ? nh->weight - 1 : 0);
		s32 ifindex = nh->dev ? nh->dev->ifindex : nh->oif;

		at = b->len;
		nl_put(b, (u16)((hop_flags(nh) & 0xff) | hops << 8), &ifindex, sizeof(ifindex));
		put_gateway(b, nh);
		nl_nest_end(b, at);
	}
	nl_nest_end(b, nest);
}

int rt_route_fill(struct nl_buf *b, const struct fib_alias *a, u16 type, u16 flags, u32 seq, u32 portid)
{
	const struct fib_info *fi = a->fi;
	struct rtmsg *m = nl_begin(b, type, flags, seq, portid, sizeof(*m));

	if (!m)
		return nl_end(b);
	m->rtm_family = AF_INET;
	m->rtm_dst_len = a->prefix_len;
	m->rtm_tos = a->tos;
	m->rtm_table = a->table < 256 ? (u8)a->table : RT_TABLE_COMPAT;
	m->rtm_protocol = fi->protocol;
	m->rtm_scope = fi->scope;
	m->rtm_type = a->type;
	m->rtm_flags = fi->nhs == 1 ? hop_flags(&fi->nh[0]) : 0;
	nl_put_u32(b, RTA_TABLE, a->table);
	if (a->prefix_len)
		nl_put_u32(b, RTA_DST, inaddr_v4(&a->prefix).raw);
	if (fi->priority)
		nl_put_u32(b, RTA_PRIORITY, fi->priority);
	rt_put_metrics(b, fi->world, fi->metrics);
	if (!inaddr_is_any(&fi->prefsrc))
		nl_put_u32(b, RTA_PREFSRC, inaddr_v4(&fi->prefsrc).raw);
	if (fi->nh_id)
		nl_put_u32(b, RTA_NH_ID, fi->nh_id);
	if (fi->nhs == 1) {
		put_gateway(b, &fi->nh[0]);
		if (fi->nh[0].dev)
			nl_put_u32(b, RTA_OIF, (u32)fi->nh[0].dev->ifindex);
	} else if (fi->nhs > 1) {
		put_multipath(b, fi);
	}
	return nl_end(b);
}

/* -- requests into struct fib_config -- */

static int read_metrics(const struct world *w, const struct nlattr *nest, u32 *metrics, struct nl_ext_ack *ack)
{
	static const u32 features = RTAX_FEATURE_MASK;
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
static int read_via(const struct nlattr *via, u8 *family, struct inaddr *gw, struct nl_ext_ack *ack)
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
		NL_SET_ERR(ack, "IPv6 support not enabled in kernel");
		return -EINVAL;
	default:
		NL_SET_ERR(ack, "Unsupported address family in RTA_VIA");
		return -EINVAL;
	}
}

static int read_gateway(const struct nl_attrs *a, bool *has, u8 *family, struct inaddr *gw, struct nl_ext_ack *ack)
{
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
		return read_via(a->a[RTA_VIA], family, gw, ack);
	}
	return 0;
}

/* RTA_MULTIPATH: struct rtnexthop, each with attributes behind it. Two passes: count, then fill. */
static int read_hops(const struct nlattr *mp, struct fib_config *c, struct mem *mem, struct nl_ext_ack *ack)
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
		err = nl_parse(p + sizeof(*h), h->rtnh_len - sizeof(*h), &a, RTA_MAX, rt_route_policy, false, ack);
		if (err)
			return err;
		if (a.a[RTA_ENCAP] || (a.a[RTA_FLOW] && nl_u32(a.a[RTA_FLOW])))
			return -EOPNOTSUPP;
		hop->oif = h->rtnh_ifindex;
		hop->flags = h->rtnh_flags;
		hop->weight = h->rtnh_hops + 1u;
		err = read_gateway(&a, &hop->has_gw, &hop->gw_family, &hop->gateway, ack);
		if (err)
			return err;
		p += RTNH_ALIGN(h->rtnh_len);
	}
	return 0;
}

/* metrics: RTAX_SLOTS words of the caller's; c->mp is the caller's to free. */
static int read_config(struct nl_request *rq, struct fib_config *c, u32 *metrics)
{
	const struct rtmsg *m = nlmsg_hdr_data(rq->nlh);
	size_t len;
	const void *p = nlmsg_attrs(rq->nlh, sizeof(*m), &len);
	struct nl_ext_ack *ack = rq->ack;
	struct nl_attrs a;
	int err;

	if (nlmsg_body_len(rq->nlh) < sizeof(*m))
		return -EINVAL;
	err = nl_parse(p, len, &a, RTA_MAX, rt_route_policy, false, ack);
	if (err)
		return err;
	if (m->rtm_tos & 3) {
		NL_SET_ERR(ack, "Invalid dsfield (tos): ECN bits must be 0");
		return -EINVAL;
	}
	*c = (struct fib_config){
		.family = AF_INET, .prefix_len = m->rtm_dst_len, .tos = m->rtm_tos, .protocol = m->rtm_protocol,
		.scope = m->rtm_scope, .type = m->rtm_type, .table = m->rtm_table, .flags = m->rtm_flags,
		.nl_flags = rq->nlh->nlmsg_flags, .portid = rq->portid, .seq = rq->nlh->nlmsg_seq, .ack = ack,
		.dst = inaddr_from_v4((be32){ a.a[RTA_DST] ? nl_u32(a.a[RTA_DST]) : 0 }),
	};
	if (m->rtm_type > RTN_MAX) {
		NL_SET_ERR(ack, "Invalid route type");
		return -EINVAL;
	}
	if (a.a[RTA_ENCAP] || a.a[RTA_ENCAP_TYPE]) {
		NL_SET_ERR(ack, "CONFIG_LWTUNNEL is not enabled in this kernel");
		return -EOPNOTSUPP;
	}
	if (a.a[RTA_FLOW] && nl_u32(a.a[RTA_FLOW]))
		return -EOPNOTSUPP;
	if (a.a[RTA_OIF])
		c->oif = (s32)nl_u32(a.a[RTA_OIF]);
	if (a.a[RTA_PRIORITY])
		c->priority = nl_u32(a.a[RTA_PRIORITY]);
	if (a.a[RTA_PREFSRC]) {
		c->prefsrc = inaddr_from_v4((be32){ nl_u32(a.a[RTA_PREFSRC]) });
		c->has_prefsrc = !inaddr_is_any(&c->prefsrc);
	}
	if (a.a[RTA_TABLE])
		c->table = nl_u32(a.a[RTA_TABLE]);
	if (a.a[RTA_NH_ID])
		c->nh_id = nl_u32(a.a[RTA_NH_ID]);
	err = read_gateway(&a, &c->has_gw, &c->gw_family, &c->gateway, ack);
	if (err)
		return err;
	if (c->nh_id && (c->oif || c->has_gw || a.a[RTA_MULTIPATH])) {
		NL_SET_ERR(ack, "Nexthop specification and nexthop id are mutually exclusive");
		return -EINVAL;
	}
	if (c->nh_id) {
		NL_SET_ERR(ack, "Nexthop id does not exist");
		return -EINVAL;
	}
	if (!c->table)
		c->table = RT_TABLE_MAIN;
	if (a.a[RTA_METRICS]) {
		err = read_metrics(rq->cpu->world, a.a[RTA_METRICS], metrics, ack);
		if (err)
			return err;
		c->metrics = metrics;
	}
	return a.a[RTA_MULTIPATH] ? read_hops(a.a[RTA_MULTIPATH], c, cpu_mem(rq->cpu), ack) : 0;
}

static int change(struct nl_request *rq, bool add)
{
	u32 metrics[RTAX_SLOTS] = { 0 };
	struct fib_config c = { .mp = NULL };
	int err = read_config(rq, &c, metrics);

	if (!err)
		err = add ? fib_route_add(rq->cpu, rq->net, &c) : fib_route_del(rq->cpu, rq->net, &c);
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

/* -- dumps -- */

struct filter {
	u32 table;
	u8 protocol, type;
	struct net_device *dev;
	bool cached;		/* RTM_F_CLONED: learned exceptions, not routes */
};

static int parse_dump(struct nl_dump *d, struct filter *f)
{
	const struct rtmsg *m = nlmsg_hdr_data(d->req);
	struct nl_ext_ack *ack = d->ack;
	struct nl_attrs a;
	size_t len;
	const void *p = nlmsg_attrs(d->req, sizeof(*m), &len);
	int err;

	*f = (struct filter){ .table = 0 };
	if (!d->strict) {
		f->cached = nlmsg_body_len(d->req) >= sizeof(*m) && (m->rtm_flags & RTM_F_CLONED);
		return 0;
	}
	if (nlmsg_body_len(d->req) < sizeof(*m)) {
		NL_SET_ERR(ack, "Invalid header for FIB dump request");
		return -EINVAL;
	}
	if (m->rtm_dst_len || m->rtm_src_len || m->rtm_tos || m->rtm_scope) {
		NL_SET_ERR(ack, "Invalid values in header for FIB dump request");
		return -EINVAL;
	}
	if (m->rtm_flags & ~(u32)(RTM_F_CLONED | RTM_F_PREFIX)) {
		NL_SET_ERR(ack, "Invalid flags for FIB dump request");
		return -EINVAL;
	}
	f->cached = m->rtm_flags & RTM_F_CLONED;
	f->protocol = m->rtm_protocol;
	f->type = m->rtm_type;
	f->table = m->rtm_table;
	err = nl_parse(p, len, &a, RTA_MAX, rt_route_policy, true, ack);
	if (err)
		return err;
	for (unsigned i = 1; i <= RTA_MAX; i++) {
		if (!a.a[i])
			continue;
		if (i == RTA_TABLE) {
			f->table = nl_u32(a.a[i]);
		} else if (i == RTA_OIF) {
			f->dev = dev_by_index(d->net, (s32)nl_u32(a.a[i]));
			if (!f->dev)
				return -ENODEV;
		} else {
			NL_SET_ERR(ack, "Unsupported attribute in dump request");
			return -EINVAL;
		}
	}
	d->filtered = m->rtm_flags || f->protocol || f->type || f->table || f->dev;
	return 0;
}

static bool uses_dev(const struct fib_info *fi, const struct net_device *dev)
{
	for (unsigned i = 0; i < fi->nhs; i++) {
		if (fi->nh[i].dev == dev)
			return true;
	}
	return false;
}

struct dumping {
	struct nl_dump *d;
	struct nl_buf *b;
	const struct filter *f;
	u16 flags;
};

static int dump_one(void *arg, const struct fib_alias *a)
{
	const struct dumping *p = arg;
	const struct filter *f = p->f;
	int err;

	if ((f->protocol && a->fi->protocol != f->protocol) || (f->type && a->type != f->type) ||
	    (f->dev && !uses_dev(a->fi, f->dev)))
		return 0;
	err = rt_route_fill(p->b, a, RTM_NEWROUTE, p->flags, p->d->seq, p->d->portid);
	return err == -EMSGSIZE ? 1 : err;
}

static int dump_route(struct nl_dump *d, struct nl_buf *b)
{
	u8 asked = *(const u8 *)nlmsg_hdr_data(d->req);
	struct filter f;
	struct dumping p = { .d = d, .b = b, .f = &f };
	int err = parse_dump(d, &f);

	if (err)
		return err;
	d->done_apart = true;
	if (asked != AF_INET && asked != AF_UNSPEC && asked != AF_INET6)
		return 0; /* RTNL_FAMILY_IPMR and the like: a family that has no routes here */
	if (f.cached)
		return rt_dump_exceptions(d, b);
	if (f.table && !fib_table_find(d->net, AF_INET, f.table)) {
		if (asked != AF_INET)
			return 0;
		NL_SET_ERR(d->ack, "ipv4: FIB table does not exist");
		return -ENOENT;
	}
	/* A strict dump leaves out what is learned, so its messages always say that they are a selection. */
	p.flags = (u16)(NLM_F_MULTI | (d->filtered || d->strict ? NLM_F_DUMP_FILTERED : 0) | (d->intr ? NLM_F_DUMP_INTR : 0));
	return fib_walk(d->net, AF_INET, f.table, d->arg, dump_one, &p);
}


const struct nl_handler rt_route_handlers[] = {
	{ .protocol = NETLINK_ROUTE, .type = RTM_NEWROUTE, .family = AF_INET, .doit = new_route },
	{ .protocol = NETLINK_ROUTE, .type = RTM_DELROUTE, .family = AF_INET, .doit = del_route },
	{ .protocol = NETLINK_ROUTE, .type = RTM_GETROUTE, .family = AF_INET, .doit = rt_get_route, .dump = dump_route },
	{ .protocol = NETLINK_ROUTE, .type = RTM_GETROUTE, .dump = dump_route },
	{ 0 },
};
