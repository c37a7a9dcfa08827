/* Ethernet: what every device of that type has in common, its header, and the sorting of received frames. IEEE 802.3, RFC 894.
 *
 * Frames come from a driver with the header in front; eth_type_trans() decides whose the frame is and leaves data behind the
 * header. Packets go out through eth_header_ops.create, or with a header that a neighbour cached.
 */
#include <linux/if_arp.h>

#include "codec/wire/eth.h"
#include "link/dev_internal.h"

static int create(struct cpu *cpu, struct sk_buff *skb, struct net_device *dev, u16 ethertype, const u8 *daddr, const u8 *saddr)
{
	static const u8 nobody[ETH_ADDR_LEN];
	struct eth_hdr *h;
	if (unlikely(skb_headroom(skb) < ETH_HDR_LEN || skb_cloned(skb)) && !skb_cow_head(cpu, skb, ETH_HDR_LEN))
		return -ENOMEM;
	h = (struct eth_hdr *)skb_push(skb, ETH_HDR_LEN);
	/* No address: a device without ARP or a loopback sends to nobody in particular. */
	if (!daddr)
		daddr = dev->flags & (IFF_LOOPBACK | IFF_NOARP) ? nobody : dev->broadcast;
	eth_build(h, daddr, saddr ? saddr : dev->dev_addr, ethertype);
	return 0;
}

static int parse(const struct sk_buff *skb, u8 *haddr)
{
	if (skb->mac_header == SKB_OFF_UNSET)
		return 0;
	memcpy(haddr, ((const struct eth_hdr *)skb_mac_header(skb))->src, ETH_ADDR_LEN);
	return ETH_ADDR_LEN;
}

const struct header_ops eth_header_ops = { .create = create, .parse = parse };

void ether_setup(struct net_device *dev)
{
	dev->header_ops = &eth_header_ops;
	dev->type = ARPHRD_ETHER;
	dev->hard_header_len = ETH_HDR_LEN;
	dev->min_mtu = 68;
	dev->max_mtu = 1500;
	dev->mtu = 1500;
	dev->addr_len = ETH_ADDR_LEN;
	dev->tx_queue_len = 1000;
	dev->flags = IFF_BROADCAST | IFF_MULTICAST;
	memset(dev->broadcast, 0xff, ETH_ADDR_LEN);
}

void eth_random_addr(struct cpu *cpu, u8 *addr)
{
	rng_bytes(&cpu->rng, addr, ETH_ADDR_LEN);
	addr[0] = (u8)((addr[0] & 0xfe) | 0x02);
}

bool eth_type_trans(struct sk_buff *skb, struct net_device *dev)
{
	const struct eth_hdr *h = (const struct eth_hdr *)skb->data;
	u16 type;
	if (unlikely(skb_headlen(skb) < ETH_HDR_LEN))
		return false;
	skb->dev = dev;
	skb_reset_mac_header(skb);
	skb->mac_len = ETH_HDR_LEN;
	skb_pull(skb, ETH_HDR_LEN);
	if (unlikely(!eth_addr_eq(h->dst, dev->dev_addr)))
		skb->pkt_type = !eth_addr_is_multicast(h->dst)	     ? PACKET_OTHERHOST
				: eth_addr_eq(h->dst, dev->broadcast) ? PACKET_BROADCAST
								      : PACKET_MULTICAST;
	else
		skb->pkt_type = PACKET_HOST;
	type = be16_to_cpu(h->type);
	/* A length instead of a type: 802.2 follows, or Novell's checksumless IPX. */
	if (likely(type >= ETH_TYPE_MIN))
		skb->protocol = h->type;
	else
		skb->protocol = skb_headlen(skb) >= 2 && skb->data[0] == 0xff && skb->data[1] == 0xff ? BE16(ETH_P_802_3)
												      : BE16(ETH_P_802_2);
	return true;
}
