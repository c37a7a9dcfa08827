/* Calls that a signal ended, and their repetition.
 *
 * A signal can end a caught call at any time: the kernel takes the call back, runs the handler and, under SA_RESTART, makes the same
 * call again, as a new one, while we may still be at work on the old one or about to send its answer. So
 * - one call of a task is run at a time (run_begin): the repetition waits until the old one is through;
 * - what acted (a send, a bind) and could not deliver its result leaves it here, and the repetition, recognised by
 *   task, arguments and content, is answered with it instead of acting twice.
 *
 * The kernel may also take an answer and then drop it, when the task was woken by a signal but had not yet come to look. So the last
 * call of a task that acted is remembered too. A call that equals it is either a new one or that one, repeated: then the
 * handler's frame still lies below the task's stack pointer, and says that the task went on with this very call.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/uio.h>
#include <unistd.h>

#include "attach/supervisor.h"

#define REPLAY_NS NSEC_PER_SEC
#define REPLAYS_MAX 256

struct replay {
	struct list link;
	int tid, nr;
	u64 arg[6], hash, until;
	s64 ret;
};

bool run_begin(struct call *c, struct running *r)
{
	struct attach *a = c->a;
	struct newest *n = &a->newest[(u32)c->tid % ARRAY_SIZE(a->newest)];
	struct running *other;
	bool known, stale;

	r->tid = c->tid;
	pthread_mutex_lock(&a->lock);
	for (;;) {
		bool busy = false;

		list_for_each(other, &a->running, link)
			busy |= other->tid == c->tid;
		if (!busy)
			break;
		a->run_waiters++;
		pthread_cond_wait(&a->ran, &a->lock);
		a->run_waiters--;
	}
	known = n->tid == c->tid && n->l == c->l;
	stale = known && (s64)(n->id - c->id) > 0; /* a listener numbers them upwards */
	if (!stale) {
		*n = (struct newest){ c->l, c->tid, c->id };
		list_add_tail(&a->running, &r->link);
	}
	pthread_mutex_unlock(&a->lock);
	if (stale || known || call_valid(c))
		return !stale;
	run_end(a, r);
	return false;
}

void run_end(struct attach *a, struct running *r)
{
	pthread_mutex_lock(&a->lock);
	list_del(&r->link);
	if (a->run_waiters)
		pthread_cond_broadcast(&a->ran);
	pthread_mutex_unlock(&a->lock);
}

/* -- answers that the kernel took -- */
#define FRAME_PAGES 4 /* a signal frame: up to 11 KiB of registers (AMX), and some hundred bytes */
#define RED_ZONE 128

/* The word of a signal frame's saved registers (struct sigcontext of x86-64, in words) that name the call. */
enum { SAVED_RDI = 8, SAVED_RSI = 9, SAVED_RDX = 12, SAVED_RAX = 13, SAVED_RSP = 15, SAVED_RIP = 16, SAVED_WORDS = 17 };

/* Did the task come to this call from a signal handler, which interrupted it in the same call? It is one question about dead
 * stack; the answer is wrong on an alternate signal stack (no). */
static bool from_handler(struct call *c)
{
	u64 stack[FRAME_PAGES * 512], sp, pc;
	struct iovec to[FRAME_PAGES], from[FRAME_PAGES];
	char path[40], text[256];
	ssize_t n;
	size_t have;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/syscall", c->tid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	text[n > 0 ? n : 0] = 0;
	if (sscanf(text, "%*s %*s %*s %*s %*s %*s %*s %llx %llx", (unsigned long long *)&sp, (unsigned long long *)&pc) != 2)
		return false;
	for (unsigned i = 0; i < FRAME_PAGES; i++) { /* from the top, as what lies lower may not be there */
		to[i] = (struct iovec){ stack + (FRAME_PAGES - 1 - i) * 512, 4096 };
		from[i] = (struct iovec){ (void *)(uintptr_t)((sp & ~7ull) - RED_ZONE - (i + 1) * 4096ull), 4096 };
	}
	n = process_vm_readv(c->tid, to, FRAME_PAGES, from, FRAME_PAGES, 0);
	have = n > 0 ? (size_t)n / 4096 * 512 : 0;
	for (u64 *p = stack + ARRAY_SIZE(stack) - have; p + SAVED_WORDS <= stack + ARRAY_SIZE(stack); p++)
		if (p[SAVED_RSP] == sp && p[SAVED_RIP] == pc - 2 && p[SAVED_RAX] == (u64)c->nr && p[SAVED_RDI] == c->arg[0] &&
		    p[SAVED_RSI] == c->arg[1] && p[SAVED_RDX] == c->arg[2])
			return true;
	return false;
}

bool call_cut_short(struct call *c)
{
	struct attach *a = c->a;
	bool found = false;
	struct call *p;

	if (c->again || !__atomic_load_n(&a->ntimed, __ATOMIC_RELAXED))
		return false;
	pthread_mutex_lock(&a->lock);
	list_for_each(p, &a->parked, link)
		found |= p->deadline && p->tid == c->tid && p->l == c->l && p->nr == c->nr && !memcmp(p->arg, c->arg, sizeof(p->arg));
	pthread_mutex_unlock(&a->lock);
	return found && from_handler(c);
}

static struct last_act *last_of(struct call *c) { return &c->a->last[(u32)c->tid % ARRAY_SIZE(c->a->last)]; }

void call_acted(struct call *c)
{
	struct last_act *l = last_of(c);

	pthread_mutex_lock(&c->a->lock);
	*l = (struct last_act){ .tid = c->tid, .nr = c->nr, .hash = c->hash, .ret = c->ret };
	memcpy(l->arg, c->arg, sizeof(l->arg));
	pthread_mutex_unlock(&c->a->lock);
}

static bool same_as_last(struct call *c)
{
	struct last_act *l = last_of(c);
	bool same;

	pthread_mutex_lock(&c->a->lock);
	same = l->tid == c->tid && l->nr == c->nr && l->hash == c->hash && !memcmp(l->arg, c->arg, sizeof(l->arg));
	if (same)
		c->ret = l->ret;
	if (l->tid == c->tid)
		l->tid = 0;
	pthread_mutex_unlock(&c->a->lock);
	return same && from_handler(c);
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
		return !c->again && same_as_last(c);
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
	return found || (!c->again && same_as_last(c));
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
