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
	struct list ra_link;	/* in netns_raw.alerted; IPV6_ROUTER_ALERT, or in .alerted4: IP_ROUTER_ALERT */
	s32 ra_value;
	bool mroute;		/* multicast forwarding is this socket's: MRT_INIT, MRT6_INIT */
	u32 mroute_table;	/* the table that its requests are about; 0: default */
	struct sk_buff *pending; /* being collected with MSG_MORE */
	struct inet_dest pending_dest;
};
struct netns_raw {
	u64 used[256 / 64];	/* protocols that somebody listens to */
	struct list socks[256];
	struct list alerted, alerted4; /* struct raw_sock.ra_link */
};
struct netns_ping {
	struct list socks;	/* struct inet_sock.bind_link: those with an id */
	u16 next_id;
};

extern const struct sock_family raw_family_v4, ping_family_v4, raw_family_v6, ping_family_v6;
extern const struct sock_ops raw_ops, ping_ops;
extern const struct subsys raw_subsys, ping_subsys;
extern const struct proc_file raw_proc, ping_proc, raw6_proc, ping6_proc;

/* raw_mroute.c: what a socket is to a router. set and get: 1: none of these options. */
int raw_router_setsockopt(struct cpu *cpu, struct sock *sk, int level, int name, const void *val, socklen_t len);
int raw_router_getsockopt(struct cpu *cpu, struct sock *sk, int level, int name, void *val, socklen_t *len);
int raw_ioctl(struct cpu *cpu, struct sock *sk, unsigned cmd, void *arg, size_t len);
void raw_router_close(struct cpu *cpu, struct sock *sk);
bool raw_router_alert4(struct cpu *cpu, struct netns *net, struct sk_buff *skb, u8 proto);
int raw_queue_one(struct cpu *cpu, struct sock *sk, struct sk_buff *skb);
/* recvmsg of both: one packet, its source address, port 0. */
ssize_t raw_recvmsg(struct cpu *cpu, struct sock *sk, struct msghdr *m, int flags);
/* A copy of skb (data where the socket is to see it) into the socket's queue. Takes skb. */
void raw_queue(struct cpu *cpu, struct sock *sk, struct sk_buff *skb);
/* ping.c, called by raw.c's l4_raw_ops. */
void ping_rx(struct cpu *cpu, struct netns *net, struct sk_buff *skb);
void ping_err(struct cpu *cpu, struct netns *net, struct sk_buff *skb, const struct icmp_error *e);

#endif
