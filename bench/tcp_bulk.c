/* Bulk TCP between two namespaces over veth, inside the library: one world, one cpu, one thread, the copying socket API with
 * 128 KiB buffers, CUBIC; time is the machine's. Prints Gbit/s of payload.   tcp_bulk [GIGABYTES [LOSS_PPM]]
 *
 * With a loss, the link is a simulated wire (no delay, no rate) that carries packets of 1,500 bytes, drops that share of the data
 * packets at random, and copies each frame once. */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <weft/sim.h>

enum { BUF = 131072 };
static char out[BUF], in[BUF];
static uint64_t received, sent, total;

static uint64_t now_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ull + t.tv_nsec;
}

static void check(long r, const char *what)
{
	if (r < 0) {
		fprintf(stderr, "%s: %s\n", what, strerror((int)-r));
		exit(1);
	}
}

int main(int argc, char **argv)
{
	weft_world *w;
	weft_netns *a, *b;
	weft_socket *listener, *client, *server = NULL;
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(80), .sin_addr.s_addr = inet_addr("10.0.0.2") };

	weft_wire_params lossy = { .loss_ppm = argc > 2 ? (uint32_t)atoi(argv[2]) : 0 };

	total = (argc > 1 ? strtoull(argv[1], NULL, 10) : 20) * 1000000000ull;
	memset(out, 'w', sizeof(out));
	check(weft_world_new(1, 1, &w), "world");
	check(weft_netns_new(w, "a", &a), "namespace");
	check(weft_netns_new(w, "b", &b), "namespace");
	if (lossy.loss_ppm)
		check(weft_wire_new(a, "v0", b, "v0", &lossy, NULL, NULL), "wire");
	else
		check(weft_veth_new(a, "v0", b, "v0"), "veth");
	check(weft_addr_add(a, "v0", "10.0.0.1/24"), "address");
	check(weft_addr_add(b, "v0", "10.0.0.2/24"), "address");
	check(weft_link_up(a, "v0"), "up");
	check(weft_link_up(b, "v0"), "up");
	check(weft_socket_new(b, AF_INET, SOCK_STREAM, 0, &listener), "socket");
	check(weft_bind(listener, (struct sockaddr *)&to, sizeof(to)), "bind");
	check(weft_listen(listener, 1), "listen");
	check(weft_socket_new(a, AF_INET, SOCK_STREAM, 0, &client), "socket");
	check(weft_setsockopt(client, IPPROTO_TCP, 13 /* TCP_CONGESTION */, "cubic", 5), "cubic");
	weft_connect(client, (struct sockaddr *)&to, sizeof(to));
	for (int i = 0; i < 1000 && !server; i++) {
		weft_step(w, now_ns());
		weft_accept(listener, &server);
	}
	check(server ? 0 : -110, "accept");
	uint64_t start = now_ns(), last = start, seen = 0;
	while (received < total) {
		ssize_t n;
		while (sent < total && (n = weft_send(client, out, BUF, 0)) > 0)
			sent += (uint64_t)n;
		uint64_t t = now_ns();
		weft_step(w, t);
		while ((n = weft_recv(server, in, BUF, 0)) > 0)
			received += (uint64_t)n;
		if (received != seen) {
			seen = received;
			last = t;
		} else if (t - last > 5000000000ull) {
			fprintf(stderr, "no progress for 5 s at %llu bytes\n", (unsigned long long)received);
			return 1;
		}
	}
	printf("%.2f\n", (double)received * 8 / (double)(now_ns() - start));
	weft_world_free(w);
	return 0;
}
