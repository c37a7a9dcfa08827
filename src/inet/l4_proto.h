/* Seam upwards from the network layers: who handles a protocol number. */
#ifndef INET_L4_PROTO_H
#define INET_L4_PROTO_H

#include "core/skb.h"
#include "inet/addr.h"

struct sock;

/* What an error means to the sender, in both families' words. */
enum icmp_error_kind { ICMP_ERR_OTHER, ICMP_ERR_TOO_BIG /* info: the MTU */, ICMP_ERR_REDIRECT };

/* An ICMP error about something we sent, in a shape both families share. */
struct icmp_error {
	struct inaddr saddr, daddr; /* of the quoted packet: saddr is ours */
	struct inaddr offender;	    /* who sent the ICMP */
	u8 family;		    /* of the quoted packet */
	u8 origin;		    /* SO_EE_ORIGIN_ICMP, _ICMP6 */
	u8 type, code;		    /* in the family's own numbers */
	u8 kind;		    /* enum icmp_error_kind */
	u32 info;		    /* next-hop MTU, pointer */
	u32 quoted_len;		    /* bytes after the ICMP header: the quoted packet, and extensions */
	u32 ext_off;		    /* of these, where RFC 4884 puts extensions: what the length field says; 0: none */
	int err;		    /* errno for sockets, 0: none; */
	bool hard;		    /* fatal for a connected socket even without IP_RECVERR */
	s32 iif, sdif;		    /* the device it came by; the other of member and VRF, 0: no VRF */
	u8 tos;			    /* of the quoted packet; of redirects */
	struct inaddr gateway;	    /* of redirects: who is better; IPv6: the target */
	struct inaddr about;	    /* of IPv6's redirects: the destination that the message names */
	const u8 *lladdr;	    /* and what is said of the target's link address, or NULL */
	u8 outer_len;		    /* the header of the packet that brought it: its bytes, without IPv6's extensions; 0: not known */
	u8 outer[60];
};

struct l4_proto {
	const char *name;
	u8 proto;
	u8 families;		/* 1: IPv4, 2: IPv6, 3: both */
	bool no_policy;
	/* skb: data at the transport header, network header set, whole datagram (reassembled). Consumes. */
	void (*rx)(struct cpu *cpu, struct netns *net, struct sk_buff *skb);
	/* skb: data at the quoted transport header (at least 8 bytes linear). Borrows. */
	void (*err)(struct cpu *cpu, struct netns *net, struct sk_buff *skb, const struct icmp_error *e);
	/* GRO and GSO at this layer, as link/gro.h says; NULL: none. */
	struct sk_buff *(*gro_receive)(struct cpu *cpu, struct skb_list *held, struct sk_buff *skb, const struct inaddr *saddr,
				       const struct inaddr *daddr);
	void (*gro_complete)(struct cpu *cpu, struct sk_buff *skb, u32 thoff);
	int (*gso_segment)(struct cpu *cpu, struct sk_buff *skb, u64 features, struct skb_list *out);
};

/* Seam to transport/raw.c and ping.c, which look at packets beside the protocol that owns them. netns_inet->raw points to it
 * from transport's netns_init on; NULL before and after. */
struct l4_raw_ops {
	/* Before the transport: gives every raw socket that wants it a copy. skb: data at the transport header. Borrows.
	 * True: at least one socket matched, so no "protocol unreachable" is due. */
	bool (*rx)(struct cpu *cpu, struct netns *net, struct sk_buff *skb, u8 proto);
	/* The same of IPv4, by protocol (IP_ROUTER_ALERT). True: consumed, too. skb NULL: whether there is a socket for it at all. May be
	 * NULL. */
	bool (*router_alert4)(struct cpu *cpu, struct netns *net, struct sk_buff *skb, u8 proto);
	/* A packet for one raw socket, data where it is to see it. Consumes. 0, or what its queue says. */
	int (*queue)(struct cpu *cpu, struct sock *sk, struct sk_buff *skb);
	/* An ICMP error quoting this protocol; data at the quoted network header. Borrows. */
	void (*err)(struct cpu *cpu, struct netns *net, struct sk_buff *skb, const struct icmp_error *e, u8 proto);
	/* A packet that passes, with a router alert of this value (data at the network header): copies for the sockets that wait for such
	 * ones (IPV6_ROUTER_ALERT). True: it is theirs, and goes no further. Borrows. NULL: none. */
	bool (*router_alert)(struct cpu *cpu, struct netns *net, struct sk_buff *skb, u16 value);
	/* An echo reply (data at the ICMP header) or an error about an echo request (data at the quoted ICMP header) for a ping
	 * socket. rx consumes, err borrows. */
	void (*ping_rx)(struct cpu *cpu, struct netns *net, struct sk_buff *skb);
	void (*ping_err)(struct cpu *cpu, struct netns *net, struct sk_buff *skb, const struct icmp_error *e);
};

#endif
