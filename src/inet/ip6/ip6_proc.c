/* /proc/net/if_inet6, ipv6_route, igmp6, mcfilter6 and anycast6, as their readers (ifconfig, route -A inet6, ip maddr) expect them. */
#include <stdio.h>

#include "core/proc.h"
#include "inet/ip6/ip6_priv.h"
#include "inet/ip6/ip6_tables.h"

static void hex(struct strbuf *out, const struct inaddr *a)
{
	for (unsigned i = 0; i < 16; i++)
		strbuf_printf(out, "%02x", a->b[i]);
}

/* IPV6_ADDR_*'s scope bits: what ifconfig knows. */
static unsigned scope_bits(const struct inet6_ifaddr *a)
{
	return a->scope == RT_SCOPE_HOST ? 0x10 : a->scope == RT_SCOPE_LINK ? 0x20 : a->scope == RT_SCOPE_SITE ? 0x40 : 0;
}

static void if_inet6_show(struct netns *net, struct strbuf *out)
{
	struct net_device *dev;
	dev_for_each(dev, net) {
		struct inet6_ifaddr *a;
		if (!dev->ip6_ptr)
			continue;
		list_for_each(a, &dev->ip6_ptr->addrs, link) {
			hex(out, &a->addr);
			strbuf_printf(out, " %02x %02x %02x %02x %8s\n", dev->ifindex, a->prefix_len, scope_bits(a), a->flags & 0xff, dev->name);
		}
	}
}
const struct proc_file ip6_proc_if_inet6 = { .name = "if_inet6", .mode = 0444, .show = if_inet6_show };

static int route_line(void *arg, const struct fib_alias *a)
{
	struct strbuf *out = arg;
	const struct fib6_alias *r = fib6_alias(a);
	const struct fib_nh *nh = &a->fi->nh[0];
	struct inaddr any = inaddr_v6_any();
	u32 flags = r->rtf | !a->fi->reject /* RTF_UP */ | (u32)r->pref << 27;
	if (nh->has_gw)
		flags |= 2; /* RTF_GATEWAY */
	if (a->fi->reject)
		flags |= 0x200; /* RTF_REJECT */
	if (a->type == RTN_LOCAL)
		flags |= 0x80000000; /* RTF_LOCAL */
	if (a->fi->reject || a->type == RTN_LOCAL || a->type == RTN_ANYCAST)
		flags |= 0x00200000; /* RTF_NONEXTHOP */
	hex(out, &a->prefix);
	strbuf_printf(out, " %02x ", a->prefix_len);
	hex(out, &r->src);
	strbuf_printf(out, " %02x ", r->src_len);
	hex(out, nh->has_gw ? &nh->gateway : &any);
	strbuf_printf(out, " %08x %08x %08x %08x %8s\n", r->metric, 1, 0, flags, nh->dev ? nh->dev->name : "lo");
	return 0;
}

/* A table without a default route shows the one that rejects what nothing else matches. */
static void table(struct netns *net, struct strbuf *out, u32 id)
{
	const struct fib_table *t = fib_table_find(net, AF_INET6, id);
	struct lpm_key zero = { 0, 0 };
	u64 key[6] = { 0 };
	fib_walk(net, AF_INET6, id, key, route_line, out);
	if (!t || !lpm_find(&t->lpm, zero, 0))
		strbuf_printf(out, "%032d 00 %032d 00 %032d ffffffff 00000001 00000000 00200200       lo\n", 0, 0, 0);
}

static void route_show(struct netns *net, struct strbuf *out)
{
	table(net, out, RT_TABLE_MAIN);
	table(net, out, RT_TABLE_LOCAL);
}
const struct proc_file ip6_proc_route = { .name = "ipv6_route", .mode = 0444, .show = route_show };

static void igmp6_show(struct netns *net, struct strbuf *out)
{
	u64 now = net->home->now;
	struct net_device *dev;
	dev_for_each(dev, net) {
		const struct mc_group *g = NULL;
		while (dev->ip6_ptr && (g = mc_next(&dev->ip6_ptr->mc, g))) {
			bool armed = timer_armed(&g->timer);
			u64 left = armed && g->timer.expires > now ? g->timer.expires - now : 0;
			strbuf_printf(out, "%-4d %-15s ", dev->ifindex, dev->name);
			hex(out, &g->addr);
			/* MAF_TIMER_RUNNING, LAST_REPORTER, LOADED, NOREPORT; the timer in hundredths of a second */
			strbuf_printf(out, " %5u %08X %llu\n", g->users, armed | g->reporter << 1 | (g->on_wire || v6_mc_scope(&g->addr) > 1) << 2 |
				      !mld_reported(&g->addr) << 3, (unsigned long long)(left / 10000000));
		}
	}
}
const struct proc_file ip6_proc_igmp6 = { .name = "igmp6", .mode = 0444, .show = igmp6_show };

static void mcfilter6_show(struct netns *net, struct strbuf *out)
{
	struct net_device *dev;
	strbuf_printf(out, "Idx Device                Multicast Address                   Source Address    INC    EXC\n");
	dev_for_each(dev, net) {
		const struct mc_group *g = NULL;
		const struct mc_source *src;
		while (dev->ip6_ptr && (g = mc_next(&dev->ip6_ptr->mc, g)))
			list_for_each(src, &g->sources, link) {
				strbuf_printf(out, "%3d %6.6s ", dev->ifindex, dev->name);
				hex(out, &g->addr);
				strbuf_printf(out, " ");
				hex(out, &src->addr);
				strbuf_printf(out, " %6u %6u\n", src->count[MCAST_INCLUDE], src->count[MCAST_EXCLUDE]);
			}
	}
}
const struct proc_file ip6_proc_mcfilter = { .name = "mcfilter6", .mode = 0444, .show = mcfilter6_show };

static void anycast6_show(struct netns *net, struct strbuf *out)
{
	struct net_device *dev;
	dev_for_each(dev, net) {
		struct ip6_anycast *a;
		if (!dev->ip6_ptr)
			continue;
		list_for_each(a, &dev->ip6_ptr->ac_list, link) {
			strbuf_printf(out, "%-4d %-15s ", dev->ifindex, dev->name);
			hex(out, &a->addr);
			strbuf_printf(out, " %5u\n", a->users);
		}
	}
}
const struct proc_file ip6_proc_anycast6 = { .name = "anycast6", .mode = 0444, .show = anycast6_show };

const struct proc_file *const ip6_proc_files[] = { &ip6_proc_if_inet6, &ip6_proc_route, &ip6_proc_igmp6, &ip6_proc_mcfilter, &ip6_proc_anycast6, &ip6_proc_flowlabel, &ip6_proc_mr_vif, &ip6_proc_mr_cache, &proc_snmp6, &proc_dev_snmp6, NULL };
