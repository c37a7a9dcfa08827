/* Netfilter: who stands at a hook, and in which order.
 *
 * The packet path asks core/hook.h for an array of functions, one for a namespace, family and hook; whoever wants to be in one describes
 * itself as a struct nf_hook and registers it here. Changing an array is configuration: all batons held, published by pointer
 * swap. Entries run in order of priority; of equal ones the last registered runs first, as on Linux.
 *
 * The hooks' places in the packet path: docs.kernel.org's and the netfilter book's diagram; inet/ip4 and inet/ip6 call them.
 */
#ifndef NETFILTER_NF_H
#define NETFILTER_NF_H

#include "core/hook.h"
#include "core/netns.h"

/* Verdicts, as linux/netfilter.h has them, word by word: that header cannot be had together with netinet/in.h's. */
#define NF_DROP 0
#define NF_ACCEPT 1
#define NF_STOLEN 2
#define NF_QUEUE 3
#define NF_REPEAT 4
#define NF_VERDICT_MASK 0x000000ff
#define NF_VERDICT_FLAG_QUEUE_BYPASS	0x00008000

/* linux/netfilter.h's families and priorities, under names that do not need its headers. */
enum { NFP_UNSPEC = 0, NFP_INET = 1, NFP_IPV4 = 2, NFP_ARP = 3, NFP_NETDEV = 5, NFP_BRIDGE = 7, NFP_IPV6 = 10 };
enum { NF_IP_PRI_RAW_BEFORE_DEFRAG = -450, NF_IP_PRI_CONNTRACK_DEFRAG = -400, NF_IP_PRI_RAW = -300, NF_IP_PRI_SELINUX_FIRST = -225,
       NF_IP_PRI_CONNTRACK = -200, NF_IP_PRI_MANGLE = -150, NF_IP_PRI_NAT_DST = -100, NF_IP_PRI_FILTER = 0, NF_IP_PRI_SECURITY = 50,
       NF_IP_PRI_NAT_SRC = 100, NF_IP_PRI_SELINUX_LAST = 225, NF_IP_PRI_CONNTRACK_HELPER = 300, NF_IP_PRI_CONNTRACK_CONFIRM = INT32_MAX };

struct nf_hook {
	u8 family;   /* NFP_IPV4, NFP_IPV6, NFP_INET (both), NFP_ARP, NFP_BRIDGE */
	u8 hook;     /* NFH_* */
	s32 priority;
	/* As struct hook_entry's: ACCEPT goes on, DROP is dropped and counted by the caller, STOLEN has been taken. */
	enum hook_verdict (*fn)(struct cpu *cpu, void *priv, struct sk_buff *skb, const struct hook_state *st);
	void *priv;
};
/* All batons held. -ENOMEM: nothing has changed. -EINVAL: no such hook. */
int nf_hook_add(struct netns *net, const struct nf_hook *h);
void nf_hook_del(struct netns *net, const struct nf_hook *h); /* the one with the same fn, priv and place */

/* The NFP_* of a hook's state, and its family as an address family. */
static inline u8 nf_family(const struct hook_state *st)
{
	static const u8 family[NFPF_MAX] = { NFP_IPV4, NFP_IPV6, NFP_ARP, NFP_BRIDGE, NFP_NETDEV };
	return family[st->pf];
}

extern const struct subsys nf_subsys;

#endif
