/* Tables: names for chains, sets and objects of one family. A dormant table keeps its chains from their hooks. A table goes with all
 * that is in it, in the order in which listeners hear of it: rules, sets, objects, chains, the table.
 */
#include "core/subsys.h"
#include "netfilter/nft/nft.h"
#include "netfilter/nft/nft_chain.h"
#include "netfilter/nft/nft_obj.h"
#include "netfilter/nft/nft_set.h"

struct nft_table *nft_table_find(struct netns *net, u8 family, const char *name)
{
	struct nft_table *t;

	list_for_each (t, &net->nft->tables, link) {
		if (!t->gone && t->family == family && !strcmp(t->name, name))
			return t;
	}
	return NULL;
}

static void table_free(struct netns *net, struct nft_table *t)
{
	struct mem *m = &net->world->mem;

	list_del(&t->link);
	htable_fini(&t->chain_names);
	mem_free(m, t->udata);
	mem_free(m, t);
}

static void undo_add(struct netns *net, struct nft_trans *tr) { table_free(net, tr->table); }

int nft_table_add(struct nft_ctx *ctx, const char *name, u32 flags, const void *udata, u16 udlen)
{
	struct mem *m = &ctx->net->world->mem;
	size_t len = strlen(name) + 1;
	struct nft_table *t = mem_zalloc(m, sizeof(*t) + len);

	if (!t)
		return -ENOMEM;
	memcpy(t->name, name, len);
	t->family = ctx->family;
	t->flags = flags;
	t->owner = flags & NFT_TABLE_F_OWNER ? ctx->portid : 0;
	list_init(&t->chains);
	list_init(&t->sets);
	list_init(&t->objs);
	list_init(&t->flowtables);
	if (htable_init(&t->chain_names, m, 8))
		goto nomem;
	if (udlen) {
		t->udata = mem_alloc(m, udlen);
		if (!t->udata)
			goto nomem_names;
		memcpy(t->udata, udata, udlen);
		t->udlen = udlen;
	}
	ctx->table = t;
	if (!nft_trans_new(ctx, NFT_MSG_NEWTABLE, 0, NULL, undo_add)) {
		ctx->table = NULL;
		goto nomem_names;
	}
	t->handle = ++ctx->net->nft->next_table_handle;
	list_add_tail(&ctx->net->nft->tables, &t->link);
	return 0;
nomem_names:
	htable_fini(&t->chain_names);
	mem_free(m, t->udata);
nomem:
	mem_free(m, t);
	return -ENOMEM;
}

/* -- flags -- */

struct update { u32 flags; };

static void undo_update(struct netns *net, struct nft_trans *tr)
{
	struct update *u = (struct update *)tr->priv;
	bool was_dormant = u->flags & NFT_TABLE_F_DORMANT, is_dormant = tr->table->flags & NFT_TABLE_F_DORMANT;
	struct nft_chain *c;

	tr->table->flags = u->flags;
	if (was_dormant == is_dormant)
		return;
	list_for_each (c, &tr->table->chains, link) {
		if (was_dormant)
			nft_base_unregister(net, c);
		else
			nft_base_register_again(net, c);
	}
}

int nft_table_update(struct nft_ctx *ctx, u32 flags)
{
	struct nft_table *t = ctx->table;
	struct nft_trans *tr;
	struct nft_chain *c;
	int err;

	if (flags & ~(u32)NFT_TABLE_F_MASK)
		return -EOPNOTSUPP;
	if (flags == t->flags)
		return 0;
	if ((t->flags ^ flags) & NFT_TABLE_F_OWNER)
		return -EOPNOTSUPP;
	tr = nft_trans_new(ctx, NFT_MSG_NEWTABLE, sizeof(struct update), NULL, undo_update);
	if (!tr)
		return -ENOMEM;
	((struct update *)tr->priv)->flags = t->flags;
	if ((t->flags ^ flags) & NFT_TABLE_F_DORMANT) {
		list_for_each (c, &t->chains, link) {
			if (c->gone)
				continue;
			if (flags & NFT_TABLE_F_DORMANT) {
				nft_base_unregister(ctx->net, c);
				continue;
			}
			err = nft_base_register(ctx->net, c);
			if (err) {
				t->flags &= ~(u32)NFT_TABLE_F_DORMANT; /* so that undoing takes down what has been put up */
				return err;
			}
		}
	}
	t->flags = flags;
	return 0;
}

/* -- the end -- */

static void done_del(struct netns *net, struct nft_trans *tr) { table_free(net, tr->table); }
static void undo_del(struct netns *net, struct nft_trans *tr) { tr->table->gone = false; }

static int sets_del(struct nft_ctx *ctx)
{
	struct nft_set *s;
	int err;

	list_for_each (s, &ctx->table->sets, link) {
		if (s->gone)
			continue;
		err = nft_set_del(ctx, s);
		if (err)
			return err;
	}
	return 0;
}

static int chains_del(struct nft_ctx *ctx, bool rules)
{
	struct nft_chain *c;
	int err = 0;

	list_for_each (c, &ctx->table->chains, link) {
		if (c->gone || c->bound)
			continue;
		ctx->chain = c;
		err = rules ? nft_chain_flush(ctx) : nft_chain_del(ctx);
		if (err)
			break;
	}
	ctx->chain = NULL;
	return err;
}

int nft_table_del(struct nft_ctx *ctx)
{
	int err = chains_del(ctx, true);

	err = err ? err : sets_del(ctx);
	err = err ? err : nft_objs_del(ctx);
	err = err ? err : chains_del(ctx, false);
	if (err)
		return err;
	if (!nft_trans_new(ctx, NFT_MSG_DELTABLE, 0, done_del, undo_del))
		return -ENOMEM;
	ctx->table->gone = true;
	return 0;
}

/* -- a namespace's life -- */

static int init(struct netns *net)
{
	struct netns_nft *n = mem_zalloc(&net->world->mem, sizeof(*n));

	if (!n)
		return -ENOMEM;
	list_init(&n->tables);
	list_init(&n->trans);
	n->gen = 1;
	n->net = net;
	net->nft = n;
	return 0;
}

/* The hooks go first, while packets can still be on their way. */
static void leave(struct netns *net)
{
	struct nft_table *t;
	struct nft_chain *c;

	list_for_each (t, &net->nft->tables, link) {
		list_for_each (c, &t->chains, link) {
			nft_base_unregister(net, c);
		}
	}
}

/* Rules first: they hold chains. */
static void fini(struct netns *net)
{
	struct nft_table *t, *next;

	list_for_each (t, &net->nft->tables, link) {
		nft_table_release_rules(net, t);
	}
	list_for_each_safe (t, next, &net->nft->tables, link) {
		nft_table_release_sets(net, t);
		nft_table_release_objs(net, t);
		nft_table_release_chains(net, t);
		table_free(net, t);
	}
	mem_free(&net->world->mem, net->nft);
	net->nft = NULL;
}

const struct subsys nft_subsys = { .name = "nf_tables", .netns_init = init, .netns_exit = leave, .netns_fini = fini };
