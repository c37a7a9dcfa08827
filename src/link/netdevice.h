/* struct net_device: a network device, and what a kind of device has to provide.
 *
 * Receive: a driver (a NAPI poll, the backlog) hands batches to netif_receive(). Transmit: dev_queue_xmit() runs the qdisc,
 * then ops->start_xmit. Transmit never calls receive: loopback and veth put packets on the receiving cpu's backlog.
 */
#ifndef LINK_NETDEVICE_H
#define LINK_NETDEVICE_H

#include <sys/socket.h>
#include <linux/if.h>

#include "core/event.h"
#include "core/napi.h"
#include "core/netns.h"
#include "core/skb.h"

#define DEV_ADDR_MAX 32
#define DEV_NAME_SIZE IFNAMSIZ
#define NETDEV_BATCH 64 /* most packets handed on at a time */

struct ethtool_ops;
struct in_device;
struct inet6_dev;
struct napi;
struct net_device;
struct neighbour;
struct nl_attrs;
struct nl_buf;
struct nl_ext_ack;
struct qdisc;
struct link_kind;
struct nl_policy;
struct vlan_group;

/* Feature bits, named in ethtool's words by dev_features.c. */
enum netdev_feature {
	NETIF_F_SG = BIT64(0), NETIF_F_IP_CSUM = BIT64(1), NETIF_F_HW_CSUM = BIT64(3), NETIF_F_IPV6_CSUM = BIT64(4),
	NETIF_F_HIGHDMA = BIT64(5), NETIF_F_FRAGLIST = BIT64(6), NETIF_F_HW_VLAN_TX = BIT64(7), NETIF_F_HW_VLAN_RX = BIT64(8),
	NETIF_F_VLAN_CHALLENGED = BIT64(10), NETIF_F_GSO = BIT64(11), NETIF_F_LLTX = BIT64(12), NETIF_F_NETNS_LOCAL = BIT64(13),
	NETIF_F_GRO = BIT64(14), NETIF_F_LRO = BIT64(15), NETIF_F_TSO = BIT64(16), NETIF_F_GSO_ROBUST = BIT64(17), NETIF_F_TSO_ECN = BIT64(18),
	NETIF_F_TSO_MANGLEID = BIT64(19), NETIF_F_TSO6 = BIT64(20), NETIF_F_FSO = BIT64(21), NETIF_F_GSO_GRE = BIT64(22), NETIF_F_GSO_GRE_CSUM = BIT64(23),
	NETIF_F_GSO_IPXIP4 = BIT64(24), NETIF_F_GSO_IPXIP6 = BIT64(25), NETIF_F_GSO_UDP_TUNNEL = BIT64(26),
	NETIF_F_GSO_UDP_TUNNEL_CSUM = BIT64(27), NETIF_F_GSO_SCTP = BIT64(30), NETIF_F_GSO_UDP_L4 = BIT64(33),
	NETIF_F_GSO_FRAGLIST = BIT64(34), NETIF_F_TSO_ACCECN = BIT64(35), NETIF_F_FCOE_CRC = BIT64(36),
	NETIF_F_SCTP_CRC = BIT64(37), NETIF_F_NTUPLE = BIT64(38),
	NETIF_F_RXHASH = BIT64(39), NETIF_F_RXCSUM = BIT64(40), NETIF_F_LOOPBACK = BIT64(42), NETIF_F_HW_VLAN_STAG_TX = BIT64(45),
	NETIF_F_HW_VLAN_STAG_RX = BIT64(46),
};
#define NETDEV_FEATURES 64
#define NETIF_F_UNNAMED (NETIF_F_LLTX | NETIF_F_NETNS_LOCAL) /* a device's own matter: no tool sees them */
#define NETIF_F_ALL_TSO (NETIF_F_TSO | NETIF_F_TSO_ECN | NETIF_F_TSO_MANGLEID | NETIF_F_TSO6)
#define NETIF_F_GSO_ENCAP_ALL (NETIF_F_GSO_GRE | NETIF_F_GSO_GRE_CSUM | NETIF_F_GSO_IPXIP4 | NETIF_F_GSO_IPXIP6 | \
			       NETIF_F_GSO_UDP_TUNNEL | NETIF_F_GSO_UDP_TUNNEL_CSUM)
#define NETIF_F_GSO_SOFTWARE (NETIF_F_ALL_TSO | NETIF_F_TSO_ACCECN | NETIF_F_GSO_SCTP | NETIF_F_GSO_UDP_L4 | NETIF_F_GSO_FRAGLIST)
#define NETIF_F_CSUM_MASK (NETIF_F_IP_CSUM | NETIF_F_IPV6_CSUM | NETIF_F_HW_CSUM)

enum netdev_tx { NETDEV_TX_OK, NETDEV_TX_BUSY }; /* BUSY: the packet stays the caller's; the queue was stopped */

struct netdev_ops {
	int (*init)(struct net_device *dev);		 /* at registration; may be NULL, as all below unless said */
	void (*uninit)(struct net_device *dev);		 /* at unregistration */
	void (*free)(struct net_device *dev);		 /* priv's own memory, last */
	int (*open)(struct net_device *dev);
	void (*stop)(struct net_device *dev);
	/* Required. Consumes when OK. Counts its own tx statistics. */
	enum netdev_tx (*start_xmit)(struct cpu *cpu, struct sk_buff *skb, struct net_device *dev, unsigned txq);
	/* Goes on with a packet that start_xmit put on another cpu's backlog (xmit_there and xmit_here set). Consumes. */
	void (*xmit_here)(struct cpu *cpu, struct sk_buff *skb);
	int (*change_mtu)(struct net_device *dev, u32 mtu);
	int (*set_mac)(struct net_device *dev, const u8 *addr);
	u64 (*fix_features)(struct net_device *dev, u64 wanted);
	int (*set_features)(struct net_device *dev, u64 features);
	int (*add_slave)(struct net_device *dev, struct net_device *slave, struct nl_ext_ack *ack);
	int (*del_slave)(struct net_device *dev, struct net_device *slave);
	void (*slave_moved)(struct cpu *cpu, struct net_device *dev, struct net_device *slave); /* it joined or left, and everybody knows */
	void (*set_rx_mode)(struct net_device *dev);	 /* promiscuity, the lists of unicast or multicast addresses changed; it is up */
	void (*change_rx_flags)(struct net_device *dev, u32 change); /* IFF_PROMISC, IFF_ALLMULTI went on or off, up or not */
	/* A device below (dev_upper_link, or a slave of this master) had an event; info as in core/event.h. EV_LINK_UNREGISTER comes before
	 * others hear of it: let go of lower. */
	void (*lower_event)(struct cpu *cpu, struct net_device *dev, struct net_device *lower, enum net_event ev, unsigned long info);
	int (*iflink)(const struct net_device *dev);	 /* ifindex of the lower or peer device; NULL: own ifindex */
	struct netns *(*link_netns)(const struct net_device *dev); /* where iflink lives; NULL: same */
	unsigned (*select_queue)(struct cpu *cpu, struct net_device *dev, struct sk_buff *skb);
	/* An IP address (16 bytes, IPv4 in its mapped form) is to be given to the device: 0, or why not. */
	int (*addr_add)(struct net_device *dev, const u8 *addr, struct nl_ext_ack *ack);
};

/* How link-layer headers are made. Ethernet's is eth_header_ops; devices without any have NULL. */
struct header_ops {
	/* Pushes the header. daddr NULL: broadcast or unknown as the type has it. 0, or -errno (packet still the caller's). */
	int (*create)(struct cpu *cpu, struct sk_buff *skb, struct net_device *dev, u16 ethertype, const u8 *daddr, const u8 *saddr);
	/* Sender's link-layer address of a received packet into haddr (DEV_ADDR_MAX); returns its length. */
	int (*parse)(const struct sk_buff *skb, u8 *haddr);
};

struct dev_stats { /* per cpu */
	u64 rx_packets, rx_bytes, tx_packets, tx_bytes, rx_dropped, tx_dropped, rx_errors, tx_errors, multicast, collisions,
		rx_length_errors, rx_over_errors, rx_crc_errors, rx_frame_errors, rx_fifo_errors, rx_missed_errors,
		tx_aborted_errors, tx_carrier_errors, tx_fifo_errors, rx_nohandler;
} __cacheline_aligned;

struct netdev_queue {
	struct net_device *dev;
	struct qdisc *qdisc;	 /* published by pointer swap */
	bool stopped;		 /* by the driver: netif_tx_stop / netif_tx_wake */
	u16 index;
	u64 trans_start;
};

/* What a device has above it instead of its own L3: bridge, bond, team, macvlan. True: it took the packet. False: the packet goes on up,
 * as (*skb)->dev's when that was changed. */
typedef bool (*rx_handler_fn)(struct cpu *cpu, struct sk_buff **skb, void *data);

/* Taps see every packet: packet sockets, captures. The skb is borrowed; they clone what they keep. */
struct dev_tap {
	struct list link;
	void (*fn)(struct cpu *cpu, struct dev_tap *tap, struct sk_buff *skb, struct net_device *dev, bool outgoing);
	u16 ethertype; /* ETH_P_ALL, or only this */
};

struct net_device {
	char name[DEV_NAME_SIZE];
	s32 ifindex;
	struct netns *net;
	const struct netdev_ops *ops;
	const struct header_ops *header_ops;
	const struct ethtool_ops *ethtool_ops; /* link/ethtool.h; NULL: only what every device answers */
	const struct link_kind *kind; /* NULL: loopback */
	void *priv;		/* kind->priv_size bytes */
	struct list net_link;	/* netns_dev's list, by ifindex */
	struct hnode index_node, name_node;
	u32 refcnt;

	u32 flags;		/* IFF_*; changed by dev_change_flags only; what tools see is dev_get_flags() */
	u32 gflags;		/* IFF_PROMISC, IFF_ALLMULTI as an administrator set them */
	u32 mtu, min_mtu, max_mtu;
	u16 type;		/* ARPHRD_* */
	u8 addr_len;
	u16 hard_header_len, needed_headroom, needed_tailroom;
	u8 dev_addr[DEV_ADDR_MAX], broadcast[DEV_ADDR_MAX], perm_addr[DEV_ADDR_MAX];
	u16 dev_id;		/* tells devices of one address apart; 0: it is alone with it */
	u8 addr_assign_type;	/* NET_ADDR_* */
	u8 operstate;		/* IF_OPER_* */
	u8 link_mode;
	bool carrier;
	bool dormant;		/* what it stands on is DORMANT */
	bool can_proto_down, proto_down; /* its carrier may be, is held down for a protocol (ip link set protodown) */
	u32 proto_down_reason;	/* bits with names of their users' making */
	bool registered, unregistering;
	bool being_made;	/* by a request that has not come to its end: listeners hear of it then */
	bool opening, carrier_news; /* dev_open is at work; the carrier changed meanwhile */
	bool live_addr_change;	/* set_mac while up */
	bool no_rx_handler;	/* nothing may take its packets away: VRF */
	bool noqueue;		/* no queue in front of the driver by default: lo, veth, dummy, bridge */
	u32 carrier_up_count, carrier_down_count;
	u32 group;
	u32 promiscuity, allmulti;
	u32 tx_queue_len;
	u32 gso_max_size, gso_max_segs, tso_max_size, tso_max_segs, gro_max_size;
	u64 features, hw_features, wanted_features; /* enum netdev_feature */
	char *alias;		/* IFLA_IFALIAS, or NULL */
	struct list altnames;
	struct list mc_list;	/* multicast addresses with counts */
	struct list uc_list;	/* unicast addresses besides its own, likewise */
	bool unicast_filter;	/* the driver looks at uc_list; others become promiscuous while it is not empty */
	bool uc_promisc;	/* which is the case */
	u64 vlan_features;	/* what holds for frames with a VLAN tag, and for VLAN devices above it */
	struct vlan_group *vlans; /* VLAN devices above it, link/vlan.h; NULL: none */
	struct list uppers, lowers; /* struct dev_adjacent: devices stacked on this one, and those it is stacked on; masters apart */

	unsigned num_tx_queues, num_rx_queues, real_tx_queues, real_rx_queues;
	struct netdev_queue *txq;
	struct qdisc *qdisc;	/* root, as `tc qdisc show` has it */
	struct list taps;	/* struct dev_tap; netns_dev.h has those of all devices */
	struct gro *gro;	/* merges what comes by the backlog while NETIF_F_GRO is on; NULL: a NAPI does, or nobody */
	rx_handler_fn rx_handler;
	void *rx_handler_data;
	struct net_device *master;
	u32 l3mdev_table;	/* a VRF: its routing table; 0: none */
	struct list slaves, slave_link;

	struct in_device *ip_ptr;  /* inet/ip4's per-device state; NULL: no IPv4 here */
	struct inet6_dev *ip6_ptr;
	struct dev_stats *stats;   /* [ncpus] */
	struct epoch_node reclaim;
};

/* A kind as `ip link add type KIND` knows it; also nic, made by the host's `weft` command. */
struct link_kind {
	const char *name;
	size_t priv_size;
	unsigned default_txqs, default_rxqs; /* 0: 1 */
	bool queues_per_cpu;	/* default: one queue a cpu, the first in use */
	void (*setup)(struct net_device *dev); /* fills ops, type, mtu, flags, features */
	const struct nl_policy *policy; /* of IFLA_INFO_DATA, policy_max + 1 rows; NULL: none */
	unsigned policy_max;
	/* Looks at a request before anything is made or changed; data may be NULL. May be NULL. */
	int (*validate)(const struct nl_attrs *attrs, const struct nl_attrs *data, struct nl_ext_ack *ack);
	/* From netlink's IFLA_INFO_DATA (may be NULL). dev is made by dev_new, what attrs say is in place (dev->ifindex: the one asked
	 * for, 0: any). Registers the device itself. Several devices may come of one call. On failure dev is still the caller's. */
	int (*newlink)(struct cpu *cpu, struct netns *src_net, struct net_device *dev, const struct nl_attrs *attrs,
		       const struct nl_attrs *data, struct nl_ext_ack *ack);
	int (*changelink)(struct cpu *cpu, struct net_device *dev, const struct nl_attrs *data, struct nl_ext_ack *ack);
	void (*dellink)(struct cpu *cpu, struct net_device *dev);
	/* IFLA_INFO_SLAVE_DATA of a device whose master dev is; NULL: none is taken. */
	const struct nl_policy *slave_policy;
	unsigned slave_policy_max;
	int (*slave_changelink)(struct cpu *cpu, struct net_device *dev, struct net_device *slave, const struct nl_attrs *data, struct nl_ext_ack *ack);
	/* Writes IFLA_INFO_DATA's content. -EMSGSIZE. */
	int (*fill_info)(const struct net_device *dev, struct nl_buf *out);
	/* Writes IFLA_INFO_SLAVE_DATA's content for a device whose master dev is. */
	int (*fill_slave_info)(const struct net_device *dev, const struct net_device *slave, struct nl_buf *out);
	/* Writes IFLA_STATS_LINK_XSTATS' content for dev, or _SLAVE's for a device whose master dev is. May be NULL. */
	void (*fill_xstats)(const struct net_device *dev, const struct net_device *slave_or_null, struct nl_buf *out);
};

/* -- registry: all batons held -- */
/* Not registered yet; name may hold one %d, filled in at registration. NULL: no memory. txqs/rxqs 0: the kind's default. */
struct net_device *dev_new(struct netns *net, const struct link_kind *kind, const char *name, unsigned txqs, unsigned rxqs);
/* ifindex 0: next free. -EEXIST, -EINVAL (name), -ENOMEM. On failure the device is still the caller's (dev_free). */
int dev_register(struct cpu *cpu, struct net_device *dev, s32 ifindex);
void dev_unregister(struct cpu *cpu, struct net_device *dev); /* closes, tells, drops; frees with the last reference */
void dev_free(struct net_device *dev);			      /* one that was never registered */
struct net_device *dev_by_index(struct netns *net, s32 ifindex); /* borrowed */
struct net_device *dev_by_name(struct netns *net, const char *name); /* altnames too */
static inline void dev_hold(struct net_device *dev) { __atomic_fetch_add(&dev->refcnt, 1, __ATOMIC_RELAXED); }
void dev_put(struct net_device *dev);
int dev_change_flags(struct cpu *cpu, struct net_device *dev, u32 flags, struct nl_ext_ack *ack);
int dev_set_mtu(struct cpu *cpu, struct net_device *dev, u32 mtu, struct nl_ext_ack *ack);
int dev_set_mac(struct cpu *cpu, struct net_device *dev, const u8 *addr, struct nl_ext_ack *ack);
void dev_announce_addr(struct cpu *cpu, struct net_device *dev); /* its driver gave it another dev_addr: tells everybody */
int dev_set_name(struct cpu *cpu, struct net_device *dev, const char *name);
int dev_set_netns(struct cpu *cpu, struct net_device *dev, struct netns *to, const char *name_or_null, struct nl_ext_ack *ack);
int dev_set_master(struct cpu *cpu, struct net_device *dev, struct net_device *master_or_null, struct nl_ext_ack *ack);
int dev_set_features(struct cpu *cpu, struct net_device *dev, u64 wanted);
void dev_set_carrier(struct cpu *cpu, struct net_device *dev, bool on);
void dev_set_promiscuity(struct cpu *cpu, struct net_device *dev, int inc);
/* Stacking: upper sits on lower, keeps a reference to it and hears of its events (ops->lower_event). -EBUSY "Device is already an upper
 * device of the lower interface" (a loop), -EMLINK (deeper than 8), -ENOMEM. */
int dev_upper_link(struct net_device *lower, struct net_device *upper, struct nl_ext_ack *ack);
void dev_upper_unlink(struct net_device *lower, struct net_device *upper);
bool dev_has_upper(const struct net_device *lower, const struct net_device *upper); /* anywhere above, masters included */
struct dev_adjacent { struct list in_uppers, in_lowers; struct net_device *upper, *lower; };
/* Carrier and dormancy of lower become upper's. */
void dev_stacked_operstate(struct cpu *cpu, const struct net_device *lower, struct net_device *upper);
void dev_operstate_update(struct net_device *dev); /* from carrier and link mode, RFC 2863; from then on it is not UNKNOWN */
/* Works out dev->features again: what the driver's fix_features looks at has changed. */
void dev_features_update(struct cpu *cpu, struct net_device *dev);
int dev_mc_add(struct net_device *dev, const u8 *addr);
int dev_uc_add(struct net_device *dev, const u8 *addr);
int dev_uc_del(struct net_device *dev, const u8 *addr);
/* lower takes what upper's lists hold (a stacked device's set_rx_mode); and gives all of it back. */
void dev_addr_sync(struct net_device *lower, struct net_device *upper);
void dev_addr_unsync(struct net_device *lower, struct net_device *upper);
int dev_mc_del(struct net_device *dev, const u8 *addr);
/* An administrator's (SIOCADDMULTI): counts once, however often it is added. */
int dev_mc_add_global(struct net_device *dev, const u8 *addr);
int dev_mc_del_global(struct net_device *dev, const u8 *addr);
/* Further names, IFLA_ALT_IFNAME. -EEXIST, -EINVAL, -ENOMEM, -ENOENT. */
int dev_altname_add(struct cpu *cpu, struct net_device *dev, const char *name);
int dev_altname_del(struct cpu *cpu, struct net_device *dev, const char *name);
int dev_set_alias(struct cpu *cpu, struct net_device *dev, const char *alias, size_t len); /* len 0: none */
int dev_set_tx_queue_len(struct cpu *cpu, struct net_device *dev, u32 len);
int dev_set_group(struct cpu *cpu, struct net_device *dev, u32 group);
void dev_set_allmulti(struct cpu *cpu, struct net_device *dev, int inc);
/* IFF_* as ip link shows them: with RUNNING, LOWER_UP, DORMANT, and PROMISC and ALLMULTI as asked for. */
u32 dev_get_flags(const struct net_device *dev);
u8 dev_get_operstate(const struct net_device *dev); /* IFLA_OPERSTATE: DOWN while it is not up */
s32 dev_iflink(const struct net_device *dev);
struct netns *dev_link_netns(const struct net_device *dev);
/* The VRF that dev is, or is a member of; NULL: neither. */
static inline struct net_device *dev_vrf(struct net_device *dev)
{
	if (dev->l3mdev_table)
		return dev;
	return dev->master && dev->master->l3mdev_table ? dev->master : NULL;
}
static inline bool dev_is_vrf(struct netns *net, s32 ifindex)
{
	struct net_device *dev = dev_by_index(net, ifindex);
	return dev && dev->l3mdev_table;
}
/* What is bound to `bound` (0: to nothing) may use device ifindex: the same, or a member of the VRF that it is bound to. */
static inline bool dev_in_scope(struct netns *net, s32 bound, s32 ifindex)
{
	struct net_device *dev = bound && bound != ifindex ? dev_by_index(net, ifindex) : NULL;
	return !bound || bound == ifindex || (dev && dev->master && dev->master->l3mdev_table && dev->master->ifindex == bound);
}
static inline bool dev_running(const struct net_device *dev) { return dev->flags & IFF_UP; }
/* Whether an EV_LINK_CHANGE of what (LINK_CHANGE_*) is news of a running device's state, as Linux means it: without a carrier then, its
 * neighbours are given up each time. */
static inline bool dev_told_of_state(const struct net_device *dev, unsigned long what)
{
	return dev_running(dev) && (what & (LINK_CHANGE_CARRIER | LINK_CHANGE_OTHER) ||
				    (what & LINK_CHANGE_FLAGS && what >> LINK_CHANGE_WHICH_SHIFT & ~(unsigned long)(IFF_PROMISC | IFF_ALLMULTI)));
}
/* 0, -EBUSY: it has one. Packets meet fn from the next batch on. */
int dev_rx_handler_set(struct net_device *dev, rx_handler_fn fn, void *data);
void dev_rx_handler_clear(struct net_device *dev);
/* All devices of the namespace when dev is NULL. The tap is the caller's memory. */
void dev_tap_add(struct netns *net, struct net_device *dev_or_null, struct dev_tap *tap);
void dev_tap_del(struct dev_tap *tap);
bool dev_name_valid(const char *name);
void dev_get_stats(const struct net_device *dev, struct dev_stats *out); /* sums over cpus */
const char *netdev_feature_name(unsigned bit); /* ethtool's, NULL: none */

/* -- packets: home baton -- */
/* From a driver: packets with dev set, data at the link-layer header's end (eth_type_trans done). Consumes all. */
void netif_receive(struct cpu *cpu, struct sk_buff **skbs, unsigned n);
/* Same through GRO when the device has it on. */
void napi_gro_receive(struct cpu *cpu, struct napi *napi, struct sk_buff *skb);
/* Link-layer header is in place, skb->dev is the way out. Consumes. 0; -ENOBUFS and the like tell a local sender of a drop. */
int dev_queue_xmit(struct cpu *cpu, struct sk_buff *skb);
int dev_direct_xmit(struct cpu *cpu, struct sk_buff *skb); /* past the qdisc; -ENOBUFS: the device has no room. Consumes */
/* From a stacked device's start_xmit: goes on by skb->dev, the device below, which may be at home on another cpu. */
int dev_xmit_lower(struct cpu *cpu, struct sk_buff *skb);
/* After the qdisc: segments (GSO) and checksums what the device cannot, taps, start_xmit. */
enum netdev_tx dev_hard_start_xmit(struct cpu *cpu, struct sk_buff *skb, struct net_device *dev, struct netdev_queue *q);
/* Sets pkt_type, protocol, mac header; pulls the Ethernet header. False: too short (skb not consumed). */
bool eth_type_trans(struct sk_buff *skb, struct net_device *dev);
extern const struct header_ops eth_header_ops;
void ether_setup(struct net_device *dev);
int eth_mac_addr(struct net_device *dev, const u8 *addr); /* ops->set_mac of devices that filter nothing. 0, -EADDRNOTAVAIL */
/* link_kind.validate of Ethernet devices: IFLA_ADDRESS. -EINVAL, -EADDRNOTAVAIL. */
int eth_validate(const struct nl_attrs *attrs, const struct nl_attrs *data, struct nl_ext_ack *ack);
void eth_random_addr(struct cpu *cpu, u8 *addr);	   /* locally administered, unicast */
/* Cuts a GSO packet into a list of packets, checksums done or PARTIAL per `features`. skb is consumed when 0 is returned. */
int skb_gso_segment(struct cpu *cpu, struct sk_buff *skb, u64 features, struct skb_list *out);
void netif_tx_stop(struct net_device *dev, unsigned txq);
void netif_tx_wake(struct cpu *cpu, struct net_device *dev, unsigned txq);

/* -- NAPI: struct napi and napi_schedule are core/napi.h's -- */
void napi_complete(struct cpu *cpu, struct napi *napi); /* flushes GRO, unlinks */
/* The backlog's way up: packets as veth and loopback left them, data behind the link-layer header. Consumes. */
void link_backlog_rx(struct cpu *cpu, struct sk_buff **skbs, unsigned n);
u16 link_dev_type(const struct net_device *dev);
int link_dev_walk(struct netns *net, int (*fn)(void *arg, const char *name), void *arg);
struct netns *link_dev_netns(const struct net_device *dev, int *ifindex, char *name);

#endif
