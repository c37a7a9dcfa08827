/* The library in a program that the script started (sysctl, ip, tc, nstat, sh, cat ...): opening a file of /proc/net or /proc/sys/net,
 * and making a socket that shows or changes the network, goes to the plug-in (pd_wire.h). So the programs act on the world of the
 * script, never on this machine. In packetdrill itself, and in programs without PD_ENV, everything goes to libc. */
#undef _FILE_OFFSET_BITS /* each name by itself: open is not to become open64 */
#include "tests/packetdrill/pd_wire.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/packetdrill/pd_shim.h"

#define EXPORT __attribute__((visibility("default")))
#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))
#define FDS 1024

static bool plugin; /* this process is packetdrill */
static bool remote[FDS];
static uint8_t buf[PD_MSG_MAX];

void pd_shim_off(void) { plugin = true; }

static bool active(void) { return !plugin && getenv(PD_ENV); }
static bool is_remote(int fd) { return fd >= 0 && fd < FDS && remote[fd]; }

static bool ours(const char *path)
{
	return path && active() && (!strncmp(path, "/proc/sys/net/", 14) || (!strncmp(path, "/proc/net/", 10) && path[10]));
}

static int dial(void)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	const char *name = getenv(PD_ENV);
	size_t n = strnlen(name, sizeof a.sun_path - 1);
	int fd = REAL(socket)(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	memcpy(a.sun_path + 1, name, n);
	if (fd >= 0 && connect(fd, (struct sockaddr *)&a, (socklen_t)(sizeof(sa_family_t) + 1 + n))) {
		close(fd);
		return -1;
	}
	return fd;
}

/* Asks and waits; the answer is in buf, *len the bytes of its data. Returns its result, errno set as for a system call. */
static int64_t ask(int fd, struct pd_request r, const void *data, size_t n, const void *more, size_t m, size_t *len)
{
	struct iovec iov[] = { { &r, sizeof r }, { (void *)data, n }, { (void *)more, m } };
	const struct msghdr msg = { .msg_iov = iov, .msg_iovlen = 3 };
	const struct pd_answer *a = (const void *)buf;
	ssize_t got;

	if (REAL(sendmsg)(fd, &msg, MSG_NOSIGNAL) < 0 || (got = REAL(recv)(fd, buf, sizeof buf, 0)) < (ssize_t)sizeof *a) {
		errno = EIO;
		return -1;
	}
	if (len)
		*len = (size_t)got - sizeof *a;
	if (a->result < 0) {
		errno = (int)-a->result;
		return -1;
	}
	return a->result;
}
static const uint8_t *answer_data(void) { return ((const struct pd_answer *)buf)->data; }

static int open_ours(const char *path, int flags)
{
	bool writing = (flags & O_ACCMODE) != O_RDONLY;
	int fd = dial(), mem;
	size_t len;

	if (fd < 0)
		return -1;
	if (ask(fd, (struct pd_request){ .op = writing ? PD_WRITE : PD_READ }, path, strlen(path) + 1, NULL, 0, &len) < 0) {
		int e = errno;
		close(fd);
		errno = e;
		return -1;
	}
	if (writing) {
		fcntl(fd, F_SETFD, flags & O_CLOEXEC ? FD_CLOEXEC : 0);
		return fd;
	}
	close(fd);
	mem = memfd_create("weft", flags & O_CLOEXEC ? MFD_CLOEXEC : 0);
	if (mem >= 0 && write(mem, answer_data(), len) == (ssize_t)len)
		lseek(mem, 0, SEEK_SET);
	return mem;
}

#define OPEN(name)                                                                                                     \
	EXPORT int name(const char *path, int flags, ...)                                                              \
	{                                                                                                              \
		va_list ap;                                                                                            \
		va_start(ap, flags);                                                                                   \
		mode_t mode = va_arg(ap, mode_t);                                                                      \
		va_end(ap);                                                                                            \
		return ours(path) ? open_ours(path, flags) : REAL(name)(path, flags, mode);                            \
	}
OPEN(open)
OPEN(open64)

#define OPENAT(name)                                                                                                   \
	EXPORT int name(int dir, const char *path, int flags, ...)                                                     \
	{                                                                                                              \
		va_list ap;                                                                                            \
		va_start(ap, flags);                                                                                   \
		mode_t mode = va_arg(ap, mode_t);                                                                      \
		va_end(ap);                                                                                            \
		return ours(path) ? open_ours(path, flags) : REAL(name)(dir, path, flags, mode);                       \
	}
OPENAT(openat)
OPENAT(openat64)

/* What <fcntl.h> makes of open and openat in programs that are built with _FORTIFY_SOURCE. */
int __open_2(const char *path, int flags);
int __open64_2(const char *path, int flags);
int __openat_2(int dir, const char *path, int flags);
int __openat64_2(int dir, const char *path, int flags);
EXPORT int __open_2(const char *path, int flags) { return open(path, flags); }
EXPORT int __open64_2(const char *path, int flags) { return open64(path, flags); }
EXPORT int __openat_2(int dir, const char *path, int flags) { return openat(dir, path, flags); }
EXPORT int __openat64_2(int dir, const char *path, int flags) { return openat64(dir, path, flags); }

#define FOPEN(name)                                                                                                    \
	EXPORT FILE *name(const char *path, const char *mode)                                                          \
	{                                                                                                              \
		if (!ours(path))                                                                                       \
			return REAL(name)(path, mode);                                                                 \
		int fd = open_ours(path, mode[0] == 'r' && !strchr(mode, '+') ? O_RDONLY : O_WRONLY);                  \
		return fd < 0 ? NULL : fdopen(fd, mode[0] == 'r' && !strchr(mode, '+') ? "r" : "w");                   \
	}
FOPEN(fopen)
FOPEN(fopen64)

/* There or not is the plug-in's to say; all are regular files that root may write. */
static int stat_ours(const char *path, mode_t *mode)
{
	int fd = open_ours(path, O_RDONLY);
	if (fd < 0)
		return -1;
	close(fd);
	*mode = S_IFREG | (strncmp(path, "/proc/sys/", 10) ? 0444 : 0644);
	return 0;
}

#define STAT(name, type)                                                                                               \
	EXPORT int name(const char *path, struct type *st)                                                             \
	{                                                                                                              \
		if (!ours(path))                                                                                       \
			return REAL(name)(path, st);                                                                   \
		memset(st, 0, sizeof *st);                                                                             \
		return stat_ours(path, &st->st_mode);                                                                  \
	}
STAT(stat, stat)
STAT(lstat, stat)
STAT(stat64, stat64)
STAT(lstat64, stat64)

EXPORT int access(const char *path, int how)
{
	mode_t mode;
	return ours(path) ? stat_ours(path, &mode) : REAL(access)(path, how);
}

EXPORT int faccessat(int dir, const char *path, int how, int flags)
{
	mode_t mode;
	return ours(path) ? stat_ours(path, &mode) : REAL(faccessat)(dir, path, how, flags);
}

EXPORT int socket(int family, int type, int protocol)
{
	int fd;

	if (!active() || family == AF_UNIX)
		return REAL(socket)(family, type, protocol);
	if ((fd = dial()) < 0)
		return -1;
	if (fd >= FDS || ask(fd, (struct pd_request){ PD_SOCKET, family, type & ~(SOCK_CLOEXEC | SOCK_NONBLOCK), protocol }, NULL, 0, NULL, 0, NULL) < 0) {
		int e = errno;
		close(fd);
		errno = e;
		return -1;
	}
	fcntl(fd, F_SETFD, type & SOCK_CLOEXEC ? FD_CLOEXEC : 0);
	remote[fd] = true;
	return fd;
}

EXPORT int close(int fd)
{
	if (is_remote(fd))
		remote[fd] = false;
	return REAL(close)(fd);
}

EXPORT int bind(int fd, const struct sockaddr *a, socklen_t len)
{
	return is_remote(fd) ? (int)ask(fd, (struct pd_request){ PD_BIND }, a, len, NULL, 0, NULL) : REAL(bind)(fd, a, len);
}

EXPORT int getsockname(int fd, struct sockaddr *a, socklen_t *len)
{
	size_t n;

	if (!is_remote(fd))
		return REAL(getsockname)(fd, a, len);
	if (ask(fd, (struct pd_request){ PD_GETSOCKNAME }, NULL, 0, NULL, 0, &n) < 0)
		return -1;
	memcpy(a, answer_data(), n < *len ? n : *len);
	*len = (socklen_t)n;
	return 0;
}

EXPORT int setsockopt(int fd, int level, int name, const void *val, socklen_t len)
{
	return is_remote(fd) ? (int)ask(fd, (struct pd_request){ PD_SETSOCKOPT, level, name }, val, len, NULL, 0, NULL)
			     : REAL(setsockopt)(fd, level, name, val, len);
}

int pd_shim_getsockopt(int fd, int level, int name, void *val, socklen_t *len)
{
	size_t n;

	if (!is_remote(fd))
		return REAL(getsockopt)(fd, level, name, val, len);
	if (ask(fd, (struct pd_request){ PD_GETSOCKOPT, level, name, (int32_t)*len }, NULL, 0, NULL, 0, &n) < 0)
		return -1;
	memcpy(val, answer_data(), n < *len ? n : *len);
	*len = (socklen_t)n;
	return 0;
}

EXPORT ssize_t sendmsg(int fd, const struct msghdr *m, int flags)
{
	static uint8_t flat[PD_MSG_MAX];
	size_t n = 0;

	if (!is_remote(fd))
		return REAL(sendmsg)(fd, m, flags);
	for (size_t i = 0; i < m->msg_iovlen; i++) {
		if (n + m->msg_iov[i].iov_len > sizeof flat / 2) {
			errno = EMSGSIZE;
			return -1;
		}
		memcpy(flat + n, m->msg_iov[i].iov_base, m->msg_iov[i].iov_len);
		n += m->msg_iov[i].iov_len;
	}
	socklen_t to = m->msg_name ? m->msg_namelen : 0;
	return (ssize_t)ask(fd, (struct pd_request){ PD_SEND, flags, (int32_t)to }, m->msg_name, to, flat, n, NULL);
}
EXPORT ssize_t sendto(int fd, const void *data, size_t n, int flags, const struct sockaddr *a, socklen_t len)
{
	if (!is_remote(fd))
		return REAL(sendto)(fd, data, n, flags, a, len);
	struct iovec iov = { (void *)data, n };
	return sendmsg(fd, &(struct msghdr){ .msg_name = (void *)a, .msg_namelen = a ? len : 0, .msg_iov = &iov, .msg_iovlen = 1 }, flags);
}
EXPORT ssize_t send(int fd, const void *data, size_t n, int flags)
{
	return is_remote(fd) ? sendto(fd, data, n, flags, NULL, 0) : REAL(send)(fd, data, n, flags);
}

EXPORT ssize_t recvmsg(int fd, struct msghdr *m, int flags)
{
	size_t room = 0, len;
	ssize_t r;

	if (!is_remote(fd))
		return REAL(recvmsg)(fd, m, flags);
	for (size_t i = 0; i < m->msg_iovlen; i++)
		room += m->msg_iov[i].iov_len;
	r = (ssize_t)ask(fd, (struct pd_request){ PD_RECV, flags & ~MSG_CMSG_CLOEXEC, (int32_t)room }, NULL, 0, NULL, 0, &len);
	if (r < 0)
		return r;
	const struct pd_answer *a = (const void *)buf;
	const uint8_t *p = a->data + a->namelen;
	len -= (size_t)a->namelen;
	if (m->msg_name)
		memcpy(m->msg_name, a->data, m->msg_namelen < (socklen_t)a->namelen ? m->msg_namelen : (socklen_t)a->namelen);
	m->msg_namelen = (socklen_t)a->namelen;
	m->msg_flags = a->flags;
	m->msg_controllen = 0;
	for (size_t i = 0; i < m->msg_iovlen && len; i++) {
		size_t n = m->msg_iov[i].iov_len < len ? m->msg_iov[i].iov_len : len;
		memcpy(m->msg_iov[i].iov_base, p, n);
		p += n;
		len -= n;
	}
	return r;
}
EXPORT ssize_t recvfrom(int fd, void *data, size_t n, int flags, struct sockaddr *a, socklen_t *len)
{
	if (!is_remote(fd))
		return REAL(recvfrom)(fd, data, n, flags, a, len);
	struct iovec iov = { data, n };
	struct msghdr m = { .msg_name = a, .msg_namelen = a && len ? *len : 0, .msg_iov = &iov, .msg_iovlen = 1 };
	ssize_t r = recvmsg(fd, &m, flags);
	if (a && len)
		*len = m.msg_namelen;
	return r;
}
EXPORT ssize_t recv(int fd, void *data, size_t n, int flags)
{
	return is_remote(fd) ? recvfrom(fd, data, n, flags, NULL, NULL) : REAL(recv)(fd, data, n, flags);
}

EXPORT int ioctl(int fd, unsigned long cmd, ...)
{
	va_list ap;
	size_t len;
	va_start(ap, cmd);
	void *arg = va_arg(ap, void *);
	va_end(ap);
	if (!is_remote(fd))
		return REAL(ioctl)(fd, cmd, arg);
	size_t size = cmd == FIONREAD ? sizeof(int) : 40; /* struct ifreq */
	int r = (int)ask(fd, (struct pd_request){ PD_IOCTL, (int32_t)cmd }, arg, size, NULL, 0, &len);
	if (r >= 0)
		memcpy(arg, answer_data(), len < size ? len : size);
	return r;
}
