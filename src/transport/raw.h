/* Raw sockets (raw(7)) and ping sockets (icmp(7), SOCK_DGRAM with IPPROTO_ICMP). */
#ifndef TRANSPORT_RAW_H
#define TRANSPORT_RAW_H

#include "core/proc.h"
#include "core/subsys.h"
#include "sock/inet_sock.h"

struct raw_sock {
	struct inet_sock inet;	/* num: the protocol; bind_link: in netns_raw.socks[num] while open */
	u32 icmp_filter;	/* ICMP_FILTER: bit n drops type n */
	u32 icmp6_filter[8];	/* ICMP6_FILTER: the same of ICMPv6 */
	bool checksum;		/* IPv6: made and checked here, at csum_off (IPV6_CHECKSUM) */
	s32 csum_off;
	struct list ra_link;	/* in netns_raw.alerted; IPV6_ROUTER_ALERT */
	s32 ra_value;
	struct sk_buff *pending; /* being collected with MSG_MORE */
	struct inet_dest pending_dest;
};
struct netns_raw {
	u64 used[256 / 64];	/* protocols that somebody listens to */
	struct list socks[256];
	struct list alerted;	/* struct raw_sock.ra_link */
};
struct netns_ping {
	struct list socks;	/* struct inet_sock.bind_link: those with an id */
	u16 next_id;
};

extern const struct sock_family raw_family_v4, ping_family_v4, raw_family_v6, ping_family_v6;
extern const struct sock_ops raw_ops, ping_ops;
extern const struct subsys raw_subsys, ping_subsys;
extern const struct proc_file raw_proc, ping_proc, raw6_proc, ping6_proc;

/* recvmsg of both: one packet, its source address, port 0. */
ssize_t raw_recvmsg(struct cpu *cpu, struct sock *sk, struct msghdr *m, int flags);
/* A copy of skb (data where the socket is to see it) into the socket's queue. Takes skb. */
void raw_queue(struct cpu *cpu, struct sock *sk, struct sk_buff *skb);
/* ping.c, called by raw.c's l4_raw_ops. */
void ping_rx(struct cpu *cpu, struct netns *net, struct sk_buff *skb);
void ping_err(struct cpu *cpu, struct netns *net, struct sk_buff *skb, const struct icmp_error *e);

#endif
