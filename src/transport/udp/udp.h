/* UDP (RFC 768) with Linux's extensions: corking, segmentation (UDP_SEGMENT) and merging (UDP_GRO). */
#ifndef TRANSPORT_UDP_UDP_H
#define TRANSPORT_UDP_UDP_H

#include "core/proc.h"
#include "core/subsys.h"
#include "transport/inet_hash.h"
#include "transport/ports.h"

struct udp_sock {
	struct inet_sock inet;
	bool est_hashed;	/* in netns_udp.hash: connected and bound */
	bool cork;		/* UDP_CORK */
	bool gro;		/* UDP_GRO */
	bool no_check6_tx, no_check6_rx; /* UDP_NO_CHECK6_TX, _RX: of IPv6 alone */
	u16 gso_size;		/* UDP_SEGMENT, 0: off */
	struct sk_buff *pending; /* being collected by MSG_MORE or UDP_CORK; data at the UDP header, not charged yet */
	struct inet_dest pending_dest; /* valid while pending */
	int pending_flags;
};
static inline struct udp_sock *udp_sk(struct sock *sk) { return (struct udp_sock *)sk; }

struct netns_udp {
	struct port_table ports;
	struct inet_hash hash;	/* connected sockets by four-tuple */
	u32 gro_socks;		/* sockets with UDP_GRO: merging looks for them only when there are some */
};

extern const struct sock_ops udp_ops;
extern const struct sock_family udp_family_v4, udp_family_v6;
extern const struct l4_proto udp_proto;
extern const struct subsys udp_subsys;
extern const struct proc_file udp_proc, udp6_proc;

/* A counter of MIB_UDP, or its twin of IPv6. */
static inline void udp_mib(struct cpu *cpu, struct netns *net, bool v6, enum mib m)
{
	mib_inc(cpu, net, v6 ? m + (MIB_Udp6_InDatagrams - MIB_Udp_InDatagrams) : m);
}
static inline bool skb_is_v6(const struct sk_buff *skb) { return be16_eq(skb->protocol, BE16(0x86dd)); }

/* udp_sock.c */
void udp_rehash(struct netns_udp *u, struct udp_sock *us);  /* after its addresses or port changed */
void udp_unhash(struct netns_udp *u, struct udp_sock *us);  /* and gives the port back */
int udp_autobind(struct cpu *cpu, struct udp_sock *us);	    /* -EAGAIN: no port left */
/* udp_rx.c */
struct udp_sock *udp_lookup(struct cpu *cpu, struct netns *net, const struct inaddr *laddr, be16 lport, const struct inaddr *raddr,
			    be16 rport, struct rx_ifs ifs);
void udp_rx(struct cpu *cpu, struct netns *net, struct sk_buff *skb);
ssize_t udp_recvmsg(struct cpu *cpu, struct sock *sk, struct msghdr *m, int flags);
/* udp_tx.c */
ssize_t udp_sendmsg(struct cpu *cpu, struct sock *sk, const struct msghdr *m, int flags);
int udp_push_pending(struct cpu *cpu, struct udp_sock *us);
void udp_flush_pending(struct cpu *cpu, struct udp_sock *us);
/* udp_err.c */
void udp_err(struct cpu *cpu, struct netns *net, struct sk_buff *skb, const struct icmp_error *e);
/* udp_gro.c */
struct sk_buff *udp_gro_receive(struct cpu *cpu, struct skb_list *held, struct sk_buff *skb, const struct inaddr *saddr,
				const struct inaddr *daddr);
void udp_gro_complete(struct cpu *cpu, struct sk_buff *skb, u32 thoff);
int udp_gso_segment(struct cpu *cpu, struct sk_buff *skb, u64 features, struct skb_list *out);

#endif
