/* /proc/net/route, arp and igmp, as their readers (route -n, arp -n, netstat -g) expect them. */
#include <linux/route.h>
#include <net/if_arp.h>
#include <stdio.h>

#include "core/proc.h"
#include "inet/ip4/igmp.h"
#include "inet/ip4/ip4_tables.h"

/* A line is 127 columns wide, whatever it says. */
static void padded(struct strbuf *out, const char *line) { strbuf_printf(out, "%-127s\n", line); }

static int route_line(void *arg, const struct fib_alias *a)
{
	static const u16 type_flags[RTN_MAX + 1] = { [RTN_UNREACHABLE] = RTF_REJECT, [RTN_PROHIBIT] = RTF_REJECT };
	const struct fib_info *fi = a->fi;
	const struct fib_nh *nh = &fi->nh[0];
	u32 flags = RTF_UP | type_flags[a->type], advmss = fi->metrics ? fi->metrics[RTAX_ADVMSS] : 0;
	char line[256];
	if (a->type == RTN_BROADCAST || a->type == RTN_MULTICAST || fi->flags & RTNH_F_DEAD)
		return 0;
	if (nh->has_gw)
		flags |= RTF_GATEWAY;
	if (a->prefix_len == 32)
		flags |= RTF_HOST;
	snprintf(line, sizeof(line), "%s\t%08X\t%08X\t%04X\t%d\t%u\t%u\t%08X\t%u\t%u\t%u", nh->dev ? nh->dev->name : "*",
		 inaddr_v4(&a->prefix).raw, nh->has_gw ? inaddr_v4(&nh->gateway).raw : 0, flags, 0, 0, fi->priority,
		 prefix_mask(a->prefix_len).raw, advmss ? advmss + 40 : 0, fi->metrics ? fi->metrics[RTAX_WINDOW] : 0,
		 fi->metrics ? fi->metrics[RTAX_RTT] >> 3 : 0);
	padded(arg, line);
	return 0;
}

static void route_show(struct netns *net, struct strbuf *out)
{
	u64 key[6] = { 0 };
	padded(out, "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT");
	fib_walk(net, AF_INET, RT_TABLE_MAIN, key, route_line, out);
}
const struct proc_file ip4_proc_route = { .name = "route", .mode = 0444, .show = route_show };

static int arp_line(void *arg, struct neighbour *n)
{
	char ip[16], hw[3 * DEV_ADDR_MAX + 1] = "";
	u32 flags = n->nud_state & NUD_PERMANENT ? ATF_PERM | ATF_COM :
		    n->nud_state & (NUD_REACHABLE | NUD_STALE | NUD_DELAY | NUD_PROBE) ? ATF_COM : 0;
	if (n->nud_state & NUD_NOARP)
		return 0;
	snprintf(ip, sizeof(ip), "%u.%u.%u.%u", n->key[0], n->key[1], n->key[2], n->key[3]);
	for (unsigned i = 0, at = 0; i < n->dev->addr_len; i++)
		at += (unsigned)snprintf(hw + at, sizeof(hw) - at, i ? ":%02x" : "%02x", flags ? n->ha[i] : 0);
	strbuf_printf(arg, "%-16s 0x%-10x0x%-10x%-17s     *        %s\n", ip, n->dev->type, flags, hw, n->dev->name);
	return 0;
}

static void arp_show(struct netns *net, struct strbuf *out)
{
	strbuf_printf(out, "IP address       HW type     Flags       HW address            Mask     Device\n");
	if (net->neigh)
		neigh_walk(net, &arp_table, arp_line, out);
}
const struct proc_file ip4_proc_arp = { .name = "arp", .mode = 0444, .show = arp_show };

static void igmp_show(struct netns *net, struct strbuf *out)
{
	struct cpu *cpu = net->home;
	struct net_device *dev;
	strbuf_printf(out, "Idx\tDevice    : Count Querier\tGroup    Users Timer\tReporter\n");
	dev_for_each(dev, net) {
		const struct in_device *idev = dev->ip_ptr;
		const struct mc_group *g = NULL;
		unsigned n = 0;
		while (idev && (g = mc_next(&idev->mc, g)))
			n++;
		if (!n)
			continue;
		strbuf_printf(out, "%d\t%-10s: %5u      V%u\n", dev->ifindex, dev->name, n, igmp_version(cpu, idev));
		while ((g = mc_next(&idev->mc, g))) {
			bool armed = timer_armed(&g->timer);
			u64 left = armed && g->timer.expires > cpu->now ? g->timer.expires - cpu->now : 0;
			strbuf_printf(out, "\t\t\t\t%08X %5u %d:%08lX\t\t%d\n", inaddr_v4(&g->addr).raw, g->users, armed, left / 10000000, g->reporter);
		}
	}
}
const struct proc_file ip4_proc_igmp = { .name = "igmp", .mode = 0444, .show = igmp_show };

static void mcfilter_show(struct netns *net, struct strbuf *out)
{
	struct net_device *dev;
	strbuf_printf(out, "Idx Device        MCA        SRC    INC    EXC\n");
	dev_for_each(dev, net) {
		const struct mc_group *g = NULL;
		const struct mc_source *src;
		while (dev->ip_ptr && (g = mc_next(&dev->ip_ptr->mc, g)))
			list_for_each(src, &g->sources, link)
				strbuf_printf(out, "%3d %6.6s 0x%08x 0x%08x %6u %6u\n", dev->ifindex, dev->name, be32_to_cpu(inaddr_v4(&g->addr)),
					      be32_to_cpu(inaddr_v4(&src->addr)), src->count[MCAST_INCLUDE], src->count[MCAST_EXCLUDE]);
	}
}
const struct proc_file ip4_proc_mcfilter = { .name = "mcfilter", .mode = 0444, .show = mcfilter_show };

const struct proc_file *const ip4_proc_files[] = { &ip4_proc_route, &ip4_proc_arp, &ip4_proc_igmp, &ip4_proc_mcfilter, &ip4_proc_mr_vif, &ip4_proc_mr_cache, &proc_snmp, &proc_netstat, NULL };
