/* Packets' lives: events gathered by packet until nothing more comes.
 *
 * Events of many packets come interleaved; a life is shown whole. When it is over nobody can say for sure: a clone may still wait in
 * a queue. So it is over when it was quiet for a while: shortly after a drop or the like, longer otherwise. What comes later is
 * shown as a later part of the same packet.
 */
#include <stdlib.h>

#include "cli/trace_view.h"

#define BUCKETS 4096
#define QUIET_NS (200 * NSEC_PER_MSEC)	  /* a neighbour that must be asked twice takes longer, and is shown in two parts */
#define ENDED_NS (20 * NSEC_PER_MSEC)	  /* after an event that ends a packet: clones and the reader follow at once, if at all */
#define MAX_EVENTS 4096			  /* of one life; then it is shown, and goes on as a later part */

struct lives {
	struct life *first, **last;
	struct life *bucket[BUCKETS];
	u8 *shown; /* a bit per packet number that was shown; grows */
	u64 shown_bits;
	u64 packets;
};

struct lives *lives_new(void)
{
	struct lives *l = calloc(1, sizeof(*l));

	if (l)
		l->last = &l->first;
	return l;
}

void life_free(struct life *life)
{
	if (life)
		free(life->ev);
	free(life);
}

void lives_free(struct lives *l)
{
	struct life *life, *next;

	if (!l)
		return;
	for (life = l->first; life; life = next) {
		next = life->next;
		life_free(life);
	}
	free(l->shown);
	free(l);
}

static bool was_shown(const struct lives *l, u32 packet)
{
	return packet < l->shown_bits && l->shown[packet / 8] & 1u << packet % 8;
}

static void set_shown(struct lives *l, u32 packet)
{
	if (packet >= l->shown_bits) {
		u64 bits = MAX((u64)packet + 1, l->shown_bits * 2 + 8192) / 8 * 8 + 8;
		u8 *more = realloc(l->shown, bits / 8);

		if (!more)
			return; /* it would be shown as a packet of its own: no harm */
		memset(more + l->shown_bits / 8, 0, (bits - l->shown_bits) / 8);
		l->shown = more;
		l->shown_bits = bits;
	}
	l->shown[packet / 8] |= (u8)(1u << packet % 8);
}

int lives_add(struct lives *l, const struct trace_event *ev, u64 now, u64 max_packets)
{
	struct life **b = &l->bucket[ev->packet % BUCKETS], *life;

	for (life = *b; life; life = life->chain)
		if (life->packet == ev->packet)
			break;
	if (!life) {
		bool later = was_shown(l, ev->packet);

		if (!later && max_packets && l->packets >= max_packets)
			return 0;
		life = calloc(1, sizeof(*life));
		if (!life)
			return -ENOMEM;
		life->packet = ev->packet;
		life->shown_before = later;
		life->chain = *b;
		*b = life;
		*l->last = life;
		l->last = &life->next;
		l->packets += !later;
	}
	life->last_ns = now;
	if (life->n == life->cap) {
		unsigned cap = life->cap ? life->cap * 2 : 16;
		struct trace_event *more = realloc(life->ev, cap * sizeof(*more));

		if (!more)
			return -ENOMEM;
		life->ev = more;
		life->cap = cap;
	}
	life->ev[life->n++] = *ev;
	return 0;
}

static u64 over_at(const struct life *life)
{
	u8 p = life->n ? life->ev[life->n - 1].point : TP_DROP;

	if (life->n >= MAX_EVENTS)
		return 0;
	return life->last_ns + (p == TP_DROP || p == TP_CONSUMED || p == TP_SOCK_RECV ? ENDED_NS : QUIET_NS);
}

struct life *lives_take(struct lives *l, u64 now)
{
	struct life **at, *life, **b;

	for (at = &l->first; (life = *at); at = &life->next)
		if (over_at(life) <= now)
			break;
	if (!life)
		return NULL;
	*at = life->next;
	if (!life->next)
		l->last = at;
	for (b = &l->bucket[life->packet % BUCKETS]; *b != life; b = &(*b)->chain)
		;
	*b = life->chain;
	set_shown(l, life->packet);
	/* Two cpus may have reported out of order; events of one moment keep theirs. */
	for (unsigned i = 1; i < life->n; i++)
		if (life->ev[i - 1].time_ns > life->ev[i].time_ns) {
			struct trace_event ev = life->ev[i];
			unsigned k = i;

			for (; k && life->ev[k - 1].time_ns > ev.time_ns; k--)
				life->ev[k] = life->ev[k - 1];
			life->ev[k] = ev;
		}
	return life;
}

u64 lives_next(const struct lives *l)
{
	u64 next = UINT64_MAX;

	for (const struct life *life = l->first; life; life = life->next)
		next = MIN(next, over_at(life));
	return next;
}
