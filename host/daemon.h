/* The stack's process: a struct host, the attach layer and the control socket. */
#ifndef HOST_DAEMON_H
#define HOST_DAEMON_H

#include <sys/types.h>

#include "host/control.h"

struct uplink_config;
struct daemon_config {
	const char *name; /* NULL: a private one, found by nobody but the caller's socket */
	bool pinned;	  /* ends when the caller's socket closes */
	unsigned ncpus;
	bool have_seed;
	u64 seed;
	const struct uplink_config *uplink; /* NULL: none */
};

/* Forks the stack's process and waits until it serves. *control: a connection to it. *pid: its pid when pinned (a child, to be waited
 * for); a named one is nobody's child. The caller must have one thread. 0, or -errno with a sentence. */
int daemon_spawn(const struct daemon_config *cfg, pid_t *pid, int *control, struct ctl_error *err);

/* -- inside: daemon.c, control_server.c, trace_feed.c -- */
struct attach;
struct host;
struct trace_feed;
struct ctl_server;

struct daemon {
	struct host *host;
	struct attach *attach;
	struct ctl_place place;
	bool has_place;
	u64 started_ns;
	unsigned ncpus;
};

int ctl_server_new(struct daemon *d, struct ctl_server **out);
/* A connection that is there already (the spawner's); pinned: its end is the daemon's. Takes sock. */
int ctl_server_adopt(struct ctl_server *s, int sock, bool pinned);
int ctl_server_listen(struct ctl_server *s, int listen_sock); /* takes it */
/* Serves until a shutdown is asked for, a pinned connection ends or a signal comes. */
void ctl_server_run(struct ctl_server *s);
/* Traces end, new connections are refused; those there are stay open until the process ends. */
void ctl_server_quiesce(struct ctl_server *s);
void ctl_server_free(struct ctl_server *s);

/* Streams matching packets' events, with `capture` their bytes as they pass devices, to sock (borrowed) until stopped; CTL_OK goes
 * before them. -EBUSY: another one runs; -EINVAL: no valid program. */
struct cbpf_insn;
int trace_feed_start(struct host *h, int sock, const struct ctl_trace *filter, const struct cbpf_insn *insns, const struct ctl_capture *capture,
		     struct trace_feed **out);
void trace_feed_stop(struct trace_feed *f);

/* -- feed_queue.c: records for one reader, within a bound. The holder locks. -- */
struct feed_queue {
	u8 *mem;
	u32 size;     /* bytes, a power of two */
	u64 head, tail; /* written, taken: in bytes, ever */
};
int feed_queue_init(struct feed_queue *q, u32 size); /* -ENOMEM */
void feed_queue_fini(struct feed_queue *q);
/* Room for a record of len bytes, which is in the queue from now on; aligned to 8. NULL: there is none. */
void *feed_queue_put(struct feed_queue *q, u32 len);
/* The oldest record, until feed_queue_drop(); NULL: there is none. */
const void *feed_queue_peek(struct feed_queue *q, u32 *len);
void feed_queue_drop(struct feed_queue *q);
static inline bool feed_queue_empty(const struct feed_queue *q) { return q->head == q->tail; }

/* -- capture_frame.c: a packet at a trace point as a record. -- */
/* frame: its fields but size and lost; returns the bytes that capture_copy() will write (at most snaplen). */
u32 capture_describe(const struct trace_event *ev, const struct sk_buff *skb, u32 snaplen, struct ctl_frame *frame);
void capture_copy(const struct ctl_frame *frame, const struct sk_buff *skb, u8 *to);

#endif
