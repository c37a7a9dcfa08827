/* One next hop: may it be used, and the dst that stands for it.
 *
 * A gateway must be reachable over a link: it is looked up with a narrower scope than the route's own. The dst is made with the
 * hop and made anew when the route generation moved, because sockets that cache one learn from its generation that they have
 * to ask again; packets that are forwarded take the present one without looking.
 */
#include "inet/route/fib_priv.h"
#include "inet/route/fib_stat.h"

static int check_onlink(struct netns *net, struct fib_nh *nh, u8 scope, struct nl_ext_ack *ack)
{
	struct net_device *dev;
	if (scope >= RT_SCOPE_LINK) {
		NL_SET_ERR(ack, "Nexthop has invalid scope");
		return -EINVAL;
	}
	dev = dev_by_index(net, nh->oif);
	if (!dev) {
		NL_SET_ERR(ack, "Nexthop device required for onlink");
		return -ENODEV;
	}
	if (!(dev->flags & IFF_UP)) {
		NL_SET_ERR(ack, "Nexthop device is not up");
		return -ENETDOWN;
	}
	if (fib_addr_type(net, NULL, &nh->gateway) != RTN_UNICAST) {
		NL_SET_ERR(ack, "Nexthop has invalid gateway");
		return -EINVAL;
	}
	if (!dev->carrier)
		nh->flags |= RTNH_F_LINKDOWN;
	nh->dev = dev;
	dev_hold(dev);
	nh->scope = RT_SCOPE_LINK;
	return 0;
}

static int check_gateway(struct cpu *cpu, struct netns *net, struct fib_nh *nh, u32 table, u8 scope, struct nl_ext_ack *ack)
{
	struct flow fl = { .family = nh->gw_family, .daddr = nh->gateway, .scope = MAX((u8)(scope + 1), (u8)RT_SCOPE_LINK),
			   .oif = nh->oif, .iif = net->dev->loopback ? net->dev->loopback->ifindex : 1 };
	struct fib_result res = { .alias = NULL };
	struct fib_table *tb = table && table != RT_TABLE_MAIN ? fib_table_find(net, nh->gw_family, table) : NULL;
	int err = -EAGAIN;
	struct net_device *dev;

	if (tb)
		err = fib_table_lookup(cpu, net, tb, &fl, &res, true);
	if (err) {
		fl.flags |= FLOW_IGNORE_LINKSTATE;
		err = fib_lookup(cpu, net, &fl, &res);
	}
	if (err) {
		NL_SET_ERR(ack, "Nexthop has invalid gateway");
		return err;
	}
	if (res.alias->type != RTN_UNICAST && res.alias->type != RTN_LOCAL) {
		NL_SET_ERR(ack, "Nexthop has invalid gateway");
		return -EINVAL;
	}
	dev = res.nh->dev;
	if (!dev) {
		NL_SET_ERR(ack, "No egress device for nexthop gateway");
		return -EINVAL;
	}
	nh->scope = res.alias->fi->scope;
	nh->oif = dev->ifindex;
	nh->dev = dev;
	dev_hold(dev);
	if (!dev->carrier)
		nh->flags |= RTNH_F_LINKDOWN;
	return dev->flags & IFF_UP ? 0 : -ENETDOWN;
}

int fib_nh_check(struct cpu *cpu, struct netns *net, struct fib_nh *nh, u8 family, u32 table, u8 scope, struct nl_ext_ack *ack)
{
	const struct fib_family_ops *ops = fib_ops(net, family);
	struct net_device *dev;
	if (nh->has_gw && nh->gw_family == family)
		return nh->flags & RTNH_F_ONLINK ? check_onlink(net, nh, scope, ack) : check_gateway(cpu, net, nh, table, scope, ack);
	if (nh->has_gw && family == AF_INET) { /* "via inet6": the gateway is checked as IPv6's are (RFC 5549) */
		struct fib6_hop_kind k = { .table = table };
		int err = fib6_nh_check(cpu, net, nh, &k, ack);
		nh->scope = RT_SCOPE_LINK;
		nh->flags &= ~(u32)RTNH_F_LINKDOWN; /* as on Linux, until its carrier changes */
		return err;
	}
	if (nh->flags & (RTNH_F_PERVASIVE | RTNH_F_ONLINK)) {
		NL_SET_ERR(ack, "Invalid flags for nexthop - PERVASIVE and ONLINK can not be set");
		return -EINVAL;
	}
	dev = dev_by_index(net, nh->oif);
	if (!dev || !ops || !ops->dev_enabled(dev))
		return -ENODEV;
	if (!(dev->flags & IFF_UP)) {
		NL_SET_ERR(ack, "Device for nexthop is not up");
		return -ENETDOWN;
	}
	nh->dev = dev;
	dev_hold(dev);
	nh->scope = RT_SCOPE_HOST;
	if (!dev->carrier)
		nh->flags |= RTNH_F_LINKDOWN;
	return 0;
}

struct dst *fib_nh_dst_make(struct fib_nh *nh)
{
	struct fib_info *fi = nh->info;
	struct netns *net = fi->net;
	u8 family = fi->family;
	const struct fib_family_ops *ops = fib_ops(net, family);
	bool to_host = fi->type == RTN_LOCAL || fi->anycast || !nh->dev;
	struct net_device *vrf = nh->dev ? dev_vrf(nh->dev) : NULL, *host = vrf ? vrf : net->dev->loopback;
	struct dst *d = dst_new(net, to_host ? host : nh->dev, family, fi->type,
				fi->type == RTN_LOCAL ? DST_LOCAL : fi->type == RTN_BROADCAST ? DST_BROADCAST | DST_LOCAL : 0);
	if (!d)
		return NULL;
	d->error = family == AF_INET6 && !fi->reject ? 0 : fib_type_props[fi->type].error;
	if (fi->reject && !d->error && fi->nh_id) /* a next-hop object that is a blackhole */
		d->error = -EINVAL;
	d->table = fi->table;
	if (nh->has_gw && (nh->scope == RT_SCOPE_LINK || nh->gw_family == AF_INET6)) {
		d->flags |= DST_GATEWAY;
		d->gateway = nh->gateway;
	}
	d->metrics = fi->metrics;
	d->fi = fi;
	fib_info_mem_hold(fi);
	if (!inaddr_is_any(&fi->prefsrc))
		d->prefsrc = fi->prefsrc;
	else if (family == AF_INET && fi->type != RTN_LOCAL && nh->dev && ops) /* own addresses speak for
		themselves, IPv6 chooses for each flow (RFC 6724) */
		ops->select_saddr(net, nh->dev, nh->has_gw ? &nh->gateway : NULL, fi->scope, &d->prefsrc);
	if (ops)
		ops->dst_setup(d);
	return d;
}

struct dst *fib_nh_dst(struct cpu *cpu, struct fib_nh *nh)
{
	struct dst *old = nh->dst, *d;
	if (likely(old->genid == nh->info->net->fib->genid))
		return old;
	d = fib_nh_dst_make(nh);
	if (!d)
		return old; /* of an old generation: whoever caches it asks again */
	ptr_publish(nh->dst, d);
	dst_put(old);
	fib_stat_of(cpu)->made++;
	return d;
}

u32 fib_hop_realms(const struct netns *net, struct fib_nh *nh, bool in, const struct fib_result *res, bool keep)
{
	u32 realms = fib_realms_join(nh->realms, res->realms);
	if (nh->met[in].genid4 == net->fib->genid4)
		return nh->met[in].realms;
	if (keep)
		nh->met[in] = (struct fib_met){ .realms = realms, .genid4 = net->fib->genid4 };
	return realms;
}
