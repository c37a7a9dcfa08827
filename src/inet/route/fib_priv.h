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

/* fib_nh.c: fills dev, scope and flags of a hop of a route in `table` with `scope`; oif, gateway, flags are set. */
int fib_nh_check(struct cpu *cpu, struct netns *net, struct fib_nh *nh, u8 family, u32 table, u8 scope, struct nl_ext_ack *ack);
struct dst *fib_nh_dst_make(struct fib_nh *nh); /* one reference; NULL: no memory */

/* fib_table.c */
struct fib_table *fib_table_get_or_new(struct netns *net, u8 family, u32 id);
void fib_table_free_all(struct netns *net);
/* Removes every route whose fib_info is dead; all: every route. */
void fib_flush(struct cpu *cpu, struct netns *net, bool all);
/* fib_rule.c */
int fib_rules_init(struct netns *net);
void fib_rules_fini(struct netns *net);

static inline struct mem *fib_mem(const struct netns *net) { return &net->world->mem; }
static inline const struct fib_family_ops *fib_ops(const struct netns *net, u8 family)
{
	return family == AF_INET ? net->fib->ops4 : net->fib->ops6;
}
static inline unsigned fib_key_bits(u8 family) { return family == AF_INET ? 32 : 128; }

#endif
