/* On whose behalf a call runs, and the way back to that program: who it is, how its descriptors in netlink attributes are
 * understood, how its memory is reached from an ioctl. cpu->caller is set for the time of the call; library callers have none. */
#ifndef CORE_CALLER_H
#define CORE_CALLER_H

#include "base/types.h"

struct netns;
struct call_ctx;
struct call_ops {
	/* The namespace behind a descriptor or a pid of the caller; a new reference. -EBADF, -EINVAL, -ESRCH. */
	int (*netns_by_fd)(struct call_ctx *c, int fd, struct netns **out);
	int (*netns_by_pid)(struct call_ctx *c, int pid, struct netns **out);
	/* 0 or -EFAULT. Used by ioctls whose argument points to further memory. */
	int (*copy_from)(struct call_ctx *c, void *to, u64 user_addr, size_t len);
	int (*copy_to)(struct call_ctx *c, u64 user_addr, const void *from, size_t len);
	void (*ids)(struct call_ctx *c); /* fills uid and gid, clears ids_later */
	void (*name)(struct call_ctx *c, char name[16]); /* of the program, as in /proc/PID/comm; NULL: not known */
};
struct call_ctx {
	const struct call_ops *ops;
	int pid, tid;
	u32 uid, gid;	   /* as the program sees itself; read by caller_ids() */
	bool ids_later;	   /* not looked up yet: few calls ask */
	bool net_admin;	   /* CAP_NET_ADMIN over this namespace */
	bool net_raw;
	bool net_bind_service; /* CAP_NET_BIND_SERVICE */
};

static inline const struct call_ctx *caller_ids(struct call_ctx *c)
{
	if (c->ids_later)
		c->ops->ids(c);
	return c;
}

#endif
