/* Requests: a datagram of a program, message by message, and what is answered to each.
 *
 * For every message with NLM_F_REQUEST the protocol's handler runs to its end, here and now. An ACK or an error follows when
 * asked for or when something went wrong; an error carries the request back (unless NETLINK_CAP_ACK) and, with
 * NETLINK_EXT_ACK, a sentence, the offset of the offending attribute and what its policy would have taken. Bytes that do not
 * form a message end the datagram silently, so trailing zeros are harmless.
 *
 * rtnetlink's rules: a GET with any bit of NLM_F_DUMP is a dump; all but GET need CAP_NET_ADMIN; a family without a handler of
 * its own falls back to AF_UNSPEC's; what nobody handles is EOPNOTSUPP.
 */
#include <linux/rtnetlink.h>

#include "control/netlink_int.h"
#include "core/stack_tables.h"

/* Numbers as the kernel describes a policy. */
void nl_put_policy(struct nl_buf *b, const struct nl_policy *p)
{
	static const u8 kind[] = { /* enum netlink_attribute_type */
		[NLP_U8] = 2, [NLP_U16] = 3, [NLP_U32] = 4, [NLP_U64] = 5, [NLP_S8] = 6, [NLP_S32] = 8, [NLP_S64] = 9,
		[NLP_BINARY] = 10, [NLP_EXACT] = 10, [NLP_MIN_LEN] = 10, [NLP_STRING] = 11, [NLP_NUL_STRING] = 12,
		[NLP_NESTED] = 13, [NLP_FLAG] = 1, [NLP_BE16] = 3, [NLP_BE32] = 4, [NLP_BITS32] = 4,
	};
	static const u64 top[] = { [NLP_U8] = 0xff, [NLP_U16] = 0xffff, [NLP_BE16] = 0xffff, [NLP_U32] = 0xffffffff,
				   [NLP_BE32] = 0xffffffff, [NLP_U64] = ~0ull };

	if (p->type >= ARRAY_SIZE(kind) || !kind[p->type])
		return;
	switch (p->type) {
	case NLP_U8:
	case NLP_U16:
	case NLP_BE16:
	case NLP_U32:
	case NLP_BE32:
	case NLP_U64:
		nl_put_u64(b, NL_POLICY_TYPE_ATTR_MIN_VALUE_U, p->min);
		nl_put_u64(b, NL_POLICY_TYPE_ATTR_MAX_VALUE_U, p->min || p->max ? p->max : top[p->type]);
		break;
	case NLP_S32:
		nl_put_u64(b, NL_POLICY_TYPE_ATTR_MIN_VALUE_S, (u64)(p->min || p->max ? (s64)(s32)p->min : INT32_MIN));
		nl_put_u64(b, NL_POLICY_TYPE_ATTR_MAX_VALUE_S, (u64)(p->min || p->max ? (s64)(s32)p->max : INT32_MAX));
		break;
	case NLP_EXACT:
		nl_put_u32(b, NL_POLICY_TYPE_ATTR_MIN_LENGTH, p->len);
		nl_put_u32(b, NL_POLICY_TYPE_ATTR_MAX_LENGTH, p->len);
		break;
	case NLP_MIN_LEN:
		nl_put_u32(b, NL_POLICY_TYPE_ATTR_MIN_LENGTH, p->len);
		break;
	case NLP_BINARY:
	case NLP_STRING:
	case NLP_NUL_STRING:
		if (p->len)
			nl_put_u32(b, NL_POLICY_TYPE_ATTR_MAX_LENGTH, p->len);
		break;
	case NLP_BITS32:
		nl_put_u64(b, 12 /* NL_POLICY_TYPE_ATTR_MASK */, p->max);
		break;
	}
	nl_put_u32(b, NL_POLICY_TYPE_ATTR_TYPE, kind[p->type]);
}

/* Linux tells nothing of bits that were reserved. */
static void put_broken_policy(struct nl_buf *b, const struct nl_policy *p)
{
	size_t nest = nl_nest(b, 4 /* NLMSGERR_ATTR_POLICY */ | NLA_F_NESTED), before = b->len;

	if (p->type != NLP_BITS32)
		nl_put_policy(b, p);
	if (b->len == before)
		nl_nest_cancel(b, nest);
	else
		nl_nest_end(b, nest);
}

static bool inside(const struct nlmsghdr *req, const void *p)
{
	return (const u8 *)p >= (const u8 *)req && (const u8 *)p < (const u8 *)req + req->nlmsg_len;
}

void nl_put_ext_ack(struct nl_buf *b, const struct nl_ext_ack *ack, const struct nlmsghdr *req, int err)
{
	if (ack->msg)
		nl_put_str(b, NLMSGERR_ATTR_MSG, ack->msg);
	if (!err)
		return;
	if (ack->bad_attr && inside(req, ack->bad_attr))
		nl_put_u32(b, NLMSGERR_ATTR_OFFS, (u32)((const u8 *)ack->bad_attr - (const u8 *)req));
	if (ack->policy)
		put_broken_policy(b, ack->policy);
	if (ack->miss_type)
		nl_put_u32(b, 5 /* NLMSGERR_ATTR_MISS_TYPE */, ack->miss_type);
	if (ack->miss_nest && inside(req, ack->miss_nest))
		nl_put_u32(b, 6 /* NLMSGERR_ATTR_MISS_NEST */, (u32)((const u8 *)ack->miss_nest - (const u8 *)req));
}

void nl_send_ack(struct cpu *cpu, struct netlink_sock *s, const struct nlmsghdr *req, int err, const struct nl_ext_ack *ack)
{
	struct nl_buf b;
	struct nlmsgerr *e;
	struct sk_buff *skb = NULL;
	bool whole = err && !s->cap_ack;
	size_t body = whole ? req->nlmsg_len - NLMSG_HDRLEN : 0;

	nl_buf_init(&b, cpu_mem(cpu), 0);
	e = nl_begin(&b, NLMSG_ERROR, whole ? 0 : NLM_F_CAPPED, req->nlmsg_seq, s->portid, sizeof(*e) + body);
	if (e) {
		e->error = err;
		memcpy(&e->msg, req, NLMSG_HDRLEN + body);
		if (s->ext_ack) {
			size_t before = b.len;
			nl_put_ext_ack(&b, ack, req, err);
			if (!b.err && b.len > before)
				((struct nlmsghdr *)b.data)->nlmsg_flags |= NLM_F_ACK_TLVS;
		}
	}
	if (!nl_end(&b))
		skb = nl_skb(cpu, b.data, b.len);
	nl_buf_fini(&b);
	if (skb)
		nl_deliver(cpu, s, skb);
	else
		sock_set_error(cpu, &s->sk, ENOBUFS);
}

int nl_unicast(struct nl_request *rq, struct nl_buf *msg)
{
	struct sk_buff *skb;

	if (msg->err)
		return msg->err;
	skb = nl_skb(rq->cpu, msg->data, msg->len);
	nl_buf_fini(msg);
	return skb ? nl_deliver(rq->cpu, rq->sock, skb) : -ENOBUFS;
}

void *nl_reply_begin(const struct nl_request *rq, struct nl_buf *b, u16 type, size_t hdr_len)
{
	return nl_begin(b, type, 0, rq->nlh->nlmsg_seq, rq->portid, hdr_len);
}

struct nl_request *nl_current(const struct netns *net)
{
	return net->nl ? net->nl->current : NULL;
}

bool nl_request_strict(const struct nl_request *rq)
{
	return rq->sock->strict;
}

struct nl_generations *nl_generations(const struct netns *net)
{
	return &net->nl->gen;
}

static const struct nl_handler *find_handler(struct world *w, u16 protocol, u16 type, u8 family, bool dump)
{
	const struct nl_handler *const *lists = w->tables->nl_handlers, *any = NULL;

	for (; lists && *lists; lists++) {
		for (const struct nl_handler *h = *lists; h->type; h++) {
			if (h->protocol != protocol || h->type != type || !(dump ? (void *)h->dump : (void *)h->doit))
				continue;
			if (h->family == family)
				return h;
			if (!h->family)
				any = h;
		}
	}
	return any;
}

static int rtnl_msg(struct nl_request *rq)
{
	const struct nlmsghdr *n = rq->nlh;
	struct world *w = rq->net->world;
	const struct nl_handler *h;
	bool get = (n->nlmsg_type & 3) == 2, dump = get && (n->nlmsg_flags & NLM_F_DUMP);
	u8 family;

	if (n->nlmsg_type < RTM_BASE || n->nlmsg_type > RTM_MAX)
		return -EOPNOTSUPP;
	if (n->nlmsg_len < NLMSG_HDRLEN + 1)
		return 0;
	family = *(const u8 *)nlmsg_hdr_data(n);
	if (!get && !caller_net_admin(rq->cpu))
		return -EPERM;
	h = find_handler(w, NETLINK_ROUTE, n->nlmsg_type, family, dump);
	if (!h)
		return -EOPNOTSUPP;
	if (h->needs_admin && !caller_net_admin(rq->cpu))
		return -EPERM;
	if (dump)
		return nl_dump_start(rq, h->dump);
	if ((n->nlmsg_type & 3) == 1 && (n->nlmsg_flags & 0x200 /* NLM_F_BULK */)) {
		NL_SET_ERR(rq->ack, "Bulk delete is not supported");
		return -EOPNOTSUPP;
	}
	return h->doit(rq);
}

void nl_rx(struct cpu *cpu, struct netlink_sock *s, const u8 *data, size_t len)
{
	struct netns *net = s->sk.net;
	const struct nl_family *f = nl_family_find(net->world, (u16)s->sk.protocol);
	struct nl_ext_ack ack;
	struct nl_request rq = { .cpu = cpu, .net = net, .sock = s, .ack = &ack, .caller = cpu->caller,
				 .portid = s->portid };

	if (!f)
		return;
	ack = (struct nl_ext_ack){ .msg = NULL };
	if (f->rx && f->rx(&rq, data, len))
		return;
	while (len >= NLMSG_HDRLEN) {
		const struct nlmsghdr *n = (const struct nlmsghdr *)data;
		int err = 0;

		if (n->nlmsg_len < NLMSG_HDRLEN || n->nlmsg_len > len)
			return;
		ack = (struct nl_ext_ack){ .msg = NULL };
		if ((n->nlmsg_flags & NLM_F_REQUEST) && n->nlmsg_type >= NLMSG_MIN_TYPE) {
			struct nl_request *outer = net->nl->current;
			rq.nlh = n;
			net->nl->current = &rq;
			err = f->msg ? f->msg(&rq) : rtnl_msg(&rq);
			net->nl->current = outer;
		}
		if (err != -EINTR && (err || (n->nlmsg_flags & NLM_F_ACK)))
			nl_send_ack(cpu, s, n, err, &ack);
		size_t step = MIN((size_t)NLMSG_ALIGN(n->nlmsg_len), len);
		data += step;
		len -= step;
	}
}

const struct nl_family nl_family_route = { .protocol = NETLINK_ROUTE, .groups = 37, .nonroot_recv = true };
