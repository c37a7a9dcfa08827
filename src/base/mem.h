/* The allocator of a world. Everything the stack allocates goes through one struct mem, so that a world has a size, a
 * limit and an end: mem_fini() asserts that nothing is left (with the sanitizer builds saying what).
 * Failure is part of the contract: every caller handles NULL. mem->fail_at makes the n-th allocation fail (fault injection).
 */
#ifndef BASE_MEM_H
#define BASE_MEM_H

#include "base/types.h"

struct mem {
	u64 bytes, limit_bytes; /* in use (atomic), and the most allowed; limit 0: none */
	u64 count;		/* live allocations (atomic) */
	u64 fail_at;		/* 0: never; else counts down at each allocation and fails at 1 (tests) */
};

void mem_init(struct mem *m, u64 limit_bytes);
/* Returns the number of allocations still alive. */
u64 mem_fini(struct mem *m);
void *mem_alloc(struct mem *m, size_t size) __attribute__((malloc, alloc_size(2)));
void *mem_zalloc(struct mem *m, size_t size) __attribute__((malloc, alloc_size(2)));
void *mem_alloc_aligned(struct mem *m, size_t align, size_t size);
void *mem_realloc(struct mem *m, void *p, size_t size);
char *mem_strdup(struct mem *m, const char *s);
void mem_free(struct mem *m, void *p); /* NULL is fine */

#endif
