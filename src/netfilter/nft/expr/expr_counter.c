/* counter: packets and bytes that came by. In a rule, in a set's element, and as a named object. */
#include "netfilter/nft/nft_fast.h"

static const struct nl_policy policy[NFTA_COUNTER_MAX + 1] = {
	[NFTA_COUNTER_BYTES] = { .type = NLP_U64 },
	[NFTA_COUNTER_PACKETS] = { .type = NLP_U64 },
};

static void eval(const struct nft_expr *e, struct nft_regs *regs, struct nft_pkt *pkt)
{
	struct nft_counter *c = nft_expr_priv(e);

	c->packets++;
	c->bytes += pkt->skb->len;
}

static int init(const struct nft_ctx *ctx, struct nft_expr *e, const struct nl_attrs *a)
{
	struct nft_counter *c = nft_expr_priv(e);

	c->packets = a->a[NFTA_COUNTER_PACKETS] ? nl_be64(a->a[NFTA_COUNTER_PACKETS]) : 0;
	c->bytes = a->a[NFTA_COUNTER_BYTES] ? nl_be64(a->a[NFTA_COUNTER_BYTES]) : 0;
	return 0;
}

static void fill(struct nft_expr *e, struct nl_buf *b, bool reset)
{
	struct nft_counter *c = nft_expr_priv(e);

	nl_put_be64(b, NFTA_COUNTER_BYTES, c->bytes);
	nl_put_be64(b, NFTA_COUNTER_PACKETS, c->packets);
	if (reset)
		*c = (struct nft_counter){ 0 };
}

static int clone(struct cpu *cpu, struct nft_expr *to, const struct nft_expr *from)
{
	memcpy(to->priv, from->priv, sizeof(struct nft_counter));
	return 0;
}

static const struct nft_expr_ops ops = { .type = &nft_counter_type, .size = sizeof(struct nft_counter), .op = NFT_OP_COUNTER, .eval = eval,
	.init = init, .fill = fill, .clone = clone };
const struct nft_expr_type nft_counter_type = { .name = "counter", .stateful = true, .maxattr = NFTA_COUNTER_MAX, .policy = policy, .ops = &ops };
