/* LINKMODES: speed, duplex, autonegotiation. No device here has link modes to negotiate: their bitset is empty. */
#include "control/ethtool/ethnl.h"

enum { A_LANES = 9, A_RATE_MATCHING = 10 }; /* newer than some headers */

static int fill(struct ethnl_req *q, struct nl_buf *b)
{
	static const u32 none[ETHNL_BITS_MAX / 32];
	struct dev_link_settings s;
	int err = dev_link_settings(q->dev, &s);

	if (err) {
		NL_SET_ERR(q->ack, "failed to retrieve link settings");
		return err;
	}
	nl_put_u8(b, ETHTOOL_A_LINKMODES_AUTONEG, s.autoneg);
	ethnl_put_bitset(q, b, ETHTOOL_A_LINKMODES_OURS, none, none, ethnl_string_count(ETH_SS_LINK_MODES), ETH_SS_LINK_MODES);
	nl_put_u32(b, ETHTOOL_A_LINKMODES_SPEED, s.speed);
	nl_put_u8(b, ETHTOOL_A_LINKMODES_DUPLEX, s.duplex);
	nl_put_u8(b, A_RATE_MATCHING, 0);
	return 0;
}

static int change(struct ethnl_req *q)
{
	const struct nlattr *role = ethnl_attr(q, ETHTOOL_A_LINKMODES_MASTER_SLAVE_CFG), *ours = ethnl_attr(q, ETHTOOL_A_LINKMODES_OURS),
			    *lanes = ethnl_attr(q, A_LANES);
	u32 val[ETHNL_BITS_MAX / 32], mask[ETHNL_BITS_MAX / 32];
	struct dev_link_settings s;
	bool changed = false;
	int err;

	if (role && (nl_u8(role) < MASTER_SLAVE_CFG_MASTER_PREFERRED || nl_u8(role) > MASTER_SLAVE_CFG_SLAVE_FORCE)) {
		NL_SET_ERR_ATTR(q->ack, role, "master/slave value is invalid");
		return -EOPNOTSUPP;
	}
	err = q->ops->set_link ? dev_link_settings(q->dev, &s) : -EOPNOTSUPP;
	if (err)
		return err;
	if (role) {
		NL_SET_ERR_ATTR(q->ack, role, "master/slave configuration not supported by device");
		return -EOPNOTSUPP;
	}
	ethnl_update_u8(&s.autoneg, ethnl_attr(q, ETHTOOL_A_LINKMODES_AUTONEG), &changed);
	if (lanes && !s.autoneg) { /* when it negotiates they only choose among link modes */
		NL_SET_ERR_ATTR(q->ack, lanes, "lanes configuration not supported by device");
		return -EOPNOTSUPP;
	}
	/* What is advertised is cut down to what the device supports: nothing. */
	err = ours ? ethnl_get_bitset(q, ours, val, mask, ethnl_string_count(ETH_SS_LINK_MODES), ETH_SS_LINK_MODES) : 0;
	if (err)
		return err;
	ethnl_update_u32(&s.speed, ethnl_attr(q, ETHTOOL_A_LINKMODES_SPEED), &changed);
	ethnl_update_u8(&s.duplex, ethnl_attr(q, ETHTOOL_A_LINKMODES_DUPLEX), &changed);
	if (changed)
		q->ops->set_link(q->dev, &s);
	return changed;
}

static const struct nl_policy set_policy[] = {
	[ETHTOOL_A_LINKMODES_HEADER] = ETHNL_HEADER,
	[ETHTOOL_A_LINKMODES_AUTONEG] = { .type = NLP_U8 },
	[ETHTOOL_A_LINKMODES_OURS] = ETHNL_BITSET,
	[ETHTOOL_A_LINKMODES_SPEED] = { .type = NLP_U32 },
	[ETHTOOL_A_LINKMODES_DUPLEX] = { .type = NLP_U8 },
	[ETHTOOL_A_LINKMODES_MASTER_SLAVE_CFG] = { .type = NLP_U8 },
	[A_LANES] = { .type = NLP_U32, .min = 1, .max = 8 },
};

const struct ethnl_noun ethnl_linkmodes = {
	.get = ETHNL_GET(ETHTOOL_MSG_LINKMODES_GET),
	.set = ETHNL_SET(ETHTOOL_MSG_LINKMODES_SET, set_policy),
	.reply = ETHTOOL_MSG_LINKMODES_GET_REPLY,
	.ntf = ETHTOOL_MSG_LINKMODES_NTF,
	.fill = fill,
	.change = change,
};
