/* A family of generic netlink, beside nlctrl: one const row each, in stack/ (stack_tables.genl_families). Its number is its place in
 * that list. */
#ifndef CONTROL_GENL_H
#define CONTROL_GENL_H

#include <linux/genetlink.h>

#include "control/netlink.h"

#define GENL_FIRST_ID (GENL_ID_CTRL + 4) /* as Linux begins */

struct genl_op {
	u8 cmd;
	u32 flags; /* GENL_CMD_CAP_*, GENL_ADMIN_PERM (checked before msg) */
};
struct genl_family {
	const char *name;
	u8 version;
	u32 max_attr;
	const struct genl_op *ops; /* ends with cmd 0 */
	int (*msg)(struct nl_request *rq, u16 id, const struct genlmsghdr *g); /* as struct nl_family's */
};

#endif
