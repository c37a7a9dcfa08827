/* Hierarchical timer wheel: O(1) to arm, re-arm and cancel, whatever the number of timers.
 *
 * Time is u64 nanoseconds and always an argument. A timer never fires early; it fires in the first run whose `now` is
 * >= expires. Timers due in one run fire in order of expiry (ties: order of arming), so two runs with one seed agree.
 * A wheel belongs to one cpu; whoever holds that cpu's baton may use it. A callback may arm, cancel and free any timer,
 * its own included.
 */
#ifndef BASE_TIMER_H
#define BASE_TIMER_H

#include "base/list.h"

struct timer;
struct timer_wheel;
typedef void (*timer_fn)(void *owner, struct timer *t); /* owner: as given to timer_wheel_new (a struct cpu) */

struct timer {
	struct list link;	  /* wheel-owned while armed */
	u64 expires;		  /* ns */
	timer_fn fn;
	struct timer_wheel *wheel; /* where it is armed, NULL when idle */
	u16 slot;		  /* wheel-owned */
};

struct mem;
/* `start`: the present time, ns. `owner` is handed to every callback. NULL when out of memory. */
struct timer_wheel *timer_wheel_new(struct mem *mem, u64 start, void *owner);
/* Armed timers are forgotten, not fired. */
void timer_wheel_free(struct timer_wheel *w);

static inline void timer_init(struct timer *t, timer_fn fn)
{
	*t = (struct timer){ .fn = fn };
	list_init(&t->link);
}
static inline bool timer_armed(const struct timer *t) { return t->wheel != NULL; }
/* Arms t, or moves it when it is armed already (on this wheel or another one whose baton the caller holds). */
void timer_arm(struct timer_wheel *w, struct timer *t, u64 expires);
/* As timer_arm, but leaves an armed timer alone when it would fire no later. */
void timer_reduce(struct timer_wheel *w, struct timer *t, u64 expires);
/* True when it was armed. */
bool timer_cancel(struct timer *t);
/* Fires all due timers, at most `budget`. Returns how many fired. */
unsigned timer_wheel_run(struct timer_wheel *w, u64 now, unsigned budget);
/* A time not later than the earliest expiry and later than the last run's now where possible; UINT64_MAX when none is
 * armed. In virtual time the caller may jump there and run again. */
u64 timer_wheel_next(const struct timer_wheel *w);

#endif
