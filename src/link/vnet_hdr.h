/* A packet's struct virtio_net_hdr: reading it into the packet, and making it from one. */
#ifndef LINK_VNET_HDR_H
#define LINK_VNET_HDR_H

#include <linux/virtio_net.h>

#include "core/skb.h"

/* skb: data at the Ethernet header, whose bytes are linear. Sets checksum and segmentation state. False: the header lies. */
bool vnet_hdr_take(struct sk_buff *skb, const struct virtio_net_hdr *h);
void vnet_hdr_fill(const struct sk_buff *skb, struct virtio_net_hdr *h); /* skb: data at the Ethernet header */

#endif
