/* IPv6 on a device: its life beside the device's, its settings, and what link events mean to it.
 *
 * A setting exists three times: per device, "default" (what a new device begins with) and "all" (which for some means "on everywhere").
 * A device is ready when it is up and has its carrier: then it gets its link-local address and looks for duplicates of all others.
 */
#include "core/subsys.h"
#include "inet/ip6/ip6_priv.h"
#include "inet/mroute/mroute.h"

s32 ip6_conf_of(const struct net_device *dev, enum ip6_conf c)
{
	const struct inet6_dev *idev = in6_dev_get(dev);
	return idev ? idev->conf.v[c] : dev->net->ip6->conf_default.v[c];
}

bool ip6_conf_any(const struct inet6_dev *idev, enum ip6_conf c)
{
	return idev->conf.v[c] || idev->dev->net->ip6->conf_all.v[c];
}

void ip6_dev_tell(struct cpu *cpu, struct inet6_dev *idev)
{
	idev->tstamp = cpu->now;
	event_send(cpu, idev->dev->net, EV_INET6_DEV, idev->dev, 0);
}

struct inet6_dev *in6_dev_get_or_new(struct net_device *dev)
{
	struct netns *net = dev->net;
	struct inet6_dev *idev = dev->ip6_ptr;
	if (idev)
		return idev;
	if (!net->ip6 || dev->mtu < IP6_MIN_MTU || dev->unregistering)
		return NULL;
	idev = mem_zalloc(&net->world->mem, sizeof(*idev));
	if (!idev)
		return NULL;
	idev->dev = dev;
	dev_hold(dev);
	idev->conf = net->ip6->conf_default;
	idev->conf.has_secret = false;
	idev->conf.v[IP6_CONF_MTU] = (s32)dev->mtu;
	if (dev->flags & (IFF_NOARP | IFF_LOOPBACK))
		idev->conf.v[IP6_CONF_ACCEPT_DAD] = -1;
	if (dev->flags & IFF_LOOPBACK)
		idev->conf.v[IP6_CONF_USE_TEMPADDR] = -1;
	list_init(&idev->addrs);
	mld_init(idev);
	list_init(&idev->ac_list);
	timer_init(&idev->rs_timer, ip6_rs_timer);
	idev->nd_parms = neigh_parms_for(net, &nd_table, dev);
	idev->tstamp = net->home->now;
	ptr_publish(dev->ip6_ptr, idev);
	event_send(net->home, net, EV_NETCONF, dev, NETCONF_EVENT_ALL | NETCONF_EVENT_INET6);
	ip6_mc_default_groups(net->home, idev);
	return idev;
}

/* Up, with carrier, for the first time or again. */
static void become_ready(struct cpu *cpu, struct inet6_dev *idev)
{
	struct inet6_ifaddr *a, *tmp;
	idev->ready = true;
	ip6_mc_link_up(cpu, idev);
	ip6_linklocal_make(cpu, idev);
	list_for_each_safe(a, tmp, &idev->addrs, link) {
		if (a->state != IP6_DAD_DONE || (!(a->flags & IFA_F_TENTATIVE) && a->notified))
			continue;
		ip6_dad_start(cpu, a);
	}
	ip6_dev_tell(cpu, idev);
}

static void link_up(struct cpu *cpu, struct inet6_dev *idev)
{
	struct net_device *dev = idev->dev;
	struct inet6_ifaddr *a;
	if (idev->conf.v[IP6_CONF_DISABLE_IPV6])
		return;
	if ((u32)idev->conf.v[IP6_CONF_MTU] > dev->mtu || idev->conf.v[IP6_CONF_MTU] < IP6_MIN_MTU)
		idev->conf.v[IP6_CONF_MTU] = (s32)dev->mtu;
	fib_dev_up(cpu, dev, AF_INET6, RTNH_F_DEAD);
	list_for_each(a, &idev->addrs, link) /* those that were kept, or added while it was down */
		if (a->flags & IFA_F_PERMANENT && !(a->flags & IFA_F_NOPREFIXROUTE))
			ip6_prefix_route(cpu, dev, &a->addr, a->prefix_len, a->metric, 0, 0, true);
	if (dev_get_flags(dev) & IFF_RUNNING) /* else when its carrier is told of */
		become_ready(cpu, idev);
}

static void link_down(struct cpu *cpu, struct inet6_dev *idev, bool keep, enum fib_down how)
{
	struct net_device *dev = idev->dev;
	fib_dev_down(cpu, dev, AF_INET6, how);
	neigh_ifdown(cpu, &nd_table, dev);
	idev->ready = false;
	idev->ra_flags = 0;
	idev->rs_probes = 0;
	timer_cancel(&idev->rs_timer);
	ip6_addrs_purge(cpu, idev, keep);
	ip6_mc_link_down(cpu, idev);
	idev->desync_ns = 0;
	ip6_addr_arm(dev->net);
}

static void in6_dev_destroy(struct cpu *cpu, struct inet6_dev *idev)
{
	struct net_device *dev = idev->dev;
	link_down(cpu, idev, false, FIB_DOWN_UNREGISTER);
	idev->dead = true;
	ip6_mc_purge(cpu, idev);
	ptr_publish(dev->ip6_ptr, NULL);
	event_send(cpu, dev->net, EV_NETCONF, dev, NETCONF_EVENT_ALL | NETCONF_EVENT_GONE | NETCONF_EVENT_INET6);
	dst_put(idev->to_link);
	dst_put(idev->to_group);
	fib_genid_bump6(dev->net);
	mem_free(&cpu->world->mem, idev); /* all batons are held: no packet is in between */
	dev_put(dev);
}

void ip6_dev_set_disabled(struct cpu *cpu, struct inet6_dev *idev, bool disable)
{
	if (!(idev->dev->flags & IFF_UP))
		return;
	if (disable)
		link_down(cpu, idev, false, FIB_DOWN_LINK);
	else
		link_up(cpu, idev);
	fib_genid_bump6(idev->dev->net);
}

/* A router listens to routers' groups and answers for its subnets' anycast addresses. */
void ip6_dev_set_forwarding(struct cpu *cpu, struct inet6_dev *idev)
{
	struct net_device *dev = idev->dev;
	struct inet6_ifaddr *a;
	bool on = ip6_forwards(idev);
	if (dev->flags & IFF_MULTICAST)
		ip6_mc_router_groups(cpu, idev, on);
	list_for_each(a, &idev->addrs, link) {
		struct inaddr sub = v6_prefix(&a->addr, a->prefix_len);
		if (a->flags & IFA_F_TENTATIVE || a->prefix_len >= 127 || v6_is_any(&sub))
			continue;
		if (on)
			ip6_anycast_join(cpu, dev, &sub);
		else
			ip6_anycast_leave(cpu, dev, &sub);
	}
}

void ip6_dev_set_mtu(struct cpu *cpu, struct inet6_dev *idev, u32 mtu)
{
	fib6_sync_mtu(idev->dev->net, idev->dev, (u32)idev->conf.v[IP6_CONF_MTU], mtu);
	fib_exceptions_sync_mtu(idev->dev->net, idev->dev, AF_INET6, (u32)idev->conf.v[IP6_CONF_MTU], mtu);
	idev->conf.v[IP6_CONF_MTU] = (s32)mtu;
	fib_genid_bump6(idev->dev->net);
}

static void link_changed(struct cpu *cpu, struct inet6_dev *idev, unsigned long what)
{
	struct net_device *dev = idev->dev;
	if (what & LINK_CHANGE_CARRIER && dev->flags & IFF_UP && !idev->conf.v[IP6_CONF_DISABLE_IPV6]) {
		if (dev->carrier) {
			fib_dev_up(cpu, dev, AF_INET6, RTNH_F_LINKDOWN);
			if (!idev->ready)
				become_ready(cpu, idev);
		} else {
			fib_dev_down(cpu, dev, AF_INET6, FIB_DOWN_CARRIER);
		}
	}
	if (dev_told_of_state(dev, what) && !dev->carrier && idev->conf.v[IP6_CONF_NDISC_EVICT_NOCARRIER] &&
	    dev->net->ip6->conf_all.v[IP6_CONF_NDISC_EVICT_NOCARRIER])
		neigh_carrier_down(cpu, &nd_table, dev);
	if (what & LINK_CHANGE_FLAGS && what >> LINK_CHANGE_WHICH_SHIFT & IFF_NOARP && idev->ready)
		ip6_dad_again(cpu, idev);
	if (what & LINK_CHANGE_MTU)
		ip6_dev_set_mtu(cpu, idev, dev->mtu);
	if (what & LINK_CHANGE_NAME) { /* its settings move to another directory */
		event_send(cpu, dev->net, EV_NETCONF, dev, NETCONF_EVENT_ALL | NETCONF_EVENT_GONE | NETCONF_EVENT_INET6);
		event_send(cpu, dev->net, EV_NETCONF, dev, NETCONF_EVENT_ALL | NETCONF_EVENT_INET6);
	}
	if (what & LINK_CHANGE_ADDR && dev->flags & IFF_UP && ip6_conf_any(idev, IP6_CONF_NDISC_NOTIFY))
		ndisc_announce(cpu, idev);
	if (what & (LINK_CHANGE_MTU | LINK_CHANGE_ADDR))
		fib_genid_bump6(dev->net);
}

static void link_event(struct cpu *cpu, struct netns *net, enum net_event ev, void *obj, unsigned long info)
{
	struct net_device *dev = obj;
	struct inet6_dev *idev;
	if (ev > EV_LINK_UNREGISTER || !net->ip6)
		return;
	if (ev == EV_LINK_REGISTER || ev == EV_LINK_MOVED)
		in6_dev_get_or_new(dev);
	else if (ev == EV_LINK_CHANGE && info & LINK_CHANGE_MTU && !dev->ip6_ptr && in6_dev_get_or_new(dev) && dev->flags & IFF_UP)
		link_up(cpu, dev->ip6_ptr);
	idev = dev->ip6_ptr;
	if (!idev)
		return;
	switch (ev) {
	case EV_LINK_UP:
		link_up(cpu, idev);
		break;
	case EV_LINK_DOWN:
		link_down(cpu, idev, true, FIB_DOWN_LINK);
		break;
	case EV_LINK_CHANGE:
		if (info & LINK_CHANGE_MTU && dev->mtu < IP6_MIN_MTU)
			in6_dev_destroy(cpu, idev); /* too small for IPv6 */
		else
			link_changed(cpu, idev, info);
		break;
	case EV_LINK_UNREGISTER:
		in6_dev_destroy(cpu, idev);
		break;
	default:
		break;
	}
}

const struct event_sub ip6_event_sub = { .fn = link_event };

static void defaults(struct netns_ip6 *ip6)
{
	static const struct { u8 c; s32 v; } on[] = {
		{ IP6_CONF_HOP_LIMIT, 64 }, { IP6_CONF_MTU, IP6_MIN_MTU }, { IP6_CONF_ACCEPT_RA, 1 }, { IP6_CONF_ACCEPT_REDIRECTS, 1 },
		{ IP6_CONF_AUTOCONF, 1 }, { IP6_CONF_DAD_TRANSMITS, 1 }, { IP6_CONF_RTR_SOLICITS, -1 }, { IP6_CONF_TEMP_VALID_LFT, 604800 },
		{ IP6_CONF_TEMP_PREFERED_LFT, 86400 }, { IP6_CONF_REGEN_MIN_ADVANCE, 2 }, { IP6_CONF_REGEN_MAX_RETRY, 3 },
		{ IP6_CONF_MAX_DESYNC_FACTOR, 600 }, { IP6_CONF_MAX_ADDRESSES, 16 }, { IP6_CONF_ACCEPT_RA_DEFRTR, 1 },
		{ IP6_CONF_ACCEPT_RA_PINFO, 1 }, { IP6_CONF_ACCEPT_RA_RTR_PREF, 1 }, { IP6_CONF_SUPPRESS_FRAG_NDISC, 1 },
		{ IP6_CONF_ACCEPT_RA_MTU, 1 }, { IP6_CONF_ACCEPT_RA_MIN_HOP_LIMIT, 1 }, { IP6_CONF_ENHANCED_DAD, 1 },
		{ IP6_CONF_RA_DEFRTR_METRIC, 1024 }, { IP6_CONF_NDISC_EVICT_NOCARRIER, 1 }, { IP6_CONF_RTR_PROBE_INTERVAL_S, 60 },
	};
	for (unsigned i = 0; i < 2; i++) {
		struct inet6_conf *c = i ? &ip6->conf_default : &ip6->conf_all;
		for (unsigned k = 0; k < ARRAY_SIZE(on); k++)
			c->v[on[k].c] = on[k].v;
		c->v[IP6_CONF_ACCEPT_DAD] = (s32)i;
		c->rtr_solicit_delay = NSEC_PER_SEC;
		c->rtr_solicit_interval = 4 * NSEC_PER_SEC;
		c->rtr_solicit_max_interval = 3600 * NSEC_PER_SEC;
		c->mld1_report_interval = 10 * NSEC_PER_SEC;
		c->mld2_report_interval = NSEC_PER_SEC;
	}
	ip6->flowlabel_consistency = 1;
	ip6->auto_flowlabels = 1;
	ip6->idgen_retries = 3;
	ip6->idgen_delay_ns = NSEC_PER_SEC;
	ip6->max_dst_opts_cnt = ip6->max_hbh_opts_cnt = 8;
	ip6->max_dst_opts_len = ip6->max_hbh_opts_len = INT32_MAX;
	ip6->icmp_ratelimit_ns = 100 * NSEC_PER_MSEC;
	ip6->icmp_ratemask[0] = ~BIT(ICMP6_PKT_TOOBIG);
	ip6->icmp_ratemask[1] = ip6->icmp_ratemask[2] = ip6->icmp_ratemask[3] = ~0u;
	ip6->frag_high_thresh = 4 << 20;
	ip6->frag_low_thresh = 3 << 20;
	ip6->frag_time_ns = 60 * NSEC_PER_SEC;
	ip6->mtu_expires_ns = 600 * NSEC_PER_SEC;
	ip6->mld_qrv = 2;
	ip6->mld_max_msf = 64;
	ip6->min_adv_mss = IP6_MIN_MTU - 60;
}

static void netns_exit(struct netns *net)
{
	timer_cancel(&net->ip6->priv->addr_timer);
	dst_put(net->ip6->priv->no_route);
	net->ip6->priv->no_route = NULL;
	ip6_reasm_exit(net);
}

static void netns_fini(struct netns *net)
{
	struct mem *mem = &net->world->mem;
	if (!net->ip6)
		return;
	if (net->ip6->priv) {
		ip6_flowlabels_fini(net);
		ip6_reasm_fini(net);
		ip6_labels_fini(net);
		mem_free(mem, net->ip6->priv);
	}
	htable_fini(&net->ip6->local);
	net->inet->af6 = NULL;
	mem_free(mem, net->ip6);
	net->ip6 = NULL;
}

static int netns_init(struct netns *net)
{
	struct mem *mem = &net->world->mem;
	struct netns_ip6 *ip6 = mem_zalloc(mem, sizeof(*ip6));
	struct net_device *dev;
	if (!ip6)
		return -ENOMEM;
	net->ip6 = ip6;
	defaults(ip6);
	ip6->priv = mem_zalloc(mem, sizeof(*ip6->priv));
	if (!ip6->priv || htable_init(&ip6->local, mem, 16)) {
		if (ip6->priv) {
			list_init(&ip6->priv->labels);
			list_init(&ip6->priv->leases);
		}
		goto fail;
	}
	timer_init(&ip6->priv->addr_timer, ip6_addr_timer);
	list_init(&ip6->priv->leases);
	if (ip6_labels_init(net) || ip6_reasm_init(net) || mr_family_start(net, &ip6_mr_family))
		goto fail;
	net->inet->af6 = &inet_af_v6;
	net->fib->ops6 = &ip6_fib_ops;
	neigh_table_start(net, &nd_table);
	if (net->dev) /* those that came before us */
		dev_for_each(dev, net)
			in6_dev_get_or_new(dev);
	return 0;
fail:
	netns_fini(net);
	return -ENOMEM;
}

const struct subsys ip6_subsys = { .name = "ip6", .netns_init = netns_init, .netns_exit = netns_exit, .netns_fini = netns_fini };
