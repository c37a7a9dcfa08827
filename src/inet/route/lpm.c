/* Longest-prefix match: a trie of 64-way nodes with bitmaps, and a wide root when the table is large.
 *
 * A node stands for six bits of the key. It holds the prefixes that end inside it (a bitmap of the 63 places in a binary tree
 * of depth six, and a value for each bit that is set) and its children (a bitmap of 64, and a pointer each), so its size follows
 * its content and nothing is expanded: a prefix is stored once. The idea is the tree bitmap of Eatherton, Varghese and Dittia
 * (2004). The first node takes fewer bits, so that later ones begin where they serve best. IPv4: bits 1, 7, 13, 19, 25, 31, so that
 * the node at bit 19 holds what lies between /19 and /24, which is nearly all of a full table. IPv6: bits 4, 10, 16, ..., 124, so that
 * no node lies across the middle of a 128-bit key.
 *
 * Most nodes of a sparse table would have an entry or two and a header that is larger. So in IPv6 up to sixteen prefixes that share a
 * node's first bits are a bucket instead (lpm_bucket.c), and nodes are only where more are: some 20 bytes a prefix of a full table
 * and half as many accesses. IPv4's /19s, which are full, are better off with nodes alone.
 *
 * A change copies one node or bucket, edits the copy and swaps the pointer in its parent; a longer path below is built first. Readers
 * see the old one or the new one. Replaced ones are freed after an epoch.
 *
 * A large table has a wide root beside the trie (lpm_wide.c). Lookups are in lpm_lookup.c: a cache line or two per node.
 */
#include "inet/route/lpm_priv.h"

/* Replaced blocks that wait for the epoch's end together. */
struct lpm_retired {
	struct lpm_retired *next;
	unsigned n;
	struct lpm_node *block[60];
};
/* Blocks that nobody looks at any more wait here for the next change, by size: a table that lives changes all the time, and its last
 * blocks are still in the cpu's cache, unlike those that an allocator would find after a million insertions. */
enum { SIZES = 36, STEP = 16, KEPT = 32 };
struct spare {
	struct spare *next;
};
/* Outlives its table by an epoch. */
struct lpm_gc {
	struct epoch_node node;
	struct mem *mem;
	struct world *w;
	struct lpm_retired *fresh, *waiting; /* waiting: until the epoch ends */
	struct spare *spare[SIZES];	     /* of STEP times the index and 8 bytes, which is what malloc gives */
	u8 spares[SIZES];		     /* how many; KEPT at most */
	bool orphan;
};

struct lpm_key lpm_key_mask(struct lpm_key k, unsigned len)
{
	if (len < 64)
		return (struct lpm_key){ len ? k.hi & (~0ull << (64 - len)) : 0, 0 };
	return (struct lpm_key){ k.hi, len == 128 ? k.lo : len == 64 ? 0 : k.lo & (~0ull << (128 - len)) };
}

/* -- blocks -- */

static size_t size_index(size_t bytes) { return (bytes + STEP - 9) / STEP; }
static size_t node_bytes(unsigned slots) { return sizeof(struct lpm_node) + slots * sizeof(void *); }

void *lpm_alloc(struct lpm *t, size_t bytes)
{
	size_t i = size_index(bytes);
	struct spare *b;
	if (!t->gc || i >= SIZES)
		return mem_alloc(t->mem, bytes);
	b = t->gc->spare[i];
	if (!b)
		return mem_alloc(t->mem, i * STEP + 8);
	t->gc->spare[i] = b->next;
	t->gc->spares[i]--;
	return b;
}

/* n: a node or a bucket, whose content says how large it is, or with bit 1 another block. */
static void let_go(struct lpm_gc *gc, struct lpm_node *n)
{
	void *p = (void *)((uintptr_t)n & ~(uintptr_t)3);
	size_t i = SIZES;
	if (!((uintptr_t)n & 2))
		i = size_index(is_bucket(n) ? lpm_bucket_size(bucket_of(n)) : node_bytes(node_slots(n)));
	if (i >= SIZES || gc->orphan || gc->spares[i] == KEPT) {
		mem_free(gc->mem, p);
		return;
	}
	((struct spare *)p)->next = gc->spare[i];
	gc->spare[i] = p;
	gc->spares[i]++;
}

static void free_list(struct lpm_gc *gc, struct lpm_retired *r)
{
	while (r) {
		struct lpm_retired *next = r->next;
		for (unsigned i = 0; i < r->n; i++)
			let_go(gc, r->block[i]);
		mem_free(gc->mem, r);
		r = next;
	}
}

static void gc_free(struct lpm_gc *gc)
{
	for (unsigned i = 0; i < SIZES; i++)
		while (gc->spare[i]) {
			struct spare *b = gc->spare[i];
			gc->spare[i] = b->next;
			mem_free(gc->mem, b);
		}
	mem_free(gc->mem, gc);
}

static void gc_run(struct epoch_node *node);

static void gc_start(struct lpm_gc *gc)
{
	if (gc->waiting || !gc->fresh)
		return;
	gc->waiting = gc->fresh;
	gc->fresh = NULL;
	epoch_defer_node(gc->w, &gc->node, gc_run);
}

static void gc_run(struct epoch_node *node)
{
	struct lpm_gc *gc = container_of(node, struct lpm_gc, node);
	free_list(gc, gc->waiting);
	gc->waiting = NULL;
	gc_start(gc);
	if (gc->orphan && !gc->waiting)
		gc_free(gc);
}

static void retire(struct lpm *t, struct lpm_node *n)
{
	struct lpm_gc *gc = t->gc;
	struct lpm_retired *r = gc ? gc->fresh : NULL;
	if (!n)
		return;
	if (gc && (!r || r->n == ARRAY_SIZE(r->block))) {
		r = mem_alloc(gc->mem, sizeof(*r));
		if (r) {
			r->next = gc->fresh;
			r->n = 0;
			gc->fresh = r;
		}
	}
	if (!r) {
		mem_free(t->mem, (void *)((uintptr_t)n & ~(uintptr_t)3)); /* no reader beside the writer; or no memory, but all batons are held */
		return;
	}
	r->block[r->n++] = n;
	gc_start(gc);
}

void lpm_retire(struct lpm *t, void *p) { retire(t, (struct lpm_node *)((uintptr_t)p | 2)); }

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

void lpm_free_tree(struct lpm *t, struct lpm_node *n)
{
	if (!n)
		return;
	for (unsigned i = 0; !is_bucket(n) && i < popcount(n->children); i++)
		lpm_free_tree(t, n->slot[i]);
	retire(t, n);
}

void lpm_fini(struct lpm *t)
{
	struct lpm_gc *gc = t->gc;
	lpm_free_tree(t, t->top);
	if (t->wide)
		lpm_retire(t, t->wide);
	*t = (struct lpm){ .mem = t->mem, .skip = t->skip };
	if (!gc)
		return;
	gc->orphan = true;
	if (!gc->waiting)
		gc_run(&gc->node);
}

/* -- editing one node -- */

struct lpm_node *lpm_node_alloc(struct lpm *t, unsigned slots)
{
	return lpm_alloc(t, node_bytes(slots));
}

/* A copy of n (NULL: empty) with p put in at slot `at`; the bitmaps are the caller's to complete. */
static struct lpm_node *copy_with(struct lpm *t, const struct lpm_node *n, unsigned at, void *p)
{
	unsigned slots = n ? node_slots(n) : 0;
	struct lpm_node *c = lpm_node_alloc(t, slots + 1);
	if (!c)
		return NULL;
	c->children = n ? n->children : 0;
	c->prefixes = n ? n->prefixes : 0;
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
	struct lpm_node *c = lpm_node_alloc(t, slots - 1);
	if (c) {
		memcpy(c->slot, n->slot, at * sizeof(void *));
		} else {
		c = n;
	}
	memmove(c->slot + at, n->slot + at + 1, (slots - 1 - at) * sizeof(void *));
	c->children = n->children & ~child_bit;
	c->prefixes = n->prefixes & ~prefix_bit;
	return c;
}

/* -- changes -- */

/* A new prefix in what hangs at `level` of its path (n; NULL: the empty table): a node or bucket to take n's place. NULL: no memory. */
static struct lpm_node *grown(struct lpm *t, struct lpm_node *n, unsigned level, struct lpm_key key, unsigned len, void *value)
{
	unsigned target = (len + t->skip) / BITS, l = (len + t->skip) % BITS;
	unsigned pos = place(l, index_at(key, target, t->skip));
	struct lpm_node *made, *c;
	if (n && is_bucket(n))
		return lpm_bucket_with(t, bucket_of(n), key, len, value, level);
	if (lpm_has_buckets(t) && !n)
		return lpm_bucket_make(t, &(struct lpm_entry){ key, (u8)len, value }, 1, level);
	if (level == target)
		return with_value(t, n, pos, value);
	/* The path ends in n: the rest is built from below, then hung in. */
	if (lpm_has_buckets(t)) {
		made = lpm_bucket_make(t, &(struct lpm_entry){ key, (u8)len, value }, 1, level + 1);
		target = level + 1;
	} else {
		made = with_value(t, NULL, pos, value);
	}
	for (unsigned j = target; made && j-- > level;) {
		c = with_child(t, j == level ? n : NULL, index_at(key, j, t->skip), made);
		if (!c)
			lpm_free_tree(&(struct lpm){ .mem = t->mem }, made);
		made = c;
	}
	return made;
}

int lpm_set(struct lpm *t, struct lpm_key key, unsigned len, void *value, void **old)
{
	unsigned target = (len + t->skip) / BITS, k, same = len;
	struct lpm_node **link = &t->top, *n, *made;
	bool in_bucket;
	void **slot;

	assert(value && len <= (t->skip == SKIP4 ? 32 : 128));
	slot = lpm_slot(t, key, len, &in_bucket);
	if (old)
		*old = slot ? *slot : NULL;
	if (slot) {
		ptr_publish(*slot, value);
		if (t->wide && len < t->wide->bits && !in_bucket)
			lpm_wide_refill(t, key, len);
		return 0;
	}
	for (k = 0; k < target; k++) {
		unsigned idx = index_at(key, k, t->skip);
		n = *link;
		if (!n || is_bucket(n) || !has_child(n, idx))
			break;
		link = (struct lpm_node **)&n->slot[child_slot(n, idx)];
	}
	n = *link;
	made = grown(t, n, k, key, len, value);
	if (!made)
		return -ENOMEM;
	if (lpm_has_buckets(t) && (!n || is_bucket(n)))
		same = depth_of(k, t->skip);
	ptr_publish(*link, made);
	retire(t, n);
	t->count++;
	lpm_wide_update(t, key, same, k, made);
	return 0;
}

/* Whether n has one entry: without it, n goes. */
static bool is_last(const struct lpm_node *n) { return is_bucket(n) ? bucket_of(n)->n == 1 : node_slots(n) == 1; }

/* The highest node of the path link[0..k] that has become small becomes a bucket. Returns its level, `none`: none did. */
static unsigned shrink(struct lpm *t, struct lpm_node **const *link, unsigned k, struct lpm_key key, unsigned none)
{
	struct lpm_node *best = NULL, *b, *old;
	unsigned at = none;
	for (k++; k--;) {
		struct lpm_node *n = *link[k];
		if (!n || is_bucket(n))
			continue;
		b = lpm_bucket_collect(t, n, k, key);
		if (!b)
			break;
		mem_free(t->mem, lpm_block(best));
		best = b;
		at = k;
	}
	if (!best)
		return none;
	old = *link[at];
	ptr_publish(*link[at], best);
	lpm_free_tree(t, old);
	return at;
}

void *lpm_remove(struct lpm *t, struct lpm_key key, unsigned len)
{
	unsigned target = (len + t->skip) / BITS, l = (len + t->skip) % BITS, same = len;
	unsigned pos = place(l, index_at(key, target, t->skip)), k, end, idx;
	struct lpm_node **link[LEVELS], *path[LEVELS], *n, *c = NULL;
	void *value, **slot;

	link[0] = &t->top;
	for (end = 0; end < target; end++) {
		n = *link[end];
		idx = index_at(key, end, t->skip);
		if (!n || is_bucket(n) || !has_child(n, idx))
			break;
		path[end] = n;
		link[end + 1] = (struct lpm_node **)&n->slot[child_slot(n, idx)];
	}
	n = path[end] = *link[end];
	if (n && is_bucket(n)) {
		slot = lpm_bucket_find(bucket_of(n), key, len);
		same = depth_of(end, t->skip);
	} else {
		slot = n && end == target && n->prefixes & BIT64(pos) ? &n->slot[value_slot(n, pos)] : NULL;
	}
	if (!slot)
		return NULL;
	value = *slot;
	t->count--;
	/* A node that would be left empty goes, and its parent's pointer to it. */
	for (k = end; k && is_last(path[k]);)
		k--;
	n = path[k];
	idx = index_at(key, k, t->skip);
	if (is_last(n)) {
		ptr_publish(*link[k], NULL);
		retire(t, n);
	} else {
		if (k < end)
			c = without(t, n, child_slot(n, idx), BIT64(idx), 0);
		else if (is_bucket(n))
			c = lpm_bucket_without(t, bucket_of(n), slot);
		else
			c = without(t, n, value_slot(n, pos), 0, BIT64(pos));
		if (c != n) {
			ptr_publish(*link[k], c);
			retire(t, n);
		}
	}
	for (unsigned j = k + 1; j <= end; j++)
		retire(t, path[j]);
	if (lpm_has_buckets(t)) {
		unsigned at = shrink(t, link, k, key, LEVELS);
		if (at < LEVELS) {
			k = at;
			c = *link[k];
			same = MIN(same, depth_of(k, t->skip));
		}
	}
	lpm_wide_update(t, key, same, k, c);
	return value;
}
