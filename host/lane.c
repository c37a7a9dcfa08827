/* A lane: the baton of one cpu, and the loop thread that runs the cpu when nobody else does.
 *
 * The baton is a mutex behind a gate (lane.h). Whoever holds it runs the cpu before giving it back, so that a program's call
 * is answered on the thread that brought it. The loop thread waits in epoll for descriptors, for the lane's timerfd and for an
 * eventfd. Three flags say what may be skipped, each a store followed by a load of the other side's flag (sequentially
 * consistent, so one of the two sees the other):
 *   held / kicked   A kick sets `kicked`, then looks at `held`: a holder looks at `kicked` after clearing `held`.
 *   asleep / kicked The loop sets `asleep`, then looks at `kicked`; a kick sets `kicked`, then wakes whom it finds asleep.
 *   asleep / lists  The same for deleted descriptors and calls, whose lists the loop empties after setting `asleep`.
 * `asleep` is set with the baton held and cleared by whoever wakes the loop, so for a holder "not asleep" means: the loop will
 * take the baton again and arm the timer itself.
 *
 * Deadlines: the timerfd only ever moves earlier while the loop sleeps; when it fires too early, the loop finds nothing due and
 * arms it again. So an ack that postpones a timer costs no system call.
 *
 * Spinning: when a sleep ended within LANE_SPIN_MAX_NS, spinning would have paid: spin_ns doubles; a spin in vain halves it.
 * Without traffic it is 0 and the thread sleeps until its next deadline; with none it sleeps for good.
 */
#include "host/lane.h"

#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/timerfd.h>
#include <unistd.h>

#define SPIN_MIN_NS (8 * NSEC_PER_USEC)
#define UNLOCK_RUNS 2 /* runs that a visiting thread does for the lane before it leaves the rest to the loop */

#define STAT_INC(l, field) __atomic_fetch_add(&(l)->stats.field, 1, __ATOMIC_RELAXED)

int lane_init(struct lane *l, struct host *h, unsigned id)
{
	struct epoll_event ev = { .events = EPOLLIN };
	pthread_mutexattr_t attr;
	int err;

	l->host = h;
	l->id = id;
	l->armed_ns = UINT64_MAX;
	l->epfd = l->evfd = l->tfd = -1;
	list_init(&l->dead);
	list_init(&l->calls);
	l->epfd = epoll_create1(EPOLL_CLOEXEC);
	l->evfd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	l->tfd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (l->epfd < 0 || l->evfd < 0 || l->tfd < 0)
		goto fail;
	ev.data.ptr = &l->evfd;
	if (epoll_ctl(l->epfd, EPOLL_CTL_ADD, l->evfd, &ev) < 0)
		goto fail;
	ev.data.ptr = &l->tfd;
	if (epoll_ctl(l->epfd, EPOLL_CTL_ADD, l->tfd, &ev) < 0)
		goto fail;
	pthread_mutexattr_init(&attr);
	pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_ADAPTIVE_NP); /* holds are short: a few looks before sleeping pay */
	pthread_mutex_init(&l->baton, &attr);
	pthread_mutexattr_destroy(&attr);
	pthread_mutex_init(&l->gate, NULL);
	pthread_mutex_init(&l->side_lock, NULL);
	return 0;
fail:
	err = -errno;
	for (unsigned i = 0; i < 3; i++) {
		int fd = (int[]){ l->epfd, l->evfd, l->tfd }[i];
		if (fd >= 0)
			close(fd);
	}
	return err;
}

void lane_fini(struct lane *l)
{
	assert(!l->started && !l->fds && list_empty(&l->calls));
	close(l->epfd);
	close(l->evfd);
	close(l->tfd);
	pthread_mutex_destroy(&l->baton);
	pthread_mutex_destroy(&l->gate);
	pthread_mutex_destroy(&l->side_lock);
}

/* -- waking -- */

static void wake(struct lane *l)
{
	u64 one = 1;

	if (__atomic_load_n(&l->asleep, __ATOMIC_SEQ_CST) && __atomic_exchange_n(&l->asleep, 0, __ATOMIC_SEQ_CST)) {
		STAT_INC(l, kicks);
		while (write(l->evfd, &one, sizeof(one)) < 0 && errno == EINTR)
			;
	}
}

void lane_kick(struct lane *l)
{
	if (__atomic_exchange_n(&l->kicked, 1, __ATOMIC_SEQ_CST) || __atomic_load_n(&l->held, __ATOMIC_SEQ_CST))
		return;
	wake(l);
}

/* -- the baton -- */

void lane_lock(struct lane *l)
{
	pthread_mutex_lock(&l->gate);
	pthread_mutex_lock(&l->baton);
	pthread_mutex_unlock(&l->gate);
	__atomic_store_n(&l->held, 1, __ATOMIC_SEQ_CST);
	cpu_enter(l->cpu, host_now());
}

static bool take_kick(struct lane *l) { return __atomic_exchange_n(&l->kicked, 0, __ATOMIC_SEQ_CST); }

/* Runs the cpu until nothing is due or `runs` is used up. Returns its next deadline, 0: there is more to do at once. */
static u64 run_cpu(struct lane *l, unsigned runs)
{
	while (runs--) {
		u64 now = MAX(host_now(), l->cpu->now), next;

		take_kick(l);
		next = cpu_run(l->cpu, now);
		STAT_INC(l, runs); /* a kick from now on makes another */
		if (next > now && !__atomic_load_n(&l->kicked, __ATOMIC_SEQ_CST))
			return next;
	}
	return 0;
}

/* Baton held: the timer fires at `next` at the latest. */
static void arm(struct lane *l, u64 next)
{
	struct itimerspec its = { 0 };

	if (next >= l->armed_ns)
		return;
	its.it_value.tv_sec = (time_t)(next / NSEC_PER_SEC);
	its.it_value.tv_nsec = (long)(next % NSEC_PER_SEC);
	timerfd_settime(l->tfd, TFD_TIMER_ABSTIME, &its, NULL);
	l->armed_ns = next;
	STAT_INC(l, timer_arms);
}

/* Gives the baton back. False: a kick came in between, and the baton is still ours. */
static bool release(struct lane *l)
{
	__atomic_store_n(&l->held, 0, __ATOMIC_SEQ_CST);
	if (__atomic_load_n(&l->kicked, __ATOMIC_SEQ_CST)) {
		__atomic_store_n(&l->held, 1, __ATOMIC_SEQ_CST);
		return false;
	}
	pthread_mutex_unlock(&l->baton);
	return true;
}

static void release_to_loop(struct lane *l)
{
	__atomic_store_n(&l->kicked, 1, __ATOMIC_SEQ_CST);
	__atomic_store_n(&l->held, 0, __ATOMIC_SEQ_CST);
	pthread_mutex_unlock(&l->baton);
	wake(l);
}

void lane_run(struct lane *l)
{
	cpu_leave(l->cpu);
	run_cpu(l, UNLOCK_RUNS);
	cpu_enter(l->cpu, host_now());
}

void lane_unlock(struct lane *l, bool run)
{
	cpu_leave(l->cpu);
	for (unsigned i = 0; i < UNLOCK_RUNS; i++) {
		if (run) {
			u64 next = run_cpu(l, UNLOCK_RUNS);
			if (!next)
				break;
			if (__atomic_load_n(&l->asleep, __ATOMIC_SEQ_CST))
				arm(l, next);
		}
		if (release(l))
			return;
		run = true;
	}
	release_to_loop(l);
}

/* -- descriptors -- */

int host_fd_add(struct host *h, unsigned cpu_id, int fd, u32 events, unsigned flags, host_fd_fn fn, void *arg, struct host_fd **out)
{
	struct lane *l = &h->lane[cpu_id];
	struct host_fd *hf;
	struct epoll_event ev = { .events = events };

	assert(cpu_id < h->ncpus);
	hf = calloc(1, sizeof(*hf));
	if (!hf)
		return -ENOMEM;
	*hf = (struct host_fd){ .lane = l, .fd = fd, .flags = flags, .first = flags & HOST_FD_ONE_BYTE, .fn = fn, .arg = arg };
	pthread_mutex_lock(&l->side_lock);
	l->fds++;
	pthread_mutex_unlock(&l->side_lock);
	*out = hf; /* before the first event can come */
	ev.data.ptr = hf;
	if (epoll_ctl(l->epfd, EPOLL_CTL_ADD, fd, &ev) < 0) {
		int err = -errno;

		pthread_mutex_lock(&l->side_lock);
		l->fds--;
		pthread_mutex_unlock(&l->side_lock);
		*out = NULL;
		free(hf);
		return err;
	}
	return 0;
}

int host_fd_mod(struct host_fd *hf, u32 events)
{
	struct epoll_event ev = { .events = events, .data.ptr = hf };

	__atomic_store_n(&hf->first, false, __ATOMIC_RELAXED); /* it wants to be told again */
	return epoll_ctl(hf->lane->epfd, EPOLL_CTL_MOD, hf->fd, &ev) < 0 ? -errno : 0;
}

static void free_fd(struct lane *l, struct host_fd *hf)
{
	if (hf->done)
		hf->done(hf->arg);
	free(hf);
	pthread_mutex_lock(&l->side_lock);
	l->fds--;
	pthread_mutex_unlock(&l->side_lock);
}

void host_fd_del(struct host_fd *hf, void (*done)(void *arg))
{
	struct lane *l = hf->lane;
	bool running;

	epoll_ctl(l->epfd, EPOLL_CTL_DEL, hf->fd, NULL);
	hf->done = done;
	__atomic_store_n(&hf->dead, 1, __ATOMIC_RELEASE);
	pthread_mutex_lock(&l->side_lock);
	running = l->running;
	if (running)
		list_add_tail(&l->dead, &hf->link);
	pthread_mutex_unlock(&l->side_lock);
	if (running)
		wake(l);
	else
		free_fd(l, hf);
}

static bool enqueue(struct lane *l, struct lane_call *c)
{
	bool running;

	pthread_mutex_lock(&l->side_lock);
	running = l->running;
	if (running)
		list_add_tail(&l->calls, &c->link);
	pthread_mutex_unlock(&l->side_lock);
	if (running)
		wake(l);
	return running;
}

int host_call(struct host *h, unsigned cpu_id, void (*fn)(void *arg), void *arg)
{
	struct lane *l = &h->lane[cpu_id];
	struct lane_call *c = malloc(sizeof(*c));
	bool running;

	if (!c)
		return -ENOMEM;
	*c = (struct lane_call){ .fn = fn, .arg = arg };
	running = enqueue(l, c);
	if (!running)
		free(c);
	return running ? 0 : -ESHUTDOWN;
}

static void post(void *sem) { sem_post(sem); }

void host_settle(struct host *h)
{
	for (unsigned i = 0; i < h->ncpus; i++) {
		struct lane_call c = { .fn = post, .lent = true };
		sem_t done;

		sem_init(&done, 0, 0);
		c.arg = &done;
		if (enqueue(&h->lane[i], &c))
			while (sem_wait(&done) < 0)
				;
		sem_destroy(&done);
	}
}

/* Between two batches of events: no callback runs, no event is in hand. last: nobody will look again. */
static void tidy(struct lane *l, bool last)
{
	struct list dead, calls;
	struct host_fd *hf, *tmp;
	struct lane_call *c, *ctmp;

	do {
		list_init(&dead);
		list_init(&calls);
		pthread_mutex_lock(&l->side_lock);
		list_splice_tail(&dead, &l->dead);
		list_splice_tail(&calls, &l->calls);
		if (last && list_empty(&dead) && list_empty(&calls))
			l->running = false;
		pthread_mutex_unlock(&l->side_lock);
		list_for_each_safe(hf, tmp, &dead, link) {
			list_del(&hf->link);
			free_fd(l, hf);
		}
		list_for_each_safe(c, ctmp, &calls, link) {
			bool lent = c->lent;

			list_del(&c->link);
			c->fn(c->arg); /* one that is lent is gone after that */
			if (!lent)
				free(c);
		}
	} while (last && l->running);
}

/* -- the loop -- */

static bool has_side_work(struct lane *l)
{
	bool yes;

	pthread_mutex_lock(&l->side_lock);
	yes = !list_empty(&l->calls) || !list_empty(&l->dead);
	pthread_mutex_unlock(&l->side_lock);
	return yes;
}

/* Looks for work for spin_ns; true when some came (events are then in hand). */
static bool spin(struct lane *l, u64 next)
{
	u64 end = host_now() + l->spin_ns;
	bool paid = false;

	if (next < end)
		end = next;
	do {
		l->nevents = epoll_wait(l->epfd, l->events, ARRAY_SIZE(l->events), 0);
		paid = l->nevents > 0 || __atomic_load_n(&l->kicked, __ATOMIC_ACQUIRE) || has_side_work(l);
	} while (!paid && host_now() < end);
	if (paid) {
		STAT_INC(l, spins_paid);
		l->spin_ns = MIN(l->spin_ns * 2, LANE_SPIN_MAX_NS);
	} else if (end != next) {
		STAT_INC(l, spins_lost);
		l->spin_ns = l->spin_ns / 2 < SPIN_MIN_NS ? 0 : l->spin_ns / 2;
	}
	return paid;
}

static void note_wakeup(struct lane *l)
{
	STAT_INC(l, wakeups);
	if (!l->host->may_spin || !l->slept_at)
		return;
	if (host_now() - l->slept_at < LANE_SPIN_MAX_NS)
		l->spin_ns = CLAMP(l->spin_ns * 2, SPIN_MIN_NS, LANE_SPIN_MAX_NS);
	l->slept_at = 0;
}

/* Is this the event by which epoll tells of the byte that was there when the descriptor was added? What comes later makes another one. */
static bool known_byte(struct host_fd *hf, u32 events)
{
	int there;

	if (!__atomic_exchange_n(&hf->first, false, __ATOMIC_RELAXED) || __atomic_load_n(&hf->dead, __ATOMIC_ACQUIRE))
		return false;
	return events == EPOLLIN && ioctl(hf->fd, FIONREAD, &there) == 0 && there <= 1;
}

/* Sleeps. Events that mean nothing do not end it: to the others the loop has not been awake, and takes no baton. */
static void sleep_in_epoll(struct lane *l)
{
	int kept;

	do {
		l->nevents = epoll_wait(l->epfd, l->events, ARRAY_SIZE(l->events), -1);
		kept = 0;
		for (int i = 0; i < l->nevents; i++) {
			struct host_fd *hf = l->events[i].data.ptr;

			if ((void *)hf == &l->evfd || (void *)hf == &l->tfd || !known_byte(hf, l->events[i].events))
				l->events[kept++] = l->events[i];
		}
	} while (l->nevents > 0 && !kept);
	l->nevents = l->nevents < 0 ? l->nevents : kept;
}

/* Events that are the lane's own, and the callbacks that want no baton. */
static bool dispatch_unlocked(struct lane *l)
{
	u64 discard;
	bool timer = false;

	for (int i = 0; i < l->nevents; i++) {
		struct host_fd *hf = l->events[i].data.ptr;

		if ((void *)hf == &l->evfd || (void *)hf == &l->tfd) {
			timer |= (void *)hf == &l->tfd;
			if (read(*(int *)hf, &discard, sizeof(discard)) < 0)
				discard = 0; /* EAGAIN: armed again, or drained, in between */
			l->events[i].data.ptr = NULL;
		} else if (!(hf->flags & HOST_FD_BATON)) {
			if (!__atomic_load_n(&hf->dead, __ATOMIC_ACQUIRE))
				hf->fn(NULL, l->events[i].events, hf->arg);
			l->events[i].data.ptr = NULL;
		}
	}
	return timer;
}

static void dispatch_locked(struct lane *l)
{
	for (int i = 0; i < l->nevents; i++) {
		struct host_fd *hf = l->events[i].data.ptr;

		if (hf && !__atomic_load_n(&hf->dead, __ATOMIC_ACQUIRE))
			hf->fn(l->cpu, l->events[i].events, hf->arg);
	}
	l->nevents = 0;
}

/* One pass: callbacks, one run. Returns the next deadline (0: more to do). With `sleep` it says asleep, when nothing is due. */
static u64 pass(struct lane *l, bool sleep)
{
	bool timer = dispatch_unlocked(l);
	u64 next;

	lane_lock(l);
	if (timer)
		l->armed_ns = UINT64_MAX;
	dispatch_locked(l);
	cpu_leave(l->cpu);
	next = run_cpu(l, 1);
	if (next && sleep) {
		arm(l, next);
		l->slept_at = host_now();
		__atomic_store_n(&l->asleep, 1, __ATOMIC_SEQ_CST);
	}
	if (release(l))
		return next;
	__atomic_store_n(&l->asleep, 0, __ATOMIC_SEQ_CST);
	__atomic_store_n(&l->held, 0, __ATOMIC_SEQ_CST);
	pthread_mutex_unlock(&l->baton);
	return 0;
}

static void *loop(void *arg)
{
	struct lane *l = arg;
	bool quiet = false; /* the last pass left nothing to do at once */

	while (!__atomic_load_n(&l->stop, __ATOMIC_ACQUIRE)) {
		u64 next = pass(l, quiet || !l->spin_ns);

		tidy(l, false);
		if (!next) {
			quiet = false;
			l->nevents = epoll_wait(l->epfd, l->events, ARRAY_SIZE(l->events), 0);
		} else if (!quiet && l->spin_ns) {
			quiet = !spin(l, next); /* nothing came: once more, to sleep */
		} else {
			sleep_in_epoll(l);
			__atomic_store_n(&l->asleep, 0, __ATOMIC_SEQ_CST);
			note_wakeup(l);
			quiet = false;
		}
		if (l->nevents < 0)
			l->nevents = 0; /* EINTR */
	}
	tidy(l, true);
	return NULL;
}

int lane_start(struct lane *l)
{
	char name[16];
	int err;

	l->running = true;
	l->stop = false;
	err = pthread_create(&l->thread, NULL, loop, l);
	if (err) {
		l->running = false;
		return -err;
	}
	l->started = true;
	snprintf(name, sizeof(name), "weft-lane/%u", l->id);
	pthread_setname_np(l->thread, name);
	return 0;
}

void lane_stop(struct lane *l)
{
	u64 one = 1;

	if (!l->started)
		return;
	__atomic_store_n(&l->stop, true, __ATOMIC_RELEASE);
	while (write(l->evfd, &one, sizeof(one)) < 0 && errno == EINTR)
		;
	pthread_join(l->thread, NULL);
	l->started = false;
}
