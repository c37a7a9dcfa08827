/* rtnetlink, one file per noun. What they share: the lists of handlers, message builders that answers and notifications have in
 * common, and numbers that the headers of Debian 12 do not have yet. */
#ifndef CONTROL_ROUTE_RT_H
#define CONTROL_ROUTE_RT_H

#include <linux/rtnetlink.h>

#include "control/netlink.h"
#include "core/event.h"
#include "link/netdevice.h"

/* Attributes of if_link.h and others, newer than Linux 6.1; values are the uapi's. */
enum {
	RT_IFLA_DEVLINK_PORT = 62, RT_IFLA_GSO_IPV4_MAX_SIZE = 63, RT_IFLA_GRO_IPV4_MAX_SIZE = 64, RT_IFLA_DPLL_PIN = 65, RT_IFLA_MAX_PACING_OFFLOAD_HORIZON = 66,
	RT_IFLA_NETNS_IMMUTABLE = 67, RT_IFLA_HEADROOM = 68, RT_IFLA_TAILROOM = 69, RT_IFLA_MAX = 69,
};

struct fib_alias;
struct fib_event;
struct fib_rule;
struct nexthop;
struct in_device;
struct in_ifaddr;
struct neighbour;

/* One message each. `type` RTM_NEW… or RTM_DEL…; flags NLM_F_…; 0, or nl_end()'s -EMSGSIZE. */
struct rt_link_fill {
	u16 type, flags;
	u32 seq, portid;
	u32 change;		/* ifi_change */
	u32 ext_mask;		/* RTEXT_FILTER_* */
	const s32 *new_nsid;	/* of a device that left for there, or NULL */
	s32 new_ifindex;
	struct netns *net;	/* whose view: NULL: the device's own */
	s32 tgt_nsid;		/* IFLA_TARGET_NETNSID, -1: none */
};
int rt_link_fill(struct cpu *cpu, struct nl_buf *b, struct net_device *dev, const struct rt_link_fill *f);
int rt_addr_fill(struct nl_buf *b, const struct in_ifaddr *ifa, u64 now, u16 type, u16 flags, u32 seq, u32 portid, s32 tgt_nsid);
int rt_nexthop_bucket_fill(struct nl_buf *b, const struct nexthop *nh, u16 index, u64 now, u16 flags, u32 seq, u32 portid);
int rt_nexthop_fill(struct nl_buf *b, const struct nexthop *nh, u32 op_flags, u64 now, u16 type, u16 flags, u32 seq, u32 portid);
int rt_rule_fill(struct nl_buf *b, const struct fib_rule *r, u16 type, u16 flags, u32 seq, u32 portid);
int rt_route_fill(struct nl_buf *b, const struct fib_alias *a, u16 type, u16 flags, u32 seq, u32 portid);
int rt_neigh_fill(struct nl_buf *b, const struct neighbour *n, u64 now, u16 type, u16 flags, u32 seq, u32 portid);
int rt_netconf_fill(struct nl_buf *b, struct netns *net, s32 ifindex, s32 which, u16 type, u16 flags, u32 seq, u32 portid);
struct mr_entry;
struct mr_report_event;
struct mr_table;
int rt_mroute_fill(struct nl_buf *b, const struct mr_table *t, const struct mr_entry *e, u64 now, u16 type, u16 flags, u32 seq, u32 portid);
int rt_mroute_report_fill(struct nl_buf *b, const struct mr_report_event *r);
void rt_put_stats64(struct nl_buf *b, u16 type, const struct net_device *dev);
struct inet6_dev;
struct inet6_ifaddr;
int rt_addr6_fill(struct nl_buf *b, const struct inet6_ifaddr *ifa, u64 now, u16 type, u16 flags, u32 seq, u32 portid);
int rt_addr6_dump(struct nl_dump *d, struct nl_buf *b);
int rt_link6_fill(struct nl_buf *b, struct net_device *dev, u16 type, u16 flags, u32 seq, u32 portid);
void rt_put_inet6(struct nl_buf *b, const struct inet6_dev *idev, bool with_stats);
int rt_set_inet6(struct nl_request *rq, struct net_device *dev, const struct nlattr *af);
int rt_netconf6_fill(struct nl_buf *b, struct netns *net, s32 ifindex, s32 which, u16 type, u16 flags, u32 seq, u32 portid);
void rt_put_devconf(struct nl_buf *b, u16 type, const struct in_device *idev);

struct br_event;
struct br_fdb;
extern const struct nl_policy rt_neigh_policy[];
void rt_bridge_event(struct cpu *cpu, struct netns *net, const struct br_event *e);
void rt_bridge_link_tell(struct cpu *cpu, struct net_device *dev, u16 type); /* AF_BRIDGE's view of a port or a bridge */
int rt_fdb_fill(struct nl_buf *b, struct net_device *bridge, const struct br_fdb *f, u16 type, u16 flags, u32 seq, u32 portid);
void rt_mdb_event(struct cpu *cpu, const struct br_event *e);
void rt_brvlan_event(struct cpu *cpu, const struct br_event *e);
/* Fills one message for a group if anybody listens; what nl_begin to nl_end is fn's. */
void rt_tell(struct cpu *cpu, struct netns *net, u32 group, void (*fn)(struct nl_buf *b, const void *arg), const void *arg);

/* The namespace that NET_NS_FD, NET_NS_PID or TARGET_NETNSID attributes name: a new reference. */
int rt_netns_by_fd(struct cpu *cpu, s32 fd, struct netns **out);
int rt_netns_by_pid(struct cpu *cpu, s32 pid, struct netns **out);
/* Device named by ifindex, or by IFLA_IFNAME / IFLA_ALT_IFNAME attributes (may be NULL). Borrowed, or NULL. */
struct net_device *rt_dev_named(struct netns *net, const struct nlattr *ifname, const struct nlattr *altname);
bool rt_master_fits(const struct net_device *dev, s32 master); /* a dump's filter: 0 takes all, -1 those without a master */
/* Clock ticks of USER_HZ (100 a second), as rtnetlink tells times. */
static inline u32 rt_ticks(u64 ns) { return (u32)(ns / 10000000u); }


extern const struct nl_handler rt_link_handlers[], rt_addr_handlers[], rt_route_handlers[], rt_neigh_handlers[], rt_neightbl_handlers[],
	rt_rule_handlers[], rt_nsid_handlers[], rt_netconf_handlers[], rt_addr6_handlers[], rt_addrlabel_handlers[],
	rt_link6_handlers[], rt_qdisc_handlers[], rt_stats_handlers[], rt_nexthop_handlers[], rt_mroute_handlers[], rt_fdb_handlers[],
	rt_bridge_handlers[], rt_mdb_handlers[], rt_brvlan_handlers[];
extern const struct nl_handler *const rt_handlers[]; /* all of them, NULL-terminated */
extern const struct event_sub rt_events_first, rt_events; /* their places among the subscribers */

#endif
