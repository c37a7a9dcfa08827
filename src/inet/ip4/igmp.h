/* IGMP among its files: igmp.c (what of inet/mc.h is its own), igmp_rx.c (queries and others' reports). */
#ifndef INET_IP4_IGMP_H
#define INET_IP4_IGMP_H

#include "inet/ip4/ip4_priv.h"

#define IGMP_QUERY 0x11
#define IGMP_REPORT_V1 0x12
#define IGMP_REPORT_V2 0x16
#define IGMP_LEAVE 0x17
#define IGMP_REPORT_V3 0x22

struct igmp_hdr { u8 type, code; u16 check; be32 group; } __packed_alias;
struct igmp_query3 { struct igmp_hdr h; u8 resv_s_qrv, qqic; be16 nsrcs; be32 src[]; } __packed_alias; /* RFC 3376 section 4.1 */
struct igmp_report3 { u8 type, resv1; u16 check; be16 resv2, ngrec; } __packed_alias;		      /* section 4.2 */

unsigned igmp_version(const struct cpu *cpu, const struct in_device *idev); /* that routers here understand: 1, 2, 3 */
bool igmp_reported(const struct in_device *idev, be32 group);		    /* groups that routers hear of at all */

#endif
