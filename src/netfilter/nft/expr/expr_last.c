/* last: when a packet last came by. */
#include "core/cpu.h"
#include "netfilter/nft/nft_fast.h"

struct last { u64 at_ns; bool set; struct world *w; };

static const struct nl_policy policy[NFTA_LAST_MAX + 1] = {
	[NFTA_LAST_SET] = { .type = NLP_U32 },
	[NFTA_LAST_MSECS] = { .type = NLP_U64 },
};

static void eval(const struct nft_expr *e, struct nft_regs *regs, struct nft_pkt *pkt)
{
	struct last *l = nft_expr_priv(e);

	l->at_ns = pkt->cpu->now;
	l->set = true;
}

static int init(const struct nft_ctx *ctx, struct nft_expr *e, const struct nl_attrs *a)
{
	struct last *l = nft_expr_priv(e);
	u64 ago = a->a[NFTA_LAST_MSECS] ? nl_be64(a->a[NFTA_LAST_MSECS]) : 0;

	l->w = ctx->net->world;
	l->set = a->a[NFTA_LAST_SET] && nl_be32(a->a[NFTA_LAST_SET]);
	if (ago > ctx->cpu->now / NSEC_PER_MSEC)
		return -ERANGE;
	l->at_ns = ctx->cpu->now - ago * NSEC_PER_MSEC;
	return 0;
}

static void fill(struct nft_expr *e, struct nl_buf *b, bool reset)
{
	struct last *l = nft_expr_priv(e);
	u64 now = config_cpu(l->w)->now;

	nl_put_be32(b, NFTA_LAST_SET, l->set);
	nl_put_be64(b, NFTA_LAST_MSECS, l->set && now > l->at_ns ? (now - l->at_ns) / NSEC_PER_MSEC : 0);
}

static int clone(struct cpu *cpu, struct nft_expr *to, const struct nft_expr *from)
{
	((struct last *)nft_expr_priv(to))->w = cpu->world;
	return 0;
}

static const struct nft_expr_ops ops = { .type = &nft_last_type, .size = sizeof(struct last), .eval = eval, .init = init, .fill = fill,
	.clone = clone };
const struct nft_expr_type nft_last_type = { .name = "last", .stateful = true, .maxattr = NFTA_LAST_MAX, .policy = policy, .ops = &ops };
