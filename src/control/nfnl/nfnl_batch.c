/* Batches: NFNL_MSG_BATCH_BEGIN, messages of one subsystem, NFNL_MSG_BATCH_END, in one datagram.
 *
 * All messages are tried, so that each that fails can say so; what they did stays only when none did and the end is there: a batch
 * without an end is a dry run (nft -c). What commit finds wrong with the whole is told of the message that brought it: the
 * batch is undone and run once more, with a check after each message. Answers are sent at the end, in order.
 */
#include "control/netlink_int.h"
#include "control/nfnl/nfnl.h"

struct failure {
	struct list link;
	const struct nlmsghdr *nlh;
	int err;
	struct nl_ext_ack ack;
};

struct batch {
	struct nl_request *rq;
	const struct nfnl_subsys *sub;
	struct list failures; /* and acknowledgements that were asked for */
	bool failed, ended, careful;
	int fatal;
};

static void note(struct batch *b, const struct nlmsghdr *n, int err)
{
	struct failure *f = mem_alloc(cpu_mem(b->rq->cpu), sizeof(*f));

	if (!f) {
		b->fatal = -ENOMEM;
		return;
	}
	f->nlh = n;
	f->err = err;
	f->ack = *b->rq->ack;
	if (b->rq->ack->msg == b->rq->ack->buf)
		f->ack.msg = f->ack.buf;
	list_add_tail(&b->failures, &f->link);
}

static void forget(struct batch *b)
{
	while (!list_empty(&b->failures)) {
		struct failure *f = list_first(&b->failures, struct failure, link);

		list_del(&f->link);
		mem_free(cpu_mem(b->rq->cpu), f);
	}
}

static void tell(struct batch *b)
{
	struct failure *f;

	list_for_each (f, &b->failures, link) {
		nl_send_ack(b->rq->cpu, b->rq->sock, f->nlh, f->err, &f->ack);
	}
	forget(b);
}

static int one(struct batch *b, const struct nlmsghdr *n)
{
	const struct nfnl_op *op;
	int err;

	if (!(n->nlmsg_flags & NLM_F_REQUEST) || n->nlmsg_type < NLMSG_MIN_TYPE || NFNL_SUBSYS_ID(n->nlmsg_type) != b->sub->id ||
	    nlmsg_body_len(n) < sizeof(struct nfgenmsg))
		return -EINVAL;
	op = nfnl_op_find(b->sub, (u8)NFNL_MSG_TYPE(n->nlmsg_type));
	if (!op || !op->batch)
		return -EINVAL;
	b->rq->nlh = n;
	err = nfnl_call(b->rq, op);
	return err || !b->careful ? err : b->sub->check(b->rq);
}

static void run(struct batch *b, const u8 *data, size_t len)
{
	b->failed = b->ended = false;
	while (len >= NLMSG_HDRLEN && !b->fatal) {
		const struct nlmsghdr *n = (const struct nlmsghdr *)data;
		size_t step;
		int err;

		if (n->nlmsg_len < NLMSG_HDRLEN || n->nlmsg_len > len) {
			b->failed = true;
			return;
		}
		if (n->nlmsg_type == NFNL_MSG_BATCH_BEGIN) { /* within one */
			b->failed = true;
			return;
		}
		if (n->nlmsg_type == NFNL_MSG_BATCH_END) {
			b->ended = true;
			return;
		}
		*b->rq->ack = (struct nl_ext_ack){ .msg = NULL };
		err = one(b, n);
		b->failed |= err != 0;
		if (err || (n->nlmsg_flags & NLM_F_ACK))
			note(b, n, err);
		step = MIN((size_t)NLMSG_ALIGN(n->nlmsg_len), len);
		data += step;
		len -= step;
	}
}

/* True: run it again, carefully. */
static bool finish(struct batch *b, const struct nlmsghdr *begin)
{
	int err;

	b->rq->nlh = begin;
	*b->rq->ack = (struct nl_ext_ack){ .msg = NULL };
	if (b->fatal) {
		b->sub->abort(b->rq);
		forget(b);
		nl_send_ack(b->rq->cpu, b->rq->sock, begin, b->fatal, b->rq->ack);
		return false;
	}
	if (b->failed) {
		b->sub->abort(b->rq);
	} else if (!b->ended) {
		err = b->sub->check(b->rq);
		b->sub->abort(b->rq);
		if (err && !b->careful)
			return true;
	} else {
		err = b->sub->commit(b->rq);
		if (err) {
			b->sub->abort(b->rq);
			if (err == -EAGAIN && !b->careful)
				return true;
			forget(b);
			nl_send_ack(b->rq->cpu, b->rq->sock, begin, err, b->rq->ack);
			return false;
		}
	}
	tell(b);
	return false;
}

static int begin_genid(struct nl_request *rq, u32 *genid)
{
	static const struct nl_policy policy[NFNL_BATCH_MAX + 1] = { [NFNL_BATCH_GENID] = { .type = NLP_U32 } };
	struct nl_attrs a;
	size_t len;
	const void *p = nlmsg_attrs(rq->nlh, sizeof(struct nfgenmsg), &len);
	int err = nl_parse(p, len, &a, NFNL_BATCH_MAX, policy, false, NULL);

	if (!err)
		*genid = a.a[NFNL_BATCH_GENID] ? nl_be32(a.a[NFNL_BATCH_GENID]) : 0;
	return err;
}

void nfnl_batch(struct nl_request *rq, const u8 *data, size_t len)
{
	const struct nlmsghdr *begin = (const struct nlmsghdr *)data;
	const struct nfgenmsg *m = nlmsg_hdr_data(begin);
	struct nl_request *outer = rq->net->nl->current;
	struct batch b = { .rq = rq };
	size_t step = MIN((size_t)NLMSG_ALIGN(begin->nlmsg_len), len);
	u32 genid = 0;
	int err;

	*rq->ack = (struct nl_ext_ack){ .msg = NULL };
	if (nlmsg_body_len(begin) < sizeof(*m))
		return;
	rq->nlh = begin;
	err = begin_genid(rq, &genid);
	b.sub = nfnl_subsys_find((u8)be16_to_cpu((be16){ m->res_id }));
	if (!err && (!b.sub || !b.sub->commit))
		err = -EOPNOTSUPP;
	if (!err && genid && genid != b.sub->genid(rq->net))
		err = -ERESTART;
	if (err) {
		nl_send_ack(rq->cpu, rq->sock, begin, err, rq->ack);
		return;
	}
	list_init(&b.failures);
	rq->net->nl->current = rq;
	run(&b, data + step, len - step);
	if (finish(&b, begin)) {
		forget(&b);
		b.careful = true;
		run(&b, data + step, len - step);
		finish(&b, begin);
	}
	rq->net->nl->current = outer;
}
