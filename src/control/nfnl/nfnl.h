/* NETLINK_NETFILTER: several subsystems over one protocol, told apart by the upper half of a message's type, and batches of messages that
 * take effect together or not at all. A subsystem is one const row of nfnl_subsystems (nfnl.c).
 *
 * linux/netfilter/nfnetlink.h.
 */
#ifndef CONTROL_NFNL_NFNL_H
#define CONTROL_NFNL_NFNL_H

#include <linux/netfilter/nfnetlink.h>

#include "control/netlink.h"

struct nfnl_op {	     /* ends with neither do nor dump */
	u8 msg;
	bool batch;	     /* within a batch only; else not within one */
	u8 maxattr;
	const struct nl_policy *policy;
	int (*doit)(struct nl_request *rq, const struct nfgenmsg *m, const struct nl_attrs *a);
	int (*dump)(struct nl_dump *d, struct nl_buf *b);
};
struct nfnl_subsys {
	u8 id;		     /* NFNL_SUBSYS_* */
	const struct nfnl_op *ops;
	/* Batches: NULL where there are none. genid: a batch may name the generation that it was made for. */
	u32 (*genid)(struct netns *net);
	/* All messages were taken. 0, or an error, after which abort is called; -EAGAIN: abort, and once more, checking each message. */
	int (*commit)(struct nl_request *rq);
	void (*abort)(struct nl_request *rq);
	/* Would what has been done so far be refused by commit? After each message of a second run, and before a batch without an end is undone. */
	int (*check)(struct nl_request *rq);
};

/* A message of a subsystem: its header filled in. The answer to a request, a dump's, or a notification's. */
struct nfgenmsg *nfnl_reply(const struct nl_request *rq, struct nl_buf *b, u8 subsys, u8 msg, u8 family, u16 res_id);
struct nfgenmsg *nfnl_dump_msg(struct nl_dump *d, struct nl_buf *b, u8 subsys, u8 msg, u8 family, u16 res_id);
struct nfgenmsg *nfnl_notify(struct nl_buf *b, u8 subsys, u8 msg, u16 flags, u32 seq, u32 portid, u8 family, u16 res_id);
/* Parses a dump's request. */
int nfnl_dump_attrs(struct nl_dump *d, struct nl_attrs *a, unsigned max, const struct nl_policy *policy);
u8 nfnl_dump_family(const struct nl_dump *d);

extern const struct nfnl_subsys nfnl_nftables;
extern const struct nl_family nl_family_netfilter;
extern const struct sock_family netlink_netfilter_raw, netlink_netfilter_dgram;

/* nfnl.c and nfnl_batch.c */
const struct nfnl_subsys *nfnl_subsys_find(u8 id);
const struct nfnl_op *nfnl_op_find(const struct nfnl_subsys *s, u8 msg);
int nfnl_call(struct nl_request *rq, const struct nfnl_op *op);
void nfnl_batch(struct nl_request *rq, const u8 *data, size_t len);

#endif
