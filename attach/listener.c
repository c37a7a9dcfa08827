/* Listeners: the descriptors that caught calls come from, one a `weft run`, and the threads that receive them.
 *
 * One thread receives and runs the calls, `first`: the kernel then hands the cpu from the program to it and back (SYNC_WAKE_UP) and
 * wakes nobody else, which costs a few microseconds where two cpus that wake each other cost ten times as many. While there are
 * calls the other thread looks at it every few milliseconds: a first one that has been at the same call all the time may be in a
 * page fault of its program, and the looker takes its place; when more calls wait than one thread can take, it helps for a while.
 * When there are none both sleep for good.
 */
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "attach/supervisor.h"

#ifndef SECCOMP_IOCTL_NOTIF_SET_FLAGS
#define SECCOMP_IOCTL_NOTIF_SET_FLAGS SECCOMP_IOW(4, __u64)
#define SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP (1UL << 0)
#endif
#define STOP_SIGNAL (SIGRTMIN + 5)
#define LOOK_NS (5 * NSEC_PER_MSEC) /* what a stuck call may cost the others; short looks would cost those who are not stuck */
#define HELP_CALLS 256

void listener_put(struct listener *l)
{
	if (__atomic_sub_fetch(&l->refcnt, 1, __ATOMIC_ACQ_REL))
		return;
	close(l->fd);
	sem_destroy(&l->rest);
	free(l);
}

static void hup_over(void *arg) { listener_put(arg); }

/* Nobody looks out for the listener's end any more. Who takes the watch first ends it. */
static void unwatch_hup(struct listener *l)
{
	struct host_fd *hf;

	pthread_mutex_lock(&l->a->lock);
	hf = l->hup_hf;
	l->hup_hf = NULL;
	pthread_mutex_unlock(&l->a->lock);
	if (hf)
		host_fd_del(hf, hup_over);
}

static void stop_soon(struct listener *l)
{
	__atomic_store_n(&l->stop, true, __ATOMIC_RELEASE);
	sem_post(&l->rest);
}

/* Receives one call and runs it. turns: counts its beginning and its end. False: there will be no more. */
static bool serve_one(struct listener *l, u32 *turns)
{
	struct attach *a = l->a;
	struct seccomp_notif n;
	struct call *c;

	memset(&n, 0, sizeof(n));
	if (ioctl(l->fd, SECCOMP_IOCTL_NOTIF_RECV, &n) < 0) {
		struct pollfd p = { .fd = l->fd };

		return errno == EINTR || (errno == ENOENT && (poll(&p, 1, 0) <= 0 || !(p.revents & POLLHUP))); /* that task is gone, others are not */
	}
	if (turns) {
		__atomic_store_n(turns, *turns + 1, __ATOMIC_SEQ_CST);
		if (!__atomic_load_n(&l->watched, __ATOMIC_SEQ_CST) && !__atomic_exchange_n(&l->watched, true, __ATOMIC_SEQ_CST))
			sem_post(&l->rest);
	}
	__atomic_fetch_add(&a->calls, 1, __ATOMIC_RELAXED);
	c = malloc(sizeof(*c));
	if (c) {
		memset(c, 0, offsetof(struct call, near));
		c->a = a;
		c->l = l;
		__atomic_fetch_add(&l->refcnt, 1, __ATOMIC_RELAXED);
		c->id = n.id;
		c->tid = (int)n.pid;
		c->nr = n.data.nr;
		for (unsigned i = 0; i < 6; i++)
			c->arg[i] = n.data.args[i];
		c->dup = -1;
		list_init(&c->held);
		c->mem = (struct args_mem){ .read = call_memory, .arg = c };
		call_run(c);
	} else {
		struct seccomp_notif_resp r = { .id = n.id, .error = -ENOMEM };

		ioctl(l->fd, SECCOMP_IOCTL_NOTIF_SEND, &r);
	}
	if (turns)
		__atomic_store_n(turns, *turns + 1, __ATOMIC_SEQ_CST);
	return true;
}

/* The thread that is not first: until it has to receive itself, or stop. False: there will be no more calls. */
static bool look_after_first(struct listener *l, unsigned me)
{
	const struct timespec pause = { .tv_nsec = LOOK_NS };
	struct pollfd p = { .fd = l->fd, .events = POLLIN };
	u32 *turns = &l->turns[!me], before, now;

	if (!__atomic_load_n(&l->watched, __ATOMIC_SEQ_CST)) {
		if (sem_wait(&l->rest) < 0)
			return true;
		__atomic_store_n(&l->watched, true, __ATOMIC_SEQ_CST);
	}
	before = __atomic_load_n(turns, __ATOMIC_SEQ_CST);
	nanosleep(&pause, NULL);
	now = __atomic_load_n(turns, __ATOMIC_SEQ_CST);
	if (now & 1) {
		if (now == before)
			__atomic_store_n(&l->first, me, __ATOMIC_SEQ_CST);
		else
			for (unsigned i = 0; i < HELP_CALLS && !__atomic_load_n(&l->stop, __ATOMIC_ACQUIRE) && poll(&p, 1, 0) > 0; i++)
				if (!serve_one(l, NULL))
					return false;
	} else if (now == before) {
		__atomic_store_n(&l->watched, false, __ATOMIC_SEQ_CST);
		if (__atomic_load_n(turns, __ATOMIC_SEQ_CST) != now)
			__atomic_store_n(&l->watched, true, __ATOMIC_SEQ_CST);
	}
	return true;
}

static void *serve(void *arg)
{
	struct listener *l = arg;
	struct attach *a = l->a;
	unsigned me = __atomic_fetch_add(&l->began, 1, __ATOMIC_RELAXED);
	bool last, listed = false, more = true;

	while (more && !__atomic_load_n(&l->stop, __ATOMIC_ACQUIRE))
		more = __atomic_load_n(&l->first, __ATOMIC_SEQ_CST) == me ? serve_one(l, &l->turns[me]) : look_after_first(l, me);
	stop_soon(l);
	pthread_mutex_lock(&a->lock);
	last = --l->running == 0;
	if (last && !a->stop) { /* all its programs are gone, not we: nobody joins us */
		for (unsigned i = 0; i < l->nthreads; i++)
			pthread_detach(l->thread[i]);
		list_del(&l->link);
		listed = true;
	}
	pthread_mutex_unlock(&a->lock);
	if (listed) {
		unwatch_hup(l);
		listener_put(l); /* the list's */
	}
	listener_put(l);
	return NULL;
}

/* On kernels whose receive does not end by itself when the last program has gone. */
static void hung_up(struct listener *l)
{
	stop_soon(l);
	for (unsigned i = 0; i < l->nthreads; i++)
		pthread_kill(l->thread[i], STOP_SIGNAL);
}

static void hup(struct cpu *cpu, u32 events, void *arg)
{
	struct listener *l = arg;

	if (!(events & (POLLHUP | POLLERR)))
		return;
	pthread_mutex_lock(&l->a->lock);
	if (l->running)
		hung_up(l);
	pthread_mutex_unlock(&l->a->lock);
	unwatch_hup(l);
}

int listener_add(struct attach *a, int fd, u64 self_ns)
{
	struct listener *l = calloc(1, sizeof(*l));
	u64 sync = SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP;
	bool over;

	if (!l)
		return -ENOMEM;
	ioctl(fd, SECCOMP_IOCTL_NOTIF_SET_FLAGS, sync); /* since 6.6; only speed */
	l->a = a;
	l->fd = fd;
	l->self_ns = self_ns;
	sem_init(&l->rest, 0, 0);
	l->refcnt = 3; /* ours while starting, the watch's and the list's */
	pthread_mutex_lock(&a->lock);
	for (unsigned i = 0; i < ARRAY_SIZE(l->thread); i++) {
		__atomic_fetch_add(&l->refcnt, 1, __ATOMIC_RELAXED); /* the one before may be at work already */
		if (pthread_create(&l->thread[l->nthreads], NULL, serve, l) == 0) {
			l->nthreads++;
			l->running++;
		} else {
			__atomic_fetch_sub(&l->refcnt, 1, __ATOMIC_RELAXED);
		}
	}
	if (!l->nthreads) {
		pthread_mutex_unlock(&a->lock);
		sem_destroy(&l->rest);
		free(l);
		return -EAGAIN;
	}
	list_add_tail(&a->listeners, &l->link);
	pthread_mutex_unlock(&a->lock);
	if (host_fd_add(a->h, 0, fd, 0x2000 /* nothing but HUP: EPOLLRDHUP is never raised here */, 0, hup, l, &l->hup_hf) < 0)
		listener_put(l);
	pthread_mutex_lock(&a->lock);
	over = !l->running; /* already */
	pthread_mutex_unlock(&a->lock);
	if (over)
		unwatch_hup(l);
	listener_put(l);
	return 0;
}

static void nothing(int sig) { (void)sig; }

void listeners_init(void)
{
	struct sigaction sa = { .sa_handler = nothing };

	sigaction(STOP_SIGNAL, &sa, NULL);
}

void listeners_stop(struct attach *a)
{
	struct listener *l;
	pthread_t t[2];
	unsigned n;

	for (;;) {
		pthread_mutex_lock(&a->lock);
		if (list_empty(&a->listeners)) {
			pthread_mutex_unlock(&a->lock);
			break;
		}
		l = list_first(&a->listeners, struct listener, link);
		list_del(&l->link); /* its reference is ours now */
		n = l->nthreads;
		memcpy(t, l->thread, sizeof(t));
		__atomic_store_n(&l->stop, true, __ATOMIC_RELEASE);
		pthread_mutex_unlock(&a->lock);
		for (;;) { /* until each has seen it: a signal that comes just before the wait is lost */
			bool running;

			pthread_mutex_lock(&a->lock);
			running = l->running;
			if (running)
				for (unsigned i = 0; i < n; i++)
					pthread_kill(t[i], STOP_SIGNAL);
			pthread_mutex_unlock(&a->lock);
			if (!running)
				break;
			usleep(1000);
		}
		for (unsigned i = 0; i < n; i++)
			pthread_join(t[i], NULL);
		unwatch_hup(l); /* the loop may be told to stop before it sees the end */
		listener_put(l);
	}
}
