/* The daemon's side of the control protocol: one thread, an epoll set, a handler per request.
 *
 * Peers are ours (the directory is 0700) and are checked anyway: the uid of the connection must be the daemon's or root's. Who sent
 * a message is known from SCM_CREDENTIALS, not from what it says. A peer that sends anything malformed is answered and cut off.
 * Requests are short; what can take long (a trace) has a thread of its own.
 */
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "attach/attach.h"
#include "base/list.h"
#include "bpf/cbpf.h"
#include "host/daemon.h"
#include "host/host.h"
#include "host/nic_make.h"

#define MAX_CONNS 1024 /* more than anyone has; a bound on what a runaway script can take */

struct conn {
	struct list link;
	int sock;
	bool pinned;
	struct trace_feed *trace;
};

struct ctl_server {
	struct daemon *d;
	int epfd, sigfd, listen;
	bool stop;
	unsigned count, traces;
	struct list conns, gone; /* gone: closed, to be freed when no event of this round can name them */
	u8 body[CTL_MAX_BYTES];
};

static int watch(struct ctl_server *s, int fd, void *ptr)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.ptr = ptr };

	return epoll_ctl(s->epfd, EPOLL_CTL_ADD, fd, &ev) < 0 ? -errno : 0;
}

int ctl_server_new(struct daemon *d, struct ctl_server **out)
{
	struct ctl_server *s = calloc(1, sizeof(*s));
	sigset_t set;
	int e;

	if (!s)
		return -ENOMEM;
	s->d = d;
	s->listen = -1;
	list_init(&s->conns);
	list_init(&s->gone);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	s->epfd = epoll_create1(EPOLL_CLOEXEC);
	s->sigfd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (s->epfd < 0 || s->sigfd < 0)
		e = -errno;
	else
		e = watch(s, s->sigfd, &s->sigfd);
	if (e) {
		ctl_server_free(s);
		return e;
	}
	*out = s;
	return 0;
}

int ctl_server_listen(struct ctl_server *s, int listen_sock)
{
	s->listen = listen_sock;
	return watch(s, listen_sock, &s->listen);
}

int ctl_server_adopt(struct ctl_server *s, int sock, bool pinned)
{
	struct conn *c = calloc(1, sizeof(*c));
	int one = 1, e = -ENOMEM;

	if (!c)
		goto fail;
	c->sock = sock;
	c->pinned = pinned;
	setsockopt(sock, SOL_SOCKET, SO_PASSCRED, &one, sizeof(one));
	e = watch(s, sock, c);
	if (e)
		goto fail;
	list_add_tail(&s->conns, &c->link);
	s->count++;
	return 0;
fail:
	free(c);
	close(sock);
	return e;
}

static void accept_one(struct ctl_server *s)
{
	int sock = accept4(s->listen, NULL, NULL, SOCK_CLOEXEC);
	struct ucred cred;
	socklen_t len = sizeof(cred);

	if (sock < 0)
		return;
	if (getsockopt(sock, SOL_SOCKET, SO_PEERCRED, &cred, &len) < 0 || (cred.uid != geteuid() && cred.uid != 0)) {
		ctl_send_error(sock, -EPERM, "this stack belongs to another user");
		close(sock);
	} else if (s->count >= MAX_CONNS) {
		ctl_send_error(sock, -EMFILE, "too many commands talk to this stack at once");
		close(sock);
	} else {
		ctl_server_adopt(s, sock, false);
	}
}

static void end_trace(struct ctl_server *s, struct conn *c)
{
	if (!c->trace)
		return;
	trace_feed_stop(c->trace);
	c->trace = NULL;
	s->traces--;
}

static void drop(struct ctl_server *s, struct conn *c)
{
	end_trace(s, c);
	if (c->pinned)
		s->stop = true;
	/* A helper process may hold a copy for a moment: closing ours alone would leave it in the set, hung up for ever. */
	epoll_ctl(s->epfd, EPOLL_CTL_DEL, c->sock, NULL);
	close(c->sock);
	c->sock = -1;
	list_del(&c->link);
	list_add_tail(&s->gone, &c->link);
	s->count--;
}

static void reply_error(struct conn *c, int e, const struct ctl_error *err)
{
	struct ctl_error out = *err;

	out.err = e;
	if (!out.text[0])
		ctl_error_set(&out, e, "%s", strerror(-e));
	ctl_send(c->sock, CTL_ERROR, &out, sizeof(out), NULL, 0);
}

static void reply(struct conn *c, int e, const struct ctl_error *err)
{
	if (e)
		reply_error(c, e, err);
	else
		ctl_send(c->sock, CTL_OK, NULL, 0, NULL, 0);
}

static void do_status(struct ctl_server *s, struct conn *c)
{
	struct daemon *d = s->d;
	struct ctl_status st = { .pid = getpid(), .ncpus = d->ncpus, .uptime_ns = host_now() - d->started_ns, .traces = s->traces };
	struct host_lane_stats ls;

	for (unsigned i = 0; i < d->ncpus; i++) {
		host_lane_stats(d->host, i, &ls);
		st.wakeups += ls.wakeups;
	}
	st.memory_bytes = __atomic_load_n(&host_world(d->host)->mem.bytes, __ATOMIC_RELAXED);
	memcpy(st.name, d->place.name, sizeof(st.name));
	memcpy(st.version, WEFT_VERSION, sizeof(WEFT_VERSION));
	attach_status(d->attach, &st);
	ctl_send(c->sock, CTL_STATUS, &st, sizeof(st), NULL, 0);
}

static void do_join(struct ctl_server *s, struct conn *c, const struct ctl_join *rq)
{
	struct ctl_join out = { 0 };
	struct ctl_error err = { 0 };
	int fds[CTL_MAX_FDS], e;
	unsigned n = 0;

	e = attach_join(s->d->attach, rq, &out, fds, &n, &err);
	if (e)
		reply_error(c, e, &err);
	else
		ctl_send(c->sock, CTL_JOIN, &out, sizeof(out), fds, n);
}

/* A trace, or a capture. The filter's instructions begin at `at`. */
static int do_trace(struct ctl_server *s, struct conn *c, const struct ctl_trace *filter, const struct ctl_capture *capture, size_t at, size_t len,
		    struct ctl_error *err)
{
	const struct cbpf_insn *insns = (const void *)(s->body + at);
	int e;

	if (filter->raw_len > 4096 || filter->eth_len > 4096 || len != at + (filter->raw_len + filter->eth_len) * sizeof(*insns) || c->trace)
		return -EPROTO;
	e = trace_feed_start(s->d->host, c->sock, filter, insns, capture, &c->trace);
	if (e == -EBUSY)
		ctl_error_set(err, e, "somebody else traces this stack already; one trace at a time");
	else if (e)
		ctl_error_set(err, e, "cannot trace: %s", strerror(-e));
	if (!e)
		s->traces++;
	return e;
}

static int start_trace(struct ctl_server *s, struct conn *c, unsigned type, size_t len, struct ctl_error *err)
{
	struct ctl_capture rq = { .snaplen = 0 };

	if (type == CTL_TRACE) {
		if (len < sizeof(rq.filter))
			return -EPROTO;
		memcpy(&rq.filter, s->body, sizeof(rq.filter));
		return do_trace(s, c, &rq.filter, NULL, sizeof(rq.filter), len, err);
	}
	if (len < sizeof(rq))
		return -EPROTO;
	memcpy(&rq, s->body, sizeof(rq));
	if (rq.snaplen > CTL_SNAPLEN_MAX)
		return -EPROTO;
	return do_trace(s, c, &rq.filter, &rq, sizeof(rq), len, err);
}

/* One whole message. Returns false when the peer is to be cut off. */
static bool handle(struct ctl_server *s, struct conn *c, unsigned type, size_t len, int *fds, unsigned *nfds, const struct ucred *who)
{
	struct ctl_error err = { 0 };
	int e = -EPROTO;

	switch (type) {
	case CTL_STATUS:
		if (len || *nfds)
			break;
		do_status(s, c);
		return true;
	case CTL_JOIN:
		if (len != sizeof(struct ctl_join) || *nfds)
			break;
		do_join(s, c, (const struct ctl_join *)s->body);
		return true;
	case CTL_LISTENER:
		if (len != sizeof(struct ctl_listener) || *nfds != 1)
			break;
		e = attach_listener(s->d->attach, fds[0], (const struct ctl_listener *)s->body, who->pid, &err);
		if (!e)
			*nfds = 0;
		reply(c, e, &err);
		return true;
	case CTL_TRACE:
	case CTL_CAPTURE:
		if (*nfds)
			break;
		e = start_trace(s, c, type, len, &err);
		if (e)
			reply_error(c, e, &err);
		return e == 0;
	case CTL_NIC:
		if (len != sizeof(struct ctl_nic) || !*nfds)
			break;
		e = nic_make(s->d, (const struct ctl_nic *)s->body, who->pid, fds, nfds, &err);
		reply(c, e, &err);
		return true;
	case CTL_PIN:
		if (len || *nfds)
			break;
		c->pinned = true;
		reply(c, 0, &err);
		return true;
	case CTL_SHUTDOWN:
		if (len || *nfds)
			break;
		s->stop = true;
		reply(c, 0, &err);
		return true;
	}
	ctl_error_set(&err, e, "this stack does not understand that request");
	reply_error(c, e, &err);
	return false;
}

static void serve(struct ctl_server *s, struct conn *c)
{
	struct ucred who = { .pid = 0 };
	int fds[CTL_MAX_FDS], e;
	unsigned type, nfds;
	size_t len;
	bool keep;

	e = ctl_recv_from(c->sock, &type, s->body, sizeof(s->body), &len, fds, &nfds, &who);
	if (e == -EAGAIN)
		return;
	if (e) {
		if (e == -EPROTONOSUPPORT)
			ctl_send_error(c->sock, e, "this stack is weft %s (protocol %d)", WEFT_VERSION, CTL_VERSION);
		drop(s, c);
		return;
	}
	keep = handle(s, c, type, len, fds, &nfds, &who);
	while (nfds)
		close(fds[--nfds]);
	if (!keep)
		drop(s, c);
}

static void free_gone(struct ctl_server *s)
{
	struct conn *c, *tmp;

	list_for_each_safe(c, tmp, &s->gone, link) {
		list_del(&c->link);
		free(c);
	}
}

void ctl_server_run(struct ctl_server *s)
{
	struct epoll_event ev[16];
	struct signalfd_siginfo si;

	while (!s->stop) {
		int n = epoll_wait(s->epfd, ev, ARRAY_SIZE(ev), -1);

		for (int i = 0; i < n; i++) {
			void *p = ev[i].data.ptr;

			if (p == &s->listen)
				accept_one(s);
			else if (p == &s->sigfd)
				s->stop |= read(s->sigfd, &si, sizeof(si)) > 0;
			else if (((struct conn *)p)->sock >= 0)
				serve(s, p);
		}
		free_gone(s);
	}
}

void ctl_server_quiesce(struct ctl_server *s)
{
	struct conn *c;

	list_for_each(c, &s->conns, link)
		end_trace(s, c);
	if (s->listen >= 0)
		close(s->listen);
	s->listen = -1;
}

void ctl_server_free(struct ctl_server *s)
{
	struct conn *c, *tmp;

	if (!s)
		return;
	ctl_server_quiesce(s);
	list_for_each_safe(c, tmp, &s->conns, link)
		drop(s, c);
	free_gone(s);
	if (s->sigfd >= 0)
		close(s->sigfd);
	if (s->epfd >= 0)
		close(s->epfd);
	free(s);
}
