/* SIOCETHTOOL: the link: its state, speed and connector, the permanent address, who stamps packets with the time. */
#include <linux/ethtool_netlink.h>

#include "link/ethtool_ioctl.h"

static int get_link(const struct ethtool_rq *q)
{
	struct ethtool_value v = { .cmd = q->cmd, .data = dev_ethtool_link(q->dev) };
	if (!q->ops->tells_link)
		return -EOPNOTSUPP;
	return ethtool_to_user(q, 0, &v, sizeof(v));
}

enum { WORDS = 4, /* of a link modes' mask; none of ours says anything in them */
       FIXED = sizeof(struct ethtool_link_settings), WHOLE = FIXED + 3 * WORDS * sizeof(u32) };

/* Two rounds: the first tells how many words the masks have. */
static int get_settings(const struct ethtool_rq *q)
{
	u32 raw[WHOLE / sizeof(u32)] = { 0 };
	struct ethtool_link_settings *l = (struct ethtool_link_settings *)raw;
	struct dev_link_settings s;
	bool fits;
	int err = ethtool_from_user(q, l, 0, FIXED);
	if (!err)
		err = dev_link_settings(q->dev, &s);
	if (err)
		return err;
	fits = l->link_mode_masks_nwords == WORDS;
	memset(l, 0, FIXED);
	l->cmd = q->cmd;
	l->speed = s.speed;
	l->duplex = s.duplex;
	l->port = s.port;
	l->autoneg = s.autoneg;
	l->phy_address = s.phy_address;
	l->eth_tp_mdix_ctrl = s.mdix_ctrl;
	l->link_mode_masks_nwords = fits ? WORDS : -WORDS;
	return ethtool_to_user(q, 0, raw, fits ? WHOLE : FIXED);
}

static void store(const struct ethtool_rq *q, const struct dev_link_settings *s)
{
	q->ops->set_link(q->dev, s);
	dev_ethtool_changed(q->cpu, q->dev, ETHTOOL_MSG_LINKINFO_NTF);
	dev_ethtool_changed(q->cpu, q->dev, ETHTOOL_MSG_LINKMODES_NTF);
}

static int set_settings(const struct ethtool_rq *q)
{
	struct ethtool_link_settings l;
	int err = q->ops->set_link ? ethtool_from_user(q, &l, 0, FIXED) : -EOPNOTSUPP;
	if (err)
		return err;
	if (l.link_mode_masks_nwords != WORDS)
		return -EINVAL;
	store(q, &(struct dev_link_settings){ .speed = l.speed, .duplex = l.duplex, .port = l.port, .autoneg = l.autoneg,
					      .phy_address = l.phy_address, .mdix_ctrl = l.eth_tp_mdix_ctrl });
	return 0;
}

/* As the same was asked before Linux 4.6. */
static int get_old_settings(const struct ethtool_rq *q)
{
	struct ethtool_cmd c = { .cmd = q->cmd };
	struct dev_link_settings s;
	int err = dev_link_settings(q->dev, &s);
	if (err)
		return err;
	ethtool_cmd_speed_set(&c, s.speed);
	c.duplex = s.duplex;
	c.port = s.port;
	c.autoneg = s.autoneg;
	c.phy_address = s.phy_address;
	c.eth_tp_mdix_ctrl = s.mdix_ctrl;
	return ethtool_to_user(q, 0, &c, sizeof(c));
}

static int set_old_settings(const struct ethtool_rq *q)
{
	struct ethtool_cmd c;
	int err = q->ops->set_link ? ethtool_from_user(q, &c, 0, sizeof(c)) : -EOPNOTSUPP;
	if (err)
		return err;
	store(q, &(struct dev_link_settings){ .speed = ethtool_cmd_speed(&c), .duplex = c.duplex, .port = c.port, .autoneg = c.autoneg,
					      .phy_address = c.phy_address, .mdix_ctrl = c.eth_tp_mdix_ctrl });
	return 0;
}

static int perm_addr(const struct ethtool_rq *q)
{
	struct ethtool_perm_addr a;
	int err = ethtool_from_user(q, &a, 0, sizeof(a));
	if (err)
		return err;
	if (a.size < q->dev->addr_len)
		return -EINVAL;
	a.size = q->dev->addr_len;
	err = ethtool_to_user(q, 0, &a, sizeof(a));
	return err ? err : ethtool_to_user(q, sizeof(a), q->dev->perm_addr, a.size);
}

static int get_stamps(const struct ethtool_rq *q)
{
	struct ethtool_ts_info t = { .cmd = q->cmd, .so_timestamping = dev_ethtool_stamps(q->dev), .phc_index = -1 };
	return ethtool_to_user(q, 0, &t, sizeof(t));
}

static int get_msglevel(const struct ethtool_rq *q)
{
	struct ethtool_value v = { .cmd = q->cmd };
	if (!q->ops->msglevel)
		return -EOPNOTSUPP;
	v.data = *q->ops->msglevel(q->dev);
	return ethtool_to_user(q, 0, &v, sizeof(v));
}

static int set_msglevel(const struct ethtool_rq *q)
{
	struct ethtool_value v;
	int err = q->ops->msglevel ? ethtool_from_user(q, &v, 0, sizeof(v)) : -EOPNOTSUPP;
	if (err)
		return err;
	*q->ops->msglevel(q->dev) = v.data;
	dev_ethtool_changed(q->cpu, q->dev, ETHTOOL_MSG_DEBUG_NTF);
	return 0;
}

const struct ethtool_cmd_row ethtool_cmds_link[] = {
	{ ETHTOOL_GLINK, false, get_link },
	{ ETHTOOL_GLINKSETTINGS, false, get_settings }, { ETHTOOL_SLINKSETTINGS, true, set_settings },
	{ ETHTOOL_GSET, false, get_old_settings },	{ ETHTOOL_SSET, true, set_old_settings },
	{ ETHTOOL_GPERMADDR, false, perm_addr },	{ ETHTOOL_GET_TS_INFO, false, get_stamps },
	{ ETHTOOL_GMSGLVL, true, get_msglevel },	{ ETHTOOL_SMSGLVL, true, set_msglevel },
	{ 0 },
};
