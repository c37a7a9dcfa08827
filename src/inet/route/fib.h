/* The forwarding information base: tables of prefixes per namespace and family, rules, next hops.
 *
 * Keys are addresses in network order with a bit length, so IPv4 and IPv6 tables share the code. Writers hold all batons,
 * publish by pointer swap and free by epoch_defer(); a lookup takes no lock and allocates nothing.
 */
#ifndef INET_ROUTE_FIB_H
#define INET_ROUTE_FIB_H

#include <linux/rtnetlink.h>

#include "inet/af.h"
#include "inet/route/lpm.h"

struct nl_ext_ack;
struct subsys;

struct fib_table {		/* exists from its first route on (local and main: always) */
	struct list link;
	struct netns *net;
	u32 id;			/* RT_TABLE_* */
	u8 family;
	struct lpm lpm;		/* of struct fib_alias: the first of a prefix's routes */
	u32 routes;
};
struct fib_rule {
	struct list link;	/* by preference */
	u8 family;
	u8 action;		/* FR_ACT_TO_TBL */
	u8 protocol;
	u32 preference, table;
};
struct netns_fib {
	u32 genid;		/* moves when a cached route may have become wrong */
	bool default_rules;	/* only the three that a namespace is born with */
	struct fib_table *local4, *main4;
	struct list tables;	/* struct fib_table, by family and id */
	struct list rules;	/* struct fib_rule, of both families */
	struct htable infos;	/* struct fib_info by content */
	const struct fib_family_ops *ops4, *ops6;
	u32 multipath_seed;
	u8 multipath_hash_policy; /* 0: addresses; 1: ports too */
	u32 multipath_hash_fields;
	struct fib_alias_batch *alias_batch; /* removed routes that wait for an epoch together */
	struct htable exceptions; /* struct fib_exception by destination */
	struct list exception_lru;
};

struct fib_nh {			/* one next hop of a route */
	struct net_device *dev;	/* holds a reference; NULL for blackhole and the like */
	struct inaddr gateway;	/* DST_GATEWAY when has_gw */
	bool has_gw;
	u8 gw_family;
	u8 scope;
	u32 flags;		/* RTNH_F_* */
	u32 weight;
	u32 upper_bound;	/* of the 31-bit flow hash that chooses this hop; 0: never */
	s32 oif;
	struct dst *dst;	/* forwarding and output through this hop, shared by all packets */
	struct fib_info *info;
};
struct fib_info {		/* what routes share: everything but prefix, tos, priority key */
	struct epoch_node epoch;
	struct netns *net;
	struct world *world;
	u32 refcnt;		/* routes, all batons */
	u32 memcnt;		/* the struct itself: 1 for all routes, 1 per dst; atomic */
	u8 protocol, scope, type; /* RTPROT_*, RT_SCOPE_*, RTN_* */
	u32 priority, flags;
	struct inaddr prefsrc;
	u32 *metrics;		/* [RTAX_SLOTS], or NULL */
	u32 nh_id;		/* next-hop object, 0: none */
	u32 table;
	struct hnode node;	/* by content */
	unsigned nhs;
	struct fib_nh nh[];
};
struct fib_alias {		/* one route: a prefix's entry for a tos and priority */
	struct fib_alias *next;
	struct fib_info *fi;
	u8 tos, type, state;
	u8 prefix_len;
	u32 table;
	struct inaddr prefix;
};

/* A change, from netlink, the API or address code. */
struct fib_config {
	u8 family, prefix_len, tos, protocol, scope, type;
	u32 table, flags /* RTNH_F_* for single hop */, nl_flags /* NLM_F_CREATE, EXCL, REPLACE, APPEND */, priority, nh_id;
	struct inaddr dst, prefsrc;
	bool has_gw, has_prefsrc;
	u8 gw_family;
	struct inaddr gateway;
	s32 oif;
	const u32 *metrics;	/* [RTAX_SLOTS], or NULL */
	struct { s32 oif; struct inaddr gateway; bool has_gw; u8 gw_family; u32 weight, flags; } *mp; /* multipath, or NULL */
	unsigned mp_len;
	u32 portid, seq;	/* of the netlink request, for the notification; 0: ours */
	struct nl_ext_ack *ack;
};
struct fib_table *fib_table_find(struct netns *net, u8 family, u32 id); /* NULL: none */
struct fib_event { const struct fib_alias *alias; u8 family; u32 portid, seq, nl_flags; };
int fib_route_add(struct cpu *cpu, struct netns *net, const struct fib_config *c); /* -EEXIST -ENOENT -EINVAL -ENETUNREACH -ENOMEM */
int fib_route_del(struct cpu *cpu, struct netns *net, const struct fib_config *c); /* -ESRCH */
/* Resumable walk in Linux's order (tables as its hash has them, addresses ascending, longer prefixes first): fn for each route of family (0: all) and table (0: all); stops at non-zero, which is returned.
 * key: 6 words of the caller's, zero at first; after a stop the next call begins with the very route at which fn stopped. */
int fib_walk(struct netns *net, u8 family, u32 table, u64 key[6], int (*fn)(void *arg, const struct fib_alias *a), void *arg);
struct fib_result { const struct fib_alias *alias; struct fib_nh *nh; struct dst *dst; u32 table; };
/* Rules, then tables. dst: borrowed for this step. Errors of routes fill res too: -EHOSTUNREACH, -EACCES, -EINVAL (blackhole);
 * nothing found: -ENETUNREACH and res->alias NULL. */
int fib_lookup(struct cpu *cpu, struct netns *net, const struct flow *fl, struct fib_result *res);
/* Bulk form for the main path of forwarding: tables local and main alone, tos 0, any scope. res[i]: the route, or NULL where only
 * fib_lookup() can tell (rules were added, no match, more than one candidate, anything but a live single next hop). */
void fib_lookup_bulk(struct netns *net, const be32 *daddr, unsigned n, const struct fib_alias **res);
/* One table alone; -EAGAIN: no match. ignore_linkdown: RTNH_F_LINKDOWN next hops count as usable. */
int fib_table_lookup(struct cpu *cpu, struct netns *net, const struct fib_table *tb, const struct flow *fl, struct fib_result *res,
		     bool ignore_linkdown);
/* RTN_* of an address as table local sees it (dev: only routes of that device); RTN_UNICAST when no route names it. */
u8 fib_addr_type(struct netns *net, const struct net_device *dev_or_null, const struct inaddr *a);
static inline u32 fib_genid(const struct netns *net) { return net->fib->genid; }
static inline void fib_genid_bump(struct netns *net) { net->fib->genid++; }
void fib_info_mem_put(struct fib_info *fi);
static inline void fib_info_mem_hold(struct fib_info *fi) { __atomic_fetch_add(&fi->memcnt, 1, __ATOMIC_RELAXED); }
/* Picks one of fi's next hops by the flow's hash and the weights; the first live one when there is no choice. */
struct fib_nh *fib_select_path(struct netns *net, struct fib_info *fi, const struct flow *fl);
/* The hop's dst of this generation (its source address chosen anew after a change); borrowed. NULL: no memory. */
struct dst *fib_nh_dst(struct cpu *cpu, struct fib_nh *nh);

/* Path MTU and redirects. dst: what a lookup gave; answers it, or what was learned about daddr instead (borrowed, either way). */
struct dst *fib_exception_dst(struct cpu *cpu, struct netns *net, const struct inaddr *daddr, struct dst *base);
/* mtu 0, gw NULL: leaves what is known. base: what the lookup gave (not an exception's dst). expires: ns, 0: never. */
int fib_exception_set(struct cpu *cpu, struct netns *net, const struct inaddr *daddr, struct dst *base, u32 mtu, bool mtu_locked,
		      const struct inaddr *gw, u64 expires);
int fib_exceptions_walk(struct netns *net, int (*fn)(void *arg, const struct inaddr *daddr, const struct dst *d), void *arg);
void fib_exceptions_flush(struct netns *net);

/* What only the family's own code knows; set in netns_fib by its netns_init. */
struct fib_family_ops {
	void (*dst_setup)(struct dst *d); /* fills input, output by type, flags and error */
	/* Source address for packets through dev towards gw. */
	void (*select_saddr)(struct netns *net, struct net_device *dev, const struct inaddr *dst, u8 scope, struct inaddr *out);
	bool (*dev_enabled)(const struct net_device *dev); /* the family runs on dev */
	bool (*ignore_linkdown)(const struct net_device *dev);
};

/* Routes that come and go with addresses and links; all batons held. `keep_addr` NULL: none. */
struct fib_local_route { u8 type, prefix_len; struct inaddr dst, prefsrc; u32 priority; };
void fib_kernel_route_add(struct cpu *cpu, struct net_device *dev, const struct fib_local_route *r);
void fib_kernel_route_del(struct cpu *cpu, struct net_device *dev, const struct fib_local_route *r);
/* A link went up or has carrier again: next hops through it live. clear: RTNH_F_DEAD or RTNH_F_LINKDOWN. */
void fib_dev_up(struct cpu *cpu, struct net_device *dev, u32 clear);
enum fib_down { FIB_DOWN_CARRIER, FIB_DOWN_LINK, FIB_DOWN_FORCE /* host scope too */, FIB_DOWN_UNREGISTER };
void fib_dev_down(struct cpu *cpu, struct net_device *dev, enum fib_down how);
/* A local address is gone: routes that prefer it as source go too. */
void fib_prefsrc_gone(struct cpu *cpu, struct netns *net, const struct inaddr *addr);
extern const struct subsys fib_subsys;

#endif
