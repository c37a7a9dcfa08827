/* SIOCETHTOOL: what ethtool(8) asks of a device when there is no netlink family for it, and may change.
 *
 * Each command is a struct in the caller's memory that begins with its number; answers go back to the same place. Features, strings
 * and counters come in arrays whose length the caller learns first. Kinds answer through struct ethtool_ops; the rest is of every
 * device. Reading is free; changing needs CAP_NET_ADMIN.
 */
#include <stdio.h>

#include "base/mem.h"
#include "core/caller.h"
#include "link/ethtool_ioctl.h"

#define STACK_VERSION "6.18.0" /* the Linux that this stack follows: what drivers without a version of their own have */

int ethtool_from_user(const struct ethtool_rq *q, void *to, size_t off, size_t len)
{
	struct call_ctx *c = q->cpu->caller;
	if (c)
		return c->ops->copy_from(c, to, q->addr + off, len);
	memcpy(to, (const u8 *)(uintptr_t)q->addr + off, len);
	return 0;
}

int ethtool_to_user(const struct ethtool_rq *q, size_t off, const void *from, size_t len)
{
	struct call_ctx *c = q->cpu->caller;
	if (c)
		return c->ops->copy_to(c, q->addr + off, from, len);
	memcpy((u8 *)(uintptr_t)q->addr + off, from, len);
	return 0;
}

static int drvinfo(const struct ethtool_rq *q)
{
	struct ethtool_drvinfo d = { .cmd = q->cmd };
	if (!q->ops->driver)
		return -EOPNOTSUPP;
	snprintf(d.driver, sizeof(d.driver), "%s", q->ops->driver);
	snprintf(d.version, sizeof(d.version), "%s", q->ops->version ? q->ops->version : STACK_VERSION);
	snprintf(d.fw_version, sizeof(d.fw_version), "%s", q->ops->fw_version ? q->ops->fw_version : "");
	if (q->ops->bus_info || q->ops->bus)
		snprintf(d.bus_info, sizeof(d.bus_info), "%s", q->ops->bus ? q->ops->bus(q->dev) : q->ops->bus_info);
	d.n_stats = dev_ethtool_stats(q->dev);
	return ethtool_to_user(q, 0, &d, sizeof(d));
}

static int set_count(const struct ethtool_rq *q, u32 set)
{
	if (set == ETH_SS_FEATURES)
		return NETDEV_FEATURES;
	return set == ETH_SS_STATS && q->ops->stat ? (int)dev_ethtool_stats(q->dev) : -EOPNOTSUPP;
}

/* A mask of sets in, the mask of those that exist and their lengths out. */
static int sset_info(const struct ethtool_rq *q)
{
	struct ethtool_sset_info s;
	u32 len[64];
	u64 found = 0;
	unsigned n = 0;
	int err = ethtool_from_user(q, &s, 0, sizeof(s));
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
	err = ethtool_to_user(q, 0, &s, sizeof(s));
	return err ? err : ethtool_to_user(q, sizeof(s), len, n * sizeof(*len));
}

static int strings(const struct ethtool_rq *q)
{
	struct ethtool_gstrings s;
	int err = ethtool_from_user(q, &s, 0, sizeof(s)), count;
	if (err)
		return err;
	count = set_count(q, s.string_set);
	if (count < 0)
		return count;
	s.len = (u32)count;
	err = ethtool_to_user(q, 0, &s, sizeof(s));
	for (unsigned i = 0; !err && i < s.len; i++) {
		char name[ETH_GSTRING_LEN] = "";
		u64 v;
		if (s.string_set == ETH_SS_FEATURES)
			snprintf(name, sizeof(name), "%s", netdev_feature_name(i) ? netdev_feature_name(i) : "");
		else
			q->ops->stat(q->dev, i, name, &v);
		err = ethtool_to_user(q, sizeof(s) + i * sizeof(name), name, sizeof(name));
	}
	return err;
}

static int stats(const struct ethtool_rq *q)
{
	struct ethtool_stats s = { .cmd = q->cmd };
	char name[ETH_GSTRING_LEN];
	int err, count = set_count(q, ETH_SS_STATS);
	u64 v;
	if (count < 0)
		return count;
	s.n_stats = (u32)count;
	err = ethtool_to_user(q, 0, &s, sizeof(s));
	for (unsigned i = 0; !err && i < s.n_stats; i++) {
		if (!q->ops->stat(q->dev, i, name, &v))
			v = 0;
		err = ethtool_to_user(q, sizeof(s) + i * sizeof(v), &v, sizeof(v));
	}
	return err;
}

static const struct ethtool_cmd_row general[] = {
	{ ETHTOOL_GDRVINFO, false, drvinfo },
	{ ETHTOOL_GSSET_INFO, false, sset_info },
	{ ETHTOOL_GSTRINGS, false, strings },
	{ ETHTOOL_GSTATS, false, stats },
	{ 0 },
};
static const struct ethtool_cmd_row *const commands[] = {
	general, ethtool_cmds_features, ethtool_cmds_link, ethtool_cmds_queues, ethtool_cmds_rss,
};

int dev_ethtool(struct cpu *cpu, struct net_device *dev, u64 user_addr)
{
	struct ethtool_rq q = { cpu, dev, dev_ethtool_ops(dev), user_addr, 0 };
	int err = user_addr ? ethtool_from_user(&q, &q.cmd, 0, sizeof(q.cmd)) : -EFAULT;
	if (err)
		return err;
	for (unsigned i = 0; i < ARRAY_SIZE(commands); i++) {
		for (const struct ethtool_cmd_row *row = commands[i]; row->cmd; row++) {
			if (row->cmd != q.cmd)
				continue;
			if (row->admin && cpu->caller && !cpu->caller->net_admin)
				return -EPERM;
			return row->fn(&q);
		}
	}
	return cpu->caller && !cpu->caller->net_admin ? -EPERM : -EOPNOTSUPP;
}
