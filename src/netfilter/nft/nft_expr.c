/* Expressions as such: found by name, made from attributes, written back. What each does is in expr/. */
#include "netfilter/nft/nft.h"

static const struct nft_expr_type *type_find(u8 family, const char *name)
{
	const struct nft_expr_type *any = NULL;

	for (const struct nft_expr_type *const *t = nft_expr_types; *t; t++) {
		if (strcmp((*t)->name, name))
			continue;
		if ((*t)->family == family)
			return *t;
		if (!(*t)->family)
			any = *t;
	}
	return any;
}

int nft_expr_parse(const struct nft_ctx *ctx, const struct nlattr *elem, struct nft_expr *e, u32 *bytes)
{
	static const struct nl_policy policy[NFTA_EXPR_MAX + 1] = {
		[NFTA_EXPR_NAME] = { .type = NLP_STRING, .len = 127 },
		[NFTA_EXPR_DATA] = { .type = NLP_NESTED },
	};
	const struct nft_expr_type *type;
	const struct nft_expr_ops *ops;
	struct nl_attrs t, data = { .max = 0 };
	char name[128];
	int err = nl_parse_nested(elem, &t, NFTA_EXPR_MAX, policy, false, ctx->ack);

	if (err)
		return err;
	if (!t.a[NFTA_EXPR_NAME])
		return -EINVAL;
	nl_strcpy(name, sizeof(name), t.a[NFTA_EXPR_NAME]);
	type = type_find(ctx->family, name);
	if (!type)
		return -ENOENT;
	if (t.a[NFTA_EXPR_DATA]) {
		err = nl_parse_nested(t.a[NFTA_EXPR_DATA], &data, type->maxattr, type->policy, false, ctx->ack);
		if (err)
			return err;
	}
	err = -EOPNOTSUPP;
	ops = type->select ? type->select(ctx, &data, &err) : type->ops;
	if (!ops)
		return err;
	*bytes = (u32)sizeof(*e) + ALIGN_UP(ops->size, 8u);
	if (!e)
		return 0;
	e->ops = ops;
	memset(e->priv, 0, ALIGN_UP(ops->size, 8u));
	return ops->init ? ops->init(ctx, e, &data) : 0;
}

int nft_expr_parse_stateful(const struct nft_ctx *ctx, const struct nlattr *elem, struct nft_expr **out)
{
	struct mem *m = &ctx->net->world->mem;
	struct nft_expr *e;
	u32 bytes;
	int err = nft_expr_parse(ctx, elem, NULL, &bytes);

	if (err)
		return err;
	e = mem_alloc(m, bytes);
	if (!e)
		return -ENOMEM;
	err = nft_expr_parse(ctx, elem, e, &bytes);
	if (!err && !e->ops->type->stateful) {
		nft_expr_destroy(ctx->net, e);
		err = -EOPNOTSUPP;
	}
	if (err)
		mem_free(m, e);
	else
		*out = e;
	return err;
}

void nft_expr_destroy(struct netns *net, struct nft_expr *e)
{
	if (e->ops->destroy)
		e->ops->destroy(net, e);
}

void nft_expr_fill(struct nft_expr *e, struct nl_buf *b, u16 attr, bool reset)
{
	size_t nest = nl_nest(b, attr), data;

	nl_put_str(b, NFTA_EXPR_NAME, e->ops->type->name);
	if (e->ops->fill) {
		data = nl_nest(b, NFTA_EXPR_DATA);
		e->ops->fill(e, b, reset);
		nl_nest_end(b, data);
	}
	nl_nest_end(b, nest);
}
