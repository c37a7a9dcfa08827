/* SIOCETHTOOL: features, by name and by the old commands that switch one thing each. */
#include "link/ethtool_ioctl.h"

#define BLOCKS (NETDEV_FEATURES / 32)

static int get_features(const struct ethtool_rq *q)
{
	const struct net_device *d = q->dev;
	struct ethtool_gfeatures g;
	struct ethtool_get_features_block b[BLOCKS];
	u32 size;
	int err = ethtool_from_user(q, &g, 0, sizeof(g));
	if (err)
		return err;
	size = MIN(g.size, (u32)BLOCKS);
	for (unsigned i = 0; i < BLOCKS; i++)
		b[i] = (struct ethtool_get_features_block){ .available = (u32)(d->hw_features >> 32 * i),
							    .requested = (u32)(d->wanted_features >> 32 * i),
							    .active = (u32)((d->features & ~(u64)NETIF_F_UNNAMED) >> 32 * i),
							    .never_changed = (u32)((u64)NETIF_F_VLAN_CHALLENGED >> 32 * i) };
	g.size = BLOCKS;
	err = ethtool_to_user(q, 0, &g, sizeof(g));
	return err ? err : ethtool_to_user(q, sizeof(g), b, size * sizeof(*b));
}

/* What of `valid` may be switched is. The answer says whether that was all (UNSUPPORTED) and whether it took (WISH). */
static int change_features(const struct ethtool_rq *q, u64 valid, u64 wanted)
{
	struct net_device *d = q->dev;
	int ret = 0;
	if (valid & ~d->hw_features) {
		valid &= d->hw_features;
		ret |= ETHTOOL_F_UNSUPPORTED;
	}
	dev_set_features(q->cpu, d, (d->wanted_features & ~valid) | (wanted & valid));
	if ((d->wanted_features ^ d->features) & valid)
		ret |= ETHTOOL_F_WISH;
	return ret;
}

static int set_features(const struct ethtool_rq *q)
{
	struct ethtool_sfeatures s;
	struct ethtool_set_features_block b[BLOCKS];
	u64 valid = 0, wanted = 0;
	int err = ethtool_from_user(q, &s, 0, sizeof(s));
	if (err)
		return err;
	if (s.size != BLOCKS)
		return -EINVAL;
	err = ethtool_from_user(q, b, sizeof(s), sizeof(b));
	if (err)
		return err;
	for (unsigned i = 0; i < BLOCKS; i++) {
		valid |= (u64)b[i].valid << 32 * i;
		wanted |= (u64)b[i].requested << 32 * i;
	}
	for (unsigned i = 0; i < NETDEV_FEATURES; i++)
		if (valid & BIT64(i) && !netdev_feature_name(i))
			return -EINVAL;
	return change_features(q, valid, wanted);
}

/* The old commands switch one thing each. */
static u64 legacy_mask(u32 cmd)
{
	switch (cmd) {
	case ETHTOOL_GRXCSUM: case ETHTOOL_SRXCSUM: return NETIF_F_RXCSUM;
	case ETHTOOL_GTXCSUM: case ETHTOOL_STXCSUM: return NETIF_F_CSUM_MASK | NETIF_F_SCTP_CRC;
	case ETHTOOL_GSG: case ETHTOOL_SSG: return NETIF_F_SG | NETIF_F_FRAGLIST;
	case ETHTOOL_GTSO: case ETHTOOL_STSO: return NETIF_F_ALL_TSO;
	case ETHTOOL_GGSO: case ETHTOOL_SGSO: return NETIF_F_GSO;
	case ETHTOOL_GGRO: case ETHTOOL_SGRO: return NETIF_F_GRO;
	default: return 0;
	}
}

static int get_legacy(const struct ethtool_rq *q)
{
	struct ethtool_value v = { .cmd = q->cmd, .data = !!(q->dev->features & legacy_mask(q->cmd)) };
	return ethtool_to_user(q, 0, &v, sizeof(v));
}

static int set_legacy(const struct ethtool_rq *q)
{
	u64 mask = legacy_mask(q->cmd) & q->dev->hw_features;
	struct ethtool_value v;
	int err = ethtool_from_user(q, &v, 0, sizeof(v));
	if (err)
		return err;
	if (!mask)
		return -EOPNOTSUPP;
	change_features(q, mask, v.data ? mask : 0);
	return 0;
}

static int get_flags(const struct ethtool_rq *q)
{
	u64 f = q->dev->features;
	struct ethtool_value v = { .cmd = q->cmd };
	v.data = (f & NETIF_F_LRO ? ETH_FLAG_LRO : 0) | (f & NETIF_F_HW_VLAN_RX ? ETH_FLAG_RXVLAN : 0) |
		 (f & NETIF_F_HW_VLAN_TX ? ETH_FLAG_TXVLAN : 0) | (f & NETIF_F_NTUPLE ? ETH_FLAG_NTUPLE : 0) |
		 (f & NETIF_F_RXHASH ? ETH_FLAG_RXHASH : 0);
	return ethtool_to_user(q, 0, &v, sizeof(v));
}

static int set_flags(const struct ethtool_rq *q)
{
	static const struct { u32 flag; u64 feature; } flags[] = {
		{ ETH_FLAG_LRO, NETIF_F_LRO }, { ETH_FLAG_RXVLAN, NETIF_F_HW_VLAN_RX }, { ETH_FLAG_TXVLAN, NETIF_F_HW_VLAN_TX },
		{ ETH_FLAG_NTUPLE, NETIF_F_NTUPLE }, { ETH_FLAG_RXHASH, NETIF_F_RXHASH },
	};
	u64 all = 0, wanted = 0, changed;
	struct ethtool_value v;
	int err = ethtool_from_user(q, &v, 0, sizeof(v));
	if (err)
		return err;
	for (unsigned i = 0; i < ARRAY_SIZE(flags); i++) {
		all |= flags[i].feature;
		if (v.data & flags[i].flag)
			wanted |= flags[i].feature;
		v.data &= ~flags[i].flag;
	}
	if (v.data)
		return -EINVAL;
	changed = (q->dev->features ^ wanted) & all;
	if (changed & ~q->dev->hw_features)
		return changed & q->dev->hw_features ? -EINVAL : -EOPNOTSUPP;
	dev_set_features(q->cpu, q->dev, (q->dev->wanted_features & ~changed) | (wanted & changed));
	return 0;
}

const struct ethtool_cmd_row ethtool_cmds_features[] = {
	{ ETHTOOL_GFEATURES, false, get_features }, { ETHTOOL_SFEATURES, true, set_features },
	{ ETHTOOL_GRXCSUM, false, get_legacy },	    { ETHTOOL_SRXCSUM, true, set_legacy },
	{ ETHTOOL_GTXCSUM, false, get_legacy },	    { ETHTOOL_STXCSUM, true, set_legacy },
	{ ETHTOOL_GSG, false, get_legacy },	    { ETHTOOL_SSG, true, set_legacy },
	{ ETHTOOL_GTSO, false, get_legacy },	    { ETHTOOL_STSO, true, set_legacy },
	{ ETHTOOL_GGSO, false, get_legacy },	    { ETHTOOL_SGSO, true, set_legacy },
	{ ETHTOOL_GGRO, false, get_legacy },	    { ETHTOOL_SGRO, true, set_legacy },
	{ ETHTOOL_GFLAGS, false, get_flags },	    { ETHTOOL_SFLAGS, true, set_flags },
	{ 0 },
};
