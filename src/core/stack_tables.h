/* Everything that is plugged into a world, as const tables that end with NULL. stack/ fills one instance; a test may fill
 * another with fewer rows. Lower layers reach upwards only through these. */
#ifndef CORE_STACK_TABLES_H
#define CORE_STACK_TABLES_H

#include "base/types.h"

struct cpu;
struct dst;
struct event_sub;
struct net_device;
struct netns;
struct l3_proto;
struct l4_proto;
struct genl_family;
struct link_kind;
struct net_device;
struct netns;
struct nf_conn;
struct nl_family;
struct nl_handler;
struct proc_file;
struct qdisc_ops;
struct sk_buff;
struct sock;
struct sock_family;
struct subsys;
struct sysctl_table;
struct tcp_cc_ops;

struct stack_tables {
	const struct subsys *const *subsys;	       /* core/subsys.h */
	const struct event_sub *const *event_subs;     /* core/event.h */
	const struct sysctl_table *const *sysctls;     /* core/sysctl.h */
	const struct proc_file *const *proc_files;     /* core/proc.h */
	const struct link_kind *const *link_kinds;     /* link/netdevice.h: `ip link add type KIND` */
	const struct qdisc_ops *const *qdiscs;	       /* link/qdisc.h */
	const struct l3_proto *const *l3_protos;       /* link/l3_proto.h: by EtherType */
	const struct l4_proto *const *l4_protos;       /* inet/l4_proto.h: by family and protocol number */
	const struct sock_family *const *sock_families; /* sock/sock.h: what socket(2) makes */
	const struct tcp_cc_ops *const *tcp_ccs;       /* transport/tcp/tcp_cc.h */
	const struct nl_family *const *nl_families;    /* control/netlink.h: NETLINK_ROUTE, … */
	const struct genl_family *const *genl_families; /* control/genl.h: tcp_metrics, …; NULL: nlctrl alone */
	const struct nl_handler *const *nl_handlers;   /* control/netlink.h: one list of arrays per message type */

	/* What core asks of the layers above it. NULL where no such layer is plugged in. */
	/* link/: packets from a cpu's backlog, skb->dev set and data as cpu_backlog_add() got them; up to 64; consumes. */
	void (*backlog_rx)(struct cpu *cpu, struct sk_buff **skbs, unsigned n);
	/* link/: whose device it is; ifindex and name (16 bytes) when not NULL. For drops and traces. */
	struct netns *(*dev_netns)(const struct net_device *dev, int *ifindex, char *name);
	u16 (*dev_type)(const struct net_device *dev); /* link/: ARPHRD_* */
	/* link/: calls fn with every device's name; stops at non-zero and returns that. For the directories under conf/ and neigh/. */
	int (*dev_walk)(struct netns *net, int (*fn)(void *arg, const char *name), void *arg);
	struct netns *(*sock_netns)(const struct sock *sk); /* sock/ */
	u64 (*sock_cookie)(const struct sock *sk); /* sock/; for traces */
	void (*sock_tx_waits)(struct sock *sk, bool more); /* sock/: one more (one fewer) of its packets is in a queue on the way out */
	void (*dst_hold)(struct dst *d); /* inet/ */
	void (*dst_put)(struct dst *d);
	void (*ct_hold)(struct nf_conn *ct); /* netfilter/conntrack/ */
	void (*ct_put)(struct cpu *cpu, struct nf_conn *ct);
};

#endif
