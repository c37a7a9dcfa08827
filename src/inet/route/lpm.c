/* Longest-prefix match: a trie of 64-way nodes with bitmaps, and a wide root when the table is large.
 *
 * A node stands for six bits of the key. It holds the prefixes that end inside it (a bitmap of the 63 places in a binary tree
 * of depth six, and a value for each bit that is set) and its children (a bitmap of 64, and a pointer each), so its size follows
 * its content and nothing is expanded: a prefix is stored once. The idea is the tree bitmap of Eatherton, Varghese and Dittia
 * (2004). The first node takes only four bits, so that later ones begin at bits 4, 10, 16, 22, 28: bit 16 is where the wide
 * root leads to, and no node lies across the middle of a 128-bit key.
 *
 * A change copies one node, edits the copy and swaps the pointer in its parent; a longer path below is built first. Readers see
 * the old node or the new one. Replaced nodes are freed after an epoch.
 *
 * With more than WIDE_ABOVE prefixes there is a table of 65536 entries indexed by the first 16 bits: the node at bit 16 and the
 * best value among the prefixes shorter than 16 bits. It saves three dependent accesses of the five that an IPv4 lookup needs.
 * A short prefix writes its whole range of entries; the trie above bit 16 stays the authority from which they are recomputed.
 *
 * A lookup needs one cache line or two per node; lpm4_lookup_bulk does step s of every lookup before step s + 1 of any.
 */
#include "inet/route/lpm.h"

enum {
	BITS = 6,
	SHIFT0 = 2,		/* the first node's index has this many zero bits in front */
	LEVELS = (128 + SHIFT0) / BITS + 1,
	WIDE_LEVEL = 3,		/* the level that begins at bit 16 */
	WIDE_BITS = 16,
	WIDE_SIZE = 1 << WIDE_BITS,
	WIDE_ABOVE = 8192,	/* 1.1 MB of wide root for at least as much of trie */
	WIDE_BELOW = 2048,	/* far enough below that a table at the edge doesn't flap */
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
	void *value;
};
struct lpm_wide {
	struct wide_entry e[WIDE_SIZE];
	u8 len[WIDE_SIZE];	/* of the prefix behind e[].value, plus 1; 0: none. Writer's */
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

static inline unsigned index_at(struct lpm_key k, unsigned level)
{
	unsigned shift = level * BITS - SHIFT0;
	if (!level)
		return (unsigned)(k.hi >> (64 - BITS + SHIFT0));
	return (unsigned)((shift < 64 ? k.hi << shift : k.lo << (shift - 64)) >> (64 - BITS));
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
	mem_free(gc->mem, gc->wide_waiting);
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
	if (!t->gc || t->gc->wide_fresh) { /* the second one within an epoch: grown and shrunk in one go, nobody has seen it */
		mem_free(t->mem, w);
		return;
	}
	t->gc->wide_fresh = w;
	gc_start(t->gc);
}

int lpm_init(struct lpm *t, struct mem *mem, struct world *w)
{
	*t = (struct lpm){ .mem = mem };
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
	*t = (struct lpm){ .mem = t->mem };
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

static struct lpm_node *node_at_wide_level(const struct lpm *t, struct lpm_key key)
{
	struct lpm_node *n = t->top;
	for (unsigned k = 0; n && k < WIDE_LEVEL; k++) {
		unsigned idx = index_at(key, k);
		n = has_child(n, idx) ? child_of(n, idx) : NULL;
	}
	return n;
}

/* The longest match below maxlen bits, and its length. */
static void *lookup_len(const struct lpm *t, struct lpm_key key, unsigned maxlen, unsigned *len)
{
	const struct lpm_node *n = ptr_load(t->top);
	void *best = NULL;
	for (unsigned k = 0; n; k++) {
		unsigned idx = index_at(key, k);
		unsigned room = maxlen + SHIFT0 - k * BITS; /* bits of this level that count */
		u64 m = n->prefixes & path_mask[idx];
		if (room < BITS - 1)
			m &= below(2u << room);
		if (m) {
			unsigned pos = top_bit(m);
			best = n->slot[value_slot(n, pos)];
			*len = k * BITS - SHIFT0 + top_bit(pos);
		}
		if (room < BITS || !has_child(n, idx))
			break;
		n = child_of(n, idx);
	}
	return best;
}

static void wide_fill(struct lpm *t, struct lpm_wide *w, u32 first, u32 count)
{
	for (u32 i = first; i < first + count; i++) {
		unsigned len = 0;
		void *v = lookup_len(t, (struct lpm_key){ (u64)i << 48, 0 }, WIDE_BITS - 1, &len);
		w->len[i] = v ? (u8)(len + 1) : 0;
		ptr_publish(w->e[i].value, v);
	}
}

static void wide_grow(struct lpm *t)
{
	struct lpm_wide *w = mem_alloc_aligned(t->mem, CACHELINE, sizeof(*w));
	if (!w)
		return; /* slower, not wrong */
	wide_fill(t, w, 0, WIDE_SIZE);
	for (u32 i = 0; i < WIDE_SIZE; i++)
		w->e[i].node = node_at_wide_level(t, (struct lpm_key){ (u64)i << 48, 0 });
	ptr_publish(t->wide, w);
}

static void wide_shrink(struct lpm *t)
{
	struct lpm_wide *w = t->wide;
	ptr_publish(t->wide, NULL);
	wide_retire(t, w);
}

/* A prefix shorter than 16 bits came (value) or went (NULL: what it covered is looked up). */
static void wide_short_prefix(struct lpm *t, struct lpm_key key, unsigned len, void *value)
{
	u32 first = (u32)(key.hi >> 48), count = 1u << (WIDE_BITS - len);
	unsigned under_len = 0;
	u8 new_len = (u8)(len + 1);
	if (!value) {
		value = len ? lookup_len(t, key, len - 1, &under_len) : NULL;
		new_len = value ? (u8)(under_len + 1) : 0;
	}
	for (u32 i = first; i < first + count; i++) {
		if (t->wide->len[i] > len + 1)
			continue;
		t->wide->len[i] = new_len;
		ptr_publish(t->wide->e[i].value, value);
	}
}

static void wide_update(struct lpm *t, struct lpm_key key, unsigned len, void *value)
{
	struct lpm_wide *w = t->wide;
	if (!w) {
		if (t->count > WIDE_ABOVE)
			wide_grow(t);
	} else if (t->count < WIDE_BELOW) {
		wide_shrink(t);
	} else if (len < WIDE_BITS) {
		wide_short_prefix(t, key, len, value);
	} else {
		ptr_publish(w->e[key.hi >> 48].node, node_at_wide_level(t, key));
	}
}

/* -- changes -- */

int lpm_set(struct lpm *t, struct lpm_key key, unsigned len, void *value, void **old)
{
	unsigned target = (len + SHIFT0) / BITS, l = (len + SHIFT0) % BITS, k;
	unsigned pos = place(l, index_at(key, target));
	struct lpm_node **link = &t->top, *n, *made = NULL, *c;

	assert(value && len <= 128);
	for (k = 0; k < target; k++) {
		unsigned idx = index_at(key, k);
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
		if (t->wide && len < WIDE_BITS)
			wide_short_prefix(t, key, len, value);
		return 0;
	}
	if (k == target) {
		made = with_value(t, n, pos, value);
		if (!made)
			return -ENOMEM;
	} else { /* the path ends in n: build the rest from below, then hang it in */
		made = with_value(t, NULL, pos, value);
		for (unsigned j = target; made && j-- > k;) {
			c = with_child(t, j == k ? n : NULL, index_at(key, j), made);
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
	wide_update(t, key, len, value);
	return 0;
}

void *lpm_remove(struct lpm *t, struct lpm_key key, unsigned len)
{
	unsigned target = (len + SHIFT0) / BITS, l = (len + SHIFT0) % BITS;
	unsigned pos = place(l, index_at(key, target)), k, idx;
	struct lpm_node **link[LEVELS], *n, *dead = NULL;
	void *value;

	link[0] = &t->top;
	for (k = 0; k < target; k++) {
		n = *link[k];
		idx = index_at(key, k);
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
	idx = index_at(key, k);
	if (node_slots(n) == 1) {
		ptr_publish(*link[k], NULL);
		retire(t, n);
	} else {
		struct lpm_node *c = k == target ? without(t, n, value_slot(n, pos), 0, BIT64(pos)) :
						   without(t, n, child_slot(n, idx), BIT64(idx), 0);
		if (c != n) {
			ptr_publish(*link[k], c);
			retire(t, n);
		}
	}
	wide_update(t, key, len, NULL);
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
	unsigned target = (len + SHIFT0) / BITS, l = (len + SHIFT0) % BITS;
	const struct lpm_node *n = ptr_load(t->top);
	unsigned pos = place(l, index_at(key, target));
	for (unsigned k = 0; n && k < target; k++) {
		unsigned idx = index_at(key, k);
		n = has_child(n, idx) ? child_of(n, idx) : NULL;
	}
	return n && n->prefixes & BIT64(pos) ? ptr_load(n->slot[value_slot(n, pos)]) : NULL;
}

void *lpm_lookup_max(const struct lpm *t, struct lpm_key key, unsigned maxlen)
{
	unsigned len;
	return lookup_len(t, key, maxlen, &len);
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
		value = ptr_load(w->e[a >> 16].value);
		n = ptr_load(w->e[a >> 16].node);
		shift = WIDE_LEVEL * BITS - SHIFT0;
	} else {
		n = ptr_load(t->top);
		if (!n)
			return NULL;
		u64 m = n->prefixes & path_mask[a >> 28];
		if (m)
			best = &n->slot[value_slot(n, top_bit(m))];
		n = has_child(n, a >> 28) ? child_of(n, a >> 28) : NULL;
		shift = BITS - SHIFT0;
	}
	for (u64 k = (u64)a << 32; n; shift += BITS) {
		unsigned idx = (unsigned)(k << shift >> (64 - BITS));
		u64 m = n->prefixes & path_mask[idx];
		if (m)
			best = &n->slot[value_slot(n, top_bit(m))];
		n = has_child(n, idx) ? child_of(n, idx) : NULL;
	}
	return best ? ptr_load(*best) : value;
}

struct bulk {
	const struct lpm_node *node[BULK];
	void *const *best[BULK]; /* where the value is; not read before the end */
};

/* One level for all: the best value's place so far, and where the child's pointer is. Those who go on stay in `live`. */
static inline unsigned bulk_level(struct bulk *b, const u32 *a, unsigned shift, u8 *live, unsigned n)
{
	unsigned on = 0;
	void *const *child[BULK];
	for (unsigned j = 0; j < n; j++) {
		unsigned i = live[j];
		const struct lpm_node *nd = b->node[i];
		unsigned idx = (unsigned)((u64)a[i] << 32 << shift >> (64 - BITS));
		u64 m = nd->prefixes & path_mask[idx];
		if (m)
			b->best[i] = &nd->slot[value_slot(nd, top_bit(m))];
		child[on] = &nd->slot[child_slot(nd, idx)];
		prefetch(child[on]);
		live[on] = (u8)i;
		on += has_child(nd, idx);
	}
	for (unsigned j = 0; j < on; j++) {
		b->node[live[j]] = ptr_load(*child[j]);
		prefetch(b->node[live[j]]);
		prefetch((const char *)b->node[live[j]] + 48); /* a small node's slots, when it lies across two lines */
	}
	return on;
}

static void bulk_wide(const struct lpm_wide *w, const be32 *addr, unsigned n, void **res)
{
	struct bulk b;
	u32 a[BULK];
	u8 live[BULK];
	unsigned on = 0;
	for (unsigned i = 0; i < n; i++) {
		a[i] = be32_to_cpu(addr[i]);
		prefetch(&w->e[a[i] >> 16]);
	}
	for (unsigned i = 0; i < n; i++) {
		const struct wide_entry *e = &w->e[a[i] >> 16];
		b.best[i] = &e->value;
		b.node[i] = ptr_load(e->node);
		prefetch(b.node[i]);
		live[on] = (u8)i;
		on += b.node[i] != NULL;
	}
	for (unsigned shift = WIDE_LEVEL * BITS - SHIFT0; on; shift += BITS)
		on = bulk_level(&b, a, shift, live, on);
	for (unsigned i = 0; i < n; i++)
		prefetch(b.best[i]);
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
		bulk_wide(w, addr, m, res);
		addr += m;
		res += m;
		n -= m;
	}
}

/* One level for all of a batch of 128-bit keys. */
static inline unsigned bulk_level128(struct bulk *b, const struct lpm_key *key, unsigned level, u8 *live, unsigned n)
{
	unsigned on = 0;
	void *const *child[BULK];
	for (unsigned j = 0; j < n; j++) {
		unsigned i = live[j], idx = index_at(key[i], level);
		const struct lpm_node *nd = b->node[i];
		u64 m = nd->prefixes & path_mask[idx];
		if (m)
			b->best[i] = &nd->slot[value_slot(nd, top_bit(m))];
		child[on] = &nd->slot[child_slot(nd, idx)];
		prefetch(child[on]);
		live[on] = (u8)i;
		on += has_child(nd, idx);
	}
	for (unsigned j = 0; j < on; j++) {
		b->node[live[j]] = ptr_load(*child[j]);
		prefetch(b->node[live[j]]);
		prefetch((const char *)b->node[live[j]] + 48);
	}
	return on;
}

static void bulk128(const struct lpm *t, const struct lpm_key *key, unsigned n, void **res)
{
	const struct lpm_wide *w = ptr_load(t->wide);
	const struct lpm_node *top = ptr_load(t->top);
	static void *const none = NULL;
	struct bulk b;
	u8 live[BULK];
	unsigned on = 0;
	for (unsigned i = 0; i < n && w; i++)
		prefetch(&w->e[key[i].hi >> 48]);
	for (unsigned i = 0; i < n; i++) {
		b.best[i] = w ? &w->e[key[i].hi >> 48].value : &none;
		b.node[i] = w ? ptr_load(w->e[key[i].hi >> 48].node) : top;
		prefetch(b.node[i]);
		live[on] = (u8)i;
		on += b.node[i] != NULL;
	}
	for (unsigned level = w ? WIDE_LEVEL : 0; on; level++)
		on = bulk_level128(&b, key, level, live, on);
	for (unsigned i = 0; i < n; i++)
		prefetch(b.best[i]);
	for (unsigned i = 0; i < n; i++)
		res[i] = ptr_load(*b.best[i]);
}

void lpm_lookup_bulk(const struct lpm *t, const struct lpm_key *key, unsigned n, void **res)
{
	for (unsigned m; n; key += m, res += m, n -= m) {
		m = MIN(n, (unsigned)BULK);
		bulk128(t, key, m, res);
	}
}

/* -- walking -- */

static struct lpm_key key_with_index(struct lpm_key k, unsigned level, unsigned idx)
{
	unsigned shift = level * BITS - SHIFT0;
	if (!level)
		k.hi |= (u64)idx << (64 - BITS + SHIFT0);
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
static bool lowest(const struct lpm_node *n, unsigned level, struct lpm_key at, struct lpm_key from, struct lpm_key *out)
{
	unsigned idx = key_less(at, from) ? index_at(from, level) : 0;
	for (; idx < 64; idx++) {
		struct lpm_key here = key_with_index(at, level, idx);
		if (!key_less(here, from) && begins_at(n, idx)) {
			*out = here;
			return true;
		}
		if (has_child(n, idx) && lowest(child_of(n, idx), level + 1, here, from, out))
			return true;
	}
	return false;
}

void *lpm_next(const struct lpm *t, struct lpm_key from, struct lpm_key *at)
{
	const struct lpm_node *n = ptr_load(t->top);
	if (!n || !lowest(n, 0, (struct lpm_key){ 0, 0 }, from, at))
		return NULL;
	return lpm_lookup_max(t, *at, 128);
}
