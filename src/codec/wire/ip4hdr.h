/* IPv4 header (RFC 791), its fragment field, its options' numbers, and the header checksum. */
#ifndef CODEC_WIRE_IP4HDR_H
#define CODEC_WIRE_IP4HDR_H

#include "base/types.h"
#include "codec/wire/checksum.h"

#define IP4_HDR_LEN 20
#define IP4_HDR_MAX 60
#define IP4_MIN_MTU 68 /* RFC 791: every host forwards this uncut */

enum ip4_frag_bits { IP4_RF = 0x8000, IP4_DF = 0x4000, IP4_MF = 0x2000, IP4_OFFSET = 0x1fff };

enum ip4_opt { IP4_OPT_END = 0, IP4_OPT_NOP = 1, IP4_OPT_RR = 7, IP4_OPT_TIMESTAMP = 68, IP4_OPT_SEC = 130, IP4_OPT_LSRR = 131,
	       IP4_OPT_CIPSO = 134, IP4_OPT_SID = 136, IP4_OPT_SSRR = 137, IP4_OPT_RA = 148 };
#define IP4_OPT_COPIED 0x80 /* the option goes into every fragment */
enum ip4_opt_ts { IP4_OPT_TS_TSONLY = 0, IP4_OPT_TS_TSANDADDR = 1, IP4_OPT_TS_PRESPEC = 3 };

enum ip_ecn { IP_ECN_NOT_ECT = 0, IP_ECN_ECT1 = 1, IP_ECN_ECT0 = 2, IP_ECN_CE = 3, IP_ECN_MASK = 3 };

struct ip4_hdr {
	u8 ver_ihl; /* version 4 bits, header length in 32-bit words 4 bits */
	u8 tos;	    /* DSCP 6 bits, ECN 2 bits */
	be16 tot_len;
	be16 id;
	be16 frag;  /* enum ip4_frag_bits; offset in units of 8 bytes */
	u8 ttl;
	u8 protocol;
	u16 check;  /* ones-complement as in memory: see checksum.h */
	be32 saddr, daddr;
} __packed_alias;
_Static_assert(sizeof(struct ip4_hdr) == IP4_HDR_LEN, "no padding");

static inline u32 ip4_version(const struct ip4_hdr *h) { return h->ver_ihl >> 4; }
static inline u32 ip4_hlen(const struct ip4_hdr *h) { return (h->ver_ihl & 15u) * 4; } /* bytes, 0..60: check it */
static inline u32 ip4_tot_len(const struct ip4_hdr *h) { return be16_to_cpu(h->tot_len); }
static inline u32 ip4_frag_off(const struct ip4_hdr *h) { return (be16_to_cpu(h->frag) & IP4_OFFSET) * 8u; } /* bytes */
static inline bool ip4_has_mf(const struct ip4_hdr *h) { return h->frag.raw & BE16(IP4_MF).raw; }
static inline bool ip4_has_df(const struct ip4_hdr *h) { return h->frag.raw & BE16(IP4_DF).raw; }
static inline bool ip4_is_fragment(const struct ip4_hdr *h) { return h->frag.raw & BE16(IP4_MF | IP4_OFFSET).raw; }

/* 0 when the checksum of a received header is right; else the value to store in a header whose check field is 0.
 * hlen: bytes, a multiple of 4, at least 20. */
static inline u16 ip4_hdr_csum(const void *hdr, u32 hlen)
{
	const u8 *p = hdr;
	u64 a, b, sum;
	u32 c;
	memcpy(&a, p, 8);
	memcpy(&b, p + 8, 8);
	memcpy(&c, p + 16, 4);
	sum = (a & 0xffffffff) + (a >> 32) + (b & 0xffffffff) + (b >> 32) + c;
	for (u32 i = 20; unlikely(i < hlen); i += 4) {
		memcpy(&c, p + i, 4);
		sum += c;
	}
	sum = (sum & 0xffffffff) + (sum >> 32);
	return csum_fold((u32)(sum + (sum >> 32)));
}
static inline void ip4_set_csum(struct ip4_hdr *h)
{
	h->check = 0;
	h->check = ip4_hdr_csum(h, ip4_hlen(h));
}
/* One hop: the TTL goes down by one, the checksum follows (RFC 1141). The TTL must be at least 1. */
static inline void ip4_dec_ttl(struct ip4_hdr *h)
{
	u32 check = (u32)h->check + BE16(0x0100).raw;
	h->check = (u16)(check + (check >= 0xffff));
	h->ttl--;
}

#endif
