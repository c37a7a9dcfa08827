/* RTM_NEWLINK as Linux 6.18 writes it: the same attributes in the same order, so that `ip -d`, `ip -j` and whoever parses by
 * position see what they know. One function serves answers, dumps and notifications.
 *
 * IFLA_LINK is there when the device leans on another one: the peer of a veth, the lower device of a VLAN. When that one lives
 * in another namespace, IFLA_LINK_NETNSID says where; the id is given out at this moment if there was none.
 */
#include <linux/if_link.h>
#include <linux/ip.h>

#include "control/nsid.h"
#include "control/route/rt.h"
#include "inet/ip4/ip4.h"
#include "link/netns_dev.h"
#include "link/qdisc.h"

static struct rtnl_link_stats64 stats64(const struct net_device *dev)
{
	struct dev_stats s;

	dev_get_stats(dev, &s);
	return (struct rtnl_link_stats64){
		.rx_packets = s.rx_packets, .tx_packets = s.tx_packets, .rx_bytes = s.rx_bytes, .tx_bytes = s.tx_bytes,
		.rx_errors = s.rx_errors, .tx_errors = s.tx_errors, .rx_dropped = s.rx_dropped, .tx_dropped = s.tx_dropped,
		.multicast = s.multicast, .collisions = s.collisions, .rx_length_errors = s.rx_length_errors,
		.rx_over_errors = s.rx_over_errors, .rx_crc_errors = s.rx_crc_errors, .rx_frame_errors = s.rx_frame_errors,
		.rx_fifo_errors = s.rx_fifo_errors, .rx_missed_errors = s.rx_missed_errors,
		.tx_aborted_errors = s.tx_aborted_errors, .tx_carrier_errors = s.tx_carrier_errors,
		.tx_fifo_errors = s.tx_fifo_errors, .rx_nohandler = s.rx_nohandler,
	};
}

void rt_put_stats64(struct nl_buf *b, u16 type, const struct net_device *dev)
{
	struct rtnl_link_stats64 s = stats64(dev);

	nl_put(b, type, &s, sizeof(s));
}

static void put_stats(struct nl_buf *b, struct net_device *dev)
{
	struct rtnl_link_stats64 big = stats64(dev);
	struct rtnl_link_stats small;
	u32 *to = (u32 *)&small;
	const u64 *from = (const u64 *)&big;

	/* The old form has the same counters in the same order, cut to 32 bits. */
	for (size_t i = 0; i < sizeof(small) / sizeof(u32); i++)
		to[i] = (u32)from[i];
	nl_put(b, IFLA_STATS64, &big, sizeof(big));
	nl_put(b, IFLA_STATS, &small, sizeof(small));
}

/* IFLA_INET_CONF: IPV4_DEVCONF_1..33, in uapi/linux/ip.h's order. */
void rt_put_devconf(struct nl_buf *b, u16 type, const struct in_device *idev)
{
	static const u8 map[] = {
		IP4_CONF_FORWARDING, IP4_CONF_MC_FORWARDING, IP4_CONF_PROXY_ARP, IP4_CONF_ACCEPT_REDIRECTS,
		IP4_CONF_SECURE_REDIRECTS, IP4_CONF_SEND_REDIRECTS, IP4_CONF_SHARED_MEDIA, IP4_CONF_RP_FILTER,
		IP4_CONF_ACCEPT_SOURCE_ROUTE, IP4_CONF_BOOTP_RELAY, IP4_CONF_LOG_MARTIANS, IP4_CONF_TAG, IP4_CONF_ARP_FILTER,
		IP4_CONF_MEDIUM_ID, IP4_CONF_NOXFRM, IP4_CONF_NOPOLICY, IP4_CONF_FORCE_IGMP_VERSION, IP4_CONF_ARP_ANNOUNCE,
		IP4_CONF_ARP_IGNORE, IP4_CONF_PROMOTE_SECONDARIES, IP4_CONF_ARP_ACCEPT, IP4_CONF_ARP_NOTIFY,
		IP4_CONF_ACCEPT_LOCAL, IP4_CONF_SRC_VALID_MARK, IP4_CONF_PROXY_ARP_PVLAN, IP4_CONF_ROUTE_LOCALNET,
		IP4_CONF_IGMPV2_UNSOLICITED, IP4_CONF_IGMPV3_UNSOLICITED, IP4_CONF_IGNORE_ROUTES_WITH_LINKDOWN,
		IP4_CONF_DROP_UNICAST_IN_L2_MULTICAST, IP4_CONF_DROP_GRATUITOUS_ARP, IP4_CONF_BC_FORWARDING,
		IP4_CONF_ARP_EVICT_NOCARRIER,
	};
	s32 v[ARRAY_SIZE(map)];

	for (size_t i = 0; i < ARRAY_SIZE(map); i++)
		v[i] = idev->conf[map[i]];
	nl_put(b, type, v, sizeof(v));
}

static void put_af_spec(struct nl_buf *b, struct net_device *dev, bool with_stats)
{
	size_t spec = nl_nest(b, IFLA_AF_SPEC), af;

	if (dev->ip_ptr) {
		af = nl_nest(b, AF_INET);
		rt_put_devconf(b, IFLA_INET_CONF, dev->ip_ptr);
		nl_nest_end(b, af);
	}
	if (dev->ip6_ptr) {
		af = nl_nest(b, AF_INET6);
		rt_put_inet6(b, dev->ip6_ptr, with_stats);
		nl_nest_end(b, af);
	}
	nl_nest_end(b, spec);
}

static void put_linkinfo(struct nl_buf *b, struct net_device *dev)
{
	size_t info, data, before;

	if (!dev->kind && !(dev->master && dev->master->kind))
		return;
	info = nl_nest(b, IFLA_LINKINFO);
	if (dev->kind) {
		nl_put_str(b, IFLA_INFO_KIND, dev->kind->name);
		if (dev->kind->fill_info) {
			data = nl_nest(b, IFLA_INFO_DATA);
			before = b->len;
			if (dev->kind->fill_info(dev, b) || b->len == before)
				nl_nest_cancel(b, data);
			else
				nl_nest_end(b, data);
		}
	}
	if (dev->master && dev->master->kind)
		nl_put_str(b, IFLA_INFO_SLAVE_KIND, dev->master->kind->name);
	if (dev->master && dev->master->kind && dev->master->kind->fill_slave_info) {
		data = nl_nest(b, IFLA_INFO_SLAVE_DATA);
		dev->master->kind->fill_slave_info(dev->master, dev, b);
		nl_nest_end(b, data);
	}
	nl_nest_end(b, info);
}

static void put_link(struct cpu *cpu, struct nl_buf *b, struct net_device *dev, struct netns *view)
{
	struct netns *lower = dev_link_netns(dev);
	s32 iflink = dev_iflink(dev);
	bool elsewhere = lower && lower != view;

	if (elsewhere)
		nl_put_u32(b, IFLA_LINK_NETNSID, (u32)nsid_get(cpu, view, lower));
	if (elsewhere || iflink != dev->ifindex)
		nl_put_u32(b, IFLA_LINK, (u32)iflink);
}

static void put_altnames(struct nl_buf *b, struct net_device *dev)
{
	struct dev_altname *n;
	size_t nest;

	if (list_empty(&dev->altnames))
		return;
	nest = nl_nest(b, IFLA_PROP_LIST | NLA_F_NESTED);
	list_for_each (n, &dev->altnames, link)
		nl_put_str(b, IFLA_ALT_IFNAME, n->name);
	nl_nest_end(b, nest);
}

static bool any_set(const u8 *p, size_t n)
{
	while (n--) {
		if (*p++)
			return true;
	}
	return false;
}

int rt_link_fill(struct cpu *cpu, struct nl_buf *b, struct net_device *dev, const struct rt_link_fill *f)
{
	struct netns *view = f->net ? f->net : dev->net;
	struct ifinfomsg *h = nl_begin(b, f->type, f->flags, f->seq, f->portid, sizeof(*h));
	static const u8 no_map[sizeof(struct rtnl_link_ifmap)];
	size_t nest;

	if (!h)
		return nl_end(b);
	h->ifi_family = AF_UNSPEC;
	h->ifi_type = dev->type;
	h->ifi_index = dev->ifindex;
	h->ifi_flags = dev_get_flags(dev);
	h->ifi_change = f->change;
	if (f->tgt_nsid >= 0)
		nl_put_u32(b, IFLA_TARGET_NETNSID, (u32)f->tgt_nsid);
	nl_put_str(b, IFLA_IFNAME, dev->name);
	nl_put_u32(b, IFLA_TXQLEN, dev->tx_queue_len);
	nl_put_u8(b, IFLA_OPERSTATE, dev_running(dev) ? dev->operstate : (u8)IF_OPER_DOWN);
	nl_put_u8(b, IFLA_LINKMODE, dev->link_mode);
	nl_put_u8(b, RT_IFLA_NETNS_IMMUTABLE, (dev->features & NETIF_F_NETNS_LOCAL) != 0);
	nl_put_u32(b, IFLA_MTU, dev->mtu);
	nl_put_u32(b, IFLA_MIN_MTU, dev->min_mtu);
	nl_put_u32(b, IFLA_MAX_MTU, dev->max_mtu);
	nl_put_u32(b, IFLA_GROUP, dev->group);
	nl_put_u32(b, IFLA_PROMISCUITY, dev->promiscuity);
	nl_put_u32(b, IFLA_ALLMULTI, dev->allmulti);
	nl_put_u32(b, IFLA_NUM_TX_QUEUES, dev->num_tx_queues);
	nl_put_u32(b, IFLA_GSO_MAX_SEGS, dev->gso_max_segs);
	nl_put_u32(b, IFLA_GSO_MAX_SIZE, dev->gso_max_size);
	nl_put_u32(b, IFLA_GRO_MAX_SIZE, dev->gro_max_size);
	nl_put_u32(b, RT_IFLA_GSO_IPV4_MAX_SIZE, dev->gso_max_size);
	nl_put_u32(b, RT_IFLA_GRO_IPV4_MAX_SIZE, dev->gro_max_size);
	nl_put_u32(b, IFLA_TSO_MAX_SIZE, dev->tso_max_size);
	nl_put_u32(b, IFLA_TSO_MAX_SEGS, dev->tso_max_segs);
	nl_put_u32(b, RT_IFLA_MAX_PACING_OFFLOAD_HORIZON, 0);
	nl_put_u32(b, IFLA_NUM_RX_QUEUES, dev->num_rx_queues);
	if (dev->master)
		nl_put_u32(b, IFLA_MASTER, (u32)dev->master->ifindex);
	nl_put_u8(b, IFLA_CARRIER, dev->carrier);
	if (dev->alias)
		nl_put_str(b, IFLA_IFALIAS, dev->alias);
	nl_put_u32(b, IFLA_CARRIER_CHANGES, dev->carrier_up_count + dev->carrier_down_count);
	nl_put_u32(b, IFLA_CARRIER_UP_COUNT, dev->carrier_up_count);
	nl_put_u32(b, IFLA_CARRIER_DOWN_COUNT, dev->carrier_down_count);
	nl_put_u16(b, RT_IFLA_HEADROOM, dev->needed_headroom);
	nl_put_u16(b, RT_IFLA_TAILROOM, dev->needed_tailroom);
	nl_put_u8(b, IFLA_PROTO_DOWN, dev->proto_down);
	if (dev->proto_down_reason) {
		nest = nl_nest(b, IFLA_PROTO_DOWN_REASON);
		nl_put_u32(b, IFLA_PROTO_DOWN_REASON_VALUE, dev->proto_down_reason);
		nl_nest_end(b, nest);
	}
	if (dev->addr_len) {
		nl_put(b, IFLA_ADDRESS, dev->dev_addr, dev->addr_len);
		nl_put(b, IFLA_BROADCAST, dev->broadcast, dev->addr_len);
	}
	put_stats(b, dev); /* RTEXT_FILTER_SKIP_STATS means those of address families, IPv6's */
	nest = nl_nest(b, IFLA_XDP);
	nl_put_u8(b, IFLA_XDP_ATTACHED, XDP_ATTACHED_NONE);
	nl_nest_end(b, nest);
	put_linkinfo(b, dev);
	if (f->new_nsid) {
		nl_put_u32(b, IFLA_NEW_NETNSID, (u32)*f->new_nsid);
		if (f->new_ifindex)
			nl_put_u32(b, IFLA_NEW_IFINDEX, (u32)f->new_ifindex);
	}
	if (any_set(dev->perm_addr, dev->addr_len))
		nl_put(b, IFLA_PERM_ADDRESS, dev->perm_addr, dev->addr_len);
	put_link(cpu, b, dev, view);
	nl_put_str(b, IFLA_QDISC, dev->qdisc && dev->qdisc->ops ? dev->qdisc->ops->id : "noop");
	put_af_spec(b, dev, !(f->ext_mask & RTEXT_FILTER_SKIP_STATS));
	nl_put(b, IFLA_MAP, no_map, sizeof(no_map));
	put_altnames(b, dev);
	nl_nest(b, RT_IFLA_DEVLINK_PORT | NLA_F_NESTED);
	nl_nest(b, RT_IFLA_DPLL_PIN | NLA_F_NESTED);
	return nl_end(b);
}
