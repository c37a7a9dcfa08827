/* Scenes played twice: with the kernel's sockets and with weft's. What came back is written down; both texts must be the same.
 *
 * A scene calls the sk_* functions, which go to either side by on_weft, and say(). run_scenes() is the program's main.
 */
#ifndef TESTS_BOTH_SIDES_H
#define TESTS_BOTH_SIDES_H

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <weft/weft.h>

#include "tests/kernel_compare/private_net.h"

#define PATIENCE_MS 5000 /* for what must come; a scene that expects nothing sends something else after it */

struct scene { const char *name; void (*run)(void); };

static weft_world *world;
static weft_netns *first, *net; /* the first has what is global on Linux; scenes play in the other */
static bool on_weft;
static char text[2][1 << 20];
static size_t used[2];

static inline void say(const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	used[on_weft] += (size_t)vsnprintf(text[on_weft] + used[on_weft], sizeof text[0] - used[on_weft], fmt, ap);
	va_end(ap);
}
static inline const char *result(ssize_t rc)
{
	static char buf[32];
	if (rc < 0)
		return strerrorname_np((int)-rc);
	snprintf(buf, sizeof buf, "%zd", rc);
	return buf;
}

/* -- one socket of either kind -- */

typedef struct { int fd; weft_socket *s; } sock;

static inline sock sk_new_of(int family, int type, int protocol)
{
	sock s = { .fd = -1 };
	int err = on_weft ? weft_socket_new(net, family, type, protocol, &s.s) : (s.fd = socket(family, type | SOCK_NONBLOCK, protocol)) < 0 ? -errno : 0;
	if (err) {
		fprintf(stderr, "socket: %s\n", strerror(-err));
		exit(1);
	}
	return s;
}
static inline sock sk_new(int type, int protocol) { return sk_new_of(AF_INET, type, protocol); }
static inline void sk_end(sock s)
{
	if (on_weft)
		weft_close(s.s);
	else
		close(s.fd);
}
static inline int sk_opt(sock s, int level, int name, const void *v, socklen_t len)
{
	if (on_weft) {
		int err = weft_setsockopt(s.s, level, name, v, len);
		weft_run_for(world, 1000000); /* uncorking sends */
		return err;
	}
	return setsockopt(s.fd, level, name, v, len) ? -errno : 0;
}
static inline int sk_int(sock s, int level, int name, int v) { return sk_opt(s, level, name, &v, sizeof v); }
static inline int sk_getopt(sock s, int level, int name, void *v, socklen_t *len)
{
	if (on_weft)
		return weft_getsockopt(s.s, level, name, v, len);
	return getsockopt(s.fd, level, name, v, len) ? -errno : 0;
}
static inline struct sockaddr_in at(int port)
{
	return (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
}
static inline int sk_bind(sock s, int port)
{
	struct sockaddr_in a = at(port);
	if (on_weft)
		return weft_bind(s.s, (struct sockaddr *)&a, sizeof a);
	return bind(s.fd, (struct sockaddr *)&a, sizeof a) ? -errno : 0;
}
static inline int sk_connect(sock s, int port)
{
	struct sockaddr_in a = at(port);
	if (on_weft)
		return weft_connect(s.s, (struct sockaddr *)&a, sizeof a);
	return connect(s.fd, (struct sockaddr *)&a, sizeof a) ? -errno : 0;
}
static inline int sk_listen(sock s, int backlog)
{
	if (on_weft)
		return weft_listen(s.s, backlog);
	return listen(s.fd, backlog) ? -errno : 0;
}
static inline int sk_shutdown(sock s, int what)
{
	if (on_weft) {
		int err = weft_shutdown(s.s, what);
		weft_run_for(world, 1000000);
		return err;
	}
	return shutdown(s.fd, what) ? -errno : 0;
}
static inline sock sk_accept(sock l)
{
	struct pollfd p = { .fd = l.fd, .events = POLLIN };
	sock s = { .fd = -1 };
	int err = 0;
	if (on_weft)
		err = weft_accept(l.s, &s.s);
	else if (poll(&p, 1, PATIENCE_MS) < 1 || (s.fd = accept4(l.fd, NULL, NULL, SOCK_NONBLOCK)) < 0)
		err = -errno;
	if (err) {
		fprintf(stderr, "accept: %s\n", strerror(-err));
		exit(1);
	}
	return s;
}
/* port -1: to the connected peer. ctl: control messages, NULL: none. */
static inline ssize_t sk_send(sock s, int port, const void *data, size_t len, int flags, const void *ctl, size_t ctl_len)
{
	struct sockaddr_in a = at(port < 0 ? 0 : port);
	struct iovec v = { (void *)data, len };
	struct msghdr m = { .msg_name = port < 0 ? NULL : &a, .msg_namelen = port < 0 ? 0 : sizeof a, .msg_iov = &v, .msg_iovlen = 1,
			    .msg_control = (void *)ctl, .msg_controllen = ctl_len };
	ssize_t rc;
	if (!on_weft)
		return (rc = sendmsg(s.fd, &m, flags)) < 0 ? -errno : rc;
	rc = weft_sendmsg(s.s, &m, flags);
	weft_run_for(world, 1000000);
	return rc;
}
static inline ssize_t sk_recv(sock s, struct msghdr *m, int flags)
{
	struct pollfd p = { .fd = s.fd, .events = flags & MSG_ERRQUEUE ? 0 : POLLIN };
	ssize_t rc;
	if (on_weft)
		return weft_recvmsg(s.s, m, flags | MSG_DONTWAIT);
	if (!(flags & MSG_DONTWAIT))
		poll(&p, 1, PATIENCE_MS);
	rc = recvmsg(s.fd, m, flags | MSG_DONTWAIT);
	return rc < 0 ? -errno : rc;
}

/* Receives one and says all about it; bytes as how many and a sum. */
static inline void say_recv(const char *what, sock s, size_t room, int flags)
{
	uint8_t buf[8192], ctl[1024];
	struct iovec v = { buf, room };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = ctl, .msg_controllen = sizeof ctl };
	ssize_t rc = sk_recv(s, &m, flags);
	unsigned sum = 0;

	if (rc >= 20 && buf[0] == 0x45) /* an IP header: its identification is each side's own, and so its checksum */
		buf[4] = buf[5] = buf[10] = buf[11] = 0;
	for (ssize_t i = 0; i < rc && (size_t)i < room; i++)
		sum = sum * 31 + buf[i];
	say("  %s: %s", what, result(rc));
	if (rc < 0) {
		say("\n");
		return;
	}
	say(" sum %u flags %x", sum, (unsigned)m.msg_flags);
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c)) {
		size_t len = c->cmsg_len - CMSG_LEN(0);
		say(" [%d %d", c->cmsg_level, c->cmsg_type);
		if (c->cmsg_level == SOL_SOCKET) /* stamps: only that there is one */
			say(" %zu bytes", len);
		else
			for (size_t i = 0; i < len; i++)
				say("%s%02x", i % 4 ? "" : " ", CMSG_DATA(c)[i]);
		say("]");
	}
	say("\n");
}

/* Line by line, the first lines that differ. */
static inline bool same(const char *name)
{
	char *k = text[0], *w = text[1];
	unsigned shown = 0, line = 1;

	for (char *ks, *ws; (k || w) && shown < 12; line++) {
		ks = k ? strsep(&k, "\n") : (char *)"";
		ws = w ? strsep(&w, "\n") : (char *)"";
		if (strcmp(ks, ws) && ++shown)
			printf("! %s line %u\n!   kernel %s\n!   weft   %s\n", name, line, ks, ws);
	}
	printf("%s %s\n", shown ? "not ok" : "ok", name);
	return !shown;
}

static inline int run_scenes(const char *program, const struct scene *scenes, size_t n, int argc, char **argv)
{
	bool good = true;

	if (!private_net()) {
		printf("ok %s # SKIP no namespaces here: %s\n", program, strerror(errno));
		return 0;
	}
	write_file("/proc/sys/net/ipv4/ping_group_range", "0 2147483647");
	if (weft_world_new(1, 1, &world) || weft_netns_new(world, "first", &first) || weft_netns_new(world, "w", &net) || weft_link_up(net, "lo")) {
		printf("not ok %s: no world\n", program);
		return 1;
	}
	weft_run_for(world, 1000000);
	for (size_t i = 0; i < n; i++) {
		if (argc > 1 && strcmp(argv[1], scenes[i].name) && strcmp(argv[1], "-v"))
			continue;
		used[0] = used[1] = 0;
		for (int w = 0; w < 2; w++) {
			on_weft = w;
			scenes[i].run();
		}
		if (argc > 1 && !strcmp(argv[argc - 1], "-v"))
			fputs(text[0], stdout);
		good &= same(scenes[i].name);
	}
	weft_netns_free(net);
	weft_netns_free(first);
	weft_world_free(world);
	return !good;
}

#endif
