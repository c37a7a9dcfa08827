/* The timer wheel against a sorted model: random arming at every scale of time, cancelling, re-arming, runs that jump, budgets,
 * callbacks that arm; and that timer_wheel_next() never is too late, and exact for a timer alone.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/rng.h"
#include "base/timer.h"

#define TIMERS 300

struct model {
	struct timer t;
	bool armed;
	u64 expires, order;
};
struct bench {
	struct model m[TIMERS];
	struct timer_wheel *w;
	struct rng rng;
	u64 now, order, last_expires, last_order;
	unsigned fired;
	bool rearm;
};

static u64 some_delay(struct rng *r)
{
	return rng_u64(r) >> (rng_below(r, 60) + 4);
}

static void arm(struct bench *b, struct model *m, u64 expires)
{
	timer_arm(b->w, &m->t, expires);
	m->armed = true;
	m->expires = expires;
	m->order = b->order++;
}

static void fire(void *owner, struct timer *t)
{
	struct bench *b = owner;
	struct model *m = container_of(t, struct model, t);

	assert_true(m->armed);
	assert_false(timer_armed(t));
	assert_true(m->expires <= b->now);
	/* Nobody that is still armed should have come first. */
	for (unsigned i = 0; i < TIMERS; i++) {
		struct model *o = &b->m[i];

		if (o->armed && o != m)
			assert_true(o->expires > m->expires || (o->expires == m->expires && o->order > m->order));
	}
	m->armed = false;
	b->fired++;
	if (b->rearm) {
		switch (rng_below(&b->rng, 4)) {
		case 0: /* into the future, another one too */
			arm(b, m, b->now + 1 + some_delay(&b->rng));
			arm(b, &b->m[rng_below(&b->rng, TIMERS)], b->now + 1 + some_delay(&b->rng));
			break;
		case 1: {
			struct model *o = &b->m[rng_below(&b->rng, TIMERS)];

			assert_int_equal(timer_cancel(&o->t), o->armed);
			o->armed = false;
			break;
		}
		case 2: /* due already: still in this run */
			if (rng_below(&b->rng, 2))
				arm(b, m, b->now - rng_below(&b->rng, 1000));
			break;
		}
	}
}

static void check_next(struct bench *b)
{
	u64 first = UINT64_MAX, next = timer_wheel_next(b->w);

	for (unsigned i = 0; i < TIMERS; i++)
		if (b->m[i].armed)
			first = MIN(first, b->m[i].expires);
	assert_true(next <= first);
	if (first == UINT64_MAX)
		assert_int_equal(next, UINT64_MAX);
	if (first > b->now && next != UINT64_MAX)
		assert_true(next > b->now);
}

static void random_operations(void **state)
{
	static struct bench b;
	u8 seed[32] = { 3 };
	struct mem mem;

	(void)state;
	mem_init(&mem, 0);
	rng_init(&b.rng, seed, 0);
	b.now = 5 * NSEC_PER_SEC + 17;
	b.w = timer_wheel_new(&mem, b.now, &b);
	for (unsigned i = 0; i < TIMERS; i++)
		timer_init(&b.m[i].t, fire);
	for (unsigned step = 0; step < 30000; step++) {
		struct model *m = &b.m[rng_below(&b.rng, TIMERS)];
		u64 when = b.now + some_delay(&b.rng);

		b.rearm = step > 10000;
		switch (rng_below(&b.rng, 8)) {
		case 0:
		case 1:
		case 2:
			arm(&b, m, when);
			break;
		case 3: /* the same moment as another one */
			arm(&b, m, b.m[rng_below(&b.rng, TIMERS)].expires);
			break;
		case 4:
			if (!m->armed || when < m->expires) {
				m->order = b.order++;
				m->expires = when;
			}
			timer_reduce(b.w, &m->t, when);
			m->armed = true;
			assert_int_equal(m->t.expires, m->expires);
			break;
		case 5:
			assert_int_equal(timer_cancel(&m->t), m->armed);
			m->armed = false;
			break;
		case 6: {
			unsigned budget = rng_below(&b.rng, 3) ? UINT32_MAX : rng_below(&b.rng, 5), fired;

			if (rng_below(&b.rng, 2))
				b.now += some_delay(&b.rng) >> 8;
			else if (timer_wheel_next(b.w) < b.now + (1ull << 50))
				b.now = MAX(b.now, timer_wheel_next(b.w));
			b.fired = 0;
			fired = timer_wheel_run(b.w, b.now, budget);
			assert_int_equal(fired, b.fired);
			assert_true(fired <= budget);
			if (fired < budget)
				for (unsigned i = 0; i < TIMERS; i++)
					assert_true(!b.m[i].armed || b.m[i].expires > b.now);
			break;
		}
		}
		if (step % 16 == 0)
			check_next(&b);
	}
	timer_wheel_free(b.w);
	for (unsigned i = 0; i < TIMERS; i++)
		assert_false(timer_armed(&b.m[i].t));
	assert_int_equal(mem_fini(&mem), 0);
}

static void alone(void **state)
{
	static const u64 delay[] = { 1, 63, 64, 65, 4096, 1000000, 200 * NSEC_PER_MSEC, 7200 * NSEC_PER_SEC, 1ull << 62 };
	static struct bench b;
	struct mem mem;

	(void)state;
	mem_init(&mem, 0);
	b.now = 123456789;
	b.w = timer_wheel_new(&mem, b.now, &b);
	timer_init(&b.m[0].t, fire);
	assert_int_equal(timer_wheel_next(b.w), UINT64_MAX);
	for (unsigned i = 0; i < ARRAY_SIZE(delay); i++) {
		u64 at = b.now + delay[i];

		arm(&b, &b.m[0], at);
		assert_int_equal(timer_wheel_next(b.w), at); /* a sleeper wakes once */
		b.now = at - 1;
		assert_int_equal(timer_wheel_run(b.w, b.now, 10), 0);
		assert_int_equal(timer_wheel_next(b.w), at);
		b.now = at;
		assert_int_equal(timer_wheel_run(b.w, b.now, 10), 1);
	}
	timer_wheel_free(b.w);
	timer_wheel_free(NULL);
	mem.fail_at = 1;
	assert_null(timer_wheel_new(&mem, 0, NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_operations),
		cmocka_unit_test(alone),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
