/* IPv6 in a namespace: addresses, per-device settings, the packet path, ICMPv6, neighbour discovery. */
#ifndef INET_IP6_IP6_H
#define INET_IP6_IP6_H

#include <linux/if_addr.h>

#include "codec/wire/ip6hdr.h"
#include "inet/af.h"
#include "inet/inet.h"
#include "inet/mc.h"
#include "link/neigh.h"

struct nl_ext_ack;
struct sock;
struct event_sub;
struct l3_proto;
struct l4_proto;
struct subsys;

struct inet6_ifaddr {		/* one address on a device */
	struct list link;	/* inet6_dev.addrs: by scope, wider first; of one scope the newest first */
	struct hnode node;	/* netns_ip6.local, by address */
	struct inet6_dev *idev;
	struct inaddr addr, peer; /* peer: any when there is none */
	u8 prefix_len, scope;	/* RT_SCOPE_* */
	u8 proto;
	u8 state;		/* enum ip6_dad_state */
	u32 flags;		/* IFA_F_* */
	u32 metric;		/* of the prefix route; 0: 256 */
	u32 valid_lft_s, preferred_lft_s; /* 0xffffffff: for ever */
	u64 cstamp, tstamp;	/* ns */
	bool tokenized;
	bool joined;		/* its solicited-node group */
	bool notified;		/* programs know of it: its host route is there */
	u8 dad_probes;		/* still to be sent */
	u8 stable_tries;	/* RFC 7217's DAD_Counter */
	u64 dad_nonce;		/* 48 bits; 0: none */
	struct timer dad_timer;
	struct inet6_ifaddr *pub; /* the public address a temporary one was derived from; NULL when that is gone */
	u8 regen_count;
	u64 regen_advance_ns;	/* a temporary one's successor is made this long before it is deprecated */
	bool regenerated;	/* it has one */
};
enum ip6_dad_state { IP6_DAD_DONE, IP6_DAD_WAITING /* the random delay before the first probe */, IP6_DAD_PROBING, IP6_DAD_FAILED };

/* /proc/sys/net/ipv6/conf/DEV/…: one value each; "all" and "default" are of the namespace. In the order in which IFLA_INET6_CONF tells
 * them (DEVCONF_* of linux/ipv6.h), so far as one is kept here at all. */
enum ip6_conf { IP6_CONF_FORWARDING, IP6_CONF_HOP_LIMIT, IP6_CONF_MTU, IP6_CONF_ACCEPT_RA, IP6_CONF_ACCEPT_REDIRECTS, IP6_CONF_AUTOCONF,
	IP6_CONF_DAD_TRANSMITS, IP6_CONF_RTR_SOLICITS, IP6_CONF_USE_TEMPADDR, IP6_CONF_TEMP_VALID_LFT, IP6_CONF_TEMP_PREFERED_LFT,
	IP6_CONF_REGEN_MAX_RETRY, IP6_CONF_MAX_DESYNC_FACTOR, IP6_CONF_MAX_ADDRESSES, IP6_CONF_FORCE_MLD_VERSION, IP6_CONF_ACCEPT_RA_DEFRTR,
	IP6_CONF_ACCEPT_RA_PINFO, IP6_CONF_ACCEPT_RA_RTR_PREF, IP6_CONF_ACCEPT_RA_RT_INFO_MAX_PLEN, IP6_CONF_PROXY_NDP,
	IP6_CONF_OPTIMISTIC_DAD, IP6_CONF_ACCEPT_SOURCE_ROUTE, IP6_CONF_MC_FORWARDING, IP6_CONF_DISABLE_IPV6, IP6_CONF_ACCEPT_DAD,
	IP6_CONF_FORCE_TLLAO, IP6_CONF_NDISC_NOTIFY, IP6_CONF_SUPPRESS_FRAG_NDISC, IP6_CONF_ACCEPT_RA_FROM_LOCAL, IP6_CONF_USE_OPTIMISTIC,
	IP6_CONF_ACCEPT_RA_MTU, IP6_CONF_USE_OIF_ADDRS_ONLY, IP6_CONF_ACCEPT_RA_MIN_HOP_LIMIT, IP6_CONF_IGNORE_ROUTES_WITH_LINKDOWN,
	IP6_CONF_DROP_UNICAST_IN_L2_MULTICAST, IP6_CONF_DROP_UNSOLICITED_NA, IP6_CONF_KEEP_ADDR_ON_DOWN, IP6_CONF_ENHANCED_DAD,
	IP6_CONF_ADDR_GEN_MODE, IP6_CONF_DISABLE_POLICY, IP6_CONF_ACCEPT_RA_RT_INFO_MIN_PLEN, IP6_CONF_NDISC_TCLASS,
	IP6_CONF_RA_DEFRTR_METRIC, IP6_CONF_ACCEPT_RA_MIN_LFT, IP6_CONF_NDISC_EVICT_NOCARRIER, IP6_CONF_ACCEPT_UNTRACKED_NA,
	IP6_CONF_RTR_PROBE_INTERVAL_S, IP6_CONF_RA_HONOR_PIO_LIFE, IP6_CONF_RA_HONOR_PIO_PFLAG, IP6_CONF_FORCE_FORWARDING,
	IP6_CONF_REGEN_MIN_ADVANCE, IP6_CONF_MAX };
struct inet6_conf {
	s32 v[IP6_CONF_MAX];
	u64 rtr_solicit_delay, rtr_solicit_interval, rtr_solicit_max_interval; /* ns */
	u64 mld1_report_interval, mld2_report_interval; /* ns */
	bool has_secret;
	struct inaddr secret;	/* stable_secret */
};
enum ip6_gen_mode { IP6_GEN_EUI64, IP6_GEN_NONE, IP6_GEN_STABLE, IP6_GEN_RANDOM };

struct inet6_dev {
	struct net_device *dev;
	struct inet6_conf conf;
	struct list addrs;	/* struct inet6_ifaddr */
	struct mc_dev mc;	/* groups */
	struct timer mld_dad;	/* routers are told again when the link-local address may be used */
	struct list ac_list;	/* struct ip6_anycast */
	struct neigh_parms *nd_parms;
	struct dst *to_link, *to_group; /* for packets that no route names; made when used */
	bool dead, ready;	/* ready: up, and the carrier is there: addresses may be used */
	u8 ra_flags;		/* of the last router advertisement: IF_RA_RCVD and the like of net/if_inet6.h's uapi bits */
	struct inaddr token;	/* `ip token`: the lower half of addresses made from prefixes */
	u8 rs_probes;
	u64 rs_interval;	/* ns, of the last wait */
	struct timer rs_timer;
	u64 tstamp;		/* the last change of what IFLA_INET6_* tells, ns */
	u64 desync_ns;		/* RFC 8981's DESYNC_FACTOR */
	u64 mib[MIB_DEV6_COUNT]; /* from MIB_DEV6_FIRST on; home cpu */
};
struct ip6_anycast { struct list link; struct inaddr addr; u32 users; };

/* EV_ND_USEROPT's object: an option of a router advertisement that is for programs. */
struct nd_useropt { struct net_device *dev; const u8 *opt; u32 len; struct inaddr from; u8 icmp_type, icmp_code; };
/* EV_ND_PREFIX's object: a prefix that a router advertised and that was taken. */
struct nd_opt_prefix;
struct nd_prefix_event { struct net_device *dev; const struct nd_opt_prefix *opt; };

struct netns_ip6 {
	struct inet6_conf conf_all, conf_default;
	struct htable local;	/* inet6_ifaddr by address */
	u8 bindv6only, anycast_src_echo_reply, fwmark_reflect, nonlocal_bind, flowlabel_consistency, auto_flowlabels, flowlabel_state_ranges;
	bool flowlabel_excl;	/* some lease was not for everybody: labels are looked up from then on */
	u8 flowlabel_reflect, echo_ignore_all, echo_ignore_multicast, echo_ignore_anycast, error_anycast_as_unicast;
	s32 idgen_retries;
	u64 idgen_delay_ns;
	s32 max_dst_opts_cnt, max_hbh_opts_cnt, max_dst_opts_len, max_hbh_opts_len;
	u64 icmp_ratelimit_ns;
	u32 icmp_ratemask[8];	/* bit per type: limited */
	u32 frag_high_thresh, frag_low_thresh;
	u64 frag_time_ns, frag_mem_bytes;
	u64 mtu_expires_ns;
	s32 min_adv_mss;
	s32 mld_qrv, mld_max_msf;
	struct ip6_private *priv; /* the folder's own */
};

/* Routes as output takes them (flow iif 0), or a packet that comes in by flow iif. dst: borrowed. -ENETUNREACH, or the route's error. */
struct fib_result;
int ip6_route_lookup(struct cpu *cpu, struct netns *net, const struct flow *fl, struct fib_result *res, struct dst **dst);

/* -- devices -- */
static inline struct inet6_dev *in6_dev_get(const struct net_device *dev) { return ptr_load(dev->ip6_ptr); }
struct inet6_dev *in6_dev_get_or_new(struct net_device *dev); /* NULL: no memory, or IPv6 cannot run there */
static inline bool ip6_forwards(const struct inet6_dev *idev) { return idev->conf.v[IP6_CONF_FORWARDING] > 0; }
/* Home lane. Counts for the namespace and the device (idev NULL: the namespace alone). */
static inline void mib6_add(struct cpu *cpu, struct netns *net, struct inet6_dev *idev, enum mib m, u64 n)
{
	net->pcpu[cpu->id]->mib[m] += n;
	if (likely(idev != NULL))
		idev->mib[m - MIB_DEV6_FIRST] += n;
}
static inline void mib6_inc(struct cpu *cpu, struct netns *net, struct inet6_dev *idev, enum mib m) { mib6_add(cpu, net, idev, m, 1); }

/* -- addresses; all batons held -- */
struct inet6_ifaddr_config { struct inaddr addr, peer; bool has_peer; u8 prefix_len, scope; u32 flags, metric, valid_lft_s, preferred_lft_s;
	u8 proto; bool replace, excl, create; };
/* -EEXIST "address already assigned", -EINVAL, -ENODEV, -EACCES (disable_ipv6), -ENOBUFS, -EADDRNOTAVAIL. */
int ip6_addr_add(struct cpu *cpu, struct net_device *dev, const struct inet6_ifaddr_config *c, struct nl_ext_ack *ack);
int ip6_addr_del(struct cpu *cpu, struct net_device *dev, const struct inaddr *addr, u8 prefix_len, struct nl_ext_ack *ack);
/* dev NULL: on any device (of link-local ones then the first). banned: with none of these IFA_F_*. Borrowed. */
struct inet6_ifaddr *ip6_ifaddr_find(struct netns *net, const struct inaddr *addr, const struct net_device *dev, u32 banned);
/* As a socket bound to dev (NULL: to none) may have it: an address of dev's VRF, or of no VRF; of dev itself where it means nothing elsewhere. */
struct inet6_ifaddr *ip6_ifaddr_find_for(struct netns *net, const struct inaddr *addr, struct net_device *dev, u32 banned);
struct inet6_ifaddr *ip6_linklocal_of(const struct inet6_dev *idev, u32 banned); /* its first usable one */
/* `ip token`: the lower half of addresses made from prefixes; all zero: none any more. -EINVAL. Addresses it made before end. */
int ip6_token_set(struct cpu *cpu, struct inet6_dev *idev, const struct inaddr *token, struct nl_ext_ack *ack);
int ip6_gen_mode_set(struct cpu *cpu, struct inet6_dev *idev, u8 mode); /* enum ip6_gen_mode. -EINVAL */
bool ip6_prefix_known(const struct inet6_dev *idev, const struct inaddr *a); /* one of its addresses has a prefix that a is of */
/* RFC 6724: the source for daddr through dev (NULL: any). prefs: IPV6_PREFER_SRC_*. False: there is none. */
bool ip6_select_saddr(struct cpu *cpu, struct netns *net, struct net_device *dev, const struct inaddr *daddr, u32 prefs, struct inaddr *out);

/* -- groups: home or all batons -- */
int ip6_mc_join(struct cpu *cpu, struct net_device *dev, const struct inaddr *group); /* -ENODEV, -EINVAL, -ENOMEM */
void ip6_mc_leave(struct cpu *cpu, struct net_device *dev, const struct inaddr *group);
bool ip6_mc_member(const struct inet6_dev *idev, const struct inaddr *group);
struct mc_dev *ip6_mc_dev(const struct net_device *dev); /* for members with source filters; NULL: no IPv6 there */
int ip6_anycast_join(struct cpu *cpu, struct net_device *dev, const struct inaddr *addr);
void ip6_anycast_leave(struct cpu *cpu, struct net_device *dev, const struct inaddr *addr);
bool ip6_anycast_member(struct netns *net, const struct net_device *dev_or_null, const struct inaddr *addr);

extern const struct inet_af inet_af_v6;
extern const struct neigh_table nd_table;

/* Extension headers that a socket sends (IPV6_HOPOPTS and the like), in the order of the packet; each with its own length in its second
 * byte. dst0opt: destination options before the routing header, sent only with one (RFC 3542 section 6.1). */
enum ip6_txopt { IP6_TX_HOPOPT, IP6_TX_DST0OPT, IP6_TX_RTHDR, IP6_TX_DST1OPT, IP6_TX_MAX };
struct ip6_txopts {
	u16 len[IP6_TX_MAX];	/* bytes; 0: none */
	u8 data[];
};
static inline const u8 *ip6_txopts_at(const struct ip6_txopts *x, enum ip6_txopt what)
{
	const u8 *p = x->data;
	for (unsigned i = 0; i < what; i++)
		p += x->len[i];
	return p;
}
/* Bytes that they add to a packet; and those before a fragment header's place. NULL: 0. */
static inline u32 ip6_txopts_nflen(const struct ip6_txopts *x)
{
	return x ? x->len[IP6_TX_HOPOPT] + (x->len[IP6_TX_RTHDR] ? (u32)x->len[IP6_TX_DST0OPT] + x->len[IP6_TX_RTHDR] : 0) : 0;
}
static inline u32 ip6_txopts_len(const struct ip6_txopts *x) { return x ? ip6_txopts_nflen(x) + x->len[IP6_TX_DST1OPT] : 0; }
/* Where the packet goes first: the next segment of a routing header, else where it is for. */
static inline struct inaddr ip6_txopts_hop(const struct ip6_txopts *x, const struct inaddr *daddr)
{
	const u8 *rt = x && x->len[IP6_TX_RTHDR] ? ip6_txopts_at(x, IP6_TX_RTHDR) : NULL;
	return rt ? inaddr_from_v6(rt + 8 + 16u * rt[3]) : *daddr;
}

/* A flow label somebody has leased (ip6_flowlabel.c). linger: kept so long after its last user; opts: sent with it, or NULL. */
enum ip6_fl_share { IP6_FL_S_NONE = 0, IP6_FL_S_EXCL = 1, IP6_FL_S_PROCESS = 2, IP6_FL_S_USER = 3, IP6_FL_S_ANY = 255 }; /* linux/in6.h */
struct ip6_flowlabel {
	struct list link;
	be32 label;
	u8 share;		/* enum ip6_fl_share */
	u32 users, owner;	/* owner: process or user id, as share has it */
	u64 linger, expires;	/* ns; expires: a time */
	struct inaddr dst;
	struct ip6_txopts *opts;
};
u32 ip6_flowlabel_count(struct cpu *cpu, struct netns *net);
struct ip6_flowlabel *ip6_flowlabel_find(struct cpu *cpu, struct netns *net, be32 label); /* borrowed */
/* Takes fl (from mem). label 0: one is chosen. */
void ip6_flowlabel_add(struct cpu *cpu, struct netns *net, struct ip6_flowlabel *fl);
void ip6_flowlabel_put(struct cpu *cpu, struct ip6_flowlabel *fl); /* one user less */

/* Finds the upper layer of a packet whose extension headers begin at `off` from skb->data with *nexthdr: its offset, or -1 (too short,
 * or AUTH and the like). *frag_off: of a fragment, else 0. */
int ip6_skip_exthdrs(const struct sk_buff *skb, u32 off, u8 *nexthdr, be16 *frag_off);

/* The packet path's stages; each consumes. */
void ip6_local_deliver(struct cpu *cpu, struct sk_buff *skb);
void ip6_forward(struct cpu *cpu, struct sk_buff *skb);
int ip6_output(struct cpu *cpu, struct sk_buff *skb);
/* An ICMPv6 error about skb (network header set), under all rules and limits. info: MTU or pointer. Borrows. */
void icmp6_send(struct cpu *cpu, struct sk_buff *skb, u8 type, u8 code, u32 info);
struct icmp6_hdr;
struct nd_opt_hdr;
extern const struct subsys ip6_subsys;
extern const struct event_sub ip6_event_sub;
extern const struct l3_proto ip6_l3_proto;
extern const struct l4_proto icmp6_proto, pim6_proto;

#endif
