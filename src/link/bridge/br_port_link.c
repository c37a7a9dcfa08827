/* A port by rtnetlink: IFLA_BRPORT_*, read and set. ip-link(8), "BRIDGE_SLAVE Type Support"; bridge(8), `bridge link set`.
 */
#include "link/bridge/br_arp.h"
#include "link/bridge/br_mcast.h"
#include "link/netns_dev.h"

const struct nl_policy br_port_policy[BR_IFLA_PORT_MAX + 1] = {
	[IFLA_BRPORT_STATE] = { .type = NLP_U8 },
	[IFLA_BRPORT_PRIORITY] = { .type = NLP_U16 },
	[IFLA_BRPORT_COST] = { .type = NLP_U32 },
	[IFLA_BRPORT_MODE] = { .type = NLP_U8 },
	[IFLA_BRPORT_GUARD] = { .type = NLP_U8 },
	[IFLA_BRPORT_PROTECT] = { .type = NLP_U8 },
	[IFLA_BRPORT_FAST_LEAVE] = { .type = NLP_U8 },
	[IFLA_BRPORT_LEARNING] = { .type = NLP_U8 },
	[IFLA_BRPORT_UNICAST_FLOOD] = { .type = NLP_U8 },
	[IFLA_BRPORT_PROXYARP] = { .type = NLP_U8 },
	[IFLA_BRPORT_PROXYARP_WIFI] = { .type = NLP_U8 },
	[IFLA_BRPORT_MULTICAST_ROUTER] = { .type = NLP_U8 },
	[IFLA_BRPORT_MCAST_FLOOD] = { .type = NLP_U8 },
	[IFLA_BRPORT_MCAST_TO_UCAST] = { .type = NLP_U8 },
	[IFLA_BRPORT_VLAN_TUNNEL] = { .type = NLP_U8 },
	[IFLA_BRPORT_BCAST_FLOOD] = { .type = NLP_U8 },
	[IFLA_BRPORT_GROUP_FWD_MASK] = { .type = NLP_U16 },
	[IFLA_BRPORT_NEIGH_SUPPRESS] = { .type = NLP_U8 },
	[IFLA_BRPORT_ISOLATED] = { .type = NLP_U8 },
	[IFLA_BRPORT_BACKUP_PORT] = { .type = NLP_U32 },
	[IFLA_BRPORT_MCAST_EHT_HOSTS_LIMIT] = { .type = NLP_U32 },
	[IFLA_BRPORT_LOCKED] = { .type = NLP_U8 },
	[BR_IFLA_PORT_MAB] = { .type = NLP_U8 },
	[BR_IFLA_PORT_MCAST_N_GROUPS] = { .type = NLP_REJECT },
	[BR_IFLA_PORT_MCAST_MAX_GROUPS] = { .type = NLP_U32 },
	[BR_IFLA_PORT_NEIGH_VLAN_SUPPRESS] = { .type = NLP_U8 },
	[BR_IFLA_PORT_BACKUP_NHID] = { .type = NLP_U32 },
};

/* In the order in which they are told. */
static const struct { u16 attr; u32 flag; } told[] = {
	{ IFLA_BRPORT_MODE, BRP_HAIRPIN }, { IFLA_BRPORT_GUARD, BRP_BPDU_GUARD }, { IFLA_BRPORT_PROTECT, BRP_ROOT_BLOCK },
	{ IFLA_BRPORT_FAST_LEAVE, BRP_FAST_LEAVE }, { IFLA_BRPORT_MCAST_TO_UCAST, BRP_MCAST_TO_UNICAST }, { IFLA_BRPORT_LEARNING, BRP_LEARNING },
	{ IFLA_BRPORT_UNICAST_FLOOD, BRP_FLOOD }, { IFLA_BRPORT_MCAST_FLOOD, BRP_MCAST_FLOOD }, { IFLA_BRPORT_BCAST_FLOOD, BRP_BCAST_FLOOD },
	{ IFLA_BRPORT_PROXYARP, BRP_PROXYARP }, { IFLA_BRPORT_PROXYARP_WIFI, BRP_PROXYARP_WIFI },
};
static const struct { u16 attr; u32 flag; } set_only[] = {
	{ IFLA_BRPORT_VLAN_TUNNEL, BRP_VLAN_TUNNEL }, { IFLA_BRPORT_NEIGH_SUPPRESS, BRP_NEIGH_SUPPRESS }, { IFLA_BRPORT_ISOLATED, BRP_ISOLATED },
	{ IFLA_BRPORT_LOCKED, BRP_LOCKED }, { BR_IFLA_PORT_MAB, BRP_MAB },
};

static void put_flag(struct nl_buf *b, const struct br_port *p, u16 attr, u32 flag) { nl_put_u8(b, attr, (p->flags & flag) != 0); }

static u64 ticks(const struct br_port *p, const struct timer *t) { return br_ticks(br_timer_left(p->br, t)); }

int br_port_fill(const struct net_device *dev, const struct net_device *port, struct nl_buf *b)
{
	const struct br_port *p = br_port_of(port);
	if (!p)
		return 0;
	nl_put_u8(b, IFLA_BRPORT_STATE, p->state);
	nl_put_u16(b, IFLA_BRPORT_PRIORITY, p->priority);
	nl_put_u32(b, IFLA_BRPORT_COST, p->path_cost);
	for (size_t i = 0; i < ARRAY_SIZE(told); i++)
		put_flag(b, p, told[i].attr, told[i].flag);
	br_put_id(b, IFLA_BRPORT_ROOT_ID, p->designated_root);
	br_put_id(b, IFLA_BRPORT_BRIDGE_ID, p->designated_bridge);
	nl_put_u16(b, IFLA_BRPORT_DESIGNATED_PORT, p->designated_port);
	nl_put_u16(b, IFLA_BRPORT_DESIGNATED_COST, (u16)p->designated_cost);
	nl_put_u16(b, IFLA_BRPORT_ID, p->port_id);
	nl_put_u16(b, IFLA_BRPORT_NO, p->port_no);
	nl_put_u8(b, IFLA_BRPORT_TOPOLOGY_CHANGE_ACK, p->topology_change_ack);
	nl_put_u8(b, IFLA_BRPORT_CONFIG_PENDING, p->config_pending);
	put_flag(b, p, IFLA_BRPORT_VLAN_TUNNEL, BRP_VLAN_TUNNEL);
	nl_put_u16(b, IFLA_BRPORT_GROUP_FWD_MASK, p->group_fwd_mask);
	put_flag(b, p, IFLA_BRPORT_NEIGH_SUPPRESS, BRP_NEIGH_SUPPRESS);
	nl_put_u8(b, IFLA_BRPORT_MRP_RING_OPEN, 0);
	nl_put_u8(b, IFLA_BRPORT_MRP_IN_OPEN, 0);
	put_flag(b, p, IFLA_BRPORT_ISOLATED, BRP_ISOLATED);
	put_flag(b, p, IFLA_BRPORT_LOCKED, BRP_LOCKED);
	put_flag(b, p, BR_IFLA_PORT_MAB, BRP_MAB);
	nl_put_u8(b, BR_IFLA_PORT_NEIGH_VLAN_SUPPRESS, 0);
	nl_put_u64(b, IFLA_BRPORT_MESSAGE_AGE_TIMER, ticks(p, &p->message_age));
	nl_put_u64(b, IFLA_BRPORT_FORWARD_DELAY_TIMER, ticks(p, &p->forward_delay));
	nl_put_u64(b, IFLA_BRPORT_HOLD_TIMER, ticks(p, &p->hold));
	br_mcast_port_fill(p, b);
	if (p->backup)
		nl_put_u32(b, IFLA_BRPORT_BACKUP_PORT, (u32)p->backup->dev->ifindex);
	return 0;
}

int br_port_set_flag(struct br_port *p, u32 flag, bool on)
{
	u32 old = p->flags;
	p->flags = on ? p->flags | flag : p->flags & ~flag;
	br_port_flags_changed(p, old);
	return 0;
}

static const struct nlattr *attr(const struct nl_attrs *tb, unsigned type) { return type <= tb->max ? tb->a[type] : NULL; }

static u32 flags_asked(u32 flags, const struct nl_attrs *a)
{
	const struct nlattr *v;
	for (size_t i = 0; i < ARRAY_SIZE(told); i++)
		if ((v = attr(a, told[i].attr)))
			flags = nl_u8(v) ? flags | told[i].flag : flags & ~told[i].flag;
	for (size_t i = 0; i < ARRAY_SIZE(set_only); i++)
		if ((v = attr(a, set_only[i].attr)))
			flags = nl_u8(v) ? flags | set_only[i].flag : flags & ~set_only[i].flag;
	return flags;
}

static int set_stp(struct cpu *cpu, struct br_port *p, const struct nl_attrs *a)
{
	const struct nlattr *v;
	int err = 0;
	if ((v = attr(a, IFLA_BRPORT_COST)))
		err = br_stp_set_path_cost(cpu, p, nl_u32(v));
	if (!err && attr(a, IFLA_BRPORT_FLUSH))
		br_fdb_del_port(p->br, p, 0, false);
	if (!err && (v = attr(a, IFLA_BRPORT_PRIORITY)))
		err = br_stp_set_port_priority(cpu, p, nl_u16(v));
	if (!err && (v = attr(a, IFLA_BRPORT_STATE)))
		err = br_stp_set_port_state(cpu, p, nl_u8(v));
	return err;
}

static int set_backup(struct br_port *p, s32 ifindex)
{
	struct net_device *dev = ifindex ? dev_by_index(p->dev->net, ifindex) : NULL;
	return ifindex && !dev ? -ENOENT : br_port_set_backup(p, dev);
}

int br_port_change(struct cpu *cpu, struct br_port *p, const struct nl_attrs *a, struct nl_ext_ack *ack)
{
	u32 old = p->flags, now = flags_asked(old, a);
	const struct nlattr *v;
	int err;
	if (now & BRP_MAB && (now & (BRP_LOCKED | BRP_LEARNING)) != (BRP_LOCKED | BRP_LEARNING)) {
		NL_SET_ERR(ack, "bridge: Bridge port must be locked and have learning enabled when MAB is enabled");
		return -EINVAL;
	}
	/* Per-VLAN suppression and next hops for a backup need tunnels. */
	if (((v = attr(a, BR_IFLA_PORT_NEIGH_VLAN_SUPPRESS)) && nl_u8(v)) || ((v = attr(a, BR_IFLA_PORT_BACKUP_NHID)) && nl_u32(v)))
		return -EOPNOTSUPP;
	p->flags = now;
	if (old & BRP_MAB && !(now & BRP_MAB))
		br_fdb_flush(p->br, &(struct br_fdb_flush){ .ifindex = p->dev->ifindex, .flags = FDB_LOCKED, .mask = FDB_LOCKED });
	br_port_flags_changed(p, old);
	br_proxies_changed(p->br);
	err = set_stp(cpu, p, a);
	if (!err)
		err = br_mcast_port_change(cpu, p, a, ack);
	if (!err && (v = attr(a, IFLA_BRPORT_GROUP_FWD_MASK))) {
		if (nl_u16(v) & 2) /* pause */
			return -EINVAL;
		p->group_fwd_mask = nl_u16(v);
	}
	if (!err && (v = attr(a, IFLA_BRPORT_BACKUP_PORT)))
		err = set_backup(p, (s32)nl_u32(v));
	return err;
}

int br_slave_changelink(struct cpu *cpu, struct net_device *dev, struct net_device *port, const struct nl_attrs *data, struct nl_ext_ack *ack)
{
	struct br_port *p = br_port_of(port);
	return p ? br_port_change(cpu, p, data, ack) : -EINVAL;
}
