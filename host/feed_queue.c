/* A queue of records of different lengths in one piece of memory.
 *
 * A record is its length (8 bytes) and its bytes, padded to 8. It never wraps: where it does not fit before the end of the memory, a length of
 * SKIP says that the next one is at the beginning.
 */
#include <stdlib.h>

#include "host/daemon.h"

#define SKIP UINT64_MAX
#define ROUND(n) (((n) + 7) & ~(u64)7)

int feed_queue_init(struct feed_queue *q, u32 size)
{
	*q = (struct feed_queue){ .mem = malloc(size), .size = size };
	return q->mem ? 0 : -ENOMEM;
}

void feed_queue_fini(struct feed_queue *q)
{
	free(q->mem);
	q->mem = NULL;
}

static u64 *length_at(struct feed_queue *q, u64 at) { return (u64 *)(void *)(q->mem + (at & (q->size - 1))); }

void *feed_queue_put(struct feed_queue *q, u32 len)
{
	u64 need = 8 + ROUND((u64)len), to_end = q->size - (q->head & (q->size - 1)), skip = to_end < need ? to_end : 0;

	if (q->size - (q->head - q->tail) < need + skip)
		return NULL;
	if (skip)
		*length_at(q, q->head) = SKIP;
	q->head += skip;
	*length_at(q, q->head) = len;
	q->head += need;
	return length_at(q, q->head - need) + 1;
}

const void *feed_queue_peek(struct feed_queue *q, u32 *len)
{
	if (feed_queue_empty(q))
		return NULL;
	if (*length_at(q, q->tail) == SKIP)
		q->tail += q->size - (q->tail & (q->size - 1));
	*len = (u32)*length_at(q, q->tail);
	return length_at(q, q->tail) + 1;
}

void feed_queue_drop(struct feed_queue *q)
{
	u32 len;

	if (feed_queue_peek(q, &len))
		q->tail += 8 + ROUND((u64)len);
}
