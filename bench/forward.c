/* IPv4 forwarding, 64-byte frames, one cpu, between two memory ports: no system call a packet. The traffic is made and taken in this
 * same loop, and counted in: frames are recycled, only their addresses change. Destinations are random over all routes.
 * Prints millions of packets a second.   forward [ROUTES [SECONDS]]
 *
 * forward ROUTES SECONDS UPDATES   the same in turns without and with so many changes of routes a second, which come as netlink messages on
 * the same cpu: half of them replace a route's gateway, the others add and delete a longer prefix, so that no packet is ever without a
 * route. Prints the rate with changes as a percentage of that without; a lost packet is an error. */
#include <arpa/inet.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "codec/wire/checksum.h"
#include "core/cpu.h"
#include "core/netns.h"
#include "inet/ip4/ip4.h"
#include "inet/route/fib.h"
#include "link/neigh.h"
#include "link/type/mem_port.h"
#include "weft/weft.h"

enum { BATCH = 64, FRAME = 60, DESTS = 1 << 16, AT_ONCE = 64, TURNS = 5 }; /* 60 and the wire's 4 of checksum: Ethernet's smallest */

static u64 now_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (u64)t.tv_sec * NSEC_PER_SEC + (u64)t.tv_nsec;
}

/* What others do on this machine is not ours to measure. */
static u64 cpu_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (u64)t.tv_sec * NSEC_PER_SEC + (u64)t.tv_nsec;
}

static void check(long r, const char *what)
{
	if (r < 0) {
		fprintf(stderr, "%s: %s\n", what, strerror((int)-r));
		exit(1);
	}
}

static u64 rnd(void)
{
	static u64 x = 88172645463325252ull;
	x ^= x << 13;
	x ^= x >> 7;
	return x ^= x << 17;
}

/* Prefix lengths as in a full table: most are /24, the rest /16 to /23. */
static void routes(struct cpu *cpu, struct netns *net, s32 oif, u32 *dest, unsigned n)
{
	u32 *known = malloc(n * sizeof(*known));
	unsigned have = 0;
	if (n == 1) {
		struct fib_config c = { .family = AF_INET, .table = RT_TABLE_MAIN, .protocol = RTPROT_STATIC, .type = RTN_UNICAST,
					.scope = RT_SCOPE_UNIVERSE, .nl_flags = 0x400 | 0x200, .prefix_len = 8, .has_gw = true,
					.gw_family = AF_INET, .oif = oif };
		c.dst = inaddr_from_v4(BE32(0x28000000));
		c.gateway = inaddr_from_v4(BE32(0x0a000202));
		check(fib_route_add(cpu, net, &c), "route");
		known[have++] = 0x28000000;
	}
	while (have < n) {
		static const u8 lens[] = { 24, 24, 24, 24, 24, 24, 22, 23, 22, 20, 21, 19, 16, 24, 24, 18 };
		u8 len = lens[rnd() % sizeof(lens)];
		u32 prefix = (u32)(0x0b000000u + rnd() % 0xd0000000u) & ~((1u << (32 - len)) - 1);
		if (prefix >> 24 == 127)
			continue;
		struct fib_config c = { .family = AF_INET, .table = RT_TABLE_MAIN, .protocol = RTPROT_STATIC, .type = RTN_UNICAST,
					.scope = RT_SCOPE_UNIVERSE, .nl_flags = 0x400 | 0x200, .prefix_len = len, .has_gw = true,
					.gw_family = AF_INET, .oif = oif };
		c.dst = inaddr_from_v4(cpu_to_be32(prefix));
		c.gateway = inaddr_from_v4(BE32(0x0a000202));
		long r = fib_route_add(cpu, net, &c);
		if (r == -EEXIST)
			continue;
		check(r, "route");
		known[have++] = prefix;
	}
	for (unsigned i = 0; i < DESTS; i++)
		dest[i] = htonl(known[rnd() % have] | (n == 1 ? (u32)(rnd() & 0xffffff) : 1));
	free(known);
}

/* -- changes of routes while packets flow -- */

static struct {
	weft_socket *s;
	u8 buf[AT_ONCE * 64], *at;
	u64 done;
	u32 added; /* a prefix that is there and has to go */
} change;

static void put(u16 type, u16 flags, u32 prefix, u8 len, u8 gateway)
{
	struct {
		struct nlmsghdr h;
		struct rtmsg r;
		struct rtattr dst_attr;
		u32 dst;
		struct rtattr gw_attr;
		u8 gw[4];
	} m = { .h = { sizeof(m), type, (u16)(NLM_F_REQUEST | flags), 0, 0 },
		.r = { .rtm_family = AF_INET, .rtm_dst_len = len, .rtm_table = RT_TABLE_MAIN, .rtm_protocol = RTPROT_STATIC,
		       .rtm_scope = RT_SCOPE_UNIVERSE, .rtm_type = RTN_UNICAST },
		.dst_attr = { RTA_LENGTH(4), RTA_DST }, .dst = htonl(prefix), .gw_attr = { RTA_LENGTH(4), RTA_GATEWAY },
		.gw = { 10, 0, 2, gateway } };
	memcpy(change.at, &m, sizeof(m));
	change.at += sizeof(m);
}

/* Makes the changes that are due. dest: addresses that packets go to; all are the first address of a /24 or in a shorter prefix. */
static void make_changes(const u32 *dest, u64 due)
{
	if (due < change.done + AT_ONCE)
		return;
	change.at = change.buf;
	for (unsigned i = 0; i < AT_ONCE; i++, change.done++) {
		u32 prefix = ntohl(dest[rnd() % DESTS]) & 0xffffff00;
		if (i & 1) {
			put(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, prefix, 24, (u8)(2 + (rnd() & 1)));
		} else if (!change.added) {
			put(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, prefix, 25, 3);
			change.added = prefix;
		} else {
			put(RTM_DELROUTE, 0, change.added, 25, 3);
			change.added = 0;
		}
	}
	check(weft_send(change.s, change.buf, (size_t)(change.at - change.buf), 0), "changes of routes");
	if (weft_recv(change.s, change.buf, sizeof(change.buf), MSG_DONTWAIT) != -EAGAIN) /* only errors are answered */
		check(-EINVAL, "a change was refused");
}

/* -- forwarding -- */

struct bench {
	weft_world *w;
	struct cpu *cpu;
	struct port *in, *out;
	const u32 *dest;
};

/* Forwards for so long; millions of packets a second. Ends the program when one is lost. */
static double forward(const struct bench *b, double seconds, unsigned changes_per_s)
{
	u8 frame[FRAME] = { 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 9, 8, 0, 0x45, 0, 0, FRAME - 14, 0, 0, 0x40, 0, 64, 17, 0, 0, 10, 0, 1, 2 };
	struct sk_buff *skb[BATCH], *out[BATCH];
	u64 start = cpu_ns(), t = start, end = start + (u64)(seconds * 1e9), given = 0, forwarded = 0, idle = 0;
	static unsigned d, round;

	frame[39] = FRAME - 34;
	change.done = 0;
	while (t < end || forwarded < given) {
		for (unsigned i = 0; i < BATCH && t < end; i++) {
			skb[i] = skb_alloc(b->cpu, SKB_HEADROOM, FRAME);
			check(skb[i] ? 0 : -12, "packet");
			memcpy(skb_put(skb[i], FRAME), frame, FRAME);
			u8 *ip = skb[i]->data + 14;
			u32 dst = b->dest[d++ % DESTS], sum;
			memcpy(ip + 16, &dst, 4);
			/* the header's sum, kept simple: nine words are constant */
			sum = 0x4500 + (FRAME - 14) + 0x4000 + 0x4011 + 0x0a00 + 0x0102 + (ntohl(dst) >> 16) + (ntohl(dst) & 0xffff);
			sum = (sum & 0xffff) + (sum >> 16);
			sum = (sum & 0xffff) + (sum >> 16);
			ip[10] = (u8)(~sum >> 8);
			ip[11] = (u8)~sum;
		}
		if (t < end) {
			mem_port_inject(b->cpu, b->in, 0, skb, BATCH);
			given += BATCH;
		}
		weft_step(b->w, now_ns());
		if (round++ % 8 == 0) /* a system call */
			t = cpu_ns();
		unsigned got = mem_port_collect(b->cpu, b->out, 0, out, BATCH);
		forwarded += got;
		for (unsigned i = 0; i < got; i++)
			skb_consume(b->cpu, out[i]);
		if (changes_per_s)
			make_changes(b->dest, (t - start) * changes_per_s / NSEC_PER_SEC);
		idle = got ? 0 : idle + 1;
		if (idle > 1000000) {
			fprintf(stderr, "%llu of %llu packets were lost\n", (unsigned long long)(given - forwarded), (unsigned long long)given);
			exit(1);
		}
	}
	return (double)forwarded * 1e3 / (double)(t - start);
}

static int by_size(const void *a, const void *b) { return *(const double *)a < *(const double *)b ? -1 : 1; }

int main(int argc, char **argv)
{
	unsigned n = argc > 1 ? (unsigned)atoi(argv[1]) : 1;
	double seconds = argc > 2 ? atof(argv[2]) : 2;
	static u32 dest[DESTS];
	weft_world *w;
	struct netns *net;
	struct port *in_port, *out_port;
	struct net_device *in_dev, *out_dev;
	static const u8 mac_in[6] = { 2, 0, 0, 0, 0, 1 }, mac_out[6] = { 2, 0, 0, 0, 0, 2 }, mac_next[6] = { 2, 0, 0, 0, 0, 3 };
	struct nic_config cfg = { .queues = 1, .rx_ring = 1024, .tx_ring = 1024, .mac = mac_in };

	check(weft_world_new(1, 1, &w), "world");
	check(weft_netns_new(w, "router", &net), "namespace");
	struct cpu *cpu = config_cpu(w);
	check(mem_port_new(&w->mem, &in_port), "port");
	check(mem_port_new(&w->mem, &out_port), "port");
	check(nic_new(cpu, net, "eth0", in_port, &cfg, &in_dev), "nic");
	cfg.mac = mac_out;
	check(nic_new(cpu, net, "eth1", out_port, &cfg, &out_dev), "nic");
	check(weft_addr_add(net, "eth0", "10.0.1.1/24"), "address");
	check(weft_addr_add(net, "eth1", "10.0.2.1/24"), "address");
	check(weft_link_up(net, "eth0"), "up");
	check(weft_link_up(net, "eth1"), "up");
	check(weft_sysctl_set(net, "net.ipv4.ip_forward", "1"), "ip_forward");
	routes(cpu, net, out_dev->ifindex, dest, n);
	be32 next = BE32(0x0a000202);
	struct neighbour *neigh = neigh_get(cpu, &arp_table, &next, out_dev);
	check(neigh ? neigh_update(cpu, neigh, mac_next, NUD_PERMANENT, NEIGH_UPDATE_OVERRIDE | NEIGH_UPDATE_ADMIN, 0) : -12, "neighbour");

	be32 other = BE32(0x0a000203);
	neigh = neigh_get(cpu, &arp_table, &other, out_dev);
	check(neigh ? neigh_update(cpu, neigh, mac_next, NUD_PERMANENT, NEIGH_UPDATE_OVERRIDE | NEIGH_UPDATE_ADMIN, 0) : -12, "neighbour");
	struct bench b = { w, cpu, in_port, out_port, dest };
	forward(&b, 0.3, 0);
	if (argc > 3) {
		const struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
		double rate[TURNS];
		check(weft_socket_new(net, AF_NETLINK, SOCK_RAW, NETLINK_ROUTE, &change.s), "socket");
		check(weft_connect(change.s, (const struct sockaddr *)&kernel, sizeof(kernel)), "connect");
		for (unsigned i = 0; i < TURNS; i++) {
			double plain = forward(&b, seconds / TURNS / 2, 0);
			rate[i] = forward(&b, seconds / TURNS / 2, (unsigned)atoi(argv[3])) / plain * 100;
		}
		qsort(rate, TURNS, sizeof(*rate), by_size);
		printf("%.1f\n", rate[TURNS / 2]);
		weft_close(change.s);
	} else {
		printf("%.3f\n", forward(&b, seconds, 0));
	}
	weft_world_free(w);
	return 0;
}
