/* RTM_*ROUTE: changes and dumps (rt_route.c), questions (rt_route_get.c). */
#ifndef CONTROL_ROUTE_RT_ROUTE_H
#define CONTROL_ROUTE_RT_ROUTE_H

#include "control/route/rt.h"
#include "inet/route/fib.h"

/* Newer than Debian 12's headers. */
enum { RT_RTA_FLOWLABEL = 31, RT_RTA_MAX = RT_RTA_FLOWLABEL };
extern const struct nl_policy rt_route_policy[RT_RTA_MAX + 1];
void rt_put_metrics(struct nl_buf *b, const struct world *w, const u32 *metrics); /* RTA_METRICS of [RTAX_SLOTS]; NULL: nothing */
void rt_put_addr(struct nl_buf *b, u16 type, u8 family, const struct inaddr *a);
void rt_put_via6(struct nl_buf *b, const struct inaddr *gw); /* RTA_VIA */
void rt_put_cacheinfo6(struct nl_buf *b, const struct fib6_alias *a, u64 now, s32 error);
/* A route as the answer to a question shows it: of which table and type, and (IPv6) the device of the packet in question or 0. */
struct rt_shown { u32 table; s32 iif; u8 type; };
int rt_route_fill_in(struct nl_buf *b, const struct fib_alias *a, const struct rt_shown *as, u16 type, u16 flags, u32 seq, u32 portid);
int rt_dump_routes(struct nl_dump *d, struct nl_buf *b);
int rt_get_route(struct nl_request *rq);
int rt_get_route6(struct nl_request *rq);
extern const struct nl_policy rt_route_policy6[RT_RTA_MAX + 1];
int rt_dump_exceptions(struct nl_dump *d, struct nl_buf *b); /* ip route show cache */

#endif
