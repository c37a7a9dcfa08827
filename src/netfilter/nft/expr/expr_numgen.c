/* numgen: a number below a modulus, one after the other or at random; for spreading packets over a map. */
#include "core/cpu.h"
#include "netfilter/nft/nft_fast.h"

struct numgen { u32 modulus, offset, at; u8 dreg; bool random; };

static const struct nl_policy policy[NFTA_NG_MAX + 1] = {
	[NFTA_NG_DREG] = { .type = NLP_U32 },
	[NFTA_NG_MODULUS] = { .type = NLP_U32 },
	[NFTA_NG_TYPE] = { .type = NLP_U32 },
	[NFTA_NG_OFFSET] = { .type = NLP_U32 },
};

static void eval(const struct nft_expr *e, struct nft_regs *regs, struct nft_pkt *pkt)
{
	struct numgen *n = nft_expr_priv(e);

	if (n->random) {
		regs->w[n->dreg] = n->offset + rng_below(&pkt->cpu->rng, n->modulus);
		return;
	}
	n->at = n->at + 1 < n->modulus ? n->at + 1 : 0;
	regs->w[n->dreg] = n->offset + n->at;
}

static int init(const struct nft_ctx *ctx, struct nft_expr *e, const struct nl_attrs *a)
{
	struct numgen *n = nft_expr_priv(e);
	u32 type;

	if (!a->a[NFTA_NG_DREG] || !a->a[NFTA_NG_MODULUS] || !a->a[NFTA_NG_TYPE])
		return -EINVAL;
	type = nl_be32(a->a[NFTA_NG_TYPE]);
	if (type > NFT_NG_RANDOM)
		return -EINVAL;
	n->random = type == NFT_NG_RANDOM;
	n->offset = a->a[NFTA_NG_OFFSET] ? nl_be32(a->a[NFTA_NG_OFFSET]) : 0;
	n->modulus = nl_be32(a->a[NFTA_NG_MODULUS]);
	if (!n->modulus)
		return -ERANGE;
	if (n->offset + n->modulus - 1 < n->offset)
		return -EOVERFLOW;
	n->at = n->modulus - 1;
	return nft_parse_dreg(ctx, a->a[NFTA_NG_DREG], &n->dreg, 4, false);
}

static void fill(struct nft_expr *e, struct nl_buf *b, bool reset)
{
	const struct numgen *n = nft_expr_priv(e);

	nft_put_reg(b, NFTA_NG_DREG, n->dreg);
	nl_put_be32(b, NFTA_NG_MODULUS, n->modulus);
	nl_put_be32(b, NFTA_NG_TYPE, n->random ? NFT_NG_RANDOM : NFT_NG_INCREMENTAL);
	nl_put_be32(b, NFTA_NG_OFFSET, n->offset);
}

static const struct nft_expr_ops ops = { .type = &nft_numgen_type, .size = sizeof(struct numgen), .eval = eval, .init = init, .fill = fill };
const struct nft_expr_type nft_numgen_type = { .name = "numgen", .maxattr = NFTA_NG_MAX, .policy = policy, .ops = &ops };
