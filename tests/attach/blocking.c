/* Blocking calls: signals with and without SA_RESTART, timeouts, non-blocking connect, refused connections. */
#include "t.h"

static volatile int hits;
static void on_alarm(int s) { (void)s; hits++; }

/* Again and again, as the first may come before the call that it is meant for. */
static void arm(int flags, int ms)
{
	struct sigaction sa = { .sa_handler = on_alarm, .sa_flags = flags };
	struct itimerval it = { .it_value = { .tv_usec = ms * 1000 }, .it_interval = { .tv_usec = ms * 1000 } };

	sigaction(SIGALRM, &sa, NULL);
	hits = 0;
	setitimer(ITIMER_REAL, &it, NULL);
}

static void disarm(void)
{
	setitimer(ITIMER_REAL, &(struct itimerval){ 0 }, NULL);
	SAY("handler ran: %s\n", hits ? "yes" : "no");
}

static void later(int ms, void (*fn)(void))
{
	if (fork() == 0) {
		usleep(ms * 1000);
		fn();
		_exit(0);
	}
}

static void dial(void) { close(tcp_to(4100)); }
static void datagram(void)
{
	struct sockaddr_in a = addr("127.0.0.1", 4101);
	int s = socket(AF_INET, SOCK_DGRAM, 0);

	sendto(s, "late", 4, 0, (struct sockaddr *)&a, sizeof(a));
}

/* Reads that are caught, as they ask for an address, of a stream that has nothing yet. */
static int near_, far_;
static void write_late(void) { (void)!write(far_, "late", 4); }
static void write_twice(void) { (void)!write(far_, "one", 3); usleep(50000); (void)!write(far_, "two", 3); }
static void end_late(void) { (void)!write(far_, "last", 4); usleep(50000); shutdown(far_, SHUT_WR); }

static void caught_stream_reads(void)
{
	struct sockaddr_in from;
	socklen_t n = sizeof(from);
	char buf[64];
	struct iovec v = { buf, sizeof(buf) };
	struct msghdr m = { .msg_name = &from, .msg_namelen = sizeof(from), .msg_iov = &v, .msg_iovlen = 1 };

	tcp_pair(&near_, &far_);
	later(50, write_late);
	TRY("recvfrom with an address", recvfrom(near_, buf, 64, 0, (struct sockaddr *)&from, &n));
	SAY("%.4s, name of %u\n", buf, n);
	later(50, write_late);
	TRY("recvmsg with a name", recvmsg(near_, &m, 0));
	SAY("%.4s, name of %u\n", buf, m.msg_namelen);
	later(50, write_twice);
	TRY("all of six", recvfrom(near_, buf, 6, MSG_WAITALL, (struct sockaddr *)&from, &n));
	SAY("%.6s\n", buf);
	arm(0, 50);
	TRY("signal without restart", recvfrom(near_, buf, 64, 0, (struct sockaddr *)&from, &n));
	disarm();
	arm(SA_RESTART, 50);
	later(150, write_late);
	TRY("signal with restart", recvfrom(near_, buf, 64, 0, (struct sockaddr *)&from, &n));
	disarm();
	later(50, end_late);
	TRY("all of six, of which four come", recvfrom(near_, buf, 6, MSG_WAITALL, (struct sockaddr *)&from, &n));
	TRY("at the end", recvfrom(near_, buf, 6, 0, (struct sockaddr *)&from, &n));
	close(near_);
	close(far_);
	while (wait(NULL) > 0)
		;
}

int main(void)
{
	struct sockaddr_in a = addr("127.0.0.1", 4101), from;
	int l = tcp_listener(4100, 5), u = MUST(socket(AF_INET, SOCK_DGRAM, 0)), c, s;
	struct timeval tv = { .tv_usec = 100000 };
	struct pollfd p;
	char buf[64];
	double t;

	MUST(bind(u, (struct sockaddr *)&a, sizeof(a)));
	arm(0, 50);
	TRY("accept, signal without restart", accept(l, NULL, NULL));
	disarm();
	arm(SA_RESTART, 50);
	later(150, dial);
	s = TRY("accept, signal with restart", accept(l, NULL, NULL)) >= 0;
	disarm();
	wait(NULL);

	arm(0, 50);
	TRY("recvfrom, signal without restart", recvfrom(u, buf, 64, 0, (struct sockaddr *)&from, &(socklen_t){ sizeof(from) }));
	disarm();
	arm(SA_RESTART, 50);
	later(150, datagram);
	TRY("recvfrom, signal with restart", recvfrom(u, buf, 64, 0, (struct sockaddr *)&from, &(socklen_t){ sizeof(from) }));
	disarm();
	wait(NULL);
	later(50, datagram);
	TRY("plain read of a datagram", read(u, buf, 64));
	wait(NULL);

	MUST(setsockopt(l, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)));
	MUST(setsockopt(u, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)));
	t = now_s();
	TRY("accept with a timeout", accept(l, NULL, NULL));
	TRY("recvfrom with a timeout", recvfrom(u, buf, 64, 0, (struct sockaddr *)&from, &(socklen_t){ sizeof(from) }));
	TRY("recv with a timeout", recv(u, buf, 64, 0));
	t = now_s() - t;
	SAY("took 300 ms or a little more: %s\n", t > 0.29 && t < 10 ? "yes" : "no");

	tv.tv_sec = 30; /* whoever has a timeout is not called again by SA_RESTART */
	MUST(setsockopt(l, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)));
	MUST(setsockopt(u, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)));
	arm(SA_RESTART, 50);
	TRY("accept with a timeout, signal with restart", accept(l, NULL, NULL));
	TRY("recvfrom with a timeout, signal with restart", recvfrom(u, buf, 64, 0, (struct sockaddr *)&from, &(socklen_t){ sizeof(from) }));
	disarm();
	arm(0, 50);
	TRY("accept with a timeout, signal without restart", accept(l, NULL, NULL));
	disarm();
	tv.tv_sec = 0;

	a = addr("127.0.0.1", 4199);
	c = MUST(socket(AF_INET, SOCK_STREAM, 0));
	TRY("refused", connect(c, (struct sockaddr *)&a, sizeof(a)));
	a = addr("127.0.0.1", 4100);
	TRY("the same descriptor, again, now answered", connect(c, (struct sockaddr *)&a, sizeof(a)));
	TRY("write", write(c, "x", 1));
	close(c);
	s = MUST(accept(l, NULL, NULL));
	close(s);

	a = addr("127.0.0.1", 4199);
	c = MUST(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0));
	TRY("non-blocking refused", connect(c, (struct sockaddr *)&a, sizeof(a)));
	SAY("poll:%s\n", bits(wait_bits(c, POLLOUT | POLLERR)));
	SAY("so_error %s\n", strerrorname_np(so_error(c)));
	SAY("so_error again %d\n", so_error(c));
	close(c);

	a = addr("127.0.0.1", 4100);
	c = MUST(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0));
	p = (struct pollfd){ .fd = c, .events = POLLOUT };
	TRY("non-blocking", connect(c, (struct sockaddr *)&a, sizeof(a)));
	SAY("poll %d%s\n", poll(&p, 1, 2000), bits(p.revents));
	SAY("so_error %d\n", so_error(c));
	TRY("connect to hear of success", connect(c, (struct sockaddr *)&a, sizeof(a)));
	s = MUST(accept(l, NULL, NULL));
	TRY("non-blocking read", read(c, buf, 1));
	MUST(setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)));
	TRY("read with a timeout", read(s, buf, 1));
	MUST(setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &(struct timeval){ 0 }, sizeof(tv)));
	close(c);
	TRY("read end", read(s, buf, 1));
	close(s);

	SAY("-- a stream's reads with an address\n");
	caught_stream_reads();
	SAY("-- SIGPIPE\n");
	tcp_pair(&c, &s);
	MUST(shutdown(c, SHUT_WR));
	if (fork() == 0) {
		signal(SIGPIPE, SIG_DFL);
		(void)!write(c, "x", 1);
		_exit(0);
	}
	wait(&l);
	SAY("killed by %d\n", WIFSIGNALED(l) ? WTERMSIG(l) : 0);
	signal(SIGPIPE, SIG_DFL);
	TRY("MSG_NOSIGNAL", send(c, "x", 1, MSG_NOSIGNAL));
	return 0;
}
