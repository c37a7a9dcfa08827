/* Longest-prefix match: lookups, one by one and in bulk, and walking.
 *
 * A lookup needs one cache line or two per node; the bulk calls do step s of every lookup before step s + 1 of any, and fetch ahead.
 * Packets come from fib_lookup.c and fib6_lookup.c; the bulk calls are for whoever has many addresses at once.
 */
#include "inet/route/lpm_priv.h"

enum {
	BULK = 64,		/* lookups in flight: what the link layer hands over at a time */
	CONST_BITS = 19,	/* of the wide root of a very large IPv4 table, for which there is code of its own */
};

#define P1(i) (BIT64(1) | BIT64(2 | (i) >> 5) | BIT64(4 | (i) >> 4) | BIT64(8 | (i) >> 3) | BIT64(16 | (i) >> 2) | BIT64(32 | (i) >> 1))
#define P4(i) P1(i), P1((i) + 1), P1((i) + 2), P1((i) + 3)
#define P16(i) P4(i), P4((i) + 4), P4((i) + 8), P4((i) + 12)
const u64 lpm_path_mask[64] = { P16(0), P16(16), P16(32), P16(48) };

/* The longest match of at most maxlen bits. */
void *lpm_lookup_max(const struct lpm *t, struct lpm_key key, unsigned maxlen)
{
	const struct lpm_node *n = ptr_load(t->top);
	const struct lpm_wide *w = ptr_load(t->wide);
	void *best = NULL;
	unsigned k = 0;
	if (w && maxlen >= w->bits) {
		const struct wide_entry *e = &w->e[key.hi >> (64 - w->bits)];
		n = ptr_load(e->node);
		best = ptr_load(e->value);
		if (!best)
			best = ptr_load(w->dflt);
		k = w->level;
	}
	for (; n; k++) {
		if (is_bucket(n)) {
			void *const *at = lpm_bucket_match_max(bucket_of(n), key, maxlen);
			return at ? ptr_load(*at) : best;
		}
		unsigned idx = index_at(key, k, t->skip);
		unsigned room = maxlen + t->skip - k * BITS; /* bits of this level that count */
		u64 m = n->prefixes & lpm_path_mask[idx];
		if (room < BITS - 1)
			m &= below(2u << room);
		if (m)
			best = n->slot[value_slot(n, top_bit(m))];
		if (room < BITS || !has_child(n, idx))
			break;
		n = child_of(n, idx);
	}
	return best;
}


void **lpm_slot(const struct lpm *t, struct lpm_key key, unsigned len, bool *in_bucket)
{
	unsigned target = (len + t->skip) / BITS, l = (len + t->skip) % BITS, k = 0;
	const struct lpm_wide *w = ptr_load(t->wide);
	const struct lpm_node *n = ptr_load(t->top);
	unsigned pos = place(l, index_at(key, target, t->skip));
	if (w && len >= w->bits) {
		n = ptr_load(w->e[key.hi >> (64 - w->bits)].node);
		k = w->level;
	}
	for (; n && k < target && !is_bucket(n); k++) {
		unsigned idx = index_at(key, k, t->skip);
		n = has_child(n, idx) ? child_of(n, idx) : NULL;
	}
	*in_bucket = n && is_bucket(n);
	if (*in_bucket)
		return lpm_bucket_find(bucket_of(n), key, len);
	return n && n->prefixes & BIT64(pos) ? (void **)&n->slot[value_slot(n, pos)] : NULL;
}

void *lpm_find(const struct lpm *t, struct lpm_key key, unsigned len)
{
	bool in_bucket;
	void **slot = lpm_slot(t, key, len, &in_bucket);
	return slot ? ptr_load(*slot) : NULL;
}

void *lpm4_lookup(const struct lpm *t, be32 addr)
{
	u32 a = be32_to_cpu(addr);
	const struct lpm_wide *w = ptr_load(t->wide);
	const struct lpm_node *n;
	void *const *best = NULL;
	void *value = NULL;
	unsigned shift;

	if (w) {
		const struct wide_entry *e = &w->e[a >> (32 - w->bits)];
		n = ptr_load(e->node);
		value = ptr_load(e->value);
		if (!value)
			value = ptr_load(w->dflt);
		shift = w->bits;
	} else {
		unsigned idx = a >> (32 - BITS + SKIP4);
		n = ptr_load(t->top);
		if (!n)
			return NULL;
		u64 m = n->prefixes & lpm_path_mask[idx];
		if (m)
			best = &n->slot[value_slot(n, top_bit(m))];
		n = has_child(n, idx) ? child_of(n, idx) : NULL;
		shift = BITS - SKIP4;
	}
	for (; n; shift += BITS) {
		unsigned idx = index_in(a, shift);
		u64 m = n->prefixes & lpm_path_mask[idx];
		if (m)
			best = &n->slot[value_slot(n, top_bit(m))];
		n = has_child(n, idx) ? child_of(n, idx) : NULL;
	}
	return best ? ptr_load(*best) : value;
}

static const struct lpm_node no_node;

struct bulk {
	const struct lpm_node *node[BULK];
	void *const *best[BULK]; /* where the value is: a node's slot, or value[]; not read before the end */
	void *value[BULK];	 /* what the wide root gave; NULL: nothing */
	u8 live[BULK];		 /* those who go on, in order */
	void *const *child[BULK]; /* of live[] with the same index: the slot with the node to go on to */
};

/* The wide root's entry, whose cache line was fetched ahead: the node to begin with, and the value when that one has none. */
static inline void bulk_begin(struct bulk *b, unsigned i, const struct wide_entry *e, void *dflt)
{
	const struct lpm_node *n = ptr_load(e->node);
	void *v = ptr_load(e->value);
	b->value[i] = v ? v : dflt;
	b->node[i] = n ? n : &no_node;
	prefetch(b->node[i]);
	prefetch((const char *)b->node[i] + CACHELINE); /* the slots of all but small nodes */
}

/* One lookup's step in its node; above: where the best value is so far. No branch depends on the address. */
static inline void bulk_step(struct bulk *b, unsigned i, unsigned idx, void *const *above)
{
	const struct lpm_node *nd = b->node[i];
	u64 m = nd->prefixes & lpm_path_mask[idx];
	void *const *at = &nd->slot[value_slot(nd, top_bit(m | 1))];
	b->best[i] = m ? at : above;
	prefetch(b->best[i]);
}

/* The first n of `live` go on to their children; where the pointers to these are was fetched ahead. */
static inline void bulk_descend(struct bulk *b, unsigned n)
{
	for (unsigned j = 0; j < n; j++) {
		const struct lpm_node *nd = ptr_load(*b->child[j]);
		b->node[b->live[j]] = nd;
		prefetch(nd);
		prefetch((const char *)nd + 48); /* a small node's slots, when it lies across two lines */
	}
}

/* One level for the first n of `live`, of IPv4 addresses or of 128-bit keys. Returns how many have a child to go on to. */
static inline __attribute__((always_inline)) unsigned bulk_level(struct bulk *b, unsigned n, const u32 *a, const struct lpm_key *key, unsigned shift)
{
	unsigned on = 0;
	for (unsigned j = 0; j < n; j++) {
		unsigned i = b->live[j];
		const struct lpm_node *nd = b->node[i];
		unsigned idx = a ? index_in(a[i], shift) : index_in128(key[i], shift);
		if (key && is_bucket(nd)) {
			b->best[i] = bucket_match(bucket_of(nd), key[i], b->best[i]);
			prefetch(b->best[i]);
			continue;
		}
		bulk_step(b, i, idx, b->best[i]);
		b->child[on] = &nd->slot[child_slot(nd, idx)];
		prefetch(b->child[on]);
		b->live[on] = (u8)i;
		on += has_child(nd, idx);
	}
	bulk_descend(b, on);
	return on;
}

static inline __attribute__((always_inline)) void bulk_wide(const struct lpm_wide *w, unsigned shift, const be32 *addr, unsigned n, void **res)
{
	struct bulk b;
	u32 a[BULK];
	void *dflt = ptr_load(w->dflt);
	unsigned down = 32 - shift, on = 0;
	for (unsigned i = 0; i < n; i++) {
		a[i] = be32_to_cpu(addr[i]);
		prefetch(&w->e[a[i] >> down]);
	}
	for (unsigned i = 0; i < n; i++)
		bulk_begin(&b, i, &w->e[a[i] >> down], dflt);
	for (unsigned i = 0; i < n; i++) { /* the first level, where nearly all lookups end */
		const struct lpm_node *nd = b.node[i];
		unsigned idx = index_in(a[i], shift);
		bulk_step(&b, i, idx, &b.value[i]);
		if (unlikely(has_child(nd, idx))) {
			b.child[on] = &nd->slot[child_slot(nd, idx)];
			prefetch(b.child[on]);
			b.live[on++] = (u8)i;
		}
	}
	bulk_descend(&b, on);
	while (on)
		on = bulk_level(&b, on, a, NULL, shift += BITS);
	for (unsigned i = 0; i < n; i++)
		res[i] = ptr_load(*b.best[i]);
}

void lpm4_lookup_bulk(const struct lpm *t, const be32 *addr, unsigned n, void **res)
{
	const struct lpm_wide *w = ptr_load(t->wide);
	if (!w) {
		for (unsigned i = 0; i < n; i++)
			res[i] = lpm4_lookup(t, addr[i]);
		return;
	}
	while (n) {
		unsigned m = MIN(n, (unsigned)BULK);
		if (w->bits == CONST_BITS) /* a constant: the shifts are cheaper */
			bulk_wide(w, CONST_BITS, addr, m, res);
		else
			bulk_wide(w, w->bits, addr, m, res);
		addr += m;
		res += m;
		n -= m;
	}
}

static void bulk128(const struct lpm_wide *w, const struct lpm_key *key, unsigned n, void **res)
{
	struct bulk b;
	void *dflt = ptr_load(w->dflt);
	unsigned shift = w->bits, down = 64 - shift, on = n;
	for (unsigned i = 0; i < n; i++)
		prefetch(&w->e[key[i].hi >> down]);
	for (unsigned i = 0; i < n; i++) {
		bulk_begin(&b, i, &w->e[key[i].hi >> down], dflt);
		b.best[i] = &b.value[i];
		b.live[i] = (u8)i;
	}
	for (; on; shift += BITS)
		on = bulk_level(&b, on, NULL, key, shift);
	for (unsigned i = 0; i < n; i++)
		res[i] = ptr_load(*b.best[i]);
}

void lpm_lookup_bulk(const struct lpm *t, const struct lpm_key *key, unsigned n, void **res)
{
	const struct lpm_wide *w = ptr_load(t->wide);
	for (unsigned i = 0; i < n && !w; i++)
		res[i] = lpm_lookup_max(t, key[i], 128);
	for (unsigned m; w && n; key += m, res += m, n -= m) {
		m = MIN(n, (unsigned)BULK);
		bulk128(w, key, m, res);
	}
}

/* -- walking -- */

/* Whether a prefix that ends in n begins exactly at index idx (all bits behind it 0). */
static bool begins_at(const struct lpm_node *n, unsigned idx)
{
	for (unsigned l = 0; l < BITS; l++)
		if (!(idx & ((1u << (BITS - l)) - 1)) && n->prefixes >> place(l, idx) & 1)
			return true;
	return false;
}

/* The lowest address >= from at which a prefix in the subtree n (which begins at address at, on `level`) begins. */
static bool lowest(const struct lpm_node *n, unsigned level, unsigned skip, struct lpm_key at, struct lpm_key from, struct lpm_key *out)
{
	unsigned idx = key_less(at, from) ? index_at(from, level, skip) : 0;
	if (is_bucket(n))
		return lpm_bucket_next(bucket_of(n), at, from, out);
	for (; idx < (level ? 64u : 64u >> skip); idx++) {
		struct lpm_key here = key_with_index(at, level, skip, idx);
		if (!key_less(here, from) && begins_at(n, idx)) {
			*out = here;
			return true;
		}
		if (has_child(n, idx) && lowest(child_of(n, idx), level + 1, skip, here, from, out))
			return true;
	}
	return false;
}

void *lpm_next(const struct lpm *t, struct lpm_key from, struct lpm_key *at)
{
	const struct lpm_node *n = ptr_load(t->top);
	if (!n || !lowest(n, 0, t->skip, (struct lpm_key){ 0, 0 }, from, at))
		return NULL;
	return lpm_lookup_max(t, *at, 128);
}
