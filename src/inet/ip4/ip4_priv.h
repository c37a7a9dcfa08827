/* What the files of inet/ip4/ share among themselves. */
#ifndef INET_IP4_IP4_PRIV_H
#define INET_IP4_IP4_PRIV_H

#include <netinet/in.h>
#include <time.h>
#include <linux/errqueue.h>

#include "codec/netlink/nl_attr.h"
#include "codec/wire/icmp4.h"
#include "codec/wire/ip4hdr.h"
#include "core/event.h"
#include "core/hook.h"
#include "core/trace.h"
#include "inet/ip4/ip4.h"
#include "inet/l4_proto.h"
#include "inet/route/fib.h"
#include "link/netns_dev.h"

struct ip4_cb { /* skb->cb inside IPv4; offsets are from the network header, 0: no such option */
	u8 flags;	    /* IP4CB_* */
	u8 optlen;
	u8 srr, rr, ts, ra, cipso; /* where these options begin */
	u8 srr_hit;	    /* we are the next hop of a source route */
	u8 strict;
	u8 mc_loop;	    /* ours: a copy for ourselves when we are in the group */
	u16 frag_max_size;  /* largest fragment that a reassembled packet came in, with its header; 0: was whole */
	be32 nexthop;	    /* of a source route */
	u32 realms;	    /* of the way back to the source; 0 at first when IP4CB_ASKED */
};
enum { IP4CB_FORWARDED = 1, IP4CB_REDIRECT = 2 /* its sender has a better way */, IP4CB_DF_FRAG = 4 /* a fragment had DF */,
       IP4CB_RR_ADDR = 8, IP4CB_TS_ADDR = 16 /* the last entry is to become the address of the device it leaves by */,
       IP4CB_ASKED = 32 /* no packet: somebody wants to know what would happen to one */, IP4CB_TS_TIME = 64 /* a time was written here */,
       IP4CB_OPTS_CHANGED = 128 /* the header's checksum is to be made anew when it is forwarded */ };
#define IP4_CB(skb) ((struct ip4_cb *)(skb)->cb)

struct ip4_reasm;
enum { IP4_ID_BUCKETS = 1024 };
struct ip4_private {
	struct ip4_reasm *reasm;
	u32 id[IP4_ID_BUCKETS]; /* next identification, by hash of (source, destination, protocol) */
	struct timer addr_timer; /* the next address lifetime that ends */
	struct skb_list arp_later; /* questions about others that are answered late; see arp_proxy.c */
	struct timer arp_later_timer;
	struct dst *no_route[2]; /* for what has no way: host, net unreachable; made when used */
};

/* ip4_options.c: the options that an answer to a received packet carries. 0, -EINVAL: there is no room, and no answer. */
int ip4_opts_answer(struct netns *net, const struct sk_buff *skb, struct ip4_opts *out);

static inline struct ip4_hdr *ip4_header(const struct sk_buff *skb) { return (struct ip4_hdr *)skb_network_header(skb); }
static inline u32 addr_hash(const struct netns *net, be32 a) { return hash32_u64(a.raw, (u32)net->world->hash_key.k[0]); }
static inline be32 prefix_mask(unsigned len) { return len ? cpu_to_be32(~0u << (32 - len)) : (be32){ 0 }; }
static inline bool v4_is_local_group(be32 a) { return (be32_to_cpu(a) & 0xffffff00u) == 0xe0000000u; } /* never forwarded */
static inline bool in_prefix(be32 a, be32 net_addr, unsigned len) { return !((a.raw ^ net_addr.raw) & prefix_mask(len).raw); }

/* ip4_route.c: what an incoming packet is for: sets skb->dst (borrowed). Not 0: why it must be dropped. */
enum skb_drop_reason ip4_route_input(struct cpu *cpu, struct netns *net, struct sk_buff *skb);
/* As for a packet of this flow (addresses, tos, protocol, ports) that skb stands for: it needs but device and mark. */
enum skb_drop_reason ip4_route_input_flow(struct cpu *cpu, struct netns *net, struct sk_buff *skb, const struct flow *fl);
/* Checks the source address of a packet for daddr. *onlink: its sender is on this link. */
enum skb_drop_reason ip4_validate_source(struct cpu *cpu, struct netns *net, struct sk_buff *skb, be32 saddr, be32 daddr, u8 tos,
					 s32 oif, struct net_device *dev, const struct in_device *idev, bool *onlink);
struct dst *ip4_dev_dst(struct cpu *cpu, struct in_device *idev, u8 type); /* borrowed; NULL: no memory */
int ip4_route_out_v4(struct cpu *cpu, struct netns *net, struct flow *fl, struct dst **out);
extern const struct fib_family_ops ip4_fib_ops;
void ip4_trace_route(struct cpu *cpu, struct netns *net, struct sk_buff *skb, enum trace_point p, const struct fib_alias *alias,
		     const struct dst *d);

/* ip4_tx.c: sends a packet whose header is complete (data there, dst set) through LOCAL_OUT. Consumes. */
int ip4_local_out(struct cpu *cpu, struct netns *net, struct sk_buff *skb);
void ip4_select_id(struct cpu *cpu, struct netns *net, struct ip4_hdr *ip, unsigned segs);
int ip4_xmit(struct cpu *cpu, struct netns *net, struct sk_buff *skb, const struct ip_out *o);
int ip4_finish_output(struct cpu *cpu, struct sk_buff *skb);
/* ip4_fragment.c: cuts skb for mtu and hands each piece to ip4_finish_output. Consumes. */
int ip4_fragment(struct cpu *cpu, struct netns *net, struct sk_buff *skb, u32 mtu);
/* ip4_reasm.c: a fragment goes in; the whole packet comes out, or NULL. */
struct sk_buff *ip4_defrag(struct cpu *cpu, struct netns *net, struct sk_buff *skb);
int ip4_reasm_init(struct netns *net);
void ip4_reasm_exit(struct netns *net);
void ip4_reasm_fini(struct netns *net);
/* ip4_options.c */
bool ip4_options_rx(struct cpu *cpu, struct netns *net, struct sk_buff *skb); /* false: consumed */
void ip4_options_forward(struct cpu *cpu, struct netns *net, struct sk_buff *skb);
u32 ip4_options_build(struct cpu *cpu, struct netns *net, u8 *to, const struct ip4_opts *o, be32 daddr, be32 saddr);
/* icmp4.c, icmp4_send.c */
bool icmp4_limit_allows(struct cpu *cpu, struct netns *net, be32 daddr, u8 type, u8 code, const struct dst *d);
void ip4_send_redirect(struct cpu *cpu, struct sk_buff *skb, const struct dst *d);
void ip4_redirect(struct cpu *cpu, struct netns *net, const struct icmp_error *e);
bool ip4_is_own(struct netns *net, const struct inaddr *a); /* or any */
void ip4_rx_frag_needed(struct cpu *cpu, struct netns *net, const struct ip4_hdr *quoted, u32 mtu);
void ip4_update_pmtu(struct cpu *cpu, struct netns *net, const struct flow *fl, struct dst *d, u32 mtu);
/* ip4_local.c: a packet with that option that is not for us, for sockets that listen to such. True: consumed. */
bool ip4_router_alert(struct cpu *cpu, struct netns *net, struct sk_buff *skb);
/* ip4_mroute.c */
void ip4_mr_input(struct cpu *cpu, struct sk_buff *skb); /* dst->input of groups where they are forwarded */
extern const struct mr_family ip4_mr_family;
/* in_device.c, ip4_addr.c */
void in_dev_recompute(struct in_device *idev);
void ip4_conf_recompute_all(struct netns *net);
void ip4_addrs_purge(struct cpu *cpu, struct in_device *idev);
void ip4_addrs_link_up(struct cpu *cpu, struct in_device *idev);
void ip4_addr_timer(void *owner, struct timer *t);
/* arp.c */
void arp_announce_addrs(struct cpu *cpu, struct in_device *idev);
/* arp_proxy.c: keeps a question for a random time up to the device's proxy_delay, then arp_redo()es it. Consumes. */
void arp_answer_later(struct cpu *cpu, struct netns *net, struct sk_buff *skb, const struct neigh_parms *p);
void arp_redo(struct cpu *cpu, struct netns *net, struct sk_buff *skb);
void arp_later_init(struct netns *net);
void arp_later_purge(struct cpu *cpu, struct netns *net, const struct net_device *dev); /* NULL: all */
void arp_send(struct cpu *cpu, struct net_device *dev, u16 op, be32 dip, be32 sip, const u8 *dst_hw, const u8 *src_hw, const u8 *target_hw);
/* igmp.c */
void ip4_mc_init(struct in_device *idev);
void ip4_mc_link_up(struct cpu *cpu, struct in_device *idev);
void ip4_mc_link_down(struct cpu *cpu, struct in_device *idev);
void ip4_mc_purge(struct cpu *cpu, struct in_device *idev);

#endif
