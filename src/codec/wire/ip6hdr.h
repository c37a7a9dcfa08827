/* IPv6 header (RFC 8200), extension headers, option numbers, and the kinds of address (RFC 4291). */
#ifndef CODEC_WIRE_IP6HDR_H
#define CODEC_WIRE_IP6HDR_H

#include "base/types.h"
#include "codec/wire/checksum.h"

#define IP6_HDR_LEN 40
#define IP6_MIN_MTU 1280 /* RFC 8200 section 5: every link carries this */
#define IP6_FRAG_HDR_LEN 8
#define IP6_EXT_MAX 2048 /* most bytes of one extension header */

enum ip6_nexthdr { IP6_NH_HOPOPTS = 0, IP6_NH_ROUTING = 43, IP6_NH_FRAGMENT = 44, IP6_NH_ICMP = 58, IP6_NH_NONE = 59, IP6_NH_DSTOPTS = 60,
		   IP6_NH_AUTH = 51, IP6_NH_MOBILITY = 135 };
enum ip6_opt { IP6_OPT_PAD1 = 0, IP6_OPT_PADN = 1, IP6_OPT_ROUTER_ALERT = 5, IP6_OPT_CALIPSO = 7, IP6_OPT_IOAM = 49, IP6_OPT_JUMBO = 194, IP6_OPT_HOME = 201 };
#define IP6_OPT_ACTION(type) ((type) >> 6) /* of an option that is not known: skip, drop, tell, tell unless to a group */
enum ip6_frag_bits { IP6_MF = 1, IP6_FRAG_OFFSET = 0xfff8 };

struct ip6_hdr {
	be32 vtf; /* version 4 bits, traffic class 8, flow label 20 */
	be16 payload_len;
	u8 nexthdr, hop_limit;
	u8 saddr[16], daddr[16];
} __packed_alias;
_Static_assert(sizeof(struct ip6_hdr) == IP6_HDR_LEN, "no padding");
struct ip6_ext { u8 nexthdr, len; /* in units of 8 bytes, without the first 8 */ } __packed_alias;
struct ip6_frag_hdr { u8 nexthdr, reserved; be16 off; be32 id; } __packed_alias;
enum ip6_rt_type { IP6_RT_RPL = 3, IP6_RT_SEGMENT = 4 };
struct ip6_rt_hdr { u8 nexthdr, len, type, segments_left; } __packed_alias;

#define IP6_FLOWLABEL_MASK 0xfffffu
static inline u32 ip6_version(const struct ip6_hdr *h) { return be32_to_cpu(h->vtf) >> 28; }
static inline u8 ip6_tclass(const struct ip6_hdr *h) { return (u8)(be32_to_cpu(h->vtf) >> 20); }
static inline be32 ip6_flowlabel(const struct ip6_hdr *h) { return (be32){ h->vtf.raw & BE32(IP6_FLOWLABEL_MASK).raw }; }
static inline u32 ip6_payload_len(const struct ip6_hdr *h) { return be16_to_cpu(h->payload_len); }
static inline be32 ip6_vtf(u8 tclass, be32 label)
{
	return (be32){ cpu_to_be32(6u << 28 | (u32)tclass << 20).raw | (label.raw & BE32(IP6_FLOWLABEL_MASK).raw) };
}
static inline void ip6_set_tclass(struct ip6_hdr *h, u8 tclass) { h->vtf = ip6_vtf(tclass, ip6_flowlabel(h)); }
static inline bool ip6_is_ext(u8 nh)
{
	return nh == IP6_NH_HOPOPTS || nh == IP6_NH_ROUTING || nh == IP6_NH_FRAGMENT || nh == IP6_NH_AUTH || nh == IP6_NH_NONE ||
	       nh == IP6_NH_DSTOPTS;
}
/* Bytes of an extension header: AUTH counts in 32-bit words, a fragment header is always 8. */
static inline u32 ip6_ext_len(u8 nh, u8 len) { return nh == IP6_NH_AUTH ? (len + 2u) * 4 : nh == IP6_NH_FRAGMENT ? 8 : (len + 1u) * 8; }

#endif
