/* NETLINK_SOCK_DIAG's requests: a dump, one socket by name, or its end (`ss -K`). */

#include "control/diag/diag.h"
#include "control/netlink_int.h"

enum { OLD_TCP = 18, OLD_DCCP = 19 }; /* TCPDIAG_GETSOCK, DCCPDIAG_GETSOCK: before there were families */

static const struct diag_proto *const protos[] = { &diag_tcp, &diag_udp, &diag_raw, NULL };

static const struct diag_proto *proto_find(u32 protocol)
{
	for (const struct diag_proto *const *p = protos; *p; p++)
		if ((*p)->protocol == protocol)
			return *p;
	return NULL;
}

static const struct nl_policy policy[INET_DIAG_REQ_PROTOCOL + 1] = {
	[INET_DIAG_REQ_BYTECODE] = { .type = NLP_BINARY },
	[INET_DIAG_REQ_PROTOCOL] = { .type = NLP_U32 },
};

/* The request's header and attributes. 0, -EINVAL, -ENOENT (a protocol that is not here), -EPERM. */
static int parse(struct cpu *cpu, const struct nlmsghdr *n, struct nl_ext_ack *ack, bool admin, struct diag_query *q)
{
	struct nl_attrs a;
	size_t len;
	const void *p = nlmsg_attrs(n, sizeof q->r, &len);
	u32 protocol;
	int err = nl_parse(p, len, &a, INET_DIAG_REQ_PROTOCOL, policy, false, ack);

	*q = (struct diag_query){ .admin = admin };
	if (err)
		return err;
	memcpy(&q->r, nlmsg_hdr_data(n), sizeof q->r);
	protocol = a.a[INET_DIAG_REQ_PROTOCOL] ? nl_u32(a.a[INET_DIAG_REQ_PROTOCOL]) : q->r.sdiag_protocol;
	q->proto = proto_find(protocol);
	if (!q->proto)
		return -ENOENT;
	if (a.a[INET_DIAG_REQ_BYTECODE]) {
		q->bc = nl_data(a.a[INET_DIAG_REQ_BYTECODE]);
		q->bc_len = nl_len(a.a[INET_DIAG_REQ_BYTECODE]);
		if (q->bc_len < sizeof(struct inet_diag_bc_op))
			return -EINVAL;
		return diag_bytecode_audit(q->bc, q->bc_len, admin);
	}
	return 0;
}

static int dump(struct nl_dump *d, struct nl_buf *b)
{
	struct diag_query q;
	int err = parse(d->cpu, d->req, d->ack, d->arg[0], &q);

	return err ? err : q.proto->dump(d, b, &q);
}
static int dump_admin(struct nl_dump *d, struct nl_buf *b)
{
	d->arg[0] = 1;
	return dump(d, b);
}

/* The socket that the request names, with the cookie it names (or none). */
static int find(struct nl_request *rq, struct diag_query *q, struct sock **out)
{
	const u32 *c = q->r.id.idiag_cookie;
	int err = parse(rq->cpu, rq->nlh, rq->ack, caller_net_admin(rq->cpu), q);

	if (err)
		return err;
	err = q->proto->find(rq->cpu, rq->net, &q->r, out);
	if (err)
		return err;
	if ((c[0] != INET_DIAG_NOCOOKIE || c[1] != INET_DIAG_NOCOOKIE) && (c[0] | (u64)c[1] << 32) != (*out)->cookie)
		return -ESTALE;
	return 0;
}

static int get(struct nl_request *rq)
{
	struct diag_query q;
	struct sock *sk;
	struct nl_buf b;
	int err = find(rq, &q, &sk);

	if (err)
		return err;
	nl_buf_init(&b, cpu_mem(rq->cpu), 0);
	err = diag_fill_sock(rq->cpu, sk, nl_reply_begin(rq, &b, SOCK_DIAG_BY_FAMILY, sizeof(struct inet_diag_msg)), &b, &q);
	err = err ? err : nl_unicast(rq, &b);
	nl_buf_fini(&b);
	return err;
}

static int destroy(struct nl_request *rq)
{
	struct diag_query q;
	struct sock *sk;
	int err;

	if (!caller_net_admin(rq->cpu))
		return -EPERM;
	err = find(rq, &q, &sk);
	if (err)
		return err;
	if (!sk->ops->abort)
		return -EOPNOTSUPP;
	sk->ops->abort(rq->cpu, sk, ECONNABORTED);
	return 0;
}

static int diag_msg(struct nl_request *rq)
{
	const struct nlmsghdr *n = rq->nlh;
	const struct sock_diag_req *r = nlmsg_hdr_data(n);

	if (n->nlmsg_type == OLD_TCP || n->nlmsg_type == OLD_DCCP)
		return n->nlmsg_len < NLMSG_LENGTH(sizeof(struct inet_diag_req)) ? -EINVAL : -ENOENT;
	if (n->nlmsg_type != SOCK_DIAG_BY_FAMILY && n->nlmsg_type != SOCK_DESTROY)
		return -EINVAL;
	if (nlmsg_body_len(n) < sizeof *r || r->sdiag_family >= AF_MAX)
		return -EINVAL;
	if (r->sdiag_family != AF_INET && r->sdiag_family != AF_INET6)
		return -ENOENT;
	if (nlmsg_body_len(n) < sizeof(struct inet_diag_req_v2))
		return -EINVAL;
	if (n->nlmsg_type == SOCK_DESTROY)
		return destroy(rq);
	if (n->nlmsg_flags & NLM_F_DUMP)
		return nl_dump_start(rq, caller_net_admin(rq->cpu) ? dump_admin : dump);
	return get(rq);
}

const struct nl_family nl_family_sock_diag = { .protocol = NETLINK_SOCK_DIAG, .groups = 4, .msg = diag_msg };
const struct sock_family netlink_diag_raw = { .family = AF_NETLINK, .type = SOCK_RAW, .protocol = NETLINK_SOCK_DIAG, .ops = &netlink_sock_ops };
const struct sock_family netlink_diag_dgram = { .family = AF_NETLINK, .type = SOCK_DGRAM, .protocol = NETLINK_SOCK_DIAG,
						.ops = &netlink_sock_ops };
