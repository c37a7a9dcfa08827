/* The plug-in's end of pd_wire.h: files of the namespace and its netlink sockets, for programs that the script starts.
 *
 * A thread serves while packetdrill waits for such a program; what was left when it ended (a file written and closed without waiting)
 * is handled before packetdrill's next call. */
#include "tests/packetdrill/pd_wire.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/strbuf.h"
#include "core/cpu.h"
#include "core/proc.h"
#include "core/sysctl.h"
#include "sock/sock.h"
#include "tests/packetdrill/pd.h"

#define CONNS 256
static struct conn {
	int fd, pid;
	weft_socket *s;
	char *writing; /* path */
} conns[CONNS];
static int nconns, listener = -1, stop_pipe[2] = { -1, -1 };
static pthread_t thread;
static uint8_t in[PD_MSG_MAX], out[PD_MSG_MAX];

static uint8_t *data(struct pd_request *r) { return (uint8_t *)(r + 1); }

/* The memory of the program that asks: ioctls point into it. */
static int copy(struct call_ctx *c, void *local, u64 user_addr, size_t len, bool to_program)
{
	const struct iovec here = { local, len }, there = { (void *)(uintptr_t)user_addr, len };
	ssize_t n = to_program ? process_vm_writev(c->pid, &here, 1, &there, 1, 0) : process_vm_readv(c->pid, &here, 1, &there, 1, 0);
	return n == (ssize_t)len ? 0 : -EFAULT;
}
static int copy_from(struct call_ctx *c, void *to, u64 user_addr, size_t len) { return copy(c, to, user_addr, len, false); }
static int copy_to(struct call_ctx *c, u64 user_addr, const void *from, size_t len) { return copy(c, (void *)from, user_addr, len, true); }
static int no_netns(struct call_ctx *c, int fd, struct netns **net) { return -EINVAL; }
static const struct call_ops call_ops = { .netns_by_fd = no_netns, .netns_by_pid = no_netns, .copy_from = copy_from, .copy_to = copy_to };

static int64_t read_file(const char *path, uint8_t *to, size_t *len)
{
	struct strbuf b;
	int err;

	strbuf_init(&b, &pd.w->mem);
	if (!strncmp(path, "/proc/sys/net/", 14))
		err = sysctl_read(pd.net, path + 14, &b);
	else
		err = proc_read(pd.net, path + strlen("/proc/net/"), &b);
	if (!err)
		err = b.err;
	if (!err) {
		*len = MIN(*len, b.len);
		memcpy(to, b.s, *len);
	} else {
		*len = 0;
	}
	strbuf_fini(&b);
	return err;
}

/* What nstat would say at the end goes to the file that PD_COUNTERS names. */
void pd_save_counters(void)
{
	static const char *const files[] = { "/proc/net/netstat", "/proc/net/snmp", "/proc/net/snmp6" };
	static uint8_t text[PD_MSG_MAX];
	const char *name = getenv("PD_COUNTERS");
	FILE *f = name ? fopen(name, "we") : NULL;

	for (size_t i = 0; f && i < sizeof files / sizeof files[0]; i++) {
		size_t len = sizeof text;
		if (!read_file(files[i], text, &len))
			fwrite(text, 1, len, f);
	}
	if (f)
		fclose(f);
}

static int64_t open_for_writing(struct conn *c, const char *path)
{
	size_t len = sizeof out;
	int64_t err = read_file(path, out, &len);

	if (err == -ENOENT || strncmp(path, "/proc/sys/net/", 14))
		return err == -ENOENT ? err : -EACCES;
	c->writing = strdup(path + 14);
	return 0;
}

static int64_t receive(struct conn *c, const struct pd_request *r, struct pd_answer *a, size_t *len)
{
	struct sockaddr_storage name;
	struct iovec iov = { a->data + sizeof name, MIN((size_t)r->b, sizeof out - sizeof(*a) - sizeof name) };
	struct msghdr m = { .msg_name = &name, .msg_namelen = sizeof name, .msg_iov = &iov, .msg_iovlen = 1 };
	ssize_t n = weft_recvmsg(c->s, &m, r->a);

	if (n < 0)
		return n;
	size_t got = MIN((size_t)n, iov.iov_len);
	a->flags = m.msg_flags;
	a->namelen = (int32_t)m.msg_namelen;
	memcpy(a->data, &name, m.msg_namelen);
	memmove(a->data + m.msg_namelen, iov.iov_base, got);
	*len = m.msg_namelen + got;
	return n;
}

static int64_t on_socket(struct conn *c, struct pd_request *r, size_t n, struct pd_answer *a, size_t *len)
{
	struct cpu *cpu = pd.net->home;
	struct sockaddr_storage name;
	socklen_t namelen = sizeof name;
	int64_t err;

	switch (r->op) {
	case PD_BIND:
		return weft_bind(c->s, (const struct sockaddr *)data(r), (socklen_t)n);
	case PD_GETSOCKNAME:
		err = weft_getsockname(c->s, &name, &namelen);
		if (!err)
			memcpy(a->data, &name, *len = namelen);
		return err;
	case PD_SETSOCKOPT:
		return weft_setsockopt(c->s, r->a, r->b, data(r), (socklen_t)n);
	case PD_GETSOCKOPT:
		namelen = (socklen_t)MIN(MAX(r->c, 0), 4096);
		err = weft_getsockopt(c->s, r->a, r->b, a->data, &namelen);
		*len = err ? 0 : namelen;
		return err;
	case PD_SEND: {
		size_t to = (size_t)r->b <= n ? (size_t)r->b : 0;
		struct iovec iov = { data(r) + to, n - to };
		const struct msghdr m = { .msg_name = to ? data(r) : NULL, .msg_namelen = (socklen_t)to, .msg_iov = &iov, .msg_iovlen = 1 };
		return weft_sendmsg(c->s, &m, r->a);
	}
	case PD_RECV:
		return receive(c, r, a, len);
	case PD_IOCTL:
		memcpy(a->data, data(r), n);
		cpu_enter(cpu, cpu->now);
		err = socket_ioctl(cpu, c->s, (unsigned)r->a, a->data, n);
		cpu_leave(cpu);
		*len = n;
		return err;
	}
	return -EINVAL;
}

/* One message of a connection. False: it is over. */
static bool handle(struct conn *c)
{
	ssize_t n = recv(c->fd, in, sizeof in - 1, MSG_DONTWAIT);
	struct pd_request *r = (struct pd_request *)in;
	struct pd_answer *a = (struct pd_answer *)out;
	size_t len = 0;

	if (n < 0 && errno == EAGAIN)
		return true;
	if (n <= 0)
		return false;
	in[n] = 0;
	if (c->writing) {
		struct cpu *cpu = config_cpu(pd.w);
		cpu_enter(cpu, cpu->now);
		sysctl_write(pd.net, c->writing, (char *)in, (size_t)n);
		cpu_leave(cpu);
		return true;
	}
	if ((size_t)n < sizeof *r)
		return false;
	n -= (ssize_t)sizeof *r;
	*a = (struct pd_answer){ 0 };
	switch (r->op) {
	case PD_READ:
		len = sizeof out - sizeof *a;
		a->result = read_file((char *)data(r), a->data, &len);
		break;
	case PD_WRITE:
		a->result = open_for_writing(c, (char *)data(r));
		break;
	case PD_SOCKET:
		a->result = c->s ? -EINVAL : weft_socket_new(pd.net, r->a, r->b, r->c, &c->s);
		break;
	default: {
		struct call_ctx ctx = { .ops = &call_ops, .pid = c->pid, .tid = c->pid, .net_admin = true, .net_raw = true, .net_bind_service = true };
		pd.net->home->caller = &ctx;
		a->result = c->s ? on_socket(c, r, (size_t)n, a, &len) : -EBADF;
		pd.net->home->caller = NULL;
	}
	}
	return send(c->fd, out, sizeof *a + len, MSG_NOSIGNAL) >= 0;
}

static void drop(int i)
{
	close(conns[i].fd);
	if (conns[i].s)
		weft_close(conns[i].s);
	free(conns[i].writing);
	conns[i] = conns[--nconns];
}

static int peer_pid(int fd)
{
	struct ucred who = { 0 };
	socklen_t len = sizeof who;
	getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &len);
	return who.pid;
}

/* Whatever is ready; `more`: a descriptor that is only waited for. True: it, too, has something. */
static bool serve(int timeout, int more)
{
	struct pollfd p[CONNS + 2] = { { .fd = more, .events = POLLIN }, { .fd = listener, .events = POLLIN } };
	int n = nconns;

	for (int i = 0; i < n; i++)
		p[i + 2] = (struct pollfd){ .fd = conns[i].fd, .events = POLLIN };
	if (timeout)
		pd_unlock();
	int ready = poll(p, (nfds_t)n + 2, timeout);
	if (timeout)
		pd_lock();
	/* Meanwhile the other thread may have changed the table: look anew. */
	if (ready <= 0 || p[0].revents || timeout)
		return ready > 0 && p[0].revents;
	for (int i = n - 1; i >= 0; i--)
		if (p[i + 2].revents && !handle(&conns[i]))
			drop(i);
	if (p[1].revents && nconns < CONNS) {
		int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
		if (fd >= 0)
			conns[nconns++] = (struct conn){ .fd = fd, .pid = peer_pid(fd) };
	}
	serve(0, -1); /* until it is quiet */
	return false;
}

void pd_serve_drain(void)
{
	if (listener >= 0)
		serve(0, -1);
}

static void *server(void *arg)
{
	pd_lock();
	while (!serve(1000, stop_pipe[0]))
		serve(0, -1);
	pd_unlock();
	return NULL;
}

int pd_serve_start(void)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	socklen_t len = sizeof(sa_family_t);
	char name[sizeof a.sun_path];

	listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	/* An address of the kernel's choice, in the abstract namespace. */
	if (listener < 0 || bind(listener, (struct sockaddr *)&a, len) || listen(listener, 64))
		return -errno;
	len = sizeof a;
	if (getsockname(listener, (struct sockaddr *)&a, &len) || pipe(stop_pipe))
		return -errno;
	snprintf(name, sizeof name, "%.*s", (int)(len - sizeof(sa_family_t) - 1), a.sun_path + 1);
	setenv(PD_ENV, name, 1);
	return -pthread_create(&thread, NULL, server, NULL);
}

void pd_serve_stop(void)
{
	if (listener < 0)
		return;
	if (write(stop_pipe[1], "", 1) != 1)
		return;
	pthread_join(thread, NULL);
	while (nconns)
		drop(0);
	close(listener);
	listener = -1;
}
