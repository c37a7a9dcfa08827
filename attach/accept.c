/* Listeners.
 *
 * The program's socket is a listening unix socket, bound to a name that the kernel chose. For each connection that the stack has
 * established and nobody has accepted, one unix connection is queued there as a token: that makes it readable, wakes one
 * EPOLLEXCLUSIVE waiter per connection and gives one edge each under EPOLLET. accept() is caught: it takes a token from a duplicate
 * and a connection from the stack, and installs what it took: of the token's two ends the stack has one already. Nobody else connects to
 * that name or accepts from it, so tokens come out in the order in which they went in.
 *
 * A connection is the program's only when ADDFD succeeded. One that was not taken (a signal came) waits in `unaccepted` for the next
 * accept, with a token of its own.
 */
#include <fcntl.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "attach/supervisor.h"

struct token {
	struct list link;
	int end; /* ours */
};

/* How many established connections wait in the stack. Linux tells it in tcp_info of a listener. */
static u32 waiting(struct cpu *cpu, struct asock *as)
{
	struct tcp_info ti = { 0 };
	socklen_t len = sizeof(ti);
	u32 n = 0;

	if (!(socket_poll(cpu, as->s) & POLLIN))
		return 0;
	if (socket_getsockopt(cpu, as->s, IPPROTO_TCP, TCP_INFO, &ti, &len) == 0)
		n = ti.tcpi_unacked;
	return n ? n : 1;
}

static u32 held(struct asock *as)
{
	struct list *l;
	u32 n = 0;

	for (l = as->unaccepted.next; l != &as->unaccepted; l = l->next)
		n++;
	return n;
}

/* Brings the tokens up to the connections. */
void listener_post(struct cpu *cpu, struct asock *as)
{
	struct sockaddr_storage *name = &as->peer; /* of a listener: its unix name */
	u32 want = waiting(cpu, as) + held(as);

	while (as->ntokens < want) { /* without memory or descriptors: the next accept or connection tries again */
		struct token *t = malloc(sizeof(*t));

		if (!t)
			return;
		t->end = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		if (t->end < 0 || connect(t->end, (struct sockaddr *)name, as->peerlen) < 0) {
			if (t->end >= 0)
				close(t->end); /* the listener is closed already */
			free(t);
			return;
		}
		list_add_tail(&as->tokens, &t->link);
		as->ntokens++;
	}
}

static int token_pop(struct asock *as)
{
	struct token *t = list_first(&as->tokens, struct token, link);
	int end = t->end;

	list_del(&t->link);
	as->ntokens--;
	free(t);
	return end;
}

void listener_end(struct asock *as)
{
	while (!list_empty(&as->tokens))
		close(token_pop(as));
}

/* Both ends of a token; the program's has these flags. */
static bool take_token(struct asock *as, int dup, int flags, int sv[2])
{
	struct pollfd p = { .fd = dup, .events = POLLIN };

	if (list_empty(&as->tokens) || poll(&p, 1, 0) <= 0)
		return false;
	sv[0] = accept4(dup, NULL, NULL, SOCK_CLOEXEC | (flags & SOCK_NONBLOCK));
	if (sv[0] < 0)
		return false;
	sv[1] = token_pop(as);
	return true;
}

/* Makes the pair the ends of a connection that is established. */
static int adopt(struct cpu *cpu, struct asock *lis, struct socket *s, struct asock **out, const int sv[2])
{
	int size = 1 << 20, e;
	struct asock *as;
	struct stat st;

	setsockopt(sv[0], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	setsockopt(sv[1], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	if (send(sv[0], "", 1, MSG_DONTWAIT) != 1)
		return -ENOBUFS;
	e = asock_new(lis->a, lis->kns, s, ASOCK_STREAM, sv[0], sv[1], &as);
	if (e)
		return e;
	as->state = STREAM_OPEN;
	as->reserve = true;
	as->admin = lis->admin;
	as->raw = lis->raw;
	as->oobinline = lis->oobinline;
	stream_dress(as, sv[0]);
	s->holder_pid = lis->s->holder_pid;
	if (!fstat(sv[0], &st)) /* what /proc/PID/fd shows, for ss -p */
		s->inode = st.st_ino;
	socket_set_wake(s, stream_wake, as);
	stream_wake(cpu, s, socket_poll(cpu, s), as); /* what came already */
	*out = as;
	return 0;
}

static int write_peer(struct call *c, const struct sockaddr_storage *ss, socklen_t len)
{
	u32 room;

	if (!c->arg[1])
		return 0;
	if (call_memory(c, c->arg[2], &room, sizeof(room)))
		return -EFAULT;
	if ((s32)room < 0)
		return -EINVAL;
	return call_scatter(c, (struct iovec[]){ { (void *)ss, MIN(room, len) }, { &len, sizeof(len) } },
			    (struct iovec[]){ { (void *)(uintptr_t)c->arg[1], MIN(room, len) }, { (void *)(uintptr_t)c->arg[2], sizeof(len) } },
			    room == len ? 1 : 2);
}

enum call_end call_accept(struct call *c)
{
	int flags = c->nr == __NR_accept4 ? (int)c->arg[3] : 0, fd = -1, sv[2] = { -1, -1 }, e;
	bool nonblocking = false; /* fd is */
	struct sockaddr_storage ss = { 0 };
	socklen_t len = sizeof(ss);
	struct asock *as = c->as, *conn = NULL;
	struct socket *s;
	struct cpu *cpu;

	if (flags & ~(SOCK_CLOEXEC | SOCK_NONBLOCK))
		return call_ret(c, -EINVAL);
	if (as->kind != ASOCK_STREAM)
		return call_ret(c, -EOPNOTSUPP);
	cpu = call_lock(c);
	if (as->state != STREAM_LISTENING || !as->s) {
		call_unlock(c, cpu);
		return call_ret(c, -EINVAL);
	}
	nonblocking = take_token(as, c->dup, flags, sv) && flags & SOCK_NONBLOCK;
	if (!list_empty(&as->unaccepted)) {
		conn = list_first(&as->unaccepted, struct asock, accept_link); /* the list's reference */
		list_del(&conn->accept_link);
		fd = conn->held_fd;
		conn->held_fd = -1;
		e = 0;
	} else {
		e = socket_accept(cpu, as->s, &s);
		if (!e) {
			if (sv[0] < 0 && socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sv) < 0) /* no token was there yet */
				e = errno == EMFILE ? -ENFILE : -errno;
			else
				e = adopt(cpu, as, s, &conn, sv);
			if (e) {
				socket_close(cpu, s);
			} else {
				fd = sv[0];
				sv[0] = sv[1] = -1;
				asock_get(conn);
			}
		}
	}
	for (unsigned i = 0; i < ARRAY_SIZE(sv); i++)
		if (sv[i] >= 0) {
			close(sv[i]);
			nonblocking = false;
		}
	if (e == -EAGAIN && call_blocks(c, 0) && !c->expired) {
		enum call_end end = call_park(c, POLLIN, as->rcvtimeo_ns);

		call_unlock(c, cpu);
		return end;
	}
	if (!e) {
		if (conn->s ? socket_getname(cpu, conn->s, true, &ss, &len) : true) {
			ss = conn->peer; /* it is over already: what it was */
			len = conn->peerlen;
		}
		listener_post(cpu, as);
	}
	call_unlock(c, cpu);
	if (e)
		return call_ret(c, e);

	e = write_peer(c, &ss, len);
	if (e) { /* Linux has accepted the connection by then, and closes it */
		cpu = host_lock(c->a->h, conn->cpu_id);
		close(fd);
		asock_close(cpu, conn);
		host_unlock(c->a->h, cpu);
		asock_put(conn);
		return call_ret(c, e);
	}
	if (flags & SOCK_NONBLOCK && !nonblocking)
		fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
	e = call_send_fd(c, fd, flags & SOCK_CLOEXEC ? O_CLOEXEC : 0);
	if (e >= 0) {
		close(fd);
		asock_put(conn);
		return CALL_DONE;
	}
	if (flags & SOCK_NONBLOCK)
		fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK);
	cpu = host_lock(c->a->h, as->cpu_id);
	if (as->closed) {
		close(fd);
		asock_close(cpu, conn);
		asock_put(conn);
	} else {
		conn->held_fd = fd;
		list_add_head(&as->unaccepted, &conn->accept_link);
		listener_post(cpu, as);
		calls_wake(as, POLLIN);
	}
	host_unlock(c->a->h, cpu);
	return e == -ENOENT ? CALL_DONE : call_ret(c, e == -EMFILE || e == -ENFILE ? e : -ENOMEM);
}
