/* A signal in the midst of every call, with SA_RESTART: nothing is done twice, nothing is lost. */
#include "t.h"

#include <linux/netlink.h>
#include <linux/rtnetlink.h>

static void on_alarm(int s) { (void)s; }

/* One signal, at some moment of what comes next. */
static void soon(unsigned i)
{
	struct itimerval it = { .it_value = { .tv_usec = 1 + i * 7 % 120 } };

	setitimer(ITIMER_REAL, &it, NULL);
}

/* Adds 127.1.x.y/32 to lo; the answer's error. */
static int add_address(int nl, unsigned i)
{
	struct {
		struct nlmsghdr h;
		struct ifaddrmsg a;
		struct rtattr at;
		unsigned char ip[4];
	} rq = { .h = { sizeof(rq), RTM_NEWADDR, NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL, i, 0 },
		 .a = { AF_INET, 32, 0, RT_SCOPE_HOST, 1 },
		 .at = { 8, IFA_LOCAL },
		 .ip = { 127, 1, (unsigned char)(i >> 8), (unsigned char)i } };
	struct {
		struct nlmsghdr h;
		struct nlmsgerr e;
		char more[256];
	} ans;

	soon(i);
	if (send(nl, &rq, sizeof(rq), 0) < 0)
		return -errno;
	soon(i * 3);
	if (recv(nl, &ans, sizeof(ans), 0) < 0)
		return -errno;
	return ans.h.nlmsg_seq == i ? ans.e.error : -ENOMSG;
}

int main(void)
{
	struct sigaction sa = { .sa_handler = on_alarm, .sa_flags = SA_RESTART };
	struct sockaddr_in a = addr("127.0.0.1", 4700), from;
	struct sockaddr_nl snl = { .nl_family = AF_NETLINK };
	struct iovec v;
	struct msghdr m = { .msg_name = &snl, .msg_namelen = sizeof(snl), .msg_iov = &v, .msg_iovlen = 1 };
	struct nlmsghdr bad = { .nlmsg_len = sizeof(bad), .nlmsg_type = 9999, .nlmsg_flags = NLM_F_REQUEST };
	unsigned wrong = 0, got;
	int s, c, l, nl;
	socklen_t n;
	char b[4096];

	sigaction(SIGALRM, &sa, NULL);

	s = MUST(socket(AF_INET, SOCK_DGRAM, 0));
	c = MUST(socket(AF_INET, SOCK_DGRAM, 0));
	MUST(bind(s, (struct sockaddr *)&a, sizeof(a)));
	for (unsigned i = 0; i < 600; i++) {
		soon(i);
		MUST(sendto(c, &i, sizeof(i), 0, (struct sockaddr *)&a, sizeof(a)));
		n = sizeof(from);
		soon(i * 5);
		MUST(recvfrom(s, &got, sizeof(got), 0, (struct sockaddr *)&from, &n));
		wrong += got != i;
	}
	SAY("datagrams: wrong %u, more %d\n", wrong, recv(s, b, 1, MSG_DONTWAIT) > 0);

	wrong = 0;
	l = tcp_listener(4701, 16);
	a.sin_port = htons(4701);
	for (unsigned i = 0; i < 150; i++) {
		int on = (int)(i & 1), is;

		c = MUST(socket(AF_INET, SOCK_STREAM, 0));
		soon(i);
		MUST(setsockopt(c, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)));
		soon(i * 3);
		MUST(connect(c, (struct sockaddr *)&a, sizeof(a)));
		n = sizeof(from);
		soon(i * 5);
		s = MUST(accept(l, (struct sockaddr *)&from, &n));
		n = sizeof(is);
		soon(i * 11);
		MUST(getsockopt(c, IPPROTO_TCP, TCP_NODELAY, &is, &n));
		wrong += is != on;
		MUST(send(c, &i, sizeof(i), MSG_OOB));
		soon(i * 13);
		MUST(shutdown(c, SHUT_WR));
		for (got = 0; (is = MUST(read(s, b, sizeof(b)))) > 0;)
			got += (unsigned)is;
		wrong += got != 3; /* and the urgent one */
		close(s);
		close(c);
	}
	SAY("streams: wrong %u\n", wrong);

	wrong = 0;
	nl = MUST(socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE));
	for (unsigned i = 1; i <= 300; i++)
		wrong += add_address(nl, i) != 0;
	SAY("addresses: wrong %u\n", wrong);
	wrong = 0;
	for (unsigned i = 0; i < 300; i++) {
		struct nlmsgerr e;

		v = (struct iovec){ &bad, sizeof(bad) };
		bad.nlmsg_seq = i;
		soon(i);
		MUST(sendmsg(nl, &m, 0));
		v = (struct iovec){ b, sizeof(b) };
		m.msg_namelen = sizeof(snl);
		soon(i * 3);
		MUST(recvmsg(nl, &m, 0));
		memcpy(&e, b + sizeof(bad), sizeof(e));
		wrong += e.error != -EOPNOTSUPP || e.msg.nlmsg_seq != i;
	}
	SAY("requests: wrong %u, more %d\n", wrong, recv(nl, b, 1, MSG_DONTWAIT) > 0);
	return 0;
}
