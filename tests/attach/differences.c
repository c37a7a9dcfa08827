/* Where weft and Linux differ, and cannot help it: docs/differences.md. What is printed here is known for both. */
#include "t.h"

static volatile int pipes;
static void on_pipe(int s) { (void)s; pipes++; }

static void reset_then(const char *what, bool write_first)
{
	struct linger l = { 1, 0 };
	char b;
	int c, s;

	tcp_pair(&c, &s);
	setsockopt(s, SOL_SOCKET, SO_LINGER, &l, sizeof(l));
	close(s);
	wait_bits(c, POLLERR | POLLHUP);
	SAY("%s\n", what);
	pipes = 0;
	if (write_first)
		TRY("write after RST", write(c, "x", 1));
	else
		TRY("read after RST", read(c, &b, 1));
	SAY("SIGPIPE %d\n", pipes);
	close(c);
}

int main(void)
{
	struct epoll_event ev = { .events = EPOLLOUT | EPOLLET };
	struct sockaddr_in a = addr("127.0.0.1", 4401);
	char b[16];
	int c, s, ep, n;

	signal(SIGPIPE, on_pipe);
	s = MUST(socket(AF_INET, SOCK_STREAM, 0));
	TRY("read of a fresh socket", read(s, b, 1));
	close(s);

	reset_then("-- a write finds the reset", true);
	reset_then("-- a read finds the reset", false);

	SAY("-- SO_RCVLOWAT under poll\n");
	tcp_pair(&c, &s);
	MUST(setsockopt(s, SOL_SOCKET, SO_RCVLOWAT, &(int){ 4 }, sizeof(int)));
	MUST(write(c, "ab", 2));
	usleep(50000);
	SAY("two bytes of four:%s\n", bits(wait_bits(s, 0)));
	MUST(write(c, "cd", 2));
	SAY("four of four:%s\n", bits(wait_bits(s, POLLIN)));
	MUST(write(c, "ef", 2));
	usleep(50000);
	TRY("non-blocking read of six", recv(s, b, 16, MSG_DONTWAIT));
	MUST(setsockopt(s, SOL_SOCKET, SO_RCVLOWAT, &(int){ 1 }, sizeof(int)));
	if (wait_bits(s, 0) & POLLIN)
		MUST(read(s, b, 16));

	SAY("-- edges of EPOLLOUT\n");
	ep = MUST(epoll_create1(0));
	MUST(epoll_ctl(ep, EPOLL_CTL_ADD, c, &ev));
	epoll_wait(ep, &ev, 1, 0);
	MUST(write(c, "x", 1));
	usleep(50000);
	SAY("after a write: %d\n", epoll_wait(ep, &ev, 1, 0));
	close(ep);

	SAY("-- MSG_TRUNC discards\n");
	MUST(read(s, b, 1));
	MUST(write(c, "12345678", 8));
	wait_bits(s, POLLIN);
	usleep(20000);
	memset(b, '.', sizeof(b));
	TRY("recv MSG_TRUNC", recv(s, b, 4, MSG_TRUNC));
	SAY("buffer %.4s\n", b);
	TRY("the rest", read(s, b, 16));
	close(c);
	close(s);

	SAY("-- unconnected datagrams\n");
	s = MUST(socket(AF_INET, SOCK_DGRAM, 0));
	TRY("write without a peer", write(s, "x", 1));
	close(s);

	SAY("-- an error of a connected datagram socket\n");
	s = MUST(socket(AF_INET, SOCK_DGRAM, 0));
	MUST(connect(s, (struct sockaddr *)&a, sizeof(a)));
	MUST(send(s, "x", 1, 0));
	n = wait_bits(s, POLLIN);
	SAY("poll:%s\n", bits((short)n));
	TRY("read", recv(s, b, 1, MSG_DONTWAIT));
	TRY("so_error", so_error(s));
	return 0;
}
