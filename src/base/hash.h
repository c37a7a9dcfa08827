/* Resizable intrusive hash table with chains, and the keyed hash.
 *
 * The caller hashes (hash32_*() or siphash with the world's key for anything a peer can choose) and compares; the table
 * keeps the 32-bit hash in the node and grows by doubling, moving a few buckets at each insertion, so that no single
 * insertion is slow at a million entries. Lookups may run while another thread waits; writers hold the baton.
 */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include "base/types.h"

struct mem;
struct hnode {
	struct hnode *next;
	u32 hash;
};
struct htable {
	struct mem *mem;
	struct hnode **buckets, **old; /* old: being moved into buckets, up to old_pos */
	u32 mask, old_mask, old_pos;
	u32 count;
};

int htable_init(struct htable *t, struct mem *mem, u32 initial_buckets); /* 0, -ENOMEM */
void htable_fini(struct htable *t);					  /* the nodes are the caller's */
void htable_add(struct htable *t, struct hnode *n, u32 hash);		  /* never fails: when it cannot grow, chains lengthen */
void htable_del(struct htable *t, struct hnode *n);
/* First node of the chain(s) that may hold `hash`, then the next with that same hash. NULL at the end. */
struct hnode *htable_first(const struct htable *t, u32 hash);
struct hnode *htable_next(const struct htable *t, const struct hnode *n);
/* Walks all nodes; *cursor starts at 0, ends when NULL is returned. The current node may be deleted before the next call. */
struct hnode *htable_walk(struct htable *t, u64 *cursor, struct hnode *prev);

/* Chain i of htable_chains(t), for walks that stop and go on by number; a table that grows between may show a node twice or not. */
static inline u32 htable_chains(const struct htable *t) { return t->mask + 1 + (t->old ? t->old_mask + 1 : 0); }
static inline struct hnode *htable_chain(const struct htable *t, u32 i)
{
	if (i <= t->mask)
		return t->buckets[i];
	i -= t->mask + 1;
	return t->old && i >= t->old_pos && i <= t->old_mask ? t->old[i] : NULL;
}

#define htable_for_each_match(pos, t, h, member)                                                                       \
	for (struct hnode *n_##pos = htable_first(t, h);                                                               \
	     n_##pos && ((pos = container_of(n_##pos, __typeof__(*pos), member)), 1); n_##pos = htable_next(t, n_##pos))

struct siphash_key {
	u64 k[2];
};
u64 siphash(const struct siphash_key *key, const void *data, size_t len);
u64 siphash_2u64(const struct siphash_key *key, u64 a, u64 b);
u64 siphash_4u64(const struct siphash_key *key, u64 a, u64 b, u64 c, u64 d);
/* Fast keyed mix for tables: not secret against an adaptive attacker who sees timings, good against the others. */
u32 hash32_u64(u64 v, u32 seed);
u32 hash32_bytes(const void *data, size_t len, u32 seed);

#endif
