/* NETLINK_GENERIC: families by name. nlctrl, the family that tells which others there are, is here; the others are rows of
 * stack_tables.genl_families. A tool that asks for one that is not there hears ENOENT, as from a kernel without it.
 *
 * linux/genetlink.h; docs.kernel.org/userspace-api/netlink/intro.html.
 */
#include <linux/genetlink.h>

#include "control/genl.h"
#include "control/netlink_int.h"
#include "core/stack_tables.h"

enum { NLCTRL_VERSION = 2, NLCTRL_NOTIFY_GROUP = 16 };

static int fill_nlctrl(void *hdr, struct nl_buf *b)
{
	size_t list, one;

	if (!hdr)
		return nl_end(b);
	*(struct genlmsghdr *)hdr = (struct genlmsghdr){ .cmd = CTRL_CMD_NEWFAMILY, .version = NLCTRL_VERSION };
	nl_put_str(b, CTRL_ATTR_FAMILY_NAME, "nlctrl");
	nl_put_u16(b, CTRL_ATTR_FAMILY_ID, GENL_ID_CTRL);
	nl_put_u32(b, CTRL_ATTR_VERSION, NLCTRL_VERSION);
	nl_put_u32(b, CTRL_ATTR_HDRSIZE, 0);
	nl_put_u32(b, CTRL_ATTR_MAXATTR, 0);
	list = nl_nest(b, CTRL_ATTR_OPS);
	one = nl_nest(b, 1);
	nl_put_u32(b, CTRL_ATTR_OP_ID, CTRL_CMD_GETFAMILY);
	nl_put_u32(b, CTRL_ATTR_OP_FLAGS, GENL_CMD_CAP_DO | GENL_CMD_CAP_DUMP | GENL_CMD_CAP_HASPOL);
	nl_nest_end(b, one);
	nl_nest_end(b, list);
	list = nl_nest(b, CTRL_ATTR_MCAST_GROUPS);
	one = nl_nest(b, 1);
	nl_put_u32(b, CTRL_ATTR_MCAST_GRP_ID, NLCTRL_NOTIFY_GROUP);
	nl_put_str(b, CTRL_ATTR_MCAST_GRP_NAME, "notify");
	nl_nest_end(b, one);
	nl_nest_end(b, list);
	return nl_end(b);
}

static const struct genl_family *family_at(const struct world *w, u64 i)
{
	const struct genl_family *const *f = w->tables->genl_families;

	for (; f && *f; f++)
		if (!i--)
			return *f;
	return NULL;
}

static int fill_family(void *hdr, struct nl_buf *b, const struct genl_family *f, u16 id)
{
	size_t list, one;

	if (!hdr)
		return nl_end(b);
	*(struct genlmsghdr *)hdr = (struct genlmsghdr){ .cmd = CTRL_CMD_NEWFAMILY, .version = NLCTRL_VERSION };
	nl_put_str(b, CTRL_ATTR_FAMILY_NAME, f->name);
	nl_put_u16(b, CTRL_ATTR_FAMILY_ID, id);
	nl_put_u32(b, CTRL_ATTR_VERSION, f->version);
	nl_put_u32(b, CTRL_ATTR_HDRSIZE, 0);
	nl_put_u32(b, CTRL_ATTR_MAXATTR, f->max_attr);
	list = nl_nest(b, CTRL_ATTR_OPS);
	for (u16 i = 0; f->ops[i].cmd; i++) {
		one = nl_nest(b, (u16)(i + 1));
		nl_put_u32(b, CTRL_ATTR_OP_ID, f->ops[i].cmd);
		nl_put_u32(b, CTRL_ATTR_OP_FLAGS, f->ops[i].flags);
		nl_nest_end(b, one);
	}
	nl_nest_end(b, list);
	return nl_end(b);
}

static int dump_families(struct nl_dump *d, struct nl_buf *b)
{
	int err;

	const struct genl_family *f;

	if (!d->arg[0]) {
		err = fill_nlctrl(nl_dump_begin(d, b, GENL_ID_CTRL, GENL_HDRLEN), b);
		if (err)
			return err == -EMSGSIZE ? 1 : err;
		d->arg[0] = 1;
	}
	for (; (f = family_at(d->net->world, d->arg[0] - 1)); d->arg[0]++) {
		err = fill_family(nl_dump_begin(d, b, GENL_ID_CTRL, GENL_HDRLEN), b, f, (u16)(GENL_FIRST_ID + d->arg[0] - 1));
		if (err)
			return err == -EMSGSIZE ? 1 : err;
	}
	return 0;
}

static int get_family(struct nl_request *rq)
{
	static const struct nl_policy policy[CTRL_ATTR_FAMILY_NAME + 1] = {
		[CTRL_ATTR_FAMILY_ID] = { .type = NLP_U16 },
		[CTRL_ATTR_FAMILY_NAME] = { .type = NLP_NUL_STRING, .len = GENL_NAMSIZ - 1 },
	};
	size_t len;
	const void *p = nlmsg_attrs(rq->nlh, GENL_HDRLEN, &len);
	char name[GENL_NAMSIZ];
	struct nl_attrs a;
	struct nl_buf b;
	const struct genl_family *f = NULL;
	bool found = false;
	u16 id = 0;
	int err = nl_parse(p, len, &a, CTRL_ATTR_FAMILY_NAME, policy, false, rq->ack);

	if (err)
		return err;
	if (!a.a[CTRL_ATTR_FAMILY_ID] && !a.a[CTRL_ATTR_FAMILY_NAME])
		return -EINVAL;
	if (a.a[CTRL_ATTR_FAMILY_ID]) {
		id = nl_u16(a.a[CTRL_ATTR_FAMILY_ID]);
		f = id >= GENL_FIRST_ID ? family_at(rq->net->world, id - GENL_FIRST_ID) : NULL;
		found = f || id == GENL_ID_CTRL;
	}
	if (a.a[CTRL_ATTR_FAMILY_NAME]) {
		nl_strcpy(name, sizeof(name), a.a[CTRL_ATTR_FAMILY_NAME]);
		found = !strcmp(name, "nlctrl");
		for (id = GENL_FIRST_ID; !found && (f = family_at(rq->net->world, id - GENL_FIRST_ID)); id++)
			if ((found = !strcmp(name, f->name)))
				break;
	}
	if (!found)
		return -ENOENT;
	nl_buf_init(&b, cpu_mem(rq->cpu), 0);
	if (f)
		err = fill_family(nl_reply_begin(rq, &b, GENL_ID_CTRL, GENL_HDRLEN), &b, f, id);
	else
		err = fill_nlctrl(nl_reply_begin(rq, &b, GENL_ID_CTRL, GENL_HDRLEN), &b);
	err = err ? err : nl_unicast(rq, &b);
	nl_buf_fini(&b);
	return err;
}

static int genl_msg(struct nl_request *rq)
{
	const struct genlmsghdr *g = nlmsg_hdr_data(rq->nlh);

	const struct genl_family *f = NULL;

	if (rq->nlh->nlmsg_type != GENL_ID_CTRL) {
		if (rq->nlh->nlmsg_type >= GENL_FIRST_ID)
			f = family_at(rq->net->world, rq->nlh->nlmsg_type - GENL_FIRST_ID);
		if (!f)
			return -ENOENT;
	}
	if (nlmsg_body_len(rq->nlh) < GENL_HDRLEN)
		return -EINVAL;
	if (f) {
		const struct genl_op *op = f->ops;

		while (op->cmd && op->cmd != g->cmd)
			op++;
		if (!op->cmd)
			return -EOPNOTSUPP;
		if (op->flags & GENL_ADMIN_PERM && !caller_net_admin(rq->cpu))
			return -EPERM;
		return f->msg(rq, rq->nlh->nlmsg_type, g);
	}
	if (g->cmd != CTRL_CMD_GETFAMILY)
		return -EOPNOTSUPP;
	if ((rq->nlh->nlmsg_flags & NLM_F_DUMP) == NLM_F_DUMP)
		return nl_dump_start(rq, dump_families);
	return get_family(rq);
}

const struct nl_family nl_family_generic = { .protocol = NETLINK_GENERIC, .groups = 32, .msg = genl_msg, .nonroot_recv = true };
