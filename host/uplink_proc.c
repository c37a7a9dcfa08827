/* slirp's process: between a socket that carries the stack's frames and this machine's network.
 *
 * It stays in the network namespace where the command was given, which the stack itself leaves (attach/sandbox.c), and makes all of an
 * uplink's sockets there. Programs inside have no way to it but frames: it is of another user namespace than theirs, and what it could still
 * do if a frame took it over is little (uplink_sandbox.c). One thread: a poll over the frames' socket, libslirp's descriptors, and
 * an epoll set of published ports.
 *
 * Frames for the stack that its socket has no room for wait, WAITING_BYTES at most; while some do, nothing is read from the sockets
 * of this machine, so that TCP holds its senders back. The end: the stack's end of the socket closes, and so the process ends, and with it its connections.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <fcntl.h>

#include "codec/wire/eth.h"
#include "host/frame_sort.h"
#include "host/host.h"
#include "host/ping6.h"
#include "host/publish.h"

#define WAITING_BYTES (8u << 20) /* some answers of a hundred busy connections; libslirp sends what is lost again */
#define FRAMES_PER_TURN 64
#define FIXED_POLLS 3	/* the stack's, published ports', pings' */

/* libslirp's library has its own ways to complain of what programs inside do, as often as they like: nobody is to read that. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#else
#define SANITIZED 0
#endif

struct waiting {
	struct list link;
	size_t len;
	u8 frame[];
};

struct uplink_proc {
	const struct uplink_config *cfg;
	int link, epfd;
	struct list waiting; /* struct waiting, oldest first */
	size_t waiting_bytes;
	struct slirp_net *slirp;
	struct publish *publish; /* NULL: no ports */
	struct ping6 *ping6; /* NULL: no IPv6 */
	struct frame_sort sort;
	bool know_mac;
	u8 mac[6];	     /* the stack's */
	struct list answers; /* struct waiting: to libslirp, when it has returned from what it asked in */
	u8 buf[UPLINK_FRAME_MAX];
	struct pollfd polls[FIXED_POLLS + UPLINK_POLLS_MAX];
};

static bool stalled(const struct uplink_proc *u) { return !list_empty(&u->waiting); }

static void emit(void *arg, const void *frame, size_t len)
{
	struct uplink_proc *u = arg;
	struct waiting *w;

	if (!stalled(u) && send(u->link, frame, len, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0)
		return;
	if (u->waiting_bytes + len > WAITING_BYTES || !(w = malloc(sizeof(*w) + len)))
		return; /* lost */
	w->len = len;
	memcpy(w->frame, frame, len);
	list_add_tail(&u->waiting, &w->link);
	u->waiting_bytes += len;
}

/* What libslirp says; its questions for neighbours have one answer, which costs the stack nothing and needs no settings there. */
static void from_slirp(void *arg, const void *frame, size_t len)
{
	struct uplink_proc *u = arg;
	u8 answer[FRAME_ANSWER_MAX];
	size_t n = u->know_mac ? frame_answer(frame, len, u->mac, answer) : 0;
	struct waiting *w = n ? malloc(sizeof(*w) + n) : NULL;

	if (!w) {
		emit(u, frame, len);
		return;
	}
	w->len = n;
	memcpy(w->frame, answer, n);
	list_add_tail(&u->answers, &w->link);
}

/* True: some. What waited for them goes out when libslirp is polled next. */
static bool give_answers(struct uplink_proc *u)
{
	bool any = !list_empty(&u->answers);

	while (!list_empty(&u->answers)) {
		struct waiting *w = list_first(&u->answers, struct waiting, link);

		list_del(&w->link);
		slirp_net_input(u->slirp, w->frame, w->len);
		free(w);
	}
	return any;
}

static void send_waiting(struct uplink_proc *u)
{
	while (stalled(u)) {
		struct waiting *w = list_first(&u->waiting, struct waiting, link);

		if (send(u->link, w->frame, w->len, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 && (errno == EAGAIN || errno == ENOBUFS || errno == EINTR))
			return;
		list_del(&w->link);
		u->waiting_bytes -= w->len;
		free(w);
	}
}

/* False: the stack is gone. */
static bool read_frames(struct uplink_proc *u)
{
	for (unsigned i = 0; i < FRAMES_PER_TURN; i++) {
		ssize_t n = recv(u->link, u->buf, sizeof(u->buf), MSG_DONTWAIT);
		unsigned to;

		if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
			return false;
		if (n < 0)
			return true;
		to = frame_sort(&u->sort, u->buf, (size_t)n);
		if (to) {
			memcpy(u->mac, ((struct eth_hdr *)u->buf)->src, sizeof(u->mac));
			u->know_mac = true;
		}
		if (to & FRAME_PUBLISHED)
			publish_input(u->publish, u->buf, (size_t)n);
		if (to & FRAME_SLIRP && !(u->ping6 && ping6_take(u->ping6, u->buf, (size_t)n))) {
			slirp_net_input(u->slirp, u->buf, (size_t)n);
			give_answers(u);
		}
	}
	return true;
}

static void published_events(struct uplink_proc *u)
{
	struct epoll_event ev[256];
	int n = epoll_wait(u->epfd, ev, ARRAY_SIZE(ev), 0);

	for (int i = 0; i < n; i++)
		publish_event(u->publish, ev[i].data.ptr, ev[i].events);
}

static void serve(struct uplink_proc *u)
{
	u64 next = UINT64_MAX;
	bool again = false;

	for (;;) {
		u32 timeout_ms = UINT32_MAX;
		u64 now = host_now();
		unsigned n = FIXED_POLLS;
		int ready;

		u->polls[0] = (struct pollfd){ .fd = u->link, .events = (short)(POLLIN | (stalled(u) ? POLLOUT : 0)) };
		/* What clients send waits in their sockets while the stack is behind. */
		u->polls[1] = (struct pollfd){ .fd = u->publish && !stalled(u) ? u->epfd : -1, .events = POLLIN };
		u->polls[2] = (struct pollfd){ .fd = u->ping6 ? ping6_fd(u->ping6) : -1, .events = POLLIN };
		n += slirp_net_fill(u->slirp, u->polls + FIXED_POLLS, UPLINK_POLLS_MAX, stalled(u), &timeout_ms);
		if (next != UINT64_MAX)
			timeout_ms = MIN(timeout_ms, (u32)MIN(next <= now ? 0 : (next - now + NSEC_PER_MSEC - 1) / NSEC_PER_MSEC, 1u << 30));
		if (again)
			timeout_ms = 0;
		ready = poll(u->polls, n, timeout_ms > INT32_MAX ? -1 : (int)timeout_ms);
		if (ready < 0 && errno != EINTR && errno != ENOMEM)
			return;
		if (u->polls[0].revents & POLLOUT)
			send_waiting(u);
		if (u->polls[0].revents & (POLLIN | POLLHUP | POLLERR) && !read_frames(u))
			return;
		slirp_net_poll(u->slirp, u->polls + FIXED_POLLS, ready < 0);
		again = give_answers(u);
		if (u->polls[2].revents)
			ping6_run(u->ping6, u->mac);
		if (u->publish) {
			if (u->polls[1].revents & POLLIN)
				published_events(u);
			next = publish_run(u->publish, host_now(), stalled(u));
		}
	}
}

static int build(struct uplink_proc *u, struct ctl_error *err)
{
	int e = slirp_net_new(u->cfg, from_slirp, u, &u->slirp, err);

	if (!e && u->cfg->npublish) {
		e = publish_new(u->cfg, u->epfd, emit, u, &u->publish, err);
		u->sort.published = publish_has;
		u->sort.arg = u->publish;
	}
	if (!e && u->cfg->v6.on)
		u->ping6 = ping6_new(u->cfg, emit, u); /* without it there is no ping */
	u->sort.host_loopback = u->cfg->host_loopback;
	return e ? e : uplink_sandbox(err);
}

static void child(const struct uplink_config *cfg, int link, pid_t parent)
{
	struct uplink_proc *u = calloc(1, sizeof(*u));
	struct ctl_error err = { 0 };
	int size = 1 << 20, null;
	sigset_t none;

	prctl(PR_SET_NAME, "weft-uplink");
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_IGN);
	if (!u)
		_exit(1);
	u->cfg = cfg;
	u->link = link;
	list_init(&u->waiting);
	list_init(&u->answers);
	setsockopt(link, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size)); /* as much as one may */
	u->epfd = epoll_create1(EPOLL_CLOEXEC);
	null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	if (u->epfd < 0)
		ctl_error_set(&err, -errno, "cannot start slirp's process: %s", strerror(errno));
	else
		build(u, &err);
	prctl(PR_SET_PDEATHSIG, SIGKILL); /* after the last change of credentials, which takes it away */
	if (getppid() != parent)
		_exit(1);
	if (send(link, &err, sizeof(err), MSG_NOSIGNAL) != sizeof(err) || err.err)
		_exit(1);
	if (null >= 0 && !SANITIZED)
		dup2(null, STDERR_FILENO);
	serve(u);
	_exit(0);
}

int uplink_proc_start(const struct uplink_config *cfg, pid_t *pid, int *sock, struct ctl_error *err)
{
	pid_t me = getpid(), p;
	int sv[2];
	ssize_t n;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sv) < 0)
		return ctl_error_set(err, -errno, "cannot make a socket pair: %s", strerror(errno));
	p = fork();
	if (p < 0) {
		close(sv[0]);
		close(sv[1]);
		return ctl_error_set(err, -errno, "cannot fork slirp's process: %s", strerror(errno));
	}
	if (!p) {
		/* The frames' socket, and what says why this process died; nothing else of the stack's. */
		dup3(sv[1], 3, O_CLOEXEC);
		close_range(4, ~0u, 0);
		child(cfg, 3, me);
	}
	close(sv[1]);
	do
		n = recv(sv[0], err, sizeof(*err), 0);
	while (n < 0 && errno == EINTR);
	if (n != sizeof(*err))
		ctl_error_set(err, -ECONNRESET, "slirp's process died while it started");
	if (err->err) {
		close(sv[0]);
		waitpid(p, NULL, 0);
		return err->err;
	}
	*pid = p;
	*sock = sv[0];
	return 0;
}
