/* Calls that a signal ended, and their repetition.
 *
 * A signal can end a caught call at any time: the kernel takes the call back, runs the handler and, under SA_RESTART, makes the same
 * call again, as a new one, while we may still be at work on the old one or about to send its answer. So
 * - one call of a task is run at a time (run_begin): the repetition waits until the old one is through;
 * - what acted (a send, a bind) and could not deliver its result leaves it here, and the repetition, recognised by
 *   task, arguments and content, is answered with it instead of acting twice.
 */
#include <stdlib.h>

#include "attach/supervisor.h"

#define REPLAY_NS NSEC_PER_SEC
#define REPLAYS_MAX 256

struct replay {
	struct list link;
	int tid, nr;
	u64 arg[6], hash, until;
	s64 ret;
};

void run_begin(struct attach *a, struct running *r, int tid)
{
	struct running *other;

	r->tid = tid;
	pthread_mutex_lock(&a->lock);
	for (;;) {
		bool busy = false;

		list_for_each(other, &a->running, link)
			busy |= other->tid == tid;
		if (!busy)
			break;
		a->run_waiters++;
		pthread_cond_wait(&a->ran, &a->lock);
		a->run_waiters--;
	}
	list_add_tail(&a->running, &r->link);
	pthread_mutex_unlock(&a->lock);
}

void run_end(struct attach *a, struct running *r)
{
	pthread_mutex_lock(&a->lock);
	list_del(&r->link);
	if (a->run_waiters)
		pthread_cond_broadcast(&a->ran);
	pthread_mutex_unlock(&a->lock);
}

bool call_replayed(struct call *c, const void *data, size_t len)
{
	struct attach *a = c->a;
	struct replay *r, *tmp;
	bool found = false;
	u64 now;

	c->acts = true;
	c->hash = len ? (u64)hash32_bytes(data, len, 7) << 32 | (u32)len : 0;
	if (!__atomic_load_n(&a->nreplays, __ATOMIC_RELAXED))
		return false;
	now = host_now();
	pthread_mutex_lock(&a->lock);
	list_for_each_safe(r, tmp, &a->replays, link) {
		bool mine = r->tid == c->tid && r->nr == c->nr && !memcmp(r->arg, c->arg, sizeof(r->arg));

		if (!mine && r->until > now)
			continue;
		if (mine && r->until > now && r->hash == c->hash) {
			c->ret = r->ret;
			found = true;
		}
		list_del(&r->link);
		a->nreplays--;
		free(r);
	}
	pthread_mutex_unlock(&a->lock);
	return found;
}

void replay_save(struct call *c)
{
	struct attach *a = c->a;
	struct replay *r = malloc(sizeof(*r)), *old = NULL;

	if (!r)
		return;
	*r = (struct replay){ .tid = c->tid, .nr = c->nr, .hash = c->hash, .until = host_now() + REPLAY_NS, .ret = c->ret };
	memcpy(r->arg, c->arg, sizeof(r->arg));
	pthread_mutex_lock(&a->lock);
	list_add_tail(&a->replays, &r->link);
	if (++a->nreplays > REPLAYS_MAX) {
		old = list_first(&a->replays, struct replay, link);
		list_del(&old->link);
		a->nreplays--;
	}
	pthread_mutex_unlock(&a->lock);
	free(old);
}

void replays_free(struct attach *a)
{
	while (!list_empty(&a->replays)) {
		struct replay *r = list_first(&a->replays, struct replay, link);

		list_del(&r->link);
		free(r);
	}
}
