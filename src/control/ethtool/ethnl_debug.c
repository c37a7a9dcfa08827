/* DEBUG: of what a driver is to write into the log. Kept by those that keep it on Linux, whose drivers say nothing either. */
#include "control/ethtool/ethnl.h"

enum { CLASSES = 15 };

static int fill(struct ethnl_req *q, struct nl_buf *b)
{
	u32 *level = q->ops->msglevel ? q->ops->msglevel(q->dev) : NULL;

	if (!level)
		return -EOPNOTSUPP;
	ethnl_put_bitset(q, b, ETHTOOL_A_DEBUG_MSGMASK, level, NULL, CLASSES, ETH_SS_MSG_CLASSES);
	return 0;
}

static int change(struct ethnl_req *q)
{
	u32 *level = q->ops->msglevel ? q->ops->msglevel(q->dev) : NULL, val[ETHNL_BITS_MAX / 32], mask[ETHNL_BITS_MAX / 32], old;
	const struct nlattr *a = ethnl_attr(q, ETHTOOL_A_DEBUG_MSGMASK);
	int err;

	if (!level)
		return -EOPNOTSUPP;
	err = a ? ethnl_get_bitset(q, a, val, mask, CLASSES, ETH_SS_MSG_CLASSES) : 0;
	if (err || !a)
		return err;
	old = *level;
	*level = (old & ~mask[0]) | val[0];
	return *level != old;
}

static const struct nl_policy set_policy[] = {
	[ETHTOOL_A_DEBUG_HEADER] = ETHNL_HEADER,
	[ETHTOOL_A_DEBUG_MSGMASK] = ETHNL_BITSET,
};

const struct ethnl_noun ethnl_debug = {
	.get = ETHNL_GET(ETHTOOL_MSG_DEBUG_GET),
	.set = ETHNL_SET(ETHTOOL_MSG_DEBUG_SET, set_policy),
	.reply = ETHTOOL_MSG_DEBUG_GET_REPLY,
	.ntf = ETHTOOL_MSG_DEBUG_NTF,
	.fill = fill,
	.change = change,
};
