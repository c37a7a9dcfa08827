/* struct host: this machine around a struct world: the real clock, a lane per cpu, and the descriptors that lanes wait for.
 *
 * A lane is a baton (a mutex) and a loop thread with an epoll set. Any thread may take the baton with host_lock(), call the
 * stack with the cpu it gets, and give it back with host_unlock(), which runs what has become due (wake-ups, backlog, timers)
 * before the baton goes; the loop thread does the same for descriptors, timers and kicks. Batons are fair: a loop under load
 * lets a waiting thread in between two runs. Nothing that can block (a program's memory, a file, another lane) may be
 * touched while holding one. All functions here may be called from any thread.
 */
#ifndef HOST_HOST_H
#define HOST_HOST_H

#include "core/cpu.h"
#include "core/netns.h"
#include "core/world.h"

struct host;
struct host_fd;
struct stack_tables;

struct host_config {
	unsigned ncpus;			   /* 0: one */
	const u8 *seed;			   /* 32 bytes; NULL: from getrandom() */
	u64 memory_limit_bytes;		   /* 0: none */
	const struct stack_tables *tables; /* stack/ has the full set */
	void (*log)(void *arg, int level, const char *text); /* NULL: nowhere. Called with batons held: must not block for long */
	void *log_arg;
};

/* The world exists and has no namespace yet; no thread runs. -EINVAL, -ENOMEM, or what epoll and eventfd say. */
int host_new(const struct host_config *cfg, struct host **out);
int host_start(struct host *h); /* starts the loop threads; -EAGAIN */
/* Ends and joins the loop threads. Batons can still be taken (to take the world apart), descriptors are no longer served;
 * deferred `done` callbacks have all run when it returns. */
void host_stop(struct host *h);
/* After host_stop (or without host_start), and when all that was added has been deleted: frees the world too. */
void host_free(struct host *h);

struct world *host_world(struct host *h);
u64 host_now(void); /* CLOCK_MONOTONIC, ns */

/* Takes a lane's baton. cpu->now is fresh. Never while holding another one (use host_lock_all). */
struct cpu *host_lock(struct host *h, unsigned cpu_id);
static inline struct cpu *host_lock_net(struct host *h, struct netns *net) { return host_lock(h, net->home->id); }
/* Runs what is due, arms the lane's next deadline, gives the baton back. */
void host_unlock(struct host *h, struct cpu *cpu);
/* Runs what is due, as host_unlock does, and keeps the baton: what the call has sent may have been answered already. Nothing of the stack that
 * was looked at before is certain after it. */
void host_run(struct host *h, struct cpu *cpu);
/* Gives the baton back without running: for readers of counters and tables that changed nothing. */
void host_unlock_quiet(struct host *h, struct cpu *cpu);
/* All batons, for configuration (core/world.h). Returns config_cpu(). */
struct cpu *host_lock_all(struct host *h);
void host_unlock_all(struct host *h);

/* -- descriptors served by a lane's loop -- */
enum {
	HOST_FD_BATON = 1, /* fn runs with the baton held, cpu given; many descriptors under one hold. Must not block */
			   /* without it: fn runs before the loop takes the baton, cpu is NULL; it may host_lock() */
	HOST_FD_ONE_BYTE = 2, /* a byte that is known lies there: the first event is not told when nothing else has come */
};
typedef void (*host_fd_fn)(struct cpu *cpu, u32 epoll_events, void *arg);
/* events: EPOLLIN …, EPOLLET and EPOLLONESHOT are honoured. fd stays the caller's. -EEXIST, -EPERM, -ENOMEM. */
int host_fd_add(struct host *h, unsigned cpu_id, int fd, u32 events, unsigned flags, host_fd_fn fn, void *arg, struct host_fd **out);
int host_fd_mod(struct host_fd *hf, u32 events);
/* From any thread, with or without batons, from within fn too. Call it BEFORE closing fd. With HOST_FD_BATON and the lane's baton
 * held, fn does not run again after this returns. In every case fn is over, and arg unused, when done(arg) is called from the loop
 * thread, without batons (done may be NULL). hf itself must not be used again. */
void host_fd_del(struct host_fd *hf, void (*done)(void *arg));

/* Runs fn(arg) soon on the lane's loop thread, without the baton. -ENOMEM; -ESHUTDOWN when no loop runs. */
int host_call(struct host *h, unsigned cpu_id, void (*fn)(void *arg), void *arg);

/* Returns when the loops have done what they were asked for before: done() of deleted descriptors, calls. Without batons, not from a loop. */
void host_settle(struct host *h);

struct host_lane_stats {
	u64 wakeups;	/* the loop thread came back from sleeping in the kernel */
	u64 runs;	/* cpu_run calls */
	u64 spins_paid, spins_lost;
	u64 timer_arms, kicks;
};
void host_lane_stats(struct host *h, unsigned cpu_id, struct host_lane_stats *out);

#endif
