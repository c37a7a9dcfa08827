/* Group membership on the wire: IGMP (RFC 1112, 2236, 3376) and MLD (RFC 2710, 3810), whose types are ICMPv6's (icmp6.h). */
#ifndef CODEC_WIRE_IGMPHDR_H
#define CODEC_WIRE_IGMPHDR_H

#include "base/types.h"

#define IGMP_QUERY 0x11
#define IGMP_REPORT_V1 0x12
#define IGMP_REPORT_V2 0x16
#define IGMP_LEAVE 0x17
#define IGMP_REPORT_V3 0x22

struct igmp_hdr { u8 type, code; u16 check; be32 group; } __packed_alias;
struct igmp_query3 { struct igmp_hdr h; u8 resv_s_qrv, qqic; be16 nsrcs; be32 src[]; } __packed_alias; /* RFC 3376 section 4.1 */
struct igmp_report3 { u8 type, resv1; u16 check; be16 resv2, ngrec; } __packed_alias;		      /* section 4.2 */

struct mld_hdr { u8 type, code; u16 check; be16 max_delay, resv; u8 group[16]; } __packed_alias; /* RFC 2710 section 3 */
struct mld2_query { struct mld_hdr h; u8 resv_s_qrv, qqic; be16 nsrcs; u8 src[]; } __packed_alias; /* RFC 3810 section 5.1 */
struct mld2_report { u8 type, resv1; u16 check; be16 resv2, ngrec; } __packed_alias;		   /* section 5.2 */

/* A record of a report of the newest version: sources follow the group (4 or 16 bytes), then aux words. */
struct mc_record_hdr { u8 type, aux_words; be16 nsrcs; } __packed_alias;

/* Codes of the newest queries from 128 on are floating point: 1eee mmmm. In tenths of a second, or in seconds for the interval. */
static inline u32 igmp3_code_value(u8 c) { return c < 128 ? c : (u32)((c & 15) | 16) << ((c >> 4 & 7) + 3); }
static inline u8 igmp3_code(u32 v) /* the nearest that is not more */
{
	u8 e = 0;
	if (v < 128)
		return (u8)v;
	if (v >= 31744)
		return 0xff;
	while (v >> (e + 3) > 31)
		e++;
	return (u8)(0x80 | e << 4 | (v >> (e + 3) & 15));
}
/* MLDv2's: 16 bits, 1eee mmmm mmmm mmmm, in milliseconds. */
static inline u32 mld2_code_value(u16 c) { return c < 32768 ? c : (u32)((c & 0xfff) | 0x1000) << ((c >> 12 & 7) + 3); }
static inline u16 mld2_code(u32 v)
{
	u8 e = 0;
	if (v < 32768)
		return (u16)v;
	if (v >= 8387584)
		return 0xffff;
	while (v >> (e + 3) > 0x1fff)
		e++;
	return (u16)(0x8000 | e << 12 | (v >> (e + 3) & 0xfff));
}

#endif
