/* The arguments of caught calls, read from a program's memory: attach/args.c. Nothing here trusts anything it reads. */
#ifndef ATTACH_ARGS_H
#define ATTACH_ARGS_H

#include <sys/socket.h>
#include <sys/uio.h>

#include "base/types.h"

struct args_mem { /* somebody's memory */
	int (*read)(void *arg, u64 addr, void *buf, size_t len); /* 0 or -EFAULT */
	void *arg;
};

#define ARGS_MAX_IOV 1024     /* UIO_MAXIOV */
#define ARGS_MAX_CONTROL 20480 /* the usual net.core.optmem_max */
#define ARGS_MAX_SEND (1u << 20) /* of one message; streams are cut there, datagrams longer than any protocol's limit refused */

/* An address a program passes: length checked as the kernel does (-EINVAL), then copied (-EFAULT). */
int args_sockaddr(const struct args_mem *m, u64 addr, u32 len, struct sockaddr_storage *out);

struct args_msg { /* a struct msghdr */
	u64 name, control;
	u32 namelen;
	u64 controllen;
	u32 flags;
	struct iovec *iov; /* of the program's memory */
	u32 iovlen;
	u64 total; /* bytes */
	u32 namelen_was; /* as the program has it */
	u64 controllen_was;
	struct iovec small[8];
};
/* -EFAULT, -EMSGSIZE (too many pieces), -EINVAL, -ENOBUFS (control too long when sending), -ENOMEM. args_msg_free afterwards, also
 * after an error. */
int args_msg(const struct args_mem *m, u64 addr, bool sending, struct args_msg *out);
void args_msg_free(struct args_msg *g);
/* Copies at most `max` bytes of what the pieces hold. */
int args_gather(const struct args_mem *m, const struct args_msg *g, void *buf, size_t max);
/* Reads and checks control messages that a program sends: every length within bounds. -EINVAL, -EFAULT. */
int args_control(const struct args_mem *m, const struct args_msg *g, void *buf);

#endif
