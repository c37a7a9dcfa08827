/* CHANNELS: how many queues are in use. */
#include "control/ethtool/ethnl.h"

static void put(struct nl_buf *b, u16 max_type, u32 max, u16 type, u32 v)
{
	if (!max)
		return;
	nl_put_u32(b, max_type, max);
	nl_put_u32(b, type, v);
}

static int fill(struct ethnl_req *q, struct nl_buf *b)
{
	struct ethtool_channels c = { .cmd = ETHTOOL_GCHANNELS };

	if (!q->ops->get_channels)
		return -EOPNOTSUPP;
	q->ops->get_channels(q->dev, &c);
	put(b, ETHTOOL_A_CHANNELS_RX_MAX, c.max_rx, ETHTOOL_A_CHANNELS_RX_COUNT, c.rx_count);
	put(b, ETHTOOL_A_CHANNELS_TX_MAX, c.max_tx, ETHTOOL_A_CHANNELS_TX_COUNT, c.tx_count);
	put(b, ETHTOOL_A_CHANNELS_OTHER_MAX, c.max_other, ETHTOOL_A_CHANNELS_OTHER_COUNT, c.other_count);
	put(b, ETHTOOL_A_CHANNELS_COMBINED_MAX, c.max_combined, ETHTOOL_A_CHANNELS_COMBINED_COUNT, c.combined_count);
	return 0;
}

static int fail(const struct ethnl_req *q, const struct nlattr *a, const char *text)
{
	NL_SET_ERR_ATTR(q->ack, a, text);
	return -EINVAL;
}

static int change(struct ethnl_req *q)
{
	const struct nlattr *rx = ethnl_attr(q, ETHTOOL_A_CHANNELS_RX_COUNT), *tx = ethnl_attr(q, ETHTOOL_A_CHANNELS_TX_COUNT),
			    *other = ethnl_attr(q, ETHTOOL_A_CHANNELS_OTHER_COUNT), *both = ethnl_attr(q, ETHTOOL_A_CHANNELS_COMBINED_COUNT);
	struct ethtool_channels c = { .cmd = ETHTOOL_GCHANNELS };
	bool changed = false, changed_combined = false;
	const struct nlattr *bad = NULL;
	int err;

	if (!q->ops->get_channels || !q->ops->set_channels)
		return -EOPNOTSUPP;
	q->ops->get_channels(q->dev, &c);
	ethnl_update_u32(&c.rx_count, rx, &changed);
	ethnl_update_u32(&c.tx_count, tx, &changed);
	ethnl_update_u32(&c.other_count, other, &changed);
	ethnl_update_u32(&c.combined_count, both, &changed_combined);
	if (!changed && !changed_combined)
		return 0;
	if (c.rx_count > c.max_rx)
		bad = rx;
	else if (c.tx_count > c.max_tx)
		bad = tx;
	else if (c.other_count > c.max_other)
		bad = other;
	else if (c.combined_count > c.max_combined)
		bad = both;
	if (bad)
		return fail(q, bad, "requested channel count exceeds maximum");
	if (!c.combined_count && (!c.rx_count || !c.tx_count))
		return fail(q, changed_combined ? both : !c.rx_count && rx ? rx : tx,
			    "requested channel counts would result in no RX or TX channel being configured");
	if (dev_ethtool_rss_uses(q->dev, c.combined_count + c.rx_count)) {
		NL_SET_ERR(q->ack, "requested channel counts are too low for existing indirection table settings");
		return -EINVAL;
	}
	err = q->ops->set_channels(q->cpu, q->dev, &c);
	return err ? err : 1;
}

static const struct nl_policy set_policy[] = {
	[ETHTOOL_A_CHANNELS_HEADER] = ETHNL_HEADER,
	[ETHTOOL_A_CHANNELS_RX_COUNT] = { .type = NLP_U32 },
	[ETHTOOL_A_CHANNELS_TX_COUNT] = { .type = NLP_U32 },
	[ETHTOOL_A_CHANNELS_OTHER_COUNT] = { .type = NLP_U32 },
	[ETHTOOL_A_CHANNELS_COMBINED_COUNT] = { .type = NLP_U32 },
};

const struct ethnl_noun ethnl_channels = {
	.get = ETHNL_GET(ETHTOOL_MSG_CHANNELS_GET),
	.set = ETHNL_SET(ETHTOOL_MSG_CHANNELS_SET, set_policy),
	.reply = ETHTOOL_MSG_CHANNELS_GET_REPLY,
	.ntf = ETHTOOL_MSG_CHANNELS_NTF,
	.fill = fill,
	.change = change,
};
