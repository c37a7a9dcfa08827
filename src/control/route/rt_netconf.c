/* RTM_GETNETCONF and its notifications: forwarding, rp_filter and a few more per device, and for "all" and "default". */
#include <linux/netconf.h>

#include "control/route/rt.h"
#include "inet/ip4/ip4.h"
#include "inet/ip6/ip6.h"
#include "link/netns_dev.h"

static const struct { s32 type; enum ip4_conf conf; } told[] = { /* in the order of Linux's messages */
	{ NETCONFA_FORWARDING, IP4_CONF_FORWARDING },
	{ NETCONFA_RP_FILTER, IP4_CONF_RP_FILTER },
	{ NETCONFA_MC_FORWARDING, IP4_CONF_MC_FORWARDING },
	{ NETCONFA_BC_FORWARDING, IP4_CONF_BC_FORWARDING },
	{ NETCONFA_PROXY_NEIGH, IP4_CONF_PROXY_ARP },
	{ NETCONFA_IGNORE_ROUTES_WITH_LINKDOWN, IP4_CONF_IGNORE_ROUTES_WITH_LINKDOWN },
};

/* which: one NETCONFA_*, or NETCONFA_ALL. */
int rt_netconf_fill(struct nl_buf *b, struct netns *net, s32 ifindex, s32 which, u16 type, u16 flags, u32 seq, u32 portid)
{
	struct netconfmsg *m = nl_begin(b, type, flags, seq, portid, sizeof(*m));
	struct net_device *dev = ifindex > 0 ? dev_by_index(net, ifindex) : NULL;
	const s32 *conf = ifindex == NETCONFA_IFINDEX_ALL	? net->ip4->conf_all :
			  ifindex == NETCONFA_IFINDEX_DEFAULT	? net->ip4->conf_default :
			  dev && dev->ip_ptr			? dev->ip_ptr->conf :
								  NULL;

	if (!m)
		return nl_end(b);
	m->ncm_family = AF_INET;
	nl_put_u32(b, NETCONFA_IFINDEX, (u32)ifindex);
	for (size_t i = 0; type == RTM_NEWNETCONF && conf && i < ARRAY_SIZE(told); i++) {
		if (which == NETCONFA_ALL || which == told[i].type)
			nl_put_u32(b, (u16)told[i].type, (u32)conf[told[i].conf]);
	}
	return nl_end(b);
}

int rt_netconf6_fill(struct nl_buf *b, struct netns *net, s32 ifindex, s32 which, u16 type, u16 flags, u32 seq, u32 portid)
{
	static const struct { s32 type; enum ip6_conf conf; } told6[] = {
		{ NETCONFA_FORWARDING, IP6_CONF_FORWARDING },
		{ NETCONFA_MC_FORWARDING, IP6_CONF_MC_FORWARDING },
		{ NETCONFA_PROXY_NEIGH, IP6_CONF_PROXY_NDP },
		{ NETCONFA_IGNORE_ROUTES_WITH_LINKDOWN, IP6_CONF_IGNORE_ROUTES_WITH_LINKDOWN },
	};
	struct netconfmsg *m = nl_begin(b, type, flags, seq, portid, sizeof(*m));
	struct net_device *dev = ifindex > 0 ? dev_by_index(net, ifindex) : NULL;
	const struct inet6_conf *conf = ifindex == NETCONFA_IFINDEX_ALL ? &net->ip6->conf_all : ifindex == NETCONFA_IFINDEX_DEFAULT ?
					&net->ip6->conf_default : dev && dev->ip6_ptr ? &dev->ip6_ptr->conf : NULL;

	if (!m)
		return nl_end(b);
	m->ncm_family = AF_INET6;
	nl_put_u32(b, NETCONFA_IFINDEX, (u32)ifindex);
	for (size_t i = 0; type == RTM_NEWNETCONF && conf && i < ARRAY_SIZE(told6); i++)
		if (which == NETCONFA_ALL || which == told6[i].type)
			nl_put_u32(b, (u16)told6[i].type, (u32)conf->v[told6[i].conf]);
	return nl_end(b);
}

typedef int (*fill_fn)(struct nl_buf *b, struct netns *net, s32 ifindex, s32 which, u16 type, u16 flags, u32 seq, u32 portid);
static fill_fn fill_of(u8 family) { return family == AF_INET6 ? rt_netconf6_fill : rt_netconf_fill; }
static bool runs_on(const struct net_device *dev, u8 family) { return family == AF_INET6 ? dev->ip6_ptr != NULL : dev->ip_ptr != NULL; }

static int get_netconf(struct nl_request *rq)
{
	u8 family = *(const u8 *)nlmsg_hdr_data(rq->nlh);
	size_t len;
	const void *p = nlmsg_attrs(rq->nlh, sizeof(struct netconfmsg), &len);
	static const struct nl_policy policy[NETCONFA_MAX + 1] = { [NETCONFA_IFINDEX] = { .type = NLP_S32 } };
	struct net_device *dev;
	struct nl_attrs a;
	struct nl_buf b;
	s32 ifindex;
	int err = nl_parse(p, len, &a, NETCONFA_MAX, policy, nl_request_strict(rq), rq->ack);

	if (err)
		return err;
	if (!a.a[NETCONFA_IFINDEX])
		return -EINVAL;
	ifindex = (s32)nl_u32(a.a[NETCONFA_IFINDEX]);
	if (ifindex != NETCONFA_IFINDEX_ALL && ifindex != NETCONFA_IFINDEX_DEFAULT) {
		dev = dev_by_index(rq->net, ifindex);
		if (!dev)
			return -ENODEV;
		if (!runs_on(dev, family))
			return -EINVAL;
	}
	nl_buf_init(&b, cpu_mem(rq->cpu), 0);
	err = fill_of(family)(&b, rq->net, ifindex, NETCONFA_ALL, RTM_NEWNETCONF, 0, rq->nlh->nlmsg_seq, rq->portid);
	err = err ? err : nl_unicast(rq, &b);
	nl_buf_fini(&b);
	return err;
}

/* Devices by index, then "all", then "default". arg[0]: where to go on. */
static int dump_family(struct nl_dump *d, struct nl_buf *b, u8 family)
{
	enum { ALL = 1ull << 40, DEFAULT, END };
	struct net_device *dev;
	u16 flags;
	int err;

	d->done_apart = true;
	nl_dump_generation(d, nl_generations(d->net)->link_gen);
	flags = (u16)(NLM_F_MULTI | (d->intr ? NLM_F_DUMP_INTR : 0));
	dev_for_each (dev, d->net) {
		if ((u64)dev->ifindex < d->arg[0] || !runs_on(dev, family))
			continue;
		err = fill_of(family)(b, d->net, dev->ifindex, NETCONFA_ALL, RTM_NEWNETCONF, flags, d->seq, d->portid);
		if (err)
			return err == -EMSGSIZE ? 1 : err;
		d->arg[0] = (u64)dev->ifindex + 1;
	}
	for (u64 which = MAX(d->arg[0], (u64)ALL); which < END; which++) {
		err = fill_of(family)(b, d->net, which == ALL ? NETCONFA_IFINDEX_ALL : NETCONFA_IFINDEX_DEFAULT, NETCONFA_ALL,
				      RTM_NEWNETCONF, flags, d->seq, d->portid);
		if (err)
			return err == -EMSGSIZE ? 1 : err;
		d->arg[0] = which + 1;
	}
	return 0;
}

/* arg[1]: of AF_UNSPEC, the families that are done. */
static int dump_netconf(struct nl_dump *d, struct nl_buf *b)
{
	u8 family = *(const u8 *)nlmsg_hdr_data(d->req);
	size_t len;
	int err;

	if (d->strict) {
		nlmsg_attrs(d->req, sizeof(struct netconfmsg), &len);
		if (len) {
			NL_SET_ERR(d->ack, "ipv4: Invalid data after header in netconf dump request");
			return -EINVAL;
		}
	}
	if (family != AF_UNSPEC)
		return dump_family(d, b, family);
	for (; d->arg[1] < 2; d->arg[1]++, d->arg[0] = 0) {
		err = dump_family(d, b, d->arg[1] ? AF_INET6 : AF_INET);
		if (err)
			return err;
	}
	return 0;
}

const struct nl_handler rt_netconf_handlers[] = {
	{ .protocol = NETLINK_ROUTE, .type = RTM_GETNETCONF, .doit = get_netconf, .dump = dump_netconf },
	{ 0 },
};
