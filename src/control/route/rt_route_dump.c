/* Dumps of RTM_GETROUTE, of one family or both, whole or selected. */
#include "control/route/rt_route.h"
#include "link/netns_dev.h"

struct filter {
	u32 table;
	u8 protocol, type;
	struct net_device *dev;
	bool cached;		/* RTM_F_CLONED: learned exceptions, not routes */
	bool prefixes;		/* RTM_F_PREFIX: IPv6 routes that came with router advertisements' prefixes */
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
	f->prefixes = m->rtm_flags & RTM_F_PREFIX;
	f->protocol = m->rtm_protocol;
	f->type = m->rtm_type;
	f->table = m->rtm_table;
	err = nl_parse(p, len, &a, RT_RTA_MAX, rt_route_policy, true, ack);
	if (err)
		return err;
	for (unsigned i = 1; i <= RT_RTA_MAX; i++) {
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

/* A multipath IPv6 route is told once, at its first hop; Linux then goes on behind its last one, whatever stands between. */
static bool is_told(const struct fib_alias *route)
{
	const struct fib6_alias *a = fib6_alias(route), *s, *last;
	const struct fib_table *t = fib_table_find(route->fi->net, AF_INET6, route->table);
	const struct fib_alias *head = lpm_find(&t->lpm, lpm_key_of(AF_INET6, &route->prefix), route->prefix_len);

	for (s = fib6_alias(head); s && s != a; s = fib6_next(last)) {
		last = s;
		for (const struct fib6_alias *i = s; s->siblings && i; i = fib6_next(i)) {
			if (fib6_is_sibling(i, s))
				last = i;
		}
		for (const struct fib6_alias *i = s; i != fib6_next(last); i = fib6_next(i)) {
			if (i == a)
				return false;
		}
	}
	return true;
}

static int dump_one(void *arg, const struct fib_alias *a)
{
	const struct dumping *p = arg;
	const struct filter *f = p->f;
	int err;

	if ((f->protocol && a->fi->protocol != f->protocol) || (f->type && a->type != f->type) ||
	    (f->dev && !uses_dev(a->fi, f->dev)))
		return 0;
	if (a->fi->family == AF_INET6 && !is_told(a))
		return 0;
	if (f->prefixes && (a->fi->family == AF_INET || !(fib6_alias(a)->rtf & FIB6_PREFIX_RT)))
		return 0;
	err = rt_route_fill(p->b, a, RTM_NEWROUTE, p->flags, p->d->seq, p->d->portid);
	return err == -EMSGSIZE ? 1 : err;
}

int rt_dump_routes(struct nl_dump *d, struct nl_buf *b)
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
	if (asked == AF_INET6 && !d->net->ip6)
		asked = AF_UNSPEC;
	if (f.table && asked && !fib_table_find(d->net, asked, f.table)) {
		NL_SET_ERR(d->ack, asked == AF_INET ? "ipv4: FIB table does not exist" : "ipv6: FIB table does not exist");
		return -ENOENT;
	}
	/* A strict dump leaves out what is learned, so its messages always say that they are a selection. */
	p.flags = (u16)(NLM_F_MULTI | (d->filtered || d->strict ? NLM_F_DUMP_FILTERED : 0) | (d->intr ? NLM_F_DUMP_INTR : 0));
	return fib_walk(d->net, asked, f.table, d->arg, dump_one, &p);
}
