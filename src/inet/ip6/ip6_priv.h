/* What the files of inet/ip6/ share among themselves. */
#ifndef INET_IP6_IP6_PRIV_H
#define INET_IP6_IP6_PRIV_H

#include <netinet/in.h>
#include <linux/errqueue.h>

#include "codec/netlink/nl_attr.h"
#include "codec/wire/icmp6.h"
#include "codec/wire/ip6hdr.h"
#include "core/event.h"
#include "core/hook.h"
#include "core/trace.h"
#include "inet/ip6/ip6.h"
#include "inet/l4_proto.h"
#include "inet/route/fib.h"
#include "link/netns_dev.h"

struct ip6_cb { /* skb->cb inside IPv6; offsets are from the network header */
	s32 iif;	    /* by which device it came, as sockets see it */
	u16 nhoff;	    /* where the number of the present header stands */
	u16 frag_max_size;  /* largest fragment that a reassembled packet came in; 0: was whole */
	u8 flags;	    /* IP6CB_* */
	u8 mc_loop;	    /* ours: a copy for ourselves when we are in the group */
	u16 ra;		    /* router alert's place, 0: none */
	u16 dst1, lastopt;  /* destination options before the upper layer, the last header before it */
	u16 srcrt;	    /* routing header's place */
};
enum { IP6CB_FORWARDED = 1, IP6CB_REROUTED = 2, IP6CB_FRAGMENTED = 4, IP6CB_HOPS_CHECKED = 8 };
#define IP6_CB(skb) ((struct ip6_cb *)(skb)->cb)

struct ip6_reasm;
struct icmp6_limits;
struct ip6_private {
	struct ip6_reasm *reasm;
	struct icmp6_limits *icmp;
	struct list labels;	 /* struct ip6_label */
	u32 label_seq;		 /* how many were ever added or changed */
	struct timer addr_timer; /* the next address lifetime that ends */
	struct list frozen;
	u32 addr_gen;		 /* moves with every change of an address */
	struct list leases;	 /* struct ip6_flowlabel */
	u32 nleases;
	struct dst *no_route;	 /* for what has no way; made when used */
};

#define GROUP(name, ...) static const struct inaddr name = { .b = __VA_ARGS__ }
static inline struct ip6_hdr *ip6_header(const struct sk_buff *skb) { return (struct ip6_hdr *)skb_network_header(skb); }
static inline struct inaddr ip6_src(const struct sk_buff *skb) { return inaddr_from_v6(ip6_header(skb)->saddr); }
static inline struct inaddr ip6_dst(const struct sk_buff *skb) { return inaddr_from_v6(ip6_header(skb)->daddr); }
static inline u32 addr6_hash(const struct netns *net, const struct inaddr *a)
{
	return (u32)siphash_2u64(&net->world->hash_key, a->q[0], a->q[1]);
}
#define SKB_NOT_DROPPED ((enum skb_drop_reason)-1)

/* ip6_device.c */
s32 ip6_conf_of(const struct net_device *dev, enum ip6_conf c); /* the device's own, or default */
bool ip6_conf_any(const struct inet6_dev *idev, enum ip6_conf c); /* the device's or all's is on */
void ip6_dev_tell(struct cpu *cpu, struct inet6_dev *idev); /* IFLA_AF_SPEC changed */
void ip6_dev_set_disabled(struct cpu *cpu, struct inet6_dev *idev, bool disable);
void ip6_dev_set_forwarding(struct cpu *cpu, struct inet6_dev *idev);
void ip6_dev_set_mtu(struct cpu *cpu, struct inet6_dev *idev, u32 mtu);
void ip6_start_rs(struct cpu *cpu, struct inet6_dev *idev);
void ip6_rs_timer(void *owner, struct timer *t);
/* ip6_addr.c */
void ip6_addrs_purge(struct cpu *cpu, struct inet6_dev *idev, bool keep);
void ip6_addr_timer(void *owner, struct timer *t);
void ip6_addr_arm(struct netns *net);
void ip6_addr_notify(struct cpu *cpu, struct inet6_ifaddr *ifa); /* there, or changed */
void ip6_addr_drop(struct cpu *cpu, struct inet6_ifaddr *ifa);
struct inet6_ifaddr *ip6_addr_new(struct cpu *cpu, struct inet6_dev *idev, const struct inet6_ifaddr_config *c, struct nl_ext_ack *ack, int *err);
void ip6_addr_set_lifetime(struct cpu *cpu, struct inet6_ifaddr *ifa, u32 valid, u32 preferred);
void ip6_prefix_route(struct cpu *cpu, struct net_device *dev, const struct inaddr *addr, u8 len, u32 metric, u64 expires, u32 rt6_flags, bool add);
void ip6_host_route(struct cpu *cpu, struct inet6_ifaddr *ifa, bool add);
void ip6_group_route(struct cpu *cpu, struct net_device *dev, bool add);
void ip6_anycast_route(struct cpu *cpu, struct net_device *dev, const struct inaddr *a, bool add);
/* ip6_autoconf.c */
void ip6_linklocal_make(struct cpu *cpu, struct inet6_dev *idev); /* the addresses a device has from the begin */
bool ip6_eui64(const struct net_device *dev, u8 eui[8]);
/* RFC 7217; `tries`: its DAD_Counter. False: no secret. */
bool ip6_stable_addr(struct cpu *cpu, struct inet6_dev *idev, struct inaddr *prefix_in_addr_out, u8 *tries);
void ip6_rx_prefix(struct cpu *cpu, struct inet6_dev *idev, const struct nd_opt_prefix *p, bool from_router);
void ip6_temp_make(struct cpu *cpu, struct inet6_ifaddr *pub);
/* ip6_dad.c */
void ip6_dad_start(struct cpu *cpu, struct inet6_ifaddr *ifa);
void ip6_dad_timer(void *owner, struct timer *t);
void ip6_dad_done(struct cpu *cpu, struct inet6_ifaddr *ifa);
void ip6_dad_failed(struct cpu *cpu, struct inet6_ifaddr *ifa, const struct sk_buff *skb_or_null);
void ip6_dad_kick(struct cpu *cpu, struct inet6_ifaddr *ifa, u64 delay);
void ip6_dad_again(struct cpu *cpu, struct inet6_dev *idev); /* IFF_NOARP changed */
void ip6_solicited_node(const struct inaddr *a, struct inaddr *out);
void ip6_solicited_leave(struct cpu *cpu, struct inet6_ifaddr *ifa);
/* ip6_label.c: RFC 6724's policy table */
int ip6_labels_init(struct netns *net);
void ip6_labels_fini(struct netns *net);
u32 ip6_label_of(struct netns *net, const struct inaddr *a, s32 ifindex);
/* ip6_flowlabel.c */
void ip6_flowlabels_fini(struct netns *net);
/* ip6_mc.c */
/* mld.c */
void mld_init(struct inet6_dev *idev);
unsigned mld_version(const struct cpu *cpu, const struct inet6_dev *idev); /* that routers here understand: 1, 2 */
bool mld_reported(const struct inaddr *group); /* groups that routers hear of at all */
void mld_dad_done(struct cpu *cpu, struct inet6_dev *idev); /* a link-local address may be used from now on */
void mld_rx(struct cpu *cpu, struct netns *net, struct sk_buff *skb, u8 type); /* data at the ICMPv6 header; consumes */
void ip6_mc_link_up(struct cpu *cpu, struct inet6_dev *idev);
void ip6_mc_link_down(struct cpu *cpu, struct inet6_dev *idev);
void ip6_mc_purge(struct cpu *cpu, struct inet6_dev *idev);
void ip6_mc_default_groups(struct cpu *cpu, struct inet6_dev *idev);
void ip6_mc_router_groups(struct cpu *cpu, struct inet6_dev *idev, bool on);
/* ip6_mroute.c: a group's packet that is not for this link alone, to be forwarded. Consumes. */
void ip6_mr_input(struct cpu *cpu, struct sk_buff *skb);
bool ip6_mr_socket(struct cpu *cpu, struct net_device *dev, const struct sk_buff *skb); /* a program forwards what we send by dev */
extern const struct mr_family ip6_mr_family;
/* ip6_route.c */
enum skb_drop_reason ip6_route_input(struct cpu *cpu, struct netns *net, struct sk_buff *skb);
enum skb_drop_reason ip6_route_input_flow(struct cpu *cpu, struct netns *net, struct sk_buff *skb, const struct flow *fl); /* inet_af.route_in */
int ip6_route_out(struct cpu *cpu, struct netns *net, struct flow *fl, struct dst **out);
struct dst *ip6_dev_dst(struct cpu *cpu, struct inet6_dev *idev, u8 type); /* borrowed; NULL: no memory */
struct net_device *ip6_dst_dev(const struct dst *d); /* whose address it leads to, or the way out */
bool icmp6_notify(struct cpu *cpu, struct netns *net, struct sk_buff *skb, struct icmp_error *e);
void ip6_redirect(struct cpu *cpu, struct netns *net, const struct icmp_error *e);
void ip6_update_pmtu(struct cpu *cpu, struct netns *net, const struct flow *fl, struct dst *d, u32 mtu);
void ip6_trace_route(struct cpu *cpu, struct netns *net, struct sk_buff *skb, enum trace_point p, const struct fib_alias *a, const struct dst *d);
extern const struct fib_family_ops ip6_fib_ops;
/* ip6_tx.c */
int ip6_xmit(struct cpu *cpu, struct netns *net, struct sk_buff *skb, const struct ip_out *o);
int ip6_finish_output(struct cpu *cpu, struct sk_buff *skb);
u32 ip6_gso_len(const struct sk_buff *skb); /* longest network-layer length of its segments */
/* ip6_fragment.c, ip6_reasm.c */
int ip6_fragment(struct cpu *cpu, struct netns *net, struct sk_buff *skb, u32 mtu);
struct sk_buff *ip6_defrag(struct cpu *cpu, struct netns *net, struct sk_buff *skb, u32 off); /* off: of the fragment header, from the network header */
int ip6_reasm_init(struct netns *net);
void ip6_reasm_exit(struct netns *net);
void ip6_reasm_fini(struct netns *net);
u32 ip6_unfragmentable(const struct sk_buff *skb, u32 *nexthdr_at);
/* ip6_exthdr.c: data at the header; false: consumed (dropped, answered, or sent on). *nexthdr_at moves on. */
bool ip6_rx_hopopts(struct cpu *cpu, struct netns *net, struct sk_buff *skb);
bool ip6_rx_dstopts(struct cpu *cpu, struct netns *net, struct sk_buff *skb);
bool ip6_rx_rthdr(struct cpu *cpu, struct netns *net, struct sk_buff *skb);
void ip6_param_problem(struct cpu *cpu, struct netns *net, struct sk_buff *skb, u8 code, u32 pointer, enum skb_drop_reason reason);
/* icmp6*.c */
int icmp6_limits_init(struct netns *net);
void icmp6_limits_fini(struct netns *net);
bool icmp6_limit_allows(struct cpu *cpu, struct netns *net, const struct inaddr *daddr, u8 type, const struct dst *d);
bool icmp6_redirect_allowed(struct cpu *cpu, struct netns *net, const struct inaddr *to);
/* Sends an ICMPv6 message of ours (data at its header, checksum not done). Consumes; takes dst's reference. */
void icmp6_push(struct cpu *cpu, struct netns *net, struct sk_buff *skb, struct dst *d, const struct inaddr *saddr, const struct inaddr *daddr,
		s16 hops, u8 tclass, u32 mark, be32 flowlabel);
int icmp6_errno(u8 type, u8 code, bool *hard);
/* ndisc.c: data at the ICMPv6 header. Consumes. */
void ndisc_rx(struct cpu *cpu, struct netns *net, struct sk_buff *skb);
void ndisc_send_ns(struct cpu *cpu, struct net_device *dev, const struct inaddr *target, const struct inaddr *daddr, const struct inaddr *saddr,
		   u64 nonce);
void ndisc_send_na(struct cpu *cpu, struct net_device *dev, const struct inaddr *daddr, const struct inaddr *target, bool router, bool solicited,
		   bool override, bool with_lladdr);
void ndisc_send_rs(struct cpu *cpu, struct net_device *dev, const struct inaddr *saddr, const struct inaddr *daddr);
void ndisc_send_redirect(struct cpu *cpu, struct sk_buff *skb, const struct inaddr *target);
void ndisc_announce(struct cpu *cpu, struct inet6_dev *idev);
void ndisc_rx_ra(struct cpu *cpu, struct netns *net, struct sk_buff *skb);
/* The options of a message, checked: opt[type] is its first one, or NULL. -1: malformed. */
struct nd_opts { const struct nd_opt_hdr *opt[64]; const u8 *begin; u32 len; };
int ndisc_parse_opts(const u8 *p, u32 len, struct nd_opts *o);
void ndisc_router_gone(struct cpu *cpu, struct net_device *dev, const struct inaddr *gw); /* its default route goes */
const u8 *ndisc_lladdr(const struct net_device *dev, const struct nd_opt_hdr *o); /* NULL: not of this device's kind */
int ndisc_mc_map(const struct inaddr *a, const struct net_device *dev, u8 *hw);
/* ip6_gro.c */
struct sk_buff *ip6_gro_receive(struct cpu *cpu, struct skb_list *held, struct sk_buff *skb);
void ip6_gro_complete(struct cpu *cpu, struct sk_buff *skb, u32 nhoff);
int ip6_gso_segment(struct cpu *cpu, struct sk_buff *skb, u64 features, struct skb_list *out);

#endif
