/* What the files of attach/ share: the daemon's state, a caught call, a program's socket.
 *
 * Locks, outermost first: pair_lock; batons (host/host.h); struct attach.lock. attach.lock is innermost and short: it
 * guards the tables, the parked and ready calls, the caches. What is marked "baton" belongs to the socket's lane.
 */
#ifndef ATTACH_SUPERVISOR_H
#define ATTACH_SUPERVISOR_H

#include <linux/seccomp.h>
#include <pthread.h>
#include <semaphore.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "attach/args.h"
#include "attach/attach.h"
#include "attach/attach_fs.h"
#include "attach/sandbox.h"
#include "base/hash.h"
#include "base/list.h"
#include "core/caller.h"
#include "host/host.h"
#include "sock/sock.h"

struct call;
struct asock;

struct sockaddr_un_short {
	u16 family;
	char name[6]; /* abstract, as the kernel chose it */
};

/* A kernel network namespace, which is only a name for a weft one: attach/nsmap.c. attach.lock unless said. */
struct kns {
	struct hnode node;	/* attach.kns_by_ino, while alive */
	struct list link;	/* attach.knses, until freed */
	u64 ino;
	int nsid;		/* how the kernel names it in limbo, weakly: RTM_DELNSID tells of its end */
	u64 owner_ino;		/* the user namespace that owns it */
	struct netns *net;	/* a reference */
	u32 nsocks;		/* sockets of programs in it keep it after the kernel's own is gone */
	bool dead;
	bool ours;		/* atomic: a program of ours was seen in it: who else is there may be ended with the stack */
};

struct listener { /* attach/listener.c */
	struct attach *a;
	struct list link;	/* attach.listeners */
	int fd;
	u32 refcnt;		/* threads and calls; atomic */
	bool stop;		/* atomic */
	pthread_t thread[2];
	unsigned nthreads, running; /* attach.lock */
	unsigned first;		/* index of the thread that receives; atomic */
	unsigned began;		/* threads; atomic */
	u32 turns[2];		/* of each thread while it is first; odd: it is at a call. Atomic */
	bool watched;		/* the other one looks at turns from time to time; atomic */
	sem_t rest;		/* where it waits otherwise */
	struct host_fd *hup_hf;	/* the watch for its end, NULL when that was seen; attach.lock */
	u64 self_ns;		/* the user namespace of --map-self that it was made in, or 0 */
};

struct running { /* on the stack of who runs a call */
	struct list link; /* attach.running */
	int tid;
};
struct newest { /* the newest call of a task that was run */
	const struct listener *l;
	int tid;
	u64 id;
};
struct last_act { /* attach/replay.c */
	int tid, nr;
	u64 arg[6], hash;
	s64 ret;
};

struct attach {
	struct host *h;
	struct sandbox box;
	struct attach_fs *fs;
	struct mem mem;
	u32 filter_flags;
	bool thread_pidfds;	/* PIDFD_THREAD is there */

	pthread_mutex_t pair_lock; /* one connect and its accept at a time */
	int meet;		/* the unix listener by which pairs are made in place */
	struct sockaddr_un_short meet_addr;
	int messenger;		/* sends to daemon's ends of pairs, or -1: attach/dgram_error.c */

	pthread_mutex_t repair_lock;
	int inotify;
	pthread_mutex_t watch_lock; /* reading from inotify, until what was read has acted; batons are taken inside */
	bool recount;		    /* under watch_lock: events were lost, not all that closed is known */
	struct host_fd *inotify_hf, *nsid_hf;
	int nsid_sock;

	pthread_mutex_t lock;
	struct htable socks;	/* struct asock.node by cookie */
	struct htable watches;	/* struct asock.watch_node by inotify descriptor */
	struct list tombs;	/* struct asock.tomb_link, oldest first */
	u32 ntombs;
	struct htable kns_by_ino;
	struct list knses, listeners;
	struct htable tasks;	/* struct task.node by tid */
	struct list task_lru;
	u32 ntasks;
	struct list ready;	/* struct call.link: to be tried again */
	struct list parked;	/* struct call.link: all that wait */
	u32 ntimed;		/* calls parked with a deadline; atomic, as it is looked at without the lock first */
	struct list replays;
	u32 nreplays;
	struct last_act last[64]; /* by task */
	struct list running;	/* struct running.link */
	struct newest newest[256]; /* by task; a task may have lost its place to another */
	u32 run_waiters;
	pthread_cond_t ran;	/* a call is through, and somebody waits for one to be */
	pthread_cond_t work;	/* something became ready, or a deadline came nearer; CLOCK_MONOTONIC */
	pthread_t worker[2];
	unsigned nworkers, idle_workers;
	bool stop;
	u64 host_ino, limbo_ino; /* network namespaces that no program's socket is ever in: where we came from, and ours */
	u64 next_nsid;
	int ring_tx;		/* sends on limbo's loopback, -1: nobody needed it yet; rings: how many were made. pair_lock */
	u32 rings;
	u64 calls, continued;	/* for people */
};

/* -- a caught call -- */
enum call_end { CALL_REPLY, CALL_CONTINUE, CALL_PARKED, CALL_DONE };
struct call {
	struct list link;	/* attach.parked or .ready */
	struct list sock_link;	/* asock.parked */
	struct attach *a;
	struct listener *l;
	u64 id;
	int tid, nr;
	u64 arg[6];
	struct asock *as;	/* a reference */
	int dup;		/* of the program's descriptor, or -1. Never kept while parked */
	u64 deadline;		/* 0: none. ns */
	u32 waits_for;		/* POLL* */
	bool again;		/* tried before */
	bool expired;
	struct list held;	/* struct dgram.link: what a recvmmsg has taken so far, the last one first */
	u32 nheld;
	u64 until;		/* recvmmsg's timeout, 0: none. ns */
	bool sigpipe;		/* goes with the answer */
	bool acts;		/* its result is kept should it not be delivered; hash: of what it was given */
	u64 hash;
	s64 ret;
	struct call_ctx ctx;
	bool have_caps;
	struct args_mem mem;	/* the caller's memory */
	u64 near_addr;		/* of what was read of it around the last thing that was asked for */
	u32 near_len, near_behind; /* near_behind: how much behind that is worth reading with it */
	u8 near[1536];		/* the last field: not cleared */
};
typedef enum call_end (*call_fn)(struct call *c);
static inline enum call_end call_ret(struct call *c, s64 v) { c->ret = v; return CALL_REPLY; } /* value or -errno */
/* The kernel's own word, for what is no socket of ours. */
bool call_valid(struct call *c); /* still waited for: what was read from its memory was its own */
/* Sends now: for calls that commit only when the answer was taken. 0 or -ENOENT. */
int call_send(struct call *c, s64 ret);
/* Installs fd in the caller and returns its number there as the call's result; fd stays ours. 0 or -errno. */
int call_send_fd(struct call *c, int fd, u32 fd_flags);
/* Puts fd over the caller's descriptor `at`. */
int call_replace_fd(struct call *c, int fd, int at, u32 fd_flags);
/* Under the socket's baton, after an attempt said "not now": the call waits for `events`. timeout_ns UINT64_MAX: none. */
enum call_end call_park(struct call *c, u32 events, u64 timeout_ns);
/* Calls that wait for any of these are tried again. */
void calls_wake(struct asock *as, u32 events);
/* attach/replay.c. One call of a task is run at a time: waits until another one, which a signal has ended, is through. False: this
 * one was ended, and its repetition came first. */
bool run_begin(struct call *c, struct running *r);
void run_end(struct attach *a, struct running *r);
/* Is it the repetition of a call that waited with a timeout? Linux does not repeat such a call, SA_RESTART or not: -EINTR. */
bool call_cut_short(struct call *c);
/* Before a call acts. data: what its arguments point to. True: it did act before a signal made it be repeated; c->ret is the answer. */
bool call_replayed(struct call *c, const void *data, size_t len);
void call_acted(struct call *c); /* and the answer was taken, it seems */
void replay_save(struct call *c); /* c->ret, which could not be delivered, of a call that acted */
void replays_free(struct attach *a);
int call_memory(void *arg, u64 addr, void *buf, size_t len);	  /* args_mem.read */
/* What this trial has read of it already, or NULL. */
const void *call_near(const struct call *c, u64 addr, size_t len);
int call_path(struct call *c, u64 addr, char *buf, size_t len);	  /* a string: 0, -EFAULT, -ENAMETOOLONG */
int call_write(struct call *c, u64 addr, const void *buf, size_t len); /* 0, -EFAULT */
int call_writev(struct call *c, const struct iovec *to, unsigned n, const void *buf, size_t len);
int call_scatter(struct call *c, const struct iovec *from, const struct iovec *to, unsigned n); /* from[i] to to[i], which is as long */
/* cpu->caller for the time of a call into the stack: which task (its ids are looked up when the stack wants to know); caps: also what it
 * may do. */
void call_name(struct call *c);
void call_identify(struct call *c, const struct kns *over, bool caps);

/* -- tasks: attach/task.c -- */
int task_getfd(struct attach *a, int tid, int fd);	  /* a descriptor of ours, or -errno (-EBADF) */
bool task_fd_cloexec(int tid, int fd);
/* Would the task miss that its descriptor became another file: does it have a duplicate of it, or an epoll set that waits for it? */
bool task_fd_used(int tid, int fd);
enum task_does { TASK_RUNS, TASK_WAITS /* sleeps in a call that waits for events, or in a read */, TASK_SLEEPS /* in another one */, TASK_GONE };
enum task_does task_does(int tid, int *nr); /* *nr: the system call that it sleeps in, or -1 */
int task_ns_ino(int tid, const char *which, u64 *ino); /* which: "net", "user" */
bool task_vrf(int tid, char name[16]); /* the VRF that `ip vrf exec` runs it in: its cgroup's name says so */
/* The user namespace of a task that task_getfd has just found: known from its calls before, unless it has changed it since. */
int task_user_ns(struct attach *a, int tid, u64 *ino);
void task_changes_ns(struct attach *a, int tid); /* its next call may come from another one */
u64 task_caps(int tid); /* the effective ones, bit by bit; 0: it is gone */
bool task_filtered(int pid); /* runs under a filter: whoever was not launched by us does not run under ours */
void tasks_free(struct attach *a);

/* -- namespaces: attach/nsmap.c -- */
int nsmap_init(struct attach *a, struct ctl_error *err);
void nsmap_fini(struct attach *a);
/* The namespace a task is in, or the one behind a descriptor of ours of an nsfs file (name for people, or NULL). Makes it when
 * it is seen first. all_batons: the caller has them. *out is held: kns_drop. */
int nsmap_of_task(struct attach *a, int tid, bool all_batons, struct kns **out);
/* For a task that may be anybody's: only a namespace that a program of ours was seen in. Asking makes none known. -ESRCH. */
int nsmap_known(struct attach *a, int tid, struct kns **out);
int nsmap_of_fd(struct attach *a, int fd, const char *name, bool all_batons, struct kns **out);
void kns_hold(struct attach *a, struct kns *k);
void kns_drop(struct attach *a, struct kns *k);
bool nsmap_owned_by(struct attach *a, struct kns *k, u64 user_ino); /* do capabilities of that user namespace count in k? */
extern const struct call_ops nsmap_call_ops;

/* -- sockets of programs: attach/fdtable.c -- */
enum asock_kind { ASOCK_STREAM, ASOCK_DGRAM, ASOCK_NETLINK };
enum stream_state {
	STREAM_FRESH,	   /* unconnected, as socket() made it; maybe bound */
	STREAM_LISTENING,
	STREAM_CONNECTING, /* pair made and full */
	STREAM_OPEN,	   /* bytes flow */
	STREAM_FAILED,	   /* connect failed: the weft socket is there, the pair is dead */
	STREAM_CLOSED,	   /* reset or over: only its memory is asked */
};
struct dgram {		   /* one received, not yet taken by the program */
	struct list link;
	bool in_pair;	   /* its bytes are in the kernel's queue too */
	u32 flags;	   /* msg_flags: MSG_TRUNC never, MSG_CTRUNC never: decided when taken */
	socklen_t namelen;
	struct sockaddr_storage name;
	u32 controllen, len;
	u8 *control, *data; /* behind the struct */
};
struct asock {
	struct hnode node, watch_node;
	struct list tomb_link;
	struct attach *a;
	u32 refcnt;		/* atomic */
	u64 cookie;		/* of the program's unix socket */
	int watch;		/* inotify's, or -1: attach.lock */
	u64 watch_ino;		/* the socket that is watched, as its inode: attach.lock */
	enum asock_kind kind;
	bool tun;		/* a file of /dev/net/tun: attach/tun.c */
	bool wide;		/* what it does may be configuration, its close too: it takes all batons */
	struct kns *kns;
	struct netns *net;
	unsigned cpu_id;	/* whose baton guards it; netlink: the configuration's, and calls take all */
	struct list parked;	/* struct call.sock_link: attach.lock */
	u64 where;		/* task << 32 | descriptor: where the program had it last; atomic */
	bool admin, raw;	/* of the maker: for what arrives without a caught call */

	/* baton */
	struct socket *s;	/* NULL when closed */
	int end;		/* the stack's end, or -1 */
	struct host_fd *hf;
	bool want_out;		/* EPOLLOUT asked for */
	u32 errnum;		/* what SO_ERROR says when the socket is over */
	enum stream_state state;
	u32 fill;		/* bytes that fill a connecting pair */
	bool told;		/* connect() has reported the failure: the next one starts again */
	bool raise_sndbuf;	/* connected, but the program's end is still small; atomic */
	bool reserve;		/* the first byte in our end was delivered already */
	bool urgent_in, urgent_out; /* a mark is ahead: in the stack's queue, in the program's: attach/stream_urgent.c */
	bool reserve_urgent;	/* the reserve byte is an urgent one */
	bool oobinline;		/* the program's end has SO_OOBINLINE; the stack's socket never has: the mark stays a mark */
	bool no_room;		/* the stack took no more; its wake goes on */
	bool rx_eof, tx_eof;	/* FIN went to the program; the program's went to the stack */
	bool closed;		/* the program's last descriptor is gone */
	u8 shut;		/* shutdown(2) by the program: 1 read, 2 write */
	struct list tokens;	/* struct token: unix connections queued at a listener, in their order; ntokens of them */
	u32 ntokens;
	struct list unaccepted; /* struct asock.accept_link */
	struct list accept_link;
	int held_fd;		/* an unaccepted one's program end */
	struct sockaddr_storage local, peer; /* of a closed one */
	socklen_t locallen, peerlen;
	struct list rxq;	/* struct dgram */
	bool many;		/* datagrams: connected and plain, so that all may be queued */
	bool drained;		/* nothing that we sent is in the pair: none can be read without us */
	bool token;		/* an empty datagram (pollerr: the kernel's POLLERR) says that an error waits */
	bool pollerr;		/* the pair is one that can show it so: attach/dgram_error.c */
	struct sockaddr_un_short theirs, ours; /* its names */
	struct timer pollerr_timer; /* looks whether the error can be shown now */
	bool pollerr_looks, pollerr_holds; /* it does; received packets wait behind errors */
	u64 pollerr_end, pollerr_last;
	struct ring *ring;	/* a packet socket's memory-mapped one, then there is no end: attach/ring.c */
	struct dgram *unsent;	/* from the program, while the stack has no room */
	u64 rcvtimeo_ns, sndtimeo_ns;
};

int fdtable_init(struct attach *a, struct ctl_error *err);
void fdtable_fini(struct attach *a);
/* Finds our socket behind the caller's descriptor: fills c->as and c->dup. False: it is none of ours. */
bool call_socket(struct call *c, int fd);
/* A new one for the weft socket s (taken on success), whose program end is fd. One reference: the table's; end: registered with the
 * lane. Baton of the socket's lane. Where there is no end, asock_watch tells of the program's close. */
int asock_new(struct attach *a, struct kns *k, struct socket *s, enum asock_kind kind, int fd, int end, struct asock **out);
int asock_attach_end(struct asock *as, int end); /* registers the stack's end */
void asock_drop_end(struct asock *as, bool orderly); /* closes it; orderly: the program sees the end, else a reset */
static inline void asock_seen(struct asock *as, int tid, int fd)
{
	__atomic_store_n(&as->where, (u64)(u32)tid << 32 | (u32)fd, __ATOMIC_RELAXED);
}
void asock_rekey(struct asock *as, int fd); /* it has another socket now */
/* Tells of the close of fd's file, which nobody here keeps open. -ENFILE, -ENOMEM. */
int asock_watch(struct asock *as, int fd);
void asock_unwatch(struct asock *as);
static inline struct asock *asock_get(struct asock *as) { __atomic_fetch_add(&as->refcnt, 1, __ATOMIC_RELAXED); return as; }
void asock_put(struct asock *as);
void asock_want_out(struct asock *as, bool on);
void asock_look_again(struct asock *as); /* the end is edge-triggered: tells again what is there */
/* The program has closed it (or will never have it): closes the weft socket and forgets it. Baton. */
void asock_close(struct cpu *cpu, struct asock *as);
/* Its life on the wire is over, the descriptor may still be there: kept for questions, oldest forgotten first. Baton. */
void asock_entomb(struct cpu *cpu, struct asock *as, int err);
/* Handles every close that has happened but was not yet noticed. Without batons. */
void fdtable_flush(struct attach *a);

/* Takes the caller into the stack. */
struct cpu *call_lock(struct call *c);
struct cpu *call_lock_all(struct call *c);
void call_unlock(struct call *c, struct cpu *cpu);
void call_unlock_all(struct call *c, struct cpu *cpu);
bool call_blocks(const struct call *c, int flags); /* neither O_NONBLOCK nor MSG_DONTWAIT */

/* -- streams: attach/stream.c, attach/accept.c -- */
void stream_event(struct cpu *cpu, struct asock *as, u32 epoll_events);
void stream_wake(struct cpu *cpu, struct socket *s, u32 events, void *arg); /* sock_wake_fn */
void stream_pull(struct cpu *cpu, struct asock *as); /* what the program wrote so far goes to the stack */
/* After a turn in which not all was pulled, what is left is looked at again. ended: the program's side may be over. */
void stream_pull_and_end(struct cpu *cpu, struct asock *as, bool ended);
void stream_dress(struct asock *as, int fd); /* a fresh program's end gets the options that its reads and writes wait by */
void stream_see_dup(struct asock *as, int dup);	     /* a chance to do what needs the program's end */
/* attach/stream_urgent.c. A program's send(MSG_OOB): what the unix socket took, or -errno. Baton. */
ssize_t urgent_send(struct cpu *cpu, struct asock *as, int dup, const void *data, size_t len);
/* While urgent_out or reserve_urgent is set. As a turn of pulling: 1: more is there, 0: no room, -1: no mark is ahead any more, or
 * (reserve_urgent) nothing but the urgent byte is there. */
int urgent_pull(struct cpu *cpu, struct asock *as);
/* The stack's urgent byte, once it and what is left before it can go to the program at once. False: that does not fit yet. */
bool urgent_push(struct cpu *cpu, struct asock *as);
void listener_post(struct cpu *cpu, struct asock *as);
void listener_end(struct asock *as); /* forgets the tokens */
enum call_end call_stream_connect(struct call *c, const struct sockaddr *sa, socklen_t len);

/* -- datagrams and netlink: attach/dgram.c -- */
void dgram_event(struct cpu *cpu, struct asock *as, u32 epoll_events);
void dgram_wake(struct cpu *cpu, struct socket *s, u32 events, void *arg); /* sock_wake_fn */
void dgram_fill(struct cpu *cpu, struct asock *as);
void dgram_mode(struct cpu *cpu, struct asock *as); /* after connect or a socket option */
void dgram_pull(struct cpu *cpu, struct asock *as); /* what the program wrote without being caught goes to the stack */
struct dgram *dgram_make(size_t len, size_t controllen);
int dgram_from_stack(struct cpu *cpu, struct asock *as, int flags, struct dgram **out); /* -EAGAIN, -errno */
void dgram_untoken(struct cpu *cpu, struct asock *as, int dup); /* the error may have been fetched: no more word of it */
bool dgram_has_error(const struct asock *as);
bool dgram_pair_empty(struct asock *as); /* the program has read all that was put there */
void dgrams_free(struct asock *as);

/* -- errors of datagrams as POLLERR: attach/dgram_error.c -- */
void dgram_show_errors(struct call *c); /* the program asks for errors: it gets a pair that can show them, if that can be done */
void pollerr_raise(struct cpu *cpu, struct asock *as);
void pollerr_lower(struct asock *as, int dup);
void pollerr_gone(struct cpu *cpu, struct asock *as); /* no error waits any more */
void pollerr_drop(struct asock *as); /* nobody will ask any more; baton */

/* -- packet rings: attach/ring.c -- */
int call_packet_ring(struct call *c, const void *val, socklen_t len); /* PACKET_RX_RING: 0 or -errno */
void ring_wake(struct cpu *cpu, struct asock *as);
void ring_drop(struct cpu *cpu, struct asock *as); /* baton; none: no-op */
int dgram_ends(int flags, int *fd, int *end); /* a pair: the program's and ours; flags: SOCK_NONBLOCK */
/* Asks fn of every program until one says yes. Not in its own time: it walks /proc. */
bool attach_find_program(struct attach *a, bool (*fn)(struct attach *a, pid_t pid, void *arg), void *arg);

/* -- the calls: attach/calls.c has the table -- */
enum call_end call_dispatch(struct call *c);
enum call_end call_accept(struct call *c);
enum call_end call_recvfrom(struct call *c);
enum call_end call_recvmsg(struct call *c);
enum call_end call_recvmmsg(struct call *c);
void call_give_back(struct call *c); /* what is held, when the call came to nothing */
enum call_end call_sendto(struct call *c);
enum call_end call_sendmsg(struct call *c);
enum call_end call_sendmmsg(struct call *c);
enum call_end call_setsockopt(struct call *c);
enum call_end call_getsockopt(struct call *c);
enum call_end call_ioctl(struct call *c);
enum call_end call_give_namespace(struct call *c, struct kns *k); /* SIOCGSKNS's answer */
bool is_tun_ioctl(unsigned cmd);
enum call_end call_tun(struct call *c); /* an ioctl of /dev/net/tun */
enum call_end call_open(struct call *c);
enum call_end call_mount(struct call *c);
enum call_end call_exec(struct call *c);
void repair_if_needed(struct call *c); /* a mount by this task went before */

/* -- listeners: attach/supervisor.c -- */
int supervisor_start(struct attach *a);
void supervisor_stop(struct attach *a);
void call_run(struct call *c); /* takes it */
/* attach/listener.c */
int listener_add(struct attach *a, int fd, u64 self_ns);
void listener_put(struct listener *l);
void listeners_init(void); /* once in a process */
void listeners_stop(struct attach *a);

#endif
