/* What both families share in a namespace: the two inet_af, port range, fragment limits, L4 demultiplexing. */
#ifndef INET_INET_H
#define INET_INET_H

#include "core/netns.h"
#include "inet/addr.h"

struct inet_af;
struct l4_proto;
struct l4_raw_ops;
struct icmp_limits;
struct netns_inet {
	const struct inet_af *af4, *af6;	/* af6 NULL until IPv6 is there */
	const struct l4_proto *l4[2][256];	/* [0] IPv4, [1] IPv6; by protocol number */
	const struct l4_raw_ops *raw;		/* transport/raw.c and ping.c */
	s32 local_port_range[2];		/* its sysctl and the next two: transport/ports.c */
	s32 unprivileged_port_start;
	u8 *reserved_ports;			/* 65536 bits, or NULL: none */
	u32 frag_high_thresh, frag_low_thresh;
	u64 frag_time_ns;
	s32 frag_max_dist;
	u64 frag_mem_bytes;
	struct icmp_limits *icmp;		/* icmp_limit.c */
};
static inline const struct inet_af *inet_af_of(struct netns *net, const struct inaddr *a)
{
	return inaddr_is_v4(a) ? net->inet->af4 : net->inet->af6;
}

#endif
