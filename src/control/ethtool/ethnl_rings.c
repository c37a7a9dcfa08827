/* RINGS: how many descriptors a queue has. */
#include "control/ethtool/ethnl.h"

enum { A_TX_PUSH = 13, A_RX_PUSH = 14, A_TX_PUSH_BUF_LEN = 15, A_HDS_THRESH = 17 }; /* newer than some headers */

static int fill(struct ethnl_req *q, struct nl_buf *b)
{
	struct ethtool_ringparam r = { .cmd = ETHTOOL_GRINGPARAM };

	if (!q->ops->get_ringparam)
		return -EOPNOTSUPP;
	q->ops->get_ringparam(q->dev, &r);
	nl_put_u32(b, ETHTOOL_A_RINGS_RX_MAX, r.rx_max_pending);
	nl_put_u32(b, ETHTOOL_A_RINGS_RX, r.rx_pending);
	nl_put_u32(b, ETHTOOL_A_RINGS_TX_MAX, r.tx_max_pending);
	nl_put_u32(b, ETHTOOL_A_RINGS_TX, r.tx_pending);
	nl_put_u8(b, A_TX_PUSH, 0);
	nl_put_u8(b, A_RX_PUSH, 0);
	return 0;
}

static int refuse_options(const struct ethnl_req *q)
{
	static const struct { u16 type; const char *text; } options[] = {
		{ ETHTOOL_A_RINGS_RX_BUF_LEN, "setting rx buf len not supported" },
		{ ETHTOOL_A_RINGS_TCP_DATA_SPLIT, "setting TCP data split is not supported" },
		{ A_HDS_THRESH, "setting hds-thresh is not supported" },
		{ ETHTOOL_A_RINGS_CQE_SIZE, "setting cqe size not supported" },
		{ A_TX_PUSH, "setting tx push not supported" },
		{ A_RX_PUSH, "setting rx push not supported" },
		{ A_TX_PUSH_BUF_LEN, "setting tx push buf len is not supported" },
	};

	for (unsigned i = 0; i < ARRAY_SIZE(options); i++) {
		const struct nlattr *a = ethnl_attr(q, options[i].type);

		if (a) {
			NL_SET_ERR_ATTR(q->ack, a, options[i].text);
			return -EOPNOTSUPP;
		}
	}
	return 0;
}

static int change(struct ethnl_req *q)
{
	struct ethtool_ringparam r = { .cmd = ETHTOOL_GRINGPARAM };
	const struct nlattr *bad = NULL;
	bool changed = false;
	int err = refuse_options(q);

	if (err)
		return err;
	if (!q->ops->get_ringparam || !q->ops->set_ringparam)
		return -EOPNOTSUPP;
	q->ops->get_ringparam(q->dev, &r);
	ethnl_update_u32(&r.rx_pending, ethnl_attr(q, ETHTOOL_A_RINGS_RX), &changed);
	ethnl_update_u32(&r.rx_mini_pending, ethnl_attr(q, ETHTOOL_A_RINGS_RX_MINI), &changed);
	ethnl_update_u32(&r.rx_jumbo_pending, ethnl_attr(q, ETHTOOL_A_RINGS_RX_JUMBO), &changed);
	ethnl_update_u32(&r.tx_pending, ethnl_attr(q, ETHTOOL_A_RINGS_TX), &changed);
	if (!changed)
		return 0;
	if (r.rx_pending > r.rx_max_pending)
		bad = ethnl_attr(q, ETHTOOL_A_RINGS_RX);
	else if (r.rx_mini_pending > r.rx_mini_max_pending)
		bad = ethnl_attr(q, ETHTOOL_A_RINGS_RX_MINI);
	else if (r.rx_jumbo_pending > r.rx_jumbo_max_pending)
		bad = ethnl_attr(q, ETHTOOL_A_RINGS_RX_JUMBO);
	else if (r.tx_pending > r.tx_max_pending)
		bad = ethnl_attr(q, ETHTOOL_A_RINGS_TX);
	if (bad) {
		NL_SET_ERR_ATTR(q->ack, bad, "requested ring size exceeds maximum");
		return -EINVAL;
	}
	err = q->ops->set_ringparam(q->cpu, q->dev, &r);
	return err ? err : 1;
}

static const struct nl_policy set_policy[] = {
	[ETHTOOL_A_RINGS_HEADER] = ETHNL_HEADER,
	[ETHTOOL_A_RINGS_RX] = { .type = NLP_U32 },
	[ETHTOOL_A_RINGS_RX_MINI] = { .type = NLP_U32 },
	[ETHTOOL_A_RINGS_RX_JUMBO] = { .type = NLP_U32 },
	[ETHTOOL_A_RINGS_TX] = { .type = NLP_U32 },
	[ETHTOOL_A_RINGS_RX_BUF_LEN] = { .type = NLP_U32, .min = 1, .max = ~0u },
	[ETHTOOL_A_RINGS_TCP_DATA_SPLIT] = { .type = NLP_U8, .max = 2 },
	[ETHTOOL_A_RINGS_CQE_SIZE] = { .type = NLP_U32, .min = 1, .max = ~0u },
	[A_TX_PUSH] = { .type = NLP_U8, .max = 1 },
	[A_RX_PUSH] = { .type = NLP_U8, .max = 1 },
	[A_TX_PUSH_BUF_LEN] = { .type = NLP_U32 },
	[A_HDS_THRESH] = { .type = NLP_U32 },
};

const struct ethnl_noun ethnl_rings = {
	.get = ETHNL_GET(ETHTOOL_MSG_RINGS_GET),
	.set = ETHNL_SET(ETHTOOL_MSG_RINGS_SET, set_policy),
	.reply = ETHTOOL_MSG_RINGS_GET_REPLY,
	.ntf = ETHTOOL_MSG_RINGS_NTF,
	.fill = fill,
	.change = change,
};
