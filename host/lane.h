/* What host.c and lane.c share: the lane. Nobody else includes this. */
#ifndef HOST_LANE_H
#define HOST_LANE_H

#include <pthread.h>
#include <sys/epoll.h>

#include "base/list.h"
#include "host/host.h"

#define LANE_SPIN_MAX_NS (50 * NSEC_PER_USEC)

struct lane {
	struct host *host;
	struct cpu *cpu;
	unsigned id;

	/* Whoever wants the baton waits for it holding the gate, so a loop that gives it back and wants it again at once queues
	 * behind a thread that came in between. */
	pthread_mutex_t gate, baton;
	u32 held;     /* atomic: somebody has the baton and will look at `kicked` before it goes */
	u32 kicked;   /* atomic: run the cpu */
	u32 asleep;   /* atomic: the loop sleeps, or is about to; set with the baton held, cleared by whoever wakes it */
	u64 armed_ns; /* baton: when tfd fires; UINT64_MAX: not armed */

	int epfd, evfd, tfd;
	pthread_t thread;
	bool started;	/* host_start and host_stop's thread only */

	pthread_mutex_t side_lock; /* innermost; guards the four fields below */
	struct list dead;	   /* struct host_fd.link: deleted, to be freed between two batches of events */
	struct list calls;	   /* struct lane_call.link */
	unsigned fds;		   /* registered and not yet freed */
	bool running;		   /* the loop thread will look at the lists again */
	bool stop;		   /* atomic */

	/* loop thread's */
	u64 spin_ns;	  /* how long to look for work before sleeping; 0: not at all */
	u64 slept_at;	  /* when it went to sleep, 0: it did not */
	struct epoll_event events[64];
	int nevents;
	struct host_lane_stats stats; /* atomic, relaxed */
};

struct lane_call {
	struct list link;
	void (*fn)(void *arg);
	void *arg;
	bool lent; /* not to be freed */
};

struct host_fd {
	struct list link;
	struct lane *lane;
	int fd;
	unsigned flags;
	u32 dead; /* atomic */
	bool first; /* atomic: HOST_FD_ONE_BYTE, and nothing has happened yet */
	host_fd_fn fn;
	void *arg;
	void (*done)(void *arg);
};

struct host {
	struct world *world;
	unsigned ncpus;
	bool may_spin; /* more than one processor to run on */
	void (*log)(void *arg, int level, const char *text);
	void *log_arg;
	struct lane lane[];
};

int lane_init(struct lane *l, struct host *h, unsigned id);
void lane_fini(struct lane *l);
int lane_start(struct lane *l);
void lane_stop(struct lane *l);
void lane_lock(struct lane *l);
void lane_run(struct lane *l); /* baton held, and kept */
/* run: runs what is due first. */
void lane_unlock(struct lane *l, bool run);
void lane_kick(struct lane *l);

#endif
