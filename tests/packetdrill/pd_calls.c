/* The socket calls of the script: descriptors, and blocking, over libweft's sockets that never block.
 *
 * A descriptor is a number that the process really has (an eventfd nobody uses), so that it collides with nothing. A blocking call is the
 * call tried again whenever something happened. Pointers come from the script and may be bad: memory is probed first. */
#include "tests/packetdrill/pd.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/types.h"
#include "core/cpu.h"
#include "sock/inet_sock.h"

/* The most bytes that one call moves at the stack's door. */
#define IOV_LIMIT 1024

struct pd_file *pd_file(int fd) { return fd >= 0 && fd < pd.nfiles ? pd.files[fd] : NULL; }

struct pd_file *pd_file_new(void)
{
	struct pd_file *f = calloc(1, sizeof *f), **files;
	int fd = f ? eventfd(0, EFD_CLOEXEC) : -1;

	if (fd < 0)
		goto fail;
	if (fd >= pd.nfiles) {
		files = realloc(pd.files, sizeof(*files) * (size_t)(fd + 64));
		if (!files)
			goto fail;
		memset(files + pd.nfiles, 0, sizeof(*files) * (size_t)(fd + 64 - pd.nfiles));
		pd.files = files;
		pd.nfiles = fd + 64;
	}
	f->fd = fd;
	list_init(&f->watchers);
	return pd.files[fd] = f;
fail:
	if (fd >= 0)
		close(fd);
	free(f);
	errno = ENOMEM;
	return NULL;
}

void pd_file_free(struct pd_file *f)
{
	pd.files[f->fd] = NULL;
	pd_epoll_forget(f);
	if (f->ep)
		pd_epoll_free(f->ep);
	if (f->s)
		weft_close(f->s);
	close(f->fd);
	free(f);
}

static void event(weft_socket *s, uint32_t events, void *arg)
{
	pd_epoll_event(arg, events);
	pd_happened();
}

static struct pd_file *adopt(weft_socket *s, int flags)
{
	struct pd_file *f = pd_file_new();
	if (!f) {
		weft_close(s);
		return NULL;
	}
	f->s = s;
	f->nonblock = flags & SOCK_NONBLOCK;
	weft_on_event(s, event, f);
	return f;
}

static struct pd_file *sock(int fd)
{
	struct pd_file *f = pd_file(fd);
	errno = f ? ENOTSOCK : EBADF;
	return f && f->s ? f : NULL;
}

static ssize_t answer(ssize_t r)
{
	if (r >= 0)
		return r;
	errno = (int)-r;
	return -1;
}

/* fd's socket `f` under the lock; `expr` gives 0 or more, or -errno. */
#define ON_SOCKET(fd, expr)                                                                                            \
	({                                                                                                             \
		pd_enter();                                                                                            \
		struct pd_file *f = sock(fd);                                                                          \
		ssize_t r_ = f ? (ssize_t)(expr) : -errno;                                                             \
		pd_leave();                                                                                            \
		answer(r_);                                                                                            \
	})

static uint64_t time_limit(struct pd_file *f, int name, int flags)
{
	struct timeval tv;
	socklen_t len = sizeof tv;

	if (f->nonblock || flags & MSG_DONTWAIT)
		return 0;
	if (weft_getsockopt(f->s, SOL_SOCKET, name, &tv, &len) || (!tv.tv_sec && !tv.tv_usec))
		return PD_NEVER;
	return pd_now() + (uint64_t)tv.tv_sec * 1000000000 + (uint64_t)tv.tv_usec * 1000;
}

/* Can the bytes be read (and, having been read, be written)? One byte a page is looked at, through a pipe that says EFAULT. */
static bool memory_ok(const struct iovec *iov, size_t n)
{
	static int probe[2] = { -1, -1 };
	char byte;

	if (probe[0] < 0 && pipe2(probe, O_CLOEXEC | O_NONBLOCK))
		return true;
	for (size_t i = 0; i < n; i++)
		for (size_t at = 0; at < iov[i].iov_len; at += 4096) {
			if (write(probe[1], (const char *)iov[i].iov_base + at, 1) != 1)
				return false;
			if (read(probe[0], &byte, 1) != 1)
				return false;
		}
	return true;
}

static int do_socket(void *u, int family, int type, int protocol)
{
	weft_socket *s;
	struct pd_file *f = NULL;

	pd_enter();
	int err = weft_socket_new(pd.net, family, type & ~(SOCK_NONBLOCK | SOCK_CLOEXEC), protocol, &s);
	if (!err && !(f = adopt(s, type)))
		err = -ENOMEM;
	pd_leave();
	return err ? (int)answer(err) : f->fd;
}

static int do_bind(void *u, int fd, const struct sockaddr *a, socklen_t len) { return (int)ON_SOCKET(fd, weft_bind(f->s, a, len)); }
static int do_listen(void *u, int fd, int backlog) { return (int)ON_SOCKET(fd, weft_listen(f->s, backlog)); }
static int do_shutdown(void *u, int fd, int how) { return (int)ON_SOCKET(fd, weft_shutdown(f->s, how)); }
static int do_setsockopt(void *u, int fd, int level, int name, const void *val, socklen_t len)
{
	return (int)ON_SOCKET(fd, weft_setsockopt(f->s, level, name, val, len));
}
int pd_getsockopt(int fd, int level, int name, void *val, socklen_t *len)
{
	return (int)ON_SOCKET(fd, weft_getsockopt(f->s, level, name, val, len));
}
static int do_getsockopt(void *u, int fd, int level, int name, void *val, socklen_t *len) { return pd_getsockopt(fd, level, name, val, len); }

static int accept_one(struct pd_file *f, struct sockaddr *a, socklen_t *len)
{
	uint64_t limit = time_limit(f, SO_RCVTIMEO, 0);
	struct sockaddr_storage peer;
	socklen_t peer_len = sizeof peer;
	weft_socket *s;
	int err;

	while ((err = weft_accept(f->s, &s)) == -EAGAIN && pd_wait(limit))
		;
	if (err)
		return err;
	if (a && len) { /* also of a connection that has ended meanwhile, which getpeername would not name */
		inet_sockaddr_fill(s->sk, &inet_sk(s->sk)->daddr, inet_sk(s->sk)->dport, 0, &peer, &peer_len);
		memcpy(a, &peer, MIN(*len, peer_len));
		*len = peer_len;
	}
	f = adopt(s, 0);
	return f ? f->fd : -ENOMEM;
}
static int do_accept(void *u, int fd, struct sockaddr *a, socklen_t *len) { return (int)ON_SOCKET(fd, accept_one(f, a, len)); }

static int take_error(struct pd_file *f)
{
	int err = 0;
	socklen_t len = sizeof err;
	weft_getsockopt(f->s, SOL_SOCKET, SO_ERROR, &err, &len);
	return -err;
}

/* Waits for a connection under way; -EINPROGRESS when the time is over. */
static int finish_connect(struct pd_file *f, uint64_t limit)
{
	while (!(weft_poll(f->s) & (POLLOUT | POLLERR | POLLHUP)))
		if (!pd_wait(limit))
			return -EINPROGRESS;
	return take_error(f);
}

static int connect_to(struct pd_file *f, const struct sockaddr *a, socklen_t len)
{
	uint64_t limit = time_limit(f, SO_SNDTIMEO, 0);
	int err = weft_connect(f->s, a, len);

	return limit && (err == -EINPROGRESS || err == -EALREADY) ? finish_connect(f, limit) : err;
}
static int do_connect(void *u, int fd, const struct sockaddr *a, socklen_t len) { return (int)ON_SOCKET(fd, connect_to(f, a, len)); }

static bool opening(struct pd_file *f)
{
	struct tcp_info i;
	socklen_t len = sizeof i;

	return !weft_getsockopt(f->s, IPPROTO_TCP, TCP_INFO, &i, &len) && i.tcpi_state == TCP_SYN_SENT;
}

/* A call that blocks goes on until all bytes are taken; one that opened the connection, until it is open. */
ssize_t pd_send_all(struct pd_file *f, const struct msghdr *msg, int flags)
{
	uint64_t limit = time_limit(f, SO_SNDTIMEO, flags);
	struct iovec iov[IOV_LIMIT], *at = iov;
	struct msghdr m = *msg;
	size_t left = 0;
	ssize_t done = 0, r;

	if (msg->msg_iovlen > IOV_LIMIT)
		return -EMSGSIZE;
	if (!memory_ok(msg->msg_iov, msg->msg_iovlen))
		return -EFAULT;
	for (size_t i = 0; i < msg->msg_iovlen; i++)
		left += (iov[i] = msg->msg_iov[i]).iov_len;
	m.msg_iov = at;
	for (;;) {
		r = weft_sendmsg(f->s, &m, flags | (limit ? MSG_WAITALL : 0));
		if (r == -EINPROGRESS && limit && !(r = finish_connect(f, limit))) {
			m.msg_name = NULL;
			m.msg_namelen = 0;
			flags &= ~MSG_FASTOPEN;
			continue;
		}
		if (r > 0 && limit && opening(f)) {
			int err = finish_connect(f, limit);

			if (err)
				return err;
			flags &= ~MSG_FASTOPEN;
		}
		if (r > 0) {
			done += r;
			left -= (size_t)r;
			for (size_t n = (size_t)r; n; m.msg_iov = ++at, m.msg_iovlen--) {
				if (n < at->iov_len) {
					at->iov_base = (char *)at->iov_base + n;
					at->iov_len -= n;
					break;
				}
				n -= at->iov_len;
			}
		}
		if (!left || !limit || (r < 0 && r != -EAGAIN) || (r == 0 && !done))
			break;
		if (r <= 0 && !pd_wait(limit))
			break;
	}
	return done ? done : r;
}

static ssize_t receive(struct pd_file *f, struct msghdr *m, int flags)
{
	uint64_t limit = time_limit(f, SO_RCVTIMEO, flags);
	socklen_t name_len = m->msg_namelen;
	size_t control_len = m->msg_controllen;
	ssize_t r;

	if (!memory_ok(m->msg_iov, m->msg_iovlen))
		return -EFAULT;
	for (;;) {
		m->msg_namelen = name_len;
		m->msg_controllen = control_len;
		r = weft_recvmsg(f->s, m, flags);
		if (r != -EAGAIN || flags & MSG_ERRQUEUE || !pd_wait(limit))
			return r;
	}
}

static ssize_t do_sendmsg(void *u, int fd, const struct msghdr *m, int flags) { return ON_SOCKET(fd, pd_send_all(f, m, flags)); }
static ssize_t do_recvmsg(void *u, int fd, struct msghdr *m, int flags) { return ON_SOCKET(fd, receive(f, m, flags)); }
static ssize_t do_sendto(void *u, int fd, const void *buf, size_t n, int flags, const struct sockaddr *a, socklen_t len)
{
	struct iovec iov = { (void *)buf, n };
	const struct msghdr m = { .msg_name = (void *)a, .msg_namelen = a ? len : 0, .msg_iov = &iov, .msg_iovlen = 1 };
	return do_sendmsg(u, fd, &m, flags);
}
static ssize_t do_recvfrom(void *u, int fd, void *buf, size_t n, int flags, struct sockaddr *a, socklen_t *len)
{
	struct iovec iov = { buf, n };
	struct msghdr m = { .msg_name = a, .msg_namelen = a && len ? *len : 0, .msg_iov = &iov, .msg_iovlen = 1 };
	ssize_t r = do_recvmsg(u, fd, &m, flags);
	if (a && len)
		*len = m.msg_namelen;
	return r;
}
static ssize_t do_send(void *u, int fd, const void *buf, size_t n, int flags) { return do_sendto(u, fd, buf, n, flags, NULL, 0); }
static ssize_t do_recv(void *u, int fd, void *buf, size_t n, int flags) { return do_recvfrom(u, fd, buf, n, flags, NULL, NULL); }
static ssize_t do_writev(void *u, int fd, const struct iovec *iov, int n)
{
	const struct msghdr m = { .msg_iov = (struct iovec *)iov, .msg_iovlen = (size_t)n };
	return pd_file(fd) ? do_sendmsg(u, fd, &m, 0) : writev(fd, iov, n);
}
static ssize_t do_readv(void *u, int fd, const struct iovec *iov, int n)
{
	struct msghdr m = { .msg_iov = (struct iovec *)iov, .msg_iovlen = (size_t)n };
	return pd_file(fd) ? do_recvmsg(u, fd, &m, 0) : readv(fd, iov, n);
}
static ssize_t do_write(void *u, int fd, const void *buf, size_t n) { return pd_file(fd) ? do_send(u, fd, buf, n, 0) : write(fd, buf, n); }
static ssize_t do_read(void *u, int fd, void *buf, size_t n) { return pd_file(fd) ? do_recv(u, fd, buf, n, 0) : read(fd, buf, n); }

static int do_fcntl(void *u, int fd, int cmd, ...)
{
	struct pd_file *f = pd_file(fd);
	va_list ap;
	int arg, r;

	va_start(ap, cmd);
	arg = va_arg(ap, int);
	va_end(ap);
	if (!f)
		return fcntl(fd, cmd, arg);
	pd_enter();
	switch (cmd) {
	case F_GETFL:
		r = O_RDWR | (f->nonblock ? O_NONBLOCK : 0);
		break;
	case F_SETFL:
		f->nonblock = arg & O_NONBLOCK;
		r = 0;
		break;
	default:
		r = fcntl(fd, cmd, arg); /* the number is real */
	}
	pd_leave();
	return r;
}

static int socket_control(struct pd_file *f, unsigned long cmd, void *arg)
{
	struct cpu *cpu = pd.net->home;

	if (cmd == FIONBIO) {
		f->nonblock = *(int *)arg;
		return 0;
	}
	cpu_enter(cpu, cpu->now);
	int r = socket_ioctl(cpu, f->s, (unsigned)cmd, arg, sizeof(int));
	cpu_leave(cpu);
	return r;
}

static int do_ioctl(void *u, int fd, unsigned long cmd, ...)
{
	va_list ap;
	void *arg;

	va_start(ap, cmd);
	arg = va_arg(ap, void *);
	va_end(ap);
	return (int)ON_SOCKET(fd, socket_control(f, cmd, arg));
}

/* With SO_LINGER and a time, closing waits until what was sent is acknowledged. */
static void linger(struct pd_file *f)
{
	struct linger l = { 0 };
	socklen_t len = sizeof l;
	struct tcp_info ti;

	if (!f->s || f->nonblock || weft_getsockopt(f->s, SOL_SOCKET, SO_LINGER, &l, &len) || !l.l_onoff || !l.l_linger)
		return;
	uint64_t limit = pd_now() + (uint64_t)l.l_linger * 1000000000;
	weft_shutdown(f->s, SHUT_RDWR);
	do {
		len = sizeof ti;
		if (weft_getsockopt(f->s, IPPROTO_TCP, TCP_INFO, &ti, &len))
			return;
	} while ((BIT(ti.tcpi_state) & (BIT(TCP_FIN_WAIT1) | BIT(TCP_CLOSING) | BIT(TCP_LAST_ACK))) && pd_wait(limit));
}

int pd_close(int fd)
{
	struct pd_file *f;

	pd_enter();
	if ((f = pd_file(fd))) {
		linger(f);
		pd_file_free(f);
	}
	pd_leave();
	if (f)
		return 0;
	return close(fd);
}
static int do_close(void *u, int fd) { return pd_close(fd); }

static int netdev_send(void *u, const void *packet, size_t len)
{
	pd_enter();
	pd_tun_inject(pd.tun, packet, len);
	pd_advance(pd_now());
	pd_leave();
	return 0;
}

/* How long a script may wait for a packet: the longest timer of TCP is 2 hours (keepalive). */
#define PATIENCE_NS (3 * 3600 * 1000000000ull)

static int netdev_receive(void *u, void *buf, size_t *len, long long *time_us)
{
	pd_enter();
	uint64_t limit = pd_now() + PATIENCE_NS;
	pd_advance(pd_now());
	while (!pd_tun_pending(pd.tun)) {
		uint64_t next = pd_next_event(limit);
		if (next >= limit)
			break;
		pd_advance(next > pd_now() ? next : pd_now() + 1);
	}
	if (!pd_tun_take(pd.tun, buf, len, time_us)) {
		*len = 0;
		*time_us = (long long)(pd_now() / 1000) + PD_EPOCH_US;
	}
	pd_leave();
	return 0;
}

static int do_usleep(void *u, useconds_t us)
{
	pd_enter();
	pd_sleep_until(pd_now() + (uint64_t)us * 1000);
	pd_leave();
	return 0;
}

static int do_gettimeofday(void *u, struct timeval *tv, struct timezone *tz)
{
	pd_enter();
	pd_tick();
	long long us = (long long)(pd_now() / 1000) + PD_EPOCH_US;
	pd_leave();
	tv->tv_sec = us / 1000000;
	tv->tv_usec = us % 1000000;
	return 0;
}

static void finish(void *u)
{
	pd_serve_stop();
	pd_enter();
	for (int fd = 0; fd < pd.nfiles; fd++)
		if (pd.files[fd])
			pd_file_free(pd.files[fd]);
	pd_save_counters();
	weft_world_free(pd.w);
	pd.w = NULL;
	pd_leave();
}

const struct pd_table pd_calls = {
	.free = finish, .socket = do_socket, .bind = do_bind, .listen = do_listen, .accept = do_accept, .connect = do_connect,
	.read = do_read, .readv = do_readv, .recv = do_recv, .recvfrom = do_recvfrom, .recvmsg = do_recvmsg, .write = do_write,
	.writev = do_writev, .send = do_send, .sendto = do_sendto, .sendmsg = do_sendmsg, .fcntl = do_fcntl, .ioctl = do_ioctl,
	.close = do_close, .shutdown = do_shutdown, .getsockopt = do_getsockopt, .setsockopt = do_setsockopt, .poll = pd_poll,
	.netdev_send = netdev_send, .netdev_receive = netdev_receive, .usleep = do_usleep, .gettimeofday = do_gettimeofday,
	.epoll_create = pd_epoll_create, .epoll_ctl = pd_epoll_ctl, .epoll_wait = pd_epoll_wait, .pipe = pd_pipe, .splice = pd_splice,
};
