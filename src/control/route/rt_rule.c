/* RTM_NEWRULE, RTM_DELRULE, RTM_GETRULE: policy rules in messages (ip-rule(8)). What they do is inet/route/fib_rule.c's. */
#include <linux/fib_rules.h>

#include "control/route/rt.h"
#include "inet/mroute/mroute.h"
#include "inet/route/fib.h"

/* Attributes newer than Debian 12's headers; the values are the uapi's. */
enum { RT_FRA_DSCP = 25, RT_FRA_FLOWLABEL = 26, RT_FRA_FLOWLABEL_MASK = 27, RT_FRA_SPORT_MASK = 28, RT_FRA_DPORT_MASK = 29, RT_FRA_DSCP_MASK = 30,
       RT_FRA_MAX = 30 };

static const struct nl_policy policy[RT_FRA_MAX + 1] = {
	[FRA_DST] = { .type = NLP_MIN_LEN, .len = 0 },
	[FRA_SRC] = { .type = NLP_MIN_LEN, .len = 0 },
	[FRA_IIFNAME] = { .type = NLP_STRING, .len = IFNAMSIZ - 1 },
	[FRA_OIFNAME] = { .type = NLP_STRING, .len = IFNAMSIZ - 1 },
	[FRA_PRIORITY] = { .type = NLP_U32 },
	[FRA_FWMARK] = { .type = NLP_U32 },
	[FRA_FLOW] = { .type = NLP_U32 },
	[FRA_TUN_ID] = { .type = NLP_U64 },
	[FRA_FWMASK] = { .type = NLP_U32 },
	[FRA_TABLE] = { .type = NLP_U32 },
	[FRA_SUPPRESS_PREFIXLEN] = { .type = NLP_U32 },
	[FRA_SUPPRESS_IFGROUP] = { .type = NLP_U32 },
	[FRA_GOTO] = { .type = NLP_U32 },
	[FRA_L3MDEV] = { .type = NLP_U8 },
	[FRA_UID_RANGE] = { .type = NLP_MIN_LEN, .len = sizeof(struct fib_rule_uid_range) },
	[FRA_PROTOCOL] = { .type = NLP_U8 },
	[FRA_IP_PROTO] = { .type = NLP_U8 },
	[FRA_SPORT_RANGE] = { .type = NLP_MIN_LEN, .len = sizeof(struct fib_rule_port_range) },
	[FRA_DPORT_RANGE] = { .type = NLP_MIN_LEN, .len = sizeof(struct fib_rule_port_range) },
	[RT_FRA_DSCP] = { .type = NLP_U8, .max = 63 },
	[RT_FRA_FLOWLABEL] = { .type = NLP_BE32, .max = 0xfffff },
	[RT_FRA_FLOWLABEL_MASK] = { .type = NLP_BE32, .max = 0xfffff },
	[RT_FRA_SPORT_MASK] = { .type = NLP_U16 },
	[RT_FRA_DPORT_MASK] = { .type = NLP_U16 },
	[RT_FRA_DSCP_MASK] = { .type = NLP_U8, .max = 63 },
};

/* -- rules into messages -- */

static void put_addr(struct nl_buf *b, u16 type, const struct fib_rule *r, const struct inaddr *a)
{
	if (r->family == AF_INET)
		nl_put_u32(b, type, inaddr_v4(a).raw);
	else
		nl_put(b, type, a->b, 16);
}

static void put_ports(struct nl_buf *b, u16 type, u16 mask_type, const struct fib_port_range *p)
{
	struct fib_rule_port_range range = { p->first, p->last };

	if (!p->first)
		return;
	nl_put(b, type, &range, sizeof(range));
	if (p->first == p->last) /* a mask of all bits, too */
		nl_put_u16(b, mask_type, p->mask);
}

static u32 shown_flags(const struct fib_rule *r)
{
	u32 f = r->flags;

	if (r->action == FR_ACT_GOTO && !r->jump)
		f |= FIB_RULE_UNRESOLVED;
	if (r->iif == -1)
		f |= FIB_RULE_IIF_DETACHED;
	if (r->oif == -1)
		f |= FIB_RULE_OIF_DETACHED;
	return f;
}

int rt_rule_fill(struct nl_buf *b, const struct fib_rule *r, u16 type, u16 flags, u32 seq, u32 portid)
{
	struct fib_rule_hdr *h = nl_begin(b, type, flags, seq, portid, sizeof(*h));

	if (!h)
		return nl_end(b);
	h->family = r->family;
	h->table = r->table < 256 ? (u8)r->table : RT_TABLE_COMPAT;
	h->action = r->action;
	h->flags = shown_flags(r);
	h->dst_len = r->dst_len;
	h->src_len = r->src_len;
	h->tos = r->dscp_full ? 0 : r->dscp;
	nl_put_u32(b, FRA_TABLE, r->table);
	nl_put_u32(b, FRA_SUPPRESS_PREFIXLEN, (u32)r->suppress_prefixlen);
	nl_put_u8(b, FRA_PROTOCOL, r->protocol);
	if (*r->iifname)
		nl_put_str(b, FRA_IIFNAME, r->iifname);
	if (*r->oifname)
		nl_put_str(b, FRA_OIFNAME, r->oifname);
	if (r->preference)
		nl_put_u32(b, FRA_PRIORITY, r->preference);
	if (r->mark)
		nl_put_u32(b, FRA_FWMARK, r->mark);
	if (r->mark || r->mark_mask)
		nl_put_u32(b, FRA_FWMASK, r->mark_mask);
	if (r->target)
		nl_put_u32(b, FRA_GOTO, r->target);
	if (r->tun_id)
		nl_put_u64(b, FRA_TUN_ID, r->tun_id);
	if (r->l3mdev)
		nl_put_u8(b, FRA_L3MDEV, 1);
	if (r->has_uid)
		nl_put(b, FRA_UID_RANGE, &(struct fib_rule_uid_range){ r->uid_first, r->uid_last }, sizeof(struct fib_rule_uid_range));
	put_ports(b, FRA_SPORT_RANGE, RT_FRA_SPORT_MASK, &r->sport);
	put_ports(b, FRA_DPORT_RANGE, RT_FRA_DPORT_MASK, &r->dport);
	if (r->ip_proto)
		nl_put_u8(b, FRA_IP_PROTO, r->ip_proto);
	if (r->suppress_ifgroup != -1)
		nl_put_u32(b, FRA_SUPPRESS_IFGROUP, (u32)r->suppress_ifgroup);
	if (r->dscp_full) {
		nl_put_u8(b, RT_FRA_DSCP, r->dscp >> 2);
		if (r->dscp_mask != 0xfc)
			nl_put_u8(b, RT_FRA_DSCP_MASK, r->dscp_mask >> 2);
	}
	if (r->dst_len)
		put_addr(b, FRA_DST, r, &r->dst);
	if (r->src_len)
		put_addr(b, FRA_SRC, r, &r->src);
	if (r->realms)
		nl_put_u32(b, FRA_FLOW, r->realms);
	if (r->flowlabel_mask) {
		nl_put_u32(b, RT_FRA_FLOWLABEL, cpu_to_be32(r->flowlabel).raw);
		nl_put_u32(b, RT_FRA_FLOWLABEL_MASK, cpu_to_be32(r->flowlabel_mask).raw);
	}
	return nl_end(b);
}

/* -- requests into rules -- */

static bool is_mroute(u8 family) { return family == RTNL_FAMILY_IPMR || family == RTNL_FAMILY_IP6MR; }

/* Whether a family has rules here. */
static bool rules_of(const struct netns *net, u8 family)
{
	switch (family) {
	case AF_INET: return true;
	case AF_INET6: return net->ip6 != NULL;
	case RTNL_FAMILY_IPMR: return net->mroute && net->mroute->v4;
	case RTNL_FAMILY_IP6MR: return net->mroute && net->mroute->v6;
	default: return false;
	}
}

static int read_addr(const struct nlattr *a, u8 family, u8 len, struct inaddr *out, const char *text, struct nl_ext_ack *ack)
{
	unsigned size = family == AF_INET || family == RTNL_FAMILY_IPMR ? 4 : 16;
	be32 v4;

	if (!len)
		return 0;
	if (!a || len > size * 8 || nl_len(a) != size) {
		NL_SET_ERR(ack, text);
		return -EINVAL;
	}
	if (family == AF_INET6) {
		memcpy(out->b, nl_data(a), 16);
		return 0;
	}
	memcpy(&v4, nl_data(a), 4);
	*out = inaddr_from_v4(v4);
	return 0;
}

static int read_ports(const struct nlattr *a, const struct nlattr *mask, struct fib_port_range *p, const char *text, struct nl_ext_ack *ack)
{
	struct fib_rule_port_range r;

	if (!a) {
		if (mask) {
			NL_SET_ERR_ATTR(ack, mask, "Cannot specify port mask without port value");
			return -EINVAL;
		}
		return 0;
	}
	memcpy(&r, nl_data(a), sizeof(r));
	if (nl_len(a) != sizeof(r) || !r.start || r.end == 0xffff || r.start > r.end) {
		NL_SET_ERR(ack, text);
		return -EINVAL;
	}
	*p = (struct fib_port_range){ r.start, r.end, 0xffff };
	if (!mask)
		return 0;
	p->mask = nl_u16(mask);
	if (p->first != p->last || (p->first & ~(u32)p->mask)) {
		NL_SET_ERR_ATTR(ack, mask, "Invalid port mask");
		return -EINVAL;
	}
	return 0;
}

static int read_dscp(const struct nl_attrs *a, u8 tos, struct fib_rule *r, struct nl_ext_ack *ack)
{
	if (tos & 3) {
		NL_SET_ERR(ack, "Invalid dsfield (tos): ECN bits must be 0");
		return -EINVAL;
	}
	if (r->family == AF_INET && tos & 0xe0) { /* IPTOS_TOS_MASK: such classes only as dscp */
		NL_SET_ERR(ack, "Invalid tos");
		return -EINVAL;
	}
	r->dscp = tos;
	r->dscp_mask = 0xfc;
	if (a->a[RT_FRA_DSCP]) {
		if (tos) {
			NL_SET_ERR(ack, "Cannot specify both TOS and DSCP");
			return -EINVAL;
		}
		r->dscp = (u8)(nl_u8(a->a[RT_FRA_DSCP]) << 2);
		r->dscp_full = true;
	}
	if (!a->a[RT_FRA_DSCP_MASK])
		return 0;
	r->dscp_mask = (u8)(nl_u8(a->a[RT_FRA_DSCP_MASK]) << 2);
	if (!r->dscp_full) {
		NL_SET_ERR_ATTR(ack, a->a[RT_FRA_DSCP_MASK], "Cannot specify DSCP mask without DSCP value");
		return -EINVAL;
	}
	if (r->dscp & ~r->dscp_mask) {
		NL_SET_ERR_ATTR(ack, a->a[RT_FRA_DSCP_MASK], "Invalid DSCP mask");
		return -EINVAL;
	}
	return 0;
}

/* What the kernel asks of a rule alone, in its order. */
static int read_selectors(const struct nl_attrs *a, const struct fib_rule_hdr *h, struct fib_rule *r, u32 *given, struct nl_ext_ack *ack)
{
	if (a->a[FRA_PRIORITY]) {
		r->preference = nl_u32(a->a[FRA_PRIORITY]);
		*given |= FIB_RULE_HAS_PREF;
	}
	if (a->a[FRA_PROTOCOL])
		r->protocol = nl_u8(a->a[FRA_PROTOCOL]);
	if (a->a[FRA_IIFNAME])
		nl_strcpy(r->iifname, sizeof(r->iifname), a->a[FRA_IIFNAME]);
	if (a->a[FRA_OIFNAME])
		nl_strcpy(r->oifname, sizeof(r->oifname), a->a[FRA_OIFNAME]);
	if (a->a[FRA_FWMARK]) {
		r->mark = nl_u32(a->a[FRA_FWMARK]);
		r->mark_mask = r->mark ? ~0u : 0; /* compatible with the time before masks */
	}
	if (a->a[FRA_FWMASK])
		r->mark_mask = nl_u32(a->a[FRA_FWMASK]);
	if (a->a[FRA_TUN_ID])
		r->tun_id = nl_u64(a->a[FRA_TUN_ID]);
	if (a->a[FRA_L3MDEV]) {
		if (nl_u8(a->a[FRA_L3MDEV]) != 1) {
			NL_SET_ERR(ack, "Invalid l3mdev attribute");
			return -EINVAL;
		}
		r->l3mdev = true;
	}
	r->action = h->action;
	r->flags = h->flags;
	r->table = a->a[FRA_TABLE] ? nl_u32(a->a[FRA_TABLE]) : h->table;
	if (a->a[FRA_SUPPRESS_PREFIXLEN])
		r->suppress_prefixlen = (s32)nl_u32(a->a[FRA_SUPPRESS_PREFIXLEN]);
	if (a->a[FRA_SUPPRESS_IFGROUP])
		r->suppress_ifgroup = (s32)nl_u32(a->a[FRA_SUPPRESS_IFGROUP]);
	if (a->a[FRA_GOTO]) {
		if (r->action != FR_ACT_GOTO) {
			NL_SET_ERR(ack, "Unexpected goto");
			return -EINVAL;
		}
		r->target = nl_u32(a->a[FRA_GOTO]);
	} else if (r->action == FR_ACT_GOTO) {
		NL_SET_ERR(ack, "Missing goto target for action goto");
		return -EINVAL;
	}
	if (r->l3mdev && r->table) {
		NL_SET_ERR(ack, "l3mdev and table are mutually exclusive");
		return -EINVAL;
	}
	if (a->a[FRA_UID_RANGE]) {
		struct fib_rule_uid_range u;
		memcpy(&u, nl_data(a->a[FRA_UID_RANGE]), sizeof(u));
		if (u.start == ~0u || u.end == ~0u || u.start > u.end) {
			NL_SET_ERR(ack, "Invalid uid range");
			return -EINVAL;
		}
		r->has_uid = true;
		r->uid_first = u.start;
		r->uid_last = u.end;
	}
	if (a->a[FRA_IP_PROTO])
		r->ip_proto = nl_u8(a->a[FRA_IP_PROTO]);
	return 0;
}

static int read_flowlabel(const struct nl_attrs *a, struct fib_rule *r, struct nl_ext_ack *ack)
{
	const struct nlattr *label = a->a[RT_FRA_FLOWLABEL], *mask = a->a[RT_FRA_FLOWLABEL_MASK];

	if (!label && !mask)
		return 0;
	if (r->family == AF_INET) {
		NL_SET_ERR(ack, "Flow label cannot be specified for IPv4 FIB rules");
		return -EINVAL;
	}
	if (!label || !mask) {
		if (ack)
			ack->miss_type = label ? RT_FRA_FLOWLABEL_MASK : RT_FRA_FLOWLABEL;
		return -EINVAL;
	}
	r->flowlabel = be32_to_cpu((be32){ nl_u32(label) });
	r->flowlabel_mask = be32_to_cpu((be32){ nl_u32(mask) });
	if (r->flowlabel & ~r->flowlabel_mask) {
		NL_SET_ERR(ack, "Flow label and mask do not match");
		return -EINVAL;
	}
	return 0;
}

static int read_rule(struct nl_request *rq, struct fib_rule *r, u32 *given)
{
	const struct fib_rule_hdr *h = nlmsg_hdr_data(rq->nlh);
	bool add = rq->nlh->nlmsg_type == RTM_NEWRULE;
	struct nl_ext_ack *ack = rq->ack;
	struct nl_attrs a;
	size_t len;
	const void *p = nlmsg_attrs(rq->nlh, sizeof(*h), &len);
	int err;

	*given = 0;
	if (nlmsg_body_len(rq->nlh) < sizeof(*h)) {
		NL_SET_ERR(ack, "Invalid msg length");
		return -EINVAL;
	}
	if (!rules_of(rq->net, h->family)) {
		NL_SET_ERR(ack, "Rule family not supported");
		return -EAFNOSUPPORT;
	}
	err = nl_parse(p, len, &a, RT_FRA_MAX, policy, false, ack);
	if (err) {
		NL_SET_ERR(ack, "Error parsing msg");
		return err;
	}
	*r = (struct fib_rule){ .family = h->family, .suppress_prefixlen = -1, .suppress_ifgroup = -1 };
	r->src_len = h->src_len;
	r->dst_len = h->dst_len;
	err = read_addr(a.a[FRA_SRC], h->family, h->src_len, &r->src, "Invalid source address", ack);
	err = err ? err : read_addr(a.a[FRA_DST], h->family, h->dst_len, &r->dst, "Invalid dst address", ack);
	err = err ? err : read_selectors(&a, h, r, given, ack);
	err = err ? err : read_ports(a.a[FRA_SPORT_RANGE], a.a[RT_FRA_SPORT_MASK], &r->sport, "Invalid sport range", ack);
	err = err ? err : read_ports(a.a[FRA_DPORT_RANGE], a.a[RT_FRA_DPORT_MASK], &r->dport, "Invalid dport range", ack);
	if (is_mroute(h->family)) { /* their rules know neither addresses nor the rest */
		r->src_len = r->dst_len = 0;
		return err;
	}
	if (!err && r->action == FR_ACT_GOTO &&
	    r->target <= (*given & FIB_RULE_HAS_PREF ? r->preference : fib_rule_default_preference(rq->net, r->family))) {
		NL_SET_ERR(ack, "Backward goto not supported");
		return -EINVAL;
	}
	if (err)
		return err;
	err = read_dscp(&a, h->tos, r, add ? ack : NULL);
	err = err ? err : read_flowlabel(&a, r, add ? ack : NULL);
	if (err)
		return add ? err : -ENOENT; /* there can be no such rule */
	if (r->dscp_full)
		*given |= FIB_RULE_HAS_DSCP;
	if (a.a[FRA_FLOW] && r->family == AF_INET) {
		r->realms = nl_u32(a.a[FRA_FLOW]);
		*given |= FIB_RULE_HAS_REALMS;
	}
	return 0;
}

static int new_rule(struct nl_request *rq)
{
	struct fib_rule r;
	u32 given;
	int err = read_rule(rq, &r, &given);

	return err ? err : fib_rule_add(rq->cpu, rq->net, &r, given & FIB_RULE_HAS_PREF, rq->nlh->nlmsg_flags & NLM_F_EXCL, rq->ack);
}

static int del_rule(struct nl_request *rq)
{
	struct fib_rule r;
	u32 given;
	int err = read_rule(rq, &r, &given);

	return err ? err : fib_rule_del(rq->cpu, rq->net, &r, given, rq->ack);
}

/* -- dumps -- */

static int check_dump(const struct nl_dump *d, const struct fib_rule_hdr *h)
{
	size_t len;

	if (!d->strict)
		return 0;
	if (nlmsg_body_len(d->req) < sizeof(*h)) {
		NL_SET_ERR(d->ack, "Invalid header for fib rule dump request");
		return -EINVAL;
	}
	if (h->dst_len || h->src_len || h->tos || h->table || h->res1 || h->res2 || h->action || h->flags) {
		NL_SET_ERR(d->ack, "Invalid values in header for fib rule dump request");
		return -EINVAL;
	}
	nlmsg_attrs(d->req, sizeof(*h), &len);
	if (len) {
		NL_SET_ERR(d->ack, "Invalid data after header in fib rule dump request");
		return -EINVAL;
	}
	return 0;
}

/* arg[0]: the family at which to go on, arg[1]: rules of it told. */
static int dump_rule(struct nl_dump *d, struct nl_buf *b)
{
	const struct fib_rule_hdr *h = nlmsg_hdr_data(d->req);
	int err = check_dump(d, h);

	if (err)
		return err;
	if (h->family != AF_UNSPEC && !rules_of(d->net, h->family))
		return -EAFNOSUPPORT;
	for (; d->arg[0] < FIB_RULE_LISTS; d->arg[0]++, d->arg[1] = 0) {
		u8 family = fib_rule_families[d->arg[0]];
		struct fib_rule *r;
		u64 n = 0;
		if ((h->family != AF_UNSPEC && h->family != family) || !rules_of(d->net, family))
			continue;
		list_for_each (r, fib_rules(d->net, family), link) {
			if (n++ < d->arg[1])
				continue;
			err = rt_rule_fill(b, r, RTM_NEWRULE, NLM_F_MULTI, d->seq, d->portid);
			if (err)
				return err == -EMSGSIZE ? 1 : err;
			d->arg[1] = n;
		}
	}
	return 0;
}

const struct nl_handler rt_rule_handlers[] = {
	{ .protocol = NETLINK_ROUTE, .type = RTM_NEWRULE, .doit = new_rule },
	{ .protocol = NETLINK_ROUTE, .type = RTM_DELRULE, .doit = del_rule },
	{ .protocol = NETLINK_ROUTE, .type = RTM_GETRULE, .dump = dump_rule },
	{ 0 },
};
