/* TCP inside the library, on one cpu and in real time: bulk between two namespaces over veth through the copying calls, one-byte
 * ping-pong, and connections a second. Prints one JSON line each. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <weft/weft.h>

static uint64_t now_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* This process's own time: what counts on a machine that others use too. */
static uint64_t cpu_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void need(int err, const char *what)
{
	if (err) {
		fprintf(stderr, "%s: %s\n", what, strerror(-err));
		exit(1);
	}
}

static weft_world *w;
static weft_netns *left, *right;

static void step(void) { weft_step(w, now_ns()); }

static void connect_pair(weft_socket *srv, weft_socket **c, weft_socket **s)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(80), .sin_addr.s_addr = htonl(0x0a000002) };

	need(weft_socket_new(left, AF_INET, SOCK_STREAM, 0, c), "socket");
	int err = weft_connect(*c, (struct sockaddr *)&a, sizeof a);
	if (err != -EINPROGRESS)
		need(err, "connect");
	while (weft_accept(srv, s))
		step();
	while (!(weft_poll(*c) & POLLOUT))
		step();
}

static void bulk(weft_socket *srv, double seconds, size_t chunk)
{
	weft_socket *c, *s;
	static char out[1 << 20], in[1 << 20];
	uint64_t got = 0, start, t, cpu;

	memset(out, 'x', sizeof out);
	connect_pair(srv, &c, &s);
	cpu = cpu_ns();
	start = now_ns();
	do {
		ssize_t n;
		while ((n = weft_send(c, out, chunk, 0)) > 0)
			;
		step();
		while ((n = weft_recv(s, in, chunk, 0)) > 0)
			got += (uint64_t)n;
		t = now_ns() - start;
	} while ((double)t < seconds * 1e9);
	cpu = cpu_ns() - cpu;
	printf("{\"bench\":\"tcp_bulk\",\"chunk\":%zu,\"gbit_s\":%.2f,\"gbit_per_cpu_s\":%.2f}\n", chunk, (double)got * 8 / (double)t,
	       (double)got * 8 / (double)cpu);
	weft_close(c);
	weft_close(s);
	for (int i = 0; i < 100; i++)
		step();
}

static void pingpong(weft_socket *srv, int rounds)
{
	weft_socket *c, *s;
	char b = 'x';
	int one = 1;

	connect_pair(srv, &c, &s);
	weft_setsockopt(c, IPPROTO_TCP, 1, &one, sizeof one);
	weft_setsockopt(s, IPPROTO_TCP, 1, &one, sizeof one);
	uint64_t start = cpu_ns();
	for (int i = 0; i < rounds; i++) {
		weft_send(c, &b, 1, 0);
		while (weft_recv(s, &b, 1, 0) != 1)
			step();
		weft_send(s, &b, 1, 0);
		while (weft_recv(c, &b, 1, 0) != 1)
			step();
	}
	printf("{\"bench\":\"tcp_pingpong\",\"round_trip_cpu_ns\":%.0f}\n", (double)(cpu_ns() - start) / rounds);
	weft_close(c);
	weft_close(s);
	for (int i = 0; i < 100; i++)
		step();
}

static void connections(weft_socket *srv, int n)
{
	uint64_t start = cpu_ns();

	for (int i = 0; i < n; i++) {
		weft_socket *c, *s;
		char b;
		connect_pair(srv, &c, &s);
		weft_close(s); /* the server's side holds TIME-WAIT: the client's ports are free at once */
		while (weft_recv(c, &b, 1, 0) != 0)
			step();
		weft_close(c);
		step();
	}
	printf("{\"bench\":\"tcp_connections\",\"per_cpu_second\":%.0f}\n", n / ((double)(cpu_ns() - start) / 1e9));
}

int main(int argc, char **argv)
{
	double seconds = argc > 1 ? atof(argv[1]) : 2;
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(80) };
	weft_socket *srv;

	need(weft_world_new(1, 1, &w), "world");
	step();
	need(weft_netns_new(w, "left", &left), "netns");
	need(weft_netns_new(w, "right", &right), "netns");
	need(weft_veth_new(left, "eth0", right, "eth0"), "veth");
	need(weft_addr_add(left, "eth0", "10.0.0.1/24"), "addr");
	need(weft_addr_add(right, "eth0", "10.0.0.2/24"), "addr");
	need(weft_link_up(left, "eth0"), "link");
	need(weft_link_up(right, "eth0"), "link");
	need(weft_socket_new(right, AF_INET, SOCK_STREAM, 0, &srv), "socket");
	need(weft_bind(srv, (struct sockaddr *)&a, sizeof a), "bind");
	need(weft_listen(srv, 128), "listen");
	bulk(srv, seconds, 131072);
	bulk(srv, seconds / 2, 16384);
	pingpong(srv, 200000);
	connections(srv, 20000);
	weft_close(srv);
	weft_netns_free(left);
	weft_netns_free(right);
	weft_world_free(w);
	return 0;
}
