/* STRSET: names by number, of a device's own things (counters) and of what is the same everywhere (features, link modes, …).
 * Without a list of sets: all of the device's own; without a device, all others.
 */
#include "control/ethtool/ethnl.h"

static const struct nl_policy policy[] = {
	[ETHTOOL_A_STRSET_HEADER] = ETHNL_PHY_HEADER,
	[ETHTOOL_A_STRSET_STRINGSETS] = { .type = NLP_NESTED },
	[ETHTOOL_A_STRSET_COUNTS_ONLY] = { .type = NLP_FLAG },
};
static const struct nl_policy set_policy[] = { [ETHTOOL_A_STRINGSET_ID] = { .type = NLP_U32 } };

enum { ASKED, COUNTS_ONLY }; /* arg[]: a bit for each set, 0: all; whether names are left out */

static bool per_device(unsigned set)
{
	return set == ETH_SS_TEST || set == ETH_SS_STATS || set == ETH_SS_PRIV_FLAGS || set == ETH_SS_PHY_STATS;
}

static int check(struct ethnl_req *q)
{
	const struct nlattr *list = ethnl_attr(q, ETHTOOL_A_STRSET_STRINGSETS), *one;

	if (!list)
		return 0;
	q->arg[COUNTS_ONLY] = ethnl_attr(q, ETHTOOL_A_STRSET_COUNTS_ONLY) != NULL;
	nl_for_each_nested(one, list) {
		struct nl_attrs a;
		u32 id;
		int err;

		if (nl_type(one) != ETHTOOL_A_STRINGSETS_STRINGSET) {
			NL_SET_ERR_ATTR(q->ack, one, "Unknown attribute type");
			return -EINVAL;
		}
		err = nl_check_all(nl_data(one), nl_len(one), ETHTOOL_A_STRINGSET_ID, set_policy, q->ack);
		err = err ? err : nl_parse_nested(one, &a, ETHTOOL_A_STRINGSET_ID, set_policy, false, q->ack);
		if (err)
			return err;
		if (!a.a[ETHTOOL_A_STRINGSET_ID]) {
			if (q->ack) {
				q->ack->miss_type = ETHTOOL_A_STRINGSET_ID;
				q->ack->miss_nest = one;
			}
			return -EINVAL;
		}
		id = nl_u32(a.a[ETHTOOL_A_STRINGSET_ID]);
		if (id >= ETHNL_SETS) {
			NL_SET_ERR_ATTR(q->ack, one, "unknown string set id");
			return -EOPNOTSUPP;
		}
		q->arg[ASKED] |= BIT64(id);
	}
	return 0;
}

static void put_string(struct nl_buf *b, u32 i, const char *name)
{
	size_t nest = nl_nest(b, ETHTOOL_A_STRINGS_STRING | NLA_F_NESTED);

	nl_put_u32(b, ETHTOOL_A_STRING_INDEX, i);
	nl_put_str(b, ETHTOOL_A_STRING_VALUE, name);
	nl_nest_end(b, nest);
}

static void put_set(const struct ethnl_req *q, struct nl_buf *b, unsigned set, unsigned n)
{
	size_t nest = nl_nest(b, ETHTOOL_A_STRINGSETS_STRINGSET | NLA_F_NESTED), list;
	char name[ETH_GSTRING_LEN];
	u64 v;

	nl_put_u32(b, ETHTOOL_A_STRINGSET_ID, set);
	nl_put_u32(b, ETHTOOL_A_STRINGSET_COUNT, n);
	if (!q->arg[COUNTS_ONLY]) {
		list = nl_nest(b, ETHTOOL_A_STRINGSET_STRINGS | NLA_F_NESTED);
		for (unsigned i = 0; i < n; i++) {
			if (!per_device(set))
				put_string(b, i, ethnl_string(set, i));
			else if (q->ops->stat(q->dev, i, name, &v))
				put_string(b, i, name);
		}
		nl_nest_end(b, list);
	}
	nl_nest_end(b, nest);
}

static int fill(struct ethnl_req *q, struct nl_buf *b)
{
	u64 asked = q->arg[ASKED];
	size_t nest;

	if (asked & BIT64(ETH_SS_NTUPLE_FILTERS))
		return -EOPNOTSUPP;
	for (unsigned set = 0; !q->dev && set < ETHNL_SETS; set++)
		if (asked & BIT64(set) && per_device(set)) {
			NL_SET_ERR(q->ack, "requested per device strings without dev");
			return -EINVAL;
		}
	nest = nl_nest(b, ETHTOOL_A_STRSET_STRINGSETS | NLA_F_NESTED);
	for (unsigned set = 0; set < ETHNL_SETS; set++) {
		unsigned n = 0;

		if (asked ? !(asked & BIT64(set)) : per_device(set) != (q->dev != NULL))
			continue;
		if (!per_device(set))
			n = ethnl_string_count(set);
		else if (set == ETH_SS_STATS)
			n = dev_ethtool_stats(q->dev);
		if (n)
			put_set(q, b, set, n);
	}
	nl_nest_end(b, nest);
	return 0;
}

const struct ethnl_noun ethnl_strset = {
	.get = { .cmd = ETHTOOL_MSG_STRSET_GET, .flags = ETHNL_GET_FLAGS, ETHNL_POLICY(policy), .msg = ethnl_get },
	.reply = ETHTOOL_MSG_STRSET_GET_REPLY,
	.no_dev = true,
	.check = check,
	.fill = fill,
};
