/* The types of base chains: what a hook's call becomes, and where each may stand.
 *
 * filter: a verdict. route: at the local output, and a packet whose addresses, mark or TOS have changed is routed again. nat: asked for a
 * connection's first packet only; it comes with NAT.
 */
#include "netfilter/nft/nft.h"

static enum hook_verdict run_ip(struct cpu *cpu, void *chain, struct sk_buff *skb, const struct hook_state *st)
{
	struct nft_pkt pkt;

	if (unlikely(!nft_pkt_init(&pkt, cpu, skb, st)))
		return HOOK_DROP;
	return nft_run(&pkt, chain);
}

enum { HOOKS_IP = BIT(NFH_PRE_ROUTING) | BIT(NFH_LOCAL_IN) | BIT(NFH_FORWARD) | BIT(NFH_LOCAL_OUT) | BIT(NFH_POST_ROUTING),
       HOOKS_ARP = BIT(NFH_LOCAL_IN) | BIT(NFH_LOCAL_OUT) };

static const struct nft_chain_type types[] = {
	{ .name = "filter", .type = 0, .family = NFP_IPV4, .hooks = HOOKS_IP, .fn = run_ip },
	{ .name = "filter", .type = 0, .family = NFP_IPV6, .hooks = HOOKS_IP, .fn = run_ip },
	{ .name = "filter", .type = 0, .family = NFP_INET, .hooks = HOOKS_IP, .fn = run_ip },
	{ .name = "filter", .type = 0, .family = NFP_ARP, .hooks = HOOKS_ARP, .fn = run_ip },
};

const struct nft_chain_type *nft_chain_type_find(u8 family, const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		if (types[i].family == family && (name ? !strcmp(types[i].name, name) : !types[i].type))
			return &types[i];
	return NULL;
}
