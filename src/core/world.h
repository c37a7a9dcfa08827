/* struct world: a whole stack as a value. Several worlds in one process share nothing.
 *
 * A world holds the clock, the random source, the allocator, the cpus and the namespaces. It makes no system call, has no
 * thread and reads no clock by itself: what it needs from the outside comes through `struct world_ops`.
 *
 * The baton. A struct cpu is one lane; exactly one thread at a time may run it. Which thread is the host's business
 * (host/ keeps one mutex per cpu); in here, a function that takes a `struct cpu *` is called by the holder of its baton.
 * A namespace has a home cpu; all its packets are handled there. Configuration (netlink, ioctl, sysctl writes, creating
 * and deleting namespaces and sockets' shared tables) is called with the batons of ALL cpus held, in cpu order, with
 * config_cpu() as the cpu. Configuration still publishes by pointer swap and frees by epoch_defer(), so that readers may
 * later run without any baton of the writer's.
 */
#ifndef CORE_WORLD_H
#define CORE_WORLD_H

#include "base/hash.h"
#include "base/list.h"
#include "base/mem.h"
#include "base/rng.h"

#define MAX_CPUS 64

struct cpu;
struct fib_stat;
struct netns;
struct world;
struct stack_tables;
struct trace;
struct call_ctx;
struct sk_buff;

/* Outward seam, filled by the host or the simulator. All calls come from a thread that holds some baton. */
struct world_ops {
	/* Monotonic ns now; only for the time stamps of traces and for netdev_budget_usecs. The packet path uses cpu->now. NULL:
	 * cpu->now is used, and steps have no time budget. */
	u64 (*clock)(void *host);
	/* ns since 1970 for SO_TIMESTAMP and the like, at monotonic time `mono`. NULL: mono itself. */
	u64 (*realtime)(void *host, u64 mono);
	/* `cpu` has got work (another cpu queued packets for it, or a timer now expires earlier): run it soon. */
	void (*kick)(void *host, struct cpu *cpu);
	void (*log)(void *host, int level, const char *text); /* syslog levels */
};

struct world_config {
	unsigned ncpus;		 /* 1..MAX_CPUS */
	u8 seed[32];
	u64 start_ns;		 /* monotonic time at birth */
	u64 memory_limit_bytes;	 /* 0: none */
	u64 fail_at;		 /* mem->fail_at from the first allocation on (tests) */
	const struct world_ops *ops; /* may be NULL */
	void *host;		 /* handed to ops */
	const struct stack_tables *tables;
};

struct world {
	struct mem mem;
	const struct world_ops *ops;
	void *host;
	const struct stack_tables *tables; /* everything that is plugged in: see core/stack_tables.h */
	unsigned ncpus;
	struct cpu *cpu[MAX_CPUS];
	struct list netns_list; /* struct netns.world_link, oldest first */
	struct netns *init_net; /* the first namespace, or NULL when it is gone */
	u32 next_netns_id;
	u64 next_cookie;		/* socket cookies, world-wide */
	struct siphash_key hash_key;	/* for tables whose keys a peer chooses */
	struct siphash_key secret;	/* ISNs, ports, IP ids, SYN cookies */
	struct trace *trace;		/* NULL while nobody traces: the one branch */
	u32 netdev_budget, netdev_budget_usecs, dev_weight, netdev_max_backlog; /* net.core.*, see core/softnet.c */
	s32 message_cost, message_burst; /* net.core.*, see core/softnet.c; seconds, lines */
	unsigned next_home;		/* round robin of namespaces over cpus */
	bool dying;			/* world_free began */
	struct epoch *epoch;
	struct skb_pool *skb_pool;	/* the shared depot behind the per-cpu caches */
	struct fib_stat *fib_stat;	/* [ncpus]: inet/route/fib_stat.h */
	void *sub[16];			/* per-world state of subsystems, by index: see core/subsys.h */
};

/* Lower level: no namespace yet. -EINVAL, -ENOMEM. */
int world_new(const struct world_config *cfg, struct world **out);
/* Closes everything: namespaces, sockets, devices. Asserts in debug builds that no memory is left. */
void world_free(struct world *w);
static inline struct cpu *config_cpu(struct world *w) { return w->cpu[0]; }
void world_log(struct world *w, int level, const char *fmt, ...) __printf(3, 4);
/* The same for what a peer can cause at will: net.core.message_burst lines in message_cost seconds on each cpu. */
void world_log_limited(struct cpu *cpu, int level, const char *fmt, ...) __printf(3, 4);

/* Runs one cpu at time `now` (never less than the last one): due timers, NAPI polls, backlog, deferred work, within
 * budgets. Returns `now` when there is more to do at once, else the time of the next timer, UINT64_MAX when there is none. */
u64 cpu_run(struct cpu *cpu, u64 now);
/* All cpus in turn until nothing is left to do at `now`; the time of the next timer. For simulations and tests. */
u64 world_run(struct world *w, u64 now);
/* Virtual time: runs, jumps to the next timer, runs … until `until`, which is then the time of every cpu. */
void world_run_until(struct world *w, u64 until);

/* Around calls into the stack from outside cpu_run (a system call, an ioctl): sets the time and begins a step, so that what the call
 * borrows stays. May nest. Needs the cpu's baton; the world's lock-free parts don't care which thread has it. */
void cpu_enter(struct cpu *cpu, u64 now);
void cpu_leave(struct cpu *cpu);

/* Calls fn(arg) after every cpu has passed a step (a cpu that sleeps counts as passed), from the end of some cpu's step, with that
 * cpu's baton only. -ENOMEM: not deferred. */
int epoch_defer(struct world *w, void (*fn)(void *arg), void *arg);
/* Same, and cannot fail: the node is in the object. */
struct epoch_node {
	struct epoch_node *next;
	void (*fn)(struct epoch_node *node);
};
void epoch_defer_node(struct world *w, struct epoch_node *node, void (*fn)(struct epoch_node *node));

#endif
