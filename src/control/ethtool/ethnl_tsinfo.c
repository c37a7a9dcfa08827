/* TSINFO: who stamps packets with the time: software, on the way in always, on the way out where the device asks for it; no hardware. */
#include "control/ethtool/ethnl.h"

enum { A_PROVIDER = 7 }; /* ETHTOOL_A_TSINFO_HWTSTAMP_PROVIDER, newer than some headers */

/* Whose stamps are asked about: an index and a qualifier. */
static int check(struct ethnl_req *q)
{
	const struct nlattr *provider = ethnl_attr(q, A_PROVIDER);
	struct nl_attrs of;
	int err;

	if (!provider)
		return 0;
	err = nl_parse_nested(provider, &of, 2, NULL, false, q->ack);
	for (u16 type = 1; !err && type <= 2; type++)
		if (!of.a[type]) {
			if (q->ack) {
				q->ack->miss_type = type;
				q->ack->miss_nest = provider;
			}
			err = -EINVAL;
		}
	return err;
}

static int fill(struct ethnl_req *q, struct nl_buf *b)
{
	u32 map[ETHNL_BITS_MAX / 32] = { dev_ethtool_stamps(q->dev) };

	if (ethnl_attr(q, A_PROVIDER)) /* there are no clocks of hardware */
		return -ENODEV;
	ethnl_put_bitset(q, b, ETHTOOL_A_TSINFO_TIMESTAMPING, map, NULL, ethnl_string_count(ETH_SS_SOF_TIMESTAMPING), ETH_SS_SOF_TIMESTAMPING);
	return 0;
}

static const struct nl_policy provider_policy[] = { [1] = { .type = NLP_U32 }, [2] = { .type = NLP_U32, .max = 1 } };
static const struct nl_policy policy[] = {
	[ETHTOOL_A_TSINFO_HEADER] = ETHNL_STATS_HEADER,
	[A_PROVIDER] = { .type = NLP_NESTED, .len = 2, .nest = provider_policy },
};

const struct ethnl_noun ethnl_tsinfo = {
	.get = { .cmd = ETHTOOL_MSG_TSINFO_GET, .flags = ETHNL_GET_FLAGS, ETHNL_POLICY(policy), .msg = ethnl_get },
	.reply = ETHTOOL_MSG_TSINFO_GET_REPLY,
	.check = check,
	.fill = fill,
};
