/* TCP by numbers of connections, on one cpu in real time, in one process (both ends):
 *
 *   tcp_scale cps [SECONDS]      connections opened and closed a second, by this process's cpu time
 *   tcp_scale idle N             N connections stay open; bytes a socket, and the process's resident memory in GB
 *   tcp_scale segment N          ns for a one-byte segment and its ACK: ten of N connections are busy, the others idle
 *   tcp_scale scatter N          the same with all N busy, at random: every segment finds its connection cold
 *   tcp_scale flood [SECONDS]    a flood of SYNs from addresses that do not answer, as fast as they can be sent; after every 500 of them a
 *                                client connects: per cent that are through at the first attempt. SYNs a second and memory go to stderr
 *
 * Prints one number (idle: resident GB; bytes a socket go to stderr).
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <weft/weft.h>

#include "codec/wire/checksum.h"
#include "codec/wire/tcphdr.h"
#include "core/world.h"

#define PORTS 40u /* listeners: 25,000 connections each use one source port each */

static weft_world *w;
static weft_netns *left, *right;
static weft_socket *srv[PORTS];

static u64 clock_ns(clockid_t id)
{
	struct timespec t;
	clock_gettime(id, &t);
	return (u64)t.tv_sec * NSEC_PER_SEC + (u64)t.tv_nsec;
}
static void step(void) { weft_step(w, clock_ns(CLOCK_MONOTONIC)); }

static void need(bool ok, const char *what)
{
	if (!ok) {
		fprintf(stderr, "tcp_scale: %s failed\n", what);
		exit(1);
	}
}

static void setup(void)
{
	char name[48];

	need(!weft_world_new(1, 1, &w) && !weft_netns_new(w, "left", &left) && !weft_netns_new(w, "right", &right), "world");
	need(!weft_veth_new(left, "eth0", right, "eth0") && !weft_addr_add(left, "eth0", "10.0.0.1/24") &&
		     !weft_addr_add(right, "eth0", "10.0.0.2/24") && !weft_link_up(left, "eth0") && !weft_link_up(right, "eth0"), "network");
	for (int i = 0; i < 2; i++) {
		snprintf(name, sizeof name, "net.ipv4.ip_local_port_range");
		need(!weft_sysctl_set(i ? left : right, name, "1024 65535"), name);
		snprintf(name, sizeof name, "net.ipv4.tcp_max_tw_buckets");
		need(!weft_sysctl_set(i ? left : right, name, "1000"), name);
	}
	need(!weft_sysctl_set(right, "net.core.somaxconn", "65535"), "somaxconn");
	for (unsigned i = 0; i < PORTS; i++) {
		struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons((u16)(100 + i)) };

		need(!weft_socket_new(right, AF_INET, SOCK_STREAM, 0, &srv[i]), "socket");
		need(!weft_bind(srv[i], (struct sockaddr *)&a, sizeof a) && !weft_listen(srv[i], 65535), "listen");
	}
}

static weft_socket *client(unsigned port)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons((u16)(100 + port)), .sin_addr.s_addr = htonl(0x0a000002) };
	weft_socket *c;

	need(!weft_socket_new(left, AF_INET, SOCK_STREAM, 0, &c), "socket");
	need(weft_connect(c, (struct sockaddr *)&a, sizeof a) == -EINPROGRESS, "connect");
	return c;
}

static weft_socket *server(unsigned port)
{
	weft_socket *s;
	int n = 0;

	while (weft_accept(srv[port], &s)) {
		need(n++ < 100000000, "accept");
		step();
	}
	return s;
}

static double cps(double seconds)
{
	u64 start = clock_ns(CLOCK_PROCESS_CPUTIME_ID), end = start + (u64)(seconds * 1e9), t, n = 0;

	do {
		for (int i = 0; i < 100; i++, n++) {
			weft_socket *c = client((unsigned)n % PORTS), *s = server((unsigned)n % PORTS);

			weft_close(c);
			step();
			weft_close(s);
			step();
		}
		t = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
	} while (t < end);
	return (double)n * 1e9 / (double)(t - start);
}

static void open_all(weft_socket **c, weft_socket **s, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		c[i] = client(i % PORTS);
		step();
		s[i] = server(i % PORTS);
	}
}

static double resident_gb(void)
{
	unsigned long pages = 0;
	FILE *f = fopen("/proc/self/statm", "r");

	if (f && fscanf(f, "%*u %lu", &pages) != 1)
		pages = 0;
	if (f)
		fclose(f);
	return (double)pages * 4096 / 1e9;
}

static double segment(weft_socket **c, weft_socket **s, unsigned n, unsigned busy)
{
	enum { TURNS = 200000 };
	u64 x = 88172645463325252ull, start = 0;
	char b[16];

	for (int turn = 0, warm = TURNS / 10; turn < TURNS + warm; turn++) {
		x ^= x << 13, x ^= x >> 7, x ^= x << 17;
		unsigned i = (unsigned)((u64)(x % busy) * n / busy);

		if (turn == warm)
			start = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
		need(weft_send(c[i], "x", 1, 0) == 1, "send");
		step();
		need(weft_recv(s[i], b, sizeof b, 0) == 1, "recv");
		step();
	}
	return (double)(clock_ns(CLOCK_PROCESS_CPUTIME_ID) - start) / TURNS;
}

/* SYNs to the first listener from 10.64.0.0/10, by a raw socket. */
static void syn(weft_socket *raw, u32 n)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(0x0a000002) };
	u8 b[44] = { 0x45, 0, 0, 44, 0, 0, 0, 0, 64, IPPROTO_TCP, 0, 0, 0x0a, (u8)(64 + (n >> 16) % 64), (u8)(n >> 8), (u8)n, 10, 0, 0, 2 };
	struct tcp_hdr *th = (struct tcp_hdr *)(b + 20);
	struct iovec iov = { b, sizeof b };
	struct msghdr m = { .msg_name = &to, .msg_namelen = sizeof to, .msg_iov = &iov, .msg_iovlen = 1 };
	be32 s, d;

	memcpy(&s, b + 12, 4);
	memcpy(&d, b + 16, 4);
	th->sport = cpu_to_be16((u16)(1024 + n % 50000));
	th->dport = BE16(100);
	th->seq = cpu_to_be32(n * 2654435761u);
	th->doff = 6 << 4;
	th->flags = TCPF_SYN;
	th->window = BE16(65535);
	memcpy(b + 40, "\x02\x04\x05\xb4", 4);
	th->check = csum_fold(csum_partial(th, 24, csum_pseudo4(s, d, 24, IPPROTO_TCP)));
	need(weft_sendmsg(raw, &m, 0) == sizeof b, "a SYN");
}

static double flood(double seconds)
{
	u64 start = clock_ns(CLOCK_PROCESS_CPUTIME_ID), end = start + (u64)(seconds * 1e9), t, before = w->mem.bytes, most = 0;
	u32 syns = 0, tried = 0, through = 0;
	weft_socket *raw, *s;

	need(!weft_socket_new(left, AF_INET, SOCK_RAW, IPPROTO_RAW, &raw), "raw socket");
	need(!weft_route_add(right, "10.64.0.0/10", "10.0.0.1", NULL), "route");
	do {
		for (int i = 0; i < 500; i++) {
			syn(raw, syns++);
			if (i % 32 == 31)
				step();
		}
		weft_socket *c = client(0);
		for (int i = 0; i < 40 && !(weft_poll(c) & POLLOUT); i++) { /* the flood goes on meanwhile */
			syn(raw, syns++);
			step();
		}
		tried++;
		if (weft_poll(c) & POLLOUT && !weft_accept(srv[0], &s)) {
			through++;
			weft_close(s);
		}
		weft_close(c);
		step();
		most = w->mem.bytes > most ? w->mem.bytes : most;
		t = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
	} while (t < end);
	fprintf(stderr, "%.0f SYNs/s, %u clients, %.1f MB at most\n", syns * 1e9 / (double)(t - start), tried, (double)(most - before) / 1e6);
	return 100.0 * through / tried;
}

int main(int argc, char **argv)
{
	unsigned n = argc > 2 ? (unsigned)atoi(argv[2]) : 0;
	weft_socket **c, **s;
	u64 before;

	need(argc > 1, "usage: tcp_scale cps|flood [SECONDS], idle|segment|scatter N:");
	setup();
	if (!strcmp(argv[1], "cps")) {
		printf("%.0f\n", cps(n ? n : 2));
		return 0;
	}
	if (!strcmp(argv[1], "flood")) {
		printf("%.2f\n", flood(n ? n : 2));
		return 0;
	}
	c = calloc(n, sizeof *c);
	s = calloc(n, sizeof *s);
	need(n && c && s, "memory");
	before = w->mem.bytes;
	open_all(c, s, n);
	if (!strcmp(argv[1], "idle")) {
		fprintf(stderr, "%.0f bytes a socket\n", (double)(w->mem.bytes - before) / (2.0 * n));
		printf("%.3f\n", resident_gb());
	} else {
		printf("%.0f\n", segment(c, s, n, !strcmp(argv[1], "scatter") ? n : n < 10 ? n : 10));
	}
	fflush(stdout);
	_exit(0); /* closing a million connections proves nothing more */
}
