/* Requests to netfilter, one by one: who handles them, and the header that all of them have.
 *
 * Everything here needs CAP_NET_ADMIN, asking too. A message of a subsystem or a type that nobody handles is EINVAL, as from a kernel
 * without that module.
 */
#include "control/netlink_int.h"
#include "control/nfnl/nfnl.h"

static const struct nfnl_subsys *const nfnl_subsystems[] = {
	&nfnl_nftables,
	NULL,
};

const struct nfnl_subsys *nfnl_subsys_find(u8 id)
{
	for (const struct nfnl_subsys *const *s = nfnl_subsystems; *s; s++)
		if ((*s)->id == id)
			return *s;
	return NULL;
}

const struct nfnl_op *nfnl_op_find(const struct nfnl_subsys *s, u8 msg)
{
	for (const struct nfnl_op *op = s->ops; op->doit || op->dump; op++)
		if (op->msg == msg)
			return op;
	return NULL;
}

int nfnl_call(struct nl_request *rq, const struct nfnl_op *op)
{
	const struct nfgenmsg *m = nlmsg_hdr_data(rq->nlh);
	struct nl_attrs a;
	size_t len;
	const void *p = nlmsg_attrs(rq->nlh, sizeof(*m), &len);
	int err = nl_parse(p, len, &a, op->maxattr, op->policy, false, rq->ack);

	return err ? err : op->doit(rq, m, &a);
}

static int msg(struct nl_request *rq)
{
	const struct nlmsghdr *n = rq->nlh;
	const struct nfnl_subsys *s = nfnl_subsys_find((u8)NFNL_SUBSYS_ID(n->nlmsg_type));
	const struct nfnl_op *op;

	if (nlmsg_body_len(n) < sizeof(struct nfgenmsg))
		return 0;
	op = s ? nfnl_op_find(s, (u8)NFNL_MSG_TYPE(n->nlmsg_type)) : NULL;
	if (!op || op->batch)
		return -EINVAL;
	if ((n->nlmsg_flags & NLM_F_DUMP) == NLM_F_DUMP && op->dump)
		return nl_dump_start(rq, op->dump);
	return op->doit ? nfnl_call(rq, op) : -EOPNOTSUPP;
}

static bool rx(struct nl_request *rq, const u8 *data, size_t len)
{
	const struct nlmsghdr *n = (const struct nlmsghdr *)data;

	if (len < NLMSG_HDRLEN || n->nlmsg_len < NLMSG_HDRLEN || n->nlmsg_len > len)
		return true;
	if (!caller_net_admin(rq->cpu)) {
		nl_send_ack(rq->cpu, rq->sock, n, -EPERM, rq->ack);
		return true;
	}
	if (n->nlmsg_type != NFNL_MSG_BATCH_BEGIN)
		return false;
	nfnl_batch(rq, data, len);
	return true;
}

static struct nfgenmsg *head(struct nfgenmsg *m, u8 family, u16 res_id)
{
	if (m)
		*m = (struct nfgenmsg){ .nfgen_family = family, .version = NFNETLINK_V0, .res_id = cpu_to_be16(res_id).raw };
	return m;
}

struct nfgenmsg *nfnl_reply(const struct nl_request *rq, struct nl_buf *b, u8 subsys, u8 msg_type, u8 family, u16 res_id)
{
	return head(nl_reply_begin(rq, b, (u16)(subsys << 8 | msg_type), sizeof(struct nfgenmsg)), family, res_id);
}

struct nfgenmsg *nfnl_dump_msg(struct nl_dump *d, struct nl_buf *b, u8 subsys, u8 msg_type, u8 family, u16 res_id)
{
	return head(nl_dump_begin(d, b, (u16)(subsys << 8 | msg_type), sizeof(struct nfgenmsg)), family, res_id);
}

struct nfgenmsg *nfnl_notify(struct nl_buf *b, u8 subsys, u8 msg_type, u16 flags, u32 seq, u32 portid, u8 family, u16 res_id)
{
	return head(nl_begin(b, (u16)(subsys << 8 | msg_type), flags, seq, portid, sizeof(struct nfgenmsg)), family, res_id);
}

int nfnl_dump_attrs(struct nl_dump *d, struct nl_attrs *a, unsigned max, const struct nl_policy *policy)
{
	size_t len;
	const void *p = nlmsg_attrs(d->req, sizeof(struct nfgenmsg), &len);

	return nl_parse(p, len, a, max, policy, false, d->ack);
}

u8 nfnl_dump_family(const struct nl_dump *d)
{
	return nlmsg_body_len(d->req) >= sizeof(struct nfgenmsg) ? ((const struct nfgenmsg *)nlmsg_hdr_data(d->req))->nfgen_family : 0;
}

const struct nl_family nl_family_netfilter = { .protocol = NETLINK_NETFILTER, .groups = NFNLGRP_MAX, .rx = rx, .msg = msg };
const struct sock_family netlink_netfilter_raw = { .family = AF_NETLINK, .type = SOCK_RAW, .protocol = NETLINK_NETFILTER, .ops = &netlink_sock_ops };
const struct sock_family netlink_netfilter_dgram = { .family = AF_NETLINK, .type = SOCK_DGRAM, .protocol = NETLINK_NETFILTER, .ops = &netlink_sock_ops };
