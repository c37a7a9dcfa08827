/* The bridge by rtnetlink: IFLA_BR_*, read and set. ip-link(8), "BRIDGE Type Support". Times are in 1/100 s.
 */
#include "link/bridge/br_mcast.h"

const struct nl_policy br_policy[BR_IFLA_MAX + 1] = {
	[IFLA_BR_FORWARD_DELAY] = { .type = NLP_U32 },
	[IFLA_BR_HELLO_TIME] = { .type = NLP_U32 },
	[IFLA_BR_MAX_AGE] = { .type = NLP_U32 },
	[IFLA_BR_AGEING_TIME] = { .type = NLP_U32 },
	[IFLA_BR_STP_STATE] = { .type = NLP_U32 },
	[IFLA_BR_PRIORITY] = { .type = NLP_U16 },
	[IFLA_BR_VLAN_FILTERING] = { .type = NLP_U8 },
	[IFLA_BR_VLAN_PROTOCOL] = { .type = NLP_U16 },
	[IFLA_BR_GROUP_FWD_MASK] = { .type = NLP_U16 },
	[IFLA_BR_GROUP_ADDR] = { .type = NLP_BINARY, .len = ETH_ADDR_LEN },
	[IFLA_BR_MCAST_ROUTER] = { .type = NLP_U8 },
	[IFLA_BR_MCAST_SNOOPING] = { .type = NLP_U8 },
	[IFLA_BR_MCAST_QUERY_USE_IFADDR] = { .type = NLP_U8 },
	[IFLA_BR_MCAST_QUERIER] = { .type = NLP_U8 },
	[IFLA_BR_MCAST_HASH_ELASTICITY] = { .type = NLP_U32 },
	[IFLA_BR_MCAST_HASH_MAX] = { .type = NLP_U32 },
	[IFLA_BR_MCAST_LAST_MEMBER_CNT] = { .type = NLP_U32 },
	[IFLA_BR_MCAST_STARTUP_QUERY_CNT] = { .type = NLP_U32 },
	[IFLA_BR_MCAST_LAST_MEMBER_INTVL] = { .type = NLP_U64 },
	[IFLA_BR_MCAST_MEMBERSHIP_INTVL] = { .type = NLP_U64 },
	[IFLA_BR_MCAST_QUERIER_INTVL] = { .type = NLP_U64 },
	[IFLA_BR_MCAST_QUERY_INTVL] = { .type = NLP_U64 },
	[IFLA_BR_MCAST_QUERY_RESPONSE_INTVL] = { .type = NLP_U64 },
	[IFLA_BR_MCAST_STARTUP_QUERY_INTVL] = { .type = NLP_U64 },
	[IFLA_BR_NF_CALL_IPTABLES] = { .type = NLP_U8 },
	[IFLA_BR_NF_CALL_IP6TABLES] = { .type = NLP_U8 },
	[IFLA_BR_NF_CALL_ARPTABLES] = { .type = NLP_U8 },
	[IFLA_BR_VLAN_DEFAULT_PVID] = { .type = NLP_U16 },
	[IFLA_BR_VLAN_STATS_ENABLED] = { .type = NLP_U8 },
	[IFLA_BR_MCAST_STATS_ENABLED] = { .type = NLP_U8 },
	[IFLA_BR_MCAST_IGMP_VERSION] = { .type = NLP_U8 },
	[IFLA_BR_MCAST_MLD_VERSION] = { .type = NLP_U8 },
	[IFLA_BR_VLAN_STATS_PER_PORT] = { .type = NLP_U8 },
	[IFLA_BR_MULTI_BOOLOPT] = { .type = NLP_EXACT, .len = sizeof(struct br_boolopt_multi) },
	[BR_IFLA_FDB_N_LEARNED] = { .type = NLP_REJECT },
	[BR_IFLA_FDB_MAX_LEARNED] = { .type = NLP_U32 },
};

static const struct nlattr *attr(const struct nl_attrs *tb, unsigned type) { return type <= tb->max ? tb->a[type] : NULL; }

static int set_times(struct cpu *cpu, struct bridge *br, const struct nl_attrs *d)
{
	const struct nlattr *a;
	int err = 0;
	if ((a = attr(d, IFLA_BR_FORWARD_DELAY)))
		err = br_stp_set_forward_delay(br, nl_u32(a) * BR_TICKS_NS);
	if (!err && (a = attr(d, IFLA_BR_HELLO_TIME)))
		err = br_stp_set_hello_time(br, nl_u32(a) * BR_TICKS_NS);
	if (!err && (a = attr(d, IFLA_BR_MAX_AGE)))
		err = br_stp_set_max_age(br, nl_u32(a) * BR_TICKS_NS);
	if (!err && (a = attr(d, IFLA_BR_AGEING_TIME))) {
		br->ageing_time = nl_u32(a) * BR_TICKS_NS;
		br_arm(br, &br->gc, 0);
	}
	if (!err && (a = attr(d, IFLA_BR_STP_STATE)))
		br_stp_set_enabled(cpu, br, nl_u32(a) != 0);
	if (!err && (a = attr(d, IFLA_BR_PRIORITY)))
		br_stp_set_priority(cpu, br, nl_u16(a));
	return err;
}

static int set_vlan(struct cpu *cpu, struct bridge *br, const struct nl_attrs *d, struct nl_ext_ack *ack)
{
	const struct nlattr *a;
	int err = 0;
	if ((a = attr(d, IFLA_BR_VLAN_FILTERING)))
		err = br_vlan_set_filtering(cpu, br, nl_u8(a) != 0);
	if (!err && (a = attr(d, IFLA_BR_VLAN_PROTOCOL)))
		err = br_vlan_set_protocol(br, (be16){ nl_u16(a) });
	if (!err && (a = attr(d, IFLA_BR_VLAN_DEFAULT_PVID)))
		err = br_vlan_set_default_pvid(cpu, br, nl_u16(a), ack);
	if (!err && (a = attr(d, IFLA_BR_VLAN_STATS_ENABLED))) {
		if (nl_u8(a) > 1)
			return -EINVAL;
		br->vlan_stats = nl_u8(a);
	}
	if (!err && (a = attr(d, IFLA_BR_VLAN_STATS_PER_PORT)))
		err = nl_u8(a) > 1 ? -EINVAL : br_vlan_set_stats_per_port(br, nl_u8(a));
	return err;
}

int br_set_group_addr(struct bridge *br, const u8 *addr)
{
	static const u8 reserved[5] = { 0x01, 0x80, 0xc2, 0, 0 };
	if (memcmp(addr, reserved, 5) || addr[5] & 0xf0)
		return -EINVAL;
	if (addr[5] >= 1 && addr[5] <= 3) /* pause, LACP, 802.1X */
		return -EINVAL;
	memcpy(br->group_addr, addr, ETH_ADDR_LEN);
	br->group_addr_set = true;
	return 0;
}

int br_set_group_fwd_mask(struct bridge *br, u32 mask)
{
	if (mask & 7) /* spanning tree, pause, LACP: never */
		return -EINVAL;
	br->group_fwd_mask = (u16)mask;
	return 0;
}

static int set_group(struct bridge *br, const struct nl_attrs *d)
{
	const struct nlattr *a;
	int err = 0;
	if ((a = attr(d, IFLA_BR_GROUP_FWD_MASK)))
		err = br_set_group_fwd_mask(br, nl_u16(a));
	if (!err && (a = attr(d, IFLA_BR_GROUP_ADDR)))
		err = nl_len(a) == ETH_ADDR_LEN ? br_set_group_addr(br, nl_data(a)) : -EINVAL;
	if (!err && attr(d, IFLA_BR_FDB_FLUSH))
		br_fdb_flush(br, &(struct br_fdb_flush){ .mask = FDB_STATIC });
	return err;
}

/* Options by bit; those newer than what is built here are passed over, as an older kernel does. */
int br_set_boolopts(struct bridge *br, u32 val, u32 mask, struct nl_ext_ack *ack)
{
	if (mask & BIT(BR_BOOLOPT_NO_LL_LEARN))
		br->no_linklocal_learn = val & BIT(BR_BOOLOPT_NO_LL_LEARN);
	if (mask & val & (BIT(BR_BOOLOPT_MCAST_VLAN_SNOOPING) | BIT(BR_BOOLOPT_MST_ENABLE)))
		return -EOPNOTSUPP; /* as of a kernel without them */
	return 0;
}

static int set_rest(struct bridge *br, const struct nl_attrs *d, struct nl_ext_ack *ack)
{
	const struct nlattr *a;
	if ((a = attr(d, IFLA_BR_NF_CALL_IPTABLES)))
		br->nf_call_iptables = nl_u8(a);
	if ((a = attr(d, IFLA_BR_NF_CALL_IP6TABLES)))
		br->nf_call_ip6tables = nl_u8(a);
	if ((a = attr(d, IFLA_BR_NF_CALL_ARPTABLES)))
		br->nf_call_arptables = nl_u8(a);
	if ((a = attr(d, IFLA_BR_MULTI_BOOLOPT))) {
		struct br_boolopt_multi m;
		int err;
		memcpy(&m, nl_data(a), sizeof(m));
		err = br_set_boolopts(br, m.optval, m.optmask, ack);
		if (err)
			return err;
	}
	if ((a = attr(d, BR_IFLA_FDB_MAX_LEARNED)))
		br->fdb_max_learned = nl_u32(a);
	return 0;
}

int br_changelink(struct cpu *cpu, struct net_device *dev, const struct nl_attrs *d, struct nl_ext_ack *ack)
{
	struct bridge *br = br_of(dev);
	int err;
	if (!d)
		return 0;
	err = set_times(cpu, br, d);
	err = err ? err : set_vlan(cpu, br, d, ack);
	err = err ? err : set_group(br, d);
	err = err ? err : br_mcast_changelink(cpu, br, d, ack);
	return err ? err : set_rest(br, d, ack);
}

void br_put_id(struct nl_buf *b, u16 type, u64 id) { nl_put(b, type, &(be64){ cpu_to_be64(id).raw }, 8); }

int br_fill_info(const struct net_device *dev, struct nl_buf *b)
{
	const struct bridge *br = br_of(dev);
	struct br_boolopt_multi opts = { br->no_linklocal_learn ? BIT(BR_BOOLOPT_NO_LL_LEARN) : 0, BIT(BR_BOOLOPT_MAX) - 1 };
	nl_put_u64(b, IFLA_BR_HELLO_TIMER, br_ticks(br_timer_left(br, &br->hello)));
	nl_put_u64(b, IFLA_BR_TCN_TIMER, br_ticks(br_timer_left(br, &br->tcn)));
	nl_put_u64(b, IFLA_BR_TOPOLOGY_CHANGE_TIMER, br_ticks(br_timer_left(br, &br->topology_change_timer)));
	nl_put_u64(b, IFLA_BR_GC_TIMER, br_ticks(br_timer_left(br, &br->gc)));
	nl_put_u32(b, IFLA_BR_FORWARD_DELAY, br_ticks(br->forward_delay));
	nl_put_u32(b, IFLA_BR_HELLO_TIME, br_ticks(br->hello_time));
	nl_put_u32(b, IFLA_BR_MAX_AGE, br_ticks(br->max_age));
	nl_put_u32(b, IFLA_BR_AGEING_TIME, br_ticks(br->ageing_time));
	nl_put_u32(b, IFLA_BR_STP_STATE, br->stp);
	nl_put_u16(b, IFLA_BR_PRIORITY, (u16)(br->id >> 48));
	nl_put_u8(b, IFLA_BR_VLAN_FILTERING, br->vlan_filtering);
	nl_put_u16(b, IFLA_BR_GROUP_FWD_MASK, br->group_fwd_mask);
	br_put_id(b, IFLA_BR_BRIDGE_ID, br->id);
	br_put_id(b, IFLA_BR_ROOT_ID, br->designated_root);
	nl_put_u16(b, IFLA_BR_ROOT_PORT, br->root_port);
	nl_put_u32(b, IFLA_BR_ROOT_PATH_COST, br->root_path_cost);
	nl_put_u8(b, IFLA_BR_TOPOLOGY_CHANGE, br->topology_change);
	nl_put_u8(b, IFLA_BR_TOPOLOGY_CHANGE_DETECTED, br->topology_change_detected);
	nl_put(b, IFLA_BR_GROUP_ADDR, br->group_addr, ETH_ADDR_LEN);
	nl_put(b, IFLA_BR_MULTI_BOOLOPT, &opts, sizeof(opts));
	nl_put_u32(b, BR_IFLA_FDB_N_LEARNED, br->fdb_learned);
	nl_put_u32(b, BR_IFLA_FDB_MAX_LEARNED, br->fdb_max_learned);
	nl_put_u16(b, IFLA_BR_VLAN_PROTOCOL, br->vlan_proto.raw);
	nl_put_u16(b, IFLA_BR_VLAN_DEFAULT_PVID, br->default_pvid);
	nl_put_u8(b, IFLA_BR_VLAN_STATS_ENABLED, br->vlan_stats);
	nl_put_u8(b, IFLA_BR_VLAN_STATS_PER_PORT, br->vlan_stats_per_port);
	br_mcast_fill(br, b);
	nl_put_u8(b, IFLA_BR_NF_CALL_IPTABLES, br->nf_call_iptables);
	nl_put_u8(b, IFLA_BR_NF_CALL_IP6TABLES, br->nf_call_ip6tables);
	nl_put_u8(b, IFLA_BR_NF_CALL_ARPTABLES, br->nf_call_arptables);
	return 0;
}

/* BRIDGE_XSTATS_* of the bridge, or of one port. */
void br_fill_xstats(const struct net_device *dev, const struct net_device *port, struct nl_buf *b)
{
	const struct bridge *br = br_of(dev);
	const struct br_port *p = port ? br_port_of(port) : NULL;
	const struct br_vlans *vs = p ? &p->vlans : &br->vlans;
	const struct br_vlan *v;
	size_t nest;
	if (port && !p)
		return;
	nest = nl_nest(b, LINK_XSTATS_TYPE_BRIDGE);
	list_for_each(v, &vs->list, link) {
		struct bridge_vlan_xstats x = { .vid = v->vid, .flags = v->flags, .rx_bytes = v->stats->rx_bytes, .rx_packets = v->stats->rx_packets,
						.tx_bytes = v->stats->tx_bytes, .tx_packets = v->stats->tx_packets };
		if (v->vid == vs->pvid)
			x.flags |= BRIDGE_VLAN_INFO_PVID;
		nl_put(b, BRIDGE_XSTATS_VLAN, &x, sizeof(x));
	}
	nl_put(b, BRIDGE_XSTATS_MCAST, p ? &br_pm(p)->stats : &br->mcast->stats, sizeof(struct br_mcast_stats));
	if (p)
		nl_put(b, BRIDGE_XSTATS_STP, &p->stp_stats, sizeof(p->stp_stats));
	nl_nest_end(b, nest);
}
