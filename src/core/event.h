/* Events that layers announce upwards: device, address, route and neighbour changes. Subscribers are a const list in
 * stack_tables (no registration at run time) and are called in its order, synchronously, all batons held unless the event
 * says otherwise (neighbour changes come from the packet path: home baton only). */
#ifndef CORE_EVENT_H
#define CORE_EVENT_H

#include "core/netns.h"

enum net_event {
	EV_LINK_REGISTER,   /* obj: struct net_device, just registered */
	EV_LINK_UP,	    /* IFF_UP set */
	EV_LINK_GOING_DOWN, /* about to clear IFF_UP */
	EV_LINK_DOWN,	    /* info: IFF_* that are said to change beside IFF_UP */
	EV_LINK_CHANGE,	    /* carrier, flags, MTU, name, master, group, alias; info: a LINK_CHANGE_* mask */
	EV_LINK_MOVED,	    /* now in this namespace (obj's old one got EV_LINK_UNREGISTER) */
	EV_LINK_UNREGISTER, /* obj leaves: drop every reference before returning; info: 0, or a const struct link_move * */
	EV_LINK_ETHTOOL,    /* ethtool changed something of it; info: which, an ETHTOOL_MSG_*_NTF */
	EV_ADDR_ADD, EV_ADDR_DEL,   /* obj: struct in_ifaddr or its IPv6 twin; info: family */
	EV_ROUTE_ADD, EV_ROUTE_DEL, EV_ROUTE_REPLACE, /* obj: struct fib_event */
	EV_RULE_ADD, EV_RULE_DEL,   /* obj: struct fib_rule */
	EV_NEXTHOP_SET, EV_NEXTHOP_DEL, EV_NEXTHOP_BUCKET, /* obj: struct nexthop_event; BUCKET: one went to another hop by itself */
	EV_NEIGH_CHANGE, EV_NEIGH_DEL, EV_NEIGH_LOCALCHANGE, /* obj: struct neighbour */
	EV_NETCONF,	    /* obj: struct net_device or NULL ("all", or "default" with NETCONF_EVENT_DEFAULT in info); info: NETCONFA_* */
	EV_MROUTE_ADD, EV_MROUTE_DEL, /* obj: struct mr_event */
	EV_MROUTE_REPORT,   /* obj: struct mr_report_event: what the routing program is told */
	EV_NETNS_ID,	    /* obj: struct netns */
	EV_INET6_DEV,	    /* obj: struct net_device: what IPv6 tells of it (router advertisements, settings) changed */
	EV_ND_USEROPT,	    /* obj: struct nd_useropt */
	EV_ND_PREFIX,	    /* obj: struct nd_prefix_event */
	EV_BRIDGE,	    /* obj: struct br_event; home baton only, as neighbour changes */
};
enum { LINK_CHANGE_FLAGS = 1, LINK_CHANGE_CARRIER = 2, LINK_CHANGE_MTU = 4, LINK_CHANGE_NAME = 8, LINK_CHANGE_ADDR = 16,
       LINK_CHANGE_MASTER = 32, LINK_CHANGE_FEATURES = 64, LINK_CHANGE_VRF = 256 /* with MASTER: it joined or left one */, LINK_CHANGE_QUEUE_LEN = 512, LINK_CHANGE_UPPER = 1024 /* a device came to stand on it, or ceased to */,
       LINK_CHANGE_OTHER = 128 /* alias, group, link mode, settings of a family … */ };

enum { NETCONF_EVENT_DEFAULT = 0x10000, NETCONF_EVENT_INET6 = 0x20000 /* else IPv4's */,
       NETCONF_EVENT_ALL = 0xffff /* all of a device's: they are there now */, NETCONF_EVENT_GONE = 0x40000 /* … or no more */ };
enum { LINK_CHANGE_WHICH_SHIFT = 32 }; /* LINK_CHANGE_FLAGS: which IFF_* moved, in info's upper half */
struct link_move { struct netns *to; s32 ifindex; }; /* a device goes to another namespace, where it will have this index */

struct event_sub {
	void (*fn)(struct cpu *cpu, struct netns *net, enum net_event ev, void *obj, unsigned long info);
};

void event_send(struct cpu *cpu, struct netns *net, enum net_event ev, void *obj, unsigned long info);

#endif
