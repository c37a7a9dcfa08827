/* A namespace's neighbour tables: entries, parameters, limits, counters. neigh*.c write it; control/ reads it for dumps. */
#ifndef LINK_NETNS_NEIGH_H
#define LINK_NETNS_NEIGH_H

#include "core/subsys.h"
#include "link/neigh.h"

struct neigh_stats { /* /proc/net/stat/arp_cache */
	u64 allocs, destroys, hash_grows, res_failed, lookups, hits, rcv_probes_mcast, rcv_probes_ucast, periodic_gc_runs,
		forced_gc_runs, unres_discards, table_fulls;
};
struct neigh_slot { /* one family */
	struct netns *net;
	const struct neigh_table *tbl; /* NULL until the family uses it */
	struct htable hash;
	struct list entries;	/* struct neighbour.lru, least recently made or refreshed first */
	u64 serial;		/* of the entry made last */
	u32 count;		/* entries */
	u32 gc_count;		/* of these, those that may be collected: not permanent, not managed from outside */
	struct neigh_parms dflt;
	struct list parms;	/* struct neigh_parms.link, of devices */
	struct list proxies;	/* struct neigh_proxy */
	s32 gc_thresh1, gc_thresh2, gc_thresh3; /* those of the first namespace count */
	u64 gc_interval;
	u64 last_flush, last_rand; /* ns */
	struct timer gc_timer;
	struct timer managed_timer; /* runs while there are managed entries */
	u32 managed;		/* how many */
	struct neigh_stats stats;
};
struct netns_neigh {
	struct neigh_slot slot[NEIGH_TABLES];
};
static inline struct neigh_slot *neigh_slot_of(struct netns *net, const struct neigh_table *tbl)
{
	return &net->neigh->slot[tbl->index];
}
/* Whose limits hold: the first namespace's, or its own when that is gone. */
static inline const struct neigh_slot *neigh_limits(const struct neigh_slot *s)
{
	const struct netns *init = s->net->world->init_net;
	return init && init->neigh ? &init->neigh->slot[s - s->net->neigh->slot] : s;
}

/* Which fields of neigh_parms were set for a device: these do not follow the default. */
enum neigh_var { NEIGH_VAR_MCAST_PROBES, NEIGH_VAR_UCAST_PROBES, NEIGH_VAR_APP_PROBES, NEIGH_VAR_MCAST_REPROBES, NEIGH_VAR_PROXY_QLEN,
		 NEIGH_VAR_QUEUE_LEN, NEIGH_VAR_BASE_REACHABLE, NEIGH_VAR_RETRANS, NEIGH_VAR_GC_STALETIME, NEIGH_VAR_DELAY_PROBE,
		 NEIGH_VAR_ANYCAST_DELAY, NEIGH_VAR_PROXY_DELAY, NEIGH_VAR_LOCKTIME, NEIGH_VAR_INTERVAL_PROBE };
/* After a field was set (by sysctl or RTM_SETNEIGHTBL): a default is copied to the devices that follow it; a new base reachable time
 * takes effect at once. */
void neigh_parms_changed(struct netns *net, struct neigh_parms *p, enum neigh_var var);

extern const struct subsys neigh_subsys;	/* after dev_subsys, before the families */
extern const struct event_sub neigh_event_sub;	/* last: the families may use entries of a device that goes down */
extern const struct sysctl_table neigh_arp_sysctls, neigh_arp_limits, neigh_nd_sysctls, neigh_nd_limits;

#endif
