/* Hash table that grows a little at each insertion.
 *
 * While growing there are two bucket arrays. Bucket i of the old one is live as long as i >= old_pos; below that its nodes
 * have moved to the new array. So a hash belongs to exactly one bucket at any time, an insertion goes there too, and a
 * lookup walks one chain. Every insertion moves MOVE_BUCKETS old buckets: growing starts when nodes outnumber buckets,
 * so the old array is empty long before the next growth. Tables never shrink.
 */
#include "base/hash.h"
#include "base/mem.h"

#define MOVE_BUCKETS 4
#define MIN_BUCKETS 8
#define MAX_BUCKETS (1u << 30)

int htable_init(struct htable *t, struct mem *mem, u32 initial_buckets)
{
	u32 n = MIN_BUCKETS;

	while (n < initial_buckets && n < MAX_BUCKETS)
		n *= 2;
	*t = (struct htable){ .mem = mem, .mask = n - 1 };
	t->buckets = mem_zalloc(mem, n * sizeof(*t->buckets));
	return t->buckets ? 0 : -ENOMEM;
}

void htable_fini(struct htable *t)
{
	mem_free(t->mem, t->buckets);
	mem_free(t->mem, t->old);
	*t = (struct htable){ .mem = t->mem };
}

static struct hnode **bucket(const struct htable *t, u32 hash)
{
	if (unlikely(t->old != NULL) && (hash & t->old_mask) >= t->old_pos)
		return &t->old[hash & t->old_mask];
	return &t->buckets[hash & t->mask];
}

static void move_some(struct htable *t)
{
	for (unsigned i = 0; i < MOVE_BUCKETS; i++) {
		struct hnode *n = t->old[t->old_pos], *next;

		/* A chain is split in two by one more bit of the hash; pushing at the front reverses it, which nobody sees. */
		for (; n; n = next) {
			struct hnode **b = &t->buckets[n->hash & t->mask];

			next = n->next;
			n->next = *b;
			*b = n;
		}
		t->old[t->old_pos] = NULL;
		if (t->old_pos++ == t->old_mask) {
			mem_free(t->mem, t->old);
			t->old = NULL;
			return;
		}
	}
}

static void grow(struct htable *t)
{
	struct hnode **n;
	u64 size = ((u64)t->mask + 1) * 2;

	if (size > MAX_BUCKETS)
		return;
	n = mem_zalloc(t->mem, size * sizeof(*n));
	if (!n)
		return;
	t->old = t->buckets;
	t->old_mask = t->mask;
	t->old_pos = 0;
	t->buckets = n;
	t->mask = (u32)size - 1;
}

void htable_add(struct htable *t, struct hnode *n, u32 hash)
{
	struct hnode **b;

	if (unlikely(t->old != NULL))
		move_some(t);
	else if (unlikely(t->count > t->mask))
		grow(t);
	n->hash = hash;
	b = bucket(t, hash);
	n->next = *b;
	ptr_publish(*b, n);
	t->count++;
}

void htable_del(struct htable *t, struct hnode *n)
{
	struct hnode **p = bucket(t, n->hash);

	while (*p != n) {
		assert(*p && "node is in the table");
		p = &(*p)->next;
	}
	ptr_publish(*p, n->next);
	t->count--;
}

struct hnode *htable_first(const struct htable *t, u32 hash)
{
	struct hnode *n = ptr_load(*bucket(t, hash));

	while (n && n->hash != hash)
		n = ptr_load(n->next);
	return n;
}

struct hnode *htable_next(const struct htable *t, const struct hnode *n)
{
	struct hnode *m = ptr_load(n->next);

	(void)t;
	while (m && m->hash != n->hash)
		m = ptr_load(m->next);
	return m;
}

/* First node at or after bucket i, counting what is left of the old array first. */
static struct hnode *scan(struct htable *t, bool in_old, u32 i)
{
	if (in_old) {
		for (; i <= t->old_mask; i++)
			if (t->old[i])
				return t->old[i];
		i = 0;
	}
	for (; i <= t->mask; i++)
		if (t->buckets[i])
			return t->buckets[i];
	return NULL;
}

static struct hnode *after(struct htable *t, struct hnode *n)
{
	u32 i;

	if (n->next)
		return n->next;
	if (t->old) {
		i = n->hash & t->old_mask;
		if (i >= t->old_pos)
			return scan(t, true, i + 1);
	}
	return scan(t, false, (n->hash & t->mask) + 1);
}

/* *cursor is the node that comes next, or WALK_END. */
#define WALK_END 1

struct hnode *htable_walk(struct htable *t, u64 *cursor, struct hnode *prev)
{
	struct hnode *n, *next;

	(void)prev;
	if (*cursor == WALK_END)
		return NULL;
	n = *cursor ? (struct hnode *)(uintptr_t)*cursor : scan(t, t->old != NULL, t->old ? t->old_pos : 0);
	if (!n)
		return NULL;
	next = after(t, n);
	*cursor = next ? (u64)(uintptr_t)next : WALK_END;
	return n;
}
