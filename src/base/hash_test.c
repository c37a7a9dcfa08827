/* The hash table against an array: random additions and deletions while it grows, walks that delete, no memory to grow. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/hash.h"
#include "base/mem.h"
#include "base/rng.h"

#define KEYS 5000

struct item {
	struct hnode node;
	u32 key;
	bool in;
	unsigned seen;
};

static u32 hash_of(u32 key)
{
	return key % 7 ? hash32_u64(key, 1) : key % 3; /* some share a whole hash */
}

static struct item *find(struct htable *t, u32 key)
{
	struct item *i;

	htable_for_each_match(i, t, hash_of(key), node)
		if (i->key == key)
			return i;
	return NULL;
}

static void random_operations(void **state)
{
	struct item *items = calloc(KEYS, sizeof(*items));
	u8 seed[32] = { 1 };
	struct htable t;
	struct mem m;
	struct rng r;
	u32 count = 0;

	(void)state;
	mem_init(&m, 0);
	rng_init(&r, seed, 0);
	assert_int_equal(htable_init(&t, &m, 0), 0);
	for (u32 i = 0; i < KEYS; i++)
		items[i].key = i;
	for (unsigned step = 0; step < 60000; step++) {
		/* More and more come in, so that the table grows many times with deletions in between. */
		struct item *i = &items[rng_below(&r, MIN(KEYS, 8 + step / 8))];

		if (step % 1000 == 0)
			m.fail_at = rng_below(&r, 3);
		if (i->in) {
			assert_ptr_equal(find(&t, i->key), i);
			htable_del(&t, &i->node);
			count--;
		} else {
			assert_null(find(&t, i->key));
			htable_add(&t, &i->node, hash_of(i->key));
			count++;
		}
		i->in = !i->in;
		assert_int_equal(t.count, count);
	}
	for (u32 i = 0; i < KEYS; i++)
		assert_int_equal(find(&t, i) != NULL, items[i].in);

	u64 cursor = 0;
	struct hnode *n = NULL;
	unsigned walked = 0;

	while ((n = htable_walk(&t, &cursor, n))) {
		struct item *i = container_of(n, struct item, node);

		assert_true(i->in);
		assert_int_equal(i->seen++, 0);
		walked++;
		if (i->key % 2) {
			htable_del(&t, n);
			i->in = false;
		}
	}
	assert_int_equal(walked, count);
	assert_null(htable_walk(&t, &cursor, NULL));
	for (u32 i = 0; i < KEYS; i++)
		assert_int_equal(find(&t, i) != NULL, items[i].in);
	htable_fini(&t);
	assert_int_equal(mem_fini(&m), 0);
	free(items);
}

static void without_memory(void **state)
{
	struct item items[100];
	struct htable t;
	struct mem m;
	u64 cursor = 0;

	(void)state;
	mem_init(&m, 0);
	m.fail_at = 1;
	assert_int_equal(htable_init(&t, &m, 100), -ENOMEM);
	assert_int_equal(htable_init(&t, &m, 0), 0);
	assert_null(htable_walk(&t, &cursor, NULL));
	for (u32 i = 0; i < 100; i++) {
		m.fail_at = 1;
		items[i].key = i;
		htable_add(&t, &items[i].node, hash_of(i));
	}
	m.fail_at = 0;
	for (u32 i = 0; i < 100; i++)
		assert_ptr_equal(find(&t, i), &items[i]);
	htable_fini(&t);
	assert_int_equal(mem_fini(&m), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_operations),
		cmocka_unit_test(without_memory),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
