/* Longest-prefix match: the wide root of a large table.
 *
 * An array indexed by the first bits of the address (13 or 16 of them; 19 when an IPv4 table is very large), with the node that begins
 * there and the best value among the shorter prefixes. It saves the dependent accesses to the levels above: with 19 bits most lookups
 * are one access to the array and one to a node. Where a bucket ends the way earlier, all entries of its range have it. A short prefix
 * writes its whole range of entries, except the default route, which stands apart; the trie stays the authority from which they are
 * computed.
 */
#include "inet/route/lpm_priv.h"

enum {
	WIDE_LEVEL = 3,		/* of the wide root: 13 bits, 128 kB; or 16 bits, 1 MB */
	WIDE_ABOVE = 8192,	/* at least as much of trie */
	WIDE_BELOW = 2048,	/* far enough below that a table at the edge doesn't flap */
	WIDEST_LEVEL = 4,	/* IPv4: 19 bits, 8 MB; with the trie below less than 45 bytes a prefix at the edge, 25 at a million */
	WIDEST_ABOVE = 400000,
	WIDEST_BELOW = 200000,
};

static struct lpm_node *node_at_level(const struct lpm *t, struct lpm_key key, unsigned level)
{
	struct lpm_node *n = t->top;
	for (unsigned k = 0; n && k < level && !is_bucket(n); k++) {
		unsigned idx = index_at(key, k, t->skip);
		n = has_child(n, idx) ? child_of(n, idx) : NULL;
	}
	return n;
}

/* A part of the wide root to be computed: the entries from lo up to hi - 1. */
struct fill {
	struct lpm_wide *w;
	u32 lo, hi;
};

/* From the subtree n of `level`, whose first entry is `at`; value: the best among the prefixes above n. */
static void fill_from(const struct fill *f, const struct lpm_node *n, unsigned level, u32 at, void *value, u64 leave_out)
{
	unsigned shift = (f->w->level - 1 - level) * BITS; /* log2 of the entries for an index of n */
	unsigned last = MIN(63u, (f->hi - 1 - at) >> shift);
	for (unsigned idx = f->lo > at ? (f->lo - at) >> shift : 0; idx <= last; idx++) {
		u32 first = at + (idx << shift), end = MIN(first + (1u << shift), f->hi);
		u64 m = n->prefixes & lpm_path_mask[idx] & ~leave_out;
		void *best = m ? n->slot[value_slot(n, top_bit(m))] : value;
		struct lpm_node *c = has_child(n, idx) ? child_of(n, idx) : NULL;
		if (shift && c && !is_bucket(c)) {
			fill_from(f, c, level + 1, first, best, 0);
			continue;
		}
		for (u32 i = MAX(first, f->lo); i < end; i++) {
			ptr_publish(f->w->e[i].value, best);
			ptr_publish(f->w->e[i].node, c);
		}
	}
}

static void wide_fill(const struct lpm *t, struct lpm_wide *w, u32 first, u32 count)
{
	if (t->top)
		fill_from(&(struct fill){ w, first, first + count }, t->top, 0, 0, NULL, BIT64(1u << t->skip));
}

/* The level that the wide root should have for this many prefixes; 0: no wide root. */
static unsigned wide_level(const struct lpm *t)
{
	unsigned now = t->wide ? t->wide->level : 0;
	if (t->skip == SKIP4 && t->count > (now < WIDEST_LEVEL ? WIDEST_ABOVE : WIDEST_BELOW))
		return WIDEST_LEVEL;
	return t->count > (now ? WIDE_BELOW : WIDE_ABOVE) ? WIDE_LEVEL : 0;
}

/* -ENOMEM: it stays as it was, which is slower or larger but not wrong. */
static int wide_change(struct lpm *t, unsigned level)
{
	struct lpm_wide *old = t->wide, *w = NULL;
	unsigned bits = level * BITS - t->skip;
	if (level) {
		w = mem_alloc_aligned(t->mem, CACHELINE, sizeof(*w) + ((size_t)sizeof(w->e[0]) << bits));
		if (!w)
			return -ENOMEM;
		*w = (struct lpm_wide){ .level = level, .bits = bits, .dflt = lpm_find(t, (struct lpm_key){ 0, 0 }, 0) };
		wide_fill(t, w, 0, 1u << bits);
	}
	ptr_publish(t->wide, w);
	if (old)
		lpm_retire(t, old);
	return 0;
}

void lpm_wide_refill(struct lpm *t, struct lpm_key key, unsigned same)
{
	struct lpm_wide *w = t->wide;
	if (same)
		wide_fill(t, w, (u32)(lpm_key_mask(key, same).hi >> (64 - w->bits)), 1u << (w->bits - same));
	else
		ptr_publish(w->dflt, lpm_find(t, (struct lpm_key){ 0, 0 }, 0));
}

void lpm_wide_update(struct lpm *t, struct lpm_key key, unsigned same, unsigned level, struct lpm_node *n)
{
	struct lpm_wide *w = t->wide;
	unsigned want = wide_level(t);
	if (want != (w ? w->level : 0) && !wide_change(t, want))
		return;
	if (!w || level > w->level)
		return;
	if (same < w->bits)
		lpm_wide_refill(t, key, same);
	if (level == w->level)
		ptr_publish(w->e[key.hi >> (64 - w->bits)].node, n);
	else if (same >= w->bits)
		ptr_publish(w->e[key.hi >> (64 - w->bits)].node, node_at_level(t, key, w->level));
}
