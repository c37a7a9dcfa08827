/* Caught calls: receiving, answering, waiting.
 *
 * Calls come from the threads of a listener (listener.c). A call that would block is not waited for: it is parked at its socket, and tried
 * again from the start by a worker when the socket wakes it or its time is over. A trial reads the program's memory anew; all
 * progress is kept in the socket, none in the call.
 *
 * Signals end a call at any time: then the answer fails with ENOENT. What takes something (a datagram, a connection) gives it
 * back in that case; what acted (a send, a bind) leaves its result to the repeated call: replay.c.
 */
#include "attach/supervisor.h"

#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>


/* Our duplicate goes before the program can go on and close its own: nothing must keep a socket longer than the program. */
static void close_dup(struct call *c)
{
	if (c->dup >= 0)
		close(c->dup);
	c->dup = -1;
}

static void call_free(struct call *c)
{
	if (c->nheld)
		call_give_back(c);
	close_dup(c);
	if (c->as)
		asock_put(c->as);
	listener_put(c->l);
	free(c);
}

bool call_valid(struct call *c) { return ioctl(c->l->fd, SECCOMP_IOCTL_NOTIF_ID_VALID, &c->id) == 0; }

static int answer(struct call *c, s64 ret, u32 flags)
{
	struct seccomp_notif_resp r = { .id = c->id, .flags = flags };

	if (ret < 0)
		r.error = (s32)ret;
	else
		r.val = ret;
	return ioctl(c->l->fd, SECCOMP_IOCTL_NOTIF_SEND, &r) < 0 ? -errno : 0;
}

int call_send(struct call *c, s64 ret)
{
	close_dup(c);
	return answer(c, ret, 0);
}

int call_send_fd(struct call *c, int fd, u32 fd_flags)
{
	struct seccomp_notif_addfd add = { .id = c->id, .flags = SECCOMP_ADDFD_FLAG_SEND, .srcfd = (u32)fd, .newfd_flags = fd_flags };
	int n;

	close_dup(c);
	n = ioctl(c->l->fd, SECCOMP_IOCTL_NOTIF_ADDFD, &add);
	return n < 0 ? -errno : n;
}

int call_replace_fd(struct call *c, int fd, int at, u32 fd_flags)
{
	struct seccomp_notif_addfd add = { .id = c->id, .flags = SECCOMP_ADDFD_FLAG_SETFD, .srcfd = (u32)fd, .newfd = (u32)at,
					   .newfd_flags = fd_flags };

	return ioctl(c->l->fd, SECCOMP_IOCTL_NOTIF_ADDFD, &add) < 0 ? -errno : 0;
}

/* -- memory: without batons, because a page may have to come from a file system that asks us -- */
static int read_memory(struct call *c, u64 addr, void *buf, size_t len)
{
	struct iovec to = { buf, len }, from = { (void *)(uintptr_t)addr, len };
	ssize_t n = process_vm_readv(c->tid, &to, 1, &from, 1, 0);

	return n == (ssize_t)len ? 0 : -EFAULT;
}

/* A message's head, its address and the list of its pieces mostly lie side by side on the program's stack: what is asked for is read with
 * what is around it in the same pages, which are there if it is. */
int call_memory(void *arg, u64 addr, void *buf, size_t len)
{
	enum { AROUND = 160, PAGE = 4096 };
	struct call *c = arg;
	struct iovec from[2], to;
	u64 start, pages;
	ssize_t n;

	if (len > sizeof(c->near) - AROUND || addr + len < addr || addr + sizeof(c->near) + PAGE < addr)
		return read_memory(c, addr, buf, len);
	if (!call_near(c, addr, len)) {
		start = MAX(addr - MIN(addr, (u64)AROUND), addr & ~(u64)(PAGE - 1));
		pages = ALIGN_UP(addr + MAX(len, (size_t)1), (u64)PAGE) - start; /* in what follows these nothing need be there */
		to = (struct iovec){ c->near, MIN((u64)(addr - start) + len + AROUND + c->near_behind, (u64)sizeof(c->near)) };
		from[0] = (struct iovec){ (void *)(uintptr_t)start, MIN(pages, (u64)to.iov_len) };
		from[1] = (struct iovec){ (void *)(uintptr_t)(start + from[0].iov_len), to.iov_len - from[0].iov_len };
		c->near_len = 0;
		n = process_vm_readv(c->tid, &to, 1, from, c->near_behind && from[1].iov_len ? 2 : 1, 0);
		if (n < (ssize_t)from[0].iov_len)
			return -EFAULT;
		c->near_addr = start;
		c->near_len = (u32)n;
	}
	memcpy(buf, c->near + (addr - c->near_addr), len);
	return 0;
}

const void *call_near(const struct call *c, u64 addr, size_t len)
{
	return addr >= c->near_addr && addr + len >= addr && addr + len <= c->near_addr + c->near_len ? c->near + (addr - c->near_addr) : NULL;
}

int call_write(struct call *c, u64 addr, const void *buf, size_t len)
{
	struct iovec from = { (void *)buf, len }, to = { (void *)(uintptr_t)addr, len };

	if (!len)
		return 0;
	c->near_len = 0;
	return process_vm_writev(c->tid, &from, 1, &to, 1, 0) == (ssize_t)len ? 0 : -EFAULT;
}

int call_scatter(struct call *c, const struct iovec *from, const struct iovec *to, unsigned n)
{
	ssize_t len = 0;

	for (unsigned i = 0; i < n; i++)
		len += (ssize_t)from[i].iov_len;
	c->near_len = 0;
	return process_vm_writev(c->tid, from, n, to, n, 0) == len ? 0 : -EFAULT;
}

int call_writev(struct call *c, const struct iovec *to, unsigned n, const void *buf, size_t len)
{
	const u8 *p = buf;
	int e = 0;

	for (unsigned i = 0; i < n && len && !e; i++) {
		size_t part = MIN(to[i].iov_len, len);

		e = call_write(c, (u64)(uintptr_t)to[i].iov_base, p, part);
		p += part;
		len -= part;
	}
	return e;
}

/* -- parking -- */
static void unpark(struct attach *a, struct call *c)
{
	list_del(&c->sock_link);
	list_del(&c->link);
	list_add_tail(&a->ready, &c->link);
	__atomic_fetch_sub(&a->ntimed, c->deadline != 0, __ATOMIC_RELAXED);
}

enum call_end call_park(struct call *c, u32 events, u64 timeout_ns)
{
	struct attach *a = c->a;
	struct call *p, *tmp;

	if (!c->deadline && timeout_ns != UINT64_MAX)
		c->deadline = host_now() + timeout_ns;
	c->waits_for = events | POLLERR | POLLHUP;
	close_dup(c);
	pthread_mutex_lock(&a->lock);
	/* A task is in one call at a time: what it waited in before was ended by a signal. */
	list_for_each_safe(p, tmp, &c->as->parked, sock_link) {
		if (p->tid != c->tid)
			continue;
		unpark(a, p);
	}
	list_add_tail(&c->as->parked, &c->sock_link);
	list_add_tail(&a->parked, &c->link);
	__atomic_fetch_add(&a->ntimed, c->deadline != 0, __ATOMIC_RELAXED);
	if (c->deadline && a->idle_workers)
		pthread_cond_signal(&a->work);
	pthread_mutex_unlock(&a->lock);
	return CALL_PARKED;
}

void calls_wake(struct asock *as, u32 events)
{
	struct attach *a = as->a;
	struct call *c, *tmp;
	bool any = false;

	if (!events || list_empty(&as->parked)) /* none is parked without the baton, which we have */
		return;
	pthread_mutex_lock(&a->lock);
	list_for_each_safe(c, tmp, &as->parked, sock_link) {
		if (!(c->waits_for & events))
			continue;
		unpark(a, c);
		any = true;
	}
	if (any && a->idle_workers)
		pthread_cond_signal(&a->work);
	pthread_mutex_unlock(&a->lock);
}

void call_run(struct call *c)
{
	struct attach *a = c->a;
	struct running me;
	enum call_end end;

	c->near_len = 0; /* of an earlier trial */
	if (!run_begin(c, &me)) {
		call_free(c);
		return;
	}
	end = call_cut_short(c) ? call_ret(c, -EINTR) : call_dispatch(c);
	switch (end) {
	case CALL_REPLY:
		if (call_send(c, c->ret)) {
			if (c->acts)
				replay_save(c);
			break;
		}
		if (c->acts)
			call_acted(c);
		if (c->sigpipe)
			syscall(__NR_tkill, c->tid, SIGPIPE); /* not before the answer, which a signal would take the place of */
		break;
	case CALL_CONTINUE:
		__atomic_fetch_add(&a->continued, 1, __ATOMIC_RELAXED);
		close_dup(c);
		answer(c, 0, SECCOMP_USER_NOTIF_FLAG_CONTINUE);
		break;
	case CALL_PARKED: /* it may be somebody else's already */
	case CALL_DONE:
		break;
	}
	run_end(a, &me);
	if (end != CALL_PARKED)
		call_free(c);
}

/* Moves calls whose time is over to ready; returns the next deadline, 0: none. */
static u64 expire(struct attach *a, u64 now)
{
	struct call *c, *tmp;
	u64 next = 0;

	list_for_each_safe(c, tmp, &a->parked, link) {
		if (!c->deadline)
			continue;
		if (c->deadline <= now) {
			c->expired = true;
			unpark(a, c);
		} else if (!next || c->deadline < next) {
			next = c->deadline;
		}
	}
	return next;
}

static void *worker(void *arg)
{
	struct attach *a = arg;
	struct timespec ts;
	struct call *c;
	u64 next;

	pthread_mutex_lock(&a->lock);
	while (!a->stop) {
		next = expire(a, host_now());
		if (!list_empty(&a->ready)) {
			c = list_first(&a->ready, struct call, link);
			list_del(&c->link);
			if (!list_empty(&a->ready) && a->idle_workers)
				pthread_cond_signal(&a->work);
			pthread_mutex_unlock(&a->lock);
			c->again = true;
			if (call_valid(c))
				call_run(c);
			else
				call_free(c);
			pthread_mutex_lock(&a->lock);
			continue;
		}
		a->idle_workers++;
		if (next) {
			ts = (struct timespec){ .tv_sec = (time_t)(next / NSEC_PER_SEC), .tv_nsec = (long)(next % NSEC_PER_SEC) };
			pthread_cond_timedwait(&a->work, &a->lock, &ts);
		} else {
			pthread_cond_wait(&a->work, &a->lock);
		}
		a->idle_workers--;
	}
	pthread_mutex_unlock(&a->lock);
	return NULL;
}

int supervisor_start(struct attach *a)
{
	pthread_condattr_t ca;

	listeners_init();
	pthread_condattr_init(&ca);
	pthread_condattr_setclock(&ca, CLOCK_MONOTONIC);
	pthread_cond_init(&a->work, &ca);
	pthread_condattr_destroy(&ca);
	pthread_cond_init(&a->ran, NULL);
	for (unsigned i = 0; i < ARRAY_SIZE(a->worker); i++)
		if (pthread_create(&a->worker[a->nworkers], NULL, worker, a) == 0)
			a->nworkers++;
	return a->nworkers ? 0 : -EAGAIN;
}

void supervisor_stop(struct attach *a)
{
	struct call *c;

	pthread_mutex_lock(&a->lock);
	a->stop = true;
	pthread_cond_broadcast(&a->work);
	pthread_mutex_unlock(&a->lock);
	for (unsigned i = 0; i < a->nworkers; i++)
		pthread_join(a->worker[i], NULL);
	a->nworkers = 0;
	listeners_stop(a);
	for (;;) {
		pthread_mutex_lock(&a->lock);
		struct list *from = !list_empty(&a->ready) ? &a->ready : &a->parked;

		c = list_empty(from) ? NULL : list_first(from, struct call, link);
		if (c) {
			list_del(&c->link);
			if (list_linked(&c->sock_link))
				list_del(&c->sock_link);
		}
		pthread_mutex_unlock(&a->lock);
		if (!c)
			break;
		call_free(c);
	}
	replays_free(a);
}
