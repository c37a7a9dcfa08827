/* Bytes between a program's stream socket and the stack.
 *
 *     program --write--> P ====unix==== S --stream_pull--> socket_reserve/commit --> TCP
 *     program <--read--- P ====unix==== S <--push--------- socket_peek/consume  <-- TCP
 *
 * P is what the program has, S is ours. What P shows to poll, read and write must be what a TCP socket would show:
 *
 * - Fresh: P is unconnected (OUT|HUP, as TCP). Connecting: P is connected to S and full (never writable); established: S is drained.
 *   A peer that answers while the call still has the baton is connected to without the state in between.
 * - The reserve byte. As long as the connection lives, S keeps at least one unread byte. Then S's close, or our death, is
 *   ECONNRESET with ERR|HUP at P; on a drained pair it would read as a clean end of file. The byte was delivered to the stack
 *   before (`reserve` says so) and is skipped when more has come behind it.
 * - FIN to the program: shutdown(S, SHUT_WR). FIN from it: RDHUP at S, after all it wrote. Its close: HUP; with unread data
 *   S gets ECONNRESET, which the peer is told by a RST, as Linux does.
 *
 * All of this runs with the lane's baton; nothing blocks. Packets come from and go to transport/tcp through sock/socket.c.
 */
#include <fcntl.h>
#include <linux/sockios.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "attach/supervisor.h"

#define TURN_BYTES (1u << 20)
#define IOVS 64
#define SNDBUF_OF_PROGRAM (1 << 20) /* what a program may have written ahead of the stack; the kernel doubles it */

static void push(struct cpu *cpu, struct asock *as);

/* The connection ended with an error: the program gets ECONNRESET, SO_ERROR the truth. */
static void failed(struct cpu *cpu, struct asock *as, int err)
{
	if (as->state == STREAM_CONNECTING) { /* may be tried again */
		as->state = STREAM_FAILED;
		as->errnum = (u32)err;
		as->told = false;
		calls_wake(as, ~0u);
	} else {
		asock_entomb(cpu, as, err);
	}
	asock_drop_end(as, false);
}

/* Close by the program with data unread: RST. */
static void abort_weft(struct cpu *cpu, struct asock *as)
{
	struct linger l = { .l_onoff = 1, .l_linger = 0 };

	if (as->s)
		socket_setsockopt(cpu, as->s, SOL_SOCKET, SO_LINGER, &l, sizeof(l));
	asock_close(cpu, as);
}

/* The program's end of sending: its close, or its shutdown. Everything written has been pulled. */
static void sender_ended(struct cpu *cpu, struct asock *as)
{
	struct pollfd p = { .fd = as->end, .events = POLLRDHUP };
	int err = 0;
	socklen_t len = sizeof(err);

	poll(&p, 1, 0);
	if (!(p.revents & POLLHUP)) {
		if (!as->tx_eof && (p.revents & POLLRDHUP)) {
			as->tx_eof = true;
			socket_shutdown(cpu, as->s, SHUT_WR);
		}
		return;
	}
	getsockopt(as->end, SOL_SOCKET, SO_ERROR, &err, &len);
	if (err == ECONNRESET) {
		abort_weft(cpu, as);
		return;
	}
	/* Both directions are shut. Closed, unless the program shut them with shutdown(): then its descriptor may live on. */
	if ((as->shut & 2) && (as->rx_eof || (as->shut & 1))) {
		if (!as->tx_eof) {
			as->tx_eof = true;
			socket_shutdown(cpu, as->s, as->shut & 1 ? SHUT_RDWR : SHUT_WR);
		}
		asock_entomb(cpu, as, 0);
		asock_drop_end(as, true);
		return;
	}
	asock_close(cpu, as);
}

/* One turn of bytes from S to the stack. Returns what it moved; -1: all that was there has been taken, 0: no room. *all: that was all,
 * so far: an edge tells of more. */
static ssize_t pull_some(struct cpu *cpu, struct asock *as, bool *all)
{
	struct iovec iov[IOVS + 1], *v = iov + 1;
	struct msghdr m = { 0 };
	u64 room = 0, take, left;
	int queued = 0, n, cut;
	bool peek_last;
	ssize_t got;
	char skip, last;

	if (ioctl(as->end, SIOCINQ, &queued) < 0)
		return -1;
	take = (u64)queued - (queued ? as->reserve : 0);
	if (!take)
		return -1;
	n = socket_reserve(cpu, as->s, v, IOVS, &room);
	if (n < 0) {
		if (n == -EAGAIN) {
			as->no_room = true;
			return 0;
		}
		/* The stack takes no more (reset, or an error that is about to be told): drop it as the kernel would. */
		while (recv(as->end, &skip, 1, MSG_DONTWAIT | MSG_TRUNC) > 0 && --queued > 1)
			;
		as->reserve = true;
		return -1;
	}
	if (take > room)
		take = room;
	peek_last = take == (u64)queued - as->reserve;
	left = take - peek_last;
	for (cut = 0; cut < n && left; cut++) { /* `left` bytes into the first `cut` pieces */
		if (v[cut].iov_len > left)
			break;
		left -= v[cut].iov_len;
	}
	iov[0] = (struct iovec){ &skip, 1 };
	m.msg_iov = as->reserve ? iov : v;
	size_t whole = cut < n ? v[cut].iov_len : 0;
	if (left)
		v[cut].iov_len = left;
	m.msg_iovlen = (size_t)cut + (left ? 1 : 0) + as->reserve;
	if (m.msg_iovlen) {
		got = recvmsg(as->end, &m, MSG_DONTWAIT);
		if (got > 0)
			got -= as->reserve;
	} else {
		got = 0;
	}
	if (cut < n)
		v[cut].iov_len = whole;
	if (got < 0) { /* cannot be: the bytes are there */
		socket_commit(cpu, as->s, 0, 0);
		return -1;
	}
	if ((u64)got < take - peek_last) { /* stopped at a mark that nobody announced: stream_urgent.c */
		as->urgent_out = true;
		as->reserve = false;
		peek_last = false;
		take = (u64)got;
	}
	if (peek_last && recv(as->end, &last, 1, MSG_PEEK | MSG_DONTWAIT) == 1) {
		u64 at = take - 1;

		for (cut = 0; at >= v[cut].iov_len; cut++)
			at -= v[cut].iov_len;
		((char *)v[cut].iov_base)[at] = last;
		as->reserve = true;
	} else if (peek_last) {
		as->urgent_out = true;
		take--;
		as->reserve = false;
	} else {
		as->reserve = false;
	}
	n = socket_commit(cpu, as->s, take, 0);
	*all = peek_last;
	return n < 0 ? -1 : (ssize_t)take;
}

/* One turn: 1: more is there, 0: no room, -1: nothing is left. */
static int pull_turn(struct cpu *cpu, struct asock *as)
{
	bool all = false;
	u64 moved = 0;
	ssize_t n = 1;

	as->no_room = false;
	if (unlikely(as->urgent_out || as->reserve_urgent)) {
		int turn = urgent_pull(cpu, as);

		if (turn >= 0 || as->reserve_urgent)
			return turn;
	}
	while (moved < TURN_BYTES && !all && !as->urgent_out && (n = pull_some(cpu, as, &all)) > 0)
		moved += (u64)n;
	return as->urgent_out ? 1 : all ? -1 : n > 0 ? 1 : (int)n;
}

void stream_pull(struct cpu *cpu, struct asock *as)
{
	if (as->state == STREAM_OPEN && as->end >= 0 && as->s && !as->tx_eof)
		pull_turn(cpu, as);
}

void stream_pull_and_end(struct cpu *cpu, struct asock *as, bool ended)
{
	int n;

	if (as->state != STREAM_OPEN || as->end < 0 || !as->s)
		return;
	n = pull_turn(cpu, as);
	if (n < 0 && !list_empty(&as->parked))
		calls_wake(as, POLLOUT); /* a caught send waits for room in the pair */
	if (n < 0 && ended)
		sender_ended(cpu, as);
	else if (n > 0 && as->hf)
		asock_look_again(as);
}

void stream_event(struct cpu *cpu, struct asock *as, u32 events)
{
	if (as->closed || !as->s)
		return;
	if (as->state == STREAM_CONNECTING) {
		if (events & EPOLLHUP)
			asock_close(cpu, as); /* given up before it was established */
		return;
	}
	if (as->state != STREAM_OPEN)
		return;
	asock_get(as);
	if (events & EPOLLOUT)
		push(cpu, as);
	if (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR))
		stream_pull_and_end(cpu, as, events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR));
	asock_put(as);
}

/* From the stack to S. */
static void push(struct cpu *cpu, struct asock *as)
{
	struct iovec v[IOVS];
	struct msghdr m = { .msg_iov = v };
	u64 bytes, moved = 0;
	ssize_t sent;
	int n;

	if (as->state != STREAM_OPEN || as->end < 0 || !as->s || as->rx_eof)
		return;
	while (moved < 4 * TURN_BYTES) {
		if (unlikely(as->urgent_in) && !urgent_push(cpu, as)) {
			asock_want_out(as, true);
			return;
		}
		n = socket_peek(cpu, as->s, v, IOVS, &bytes);
		if (n == -EAGAIN)
			break;
		if (n < 0 && as->s->sk->state != TCP_CLOSE) { /* IP_RECVERR: an ICMP error that the connection outlives; SO_ERROR says it */
			as->errnum = (u32)-n;
			continue;
		}
		if (n < 0) {
			stream_pull_and_end(cpu, as, false);
			failed(cpu, as, -n);
			return;
		}
		if (!bytes) {
			as->rx_eof = true;
			shutdown(as->end, SHUT_WR);
			calls_wake(as, POLLIN | POLLRDHUP);
			break;
		}
		m.msg_iovlen = (size_t)n;
		sent = sendmsg(as->end, &m, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (sent < 0 && errno == EPIPE) {
			socket_consume(cpu, as->s, bytes); /* it reads no more (SHUT_RD), or is gone, which HUP tells */
			moved += bytes;
			continue;
		}
		if (sent > 0) {
			socket_consume(cpu, as->s, (u64)sent);
			moved += (u64)sent;
			calls_wake(as, POLLIN); /* a caught read waits: the pair has it now, not the stack's queue */
		}
		if (sent < (ssize_t)bytes) {
			asock_want_out(as, true);
			return;
		}
	}
	asock_want_out(as, moved >= 4 * TURN_BYTES);
}

static int error_of(struct cpu *cpu, struct asock *as)
{
	int err = 0;
	socklen_t len = sizeof(err);

	if (as->s && socket_getsockopt(cpu, as->s, SOL_SOCKET, SO_ERROR, &err, &len))
		err = 0;
	return err;
}

/* -- connecting -- */
static void set_sndbuf(int fd, int bytes) { setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes)); }

static void set_timeout(int fd, int name, u64 ns)
{
	struct timeval tv = { .tv_sec = (time_t)(ns / NSEC_PER_SEC), .tv_usec = (suseconds_t)(ns % NSEC_PER_SEC / NSEC_PER_USEC) };

	if (ns != UINT64_MAX)
		setsockopt(fd, SOL_SOCKET, name, &tv, sizeof(tv));
}

void stream_dress(struct asock *as, int fd)
{
	const struct sock *sk = as->s->sk;
	int one = 1;

	as->rcvtimeo_ns = sk->rcvtimeo_ns;
	as->sndtimeo_ns = sk->sndtimeo_ns;
	set_timeout(fd, SO_RCVTIMEO, sk->rcvtimeo_ns);
	set_timeout(fd, SO_SNDTIMEO, sk->sndtimeo_ns);
	if (sk->rcvlowat != 1)
		setsockopt(fd, SOL_SOCKET, SO_RCVLOWAT, &sk->rcvlowat, sizeof(sk->rcvlowat));
	if (as->oobinline)
		setsockopt(fd, SOL_SOCKET, SO_OOBINLINE, &one, sizeof(one));
}

void stream_see_dup(struct asock *as, int dup)
{
	if (__atomic_load_n(&as->raise_sndbuf, __ATOMIC_RELAXED)) { /* without the baton: twice does no harm */
		set_sndbuf(dup, SNDBUF_OF_PROGRAM);
		__atomic_store_n(&as->raise_sndbuf, false, __ATOMIC_RELAXED);
	}
}

static void established(struct cpu *cpu, struct asock *as)
{
	char buf[64];
	u32 left = as->fill;
	ssize_t n;
	u64 where = __atomic_load_n(&as->where, __ATOMIC_RELAXED);
	int fd = task_getfd(as->a, (int)(where >> 32), (int)(u32)where);
	socklen_t len = sizeof(u64);
	u64 cookie;

	as->state = STREAM_OPEN;
	__atomic_store_n(&as->raise_sndbuf, true, __ATOMIC_RELAXED);
	if (fd >= 0) {
		if (getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &len) == 0 && cookie == as->cookie)
			stream_see_dup(as, fd);
		close(fd);
	}
	while (left > 1 && (n = recv(as->end, buf, MIN(left - 1, sizeof(buf)), MSG_DONTWAIT)) > 0)
		left -= (u32)n;
	as->reserve = true;
	calls_wake(as, POLLOUT);
	push(cpu, as);
	if (as->state == STREAM_OPEN)
		stream_pull_and_end(cpu, as, true);
}

void stream_wake(struct cpu *cpu, struct socket *s, u32 events, void *arg)
{
	struct asock *as = arg;
	int err;

	if (as->closed || !as->s)
		return;
	asock_get(as);
	switch (as->state) {
	case STREAM_LISTENING:
		listener_post(cpu, as);
		calls_wake(as, events);
		break;
	case STREAM_CONNECTING:
		if (events & POLLERR || (events & POLLHUP && !(events & POLLOUT))) {
			err = error_of(cpu, as);
			failed(cpu, as, err ? err : ECONNREFUSED);
		} else if (events & POLLOUT) {
			established(cpu, as);
		}
		break;
	case STREAM_OPEN:
		if (events & POLLPRI)
			as->urgent_in = true;
		if (events & (POLLIN | POLLPRI | POLLRDHUP | POLLHUP | POLLERR))
			push(cpu, as);
		if (as->state == STREAM_OPEN && !as->closed && as->no_room && (events & (POLLOUT | POLLERR | POLLHUP)))
			stream_pull_and_end(cpu, as, true);
		break;
	default:
		calls_wake(as, events);
		break;
	}
	asock_put(as);
}

/* Connects P to a new S. full: and fills it, so that it is not writable; else one byte is in it. */
static int pair_in_place(struct asock *as, int dup, bool full)
{
	struct attach *a = as->a;
	int end, e = 0;

	set_sndbuf(dup, full ? 1 : SNDBUF_OF_PROGRAM); /* 1: the least the kernel gives; few bytes fill it */
	pthread_mutex_lock(&a->pair_lock);
	if (connect(dup, (struct sockaddr *)&a->meet_addr, sizeof(a->meet_addr)) < 0)
		e = -errno;
	end = e ? -1 : accept4(a->meet, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (!e && end < 0)
		e = -errno;
	pthread_mutex_unlock(&a->pair_lock);
	if (e)
		return e;
	for (as->fill = 0; (full || !as->fill) && send(dup, "", 1, MSG_DONTWAIT | MSG_NOSIGNAL) == 1;)
		as->fill++;
	set_sndbuf(end, SNDBUF_OF_PROGRAM);
	e = asock_attach_end(as, end);
	if (e)
		close(end);
	return e;
}

/* connect() on a descriptor whose connection failed: it gets a fresh unix socket and starts again. Duplicates of the descriptor
 * keep the dead one. */
static int start_again(struct call *c)
{
	struct asock *as = c->as;
	int fd, e, flags = fcntl(c->dup, F_GETFL);
	struct cpu *cpu;

	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | (flags & O_NONBLOCK), 0);
	if (fd < 0)
		return -errno;
	e = call_replace_fd(c, fd, (int)c->arg[0], task_fd_cloexec(c->tid, (int)c->arg[0]) ? O_CLOEXEC : 0);
	if (e) {
		close(fd);
		return e;
	}
	cpu = call_lock(c);
	asock_unwatch(as);
	e = asock_watch(as, fd);
	asock_rekey(as, fd);
	as->state = STREAM_FRESH;
	as->errnum = 0;
	__atomic_store_n(&as->raise_sndbuf, false, __ATOMIC_RELAXED);
	stream_dress(as, fd);
	call_unlock(c, cpu);
	close(c->dup);
	c->dup = fd;
	return e;
}

/* The connection was asked for, and may be there already. 0, -EINPROGRESS, or what hindered it. */
static int begin(struct call *c, struct cpu *cpu)
{
	struct asock *as = c->as;
	bool at_once = socket_poll(cpu, as->s) & POLLOUT, there; /* at once: it begins with data (Fast Open) */
	int e;

	if (!at_once) {
		cpu->caller = NULL;
		host_run(c->a->h, cpu);
		cpu->caller = &c->ctx;
	}
	there = (socket_poll(cpu, as->s) & (POLLOUT | POLLERR | POLLHUP)) == POLLOUT;
	as->state = there ? STREAM_OPEN : STREAM_CONNECTING;
	e = pair_in_place(as, c->dup, !there);
	if (e) {
		asock_entomb(cpu, as, -e);
		return e;
	}
	as->reserve = there;
	if (there)
		asock_unwatch(as); /* our end tells of its close */
	stream_wake(cpu, as->s, socket_poll(cpu, as->s), as); /* what has come of it */
	return at_once ? 0 : -EINPROGRESS;
}

enum call_end call_stream_connect(struct call *c, const struct sockaddr *sa, socklen_t len)
{
	struct asock *as = c->as;
	bool again = c->again;
	struct cpu *cpu;
	int e;

	if (as->state == STREAM_FAILED && as->told) {
		e = start_again(c);
		if (e)
			return call_ret(c, e);
	}
	cpu = call_lock(c);
	if (as->state == STREAM_FRESH && as->s) {
		socket_set_wake(as->s, stream_wake, as);
		e = socket_connect(cpu, as->s, sa, len);
		if (e && e != -EINPROGRESS) {
			call_unlock(c, cpu);
			return call_ret(c, e);
		}
		if (sa->sa_family != AF_UNSPEC)
			e = begin(c, cpu);
		if (e != -EINPROGRESS || as->state == STREAM_CONNECTING || !call_blocks(c, 0))
			goto out;
		again = true; /* who would have waited hears of it now */
	}
	if (as->state == STREAM_FRESH) {
		e = as->s ? socket_connect(cpu, as->s, sa, len) : -EINVAL;
	} else if (as->state == STREAM_CONNECTING) {
		e = again ? -EINPROGRESS : call_blocks(c, 0) ? -EINPROGRESS : -EALREADY;
	} else if (as->state == STREAM_OPEN) {
		e = socket_connect(cpu, as->s, sa, len); /* 0 once, when nobody has heard of the success yet */
		if (again)
			e = 0;
	} else if (as->state == STREAM_FAILED) {
		socket_connect(cpu, as->s, sa, len); /* ends the attempt */
		e = as->errnum ? -(int)as->errnum : -ECONNABORTED;
		as->errnum = 0;
		as->told = true;
	} else if (as->state == STREAM_CLOSED) {
		e = again && as->errnum ? -(int)as->errnum : -EISCONN;
	} else {
		e = as->s ? socket_connect(cpu, as->s, sa, len) : -EINVAL; /* a listener: -EISCONN */
	}
out:
	if (e == -EINPROGRESS && as->state == STREAM_CONNECTING && call_blocks(c, 0) && !c->expired) {
		enum call_end end = call_park(c, POLLOUT, as->sndtimeo_ns);

		call_unlock(c, cpu);
		return end;
	}
	call_unlock(c, cpu);
	return call_ret(c, e);
}
