/* epoll(7) and poll(2) over the script's sockets: level and edge triggers, one-shot. An item comes to the ready list by an event that it
 * is interested in and leaves it when a look finds it quiet, or at once when it is edge-triggered. */
#include "tests/packetdrill/pd.h"

#include <errno.h>
#include <stdlib.h>

#include "base/types.h"

struct pd_item {
	struct list file_link, ep_link, ready_link;
	struct pd_epoll *ep;
	struct pd_file *f;
	struct epoll_event ev;
	bool ready;
};
struct pd_epoll {
	struct list items, ready;
};
#define PRIVATE (EPOLLET | EPOLLONESHOT | EPOLLEXCLUSIVE | EPOLLWAKEUP)

static void make_ready(struct pd_item *it)
{
	if (it->ready)
		return;
	it->ready = true;
	list_add_tail(&it->ep->ready, &it->ready_link);
}

static void unready(struct pd_item *it)
{
	if (it->ready)
		list_del(&it->ready_link);
	it->ready = false;
}

static uint32_t interest(const struct pd_item *it)
{
	return it->ev.events & ~(uint32_t)PRIVATE;
}

void pd_epoll_event(struct pd_file *f, uint32_t events)
{
	struct pd_item *it;
	list_for_each(it, &f->watchers, file_link)
		if (events & interest(it))
			make_ready(it);
}

static void item_free(struct pd_item *it)
{
	unready(it);
	list_del(&it->file_link);
	list_del(&it->ep_link);
	free(it);
}

void pd_epoll_forget(struct pd_file *f)
{
	struct pd_item *it, *tmp;
	list_for_each_safe(it, tmp, &f->watchers, file_link)
		item_free(it);
}

void pd_epoll_free(struct pd_epoll *ep)
{
	struct pd_item *it, *tmp;
	list_for_each_safe(it, tmp, &ep->items, ep_link)
		item_free(it);
	free(ep);
}

int pd_epoll_create(void *u, int size)
{
	struct pd_file *f = NULL;

	if (size <= 0) {
		errno = EINVAL;
		return -1;
	}
	pd_enter();
	f = pd_file_new();
	if (f && (f->ep = calloc(1, sizeof *f->ep))) {
		list_init(&f->ep->items);
		list_init(&f->ep->ready);
	}
	pd_leave();
	return f ? f->fd : -1;
}

static int ctl(struct pd_epoll *ep, int op, struct pd_file *f, struct epoll_event *ev)
{
	struct pd_item *it, *found = NULL;

	list_for_each(it, &ep->items, ep_link)
		if (it->f == f)
			found = it;
	if (op == EPOLL_CTL_ADD ? !!found : !found)
		return op == EPOLL_CTL_ADD ? EEXIST : ENOENT;
	if (op == EPOLL_CTL_DEL) {
		item_free(found);
		return 0;
	}
	if (op == EPOLL_CTL_ADD) {
		if (!(found = calloc(1, sizeof *found)))
			return ENOMEM;
		found->ep = ep;
		found->f = f;
		list_add_tail(&ep->items, &found->ep_link);
		list_add_tail(&f->watchers, &found->file_link);
	} else if (op != EPOLL_CTL_MOD) {
		return EINVAL;
	}
	found->ev = *ev;
	found->ev.events |= EPOLLERR | EPOLLHUP;
	if (weft_poll(f->s) & interest(found))
		make_ready(found);
	return 0;
}

int pd_epoll_ctl(void *u, int epfd, int op, int fd, struct epoll_event *ev)
{
	pd_enter();
	struct pd_file *e = pd_file(epfd), *f = pd_file(fd);
	int err = !e || !f ? EBADF : !e->ep || !f->s ? EINVAL : ctl(e->ep, op, f, ev);
	pd_leave();
	if (!err)
		return 0;
	errno = err;
	return -1;
}

static int collect(struct pd_epoll *ep, struct epoll_event *evs, int max)
{
	struct pd_item *it, *tmp;
	struct list again;
	int n = 0;

	list_init(&again);
	list_for_each_safe(it, tmp, &ep->ready, ready_link) {
		if (n == max)
			break;
		uint32_t events = weft_poll(it->f->s) & interest(it);
		unready(it);
		if (!events)
			continue;
		evs[n] = it->ev;
		evs[n++].events = events;
		if (it->ev.events & EPOLLONESHOT) {
			it->ev.events &= PRIVATE;
		} else if (!(it->ev.events & EPOLLET)) {
			it->ready = true;
			list_add_tail(&again, &it->ready_link);
		}
	}
	list_for_each_safe(it, tmp, &again, ready_link) {
		list_del(&it->ready_link);
		list_add_tail(&ep->ready, &it->ready_link);
	}
	return n;
}

int pd_epoll_wait(void *u, int epfd, struct epoll_event *evs, int max, int timeout)
{
	int n = -1;

	pd_enter();
	struct pd_file *e = pd_file(epfd);
	uint64_t deadline = pd_deadline_ms(timeout);
	if (!e || !e->ep || max <= 0)
		errno = e ? EINVAL : EBADF;
	else
		while (!(n = collect(e->ep, evs, max)) && pd_wait(deadline))
			;
	pd_leave();
	return n;
}

int pd_poll(void *u, struct pollfd *fds, nfds_t n, int timeout)
{
	int ready;

	pd_enter();
	uint64_t deadline = pd_deadline_ms(timeout);
	do {
		ready = 0;
		for (nfds_t i = 0; i < n; i++) {
			struct pd_file *f = pd_file(fds[i].fd);
			fds[i].revents = 0;
			if (fds[i].fd < 0)
				continue;
			fds[i].revents = !f || !f->s ? POLLNVAL : (short)(weft_poll(f->s) & (uint32_t)(fds[i].events | POLLERR | POLLHUP));
			ready += fds[i].revents != 0;
		}
	} while (!ready && pd_wait(deadline));
	pd_leave();
	return ready;
}
