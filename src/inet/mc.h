/* Groups that a device listens to, in either family: who joined, which sources are wanted, and what routers are told of it by IGMP
 * (RFC 3376) or MLD (RFC 3810), which is IGMP version 3 with longer addresses. What differs is a const struct mc_family each, in
 * inet/ip4/igmp.c and inet/ip6/mld.c. Addresses are struct inaddr's: IPv4's in their mapped form.
 */
#ifndef INET_MC_H
#define INET_MC_H

#include <netinet/in.h>

#include "base/timer.h"
#include "core/cpu.h"
#include "inet/addr.h"
#include "link/netdevice.h"

struct mc_source {		/* mc_group.sources */
	struct list link;
	struct inaddr addr;
	u32 count[2];		/* members that exclude ([MCAST_EXCLUDE]), include it */
	u8 to_tell;		/* so often routers are still to be told of it: ALLOW, or BLOCK */
	bool allow, was_listed, asked;
};
struct mc_group {
	struct list link;	/* mc_dev.groups */
	struct mc_dev *md;
	struct inaddr addr;
	u64 joined;		/* ns */
	u32 users;		/* 0: left, but routers are still to be told */
	u32 members[2];		/* of users: with an EXCLUDE, an INCLUDE filter */
	struct list sources;
	struct timer timer;	/* the answer to a query; older versions: reports nobody asked for, too */
	u8 to_tell, unsolicited; /* so often its mode, its report is still to be told */
	bool reporter, asked_sources;
	bool on_wire;		/* the device's filter has it */
};
struct mc_dev {			/* of one device and family; home cpu */
	struct net_device *dev;
	const struct mc_family *fam;
	struct list groups;	/* the newest first */
	struct timer changes, general;
	u64 older_until[2];	/* until then a router of version 1, 2 (IGMP) is taken to be here */
	u64 query_interval, response_interval; /* ns */
	u8 robustness;
};
enum mc_record { MC_IS_INCLUDE = 1, MC_IS_EXCLUDE, MC_TO_INCLUDE, MC_TO_EXCLUDE, MC_ALLOW, MC_BLOCK };
struct mc_family {
	u8 addr_len;		/* on the wire: 4 or 16 */
	/* The version that routers here understand, and whether it is the newest, with source filters. */
	unsigned (*version)(const struct cpu *cpu, const struct mc_dev *md, bool *newest);
	bool (*reported)(const struct mc_dev *md, const struct inaddr *group); /* groups that routers hear of at all */
	bool (*map)(const struct mc_dev *md, const struct inaddr *group, u8 *mac); /* false: the device needs no filter for it */
	u8 (*robustness)(const struct mc_dev *md);
	u64 (*unsolicited_ns)(const struct cpu *cpu, const struct mc_dev *md);
	/* A report of an older version, or (leave) its end. */
	void (*send_old)(struct cpu *cpu, struct mc_dev *md, const struct inaddr *group, bool leave);
	u32 (*room)(const struct mc_dev *md); /* bytes of records that one report of the newest version holds */
	void (*send)(struct cpu *cpu, struct mc_dev *md, const u8 *records, u32 len, u16 n);
};
/* A member's filter. */
struct mc_filter { u8 mode; /* MCAST_EXCLUDE, MCAST_INCLUDE */ const struct inaddr *source; u32 n; };

/* mc_group.c. NULL: not a member. */
struct mc_group *mc_find(const struct mc_dev *md, const struct inaddr *group);
struct mc_group *mc_next(const struct mc_dev *md, const struct mc_group *g); /* g NULL: the first; those that somebody has joined */
/* Whether a packet of that source is wanted; source NULL: of anybody. */
bool mc_wants(const struct mc_dev *md, const struct inaddr *group, const struct inaddr *source);
/* One more member of `mode`, without sources yet. -ENOMEM. */
int mc_join(struct cpu *cpu, struct mc_dev *md, const struct inaddr *group, u8 mode);
/* A member's filter changes. -ENODEV (none there), -ENOBUFS. */
int mc_change(struct cpu *cpu, struct mc_dev *md, const struct inaddr *group, const struct mc_filter *old, const struct mc_filter *new);
void mc_leave(struct cpu *cpu, struct mc_dev *md, const struct inaddr *group, const struct mc_filter *f);
void mc_init(struct mc_dev *md, struct net_device *dev, const struct mc_family *fam);
void mc_link_up(struct cpu *cpu, struct mc_dev *md);
void mc_link_down(struct cpu *cpu, struct mc_dev *md);
void mc_purge(struct mc_dev *md);
/* Among the two files. */
u8 mc_mode(const struct mc_group *g);
bool mc_source_listed(const struct mc_group *g, const struct mc_source *s); /* as a report lists it */
void mc_group_free(struct mc_group *g);
void mc_source_free(struct mc_group *g, struct mc_source *s);
/* mc_report.c */
void mc_reset(struct mc_dev *md); /* nothing is known of routers */
void mc_group_added(struct cpu *cpu, struct mc_group *g);
void mc_group_dropped(struct cpu *cpu, struct mc_group *g, u8 mode); /* mode: it had; frees it, now or when it was told */
void mc_mode_changed(struct cpu *cpu, struct mc_group *g);
void mc_sources_changed(struct cpu *cpu, struct mc_group *g);
void mc_group_timer(void *owner, struct timer *t);
void mc_changes_timer(void *owner, struct timer *t);
void mc_general_timer(void *owner, struct timer *t);
/* For those who read queries: all groups answer within max_ns; one (or all that report: NULL), of all or nsrcs sources, does. */
void mc_answer_all(struct cpu *cpu, struct mc_dev *md, u64 max_ns);
void mc_answer(struct cpu *cpu, struct mc_dev *md, const struct inaddr *group, u64 max_ns, const u8 *sources, unsigned nsrcs);
void mc_other_reported(struct mc_dev *md, const struct inaddr *group);
/* A router of an older version (1, 2) is about: what waited to be told is not. */
void mc_older_querier(struct cpu *cpu, struct mc_dev *md, unsigned version);
/* Tells the state of all groups, as when they were joined anew. */
void mc_tell_all(struct cpu *cpu, struct mc_dev *md);

#endif
