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
	s32 tcp_l3mdev_accept, udp_l3mdev_accept, raw_l3mdev_accept; /* sockets bound to no device hear packets of VRFs too */
	struct icmp_limits *icmp;		/* icmp_limit.c */
	/* net.ipv4.route.*, in Linux' jiffies (4 ms); the world's first namespace's count for all */
	s32 error_cost, error_burst, redirect_load, redirect_number, redirect_silence;
};
/* What a packet came in by, as sockets' bindings see it: a device, or a VRF (iif) and its member (sdif). iif 0: anything. */
struct rx_ifs { s32 iif, sdif; bool unbound_ok; };
static inline struct rx_ifs rx_ifs_of(const struct sk_buff *skb, bool l3mdev_accept)
{
	return (struct rx_ifs){ skb->skb_iif, skb->sdif, l3mdev_accept || !skb->sdif };
}
static inline struct rx_ifs rx_ifs_any(s32 iif) { return (struct rx_ifs){ iif, 0, true }; }
/* Whether a socket bound to this device (0: none) is to hear it. */
static inline bool rx_ifs_match(s32 bound_dev_if, struct rx_ifs f)
{
	return bound_dev_if ? bound_dev_if == f.iif || bound_dev_if == f.sdif : f.unbound_ok;
}
/* What a connection that this packet opens is bound to, when its listener is bound to bound_dev_if: its VRF, where listeners of no device
 * take those of VRFs (net.ipv4.tcp_l3mdev_accept). */
static inline s32 rx_ifs_request_dev(s32 bound_dev_if, const struct sk_buff *skb) { return bound_dev_if || !skb->sdif ? bound_dev_if : skb->skb_iif; }
static inline const struct inet_af *inet_af_of(struct netns *net, const struct inaddr *a)
{
	return inaddr_is_v4(a) ? net->inet->af4 : net->inet->af6;
}

#endif
