/* RTM_GETQDISC: what `tc qdisc show` prints, root and children. RTM_NEWQDISC and RTM_DELQDISC: a device's root, added, replaced,
 * changed, deleted. Classes and filters are not there yet: the answers are those of a kernel without the kind or the feature. */
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

/* Itself, and the queues that it serves; one for those that have none or leave them to others. */
static u32 root_refs(const struct net_device *dev)
{
	const struct qdisc *q = dev->qdisc;
	if (q->ops->noqueue)
		return 2;
	return q->txq ? 1 + dev->num_tx_queues : 1;
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
			err = fill(d, b, dev, dev->qdisc, TC_H_ROOT, root_refs(dev));
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

/* What both requests begin with: the device, and the kind that was named. */
static int parse(struct nl_request *rq, struct nl_attrs *a, char *kind, struct net_device **dev)
{
	static const struct nl_policy policy[TCA_MAX + 1] = {
		[TCA_KIND] = { .type = NLP_STRING, .len = IFNAMSIZ - 1 },
	};
	const struct tcmsg *m = nlmsg_hdr_data(rq->nlh);
	size_t len;
	const void *p = nlmsg_attrs(rq->nlh, sizeof(*m), &len);
	int err;

	if (nlmsg_body_len(rq->nlh) < sizeof(*m))
		return -EINVAL;
	err = nl_parse(p, len, a, TCA_MAX, policy, false, rq->ack);
	if (err)
		return err;
	*dev = dev_by_index(rq->net, m->tcm_ifindex);
	kind[0] = 0;
	if (a->a[TCA_KIND])
		nl_strcpy(kind, IFNAMSIZ, a->a[TCA_KIND]);
	return *dev ? 0 : -ENODEV;
}

#define FAIL(rq, err, text) ({ NL_SET_ERR((rq)->ack, text); err; })

/* Handles that nobody asked for: 8001: and so on, one after the last. */
static u32 free_handle(const struct net_device *dev)
{
	u32 last = dev->qdisc ? dev->qdisc->handle : 0;
	return last >= 0x80010000u && last < 0xfffe0000u ? last + 0x10000u : 0x80010000u;
}

static int create_root(struct nl_request *rq, struct net_device *dev, const struct nl_attrs *a, const char *kind)
{
	const struct tcmsg *m = nlmsg_hdr_data(rq->nlh);
	const struct qdisc_ops *ops = kind[0] ? qdisc_ops_find(rq->net->world, kind) : NULL;
	struct qdisc *q;
	int err;

	if (!(rq->nlh->nlmsg_flags & NLM_F_CREATE) && !(dev->qdisc && dev->qdisc->handle))
		return FAIL(rq, -ENOENT, "Qdisc not found. To create specify NLM_F_CREATE flag");
	if (!ops)
		return kind[0] ? FAIL(rq, -ENOENT, "Specified qdisc kind is unknown") : FAIL(rq, -EINVAL, "Specified qdisc kind is unknown");
	/* Roots that stand for several queues, each with a qdisc of its own, come with a device. */
	if (!ops->enqueue && !ops->noqueue)
		return -EOPNOTSUPP;
	err = qdisc_new(dev, &dev->txq[0], ops, a, rq->ack, &q);
	if (err)
		return err;
	q->handle = m->tcm_handle ? m->tcm_handle : free_handle(dev);
	return qdisc_graft_root(rq->cpu, dev, q);
}

static int new_qdisc(struct nl_request *rq)
{
	const struct tcmsg *m = nlmsg_hdr_data(rq->nlh);
	u16 flags = rq->nlh->nlmsg_flags;
	struct net_device *dev;
	struct nl_attrs a;
	struct qdisc *q;
	char kind[IFNAMSIZ];
	int err = parse(rq, &a, kind, &dev);

	if (err)
		return err;
	if (m->tcm_parent != TC_H_ROOT) {
		if (kind[0] && !qdisc_ops_find(rq->net->world, kind))
			return FAIL(rq, -ENOENT, "Specified qdisc kind is unknown");
		return -EOPNOTSUPP;
	}
	q = dev->qdisc && dev->qdisc->handle ? dev->qdisc : NULL; /* a default one counts for nothing */
	if (!q)
		return create_root(rq, dev, &a, kind);
	if (m->tcm_handle ? q->handle != m->tcm_handle
			  : (flags & NLM_F_CREATE && flags & NLM_F_REPLACE && (flags & NLM_F_EXCL || strcmp(kind, q->ops->id)))) {
		if (m->tcm_handle && !(flags & NLM_F_REPLACE))
			return FAIL(rq, -EEXIST, "NLM_F_REPLACE needed to override");
		return create_root(rq, dev, &a, kind);
	}
	if (flags & NLM_F_EXCL)
		return FAIL(rq, -EEXIST, "Exclusivity flag on, cannot modify");
	if (kind[0] && strcmp(kind, q->ops->id))
		return create_root(rq, dev, &a, kind); /* seen on Linux 6.18: a change of kind replaces */
	if (!q->ops->change)
		return FAIL(rq, -EINVAL, "Change operation not supported by specified qdisc");
	return q->ops->change(q, &a, rq->ack);
}

static int del_qdisc(struct nl_request *rq)
{
	const struct tcmsg *m = nlmsg_hdr_data(rq->nlh);
	struct net_device *dev;
	struct nl_attrs a;
	char kind[IFNAMSIZ];
	int err = parse(rq, &a, kind, &dev);

	if (err)
		return err;
	if (m->tcm_parent != TC_H_ROOT)
		return -EOPNOTSUPP;
	if (!dev->qdisc)
		return FAIL(rq, -ENOENT, "Cannot find specified qdisc on specified device");
	if (m->tcm_handle && dev->qdisc->handle != m->tcm_handle)
		return FAIL(rq, -EINVAL, "Invalid handle");
	if (kind[0] && strcmp(kind, dev->qdisc->ops->id))
		return FAIL(rq, -EINVAL, "Invalid qdisc name");
	if (!dev->qdisc->handle)
		return FAIL(rq, -ENOENT, "Cannot delete qdisc with handle of zero");
	return qdisc_graft_root(rq->cpu, dev, NULL);
}

const struct nl_handler rt_qdisc_handlers[] = {
	{ .protocol = NETLINK_ROUTE, .type = RTM_GETQDISC, .dump = dump_qdisc },
	{ .protocol = NETLINK_ROUTE, .type = RTM_NEWQDISC, .doit = new_qdisc },
	{ .protocol = NETLINK_ROUTE, .type = RTM_DELQDISC, .doit = del_qdisc },
	{ .protocol = NETLINK_ROUTE, .type = RTM_GETTCLASS, .dump = nothing },
	{ .protocol = NETLINK_ROUTE, .type = RTM_GETTFILTER, .dump = nothing },
	{ 0 },
};
