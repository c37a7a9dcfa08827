/* LINKSTATE: whether there is a link, for devices that tell. */
#include "control/ethtool/ethnl.h"

static const struct nl_policy policy[] = { [ETHTOOL_A_LINKSTATE_HEADER] = ETHNL_STATS_HEADER };

static int fill(struct ethnl_req *q, struct nl_buf *b)
{
	if (q->ops->tells_link)
		nl_put_u8(b, ETHTOOL_A_LINKSTATE_LINK, dev_ethtool_link(q->dev));
	return 0;
}

const struct ethnl_noun ethnl_linkstate = {
	.get = { .cmd = ETHTOOL_MSG_LINKSTATE_GET, .flags = ETHNL_GET_FLAGS, ETHNL_POLICY(policy), .msg = ethnl_get },
	.reply = ETHTOOL_MSG_LINKSTATE_GET_REPLY,
	.fill = fill,
};
