/* The seccomp filter that a program runs under: see filter.c. */
#ifndef ATTACH_FILTER_H
#define ATTACH_FILTER_H

#include "base/types.h"

enum {
	FILTER_CATCH_WRITES = 1, /* opens for writing too: where there is no FUSE tree that would take them */
	FILTER_CATCH_EXEC = 2,	 /* executions: where not every program may be looked into */
};

/* Installs the filter in this thread (and all it will fork). Returns the listener, or -errno: -EBUSY when a filter with a listener is
 * in force already (weft inside weft). */
int filter_install(u32 flags);
/* Could it be installed at all? Asked before a stack is started for nothing, or inside another's. 0, -EBUSY as above, -ENOSYS, -EINVAL
 * (a kernel without user notification). Forks; the caller has one thread. */
int filter_possible(void);

#endif
