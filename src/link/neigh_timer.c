/* Neighbours in time: the NUD state machine.
 *
 *	NONE, FAILED --packet--> INCOMPLETE --answer--> REACHABLE --reachable_time--> STALE --packet--> DELAY
 *	DELAY --confirmed--> REACHABLE; --delay_probe_time--> PROBE --answer--> REACHABLE; --probes used up--> FAILED
 *	INCOMPLETE --probes used up--> FAILED
 *
 * An entry that was used within delay_probe_time goes from REACHABLE to DELAY directly. Probes leave retrans_time apart: unicast to the
 * known address, then multicast (for ARP: broadcast), then by the application that asked for it (app_probes). While INCOMPLETE, packets
 * wait in n->queue, counted by truesize up to queue_len_bytes; the oldest is dropped for a new one. RFC 4861 section 7.3.3.
 */
#include "core/stack_tables.h"
#include "link/neigh_internal.h"

void neigh_notify(struct cpu *cpu, struct neighbour *n, u32 portid) { event_send(cpu, n->net, EV_NEIGH_CHANGE, n, portid); }

/* The timer holds a reference of its own. */
void neigh_timer_start(struct neighbour *n, u64 expires)
{
	if (!timer_armed(&n->timer))
		neigh_hold(n);
	cpu_timer_arm(n->net->home, &n->timer, expires);
}

void neigh_timer_stop(struct neighbour *n)
{
	if (timer_cancel(&n->timer)) {
		assert(n->refcnt > 1);
		n->refcnt--;
	}
}

static u64 retrans_time(const struct neighbour *n) { return MAX(n->parms->retrans_time, RETRANS_MIN_NS); }

static u32 max_probes(const struct neighbour *n)
{
	const struct neigh_parms *p = n->parms;
	return (u32)(p->ucast_probes + p->app_probes + (n->nud_state & NUD_PROBE ? p->mcast_reprobes : p->mcast_probes));
}

/* One solicitation, about the packet that has waited longest for another address's sake. */
static void probe(struct cpu *cpu, struct neighbour *n)
{
	n->tbl->solicit(cpu, n, n->queue.first);
	n->probes++;
}

/* Resolution failed: those who wait are told. */
void neigh_invalidate(struct cpu *cpu, struct neighbour *n)
{
	struct skb_list waiting = n->queue;
	struct sk_buff *skb;
	neigh_slot_of(n->net, n->tbl)->stats.res_failed++;
	n->updated = cpu->now;
	n->hh_len = 0;
	skb_list_init(&n->queue);
	n->queue_truesize = 0;
	/* error_report may come back here with a packet for the same neighbour: it begins anew. */
	neigh_hold(n);
	while ((skb = skb_list_pop(&waiting)))
		n->tbl->error_report(cpu, n, skb);
	neigh_put(cpu, n);
}

static void set_state(struct cpu *cpu, struct neighbour *n, u8 state)
{
	n->nud_state = state;
	n->updated = cpu->now;
}

void neigh_timer_fn(void *owner, struct timer *t)
{
	struct cpu *cpu = owner;
	struct neighbour *n = container_of(t, struct neighbour, timer);
	const struct neigh_parms *p = n->parms;
	u64 next = 0;
	bool tell = false;
	switch (n->nud_state) {
	case NUD_REACHABLE:
		if (cpu->now < n->confirmed + p->reachable_time) {
			next = n->confirmed + p->reachable_time;
		} else if (cpu->now < n->used + p->delay_probe_time) {
			set_state(cpu, n, NUD_DELAY);
			next = cpu->now + p->delay_probe_time;
		} else {
			set_state(cpu, n, NUD_STALE);
			tell = true;
		}
		break;
	case NUD_DELAY:
		if (cpu->now <= n->confirmed + p->delay_probe_time) {
			set_state(cpu, n, NUD_REACHABLE);
			next = MAX(n->confirmed + p->reachable_time, cpu->now + 1);
		} else {
			set_state(cpu, n, NUD_PROBE);
			n->probes = 0;
			next = cpu->now + retrans_time(n);
		}
		tell = true;
		break;
	case NUD_PROBE:
	case NUD_INCOMPLETE:
		next = cpu->now + retrans_time(n);
		break;
	default:
		break;
	}
	if (n->nud_state & (NUD_INCOMPLETE | NUD_PROBE) && n->probes >= max_probes(n)) {
		n->nud_state = NUD_FAILED;
		next = 0;
		tell = true;
		neigh_invalidate(cpu, n);
	}
	if (next && n->nud_state & NUD_IN_TIMER && !n->dead)
		neigh_timer_start(n, next);
	if (n->nud_state & (NUD_INCOMPLETE | NUD_PROBE) && !n->dead)
		probe(cpu, n);
	if (tell)
		neigh_notify(cpu, n, 0);
	neigh_put(cpu, n); /* the timer's own */
}

static void enqueue(struct cpu *cpu, struct neighbour *n, struct sk_buff *skb)
{
	struct neigh_slot *s = neigh_slot_of(n->net, n->tbl);
	while (n->queue.first && (u64)n->queue_truesize + skb->truesize > n->parms->queue_len_bytes) {
		struct sk_buff *old = skb_list_pop(&n->queue);
		n->queue_truesize -= old->truesize;
		s->stats.unres_discards++;
		skb_drop(cpu, old, SKB_DROP_REASON_NEIGH_QUEUEFULL);
	}
	/* The route stays with it beyond this step: the error, if it comes to that, needs it. */
	if (skb->dst && skb->dst_noref) {
		cpu->world->tables->dst_hold(skb->dst);
		skb->dst_noref = 0;
	}
	skb_list_add(&n->queue, skb);
	n->queue_truesize += skb->truesize;
}

bool neigh_event_send(struct cpu *cpu, struct neighbour *n, struct sk_buff *skb)
{
	const struct neigh_parms *p = n->parms;
	bool first = false;
	n->used = cpu->now;
	if (n->dead) {
		if (skb)
			skb_drop(cpu, skb, SKB_DROP_REASON_NEIGH_DEAD);
		return true;
	}
	if (n->nud_state & (NUD_CONNECTED | NUD_DELAY | NUD_PROBE))
		return false;
	if (n->nud_state == NUD_STALE) {
		set_state(cpu, n, NUD_DELAY);
		neigh_timer_start(n, cpu->now + p->delay_probe_time);
		return false;
	}
	if (n->nud_state != NUD_INCOMPLETE) {
		if (p->mcast_probes + p->app_probes <= 0) {
			set_state(cpu, n, NUD_FAILED);
			if (skb)
				skb_drop(cpu, skb, SKB_DROP_REASON_NEIGH_FAILED);
			return true;
		}
		/* Nothing is known to ask by unicast: that part of the probes is spent. */
		n->probes = (u16)p->ucast_probes;
		set_state(cpu, n, NUD_INCOMPLETE);
		neigh_timer_start(n, cpu->now + retrans_time(n));
		first = true;
	}
	if (skb)
		enqueue(cpu, n, skb);
	if (first) {
		neigh_hold(n);
		probe(cpu, n);
		neigh_put(cpu, n);
	}
	return true;
}

static void managed_start(struct neigh_slot *s)
{
	if (!timer_armed(&s->managed_timer))
		cpu_timer_arm(s->net->home, &s->managed_timer, s->net->home->now + MAX(s->dflt.interval_probe_time, NSEC_PER_MSEC));
}

void neigh_managed_timer_fn(void *owner, struct timer *t)
{
	struct neigh_slot *s = container_of(t, struct neigh_slot, managed_timer);
	struct neighbour *n, *tmp;
	list_for_each_safe(n, tmp, &s->entries, lru)
		if (n->managed)
			neigh_event_send(owner, n, NULL);
	if (s->managed)
		managed_start(s);
}

void neigh_set_managed(struct cpu *cpu, struct neighbour *n, bool on)
{
	struct neigh_slot *s = neigh_slot_of(n->net, n->tbl);
	if (n->managed == on)
		return;
	n->managed = on;
	if (on) {
		s->managed++;
		managed_start(s);
	} else if (!--s->managed) {
		timer_cancel(&s->managed_timer);
	}
}
