/* Red-black tree against a sorted array: random insertions and removals, order and invariants after each. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/rbtree.h"

struct item {
	struct rbnode node;
	u32 key;
	bool in;
};

static void add(struct rbroot *r, struct item *it)
{
	struct rbnode **at = &r->node, *parent = NULL;
	while (*at) {
		parent = *at;
		at = it->key < container_of(parent, struct item, node)->key ? &parent->left : &parent->right;
	}
	rb_link(&it->node, parent, at);
	rb_insert(r, &it->node);
}

/* Black height; fails on a red node with a red child. */
static int check(const struct rbnode *n)
{
	if (!n)
		return 1;
	bool red = !(n->parent_color & 1);
	for (int i = 0; i < 2; i++) {
		const struct rbnode *c = i ? n->right : n->left;
		if (c) {
			assert_ptr_equal(rb_parent(c), n);
			assert_false(red && !(c->parent_color & 1));
		}
	}
	int l = check(n->left), r = check(n->right);
	assert_int_equal(l, r);
	return l + !red;
}

static void test_random(void **state)
{
	enum { N = 300 };
	static struct item items[N];
	struct rbroot r = { NULL };
	u32 x = 12345, live = 0;

	for (u32 i = 0; i < N; i++)
		items[i].key = i;
	for (int round = 0; round < 20000; round++) {
		x = x * 1664525 + 1013904223;
		struct item *it = &items[(x >> 8) % N];
		if (it->in)
			rb_erase(&r, &it->node);
		else
			add(&r, it);
		live += it->in ? -1u : 1u;
		it->in = !it->in;
		if (round % 16)
			continue;
		assert_true(!r.node || (r.node->parent_color & 1));
		check(r.node);
		u32 seen = 0, last = 0;
		for (struct rbnode *n = rb_first(&r); n; n = rb_next(n), seen++) {
			u32 k = container_of(n, struct item, node)->key;
			assert_true(!seen || k > last);
			last = k;
		}
		assert_int_equal(seen, live);
		seen = 0;
		for (struct rbnode *n = rb_last(&r); n; n = rb_prev(n))
			seen++;
		assert_int_equal(seen, live);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_random) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
