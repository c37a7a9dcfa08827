/* The control protocol between the `weft` command and a daemon, over a SOCK_SEQPACKET unix socket.
 *
 * One message is one packet: struct ctl_header, a body by type, descriptors in SCM_RIGHTS. A request is answered by exactly one
 * reply (CTL_OK, CTL_ERROR or the type's own), in order; a trace subscription then streams. The daemon accepts only peers with its
 * own uid, or root (SO_PEERCRED). A version other than CTL_VERSION is answered with CTL_ERROR that names both.
 */
#ifndef HOST_CONTROL_H
#define HOST_CONTROL_H

#include <sys/types.h>

#include "base/types.h"
#include "core/trace.h"

#define CTL_VERSION 1
#define CTL_MAGIC 0x77656674u /* "weft" */
#define CTL_MAX_BYTES 131072  /* of one message */
#define CTL_MAX_FDS 16
#define CTL_NAME_MAX 32	      /* a daemon's name, with NUL: [A-Za-z0-9_.-]+, not beginning with a dot or a dash */

enum ctl_type {
	CTL_OK = 1,	/* body: none */
	CTL_ERROR,	/* body: struct ctl_error */
	CTL_STATUS,	/* -> struct ctl_status in CTL_STATUS */
	CTL_JOIN,	/* struct ctl_join -> CTL_JOIN: struct ctl_join back, descriptors user, mnt, net (and pid) namespaces */
	CTL_LISTENER,	/* struct ctl_listener, descriptor: the seccomp listener -> CTL_OK once it is served */
	CTL_TRACE,	/* struct ctl_trace + instructions -> CTL_OK, then CTL_EVENTS until either side closes */
	CTL_EVENTS,	/* struct ctl_events + struct trace_event[] */
	CTL_NIC,	/* struct ctl_nic, the port's descriptors -> CTL_OK */
	CTL_SHUTDOWN,	/* -> CTL_OK when it has begun; the connection closes when everything has ended */
	CTL_PIN,	/* this connection keeps a private daemon alive: it shuts down when the connection closes -> CTL_OK */
	CTL_CAPTURE,	/* struct ctl_capture + instructions -> CTL_OK, then CTL_FRAMES until either side closes */
	CTL_FRAMES,	/* struct ctl_events + struct ctl_frame[], each with its bytes */
};

struct ctl_header {
	u32 magic;
	u16 version, type;
	u32 len;  /* of the body */
	u32 nfds; /* in SCM_RIGHTS */
};
struct ctl_error {
	s32 err; /* negative errno */
	char text[252]; /* one line, with the remedy */
};
struct ctl_status {
	s32 pid;
	u32 ncpus;
	u64 uptime_ns;
	u32 namespaces, programs, sockets, traces;
	u64 memory_bytes;
	u64 wakeups; /* of all loop threads, ever: does not grow while idle */
	char name[CTL_NAME_MAX];
	char version[32];
};
enum { CTL_JOIN_MAP_SELF = 1 };
struct ctl_join {
	u32 flags;
	u32 nns;    /* reply: how many descriptors follow, in the order user, mnt, net */
	u32 filter; /* reply: for attach/ */
	u32 reserved;
};
struct ctl_listener {
	s32 pid; /* whose filter it is, in the sender's pid namespace; 0: the sender's */
	u32 flags;
};
struct ctl_trace {
	u32 raw_len, eth_len; /* instructions that follow: for packets from the network header; for frames. 0: all / none */
};
struct ctl_events {
	u32 count;
	u32 pad;
	u64 lost; /* events that did not fit the queue since the last message */
};
struct ctl_capture {
	struct ctl_trace filter;
	u32 snaplen; /* bytes kept of a packet: 0 to CTL_SNAPLEN_MAX */
	u32 drops;   /* 1: only what is dropped */
	char netns[32], dev[16]; /* only that namespace, that device; empty: any */
};
#define CTL_SNAPLEN_MAX 98304u /* a whole segment before it is cut, and what is around it; fits a message */
enum ctl_frame_what { CTL_FRAME_IN, CTL_FRAME_OUT, CTL_FRAME_DROP, CTL_FRAME_LOST /* no bytes; lost: packets of this device and direction */ };
struct ctl_frame {
	u32 size;    /* of this struct and the bytes behind it, a multiple of 8 */
	u32 caplen;  /* bytes that are of the packet */
	u64 time_ns; /* monotonic */
	u64 packet;  /* its number: the same one on every device that it passes */
	u32 len;     /* of the whole packet */
	u32 netns_id;
	s32 ifindex;	/* 0: dropped without a device */
	u16 hatype;	/* ARPHRD_* of the device */
	u16 reason;	/* enum skb_drop_reason, CTL_FRAME_DROP */
	u8 what, pkt_type; /* PACKET_HOST, … */
	u8 link_header; /* the bytes begin with it; else with the network header */
	u8 reserved[5];
	u64 lost;
	char netns[32], dev[16];
};
enum { CTL_NIC_IN = 1, CTL_NIC_OUT = 2, CTL_NIC_TIMED = 4 }; /* pcap: which files follow; keep the distances of time stamps */
struct ctl_nic {
	char name[16];
	char kind[16];	/* "tap": a descriptor a queue; "packet": one; "pcap": by flags */
	s32 netns_pid;	/* in the namespace of this process; 0: the sender's, when that is a program of this stack, else the first */
	u32 flags;
	u32 mtu;	/* 0: 1500 */
	u8 mac[6];	/* all 0: made */
	u8 reserved[2];
};

/* -- both sides: host/control_msg.c -- */
/* Sends one message; 0, -EPIPE, -EAGAIN (non-blocking socket), -errno. fds are borrowed. */
int ctl_send(int sock, unsigned type, const void *body, size_t len, const int *fds, unsigned nfds);
int ctl_send2(int sock, unsigned type, const void *head, size_t head_len, const void *tail, size_t tail_len, const int *fds,
	      unsigned nfds);
int ctl_send_error(int sock, int err, const char *fmt, ...) __printf(3, 4);
/* Writes the sentence; returns err. */
int ctl_error_set(struct ctl_error *e, int err, const char *fmt, ...) __printf(3, 4);
/* Receives one message into buf. *len: of the body, which begins at buf. fds (CTL_MAX_FDS) become the caller's, close-on-exec.
 * 0; -ECONNRESET at the end of the connection; -EPROTO for anything that is no whole, well-formed message; -EAGAIN. */
int ctl_recv(int sock, unsigned *type, void *buf, size_t size, size_t *len, int *fds, unsigned *nfds);
/* The same on a socket with SO_PASSCRED: and who sent it. */
struct ucred;
int ctl_recv_from(int sock, unsigned *type, void *buf, size_t size, size_t *len, int *fds, unsigned *nfds, struct ucred *who);
/* Request and reply. An answer of CTL_ERROR becomes its errno, with the text in *err. */
int ctl_call(int sock, unsigned type, const void *body, size_t len, const int *fds, unsigned nfds, unsigned *rtype, void *rbuf,
	     size_t rsize, size_t *rlen, int *rfds, unsigned *rnfds, struct ctl_error *err);

/* -- where daemons are found: host/runtime_dir.c -- */
/* $WEFT_RUNTIME_DIR, $XDG_RUNTIME_DIR/weft, /run/user/UID/weft or /tmp/weft-UID: made with 0700 when missing, refused unless it is
 * a directory of ours that nobody else can enter. -ENOENT: missing (without create). */
int runtime_dir_open(bool create, int *dirfd, char *path, size_t size, struct ctl_error *err);
bool ctl_name_valid(const char *name);
/* Connects to the daemon of that name. -ENOENT: there is none (what a dead one left is removed). */
int ctl_connect(const char *name, int *sock, struct ctl_error *err);

/* A daemon's place in the directory: NAME is its socket, .NAME.lock is locked for as long as it lives, .NAME.log is its stderr. */
struct ctl_place {
	int dirfd, lockfd;
	char name[CTL_NAME_MAX];
	char dir[96];
};
/* Takes the name: -EEXIST when a live daemon has it. What dead ones left, of whatever name, is removed. */
int ctl_place_take(struct ctl_place *p, const char *name, struct ctl_error *err);
/* The listening socket, visible under the name from now on; complete at the moment it appears. */
int ctl_place_listen(struct ctl_place *p, int *sock, struct ctl_error *err);
void ctl_place_hide(struct ctl_place *p);  /* the socket's name goes; the lock stays */
void ctl_place_leave(struct ctl_place *p); /* everything goes */
bool ctl_place_clean(const char *name);	   /* removes what a dead daemon of that name left; waits for one that dies. False: it lives */
/* Calls fn for the names of live daemons, in order of name. Removes what dead ones left. */
int ctl_place_each(void (*fn)(void *arg, const char *name), void *arg, struct ctl_error *err);

#endif
