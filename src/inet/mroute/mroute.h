/* Multicast forwarding, of both families: virtual interfaces, entries that say where a group's packets of a source go, and what a
 * routing program (smcrouted, pimd) is told. What a header looks like is the family's (struct mr_family), in ip4/ and ip6/.
 *
 * A table belongs to one program's socket at a time: what that socket made ends with it, what others made (MR_STATIC) stays until
 * flushed. A packet whose (source, group) has no entry waits, while the program is asked; see mr_table.c.
 * Source: linux/mroute.h, linux/mroute6.h, mrouted's and pimd's use of them, and what Linux 6.18 answers.
 */
#ifndef INET_MROUTE_MROUTE_H
#define INET_MROUTE_MROUTE_H

#include <linux/rtnetlink.h>

#include "base/hash.h"
#include "base/timer.h"
#include "core/skb.h"
#include "core/subsys.h"
#include "inet/addr.h"
#include "link/netdevice.h"

struct event_sub;
struct mr_entry;
struct mr_entry_config;
struct mr_table;
struct sock;
struct strbuf;

enum { MR_VIFS = 32, MR_TTL_OFF = 255, MR_WAITING_MAX = 4 };
/* IGMPMSG_*, MRT6MSG_*: why a program is told of a packet. */
enum mr_report { MR_NOCACHE = 1, MR_WRONGVIF, MR_WHOLEPKT, MR_WRVIFWHOLE };
enum { MR_FLUSH_ENTRIES = 1, MR_FLUSH_ENTRIES_STATIC = 2, MR_FLUSH_VIFS = 4, MR_FLUSH_VIFS_STATIC = 8 }; /* MRT_FLUSH's */
enum { MR_VIF_STATIC = 0x8000 }; /* mr_vif.flags, beside the family's own */

struct mr_vif {
	struct net_device *dev;	/* borrowed: gone with EV_LINK_UNREGISTER; NULL: no such vif */
	u64 bytes_in, bytes_out, pkts_in, pkts_out;
	u32 rate_limit;		/* as given; nobody limits */
	u8 threshold;
	bool is_register;	/* its packets are shown to the program */
	u16 flags;
	be32 local, remote;	/* IPv4: as given */
	s32 link;
};
struct mr_entry {
	struct list link;	/* mr_table.entries, in the order they came; or .unresolved */
	struct hnode node;	/* of entries: mr_table.by_key */
	struct inaddr origin, group; /* any: all sources; with any group: everything that comes by parent */
	u16 parent;		/* the vif that its packets must come by */
	bool is_static;		/* not made by the table's socket */
	u8 ttl[MR_VIFS];	/* packets with more than this leave by the vif; MR_TTL_OFF: none do */
	u8 minvif, maxvif;	/* [minvif, maxvif): where ttl is on */
	u64 pkts, bytes, wrong_if;
	u64 last_used, last_assert; /* ns; 0: never */
	struct skb_list waiting; /* of unresolved ones */
	u64 expires;
};
struct mr_family {
	u8 family, rtnl_family;	/* AF_*, RTNL_FAMILY_IPMR, _IP6MR */
	u32 default_table;
	const char *reg_name;	/* "pimreg" */
	u32 reg_mtu;
	u8 (*ttl)(const struct sk_buff *skb);
	void (*addrs)(const struct sk_buff *skb, struct inaddr *origin, struct inaddr *group);
	void (*deliver)(struct cpu *cpu, struct sk_buff *skb); /* to ourselves; consumes */
	/* Sends a packet out by a vif (not a register one). Consumes. */
	void (*xmit)(struct cpu *cpu, struct mr_table *t, struct sk_buff *skb, struct mr_vif *v);
	/* The message that a program gets: a new packet, or NULL (no memory). Borrows skb. */
	struct sk_buff *(*report)(struct cpu *cpu, struct mr_table *t, struct sk_buff *skb, u32 vif, enum mr_report why);
	/* The device's, or (dev NULL) the namespace's, mc_forwarding moves by `by`. */
	void (*conf)(struct cpu *cpu, struct netns *net, struct net_device *dev, int by);
	bool (*dev_ready)(struct net_device *dev); /* the family runs there, or can */
	/* What options and ioctls look like (mr_opt.c). */
	bool exact_len;		/* values are as long as they should be; else they may be longer */
	u32 table_max;		/* tables are less than this */
	u32 entry_len, sg_len;	/* struct mfcctl's, struct sioc_sg_req's */
	void (*entry_read)(const void *mfcctl, struct mr_entry_config *c, u8 ttl[MR_VIFS]); /* origin, group, parent; and ttl */
	void (*sg_read)(const void *sioc_sg_req, struct inaddr *origin, struct inaddr *group);
	/* MRT_ADD_VIF, MRT_DEL_VIF. is_static: not by the table's socket. */
	int (*vif_opt)(struct cpu *cpu, struct mr_table *t, bool is_static, bool add, const void *val, u32 len);
};
struct mr_table {
	struct list link;	/* netns_mroute.tables */
	struct netns *net;
	const struct mr_family *ops;
	u32 id;
	struct sock *sk;	/* the routing program's; NULL: none. Home baton */
	struct mr_vif vif[MR_VIFS];
	u32 nvifs;		/* above the highest in use */
	s32 reg_vif;		/* -1: none */
	struct htable by_key;
	struct list entries, unresolved;
	u32 nunresolved;
	struct timer expire;
	bool do_assert, do_pim, do_wrvifwhole;
};
struct netns_mroute {
	const struct mr_family *v4, *v6; /* set by mr_family_start; NULL: not there */
	struct list tables;	/* struct mr_table of both families, by age */
};

int mr_family_start(struct netns *net, const struct mr_family *f); /* from the family's netns_init. 0, -ENOMEM */
/* -- tables: all batons held, lookups home -- */
struct mr_table *mr_table_find(struct netns *net, const struct mr_family *f, u32 id); /* NULL: none */
struct mr_table *mr_table_get_or_new(struct netns *net, const struct mr_family *f, u32 id); /* NULL: no memory */
/* The table that rules name for a packet of this device and mark; NULL: none. oif 0: it came in. */
struct mr_table *mr_table_of(struct cpu *cpu, struct netns *net, const struct mr_family *f, s32 iif, s32 oif, u32 mark);
/* The socket takes the table, and lets it go: what it made goes with it. -EADDRINUSE. */
int mr_socket_take(struct cpu *cpu, struct mr_table *t, struct sock *sk);
void mr_socket_leave(struct cpu *cpu, struct netns *net, const struct mr_family *f, const struct sock *sk);
void mr_flush(struct cpu *cpu, struct mr_table *t, int what); /* MR_FLUSH_* */
struct mr_vif_config { u32 vif; bool is_register; u16 flags; u8 threshold; u32 rate_limit; struct net_device *dev; be32 local, remote; bool is_static; };
int mr_vif_add(struct cpu *cpu, struct mr_table *t, const struct mr_vif_config *c); /* -EADDRINUSE, -EADDRNOTAVAIL, -ENOBUFS */
int mr_vif_del(struct cpu *cpu, struct mr_table *t, u32 vif);			     /* -EADDRNOTAVAIL */
s32 mr_vif_of(const struct mr_table *t, const struct net_device *dev);		     /* -1: none */
/* parent_given: entries that differ in parent alone are different ones (MRT_ADD_MFC_PROXY). */
struct mr_entry_config { struct inaddr origin, group; u16 parent; bool parent_given, is_static; const u8 *ttl; u32 nttl; };
int mr_entry_set(struct cpu *cpu, struct mr_table *t, const struct mr_entry_config *c); /* -ENFILE, -EINVAL, -ENOMEM */
int mr_entry_del(struct cpu *cpu, struct mr_table *t, const struct mr_entry_config *c); /* -ENOENT */
struct mr_entry *mr_entry_find(const struct mr_table *t, const struct inaddr *origin, const struct inaddr *group, s32 parent);
/* All of a key, one after the other; prev NULL: the first. */
struct mr_entry *mr_entry_next(const struct mr_table *t, const struct inaddr *origin, const struct inaddr *group, struct mr_entry *prev);

/* Options and ioctls of a routing program's raw socket. table: which one it speaks of, 0: the default; it moves with MRT_TABLE. */
struct mr_user { struct sock *sk; u32 *table; bool net_admin; };
static inline bool mr_is_opt(int name) { return name >= 200 && name <= 212; } /* MRT_BASE … MRT_MAX, and MRT6_BASE … MRT6_MAX */
int mr_setsockopt(struct cpu *cpu, struct netns *net, const struct mr_family *f, const struct mr_user *u, int name, const void *val, u32 len);
int mr_getsockopt(struct netns *net, const struct mr_family *f, const struct mr_user *u, int name, int *val);
int mr_ioctl(struct netns *net, const struct mr_family *f, const struct mr_user *u, unsigned cmd, void *arg, size_t len); /* -ENOIOCTLCMD, as sock.h's */

/* -- packets: home baton -- */
/* A group's packet, network header set, that came in by skb->dev. local: the host itself wants it, too (deliver is called). Consumes. */
void mr_input(struct cpu *cpu, struct mr_table *t, struct sk_buff *skb, bool local);
void mr_forward(struct cpu *cpu, struct mr_table *t, struct mr_entry *e, struct sk_buff *skb, s32 came_by, bool local);
/* Tells the program of a packet. Borrows skb. -EINVAL: nobody is there; -ENOBUFS, or what the socket's queue said. */
int mr_tell(struct cpu *cpu, struct mr_table *t, struct sk_buff *skb, u32 vif, enum mr_report why);
void mr_wait(struct cpu *cpu, struct mr_table *t, struct sk_buff *skb, u32 vif); /* for an entry to come. Consumes */
/* A packet out of a PIM register message, data at its network header: as if it came by the register vif. Consumes. */
void mr_register_rx(struct cpu *cpu, struct mr_table *t, struct sk_buff *skb, be16 protocol);
struct net_device *mr_register_dev(struct cpu *cpu, struct mr_table *t); /* mr_register.c: makes it, up; NULL: cannot be */

/* EV_MROUTE_*'s objects. */
struct mr_event { struct mr_table *table; struct mr_entry *entry; };
struct mr_report_event { struct mr_table *table; u8 why; u32 vif; struct inaddr origin, group; const u8 *pkt; u32 len; };

void mr_proc_vifs(struct netns *net, const struct mr_family *f, struct strbuf *out);
void mr_proc_entries(struct netns *net, const struct mr_family *f, struct strbuf *out);
extern const struct subsys mroute_subsys;
extern const struct event_sub mroute_event_sub;

#endif
