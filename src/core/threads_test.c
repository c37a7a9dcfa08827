/* Two cpus run by two threads: packets cross both ways, are made on one cpu and freed on the other, pointers are published and
 * reclaimed by epochs while the other cpu reads them. Says nothing by itself; the thread sanitizer does.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/netns.h"
#include "core/stack_tables.h"

#define STEPS 10000

struct box {
	struct epoch_node node;
	struct mem *mem;
	u64 value;
};
static struct box *published;
static u64 handled[2], wrong;
static pthread_barrier_t start;

static void free_box(struct epoch_node *n)
{
	struct box *b = container_of(n, struct box, node);

	b->value = 0; /* a reader that still looked would see it */
	mem_free(b->mem, b);
}

static void backlog_rx(struct cpu *cpu, struct sk_buff **skbs, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		struct box *b = ptr_load(published);

		if (b && b->value != 42)
			__atomic_fetch_add(&wrong, 1, __ATOMIC_RELAXED);
		handled[cpu->id]++;
		if (skbs[i]->mark && skbs[i]->mark--)
			cpu_backlog_add(cpu, cpu->world->cpu[!cpu->id], skbs[i]);
		else
			skb_consume(cpu, skbs[i]);
	}
}
static const struct stack_tables tables = { .backlog_rx = backlog_rx };

static void *lane(void *arg)
{
	struct cpu *cpu = arg;
	struct world *w = cpu->world;

	pthread_barrier_wait(&start);
	for (unsigned i = 0; i < STEPS; i++) {
		cpu_enter(cpu, i);
		for (unsigned k = 0; k < 8; k++) {
			struct sk_buff *skb = skb_alloc(cpu, 0, 100), *clone;

			if (!skb)
				continue;
			skb_put(skb, 100);
			skb->mark = k;
			clone = skb_clone(cpu, skb);
			if (clone)
				cpu_backlog_add(cpu, w->cpu[!cpu->id], clone);
			cpu_backlog_add(cpu, w->cpu[!cpu->id], skb);
		}
		cpu_leave(cpu);
		if (cpu->id == 0 && i % 4 == 0) {
			struct box *new = mem_zalloc(&w->mem, sizeof(*new)), *old = published;

			assert_non_null(new);
			new->value = 42;
			new->mem = &w->mem;
			ptr_publish(published, new);
			if (old)
				epoch_defer_node(w, &old->node, free_box);
		}
		cpu_run(cpu, i);
	}
	return NULL;
}

static void two_lanes(void **state)
{
	struct world_config cfg = { .ncpus = 2, .tables = &tables };
	struct world *w;
	pthread_t t[2];

	(void)state;
	pthread_barrier_init(&start, NULL, 2);
	assert_int_equal(world_new(&cfg, &w), 0);
	for (unsigned i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&t[i], NULL, lane, w->cpu[i]), 0);
	for (unsigned i = 0; i < 2; i++)
		pthread_join(t[i], NULL);
	world_run(w, STEPS);
	assert_true(handled[0] && handled[1]);
	assert_int_equal(wrong, 0);
	mem_free(&w->mem, published);
	published = NULL;
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(two_lanes) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
