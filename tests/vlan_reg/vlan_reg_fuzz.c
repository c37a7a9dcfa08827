/* Fuzz: GVRP's and MVRP's frames as a hostile station sends them, to a device whose VLANs are declared. The input: a sequence of
 * length (1 byte), kind (1 byte: of protocol, and whether its head is made right), bytes.
 */
#include <linux/if_link.h>
#include <linux/if_vlan.h>
#include <stdlib.h>

#include "codec/netlink/nl_attr.h"
#include "codec/wire/eth.h"
#include "core/cpu.h"
#include "core/stack_tables.h"
#include "link/l3_proto.h"
#include "link/netns_dev.h"
#include "link/qdisc.h"
#include "link/type/veth.h"
#include "link/vlan.h"
#include "link/vlan_reg.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct l3_proto *const protos[] = { &garp_l3_proto, &mrp_l3_proto, NULL };
static const struct event_sub *const subs[] = { &vlan_reg_event_sub, NULL };
static const struct subsys *const subsys[] = { &dev_subsys, &loopback_subsys, NULL };
static const struct stack_tables tables = { .subsys = subsys, .event_subs = subs, .link_kinds = link_kinds_builtin, .qdiscs = qdiscs_builtin,
					    .l3_protos = protos, .backlog_rx = link_backlog_rx, .dev_netns = link_dev_netns };

static void vlan(struct cpu *cpu, struct net_device *real, u16 vid)
{
	const struct link_kind *kind = link_kind_find(cpu->world, "vlan");
	struct ifla_vlan_flags f = { VLAN_FLAG_GVRP | VLAN_FLAG_MVRP, VLAN_FLAG_GVRP | VLAN_FLAG_MVRP };
	u32 link[2] = { 8 | IFLA_LINK << 16, (u32)real->ifindex };
	struct nl_attrs attrs = { .max = IFLA_MAX }, tb;
	struct net_device *dev = dev_new(real->net, kind, "v%d", 0, 0);
	struct nl_buf b;
	if (!dev)
		abort();
	attrs.a[IFLA_LINK] = (const struct nlattr *)link;
	nl_buf_init(&b, cpu_mem(cpu), 0);
	nl_begin(&b, 0, 0, 0, 0, 4);
	nl_put_u16(&b, IFLA_VLAN_ID, vid);
	nl_put(&b, IFLA_VLAN_FLAGS, &f, sizeof(f));
	if (nl_end(&b) || nl_parse(b.data + NLMSG_HDRLEN + 4, b.len - NLMSG_HDRLEN - 4, &tb, kind->policy_max, kind->policy, false, NULL) ||
	    kind->newlink(cpu, real->net, dev, &attrs, &tb, NULL))
		abort();
	nl_buf_fini(&b);
	dev_change_flags(cpu, dev, dev->flags | IFF_UP, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const u8 to[] = { 0x01, 0x80, 0xc2, 0, 0, 0x21 }, from[] = { 2, 0, 0, 0, 0, 2 }, garp[] = { 0x42, 0x42, 3, 0, 1, 1 }, mrp[] = { 0, 1, 2 };
	struct world_config cfg = { .ncpus = 1, .seed = { 1 }, .start_ns = NSEC_PER_SEC, .tables = &tables };
	struct net_device *a, *b;
	struct netns *na, *nb;
	struct world *w;
	struct cpu *cpu;
	if (world_new(&cfg, &w))
		return 0;
	cpu = config_cpu(w);
	if (netns_new(w, "a", 0, &na) || netns_new(w, "b", 0, &nb) || veth_pair_new(cpu, na, "a", nb, "b", &a, &b))
		abort();
	dev_change_flags(cpu, a, a->flags | IFF_UP, NULL);
	dev_change_flags(cpu, b, b->flags | IFF_UP, NULL);
	for (u16 vid = 1; vid < 9; vid++)
		vlan(cpu, a, vid);
	while (size > 2) {
		u8 kind = data[1];
		u32 len = MIN((u32)data[0], (u32)size - 2), head = kind & 2 ? 0 : kind & 1 ? sizeof(mrp) : sizeof(garp);
		struct sk_buff *skb = skb_alloc(cpu, SKB_HEADROOM, ETH_HDR_LEN + head + len);
		if (!skb)
			abort();
		eth_build((struct eth_hdr *)skb_put(skb, ETH_HDR_LEN), to, from, kind & 1 ? 0x88f5 : (u16)(kind & 4 ? data[0] : head + len));
		if (head)
			memcpy(skb_put(skb, head), kind & 1 ? mrp : garp, head);
		memcpy(skb_put(skb, len), data + 2, len);
		skb_reset_network_header(skb);
		skb->dev = b;
		dev_queue_xmit(cpu, skb);
		world_run_until(w, cpu->now + (u64)(kind >> 4) * 10 * NSEC_PER_MSEC);
		data += 2 + len;
		size -= 2 + len;
	}
	world_run_until(w, cpu->now + 2 * NSEC_PER_SEC);
	netns_free(na);
	netns_free(nb);
	world_run(w, cpu->now);
	world_free(w);
	return 0;
}
