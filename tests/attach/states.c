/* A stream socket's states as poll and epoll show them, with registrations made before bind and connect. */
#include "t.h"

int main(void)
{
	struct sockaddr_in a = addr("127.0.0.1", 4000);
	struct epoll_event ev = { .events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.u32 = 1 }, got[4];
	int ep = MUST(epoll_create1(0)), s = MUST(socket(AF_INET, SOCK_STREAM, 0)), c, n;

	SAY("fresh:%s\n", bits(wait_bits(s, 0)));
	MUST(epoll_ctl(ep, EPOLL_CTL_ADD, s, &ev));
	n = MUST(epoll_wait(ep, got, 4, 0));
	SAY("epoll fresh: %d%s\n", n, n ? bits((short)got[0].events) : "");
	TRY("accept of fresh", accept(s, NULL, NULL));
	TRY("getpeername of fresh", getpeername(s, (struct sockaddr *)&a, &(socklen_t){ sizeof(a) }));
	a = addr("127.0.0.1", 4000);
	MUST(setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &(int){ 1 }, sizeof(int)));
	MUST(bind(s, (struct sockaddr *)&a, sizeof(a)));
	SAY("bound:%s\n", bits(wait_bits(s, 0)));
	MUST(listen(s, 5));
	SAY("listening:%s\n", bits(wait_bits(s, 0)));
	TRY("connect of listening", connect(s, (struct sockaddr *)&a, sizeof(a)));
	while (epoll_wait(ep, got, 4, 0) > 0)
		;
	c = tcp_to(4000);
	n = MUST(epoll_wait(ep, got, 4, 2000));
	SAY("epoll after a connection: %d%s\n", n, n ? bits((short)got[0].events) : "");
	SAY("edge once: %d\n", MUST(epoll_wait(ep, got, 4, 0)));
	SAY("listener:%s\n", bits(wait_bits(s, POLLIN)));
	SAY("connected:%s\n", bits(wait_bits(c, POLLOUT)));
	n = MUST(accept4(s, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC));
	SAY("flags of accepted: nonblock %d cloexec %d\n", !!(fcntl(n, F_GETFL) & O_NONBLOCK), fcntl(n, F_GETFD));
	SAY("listener after accept:%s\n", bits(wait_bits(s, 0)));
	SAY("accepted:%s\n", bits(wait_bits(n, POLLOUT)));
	TRY("connect again", connect(c, (struct sockaddr *)&a, sizeof(a)));
	TRY("read of empty", read(n, &a, 1));
	TRY("write", write(c, "x", 1));
	SAY("readable:%s\n", bits(wait_bits(n, POLLIN)));
	MUST(ioctl(n, FIONREAD, &c));
	SAY("FIONREAD %d\n", c);
	TRY("listen on a connection", listen(n, 1));
	TRY("bind twice", bind(s, (struct sockaddr *)&a, sizeof(a)));
	MUST(fcntl(s, F_SETFL, O_NONBLOCK));
	TRY("accept with none", accept(s, NULL, NULL));
	TRY("accept to a bad pointer", accept(s, (void *)1, (void *)1));
	TRY("bind short", bind(s, (struct sockaddr *)&a, 3));
	TRY("bind from a bad pointer", bind(s, (void *)1, sizeof(a)));
	TRY("socket of family 99", socket(99, SOCK_STREAM, 0));
	TRY("socket of type 77", socket(AF_INET, 7, 0));
	TRY("socketpair of inet", socketpair(AF_INET, SOCK_STREAM, 0, (int[2]){ 0 }));
	close(s);
	s = MUST(socket(AF_INET, SOCK_STREAM, 0));
	TRY("shutdown of fresh", shutdown(s, SHUT_WR));
	close(s);
	s = MUST(socket(AF_INET, SOCK_STREAM, 0));
	a = addr("127.0.0.1", 4000);
	MUST(setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &(int){ 1 }, sizeof(int)));
	TRY("bind right after close", bind(s, (struct sockaddr *)&a, sizeof(a)));
	TRY("listen right after close", listen(s, 1));
	return 0;
}
