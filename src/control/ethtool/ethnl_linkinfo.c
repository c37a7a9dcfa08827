/* LINKINFO: which connector, which PHY. */
#include "control/ethtool/ethnl.h"

static int fill(struct ethnl_req *q, struct nl_buf *b)
{
	struct dev_link_settings s;
	int err = dev_link_settings(q->dev, &s);

	if (err) {
		NL_SET_ERR(q->ack, "failed to retrieve link settings");
		return err;
	}
	nl_put_u8(b, ETHTOOL_A_LINKINFO_PORT, s.port);
	nl_put_u8(b, ETHTOOL_A_LINKINFO_PHYADDR, s.phy_address);
	nl_put_u8(b, ETHTOOL_A_LINKINFO_TP_MDIX, ETH_TP_MDI_INVALID);
	nl_put_u8(b, ETHTOOL_A_LINKINFO_TP_MDIX_CTRL, s.mdix_ctrl);
	nl_put_u8(b, ETHTOOL_A_LINKINFO_TRANSCEIVER, XCVR_INTERNAL);
	return 0;
}

static int change(struct ethnl_req *q)
{
	struct dev_link_settings s;
	bool changed = false;
	int err = q->ops->set_link ? dev_link_settings(q->dev, &s) : -EOPNOTSUPP;

	if (err)
		return err;
	ethnl_update_u8(&s.port, ethnl_attr(q, ETHTOOL_A_LINKINFO_PORT), &changed);
	ethnl_update_u8(&s.phy_address, ethnl_attr(q, ETHTOOL_A_LINKINFO_PHYADDR), &changed);
	ethnl_update_u8(&s.mdix_ctrl, ethnl_attr(q, ETHTOOL_A_LINKINFO_TP_MDIX_CTRL), &changed);
	if (changed)
		q->ops->set_link(q->dev, &s);
	return changed;
}

static const struct nl_policy set_policy[] = {
	[ETHTOOL_A_LINKINFO_HEADER] = ETHNL_HEADER,
	[ETHTOOL_A_LINKINFO_PORT] = { .type = NLP_U8 },
	[ETHTOOL_A_LINKINFO_PHYADDR] = { .type = NLP_U8 },
	[ETHTOOL_A_LINKINFO_TP_MDIX_CTRL] = { .type = NLP_U8 },
};

const struct ethnl_noun ethnl_linkinfo = {
	.get = ETHNL_GET(ETHTOOL_MSG_LINKINFO_GET),
	.set = ETHNL_SET(ETHTOOL_MSG_LINKINFO_SET, set_policy),
	.reply = ETHTOOL_MSG_LINKINFO_GET_REPLY,
	.ntf = ETHTOOL_MSG_LINKINFO_NTF,
	.fill = fill,
	.change = change,
};
