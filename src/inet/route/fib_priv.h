/* What the files of inet/route/ share among themselves. */
#ifndef INET_ROUTE_FIB_PRIV_H
#define INET_ROUTE_FIB_PRIV_H

#include "codec/netlink/nl_attr.h"
#include "core/event.h"
#include "inet/route/fib.h"
#include "link/netns_dev.h"

/* What each RTN_* means: the error a lookup that ends there returns (0: a way), and the narrowest scope it may be given. */
struct fib_type_prop {
	s16 error;
	u8 scope;
};
extern const struct fib_type_prop fib_type_props[RTN_MAX + 1];

/* fib_info.c: a shared fib_info for c, one reference (the caller's). -EINVAL, -ENODEV, -ENETDOWN, -ENETUNREACH, -ENOBUFS. */
int fib_info_make(struct cpu *cpu, struct netns *net, const struct fib_config *c, struct fib_info **out);
void fib_info_put(struct fib_info *fi);
/* True when a deletion's config (oif, gateway, multipath, priority, metrics: each only when given) means fi. */
bool fib_info_matches(const struct fib_info *fi, const struct fib_config *c);
void fib_info_rebalance(struct fib_info *fi);

/* fib_exception.c */
void fib_exception_gc_fn(void *owner, struct timer *t);
void fib_exceptions_exit(struct netns *net);

/* fib_nh.c: fills dev, scope and flags of a hop of a route in `table` with `scope`; oif, gateway, flags are set. */
int fib_nh_check(struct cpu *cpu, struct netns *net, struct fib_nh *nh, u8 family, u32 table, u8 scope, struct nl_ext_ack *ack);
struct dst *fib_nh_dst_make(struct fib_nh *nh); /* one reference; NULL: no memory */

bool fib_nh_usable(const struct fib_nh *nh); /* not dead, nor without carrier where that counts */

/* fib6_nh.c: the checks of an IPv6 hop, in Linux's order and words. */
struct fib6_hop_kind {
	bool reject, own;	/* an error type; a local or anycast address of ours */
	bool ignore_down;
	u32 table;
	struct inaddr dst;
};
int fib6_nh_check(struct cpu *cpu, struct netns *net, struct fib_nh *nh, const struct fib6_hop_kind *k, struct nl_ext_ack *ack);
int fib6_info_check(struct cpu *cpu, struct fib_info *fi, const struct fib_config *c); /* of an object, only what is beside its hops */
/* fib6_table.c */
int fib6_route_add(struct cpu *cpu, struct netns *net, const struct fib_config *c);
int fib6_route_del(struct cpu *cpu, struct netns *net, const struct fib_config *c);
void fib6_rebalance(struct fib6_alias *head); /* of one prefix */
/* dev: what died, NULL: a next-hop object. siblings_too: even while other hops of the route live. */
void fib6_flush_dead(struct cpu *cpu, struct netns *net, const struct net_device *dev, bool siblings_too);
void fib6_rebalance_all(struct netns *net);
void fib6_expiry(void *owner, struct timer *t);

/* fib_table.c */
void fib_alias_free(struct netns *net, struct fib_alias *a); /* after an epoch; puts its fib_info */
void fib_alias_unlink(struct fib_table *t, struct fib_alias *prev, struct fib_alias *a);
void fib_announce(struct cpu *cpu, struct netns *net, enum net_event ev, const struct fib_alias *a, const struct fib_config *c,
		  u32 nl_flags);
struct fib_table *fib_table_get_or_new(struct netns *net, u8 family, u32 id);
void fib_table_free_all(struct netns *net);
void fib_alias_batch_close(struct netns *net);
/* The order in which Linux's hash of 256 chains lists the tables. */

/* fib_walk.c: the first prefix of a table in Linux's order of dumps (at NULL), the one behind `at`; the head of its list. */
struct fib_alias *fib_next_prefix(const struct fib_table *t, u8 len, const struct lpm_key *at);
/* Removes every route whose fib_info is dead; all: every route. IPv4 (all: both). */
void fib_flush(struct cpu *cpu, struct netns *net, bool all);
/* The bits of a flow's tos that routes' and rules' tos is compared with: IPv4's are still RFC 1349's four but the last, so that a route of one
 * above is never taken (Linux 6.18); a rule's dscp sees all. */
static inline u8 fib_tos(const struct flow *fl) { return fl->tos & (fl->family == AF_INET6 ? 0xfc : 0x1c); }
/* fib_rule.c */
int fib_rules_init(struct netns *net);
void fib_rules_fini(struct netns *net);
int fib_rules_lookup(struct cpu *cpu, struct netns *net, const struct flow *fl, struct fib_result *res);
void fib_rules_dev_event(struct netns *net, enum net_event ev, const struct net_device *dev, unsigned long info);

static inline struct mem *fib_mem(const struct netns *net) { return &net->world->mem; }
static inline const struct fib_family_ops *fib_ops(const struct netns *net, u8 family)
{
	return family == AF_INET ? net->fib->ops4 : net->fib->ops6;
}
static inline unsigned fib_key_bits(u8 family) { return family == AF_INET ? 32 : 128; }

#endif
