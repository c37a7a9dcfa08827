/* What socket options do, beyond being set and read: the same calls on this machine's kernel and on weft.
 *
 * A scene makes its sockets, sends over the loopback and writes down what came back: bytes, control messages, errors. It runs once
 * with the kernel's sockets and once with weft's; both texts must be the same. What arrives by hand-made packets (fragments, ICMP
 * errors) goes through raw sockets. Needs a private network namespace: makes one (as root, or in a new user namespace).
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/errqueue.h>
#include <linux/net_tstamp.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <netinet/udp.h>
#include <poll.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

#include <weft/weft.h>

#include "tests/kernel_compare/both_sides.h"

#ifndef IP_RECVERR_RFC4884
#define IP_RECVERR_RFC4884 26
#endif
#ifndef IP_RECVFRAGSIZE
#define IP_RECVFRAGSIZE 25
#endif
#ifndef SO_TXTIME
#define SO_TXTIME 61
#endif

/* -- packets by hand -- */

static uint16_t csum(const void *p, size_t len)
{
	const uint8_t *b = p;
	uint32_t sum = 0;
	for (size_t i = 0; i < len; i++)
		sum += i % 2 ? b[i] : (uint32_t)b[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return htons((uint16_t)~sum);
}

/* One fragment [off, off + len) of a UDP datagram without checksum, from port 9 to `port`, whose payload is total bytes. */
static void send_fragment(sock raw, int id, int port, size_t total, size_t off, size_t len, bool df)
{
	uint8_t p[4096] = { 0 }, whole[4096];
	struct iphdr *ip = (struct iphdr *)p;
	struct udphdr *uh = (struct udphdr *)whole;

	for (size_t i = 0; i < sizeof whole; i++)
		whole[i] = (uint8_t)(i * 7);
	*uh = (struct udphdr){ .source = htons(9), .dest = htons((uint16_t)port), .len = htons((uint16_t)(total + 8)) };
	*ip = (struct iphdr){ .version = 4, .ihl = 5, .tot_len = htons((uint16_t)(len + 20)), .id = htons((uint16_t)id), .ttl = 64,
			      .protocol = IPPROTO_UDP, .saddr = htonl(INADDR_LOOPBACK), .daddr = htonl(INADDR_LOOPBACK),
			      .frag_off = htons((uint16_t)(off / 8 | (off + len < total + 8 ? 0x2000 : 0) | (df ? 0x4000 : 0))) };
	memcpy(p + 20, whole + off, len);
	sk_send(raw, 0, p, len + 20, 0, NULL, 0);
}

/* -- scenes -- */

static void frag_size(void)
{
	sock raw = sk_new(SOCK_RAW, IPPROTO_RAW), u = sk_new(SOCK_DGRAM, 0), sniff = sk_new(SOCK_RAW, IPPROTO_UDP);

	say("IP_RECVFRAGSIZE\n  set: %d %d\n", sk_int(u, IPPROTO_IP, IP_RECVFRAGSIZE, 1), sk_int(sniff, IPPROTO_IP, IP_RECVFRAGSIZE, 1));
	sk_bind(u, 7000);
	for (int df = 0; df < 2; df++) {
		send_fragment(raw, 1 + df * 10, 7000, 100, 0, 108, df); /* whole */
		send_fragment(raw, 2 + df * 10, 7000, 1992, 0, 1600, df);
		send_fragment(raw, 2 + df * 10, 7000, 1992, 1600, 400, df);
		send_fragment(raw, 3 + df * 10, 7000, 1992, 800, 1200, df); /* the largest is the last */
		send_fragment(raw, 3 + df * 10, 7000, 1992, 0, 800, false);
		for (int i = 0; i < 3; i++) {
			say_recv("udp", u, 4096, 0);
			say_recv("raw", sniff, 4096, 0);
		}
	}
	sk_int(u, IPPROTO_IP, IP_RECVFRAGSIZE, 0);
	send_fragment(raw, 30, 7000, 1992, 0, 1600, false);
	send_fragment(raw, 30, 7000, 1992, 1600, 400, false);
	say_recv("off", u, 4096, 0);
	sk_end(raw);
	sk_end(u);
	sk_end(sniff);
}

/* A packet's own departure time: refused without SO_TXTIME, without effect where no qdisc looks at it, and never mistaken for the
 * time it came in. */
static void tx_time(void)
{
	sock u = sk_new(SOCK_DGRAM, 0), r = sk_new(SOCK_DGRAM, 0);
	union { struct cmsghdr h; char whole[CMSG_SPACE(8)]; } c = { .h = { .cmsg_len = CMSG_LEN(8), .cmsg_level = SOL_SOCKET, .cmsg_type = SO_TXTIME } };
	uint64_t when;
	struct sock_txtime t = { .clockid = CLOCK_MONOTONIC };
	struct timespec now;
	char ctl[256], buf[16];
	struct iovec v = { buf, sizeof buf };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = ctl, .msg_controllen = sizeof ctl };

	say("SO_TXTIME\n");
	clock_gettime(CLOCK_MONOTONIC, &now);
	when = (uint64_t)(now.tv_sec + 100000) * 1000000000u;
	memcpy(CMSG_DATA(&c.h), &when, sizeof when);
	sk_bind(r, 7001);
	sk_int(r, SOL_SOCKET, SO_TIMESTAMPNS, 1);
	say("  without: %s\n", result(sk_send(u, 7001, "a", 1, 0, &c, sizeof c)));
	say("  set: %s\n", result(sk_opt(u, SOL_SOCKET, SO_TXTIME, &t, sizeof t)));
	say("  with: %s\n", result(sk_send(u, 7001, "b", 1, 0, &c, sizeof c)));
	c.h.cmsg_len = CMSG_LEN(4);
	say("  short: %s\n", result(sk_send(u, 7001, "c", 1, 0, &c, sizeof c)));
	say("  recv: %s", result(sk_recv(r, &m, 0)));
	struct cmsghdr *h = CMSG_FIRSTHDR(&m);
	if (h && h->cmsg_type == SO_TIMESTAMPNS) {
		struct timespec got, wall;
		memcpy(&got, CMSG_DATA(h), sizeof got);
		clock_gettime(CLOCK_REALTIME, &wall);
		say(", stamped in the %s", !on_weft && got.tv_sec < wall.tv_sec + 50000 ? "present" : on_weft && got.tv_sec < 50000 ? "present" : "future");
	}
	say("\n");
	sk_end(u);
	sk_end(r);
}

/* An ICMP error about what a socket sent: `words` in its length field, `quote` bytes quoted, then an extension. */
struct extension { int version, objects, obj_len; bool sum, wrong; };
static int quoted_host = 1; /* 127.0.0.x */
static void send_error(sock icmp, int type, int code, int words, int proto, int sport, int dport, size_t quote, const struct extension *x)
{
	uint8_t p[2048] = { 0 };
	struct icmphdr *h = (struct icmphdr *)p;
	struct iphdr *ip = (struct iphdr *)(p + 8);
	bool mtu = type == 3 && code == 4; /* words is the next hop's MTU */
	uint8_t *l4 = p + 28, *e = p + 8 + quote;
	size_t len = 8 + quote;

	*h = (struct icmphdr){ .type = (uint8_t)type, .code = (uint8_t)code };
	if (mtu)
		h->un.frag.mtu = htons((uint16_t)words);
	else
		p[5] = (uint8_t)words;
	*ip = (struct iphdr){ .version = 4, .ihl = 5, .tot_len = htons((uint16_t)quote), .ttl = 5, .protocol = (uint8_t)proto,
			      .saddr = htonl(INADDR_LOOPBACK), .daddr = htonl(0x7f000000u | (unsigned)quoted_host) };
	for (size_t i = 28; i < quote; i++)
		p[8 + i] = (uint8_t)i;
	if (proto == IPPROTO_UDP) {
		*(struct udphdr *)l4 = (struct udphdr){ .source = htons((uint16_t)sport), .dest = htons((uint16_t)dport), .len = htons((uint16_t)(quote - 20)) };
	} else {
		l4[0] = 8; /* echo request */
		l4[4] = (uint8_t)(sport >> 8);
		l4[5] = (uint8_t)sport;
	}
	if (x) {
		e[0] = (uint8_t)(x->version << 4);
		len += 4;
		for (int i = 0; i < x->objects; i++, len += 8) {
			uint8_t *o = p + len;
			o[0] = (uint8_t)(x->obj_len >> 8);
			o[1] = (uint8_t)x->obj_len;
			o[2] = 1;
			o[3] = 1;
			memcpy(o + 4, "\x12\x34\x56\x78", 4);
		}
		if (x->sum) {
			uint16_t c = csum(e, len - 8 - quote);
			memcpy(e + 2, &c, 2);
		}
		e[2] ^= x->wrong ? 0x10 : 0;
	}
	h->checksum = csum(p, len);
	sk_send(icmp, 0, p, len, 0, NULL, 0);
}

static void rfc4884(void)
{
	static const struct { int type, code, words; size_t quote; struct extension x; } rows[] = {
		{ 3, 1, 0, 128, { 2, 1, 8, true, false } },  { 3, 1, 32, 128, { 2, 1, 8, true, false } }, { 3, 1, 32, 128, { 2, 1, 8, true, true } },
		{ 3, 1, 32, 128, { 2, 1, 8, false, false } },{ 3, 1, 31, 124, { 2, 1, 8, true, false } }, { 3, 1, 33, 132, { 2, 2, 8, true, false } },
		{ 3, 1, 32, 128, { 2, 0, 8, true, false } }, { 3, 1, 32, 128, { 1, 1, 8, true, false } }, { 3, 1, 32, 128, { 0, 1, 8, true, true } },
		{ 3, 1, 32, 128, { 2, 1, 3, true, false } }, { 3, 1, 32, 128, { 2, 1, 12, true, false } },{ 3, 1, 32, 128, { 2, 2, 16, true, false } },
		{ 3, 1, 60, 128, { 2, 1, 8, true, false } }, { 3, 1, 34, 128, { 2, 1, 8, true, false } }, { 3, 1, 35, 128, { 2, 1, 8, true, false } },
		{ 11, 0, 32, 128, { 2, 1, 8, true, false } },{ 12, 0, 32, 128, { 2, 1, 8, true, false } },
		{ 3, 3, 40, 160, { 2, 3, 8, true, false } }, { 3, 1, 32, 128, { 2, 1, 4, true, false } },{ 3, 1, 32, 128, { 2, 1, 0, false, false } },
	};
	sock icmp = sk_new(SOCK_RAW, IPPROTO_ICMP), u = sk_new(SOCK_DGRAM, 0), raw = sk_new(SOCK_RAW, IPPROTO_UDP), ping = sk_new(SOCK_DGRAM, IPPROTO_ICMP);

	sk_bind(u, 7002);
	sk_connect(u, 7999);
	sk_bind(ping, 77);
	for (int on = 0; on < 2; on++) {
		say("IP_RECVERR_RFC4884 %d: ", on);
		for (int k = 0; k < 3; k++) {
			sock s = k == 0 ? u : k == 1 ? raw : ping;
			sk_int(s, IPPROTO_IP, IP_RECVERR, 1);
			say("%s ", result(sk_int(s, IPPROTO_IP, IP_RECVERR_RFC4884, on)));
		}
		say("\n");
		for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
			send_error(icmp, rows[i].type, rows[i].code, rows[i].words, IPPROTO_UDP, 7002, 7999, rows[i].quote, &rows[i].x);
			say_recv("udp", u, 4096, MSG_ERRQUEUE);
			say_recv("raw", raw, i % 2 ? 4096 : 60, MSG_ERRQUEUE);
			send_error(icmp, rows[i].type, rows[i].code, rows[i].words, IPPROTO_ICMP, 77, 0, rows[i].quote, &rows[i].x);
			say_recv("ping", ping, 4096, MSG_ERRQUEUE);
		}
	}
	send_error(icmp, 3, 1, 32, IPPROTO_UDP, 7002, 7999, 130, NULL); /* two bytes are no extension */
	say_recv("udp, cut", u, 4096, MSG_ERRQUEUE);
	sk_end(icmp);
	sk_end(u);
	sk_end(raw);
	sk_end(ping);
}

/* What "fragmentation needed" makes of the path, and of the DF bit that IP_PMTUDISC_WANT sets. */
static void path_mtu(void)
{
	static const int mtus[] = { 0, 67, 68, 551, 552, 600, 1500, 65535 };
	sock icmp = sk_new(SOCK_RAW, IPPROTO_ICMP), sniff = sk_new(SOCK_RAW, IPPROTO_UDP);
	uint8_t buf[2000] = { 0 };
	struct iovec v = { buf, sizeof buf };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1 };

	say("ICMP fragmentation needed\n");
	for (size_t i = 0; i < sizeof mtus / sizeof *mtus; i++) {
		sock u = sk_new(SOCK_DGRAM, 0);
		struct sockaddr_in a = at(7006);
		int got = 0;
		socklen_t len = sizeof got;
		quoted_host = 10 + (int)i;
		a.sin_addr.s_addr = htonl(0x7f000000u | (unsigned)quoted_host);
		sk_bind(u, 7002);
		if (on_weft)
			weft_connect(u.s, (struct sockaddr *)&a, sizeof a);
		else if (connect(u.fd, (struct sockaddr *)&a, sizeof a))
			perror("connect");
		send_error(icmp, 3, 4, mtus[i], IPPROTO_UDP, 7002, 7006, 128, NULL);
		say("  %d: SO_ERROR ", mtus[i]);
		if (on_weft)
			weft_getsockopt(u.s, SOL_SOCKET, SO_ERROR, &got, &len);
		else
			getsockopt(u.fd, SOL_SOCKET, SO_ERROR, &got, &len);
		say("%d", got);
		got = -1;
		ssize_t rc = on_weft ? weft_getsockopt(u.s, IPPROTO_IP, IP_MTU, &got, &len) : getsockopt(u.fd, IPPROTO_IP, IP_MTU, &got, &len);
		say(", IP_MTU %s %d", rc ? "refused" : "is", got);
		sk_send(u, -1, buf, 400, 0, NULL, 0);
		rc = sk_recv(sniff, &m, 0);
		say(", a small datagram's DF %d", rc > 7 ? buf[6] : -1);
		if (sk_send(u, -1, buf, 1400, 0, NULL, 0) < 0) /* the first one was refused, and this call hears of it */
			sk_send(u, -1, buf, 1400, 0, NULL, 0);
		rc = sk_recv(sniff, &m, 0);
		say(", a large one's %d\n", rc > 7 ? buf[6] : -1);
		memset(buf, 0, sizeof buf);
		sk_end(u);
	}
	quoted_host = 1;
	sk_end(icmp);
	sk_end(sniff);
}

/* Options whose effect needs a driver or a module that neither side has: set, and nothing changes. */
static void without_effect(void)
{
	static const struct { int level, name; const char *text; } opts[] = {
		{ SOL_SOCKET, SO_DEBUG, "SO_DEBUG" },	  { SOL_SOCKET, 41, "SO_WIFI_STATUS" }, { SOL_SOCKET, 43, "SO_NOFCS" },
		{ IPPROTO_IP, IP_PASSSEC, "IP_PASSSEC" }, { IPPROTO_IP, 22, "IP_NODEFRAG" },	{ SOL_SOCKET, 47, "SO_MAX_PACING_RATE" },
	};
	sock u = sk_new(SOCK_DGRAM, 0), raw = sk_new(SOCK_RAW, IPPROTO_RAW), sniff = sk_new(SOCK_RAW, IPPROTO_UDP);
	char data[1000] = "x";

	sk_bind(u, 7003);
	for (size_t i = 0; i < sizeof opts / sizeof *opts; i++) {
		say("%s: ", opts[i].text);
		say("%s ", result(sk_int(u, opts[i].level, opts[i].name, 1)));
		say("%s ", result(sk_int(raw, opts[i].level, opts[i].name, 1)));
		say("%s\n", result(sk_int(sniff, opts[i].level, opts[i].name, 1)));
		for (int n = 0; n < 5; n++) /* a rate of one byte a second holds nothing back: only the qdisc fq paces datagrams */
			say("  send: %s\n", result(sk_send(u, 7003, data, sizeof data, 0, NULL, 0)));
		for (int n = 0; n < 5; n++) {
			say_recv("udp", u, 4096, 0);
			say_recv("raw", sniff, 4096, 0);
		}
		send_fragment(raw, 40 + (int)i, 7003, 1992, 0, 1600, false); /* IP_NODEFRAG is connection tracking's to heed */
		send_fragment(raw, 40 + (int)i, 7003, 1992, 1600, 400, false);
		say_recv("udp", u, 4096, 0);
		say_recv("raw", sniff, 4096, 0);
	}
	sk_end(u);
	sk_end(raw);
	sk_end(sniff);
}

static void corks(void)
{
	sock u = sk_new(SOCK_DGRAM, 0), r = sk_new(SOCK_DGRAM, 0), r2 = sk_new(SOCK_DGRAM, 0), raw = sk_new(SOCK_RAW, 254), rr = sk_new(SOCK_RAW, 254);
	static char big[65000];

	say("MSG_MORE and UDP_CORK\n");
	sk_bind(r, 7004);
	sk_bind(r2, 7005);
#define SEND(...) say("  send: %s\n", result(sk_send(__VA_ARGS__, NULL, 0)))
	SEND(u, 7004, "one", 3, MSG_MORE);
	SEND(u, 7004, "two", 3, MSG_MORE);
	SEND(u, 7004, "three", 5, 0);
	say_recv("joined", r, 4096, 0);
	SEND(u, 7004, "one", 3, MSG_MORE);
	SEND(u, 7005, "elsewhere", 9, 0); /* the first send decides where to */
	say_recv("joined", r, 4096, 0);
	SEND(u, 7004, "left", 4, MSG_MORE);
	say("  connect: %s\n", result(sk_connect(u, 7005)));
	SEND(u, -1, "over", 4, 0);
	say_recv("where", r, 4096, MSG_DONTWAIT);
	say_recv("or there", r2, 4096, MSG_DONTWAIT);
	say("  cork: %s\n", result(sk_int(u, IPPROTO_UDP, 1, 1)));
	SEND(u, -1, "a", 1, 0);
	SEND(u, -1, "", 0, 0);
	SEND(u, -1, "b", 1, 0);
	say_recv("held", r2, 4096, MSG_DONTWAIT);
	say("  uncork: %s\n", result(sk_int(u, IPPROTO_UDP, 1, 0)));
	say_recv("out", r2, 4096, 0);
	SEND(u, -1, big, 60000, MSG_MORE);
	SEND(u, -1, big, 6000, MSG_MORE); /* too big: all of it is given up */
	SEND(u, -1, "c", 1, 0);
	say_recv("after", r2, 4096, 0);
	SEND(u, -1, "d", 1, MSG_MORE);
	sk_end(u); /* what was held is never sent */
	say_recv("closed", r2, 4096, MSG_DONTWAIT);
	sk_int(rr, IPPROTO_IP, IP_RECVTTL, 1);
	SEND(raw, 0, "one", 3, MSG_MORE);
	SEND(raw, 0, "two", 3, 0);
	say_recv("raw", rr, 4096, 0);
	say_recv("raw", rr, 4096, MSG_DONTWAIT);
#undef SEND
	sk_end(r);
	sk_end(r2);
	sk_end(raw);
	sk_end(rr);
}

static const struct scene scenes[] = {
	{ "frag_size", frag_size }, { "tx_time", tx_time }, { "rfc4884", rfc4884 }, { "path_mtu", path_mtu }, { "without_effect", without_effect }, { "corks", corks },
};

int main(int argc, char **argv) { return run_scenes("effects_compare", scenes, sizeof scenes / sizeof *scenes, argc, argv); }
