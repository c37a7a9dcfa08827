/* vlan: a device that is one VLAN of another one. `ip link add link eth0 name eth0.5 type vlan id 5`.
 *
 * What it sends goes out by the real device with its tag beside the packet (link/vlan.c puts it into the frame where hardware does
 * not); what the real device receives with its tag comes to it by vlan_receive(). It follows the real device: up and down
 * (unless loose_binding), carrier, a smaller MTU, its address until it gets one of its own. QinQ is a vlan on a vlan, of protocol
 * 802.1ad below as a rule. With gvrp or mvrp on it asks the bridges on the link for its VLAN while it exists, from its first time up on
 * (link/vlan_reg.c).
 *
 * IEEE 802.1Q, 802.1ad; ip-link(8). Answers and texts are those of Linux 6.12's module 8021q.
 */
#include <linux/if_link.h>
#include <linux/if_vlan.h>

#include "base/mem.h"
#include "base/strbuf.h"
#include "codec/netlink/nl_attr.h"
#include "core/proc.h"
#include "core/trace.h"
#include "link/ethtool.h"
#include "link/netns_dev.h"
#include "link/type/vlan_dev.h"
#include "link/vlan.h"
#include "link/vlan_reg.h"

#define ADDR_SET 3    /* NET_ADDR_SET */
#define ADDR_STOLEN 2 /* NET_ADDR_STOLEN: the real device's */

static struct net_device *real_of(const struct net_device *dev) { return stacked_lower(dev); }

/* -- frames -- */

/* The real device does not insert tags: with reorder_hdr off the tag is part of the header from the start. */
static int tag_header(struct cpu *cpu, struct sk_buff *skb, struct net_device *dev, u16 ethertype, const u8 *daddr, const u8 *saddr)
{
	const struct vlan_dev *v = vlan_dev_of(dev);
	struct vlan_hdr *h;
	if (v->flags & VLAN_FLAG_REORDER_HDR)
		return stacked_create_header(cpu, skb, dev, ethertype, daddr, saddr);
	if (!skb_cow_head(cpu, skb, ETH_HDR_LEN + VLAN_HDR_LEN))
		return -ENOMEM;
	h = (struct vlan_hdr *)skb_push(skb, VLAN_HDR_LEN);
	h->tci = cpu_to_be16((u16)(v->id | vlan_egress_bits(v, skb->priority)));
	h->type = cpu_to_be16(ethertype);
	return stacked_create_header(cpu, skb, dev, be16_to_cpu(v->proto), daddr, saddr);
}

static int parse_header(const struct sk_buff *skb, u8 *haddr) { return eth_header_ops.parse(skb, haddr); }

static const struct header_ops tag_ops = { .create = tag_header, .parse = parse_header };

static enum netdev_tx xmit(struct cpu *cpu, struct sk_buff *skb, struct net_device *dev, unsigned txq)
{
	const struct vlan_dev *v = vlan_dev_of(dev);
	u32 len = skb->len;
	if (!stacked_tx_begin(cpu, skb, dev))
		return NETDEV_TX_OK;
	if (v->flags & VLAN_FLAG_REORDER_HDR || !be16_eq(((struct eth_hdr *)skb->data)->type, v->proto)) {
		skb->vlan_proto = v->proto;
		skb->vlan_tci = (u16)(v->id | vlan_egress_bits(v, skb->priority));
	} else {
		skb->protocol = v->proto;
	}
	skb->dev = v->on.lower;
	stacked_count_tx(cpu, dev, len, !dev_xmit_lower(cpu, skb));
	return NETDEV_TX_OK;
}

/* -- registration with the bridges on the link, of customers' VLANs -- */

static const u32 reg_flag[REG_PROTOS] = { [REG_GVRP] = VLAN_FLAG_GVRP, [REG_MVRP] = VLAN_FLAG_MVRP };

/* Asks for the VLAN, or gives it up, by those of `which` (VLAN_FLAG_*) that the flags say. No memory: it is not asked for, as in Linux. */
static void ask(struct net_device *dev, u32 which, bool join)
{
	const struct vlan_dev *v = vlan_dev_of(dev);
	if (!be16_eq(v->proto, BE16(ETH_P_8021Q)))
		return;
	for (unsigned i = 0; i < REG_PROTOS; i++) {
		if (!(which & reg_flag[i]))
			continue;
		if (join)
			vlan_reg_join(v->on.lower, i, v->id);
		else
			vlan_reg_leave(v->on.lower, i, v->id);
	}
}

/* -- the device -- */

static int init(struct net_device *dev)
{
	struct vlan_dev *v = vlan_dev_of(dev);
	struct net_device *real = v->on.lower;
	u64 soft = NETIF_F_HW_CSUM | NETIF_F_SG | NETIF_F_FRAGLIST | NETIF_F_GSO_SOFTWARE | NETIF_F_GSO_ENCAP_ALL | NETIF_F_HIGHDMA |
		   NETIF_F_SCTP_CRC | NETIF_F_FCOE_CRC | NETIF_F_FSO;
	bool inserts = real->features & (be16_eq(v->proto, BE16(ETH_P_8021Q)) ? NETIF_F_HW_VLAN_TX : NETIF_F_HW_VLAN_STAG_TX);
	dev->flags = real->flags & ~(u32)(IFF_UP | IFF_PROMISC | IFF_ALLMULTI | IFF_MASTER | IFF_SLAVE);
	dev->link_mode = real->link_mode;
	dev->carrier = false;
	dev->hw_features = soft;
	dev->features |= soft | NETIF_F_LLTX;
	dev->vlan_features = real->vlan_features & ~(u64)(NETIF_F_FCOE_CRC | NETIF_F_FSO);
	dev->tso_max_size = real->tso_max_size;
	dev->tso_max_segs = real->tso_max_segs;
	if (eth_addr_is_zero(dev->dev_addr)) {
		memcpy(dev->dev_addr, real->dev_addr, ETH_ADDR_LEN);
		dev->addr_assign_type = ADDR_STOLEN;
	}
	if (eth_addr_is_zero(dev->broadcast))
		memcpy(dev->broadcast, real->broadcast, ETH_ADDR_LEN);
	dev->header_ops = inserts ? &stacked_header_ops : &tag_ops;
	dev->hard_header_len = (u16)(real->hard_header_len + (inserts ? 0 : VLAN_HDR_LEN));
	dev->needed_headroom = (u16)(real->needed_headroom + (inserts ? 0 : VLAN_HDR_LEN));
	return 0;
}

static int open(struct net_device *dev)
{
	struct cpu *cpu = config_cpu(dev->net->world);
	struct vlan_dev *v = vlan_dev_of(dev);
	struct net_device *real = v->on.lower;
	int err;
	if (!dev_running(real) && !(v->flags & VLAN_FLAG_LOOSE_BINDING))
		return -ENETDOWN;
	if (!eth_addr_eq(dev->dev_addr, real->dev_addr) && dev->addr_assign_type != ADDR_STOLEN) {
		err = dev_uc_add(real, dev->dev_addr);
		if (err)
			return err;
	}
	if (dev->flags & IFF_ALLMULTI)
		dev_set_allmulti(cpu, real, 1);
	if (dev->flags & IFF_PROMISC)
		dev_set_promiscuity(cpu, real, 1);
	memcpy(v->real_addr, real->dev_addr, ETH_ADDR_LEN);
	ask(dev, v->flags, true);
	if (real->carrier && !(v->flags & VLAN_FLAG_BRIDGE_BINDING))
		dev_set_carrier(cpu, dev, true);
	return 0;
}

static void stop(struct net_device *dev)
{
	struct cpu *cpu = config_cpu(dev->net->world);
	struct vlan_dev *v = vlan_dev_of(dev);
	dev_addr_unsync(v->on.lower, dev);
	if (dev->flags & IFF_ALLMULTI)
		dev_set_allmulti(cpu, v->on.lower, -1);
	if (dev->flags & IFF_PROMISC)
		dev_set_promiscuity(cpu, v->on.lower, -1);
	if (!eth_addr_eq(dev->dev_addr, v->on.lower->dev_addr))
		dev_uc_del(v->on.lower, dev->dev_addr);
	if (!(v->flags & VLAN_FLAG_BRIDGE_BINDING))
		dev_set_carrier(cpu, dev, false);
}

static int change_mtu(struct net_device *dev, u32 mtu) { return mtu > real_of(dev)->mtu ? -ERANGE : 0; }

static int set_mac(struct net_device *dev, const u8 *addr)
{
	struct net_device *real = real_of(dev);
	int err;
	if (!eth_addr_is_valid(addr))
		return -EADDRNOTAVAIL;
	if (dev_running(dev)) {
		if (!eth_addr_eq(addr, real->dev_addr)) {
			err = dev_uc_add(real, addr);
			if (err)
				return err;
		}
		if (!eth_addr_eq(dev->dev_addr, real->dev_addr))
			dev_uc_del(real, dev->dev_addr);
	}
	memcpy(dev->dev_addr, addr, ETH_ADDR_LEN);
	return 0;
}

/* What both can, where a checksum of any kind covers the special ones. */
static u64 common(u64 a, u64 b)
{
	if ((a ^ b) & NETIF_F_HW_CSUM) {
		if (a & NETIF_F_HW_CSUM)
			a |= NETIF_F_IP_CSUM | NETIF_F_IPV6_CSUM;
		else
			b |= NETIF_F_IP_CSUM | NETIF_F_IPV6_CSUM;
	}
	return a & b;
}

static u64 fix_features(struct net_device *dev, u64 wanted)
{
	const struct net_device *real = real_of(dev);
	u64 lower = common(real->vlan_features, real->features | NETIF_F_RXCSUM);
	/* Checksums in software are as good as hardware's where the packet has to be cut here anyway. */
	if (lower & (NETIF_F_IP_CSUM | NETIF_F_IPV6_CSUM))
		lower |= NETIF_F_HW_CSUM;
	return common(wanted, lower) | (wanted & (NETIF_F_GSO | NETIF_F_GRO | NETIF_F_GSO_SOFTWARE)) | NETIF_F_LLTX;
}

static void uninit(struct net_device *dev)
{
	struct vlan_dev *v = vlan_dev_of(dev);
	ask(dev, v->flags, false);
	vlan_group_del(v->on.lower, dev);
	dev_upper_unlink(v->on.lower, dev);
}

static void free_priv(struct net_device *dev)
{
	struct vlan_dev *v = vlan_dev_of(dev);
	for (unsigned i = 0; i < VLAN_EGRESS_BUCKETS; i++) {
		while (v->egress[i]) {
			struct vlan_egress *e = v->egress[i];
			v->egress[i] = e->next;
			mem_free(&dev->net->world->mem, e);
		}
	}
	stacked_free(dev);
}

/* -- what happens below -- */

static void follow_address(struct cpu *cpu, struct net_device *dev, struct net_device *real)
{
	struct vlan_dev *v = vlan_dev_of(dev);
	if (eth_addr_eq(v->real_addr, real->dev_addr))
		return;
	if (dev->addr_assign_type == ADDR_STOLEN) {
		memcpy(dev->dev_addr, real->dev_addr, ETH_ADDR_LEN);
		dev_announce_addr(cpu, dev);
	} else if (dev_running(dev)) {
		bool was = eth_addr_eq(dev->dev_addr, v->real_addr), is = eth_addr_eq(dev->dev_addr, real->dev_addr);
		if (was && !is)
			dev_uc_add(real, dev->dev_addr);
		else if (!was && is)
			dev_uc_del(real, dev->dev_addr);
	}
	memcpy(v->real_addr, real->dev_addr, ETH_ADDR_LEN);
}

/* With bridge_binding the carrier is the bridge's, which says which of its ports are in the VLAN. */
static bool follows_carrier(const struct net_device *dev) { return !(vlan_dev_of(dev)->flags & VLAN_FLAG_BRIDGE_BINDING); }

static void lower_event(struct cpu *cpu, struct net_device *dev, struct net_device *real, enum net_event ev, unsigned long info)
{
	bool loose = vlan_dev_of(dev)->flags & VLAN_FLAG_LOOSE_BINDING;
	if (ev == EV_LINK_UP && !dev_running(dev) && !loose)
		dev_change_flags(cpu, dev, dev_get_flags(dev) | IFF_UP, NULL);
	if (ev == EV_LINK_DOWN) {
		if (!dev_running(dev) || loose) /* nothing becomes of it, nor of its carrier */
			return;
		dev_change_flags(cpu, dev, dev_get_flags(dev) & ~(u32)IFF_UP, NULL);
	}
	if (ev == EV_LINK_CHANGE && info & LINK_CHANGE_MTU && dev->mtu > real->mtu)
		dev_set_mtu(cpu, dev, real->mtu, NULL);
	if (ev == EV_LINK_CHANGE && info & LINK_CHANGE_ADDR)
		follow_address(cpu, dev, real);
	if (!follows_carrier(dev)) {
		if (ev == EV_LINK_UP || ev == EV_LINK_DOWN)
			return;
		if (ev == EV_LINK_CHANGE)
			info &= ~(unsigned long)(LINK_CHANGE_CARRIER | LINK_CHANGE_FLAGS | LINK_CHANGE_OTHER);
	}
	stacked_lower_event(cpu, dev, real, ev, info);
}

static const struct netdev_ops ops = {
	.init = init, .uninit = uninit, .free = free_priv, .open = open, .stop = stop, .start_xmit = xmit, .change_mtu = change_mtu,
	.set_mac = set_mac, .fix_features = fix_features, .set_rx_mode = stacked_set_rx_mode, .change_rx_flags = stacked_change_rx_flags,
	.lower_event = lower_event, .iflink = stacked_iflink, .link_netns = stacked_link_netns,
};

static const struct ethtool_ops ethtool = { .driver = "802.1Q VLAN Support", .version = "1.8", .fw_version = "N/A", .tells_link = true,
					    .stamps = STAMPS_BELOW, .below = stacked_lower };

static void setup(struct net_device *dev)
{
	ether_setup(dev);
	dev->ops = &ops;
	dev->ethtool_ops = &ethtool;
	memset(dev->broadcast, 0, ETH_ADDR_LEN);
	dev->noqueue = true;
	dev->live_addr_change = true;
	dev->unicast_filter = true;
	dev->wanted_features = NETIF_F_GRO;
	dev->min_mtu = 0;
	dev->max_mtu = 65535;
}

/* -- rtnetlink -- */

static const struct nl_policy policy[IFLA_VLAN_MAX + 1] = {
	[IFLA_VLAN_ID] = { .type = NLP_U16 },
	[IFLA_VLAN_FLAGS] = { .type = NLP_MIN_LEN, .len = sizeof(struct ifla_vlan_flags) },
	[IFLA_VLAN_EGRESS_QOS] = { .type = NLP_NESTED },
	[IFLA_VLAN_INGRESS_QOS] = { .type = NLP_NESTED },
	[IFLA_VLAN_PROTOCOL] = { .type = NLP_U16 },
};
#define FLAGS_KNOWN (VLAN_FLAG_REORDER_HDR | VLAN_FLAG_GVRP | VLAN_FLAG_LOOSE_BINDING | VLAN_FLAG_MVRP | VLAN_FLAG_BRIDGE_BINDING)

static const struct nlattr *attr(const struct nl_attrs *tb, unsigned type) { return tb && type <= tb->max ? tb->a[type] : NULL; }

static bool qos_maps_ok(const struct nlattr *nest)
{
	const struct nlattr *a;
	if (!nest)
		return true;
	nl_for_each_nested(a, nest)
		if (nl_type(a) != IFLA_VLAN_QOS_MAPPING || nl_len(a) < sizeof(struct ifla_vlan_qos_mapping))
			return false;
	return true;
}

static int validate(const struct nl_attrs *attrs, const struct nl_attrs *data, struct nl_ext_ack *ack)
{
	int err = eth_validate(attrs, data, ack);
	const struct nlattr *a;
	struct ifla_vlan_flags f;
	if (err) {
		NL_SET_ERR(ack, "8021q: Invalid link address");
		return err;
	}
	if (!data) {
		NL_SET_ERR(ack, "8021q: VLAN properties not specified");
		return -EINVAL;
	}
	a = attr(data, IFLA_VLAN_PROTOCOL);
	if (a && !eth_type_is_vlan((be16){ nl_u16(a) })) {
		NL_SET_ERR(ack, "8021q: Invalid VLAN protocol");
		return -EPROTONOSUPPORT;
	}
	a = attr(data, IFLA_VLAN_ID);
	if (a && nl_u16(a) >= VLAN_VID_MASK) {
		NL_SET_ERR(ack, "8021q: Invalid VLAN id");
		return -ERANGE;
	}
	a = attr(data, IFLA_VLAN_FLAGS);
	if (a) {
		memcpy(&f, nl_data(a), sizeof(f));
		if (f.flags & f.mask & ~(u32)FLAGS_KNOWN) {
			NL_SET_ERR(ack, "8021q: Invalid VLAN flags");
			return -EINVAL;
		}
	}
	if (!qos_maps_ok(attr(data, IFLA_VLAN_INGRESS_QOS))) {
		NL_SET_ERR(ack, "8021q: Invalid ingress QOS map");
		return -EINVAL;
	}
	if (!qos_maps_ok(attr(data, IFLA_VLAN_EGRESS_QOS))) {
		NL_SET_ERR(ack, "8021q: Invalid egress QOS map");
		return -EINVAL;
	}
	return 0;
}

static int egress_set(struct net_device *dev, u32 priority, u32 bits)
{
	struct vlan_dev *v = vlan_dev_of(dev);
	struct vlan_egress **bucket = &v->egress[priority & (VLAN_EGRESS_BUCKETS - 1)], *e;
	u16 tci = (u16)(bits << VLAN_PRIO_SHIFT & 0xe000);
	for (e = *bucket; e; e = e->next)
		if (e->priority == priority)
			break;
	if (!e) {
		e = mem_zalloc(&dev->net->world->mem, sizeof(*e));
		if (!e)
			return -ENOBUFS;
		e->priority = priority;
		e->next = *bucket;
		*bucket = e;
	}
	v->egress_set = v->egress_set + (tci != 0) - (e->tci_bits != 0);
	e->tci_bits = tci;
	return 0;
}

static int change(struct cpu *cpu, struct net_device *dev, const struct nl_attrs *data, struct nl_ext_ack *ack)
{
	struct vlan_dev *v = vlan_dev_of(dev);
	struct ifla_vlan_qos_mapping m;
	const struct nlattr *a, *nest = attr(data, IFLA_VLAN_FLAGS);
	int err;
	if (nest) {
		struct ifla_vlan_flags f;
		u32 was = v->flags;
		memcpy(&f, nl_data(nest), sizeof(f));
		v->flags = (v->flags & ~f.mask) | (f.flags & f.mask);
		if (dev_running(dev)) {
			ask(dev, v->flags & ~was, true);
			ask(dev, was & ~v->flags, false);
		}
	}
	nest = attr(data, IFLA_VLAN_INGRESS_QOS);
	if (nest) {
		nl_for_each_nested(a, nest) {
			memcpy(&m, nl_data(a), sizeof(m));
			v->ingress_set = v->ingress_set + (m.to != 0) - (v->ingress[m.from & 7] != 0);
			v->ingress[m.from & 7] = m.to;
		}
	}
	nest = attr(data, IFLA_VLAN_EGRESS_QOS);
	if (nest) {
		nl_for_each_nested(a, nest) {
			memcpy(&m, nl_data(a), sizeof(m));
			err = egress_set(dev, m.from, m.to);
			if (err)
				return err;
		}
	}
	return 0;
}

static int newlink(struct cpu *cpu, struct netns *src_net, struct net_device *dev, const struct nl_attrs *attrs,
		   const struct nl_attrs *data, struct nl_ext_ack *ack)
{
	struct vlan_dev *v = vlan_dev_of(dev);
	const struct nlattr *a = attr(data, IFLA_VLAN_PROTOCOL);
	struct net_device *real;
	int err;
	if (!attr(data, IFLA_VLAN_ID)) {
		NL_SET_ERR(ack, "8021q: VLAN id not specified");
		return -EINVAL;
	}
	if (!attrs->a[IFLA_LINK]) {
		NL_SET_ERR(ack, "8021q: link not specified");
		return -EINVAL;
	}
	real = dev_by_index(src_net, (s32)nl_u32(attrs->a[IFLA_LINK]));
	if (!real) {
		NL_SET_ERR(ack, "8021q: link does not exist");
		return -ENODEV;
	}
	v->proto = a ? (be16){ nl_u16(a) } : BE16(ETH_P_8021Q);
	v->id = nl_u16(attr(data, IFLA_VLAN_ID));
	v->flags = VLAN_FLAG_REORDER_HDR;
	if (real->features & NETIF_F_VLAN_CHALLENGED || real->type != dev->type || !real->header_ops) {
		NL_SET_ERR(ack, "8021q: VLANs not supported on device");
		return -EOPNOTSUPP;
	}
	if (vlan_find(real->vlans, v->proto, v->id)) {
		NL_SET_ERR(ack, "8021q: VLAN device already exists");
		return -EEXIST;
	}
	if (!attrs->a[IFLA_MTU])
		dev->mtu = real->mtu;
	else if (dev->mtu > real->mtu)
		return -EINVAL;
	dev_hold(real);
	v->on.lower = real;
	err = change(cpu, dev, data, ack);
	if (!err)
		err = vlan_group_add(real, dev);
	if (err)
		return err;
	err = stacked_register(cpu, dev, ack);
	if (err) {
		vlan_group_del(real, dev);
		return err;
	}
	if (follows_carrier(dev))
		dev_stacked_operstate(cpu, real, dev);
	dev_operstate_update(dev);
	return 0;
}

static void fill_qos(const struct vlan_dev *v, struct nl_buf *out)
{
	size_t nest;
	if (v->ingress_set) {
		nest = nl_nest(out, IFLA_VLAN_INGRESS_QOS);
		for (u32 i = 0; i < 8; i++) {
			struct ifla_vlan_qos_mapping m = { .from = i, .to = v->ingress[i] };
			if (m.to)
				nl_put(out, IFLA_VLAN_QOS_MAPPING, &m, sizeof(m));
		}
		nl_nest_end(out, nest);
	}
	if (v->egress_set) {
		nest = nl_nest(out, IFLA_VLAN_EGRESS_QOS);
		for (unsigned i = 0; i < VLAN_EGRESS_BUCKETS; i++)
			for (const struct vlan_egress *e = v->egress[i]; e; e = e->next) {
				struct ifla_vlan_qos_mapping m = { .from = e->priority, .to = e->tci_bits >> VLAN_PRIO_SHIFT & 7 };
				if (m.to)
					nl_put(out, IFLA_VLAN_QOS_MAPPING, &m, sizeof(m));
			}
		nl_nest_end(out, nest);
	}
}

static int fill_info(const struct net_device *dev, struct nl_buf *out)
{
	const struct vlan_dev *v = vlan_dev_of(dev);
	struct ifla_vlan_flags f = { .flags = v->flags, .mask = ~0u };
	nl_put_u16(out, IFLA_VLAN_PROTOCOL, v->proto.raw);
	nl_put_u16(out, IFLA_VLAN_ID, v->id);
	if (v->flags)
		nl_put(out, IFLA_VLAN_FLAGS, &f, sizeof(f));
	fill_qos(v, out);
	return 0;
}

const struct link_kind link_kind_vlan = {
	.name = "vlan", .priv_size = sizeof(struct vlan_dev), .setup = setup, .policy = policy, .policy_max = IFLA_VLAN_MAX,
	.validate = validate, .newlink = newlink, .changelink = change, .dellink = dev_unregister, .fill_info = fill_info,
};

/* -- /proc/net/vlan: config, and a file for each device -- */

static bool is_vlan(const struct net_device *dev) { return dev->kind == &link_kind_vlan; }

static void show_config(struct netns *net, struct strbuf *out)
{
	struct net_device *dev;
	strbuf_printf(out, "VLAN Dev name	 | VLAN ID\nName-Type: VLAN_NAME_TYPE_RAW_PLUS_VID_NO_PAD\n");
	dev_for_each(dev, net)
		if (is_vlan(dev))
			strbuf_printf(out, "%-15s| %u  | %s\n", dev->name, vlan_dev_of(dev)->id, real_of(dev)->name);
}

static void show_device(const struct net_device *dev, struct strbuf *out)
{
	const struct vlan_dev *v = vlan_dev_of(dev);
	struct dev_stats s;
	dev_get_stats(dev, &s);
	strbuf_printf(out, "%s  VID: %u	 REORDER_HDR: %i  dev->priv_flags: 81021\n", dev->name, v->id, v->flags & VLAN_FLAG_REORDER_HDR ? 1 : 0);
	strbuf_printf(out, "%30s %12lu\n%30s %12lu\n%30s %12lu\n\n%30s %12lu\n%30s %12lu\n", "total frames received", s.rx_packets,
		      "total bytes received", s.rx_bytes, "Broadcast/Multicast Rcvd", s.multicast, "total frames transmitted", s.tx_packets,
		      "total bytes transmitted", s.tx_bytes);
	strbuf_printf(out, "Device: %s\nINGRESS priority mappings: 0:%u  1:%u  2:%u  3:%u  4:%u  5:%u  6:%u 7:%u\n EGRESS priority mappings: ",
		      v->on.lower->name, v->ingress[0], v->ingress[1], v->ingress[2], v->ingress[3], v->ingress[4], v->ingress[5], v->ingress[6],
		      v->ingress[7]);
	for (unsigned i = 0; i < VLAN_EGRESS_BUCKETS; i++)
		for (const struct vlan_egress *e = v->egress[i]; e; e = e->next)
			strbuf_printf(out, "%u:%u ", e->priority, e->tci_bits >> VLAN_PRIO_SHIFT & 7);
	strbuf_printf(out, "\n");
}

static int walk(struct netns *net, int (*fn)(void *arg, const char *name), void *arg)
{
	struct net_device *dev;
	int ret = fn(arg, "config");
	if (ret)
		return ret;
	dev_for_each(dev, net) {
		ret = is_vlan(dev) ? fn(arg, dev->name) : 0;
		if (ret)
			break;
	}
	return ret;
}

static int show_in(struct netns *net, const char *name, struct strbuf *out)
{
	struct net_device *dev;
	if (!strcmp(name, "config")) {
		show_config(net, out);
		return 0;
	}
	dev = dev_by_name(net, name);
	if (!dev || !is_vlan(dev))
		return -ENOENT;
	show_device(dev, out);
	return 0;
}

const struct proc_file vlan_proc = { .name = "vlan", .mode = 0600, .walk = walk, .show_in = show_in };
