/* One hop of an IPv6 route: may it be used? Checked in Linux's order and told in Linux's words.
 *
 * A gateway is a neighbour: link-local ones are by nature, others must be found behind a route that has no gateway of its own. What
 * leads to the loopback device without being an own address rejects, as such packets would only come back.
 */
#include "inet/route/fib_priv.h"

static bool link_local(const struct inaddr *a) { return a->b[0] == 0xfe && (a->b[1] & 0xc0) == 0x80; }
static bool is_loopback(const struct inaddr *a) { return !a->q[0] && a->q[1] == cpu_to_be64(1).raw; }
static bool is_unspecified(const struct inaddr *a) { return !a->q[0] && !a->q[1]; }
static bool is_v4_mapped(const struct inaddr *a) { return inaddr_is_v4(a); }
static bool is_unicast(const struct inaddr *a)
{
	return a->b[0] != 0xff && !is_unspecified(a) && !is_v4_mapped(a);
}

/* Of addresses and links of ours: an own address, on dev (NULL: any). Addresses under duplicate detection have no local route yet;
 * the family's own code is asked. */
static bool own_addr(struct netns *net, const struct inaddr *a, struct net_device *dev)
{
	const struct fib_family_ops *ops = net->fib->ops6;
	return ops && ops->own_addr && ops->own_addr(net, a, dev);
}

static bool begins_with_zeros(const struct inaddr *a, unsigned bits)
{
	for (unsigned i = 0; i < bits; i++)
		if (a->b[i / 8] >> (7 - i % 8) & 1)
			return false;
	return true;
}

static int check_onlink(struct cpu *cpu, struct netns *net, const struct fib_nh *nh, struct net_device *dev, struct nl_ext_ack *ack)
{
	struct fib_table *tb = fib_table_find(net, AF_INET6, RT_TABLE_MAIN);
	struct flow fl = { .family = AF_INET6, .daddr = nh->gateway, .oif = nh->oif };
	struct fib_result res = { .alias = NULL };
	if (!tb)
		return 0;
	fib6_table_lookup(cpu, net, tb, &fl, &res);
	if (!res.alias || res.alias->fi->reject || begins_with_zeros(&nh->gateway, res.alias->prefix_len))
		return 0; /* Linux takes any prefix of :: for the default route */
	if (res.alias->type == RTN_UNICAST && res.nh->dev == dev)
		return 0;
	NL_SET_ERR(ack, "Nexthop has invalid gateway or device mismatch");
	return -EINVAL;
}

static bool is_neighbour(const struct fib_result *res) { return res->alias && !res->alias->fi->reject && !res->nh->has_gw; }

static int check_reachable(struct cpu *cpu, struct netns *net, const struct fib_nh *nh, u32 table, struct net_device **dev)
{
	struct flow fl = { .family = AF_INET6, .daddr = nh->gateway, .oif = nh->oif, .flags = FLOW_IFACE | FLOW_IGNORE_LINKSTATE };
	struct fib_table *tb = table ? fib_table_find(net, AF_INET6, table) : NULL;
	struct fib_result res = { .alias = NULL };
	if (tb)
		fib6_table_lookup(cpu, net, tb, &fl, &res);
	if (!is_neighbour(&res) || (*dev && *dev != res.nh->dev)) {
		if (fib6_lookup(cpu, net, &fl, &res) || !is_neighbour(&res) || (*dev && *dev != res.nh->dev))
			return -EHOSTUNREACH;
	}
	*dev = res.nh->dev;
	return 0;
}

static int check_gateway(struct cpu *cpu, struct netns *net, struct fib_nh *nh, u32 table, struct net_device **dev, struct nl_ext_ack *ack)
{
	bool ll = link_local(&nh->gateway), resolved = *dev != NULL;
	int err = 0;
	if (resolved && own_addr(net, &nh->gateway, ll ? *dev : NULL)) {
		NL_SET_ERR(ack, "Gateway can not be a local address");
		return -EINVAL;
	}
	if (!ll) {
		if (!is_unicast(&nh->gateway) && !is_v4_mapped(&nh->gateway)) {
			NL_SET_ERR(ack, "Invalid gateway address");
			return -EINVAL;
		}
		err = nh->flags & RTNH_F_ONLINK ? check_onlink(cpu, net, nh, *dev, ack) : check_reachable(cpu, net, nh, table, dev);
		if (err)
			return err;
	}
	if (!*dev) {
		NL_SET_ERR(ack, "Egress device not specified");
		return -EINVAL;
	}
	if ((*dev)->flags & IFF_LOOPBACK) {
		NL_SET_ERR(ack, "Egress device can not be loopback device for this route");
		return -EINVAL;
	}
	if (!resolved && own_addr(net, &nh->gateway, ll ? *dev : NULL)) {
		NL_SET_ERR(ack, "Gateway can not be a local address");
		return -EINVAL;
	}
	return 0;
}

int fib6_nh_check(struct cpu *cpu, struct netns *net, struct fib_nh *nh, const struct fib6_hop_kind *k, struct nl_ext_ack *ack)
{
	const struct fib_family_ops *ops = net->fib->ops6;
	struct net_device *dev = NULL;
	int err;

	nh->gw_family = AF_INET6;
	if (nh->oif) {
		dev = dev_by_index(net, nh->oif);
		if (!dev || !ops || !dev->ip6_ptr)
			return -ENODEV;
	}
	if (nh->flags & RTNH_F_ONLINK) {
		if (!dev) {
			NL_SET_ERR(ack, "Nexthop device required for onlink");
			return -ENODEV;
		}
		if (!(dev->flags & IFF_UP)) {
			NL_SET_ERR(ack, "Nexthop device is not up");
			return -ENETDOWN;
		}
	}
	if (k->reject) {
		dev = dev && dev->flags & IFF_LOOPBACK ? dev : net->dev->loopback;
		nh->has_gw = false;
		nh->reject = true;
		goto out;
	}
	if (nh->has_gw) {
		err = check_gateway(cpu, net, nh, k->table, &dev, ack);
		if (err)
			return err;
	}
	if (!dev)
		return -ENODEV;
	if (!ops || !ops->dev_enabled(dev)) {
		NL_SET_ERR(ack, "IPv6 is disabled on nexthop device");
		return -EACCES;
	}
	if (!(dev->flags & IFF_UP) && !k->ignore_down) {
		NL_SET_ERR(ack, "Nexthop device is not up");
		return -ENETDOWN;
	}
	if (!k->own && !dev->carrier)
		nh->flags |= RTNH_F_LINKDOWN;
	nh->reject = dev->flags & IFF_LOOPBACK && !is_loopback(&k->dst) && !k->own; /* packets would only come back */
out:
	if (!dev)
		return -ENODEV;
	nh->dev = dev;
	nh->oif = dev->ifindex;
	dev_hold(dev);
	return 0;
}

int fib6_info_check(struct cpu *cpu, struct fib_info *fi, const struct fib_config *c)
{
	struct netns *net = fi->net;
	struct fib6_hop_kind k = { .reject = c->type >= RTN_BLACKHOLE && c->type <= RTN_THROW, .own = c->type == RTN_LOCAL || c->rtf & FIB6_ANYCAST,
				   .ignore_down = c->ignore_dev_down, .table = c->table, .dst = c->dst };
	int err = c->nh_id ? 0 : fib6_nh_check(cpu, net, &fi->nh[0], &k, c->ack);
	if (err)
		return err;
	if (!c->nh_id)
		fi->reject = fi->nh[0].reject;
	if (c->has_prefsrc && !own_addr(net, &c->prefsrc, link_local(&c->prefsrc) ? fi->nh[0].dev : NULL)) {
		NL_SET_ERR(c->ack, "Invalid source address");
		return -EINVAL;
	}
	return 0;
}
