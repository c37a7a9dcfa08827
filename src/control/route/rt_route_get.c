/* RTM_GETROUTE for one destination (`ip route get`), and the learned exceptions (`ip route show cache`).
 *
 * Without RTA_IIF the question is an output lookup, with it the input lookup of a packet made for the purpose, which is then
 * thrown away: so the answer is what a real packet would meet, source validation included. RTM_F_FIB_MATCH asks for the route
 * itself instead of what follows from it.
 */
#include <linux/in_route.h>

#include "control/route/rt_route.h"
#include "core/caller.h"
#include "core/skb.h"
#include "inet/af.h"
#include "inet/ip4/ip4_priv.h"
#include "inet/route/fib.h"
#include "link/netns_dev.h"

static int parse(struct nl_request *rq, struct nl_attrs *a)
{
	static const u8 allowed[] = { RTA_IIF, RTA_OIF, RTA_SRC, RTA_DST, RTA_IP_PROTO, RTA_SPORT, RTA_DPORT, RTA_MARK, RTA_UID };
	const struct rtmsg *m = nlmsg_hdr_data(rq->nlh);
	struct nl_ext_ack *ack = rq->ack;
	bool strict = nl_request_strict(rq);
	size_t len;
	const void *p = nlmsg_attrs(rq->nlh, sizeof(*m), &len);
	int err;

	if (nlmsg_body_len(rq->nlh) < sizeof(*m)) {
		NL_SET_ERR(ack, "ipv4: Invalid header for route get request");
		return -EINVAL;
	}
	if (!strict)
		return nl_parse(p, len, a, RT_RTA_MAX, rt_route_policy, false, ack);
	if ((m->rtm_src_len && m->rtm_src_len != 32) || (m->rtm_dst_len && m->rtm_dst_len != 32) || m->rtm_table ||
	    m->rtm_protocol || m->rtm_scope || m->rtm_type) {
		NL_SET_ERR(ack, "ipv4: Invalid values in header for route get request");
		return -EINVAL;
	}
	if (m->rtm_flags & ~(u32)(RTM_F_NOTIFY | RTM_F_LOOKUP_TABLE | RTM_F_FIB_MATCH)) {
		NL_SET_ERR(ack, "ipv4: Unsupported rtm_flags for route get request");
		return -EINVAL;
	}
	err = nl_parse(p, len, a, RT_RTA_MAX, rt_route_policy, true, ack);
	if (err)
		return err;
	if ((a->a[RTA_SRC] && !m->rtm_src_len) || (a->a[RTA_DST] && !m->rtm_dst_len)) {
		NL_SET_ERR(ack, "ipv4: rtm_src_len and rtm_dst_len must be 32 for IPv4");
		return -EINVAL;
	}
	for (unsigned i = 1; i <= RT_RTA_MAX; i++) {
		if (a->a[i] && !memchr(allowed, (int)i, sizeof(allowed))) {
			NL_SET_ERR(ack, "ipv4: Unsupported attribute in route get request");
			return -EINVAL;
		}
	}
	return 0;
}

struct question {
	const struct rtmsg *m;
	bool redirect;		/* a real packet's sender would be told of a better way */
	u32 realms_back;	/* of the way back to the source */
	struct flow asked;
	struct flow fl;		/* the same; the lookup fills in the source */
	be32 dst, src;
	s32 iif, oif;
	bool has_uid;
};

static int read_question(struct nl_request *rq, const struct nl_attrs *a, struct question *q)
{
	*q = (struct question){ .m = nlmsg_hdr_data(rq->nlh) };
	q->dst.raw = a->a[RTA_DST] ? nl_u32(a->a[RTA_DST]) : 0;
	q->src.raw = a->a[RTA_SRC] ? nl_u32(a->a[RTA_SRC]) : 0;
	q->iif = a->a[RTA_IIF] ? (s32)nl_u32(a->a[RTA_IIF]) : 0;
	q->oif = a->a[RTA_OIF] ? (s32)nl_u32(a->a[RTA_OIF]) : 0;
	q->has_uid = a->a[RTA_UID] || !q->iif;
	q->fl = (struct flow){
		.family = AF_INET, .tos = q->m->rtm_tos & 0xfc, .oif = q->oif, .iif = q->iif,
		.mark = a->a[RTA_MARK] ? nl_u32(a->a[RTA_MARK]) : 0,
		.uid = a->a[RTA_UID] ? nl_u32(a->a[RTA_UID]) : rq->cpu->caller ? caller_ids(rq->cpu->caller)->uid : 0,
		.saddr = inaddr_from_v4(q->src), .daddr = inaddr_from_v4(q->dst), .proto = 17,
	};
	if (a->a[RTA_IP_PROTO]) {
		q->fl.proto = nl_u8(a->a[RTA_IP_PROTO]);
		if (q->fl.proto != 6 && q->fl.proto != 17 && q->fl.proto != 1) {
			NL_SET_ERR_ATTR(rq->ack, a->a[RTA_IP_PROTO], "Unsupported ip proto");
			return -EOPNOTSUPP;
		}
	}
	if (a->a[RTA_SPORT])
		q->fl.sport.raw = nl_u16(a->a[RTA_SPORT]);
	if (a->a[RTA_DPORT])
		q->fl.dport.raw = nl_u16(a->a[RTA_DPORT]);
	return 0;
}

/* The input lookup of such a packet; *out: one reference. */
static int input(struct nl_request *rq, struct question *q, struct dst **out)
{
	struct net_device *dev = dev_by_index(rq->net, q->iif);
	enum skb_drop_reason reason;
	struct sk_buff *skb;
	int err;

	if (!dev)
		return -ENODEV;
	skb = skb_alloc(rq->cpu, 0, 1);
	if (!skb)
		return -ENOBUFS;
	skb->dev = dev;
	skb->skb_iif = dev->ifindex;
	skb->mark = q->fl.mark;
	IP4_CB(skb)->flags |= IP4CB_ASKED;
	IP4_CB(skb)->realms = 0;
	reason = inet_af_of(rq->net, &q->fl.daddr)->route_in(rq->cpu, rq->net, skb, &q->fl);
	*out = skb->dst;
	q->redirect = IP4_CB(skb)->flags & IP4CB_REDIRECT;
	q->realms_back = IP4_CB(skb)->realms;
	if (reason != SKB_NOT_DROPPED)
		err = reason == SKB_DROP_REASON_NOMEM ? -ENOBUFS : -EINVAL;
	else
		err = *out ? (*out)->error : -ENETUNREACH;
	if (!err)
		dst_hold(*out);
	skb_consume(rq->cpu, skb);
	return err;
}

static u32 route_flags(const struct dst *d)
{
	u32 f = RTM_F_CLONED;

	if (d->flags & DST_LOCAL)
		f |= RTCF_LOCAL;
	if (d->flags & DST_BROADCAST)
		f |= RTCF_BROADCAST;
	if (d->type == RTN_MULTICAST)
		f |= RTCF_MULTICAST;
	if (d->flags & DST_REDIRECT)
		f |= RTCF_REDIRECTED;
	return f;
}

/* Tables local and main are one until rules are made, and are then told apart: Linux says main for both. */
static u32 shown_table(const struct netns *net, u32 table)
{
	return net->fib->default_rules && table == RT_TABLE_LOCAL ? RT_TABLE_MAIN : table;
}

/* bare: to a group by a route for (nearly) everything, which has neither the route's gateway nor its metrics. */
static void put_dst(struct nl_buf *b, const struct dst *d, const struct question *q, bool bare, u64 now)
{
	struct rta_cacheinfo ci = { .rta_clntref = d->refcnt, .rta_error = 0 };
	u32 metrics[RTAX_SLOTS] = { 0 };
	be32 gw = inaddr_v4(&d->gateway);

	if (!bare && (d->flags & DST_GATEWAY) && inaddr_is_v4(&d->gateway) && gw.raw)
		nl_put_u32(b, RTA_GATEWAY, gw.raw);
	if (!bare && d->family == AF_INET && d->flags & DST_GATEWAY && !inaddr_is_v4(&d->gateway))
		rt_put_via6(b, &d->gateway);
	if (!bare && d->metrics && !(q && q->iif && (d->flags & DST_LOCAL))) /* what comes in for us is not measured by the route */
		memcpy(metrics, d->metrics, sizeof(metrics));
	if (d->mtu) {
		metrics[RTAX_MTU] = d->mtu;
		if (d->mtu_locked)
			metrics[RTAX_LOCK] |= BIT(RTAX_MTU);
	}
	rt_put_metrics(b, d->dev->net->world, metrics);
	if (q && q->fl.mark)
		nl_put_u32(b, RTA_MARK, q->fl.mark);
	if (q && q->has_uid)
		nl_put_u32(b, RTA_UID, q->fl.uid);
	if (q && q->iif)
		nl_put_u32(b, RTA_IIF, (u32)q->iif);
	if (d->expires > now)
		ci.rta_expires = (s32)rt_ticks(d->expires - now);
	nl_put(b, RTA_CACHEINFO, &ci, sizeof(ci));
}

/* Whether a table was asked: groups of the link and broadcasts need no route, nor does 0.0.0.0. */
static bool asks_tables(const struct question *q)
{
	bool group = v4_is_multicast(q->dst), all = v4_is_broadcast(q->dst);

	if (q->iif)
		return !group && !all && q->dst.raw;
	if (q->oif)
		return q->dst.raw && !all && (be32_to_cpu(q->dst) & 0xffffff00) != 0xe0000000;
	return q->dst.raw && !((group || all) && q->src.raw);
}

/* The route that answered; NULL: none did. */
static const struct fib_alias *route_of(struct nl_request *rq, const struct question *q, struct fib_result *res)
{
	struct flow fl = q->asked;

	fl.flags |= FLOW_PROBE | FLOW_AS_PACKET | (q->iif ? FLOW_INPUT : 0);
	*res = (struct fib_result){ .alias = NULL };
	if (asks_tables(q) && fib_lookup(rq->cpu, rq->net, &fl, res))
		res->alias = NULL;
	return res->alias;
}

/* The hop by which d leads; NULL: a device's own dst. */
static struct fib_nh *hop_of(const struct dst *d)
{
	for (unsigned i = 0; d->fi && i < d->fi->nhs; i++) {
		struct fib_nh *nh = &d->fi->nh[i];
		if (d->fi->nhs == 1 || (nh->dev == d->dev && (!nh->has_gw || !(d->flags & DST_GATEWAY) || inaddr_eq(&nh->gateway, &d->gateway))))
			return nh;
	}
	return NULL;
}

static u32 realms_out(const struct netns *net, const struct question *q, const struct dst *d, const struct fib_result *res)
{
	bool group = d->type == RTN_MULTICAST, keep;
	struct fib_nh *nh = group && res->alias ? res->nh : hop_of(d);

	if (!res->alias || !nh || d->type == RTN_BROADCAST || (group && res->alias->prefix_len < 4))
		return res->realms;
	if (group)
		keep = !(d->dev->ip_ptr && ip4_mc_member(d->dev->ip_ptr, q->dst));
	else
		keep = d->type != RTN_LOCAL || !q->oif || q->oif == d->dev->ifindex;
	return fib_hop_realms(net, nh, false, res, keep);
}

static u32 realms_in(const struct netns *net, const struct question *q, const struct dst *d, const struct fib_result *res)
{
	struct fib_nh *nh = hop_of(d);

	if (d->type != RTN_UNICAST || !nh)
		return q->realms_back;
	if (q->realms_back)
		return fib_realms_join(fib_realms_join(nh->realms, res->realms), q->realms_back);
	return fib_hop_realms(net, nh, true, res, true);
}

static int fill(struct nl_request *rq, struct nl_buf *b, const struct question *q, const struct dst *d)
{
	struct rtmsg *m = nl_reply_begin(rq, b, RTM_NEWROUTE, sizeof(*m));
	struct fib_result res;
	u32 table = RT_TABLE_MAIN, realms;
	be32 saddr = inaddr_v4(&q->fl.saddr);

	if (!m)
		return nl_end(b);
	route_of(rq, q, &res);
	if (q->m->rtm_flags & RTM_F_LOOKUP_TABLE)
		table = res.alias ? shown_table(rq->net, res.table) : 0;
	m->rtm_family = AF_INET;
	m->rtm_dst_len = 32;
	m->rtm_src_len = q->src.raw ? 32 : 0;
	m->rtm_tos = res.alias ? res.alias->tos : 0;
	m->rtm_table = table < 256 ? (u8)table : RT_TABLE_COMPAT;
	m->rtm_scope = RT_SCOPE_UNIVERSE;
	m->rtm_type = d->type;
	if (!q->iif && d->dev && d->dev->flags & IFF_LOOPBACK && d->type != RTN_MULTICAST)
		m->rtm_flags |= RTCF_LOCAL;
	m->rtm_flags |= route_flags(d) | (q->redirect ? RTCF_DOREDIRECT : 0) | (q->m->rtm_flags & RTM_F_NOTIFY);
	if (d->flags & DST_MULTICAST && d->dev && d->dev->ip_ptr && ip4_mc_member(d->dev->ip_ptr, q->dst))
		m->rtm_flags |= RTCF_LOCAL;
	nl_put_u32(b, RTA_TABLE, table);
	nl_put_u32(b, RTA_DST, q->dst.raw);
	if (q->src.raw)
		nl_put_u32(b, RTA_SRC, q->src.raw);
	if (q->iif && (d->type == RTN_BROADCAST || d->type == RTN_MULTICAST)) /* to ourselves */
		nl_put_u32(b, RTA_OIF, (u32)rq->net->dev->loopback->ifindex);
	else if (d->dev)
		nl_put_u32(b, RTA_OIF, (u32)d->dev->ifindex);
	realms = q->iif ? realms_in(rq->net, q, d, &res) : realms_out(rq->net, q, d, &res);
	if (realms)
		nl_put_u32(b, RTA_FLOW, realms);
	if (!q->iif && saddr.raw != q->src.raw)
		nl_put_u32(b, RTA_PREFSRC, saddr.raw);
	put_dst(b, d, q, !q->iif && d->type == RTN_MULTICAST && res.alias && res.alias->prefix_len < 4, rq->cpu->now);
	return nl_end(b);
}

/* RTM_F_FIB_MATCH: the route that matches, as a dump would show it. */
static int fill_match(struct nl_request *rq, struct nl_buf *b, const struct question *q, const struct dst *d)
{
	struct fib_result res;

	if (!route_of(rq, q, &res))
		return -EHOSTUNREACH; /* there was an answer (an error is told before this), but no route gave it */
	return rt_route_fill_in(b, res.alias, &(struct rt_shown){ .table = shown_table(rq->net, res.table), .type = d->type }, RTM_NEWROUTE, 0,
				rq->nlh->nlmsg_seq, rq->portid);
}

int rt_get_route(struct nl_request *rq)
{
	struct nl_attrs a;
	struct question q;
	struct dst *d = NULL;
	struct nl_buf b;
	int err = parse(rq, &a);

	err = err ? err : read_question(rq, &a, &q);
	if (err)
		return err;
	q.fl.flags = FLOW_AS_PACKET;
	q.asked = q.fl;
	if (q.iif)
		err = input(rq, &q, &d);
	else
		err = rq->net->inet->af4->route_out(rq->cpu, rq->net, &q.fl, &d);
	if (err)
		return err;
	nl_buf_init(&b, cpu_mem(rq->cpu), 0);
	err = q.m->rtm_flags & RTM_F_FIB_MATCH ? fill_match(rq, &b, &q, d) : fill(rq, &b, &q, d);
	err = err ? err : nl_unicast(rq, &b);
	nl_buf_fini(&b);
	dst_put(d);
	return err;
}

struct exceptions {
	struct nl_dump *d;
	struct nl_buf *b;
	const struct fib_alias *route;
	u64 seen; /* of this route's */
};
enum { SEEN_OF_ROUTE = 6 }; /* in nl_dump.arg, behind fib_walk's */

/* IPv6: as the route that it deviates from, whose metric and preference it has. */
static int exception_fill6(struct exceptions *p, const struct inaddr *daddr, const struct dst *dst)
{
	u32 metrics[RTAX_SLOTS] = { 0 };
	struct rta_cacheinfo ci = { 0 };
	u64 now = p->d->cpu->now;
	struct rtmsg *m;

	m = nl_dump_begin(p->d, p->b, RTM_NEWROUTE, sizeof(*m));
	if (!m)
		return nl_end(p->b);
	m->rtm_family = AF_INET6;
	m->rtm_dst_len = 128;
	m->rtm_table = dst->table < 256 ? (u8)dst->table : RT_TABLE_COMPAT;
	m->rtm_protocol = p->route->fi->protocol;
	m->rtm_type = dst->type;
	m->rtm_flags = RTM_F_CLONED;
	nl_put_u32(p->b, RTA_TABLE, dst->table);
	nl_put(p->b, RTA_DST, daddr->b, 16);
	if (dst->metrics)
		memcpy(metrics, dst->metrics, sizeof(metrics));
	if (dst->mtu)
		metrics[RTAX_MTU] = dst->mtu;
	rt_put_metrics(p->b, p->d->net->world, metrics);
	nl_put_u32(p->b, RTA_PRIORITY, fib6_alias(p->route)->metric);
	if (dst->flags & DST_GATEWAY)
		nl_put(p->b, RTA_GATEWAY, dst->gateway.b, 16);
	nl_put_u32(p->b, RTA_OIF, (u32)dst->dev->ifindex);
	if (dst->expires)
		ci.rta_expires = (s32)rt_ticks(dst->expires - now);
	nl_put(p->b, RTA_CACHEINFO, &ci, sizeof(ci));
	nl_put_u8(p->b, RTA_PREF, fib6_alias(p->route)->pref);
	return nl_end(p->b);
}

static int exception_one(void *arg, const struct inaddr *daddr, const struct dst *dst)
{
	struct exceptions *p = arg;
	struct rtmsg *m;
	int err;

	if (p->seen++ < p->d->arg[SEEN_OF_ROUTE])
		return 0;
	if (p->route->fi->family == AF_INET6) {
		err = exception_fill6(p, daddr, dst);
		goto out;
	}
	m = nl_dump_begin(p->d, p->b, RTM_NEWROUTE, sizeof(*m));
	if (m) {
		m->rtm_family = AF_INET;
		m->rtm_dst_len = 32;
		m->rtm_table = dst->table < 256 ? (u8)dst->table : RT_TABLE_COMPAT;
		m->rtm_type = dst->type;
		m->rtm_flags = route_flags(dst);
		nl_put_u32(p->b, RTA_TABLE, dst->table);
		nl_put_u32(p->b, RTA_DST, inaddr_v4(daddr).raw);
		if (dst->dev)
			nl_put_u32(p->b, RTA_OIF, (u32)dst->dev->ifindex);
		put_dst(p->b, dst, NULL, false, p->d->cpu->now);
	}
	err = nl_end(p->b);
out:
	if (err)
		return err == -EMSGSIZE ? 1 : err;
	p->d->arg[SEEN_OF_ROUTE] = p->seen;
	return 0;
}

static int route_exceptions(void *arg, const struct fib_alias *a)
{
	struct exceptions *p = arg;
	int err;

	p->route = a;
	p->seen = 0;
	err = fib_exceptions_walk(p->d->cpu, p->d->net, a, exception_one, p);
	if (!err)
		p->d->arg[SEEN_OF_ROUTE] = 0;
	return err;
}

/* By route, as Linux does it: what is of several IPv4 routes' one fib_info is told for each. */
int rt_dump_exceptions(struct nl_dump *d, struct nl_buf *b)
{
	struct exceptions p = { .d = d, .b = b };

	return d->net->fib->exceptions.count ? fib_walk(d->net, *(const u8 *)nlmsg_hdr_data(d->req), 0, d->arg, route_exceptions, &p) : 0;
}
