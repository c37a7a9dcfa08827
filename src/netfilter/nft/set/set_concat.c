/* Ranges in several dimensions: elements that are a range in each field of a concatenation.
 *
 * Packets look in blocks of up to BLOCK elements, made at each commit. For each field a block has the boundaries where the set of its elements
 * changes, and for each stretch between two of them one bit for each element whose range has it; a bisection in every field, the
 * conjunction of the bits, and the lowest one left is the element that was put in first. Fields that all elements of a block leave alone narrow nothing, and
 * cost one step.
 *
 * T. V. Lakshman and D. Stiliadis, "High-Speed Policy-based Packet Forwarding Using Efficient Multi-dimensional Range Matching", SIGCOMM 1998.
 */
#include "netfilter/nft/nft_set.h"

enum { BLOCK = 512, BLOCK_WORDS = BLOCK / 64 };

struct field {
	u32 n;			/* stretches; [i] begins at bound i; what lies before the first is in none */
	u8 *bound;		/* bytes each: the field's length */
	u64 (*bits)[BLOCK_WORDS];
};
struct block {
	u32 n;
	struct nft_elem *elem[BLOCK];
	struct field field[NFT_SET_FIELDS];
};
struct blocks { u32 n; struct block block[]; };
struct concat_set { struct list elems; struct blocks *now, *next; };

static bool fits(const struct nft_set *s) { return s->flags & NFT_SET_INTERVAL && s->nfields > 1; }

static int init(struct nft_set *s)
{
	list_init(&((struct concat_set *)s->priv)->elems);
	return 0;
}

static void blocks_free(struct nft_set *s, struct blocks *b)
{
	struct mem *m = &s->net->world->mem;

	for (u32 i = 0; b && i < b->n; i++) {
		for (unsigned f = 0; f < s->nfields; f++) {
			mem_free(m, b->block[i].field[f].bound);
			mem_free(m, b->block[i].field[f].bits);
		}
	}
	mem_free(m, b);
}

static void fini(struct nft_set *s)
{
	struct concat_set *c = s->priv;

	blocks_free(s, c->now);
	blocks_free(s, c->next);
}

/* -- elements in a list -- */

static u32 offset_of(const struct nft_set *s, unsigned field)
{
	u32 at = 0;

	for (unsigned i = 0; i < field; i++)
		at += ALIGN_UP((u32)s->field_len[i], 4u);
	return at;
}

static const u8 *low(const struct nft_elem *e) { return (const u8 *)e->key; }
static const u8 *high(const struct nft_elem *e) { return (const u8 *)(e->key_end ? nft_elem_key_end(e) : e->key); }

static bool same(const struct nft_set *s, const struct nft_elem *e, const u32 *key, const u32 *key_end)
{
	return !memcmp(low(e), key, s->klen) && !memcmp(high(e), key_end ? key_end : key, s->klen);
}

static struct nft_elem *find(const struct nft_set *s, const u32 *key, const u32 *key_end, u8 flags)
{
	struct nft_elem *e;

	list_for_each (e, &((struct concat_set *)s->priv)->elems, link) {
		if (same(s, e, key, key_end))
			return e;
	}
	return NULL;
}

static bool overlap(const struct nft_set *s, const struct nft_elem *a, const struct nft_elem *b)
{
	for (unsigned f = 0; f < s->nfields; f++) {
		u32 at = offset_of(s, f), len = s->field_len[f];

		if (memcmp(high(a) + at, low(b) + at, len) < 0 || memcmp(high(b) + at, low(a) + at, len) < 0)
			return false;
	}
	return true;
}

static void put_back(struct nft_set *s, struct nft_elem *e) { list_add_tail(&((struct concat_set *)s->priv)->elems, &e->link); }

static int insert(struct nft_set *s, struct nft_elem *e, struct nft_elem **old)
{
	struct nft_elem *o;

	list_for_each (o, &((struct concat_set *)s->priv)->elems, link) {
		if (!overlap(s, o, e))
			continue;
		*old = o;
		return same(s, o, e->key, (const u32 *)high(e)) ? -EEXIST : -ENOTEMPTY;
	}
	put_back(s, e);
	return 0;
}

static void del(struct nft_set *s, struct nft_elem *e) { list_del(&e->link); }

static struct nft_elem *walk(struct nft_set *s, u64 *cursor, struct nft_elem *prev)
{
	struct list *head = &((struct concat_set *)s->priv)->elems, *n = prev ? prev->link.next : head->next;

	return n == head ? NULL : list_entry(n, struct nft_elem, link);
}

static void expire(struct nft_set *s, struct nft_elem *e)
{
	struct blocks *b = ((struct concat_set *)s->priv)->now;

	for (u32 i = 0; b && i < b->n; i++)
		for (u32 k = 0; k < b->block[i].n; k++)
			if (b->block[i].elem[k] == e)
				b->block[i].elem[k] = NULL;
}

/* -- blocks -- */

/* D. L. Shell's: n values of len bytes, in the order of memcmp. */
static void sort(u8 *v, u32 n, u32 len)
{
	u8 one[NFT_VALUE_MAX];

	for (u32 gap = n / 2; gap; gap = gap == 2 ? 1 : gap * 5 / 11) {
		for (u32 i = gap; i < n; i++) {
			u32 k = i;

			memcpy(one, v + i * len, len);
			for (; k >= gap && memcmp(v + (k - gap) * len, one, len) > 0; k -= gap)
				memcpy(v + k * len, v + (k - gap) * len, len);
			memcpy(v + k * len, one, len);
		}
	}
}

/* One more than a field's value, in the order of memcmp; false: there is none. */
static bool successor(u8 *v, u32 len)
{
	while (len--)
		if (++v[len])
			return true;
	return false;
}

/* A range begins at its low end and ends before the value after its high end: these are the boundaries. */
static int make_field(struct nft_set *s, const struct block *b, unsigned index, struct field *f)
{
	struct mem *m = &s->net->world->mem;
	u32 at = offset_of(s, index), len = s->field_len[index], n = 0, kept = 0;

	f->bound = mem_alloc(m, (size_t)b->n * 2 * len);
	if (!f->bound)
		return -ENOMEM;
	for (u32 i = 0; i < b->n; i++) {
		memcpy(f->bound + n++ * len, low(b->elem[i]) + at, len);
		memcpy(f->bound + n * len, high(b->elem[i]) + at, len);
		n += successor(f->bound + n * len, len);
	}
	sort(f->bound, n, len);
	for (u32 i = 0; i < n; i++)
		if (!kept || memcmp(f->bound + (kept - 1) * len, f->bound + i * len, len))
			memmove(f->bound + kept++ * len, f->bound + i * len, len);
	f->n = kept;
	f->bits = mem_zalloc(m, kept * sizeof(f->bits[0]));
	if (!f->bits)
		return -ENOMEM;
	for (u32 k = 0; k < kept; k++)
		for (u32 i = 0; i < b->n; i++)
			if (memcmp(low(b->elem[i]) + at, f->bound + k * len, len) <= 0 && memcmp(f->bound + k * len, high(b->elem[i]) + at, len) <= 0)
				f->bits[k][i / 64] |= BIT64(i % 64);
	return 0;
}

static int prepare(struct nft_set *s)
{
	struct concat_set *c = s->priv;
	struct mem *m = &s->net->world->mem;
	struct blocks *b;
	struct nft_elem *e;
	u32 n = 0;

	list_for_each (e, &c->elems, link) {
		n++;
	}
	b = mem_zalloc(m, sizeof(*b) + (n + BLOCK - 1) / BLOCK * sizeof(b->block[0]));
	if (!b)
		return -ENOMEM;
	list_for_each (e, &c->elems, link) {
		struct block *k = b->n ? &b->block[b->n - 1] : NULL;

		if (!k || k->n == BLOCK)
			k = &b->block[b->n++];
		k->elem[k->n++] = e;
	}
	for (u32 i = 0; i < b->n; i++) {
		for (unsigned f = 0; f < s->nfields; f++) {
			if (make_field(s, &b->block[i], f, &b->block[i].field[f])) {
				blocks_free(s, b);
				return -ENOMEM;
			}
		}
	}
	blocks_free(s, c->next);
	c->next = b;
	return 0;
}

static void commit(struct nft_set *s)
{
	struct concat_set *c = s->priv;

	if (!c->next)
		return;
	blocks_free(s, c->now);
	c->now = c->next;
	c->next = NULL;
}

static void undo(struct nft_set *s)
{
	struct concat_set *c = s->priv;

	blocks_free(s, c->next);
	c->next = NULL;
}

static const u64 *stretch(const struct field *f, const u8 *v, u32 len)
{
	u32 lo = 0, hi = f->n;

	while (lo < hi) {
		u32 mid = (lo + hi) / 2;

		if (memcmp(f->bound + mid * len, v, len) <= 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo ? f->bits[lo - 1] : NULL;
}

static struct nft_elem *in_block(const struct nft_set *s, const struct block *b, const u8 *key, u64 now)
{
	u64 left[BLOCK_WORDS];
	u32 words = (b->n + 63) / 64, at = 0;

	memset(left, 0xff, sizeof(left));
	for (unsigned f = 0; f < s->nfields; f++) {
		const u64 *bits = stretch(&b->field[f], key + at, s->field_len[f]);
		u64 any = 0;

		for (u32 i = 0; bits && i < words; i++)
			any |= left[i] &= bits[i];
		if (!any)
			return NULL;
		at += ALIGN_UP((u32)s->field_len[f], 4u);
	}
	for (u32 i = 0; i < words; i++) {
		for (u64 m = left[i]; m; m &= m - 1) {
			struct nft_elem *e = b->elem[i * 64 + (u32)__builtin_ctzll(m)];

			if (e && !nft_elem_expired(e, now))
				return e;
		}
	}
	return NULL;
}

static struct nft_elem *lookup(const struct nft_set *s, const u32 *key, u64 now)
{
	const struct blocks *b = ((const struct concat_set *)s->priv)->now;

	for (u32 i = 0; b && i < b->n; i++) {
		struct nft_elem *e = in_block(s, &b->block[i], (const u8 *)key, now);

		if (e)
			return e;
	}
	return NULL;
}

static struct nft_elem *get(const struct nft_set *s, const u32 *key, const u32 *key_end, u8 flags) { return lookup(s, key, 0); }

const struct nft_set_ops nft_set_concat = { .name = "nft_set_pipapo_type", .priv_size = sizeof(struct concat_set), .fits = fits, .init = init,
	.fini = fini, .lookup = lookup, .insert = insert, .remove = del, .put_back = put_back, .expire = expire, .find = find, .get = get,
	.walk = walk, .prepare = prepare, .commit = commit, .abort = undo };
