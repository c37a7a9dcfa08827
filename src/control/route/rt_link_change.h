/* What a request to make, change or remove a link says, parsed; and what the three have in common. */
#ifndef CONTROL_ROUTE_RT_LINK_CHANGE_H
#define CONTROL_ROUTE_RT_LINK_CHANGE_H

#include "control/route/rt_link.h"

struct link_change {
	struct nl_request *rq;
	const struct ifinfomsg *m;
	struct nl_attrs a, info, data;
	bool has_data;
	const struct link_kind *kind;
	char kind_name[32];
	struct netns *link_net; /* where IFLA_LINK_NETNSID says that the device below is; NULL: not given */
	char ifname[IFNAMSIZ];	/* "": not given */
};

/* Parses rq and calls fn; its result, or the parser's. */
int rt_link_change(struct nl_request *rq, int (*fn)(struct link_change *c));
/* dev: as it will be judged by; NULL is fine. */
int rt_link_validate(const struct link_change *c, const struct net_device *dev);
/* The namespace the request sends the device to: a new reference, or NULL for none named. */
int rt_link_target(const struct link_change *c, struct netns **out);
/* The flags of dev as ifi_flags and ifi_change want them. */
u32 rt_link_flags(const struct net_device *dev, const struct ifinfomsg *m);
int rt_link_set_master(struct link_change *c, struct net_device *dev, s32 ifindex);
/* By index, else by name or alternative name; has_name: one of these is given at all. */
bool rt_link_has_name(const struct link_change *c);
struct net_device *rt_link_named(const struct link_change *c, struct netns *net);

int rt_link_make(struct link_change *c); /* RTM_NEWLINK for what is not there yet; rt_link_make.c */

#endif
