/* The backlog: where loopback, veth and other cpus put packets for a cpu to receive.
 *
 * Transmit never calls receive; it ends here, so the depth of calls is bounded whatever is plugged into what. Packets of the
 * own cpu wait in a list. Those of another cpu come through a ring that this pair of cpus alone uses, one producer and one
 * consumer: the producer writes `head` and its counters, the consumer `tail`. The ring is made at its first packet. The
 * consumer hands batches to link/ (stack_tables.backlog_rx).
 *
 * A packet that changes cpu is no longer its socket's: the charge is given back on the cpu that owns the socket.
 */
#include "core/epoch.h"
#include "core/netns.h"
#include "core/stack_tables.h"

#define BATCH 64
#define RING_MIN 1024u

struct cross_ring {
	u32 mask;
	u32 head __cacheline_aligned; /* producer's; free running */
	u64 dropped;
	u32 tail __cacheline_aligned; /* consumer's */
	struct sk_buff *slot[] __cacheline_aligned;
};

static unsigned ring_take(struct cross_ring *r, struct sk_buff **skbs, unsigned n)
{
	u32 tail = r->tail, head = __atomic_load_n(&r->head, __ATOMIC_ACQUIRE);

	n = MIN(n, head - tail);
	for (unsigned i = 0; i < n; i++)
		skbs[i] = r->slot[(tail + i) & r->mask];
	__atomic_store_n(&r->tail, tail + n, __ATOMIC_RELEASE);
	return n;
}

/* Packets that wait in it; exact for its producer and consumer. */
static u32 ring_count(const struct cross_ring *r)
{
	return __atomic_load_n(&r->head, __ATOMIC_ACQUIRE) - __atomic_load_n(&r->tail, __ATOMIC_ACQUIRE);
}

/* Own packets first, then the other cpus' in order of their number. */
static unsigned take(struct cpu *cpu, struct sk_buff **skbs, unsigned max)
{
	unsigned n = 0;

	while (n < max && !skb_list_empty(&cpu->backlog))
		skbs[n++] = skb_list_pop(&cpu->backlog);
	for (unsigned i = 0; i < cpu->world->ncpus && n < max; i++) {
		struct cross_ring *r = ptr_load(cpu->from[i]);

		if (r)
			n += ring_take(r, skbs + n, max - n);
	}
	return n;
}

u32 backlog_crossed_count(const struct cpu *cpu)
{
	u32 n = 0;

	for (unsigned i = 0; i < cpu->world->ncpus; i++) {
		const struct cross_ring *r = ptr_load(cpu->from[i]);

		n += r ? ring_count(r) : 0;
	}
	return n;
}

bool backlog_crossed(const struct cpu *cpu)
{
	return cpu->world->ncpus > 1 && backlog_crossed_count(cpu);
}

static int backlog_poll(struct cpu *cpu, struct napi *napi, int budget)
{
	struct sk_buff *skbs[BATCH];
	int done = 0;

	while (done < budget) {
		unsigned n = take(cpu, skbs, (unsigned)MIN(budget - done, BATCH));

		if (!n)
			break;
		done += (int)n;
		if (likely(cpu->world->tables->backlog_rx != NULL)) {
			cpu->world->tables->backlog_rx(cpu, skbs, n);
		} else {
			for (unsigned i = 0; i < n; i++)
				skb_drop(cpu, skbs[i], SKB_DROP_REASON_UNHANDLED_PROTO);
		}
	}
	if (done < budget)
		napi_unschedule(napi);
	return done;
}

void backlog_init(struct cpu *cpu)
{
	skb_list_init(&cpu->backlog);
	cpu->backlog_max = cpu->world->netdev_max_backlog;
	cpu->backlog_napi = (struct napi){ .poll = backlog_poll };
	list_init(&cpu->backlog_napi.poll_link);
}

void backlog_fini(struct cpu *cpu)
{
	for (unsigned i = 0; i < MAX_CPUS; i++) {
		mem_free(cpu_mem(cpu), cpu->from[i]);
		cpu->from[i] = NULL;
	}
}

void cpu_drain(struct cpu *cpu)
{
	struct sk_buff *skbs[BATCH];
	unsigned n;

	while ((n = take(cpu, skbs, BATCH)))
		for (unsigned i = 0; i < n; i++)
			skb_drop(cpu, skbs[i], SKB_DROP_REASON_QUEUE_PURGE);
	napi_unschedule(&cpu->backlog_napi);
}

static struct cross_ring *ring_new(struct cpu *to)
{
	u32 n = RING_MIN;
	struct cross_ring *r;

	while (n < to->backlog_max && n < 1u << 20)
		n *= 2;
	r = mem_alloc_aligned(cpu_mem(to), CACHELINE, sizeof(*r) + n * sizeof(r->slot[0]));
	if (r) {
		memset(r, 0, sizeof(*r));
		r->mask = n - 1;
	}
	return r;
}

static bool add_crossing(struct cpu *cpu, struct cpu *to, struct sk_buff *skb)
{
	struct cross_ring *r = to->from[cpu->id];
	u32 waiting;

	skb_orphan(cpu, skb);
	if (skb->dst)
		skb_forget_dst(cpu, skb);
	if (unlikely(!r)) {
		r = ring_new(to);
		if (!r) {
			skb_drop(cpu, skb, SKB_DROP_REASON_NOMEM);
			return false;
		}
		ptr_publish(to->from[cpu->id], r);
	}
	waiting = ring_count(r);
	if (unlikely(waiting >= MIN(to->backlog_max, r->mask + 1))) {
		__atomic_store_n(&r->dropped, r->dropped + 1, __ATOMIC_RELAXED);
		skb_drop(cpu, skb, SKB_DROP_REASON_CPU_BACKLOG);
		return false;
	}
	r->slot[r->head & r->mask] = skb;
	__atomic_store_n(&r->head, r->head + 1, __ATOMIC_RELEASE);
	/* The first packet wakes the other cpu at once; for those behind it, which may just have been missed, the end of the step does. */
	if (!waiting || !cpu->depth)
		cpu_kick(to);
	else
		cpu->to_kick |= BIT64(to->id);
	return true;
}

bool cpu_backlog_add(struct cpu *cpu, struct cpu *to, struct sk_buff *skb)
{
	if (cpu != to)
		return add_crossing(cpu, to, skb);
	if (unlikely(cpu->backlog.count >= cpu->backlog_max)) {
		cpu->softnet.dropped++;
		skb_drop(cpu, skb, SKB_DROP_REASON_CPU_BACKLOG);
		return false;
	}
	skb_list_add(&cpu->backlog, skb);
	napi_schedule(cpu, &cpu->backlog_napi);
	return true;
}

u64 backlog_dropped(const struct cpu *cpu)
{
	u64 n = cpu->softnet.dropped;

	for (unsigned i = 0; i < cpu->world->ncpus; i++) {
		const struct cross_ring *r = ptr_load(cpu->from[i]);

		if (r)
			n += __atomic_load_n(&r->dropped, __ATOMIC_RELAXED);
	}
	return n;
}

void cpu_backlog_flush(struct world *w, const struct net_device *dev)
{
	for (unsigned c = 0; c < w->ncpus; c++) {
		struct cpu *cpu = w->cpu[c];
		struct skb_list keep = cpu->backlog;
		struct sk_buff *skb;

		skb_list_init(&cpu->backlog);
		if (skb_list_empty(&keep))
			keep.last = &keep.first;
		while ((skb = skb_list_pop(&keep))) {
			if (skb->dev == dev)
				skb_drop(cpu, skb, SKB_DROP_REASON_DEV_READY);
			else
				skb_list_add(&cpu->backlog, skb);
		}
		for (unsigned i = 0; i < w->ncpus; i++) {
			struct cross_ring *r = cpu->from[i];
			u32 to;

			if (!r)
				continue;
			to = r->tail;
			for (u32 at = r->tail; at != r->head; at++) {
				skb = r->slot[at & r->mask];
				if (skb->dev == dev)
					skb_drop(cpu, skb, SKB_DROP_REASON_DEV_READY);
				else
					r->slot[to++ & r->mask] = skb;
			}
			__atomic_store_n(&r->head, to, __ATOMIC_RELEASE);
		}
	}
}
