/* Neighbours: who on this link has that address. The whole NUD state machine (RFC 4861's, as Linux runs it for ARP too):
 * queues while resolving, probes, garbage collection. Family-independent: a neigh_table per family (ARP, ND) supplies how to
 * solicit. Entries belong to their device's namespace and its home cpu. */
#ifndef LINK_NEIGH_H
#define LINK_NEIGH_H

#include <linux/neighbour.h>

#include "base/timer.h"
#include "link/netdevice.h"

#define NEIGH_KEY_MAX 16

#define NUD_CONNECTED (NUD_PERMANENT | NUD_NOARP | NUD_REACHABLE)
#define NUD_VALID (NUD_CONNECTED | NUD_PROBE | NUD_STALE | NUD_DELAY)
struct neigh_table;
struct neigh_parms { /* /proc/sys/net/ipv4/neigh/DEV/…; times in ns */
	struct net_device *dev; /* NULL: the default */
	const struct neigh_table *tbl;
	s32 mcast_probes, ucast_probes, app_probes, mcast_reprobes, proxy_qlen;
	u32 queue_len_bytes;
	u64 base_reachable_time, reachable_time, retrans_time, gc_staletime, delay_probe_time, anycast_delay, proxy_delay, locktime,
		interval_probe_time;
	u32 set;		/* which were set for this device: BIT(enum neigh_var); the rest follow the default */
	struct list link;
};

struct neighbour {
	struct hnode node;
	struct list lru;
	u64 serial;		/* in the order of the table's list, never used again: where a dump goes on */
	const struct neigh_table *tbl;
	struct net_device *dev;	/* holds a reference */
	struct neigh_parms *parms;
	u32 refcnt;		/* one of the table's, one per dst and queued packet; non-atomic: home cpu */
	u8 nud_state;		/* NUD_* */
	u8 flags;		/* NTF_* */
	u8 type;		/* RTN_* */
	u8 protocol;		/* RTPROT_* */
	bool dead;
	u8 ha[DEV_ADDR_MAX];	/* valid in NUD_VALID states */
	u8 key_len;
	u8 key[NEIGH_KEY_MAX];
	u16 probes;
	u64 confirmed, updated, used; /* ns */
	bool managed;		/* NTF_EXT_MANAGED: kept resolved without anybody sending */
	bool gc_counted;	/* in its table's gc_count */
	struct netns *net;	/* the device's, when it was made */
	struct timer timer;
	struct skb_list queue;	/* waiting for resolution: queue_len_bytes at most, oldest dropped */
	u32 queue_truesize;
	u8 hh_len;		/* length of hh when usable, else 0 */
	u8 hh[32] __attribute__((aligned(16))); /* cached link-layer header, ends at hh + sizeof(hh): copied in front of the packet */
	struct epoch_node reclaim;
};

struct neigh_table {
	u8 family;
	u8 key_len;
	u16 ethertype;
	const char *id;
	/* Sends one solicitation (skb: the packet that waits, or NULL). */
	void (*solicit)(struct cpu *cpu, struct neighbour *n, struct sk_buff *skb);
	/* Packets that could not be resolved: ICMP host unreachable. Consumes. */
	void (*error_report)(struct cpu *cpu, struct neighbour *n, struct sk_buff *skb);
	/* At creation: sets type, and nud_state/ha for multicast, broadcast, NOARP; may change the key. -errno refuses. */
	int (*constructor)(struct neighbour *n);
	unsigned index; /* slot in netns_neigh */
};
enum { NEIGH_ARP, NEIGH_ND, NEIGH_TABLES };

/* The namespace's table begins to work; called by the family in its netns_init. */
void neigh_table_start(struct netns *net, const struct neigh_table *tbl);
/* Finds or creates; borrowed for this step (neigh_hold to keep). NULL: table full or no memory. */
struct neighbour *neigh_get(struct cpu *cpu, const struct neigh_table *tbl, const void *key, struct net_device *dev);
struct neighbour *neigh_lookup(const struct neigh_table *tbl, const void *key, struct net_device *dev); /* NULL: none */
static inline void neigh_hold(struct neighbour *n) { n->refcnt++; }
void neigh_put(struct cpu *cpu, struct neighbour *n);
/* Sends a network-layer packet through n (data at the network header, skb->dev set): header cached, built, or queued. Consumes. */
int neigh_output(struct cpu *cpu, struct neighbour *n, struct sk_buff *skb);
/* State change from ARP, ND or an administrator; flags NEIGH_UPDATE_F_* in neigh.c's words. lladdr NULL: unchanged. */
enum { NEIGH_UPDATE_OVERRIDE = 1, NEIGH_UPDATE_WEAK_OVERRIDE = 2, NEIGH_UPDATE_ADMIN = 4, NEIGH_UPDATE_ISROUTER = 8,
       NEIGH_UPDATE_OVERRIDE_ISROUTER = 16 };
/* 0; -EPERM (permanent or NOARP entry, not by an administrator), -EINVAL (no address known and none given; entry is gone). */
int neigh_update(struct cpu *cpu, struct neighbour *n, const u8 *lladdr, u8 nud_state, u32 flags, u32 portid);
int neigh_del(struct cpu *cpu, struct neighbour *n);
void neigh_confirm(struct cpu *cpu, struct neighbour *n); /* upper layers saw forward progress */
/* Makes sure that the address is being resolved or checked, as a packet would (`ip neigh add ... use`). */
void neigh_kick(struct cpu *cpu, struct neighbour *n);
/* From now on resolved anew every interval_probe_time, or no longer (`ip neigh add ... managed`). */
void neigh_set_managed(struct cpu *cpu, struct neighbour *n, bool on);
void neigh_carrier_down(struct cpu *cpu, const struct neigh_table *tbl, struct net_device *dev); /* all but permanent ones go */
void neigh_ifdown(struct cpu *cpu, const struct neigh_table *tbl, struct net_device *dev);
struct neigh_parms *neigh_parms_for(struct netns *net, const struct neigh_table *tbl, struct net_device *dev_or_null);
/* Addresses that we answer for in others' stead (`ip neigh add proxy`): for requests that come by dev, or by any. All batons. */
struct neigh_proxy { struct list link; u8 key[NEIGH_KEY_MAX]; struct net_device *dev; u8 flags, protocol; };
struct neigh_proxy *neigh_proxy_find(struct netns *net, const struct neigh_table *tbl, const void *key, const struct net_device *dev);
/* dev NULL: any. An existing one takes the new flags. -ENOMEM. */
int neigh_proxy_add(struct netns *net, const struct neigh_table *tbl, const void *key, struct net_device *dev_or_null, u8 flags, u8 protocol);
int neigh_proxy_del(struct netns *net, const struct neigh_table *tbl, const void *key, const struct net_device *dev_or_null); /* -ENOENT */
void neigh_proxy_ifdown(struct netns *net, const struct neigh_table *tbl, const struct net_device *dev); /* dev went down */
void neigh_proxy_dev_gone(struct netns *net, const struct net_device *dev_or_null); /* NULL: all, at the namespace's end */
/* fn for each entry until non-zero. dev NULL: all. */
int neigh_walk(struct netns *net, const struct neigh_table *tbl, int (*fn)(void *arg, struct neighbour *n), void *arg);

#endif
