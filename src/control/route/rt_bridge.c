/* AF_BRIDGE's RTM_GETLINK, RTM_SETLINK, RTM_DELLINK: bridges and their ports, with the VLANs they are in (`bridge link`, `bridge vlan`);
 * and what listeners are told when a bridge changes. bridge(8).
 */
#include "link/bridge/br_mcast.h"
#include "control/route/rt_link.h"
#include "link/netns_dev.h"

#ifndef RTEXT_FILTER_BRVLAN
#define RTEXT_FILTER_BRVLAN 2
#define RTEXT_FILTER_BRVLAN_COMPRESSED 4
#endif

static void put_vlan(struct nl_buf *b, u16 flags, u16 vid)
{
	struct bridge_vlan_info v = { flags, vid };

	nl_put(b, IFLA_BRIDGE_VLAN_INFO, &v, sizeof(v));
}

/* Runs of ids with the same flags in two attributes, when that is asked for. */
static void put_range(struct nl_buf *b, u16 flags, u16 from, u16 to, bool compressed)
{
	if (!from)
		return;
	if (!compressed || from == to) {
		for (u32 v = from; v <= to; v++)
			put_vlan(b, flags, (u16)v);
		return;
	}
	put_vlan(b, flags | BRIDGE_VLAN_INFO_RANGE_BEGIN, from);
	put_vlan(b, flags | BRIDGE_VLAN_INFO_RANGE_END, to);
}

static void put_vlans(struct nl_buf *b, const struct br_vlans *vs, u32 mask)
{
	bool compressed = mask & RTEXT_FILTER_BRVLAN_COMPRESSED;
	size_t nest = nl_nest(b, IFLA_AF_SPEC), before = b->len;
	const struct br_vlan *v;
	u16 from = 0, to = 0, flags = 0, f;

	list_for_each (v, &vs->list, link) {
		if (!br_vlan_is_member(v))
			continue;
		f = (u16)((v->vid == vs->pvid ? BRIDGE_VLAN_INFO_PVID : 0) | (v->flags & BRIDGE_VLAN_INFO_UNTAGGED));
		if (from && v->vid == to + 1 && f == flags && !(f & BRIDGE_VLAN_INFO_PVID)) {
			to = v->vid;
			continue;
		}
		put_range(b, flags, from, to, compressed);
		from = to = v->vid;
		flags = f;
	}
	put_range(b, flags, from, to, compressed);
	if (b->len == before)
		nl_nest_cancel(b, nest);
	else
		nl_nest_end(b, nest);
}

/* dev: a port (as which: true), or a bridge. */
static int fill(struct nl_buf *b, struct net_device *dev, bool as_port, u32 mask, u16 type, u16 flags, u32 seq, u32 portid)
{
	const struct br_port *p = as_port ? br_port_of(dev) : NULL;
	struct ifinfomsg *h = nl_begin(b, type, flags, seq, portid, sizeof(*h));
	s32 iflink = dev_iflink(dev);
	size_t nest;

	if (!h)
		return nl_end(b);
	*h = (struct ifinfomsg){ .ifi_family = AF_BRIDGE, .ifi_type = dev->type, .ifi_index = dev->ifindex, .ifi_flags = dev_get_flags(dev) };
	nl_put_str(b, IFLA_IFNAME, dev->name);
	nl_put_u32(b, IFLA_MASTER, (u32)(p ? p->br->dev : dev)->ifindex);
	nl_put_u32(b, IFLA_MTU, dev->mtu);
	nl_put_u8(b, IFLA_OPERSTATE, dev_get_operstate(dev));
	if (dev->addr_len)
		nl_put(b, IFLA_ADDRESS, dev->dev_addr, dev->addr_len);
	if (iflink != dev->ifindex)
		nl_put_u32(b, IFLA_LINK, (u32)iflink);
	if (p && type == RTM_NEWLINK) {
		nest = nl_nest(b, IFLA_PROTINFO | NLA_F_NESTED);
		br_port_fill(p->br->dev, dev, b);
		nl_nest_end(b, nest);
	}
	if (mask & (RTEXT_FILTER_BRVLAN | RTEXT_FILTER_BRVLAN_COMPRESSED))
		put_vlans(b, p ? &p->vlans : &br_of(dev)->vlans, mask);
	return nl_end(b);
}

static int parse_dump(struct nl_dump *d, u32 *mask)
{
	const struct ifinfomsg *m = nlmsg_hdr_data(d->req);
	size_t len;
	const void *p = nlmsg_attrs(d->req, sizeof(*m), &len);
	struct nl_attrs a;
	int err;

	*mask = 0;
	if (nlmsg_body_len(d->req) < sizeof(*m)) {
		if (d->strict)
			NL_SET_ERR(d->ack, "Invalid header for bridge link dump");
		return d->strict ? -EINVAL : 0;
	}
	if (d->strict && (m->__ifi_pad || m->ifi_type || m->ifi_flags || m->ifi_change || m->ifi_index)) {
		NL_SET_ERR(d->ack, "Invalid values in header for bridge link dump request");
		return -EINVAL;
	}
	err = nl_parse(p, len, &a, RT_IFLA_MAX, rt_link_policy, d->strict, d->ack);
	if (err)
		return err;
	for (unsigned i = 1; i <= RT_IFLA_MAX && d->strict; i++) {
		if (a.a[i] && i != IFLA_EXT_MASK) {
			NL_SET_ERR(d->ack, "Unsupported attribute in bridge link dump request");
			return -EINVAL;
		}
	}
	if (a.a[IFLA_EXT_MASK])
		*mask = nl_u32(a.a[IFLA_EXT_MASK]);
	return 0;
}

/* arg[0]: the next device's index, doubled; odd: its part as a bridge. */
static int dump(struct nl_dump *d, struct nl_buf *b)
{
	struct net_device *dev;
	u32 mask;
	int err = parse_dump(d, &mask);

	if (err)
		return err;
	dev_for_each (dev, d->net) {
		for (unsigned bridge = 0; bridge < 2; bridge++) {
			u64 key = (u64)dev->ifindex * 2 + bridge;
			if (key < d->arg[0] || (bridge ? !dev_is_bridge(dev) || !(mask & (RTEXT_FILTER_BRVLAN | RTEXT_FILTER_BRVLAN_COMPRESSED)) : !br_port_of(dev)))
				continue;
			err = fill(b, dev, !bridge, mask, RTM_NEWLINK, NLM_F_MULTI, d->seq, d->portid);
			if (err)
				return err == -EMSGSIZE ? 1 : err;
			d->arg[0] = key + 1;
		}
	}
	return 0;
}

struct told { struct net_device *dev; u16 type; };

static void put_told(struct nl_buf *b, const void *arg)
{
	const struct told *t = arg;

	fill(b, t->dev, br_port_of(t->dev) != NULL, RTEXT_FILTER_BRVLAN_COMPRESSED, t->type, 0, 0, 0);
}

void rt_bridge_link_tell(struct cpu *cpu, struct net_device *dev, u16 type)
{
	struct told t = { dev, type };

	rt_tell(cpu, dev->net, RTNLGRP_LINK, put_told, &t);
}

static void put_fdb(struct nl_buf *b, const void *arg)
{
	const struct br_event *e = arg;

	rt_fdb_fill(b, e->dev, e->fdb, e->what == BR_EV_FDB_NEW ? RTM_NEWNEIGH : RTM_DELNEIGH, 0, 0, 0);
}

void rt_bridge_event(struct cpu *cpu, struct netns *net, const struct br_event *e)
{
	switch (e->what) {
	case BR_EV_PORT_NEW:
		rt_bridge_link_tell(cpu, e->dev, RTM_NEWLINK);
		break;
	case BR_EV_PORT_DEL:
		rt_bridge_link_tell(cpu, e->dev, RTM_DELLINK);
		break;
	case BR_EV_FDB_NEW:
	case BR_EV_FDB_DEL:
		rt_tell(cpu, net, RTNLGRP_NEIGH, put_fdb, e);
		break;
	case BR_EV_MDB_NEW:
	case BR_EV_MDB_DEL:
		rt_mdb_event(cpu, e);
		break;
	case BR_EV_VLAN:
		rt_brvlan_event(cpu, e);
		break;
	}
}

/* -- RTM_SETLINK, RTM_DELLINK -- */

struct vlan_change {
	struct nl_request *rq;
	struct bridge *br;
	struct br_port *p;	/* NULL: the bridge itself */
	bool add, changed;
	const struct bridge_vlan_info *begin; /* of a range whose end comes next */
};

static int one_vlan(struct vlan_change *c, u16 vid, u16 flags, bool *changed)
{
	*changed = false;
	if (c->add)
		return c->p ? br_vlan_port_add(c->p, vid, flags, changed, c->rq->ack)
			    : br_vlan_add(c->br, vid, flags | BRIDGE_VLAN_INFO_BRENTRY, changed, c->rq->ack);
	if (c->p) {
		*changed |= !br_vlan_port_del(c->p, vid);
		if (flags & BRIDGE_VLAN_INFO_MASTER)
			*changed |= !br_vlan_del(c->br, vid);
	} else {
		*changed |= !br_vlan_del(c->br, vid);
	}
	return 0;
}

/* What changed is told in runs. */
static int vlans(struct vlan_change *c, u16 from, u16 to, u16 flags)
{
	struct net_device *dev = c->p ? c->p->dev : c->br->dev;
	u16 first = 0;
	int err = 0;

	for (u32 vid = from; vid <= to && !err; vid++) {
		bool changed;
		err = one_vlan(c, (u16)vid, flags, &changed);
		if (!err && changed) {
			c->changed = true;
			first = first ? first : (u16)vid;
		} else if (first) {
			br_vlan_tell(c->rq->cpu, dev, first, (u16)(vid - 1), !c->add);
			first = 0;
		}
	}
	if (first)
		br_vlan_tell(c->rq->cpu, dev, first, to, !c->add);
	return err;
}

static int refuse(struct vlan_change *c, const char *text)
{
	NL_SET_ERR(c->rq->ack, text);
	return -EINVAL;
}

static int range_valid(struct vlan_change *c, const struct bridge_vlan_info *v)
{
	if (v->flags & BRIDGE_VLAN_INFO_PVID)
		return refuse(c, "bridge: Pvid isn't allowed in a range");
	if (!c->begin)
		return v->flags & BRIDGE_VLAN_INFO_RANGE_BEGIN ? 0 : refuse(c, "bridge: Both vlan range flags are missing");
	if (v->flags & BRIDGE_VLAN_INFO_RANGE_BEGIN)
		return refuse(c, "bridge: Found a new vlan range start while processing one");
	if (!(v->flags & BRIDGE_VLAN_INFO_RANGE_END))
		return refuse(c, "bridge: Vlan range end flag is missing");
	return v->vid > c->begin->vid ? 0 : refuse(c, "bridge: End vlan id is less than or equal to start vlan id");
}

static int vlan_info(struct vlan_change *c, const struct nlattr *a)
{
	const struct bridge_vlan_info *v = nl_data(a), *begin = c->begin;
	int err;

	if (nl_len(a) != sizeof(*v))
		return -EINVAL;
	if (!v->vid || v->vid >= 4095)
		return refuse(c, "bridge: Vlan id is invalid");
	if (!begin && !(v->flags & BRIDGE_VLAN_INFO_RANGE_BEGIN))
		return vlans(c, v->vid, v->vid, v->flags);
	err = range_valid(c, v);
	c->begin = err || begin ? NULL : v;
	return err || !begin ? err : vlans(c, begin->vid, v->vid, begin->flags);
}

static int af_spec(struct vlan_change *c, const struct nlattr *spec)
{
	const struct nlattr *a;
	int err = 0;

	nl_for_each_nested(a, spec) {
		switch (nl_type(a)) {
		case IFLA_BRIDGE_VLAN_INFO:
			err = vlan_info(c, a);
			break;
		case IFLA_BRIDGE_VLAN_TUNNEL_INFO:
		case IFLA_BRIDGE_MRP:
		case IFLA_BRIDGE_CFM:
		case IFLA_BRIDGE_MST:
			err = -EOPNOTSUPP;
			break;
		default:
			break;
		}
		if (err)
			return err;
	}
	return 0;
}

static int port_info(struct nl_request *rq, struct br_port *p, const struct nlattr *info)
{
	struct nl_attrs *a;
	int err;

	if (!(info->nla_type & NLA_F_NESTED)) /* of old: a byte, the state */
		return nl_len(info) < 1 ? -EINVAL : br_stp_set_port_state(rq->cpu, p, nl_u8(info));
	a = mem_alloc(cpu_mem(rq->cpu), sizeof(*a));
	if (!a)
		return -ENOMEM;
	err = nl_parse_nested(info, a, BR_IFLA_PORT_MAX, br_port_policy, false, rq->ack);
	if (!err)
		err = br_port_change(rq->cpu, p, a, rq->ack);
	mem_free(cpu_mem(rq->cpu), a);
	return err;
}

/* As the bridge that dev is, or is a port of, takes it. */
static int change(struct nl_request *rq, struct net_device *dev, const struct nl_attrs *a, bool add)
{
	struct br_port *p = br_port_of(dev);
	struct vlan_change c = { .rq = rq, .p = p, .br = p ? p->br : br_of(dev), .add = add };
	const struct nlattr *info = add ? a->a[IFLA_PROTINFO] : NULL;
	int err = 0;

	if (!info && !a->a[IFLA_AF_SPEC])
		return 0;
	if (!p && !a->a[IFLA_AF_SPEC])
		return -EINVAL;
	if (p && info) {
		err = port_info(rq, p, info);
		if (err)
			return err;
		c.changed = true;
	}
	if (a->a[IFLA_AF_SPEC])
		err = af_spec(&c, a->a[IFLA_AF_SPEC]);
	if (c.changed)
		rt_bridge_link_tell(rq->cpu, dev, RTM_NEWLINK);
	return err;
}

static u16 flags_of(const struct nlattr *spec, int *err)
{
	const struct nlattr *a;

	*err = 0;
	if (!spec)
		return 0;
	nl_for_each_nested(a, spec) {
		if (nl_type(a) != IFLA_BRIDGE_FLAGS)
			continue;
		if (nl_len(a) < sizeof(u16))
			*err = -EINVAL;
		return nl_len(a) < sizeof(u16) ? 0 : nl_u16(a);
	}
	return 0;
}

static int set_link(struct nl_request *rq)
{
	const struct ifinfomsg *m = nlmsg_hdr_data(rq->nlh);
	bool add = rq->nlh->nlmsg_type == RTM_SETLINK;
	struct net_device *dev;
	struct nl_attrs a;
	size_t len;
	const void *p = nlmsg_attrs(rq->nlh, sizeof(*m), &len);
	u16 flags;
	int err;

	if (nlmsg_body_len(rq->nlh) < sizeof(*m))
		return -EINVAL;
	if (m->ifi_family != AF_BRIDGE)
		return -EPFNOSUPPORT;
	dev = dev_by_index(rq->net, m->ifi_index);
	if (!dev) {
		NL_SET_ERR(rq->ack, "unknown ifindex");
		return -ENODEV;
	}
	err = nl_parse(p, len, &a, RT_IFLA_MAX, NULL, false, rq->ack);
	if (err)
		return err;
	flags = flags_of(a.a[IFLA_AF_SPEC], &err);
	if (err)
		return err;
	if (!flags || flags & BRIDGE_FLAGS_MASTER) {
		if (!br_port_of(dev))
			return -EOPNOTSUPP;
		err = change(rq, dev, &a, add);
		if (err)
			return err;
	}
	if (!(flags & BRIDGE_FLAGS_SELF))
		return 0;
	if (!dev_is_bridge(dev))
		return -EOPNOTSUPP;
	return change(rq, dev, &a, add);
}

const struct nl_handler rt_bridge_handlers[] = {
	{ .protocol = NETLINK_ROUTE, .type = RTM_GETLINK, .family = AF_BRIDGE, .dump = dump },
	{ .protocol = NETLINK_ROUTE, .type = RTM_SETLINK, .family = AF_BRIDGE, .doit = set_link },
	{ .protocol = NETLINK_ROUTE, .type = RTM_DELLINK, .family = AF_BRIDGE, .doit = set_link },
	{ 0 },
};
