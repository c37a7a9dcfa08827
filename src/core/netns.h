/* struct netns: one network namespace. It names every subsystem and knows none: each pointer below belongs to the one
 * subsystem that defines its struct, which fills it in its netns_init and frees it in its netns_fini (core/subsys.h).
 * One screen of this file shows the whole system. */
#ifndef CORE_NETNS_H
#define CORE_NETNS_H

#include "core/cpu.h"
#include "core/mib.h"
#include "core/world.h"

struct netns_pcpu {
	u64 mib[MIB_MAX];		      /* core/mib.h */
	u64 drops[SKB_DROP_REASON_MAX];
} __cacheline_aligned;

struct netns {
	struct world *world;
	struct cpu *home;	 /* handles all its packets */
	struct list world_link;
	u32 id;			 /* never reused within a world */
	u32 refcnt;		 /* holders: the creator, sockets; atomic */
	u64 cookie;
	char name[64];		 /* for people: "left", "1"; not unique */
	bool dying;		 /* netns_free began: no new sockets, devices or packets */
	void *host;		 /* the attach layer's: which kernel namespace this serves */

	struct netns_dev *dev;	 /* link/: devices by index and name, backlog settings */
	struct netns_neigh *neigh; /* link/: neighbour tables' parameters and entries */
	struct netns_nsid *nsid; /* control/: ids of peer namespaces */
	struct netns_core *core; /* sock/: net.core.* */
	struct netns_packet *packet; /* sock/packet/ */
	struct netns_inet *inet; /* inet/: what both families share: fragments, peers, ping range, port range */
	struct netns_fib *fib;	 /* inet/route/: tables, rules, next hops, exceptions */
	struct netns_mroute *mroute; /* inet/mroute/: multicast forwarding */
	struct netns_ip4 *ip4;	 /* inet/ip4/: addresses, sysctls, ICMP limits, IGMP */
	struct netns_ip6 *ip6;
	struct netns_raw *raw;	 /* transport/: raw sockets */
	struct netns_ping *ping;
	struct netns_udp *udp;
	struct netns_tcp *tcp;
	struct netns_mptcp *mptcp;
	struct netns_sctp *sctp;
	struct netns_nf *nf;	 /* netfilter/: hooks */
	struct netns_ct *ct;
	struct netns_nft *nft;
	struct netns_ipvs *ipvs;
	struct netns_nl *nl;	 /* control/: netlink sockets and multicast groups */
	struct netns_xfrm *xfrm;
	struct netns_bpf *bpf;	 /* prog/ */

	struct netns_pcpu *pcpu[MAX_CPUS]; /* [0..ncpus) */
	unsigned subsys_up;	 /* how many of the tables' subsystems have begun here */
	struct epoch_node reclaim;
};

/* All batons held. The namespace has a loopback device (down), default sysctls and empty tables.
 * home: 0..ncpus-1, or -1 for the next in turn. */
int netns_new(struct world *w, const char *name, int home, struct netns **out);
/* Takes it apart: devices that are not in the first namespace's care die, sockets are reset, memory goes when the last
 * reference does. All batons held. */
void netns_free(struct netns *net);
static inline struct netns *netns_get(struct netns *net) { __atomic_fetch_add(&net->refcnt, 1, __ATOMIC_RELAXED); return net; }
void netns_put(struct netns *net);

static inline void mib_add(struct cpu *cpu, struct netns *net, enum mib m, u64 n) { net->pcpu[cpu->id]->mib[m] += n; }
static inline void mib_inc(struct cpu *cpu, struct netns *net, enum mib m) { net->pcpu[cpu->id]->mib[m]++; }
u64 mib_sum(const struct netns *net, enum mib m);
u64 drops_sum(const struct netns *net, enum skb_drop_reason r);

#endif
