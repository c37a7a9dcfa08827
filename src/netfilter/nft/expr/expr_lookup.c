/* lookup: is a register's value in a set? In a map, what it maps to goes into another register, or becomes the verdict. Stateful expressions
 * that the element has are run.
 */
#include "core/cpu.h"
#include "netfilter/nft/nft_fast.h"
#include "netfilter/nft/nft_set.h"

struct lookup { struct nft_set *set; u8 sreg, dreg; bool inv, mapped; };

static const struct nl_policy policy[NFTA_LOOKUP_MAX + 1] = {
	[NFTA_LOOKUP_SET] = { .type = NLP_STRING, .len = NFT_SET_MAXNAMELEN - 1 },
	[NFTA_LOOKUP_SET_ID] = { .type = NLP_U32 },
	[NFTA_LOOKUP_SREG] = { .type = NLP_U32 },
	[NFTA_LOOKUP_DREG] = { .type = NLP_U32 },
	[NFTA_LOOKUP_FLAGS] = { .type = NLP_U32 },
};

static void eval(const struct nft_expr *x, struct nft_regs *regs, struct nft_pkt *pkt)
{
	const struct lookup *l = nft_expr_priv(x);
	struct nft_elem *e = nft_set_lookup(l->set, &regs->w[l->sreg], pkt->cpu->now);

	if (!e == !l->inv) {
		regs->verdict.code = NFT_BREAK;
		return;
	}
	if (!e)
		return;
	if (l->mapped) {
		if (l->dreg == NFT_REG_IS_VERDICT)
			regs->verdict = nft_elem_data(e)->verdict;
		else
			memcpy(&regs->w[l->dreg], nft_elem_data(e)->w, ALIGN_UP(l->set->dlen, 4u));
	}
	nft_elem_for_each_expr(s, e) {
		s->ops->eval(s, regs, pkt);
		if (regs->verdict.code == NFT_BREAK)
			return;
	}
}

static int init(const struct nft_ctx *ctx, struct nft_expr *x, const struct nl_attrs *a)
{
	struct lookup *l = nft_expr_priv(x);
	u32 flags;
	int err;

	if (!a->a[NFTA_LOOKUP_SET] || !a->a[NFTA_LOOKUP_SREG])
		return -EINVAL;
	err = nft_set_of(ctx, a->a[NFTA_LOOKUP_SET], a->a[NFTA_LOOKUP_SET_ID], &l->set);
	err = err ? err : nft_parse_sreg(ctx, a->a[NFTA_LOOKUP_SREG], &l->sreg, l->set->klen);
	if (err)
		return err;
	if (a->a[NFTA_LOOKUP_FLAGS]) {
		flags = nl_be32(a->a[NFTA_LOOKUP_FLAGS]);
		if (flags & ~(u32)NFT_LOOKUP_F_INV)
			return -EINVAL;
		l->inv = flags & NFT_LOOKUP_F_INV;
	}
	if (a->a[NFTA_LOOKUP_DREG]) {
		if (l->inv || !nft_set_is_map(l->set))
			return -EINVAL;
		err = nft_parse_dreg(ctx, a->a[NFTA_LOOKUP_DREG], &l->dreg, l->set->dlen, nft_set_has_verdicts(l->set));
		if (err)
			return err;
		l->mapped = true;
	} else if (nft_set_is_map(l->set)) {
		return -EINVAL;
	}
	return nft_set_bind(l->set);
}

static void deactivate(struct netns *net, struct nft_expr *x) { nft_set_unbind(((struct lookup *)nft_expr_priv(x))->set); }
static void activate(struct netns *net, struct nft_expr *x) { nft_set_rebind(((struct lookup *)nft_expr_priv(x))->set); }
static void destroy(struct netns *net, struct nft_expr *x) { nft_set_release(net, ((struct lookup *)nft_expr_priv(x))->set); }

static void fill(struct nft_expr *x, struct nl_buf *b, bool reset)
{
	const struct lookup *l = nft_expr_priv(x);

	nl_put_str(b, NFTA_LOOKUP_SET, l->set->name);
	nft_put_reg(b, NFTA_LOOKUP_SREG, l->sreg);
	if (l->mapped)
		nft_put_reg(b, NFTA_LOOKUP_DREG, l->dreg);
	nl_put_be32(b, NFTA_LOOKUP_FLAGS, l->inv ? NFT_LOOKUP_F_INV : 0);
}

static struct nft_set *jump_map(const struct nft_expr *x)
{
	const struct lookup *l = nft_expr_priv(x);

	return l->mapped && l->dreg == NFT_REG_IS_VERDICT ? l->set : NULL;
}

static const struct nft_expr_ops ops = { .type = &nft_lookup_type, .size = sizeof(struct lookup), .eval = eval, .init = init,
	.deactivate = deactivate, .activate = activate, .destroy = destroy, .fill = fill, .jump_map = jump_map };
const struct nft_expr_type nft_lookup_type = { .name = "lookup", .maxattr = NFTA_LOOKUP_MAX, .policy = policy, .ops = &ops };
