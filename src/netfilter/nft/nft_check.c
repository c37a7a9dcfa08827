/* Before a commit: what packets could do to the stack that runs them.
 *
 * From every base chain that the batch may have changed, all chains that jumps lead to are visited. A path of more
 * than NFT_JUMPS chains is -EMLINK, and so is one that leads back to itself. On the way each expression is asked whether it may stand where this base chain
 * is (a masquerade in postrouting only). A chain is visited once for each base chain and depth at which it is reached anew.
 */
#include "core/subsys.h"
#include "netfilter/nft/nft_set.h"

static int visit(struct nft_ctx *ctx, struct nft_chain *base, struct nft_chain *c, unsigned depth);

static int visit_expr(struct nft_ctx *ctx, struct nft_chain *base, const struct nft_expr *e, unsigned depth)
{
	struct nft_elem *elem;
	struct nft_chain *to;
	struct nft_set *map;
	u64 cursor = 0;
	int err;

	if (e->ops->validate) {
		ctx->chain = base;
		err = e->ops->validate(ctx, e);
		if (err)
			return err;
	}
	to = e->ops->jump_to ? e->ops->jump_to(e) : NULL;
	if (to)
		return visit(ctx, base, to, depth + 1);
	map = e->ops->jump_map ? e->ops->jump_map(e) : NULL;
	for (elem = map ? nft_set_walk(map, &cursor, NULL) : NULL; elem; elem = nft_set_walk(map, &cursor, elem)) {
		to = nft_elem_data(elem) ? nft_elem_data(elem)->verdict.chain : NULL;
		err = to ? visit(ctx, base, to, depth + 1) : 0;
		if (err)
			return err;
	}
	return 0;
}

enum { UNSEEN, INSIDE };

/* mark: INSIDE while it is on the path; else 1 + the depth at which it was last visited from this base. */
static int visit(struct nft_ctx *ctx, struct nft_chain *base, struct nft_chain *c, unsigned depth)
{
	struct nft_rule *r;
	int err = 0;

	if (depth == NFT_JUMPS || c->mark == INSIDE)
		return -EMLINK;
	if (c->mark > depth + 1)
		return 0; /* has been reached by a path as long */
	c->mark = INSIDE;
	list_for_each (r, &c->rules, link) {
		if (r->gone)
			continue;
		nft_rule_for_each(e, r) {
			err = visit_expr(ctx, base, e, depth);
			if (err)
				return err;
		}
	}
	c->mark = (u8)(depth + 2);
	return 0;
}

static void unmark(struct nft_table *t)
{
	struct nft_chain *c;

	list_for_each (c, &t->chains, link) {
		c->mark = UNSEEN;
	}
}

static int check_table(struct nft_ctx *ctx, struct nft_table *t)
{
	struct nft_chain *c;
	int err = 0;

	ctx->table = t;
	ctx->family = t->family;
	list_for_each (c, &t->chains, link) {
		if (!c->base || c->gone)
			continue;
		unmark(t);
		err = visit(ctx, c, c, 0);
		if (err)
			break;
	}
	unmark(t);
	return err;
}

int nft_check(struct cpu *cpu, struct netns *net, struct nl_ext_ack *ack)
{
	struct nft_ctx ctx = { .cpu = cpu, .net = net, .ack = ack };
	struct nft_table *last = NULL;
	struct nft_trans *t;
	int err;

	list_for_each (t, &net->nft->trans, link) {
		if (!t->table || t->table == last || t->table->gone || (t->msg != NFT_MSG_NEWRULE && t->msg != NFT_MSG_NEWSETELEM))
			continue;
		last = t->table;
		err = check_table(&ctx, last);
		if (err)
			return err;
	}
	return 0;
}
