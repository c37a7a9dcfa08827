/* Fuzz: frames as a hostile station would send them through a bridge that does all it can: VLAN filtering, spanning tree, snooping with
 * sources, proxies. The input is a sequence of: what to do (1 byte), length (1 byte), bytes of the frame behind its addresses.
 */
#include <stdlib.h>

#include "codec/wire/igmphdr.h"
#include "codec/wire/ip4hdr.h"
#include "codec/wire/ip6hdr.h"
#include "core/stack_tables.h"
#include "link/bridge/br_mcast.h"
#include "link/l3_proto.h"
#include "link/netns_dev.h"
#include "link/qdisc.h"
#include "link/type/veth.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void take(struct cpu *cpu, struct netns *net, struct sk_buff **skbs, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		skb_consume(cpu, skbs[i]);
}
static const struct l3_proto ip = { .ethertype = ETH_P_IP, .rx = take }, ip6 = { .ethertype = ETH_P_IPV6, .rx = take };
static const struct l3_proto *const protos[] = { &ip, &ip6, NULL };
static const struct subsys *const subsys[] = { &dev_subsys, &loopback_subsys, NULL };
static const struct stack_tables tables = { .subsys = subsys, .link_kinds = link_kinds_builtin, .qdiscs = qdiscs_builtin, .l3_protos = protos,
					    .backlog_rx = link_backlog_rx, .dev_netns = link_dev_netns };

static const struct { u8 dst[6]; u16 type; } kinds[] = {
	{ { 1, 0x80, 0xc2, 0, 0, 0 }, 38 }, { { 1, 0, 0x5e, 1, 1, 1 }, ETH_P_IP }, { { 0x33, 0x33, 0, 0, 0, 1 }, ETH_P_IPV6 },
	{ { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff }, ETH_P_ARP }, { { 2, 0, 0, 0, 0, 9 }, ETH_P_8021Q }, { { 1, 0x80, 0xc2, 0, 0, 0x0e }, 0x88cc },
	{ { 1, 0, 0x5e, 0, 0, 1 }, ETH_P_IP }, { { 0x33, 0x33, 0, 0, 0, 2 }, ETH_P_IPV6 },
};

/* Headers that are right, so that what is behind them is looked at. */
static void fix(u8 *p, size_t len, u16 type)
{
	if (type == ETH_P_IP && len >= 32) {
		struct ip4_hdr *h = (struct ip4_hdr *)p;
		h->ver_ihl = 0x46;
		h->tot_len = cpu_to_be16((u16)len);
		h->protocol = IPPROTO_IGMP;
		ip4_set_csum(h);
		memset(p + 26, 0, 2);
		memcpy(p + 26, &(u16){ csum_fold(csum_partial(p + 24, len - 24, 0)) }, 2);
	} else if (type == ETH_P_IPV6 && len >= 72) {
		struct ip6_hdr *h = (struct ip6_hdr *)p;
		h->vtf = ip6_vtf(0, (be32){ 0 });
		h->payload_len = cpu_to_be16((u16)(len - 40));
		h->nexthdr = 0;
		p[40] = IPPROTO_ICMPV6;
		p[41] = 0;
		h->saddr[0] = 0xfe;
		h->saddr[1] = 0x80;
		memset(p + 50, 0, 2);
		memcpy(p + 50, &(u16){ csum_fold(csum_partial(p + 48, len - 48, csum_pseudo6(h->saddr, h->daddr, (u32)len - 48, IPPROTO_ICMPV6))) }, 2);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct nl_attrs none = { .max = IFLA_MAX };
	struct world_config cfg = { .ncpus = 1, .seed = { 1 }, .start_ns = NSEC_PER_SEC, .tables = &tables };
	struct net_device *dev, *host[3], *port[3];
	struct netns *net, *out;
	struct bridge *br;
	struct world *w;
	if (world_new(&cfg, &w))
		return 0;
	struct cpu *cpu = config_cpu(w);
	if (netns_new(w, "net", 0, &net) || netns_new(w, "out", 0, &out) || !(dev = dev_new(net, &link_kind_bridge, "br0", 0, 0)) ||
	    link_kind_bridge.newlink(cpu, net, dev, &none, NULL, NULL))
		abort();
	br = br_of(dev);
	br->mcast->igmp_version = 3;
	br->mcast->mld_version = 2;
	br->mcast->hash_max = 64;
	br->fdb_max_learned = 64;
	br->vlan_stats = br->mcast->stats_enabled = true;
	br_mcast_set_querier(cpu, br, true);
	if (size && data[0] & 1)
		br_vlan_set_filtering(cpu, br, true);
	if (size && data[0] & 2)
		br_stp_set_enabled(cpu, br, true);
	dev_change_flags(cpu, dev, dev->flags | IFF_UP, NULL);
	for (unsigned i = 0; i < 3; i++) {
		if (veth_pair_new(cpu, out, "h%d", net, "p%d", &host[i], &port[i]))
			abort();
		dev_change_flags(cpu, host[i], host[i]->flags | IFF_UP, NULL);
		dev_change_flags(cpu, port[i], port[i]->flags | IFF_UP, NULL);
		if (dev_set_master(cpu, port[i], dev, NULL))
			abort();
	}
	if (size && data[0] & 4)
		br_port_set_flag(br_port_of(port[0]), BRP_MCAST_TO_UNICAST | BRP_PROXYARP | BRP_NEIGH_SUPPRESS, true);
	world_run_until(w, cpu->now + 35 * NSEC_PER_SEC);
	for (data++, size -= size > 0; size > 2;) {
		u8 what = data[0];
		size_t len = MIN((size_t)data[1], size - 2);
		struct sk_buff *skb = skb_alloc(cpu, SKB_HEADROOM, ETH_HDR_LEN + 256);
		struct net_device *from = host[what >> 3 & 1];
		u8 *p;
		if (!skb)
			abort();
		p = skb_put(skb, (u32)(ETH_HDR_LEN + len));
		eth_build((struct eth_hdr *)p, kinds[what & 7].dst, from->dev_addr, kinds[what & 7].type);
		if (what & 0x80)
			p[11] = (u8)size;
		memcpy(p + ETH_HDR_LEN, data + 2, len);
		if (!(what & 0x40))
			fix(p + ETH_HDR_LEN, len, kinds[what & 7].type);
		skb->dev = from;
		skb->protocol = cpu_to_be16(kinds[what & 7].type);
		dev_queue_xmit(cpu, skb);
		world_run_until(w, cpu->now + (what & 0x20 ? 3 * NSEC_PER_SEC : NSEC_PER_MSEC));
		data += 2 + len;
		size -= 2 + len;
	}
	world_run_until(w, cpu->now + 300 * NSEC_PER_SEC);
	netns_free(net);
	netns_free(out);
	world_run(w, cpu->now);
	world_free(w);
	return 0;
}
