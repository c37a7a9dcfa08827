/* Two namespaces, a veth pair, and 10 MB over TCP in virtual time.  cc transfer.c $(pkg-config --cflags --libs weft) */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <weft/weft.h>

#define CHECK(call) do { long r_ = (call); if (r_ < 0) { fprintf(stderr, "%s: error %ld\n", #call, r_); return 1; } } while (0)

static char buf[65536];
static size_t sent, received;
enum { TOTAL = 10000000 };

static void sending(weft_socket *s, uint32_t events, void *arg)
{
	ssize_t n;
	while (sent < TOTAL && (n = weft_send(s, buf, sizeof(buf) < TOTAL - sent ? sizeof(buf) : TOTAL - sent, 0)) > 0)
		if ((sent += n) == TOTAL)
			weft_shutdown(s, SHUT_WR);
}

static void receiving(weft_socket *s, uint32_t events, void *arg)
{
	ssize_t n;
	while ((n = weft_recv(s, buf, sizeof(buf), 0)) > 0)
		received += n;
}

int main(void)
{
	weft_world *w;
	weft_netns *a, *b;
	weft_socket *listener, *client, *server;
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(80), .sin_addr.s_addr = inet_addr("10.0.0.2") };

	CHECK(weft_world_new(1, 1, &w)); /* seed 1, one cpu */
	CHECK(weft_netns_new(w, "a", &a));
	CHECK(weft_netns_new(w, "b", &b));
	CHECK(weft_veth_new(a, "v0", b, "v0"));
	CHECK(weft_addr_add(a, "v0", "10.0.0.1/24"));
	CHECK(weft_addr_add(b, "v0", "10.0.0.2/24"));
	CHECK(weft_link_up(a, "v0"));
	CHECK(weft_link_up(b, "v0"));
	CHECK(weft_socket_new(b, AF_INET, SOCK_STREAM, 0, &listener));
	CHECK(weft_bind(listener, (struct sockaddr *)&to, sizeof(to)));
	CHECK(weft_listen(listener, 1));
	CHECK(weft_socket_new(a, AF_INET, SOCK_STREAM, 0, &client));
	weft_on_event(client, sending, NULL);
	if (weft_connect(client, (struct sockaddr *)&to, sizeof(to)) != -EINPROGRESS)
		return 1;
	weft_run_for(w, 1000000); /* a millisecond: the handshake */
	CHECK(weft_accept(listener, &server));
	weft_on_event(server, receiving, NULL);
	weft_run_for(w, 1000000000ull);
	printf("%zu bytes arrived by %.6f s of virtual time\n", received, weft_now(w) / 1e9);
	weft_world_free(w);
	return received == TOTAL ? 0 : 1;
}
