/* Intervals of one value: boundaries in a tree, each the begin of an interval or, with NFT_SET_ELEM_INTERVAL_END, the first value behind
 * one. A value is in the set when the last boundary not above it is a begin.
 *
 * Packets look in an array of the boundaries, made at each commit: values of four bytes by their upper half first, then by
 * bisection among the few that share it.
 */
#include "netfilter/nft/nft_set.h"

enum { INDEX_BITS = 16, INDEX_FROM = 64 /* with fewer boundaries an index over 65,536 values costs more than it saves */ };

struct flat {
	u32 n, words;
	u32 *index;		/* four-byte values: [v >> 16]: the first boundary with that upper half or more; NULL: none */
	struct nft_elem **elem;	/* by boundary; NULL: gone since */
	u32 key[];		/* words each, in an order that compares as numbers */
};
struct interval_set { struct rbroot root; struct flat *now, *next; };

static bool fits(const struct nft_set *s) { return s->flags & NFT_SET_INTERVAL && s->nfields <= 1; }
static int init(struct nft_set *s) { return 0; }

static void flat_free(struct mem *m, struct flat *f)
{
	if (!f)
		return;
	mem_free(m, f->index);
	mem_free(m, f->elem);
	mem_free(m, f);
}

static void fini(struct nft_set *s)
{
	struct interval_set *i = s->priv;

	flat_free(&s->net->world->mem, i->now);
	flat_free(&s->net->world->mem, i->next);
}

/* -- the tree: by value, an end before a begin at the same -- */

static bool is_end(const struct nft_elem *e) { return e->flags & NFT_SET_ELEM_INTERVAL_END; }
static struct nft_elem *of(struct rbnode *n) { return n ? container_of(n, struct nft_elem, rb) : NULL; }

static int order(const struct nft_set *s, const u32 *key, bool end, const struct nft_elem *e)
{
	int d = memcmp(key, e->key, s->klen);

	return d ? d : (int)is_end(e) - (int)end;
}

static struct nft_elem *find_at(const struct nft_set *s, const u32 *key, bool end)
{
	struct rbnode *n = ((struct interval_set *)s->priv)->root.node;

	while (n) {
		int d = order(s, key, end, of(n));

		if (!d)
			return of(n);
		n = d < 0 ? n->left : n->right;
	}
	return NULL;
}

static struct nft_elem *find(const struct nft_set *s, const u32 *key, const u32 *key_end, u8 flags)
{
	return find_at(s, key, flags & NFT_SET_ELEM_INTERVAL_END);
}

/* The last boundary not above key. */
static struct nft_elem *floor_of(const struct nft_set *s, const u32 *key)
{
	struct rbnode *n = ((struct interval_set *)s->priv)->root.node, *best = NULL;

	while (n) {
		if (order(s, key, false, of(n)) >= 0) {
			best = n;
			n = n->right;
		} else {
			n = n->left;
		}
	}
	return of(best);
}

static void put_back(struct nft_set *s, struct nft_elem *e)
{
	struct interval_set *i = s->priv;
	struct rbnode **at = &i->root.node, *parent = NULL;

	while (*at) {
		parent = *at;
		at = order(s, e->key, is_end(e), of(parent)) < 0 ? &parent->left : &parent->right;
	}
	rb_link(&e->rb, parent, at);
	rb_insert(&i->root, &e->rb);
}

/* Would e lie within an interval that is there, or around one? A begin whose end has not come yet (they come one by one) covers nothing. */
static bool overlaps(const struct nft_set *s, const struct nft_elem *e)
{
	struct nft_elem *below = NULL, *above = NULL, *b;
	struct rbnode *n = ((struct interval_set *)s->priv)->root.node;

	while (n) {
		if (order(s, e->key, is_end(e), of(n)) > 0) {
			below = of(n);
			n = n->right;
		} else {
			above = of(n);
			n = n->left;
		}
	}
	if (!is_end(e)) {
		if (!below || is_end(below))
			return false;
		return above ? is_end(above) : !below->fresh; /* inside of it */
	}
	if (!below || !is_end(below))
		return false;
	/* Behind an end: either it is nobody's (the value 0), or the begin that it belongs to lies before intervals that are there. */
	b = of(rb_prev(&below->rb));
	return b && !is_end(b) && above && is_end(above);
}

static int insert(struct nft_set *s, struct nft_elem *e, struct nft_elem **old)
{
	*old = find_at(s, e->key, is_end(e));
	if (*old)
		return -EEXIST;
	if (overlaps(s, e))
		return -ENOTEMPTY;
	put_back(s, e);
	return 0;
}

static u32 number(const u32 *key) { return __builtin_bswap32(key[0]); }

static void del(struct nft_set *s, struct nft_elem *e)
{
	rb_erase(&((struct interval_set *)s->priv)->root, &e->rb);
}

static void expire(struct nft_set *s, struct nft_elem *e)
{
	struct flat *f = ((struct interval_set *)s->priv)->now;

	for (u32 i = 0; f && i < f->n; i++)
		if (f->elem[i] == e)
			f->elem[i] = NULL;
}

/* The greatest first, as Linux tells them. */
static struct nft_elem *walk(struct nft_set *s, u64 *cursor, struct nft_elem *prev)
{
	struct interval_set *i = s->priv;

	return of(prev ? rb_prev(&prev->rb) : rb_last(&i->root));
}

/* -- the array -- */

static int make_index(struct mem *m, struct flat *f)
{
	u32 at = 0;

	f->index = mem_alloc(m, ((1u << INDEX_BITS) + 1) * sizeof(u32));
	if (!f->index)
		return -ENOMEM;
	for (u32 v = 0; v < 1u << INDEX_BITS; v++) {
		while (at < f->n && f->key[at] >> INDEX_BITS < v)
			at++;
		f->index[v] = at;
	}
	f->index[1u << INDEX_BITS] = f->n;
	return 0;
}

static int prepare(struct nft_set *s)
{
	struct interval_set *i = s->priv;
	struct mem *m = &s->net->world->mem;
	u32 words = nft_set_words(s), n = 0;
	struct flat *f;

	for (struct rbnode *r = rb_first(&i->root); r; r = rb_next(r))
		n++;
	f = mem_zalloc(m, sizeof(*f) + (size_t)n * words * 4);
	if (!f)
		return -ENOMEM;
	f->words = words;
	f->elem = mem_alloc(m, MAX(n, 1u) * sizeof(f->elem[0]));
	if (!f->elem)
		goto nomem;
	for (struct rbnode *r = rb_first(&i->root); r; r = rb_next(r)) {
		struct nft_elem *e = of(r);

		if (words == 1)
			f->key[f->n] = number(e->key);
		else
			memcpy(&f->key[f->n * words], e->key, words * 4);
		f->elem[f->n++] = e;
	}
	if (words == 1 && n >= INDEX_FROM && make_index(m, f))
		goto nomem;
	flat_free(m, i->next);
	i->next = f;
	return 0;
nomem:
	flat_free(m, f);
	return -ENOMEM;
}

static void commit(struct nft_set *s)
{
	struct interval_set *i = s->priv;

	if (!i->next)
		return;
	flat_free(&s->net->world->mem, i->now);
	i->now = i->next;
	i->next = NULL;
}

static void undo(struct nft_set *s)
{
	struct interval_set *i = s->priv;

	flat_free(&s->net->world->mem, i->next);
	i->next = NULL;
}

/* How many boundaries are not above key. */
static u32 count_below(const struct flat *f, const struct nft_set *s, const u32 *key)
{
	u32 lo = 0, hi = f->n, v;

	if (f->words == 1) {
		v = number(key);
		if (f->index) {
			lo = f->index[v >> INDEX_BITS];
			hi = f->index[(v >> INDEX_BITS) + 1];
		}
		while (lo < hi) {
			u32 mid = (lo + hi) / 2;

			if (f->key[mid] <= v)
				lo = mid + 1;
			else
				hi = mid;
		}
		return lo;
	}
	while (lo < hi) {
		u32 mid = (lo + hi) / 2;

		if (memcmp(&f->key[mid * f->words], key, s->klen) <= 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static struct nft_elem *lookup(const struct nft_set *s, const u32 *key, u64 now)
{
	const struct flat *f = ((const struct interval_set *)s->priv)->now;
	u32 n = f ? count_below(f, s, key) : 0;
	struct nft_elem *e = n ? f->elem[n - 1] : NULL;

	return e && !is_end(e) && !nft_elem_expired(e, now) ? e : NULL;
}

/* nft get element: the interval that a value lies in, by its begin; with the flag, by its end. */
static struct nft_elem *get(const struct nft_set *s, const u32 *key, const u32 *key_end, u8 flags)
{
	struct nft_elem *e;

	if (flags & NFT_SET_ELEM_INTERVAL_END) {
		struct nft_elem *begin = floor_of(s, key), *next = begin ? of(rb_next(&begin->rb)) : NULL;

		e = find_at(s, key, true);
		return e ? e : begin && !is_end(begin) ? next : NULL;
	}
	e = floor_of(s, key);
	return e && !is_end(e) ? e : NULL;
}

const struct nft_set_ops nft_set_interval = { .name = "nft_set_rbtree_type", .priv_size = sizeof(struct interval_set), .fits = fits, .init = init,
	.fini = fini, .lookup = lookup, .insert = insert, .remove = del, .put_back = put_back, .expire = expire, .find = find, .get = get,
	.walk = walk, .prepare = prepare, .commit = commit, .abort = undo };
