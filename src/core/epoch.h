/* Reclaiming after every cpu has passed a step: what core/world.h's epoch_defer leads to. For world.c and cpu.c. */
#ifndef CORE_EPOCH_H
#define CORE_EPOCH_H

#include "core/cpu.h"

int epoch_new(struct world *w); /* 0, -ENOMEM */
/* Runs everything that was deferred, and what that defers, at once: no cpu runs any more. */
void epoch_drain(struct world *w);
void epoch_free(struct world *w);
/* At the end of a step (the cpu's number is even already): runs what may run. True: something did. */
bool epoch_poll(struct world *w);
bool epoch_pending(const struct world *w); /* something waits for epoch_poll */

#endif
