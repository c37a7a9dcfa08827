/* immediate: a constant into a register, or a verdict (accept, drop, jump …). A jump holds the chain that it leads to. */
#include "netfilter/nft/nft_fast.h"

static const struct nl_policy policy[NFTA_IMMEDIATE_MAX + 1] = {
	[NFTA_IMMEDIATE_DREG] = { .type = NLP_U32 },
	[NFTA_IMMEDIATE_DATA] = { .type = NLP_NESTED },
};

static int init(const struct nft_ctx *ctx, struct nft_expr *e, const struct nl_attrs *a)
{
	struct nft_immediate *m = nft_expr_priv(e);
	u32 len;
	int err;

	if (!a->a[NFTA_IMMEDIATE_DREG] || !a->a[NFTA_IMMEDIATE_DATA])
		return -EINVAL;
	err = nft_parse_data(ctx, a->a[NFTA_IMMEDIATE_DATA], &m->data, &len, NFT_VALUE_MAX, &m->is_verdict);
	if (err)
		return err;
	m->len = (u8)len;
	err = nft_parse_dreg(ctx, a->a[NFTA_IMMEDIATE_DREG], &m->dreg, len, m->is_verdict);
	if (err) {
		m->is_verdict = false; /* nothing is held */
		return err;
	}
	nft_data_hold(&m->data, m->is_verdict);
	return 0;
}

static void activate(struct netns *net, struct nft_expr *e)
{
	struct nft_immediate *m = nft_expr_priv(e);

	nft_data_hold(&m->data, m->is_verdict);
}

static void deactivate(struct netns *net, struct nft_expr *e)
{
	struct nft_immediate *m = nft_expr_priv(e);

	nft_data_put(&m->data, m->is_verdict);
}

static void fill(struct nft_expr *e, struct nl_buf *b, bool reset)
{
	const struct nft_immediate *m = nft_expr_priv(e);

	nft_put_reg(b, NFTA_IMMEDIATE_DREG, m->dreg);
	nft_put_data(b, NFTA_IMMEDIATE_DATA, &m->data, m->len, m->is_verdict);
}

static struct nft_chain *jump_to(const struct nft_expr *e)
{
	const struct nft_immediate *m = nft_expr_priv(e);

	return m->is_verdict ? m->data.verdict.chain : NULL;
}

static const struct nft_expr_ops ops = { .type = &nft_immediate_type, .size = sizeof(struct nft_immediate), .op = NFT_OP_IMMEDIATE,
	.flags = NFT_EXPR_PURE, .init = init, .activate = activate, .deactivate = deactivate, .fill = fill, .jump_to = jump_to };
const struct nft_expr_type nft_immediate_type = { .name = "immediate", .maxattr = NFTA_IMMEDIATE_MAX, .policy = policy, .ops = &ops };
