/* /proc/sys/net/ipv4/neigh/ and ipv6/neigh/: one directory a device, and "default" in a world's first namespace, which also has the
 * limits of the table. Names and units are those of Linux: seconds, milliseconds, hundredths of a second. arp(7).
 */
#include <stdio.h>

#include "core/sysctl.h"
#include "link/netns_neigh.h"

/* What Linux charges for a packet of one Ethernet frame: unres_qlen counts in these. */
#define TRUESIZE_FRAME 2090

#define OFF(field) offsetof(struct neigh_parms, field)
static const struct {
	size_t offset;
	enum neigh_var var;
} vars[] = {
	{ OFF(mcast_probes), NEIGH_VAR_MCAST_PROBES },	{ OFF(ucast_probes), NEIGH_VAR_UCAST_PROBES },
	{ OFF(app_probes), NEIGH_VAR_APP_PROBES },	{ OFF(mcast_reprobes), NEIGH_VAR_MCAST_REPROBES },
	{ OFF(proxy_qlen), NEIGH_VAR_PROXY_QLEN },	{ OFF(queue_len_bytes), NEIGH_VAR_QUEUE_LEN },
	{ OFF(base_reachable_time), NEIGH_VAR_BASE_REACHABLE }, { OFF(retrans_time), NEIGH_VAR_RETRANS },
	{ OFF(gc_staletime), NEIGH_VAR_GC_STALETIME },	{ OFF(delay_probe_time), NEIGH_VAR_DELAY_PROBE },
	{ OFF(anycast_delay), NEIGH_VAR_ANYCAST_DELAY }, { OFF(proxy_delay), NEIGH_VAR_PROXY_DELAY },
	{ OFF(locktime), NEIGH_VAR_LOCKTIME },		{ OFF(interval_probe_time), NEIGH_VAR_INTERVAL_PROBE },
};

static int set(struct netns *net, void *base, const struct sysctl *s, const char *text)
{
	for (unsigned i = 0; i < ARRAY_SIZE(vars); i++)
		if (vars[i].offset == s->offset)
			neigh_parms_changed(net, base, vars[i].var);
	return 0;
}

static int qlen_get(struct netns *net, void *base, const struct sysctl *s, struct strbuf *out)
{
	strbuf_printf(out, "%u", ((struct neigh_parms *)base)->queue_len_bytes / TRUESIZE_FRAME);
	return 0;
}

static int qlen_set(struct netns *net, void *base, const struct sysctl *s, const char *text)
{
	s64 v;
	int n = sysctl_parse_ints(text, &v, 1, 0, INT32_MAX / TRUESIZE_FRAME);
	if (n < 0)
		return n;
	((struct neigh_parms *)base)->queue_len_bytes = (u32)v * TRUESIZE_FRAME;
	return set(net, base, s, text);
}

#define COUNT(n, field) { .name = n, .kind = SYSCTL_INT, .mode = 0644, .offset = OFF(field), .max = INT32_MAX, .set = set }
#define TIME(n, k, field) { .name = n, .kind = k, .mode = 0644, .offset = OFF(field), .set = set }
static const struct sysctl entries[] = {
	COUNT("mcast_solicit", mcast_probes),
	COUNT("mcast_resolicit", mcast_reprobes),
	COUNT("ucast_solicit", ucast_probes),
	COUNT("app_solicit", app_probes),
	TIME("retrans_time", SYSCTL_CS, retrans_time),
	TIME("base_reachable_time", SYSCTL_S, base_reachable_time),
	TIME("delay_first_probe_time", SYSCTL_S, delay_probe_time),
	TIME("interval_probe_time_ms", SYSCTL_MS, interval_probe_time),
	TIME("gc_stale_time", SYSCTL_S, gc_staletime),
	COUNT("unres_qlen_bytes", queue_len_bytes),
	COUNT("proxy_qlen", proxy_qlen),
	TIME("anycast_delay", SYSCTL_CS, anycast_delay),
	TIME("proxy_delay", SYSCTL_CS, proxy_delay),
	TIME("locktime", SYSCTL_CS, locktime),
	{ .name = "unres_qlen", .kind = SYSCTL_CUSTOM, .mode = 0644, .offset = OFF(queue_len_bytes), .get = qlen_get, .set = qlen_set },
	TIME("retrans_time_ms", SYSCTL_MS, retrans_time),
	TIME("base_reachable_time_ms", SYSCTL_MS, base_reachable_time),
};

#define SOFF(field) offsetof(struct neigh_slot, field)
static const struct sysctl limits[] = {
	{ .name = "gc_interval", .kind = SYSCTL_S, .mode = 0644, .offset = SOFF(gc_interval) },
	{ .name = "gc_thresh1", .kind = SYSCTL_INT, .mode = 0644, .offset = SOFF(gc_thresh1), .max = INT32_MAX },
	{ .name = "gc_thresh2", .kind = SYSCTL_INT, .mode = 0644, .offset = SOFF(gc_thresh2), .max = INT32_MAX },
	{ .name = "gc_thresh3", .kind = SYSCTL_INT, .mode = 0644, .offset = SOFF(gc_thresh3), .max = INT32_MAX },
};

static struct neigh_slot *default_slot(struct netns *net, unsigned index, const char *dev)
{
	if (!net->neigh || strcmp(dev, "default") || net != net->world->init_net)
		return NULL;
	return &net->neigh->slot[index];
}

static struct neigh_parms *find(struct netns *net, unsigned index, const char *dev)
{
	struct neigh_slot *s = default_slot(net, index, dev);
	struct neigh_parms *p;
	if (s)
		return s->tbl ? &s->dflt : NULL;
	if (!net->neigh)
		return NULL;
	list_for_each(p, &net->neigh->slot[index].parms, link)
		if (!strcmp(p->dev->name, dev))
			return p;
	return NULL;
}

static void *arp_base(struct netns *net, const char *dev) { return find(net, NEIGH_ARP, dev); }
static void *nd_base(struct netns *net, const char *dev) { return find(net, NEIGH_ND, dev); }
static void *arp_limits(struct netns *net, const char *dev) { return default_slot(net, NEIGH_ARP, dev); }
static void *nd_limits(struct netns *net, const char *dev) { return default_slot(net, NEIGH_ND, dev); }

const struct sysctl_table neigh_arp_sysctls = { "ipv4/neigh", true, entries, ARRAY_SIZE(entries), arp_base };
const struct sysctl_table neigh_arp_limits = { "ipv4/neigh", true, limits, ARRAY_SIZE(limits), arp_limits };
const struct sysctl_table neigh_nd_sysctls = { "ipv6/neigh", true, entries, ARRAY_SIZE(entries), nd_base };
const struct sysctl_table neigh_nd_limits = { "ipv6/neigh", true, limits, ARRAY_SIZE(limits), nd_limits };
