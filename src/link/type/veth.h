/* Pairs of devices, made without netlink. All batons held. */
#ifndef LINK_TYPE_VETH_H
#define LINK_TYPE_VETH_H

#include "link/netdevice.h"

extern const struct link_kind link_kind_veth;

/* Makes both ends, down. Names may hold a %d. 0, -EEXIST, -EINVAL, -ENOMEM; nothing is left behind on failure. */
int veth_pair_new(struct cpu *cpu, struct netns *net_a, const char *name_a, struct netns *net_b, const char *name_b,
		  struct net_device **a, struct net_device **b);

#endif
