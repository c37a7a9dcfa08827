/* pfifo and bfifo: one queue, served in order of arrival, limited in packets or in bytes. tc-pfifo(8).
 *
 * The limit is tx_queue_len packets, or as many times the MTU, unless it is said. A limit of 0 takes nothing.
 */
#include <linux/if_ether.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>

#include "codec/netlink/nl_attr.h"
#include "link/qdisc.h"

struct fifo {
	struct skb_list list;
};

static int set_limit(struct qdisc *q, const struct nl_attrs *opt, u32 dflt)
{
	const struct nlattr *a = opt ? opt->a[TCA_OPTIONS] : NULL;
	const struct tc_fifo_qopt *o;

	if (!a) {
		q->limit = dflt;
		return 0;
	}
	if (nl_len(a) < sizeof(*o))
		return -EINVAL;
	o = nl_data(a);
	q->limit = o->limit;
	return 0;
}

static u32 queue_len(const struct qdisc *q) { return MAX(q->dev->tx_queue_len, 1u); }

static int pfifo_init(struct qdisc *q, const struct nl_attrs *opt, struct nl_ext_ack *ack)
{
	skb_list_init(&((struct fifo *)q->priv)->list);
	return set_limit(q, opt, queue_len(q));
}
static int bfifo_init(struct qdisc *q, const struct nl_attrs *opt, struct nl_ext_ack *ack)
{
	skb_list_init(&((struct fifo *)q->priv)->list);
	return set_limit(q, opt, queue_len(q) * (q->dev->mtu + q->dev->hard_header_len));
}
static int pfifo_change(struct qdisc *q, const struct nl_attrs *opt, struct nl_ext_ack *ack)
{
	return set_limit(q, opt, queue_len(q));
}
static int bfifo_change(struct qdisc *q, const struct nl_attrs *opt, struct nl_ext_ack *ack)
{
	return set_limit(q, opt, queue_len(q) * (q->dev->mtu + q->dev->hard_header_len));
}

static void reset(struct cpu *cpu, struct qdisc *q)
{
	skb_list_drop(cpu, &((struct fifo *)q->priv)->list, SKB_DROP_REASON_QUEUE_PURGE);
}

static int put(struct cpu *cpu, struct qdisc *q, struct sk_buff *skb, bool room)
{
	if (unlikely(!room))
		return qdisc_drop(cpu, q, skb, SKB_DROP_REASON_QDISC_OVERLIMIT);
	qdisc_count_in(q, skb);
	skb_list_add(&((struct fifo *)q->priv)->list, skb);
	return 0;
}
static int pfifo_enqueue(struct cpu *cpu, struct qdisc *q, struct sk_buff *skb) { return put(cpu, q, skb, q->stats.qlen < q->limit); }
static int bfifo_enqueue(struct cpu *cpu, struct qdisc *q, struct sk_buff *skb)
{
	return put(cpu, q, skb, q->stats.backlog + skb->len <= q->limit);
}

static struct sk_buff *dequeue(struct cpu *cpu, struct qdisc *q)
{
	struct sk_buff *skb = skb_list_pop(&((struct fifo *)q->priv)->list);
	if (skb)
		qdisc_count_out(q, skb);
	return skb;
}

static int dump(struct qdisc *q, struct nl_buf *out)
{
	const struct tc_fifo_qopt opt = { .limit = q->limit };
	nl_put(out, TCA_OPTIONS, &opt, sizeof(opt));
	return out->err;
}

const struct qdisc_ops qdisc_pfifo = {
	.id = "pfifo", .priv_size = sizeof(struct fifo), .init = pfifo_init, .change = pfifo_change, .reset = reset,
	.enqueue = pfifo_enqueue, .dequeue = dequeue, .dump = dump,
};
const struct qdisc_ops qdisc_bfifo = {
	.id = "bfifo", .priv_size = sizeof(struct fifo), .init = bfifo_init, .change = bfifo_change, .reset = reset,
	.enqueue = bfifo_enqueue, .dequeue = dequeue, .dump = dump,
};
