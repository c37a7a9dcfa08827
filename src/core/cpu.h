/* struct cpu: one lane. It owns its timers, backlog, NAPI list, sk_buff caches and counters, so the packet path takes no
 * lock. See core/world.h for who may touch it. */
#ifndef CORE_CPU_H
#define CORE_CPU_H

#include "base/rng.h"
#include "base/timer.h"
#include "core/napi.h"
#include "core/skb.h"
#include "core/world.h"

struct cpu_work {
	struct list link;
	void (*fn)(struct cpu *cpu, struct cpu_work *work);
};

/* Work that another cpu hands over: runs at the begin of the receiver's next step. The node is the giver's and may lie in any object
 * that lives until then. */
struct cpu_call {
	struct cpu_call *next;
	void (*fn)(struct cpu *cpu, struct cpu_call *call);
	u32 queued;		 /* atomic: a second cpu_call() before it ran does nothing */
};

struct cpu {
	struct world *world;
	unsigned id;
	u64 now;		 /* monotonic ns, set once per run */
	struct timer_wheel *timers;
	struct rng rng;
	struct skb_cache *skb_cache;
	struct list napi_list;	 /* struct napi.poll_link, scheduled on this cpu */
	struct list work_list;	 /* struct cpu_work, runs at the end of the step: tx doorbells, socket wake-ups, GRO flushes */
	struct skb_list backlog; /* packets that loopback, veth and RPS put here; handled by the backlog's poll */
	struct napi backlog_napi;
	u32 backlog_max;	 /* net.core.netdev_max_backlog of the world's first namespace */
	struct cross_ring *from[MAX_CPUS]; /* packets that other cpus put here: single producer, single consumer; NULL until used */
	struct call_ctx *caller; /* on whose behalf the stack runs, NULL when nobody's: see core/caller.h */
	struct { /* /proc/net/softnet_stat; processed: counted by netif_receive */
		u64 processed, dropped, time_squeeze, received_rps;
	} softnet;
	u64 drops[SKB_DROP_REASON_MAX]; /* of packets that belonged to no namespace */
	struct { u64 since; u32 said, kept; } log; /* world_log_limited */
	u16 xmit_depth;		 /* device transmit within device transmit: link/tx.c bounds it */
	bool running;		 /* inside cpu_run: transmit must not recurse into receive */
	unsigned depth;		 /* cpu_enter and cpu_run: nesting */
	u64 next_wake;		 /* what the last cpu_run returned; kick() when a timer or work undercuts it */
	u64 to_kick;		 /* bit per cpu that got packets during this step: kicked at its end */
	u64 step __cacheline_aligned; /* odd while inside a step; read by other cpus for epochs. Atomic */
	struct cpu_call *calls;	 /* from other cpus, newest first; atomic */
	u32 kicked;		 /* another cpu put work here and kicked; atomic */
};

/* Runs `work` at the end of this cpu's present (or next) step; a second call before that does nothing. */
void cpu_work_add(struct cpu *cpu, struct cpu_work *work);
/* Arms on this cpu, and kicks the host when the cpu sleeps longer than that. */
void cpu_timer_arm(struct cpu *cpu, struct timer *t, u64 expires);
/* Runs c->fn on `to`. From any cpu's baton. */
void cpu_call(struct cpu *to, struct cpu_call *c);
/* Puts a packet (skb->dev set to the receiving device) on `to`'s backlog. Consumes; a full backlog drops with
 * SKB_DROP_REASON_CPU_BACKLOG and returns false. Safe from any cpu's baton. */
bool cpu_backlog_add(struct cpu *cpu, struct cpu *to, struct sk_buff *skb);
/* Drops the packets that came by dev from all backlogs and rings. All batons held. */
void cpu_backlog_flush(struct world *w, const struct net_device *dev);

/* Work that cpu_run would do at once: scheduled polls, deferred work, packets from other cpus. */
bool cpu_has_work(const struct cpu *cpu);

/* Asks the host to run this cpu soon; any thread with any baton may. */
void cpu_kick(struct cpu *cpu);

/* -- among world.c, cpu.c and backlog.c -- */
void backlog_init(struct cpu *cpu);
void backlog_fini(struct cpu *cpu);
u32 backlog_crossed_count(const struct cpu *cpu); /* packets of other cpus that wait */
bool backlog_crossed(const struct cpu *cpu);
u64 backlog_dropped(const struct cpu *cpu);  /* softnet_stat's second column */
int cpu_new(struct world *w, unsigned id, const struct world_config *cfg, struct cpu **out); /* 0, -ENOMEM */
void cpu_drain(struct cpu *cpu); /* drops what waits in backlog and rings */
void cpu_fini(struct cpu *cpu);	 /* timers and rings; the packet caches stay until skb_pool_free */
void cpu_free(struct cpu *cpu);

static inline struct mem *cpu_mem(struct cpu *cpu) { return &cpu->world->mem; }

#endif
