/* FEATURES: what a device can switch (HW), is asked to do (WANTED), does (ACTIVE), and what nobody can change. A SET answers what it did:
 * of what was asked for, what did not come to be; and what changed, asked for or not.
 */
#include "control/ethtool/ethnl.h"

static void words(u32 *to, u64 f)
{
	to[0] = (u32)f;
	to[1] = (u32)(f >> 32);
}

static int fill(struct ethnl_req *q, struct nl_buf *b)
{
	static const u32 all[] = { ~0u, ~0u };
	u32 map[2];

	words(map, q->dev->hw_features & ~(u64)NETIF_F_UNNAMED);
	ethnl_put_bitset(q, b, ETHTOOL_A_FEATURES_HW, map, all, NETDEV_FEATURES, ETH_SS_FEATURES);
	words(map, q->dev->wanted_features & ~(u64)NETIF_F_UNNAMED);
	ethnl_put_bitset(q, b, ETHTOOL_A_FEATURES_WANTED, map, NULL, NETDEV_FEATURES, ETH_SS_FEATURES);
	words(map, q->dev->features & ~(u64)NETIF_F_UNNAMED);
	ethnl_put_bitset(q, b, ETHTOOL_A_FEATURES_ACTIVE, map, NULL, NETDEV_FEATURES, ETH_SS_FEATURES);
	words(map, NETIF_F_VLAN_CHALLENGED);
	ethnl_put_bitset(q, b, ETHTOOL_A_FEATURES_NOCHANGE, map, NULL, NETDEV_FEATURES, ETH_SS_FEATURES);
	return 0;
}

static void put_diff(const struct ethnl_req *q, struct nl_buf *b, u16 type, u64 val, u64 mask)
{
	u32 v[2], m[2];

	words(v, val & mask);
	words(m, mask);
	ethnl_put_bitset(q, b, type, v, m, NETDEV_FEATURES, ETH_SS_FEATURES);
}

static int change(struct ethnl_req *q)
{
	const struct nlattr *a = ethnl_attr(q, ETHTOOL_A_FEATURES_WANTED);
	struct net_device *dev = q->dev;
	u32 val[ETHNL_BITS_MAX / 32], mask[ETHNL_BITS_MAX / 32];
	u64 asked, how, before = dev->features;
	struct nl_buf b;
	int err;

	err = ethnl_get_bitset(q, a, val, mask, NETDEV_FEATURES, ETH_SS_FEATURES);
	if (err)
		return err;
	asked = mask[0] | (u64)mask[1] << 32;
	how = val[0] | (u64)val[1] << 32;
	if (asked & NETIF_F_VLAN_CHALLENGED) {
		NL_SET_ERR(q->ack, "attempt to change non-ethtool features");
		return -EINVAL;
	}
	dev_set_features(q->cpu, dev, (dev->wanted_features & ~asked) | how);
	if (q->flags & ETHTOOL_FLAG_OMIT_REPLY)
		return 0;
	if (ethnl_reply_begin(q, &b, ETHTOOL_MSG_FEATURES_SET_REPLY)) {
		put_diff(q, &b, ETHTOOL_A_FEATURES_WANTED, how, ((dev->features & ~(u64)NETIF_F_UNNAMED) ^ how) & asked);
		put_diff(q, &b, ETHTOOL_A_FEATURES_ACTIVE, dev->features, before ^ dev->features);
	}
	return ethnl_reply_send(q, &b);
}

static const struct nl_policy set_policy[] = {
	[ETHTOOL_A_FEATURES_HEADER] = ETHNL_HEADER,
	[ETHTOOL_A_FEATURES_WANTED] = ETHNL_BITSET,
};

const struct ethnl_noun ethnl_features = {
	.get = ETHNL_GET(ETHTOOL_MSG_FEATURES_GET),
	.set = ETHNL_SET(ETHTOOL_MSG_FEATURES_SET, set_policy),
	.reply = ETHTOOL_MSG_FEATURES_GET_REPLY,
	.ntf = ETHTOOL_MSG_FEATURES_NTF, /* sent when they change, not by the SET */
	.needs = ETHTOOL_A_FEATURES_WANTED,
	.fill = fill,
	.change = change,
};
