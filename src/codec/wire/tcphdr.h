/* TCP header (RFC 9293) and option numbers and lengths. */
#ifndef CODEC_WIRE_TCPHDR_H
#define CODEC_WIRE_TCPHDR_H

#include "base/types.h"

#define TCP_HDR_LEN 20
#define TCP_HDR_MAX 60

enum tcp_flag { TCPF_FIN = 0x01, TCPF_SYN = 0x02, TCPF_RST = 0x04, TCPF_PSH = 0x08, TCPF_ACK = 0x10, TCPF_URG = 0x20, TCPF_ECE = 0x40,
		TCPF_CWR = 0x80 };

enum tcp_opt { TCPO_EOL = 0, TCPO_NOP = 1, TCPO_MSS = 2, TCPO_WSCALE = 3, TCPO_SACK_PERM = 4, TCPO_SACK = 5, TCPO_TIMESTAMP = 8,
	       TCPO_MD5SIG = 19, TCPO_AO = 29, TCPO_MPTCP = 30, TCPO_FASTOPEN = 34, TCPO_ACCECN0 = 172, TCPO_ACCECN1 = 174, TCPO_EXP = 254 };
enum tcp_opt_len { TCPO_MSS_LEN = 4, TCPO_WSCALE_LEN = 3, TCPO_SACK_PERM_LEN = 2, TCPO_SACK_BASE_LEN = 2, TCPO_SACK_BLOCK_LEN = 8,
		   TCPO_TIMESTAMP_LEN = 10, TCPO_TIMESTAMP_ALIGNED_LEN = 12, TCPO_MD5SIG_LEN = 18, TCPO_FASTOPEN_BASE_LEN = 2 };
#define TCP_WSCALE_MAX 14
/* Two NOPs, timestamp option, length 10: the first word of the aligned timestamp that nearly every segment carries. */
#define TCPO_TIMESTAMP_WORD (TCPO_NOP << 24 | TCPO_NOP << 16 | TCPO_TIMESTAMP << 8 | TCPO_TIMESTAMP_LEN)

struct tcp_hdr {
	be16 sport, dport;
	be32 seq, ack;
	u8 doff;    /* header length in 32-bit words in the upper 4 bits; the lower 4 are reserved (AE in the last) */
	u8 flags;   /* enum tcp_flag */
	be16 window;
	u16 check;  /* see checksum.h */
	be16 urg;
} __packed_alias;
_Static_assert(sizeof(struct tcp_hdr) == TCP_HDR_LEN, "no padding");

static inline u32 tcp_hlen(const struct tcp_hdr *h) { return (h->doff >> 4) * 4u; } /* bytes, 0..60: check it */
/* The bits AE, CWR, ECE as one number: the ACE field of RFC 9768. */
static inline u8 tcp_ace(const struct tcp_hdr *h) { return (u8)((h->doff & 1) << 2 | h->flags >> 6 >> 1 << 1 | (h->flags >> 6 & 1)); }

#endif
