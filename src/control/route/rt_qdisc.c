/* RTM_GETQDISC: what `tc qdisc show` prints, root and children. Changing them is for traffic control, which is not there yet: the
 * answers are those of a kernel without the kind or the feature. */
#include <linux/gen_stats.h>
#include <linux/pkt_sched.h>

#include "control/route/rt.h"
#include "link/netns_dev.h"
#include "link/qdisc.h"

static void put_stats(struct nl_buf *b, const struct qdisc_stats *s)
{
	struct gnet_stats_basic basic;
	struct gnet_stats_queue queue = { .qlen = s->qlen, .backlog = s->backlog, .drops = (u32)s->drops,
					  .requeues = (u32)s->requeues, .overlimits = (u32)s->overlimits };
	struct tc_stats old;
	size_t nest = nl_nest(b, TCA_STATS2);

	/* Both end in padding, which programs see. */
	memset(&basic, 0, sizeof(basic));
	basic.bytes = s->bytes;
	basic.packets = (u32)s->packets;
	memset(&old, 0, sizeof(old));
	old.bytes = s->bytes;
	old.packets = (u32)s->packets;
	old.drops = (u32)s->drops;
	old.overlimits = (u32)s->overlimits;
	old.qlen = s->qlen;
	old.backlog = s->backlog;
	nl_put(b, TCA_STATS_BASIC, &basic, sizeof(basic));
	if (s->packets >> 32)
		nl_put_u64(b, TCA_STATS_PKT64, s->packets);
	nl_put(b, TCA_STATS_QUEUE, &queue, sizeof(queue));
	nl_nest_end(b, nest);
	nl_put(b, TCA_STATS, &old, sizeof(old));
}

static int fill(struct nl_dump *d, struct nl_buf *b, struct net_device *dev, struct qdisc *q, u32 parent, u32 refs)
{
	struct tcmsg *m = nl_dump_begin(d, b, RTM_NEWQDISC, sizeof(*m));

	if (m) {
		m->tcm_family = AF_UNSPEC;
		m->tcm_ifindex = dev->ifindex;
		m->tcm_handle = q->handle;
		m->tcm_parent = parent;
		m->tcm_info = refs;
		nl_put_str(b, TCA_KIND, q->ops->id);
		if (q->ops->dump)
			q->ops->dump(q, b);
		nl_put_u8(b, TCA_HW_OFFLOAD, 0);
		put_stats(b, &q->stats);
	}
	return nl_end(b);
}

/* arg[0]: device, arg[1]: 0 its root, else a child's number. */
static int dump_qdisc(struct nl_dump *d, struct nl_buf *b)
{
	struct net_device *dev;
	int err;

	d->done_apart = true;
	dev_for_each (dev, d->net) {
		if ((u64)dev->ifindex < d->arg[0] || !dev->qdisc)
			continue;
		if ((u64)dev->ifindex != d->arg[0])
			d->arg[1] = 0;
		d->arg[0] = (u64)dev->ifindex;
		if (!d->arg[1]) {
			err = fill(d, b, dev, dev->qdisc, TC_H_ROOT, dev->qdisc->txq || dev->qdisc->ops->noqueue ? 2 : 1);
			if (err)
				return err == -EMSGSIZE ? 1 : err;
			d->arg[1] = 1;
		}
		for (unsigned i = (unsigned)d->arg[1] - 1; i < dev->num_tx_queues; i++) {
			struct qdisc *q = dev->txq[i].qdisc;
			if (q && q != dev->qdisc) {
				err = fill(d, b, dev, q, TC_H_MAKE(dev->qdisc->handle, i + 1), 1);
				if (err)
					return err == -EMSGSIZE ? 1 : err;
			}
			d->arg[1] = i + 2;
		}
	}
	return 0;
}

static int nothing(struct nl_dump *d, struct nl_buf *b)
{
	return 0;
}

static int new_qdisc(struct nl_request *rq)
{
	static const struct nl_policy policy[TCA_MAX + 1] = {
		[TCA_KIND] = { .type = NLP_STRING, .len = IFNAMSIZ - 1 },
	};
	const struct tcmsg *m = nlmsg_hdr_data(rq->nlh);
	struct nl_attrs a;
	char kind[IFNAMSIZ] = "";
	size_t len;
	const void *p = nlmsg_attrs(rq->nlh, sizeof(*m), &len);
	int err;

	if (nlmsg_body_len(rq->nlh) < sizeof(*m))
		return -EINVAL;
	err = nl_parse(p, len, &a, TCA_MAX, policy, false, rq->ack);
	if (err)
		return err;
	if (!dev_by_index(rq->net, m->tcm_ifindex))
		return -ENODEV;
	if (a.a[TCA_KIND])
		nl_strcpy(kind, sizeof(kind), a.a[TCA_KIND]);
	if (rq->nlh->nlmsg_type == RTM_NEWQDISC && a.a[TCA_KIND] && !qdisc_ops_find(rq->net->world, kind)) {
		NL_SET_ERR(rq->ack, "Specified qdisc kind is unknown");
		return -ENOENT;
	}
	return -EOPNOTSUPP;
}

const struct nl_handler rt_qdisc_handlers[] = {
	{ .protocol = NETLINK_ROUTE, .type = RTM_GETQDISC, .dump = dump_qdisc },
	{ .protocol = NETLINK_ROUTE, .type = RTM_NEWQDISC, .doit = new_qdisc },
	{ .protocol = NETLINK_ROUTE, .type = RTM_DELQDISC, .doit = new_qdisc },
	{ .protocol = NETLINK_ROUTE, .type = RTM_GETTCLASS, .dump = nothing },
	{ .protocol = NETLINK_ROUTE, .type = RTM_GETTFILTER, .dump = nothing },
	{ 0 },
};
