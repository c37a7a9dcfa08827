/* Urgent data (MSG_OOB) of a stream, between program and stack.
 *
 * The unix socket has urgent bytes of its own, which split its queue as TCP's do: a read that has something stops before the mark, a
 * read that begins at it throws the byte away. So whoever reads must know of the mark first, and an event on the descriptor is
 * no way to know: a send that comes between the event and the read brings bytes and mark together. Therefore a program's sends
 * with MSG_OOB are caught and done under the baton, which every reader of our end has: `urgent_out` is set before anybody can
 * read, and reading is then done here, step by step, until the mark is behind.
 *
 * An urgent byte with nothing behind it stays in our end as the reserve byte (stream.c), as `reserve_urgent` tells.
 */
#include <sys/ioctl.h>

#include "attach/supervisor.h"

#define IOVS 64
#define TURN_BYTES (1u << 20)

static bool at_mark(struct asock *as)
{
	int mark = 0;

	return ioctl(as->end, SIOCATMARK, &mark) == 0 && mark;
}

static int queued_bytes(struct asock *as)
{
	int n = 0;

	return ioctl(as->end, FIONREAD, &n) < 0 ? 0 : n;
}

ssize_t urgent_send(struct cpu *cpu, struct asock *as, int dup, const void *data, size_t len)
{
	ssize_t n;

	stream_pull(cpu, as);
	n = send(dup, data, len, MSG_OOB | MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n < 0)
		return -errno;
	as->urgent_out |= (size_t)n == len; /* else the last byte, the urgent one, was not taken */
	stream_pull_and_end(cpu, as, false);
	return n;
}

/* An urgent byte that was kept as the reserve goes when more has come. True: nothing has. */
static bool nothing_behind(struct asock *as)
{
	char c;

	if (queued_bytes(as) < 2)
		return true;
	as->reserve_urgent = false;
	if (at_mark(as))
		recv(as->end, &c, 1, MSG_OOB | MSG_DONTWAIT);
	else
		as->reserve = true; /* a later mark made it an ordinary byte */
	return false;
}

int urgent_pull(struct cpu *cpu, struct asock *as)
{
	struct iovec v[IOVS + 1];
	struct msghdr m = { 0 };
	u64 room, moved = 0;
	char skip, c;
	ssize_t got;
	int n;

	if (as->reserve_urgent && nothing_behind(as))
		return -1;
	/* What is before the mark, which a read gives up to there; then the byte, alone. */
	while (as->urgent_out) {
		if (recv(as->end, &c, 1, MSG_OOB | MSG_PEEK | MSG_DONTWAIT) != 1) {
			as->urgent_out = false;
			break;
		}
		if (moved >= TURN_BYTES)
			return 1;
		n = socket_reserve(cpu, as->s, v + 1, IOVS, &room);
		if (n == -EAGAIN) {
			as->no_room = true;
			return 0;
		}
		if (n <= 0) {
			as->urgent_out = false; /* the stack takes nothing any more */
			break;
		}
		if (!as->reserve && at_mark(as)) {
			*(char *)v[1].iov_base = c;
			as->urgent_out = false;
			if (queued_bytes(as) > 1)
				recv(as->end, &skip, 1, MSG_OOB | MSG_DONTWAIT);
			else
				as->reserve_urgent = true;
			socket_commit(cpu, as->s, 1, MSG_OOB);
			break;
		}
		v[0] = (struct iovec){ &skip, 1 };
		m.msg_iov = as->reserve ? v : v + 1;
		m.msg_iovlen = (size_t)n + as->reserve;
		got = recvmsg(as->end, &m, MSG_DONTWAIT);
		if (got > 0) {
			got -= as->reserve;
			as->reserve = false;
			moved += (u64)got;
		}
		socket_commit(cpu, as->s, got > 0 ? (u64)got : 0, 0);
	}
	return -1;
}

bool urgent_push(struct cpu *cpu, struct asock *as)
{
	struct iovec v[IOVS + 1], last;
	struct msghdr m = { .msg_iov = &last, .msg_iovlen = 1 };
	int before = 0, n = 0;
	u64 bytes = 0;
	ssize_t sent;
	char c;

	/* With what is before it, so that no reader finds the mark before he can know of it. */
	if (socket_ioctl(cpu, as->s, SOCK_IOC_URGENT_AHEAD, &before, sizeof(before)))
		return true;
	if (before) {
		n = socket_peek(cpu, as->s, v, IOVS, &bytes);
		if (n < 0 || bytes < (u64)before)
			return true; /* more than one piece: this one goes first */
	}
	last = (struct iovec){ &c, 1 };
	if (socket_recvmsg(cpu, as->s, &m, MSG_OOB | MSG_PEEK) != 1)
		return true;
	v[n] = last;
	m = (struct msghdr){ .msg_iov = v, .msg_iovlen = (size_t)n + 1 };
	sent = sendmsg(as->end, &m, MSG_OOB | MSG_DONTWAIT | MSG_NOSIGNAL);
	if (sent < 0 && errno == EAGAIN)
		return false;
	socket_consume(cpu, as->s, sent < 0 ? bytes : MIN((u64)sent, bytes));
	if (sent >= 0 && (u64)sent <= bytes)
		return false;
	m = (struct msghdr){ .msg_iov = &last, .msg_iovlen = 1 };
	socket_recvmsg(cpu, as->s, &m, MSG_OOB);
	as->urgent_in = false;
	return true;
}
