/* What the files of SIOCETHTOOL share. Each command is a struct in the caller's memory that begins with its number; answers go back to the
 * same place. */
#ifndef LINK_ETHTOOL_IOCTL_H
#define LINK_ETHTOOL_IOCTL_H

#include "link/ethtool.h"

struct ethtool_rq { /* one request */
	struct cpu *cpu;
	struct net_device *dev;
	const struct ethtool_ops *ops; /* never NULL */
	u64 addr;
	u32 cmd;
};
struct ethtool_cmd_row { /* ends with cmd 0 in its array */
	u32 cmd;
	bool admin; /* needs CAP_NET_ADMIN */
	int (*fn)(const struct ethtool_rq *q);
};
/* Bytes of the struct at offset off. 0, -EFAULT. */
int ethtool_from_user(const struct ethtool_rq *q, void *to, size_t off, size_t len);
int ethtool_to_user(const struct ethtool_rq *q, size_t off, const void *from, size_t len);

extern const struct ethtool_cmd_row ethtool_cmds_features[], ethtool_cmds_link[], ethtool_cmds_queues[], ethtool_cmds_rss[];

#endif
