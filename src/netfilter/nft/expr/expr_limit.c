/* limit: a token bucket over packets or bytes. What exceeds it ends the rule; with `over`, what does not.
 *
 * Tokens are nanoseconds: a packet costs the time in which the rate gives one, a byte likewise. The bucket holds `burst` packets' worth; for
 * bytes, those of a unit of time and of the burst. It begins full.
 */
#include "core/cpu.h"
#include "netfilter/nft/nft_fast.h"

enum { PACKETS_BURST = 5 };

struct limit {
	u64 tokens, max, last_ns;
	u64 rate, unit_ns;
	u32 burst;
	u8 type; /* NFT_LIMIT_* */
	bool inv;
};

static const struct nl_policy policy[NFTA_LIMIT_MAX + 1] = {
	[NFTA_LIMIT_RATE] = { .type = NLP_U64 },
	[NFTA_LIMIT_UNIT] = { .type = NLP_U64 },
	[NFTA_LIMIT_BURST] = { .type = NLP_U32 },
	[NFTA_LIMIT_TYPE] = { .type = NLP_U32 },
	[NFTA_LIMIT_FLAGS] = { .type = NLP_U32 },
};

static void eval(const struct nft_expr *e, struct nft_regs *regs, struct nft_pkt *pkt)
{
	struct limit *l = nft_expr_priv(e);
	u64 now = pkt->cpu->now, cost = l->type == NFT_LIMIT_PKTS ? l->unit_ns / l->rate :
		(u64)((unsigned __int128)l->unit_ns * pkt->skb->len / l->rate);
	bool within;

	l->tokens = MIN(l->tokens + (now - l->last_ns), l->max);
	l->last_ns = now;
	within = l->tokens >= cost;
	if (within)
		l->tokens -= cost;
	if (within == l->inv)
		regs->verdict.code = NFT_BREAK;
}

static int init(const struct nft_ctx *ctx, struct nft_expr *e, const struct nl_attrs *a)
{
	struct limit *l = nft_expr_priv(e);
	unsigned __int128 max;
	u64 unit;

	if (!a->a[NFTA_LIMIT_RATE] || !a->a[NFTA_LIMIT_UNIT])
		return -EINVAL;
	l->rate = nl_be64(a->a[NFTA_LIMIT_RATE]);
	unit = nl_be64(a->a[NFTA_LIMIT_UNIT]);
	if (!l->rate)
		return -EINVAL;
	if (__builtin_mul_overflow(unit, NSEC_PER_SEC, &l->unit_ns))
		return -EOVERFLOW;
	l->burst = a->a[NFTA_LIMIT_BURST] ? nl_be32(a->a[NFTA_LIMIT_BURST]) : 0;
	if (a->a[NFTA_LIMIT_TYPE]) {
		u32 type = nl_be32(a->a[NFTA_LIMIT_TYPE]);

		if (type > NFT_LIMIT_PKT_BYTES)
			return -EOPNOTSUPP;
		l->type = (u8)type;
	}
	if (l->type == NFT_LIMIT_PKTS && !l->burst)
		l->burst = PACKETS_BURST;
	if (l->type == NFT_LIMIT_PKT_BYTES && l->rate + l->burst < l->rate)
		return -EOVERFLOW;
	max = l->type == NFT_LIMIT_PKTS ? (unsigned __int128)(l->unit_ns / l->rate) * l->burst :
		(unsigned __int128)l->unit_ns * (l->rate + l->burst) / l->rate;
	if (max > UINT64_MAX / 2)
		return -EOVERFLOW;
	l->tokens = l->max = (u64)max;
	l->last_ns = ctx->cpu->now;
	if (a->a[NFTA_LIMIT_FLAGS]) {
		u32 flags = nl_be32(a->a[NFTA_LIMIT_FLAGS]);

		if (flags & ~(u32)NFT_LIMIT_F_INV)
			return -EOPNOTSUPP;
		l->inv = flags & NFT_LIMIT_F_INV;
	}
	return 0;
}

static void fill(struct nft_expr *e, struct nl_buf *b, bool reset)
{
	const struct limit *l = nft_expr_priv(e);

	nl_put_be64(b, NFTA_LIMIT_RATE, l->rate);
	nl_put_be64(b, NFTA_LIMIT_UNIT, l->unit_ns / NSEC_PER_SEC);
	nl_put_be32(b, NFTA_LIMIT_BURST, l->burst);
	nl_put_be32(b, NFTA_LIMIT_TYPE, l->type);
	nl_put_be32(b, NFTA_LIMIT_FLAGS, l->inv ? NFT_LIMIT_F_INV : 0);
}

static int clone(struct cpu *cpu, struct nft_expr *to, const struct nft_expr *from)
{
	struct limit *l = nft_expr_priv(to);

	memcpy(l, from->priv, sizeof(*l));
	l->tokens = l->max;
	l->last_ns = cpu->now;
	return 0;
}

static const struct nft_expr_ops ops = { .type = &nft_limit_type, .size = sizeof(struct limit), .eval = eval, .init = init, .fill = fill,
	.clone = clone };
const struct nft_expr_type nft_limit_type = { .name = "limit", .stateful = true, .maxattr = NFTA_LIMIT_MAX, .policy = policy, .ops = &ops };
