/* UDP: names, sizes, truncation, peeking, errors, many at once. */
#include "t.h"

/* Sends until a refusal comes back, and returns it. */
static int refusal(int c, struct sockaddr_in from, bool by_receive)
{
	char b[4];
	int e = 0;

	for (int i = 0; i < 2000 && !e; i++) {
		send(c, "x", 1, 0);
		usleep(1000);
		if (!by_receive)
			e = so_error(c);
		else if (recvfrom(c, b, 4, MSG_DONTWAIT, (struct sockaddr *)&from, &(socklen_t){ sizeof(from) }) < 0)
			e = errno == EAGAIN ? 0 : errno;
	}
	for (int i = 0; i < 20; i++) { /* what is still under way */
		usleep(1000);
		so_error(c);
	}
	return e;
}

int main(void)
{
	struct sockaddr_in a = addr("127.0.0.1", 4301), b = addr("127.0.0.1", 4302), from;
	socklen_t n;
	int s = MUST(socket(AF_INET, SOCK_DGRAM, 0)), c = MUST(socket(AF_INET, SOCK_DGRAM, 0));
	char buf[70000], bufs[4][8];
	struct mmsghdr mm[4];
	struct iovec v[4];
	struct msghdr m;
	struct timespec t;

	SAY("fresh:%s\n", bits(wait_bits(s, 0)));
	MUST(bind(s, (struct sockaddr *)&a, sizeof(a)));
	MUST(bind(c, (struct sockaddr *)&b, sizeof(b)));
	TRY("getpeername", getpeername(s, (struct sockaddr *)&from, &(socklen_t){ 16 }));
	TRY("send without a peer, sendmsg", sendmsg(c, &(struct msghdr){ 0 }, 0));
	TRY("sendto", sendto(c, "hello", 5, 0, (struct sockaddr *)&a, sizeof(a)));
	SAY("readable:%s\n", bits(wait_bits(s, POLLIN)));
	n = sizeof(from);
	TRY("peek", recvfrom(s, buf, 64, MSG_PEEK, (struct sockaddr *)&from, &n));
	n = sizeof(from);
	TRY("recvfrom", recvfrom(s, buf, 64, 0, (struct sockaddr *)&from, &n));
	SAY("from %s:%d, length %u\n", inet_ntoa(from.sin_addr), ntohs(from.sin_port), n);
	SAY("empty:%s\n", bits(wait_bits(s, 0)));
	TRY("recv from empty", recv(s, buf, 64, MSG_DONTWAIT));
	TRY("recvfrom from empty", recvfrom(s, buf, 64, MSG_DONTWAIT, (struct sockaddr *)&from, &n));

	TRY("zero length", sendto(c, NULL, 0, 0, (struct sockaddr *)&a, sizeof(a)));
	SAY("readable:%s\n", bits(wait_bits(s, POLLIN)));
	TRY("recv zero", recv(s, buf, 64, 0));
	TRY("zero length again", sendto(c, NULL, 0, 0, (struct sockaddr *)&a, sizeof(a)));
	wait_bits(s, POLLIN);
	TRY("recvfrom zero", recvfrom(s, buf, 64, 0, (struct sockaddr *)&from, &n));

	for (int i = 0; i < 3; i++)
		MUST(sendto(c, &"123456789"[i], (size_t)(9 - i), 0, (struct sockaddr *)&a, sizeof(a)));
	wait_bits(s, POLLIN);
	TRY("MSG_TRUNC", recvfrom(s, buf, 4, MSG_TRUNC, (struct sockaddr *)&from, &n));
	v[0] = (struct iovec){ buf, 4 };
	m = (struct msghdr){ .msg_iov = v, .msg_iovlen = 1, .msg_name = &from, .msg_namelen = sizeof(from) };
	TRY("recvmsg short", recvmsg(s, &m, 0));
	SAY("flags TRUNC %d\n", !!(m.msg_flags & MSG_TRUNC));
	MUST(ioctl(s, FIONREAD, &n));
	SAY("FIONREAD %u\n", n);
	TRY("plain recv", recv(s, buf, 64, 0));
	TRY("largest", sendto(c, buf, 65507, 0, (struct sockaddr *)&a, sizeof(a)));
	TRY("too large", sendto(c, buf, 65508, 0, (struct sockaddr *)&a, sizeof(a)));
	wait_bits(s, POLLIN);
	TRY("recv largest", recv(s, buf, sizeof(buf), 0));

	SAY("-- connected\n");
	MUST(connect(c, (struct sockaddr *)&a, sizeof(a)));
	MUST(connect(s, (struct sockaddr *)&b, sizeof(b)));
	for (int i = 0; i < 5; i++)
		MUST(write(c, "abcdef", (size_t)i + 1));
	for (int i = 0; i < 5; i++)
		TRY("read", read(s, buf, 64));
	MUST(send(c, "one", 3, 0));
	wait_bits(s, POLLIN);
	n = sizeof(from);
	TRY("recvfrom of connected", recvfrom(s, buf, 64, 0, (struct sockaddr *)&from, &n));
	SAY("from %s:%d\n", inet_ntoa(from.sin_addr), ntohs(from.sin_port));
	for (int i = 0; i < 4; i++) {
		v[i] = (struct iovec){ bufs[i], 8 };
		memset(&mm[i], 0, sizeof(mm[i]));
		mm[i].msg_hdr.msg_iov = &v[i];
		mm[i].msg_hdr.msg_iovlen = 1;
		memcpy(bufs[i], "mmsg", 4);
		v[i].iov_len = 4;
	}
	TRY("sendmmsg", sendmmsg(c, mm, 4, 0));
	TRY("recvmmsg", recvmmsg(s, mm, 4, MSG_DONTWAIT, NULL));
	SAY("lengths %u %u\n", mm[0].msg_len, mm[3].msg_len);

	SAY("-- recvmmsg waits for all\n");
	if (fork() == 0) {
		for (int i = 0; i < 4; i++) {
			usleep(30000);
			MUST(send(c, "12345678", (size_t)i + 1, 0));
		}
		_exit(0);
	}
	TRY("recvmmsg", recvmmsg(s, mm, 4, 0, NULL));
	SAY("lengths %u %u %u %u\n", mm[0].msg_len, mm[1].msg_len, mm[2].msg_len, mm[3].msg_len);
	wait(NULL);
	MUST(sendmmsg(c, mm, 2, 0));
	TRY("MSG_WAITFORONE", recvmmsg(s, mm, 4, MSG_WAITFORONE, NULL));
	MUST(sendmmsg(c, mm, 2, 0));
	TRY("a timeout that is over", recvmmsg(s, mm, 4, 0, &(struct timespec){ 0 }));
	t = (struct timespec){ .tv_sec = 100 };
	TRY("a timeout that is not", recvmmsg(s, mm, 1, 0, &t));
	SAY("left: %s\n", t.tv_sec < 100 && t.tv_sec > 10 ? "less" : "as much");
	TRY("a wrong timeout", recvmmsg(s, mm, 1, 0, &(struct timespec){ .tv_nsec = -1 }));

	SAY("-- refused\n");
	close(s);
	SAY("so_error %s\n", strerrorname_np(refusal(c, a, false)));
	SAY("recvfrom %s\n", strerrorname_np(refusal(c, a, true)));
	TRY("recvfrom again", recvfrom(c, buf, 64, MSG_DONTWAIT, (struct sockaddr *)&from, &(socklen_t){ sizeof(from) }));
	return 0;
}
