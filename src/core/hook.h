/* Netfilter's hooks as the layers below see them: an array of functions per namespace, family and hook, published by pointer
 * swap. Empty (the usual case in this lab) costs one load and one branch. netfilter/ fills them. */
#ifndef CORE_HOOK_H
#define CORE_HOOK_H

#include "core/netns.h"
#include "core/skb.h"

enum { NFH_PRE_ROUTING, NFH_LOCAL_IN, NFH_FORWARD, NFH_LOCAL_OUT, NFH_POST_ROUTING, NFH_INGRESS, NFH_EGRESS, NFH_MAX };
enum { NFPF_IPV4, NFPF_IPV6, NFPF_ARP, NFPF_BRIDGE, NFPF_NETDEV, NFPF_MAX };
enum hook_verdict { HOOK_ACCEPT, HOOK_DROP, HOOK_STOLEN };

struct hook_state {
	struct netns *net;
	struct net_device *in, *out;
	struct sock *sk;
	u8 pf, hook;
};
struct hook_entry {
	enum hook_verdict (*fn)(struct cpu *cpu, void *priv, struct sk_buff *skb, const struct hook_state *st);
	void *priv;
	s32 priority;
};
struct hook_entries {
	unsigned count;
	struct hook_entry entry[];
};
struct netns_nf {
	struct hook_entries *hooks[NFPF_MAX][NFH_MAX];
};

/* Not ACCEPT: the packet is gone (dropped with NETFILTER_DROP and counted, or taken). */
enum hook_verdict hook_run_slow(struct cpu *cpu, struct hook_entries *e, struct sk_buff *skb, const struct hook_state *st);
static inline enum hook_verdict hook_run(struct cpu *cpu, struct netns *net, u8 pf, u8 hook, struct sk_buff *skb,
					 struct net_device *in, struct net_device *out)
{
	struct hook_entries *e = net->nf ? ptr_load(net->nf->hooks[pf][hook]) : NULL;
	if (likely(!e))
		return HOOK_ACCEPT;
	return hook_run_slow(cpu, e, skb, &(struct hook_state){ net, in, out, skb->sk, pf, hook });
}

/* What a sender hears of a verdict that is not ACCEPT. */
static inline int hook_errno(enum hook_verdict v) { return v == HOOK_DROP ? -EPERM : 0; }

#endif
