/* Ids by which one namespace knows another (ip-netns(8): set, list-id). An id is a name, not a reference: it goes when either
 * of the two goes. All batons. */
#ifndef CONTROL_NSID_H
#define CONTROL_NSID_H

#include "core/netns.h"

struct call_ctx;
struct netns_nsid {
	struct list ids; /* struct nsid, ascending */
	u32 gen;
};
struct nsid {
	struct list link;
	s32 id;
	struct netns *peer;
};
enum { NSID_NONE = -1 };

s32 nsid_find(const struct netns *net, const struct netns *peer); /* NSID_NONE */
/* The peer's id in net, given one (the lowest free) when it had none, which listeners are told. NSID_NONE: no memory. */
s32 nsid_get(struct cpu *cpu, struct netns *net, struct netns *peer);
/* -EEXIST: the peer has an id; -ENOSPC: the id is taken; -ENOMEM. id -1: the lowest free. Tells nobody. */
int nsid_assign(struct netns *net, struct netns *peer, s32 id);
struct netns *nsid_peer(const struct netns *net, s32 id); /* borrowed; NULL */

int nsid_netns_init(struct netns *net);
void nsid_netns_exit(struct netns *net); /* drops every id that leads here or away */
void nsid_netns_fini(struct netns *net);

#endif
