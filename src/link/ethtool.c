/* SIOCETHTOOL: what ethtool(8) asks of a device when there is no netlink family for it, and may change.
 *
 * Each command is a struct in the caller's memory that begins with its number; answers go back to the same place. Features, strings
 * and counters come in arrays whose length the caller learns first. Kinds answer through struct ethtool_ops; the rest is of every
 * device. Reading is free; changing needs CAP_NET_ADMIN.
 */
#include <stdio.h>

#include "base/mem.h"
#include "core/caller.h"
#include "link/ethtool.h"

struct rq { /* one request */
	struct cpu *cpu;
	struct net_device *dev;
	const struct ethtool_ops *ops; /* never NULL */
	u64 addr;
	u32 cmd;
};

static int from_user(const struct rq *q, void *to, size_t off, size_t len)
{
	struct call_ctx *c = q->cpu->caller;
	if (c)
		return c->ops->copy_from(c, to, q->addr + off, len);
	memcpy(to, (const u8 *)(uintptr_t)q->addr + off, len);
	return 0;
}

static int to_user(const struct rq *q, size_t off, const void *from, size_t len)
{
	struct call_ctx *c = q->cpu->caller;
	if (c)
		return c->ops->copy_to(c, q->addr + off, from, len);
	memcpy((u8 *)(uintptr_t)q->addr + off, from, len);
	return 0;
}

static int drvinfo(const struct rq *q)
{
	struct ethtool_drvinfo d = { .cmd = q->cmd };
	if (!q->ops->driver)
		return -EOPNOTSUPP;
	snprintf(d.driver, sizeof(d.driver), "%s", q->ops->driver);
	snprintf(d.version, sizeof(d.version), "%s", q->ops->version ? q->ops->version : "");
	snprintf(d.fw_version, sizeof(d.fw_version), "%s", q->ops->fw_version ? q->ops->fw_version : "");
	snprintf(d.bus_info, sizeof(d.bus_info), "%s", q->ops->bus_info ? q->ops->bus_info : "");
	for (u64 v; q->ops->stat && d.n_stats < 4096; d.n_stats++) {
		char name[ETH_GSTRING_LEN];
		if (!q->ops->stat(q->dev, d.n_stats, name, &v))
			break;
	}
	return to_user(q, 0, &d, sizeof(d));
}

static int set_count(const struct rq *q, u32 set)
{
	char name[ETH_GSTRING_LEN];
	u64 v;
	int n = 0;
	if (set == ETH_SS_FEATURES)
		return NETDEV_FEATURES;
	if (set != ETH_SS_STATS || !q->ops->stat)
		return -EOPNOTSUPP;
	while (n < 4096 && q->ops->stat(q->dev, (unsigned)n, name, &v))
		n++;
	return n;
}

/* A mask of sets in, the mask of those that exist and their lengths out. */
static int sset_info(const struct rq *q)
{
	struct ethtool_sset_info s;
	u32 len[64];
	u64 found = 0;
	unsigned n = 0;
	int err = from_user(q, &s, 0, sizeof(s));
	if (err)
		return err;
	for (unsigned i = 0; i < 64; i++) {
		int count = s.sset_mask & BIT64(i) ? set_count(q, i) : -1;
		if (count < 0)
			continue;
		found |= BIT64(i);
		len[n++] = (u32)count;
	}
	s.sset_mask = found;
	err = to_user(q, 0, &s, sizeof(s));
	return err ? err : to_user(q, sizeof(s), len, n * sizeof(*len));
}

static int strings(const struct rq *q)
{
	struct ethtool_gstrings s;
	int err = from_user(q, &s, 0, sizeof(s)), count;
	if (err)
		return err;
	count = set_count(q, s.string_set);
	if (count < 0)
		return count;
	s.len = (u32)count;
	err = to_user(q, 0, &s, sizeof(s));
	for (unsigned i = 0; !err && i < s.len; i++) {
		char name[ETH_GSTRING_LEN] = "";
		u64 v;
		if (s.string_set == ETH_SS_FEATURES)
			snprintf(name, sizeof(name), "%s", netdev_feature_name(i) ? netdev_feature_name(i) : "");
		else
			q->ops->stat(q->dev, i, name, &v);
		err = to_user(q, sizeof(s) + i * sizeof(name), name, sizeof(name));
	}
	return err;
}

static int stats(const struct rq *q)
{
	struct ethtool_stats s = { .cmd = q->cmd };
	char name[ETH_GSTRING_LEN];
	int err, count = set_count(q, ETH_SS_STATS);
	u64 v;
	if (count < 0)
		return count;
	s.n_stats = (u32)count;
	err = to_user(q, 0, &s, sizeof(s));
	for (unsigned i = 0; !err && i < s.n_stats; i++) {
		if (!q->ops->stat(q->dev, i, name, &v))
			v = 0;
		err = to_user(q, sizeof(s) + i * sizeof(v), &v, sizeof(v));
	}
	return err;
}

/* -- features -- */

#define BLOCKS (NETDEV_FEATURES / 32)

static int get_features(const struct rq *q)
{
	const struct net_device *d = q->dev;
	u64 never = NETIF_F_VLAN_CHALLENGED | NETIF_F_LLTX | NETIF_F_NETNS_LOCAL;
	struct ethtool_gfeatures g;
	struct ethtool_get_features_block b[BLOCKS];
	u32 size;
	int err = from_user(q, &g, 0, sizeof(g));
	if (err)
		return err;
	size = MIN(g.size, (u32)BLOCKS);
	for (unsigned i = 0; i < BLOCKS; i++)
		b[i] = (struct ethtool_get_features_block){ .available = (u32)(d->hw_features >> 32 * i),
							    .requested = (u32)(d->wanted_features >> 32 * i),
							    .active = (u32)(d->features >> 32 * i),
							    .never_changed = (u32)(never >> 32 * i) };
	g.size = BLOCKS;
	err = to_user(q, 0, &g, sizeof(g));
	return err ? err : to_user(q, sizeof(g), b, size * sizeof(*b));
}

/* What of `valid` may be switched is. The answer says whether that was all (UNSUPPORTED) and whether it took (WISH). */
static int change_features(const struct rq *q, u64 valid, u64 wanted)
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

static int set_features(const struct rq *q)
{
	struct ethtool_sfeatures s;
	struct ethtool_set_features_block b[BLOCKS];
	u64 valid = 0, wanted = 0;
	int err = from_user(q, &s, 0, sizeof(s));
	if (err)
		return err;
	if (s.size != BLOCKS)
		return -EINVAL;
	err = from_user(q, b, sizeof(s), sizeof(b));
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

static int get_legacy(const struct rq *q)
{
	struct ethtool_value v = { .cmd = q->cmd, .data = !!(q->dev->features & legacy_mask(q->cmd)) };
	return to_user(q, 0, &v, sizeof(v));
}

static int set_legacy(const struct rq *q)
{
	u64 mask = legacy_mask(q->cmd) & q->dev->hw_features;
	struct ethtool_value v;
	int err = from_user(q, &v, 0, sizeof(v));
	if (err)
		return err;
	if (!mask)
		return -EOPNOTSUPP;
	change_features(q, mask, v.data ? mask : 0);
	return 0;
}

static int get_flags(const struct rq *q)
{
	u64 f = q->dev->features;
	struct ethtool_value v = { .cmd = q->cmd };
	v.data = (f & NETIF_F_LRO ? ETH_FLAG_LRO : 0) | (f & NETIF_F_HW_VLAN_RX ? ETH_FLAG_RXVLAN : 0) |
		 (f & NETIF_F_HW_VLAN_TX ? ETH_FLAG_TXVLAN : 0) | (f & NETIF_F_NTUPLE ? ETH_FLAG_NTUPLE : 0) |
		 (f & NETIF_F_RXHASH ? ETH_FLAG_RXHASH : 0);
	return to_user(q, 0, &v, sizeof(v));
}

/* -- link -- */

static int get_link(const struct rq *q)
{
	struct ethtool_value v = { .cmd = q->cmd, .data = dev_running(q->dev) && q->dev->carrier };
	if (!q->ops->tells_link)
		return -EOPNOTSUPP;
	return to_user(q, 0, &v, sizeof(v));
}

/* Two rounds: the first tells how many words the masks have (none of ours says anything in them). */
static int link_settings(const struct rq *q)
{
	enum { WORDS = 4, FIXED = sizeof(struct ethtool_link_settings), WHOLE = FIXED + 3 * WORDS * sizeof(u32) };
	u32 raw[WHOLE / sizeof(u32)] = { 0 };
	struct ethtool_link_settings *l = (struct ethtool_link_settings *)raw;
	bool fits;
	int err = from_user(q, l, 0, FIXED);
	if (err)
		return err;
	if (!q->ops->speed)
		return -EOPNOTSUPP;
	fits = l->link_mode_masks_nwords == WORDS;
	memset(l, 0, FIXED);
	l->cmd = q->cmd;
	l->speed = q->ops->speed;
	l->duplex = DUPLEX_FULL;
	l->port = q->ops->port;
	l->link_mode_masks_nwords = fits ? WORDS : -WORDS;
	return to_user(q, 0, raw, fits ? WHOLE : FIXED);
}

static int perm_addr(const struct rq *q)
{
	struct ethtool_perm_addr a;
	int err = from_user(q, &a, 0, sizeof(a));
	if (err)
		return err;
	if (a.size < q->dev->addr_len)
		return -EINVAL;
	a.size = q->dev->addr_len;
	err = to_user(q, 0, &a, sizeof(a));
	return err ? err : to_user(q, sizeof(a), q->dev->perm_addr, a.size);
}

/* -- rings, channels, coalescing -- */

#define GET(name, type, fn)                                                                                            \
	static int name(const struct rq *q)                                                                            \
	{                                                                                                              \
		type v = { .cmd = q->cmd };                                                                            \
		if (!q->ops->fn)                                                                                       \
			return -EOPNOTSUPP;                                                                            \
		q->ops->fn(q->dev, &v);                                                                                \
		return to_user(q, 0, &v, sizeof(v));                                                                   \
	}
#define SET(name, type, fn)                                                                                            \
	static int name(const struct rq *q)                                                                            \
	{                                                                                                              \
		type v;                                                                                                \
		int err = q->ops->fn ? from_user(q, &v, 0, sizeof(v)) : -EOPNOTSUPP;                                   \
		return err ? err : q->ops->fn(q->cpu, q->dev, &v);                                                     \
	}
GET(get_ring, struct ethtool_ringparam, get_ringparam)
SET(set_ring, struct ethtool_ringparam, set_ringparam)
GET(get_channels, struct ethtool_channels, get_channels)
SET(set_channels, struct ethtool_channels, set_channels)
GET(get_coalesce, struct ethtool_coalesce, get_coalesce)
SET(set_coalesce, struct ethtool_coalesce, set_coalesce)

/* -- receive hash -- */

static int rx_rings(const struct rq *q)
{
	struct ethtool_rxnfc r = { .cmd = q->cmd, .data = q->dev->real_rx_queues };
	return q->ops->get_rss ? to_user(q, 0, &r, offsetof(struct ethtool_rxnfc, fs)) : -EOPNOTSUPP;
}

#define RSS_TOEPLITZ 1 /* the first of the kernel's "rss-hash-funcs" strings */

struct rss { u32 table[256]; u8 key[64]; };

static int get_rss(const struct rq *q)
{
	u32 tables = q->ops->rss_table, keys = q->ops->rss_key;
	struct ethtool_rxfh r;
	struct rss v;
	int err = q->ops->get_rss ? from_user(q, &r, 0, sizeof(r)) : -EOPNOTSUPP;
	if (err)
		return err;
	if ((r.indir_size && r.indir_size != tables) || (r.key_size && r.key_size != keys) || r.rss_context)
		return -EINVAL;
	q->ops->get_rss(q->dev, v.table, v.key);
	if (r.indir_size)
		err = to_user(q, sizeof(r), v.table, tables * sizeof(u32));
	if (!err && r.key_size)
		err = to_user(q, sizeof(r) + r.indir_size * sizeof(u32), v.key, keys);
	r.indir_size = tables;
	r.key_size = keys;
	r.hfunc = RSS_TOEPLITZ;
	return err ? err : to_user(q, 0, &r, sizeof(r));
}

static int set_rss(const struct rq *q)
{
	u32 tables = q->ops->rss_table, keys = q->ops->rss_key;
	struct ethtool_rxfh r;
	struct rss v;
	bool table, reset, key;
	int err = q->ops->set_rss ? from_user(q, &r, 0, sizeof(r)) : -EOPNOTSUPP;
	if (err)
		return err;
	reset = !r.indir_size;
	table = reset || r.indir_size != ETH_RXFH_INDIR_NO_CHANGE;
	key = r.key_size;
	if (r.rss_context || (r.hfunc && r.hfunc != RSS_TOEPLITZ) || (table && !reset && r.indir_size != tables) ||
	    (key && r.key_size != keys))
		return r.rss_context || (r.hfunc && r.hfunc != RSS_TOEPLITZ) ? -EOPNOTSUPP : -EINVAL;
	if (reset)
		for (u32 i = 0; i < tables; i++)
			v.table[i] = i % q->dev->real_rx_queues;
	else if (table)
		err = from_user(q, v.table, sizeof(r), tables * sizeof(u32));
	if (!err && key)
		err = from_user(q, v.key, sizeof(r) + (table && !reset ? tables * sizeof(u32) : 0), keys);
	for (u32 i = 0; !err && table && i < tables; i++)
		if (v.table[i] >= q->dev->real_rx_queues)
			err = -EINVAL;
	return err ? err : q->ops->set_rss(q->cpu, q->dev, table ? v.table : NULL, key ? v.key : NULL);
}

static const struct {
	u32 cmd;
	bool admin;
	int (*fn)(const struct rq *q);
} commands[] = {
	{ ETHTOOL_GDRVINFO, false, drvinfo },	    { ETHTOOL_GSSET_INFO, false, sset_info },
	{ ETHTOOL_GSTRINGS, false, strings },	    { ETHTOOL_GSTATS, false, stats },
	{ ETHTOOL_GFEATURES, false, get_features }, { ETHTOOL_SFEATURES, true, set_features },
	{ ETHTOOL_GRXCSUM, false, get_legacy },	    { ETHTOOL_SRXCSUM, true, set_legacy },
	{ ETHTOOL_GTXCSUM, false, get_legacy },	    { ETHTOOL_STXCSUM, true, set_legacy },
	{ ETHTOOL_GSG, false, get_legacy },	    { ETHTOOL_SSG, true, set_legacy },
	{ ETHTOOL_GTSO, false, get_legacy },	    { ETHTOOL_STSO, true, set_legacy },
	{ ETHTOOL_GGSO, false, get_legacy },	    { ETHTOOL_SGSO, true, set_legacy },
	{ ETHTOOL_GGRO, false, get_legacy },	    { ETHTOOL_SGRO, true, set_legacy },
	{ ETHTOOL_GFLAGS, false, get_flags },	    { ETHTOOL_GLINK, false, get_link },
	{ ETHTOOL_GLINKSETTINGS, false, link_settings }, { ETHTOOL_GPERMADDR, false, perm_addr },
	{ ETHTOOL_GRINGPARAM, false, get_ring },    { ETHTOOL_SRINGPARAM, true, set_ring },
	{ ETHTOOL_GCHANNELS, false, get_channels }, { ETHTOOL_SCHANNELS, true, set_channels },
	{ ETHTOOL_GCOALESCE, false, get_coalesce }, { ETHTOOL_SCOALESCE, true, set_coalesce },
	{ ETHTOOL_GRXRINGS, false, rx_rings },	    { ETHTOOL_GRSSH, false, get_rss },
	{ ETHTOOL_SRSSH, true, set_rss },
};

int dev_ethtool(struct cpu *cpu, struct net_device *dev, u64 user_addr)
{
	static const struct ethtool_ops none = { 0 };
	struct rq q = { cpu, dev, dev->ethtool_ops ? dev->ethtool_ops : &none, user_addr, 0 };
	int err = user_addr ? from_user(&q, &q.cmd, 0, sizeof(q.cmd)) : -EFAULT;
	if (err)
		return err;
	for (unsigned i = 0; i < ARRAY_SIZE(commands); i++) {
		if (commands[i].cmd != q.cmd)
			continue;
		if (commands[i].admin && cpu->caller && !cpu->caller->net_admin)
			return -EPERM;
		return commands[i].fn(&q);
	}
	return cpu->caller && !cpu->caller->net_admin ? -EPERM : -EOPNOTSUPP;
}
