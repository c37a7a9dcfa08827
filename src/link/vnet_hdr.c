/* The header in front of a frame between us and a hypervisor, a TAP or a packet socket: what the sender left to do.
 *
 * Nothing in it is believed: offsets must lie inside the frame, and a segmented packet must be the TCP or UDP it claims to be.
 * Format: linux/virtio_net.h (OASIS virtio 1.2, section 5.1.6), in this machine's byte order.
 */
#include "link/vnet_hdr.h"

#include <linux/if_ether.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>

#ifndef VIRTIO_NET_HDR_GSO_UDP_L4
#define VIRTIO_NET_HDR_GSO_UDP_L4 5
#endif

static bool is_type(const u8 *p, u16 ethertype) { return p[0] == ethertype >> 8 && p[1] == (ethertype & 0xff); }

/* Is the packet what gso_type says, with whole headers in the linear part? Sets the transport header's offset and the header's
 * length, both from the frame's first byte. */
static bool check_gso(const struct sk_buff *skb, u8 type, u32 *thoff, u32 *hlen)
{
	u32 off = ETH_HLEN, have = skb_headlen(skb);
	const u8 *d = skb->data;
	u8 proto;

	for (unsigned tags = 0; tags < 2 && (is_type(d + off - 2, ETH_P_8021Q) || is_type(d + off - 2, ETH_P_8021AD)); tags++)
		if ((off += 4) > have)
			return false;
	if (is_type(d + off - 2, ETH_P_IP) && type != VIRTIO_NET_HDR_GSO_TCPV6) {
		if (off + sizeof(struct iphdr) > have || (d[off] >> 4) != 4 || (d[off] & 15) < 5)
			return false;
		proto = d[off + 9];
		off += (d[off] & 15u) * 4;
	} else if (is_type(d + off - 2, ETH_P_IPV6) && type != VIRTIO_NET_HDR_GSO_TCPV4) {
		if (off + sizeof(struct ip6_hdr) > have || (d[off] >> 4) != 6)
			return false;
		proto = d[off + 6];
		off += sizeof(struct ip6_hdr);
	} else {
		return false;
	}
	*thoff = off;
	if (type == VIRTIO_NET_HDR_GSO_UDP_L4) {
		*hlen = off + sizeof(struct udphdr);
		return proto == IPPROTO_UDP && *hlen <= have;
	}
	if (proto != IPPROTO_TCP || off + sizeof(struct tcphdr) > have || (d[off + 12] >> 4) < 5)
		return false;
	*hlen = off + (d[off + 12] >> 4) * 4u;
	return *hlen <= have;
}

bool vnet_hdr_take(struct sk_buff *skb, const struct virtio_net_hdr *h)
{
	u8 type = h->gso_type & (u8)~VIRTIO_NET_HDR_GSO_ECN;
	u32 headroom = skb_headroom(skb), thoff, hlen;

	if (h->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) {
		if (h->csum_start < ETH_HLEN || h->csum_start > skb_headlen(skb) || h->csum_offset > skb->len ||
		    (u32)h->csum_start + h->csum_offset + 2 > skb->len)
			return false;
		skb->ip_summed = CHECKSUM_PARTIAL;
		skb->csum_start = (u16)(headroom + h->csum_start);
		skb->csum_offset = h->csum_offset;
	} else if (h->flags & VIRTIO_NET_HDR_F_DATA_VALID) {
		skb->ip_summed = CHECKSUM_UNNECESSARY;
	}
	if (type == VIRTIO_NET_HDR_GSO_NONE)
		return true;
	if (type != VIRTIO_NET_HDR_GSO_TCPV4 && type != VIRTIO_NET_HDR_GSO_TCPV6 && type != VIRTIO_NET_HDR_GSO_UDP_L4)
		return false;
	if (!h->gso_size || !check_gso(skb, type, &thoff, &hlen))
		return false;
	/* Segments get checksums of their own from a pseudo-header's sum; without that there is nothing to make them from. */
	if (skb->ip_summed != CHECKSUM_PARTIAL || h->csum_start != thoff ||
	    h->csum_offset != (type == VIRTIO_NET_HDR_GSO_UDP_L4 ? offsetof(struct udphdr, check) : offsetof(struct tcphdr, check)))
		return false;
	if (skb->len - hlen <= h->gso_size)
		return true; /* one segment */
	skb->gso_size = h->gso_size;
	skb->gso_segs = (u16)((skb->len - hlen + h->gso_size - 1) / h->gso_size);
	skb->gso_type = SKB_GSO_DODGY;
	if (type == VIRTIO_NET_HDR_GSO_UDP_L4)
		skb->gso_type |= SKB_GSO_UDP_L4;
	else
		skb->gso_type |= type == VIRTIO_NET_HDR_GSO_TCPV4 ? SKB_GSO_TCPV4 : SKB_GSO_TCPV6;
	if (h->gso_type & VIRTIO_NET_HDR_GSO_ECN)
		skb->gso_type |= SKB_GSO_TCP_ECN;
	return true;
}

void vnet_hdr_fill(const struct sk_buff *skb, struct virtio_net_hdr *h)
{
	*h = (struct virtio_net_hdr){ .gso_type = VIRTIO_NET_HDR_GSO_NONE };
	if (skb->ip_summed == CHECKSUM_PARTIAL) {
		h->flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
		h->csum_start = (u16)(skb->csum_start - skb_headroom(skb));
		h->csum_offset = skb->csum_offset;
	} else if (skb->ip_summed == CHECKSUM_UNNECESSARY) {
		h->flags = VIRTIO_NET_HDR_F_DATA_VALID;
	}
	if (!skb_is_gso(skb))
		return;
	h->gso_size = skb->gso_size;
	h->hdr_len = (u16)MIN(skb_headlen(skb), 0xffffu);
	h->gso_type = skb->gso_type & SKB_GSO_TCPV4 ? VIRTIO_NET_HDR_GSO_TCPV4 :
		      skb->gso_type & SKB_GSO_TCPV6 ? VIRTIO_NET_HDR_GSO_TCPV6 : VIRTIO_NET_HDR_GSO_UDP_L4;
	if (skb->gso_type & SKB_GSO_TCP_ECN)
		h->gso_type |= VIRTIO_NET_HDR_GSO_ECN;
}
