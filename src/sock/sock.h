/* struct socket and struct sock: what a program holds, and what a protocol keeps behind it.
 *
 * No call in here ever blocks: what would block returns -EAGAIN (-EINPROGRESS for connect), and the holder hears of progress
 * through `wake`. Blocking, descriptors and signals belong to whoever holds the socket (attach/, libweft's users).
 * All calls need the baton of the socket's namespace's home cpu (the `cpu` argument).
 */
#ifndef SOCK_SOCK_H
#define SOCK_SOCK_H

#include <sys/socket.h>
#include <sys/uio.h>

#include "core/caller.h"
#include "core/netns.h"
#include "inet/addr.h"

struct sock;
struct socket;
struct sock_ops;

/* Events, poll(2)'s bits: POLLIN, POLLOUT, POLLERR, POLLHUP, POLLRDHUP, POLLPRI. Called at the end of the step, at most once
 * a step and socket, when something happened since the last call (new data, space, a connection, an error, an end); `events` is
 * the present sock_poll(). Must not free the socket from inside; may call everything else. */
typedef void (*sock_wake_fn)(struct cpu *cpu, struct socket *s, u32 events, void *arg);

struct socket { /* one per socket(2) or accept(2) */
	struct netns *net;	/* holds a reference */
	struct sock *sk;
	const struct sock_ops *ops;
	u16 family, type;	/* AF_*, SOCK_* without flags */
	int protocol;
	sock_wake_fn wake;
	void *wake_arg;
	void *holder;		/* the attach layer's */
	u32 holder_pid;		/* for the eyes of ss -p and USDT: who made it */
	u64 inode;		/* what sock_diag shows; set by the holder, else the cookie */
};

struct sock_errqueue_entry; /* sock/errqueue.c */

struct sock { /* first member of every protocol's own: struct tcp_sock, udp_sock, raw_sock, netlink_sock, packet_sock … */
	struct socket *socket;	/* NULL: orphan (closed by the program) or not accepted yet */
	const struct sock_ops *ops;
	struct netns *net;	/* holds a reference while socket or protocol lives */
	struct cpu *cpu;	/* net->home */
	u32 refcnt;		/* home cpu only */
	int protocol;
	struct list net_link;	/* netns_core.socks */
	u64 cookie;
	u16 family, type;
	u8 state;		/* TCP_* numbers for every protocol, as Linux */
	u8 shutdown;		/* RCV_SHUTDOWN 1, SEND_SHUTDOWN 2 */
	bool dead;		/* SOCK_DEAD */
	bool wake_pending;
	struct cpu_work wake_work; /* at the end of the step; holds a reference while pending */
	s32 err, err_soft;	/* positive errno; err is fetched and cleared by the next call, as SO_ERROR does */
	s32 bound_dev_if;
	u32 mark, priority, uid, gid;
	/* SOL_SOCKET options */
	bool reuse, reuseport, keepalive, broadcast, oobinline, dontroute, no_check_tx, no_check_rx, timestamp, timestamp_ns,
		tstamp_new, rcvmark, rcvpriority, passcred, passsec, zerocopy, rxq_ovfl, lock_filter, select_err_queue, txrehash,
		debug, wifi_status, nofcs, txtime, txtime_report, txtime_deadline, linger,
		force_reuse; /* with reuse: whatever is bound there (TCP_REPAIR) */
	s32 txtime_clock;
	s32 peek_off;		/* SO_PEEK_OFF; -1: off */
	u32 linger_s;
	s32 rcvlowat;
	u64 rcvtimeo_ns, sndtimeo_ns; /* UINT64_MAX: none. Kept for the holder, who blocks */
	u64 max_pacing_rate;	/* bytes/s, UINT64_MAX: none */
	u32 tsflags;		/* SOF_TIMESTAMPING_* */
	u32 tskey;		/* SOF_TIMESTAMPING_OPT_ID's counter */
	s32 ts_bind_phc;
	s32 incoming_cpu;
	u32 userlocks;		/* SOCK_SNDBUF_LOCK 1, SOCK_RCVBUF_LOCK 2, bind addr 4, port 8 */
	struct cbpf_prog *filter; /* SO_ATTACH_FILTER; NULL: none */
	/* memory: bytes of truesize charged */
	s32 sndbuf, rcvbuf;	/* doubled as in Linux */
	u32 wmem_queued, rmem_alloc, wmem_alloc, forward_alloc, omem_alloc; /* omem: filters, memberships, control messages */
	u32 tx_waiting;		/* packets of wmem_alloc in a qdisc or a transmit ring; the others are on their way to a socket in this process */
	u32 drops;		/* sk_drops */
	struct skb_list rx_queue;
	struct skb_list err_queue;
	u64 stamp;		/* last arrival, monotonic ns, for SIOCGSTAMP; 0: none yet */
};
enum { SHUT_RCV_BIT = 1, SHUT_SND_BIT = 2 };

/* What socket(2)'s (family, type, protocol) leads to; one const row each, in stack/. protocol -1: any (raw). */
struct sock_family {
	u16 family;
	u16 type;
	s32 protocol;		/* what the row stands for; 0 in socket(2) picks the row marked dflt */
	bool dflt;
	bool need_net_raw;	/* CAP_NET_RAW, else -EPERM */
	const struct sock_ops *ops;
};

struct sock_ops {
	const char *name;
	size_t obj_size;	/* of the struct that begins with struct sock (AF_INET, AF_INET6: struct inet_sock) */
	bool has_peek_off;	/* SO_PEEK_OFF; else -EOPNOTSUPP */
	int (*init)(struct cpu *cpu, struct sock *sk);
	/* close(2): the socket is gone (sk->socket NULL already), sk may live on as an orphan. */
	void (*release)(struct cpu *cpu, struct sock *sk);
	void (*destruct)(struct cpu *cpu, struct sock *sk); /* last reference: free what init made */
	int (*bind)(struct cpu *cpu, struct sock *sk, const struct sockaddr *a, socklen_t len);
	int (*connect)(struct cpu *cpu, struct sock *sk, const struct sockaddr *a, socklen_t len); /* -EINPROGRESS; AF_UNSPEC */
	/* connect to AF_UNSPEC; NULL: connect sees to it. An abort is this and an error, unless the protocol has its own. */
	void (*disconnect)(struct cpu *cpu, struct sock *sk);
	int (*listen)(struct cpu *cpu, struct sock *sk, int backlog);
	int (*accept)(struct cpu *cpu, struct sock *sk, struct sock **out); /* -EAGAIN; out: one reference, no socket yet */
	int (*getname)(struct cpu *cpu, struct sock *sk, bool peer, struct sockaddr_storage *a, socklen_t *len);
	/* Bytes taken (may be fewer than offered), or -errno. MSG_* in m->msg_flags on input; libweft copies from m->msg_iov.
	 * MSG_WAITALL: the caller blocks until all is taken, so a stream that opens may let its ACK ride on what comes. */
	ssize_t (*sendmsg)(struct cpu *cpu, struct sock *sk, const struct msghdr *m, int flags);
	/* Bytes given; fills m->msg_name, msg_control, msg_flags. MSG_PEEK, MSG_TRUNC, MSG_ERRQUEUE, MSG_WAITALL has no effect. */
	ssize_t (*recvmsg)(struct cpu *cpu, struct sock *sk, struct msghdr *m, int flags);
	int (*shutdown)(struct cpu *cpu, struct sock *sk, int how); /* SHUT_* */
	int (*setsockopt)(struct cpu *cpu, struct sock *sk, int level, int name, const void *val, socklen_t len);
	int (*getsockopt)(struct cpu *cpu, struct sock *sk, int level, int name, void *val, socklen_t *len);
	/* A SOL_SOCKET option took effect (these never reach setsockopt above): SO_KEEPALIVE arms timers, SO_RCVLOWAT and
	 * SO_RCVBUF move windows, SO_BINDTODEVICE moves the socket in tables. A SOL_IP option that changes headers comes as -name (-IP_OPTIONS). NULL: nothing to do. */
	void (*sol_changed)(struct cpu *cpu, struct sock *sk, int name);
	/* Protocol's own ioctls on local memory (SIOCINQ, SIOCOUTQ …); -ENOIOCTLCMD(515): go on to the interface ioctls. */
	int (*ioctl)(struct cpu *cpu, struct sock *sk, unsigned cmd, void *arg, size_t len);
	u32 (*poll)(struct cpu *cpu, struct sock *sk);
	/* Abort by administrator (ss -K, namespace exit): err is what the holder sees. */
	void (*abort)(struct cpu *cpu, struct sock *sk, int err);
	/* SOF_TIMESTAMPING_OPT_ID: what keys count from; written: what is not sent yet counts too. NULL: from 0. */
	u32 (*stamp_base)(const struct sock *sk, bool written);
	/* Streams without copying (for holders that move bytes themselves); NULL for others. See sock_peek below. */
	int (*peek)(struct cpu *cpu, struct sock *sk, struct iovec *iov, unsigned max, u64 *bytes);
	void (*consume)(struct cpu *cpu, struct sock *sk, u64 bytes);
	int (*reserve)(struct cpu *cpu, struct sock *sk, struct iovec *iov, unsigned max, u64 *bytes);
	int (*commit)(struct cpu *cpu, struct sock *sk, u64 bytes, int flags);
};

/* -- what holders call: sock/socket.c -- */
/* -EAFNOSUPPORT, -ESOCKTNOSUPPORT, -EPROTONOSUPPORT, -EPERM, -EINVAL, -ENOMEM as socket(2). type without SOCK_NONBLOCK/CLOEXEC. */
int socket_new(struct cpu *cpu, struct netns *net, int family, int type, int protocol, struct socket **out);
/* A socket of this row, which need not be one that socket(2) finds. -EPERM, -ENETDOWN, -ENOBUFS, -ENOMEM. */
int socket_of(struct cpu *cpu, struct netns *net, const struct sock_family *f, int protocol, struct socket **out);
void socket_close(struct cpu *cpu, struct socket *s); /* close(2) of the last descriptor; frees s */
int socket_bind(struct cpu *cpu, struct socket *s, const struct sockaddr *a, socklen_t len);
int socket_connect(struct cpu *cpu, struct socket *s, const struct sockaddr *a, socklen_t len);
int socket_listen(struct cpu *cpu, struct socket *s, int backlog);
int socket_accept(struct cpu *cpu, struct socket *s, struct socket **out);
/* Accept in two steps for holders that may fail in between: peeks at the oldest waiting connection's addresses. */
int socket_getname(struct cpu *cpu, struct socket *s, bool peer, struct sockaddr_storage *a, socklen_t *len);
ssize_t socket_sendmsg(struct cpu *cpu, struct socket *s, const struct msghdr *m, int flags);
ssize_t socket_recvmsg(struct cpu *cpu, struct socket *s, struct msghdr *m, int flags);
int socket_shutdown(struct cpu *cpu, struct socket *s, int how);
int socket_setsockopt(struct cpu *cpu, struct socket *s, int level, int name, const void *val, socklen_t len);
int socket_getsockopt(struct cpu *cpu, struct socket *s, int level, int name, void *val, socklen_t *len);
/* arg: the caller's struct (ifreq, int …) already copied in, len bytes, copied back out by the holder when 0 is returned.
 * Further pointers inside are followed through cpu->caller. -ENOTTY: no such ioctl. */
int socket_ioctl(struct cpu *cpu, struct socket *s, unsigned cmd, void *arg, size_t len);
u32 socket_poll(struct cpu *cpu, struct socket *s);
void socket_set_wake(struct socket *s, sock_wake_fn fn, void *arg);
/* Interface ioctls without a weft socket (they arrive on AF_UNIX too). */
int netns_ioctl(struct cpu *cpu, struct netns *net, unsigned cmd, void *arg, size_t len);

/* SOL_SOCKET: what socket_setsockopt and socket_getsockopt do for every socket (sock/sock_opt.c). */
int sock_setsockopt(struct cpu *cpu, struct sock *sk, int name, const void *val, socklen_t len);
int sock_getsockopt(struct cpu *cpu, struct sock *sk, int name, void *val, socklen_t *len);
/* A getsockopt answer of `size` bytes, cut to *len as Linux cuts it; *len is what was given. */
int sockopt_put(void *val, socklen_t *len, const void *from, size_t size);
static inline int sockopt_put_int(void *val, socklen_t *len, int v) { return sockopt_put(val, len, &v, sizeof v); }

/* Streams without copying. sock_peek: the readable bytes, as iovecs into packets, at most max; *bytes their sum; 0 bytes with
 * return 0: end of stream; -EAGAIN; -errno once for a pending error. socket_consume: so many were taken.
 * socket_reserve: writable room in packets to be; socket_commit: so many were filled in (0 gives the room back), MSG_MORE and MSG_OOB
 * honoured. Nothing else may be called on the socket between reserve and commit. */
#define SOCK_IOC_URGENT_AHEAD 0x57460001u /* socket_ioctl, for who peeks: the bytes before an unread urgent byte that has arrived, as they have; -EAGAIN */
int socket_peek(struct cpu *cpu, struct socket *s, struct iovec *iov, unsigned max, u64 *bytes);
void socket_consume(struct cpu *cpu, struct socket *s, u64 bytes);
int socket_reserve(struct cpu *cpu, struct socket *s, struct iovec *iov, unsigned max, u64 *bytes);
int socket_commit(struct cpu *cpu, struct socket *s, u64 bytes, int flags);

/* Who is calling: library callers may do everything. */
static inline bool caller_net_admin(const struct cpu *cpu) { return !cpu->caller || cpu->caller->net_admin; }
static inline bool caller_net_raw(const struct cpu *cpu) { return !cpu->caller || cpu->caller->net_raw; }

/* -- what protocols call: sock/sock.c -- */
/* One reference, default options, in the namespace's list; inet_sock's defaults too. ops->init is the caller's to call. */
struct sock *sock_alloc(struct cpu *cpu, struct netns *net, u16 family, u16 type, int protocol, const struct sock_ops *ops);
static inline void sock_hold(struct sock *sk) { sk->refcnt++; }
void sock_put(struct cpu *cpu, struct sock *sk);
/* Something happened: the holder's wake runs at the end of the step. */
void sock_wake(struct cpu *cpu, struct sock *sk);
void sock_set_error(struct cpu *cpu, struct sock *sk, int err); /* positive errno; wakes */
int sock_error(struct sock *sk); /* fetches and clears: 0 or -errno */
/* Receive queue with accounting and the socket's filter. 0, or -ENOMEM with *reason set (skb still the caller's). */
int sock_queue_rx(struct cpu *cpu, struct sock *sk, struct sk_buff *skb, enum skb_drop_reason *reason);
/* The socket's filter alone (SO_ATTACH_FILTER): bytes to keep from skb->data on, 0: drop with SOCKET_FILTER. */
u32 sock_filter_run(struct sock *sk, const struct sk_buff *skb);
void sock_filter_detach(struct cpu *cpu, struct sock *sk); /* no filter: no-op */
/* Charges a packet to the socket it is queued at (its destructor gives it back). */
void sock_charge_rx(struct sock *sk, struct sk_buff *skb);
/* Drops both queues; for destruct and disconnect. */
void sock_purge_queues(struct cpu *cpu, struct sock *sk);
/* Charges a packet that is being sent and holds the socket; released by its destructor, which wakes a writer. A packet that
 * leaves for another cpu is orphaned first. */
void sock_charge_tx(struct sock *sk, struct sk_buff *skb);
bool sock_can_send(const struct sock *sk);
int sock_recv_error_or_again(struct sock *sk); /* what an empty queue answers: pending error, 0 after shutdown, -EAGAIN */
enum { ENOIOCTLCMD = 515 }; /* an ioctl answered by none of this layer: the next one is asked (kernel-internal, never seen by programs) */
/* sock_ops of sockets with one queue of packets: poll; TIOCOUTQ (bytes charged), SIOCINQ (length of the first), else -ENOIOCTLCMD. */
u32 sock_dgram_poll(struct cpu *cpu, struct sock *sk);
int sock_dgram_ioctl(struct cpu *cpu, struct sock *sk, unsigned cmd, void *arg, size_t len);
/* Copies between a packet and iovecs at byte `iov_off` of the msghdr. 0, -EFAULT. */
int skb_copy_to_msg(const struct sk_buff *skb, u32 off, struct msghdr *m, size_t iov_off, size_t len);
int msg_copy_to_buf(const struct msghdr *m, size_t iov_off, void *to, size_t len);
/* Copies from a buffer into the iovecs. 0, -EFAULT (iovecs too short). */
int msg_copy_from_buf(struct msghdr *m, size_t iov_off, const void *from, size_t len);
size_t msg_len(const struct msghdr *m); /* sum of the iovecs */
/* Appends a control message; truncation sets MSG_CTRUNC as put_cmsg does. */
void msg_put_cmsg(struct msghdr *m, int level, int type, const void *data, size_t len);

/* -- error queue: sock/errqueue.c -- */
/* A transmit stamp of now: kind SCM_TSTAMP_*; shown: what it is about, for programs to see, or NULL. */
void sock_err_queue_stamp(struct cpu *cpu, struct sock *sk, const struct sk_buff *shown, u32 kind, u32 tsflags, u32 key);
/* The zero-copy sends lo..hi are complete (their bytes were copied). Joins the newest entry when it continues that. */
void sock_err_queue_zerocopy(struct cpu *cpu, struct sock *sk, u32 lo, u32 hi);

/* An skb's time of arrival for programs: realtime, as SO_TIMESTAMP and SIOCGSTAMP show it. */
u64 sock_realtime(struct cpu *cpu, u64 mono);
/* SO_TIMESTAMP*, SO_RXQ_OVFL, SO_RCVMARK and friends of a received packet; remembers the stamp. */
void sock_recv_cmsgs(struct cpu *cpu, struct sock *sk, const struct sk_buff *skb, struct msghdr *m);

/* /proc/sys/net/core, /proc/net/sockstat */
enum sockstat { SOCKSTAT_USED, SOCKSTAT_TCP_INUSE, SOCKSTAT_TCP_ORPHAN, SOCKSTAT_TCP_TW, SOCKSTAT_TCP_ALLOC, SOCKSTAT_UDP_INUSE,
		SOCKSTAT_RAW_INUSE, SOCKSTAT_PING_INUSE, SOCKSTAT_MAX };
struct netns_core {
	s32 somaxconn;
	u32 wmem_default, rmem_default, wmem_max, rmem_max, optmem_max;
	u8 txrehash;
	struct list socks;	/* struct sock.net_link: every one in the namespace */
	u64 sockstat[SOCKSTAT_MAX]; /* each kept by the protocol it names; home cpu */
	u64 tcp_mem_bytes, udp_mem_bytes;
};
/* Buffer limits are the first namespace's, for all. */
static inline const struct netns_core *sock_limits(const struct netns *net)
{
	const struct netns *init = net->world->init_net;
	return init && init->core ? init->core : net->core;
}
struct netns *sock_netns(const struct sock *sk); /* for stack_tables */
u64 sock_cookie(const struct sock *sk);
void sock_tx_waits(struct sock *sk, bool more);
extern const struct subsys sock_subsys;
extern const struct sysctl_table sock_sysctls;
extern const struct proc_file sock_proc_sockstat, sock_proc_sockstat6;

#endif
