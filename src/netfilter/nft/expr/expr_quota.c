/* quota: so many bytes; what comes once they are used up ends the rule, or with `over` what comes before. */
#include "netfilter/nft/nft_fast.h"

struct quota { u64 bytes, used; bool inv; };

static const struct nl_policy policy[NFTA_QUOTA_MAX + 1] = {
	[NFTA_QUOTA_BYTES] = { .type = NLP_U64 },
	[NFTA_QUOTA_FLAGS] = { .type = NLP_U32 },
	[NFTA_QUOTA_CONSUMED] = { .type = NLP_U64 },
};

static void eval(const struct nft_expr *e, struct nft_regs *regs, struct nft_pkt *pkt)
{
	struct quota *q = nft_expr_priv(e);
	bool over;

	q->used += pkt->skb->len;
	over = q->used >= q->bytes;
	if (over != q->inv)
		regs->verdict.code = NFT_BREAK;
}

static int init(const struct nft_ctx *ctx, struct nft_expr *e, const struct nl_attrs *a)
{
	struct quota *q = nft_expr_priv(e);
	u32 flags = a->a[NFTA_QUOTA_FLAGS] ? nl_be32(a->a[NFTA_QUOTA_FLAGS]) : 0;

	if (!a->a[NFTA_QUOTA_BYTES])
		return -EINVAL;
	q->bytes = nl_be64(a->a[NFTA_QUOTA_BYTES]);
	if (q->bytes > INT64_MAX)
		return -EOVERFLOW;
	if (a->a[NFTA_QUOTA_CONSUMED])
		q->used = nl_be64(a->a[NFTA_QUOTA_CONSUMED]);
	if (q->used > INT64_MAX)
		return -EOVERFLOW;
	if (flags & ~(u32)NFT_QUOTA_F_INV)
		return flags & ~(u32)(NFT_QUOTA_F_INV | NFT_QUOTA_F_DEPLETED) ? -EINVAL : -EOPNOTSUPP;
	q->inv = flags & NFT_QUOTA_F_INV;
	return 0;
}

static void fill(struct nft_expr *e, struct nl_buf *b, bool reset)
{
	struct quota *q = nft_expr_priv(e);
	u64 used = MIN(q->used, q->bytes);

	nl_put_be64(b, NFTA_QUOTA_BYTES, q->bytes);
	nl_put_be64(b, NFTA_QUOTA_CONSUMED, used);
	nl_put_be32(b, NFTA_QUOTA_FLAGS, (q->inv ? NFT_QUOTA_F_INV : 0) | (q->used >= q->bytes ? NFT_QUOTA_F_DEPLETED : 0));
	if (reset)
		q->used = 0;
}

static int clone(struct cpu *cpu, struct nft_expr *to, const struct nft_expr *from)
{
	struct quota *q = nft_expr_priv(to);

	memcpy(q, from->priv, sizeof(*q));
	q->used = 0;
	return 0;
}

static const struct nft_expr_ops ops = { .type = &nft_quota_type, .size = sizeof(struct quota), .eval = eval, .init = init, .fill = fill,
	.clone = clone };
const struct nft_expr_type nft_quota_type = { .name = "quota", .stateful = true, .maxattr = NFTA_QUOTA_MAX, .policy = policy, .ops = &ops };
