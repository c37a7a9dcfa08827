/* The same socket options on this machine's kernel and on weft: every level and number, with many values and lengths.
 *
 * For each kind of socket, each option gets a fresh socket on both sides; it is read, set, and read again. Results, lengths and
 * bytes must agree. Where they cannot, a row of `known` says why. Prints the differences; `ok` or `not ok` per kind of socket.
 * Needs a private network namespace: makes one (as root, or in a new user namespace). Run with -v for all rows.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <weft/weft.h>

#include "tests/kernel_compare/private_net.h"

static weft_world *world;
static weft_netns *net;
static bool verbose;

static const struct kind { const char *name; int type, protocol, family; } kinds[] = {
	{ "udp", SOCK_DGRAM, IPPROTO_UDP, AF_INET },	 { "tcp", SOCK_STREAM, IPPROTO_TCP, AF_INET },
	{ "raw icmp", SOCK_RAW, IPPROTO_ICMP, AF_INET }, { "raw 255", SOCK_RAW, IPPROTO_RAW, AF_INET },
	{ "ping", SOCK_DGRAM, IPPROTO_ICMP, AF_INET },	 { "udp6", SOCK_DGRAM, IPPROTO_UDP, AF_INET6 },
	{ "tcp6", SOCK_STREAM, IPPROTO_TCP, AF_INET6 },	 { "raw6 icmp", SOCK_RAW, IPPROTO_ICMPV6, AF_INET6 },
	{ "raw6 255", SOCK_RAW, IPPROTO_RAW, AF_INET6 }, { "raw6 89", SOCK_RAW, 89, AF_INET6 },
	{ "ping6", SOCK_DGRAM, IPPROTO_ICMPV6, AF_INET6 },
};
static const struct level { const char *name; int level, max, only_type, only_family; } levels[] = {
	{ "SOL_SOCKET", SOL_SOCKET, 90, 0, AF_INET }, { "SOL_IP", IPPROTO_IP, 64, 0, AF_INET }, { "SOL_UDP", IPPROTO_UDP, 110, SOCK_DGRAM, 0 },
	{ "SOL_RAW", 255, 3, SOCK_RAW, 0 },	      { "SOL_IPV6", IPPROTO_IPV6, 4, 0, AF_INET }, { "level 77", 77, 2, 0, 0 },
	{ "SOL_TCP", IPPROTO_TCP, 50, SOCK_STREAM, AF_INET }, { "SOL_IPV6", IPPROTO_IPV6, 90, 0, AF_INET6 },
	{ "SOL_ICMPV6", IPPROTO_ICMPV6, 3, SOCK_RAW, AF_INET6 }, { "SOL_IP", IPPROTO_IP, 4, 0, AF_INET6 },
};

enum { ALL = -1 };
enum { SKIP, VALUE }; /* not compared at all; results compared, bytes not */
static const struct { int level, name, how; const char *why; int type; /* of socket, 0: all */ } known[] = {
	{ SOL_SOCKET, SO_COOKIE, VALUE, "a number of its own" },
	{ SOL_SOCKET, 71, VALUE, "SO_NETNS_COOKIE: a number of its own" },
	{ SOL_SOCKET, SO_MEMINFO, VALUE, "memory in use and limits of the kernel's own" },
	{ SOL_SOCKET, SO_INCOMING_CPU, VALUE, "cpus are numbered by each" },
	{ SOL_SOCKET, 31, SKIP, "SO_PEERSEC: security modules" },
	{ SOL_SOCKET, 46, SKIP, "SO_BUSY_POLL: not built" },
	{ SOL_SOCKET, 69, SKIP, "SO_PREFER_BUSY_POLL: not built" },
	{ SOL_SOCKET, 70, SKIP, "SO_BUSY_POLL_BUDGET: not built" },
	{ SOL_SOCKET, 56, SKIP, "SO_INCOMING_NAPI_ID: not built" },
	{ SOL_SOCKET, 50, SKIP, "SO_ATTACH_BPF: not built" },
	{ SOL_SOCKET, 51, SKIP, "SO_ATTACH_REUSEPORT_CBPF: not built" },
	{ SOL_SOCKET, 52, SKIP, "SO_ATTACH_REUSEPORT_EBPF: not built" },
	{ SOL_SOCKET, 60, SKIP, "SO_ZEROCOPY: not built for datagrams", SOCK_DGRAM },
	{ SOL_SOCKET, 73, SKIP, "SO_RESERVE_MEM: memory cgroups" },
	{ SOL_SOCKET, 78, SKIP, "SO_DEVMEM_LINEAR: not built" },
	{ SOL_SOCKET, 79, SKIP, "SO_DEVMEM_DMABUF: not built" },
	{ SOL_SOCKET, 80, SKIP, "SO_DEVMEM_DONTNEED: not built" },
	{ SOL_SOCKET, 26, SKIP, "SO_ATTACH_FILTER takes a pointer: tested elsewhere" },
	{ IPPROTO_IP, 5, SKIP, "IP_ROUTER_ALERT: not built" },
	{ IPPROTO_IP, 16, SKIP, "IP_IPSEC_POLICY: not built" },
	{ IPPROTO_IP, 17, SKIP, "IP_XFRM_POLICY: not built" },
	{ IPPROTO_IP, 64, SKIP, "netfilter's options: not built" },
	{ IPPROTO_IPV6, 34, SKIP, "IPV6_IPSEC_POLICY: not built" },
	{ IPPROTO_IPV6, 35, SKIP, "IPV6_XFRM_POLICY: not built" },
	{ IPPROTO_IPV6, 64, SKIP, "netfilter's options: not built" },
	{ IPPROTO_IPV6, 65, SKIP, "netfilter's options: not built" },
	{ IPPROTO_IPV6, 68, SKIP, "netfilter's options: not built" },
	{ IPPROTO_IPV6, 69, SKIP, "netfilter's options: not built" },
	{ IPPROTO_IPV6, 80, SKIP, "netfilter's options: not built" },
	{ IPPROTO_UDP, 100, SKIP, "UDP_ENCAP: not built" },
	{ IPPROTO_TCP, 11, VALUE, "TCP_INFO: times and pointers of the moment" },
	{ IPPROTO_TCP, 13, VALUE, "TCP_CONGESTION: this kernel's default is its own" },
	{ IPPROTO_TCP, 24, VALUE, "TCP_TIMESTAMP: a clock with an offset" },
	{ IPPROTO_TCP, 26, SKIP, "TCP_CC_INFO: bbr's here, cubic has none" },
	{ IPPROTO_TCP, 45, VALUE, "TCP_RTO_MIN_US: the kernel rounds to its ticks" },
	{ IPPROTO_TCP, 46, VALUE, "TCP_DELACK_MAX_US: the kernel rounds to its ticks" },
	{ IPPROTO_TCP, 33, VALUE, "TCP_FASTOPEN_KEY: each has its own" },
	{ IPPROTO_TCP, 35, SKIP, "TCP_ZEROCOPY_RECEIVE: not built" },
	{ IPPROTO_TCP, 38, SKIP, "TCP_AO: this kernel was built without" },
	{ IPPROTO_TCP, 39, SKIP, "TCP_AO: this kernel was built without" },
	{ IPPROTO_TCP, 40, SKIP, "TCP_AO: this kernel was built without" },
	{ IPPROTO_TCP, 41, SKIP, "TCP_AO: this kernel was built without" },
	{ IPPROTO_TCP, 42, SKIP, "TCP_AO: this kernel was built without" },
};
static int how(int type, int level, int name)
{
	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		if (known[i].level == level && known[i].name == name && (!known[i].type || known[i].type == type))
			return known[i].how;
	return ALL;
}

struct pair { int fd; weft_socket *s; };
static struct pair make(const struct kind *k)
{
	struct pair p = { .fd = socket(k->family, k->type, k->protocol) };
	int err = weft_socket_new(net, k->family, k->type, k->protocol, &p.s);
	if (p.fd < 0 || err) {
		fprintf(stderr, "%s: kernel %s, weft %s\n", k->name, p.fd < 0 ? strerror(errno) : "fine", strerror(-err));
		exit(1);
	}
	return p;
}
static void drop(struct pair p)
{
	close(p.fd);
	weft_close(p.s);
}

struct result { int err; socklen_t len; unsigned char bytes[256]; };
static bool same(const struct result *a, const struct result *b, int h)
{
	if (a->err != b->err || (a->err == 0 && a->len != b->len))
		return false;
	return h == VALUE || a->err || !memcmp(a->bytes, b->bytes, a->len < 256 ? a->len : 256);
}
static void text(const struct result *r, char *out, size_t size)
{
	int n = r->err ? snprintf(out, size, "%s", strerrorname_np(-r->err)) : snprintf(out, size, "ok len %u:", r->len);
	for (unsigned i = 0; !r->err && i < r->len && i < 16; i++)
		n += snprintf(out + n, size - (size_t)n, " %02x", r->bytes[i]);
}

static void get(struct pair p, int level, int name, socklen_t len, struct result *k, struct result *w)
{
	memset(k, 0xee, sizeof *k);
	memset(w, 0xee, sizeof *w);
	k->len = w->len = len;
	k->err = getsockopt(p.fd, level, name, k->bytes, &k->len) ? -errno : 0;
	w->err = weft_getsockopt(p.s, level, name, w->bytes, &w->len);
}
static void set(struct pair p, int level, int name, const void *v, socklen_t len, struct result *k, struct result *w)
{
	memset(k, 0, sizeof *k);
	memset(w, 0, sizeof *w);
	k->err = setsockopt(p.fd, level, name, v, len) ? -errno : 0;
	w->err = weft_setsockopt(p.s, level, name, v, len);
}

static unsigned compared, differing;
static void judge(const struct kind *kind, const struct level *l, int name, const char *what, long val, socklen_t len,
		  const struct result *k, const struct result *w)
{
	char a[128], b[128];
	bool good = same(k, w, how(kind->type, l->level, name));
	compared++;
	differing += !good;
	if (good && !verbose)
		return;
	text(k, a, sizeof a);
	text(w, b, sizeof b);
	printf("%s %s %s %d %s(%ld, len %u): kernel %s; weft %s\n", good ? "#" : "!", kind->name, l->name, name, what, val, len, a, b);
}

static void compare_option(const struct kind *kind, const struct level *l, int name)
{
	static const long values[] = { -1, 0, 1, 2, 3, 5, 6, 7, 31, 64, 255, 256, 1000, 4608, 70000, 1 << 20, 1 << 28, 2147483647, -2147483647 };
	static const socklen_t lens[] = { 0, 1, 2, 3, 4, 5, 8, 12, 16, 20, 136, 256 };
	struct result k, w;
	struct pair p = make(kind);

	for (size_t i = 0; i < sizeof lens / sizeof *lens; i++) {
		get(p, l->level, name, lens[i], &k, &w);
		judge(kind, l, name, "get", 0, lens[i], &k, &w);
	}
	drop(p);
	for (size_t v = 0; v < sizeof values / sizeof *values; v++) {
		unsigned char buf[256] = { 0 };
		memcpy(buf, &values[v], 4);
		for (size_t i = 0; i < sizeof lens / sizeof *lens; i++) {
			if (v > 3 && lens[i] != 4 && lens[i] != 1 && lens[i] != 8)
				continue;
			p = make(kind);
			set(p, l->level, name, buf, lens[i], &k, &w);
			judge(kind, l, name, "set", values[v], lens[i], &k, &w);
			get(p, l->level, name, 256, &k, &w);
			judge(kind, l, name, "set, get", values[v], lens[i], &k, &w);
			drop(p);
		}
	}
}

int main(int argc, char **argv)
{
	int failed = 0;

	verbose = argc > 1 && !strcmp(argv[1], "-v");
	const char *only = argc > 2 ? argv[2] : NULL;
	if (!private_net()) {
		printf("ok sockopt_compare # SKIP no namespaces here: %s\n", strerror(errno));
		return 0;
	}
	write_file("/proc/sys/net/ipv4/ping_group_range", "0 2147483647");
	if (weft_world_new(1, 1, &world) || weft_netns_new(world, "w", &net) || weft_link_up(net, "lo")) {
		printf("not ok sockopt_compare: no world\n");
		return 1;
	}
	for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
		if (only && strcmp(only, kinds[k].name))
			continue;
		weft_socket *there;
		if (weft_socket_new(net, kinds[k].family, kinds[k].type, kinds[k].protocol, &there)) {
			printf("ok %s # SKIP weft has no such socket\n", kinds[k].name);
			continue;
		}
		weft_close(there);
		compared = differing = 0;
		for (size_t l = 0; l < sizeof levels / sizeof *levels; l++)
			for (int name = 0; name <= levels[l].max; name++)
				if ((!levels[l].only_type || levels[l].only_type == kinds[k].type) &&
				    (!levels[l].only_family || levels[l].only_family == kinds[k].family) && how(kinds[k].type, levels[l].level, name) != SKIP)
					compare_option(&kinds[k], &levels[l], name);
		printf("%s %s: %u results compared, %u differ\n", differing ? "not ok" : "ok", kinds[k].name, compared, differing);
		failed |= differing != 0;
	}
	weft_netns_free(net);
	weft_world_free(world);
	return failed;
}
