/* Errors of datagrams with IP_RECVERR: what poll and epoll say before, while and after they wait in the error queue, for a refused datagram on a
 * connected and an unconnected socket, by every way of taking them. */
#include "t.h"

#include <linux/errqueue.h>

static const char *all(int fd, short want) { return bits(wait_bits(fd, want)); }

static void queue(const char *what, int s, bool take)
{
	char buf[64], ctl[256];
	struct sockaddr_in a = { 0 };
	struct iovec v = { buf, sizeof(buf) };
	struct msghdr m = { .msg_name = &a, .msg_namelen = sizeof(a), .msg_iov = &v, .msg_iovlen = 1, .msg_control = ctl, .msg_controllen = sizeof(ctl) };
	ssize_t n = recvmsg(s, &m, MSG_DONTWAIT | (take ? MSG_ERRQUEUE : 0));

	SAY("%s: %zd%s%s", what, n, n < 0 ? " " : "", n < 0 ? strerrorname_np(errno) : "");
	for (struct cmsghdr *c = n < 0 ? NULL : CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c)) {
		struct sock_extended_err e;

		if (c->cmsg_level != IPPROTO_IP || c->cmsg_type != IP_RECVERR)
			continue;
		memcpy(&e, CMSG_DATA(c), sizeof(e));
		SAY(" %s, origin %u, type %u, code %u, to port %u", strerrorname_np((int)e.ee_errno), e.ee_origin, e.ee_type, e.ee_code, ntohs(a.sin_port));
	}
	SAY("%s\n", n >= 0 && m.msg_flags & MSG_ERRQUEUE ? ", flagged" : "");
}

static void scene(bool connected)
{
	struct sockaddr_in closed = addr("127.0.0.1", 4777), open = addr("127.0.0.1", 4778), me = addr("127.0.0.1", 4779);
	int s = MUST(socket(AF_INET, SOCK_DGRAM, 0)), peer = MUST(socket(AF_INET, SOCK_DGRAM, 0)), on = 1, ep = MUST(epoll_create1(0));
	struct epoll_event ev = { .events = EPOLLIN | EPOLLET };
	char b[16];

	SAY("%s\n", connected ? "connected" : "unconnected");
	MUST(bind(s, (struct sockaddr *)&me, sizeof(me)));
	TRY("IP_RECVERR", setsockopt(s, IPPROTO_IP, IP_RECVERR, &on, sizeof(on)));
	if (connected)
		MUST(connect(s, (struct sockaddr *)&closed, sizeof(closed)));
	MUST(bind(peer, (struct sockaddr *)&open, sizeof(open)));
	MUST(epoll_ctl(ep, EPOLL_CTL_ADD, s, &ev));
	SAY("fresh:%s, %d events\n", all(s, 0), epoll_wait(ep, &ev, 1, 0));
	for (int i = 0; i < 2; i++) {
		MUST(sendto(s, "no", 2, 0, (struct sockaddr *)&closed, sizeof(closed)));
		SAY("refused:%s", all(s, POLLERR));
		SAY(", %d events %x\n", epoll_wait(ep, &ev, 1, 5000), ev.events);
		queue("plain receive", s, false);
		SAY("then:%s\n", all(s, POLLERR));
		queue("queue", s, true);
		SAY("taken:%s\n", all(s, 0));
		queue("queue again", s, true);
	}
	MUST(sendto(s, "no", 2, 0, (struct sockaddr *)&closed, sizeof(closed)));
	wait_bits(s, POLLERR);
	queue("queue first", s, true);
	SAY("taken:%s, SO_ERROR %d\n", all(s, 0), so_error(s));
	MUST(sendto(s, "n1", 2, 0, (struct sockaddr *)&closed, sizeof(closed)));
	wait_bits(s, POLLERR);
	SAY("SO_ERROR %s\n", strerrorname_np(so_error(s)));
	MUST(sendto(s, "n2", 2, 0, (struct sockaddr *)&closed, sizeof(closed)));
	for (int i = 0; i < 2000 && so_error(s) == 0; i++)
		usleep(1000);
	SAY("two wait:%s\n", all(s, POLLERR));
	queue("queue", s, true);
	SAY("one waits:%s\n", all(s, POLLERR));
	queue("queue", s, true);
	SAY("none:%s\n", all(s, 0));
	if (!connected) {
		MUST(sendto(peer, "data", 4, 0, (struct sockaddr *)&me, sizeof(me)));
		SAY("data:%s\n", all(s, POLLIN));
		MUST(sendto(s, "no", 2, 0, (struct sockaddr *)&closed, sizeof(closed)));
		SAY("data and an error:%s\n", all(s, POLLIN | POLLERR));
		queue("plain receive", s, false);
		queue("plain receive", s, false);
		queue("queue", s, true);
		SAY("none:%s\n", all(s, 0));
		MUST(sendto(peer, "more", 4, 0, (struct sockaddr *)&me, sizeof(me)));
		SAY("data:%s\n", all(s, POLLIN));
		TRY("recv", recv(s, b, sizeof(b), 0));
		TRY("send to who listens", sendto(s, "yes", 3, 0, (struct sockaddr *)&open, sizeof(open)));
		TRY("heard", recv(peer, b, sizeof(b), 0));
	}
	close(s);
	s = MUST(socket(AF_INET, SOCK_DGRAM, 0));
	for (int i = 0; i < 2000 && bind(s, (struct sockaddr *)&me, sizeof(me)) < 0; i++)
		usleep(1000);
	TRY("its port is free again", getsockname(s, (struct sockaddr *)&me, &(socklen_t){ sizeof(me) }));
	close(s), close(peer), close(ep);
}

int main(void)
{
	scene(false);
	scene(true);
	return 0;
}
