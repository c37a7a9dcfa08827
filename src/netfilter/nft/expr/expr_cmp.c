/* cmp: a register against a constant, byte by byte as memcmp(3) orders them; what does not hold ends the rule. Equality of up to four bytes is
 * one comparison of words.
 */
#include "netfilter/nft/nft_fast.h"

static const struct nl_policy policy[NFTA_CMP_MAX + 1] = {
	[NFTA_CMP_SREG] = { .type = NLP_U32 },
	[NFTA_CMP_OP] = { .type = NLP_U32 },
	[NFTA_CMP_DATA] = { .type = NLP_NESTED },
};

void nft_cmp_eval(const struct nft_expr *e, struct nft_regs *regs, struct nft_pkt *pkt)
{
	const struct nft_cmp *c = nft_expr_priv(e);
	int d = memcmp(&regs->w[c->sreg], c->data.b, c->len);
	bool ok = false;

	switch (c->op) {
	case NFT_CMP_EQ:
		ok = !d;
		break;
	case NFT_CMP_NEQ:
		ok = d;
		break;
	case NFT_CMP_LT:
		ok = d < 0;
		break;
	case NFT_CMP_LTE:
		ok = d <= 0;
		break;
	case NFT_CMP_GT:
		ok = d > 0;
		break;
	case NFT_CMP_GTE:
		ok = d >= 0;
		break;
	}
	if (!ok)
		regs->verdict.code = NFT_BREAK;
}

static int init(const struct nft_ctx *ctx, struct nft_expr *e, const struct nl_attrs *a)
{
	struct nft_cmp *c = nft_expr_priv(e);
	u32 len;
	int err = nft_parse_data(ctx, a->a[NFTA_CMP_DATA], &c->data, &len, NFT_VALUE_MAX, NULL);

	if (err)
		return err;
	c->op = (u8)nl_be32(a->a[NFTA_CMP_OP]);
	c->len = (u8)len;
	return nft_parse_sreg(ctx, a->a[NFTA_CMP_SREG], &c->sreg, len);
}

static void fill(struct nft_expr *e, struct nl_buf *b, bool reset)
{
	const struct nft_cmp *c = nft_expr_priv(e);

	nft_put_reg(b, NFTA_CMP_SREG, c->sreg);
	nl_put_be32(b, NFTA_CMP_OP, c->op);
	nft_put_data(b, NFTA_CMP_DATA, &c->data, c->len, false);
}

static int init_fast(const struct nft_ctx *ctx, struct nft_expr *e, const struct nl_attrs *a)
{
	struct nft_cmp_fast *c = nft_expr_priv(e);
	union nft_data d;
	u32 len;
	int err = nft_parse_data(ctx, a->a[NFTA_CMP_DATA], &d, &len, 4, NULL);

	if (err)
		return err;
	c->len = (u8)len;
	c->mask = len == 4 ? ~0u : BIT(len * 8) - 1;
	c->value = d.w[0];
	c->inv = nl_be32(a->a[NFTA_CMP_OP]) == NFT_CMP_NEQ;
	return nft_parse_sreg(ctx, a->a[NFTA_CMP_SREG], &c->sreg, len);
}

static void fill_fast(struct nft_expr *e, struct nl_buf *b, bool reset)
{
	const struct nft_cmp_fast *c = nft_expr_priv(e);
	const union nft_data d = { .w = { c->value } };

	nft_put_reg(b, NFTA_CMP_SREG, c->sreg);
	nl_put_be32(b, NFTA_CMP_OP, c->inv ? NFT_CMP_NEQ : NFT_CMP_EQ);
	nft_put_data(b, NFTA_CMP_DATA, &d, c->len, false);
}

static const struct nft_expr_ops ops = { .type = &nft_cmp_type, .size = sizeof(struct nft_cmp), .op = NFT_OP_CMP, .flags = NFT_EXPR_PURE,
	.init = init, .fill = fill };
static const struct nft_expr_ops ops_fast = { .type = &nft_cmp_type, .size = sizeof(struct nft_cmp_fast), .op = NFT_OP_CMP_FAST,
	.flags = NFT_EXPR_PURE, .init = init_fast, .fill = fill_fast };

static const struct nft_expr_ops *select_ops(const struct nft_ctx *ctx, const struct nl_attrs *a, int *err)
{
	union nft_data d;
	u32 len, op;

	*err = -EINVAL;
	if (!a->a[NFTA_CMP_SREG] || !a->a[NFTA_CMP_OP] || !a->a[NFTA_CMP_DATA])
		return NULL;
	op = nl_be32(a->a[NFTA_CMP_OP]);
	if (op > NFT_CMP_GTE)
		return NULL;
	*err = nft_parse_data(ctx, a->a[NFTA_CMP_DATA], &d, &len, NFT_VALUE_MAX, NULL);
	if (*err)
		return NULL;
	return len <= 4 && (op == NFT_CMP_EQ || op == NFT_CMP_NEQ) ? &ops_fast : &ops;
}

const struct nft_expr_type nft_cmp_type = { .name = "cmp", .maxattr = NFTA_CMP_MAX, .policy = policy, .select = select_ops };
