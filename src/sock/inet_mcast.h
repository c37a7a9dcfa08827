/* A socket's group memberships: what the options of inet_opt.c call. */
#ifndef SOCK_INET_MCAST_H
#define SOCK_INET_MCAST_H

#include "sock/inet_sock.h"

struct mc_request {
	be32 group, ifaddr; /* ifaddr: an address of the device meant; 0: not given */
	s32 ifindex;	    /* 0: not given */
};
/* mode: MCAST_EXCLUDE (any source) or MCAST_INCLUDE (sources follow). -EINVAL, -ENODEV, -EADDRINUSE, -ENOBUFS. */
int inet_mc_join(struct cpu *cpu, struct inet_sock *inet, const struct mc_request *r, u32 mode);
int inet_mc_leave(struct cpu *cpu, struct inet_sock *inet, const struct mc_request *r); /* -ENODEV, -EADDRNOTAVAIL */
int inet_mc_source(struct cpu *cpu, struct inet_sock *inet, const struct mc_request *r, be32 source, u32 mode, bool add);
int inet_mc_filter_set(struct cpu *cpu, struct inet_sock *inet, const struct mc_request *r, u32 mode, const be32 *sources, u32 n);
/* *n: room in, number of sources out. */
int inet_mc_filter_get(struct cpu *cpu, struct inet_sock *inet, const struct mc_request *r, u32 *mode, be32 *sources, u32 *n);

#endif
