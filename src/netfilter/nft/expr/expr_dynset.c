/* dynset: packets put a value into a set, renew it, or take it out; the element's stateful expressions are run. A set that is full takes no
 * more, and that ends the rule.
 */
#include "core/cpu.h"
#include "netfilter/nft/nft_fast.h"
#include "netfilter/nft/nft_set.h"

enum { SIZE_BY_PACKETS = 65535 }; /* as on Linux: what packets fill is never without a bound */

struct dynset {
	struct nft_set *set;
	struct nft_expr *expr[NFT_SET_EXPRS];
	u64 timeout;
	u8 nexprs, op, sreg_key, sreg_data;
	bool inv, own_exprs, has_expr_flag;
};

static const struct nl_policy policy[NFTA_DYNSET_MAX + 1] = {
	[NFTA_DYNSET_SET_NAME] = { .type = NLP_STRING, .len = NFT_SET_MAXNAMELEN - 1 },
	[NFTA_DYNSET_SET_ID] = { .type = NLP_U32 },
	[NFTA_DYNSET_OP] = { .type = NLP_U32 },
	[NFTA_DYNSET_SREG_KEY] = { .type = NLP_U32 },
	[NFTA_DYNSET_SREG_DATA] = { .type = NLP_U32 },
	[NFTA_DYNSET_TIMEOUT] = { .type = NLP_U64 },
	[NFTA_DYNSET_EXPR] = { .type = NLP_NESTED },
	[NFTA_DYNSET_FLAGS] = { .type = NLP_U32 },
	[NFTA_DYNSET_EXPRESSIONS] = { .type = NLP_NESTED },
};

static struct nft_elem *make(const struct dynset *d, struct nft_regs *regs, struct cpu *cpu)
{
	u64 timeout = d->timeout ? d->timeout : d->set->timeout;
	union nft_data data;
	struct nft_elem_spec spec = { .key = &regs->w[d->sreg_key], .nexprs = d->nexprs, .exprs = { d->expr[0], d->expr[1] }, .timeout = d->timeout,
				      .expires = d->set->flags & NFT_SET_TIMEOUT && timeout ? cpu->now + timeout : 0 };
	struct nft_elem *e;

	if (nft_set_is_map(d->set)) {
		memcpy(data.b, &regs->w[d->sreg_data], d->set->dlen);
		spec.data = &data;
	}
	if (nft_elem_new(cpu, d->set, &spec, &e))
		return NULL;
	if (nft_elem_add_now(cpu, d->set, e))
		return e;
	nft_elem_free(d->set, e);
	return NULL;
}

static void eval(const struct nft_expr *x, struct nft_regs *regs, struct nft_pkt *pkt)
{
	const struct dynset *d = nft_expr_priv(x);
	struct cpu *cpu = pkt->cpu;
	struct nft_elem *e = d->set->ops->lookup(d->set, &regs->w[d->sreg_key], cpu->now);
	u64 timeout;

	if (d->op == NFT_DYNSET_OP_DELETE) {
		if (e)
			nft_elem_del_now(cpu, d->set, e);
		return;
	}
	if (!e) {
		e = make(d, regs, cpu);
	} else if (d->op == NFT_DYNSET_OP_UPDATE && d->set->flags & NFT_SET_TIMEOUT) {
		timeout = d->timeout ? d->timeout : d->set->timeout;
		e->timeout = d->timeout;
		e->expires = timeout ? cpu->now + timeout : 0;
	}
	if (!e) {
		if (!d->inv)
			regs->verdict.code = NFT_BREAK;
		return;
	}
	nft_elem_for_each_expr(s, e) {
		s->ops->eval(s, regs, pkt);
		if (regs->verdict.code == NFT_BREAK)
			return;
	}
	if (d->inv)
		regs->verdict.code = NFT_BREAK;
}

static void drop_exprs(struct netns *net, struct dynset *d)
{
	for (unsigned i = 0; d->own_exprs && i < d->nexprs; i++) {
		nft_expr_destroy(net, d->expr[i]);
		mem_free(&net->world->mem, d->expr[i]);
	}
	d->nexprs = 0;
}

static int own_expr(const struct nft_ctx *ctx, struct dynset *d, const struct nlattr *a)
{
	if (d->nexprs == NFT_SET_EXPRS)
		return -E2BIG;
	int err = nft_expr_parse_stateful(ctx, a, &d->expr[d->nexprs]);

	if (err)
		return err;
	d->nexprs++;
	return d->set->nexprs && (d->nexprs > d->set->nexprs || d->expr[d->nexprs - 1]->ops != d->set->expr[d->nexprs - 1]->ops) ? -EOPNOTSUPP : 0;
}

static int parse_exprs(const struct nft_ctx *ctx, struct dynset *d, const struct nl_attrs *a)
{
	const struct nlattr *one;
	int err = 0;

	d->own_exprs = true;
	if (a->a[NFTA_DYNSET_EXPR])
		return own_expr(ctx, d, a->a[NFTA_DYNSET_EXPR]);
	if (a->a[NFTA_DYNSET_EXPRESSIONS]) {
		nl_for_each_nested(one, a->a[NFTA_DYNSET_EXPRESSIONS]) {
			err = nl_type(one) == NFTA_LIST_ELEM ? own_expr(ctx, d, one) : -EINVAL;
			if (err)
				return err;
		}
		return d->set->nexprs && d->nexprs != d->set->nexprs ? -EOPNOTSUPP : 0;
	}
	d->own_exprs = false;
	d->nexprs = d->set->nexprs;
	memcpy(d->expr, d->set->expr, sizeof(d->expr));
	return 0;
}

static int parse_flags(struct dynset *d, const struct nl_attrs *a)
{
	u32 flags = a->a[NFTA_DYNSET_FLAGS] ? nl_be32(a->a[NFTA_DYNSET_FLAGS]) : 0;

	if (flags & ~(u32)(NFT_DYNSET_F_INV | NFT_DYNSET_F_EXPR))
		return -EOPNOTSUPP;
	d->inv = flags & NFT_DYNSET_F_INV;
	d->has_expr_flag = flags & NFT_DYNSET_F_EXPR;
	return 0;
}

static int init(const struct nft_ctx *ctx, struct nft_expr *x, const struct nl_attrs *a)
{
	struct dynset *d = nft_expr_priv(x);
	u32 op;
	int err;

	if (!a->a[NFTA_DYNSET_SET_NAME] || !a->a[NFTA_DYNSET_OP] || !a->a[NFTA_DYNSET_SREG_KEY])
		return -EINVAL;
	err = parse_flags(d, a);
	err = err ? err : nft_set_of(ctx, a->a[NFTA_DYNSET_SET_NAME], a->a[NFTA_DYNSET_SET_ID], &d->set);
	if (err)
		return err;
	if (d->set->flags & NFT_SET_OBJECT || d->set->flags & NFT_SET_INTERVAL)
		return -EOPNOTSUPP;
	if (d->set->flags & NFT_SET_CONSTANT)
		return -EBUSY;
	op = nl_be32(a->a[NFTA_DYNSET_OP]);
	if (op > NFT_DYNSET_OP_DELETE)
		return -EOPNOTSUPP;
	d->op = (u8)op;
	if (op == NFT_DYNSET_OP_UPDATE && !(d->set->flags & NFT_SET_TIMEOUT))
		return -EOPNOTSUPP;
	if (a->a[NFTA_DYNSET_TIMEOUT]) {
		if (!(d->set->flags & NFT_SET_TIMEOUT))
			return -EOPNOTSUPP;
		d->timeout = nl_be64(a->a[NFTA_DYNSET_TIMEOUT]) * NSEC_PER_MSEC;
	}
	err = nft_parse_sreg(ctx, a->a[NFTA_DYNSET_SREG_KEY], &d->sreg_key, d->set->klen);
	if (err)
		return err;
	if (a->a[NFTA_DYNSET_SREG_DATA]) {
		if (!nft_set_is_map(d->set))
			return -EOPNOTSUPP;
		if (nft_set_has_verdicts(d->set))
			return -EOPNOTSUPP;
		err = nft_parse_sreg(ctx, a->a[NFTA_DYNSET_SREG_DATA], &d->sreg_data, d->set->dlen);
		if (err)
			return err;
	} else if (nft_set_is_map(d->set)) {
		return -EINVAL;
	}
	err = parse_exprs(ctx, d, a);
	err = err ? err : nft_set_bind(d->set);
	if (err)
		drop_exprs(ctx->net, d);
	else if (!d->set->size)
		d->set->size = SIZE_BY_PACKETS;
	return err;
}

static void deactivate(struct netns *net, struct nft_expr *x) { nft_set_unbind(((struct dynset *)nft_expr_priv(x))->set); }
static void activate(struct netns *net, struct nft_expr *x) { nft_set_rebind(((struct dynset *)nft_expr_priv(x))->set); }

static void destroy(struct netns *net, struct nft_expr *x)
{
	struct dynset *d = nft_expr_priv(x);

	drop_exprs(net, d);
	nft_set_release(net, d->set);
}

static void fill(struct nft_expr *x, struct nl_buf *b, bool reset)
{
	const struct dynset *d = nft_expr_priv(x);
	size_t nest;

	nft_put_reg(b, NFTA_DYNSET_SREG_KEY, d->sreg_key);
	if (nft_set_is_map(d->set))
		nft_put_reg(b, NFTA_DYNSET_SREG_DATA, d->sreg_data);
	nl_put_be32(b, NFTA_DYNSET_OP, d->op);
	nl_put_str(b, NFTA_DYNSET_SET_NAME, d->set->name);
	nl_put_be64(b, NFTA_DYNSET_TIMEOUT, d->timeout / NSEC_PER_MSEC);
	if (!d->set->nexprs) {
		if (d->nexprs == 1) {
			nft_expr_fill(d->expr[0], b, NFTA_DYNSET_EXPR, false);
		} else if (d->nexprs > 1) {
			nest = nl_nest(b, NFTA_DYNSET_EXPRESSIONS);
			for (unsigned i = 0; i < d->nexprs; i++)
				nft_expr_fill(d->expr[i], b, NFTA_LIST_ELEM, false);
			nl_nest_end(b, nest);
		}
	}
	nl_put_be32(b, NFTA_DYNSET_FLAGS, (d->inv ? NFT_DYNSET_F_INV : 0) | (d->has_expr_flag ? NFT_DYNSET_F_EXPR : 0));
}

static const struct nft_expr_ops ops = { .type = &nft_dynset_type, .size = sizeof(struct dynset), .eval = eval, .init = init,
	.deactivate = deactivate, .activate = activate, .destroy = destroy, .fill = fill };
const struct nft_expr_type nft_dynset_type = { .name = "dynset", .maxattr = NFTA_DYNSET_MAX, .policy = policy, .ops = &ops };
