/* RTM_*NEXTHOP and RTM_GETNEXTHOPBUCKET: next-hop objects in messages (ip-nexthop(8)). What they do is inet/route/nexthop.c's. */
#include "control/route/rt.h"
#include "inet/route/nexthop.h"
#include "link/netns_dev.h"

/* Newer than Debian 12's headers; the values are the uapi's. */
enum { RT_NHA_OP_FLAGS = 14, RT_NHA_GROUP_STATS = 15, RT_NHA_HW_STATS_ENABLE = 16, RT_NHA_HW_STATS_USED = 17, RT_NHA_MAX = 17 };
enum { RT_NHA_GROUP_STATS_ENTRY = 1, RT_NHA_STATS_ID = 1, RT_NHA_STATS_PACKETS = 2, RT_NHA_STATS_PACKETS_HW = 3 };
enum { OP_STATS = 1, OP_HW_STATS = 2, OP_RESP_GRP_RESVD_0 = 1u << 31 };

static const struct nl_policy policy[RT_NHA_MAX + 1] = {
	[NHA_ID] = { .type = NLP_U32 },
	[NHA_GROUP] = { .type = NLP_BINARY, .len = 65535 },
	[NHA_GROUP_TYPE] = { .type = NLP_U16 },
	[NHA_BLACKHOLE] = { .type = NLP_FLAG },
	[NHA_OIF] = { .type = NLP_U32 },
	[NHA_GATEWAY] = { .type = NLP_BINARY, .len = 16 },
	[NHA_ENCAP_TYPE] = { .type = NLP_U16 },
	[NHA_ENCAP] = { .type = NLP_NESTED },
	[NHA_GROUPS] = { .type = NLP_FLAG },
	[NHA_MASTER] = { .type = NLP_U32 },
	[NHA_FDB] = { .type = NLP_FLAG },
	[NHA_RES_GROUP] = { .type = NLP_NESTED },
	[NHA_RES_BUCKET] = { .type = NLP_NESTED },
	[RT_NHA_OP_FLAGS] = { .type = NLP_U32 },
	[RT_NHA_HW_STATS_ENABLE] = { .type = NLP_U32, .max = 1 },
};

static u64 clock_ns(u64 ticks) { return ticks * (NSEC_PER_SEC / 100); } /* USER_HZ */

/* -- objects into messages -- */

static void put_uint(struct nl_buf *b, u16 type, u64 v) /* in four bytes when it fits */
{
	if (v <= UINT32_MAX)
		nl_put_u32(b, type, (u32)v);
	else
		nl_put_u64(b, type, v);
}

static void put_stats(struct nl_buf *b, const struct nexthop *nh, bool hw)
{
	size_t nest, entry;

	nl_put_u32(b, RT_NHA_HW_STATS_ENABLE, nh->hw_stats);
	if (hw && nh->hw_stats)
		nl_put_u32(b, RT_NHA_HW_STATS_USED, 0);
	nest = nl_nest(b, RT_NHA_GROUP_STATS | NLA_F_NESTED);
	for (unsigned i = 0; i < nh->n; i++) {
		entry = nl_nest(b, RT_NHA_GROUP_STATS_ENTRY | NLA_F_NESTED);
		nl_put_u32(b, RT_NHA_STATS_ID, nh->members[i].nh->id);
		put_uint(b, RT_NHA_STATS_PACKETS, nh->members[i].packets);
		if (hw)
			put_uint(b, RT_NHA_STATS_PACKETS_HW, 0);
		nl_nest_end(b, entry);
	}
	nl_nest_end(b, nest);
}

static void put_group(struct nl_buf *b, const struct nexthop *nh, u32 op_flags, u64 now)
{
	size_t nest;

	nl_put_u16(b, NHA_GROUP_TYPE, nh->res ? NEXTHOP_GRP_TYPE_RES : NEXTHOP_GRP_TYPE_MPATH);
	nest = nl_nest(b, NHA_GROUP);
	for (unsigned i = 0; i < nh->n; i++) {
		/* A struct nexthop_grp has the shape of an attribute's value of its own: laid down entry by entry below. */
		struct nexthop_grp g = { .id = nh->members[i].nh->id, .weight = (u8)(nh->members[i].weight - 1) };

		*nexthop_grp_weight_high(&g) = (u8)((nh->members[i].weight - 1) >> 8);
		nl_append(b, &g, sizeof(g));
	}
	nl_nest_end(b, nest);
	if (nh->res) {
		nest = nl_nest(b, NHA_RES_GROUP | NLA_F_NESTED);
		nl_put_u16(b, NHA_RES_GROUP_BUCKETS, nh->res->count);
		nl_put_u32(b, NHA_RES_GROUP_IDLE_TIMER, rt_ticks(nh->res->idle_ns));
		nl_put_u32(b, NHA_RES_GROUP_UNBALANCED_TIMER, rt_ticks(nh->res->unbalanced_ns));
		nl_put_u64(b, NHA_RES_GROUP_UNBALANCED_TIME, nh->res->unbalanced_since ? rt_ticks(now - nh->res->unbalanced_since) : 0);
		nl_nest_end(b, nest);
	}
	if (op_flags & OP_STATS)
		put_stats(b, nh, op_flags & OP_HW_STATS);
	nl_put_u32(b, RT_NHA_OP_FLAGS, OP_RESP_GRP_RESVD_0);
}

int rt_nexthop_fill(struct nl_buf *b, const struct nexthop *nh, u32 op_flags, u64 now, u16 type, u16 flags, u32 seq, u32 portid)
{
	struct nhmsg *m = nl_begin(b, type, flags, seq, portid, sizeof(*m));
	const struct fib_nh *h = &nh->hop;

	if (!m)
		return nl_end(b);
	m->nh_protocol = nh->protocol;
	m->nh_family = nexthop_is_group(nh) ? AF_UNSPEC : nh->family;
	m->nh_scope = nexthop_is_group(nh) || nh->blackhole ? 0 : nh->family == AF_INET6 ? RT_SCOPE_LINK : h->scope;
	m->nh_flags = h->flags & (RTNH_F_ONLINK | RTNH_F_DEAD | RTNH_F_LINKDOWN);
	nl_put_u32(b, NHA_ID, nh->id);
	if (nexthop_is_group(nh)) {
		if (nh->fdb)
			nl_put(b, NHA_FDB, NULL, 0);
		put_group(b, nh, op_flags, now);
		return nl_end(b);
	}
	if (nh->blackhole) {
		nl_put(b, NHA_BLACKHOLE, NULL, 0);
		return nl_end(b);
	}
	if (nh->fdb)
		nl_put(b, NHA_FDB, NULL, 0);
	else if (h->dev)
		nl_put_u32(b, NHA_OIF, (u32)h->dev->ifindex);
	if (h->has_gw && h->gw_family == AF_INET)
		nl_put_u32(b, NHA_GATEWAY, inaddr_v4(&h->gateway).raw);
	else if (h->has_gw)
		nl_put(b, NHA_GATEWAY, h->gateway.b, 16);
	return nl_end(b);
}

/* -- requests into objects -- */

enum { FOR_DEL = BIT(NHA_ID), FOR_GET = BIT(NHA_ID) | BIT(RT_NHA_OP_FLAGS),
       FOR_DUMP = BIT(NHA_OIF) | BIT(NHA_GROUPS) | BIT(NHA_MASTER) | BIT(NHA_FDB) | BIT(RT_NHA_OP_FLAGS),
       FOR_BUCKET = BIT(NHA_ID) | BIT(NHA_RES_BUCKET), FOR_BUCKETS = FOR_BUCKET | BIT(NHA_OIF) | BIT(NHA_MASTER),
       FOR_NEW = (int)(BIT(RT_NHA_MAX + 1) - 1 - BIT(RT_NHA_OP_FLAGS)) };

/* takes: which attributes, of which the highest is the last that the message may have at all. */
static int parse_attrs(const void *p, size_t len, struct nl_attrs *a, u32 takes, struct nl_ext_ack *ack)
{
	unsigned max = 31u - (unsigned)__builtin_clz(takes);
	int err = nl_parse(p, len, a, max, policy, true, ack);

	for (unsigned i = 1; i <= max && !err; i++) {
		if (a->a[i] && !(takes & BIT(i))) {
			NL_SET_ERR_ATTR(ack, a->a[i], "Unsupported attribute");
			err = -EINVAL;
		}
	}
	for (unsigned i = max + 1; i <= RT_NHA_MAX; i++)
		a->a[i] = NULL;
	if (!err && a->a[RT_NHA_OP_FLAGS] && nl_u32(a->a[RT_NHA_OP_FLAGS]) & ~(u32)(OP_STATS | OP_HW_STATS)) {
		NL_SET_ERR_ATTR(ack, a->a[RT_NHA_OP_FLAGS], "reserved bit set");
		err = -EINVAL;
	}
	return err;
}

static u32 op_flags_of(const struct nl_attrs *a) { return a->a[RT_NHA_OP_FLAGS] ? nl_u32(a->a[RT_NHA_OP_FLAGS]) : 0; }

static int fail(struct nl_ext_ack *ack, const char *text)
{
	NL_SET_ERR(ack, text);
	return -EINVAL;
}

static int read_resilient(const struct nlattr *nest, struct nexthop_config *c, struct nl_ext_ack *ack)
{
	static const struct nl_policy res_policy[NHA_RES_GROUP_MAX + 1] = {
		[NHA_RES_GROUP_BUCKETS] = { .type = NLP_U16 },
		[NHA_RES_GROUP_IDLE_TIMER] = { .type = NLP_U32 },
		[NHA_RES_GROUP_UNBALANCED_TIMER] = { .type = NLP_U32 },
	};
	struct nl_attrs a;
	int err;

	c->resilient = true;
	if (!nest)
		return 0;
	err = nl_parse_nested(nest, &a, NHA_RES_GROUP_MAX, res_policy, true, ack);
	if (err)
		return err;
	if (a.a[NHA_RES_GROUP_BUCKETS]) {
		c->has_buckets = true;
		c->buckets = nl_u16(a.a[NHA_RES_GROUP_BUCKETS]);
	}
	if (a.a[NHA_RES_GROUP_IDLE_TIMER]) {
		c->has_idle = true;
		c->idle_ns = clock_ns(nl_u32(a.a[NHA_RES_GROUP_IDLE_TIMER]));
	}
	if (a.a[NHA_RES_GROUP_UNBALANCED_TIMER]) {
		c->has_unbalanced = true;
		c->unbalanced_ns = clock_ns(nl_u32(a.a[NHA_RES_GROUP_UNBALANCED_TIMER]));
	}
	return 0;
}

static int read_group(const struct nl_attrs *a, const struct nhmsg *m, struct nexthop_config *c, struct nl_ext_ack *ack)
{
	u16 len = nl_len(a->a[NHA_GROUP]), type = NEXTHOP_GRP_TYPE_MPATH;

	if (m->nh_family != AF_UNSPEC)
		return fail(ack, "Invalid family for group");
	if (a->a[NHA_GROUP_TYPE])
		type = nl_u16(a->a[NHA_GROUP_TYPE]);
	if (type > NEXTHOP_GRP_TYPE_RES)
		return fail(ack, "Invalid group type");
	if (!len || len % sizeof(struct nexthop_grp))
		return fail(ack, "Invalid length for nexthop group attribute");
	for (unsigned i = NHA_GROUP_TYPE + 1; i <= RT_NHA_MAX; i++) {
		if (!a->a[i] || i == NHA_FDB || i == RT_NHA_HW_STATS_ENABLE || i == RT_NHA_OP_FLAGS ||
		    (i == NHA_RES_GROUP && type == NEXTHOP_GRP_TYPE_RES))
			continue;
		return fail(ack, "No other attributes can be set in nexthop groups");
	}
	c->group = nl_data(a->a[NHA_GROUP]);
	c->n = len / (unsigned)sizeof(struct nexthop_grp);
	c->hw_stats = a->a[RT_NHA_HW_STATS_ENABLE] && nl_u32(a->a[RT_NHA_HW_STATS_ENABLE]);
	return type == NEXTHOP_GRP_TYPE_RES ? read_resilient(a->a[NHA_RES_GROUP], c, ack) : 0;
}

static int read_gateway(const struct nlattr *gw, struct nexthop_config *c, struct nl_ext_ack *ack)
{
	be32 v4;

	if (nl_len(gw) != (c->family == AF_INET ? 4 : 16))
		return fail(ack, "Invalid gateway");
	c->has_gw = true;
	if (c->family == AF_INET) {
		memcpy(&v4, nl_data(gw), 4);
		c->gateway = inaddr_from_v4(v4);
	} else {
		memcpy(c->gateway.b, nl_data(gw), 16);
	}
	return 0;
}

static int read_single(struct nl_request *rq, const struct nl_attrs *a, struct nexthop_config *c)
{
	struct nl_ext_ack *ack = rq->ack;

	if (a->a[NHA_BLACKHOLE]) {
		if (a->a[NHA_GATEWAY] || a->a[NHA_OIF] || a->a[NHA_ENCAP] || a->a[NHA_ENCAP_TYPE] || c->fdb)
			return fail(ack, "Blackhole attribute can not be used with gateway, oif, encap or fdb");
		c->blackhole = true;
		return 0;
	}
	if (!c->fdb && !a->a[NHA_OIF])
		return fail(ack, "Device attribute required for non-blackhole and non-fdb nexthops");
	if (a->a[NHA_ENCAP] || a->a[NHA_ENCAP_TYPE]) {
		NL_SET_ERR(ack, "CONFIG_LWTUNNEL is not enabled in this kernel");
		return -EOPNOTSUPP;
	}
	if (a->a[NHA_GATEWAY] && read_gateway(a->a[NHA_GATEWAY], c, ack))
		return -EINVAL;
	if (!a->a[NHA_GATEWAY] && c->flags & RTNH_F_ONLINK)
		return fail(ack, "ONLINK flag can not be set for nexthop without a gateway");
	if (a->a[NHA_OIF]) {
		struct net_device *dev;
		c->oif = (s32)nl_u32(a->a[NHA_OIF]);
		dev = c->oif ? dev_by_index(rq->net, c->oif) : NULL;
		if (!dev)
			return fail(ack, "Invalid device index");
		if (!(dev->flags & IFF_UP)) {
			NL_SET_ERR(ack, "Nexthop device is not up");
			return -ENETDOWN;
		}
		if (!dev->carrier) {
			NL_SET_ERR(ack, "Carrier for nexthop device is down");
			return -ENETDOWN;
		}
	}
	return 0;
}

static int new_nexthop(struct nl_request *rq)
{
	const struct nhmsg *m = nlmsg_hdr_data(rq->nlh);
	struct nl_ext_ack *ack = rq->ack;
	struct nexthop_config c;
	struct nl_attrs a;
	size_t len;
	const void *p = nlmsg_attrs(rq->nlh, sizeof(*m), &len);
	int err;

	if (nlmsg_body_len(rq->nlh) < sizeof(*m))
		return -EINVAL;
	err = parse_attrs(p, len, &a, FOR_NEW, ack);
	if (err)
		return err;
	if (m->resvd || m->nh_scope)
		return fail(ack, "Invalid values in ancillary header");
	if (m->nh_flags & ~RTNH_F_ONLINK)
		return fail(ack, "Invalid nexthop flags in ancillary header");
	if (m->nh_family != AF_INET && (m->nh_family != AF_INET6 || !rq->net->ip6) && !(m->nh_family == AF_UNSPEC && a.a[NHA_GROUP]))
		return fail(ack, "Invalid address family");
	if (a.a[NHA_GROUPS] || a.a[NHA_MASTER])
		return fail(ack, "Invalid attributes in request");
	c = (struct nexthop_config){ .id = a.a[NHA_ID] ? nl_u32(a.a[NHA_ID]) : 0, .family = m->nh_family, .protocol = m->nh_protocol,
				     .flags = (u8)m->nh_flags, .nl_flags = rq->nlh->nlmsg_flags, .portid = rq->portid,
				     .seq = rq->nlh->nlmsg_seq, .ack = ack };
	if (a.a[NHA_FDB]) {
		if (a.a[NHA_ENCAP] || a.a[NHA_ENCAP_TYPE] || a.a[NHA_OIF] || a.a[NHA_BLACKHOLE])
			return fail(ack, "Fdb attribute can not be used with encap, oif or blackhole");
		if (m->nh_flags)
			return fail(ack, "Unsupported nexthop flags in ancillary header");
		c.fdb = true;
	}
	err = a.a[NHA_GROUP] ? read_group(&a, m, &c, ack) : read_single(rq, &a, &c);
	return err ? err : nexthop_set(rq->cpu, rq->net, &c);
}

static int read_id(struct nl_request *rq, struct nl_attrs *a, u32 takes, u32 *id)
{
	const struct nhmsg *m = nlmsg_hdr_data(rq->nlh);
	size_t len;
	const void *p = nlmsg_attrs(rq->nlh, sizeof(*m), &len);
	int err;

	if (nlmsg_body_len(rq->nlh) < sizeof(*m))
		return -EINVAL;
	err = parse_attrs(p, len, a, takes, rq->ack);
	if (err)
		return err;
	if (m->nh_protocol || m->resvd || m->nh_scope || m->nh_flags)
		return fail(rq->ack, "Invalid values in header");
	if (!a->a[NHA_ID])
		return fail(rq->ack, "Nexthop id is missing");
	*id = nl_u32(a->a[NHA_ID]);
	return *id ? 0 : fail(rq->ack, "Invalid nexthop id");
}

static int del_nexthop(struct nl_request *rq)
{
	struct nexthop *nh;
	struct nl_attrs a;
	u32 id;
	int err = read_id(rq, &a, FOR_DEL, &id);

	if (err)
		return err;
	nh = nexthop_find(rq->net, id);
	if (!nh)
		return -ENOENT;
	nexthop_del(rq->cpu, nh, &(struct nexthop_event){ .portid = rq->portid, .seq = rq->nlh->nlmsg_seq, .nl_flags = rq->nlh->nlmsg_flags });
	return 0;
}

static int get_nexthop(struct nl_request *rq)
{
	struct nexthop *nh;
	struct nl_attrs a;
	struct nl_buf b;
	u32 id;
	int err = read_id(rq, &a, FOR_GET, &id);

	if (err)
		return err;
	nh = nexthop_find(rq->net, id);
	if (!nh)
		return -ENOENT;
	nl_buf_init(&b, cpu_mem(rq->cpu), 0);
	err = rt_nexthop_fill(&b, nh, op_flags_of(&a), rq->cpu->now, RTM_NEWNEXTHOP, 0, rq->nlh->nlmsg_seq, rq->portid);
	err = err ? err : nl_unicast(rq, &b);
	nl_buf_fini(&b);
	return err;
}

/* -- dumps -- */

struct filter {
	u32 id, oif, master, op_flags;
	bool groups;
	u8 family;
};

static int parse_dump(struct nl_dump *d, u32 takes, struct filter *f)
{
	const struct nhmsg *m = nlmsg_hdr_data(d->req);
	struct nl_attrs a;
	size_t len;
	const void *p = nlmsg_attrs(d->req, sizeof(*m), &len);
	int err;

	*f = (struct filter){ .id = 0 };
	if (nlmsg_body_len(d->req) < sizeof(*m))
		return -EINVAL;
	err = parse_attrs(p, len, &a, takes, d->ack);
	if (err)
		return err;
	if (m->nh_protocol || m->resvd || m->nh_scope || m->nh_flags)
		return fail(d->ack, "Invalid values in header for nexthop dump request");
	f->family = m->nh_family;
	f->id = a.a[NHA_ID] ? nl_u32(a.a[NHA_ID]) : 0;
	f->oif = a.a[NHA_OIF] ? nl_u32(a.a[NHA_OIF]) : 0;
	f->master = a.a[NHA_MASTER] ? nl_u32(a.a[NHA_MASTER]) : 0;
	if (f->oif > INT32_MAX)
		return fail(d->ack, "Invalid device index");
	if (f->master > INT32_MAX)
		return fail(d->ack, "Invalid master device index");
	f->op_flags = op_flags_of(&a);
	f->groups = a.a[NHA_GROUPS];
	return 0;
}

/* NHA_FDB is taken and chooses nothing, as on Linux. A blackhole is loopback's. */
static bool wanted(const struct nexthop *nh, const struct filter *f)
{
	const struct net_device *dev = nh->blackhole ? nh->net->dev->loopback : nh->hop.dev;

	if (f->groups && !nexthop_is_group(nh))
		return false;
	if (f->oif && (!dev || (u32)dev->ifindex != f->oif))
		return false;
	if (f->master && (!dev || !dev->master || (u32)dev->master->ifindex != f->master))
		return false;
	return !f->family || (!nexthop_is_group(nh) && nh->family == f->family);
}

/* arg[0]: the last id told. */
static int dump_nexthop(struct nl_dump *d, struct nl_buf *b)
{
	struct nexthop *nh;
	struct filter f;
	int err = parse_dump(d, FOR_DUMP, &f);

	if (err)
		return err;
	while ((nh = nexthop_next(d->net, (u32)d->arg[0]))) {
		if (wanted(nh, &f)) {
			err = rt_nexthop_fill(b, nh, f.op_flags, d->cpu->now, RTM_NEWNEXTHOP, NLM_F_MULTI, d->seq, d->portid);
			if (err)
				return err == -EMSGSIZE ? 1 : err;
		}
		d->arg[0] = nh->id;
	}
	return 0;
}

int rt_nexthop_bucket_fill(struct nl_buf *b, const struct nexthop *nh, u16 index, u64 now, u16 flags, u32 seq, u32 portid)
{
	struct nhmsg *m = nl_begin(b, RTM_NEWNEXTHOPBUCKET, flags, seq, portid, sizeof(*m));
	const struct nexthop_bucket *bucket = &nh->res->b[index];
	size_t nest;

	if (!m)
		return nl_end(b);
	nl_put_u32(b, NHA_ID, nh->id);
	nest = nl_nest(b, NHA_RES_BUCKET | NLA_F_NESTED);
	nl_put_u16(b, NHA_RES_BUCKET_INDEX, index);
	nl_put_u32(b, NHA_RES_BUCKET_NH_ID, nh->members[bucket->member < 0 ? 0 : bucket->member].nh->id);
	nl_put_u64(b, NHA_RES_BUCKET_IDLE_TIME, rt_ticks(now - bucket->used));
	nl_nest_end(b, nest);
	return nl_end(b);
}

static int read_bucket_nest(const struct nlattr *nest, struct nl_attrs *a, struct nl_ext_ack *ack)
{
	static const struct nl_policy bucket_policy[NHA_RES_BUCKET_MAX + 1] = {
		[NHA_RES_BUCKET_INDEX] = { .type = NLP_U16 },
		[NHA_RES_BUCKET_IDLE_TIME] = { .type = NLP_U64 },
		[NHA_RES_BUCKET_NH_ID] = { .type = NLP_U32 },
	};

	return nl_parse_nested(nest, a, NHA_RES_BUCKET_MAX, bucket_policy, true, ack);
}

static int get_bucket(struct nl_request *rq)
{
	struct nl_attrs a, in;
	struct nexthop *nh;
	struct nl_buf b;
	u32 id, index;
	int err = read_id(rq, &a, FOR_BUCKET, &id);

	if (err)
		return err;
	if (!a.a[NHA_RES_BUCKET])
		return fail(rq->ack, "Bucket information is missing");
	err = read_bucket_nest(a.a[NHA_RES_BUCKET], &in, rq->ack);
	if (err)
		return err;
	if (!in.a[NHA_RES_BUCKET_INDEX])
		return fail(rq->ack, "Bucket index is missing");
	index = nl_u16(in.a[NHA_RES_BUCKET_INDEX]);
	nh = nexthop_find(rq->net, id);
	if (!nh)
		return -ENOENT;
	if (!nexthop_is_group(nh))
		return fail(rq->ack, "Not a nexthop group");
	if (!nh->res)
		return fail(rq->ack, "Nexthop group not of type resilient");
	if (index >= nh->res->count) {
		NL_SET_ERR(rq->ack, "Bucket index out of bounds");
		return -ENOENT;
	}
	nl_buf_init(&b, cpu_mem(rq->cpu), 0);
	err = rt_nexthop_bucket_fill(&b, nh, (u16)index, rq->cpu->now, 0, rq->nlh->nlmsg_seq, rq->portid);
	err = err ? err : nl_unicast(rq, &b);
	nl_buf_fini(&b);
	return err;
}

/* arg[0]: the group at which to go on, arg[1]: its bucket. */
static int dump_bucket(struct nl_dump *d, struct nl_buf *b)
{
	struct nexthop *nh;
	struct nl_attrs in = { .max = 0 }, a;
	struct filter f;
	size_t len;
	const void *p = nlmsg_attrs(d->req, sizeof(struct nhmsg), &len);
	int err = parse_dump(d, FOR_BUCKETS, &f);
	u32 of = 0;

	if (err)
		return err;
	nl_parse(p, len, &a, RT_NHA_MAX, policy, true, d->ack);
	if (a.a[NHA_RES_BUCKET]) {
		err = read_bucket_nest(a.a[NHA_RES_BUCKET], &in, d->ack);
		if (err)
			return err;
		of = in.a[NHA_RES_BUCKET_NH_ID] ? nl_u32(in.a[NHA_RES_BUCKET_NH_ID]) : 0;
	}
	if (f.id) {
		nh = nexthop_find(d->net, f.id);
		if (!nh)
			return -ENOENT;
		if (!nexthop_is_group(nh))
			return fail(d->ack, "Not a nexthop group");
		if (!nh->res)
			return fail(d->ack, "Nexthop group not of type resilient");
		d->arg[0] = MAX(d->arg[0], (u64)f.id - 1);
	}
	while ((nh = nexthop_next(d->net, (u32)d->arg[0])) && (!f.id || nh->id == f.id)) {
		for (; nh->res && d->arg[1] < nh->res->count; d->arg[1]++) {
			const struct nexthop_bucket *k = &nh->res->b[d->arg[1]];
			const struct nexthop *hop = nh->members[k->member < 0 ? 0 : k->member].nh;
			if ((of && hop->id != of) || (f.oif && (!hop->hop.dev || (u32)hop->hop.dev->ifindex != f.oif)))
				continue;
			err = rt_nexthop_bucket_fill(b, nh, (u16)d->arg[1], d->cpu->now, NLM_F_MULTI, d->seq, d->portid);
			if (err)
				return err == -EMSGSIZE ? 1 : err;
		}
		d->arg[0] = nh->id;
		d->arg[1] = 0;
	}
	return 0;
}

const struct nl_handler rt_nexthop_handlers[] = {
	{ .protocol = NETLINK_ROUTE, .type = RTM_NEWNEXTHOP, .doit = new_nexthop },
	{ .protocol = NETLINK_ROUTE, .type = RTM_DELNEXTHOP, .doit = del_nexthop },
	{ .protocol = NETLINK_ROUTE, .type = RTM_GETNEXTHOP, .doit = get_nexthop, .dump = dump_nexthop },
	{ .protocol = NETLINK_ROUTE, .type = RTM_GETNEXTHOPBUCKET, .doit = get_bucket, .dump = dump_bucket },
	{ 0 },
};
