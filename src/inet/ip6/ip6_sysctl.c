/* /proc/sys/net/ipv6: what IPv6, ICMPv6, reassembly and routing let an administrator choose, and conf/DEV/. ip-sysctl.rst of the
 * kernel's documentation says what each means. Only those are listed that act.
 *
 * Writing conf/all/ of forwarding, disable_ipv6 and a few others sets every device's own, and the default.
 */
#include <arpa/inet.h>
#include <stdlib.h>
#include <linux/netconf.h>

#include "core/sysctl.h"
#include "inet/ip6/ip6_priv.h"
#include "inet/ip6/ip6_tables.h"

/* -- per device -- */

static unsigned long netconf_type(enum ip6_conf c)
{
	switch (c) {
	case IP6_CONF_FORWARDING:
		return NETCONFA_FORWARDING;
	case IP6_CONF_PROXY_NDP:
		return NETCONFA_PROXY_NEIGH;
	case IP6_CONF_IGNORE_ROUTES_WITH_LINKDOWN:
		return NETCONFA_IGNORE_ROUTES_WITH_LINKDOWN;
	default:
		return 0;
	}
}

/* Switches are only on or off. */
static bool is_news(enum ip6_conf c, s32 old, s32 now)
{
	return c == IP6_CONF_PROXY_NDP ? old != now : !old != !now;
}

/* dev NULL: "all", or "default" with NETCONF_EVENT_DEFAULT. */
static void tell(struct netns *net, struct net_device *dev, enum ip6_conf c, unsigned long which)
{
	if (netconf_type(c))
		event_send(net->home, net, EV_NETCONF, dev, netconf_type(c) | which | NETCONF_EVENT_INET6);
}

static struct inet6_dev *idev_of(struct netns *net, const void *base)
{
	struct net_device *dev;
	dev_for_each(dev, net)
		if (dev->ip6_ptr && &dev->ip6_ptr->conf == base)
			return dev->ip6_ptr;
	return NULL;
}

/* What a device does about its own new value; nobody hears of what stays as it was. */
static void acts(struct cpu *cpu, struct inet6_dev *idev, enum ip6_conf c, s32 old)
{
	s32 now = idev->conf.v[c];
	bool switched = !old != !now;
	switch (c) {
	case IP6_CONF_FORWARDING:
		if (switched)
			ip6_dev_set_forwarding(cpu, idev);
		break;
	case IP6_CONF_DISABLE_IPV6:
		if (switched)
			ip6_dev_set_disabled(cpu, idev, now);
		break;
	case IP6_CONF_ADDR_GEN_MODE:
		if (old != now)
			ip6_linklocal_make(cpu, idev);
		break;
	default:
		break;
	}
	if (is_news(c, old, now))
		tell(idev->dev->net, idev->dev, c, 0);
}

/* RFC 4861 section 6.2.7: a router has no default routers. */
static void purge_default_routers(struct netns *net)
{
	struct net_device *dev;
	struct fib_alias *a;
	bool again = true;
	while (again) {
		struct lpm_key key = { 0, 0 };
		again = false;
		a = net->fib->main6 ? lpm_find(&net->fib->main6->lpm, key, 0) : NULL;
		for (struct fib6_alias *i = a ? fib6_alias(a) : NULL; i; i = fib6_next(i)) {
			dev = i->a.fi->nh[0].dev;
			if ((i->rtf & (FIB6_ADDRCONF | FIB6_DEFAULT)) == (FIB6_ADDRCONF | FIB6_DEFAULT) && dev && dev->ip6_ptr &&
			    dev->ip6_ptr->conf.v[IP6_CONF_ACCEPT_RA] != 2) {
				struct inaddr gw = i->a.fi->nh[0].gateway;
				ndisc_router_gone(net->home, dev, &gw);
				again = true;
				break;
			}
		}
	}
}

static bool spreads(enum ip6_conf c)
{
	return c == IP6_CONF_FORWARDING || c == IP6_CONF_DISABLE_IPV6 || c == IP6_CONF_IGNORE_ROUTES_WITH_LINKDOWN || c == IP6_CONF_ADDR_GEN_MODE;
}

static int conf_set(struct netns *net, void *base, const struct sysctl *s, const void *was)
{
	enum ip6_conf c = (enum ip6_conf)((s->offset - offsetof(struct inet6_conf, v)) / sizeof(s32));
	struct netns_ip6 *ip6 = net->ip6;
	struct inet6_conf *conf = base;
	struct inet6_dev *idev = idev_of(net, base);
	struct net_device *dev;
	s32 old = *(const s32 *)was, now = conf->v[c];

	if (c == IP6_CONF_MTU && idev && (u32)now > idev->dev->mtu)
		return -EINVAL;
	if (c == IP6_CONF_ADDR_GEN_MODE && now == IP6_GEN_STABLE && !conf->has_secret && !ip6->conf_default.has_secret)
		return -EINVAL;
	if (base == &ip6->conf_all && spreads(c)) {
		s32 old_default = ip6->conf_default.v[c], old_own;
		ip6->conf_default.v[c] = now;
		if (c == IP6_CONF_FORWARDING && is_news(c, old_default, now))
			tell(net, NULL, c, NETCONF_EVENT_DEFAULT);
		dev_for_each(dev, net) {
			if (!dev->ip6_ptr)
				continue;
			old_own = dev->ip6_ptr->conf.v[c];
			dev->ip6_ptr->conf.v[c] = now;
			acts(net->home, dev->ip6_ptr, c, old_own);
		}
	}
	if (idev)
		acts(net->home, idev, c, old);
	else if (is_news(c, old, now))
		tell(net, NULL, c, base == &ip6->conf_default ? NETCONF_EVENT_DEFAULT : 0);
	if (c == IP6_CONF_FORWARDING && now && base != &ip6->conf_default)
		purge_default_routers(net);
	fib_genid_bump6(net);
	return 0;
}

static int secret_get(struct netns *net, void *base, const struct sysctl *s, struct strbuf *out)
{
	const struct inet6_conf *c = base;
	if (!c->has_secret)
		return -EIO;
	for (unsigned i = 0; i < 16; i += 2)
		strbuf_printf(out, "%s%02x%02x", i ? ":" : "", c->secret.b[i], c->secret.b[i + 1]);
	return 0;
}

/* A device that gets one makes its addresses by it from then on. */
static int secret_set(struct netns *net, void *base, const struct sysctl *s, const char *text)
{
	struct inet6_conf *c = base;
	struct net_device *dev;
	char buf[64];
	sysctl_parse_string(text, buf, sizeof(buf));
	if (base == &net->ip6->conf_all)
		return -EIO;
	if (inet_pton(AF_INET6, buf, c->secret.b) != 1)
		return -EIO;
	c->has_secret = true;
	if (base == &net->ip6->conf_default) {
		dev_for_each(dev, net)
			if (dev->ip6_ptr)
				dev->ip6_ptr->conf.v[IP6_CONF_ADDR_GEN_MODE] = IP6_GEN_STABLE;
		c->v[IP6_CONF_ADDR_GEN_MODE] = IP6_GEN_STABLE;
	} else {
		c->v[IP6_CONF_ADDR_GEN_MODE] = IP6_GEN_STABLE;
	}
	return 0;
}

static void *conf_base(struct netns *net, const char *name)
{
	struct net_device *dev;
	if (!net->ip6)
		return NULL;
	if (!strcmp(name, "all"))
		return &net->ip6->conf_all;
	if (!strcmp(name, "default"))
		return &net->ip6->conf_default;
	dev_for_each(dev, net)
		if (!strcmp(dev->name, name))
			return dev->ip6_ptr ? &dev->ip6_ptr->conf : NULL;
	return NULL;
}

#define COFF(c) (offsetof(struct inet6_conf, v) + IP6_CONF_##c * sizeof(s32))
#define CONF(n, c) { .name = n, .kind = SYSCTL_INT, .mode = 0644, .offset = COFF(c), .changed = conf_set }
#define CONFR(n, c, lo, hi) { .name = n, .kind = SYSCTL_INT, .mode = 0644, .offset = COFF(c), .min = lo, .max = hi, .changed = conf_set }
#define CTIME(n, k, field) { .name = n, .kind = k, .mode = 0644, .offset = offsetof(struct inet6_conf, field) }
static const struct sysctl conf[] = {
	CONF("forwarding", FORWARDING),
	CONFR("hop_limit", HOP_LIMIT, 1, 255),
	CONFR("mtu", MTU, IP6_MIN_MTU, INT32_MAX),
	CONF("accept_ra", ACCEPT_RA),
	CONF("accept_redirects", ACCEPT_REDIRECTS),
	CONF("autoconf", AUTOCONF),
	CONF("dad_transmits", DAD_TRANSMITS),
	CONFR("router_solicitations", RTR_SOLICITS, -1, INT32_MAX),
	CTIME("router_solicitation_interval", SYSCTL_S, rtr_solicit_interval),
	CTIME("router_solicitation_max_interval", SYSCTL_S, rtr_solicit_max_interval),
	CTIME("router_solicitation_delay", SYSCTL_S, rtr_solicit_delay),
	CONF("force_mld_version", FORCE_MLD_VERSION),
	CTIME("mldv1_unsolicited_report_interval", SYSCTL_MS, mld1_report_interval),
	CTIME("mldv2_unsolicited_report_interval", SYSCTL_MS, mld2_report_interval),
	CONF("use_tempaddr", USE_TEMPADDR),
	CONF("temp_valid_lft", TEMP_VALID_LFT),
	CONF("temp_prefered_lft", TEMP_PREFERED_LFT),
	CONF("regen_min_advance", REGEN_MIN_ADVANCE),
	CONF("regen_max_retry", REGEN_MAX_RETRY),
	CONF("max_desync_factor", MAX_DESYNC_FACTOR),
	CONF("max_addresses", MAX_ADDRESSES),
	CONF("accept_ra_defrtr", ACCEPT_RA_DEFRTR),
	CONF("ra_defrtr_metric", RA_DEFRTR_METRIC),
	CONF("accept_ra_min_hop_limit", ACCEPT_RA_MIN_HOP_LIMIT),
	CONF("accept_ra_min_lft", ACCEPT_RA_MIN_LFT),
	CONF("accept_ra_pinfo", ACCEPT_RA_PINFO),
	CONFR("ra_honor_pio_life", RA_HONOR_PIO_LIFE, 0, 1),
	CONF("accept_ra_rtr_pref", ACCEPT_RA_RTR_PREF),
	CONF("accept_ra_rt_info_min_plen", ACCEPT_RA_RT_INFO_MIN_PLEN),
	CONF("accept_ra_rt_info_max_plen", ACCEPT_RA_RT_INFO_MAX_PLEN),
	CONF("proxy_ndp", PROXY_NDP),
	CONF("accept_source_route", ACCEPT_SOURCE_ROUTE),
	CONF("optimistic_dad", OPTIMISTIC_DAD),
	CONF("use_optimistic", USE_OPTIMISTIC),
	{ .name = "mc_forwarding", .kind = SYSCTL_INT, .mode = 0444, .offset = COFF(MC_FORWARDING) },
	CONF("disable_ipv6", DISABLE_IPV6),
	CONF("accept_dad", ACCEPT_DAD),
	CONF("force_tllao", FORCE_TLLAO),
	CONF("ndisc_notify", NDISC_NOTIFY),
	CONF("suppress_frag_ndisc", SUPPRESS_FRAG_NDISC),
	CONF("accept_ra_from_local", ACCEPT_RA_FROM_LOCAL),
	CONF("accept_ra_mtu", ACCEPT_RA_MTU),
	{ .name = "stable_secret", .kind = SYSCTL_CUSTOM, .mode = 0600, .get = secret_get, .set = secret_set },
	CONF("use_oif_addrs_only", USE_OIF_ADDRS_ONLY),
	CONF("ignore_routes_with_linkdown", IGNORE_ROUTES_WITH_LINKDOWN),
	CONF("drop_unicast_in_l2_multicast", DROP_UNICAST_IN_L2_MULTICAST),
	CONF("drop_unsolicited_na", DROP_UNSOLICITED_NA),
	CONF("keep_addr_on_down", KEEP_ADDR_ON_DOWN),
	CONF("enhanced_dad", ENHANCED_DAD),
	CONFR("addr_gen_mode", ADDR_GEN_MODE, 0, 3),
	CONFR("ndisc_tclass", NDISC_TCLASS, 0, 255),
	CONFR("ndisc_evict_nocarrier", NDISC_EVICT_NOCARRIER, 0, 1),
	CONFR("accept_untracked_na", ACCEPT_UNTRACKED_NA, 0, 2),
	CONF("force_forwarding", FORCE_FORWARDING),
};
const struct sysctl_table ip6_sysctl_conf = { "ipv6/conf", true, conf, ARRAY_SIZE(conf), conf_base };

/* -- the namespace's -- */

static void *ip6_base(struct netns *net, const char *dev) { return net->ip6; }

static int high_set(struct netns *net, void *b, const struct sysctl *s, const char *text)
{
	return net->ip6->frag_high_thresh < net->ip6->frag_low_thresh ? -EINVAL : 0;
}

#define OFF(field) offsetof(struct netns_ip6, field)
#define U8(n, field, hi) { .name = n, .kind = SYSCTL_U8, .mode = 0644, .offset = OFF(field), .min = 0, .max = hi }
#define INT(n, field) { .name = n, .kind = SYSCTL_INT, .mode = 0644, .offset = OFF(field) }
#define TIME(n, k, field) { .name = n, .kind = k, .mode = 0644, .offset = OFF(field) }
static const struct sysctl base[] = {
	U8("bindv6only", bindv6only, 255),
	U8("anycast_src_echo_reply", anycast_src_echo_reply, 255),
	U8("auto_flowlabels", auto_flowlabels, 3),
	U8("flowlabel_consistency", flowlabel_consistency, 255),
	U8("fwmark_reflect", fwmark_reflect, 255),
	INT("idgen_retries", idgen_retries),
	TIME("idgen_delay", SYSCTL_S, idgen_delay_ns),
	U8("flowlabel_state_ranges", flowlabel_state_ranges, 255),
	U8("ip_nonlocal_bind", nonlocal_bind, 255),
	{ .name = "flowlabel_reflect", .kind = SYSCTL_U8, .mode = 0644, .offset = OFF(flowlabel_reflect), .min = 0, .max = 7 },
	INT("max_dst_opts_number", max_dst_opts_cnt),
	INT("max_hbh_opts_number", max_hbh_opts_cnt),
	INT("max_dst_opts_length", max_dst_opts_len),
	INT("max_hbh_length", max_hbh_opts_len),
	{ .name = "ip6frag_high_thresh", .kind = SYSCTL_UINT, .mode = 0644, .offset = OFF(frag_high_thresh), .set = high_set },
	{ .name = "ip6frag_low_thresh", .kind = SYSCTL_UINT, .mode = 0644, .offset = OFF(frag_low_thresh), .set = high_set },
	TIME("ip6frag_time", SYSCTL_S, frag_time_ns),
};
const struct sysctl_table ip6_sysctl_base = { "ipv6", false, base, ARRAY_SIZE(base), ip6_base };

/* A set of types as ranges: "0-1,3-127". */
static int mask_get(struct netns *net, void *b, const struct sysctl *s, struct strbuf *out)
{
	const u32 *m = net->ip6->icmp_ratemask;
	const char *comma = "";
	for (unsigned i = 0; i < 256; i++) {
		unsigned first = i;
		if (!(m[i >> 5] & BIT(i & 31)))
			continue;
		while (i < 255 && m[(i + 1) >> 5] & BIT((i + 1) & 31))
			i++;
		strbuf_printf(out, first == i ? "%s%u" : "%s%u-%u", comma, first, i);
		comma = ",";
	}
	return 0;
}

static int mask_set(struct netns *net, void *b, const struct sysctl *s, const char *text)
{
	u32 m[8] = { 0 };
	while (*text && *text != '\n') {
		unsigned long lo, hi;
		char *end;
		if (*text < '0' || *text > '9')
			return -EINVAL;
		lo = hi = strtoul(text, &end, 10);
		text = end;
		if (*text == '-') {
			if (text[1] < '0' || text[1] > '9')
				return -EINVAL;
			hi = strtoul(text + 1, &end, 10);
			text = end;
		}
		if (lo > 255 || hi > 255 || hi < lo)
			return -EINVAL;
		for (unsigned long i = lo; i <= hi; i++)
			m[i >> 5] |= BIT(i & 31);
		if (*text == ',')
			text++;
		else if (*text && *text != '\n')
			return -EINVAL;
	}
	memcpy(net->ip6->icmp_ratemask, m, sizeof(m));
	return 0;
}

static const struct sysctl icmp[] = {
	TIME("ratelimit", SYSCTL_MS, icmp_ratelimit_ns),
	U8("echo_ignore_all", echo_ignore_all, 1),
	U8("echo_ignore_multicast", echo_ignore_multicast, 1),
	U8("echo_ignore_anycast", echo_ignore_anycast, 1),
	U8("error_anycast_as_unicast", error_anycast_as_unicast, 1),
	{ .name = "ratemask", .kind = SYSCTL_CUSTOM, .mode = 0644, .get = mask_get, .set = mask_set },
};
const struct sysctl_table ip6_sysctl_icmp = { "ipv6/icmp", false, icmp, ARRAY_SIZE(icmp), ip6_base };

static int flush(struct netns *net, void *b, const struct sysctl *s, const char *text)
{
	s64 delay;
	if (sysctl_parse_ints(text, &delay, 1, INT32_MIN, INT32_MAX) < 0)
		return -EINVAL;
	fib6_exceptions_flush(net->home, net, delay);
	return 0;
}

static void *fib_base(struct netns *net, const char *dev) { return net->fib; }
static int hash_set(struct netns *net, void *b, const struct sysctl *s, const char *text)
{
	fib_genid_bump6(net);
	return 0;
}
static const struct sysctl fib[] = {
	{ .name = "fib_multipath_hash_policy", .kind = SYSCTL_U8, .mode = 0644, .offset = offsetof(struct netns_fib, hash6.policy), .min = 0, .max = 3,
	  .set = hash_set },
	{ .name = "fib_multipath_hash_fields", .kind = SYSCTL_UINT, .mode = 0644, .offset = offsetof(struct netns_fib, hash6.fields), .min = 1, .max = FIB_HASH_ALL,
	  .set = hash_set },
};
const struct sysctl_table ip6_sysctl_fib = { "ipv6", false, fib, ARRAY_SIZE(fib), fib_base };
static int skip_get(struct netns *net, void *b, const struct sysctl *s, struct strbuf *out)
{
	strbuf_printf(out, "%d", net->fib->skip_notify_on_dev_down);
	return 0;
}

static int skip_set(struct netns *net, void *b, const struct sysctl *s, const char *text)
{
	s64 v;
	if (sysctl_parse_ints(text, &v, 1, 0, 1) < 0)
		return -EINVAL;
	net->fib->skip_notify_on_dev_down = v;
	return 0;
}

static void *gc_base(struct netns *net, const char *dev) { return &net->fib->gc6; }
#define GC(n, field) { .name = n, .kind = SYSCTL_INT, .mode = 0644, .offset = offsetof(struct fib_gc6, field) }
static const struct sysctl gc[] = {
	GC("gc_thresh", thresh),
	GC("max_size", max_size),
	GC("gc_timeout", timeout_s),
	GC("gc_interval", interval_s),
	GC("gc_elasticity", elasticity),
	{ .name = "gc_min_interval", .kind = SYSCTL_S, .mode = 0644, .offset = offsetof(struct fib_gc6, min_interval_ns) },
	{ .name = "gc_min_interval_ms", .kind = SYSCTL_MS, .mode = 0644, .offset = offsetof(struct fib_gc6, min_interval_ns) },
};
const struct sysctl_table ip6_sysctl_gc = { "ipv6/route", false, gc, ARRAY_SIZE(gc), gc_base };

static const struct sysctl route[] = {
	{ .name = "skip_notify_on_dev_down", .kind = SYSCTL_CUSTOM, .mode = 0644, .get = skip_get, .set = skip_set },
	{ .name = "flush", .kind = SYSCTL_CUSTOM, .mode = 0200, .set = flush },
	TIME("mtu_expires", SYSCTL_S, mtu_expires_ns),
	INT("min_adv_mss", min_adv_mss),
};
const struct sysctl_table ip6_sysctl_route = { "ipv6/route", false, route, ARRAY_SIZE(route), ip6_base };

const struct sysctl_table *const ip6_sysctls[] = { &ip6_sysctl_base, &ip6_sysctl_icmp, &ip6_sysctl_route, &ip6_sysctl_gc, &ip6_sysctl_fib, &ip6_sysctl_conf, NULL };
