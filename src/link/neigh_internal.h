/* What neigh.c, neigh_timer.c and neigh_gc.c tell each other; nobody else's. */
#ifndef LINK_NEIGH_INTERNAL_H
#define LINK_NEIGH_INTERNAL_H

#include "link/netns_neigh.h"

#define NUD_IN_TIMER (NUD_INCOMPLETE | NUD_REACHABLE | NUD_DELAY | NUD_PROBE)
/* Retransmissions never come faster than this, whatever is configured. */
#define RETRANS_MIN_NS (10 * NSEC_PER_MSEC)

/* neigh_timer.c */
void neigh_timer_fn(void *owner, struct timer *t);
void neigh_timer_start(struct neighbour *n, u64 expires);
void neigh_timer_stop(struct neighbour *n);
void neigh_invalidate(struct cpu *cpu, struct neighbour *n);
void neigh_notify(struct cpu *cpu, struct neighbour *n, u32 portid);
/* Makes sure that resolution runs. False: skb may be sent now. True: it was queued or dropped. skb may be NULL. */
bool neigh_event_send(struct cpu *cpu, struct neighbour *n, struct sk_buff *skb);
void neigh_managed_timer_fn(void *owner, struct timer *t);
/* neigh.c */
void neigh_unlink(struct cpu *cpu, struct neigh_slot *s, struct neighbour *n, bool tell);
/* neigh_gc.c */
bool neigh_gc_exempt(const struct neighbour *n);
void neigh_gc_update(struct neigh_slot *s, struct neighbour *n);
bool neigh_gc_make_room(struct cpu *cpu, struct neigh_slot *s);
void neigh_gc_timer_fn(void *owner, struct timer *t);
void neigh_gc_start(struct neigh_slot *s);

#endif
