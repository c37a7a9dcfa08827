/* hash: a register's hash below a modulus, so that the same value always goes the same way; or the flow's, the same in both directions.
 *
 * The first is Bob Jenkins' lookup3 (burtleburtle.net/bob/c/lookup3.c, public domain) as Linux has it, so that with a seed that is given
 * the same values go to the same numbers as there.
 */
#include "codec/wire/ip4hdr.h"
#include "codec/wire/ip6hdr.h"
#include "core/cpu.h"
#include "netfilter/nft/nft_fast.h"

struct hash { u32 modulus, offset, seed; u8 sreg, dreg, len; bool seed_given; };

static const struct nl_policy policy[NFTA_HASH_MAX + 1] = {
	[NFTA_HASH_SREG] = { .type = NLP_U32 },
	[NFTA_HASH_DREG] = { .type = NLP_U32 },
	[NFTA_HASH_LEN] = { .type = NLP_U32 },
	[NFTA_HASH_MODULUS] = { .type = NLP_U32 },
	[NFTA_HASH_SEED] = { .type = NLP_U32 },
	[NFTA_HASH_OFFSET] = { .type = NLP_U32 },
	[NFTA_HASH_TYPE] = { .type = NLP_U32 },
};

static u32 rot(u32 v, unsigned k) { return v << k | v >> (32 - k); }

static u32 jenkins(const void *key, u32 len, u32 initval)
{
	u32 a, b, c, w[3];
	const u8 *k = key;

	a = b = c = 0xdeadbeef + len + initval;
	while (len > 12) {
		memcpy(w, k, 12);
		a += w[0];
		b += w[1];
		c += w[2];
		a -= c; a ^= rot(c, 4); c += b;
		b -= a; b ^= rot(a, 6); a += c;
		c -= b; c ^= rot(b, 8); b += a;
		a -= c; a ^= rot(c, 16); c += b;
		b -= a; b ^= rot(a, 19); a += c;
		c -= b; c ^= rot(b, 4); b += a;
		k += 12;
		len -= 12;
	}
	if (!len)
		return c;
	memset(w, 0, sizeof(w));
	memcpy(w, k, len);
	a += w[0];
	b += w[1];
	c += w[2];
	c ^= b; c -= rot(b, 14);
	a ^= c; a -= rot(c, 11);
	b ^= a; b -= rot(a, 25);
	c ^= b; c -= rot(b, 16);
	a ^= c; a -= rot(c, 4);
	b ^= a; b -= rot(a, 14);
	c ^= b; c -= rot(b, 24);
	return c;
}

static u32 scale(u32 v, u32 modulus) { return (u32)((u64)v * modulus >> 32); }

static void eval(const struct nft_expr *e, struct nft_regs *regs, struct nft_pkt *pkt)
{
	const struct hash *h = nft_expr_priv(e);

	regs->w[h->dreg] = scale(jenkins(&regs->w[h->sreg], h->len, h->seed), h->modulus) + h->offset;
}

/* Addresses and ports, the lower ones first. */
static void eval_symmetric(const struct nft_expr *e, struct nft_regs *regs, struct nft_pkt *pkt)
{
	const struct hash *h = nft_expr_priv(e);
	struct { u8 a[16], b[16]; u16 p, q; u32 proto; } f = { .proto = pkt->l4proto };
	unsigned len = pkt->family == NFP_IPV4 ? 4 : 16, at = pkt->family == NFP_IPV4 ? 12 : 8;
	u16 ports[2] = { 0, 0 };
	bool ok = skb_copy_bits(pkt->skb, at, f.a, len) && skb_copy_bits(pkt->skb, at + len, f.b, len);

	if (ok && pkt->l4_known && !pkt->fragoff && (pkt->l4proto == 6 || pkt->l4proto == 17 || pkt->l4proto == 132))
		skb_copy_bits(pkt->skb, pkt->thoff, ports, 4);
	if (memcmp(f.a, f.b, len) > 0) {
		u8 t[16];

		memcpy(t, f.a, 16);
		memcpy(f.a, f.b, 16);
		memcpy(f.b, t, 16);
	}
	f.p = MIN(ports[0], ports[1]);
	f.q = MAX(ports[0], ports[1]);
	regs->w[h->dreg] = scale(jenkins(&f, sizeof(f), h->seed), h->modulus) + h->offset;
}

static int common(const struct nft_ctx *ctx, struct hash *h, const struct nl_attrs *a)
{
	h->offset = a->a[NFTA_HASH_OFFSET] ? nl_be32(a->a[NFTA_HASH_OFFSET]) : 0;
	h->modulus = nl_be32(a->a[NFTA_HASH_MODULUS]);
	if (h->modulus < 1)
		return -ERANGE;
	if (h->offset + h->modulus - 1 < h->offset)
		return -EOVERFLOW;
	return nft_parse_dreg(ctx, a->a[NFTA_HASH_DREG], &h->dreg, 4, false);
}

static int init(const struct nft_ctx *ctx, struct nft_expr *e, const struct nl_attrs *a)
{
	struct hash *h = nft_expr_priv(e);
	int err;

	if (!a->a[NFTA_HASH_SREG] || !a->a[NFTA_HASH_LEN])
		return -EINVAL;
	err = nft_parse_u8(a->a[NFTA_HASH_LEN], UINT8_MAX, &h->len);
	if (err)
		return err;
	if (!h->len)
		return -ERANGE;
	err = nft_parse_sreg(ctx, a->a[NFTA_HASH_SREG], &h->sreg, h->len);
	if (err)
		return err;
	h->seed_given = a->a[NFTA_HASH_SEED];
	h->seed = h->seed_given ? nl_be32(a->a[NFTA_HASH_SEED]) : rng_u32(&ctx->cpu->rng);
	return common(ctx, h, a);
}

static int init_symmetric(const struct nft_ctx *ctx, struct nft_expr *e, const struct nl_attrs *a)
{
	struct hash *h = nft_expr_priv(e);

	h->seed = (u32)ctx->net->world->hash_key.k[0];
	return common(ctx, h, a);
}

static void fill(struct nft_expr *e, struct nl_buf *b, bool reset)
{
	const struct hash *h = nft_expr_priv(e);

	nft_put_reg(b, NFTA_HASH_SREG, h->sreg);
	nft_put_reg(b, NFTA_HASH_DREG, h->dreg);
	nl_put_be32(b, NFTA_HASH_LEN, h->len);
	nl_put_be32(b, NFTA_HASH_MODULUS, h->modulus);
	if (h->seed_given)
		nl_put_be32(b, NFTA_HASH_SEED, h->seed);
	if (h->offset)
		nl_put_be32(b, NFTA_HASH_OFFSET, h->offset);
	nl_put_be32(b, NFTA_HASH_TYPE, NFT_HASH_JENKINS);
}

static void fill_symmetric(struct nft_expr *e, struct nl_buf *b, bool reset)
{
	const struct hash *h = nft_expr_priv(e);

	nft_put_reg(b, NFTA_HASH_DREG, h->dreg);
	nl_put_be32(b, NFTA_HASH_MODULUS, h->modulus);
	if (h->offset)
		nl_put_be32(b, NFTA_HASH_OFFSET, h->offset);
	nl_put_be32(b, NFTA_HASH_TYPE, NFT_HASH_SYM);
}

static const struct nft_expr_ops ops = { .type = &nft_hash_type, .size = sizeof(struct hash), .flags = NFT_EXPR_PURE, .eval = eval, .init = init,
	.fill = fill };
static const struct nft_expr_ops ops_symmetric = { .type = &nft_hash_type, .size = sizeof(struct hash), .flags = NFT_EXPR_PURE, .eval = eval_symmetric,
	.init = init_symmetric, .fill = fill_symmetric };

static const struct nft_expr_ops *select_ops(const struct nft_ctx *ctx, const struct nl_attrs *a, int *err)
{
	u32 type = a->a[NFTA_HASH_TYPE] ? nl_be32(a->a[NFTA_HASH_TYPE]) : NFT_HASH_JENKINS;

	*err = -EINVAL;
	if (!a->a[NFTA_HASH_DREG] || !a->a[NFTA_HASH_MODULUS])
		return NULL;
	*err = -EOPNOTSUPP;
	return type == NFT_HASH_JENKINS ? &ops : type == NFT_HASH_SYM ? &ops_symmetric : NULL;
}

const struct nft_expr_type nft_hash_type = { .name = "hash", .maxattr = NFTA_HASH_MAX, .policy = policy, .select = select_ops };
