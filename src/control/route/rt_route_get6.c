/* RTM_GETROUTE for one IPv6 destination (`ip -6 route get`). IPv4's is rt_route_get.c, which says how it is asked. */
#include "control/route/rt_route.h"
#include "core/caller.h"
#include "inet/af.h"
#include "inet/ip6/ip6.h"
#include "link/netns_dev.h"

struct question {
	const struct rtmsg *m;
	struct flow fl;
	struct inaddr dst, src;
	s32 iif;
};

static int fail(struct nl_ext_ack *ack, const char *text)
{
	NL_SET_ERR(ack, text);
	return -EINVAL;
}

static int parse(struct nl_request *rq, struct nl_attrs *a)
{
	static const u8 allowed[] = { RTA_SRC, RTA_DST, RTA_IIF, RTA_OIF, RTA_MARK, RTA_UID, RTA_SPORT, RTA_DPORT, RTA_IP_PROTO,
				      RT_RTA_FLOWLABEL };
	const struct rtmsg *m = nlmsg_hdr_data(rq->nlh);
	struct nl_ext_ack *ack = rq->ack;
	size_t len;
	const void *p = nlmsg_attrs(rq->nlh, sizeof(*m), &len);
	int err;

	if (nlmsg_body_len(rq->nlh) < sizeof(*m))
		return fail(ack, "ipv6: Invalid header for get route request");
	if (!nl_request_strict(rq))
		return nl_parse(p, len, a, RT_RTA_MAX, rt_route_policy6, false, ack);
	if ((m->rtm_src_len && m->rtm_src_len != 128) || (m->rtm_dst_len && m->rtm_dst_len != 128) || m->rtm_table || m->rtm_protocol ||
	    m->rtm_scope || m->rtm_type)
		return fail(ack, "ipv6: Invalid values in header for get route request");
	if (m->rtm_flags & ~(u32)RTM_F_FIB_MATCH)
		return fail(ack, "ipv6: Invalid flags for get route request");
	err = nl_parse(p, len, a, RT_RTA_MAX, rt_route_policy6, true, ack);
	if (err)
		return err;
	if ((a->a[RTA_SRC] && !m->rtm_src_len) || (a->a[RTA_DST] && !m->rtm_dst_len))
		return fail(ack, "ipv6: rtm_src_len and rtm_dst_len must be 128 for IPv6");
	for (unsigned i = 1; i <= RT_RTA_MAX; i++) {
		if (a->a[i] && !memchr(allowed, (int)i, sizeof(allowed)))
			return fail(ack, "ipv6: Unsupported attribute in get route request");
	}
	return 0;
}

static int read_question(struct nl_request *rq, const struct nl_attrs *a, struct question *q)
{
	*q = (struct question){ .m = nlmsg_hdr_data(rq->nlh) };
	if ((a->a[RTA_SRC] && nl_len(a->a[RTA_SRC]) < 16) || (a->a[RTA_DST] && nl_len(a->a[RTA_DST]) < 16))
		return -EINVAL;
	if (a->a[RTA_DST])
		memcpy(q->dst.b, nl_data(a->a[RTA_DST]), 16);
	if (a->a[RTA_SRC])
		memcpy(q->src.b, nl_data(a->a[RTA_SRC]), 16);
	q->iif = a->a[RTA_IIF] ? (s32)nl_u32(a->a[RTA_IIF]) : 0;
	q->fl = (struct flow){
		.family = AF_INET6, .tos = q->m->rtm_tos & 0xfc, .oif = a->a[RTA_OIF] ? (s32)nl_u32(a->a[RTA_OIF]) : 0, .iif = q->iif,
		.mark = a->a[RTA_MARK] ? nl_u32(a->a[RTA_MARK]) : 0,
		.uid = a->a[RTA_UID] ? nl_u32(a->a[RTA_UID]) : q->iif ? UINT32_MAX /* nobody's */ : rq->cpu->caller ? caller_ids(rq->cpu->caller)->uid : 0,
		.saddr = q->src, .daddr = q->dst,
	};
	if (a->a[RTA_SPORT])
		q->fl.sport.raw = nl_u16(a->a[RTA_SPORT]);
	if (a->a[RTA_DPORT])
		q->fl.dport.raw = nl_u16(a->a[RTA_DPORT]);
	if (a->a[RT_RTA_FLOWLABEL]) {
		q->fl.flowlabel.raw = nl_u32(a->a[RT_RTA_FLOWLABEL]);
		if (be32_to_cpu(q->fl.flowlabel) > 0xfffff) {
			NL_SET_ERR_ATTR(rq->ack, a->a[RT_RTA_FLOWLABEL], "Invalid flow label");
			return -EINVAL;
		}
	}
	if (a->a[RTA_IP_PROTO]) {
		q->fl.proto = nl_u8(a->a[RTA_IP_PROTO]);
		if (q->fl.proto != 6 && q->fl.proto != 17 && q->fl.proto != 58) {
			NL_SET_ERR_ATTR(rq->ack, a->a[RTA_IP_PROTO], "Unsupported ip proto");
			return -EOPNOTSUPP;
		}
	}
	return 0;
}

static int fill(struct nl_request *rq, struct nl_buf *b, const struct question *q, const struct dst *d, const struct fib6_alias *a,
		const struct fib_nh *nh)
{
	struct rtmsg *m = nl_reply_begin(rq, b, RTM_NEWROUTE, sizeof(*m));
	const struct fib_info *fi = a->a.fi;
	u32 table = a->a.table, metrics[RTAX_SLOTS] = { 0 };
	struct rta_cacheinfo ci = { .rta_error = (u32)(s32)d->error };
	u64 now = rq->cpu->now;
	struct inaddr src;

	if (!m)
		return nl_end(b);
	m->rtm_family = AF_INET6;
	m->rtm_dst_len = m->rtm_src_len = 128;
	m->rtm_table = table < 256 ? (u8)table : RT_TABLE_COMPAT;
	m->rtm_protocol = fi->protocol;
	m->rtm_type = a->a.type;
	m->rtm_flags = d->expires || d->flags & DST_REDIRECT ? RTM_F_CLONED : 0;
	nl_put_u32(b, RTA_TABLE, table);
	nl_put(b, RTA_DST, q->dst.b, 16);
	nl_put(b, RTA_SRC, q->src.b, 16);
	/* The source that a packet without one would get, whatever was asked; a route's own is said once more. */
	if (q->iif)
		nl_put_u32(b, RTA_IIF, (u32)q->iif);
	else if (!inaddr_is_any(&fi->prefsrc))
		nl_put(b, RTA_PREFSRC, fi->prefsrc.b, 16);
	else if (ip6_select_saddr(rq->cpu, rq->net, fi->nh[0].dev, &q->dst, 0, &src))
		nl_put(b, RTA_PREFSRC, src.b, 16);
	if (!inaddr_is_any(&fi->prefsrc))
		nl_put(b, RTA_PREFSRC, fi->prefsrc.b, 16);
	if (d->metrics || (fi->metrics && v6_is_multicast(&q->dst)))
		memcpy(metrics, d->metrics ? d->metrics : fi->metrics, sizeof(metrics));
	if (d->mtu && (!d->expires || now < d->expires))
		metrics[RTAX_MTU] = d->mtu;
	rt_put_metrics(b, rq->cpu->world, metrics);
	nl_put_u32(b, RTA_PRIORITY, a->metric);
	if (d->flags & DST_GATEWAY)
		nl_put(b, RTA_GATEWAY, d->gateway.b, 16);
	else if (nh->has_gw && v6_is_multicast(&q->dst))
		nl_put(b, RTA_GATEWAY, nh->gateway.b, 16);
	nl_put_u32(b, RTA_OIF, (u32)d->dev->ifindex);
	if (d->expires > now)
		ci.rta_expires = (s32)rt_ticks(d->expires - now);
	nl_put(b, RTA_CACHEINFO, &ci, sizeof(ci));
	nl_put_u8(b, RTA_PREF, a->pref);
	return nl_end(b);
}

int rt_get_route6(struct nl_request *rq)
{
	struct fib_result res = { .alias = NULL };
	struct nl_attrs a;
	struct question q;
	struct dst *d;
	struct nl_buf b;
	int err = rq->net->inet->af6 ? parse(rq, &a) : -EOPNOTSUPP;

	err = err ? err : read_question(rq, &a, &q);
	if (err)
		return err;
	if (q.iif && !dev_by_index(rq->net, q.iif))
		return -ENODEV;
	err = ip6_route_lookup(rq->cpu, rq->net, &q.fl, &res, &d);
	if (err)
		return err;
	if (q.iif && res.alias->prefix.b[0] == 0xff)
		return -EMSGSIZE; /* a group's way in is the multicast routing table's to tell, which has none: so Linux says it */
	nl_buf_init(&b, cpu_mem(rq->cpu), 0);
	if (q.m->rtm_flags & RTM_F_FIB_MATCH)
		err = rt_route_fill_in(&b, res.alias, &(struct rt_shown){ res.alias->table, q.iif, res.alias->type }, RTM_NEWROUTE, 0, rq->nlh->nlmsg_seq, rq->portid);
	else
		err = fill(rq, &b, &q, d, fib6_alias(res.alias), res.nh);
	err = err ? err : nl_unicast(rq, &b);
	nl_buf_fini(&b);
	return err;
}
