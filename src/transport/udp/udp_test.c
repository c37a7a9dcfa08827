/* UDP over veth, in virtual time: delivery, errors, queues, limits, groups, segmentation. */
#include "stack/testlib.h"

#include <time.h>
#include <linux/errqueue.h>
#include <asm/ioctls.h>

#define SOL_UDP 17
enum { UDP_OPT_CORK = 1, UDP_OPT_SEGMENT = 103, UDP_OPT_GRO = 104 };

static void echo(void **state)
{
	struct lab l;
	struct sockaddr_in from;
	char buf[64];

	lab_pair(&l, 1);
	weft_socket *a = lab_udp(&l, LEFT, "0.0.0.0", 1000), *b = lab_udp(&l, RIGHT, "10.0.0.2", 7);
	assert_int_equal(lab_sendto(a, "hello", 5, "10.0.0.2", 7), 5);
	assert_true(lab_wait(&l, 100, weft_poll(b) & POLLIN));
	assert_int_equal(lab_recvfrom(b, buf, sizeof buf, MSG_PEEK, &from), 5);
	assert_int_equal(lab_recvfrom(b, buf, 3, MSG_TRUNC, &from), 5);
	assert_memory_equal(buf, "hel", 3);
	assert_int_equal(from.sin_port, htons(1000));
	assert_int_equal(from.sin_addr.s_addr, inet_addr("10.0.0.1"));
	assert_int_equal(lab_recvfrom(b, buf, sizeof buf, 0, NULL), -EAGAIN);
	assert_int_equal(lab_sendto(b, "", 0, "10.0.0.1", 1000), 0);
	assert_true(lab_wait(&l, 100, weft_poll(a) & POLLIN));
	assert_int_equal(weft_recv(a, buf, sizeof buf, 0), 0);
	assert_int_equal(lab_mib(&l, LEFT, MIB_Udp_OutDatagrams), 1);
	assert_int_equal(lab_mib(&l, RIGHT, MIB_Udp_InDatagrams), 1);
	weft_close(a);
	weft_close(b);
	lab_end(&l);
}

/* Every size that needs other fragments, up to the largest datagram there is. */
static void sizes(void **state)
{
	static const u32 size[] = { 0, 1, 1471, 1472, 1473, 2952, 8192, 16384, 65507 };
	static u8 out[65536], in[65536];
	struct lab l;

	lab_pair(&l, 1);
	weft_socket *a = lab_udp(&l, LEFT, NULL, 0), *b = lab_udp(&l, RIGHT, "0.0.0.0", 7);
	for (u32 i = 0; i < sizeof out; i++)
		out[i] = (u8)(i * 7 + i / 251);
	lab_opt(b, SOL_SOCKET, SO_RCVBUF, 1 << 20);
	for (u32 i = 0; i < ARRAY_SIZE(size); i++) {
		assert_int_equal(lab_sendto(a, out, size[i], "10.0.0.2", 7), size[i]);
		assert_true(lab_wait(&l, 100, weft_poll(b) & POLLIN));
		memset(in, 0, sizeof in);
		assert_int_equal(weft_recv(b, in, sizeof in, 0), size[i]);
		assert_memory_equal(in, out, size[i]);
	}
	assert_int_equal(lab_sendto(a, out, 65508, "10.0.0.2", 7), -EMSGSIZE);
	assert_int_equal(lab_sendto(a, out, 65536, "10.0.0.2", 7), -EMSGSIZE);
	assert_true(lab_mib(&l, RIGHT, MIB_Ip_ReasmOKs) >= 5);
	weft_close(a);
	weft_close(b);
	lab_end(&l);
}

static void names(void **state)
{
	struct lab l;
	struct sockaddr_storage a;
	struct sockaddr_in *in = (struct sockaddr_in *)&a;
	socklen_t len;
	char c = 0;

	lab_pair(&l, 1);
	weft_socket *s = lab_udp(&l, LEFT, NULL, 0), *t = lab_udp(&l, LEFT, NULL, 0);
	assert_int_equal(weft_bind(s, LAB_SA("10.9.9.9", 5)), -EADDRNOTAVAIL);
	lab_ok(weft_bind(s, LAB_SA("10.0.0.1", 5)));
	assert_int_equal(weft_bind(s, LAB_SA("10.0.0.1", 6)), -EINVAL);
	assert_int_equal(weft_bind(t, LAB_SA("0.0.0.0", 5)), -EADDRINUSE);
	assert_int_equal(weft_bind(t, LAB_SA("10.0.0.1", 5)), -EADDRINUSE);
	lab_ok(weft_bind(t, LAB_SA("127.0.0.1", 5)));
	assert_int_equal(weft_getpeername(s, &a, &len), -ENOTCONN);
	assert_int_equal(weft_send(s, &c, 1, 0), -EDESTADDRREQ);
	lab_ok(weft_connect(s, LAB_SA("10.0.0.2", 99)));
	lab_ok(weft_getpeername(s, &a, &len));
	assert_int_equal(in->sin_port, htons(99));
	assert_int_equal(weft_connect(s, LAB_SA("99.9.9.9", 1)), -ENETUNREACH);
	lab_ok(weft_connect(s, &(struct sockaddr){ .sa_family = AF_UNSPEC }, sizeof(struct sockaddr)));
	assert_int_equal(weft_getpeername(s, &a, &len), -ENOTCONN);
	lab_ok(weft_getsockname(s, &a, &len));
	assert_int_equal(in->sin_addr.s_addr, inet_addr("10.0.0.1")); /* bound: stays */
	weft_socket *u = lab_udp(&l, LEFT, NULL, 0);
	lab_ok(weft_connect(u, LAB_SA("10.0.0.2", 99)));
	lab_ok(weft_getsockname(u, &a, &len));
	assert_int_equal(in->sin_addr.s_addr, inet_addr("10.0.0.1"));
	assert_true(ntohs(in->sin_port) >= 32768);
	lab_ok(weft_connect(u, &(struct sockaddr){ .sa_family = AF_UNSPEC }, sizeof(struct sockaddr)));
	lab_ok(weft_getsockname(u, &a, &len));
	assert_int_equal(in->sin_addr.s_addr, 0);
	assert_int_equal(in->sin_port, 0);
	assert_int_equal(lab_sendto(u, "x", 1, "10.0.0.255", 9), -EACCES);
	lab_opt(u, SOL_SOCKET, SO_BROADCAST, 1);
	assert_int_equal(lab_sendto(u, "x", 1, "10.0.0.255", 9), 1);
	weft_close(s);
	weft_close(t);
	weft_close(u);
	lab_end(&l);
}

/* A port that nobody has: connected sockets hear of it, others don't, IP_RECVERR tells all. */
static void unreachable(void **state)
{
	struct lab l;
	char buf[64], ctl[256];
	struct iovec iov = { buf, sizeof buf };
	struct sockaddr_in who;
	struct msghdr m = { .msg_name = &who, .msg_namelen = sizeof who, .msg_iov = &iov, .msg_iovlen = 1, .msg_control = ctl,
			    .msg_controllen = sizeof ctl };
	const struct sock_extended_err *ee;

	lab_pair(&l, 1);
	weft_socket *plain = lab_udp(&l, LEFT, NULL, 0), *conn = lab_udp(&l, LEFT, NULL, 0), *err = lab_udp(&l, LEFT, NULL, 0);
	lab_ok(weft_connect(conn, LAB_SA("10.0.0.2", 9)));
	lab_opt(err, SOL_IP, IP_RECVERR, 1);
	assert_int_equal(lab_sendto(plain, "x", 1, "10.0.0.2", 9), 1);
	assert_int_equal(weft_send(conn, "y", 1, 0), 1);
	assert_int_equal(lab_sendto(err, "zz", 2, "10.0.0.2", 9), 2);
	lab_run_ms(&l, 100);
	assert_false(weft_poll(plain) & POLLERR);
	assert_true(weft_poll(conn) & POLLERR);
	assert_int_equal(weft_recv(conn, buf, sizeof buf, 0), -ECONNREFUSED);
	assert_int_equal(weft_recv(conn, buf, sizeof buf, 0), -EAGAIN);
	assert_true(weft_poll(err) & POLLERR);
	assert_int_equal(weft_recvmsg(err, &m, MSG_ERRQUEUE), 2);
	assert_memory_equal(buf, "zz", 2);
	assert_true(m.msg_flags & MSG_ERRQUEUE);
	assert_int_equal(who.sin_addr.s_addr, inet_addr("10.0.0.2"));
	assert_int_equal(who.sin_port, htons(9));
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);
	assert_non_null(c);
	assert_int_equal(c->cmsg_type, IP_RECVERR);
	ee = (const struct sock_extended_err *)CMSG_DATA(c);
	assert_int_equal(ee->ee_errno, ECONNREFUSED);
	assert_int_equal(ee->ee_origin, SO_EE_ORIGIN_ICMP);
	assert_int_equal(ee->ee_type, 3);
	assert_int_equal(ee->ee_code, 3);
	assert_int_equal(((const struct sockaddr_in *)SO_EE_OFFENDER(ee))->sin_addr.s_addr, inet_addr("10.0.0.2"));
	assert_int_equal(weft_recvmsg(err, &m, MSG_ERRQUEUE), -EAGAIN);
	assert_int_equal(lab_getopt(err, SOL_SOCKET, SO_ERROR), 0);
	assert_int_equal(lab_mib(&l, RIGHT, MIB_Udp_NoPorts), 3);
	assert_int_equal(lab_drops(&l, RIGHT, SKB_DROP_REASON_NO_SOCKET), 3);
	weft_close(plain);
	weft_close(conn);
	weft_close(err);
	lab_end(&l);
}

/* IP_PMTUDISC_DO: too big is refused here and told to the error queue; IP_MTU says how much fits. */
static void dont_fragment(void **state)
{
	static char big[4000];
	struct lab l;
	char buf[64], ctl[256];
	struct iovec iov = { buf, sizeof buf };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = ctl, .msg_controllen = sizeof ctl };

	lab_pair(&l, 1);
	weft_socket *s = lab_udp(&l, LEFT, NULL, 0);
	lab_opt(s, SOL_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DO);
	lab_opt(s, SOL_IP, IP_RECVERR, 1);
	lab_ok(weft_connect(s, LAB_SA("10.0.0.2", 9)));
	assert_int_equal(lab_getopt(s, SOL_IP, IP_MTU), 1500);
	assert_int_equal(weft_send(s, big, 1473, 0), -EMSGSIZE);
	assert_int_equal(weft_recvmsg(s, &m, MSG_ERRQUEUE), 0);
	const struct sock_extended_err *ee = (const struct sock_extended_err *)CMSG_DATA(CMSG_FIRSTHDR(&m));
	assert_int_equal(ee->ee_origin, SO_EE_ORIGIN_LOCAL);
	assert_int_equal(ee->ee_errno, EMSGSIZE);
	assert_int_equal(ee->ee_info, 1500);
	assert_int_equal(weft_send(s, big, 1472, 0), 1472);
	weft_close(s);
	lab_end(&l);
}

static void buffer_limit(void **state)
{
	static char d[1000];
	struct lab l;
	char buf[2000];
	int got = 0;

	lab_pair(&l, 1);
	weft_socket *a = lab_udp(&l, LEFT, NULL, 0), *b = lab_udp(&l, RIGHT, "0.0.0.0", 7);
	lab_opt(b, SOL_SOCKET, SO_RCVBUF, 8192);
	for (int i = 0; i < 100; i++) {
		assert_int_equal(lab_sendto(a, d, sizeof d, "10.0.0.2", 7), sizeof d);
		lab_run_ms(&l, 1);
	}
	while (weft_recv(b, buf, sizeof buf, 0) == sizeof d)
		got++;
	assert_in_range(got, 2, 16);
	assert_int_equal(lab_mib(&l, RIGHT, MIB_Udp_RcvbufErrors), 100 - got);
	assert_int_equal(lab_mib(&l, RIGHT, MIB_Udp_InErrors), 100 - got);
	assert_int_equal(lab_drops(&l, RIGHT, SKB_DROP_REASON_SOCKET_RCVBUFF), 100 - got);
	weft_close(a);
	weft_close(b);
	lab_end(&l);
}

static void reuseport(void **state)
{
	enum { N = 4, FLOWS = 400 };
	struct lab l;
	weft_socket *srv[N], *other;
	int count[N] = { 0 };
	char buf[8];

	lab_pair(&l, 1);
	for (int i = 0; i < N; i++) {
		srv[i] = lab_udp(&l, RIGHT, NULL, 0);
		lab_opt(srv[i], SOL_SOCKET, SO_REUSEPORT, 1);
		lab_opt(srv[i], SOL_SOCKET, SO_RCVBUF, 1 << 20);
		lab_ok(weft_bind(srv[i], LAB_SA("0.0.0.0", 7)));
	}
	other = lab_udp(&l, RIGHT, NULL, 0);
	assert_int_equal(weft_bind(other, LAB_SA("0.0.0.0", 7)), -EADDRINUSE);
	for (int i = 0; i < FLOWS; i++) {
		weft_socket *c = lab_udp(&l, LEFT, NULL, 0);
		assert_int_equal(lab_sendto(c, "a", 1, "10.0.0.2", 7), 1);
		assert_int_equal(lab_sendto(c, "b", 1, "10.0.0.2", 7), 1);
		lab_run_ms(&l, 1);
		int n = -1;
		for (int k = 0; k < N; k++)
			if (weft_poll(srv[k]) & POLLIN) {
				assert_int_equal(n, -1); /* both went to one */
				n = k;
			}
		assert_int_not_equal(n, -1);
		assert_int_equal(weft_recv(srv[n], buf, sizeof buf, 0), 1);
		assert_int_equal(weft_recv(srv[n], buf, sizeof buf, 0), 1);
		count[n]++;
		weft_close(c);
	}
	for (int k = 0; k < N; k++) {
		assert_in_range(count[k], FLOWS / N / 2, FLOWS / N * 2);
		weft_close(srv[k]);
	}
	weft_close(other);
	lab_end(&l);
}

static void port_exhaustion(void **state)
{
	enum { N = 101 };
	struct lab l;
	weft_socket *s[N];
	u8 seen[65536 / 8] = { 0 };

	lab_pair(&l, 1);
	lab_ok(weft_sysctl_set(l.ns[LEFT], "net.ipv4.ip_local_port_range", "40000 40100"));
	for (int i = 0; i < N; i++) {
		struct sockaddr_storage a;
		socklen_t len;
		s[i] = lab_udp(&l, LEFT, "0.0.0.0", 0);
		lab_ok(weft_getsockname(s[i], &a, &len));
		u16 p = ntohs(((struct sockaddr_in *)&a)->sin_port);
		assert_in_range(p, 40000, 40100);
		assert_false(seen[p / 8] & (1 << p % 8));
		seen[p / 8] |= (u8)(1 << p % 8);
	}
	weft_socket *x = lab_udp(&l, LEFT, NULL, 0);
	assert_int_equal(weft_bind(x, LAB_SA("0.0.0.0", 0)), -EADDRINUSE);
	assert_int_equal(lab_sendto(x, "x", 1, "10.0.0.2", 7), -EAGAIN);
	weft_close(s[50]);
	lab_ok(weft_bind(x, LAB_SA("0.0.0.0", 0)));
	for (int i = 0; i < N; i++)
		if (i != 50)
			weft_close(s[i]);
	weft_close(x);
	lab_end(&l);
}

static void corking(void **state)
{
	struct lab l;
	char buf[64];

	lab_pair(&l, 1);
	weft_socket *a = lab_udp(&l, LEFT, NULL, 0), *b = lab_udp(&l, RIGHT, "0.0.0.0", 7);
	lab_ok(weft_connect(a, LAB_SA("10.0.0.2", 7)));
	assert_int_equal(weft_send(a, "one ", 4, MSG_MORE), 4);
	assert_int_equal(weft_send(a, "two ", 4, MSG_MORE), 4);
	lab_run_ms(&l, 10);
	assert_false(weft_poll(b) & POLLIN);
	assert_int_equal(weft_send(a, "three", 5, 0), 5);
	assert_true(lab_wait(&l, 10, weft_poll(b) & POLLIN));
	assert_int_equal(weft_recv(b, buf, sizeof buf, 0), 13);
	assert_memory_equal(buf, "one two three", 13);
	lab_opt(a, SOL_UDP, UDP_OPT_CORK, 1);
	assert_int_equal(weft_send(a, "a", 1, 0), 1);
	assert_int_equal(weft_send(a, "b", 1, 0), 1);
	lab_run_ms(&l, 10);
	assert_false(weft_poll(b) & POLLIN);
	lab_opt(a, SOL_UDP, UDP_OPT_CORK, 0);
	assert_true(lab_wait(&l, 10, weft_poll(b) & POLLIN));
	assert_int_equal(weft_recv(b, buf, sizeof buf, 0), 2);
	assert_int_equal(weft_send(a, "lost", 4, MSG_MORE), 4); /* never finished */
	weft_close(a);
	weft_close(b);
	lab_end(&l);
}

/* One send, many datagrams; a receiver with UDP_GRO gets them in one piece with the size beside it. */
static void segmentation(void **state)
{
	static u8 out[5000], in[65536];
	struct lab l;
	char ctl[64];
	struct iovec iov = { in, sizeof in };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = ctl, .msg_controllen = sizeof ctl };

	lab_pair(&l, 1);
	weft_socket *a = lab_udp(&l, LEFT, NULL, 0), *b = lab_udp(&l, RIGHT, "0.0.0.0", 7);
	for (u32 i = 0; i < sizeof out; i++)
		out[i] = (u8)(i * 13);
	lab_opt(a, SOL_UDP, UDP_OPT_SEGMENT, 1200);
	assert_int_equal(lab_sendto(a, out, 5000, "10.0.0.2", 7), 5000);
	lab_run_ms(&l, 10);
	for (u32 off = 0; off < 5000; off += 1200) {
		u32 n = MIN(1200u, 5000 - off);
		assert_int_equal(weft_recv(b, in, sizeof in, 0), n);
		assert_memory_equal(in, out + off, n);
	}
	assert_int_equal(weft_recv(b, in, sizeof in, 0), -EAGAIN);
	lab_opt(b, SOL_UDP, UDP_OPT_GRO, 1);
	assert_int_equal(lab_sendto(a, out, 5000, "10.0.0.2", 7), 5000);
	lab_run_ms(&l, 10);
	assert_int_equal(weft_recvmsg(b, &m, 0), 5000);
	assert_memory_equal(in, out, 5000);
	assert_int_equal(CMSG_FIRSTHDR(&m)->cmsg_type, UDP_OPT_GRO);
	assert_int_equal(*(int *)CMSG_DATA(CMSG_FIRSTHDR(&m)), 1200);
	assert_int_equal(weft_setsockopt(a, SOL_UDP, UDP_OPT_SEGMENT, &(int){ 65536 }, sizeof(int)), -EINVAL);
	lab_opt(a, SOL_UDP, UDP_OPT_SEGMENT, 1473);
	assert_int_equal(lab_sendto(a, out, 5000, "10.0.0.2", 7), -EMSGSIZE);
	lab_opt(a, SOL_UDP, UDP_OPT_SEGMENT, 10);
	assert_int_equal(lab_sendto(a, out, 1281, "10.0.0.2", 7), -EINVAL); /* 129 segments */
	weft_close(a);
	weft_close(b);
	lab_end(&l);
}

static void control_messages(void **state)
{
	struct lab l;
	char buf[64], ctl[512];
	struct iovec iov = { buf, sizeof buf };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = ctl, .msg_controllen = sizeof ctl };
	bool pktinfo = false, ttl = false, tos = false, stamp = false, orig = false;

	lab_pair(&l, 1);
	weft_socket *a = lab_udp(&l, LEFT, NULL, 0), *b = lab_udp(&l, RIGHT, "0.0.0.0", 7);
	lab_opt(b, SOL_IP, IP_PKTINFO, 1);
	lab_opt(b, SOL_IP, IP_RECVTTL, 1);
	lab_opt(b, SOL_IP, IP_RECVTOS, 1);
	lab_opt(b, SOL_IP, IP_RECVORIGDSTADDR, 1);
	lab_opt(b, SOL_SOCKET, SO_TIMESTAMPNS, 1);
	lab_opt(a, SOL_IP, IP_TTL, 33);
	lab_opt(a, SOL_IP, IP_TOS, 0x10);
	assert_int_equal(lab_sendto(a, "x", 1, "10.0.0.2", 7), 1);
	assert_true(lab_wait(&l, 10, weft_poll(b) & POLLIN));
	assert_int_equal(weft_recvmsg(b, &m, 0), 1);
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c)) {
		if (c->cmsg_level == SOL_SOCKET) {
			stamp = c->cmsg_type == SO_TIMESTAMPNS;
			continue;
		}
		switch (c->cmsg_type) {
		case IP_PKTINFO: {
			struct in_pktinfo pi;
			memcpy(&pi, CMSG_DATA(c), sizeof pi);
			pktinfo = pi.ipi_ifindex == 2 && pi.ipi_addr.s_addr == inet_addr("10.0.0.2") &&
				  pi.ipi_spec_dst.s_addr == pi.ipi_addr.s_addr;
			break;
		}
		case IP_TTL: ttl = *(int *)CMSG_DATA(c) == 33; break;
		case IP_TOS: tos = *(u8 *)CMSG_DATA(c) == 0x10; break;
		case IP_ORIGDSTADDR: orig = ((struct sockaddr_in *)CMSG_DATA(c))->sin_port == htons(7); break;
		default: fail();
		}
	}
	assert_true(pktinfo && ttl && tos && stamp && orig);
	m.msg_controllen = 20; /* too short for a timestamp */
	assert_int_equal(lab_sendto(a, "x", 1, "10.0.0.2", 7), 1);
	assert_true(lab_wait(&l, 10, weft_poll(b) & POLLIN));
	assert_int_equal(weft_recvmsg(b, &m, 0), 1);
	assert_true(m.msg_flags & MSG_CTRUNC);
	weft_close(a);
	weft_close(b);
	lab_end(&l);
}

static void groups(void **state)
{
	struct lab l;
	char buf[16];

	lab_pair(&l, 1);
	weft_socket *a = lab_udp(&l, LEFT, NULL, 0), *b[3];
	struct ip_mreqn r = { .imr_multiaddr.s_addr = inet_addr("239.1.2.3"), .imr_address.s_addr = inet_addr("10.0.0.2") };
	for (int i = 0; i < 3; i++) {
		b[i] = lab_udp(&l, RIGHT, NULL, 0);
		lab_opt(b[i], SOL_SOCKET, SO_REUSEADDR, 1);
		lab_ok(weft_bind(b[i], LAB_SA("0.0.0.0", 7)));
		lab_opt(b[i], SOL_IP, IP_MULTICAST_ALL, 0);
	}
	lab_ok(weft_setsockopt(b[0], SOL_IP, IP_ADD_MEMBERSHIP, &r, sizeof r));
	lab_ok(weft_setsockopt(b[1], SOL_IP, IP_ADD_MEMBERSHIP, &r, sizeof r));
	assert_int_equal(weft_setsockopt(b[1], SOL_IP, IP_ADD_MEMBERSHIP, &r, sizeof r), -EADDRINUSE);
	struct ip_mreqn out = { .imr_address.s_addr = inet_addr("10.0.0.1") };
	lab_ok(weft_setsockopt(a, SOL_IP, IP_MULTICAST_IF, &out, sizeof out));
	assert_int_equal(lab_sendto(a, "all", 3, "239.1.2.3", 7), 3);
	lab_run_ms(&l, 10);
	assert_int_equal(weft_recv(b[0], buf, sizeof buf, 0), 3);
	assert_int_equal(weft_recv(b[1], buf, sizeof buf, 0), 3);
	assert_int_equal(weft_recv(b[2], buf, sizeof buf, 0), -EAGAIN);
	lab_ok(weft_setsockopt(b[0], SOL_IP, IP_DROP_MEMBERSHIP, &r, sizeof r));
	assert_int_equal(weft_setsockopt(b[0], SOL_IP, IP_DROP_MEMBERSHIP, &r, sizeof r), -EADDRNOTAVAIL);
	lab_opt(a, SOL_SOCKET, SO_BROADCAST, 1);
	assert_int_equal(lab_sendto(a, "bcast", 5, "10.0.0.255", 7), 5);
	lab_run_ms(&l, 10);
	for (int i = 0; i < 3; i++)
		assert_int_equal(weft_recv(b[i], buf, sizeof buf, 0), 5);
	for (int i = 0; i < 3; i++)
		weft_close(b[i]);
	weft_close(a);
	lab_end(&l);
}

/* Every allocation on the way fails once; nothing is lost but datagrams. */
static void allocation_failures(void **state)
{
	for (unsigned n = 1; n < 40; n++) {
		struct lab l;
		weft_socket *a = NULL, *b = NULL;
		char buf[3000] = "";
		lab_pair(&l, 1);
		l.w->mem.fail_at = n;
		if (!weft_socket_new(l.ns[LEFT], AF_INET, SOCK_DGRAM, 0, &a) && !weft_socket_new(l.ns[RIGHT], AF_INET, SOCK_DGRAM, 0, &b) &&
		    !weft_bind(b, LAB_SA("0.0.0.0", 7)) && !weft_connect(a, LAB_SA("10.0.0.2", 7))) {
			weft_send(a, buf, sizeof buf, 0);
			lab_run_ms(&l, 10);
			weft_send(b, buf, 1, 0);
			lab_sendto(a, buf, 1, "10.0.0.2", 9);
			lab_run_ms(&l, 10);
			weft_recv(b, buf, sizeof buf, 0);
		}
		l.w->mem.fail_at = 0;
		weft_close(a);
		weft_close(b);
		lab_end(&l);
	}
}

/* When did it go? The error queue tells, with the number of the datagram. */
static void transmit_stamps(void **state)
{
	struct lab l;
	char buf[64], ctl[256];
	struct iovec iov = { buf, sizeof buf };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = ctl, .msg_controllen = sizeof ctl };
	enum { TX_SOFTWARE = 2, SOFTWARE = 16, OPT_ID = 128, OPT_TSONLY = 2048 };

	lab_pair(&l, 1);
	weft_socket *a = lab_udp(&l, LEFT, NULL, 0);
	lab_run_ms(&l, 1500);
	lab_opt(a, SOL_SOCKET, SO_TIMESTAMPING, TX_SOFTWARE | SOFTWARE | OPT_ID | OPT_TSONLY);
	for (u32 i = 0; i < 3; i++) {
		bool stamp = false, err = false;
		assert_int_equal(lab_sendto(a, "x", 1, "10.0.0.2", 7), 1);
		m.msg_controllen = sizeof ctl;
		assert_int_equal(weft_recvmsg(a, &m, MSG_ERRQUEUE), 0);
		for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c)) {
			if (c->cmsg_level == SOL_SOCKET) {
				struct timespec ts[3];
				memcpy(ts, CMSG_DATA(c), sizeof ts);
				stamp = c->cmsg_type == SO_TIMESTAMPING && (u64)ts[0].tv_sec * 1000000000 + (u64)ts[0].tv_nsec == weft_now(l.w);
			} else {
				const struct sock_extended_err *ee = (const struct sock_extended_err *)CMSG_DATA(c);
				err = ee->ee_errno == ENOMSG && ee->ee_origin == SO_EE_ORIGIN_TIMESTAMPING && ee->ee_data == i && !ee->ee_info;
			}
		}
		assert_true(stamp && err);
	}
	assert_int_equal(weft_recvmsg(a, &m, MSG_ERRQUEUE), -EAGAIN);
	weft_close(a);
	lab_end(&l);
}

static void queues_and_wakes(void **state)
{
	struct lab l;
	char buf[16];
	int v;

	lab_pair(&l, 1);
	weft_socket *a = lab_udp(&l, LEFT, NULL, 0), *b = lab_udp(&l, RIGHT, "0.0.0.0", 7);
	lab_opt(b, SOL_SOCKET, SO_PEEK_OFF, 0);
	assert_int_equal(lab_sendto(a, "abcdef", 6, "10.0.0.2", 7), 6);
	lab_run_ms(&l, 10);
	assert_int_equal(weft_recv(b, buf, 2, MSG_PEEK), 2);
	assert_memory_equal(buf, "ab", 2);
	assert_int_equal(weft_recv(b, buf, 2, MSG_PEEK), 2);
	assert_memory_equal(buf, "cd", 2);
	assert_int_equal(weft_recv(b, buf, sizeof buf, 0), 6);
	assert_int_equal(lab_getopt(b, SOL_SOCKET, SO_PEEK_OFF), 0);
	v = lab_getopt(b, SOL_SOCKET, SO_TYPE);
	assert_int_equal(v, SOCK_DGRAM);
	lab_ok(weft_connect(b, LAB_SA("10.0.0.1", 1)));
	lab_ok(weft_shutdown(b, SHUT_RDWR));
	assert_true(weft_poll(b) & POLLHUP);
	assert_int_equal(weft_send(b, "x", 1, 0), -EPIPE);
	assert_int_equal(weft_recv(b, buf, sizeof buf, 0), 0);
	weft_close(a);
	weft_close(b);
	lab_end(&l);
}

/* The same over two lanes: packets cross a ring. */
static void two_cpus(void **state)
{
	struct lab l;
	static char out[30000], in[30000];

	lab_pair(&l, 2);
	assert_ptr_not_equal(l.ns[LEFT]->home, l.ns[RIGHT]->home);
	weft_socket *a = lab_udp(&l, LEFT, "0.0.0.0", 9), *b = lab_udp(&l, RIGHT, "0.0.0.0", 7);
	memset(out, 'z', sizeof out);
	for (int i = 0; i < 50; i++) {
		assert_int_equal(lab_sendto(a, out, sizeof out, "10.0.0.2", 7), sizeof out);
		assert_true(lab_wait(&l, 100, weft_poll(b) & POLLIN));
		assert_int_equal(weft_recv(b, in, sizeof in, 0), sizeof out);
		assert_memory_equal(in, out, sizeof out);
		assert_int_equal(lab_sendto(b, "ok", 2, "10.0.0.1", 9), 2);
		assert_true(lab_wait(&l, 100, weft_poll(a) & POLLIN));
		assert_int_equal(weft_recv(a, in, sizeof in, 0), 2);
	}
	weft_close(a);
	weft_close(b);
	lab_end(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(echo), cmocka_unit_test(sizes), cmocka_unit_test(names), cmocka_unit_test(unreachable),
		cmocka_unit_test(dont_fragment), cmocka_unit_test(buffer_limit), cmocka_unit_test(reuseport),
		cmocka_unit_test(port_exhaustion), cmocka_unit_test(corking), cmocka_unit_test(segmentation),
		cmocka_unit_test(control_messages), cmocka_unit_test(groups), cmocka_unit_test(allocation_failures),
		cmocka_unit_test(queues_and_wakes), cmocka_unit_test(transmit_stamps), cmocka_unit_test(two_cpus),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
