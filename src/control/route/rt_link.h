/* RTM_*LINK: reading (rt_link.c) and changing (rt_link_set.c). */
#ifndef CONTROL_ROUTE_RT_LINK_H
#define CONTROL_ROUTE_RT_LINK_H

#include <linux/if_link.h>

#include "control/route/rt.h"

extern const struct nl_policy rt_link_policy[RT_IFLA_MAX + 1];
extern const struct nl_policy rt_linkinfo_policy[IFLA_INFO_MAX + 1];

int rt_new_link(struct nl_request *rq);
int rt_set_link(struct nl_request *rq);
int rt_del_link(struct nl_request *rq);
int rt_bridge_set_link(struct nl_request *rq);
int rt_new_linkprop(struct nl_request *rq);
int rt_del_linkprop(struct nl_request *rq);

#endif
