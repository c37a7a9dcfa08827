/* What `ip monitor` hears: changes of links, addresses, routes, neighbours and settings as multicast messages. The one subscriber
 * that turns core/event.h into rtnetlink. It stands last among the subscribers, so that what it tells has happened; but for links that
 * go up or down it stands first.
 *
 * A message carries the port id and sequence number of the request that caused it where Linux's does (addresses, routes, links made and
 * removed with NLM_F_ECHO, and for neighbours the port id), and zeros where it does not (other links, and whatever follows by itself).
 */
#include <linux/if_addr.h>
#include <linux/neighbour.h>
#include <linux/netconf.h>

#include "codec/wire/icmp6.h"
#include "control/nsid.h"
#include "control/route/rt_link.h"
#include "inet/ip4/ip4.h"
#include "inet/ip6/ip6.h"
#include "inet/mroute/mroute.h"
#include "inet/route/nexthop.h"
#include "link/neigh.h"

/* The request that asked for just this, and wants to hear of it itself (NLM_F_ECHO); else NULL. */
static struct nl_request *echo_to(struct netns *net, bool asked)
{
	struct nl_request *rq = asked ? nl_current(net) : NULL;

	return rq && (rq->nlh->nlmsg_flags & NLM_F_ECHO) ? rq : NULL;
}

static void tell(struct cpu *cpu, struct netns *net, u32 group, struct nl_buf *b, bool asked)
{
	struct nl_request *rq = echo_to(net, asked);

	nl_multicast(cpu, net, NETLINK_ROUTE, group, b, rq ? rq->portid : 0);
	if (rq)
		nl_unicast(rq, b);
	nl_buf_fini(b);
}

static bool begin(struct netns *net, u32 group, struct nl_buf *b, bool asked)
{
	if (!net->nl || (!nl_group_used(net, NETLINK_ROUTE, group) && !echo_to(net, asked)))
		return false;
	nl_buf_init(b, &net->world->mem, 0);
	return true;
}

/* asked: the request that this answers, which is to hear of it; or NULL. */
static void tell_link(struct cpu *cpu, struct netns *net, struct net_device *dev, u16 type, u32 change, const struct link_move *move,
		      const struct nl_request *asked)
{
	struct rt_link_fill f = { .type = type, .change = change, .tgt_nsid = -1, .net = net, .seq = asked ? asked->nlh->nlmsg_seq : 0,
				  .portid = asked ? asked->portid : 0 };
	struct nl_buf b;
	s32 nsid;

	if (!begin(net, RTNLGRP_LINK, &b, asked))
		return;
	if (move) {
		nsid = nsid_get(cpu, net, move->to);
		f.new_nsid = &nsid;
		f.new_ifindex = move->ifindex;
	}
	rt_link_fill(cpu, &b, dev, &f);
	tell(cpu, net, RTNLGRP_LINK, &b, asked);
}

/* info: a NETCONFA_* and NETCONF_EVENT_*; dev NULL: "all", or "default". */
static void netconf_event(struct cpu *cpu, struct netns *net, const struct net_device *dev, unsigned long info)
{
	bool v6 = info & NETCONF_EVENT_INET6;
	u32 group = v6 ? RTNLGRP_IPV6_NETCONF : RTNLGRP_IPV4_NETCONF;
	s32 which = (info & 0xffff) == NETCONF_EVENT_ALL ? NETCONFA_ALL : (s32)(info & 0xffff);
	s32 ifindex = dev ? dev->ifindex : info & NETCONF_EVENT_DEFAULT ? NETCONFA_IFINDEX_DEFAULT : NETCONFA_IFINDEX_ALL;
	struct nl_buf b;

	if (!(v6 ? net->ip6 != NULL : net->ip4 != NULL) || !begin(net, group, &b, false))
		return;
	(v6 ? rt_netconf6_fill : rt_netconf_fill)(&b, net, ifindex, which, info & NETCONF_EVENT_GONE ? RTM_DELNETCONF : RTM_NEWNETCONF, 0, 0, 0);
	tell(cpu, net, group, &b, false);
}

/* All links that RTM_DELLINK removes answer it, a peer too. */
static const struct nl_request *asked_to_delete(struct netns *net, unsigned long moved)
{
	const struct nl_request *rq = echo_to(net, true);

	return rq && !moved && rq->nlh->nlmsg_type == RTM_DELLINK ? rq : NULL;
}

static void link_event(struct cpu *cpu, struct netns *net, enum net_event ev, struct net_device *dev, unsigned long info)
{
	nl_generations(net)->link_gen++;
	switch (ev) {
	case EV_LINK_REGISTER:
	case EV_LINK_MOVED:
		if (!dev->being_made)
			tell_link(cpu, net, dev, RTM_NEWLINK, ~0u, NULL, NULL);
		break;
	case EV_LINK_CHANGE: /* else told by told_first */
		if (info & (LINK_CHANGE_CARRIER | LINK_CHANGE_OTHER) && !dev->being_made)
			tell_link(cpu, net, dev, RTM_NEWLINK, 0, NULL, NULL);
		break;
	case EV_LINK_UNREGISTER:
		if (!dev->being_made)
			tell_link(cpu, net, dev, RTM_DELLINK, ~0u, (const struct link_move *)info, asked_to_delete(net, info));
		break;
	default:
		break;
	}
}

static void addr6_event(struct cpu *cpu, struct netns *net, bool added, const struct inet6_ifaddr *ifa)
{
	struct nl_buf b;
	if (!begin(net, RTNLGRP_IPV6_IFADDR, &b, false))
		return;
	rt_addr6_fill(&b, ifa, cpu->now, added ? RTM_NEWADDR : RTM_DELADDR, 0, 0, 0);
	tell(cpu, net, RTNLGRP_IPV6_IFADDR, &b, false);
}

/* What IPv6 knows of a device: a router advertisement or an administrator changed it. */
static void inet6_dev_event(struct cpu *cpu, struct netns *net, struct net_device *dev)
{
	struct nl_buf b;
	if (!in6_dev_get(dev) || !begin(net, RTNLGRP_IPV6_IFINFO, &b, false))
		return;
	rt_link6_fill(&b, dev, RTM_NEWLINK, 0, 0, 0);
	tell(cpu, net, RTNLGRP_IPV6_IFINFO, &b, false);
}

/* Options of router advertisements that are for programs: DNS servers and the like. */
static void useropt_event(struct cpu *cpu, struct netns *net, const struct nd_useropt *u)
{
	struct nduseroptmsg *m;
	struct nl_buf b;
	u8 *p;
	if (!begin(net, RTNLGRP_ND_USEROPT, &b, false))
		return;
	m = nl_begin(&b, RTM_NEWNDUSEROPT, 0, 0, 0, sizeof(*m) + u->len);
	if (m) {
		p = (u8 *)(m + 1);
		*m = (struct nduseroptmsg){ .nduseropt_family = AF_INET6, .nduseropt_opts_len = (u16)u->len, .nduseropt_ifindex = u->dev->ifindex,
					    .nduseropt_icmp_type = u->icmp_type, .nduseropt_icmp_code = u->icmp_code };
		memcpy(p, u->opt, u->len);
		nl_put(&b, NDUSEROPT_SRCADDR, u->from.b, 16);
	}
	nl_end(&b);
	tell(cpu, net, RTNLGRP_ND_USEROPT, &b, false);
}

/* A prefix that a router advertised: its option's flags as they came, its lifetimes in seconds. */
static void prefix_event(struct cpu *cpu, struct netns *net, const struct nd_prefix_event *e)
{
	struct prefix_cacheinfo ci = { .preferred_time = be32_to_cpu(e->opt->preferred_s), .valid_time = be32_to_cpu(e->opt->valid_s) };
	struct prefixmsg *m;
	struct nl_buf b;
	if (!begin(net, RTNLGRP_IPV6_PREFIX, &b, false))
		return;
	m = nl_begin(&b, RTM_NEWPREFIX, 0, 0, 0, sizeof(*m));
	if (m) {
		*m = (struct prefixmsg){ .prefix_family = AF_INET6, .prefix_ifindex = e->dev->ifindex, .prefix_type = e->opt->type,
					 .prefix_len = e->opt->prefix_len, .prefix_flags = e->opt->flags };
		nl_put(&b, PREFIX_ADDRESS, e->opt->prefix, 16);
		nl_put(&b, PREFIX_CACHEINFO, &ci, sizeof(ci));
	}
	nl_end(&b);
	tell(cpu, net, RTNLGRP_IPV6_PREFIX, &b, false);
}

static void addr_event(struct cpu *cpu, struct netns *net, bool added, const struct in_ifaddr *ifa, unsigned long family)
{
	const struct nl_request *rq = nl_current(net);
	bool asked = rq && (rq->nlh->nlmsg_type == RTM_NEWADDR || rq->nlh->nlmsg_type == RTM_DELADDR);
	struct nl_buf b;

	nl_generations(net)->addr_gen++;
	if (family == AF_INET6) {
		addr6_event(cpu, net, added, (const struct inet6_ifaddr *)(const void *)ifa);
		return;
	}
	if (!begin(net, RTNLGRP_IPV4_IFADDR, &b, asked))
		return;
	rt_addr_fill(&b, ifa, cpu->now, added ? RTM_NEWADDR : RTM_DELADDR, 0, asked ? rq->nlh->nlmsg_seq : 0, asked ? rq->portid : 0, -1);
	tell(cpu, net, RTNLGRP_IPV4_IFADDR, &b, asked);
}

static void route_event(struct cpu *cpu, struct netns *net, bool added, const struct fib_event *e)
{
	u32 group = e->family == AF_INET ? RTNLGRP_IPV4_ROUTE : RTNLGRP_IPV6_ROUTE;
	struct nl_buf b;

	if (!begin(net, group, &b, e->portid != 0))
		return;
	rt_route_fill(&b, e->alias, added ? RTM_NEWROUTE : RTM_DELROUTE, (u16)e->nl_flags, e->seq, e->portid);
	tell(cpu, net, group, &b, e->portid != 0);
}

static void rule_event(struct cpu *cpu, struct netns *net, bool added, const struct fib_rule *r)
{
	const struct nl_request *rq = nl_current(net);
	u32 group = r->family == AF_INET || r->family == RTNL_FAMILY_IPMR ? RTNLGRP_IPV4_RULE : RTNLGRP_IPV6_RULE;
	bool asked = rq && (rq->nlh->nlmsg_type == RTM_NEWRULE || rq->nlh->nlmsg_type == RTM_DELRULE);
	struct nl_buf b;

	if (!begin(net, group, &b, asked))
		return;
	rt_rule_fill(&b, r, added ? RTM_NEWRULE : RTM_DELRULE, 0, asked ? rq->nlh->nlmsg_seq : 0, asked ? rq->portid : 0);
	tell(cpu, net, group, &b, asked);
}

static void nexthop_event(struct cpu *cpu, struct netns *net, bool added, const struct nexthop_event *e)
{
	struct nl_buf b;

	if (!begin(net, RTNLGRP_NEXTHOP, &b, e->portid != 0))
		return;
	rt_nexthop_fill(&b, e->nh, 0, cpu->now, added ? RTM_NEWNEXTHOP : RTM_DELNEXTHOP, (u16)e->nl_flags, e->seq, e->portid);
	tell(cpu, net, RTNLGRP_NEXTHOP, &b, e->portid != 0);
}

static void bucket_event(struct cpu *cpu, struct netns *net, const struct nexthop_event *e)
{
	struct nl_buf b;

	if (!begin(net, RTNLGRP_NEXTHOP, &b, false))
		return;
	rt_nexthop_bucket_fill(&b, e->nh, e->bucket, cpu->now, NLM_F_REPLACE, 0, 0);
	tell(cpu, net, RTNLGRP_NEXTHOP, &b, false);
}

static void neigh_event(struct cpu *cpu, struct netns *net, bool gone, const struct neighbour *n, unsigned long portid)
{
	struct nl_buf b;

	if (!begin(net, RTNLGRP_NEIGH, &b, false))
		return;
	rt_neigh_fill(&b, n, cpu->now, gone ? RTM_DELNEIGH : RTM_NEWNEIGH, 0, 0, (u32)portid);
	tell(cpu, net, RTNLGRP_NEIGH, &b, false);
}

static void mroute_event(struct cpu *cpu, struct netns *net, bool added, const struct mr_event *e)
{
	u32 group = e->table->ops->family == AF_INET ? RTNLGRP_IPV4_MROUTE : RTNLGRP_IPV6_MROUTE;
	struct nl_buf b;

	if (!begin(net, group, &b, false))
		return;
	rt_mroute_fill(&b, e->table, e->entry, cpu->now, added ? RTM_NEWROUTE : RTM_DELROUTE, 0, 0, 0);
	tell(cpu, net, group, &b, false);
}

static void mroute_report(struct cpu *cpu, struct netns *net, const struct mr_report_event *r)
{
	u32 group = r->table->ops->family == AF_INET ? RTNLGRP_IPV4_MROUTE_R : RTNLGRP_IPV6_MROUTE_R;
	struct nl_buf b;

	if (!begin(net, group, &b, false))
		return;
	rt_mroute_report_fill(&b, r);
	tell(cpu, net, group, &b, false);
}

void rt_tell(struct cpu *cpu, struct netns *net, u32 group, void (*fn)(struct nl_buf *b, const void *arg), const void *arg)
{
	struct nl_buf b;

	if (!begin(net, group, &b, false))
		return;
	fn(&b, arg);
	tell(cpu, net, group, &b, false);
}

static void event(struct cpu *cpu, struct netns *net, enum net_event ev, void *obj, unsigned long info)
{
	struct net_device *dev = obj;

	if (!net->nl)
		return;
	switch (ev) {
	case EV_LINK_REGISTER:
	case EV_LINK_CHANGE:
	case EV_LINK_MOVED:
	case EV_LINK_UNREGISTER:
		link_event(cpu, net, ev, obj, info);
		break;
	case EV_ADDR_ADD:
	case EV_ADDR_DEL:
		addr_event(cpu, net, ev == EV_ADDR_ADD, obj, info);
		break;
	case EV_ROUTE_ADD:
	case EV_ROUTE_REPLACE:
	case EV_ROUTE_DEL:
		route_event(cpu, net, ev != EV_ROUTE_DEL, obj);
		break;
	case EV_NEXTHOP_SET:
	case EV_NEXTHOP_DEL:
		nexthop_event(cpu, net, ev == EV_NEXTHOP_SET, obj);
		break;
	case EV_NEXTHOP_BUCKET:
		bucket_event(cpu, net, obj);
		break;
	case EV_MROUTE_ADD:
	case EV_MROUTE_DEL:
		mroute_event(cpu, net, ev == EV_MROUTE_ADD, obj);
		break;
	case EV_MROUTE_REPORT:
		mroute_report(cpu, net, obj);
		break;
	case EV_RULE_ADD:
	case EV_RULE_DEL:
		rule_event(cpu, net, ev == EV_RULE_ADD, obj);
		break;
	case EV_NEIGH_CHANGE:
	case EV_NEIGH_LOCALCHANGE:
	case EV_NEIGH_DEL:
		neigh_event(cpu, net, ev == EV_NEIGH_DEL, obj, info);
		break;
	case EV_NETCONF:
		netconf_event(cpu, net, dev, info);
		break;
	case EV_LINK_UP: /* told by told_first */
	case EV_LINK_DOWN:
	case EV_LINK_GOING_DOWN:
	case EV_LINK_ETHTOOL:
	case EV_NETNS_ID:
		break;
	case EV_INET6_DEV:
		inet6_dev_event(cpu, net, dev);
		break;
	case EV_ND_USEROPT:
		useropt_event(cpu, net, obj);
		break;
	case EV_ND_PREFIX:
		prefix_event(cpu, net, obj);
		break;
	case EV_BRIDGE:
		rt_bridge_event(cpu, net, obj);
		break;
	}
}

/* A link that changed, went up or down is told of before the addresses and routes that come and go with it. One that is being made is
 * told of when it is whole. */
static void told_first(struct cpu *cpu, struct netns *net, enum net_event ev, void *obj, unsigned long info)
{
	const struct net_device *dev = obj;

	if (!net->nl || (ev != EV_LINK_UP && ev != EV_LINK_DOWN && ev != EV_LINK_CHANGE) ||
	    (ev == EV_LINK_CHANGE && info & (LINK_CHANGE_CARRIER | LINK_CHANGE_OTHER))) /* which are told of last */
		return;
	nl_generations(net)->link_gen++;
	if (dev->being_made)
		return;
	if (ev == EV_LINK_CHANGE)
		tell_link(cpu, net, obj, RTM_NEWLINK, info & LINK_CHANGE_FLAGS ? (u32)(info >> LINK_CHANGE_WHICH_SHIFT) : 0, NULL, NULL);
	else
		tell_link(cpu, net, obj, RTM_NEWLINK, IFF_UP | (u32)info, NULL, NULL);
}

void rt_link_made(struct nl_request *rq, struct net_device *dev)
{
	dev->being_made = false;
	tell_link(rq->cpu, dev->net, dev, RTM_NEWLINK, ~0u, NULL, echo_to(dev->net, true));
}

const struct event_sub rt_events_first = { .fn = told_first }, rt_events = { .fn = event };

const struct nl_handler *const rt_handlers[] = {
	rt_link_handlers, rt_addr_handlers, rt_route_handlers, rt_neigh_handlers, rt_neightbl_handlers, rt_rule_handlers,
	rt_nsid_handlers, rt_netconf_handlers, rt_addr6_handlers, rt_addrlabel_handlers, rt_link6_handlers, rt_qdisc_handlers, rt_stats_handlers, rt_nexthop_handlers,
	rt_mroute_handlers, rt_fdb_handlers, rt_bridge_handlers, rt_mdb_handlers, rt_brvlan_handlers, NULL,
};
