/* dup, fork, exec and SCM_RIGHTS; threads and processes that accept together; EPOLLEXCLUSIVE. */
#include <sys/mman.h>

#include "t.h"

static int send_fd(int over, int fd)
{
	char c[CMSG_SPACE(sizeof(int))] = { 0 };
	struct iovec v = { "f", 1 };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = c, .msg_controllen = sizeof(c) };
	struct cmsghdr *h = CMSG_FIRSTHDR(&m);

	h->cmsg_level = SOL_SOCKET;
	h->cmsg_type = SCM_RIGHTS;
	h->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(h), &fd, sizeof(fd));
	return (int)sendmsg(over, &m, 0);
}

static int recv_fd(int over)
{
	char c[CMSG_SPACE(sizeof(int))], b;
	struct iovec v = { &b, 1 };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = c, .msg_controllen = sizeof(c) };
	int fd;

	MUST(recvmsg(over, &m, 0));
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof(fd));
	return fd;
}

static int shared_listener;
static void *acceptor(void *arg)
{
	int fd = accept(shared_listener, NULL, NULL);

	if (fd >= 0) {
		(void)!write(fd, "t", 1);
		close(fd);
		__atomic_fetch_add((int *)arg, 1, __ATOMIC_RELAXED);
	}
	return NULL;
}

int main(int argc, char **argv)
{
	struct sockaddr_in a;
	socklen_t n = sizeof(a);
	int c, s, d, sv[2], *count, done = 0;
	pthread_t t[8];
	pid_t worker[4];
	char b[16], arg[16];

	if (argc > 1) { /* after exec */
		s = atoi(argv[1]);
		MUST(getsockname(s, (struct sockaddr *)&a, &n));
		SAY("after exec: %s\n", inet_ntoa(a.sin_addr));
		TRY("write after exec", write(s, "exec", 4));
		return 0;
	}
	SAY("-- dup: the connection ends with the last descriptor\n");
	tcp_pair(&c, &s);
	d = dup(s);
	close(s);
	MUST(write(d, "dup", 3));
	TRY("read", read(c, b, sizeof(b)));
	SAY("poll:%s\n", bits(wait_bits(c, POLLOUT)));
	close(d);
	SAY("poll:%s\n", bits(wait_bits(c, POLLRDHUP)));
	close(c);

	SAY("-- fork and exec\n");
	tcp_pair(&c, &s);
	snprintf(arg, sizeof(arg), "%d", s);
	if (fork() == 0) {
		execl("/proc/self/exe", "sharing", arg, NULL);
		_exit(1);
	}
	close(s);
	wait(NULL);
	memset(b, 0, sizeof(b));
	MUST(read(c, b, 4));
	SAY("got %s\n", b);
	TRY("end", read(c, b, 1));
	close(c);

	SAY("-- killed program\n");
	tcp_pair(&c, &s);
	if ((d = fork()) == 0)
		pause();
	close(s);
	kill(d, SIGKILL);
	wait(NULL);
	SAY("poll:%s\n", bits(wait_bits(c, POLLRDHUP)));
	TRY("end", read(c, b, 1));
	close(c);

	SAY("-- SCM_RIGHTS\n");
	tcp_pair(&c, &s);
	MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, sv));
	MUST(send_fd(sv[0], s));
	close(s);
	SAY("in flight, poll:%s\n", bits(wait_bits(c, POLLOUT)));
	if (fork() == 0) {
		s = recv_fd(sv[1]);
		MUST(getpeername(s, (struct sockaddr *)&a, &n));
		MUST(write(s, "pass", 4));
		_exit(0);
	}
	wait(NULL);
	TRY("read", read(c, b, sizeof(b)));
	TRY("end", read(c, b, 1));
	close(c);

	SAY("-- threads accept together\n");
	shared_listener = tcp_listener(4200, 16);
	count = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	for (int i = 0; i < 8; i++)
		pthread_create(&t[i], NULL, acceptor, count);
	for (int i = 0; i < 8; i++) {
		c = tcp_to(4200);
		if (read(c, b, 1) == 1)
			done++;
		close(c);
	}
	for (int i = 0; i < 8; i++)
		pthread_join(t[i], NULL);
	SAY("served %d, accepted %d\n", done, *count);

	SAY("-- EPOLLEXCLUSIVE workers\n");
	*count = 0;
	fcntl(shared_listener, F_SETFL, O_NONBLOCK);
	for (int i = 0; i < 4; i++)
		if ((worker[i] = fork()) == 0) {
			struct epoll_event ev = { .events = EPOLLIN | EPOLLEXCLUSIVE };
			int ep = epoll_create1(0), got, fd;

			epoll_ctl(ep, EPOLL_CTL_ADD, shared_listener, &ev);
			while ((got = epoll_wait(ep, &ev, 1, -1)) > 0) {
				__atomic_fetch_add(&count[1], 1, __ATOMIC_RELAXED);
				while ((fd = accept(shared_listener, NULL, NULL)) >= 0) {
					__atomic_fetch_add(&count[0], 1, __ATOMIC_RELAXED);
					close(fd);
				}
			}
			_exit(0);
		}
	usleep(100000);
	for (int i = 0; i < 10; i++) {
		c = tcp_to(4200);
		TRY("closed by the worker", read(c, b, 1));
		close(c);
		usleep(5000);
	}
	for (int i = 0; i < 4; i++)
		kill(worker[i], SIGKILL);
	while (wait(NULL) > 0)
		;
	SAY("accepted %d, wake-ups at most 20: %s\n", count[0], count[1] <= 20 ? "yes" : "no");
	return 0;
}
