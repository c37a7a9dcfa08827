/* A namespace's devices, the taps on all of them, and the settings of net.core that belong to devices. */
#ifndef LINK_NETNS_DEV_H
#define LINK_NETNS_DEV_H

#include "core/subsys.h"
#include "link/netdevice.h"

struct proc_file;
struct sysctl_table;

struct netns_dev {
	struct htable by_index, by_name;
	struct list devs;	/* struct net_device.net_link, by ifindex */
	struct list altnames;	/* struct dev_altname.net_link */
	s32 last_ifindex;	/* the highest given out */
	u32 count;
	struct net_device *loopback;
	s32 vrf_strict;		/* net.vrf.strict_mode: a table is one VRF's only */
	struct list taps;	/* struct dev_tap: every device of the namespace */
	u32 ethtool_seq;	/* of the last message to listeners */
	/* net.core.*, in a world's first namespace for all: */
	char default_qdisc[16];
};
struct dev_altname {
	struct list link;	/* net_device.altnames */
	struct list net_link;
	struct net_device *dev;
	char name[128];		/* ALTIFNAMSIZ */
};
struct dev_mc_addr {		/* net_device.mc_list, uc_list */
	struct list link;
	u32 users;		/* 0: gone, but the lower device still has it */
	bool synced;		/* the lower device has it as well */
	bool global;		/* an administrator added it (dev_mc_add_global): one of the users */
	u8 addr[DEV_ADDR_MAX];
};

#define dev_for_each(pos, net) list_for_each(pos, &(net)->dev->devs, net_link)
#define dev_for_each_safe(pos, tmp, net) list_for_each_safe(pos, tmp, &(net)->dev->devs, net_link)

extern const struct subsys dev_subsys;	/* before every subsystem that has something on a device */
extern const struct subsys loopback_subsys; /* after them: makes lo */
extern const struct sysctl_table link_core_sysctls;
extern const struct proc_file link_proc_dev, link_proc_dev_mcast, link_proc_psched, link_proc_ptype; /* rows of stack/stack_tables.c, as sysctl tables are */
extern const struct link_kind *const link_kinds_builtin[]; /* link/type/link_kind_list.c */
const struct link_kind *link_kind_find(struct world *w, const char *name);

/* link/type/loopback.c: a new namespace's lo, registered, down. */
int loopback_new(struct netns *net);

#endif
