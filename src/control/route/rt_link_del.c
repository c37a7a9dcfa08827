/* RTM_DELLINK: removing a device (and its peer), or a whole group of them. */
#include "control/nsid.h"
#include "control/route/rt_link_change.h"
#include "link/netns_dev.h"

static int remove_one(struct cpu *cpu, struct net_device *dev)
{
	if (!dev->kind)
		return -EOPNOTSUPP;
	if (dev->kind->dellink)
		dev->kind->dellink(cpu, dev);
	else
		dev_unregister(cpu, dev);
	return 0;
}

static int remove_group(struct nl_request *rq, u32 group)
{
	struct net_device *dev, *next;
	bool found = false;

	if (!group)
		return -EPERM;
	dev_for_each (dev, rq->net) {
		if (dev->group != group)
			continue;
		found = true;
		if (!dev->kind)
			return -EOPNOTSUPP;
	}
	if (!found)
		return -ENODEV;
again:	/* removing one may remove its peer as well */
	dev_for_each_safe (dev, next, rq->net) {
		if (dev->group == group) {
			remove_one(rq->cpu, dev);
			goto again;
		}
	}
	return 0;
}

static int del(struct link_change *c)
{
	struct nl_request *rq = c->rq;
	struct netns *net = rq->net;
	struct net_device *dev;

	if (c->m->ifi_index < 0) {
		NL_SET_ERR(rq->ack, "ifindex can't be negative");
		return -EINVAL;
	}
	if (!rt_link_has_name(c))
		return c->a.a[IFLA_GROUP] ? remove_group(rq, nl_u32(c->a.a[IFLA_GROUP])) : -EINVAL;
	if (c->a.a[IFLA_TARGET_NETNSID])
		net = nsid_peer(rq->net, (s32)nl_u32(c->a.a[IFLA_TARGET_NETNSID]));
	if (!net)
		return -EINVAL;
	dev = rt_link_named(c, net);
	return dev ? remove_one(rq->cpu, dev) : -ENODEV;
}

int rt_del_link(struct nl_request *rq)
{
	return rt_link_change(rq, del);
}
