/* IPv4 forwarding, 64-byte frames, one cpu, between two memory ports: no system call a packet. The traffic is made and taken in this
 * same loop, and counted in: frames are recycled, only their addresses change. Destinations are random over all routes.
 * Prints millions of packets a second.   forward [ROUTES [SECONDS]] */
#include <arpa/inet.h>
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

enum { BATCH = 64, FRAME = 60, DESTS = 1 << 16 }; /* 60 and the wire's 4 of checksum: Ethernet's smallest */

static u64 now_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
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

int main(int argc, char **argv)
{
	unsigned n = argc > 1 ? (unsigned)atoi(argv[1]) : 1;
	double seconds = argc > 2 ? atof(argv[2]) : 2;
	static u32 dest[DESTS];
	struct sk_buff *skb[BATCH], *out[BATCH];
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

	u8 frame[FRAME] = { 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 9, 8, 0, 0x45, 0, 0, FRAME - 14, 0, 0, 0x40, 0, 64, 17, 0, 0, 10, 0, 1, 2 };
	frame[39] = FRAME - 34;
	u64 start = 0, end = 0, forwarded = 0, before = 0, t = now_ns();
	unsigned d = 0;
	weft_step(w, t);
	for (unsigned spare = 0;;) {
		for (unsigned i = 0; i < BATCH; i++) {
			if (i >= spare) {
				skb[i] = skb_alloc(cpu, SKB_HEADROOM, FRAME);
				check(skb[i] ? 0 : -12, "packet");
			}
			memcpy(skb_put(skb[i], FRAME), frame, FRAME);
			u8 *ip = skb[i]->data + 14;
			u32 dst = dest[d++ % DESTS], sum;
			memcpy(ip + 16, &dst, 4);
			/* the header's sum, kept simple: nine words are constant */
			sum = 0x4500 + (FRAME - 14) + 0x4000 + 0x4011 + 0x0a00 + 0x0102 + (ntohl(dst) >> 16) + (ntohl(dst) & 0xffff);
			sum = (sum & 0xffff) + (sum >> 16);
			sum = (sum & 0xffff) + (sum >> 16);
			ip[10] = (u8)(~sum >> 8);
			ip[11] = (u8)~sum;
		}
		mem_port_inject(cpu, in_port, 0, skb, BATCH);
		t = now_ns();
		weft_step(w, t);
		spare = 0;
		unsigned got = mem_port_collect(cpu, out_port, 0, out, BATCH);
		forwarded += got;
		for (unsigned i = 0; i < got; i++)
			skb_consume(cpu, out[i]);
		if (!start && forwarded > 1000000) {
			start = t;
			before = forwarded;
			end = t + (u64)(seconds * 1e9);
		}
		if (start && t >= end)
			break;
		if (!start && t - end > 20 * NSEC_PER_SEC && end) {
			fprintf(stderr, "nothing is forwarded\n");
			return 1;
		}
	}
	printf("%.3f\n", (double)(forwarded - before) * 1e3 / (double)(t - start));
	weft_world_free(w);
	return 0;
}
