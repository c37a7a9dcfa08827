/* struct host: a world, its clock, and one lane a cpu. The lanes' own work (batons, loops, descriptors) is in lane.c.
 *
 * The order of locks: batons in cpu order, then a lane's side_lock; nothing is called with side_lock held.
 */
#include "host/host.h"

#include <sched.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>

#include "host/lane.h"

static u64 clock_ns(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (u64)ts.tv_sec * NSEC_PER_SEC + (u64)ts.tv_nsec;
}

u64 host_now(void) { return clock_ns(CLOCK_MONOTONIC); }

static u64 op_clock(void *host) { return host_now(); }
static u64 op_realtime(void *host, u64 mono) { return mono + (clock_ns(CLOCK_REALTIME) - host_now()); }

static void op_kick(void *host, struct cpu *cpu)
{
	struct host *h = host;

	lane_kick(&h->lane[cpu->id]);
}

static void op_log(void *host, int level, const char *text)
{
	struct host *h = host;

	if (h->log)
		h->log(h->log_arg, level, text);
}

static const struct world_ops ops = { .clock = op_clock, .realtime = op_realtime, .kick = op_kick, .log = op_log };

static int fill_seed(u8 seed[32])
{
	size_t have = 0;

	while (have < 32) {
		ssize_t n = getrandom(seed + have, 32 - have, 0);
		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0)
			have += (size_t)n;
	}
	return 0;
}

int host_new(const struct host_config *cfg, struct host **out)
{
	unsigned ncpus = cfg->ncpus ? cfg->ncpus : 1, i = 0;
	struct world_config wc = { .ncpus = ncpus, .memory_limit_bytes = cfg->memory_limit_bytes, .tables = cfg->tables, .ops = &ops };
	cpu_set_t set;
	struct host *h;
	int err;

	if (ncpus > MAX_CPUS)
		return -EINVAL;
	h = calloc(1, sizeof(*h) + ncpus * sizeof(h->lane[0]));
	if (!h)
		return -ENOMEM;
	h->ncpus = ncpus;
	h->log = cfg->log;
	h->log_arg = cfg->log_arg;
	h->may_spin = sched_getaffinity(0, sizeof(set), &set) == 0 && CPU_COUNT(&set) > 1;
	if (cfg->seed)
		memcpy(wc.seed, cfg->seed, sizeof(wc.seed));
	else if ((err = fill_seed(wc.seed)))
		goto fail;
	for (; i < ncpus; i++)
		if ((err = lane_init(&h->lane[i], h, i)))
			goto fail;
	wc.host = h;
	wc.start_ns = host_now();
	err = world_new(&wc, &h->world);
	if (err)
		goto fail;
	for (unsigned k = 0; k < ncpus; k++)
		h->lane[k].cpu = h->world->cpu[k];
	*out = h;
	return 0;
fail:
	while (i--)
		lane_fini(&h->lane[i]);
	free(h);
	return err;
}

int host_start(struct host *h)
{
	for (unsigned i = 0; i < h->ncpus; i++) {
		int err = lane_start(&h->lane[i]);
		if (err) {
			host_stop(h);
			return err;
		}
	}
	return 0;
}

void host_stop(struct host *h)
{
	for (unsigned i = 0; i < h->ncpus; i++)
		lane_stop(&h->lane[i]);
}

void host_free(struct host *h)
{
	if (!h)
		return;
	world_free(h->world);
	for (unsigned i = 0; i < h->ncpus; i++)
		lane_fini(&h->lane[i]);
	free(h);
}

struct world *host_world(struct host *h) { return h->world; }

struct cpu *host_lock(struct host *h, unsigned cpu_id)
{
	assert(cpu_id < h->ncpus);
	lane_lock(&h->lane[cpu_id]);
	return h->lane[cpu_id].cpu;
}

void host_run(struct host *h, struct cpu *cpu) { lane_run(&h->lane[cpu->id]); }
void host_unlock(struct host *h, struct cpu *cpu) { lane_unlock(&h->lane[cpu->id], true); }
void host_unlock_quiet(struct host *h, struct cpu *cpu) { lane_unlock(&h->lane[cpu->id], false); }

struct cpu *host_lock_all(struct host *h)
{
	for (unsigned i = 0; i < h->ncpus; i++)
		lane_lock(&h->lane[i]);
	return config_cpu(h->world);
}

void host_unlock_all(struct host *h)
{
	for (unsigned i = h->ncpus; i--;)
		lane_unlock(&h->lane[i], true);
}

void host_lane_stats(struct host *h, unsigned cpu_id, struct host_lane_stats *out)
{
	const struct host_lane_stats *s = &h->lane[cpu_id].stats;

	*out = (struct host_lane_stats){
		.wakeups = __atomic_load_n(&s->wakeups, __ATOMIC_RELAXED),
		.runs = __atomic_load_n(&s->runs, __ATOMIC_RELAXED),
		.spins_paid = __atomic_load_n(&s->spins_paid, __ATOMIC_RELAXED),
		.spins_lost = __atomic_load_n(&s->spins_lost, __ATOMIC_RELAXED),
		.timer_arms = __atomic_load_n(&s->timer_arms, __ATOMIC_RELAXED),
		.kicks = __atomic_load_n(&s->kicks, __ATOMIC_RELAXED),
	};
}
