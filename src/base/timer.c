/* Hierarchical timer wheel with a resolution of one nanosecond.
 *
 * Eleven levels of 64 slots cover 64 bits. A timer's level is the position of the highest group of six bits in which its
 * expiry differs from the wheel's time, its slot the expiry's value of that group: so every timer of a level lies in the
 * present slot of the level above, a lower level always comes first, and within a level the lowest used slot does. One
 * bitmap a level finds it. When time enters a slot of a higher level, its timers are dealt out to the levels below: a timer
 * moves at most ten times in its life, and most are cancelled before they move at all. At level 0 a slot is one
 * nanosecond, so that firing in slot order is firing in order of expiry. A list is dealt out before anything can be armed
 * below it, hence lists stay in order of arming, and ties fire in that order.
 *
 * Timers that are armed for the past wait in `due`, sorted. Each slot keeps a lower bound of its expiries (a cancelled
 * timer may leave it too low, never too high), so that timer_wheel_next() is exact in the usual case and a sleeping cpu is
 * not woken at the borders of slots.
 */
#include "base/timer.h"
#include "base/mem.h"

#define BITS 6
#define SLOTS (1u << BITS)
#define LEVELS 11
#define SLOT_DUE (LEVELS * SLOTS)

struct timer_wheel {
	struct mem *mem;
	void *owner;
	u64 time; /* every timer in the slots expires later than this or, at level 0, not before it */
	struct list due;
	u64 used[LEVELS]; /* bit s: slot s has timers */
	u64 earliest[LEVELS][SLOTS];
	struct list slot[LEVELS][SLOTS];
};

struct timer_wheel *timer_wheel_new(struct mem *mem, u64 start, void *owner)
{
	struct timer_wheel *w = mem_zalloc(mem, sizeof(*w));

	if (!w)
		return NULL;
	w->mem = mem;
	w->owner = owner;
	w->time = start;
	list_init(&w->due);
	for (unsigned l = 0; l < LEVELS; l++)
		for (unsigned s = 0; s < SLOTS; s++)
			list_init(&w->slot[l][s]);
	return w;
}

static void forget(struct list *l)
{
	while (!list_empty(l)) {
		struct timer *t = list_first(l, struct timer, link);

		list_del(&t->link);
		t->wheel = NULL;
	}
}

void timer_wheel_free(struct timer_wheel *w)
{
	if (!w)
		return;
	forget(&w->due);
	for (unsigned l = 0; l < LEVELS; l++)
		for (unsigned s = 0; s < SLOTS; s++)
			forget(&w->slot[l][s]);
	mem_free(w->mem, w);
}

static void insert_due(struct timer_wheel *w, struct timer *t)
{
	struct list *after = w->due.prev;

	while (after != &w->due && list_entry(after, struct timer, link)->expires > t->expires)
		after = after->prev;
	list_insert_between(&t->link, after, after->next);
	t->slot = SLOT_DUE;
}

static void insert(struct timer_wheel *w, struct timer *t)
{
	u64 differs = t->expires ^ w->time;
	unsigned level = differs ? (63 - (unsigned)__builtin_clzll(differs)) / BITS : 0;
	unsigned s = (unsigned)(t->expires >> (level * BITS)) & (SLOTS - 1);

	if (!(w->used[level] & BIT64(s)) || t->expires < w->earliest[level][s])
		w->earliest[level][s] = t->expires;
	w->used[level] |= BIT64(s);
	list_add_tail(&w->slot[level][s], &t->link);
	t->slot = (u16)(level * SLOTS + s);
}

static void unlink_timer(struct timer *t)
{
	struct timer_wheel *w = t->wheel;
	unsigned level = t->slot / SLOTS, s = t->slot % SLOTS;

	list_del(&t->link);
	t->wheel = NULL;
	if (t->slot != SLOT_DUE && list_empty(&w->slot[level][s]))
		w->used[level] &= ~BIT64(s);
}

void timer_arm(struct timer_wheel *w, struct timer *t, u64 expires)
{
	if (t->wheel)
		unlink_timer(t);
	t->expires = expires;
	t->wheel = w;
	if (unlikely(expires <= w->time))
		insert_due(w, t);
	else
		insert(w, t);
}

void timer_reduce(struct timer_wheel *w, struct timer *t, u64 expires)
{
	if (!t->wheel || expires < t->expires)
		timer_arm(w, t, expires);
}

bool timer_cancel(struct timer *t)
{
	if (!t->wheel)
		return false;
	unlink_timer(t);
	return true;
}

/* The first used slot: its level, or LEVELS when there is none; *start is the time at which it begins. */
static unsigned first_slot(const struct timer_wheel *w, unsigned *s, u64 *start)
{
	for (unsigned l = 0; l < LEVELS; l++) {
		unsigned shift = l * BITS;
		u64 above;

		if (!w->used[l])
			continue;
		*s = (unsigned)__builtin_ctzll(w->used[l]);
		above = shift + BITS < 64 ? w->time >> (shift + BITS) << (shift + BITS) : 0;
		*start = above | (u64)*s << shift;
		return l;
	}
	return LEVELS;
}

/* Takes the next timer that is due at `now` out of the wheel; NULL when none is (time is `now` then). */
static struct timer *pop_due(struct timer_wheel *w, u64 now)
{
	struct timer *t;
	unsigned level, s;
	u64 start;

	for (;;) {
		if (!list_empty(&w->due)) {
			t = list_first(&w->due, struct timer, link);
			if (t->expires > now)
				return NULL;
			unlink_timer(t);
			return t;
		}
		level = first_slot(w, &s, &start);
		if (level == LEVELS || start > now) {
			w->time = MAX(w->time, now);
			return NULL;
		}
		w->time = MAX(w->time, start);
		w->used[level] &= ~BIT64(s);
		if (level == 0) {
			struct list *l = &w->slot[0][s];

			for (struct list *i = l->next; i != l; i = i->next)
				list_entry(i, struct timer, link)->slot = SLOT_DUE;
			list_splice_tail(&w->due, l);
		} else {
			struct list moving;

			list_init(&moving);
			list_splice_tail(&moving, &w->slot[level][s]);
			while (!list_empty(&moving)) {
				t = list_first(&moving, struct timer, link);
				list_del(&t->link);
				insert(w, t);
			}
		}
	}
}

unsigned timer_wheel_run(struct timer_wheel *w, u64 now, unsigned budget)
{
	unsigned fired = 0;
	struct timer *t;

	while (fired < budget && (t = pop_due(w, now))) {
		fired++;
		t->fn(w->owner, t);
	}
	return fired;
}

u64 timer_wheel_next(const struct timer_wheel *w)
{
	unsigned s, level;
	u64 start;

	if (!list_empty(&w->due))
		return list_first(&w->due, struct timer, link)->expires;
	level = first_slot(w, &s, &start);
	return level == LEVELS ? UINT64_MAX : w->earliest[level][s];
}
