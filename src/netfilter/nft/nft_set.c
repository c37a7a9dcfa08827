/* Sets as such: made, found, used by rules, deleted. What is in them is nft_elem.c's; how it is kept, set/'s.
 *
 * An anonymous set lives as long as the rule that names it: it is `gone` from when that rule is deleted, and freed with the rule's memory. One
 * that the same batch has made is left to its NEWSET's undoing.
 */
#include <stdio.h>

#include "core/subsys.h"
#include "netfilter/nft/nft_set.h"

const struct nft_set_ops *const nft_set_kinds[] = { &nft_set_hash, &nft_set_interval, &nft_set_concat, NULL };

struct nft_set *nft_set_find(const struct nft_table *t, const char *name)
{
	struct nft_set *s;

	list_for_each (s, &t->sets, link) {
		if (!s->gone && !strcmp(s->name, name))
			return s;
	}
	return NULL;
}

struct nft_set *nft_set_by_handle(const struct nft_table *t, u64 handle)
{
	struct nft_set *s;

	list_for_each (s, &t->sets, link) {
		if (!s->gone && s->handle == handle)
			return s;
	}
	return NULL;
}

int nft_set_of(const struct nft_ctx *ctx, const struct nlattr *name, const struct nlattr *id, struct nft_set **out)
{
	char buf[NFT_SET_MAXNAMELEN];
	struct nft_set *s = NULL;

	if (name) {
		nl_strcpy(buf, sizeof(buf), name);
		s = nft_set_find(ctx->table, buf);
	}
	if (!s && id) {
		list_for_each (s, &ctx->table->sets, link) {
			if (!s->gone && s->fresh && s->id == nl_be32(id)) {
				*out = s;
				return 0;
			}
		}
		s = NULL;
	}
	*out = s;
	return s ? 0 : -ENOENT;
}

/* -- elements' holds: a set that is gone holds nothing -- */

static void elems_hold(struct nft_set *s, bool hold)
{
	bool any = nft_set_has_verdicts(s) || s->flags & NFT_SET_OBJECT;
	struct nft_elem *e = NULL;
	u64 cursor = 0;

	while (any && (e = nft_set_walk(s, &cursor, e)))
		nft_elem_hold(s, e, hold);
}

static void set_free(struct nft_set *s)
{
	struct mem *m = &s->net->world->mem;
	struct nft_elem *e, *next;
	u64 cursor = 0;

	timer_cancel(&s->gc);
	if (!s->gone)
		elems_hold(s, false);
	for (e = nft_set_walk(s, &cursor, NULL); e; e = next) {
		next = nft_set_walk(s, &cursor, e);
		if (e->flags & NFT_SET_ELEM_CATCHALL)
			list_del(&e->link);
		else
			s->ops->remove(s, e);
		nft_elem_release(s, e);
	}
	if (s->priv)
		s->ops->fini(s);
	for (unsigned i = 0; i < s->nexprs; i++) {
		nft_expr_destroy(s->net, s->expr[i]);
		mem_free(m, s->expr[i]);
	}
	if (list_linked(&s->link))
		list_del(&s->link);
	mem_free(m, s->priv);
	mem_free(m, s->udata);
	mem_free(m, s->name);
	mem_free(m, s);
}

/* -- life -- */

static void done_add(struct netns *net, struct nft_trans *tr) { tr->set->fresh = false; }

static void undo_add(struct netns *net, struct nft_trans *tr)
{
	if (!tr->set->gone) /* else its rule's undoing has counted it out */
		tr->table->use--;
	set_free(tr->set);
}

/* "__set%d": the lowest number that is free. */
static char *name_for(struct mem *m, const struct nft_table *t, const char *pattern)
{
	char name[NFT_SET_MAXNAMELEN + 16];
	const char *p = strchr(pattern, '%');

	if (!p)
		return mem_strdup(m, pattern);
	for (unsigned i = 0; i < 65536; i++) {
		snprintf(name, sizeof(name), "%.*s%u", (int)(p - pattern), pattern, i);
		if (!nft_set_find(t, name))
			return mem_strdup(m, name);
	}
	return NULL;
}

static const struct nft_set_ops *kind_for(const struct nft_set *s)
{
	for (const struct nft_set_ops *const *k = nft_set_kinds; *k; k++)
		if ((*k)->fits(s))
			return *k;
	return NULL;
}

int nft_set_add(struct nft_ctx *ctx, const struct nft_set *desc, const char *name, const void *udata, u16 udlen, struct nft_set **out)
{
	struct mem *m = &ctx->net->world->mem;
	struct nft_set *s = mem_alloc(m, sizeof(*s));
	struct nft_trans *tr;
	int err = -ENOMEM;

	if (!s)
		return -ENOMEM;
	*s = *desc;
	s->net = ctx->net;
	s->table = ctx->table;
	s->priv = s->udata = NULL;
	s->fresh = s->changed = true;
	s->nexprs = 0;
	list_init(&s->link);
	list_init(&s->catchall);
	timer_init(&s->gc, nft_set_gc);
	s->name = name_for(m, ctx->table, name);
	s->ops = kind_for(s);
	if (!s->name)
		goto fail;
	if (!s->ops) {
		err = -EOPNOTSUPP;
		goto fail;
	}
	s->priv = mem_zalloc(m, MAX(s->ops->priv_size, (size_t)1));
	if (!s->priv)
		goto fail;
	if (udlen) {
		s->udata = mem_alloc(m, udlen);
		if (!s->udata)
			goto fail;
		memcpy(s->udata, udata, udlen);
		s->udlen = udlen;
	}
	err = s->ops->init(s);
	if (err)
		goto fail;
	tr = nft_trans_new(ctx, NFT_MSG_NEWSET, 0, done_add, undo_add);
	if (!tr) {
		err = -ENOMEM;
		s->ops->fini(s);
		goto fail;
	}
	tr->set = s;
	s->nexprs = desc->nexprs;
	s->handle = ++ctx->table->next_handle;
	list_add_tail(&ctx->table->sets, &s->link);
	ctx->table->use++;
	*out = s;
	return 0;
fail:
	mem_free(m, s->udata);
	mem_free(m, s->priv);
	mem_free(m, s->name);
	mem_free(m, s);
	return err;
}

static void done_del(struct netns *net, struct nft_trans *tr) { set_free(tr->set); }

static void undo_del(struct netns *net, struct nft_trans *tr)
{
	tr->table->use++;
	tr->set->gone = false;
	elems_hold(tr->set, true);
}

int nft_set_del(struct nft_ctx *ctx, struct nft_set *s)
{
	struct nft_trans *tr;

	if (s->use)
		return -EBUSY;
	tr = nft_trans_new(ctx, NFT_MSG_DELSET, 0, done_del, undo_del);
	if (!tr)
		return -ENOMEM;
	tr->set = s;
	elems_hold(s, false);
	s->gone = true;
	ctx->table->use--;
	return 0;
}

/* -- rules that use it -- */

int nft_set_bind(struct nft_set *s)
{
	if (s->flags & NFT_SET_ANONYMOUS && s->use)
		return -EBUSY;
	s->use++;
	return 0;
}

void nft_set_unbind(struct nft_set *s)
{
	s->use--;
	if (s->flags & NFT_SET_ANONYMOUS) {
		elems_hold(s, false);
		s->gone = true;
		s->table->use--;
	}
}

void nft_set_rebind(struct nft_set *s)
{
	s->use++;
	if (s->flags & NFT_SET_ANONYMOUS) {
		s->gone = false;
		elems_hold(s, true);
		s->table->use++;
	}
}

void nft_set_release(struct netns *net, struct nft_set *s)
{
	if (s->flags & NFT_SET_ANONYMOUS && s->gone && !s->fresh)
		set_free(s);
}

void nft_table_release_sets(struct netns *net, struct nft_table *t)
{
	struct nft_set *s, *next;

	list_for_each_safe (s, next, &t->sets, link) {
		set_free(s);
	}
}

struct nft_elem *nft_set_walk(struct nft_set *s, u64 *cursor, struct nft_elem *prev)
{
	struct nft_elem *e;

	if (!prev || !(prev->flags & NFT_SET_ELEM_CATCHALL)) {
		e = s->ops->walk(s, cursor, prev);
		if (e)
			return e;
		return list_empty(&s->catchall) ? NULL : list_first(&s->catchall, struct nft_elem, link);
	}
	return prev->link.next == &s->catchall ? NULL : list_entry(prev->link.next, struct nft_elem, link);
}
