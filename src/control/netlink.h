/* Netlink as the real tools meet it: sockets of family AF_NETLINK, requests handled before sendmsg returns, dumps that resume
 * by key, multicast groups, extended ACKs. Wire helpers are codec/netlink/'s. See struct nl_family (a protocol, such as
 * NETLINK_ROUTE) and struct nl_handler (what one message type does).
 *
 * A request is configuration: sendmsg and recvmsg (which goes on with a dump) on a netlink socket need all batons. */
#ifndef CONTROL_NETLINK_H
#define CONTROL_NETLINK_H

#include <linux/netlink.h>

#include "codec/netlink/nl_attr.h"
#include "core/netns.h"

struct netlink_sock;
struct sock_ops;
struct socket;
/* For a holder that takes messages for a program before that asks for them: from the first call on, the room given to recvmsg says nothing
 * about what the program can take, and `room` (bytes; 0: not known yet) does. Dumps go on in messages of at most that, as on Linux. */
void netlink_reader_room(struct socket *s, size_t room);
struct nl_dump {	     /* one dump in progress, kept by the socket */
	struct cpu *cpu;     /* of this call */
	struct netns *net;
	const struct nlmsghdr *req;
	u32 portid, seq;
	u64 arg[7];	     /* resume keys: the dumper's own, 0 at first */
	void *priv;
	void (*done)(struct nl_dump *d);
	bool filtered, intr; /* NLM_F_DUMP_FILTERED, NLM_F_DUMP_INTR */
	bool strict;	     /* NETLINK_GET_STRICT_CHK */
	bool done_apart;     /* NLMSG_DONE goes in a datagram of its own, as rtnetlink's older dumps have it */
	u32 gen;	     /* of the table when the dump began, plus 1; see nl_dump_generation */
	struct nl_ext_ack *ack;
};
struct nl_request {
	struct cpu *cpu;
	struct netns *net;
	struct netlink_sock *sock;
	const struct nlmsghdr *nlh;
	struct nl_ext_ack *ack;
	struct call_ctx *caller;
	u32 portid;	     /* of the socket that asks */
};
struct nl_handler {	     /* ends with type 0 in its array */
	u16 protocol;	     /* NETLINK_ROUTE */
	u16 type;	     /* RTM_* */
	u8 family;	     /* rtgen_family, 0: any without a row of its own */
	bool needs_admin;
	int (*doit)(struct nl_request *rq);
	/* Fills buf with whole messages; 0: done, 1: more (call again with the same d), -errno. */
	int (*dump)(struct nl_dump *d, struct nl_buf *buf);
};
struct nl_family {
	u16 protocol;
	u32 groups;
	/* NULL, or false: message by message. True: the whole datagram has been handled (nfnetlink's batches). */
	bool (*rx)(struct nl_request *rq, const u8 *data, size_t len);
	/* NULL: rtnetlink-style dispatch by nl_handlers. Else handles one message; -EINTR: no ACK, a dump has begun. */
	int (*msg)(struct nl_request *rq);
	bool nonroot_recv;   /* anybody may join groups */
	bool (*bind_group)(struct netns *net, struct netlink_sock *s, u32 group);
};
/* A unicast reply within doit. Takes the buffer's content. */
int nl_unicast(struct nl_request *rq, struct nl_buf *msg);
/* To every member of the group in net; nlmsg_seq/pid as given in the message. */
void nl_multicast(struct cpu *cpu, struct netns *net, u16 protocol, u32 group, const struct nl_buf *msg, u32 exclude_portid);
bool nl_group_used(struct netns *net, u16 protocol, u32 group);
/* Starts a dump for the request's socket and fills the first datagram. -EINTR (no ACK), -EBUSY (one is running), -ENOMEM. */
int nl_dump_start(struct nl_request *rq, int (*dump)(struct nl_dump *d, struct nl_buf *buf));
/* A message of a dump, or the answer to a request: sequence, port id and flags as they must be. */
void *nl_dump_begin(struct nl_dump *d, struct nl_buf *b, u16 type, size_t hdr_len);
void *nl_reply_begin(const struct nl_request *rq, struct nl_buf *b, u16 type, size_t hdr_len);
/* Called with the table's generation by those dumpers whose Linux twins do so (links, addresses, netconf), each time: a change marks
 * the dump as interrupted. */
void nl_dump_generation(struct nl_dump *d, u32 gen);
bool nl_request_strict(const struct nl_request *rq); /* NETLINK_GET_STRICT_CHK on the socket that asks */
/* Counts of changes, for nl_dump_generation; whoever turns events into notifications counts. */
struct nl_generations { u32 link_gen, addr_gen; };
struct nl_generations *nl_generations(const struct netns *net);
/* The request being handled in net now, or NULL: for the port id and sequence number of notifications. */
struct nl_request *nl_current(const struct netns *net);
/* What the request's own body looks like behind its fixed header of hdr_len bytes; NULL and *len 0 when it is shorter. */
static inline const void *nlmsg_attrs(const struct nlmsghdr *h, size_t hdr_len, size_t *len)
{
	size_t at = NLMSG_HDRLEN + NLMSG_ALIGN(hdr_len);
	*len = h->nlmsg_len > at ? h->nlmsg_len - at : 0;
	return (const u8 *)h + at;
}
static inline const void *nlmsg_hdr_data(const struct nlmsghdr *h) { return (const u8 *)h + NLMSG_HDRLEN; }
static inline size_t nlmsg_body_len(const struct nlmsghdr *h) { return h->nlmsg_len - NLMSG_HDRLEN; }

extern const struct sock_ops netlink_sock_ops;
extern const struct sock_family netlink_route_raw, netlink_route_dgram, netlink_generic_raw, netlink_generic_dgram;
extern const struct nl_family nl_family_route, nl_family_generic;
extern const struct subsys control_subsys;
extern const struct proc_file proc_net_netlink;

#endif
