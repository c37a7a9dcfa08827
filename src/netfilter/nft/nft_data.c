/* Registers and values in attributes.
 *
 * A register is named in two ways: NFT_REG_1 to NFT_REG_4, of 16 bytes, and NFT_REG32_00 to 15, of 4 bytes over the same memory. Inside,
 * a register is the number of its first word. A value is NFTA_DATA_VALUE, or a verdict, which may name the chain it leads to: by
 * name, or by the number that the batch gave it.
 */
#include "netfilter/nft/nft.h"

static int word_of(u32 reg, u8 *out)
{
	if (reg == NFT_REG_VERDICT)
		*out = NFT_REG_IS_VERDICT;
	else if (reg <= NFT_REG_4)
		*out = (u8)((reg - NFT_REG_1) * 4);
	else if (reg >= NFT_REG32_00 && reg <= NFT_REG32_15)
		*out = (u8)(reg - NFT_REG32_00);
	else
		return -ERANGE;
	return 0;
}

static u16 words_of(u8 reg, u32 len) { return (u16)((BIT((len + 3) / 4) - 1) << reg); }

static int check_words(u8 reg, u32 len)
{
	if (!len)
		return -EINVAL;
	return reg * 4u + len > NFT_WORDS * 4 ? -ERANGE : 0;
}

int nft_parse_sreg(const struct nft_ctx *ctx, const struct nlattr *a, u8 *reg, u32 len)
{
	int err = word_of(nl_be32(a), reg);

	if (err)
		return err;
	if (*reg == NFT_REG_IS_VERDICT)
		return -EINVAL;
	err = check_words(*reg, len);
	if (!err && ctx->regs_set && words_of(*reg, len) & ~*ctx->regs_set)
		err = -ENODATA;
	return err;
}

int nft_parse_dreg(const struct nft_ctx *ctx, const struct nlattr *a, u8 *reg, u32 len, bool verdict)
{
	int err = word_of(nl_be32(a), reg);

	if (err)
		return err;
	if (verdict != (*reg == NFT_REG_IS_VERDICT))
		return -EINVAL;
	if (verdict)
		return 0;
	err = check_words(*reg, len);
	if (!err && ctx->regs_set)
		*ctx->regs_set |= words_of(*reg, len);
	return err;
}

void nft_put_reg(struct nl_buf *b, u16 attr, u8 reg)
{
	if (reg == NFT_REG_IS_VERDICT)
		nl_put_be32(b, attr, NFT_REG_VERDICT);
	else
		nl_put_be32(b, attr, reg % 4 ? (u32)NFT_REG32_00 + reg : (u32)NFT_REG_1 + reg / 4u);
}

int nft_parse_u8(const struct nlattr *a, u32 max, u8 *out)
{
	u32 v;

	if (!a)
		return -EINVAL;
	v = nl_be32(a);
	if (v > max)
		return -ERANGE;
	*out = (u8)v;
	return 0;
}

/* -- verdicts -- */

static struct nft_chain *chain_by_id(const struct nft_table *t, u32 id)
{
	struct nft_chain *c;

	list_for_each (c, &t->chains, link) {
		if (!c->gone && c->id == id)
			return c;
	}
	return NULL;
}

static int parse_verdict(const struct nft_ctx *ctx, const struct nlattr *a, struct nft_verdict *v)
{
	static const struct nl_policy policy[NFTA_VERDICT_MAX + 1] = {
		[NFTA_VERDICT_CODE] = { .type = NLP_U32 },
		[NFTA_VERDICT_CHAIN] = { .type = NLP_STRING, .len = NFT_CHAIN_MAXNAMELEN - 1 },
		[NFTA_VERDICT_CHAIN_ID] = { .type = NLP_U32 },
	};
	char name[NFT_CHAIN_MAXNAMELEN];
	struct nft_chain *c = NULL;
	struct nl_attrs t;
	int err = nl_parse_nested(a, &t, NFTA_VERDICT_MAX, policy, false, ctx->ack);

	if (err)
		return err;
	if (!t.a[NFTA_VERDICT_CODE])
		return -EINVAL;
	v->code = (s32)nl_be32(t.a[NFTA_VERDICT_CODE]);
	v->chain = NULL;
	switch (v->code) {
	case NF_ACCEPT:
	case NF_DROP:
	case NF_QUEUE:
	case NFT_CONTINUE:
	case NFT_BREAK:
	case NFT_RETURN:
		return 0;
	case NFT_JUMP:
	case NFT_GOTO:
		break;
	default:
		return -EINVAL;
	}
	if (t.a[NFTA_VERDICT_CHAIN]) {
		nl_strcpy(name, sizeof(name), t.a[NFTA_VERDICT_CHAIN]);
		c = nft_chain_find(ctx->table, name);
	} else if (t.a[NFTA_VERDICT_CHAIN_ID]) {
		c = chain_by_id(ctx->table, nl_be32(t.a[NFTA_VERDICT_CHAIN_ID]));
	} else {
		return -EINVAL;
	}
	if (!c)
		return -ENOENT;
	if (c->base)
		return -EOPNOTSUPP;
	v->chain = c;
	return 0;
}

static void fill_verdict(struct nl_buf *b, const struct nft_verdict *v)
{
	size_t nest = nl_nest(b, NFTA_DATA_VERDICT);

	nl_put_be32(b, NFTA_VERDICT_CODE, (u32)v->code);
	if (v->chain)
		nl_put_str(b, NFTA_VERDICT_CHAIN, v->chain->name);
	nl_nest_end(b, nest);
}

/* -- values -- */

int nft_parse_data(const struct nft_ctx *ctx, const struct nlattr *a, union nft_data *d, u32 *len, u32 max, bool *is_verdict)
{
	static const struct nl_policy policy[NFTA_DATA_MAX + 1] = {
		[NFTA_DATA_VALUE] = { .type = NLP_BINARY },
		[NFTA_DATA_VERDICT] = { .type = NLP_NESTED },
	};
	struct nl_attrs t;
	int err = nl_parse_nested(a, &t, NFTA_DATA_MAX, policy, false, ctx->ack);

	if (err)
		return err;
	*d = (union nft_data){ .w = { 0 } };
	if (t.a[NFTA_DATA_VALUE]) {
		*len = nl_len(t.a[NFTA_DATA_VALUE]);
		if (!*len)
			return -EINVAL;
		if (*len > MIN(max, (u32)NFT_VALUE_MAX))
			return -EOVERFLOW;
		memcpy(d->b, nl_data(t.a[NFTA_DATA_VALUE]), *len);
		if (is_verdict)
			*is_verdict = false;
		return 0;
	}
	if (!t.a[NFTA_DATA_VERDICT] || !is_verdict)
		return -EINVAL;
	*len = 0;
	*is_verdict = true;
	return parse_verdict(ctx, t.a[NFTA_DATA_VERDICT], &d->verdict);
}

void nft_data_hold(const union nft_data *d, bool is_verdict)
{
	if (is_verdict && d->verdict.chain)
		d->verdict.chain->use++;
}

void nft_data_put(const union nft_data *d, bool is_verdict)
{
	if (is_verdict && d->verdict.chain)
		d->verdict.chain->use--;
}

void nft_put_data(struct nl_buf *b, u16 attr, const union nft_data *d, u32 len, bool is_verdict)
{
	size_t nest = nl_nest(b, attr);

	if (is_verdict)
		fill_verdict(b, &d->verdict);
	else
		nl_put(b, NFTA_DATA_VALUE, d->b, len);
	nl_nest_end(b, nest);
}
