/* A full table through the library: 1,000,000 IPv4 or 200,000 IPv6 routes with a real table's lengths, as RTM_NEWROUTE messages on a
 * netlink socket, many in one weft_send as a routing daemon with a batch does, in the order of prefixes as a table is dumped.
 * route_load 4|6   prints routes a second, and bytes a route: of the forwarding structure, of all else.
 * route_load 4|6 EVERY   prints each EVERYth of them as a command for `ip -batch`. */
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench/full_table.h"
#include "core/netns.h"
#include "weft/weft.h"

enum { SEND_BYTES = 32768 };

struct route {
	struct lpm_key key;
	u8 len;
};

static void check(long r, const char *what)
{
	if (r < 0) {
		fprintf(stderr, "%s: %s\n", what, strerror((int)-r));
		exit(1);
	}
}

static double now_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static int by_prefix(const void *pa, const void *pb)
{
	const struct route *a = pa, *b = pb;
	if (a->key.hi != b->key.hi)
		return a->key.hi < b->key.hi ? -1 : 1;
	if (a->key.lo != b->key.lo)
		return a->key.lo < b->key.lo ? -1 : 1;
	return (int)a->len - (int)b->len;
}

/* Sorted, and each once. */
static unsigned make(struct route *r, unsigned bits, unsigned want)
{
	struct rng rng;
	u8 seed[32] = { 7 };
	unsigned n = 0;
	rng_init(&rng, seed, bits);
	while (n < want) {
		for (unsigned i = n; i < want; i++) {
			do
				r[i].key = random_prefix(&rng, bits, &r[i].len);
			while (bits == 32 && (r[i].key.hi >> 56 == 127 || r[i].key.hi >> 56 == 10));
		}
		qsort(r, want, sizeof(*r), by_prefix);
		n = 0;
		for (unsigned i = 0; i < want; i++)
			if (!n || by_prefix(&r[n - 1], &r[i]))
				r[n++] = r[i];
	}
	return n;
}

static void put_attr(u8 **p, u16 type, const void *data, u16 len)
{
	struct rtattr a = { .rta_len = (u16)RTA_LENGTH(len), .rta_type = type };
	memcpy(*p, &a, sizeof(a));
	memcpy(*p + RTA_LENGTH(0), data, len);
	*p += RTA_SPACE(len);
}

static void key_bytes(struct lpm_key k, u8 b[16])
{
	be64 hi = cpu_to_be64(k.hi), lo = cpu_to_be64(k.lo);
	memcpy(b, &hi, 8);
	memcpy(b + 8, &lo, 8);
}

static u8 *put_route(u8 *p, unsigned bits, const struct route *r, const u8 *gw)
{
	struct nlmsghdr *h = (struct nlmsghdr *)p;
	struct rtmsg *m = (struct rtmsg *)(p + NLMSG_HDRLEN);
	u8 dst[16];
	*h = (struct nlmsghdr){ .nlmsg_type = RTM_NEWROUTE, .nlmsg_flags = NLM_F_REQUEST | NLM_F_CREATE | NLM_F_EXCL };
	*m = (struct rtmsg){ .rtm_family = bits == 32 ? AF_INET : AF_INET6, .rtm_dst_len = r->len, .rtm_table = RT_TABLE_MAIN,
			     .rtm_protocol = RTPROT_BGP, .rtm_scope = RT_SCOPE_UNIVERSE, .rtm_type = RTN_UNICAST };
	p += NLMSG_SPACE(sizeof(*m));
	key_bytes(r->key, dst);
	put_attr(&p, RTA_DST, dst, (u16)(bits / 8));
	put_attr(&p, RTA_GATEWAY, gw, (u16)(bits / 8));
	h->nlmsg_len = (u32)(p - (u8 *)h);
	return p;
}

static void print_batch(const struct route *r, unsigned n, unsigned every, unsigned bits)
{
	for (unsigned i = 0; i < n; i += every) {
		u64 hi = r[i].key.hi, lo = r[i].key.lo;
		if (bits == 32)
			printf("route add %u.%u.%u.%u/%u via 10.255.0.2\n", (unsigned)(hi >> 56), (unsigned)(hi >> 48 & 255), (unsigned)(hi >> 40 & 255),
			       (unsigned)(hi >> 32 & 255), r[i].len);
		else
			printf("route add %x:%x:%x:%x:%x:%x:%x:%x/%u via fd00::2\n", (unsigned)(hi >> 48), (unsigned)(hi >> 32 & 0xffff),
			       (unsigned)(hi >> 16 & 0xffff), (unsigned)(hi & 0xffff), (unsigned)(lo >> 48), (unsigned)(lo >> 32 & 0xffff),
			       (unsigned)(lo >> 16 & 0xffff), (unsigned)(lo & 0xffff), r[i].len);
	}
}

static u64 structure_bytes(const struct route *r, unsigned n, unsigned bits)
{
	struct mem mem;
	struct lpm t;
	static int hop;
	u64 bytes;
	mem_init(&mem, 0);
	lpm_init(&t, &mem, NULL, bits);
	for (unsigned i = 0; i < n; i++)
		check(lpm_set(&t, r[i].key, r[i].len, &hop, NULL), "lpm");
	bytes = mem.bytes;
	lpm_fini(&t);
	return bytes;
}

int main(int argc, char **argv)
{
	unsigned bits = argc > 1 && argv[1][0] == '6' ? 128 : 32, n = bits == 32 ? 1000000 : 200000;
	static const u8 gw4[4] = { 10, 255, 0, 2 }, gw6[16] = { 0xfd, [15] = 2 };
	const struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	struct route *r = malloc(n * sizeof(*r));
	u8 *buf = malloc(SEND_BYTES), *p = buf;
	int sndbuf = 4 * SEND_BYTES;
	weft_world *w;
	weft_netns *net;
	weft_socket *s;
	u64 before, all, own;
	double t;

	n = make(r, bits, n);
	if (argc > 2) {
		print_batch(r, n, MAX(1u, (unsigned)atoi(argv[2])), bits);
		return 0;
	}
	check(weft_world_new(1, 1, &w), "world");
	check(weft_netns_new(w, "router", &net), "namespace");
	check(weft_veth_new(net, "d0", net, "d1"), "veth");
	check(weft_addr_add(net, "d0", bits == 32 ? "10.255.0.1/24" : "fd00::1/64"), "address");
	check(weft_link_up(net, "d0"), "up");
	check(weft_link_up(net, "d1"), "up");
	weft_run_for(w, 3000000000);
	check(weft_socket_new(net, AF_NETLINK, SOCK_RAW, NETLINK_ROUTE, &s), "socket");
	check(weft_setsockopt(s, SOL_SOCKET, SO_SNDBUF, &sndbuf, sizeof(sndbuf)), "SO_SNDBUF");
	check(weft_connect(s, (const struct sockaddr *)&kernel, sizeof(kernel)), "connect");
	before = w->mem.bytes;
	t = now_ns();
	for (unsigned i = 0; i < n; i++) {
		p = put_route(p, bits, &r[i], bits == 32 ? gw4 : gw6);
		if (p - buf < SEND_BYTES - 128 && i + 1 < n)
			continue;
		check(weft_send(s, buf, (size_t)(p - buf), 0), "send");
		weft_run_for(w, 1000); /* what was replaced is freed at the end of a step */
		p = buf;
	}
	t = now_ns() - t;
	all = w->mem.bytes - before;
	check(weft_recv(s, buf, SEND_BYTES, MSG_DONTWAIT) == -EAGAIN ? 0 : -EINVAL, "a route was refused"); /* only errors are answered */
	own = structure_bytes(r, n, bits);
	printf("routes=%u per_second=%.0f ns=%.0f structure=%.1f objects=%.1f\n", n, n * 1e9 / t, t / n, (double)own / n, (double)(all - own) / n);
	weft_close(s);
	weft_world_free(w);
	free(r);
	free(buf);
	return 0;
}
