/* NETLINK_SOCK_DIAG, AF_INET and AF_INET6: sockets as `ss` shows, filters and kills them.
 *
 * sock_diag.c takes requests; inet_diag.c fills what all protocols share; one struct diag_proto per protocol says how its sockets
 * are walked and what is special about them (diag_tcp.c, diag_dgram.c); diag_bytecode.c is the filter that `ss` compiles.
 * linux/sock_diag.h, linux/inet_diag.h. Unix sockets are the host kernel's own, so that family answers ENOENT, like netlink's and
 * packet's, and `ss` reads /proc/net instead.
 */
#ifndef CONTROL_DIAG_DIAG_H
#define CONTROL_DIAG_DIAG_H

#include <linux/inet_diag.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>

#include "control/netlink.h"
#include "sock/inet_sock.h"

/* What a filter sees of a socket; for requests and TIME-WAIT remains as well. */
struct diag_entry {
	const struct inaddr *saddr, *daddr;
	u16 family, sport, dport; /* host order */
	s32 ifindex;
	u32 mark, userlocks;
};

/* A request, parsed. */
struct diag_query {
	struct inet_diag_req_v2 r;
	const struct diag_proto *proto;
	const void *bc;		  /* audited; NULL: no filter */
	size_t bc_len;
	bool admin;		  /* the asker has CAP_NET_ADMIN */
};

/* One of a socket's neighbours in state: its tuple (diag_tcp.c) or itself. */
struct diag_proto {
	u8 protocol;
	/* The socket that r->id names, one reference in *out (TCP: only struct sock, no request or remains). -ENOENT. */
	int (*find)(struct cpu *cpu, struct netns *net, const struct inet_diag_req_v2 *r, struct sock **out);
	/* Messages from d->arg[1], d->arg[2] on; 0: all done, 1: full. */
	int (*dump)(struct nl_dump *d, struct nl_buf *b, const struct diag_query *q);
	/* Of the fixed header: queues, timer. Then the attributes that are its own. */
	void (*fill_msg)(struct cpu *cpu, struct sock *sk, struct inet_diag_msg *m);
	void (*fill_attrs)(struct cpu *cpu, struct sock *sk, struct nl_buf *b, u8 ext);
};
extern const struct diag_proto diag_tcp, diag_udp, diag_raw;

/* diag_bytecode.c. 0, -EINVAL, -EPERM (marks are for administrators). */
int diag_bytecode_audit(const void *bc, size_t len, bool admin);
bool diag_bytecode_run(const void *bc, size_t len, const struct diag_entry *e);

/* inet_diag.c */
bool diag_wanted(const struct diag_query *q, const struct diag_entry *e, u8 state);
void diag_entry_of(const struct sock *sk, struct diag_entry *e);
/* The fixed header of anything that has a tuple. */
void diag_fill_tuple(struct inet_diag_msg *m, u16 family, const struct inet_tuple *t, u64 cookie);
/* A whole message for sk behind the header `m` (NULL: no room). 0, -EMSGSIZE. */
int diag_fill_sock(struct cpu *cpu, struct sock *sk, struct inet_diag_msg *m, struct nl_buf *b, const struct diag_query *q);

struct genl_family;
extern const struct genl_family genl_tcp_metrics;
extern const struct nl_family nl_family_sock_diag;
extern const struct sock_family netlink_diag_raw, netlink_diag_dgram;

#endif
