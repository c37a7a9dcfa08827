/* RTM_GETSTATS: counters of devices apart from everything else (`ip stats`). There is IFLA_STATS_LINK_64; offloaded statistics are
 * said to be off, and groups that no device here has are left out, as Linux leaves them out. */
#include <linux/if_link.h>

#include "control/route/rt.h"
#include "link/netns_dev.h"

enum { OFFLOAD_HW_S_INFO = 2, OFFLOAD_L3_STATS = 3, HW_S_INFO_REQUEST = 1, HW_S_INFO_USED = 2 };

static int fill(struct nl_buf *b, struct if_stats_msg *m, struct net_device *dev, u32 mask)
{
	size_t offload, info, l3;

	if (!m)
		return nl_end(b);
	m->ifindex = (u32)dev->ifindex;
	m->filter_mask = mask;
	if (mask & IFLA_STATS_FILTER_BIT(IFLA_STATS_LINK_64))
		rt_put_stats64(b, IFLA_STATS_LINK_64, dev);
	if (mask & IFLA_STATS_FILTER_BIT(IFLA_STATS_LINK_XSTATS) && dev->kind && dev->kind->fill_xstats) {
		info = nl_nest(b, IFLA_STATS_LINK_XSTATS);
		dev->kind->fill_xstats(dev, NULL, b);
		nl_nest_end(b, info);
	}
	if (mask & IFLA_STATS_FILTER_BIT(IFLA_STATS_LINK_XSTATS_SLAVE) && dev->master && dev->master->kind->fill_xstats) {
		info = nl_nest(b, IFLA_STATS_LINK_XSTATS_SLAVE);
		dev->master->kind->fill_xstats(dev->master, dev, b);
		nl_nest_end(b, info);
	}
	if (mask & IFLA_STATS_FILTER_BIT(IFLA_STATS_LINK_OFFLOAD_XSTATS)) {
		offload = nl_nest(b, IFLA_STATS_LINK_OFFLOAD_XSTATS);
		info = nl_nest(b, OFFLOAD_HW_S_INFO | NLA_F_NESTED);
		l3 = nl_nest(b, OFFLOAD_L3_STATS | NLA_F_NESTED);
		nl_put_u8(b, HW_S_INFO_REQUEST, 0);
		nl_put_u8(b, HW_S_INFO_USED, 0);
		nl_nest_end(b, l3);
		nl_nest_end(b, info);
		nl_nest_end(b, offload);
	}
	if (mask & IFLA_STATS_FILTER_BIT(IFLA_STATS_AF_SPEC))
		nl_nest(b, IFLA_STATS_AF_SPEC);
	return nl_end(b);
}

static int check(const struct nlmsghdr *n, bool dump, bool strict, struct nl_ext_ack *ack)
{
	const struct if_stats_msg *m = nlmsg_hdr_data(n);

	if (nlmsg_body_len(n) < sizeof(*m)) {
		NL_SET_ERR(ack, "Invalid header for stats dump");
		return -EINVAL;
	}
	if (strict && (m->pad1 || m->pad2 || (dump && m->ifindex))) {
		NL_SET_ERR(ack, "Invalid values in header for stats dump request");
		return -EINVAL;
	}
	if (strict && m->filter_mask >= IFLA_STATS_FILTER_BIT(IFLA_STATS_MAX + 1)) {
		NL_SET_ERR(ack, "Invalid stats filter mask");
		return -EINVAL;
	}
	if (!m->filter_mask) {
		NL_SET_ERR(ack, "Filter mask must be set for stats dump");
		return -EINVAL;
	}
	return 0;
}

static int get_stats(struct nl_request *rq)
{
	const struct if_stats_msg *m = nlmsg_hdr_data(rq->nlh);
	struct net_device *dev;
	struct nl_buf b;
	int err = check(rq->nlh, false, nl_request_strict(rq), rq->ack);

	if (err)
		return err;
	if (!m->ifindex)
		return -EINVAL;
	dev = dev_by_index(rq->net, (s32)m->ifindex);
	if (!dev)
		return -ENODEV;
	nl_buf_init(&b, cpu_mem(rq->cpu), 0);
	err = fill(&b, nl_reply_begin(rq, &b, RTM_NEWSTATS, sizeof(*m)), dev, m->filter_mask);
	err = err ? err : nl_unicast(rq, &b);
	nl_buf_fini(&b);
	return err;
}

static int dump_stats(struct nl_dump *d, struct nl_buf *b)
{
	const struct if_stats_msg *m = nlmsg_hdr_data(d->req);
	struct net_device *dev;
	int err = check(d->req, true, d->strict, d->ack);

	if (err)
		return err;
	nl_dump_generation(d, nl_generations(d->net)->link_gen);
	dev_for_each (dev, d->net) {
		if ((u64)dev->ifindex < d->arg[0])
			continue;
		err = fill(b, nl_dump_begin(d, b, RTM_NEWSTATS, sizeof(*m)), dev, m->filter_mask);
		if (err)
			return err == -EMSGSIZE ? 1 : err;
		d->arg[0] = (u64)dev->ifindex + 1;
	}
	return 0;
}

const struct nl_handler rt_stats_handlers[] = {
	{ .protocol = NETLINK_ROUTE, .type = RTM_GETSTATS, .doit = get_stats, .dump = dump_stats },
	{ 0 },
};
