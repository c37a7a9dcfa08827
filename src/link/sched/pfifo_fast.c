/* pfifo_fast: three FIFO bands; a packet's priority names its band, and a band is served only while those before it are empty.
 *
 * Each band holds tx_queue_len packets. The map from priority to band is fixed, as tc-pfifo_fast(8) prints it: interactive and
 * control traffic in band 0, bulk in band 2.
 */
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>

#include "codec/netlink/nl_attr.h"
#include "link/qdisc.h"

#define BANDS 3
static const u8 prio2band[TC_PRIO_MAX + 1] = { 1, 2, 2, 2, 1, 2, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1 };

struct pfifo_fast {
	struct skb_list band[BANDS];
};

static int init(struct qdisc *q, const struct nl_attrs *opt, struct nl_ext_ack *ack)
{
	struct pfifo_fast *p = q->priv;
	for (int i = 0; i < BANDS; i++)
		skb_list_init(&p->band[i]);
	return 0;
}

static void reset(struct cpu *cpu, struct qdisc *q)
{
	struct pfifo_fast *p = q->priv;
	for (int i = 0; i < BANDS; i++)
		skb_list_drop(cpu, &p->band[i], SKB_DROP_REASON_QUEUE_PURGE);
}

static int enqueue(struct cpu *cpu, struct qdisc *q, struct sk_buff *skb)
{
	struct skb_list *band = &((struct pfifo_fast *)q->priv)->band[prio2band[skb->priority & TC_PRIO_MAX]];
	if (unlikely(band->count >= MAX(q->dev->tx_queue_len, 1u)))
		return qdisc_drop(cpu, q, skb, SKB_DROP_REASON_QDISC_OVERLIMIT);
	qdisc_count_in(q, skb);
	skb_list_add(band, skb);
	return 0;
}

static struct sk_buff *dequeue(struct cpu *cpu, struct qdisc *q)
{
	struct pfifo_fast *p = q->priv;
	for (int i = 0; i < BANDS; i++) {
		struct sk_buff *skb = skb_list_pop(&p->band[i]);
		if (skb) {
			qdisc_count_out(q, skb);
			return skb;
		}
	}
	return NULL;
}

static int dump(struct qdisc *q, struct nl_buf *out)
{
	struct tc_prio_qopt opt = { .bands = BANDS };
	memcpy(opt.priomap, prio2band, sizeof(opt.priomap));
	nl_put(out, TCA_OPTIONS, &opt, sizeof(opt));
	return out->err;
}

const struct qdisc_ops qdisc_pfifo_fast = {
	.id = "pfifo_fast",
	.can_bypass = true,
	.priv_size = sizeof(struct pfifo_fast),
	.init = init,
	.reset = reset,
	.enqueue = enqueue,
	.dequeue = dequeue,
	.dump = dump,
};
