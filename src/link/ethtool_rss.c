/* SIOCETHTOOL: the receive hash: how many queues, key and table, what is hashed of a kind of flow. */
#include "link/ethtool_ioctl.h"

enum { RSS_NTF = 50 }; /* ETHTOOL_MSG_RSS_NTF, newer than some headers */

static int rx_rings(const struct ethtool_rq *q)
{
	struct ethtool_rxnfc r = { .cmd = q->cmd, .data = q->dev->real_rx_queues };
	return q->ops->get_rss ? ethtool_to_user(q, 0, &r, offsetof(struct ethtool_rxnfc, fs)) : -EOPNOTSUPP;
}

struct rss { u32 table[DEV_RSS_TABLE_MAX]; u8 key[DEV_RSS_KEY_MAX]; };

static int get_rss(const struct ethtool_rq *q)
{
	u32 tables = q->ops->rss_table, keys = q->ops->rss_key;
	struct ethtool_rxfh r;
	struct rss v;
	int err = q->ops->get_rss ? ethtool_from_user(q, &r, 0, sizeof(r)) : -EOPNOTSUPP;
	if (err)
		return err;
	if ((r.indir_size && r.indir_size != tables) || (r.key_size && r.key_size != keys) || r.rss_context)
		return -EINVAL;
	q->ops->get_rss(q->dev, v.table, v.key);
	if (r.indir_size)
		err = ethtool_to_user(q, sizeof(r), v.table, tables * sizeof(u32));
	if (!err && r.key_size)
		err = ethtool_to_user(q, sizeof(r) + r.indir_size * sizeof(u32), v.key, keys);
	r.indir_size = tables;
	r.key_size = keys;
	r.hfunc = DEV_RSS_TOEPLITZ;
	return err ? err : ethtool_to_user(q, 0, &r, sizeof(r));
}

static int set_rss(const struct ethtool_rq *q)
{
	u32 tables = q->ops->rss_table, keys = q->ops->rss_key;
	struct ethtool_rxfh r;
	struct rss v;
	bool table, reset, key;
	int err = q->ops->set_rss ? ethtool_from_user(q, &r, 0, sizeof(r)) : -EOPNOTSUPP;
	if (err)
		return err;
	reset = !r.indir_size;
	table = reset || r.indir_size != ETH_RXFH_INDIR_NO_CHANGE;
	key = r.key_size;
	if (r.rss_context || (r.hfunc && r.hfunc != DEV_RSS_TOEPLITZ) || (table && !reset && r.indir_size != tables) ||
	    (key && r.key_size != keys))
		return r.rss_context || (r.hfunc && r.hfunc != DEV_RSS_TOEPLITZ) ? -EOPNOTSUPP : -EINVAL;
	if (reset)
		for (u32 i = 0; i < tables; i++)
			v.table[i] = i % q->dev->real_rx_queues;
	else if (table)
		err = ethtool_from_user(q, v.table, sizeof(r), tables * sizeof(u32));
	if (!err && key)
		err = ethtool_from_user(q, v.key, sizeof(r) + (table && !reset ? tables * sizeof(u32) : 0), keys);
	for (u32 i = 0; !err && table && i < tables; i++)
		if (v.table[i] >= q->dev->real_rx_queues)
			err = -EINVAL;
	if (!err)
		err = q->ops->set_rss(q->cpu, q->dev, table ? v.table : NULL, key ? v.key : NULL, reset);
	if (!err)
		dev_ethtool_changed(q->cpu, q->dev, RSS_NTF);
	return err;
}

/* The table alone, as older programs ask for it. */
static int get_table(const struct ethtool_rq *q)
{
	struct ethtool_rxfh_indir r;
	struct rss v;
	int err = q->ops->get_rss ? ethtool_from_user(q, &r, 0, sizeof(r)) : -EOPNOTSUPP;
	u32 asked;
	if (err)
		return err;
	asked = r.size;
	r.size = q->ops->rss_table;
	err = ethtool_to_user(q, 0, &r, sizeof(r));
	if (err || !asked)
		return err;
	if (asked < r.size)
		return -EINVAL;
	q->ops->get_rss(q->dev, v.table, v.key);
	return ethtool_to_user(q, sizeof(r), v.table, r.size * sizeof(u32));
}

/* Which parts of a flow's headers the hash covers; no device lets that be changed. */
static int get_fields(const struct ethtool_rq *q)
{
	struct ethtool_rxnfc r = { .cmd = q->cmd };
	int err = q->ops->rss_fields ? ethtool_from_user(q, &r, 0, offsetof(struct ethtool_rxnfc, fs)) : -EOPNOTSUPP;
	if (err)
		return err;
	r.data = q->ops->rss_fields(q->dev, r.flow_type);
	return ethtool_to_user(q, 0, &r, offsetof(struct ethtool_rxnfc, fs));
}

const struct ethtool_cmd_row ethtool_cmds_rss[] = {
	{ ETHTOOL_GRXRINGS, false, rx_rings },	    { ETHTOOL_GRXFH, false, get_fields },
	{ ETHTOOL_GRSSH, false, get_rss },	    { ETHTOOL_SRSSH, true, set_rss },
	{ ETHTOOL_GRXFHINDIR, false, get_table },
	{ 0 },
};
