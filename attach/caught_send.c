/* Caught sends: with an address, with control messages, and every sendmsg.
 *
 * The message is gathered without the baton, then handed to the stack. It has acted when the answer is sent: replay.c.
 *
 * Netlink: the request is processed, and its answers lie in the program's queue, before the call returns.
 */
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>

#include "attach/supervisor.h"

#define DATAGRAM_MAX 65536

/* Whether a control message is among those for which Linux asks for a capability: the others are too frequent to look the caller up. */
static bool asks_right(const struct msghdr *m)
{
	const u8 *p = m->msg_control;
	struct cmsghdr h;

	for (size_t left = m->msg_controllen; left >= sizeof(h);) {
		memcpy(&h, p, sizeof(h));
		if (h.cmsg_len < sizeof(h) || h.cmsg_len > left)
			return false;
		if (h.cmsg_level == SOL_SOCKET && (h.cmsg_type == SO_MARK || h.cmsg_type == SO_PRIORITY))
			return true;
		if (h.cmsg_level == SOL_IPV6 && h.cmsg_type != IPV6_PKTINFO && h.cmsg_type != IPV6_HOPLIMIT && h.cmsg_type != IPV6_TCLASS)
			return true;
		p += MIN(ALIGN_UP(h.cmsg_len, sizeof(size_t)), left);
		left -= MIN(ALIGN_UP(h.cmsg_len, sizeof(size_t)), left);
	}
	return false;
}

/* One message to the stack; *end is CALL_PARKED when it waits. */
static s64 to_stack(struct call *c, struct msghdr *m, int flags, enum call_end *end)
{
	struct asock *as = c->as;
	bool all = as->kind == ASOCK_NETLINK;
	struct cpu *cpu;
	ssize_t n;

	if (all || (m->msg_controllen && asks_right(m)))
		call_identify(c, as->kns, true);
	cpu = all ? call_lock_all(c) : call_lock(c);
	*end = CALL_REPLY;
	if (!as->s) {
		n = -EBADF;
	} else {
		dgram_pull(cpu, as); /* what was written before comes before */
		n = socket_sendmsg(cpu, as->s, m, flags | MSG_DONTWAIT);
		if (all)
			dgram_fill(cpu, as); /* the answers are there when the call returns */
		dgram_untoken(cpu, as, c->dup);
		if (n == -EAGAIN && call_blocks(c, flags) && !c->expired)
			*end = call_park(c, POLLOUT, as->sndtimeo_ns);
	}
	if (all)
		call_unlock_all(c, cpu);
	else
		call_unlock(c, cpu);
	return n;
}

/* Stream data that came with an address or control messages, which mean nothing to a connected TCP socket, or as urgent. */
static s64 stream_write(struct call *c, const void *data, size_t len, int flags, enum call_end *end)
{
	struct asock *as = c->as;
	struct cpu *cpu;
	ssize_t n;

	*end = CALL_REPLY;
	if (as->state != STREAM_OPEN)
		return as->state == STREAM_CONNECTING ? -EAGAIN : -EPIPE;
	if (!(flags & MSG_OOB)) {
		n = send(c->dup, data, len, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n >= 0 || errno != EAGAIN)
			return n < 0 ? -errno : n;
	}
	cpu = call_lock(c);
	if (flags & MSG_OOB) {
		n = urgent_send(cpu, as, c->dup, data, len);
	} else {
		stream_pull(cpu, as);
		n = send(c->dup, data, len, MSG_DONTWAIT | MSG_NOSIGNAL);
		n = n < 0 ? -errno : n;
	}
	if (n == -EAGAIN && call_blocks(c, flags) && !c->expired)
		*end = call_park(c, POLLOUT, as->sndtimeo_ns);
	call_unlock(c, cpu);
	return n;
}

/* Sends one message described by g; single: it is all that the call does. */
static s64 send_one(struct call *c, const struct args_msg *g, int flags, bool single, enum call_end *end)
{
	size_t max = c->as->kind == ASOCK_DGRAM ? 4 * DATAGRAM_MAX : ARGS_MAX_SEND; /* of datagrams the stack says what is too long */
	struct sockaddr_storage name;
	struct iovec iov;
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };
	size_t len = (size_t)MIN(g->total, (u64)ARGS_MAX_SEND);
	u8 *buf;
	s64 ret;
	int e;

	*end = CALL_REPLY;
	if (c->as->kind == ASOCK_STREAM)
		len = MIN(len, (size_t)1 << 18);
	else if (g->total > max)
		return -EMSGSIZE;
	e = args_sockaddr(&c->mem, g->name, g->namelen, &name);
	if (e)
		return e;
	buf = malloc(len + g->controllen + 1);
	if (!buf)
		return -ENOBUFS;
	e = args_control(&c->mem, g, buf);
	if (!e)
		e = args_gather(&c->mem, g, buf + g->controllen, len);
	if (e || (single && call_replayed(c, buf, len + g->controllen))) {
		free(buf);
		return e ? e : c->ret;
	}
	if (!call_valid(c)) {
		free(buf);
		*end = CALL_DONE;
		return -ENOENT;
	}
	iov = (struct iovec){ buf + g->controllen, len };
	if (g->name && g->namelen) {
		m.msg_name = &name;
		m.msg_namelen = g->namelen;
	}
	if (g->controllen) {
		m.msg_control = buf;
		m.msg_controllen = g->controllen;
	}
	if (c->as->kind == ASOCK_STREAM)
		ret = stream_write(c, iov.iov_base, len, flags, end);
	else
		ret = to_stack(c, &m, flags, end);
	free(buf);
	c->sigpipe = ret == -EPIPE && !(flags & MSG_NOSIGNAL) && c->as->kind == ASOCK_STREAM;
	return ret;
}

enum call_end call_sendto(struct call *c)
{
	struct args_msg g = { .name = c->arg[4], .namelen = c->arg[4] ? (u32)c->arg[5] : 0, .iovlen = 1 };
	enum call_end end;
	s64 ret;

	g.iov = g.small;
	g.small[0] = (struct iovec){ (void *)(uintptr_t)c->arg[1], MIN(c->arg[2], (u64)0x7ffff000) };
	g.total = g.small[0].iov_len;
	ret = send_one(c, &g, (int)c->arg[3], true, &end);
	return end == CALL_REPLY ? call_ret(c, ret) : end;
}

enum call_end call_sendmsg(struct call *c)
{
	struct args_msg g;
	enum call_end end;
	s64 ret;
	int e;

	c->near_behind = 1024; /* short requests lie on the stack too, above */
	e = args_msg(&c->mem, c->arg[1], true, &g);

	if (!e && c->as->kind == ASOCK_STREAM && !g.name && !g.controllen && !(c->arg[2] & MSG_OOB)) {
		args_msg_free(&g);
		return CALL_CONTINUE;
	}
	ret = e ? e : send_one(c, &g, (int)c->arg[2], true, &end);
	args_msg_free(&g);
	return e || end == CALL_REPLY ? call_ret(c, ret) : end;
}

enum call_end call_sendmmsg(struct call *c)
{
	u32 n = (u32)MIN(c->arg[2], (u64)1024), done = 0;
	int flags = (int)c->arg[3];
	enum call_end end = CALL_REPLY;
	s64 ret = 0;

	if (c->as->kind == ASOCK_STREAM && !(flags & MSG_OOB))
		return CALL_CONTINUE;
	if (call_replayed(c, NULL, 0))
		return CALL_REPLY;
	for (; done < n; done++) {
		u64 at = c->arg[1] + done * sizeof(struct mmsghdr);
		struct args_msg g;
		u32 len;

		ret = args_msg(&c->mem, at, true, &g);
		if (!ret)
			ret = send_one(c, &g, done ? flags | MSG_DONTWAIT : flags, false, &end);
		args_msg_free(&g);
		if (ret < 0 || end == CALL_DONE)
			break;
		len = (u32)ret;
		call_write(c, at + offsetof(struct mmsghdr, msg_len), &len, sizeof(len));
	}
	if (!done)
		return end == CALL_REPLY ? call_ret(c, ret) : end;
	return call_ret(c, done);
}
