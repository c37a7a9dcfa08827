/* Memory of packets: where sk_buffs and buffers come from and go to.
 *
 * A cpu keeps a stack of free objects of each kind (sk_buffs, and buffers by size class) and touches nothing else as long as
 * the stack is neither empty nor full. Then half a stack at a time moves from or to the depot, which all cpus of the world
 * share: this is the one lock on the packet path, a spin lock held for a few instructions, once in `batch` operations at
 * worst. In the depot a batch is a chain through the objects' own first words, so moving one never needs memory.
 *
 * Small objects are cut from slabs, which stay until the world ends; objects of 16 KiB and more are allocations of their
 * own, and what the depot holds of them beyond `keep` goes back to the world's allocator.
 */
#include "core/skb_pool.h"

struct free_obj { /* a free object in the depot: its first two words */
	struct free_obj *next;
	struct free_obj *next_batch;
};

struct slab {
	struct slab *next;
} __cacheline_aligned;

struct depot { /* of one kind */
	u32 lock;
	u16 batch;   /* objects that move at a time */
	u16 keep;    /* single: most batches kept free */
	u32 stride;  /* bytes of one object */
	u32 per_slab; /* at most 2 * batch; 1: allocations of their own */
	u32 batches;
	u64 objects; /* in all, used and free */
	struct free_obj *full; /* chain of batches */
	struct slab *slabs;
} __cacheline_aligned;

struct skb_pool {
	struct depot kind[POOL_KINDS];
};

static const u32 class_size[BUF_CLASSES] = BUF_CLASS_SIZES;

static void lock(u32 *l)
{
	while (__atomic_exchange_n(l, 1, __ATOMIC_ACQUIRE))
		while (__atomic_load_n(l, __ATOMIC_RELAXED))
			__builtin_ia32_pause();
}

static void unlock(u32 *l)
{
	__atomic_store_n(l, 0, __ATOMIC_RELEASE);
}

int skb_pool_new(struct world *w)
{
	struct skb_pool *pool = mem_alloc_aligned(&w->mem, CACHELINE, sizeof(*pool));

	if (!pool)
		return -ENOMEM;
	memset(pool, 0, sizeof(*pool));
	for (unsigned k = 0; k < POOL_KINDS; k++) {
		struct depot *d = &pool->kind[k];
		bool single = k < BUF_CLASSES && class_size[k] >= 16384;

		d->stride = k == POOL_SKB ? SKB_STRIDE : class_size[k] + BUF_HDR_BYTES;
		d->batch = single ? 8 : k == POOL_SKB ? CACHE_MAX / 2 : 32;
		d->keep = 8;
		d->per_slab = single ? 1 : CLAMP(65536 / d->stride, 16u, 2u * d->batch);
	}
	w->skb_pool = pool;
	return 0;
}

int skb_cache_new(struct cpu *cpu)
{
	struct skb_cache *c = mem_zalloc(cpu_mem(cpu), sizeof(*c));

	if (!c)
		return -ENOMEM;
	for (unsigned k = 0; k < POOL_KINDS; k++)
		c->kind[k].max = 2u * cpu->world->skb_pool->kind[k].batch;
	cpu->skb_cache = c;
	return 0;
}

u32 pool_object_bytes(unsigned kind)
{
	return kind == POOL_SKB ? SKB_STRIDE : class_size[kind] + BUF_HDR_BYTES;
}

/* What stays constant in a buffer while it goes round. */
static void buf_prepare(struct buf *b, unsigned kind)
{
	*b = (struct buf){ .refcnt = 1, .size = class_size[kind], .class = (u8)kind, .data = (u8 *)b + BUF_HDR_BYTES };
}

/* Fills the cpu's empty stack with new objects. */
static bool new_slab(struct cpu *cpu, struct depot *d, unsigned kind)
{
	struct obj_cache *c = &cpu->skb_cache->kind[kind];
	size_t head = d->per_slab == 1 ? 0 : sizeof(struct slab);
	u8 *p = mem_alloc_aligned(cpu_mem(cpu), CACHELINE, head + (size_t)d->per_slab * d->stride);

	if (!p)
		return false;
	for (u32 i = d->per_slab; i-- > 0;) {
		u8 *o = p + head + (size_t)i * d->stride;

		if (kind != POOL_SKB)
			buf_prepare((struct buf *)o, kind);
		c->obj[c->n++] = o;
		pool_poison(o, d->stride);
	}
	lock(&d->lock);
	d->objects += d->per_slab;
	if (head) {
		((struct slab *)p)->next = d->slabs;
		d->slabs = (struct slab *)p;
	}
	unlock(&d->lock);
	return true;
}

void *skb_pool_refill(struct cpu *cpu, unsigned kind)
{
	struct depot *d = &cpu->world->skb_pool->kind[kind];
	struct obj_cache *c = &cpu->skb_cache->kind[kind];
	struct free_obj *f;
	void *p;

	lock(&d->lock);
	f = d->full;
	if (f) {
		d->full = f->next_batch;
		d->batches--;
	}
	unlock(&d->lock);
	if (!f && !new_slab(cpu, d, kind))
		return NULL;
	while (f) {
		struct free_obj *next = f->next;

		pool_unpoison(f, sizeof(struct buf));
		if (kind != POOL_SKB)
			buf_prepare((struct buf *)f, kind);
		c->obj[c->n++] = f;
		pool_poison(f, d->stride);
		f = next;
	}
	p = c->obj[--c->n];
	pool_unpoison(p, d->stride);
	return p;
}

void skb_pool_flush(struct cpu *cpu, unsigned kind)
{
	struct depot *d = &cpu->world->skb_pool->kind[kind];
	struct obj_cache *c = &cpu->skb_cache->kind[kind];
	unsigned n = d->batch;
	struct free_obj *chain = NULL;
	bool keep;

	/* The oldest go: they are the coldest. */
	for (unsigned i = n; i-- > 0;) {
		struct free_obj *f = c->obj[i];

		pool_unpoison(f, sizeof(*f));
		f->next = chain;
		chain = f;
	}
	c->n -= n;
	memmove(c->obj, c->obj + n, c->n * sizeof(c->obj[0]));
	lock(&d->lock);
	keep = d->per_slab > 1 || d->batches < d->keep;
	if (keep) {
		chain->next_batch = d->full;
		d->full = chain;
		d->batches++;
	} else {
		d->objects -= n;
	}
	unlock(&d->lock);
	while (!keep && chain) {
		struct free_obj *f = chain;

		chain = f->next;
		pool_unpoison(f, d->stride);
		mem_free(cpu_mem(cpu), f);
	}
}

/* Objects in the depot; those that are allocations of their own are freed. */
static u64 depot_empty(struct world *w, struct depot *d)
{
	u64 n = 0;

	for (struct free_obj *b = d->full, *next_batch; b; b = next_batch) {
		next_batch = b->next_batch;
		for (struct free_obj *f = b, *next; f; f = next) {
			next = f->next;
			n++;
			if (d->per_slab == 1) {
				pool_unpoison(f, d->stride);
				mem_free(&w->mem, f);
			}
		}
	}
	for (struct slab *s = d->slabs, *next; s; s = next) {
		next = s->next;
		pool_unpoison(s, sizeof(*s) + (size_t)d->per_slab * d->stride);
		mem_free(&w->mem, s);
	}
	return n;
}

u64 skb_pool_free(struct world *w)
{
	struct skb_pool *pool = w->skb_pool;
	u64 used = 0;

	if (!pool)
		return 0;
	for (unsigned k = 0; k < POOL_KINDS; k++) {
		struct depot *d = &pool->kind[k];
		u64 n = 0;

		for (unsigned i = 0; i < w->ncpus; i++) {
			struct obj_cache *c = w->cpu[i] && w->cpu[i]->skb_cache ? &w->cpu[i]->skb_cache->kind[k] : NULL;

			if (!c)
				continue;
			n += c->n;
			if (d->per_slab > 1)
				continue;
			while (c->n) {
				pool_unpoison(c->obj[c->n - 1], d->stride);
				mem_free(&w->mem, c->obj[--c->n]);
			}
		}
		n += depot_empty(w, d);
		used += d->objects - n;
	}
	for (unsigned i = 0; i < w->ncpus; i++) {
		if (w->cpu[i]) {
			mem_free(&w->mem, w->cpu[i]->skb_cache);
			w->cpu[i]->skb_cache = NULL;
		}
	}
	mem_free(&w->mem, pool);
	w->skb_pool = NULL;
	return used;
}
