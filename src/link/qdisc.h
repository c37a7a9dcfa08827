/* Queueing disciplines: the seam that dev_queue_xmit meets. Owned by the device's home cpu. */
#ifndef LINK_QDISC_H
#define LINK_QDISC_H

#include "link/netdevice.h"

struct qdisc_stats { u64 bytes, packets, drops, overlimits, requeues; u32 qlen, backlog; };
struct qdisc {
	const struct qdisc_ops *ops;
	struct net_device *dev;
	struct netdev_queue *txq; /* NULL for a classful root such as mq */
	u32 handle, parent;
	u32 limit;
	struct qdisc_stats stats;
	struct cpu_work run;	/* restarts after the driver woke the queue */
	struct skb_list requeue; /* what the driver refused, or the rest of a cut packet: goes first */
	bool running;		/* within qdisc_run: enqueueing must not run it again */
	void *priv;
};
struct qdisc_ops {
	const char *id;
	size_t priv_size;
	bool noqueue;		/* dev_queue_xmit goes straight to the driver */
	bool can_bypass;	/* an empty one may be passed by: order and shape stay the same */
	int (*init)(struct qdisc *q, const struct nl_attrs *tca, struct nl_ext_ack *ack); /* tca NULL, or TCA_OPTIONS absent: defaults */
	int (*change)(struct qdisc *q, const struct nl_attrs *tca, struct nl_ext_ack *ack); /* NULL: it has nothing to change */
	void (*reset)(struct cpu *cpu, struct qdisc *q);
	void (*destroy)(struct qdisc *q);
	/* Consumes always; what it refuses it drops (QDISC_DROP, QDISC_OVERLIMIT) and returns -ENOBUFS. */
	int (*enqueue)(struct cpu *cpu, struct qdisc *q, struct sk_buff *skb);
	struct sk_buff *(*dequeue)(struct cpu *cpu, struct qdisc *q); /* NULL: nothing now */
	int (*dump)(struct qdisc *q, struct nl_buf *out); /* TCA_OPTIONS */
};
/* Made, ops->init done, not attached. 0, -ENOMEM, or what init refused with. tca, ack may be NULL. */
int qdisc_new(struct net_device *dev, struct netdev_queue *txq, const struct qdisc_ops *ops, const struct nl_attrs *tca,
	      struct nl_ext_ack *ack, struct qdisc **out);
void qdisc_free(struct cpu *cpu, struct qdisc *q); /* drops what is queued; NULL is fine */
/* What the driver refused goes first next time. */
void qdisc_requeue(struct cpu *cpu, struct qdisc *q, struct sk_buff *skb);
/* Sends what is queued as far as the driver takes it. */
void qdisc_run(struct cpu *cpu, struct qdisc *q);
/* The kind a device gets when it first comes up, if it has none: noqueue, mq, or net.core.default_qdisc. 0, -ENOMEM. */
int qdisc_attach_default(struct cpu *cpu, struct net_device *dev);
/* All batons held. q, just made, becomes the root for all queues (what was there is dropped); NULL: back to the default. */
int qdisc_graft_root(struct cpu *cpu, struct net_device *dev, struct qdisc *q);
void qdisc_detach(struct cpu *cpu, struct net_device *dev); /* back to none ("noop") */
void qdisc_reset_all(struct cpu *cpu, struct net_device *dev); /* drops what is queued: the device went down */
const char *qdisc_name(const struct net_device *dev); /* IFLA_QDISC: "noop" before the first up */
const struct qdisc_ops *qdisc_ops_find(struct world *w, const char *id);

/* For kinds: counts a packet in or out of q; drops one that does not fit. */
static inline void qdisc_count_in(struct qdisc *q, const struct sk_buff *skb)
{
	q->stats.qlen++;
	q->stats.backlog += skb->len;
}
static inline void qdisc_count_out(struct qdisc *q, const struct sk_buff *skb)
{
	q->stats.qlen--;
	q->stats.backlog -= skb->len;
}
int qdisc_drop(struct cpu *cpu, struct qdisc *q, struct sk_buff *skb, enum skb_drop_reason reason); /* -ENOBUFS */

extern const struct qdisc_ops *const qdiscs_builtin[]; /* link/sched/qdisc_kind_list.c */

#endif
