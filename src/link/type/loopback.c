/* lo: what is sent comes back, on the same cpu's backlog. Every namespace has one, with index 1, that nobody can delete or move.
 *
 * Packets of any size and with open checksums pass: the bytes never leave this memory, so nothing is cut or summed. From
 * dev_hard_start_xmit() to netif_receive() by way of the backlog.
 */
#include <linux/if_arp.h>

#include "codec/wire/eth.h"
#include "core/trace.h"
#include "link/ethtool.h"
#include "link/netns_dev.h"

static enum netdev_tx xmit(struct cpu *cpu, struct sk_buff *skb, struct net_device *dev, unsigned txq)
{
	struct dev_stats *s = &dev->stats[cpu->id];
	u32 len;
	skb_scrub(cpu, skb, false);
	skb->tstamp = 0; /* a departure time (SO_TXTIME) is no arrival time */
	if (unlikely(!eth_type_trans(skb, dev))) {
		s->tx_errors++;
		skb_drop(cpu, skb, SKB_DROP_REASON_PKT_TOO_SMALL);
		return NETDEV_TX_OK;
	}
	trace_point(cpu, dev->net, skb, TP_WIRE, skb->len, 0, NULL);
	/* lo counts without the header, and only what finds room. */
	len = skb->len;
	if (likely(cpu_backlog_add(cpu, cpu, skb))) {
		s->tx_packets++;
		s->tx_bytes += len;
		s->rx_packets++;
		s->rx_bytes += len;
	}
	return NETDEV_TX_OK;
}

static const struct netdev_ops ops = { .start_xmit = xmit, .set_mac = eth_mac_addr };

static const struct ethtool_ops ethtool = { .tells_link = true, .stamps = STAMPS_TX };

int loopback_new(struct netns *net)
{
	struct net_device *dev = dev_new(net, NULL, "lo", 1, 1);
	int err;
	if (!dev)
		return -ENOMEM;
	dev->ops = &ops;
	dev->ethtool_ops = &ethtool;
	dev->header_ops = &eth_header_ops;
	dev->type = ARPHRD_LOOPBACK;
	dev->flags = IFF_LOOPBACK;
	dev->mtu = 65536;
	dev->hard_header_len = ETH_HDR_LEN;
	dev->addr_len = ETH_ADDR_LEN;
	dev->noqueue = true;
	dev->tso_max_size = 524280; /* GSO_MAX_SIZE */
	dev->hw_features = NETIF_F_GSO_SOFTWARE;
	dev->features = NETIF_F_SG | NETIF_F_FRAGLIST | NETIF_F_GSO_SOFTWARE | NETIF_F_HW_CSUM | NETIF_F_RXCSUM | NETIF_F_SCTP_CRC |
			NETIF_F_HIGHDMA | NETIF_F_LLTX | NETIF_F_NETNS_LOCAL | NETIF_F_VLAN_CHALLENGED | NETIF_F_LOOPBACK |
			NETIF_F_GRO;
	err = dev_register(config_cpu(net->world), dev, 1);
	if (err) {
		dev_free(dev);
		return err;
	}
	net->dev->loopback = dev;
	return 0;
}
