/* The bridge's own device: the host's port on the switch.
 *
 * What the host sends on it (br_xmit) is looked up as frames of ports are, and what is for the host comes up through it (br_pass_up).
 * Its address is the lowest of its ports' and its MTU their least until somebody sets them; it has a carrier while a port forwards; its
 * features are those of which the ports' queues make something. ip-link(8).
 */
#include "base/mem.h"
#include "core/hook.h"
#include "link/bridge/br_arp.h"
#include "link/bridge/br_mcast.h"
#include "link/ethtool.h"
#include "link/netns_dev.h"

static enum netdev_tx br_xmit(struct cpu *cpu, struct sk_buff *skb, struct net_device *dev, unsigned txq)
{
	struct bridge *br = br_of(dev);
	struct dev_stats *s = &dev->stats[cpu->id];
	const struct br_mdb *mdb;
	const struct eth_hdr *h;
	const struct br_fdb *f;
	u8 state = BR_STATE_FORWARDING;
	u16 vid = 0;
	if (unlikely(!pskb_may_pull(cpu, skb, ETH_HDR_LEN))) {
		s->tx_dropped++;
		skb_drop(cpu, skb, SKB_DROP_REASON_PKT_TOO_SMALL);
		return NETDEV_TX_OK;
	}
	s->tx_packets++;
	s->tx_bytes += skb->len;
	*BR_CB(skb) = (struct br_cb){ .local = true };
	skb_reset_mac_header(skb);
	skb_pull(skb, ETH_HDR_LEN);
	skb->mac_len = ETH_HDR_LEN;
	if (skb->dst)
		skb_forget_dst(cpu, skb);
	if (!br_vlan_ingress(cpu, br, &br->vlans, skb, &vid, &state))
		return NETDEV_TX_OK;
	h = (const struct eth_hdr *)skb_mac_header(skb);
	if (unlikely(be16_eq(skb->protocol, BE16(ETH_P_ARP)) || be16_eq(skb->protocol, BE16(ETH_P_RARP))))
		br_arp_proxy(cpu, br, NULL, skb, vid);
	else if (unlikely(be16_eq(skb->protocol, BE16(ETH_P_IPV6)) && br_has_suppress(br)))
		br_nd_proxy(cpu, br, NULL, skb, vid);
	if (unlikely(eth_addr_is_broadcast(h->dst))) {
		br_flood(cpu, br, skb, BR_BROADCAST, false, vid);
	} else if (unlikely(eth_addr_is_multicast(h->dst))) {
		if (!br_mcast_rx(cpu, br, NULL, skb, vid)) {
			skb_drop(cpu, skb, SKB_DROP_REASON_BRIDGE_SNOOPED);
			return NETDEV_TX_OK;
		}
		h = (const struct eth_hdr *)skb_mac_header(skb);
		mdb = br_mdb_of_skb(br, skb, vid);
		if ((mdb || BR_CB(skb)->mrouters_only) && br_mcast_querier_there(br, h, mdb))
			br_mcast_flood(cpu, br, mdb, skb, false);
		else
			br_flood(cpu, br, skb, BR_MULTICAST, false, vid);
	} else if ((f = br_fdb_find(br, h->dst, vid))) {
		br_forward_to(cpu, f->dst, skb, false);
	} else {
		br_flood(cpu, br, skb, BR_UNICAST, false, vid);
	}
	return NETDEV_TX_OK;
}

static int open(struct net_device *dev)
{
	struct cpu *cpu = config_cpu(dev->net->world);
	dev_features_update(cpu, dev);
	br_stp_bridge_up(cpu, br_of(dev));
	br_mcast_open(cpu, br_of(dev));
	return 0;
}

static void stop(struct net_device *dev)
{
	struct cpu *cpu = config_cpu(dev->net->world);
	br_stp_bridge_down(cpu, br_of(dev));
	br_mcast_stop(cpu, br_of(dev));
}

static int change_mtu(struct net_device *dev, u32 mtu)
{
	br_of(dev)->mtu_set = true;
	return 0;
}

void br_mtu_adjust(struct cpu *cpu, struct bridge *br)
{
	const struct br_port *p;
	u32 mtu = 0;
	if (br->mtu_set)
		return;
	br_for_each_port(p, br)
		mtu = mtu ? MIN(mtu, p->dev->mtu) : p->dev->mtu;
	dev_set_mtu(cpu, br->dev, mtu ? mtu : 1500, NULL);
	br->mtu_set = false;
}

static int set_mac(struct net_device *dev, const u8 *addr)
{
	if (!eth_addr_is_valid(addr))
		return -EADDRNOTAVAIL;
	if (!dev->registered)
		return -EBUSY;
	if (!eth_addr_eq(dev->dev_addr, addr))
		br_stp_change_id(config_cpu(dev->net->world), br_of(dev), addr);
	return 0;
}

/* Bits 16 to 35 that are about segmentation: names in dev_features.c. */
#define GSO_ALL (0xffffull << 16 | BIT64(33) | BIT64(34))
#define BASE (NETIF_F_SG | NETIF_F_FRAGLIST | NETIF_F_HIGHDMA | NETIF_F_HW_CSUM | NETIF_F_HW_VLAN_TX | NETIF_F_HW_VLAN_STAG_TX)
/* What holds if one port has it, since the queues of the others do it in software; and what all must have. */
#define ONE_FOR_ALL (NETIF_F_GSO_SOFTWARE | NETIF_F_GSO_ROBUST | NETIF_F_SG | NETIF_F_HIGHDMA | NETIF_F_FRAGLIST | NETIF_F_VLAN_CHALLENGED)
#define ALL_FOR_ALL NETIF_F_FSO

static u64 fix_features(struct net_device *dev, u64 wanted)
{
	struct bridge *br = br_of(dev);
	const struct br_port *p;
	u64 mask = wanted, f;
	if (list_empty(&br->ports))
		return wanted;
	if (mask & NETIF_F_HW_CSUM)
		mask |= NETIF_F_CSUM_MASK;
	mask |= NETIF_F_VLAN_CHALLENGED;
	f = wanted & ~(u64)ONE_FOR_ALL;
	br_for_each_port(p, br) {
		f |= p->dev->features & (ONE_FOR_ALL | NETIF_F_CSUM_MASK) & mask;
		f &= p->dev->features | ~(u64)ALL_FOR_ALL;
	}
	f |= NETIF_F_ALL_TSO & wanted;
	return f & NETIF_F_HW_CSUM ? f & ~(u64)(NETIF_F_IP_CSUM | NETIF_F_IPV6_CSUM) : f;
}

void br_gso_limits(struct bridge *br)
{
	const struct br_port *p;
	u32 size = 524280, segs = 65535;
	br_for_each_port(p, br) {
		size = MIN(size, p->dev->tso_max_size);
		segs = MIN(segs, p->dev->tso_max_segs);
	}
	br->dev->tso_max_size = list_empty(&br->ports) ? 524280 : size;
	br->dev->tso_max_segs = segs;
	br->dev->gso_max_size = MIN(br->dev->gso_max_size, br->dev->tso_max_size);
	br->dev->gso_max_segs = MIN(br->dev->gso_max_segs, segs);
}

static void change_rx_flags(struct net_device *dev, u32 change)
{
	if (change & IFF_PROMISC)
		br_manage_promisc(br_of(dev));
}

static void free_priv(struct net_device *dev)
{
	struct bridge *br = br_of(dev);
	br_stp_timers_stop(br);
	br_mcast_fini(br);
	br_fdb_fini(br);
}

static int init(struct net_device *dev)
{
	int err = br_fdb_init(br_of(dev));
	return err ? err : br_mcast_init(br_of(dev));
}

static void uninit(struct net_device *dev)
{
	struct bridge *br = br_of(dev);
	br_stp_timers_stop(br);
	br_mcast_dev_gone(config_cpu(dev->net->world), br);
	br_vlan_bridge_flush(br);
}

static const struct netdev_ops ops = {
	.init = init, .uninit = uninit, .free = free_priv, .open = open, .stop = stop, .start_xmit = br_xmit, .change_mtu = change_mtu, .set_mac = set_mac,
	.fix_features = fix_features, .change_rx_flags = change_rx_flags, .add_slave = br_port_add, .del_slave = br_port_del, .slave_moved = br_port_moved,
	.lower_event = br_port_event,
};

/* As fast as its fastest port. */
static void get_link(const struct net_device *dev, struct dev_link_settings *s)
{
	u32 speed = br_dev_speed(dev);
	*s = (struct dev_link_settings){ .speed = speed ? speed : (u32)SPEED_UNKNOWN, .duplex = DUPLEX_UNKNOWN, .port = PORT_OTHER };
}

static const struct ethtool_ops ethtool = { .driver = "bridge", .version = "2.3", .fw_version = "N/A", .bus_info = "N/A", .tells_link = true,
					    .get_link = get_link };

static void setup(struct net_device *dev)
{
	struct bridge *br = br_of(dev);
	ether_setup(dev);
	br->dev = dev;
	list_init(&br->ports);
	br_vlans_init(&br->vlans);
	br_stp_init(br);
	dev->ops = &ops;
	dev->ethtool_ops = &ethtool;
	dev->noqueue = true;
	dev->live_addr_change = true;
	dev->unicast_filter = true;
	dev->max_mtu = 65535;
	dev->hw_features = BASE | GSO_ALL;
	dev->features = BASE | GSO_ALL | NETIF_F_LLTX | NETIF_F_NETNS_LOCAL;
	dev->vlan_features = BASE | GSO_ALL;
	dev->wanted_features = NETIF_F_GRO;
	eth_random_addr(config_cpu(dev->net->world), dev->dev_addr);
	dev->addr_assign_type = 1; /* NET_ADDR_RANDOM */
	br->id = br->designated_root = 0x8000ull << 48;
	memcpy(br->group_addr, (const u8[]){ 0x01, 0x80, 0xc2, 0, 0, 0 }, ETH_ADDR_LEN);
	br->bridge_max_age = br->max_age = 20 * NSEC_PER_SEC;
	br->bridge_hello_time = br->hello_time = 2 * NSEC_PER_SEC;
	br->bridge_forward_delay = br->forward_delay = 15 * NSEC_PER_SEC;
	br->ageing_time = 300 * NSEC_PER_SEC;
	br->vlan_proto = BE16(ETH_P_8021Q);
	br->default_pvid = 1;
}

static void dellink(struct cpu *cpu, struct net_device *dev)
{
	struct net_device *port, *tmp;
	list_for_each_safe(port, tmp, &dev->slaves, slave_link)
		dev_set_master(cpu, port, NULL, NULL);
	dev_unregister(cpu, dev);
}

static int newlink(struct cpu *cpu, struct netns *src_net, struct net_device *dev, const struct nl_attrs *attrs, const struct nl_attrs *data,
		   struct nl_ext_ack *ack)
{
	struct bridge *br = br_of(dev);
	int err = dev_register(cpu, dev, dev->ifindex);
	if (err)
		return err;
	err = br_vlan_bridge_init(br);
	if (!err && attrs->a[IFLA_ADDRESS])
		br_stp_change_id(cpu, br, nl_data(attrs->a[IFLA_ADDRESS]));
	if (!err)
		err = br_changelink(cpu, dev, data, ack);
	if (err) { /* the caller frees it, as what was never registered: with its own reference, and none on the namespace */
		dev_hold(dev);
		dellink(cpu, dev);
		netns_put(dev->net);
	}
	return err;
}

const struct link_kind link_kind_bridge = {
	.name = "bridge", .priv_size = sizeof(struct bridge), .setup = setup, .policy = br_policy, .policy_max = BR_IFLA_MAX, .validate = eth_validate,
	.newlink = newlink, .changelink = br_changelink, .dellink = dellink, .fill_info = br_fill_info, .fill_slave_info = br_port_fill,
	.slave_policy = br_port_policy, .slave_policy_max = BR_IFLA_PORT_MAX, .slave_changelink = br_slave_changelink, .fill_xstats = br_fill_xstats,
};
