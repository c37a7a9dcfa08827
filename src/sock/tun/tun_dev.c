/* The tun device: what it sends goes to a file's queue; files join and leave it. See tun.h. */
#include <linux/ethtool_netlink.h>
#include <linux/if_arp.h>
#include <linux/if_link.h>

#include "codec/netlink/nl_attr.h"
#include "core/caller.h"
#include "core/trace.h"
#include "link/ethtool.h"
#include "sock/tun/tun.h"

#define FLAGS_KEPT (IFF_NO_PI | IFF_ONE_QUEUE | IFF_VNET_HDR | IFF_MULTI_QUEUE | IFF_NAPI | IFF_NAPI_FRAGS)
#define USER_FEATURES (NETIF_F_HW_CSUM | NETIF_F_TSO | NETIF_F_TSO_ECN | NETIF_F_TSO6 | NETIF_F_GSO_UDP_L4)

static void refuse(struct cpu *cpu, struct sk_buff *skb, struct net_device *dev, enum skb_drop_reason reason)
{
	dev->stats[cpu->id].tx_dropped++;
	skb_drop(cpu, skb, reason);
}

/* The reader's cpu has the baton. */
static void enqueue(struct cpu *cpu, struct sk_buff *skb, struct net_device *dev, struct tun_file *f)
{
	if (f->waiting >= dev->tx_queue_len) {
		refuse(cpu, skb, dev, SKB_DROP_REASON_FULL_RING);
		return;
	}
	skb_orphan(cpu, skb);
	skb_forget_dst(cpu, skb);
	skb_list_add(&f->sk.rx_queue, skb);
	f->waiting++;
	sock_wake(cpu, &f->sk);
}

static struct tun_file *file_of(const struct tun *t, unsigned q) { return t->nqueues ? t->queue[q % t->nqueues] : NULL; }

static enum netdev_tx xmit(struct cpu *cpu, struct sk_buff *skb, struct net_device *dev, unsigned txq)
{
	struct tun_file *f = file_of(tun_of(dev), txq);

	if (!f) {
		refuse(cpu, skb, dev, SKB_DROP_REASON_DEV_READY);
		return NETDEV_TX_OK;
	}
	trace_point(cpu, dev->net, skb, TP_WIRE, skb->len, 0, dev->name);
	if (likely(f->sk.cpu == cpu)) {
		enqueue(cpu, skb, dev, f);
		return NETDEV_TX_OK;
	}
	skb_orphan(cpu, skb); /* the device was moved to a namespace of another cpu */
	skb->queue_mapping = (u16)txq;
	skb->xmit_there = skb->xmit_here = 1;
	if (!cpu_backlog_add(cpu, f->sk.cpu, skb)) /* counted and dropped there */
		dev->stats[cpu->id].tx_dropped++;
	return NETDEV_TX_OK;
}

static void xmit_here(struct cpu *cpu, struct sk_buff *skb)
{
	struct net_device *dev = skb->dev;
	struct tun_file *f = file_of(tun_of(dev), skb->queue_mapping);

	skb->xmit_here = 0;
	if (f && f->sk.cpu == cpu)
		enqueue(cpu, skb, dev, f);
	else
		refuse(cpu, skb, dev, SKB_DROP_REASON_DEV_READY);
}

static void count_queues(struct tun *t) { t->dev->real_tx_queues = t->dev->real_rx_queues = MAX(t->nqueues, 1u); }

static void leave(struct cpu *cpu, struct tun *t, struct tun_file *f)
{
	unsigned i = 0;

	if (f->disabled) {
		list_del(&f->link);
		t->ndisabled--;
		f->disabled = false;
	} else {
		while (t->queue[i] != f)
			i++;
		t->queue[i] = t->queue[--t->nqueues];
		count_queues(t);
	}
	skb_list_drop(cpu, &f->sk.rx_queue, SKB_DROP_REASON_QUEUE_PURGE);
	f->waiting = 0;
}

static void lose(struct cpu *cpu, struct tun *t, struct tun_file *f)
{
	leave(cpu, t, f);
	f->dev = NULL;
	f->lost = true;
	sock_wake(cpu, &f->sk);
}

/* The device goes: its files stay, and are of no use. */
static void uninit(struct net_device *dev)
{
	struct cpu *cpu = config_cpu(dev->net->world);
	struct tun *t = tun_of(dev);

	while (t->nqueues)
		lose(cpu, t, t->queue[0]);
	while (!list_empty(&t->disabled))
		lose(cpu, t, list_first(&t->disabled, struct tun_file, link));
}

static u64 fix_features(struct net_device *dev, u64 wanted)
{
	return wanted & (tun_of(dev)->offload | ~(u64)USER_FEATURES);
}

static const struct netdev_ops tun_ops = { .uninit = uninit, .start_xmit = xmit, .xmit_here = xmit_here, .fix_features = fix_features };
static const struct netdev_ops tap_ops = { .uninit = uninit, .start_xmit = xmit, .xmit_here = xmit_here, .fix_features = fix_features, .set_mac = eth_mac_addr };

static const char *bus(const struct net_device *dev) { return tun_of(dev)->flags & IFF_TAP ? "tap" : "tun"; }
static void get_link(const struct net_device *dev, struct dev_link_settings *s) { *s = tun_of(dev)->link; }
static void set_link(struct net_device *dev, const struct dev_link_settings *s) { tun_of(dev)->link = *s; }
static u32 *msglevel(struct net_device *dev) { return &tun_of(dev)->msglevel; }

static void get_channels(const struct net_device *dev, struct ethtool_channels *c)
{
	const struct tun *t = tun_of(dev);

	c->combined_count = t->nqueues;
	c->max_combined = t->flags & IFF_MULTI_QUEUE ? TUN_QUEUES_MAX : 1;
}

static void get_coalesce(const struct net_device *dev, struct ethtool_coalesce *c) { c->rx_max_coalesced_frames = tun_of(dev)->rx_frames; }

static int set_coalesce(struct cpu *cpu, struct net_device *dev, const struct ethtool_coalesce *c)
{
	tun_of(dev)->rx_frames = MIN(c->rx_max_coalesced_frames, (u32)NETDEV_BATCH);
	return 0;
}

static const struct ethtool_ops ethtool = {
	.driver = "tun", .version = "1.6", .bus = bus, .tells_link = true, .stamps = STAMPS_TX, .get_link = get_link, .set_link = set_link,
	.msglevel = msglevel, .get_channels = get_channels, .coalesce = BIT(ETHTOOL_A_COALESCE_RX_MAX_FRAMES), .get_coalesce = get_coalesce,
	.set_coalesce = set_coalesce,
};

static void setup(struct net_device *dev)
{
	struct tun *t = dev->priv;

	t->dev = dev;
	t->owner = t->group = -1;
	t->sndbuf = INT32_MAX;
	t->link = (struct dev_link_settings){ .speed = 10000, .duplex = DUPLEX_FULL, .port = PORT_TP };
	t->vnet_hdr_len = 10;
	list_init(&t->disabled);
	dev->ethtool_ops = &ethtool;
	dev->tx_queue_len = 500;
	dev->max_mtu = 65535;
	dev->min_mtu = 68;
}

static void be_tun(struct net_device *dev)
{
	dev->ops = &tun_ops;
	dev->type = ARPHRD_NONE;
	dev->mtu = 1500;
	dev->flags = IFF_POINTOPOINT | IFF_NOARP | IFF_MULTICAST;
}

static void be_tap(struct net_device *dev)
{
	ether_setup(dev);
	dev->ops = &tap_ops;
	dev->max_mtu = 65535 - dev->hard_header_len;
	dev->min_mtu = 68;
	dev->live_addr_change = true;
	eth_random_addr(config_cpu(dev->net->world), dev->dev_addr);
	dev->addr_assign_type = 1; /* NET_ADDR_RANDOM */
}

static bool may_join(const struct cpu *cpu, const struct tun *t)
{
	const struct call_ctx *c;

	if (caller_net_admin(cpu))
		return true;
	c = caller_ids(cpu->caller);
	return (t->owner == -1 || (u32)t->owner == c->uid) && (t->group == -1 || (u32)t->group == c->gid);
}

static int join(struct tun *t, struct tun_file *f)
{
	if (!(t->flags & IFF_MULTI_QUEUE) && t->nqueues)
		return -EBUSY;
	if (t->nqueues + (f->disabled ? 0 : t->ndisabled) >= TUN_QUEUES_MAX)
		return -E2BIG;
	if (f->disabled) {
		list_del(&f->link);
		t->ndisabled--;
		f->disabled = false;
	}
	t->queue[t->nqueues++] = f;
	f->dev = t->dev;
	f->lost = false;
	count_queues(t);
	return 0;
}

static int make(struct cpu *cpu, struct tun_file *f, const char *name, u32 flags)
{
	unsigned queues = flags & IFF_MULTI_QUEUE ? TUN_QUEUES_MAX : 1;
	struct net_device *dev;
	struct tun *t;
	int err;

	if (!caller_net_admin(cpu))
		return -EPERM;
	if (!(flags & (IFF_TUN | IFF_TAP)))
		return -EINVAL;
	if (!name[0])
		name = flags & IFF_TUN ? "tun%d" : "tap%d";
	else if (!dev_name_valid(name))
		return -EINVAL;
	dev = dev_new(f->sk.net, &link_kind_tun, name, queues, queues);
	if (!dev)
		return -ENOMEM;
	t = tun_of(dev);
	t->flags = flags & (FLAGS_KEPT | (flags & IFF_TUN ? IFF_TUN : IFF_TAP));
	if (t->flags & IFF_TUN)
		be_tun(dev);
	else
		be_tap(dev);
	dev->hw_features = NETIF_F_SG | NETIF_F_FRAGLIST | USER_FEATURES;
	dev->features = dev->wanted_features = (dev->hw_features & ~(u64)USER_FEATURES) | NETIF_F_GRO;
	dev->wanted_features |= USER_FEATURES;
	dev->vlan_features = dev->features;
	err = join(t, f);
	if (!err)
		err = dev_register(cpu, dev, 0);
	if (err) {
		if (f->dev)
			leave(cpu, t, f);
		f->dev = NULL;
		dev_free(dev);
	}
	return err;
}

int tun_set_iff(struct cpu *cpu, struct tun_file *f, char name[IFNAMSIZ], u32 flags)
{
	struct net_device *dev;
	struct tun *t;
	int err;

	if (f->dev)
		return -EEXIST;
	name[IFNAMSIZ - 1] = 0;
	if ((flags & IFF_VNET_HDR) && !(flags & IFF_TAP))
		return -EINVAL; /* frames without a link-layer header, with one of virtio's: not here */
	dev = name[0] ? dev_by_name(f->sk.net, name) : NULL;
	if (!dev) {
		err = make(cpu, f, name, flags);
	} else {
		if (flags & IFF_TUN_EXCL)
			return -EBUSY;
		if (dev->kind != &link_kind_tun)
			return -EINVAL;
		t = tun_of(dev);
		if (!(t->flags & flags & (IFF_TUN | IFF_TAP)) || (t->flags ^ flags) & IFF_MULTI_QUEUE)
			return -EINVAL;
		if (!may_join(cpu, t))
			return -EPERM;
		err = join(t, f);
		if (!err) {
			t->flags = (t->flags & ~(u32)FLAGS_KEPT) | (flags & FLAGS_KEPT);
			dev_set_carrier(cpu, dev, true);
		}
	}
	if (!err)
		memcpy(name, f->dev->name, IFNAMSIZ);
	return err;
}

int tun_set_queue(struct cpu *cpu, struct tun_file *f, u32 flags)
{
	struct tun *t = f->dev ? tun_of(f->dev) : NULL;

	if (flags & IFF_ATTACH_QUEUE) {
		if (!t || !f->disabled)
			return -EINVAL;
		return may_join(cpu, t) ? join(t, f) : -EPERM;
	}
	if (!(flags & IFF_DETACH_QUEUE) || !t || f->disabled || !(t->flags & IFF_MULTI_QUEUE))
		return -EINVAL;
	leave(cpu, t, f);
	f->disabled = true;
	list_add_tail(&t->disabled, &f->link);
	t->ndisabled++;
	return 0;
}

void tun_detach(struct cpu *cpu, struct tun_file *f)
{
	struct net_device *dev = f->dev;
	struct tun *t;

	if (!dev)
		return;
	t = tun_of(dev);
	leave(cpu, t, f);
	f->dev = NULL;
	if (t->nqueues || t->ndisabled)
		return;
	if (t->flags & IFF_PERSIST)
		dev_set_carrier(cpu, dev, false);
	else
		dev_unregister(cpu, dev);
}

static int validate(const struct nl_attrs *attrs, const struct nl_attrs *data, struct nl_ext_ack *ack)
{
	NL_SET_ERR(ack, "tun/tap creation via rtnetlink is not supported.");
	return -EOPNOTSUPP;
}

static int fill_info(const struct net_device *dev, struct nl_buf *out)
{
	const struct tun *t = tun_of(dev);

	nl_put_u8(out, IFLA_TUN_TYPE, (u8)(t->flags & (IFF_TUN | IFF_TAP)));
	if (t->owner != -1)
		nl_put_u32(out, IFLA_TUN_OWNER, (u32)t->owner);
	if (t->group != -1)
		nl_put_u32(out, IFLA_TUN_GROUP, (u32)t->group);
	nl_put_u8(out, IFLA_TUN_PI, !(t->flags & IFF_NO_PI));
	nl_put_u8(out, IFLA_TUN_VNET_HDR, !!(t->flags & IFF_VNET_HDR));
	nl_put_u8(out, IFLA_TUN_PERSIST, !!(t->flags & IFF_PERSIST));
	nl_put_u8(out, IFLA_TUN_MULTI_QUEUE, !!(t->flags & IFF_MULTI_QUEUE));
	if (t->flags & IFF_MULTI_QUEUE) {
		nl_put_u32(out, IFLA_TUN_NUM_QUEUES, t->nqueues);
		nl_put_u32(out, IFLA_TUN_NUM_DISABLED_QUEUES, t->ndisabled);
	}
	return 0;
}

const struct link_kind link_kind_tun = {
	.name = "tun", .priv_size = sizeof(struct tun), .setup = setup, .validate = validate, .dellink = dev_unregister, .fill_info = fill_info,
};
