/* NAPI: a source of packets that is polled. Scheduled by its interrupt, polled by cpu_run() within budgets until it has no more.
 * Drivers and the cpus' backlogs are such sources. GRO is link/'s. */
#ifndef CORE_NAPI_H
#define CORE_NAPI_H

#include "core/skb.h"

struct napi {
	struct list poll_link;	/* in cpu->napi_list while scheduled */
	struct net_device *dev;	/* NULL for the backlog */
	/* Handles up to `budget` packets and returns how many. Fewer than budget: done, and napi_complete() was called. */
	int (*poll)(struct cpu *cpu, struct napi *napi, int budget);
	int weight;		/* most packets a poll; 0: the world's dev_weight */
	struct gro *gro;	/* packets held for merging: link/gro.h; NULL: none are */
	void *priv;
};

/* Puts it on this cpu's list (no-op when it is there), and kicks a sleeping cpu. */
void napi_schedule(struct cpu *cpu, struct napi *napi);
static inline bool napi_scheduled(const struct napi *napi) { return list_linked(&napi->poll_link); }
/* Takes it off the list; napi_complete() of link/ flushes GRO and calls this. */
static inline void napi_unschedule(struct napi *napi)
{
	if (napi_scheduled(napi))
		list_del(&napi->poll_link);
}

#endif
