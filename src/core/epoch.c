/* Epochs: freeing what others may still be looking at.
 *
 * A cpu's `step` is odd while it runs a step. What is deferred collects in `young`; from there it moves, all at once, to
 * `waiting` with a picture of every cpu's step. Once each cpu was found outside a step, or its number differs from the
 * picture, nobody can hold a pointer from before, and the functions run: at the end of some cpu's step, outside all locks.
 * A cpu that sleeps stands on an even number and holds up nothing.
 *
 * The list is shared by all cpus under a spin lock that is held for a few instructions and taken only when something was
 * deferred.
 */
#include "core/epoch.h"

struct epoch {
	u32 lock;
	u32 pending; /* young or waiting is not empty; atomic, read without the lock */
	struct epoch_node *young, *waiting;
	u64 picture[MAX_CPUS];
};

struct deferred_call { /* epoch_defer's */
	struct epoch_node node;
	struct world *world;
	void (*fn)(void *arg);
	void *arg;
};

static void lock(struct epoch *e)
{
	while (__atomic_exchange_n(&e->lock, 1, __ATOMIC_ACQUIRE))
		while (__atomic_load_n(&e->lock, __ATOMIC_RELAXED))
			__builtin_ia32_pause();
}

static void unlock(struct epoch *e)
{
	__atomic_store_n(&e->lock, 0, __ATOMIC_RELEASE);
}

int epoch_new(struct world *w)
{
	w->epoch = mem_zalloc(&w->mem, sizeof(*w->epoch));
	return w->epoch ? 0 : -ENOMEM;
}

void epoch_defer_node(struct world *w, struct epoch_node *node, void (*fn)(struct epoch_node *node))
{
	struct epoch *e = w->epoch;

	node->fn = fn;
	lock(e);
	node->next = e->young;
	e->young = node;
	__atomic_store_n(&e->pending, 1, __ATOMIC_RELAXED);
	unlock(e);
	/* The end of a step reclaims; when the first cpu is in none, it is asked for one. */
	if (!(__atomic_load_n(&config_cpu(w)->step, __ATOMIC_ACQUIRE) & 1))
		cpu_kick(config_cpu(w));
}

static void run_call(struct epoch_node *node)
{
	struct deferred_call *c = container_of(node, struct deferred_call, node);

	c->fn(c->arg);
	mem_free(&c->world->mem, c);
}

int epoch_defer(struct world *w, void (*fn)(void *arg), void *arg)
{
	struct deferred_call *c = mem_alloc(&w->mem, sizeof(*c));

	if (!c)
		return -ENOMEM;
	*c = (struct deferred_call){ .world = w, .fn = fn, .arg = arg };
	epoch_defer_node(w, &c->node, run_call);
	return 0;
}

static bool all_passed(struct world *w, struct epoch *e)
{
	for (unsigned i = 0; i < w->ncpus; i++)
		if (e->picture[i] & 1 && __atomic_load_n(&w->cpu[i]->step, __ATOMIC_ACQUIRE) == e->picture[i])
			return false;
	return true;
}

static void take_picture(struct world *w, struct epoch *e)
{
	/* Whoever unpublished a pointer did so before; a cpu that begins a step after this read of its number sees that. */
	for (unsigned i = 0; i < w->ncpus; i++)
		e->picture[i] = __atomic_fetch_add(&w->cpu[i]->step, 0, __ATOMIC_ACQ_REL);
}

static void run_all(struct epoch_node *n)
{
	struct epoch_node *ordered = NULL, *next;

	for (; n; n = next) { /* in the order in which they were deferred */
		next = n->next;
		n->next = ordered;
		ordered = n;
	}
	for (n = ordered; n; n = next) {
		next = n->next;
		n->fn(n);
	}
}

/* What may be run now, detached. */
static struct epoch_node *take_done(struct world *w, struct epoch *e)
{
	struct epoch_node *done = NULL;

	if (e->waiting && all_passed(w, e)) {
		done = e->waiting;
		e->waiting = NULL;
	}
	if (!e->waiting && e->young) {
		e->waiting = e->young;
		e->young = NULL;
		take_picture(w, e);
		if (!done && all_passed(w, e)) {
			done = e->waiting;
			e->waiting = NULL;
		}
	}
	__atomic_store_n(&e->pending, e->waiting || e->young, __ATOMIC_RELAXED);
	return done;
}

bool epoch_pending(const struct world *w)
{
	return __atomic_load_n(&w->epoch->pending, __ATOMIC_RELAXED);
}

bool epoch_poll(struct world *w)
{
	struct epoch *e = w->epoch;
	struct epoch_node *done;

	if (likely(!epoch_pending(w)))
		return false;
	lock(e);
	done = take_done(w, e);
	unlock(e);
	run_all(done);
	return done != NULL;
}

void epoch_drain(struct world *w)
{
	struct epoch *e = w->epoch;

	while (e->young || e->waiting) {
		struct epoch_node *old = e->waiting, *young = e->young;

		e->waiting = e->young = NULL;
		run_all(old);
		run_all(young);
	}
}

void epoch_free(struct world *w)
{
	if (!w->epoch)
		return;
	epoch_drain(w);
	mem_free(&w->mem, w->epoch);
	w->epoch = NULL;
}
