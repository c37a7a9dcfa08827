/* ethtool's questions and orders, and what a kind of device answers of its own. Asked by ioctl (SIOCETHTOOL, link/ethtool.c) and by generic
 * netlink (control/ethtool/). */
#ifndef LINK_ETHTOOL_H
#define LINK_ETHTOOL_H

#include <linux/ethtool.h>

#include "link/netdevice.h"

#define DEV_RSS_TABLE_MAX 256
#define DEV_RSS_KEY_MAX 64
#define DEV_RSS_TOEPLITZ 1 /* the first of the kernel's "rss-hash-funcs" strings: the only one here */

struct dev_link_settings {
	u32 speed;	/* Mbit/s */
	u8 duplex, port, autoneg, phy_address, mdix_ctrl; /* DUPLEX_*, PORT_*, AUTONEG_*, …, ETH_TP_MDI_* */
};
struct dev_pause_stats { u64 tx_frames, rx_frames, rx_unknown; }; /* PAUSE frames; MAC control frames of other kinds */
struct dev_mac_stats { u64 tx_frames, rx_frames, tx_bytes, rx_bytes, rx_lost, rx_multicast; };

enum dev_stamps { STAMPS_RX, STAMPS_TX, STAMPS_BELOW }; /* software time stamps: when received; when sent, too; as the device below */

/* All may be NULL: EOPNOTSUPP, as from a driver without it. Getters fill a struct whose cmd is set; all batons held. */
struct ethtool_ops {
	const char *driver, *version, *fw_version, *bus_info;
	const char *(*bus)(const struct net_device *dev); /* instead of bus_info, where devices of the kind differ */
	bool tells_link;	/* ETHTOOL_GLINK */
	u8 stamps;		/* enum dev_stamps */
	struct net_device *(*below)(const struct net_device *dev); /* whose link settings are its own */
	void (*get_link)(const struct net_device *dev, struct dev_link_settings *s);
	void (*set_link)(struct net_device *dev, const struct dev_link_settings *s);
	u32 *(*msglevel)(struct net_device *dev); /* ETHTOOL_GMSGLVL's, kept for whoever asks */
	void (*get_ringparam)(const struct net_device *dev, struct ethtool_ringparam *r);
	int (*set_ringparam)(struct cpu *cpu, struct net_device *dev, const struct ethtool_ringparam *r);
	void (*get_channels)(const struct net_device *dev, struct ethtool_channels *c);
	int (*set_channels)(struct cpu *cpu, struct net_device *dev, const struct ethtool_channels *c);
	u32 coalesce;		/* which parameters it has: bit n for netlink's attribute n, the n-th field of the struct */
	void (*get_coalesce)(const struct net_device *dev, struct ethtool_coalesce *c);
	int (*set_coalesce)(struct cpu *cpu, struct net_device *dev, const struct ethtool_coalesce *c);
	void (*get_pauseparam)(const struct net_device *dev, struct ethtool_pauseparam *p, struct dev_pause_stats *s);
	int (*set_pauseparam)(struct cpu *cpu, struct net_device *dev, const struct ethtool_pauseparam *p);
	void (*mac_stats)(const struct net_device *dev, struct dev_mac_stats *s);
	/* Counter number i: its name and value; false: no more. */
	bool (*stat)(const struct net_device *dev, unsigned i, char name[ETH_GSTRING_LEN], u64 *value);
	/* Receive hash: sizes, then contents; table entries are queues. reset: the table is the default, and follows the number of queues. */
	u32 rss_table, rss_key;
	void (*get_rss)(const struct net_device *dev, u32 *table, u8 *key);
	int (*set_rss)(struct cpu *cpu, struct net_device *dev, const u32 *table_or_null, const u8 *key_or_null, bool reset);
	bool (*rss_is_default)(const struct net_device *dev);
	u64 (*rss_fields)(const struct net_device *dev, u32 flow_type); /* RXH_*: what is hashed of it */
};

/* SIOCETHTOOL for dev; user_addr: ifr_data, in the caller's memory (cpu->caller), or here when there is none. 0, an ETHTOOL_F_* mask,
 * -errno: -EOPNOTSUPP, -EPERM, -EINVAL, -EFAULT, -ENOMEM. */
int dev_ethtool(struct cpu *cpu, struct net_device *dev, u64 user_addr);

/* What both ways of asking share: ethtool_dev.c. */
const struct ethtool_ops *dev_ethtool_ops(const struct net_device *dev); /* never NULL */
int dev_link_settings(const struct net_device *dev, struct dev_link_settings *s); /* -EOPNOTSUPP */
bool dev_ethtool_link(const struct net_device *dev);
u32 dev_ethtool_stamps(const struct net_device *dev); /* SOF_TIMESTAMPING_* */
unsigned dev_ethtool_stats(const struct net_device *dev); /* how many counters it has */
bool dev_ethtool_rss_uses(const struct net_device *dev, u32 queues); /* its table, set by hand, needs more than these */
/* Somebody changed what ETHTOOL_MSG_*_NTF number ntf is about: tells listeners. */
void dev_ethtool_changed(struct cpu *cpu, struct net_device *dev, u8 ntf);

#endif
