/* IPv6's part of links: IFLA_AF_SPEC's AF_INET6 and IFLA_PROTINFO (settings, counters, token, how addresses are made), RTM_GETLINK of
 * AF_INET6, and setting the token and the mode (`ip token`, `ip link set ... addrgenmode`). */
#include <linux/if_link.h>

#include "control/route/rt.h"
#include "inet/ip6/ip6.h"
#include "link/netns_dev.h"

enum { IF_READY = 0x80000000u };

/* IFLA_INET6_CONF: DEVCONF_* of linux/ipv6.h in their order; what is not kept here has its kernel's default. */
static void put_conf(struct nl_buf *b, const struct inet6_dev *idev)
{
	enum { SOL_INTERVAL = -10, SOL_DELAY, SOL_MAX, MLD1, MLD2, PROBE, NOT_THERE };
	static const s16 map[] = {
		IP6_CONF_FORWARDING, IP6_CONF_HOP_LIMIT, IP6_CONF_MTU, IP6_CONF_ACCEPT_RA, IP6_CONF_ACCEPT_REDIRECTS, IP6_CONF_AUTOCONF,
		IP6_CONF_DAD_TRANSMITS, IP6_CONF_RTR_SOLICITS, SOL_INTERVAL, SOL_DELAY, IP6_CONF_USE_TEMPADDR, IP6_CONF_TEMP_VALID_LFT,
		IP6_CONF_TEMP_PREFERED_LFT, IP6_CONF_REGEN_MAX_RETRY, IP6_CONF_MAX_DESYNC_FACTOR, IP6_CONF_MAX_ADDRESSES,
		IP6_CONF_FORCE_MLD_VERSION, IP6_CONF_ACCEPT_RA_DEFRTR, IP6_CONF_ACCEPT_RA_PINFO, IP6_CONF_ACCEPT_RA_RTR_PREF, PROBE,
		IP6_CONF_ACCEPT_RA_RT_INFO_MAX_PLEN, IP6_CONF_PROXY_NDP, IP6_CONF_OPTIMISTIC_DAD, IP6_CONF_ACCEPT_SOURCE_ROUTE,
		IP6_CONF_MC_FORWARDING, IP6_CONF_DISABLE_IPV6, IP6_CONF_ACCEPT_DAD, IP6_CONF_FORCE_TLLAO, IP6_CONF_NDISC_NOTIFY, MLD1, MLD2,
		IP6_CONF_SUPPRESS_FRAG_NDISC, IP6_CONF_ACCEPT_RA_FROM_LOCAL, IP6_CONF_USE_OPTIMISTIC, IP6_CONF_ACCEPT_RA_MTU,
		NOT_THERE /* stable_secret is nobody's to read */, IP6_CONF_USE_OIF_ADDRS_ONLY, IP6_CONF_ACCEPT_RA_MIN_HOP_LIMIT,
		IP6_CONF_IGNORE_ROUTES_WITH_LINKDOWN, IP6_CONF_DROP_UNICAST_IN_L2_MULTICAST, IP6_CONF_DROP_UNSOLICITED_NA,
		IP6_CONF_KEEP_ADDR_ON_DOWN, SOL_MAX, NOT_THERE /* seg6 */, NOT_THERE, IP6_CONF_ENHANCED_DAD, IP6_CONF_ADDR_GEN_MODE,
		IP6_CONF_DISABLE_POLICY, IP6_CONF_ACCEPT_RA_RT_INFO_MIN_PLEN, IP6_CONF_NDISC_TCLASS, NOT_THERE /* rpl */,
		IP6_CONF_RA_DEFRTR_METRIC, NOT_THERE /* ioam6 */, NOT_THERE, NOT_THERE, IP6_CONF_NDISC_EVICT_NOCARRIER,
		IP6_CONF_ACCEPT_UNTRACKED_NA, IP6_CONF_ACCEPT_RA_MIN_LFT, IP6_CONF_FORCE_FORWARDING,
	};
	s32 v[ARRAY_SIZE(map)];
	const struct inet6_conf *c = &idev->conf;

	for (size_t i = 0; i < ARRAY_SIZE(map); i++) {
		switch (map[i]) {
		case SOL_INTERVAL: v[i] = (s32)(c->rtr_solicit_interval / NSEC_PER_MSEC); break;
		case SOL_DELAY: v[i] = (s32)(c->rtr_solicit_delay / NSEC_PER_MSEC); break;
		case SOL_MAX: v[i] = (s32)(c->rtr_solicit_max_interval / NSEC_PER_MSEC); break;
		case MLD1: v[i] = (s32)(c->mld1_report_interval / NSEC_PER_MSEC); break;
		case MLD2: v[i] = (s32)(c->mld2_report_interval / NSEC_PER_MSEC); break;
		case PROBE: v[i] = c->v[IP6_CONF_RTR_PROBE_INTERVAL_S] * 1000; break;
		case NOT_THERE: v[i] = 0; break;
		default: v[i] = c->v[map[i]];
		}
	}
	v[54] = 65535; /* ioam6_id and _wide: "none" */
	v[55] = -1;
	nl_put(b, IFLA_INET6_CONF, v, sizeof(v));
}

/* IFLA_INET6_STATS, _ICMP6STATS: the number of counters, then these in the kernel's own order. */
static void put_stats(struct nl_buf *b, const struct inet6_dev *idev)
{
	static const u16 ip[] = { MIB_Ip6_InReceives, MIB_Ip6_InOctets, MIB_Ip6_InDelivers, MIB_Ip6_OutForwDatagrams, MIB_Ip6_OutRequests,
		MIB_Ip6_OutOctets, MIB_Ip6_InHdrErrors, MIB_Ip6_InTooBigErrors, MIB_Ip6_InNoRoutes, MIB_Ip6_InAddrErrors, MIB_Ip6_InUnknownProtos,
		MIB_Ip6_InTruncatedPkts, MIB_Ip6_InDiscards, MIB_Ip6_OutDiscards, MIB_Ip6_OutNoRoutes, MIB_Ip6_ReasmTimeout, MIB_Ip6_ReasmReqds,
		MIB_Ip6_ReasmOKs, MIB_Ip6_ReasmFails, MIB_Ip6_FragOKs, MIB_Ip6_FragFails, MIB_Ip6_FragCreates, MIB_Ip6_InMcastPkts,
		MIB_Ip6_OutMcastPkts, MIB_MAX, MIB_MAX, MIB_Ip6_InMcastOctets, MIB_Ip6_OutMcastOctets, MIB_Ip6_InBcastOctets, MIB_Ip6_OutBcastOctets,
		MIB_MAX, MIB_Ip6_InNoECTPkts, MIB_Ip6_InECT1Pkts, MIB_Ip6_InECT0Pkts, MIB_Ip6_InCEPkts, MIB_MAX, MIB_Ip6_OutTransmits };
	static const u16 icmp[] = { MIB_Icmp6_InMsgs, MIB_Icmp6_InErrors, MIB_Icmp6_OutMsgs, MIB_Icmp6_OutErrors, MIB_Icmp6_InCsumErrors,
				    MIB_Icmp6_OutRateLimitHost };
	u64 v[ARRAY_SIZE(ip) + 1] = { ARRAY_SIZE(ip) + 1 }, w[ARRAY_SIZE(icmp) + 1] = { ARRAY_SIZE(icmp) + 1 };

	for (size_t i = 0; i < ARRAY_SIZE(ip); i++)
		v[i + 1] = ip[i] == MIB_MAX ? 0 : idev->mib[ip[i] - MIB_DEV6_FIRST];
	for (size_t i = 0; i < ARRAY_SIZE(icmp); i++)
		w[i + 1] = idev->mib[icmp[i] - MIB_DEV6_FIRST];
	nl_put(b, IFLA_INET6_STATS, v, sizeof(v));
	nl_put(b, IFLA_INET6_ICMP6STATS, w, sizeof(w));
}

/* What AF_SPEC's AF_INET6 and IFLA_PROTINFO have in them. */
void rt_put_inet6(struct nl_buf *b, const struct inet6_dev *idev, bool with_stats)
{
	const struct neigh_parms *p = idev->nd_parms;
	struct ifla_cacheinfo ci = { .max_reasm_len = 65535, .tstamp = rt_ticks(idev->tstamp),
				     .reachable_time = p ? (u32)(p->reachable_time / NSEC_PER_MSEC) : 0,
				     .retrans_time = p ? (u32)(p->retrans_time / NSEC_PER_MSEC) : 0 };
	nl_put_u32(b, IFLA_INET6_FLAGS, idev->ra_flags | (idev->ready ? IF_READY : 0));
	nl_put(b, IFLA_INET6_CACHEINFO, &ci, sizeof(ci));
	put_conf(b, idev);
	if (with_stats)
		put_stats(b, idev);
	nl_put(b, IFLA_INET6_TOKEN, idev->token.b, 16);
	nl_put_u8(b, IFLA_INET6_ADDR_GEN_MODE, (u8)idev->conf.v[IP6_CONF_ADDR_GEN_MODE]);
}

int rt_link6_fill(struct nl_buf *b, struct net_device *dev, u16 type, u16 flags, u32 seq, u32 portid)
{
	struct ifinfomsg *h = nl_begin(b, type, flags, seq, portid, sizeof(*h));
	s32 iflink = dev_iflink(dev);
	size_t nest;

	if (!h)
		return nl_end(b);
	*h = (struct ifinfomsg){ .ifi_family = AF_INET6, .ifi_type = dev->type, .ifi_index = dev->ifindex, .ifi_flags = dev_get_flags(dev) };
	nl_put_str(b, IFLA_IFNAME, dev->name);
	if (dev->addr_len)
		nl_put(b, IFLA_ADDRESS, dev->dev_addr, dev->addr_len);
	nl_put_u32(b, IFLA_MTU, dev->mtu);
	if (iflink != dev->ifindex)
		nl_put_u32(b, IFLA_LINK, (u32)iflink);
	nl_put_u8(b, IFLA_OPERSTATE, dev_running(dev) ? dev->operstate : (u8)2 /* IF_OPER_DOWN */);
	nest = nl_nest(b, IFLA_PROTINFO);
	rt_put_inet6(b, in6_dev_get(dev), true);
	nl_nest_end(b, nest);
	return nl_end(b);
}

static int dump_links6(struct nl_dump *d, struct nl_buf *b)
{
	struct net_device *dev;
	u16 flags = NLM_F_MULTI;

	d->done_apart = true;
	dev_for_each (dev, d->net) {
		int err;
		if ((u64)dev->ifindex < d->arg[0] || !in6_dev_get(dev))
			continue;
		err = rt_link6_fill(b, dev, RTM_NEWLINK, flags, d->seq, d->portid);
		if (err)
			return err == -EMSGSIZE ? 1 : err;
		d->arg[0] = (u64)dev->ifindex + 1;
	}
	return 0;
}

int rt_set_inet6(struct nl_request *rq, struct net_device *dev, const struct nlattr *af)
{
	struct inet6_dev *idev = in6_dev_get(dev);
	const struct nlattr *x;

	if (!idev)
		return -EAFNOSUPPORT;
	nl_for_each_nested(x, af) {
		int err = 0;
		if (nl_type(x) == IFLA_INET6_TOKEN && nl_len(x) == 16) {
			struct inaddr token = inaddr_from_v6(nl_data(x));
			err = ip6_token_set(rq->cpu, idev, &token, rq->ack);
		} else if (nl_type(x) == IFLA_INET6_ADDR_GEN_MODE && nl_len(x) >= 1) {
			err = ip6_gen_mode_set(rq->cpu, idev, nl_u8(x));
		}
		if (err)
			return err;
	}
	return 0;
}

const struct nl_handler rt_link6_handlers[] = {
	{ .protocol = NETLINK_ROUTE, .type = RTM_GETLINK, .family = AF_INET6, .dump = dump_links6 },
	{ 0 },
};
