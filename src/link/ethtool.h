/* ethtool's questions and orders (SIOCETHTOOL), and what a kind of device answers of its own. */
#ifndef LINK_ETHTOOL_H
#define LINK_ETHTOOL_H

#include <linux/ethtool.h>

#include "link/netdevice.h"

/* All may be NULL: EOPNOTSUPP, as from a driver without it. Getters fill a struct whose cmd is set; all batons held. */
struct ethtool_ops {
	const char *driver, *version, *fw_version, *bus_info;
	bool tells_link;	/* ETHTOOL_GLINK */
	u32 speed;		/* Mbit/s; 0: no link settings at all */
	u8 port;		/* PORT_* */
	void (*get_ringparam)(const struct net_device *dev, struct ethtool_ringparam *r);
	int (*set_ringparam)(struct cpu *cpu, struct net_device *dev, const struct ethtool_ringparam *r);
	void (*get_channels)(const struct net_device *dev, struct ethtool_channels *c);
	int (*set_channels)(struct cpu *cpu, struct net_device *dev, const struct ethtool_channels *c);
	void (*get_coalesce)(const struct net_device *dev, struct ethtool_coalesce *c);
	int (*set_coalesce)(struct cpu *cpu, struct net_device *dev, const struct ethtool_coalesce *c);
	/* Counter number i: its name and value; false: no more. */
	bool (*stat)(const struct net_device *dev, unsigned i, char name[ETH_GSTRING_LEN], u64 *value);
	/* Receive hash: sizes, then contents; table entries are queues. */
	u32 rss_table, rss_key;
	void (*get_rss)(const struct net_device *dev, u32 *table, u8 *key);
	int (*set_rss)(struct cpu *cpu, struct net_device *dev, const u32 *table_or_null, const u8 *key_or_null);
};

/* SIOCETHTOOL for dev; user_addr: ifr_data, in the caller's memory (cpu->caller), or here when there is none. 0, an ETHTOOL_F_* mask,
 * -errno: -EOPNOTSUPP, -EPERM, -EINVAL, -EFAULT, -ENOMEM. */
int dev_ethtool(struct cpu *cpu, struct net_device *dev, u64 user_addr);

#endif
