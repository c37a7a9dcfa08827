/* Datagrams, raw packets and netlink messages: SOCK_SEQPACKET pairs.
 *
 * A connected socket that wants no control messages has all its datagrams in the kernel's queue (`many`), and is read without us.
 * Otherwise at most one datagram is in the kernel's queue: it makes the descriptor readable and can be read plainly, and its
 * address, which the kernel knows nothing of, is at the head of rxq. A caught receive takes it from a duplicate; when it
 * was read without us (the queue is empty), the head is forgotten, and the next goes in.
 *
 * What is taken is the program's only when the answer was delivered; else it goes back to the head.
 *
 * What programs write without being caught arrives at our end and goes to where the socket is connected, or to the kernel that a
 * netlink socket talks to, on behalf of who made the socket.
 */
#include <linux/netlink.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "attach/supervisor.h"

#define CONTROL_BYTES 4096
#define DATAGRAM_MAX (1u << 17) /* a frame with headers in front; datagrams are shorter */
#define NETLINK_MAX (1u << 20)

struct dgram *dgram_make(size_t len, size_t controllen)
{
	struct dgram *d = malloc(sizeof(*d) + len + controllen);

	if (!d)
		return NULL;
	*d = (struct dgram){ .len = (u32)len, .controllen = (u32)controllen };
	list_init(&d->link);
	d->control = (u8 *)(d + 1);
	d->data = d->control + controllen;
	return d;
}

void dgrams_free(struct asock *as)
{
	while (!list_empty(&as->rxq)) {
		struct dgram *d = list_first(&as->rxq, struct dgram, link);

		list_del(&d->link);
		free(d);
	}
	free(as->unsent);
	as->unsent = NULL;
}

/* One message out of the stack. -EAGAIN, -errno. */
int dgram_from_stack(struct cpu *cpu, struct asock *as, int flags, struct dgram **out)
{
	const struct sk_buff *next = as->s->sk->rx_queue.first;
	size_t max = as->kind != ASOCK_NETLINK ? DATAGRAM_MAX : next ? next->len : 0; /* no headers in front */
	struct dgram *d = dgram_make(max, CONTROL_BYTES), *fit;
	struct iovec iov;
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };
	ssize_t n;

	if (!d)
		return -ENOMEM;
	iov = (struct iovec){ d->data, max };
	m.msg_name = &d->name;
	m.msg_namelen = sizeof(d->name);
	m.msg_control = d->control;
	m.msg_controllen = CONTROL_BYTES;
	n = socket_recvmsg(cpu, as->s, &m, flags | MSG_DONTWAIT);
	if (n < 0) {
		free(d);
		return (int)n;
	}
	fit = dgram_make((size_t)n, m.msg_controllen);
	if (!fit) {
		free(d);
		return -ENOMEM;
	}
	memcpy(fit->data, d->data, (size_t)n);
	memcpy(fit->control, d->control, m.msg_controllen);
	fit->flags = (u32)m.msg_flags;
	fit->name = d->name;
	fit->namelen = m.msg_namelen;
	free(d);
	*out = fit;
	return 0;
}

/* A pending error is for the program's next call, and must not stop what it reads without us. */
static int from_stack_keep_error(struct cpu *cpu, struct asock *as, struct dgram **out)
{
	struct sock *sk = as->s->sk;
	s32 err = sk->err;
	int e;

	sk->err = 0;
	e = dgram_from_stack(cpu, as, 0, out);
	if (!sk->err)
		sk->err = err;
	return e;
}

/* The kernel says that there is room (EPOLLOUT, once) while it still counts one byte of what was read: no message costs so little. */
bool dgram_pair_empty(struct asock *as)
{
	int n = 0;

	if (!as->drained)
		as->drained = ioctl(as->end, SIOCOUTQ, &n) < 0 || n <= 1;
	return as->drained;
}

/* Nothing can raise POLLERR at the program's end of such a pair, while it goes on living. So that whoever polls comes and asks, an error makes
 * it readable: an empty datagram, when nothing else is there. A caught receive answers the error and takes it away. Who wants all errors
 * has another pair: dgram_error.c. */
bool dgram_has_error(const struct asock *as)
{
	const struct sock *sk = as->s ? as->s->sk : NULL;

	return sk && (sk->err || sk->err_queue.first);
}

static void show_error(struct cpu *cpu, struct asock *as)
{
	if (as->token || as->end < 0 || !dgram_has_error(as))
		return;
	if (as->pollerr) {
		pollerr_raise(cpu, as);
		return;
	}
	if (!dgram_pair_empty(as))
		return;
	as->token = send(as->end, "", 0, MSG_DONTWAIT | MSG_NOSIGNAL) == 0;
	as->drained = false;
}

void dgram_untoken(struct cpu *cpu, struct asock *as, int dup)
{
	if (as->pollerr) {
		pollerr_lower(as, dup);
		if (dgram_has_error(as))
			show_error(cpu, as); /* another one */
		else
			pollerr_gone(cpu, as);
		return;
	}
	if (!as->token || dgram_has_error(as) || dup < 0)
		return;
	if (!dgram_pair_empty(as) && recv(dup, NULL, 0, MSG_PEEK | MSG_TRUNC | MSG_DONTWAIT) == 0)
		recv(dup, NULL, 0, MSG_DONTWAIT);
	as->token = false;
}

/* Behind what is in the pair: something to put there when the program has read it. Without that its reading wakes nobody. */
static bool more_waits(const struct asock *as, const struct dgram *in_pair)
{
	return in_pair->link.next != &as->rxq || as->s->sk->rx_queue.first || (dgram_has_error(as) && !as->pollerr);
}

void dgram_fill(struct cpu *cpu, struct asock *as)
{
	struct dgram *d;

	if (as->end < 0 || !as->s)
		return;
	if (as->token && !as->pollerr && dgram_pair_empty(as))
		as->token = false; /* read without us */
	for (;;) {
		d = list_empty(&as->rxq) ? NULL : list_first(&as->rxq, struct dgram, link);
		if (d && d->in_pair) {
			if (!as->many && !dgram_pair_empty(as)) {
				asock_want_out(as, more_waits(as, d)); /* somebody may read it without us */
				return;
			}
			list_del(&d->link);
			free(d);
			continue;
		}
		if (!d) {
			if (from_stack_keep_error(cpu, as, &d)) {
				asock_want_out(as, false);
				return;
			}
			list_add_head(&as->rxq, &d->link);
		}
		if (as->pollerr_holds) {
			asock_want_out(as, false);
			return;
		}
		if (!as->many && !dgram_pair_empty(as)) {
			asock_want_out(as, true);
			return;
		}
		as->drained = false;
		if (send(as->end, d->data, d->len, MSG_DONTWAIT | MSG_NOSIGNAL) < 0) {
			if (errno == EAGAIN || errno == ENOBUFS || errno == ENOMEM) {
				asock_want_out(as, true);
				return;
			}
			list_del(&d->link); /* the program shut its side: nobody will read it */
			free(d);
			continue;
		}
		calls_wake(as, POLLIN); /* the socket's own wake comes too late: it sees an empty queue */
		if (as->many) {
			list_del(&d->link);
			free(d);
			continue;
		}
		d->in_pair = true;
		asock_want_out(as, more_waits(as, d));
		return;
	}
}

static bool wants_control(struct cpu *cpu, struct asock *as)
{
	static const struct {
		int level, name;
	} opts[] = { { SOL_SOCKET, SO_TIMESTAMP },     { SOL_SOCKET, SO_TIMESTAMPNS }, { SOL_SOCKET, SO_TIMESTAMPING },
		     { SOL_SOCKET, SO_RXQ_OVFL },      { IPPROTO_IP, IP_PKTINFO },     { IPPROTO_IP, IP_RECVTTL },
		     { IPPROTO_IP, IP_RECVTOS },       { IPPROTO_IP, IP_RECVOPTS },    { IPPROTO_IP, IP_RETOPTS },
		     { IPPROTO_IP, IP_RECVORIGDSTADDR }, { IPPROTO_IP, IP_RECVERR } };

	if (as->s->family != AF_INET)
		return true;
	for (unsigned i = 0; i < ARRAY_SIZE(opts); i++) {
		int v[2] = { 0 };
		socklen_t len = sizeof(v);

		if (socket_getsockopt(cpu, as->s, opts[i].level, opts[i].name, v, &len) == 0 && v[0])
			return true;
	}
	return false;
}

void dgram_mode(struct cpu *cpu, struct asock *as)
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);
	bool many;

	if (as->kind != ASOCK_DGRAM || !as->s || as->tun)
		return;
	many = socket_getname(cpu, as->s, true, &ss, &len) == 0 && as->s->type == SOCK_DGRAM && !wants_control(cpu, as);
	if (many == as->many)
		return;
	as->many = many;
	as->peer = ss;
	as->peerlen = many ? len : 0;
	dgram_fill(cpu, as);
}

void dgram_wake(struct cpu *cpu, struct socket *s, u32 events, void *arg)
{
	struct asock *as = arg;

	if (as->closed || !as->s)
		return;
	if (as->ring)
		ring_wake(cpu, as);
	if (as->tun && events & POLLHUP && as->end >= 0)
		shutdown(as->end, SHUT_RDWR); /* its device is gone */
	if (events & POLLOUT && as->unsent)
		dgram_event(cpu, as, EPOLLIN);
	dgram_fill(cpu, as);
	if (events & POLLERR && as->kind == ASOCK_DGRAM && list_empty(&as->parked))
		show_error(cpu, as);
	calls_wake(as, events);
}

/* What the program wrote without being caught. */
void dgram_pull(struct cpu *cpu, struct asock *as)
{
	size_t max = as->kind == ASOCK_NETLINK ? NETLINK_MAX : DATAGRAM_MAX;
	struct pollfd p = { .fd = as->end, .events = POLLIN };

	for (unsigned turn = 0; turn < 256; turn++) {
		struct dgram *d = as->unsent;
		struct iovec iov;
		struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };
		ssize_t n;

		as->unsent = NULL;
		if (!d) {
			if (poll(&p, 1, 0) <= 0 || !(p.revents & POLLIN))
				return;
			n = recv(as->end, NULL, 0, MSG_PEEK | MSG_TRUNC | MSG_DONTWAIT);
			if (n < 0 || (n == 0 && p.revents & (POLLHUP | POLLRDHUP)))
				return;
			d = dgram_make(MIN((size_t)n, max), 0);
			if (!d)
				return;
			if (recv(as->end, d->data, d->len, MSG_DONTWAIT) < 0) {
				free(d);
				return;
			}
		}
		iov = (struct iovec){ d->data, d->len };
		n = socket_sendmsg(cpu, as->s, &m, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n == -EAGAIN) {
			as->unsent = d;
			return;
		}
		free(d);
		if (n < 0 && as->s->sk && as->kind == ASOCK_DGRAM && !as->tun)
			sock_set_error(cpu, as->s->sk, (int)-n);
	}
	if (as->hf)
		asock_look_again(as);
}

/* A request that was written without being caught has no caller whose descriptors or memory could be asked for. */
static int no_fd(struct call_ctx *c, int fd, struct netns **out) { return -EBADF; }
static int no_pid(struct call_ctx *c, int pid, struct netns **out) { return -ESRCH; }
static int no_copy_from(struct call_ctx *c, void *to, u64 addr, size_t len) { return -EFAULT; }
static int no_copy_to(struct call_ctx *c, u64 addr, const void *from, size_t len) { return -EFAULT; }

static const struct call_ops nobody_ops = {
	.netns_by_fd = no_fd,
	.netns_by_pid = no_pid,
	.copy_from = no_copy_from,
	.copy_to = no_copy_to,
};

void dgram_event(struct cpu *cpu, struct asock *as, u32 events)
{
	struct call_ctx ctx = { .ops = &nobody_ops };
	bool all = as->wide && !cpu;
	struct call_ctx *was;

	if (all)
		cpu = host_lock_all(as->a->h);
	if (all && as->kind != ASOCK_NETLINK)
		cpu = as->net->home;
	if (!as->closed && as->s) {
		ctx.net_admin = as->admin;
		ctx.net_raw = as->raw;
		was = cpu->caller;
		if (!was && as->kind == ASOCK_NETLINK)
			cpu->caller = &ctx;
		if (events & (EPOLLIN | EPOLLHUP))
			dgram_pull(cpu, as);
		cpu->caller = was;
		if (events & EPOLLHUP)
			asock_close(cpu, as);
		else
			dgram_fill(cpu, as);
	}
	if (all)
		host_unlock_all(as->a->h);
}
