/* Queueing disciplines: their life on a device, and the loop that moves packets from them to the driver.
 *
 * dev->qdisc is the root that tc(8) shows; a queue's own qdisc is what dev_queue_xmit() meets, NULL where the device needs no queue
 * (root "noqueue"). A device gets its default when it first comes up and keeps it. What a driver refuses, and the rest of a packet
 * that was cut, goes into q->requeue and leaves first. Packets come from tx.c and go to dev_hard_start_xmit().
 */
#include "base/mem.h"
#include "core/stack_tables.h"
#include "link/netns_dev.h"
#include "link/qdisc.h"

static void run_work(struct cpu *cpu, struct cpu_work *work) { qdisc_run(cpu, container_of(work, struct qdisc, run)); }

const struct qdisc_ops *qdisc_ops_find(struct world *w, const char *id)
{
	for (const struct qdisc_ops *const *q = w->tables->qdiscs; q && *q; q++)
		if (!strcmp((*q)->id, id))
			return *q;
	return NULL;
}

int qdisc_new(struct net_device *dev, struct netdev_queue *txq, const struct qdisc_ops *ops, const struct nl_attrs *tca,
	      struct nl_ext_ack *ack, struct qdisc **out)
{
	struct mem *mem = &dev->net->world->mem;
	struct qdisc *q = mem_zalloc(mem, sizeof(*q) + ops->priv_size);
	int err;
	if (!q)
		return -ENOMEM;
	q->ops = ops;
	q->dev = dev;
	q->txq = txq;
	q->priv = q + 1;
	q->run.fn = run_work;
	list_init(&q->run.link);
	skb_list_init(&q->requeue);
	err = ops->init ? ops->init(q, tca, ack) : 0;
	if (err)
		mem_free(mem, q);
	else
		*out = q;
	return err;
}

static void reset(struct cpu *cpu, struct qdisc *q)
{
	skb_list_drop(cpu, &q->requeue, SKB_DROP_REASON_QUEUE_PURGE);
	if (q->ops->reset)
		q->ops->reset(cpu, q);
	q->stats.qlen = q->stats.backlog = 0;
}

void qdisc_free(struct cpu *cpu, struct qdisc *q)
{
	if (!q)
		return;
	reset(cpu, q);
	list_del(&q->run.link);
	if (q->ops->destroy)
		q->ops->destroy(q);
	mem_free(cpu_mem(cpu), q);
}

int qdisc_drop(struct cpu *cpu, struct qdisc *q, struct sk_buff *skb, enum skb_drop_reason reason)
{
	q->stats.drops++;
	skb_drop(cpu, skb, reason);
	return -ENOBUFS;
}

void qdisc_requeue(struct cpu *cpu, struct qdisc *q, struct sk_buff *skb)
{
	struct skb_list *l = &q->requeue;
	skb_tx_waits(cpu, skb);
	skb->next = l->first;
	if (!l->first)
		l->last = &skb->next;
	l->first = skb;
	l->count++;
	l->bytes += skb->len;
	q->stats.requeues++;
}

void qdisc_run(struct cpu *cpu, struct qdisc *q)
{
	struct sk_buff *skb;
	if (q->running || !q->txq)
		return;
	q->running = true;
	while (!q->txq->stopped && q->dev->carrier && dev_running(q->dev)) {
		bool again = !skb_list_empty(&q->requeue);
		u32 len;
		skb = again ? skb_list_pop(&q->requeue) : q->ops->dequeue(cpu, q);
		if (!skb)
			break;
		len = skb->len;
		skb_tx_goes(cpu, skb);
		if (dev_hard_start_xmit(cpu, skb, q->dev, q->txq) == NETDEV_TX_BUSY) {
			qdisc_requeue(cpu, q, skb);
			break;
		}
		if (!again) {
			q->stats.packets++;
			q->stats.bytes += len;
		}
	}
	q->running = false;
}

/* One qdisc per queue under a root. Nothing is attached when this fails. */
static int attach(struct cpu *cpu, struct net_device *dev, const struct qdisc_ops *root_ops, const struct qdisc_ops *ops)
{
	struct qdisc *root = NULL;
	if (root_ops && qdisc_new(dev, NULL, root_ops, NULL, NULL, &root))
		return -ENOMEM;
	for (unsigned i = 0; ops && i < dev->num_tx_queues; i++) {
		struct qdisc *q;
		if (qdisc_new(dev, &dev->txq[i], ops, NULL, NULL, &q)) {
			while (i--) {
				qdisc_free(cpu, dev->txq[i].qdisc);
				dev->txq[i].qdisc = NULL;
			}
			qdisc_free(cpu, root);
			return -ENOMEM;
		}
		q->parent = root_ops ? i + 1 : 0xffffffff; /* TC_H_ROOT */
		ptr_publish(dev->txq[i].qdisc, q);
	}
	if (root)
		root->parent = 0xffffffff;
	dev->qdisc = root ? root : dev->txq[0].qdisc;
	return 0;
}

int qdisc_attach_default(struct cpu *cpu, struct net_device *dev)
{
	struct world *w = cpu->world;
	struct netns *init = w->init_net ? w->init_net : dev->net;
	const struct qdisc_ops *ops;
	if (dev->qdisc)
		return 0;
	if (dev->noqueue) {
		ops = qdisc_ops_find(w, "noqueue");
		return ops ? attach(cpu, dev, ops, NULL) : 0;
	}
	ops = qdisc_ops_find(w, init->dev->default_qdisc);
	if (!ops)
		return 0;
	return attach(cpu, dev, dev->num_tx_queues > 1 ? qdisc_ops_find(w, "mq") : NULL, ops);
}

void qdisc_detach(struct cpu *cpu, struct net_device *dev)
{
	struct qdisc *root = dev->qdisc;
	dev->qdisc = NULL;
	for (unsigned i = 0; i < dev->num_tx_queues; i++) {
		struct qdisc *q = dev->txq[i].qdisc;
		dev->txq[i].qdisc = NULL;
		if (q != root) /* which may serve several */
			qdisc_free(cpu, q);
	}
	qdisc_free(cpu, root);
}

int qdisc_graft_root(struct cpu *cpu, struct net_device *dev, struct qdisc *q)
{
	qdisc_detach(cpu, dev);
	if (!q)
		return dev_running(dev) ? qdisc_attach_default(cpu, dev) : 0;
	q->parent = 0xffffffff; /* TC_H_ROOT */
	for (unsigned i = 0; i < dev->num_tx_queues && !q->ops->noqueue; i++)
		ptr_publish(dev->txq[i].qdisc, q);
	dev->qdisc = q;
	return 0;
}

void qdisc_reset_all(struct cpu *cpu, struct net_device *dev)
{
	for (unsigned i = 0; i < dev->num_tx_queues; i++)
		if (dev->txq[i].qdisc)
			reset(cpu, dev->txq[i].qdisc);
}

const char *qdisc_name(const struct net_device *dev) { return dev->qdisc ? dev->qdisc->ops->id : "noop"; }
