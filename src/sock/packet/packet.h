/* Packet sockets (packet(7)): frames of a device as they come and go, and frames made by programs.
 *
 * A socket is a tap on its device, or on all of the namespace. It keeps clones: the bytes are shared with whoever else has the
 * packet. A receive ring is shared memory (packet_ring.c); sockets may share what comes (packet_fanout.c). The transmit ring is not built: its options
 * are refused.
 */
#ifndef SOCK_PACKET_PACKET_H
#define SOCK_PACKET_PACKET_H

#include "core/event.h"
#include "core/proc.h"
#include "core/subsys.h"
#include "link/netdevice.h"
#include "sock/sock.h"

/* struct sockaddr_ll: linux/if_packet.h and core/skb.h both name the types of packets, so it cannot be included. */
struct packet_addr {
	u16 family;
	be16 protocol;
	s32 ifindex;
	u16 hatype;
	u8 pkttype, halen, addr[8];
};
struct packet_member { /* PACKET_ADD_MEMBERSHIP */
	struct list link;
	s32 ifindex;
	u16 type, len; /* PACKET_MR_* */
	u8 addr[DEV_ADDR_MAX];
	u32 users;
};
struct packet_ring_req { /* struct tpacket_req3, whose first four words are struct tpacket_req */
	u32 block_size, block_nr, frame_size, frame_nr;
	u32 retire_ms, priv_size, features;
};
struct packet_ring {
	struct packet_sock *ps;
	struct packet_ring_req q;
	u8 *mem;		/* block_nr * block_size bytes, which the program may write to at any time */
	bool own;		/* mem is ours, not the holder's */
	u32 head;		/* the frame, version 3: the block, that is filled next */
	/* version 3: the block that is being filled */
	u64 seq;
	u32 used, packets;	/* bytes and packets in it */
	u8 *last;		/* the packet before */
	u32 last_sec, last_nsec;
	bool frozen;		/* no block is free */
	u32 freezes;		/* since PACKET_STATISTICS was last read */
	u64 retire_ns;
	struct timer retire;
};
enum { PACKET_ROLLOVER_HISTORY = 16 };
struct packet_rollover { /* of a member whose packets may go to others */
	u64 all, huge, failed;	/* PACKET_ROLLOVER_STATS */
	u32 at;			/* who had room last */
	u32 history[PACKET_ROLLOVER_HISTORY]; /* hashes of flows that came when there was little */
};
struct packet_fanout;
struct packet_sock {
	struct sock sk;
	struct list link;	/* netns_packet.socks */
	struct dev_tap tap;	/* ethertype: what it listens for, 0: nothing */
	bool hooked;
	s32 ifindex;		/* bound to; 0: all devices, -1: to one that is gone */
	bool auxdata, origdev, ignore_outgoing, qdisc_bypass;
	s32 copy_thresh;	/* not 0: what a ring's frame cuts off goes whole to the receive queue */
	struct packet_fanout *fanout;	/* its group, whose tap it is found by */
	struct packet_rollover *rollover;
	u8 vnet_hdr_len;	/* of the header in front of each frame; 0: none */
	u32 packets, dropped;	/* since PACKET_STATISTICS was last read */
	struct list members;
	struct packet_ring *ring; /* NULL: packets wait in the receive queue */
	u8 tp_version;		/* PACKET_VERSION: TPACKET_V1 0, V2 1, V3 2 */
	u32 reserve, tstamp;	/* PACKET_RESERVE, PACKET_TIMESTAMP */
};
static inline struct packet_sock *packet_sk(struct sock *sk) { return (struct packet_sock *)sk; }
struct netns_packet {
	struct list socks, fanouts;
};

/* In skb->cb from the tap to recvmsg. */
struct packet_cb {
	s32 ifindex;
	u32 orig_len;
	u16 hatype;
	u8 pkt_type, halen;
	u8 addr[8];
};
#define PACKET_CB(skb) ((struct packet_cb *)(skb)->cb)

/* packet_rx.c */
void packet_tap(struct cpu *cpu, struct dev_tap *tap, struct sk_buff *skb, struct net_device *dev, bool outgoing);
ssize_t packet_recvmsg(struct cpu *cpu, struct sock *sk, struct msghdr *m, int flags);
void packet_deliver(struct cpu *cpu, struct packet_sock *ps, struct sk_buff *skb, struct net_device *dev, bool outgoing); /* borrows */
u32 packet_aux_status(const struct sk_buff *skb); /* TP_STATUS_*: what a received packet's checksum, segments and tag are like */
/* packet_ring.c */
int packet_hdr_len(int version); /* PACKET_HDRLEN, -EINVAL */
/* Is what PACKET_RX_RING was given a ring for this socket? 0 with q->block_nr 0: none any more. -EINVAL, -EBUSY: it has one. */
int packet_ring_check(const struct packet_sock *ps, const void *val, socklen_t len, struct packet_ring_req *q);
static inline size_t packet_ring_size(const struct packet_ring_req *q) { return (size_t)q->block_size * q->block_nr; }
/* From now on packets go to the ring. memory: packet_ring_size() zero bytes, aligned to 8, which stay the holder's and outlive the
 * ring; NULL: the stack's own. -ENOMEM. */
int packet_ring_begin(struct cpu *cpu, struct packet_sock *ps, const struct packet_ring_req *q, void *memory);
void packet_ring_end(struct cpu *cpu, struct packet_sock *ps); /* no ring: no-op */
bool packet_ring_readable(const struct packet_sock *ps); /* there is something the program has not given back */
bool packet_ring_put(struct cpu *cpu, struct packet_sock *ps, struct sk_buff *skb, u32 snaplen); /* false: lost, and counted */
/* Is the frame (block) free that comes the parts-th part of the ring after the next one? parts 0: the next one itself. */
bool packet_ring_free_at(const struct packet_sock *ps, u32 parts);
/* packet_fanout.c */
int packet_fanout_join(struct cpu *cpu, struct packet_sock *ps, const void *val, socklen_t len); /* PACKET_FANOUT */
void packet_fanout_leave(struct cpu *cpu, struct packet_sock *ps); /* when it listens no more; no group: no-op */
void packet_fanout_listen(struct packet_sock *ps, struct net_device *dev);
void packet_fanout_unlisten(struct packet_sock *ps);
u32 packet_fanout_get(const struct packet_sock *ps);
int packet_fanout_data(struct cpu *cpu, struct packet_sock *ps, const void *val, socklen_t len); /* PACKET_FANOUT_DATA */
/* packet_tx.c */
ssize_t packet_sendmsg(struct cpu *cpu, struct sock *sk, const struct msghdr *m, int flags);
/* packet_opt.c */
int packet_setsockopt(struct cpu *cpu, struct sock *sk, int level, int name, const void *val, socklen_t len);
int packet_getsockopt(struct cpu *cpu, struct sock *sk, int level, int name, void *val, socklen_t *len);
void packet_members_drop(struct cpu *cpu, struct packet_sock *ps, const struct net_device *dev); /* dev NULL: all */

extern const struct sock_family packet_family_raw, packet_family_dgram;
extern const struct subsys packet_subsys;
extern const struct event_sub packet_event_sub;
extern const struct proc_file packet_proc;

#endif
