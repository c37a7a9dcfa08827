/* The sockets of programs: found by descriptor, watched for their end.
 *
 * A descriptor is known by the cookie of the unix socket behind it (pidfd_getfd, SO_COOKIE), never by its number: dup, fork,
 * exec and SCM_RIGHTS need no bookkeeping. That the last descriptor is gone shows as HUP at the stack's end; where there is no such
 * end (fresh sockets, listeners), as IN_CLOSE of an inotify watch on the socket's inode, which does not keep the file open.
 *
 * close() is not caught, so its effect comes a little later. Calls for which that matters (a bind to a port that was just given
 * up) look for unnoticed closes first: fdtable_flush.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "attach/supervisor.h"

#define TOMBS_MAX 4096

static int cookie_of(int fd, u64 *cookie)
{
	socklen_t len = sizeof(*cookie);

	return getsockopt(fd, SOL_SOCKET, SO_COOKIE, cookie, &len) < 0 ? -errno : 0;
}

bool call_socket(struct call *c, int fd)
{
	struct asock *as;
	u64 cookie;

	c->dup = task_getfd(c->a, c->tid, fd);
	if (c->dup < 0) {
		c->dup = -1;
		return false;
	}
	if (cookie_of(c->dup, &cookie) == 0) {
		pthread_mutex_lock(&c->a->lock);
		htable_for_each_match(as, &c->a->socks, hash32_u64(cookie, 1), node) {
			if (as->cookie != cookie)
				continue;
			if (c->as != as) {
				struct asock *old = c->as;

				c->as = asock_get(as);
				if (old) {
					pthread_mutex_unlock(&c->a->lock);
					asock_put(old);
					goto found;
				}
			}
			pthread_mutex_unlock(&c->a->lock);
			goto found;
		}
		pthread_mutex_unlock(&c->a->lock);
	}
	close(c->dup);
	c->dup = -1;
	return false;
found:
	asock_seen(c->as, c->tid, fd);
	return true;
}

int asock_watch(struct asock *as, int fd)
{
	struct attach *a = as->a;
	struct stat st;
	char path[32];
	int wd;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (fstat(fd, &st) < 0)
		return -errno;
	wd = inotify_add_watch(a->inotify, path, IN_CLOSE);
	if (wd < 0)
		return errno == ENOSPC ? -ENFILE : -errno;
	pthread_mutex_lock(&a->lock);
	as->watch_ino = st.st_ino;
	as->watch = wd;
	htable_add(&a->watches, &as->watch_node, (u32)wd);
	pthread_mutex_unlock(&a->lock);
	return 0;
}

void asock_unwatch(struct asock *as)
{
	struct attach *a = as->a;
	int wd;

	pthread_mutex_lock(&a->lock);
	wd = as->watch;
	as->watch = -1;
	if (wd >= 0)
		htable_del(&a->watches, &as->watch_node);
	pthread_mutex_unlock(&a->lock);
	if (wd >= 0)
		inotify_rm_watch(a->inotify, wd);
}

#define END_EVENTS (EPOLLIN | EPOLLRDHUP | EPOLLET) /* a mark is announced by the caught send that makes it: stream_urgent.c */

static void end_event(struct cpu *cpu, u32 events, void *arg)
{
	struct asock *as = arg;

	if (as->kind == ASOCK_STREAM)
		stream_event(cpu, as, events);
	else
		dgram_event(cpu, as, events);
}

static void end_over(void *arg) { asock_put(arg); }

int asock_attach_end(struct asock *as, int end)
{
	unsigned flags = (as->wide ? 0 : HOST_FD_BATON) | (as->kind == ASOCK_STREAM ? HOST_FD_ONE_BYTE : 0); /* the reserve byte */
	int e;

	as->end = end;
	asock_get(as);
	e = host_fd_add(as->a->h, as->cpu_id, end, END_EVENTS, flags, end_event, as, &as->hf);
	if (e) {
		as->end = -1;
		asock_put(as);
	}
	as->want_out = false;
	return e;
}

void asock_want_out(struct asock *as, bool on)
{
	if (as->want_out == on || !as->hf)
		return;
	as->want_out = on;
	asock_look_again(as);
}

void asock_look_again(struct asock *as) { host_fd_mod(as->hf, END_EVENTS | (as->want_out ? EPOLLOUT : 0)); }

void asock_drop_end(struct asock *as, bool orderly)
{
	char buf[512];
	ssize_t n;

	if (as->end < 0)
		return;
	if (as->hf)
		host_fd_del(as->hf, end_over);
	as->hf = NULL;
	while (orderly && (n = recv(as->end, buf, sizeof(buf), MSG_DONTWAIT)) > 0)
		if (as->kind == ASOCK_STREAM && (size_t)n < sizeof(buf) && !as->urgent_out && !as->reserve_urgent)
			break; /* that was all: only a mark stops a read */
	close(as->end);
	as->end = -1;
}

/* A raw socket by which a program may become a multicast router: its end takes devices along. */
static bool may_route(const struct socket *s)
{
	return s->type == SOCK_RAW && ((s->family == AF_INET && s->protocol == IPPROTO_IGMP) || (s->family == AF_INET6 && s->protocol == IPPROTO_ICMPV6));
}

int asock_new(struct attach *a, struct kns *k, struct socket *s, enum asock_kind kind, int fd, int end, struct asock **out)
{
	struct asock *as = calloc(1, sizeof(*as));
	int e;

	if (!as)
		return -ENOMEM;
	as->a = a;
	as->refcnt = 1;
	as->watch = as->end = as->held_fd = -1;
	as->kind = kind;
	as->tun = s->family == AF_UNSPEC;
	as->many = as->tun;
	as->wide = kind == ASOCK_NETLINK || as->tun || may_route(s);
	as->kns = k;
	as->net = k->net;
	as->cpu_id = kind == ASOCK_NETLINK ? 0 : k->net->home->id;
	as->rcvtimeo_ns = as->sndtimeo_ns = UINT64_MAX;
	list_init(&as->parked);
	list_init(&as->unaccepted);
	list_init(&as->tokens);
	list_init(&as->accept_link);
	list_init(&as->rxq);
	list_init(&as->tomb_link);
	e = cookie_of(fd, &as->cookie);
	if (!e && end >= 0)
		e = asock_attach_end(as, end);
	if (e) {
		free(as);
		return e;
	}
	kns_hold(a, k);
	as->s = s;
	s->holder = as;
	pthread_mutex_lock(&a->lock);
	htable_add(&a->socks, &as->node, hash32_u64(as->cookie, 1));
	pthread_mutex_unlock(&a->lock);
	*out = as;
	return 0;
}

void asock_rekey(struct asock *as, int fd)
{
	struct attach *a = as->a;
	u64 cookie = as->cookie;

	cookie_of(fd, &cookie); /* every socket has one */
	pthread_mutex_lock(&a->lock);
	htable_del(&a->socks, &as->node);
	as->cookie = cookie;
	htable_add(&a->socks, &as->node, hash32_u64(cookie, 1));
	if (list_linked(&as->tomb_link)) {
		list_del(&as->tomb_link);
		a->ntombs--;
	}
	pthread_mutex_unlock(&a->lock);
}

void asock_put(struct asock *as)
{
	if (__atomic_sub_fetch(&as->refcnt, 1, __ATOMIC_ACQ_REL))
		return;
	kns_drop(as->a, as->kns);
	free(as);
}

static void close_weft(struct cpu *cpu, struct asock *as)
{
	struct socket *s = as->s;

	if (!s)
		return;
	as->s = NULL;
	s->holder = NULL;
	socket_set_wake(s, NULL, NULL);
	socket_close(cpu, s);
}

void asock_close(struct cpu *cpu, struct asock *as)
{
	struct attach *a = as->a;
	bool known = true;

	pthread_mutex_lock(&a->lock);
	if (as->closed)
		known = false;
	as->closed = true;
	if (known) {
		htable_del(&a->socks, &as->node);
		if (list_linked(&as->tomb_link)) {
			list_del(&as->tomb_link);
			a->ntombs--;
		}
	}
	pthread_mutex_unlock(&a->lock);
	if (!known)
		return;
	asock_unwatch(as);
	while (!list_empty(&as->unaccepted)) {
		struct asock *u = list_first(&as->unaccepted, struct asock, accept_link);

		list_del(&u->accept_link);
		close(u->held_fd);
		u->held_fd = -1;
		asock_close(cpu, u);
		asock_put(u);
	}
	listener_end(as);
	asock_drop_end(as, true);
	ring_drop(cpu, as);
	pollerr_drop(as);
	close_weft(cpu, as);
	dgrams_free(as);
	calls_wake(as, ~0u);
	asock_put(as); /* the table's */
}

void asock_entomb(struct cpu *cpu, struct asock *as, int err)
{
	struct attach *a = as->a;
	struct asock *oldest = NULL;

	if (as->state == STREAM_CLOSED)
		return;
	as->state = STREAM_CLOSED;
	as->errnum = (u32)err;
	if (as->s) {
		as->locallen = as->peerlen = sizeof(as->local);
		if (socket_getname(cpu, as->s, false, &as->local, &as->locallen))
			as->locallen = 0;
		if (socket_getname(cpu, as->s, true, &as->peer, &as->peerlen))
			as->peerlen = 0;
	}
	close_weft(cpu, as);
	calls_wake(as, ~0u);
	if (as->watch >= 0)
		return; /* its end will be told */
	pthread_mutex_lock(&a->lock);
	list_add_tail(&a->tombs, &as->tomb_link);
	if (++a->ntombs > TOMBS_MAX) {
		oldest = list_first(&a->tombs, struct asock, tomb_link);
		list_del(&oldest->tomb_link);
		a->ntombs--;
		if (!oldest->closed) {
			oldest->closed = true;
			htable_del(&a->socks, &oldest->node);
		} else {
			oldest = NULL;
		}
	}
	pthread_mutex_unlock(&a->lock);
	if (oldest)
		asock_put(oldest);
}

/* -- closes without a stack's end -- */
static void watched_close(struct attach *a, int wd)
{
	struct asock *as = NULL, *it;
	struct cpu *cpu;

	pthread_mutex_lock(&a->lock);
	htable_for_each_match(it, &a->watches, (u32)wd, watch_node)
		if (it->watch == wd) {
			as = asock_get(it);
			break;
		}
	pthread_mutex_unlock(&a->lock);
	if (!as)
		return;
	cpu = host_lock(a->h, as->cpu_id);
	if (as->state == STREAM_OPEN && as->end >= 0 && as->kind == ASOCK_STREAM)
		stream_event(cpu, as, EPOLLHUP | EPOLLRDHUP); /* what it wrote still has to go */
	else if (as->kind == ASOCK_DGRAM)
		dgram_event(cpu, as, EPOLLIN | EPOLLHUP);
	else
		asock_close(cpu, as);
	host_unlock(a->h, cpu);
	asock_put(as);
}

/* -- when inotify's queue ran over -- */
struct watched {
	u64 ino;
	int wd;
	bool seen;
};

static int by_ino(const void *a, const void *b)
{
	const struct watched *x = a, *y = b;

	return x->ino < y->ino ? -1 : x->ino > y->ino;
}

/* Marks those that a reading of /proc/net/unix (proc(5)) shows: its last column but the path is the inode. */
static int mark_living(struct watched *w, size_t n)
{
	struct watched key, *found;
	char *line = NULL;
	size_t room = 0;
	FILE *f = fopen("/proc/self/net/unix", "re");

	if (!f)
		return -errno;
	while (getline(&line, &room, f) > 0)
		if (sscanf(line, "%*s %*s %*s %*s %*s %*s %" SCNu64, &key.ino) == 1 && (found = bsearch(&key, w, n, sizeof(*w), by_ino)))
			found->seen = true;
	free(line);
	fclose(f);
	return 0;
}

/* Events were lost: every watched socket is looked for. Two readings, as one may skip a line when others close meanwhile. */
static int recount_watches(struct attach *a)
{
	struct hnode *h = NULL;
	struct watched *w;
	u64 cursor = 0;
	size_t n = 0;
	int e;

	pthread_mutex_lock(&a->lock);
	w = calloc(a->watches.count + 1, sizeof(*w));
	while (w && (h = htable_walk(&a->watches, &cursor, h))) {
		struct asock *as = container_of(h, struct asock, watch_node);

		w[n++] = (struct watched){ .ino = as->watch_ino, .wd = as->watch };
	}
	pthread_mutex_unlock(&a->lock);
	if (!w)
		return -ENOMEM;
	qsort(w, n, sizeof(*w), by_ino);
	e = mark_living(w, n);
	if (!e)
		e = mark_living(w, n);
	for (size_t i = 0; i < n && !e; i++)
		if (!w[i].seen)
			watched_close(a, w[i].wd);
	free(w);
	return e;
}

static void read_watches(struct attach *a)
{
	char buf[4096] __attribute__((aligned(8)));
	ssize_t n;

	/* Whoever comes second waits until what the first one read has acted. */
	pthread_mutex_lock(&a->watch_lock);
	while ((n = read(a->inotify, buf, sizeof(buf))) > 0)
		for (char *p = buf; p < buf + n;) {
			struct inotify_event *ev = (void *)p;

			p += sizeof(*ev) + ev->len;
			if (ev->mask & IN_CLOSE)
				watched_close(a, ev->wd);
			if (ev->mask & IN_Q_OVERFLOW)
				a->recount = true;
		}
	if (a->recount)
		a->recount = recount_watches(a) < 0; /* tried again with the next event */
	pthread_mutex_unlock(&a->watch_lock);
}

static void inotify_event_fn(struct cpu *cpu, u32 events, void *arg) { read_watches(arg); }

void fdtable_flush(struct attach *a)
{
	struct asock **batch;
	size_t n = 0;
	u64 cursor = 0;
	struct hnode *h = NULL;

	read_watches(a);
	pthread_mutex_lock(&a->lock);
	batch = calloc(a->socks.count + 1, sizeof(struct asock *)); /* without memory for it the caller's trial finds what is noticed already */
	while (batch && (h = htable_walk(&a->socks, &cursor, h))) {
		struct asock *as = container_of(h, struct asock, node);
		struct pollfd p = { .fd = as->end };

		if (as->end < 0 || poll(&p, 1, 0) <= 0 || !(p.revents & POLLHUP))
			continue;
		batch[n++] = asock_get(as);
	}
	pthread_mutex_unlock(&a->lock);
	for (size_t i = 0; i < n; i++) {
		struct cpu *cpu;

		if (batch[i]->wide) {
			dgram_event(NULL, batch[i], EPOLLHUP);
			asock_put(batch[i]);
			continue;
		}
		cpu = host_lock(a->h, batch[i]->cpu_id);
		if (batch[i]->kind == ASOCK_STREAM)
			stream_event(cpu, batch[i], EPOLLIN | EPOLLRDHUP | EPOLLHUP);
		else if (!batch[i]->closed)
			dgram_event(cpu, batch[i], EPOLLHUP);
		host_unlock(a->h, cpu);
		asock_put(batch[i]);
	}
	free(batch);
	host_lock_all(a->h); /* what a loop had begun to close before us is closed after this */
	host_unlock_all(a->h);
}

int fdtable_init(struct attach *a, struct ctl_error *err)
{
	int e = htable_init(&a->socks, &a->mem, 256);

	if (!e)
		e = htable_init(&a->watches, &a->mem, 256);
	if (!e)
		e = htable_init(&a->tasks, &a->mem, 256);
	if (e)
		return e;
	a->inotify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (a->inotify < 0)
		return -errno;
	return host_fd_add(a->h, 0, a->inotify, EPOLLIN, 0, inotify_event_fn, a, &a->inotify_hf);
}

void fdtable_fini(struct attach *a)
{
	for (;;) {
		u64 cursor = 0;
		struct hnode *h = htable_walk(&a->socks, &cursor, NULL);
		struct asock *as;
		struct cpu *cpu;

		if (!h)
			break;
		as = container_of(h, struct asock, node);
		cpu = host_lock_all(a->h);
		asock_close(as->net->home ? as->net->home : cpu, as);
		host_unlock_all(a->h);
	}
	if (a->inotify_hf)
		host_fd_del(a->inotify_hf, NULL);
	a->inotify_hf = NULL;
	if (a->inotify >= 0)
		close(a->inotify);
	a->inotify = -1;
}
