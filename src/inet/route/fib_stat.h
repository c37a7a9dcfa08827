/* What routing counts of a world, apart for each cpu: how lookups of IPv4 went (/proc/net/stat/rt_cache), and the traffic of realms
 * (/proc/net/rt_acct). As in Linux they are the machine's, not a namespace's. */
#ifndef INET_ROUTE_FIB_STAT_H
#define INET_ROUTE_FIB_STAT_H

#include "core/cpu.h"

struct fib_stat {		/* of a cpu, who writes it, but for entries */
	u32 entries;		/* IPv4's dsts of namespaces at home here that are alive; atomic */
	u32 made;		/* dsts that a lookup had to make, as there was none of this generation */
	u32 in_slow_tot, in_slow_mc, in_no_route, in_brd, in_martian_dst, in_martian_src, out_slow_tot, out_slow_mc;
	struct fib_acct { u32 o_bytes, o_packets, i_bytes, i_packets; } acct[256]; /* received packets: o: whose destination, i: whose source is in the realm */
};
static inline struct fib_stat *fib_stat_of(struct cpu *cpu) { return &cpu->world->fib_stat[cpu->id]; }
static inline void fib_acct_rx(struct cpu *cpu, u32 realms, u32 bytes)
{
	struct fib_acct *to = &fib_stat_of(cpu)->acct[realms & 255], *from = &fib_stat_of(cpu)->acct[realms >> 16 & 255];
	to->o_packets++;
	to->o_bytes += bytes;
	from->i_packets++;
	from->i_bytes += bytes;
}
int fib_stat_init(struct world *w); /* -ENOMEM */
void fib_stat_fini(struct world *w);

#endif
