/* COALESCE: how long a device may wait before it interrupts, or how many frames. The attributes stand in the order of struct
 * ethtool_coalesce, which is read as their array; two more (CQE mode) and what came later no device here has.
 */
#include "control/ethtool/ethnl.h"

enum { FIRST = ETHTOOL_A_COALESCE_RX_USECS, LAST = ETHTOOL_A_COALESCE_RATE_SAMPLE_INTERVAL, A_TX_AGGR_MAX_BYTES = 26,
       A_TX_AGGR_MAX_FRAMES = 27, A_TX_AGGR_TIME_USECS = 28, A_RX_PROFILE = 29, A_TX_PROFILE = 30 };

union params {
	struct ethtool_coalesce c;
	u32 v[LAST]; /* v[0]: cmd; v[attribute - 1] */
};
_Static_assert(sizeof(struct ethtool_coalesce) == sizeof(u32) * LAST, "one field an attribute");

static bool is_switch(unsigned type)
{
	return type == ETHTOOL_A_COALESCE_USE_ADAPTIVE_RX || type == ETHTOOL_A_COALESCE_USE_ADAPTIVE_TX;
}

static int fill(struct ethnl_req *q, struct nl_buf *b)
{
	union params p = { .c = { .cmd = ETHTOOL_GCOALESCE } };

	if (!q->ops->get_coalesce)
		return -EOPNOTSUPP;
	q->ops->get_coalesce(q->dev, &p.c);
	for (unsigned type = FIRST; type <= LAST; type++) {
		if (!(q->ops->coalesce & BIT(type)))
			continue;
		if (is_switch(type))
			nl_put_u8(b, (u16)type, !!p.v[type - 1]);
		else
			nl_put_u32(b, (u16)type, p.v[type - 1]);
	}
	return 0;
}

static int change(struct ethnl_req *q)
{
	union params p = { .c = { .cmd = ETHTOOL_GCOALESCE } };
	bool changed = false;
	int err;

	if (!q->ops->get_coalesce || !q->ops->set_coalesce)
		return -EOPNOTSUPP;
	for (unsigned type = FIRST; type <= A_TX_PROFILE; type++)
		if (ethnl_attr(q, type) && !(q->ops->coalesce & BIT(type))) {
			NL_SET_ERR_ATTR(q->ack, ethnl_attr(q, type), "cannot modify an unsupported parameter");
			return -EINVAL;
		}
	q->ops->get_coalesce(q->dev, &p.c);
	for (unsigned type = FIRST; type <= LAST; type++) {
		if (is_switch(type))
			ethnl_update_bool(&p.v[type - 1], ethnl_attr(q, type), &changed);
		else
			ethnl_update_u32(&p.v[type - 1], ethnl_attr(q, type), &changed);
	}
	if (!changed)
		return 0;
	err = q->ops->set_coalesce(q->cpu, q->dev, &p.c);
	return err ? err : 1;
}

static const struct nl_policy moderation_policy[] = { [1] = { .type = NLP_U32 }, [2] = { .type = NLP_U32 }, [3] = { .type = NLP_U32 } };
static const struct nl_policy profile_policy[] = { [1] = { .type = NLP_NESTED, .len = 3, .nest = moderation_policy } };
static const struct nl_policy set_policy[] = {
	[ETHTOOL_A_COALESCE_HEADER] = ETHNL_HEADER,
	[FIRST ... ETHTOOL_A_COALESCE_STATS_BLOCK_USECS] = { .type = NLP_U32 },
	[ETHTOOL_A_COALESCE_USE_ADAPTIVE_RX] = { .type = NLP_U8 },
	[ETHTOOL_A_COALESCE_USE_ADAPTIVE_TX] = { .type = NLP_U8 },
	[ETHTOOL_A_COALESCE_PKT_RATE_LOW ... LAST] = { .type = NLP_U32 },
	[ETHTOOL_A_COALESCE_USE_CQE_MODE_TX] = { .type = NLP_U8, .max = 1 },
	[ETHTOOL_A_COALESCE_USE_CQE_MODE_RX] = { .type = NLP_U8, .max = 1 },
	[A_TX_AGGR_MAX_BYTES] = { .type = NLP_U32 },
	[A_TX_AGGR_MAX_FRAMES] = { .type = NLP_U32 },
	[A_TX_AGGR_TIME_USECS] = { .type = NLP_U32 },
	[A_RX_PROFILE] = { .type = NLP_NESTED, .len = 1, .nest = profile_policy },
	[A_TX_PROFILE] = { .type = NLP_NESTED, .len = 1, .nest = profile_policy },
};

const struct ethnl_noun ethnl_coalesce = {
	.get = ETHNL_GET(ETHTOOL_MSG_COALESCE_GET),
	.set = ETHNL_SET(ETHTOOL_MSG_COALESCE_SET, set_policy),
	.reply = ETHTOOL_MSG_COALESCE_GET_REPLY,
	.ntf = ETHTOOL_MSG_COALESCE_NTF,
	.fill = fill,
	.change = change,
};
