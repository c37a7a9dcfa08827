/* Caught receives: with room for an address, of control messages, of the error queue.
 *
 * A datagram is taken from the queue under the baton, copied to the program without it, and is the program's only when the answer was
 * delivered; else it goes back to the head (a signal came in between).
 *
 * Streams are read by the kernel, but for what the unix socket would answer differently: MSG_TRUNC discards, the error queue is the
 * stack's, and there is no sender's address.
 */
#include <linux/sockios.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <time.h>

#include "attach/supervisor.h"
#include "control/netlink.h"

static struct dgram *copy_of(const struct dgram *d)
{
	struct dgram *n = dgram_make(d->len, d->controllen);

	if (n) {
		memcpy(n->control, d->control, d->controllen);
		memcpy(n->data, d->data, d->len);
		n->flags = d->flags;
		n->name = d->name;
		n->namelen = d->namelen;
	}
	return n;
}

static void hold(struct call *c, struct dgram *d)
{
	list_add_head(&c->held, &d->link);
	c->nheld++;
}

static void drop_held(struct call *c)
{
	while (!list_empty(&c->held)) {
		struct dgram *d = list_first(&c->held, struct dgram, link);

		list_del(&d->link);
		free(d);
	}
	c->nheld = 0;
}

/* The next one in the kernel's queue. */
static int from_pair(struct asock *as, int dup, bool peek, struct dgram **out)
{
	struct pollfd p = { .fd = dup, .events = POLLIN };
	ssize_t n;

	if (poll(&p, 1, 0) <= 0 || !(p.revents & POLLIN))
		return -EAGAIN;
	n = recv(dup, NULL, 0, MSG_PEEK | MSG_TRUNC | MSG_DONTWAIT);
	if (n < 0)
		return -EAGAIN;
	*out = dgram_make((size_t)n, 0);
	if (!*out)
		return -ENOMEM;
	if (recv(dup, (*out)->data, (size_t)n, MSG_DONTWAIT | (peek ? MSG_PEEK : 0)) < 0) {
		free(*out);
		return -EAGAIN;
	}
	(*out)->name = as->peer;
	(*out)->namelen = as->peerlen;
	return 0;
}

static int take_now(struct cpu *cpu, struct asock *as, int dup, int flags, struct dgram **out)
{
	bool peek = flags & MSG_PEEK;
	struct dgram *d;
	char c;
	int e;

	if (!as->s)
		return -EBADF;
	if (flags & MSG_ERRQUEUE) {
		e = dgram_from_stack(cpu, as, MSG_ERRQUEUE, out);
		dgram_untoken(cpu, as, dup);
		return e;
	}
	e = as->s->sk ? sock_error(as->s->sk) : 0;
	if (as->pollerr)
		pollerr_lower(as, dup); /* or the descriptor's reads would fail by it */
	else
		dgram_untoken(cpu, as, dup);
	if (e)
		return e;
	if (as->ring) /* what did not fit a frame (PACKET_COPY_THRESH) */
		return dgram_from_stack(cpu, as, peek ? MSG_PEEK : 0, out);
	for (int trial = 0; trial < 3; trial++) {
		if (as->token && recv(dup, NULL, 0, MSG_DONTWAIT) == 0)
			as->token = false; /* there are datagrams to be had, or nothing: the error queue is asked for otherwise */
		if (as->many) {
			e = from_pair(as, dup, peek, out);
			if (e != -EAGAIN) {
				if (!e && !peek)
					dgram_fill(cpu, as);
				return e;
			}
		}
		d = list_empty(&as->rxq) ? NULL : list_first(&as->rxq, struct dgram, link);
		if (d && peek && !(d->in_pair && dgram_pair_empty(as))) {
			*out = copy_of(d);
			return *out ? 0 : -ENOMEM;
		}
		if (d && d->in_pair && (recv(dup, &c, 1, MSG_DONTWAIT) < 0)) {
			list_del(&d->link); /* read without us */
			free(d);
			d = NULL;
		}
		if (d) {
			as->drained |= d->in_pair && !as->many; /* it was the only one */
			list_del(&d->link);
			d->in_pair = false;
			dgram_fill(cpu, as);
			*out = d;
			return 0;
		}
		dgram_fill(cpu, as);
	}
	if (as->s->sk && (as->s->sk->shutdown & SHUT_RCV_BIT)) {
		*out = dgram_make(0, 0);
		return *out ? 0 : -ENOMEM;
	}
	return -EAGAIN;
}

static int take(struct cpu *cpu, struct asock *as, int dup, int flags, struct dgram **out)
{
	int e = take_now(cpu, as, dup, flags, out);

	if (as->pollerr && as->s && !(flags & MSG_ERRQUEUE))
		dgram_untoken(cpu, as, dup); /* what is left is shown again */
	return e;
}

/* The answer was not delivered: back to the head, all that is held. What is in the kernel's queue behind it must come after it. */
void call_give_back(struct call *c)
{
	struct asock *as = c->as;
	bool ours = call_socket(c, (int)c->arg[0]);
	struct cpu *cpu = host_lock(c->a->h, as->cpu_id);
	struct dgram *next, *n;
	struct list later;
	char x;

	list_init(&later);
	if (as->closed || !ours || c->as != as)
		goto out;
	if (as->pollerr)
		pollerr_lower(as, c->dup);
	if (as->many && c->dup >= 0)
		while (from_pair(as, c->dup, false, &n) == 0)
			list_add_tail(&later, &n->link);
	next = list_empty(&as->rxq) ? NULL : list_first(&as->rxq, struct dgram, link);
	if (next && next->in_pair && c->dup >= 0 && recv(c->dup, &x, 1, MSG_DONTWAIT) >= 0)
		next->in_pair = false;
	while (!list_empty(&later)) {
		n = list_last(&later, struct dgram, link);
		list_del(&n->link);
		list_add_head(&as->rxq, &n->link);
	}
	while (!list_empty(&c->held)) { /* the last one first */
		n = list_first(&c->held, struct dgram, link);
		list_del(&n->link);
		list_add_head(&as->rxq, &n->link);
	}
	dgram_fill(cpu, as);
	if (as->pollerr)
		dgram_untoken(cpu, as, c->dup);
	calls_wake(as, POLLIN);
out:
	host_unlock(c->a->h, cpu);
	drop_held(c);
}

/* room: bytes that the program gives, 0: not known; how long a dump's messages may be follows it. */
static int take_locked(struct call *c, u64 room, int flags, struct dgram **out, enum call_end *end)
{
	struct cpu *cpu = call_lock(c);
	int e;

	if (c->as->kind == ASOCK_NETLINK && c->as->s)
		netlink_reader_room(c->as->s, room);
	e = take(cpu, c->as, c->dup, flags, out);
	*end = CALL_REPLY;
	if (e == -EAGAIN && !(flags & MSG_ERRQUEUE) && call_blocks(c, flags) && !c->expired)
		*end = call_park(c, POLLIN | POLLRDHUP, c->as->rcvtimeo_ns);
	call_unlock(c, cpu);
	return e;
}

static s64 result_of(const struct dgram *d, u64 room, int flags, u32 *msg_flags)
{
	if (d->len > room) {
		*msg_flags |= MSG_TRUNC;
		return flags & MSG_TRUNC ? (s64)d->len : (s64)room;
	}
	return d->len;
}

static int write_name(struct call *c, const struct dgram *d, u64 addr, u64 lenp)
{
	u32 room;

	if (!addr)
		return 0;
	if (call_memory(c, lenp, &room, sizeof(room)))
		return -EFAULT;
	if ((s32)room < 0)
		return -EINVAL;
	if (call_write(c, addr, &d->name, MIN(room, d->namelen)))
		return -EFAULT;
	return call_write(c, lenp, &d->namelen, sizeof(u32));
}

static enum call_end commit(struct call *c, struct dgram *d, s64 ret, int flags)
{
	int e = call_send(c, ret);

	hold(c, d);
	if (e && !(flags & (MSG_PEEK | MSG_ERRQUEUE)))
		call_give_back(c);
	else
		drop_held(c);
	return CALL_DONE;
}

/* Is there enough for the read to return? MSG_WAITALL wants all of it, but no more than what the pair can hold. Baton, when it is to be true
 * until the call is parked. */
static bool enough(const struct call *c, size_t want, int flags)
{
	struct pollfd p = { .fd = c->dup, .events = POLLIN | POLLRDHUP };
	int there;

	if (poll(&p, 1, 0) <= 0)
		return false;
	if (!(flags & MSG_WAITALL) || flags & (MSG_PEEK | MSG_OOB) || p.revents & (POLLRDHUP | POLLHUP | POLLERR) || c->as->want_out)
		return true;
	return ioctl(c->dup, SIOCINQ, &there) < 0 || (size_t)there >= want;
}

/* A stream read through us: for the few calls whose arguments the unix socket would answer differently. */
static enum call_end stream_read(struct call *c, const struct iovec *to, unsigned n, u64 total, int flags)
{
	size_t max = MIN(total, (u64)(flags & MSG_WAITALL ? 4 << 20 : 1 << 18));
	enum call_end end;
	struct cpu *cpu;
	u8 *buf = NULL;
	ssize_t got;
	s64 ret;
	int e;

	if (call_replayed(c, NULL, 0))
		return CALL_REPLY;
	if (flags & MSG_ERRQUEUE) {
		struct dgram *d = NULL;

		cpu = call_lock(c);
		e = c->as->s ? dgram_from_stack(cpu, c->as, MSG_ERRQUEUE, &d) : -EAGAIN;
		call_unlock(c, cpu);
		free(d);
		return call_ret(c, e ? e : -EAGAIN);
	}
	if (max && !(flags & MSG_OOB) && call_blocks(c, flags) && !c->expired && c->as->state == STREAM_OPEN && !enough(c, max, flags)) {
		cpu = call_lock(c);
		if (!enough(c, max, flags)) { /* the lane's baton: nothing comes in between */
			end = call_park(c, POLLIN | POLLRDHUP, c->as->rcvtimeo_ns);
			call_unlock(c, cpu);
			return end;
		}
		call_unlock(c, cpu);
	}
	buf = malloc(max ? max : 1);
	if (!buf)
		return call_ret(c, -ENOMEM);
	got = recv(c->dup, buf, max, (flags & (MSG_PEEK | MSG_OOB)) | MSG_DONTWAIT);
	ret = got < 0 ? -errno : got;
	if (got > 0 && !(flags & MSG_TRUNC) && call_writev(c, to, n, buf, (size_t)got))
		ret = -EFAULT;
	free(buf);
	return call_ret(c, ret);
}

enum call_end call_recvfrom(struct call *c)
{
	struct iovec to = { (void *)(uintptr_t)c->arg[1], c->arg[2] };
	int flags = (int)c->arg[3], e;
	struct dgram *d;
	enum call_end end;
	u32 mf = 0, zero = 0;
	s64 ret;

	if (!c->arg[4] && !(flags & (MSG_ERRQUEUE | MSG_TRUNC))) { /* caught for netlink sockets' sake */
		if (c->as->kind != ASOCK_NETLINK)
			return CALL_CONTINUE;
		dgram_event(NULL, c->as, EPOLLIN);
	}
	if (c->as->kind == ASOCK_STREAM) {
		end = stream_read(c, &to, 1, to.iov_len, flags);
		if (c->arg[4] && end != CALL_PARKED)
			call_write(c, c->arg[5], &zero, sizeof(zero));
		return end;
	}
	e = take_locked(c, to.iov_len, flags, &d, &end);
	if (e)
		return end == CALL_PARKED ? end : call_ret(c, e);
	ret = result_of(d, to.iov_len, flags, &mf);
	if (call_writev(c, &to, 1, d->data, MIN((u64)d->len, to.iov_len)))
		ret = -EFAULT;
	e = write_name(c, d, c->arg[4], c->arg[5]);
	return commit(c, d, e ? e : ret, flags);
}

/* Control messages into the room the program has: whole ones, the last may be cut, as put_cmsg does. */
static u32 fit_control(const struct dgram *d, u64 room, u32 *mf)
{
	if (d->controllen > room)
		*mf |= MSG_CTRUNC;
	return (u32)MIN((u64)d->controllen, room);
}

/* Delivers d into the struct msghdr at `addr`: in one go, unless its pieces are many. What is there already is not written again, as each
 * piece costs: who reads a message in two calls, first its length, has most of the answer from the first. */
static s64 deliver(struct call *c, const struct dgram *d, const struct args_msg *g, u64 addr, int flags)
{
	u32 mf = d->flags & (MSG_EOR | MSG_OOB | MSG_ERRQUEUE | MSG_CTRUNC), cl, n = 0;
	s64 ret = result_of(d, g->total, flags, &mf);
	struct iovec from[ARRAY_SIZE(g->small) + 5], to[ARRAY_SIZE(from)];
	size_t len = MIN((size_t)d->len, (size_t)g->total);
	u64 controllen;

#define PUT(at, p, size) (from[n] = (struct iovec){ (void *)(p), (size) }, to[n++] = (struct iovec){ (void *)(uintptr_t)(at), (size) })
	if (g->iovlen > ARRAY_SIZE(g->small)) {
		if (call_writev(c, g->iov, g->iovlen, d->data, len))
			return -EFAULT;
		len = 0;
	}
	for (u32 i = 0; len; i++) {
		size_t part = MIN(g->iov[i].iov_len, len);

		PUT((uintptr_t)g->iov[i].iov_base, d->data + (MIN((size_t)d->len, (size_t)g->total) - len), part);
		len -= part;
	}
	if (g->name) {
		const void *name = call_near(c, g->name, MIN(g->namelen, d->namelen));

		if (!name || memcmp(name, &d->name, MIN(g->namelen, d->namelen)))
			PUT(g->name, &d->name, MIN(g->namelen, d->namelen));
		if (g->namelen_was != d->namelen)
			PUT(addr + offsetof(struct msghdr, msg_namelen), &d->namelen, sizeof(u32));
	}
	cl = fit_control(d, g->controllen, &mf);
	controllen = cl;
	if (cl)
		PUT(g->control, d->control, cl);
	if (g->controllen_was != controllen)
		PUT(addr + offsetof(struct msghdr, msg_controllen), &controllen, sizeof(controllen));
	if (g->flags != mf)
		PUT(addr + offsetof(struct msghdr, msg_flags), &mf, sizeof(mf));
#undef PUT
	return n && call_scatter(c, from, to, n) ? -EFAULT : ret;
}

enum call_end call_recvmsg(struct call *c)
{
	int flags = (int)c->arg[2], e;
	struct args_msg g;
	enum call_end end;
	struct dgram *d;
	u32 zero = 0;
	s64 ret;

	if (c->as->kind == ASOCK_STREAM && !(flags & (MSG_ERRQUEUE | MSG_TRUNC))) {
		struct msghdr h;

		if (call_memory(c, c->arg[1], &h, sizeof(h)) || !h.msg_name)
			return CALL_CONTINUE;
	}
	e = args_msg(&c->mem, c->arg[1], false, &g);
	if (e) {
		args_msg_free(&g);
		return call_ret(c, e);
	}
	if (c->as->kind == ASOCK_STREAM) {
		if (g.name)
			call_write(c, c->arg[1] + offsetof(struct msghdr, msg_namelen), &zero, sizeof(zero));
		end = stream_read(c, g.iov, g.iovlen, g.total, flags);
		args_msg_free(&g);
		return end;
	}
	e = take_locked(c, g.total, flags, &d, &end);
	if (e) {
		args_msg_free(&g);
		return end == CALL_PARKED ? end : call_ret(c, e);
	}
	ret = deliver(c, d, &g, c->arg[1], flags);
	args_msg_free(&g);
	return commit(c, d, ret, flags);
}

/* The timeout is looked at after each datagram, and does not end a wait: recvmmsg(2), BUGS. */
static int mm_timeout(struct call *c)
{
	struct timespec ts;

	if (!c->arg[4] || c->until)
		return 0;
	if (call_memory(c, c->arg[4], &ts, sizeof(ts)))
		return -EFAULT;
	if (ts.tv_sec < 0 || (u64)ts.tv_nsec >= NSEC_PER_SEC)
		return -EINVAL;
	c->until = host_now() + (u64)MIN(ts.tv_sec, (time_t)1000000000) * NSEC_PER_SEC + (u64)ts.tv_nsec;
	return 0;
}

static int mm_time_left(struct call *c)
{
	u64 now = host_now(), left = c->until > now ? c->until - now : 0;
	struct timespec ts = { .tv_sec = (time_t)(left / NSEC_PER_SEC), .tv_nsec = (long)(left % NSEC_PER_SEC) };

	return c->until ? call_write(c, c->arg[4], &ts, sizeof(ts)) : 0;
}

/* Delivers what is held, the first one last in the list. Returns how many, or an error when there was none. */
static s64 mm_deliver(struct call *c, int flags)
{
	u32 done = 0, len;
	struct args_msg g;
	struct list *l;
	s64 ret = 0;

	for (l = c->held.prev; l != &c->held; l = l->prev, done++) {
		u64 at = c->arg[1] + done * sizeof(struct mmsghdr);

		ret = args_msg(&c->mem, at, false, &g);
		if (!ret)
			ret = deliver(c, container_of(l, struct dgram, link), &g, at, flags);
		args_msg_free(&g);
		if (ret < 0)
			break;
		len = (u32)ret;
		if (call_write(c, at + offsetof(struct mmsghdr, msg_len), &len, sizeof(len)))
			break;
	}
	return done ? done : ret;
}

enum call_end call_recvmmsg(struct call *c)
{
	u32 n = (u32)MIN(c->arg[2], (u64)1024);
	int flags = (int)c->arg[3], e;
	enum call_end end = CALL_REPLY;
	struct dgram *d;
	s64 ret;

	if (c->as->kind == ASOCK_STREAM)
		return CALL_CONTINUE;
	e = mm_timeout(c);
	while (!e && c->nheld < n) {
		int how = flags & ~MSG_WAITFORONE;

		if (flags & MSG_WAITFORONE && c->nheld)
			how |= MSG_DONTWAIT;
		e = take_locked(c, 0, how, &d, &end);
		if (e && end == CALL_PARKED)
			return end;
		if (!e)
			hold(c, d);
		if (!e && (d->flags & MSG_OOB || (c->until && c->until <= host_now())))
			break;
	}
	if (!c->nheld)
		return call_ret(c, e);
	ret = mm_deliver(c, flags);
	if (mm_time_left(c) && ret > 0)
		ret = -EFAULT;
	if (!call_send(c, ret) || flags & (MSG_PEEK | MSG_ERRQUEUE))
		drop_held(c);
	return CALL_DONE; /* what was not delivered goes back when the call ends */
}
