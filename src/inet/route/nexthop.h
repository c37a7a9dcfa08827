/* Next-hop objects (ip-nexthop(8)): hops that have a name, so that routes share one and follow when it changes.
 *
 * A fib_info made of an object has a copy of its hops, made again when the object changes; the object knows them all. A group names
 * single objects with weights. A resilient group maps flows to hops through a table of buckets, which moves flows only when a hop
 * went, or when the bucket has been idle (Linux: nexthop-group-resilient).
 */
#ifndef INET_ROUTE_NEXTHOP_H
#define INET_ROUTE_NEXTHOP_H

#include <linux/nexthop.h>

#include "base/rbtree.h"
#include "inet/route/fib.h"

struct nexthop;
struct nexthop_member {		/* one entry of a group */
	struct nexthop *nh, *group;
	struct list link;	/* nh->member_of */
	u32 weight;
	u16 buckets, wants;	/* resilient: has, should have */
	u64 packets;		/* of a group with several: how many lookups chose it */
};
struct nexthop_bucket {
	s32 member;		/* of the group; -1: none */
	bool unused;		/* carried nothing since it came to this member, so it may leave at once */
	u64 used;		/* ns */
};
struct nexthop_resilient {
	u16 count;
	u64 idle_ns, unbalanced_ns; /* unbalanced_ns 0: never force */
	u64 unbalanced_since;	/* 0: balanced */
	struct timer timer;
	struct nexthop *group;
	struct nexthop_bucket b[];
};
struct nexthop {
	struct rbnode node;	/* by id */
	struct netns *net;
	u32 id;
	u8 family, protocol;
	bool blackhole, fdb, hw_stats; /* hw_stats: a device that forwards is asked for its counts; none here does */
	struct fib_nh hop;	/* a single one: dev (held), gateway, scope, flags */
	struct list member_of;	/* struct nexthop_member.link */
	struct list infos;	/* struct fib_info.nexthop_link */
	struct nexthop_member *members; /* a group: [n]; NULL: a single one */
	unsigned n;
	struct nexthop_resilient *res;
};
struct nexthop_config {
	u32 id;			/* 0: any free one */
	u8 family, protocol, flags; /* RTNH_F_ONLINK */
	bool blackhole, fdb, hw_stats, has_gw;
	struct inaddr gateway;
	s32 oif;
	const struct nexthop_grp *group; /* [n], or NULL */
	unsigned n;
	bool resilient, has_buckets, has_idle, has_unbalanced;
	u16 buckets;
	u64 idle_ns, unbalanced_ns;
	u32 nl_flags, portid, seq;
	struct nl_ext_ack *ack;
};
struct nexthop_event { const struct nexthop *nh; u32 portid, seq, nl_flags; u16 bucket; };

struct nexthop *nexthop_find(struct netns *net, u32 id); /* borrowed */
struct nexthop *nexthop_next(struct netns *net, u32 id); /* the first with a greater id */
int nexthop_set(struct cpu *cpu, struct netns *net, const struct nexthop_config *c); /* NLM_F_REPLACE, _CREATE, _EXCL as asked */
/* why: the request (nh is filled in), NULL: nobody is told, as when its device goes. */
void nexthop_del(struct cpu *cpu, struct nexthop *nh, const struct nexthop_event *why);
static inline bool nexthop_is_group(const struct nexthop *nh) { return nh->members != NULL; }
/* Weights of 16 bits: struct nexthop_grp's `weight` and the byte above it, which is called resvd1 or, in newer headers, weight_high. */
static inline u8 *nexthop_grp_weight_high(struct nexthop_grp *g) { return (u8 *)g + offsetof(struct nexthop_grp, weight) + 1; }
static inline u32 nexthop_grp_weight_of(const struct nexthop_grp *g)
{
	return ((u32)g->weight | (u32)*nexthop_grp_weight_high((struct nexthop_grp *)g) << 8) + 1u;
}

#endif
