/* Rules: expressions one behind the other in one piece of memory. A rule that is deleted lets go of what it uses at once, so that the same
 * batch can delete that too; it takes it up again when the batch fails.
 */
#include "netfilter/nft/nft_chain.h"

struct nft_rule *nft_rule_find(const struct nft_chain *c, u64 handle)
{
	struct nft_rule *r;

	list_for_each (r, &c->rules, link) {
		if (!r->gone && r->handle == handle)
			return r;
	}
	return NULL;
}

static void activate(struct netns *net, struct nft_rule *r)
{
	nft_rule_for_each(e, r)
		if (e->ops->activate)
			e->ops->activate(net, e);
}

static void deactivate(struct netns *net, struct nft_rule *r)
{
	nft_rule_for_each(e, r)
		if (e->ops->deactivate)
			e->ops->deactivate(net, e);
}

static void rule_free(struct netns *net, struct nft_rule *r)
{
	nft_rule_for_each(e, r)
		nft_expr_destroy(net, e);
	mem_free(&net->world->mem, r->udata);
	mem_free(&net->world->mem, r);
}

void nft_rule_free(struct netns *net, struct nft_rule *r)
{
	deactivate(net, r);
	rule_free(net, r);
}

static int measure(const struct nft_ctx *ctx, const struct nlattr *exprs, u32 *bytes)
{
	const struct nlattr *a;
	unsigned n = 0;
	u32 one;
	int err;

	*bytes = 0;
	nl_for_each_nested(a, exprs) {
		if (nl_type(a) != NFTA_LIST_ELEM)
			return -EINVAL;
		if (n++ == NFT_RULE_EXPRS)
			return -EINVAL;
		err = nft_expr_parse(ctx, a, NULL, &one);
		if (err) {
			ctx->ack->bad_attr = a;
			return err;
		}
		*bytes += one;
	}
	return 0;
}

int nft_rule_new(struct nft_ctx *ctx, const struct nlattr *exprs, const void *udata, u16 udlen, struct nft_rule **out)
{
	struct mem *m = &ctx->net->world->mem;
	const struct nlattr *a;
	struct nft_rule *r;
	u16 regs_set = 0;
	u32 bytes = 0, one;
	int err = exprs ? measure(ctx, exprs, &bytes) : 0;

	if (err)
		return err;
	r = mem_zalloc(m, sizeof(*r) + bytes);
	if (!r)
		return -ENOMEM;
	r->chain = ctx->chain;
	if (udlen) {
		r->udata = mem_alloc(m, udlen);
		if (!r->udata) {
			err = -ENOMEM;
			goto fail;
		}
		memcpy(r->udata, udata, udlen);
		r->udlen = udlen;
	}
	ctx->regs_set = &regs_set;
	if (exprs) {
		nl_for_each_nested(a, exprs) {
			err = nft_expr_parse(ctx, a, (struct nft_expr *)(r->exprs + r->bytes), &one);
			if (err) {
				ctx->ack->bad_attr = a;
				break;
			}
			r->bytes += one;
		}
	}
	ctx->regs_set = NULL;
	if (err)
		goto fail;
	*out = r;
	return 0;
fail:
	nft_rule_free(ctx->net, r);
	return err;
}

static void undo_add(struct netns *net, struct nft_trans *tr)
{
	struct nft_rule *r = tr->rule;

	list_del(&r->link);
	r->chain->use--;
	r->chain->nrules--;
	nft_rule_free(net, r);
}

int nft_rule_add(struct nft_ctx *ctx, struct nft_rule *r, struct nft_rule *at, bool after)
{
	struct nft_chain *c = ctx->chain;
	struct nft_trans *tr = nft_trans_new(ctx, NFT_MSG_NEWRULE, 0, NULL, undo_add);

	if (!tr)
		return -ENOMEM;
	tr->rule = r;
	if (at)
		list_insert_between(&r->link, after ? &at->link : at->link.prev, after ? at->link.next : &at->link);
	else if (after)
		list_add_tail(&c->rules, &r->link);
	else
		list_add_head(&c->rules, &r->link);
	c->use++;
	c->nrules++;
	c->dirty = true;
	return 0;
}

static void done_del(struct netns *net, struct nft_trans *tr)
{
	list_del(&tr->rule->link);
	rule_free(net, tr->rule);
}

static void undo_del(struct netns *net, struct nft_trans *tr)
{
	struct nft_rule *r = tr->rule;

	r->gone = false;
	r->chain->use++;
	r->chain->nrules++;
	activate(net, r);
}

int nft_rule_del(struct nft_ctx *ctx, struct nft_rule *r)
{
	struct nft_trans *tr = nft_trans_new(ctx, NFT_MSG_DELRULE, 0, done_del, undo_del);

	if (!tr)
		return -ENOMEM;
	tr->rule = r;
	r->gone = true;
	r->chain->use--;
	r->chain->nrules--;
	r->chain->dirty = true;
	deactivate(ctx->net, r);
	return 0;
}
