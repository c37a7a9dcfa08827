/* Chains: lists of rules. A base chain stands at a hook, with a priority among others and a policy for packets that leave at its end; any
 * other is reached by jumps. A chain that somebody jumps to cannot go.
 */
#include <stdio.h>

#include "core/subsys.h"
#include "netfilter/nft/nft_chain.h"

static u32 name_hash(const char *name) { return hash32_bytes(name, strlen(name), 0); }

struct nft_chain *nft_chain_find(const struct nft_table *t, const char *name)
{
	struct nft_chain *c;

	htable_for_each_match(c, &t->chain_names, name_hash(name), node)
		if (!c->gone && !strcmp(c->name, name))
			return c;
	return NULL;
}

struct nft_chain *nft_chain_by_handle(const struct nft_table *t, u64 handle)
{
	struct nft_chain *c;

	list_for_each (c, &t->chains, link) {
		if (!c->gone && c->handle == handle)
			return c;
	}
	return NULL;
}

/* -- at its hook -- */

int nft_base_register(struct netns *net, struct nft_chain *c)
{
	struct nft_base *b = c->base;
	int err;

	if (!b || b->registered)
		return 0;
	if (b->type->begin) {
		err = b->type->begin(net, c->table->family);
		if (err)
			return err;
	}
	err = nf_hook_add(net, &b->hook);
	if (err && b->type->end)
		b->type->end(net, c->table->family);
	b->registered = !err;
	return err;
}

void nft_base_unregister(struct netns *net, struct nft_chain *c)
{
	struct nft_base *b = c->base;

	if (!b || !b->registered)
		return;
	nf_hook_del(net, &b->hook);
	if (b->type->end)
		b->type->end(net, c->table->family);
	b->registered = false;
}

void nft_base_register_again(struct netns *net, struct nft_chain *c)
{
	if (!c->gone && nft_base_register(net, c))
		world_log(net->world, 4, "nf_tables: no memory to put chain %s %s back at its hook\n", c->table->name, c->name);
}

/* -- life -- */

static void chain_free(struct netns *net, struct nft_chain *c)
{
	struct mem *m = &net->world->mem;

	nft_base_unregister(net, c);
	list_del(&c->link);
	htable_del(&c->table->chain_names, &c->node);
	mem_free(m, c->program);
	mem_free(m, c->next);
	mem_free(m, c->base);
	mem_free(m, c->udata);
	mem_free(m, c->name);
	mem_free(m, c);
}

static void undo_add(struct netns *net, struct nft_trans *tr)
{
	tr->table->use--;
	chain_free(net, tr->chain);
}

static struct nft_base *base_new(struct netns *net, struct nft_chain *c, const struct nft_chain_spec *s)
{
	struct nft_base *b = mem_zalloc(&net->world->mem, sizeof(*b));

	if (!b)
		return NULL;
	b->type = s->type;
	b->policy = (u8)(s->policy < 0 ? NF_ACCEPT : s->policy);
	b->hook = (struct nf_hook){ .family = c->table->family, .hook = s->hook, .priority = s->priority, .fn = s->type->fn, .priv = c };
	b->counted = s->counted;
	b->packets = s->packets;
	b->bytes = s->bytes;
	return b;
}

static char *made_up_name(struct mem *m, const struct nft_table *t)
{
	char name[32];

	snprintf(name, sizeof(name), "__chain%llu", (unsigned long long)t->next_handle + 1);
	return mem_strdup(m, name);
}

int nft_chain_add(struct nft_ctx *ctx, const struct nft_chain_spec *s, struct nft_chain **out)
{
	struct netns *net = ctx->net;
	struct nft_table *t = ctx->table;
	struct mem *m = &net->world->mem;
	struct nft_chain *c = mem_zalloc(m, sizeof(*c));
	int err = -ENOMEM;

	if (!c)
		return -ENOMEM;
	c->table = t;
	c->flags = s->flags;
	c->id = s->id;
	list_init(&c->rules);
	c->name = s->name ? mem_strdup(m, s->name) : made_up_name(m, t);
	if (!c->name)
		goto fail;
	if (s->type && !(c->base = base_new(net, c, s)))
		goto fail;
	if (s->type)
		c->flags |= NFT_CHAIN_BASE;
	if (s->udlen) {
		c->udata = mem_alloc(m, s->udlen);
		if (!c->udata)
			goto fail;
		memcpy(c->udata, s->udata, s->udlen);
		c->udlen = s->udlen;
	}
	if (!(t->flags & NFT_TABLE_F_DORMANT) && (err = nft_base_register(net, c)))
		goto fail;
	ctx->chain = c;
	if (!nft_trans_new(ctx, NFT_MSG_NEWCHAIN, 0, NULL, undo_add)) {
		err = -ENOMEM;
		nft_base_unregister(net, c);
		ctx->chain = NULL;
		goto fail;
	}
	c->handle = ++t->next_handle;
	list_add_tail(&t->chains, &c->link);
	htable_add(&t->chain_names, &c->node, name_hash(c->name));
	t->use++;
	*out = c;
	return 0;
fail:
	mem_free(m, c->udata);
	mem_free(m, c->base);
	mem_free(m, c->name);
	mem_free(m, c);
	return err;
}

/* -- changes -- */

struct update { char *name; u8 policy; bool counted; u64 packets, bytes; };

static void take_name(struct nft_chain *c, char *name)
{
	htable_del(&c->table->chain_names, &c->node);
	c->name = name;
	htable_add(&c->table->chain_names, &c->node, name_hash(name));
}

static void done_update(struct netns *net, struct nft_trans *tr) { mem_free(&net->world->mem, ((struct update *)tr->priv)->name); }

static void undo_update(struct netns *net, struct nft_trans *tr)
{
	struct update *u = (struct update *)tr->priv;
	struct nft_chain *c = tr->chain;

	if (u->name) {
		mem_free(&net->world->mem, c->name);
		take_name(c, u->name);
	}
	if (c->base) {
		c->base->policy = u->policy;
		c->base->counted = u->counted;
		c->base->packets = u->packets;
		c->base->bytes = u->bytes;
	}
}

int nft_chain_update(struct nft_ctx *ctx, const struct nft_chain_spec *s)
{
	struct nft_chain *c = ctx->chain;
	char *name = NULL;
	struct nft_trans *tr;
	struct update *u;

	if (s->name && strcmp(s->name, c->name)) {
		if (nft_chain_find(ctx->table, s->name))
			return -EEXIST;
		name = mem_strdup(&ctx->net->world->mem, s->name);
		if (!name)
			return -ENOMEM;
	}
	tr = nft_trans_new(ctx, NFT_MSG_NEWCHAIN, sizeof(*u), done_update, undo_update);
	if (!tr) {
		mem_free(&ctx->net->world->mem, name);
		return -ENOMEM;
	}
	u = (struct update *)tr->priv;
	if (name) {
		u->name = c->name;
		take_name(c, name);
	}
	if (c->base) {
		*u = (struct update){ u->name, c->base->policy, c->base->counted, c->base->packets, c->base->bytes };
		if (s->policy >= 0)
			c->base->policy = (u8)s->policy;
		if (s->counted) {
			c->base->counted = true;
			c->base->packets = s->packets;
			c->base->bytes = s->bytes;
		}
	}
	return 0;
}

/* -- the end -- */

static void done_del(struct netns *net, struct nft_trans *tr) { chain_free(net, tr->chain); }

static void undo_del(struct netns *net, struct nft_trans *tr)
{
	tr->table->use++;
	tr->chain->gone = false;
	if (!(tr->table->flags & NFT_TABLE_F_DORMANT))
		nft_base_register_again(net, tr->chain);
}

int nft_chain_del(struct nft_ctx *ctx)
{
	struct nft_chain *c = ctx->chain;

	if (c->use)
		return -EBUSY;
	if (!nft_trans_new(ctx, NFT_MSG_DELCHAIN, 0, done_del, undo_del))
		return -ENOMEM;
	c->gone = true;
	ctx->table->use--;
	nft_base_unregister(ctx->net, c);
	return 0;
}

int nft_chain_flush(struct nft_ctx *ctx)
{
	struct nft_rule *r;
	int err;

	list_for_each (r, &ctx->chain->rules, link) {
		if (r->gone)
			continue;
		err = nft_rule_del(ctx, r);
		if (err)
			return err;
	}
	return 0;
}

void nft_table_release_rules(struct netns *net, struct nft_table *t)
{
	struct nft_chain *c;
	struct nft_rule *r, *next;

	list_for_each (c, &t->chains, link) {
		list_for_each_safe (r, next, &c->rules, link) {
			list_del(&r->link);
			nft_rule_free(net, r);
		}
	}
}

void nft_table_release_chains(struct netns *net, struct nft_table *t)
{
	struct nft_chain *c, *next;

	list_for_each_safe (c, next, &t->chains, link) {
		chain_free(net, c);
	}
}
