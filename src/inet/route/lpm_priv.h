/* What the files of the longest-prefix match share: its nodes, buckets and wide root. lpm.c says what they are. */
#ifndef INET_ROUTE_LPM_PRIV_H
#define INET_ROUTE_LPM_PRIV_H

#include "inet/route/lpm.h"

enum {
	BITS = 6,
	SKIP4 = 5, SKIP6 = 2,	/* struct lpm's skip: the first node takes 1 bit, or 4 */
	LEVELS = (128 + SKIP6) / BITS + 1,
	BUCKET_MAX = 16,	/* prefixes: their suffixes fill a cache line, and are looked through in the time of one more access */
	BUCKET_LOW = 8,		/* a node with so few below it becomes a bucket again; far enough from the most not to flap */
};

/* Pointers to nodes and buckets are of this type; bit 0 tells a bucket. */
struct lpm_node {
	u64 children;		/* bit i: a child for index i */
	u64 prefixes;		/* bit 1 << l | index >> (6 - l): a prefix that ends after l of the six bits */
	void *slot[];		/* the children in order, then the values in order */
};

/* Up to BUCKET_MAX prefixes whose first `depth` bits are the same, the longest first. Behind the head, each as an array of n: the keys,
 * the lengths (a byte each), the values. Keys are the 32 bits behind `depth`, and lengths count from there; when one is longer,
 * `whole` keys of 128 bits. */
struct lpm_bucket {
	u8 n, depth, whole;
	u32 suffix[] __attribute__((aligned(4)));
};
struct lpm_entry {
	struct lpm_key key;
	u8 len;
	void *value;
};

struct wide_entry {
	struct lpm_node *node;
	void *value;		/* of the longest prefix above `node`, the default route left out; NULL: none */
};
struct lpm_wide {
	void *dflt;		/* the default route's value; NULL: none */
	unsigned level, bits;	/* the level whose nodes the entries point to, and the bit where it begins; buckets may be above it */
	struct wide_entry e[] __attribute__((aligned(CACHELINE))); /* 1 << bits; none lies across two lines */
};

/* The places in a node's tree that lie on the way to index i: one for each of the six lengths. */
extern const u64 lpm_path_mask[64];

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
static inline unsigned node_slots(const struct lpm_node *n) { return popcount(n->children) + popcount(n->prefixes); }
static inline unsigned depth_of(unsigned level, unsigned skip) { return level ? level * BITS - skip : 0; }
static inline bool lpm_has_buckets(const struct lpm *t) { return t->skip == SKIP6; }

static inline bool is_bucket(const struct lpm_node *n) { return (uintptr_t)n & 1; }
static inline struct lpm_bucket *bucket_of(const struct lpm_node *n) { return (struct lpm_bucket *)((uintptr_t)n - 1); }
static inline struct lpm_node *bucket_link(struct lpm_bucket *b) { return (struct lpm_node *)((uintptr_t)b + 1); }
/* What was allocated for a node or a bucket. */
static inline void *lpm_block(const struct lpm_node *n) { return (void *)((uintptr_t)n & ~(uintptr_t)1); }

static inline const u8 *bucket_lens(const struct lpm_bucket *b)
{
	return (const u8 *)b + (b->whole ? 8 + b->n * sizeof(struct lpm_key) : 4 + b->n * sizeof(u32));
}
static inline void **bucket_values(const struct lpm_bucket *b)
{
	return (void **)ALIGN_UP((uintptr_t)(bucket_lens(b) + b->n), sizeof(void *));
}
static inline const struct lpm_key *bucket_keys(const struct lpm_bucket *b) { return (const struct lpm_key *)((const u8 *)b + 8); }
/* The 32 bits behind the first `depth`, which are less than 128. */
static inline u32 suffix_of(struct lpm_key k, unsigned depth)
{
	if (depth <= 32)
		return (u32)(k.hi >> (32 - depth));
	if (depth < 64)
		return (u32)(k.hi << (depth - 32)) | (u32)(k.lo >> (96 - depth));
	return (u32)(k.lo << (depth - 64) >> 32);
}
void *const *lpm_bucket_match_whole(const struct lpm_bucket *b, struct lpm_key key, unsigned maxlen, void *const *none);
/* The longest match: where its value is; `none`: there is none. The first that matches is the longest. */
static inline void *const *bucket_match(const struct lpm_bucket *b, struct lpm_key key, void *const *none)
{
	const u8 *len = bucket_lens(b);
	u32 s = suffix_of(key, b->depth), hits = 0;
	if (unlikely(b->whole))
		return lpm_bucket_match_whole(b, key, 128, none);
	for (unsigned i = 0; i < b->n; i++)
		hits |= (u32)((u64)(s ^ b->suffix[i]) >> (32 - len[i]) == 0) << i;
	return hits ? &bucket_values(b)[__builtin_ctz(hits)] : none;
}

/* lpm_bucket.c */
size_t lpm_bucket_size(const struct lpm_bucket *b);
void *const *lpm_bucket_match_max(const struct lpm_bucket *b, struct lpm_key key, unsigned maxlen); /* NULL: none */
void **lpm_bucket_find(const struct lpm_bucket *b, struct lpm_key key, unsigned len); /* key is inside the bucket; NULL: not there */
/* n entries of one depth, in order, as a bucket, or as nodes when there are too many; NULL: no memory. */
struct lpm_node *lpm_bucket_make(struct lpm *t, const struct lpm_entry *e, unsigned n, unsigned level);
/* b, which is at `level` of key's path, and one more; NULL: no memory. */
struct lpm_node *lpm_bucket_with(struct lpm *t, const struct lpm_bucket *b, struct lpm_key key, unsigned len, void *value, unsigned level);
/* b, which has more than one, without the one at `slot`: a copy, or b itself when there is no memory. */
struct lpm_node *lpm_bucket_without(struct lpm *t, struct lpm_bucket *b, void *const *slot);
/* What is below n, which is at `level` of key's path, as one bucket; NULL: it is too much, or no memory. */
struct lpm_node *lpm_bucket_collect(struct lpm *t, const struct lpm_node *n, unsigned level, struct lpm_key key);
/* The lowest key >= from; `path` has the bucket's first bits. False: there is none. */
bool lpm_bucket_next(const struct lpm_bucket *b, struct lpm_key path, struct lpm_key from, struct lpm_key *out);

/* lpm.c */
void *lpm_alloc(struct lpm *t, size_t bytes); /* NULL: no memory */
struct lpm_node *lpm_node_alloc(struct lpm *t, unsigned slots);
void lpm_free_tree(struct lpm *t, struct lpm_node *n); /* after an epoch */
void lpm_retire(struct lpm *t, void *p); /* another block */

/* lpm_lookup.c: where the value of exactly this prefix is; NULL: there is none. */
void **lpm_slot(const struct lpm *t, struct lpm_key key, unsigned len, bool *in_bucket);

/* lpm_wide.c: after a prefix came or went, by putting n (NULL: nothing any more) at `level` of the key's path. What the entries for
 * the keys that begin with the same `same` bits say may be wrong. */
void lpm_wide_update(struct lpm *t, struct lpm_key key, unsigned same, unsigned level, struct lpm_node *n);
void lpm_wide_refill(struct lpm *t, struct lpm_key key, unsigned same);

static inline bool key_less(struct lpm_key a, struct lpm_key b) { return a.hi != b.hi ? a.hi < b.hi : a.lo < b.lo; }
static inline struct lpm_key key_with_index(struct lpm_key k, unsigned level, unsigned skip, unsigned idx)
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

#endif
