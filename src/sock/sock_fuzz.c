/* Hostile calls: bytes become sockets, options, addresses, control messages and ioctls, in two namespaces joined by a veth pair.
 * What must hold: no crash, no leak (mem_fini asserts), no unbounded queue. */
#include <netinet/in.h>
#include <string.h>

#include <weft/weft.h>

#include "core/netns.h"
#include "sock/sock.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
	const uint8_t *p;
	size_t left;
};
static unsigned byte(struct input *in)
{
	if (!in->left)
		return 0;
	in->left--;
	return *in->p++;
}
/* Up to n bytes into buf, zeros behind them. */
static void bytes(struct input *in, void *buf, size_t n)
{
	size_t k = n < in->left ? n : in->left;
	memset(buf, 0, n);
	if (k)
		memcpy(buf, in->p, k);
	in->p += k;
	in->left -= k;
}

enum { SOCKS = 4 };
enum { ETH_ALL = 0x0300 /* in network order */ };
static const int types[][3] = { { AF_INET, SOCK_DGRAM, 0 }, { AF_INET, SOCK_STREAM, 0 }, { AF_INET, SOCK_RAW, 1 }, { AF_INET, SOCK_RAW, 255 },
				{ AF_INET, SOCK_RAW, 253 }, { AF_INET, SOCK_DGRAM, 1 }, { AF_PACKET, SOCK_RAW, ETH_ALL }, { AF_PACKET, SOCK_DGRAM, 0x0008 },
				{ AF_INET, SOCK_RAW, 2 }, { AF_INET6, SOCK_RAW, 58 } };
static const int levels[] = { SOL_SOCKET, IPPROTO_IP, IPPROTO_UDP, IPPROTO_TCP, 255, 263 /* SOL_PACKET */ };
enum { LEVELS = sizeof levels / sizeof *levels };

static void addr(struct input *in, struct sockaddr_in *a, const weft_socket *s)
{
	static const uint32_t ips[] = { 0x0a000001, 0x0a000002, 0x7f000001, 0, 0xe0000105, 0x0a0000ff, 0xffffffff };
	bytes(in, a, sizeof *a);
	if (a->sin_zero[0] & 1)
		*a = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons((uint16_t)(a->sin_port & 7)),
					   .sin_addr.s_addr = htonl(ips[a->sin_zero[1] % 7]) };
	if (s->family == AF_PACKET && a->sin_zero[2] & 1) { /* a struct sockaddr_ll's first words */
		a->sin_family = AF_PACKET;
		a->sin_addr.s_addr %= 4;
	}
}

static void step(struct input *in, weft_world *w, weft_netns *const ns[2], weft_socket *s[SOCKS])
{
	unsigned i = byte(in) % SOCKS, what = byte(in) % 14, n = byte(in);
	static char buf[70000];
	uint8_t opt[256];
	union { struct sockaddr_in in; uint8_t whole[32]; } a = { .whole = { 0 } };
	socklen_t len;

	if (!s[i]) {
		const int *t = types[n % (sizeof types / sizeof *types)];
		if (weft_socket_new(ns[i & 1], t[0], t[1], t[2], &s[i]))
			s[i] = NULL;
		return;
	}
	addr(in, &a.in, s[i]);
	socklen_t a_len = s[i]->family == AF_PACKET ? 20 : sizeof a.in;
	switch (what) {
	case 0: weft_bind(s[i], (struct sockaddr *)&a, n & 31); break;
	case 1: weft_bind(s[i], (struct sockaddr *)&a, a_len); break;
	case 2: weft_connect(s[i], (struct sockaddr *)&a, a_len); break;
	case 3: weft_listen(s[i], (int)n); break;
	case 4:
	case 5:
		bytes(in, opt, 24);
		if (n % LEVELS == 0 && opt[0] == SO_ATTACH_FILTER)
			break; /* a pointer of the library caller's own */
		weft_setsockopt(s[i], levels[n % LEVELS], opt[0] % 112, opt + 1, opt[23] % 24);
		break;
	case 6:
		len = byte(in);
		what = byte(in) % 112;
		if (n % LEVELS == 0 && what == SO_ATTACH_FILTER)
			break; /* its length counts instructions */
		weft_getsockopt(s[i], levels[n % LEVELS], (int)what, opt, &len);
		break;
	case 7:
	case 8: {
		struct iovec iov = { buf, (size_t)n * n };
		struct msghdr m = { .msg_name = n & 1 ? &a : NULL, .msg_namelen = a_len, .msg_iov = &iov, .msg_iovlen = 1,
				    .msg_control = opt, .msg_controllen = n & 6 ? 0 : 64 };
		bytes(in, opt, 64);
		weft_sendmsg(s[i], &m, (int)(byte(in) << 8 | byte(in)));
		break;
	}
	case 9:
	case 10: {
		struct iovec iov = { buf, (size_t)n * n };
		struct msghdr m = { .msg_name = &a, .msg_namelen = n & 31, .msg_iov = &iov, .msg_iovlen = 1, .msg_control = opt,
				    .msg_controllen = n };
		weft_recvmsg(s[i], &m, (int)(byte(in) << 8 | byte(in)));
		break;
	}
	case 11: {
		struct cpu *cpu = ns[i & 1]->home;
		bytes(in, opt, 40);
		memcpy(opt, "eth0\0", n & 1 ? 5 : 0);
		/* not those that follow pointers: SIOCGIFCONF, SIOCADDRT, SIOCDELRT, SIOCETHTOOL */
		unsigned cmd = 0x8910 + n % 100;
		if (cmd == 0x8912 || cmd == 0x8946)
			break;
		cpu_enter(cpu, cpu->now);
		socket_ioctl(cpu, s[i], cmd, opt, 40);
		cpu_leave(cpu);
		break;
	}
	case 12:
		weft_shutdown(s[i], (int)(n % 4));
		break;
	default:
		weft_close(s[i]);
		s[i] = NULL;
	}
	if (n & 1)
		weft_run_for(w, (uint64_t)n * n * 1000);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	weft_socket *s[SOCKS] = { NULL };
	weft_netns *ns[2];
	weft_world *w;

	if (weft_world_new(1, 1, &w))
		return 0;
	weft_netns_new(w, "a", &ns[0]);
	weft_netns_new(w, "b", &ns[1]);
	weft_veth_new(ns[0], "eth0", ns[1], "eth0");
	for (int i = 0; i < 2; i++) {
		weft_link_up(ns[i], "lo");
		weft_addr_add(ns[i], "eth0", i ? "10.0.0.2/24" : "10.0.0.1/24");
		weft_link_up(ns[i], "eth0");
	}
	for (unsigned n = 0; n < 200 && in.left; n++)
		step(&in, w, ns, s);
	for (int i = 0; i < SOCKS; i++)
		weft_close(s[i]);
	weft_run_for(w, 1000000000);
	weft_world_free(w);
	return 0;
}
