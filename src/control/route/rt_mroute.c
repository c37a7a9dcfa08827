/* Multicast forwarding in messages: RTM_GETROUTE of RTNL_FAMILY_IPMR and _IP6MR (`ip mroute`), IPv4's RTM_NEWROUTE and RTM_DELROUTE, changes and what programs are told
 * (`ip monitor mroute`), the virtual interfaces (RTM_GETLINK of RTNL_FAMILY_IPMR). Entries and tables are inet/mroute's.
 */
#include <netinet/in.h>
#include <linux/mroute.h>

#include "control/route/rt.h"
#include "inet/mroute/mroute.h"

static void put_addr(struct nl_buf *b, u16 type, const struct mr_table *t, const struct inaddr *a)
{
	if (t->ops->family == AF_INET)
		nl_put_u32(b, type, inaddr_v4(a).raw);
	else
		nl_put(b, type, a->b, 16);
}

static void put_ways_out(struct nl_buf *b, const struct mr_table *t, const struct mr_entry *e)
{
	size_t nest = nl_nest(b, RTA_MULTIPATH);
	for (u32 i = e->minvif; i < e->maxvif; i++) {
		struct rtnexthop nh = { .rtnh_len = sizeof(nh), .rtnh_hops = e->ttl[i] };
		if (!t->vif[i].dev || e->ttl[i] == MR_TTL_OFF)
			continue;
		nh.rtnh_ifindex = t->vif[i].dev->ifindex;
		nl_append(b, &nh, sizeof(nh));
	}
	nl_nest_end(b, nest);
}

int rt_mroute_fill(struct nl_buf *b, const struct mr_table *t, const struct mr_entry *e, u64 now, u16 type, u16 flags, u32 seq, u32 portid)
{
	struct rtmsg *m = nl_begin(b, type, flags, seq, portid, sizeof(*m));
	struct rta_mfc_stats stats = { e->pkts, e->bytes, e->wrong_if };
	bool resolved = e->parent < MR_VIFS;
	u8 bits = t->ops->family == AF_INET ? 32 : 128;

	if (!m)
		return nl_end(b);
	*m = (struct rtmsg){ .rtm_family = t->ops->rtnl_family, .rtm_dst_len = bits, .rtm_src_len = bits,
			     .rtm_table = t->id < 256 ? (u8)t->id : RT_TABLE_COMPAT, .rtm_type = RTN_MULTICAST, .rtm_scope = RT_SCOPE_UNIVERSE,
			     .rtm_protocol = e->is_static ? RTPROT_STATIC : RTPROT_MROUTED, .rtm_flags = resolved ? 0 : RTNH_F_UNRESOLVED };
	nl_put_u32(b, RTA_TABLE, t->id);
	put_addr(b, RTA_SRC, t, &e->origin);
	put_addr(b, RTA_DST, t, &e->group);
	if (!resolved)
		return nl_end(b);
	if (t->vif[e->parent].dev)
		nl_put_u32(b, RTA_IIF, (u32)t->vif[e->parent].dev->ifindex);
	put_ways_out(b, t, e);
	nl_put(b, RTA_MFC_STATS, &stats, sizeof(stats));
	nl_put_u64(b, RTA_EXPIRES, e->last_used ? (now - MIN(e->last_used, now)) / 10000000u : 0);
	return nl_end(b);
}

int rt_mroute_report_fill(struct nl_buf *b, const struct mr_report_event *r)
{
	struct rtgenmsg *g = nl_begin(b, RTM_NEWCACHEREPORT, 0, 0, 0, sizeof(*g));
	bool v4 = r->table->ops->family == AF_INET;
	u32 skip = v4 ? sizeof(struct igmpmsg) : 40 /* struct mrt6msg */;
	if (!g)
		return nl_end(b);
	g->rtgen_family = r->table->ops->rtnl_family;
	nl_put_u8(b, IPMRA_CREPORT_MSGTYPE, r->why); /* IP6MRA_CREPORT_* have the same numbers */
	nl_put_u32(b, IPMRA_CREPORT_VIF_ID, r->vif);
	put_addr(b, IPMRA_CREPORT_SRC_ADDR, r->table, &r->origin);
	put_addr(b, IPMRA_CREPORT_DST_ADDR, r->table, &r->group);
	if (v4)
		nl_put_u32(b, IPMRA_CREPORT_TABLE, r->table->id);
	nl_put(b, IPMRA_CREPORT_PKT, r->pkt + skip, r->len > skip ? r->len - skip : 0);
	return nl_end(b);
}

/* -- RTM_GETROUTE -- */

static const struct mr_family *family_of(const struct netns *net, u8 rtnl_family)
{
	return !net->mroute ? NULL : rtnl_family == RTNL_FAMILY_IPMR ? net->mroute->v4 : net->mroute->v6;
}

static const struct nl_policy policy[RTA_MAX + 1] = { [RTA_TABLE] = { .type = NLP_U32 }, [RTA_OIF] = { .type = NLP_U32 } };

struct wanted { u32 table; struct net_device *dev; u8 protocol, type; };

static int parse_dump(struct nl_dump *d, struct wanted *w)
{
	const struct rtmsg *m = nlmsg_hdr_data(d->req);
	struct nl_attrs a;
	size_t len;
	const void *p = nlmsg_attrs(d->req, sizeof(*m), &len);
	int err;

	*w = (struct wanted){ 0 };
	if (!d->strict)
		return 0;
	if (nlmsg_body_len(d->req) < sizeof(*m)) {
		NL_SET_ERR(d->ack, "Invalid header for FIB dump request");
		return -EINVAL;
	}
	if (m->rtm_dst_len || m->rtm_src_len || m->rtm_tos || m->rtm_scope) {
		NL_SET_ERR(d->ack, "Invalid values in header for FIB dump request");
		return -EINVAL;
	}
	if (m->rtm_flags & ~(u32)(RTM_F_CLONED | RTM_F_PREFIX)) {
		NL_SET_ERR(d->ack, "Invalid flags for FIB dump request");
		return -EINVAL;
	}
	*w = (struct wanted){ .table = m->rtm_table, .protocol = m->rtm_protocol, .type = m->rtm_type };
	err = nl_parse(p, len, &a, RTA_MAX, policy, true, d->ack);
	if (err)
		return err;
	for (unsigned i = 1; i <= RTA_MAX; i++) {
		if (!a.a[i])
			continue;
		if (i == RTA_TABLE) {
			w->table = nl_u32(a.a[i]);
		} else if (i == RTA_OIF) {
			w->dev = dev_by_index(d->net, (s32)nl_u32(a.a[i]));
			if (!w->dev)
				return -ENODEV;
		} else {
			NL_SET_ERR(d->ack, "Unsupported attribute in dump request");
			return -EINVAL;
		}
	}
	d->filtered = m->rtm_flags || w->protocol || w->type || w->table || w->dev;
	return 0;
}

static bool leaves_by(const struct mr_table *t, const struct mr_entry *e, const struct net_device *dev)
{
	for (u32 i = e->minvif; i < e->maxvif; i++)
		if (t->vif[i].dev == dev && e->ttl[i] != MR_TTL_OFF)
			return true;
	return false;
}

/* *skip entries of the list are told already. 1: full. */
static int dump_list(struct nl_dump *d, struct nl_buf *b, const struct mr_table *t, const struct list *entries, const struct wanted *w,
		     u64 *at, u64 *n)
{
	const struct mr_entry *e;
	u16 flags = (u16)(NLM_F_MULTI | (d->filtered ? NLM_F_DUMP_FILTERED : 0));
	list_for_each(e, entries, link) {
		if ((*n)++ < *at)
			continue;
		if ((!w->dev || leaves_by(t, e, w->dev)) && rt_mroute_fill(b, t, e, d->cpu->now, RTM_NEWROUTE, flags, d->seq, d->portid))
			return 1;
		*at = *n;
	}
	return 0;
}

/* arg[0]: tables told, arg[1]: entries of the next. */
static int dump_routes(struct nl_dump *d, struct nl_buf *b)
{
	const struct mr_family *f = family_of(d->net, *(const u8 *)nlmsg_hdr_data(d->req));
	struct wanted w;
	const struct mr_table *t;
	u64 tables = 0;
	int err = parse_dump(d, &w);

	if (err)
		return err;
	d->done_apart = true;
	if (!f)
		return 0;
	if (w.table && !mr_table_find(d->net, f, w.table)) {
		NL_SET_ERR(d->ack, f->family == AF_INET ? "ipv4: MR table does not exist" : "ipv6: MR table does not exist");
		return -ENOENT;
	}
	list_for_each(t, &d->net->mroute->tables, link) {
		u64 n = 0;
		if (t->ops != f || (w.table && t->id != w.table) || tables++ < d->arg[0])
			continue;
		if (dump_list(d, b, t, &t->entries, &w, &d->arg[1], &n) || dump_list(d, b, t, &t->unresolved, &w, &d->arg[1], &n))
			return 1;
		d->arg[0] = tables;
		d->arg[1] = 0;
	}
	return 0;
}

static int read_addr(const struct nlattr *a, u8 family, struct inaddr *out)
{
	be32 v4;
	*out = family == AF_INET ? inaddr_from_v4((be32){ 0 }) : inaddr_v6_any();
	if (!a)
		return 0;
	if (nl_len(a) != (family == AF_INET ? 4 : 16))
		return -EINVAL;
	if (family == AF_INET6) {
		memcpy(out->b, nl_data(a), 16);
		return 0;
	}
	memcpy(&v4, nl_data(a), 4);
	*out = inaddr_from_v4(v4);
	return 0;
}

static int get_route(struct nl_request *rq)
{
	const struct rtmsg *m = nlmsg_hdr_data(rq->nlh);
	const struct mr_family *f = family_of(rq->net, m->rtm_family);
	struct inaddr origin, group;
	const struct mr_table *t;
	const struct mr_entry *e;
	struct nl_attrs a;
	struct nl_buf b;
	size_t len;
	const void *p = nlmsg_attrs(rq->nlh, sizeof(*m), &len);
	int err;

	if (!f)
		return -EOPNOTSUPP;
	if (nlmsg_body_len(rq->nlh) < sizeof(*m))
		return -EINVAL;
	err = nl_parse(p, len, &a, RTA_MAX, policy, nl_request_strict(rq), rq->ack);
	err = err ? err : read_addr(a.a[RTA_SRC], f->family, &origin);
	err = err ? err : read_addr(a.a[RTA_DST], f->family, &group);
	if (err)
		return err;
	t = mr_table_find(rq->net, f, a.a[RTA_TABLE] && nl_u32(a.a[RTA_TABLE]) ? nl_u32(a.a[RTA_TABLE]) : f->default_table);
	if (!t) {
		NL_SET_ERR(rq->ack, f->family == AF_INET ? NULL : "MR table does not exist");
		return -ENOENT;
	}
	e = mr_entry_find(t, &origin, &group, -1);
	if (!e) {
		NL_SET_ERR(rq->ack, f->family == AF_INET ? NULL : "MR cache entry not found");
		return -ENOENT;
	}
	nl_buf_init(&b, cpu_mem(rq->cpu), 0);
	err = rt_mroute_fill(&b, t, e, rq->cpu->now, RTM_NEWROUTE, 0, rq->nlh->nlmsg_seq, rq->portid);
	err = err ? err : nl_unicast(rq, &b);
	nl_buf_fini(&b);
	return err;
}

/* -- RTM_NEWROUTE, RTM_DELROUTE: IPv4's entries, as MRT_ADD_MFC and MRT_DEL_MFC have them -- */

static const struct nl_policy change_policy[RTA_MAX + 1] = {
	[RTA_DST] = { .type = NLP_U32 }, [RTA_SRC] = { .type = NLP_U32 }, [RTA_IIF] = { .type = NLP_U32 }, [RTA_PREFSRC] = { .type = NLP_U32 },
	[RTA_TABLE] = { .type = NLP_U32 }, [RTA_MULTIPATH] = { .type = NLP_MIN_LEN, .len = sizeof(struct rtnexthop) },
};

/* The hops' numbers are the vifs' thresholds, in the order of the vifs, whatever devices they name. */
static int read_ttls(const struct nlattr *mp, u8 ttl[MR_VIFS], u32 *n)
{
	const u8 *p = nl_data(mp);
	size_t left = nl_len(mp);
	for (*n = 0; left >= sizeof(struct rtnexthop); (*n)++) {
		struct rtnexthop nh;
		memcpy(&nh, p, sizeof(nh));
		if (nh.rtnh_len < sizeof(nh) || nh.rtnh_len > left)
			break;
		if (*n == MR_VIFS)
			return -EINVAL;
		ttl[*n] = nh.rtnh_hops;
		p += MIN(left, (size_t)RTNH_ALIGN(nh.rtnh_len));
		left -= MIN(left, (size_t)RTNH_ALIGN(nh.rtnh_len));
	}
	return left ? -EINVAL : 0;
}

static int change_route(struct nl_request *rq, bool add)
{
	const struct rtmsg *m = nlmsg_hdr_data(rq->nlh);
	const struct mr_family *f = family_of(rq->net, RTNL_FAMILY_IPMR);
	u8 ttl[MR_VIFS];
	struct mr_entry_config c = { .parent = MR_VIFS, .ttl = ttl, .is_static = m->rtm_protocol != RTPROT_MROUTED };
	struct net_device *dev = NULL;
	struct mr_table *t;
	struct nl_attrs a;
	size_t len;
	const void *p = nlmsg_attrs(rq->nlh, sizeof(*m), &len);
	int err;

	if (!f)
		return -EOPNOTSUPP;
	if (nlmsg_body_len(rq->nlh) < sizeof(*m))
		return -EINVAL;
	err = nl_parse(p, len, &a, RTA_MAX, change_policy, false, rq->ack);
	if (err)
		return err;
	if (m->rtm_dst_len != 32 || m->rtm_type != RTN_MULTICAST || m->rtm_scope != RT_SCOPE_UNIVERSE ||
	    (m->rtm_protocol != RTPROT_MROUTED && m->rtm_protocol != RTPROT_STATIC))
		return -EINVAL;
	memset(ttl, MR_TTL_OFF, sizeof(ttl));
	err = read_addr(a.a[RTA_SRC], AF_INET, &c.origin);
	err = err ? err : read_addr(a.a[RTA_DST], AF_INET, &c.group);
	if (!err && a.a[RTA_IIF]) {
		dev = dev_by_index(rq->net, (s32)nl_u32(a.a[RTA_IIF]));
		err = dev ? 0 : -ENODEV;
	}
	if (!err && a.a[RTA_MULTIPATH])
		err = read_ttls(a.a[RTA_MULTIPATH], ttl, &c.nttl);
	if (err)
		return err;
	t = mr_table_find(rq->net, f, a.a[RTA_TABLE] ? nl_u32(a.a[RTA_TABLE]) : f->default_table);
	if (!t)
		return -ENOENT;
	c.parent_given = a.a[RTA_PREFSRC] != NULL; /* entries of one origin and group for several vifs */
	if (dev && mr_vif_of(t, dev) >= 0)
		c.parent = (u16)mr_vif_of(t, dev);
	return add ? mr_entry_set(rq->cpu, t, &c) : mr_entry_del(rq->cpu, t, &c);
}

static int new_route(struct nl_request *rq) { return change_route(rq, true); }
static int del_route(struct nl_request *rq) { return change_route(rq, false); }

/* -- RTM_GETLINK: tables and their vifs -- */

static void put_vif(struct nl_buf *b, const struct mr_table *t, u32 i)
{
	const struct mr_vif *v = &t->vif[i];
	size_t nest = nl_nest(b, IPMRA_VIF);
	nl_put_u32(b, IPMRA_VIFA_IFINDEX, (u32)v->dev->ifindex);
	nl_put_u32(b, IPMRA_VIFA_VIF_ID, i);
	nl_put_u16(b, IPMRA_VIFA_FLAGS, v->flags);
	nl_put_u64(b, IPMRA_VIFA_BYTES_IN, v->bytes_in);
	nl_put_u64(b, IPMRA_VIFA_BYTES_OUT, v->bytes_out);
	nl_put_u64(b, IPMRA_VIFA_PACKETS_IN, v->pkts_in);
	nl_put_u64(b, IPMRA_VIFA_PACKETS_OUT, v->pkts_out);
	nl_put_u32(b, IPMRA_VIFA_LOCAL_ADDR, v->local.raw);
	nl_put_u32(b, IPMRA_VIFA_REMOTE_ADDR, v->remote.raw);
	nl_nest_end(b, nest);
}

/* arg[0]: tables told. */
static int dump_links(struct nl_dump *d, struct nl_buf *b)
{
	const struct mr_family *f = family_of(d->net, RTNL_FAMILY_IPMR);
	const struct mr_table *t;
	u64 n = 0;
	d->done_apart = true;
	if (!f)
		return 0;
	list_for_each(t, &d->net->mroute->tables, link) {
		struct ifinfomsg *m;
		size_t spec, vifs;
		if (t->ops != f || n++ < d->arg[0])
			continue;
		m = nl_begin(b, RTM_NEWLINK, NLM_F_MULTI, d->seq, d->portid, sizeof(*m));
		if (m)
			m->ifi_family = RTNL_FAMILY_IPMR;
		spec = nl_nest(b, IFLA_AF_SPEC);
		nl_put_u32(b, IPMRA_TABLE_ID, t->id);
		nl_put_u32(b, IPMRA_TABLE_CACHE_RES_QUEUE_LEN, t->nunresolved);
		nl_put_u32(b, IPMRA_TABLE_MROUTE_REG_VIF_NUM, (u32)t->reg_vif);
		nl_put_u8(b, IPMRA_TABLE_MROUTE_DO_ASSERT, t->do_assert);
		nl_put_u8(b, IPMRA_TABLE_MROUTE_DO_PIM, t->do_pim);
		nl_put_u8(b, IPMRA_TABLE_MROUTE_DO_WRVIFWHOLE, t->do_wrvifwhole);
		vifs = nl_nest(b, IPMRA_TABLE_VIFS);
		for (u32 i = 0; i < t->nvifs; i++)
			if (t->vif[i].dev)
				put_vif(b, t, i);
		nl_nest_end(b, vifs);
		nl_nest_end(b, spec);
		if (nl_end(b))
			return 1;
		d->arg[0] = n;
	}
	return 0;
}

const struct nl_handler rt_mroute_handlers[] = {
	{ .protocol = NETLINK_ROUTE, .type = RTM_NEWROUTE, .family = RTNL_FAMILY_IPMR, .doit = new_route },
	{ .protocol = NETLINK_ROUTE, .type = RTM_DELROUTE, .family = RTNL_FAMILY_IPMR, .doit = del_route },
	{ .protocol = NETLINK_ROUTE, .type = RTM_GETROUTE, .family = RTNL_FAMILY_IPMR, .doit = get_route, .dump = dump_routes },
	{ .protocol = NETLINK_ROUTE, .type = RTM_GETROUTE, .family = RTNL_FAMILY_IP6MR, .doit = get_route, .dump = dump_routes },
	{ .protocol = NETLINK_ROUTE, .type = RTM_GETLINK, .family = RTNL_FAMILY_IPMR, .dump = dump_links },
	{ 0 },
};
