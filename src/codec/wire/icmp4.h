/* ICMP for IPv4 (RFC 792, 1122, 1191, 1812): header, types and codes. */
#ifndef CODEC_WIRE_ICMP4_H
#define CODEC_WIRE_ICMP4_H

#include "base/types.h"

#define ICMP4_HDR_LEN 8

enum icmp4_type { ICMP4_ECHOREPLY = 0, ICMP4_UNREACH = 3, ICMP4_SOURCE_QUENCH = 4, ICMP4_REDIRECT = 5, ICMP4_ECHO = 8,
		  ICMP4_TIME_EXCEEDED = 11, ICMP4_PARAM_PROBLEM = 12, ICMP4_TIMESTAMP = 13, ICMP4_TIMESTAMPREPLY = 14,
		  ICMP4_INFO_REQUEST = 15, ICMP4_INFO_REPLY = 16, ICMP4_ADDRESS = 17, ICMP4_ADDRESSREPLY = 18,
		  ICMP4_EXT_ECHO = 42, ICMP4_EXT_ECHOREPLY = 43, ICMP4_TYPE_MAX = 18 };
enum icmp4_unreach { ICMP4_NET_UNREACH, ICMP4_HOST_UNREACH, ICMP4_PROT_UNREACH, ICMP4_PORT_UNREACH, ICMP4_FRAG_NEEDED, ICMP4_SR_FAILED,
		     ICMP4_NET_UNKNOWN, ICMP4_HOST_UNKNOWN, ICMP4_HOST_ISOLATED, ICMP4_NET_ANO, ICMP4_HOST_ANO, ICMP4_NET_UNR_TOS,
		     ICMP4_HOST_UNR_TOS, ICMP4_PKT_FILTERED, ICMP4_PREC_VIOLATION, ICMP4_PREC_CUTOFF, ICMP4_UNREACH_MAX = 15 };
enum icmp4_redirect { ICMP4_REDIR_NET, ICMP4_REDIR_HOST, ICMP4_REDIR_NETTOS, ICMP4_REDIR_HOSTTOS };
enum icmp4_time_exceeded { ICMP4_EXC_TTL, ICMP4_EXC_FRAGTIME };

struct icmp4_hdr {
	u8 type, code;
	u16 check; /* over the whole message: see checksum.h */
	union {
		struct { be16 id, seq; } echo;
		be32 gateway;			/* redirect */
		struct { be16 unused, mtu; } frag; /* fragmentation needed */
		struct { u8 pointer, len, unused[2]; } param; /* len: RFC 4884, of the quoted datagram in 32-bit words */
		be32 word;
	};
} __packed_alias;
_Static_assert(sizeof(struct icmp4_hdr) == ICMP4_HDR_LEN, "no padding");

/* Errors quote a datagram; everything else asks or answers. */
static inline bool icmp4_is_error(u8 type)
{
	return type == ICMP4_UNREACH || type == ICMP4_SOURCE_QUENCH || type == ICMP4_REDIRECT || type == ICMP4_TIME_EXCEEDED ||
	       type == ICMP4_PARAM_PROBLEM;
}

#endif
