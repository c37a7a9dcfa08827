/* Nouns that no device here has: wake-on-LAN, private flags, plug-in modules, PHYs and what they do. They answer as Linux does for devices
 * without them: the request is checked, the device looked up, and then it is EOPNOTSUPP; with a sentence where Linux has one.
 */
#include "control/ethtool/ethnl.h"

enum { /* newer than some headers */
	MSG_PSE_GET = 36, MSG_PSE_SET, MSG_PLCA_GET_CFG = 39, MSG_PLCA_SET_CFG, MSG_PLCA_GET_STATUS, MSG_MM_GET, MSG_MM_SET, MSG_MODULE_FW_FLASH_ACT,
	MSG_PHY_GET, MSG_TSCONFIG_GET, MSG_TSCONFIG_SET, MSG_RSS_CREATE_ACT = 49, MSG_RSS_DELETE_ACT,
};

static int get_none(struct ethnl_req *q, struct nl_buf *b)
{
	return -EOPNOTSUPP;
}

static int get_header(struct ethnl_req *q, struct nl_buf *b) /* a device without these things has nothing to tell */
{
	return 0;
}

static int set_none(struct ethnl_req *q)
{
	return -EOPNOTSUPP;
}

const struct ethnl_noun ethnl_wol = {
	.get = { .cmd = ETHTOOL_MSG_WOL_GET, .flags = ETHNL_GET_FLAGS | GENL_UNS_ADMIN_PERM, .policy = ethnl_plain_policy, .max_attr = 1, .msg = ethnl_get },
	.set = ETHNL_SET(ETHTOOL_MSG_WOL_SET, ((const struct nl_policy[]){ [1] = ETHNL_HEADER, [2] = ETHNL_BITSET, [3] = { .type = NLP_BINARY, .len = 6 } })),
	.fill = get_none,
	.change = set_none,
};

static int set_privflags(struct ethnl_req *q)
{
	return ethnl_attr(q, ETHTOOL_A_PRIVFLAGS_FLAGS) ? -EOPNOTSUPP : -EINVAL;
}

const struct ethnl_noun ethnl_privflags = {
	.get = ETHNL_GET(ETHTOOL_MSG_PRIVFLAGS_GET),
	.set = ETHNL_SET(ETHTOOL_MSG_PRIVFLAGS_SET, ((const struct nl_policy[]){ [1] = ETHNL_HEADER, [2] = ETHNL_BITSET })),
	.fill = get_none,
	.change = set_privflags,
};

const struct ethnl_noun ethnl_eee = {
	.get = ETHNL_GET(ETHTOOL_MSG_EEE_GET),
	.set = ETHNL_SET(ETHTOOL_MSG_EEE_SET,
			 ((const struct nl_policy[]){ [1] = ETHNL_HEADER, [2] = ETHNL_BITSET, [5] = { .type = NLP_U8 }, [6] = { .type = NLP_U8 },
						      [7] = { .type = NLP_U32 } })),
	.fill = get_none,
	.change = set_none,
};

const struct ethnl_noun ethnl_cable_test = {
	.set = ETHNL_SET(ETHTOOL_MSG_CABLE_TEST_ACT, ((const struct nl_policy[]){ [1] = ETHNL_PHY_HEADER })),
	.says_header = true,
	.change = set_none,
};

const struct ethnl_noun ethnl_cable_test_tdr = {
	.set = ETHNL_SET(ETHTOOL_MSG_CABLE_TEST_TDR_ACT, ((const struct nl_policy[]){ [1] = ETHNL_PHY_HEADER, [2] = { .type = NLP_NESTED } })),
	.says_header = true,
	.change = set_none,
};

static int get_tunnel_info(struct ethnl_req *q, struct nl_buf *b)
{
	if (q->rq) /* a dump says nothing */
		NL_SET_ERR(q->ack, "device does not report tunnel offload info");
	return -EOPNOTSUPP;
}

const struct ethnl_noun ethnl_tunnel_info = { .get = ETHNL_GET(ETHTOOL_MSG_TUNNEL_INFO_GET), .says_header = true, .fill = get_tunnel_info };

static const struct nl_policy stats_policy[] = { [1] = ETHNL_STATS_HEADER };

const struct ethnl_noun ethnl_fec = {
	.get = { .cmd = ETHTOOL_MSG_FEC_GET, .flags = ETHNL_GET_FLAGS, ETHNL_POLICY(stats_policy), .msg = ethnl_get },
	.set = ETHNL_SET(ETHTOOL_MSG_FEC_SET, ((const struct nl_policy[]){ [1] = ETHNL_HEADER, [2] = ETHNL_BITSET, [3] = { .type = NLP_U8, .max = 1 } })),
	.fill = get_none,
	.change = set_none,
};

static const struct nl_policy eeprom_policy[] = {
	[ETHTOOL_A_MODULE_EEPROM_HEADER] = ETHNL_HEADER,
	[ETHTOOL_A_MODULE_EEPROM_OFFSET] = { .type = NLP_U32, .max = 255 },
	[ETHTOOL_A_MODULE_EEPROM_LENGTH] = { .type = NLP_U32, .min = 1, .max = 128 },
	[ETHTOOL_A_MODULE_EEPROM_PAGE] = { .type = NLP_U8 },
	[ETHTOOL_A_MODULE_EEPROM_BANK] = { .type = NLP_U8 },
	[ETHTOOL_A_MODULE_EEPROM_I2C_ADDRESS] = { .type = NLP_U8, .max = 127 },
};

static int check_eeprom(struct ethnl_req *q)
{
	return ethnl_attr(q, ETHTOOL_A_MODULE_EEPROM_OFFSET) && ethnl_attr(q, ETHTOOL_A_MODULE_EEPROM_LENGTH) &&
		ethnl_attr(q, ETHTOOL_A_MODULE_EEPROM_PAGE) && ethnl_attr(q, ETHTOOL_A_MODULE_EEPROM_I2C_ADDRESS) ? 0 : -EINVAL;
}

const struct ethnl_noun ethnl_module_eeprom = {
	.get = { .cmd = ETHTOOL_MSG_MODULE_EEPROM_GET, .flags = ETHNL_GET_FLAGS | GENL_UNS_ADMIN_PERM, ETHNL_POLICY(eeprom_policy), .msg = ethnl_get },
	.check = check_eeprom,
	.fill = get_none,
};

const struct ethnl_noun ethnl_phc_vclocks = {
	.get = ETHNL_GET(ETHTOOL_MSG_PHC_VCLOCKS_GET),
	.reply = ETHTOOL_MSG_PHC_VCLOCKS_GET_REPLY,
	.fill = get_header,
};

static int set_module(struct ethnl_req *q)
{
	const struct nlattr *a = ethnl_attr(q, ETHTOOL_A_MODULE_POWER_MODE_POLICY);

	if (!a)
		return 0;
	NL_SET_ERR_ATTR(q->ack, a, "Setting power mode policy is not supported by this device");
	return -EOPNOTSUPP;
}

const struct ethnl_noun ethnl_module = {
	.get = ETHNL_GET(ETHTOOL_MSG_MODULE_GET),
	.set = ETHNL_SET(ETHTOOL_MSG_MODULE_SET, ((const struct nl_policy[]){ [1] = ETHNL_HEADER, [2] = { .type = NLP_U8, .min = 1, .max = 2 } })),
	.reply = ETHTOOL_MSG_MODULE_GET_REPLY,
	.fill = get_header,
	.change = set_module,
};

static int get_pse(struct ethnl_req *q, struct nl_buf *b)
{
	if (q->rq)
		NL_SET_ERR(q->ack, "No PHY found");
	return -EOPNOTSUPP;
}

static int set_pse(struct ethnl_req *q)
{
	NL_SET_ERR(q->ack, "No PHY is attached");
	return -EOPNOTSUPP;
}

static const struct nl_policy phy_policy[] = { [1] = ETHNL_PHY_HEADER };

const struct ethnl_noun ethnl_pse = {
	.get = { .cmd = MSG_PSE_GET, .flags = ETHNL_GET_FLAGS, ETHNL_POLICY(phy_policy), .msg = ethnl_get },
	.set = ETHNL_SET(MSG_PSE_SET,
			 ((const struct nl_policy[]){ [1] = ETHNL_PHY_HEADER, [3] = { .type = NLP_U32, .min = 2, .max = 3 },
						      [6] = { .type = NLP_U32, .min = 2, .max = 3 }, [12] = { .type = NLP_U32 }, [16] = { .type = NLP_U32 } })),
	.fill = get_pse,
	.change = set_pse,
};

static const struct nl_policy plca_policy[] = {
	[1] = ETHNL_PHY_HEADER,
	[3] = { .type = NLP_U8, .max = 1 },
	[5] = { .type = NLP_U32, .min = 1, .max = 255 },
	[6 ... 9] = { .type = NLP_U32, .max = 255 },
};

const struct ethnl_noun ethnl_plca = {
	.get = { .cmd = MSG_PLCA_GET_CFG, .flags = ETHNL_GET_FLAGS, ETHNL_POLICY(phy_policy), .msg = ethnl_get },
	.set = ETHNL_SET(MSG_PLCA_SET_CFG, plca_policy),
	.fill = get_none,
	.change = set_none,
};

const struct ethnl_noun ethnl_plca_status = {
	.get = { .cmd = MSG_PLCA_GET_STATUS, .flags = ETHNL_GET_FLAGS, ETHNL_POLICY(phy_policy), .msg = ethnl_get },
	.fill = get_none,
};

static const struct nl_policy mm_policy[] = {
	[1] = ETHNL_HEADER,
	[2] = { .type = NLP_U8, .max = 1 },
	[3] = { .type = NLP_U8, .max = 1 },
	[5] = { .type = NLP_U32, .min = 60, .max = 252 },
	[7] = { .type = NLP_U8, .max = 1 },
	[9] = { .type = NLP_U32, .min = 1, .max = 128 },
};

const struct ethnl_noun ethnl_mm = {
	.get = { .cmd = MSG_MM_GET, .flags = ETHNL_GET_FLAGS, ETHNL_POLICY(stats_policy), .msg = ethnl_get },
	.set = ETHNL_SET(MSG_MM_SET, mm_policy),
	.fill = get_none,
	.change = set_none,
};

static int flash_module(struct ethnl_req *q)
{
	NL_SET_ERR(q->ack, "Flashing module firmware is not supported by this device");
	return -EOPNOTSUPP;
}

const struct ethnl_noun ethnl_module_flash = {
	.set = ETHNL_SET(MSG_MODULE_FW_FLASH_ACT,
			 ((const struct nl_policy[]){ [1] = ETHNL_HEADER, [2] = { .type = NLP_NUL_STRING }, [3] = { .type = NLP_U32 } })),
	.says_header = true,
	.change = flash_module,
};

const struct ethnl_noun ethnl_phy = { .get = ETHNL_GET(MSG_PHY_GET), .fill = get_none };

static const struct nl_policy provider_policy[] = { [1] = { .type = NLP_U32 }, [2] = { .type = NLP_U32, .max = 1 } };
static const struct nl_policy tsconfig_policy[] = {
	[1] = ETHNL_HEADER,
	[2] = { .type = NLP_NESTED, .len = 2, .nest = provider_policy },
	[3 ... 5] = { .type = NLP_NESTED },
};

const struct ethnl_noun ethnl_tsconfig = {
	.get = ETHNL_GET(MSG_TSCONFIG_GET),
	.set = ETHNL_SET(MSG_TSCONFIG_SET, tsconfig_policy),
	.fill = get_none,
	.change = set_none,
};

static const struct nl_policy context_policy[] = {
	[1] = ETHNL_HEADER,
	[2] = { .type = NLP_U32, .min = 1, .max = ~0u },
	[3] = { .type = NLP_U32, .min = 1, .max = ~0u },
	[4 ... 5] = { .type = NLP_BINARY },
	[6] = { .type = NLP_U32, .max = 2 },
};

const struct ethnl_noun ethnl_rss_create = { .set = ETHNL_SET(MSG_RSS_CREATE_ACT, context_policy), .says_header = true, .change = set_none };

const struct ethnl_noun ethnl_rss_delete = {
	.set = ETHNL_SET(MSG_RSS_DELETE_ACT, ((const struct nl_policy[]){ [1] = ETHNL_HEADER, [2] = { .type = NLP_U32, .min = 1, .max = ~0u } })),
	.needs = 2,
	.says_needs = true,
	.change = set_none,
};
