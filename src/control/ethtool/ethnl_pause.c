/* PAUSE: IEEE 802.3x flow control, and how many of its frames passed. */
#include "control/ethtool/ethnl.h"

enum { A_STATS_SRC = 6 }; /* newer than some headers */

static const struct nl_policy get_policy[] = {
	[ETHTOOL_A_PAUSE_HEADER] = ETHNL_STATS_HEADER,
	[A_STATS_SRC] = { .type = NLP_U32, .max = 2 },
};

static int check(struct ethnl_req *q)
{
	const struct nlattr *src = ethnl_attr(q, A_STATS_SRC);

	if (src && !(q->flags & ETHTOOL_FLAG_STATS)) {
		NL_SET_ERR(q->ack, "ethtool_nl: ETHTOOL_FLAG_STATS must be set when requesting a source of stats");
		return -EINVAL;
	}
	q->arg[0] = src ? nl_u32(src) : 0;
	return 0;
}

static int fill(struct ethnl_req *q, struct nl_buf *b)
{
	struct ethtool_pauseparam p = { .cmd = ETHTOOL_GPAUSEPARAM };
	struct dev_pause_stats s;
	size_t nest;

	if (!q->ops->get_pauseparam)
		return -EOPNOTSUPP;
	if (q->arg[0]) {
		NL_SET_ERR(q->ack, "ethtool_nl: Device does not support MAC merge layer");
		return -EOPNOTSUPP;
	}
	q->ops->get_pauseparam(q->dev, &p, &s);
	nl_put_u8(b, ETHTOOL_A_PAUSE_AUTONEG, !!p.autoneg);
	nl_put_u8(b, ETHTOOL_A_PAUSE_RX, !!p.rx_pause);
	nl_put_u8(b, ETHTOOL_A_PAUSE_TX, !!p.tx_pause);
	if (!(q->flags & ETHTOOL_FLAG_STATS))
		return 0;
	nl_put_u32(b, A_STATS_SRC, 0);
	nest = nl_nest(b, ETHTOOL_A_PAUSE_STATS | NLA_F_NESTED);
	nl_put_u64(b, ETHTOOL_A_PAUSE_STAT_TX_FRAMES, s.tx_frames);
	nl_put_u64(b, ETHTOOL_A_PAUSE_STAT_RX_FRAMES, s.rx_frames);
	nl_nest_end(b, nest);
	return 0;
}

static int change(struct ethnl_req *q)
{
	struct ethtool_pauseparam p = { .cmd = ETHTOOL_GPAUSEPARAM };
	struct dev_pause_stats s;
	bool changed = false;
	int err;

	if (!q->ops->get_pauseparam || !q->ops->set_pauseparam)
		return -EOPNOTSUPP;
	q->ops->get_pauseparam(q->dev, &p, &s);
	ethnl_update_bool(&p.autoneg, ethnl_attr(q, ETHTOOL_A_PAUSE_AUTONEG), &changed);
	ethnl_update_bool(&p.rx_pause, ethnl_attr(q, ETHTOOL_A_PAUSE_RX), &changed);
	ethnl_update_bool(&p.tx_pause, ethnl_attr(q, ETHTOOL_A_PAUSE_TX), &changed);
	if (!changed)
		return 0;
	err = q->ops->set_pauseparam(q->cpu, q->dev, &p);
	return err ? err : 1;
}

static const struct nl_policy set_policy[] = {
	[ETHTOOL_A_PAUSE_HEADER] = ETHNL_HEADER,
	[ETHTOOL_A_PAUSE_AUTONEG] = { .type = NLP_U8 },
	[ETHTOOL_A_PAUSE_RX] = { .type = NLP_U8 },
	[ETHTOOL_A_PAUSE_TX] = { .type = NLP_U8 },
};

const struct ethnl_noun ethnl_pause = {
	.get = { .cmd = ETHTOOL_MSG_PAUSE_GET, .flags = ETHNL_GET_FLAGS, ETHNL_POLICY(get_policy), .msg = ethnl_get },
	.set = ETHNL_SET(ETHTOOL_MSG_PAUSE_SET, set_policy),
	.reply = ETHTOOL_MSG_PAUSE_GET_REPLY,
	.ntf = ETHTOOL_MSG_PAUSE_NTF,
	.check = check,
	.fill = fill,
	.change = change,
};
