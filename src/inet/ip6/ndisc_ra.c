/* Router advertisements (RFC 4861 section 6.3.4, 4191): default routers with preferences, prefixes, more-specific routes, link
 * parameters. What concerns programs alone (DNS servers and the like) is handed to them as it came.
 *
 * Only from link-local addresses, and only on devices that accept them: hosts by default, routers with accept_ra 2.
 */
#include <linux/icmpv6.h>

#include "inet/ip6/ip6_priv.h"

enum { RA_RCVD = 0x20, RA_MANAGED = 0x80, RA_OTHER = 0x40 }; /* IFLA_INET6_FLAGS's IF_* */

struct ra {
	struct cpu *cpu;
	struct netns *net;
	struct net_device *dev;
	struct inet6_dev *idev;
	struct inaddr from;
	const struct nd_ra_msg *m;
	struct nd_opts opts;
	bool own;	/* sent by ourselves */
};

static u8 preference(const struct inet6_dev *idev, u8 flags)
{
	u8 p = (flags & ND_RA_PREF_MASK) >> 3;
	return p == ICMPV6_ROUTER_PREF_INVALID || !idev->conf.v[IP6_CONF_ACCEPT_RA_RTR_PREF] ? ICMPV6_ROUTER_PREF_MEDIUM : p;
}

static u32 table_of(struct net_device *dev)
{
	const struct net_device *vrf = dev_vrf(dev);
	return vrf ? vrf->l3mdev_table : RT_TABLE_MAIN;
}

static struct fib6_alias *default_of(struct net_device *dev, const struct inaddr *gw)
{
	struct inaddr any = inaddr_v6_any();
	return fib6_route_of(dev->net, table_of(dev), &any, 0, dev, gw, FIB6_ADDRCONF | FIB6_DEFAULT);
}

static struct fib_config route_config(struct net_device *dev, const struct inaddr *gw, const struct inaddr *prefix, u8 len, u32 metric,
				      u32 rtf)
{
	return (struct fib_config){ .family = AF_INET6, .prefix_len = len, .protocol = RTPROT_RA, .type = RTN_UNICAST, .table = table_of(dev),
				    .priority = metric, .dst = *prefix, .has_gw = true, .gw_family = AF_INET6, .gateway = *gw,
				    .oif = dev->ifindex, .rtf = rtf, .nl_flags = NLM_F_CREATE };
}

void ndisc_router_gone(struct cpu *cpu, struct net_device *dev, const struct inaddr *gw)
{
	struct fib6_alias *rt = default_of(dev, gw);
	struct inaddr any = inaddr_v6_any();
	struct fib_config c;
	if (!rt)
		return;
	c = route_config(dev, gw, &any, 0, rt->metric, 0);
	fib_route_del(cpu, dev->net, &c);
}

static u64 ends(const struct ra *r, u32 lifetime_s) { return lifetime_s == ~0u ? 0 : r->cpu->now + lifetime_s * NSEC_PER_SEC; }

/* The route of r's sender to c's prefix: taken away, made, or with another preference and end. A route information's is told of before
 * it has its end, and its changes are not told at all. */
static void route_set(const struct ra *r, struct fib_config *c, struct fib6_alias *rt, u8 pref, u32 lifetime_s)
{
	bool is_default = !c->prefix_len;
	c->pref = pref;
	if (!lifetime_s) {
		if (rt)
			fib_route_del(r->cpu, r->net, c);
		return;
	}
	if (rt) {
		bool other = rt->pref != pref;
		fib6_route_refresh(r->net, rt, pref, ends(r, lifetime_s));
		if (other && is_default)
			fib6_route_tell(r->cpu, r->net, rt);
		return;
	}
	if (is_default && lifetime_s != ~0u) {
		c->rtf |= FIB6_EXPIRES;
		c->expires = ends(r, lifetime_s);
	}
	fib_route_add(r->cpu, r->net, c);
	if (is_default)
		return;
	rt = fib6_route_of(r->net, c->table, &c->dst, c->prefix_len, r->dev, &r->from, c->rtf);
	if (rt)
		fib6_route_refresh(r->net, rt, pref, ends(r, lifetime_s));
}

static void default_router(const struct ra *r)
{
	u32 lifetime = be16_to_cpu(r->m->lifetime_s);
	struct fib6_alias *rt;
	struct inaddr any = inaddr_v6_any();
	u8 pref = preference(r->idev, r->m->flags);
	u32 metric = (u32)r->idev->conf.v[IP6_CONF_RA_DEFRTR_METRIC];
	struct fib_config c;

	if (!r->idev->conf.v[IP6_CONF_ACCEPT_RA_DEFRTR] || (lifetime && lifetime < (u32)r->idev->conf.v[IP6_CONF_ACCEPT_RA_MIN_LFT]) ||
	    (r->own && !r->idev->conf.v[IP6_CONF_ACCEPT_RA_FROM_LOCAL]))
		return;
	rt = default_of(r->dev, &r->from);
	if (rt && (!lifetime || rt->metric != metric)) {
		ndisc_router_gone(r->cpu, r->dev, &r->from);
		rt = NULL;
	}
	if (lifetime) {
		c = route_config(r->dev, &r->from, &any, 0, metric, FIB6_ADDRCONF | FIB6_DEFAULT);
		route_set(r, &c, rt, pref, lifetime);
		rt = default_of(r->dev, &r->from);
	}
	if (r->m->hop_limit && r->m->hop_limit >= r->idev->conf.v[IP6_CONF_ACCEPT_RA_MIN_HOP_LIMIT] &&
	    r->idev->conf.v[IP6_CONF_ACCEPT_RA_MIN_HOP_LIMIT] < 256) {
		r->idev->conf.v[IP6_CONF_HOP_LIMIT] = r->m->hop_limit;
		if (rt)
			fib6_route_set_metric(r->cpu, r->net, rt, RTAX_HOPLIMIT, r->m->hop_limit);
	}
}

static bool link_parameters(const struct ra *r)
{
	struct neigh_parms *p = r->idev->nd_parms;
	u64 retrans = be32_to_cpu(r->m->retrans_ms) * NSEC_PER_MSEC, reachable = be32_to_cpu(r->m->reachable_ms) * NSEC_PER_MSEC;
	bool tell = false;
	if (!p)
		return false;
	if (retrans && be32_to_cpu(r->m->retrans_ms) / 1000 < 0x7fffffff / 1000) {
		p->retrans_time = MAX(retrans, 10 * NSEC_PER_MSEC);
		tell = true;
	}
	if (reachable && be32_to_cpu(r->m->reachable_ms) / 3000 < 0x7fffffff / 3000) {
		if (p->base_reachable_time != reachable) {
			p->base_reachable_time = reachable;
			p->gc_staletime = 3 * reachable;
			p->reachable_time = reachable / 2 + (reachable ? rng_u64(&r->cpu->rng) % reachable : 0);
		}
		tell = true;
	}
	return tell;
}

static void route_information(const struct ra *r, const struct nd_opt_hdr *o)
{
	const struct nd_opt_route *ri = (const struct nd_opt_route *)o;
	u32 lifetime = be32_to_cpu(ri->lifetime_s);
	struct inaddr prefix = inaddr_v6_any();
	u8 pref = (ri->flags & ND_RA_PREF_MASK) >> 3;
	struct fib_config c;

	if (o->len > 3 || ri->prefix_len > 128 || (ri->prefix_len > 64 && o->len < 3) || (ri->prefix_len && o->len < 2) ||
	    pref == ICMPV6_ROUTER_PREF_INVALID)
		return;
	if ((!ri->prefix_len && !r->idev->conf.v[IP6_CONF_ACCEPT_RA_DEFRTR]) || (lifetime && lifetime < (u32)r->idev->conf.v[IP6_CONF_ACCEPT_RA_MIN_LFT]) ||
	    ri->prefix_len < r->idev->conf.v[IP6_CONF_ACCEPT_RA_RT_INFO_MIN_PLEN] || ri->prefix_len > r->idev->conf.v[IP6_CONF_ACCEPT_RA_RT_INFO_MAX_PLEN])
		return;
	memcpy(prefix.b, ri->prefix, MIN((o->len - 1u) * 8, 16u));
	prefix = v6_prefix(&prefix, ri->prefix_len);
	if (!ri->prefix_len) {
		c = route_config(r->dev, &r->from, &prefix, 0, (u32)r->idev->conf.v[IP6_CONF_RA_DEFRTR_METRIC], FIB6_ADDRCONF | FIB6_DEFAULT);
	} else {
		c = route_config(r->dev, &r->from, &prefix, ri->prefix_len, 1024, FIB6_ADDRCONF | FIB6_ROUTEINFO);
	}
	route_set(r, &c, fib6_route_of(r->net, c.table, &prefix, ri->prefix_len, r->dev, &r->from, c.rtf), pref, lifetime);
}

static void mtu_option(const struct ra *r)
{
	const struct nd_opt_hdr *o = r->opts.opt[ND_OPT_MTU_OPT];
	struct fib6_alias *rt;
	u32 mtu;
	if (!o || o->len != 1 || !r->idev->conf.v[IP6_CONF_ACCEPT_RA_MTU])
		return;
	memcpy(&mtu, (const u8 *)o + 4, 4);
	mtu = be32_to_cpu((be32){ mtu });
	if (mtu < IP6_MIN_MTU || mtu > r->dev->mtu || (u32)r->idev->conf.v[IP6_CONF_MTU] == mtu)
		return;
	ip6_dev_set_mtu(r->cpu, r->idev, mtu);
	rt = default_of(r->dev, &r->from);
	if (rt)
		fib6_route_set_metric(r->cpu, r->net, rt, RTAX_MTU, mtu);
}

/* All options of the message, in its order. */
static void each_option(const struct ra *r, bool routes)
{
	for (u32 at = 0; at + 2 <= r->opts.len;) {
		const struct nd_opt_hdr *o = (const struct nd_opt_hdr *)(r->opts.begin + at);
		at += o->len * 8u;
		switch (o->type) {
		case ND_OPT_ROUTE:
			if (routes && r->idev->conf.v[IP6_CONF_ACCEPT_RA_RTR_PREF] && (!r->own || r->idev->conf.v[IP6_CONF_ACCEPT_RA_FROM_LOCAL]))
				route_information(r, o);
			break;
		case ND_OPT_PREFIX:
			if (!routes && o->len == 4 && r->idev->conf.v[IP6_CONF_ACCEPT_RA_PINFO])
				ip6_rx_prefix(r->cpu, r->idev, (const struct nd_opt_prefix *)o, true);
			break;
		case ND_OPT_RDNSS_OPT:
		case ND_OPT_DNSSL_OPT:
		case ND_OPT_6CO:
		case ND_OPT_CAPTIVE:
		case ND_OPT_PREF64_OPT:
			if (!routes) {
				struct nd_useropt u = { .dev = r->dev, .opt = (const u8 *)o, .len = o->len * 8u, .from = r->from,
							.icmp_type = ICMP6_RA, .icmp_code = 0 };
				event_send(r->cpu, r->net, EV_ND_USEROPT, &u, 0);
			}
			break;
		}
	}
}

void ndisc_rx_ra(struct cpu *cpu, struct netns *net, struct sk_buff *skb)
{
	struct ra r = { .cpu = cpu, .net = net, .dev = skb->dev, .idev = in6_dev_get(skb->dev), .from = ip6_src(skb),
			.m = (const struct nd_ra_msg *)skb->data };
	const u8 *ha;
	struct neighbour *n;
	bool tell = false, accept;
	u8 flags;

	if (!v6_is_linklocal(&r.from) || ndisc_parse_opts(skb->data + sizeof(*r.m), skb->len - sizeof(*r.m), &r.opts))
		goto out;
	r.own = ip6_ifaddr_find(net, &r.from, r.dev, 0) != NULL;
	accept = ip6_forwards(r.idev) ? r.idev->conf.v[IP6_CONF_ACCEPT_RA] == 2 : r.idev->conf.v[IP6_CONF_ACCEPT_RA];
	if (accept) {
		flags = r.idev->ra_flags;
		r.idev->ra_flags = (u8)((flags & ~(RA_MANAGED | RA_OTHER)) | RA_RCVD | (r.m->flags & (ND_RA_MANAGED | ND_RA_OTHER)));
		tell = flags != r.idev->ra_flags;
		default_router(&r);
		tell |= link_parameters(&r);
	}
	ha = ndisc_lladdr(r.dev, r.opts.opt[ND_OPT_SLLA]);
	n = r.opts.opt[ND_OPT_SLLA] && !ha ? NULL : neigh_get(cpu, &nd_table, &r.from, r.dev);
	if (n)
		neigh_update(cpu, n, ha, NUD_STALE, NEIGH_UPDATE_WEAK_OVERRIDE | NEIGH_UPDATE_OVERRIDE | NEIGH_UPDATE_OVERRIDE_ISROUTER |
			     NEIGH_UPDATE_ISROUTER, 0);
	if (accept) {
		each_option(&r, true);
		each_option(&r, false);
		mtu_option(&r);
		if (tell)
			ip6_dev_tell(cpu, r.idev);
	}
out:
	trace_point(cpu, net, skb, TP_CONSUMED, ICMP6_RA, 0, "ndisc");
	skb_consume(cpu, skb);
}
