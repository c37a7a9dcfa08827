/* The forwarding information base: tables of prefixes per namespace and family, rules, next hops.
 *
 * Keys are addresses in network order with a bit length, so IPv4 and IPv6 tables share the code. Writers hold all batons,
 * publish by pointer swap and free by epoch_defer(); a lookup takes no lock and allocates nothing.
 */
#ifndef INET_ROUTE_FIB_H
#define INET_ROUTE_FIB_H

#include <linux/rtnetlink.h>

#include "base/rbtree.h"
#include "base/timer.h"
#include "inet/af.h"
#include "inet/route/lpm.h"

struct nl_ext_ack;
struct proc_file;
struct subsys;

struct fib_table {		/* exists from its first route on (local and main: always) */
	struct list link;
	struct netns *net;
	u32 id;			/* RT_TABLE_* */
	u8 family;
	struct lpm lpm;		/* of struct fib_alias: the first of a prefix's routes */
	u32 routes;
	u64 order;		/* its place in dumps: by family, by id modulo 256, the newest first */
	bool used;		/* has ever had one */
};
struct fib_port_range { u16 first, last, mask; }; /* host order; first 0: any. mask: 0xffff, or of the one port `first` */
struct fib_rule {		/* ip-rule(8) */
	struct list link;	/* by preference */
	u8 family;
	u8 action;		/* FR_ACT_* */
	u8 protocol;		/* RTPROT_*: who made it */
	u8 ip_proto;		/* 0: any */
	u8 src_len, dst_len, dscp, dscp_mask; /* dscp: as in the tos byte; dscp_full: 0 was asked for, too */
	bool dscp_full, l3mdev;
	u32 flags;		/* FIB_RULE_PERMANENT, _INVERT */
	u32 preference, table, target;
	struct fib_rule *jump;	/* FR_ACT_GOTO: where to, NULL: there is none (yet) */
	struct inaddr src, dst;
	u32 mark, mark_mask, realms, flowlabel, flowlabel_mask;
	u64 tun_id;
	bool has_uid;
	u32 uid_first, uid_last;
	s32 suppress_prefixlen, suppress_ifgroup; /* -1: not */
	char iifname[IFNAMSIZ], oifname[IFNAMSIZ];
	s32 iif, oif;		/* 0: any; -1: no such device now */
	struct fib_port_range sport, dport;
};
enum { FIB_HASH_SRC = 1, FIB_HASH_DST = 2, FIB_HASH_PROTO = 4, FIB_HASH_FLOWLABEL = 8, FIB_HASH_SPORT = 16, FIB_HASH_DPORT = 32,
       FIB_HASH_OUTER = 63, FIB_HASH_INNER_SHIFT = 6, FIB_HASH_ALL = 4095 }; /* the same six of what a tunnel carries, six bits higher */
struct netns_fib {
	struct netns *net;
	u32 genid;		/* moves when a cached route may have become wrong */
	u32 genid4;		/* the same of IPv4's alone, which realms that are remembered ask; never 0 */
	bool default_rules, default_rules6; /* only those that a namespace is born with, and ever so */
	bool skip_notify_on_dev_down; /* net.ipv6.route's: a link's end is all that is said of its IPv6 routes' */
	bool nexthop_compat;	/* routes through next-hop objects are shown with their hops, and told of when their object changes */
	bool custom_local;	/* somebody made a route of type local: own addresses are not only those of devices */
	bool rules_want_ports, rules_want_l3mdev, l3mdev_rule_made; /* some rule of either family looks at them */
	bool rules_have_realms;
	u32 hops_with_realms;
	struct fib_table *local4, *main4, *default4, *local6, *main6; /* default4: NULL while it has never had a route */
	struct list tables;	/* struct fib_table, by family and id */
	struct list rules4, rules6, mr_rules4, mr_rules6; /* struct fib_rule; mr_: for multicast forwarding, RTNL_FAMILY_IPMR and _IP6MR */
	struct htable infos;	/* struct fib_info by content */
	const struct fib_family_ops *ops4, *ops6;
	u32 multipath_seed, hash_seed; /* hash_seed: what was asked for, 0: multipath_seed, which is random */
	bool use_neigh;		/* no hop whose neighbour does not answer (fib_multipath_use_neigh) */
	struct fib_hash_config {
		u8 policy;	/* 0: addresses; 1: ports too; 2: addresses inside of tunnels; 3: fields */
		u32 fields;	/* FIB_HASH_* */
	} hash4, hash6;
	struct fib_alias_batch *alias_batch; /* removed routes that wait for an epoch together */
	struct htable exceptions; /* struct fib_exception by destination */
	struct list exception_all;
	u64 exception_sets;	/* hops that ever had some */
	u32 exception_genid;	/* IPv4's of another one mean nothing */
	u32 exceptions6;	/* how many are IPv6's */
	u32 dsts6, discarded6;	/* /proc/net/rt6_stats: dsts of IPv6 made so far, routes deleted so far */
	struct timer exception_gc;
	struct fib_gc6 {	/* net.ipv6.route.gc_*: seconds where not said otherwise */
		s32 thresh, max_size, timeout_s, interval_s, elasticity;
		u64 min_interval_ns;
		u32 expire;	/* age of those that go next time, jiffies of 4 ms */
		u64 last;	/* ns */
	} gc6;
	struct rbroot nexthops;	/* struct nexthop by id */
	u32 last_nexthop_id;	/* given without being asked for */
	u32 tables_made;	/* ever */
	u32 route_serial;	/* fib6_alias.serial of the last one */
	struct timer expiry;	/* the next IPv6 route with a lifetime that ends */
};

struct fib_nh {			/* one next hop of a route */
	struct net_device *dev;	/* holds a reference; NULL for blackhole and the like */
	struct inaddr gateway;	/* DST_GATEWAY when has_gw */
	bool has_gw, reject;	/* reject: IPv6 through loopback */
	u8 gw_family;
	u8 scope;
	u32 flags;		/* RTNH_F_* */
	u32 weight, realms;
	u32 upper_bound;	/* of the 31-bit flow hash that chooses this hop; 0: never */
	s32 oif;
	struct dst *dst;	/* forwarding and output through this hop, shared by all packets */
	struct fib_exceptions *exceptions; /* IPv4, and next-hop objects; NULL: none yet */
	struct fib_met { u32 realms, genid4; } met[2]; /* IPv4, told by route get, and counted: the realms of the first output and of the first input of a generation */
	struct fib_info *info;
};
struct nexthop;
struct fib_info {		/* what routes share: everything but prefix, tos, priority key */
	struct epoch_node epoch;
	struct netns *net;
	struct world *world;
	u32 refcnt;		/* routes, all batons */
	u32 memcnt;		/* the struct itself: 1 for all routes, 1 per dst; atomic */
	u8 family, protocol, scope, type; /* AF_*, RTPROT_*, RT_SCOPE_*, RTN_* */
	u32 priority, flags;	/* priority: IPv4 (IPv6 has it in the alias) */
	bool prefsrc_gone;	/* the address that it prefers as source was deleted: why it is dead */
	struct inaddr prefsrc;
	bool reject;		/* IPv6: an error type, or leads to loopback without being ours */
	bool anycast;		/* IPv6: to an anycast address of ours, which stays in this host */
	u32 *metrics;		/* [RTAX_SLOTS], or NULL */
	u32 nh_id;		/* next-hop object, 0: none */
	struct nexthop *nexthop; /* the same; NULL also when it is gone, and this soon will be */
	struct list nexthop_link;
	u32 table;
	struct hnode node;	/* by content */
	unsigned nhs;
	struct fib_nh *nh;	/* [nhs] */
};
struct fib_alias {		/* one route: a prefix's entry for a tos and priority */
	struct fib_alias *next;
	struct fib_info *fi;
	u8 tos, type, state;
	u8 prefix_len;
	u32 table;
	struct inaddr prefix;
};

/* An IPv6 route. A prefix's routes stand in the order of their metric; routes with a gateway and one metric are siblings, that is
 * one multipath route.  */
struct fib6_alias {
	struct fib_alias a;
	u32 metric, rtf;	/* FIB6_EXPIRES, FIB6_ADDRCONF, FIB6_PREFIX_RT, FIB6_DEFAULT … */
	u64 expires;		/* ns; with FIB6_EXPIRES */
	u32 upper_bound;	/* among its siblings: of the 31-bit flow hash that chooses this one */
	u16 siblings;		/* others of its multipath route */
	u8 pref;		/* ICMPV6_ROUTER_PREF_* */
	u8 src_len;		/* only for sources in src/src_len; 0: all */
	bool rr;		/* round robin among equals goes on here */
	u32 serial;		/* with a next-hop object: when it came, whose later routes are told of first */
	struct inaddr src;
	struct fib_exceptions *exceptions; /* NULL: none yet */
};
enum { /* the values are RTF_* of linux/ipv6_route.h, which cannot stand beside libc's headers */
	FIB6_REDIRECTED = 0x10, FIB6_DEFAULT = 0x00010000, FIB6_ADDRCONF = 0x00040000, FIB6_PREFIX_RT = 0x00080000,
	FIB6_ANYCAST = 0x00100000,
	FIB6_EXPIRES = 0x00400000, FIB6_ROUTEINFO = 0x00800000,
};
static inline struct fib6_alias *fib6_alias(const struct fib_alias *a) { return container_of(a, struct fib6_alias, a); }
static inline struct fib6_alias *fib6_next(const struct fib6_alias *a) { return a->a.next ? fib6_alias(a->a.next) : NULL; }
/* May be part of a multipath route: a gateway, and not learned from a router. */
static inline bool fib6_ecmp(const struct fib6_alias *a)
{
	return !(a->rtf & (FIB6_ADDRCONF | FIB6_REDIRECTED)) && !a->a.fi->nh_id && a->a.fi->nh[0].has_gw;
}
/* Same multipath route? (of one prefix's list) */
static inline bool fib6_is_sibling(const struct fib6_alias *a, const struct fib6_alias *b)
{
	return a->metric == b->metric && fib6_ecmp(a) && fib6_ecmp(b) && a->src_len == b->src_len && inaddr_eq(&a->src, &b->src);
}

/* A change, from netlink, the API or address code. */
struct fib_config {
	u8 family, prefix_len, tos, protocol, scope, type;
	u32 table, flags /* RTNH_F_* for single hop */, nl_flags /* NLM_F_CREATE, EXCL, REPLACE, APPEND */, priority, nh_id;
	struct inaddr dst, prefsrc;
	bool has_gw, has_prefsrc;
	u8 gw_family;
	struct inaddr gateway;
	s32 oif;
	u32 weight, realms;	/* of a single hop; weight 0: 1 */
	u32 rtf;		/* IPv6: FIB6_EXPIRES, FIB6_ADDRCONF … */
	u64 expires;		/* IPv6 with FIB6_EXPIRES: ns */
	u8 pref, src_len;	/* IPv6 */
	struct inaddr src;
	bool ignore_dev_down;	/* IPv6: the stack's own routes for a device that is about to come up */
	const u32 *metrics;	/* [RTAX_SLOTS], or NULL */
	int metrics_err;	/* what is wrong with them; said (metrics_ack) after what Linux says before */
	const struct nl_ext_ack *metrics_ack;
	struct { s32 oif; struct inaddr gateway; bool has_gw; u8 gw_family; u32 weight, flags, realms; } *mp; /* multipath, or NULL */
	unsigned mp_len;
	u32 portid, seq;	/* of the netlink request, for the notification; 0: ours */
	struct nl_ext_ack *ack;
};
enum { FIB_RULE_LISTS = 4 };
static const u8 fib_rule_families[FIB_RULE_LISTS] = { AF_INET, AF_INET6, RTNL_FAMILY_IPMR, RTNL_FAMILY_IP6MR };
static inline struct list *fib_rules(struct netns *net, u8 family)
{
	struct netns_fib *f = net->fib;
	return family == AF_INET ? &f->rules4 : family == AF_INET6 ? &f->rules6 : family == RTNL_FAMILY_IPMR ? &f->mr_rules4 : &f->mr_rules6;
}
/* The first table that rules of fl->family (RTNL_FAMILY_IPMR, _IP6MR) name and that is known. -EAGAIN: none; -ENETUNREACH, -EACCES,
 * -EINVAL: a rule says so. */
int fib_rules_table(struct netns *net, const struct flow *fl, bool (*known)(struct netns *net, u8 family, u32 table), u32 *table);
u32 fib_rule_default_preference(struct netns *net, u8 family); /* of one that is added without */
/* Takes over *r's content. preference_given false: in front of all but the first, as Linux. -EEXIST -EINVAL -ENOBUFS. */
int fib_rule_add(struct cpu *cpu, struct netns *net, const struct fib_rule *r, bool preference_given, bool excl, struct nl_ext_ack *ack);
/* The first rule of which all that is given (given: FIB_RULE_HAS_*) is so. -ENOENT -EPERM. */
int fib_rule_del(struct cpu *cpu, struct netns *net, const struct fib_rule *like, u32 given, struct nl_ext_ack *ack);
enum { FIB_RULE_HAS_PREF = 1, FIB_RULE_HAS_REALMS = 2, FIB_RULE_HAS_DSCP = 4 };
void fib_rules_add_l3mdev(struct cpu *cpu, struct netns *net); /* once: pref 1000, for VRFs */
struct fib_table *fib_table_find(struct netns *net, u8 family, u32 id); /* NULL: none */
/* one_hop: of an IPv6 multipath route only this alias' hop came or went. */
struct fib_event { const struct fib_alias *alias; u8 family; bool one_hop; u32 portid, seq, nl_flags; };
int fib_route_add(struct cpu *cpu, struct netns *net, const struct fib_config *c); /* -EEXIST -ENOENT -EINVAL -ENETUNREACH -ENOMEM */
int fib_route_del(struct cpu *cpu, struct netns *net, const struct fib_config *c); /* -ESRCH */
/* Resumable walk in Linux's order (tables as its hash has them, addresses ascending, longer prefixes first): fn for each route of family (0: all) and table (0: all); stops at non-zero, which is returned.
 * key: 6 words of the caller's, zero at first; after a stop the next call begins with the very route at which fn stopped. */
int fib_walk(struct netns *net, u8 family, u32 table, u64 key[6], int (*fn)(void *arg, const struct fib_alias *a), void *arg);
struct fib_result { const struct fib_alias *alias; struct fib_nh *nh; struct dst *dst; u32 table, realms /* of the rule that decided, IPv4 */; };
/* Rules, then tables. dst: borrowed for this step. Errors of routes fill res too: -EHOSTUNREACH, -EACCES, -EINVAL (blackhole);
 * nothing found: -ENETUNREACH and res->alias NULL. */
int fib_lookup(struct cpu *cpu, struct netns *net, const struct flow *fl, struct fib_result *res);
static inline bool fib_has_realms(const struct netns *net) { return net->fib->rules_have_realms || net->fib->hops_with_realms; }
/* Realms are two halves, from and to. What `first` leaves open, `second` says. */
static inline u32 fib_realms_join(u32 first, u32 second)
{
	return first | (first & 0xffff ? 0 : second & 0xffff) | (first & 0xffff0000 ? 0 : second & 0xffff0000);
}
/* The same for IPv6 (fib_lookup calls it). flow flags FLOW_IFACE: only routes through oif; FLOW_REACHABLE: prefers hops whose
 * neighbour answers. */
int fib6_lookup(struct cpu *cpu, struct netns *net, const struct flow *fl, struct fib_result *res);
/* res->alias is set for routes that reject, whose error is returned. -EAGAIN: no match (or a throw route: res->alias set). */
int fib6_table_lookup(struct cpu *cpu, struct netns *net, const struct fib_table *tb, const struct flow *fl, struct fib_result *res);
/* Bulk form for the main path of forwarding: tables local and main alone, tos 0, any scope. res[i]: the route, or NULL where only
 * fib_lookup() can tell (rules were added, no match, more than one candidate, anything but a live single next hop). */
void fib_lookup_bulk(struct netns *net, const be32 *daddr, unsigned n, const struct fib_alias **res);
/* One table alone; -EAGAIN: no match. ignore_linkdown: RTNH_F_LINKDOWN next hops count as usable. */
int fib_table_lookup(struct cpu *cpu, struct netns *net, const struct fib_table *tb, const struct flow *fl, struct fib_result *res,
		     bool ignore_linkdown);
/* RTN_* of an address as table local sees it (dev: only routes of that device; a VRF: its table); RTN_UNICAST when no route names it;
 * IPv4, in a namespace that never had a route: RTN_BROADCAST, as in Linux, so that sockets bind to any address. */
u8 fib_addr_type(struct netns *net, const struct net_device *dev_or_null, const struct inaddr *a);
/* A packet to an address of a VRF's that was sent in it, and came back by the VRF's device (a mark keeps taps from seeing it twice): sockets
 * of the VRF hear it, and those of the device that has the address. */
static inline void fib_rx_own_in_vrf(struct sk_buff *skb)
{
	const struct fib_info *fi = skb->dst->fi;
	skb->pkt_type = PACKET_HOST;
	skb->skb_iif = skb->dev->ifindex;
	skb->sdif = fi && fi->nhs && fi->nh[0].dev ? fi->nh[0].dev->ifindex : skb->dev->ifindex;
}
/* May a flow's ports decide where it goes? */
static inline bool fib_wants_ports(const struct netns *net, u8 family)
{
	return net->fib->rules_want_ports || (family == AF_INET6 ? net->fib->hash6.policy : net->fib->hash4.policy);
}
static inline u32 fib_genid(const struct netns *net) { return net->fib->genid; }
static inline void fib_genid_bump(struct netns *net)
{
	net->fib->genid++;
	net->fib->genid4 += net->fib->genid4 == UINT32_MAX ? 2 : 1;
}
static inline void fib_genid_bump6(struct netns *net) { net->fib->genid++; } /* IPv4's are right as they are */
/* The hops that came with it; later ones, of a next-hop object that changed, are allocated apart. */
static inline struct fib_nh *fib_info_inline_hops(struct fib_info *fi) { return (struct fib_nh *)(fi + 1); }
/* The realms of packets through a hop: those with which it was first used since something changed, whatever rule leads there now. keep: this
 * is a use. */
u32 fib_hop_realms(const struct netns *net, struct fib_nh *nh, bool in, const struct fib_result *res, bool keep);
void fib_info_mem_put(struct fib_info *fi);
static inline void fib_info_mem_hold(struct fib_info *fi) { __atomic_fetch_add(&fi->memcnt, 1, __ATOMIC_RELAXED); }
u32 fib_flow_hash31(struct cpu *cpu, const struct netns *net, const struct flow *fl); /* fib_hash.c: for choosing among hops; 31 bits */
/* Picks one of fi's next hops by the flow's hash and the weights; the first live one when there is no choice. */
struct fib_nh *fib_select_path(struct cpu *cpu, struct netns *net, struct fib_info *fi, const struct flow *fl);
/* The hop's dst of this generation (its source address chosen anew after a change); borrowed. NULL: no memory. */
struct dst *fib_nh_dst(struct cpu *cpu, struct fib_nh *nh);

/* Path MTU and redirects. base: the dst of what a lookup gave (res); answers it, or what was learned about daddr instead (borrowed, either
 * way). Home lane, as all that changes them. */
struct dst *fib_exception_dst(struct cpu *cpu, struct netns *net, const struct inaddr *daddr, const struct fib_result *res, struct dst *base);
struct fib_learned {
	u32 mtu;		/* 0: leaves what is known */
	bool mtu_locked, anew;	/* anew: nothing stays of what was known before */
	const struct inaddr *gw; /* NULL: leaves what is known; IPv6, the destination itself: it is on the link */
	u64 expires;		/* ns, 0: never */
};
int fib_exception_set(struct cpu *cpu, struct netns *net, const struct inaddr *daddr, const struct fib_result *res, struct dst *base,
		      const struct fib_learned *l); /* -ENOMEM */
/* Those of a route that are shown. */
int fib_exceptions_walk(struct cpu *cpu, struct netns *net, const struct fib_alias *a,
			int (*fn)(void *arg, const struct inaddr *daddr, const struct dst *d), void *arg);
int fib6_exception_del(struct netns *net, const struct fib_alias *a, const struct fib_config *c); /* of c->dst, over c->oif and gateway as far as given; -ESRCH */
void fib_exceptions_free(struct netns *net, struct fib_exceptions *set); /* NULL is fine */
void fib_exceptions_flush(struct netns *net); /* IPv4: all */
void fib6_exceptions_flush(struct cpu *cpu, struct netns *net, s64 delay); /* IPv6: what is old, or does not lead over a router */
/* dev's MTU (IPv6: conf/DEV/mtu) has changed. */
void fib_exceptions_sync_mtu(struct netns *net, const struct net_device *dev, u8 family, u32 was, u32 now);

/* What only the family's own code knows; set in netns_fib by its netns_init. */
struct fib_family_ops {
	void (*dst_setup)(struct dst *d); /* fills input, output by type, flags and error */
	/* Source address for packets through dev towards gw. */
	void (*select_saddr)(struct netns *net, struct net_device *dev, const struct inaddr *dst, u8 scope, struct inaddr *out);
	bool (*dev_enabled)(const struct net_device *dev); /* the family runs on dev */
	bool (*ignore_linkdown)(const struct net_device *dev);
	/* IPv6: an address of ours, tentative ones too, on dev (NULL: any). */
	bool (*own_addr)(struct netns *net, const struct inaddr *a, const struct net_device *dev_or_null);
	/* IPv6, NULL: all are. 1: the hop's neighbour is reachable or may be; 0: nothing is known of it yet; -1: it does not answer. */
	int (*nh_reach)(struct cpu *cpu, const struct fib_nh *nh);
	const struct neigh_table *neigh; /* of gateways, which routes of the other family may have too (RFC 5549) */
};

/* Routes that come and go with addresses and links; all batons held. `keep_addr` NULL: none. */
struct fib_local_route { u8 type, prefix_len; struct inaddr dst, prefsrc; u32 priority; };
void fib_kernel_route_add(struct cpu *cpu, struct net_device *dev, const struct fib_local_route *r);
void fib_kernel_route_del(struct cpu *cpu, struct net_device *dev, const struct fib_local_route *r);
/* A link went up or has carrier again: next hops through it live. clear: RTNH_F_DEAD or RTNH_F_LINKDOWN. */
void fib_dev_up(struct cpu *cpu, struct net_device *dev, u8 family, u32 clear);
enum fib_down { FIB_DOWN_CARRIER, FIB_DOWN_LINK, FIB_DOWN_FORCE /* host scope too */, FIB_DOWN_UNREGISTER };
void fib_dev_down(struct cpu *cpu, struct net_device *dev, u8 family, enum fib_down how);
/* A local address is gone: routes that prefer it as source go too. */
void fib_prefsrc_gone(struct cpu *cpu, struct netns *net, const struct inaddr *addr);
/* IPv6: the address is gone from its device; its routes live on and choose for each flow. */
void fib6_prefsrc_gone(struct netns *net, const struct inaddr *addr);
/* IPv6: a device has another MTU. Routes' own ones that are larger, or were the device's, follow it; locked ones stay. */
void fib6_sync_mtu(struct netns *net, const struct net_device *dev, u32 was, u32 now);
/* Routes that routers advertise: the one over dev and gw (NULL: none) with all of the bits rtf, or NULL. Changing it tells nobody. */
struct fib6_alias *fib6_route_of(struct netns *net, u32 table, const struct inaddr *dst, u8 len, const struct net_device *dev,
				 const struct inaddr *gw, u32 rtf);
void fib6_route_del_alias(struct cpu *cpu, struct netns *net, const struct fib_alias *a, bool quiet); /* told as by itself; quiet: not told */
void fib6_route_refresh(struct netns *net, struct fib6_alias *a, u8 pref, u64 expires /* ns, 0: never */);
int fib6_route_set_metric(struct cpu *cpu, struct netns *net, struct fib6_alias *a, unsigned which /* RTAX_* */, u32 value); /* -ENOMEM … */
void fib6_route_tell(struct cpu *cpu, struct netns *net, const struct fib6_alias *a); /* as one that was replaced */
extern const struct subsys fib_subsys;
extern const struct proc_file fib_proc_trie, fib_proc_triestat, fib_proc_rt_cache, fib_proc_stat_rt_cache, fib_proc_rt_acct, fib_proc_rt6_stats;
extern const struct event_sub fib_event_sub; /* devices that rules and next-hop objects name */

#endif
