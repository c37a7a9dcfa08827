/* What a TCP program sees: random lives of a connection over loopback, on this machine's kernel and on weft, call by call.
 *
 * A listener, a client, an accepted socket; each step sends, receives (peeking, truncating, out of band), shuts down, closes, polls,
 * asks for errors and counts, lingers, connects again or dissolves. Results, bytes and poll masks must agree. (Corks are left out:
 * when the kernel uncorks on the side depends on its memory accounting.) The first
 * difference of a life is printed with all that led to it. Arguments: number of lives, first seed.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>

#include <weft/weft.h>

#include "sock/sock.h"
#include "tests/kernel_compare/private_net.h"

enum { CLIENT, SERVER, LISTENER, SOCKS, STEPS = 30 };
static weft_world *world;
static weft_netns *net;
static int fd[SOCKS];
static weft_socket *ws[SOCKS];
static const char *const who[] = { "client", "server", "listener" };
static char log_text[STEPS * 160];
static size_t log_len;
static unsigned char next_byte;

static unsigned rnd(unsigned n) { return (unsigned)rand() % n; }
static void settle(void) { weft_run_for(world, 1000000); }

static const char *result(long v)
{
	static char buf[4][32];
	static int at;
	if (v < 0)
		return strerrorname_np((int)-v);
	snprintf(buf[at = (at + 1) & 3], sizeof *buf, "%ld", v);
	return buf[at];
}

static bool note(int i, const char *what, long arg, long k, long w)
{
	log_len += (size_t)snprintf(log_text + log_len, sizeof log_text - log_len, "    %s %s %ld: kernel %s, weft %s\n", who[i], what, arg,
				    result(k), result(w));
	settle();
	return k == w;
}
static long kres(long rc) { return rc < 0 ? -errno : rc; }

static bool do_send(int i)
{
	static const int sizes[] = { 0, 1, 3, 100, 1500, 6000 };
	static const int flags[] = { 0, 0, 0, MSG_OOB };
	static unsigned char buf[6000];
	int n = sizes[rnd(6)], f = flags[rnd(4)];

	for (int k = 0; k < n; k++)
		buf[k] = next_byte++;
	return note(i, f ? "send oob" : "send", n, kres(send(fd[i], buf, (size_t)n, f | MSG_NOSIGNAL | MSG_DONTWAIT)),
		    weft_send(ws[i], buf, (size_t)n, f | MSG_NOSIGNAL));
}

static bool do_recv(int i)
{
	static const int sizes[] = { 0, 1, 2, 50, 1000, 10000 };
	static const struct { int f; const char *s; } kinds[] = { { 0, "recv" }, { 0, "recv" }, { 0, "recv" }, { MSG_PEEK, "recv peek" },
		{ MSG_TRUNC, "recv trunc" }, { MSG_OOB, "recv oob" }, { MSG_OOB | MSG_PEEK, "recv oob peek" }, { MSG_ERRQUEUE, "recv errqueue" } };
	static unsigned char kb[10000], wb[10000];
	int n = sizes[rnd(6)];
	unsigned kind = rnd(8);
	long k, w;

	memset(kb, 0, sizeof kb);
	memset(wb, 0, sizeof wb);
	k = kres(recv(fd[i], kb, (size_t)n, kinds[kind].f | MSG_DONTWAIT));
	w = weft_recv(ws[i], wb, (size_t)n, kinds[kind].f);
	return note(i, kinds[kind].s, n, k, w) && !memcmp(kb, wb, sizeof kb);
}

static bool do_poll(int i)
{
	struct pollfd p = { .fd = fd[i], .events = POLLIN | POLLOUT | POLLPRI | POLLRDHUP };

	poll(&p, 1, 0);
	return note(i, "poll", 0, p.revents, weft_poll(ws[i]) & (POLLIN | POLLOUT | POLLPRI | POLLRDHUP | POLLERR | POLLHUP));
}

static bool do_ioctl(int i)
{
	static const struct { unsigned c; const char *s; } cmds[] = { { SIOCINQ, "SIOCINQ" }, { 0x8905, "SIOCATMARK" } };
	unsigned c = rnd(2);
	int kv = -7, wv = -7;
	long k = kres(ioctl(fd[i], cmds[c].c, &kv)), w = socket_ioctl(config_cpu(world), ws[i], cmds[c].c, &wv, sizeof wv);

	return note(i, cmds[c].s, 0, k ? k : kv, w ? w : wv);
}

static bool do_option(int i)
{
	static const struct { int l, o; const char *s; } opts[] = { { SOL_SOCKET, SO_ERROR, "SO_ERROR" }, { SOL_SOCKET, SO_ACCEPTCONN, "SO_ACCEPTCONN" },
		{ IPPROTO_TCP, TCP_NODELAY, "TCP_NODELAY" }, { SOL_SOCKET, SO_OOBINLINE, "SO_OOBINLINE" }, { IPPROTO_TCP, TCP_MAXSEG, "TCP_MAXSEG" } };
	unsigned o = rnd(4);
	int kv = -7, wv = -7;
	socklen_t kl = sizeof kv, wl = sizeof wv;
	long k = kres(getsockopt(fd[i], opts[o].l, opts[o].o, &kv, &kl)), w = weft_getsockopt(ws[i], opts[o].l, opts[o].o, &wv, &wl);

	return note(i, opts[o].s, 0, k ? k : kv, w ? w : wv);
}

static bool do_set(int i)
{
	int one = (int)rnd(2);
	struct linger l = { 1, 0 };

	if (rnd(2))
		return note(i, "set SO_OOBINLINE", one, kres(setsockopt(fd[i], SOL_SOCKET, SO_OOBINLINE, &one, sizeof one)),
			    weft_setsockopt(ws[i], SOL_SOCKET, SO_OOBINLINE, &one, sizeof one));
	l.l_onoff = one;
	return note(i, "set SO_LINGER 0", one, kres(setsockopt(fd[i], SOL_SOCKET, SO_LINGER, &l, sizeof l)),
		    weft_setsockopt(ws[i], SOL_SOCKET, SO_LINGER, &l, sizeof l));
}

static struct sockaddr_in addr(int port)
{
	return (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
}

static int open_one(int i)
{
	int one = 1, err;

	fd[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	if ((err = weft_socket_new(net, AF_INET, SOCK_STREAM, 0, &ws[i])))
		return err;
	setsockopt(fd[i], IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	return weft_setsockopt(ws[i], IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
}

static bool do_connect(int port)
{
	struct sockaddr_in a = addr(port);
	long k = kres(connect(fd[CLIENT], (struct sockaddr *)&a, sizeof a)), w = weft_connect(ws[CLIENT], (struct sockaddr *)&a, sizeof a);

	return note(CLIENT, "connect", port, k, w);
}

static bool do_unspec(int i)
{
	struct sockaddr a = { .sa_family = AF_UNSPEC };

	return note(i, "connect AF_UNSPEC", 0, kres(connect(fd[i], &a, sizeof a)), weft_connect(ws[i], &a, sizeof a));
}

static bool do_accept(void)
{
	int one = 1, k = accept4(fd[LISTENER], NULL, NULL, SOCK_NONBLOCK);
	weft_socket *s = NULL;
	int w = weft_accept(ws[LISTENER], &s);
	bool good = note(LISTENER, "accept", 0, k < 0 ? -errno : 0, w);

	if (k >= 0 && s && !ws[SERVER]) {
		fd[SERVER] = k;
		ws[SERVER] = s;
		setsockopt(k, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
		weft_setsockopt(s, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	} else {
		if (k >= 0)
			close(k);
		if (s)
			weft_close(s);
		settle();
	}
	return good;
}

static bool do_close(int i)
{
	long k = kres(close(fd[i]));

	weft_close(ws[i]);
	ws[i] = NULL;
	return note(i, "close", 0, k, 0);
}

static bool one_step(void)
{
	int i = (int)rnd(2);
	unsigned what = rnd(40);

	if (!ws[CLIENT] && open_one(CLIENT))
		return false;
	if (!ws[i])
		i = CLIENT;
	if (what < 9)
		return do_send(i);
	if (what < 18)
		return do_recv(i);
	if (what < 24)
		return do_poll(i);
	if (what < 27)
		return do_ioctl(i);
	if (what < 29)
		return do_option(i);
	if (what < 31)
		return do_set(i);
	if (what < 33) {
		int how = (int)rnd(3);
		return note(i, "shutdown", how, kres(shutdown(fd[i], how)), weft_shutdown(ws[i], how));
	}
	if (what < 34)
		return do_close(i);
	if (what < 36)
		return do_connect(rnd(8) ? 7000 : 7001);
	if (what < 37)
		return rnd(3) ? true : do_unspec(i);
	return do_accept();
}

static bool life(void)
{
	struct sockaddr_in a = addr(7000);
	int one = 1;

	log_len = 0;
	log_text[0] = 0;
	if (open_one(LISTENER) || open_one(CLIENT))
		return false;
	setsockopt(fd[LISTENER], SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	weft_setsockopt(ws[LISTENER], SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	if (bind(fd[LISTENER], (struct sockaddr *)&a, sizeof a) || weft_bind(ws[LISTENER], (struct sockaddr *)&a, sizeof a))
		return false;
	listen(fd[LISTENER], 4);
	weft_listen(ws[LISTENER], 4);
	bool good = do_connect(7000) && do_accept();
	for (int n = 0; good && n < STEPS; n++)
		good = one_step();
	for (int i = 0; i < SOCKS; i++)
		if (ws[i]) {
			close(fd[i]);
			weft_close(ws[i]);
			ws[i] = NULL;
		}
	weft_run_for(world, 100000000);
	return good;
}

int main(int argc, char **argv)
{
	int lives = argc > 1 ? atoi(argv[1]) : 2000, first = argc > 2 ? atoi(argv[2]) : 1, bad = 0;

	if (!private_net()) {
		printf("skipped: no network namespace of one's own\n");
		return 77;
	}
	if (weft_world_new(1, 1, &world) || weft_netns_new(world, "", &net) || weft_link_up(net, "lo"))
		return 1;
	for (int seed = first; seed < first + lives; seed++) {
		srand((unsigned)seed);
		if (!life()) {
			if (bad++ < 3)
				printf("seed %d:\n%s", seed, log_text);
		}
	}
	if (bad)
		printf("FAILED: %d of %d lives differ\n", bad, lives);
	else
		printf("ok tcp_compare: %d lives\n", lives);
	weft_netns_free(net);
	weft_world_free(world);
	return bad != 0;
}
