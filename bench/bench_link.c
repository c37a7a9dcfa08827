/* What the link layer costs a packet: nic rx, L2, an IP that only turns packets around, cached neighbour header, qdisc, nic tx, over two
 * memory ports. Packets are used again and again, so no allocation is in the figure; with "alloc" as argument each is made and freed.
 * Prints ns a packet: of the best of many short runs, for other programs share the machine.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "codec/wire/eth.h"
#include "codec/wire/ip4hdr.h"
#include "core/stack_tables.h"
#include "link/l3_proto.h"
#include "link/netns_neigh.h"
#include "link/netns_dev.h"
#include "link/qdisc.h"
#include "link/type/mem_port.h"

static struct neighbour *next_hop;

static void turn(struct cpu *cpu, struct netns *net, struct sk_buff **skbs, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		struct sk_buff *skb = skbs[i];
		if (i + 4 < n)
			prefetch(skbs[i + 4]->data);
		ip4_dec_ttl((struct ip4_hdr *)skb->data);
		skb->dev = next_hop->dev;
		neigh_output(cpu, next_hop, skb);
	}
}
static struct sk_buff *gro_none(struct cpu *cpu, struct skb_list *held, struct sk_buff *skb)
{
	((u8 *)skb->cb)[3] = 1; /* GRO_CB(skb)->flush */
	return NULL;
}
static void solicit(struct cpu *cpu, struct neighbour *n, struct sk_buff *skb) {}
static void report(struct cpu *cpu, struct neighbour *n, struct sk_buff *skb) { skb_drop(cpu, skb, SKB_DROP_REASON_NEIGH_FAILED); }
static int construct(struct neighbour *n) { return 0; }

static const struct l3_proto proto = { .ethertype = ETH_P_IP, .rx = turn, .gro_receive = gro_none };
static const struct l3_proto *const protos[] = { &proto, NULL };
static const struct subsys *const subsys[] = { &dev_subsys, &neigh_subsys, &loopback_subsys, NULL };
static const struct neigh_table table = { .family = AF_INET, .key_len = 4, .ethertype = ETH_P_IP, .id = "arp_cache", .solicit = solicit,
					  .error_report = report, .constructor = construct };
static const struct stack_tables tables = { .subsys = subsys, .link_kinds = link_kinds_builtin, .qdiscs = qdiscs_builtin, .l3_protos = protos,
					    .backlog_rx = link_backlog_rx, .dev_netns = link_dev_netns };

static double now_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

#define LOT 256

static struct sk_buff *make(struct cpu *cpu, const u8 *dst)
{
	struct sk_buff *skb = skb_alloc(cpu, SKB_HEADROOM + NET_IP_ALIGN, 60);
	u8 *p = skb ? skb_put(skb, 60) : NULL;
	if (!p)
		exit(1);
	memset(p, 0, 60);
	eth_build((struct eth_hdr *)p, dst, (u8[]){ 2, 0, 0, 0, 0, 9 }, ETH_P_IP);
	p[14] = 0x45;
	p[22] = 64;
	return skb;
}

int main(int argc, char **argv)
{
	struct world_config cfg = { .ncpus = 1, .seed = { 1 }, .start_ns = NSEC_PER_SEC, .tables = &tables };
	struct nic_config nc = { .mac = (u8[]){ 2, 0, 0, 0, 0, 1 } };
	bool alloc = argc > 1 && !strcmp(argv[1], "alloc");
	struct sk_buff *lot[LOT];
	struct net_device *in, *out;
	struct port *pi, *po;
	struct netns *net;
	struct world *w;
	struct cpu *cpu;
	double t0, spent, best;
	if (world_new(&cfg, &w) || netns_new(w, "r", 0, &net) || mem_port_new(&w->mem, &pi) || mem_port_new(&w->mem, &po))
		return 1;
	cpu = config_cpu(w);
	neigh_table_start(net, &table);
	if (nic_new(cpu, net, "in", pi, &nc, &in) || nic_new(cpu, net, "out", po, &(struct nic_config){ 0 }, &out) ||
	    dev_change_flags(cpu, in, in->flags | IFF_UP, NULL) || dev_change_flags(cpu, out, out->flags | IFF_UP, NULL))
		return 1;
	next_hop = neigh_get(cpu, &table, (u8[]){ 10, 0, 0, 1 }, out);
	neigh_update(cpu, next_hop, (u8[]){ 2, 0, 0, 0, 0, 7 }, NUD_PERMANENT, NEIGH_UPDATE_ADMIN, 0);
	for (unsigned i = 0; i < LOT; i++)
		lot[i] = make(cpu, nc.mac);
	for (int gro = 1; gro >= 0; gro--) {
		dev_set_features(cpu, in, gro ? in->wanted_features | NETIF_F_GRO : in->wanted_features & ~(u64)NETIF_F_GRO);
		best = 1e9;
		for (unsigned run = 0; run < 300; run++) {
			t0 = now_ns();
			for (unsigned round = 0; round < 64; round++) {
				unsigned n;
				mem_port_inject(cpu, pi, 0, lot, LOT);
				cpu_run(cpu, cpu->now);
				n = mem_port_collect(cpu, po, 0, lot, LOT);
				if (n != LOT)
					return 2;
				for (unsigned i = 0; i < n; i++) {
					if (alloc) {
						skb_consume(cpu, lot[i]);
						lot[i] = make(cpu, nc.mac);
					} else {
						memcpy(lot[i]->data, nc.mac, 6);
						lot[i]->data[22] = 64;
					}
				}
			}
			spent = (now_ns() - t0) / (64 * LOT);
			best = MIN(best, spent);
		}
		printf("link: rx, turn, neighbour, %s, tx%s, GRO %s: %.1f ns a packet\n", qdisc_name(out), alloc ? ", alloc and free" : "",
		       gro ? "on" : "off", best);
	}
	return 0;
}
