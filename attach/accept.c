/* Listeners.
 *
 * The program's socket is a listening unix socket, bound to a name that the kernel chose. For each connection that the stack has
 * established and nobody has accepted, one unix connection is queued there as a token: that makes it readable, wakes one
 * EPOLLEXCLUSIVE waiter per connection and gives one edge each under EPOLLET. accept() is caught: it takes a token from a duplicate
 * and a connection from the stack, and installs one end of a new pair.
 *
 * A connection is the program's only when ADDFD succeeded. One that was not taken (a signal came) waits in `unaccepted` for the next
 * accept, with a token of its own.
 */
#include <fcntl.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "attach/supervisor.h"

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
void listener_post(struct cpu *cpu, struct asock *as, int dup)
{
	struct sockaddr_storage *name = &as->peer; /* of a listener: its unix name */
	u32 want = waiting(cpu, as) + held(as);

	while (as->tokens < want) {
		int c = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

		if (c < 0)
			return; /* without descriptors: the next accept or connection tries again */
		if (connect(c, (struct sockaddr *)name, as->peerlen) == 0)
			as->tokens++;
		else
			want = 0; /* closed already */
		close(c);
	}
}

static bool take_token(struct asock *as, int dup)
{
	struct pollfd p = { .fd = dup, .events = POLLIN };
	int t;

	if (poll(&p, 1, 0) <= 0)
		return false;
	t = accept4(dup, NULL, NULL, SOCK_CLOEXEC);
	if (t < 0)
		return false;
	close(t);
	if (as->tokens)
		as->tokens--;
	return true;
}

/* A pair for a connection that is established. The program's end goes to *fd. */
static int adopt(struct cpu *cpu, struct asock *lis, struct socket *s, struct asock **out, int *fd)
{
	int sv[2], size = 1 << 20, e;
	struct asock *as;
	struct stat st;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sv) < 0)
		return errno == EMFILE ? -ENFILE : -errno;
	setsockopt(sv[0], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	setsockopt(sv[1], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	if (send(sv[0], "", 1, MSG_DONTWAIT) != 1) {
		e = -ENOBUFS;
		goto fail;
	}
	e = asock_new(lis->a, lis->kns, s, ASOCK_STREAM, sv[0], sv[1], false, &as);
	if (e)
		goto fail;
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
	*fd = sv[0];
	return 0;
fail:
	close(sv[0]);
	close(sv[1]);
	return e;
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
	if (call_write(c, c->arg[1], ss, MIN(room, len)))
		return -EFAULT;
	return call_write(c, c->arg[2], &len, sizeof(len));
}

enum call_end call_accept(struct call *c)
{
	int flags = c->nr == __NR_accept4 ? (int)c->arg[3] : 0, fd = -1, e;
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
	take_token(as, c->dup);
	if (!list_empty(&as->unaccepted)) {
		conn = list_first(&as->unaccepted, struct asock, accept_link); /* the list's reference */
		list_del(&conn->accept_link);
		fd = conn->held_fd;
		conn->held_fd = -1;
		e = 0;
	} else {
		e = socket_accept(cpu, as->s, &s);
		if (!e) {
			e = adopt(cpu, as, s, &conn, &fd);
			if (e)
				socket_close(cpu, s);
			else
				asock_get(conn);
		}
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
		listener_post(cpu, as, c->dup);
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
	if (flags & SOCK_NONBLOCK)
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
		listener_post(cpu, as, -1);
		calls_wake(as, POLLIN);
	}
	host_unlock(c->a->h, cpu);
	return e == -ENOENT ? CALL_DONE : call_ret(c, e == -EMFILE || e == -ENFILE ? e : -ENOMEM);
}
