/* Resilient groups: a table of buckets between the flow's hash and the hop.
 *
 * Each hop wants a share of the buckets by its weight. When shares change, a bucket of a hop that has too many moves to one that has
 * too few, but only once it has carried nothing for the idle time, or since it came to its hop, or when the table has been out of
 * balance for too long. A bucket whose hop is gone moves at once.
 */
#include "core/cpu.h"
#include "inet/route/nexthop_priv.h"

enum { DEFAULT_IDLE_S = 120, DEFAULT_BUCKETS_A_HOP = 1 };

static void rebalance(struct nexthop *group)
{
	u64 total = 0, sum = 0, before = 0;
	for (unsigned i = 0; i < group->n; i++)
		total += group->members[i].weight;
	for (unsigned i = 0; i < group->n; i++) {
		struct nexthop_member *m = &group->members[i];
		u64 upto;
		sum += m->weight;
		upto = (group->res->count * sum + total / 2) / total;
		m->wants = (u16)(upto - before);
		before = upto;
	}
}

static void count(struct nexthop *group)
{
	for (unsigned i = 0; i < group->n; i++)
		group->members[i].buckets = 0;
	for (unsigned i = 0; i < group->res->count; i++)
		if (group->res->b[i].member >= 0)
			group->members[group->res->b[i].member].buckets++;
}

/* The last hop that has too few; -1: none. */
static s32 wanting(const struct nexthop *group)
{
	for (s32 i = (s32)group->n - 1; i >= 0; i--)
		if (group->members[i].buckets < group->members[i].wants)
			return i;
	return -1;
}

/* by_itself: not in the course of a request, whose news says enough. */
static void upkeep(struct cpu *cpu, struct nexthop *group, bool by_itself)
{
	struct nexthop_resilient *r = group->res;
	u64 now = cpu->now, next = UINT64_MAX;
	bool force = r->unbalanced_ns && r->unbalanced_since && now >= r->unbalanced_since + r->unbalanced_ns;

	for (unsigned i = 0; i < r->count; i++) {
		struct nexthop_bucket *b = &r->b[i];
		s32 to = wanting(group);
		if (to < 0)
			break;
		if (b->member >= 0) {
			struct nexthop_member *m = &group->members[b->member];
			if (m->buckets <= m->wants)
				continue;
			if (!force && !b->unused && now < b->used + r->idle_ns) {
				next = MIN(next, b->used + r->idle_ns);
				continue;
			}
			m->buckets--;
		}
		b->member = to;
		b->used = now;
		b->unused = true;
		group->members[to].buckets++;
		if (by_itself) {
			struct nexthop_event e = { .nh = group, .bucket = (u16)i };
			event_send(cpu, group->net, EV_NEXTHOP_BUCKET, &e, 0);
		}
	}
	if (wanting(group) < 0) {
		r->unbalanced_since = 0;
		timer_cancel(&r->timer);
		return;
	}
	if (!r->unbalanced_since)
		r->unbalanced_since = now;
	if (r->unbalanced_ns)
		next = MIN(next, r->unbalanced_since + r->unbalanced_ns);
	if (next != UINT64_MAX)
		cpu_timer_arm(group->net->home, &r->timer, next);
}

static void due(void *owner, struct timer *t)
{
	upkeep(owner, container_of(t, struct nexthop_resilient, timer)->group, true);
}

int nexthop_resilient_new(struct cpu *cpu, struct nexthop *group, const struct nexthop_config *c)
{
	u16 n = c->has_buckets ? c->buckets : (u16)(group->n * DEFAULT_BUCKETS_A_HOP);
	struct nexthop_resilient *r = mem_zalloc(fib_mem(group->net), sizeof(*r) + n * sizeof(r->b[0]));
	if (!r)
		return -ENOMEM;
	timer_init(&r->timer, due);
	r->group = group;
	r->count = n;
	r->idle_ns = c->has_idle ? c->idle_ns : DEFAULT_IDLE_S * NSEC_PER_SEC;
	r->unbalanced_ns = c->has_unbalanced ? c->unbalanced_ns : 0;
	for (unsigned i = 0; i < n; i++)
		r->b[i] = (struct nexthop_bucket){ .member = -1, .unused = true, .used = cpu->now };
	group->res = r;
	rebalance(group);
	upkeep(cpu, group, false);
	return 0;
}

void nexthop_resilient_free(struct nexthop *group)
{
	if (!group->res)
		return;
	timer_cancel(&group->res->timer);
	mem_free(fib_mem(group->net), group->res);
	group->res = NULL;
}

void nexthop_resilient_take_over(struct cpu *cpu, struct nexthop *group, struct nexthop_resilient *old, const struct nexthop_member *was,
				 unsigned n, const struct nexthop_config *c)
{
	struct nexthop_resilient *new = group->res;
	timer_cancel(&new->timer);
	if (c->has_idle)
		old->idle_ns = new->idle_ns;
	if (c->has_unbalanced)
		old->unbalanced_ns = new->unbalanced_ns;
	mem_free(fib_mem(group->net), new);
	group->res = old;
	for (unsigned i = 0; i < old->count; i++) {
		s32 m = old->b[i].member, now = -1;
		for (unsigned j = 0; m >= 0 && (unsigned)m < n && j < group->n; j++)
			if (group->members[j].nh == was[m].nh)
				now = (s32)j;
		old->b[i].member = now;
	}
	rebalance(group);
	count(group);
	upkeep(cpu, group, false);
}

void nexthop_resilient_lost(struct cpu *cpu, struct nexthop *group, s32 member)
{
	for (unsigned i = 0; i < group->res->count; i++) {
		struct nexthop_bucket *b = &group->res->b[i];
		if (b->member == member)
			b->member = -1;
		else if (b->member > member)
			b->member--;
	}
	rebalance(group);
	count(group);
	upkeep(cpu, group, false);
}

unsigned nexthop_resilient_pick(struct cpu *cpu, struct nexthop *group, u32 hash, bool probe)
{
	struct nexthop_bucket *b = &group->res->b[hash % group->res->count];
	if (!probe) {
		b->used = cpu->now;
		b->unused = false;
	}
	return b->member < 0 ? 0 : (unsigned)b->member;
}
