/* What the files of control/ share: the netlink socket, and a namespace's set of them. */
#ifndef CONTROL_NETLINK_INT_H
#define CONTROL_NETLINK_INT_H

#include "control/netlink.h"
#include "sock/sock.h"

#define NL_GROUPS_MAX 64 /* groups of a protocol: one u64 of bits */

struct nl_dumping {		/* a dump between two datagrams */
	struct nl_dump d;
	int (*dump)(struct nl_dump *d, struct nl_buf *buf);
	struct nl_ext_ack ack;
	bool finished;		/* only NLMSG_DONE is left */
	int err;		/* what it says */
	u64 req[];		/* the request, copied: struct nlmsghdr */
};

struct netlink_sock {
	struct sock sk;
	struct list link;	/* netns_nl.socks */
	struct hnode node;	/* netns_nl.ports while bound */
	u32 portid;
	bool bound;
	u32 peer_portid, peer_groups; /* connect(2) */
	u64 groups;		/* bit n - 1: member of group n */
	bool reader_tells;	/* netlink_reader_room() */
	u32 max_recv;		/* largest buffer the program has received into: how long a dump's datagrams may be */
	bool ext_ack, cap_ack, strict, pktinfo, no_enobufs, broadcast_error, listen_all;
	bool congested;		/* messages were lost; no more are queued until the program has read all */
	struct nl_dumping *dump; /* NULL: none running */
};
static inline struct netlink_sock *nl_sk(struct sock *sk) { return container_of(sk, struct netlink_sock, sk); }

struct netns_nl {
	struct htable ports;	/* netlink_sock by protocol and port id */
	struct list socks;
	u32 listen_all;		/* sockets here that hear other namespaces */
	struct nl_request *current;
	struct nl_generations gen;
};

struct nl_cb {			/* in skb->cb: who sent it, to which group */
	u32 portid, group;
	s32 nsid;		/* NETLINK_LISTEN_ALL_NSID; -1: none */
	u32 pid, uid, gid;
};
static inline struct nl_cb *nl_cb(struct sk_buff *skb)
{
	_Static_assert(sizeof(struct nl_cb) <= sizeof(skb->cb), "cb");
	return (struct nl_cb *)skb->cb;
}

/* netlink_sock.c */
const struct nl_family *nl_family_find(const struct world *w, u16 protocol);
struct netlink_sock *nl_sock_find(struct netns *net, int protocol, u32 portid);
struct sk_buff *nl_skb(struct cpu *cpu, const void *data, size_t len);
/* Queues for the program; consumes. -ENOBUFS: its buffer is full, which it will hear of. */
int nl_deliver(struct cpu *cpu, struct netlink_sock *s, struct sk_buff *skb);
void nl_overrun(struct cpu *cpu, struct netlink_sock *s);
/* netlink_rx.c: a whole datagram from the program. */
void nl_rx(struct cpu *cpu, struct netlink_sock *s, const u8 *data, size_t len);
/* The answer to a request: NLMSG_ERROR with 0 or -errno. */
void nl_send_ack(struct cpu *cpu, struct netlink_sock *s, const struct nlmsghdr *req, int err, const struct nl_ext_ack *ack);
void nl_put_ext_ack(struct nl_buf *b, const struct nl_ext_ack *ack, const struct nlmsghdr *req, int err);
void nl_put_policy(struct nl_buf *b, const struct nl_policy *p); /* NL_POLICY_TYPE_ATTR_*; nothing for what has no name there */
/* netlink_dump.c */
int nl_dump_continue(struct cpu *cpu, struct netlink_sock *s);
void nl_dump_end(struct cpu *cpu, struct netlink_sock *s);
/* netlink_mcast.c: a datagram of a program to a group. -ESRCH: nobody there. */
int nl_broadcast(struct cpu *cpu, struct netns *net, int protocol, u32 group, const void *data, size_t len, const struct nl_cb *from,
		 u32 exclude_portid);

#endif
