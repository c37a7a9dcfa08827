/* Among nf_tables' files: chains at hooks, and what a table's end does to what is in it. */
#ifndef NETFILTER_NFT_NFT_CHAIN_H
#define NETFILTER_NFT_NFT_CHAIN_H

#include "netfilter/nft/nft.h"

int nft_base_register(struct netns *net, struct nft_chain *c); /* nothing to do for a chain without a hook. -ENOMEM */
void nft_base_unregister(struct netns *net, struct nft_chain *c);
void nft_base_register_again(struct netns *net, struct nft_chain *c); /* undoing: where memory lacks, the chain stays away, which is logged */
int nft_chain_flush(struct nft_ctx *ctx); /* all rules of ctx->chain */

/* Without a batch: the namespace ends. */
void nft_table_release_rules(struct netns *net, struct nft_table *t);
void nft_table_release_chains(struct netns *net, struct nft_table *t);

#endif
