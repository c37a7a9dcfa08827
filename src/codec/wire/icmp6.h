/* ICMPv6 (RFC 4443), neighbour discovery (RFC 4861, 4191, 3971's nonce) and the MLD types (RFC 2710, 3810). */
#ifndef CODEC_WIRE_ICMP6_H
#define CODEC_WIRE_ICMP6_H

#include "base/types.h"

#define ICMP6_HDR_LEN 8

enum icmp6_type { ICMP6_UNREACH = 1, ICMP6_PKT_TOOBIG = 2, ICMP6_TIME_EXCEEDED = 3, ICMP6_PARAM_PROBLEM = 4, ICMP6_ECHO = 128,
		  ICMP6_ECHOREPLY = 129, ICMP6_MLD_QUERY = 130, ICMP6_MLD_REPORT = 131, ICMP6_MLD_DONE = 132, ICMP6_RS = 133, ICMP6_RA = 134,
		  ICMP6_NS = 135, ICMP6_NA = 136, ICMP6_REDIRECT = 137, ICMP6_NI_QUERY = 139, ICMP6_NI_REPLY = 140, ICMP6_MLD2_REPORT = 143,
		  ICMP6_EXT_ECHO = 160, ICMP6_EXT_ECHOREPLY = 161 };
enum icmp6_unreach { ICMP6_NOROUTE, ICMP6_ADM_PROHIBITED, ICMP6_NOT_NEIGHBOUR, ICMP6_ADDR_UNREACH, ICMP6_PORT_UNREACH, ICMP6_POLICY_FAIL,
		     ICMP6_REJECT_ROUTE };
enum icmp6_exceeded { ICMP6_EXC_HOPLIMIT, ICMP6_EXC_FRAGTIME };
enum icmp6_param { ICMP6_HDR_FIELD, ICMP6_UNK_NEXTHDR, ICMP6_UNK_OPTION, ICMP6_HDR_INCOMP };

struct icmp6_hdr {
	u8 type, code;
	u16 check; /* with the pseudo-header */
	union {
		struct { be16 id, seq; } echo;
		be32 word; /* MTU, pointer, reserved */
	};
} __packed_alias;
_Static_assert(sizeof(struct icmp6_hdr) == ICMP6_HDR_LEN, "no padding");
static inline bool icmp6_is_info(u8 type) { return type & 0x80; } /* else it is an error, which quotes a packet */

enum nd_opt { ND_OPT_SLLA = 1, ND_OPT_TLLA = 2, ND_OPT_PREFIX = 3, ND_OPT_REDIR_HDR = 4, ND_OPT_MTU_OPT = 5, ND_OPT_NONCE = 14,
	      ND_OPT_ROUTE = 24, ND_OPT_RDNSS_OPT = 25, ND_OPT_DNSSL_OPT = 31, ND_OPT_6CO = 34, ND_OPT_CAPTIVE = 37, ND_OPT_PREF64_OPT = 38 };
enum nd_na_bits { ND_NA_ROUTER = 0x80, ND_NA_SOLICITED = 0x40, ND_NA_OVERRIDE = 0x20 }; /* of the first byte behind the checksum */
enum nd_ra_bits { ND_RA_MANAGED = 0x80, ND_RA_OTHER = 0x40, ND_RA_PREF_MASK = 0x18 };

/* NS, NA: the target behind the header; redirect: target and destination. Options follow. */
struct nd_msg { struct icmp6_hdr h; u8 target[16]; } __packed_alias;
struct nd_redirect_msg { struct icmp6_hdr h; u8 target[16], dest[16]; } __packed_alias;
struct nd_ra_msg { u8 type, code; u16 check; u8 hop_limit, flags; be16 lifetime_s; be32 reachable_ms, retrans_ms; } __packed_alias;
struct nd_opt_hdr { u8 type, len; /* units of 8 bytes, with this header */ } __packed_alias;
struct nd_opt_prefix { u8 type, len, prefix_len, flags; be32 valid_s, preferred_s, reserved; u8 prefix[16]; } __packed_alias;
enum nd_prefix_bits { ND_PREFIX_ONLINK = 0x80, ND_PREFIX_AUTO = 0x40 };
struct nd_opt_route { u8 type, len, prefix_len, flags; be32 lifetime_s; u8 prefix[]; } __packed_alias;

#endif
