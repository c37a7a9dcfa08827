/* What nexthop.c, nexthop_resilient.c and fib_info.c share. */
#ifndef INET_ROUTE_NEXTHOP_PRIV_H
#define INET_ROUTE_NEXTHOP_PRIV_H

#include "inet/route/fib_priv.h"
#include "inet/route/nexthop.h"

unsigned nexthop_hops(const struct nexthop *nh);
/* Copies nh's hops for fi: each holds its device; dsts are the caller's to make. */
void nexthop_fill_hops(const struct nexthop *nh, struct fib_info *fi, struct fib_nh *hops);
int fib_object_check(const struct nexthop *nh, const struct fib_config *c); /* may a route as c asks for lead over nh (NULL: it is not there)? */
bool nexthop_is_blackhole(const struct nexthop *nh);
void nexthop_dev_event(struct cpu *cpu, struct netns *net, enum net_event ev, const struct net_device *dev);
void nexthops_fini(struct netns *net);

/* nexthop_resilient.c */
int nexthop_resilient_new(struct cpu *cpu, struct nexthop *group, const struct nexthop_config *c);
void nexthop_resilient_free(struct nexthop *group);
/* The group was replaced: the new table keeps where flows went, as far as the hops are still there. */
void nexthop_resilient_take_over(struct cpu *cpu, struct nexthop *group, struct nexthop_resilient *old, const struct nexthop_member *was,
				 unsigned n, const struct nexthop_config *c);
void nexthop_resilient_lost(struct cpu *cpu, struct nexthop *group, s32 member); /* members behind it moved up by one */
unsigned nexthop_resilient_pick(struct cpu *cpu, struct nexthop *group, u32 hash, bool probe); /* probe: the bucket stays idle */

#endif
