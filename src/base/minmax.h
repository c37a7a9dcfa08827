/* The least (or greatest) value of the last `win` units of time, in three words of memory, whatever the rate of samples: the best,
 * the second best since it, and the third best since that (Kathleen Nichols' algorithm). Time and values are u32 in units of the
 * caller's; time may wrap. */
#ifndef BASE_MINMAX_H
#define BASE_MINMAX_H

#include "base/types.h"

struct minmax {
	struct minmax_sample {
		u32 t, v;
	} s[3]; /* s[0] is the answer */
};

static inline u32 minmax_get(const struct minmax *m) { return m->s[0].v; }
static inline u32 minmax_reset(struct minmax *m, u32 t, u32 v)
{
	m->s[0] = m->s[1] = m->s[2] = (struct minmax_sample){ t, v };
	return v;
}

static inline bool minmax_better(bool max, u32 a, u32 b) { return max ? a >= b : a <= b; }

/* Takes sample v at time t; returns the extreme of the window. */
static inline u32 minmax_update(struct minmax *m, bool max, u32 win, u32 t, u32 v)
{
	const struct minmax_sample new = { t, v };
	u32 age;

	/* A new best, or nothing in the window: all the rest is forgotten. */
	if (minmax_better(max, v, m->s[0].v) || t - m->s[2].t > win)
		return minmax_reset(m, t, v);
	if (minmax_better(max, v, m->s[1].v))
		m->s[1] = m->s[2] = new;
	else if (minmax_better(max, v, m->s[2].v))
		m->s[2] = new;
	age = t - m->s[0].t;
	if (age > win) {
		/* The best has left the window: the others move up; the second may be too old too. */
		m->s[0] = m->s[1];
		m->s[1] = m->s[2];
		m->s[2] = new;
		if (t - m->s[0].t > win) {
			m->s[0] = m->s[1];
			m->s[1] = m->s[2];
		}
	} else if (m->s[1].t == m->s[0].t && age > win / 4) {
		/* A quarter without a second best: take one from this quarter, so that there is one when the best leaves. */
		m->s[1] = m->s[2] = new;
	} else if (m->s[2].t == m->s[1].t && age > win / 2) {
		m->s[2] = new;
	}
	return m->s[0].v;
}
static inline u32 minmax_max(struct minmax *m, u32 win, u32 t, u32 v) { return minmax_update(m, true, win, t, v); }
static inline u32 minmax_min(struct minmax *m, u32 win, u32 t, u32 v) { return minmax_update(m, false, win, t, v); }

#endif
