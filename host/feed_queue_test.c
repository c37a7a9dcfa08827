/* The queue of records against a list: every record comes out whole and in order, and what does not fit is refused when it must be. */
#include "host/daemon.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SIZE 4096u

static u32 next(u64 *seed)
{
	*seed = *seed * 6364136223846793005u + 1442695040888963407u;
	return (u32)(*seed >> 33);
}

static void comes_out_as_it_went_in(void **state)
{
	struct { u32 len; u8 mark; } in[SIZE / 8];
	unsigned first = 0, n = 0, put = 0, refused = 0;
	struct feed_queue q;
	u64 seed = 7;
	u8 *room;
	u32 len;

	assert_int_equal(feed_queue_init(&q, SIZE), 0);
	for (unsigned turn = 0; turn < 100000; turn++) {
		if (next(&seed) % 2) {
			u32 want = next(&seed) % (turn % 3 ? 40 : 1500);

			room = feed_queue_put(&q, want);
			if (!room) {
				refused++;
				assert_true(n > 0 || want > SIZE / 2);
				continue;
			}
			assert_int_equal((uintptr_t)room % 8, 0);
			memset(room, (u8)put, want);
			in[(first + n) % ARRAY_SIZE(in)].len = want;
			in[(first + n++) % ARRAY_SIZE(in)].mark = (u8)put++;
		} else {
			const u8 *got = feed_queue_peek(&q, &len);

			assert_int_equal(got != NULL, n > 0);
			if (!got)
				continue;
			assert_int_equal(len, in[first].len);
			for (u32 i = 0; i < len; i++)
				assert_int_equal(got[i], in[first].mark);
			feed_queue_drop(&q);
			first = (first + 1) % ARRAY_SIZE(in);
			n--;
		}
		assert_int_equal(feed_queue_empty(&q), n == 0);
	}
	assert_true(put > 10000 && refused > 100);
	feed_queue_fini(&q);
}

static void takes_all_of_its_memory(void **state)
{
	struct feed_queue q;

	assert_int_equal(feed_queue_init(&q, SIZE), 0);
	assert_null(feed_queue_put(&q, SIZE - 7));
	assert_non_null(feed_queue_put(&q, SIZE - 8));
	assert_null(feed_queue_put(&q, 0));
	feed_queue_drop(&q);
	assert_true(feed_queue_empty(&q));
	feed_queue_drop(&q);
	feed_queue_fini(&q);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(comes_out_as_it_went_in), cmocka_unit_test(takes_all_of_its_memory) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
