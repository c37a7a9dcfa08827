/* Ethernet II frame header and the EtherTypes in use (IEEE 802.3, RFC 894). Addresses are six plain bytes in wire order. */
#ifndef CODEC_WIRE_ETH_H
#define CODEC_WIRE_ETH_H

#include <linux/if_ether.h>

#include "base/types.h"

#define ETH_ADDR_LEN 6
#define ETH_HDR_LEN 14
/* Values of the type field below this are 802.3 lengths. */
#define ETH_TYPE_MIN 0x0600

struct eth_hdr {
	u8 dst[ETH_ADDR_LEN];
	u8 src[ETH_ADDR_LEN];
	be16 type;
} __packed_alias;
_Static_assert(sizeof(struct eth_hdr) == ETH_HDR_LEN, "no padding");

static inline u64 eth_addr_u64(const u8 *a)
{
	u32 hi;
	u16 lo;
	memcpy(&hi, a, 4);
	memcpy(&lo, a + 4, 2);
	return (u64)lo << 32 | hi;
}
static inline bool eth_addr_eq(const u8 *a, const u8 *b) { return eth_addr_u64(a) == eth_addr_u64(b); }
static inline bool eth_addr_is_zero(const u8 *a) { return !eth_addr_u64(a); }
static inline bool eth_addr_is_multicast(const u8 *a) { return a[0] & 1; } /* broadcast too */
static inline bool eth_addr_is_broadcast(const u8 *a) { return eth_addr_u64(a) == 0xffffffffffffull; }
/* May be a station's own address. */
static inline bool eth_addr_is_valid(const u8 *a) { return !eth_addr_is_multicast(a) && !eth_addr_is_zero(a); }

static inline void eth_build(struct eth_hdr *h, const u8 *dst, const u8 *src, u16 type)
{
	memcpy(h->dst, dst, ETH_ADDR_LEN);
	memcpy(h->src, src, ETH_ADDR_LEN);
	h->type = cpu_to_be16(type);
}

#endif
