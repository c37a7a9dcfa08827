/* objref: a named object does its work here; the one that is named, or the one that a map has for a register's value. */
#include "core/cpu.h"
#include "netfilter/nft/nft_obj.h"
#include "netfilter/nft/nft_set.h"

struct by_name { struct nft_obj *obj; };
struct by_map { struct nft_set *set; u8 sreg; };

static const struct nl_policy policy[NFTA_OBJREF_MAX + 1] = {
	[NFTA_OBJREF_IMM_TYPE] = { .type = NLP_U32 },
	[NFTA_OBJREF_IMM_NAME] = { .type = NLP_STRING, .len = NFT_OBJ_MAXNAMELEN - 1 },
	[NFTA_OBJREF_SET_SREG] = { .type = NLP_U32 },
	[NFTA_OBJREF_SET_NAME] = { .type = NLP_STRING, .len = NFT_SET_MAXNAMELEN - 1 },
	[NFTA_OBJREF_SET_ID] = { .type = NLP_U32 },
};

static void eval(const struct nft_expr *e, struct nft_regs *regs, struct nft_pkt *pkt)
{
	const struct by_name *r = nft_expr_priv(e);

	r->obj->expr->ops->eval(r->obj->expr, regs, pkt);
}

static int init(const struct nft_ctx *ctx, struct nft_expr *e, const struct nl_attrs *a)
{
	struct by_name *r = nft_expr_priv(e);
	char name[NFT_OBJ_MAXNAMELEN];

	nl_strcpy(name, sizeof(name), a->a[NFTA_OBJREF_IMM_NAME]);
	r->obj = nft_obj_find(ctx->table, name, nl_be32(a->a[NFTA_OBJREF_IMM_TYPE]));
	if (!r->obj)
		return -ENOENT;
	r->obj->use++;
	return 0;
}

static void deactivate(struct netns *net, struct nft_expr *e) { ((struct by_name *)nft_expr_priv(e))->obj->use--; }
static void activate(struct netns *net, struct nft_expr *e) { ((struct by_name *)nft_expr_priv(e))->obj->use++; }

static void fill(struct nft_expr *e, struct nl_buf *b, bool reset)
{
	const struct by_name *r = nft_expr_priv(e);

	nl_put_str(b, NFTA_OBJREF_IMM_NAME, r->obj->name);
	nl_put_be32(b, NFTA_OBJREF_IMM_TYPE, r->obj->type);
}

/* -- by a map -- */

static void eval_map(const struct nft_expr *x, struct nft_regs *regs, struct nft_pkt *pkt)
{
	const struct by_map *r = nft_expr_priv(x);
	struct nft_elem *e = nft_set_lookup(r->set, &regs->w[r->sreg], pkt->cpu->now);

	if (!e || !e->obj) {
		regs->verdict.code = NFT_BREAK;
		return;
	}
	e->obj->expr->ops->eval(e->obj->expr, regs, pkt);
}

static int init_map(const struct nft_ctx *ctx, struct nft_expr *x, const struct nl_attrs *a)
{
	struct by_map *r = nft_expr_priv(x);
	int err = nft_set_of(ctx, a->a[NFTA_OBJREF_SET_NAME], a->a[NFTA_OBJREF_SET_ID], &r->set);

	if (err)
		return err;
	if (!(r->set->flags & NFT_SET_OBJECT))
		return -EINVAL;
	err = nft_parse_sreg(ctx, a->a[NFTA_OBJREF_SET_SREG], &r->sreg, r->set->klen);
	return err ? err : nft_set_bind(r->set);
}

static void deactivate_map(struct netns *net, struct nft_expr *x) { nft_set_unbind(((struct by_map *)nft_expr_priv(x))->set); }
static void activate_map(struct netns *net, struct nft_expr *x) { nft_set_rebind(((struct by_map *)nft_expr_priv(x))->set); }
static void destroy_map(struct netns *net, struct nft_expr *x) { nft_set_release(net, ((struct by_map *)nft_expr_priv(x))->set); }

static void fill_map(struct nft_expr *x, struct nl_buf *b, bool reset)
{
	const struct by_map *r = nft_expr_priv(x);

	nft_put_reg(b, NFTA_OBJREF_SET_SREG, r->sreg);
	nl_put_str(b, NFTA_OBJREF_SET_NAME, r->set->name);
}

static const struct nft_expr_ops ops = { .type = &nft_objref_type, .size = sizeof(struct by_name), .eval = eval, .init = init,
	.deactivate = deactivate, .activate = activate, .fill = fill };
static const struct nft_expr_ops ops_map = { .type = &nft_objref_type, .size = sizeof(struct by_map), .eval = eval_map, .init = init_map,
	.deactivate = deactivate_map, .activate = activate_map, .destroy = destroy_map, .fill = fill_map };

static const struct nft_expr_ops *select_ops(const struct nft_ctx *ctx, const struct nl_attrs *a, int *err)
{
	*err = -EOPNOTSUPP;
	if (a->a[NFTA_OBJREF_SET_SREG] && (a->a[NFTA_OBJREF_SET_NAME] || a->a[NFTA_OBJREF_SET_ID]))
		return &ops_map;
	return a->a[NFTA_OBJREF_IMM_NAME] && a->a[NFTA_OBJREF_IMM_TYPE] ? &ops : NULL;
}

const struct nft_expr_type nft_objref_type = { .name = "objref", .maxattr = NFTA_OBJREF_MAX, .policy = policy, .select = select_ops };
