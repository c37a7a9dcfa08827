/* Fuzz: IPv4 and ARP packets from hostile peers at a router with a host on either side: validation, options, reassembly, forwarding,
 * fragmentation, ICMP, redirects, path MTU, address learning, time passing in between. All memory must come back at the end.
 *
 * The input is a sequence of: flags (1 byte: 1 from the right side; 2 ARP; 4 length, version and checksum are made right; 8 addressed
 * to the router; 16 as a link-layer broadcast; 32 a second passes; 64 addresses and ICMP checksum are made plausible), length (2
 * bytes), bytes of the packet.
 */
#include "codec/wire/eth.h"
#include "core/stack_tables.h"
#include "core/sysctl.h"
#include "inet/ip4/ip4_priv.h"
#include "inet/ip4/ip4_tables.h"
#include "inet/route/fib.h"
#include "link/netns_neigh.h"
#include "link/qdisc.h"
#include "link/type/veth.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct subsys *const subsys[] = { &dev_subsys, &neigh_subsys, &inet_subsys, &fib_subsys, &ip4_subsys, &loopback_subsys, NULL };
static const struct event_sub *const subs[] = { &ip4_event_sub, &neigh_event_sub, NULL };
static const struct l3_proto *const l3[] = { &ip4_l3_proto, &arp_l3_proto, NULL };
static const struct l4_proto *const l4[] = { &icmp4_proto, &igmp4_proto, NULL };
static const struct stack_tables tables = {
	.subsys = subsys, .event_subs = subs, .sysctls = ip4_sysctls, .proc_files = ip4_proc_files, .link_kinds = link_kinds_builtin,
	.qdiscs = qdiscs_builtin, .l3_protos = l3, .l4_protos = l4, .backlog_rx = link_backlog_rx, .dev_netns = link_dev_netns,
	.dev_walk = link_dev_walk, .dst_hold = dst_hold, .dst_put = dst_put,
};

static void address(struct cpu *cpu, struct net_device *dev, u32 addr)
{
	struct in_ifaddr_config c = { .local = cpu_to_be32(addr), .address = cpu_to_be32(addr), .prefix_len = 24 };
	dev_change_flags(cpu, dev, dev->flags | IFF_UP, NULL);
	ip4_addr_add(cpu, dev, &c, NULL);
}
static void default_route(struct cpu *cpu, struct netns *net, u32 via)
{
	struct fib_config c = { .family = AF_INET, .type = RTN_UNICAST, .table = RT_TABLE_MAIN, .nl_flags = NLM_F_CREATE,
				.dst = inaddr_from_v4((be32){ 0 }), .has_gw = true, .gw_family = AF_INET,
				.gateway = inaddr_from_v4(cpu_to_be32(via)) };
	fib_route_add(cpu, net, &c);
}

static void repair(u8 *p, u32 len, u8 flags)
{
	struct ip4_hdr *ip = (struct ip4_hdr *)p;
	u32 hlen;
	if (len < IP4_HDR_LEN)
		return;
	if (flags & 4) {
		if (ip4_hlen(ip) < IP4_HDR_LEN || ip4_hlen(ip) > len)
			ip->ver_ihl = 0x45;
		ip->ver_ihl = (u8)(0x40 | (ip->ver_ihl & 15));
		ip->tot_len = cpu_to_be16((u16)len);
	}
	if (flags & 64) {
		ip->saddr = cpu_to_be32(0x0a000100 | (flags & 1) << 8 | (be32_to_cpu(ip->saddr) & 7));
		ip->daddr = cpu_to_be32(0x0a000100 | (~flags & 1) << 8 | (be32_to_cpu(ip->daddr) & 7));
	}
	if (flags & 8)
		ip->daddr = BE32(0x0a000101);
	hlen = ip4_hlen(ip);
	if (flags & 64 && ip->protocol == IPPROTO_ICMP && hlen >= IP4_HDR_LEN && len >= hlen + ICMP4_HDR_LEN) {
		struct icmp4_hdr *h = (struct icmp4_hdr *)(p + hlen);
		h->check = 0;
		h->check = csum_fold(csum_partial(h, len - hlen, 0));
	}
	if (flags & 4)
		ip4_set_csum(ip);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct world_config cfg = { .ncpus = 1, .seed = { 1 }, .start_ns = NSEC_PER_SEC, .tables = &tables };
	struct netns *left, *router, *right;
	struct net_device *l0, *r0, *r1, *h1;
	struct world *w;
	struct cpu *cpu;

	if (world_new(&cfg, &w))
		return 0;
	cpu = config_cpu(w);
	netns_new(w, "left", 0, &left);
	netns_new(w, "router", 0, &router);
	netns_new(w, "right", 0, &right);
	veth_pair_new(cpu, left, "l0", router, "r0", &l0, &r0);
	veth_pair_new(cpu, router, "r1", right, "h1", &r1, &h1);
	address(cpu, l0, 0x0a000102), address(cpu, r0, 0x0a000101), address(cpu, r1, 0x0a000201), address(cpu, h1, 0x0a000202);
	default_route(cpu, left, 0x0a000101);
	default_route(cpu, right, 0x0a000201);
	dev_set_mtu(cpu, r1, 600, NULL);
	sysctl_write(router, "ipv4/ip_forward", "1", 1);
	sysctl_write(router, "ipv4/conf/all/accept_source_route", "1", 1);
	sysctl_write(router, "ipv4/conf/all/proxy_arp", "1", 1);
	sysctl_write(router, "ipv4/conf/all/arp_accept", "1", 1);
	sysctl_write(right, "ipv4/icmp_echo_ignore_broadcasts", "0", 1);

	while (size >= 3) {
		u8 flags = data[0];
		u32 len = MIN((u32)(data[1] | data[2] << 8) % 3000, (u32)(size - 3));
		struct net_device *dev = flags & 1 ? r1 : r0;
		struct sk_buff *skb = skb_alloc(cpu, SKB_HEADROOM, len + ETH_HDR_LEN);
		if (!skb)
			break;
		skb_reserve(skb, ETH_HDR_LEN);
		memcpy(skb_put(skb, len), data + 3, len);
		data += 3 + len;
		size -= 3 + len;
		if (!(flags & 2))
			repair(skb->data, len, flags);
		eth_build((struct eth_hdr *)skb_push(skb, ETH_HDR_LEN), flags & 16 ? dev->broadcast : dev->dev_addr, l0->dev_addr,
			  flags & 2 ? ETH_P_ARP : ETH_P_IP);
		skb->dev = dev;
		if (!eth_type_trans(skb, dev)) {
			skb_drop(cpu, skb, SKB_DROP_REASON_PKT_TOO_SMALL);
			continue;
		}
		skb->skb_iif = dev->ifindex;
		netif_receive(cpu, &skb, 1);
		world_run_until(w, cpu->now + (flags & 32 ? NSEC_PER_SEC : 1000));
	}
	world_run_until(w, cpu->now + 40 * NSEC_PER_SEC);
	assert(!router->inet->frag_mem_bytes && !right->inet->frag_mem_bytes);
	netns_free(left);
	netns_free(router);
	netns_free(right);
	world_run(w, cpu->now);
	world_free(w);
	return 0;
}
