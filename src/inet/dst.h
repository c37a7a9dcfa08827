/* struct dst: where a packet goes from here. What a route lookup answers; attached to packets and cached by sockets.
 *
 * Forwarding and local delivery share one dst per next hop (or per local route), so a lookup allocates nothing. A packet
 * borrows it for one step (skb->dst_noref); whoever queues a packet beyond the step calls skb_dst_force().
 */
#ifndef INET_DST_H
#define INET_DST_H

#include <linux/rtnetlink.h>

#include "core/skb.h"
#include "core/world.h"
#include "inet/addr.h"
#include "link/netdevice.h"

struct fib_info;
enum { RTAX_SLOTS = 18 }; /* RTAX_* of linux/rtnetlink.h */
enum dst_flags { DST_LOCAL = 1, DST_BROADCAST = 2, DST_MULTICAST = 4, DST_GATEWAY = 8, DST_REDIRECT = 16, DST_HOST_LOOP = 32 };

struct dst {
	u32 refcnt;		/* atomic */
	u32 genid;		/* the namespace's route generation it was made in; another one: look up again */
	struct netns *net;
	struct cpu *home;	/* net's; outlives it */
	struct net_device *dev;	/* way out (loopback's for local delivery of own packets); holds a reference */
	/* Rx side, after the input lookup; consumes: local deliver, forward, or error. */
	void (*input)(struct cpu *cpu, struct sk_buff *skb);
	/* Tx side, after LOCAL_OUT; consumes. */
	int (*output)(struct cpu *cpu, struct sk_buff *skb);
	u8 family, flags, type;	/* AF_*, DST_*, RTN_* */
	u8 prefix_len;		/* of the route, for traces */
	s16 error;		/* -EHOSTUNREACH and the like for unreachable, prohibit, blackhole routes */
	u32 table;
	struct inaddr gateway;	/* next hop when DST_GATEWAY; may be of the other family */
	struct inaddr prefsrc;
	struct inaddr prefix;
	u32 mtu;		/* path MTU learned or locked; 0: metrics, else the device's */
	u32 link_mtu;		/* the family's limit on dev (IPv6's conf/DEV/mtu), 0: the device's */
	bool mtu_locked;	/* learned below min_pmtu: fragment instead of sending smaller */
	u64 expires;		/* of a learned mtu or redirect; 0: never */
	const u32 *metrics;	/* RTAX_* [1..], or NULL */
	struct neighbour *neigh; /* of the gateway, once known; holds a reference */
	struct fib_info *fi;
	struct epoch_node epoch;
};
/* One reference; holds dev. NULL: no memory. Input and output are the caller's to set. */
struct dst *dst_new(struct netns *net, struct net_device *dev, u8 family, u8 type, u8 flags);

static inline void dst_hold(struct dst *d) { __atomic_fetch_add(&d->refcnt, 1, __ATOMIC_RELAXED); }
void dst_put(struct dst *d); /* NULL is fine; the last one frees by epoch_defer */
void skb_dst_drop(struct sk_buff *skb);
static inline void skb_dst_set(struct sk_buff *skb, struct dst *d) { skb->dst = d; skb->dst_noref = 0; }
static inline void skb_dst_set_noref(struct sk_buff *skb, struct dst *d) { skb->dst = d; skb->dst_noref = 1; }
static inline void skb_dst_force(struct sk_buff *skb)
{
	if (skb->dst && skb->dst_noref) {
		dst_hold(skb->dst);
		skb->dst_noref = 0;
	}
}
/* The device whose address or way this is: for own addresses not loopback, where their packets go, but the one that has them. */
struct net_device *dst_idev(const struct dst *d);
/* Path MTU: learned, then route metric, then device. */
u32 dst_mtu(struct cpu *cpu, const struct dst *d);
#define RTAX_FEATURE_TCP_USEC_TS BIT(4) /* newer than the headers of Debian 12 */
#define RTAX_FEATURES_KNOWN (RTAX_FEATURE_MASK | RTAX_FEATURE_TCP_USEC_TS)
static inline u32 dst_metric(const struct dst *d, unsigned rtax) { return d->metrics ? d->metrics[rtax] : 0; }

#endif
