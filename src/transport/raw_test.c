/* Raw and ping sockets over veth, in virtual time. */
#include "stack/testlib.h"

#include <linux/errqueue.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>

static u16 csum(const void *p, size_t n)
{
	const u16 *w = p;
	u32 s = 0;
	for (size_t i = 0; i < n / 2; i++)
		s += w[i];
	while (s >> 16)
		s = (s & 0xffff) + (s >> 16);
	return (u16)~s;
}
static struct icmphdr echo_request(u16 id, u16 seq)
{
	struct icmphdr h = { .type = ICMP_ECHO, .un.echo = { htons(id), htons(seq) } };
	h.checksum = csum(&h, sizeof h);
	return h;
}

static void ping(void **state)
{
	struct lab l;
	struct sockaddr_storage a;
	struct sockaddr_in from;
	struct icmphdr h = echo_request(0, 7), r;
	socklen_t len;

	lab_pair(&l, 1);
	weft_socket *s = lab_socket(&l, LEFT, SOCK_DGRAM, IPPROTO_ICMP);
	assert_int_equal(lab_sendto(s, &h, 7, "10.0.0.2", 0), -EINVAL);
	h.type = 13;
	assert_int_equal(lab_sendto(s, &h, 8, "10.0.0.2", 0), -EINVAL);
	h.type = ICMP_ECHO;
	assert_int_equal(lab_sendto(s, &h, 8, "10.0.0.2", 0), 8);
	assert_true(lab_wait(&l, 100, weft_poll(s) & POLLIN));
	assert_int_equal(lab_recvfrom(s, &r, sizeof r, 0, &from), 8);
	assert_int_equal(r.type, ICMP_ECHOREPLY);
	assert_int_equal(r.un.echo.sequence, htons(7));
	assert_int_equal(csum(&r, sizeof r), 0);
	lab_ok(weft_getsockname(s, &a, &len));
	assert_int_equal(r.un.echo.id, ((struct sockaddr_in *)&a)->sin_port);
	assert_int_equal(from.sin_addr.s_addr, inet_addr("10.0.0.2"));
	weft_close(s);
	/* an id of one's own */
	s = lab_socket(&l, LEFT, SOCK_DGRAM, IPPROTO_ICMP);
	lab_ok(weft_bind(s, LAB_SA("10.0.0.1", 4711)));
	weft_socket *t = lab_socket(&l, LEFT, SOCK_DGRAM, IPPROTO_ICMP);
	lab_opt(t, SOL_SOCKET, SO_REUSEADDR, 0);
	assert_int_equal(weft_bind(t, LAB_SA("10.0.0.1", 4711)), -EADDRINUSE);
	assert_int_equal(weft_bind(t, LAB_SA("224.0.0.1", 4712)), -EADDRNOTAVAIL);
	weft_close(s);
	weft_close(t);
	lab_end(&l);
}

/* The router says that the time is exceeded: the error queue tells by whom. */
static void ping_errors(void **state)
{
	struct lab l;
	struct icmphdr h = echo_request(0, 1), back;
	char ctl[256];
	struct iovec iov = { &back, sizeof back };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = ctl, .msg_controllen = sizeof ctl };

	lab_routed(&l, 1);
	weft_socket *s = lab_socket(&l, LEFT, SOCK_DGRAM, IPPROTO_ICMP);
	lab_opt(s, SOL_IP, IP_RECVERR, 1);
	lab_opt(s, SOL_IP, IP_TTL, 1);
	assert_int_equal(lab_sendto(s, &h, 8, "10.0.2.2", 0), 8);
	assert_true(lab_wait(&l, 100, weft_poll(s) & POLLERR));
	assert_int_equal(weft_recvmsg(s, &m, MSG_ERRQUEUE), 8);
	assert_int_equal(back.un.echo.sequence, htons(1));
	const struct sock_extended_err *ee = (const struct sock_extended_err *)CMSG_DATA(CMSG_FIRSTHDR(&m));
	assert_int_equal(ee->ee_type, ICMP_TIME_EXCEEDED);
	assert_int_equal(ee->ee_errno, EHOSTUNREACH);
	assert_int_equal(((const struct sockaddr_in *)SO_EE_OFFENDER(ee))->sin_addr.s_addr, inet_addr("10.0.1.1"));
	lab_opt(s, SOL_IP, IP_TTL, 2);
	lab_getopt(s, SOL_SOCKET, SO_ERROR);
	assert_int_equal(lab_sendto(s, &h, 8, "10.0.2.2", 0), 8);
	assert_true(lab_wait(&l, 100, weft_poll(s) & POLLIN));
	weft_close(s);
	lab_end(&l);
}

static void raw_icmp(void **state)
{
	struct lab l;
	u8 buf[256];
	const struct iphdr *ip = (const struct iphdr *)buf;
	struct icmphdr h = echo_request(99, 1);
	struct sockaddr_in from;

	lab_pair(&l, 1);
	weft_socket *s = lab_socket(&l, LEFT, SOCK_RAW, IPPROTO_ICMP), *only = lab_socket(&l, LEFT, SOCK_RAW, IPPROTO_ICMP),
		    *conn = lab_socket(&l, LEFT, SOCK_RAW, IPPROTO_ICMP);
	u32 filter = ~(1u << ICMP_UNREACH);
	lab_ok(weft_setsockopt(only, 255, 1 /* ICMP_FILTER */, &filter, sizeof filter));
	lab_ok(weft_connect(conn, LAB_SA("10.0.0.77", 0)));
	lab_opt(s, SOL_IP, IP_TOS, 0x48);
	assert_int_equal(weft_send(s, &h, sizeof h, 0), -EDESTADDRREQ);
	assert_int_equal(lab_sendto(s, &h, sizeof h, "10.0.0.2", 0), sizeof h);
	assert_true(lab_wait(&l, 100, weft_poll(s) & POLLIN));
	assert_int_equal(lab_recvfrom(s, buf, sizeof buf, 0, &from), 28);
	assert_int_equal(ip->protocol, IPPROTO_ICMP);
	assert_int_equal(ip->saddr, inet_addr("10.0.0.2"));
	assert_int_equal(csum(buf, 20), 0);
	assert_int_equal(buf[20], ICMP_ECHOREPLY);
	assert_false(weft_poll(only) & POLLIN);
	assert_false(weft_poll(conn) & POLLIN);
	weft_close(s);
	weft_close(only);
	weft_close(conn);
	lab_end(&l);
}

/* A header of one's own; a protocol nobody knows; and the error that a kernel without it sends. */
static void own_header(void **state)
{
	struct lab l;
	u8 pkt[28] = { 0x45, 0, 0, 0, 0, 0, 0, 0, 9, 253 }, buf[64];
	const struct iphdr *ip = (const struct iphdr *)buf;

	lab_pair(&l, 1);
	weft_socket *tx = lab_socket(&l, LEFT, SOCK_RAW, IPPROTO_RAW), *rx = lab_socket(&l, RIGHT, SOCK_RAW, 253),
		    *err = lab_socket(&l, LEFT, SOCK_RAW, IPPROTO_ICMP);
	assert_int_equal(lab_getopt(tx, SOL_IP, IP_HDRINCL), 1);
	memcpy(pkt + 16, &(u32){ inet_addr("10.0.0.2") }, 4);
	memcpy(pkt + 20, "payload!", 8);
	assert_int_equal(lab_sendto(tx, pkt, 19, "10.0.0.2", 0), -EINVAL);
	assert_int_equal(lab_sendto(tx, pkt, sizeof pkt, "10.0.0.2", 0), sizeof pkt);
	assert_true(lab_wait(&l, 100, weft_poll(rx) & POLLIN));
	assert_int_equal(weft_recv(rx, buf, sizeof buf, 0), 28);
	assert_int_equal(ip->ttl, 9);
	assert_int_equal(ip->saddr, inet_addr("10.0.0.1")); /* filled in */
	assert_int_equal(ip->tot_len, htons(28));
	assert_memory_equal(buf + 20, "payload!", 8);
	assert_false(weft_poll(err) & POLLIN);
	weft_close(rx);
	assert_int_equal(lab_sendto(tx, pkt, sizeof pkt, "10.0.0.2", 0), sizeof pkt);
	assert_true(lab_wait(&l, 100, weft_poll(err) & POLLIN));
	assert_int_equal(weft_recv(err, buf, sizeof buf, 0), 20 + 8 + 28);
	assert_int_equal(buf[20], ICMP_UNREACH);
	assert_int_equal(buf[21], ICMP_PROT_UNREACH);
	assert_int_equal(lab_drops(&l, RIGHT, SKB_DROP_REASON_IP_NOPROTO), 1);
	static u8 big[1501] = { 0x45 };
	assert_int_equal(lab_sendto(tx, big, sizeof big, "10.0.0.2", 0), -EMSGSIZE);
	weft_close(tx);
	weft_close(err);
	lab_end(&l);
}

static void fragments_and_more(void **state)
{
	static u8 out[60000], in[65536];
	struct lab l;

	lab_pair(&l, 1);
	weft_socket *a = lab_socket(&l, LEFT, SOCK_RAW, 253), *b = lab_socket(&l, RIGHT, SOCK_RAW, 253);
	for (u32 i = 0; i < sizeof out; i++)
		out[i] = (u8)(i * 3 + i / 256);
	assert_int_equal(lab_sendto(a, out, sizeof out, "10.0.0.2", 0), sizeof out);
	assert_true(lab_wait(&l, 100, weft_poll(b) & POLLIN));
	assert_int_equal(weft_recv(b, in, sizeof in, 0), 20 + sizeof out);
	assert_memory_equal(in + 20, out, sizeof out);
	lab_ok(weft_connect(a, LAB_SA("10.0.0.2", 0)));
	assert_int_equal(weft_send(a, "ab", 2, MSG_MORE), 2);
	assert_int_equal(weft_send(a, "cd", 2, 0), 2);
	assert_true(lab_wait(&l, 100, weft_poll(b) & POLLIN));
	assert_int_equal(weft_recv(b, in, sizeof in, 0), 24);
	assert_memory_equal(in + 20, "abcd", 4);
	assert_int_equal(weft_send(a, "never", 5, MSG_MORE), 5);
	weft_close(a);
	weft_close(b);
	lab_end(&l);
}

static void calls(void **state)
{
	struct lab l;
	weft_socket *s = NULL;

	lab_pair(&l, 1);
	assert_int_equal(weft_socket_new(l.ns[LEFT], AF_INET, SOCK_RAW, 0, &s), -EPROTONOSUPPORT);
	assert_int_equal(weft_socket_new(l.ns[LEFT], AF_INET, SOCK_RAW, 300, &s), -EINVAL);
	assert_int_equal(weft_socket_new(l.ns[LEFT], AF_INET, SOCK_SEQPACKET, 0, &s), -ESOCKTNOSUPPORT);
	assert_int_equal(weft_socket_new(l.ns[LEFT], AF_INET, 99, 0, &s), -EINVAL);
	assert_int_equal(weft_socket_new(l.ns[LEFT], AF_INET, SOCK_DGRAM, IPPROTO_TCP, &s), -EPROTONOSUPPORT);
	assert_int_equal(weft_socket_new(l.ns[LEFT], 45, SOCK_DGRAM, 0, &s), -EAFNOSUPPORT);
	assert_int_equal(weft_socket_new(l.ns[LEFT], -1, SOCK_DGRAM, 0, &s), -EAFNOSUPPORT);
	s = lab_socket(&l, LEFT, SOCK_RAW, 253);
	assert_int_equal(weft_listen(s, 1), -EOPNOTSUPP);
	assert_int_equal(weft_bind(s, LAB_SA("10.1.1.1", 0)), -EADDRNOTAVAIL);
	lab_ok(weft_bind(s, LAB_SA("10.0.0.1", 0)));
	lab_ok(weft_bind(s, LAB_SA("0.0.0.0", 0)));
	weft_close(s);
	lab_end(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ping), cmocka_unit_test(ping_errors), cmocka_unit_test(raw_icmp), cmocka_unit_test(own_header),
		cmocka_unit_test(fragments_and_more), cmocka_unit_test(calls),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
