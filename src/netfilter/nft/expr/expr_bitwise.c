/* bitwise: and, or, xor, shifts over a register.
 *
 * The first form, (sreg & mask) ^ xor, can express any boolean operation with constants. Shifts go over the whole value as one big-endian
 * number of host-order words, as Linux does it. Since 6.13 there is a form with a second register: AND, OR, XOR of two registers, or of a
 * register and a constant.
 */
#include "netfilter/nft/nft_fast.h"

/* Newer than Debian 12's headers; the values are the uapi's. */
enum { BITWISE_AND = 3, BITWISE_OR = 4, BITWISE_XOR = 5, BITWISE_SREG2 = 8, BITWISE_ATTR_MAX = 8 };

struct shift { union nft_data data; u8 sreg, dreg, len, op; u32 by; };
struct two { union nft_data data; u8 sreg, sreg2, dreg, len, op; bool constant; };

static const struct nl_policy policy[BITWISE_ATTR_MAX + 1] = {
	[NFTA_BITWISE_SREG] = { .type = NLP_U32 },
	[NFTA_BITWISE_DREG] = { .type = NLP_U32 },
	[NFTA_BITWISE_LEN] = { .type = NLP_U32 },
	[NFTA_BITWISE_MASK] = { .type = NLP_NESTED },
	[NFTA_BITWISE_XOR] = { .type = NLP_NESTED },
	[NFTA_BITWISE_OP] = { .type = NLP_U32 },
	[NFTA_BITWISE_DATA] = { .type = NLP_NESTED },
	[BITWISE_SREG2] = { .type = NLP_U32 },
};

static int registers(const struct nft_ctx *ctx, const struct nl_attrs *a, u8 *sreg, u8 *dreg, u8 *len)
{
	int err = nft_parse_u8(a->a[NFTA_BITWISE_LEN], UINT8_MAX, len);

	err = err ? err : nft_parse_sreg(ctx, a->a[NFTA_BITWISE_SREG], sreg, *len);
	return err ? err : nft_parse_dreg(ctx, a->a[NFTA_BITWISE_DREG], dreg, *len, false);
}

static void fill_registers(struct nl_buf *b, u8 sreg, u8 dreg, u8 len, u8 op)
{
	nft_put_reg(b, NFTA_BITWISE_SREG, sreg);
	nft_put_reg(b, NFTA_BITWISE_DREG, dreg);
	nl_put_be32(b, NFTA_BITWISE_LEN, len);
	nl_put_be32(b, NFTA_BITWISE_OP, op);
}

/* A constant of exactly len bytes. */
static int constant(const struct nft_ctx *ctx, const struct nlattr *a, union nft_data *d, u32 len, u32 max)
{
	u32 n;
	int err = nft_parse_data(ctx, a, d, &n, max, NULL);

	return err ? err : n != len ? -EINVAL : 0;
}

/* -- mask and xor -- */

static int init_mask(const struct nft_ctx *ctx, struct nft_expr *e, const struct nl_attrs *a)
{
	struct nft_bitwise *w = nft_expr_priv(e);
	union nft_data mask, xor;
	int err = registers(ctx, a, &w->sreg, &w->dreg, &w->len);

	if (err)
		return err;
	if (a->a[NFTA_BITWISE_DATA] || a->a[BITWISE_SREG2] || !a->a[NFTA_BITWISE_MASK] || !a->a[NFTA_BITWISE_XOR])
		return -EINVAL;
	err = constant(ctx, a->a[NFTA_BITWISE_MASK], &mask, w->len, sizeof(w->mask));
	err = err ? err : constant(ctx, a->a[NFTA_BITWISE_XOR], &xor, w->len, sizeof(w->xor));
	if (err)
		return err;
	memcpy(w->mask, mask.w, sizeof(w->mask));
	memcpy(w->xor, xor.w, sizeof(w->xor));
	return 0;
}

static void fill_mask(struct nft_expr *e, struct nl_buf *b, bool reset)
{
	const struct nft_bitwise *w = nft_expr_priv(e);
	union nft_data d = { .w = { 0 } };

	fill_registers(b, w->sreg, w->dreg, w->len, NFT_BITWISE_BOOL);
	memcpy(d.w, w->mask, sizeof(w->mask));
	nft_put_data(b, NFTA_BITWISE_MASK, &d, w->len, false);
	memcpy(d.w, w->xor, sizeof(w->xor));
	nft_put_data(b, NFTA_BITWISE_XOR, &d, w->len, false);
}

/* -- shifts -- */

static void eval_shift(const struct nft_expr *e, struct nft_regs *regs, struct nft_pkt *pkt)
{
	const struct shift *s = nft_expr_priv(e);
	u32 *src = &regs->w[s->sreg], *dst = &regs->w[s->dreg], carry = 0;
	unsigned n = (s->len + 3u) / 4;

	if (s->op == NFT_BITWISE_LSHIFT) {
		for (unsigned i = n; i--; ) {
			u32 v = src[i];
			dst[i] = v << s->by | carry;
			carry = s->by ? v >> (32 - s->by) : 0;
		}
		return;
	}
	for (unsigned i = 0; i < n; i++) {
		u32 v = src[i];
		dst[i] = carry | v >> s->by;
		carry = s->by ? v << (32 - s->by) : 0;
	}
}

static int init_shift(const struct nft_ctx *ctx, struct nft_expr *e, const struct nl_attrs *a)
{
	struct shift *s = nft_expr_priv(e);
	int err = registers(ctx, a, &s->sreg, &s->dreg, &s->len);

	if (err)
		return err;
	if (a->a[NFTA_BITWISE_MASK] || a->a[NFTA_BITWISE_XOR] || a->a[BITWISE_SREG2] || !a->a[NFTA_BITWISE_DATA])
		return -EINVAL;
	s->op = (u8)nl_be32(a->a[NFTA_BITWISE_OP]);
	err = constant(ctx, a->a[NFTA_BITWISE_DATA], &s->data, 4, 4);
	if (err)
		return err;
	s->by = s->data.w[0];
	return s->by < 32 ? 0 : -EINVAL;
}

static void fill_shift(struct nft_expr *e, struct nl_buf *b, bool reset)
{
	const struct shift *s = nft_expr_priv(e);

	fill_registers(b, s->sreg, s->dreg, s->len, s->op);
	nft_put_data(b, NFTA_BITWISE_DATA, &s->data, 4, false);
}

/* -- two operands -- */

static void eval_two(const struct nft_expr *e, struct nft_regs *regs, struct nft_pkt *pkt)
{
	const struct two *t = nft_expr_priv(e);
	const u32 *x = &regs->w[t->sreg], *y = t->constant ? t->data.w : &regs->w[t->sreg2];
	u32 *dst = &regs->w[t->dreg];

	for (unsigned i = 0; i < (t->len + 3u) / 4; i++)
		dst[i] = t->op == BITWISE_AND ? x[i] & y[i] : t->op == BITWISE_OR ? x[i] | y[i] : x[i] ^ y[i];
}

static int init_two(const struct nft_ctx *ctx, struct nft_expr *e, const struct nl_attrs *a)
{
	struct two *t = nft_expr_priv(e);
	int err = registers(ctx, a, &t->sreg, &t->dreg, &t->len);

	if (err)
		return err;
	if (a->a[NFTA_BITWISE_MASK] || a->a[NFTA_BITWISE_XOR] || !a->a[NFTA_BITWISE_DATA] == !a->a[BITWISE_SREG2])
		return -EINVAL;
	t->op = (u8)nl_be32(a->a[NFTA_BITWISE_OP]);
	t->constant = a->a[NFTA_BITWISE_DATA];
	if (t->constant)
		return constant(ctx, a->a[NFTA_BITWISE_DATA], &t->data, t->len, 16);
	return nft_parse_sreg(ctx, a->a[BITWISE_SREG2], &t->sreg2, t->len);
}

static void fill_two(struct nft_expr *e, struct nl_buf *b, bool reset)
{
	const struct two *t = nft_expr_priv(e);

	fill_registers(b, t->sreg, t->dreg, t->len, t->op);
	if (t->constant)
		nft_put_data(b, NFTA_BITWISE_DATA, &t->data, t->len, false);
	else
		nft_put_reg(b, BITWISE_SREG2, t->sreg2);
}

static const struct nft_expr_ops ops_mask = { .type = &nft_bitwise_type, .size = sizeof(struct nft_bitwise), .op = NFT_OP_BITWISE,
	.flags = NFT_EXPR_PURE, .init = init_mask, .fill = fill_mask };
static const struct nft_expr_ops ops_shift = { .type = &nft_bitwise_type, .size = sizeof(struct shift), .flags = NFT_EXPR_PURE,
	.eval = eval_shift, .init = init_shift, .fill = fill_shift };
static const struct nft_expr_ops ops_two = { .type = &nft_bitwise_type, .size = sizeof(struct two), .flags = NFT_EXPR_PURE, .eval = eval_two,
	.init = init_two, .fill = fill_two };

static const struct nft_expr_ops *select_ops(const struct nft_ctx *ctx, const struct nl_attrs *a, int *err)
{
	u32 op = a->a[NFTA_BITWISE_OP] ? nl_be32(a->a[NFTA_BITWISE_OP]) : NFT_BITWISE_BOOL;

	*err = -EINVAL;
	if (!a->a[NFTA_BITWISE_LEN] || !a->a[NFTA_BITWISE_SREG] || !a->a[NFTA_BITWISE_DREG])
		return NULL;
	switch (op) {
	case NFT_BITWISE_BOOL:
		return &ops_mask;
	case NFT_BITWISE_LSHIFT:
	case NFT_BITWISE_RSHIFT:
		return &ops_shift;
	case BITWISE_AND:
	case BITWISE_OR:
	case BITWISE_XOR:
		return &ops_two;
	default:
		*err = -EOPNOTSUPP;
		return NULL;
	}
}

const struct nft_expr_type nft_bitwise_type = { .name = "bitwise", .maxattr = BITWISE_ATTR_MAX, .policy = policy, .select = select_ops };
