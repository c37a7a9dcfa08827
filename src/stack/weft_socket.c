/* libweft's sockets (include/weft/weft.h): each call enters the home cpu's step at the world's present time and does what the
 * system call of that name would. Nothing blocks.
 */
#include <weft/weft.h>

#include "core/netns.h"
#include "core/world.h"
#include "sock/packet/packet.h"
#include "sock/tun/tun.h"
#include "sock/sock.h"

/* A caller's event function, kept in socket->wake_arg while one is set. */
struct event_fn {
	void (*fn)(weft_socket *s, uint32_t events, void *arg);
	void *arg;
};

#define IN_STEP(type, s, call)                                                                                         \
	({                                                                                                             \
		struct cpu *cpu = (s)->net->home;                                                                      \
		cpu_enter(cpu, cpu->now);                                                                              \
		type result_ = (call);                                                                                 \
		cpu_leave(cpu);                                                                                        \
		result_;                                                                                               \
	})

int weft_socket_new(weft_netns *net, int family, int type, int protocol, weft_socket **out)
{
	struct cpu *cpu = net->home;

	cpu_enter(cpu, cpu->now);
	int err = socket_new(cpu, net, family, type, protocol, out);
	cpu_leave(cpu);
	return err;
}

int weft_tun_new(weft_netns *net, char *name, unsigned flags, weft_socket **out)
{
	struct cpu *cpu = net->home;
	int err;

	cpu_enter(cpu, cpu->now);
	err = socket_of(cpu, net, &tun_family, 0, out);
	if (!err && (err = tun_set_iff(cpu, tun_file((*out)->sk), name, flags)))
		socket_close(cpu, *out);
	cpu_leave(cpu);
	return err;
}

static void event_wake(struct cpu *cpu, struct socket *s, u32 events, void *arg)
{
	struct event_fn *e = arg;
	e->fn(s, events, e->arg);
}

/* Forgets the event function, if there is one. */
static void event_forget(struct socket *s)
{
	if (s->wake != event_wake)
		return;
	void *e = s->wake_arg;
	socket_set_wake(s, NULL, NULL);
	mem_free(&s->net->world->mem, e);
}

void weft_on_event(weft_socket *s, void (*fn)(weft_socket *s, uint32_t events, void *arg), void *arg)
{
	struct event_fn *e;

	if (fn && s->wake == event_wake) {
		e = s->wake_arg;
		*e = (struct event_fn){ fn, arg };
		return;
	}
	event_forget(s);
	if (!fn || !(e = mem_alloc(&s->net->world->mem, sizeof *e)))
		return;
	*e = (struct event_fn){ fn, arg };
	socket_set_wake(s, event_wake, e);
}

void weft_close(weft_socket *s)
{
	if (!s)
		return;
	struct cpu *cpu = s->net->home;
	event_forget(s);
	cpu_enter(cpu, cpu->now);
	socket_close(cpu, s);
	cpu_leave(cpu);
}

int weft_bind(weft_socket *s, const struct sockaddr *a, socklen_t len) { return IN_STEP(int, s, socket_bind(cpu, s, a, len)); }
int weft_connect(weft_socket *s, const struct sockaddr *a, socklen_t len) { return IN_STEP(int, s, socket_connect(cpu, s, a, len)); }
int weft_listen(weft_socket *s, int backlog) { return IN_STEP(int, s, socket_listen(cpu, s, backlog)); }
int weft_accept(weft_socket *s, weft_socket **out) { return IN_STEP(int, s, socket_accept(cpu, s, out)); }
int weft_shutdown(weft_socket *s, int how) { return IN_STEP(int, s, socket_shutdown(cpu, s, how)); }
uint32_t weft_poll(weft_socket *s) { return IN_STEP(uint32_t, s, socket_poll(cpu, s)); }

ssize_t weft_sendmsg(weft_socket *s, const struct msghdr *m, int flags) { return IN_STEP(ssize_t, s, socket_sendmsg(cpu, s, m, flags)); }
ssize_t weft_recvmsg(weft_socket *s, struct msghdr *m, int flags) { return IN_STEP(ssize_t, s, socket_recvmsg(cpu, s, m, flags)); }

ssize_t weft_send(weft_socket *s, const void *buf, size_t len, int flags)
{
	struct iovec iov = { (void *)buf, len };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };
	return weft_sendmsg(s, &m, flags);
}

ssize_t weft_recv(weft_socket *s, void *buf, size_t len, int flags)
{
	struct iovec iov = { buf, len };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };
	return weft_recvmsg(s, &m, flags);
}

int weft_setsockopt(weft_socket *s, int level, int name, const void *val, socklen_t len)
{
	return IN_STEP(int, s, socket_setsockopt(cpu, s, level, name, val, len));
}
int weft_getsockopt(weft_socket *s, int level, int name, void *val, socklen_t *len)
{
	return IN_STEP(int, s, socket_getsockopt(cpu, s, level, name, val, len));
}

void *weft_packet_ring(weft_socket *s, size_t *bytes)
{
	const struct packet_ring *r = s->family == AF_PACKET ? packet_sk(s->sk)->ring : NULL;

	if (!r)
		return NULL;
	*bytes = packet_ring_size(&r->q);
	return r->mem;
}
int weft_getsockname(weft_socket *s, struct sockaddr_storage *a, socklen_t *len)
{
	return IN_STEP(int, s, socket_getname(cpu, s, false, a, len));
}
int weft_getpeername(weft_socket *s, struct sockaddr_storage *a, socklen_t *len)
{
	return IN_STEP(int, s, socket_getname(cpu, s, true, a, len));
}

int weft_peek(weft_socket *s, struct iovec *iov, unsigned max, uint64_t *bytes)
{
	return IN_STEP(int, s, socket_peek(cpu, s, iov, max, bytes));
}
void weft_consume(weft_socket *s, uint64_t bytes) { IN_STEP(int, s, (socket_consume(cpu, s, bytes), 0)); }
int weft_reserve(weft_socket *s, struct iovec *iov, unsigned max, uint64_t *bytes)
{
	return IN_STEP(int, s, socket_reserve(cpu, s, iov, max, bytes));
}
int weft_commit(weft_socket *s, uint64_t bytes, int flags) { return IN_STEP(int, s, socket_commit(cpu, s, bytes, flags)); }
