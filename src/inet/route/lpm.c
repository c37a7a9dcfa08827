/* Longest-prefix match: a trie of 64-way nodes with bitmaps, and a wide root when the table is large.
 *
 * A node stands for six bits of the key. It holds the prefixes that end inside it (a bitmap of the 63 places in a binary tree
 * of depth six, and a value for each bit that is set) and its children (a bitmap of 64, and a pointer each), so its size follows
 * its content and nothing is expanded: a prefix is stored once. The idea is the tree bitmap of Eatherton, Varghese and Dittia
 * (2004). The first node takes fewer bits, so that later ones begin where they serve best. IPv4: bits 1, 7, 13, 19, 25, 31, so that
 * the node at bit 19 holds what lies between /19 and /24, which is nearly all of a full table. IPv6: bits 4, 10, 16, ..., 124, so that
 * no node lies across the middle of a 128-bit key.
 *
 * A change copies one node, edits the copy and swaps the pointer in its parent; a longer path below is built first. Readers see
 * the old node or the new one. Replaced nodes are freed after an epoch.
 *
 * A large table has a wide root: an array indexed by the first bits of the address (13 or 16 of them; 19 when an IPv4 table is very
 * large), with the node that begins there and the best value among the shorter prefixes. It saves the dependent accesses to the
 * levels above: with 19 bits most lookups are one access to the array and one to a node. A short prefix writes its whole range of
 * entries, except the default route, which stands apart; the trie stays the authority from which they are computed.
 *
 * A lookup needs one cache line or two per node; the bulk calls do step s of every lookup before step s + 1 of any, and fetch ahead.
 */
#include "inet/route/lpm.h"

enum {
	BITS = 6,
	SKIP4 = 5, SKIP6 = 2,	/* struct lpm's skip: the first node takes 1 bit, or 4 */
	LEVELS = (128 + SKIP6) / BITS + 1,
	WIDE_LEVEL = 3,		/* of the wide root: 13 bits, 128 kB; or 16 bits, 1 MB */
	WIDE_ABOVE = 8192,	/* at least as much of trie */
	WIDE_BELOW = 2048,	/* far enough below that a table at the edge doesn't flap */
	WIDEST_LEVEL = 4,	/* IPv4: 19 bits, 8 MB; with the trie below less than 45 bytes a prefix at the edge, 25 at a million */
	WIDEST_BITS = WIDEST_LEVEL * BITS - SKIP4,
	WIDEST_ABOVE = 400000,
	WIDEST_BELOW = 200000,
	BULK = 64,		/* lookups in flight: what the link layer hands over at a time */
};

struct lpm_node {
	u64 children;		/* bit i: a child for index i */
	u64 prefixes;		/* bit 1 << l | index >> (6 - l): a prefix that ends after l of the six bits */
	struct lpm_node *retired; /* next in the gc's list */
	void *slot[];		/* the children in order, then the values in order */
};
struct wide_entry {
	struct lpm_node *node;
	void *value;		/* of the longest prefix shorter than `bits`, the default route left out; NULL: none */
};
struct lpm_wide {
	struct lpm_wide *retired; /* next in the gc's list */
	void *dflt;		/* the default route's value; NULL: none */
	unsigned level, bits;	/* the level whose nodes the entries point to, and the bit where it begins */
	struct wide_entry e[] __attribute__((aligned(CACHELINE))); /* 1 << bits; none lies across two lines */
};
/* Outlives its table by an epoch. */
struct lpm_gc {
	struct epoch_node node;
	struct mem *mem;
	struct world *w;
	struct lpm_node *fresh, *waiting; /* waiting: until the epoch ends */
	struct lpm_wide *wide_fresh, *wide_waiting;
	bool orphan;
};

/* The places in a node's tree that lie on the way to index i: one for each of the six lengths. */
#define P1(i) (BIT64(1) | BIT64(2 | (i) >> 5) | BIT64(4 | (i) >> 4) | BIT64(8 | (i) >> 3) | BIT64(16 | (i) >> 2) | BIT64(32 | (i) >> 1))
#define P4(i) P1(i), P1((i) + 1), P1((i) + 2), P1((i) + 3)
#define P16(i) P4(i), P4((i) + 4), P4((i) + 8), P4((i) + 12)
static const u64 path_mask[64] = { P16(0), P16(16), P16(32), P16(48) };

struct lpm_key lpm_key_mask(struct lpm_key k, unsigned len)
{
	if (len < 64)
		return (struct lpm_key){ len ? k.hi & (~0ull << (64 - len)) : 0, 0 };
	return (struct lpm_key){ k.hi, len == 128 ? k.lo : len == 64 ? 0 : k.lo & (~0ull << (128 - len)) };
}

/* The six bits behind the first `shift`, which are less than 128; those that a key has not got count as 0. */
static inline unsigned index_in(u32 a, unsigned shift) { return (unsigned)((u64)a << 32 << shift >> (64 - BITS)); }
static inline unsigned index_in128(struct lpm_key k, unsigned shift)
{
	return (unsigned)((shift < 64 ? k.hi << shift : k.lo << (shift - 64)) >> (64 - BITS));
}
static inline unsigned index_at(struct lpm_key k, unsigned level, unsigned skip)
{
	return level ? index_in128(k, level * BITS - skip) : (unsigned)(k.hi >> (64 - BITS + skip));
}
static inline unsigned popcount(u64 v) { return (unsigned)__builtin_popcountll(v); }
static inline u64 below(unsigned bit) { return BIT64(bit) - 1; }
static inline unsigned place(unsigned l, unsigned idx) { return 1u << l | idx >> (BITS - l); }
static inline unsigned top_bit(u64 m) { return 63u - (unsigned)__builtin_clzll(m); }
static inline unsigned child_slot(const struct lpm_node *n, unsigned idx) { return popcount(n->children & below(idx)); }
static inline unsigned value_slot(const struct lpm_node *n, unsigned pos)
{
	return popcount(n->children) + popcount(n->prefixes & below(pos));
}
static inline bool has_child(const struct lpm_node *n, unsigned idx) { return n->children >> idx & 1; }
static inline struct lpm_node *child_of(const struct lpm_node *n, unsigned idx) { return ptr_load(n->slot[child_slot(n, idx)]); }
static size_t node_bytes(unsigned slots) { return sizeof(struct lpm_node) + slots * sizeof(void *); }
static unsigned node_slots(const struct lpm_node *n) { return popcount(n->children) + popcount(n->prefixes); }

/* -- freeing -- */

static void free_list(struct mem *mem, struct lpm_node *n)
{
	while (n) {
		struct lpm_node *next = n->retired;
		mem_free(mem, n);
		n = next;
	}
}

static void wide_free_list(struct mem *mem, struct lpm_wide *w)
{
	while (w) {
		struct lpm_wide *next = w->retired;
		mem_free(mem, w);
		w = next;
	}
}

static void gc_run(struct epoch_node *node);

static void gc_start(struct lpm_gc *gc)
{
	if (gc->waiting || gc->wide_waiting || (!gc->fresh && !gc->wide_fresh))
		return;
	gc->waiting = gc->fresh;
	gc->wide_waiting = gc->wide_fresh;
	gc->fresh = NULL;
	gc->wide_fresh = NULL;
	epoch_defer_node(gc->w, &gc->node, gc_run);
}

static void gc_run(struct epoch_node *node)
{
	struct lpm_gc *gc = container_of(node, struct lpm_gc, node);
	free_list(gc->mem, gc->waiting);
	wide_free_list(gc->mem, gc->wide_waiting);
	gc->waiting = NULL;
	gc->wide_waiting = NULL;
	gc_start(gc);
	if (gc->orphan && !gc->waiting && !gc->wide_waiting)
		mem_free(gc->mem, gc);
}

static void retire(struct lpm *t, struct lpm_node *n)
{
	if (!n)
		return;
	if (!t->gc) {
		mem_free(t->mem, n);
		return;
	}
	n->retired = t->gc->fresh;
	t->gc->fresh = n;
	gc_start(t->gc);
}

static void wide_retire(struct lpm *t, struct lpm_wide *w)
{
	if (!t->gc) {
		mem_free(t->mem, w);
		return;
	}
	w->retired = t->gc->wide_fresh;
	t->gc->wide_fresh = w;
	gc_start(t->gc);
}

int lpm_init(struct lpm *t, struct mem *mem, struct world *w, unsigned bits)
{
	assert(bits == 32 || bits == 128);
	*t = (struct lpm){ .mem = mem, .skip = bits == 32 ? SKIP4 : SKIP6 };
	if (!w)
		return 0;
	t->gc = mem_zalloc(mem, sizeof(*t->gc));
	if (!t->gc)
		return -ENOMEM;
	t->gc->mem = mem;
	t->gc->w = w;
	return 0;
}

static void free_tree(struct lpm *t, struct lpm_node *n)
{
	if (!n)
		return;
	for (unsigned i = 0; i < popcount(n->children); i++)
		free_tree(t, n->slot[i]);
	retire(t, n);
}

void lpm_fini(struct lpm *t)
{
	struct lpm_gc *gc = t->gc;
	free_tree(t, t->top);
	if (t->wide)
		wide_retire(t, t->wide);
	*t = (struct lpm){ .mem = t->mem, .skip = t->skip };
	if (!gc)
		return;
	gc->orphan = true;
	if (!gc->waiting && !gc->wide_waiting)
		gc_run(&gc->node);
}

/* -- editing one node -- */

static struct lpm_node *node_alloc(struct lpm *t, unsigned slots) { return mem_alloc(t->mem, node_bytes(slots)); }

/* A copy of n (NULL: empty) with p put in at slot `at`; the bitmaps are the caller's to complete. */
static struct lpm_node *copy_with(struct lpm *t, const struct lpm_node *n, unsigned at, void *p)
{
	unsigned slots = n ? node_slots(n) : 0;
	struct lpm_node *c = node_alloc(t, slots + 1);
	if (!c)
		return NULL;
	c->children = n ? n->children : 0;
	c->prefixes = n ? n->prefixes : 0;
	c->retired = NULL;
	if (n)
		memcpy(c->slot, n->slot, at * sizeof(void *));
	c->slot[at] = p;
	if (n)
		memcpy(c->slot + at + 1, n->slot + at, (slots - at) * sizeof(void *));
	return c;
}
static struct lpm_node *with_child(struct lpm *t, const struct lpm_node *n, unsigned idx, struct lpm_node *child)
{
	struct lpm_node *c = copy_with(t, n, n ? child_slot(n, idx) : 0, child);
	if (c)
		c->children |= BIT64(idx);
	return c;
}
static struct lpm_node *with_value(struct lpm *t, const struct lpm_node *n, unsigned pos, void *value)
{
	struct lpm_node *c = copy_with(t, n, n ? value_slot(n, pos) : 0, value);
	if (c)
		c->prefixes |= BIT64(pos);
	return c;
}
/* n without slot `at`: a copy; when there is no memory for one, n itself, edited under the feet of nobody: all batons are held. */
static struct lpm_node *without(struct lpm *t, struct lpm_node *n, unsigned at, u64 child_bit, u64 prefix_bit)
{
	unsigned slots = node_slots(n);
	struct lpm_node *c = node_alloc(t, slots - 1);
	if (c) {
		memcpy(c->slot, n->slot, at * sizeof(void *));
		c->retired = NULL;
	} else {
		c = n;
	}
	memmove(c->slot + at, n->slot + at + 1, (slots - 1 - at) * sizeof(void *));
	c->children = n->children & ~child_bit;
	c->prefixes = n->prefixes & ~prefix_bit;
	return c;
}

/* -- the wide root -- */

/* The longest match of at most maxlen bits. */
void *lpm_lookup_max(const struct lpm *t, struct lpm_key key, unsigned maxlen)
{
	const struct lpm_node *n = ptr_load(t->top);
	void *best = NULL;
	for (unsigned k = 0; n; k++) {
		unsigned idx = index_at(key, k, t->skip);
		unsigned room = maxlen + t->skip - k * BITS; /* bits of this level that count */
		u64 m = n->prefixes & path_mask[idx];
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

static struct lpm_node *node_at_level(const struct lpm *t, struct lpm_key key, unsigned level)
{
	struct lpm_node *n = t->top;
	for (unsigned k = 0; n && k < level; k++) {
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
		u64 m = n->prefixes & path_mask[idx] & ~leave_out;
		void *best = m ? n->slot[value_slot(n, top_bit(m))] : value;
		struct lpm_node *c = has_child(n, idx) ? child_of(n, idx) : NULL;
		if (shift && c) {
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
		wide_retire(t, old);
	return 0;
}

/* A prefix shorter than the root's bits came, changed or went. */
static void wide_short_prefix(struct lpm *t, struct lpm_key key, unsigned len)
{
	struct lpm_wide *w = t->wide;
	if (len)
		wide_fill(t, w, (u32)(key.hi >> (64 - w->bits)), 1u << (w->bits - len));
	else
		ptr_publish(w->dflt, lpm_find(t, key, 0));
}

/* After a prefix came or went; the change was made by putting node n (NULL: none any more) at `level` of the key's path. */
static void wide_update(struct lpm *t, struct lpm_key key, unsigned len, unsigned level, struct lpm_node *n)
{
	struct lpm_wide *w = t->wide;
	unsigned want = wide_level(t);
	if (want != (w ? w->level : 0) && !wide_change(t, want))
		return;
	if (!w || level > w->level)
		return;
	if (len < w->bits)
		wide_short_prefix(t, key, len);
	if (level == w->level)
		ptr_publish(w->e[key.hi >> (64 - w->bits)].node, n);
	else if (len >= w->bits)
		ptr_publish(w->e[key.hi >> (64 - w->bits)].node, node_at_level(t, key, w->level));
}

/* -- changes -- */

int lpm_set(struct lpm *t, struct lpm_key key, unsigned len, void *value, void **old)
{
	unsigned target = (len + t->skip) / BITS, l = (len + t->skip) % BITS, k;
	unsigned pos = place(l, index_at(key, target, t->skip));
	struct lpm_node **link = &t->top, *n, *made = NULL, *c;

	assert(value && len <= (t->skip == SKIP4 ? 32 : 128));
	for (k = 0; k < target; k++) {
		unsigned idx = index_at(key, k, t->skip);
		n = *link;
		if (!n || !has_child(n, idx))
			break;
		link = (struct lpm_node **)&n->slot[child_slot(n, idx)];
	}
	n = *link;
	if (old)
		*old = NULL;
	if (k == target && n && n->prefixes & BIT64(pos)) {
		void **slot = &n->slot[value_slot(n, pos)];
		if (old)
			*old = *slot;
		ptr_publish(*slot, value);
		if (t->wide && len < t->wide->bits)
			wide_short_prefix(t, key, len);
		return 0;
	}
	if (k == target) {
		made = with_value(t, n, pos, value);
		if (!made)
			return -ENOMEM;
	} else { /* the path ends in n: build the rest from below, then hang it in */
		made = with_value(t, NULL, pos, value);
		for (unsigned j = target; made && j-- > k;) {
			c = with_child(t, j == k ? n : NULL, index_at(key, j, t->skip), made);
			if (!c)
				free_tree(&(struct lpm){ .mem = t->mem }, made);
			made = c;
		}
		if (!made)
			return -ENOMEM;
	}
	ptr_publish(*link, made);
	retire(t, n);
	t->count++;
	wide_update(t, key, len, k, made);
	return 0;
}

void *lpm_remove(struct lpm *t, struct lpm_key key, unsigned len)
{
	unsigned target = (len + t->skip) / BITS, l = (len + t->skip) % BITS;
	unsigned pos = place(l, index_at(key, target, t->skip)), k, idx;
	struct lpm_node **link[LEVELS], *n, *c = NULL, *dead = NULL;
	void *value;

	link[0] = &t->top;
	for (k = 0; k < target; k++) {
		n = *link[k];
		idx = index_at(key, k, t->skip);
		if (!n || !has_child(n, idx))
			return NULL;
		link[k + 1] = (struct lpm_node **)&n->slot[child_slot(n, idx)];
	}
	n = *link[target];
	if (!n || !(n->prefixes & BIT64(pos)))
		return NULL;
	value = n->slot[value_slot(n, pos)];
	t->count--;
	/* A node that would be left empty goes, and its parent's pointer to it. */
	while (k && node_slots(*link[k]) == 1) {
		n = *link[k];
		n->retired = dead;
		dead = n;
		k--;
	}
	n = *link[k];
	idx = index_at(key, k, t->skip);
	if (node_slots(n) == 1) {
		ptr_publish(*link[k], NULL);
		retire(t, n);
	} else {
		c = k == target ? without(t, n, value_slot(n, pos), 0, BIT64(pos)) : without(t, n, child_slot(n, idx), BIT64(idx), 0);
		if (c != n) {
			ptr_publish(*link[k], c);
			retire(t, n);
		}
	}
	wide_update(t, key, len, k, c);
	while (dead) {
		n = dead;
		dead = n->retired;
		retire(t, n);
	}
	return value;
}

/* -- lookups -- */

void *lpm_find(const struct lpm *t, struct lpm_key key, unsigned len)
{
	unsigned target = (len + t->skip) / BITS, l = (len + t->skip) % BITS;
	const struct lpm_node *n = ptr_load(t->top);
	unsigned pos = place(l, index_at(key, target, t->skip));
	for (unsigned k = 0; n && k < target; k++) {
		unsigned idx = index_at(key, k, t->skip);
		n = has_child(n, idx) ? child_of(n, idx) : NULL;
	}
	return n && n->prefixes & BIT64(pos) ? ptr_load(n->slot[value_slot(n, pos)]) : NULL;
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
		u64 m = n->prefixes & path_mask[idx];
		if (m)
			best = &n->slot[value_slot(n, top_bit(m))];
		n = has_child(n, idx) ? child_of(n, idx) : NULL;
		shift = BITS - SKIP4;
	}
	for (; n; shift += BITS) {
		unsigned idx = index_in(a, shift);
		u64 m = n->prefixes & path_mask[idx];
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
	u64 m = nd->prefixes & path_mask[idx];
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
		if (w->bits == WIDEST_BITS) /* a constant: the shifts are cheaper */
			bulk_wide(w, WIDEST_BITS, addr, m, res);
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

static struct lpm_key key_with_index(struct lpm_key k, unsigned level, unsigned skip, unsigned idx)
{
	unsigned shift = level * BITS - skip;
	if (!level)
		k.hi |= (u64)idx << (64 - BITS + skip);
	else if (shift < 64)
		k.hi |= (u64)idx << (64 - BITS) >> shift;
	else
		k.lo |= (u64)idx << (64 - BITS) >> (shift - 64);
	return k;
}
/* Whether a prefix that ends in n begins exactly at index idx (all bits behind it 0). */
static bool begins_at(const struct lpm_node *n, unsigned idx)
{
	for (unsigned l = 0; l < BITS; l++)
		if (!(idx & ((1u << (BITS - l)) - 1)) && n->prefixes >> place(l, idx) & 1)
			return true;
	return false;
}
static bool key_less(struct lpm_key a, struct lpm_key b) { return a.hi != b.hi ? a.hi < b.hi : a.lo < b.lo; }

/* The lowest address >= from at which a prefix in the subtree n (which begins at address at, on `level`) begins. */
static bool lowest(const struct lpm_node *n, unsigned level, unsigned skip, struct lpm_key at, struct lpm_key from, struct lpm_key *out)
{
	unsigned idx = key_less(at, from) ? index_at(from, level, skip) : 0;
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
