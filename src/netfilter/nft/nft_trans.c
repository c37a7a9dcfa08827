/* A batch's changes: made at once, kept in order, undone last first when the batch fails.
 *
 * What was deleted stays linked and is marked `gone` until the commit, so that undoing puts nothing back in its place; what was added is
 * linked like the rest, and taken out again. Nobody else looks meanwhile: all batons are held from a batch's first message to its last.
 */
#include "core/subsys.h"
#include "netfilter/nft/nft_set.h"

struct nft_trans *nft_trans_new(const struct nft_ctx *ctx, u16 msg, size_t extra, void (*commit)(struct netns *, struct nft_trans *),
				void (*abort)(struct netns *, struct nft_trans *))
{
	struct nft_trans *t = mem_zalloc(&ctx->net->world->mem, sizeof(*t) + extra);

	if (!t)
		return NULL;
	t->msg = msg;
	t->flags = ctx->flags;
	t->portid = ctx->portid;
	t->seq = ctx->seq;
	t->table = ctx->table;
	t->chain = ctx->chain;
	t->family = ctx->table ? ctx->table->family : ctx->family;
	t->commit = commit;
	t->abort = abort;
	list_add_tail(&ctx->net->nft->trans, &t->link);
	return t;
}

int nft_prepare(struct cpu *cpu, struct netns *net, struct nl_ext_ack *ack)
{
	struct nft_trans *t;
	int err = nft_check(cpu, net, ack);

	if (err)
		return err;
	err = nft_sets_prepare(net);
	if (err)
		return err;
	list_for_each (t, &net->nft->trans, link) {
		struct nft_chain *c = t->chain;

		if (!c || !c->dirty || c->gone || c->next)
			continue;
		err = nft_compile(net, c);
		if (err)
			return err;
	}
	return 0;
}

/* What packets ran is in nobody's hands any more: all batons are held, and no packet is inside a chain between steps. */
static void swap_program(struct netns *net, struct nft_chain *c)
{
	struct nft_program *old = c->program;

	c->dirty = false;
	if (!c->next)
		return;
	ptr_publish(c->program, c->next);
	c->next = NULL;
	mem_free(&net->world->mem, old);
}

void nft_commit(struct cpu *cpu, struct netns *net, void (*tell)(void *arg, struct nft_trans *t), void *arg)
{
	struct netns_nft *n = net->nft;
	struct nft_trans *t, *next;

	nft_sets_commit(net, true);
	list_for_each (t, &n->trans, link) {
		if (t->chain)
			swap_program(net, t->chain);
	}
	list_for_each (t, &n->trans, link) {
		tell(arg, t);
	}
	list_for_each_safe (t, next, &n->trans, link) {
		list_del(&t->link);
		if (t->commit)
			t->commit(net, t);
		mem_free(&net->world->mem, t);
	}
}

void nft_abort(struct netns *net)
{
	struct netns_nft *n = net->nft;

	nft_sets_commit(net, false);
	while (!list_empty(&n->trans)) {
		struct nft_trans *t = list_last(&n->trans, struct nft_trans, link);
		struct nft_chain *c = t->chain;

		if (c) {
			mem_free(&net->world->mem, c->next);
			c->next = NULL;
			c->dirty = false;
		}
		list_del(&t->link);
		t->abort(net, t);
		mem_free(&net->world->mem, t);
	}
}
