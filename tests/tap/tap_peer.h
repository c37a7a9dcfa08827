/* For tests against this machine's own kernel over a TAP: the two ends of a transfer, each client or server, sender or receiver.
 * The kernel's side is plain blocking sockets; weft's side lives in its socket's wake-ups on the lane. Contents are compared. */
#ifndef TESTS_TAP_TAP_PEER_H
#define TESTS_TAP_TAP_PEER_H

#include <arpa/inet.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>
#include <weft/sim.h>

#include "core/netns.h"
#include "host/host.h"
#include "host/port_tap.h"
#include "link/type/nic.h"
#include "sock/sock.h"
#include "stack/stack.h"

static struct host *h;
static struct netns *far; /* where weft's ends live */
static struct {
	int family;
	const char *kernel, *weft; /* addresses */
} ends;

static u8 pattern(u64 i) { return (u8)((i * 2654435761u) >> 13 ^ (i >> 21) * 197); }

/* -- weft's side: a sender or a receiver that lives in its socket's wake-ups -- */
struct peer {
	struct socket *listener, *s;
	bool sends;
	u64 total, bytes, bad;
	int err;
	bool done;
	pthread_mutex_t m;
	pthread_cond_t c;
};

static void finish(struct peer *p, int err)
{
	pthread_mutex_lock(&p->m);
	p->err = err;
	p->done = true;
	pthread_cond_broadcast(&p->c);
	pthread_mutex_unlock(&p->m);
}

static void progress(struct cpu *cpu, struct socket *s, u32 events, void *arg)
{
	struct peer *p = arg;
	static u8 buf[65536]; /* one lane: one at a time */
	ssize_t n;
	if (p->done)
		return;
	for (;;) {
		size_t want = p->sends ? MIN(sizeof(buf), p->total - p->bytes) : sizeof(buf);
		if (p->sends && !want) {
			socket_shutdown(cpu, s, SHUT_WR);
			return finish(p, 0);
		}
		struct iovec iov = { buf, want };
		struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };
		if (p->sends)
			for (size_t i = 0; i < want; i++)
				buf[i] = pattern(p->bytes + i);
		n = p->sends ? socket_sendmsg(cpu, s, &m, 0) : socket_recvmsg(cpu, s, &m, 0);
		if (n == -EAGAIN || n == -ENOTCONN)
			return;
		if (n < 0)
			return finish(p, (int)n);
		if (n == 0) {
			socket_shutdown(cpu, s, SHUT_WR);
			return finish(p, 0);
		}
		if (!p->sends)
			for (ssize_t i = 0; i < n; i++)
				p->bad += buf[i] != pattern(p->bytes + (u64)i);
		p->bytes += (u64)n;
	}
}

static void incoming(struct cpu *cpu, struct socket *s, u32 events, void *arg)
{
	struct peer *p = arg;
	if (p->s || socket_accept(cpu, s, &p->s))
		return;
	socket_set_wake(p->s, progress, p);
	progress(cpu, p->s, 0, p);
}

static void peer_init(struct peer *p, bool sends, u64 total)
{
	*p = (struct peer){ .sends = sends, .total = total, .m = PTHREAD_MUTEX_INITIALIZER, .c = PTHREAD_COND_INITIALIZER };
}

static void peer_wait(struct peer *p)
{
	pthread_mutex_lock(&p->m);
	while (!p->done)
		pthread_cond_wait(&p->c, &p->m);
	pthread_mutex_unlock(&p->m);
	struct cpu *cpu = host_lock_net(h, far);
	if (p->listener)
		socket_close(cpu, p->listener);
	socket_close(cpu, p->s);
	host_unlock(h, cpu);
	assert_int_equal(p->err, 0);
	assert_int_equal(p->bad, 0);
	assert_int_equal(p->bytes, p->total);
}

static struct sockaddr_storage addr(const char *a, u16 port, socklen_t *len)
{
	struct sockaddr_storage ss = { .ss_family = (sa_family_t)ends.family };

	if (ends.family == AF_INET6) {
		((struct sockaddr_in6 *)&ss)->sin6_port = htons(port);
		assert_int_equal(inet_pton(AF_INET6, a, &((struct sockaddr_in6 *)&ss)->sin6_addr), 1);
		*len = sizeof(struct sockaddr_in6);
	} else {
		((struct sockaddr_in *)&ss)->sin_port = htons(port);
		assert_int_equal(inet_pton(AF_INET, a, &((struct sockaddr_in *)&ss)->sin_addr), 1);
		*len = sizeof(struct sockaddr_in);
	}
	return ss;
}

static void weft_listens(struct peer *p, bool sends, u64 total, u16 port)
{
	socklen_t len;
	struct sockaddr_storage at = addr(ends.weft, port, &len);
	peer_init(p, sends, total);
	struct cpu *cpu = host_lock_net(h, far);
	assert_int_equal(socket_new(cpu, far, ends.family, SOCK_STREAM, 0, &p->listener), 0);
	socket_set_wake(p->listener, incoming, p);
	assert_int_equal(socket_bind(cpu, p->listener, (struct sockaddr *)&at, len), 0);
	assert_int_equal(socket_listen(cpu, p->listener, 8), 0);
	host_unlock(h, cpu);
}

static void weft_connects(struct peer *p, bool sends, u64 total, u16 port)
{
	socklen_t len;
	struct sockaddr_storage to = addr(ends.kernel, port, &len);
	peer_init(p, sends, total);
	struct cpu *cpu = host_lock_net(h, far);
	assert_int_equal(socket_new(cpu, far, ends.family, SOCK_STREAM, 0, &p->s), 0);
	socket_set_wake(p->s, progress, p);
	assert_int_equal(socket_connect(cpu, p->s, (struct sockaddr *)&to, len), -EINPROGRESS);
	host_unlock(h, cpu);
}

/* -- the kernel's side -- */
static void kernel_moves(int fd, bool sends, u64 total)
{
	u8 buf[65536];
	u64 bytes = 0, bad = 0;
	ssize_t n;
	assert_true(fd >= 0);
	if (sends) {
		while (bytes < total) {
			size_t want = MIN(sizeof(buf), total - bytes);
			for (size_t i = 0; i < want; i++)
				buf[i] = pattern(bytes + i);
			n = write(fd, buf, want);
			assert_true(n > 0);
			bytes += (u64)n;
		}
		shutdown(fd, SHUT_WR);
		assert_int_equal(read(fd, buf, 1), 0); /* weft's end closes after all has arrived */
	} else {
		while ((n = read(fd, buf, sizeof(buf))) > 0) {
			for (ssize_t i = 0; i < n; i++)
				bad += buf[i] != pattern(bytes + (u64)i);
			bytes += (u64)n;
		}
		assert_int_equal(n, 0);
		assert_int_equal(bad, 0);
		assert_int_equal(bytes, total);
	}
	close(fd);
}

static int kernel_connects(u16 port)
{
	socklen_t len;
	struct sockaddr_storage to = addr(ends.weft, port, &len);
	int fd = socket(ends.family, SOCK_STREAM, 0);
	return connect(fd, (struct sockaddr *)&to, len) ? -1 : fd;
}

static int kernel_listens(u16 port)
{
	socklen_t len;
	struct sockaddr_storage at = addr(ends.kernel, port, &len);
	int fd = socket(ends.family, SOCK_STREAM, 0), one = 1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	assert_int_equal(bind(fd, (struct sockaddr *)&at, len), 0);
	assert_int_equal(listen(fd, 8), 0);
	return fd;
}

static void tell_drops(int sig); /* the test's own: what became of the packets */

static void sh(const char *cmd)
{
	if (system(cmd)) {
		tell_drops(0);
		fail_msg("%s", cmd);
	}
}

static void put(const char *file, const char *text)
{
	int fd = open(file, O_WRONLY);
	if (fd >= 0) {
		if (write(fd, text, strlen(text)) < 0)
			perror(file);
		close(fd);
	}
}

/* Into a user and network namespace of our own, as root of it. False: this machine has no TAPs or namespaces for us. */
static bool enter_namespaces(void)
{
	unsigned uid = getuid(), gid = getgid();
	char map[64];

	if (access("/dev/net/tun", R_OK | W_OK) || unshare(CLONE_NEWUSER | CLONE_NEWNET))
		return false;
	put("/proc/self/setgroups", "deny");
	snprintf(map, sizeof(map), "0 %u 1", uid);
	put("/proc/self/uid_map", map);
	snprintf(map, sizeof(map), "0 %u 1", gid);
	put("/proc/self/gid_map", map);
	return true;
}

#endif
