/* RTM_NEWLINK that makes a device: of a kind, with the settings that it is to be born with, in the namespace it is to be in.
 *
 * Listeners hear of it once, when it is whole: with its flags, and after whatever its going up brought about.
 */
#include <net/if.h>
#include <stdio.h>

#include "control/route/rt_link_change.h"
#include "link/netns_dev.h"

/* What a request says of a device that is about to be registered. */
static int prepare(struct link_change *c, struct net_device *dev)
{
	const struct nl_attrs *a = &c->a;
	u32 mtu;

	if (a->a[IFLA_MTU]) {
		mtu = nl_u32(a->a[IFLA_MTU]);
		if (mtu < dev->min_mtu) {
			NL_SET_ERR(c->rq->ack, "mtu less than device minimum");
			return -EINVAL;
		}
		if (dev->max_mtu && mtu > dev->max_mtu) {
			NL_SET_ERR(c->rq->ack, "mtu greater than device maximum");
			return -EINVAL;
		}
		dev->mtu = mtu;
	}
	if (a->a[IFLA_ADDRESS]) {
		memcpy(dev->dev_addr, nl_data(a->a[IFLA_ADDRESS]), MIN(nl_len(a->a[IFLA_ADDRESS]), (u16)DEV_ADDR_MAX));
		dev->addr_assign_type = 3; /* NET_ADDR_SET */
	}
	if (a->a[IFLA_BROADCAST])
		memcpy(dev->broadcast, nl_data(a->a[IFLA_BROADCAST]), MIN(nl_len(a->a[IFLA_BROADCAST]), (u16)DEV_ADDR_MAX));
	if (a->a[IFLA_TXQLEN])
		dev->tx_queue_len = nl_u32(a->a[IFLA_TXQLEN]);
	if (a->a[IFLA_OPERSTATE])
		dev->operstate = nl_u8(a->a[IFLA_OPERSTATE]);
	if (a->a[IFLA_LINKMODE])
		dev->link_mode = nl_u8(a->a[IFLA_LINKMODE]);
	if (a->a[IFLA_GROUP])
		dev->group = nl_u32(a->a[IFLA_GROUP]);
	if (a->a[IFLA_GSO_MAX_SIZE])
		dev->gso_max_size = nl_u32(a->a[IFLA_GSO_MAX_SIZE]);
	if (a->a[IFLA_GSO_MAX_SEGS])
		dev->gso_max_segs = nl_u32(a->a[IFLA_GSO_MAX_SEGS]);
	if (a->a[IFLA_GRO_MAX_SIZE])
		dev->gro_max_size = nl_u32(a->a[IFLA_GRO_MAX_SIZE]);
	return rt_link_validate(c, dev);
}

static int make_in(struct link_change *c, struct netns *net, struct netns *link_net)
{
	const struct nl_attrs *a = &c->a;
	struct cpu *cpu = c->rq->cpu;
	char pattern[IFNAMSIZ];
	struct net_device *dev;
	u32 txqs = a->a[IFLA_NUM_TX_QUEUES] ? nl_u32(a->a[IFLA_NUM_TX_QUEUES]) : 0;
	u32 rxqs = a->a[IFLA_NUM_RX_QUEUES] ? nl_u32(a->a[IFLA_NUM_RX_QUEUES]) : 0;
	int err;

	if (a->a[IFLA_NUM_TX_QUEUES] && (txqs < 1 || txqs > 4096)) {
		NL_SET_ERR(c->rq->ack, "Invalid number of transmit queues");
		return -EINVAL;
	}
	if (a->a[IFLA_NUM_RX_QUEUES] && (rxqs < 1 || rxqs > 4096)) {
		NL_SET_ERR(c->rq->ack, "Invalid number of receive queues");
		return -EINVAL;
	}
	if (!c->ifname[0]) {
		snprintf(pattern, sizeof(pattern), "%s%%d", c->kind->name);
	} else {
		memcpy(pattern, c->ifname, sizeof(pattern));
		if (!dev_name_valid(pattern))
			return -EINVAL;
		if (dev_by_name(net, pattern))
			return -EEXIST;
	}
	dev = dev_new(net, c->kind, pattern, txqs, rxqs);
	if (!dev)
		return -ENOMEM;
	dev->ifindex = c->m->ifi_index;
	dev->being_made = true;
	err = prepare(c, dev);
	if (!err && c->kind->newlink)
		err = c->kind->newlink(cpu, link_net, dev, &c->a, c->has_data ? &c->data : NULL, c->rq->ack);
	else if (!err)
		err = dev_register(cpu, dev, c->m->ifi_index);
	if (err) {
		dev_free(dev);
		return err;
	}
	if (c->m->ifi_flags || c->m->ifi_change)
		err = dev_change_flags(cpu, dev, rt_link_flags(dev, c->m), c->rq->ack);
	if (!err && a->a[IFLA_MASTER])
		err = rt_link_set_master(c, dev, (s32)nl_u32(a->a[IFLA_MASTER]));
	if (err) {
		if (c->kind->dellink)
			c->kind->dellink(cpu, dev);
		else
			dev_unregister(cpu, dev);
		return err;
	}
	rt_link_made(c->rq, dev);
	return 0;
}

int rt_link_make(struct link_change *c)
{
	struct netns *to;
	int err;

	if (c->a.a[IFLA_MAP] || c->a.a[IFLA_PROTINFO])
		return -EOPNOTSUPP;
	if (!c->kind) {
		NL_SET_ERR(c->rq->ack, "Unknown device type");
		return -EOPNOTSUPP;
	}
	err = rt_link_target(c, &to);
	if (err)
		return err;
	err = make_in(c, to ? to : c->rq->net, c->link_net ? c->link_net : c->rq->net);
	if (to)
		netns_put(to);
	return err;
}
