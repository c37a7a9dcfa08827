/* A socket's group memberships, of both families: what the options of inet_opt.c and inet6_opt.c call. */
#ifndef SOCK_INET_MCAST_H
#define SOCK_INET_MCAST_H

#include "sock/inet_sock.h"

struct mc_request {
	struct inaddr group;
	struct inaddr ifaddr;	/* IPv4: an address of the device meant; any: not given */
	s32 ifindex;		/* 0: not given */
};
/* mode: MCAST_EXCLUDE (any source) or MCAST_INCLUDE (sources follow). -EINVAL, -ENODEV, -EADDRINUSE, -ENOBUFS. */
int inet_mc_join(struct cpu *cpu, struct inet_sock *inet, const struct mc_request *r, u32 mode);
int inet_mc_leave(struct cpu *cpu, struct inet_sock *inet, const struct mc_request *r); /* -ENODEV, -EADDRNOTAVAIL */
int inet_mc_source(struct cpu *cpu, struct inet_sock *inet, const struct mc_request *r, const struct inaddr *source, u32 mode, bool add);
int inet_mc_filter_set(struct cpu *cpu, struct inet_sock *inet, const struct mc_request *r, u32 mode, const struct inaddr *sources, u32 n);
/* *n: room in, number of sources out. */
int inet_mc_filter_get(struct cpu *cpu, struct inet_sock *inet, const struct mc_request *r, u32 *mode, struct inaddr *sources, u32 *n);
u32 inet_mc_max_sources(const struct inet_sock *inet, u8 family); /* igmp_max_msf, mld_max_msf */
/* The options with whole sockaddrs: MCAST_JOIN_GROUP to MCAST_LEAVE_SOURCE_GROUP, MCAST_MSFILTER (RFC 3678). */
int inet_mc_group_req(struct cpu *cpu, struct inet_sock *inet, u8 family, int name, const void *val, socklen_t len);
int inet_mc_msfilter_set(struct cpu *cpu, struct inet_sock *inet, u8 family, const void *val, socklen_t len);
int inet_mc_msfilter_get(struct cpu *cpu, struct inet_sock *inet, u8 family, void *val, socklen_t *len);
/* A source is blocked, wanted and the like: name is IP_'s or MCAST_'s. */
int inet_mc_change_source(struct cpu *cpu, struct inet_sock *inet, int name, const struct mc_request *r, const struct inaddr *source);

#endif
