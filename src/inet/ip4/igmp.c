/* Groups that a device listens to: who joined, the link layer's filter, and the group of all hosts, which is always joined.
 *
 * Membership is counted per device. Reports (RFC 3376) are not sent: only groups that need none are used by the stack itself,
 * and a switch without snooping delivers the others anyway. IGMP queries are taken and answered by nothing.
 */
#include "inet/ip4/ip4_priv.h"

#define ALL_HOSTS BE32(0xe0000001u)

static struct ip4_mc_group *find(const struct in_device *idev, be32 addr)
{
	struct ip4_mc_group *g;
	list_for_each(g, &idev->mc_list, link)
		if (be32_eq(g->addr, addr))
			return g;
	return NULL;
}

bool ip4_mc_member(const struct in_device *idev, be32 group) { return be32_eq(group, ALL_HOSTS) || find(idev, group); }

/* RFC 1112 section 6.4: the low 23 bits. */
static void on_wire(struct in_device *idev, struct ip4_mc_group *g, bool on)
{
	u32 a = be32_to_cpu(g->addr);
	u8 mac[DEV_ADDR_MAX] = { 0x01, 0x00, 0x5e, a >> 16 & 0x7f, a >> 8 & 0xff, a & 0xff };
	if (idev->dev->addr_len != 6 || g->on_wire == on)
		return;
	if (on && dev_mc_add(idev->dev, mac))
		return;
	if (!on)
		dev_mc_del(idev->dev, mac);
	g->on_wire = on;
}

int ip4_mc_join(struct cpu *cpu, struct net_device *dev, be32 group)
{
	struct in_device *idev = in_dev_get(dev);
	struct ip4_mc_group *g;
	if (!idev)
		return -ENODEV;
	if (!v4_is_multicast(group))
		return -EINVAL;
	g = find(idev, group);
	if (g) {
		g->users++;
		return 0;
	}
	g = mem_zalloc(&cpu->world->mem, sizeof(*g));
	if (!g)
		return -ENOMEM;
	g->addr = group;
	g->users = 1;
	g->joined = cpu->now;
	list_add_head(&idev->mc_list, &g->link);
	on_wire(idev, g, dev->flags & IFF_UP);
	return 0;
}

static void group_free(struct cpu *cpu, struct in_device *idev, struct ip4_mc_group *g)
{
	on_wire(idev, g, false);
	list_del(&g->link);
	mem_free(&cpu->world->mem, g);
}

void ip4_mc_leave(struct cpu *cpu, struct net_device *dev, be32 group)
{
	struct in_device *idev = in_dev_get(dev);
	struct ip4_mc_group *g = idev ? find(idev, group) : NULL;
	if (g && !--g->users)
		group_free(cpu, idev, g);
}

void ip4_mc_link_up(struct cpu *cpu, struct in_device *idev)
{
	struct ip4_mc_group *g;
	if (!find(idev, ALL_HOSTS))
		ip4_mc_join(cpu, idev->dev, ALL_HOSTS);
	list_for_each(g, &idev->mc_list, link)
		on_wire(idev, g, true);
}

void ip4_mc_link_down(struct cpu *cpu, struct in_device *idev)
{
	struct ip4_mc_group *g;
	list_for_each(g, &idev->mc_list, link)
		on_wire(idev, g, false);
	ip4_mc_leave(cpu, idev->dev, ALL_HOSTS);
}

void ip4_mc_purge(struct cpu *cpu, struct in_device *idev)
{
	while (!list_empty(&idev->mc_list))
		group_free(cpu, idev, list_first(&idev->mc_list, struct ip4_mc_group, link));
}

static void igmp_rx(struct cpu *cpu, struct netns *net, struct sk_buff *skb)
{
	if (!pskb_may_pull(cpu, skb, 8)) {
		skb_drop_net(cpu, net, skb, SKB_DROP_REASON_PKT_TOO_SMALL);
		return;
	}
	if (csum_fold(skb_checksum(skb, 0, skb->len, 0))) {
		skb_drop_net(cpu, net, skb, SKB_DROP_REASON_SKB_CSUM);
		return;
	}
	trace_point(cpu, net, skb, TP_CONSUMED, 0, 0, "igmp");
	skb_consume(cpu, skb);
}

const struct l4_proto igmp4_proto = { .name = "igmp", .proto = IPPROTO_IGMP, .families = 1, .rx = igmp_rx };
