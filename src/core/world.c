/* struct world: making and ending a whole stack, and running it in virtual time.
 *
 * A world begins bottom up (allocator, packets' memory, epochs, cpus, subsystems) and ends top down; a failure half way ends
 * what had begun. At the end every packet and every allocation must have come back: the debug build asserts it, and says
 * first what is missing.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <syslog.h>

#include "core/cpu.h"
#include "core/epoch.h"
#include "core/netns.h"
#include "core/skb_pool.h"
#include "core/stack_tables.h"
#include "core/subsys.h"

/* What a world without any tables is made of. */
static const struct stack_tables no_tables;

void world_log(struct world *w, int level, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	if (!w->ops || !w->ops->log)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	w->ops->log(w->host, level, text);
}

void world_log_limited(struct cpu *cpu, int level, const char *fmt, ...)
{
	struct world *w = cpu->world;
	char text[512];
	va_list ap;

	if (!w->ops || !w->ops->log)
		return;
	if (!cpu->log.said || cpu->now >= cpu->log.since + (u64)MAX(w->message_cost, 0) * NSEC_PER_SEC) {
		if (cpu->log.kept)
			world_log(w, level, "%u messages like the following were kept back", cpu->log.kept);
		cpu->log.since = cpu->now;
		cpu->log.said = cpu->log.kept = 0;
	}
	if (w->message_cost > 0 && cpu->log.said >= (u32)MAX(w->message_burst, 0)) {
		cpu->log.kept++;
		return;
	}
	cpu->log.said++;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	w->ops->log(w->host, level, text);
}

static void fini_subsystems(struct world *w, unsigned n)
{
	while (n-- > 0)
		if (w->tables->subsys[n]->world_fini)
			w->tables->subsys[n]->world_fini(w);
}

static int init_subsystems(struct world *w)
{
	const struct subsys *const *s = w->tables->subsys;
	int err;

	for (unsigned i = 0; s && s[i]; i++) {
		err = s[i]->world_init ? s[i]->world_init(w) : 0;
		if (err) {
			fini_subsystems(w, i);
			return err;
		}
	}
	return 0;
}

static unsigned count_subsystems(const struct world *w)
{
	unsigned n = 0;

	while (w->tables->subsys && w->tables->subsys[n])
		n++;
	return n;
}

/* The machinery, without what is plugged in. */
static void free_machinery(struct world *w)
{
	u64 packets;

	for (unsigned i = 0; i < w->ncpus; i++)
		if (w->cpu[i])
			cpu_fini(w->cpu[i]);
	epoch_free(w);
	packets = skb_pool_free(w);
	for (unsigned i = 0; i < w->ncpus; i++)
		cpu_free(w->cpu[i]);
	if (packets)
		world_log(w, LOG_ERR, "world: %llu packets and buffers were never freed", (unsigned long long)packets);
	if (w->mem.count)
		world_log(w, LOG_ERR, "world: %llu allocations of %llu bytes were never freed", (unsigned long long)w->mem.count,
			  (unsigned long long)w->mem.bytes);
	assert(!packets && "every packet and buffer came back");
	assert(!mem_fini(&w->mem) && "every allocation came back");
	free(w);
}

int world_new(const struct world_config *cfg, struct world **out)
{
	struct world *w;
	struct rng rng;
	int err;

	if (!cfg->ncpus || cfg->ncpus > MAX_CPUS)
		return -EINVAL;
	/* The world itself holds the allocator, so it is the one thing that does not come from it. */
	w = calloc(1, sizeof(*w));
	if (!w)
		return -ENOMEM;
	mem_init(&w->mem, cfg->memory_limit_bytes);
	w->mem.fail_at = cfg->fail_at;
	w->ops = cfg->ops;
	w->host = cfg->host;
	w->tables = cfg->tables ? cfg->tables : &no_tables;
	w->ncpus = cfg->ncpus;
	w->next_netns_id = 1;
	w->next_cookie = 1;
	w->netdev_budget = 300;
	w->netdev_budget_usecs = 2000;
	w->dev_weight = 64;
	w->message_cost = 5;
	w->message_burst = 10;
	w->netdev_max_backlog = 1000;
	list_init(&w->netns_list);
	rng_init(&rng, cfg->seed, 0);
	rng_bytes(&rng, &w->hash_key, sizeof(w->hash_key));
	rng_bytes(&rng, &w->secret, sizeof(w->secret));

	err = skb_pool_new(w);
	if (!err)
		err = epoch_new(w);
	for (unsigned i = 0; !err && i < w->ncpus; i++)
		err = cpu_new(w, i, cfg, &w->cpu[i]);
	if (!err)
		err = init_subsystems(w);
	if (err) {
		free_machinery(w);
		return err;
	}
	*out = w;
	return 0;
}

void world_free(struct world *w)
{
	if (!w)
		return;
	w->dying = true;
	w->trace = NULL;
	/* Newest first, so that the first namespace can take back what others give up. */
	while (!list_empty(&w->netns_list))
		netns_free(list_last(&w->netns_list, struct netns, world_link));
	for (unsigned i = 0; i < w->ncpus; i++)
		cpu_drain(w->cpu[i]);
	epoch_drain(w);
	fini_subsystems(w, count_subsystems(w));
	free_machinery(w);
}

u64 world_run(struct world *w, u64 now)
{
	u64 next;
	bool again;

	do {
		again = false;
		next = UINT64_MAX;
		for (unsigned i = 0; i < w->ncpus; i++) {
			u64 t = cpu_run(w->cpu[i], now);

			again |= t <= now;
			next = MIN(next, t);
		}
		/* A cpu may have given work to one that had its turn. */
		for (unsigned i = 0; i < w->ncpus; i++)
			again |= cpu_has_work(w->cpu[i]);
	} while (again);
	return next;
}

void world_run_until(struct world *w, u64 until)
{
	u64 t = 0, next;

	for (unsigned i = 0; i < w->ncpus; i++)
		t = MAX(t, w->cpu[i]->now);
	while (t <= until) {
		next = world_run(w, t);
		if (t == until)
			return;
		t = MIN(next, until);
	}
}
