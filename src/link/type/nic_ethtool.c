/* What ethtool(8) sees and sets on a nic: rings (-g -G), queues (-l -L), moderation (-c -C), hash (-x -X), counters (-S). Everything that
 * can be set acts; what a request changes besides that is refused.
 */
#include <stdio.h>

#include <linux/ethtool_netlink.h>

#include "link/ethtool.h"
#include "link/type/nic.h"

#define RX_USECS_MAX 1000000

static void get_ringparam(const struct net_device *dev, struct ethtool_ringparam *r)
{
	const struct nic *nic = nic_of(dev);
	r->rx_max_pending = r->tx_max_pending = NIC_RING_MAX;
	r->rx_pending = nic->rx_ring;
	r->tx_pending = nic->tx_ring;
}

/* Rounded up to what the rings can be, as drivers do. */
static u32 ring_size(u32 n)
{
	u32 size = NIC_RING_MIN;
	while (size < n)
		size *= 2;
	return size;
}

static int set_ringparam(struct cpu *cpu, struct net_device *dev, const struct ethtool_ringparam *r)
{
	if (r->rx_mini_pending || r->rx_jumbo_pending || r->rx_pending > NIC_RING_MAX || r->tx_pending > NIC_RING_MAX)
		return -EINVAL;
	return nic_set_rings(cpu, dev, ring_size(r->rx_pending), ring_size(r->tx_pending));
}

static void get_channels(const struct net_device *dev, struct ethtool_channels *c)
{
	c->max_combined = dev->num_rx_queues;
	c->combined_count = nic_of(dev)->queues;
}

static int set_channels(struct cpu *cpu, struct net_device *dev, const struct ethtool_channels *c)
{
	if (c->rx_count || c->tx_count || c->other_count)
		return -EINVAL;
	return nic_set_queues(cpu, dev, c->combined_count);
}

static void get_coalesce(const struct net_device *dev, struct ethtool_coalesce *c) { c->rx_coalesce_usecs = nic_of(dev)->rx_usecs; }

static int set_coalesce(struct cpu *cpu, struct net_device *dev, const struct ethtool_coalesce *c)
{
	struct ethtool_coalesce rest = *c;
	static const struct ethtool_coalesce nothing;
	rest.cmd = rest.rx_coalesce_usecs = 0;
	if (memcmp(&rest, &nothing, sizeof(rest)))
		return -EOPNOTSUPP;
	if (c->rx_coalesce_usecs > RX_USECS_MAX)
		return -EINVAL;
	nic_set_coalesce(dev, c->rx_coalesce_usecs);
	return 0;
}

static bool stat(const struct net_device *dev, unsigned i, char name[ETH_GSTRING_LEN], u64 *value)
{
	static const struct {
		const char *fmt;
		size_t offset;
	} of_queue[] = {
		{ "rx_queue_%u_packets", offsetof(struct nic_queue_stats, rx_packets) },
		{ "rx_queue_%u_bytes", offsetof(struct nic_queue_stats, rx_bytes) },
		{ "rx_queue_%u_missed", offsetof(struct nic_queue_stats, rx_missed) },
		{ "rx_queue_%u_interrupts", offsetof(struct nic_queue_stats, interrupts) },
		{ "rx_queue_%u_polls", offsetof(struct nic_queue_stats, polls) },
		{ "tx_queue_%u_packets", offsetof(struct nic_queue_stats, tx_packets) },
		{ "tx_queue_%u_bytes", offsetof(struct nic_queue_stats, tx_bytes) },
		{ "tx_queue_%u_stops", offsetof(struct nic_queue_stats, tx_stops) },
	};
	const struct nic *nic = nic_of(dev);
	unsigned q = i / ARRAY_SIZE(of_queue), k = i % ARRAY_SIZE(of_queue);
	if (q >= nic->queues)
		return false;
	memset(name, 0, ETH_GSTRING_LEN);
	snprintf(name, ETH_GSTRING_LEN, of_queue[k].fmt, q);
	memcpy(value, (const u8 *)&nic->q[q].stats + of_queue[k].offset, sizeof(*value));
	return true;
}

static void get_link(const struct net_device *dev, struct dev_link_settings *s)
{
	*s = (struct dev_link_settings){ .speed = 10000, .duplex = DUPLEX_FULL, .port = PORT_OTHER };
}

static void mac_stats(const struct net_device *dev, struct dev_mac_stats *s)
{
	struct dev_stats d;
	dev_get_stats(dev, &d);
	*s = (struct dev_mac_stats){ .tx_frames = d.tx_packets, .rx_frames = d.rx_packets, .tx_bytes = d.tx_bytes, .rx_bytes = d.rx_bytes,
				     .rx_lost = d.rx_missed_errors, .rx_multicast = d.multicast };
}

static void get_rss(const struct net_device *dev, u32 *table, u8 *key)
{
	const struct nic_rss *r = &nic_of(dev)->rss;
	for (unsigned i = 0; i < NIC_RSS_TABLE; i++)
		table[i] = r->table[i];
	memcpy(key, r->key, NIC_RSS_KEY);
}

static int set_rss(struct cpu *cpu, struct net_device *dev, const u32 *table, const u8 *key, bool reset)
{
	struct nic_rss *r = &nic_of(dev)->rss;
	for (unsigned i = 0; table && i < NIC_RSS_TABLE; i++)
		r->table[i] = (u8)table[i];
	if (table)
		r->by_hand = !reset;
	if (key)
		nic_rss_set_key(r, key);
	return 0;
}

static bool rss_is_default(const struct net_device *dev) { return !nic_of(dev)->rss.by_hand; }

static u64 rss_fields(const struct net_device *dev, u32 flow_type)
{
	switch (flow_type) {
	case TCP_V4_FLOW: case TCP_V6_FLOW: case UDP_V4_FLOW: case UDP_V6_FLOW:
		return RXH_IP_SRC | RXH_IP_DST | RXH_L4_B_0_1 | RXH_L4_B_2_3;
	case IPV4_FLOW: case IPV6_FLOW: case SCTP_V4_FLOW: case SCTP_V6_FLOW: case AH_ESP_V4_FLOW: case AH_ESP_V6_FLOW:
		return RXH_IP_SRC | RXH_IP_DST;
	default: return 0;
	}
}

const struct ethtool_ops nic_ethtool = {
	.driver = "weft_nic",
	.version = "1.0",
	.tells_link = true,
	.stamps = STAMPS_TX,
	.get_link = get_link,
	.coalesce = BIT(ETHTOOL_A_COALESCE_RX_USECS),
	.get_ringparam = get_ringparam,
	.set_ringparam = set_ringparam,
	.get_channels = get_channels,
	.set_channels = set_channels,
	.get_coalesce = get_coalesce,
	.set_coalesce = set_coalesce,
	.mac_stats = mac_stats,
	.stat = stat,
	.rss_table = NIC_RSS_TABLE,
	.rss_key = NIC_RSS_KEY,
	.get_rss = get_rss,
	.set_rss = set_rss,
	.rss_is_default = rss_is_default,
	.rss_fields = rss_fields,
};
