/* What the attach tests share. Each program prints what it sees, in an order and with words that do not depend on the machine, so that
 * its output on a real kernel and in weft can be compared. It needs a namespace whose lo is up. */
#ifndef TESTS_ATTACH_T_H
#define TESTS_ATTACH_T_H

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SAY(...) (printf(__VA_ARGS__), fflush(stdout))
/* A call's result: its value, or the error's name. */
#define TRY(what, call)                                                                                                \
	({                                                                                                             \
		errno = 0;                                                                                             \
		long r_ = (long)(call);                                                                                \
		int e_ = errno;                                                                                        \
		SAY("%s: %ld%s%s\n", what, r_, r_ < 0 ? " " : "", r_ < 0 ? strerrorname_np(e_) : "");                    \
		r_;                                                                                                    \
	})
#define MUST(call)                                                                                                     \
	({                                                                                                             \
		long r_ = (long)(call);                                                                                \
		if (r_ < 0) {                                                                                          \
			SAY("line %d: %s: %s\n", __LINE__, #call, strerrorname_np(errno));                              \
			exit(1);                                                                                       \
		}                                                                                                      \
		(int)r_;                                                                                               \
	})

__attribute__((unused)) static const char *bits(short r)
{
	static char buf[2][64];
	static int turn;
	char *b = buf[turn ^= 1];

	snprintf(b, sizeof(buf[0]), "%s%s%s%s%s%s", r & POLLIN ? " IN" : "", r & POLLPRI ? " PRI" : "", r & POLLOUT ? " OUT" : "",
		 r & POLLERR ? " ERR" : "", r & POLLHUP ? " HUP" : "", r & POLLRDHUP ? " RDHUP" : "");
	return b;
}

/* The poll bits once `want` shows (or after two seconds). */
__attribute__((unused)) static short wait_bits(int fd, short want)
{
	struct pollfd p = { .fd = fd, .events = POLLIN | POLLPRI | POLLOUT | POLLRDHUP };

	for (int i = 0; i < 2000; i++) {
		p.revents = 0;
		poll(&p, 1, 0);
		if ((p.revents & want) == want)
			break;
		usleep(1000);
	}
	return p.revents;
}

__attribute__((unused)) static struct sockaddr_in addr(const char *ip, int port)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };

	inet_pton(AF_INET, ip, &a.sin_addr);
	return a;
}

__attribute__((unused)) static int tcp_listener(int port, int backlog)
{
	struct sockaddr_in a = addr("127.0.0.1", port);
	int s = MUST(socket(AF_INET, SOCK_STREAM, 0)), one = 1;

	setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	MUST(bind(s, (struct sockaddr *)&a, sizeof(a)));
	MUST(listen(s, backlog));
	return s;
}

__attribute__((unused)) static int tcp_to(int port)
{
	struct sockaddr_in a = addr("127.0.0.1", port);
	int s = MUST(socket(AF_INET, SOCK_STREAM, 0));

	MUST(connect(s, (struct sockaddr *)&a, sizeof(a)));
	return s;
}

/* A connection: c to the connecting, s to the accepting side. */
__attribute__((unused)) static void tcp_pair(int *c, int *s)
{
	static int port = 5000;
	int l = tcp_listener(++port, 5);

	*c = tcp_to(port);
	*s = MUST(accept(l, NULL, NULL));
	close(l);
}

__attribute__((unused)) static int so_error(int fd)
{
	int e = 0;
	socklen_t n = sizeof(e);

	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &e, &n) < 0)
		return -errno;
	return e;
}

__attribute__((unused)) static double now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

#endif
