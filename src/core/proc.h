/* Files under /proc/net: one const descriptor beside the subsystem whose state it shows. */
#ifndef CORE_PROC_H
#define CORE_PROC_H

#include "base/strbuf.h"
#include "core/netns.h"

struct proc_file {
	const char *name; /* "tcp", "stat/arp_cache" */
	u16 mode;	  /* 0444 */
	void (*show)(struct netns *net, struct strbuf *out);
	/* A directory whose files come and go has these two instead: walk names them (stops at non-zero, which is returned), show_in
	 * writes one of them (-ENOENT). */
	int (*walk)(struct netns *net, int (*fn)(void *arg, const char *name), void *arg);
	int (*show_in)(struct netns *net, const char *name, struct strbuf *out);
};
int proc_read(struct netns *net, const char *name, struct strbuf *out); /* -ENOENT, -ENOMEM */

#endif
