/* How many neighbours a table keeps, and the parameters of tables and devices.
 *
 * Below gc_thresh1 entries nothing is collected. Above gc_thresh2 a new entry makes room when the last flush was five seconds ago;
 * at gc_thresh3 it must, or the new one is refused. What goes first is what has been there longest without change: failed, or not
 * updated for five seconds. Every base_reachable_time/2 old entries go that nobody holds: failed, or unused for gc_staletime.
 * Permanent ones and those learned by somebody else are never collected. arp(7).
 */
#include "base/mem.h"
#include "core/stack_tables.h"
#include "link/neigh_internal.h"

#define FLUSH_APART_NS (5 * NSEC_PER_SEC)
#define RAND_APART_NS (300 * NSEC_PER_SEC) /* RFC 4861 6.3.4: every few hours; Linux: five minutes */

bool neigh_gc_exempt(const struct neighbour *n) { return n->nud_state & NUD_PERMANENT || n->flags & NTF_EXT_LEARNED; }

/* Counts n in or out of what may be collected. */
void neigh_gc_update(struct neigh_slot *s, struct neighbour *n)
{
	bool counted = !n->dead && !neigh_gc_exempt(n);
	if (counted == n->gc_counted)
		return;
	n->gc_counted = counted;
	if (counted)
		s->gc_count++;
	else
		s->gc_count--;
}

static void forced(struct cpu *cpu, struct neigh_slot *s)
{
	const struct neigh_slot *lim = neigh_limits(s);
	s64 most = (s64)s->gc_count - lim->gc_thresh2;
	struct neighbour *n, *tmp;
	s->stats.forced_gc_runs++;
	list_for_each_safe(n, tmp, &s->entries, lru) {
		if (most <= 0)
			break;
		if (n->refcnt != 1 || neigh_gc_exempt(n))
			continue;
		if (n->nud_state == NUD_FAILED || n->nud_state == NUD_NOARP || cpu->now > n->updated + FLUSH_APART_NS) {
			neigh_unlink(cpu, s, n, true);
			most--;
		}
	}
	s->last_flush = cpu->now;
}

bool neigh_gc_make_room(struct cpu *cpu, struct neigh_slot *s)
{
	const struct neigh_slot *lim = neigh_limits(s);
	s64 n = s->gc_count;
	if (likely(n < lim->gc_thresh2 || (n < lim->gc_thresh3 && cpu->now <= s->last_flush + FLUSH_APART_NS)))
		return true;
	forced(cpu, s);
	return (s64)s->gc_count < lim->gc_thresh3;
}

/* RFC 4861: uniformly between half and one and a half times the base. */
static u64 random_reachable(struct cpu *cpu, u64 base) { return base ? base / 2 + rng_u64(&cpu->rng) % base : 0; }

static void periodic(struct cpu *cpu, struct neigh_slot *s)
{
	struct neighbour *n, *tmp;
	struct neigh_parms *p;
	s->stats.periodic_gc_runs++;
	if (cpu->now > s->last_rand + RAND_APART_NS) {
		s->last_rand = cpu->now;
		s->dflt.reachable_time = random_reachable(cpu, s->dflt.base_reachable_time);
		list_for_each(p, &s->parms, link)
			p->reachable_time = random_reachable(cpu, p->base_reachable_time);
	}
	if ((s64)s->count < neigh_limits(s)->gc_thresh1)
		return;
	list_for_each_safe(n, tmp, &s->entries, lru) {
		if (n->refcnt != 1 || neigh_gc_exempt(n) || n->nud_state & (NUD_PERMANENT | NUD_IN_TIMER))
			continue;
		if (n->used < n->confirmed && n->confirmed <= cpu->now)
			n->used = n->confirmed;
		if (n->nud_state == NUD_FAILED || cpu->now >= n->used + n->parms->gc_staletime)
			neigh_unlink(cpu, s, n, true);
	}
}

/* Idle, the stack does nothing: the timer runs only while the table has something to collect. */
void neigh_gc_start(struct neigh_slot *s)
{
	if (!timer_armed(&s->gc_timer) && s->tbl)
		cpu_timer_arm(s->net->home, &s->gc_timer, s->net->home->now + MAX(s->dflt.base_reachable_time / 2, NSEC_PER_SEC));
}

void neigh_gc_timer_fn(void *owner, struct timer *t)
{
	struct neigh_slot *s = container_of(t, struct neigh_slot, gc_timer);
	periodic(owner, s);
	if (s->count)
		neigh_gc_start(s);
}

void neigh_table_start(struct netns *net, const struct neigh_table *tbl) { neigh_slot_of(net, tbl)->tbl = neigh_slot_of(net, tbl)->dflt.tbl = tbl; }

struct neigh_parms *neigh_parms_for(struct netns *net, const struct neigh_table *tbl, struct net_device *dev)
{
	struct neigh_slot *s = neigh_slot_of(net, tbl);
	struct netns *init = net->world->init_net;
	struct neigh_parms *p;
	if (!dev)
		return &s->dflt;
	list_for_each(p, &s->parms, link)
		if (p->dev == dev)
			return p;
	if (!dev->registered)
		return NULL;
	p = mem_zalloc(&net->world->mem, sizeof(*p));
	if (!p)
		return NULL;
	*p = init && init->neigh ? neigh_slot_of(init, tbl)->dflt : s->dflt;
	p->tbl = tbl;
	p->dev = dev;
	p->set = 0;
	p->reachable_time = random_reachable(net->home, p->base_reachable_time);
	list_add_tail(&s->parms, &p->link);
	return p;
}

static void copy_var(struct neigh_parms *to, const struct neigh_parms *from, enum neigh_var var)
{
	switch (var) {
	case NEIGH_VAR_MCAST_PROBES: to->mcast_probes = from->mcast_probes; break;
	case NEIGH_VAR_UCAST_PROBES: to->ucast_probes = from->ucast_probes; break;
	case NEIGH_VAR_APP_PROBES: to->app_probes = from->app_probes; break;
	case NEIGH_VAR_MCAST_REPROBES: to->mcast_reprobes = from->mcast_reprobes; break;
	case NEIGH_VAR_PROXY_QLEN: to->proxy_qlen = from->proxy_qlen; break;
	case NEIGH_VAR_QUEUE_LEN: to->queue_len_bytes = from->queue_len_bytes; break;
	case NEIGH_VAR_BASE_REACHABLE: to->base_reachable_time = from->base_reachable_time; break;
	case NEIGH_VAR_RETRANS: to->retrans_time = from->retrans_time; break;
	case NEIGH_VAR_GC_STALETIME: to->gc_staletime = from->gc_staletime; break;
	case NEIGH_VAR_DELAY_PROBE: to->delay_probe_time = from->delay_probe_time; break;
	case NEIGH_VAR_ANYCAST_DELAY: to->anycast_delay = from->anycast_delay; break;
	case NEIGH_VAR_PROXY_DELAY: to->proxy_delay = from->proxy_delay; break;
	case NEIGH_VAR_LOCKTIME: to->locktime = from->locktime; break;
	case NEIGH_VAR_INTERVAL_PROBE: to->interval_probe_time = from->interval_probe_time; break;
	}
}

void neigh_parms_changed(struct netns *net, struct neigh_parms *p, enum neigh_var var)
{
	struct neigh_slot *s = container_of(p, struct neigh_slot, dflt);
	struct neigh_parms *d;
	if (var == NEIGH_VAR_BASE_REACHABLE)
		p->reachable_time = random_reachable(net->home, p->base_reachable_time);
	if (p->dev) {
		p->set |= BIT(var);
		return;
	}
	list_for_each(d, &s->parms, link)
		if (!(d->set & BIT(var)))
			copy_var(d, p, var);
}

static const struct neigh_parms defaults = {
	.mcast_probes = 3,
	.ucast_probes = 3,
	.proxy_qlen = 64,
	.queue_len_bytes = 212992,
	.base_reachable_time = 30 * NSEC_PER_SEC,
	.reachable_time = 30 * NSEC_PER_SEC,
	.retrans_time = NSEC_PER_SEC,
	.gc_staletime = 60 * NSEC_PER_SEC,
	.delay_probe_time = 5 * NSEC_PER_SEC,
	.anycast_delay = NSEC_PER_SEC,
	.proxy_delay = 800 * NSEC_PER_MSEC,
	.locktime = NSEC_PER_SEC,
	.interval_probe_time = 5 * NSEC_PER_SEC,
};

static int netns_init(struct netns *net)
{
	struct mem *mem = &net->world->mem;
	struct netns_neigh *nn = mem_zalloc(mem, sizeof(*nn));
	if (!nn)
		return -ENOMEM;
	for (unsigned i = 0; i < NEIGH_TABLES; i++) {
		struct neigh_slot *s = &nn->slot[i];
		s->net = net;
		s->dflt = defaults;
		if (i == NEIGH_ND)
			s->dflt.locktime = 0;
		s->gc_thresh1 = 128;
		s->gc_thresh2 = 512;
		s->gc_thresh3 = 1024;
		s->gc_interval = 30 * NSEC_PER_SEC;
		s->last_flush = s->last_rand = net->home->now;
		list_init(&s->entries);
		list_init(&s->parms);
		list_init(&s->proxies);
		timer_init(&s->gc_timer, neigh_gc_timer_fn);
		timer_init(&s->managed_timer, neigh_managed_timer_fn);
		if (htable_init(&s->hash, mem, 8)) {
			while (i--)
				htable_fini(&nn->slot[i].hash);
			mem_free(mem, nn);
			return -ENOMEM;
		}
	}
	net->neigh = nn;
	return 0;
}

static void netns_exit(struct netns *net)
{
	for (unsigned i = 0; i < NEIGH_TABLES; i++) {
		struct neigh_slot *s = &net->neigh->slot[i];
		struct neighbour *n, *tmp;
		list_for_each_safe(n, tmp, &s->entries, lru)
			neigh_unlink(config_cpu(net->world), s, n, false);
		timer_cancel(&s->gc_timer);
		timer_cancel(&s->managed_timer);
	}
}

static void netns_fini(struct netns *net)
{
	struct mem *mem = &net->world->mem;
	neigh_proxy_dev_gone(net, NULL);
	for (unsigned i = 0; i < NEIGH_TABLES; i++) {
		struct neigh_slot *s = &net->neigh->slot[i];
		struct neigh_parms *p, *tmp;
		timer_cancel(&s->gc_timer);
		timer_cancel(&s->managed_timer);
		list_for_each_safe(p, tmp, &s->parms, link)
			mem_free(mem, p);
		htable_fini(&s->hash);
	}
	mem_free(mem, net->neigh);
	net->neigh = NULL;
}

const struct subsys neigh_subsys = { .name = "neigh", .netns_init = netns_init, .netns_exit = netns_exit, .netns_fini = netns_fini };
