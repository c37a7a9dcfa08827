/* The whole stack's beginning with every allocation failing once: a world and two namespaces either come to be or leave nothing
 * behind (world_free asserts it), and the next attempt works. Then the same for what a namespace does at its end.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/netns.h"
#include "core/stack_tables.h"
#include "stack/stack.h"

static void every_failure(void **state)
{
	u64 fail;

	(void)state;
	for (fail = 1;; fail++) {
		struct world_config cfg = { .ncpus = 2, .tables = &stack_tables, .fail_at = fail };
		struct netns *net = NULL, *child = NULL;
		struct world *w;
		bool over;
		int err = world_new(&cfg, &w);

		assert_true(!err || err == -ENOMEM);
		if (err)
			continue;
		err = netns_new(w, "first", -1, &net);
		assert_true(!err || err == -ENOMEM);
		if (err) {
			assert_null(w->init_net);
			assert_int_equal(netns_new(w, "first", -1, &net), 0);
		}
		err = netns_new(w, "child", -1, &child);
		assert_true(!err || err == -ENOMEM);
		if (err)
			assert_int_equal(netns_new(w, "child", -1, &child), 0);
		over = w->mem.fail_at > 0;
		w->mem.fail_at = 0;
		world_run_until(w, NSEC_PER_SEC);
		if (fail & 1)
			netns_free(child);
		world_run_until(w, 2 * NSEC_PER_SEC);
		world_free(w);
		if (over)
			break;
	}
	assert_true(fail > 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(every_failure) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
