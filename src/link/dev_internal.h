/* What the files of link/ that make up the device core tell each other; nobody else's. */
#ifndef LINK_DEV_INTERNAL_H
#define LINK_DEV_INTERNAL_H

#include "link/netdevice.h"

/* dev_registry.c */
int dev_name_choose(struct netns *net, const char *pattern, char out[DEV_NAME_SIZE]);
int dev_ifindex_choose(struct netns *net, s32 wanted, s32 *out);
void dev_list(struct net_device *dev);
void dev_unlist(struct net_device *dev);
void dev_rename_listed(struct net_device *dev, const char *name);
void dev_leave(struct cpu *cpu, struct net_device *dev, const struct link_move *move_or_null);
/* dev_config.c */
int dev_open(struct cpu *cpu, struct net_device *dev);
void dev_close(struct cpu *cpu, struct net_device *dev, u32 also); /* also: of EV_LINK_DOWN */
/* dev_addr.c */
void dev_addr_flush(struct net_device *dev);
void dev_rx_mode(struct net_device *dev);
/* dev_stack.c */
int dev_stack_check(const struct net_device *lower, const struct net_device *upper, struct nl_ext_ack *ack);
void dev_uppers_operstate(struct net_device *lower); /* of those above that have no carrier, anew; nobody is told */
/* Subscribers hear it, and the devices above. */
void dev_upper_told(struct cpu *cpu, struct net_device *upper); /* those below: it came, or goes */
void dev_tell(struct cpu *cpu, struct net_device *dev, enum net_event ev, unsigned long info);

#endif
