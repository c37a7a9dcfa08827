/* Limits on the ICMP messages that a namespace sends, shared by both families. Home lane. */
#ifndef INET_ICMP_LIMIT_H
#define INET_ICMP_LIMIT_H

#include "core/cpu.h"
#include "inet/addr.h"

struct netns;
int icmp_limits_init(struct netns *net); /* -ENOMEM */
void icmp_limits_fini(struct netns *net);
/* One message in limit_ns to this destination, six at once after silence. 0: no limit. The tokens are one account with those of errors below. */
bool icmp_peer_allows(struct cpu *cpu, struct netns *net, const struct inaddr *daddr, u64 limit_ns);
/* Errors about packets that have no route: net.ipv4.route.error_cost and error_burst, beside the other limits. */
bool icmp_route_error_allowed(struct cpu *cpu, struct netns *net, const struct inaddr *to);
/* All destinations together. */
bool icmp_global_allows(struct cpu *cpu, struct netns *net, u64 burst, u64 per_second);
/* Redirects to one sender: nine in a row, each wait twice as long as the last, and after 20 seconds of silence from the start again. */
bool icmp_redirect_allowed(struct cpu *cpu, struct netns *net, const struct inaddr *to);

#endif
