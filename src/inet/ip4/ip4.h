/* IPv4 in a namespace: addresses, per-device settings, the packet path, ICMP. */
#ifndef INET_IP4_IP4_H
#define INET_IP4_IP4_H

#include "inet/af.h"
#include "inet/inet.h"
#include "inet/mc.h"
#include "link/neigh.h"

struct nl_ext_ack;
struct event_sub;
struct l3_proto;
struct l4_proto;
struct proc_file;
struct subsys;
struct sysctl_table;

struct in_ifaddr {		/* one address on a device */
	struct list link;	/* in_device.addrs: primaries first, each subnet's secondaries behind, in Linux's order */
	struct hnode node;	/* netns_ip4's table of local addresses */
	struct in_device *idev;
	be32 local, address, broadcast; /* address: the peer's on point-to-point, else local's */
	u8 prefix_len, scope;	/* RT_SCOPE_* */
	u32 flags;		/* IFA_F_SECONDARY, PERMANENT, NODAD, NOPREFIXROUTE … */
	u32 metric;
	u8 proto;
	u32 valid_lft_s, preferred_lft_s; /* INFINITY_LIFE_TIME 0xffffffff */
	u64 cstamp, tstamp;	/* ns */
	char label[DEV_NAME_SIZE];
};
/* /proc/sys/net/ipv4/conf/DEV/…: one value each; "all" and "default" are of the namespace. */
enum ip4_conf { IP4_CONF_FORWARDING, IP4_CONF_MC_FORWARDING, IP4_CONF_ACCEPT_REDIRECTS, IP4_CONF_SECURE_REDIRECTS,
	IP4_CONF_SEND_REDIRECTS, IP4_CONF_SHARED_MEDIA, IP4_CONF_RP_FILTER, IP4_CONF_ACCEPT_SOURCE_ROUTE, IP4_CONF_ACCEPT_LOCAL,
	IP4_CONF_LOG_MARTIANS, IP4_CONF_ARP_FILTER, IP4_CONF_ARP_ANNOUNCE, IP4_CONF_ARP_IGNORE, IP4_CONF_ARP_ACCEPT,
	IP4_CONF_ARP_NOTIFY, IP4_CONF_PROXY_ARP, IP4_CONF_PROXY_ARP_PVLAN, IP4_CONF_ROUTE_LOCALNET, IP4_CONF_SRC_VALID_MARK,
	IP4_CONF_PROMOTE_SECONDARIES, IP4_CONF_DROP_GRATUITOUS_ARP, IP4_CONF_DROP_UNICAST_IN_L2_MULTICAST,
	IP4_CONF_IGNORE_ROUTES_WITH_LINKDOWN, IP4_CONF_BC_FORWARDING, IP4_CONF_TAG, IP4_CONF_MEDIUM_ID, IP4_CONF_NOXFRM,
	IP4_CONF_NOPOLICY, IP4_CONF_FORCE_IGMP_VERSION, IP4_CONF_ARP_EVICT_NOCARRIER, IP4_CONF_IGMPV2_UNSOLICITED,
	IP4_CONF_IGMPV3_UNSOLICITED, IP4_CONF_BOOTP_RELAY, IP4_CONF_MAX };
/* What the packet path asks of a device's settings, combined with "all": in_device.on. */
enum { IN_DEV_FORWARD = BIT(0), IN_DEV_SEND_REDIRECTS = BIT(1), IN_DEV_SHARED_MEDIA = BIT(2), IN_DEV_ACCEPT_LOCAL = BIT(3),
       IN_DEV_ROUTE_LOCALNET = BIT(4), IN_DEV_DROP_UNICAST_IN_L2_MC = BIT(5), IN_DEV_BC_FORWARD = BIT(6),
       IN_DEV_SOURCE_ROUTE = BIT(7), IN_DEV_IGNORE_LINKDOWN = BIT(8), IN_DEV_SRC_VALID_MARK = BIT(9), IN_DEV_RPFILTER = BIT(10),
       IN_DEV_MFORWARD = BIT(11) };
struct in_device {
	struct net_device *dev;
	u32 on;			/* IN_DEV_* */
	s32 conf[IP4_CONF_MAX];
	u32 conf_set;		/* which were set for this device */
	struct list addrs;	/* struct in_ifaddr */
	struct neigh_parms *arp_parms;
	struct mc_dev mc;	/* groups */
	struct dst *to_link, *to_group, *to_all, *to_self; /* for packets that no route names: unicast, multicast, broadcast, ourselves; made when used */
	u32 mtu;		/* dev's, as it was last: exceptions follow it */
	bool dead;
};
struct netns_ip4 {
	s32 conf_all[IP4_CONF_MAX], conf_default[IP4_CONF_MAX];
	struct htable local;	/* in_ifaddr by local address */
	s32 default_ttl, ip_forward_use_pmtu, fwd_update_priority, no_pmtu_disc, min_pmtu, nonlocal_bind, autobind_reuse, early_demux, fwmark_reflect;
	u64 mtu_expires_ns;
	s32 icmp_echo_ignore_all, icmp_echo_ignore_broadcasts, icmp_echo_enable_probe, icmp_ignore_bogus, icmp_errors_use_inbound_ifaddr, icmp_ratemask;
	u64 icmp_ratelimit_ns;
	s32 icmp_msgs_per_sec, icmp_msgs_burst;
	s32 ping_group_range[2];
	s32 min_adv_mss;
	s32 igmp_max_memberships, igmp_max_msf, igmp_qrv, igmp_link_local_reports;
	struct ip4_private *priv; /* peers' rate limits, id counters, fragment queues: the folder's own */
};

/* Addresses; all batons held. -EEXIST "ipv4: Address already assigned", -EADDRNOTAVAIL, -EINVAL, -ENOBUFS */
struct in_ifaddr_config { be32 local, address, broadcast; u8 prefix_len, scope; bool has_scope, has_broadcast; u32 flags, metric,
	valid_lft_s, preferred_lft_s; u8 proto; const char *label; bool replace, excl; u32 portid, seq; };
int ip4_addr_add(struct cpu *cpu, struct net_device *dev, const struct in_ifaddr_config *c, struct nl_ext_ack *ack);
int ip4_addr_del(struct cpu *cpu, struct net_device *dev, const struct in_ifaddr_config *c, struct nl_ext_ack *ack);
struct in_device *in_dev_get_or_new(struct net_device *dev); /* NULL: no memory or IPv4 cannot run there */
s32 ip4_conf_get(const struct net_device *dev, enum ip4_conf c); /* combined with "all" as Linux combines each */
be32 ip4_select_saddr(struct netns *net, struct net_device *dev_or_null, be32 dst, u8 scope);
struct in_ifaddr *ip4_ifaddr_find(struct netns *net, be32 local);
static inline struct in_device *in_dev_get(const struct net_device *dev) { return ptr_load(dev->ip_ptr); }
extern const struct inet_af inet_af_v4;
extern const struct neigh_table arp_table;

/* Parsed IP options, in socket options and received packets. srr, rr, ts, router_alert: where these begin, from the begin of the
 * IP header (20 is data[0]); 0: absent. */
struct ip4_opts { u8 len; u8 srr, rr, ts, router_alert; u8 cipso; bool is_strictroute, srr_is_hit, is_changed, rr_needaddr, ts_needtime,
	ts_needaddr; be32 faddr; u8 data[40]; };
/* -EINVAL; *info: offset of the bad byte; info may be NULL. */
int ip4_opts_compile(struct netns *net, struct ip4_opts *o, u32 *info, bool from_user);
struct ip4_hdr;
/* The options that answer a packet: in (compiled) of the received header ip. Source routes are turned round. -EINVAL. */
int ip4_opts_echo(struct netns *net, const struct ip4_opts *in, const struct ip4_hdr *ip, struct ip4_opts *out);

struct net_device *ip4_dev_by_addr(struct netns *net, be32 local); /* who has this address; borrowed, NULL: nobody */

/* Group membership of a device, counted: a socket's join, or our own. -ENOMEM, -EADDRNOTAVAIL. Home or all batons. */
int ip4_mc_join(struct cpu *cpu, struct net_device *dev, be32 group);
void ip4_mc_leave(struct cpu *cpu, struct net_device *dev, be32 group);
bool ip4_mc_member(const struct in_device *idev, be32 group);
struct mc_dev *ip4_mc_dev(const struct net_device *dev); /* for members with source filters; NULL: no IPv4 there */
bool ip4_mc_wants(const struct in_device *idev, be32 group, be32 source, u8 proto);

/* The packet path's stages; each consumes. */
void ip4_local_deliver(struct cpu *cpu, struct sk_buff *skb);
void ip4_forward(struct cpu *cpu, struct sk_buff *skb);
int ip4_output(struct cpu *cpu, struct sk_buff *skb);
/* An ICMP error about skb (network header set), under all rules and limits. info: as in the header's second word. Borrows. */
void icmp4_send(struct cpu *cpu, struct sk_buff *skb, u8 type, u8 code, be32 info);

/* What stack/ plugs in. */
extern const struct subsys inet_subsys, ip4_subsys;
extern const struct event_sub ip4_event_sub;
extern const struct l3_proto ip4_l3_proto, arp_l3_proto;
extern const struct l4_proto icmp4_proto, igmp4_proto, pim4_proto;

#endif
