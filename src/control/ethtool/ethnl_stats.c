/* STATS: counters that standards name, in groups; a device tells those that it has. */
#include "control/ethtool/ethnl.h"

enum { A_SRC = 5, GROUPS = 5 };

static const struct nl_policy policy[] = {
	[ETHTOOL_A_STATS_HEADER] = ETHNL_HEADER,
	[ETHTOOL_A_STATS_GROUPS] = ETHNL_BITSET,
	[A_SRC] = { .type = NLP_U32, .max = 2 },
};

enum { ASKED, SOURCE }; /* arg[] */

static int check(struct ethnl_req *q)
{
	const struct nlattr *groups = ethnl_attr(q, ETHTOOL_A_STATS_GROUPS), *src = ethnl_attr(q, A_SRC);
	u32 val[ETHNL_BITS_MAX / 32] = { 0 }, mask[ETHNL_BITS_MAX / 32];
	int err = groups ? ethnl_get_bitset(q, groups, val, mask, GROUPS, ETH_SS_STATS_STD) : 0;

	if (err)
		return err;
	if (!val[0]) {
		NL_SET_ERR(q->ack, "no stats requested");
		return -EINVAL;
	}
	q->arg[ASKED] = val[0];
	q->arg[SOURCE] = src ? nl_u32(src) : 0;
	return 0;
}

static void put_stat(struct nl_buf *b, u16 type, u64 v)
{
	size_t nest = nl_nest(b, ETHTOOL_A_STATS_GRP_STAT | NLA_F_NESTED);

	nl_put_u64(b, type, v);
	nl_nest_end(b, nest);
}

static void put_mac(const struct ethnl_req *q, struct nl_buf *b)
{
	struct dev_mac_stats s;

	if (!q->ops->mac_stats)
		return;
	q->ops->mac_stats(q->dev, &s);
	put_stat(b, ETHTOOL_A_STATS_ETH_MAC_2_TX_PKT, s.tx_frames);
	put_stat(b, ETHTOOL_A_STATS_ETH_MAC_5_RX_PKT, s.rx_frames);
	put_stat(b, ETHTOOL_A_STATS_ETH_MAC_8_TX_BYTES, s.tx_bytes);
	put_stat(b, ETHTOOL_A_STATS_ETH_MAC_14_RX_BYTES, s.rx_bytes);
	put_stat(b, ETHTOOL_A_STATS_ETH_MAC_15_RX_INT_ERR, s.rx_lost);
	put_stat(b, ETHTOOL_A_STATS_ETH_MAC_21_RX_MCAST, s.rx_multicast);
}

static void put_ctrl(const struct ethnl_req *q, struct nl_buf *b)
{
	struct ethtool_pauseparam p;
	struct dev_pause_stats s;

	if (!q->ops->get_pauseparam)
		return;
	q->ops->get_pauseparam(q->dev, &p, &s);
	put_stat(b, ETHTOOL_A_STATS_ETH_CTRL_3_TX, s.tx_frames);
	put_stat(b, ETHTOOL_A_STATS_ETH_CTRL_4_RX, s.rx_frames);
	put_stat(b, ETHTOOL_A_STATS_ETH_CTRL_5_RX_UNSUP, s.rx_unknown);
}

static int fill(struct ethnl_req *q, struct nl_buf *b)
{
	static const u32 sets[GROUPS] = { ETH_SS_STATS_ETH_PHY, ETH_SS_STATS_ETH_MAC, ETH_SS_STATS_ETH_CTRL, ETH_SS_STATS_RMON,
					  ETHNL_SS_STATS_PHY };

	if (q->arg[SOURCE]) {
		NL_SET_ERR(q->ack, "ethtool_nl: Device does not support MAC merge layer");
		return -EOPNOTSUPP;
	}
	nl_put_u32(b, A_SRC, 0);
	for (u32 group = 0; group < GROUPS; group++) {
		size_t nest;

		if (!(q->arg[ASKED] & BIT64(group)))
			continue;
		nest = nl_nest(b, ETHTOOL_A_STATS_GRP | NLA_F_NESTED);
		nl_put_u32(b, ETHTOOL_A_STATS_GRP_ID, group);
		nl_put_u32(b, ETHTOOL_A_STATS_GRP_SS_ID, sets[group]);
		if (group == ETHTOOL_STATS_ETH_MAC)
			put_mac(q, b);
		else if (group == ETHTOOL_STATS_ETH_CTRL)
			put_ctrl(q, b);
		nl_nest_end(b, nest);
	}
	return 0;
}

const struct ethnl_noun ethnl_stats = {
	.get = { .cmd = ETHTOOL_MSG_STATS_GET, .flags = ETHNL_GET_FLAGS, ETHNL_POLICY(policy), .msg = ethnl_get },
	.header = ETHTOOL_A_STATS_HEADER,
	.reply = ETHTOOL_MSG_STATS_GET_REPLY,
	.check = check,
	.fill = fill,
};
