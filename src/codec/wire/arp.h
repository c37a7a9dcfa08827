/* ARP for IPv4 over Ethernet-like links (RFC 826): the fixed part, and the four addresses behind it by their lengths. */
#ifndef CODEC_WIRE_ARP_H
#define CODEC_WIRE_ARP_H

#include "base/types.h"
#include "codec/wire/eth.h"

enum arp_op { ARP_OP_REQUEST = 1, ARP_OP_REPLY = 2, ARP_OP_RREQUEST = 3, ARP_OP_RREPLY = 4, ARP_OP_INREQUEST = 8, ARP_OP_INREPLY = 9,
	      ARP_OP_NAK = 10 };

struct arp_hdr {
	be16 hrd; /* ARPHRD_* */
	be16 pro; /* EtherType of the protocol address */
	u8 hln, pln;
	be16 op;
} __packed_alias;

/* The whole packet where hardware addresses have six bytes. */
struct arp_eth_ip4 {
	struct arp_hdr hdr;
	u8 sha[ETH_ADDR_LEN];
	be32 sip;
	u8 tha[ETH_ADDR_LEN];
	be32 tip;
} __packed_alias;
_Static_assert(sizeof(struct arp_eth_ip4) == 28, "no padding");

/* Bytes of an IPv4 ARP packet on a link with addr_len-byte addresses. */
static inline u32 arp_ip4_len(u8 addr_len) { return (u32)sizeof(struct arp_hdr) + 2u * (addr_len + 4u); }

/* What an IPv4 ARP packet says; sha and tha point into it. */
struct arp_view {
	u16 hrd, op;
	const u8 *sha, *tha;
	be32 sip, tip;
};
/* False: shorter than it says, or not IPv4, or hardware addresses not addr_len long. The hardware type is the caller's to judge. */
static inline bool arp_ip4_parse(const void *p, u32 len, u8 addr_len, struct arp_view *v)
{
	const struct arp_hdr *h = p;
	const u8 *b = p;
	if (len < arp_ip4_len(addr_len) || h->hln != addr_len || h->pln != 4 || be16_to_cpu(h->pro) != ETH_P_IP)
		return false;
	*v = (struct arp_view){ .hrd = be16_to_cpu(h->hrd), .op = be16_to_cpu(h->op) };
	v->sha = b + sizeof(*h);
	memcpy(&v->sip, v->sha + addr_len, 4);
	v->tha = v->sha + addr_len + 4;
	memcpy(&v->tip, v->tha + addr_len, 4);
	return true;
}
/* Writes arp_ip4_len(addr_len) bytes; tha NULL: zeros. */
static inline void arp_ip4_build(void *p, u16 hrd, u16 op, u8 addr_len, const u8 *sha, be32 sip, const u8 *tha, be32 tip)
{
	struct arp_hdr *h = p;
	u8 *b = (u8 *)p + sizeof(*h);
	*h = (struct arp_hdr){ cpu_to_be16(hrd), BE16(ETH_P_IP), addr_len, 4, cpu_to_be16(op) };
	memcpy(b, sha, addr_len);
	memcpy(b + addr_len, &sip, 4);
	b += addr_len + 4;
	if (tha)
		memcpy(b, tha, addr_len);
	else
		memset(b, 0, addr_len);
	memcpy(b + addr_len, &tip, 4);
}

#endif
