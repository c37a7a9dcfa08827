/* IPv6 routing decisions: where a packet that came in goes, and where one of ours leaves with which source address.
 *
 * In: ip6_rx.c -> ip6_route_input -> dst->input: ip6_local_deliver, ip6_forward, or route_error.
 * Out: transports -> inet_af.route_out -> dst->output: ip6_output. Groups use a dst of their device. Destinations that mean something on
 * one link only are looked up for that link's device.
 */
#include "inet/ip6/ip6_priv.h"

/* -- what a dst does -- */

static void route_error(struct cpu *cpu, struct sk_buff *skb)
{
	struct netns *net = skb->dev->net;
	struct inet6_dev *idev = in6_dev_get(skb->dev);
	struct inaddr d = ip6_dst(skb);
	s16 err = skb->dst->error;

	if (err == -EINVAL) {
		skb_drop(cpu, skb, SKB_DROP_REASON_BLACKHOLE_ROUTE);
		return;
	}
	mib6_inc(cpu, net, idev, v6_is_any(&d) ? MIB_Ip6_InAddrErrors : MIB_Ip6_InNoRoutes);
	icmp6_send(cpu, skb, ICMP6_UNREACH, err == -EACCES ? ICMP6_ADM_PROHIBITED : ICMP6_NOROUTE, 0);
	skb_drop(cpu, skb, SKB_DROP_REASON_IP_INNOROUTES);
}

static int output_error(struct cpu *cpu, struct sk_buff *skb)
{
	int err = skb->dst->error;
	skb->dev = skb->dst->dev;
	icmp6_send(cpu, skb, ICMP6_UNREACH, err == -EACCES ? ICMP6_ADM_PROHIBITED : ICMP6_NOROUTE, 0);
	mib6_inc(cpu, skb->dst->net, in6_dev_get(skb->dst->dev), MIB_Ip6_OutNoRoutes);
	skb_drop_net(cpu, skb->dst->net, skb, SKB_DROP_REASON_IP_OUTNOROUTES);
	return err;
}

static void dst_setup(struct dst *d)
{
	const struct inet6_dev *idev = in6_dev_get(d->dev);
	if (d->error || (d->fi && d->fi->reject)) { /* through loopback: found, but nothing goes there */
		d->input = route_error;
		d->output = output_error;
		return;
	}
	d->input = d->flags & DST_LOCAL || d->type == RTN_ANYCAST || d->type == RTN_MULTICAST ? ip6_local_deliver : ip6_forward;
	d->output = ip6_output;
	if (idev && (u32)idev->conf.v[IP6_CONF_MTU] != d->dev->mtu)
		d->link_mtu = (u32)idev->conf.v[IP6_CONF_MTU];
}

/* Chosen for each flow by RFC 6724's rules instead. */
static void fib_select_saddr(struct netns *net, struct net_device *dev, const struct inaddr *to, u8 scope, struct inaddr *out)
{
	*out = inaddr_v6_any();
}
static bool dev_enabled(const struct net_device *dev)
{
	const struct inet6_dev *idev = in6_dev_get(dev);
	return idev && !idev->conf.v[IP6_CONF_DISABLE_IPV6];
}
static bool ignore_linkdown(const struct net_device *dev)
{
	const struct inet6_dev *idev = in6_dev_get(dev);
	return idev && ip6_conf_any(idev, IP6_CONF_IGNORE_ROUTES_WITH_LINKDOWN);
}
static bool own_addr(struct netns *net, const struct inaddr *a, const struct net_device *dev)
{
	return ip6_ifaddr_find(net, a, dev, 0) != NULL;
}
/* RFC 4861 section 6.3.6: a router that is known to be silent is the last choice (RFC 4191 section 3.2). */
static int nh_reach(struct cpu *cpu, const struct fib_nh *nh)
{
	const struct neighbour *n = nh->has_gw && nh->dev ? neigh_lookup(&nd_table, &nh->gateway, nh->dev) : NULL;
	if (!nh->has_gw)
		return 1;
	if (!n)
		return 0;
	if (n->nud_state & (NUD_PERMANENT | NUD_NOARP | NUD_REACHABLE | NUD_PROBE | NUD_STALE | NUD_DELAY))
		return 1;
	return n->nud_state & NUD_FAILED ? -1 : 0;
}
const struct fib_family_ops ip6_fib_ops = { .dst_setup = dst_setup, .select_saddr = fib_select_saddr, .dev_enabled = dev_enabled,
					    .ignore_linkdown = ignore_linkdown, .own_addr = own_addr, .nh_reach = nh_reach, .neigh = &nd_table };

struct net_device *ip6_dst_dev(const struct dst *d)
{
	if ((d->flags & DST_LOCAL || d->type == RTN_ANYCAST) && d->fi && d->fi->nhs && d->fi->nh[0].dev)
		return d->fi->nh[0].dev;
	return d->dev;
}

struct dst *ip6_dev_dst(struct cpu *cpu, struct inet6_dev *idev, u8 type)
{
	struct dst **slot = type == RTN_MULTICAST ? &idev->to_group : &idev->to_link, *d = *slot;
	if (d && d->genid == fib_genid(idev->dev->net))
		return d;
	d = dst_new(idev->dev->net, idev->dev, AF_INET6, type, type == RTN_MULTICAST ? DST_MULTICAST : 0);
	if (!d)
		return NULL;
	dst_setup(d);
	dst_put(*slot);
	ptr_publish(*slot, d);
	return d;
}

void ip6_trace_route(struct cpu *cpu, struct netns *net, struct sk_buff *skb, enum trace_point p, const struct fib_alias *alias,
		     const struct dst *d)
{
	struct trace_event ev;
	trace_begin(cpu, net, skb, p, &ev);
	ev.family = AF_INET6;
	if (d) {
		ev.route_type = d->type;
		memcpy(ev.oif, d->dev->name, sizeof(ev.oif));
		if (d->flags & DST_GATEWAY)
			memcpy(ev.gateway, d->gateway.b, 16);
	}
	if (alias) {
		ev.route_type = alias->type;
		ev.table = alias->table;
		ev.prefix_len = alias->prefix_len;
		memcpy(ev.prefix, alias->prefix.b, 16);
	}
	trace_emit(cpu, skb, &ev);
}

/* -- in -- */

/* No route, or a rule that says so; the common one's dst is kept. */
static enum skb_drop_reason no_route(struct cpu *cpu, struct netns *net, struct sk_buff *skb, int err)
{
	struct dst *d = net->ip6->priv->no_route;
	if (err != -ENETUNREACH) {
		d = net->dying ? NULL : dst_new(net, net->dev->loopback, AF_INET6, RTN_UNREACHABLE, 0);
		if (!d)
			return SKB_DROP_REASON_NOMEM;
		d->error = (s16)err;
		dst_setup(d);
		skb_dst_set(skb, d);
		return SKB_NOT_DROPPED;
	}
	if (!d) {
		d = net->dying ? NULL : dst_new(net, net->dev->loopback, AF_INET6, RTN_UNREACHABLE, 0);
		if (!d)
			return SKB_DROP_REASON_NOMEM;
		d->error = -ENETUNREACH;
		dst_setup(d);
		net->ip6->priv->no_route = d;
	}
	skb_dst_set_noref(skb, d);
	return SKB_NOT_DROPPED;
}

enum skb_drop_reason ip6_route_input_flow(struct cpu *cpu, struct netns *net, struct sk_buff *skb, const struct flow *asked)
{
	struct net_device *dev = skb->dev;
	struct inet6_dev *idev = in6_dev_get(dev);
	struct flow fl = *asked;
	struct fib_result res;
	int err;

	fl.iif = dev->ifindex;
	fl.mark = skb->mark;
	fl.flags |= FLOW_INPUT;
	if (unlikely(!idev))
		return SKB_DROP_REASON_IPV6DISABLED;
	if (v6_is_multicast(&fl.daddr)) {
		struct dst *d = ip6_dev_dst(cpu, idev, RTN_MULTICAST);
		if (!d)
			return SKB_DROP_REASON_NOMEM;
		skb_dst_set_noref(skb, d);
		return SKB_NOT_DROPPED;
	}
	/* What a VRF sent itself is for a member of it. */
	if (v6_is_linklocal(&fl.daddr) && !(dev->flags & IFF_LOOPBACK) && skb->pkt_type != PACKET_LOOPBACK)
		fl.flags |= FLOW_IFACE;
	err = fib_lookup(cpu, net, &fl, &res);
	if (unlikely(skb->trace))
		ip6_trace_route(cpu, net, skb, TP_ROUTE_IN, res.alias, res.alias ? res.dst : NULL);
	if (err && !res.alias)
		return no_route(cpu, net, skb, err);
	if (!err)
		res.dst = fib_exception_dst(cpu, net, &fl.daddr, &res, res.dst);
	skb_dst_set_noref(skb, res.dst);
	return SKB_NOT_DROPPED;
}

enum skb_drop_reason ip6_route_input(struct cpu *cpu, struct netns *net, struct sk_buff *skb)
{
	const struct ip6_hdr *ip = ip6_header(skb);
	struct flow fl = { .family = AF_INET6, .tos = ip6_tclass(ip), .saddr = ip6_src(skb), .daddr = ip6_dst(skb), .proto = ip->nexthdr,
			   .flowlabel = ip6_flowlabel(ip), .skb = skb };

	if (net->fib->rules_want_ports && (fl.proto == IPPROTO_TCP || fl.proto == IPPROTO_UDP)) {
		u32 tmp;
		const u8 *ports = skb_header_pointer(skb, IP6_HDR_LEN, 4, &tmp);
		if (ports) {
			memcpy(&fl.sport, ports, 2);
			memcpy(&fl.dport, ports + 2, 2);
		}
	}
	return ip6_route_input_flow(cpu, net, skb, &fl);
}

/* -- out -- */

/* Destinations that mean something on one link only, and packets of a device without a source, keep to that device. */
static void set_strict(struct flow *fl)
{
	if (v6_needs_scope(&fl->daddr) || v6_is_loopback(&fl->daddr) || (!fl->iif && fl->oif && v6_is_any(&fl->saddr)))
		fl->flags |= FLOW_IFACE;
}

/* res was found: the dst that packets go by; borrowed. */
static struct dst *dst_of(struct cpu *cpu, struct netns *net, const struct flow *fl, const struct fib_result *res)
{
	struct dst *d = fib_nh_dst(cpu, res->nh);
	if (v6_is_multicast(&fl->daddr)) { /* by the route's device, or ours where a route says that the group is this host */
		struct inet6_dev *idev = d && d->dev ? in6_dev_get(d->dev) : NULL;
		return idev ? ip6_dev_dst(cpu, idev, RTN_MULTICAST) : d; /* a device without IPv6: an object's, whose packets are dropped there */
	}
	return d ? fib_exception_dst(cpu, net, &fl->daddr, res, d) : d;
}

int ip6_route_lookup(struct cpu *cpu, struct netns *net, const struct flow *asked, struct fib_result *res, struct dst **out)
{
	struct flow fl = *asked;
	int err;
	set_strict(&fl);
	err = fib_lookup(cpu, net, &fl, res);
	if (err)
		return err;
	*out = dst_of(cpu, net, &fl, res);
	return *out ? 0 : -ENOBUFS;
}

int ip6_route_out(struct cpu *cpu, struct netns *net, struct flow *fl, struct dst **out)
{
	struct fib_result res = { .alias = NULL };
	struct dst *d;
	int err;

	if (v6_is_any(&fl->daddr)) /* "this host" */
		fl->daddr = inaddr_v6_loopback();
	err = ip6_route_lookup(cpu, net, fl, &res, &d);
	if (err)
		return err;
	if (v6_is_any(&fl->saddr)) {
		if (!v6_is_any(&d->prefsrc))
			fl->saddr = d->prefsrc;
		else if (!ip6_select_saddr(cpu, net, ip6_dst_dev(d), &fl->daddr, fl->src_prefs, &fl->saddr) && !(fl->flags & FLOW_ANYSRC))
			return -EADDRNOTAVAIL;
	}
	dst_hold(d);
	*out = d;
	return 0;
}

void ip6_update_pmtu(struct cpu *cpu, struct netns *net, const struct flow *fl, struct dst *d, u32 mtu)
{
	struct flow f = *fl;
	struct fib_result res;
	struct dst *base;

	set_strict(&f);
	if (mtu < IP6_MIN_MTU || fib_lookup(cpu, net, &f, &res))
		return;
	base = fib_nh_dst(cpu, res.nh);
	d = fib_exception_dst(cpu, net, &fl->daddr, &res, base);
	if (mtu >= dst_mtu(cpu, d))
		return;
	fib_exception_set(cpu, net, &fl->daddr, &res, base, &(struct fib_learned){ .mtu = mtu, .expires = cpu->now + net->ip6->mtu_expires_ns });
}
