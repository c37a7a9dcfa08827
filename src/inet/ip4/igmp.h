/* IGMP among its files: igmp.c (membership), igmp_report.c (what is told, and when), igmp_rx.c (queries and others' reports). */
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
struct igmp_record { u8 type, auxwords; be16 nsrcs; be32 group; be32 src[]; } __packed_alias;
enum { REC_IS_INCLUDE = 1, REC_IS_EXCLUDE, REC_TO_INCLUDE, REC_TO_EXCLUDE, REC_ALLOW, REC_BLOCK };

/* igmp.c */
u8 igmp_group_mode(const struct ip4_mc_group *g); /* MCAST_EXCLUDE, MCAST_INCLUDE */
/* Whether the source stands in the group's filter, as a report lists it. */
bool igmp_source_listed(const struct ip4_mc_group *g, const struct ip4_mc_source *s);
void igmp_group_free(struct in_device *idev, struct ip4_mc_group *g);
void igmp_source_free(struct in_device *idev, struct ip4_mc_source *s);
/* igmp_report.c */
unsigned igmp_version(const struct cpu *cpu, const struct in_device *idev); /* that routers here understand: 1, 2, 3 */
bool igmp_reported(const struct in_device *idev, be32 group);	      /* groups that routers hear of at all */
void igmp_group_added(struct cpu *cpu, struct in_device *idev, struct ip4_mc_group *g);
void igmp_group_dropped(struct cpu *cpu, struct in_device *idev, struct ip4_mc_group *g);
void igmp_mode_changed(struct cpu *cpu, struct in_device *idev, struct ip4_mc_group *g);
void igmp_sources_changed(struct cpu *cpu, struct in_device *idev, struct ip4_mc_group *g);
void igmp_group_timer(void *owner, struct timer *t);
void igmp_group_arm(struct cpu *cpu, struct ip4_mc_group *g, u64 within_ns); /* a moment at random within that */
void igmp_general_arm(struct cpu *cpu, struct in_device *idev, u64 within_ns);
void igmp_forget_changes(struct in_device *idev); /* an older router is about: what waited to be told is not */
void igmp_dev_init(struct in_device *idev);
void igmp_dev_reset(struct in_device *idev);
void igmp_dev_stop(struct in_device *idev);

#endif
