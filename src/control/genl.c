/* NETLINK_GENERIC: families by name. nlctrl, the family that tells which others there are, is here; the others are rows of
 * stack_tables.genl_families. A tool that asks for one that is not there hears ENOENT, as from a kernel without it.
 *
 * nlctrl also describes what each command takes (CTRL_CMD_GETPOLICY): the policies that requests are checked with, numbered in the
 * order in which they are met, nests behind what has them; one message for each attribute.
 *
 * linux/genetlink.h; docs.kernel.org/userspace-api/netlink/intro.html.
 */
#include "control/genl.h"
#include "control/netlink_int.h"
#include "core/stack_tables.h"

enum { NLCTRL_VERSION = 2, NLCTRL_GROUP = 16, GROUPS = 32 };

static const struct genl_family nlctrl;

/* i 0: nlctrl. */
static const struct genl_family *family_at(const struct world *w, u64 i)
{
	const struct genl_family *const *f = w->tables->genl_families;

	if (!i--)
		return &nlctrl;
	for (; f && *f; f++)
		if (!i--)
			return *f;
	return NULL;
}

static u16 id_at(u64 i)
{
	return (u16)(i ? GENL_FIRST_ID + i - 1 : GENL_ID_CTRL);
}

static const struct genl_family *family_by_id(const struct world *w, u16 id)
{
	if (id == GENL_ID_CTRL)
		return &nlctrl;
	return id >= GENL_FIRST_ID ? family_at(w, (u64)(id - GENL_FIRST_ID) + 1) : NULL;
}

static const struct genl_family *family_by_name(const struct world *w, const char *name)
{
	const struct genl_family *f;

	for (u64 i = 0; (f = family_at(w, i)); i++)
		if (!strcmp(f->name, name))
			break;
	return f;
}

u16 genl_id(const struct world *w, const struct genl_family *f)
{
	u64 i = 0;

	while (family_at(w, i) && family_at(w, i) != f)
		i++;
	return id_at(i);
}

u32 genl_group(const struct world *w, const struct genl_family *f)
{
	const struct genl_family *g;
	u32 group = NLCTRL_GROUP;

	for (u64 i = 0; (g = family_at(w, i)) && g != f; i++)
		for (const char *const *name = g->groups; name && *name; name++)
			group++;
	assert(group <= GROUPS);
	return group;
}

static const struct genl_op *op_find(const struct genl_family *f, u32 cmd)
{
	for (const struct genl_op *const *op = f->ops; *op; op++)
		if ((*op)->cmd == cmd)
			return *op;
	return NULL;
}

/* -- CTRL_CMD_GETFAMILY -- */

static int fill_family(const struct world *w, void *hdr, struct nl_buf *b, const struct genl_family *f)
{
	size_t list, one;
	u16 n = 0;

	if (!hdr)
		return nl_end(b);
	*(struct genlmsghdr *)hdr = (struct genlmsghdr){ .cmd = CTRL_CMD_NEWFAMILY, .version = NLCTRL_VERSION };
	nl_put_str(b, CTRL_ATTR_FAMILY_NAME, f->name);
	nl_put_u16(b, CTRL_ATTR_FAMILY_ID, genl_id(w, f));
	nl_put_u32(b, CTRL_ATTR_VERSION, f->version);
	nl_put_u32(b, CTRL_ATTR_HDRSIZE, 0);
	nl_put_u32(b, CTRL_ATTR_MAXATTR, f->max_attr);
	list = nl_nest(b, CTRL_ATTR_OPS);
	for (const struct genl_op *const *op = f->ops; *op; op++) {
		one = nl_nest(b, ++n);
		nl_put_u32(b, CTRL_ATTR_OP_ID, (*op)->cmd);
		nl_put_u32(b, CTRL_ATTR_OP_FLAGS, (*op)->flags);
		nl_nest_end(b, one);
	}
	nl_nest_end(b, list);
	if (!f->groups)
		return nl_end(b);
	list = nl_nest(b, CTRL_ATTR_MCAST_GROUPS);
	for (u16 i = 0; f->groups[i]; i++) {
		one = nl_nest(b, (u16)(i + 1));
		nl_put_u32(b, CTRL_ATTR_MCAST_GRP_ID, genl_group(w, f) + i);
		nl_put_str(b, CTRL_ATTR_MCAST_GRP_NAME, f->groups[i]);
		nl_nest_end(b, one);
	}
	nl_nest_end(b, list);
	return nl_end(b);
}

/* arg[0]: which family is next. */
static int dump_families(struct nl_dump *d, struct nl_buf *b)
{
	const struct genl_family *f;

	for (; (f = family_at(d->net->world, d->arg[0])); d->arg[0]++) {
		int err = fill_family(d->net->world, nl_dump_begin(d, b, GENL_ID_CTRL, GENL_HDRLEN), b, f);

		if (err)
			return err == -EMSGSIZE ? 1 : err;
	}
	return 0;
}

enum { ATTR_OP_POLICY = 9, ATTR_OP = 10, OP_POLICY_DO = 1, OP_POLICY_DUMP = 2 }; /* CTRL_ATTR_* that older headers lack */

static const struct nl_policy ctrl_policy[] = {
	[CTRL_ATTR_FAMILY_ID] = { .type = NLP_U16 },
	[CTRL_ATTR_FAMILY_NAME] = { .type = NLP_NUL_STRING, .len = GENL_NAMSIZ - 1 },
	[ATTR_OP] = { .type = NLP_U32 },
};

/* 0, -EINVAL: none named, -ENOENT. */
static int named_family(const struct world *w, const struct nlmsghdr *n, struct nl_attrs *a, struct nl_ext_ack *ack,
			const struct genl_family **f)
{
	size_t len;
	const void *p = nlmsg_attrs(n, GENL_HDRLEN, &len);
	char name[GENL_NAMSIZ];
	int err = nl_parse(p, len, a, ARRAY_SIZE(ctrl_policy) - 1, ctrl_policy, false, ack);

	if (err)
		return err;
	if (a->a[CTRL_ATTR_FAMILY_NAME]) {
		nl_strcpy(name, sizeof(name), a->a[CTRL_ATTR_FAMILY_NAME]);
		*f = family_by_name(w, name);
	} else if (a->a[CTRL_ATTR_FAMILY_ID]) {
		*f = family_by_id(w, nl_u16(a->a[CTRL_ATTR_FAMILY_ID]));
	} else {
		return -EINVAL;
	}
	return *f ? 0 : -ENOENT;
}

static int get_family(struct nl_request *rq, const struct genl_op *op)
{
	const struct genl_family *f;
	struct nl_attrs a;
	struct nl_buf b;
	int err;

	if (genl_is_dump(rq->nlh))
		return nl_dump_start(rq, dump_families);
	err = named_family(rq->net->world, rq->nlh, &a, rq->ack, &f);
	if (err)
		return err;
	nl_buf_init(&b, cpu_mem(rq->cpu), 0);
	err = fill_family(rq->net->world, nl_reply_begin(rq, &b, GENL_ID_CTRL, GENL_HDRLEN), &b, f);
	err = err ? err : nl_unicast(rq, &b);
	nl_buf_fini(&b);
	return err;
}

/* -- CTRL_CMD_GETPOLICY -- */

struct policies { /* those that some commands need, in the order in which they are met */
	const struct nl_policy *p[64];
	unsigned max[64], n;
};

static unsigned policy_index(struct policies *all, const struct nl_policy *p, unsigned max)
{
	unsigned i = 0;

	while (i < all->n && (all->p[i] != p || all->max[i] != max))
		i++;
	if (i < all->n)
		return i;
	assert(all->n < ARRAY_SIZE(all->p));
	all->p[i] = p;
	all->max[i] = max;
	all->n++;
	return i;
}

static void collect(struct policies *all, const struct genl_family *f, const struct genl_op *only)
{
	all->n = 0;
	for (const struct genl_op *const *op = f->ops; *op; op++)
		if ((*op)->policy && (!only || *op == only))
			policy_index(all, (*op)->policy, (*op)->max_attr);
	for (unsigned i = 0; i < all->n; i++)
		for (unsigned t = 1; t <= all->max[i]; t++)
			if (all->p[i][t].nest)
				policy_index(all, all->p[i][t].nest, all->p[i][t].len);
}

static bool policy_begin(struct nl_dump *d, struct nl_buf *b, u16 id)
{
	void *hdr = nl_dump_begin(d, b, GENL_ID_CTRL, GENL_HDRLEN);

	if (!hdr)
		return false;
	*(struct genlmsghdr *)hdr = (struct genlmsghdr){ .cmd = CTRL_CMD_GETPOLICY, .version = NLCTRL_VERSION };
	nl_put_u16(b, CTRL_ATTR_FAMILY_ID, id);
	return true;
}

static int fill_op(struct nl_dump *d, struct nl_buf *b, u16 id, const struct genl_op *op, unsigned index)
{
	size_t list, one;

	if (policy_begin(d, b, id)) {
		list = nl_nest(b, ATTR_OP_POLICY | NLA_F_NESTED);
		one = nl_nest(b, op->cmd | NLA_F_NESTED);
		if (op->flags & GENL_CMD_CAP_DO)
			nl_put_u32(b, OP_POLICY_DO, index);
		if (op->flags & GENL_CMD_CAP_DUMP)
			nl_put_u32(b, OP_POLICY_DUMP, index);
		nl_nest_end(b, one);
		nl_nest_end(b, list);
	}
	return nl_end(b);
}

static int fill_attr(struct nl_dump *d, struct nl_buf *b, u16 id, struct policies *all, unsigned i, unsigned type)
{
	const struct nl_policy *p = all->p[i] + type;
	size_t list, of, one;

	if (policy_begin(d, b, id)) {
		list = nl_nest(b, CTRL_ATTR_POLICY | NLA_F_NESTED);
		of = nl_nest(b, (u16)i | NLA_F_NESTED);
		one = nl_nest(b, (u16)type | NLA_F_NESTED);
		if (p->nest) {
			nl_put_u32(b, NL_POLICY_TYPE_ATTR_POLICY_IDX, policy_index(all, p->nest, p->len));
			nl_put_u32(b, NL_POLICY_TYPE_ATTR_POLICY_MAXTYPE, p->len);
		}
		nl_put_policy(b, p);
		nl_nest_end(b, one);
		nl_nest_end(b, of);
		nl_nest_end(b, list);
	}
	return nl_end(b);
}

/* arg[0]: how many messages are done. */
static int dump_policies(struct nl_dump *d, struct nl_buf *b)
{
	const struct genl_family *f;
	const struct genl_op *only;
	struct policies all;
	struct nl_attrs a;
	u64 at = 0;
	int err = named_family(d->net->world, d->req, &a, d->ack, &f);
	u16 id;

	if (err)
		return err; /* it was looked at before: cannot be */
	id = genl_id(d->net->world, f);
	only = a.a[ATTR_OP] ? op_find(f, nl_u32(a.a[ATTR_OP])) : NULL;
	collect(&all, f, only);
	for (const struct genl_op *const *op = f->ops; !err && *op; op++)
		if ((*op)->policy && (!only || *op == only) && at++ == d->arg[0]) {
			err = fill_op(d, b, id, *op, policy_index(&all, (*op)->policy, (*op)->max_attr));
			d->arg[0] += !err;
		}
	for (unsigned i = 0; i < all.n; i++)
		for (unsigned t = 1; !err && t <= all.max[i]; t++)
			if (all.p[i][t].type != NLP_UNSPEC && at++ == d->arg[0]) {
				err = fill_attr(d, b, id, &all, i, t);
				d->arg[0] += !err;
			}
	return err == -EMSGSIZE ? 1 : err;
}

static int get_policy(struct nl_request *rq, const struct genl_op *op)
{
	const struct genl_family *f;
	const struct genl_op *asked;
	struct policies all;
	struct nl_attrs a;
	int err = named_family(rq->net->world, rq->nlh, &a, rq->ack, &f);

	if (err)
		return err;
	asked = a.a[ATTR_OP] ? op_find(f, nl_u32(a.a[ATTR_OP])) : NULL;
	if (a.a[ATTR_OP] && !asked) {
		NL_SET_ERR_ATTR(rq->ack, a.a[ATTR_OP], NULL);
		return -ENOENT;
	}
	collect(&all, f, asked);
	return all.n ? nl_dump_start(rq, dump_policies) : -ENODATA;
}

static const struct genl_op op_get_family = { .cmd = CTRL_CMD_GETFAMILY, .flags = GENL_CMD_CAP_DO | GENL_CMD_CAP_DUMP | GENL_CMD_CAP_HASPOL,
					      .policy = ctrl_policy, .max_attr = CTRL_ATTR_FAMILY_NAME, .lenient = true, .msg = get_family };
static const struct genl_op op_get_policy = { .cmd = CTRL_CMD_GETPOLICY, .flags = GENL_CMD_CAP_DUMP | GENL_CMD_CAP_HASPOL,
					      .policy = ctrl_policy, .max_attr = ATTR_OP, .lenient = true, .msg = get_policy };
static const struct genl_op *const nlctrl_ops[] = { &op_get_family, &op_get_policy, NULL };
static const char *const nlctrl_groups[] = { "notify", NULL };
static const struct genl_family nlctrl = { .name = "nlctrl", .version = NLCTRL_VERSION, .ops = nlctrl_ops, .groups = nlctrl_groups };

static int genl_msg(struct nl_request *rq)
{
	const struct genl_family *f = family_by_id(rq->net->world, rq->nlh->nlmsg_type);
	const struct genl_op *op;
	const void *p;
	size_t len;
	int err;

	if (!f)
		return -ENOENT;
	if (nlmsg_body_len(rq->nlh) < GENL_HDRLEN)
		return -EINVAL;
	op = op_find(f, ((const struct genlmsghdr *)nlmsg_hdr_data(rq->nlh))->cmd);
	if (!op)
		return -EOPNOTSUPP;
	if (op->flags & (GENL_ADMIN_PERM | GENL_UNS_ADMIN_PERM) && !caller_net_admin(rq->cpu))
		return -EPERM;
	if (!(op->flags & (genl_is_dump(rq->nlh) ? GENL_CMD_CAP_DUMP : GENL_CMD_CAP_DO)))
		return -EOPNOTSUPP;
	if (op->policy && !op->lenient) {
		p = nlmsg_attrs(rq->nlh, GENL_HDRLEN, &len);
		err = nl_check_all(p, len, op->max_attr, op->policy, rq->ack);
		if (err)
			return err;
	}
	return op->msg(rq, op);
}

const struct nl_family nl_family_generic = { .protocol = NETLINK_GENERIC, .groups = GROUPS, .msg = genl_msg, .nonroot_recv = true };
