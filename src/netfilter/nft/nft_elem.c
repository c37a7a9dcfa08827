/* Elements: made in one piece, put in and taken out by batches, by packets, and by time.
 *
 * What a batch takes out is out at once and kept by its trans. What has expired is not found any more, and is freed by a timer of the set's; an
 * expired element that stands in a new one's way goes at once.
 */
#include "core/cpu.h"
#include "netfilter/nft/nft_obj.h"
#include "netfilter/nft/nft_set.h"

enum { GC_DEFAULT_MS = 1000 };

/* -- memory -- */

static u32 pad(u32 at, u32 to) { return ALIGN_UP(at, to); }

int nft_elem_new(struct cpu *cpu, const struct nft_set *s, const struct nft_elem_spec *spec, struct nft_elem **out)
{
	u32 words = nft_set_words(s) * 4, at = (u32)sizeof(struct nft_elem) + words, key_end = 0, data = 0, exprs = 0, udata = 0, exprs_len = 0;
	struct nft_elem *e;
	int err;

	if (spec->key_end) {
		key_end = at;
		at += words;
	}
	if (spec->data) {
		data = at = pad(at, 8);
		at += nft_set_has_verdicts(s) ? (u32)sizeof(struct nft_verdict) : ALIGN_UP((u32)s->dlen, 4u);
	}
	for (unsigned i = 0; i < spec->nexprs; i++)
		exprs_len += nft_expr_bytes(spec->exprs[i]);
	if (exprs_len) {
		exprs = at = pad(at, 8);
		at += exprs_len;
	}
	if (spec->udlen) {
		udata = at;
		at += spec->udlen;
	}
	e = mem_zalloc(cpu_mem(cpu), at);
	if (!e)
		return -ENOMEM;
	e->key_end = (u16)key_end;
	e->data = (u16)data;
	e->exprs = (u16)exprs;
	e->udata = (u16)udata;
	e->flags = spec->flags;
	e->timeout = spec->timeout;
	e->expires = spec->expires;
	if (spec->key)
		memcpy(e->key, spec->key, s->klen);
	if (key_end)
		memcpy((u8 *)e + key_end, spec->key_end, s->klen);
	if (data)
		memcpy(nft_elem_data(e), spec->data, nft_set_has_verdicts(s) ? sizeof(struct nft_verdict) : s->dlen);
	if (udata) {
		memcpy((u8 *)e + udata, spec->udata, spec->udlen);
		e->udlen = spec->udlen;
	}
	for (unsigned i = 0; i < spec->nexprs; i++) {
		struct nft_expr *x = (struct nft_expr *)((u8 *)e + exprs + e->exprs_len);

		x->ops = spec->exprs[i]->ops;
		err = x->ops->clone(cpu, x, spec->exprs[i]);
		if (err) {
			nft_elem_release((struct nft_set *)s, e);
			return err;
		}
		e->exprs_len = (u16)(e->exprs_len + nft_expr_bytes(x));
	}
	e->obj = spec->obj;
	nft_elem_hold(s, e, true);
	*out = e;
	return 0;
}

void nft_elem_release(struct nft_set *s, struct nft_elem *e)
{
	nft_elem_for_each_expr(x, e)
		nft_expr_destroy(s->net, x);
	mem_free(&s->net->world->mem, e);
}

void nft_elem_hold(const struct nft_set *s, const struct nft_elem *e, bool on)
{
	if (e->obj)
		e->obj->use += on ? 1 : -1u;
	if (!nft_set_has_verdicts(s) || !e->data)
		return;
	if (on)
		nft_data_hold(nft_elem_data(e), true);
	else
		nft_data_put(nft_elem_data(e), true);
}

void nft_elem_free(struct nft_set *s, struct nft_elem *e)
{
	nft_elem_hold(s, e, false);
	nft_elem_release(s, e);
}

/* -- in and out -- */

static int insert(struct nft_set *s, struct nft_elem *e, struct nft_elem **old)
{
	struct nft_elem *c;

	if (!(e->flags & NFT_SET_ELEM_CATCHALL))
		return s->ops->insert(s, e, old);
	list_for_each (c, &s->catchall, link) {
		*old = c;
		return -EEXIST;
	}
	list_add_tail(&s->catchall, &e->link);
	return 0;
}

static void take_out(struct nft_set *s, struct nft_elem *e)
{
	if (e->flags & NFT_SET_ELEM_CATCHALL)
		list_del(&e->link);
	else
		s->ops->remove(s, e);
	s->nelems--;
	s->changed = true;
}

static void put_back(struct nft_set *s, struct nft_elem *e)
{
	if (e->flags & NFT_SET_ELEM_CATCHALL)
		list_add_tail(&s->catchall, &e->link);
	else
		s->ops->put_back(s, e);
	s->nelems++;
	s->changed = true;
}

static void expect_gc(struct cpu *cpu, struct nft_set *s)
{
	u64 ms = s->gc_interval_ms ? s->gc_interval_ms : GC_DEFAULT_MS;

	if (!timer_armed(&s->gc))
		cpu_timer_arm(s->net->home, &s->gc, cpu->now + ms * NSEC_PER_MSEC);
}

void nft_set_gc(void *owner, struct timer *t)
{
	struct nft_set *s = container_of(t, struct nft_set, gc);
	struct cpu *cpu = owner;
	struct nft_elem *e = NULL, *next;
	u64 cursor = 0;
	bool left = false;

	for (e = nft_set_walk(s, &cursor, NULL); e; e = next) {
		next = nft_set_walk(s, &cursor, e);
		if (nft_elem_expired(e, cpu->now))
			nft_elem_del_now(cpu, s, e);
		else
			left |= e->expires != 0;
	}
	if (left)
		expect_gc(cpu, s);
}

static bool full(const struct nft_set *s) { return s->size && s->nelems >= s->size; }

/* Expired ones do not count against the size. */
static int put_in(struct cpu *cpu, struct nft_set *s, struct nft_elem *e, struct nft_elem **old)
{
	int err;

	if (full(s))
		return -ENFILE;
	err = insert(s, e, old);
	if (err == -EEXIST && nft_elem_expired(*old, cpu->now)) {
		nft_elem_del_now(cpu, s, *old);
		err = insert(s, e, old);
	}
	if (err)
		return err;
	s->nelems++;
	s->changed = true;
	if (e->expires)
		expect_gc(cpu, s);
	return 0;
}

bool nft_elem_add_now(struct cpu *cpu, struct nft_set *s, struct nft_elem *e)
{
	struct nft_elem *old;

	return !put_in(cpu, s, e, &old);
}

void nft_elem_del_now(struct cpu *cpu, struct nft_set *s, struct nft_elem *e)
{
	if (s->ops->expire && !(e->flags & NFT_SET_ELEM_CATCHALL))
		s->ops->expire(s, e);
	take_out(s, e);
	nft_elem_free(s, e);
}

/* -- by batches -- */

static void done_add(struct netns *net, struct nft_trans *tr) { ((struct nft_elem *)tr->obj)->fresh = false; }

static void undo_add(struct netns *net, struct nft_trans *tr)
{
	take_out(tr->set, tr->obj);
	if (tr->set->gone) /* its rule has been undone before it: nothing in it holds anything any more */
		nft_elem_release(tr->set, tr->obj);
	else
		nft_elem_free(tr->set, tr->obj);
}

int nft_elem_add(struct nft_ctx *ctx, struct nft_set *s, struct nft_elem *e, struct nft_elem **old)
{
	struct nft_trans *tr;
	int err;

	e->fresh = true;
	err = put_in(ctx->cpu, s, e, old);
	if (err)
		return err;
	tr = nft_trans_new(ctx, NFT_MSG_NEWSETELEM, 0, done_add, undo_add);
	if (!tr) {
		take_out(s, e);
		return -ENOMEM;
	}
	tr->set = s;
	tr->obj = e;
	return 0;
}

static void done_del(struct netns *net, struct nft_trans *tr) { nft_elem_release(tr->set, tr->obj); }

static void undo_del(struct netns *net, struct nft_trans *tr)
{
	nft_elem_hold(tr->set, tr->obj, true);
	put_back(tr->set, tr->obj);
}

int nft_elem_del(struct nft_ctx *ctx, struct nft_set *s, struct nft_elem *e)
{
	struct nft_trans *tr = nft_trans_new(ctx, NFT_MSG_DELSETELEM, 0, done_del, undo_del);

	if (!tr)
		return -ENOMEM;
	tr->set = s;
	tr->obj = e;
	take_out(s, e);
	nft_elem_hold(s, e, false);
	return 0;
}

int nft_elem_flush(struct nft_ctx *ctx, struct nft_set *s)
{
	struct nft_elem *e, *next;
	u64 cursor = 0;
	int err;

	for (e = nft_set_walk(s, &cursor, NULL); e; e = next) {
		next = nft_set_walk(s, &cursor, e);
		err = nft_elem_del(ctx, s, e);
		if (err)
			return err;
	}
	return 0;
}

/* -- what packets look up in -- */

int nft_sets_prepare(struct netns *net)
{
	struct nft_trans *t;
	int err;

	list_for_each (t, &net->nft->trans, link) {
		struct nft_set *s = t->set;

		if (!s || !s->changed || s->gone)
			continue;
		s->changed = false;
		err = s->ops->prepare ? s->ops->prepare(s) : 0;
		if (err)
			return err;
	}
	return 0;
}

void nft_sets_commit(struct netns *net, bool ok)
{
	struct nft_trans *t;

	list_for_each (t, &net->nft->trans, link) {
		struct nft_set *s = t->set;

		if (!s || (ok ? !s->ops->commit : !s->ops->abort))
			continue;
		if (ok)
			s->ops->commit(s);
		else
			s->ops->abort(s);
	}
}
