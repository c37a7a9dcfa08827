/* RTM_*LINK: reading (rt_link.c), making, changing and removing (rt_link_make.c, _set.c, _del.c). */
#ifndef CONTROL_ROUTE_RT_LINK_H
#define CONTROL_ROUTE_RT_LINK_H

#include <linux/if_link.h>

#include "control/route/rt.h"

extern const struct nl_policy rt_link_policy[RT_IFLA_MAX + 1];
extern const struct nl_policy rt_linkinfo_policy[IFLA_INFO_MAX + 1];

int rt_new_link(struct nl_request *rq);
int rt_set_link(struct nl_request *rq);
int rt_del_link(struct nl_request *rq);
int rt_set_linkprops(struct nl_request *rq);
/* dev, whose making rq asked for, is whole (being_made ends): tells listeners, and who asked with NLM_F_ECHO. */
void rt_link_made(struct nl_request *rq, struct net_device *dev);

#endif
