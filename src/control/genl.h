/* Families of generic netlink: one const row each, in stack/ (stack_tables.genl_families). A family's number is its place in that
 * list, and its groups are numbered in that order, too. */
#ifndef CONTROL_GENL_H
#define CONTROL_GENL_H

#include <linux/genetlink.h>

#include "control/netlink.h"

#define GENL_FIRST_ID (GENL_ID_CTRL + 4) /* as Linux begins */

struct genl_op {
	u8 cmd;
	u32 flags; /* GENL_CMD_CAP_DO, _DUMP, _HASPOL; GENL_ADMIN_PERM (checked first) */
	/* What a request may hold; NULL: not told. msg sees only what passed nl_check_all, but where lenient is set: there it parses itself,
	 * and passes over what it does not know, as old families do. */
	const struct nl_policy *policy;
	unsigned max_attr;
	bool lenient;
	int (*msg)(struct nl_request *rq, const struct genl_op *op); /* as struct nl_family's */
};
struct genl_family {
	const char *name;
	u8 version;
	u32 max_attr;
	const struct genl_op *const *ops;  /* ends with NULL */
	const char *const *groups;	   /* names, ends with NULL; may be NULL */
};

static inline bool genl_is_dump(const struct nlmsghdr *n) { return (n->nlmsg_flags & NLM_F_DUMP) == NLM_F_DUMP; }
u16 genl_id(const struct world *w, const struct genl_family *f);
/* The number of f's first group, for nl_multicast and nl_group_used with NETLINK_GENERIC. */
u32 genl_group(const struct world *w, const struct genl_family *f);

#endif
