/* IPv4 routing decisions: where a packet that came in goes, where one of ours leaves, and whether a source address is believable.
 *
 * In: ip4_rx.c -> ip4_route_input -> dst->input: ip4_local_deliver, ip4_forward, or route_error.
 * Out: transports -> inet_af.route_out -> dst->output: ip4_output or ip4_output_group.
 * Destinations that no route names (groups, the broadcast address, a device that was asked for) use a dst of the device.
 */
#include "inet/icmp_limit.h"
#include "inet/ip4/ip4_priv.h"
#include "inet/route/fib_stat.h"

/* -- what a dst does -- */

/* Nowhere to go: ICMP where the route or the lookup says so. RFC 1812 section 4.3.3. */
static void route_error(struct cpu *cpu, struct sk_buff *skb)
{
	struct in_device *idev = in_dev_get(skb->dev);
	struct netns *net = skb->dev->net;
	enum skb_drop_reason reason = SKB_DROP_REASON_NOT_SPECIFIED;
	s16 err = skb->dst->error;
	bool forwarding = idev && idev->on & IN_DEV_FORWARD;
	u8 code = ICMP4_HOST_UNREACH;
	struct inaddr from;

	if (!forwarding && err == -EHOSTUNREACH) {
		reason = SKB_DROP_REASON_IP_INADDRERRORS;
		mib_inc(cpu, net, MIB_Ip_InAddrErrors);
	} else if (err == -ENETUNREACH) {
		reason = SKB_DROP_REASON_IP_INNOROUTES;
		mib_inc(cpu, net, MIB_IpExt_InNoRoutes);
		code = ICMP4_NET_UNREACH;
	} else if (err == -EACCES) {
		code = ICMP4_PKT_FILTERED;
		reason = SKB_DROP_REASON_IP_OUTNOROUTES;
	} else if (err == -EHOSTUNREACH) {
		reason = SKB_DROP_REASON_IP_OUTNOROUTES;
	} else {
		reason = SKB_DROP_REASON_BLACKHOLE_ROUTE;
	}
	from = inaddr_from_v4(ip4_header(skb)->saddr);
	if (forwarding && reason != SKB_DROP_REASON_BLACKHOLE_ROUTE && icmp_route_error_allowed(cpu, net, &from))
		icmp4_send(cpu, skb, ICMP4_UNREACH, code, (be32){ 0 });
	skb_drop(cpu, skb, reason);
}

static int output_error(struct cpu *cpu, struct sk_buff *skb)
{
	int err = skb->dst->error;
	mib_inc(cpu, skb->dst->net, MIB_Ip_OutNoRoutes);
	skb_drop_net(cpu, skb->dst->net, skb, SKB_DROP_REASON_IP_OUTNOROUTES);
	return err ? err : -ENETUNREACH;
}

static void dst_setup(struct dst *d)
{
	if (d->error) {
		d->input = route_error;
		d->output = output_error;
		return;
	}
	d->input = d->flags & DST_LOCAL || d->type == RTN_BROADCAST || d->type == RTN_MULTICAST ? ip4_local_deliver : ip4_forward;
	d->output = ip4_output;
}

static void fib_select_saddr(struct netns *net, struct net_device *dev, const struct inaddr *to, u8 scope, struct inaddr *out)
{
	*out = inaddr_from_v4(ip4_select_saddr(net, dev, to ? inaddr_v4(to) : (be32){ 0 }, scope));
}
static bool dev_enabled(const struct net_device *dev) { return dev->ip_ptr != NULL; }
static bool ignore_linkdown(const struct net_device *dev)
{
	const struct in_device *idev = in_dev_get(dev);
	return idev && idev->on & IN_DEV_IGNORE_LINKDOWN;
}
const struct fib_family_ops ip4_fib_ops = { .dst_setup = dst_setup, .select_saddr = fib_select_saddr, .dev_enabled = dev_enabled,
					    .ignore_linkdown = ignore_linkdown, .neigh = &arp_table };

struct dst *ip4_dev_dst(struct cpu *cpu, struct in_device *idev, u8 type)
{
	struct dst **slot = type == RTN_MULTICAST ? &idev->to_group : type == RTN_BROADCAST ? &idev->to_all :
			    type == RTN_LOCAL ? &idev->to_self : &idev->to_link;
	u8 flags = type == RTN_MULTICAST ? DST_MULTICAST : type == RTN_BROADCAST ? DST_BROADCAST | DST_LOCAL : type == RTN_LOCAL ? DST_LOCAL : 0;
	struct dst *d = *slot;
	if (d && d->genid == fib_genid(idev->dev->net))
		return d;
	d = dst_new(idev->dev->net, idev->dev, AF_INET, type, flags);
	if (!d)
		return NULL;
	d->prefsrc = inaddr_from_v4(ip4_select_saddr(idev->dev->net, idev->dev, (be32){ 0 }, RT_SCOPE_LINK));
	dst_setup(d);
	if (type == RTN_MULTICAST && idev->on & IN_DEV_MFORWARD)
		d->input = ip4_mr_input;
	dst_put(*slot);
	ptr_publish(*slot, d);
	fib_stat_of(cpu)->made++;
	return d;
}

void ip4_trace_route(struct cpu *cpu, struct netns *net, struct sk_buff *skb, enum trace_point p, const struct fib_alias *alias,
		     const struct dst *d)
{
	struct trace_event ev;
	trace_begin(cpu, net, skb, p, &ev);
	ev.family = AF_INET;
	if (d) {
		ev.route_type = d->type;
		memcpy(ev.oif, d->dev->name, sizeof(ev.oif));
		if (d->flags & DST_GATEWAY && inaddr_is_v4(&d->gateway))
			memcpy(ev.gateway, &d->gateway.w[3], 4);
	}
	if (alias) {
		ev.route_type = alias->type;
		ev.table = alias->table;
		ev.prefix_len = alias->prefix_len;
		memcpy(ev.prefix, &alias->prefix.w[3], 4);
	}
	trace_emit(cpu, skb, &ev);
}

/* -- sources -- */

static bool info_uses_dev(const struct fib_info *fi, const struct net_device *dev)
{
	for (unsigned i = 0; i < fi->nhs; i++)
		if (fi->nh[i].dev == dev || (dev->l3mdev_table && fi->nh[i].dev && dev_vrf(fi->nh[i].dev) == dev))
			return true;
	return false;
}

/* What a packet's source is said to belong to by the route back to it: the "to" of that is the "from" of this. */
static u32 realms_back(const struct fib_result *res)
{
	u32 from = res->nh->realms << 16;
	return (from ? from : res->realms << 16) | res->realms >> 16;
}

/* The way back to the source: RFC 3704's strict (1) or loose (2) check, and no packet of ours may come from outside. */
enum skb_drop_reason ip4_validate_source(struct cpu *cpu, struct netns *net, struct sk_buff *skb, be32 saddr, be32 daddr, u8 tos,
					 s32 oif, struct net_device *dev, const struct in_device *idev, bool *onlink)
{
	struct flow fl = { .family = AF_INET, .daddr = inaddr_from_v4(saddr), .saddr = inaddr_from_v4(daddr), .tos = tos,
			   .iif = oif ? oif : net->dev->loopback->ifindex, .flags = FLOW_PROBE | FLOW_FIRST_HOP };
	struct fib_result res;
	s32 rpf = idev->on & IN_DEV_RPFILTER ? ip4_conf_get(dev, IP4_CONF_RP_FILTER) : 0;

	if (unlikely(dev_vrf(dev) != NULL))
		fl.oif = dev_vrf(dev)->ifindex;
	*onlink = false;
	if ((dev->flags & IFF_LOOPBACK && !(IP4_CB(skb)->flags & IP4CB_ASKED) && !IP4_CB(skb)->srr) || skb->pkt_type == PACKET_LOOPBACK)
		return SKB_NOT_DROPPED; /* ours, checked when it was sent; but not a source route's further hops */
	if (!rpf && !fib_has_realms(net) && (dev->ifindex != oif || !(idev->on & IN_DEV_SEND_REDIRECTS))) {
		if (idev->on & IN_DEV_ACCEPT_LOCAL)
			return SKB_NOT_DROPPED;
		if (net->fib->default_rules && !net->fib->custom_local)
			return ip4_ifaddr_find(net, saddr) ? SKB_DROP_REASON_IP_LOCAL_SOURCE : SKB_NOT_DROPPED;
	}
	fl.mark = idev->on & IN_DEV_SRC_VALID_MARK ? skb->mark : 0;
	if (fib_lookup(cpu, net, &fl, &res))
		return rpf ? SKB_DROP_REASON_IP_RPFILTER : SKB_NOT_DROPPED;
	if (res.alias->type != RTN_UNICAST && (res.alias->type != RTN_LOCAL || !(idev->on & IN_DEV_ACCEPT_LOCAL)))
		return SKB_DROP_REASON_IP_LOCAL_SOURCE;
	IP4_CB(skb)->realms = realms_back(&res);
	if (info_uses_dev(res.alias->fi, dev) || (res.alias->type == RTN_LOCAL && dev->flags & IFF_LOOPBACK)) {
		*onlink = res.nh->scope >= RT_SCOPE_HOST;
		return SKB_NOT_DROPPED;
	}
	if (list_empty(&idev->addrs)) {
		IP4_CB(skb)->realms = 0;
		return rpf ? SKB_DROP_REASON_IP_RPFILTER : SKB_NOT_DROPPED;
	}
	if (rpf == 1)
		return SKB_DROP_REASON_IP_RPFILTER;
	fl.oif = dev->ifindex;
	fl.flags |= FLOW_IGNORE_LINKSTATE;
	if (!fib_lookup(cpu, net, &fl, &res) && res.alias->type == RTN_UNICAST)
		*onlink = res.nh->scope >= RT_SCOPE_HOST;
	return SKB_NOT_DROPPED;
}

/* -- in -- */

struct input {
	struct cpu *cpu;
	struct netns *net;
	struct sk_buff *skb;
	struct net_device *dev;
	struct in_device *idev;
	be32 saddr, daddr;
	u8 tos, proto;
	bool asked;	/* not a packet's, only such a packet's question */
	be16 sport, dport; /* 0: not looked for, or none */
};

/* What a packet's realms carry: its source's, and (res: it goes on through a hop) its destination's. */
static void account(const struct input *in, const struct fib_result *res)
{
	u32 back = IP4_CB(in->skb)->realms, realms = back;
	if (likely(!fib_has_realms(in->net)) || in->asked)
		return;
	if (res)
		realms = back ? fib_realms_join(fib_realms_join(res->nh->realms, res->realms), back) : fib_hop_realms(in->net, res->nh, true, res, true);
	if (realms)
		fib_acct_rx(in->cpu, realms, in->skb->len);
}

static enum skb_drop_reason use_dev_dst(const struct input *in, u8 type)
{
	struct dst *d = ip4_dev_dst(in->cpu, in->idev, type);
	if (!d)
		return SKB_DROP_REASON_NOMEM;
	skb_dst_set_noref(in->skb, d);
	return SKB_NOT_DROPPED;
}

static enum skb_drop_reason input_group(const struct input *in)
{
	bool onlink, local_group = v4_is_local_group(in->daddr);
	enum skb_drop_reason r;
	if (!ip4_mc_wants(in->idev, in->daddr, in->saddr, in->proto) && (local_group || !(in->idev->on & IN_DEV_MFORWARD)))
		return SKB_DROP_REASON_IP_INVALID_DEST; /* nobody here joined, and it goes nowhere from here */
	if (v4_is_multicast(in->saddr) || v4_is_broadcast(in->saddr))
		return SKB_DROP_REASON_IP_INVALID_SOURCE;
	if (v4_is_loopback(in->saddr) && !(in->idev->on & IN_DEV_ROUTE_LOCALNET) && !(in->dev->flags & IFF_LOOPBACK))
		return SKB_DROP_REASON_IP_LOCALNET;
	if (v4_is_zeronet(in->saddr)) {
		if (!local_group && in->proto != IPPROTO_IGMP)
			return SKB_DROP_REASON_IP_INVALID_SOURCE;
	} else {
		r = ip4_validate_source(in->cpu, in->net, in->skb, in->saddr, (be32){ 0 }, in->tos, 0, in->dev, in->idev, &onlink);
		if (r != SKB_NOT_DROPPED)
			return r;
	}
	fib_stat_of(in->cpu)->in_slow_mc++;
	account(in, NULL);
	return use_dev_dst(in, RTN_MULTICAST);
}

static enum skb_drop_reason input_broadcast(const struct input *in)
{
	bool onlink;
	enum skb_drop_reason r = SKB_NOT_DROPPED;
	if (!v4_is_zeronet(in->saddr))
		r = ip4_validate_source(in->cpu, in->net, in->skb, in->saddr, (be32){ 0 }, in->tos, 0, in->dev, in->idev, &onlink);
	if (r != SKB_NOT_DROPPED)
		return r;
	fib_stat_of(in->cpu)->in_brd++;
	fib_stat_of(in->cpu)->in_slow_tot++;
	account(in, NULL);
	return use_dev_dst(in, RTN_BROADCAST);
}

/* No route: the error's dst, one for each answer. */
static enum skb_drop_reason no_route(const struct input *in, int err)
{
	struct dst **slot = &in->net->ip4->priv->no_route[err == -ENETUNREACH], *d = *slot;
	fib_stat_of(in->cpu)->in_no_route++;
	fib_stat_of(in->cpu)->in_slow_tot++;
	if (err != -ENETUNREACH && err != -EHOSTUNREACH)
		slot = NULL;
	if (!slot || !d) {
		d = in->net->dying ? NULL : dst_new(in->net, in->net->dev->loopback, AF_INET, RTN_UNREACHABLE, 0);
		if (!d)
			return SKB_DROP_REASON_NOMEM;
		d->error = (s16)err;
		dst_setup(d);
	}
	if (slot) {
		*slot = d;
		skb_dst_set_noref(in->skb, d);
	} else {
		skb_dst_set(in->skb, d);
	}
	return SKB_NOT_DROPPED;
}

static enum skb_drop_reason input_forward(const struct input *in, struct fib_result *res)
{
	struct dst *d = res->dst;
	struct inaddr to = inaddr_from_v4(in->daddr);
	bool onlink, same_link = res->nh->dev == in->dev;
	enum skb_drop_reason r = ip4_validate_source(in->cpu, in->net, in->skb, in->saddr, in->daddr, in->tos, res->nh->oif, in->dev,
						     in->idev, &onlink);
	if (r != SKB_NOT_DROPPED)
		return r;
	if (same_link && onlink && in->idev->on & IN_DEV_SEND_REDIRECTS) {
		bool direct = in->idev->on & IN_DEV_SHARED_MEDIA;
		struct in_ifaddr *a;
		list_for_each(a, &in->idev->addrs, link)
			if (in_prefix(in->saddr, a->address, a->prefix_len) &&
			    (!res->nh->has_gw || !inaddr_is_v4(&res->nh->gateway) || in_prefix(inaddr_v4(&res->nh->gateway), a->address, a->prefix_len)))
				direct = true;
		if (direct)
			IP4_CB(in->skb)->flags |= IP4CB_REDIRECT;
	}
	account(in, res);
	skb_dst_set_noref(in->skb, fib_exception_dst(in->cpu, in->net, &to, res, d));
	return SKB_NOT_DROPPED;
}

static enum skb_drop_reason input_unicast(const struct input *in)
{
	struct flow fl = { .family = AF_INET, .tos = in->tos, .iif = in->dev->ifindex, .mark = in->skb->mark,
			   .saddr = inaddr_from_v4(in->saddr), .daddr = inaddr_from_v4(in->daddr), .proto = in->proto,
			   .sport = in->sport, .dport = in->dport, .flags = FLOW_INPUT | (in->asked ? FLOW_AS_PACKET : 0),
			   .skb = in->asked ? NULL : in->skb };
	struct fib_result res;
	enum skb_drop_reason r;
	bool onlink;
	int err;

	err = fib_lookup(in->cpu, in->net, &fl, &res);
	if (unlikely(in->skb->trace))
		ip4_trace_route(in->cpu, in->net, in->skb, TP_ROUTE_IN, res.alias, res.alias ? res.dst : NULL);
	if (err) {
		if (!(in->idev->on & IN_DEV_FORWARD))
			err = -EHOSTUNREACH;
		else if (res.alias) { /* the route says so itself */
			fib_stat_of(in->cpu)->in_no_route++;
			skb_dst_set_noref(in->skb, res.dst);
			return SKB_NOT_DROPPED;
		}
		return no_route(in, err);
	}
	if (res.alias->type == RTN_BROADCAST && !(in->idev->on & IN_DEV_BC_FORWARD))
		return input_broadcast(in);
	if (res.alias->type == RTN_LOCAL) {
		r = ip4_validate_source(in->cpu, in->net, in->skb, in->saddr, in->daddr, in->tos, 0, in->dev, in->idev, &onlink);
		if (r == SKB_NOT_DROPPED) {
			account(in, NULL);
			skb_dst_set_noref(in->skb, res.dst);
		}
		return r;
	}
	if (!(in->idev->on & IN_DEV_FORWARD))
		return no_route(in, -EHOSTUNREACH);
	if (res.alias->type == RTN_BROADCAST && res.nh->dev) /* to all on another link: from here like any packet of that link */
		res.dst = ip4_dev_dst(in->cpu, in_dev_get(res.nh->dev), RTN_UNICAST);
	else if (res.alias->type != RTN_UNICAST)
		return SKB_DROP_REASON_IP_INVALID_DEST;
	if (!res.dst)
		return SKB_DROP_REASON_NOMEM;
	return input_forward(in, &res);
}

static enum skb_drop_reason input_single(const struct input *in)
{
	bool localnet;

	if (v4_is_multicast(in->saddr) || v4_is_broadcast(in->saddr))
		return SKB_DROP_REASON_IP_INVALID_SOURCE;
	if (v4_is_broadcast(in->daddr) || (!in->saddr.raw && !in->daddr.raw))
		return input_broadcast(in);
	if (v4_is_zeronet(in->saddr))
		return SKB_DROP_REASON_IP_INVALID_SOURCE;
	if (v4_is_zeronet(in->daddr))
		return SKB_DROP_REASON_IP_INVALID_DEST;
	localnet = in->idev->on & IN_DEV_ROUTE_LOCALNET || (in->dev->flags & IFF_LOOPBACK && !(IP4_CB(in->skb)->flags & IP4CB_ASKED));
	if (!localnet && (v4_is_loopback(in->daddr) || v4_is_loopback(in->saddr)))
		return SKB_DROP_REASON_IP_LOCALNET;
	return input_unicast(in);
}

static enum skb_drop_reason input(const struct input *in)
{
	struct fib_stat *s = fib_stat_of(in->cpu);
	u32 made = s->made, slow = s->in_slow_tot;
	enum skb_drop_reason r;

	if (unlikely(!in->idev))
		return SKB_DROP_REASON_RX_DISABLED;
	if (unlikely(fib_has_realms(in->net)))
		IP4_CB(in->skb)->realms = 0;
	r = v4_is_multicast(in->daddr) ? input_group(in) : input_single(in);
	if (s->made != made && !v4_is_multicast(in->daddr) && s->in_slow_tot == slow)
		s->in_slow_tot++;
	if (likely(r == SKB_NOT_DROPPED) || v4_is_multicast(in->daddr))
		return r;
	if (r == SKB_DROP_REASON_IP_INVALID_DEST || (r == SKB_DROP_REASON_IP_LOCALNET && v4_is_loopback(in->daddr)))
		s->in_martian_dst++;
	else if (r == SKB_DROP_REASON_IP_INVALID_SOURCE || r == SKB_DROP_REASON_IP_LOCAL_SOURCE || r == SKB_DROP_REASON_IP_RPFILTER ||
		 r == SKB_DROP_REASON_IP_LOCALNET)
		s->in_martian_src++;
	return r;
}

enum skb_drop_reason ip4_route_input(struct cpu *cpu, struct netns *net, struct sk_buff *skb)
{
	const struct ip4_hdr *ip = ip4_header(skb);
	struct input in = { cpu, net, skb, skb->dev, in_dev_get(skb->dev), ip->saddr, ip->daddr, ip->tos, ip->protocol };

	if (unlikely(net->fib->rules_want_ports) && !ip4_is_fragment(ip) &&
	    (ip->protocol == IPPROTO_TCP || ip->protocol == IPPROTO_UDP)) {
		be16 tmp[2];
		const be16 *ports = skb_header_pointer(skb, ip4_hlen(ip), 4, tmp);
		if (ports) {
			in.sport = ports[0];
			in.dport = ports[1];
		}
	}
	return input(&in);
}

enum skb_drop_reason ip4_route_input_flow(struct cpu *cpu, struct netns *net, struct sk_buff *skb, const struct flow *fl)
{
	struct input in = { cpu, net, skb, skb->dev, in_dev_get(skb->dev), inaddr_v4(&fl->saddr), inaddr_v4(&fl->daddr), fl->tos, fl->proto,
			    true, fl->sport, fl->dport };
	return input(&in);
}

/* -- out -- */

/* What needs no route: groups of the link and the broadcast address by a device that was asked for, any group and the broadcast address by
 * the device that has the source address (what applications count on). Returns 1 when the FIB is to decide. */
static int out_by_device(struct cpu *cpu, struct netns *net, struct flow *fl, struct net_device *dev, be32 daddr, struct dst **out)
{
	struct in_device *idev = dev ? in_dev_get(dev) : NULL;
	bool group = v4_is_multicast(daddr), all = v4_is_broadcast(daddr);

	if (dev && (!(dev->flags & IFF_UP) || !idev))
		return -ENETUNREACH;
	if (!group && !all)
		return 1;
	if (dev && group && (be32_to_cpu(daddr) & 0xffffff00) != 0xe0000000 && fl->proto != IPPROTO_IGMP) {
		if (inaddr_is_any(&fl->saddr))
			fl->saddr = inaddr_from_v4(ip4_select_saddr(net, dev, (be32){ 0 }, fl->scope));
		return 1;
	}
	if (!dev && !inaddr_is_any(&fl->saddr)) {
		dev = ip4_dev_by_addr(net, inaddr_v4(&fl->saddr));
		if (!dev)
			return -ENETUNREACH;
	}
	if (!dev)
		return 1;
	idev = in_dev_get(dev);
	if (!idev)
		return -ENETUNREACH;
	*out = ip4_dev_dst(cpu, idev, group ? RTN_MULTICAST : RTN_BROADCAST);
	return *out ? 0 : -ENOBUFS;
}

/* "This host": the source, or the loopback address, whatever the tables say. */
static int out_to_self(struct cpu *cpu, struct netns *net, struct flow *fl, struct net_device *dev, struct dst **out)
{
	if (inaddr_is_any(&fl->saddr) && dev)
		fl->saddr = inaddr_from_v4(ip4_select_saddr(net, dev, (be32){ 0 }, RT_SCOPE_HOST));
	if (inaddr_is_any(&fl->saddr))
		fl->saddr = inaddr_from_v4(BE32(0x7f000001));
	fl->daddr = fl->saddr;
	*out = ip4_dev_dst(cpu, in_dev_get(net->dev->loopback), RTN_LOCAL);
	return *out ? 0 : -ENOBUFS;
}

static bool source_ok(struct netns *net, struct flow *fl)
{
	be32 s = inaddr_v4(&fl->saddr);
	return !v4_is_multicast(s) && !v4_is_broadcast(s) && !v4_is_zeronet(s);
}

static int out_by_fib(struct cpu *cpu, struct netns *net, struct flow *fl, struct net_device *dev, struct dst **out)
{
	struct fib_result res = { .alias = NULL };
	be32 daddr = inaddr_v4(&fl->daddr);
	bool group = v4_is_multicast(daddr), all = v4_is_broadcast(daddr);
	int err = fib_lookup(cpu, net, fl, &res);

	if (err) {
		if (!dev || (dev_vrf(dev) && !group)) /* a VRF knows what is on its links */
			return err;
		/* No route, but a device: its whole world is on that link. */
		*out = ip4_dev_dst(cpu, in_dev_get(dev), group ? RTN_MULTICAST : RTN_UNICAST);
	} else if (group || all) {
		bool own = res.alias->type == RTN_LOCAL; /* a route says that all are ours */
		struct in_device *idev = own ? in_dev_get(net->dev->loopback) : res.nh->dev ? in_dev_get(res.nh->dev) : NULL;
		if (inaddr_is_any(&fl->saddr))
			fl->saddr = !own ? fib_nh_dst(cpu, res.nh)->prefsrc : inaddr_is_any(&res.alias->fi->prefsrc) ? fl->daddr : res.alias->fi->prefsrc;
		*out = idev ? ip4_dev_dst(cpu, idev, group ? RTN_MULTICAST : RTN_BROADCAST) : NULL;
	} else {
		*out = fib_exception_dst(cpu, net, &fl->daddr, &res, fib_nh_dst(cpu, res.nh));
	}
	return *out ? 0 : -ENOBUFS;
}

int ip4_route_out_v4(struct cpu *cpu, struct netns *net, struct flow *fl, struct dst **out)
{
	be32 daddr = inaddr_v4(&fl->daddr);
	struct net_device *dev = fl->oif ? dev_by_index(net, fl->oif) : NULL;
	bool choose = inaddr_is_any(&fl->saddr), own_group;
	struct fib_stat *s = fib_stat_of(cpu);
	struct dst *d = NULL;
	u32 made = s->made;
	int err;

	if (!choose) {
		if (!source_ok(net, fl))
			return -EINVAL;
		if (!(fl->flags & FLOW_ANYSRC) && !ip4_ifaddr_find(net, inaddr_v4(&fl->saddr)) &&
		    fib_addr_type(net, NULL, &fl->saddr) != RTN_LOCAL)
			return -ENETUNREACH;
	}
	if (fl->oif && !dev)
		return -ENODEV;
	err = out_by_device(cpu, net, fl, dev, daddr, &d);
	if (err == 1)
		err = daddr.raw ? out_by_fib(cpu, net, fl, dev, &d) : out_to_self(cpu, net, fl, dev, &d);
	if (err)
		return err;
	own_group = d->type == RTN_MULTICAST && ip4_mc_member(in_dev_get(d->dev), daddr); /* Linux keeps none of these */
	s->out_slow_tot += s->made != made || own_group;
	if (!(d->dev->flags & IFF_LOOPBACK))
		s->out_slow_mc += own_group || (s->made != made && d->type == RTN_BROADCAST);
	if (inaddr_is_any(&fl->saddr))
		fl->saddr = d->type == RTN_LOCAL && inaddr_is_any(&d->prefsrc) ? fl->daddr : d->prefsrc;
	if (v4_is_loopback(inaddr_v4(&fl->saddr)) && !(d->dev->flags & IFF_LOOPBACK) && !(in_dev_get(d->dev) && in_dev_get(d->dev)->on & IN_DEV_ROUTE_LOCALNET))
		return -EINVAL;
	dst_hold(d);
	*out = d;
	return 0;
}
