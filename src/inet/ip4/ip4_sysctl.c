/* /proc/sys/net/ipv4: what IPv4, ICMP, reassembly and routing let an administrator choose, and conf/DEV/. ip-sysctl.rst of the
 * kernel's documentation says what each means. Only those are listed that act.
 *
 * ip_forward is conf/all/forwarding. Writing it sets every device's own, and the default; routers ignore redirects by default.
 */
#include <linux/netconf.h>

#include "core/sysctl.h"
#include "inet/ip4/ip4_priv.h"
#include "inet/ip4/ip4_tables.h"

/* -- per device -- */

/* The settings whose changes programs can follow (ip monitor netconf), in netlink's numbers; 0: not told. */
static unsigned long netconf_type(enum ip4_conf c)
{
	switch (c) {
	case IP4_CONF_FORWARDING:
		return NETCONFA_FORWARDING;
	case IP4_CONF_RP_FILTER:
		return NETCONFA_RP_FILTER;
	case IP4_CONF_PROXY_ARP:
		return NETCONFA_PROXY_NEIGH;
	case IP4_CONF_IGNORE_ROUTES_WITH_LINKDOWN:
		return NETCONFA_IGNORE_ROUTES_WITH_LINKDOWN;
	default:
		return 0;
	}
}

/* dev NULL: "all", or "default" with NETCONF_EVENT_DEFAULT. */
static void tell(struct netns *net, struct net_device *dev, enum ip4_conf c, unsigned long which)
{
	if (netconf_type(c))
		event_send(net->home, net, EV_NETCONF, dev, netconf_type(c) | which);
}

static struct in_device *idev_of(struct netns *net, const void *base)
{
	struct net_device *dev;
	dev_for_each(dev, net)
		if (dev->ip_ptr && dev->ip_ptr->conf == base)
			return dev->ip_ptr;
	return NULL;
}

static void forward_all(struct netns *net)
{
	struct netns_ip4 *ip4 = net->ip4;
	struct net_device *dev;
	s32 on = ip4->conf_all[IP4_CONF_FORWARDING];
	ip4->conf_all[IP4_CONF_ACCEPT_REDIRECTS] = !on;
	ip4->conf_default[IP4_CONF_FORWARDING] = on;
	tell(net, NULL, IP4_CONF_FORWARDING, 0);
	tell(net, NULL, IP4_CONF_FORWARDING, NETCONF_EVENT_DEFAULT);
	dev_for_each(dev, net) {
		if (!dev->ip_ptr)
			continue;
		dev->ip_ptr->conf[IP4_CONF_FORWARDING] = on;
		tell(net, dev, IP4_CONF_FORWARDING, 0);
	}
}

/* Whether Linux forgets its cached routes over such a change. */
static bool flushes(enum ip4_conf c, s32 now, bool of_default)
{
	switch (c) {
	case IP4_CONF_FORWARDING:
		return !of_default;
	case IP4_CONF_BC_FORWARDING:
	case IP4_CONF_PROMOTE_SECONDARIES:
	case IP4_CONF_ROUTE_LOCALNET:
	case IP4_CONF_DROP_UNICAST_IN_L2_MULTICAST:
		return true;
	default:
		return c == IP4_CONF_ACCEPT_LOCAL && !now;
	}
}

/* old: only a change is told, and only a change of all's forwarding goes to all devices. */
static int conf_set(struct netns *net, void *base, const struct sysctl *s, const void *old)
{
	enum ip4_conf c = (enum ip4_conf)(s->offset / sizeof(s32));
	struct netns_ip4 *ip4 = net->ip4;
	struct in_device *idev = idev_of(net, base);
	struct net_device *dev;
	bool same = *(const s32 *)old == ((const s32 *)base)[c];

	if (base == ip4->conf_all && c == IP4_CONF_FORWARDING) {
		if (!same)
			forward_all(net);
	} else if (base == ip4->conf_default) {
		dev_for_each(dev, net) /* devices that were never told otherwise follow */
			if (dev->ip_ptr && !(dev->ip_ptr->conf_set & BIT(c)) && c != IP4_CONF_FORWARDING)
				dev->ip_ptr->conf[c] = ip4->conf_default[c];
		if (!same)
			tell(net, NULL, c, NETCONF_EVENT_DEFAULT);
	} else {
		if (idev)
			idev->conf_set |= BIT(c);
		if (!same)
			tell(net, idev ? idev->dev : NULL, c, 0);
	}
	ip4_conf_recompute_all(net);
	if (!same && flushes(c, ((const s32 *)base)[c], base == ip4->conf_default))
		fib_genid_bump(net);
	else
		fib_genid_bump6(net); /* what is cached is asked for again, but Linux' realms stay as they were met */
	return 0;
}

static void *conf_base(struct netns *net, const char *name)
{
	struct net_device *dev;
	if (!net->ip4)
		return NULL;
	if (!strcmp(name, "all"))
		return net->ip4->conf_all;
	if (!strcmp(name, "default"))
		return net->ip4->conf_default;
	dev_for_each(dev, net)
		if (!strcmp(dev->name, name))
			return dev->ip_ptr ? dev->ip_ptr->conf : NULL;
	return NULL;
}

#define CONF(n, c) { .name = n, .kind = SYSCTL_INT, .mode = 0644, .offset = IP4_CONF_##c * sizeof(s32), .changed = conf_set }
static const struct sysctl conf[] = {
	CONF("forwarding", FORWARDING),
	{ .name = "mc_forwarding", .kind = SYSCTL_INT, .mode = 0444, .offset = IP4_CONF_MC_FORWARDING * sizeof(s32) },
	CONF("bc_forwarding", BC_FORWARDING),
	CONF("accept_redirects", ACCEPT_REDIRECTS),
	CONF("secure_redirects", SECURE_REDIRECTS),
	CONF("shared_media", SHARED_MEDIA),
	CONF("rp_filter", RP_FILTER),
	CONF("send_redirects", SEND_REDIRECTS),
	CONF("accept_source_route", ACCEPT_SOURCE_ROUTE),
	CONF("accept_local", ACCEPT_LOCAL),
	CONF("src_valid_mark", SRC_VALID_MARK),
	CONF("proxy_arp", PROXY_ARP),
	CONF("medium_id", MEDIUM_ID),
	CONF("bootp_relay", BOOTP_RELAY), /* nobody reads it, in Linux either */
	CONF("tag", TAG), /* a number for the administrator */
	CONF("log_martians", LOG_MARTIANS),
	CONF("arp_filter", ARP_FILTER),
	CONF("arp_announce", ARP_ANNOUNCE),
	CONF("arp_ignore", ARP_IGNORE),
	CONF("arp_accept", ARP_ACCEPT),
	CONF("arp_notify", ARP_NOTIFY),
	CONF("force_igmp_version", FORCE_IGMP_VERSION),
	CONF("igmpv2_unsolicited_report_interval", IGMPV2_UNSOLICITED),
	CONF("igmpv3_unsolicited_report_interval", IGMPV3_UNSOLICITED),
	CONF("arp_evict_nocarrier", ARP_EVICT_NOCARRIER),
	CONF("proxy_arp_pvlan", PROXY_ARP_PVLAN),
	CONF("promote_secondaries", PROMOTE_SECONDARIES),
	CONF("route_localnet", ROUTE_LOCALNET),
	CONF("drop_unicast_in_l2_multicast", DROP_UNICAST_IN_L2_MULTICAST),
	CONF("drop_gratuitous_arp", DROP_GRATUITOUS_ARP),
	CONF("ignore_routes_with_linkdown", IGNORE_ROUTES_WITH_LINKDOWN),
};
const struct sysctl_table ip4_sysctl_conf = { "ipv4/conf", true, conf, ARRAY_SIZE(conf), conf_base };

/* -- the namespace's -- */

static void *ip4_base(struct netns *net, const char *dev) { return net->ip4; }
static void *inet_base(struct netns *net, const char *dev) { return net->inet; }
static void *fib_base(struct netns *net, const char *dev) { return net->fib; }

static int forward_set(struct netns *net, void *base, const struct sysctl *s, const void *old)
{
	if (*(const s32 *)old == net->ip4->conf_all[IP4_CONF_FORWARDING])
		return 0;
	forward_all(net);
	ip4_conf_recompute_all(net);
	fib_genid_bump(net);
	return 0;
}

/* net.ipv4.ip_forward_use_pmtu and the like decide about routes that sockets cache. */
static int routes_changed(struct netns *net, void *base, const struct sysctl *s, const char *text)
{
	fib_genid_bump(net);
	return 0;
}

/* Nobody is in a range that ends before it begins, which is how it is shown. */
static int ping_range_set(struct netns *net, void *base, const struct sysctl *s, const char *text)
{
	s32 *r = net->ip4->ping_group_range;
	if (r[0] > r[1]) {
		r[0] = 1;
		r[1] = 0;
	}
	return 0;
}

#define OFF(field) offsetof(struct netns_ip4, field)
#define INT(n, field, lo, hi) { .name = n, .kind = SYSCTL_INT, .mode = 0644, .offset = OFF(field), .min = lo, .max = hi }
#define BOOL(n, field) INT(n, field, 0, 1)
static const struct sysctl base[] = {
	{ .name = "ip_forward", .kind = SYSCTL_INT, .mode = 0644, .offset = OFF(conf_all) + IP4_CONF_FORWARDING * sizeof(s32),
	  .changed = forward_set },
	INT("ip_default_ttl", default_ttl, 1, 255),
	INT("ip_no_pmtu_disc", no_pmtu_disc, 0, 3),
	{ .name = "ip_forward_use_pmtu", .kind = SYSCTL_INT, .mode = 0644, .offset = OFF(ip_forward_use_pmtu), .min = 0, .max = 255,
	  .set = routes_changed },
	BOOL("ip_forward_update_priority", fwd_update_priority),
	{ .name = "ping_group_range", .kind = SYSCTL_INTS, .mode = 0644, .count = 2, .offset = OFF(ping_group_range), .min = 0, .max = INT32_MAX },
	INT("ip_nonlocal_bind", nonlocal_bind, 0, 255),
	BOOL("ip_autobind_reuse", autobind_reuse),
	BOOL("fwmark_reflect", fwmark_reflect),
	{ .name = "ping_group_range", .kind = SYSCTL_INTS, .mode = 0644, .count = 2, .offset = OFF(ping_group_range), .min = 0, .max = INT32_MAX - 1, .set = ping_range_set },
	BOOL("icmp_echo_ignore_all", icmp_echo_ignore_all),
	INT("igmp_max_memberships", igmp_max_memberships, 0, INT32_MAX),
	INT("igmp_max_msf", igmp_max_msf, 0, INT32_MAX),
	INT("igmp_qrv", igmp_qrv, 1, INT32_MAX),
	BOOL("igmp_link_local_mcast_reports", igmp_link_local_reports),
	BOOL("icmp_echo_ignore_broadcasts", icmp_echo_ignore_broadcasts),
	BOOL("icmp_echo_enable_probe", icmp_echo_enable_probe),
	BOOL("icmp_ignore_bogus_error_responses", icmp_ignore_bogus),
	BOOL("icmp_errors_use_inbound_ifaddr", icmp_errors_use_inbound_ifaddr),
	{ .name = "icmp_ratelimit", .kind = SYSCTL_MS, .mode = 0644, .offset = OFF(icmp_ratelimit_ns) },
	{ .name = "icmp_ratemask", .kind = SYSCTL_INT, .mode = 0644, .offset = OFF(icmp_ratemask) },
	INT("icmp_msgs_per_sec", icmp_msgs_per_sec, 0, INT32_MAX),
	INT("icmp_msgs_burst", icmp_msgs_burst, 0, INT32_MAX),
};
const struct sysctl_table ip4_sysctl_base = { "ipv4", false, base, ARRAY_SIZE(base), ip4_base };

static int high_set(struct netns *net, void *b, const struct sysctl *s, const char *text)
{
	return net->inet->frag_high_thresh < net->inet->frag_low_thresh ? -EINVAL : 0;
}

#define IOFF(field) offsetof(struct netns_inet, field)
#define IBOOL(n, field) { .name = n, .kind = SYSCTL_INT, .mode = 0644, .offset = IOFF(field), .min = 0, .max = 1 }
static const struct sysctl frag[] = {
	IBOOL("tcp_l3mdev_accept", tcp_l3mdev_accept),
	IBOOL("udp_l3mdev_accept", udp_l3mdev_accept),
	IBOOL("raw_l3mdev_accept", raw_l3mdev_accept),
	{ .name = "ipfrag_high_thresh", .kind = SYSCTL_UINT, .mode = 0644, .offset = IOFF(frag_high_thresh), .set = high_set },
	{ .name = "ipfrag_low_thresh", .kind = SYSCTL_UINT, .mode = 0644, .offset = IOFF(frag_low_thresh), .set = high_set },
	{ .name = "ipfrag_time", .kind = SYSCTL_S, .mode = 0644, .offset = IOFF(frag_time_ns) },
	{ .name = "ipfrag_max_dist", .kind = SYSCTL_INT, .mode = 0644, .offset = IOFF(frag_max_dist), .min = 0, .max = INT32_MAX },
};
const struct sysctl_table ip4_sysctl_inet = { "ipv4", false, frag, ARRAY_SIZE(frag), inet_base };

static int hash_set(struct netns *net, void *b, const struct sysctl *s, const char *text)
{
	fib_genid_bump(net);
	return 0;
}

static const struct sysctl fib[] = {
	{ .name = "fib_multipath_hash_policy", .kind = SYSCTL_U8, .mode = 0644, .offset = offsetof(struct netns_fib, hash4.policy),
	  .min = 0, .max = 3, .set = hash_set },
	{ .name = "fib_multipath_hash_fields", .kind = SYSCTL_UINT, .mode = 0644, .offset = offsetof(struct netns_fib, hash4.fields),
	  .min = 1, .max = FIB_HASH_ALL, .set = hash_set },
	{ .name = "fib_multipath_hash_seed", .kind = SYSCTL_UINT, .mode = 0644, .offset = offsetof(struct netns_fib, hash_seed), .min = 0,
	  .max = UINT32_MAX, .set = hash_set },
	{ .name = "fib_multipath_use_neigh", .kind = SYSCTL_BOOL, .mode = 0644, .offset = offsetof(struct netns_fib, use_neigh), .min = 0, .max = 1 },
	{ .name = "nexthop_compat_mode", .kind = SYSCTL_BOOL, .mode = 0644, .offset = offsetof(struct netns_fib, nexthop_compat), .min = 0, .max = 1 },
};
const struct sysctl_table ip4_sysctl_fib = { "ipv4", false, fib, ARRAY_SIZE(fib), fib_base };

static int flush(struct netns *net, void *b, const struct sysctl *s, const char *text)
{
	fib_exceptions_flush(net);
	return 0;
}

static const struct sysctl route[] = {
	{ .name = "flush", .kind = SYSCTL_CUSTOM, .mode = 0200, .set = flush },
	{ .name = "mtu_expires", .kind = SYSCTL_S, .mode = 0644, .offset = OFF(mtu_expires_ns) },
	INT("min_pmtu", min_pmtu, IP4_MIN_MTU, INT32_MAX),
	INT("min_adv_mss", min_adv_mss, 0, 0),
};
const struct sysctl_table ip4_sysctl_route = { "ipv4/route", false, route, ARRAY_SIZE(route), ip4_base };

#define JIFFIES(n, field) { .name = n, .kind = SYSCTL_INT, .mode = 0644, .offset = IOFF(field), .init_only = true }
static const struct sysctl route_limits[] = {
	JIFFIES("error_burst", error_burst), JIFFIES("error_cost", error_cost), JIFFIES("redirect_load", redirect_load),
	JIFFIES("redirect_number", redirect_number), JIFFIES("redirect_silence", redirect_silence),
};
const struct sysctl_table ip4_sysctl_route_limits = { "ipv4/route", false, route_limits, ARRAY_SIZE(route_limits), inet_base };

const struct sysctl_table *const ip4_sysctls[] = { &ip4_sysctl_base, &ip4_sysctl_inet, &ip4_sysctl_fib, &ip4_sysctl_route, &ip4_sysctl_route_limits,
						   &ip4_sysctl_conf, NULL };
