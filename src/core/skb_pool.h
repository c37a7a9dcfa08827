/* The caches behind sk_buffs and buffers: per-cpu stacks of free objects, and a depot that they share (skb_pool.c). Private to
 * core/skb_*.c and core/world.c. */
#ifndef CORE_SKB_POOL_H
#define CORE_SKB_POOL_H

#include "core/cpu.h"

/* Usable bytes of each class. A TCP ACK or a small datagram; an MTU of 1500; one of 4 KiB; jumbo frames; GSO by halves. */
#define BUF_CLASS_SIZES { 256, 1024, 2048, 4096, 16384, 32768, BUF_MAX_BYTES }
enum { BUF_CLASSES = 7, POOL_SKB = BUF_CLASSES, POOL_KINDS };

#define BUF_HDR_BYTES CACHELINE /* struct buf, then the payload on a line of its own */
/* Nine lines: an odd number, so that the first lines of many packets do not fall on the same few sets of the cache. */
#define SKB_STRIDE (9 * CACHELINE)
_Static_assert(sizeof(struct sk_buff) <= SKB_STRIDE, "an sk_buff fits its slot");

#define CACHE_MAX 128 /* most free objects of a kind that a cpu keeps */

struct obj_cache {
	unsigned n, max; /* max: 2 * batch of this kind */
	void *obj[CACHE_MAX];
};
struct skb_cache {
	struct obj_cache kind[POOL_KINDS];
};

/* 0, -ENOMEM. */
int skb_pool_new(struct world *w);
/* Takes all memory back, the cpus' caches with it. Returns how many objects were still in use. */
u64 skb_pool_free(struct world *w);
int skb_cache_new(struct cpu *cpu);

/* A free object, and one back; the slow halves of the stacks in kind[]. */
void *skb_pool_refill(struct cpu *cpu, unsigned kind);
void skb_pool_flush(struct cpu *cpu, unsigned kind);

/* Free objects are out of bounds for everybody: the address sanitizer sees a use after free in spite of the caches. */
#if defined(__SANITIZE_ADDRESS__)
#define POOL_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define POOL_ASAN 1
#endif
#endif
#ifdef POOL_ASAN
void __asan_poison_memory_region(void const volatile *p, size_t size);
void __asan_unpoison_memory_region(void const volatile *p, size_t size);
#define pool_poison(p, size) __asan_poison_memory_region(p, size)
#define pool_unpoison(p, size) __asan_unpoison_memory_region(p, size)
#else
#define pool_poison(p, size) ((void)(p))
#define pool_unpoison(p, size) ((void)(p))
#endif
u32 pool_object_bytes(unsigned kind);

static inline void *pool_get(struct cpu *cpu, unsigned kind)
{
	struct obj_cache *c = &cpu->skb_cache->kind[kind];
	void *p;

	if (unlikely(!c->n))
		return skb_pool_refill(cpu, kind);
	p = c->obj[--c->n];
#ifdef POOL_ASAN
	pool_unpoison(p, pool_object_bytes(kind));
#endif
	return p;
}

static inline void pool_put(struct cpu *cpu, unsigned kind, void *p)
{
	struct obj_cache *c = &cpu->skb_cache->kind[kind];

	if (unlikely(c->n == c->max))
		skb_pool_flush(cpu, kind);
#ifdef POOL_ASAN
	pool_poison(p, pool_object_bytes(kind));
#endif
	c->obj[c->n++] = p;
}

#endif
