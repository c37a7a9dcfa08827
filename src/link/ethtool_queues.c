/* SIOCETHTOOL: rings, channels, coalescing, flow control. */
#include <linux/ethtool_netlink.h>

#include "link/ethtool_ioctl.h"

#define GET(name, type, fn)                                                                                            \
	static int name(const struct ethtool_rq *q)                                                                    \
	{                                                                                                              \
		type v = { .cmd = q->cmd };                                                                            \
		if (!q->ops->fn)                                                                                       \
			return -EOPNOTSUPP;                                                                            \
		q->ops->fn(q->dev, &v);                                                                                \
		return ethtool_to_user(q, 0, &v, sizeof(v));                                                           \
	}
#define SET(name, type, fn, ntf)                                                                                       \
	static int name(const struct ethtool_rq *q)                                                                    \
	{                                                                                                              \
		type v;                                                                                                \
		int err = q->ops->fn ? ethtool_from_user(q, &v, 0, sizeof(v)) : -EOPNOTSUPP;                           \
		if (!err)                                                                                              \
			err = q->ops->fn(q->cpu, q->dev, &v);                                                          \
		if (!err)                                                                                              \
			dev_ethtool_changed(q->cpu, q->dev, ntf);                                                      \
		return err;                                                                                            \
	}
GET(get_ring, struct ethtool_ringparam, get_ringparam)
SET(set_ring, struct ethtool_ringparam, set_ringparam, ETHTOOL_MSG_RINGS_NTF)
GET(get_channels, struct ethtool_channels, get_channels)
GET(get_coalesce, struct ethtool_coalesce, get_coalesce)
SET(set_coalesce, struct ethtool_coalesce, set_coalesce, ETHTOOL_MSG_COALESCE_NTF)
SET(set_pause, struct ethtool_pauseparam, set_pauseparam, ETHTOOL_MSG_PAUSE_NTF)

static int set_channels(const struct ethtool_rq *q)
{
	struct ethtool_channels c;
	int err = q->ops->set_channels ? ethtool_from_user(q, &c, 0, sizeof(c)) : -EOPNOTSUPP;
	if (!err && dev_ethtool_rss_uses(q->dev, c.combined_count + c.rx_count))
		err = -EINVAL;
	if (!err)
		err = q->ops->set_channels(q->cpu, q->dev, &c);
	if (!err)
		dev_ethtool_changed(q->cpu, q->dev, ETHTOOL_MSG_CHANNELS_NTF);
	return err;
}

static int get_pause(const struct ethtool_rq *q)
{
	struct ethtool_pauseparam p = { .cmd = q->cmd };
	struct dev_pause_stats s;
	if (!q->ops->get_pauseparam)
		return -EOPNOTSUPP;
	q->ops->get_pauseparam(q->dev, &p, &s);
	return ethtool_to_user(q, 0, &p, sizeof(p));
}

const struct ethtool_cmd_row ethtool_cmds_queues[] = {
	{ ETHTOOL_GRINGPARAM, false, get_ring },    { ETHTOOL_SRINGPARAM, true, set_ring },
	{ ETHTOOL_GCHANNELS, false, get_channels }, { ETHTOOL_SCHANNELS, true, set_channels },
	{ ETHTOOL_GCOALESCE, false, get_coalesce }, { ETHTOOL_SCOALESCE, true, set_coalesce },
	{ ETHTOOL_GPAUSEPARAM, false, get_pause },  { ETHTOOL_SPAUSEPARAM, true, set_pause },
	{ 0 },
};
