/* The bridge device: a switch whose ports are other devices. `ip link add br0 type bridge; ip link set eth0 master br0`.
 *
 * A frame that a port receives goes to br_receive() (the port's rx_handler): spanning tree state (br_stp.c), VLAN (br_vlan.c), learning
 * (br_fdb.c), snooping (br_mcast.c), then to one port, to all of them, or up through the bridge device (br_forward.c). What the host sends
 * on the bridge takes the same way from br_dev.c's transmit. IEEE 802.1D-1998, IEEE 802.1Q, RFC 4541; ip-link(8), bridge(8).
 *
 * A bridge and its ports are in one namespace, and its data belong to that one's home cpu: no locks. Timers are armed there. */
#ifndef LINK_BRIDGE_BRIDGE_H
#define LINK_BRIDGE_BRIDGE_H

#include <netinet/in.h>
#ifndef _LINUX_IN6_H
#define _LINUX_IN6_H /* the C library has these addresses already, whatever came before */
#endif
#include <linux/if_bridge.h>
#include <linux/if_link.h>

#include "base/hash.h"
#include "base/timer.h"
#include "codec/netlink/nl_attr.h"
#include "codec/wire/eth.h"
#include "core/trace.h"
#include "link/netdevice.h"

/* Newer than the headers of Debian 12; values are the uapi's. */
enum { BR_IFLA_FDB_N_LEARNED = 48, BR_IFLA_FDB_MAX_LEARNED, BR_IFLA_MAX = BR_IFLA_FDB_MAX_LEARNED };
enum { BR_IFLA_PORT_MAB = 40, BR_IFLA_PORT_MCAST_N_GROUPS, BR_IFLA_PORT_MCAST_MAX_GROUPS, BR_IFLA_PORT_NEIGH_VLAN_SUPPRESS,
       BR_IFLA_PORT_BACKUP_NHID, BR_IFLA_PORT_MAX = BR_IFLA_PORT_BACKUP_NHID };

#define BR_PORTS_MAX 1024
#define BR_PORT_BITS 10		/* of a port id, the number; the rest is its priority */
#define BR_VLANS 4096
#define BR_TICKS_NS 10000000ull	/* USER_HZ: what rtnetlink and sysfs count times in */

enum br_port_flag {
	BRP_HAIRPIN = 1 << 0, BRP_BPDU_GUARD = 1 << 1, BRP_ROOT_BLOCK = 1 << 2, BRP_FAST_LEAVE = 1 << 3, BRP_ADMIN_COST = 1 << 4,
	BRP_LEARNING = 1 << 5, BRP_FLOOD = 1 << 6, BRP_PROMISC = 1 << 7, BRP_PROXYARP = 1 << 8, BRP_PROXYARP_WIFI = 1 << 9,
	BRP_MCAST_FLOOD = 1 << 10, BRP_MCAST_TO_UNICAST = 1 << 11, BRP_VLAN_TUNNEL = 1 << 12, BRP_BCAST_FLOOD = 1 << 13,
	BRP_NEIGH_SUPPRESS = 1 << 14, BRP_ISOLATED = 1 << 15, BRP_LOCKED = 1 << 16, BRP_MAB = 1 << 17,
	BRP_AUTO = BRP_LEARNING | BRP_FLOOD, /* such a port needs to hear everything */
};

struct br_vlan_stats { u64 rx_bytes, rx_packets, tx_bytes, tx_packets; };
struct br_vlan {
	struct list link;	/* br_vlans.list, by id */
	u16 vid, flags;		/* BRIDGE_VLAN_INFO_UNTAGGED, _MASTER (in the bridge's table), _BRENTRY (the bridge itself is a member) */
	u8 state;		/* BR_STATE_*: beside the port's own */
	struct br_vlan *master;	/* a port's: that of the bridge */
	u32 users;		/* the bridge's: ports that have it */
	struct br_vlan_stats own, *stats;
};
struct br_vlans {
	struct br_vlan **chunk[BR_VLANS / 256];
	struct list list;
	u16 pvid;		/* 0: none */
	u16 count;		/* that count: of the bridge's own only those where it is a member */
};

enum br_fdb_flag {
	FDB_LOCAL = 1 << 0, FDB_STATIC = 1 << 1, FDB_STICKY = 1 << 2, FDB_USER = 1 << 3, FDB_EXT_LEARN = 1 << 4, FDB_NOTIFY = 1 << 5,
	FDB_NOTIFY_INACTIVE = 1 << 6, FDB_LOCKED = 1 << 7, FDB_LEARNED = 1 << 8, /* counts towards fdb_max_learned */
};
struct br_fdb {
	struct hnode node;
	struct list link;	/* bridge.fdb_list: the newest first */
	u8 addr[ETH_ADDR_LEN];
	u16 vid;
	u32 flags;		/* enum br_fdb_flag */
	struct br_port *dst;	/* NULL: the bridge itself */
	u64 updated, used;	/* ns */
};

struct br_stp_stats { u64 transition_blk, transition_fwd, rx_bpdu, tx_bpdu, rx_tcn, tx_tcn; };
struct br_port_mcast;
struct br_port {
	struct bridge *br;
	struct net_device *dev;
	struct list link;	/* bridge.ports: the newest first */
	u32 flags;		/* enum br_port_flag */
	u16 group_fwd_mask;
	struct br_port *backup;	/* takes its frames while it has no carrier */
	u32 backup_users;	/* ports whose backup it is */
	struct br_vlans vlans;
	/* spanning tree: 802.1D's words */
	u8 state, priority;	/* BR_STATE_* */
	u16 port_no, port_id, designated_port;
	u64 designated_root, designated_bridge;
	u32 path_cost, designated_cost;
	u64 designated_age;	/* ns: when the root said it */
	bool topology_change_ack, config_pending;
	struct timer forward_delay, hold, message_age;
	struct br_stp_stats stp_stats;
	struct br_port_mcast *mcast;
	bool told;		/* the event at hand has been told of this port */
};

struct br_mcast;
struct bridge {
	struct net_device *dev;
	struct list ports;
	u32 auto_count;		/* ports with BRP_AUTO */
	struct htable fdb;
	struct list fdb_list;
	u32 fdb_learned, fdb_max_learned; /* max 0: none */
	u64 ageing_time;	/* ns */
	struct timer gc;
	u8 group_addr[ETH_ADDR_LEN];
	bool group_addr_set, mtu_set;
	u16 group_fwd_mask;
	bool no_linklocal_learn, nf_call_iptables, nf_call_ip6tables, nf_call_arptables;
	bool arp_proxies, nd_suppress; /* some port has BRP_PROXYARP, _PROXYARP_WIFI or _NEIGH_SUPPRESS; the last */
	/* VLANs */
	bool vlan_filtering, vlan_stats, vlan_stats_per_port;
	be16 vlan_proto;
	u16 default_pvid;
	struct br_vlans vlans;
	/* spanning tree */
	bool stp;
	u64 id, designated_root; /* priority << 48 | address */
	u32 root_path_cost;
	u16 root_port;
	u64 max_age, hello_time, forward_delay, bridge_max_age, bridge_hello_time, bridge_forward_delay; /* ns */
	bool topology_change, topology_change_detected;
	struct timer hello, tcn, topology_change_timer;
	struct br_mcast *mcast;
};

extern const struct link_kind link_kind_bridge;
static inline bool dev_is_bridge(const struct net_device *dev) { return dev->kind == &link_kind_bridge; }
static inline struct bridge *br_of(const struct net_device *dev) { return dev->priv; }
bool br_receive(struct cpu *cpu, struct sk_buff **pskb, void *data);
/* The port that dev is, or NULL. */
static inline struct br_port *br_port_of(const struct net_device *dev) { return dev->rx_handler == br_receive ? dev->rx_handler_data : NULL; }
static inline struct cpu *br_home(const struct bridge *br) { return br->dev->net->home; }
static inline struct mem *br_mem(const struct bridge *br) { return &br->dev->net->world->mem; }
void br_arm(struct bridge *br, struct timer *t, u64 after_ns); /* on its home cpu */
static inline u32 br_ticks(u64 ns) { return (u32)((ns + BR_TICKS_NS / 2) / BR_TICKS_NS); }
u64 br_timer_left(const struct bridge *br, const struct timer *t); /* ns; 0: idle */
#define br_for_each_port(pos, br) list_for_each(pos, &(br)->ports, link)

/* EV_BRIDGE's object: what listeners of rtnetlink are told. */
struct br_event {
	enum { BR_EV_PORT_NEW, BR_EV_PORT_DEL, BR_EV_FDB_NEW, BR_EV_FDB_DEL, BR_EV_VLAN, BR_EV_MDB_NEW, BR_EV_MDB_DEL } what;
	struct net_device *dev;	/* PORT: the port or the bridge; VLAN likewise; others: the bridge */
	const struct br_fdb *fdb;
	u16 vid, vid_end;	/* VLAN */
	bool vlan_gone;
	const void *mdb;
};
void br_tell(struct cpu *cpu, const struct br_event *e);
void br_tell_port(struct cpu *cpu, struct br_port *p); /* it changed */

/* -- br_dev.c, br_port.c -- */
int br_port_add(struct net_device *dev, struct net_device *slave, struct nl_ext_ack *ack);
int br_port_del(struct net_device *dev, struct net_device *slave);
void br_port_moved(struct cpu *cpu, struct net_device *dev, struct net_device *slave);
void br_port_event(struct cpu *cpu, struct net_device *dev, struct net_device *lower, enum net_event ev, unsigned long info);
void br_manage_promisc(struct bridge *br);
void br_port_flags_changed(struct br_port *p, u32 old);
int br_port_set_backup(struct br_port *p, struct net_device *backup_or_null);
bool br_oper_up(const struct net_device *dev);
void br_mtu_adjust(struct cpu *cpu, struct bridge *br);
void br_gso_limits(struct bridge *br);
u32 br_dev_speed(const struct net_device *dev); /* Mbit/s, 0: unknown */

/* -- br_fdb.c -- */
int br_fdb_init(struct bridge *br);
void br_fdb_fini(struct bridge *br);
struct br_fdb *br_fdb_find(const struct bridge *br, const u8 *addr, u16 vid);
/* A frame of addr came in by p. */
void br_fdb_learn(struct cpu *cpu, struct bridge *br, struct br_port *p, const u8 *addr, u16 vid, u32 flags);
int br_fdb_add_local(struct bridge *br, struct br_port *p_or_null, const u8 *addr, u16 vid);
void br_fdb_del_local(struct bridge *br, const struct br_port *p_or_null, const u8 *addr, u16 vid);
void br_fdb_change_port_addr(struct br_port *p, const u8 *addr);
void br_fdb_change_bridge_addr(struct bridge *br, const u8 *addr);
void br_fdb_del_port(struct bridge *br, const struct br_port *p, u16 vid, bool all); /* vid 0: all; all: static ones too */
/* Which entries `bridge fdb flush` means: those that fit each. */
struct br_fdb_flush { s32 ifindex; u16 vid; u32 flags, mask; };
void br_fdb_flush(struct bridge *br, const struct br_fdb_flush *f);
void br_fdb_remove(struct cpu *cpu, struct bridge *br, struct br_fdb *f);
/* What `bridge fdb add` asks for. */
struct br_fdb_request {
	const u8 *addr;
	u16 state, nl_flags;	/* NUD_*; NLM_F_* */
	u8 flags;		/* NTF_* */
	u32 ext_flags;
	u16 vid;
	bool activity, norefresh; /* NFEA_ACTIVITY_NOTIFY was given, and its bits */
	u8 activity_bits;
};
int br_fdb_request_add(struct cpu *cpu, struct bridge *br, struct br_port *p_or_null, const struct br_fdb_request *r, struct nl_ext_ack *ack);
int br_fdb_request_del(struct cpu *cpu, struct bridge *br, const struct br_port *p_or_null, const u8 *addr, u16 vid);
u64 br_hold_time(const struct bridge *br);
bool br_fdb_expired(const struct bridge *br, const struct br_fdb *f);
void br_fdb_gc_now(struct bridge *br);
int br_fdb_sync_static(struct bridge *br, struct br_port *p);
void br_fdb_unsync_static(struct bridge *br, struct br_port *p);

/* -- br_forward.c -- */
enum br_kind { BR_UNICAST, BR_BROADCAST, BR_MULTICAST };
/* How skb travels through the bridge: in its cb. */
struct br_cb {
	bool isolated;		/* came by such a port */
	bool local;		/* the host sent it */
	bool answered;		/* a proxy answered its ARP request */
	bool mrouters_only, igmp; /* snooping: to routers; it is IGMP or MLD itself */
	bool ttl_keep;
	u8 report;
	struct br_port *src;	/* NULL: the host */
};
#define BR_CB(skb) ((struct br_cb *)(skb)->cb)
/* Data at the network header, the Ethernet header in front. keep: the packet stays the caller's; else consumed. */
void br_forward_to(struct cpu *cpu, struct br_port *p, struct sk_buff *skb, bool keep);
void br_flood(struct cpu *cpu, struct bridge *br, struct sk_buff *skb, enum br_kind kind, bool keep, u16 vid);
bool br_should_deliver(struct cpu *cpu, const struct br_port *p, const struct sk_buff *skb);
void br_deliver_copy(struct cpu *cpu, struct br_port *p, struct sk_buff *skb);
bool br_deliver_copy_as_unicast(struct cpu *cpu, struct br_port *p, struct sk_buff *skb, const u8 *dst);
void br_send_finish(struct cpu *cpu, struct br_port *p, struct sk_buff *skb); /* consumes */
/* Up through the bridge device. True: skb->dev is the bridge now, the packet goes on; false: it is gone. */
bool br_pass_up(struct cpu *cpu, struct bridge *br, struct sk_buff *skb);
__printf(4, 5) void br_trace(struct cpu *cpu, const struct sk_buff *skb, u64 a, const char *fmt, ...);

/* -- br_stp.c, br_stp_bpdu.c, br_stp_timer.c -- */
struct br_config_bpdu {
	bool topology_change, topology_change_ack;
	u64 root, bridge;
	u32 root_path_cost;
	u16 port_id;
	u64 message_age, max_age, hello_time, forward_delay; /* ns */
};
void br_stp_init(struct bridge *br);
void br_stp_port_init(struct br_port *p);
void br_stp_port_timers_stop(struct br_port *p);
void br_stp_timers_stop(struct bridge *br);
void br_stp_bridge_up(struct cpu *cpu, struct bridge *br);
void br_stp_bridge_down(struct cpu *cpu, struct bridge *br);
void br_stp_port_enable(struct cpu *cpu, struct br_port *p);
void br_stp_port_disable(struct cpu *cpu, struct br_port *p);
/* The address is the lowest of the ports', unless one was set. True: it changed. */
bool br_stp_recalculate_id(struct cpu *cpu, struct bridge *br);
void br_stp_change_id(struct cpu *cpu, struct bridge *br, const u8 *addr);
void br_stp_set_enabled(struct cpu *cpu, struct bridge *br, bool on);
void br_stp_set_priority(struct cpu *cpu, struct bridge *br, u16 prio);
int br_stp_set_port_priority(struct cpu *cpu, struct br_port *p, u32 prio);
int br_stp_set_path_cost(struct cpu *cpu, struct br_port *p, u32 cost);
int br_stp_set_port_state(struct cpu *cpu, struct br_port *p, u8 state);
int br_stp_set_forward_delay(struct bridge *br, u64 ns);
int br_stp_set_hello_time(struct bridge *br, u64 ns);
int br_stp_set_max_age(struct bridge *br, u64 ns);
void br_stp_set_state(struct cpu *cpu, struct br_port *p, u8 state);
void br_stp_rx(struct cpu *cpu, struct br_port *p, struct sk_buff *skb); /* data at the LLC header; consumes */
bool br_stp_is_root(const struct bridge *br);
bool br_stp_is_designated(const struct br_port *p);
struct br_port *br_port_by_no(struct bridge *br, u16 no);
void br_stp_port_states(struct cpu *cpu, struct bridge *br);	/* 802.1D 8.6.11: port state selection */
void br_stp_update(struct bridge *br);				/* 8.6.7: configuration update */
void br_stp_become_root(struct cpu *cpu, struct bridge *br);
void br_stp_become_designated(struct br_port *p);
void br_stp_generate_configs(struct cpu *cpu, struct bridge *br);
void br_stp_transmit_config(struct cpu *cpu, struct br_port *p);
void br_stp_transmit_tcn(struct cpu *cpu, struct bridge *br);
void br_stp_topology_changed(struct cpu *cpu, struct bridge *br);
void br_stp_set_topology_change(struct bridge *br, bool on);
void br_stp_config_received(struct cpu *cpu, struct br_port *p, const struct br_config_bpdu *c);
void br_stp_tcn_received(struct cpu *cpu, struct br_port *p);
void br_stp_send_config(struct cpu *cpu, struct br_port *p, const struct br_config_bpdu *c);
void br_stp_send_tcn(struct cpu *cpu, struct br_port *p);

/* -- br_vlan.c -- */
int br_vlan_bridge_init(struct bridge *br);	/* after it was registered */
void br_vlans_init(struct br_vlans *vs);
int br_vlan_port_init(struct br_port *p);
void br_vlan_port_flush(struct br_port *p);
void br_vlan_bridge_flush(struct bridge *br);
struct br_vlan *br_vlan_find(const struct br_vlans *vs, u16 vid);
static inline bool br_vlan_is_member(const struct br_vlan *v) { return !(v->flags & BRIDGE_VLAN_INFO_MASTER) || v->flags & BRIDGE_VLAN_INFO_BRENTRY; }
/* Whether a frame may come in; *vid: its VLAN, 0 while there is no filtering; *state: what the VLAN makes of the port's. False: dropped. */
bool br_vlan_ingress(struct cpu *cpu, struct bridge *br, const struct br_vlans *vs, struct sk_buff *skb, u16 *vid, u8 *state);
bool br_vlan_egress_ok(const struct bridge *br, const struct br_vlans *vs, const struct sk_buff *skb);
/* Takes the tag off where the VLAN leaves untagged. False: not a member (the packet stays the caller's). */
bool br_vlan_egress(const struct bridge *br, const struct br_vlans *vs, struct sk_buff *skb);
u16 br_vlan_of(const struct bridge *br, const struct br_vlans *vs, const struct sk_buff *skb); /* the VLAN to learn it in; 0xffff: none */
u16 br_vlan_forced_fwd_mask(const struct bridge *br); /* reserved addresses that a provider's bridge passes on (802.1Q table 8-1, 8-2) */
/* *changed: there is something to tell of. */
int br_vlan_add(struct bridge *br, u16 vid, u16 flags, bool *changed, struct nl_ext_ack *ack);
int br_vlan_del(struct bridge *br, u16 vid);
int br_vlan_port_add(struct br_port *p, u16 vid, u16 flags, bool *changed, struct nl_ext_ack *ack);
int br_vlan_port_del(struct br_port *p, u16 vid);
int br_vlan_set_default_pvid(struct cpu *cpu, struct bridge *br, u16 pvid, struct nl_ext_ack *ack);
int br_vlan_set_protocol(struct bridge *br, be16 proto);
int br_vlan_set_filtering(struct cpu *cpu, struct bridge *br, bool on);
int br_vlan_set_stats_per_port(struct bridge *br, bool on);
bool br_vlan_set_port_vlan_state(struct br_vlan *v, u8 state);
void br_vlan_tell(struct cpu *cpu, struct net_device *dev, u16 from, u16 to, bool gone);

/* -- br_link.c, br_port_link.c -- */
int br_changelink(struct cpu *cpu, struct net_device *dev, const struct nl_attrs *data, struct nl_ext_ack *ack);
extern const struct nl_policy br_policy[BR_IFLA_MAX + 1], br_port_policy[BR_IFLA_PORT_MAX + 1];
int br_slave_changelink(struct cpu *cpu, struct net_device *dev, struct net_device *port, const struct nl_attrs *data, struct nl_ext_ack *ack);
void br_fill_xstats(const struct net_device *dev, const struct net_device *port_or_null, struct nl_buf *out);
int br_fill_info(const struct net_device *dev, struct nl_buf *out);
int br_port_fill(const struct net_device *dev, const struct net_device *port, struct nl_buf *out);
/* IFLA_BRPORT_*: of `ip link set X type bridge_slave` and of `bridge link set`. Tells nobody. */
int br_port_change(struct cpu *cpu, struct br_port *p, const struct nl_attrs *a, struct nl_ext_ack *ack);
int br_set_group_addr(struct bridge *br, const u8 *addr);
int br_set_group_fwd_mask(struct bridge *br, u32 mask);
int br_set_boolopts(struct bridge *br, u32 val, u32 mask, struct nl_ext_ack *ack);
void br_put_id(struct nl_buf *b, u16 type, u64 id);
/* Switches flags of a port on or off as an administrator. */
int br_port_set_flag(struct br_port *p, u32 flag, bool on);

#endif
