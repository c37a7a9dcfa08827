/* Seam between transports and the two network layers: TCP, UDP and friends speak struct inaddr and struct flow, and reach
 * IPv4 or IPv6 through one const struct inet_af each (inet_af_v4 in inet/ip4/, inet_af_v6 in inet/ip6/), found through
 * netns_inet->af[]. */
#ifndef INET_AF_H
#define INET_AF_H

#include "inet/addr.h"
#include "inet/dst.h"

/* The key of a route lookup (Linux: flowi). */
struct flow {
	u8 family;		/* AF_INET, AF_INET6 */
	u8 proto;
	u8 tos;			/* DSCP and ECN bits as in the header */
	u8 scope;		/* RT_SCOPE_* */
	u16 flags;		/* FLOW_* */
	s32 oif, iif;		/* ifindex, 0: any */
	u32 mark, uid;
	u32 tun_id;
	u32 multipath_hash;	/* 31 bits; 0: computed from skb or the rest */
	u32 src_prefs;		/* IPV6_PREFER_SRC_* */
	struct inaddr saddr, daddr; /* saddr any: to be chosen, filled in by the lookup */
	be16 sport, dport;
	be32 flowlabel;
	const struct sk_buff *skb; /* the packet (network header set) whose hash chooses among hops; NULL: the fields above do */
};
/* PROBE: nobody goes this way, so nothing counts it; ANY_SPORT: the source port is not known yet, any may be; AS_PACKET: the fields
 * are a packet's; INPUT: of a packet that came in; FIRST_HOP: of several hops the first that lives, rather than the flow's. */
enum { FLOW_ANYSRC = 1, FLOW_KNOWN_NH = 2, FLOW_ONLINK = 4, FLOW_IGNORE_LINKSTATE = 8, FLOW_IFACE = 16, FLOW_REACHABLE = 32, FLOW_PROBE = 64,
       FLOW_ANY_SPORT = 128, FLOW_AS_PACKET = 256, FLOW_INPUT = 512, FLOW_FIRST_HOP = 1024 };

/* What IP output needs to know besides the packet. */
struct ip_out {
	struct inaddr saddr, daddr;
	u8 proto, tos;
	s16 ttl;		/* -1: the default, from metric or sysctl */
	u8 pmtudisc;		/* IP_PMTUDISC_* */
	bool hdrincl;
	const struct ip4_opts *opts; /* inet/ip4/ip4.h, or NULL */
	const struct ip6_txopts *txopts6; /* inet/ip6/ip6.h, or NULL */
	u32 mark, priority;
	be32 flowlabel;
	bool mc_noloop;		/* multicast: not to our own members (IP_MULTICAST_LOOP off) */
	bool id_zero_ok;	/* DF set and nobody else fragments: id may be anything */
	bool auto_label;	/* IPv6: a flow label of the stack's own when none is given */
	u32 label_salt;		/* and another one with each value of this */
};

struct sock;
struct netns;
struct icmp_error;
struct inet_af {
	u8 family;
	u16 hdr_len;		/* without options */
	u16 min_mtu;
	/* Output route; *out gets one reference. Fills fl->saddr when it was any. -ENETUNREACH, -EACCES, -EINVAL … */
	int (*route_out)(struct cpu *cpu, struct netns *net, struct flow *fl, struct dst **out);
	/* Input route of a packet of flow fl that comes in by skb->dev (of skb, device and mark count): skb's dst, which may be an error's. */
	enum skb_drop_reason (*route_in)(struct cpu *cpu, struct netns *net, struct sk_buff *skb, const struct flow *fl);
	/* False: dst is stale (route generation changed, device gone, exception expired): look up again. */
	bool (*dst_valid)(struct cpu *cpu, const struct dst *d);
	/* skb: data at the transport header, dst set (one reference or noref). Pushes the network header, runs LOCAL_OUT, sends.
	 * Consumes. Returns 0 or what the device or qdisc said (-ENOBUFS, -EMSGSIZE …). */
	int (*xmit)(struct cpu *cpu, struct netns *net, struct sk_buff *skb, const struct ip_out *o);
	/* Unfolded pseudo-header sum. */
	u32 (*pseudo_csum)(const struct inaddr *saddr, const struct inaddr *daddr, u32 len, u8 proto);
	/* Addresses of a received packet (network header set). */
	void (*addrs)(const struct sk_buff *skb, struct inaddr *saddr, struct inaddr *daddr);
	/* RTN_LOCAL, RTN_UNICAST, RTN_BROADCAST, RTN_MULTICAST … as seen from net (dev NULL: any). */
	u8 (*addr_type)(struct netns *net, struct net_device *dev_or_null, const struct inaddr *a);
	/* Sends an ICMP error about a received packet (network header set), rate limits applied. Borrows skb.
	 * type/code in IPv4's numbers; IPv6 translates. info: MTU, or a pointer. */
	void (*send_error)(struct cpu *cpu, struct sk_buff *skb, u8 type, u8 code, u32 info);
	/* Records what an ICMP "fragmentation needed" said. */
	void (*update_pmtu)(struct cpu *cpu, struct netns *net, const struct flow *fl, struct dst *d, u32 mtu);
	/* A redirect about something that this host sent: e->kind is ICMP_ERR_REDIRECT. NULL: none. */
	void (*redirect)(struct cpu *cpu, struct netns *net, const struct icmp_error *e);
	struct net_device *(*dev_of_addr)(struct netns *net, const struct inaddr *a); /* whose address it is, or NULL */
	bool (*dev_has_addr)(const struct net_device *dev);
	u8 (*rx_ttl)(const struct sk_buff *skb);
	/* On local delivery (cb still the network layer's): bytes of the largest fragment it came in; 0: it came whole. */
	u32 (*rx_frag_max)(const struct sk_buff *skb);
	u8 (*rx_tos)(const struct sk_buff *skb);
};

static inline const struct inet_af *inet_af_of(struct netns *net, const struct inaddr *a);

#include "inet/inet.h"

#endif
