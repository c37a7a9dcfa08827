/* RTM_NEWVLAN, RTM_DELVLAN, RTM_GETVLAN: the VLANs of bridges and ports with their options (`bridge -d vlan`, `bridge vlan set`, `bridge vlan
 * global`). Adding and deleting goes through RTM_SETLINK as well (rt_bridge.c). bridge(8).
 *
 * Snooping is one for all VLANs here (no mcast_vlan_snooping): the options of it that a VLAN would have are shown as the bridge's and cannot
 * be set, as on a kernel without.
 */
#include "control/route/rt.h"
#include "link/bridge/br_mcast.h"
#include "link/netns_dev.h"

#ifndef RTM_NEWVLAN
#define RTM_NEWVLAN 112
#define RTM_DELVLAN 113
#define RTM_GETVLAN 114
#endif
#define RTNLGRP_BRVLAN_ 33

static u16 flags_of(const struct br_vlans *vs, const struct br_vlan *v)
{
	return (u16)((v->vid == vs->pvid ? BRIDGE_VLAN_INFO_PVID : 0) | (v->flags & BRIDGE_VLAN_INFO_UNTAGGED));
}

static u8 router_of(const struct bridge *br, const struct br_port *p)
{
	return p ? br_pm(p)->router : br->mcast->router;
}

static void put_entry(struct nl_buf *b, const struct bridge *br, const struct br_port *p, const struct br_vlan *v, u16 to, u16 flags, bool stats)
{
	struct bridge_vlan_info info = { flags, v->vid };
	size_t nest = nl_nest(b, BRIDGE_VLANDB_ENTRY | NLA_F_NESTED), st;

	nl_put(b, BRIDGE_VLANDB_ENTRY_INFO, &info, sizeof(info));
	if (to != v->vid)
		nl_put_u16(b, BRIDGE_VLANDB_ENTRY_RANGE, to);
	nl_put_u8(b, BRIDGE_VLANDB_ENTRY_STATE, v->state);
	if (p)
		nl_put_u8(b, 9 /* BRIDGE_VLANDB_ENTRY_NEIGH_SUPPRESS */, 0);
	nl_put_u8(b, BRIDGE_VLANDB_ENTRY_MCAST_ROUTER, router_of(br, p));
	if (stats) {
		st = nl_nest(b, BRIDGE_VLANDB_ENTRY_STATS | NLA_F_NESTED);
		nl_put_u64(b, BRIDGE_VLANDB_STATS_RX_BYTES, v->stats->rx_bytes);
		nl_put_u64(b, BRIDGE_VLANDB_STATS_RX_PACKETS, v->stats->rx_packets);
		nl_put_u64(b, BRIDGE_VLANDB_STATS_TX_BYTES, v->stats->tx_bytes);
		nl_put_u64(b, BRIDGE_VLANDB_STATS_TX_PACKETS, v->stats->tx_packets);
		nl_nest_end(b, st);
	}
	nl_nest_end(b, nest);
}

static void put_global(struct nl_buf *b, const struct bridge *br, u16 from, u16 to)
{
	const struct br_mcast *m = br->mcast;
	size_t nest = nl_nest(b, BRIDGE_VLANDB_GLOBAL_OPTIONS | NLA_F_NESTED);

	nl_put_u16(b, BRIDGE_VLANDB_GOPTS_ID, from);
	if (to != from)
		nl_put_u16(b, BRIDGE_VLANDB_GOPTS_RANGE, to);
	nl_put_u8(b, BRIDGE_VLANDB_GOPTS_MCAST_SNOOPING, 1);
	nl_put_u8(b, BRIDGE_VLANDB_GOPTS_MCAST_IGMP_VERSION, m->igmp_version);
	nl_put_u32(b, BRIDGE_VLANDB_GOPTS_MCAST_LAST_MEMBER_CNT, m->last_member_count);
	nl_put_u32(b, BRIDGE_VLANDB_GOPTS_MCAST_STARTUP_QUERY_CNT, m->startup_count);
	nl_put_u8(b, BRIDGE_VLANDB_GOPTS_MCAST_QUERIER, m->querier);
	nl_put_u64(b, BRIDGE_VLANDB_GOPTS_MCAST_LAST_MEMBER_INTVL, br_ticks(m->last_member_interval));
	nl_put_u64(b, BRIDGE_VLANDB_GOPTS_MCAST_MEMBERSHIP_INTVL, br_ticks(m->membership_interval));
	nl_put_u64(b, BRIDGE_VLANDB_GOPTS_MCAST_QUERIER_INTVL, br_ticks(m->querier_interval));
	nl_put_u64(b, BRIDGE_VLANDB_GOPTS_MCAST_QUERY_INTVL, br_ticks(m->query_interval));
	nl_put_u64(b, BRIDGE_VLANDB_GOPTS_MCAST_QUERY_RESPONSE_INTVL, br_ticks(m->response_interval));
	nl_put_u64(b, BRIDGE_VLANDB_GOPTS_MCAST_STARTUP_QUERY_INTVL, br_ticks(m->startup_interval));
	nl_put_u8(b, BRIDGE_VLANDB_GOPTS_MCAST_MLD_VERSION, m->mld_version);
	nl_put_u16(b, BRIDGE_VLANDB_GOPTS_MSTI, 0);
	nl_nest_end(b, nest);
}

static struct br_vlan_msg *begin(struct nl_buf *b, const struct net_device *dev, u16 type, u16 flags, u32 seq, u32 portid)
{
	struct br_vlan_msg *m = nl_begin(b, type, flags, seq, portid, sizeof(*m));

	if (m)
		*m = (struct br_vlan_msg){ .family = AF_BRIDGE, .ifindex = (u32)dev->ifindex };
	return m;
}

/* Whether b goes on where a ends, and nothing tells them apart. */
static bool alike(const struct br_vlans *vs, const struct br_vlan *a, u16 a_to, const struct br_vlan *b)
{
	return b->vid == a_to + 1 && flags_of(vs, a) == flags_of(vs, b) && a->state == b->state && !(flags_of(vs, b) & BRIDGE_VLAN_INFO_PVID);
}

static bool shown(const struct br_vlan *v, bool global) { return global || br_vlan_is_member(v); }

/* One device's VLANs in one message. False: there are none. */
static bool put_device(struct nl_buf *b, const struct net_device *dev, u32 what)
{
	const struct br_port *p = br_port_of(dev);
	const struct bridge *br = p ? p->br : br_of(dev);
	const struct br_vlans *vs = p ? &p->vlans : &br->vlans;
	bool global = what & BRIDGE_VLANDB_DUMPF_GLOBAL, stats = what & BRIDGE_VLANDB_DUMPF_STATS;
	const struct br_vlan *v, *first = NULL;
	u16 to = 0;
	bool any = false;

	list_for_each (v, &vs->list, link) {
		if (!shown(v, global))
			continue;
		any = true;
		if (first && (global ? v->vid == to + 1 : !stats && alike(vs, first, to, v))) {
			to = v->vid;
			continue;
		}
		if (first && global)
			put_global(b, br, first->vid, to);
		else if (first)
			put_entry(b, br, p, first, to, flags_of(vs, first), stats);
		first = v;
		to = v->vid;
	}
	if (first && global)
		put_global(b, br, first->vid, to);
	else if (first)
		put_entry(b, br, p, first, to, flags_of(vs, first), stats);
	return any;
}

static int dump(struct nl_dump *d, struct nl_buf *b)
{
	const struct br_vlan_msg *m = nlmsg_hdr_data(d->req);
	struct net_device *dev = NULL;
	struct nl_attrs a;
	u32 what = 0;
	size_t len, before;
	const void *p = nlmsg_attrs(d->req, sizeof(*m), &len);
	int err;

	if (nlmsg_body_len(d->req) < sizeof(*m))
		return -EINVAL;
	err = nl_parse(p, len, &a, BRIDGE_VLANDB_DUMP_MAX, NULL, true, d->ack);
	if (err)
		return err;
	if (a.a[BRIDGE_VLANDB_DUMP_FLAGS])
		what = nl_u32(a.a[BRIDGE_VLANDB_DUMP_FLAGS]);
	if (m->ifindex && !(dev = dev_by_index(d->net, (s32)m->ifindex)))
		return -ENODEV;
	if (m->ifindex && !dev_is_bridge(dev) && !br_port_of(dev)) {
		NL_SET_ERR(d->ack, "bridge: The device is not a valid bridge or bridge port");
		return -EINVAL;
	}
	if (m->ifindex && what & BRIDGE_VLANDB_DUMPF_GLOBAL && !dev_is_bridge(dev)) {
		NL_SET_ERR(d->ack, "bridge: Global vlan options can be dumped only on bridge devices");
		return -EINVAL;
	}
	dev_for_each (dev, d->net) {
		if ((u64)dev->ifindex < d->arg[0] || (m->ifindex && (s32)m->ifindex != dev->ifindex) || (!dev_is_bridge(dev) && !br_port_of(dev)))
			continue;
		if (what & BRIDGE_VLANDB_DUMPF_GLOBAL && !dev_is_bridge(dev))
			continue;
		before = b->len;
		begin(b, dev, RTM_NEWVLAN, NLM_F_MULTI, d->seq, d->portid);
		if (!put_device(b, dev, what) && !b->err) {
			b->len = before;
			d->arg[0] = (u64)dev->ifindex + 1;
			continue;
		}
		err = nl_end(b);
		if (err)
			return err == -EMSGSIZE ? 1 : err;
		d->arg[0] = (u64)dev->ifindex + 1;
	}
	return 0;
}

static void put_event(struct nl_buf *b, const void *arg)
{
	const struct br_event *e = arg;
	const struct br_port *p = br_port_of(e->dev);
	const struct bridge *br = p ? p->br : br_of(e->dev);
	const struct br_vlans *vs = p ? &p->vlans : &br->vlans;
	const struct br_vlan *v = br_vlan_find(vs, e->vid), gone = { .vid = e->vid, .state = BR_STATE_FORWARDING };
	struct bridge_vlan_info info = { 0, e->vid };
	size_t nest;

	begin(b, e->dev, e->vlan_gone ? RTM_DELVLAN : RTM_NEWVLAN, 0, 0, 0);
	if (e->vlan_gone || !v) {
		nest = nl_nest(b, BRIDGE_VLANDB_ENTRY | NLA_F_NESTED);
		nl_put(b, BRIDGE_VLANDB_ENTRY_INFO, &info, sizeof(info));
		if (e->vid_end != gone.vid)
			nl_put_u16(b, BRIDGE_VLANDB_ENTRY_RANGE, e->vid_end);
		nl_nest_end(b, nest);
	} else {
		put_entry(b, br, p, v, e->vid_end, flags_of(vs, v), false);
	}
	nl_end(b);
}

void rt_brvlan_event(struct cpu *cpu, const struct br_event *e)
{
	rt_tell(cpu, e->dev->net, RTNLGRP_BRVLAN_, put_event, e);
}

/* -- changing -- */

static int refuse(struct nl_request *rq, const char *text)
{
	NL_SET_ERR(rq->ack, text);
	return -EINVAL;
}

static int set_state(struct nl_request *rq, struct br_port *p, struct br_vlan *v, u8 state, bool *changed)
{
	if (state > BR_STATE_BLOCKING)
		return refuse(rq, "bridge: Invalid vlan state");
	if (p && p->br->stp)
		return -EBUSY;
	*changed = br_vlan_set_port_vlan_state(v, state);
	return 0;
}

static const struct nl_policy entry_policy[] = {
	[BRIDGE_VLANDB_ENTRY_INFO] = { .type = NLP_EXACT, .len = sizeof(struct bridge_vlan_info) },
	[BRIDGE_VLANDB_ENTRY_RANGE] = { .type = NLP_U16 },
	[BRIDGE_VLANDB_ENTRY_STATE] = { .type = NLP_U8 },
	[BRIDGE_VLANDB_ENTRY_TUNNEL_INFO] = { .type = NLP_NESTED },
	[BRIDGE_VLANDB_ENTRY_MCAST_ROUTER] = { .type = NLP_U8 },
};

static int options(struct nl_request *rq, struct bridge *br, struct br_port *p, u16 vid, const struct nl_attrs *a, bool *changed)
{
	struct br_vlan *v = br_vlan_find(p ? &p->vlans : &br->vlans, vid);

	*changed = false;
	if (!v || !br_vlan_is_member(v))
		return refuse(rq, "bridge: Vlan range start doesn't exist, can't process options");
	if (a->a[BRIDGE_VLANDB_ENTRY_TUNNEL_INFO] || a->a[BRIDGE_VLANDB_ENTRY_MCAST_ROUTER])
		return -EOPNOTSUPP;
	return a->a[BRIDGE_VLANDB_ENTRY_STATE] ? set_state(rq, p, v, nl_u8(a->a[BRIDGE_VLANDB_ENTRY_STATE]), changed) : 0;
}

static int one(struct nl_request *rq, struct bridge *br, struct br_port *p, u16 vid, u16 flags, const struct nl_attrs *a, bool *changed)
{
	bool more = false;
	int err = 0;

	*changed = false;
	if (rq->nlh->nlmsg_type == RTM_DELVLAN) {
		*changed = !(p ? br_vlan_port_del(p, vid) : br_vlan_del(br, vid));
		if (p && flags & BRIDGE_VLAN_INFO_MASTER)
			*changed |= !br_vlan_del(br, vid);
		return 0;
	}
	if (!(flags & BRIDGE_VLAN_INFO_ONLY_OPTS))
		err = p ? br_vlan_port_add(p, vid, flags, changed, rq->ack) : br_vlan_add(br, vid, flags | BRIDGE_VLAN_INFO_BRENTRY, changed, rq->ack);
	if (!err && (a->a[BRIDGE_VLANDB_ENTRY_STATE] || a->a[BRIDGE_VLANDB_ENTRY_TUNNEL_INFO] || a->a[BRIDGE_VLANDB_ENTRY_MCAST_ROUTER]))
		err = options(rq, br, p, vid, a, &more);
	*changed |= more;
	return err;
}

static int entry(struct nl_request *rq, struct net_device *dev, const struct nlattr *nest)
{
	struct br_port *p = br_port_of(dev);
	struct bridge *br = p ? p->br : br_of(dev);
	const struct bridge_vlan_info *info;
	struct nl_attrs a;
	u16 to, first = 0;
	int err = nl_parse_nested(nest, &a, ARRAY_SIZE(entry_policy) - 1, entry_policy, false, rq->ack);

	if (err)
		return err;
	if (!a.a[BRIDGE_VLANDB_ENTRY_INFO])
		return refuse(rq, "bridge: Missing vlan entry info");
	info = nl_data(a.a[BRIDGE_VLANDB_ENTRY_INFO]);
	if (info->flags & (BRIDGE_VLAN_INFO_RANGE_BEGIN | BRIDGE_VLAN_INFO_RANGE_END))
		return refuse(rq, "bridge: Old-style vlan ranges are not allowed when using RTM vlan calls");
	to = a.a[BRIDGE_VLANDB_ENTRY_RANGE] ? nl_u16(a.a[BRIDGE_VLANDB_ENTRY_RANGE]) : info->vid;
	if (!info->vid || info->vid >= 4095 || to >= 4095)
		return refuse(rq, "bridge: Vlan id is invalid");
	if (a.a[BRIDGE_VLANDB_ENTRY_RANGE] && to <= info->vid)
		return refuse(rq, "bridge: End vlan id is less than or equal to start vlan id");
	if (a.a[BRIDGE_VLANDB_ENTRY_RANGE] && info->flags & BRIDGE_VLAN_INFO_PVID)
		return refuse(rq, "bridge: Pvid isn't allowed in a range");
	for (u32 vid = info->vid; vid <= to; vid++) {
		bool changed;
		err = one(rq, br, p, (u16)vid, info->flags, &a, &changed);
		if (changed && !err) {
			first = first ? first : (u16)vid;
			continue;
		}
		if (first)
			br_vlan_tell(rq->cpu, dev, first, (u16)(vid - 1), rq->nlh->nlmsg_type == RTM_DELVLAN);
		first = 0;
		if (err)
			return err;
	}
	if (first)
		br_vlan_tell(rq->cpu, dev, first, to, rq->nlh->nlmsg_type == RTM_DELVLAN);
	return 0;
}

static int change(struct nl_request *rq)
{
	const struct br_vlan_msg *m = nlmsg_hdr_data(rq->nlh);
	const struct nlattr *pos;
	struct net_device *dev;
	size_t len;
	const void *p = nlmsg_attrs(rq->nlh, sizeof(*m), &len);
	bool any = false;
	int err = 0;

	if (nlmsg_body_len(rq->nlh) < sizeof(*m))
		return -EINVAL;
	dev = dev_by_index(rq->net, (s32)m->ifindex);
	if (!dev)
		return -ENODEV;
	if (!dev_is_bridge(dev) && !br_port_of(dev))
		return refuse(rq, "bridge: The device is not a valid bridge or bridge port");
	for (pos = p; !err && nl_ok(pos, len); pos = nl_next(pos, &len)) {
		if (nl_type(pos) == BRIDGE_VLANDB_ENTRY)
			err = entry(rq, dev, pos);
		else if (nl_type(pos) == BRIDGE_VLANDB_GLOBAL_OPTIONS)
			err = dev_is_bridge(dev) ? -EOPNOTSUPP : -EINVAL;
		else
			continue;
		any = true;
	}
	return any ? err : refuse(rq, "bridge: No vlan entries to process");
}

const struct nl_handler rt_brvlan_handlers[] = {
	{ .protocol = NETLINK_ROUTE, .type = RTM_GETVLAN, .family = AF_BRIDGE, .dump = dump },
	{ .protocol = NETLINK_ROUTE, .type = RTM_NEWVLAN, .family = AF_BRIDGE, .needs_admin = true, .doit = change },
	{ .protocol = NETLINK_ROUTE, .type = RTM_DELVLAN, .family = AF_BRIDGE, .needs_admin = true, .doit = change },
	{ 0 },
};
