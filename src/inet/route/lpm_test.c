/* The LPM against a linear list: random insertions, replacements and deletions, with every kind of question between and behind, for
 * both key lengths, across the appearance, growth and disappearance of the wide root and of buckets; and with an allocator that fails. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/rng.h"
#include "inet/route/lpm.h"

struct entry {
	struct lpm_key key;
	unsigned len;
	bool there;
};
static struct entry *model;
static unsigned n_model;

static bool covers(const struct entry *e, struct lpm_key k) { return lpm_key_eq(lpm_key_mask(k, e->len), e->key); }
static struct entry *model_max(struct lpm_key k, unsigned maxlen)
{
	struct entry *best = NULL;
	for (unsigned i = 0; i < n_model; i++)
		if (model[i].there && model[i].len <= maxlen && covers(&model[i], k) && (!best || model[i].len > best->len))
			best = &model[i];
	return best;
}
static struct entry *model_exact(struct lpm_key k, unsigned len)
{
	for (unsigned i = 0; i < n_model; i++)
		if (model[i].len == len && lpm_key_eq(model[i].key, k))
			return &model[i];
	return NULL;
}
static bool less(struct lpm_key a, struct lpm_key b) { return a.hi != b.hi ? a.hi < b.hi : a.lo < b.lo; }
static struct entry *model_next(struct lpm_key from)
{
	struct entry *best = NULL;
	for (unsigned i = 0; i < n_model; i++) {
		struct entry *e = &model[i];
		if (!e->there || less(e->key, from))
			continue;
		if (!best || less(e->key, best->key) || (lpm_key_eq(e->key, best->key) && e->len > best->len))
			best = e;
	}
	return best;
}

/* Addresses that share long prefixes with each other, so that all depths are met. */
static struct lpm_key random_key(struct rng *r, unsigned bits)
{
	struct lpm_key k = { rng_u64(r), bits > 32 ? rng_u64(r) : 0 };
	unsigned same = rng_below(r, bits + 1);
	struct lpm_key base = { 0x0a00010020010db8ull, 0x0123456789abcdefull };
	struct lpm_key m = lpm_key_mask((struct lpm_key){ ~0ull, ~0ull }, same);
	k.hi = (base.hi & m.hi) | (k.hi & ~m.hi);
	k.lo = (base.lo & m.lo) | (k.lo & ~m.lo);
	return lpm_key_mask(k, bits);
}

/* As in a large table: for IPv6 some blocks with thousands, in which there are dense places and sparse ones, and some host routes. */
static struct lpm_key many_key(struct rng *r, unsigned bits, unsigned *len)
{
	static const u8 len6[] = { 48, 48, 48, 48, 44, 40, 36, 32, 29, 64, 56, 16, 14, 12, 128, 8 };
	struct lpm_key k = { rng_u64(r), rng_u64(r) };
	if (bits == 32) {
		*len = 20 + rng_below(r, 13);
		return lpm_key_mask((struct lpm_key){ k.hi & 0xffffffff00000000, 0 }, *len);
	}
	*len = rng_below(r, 8) ? len6[rng_below(r, ARRAY_SIZE(len6))] : 20 + rng_below(r, 109);
	k.hi = (k.hi & 0x0000000f0fffffff) | (0x2000ull + rng_below(r, 9)) << 48 | (u64)(rng_below(r, 2) ? rng_below(r, 3) : rng_below(r, 200)) << 36;
	if (!rng_below(r, 5)) {
		k = (struct lpm_key){ 0x20010db800000001, k.lo & 0xff };
	} else if (!rng_below(r, 10)) { /* some that burst one by one above the wide root's level, and come together again */
		k.hi = (0x9000ull + (rng_below(r, 6) << 12) + rng_below(r, 21)) << 48;
		*len = 18;
	}
	return lpm_key_mask(k, *len);
}

static void ask(struct lpm *t, struct rng *r, unsigned bits)
{
	struct lpm_key k[40];
	void *res[40];
	unsigned len, max = rng_below(r, bits + 1);
	for (unsigned j = 0; j < ARRAY_SIZE(k); j++)
		k[j] = j & 1 ? random_key(r, bits) : many_key(r, bits, &len);
	struct entry *e = model_max(k[0], max);
	assert_ptr_equal(lpm_lookup_max(t, k[0], max), e);
	if (bits == 32) {
		be32 a[40];
		for (unsigned j = 0; j < ARRAY_SIZE(k); j++)
			a[j] = cpu_to_be32((u32)(k[j].hi >> 32));
		lpm4_lookup_bulk(t, a, ARRAY_SIZE(a), res);
	} else {
		lpm_lookup_bulk(t, k, ARRAY_SIZE(k), res);
	}
	for (unsigned j = 0; j < ARRAY_SIZE(k); j++) {
		e = model_max(k[j], bits);
		assert_ptr_equal(res[j], e);
		assert_ptr_equal(lpm_lookup_max(t, k[j], bits), e);
	}
}

static void run(unsigned bits, unsigned n, unsigned questions, u64 seed)
{
	struct mem mem;
	struct lpm t;
	struct rng r;
	u8 s[32] = { (u8)seed };
	mem_init(&mem, 0);
	rng_init(&r, s, seed);
	assert_int_equal(lpm_init(&t, &mem, NULL, bits), 0);
	model = calloc(n, sizeof(*model));
	n_model = 0;
	for (unsigned step = 0; step < 2 * n; step++) {
		bool many = n > 10000 && rng_below(&r, 16);
		unsigned len = rng_below(&r, bits + 1);
		struct lpm_key k = many ? many_key(&r, bits, &len) : lpm_key_mask(random_key(&r, bits), len);
		struct entry *e = model_exact(k, len);
		if (rng_below(&r, 8) && n_model < n) {
			void *old;
			if (!e)
				e = &model[n_model++];
			*e = (struct entry){ k, len, e->there };
			mem.fail_at = rng_below(&r, 12) ? 0 : 1 + rng_below(&r, 4);
			int err = lpm_set(&t, k, len, e, &old);
			if (err) { /* nothing changed */
				assert_true(err == -ENOMEM && mem.fail_at == 0);
				assert_ptr_equal(lpm_find(&t, k, len), e->there ? e : NULL);
				err = lpm_set(&t, k, len, e, &old);
			}
			mem.fail_at = 0;
			assert_int_equal(err, 0);
			assert_ptr_equal(old, e->there ? e : NULL);
			e->there = true;
		} else if (n_model) {
			e = &model[rng_below(&r, n_model)];
			assert_ptr_equal(lpm_find(&t, e->key, e->len), e->there ? e : NULL);
			mem.fail_at = rng_below(&r, 4) ? 0 : 1 + rng_below(&r, 3); /* removal cannot fail */
			assert_ptr_equal(lpm_remove(&t, e->key, e->len), e->there ? e : NULL);
			mem.fail_at = 0;
			e->there = false;
		}
		if (step % (n / 100) == 0)
			ask(&t, &r, bits);
	}
	assert_int_equal(t.wide != NULL, n > 10000);
	for (unsigned i = 0; i < questions; i++) {
		struct lpm_key k = random_key(&r, bits), at;
		unsigned max = rng_below(&r, bits + 1);
		struct entry *e = model_max(k, max);
		assert_ptr_equal(lpm_lookup_max(&t, k, max), e);
		e = model_max(k, bits);
		assert_ptr_equal(lpm_lookup_max(&t, k, bits), e);
		if (bits == 32) {
			be32 a = cpu_to_be32((u32)(k.hi >> 32)), many[40];
			void *res[40];
			assert_ptr_equal(lpm4_lookup(&t, a), e);
			for (unsigned j = 0; j < 40; j++)
				many[j] = cpu_to_be32((u32)(random_key(&r, 32).hi >> 32));
			lpm4_lookup_bulk(&t, many, 40, res);
			for (unsigned j = 0; j < 40; j += 13)
				assert_ptr_equal(res[j], model_max(lpm_key_v4(many[j]), 32));
		}
		e = model_next(k);
		assert_ptr_equal(lpm_next(&t, k, &at), e);
		if (e)
			assert_true(lpm_key_eq(at, e->key));
	}
	for (unsigned i = 0; i < n_model; i++) {
		assert_ptr_equal(lpm_remove(&t, model[i].key, model[i].len), model[i].there ? &model[i] : NULL);
		model[i].there = false;
		if (i % (n_model / 40) == 0)
			ask(&t, &r, bits);
	}
	assert_int_equal(t.count, 0);
	assert_null(t.top);
	lpm_fini(&t);
	assert_int_equal(mem_fini(&mem), 0);
	free(model);
}

static void test_v4(void **state) { run(32, 600, 600, 1); }
static void test_v6(void **state) { run(128, 600, 600, 2); }
static void test_wide(void **state) { run(32, 12000, 150, 3); }
static void test_wide_v6(void **state) { run(128, 12000, 150, 4); }

/* A table that grows past the edge of the widest root and back again. The model: all prefixes of up to
 * 21 bits in the order of a heap, and for each whether it is there. */
enum { GRID_LEN = 21, GRID_SIZE = 1 << GRID_LEN };
struct grid {
	struct lpm t;
	u8 there[2 * GRID_SIZE]; /* that of length l with the first bits v is at (1 << l) + v; its parent is at half of that */
};
static struct lpm_key grid_key(unsigned at, unsigned *len)
{
	*len = 31u - (unsigned)__builtin_clz(at);
	return (struct lpm_key){ *len ? (u64)(at - (1u << *len)) << (64 - *len) : 0, 0 };
}
static void grid_put(struct grid *g, unsigned at)
{
	unsigned len;
	struct lpm_key k = grid_key(at, &len);
	void *old;
	assert_int_equal(lpm_set(&g->t, k, len, &g->there[at], &old), 0);
	assert_ptr_equal(old, g->there[at] ? &g->there[at] : NULL);
	g->there[at] = 1;
}
static void grid_take(struct grid *g, unsigned at)
{
	unsigned len;
	struct lpm_key k = grid_key(at, &len);
	assert_ptr_equal(lpm_remove(&g->t, k, len), g->there[at] ? &g->there[at] : NULL);
	g->there[at] = 0;
}
static void grid_ask(const struct grid *g, struct rng *r, unsigned n)
{
	be32 addr[100];
	void *res[100];
	for (unsigned i = 0; i < n; i++) {
		for (unsigned j = 0; j < ARRAY_SIZE(addr); j++)
			addr[j] = cpu_to_be32(rng_u32(r));
		lpm4_lookup_bulk(&g->t, addr, ARRAY_SIZE(addr), res);
		for (unsigned j = 0; j < ARRAY_SIZE(addr); j++) {
			unsigned at = (GRID_SIZE + (be32_to_cpu(addr[j]) >> (32 - GRID_LEN)));
			while (at && !g->there[at])
				at >>= 1;
			assert_ptr_equal(res[j], at ? &g->there[at] : NULL);
			assert_ptr_equal(lpm4_lookup(&g->t, addr[j]), res[j]);
			assert_ptr_equal(lpm_lookup_max(&g->t, lpm_key_v4(addr[j]), 32), res[j]);
		}
	}
}
/* Prefixes of all lengths come and go; each time the short ones, whose entries in the wide root are many. */
static void grid_change(struct grid *g, struct rng *r, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		unsigned at = (1u << rng_below(r, GRID_LEN + 1));
		at |= rng_below(r, at);
		if (rng_below(r, 2))
			grid_put(g, at);
		else
			grid_take(g, at);
		if (i % 16 == 0)
			grid_ask(g, r, 1);
	}
}
static void grid_shrink(struct grid *g, u32 count)
{
	for (unsigned at = 2 * GRID_SIZE; --at && g->t.count > count;)
		if (g->there[at])
			grid_take(g, at);
}
static void test_wide6(void **state)
{
	struct grid *g = calloc(1, sizeof(*g));
	struct mem mem;
	struct rng r;
	u8 s[32] = { 6 };
	mem_init(&mem, 0);
	rng_init(&r, s, 6);
	assert_int_equal(lpm_init(&g->t, &mem, NULL, 128), 0);
	while (g->t.count < 20000)
		grid_put(g, 1 + rng_below(&r, 2 * GRID_SIZE - 1));
	assert_non_null(g->t.wide);
	for (unsigned i = 0; i < 50; i++) {
		struct lpm_key key[100];
		void *res[100];
		for (unsigned j = 0; j < ARRAY_SIZE(key); j++)
			key[j] = (struct lpm_key){ rng_u64(&r), rng_u64(&r) };
		lpm_lookup_bulk(&g->t, key, ARRAY_SIZE(key), res);
		for (unsigned j = 0; j < ARRAY_SIZE(key); j++) {
			unsigned at = (unsigned)(GRID_SIZE + (key[j].hi >> (64 - GRID_LEN)));
			while (at && !g->there[at])
				at >>= 1;
			assert_ptr_equal(res[j], at ? &g->there[at] : NULL);
			assert_ptr_equal(lpm_lookup_max(&g->t, key[j], 128), res[j]);
		}
	}
	lpm_fini(&g->t);
	assert_int_equal(mem_fini(&mem), 0);
	free(g);
}
static void test_widest(void **state)
{
	struct grid *g = calloc(1, sizeof(*g));
	struct mem mem;
	struct rng r;
	u8 s[32] = { 9 };
	const void *first, *second;
	mem_init(&mem, 0);
	rng_init(&r, s, 9);
	assert_int_equal(lpm_init(&g->t, &mem, NULL, 32), 0);
	while (g->t.count < 20000)
		grid_put(g, GRID_SIZE + rng_below(&r, GRID_SIZE));
	first = g->t.wide;
	assert_non_null(first);
	grid_change(g, &r, 3000);
	while (g->t.count < 405000)
		grid_put(g, GRID_SIZE / 4 + rng_below(&r, GRID_SIZE / 4 * 7));
	second = g->t.wide;
	assert_ptr_not_equal(first, second);
	grid_put(g, 1); /* the default route: it stands apart */
	grid_ask(g, &r, 10);
	grid_take(g, 1);
	grid_ask(g, &r, 10);
	grid_change(g, &r, 3000);
	mem.fail_at = 1; /* no memory to copy a node */
	grid_shrink(g, 200001);
	assert_ptr_equal(g->t.wide, second);
	grid_shrink(g, 199000);
	assert_ptr_not_equal(g->t.wide, second);
	assert_non_null(g->t.wide);
	grid_change(g, &r, 1000);
	grid_shrink(g, 1000);
	assert_null(g->t.wide);
	grid_ask(g, &r, 10);
	lpm_fini(&g->t);
	assert_int_equal(mem_fini(&mem), 0);
	free(g);
}

static void test_no_memory(void **state)
{
	struct mem mem;
	struct lpm t;
	struct lpm_key a = lpm_key_v4(BE32(0x0a010203)), b = lpm_key_v4(BE32(0x0a010204));
	int x, y;
	mem_init(&mem, 0);
	lpm_init(&t, &mem, NULL, 32);
	for (u64 at = 1; at < 16; at++) {
		mem.fail_at = at;
		int err = lpm_set(&t, a, 32, &x, NULL);
		mem.fail_at = 0;
		assert_ptr_equal(lpm4_lookup(&t, BE32(0x0a010203)), err ? NULL : &x);
		if (!err)
			break;
		assert_int_equal(err, -ENOMEM);
		assert_int_equal(mem.count, 0);
	}
	assert_int_equal(lpm_set(&t, b, 32, &y, NULL), 0);
	mem.fail_at = 1; /* removal cannot fail */
	assert_ptr_equal(lpm_remove(&t, a, 32), &x);
	mem.fail_at = 0;
	assert_null(lpm4_lookup(&t, BE32(0x0a010203)));
	assert_ptr_equal(lpm4_lookup(&t, BE32(0x0a010204)), &y);
	lpm_fini(&t);
	assert_int_equal(mem_fini(&mem), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_v4),
		cmocka_unit_test(test_v6),
		cmocka_unit_test(test_wide),
		cmocka_unit_test(test_wide_v6),
		cmocka_unit_test(test_wide6),
		cmocka_unit_test(test_widest),
		cmocka_unit_test(test_no_memory),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
