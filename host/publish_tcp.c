/* Published TCP ports: a connection of this machine and one of the far side's world, spliced. Bytes go from one socket's buffers straight
 * into the other's; neither end is read further than the other takes, so what waits is bounded by their buffers. Ends are passed on as they come: a
 * FIN as a FIN, a reset as a reset.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <netinet/tcp.h>
#include <unistd.h>

#include "host/publish_impl.h"

#define IOVS 16
#define BYTES_PER_TURN (1u << 20) /* of one connection and direction, then others have theirs */
#define ACCEPTS_PER_TURN 64
#define RETRY_NS (100 * NSEC_PER_MSEC) /* after descriptors have run out */

static void make_ready(struct tcp_flow *f)
{
	if (!list_linked(&f->ready))
		list_add_tail(&f->p->tcp_ready, &f->ready);
}

static void on_weft(weft_socket *s, uint32_t events, void *arg) { make_ready(arg); }

void tcp_flow_event(struct tcp_flow *f, u32 events)
{
	if (events & (EPOLLIN | EPOLLRDHUP | EPOLLERR | EPOLLHUP))
		f->rd = true;
	if (events & (EPOLLOUT | EPOLLERR | EPOLLHUP))
		f->wr = true;
	make_ready(f);
}

/* Both sides go. reset: at once, and both peers are told. */
static void end(struct tcp_flow *f, bool reset)
{
	struct linger now = { .l_onoff = 1 };

	if (reset) {
		setsockopt(f->fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
		weft_setsockopt(f->s, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	}
	close(f->fd);
	weft_close(f->s);
	list_del(&f->link);
	list_del(&f->ready);
	if (f->p->ntcp-- == PUBLISH_TCP_MAX)
		tcp_accepting(f->p, true);
	free(f);
}

static void refuse(int fd)
{
	struct linger now = { .l_onoff = 1 };

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	close(fd);
}

static void start(struct publish *p, struct pub_port *l, int fd, const struct sockaddr_storage *from)
{
	struct tcp_flow *f = calloc(1, sizeof(*f));
	int one = 1, e;

	if (!f) {
		refuse(fd);
		return;
	}
	*f = (struct tcp_flow){ .watch = { WATCH_TCP_FLOW }, .p = p, .fd = fd };
	list_init(&f->ready);
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	e = publish_connect(p, SOCK_STREAM, from, l->inner, &f->s);
	if (e && e != -EINPROGRESS) {
		refuse(fd);
		free(f);
		return;
	}
	weft_on_event(f->s, on_weft, f);
	list_add_tail(&p->tcp_flows, &f->link);
	if (++p->ntcp == PUBLISH_TCP_MAX)
		tcp_accepting(p, false);
	if (publish_watch(p, fd, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, &f->watch))
		end(f, true);
}

void tcp_flow_accept(struct publish *p, struct pub_port *l)
{
	for (unsigned i = 0; i < ACCEPTS_PER_TURN && p->accepting; i++) {
		struct sockaddr_storage from;
		socklen_t len = sizeof(from);
		int fd = accept4(l->fd, (struct sockaddr *)&from, &len, SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (fd >= 0) {
			start(p, l, fd, &from);
		} else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
			tcp_accepting(p, false);
			p->accept_at_ns = p->now + RETRY_NS;
		} else if (errno != ECONNABORTED && errno != EINTR) {
			return;
		}
	}
}

void tcp_accepting(struct publish *p, bool on)
{
	struct pub_port *l;

	if (p->accepting == on)
		return;
	p->accepting = on;
	p->accept_at_ns = 0;
	list_for_each(l, &p->ports, link) {
		struct epoll_event ev = { .events = on ? EPOLLIN : 0, .data.ptr = &l->watch };

		if (l->watch.kind == WATCH_TCP_LISTENER)
			epoll_ctl(p->epfd, EPOLL_CTL_MOD, l->fd, &ev);
	}
}

enum turn { IDLE, MOVED, RESET };

/* From the client inward. */
static enum turn inward(struct tcp_flow *f)
{
	struct iovec iov[IOVS];
	u64 moved = 0, room;

	while (f->rd && !f->in_done) {
		int n = weft_reserve(f->s, iov, IOVS, &room);
		ssize_t r;

		if (n == -EAGAIN || moved >= BYTES_PER_TURN)
			break;
		if (n < 0)
			return RESET;
		r = readv(f->fd, iov, n);
		if (weft_commit(f->s, r > 0 ? (u64)r : 0, 0))
			return RESET;
		if (r > 0) {
			moved += (u64)r;
		} else if (r == 0) {
			f->in_done = true;
			weft_shutdown(f->s, SHUT_WR);
			return MOVED;
		} else if (errno == EAGAIN) {
			f->rd = false;
		} else if (errno != EINTR) {
			return RESET;
		}
	}
	return moved ? MOVED : IDLE;
}

/* From the server outward. */
static enum turn outward(struct tcp_flow *f)
{
	struct iovec iov[IOVS];
	u64 moved = 0, bytes;

	while (f->wr && !f->out_done && moved < BYTES_PER_TURN) {
		int n = weft_peek(f->s, iov, IOVS, &bytes);
		ssize_t r;

		if (n == -EAGAIN)
			break;
		if (n < 0)
			return RESET;
		if (!bytes) {
			f->out_done = true;
			shutdown(f->fd, SHUT_WR);
			return MOVED;
		}
		r = writev(f->fd, iov, n);
		if (r > 0) {
			weft_consume(f->s, (u64)r);
			moved += (u64)r;
		} else if (errno == EAGAIN) {
			f->wr = false;
		} else if (errno != EINTR) {
			return RESET;
		}
	}
	return moved ? MOVED : IDLE;
}

/* True: something moved; the flow may be gone. */
static bool run(struct tcp_flow *f)
{
	u32 events = weft_poll(f->s);
	enum turn in, out;

	if (!f->connected) {
		if (events & (EPOLLERR | EPOLLHUP)) {
			end(f, true);
			return true;
		}
		f->connected = events & EPOLLOUT;
		if (!f->connected)
			return false; /* what the client sends waits in its socket */
	}
	out = outward(f);
	in = out == RESET ? RESET : inward(f);
	if (in == RESET || out == RESET || (events & EPOLLERR && in != MOVED && out != MOVED)) {
		end(f, true);
		return true;
	}
	if (f->in_done && f->out_done) {
		end(f, false);
		return true;
	}
	if (in == MOVED || out == MOVED)
		make_ready(f);
	return in == MOVED || out == MOVED;
}

bool tcp_flows_run(struct publish *p)
{
	struct list now;
	bool any = false;

	list_init(&now);
	list_splice_tail(&now, &p->tcp_ready);
	while (!list_empty(&now)) {
		struct tcp_flow *f = list_first(&now, struct tcp_flow, ready);

		list_del(&f->ready);
		any |= run(f);
	}
	return any;
}
