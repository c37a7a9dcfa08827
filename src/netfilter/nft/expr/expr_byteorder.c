/* byteorder: turns the numbers in a register between the network's and the host's order. */
#include "netfilter/nft/nft_fast.h"

struct byteorder { u8 sreg, dreg, len, size; u8 op; };

static const struct nl_policy policy[NFTA_BYTEORDER_MAX + 1] = {
	[NFTA_BYTEORDER_SREG] = { .type = NLP_U32 },
	[NFTA_BYTEORDER_DREG] = { .type = NLP_U32 },
	[NFTA_BYTEORDER_OP] = { .type = NLP_U32 },
	[NFTA_BYTEORDER_LEN] = { .type = NLP_U32 },
	[NFTA_BYTEORDER_SIZE] = { .type = NLP_U32 },
};

/* The same for either direction. Two-byte numbers lie two in a word. */
static void eval(const struct nft_expr *e, struct nft_regs *regs, struct nft_pkt *pkt)
{
	const struct byteorder *o = nft_expr_priv(e);
	u8 *to = (u8 *)&regs->w[o->dreg], from[NFT_VALUE_MAX];

	memcpy(from, &regs->w[o->sreg], o->len);
	for (unsigned i = 0; i + o->size <= o->len; i += o->size)
		for (unsigned k = 0; k < o->size; k++)
			to[i + k] = from[i + o->size - 1 - k];
}

static int init(const struct nft_ctx *ctx, struct nft_expr *e, const struct nl_attrs *a)
{
	struct byteorder *o = nft_expr_priv(e);
	u32 op;
	int err;

	for (int i = NFTA_BYTEORDER_SREG; i <= NFTA_BYTEORDER_SIZE; i++)
		if (!a->a[i])
			return -EINVAL;
	op = nl_be32(a->a[NFTA_BYTEORDER_OP]);
	if (op > NFT_BYTEORDER_HTON)
		return -EINVAL;
	o->op = (u8)op;
	err = nft_parse_u8(a->a[NFTA_BYTEORDER_SIZE], UINT8_MAX, &o->size);
	if (err)
		return err;
	if (o->size != 2 && o->size != 4 && o->size != 8)
		return -EINVAL;
	err = nft_parse_u8(a->a[NFTA_BYTEORDER_LEN], UINT8_MAX, &o->len);
	err = err ? err : nft_parse_sreg(ctx, a->a[NFTA_BYTEORDER_SREG], &o->sreg, o->len);
	return err ? err : nft_parse_dreg(ctx, a->a[NFTA_BYTEORDER_DREG], &o->dreg, o->len, false);
}

static void fill(struct nft_expr *e, struct nl_buf *b, bool reset)
{
	const struct byteorder *o = nft_expr_priv(e);

	nft_put_reg(b, NFTA_BYTEORDER_SREG, o->sreg);
	nft_put_reg(b, NFTA_BYTEORDER_DREG, o->dreg);
	nl_put_be32(b, NFTA_BYTEORDER_OP, o->op);
	nl_put_be32(b, NFTA_BYTEORDER_LEN, o->len);
	nl_put_be32(b, NFTA_BYTEORDER_SIZE, o->size);
}

static const struct nft_expr_ops ops = { .type = &nft_byteorder_type, .size = sizeof(struct byteorder), .flags = NFT_EXPR_PURE, .eval = eval,
	.init = init, .fill = fill };
const struct nft_expr_type nft_byteorder_type = { .name = "byteorder", .maxattr = NFTA_BYTEORDER_MAX, .policy = policy, .ops = &ops };
