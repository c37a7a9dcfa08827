/* A subsystem's life: what it does when a world and a namespace begin and end. stack/ lists all of them in order;
 * they begin first to last and end last to first. */
#ifndef CORE_SUBSYS_H
#define CORE_SUBSYS_H

#include "core/netns.h"

struct subsys {
	const char *name;
	int (*world_init)(struct world *w);
	void (*world_fini)(struct world *w);
	int (*netns_init)(struct netns *net);	  /* 0, -ENOMEM; cleans up after itself when it fails */
	void (*netns_exit)(struct netns *net);	  /* first pass: stop (close sockets, unregister devices), memory stays */
	void (*netns_fini)(struct netns *net);	  /* second pass: free */
};

#endif
