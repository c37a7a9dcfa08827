/* The allocator of a world: libc's, with a count, a limit and failures on demand.
 *
 * Sizes come from malloc_usable_size(), so a block carries no header of ours and the sanitizers see the bare block. The
 * counters are relaxed atomics: cpus allocate from the same world side by side.
 */
#include "base/mem.h"

#include <malloc.h>
#include <stdlib.h>

void mem_init(struct mem *m, u64 limit_bytes)
{
	*m = (struct mem){ .limit_bytes = limit_bytes };
}

u64 mem_fini(struct mem *m)
{
	return __atomic_load_n(&m->count, __ATOMIC_ACQUIRE);
}

/* Whether this allocation is the one that a test wants to see fail. */
static bool fault_due(struct mem *m)
{
	u64 n = __atomic_load_n(&m->fail_at, __ATOMIC_RELAXED);

	if (likely(!n))
		return false;
	__atomic_store_n(&m->fail_at, n - 1, __ATOMIC_RELAXED);
	return n == 1;
}

static bool over_limit(struct mem *m, size_t size)
{
	return m->limit_bytes && __atomic_load_n(&m->bytes, __ATOMIC_RELAXED) + size > m->limit_bytes;
}

static void *account(struct mem *m, void *p)
{
	if (likely(p)) {
		__atomic_fetch_add(&m->bytes, malloc_usable_size(p), __ATOMIC_RELAXED);
		__atomic_fetch_add(&m->count, 1, __ATOMIC_RELAXED);
	}
	return p;
}

void *mem_alloc(struct mem *m, size_t size)
{
	if (unlikely(fault_due(m) || over_limit(m, size)))
		return NULL;
	return account(m, malloc(size ? size : 1));
}

void *mem_zalloc(struct mem *m, size_t size)
{
	if (unlikely(fault_due(m) || over_limit(m, size)))
		return NULL;
	return account(m, calloc(1, size ? size : 1));
}

void *mem_alloc_aligned(struct mem *m, size_t align, size_t size)
{
	if (unlikely(fault_due(m) || over_limit(m, size)))
		return NULL;
	return account(m, aligned_alloc(align, ALIGN_UP(size ? size : 1, align)));
}

void *mem_realloc(struct mem *m, void *p, size_t size)
{
	size_t old;
	void *n;

	if (!p)
		return mem_alloc(m, size);
	old = malloc_usable_size(p);
	if (unlikely(fault_due(m) || (size > old && over_limit(m, size - old))))
		return NULL;
	n = realloc(p, size ? size : 1);
	if (n)
		__atomic_fetch_add(&m->bytes, malloc_usable_size(n) - old, __ATOMIC_RELAXED);
	return n;
}

char *mem_strdup(struct mem *m, const char *s)
{
	size_t size = strlen(s) + 1;
	char *p = mem_alloc(m, size);

	return p ? memcpy(p, s, size) : NULL;
}

void mem_free(struct mem *m, void *p)
{
	if (!p)
		return;
	__atomic_fetch_sub(&m->bytes, malloc_usable_size(p), __ATOMIC_RELAXED);
	__atomic_fetch_sub(&m->count, 1, __ATOMIC_RELAXED);
	free(p);
}
