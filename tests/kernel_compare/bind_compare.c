/* Who may bind what: random lives of a few sockets on this machine's kernel and on weft, call by call.
 *
 * Four sockets at a time; each step sets SO_REUSEADDR or SO_REUSEPORT, binds, listens, connects, disconnects, shuts down, asks
 * for names or options, or closes. Results and names must agree; ports that were chosen automatically are compared for being
 * there. The first difference of a life is printed with all that led to it. Arguments: number of lives, first seed.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>

#include <weft/weft.h>

#include "tests/kernel_compare/private_net.h"

enum { SOCKS = 4, STEPS = 40 };
static weft_world *world;
static weft_netns *net;
static struct slot { int fd, type, protocol; weft_socket *s; } slot[SOCKS];
static char log_text[STEPS * 120];
static size_t log_len;

static unsigned rnd(unsigned n) { return (unsigned)rand() % n; }
static const char *err_name(int e) { return e ? strerrorname_np(-e) : "ok"; }

static struct sockaddr_in random_addr(void)
{
	static const char *const ips[] = { "0.0.0.0", "127.0.0.1", "127.0.0.2", "10.9.9.9", "127.255.255.255" };
	static const int ports[] = { 5000, 5000, 5000, 5001, 0 };
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons((uint16_t)ports[rnd(5)]) };
	inet_pton(AF_INET, ips[rnd(5) == 4 ? 3 + rnd(2) : rnd(3)], &a.sin_addr);
	return a;
}

/* Notes a step; true when both said the same. */
static bool note(int i, const char *what, const struct sockaddr_in *a, int k, int w)
{
	char ip[32] = "";
	if (a)
		snprintf(ip, sizeof ip, " %s:%d", inet_ntoa(a->sin_addr), ntohs(a->sin_port));
	log_len += (size_t)snprintf(log_text + log_len, sizeof log_text - log_len, "    %d (%s) %s%s: kernel %s, weft %s\n", i,
				    slot[i].type == SOCK_STREAM ? "tcp" : slot[i].protocol == IPPROTO_ICMP ? "ping" : "udp", what, ip,
				    err_name(k), err_name(w));
	return k == w;
}
static int kerr(int rc) { return rc < 0 ? -errno : 0; }

static bool names(int i, bool peer)
{
	struct sockaddr_storage ws;
	struct sockaddr_in k = { 0 }, w = { 0 };
	socklen_t kl = sizeof k, wl = sizeof ws;
	int ke = kerr(peer ? getpeername(slot[i].fd, (struct sockaddr *)&k, &kl) : getsockname(slot[i].fd, (struct sockaddr *)&k, &kl));
	int we = peer ? weft_getpeername(slot[i].s, &ws, &wl) : weft_getsockname(slot[i].s, &ws, &wl);
	memcpy(&w, &ws, sizeof w);
	bool good = note(i, peer ? "getpeername" : "getsockname", NULL, ke, we);
	if (!good || ke)
		return good;
	int kp = ntohs(k.sin_port), wp = ntohs(w.sin_port), least = slot[i].protocol == IPPROTO_ICMP ? 1 : 32768;
	bool ephemeral = kp >= least && wp >= least && kp / 2 != 2500 && wp / 2 != 2500; /* neither 5000 nor 5001 */
	if (k.sin_addr.s_addr == w.sin_addr.s_addr && (k.sin_port == w.sin_port || ephemeral))
		return true;
	char ks[32];
	snprintf(ks, sizeof ks, "%s:%d", inet_ntoa(k.sin_addr), ntohs(k.sin_port));
	log_len += (size_t)snprintf(log_text + log_len, sizeof log_text - log_len, "    kernel says %s, weft %s:%d\n", ks, inet_ntoa(w.sin_addr),
				    ntohs(w.sin_port));
	return false;
}

static bool option(int i, int name, int v)
{
	int k = kerr(setsockopt(slot[i].fd, SOL_SOCKET, name, &v, sizeof v)), w = weft_setsockopt(slot[i].s, SOL_SOCKET, name, &v, sizeof v);
	return note(i, name == SO_REUSEADDR ? v ? "reuseaddr" : "no reuseaddr" : v ? "reuseport" : "no reuseport", NULL, k, w);
}

static bool step(void)
{
	int i = (int)rnd(SOCKS), k, w;
	struct slot *p = &slot[i];
	struct sockaddr_in a = random_addr();
	struct sockaddr un = { .sa_family = AF_UNSPEC };

	if (!p->s) {
		unsigned kind = rnd(5);
		p->type = kind < 2 ? SOCK_STREAM : SOCK_DGRAM;
		p->protocol = kind == 4 ? IPPROTO_ICMP : 0;
		p->fd = socket(AF_INET, p->type | SOCK_NONBLOCK, p->protocol);
		k = kerr(p->fd);
		w = weft_socket_new(net, AF_INET, p->type, p->protocol, &p->s);
		return note(i, "socket", NULL, k, w);
	}
	switch (rnd(12)) {
	case 0: return option(i, SO_REUSEADDR, (int)rnd(4) != 0);
	case 1: return option(i, SO_REUSEPORT, (int)rnd(4) != 0);
	case 2:
	case 3:
	case 4:
	case 5:
		k = kerr(bind(p->fd, (struct sockaddr *)&a, sizeof a));
		w = weft_bind(p->s, (struct sockaddr *)&a, sizeof a);
		return note(i, "bind", &a, k, w);
	case 6:
		k = kerr(listen(p->fd, 5));
		w = weft_listen(p->s, 5);
		return note(i, "listen", NULL, k, w);
	case 7:
		if (p->type == SOCK_STREAM)
			return names(i, true);
		a.sin_port = htons(5000);
		k = kerr(connect(p->fd, (struct sockaddr *)&a, sizeof a));
		w = weft_connect(p->s, (struct sockaddr *)&a, sizeof a);
		return note(i, "connect", &a, k, w);
	case 8:
		if (p->type == SOCK_STREAM)
			return true;
		k = kerr(connect(p->fd, &un, sizeof un));
		w = weft_connect(p->s, &un, sizeof un);
		return note(i, "disconnect", NULL, k, w);
	case 9: return names(i, false);
	case 10: return names(i, true);
	default:
		close(p->fd);
		weft_close(p->s);
		p->s = NULL;
		return note(i, "close", NULL, 0, 0);
	}
}

static bool life(unsigned seed)
{
	bool good = true;

	srand(seed);
	log_len = 0;
	for (int n = 0; n < STEPS && good; n++) {
		good = step();
		weft_run_for(world, 1000);
	}
	for (int i = 0; i < SOCKS; i++) {
		if (!slot[i].s)
			continue;
		close(slot[i].fd);
		weft_close(slot[i].s);
		slot[i].s = NULL;
	}
	weft_run_for(world, 1000000);
	if (!good)
		printf("! seed %u\n%s", seed, log_text);
	return good;
}

int main(int argc, char **argv)
{
	unsigned lives = argc > 1 ? (unsigned)atoi(argv[1]) : 2000, first = argc > 2 ? (unsigned)atoi(argv[2]) : 1, bad = 0;

	if (!private_net()) {
		printf("ok bind_compare # SKIP no namespaces here: %s\n", strerror(errno));
		return 0;
	}
	write_file("/proc/sys/net/ipv4/ping_group_range", "0 2147483647");
	if (weft_world_new(1, 1, &world) || weft_netns_new(world, "w", &net) || weft_link_up(net, "lo")) {
		printf("not ok bind_compare: no world\n");
		return 1;
	}
	weft_run_for(world, 1000000);
	for (unsigned n = 0; n < lives && bad < 10; n++)
		bad += !life(first + n);
	printf("%s bind_compare: %u lives of %d steps\n", bad ? "not ok" : "ok", lives, STEPS);
	weft_netns_free(net);
	weft_world_free(world);
	return bad != 0;
}
