/* IGMP's part of group membership (inet/mc.h): the group of all hosts, versions, and the messages that routers get. RFC 3376; RFC 2236
 * and 1112 for older versions.
 */
#include <net/if_arp.h>
#include <netinet/in.h>

#include "inet/ip4/igmp.h"

#define ALL_HOSTS BE32(0xe0000001u)
#define ALL_ROUTERS BE32(0xe0000002u)
#define V3_ROUTERS BE32(0xe0000016u)
#define REPORT_MAX 1500 /* of one report's packet, where the device would take more */

static struct in_device *idev_of(const struct mc_dev *md) { return container_of((struct mc_dev *)md, struct in_device, mc); }

unsigned igmp_version(const struct cpu *cpu, const struct in_device *idev)
{
	s32 forced = idev->conf[IP4_CONF_FORCE_IGMP_VERSION], all = idev->dev->net->ip4->conf_all[IP4_CONF_FORCE_IGMP_VERSION];
	if (forced == 1 || all == 1)
		return 1;
	if (forced == 2 || all == 2)
		return 2;
	if (forced == 3)
		return 3;
	if (idev->mc.older_until[0] > cpu->now)
		return 1;
	return idev->mc.older_until[1] > cpu->now ? 2 : 3;
}

static unsigned version(const struct cpu *cpu, const struct mc_dev *md, bool *newest)
{
	unsigned v = igmp_version(cpu, idev_of(md));
	*newest = v == 3;
	return v;
}

bool igmp_reported(const struct in_device *idev, be32 group)
{
	if (be32_eq(group, ALL_HOSTS))
		return false;
	return (be32_to_cpu(group) & 0xffffff00) != 0xe0000000 || idev->dev->net->ip4->igmp_link_local_reports;
}
static bool reported(const struct mc_dev *md, const struct inaddr *group) { return igmp_reported(idev_of(md), inaddr_v4(group)); }

/* RFC 1112 section 6.4: the low 23 bits. */
static bool map(const struct mc_dev *md, const struct inaddr *group, u8 *mac)
{
	u32 a = be32_to_cpu(inaddr_v4(group));
	if (md->dev->type != ARPHRD_ETHER)
		return false;
	memcpy(mac, (const u8[]){ 0x01, 0x00, 0x5e, a >> 16 & 0x7f, a >> 8 & 0xff, a & 0xff }, 6);
	return true;
}

static u8 robustness(const struct mc_dev *md) { return (u8)CLAMP(md->dev->net->ip4->igmp_qrv, 1, 255); }

static u64 unsolicited_ns(const struct cpu *cpu, const struct mc_dev *md)
{
	s32 ms = ip4_conf_get(md->dev, igmp_version(cpu, idev_of(md)) == 3 ? IP4_CONF_IGMPV3_UNSOLICITED : IP4_CONF_IGMPV2_UNSOLICITED);
	return (u64)MAX(ms, 1) * NSEC_PER_MSEC;
}

/* -- packets -- */

static struct sk_buff *packet_new(struct cpu *cpu, u32 len)
{
	struct sk_buff *skb = skb_alloc(cpu, SKB_HEADROOM + 32, len);
	if (skb)
		memset(skb_put(skb, len), 0, len);
	return skb;
}

/* skb holds an IGMP message without its checksum. Consumes. */
static void igmp_send(struct cpu *cpu, struct in_device *idev, struct sk_buff *skb, be32 to)
{
	static const struct ip4_opts alert = { .len = 4, .router_alert = 20, .data = { 0x94, 4 } };
	struct netns *net = idev->dev->net;
	struct dst *d = ip4_dev_dst(cpu, idev, RTN_MULTICAST);
	struct ip_out o = { .daddr = inaddr_from_v4(to), .proto = IPPROTO_IGMP, .tos = 0xc0, .ttl = 1, .pmtudisc = IP_PMTUDISC_DO,
			    .opts = &alert, .mc_noloop = true };
	if (!d || !(idev->dev->flags & IFF_UP)) {
		skb_drop_net(cpu, net, skb, SKB_DROP_REASON_DEV_DOWN);
		return;
	}
	((struct igmp_hdr *)skb->data)->check = csum_fold(csum_partial(skb->data, skb_headlen(skb), 0));
	o.saddr = d->prefsrc;
	skb->dev = idev->dev;
	dst_hold(d);
	skb_dst_set(skb, d);
	ip4_xmit(cpu, net, skb, &o);
}

static void send_old(struct cpu *cpu, struct mc_dev *md, const struct inaddr *addr, bool leave)
{
	unsigned v = igmp_version(cpu, idev_of(md));
	u8 type = leave ? IGMP_LEAVE : v == 1 ? IGMP_REPORT_V1 : IGMP_REPORT_V2;
	be32 group = inaddr_v4(addr);
	struct sk_buff *skb;
	struct igmp_hdr *h;
	if (leave && v == 1) /* which knows of no leaving */
		return;
	skb = packet_new(cpu, sizeof(struct igmp_hdr));
	if (!skb)
		return;
	h = (struct igmp_hdr *)skb->data;
	h->type = type;
	h->group = group;
	igmp_send(cpu, idev_of(md), skb, type == IGMP_LEAVE ? ALL_ROUTERS : group);
}

static u32 room(const struct mc_dev *md)
{
	return MIN(MAX(md->dev->mtu, 100u), (u32)REPORT_MAX) - IP4_HDR_LEN - 4 - (u32)sizeof(struct igmp_report3);
}

static void send_report(struct cpu *cpu, struct mc_dev *md, const u8 *records, u32 len, u16 n)
{
	struct sk_buff *skb = packet_new(cpu, (u32)sizeof(struct igmp_report3) + len);
	struct igmp_report3 *h;
	if (!skb)
		return;
	h = (struct igmp_report3 *)skb->data;
	*h = (struct igmp_report3){ .type = IGMP_REPORT_V3, .ngrec = cpu_to_be16(n) };
	memcpy(h + 1, records, len);
	igmp_send(cpu, idev_of(md), skb, V3_ROUTERS);
}

static const struct mc_family igmp_family = { .addr_len = 4, .version = version, .reported = reported, .map = map, .robustness = robustness,
					      .unsolicited_ns = unsolicited_ns, .send_old = send_old, .room = room, .send = send_report };

/* -- membership -- */

bool ip4_mc_member(const struct in_device *idev, be32 group)
{
	struct inaddr g = inaddr_from_v4(group);
	return be32_eq(group, ALL_HOSTS) || mc_find(&idev->mc, &g);
}

bool ip4_mc_wants(const struct in_device *idev, be32 group, be32 source, u8 proto)
{
	struct inaddr g = inaddr_from_v4(group), s = inaddr_from_v4(source);
	return be32_eq(group, ALL_HOSTS) || mc_wants(&idev->mc, &g, proto == IPPROTO_IGMP ? NULL : &s);
}

struct mc_dev *ip4_mc_dev(const struct net_device *dev)
{
	struct in_device *idev = in_dev_get(dev);
	return idev ? &idev->mc : NULL;
}

int ip4_mc_join(struct cpu *cpu, struct net_device *dev, be32 group)
{
	struct inaddr g = inaddr_from_v4(group);
	struct mc_dev *md = ip4_mc_dev(dev);
	if (!md)
		return -ENODEV;
	return v4_is_multicast(group) ? mc_join(cpu, md, &g, MCAST_EXCLUDE) : -EINVAL;
}

void ip4_mc_leave(struct cpu *cpu, struct net_device *dev, be32 group)
{
	struct inaddr g = inaddr_from_v4(group);
	struct mc_dev *md = ip4_mc_dev(dev);
	if (md)
		mc_leave(cpu, md, &g, &(struct mc_filter){ .mode = MCAST_EXCLUDE });
}

void ip4_mc_link_up(struct cpu *cpu, struct in_device *idev)
{
	struct inaddr all = inaddr_from_v4(ALL_HOSTS);
	if (!mc_find(&idev->mc, &all))
		ip4_mc_join(cpu, idev->dev, ALL_HOSTS);
	mc_link_up(cpu, &idev->mc);
}

void ip4_mc_link_down(struct cpu *cpu, struct in_device *idev)
{
	ip4_mc_leave(cpu, idev->dev, ALL_HOSTS);
	mc_link_down(cpu, &idev->mc);
}

void ip4_mc_init(struct in_device *idev) { mc_init(&idev->mc, idev->dev, &igmp_family); }
void ip4_mc_purge(struct cpu *cpu, struct in_device *idev) { mc_purge(&idev->mc); }
