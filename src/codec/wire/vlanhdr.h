/* The VLAN tag of IEEE 802.1Q: four bytes between the Ethernet addresses and the type. TPID, then priority (3 bits), drop eligible
 * (1 bit) and VLAN id (12 bits). */
#ifndef CODEC_WIRE_VLANHDR_H
#define CODEC_WIRE_VLANHDR_H

#include "codec/wire/eth.h"

#define VLAN_HDR_LEN 4
#define VLAN_VID_MASK 0x0fff
#define VLAN_PRIO_SHIFT 13

struct vlan_hdr { /* as it lies behind the TPID */
	be16 tci;
	be16 type; /* of what it encapsulates */
} __packed_alias;
_Static_assert(sizeof(struct vlan_hdr) == VLAN_HDR_LEN, "no padding");

static inline bool eth_type_is_vlan(be16 t) { return be16_eq(t, BE16(ETH_P_8021Q)) || be16_eq(t, BE16(ETH_P_8021AD)); }

#endif
