/* range: a register between two constants, both included, as memcmp(3) orders bytes; or outside of them. */
#include "netfilter/nft/nft_fast.h"

struct range { union nft_data from, to; u8 sreg, len, op; };

static const struct nl_policy policy[NFTA_RANGE_MAX + 1] = {
	[NFTA_RANGE_SREG] = { .type = NLP_U32 },
	[NFTA_RANGE_OP] = { .type = NLP_U32 },
	[NFTA_RANGE_FROM_DATA] = { .type = NLP_NESTED },
	[NFTA_RANGE_TO_DATA] = { .type = NLP_NESTED },
};

static void eval(const struct nft_expr *e, struct nft_regs *regs, struct nft_pkt *pkt)
{
	const struct range *r = nft_expr_priv(e);
	bool in = memcmp(&regs->w[r->sreg], r->from.b, r->len) >= 0 && memcmp(&regs->w[r->sreg], r->to.b, r->len) <= 0;

	if (in != (r->op == NFT_RANGE_EQ))
		regs->verdict.code = NFT_BREAK;
}

static int init(const struct nft_ctx *ctx, struct nft_expr *e, const struct nl_attrs *a)
{
	struct range *r = nft_expr_priv(e);
	u32 len, len_to;
	int err;

	for (int i = NFTA_RANGE_SREG; i <= NFTA_RANGE_TO_DATA; i++)
		if (!a->a[i])
			return -EINVAL;
	err = nft_parse_data(ctx, a->a[NFTA_RANGE_FROM_DATA], &r->from, &len, NFT_VALUE_MAX, NULL);
	err = err ? err : nft_parse_data(ctx, a->a[NFTA_RANGE_TO_DATA], &r->to, &len_to, NFT_VALUE_MAX, NULL);
	if (err)
		return err;
	if (len != len_to)
		return -EINVAL;
	r->len = (u8)len;
	err = nft_parse_sreg(ctx, a->a[NFTA_RANGE_SREG], &r->sreg, len);
	err = err ? err : nft_parse_u8(a->a[NFTA_RANGE_OP], UINT8_MAX, &r->op);
	return err ? err : r->op > NFT_RANGE_NEQ ? -EINVAL : 0;
}

static void fill(struct nft_expr *e, struct nl_buf *b, bool reset)
{
	const struct range *r = nft_expr_priv(e);

	nft_put_reg(b, NFTA_RANGE_SREG, r->sreg);
	nl_put_be32(b, NFTA_RANGE_OP, r->op);
	nft_put_data(b, NFTA_RANGE_FROM_DATA, &r->from, r->len, false);
	nft_put_data(b, NFTA_RANGE_TO_DATA, &r->to, r->len, false);
}

static const struct nft_expr_ops ops = { .type = &nft_range_type, .size = sizeof(struct range), .flags = NFT_EXPR_PURE, .eval = eval,
	.init = init, .fill = fill };
const struct nft_expr_type nft_range_type = { .name = "range", .maxattr = NFTA_RANGE_MAX, .policy = policy, .ops = &ops };
