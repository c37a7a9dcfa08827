/* One step of one cpu.
 *
 * A step runs, in this order: timers that are due, NAPI polls (the backlog is one of them), the work that these left for the
 * end (tx doorbells, wake-ups), and what epochs allow to be freed. Polls go round by round, each source up to its weight, as
 * in Linux's net_rx_action: at most netdev_budget packets and netdev_budget_usecs a step; what is left is counted as a time
 * squeeze and waits for the next step, which is due at once.
 *
 * Time stands still within a step: cpu->now. With no clock in world_ops (virtual time) only the packet budget counts, so a
 * run depends on nothing but its inputs.
 */
#include "core/cpu.h"
#include "core/epoch.h"
#include "core/skb_pool.h"
#include "core/stack_tables.h"

#define TIMER_BUDGET 512 /* timers a step */
#define POLL_ROUNDS 10	 /* rounds over the scheduled sources, as Linux restarts softirqs */
#define WORK_ROUNDS 16	 /* work that adds work: wake-ups that send, sends that ring doorbells */

int cpu_new(struct world *w, unsigned id, const struct world_config *cfg, struct cpu **out)
{
	struct cpu *cpu = mem_alloc_aligned(&w->mem, CACHELINE, sizeof(*cpu));

	if (!cpu)
		return -ENOMEM;
	memset(cpu, 0, sizeof(*cpu));
	*out = cpu;
	cpu->world = w;
	cpu->id = id;
	cpu->now = cfg->start_ns;
	cpu->next_wake = UINT64_MAX;
	list_init(&cpu->napi_list);
	list_init(&cpu->work_list);
	rng_init(&cpu->rng, cfg->seed, id + 1);
	backlog_init(cpu);
	cpu->timers = timer_wheel_new(&w->mem, cfg->start_ns, cpu);
	return cpu->timers ? skb_cache_new(cpu) : -ENOMEM;
}

void cpu_fini(struct cpu *cpu)
{
	cpu_drain(cpu);
	backlog_fini(cpu);
	timer_wheel_free(cpu->timers);
	cpu->timers = NULL;
}

void cpu_free(struct cpu *cpu)
{
	if (cpu)
		mem_free(cpu_mem(cpu), cpu);
}

void cpu_kick(struct cpu *cpu)
{
	const struct world_ops *ops = cpu->world->ops;

	/* One kick until the cpu runs; the exchange also orders what was queued before it. */
	if (!__atomic_exchange_n(&cpu->kicked, 1, __ATOMIC_SEQ_CST) && ops && ops->kick)
		ops->kick(cpu->world->host, cpu);
}

/* The cpu's baton is held: it has something to do at `when`, which may be sooner than it planned to wake. */
static void wake_by(struct cpu *cpu, u64 when)
{
	if (cpu->running || when >= cpu->next_wake)
		return;
	cpu->next_wake = when;
	cpu_kick(cpu);
}

void cpu_work_add(struct cpu *cpu, struct cpu_work *work)
{
	if (list_linked(&work->link))
		return;
	list_add_tail(&cpu->work_list, &work->link);
	wake_by(cpu, cpu->now);
}

void cpu_timer_arm(struct cpu *cpu, struct timer *t, u64 expires)
{
	timer_arm(cpu->timers, t, expires);
	wake_by(cpu, expires);
}

void napi_schedule(struct cpu *cpu, struct napi *napi)
{
	if (napi_scheduled(napi))
		return;
	list_add_tail(&cpu->napi_list, &napi->poll_link);
	wake_by(cpu, cpu->now);
}

static void step_begin(struct cpu *cpu, u64 now)
{
	cpu->now = MAX(cpu->now, now);
	if (cpu->depth++)
		return;
	/* A read-modify-write, as epoch.c's is: whichever comes first, either the step is seen or it sees what was unpublished. */
	__atomic_fetch_add(&cpu->step, 1, __ATOMIC_ACQ_REL);
}

static void step_end(struct cpu *cpu)
{
	if (--cpu->depth)
		return;
	for (; unlikely(cpu->to_kick); cpu->to_kick &= cpu->to_kick - 1)
		cpu_kick(cpu->world->cpu[__builtin_ctzll(cpu->to_kick)]);
	__atomic_fetch_add(&cpu->step, 1, __ATOMIC_RELEASE);
}

void cpu_enter(struct cpu *cpu, u64 now)
{
	step_begin(cpu, now);
}

void cpu_leave(struct cpu *cpu)
{
	assert(cpu->depth);
	step_end(cpu);
	if (unlikely(!cpu->depth && epoch_pending(cpu->world)))
		cpu_kick(cpu);
}

/* Polls every scheduled source once. Returns the packets handled. */
static unsigned poll_round(struct cpu *cpu, int budget)
{
	struct list todo;
	int done = 0;

	list_init(&todo);
	list_splice_tail(&todo, &cpu->napi_list);
	while (!list_empty(&todo) && done < budget) {
		struct napi *n = list_first(&todo, struct napi, poll_link);
		int weight = n->weight ? n->weight : (int)cpu->world->dev_weight;

		/* It counts as scheduled while it is polled, for the next round; completing takes it off. */
		list_del(&n->poll_link);
		list_add_tail(&cpu->napi_list, &n->poll_link);
		done += n->poll(cpu, n, weight);
	}
	if (!list_empty(&todo)) {
		list_splice_tail(&todo, &cpu->napi_list);
		list_splice_tail(&cpu->napi_list, &todo);
	}
	return (unsigned)done;
}

static void net_rx(struct cpu *cpu)
{
	const struct world_ops *ops = cpu->world->ops;
	u64 (*clock)(void *host) = ops ? ops->clock : NULL;
	u64 deadline = 0;
	int budget = (int)cpu->world->netdev_budget;

	for (unsigned round = 0; !list_empty(&cpu->napi_list); round++) {
		if (round == 1 && clock)
			deadline = clock(cpu->world->host) + cpu->world->netdev_budget_usecs * NSEC_PER_USEC;
		if (budget <= 0 || round == POLL_ROUNDS || (round > 1 && clock && clock(cpu->world->host) >= deadline)) {
			cpu->softnet.time_squeeze++;
			return;
		}
		budget -= (int)poll_round(cpu, budget);
	}
}

static void run_work(struct cpu *cpu)
{
	for (unsigned round = 0; round < WORK_ROUNDS && !list_empty(&cpu->work_list); round++) {
		struct list now;

		list_init(&now);
		list_splice_tail(&now, &cpu->work_list);
		while (!list_empty(&now)) {
			struct cpu_work *w = list_first(&now, struct cpu_work, link);

			list_del(&w->link);
			w->fn(cpu, w);
		}
	}
}

void cpu_call(struct cpu *to, struct cpu_call *c)
{
	if (__atomic_exchange_n(&c->queued, 1, __ATOMIC_ACQ_REL))
		return;
	c->next = __atomic_load_n(&to->calls, __ATOMIC_RELAXED);
	while (!__atomic_compare_exchange_n(&to->calls, &c->next, c, true, __ATOMIC_RELEASE, __ATOMIC_RELAXED))
		;
	cpu_kick(to);
}

/* Oldest first. */
static void run_calls(struct cpu *cpu)
{
	struct cpu_call *c = __atomic_exchange_n(&cpu->calls, NULL, __ATOMIC_ACQUIRE), *first = NULL, *next;

	for (; c; c = next) {
		next = c->next;
		c->next = first;
		first = c;
	}
	for (c = first; c; c = next) {
		next = c->next;
		/* An exchange, so that fn sees all that was done before a call that found it queued. */
		__atomic_exchange_n(&c->queued, 0, __ATOMIC_ACQ_REL);
		c->fn(cpu, c);
	}
}

bool cpu_has_work(const struct cpu *cpu)
{
	return __atomic_load_n(&cpu->calls, __ATOMIC_RELAXED) || !list_empty(&cpu->napi_list) || !list_empty(&cpu->work_list) ||
	       backlog_crossed(cpu);
}

u64 cpu_run(struct cpu *cpu, u64 now)
{
	u64 next;

	assert(!cpu->running && "a step inside a step");
	step_begin(cpu, now);
	cpu->running = true;
	/* From here on a kick is a new one; what was queued before it is seen below. */
	__atomic_store_n(&cpu->kicked, 0, __ATOMIC_SEQ_CST);
	timer_wheel_run(cpu->timers, cpu->now, TIMER_BUDGET);
	if (unlikely(__atomic_load_n(&cpu->calls, __ATOMIC_RELAXED) != NULL))
		run_calls(cpu);
	if (backlog_crossed(cpu))
		napi_schedule(cpu, &cpu->backlog_napi);
	net_rx(cpu);
	run_work(cpu);
	cpu->running = false;
	step_end(cpu);
	epoch_poll(cpu->world);

	next = cpu_has_work(cpu) ? cpu->now : timer_wheel_next(cpu->timers);
	next = MAX(next, cpu->now);
	cpu->next_wake = next;
	return next;
}
