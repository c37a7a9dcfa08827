/* What ethtool asks of a device, whichever way it asks: by ioctl (ethtool.c) or by netlink (control/ethtool/). A stacked device answers
 * some of it as the one below.
 */
#include "link/ethtool.h"

#include <linux/net_tstamp.h>

#include "link/dev_internal.h"

const struct ethtool_ops *dev_ethtool_ops(const struct net_device *dev)
{
	static const struct ethtool_ops none = { 0 };
	return dev->ethtool_ops ? dev->ethtool_ops : &none;
}

int dev_link_settings(const struct net_device *dev, struct dev_link_settings *s)
{
	while (dev_ethtool_ops(dev)->below && dev_ethtool_ops(dev)->below(dev))
		dev = dev_ethtool_ops(dev)->below(dev);
	*s = (struct dev_link_settings){ .duplex = DUPLEX_UNKNOWN };
	if (!dev_ethtool_ops(dev)->get_link)
		return -EOPNOTSUPP;
	dev_ethtool_ops(dev)->get_link(dev, s);
	return 0;
}

bool dev_ethtool_link(const struct net_device *dev) { return dev_running(dev) && dev->carrier; }

u32 dev_ethtool_stamps(const struct net_device *dev)
{
	while (dev_ethtool_ops(dev)->stamps == STAMPS_BELOW && dev_ethtool_ops(dev)->below(dev))
		dev = dev_ethtool_ops(dev)->below(dev);
	return SOF_TIMESTAMPING_RX_SOFTWARE | SOF_TIMESTAMPING_SOFTWARE |
	       (dev_ethtool_ops(dev)->stamps == STAMPS_TX ? SOF_TIMESTAMPING_TX_SOFTWARE : 0);
}

unsigned dev_ethtool_stats(const struct net_device *dev)
{
	const struct ethtool_ops *ops = dev_ethtool_ops(dev);
	char name[ETH_GSTRING_LEN];
	unsigned n = 0;
	u64 v;
	while (ops->stat && n < 4096 && ops->stat(dev, n, name, &v))
		n++;
	return n;
}

bool dev_ethtool_rss_uses(const struct net_device *dev, u32 queues)
{
	const struct ethtool_ops *ops = dev_ethtool_ops(dev);
	u32 table[DEV_RSS_TABLE_MAX];
	u8 key[DEV_RSS_KEY_MAX];
	if (!ops->get_rss || (ops->rss_is_default && ops->rss_is_default(dev)))
		return false;
	ops->get_rss(dev, table, key);
	for (u32 i = 0; i < ops->rss_table; i++)
		if (table[i] >= queues)
			return true;
	return false;
}

void dev_ethtool_changed(struct cpu *cpu, struct net_device *dev, u8 ntf) { dev_tell(cpu, dev, EV_LINK_ETHTOOL, ntf); }
