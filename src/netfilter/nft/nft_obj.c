/* Named objects: made, changed and deleted by batches. An object that a rule or an element names cannot go. */
#include "netfilter/nft/nft_obj.h"

const struct nft_expr_type *nft_obj_expr_type(u32 type)
{
	switch (type) {
	case NFT_OBJECT_COUNTER:
		return &nft_counter_type;
	case NFT_OBJECT_QUOTA:
		return &nft_quota_type;
	case NFT_OBJECT_LIMIT:
		return &nft_limit_type;
	default:
		return NULL;
	}
}

struct nft_obj *nft_obj_find(const struct nft_table *t, const char *name, u32 type)
{
	struct nft_obj *o;

	list_for_each (o, &t->objs, link) {
		if (!o->gone && o->type == type && !strcmp(o->name, name))
			return o;
	}
	return NULL;
}

struct nft_obj *nft_obj_by_handle(const struct nft_table *t, u64 handle, u32 type)
{
	struct nft_obj *o;

	list_for_each (o, &t->objs, link) {
		if (!o->gone && o->type == type && o->handle == handle)
			return o;
	}
	return NULL;
}

static void obj_free(struct netns *net, struct nft_obj *o)
{
	struct mem *m = &net->world->mem;

	list_del(&o->link);
	nft_expr_destroy(net, o->expr);
	mem_free(m, o->expr);
	mem_free(m, o->udata);
	mem_free(m, o->name);
	mem_free(m, o);
}

static void undo_add(struct netns *net, struct nft_trans *tr)
{
	tr->table->use--;
	obj_free(net, tr->obj);
}

static int expr_new(struct nft_ctx *ctx, u32 type, const struct nl_attrs *data, struct nft_expr **out)
{
	const struct nft_expr_type *t = nft_obj_expr_type(type);
	struct mem *m = &ctx->net->world->mem;
	struct nft_expr *e = mem_zalloc(m, sizeof(*e) + ALIGN_UP(t->ops->size, 8u));
	int err;

	if (!e)
		return -ENOMEM;
	e->ops = t->ops;
	err = t->ops->init(ctx, e, data);
	if (err)
		mem_free(m, e);
	else
		*out = e;
	return err;
}

int nft_obj_add(struct nft_ctx *ctx, const char *name, u32 type, const struct nl_attrs *data, const void *udata, u16 udlen)
{
	struct mem *m = &ctx->net->world->mem;
	struct nft_obj *o = mem_zalloc(m, sizeof(*o));
	struct nft_trans *tr;
	int err = -ENOMEM;

	if (!o)
		return -ENOMEM;
	o->table = ctx->table;
	o->type = type;
	list_init(&o->link);
	o->name = mem_strdup(m, name);
	o->udata = udlen ? mem_alloc(m, udlen) : NULL;
	if (!o->name || (udlen && !o->udata))
		goto fail;
	if (udlen)
		memcpy(o->udata, udata, udlen);
	o->udlen = udlen;
	err = expr_new(ctx, type, data, &o->expr);
	if (err)
		goto fail;
	tr = nft_trans_new(ctx, NFT_MSG_NEWOBJ, 0, NULL, undo_add);
	if (!tr) {
		err = -ENOMEM;
		nft_expr_destroy(ctx->net, o->expr);
		mem_free(m, o->expr);
		goto fail;
	}
	tr->obj = o;
	o->handle = ++ctx->table->next_handle;
	list_add_tail(&ctx->table->objs, &o->link);
	ctx->table->use++;
	return 0;
fail:
	mem_free(m, o->udata);
	mem_free(m, o->name);
	mem_free(m, o);
	return err;
}

/* -- other settings -- */

struct update { struct nft_expr *other; }; /* after the commit the old one, to be freed; when it fails, the one to go back to */

static void done_update(struct netns *net, struct nft_trans *tr)
{
	struct nft_expr *old = ((struct update *)tr->priv)->other;

	nft_expr_destroy(net, old);
	mem_free(&net->world->mem, old);
}

static void undo_update(struct netns *net, struct nft_trans *tr)
{
	struct nft_obj *o = tr->obj;
	struct update *u = (struct update *)tr->priv;
	struct nft_expr *mine = o->expr;

	o->expr = u->other;
	u->other = mine;
	done_update(net, tr);
}

int nft_obj_update(struct nft_ctx *ctx, struct nft_obj *o, const struct nl_attrs *data)
{
	struct nft_expr *e;
	struct nft_trans *tr;
	int err;

	if (o->type != NFT_OBJECT_QUOTA) /* others keep what they count; nothing is said, as on Linux */
		return 0;
	err = expr_new(ctx, o->type, data, &e);
	if (err)
		return err;
	tr = nft_trans_new(ctx, NFT_MSG_NEWOBJ, sizeof(struct update), done_update, undo_update);
	if (!tr) {
		nft_expr_destroy(ctx->net, e);
		mem_free(&ctx->net->world->mem, e);
		return -ENOMEM;
	}
	tr->obj = o;
	((struct update *)tr->priv)->other = o->expr;
	o->expr = e;
	return 0;
}

/* -- the end -- */

static void done_del(struct netns *net, struct nft_trans *tr) { obj_free(net, tr->obj); }

static void undo_del(struct netns *net, struct nft_trans *tr)
{
	((struct nft_obj *)tr->obj)->gone = false;
	tr->table->use++;
}

int nft_obj_del(struct nft_ctx *ctx, struct nft_obj *o)
{
	struct nft_trans *tr;

	if (o->use)
		return -EBUSY;
	tr = nft_trans_new(ctx, NFT_MSG_DELOBJ, 0, done_del, undo_del);
	if (!tr)
		return -ENOMEM;
	tr->obj = o;
	o->gone = true;
	ctx->table->use--;
	return 0;
}

int nft_objs_del(struct nft_ctx *ctx)
{
	struct nft_obj *o;
	int err;

	list_for_each (o, &ctx->table->objs, link) {
		if (o->gone)
			continue;
		err = nft_obj_del(ctx, o);
		if (err)
			return err;
	}
	return 0;
}

void nft_table_release_objs(struct netns *net, struct nft_table *t)
{
	struct nft_obj *o, *next;

	list_for_each_safe (o, next, &t->objs, link) {
		obj_free(net, o);
	}
}
