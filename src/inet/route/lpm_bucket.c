/* Longest-prefix match: buckets of few prefixes, in place of nodes that would have one or two entries each.
 *
 * A bucket is looked through from its longest prefix to its shortest. It is never edited: a change unpacks it to entries with whole
 * keys, and packs a new one; the keys' first bits, which it does not keep, come from the path that led to it. One that overflows bursts
 * into a node of six bits and a bucket for each index that is in use; a node with few below it is collected into a bucket again.
 *
 * An entry costs 13 bytes, and the worst case, a bucket for each of those that burst, 24 and a node's slot.
 */
#include "inet/route/lpm_priv.h"

__extension__ typedef unsigned __int128 u128;

void *const *lpm_bucket_match_whole(const struct lpm_bucket *b, struct lpm_key key, unsigned maxlen, void *const *none)
{
	const struct lpm_key *k = bucket_keys(b);
	const u8 *len = bucket_lens(b);
	for (unsigned i = 0; i < b->n; i++)
		if (len[i] <= maxlen && lpm_key_eq(lpm_key_mask(key, len[i]), k[i]))
			return &bucket_values(b)[i];
	return none;
}

void *const *lpm_bucket_match_max(const struct lpm_bucket *b, struct lpm_key key, unsigned maxlen)
{
	const u8 *len = bucket_lens(b);
	u32 s = suffix_of(key, b->depth);
	if (b->whole)
		return lpm_bucket_match_whole(b, key, maxlen, NULL);
	for (unsigned i = 0; i < b->n; i++)
		if (len[i] + (unsigned)b->depth <= maxlen && (u64)(s ^ b->suffix[i]) >> (32 - len[i]) == 0)
			return &bucket_values(b)[i];
	return NULL;
}

void **lpm_bucket_find(const struct lpm_bucket *b, struct lpm_key key, unsigned len)
{
	const u8 *lens = bucket_lens(b);
	u32 s = suffix_of(key, b->depth);
	for (unsigned i = 0; i < b->n; i++)
		if (b->whole ? lens[i] == len && lpm_key_eq(bucket_keys(b)[i], key) : lens[i] + (unsigned)b->depth == len && b->suffix[i] == s)
			return &bucket_values(b)[i];
	return NULL;
}

/* -- packing and unpacking -- */

static struct lpm_key key_from_suffix(struct lpm_key path, unsigned depth, u32 suffix)
{
	u128 s = depth <= 96 ? (u128)suffix << (96 - depth) : suffix >> (depth - 96);
	struct lpm_key k = lpm_key_mask(path, depth);
	return (struct lpm_key){ k.hi | (u64)(s >> 64), k.lo | (u64)s };
}

static unsigned unpack(const struct lpm_bucket *b, struct lpm_key path, struct lpm_entry *e)
{
	const u8 *len = bucket_lens(b);
	for (unsigned i = 0; i < b->n; i++)
		e[i] = (struct lpm_entry){ b->whole ? bucket_keys(b)[i] : key_from_suffix(path, b->depth, b->suffix[i]),
					   (u8)(b->whole ? len[i] : len[i] + b->depth), bucket_values(b)[i] };
	return b->n;
}

static size_t bucket_bytes(unsigned n, bool whole)
{
	return ALIGN_UP(whole ? 8 + n * (sizeof(struct lpm_key) + 1) : 4 + n * (sizeof(u32) + 1), sizeof(void *)) + n * sizeof(void *);
}

size_t lpm_bucket_size(const struct lpm_bucket *b) { return bucket_bytes(b->n, b->whole); }

static struct lpm_node *pack(struct lpm *t, const struct lpm_entry *e, unsigned n, unsigned depth)
{
	bool whole = e[0].len > depth + 32;
	struct lpm_bucket *b = lpm_alloc(t, bucket_bytes(n, whole));
	u8 *len;
	void **value;
	if (!b)
		return NULL;
	b->n = (u8)n;
	b->depth = (u8)depth;
	b->whole = whole;
	len = (u8 *)bucket_lens(b);
	value = bucket_values(b);
	for (unsigned i = 0; i < n; i++) {
		if (whole)
			((struct lpm_key *)bucket_keys(b))[i] = e[i].key;
		else
			b->suffix[i] = suffix_of(e[i].key, depth);
		len[i] = (u8)(whole ? e[i].len : e[i].len - depth);
		value[i] = e[i].value;
	}
	return bucket_link(b);
}

/* Puts one among n, behind those as long. */
static void insert(struct lpm_entry *e, unsigned n, struct lpm_entry one)
{
	for (; n && e[n - 1].len < one.len; n--)
		e[n] = e[n - 1];
	e[n] = one;
}

/* -- bursting and collecting -- */

/* n entries, too many for a bucket, as a node: those that end in it, and a bucket or a node for each index of the others. */
static struct lpm_node *burst(struct lpm *t, const struct lpm_entry *e, unsigned n, unsigned level)
{
	struct lpm_entry part[BUCKET_MAX + 1];
	u64 children = 0, prefixes = 0;
	struct lpm_node *node;
	u8 idx[BUCKET_MAX + 1];
	bool deeper[BUCKET_MAX + 1];

	for (unsigned i = 0; i < n; i++) {
		unsigned end = e[i].len + t->skip - level * BITS;
		idx[i] = (u8)index_at(e[i].key, level, t->skip);
		deeper[i] = end >= BITS;
		if (deeper[i])
			children |= BIT64(idx[i]);
		else
			prefixes |= BIT64(place(end, idx[i]));
	}
	node = lpm_node_alloc(t, popcount(children) + popcount(prefixes));
	if (!node)
		return NULL;
	node->children = 0;
	node->prefixes = 0;
	for (u64 m = children; m; m &= m - 1) {
		unsigned child = (unsigned)__builtin_ctzll(m), many = 0;
		for (unsigned i = 0; i < n; i++)
			if (deeper[i] && idx[i] == child)
				part[many++] = e[i];
		node->slot[popcount(node->children)] = lpm_bucket_make(t, part, many, level + 1);
		if (!node->slot[popcount(node->children)]) {
			lpm_free_tree(&(struct lpm){ .mem = t->mem }, node);
			return NULL;
		}
		node->children |= BIT64(child);
	}
	node->prefixes = prefixes;
	for (unsigned i = 0; i < n; i++)
		if (!deeper[i])
			node->slot[value_slot(node, place(e[i].len + t->skip - level * BITS, idx[i]))] = e[i].value;
	return node;
}

struct lpm_node *lpm_bucket_make(struct lpm *t, const struct lpm_entry *e, unsigned n, unsigned level)
{
	return n <= BUCKET_MAX ? pack(t, e, n, depth_of(level, t->skip)) : burst(t, e, n, level);
}

struct lpm_node *lpm_bucket_with(struct lpm *t, const struct lpm_bucket *b, struct lpm_key key, unsigned len, void *value, unsigned level)
{
	struct lpm_entry e[BUCKET_MAX + 1];
	unsigned n = unpack(b, key, e);
	insert(e, n, (struct lpm_entry){ key, (u8)len, value });
	return lpm_bucket_make(t, e, n + 1, level);
}

struct lpm_node *lpm_bucket_without(struct lpm *t, struct lpm_bucket *b, void *const *slot)
{
	unsigned at = (unsigned)(slot - bucket_values(b)), n = b->n - 1u;
	struct lpm_bucket *c = lpm_alloc(t, bucket_bytes(n, b->whole)), head = *b;
	size_t key = b->whole ? sizeof(struct lpm_key) : sizeof(u32);
	void **value = bucket_values(b);
	const u8 *len = bucket_lens(b), *keys = b->whole ? (const u8 *)bucket_keys(b) : (const u8 *)b->suffix;
	u8 *to;
	if (!c)
		c = b; /* edited under the feet of nobody: all batons are held. What moves, moves forward, in the order of addresses */
	c->n = (u8)n;
	c->depth = head.depth;
	c->whole = head.whole;
	to = c->whole ? (u8 *)bucket_keys(c) : (u8 *)c->suffix;
	memmove(to, keys, at * key);
	memmove(to + at * key, keys + (at + 1) * key, (n - at) * key);
	to = (u8 *)bucket_lens(c);
	memmove(to, len, at);
	memmove(to + at, len + at + 1, n - at);
	memmove(bucket_values(c), value, at * sizeof(void *));
	memmove(bucket_values(c) + at, value + at + 1, (n - at) * sizeof(void *));
	return bucket_link(c);
}

static unsigned collect(const struct lpm_node *n, unsigned level, unsigned skip, struct lpm_key at, struct lpm_entry *e, unsigned have)
{
	if (is_bucket(n)) {
		struct lpm_entry own[BUCKET_MAX];
		if (have + bucket_of(n)->n > BUCKET_LOW)
			return BUCKET_LOW + 1;
		for (unsigned i = 0, m = unpack(bucket_of(n), at, own); i < m; i++)
			insert(e, have++, own[i]);
		return have;
	}
	if (have + node_slots(n) > BUCKET_LOW)
		return BUCKET_LOW + 1;
	for (u64 m = n->prefixes; m; m &= m - 1) {
		unsigned pos = (unsigned)__builtin_ctzll(m), l = top_bit(pos), idx = (pos - (1u << l)) << (BITS - l);
		insert(e, have++, (struct lpm_entry){ key_with_index(at, level, skip, idx), (u8)(level * BITS + l - skip), n->slot[value_slot(n, pos)] });
	}
	for (u64 m = n->children; m && have <= BUCKET_LOW; m &= m - 1) {
		unsigned idx = (unsigned)__builtin_ctzll(m);
		have = collect(child_of(n, idx), level + 1, skip, key_with_index(at, level, skip, idx), e, have);
	}
	return have;
}

struct lpm_node *lpm_bucket_collect(struct lpm *t, const struct lpm_node *n, unsigned level, struct lpm_key key)
{
	struct lpm_entry e[BUCKET_LOW];
	unsigned depth = depth_of(level, t->skip), have = collect(n, level, t->skip, lpm_key_mask(key, depth), e, 0);
	return have > BUCKET_LOW ? NULL : pack(t, e, have, depth);
}

bool lpm_bucket_next(const struct lpm_bucket *b, struct lpm_key path, struct lpm_key from, struct lpm_key *out)
{
	bool found = false;
	for (unsigned i = 0; i < b->n; i++) {
		struct lpm_key k = b->whole ? bucket_keys(b)[i] : key_from_suffix(path, b->depth, b->suffix[i]);
		if (key_less(k, from) || (found && !key_less(k, *out)))
			continue;
		*out = k;
		found = true;
	}
	return found;
}
