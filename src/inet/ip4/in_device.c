/* IPv4 on a device: its life beside the device's, its settings, and what link events mean to it.
 *
 * A setting exists three times: per device, "default" (what a new device begins with) and "all" (combined with the device's by a
 * rule of its own: OR, AND, the larger, or not at all). The packet path reads in_device.on, where the combinations that it needs
 * are kept as bits.
 */
#include <stdio.h>

#include "core/subsys.h"
#include "inet/ip4/ip4_priv.h"
#include "inet/mroute/mroute.h"

enum { ALONE, OR, AND, LARGER };
static const u8 combine[IP4_CONF_MAX] = {
	[IP4_CONF_MC_FORWARDING] = AND,	    [IP4_CONF_ACCEPT_REDIRECTS] = OR,	[IP4_CONF_SECURE_REDIRECTS] = OR,
	[IP4_CONF_SEND_REDIRECTS] = OR,	    [IP4_CONF_SHARED_MEDIA] = OR,	[IP4_CONF_RP_FILTER] = LARGER,
	[IP4_CONF_ACCEPT_SOURCE_ROUTE] = AND, [IP4_CONF_ACCEPT_LOCAL] = OR,	[IP4_CONF_LOG_MARTIANS] = OR,
	[IP4_CONF_ARP_FILTER] = OR,	    [IP4_CONF_ARP_ANNOUNCE] = LARGER,	[IP4_CONF_ARP_IGNORE] = LARGER,
	[IP4_CONF_ARP_ACCEPT] = LARGER,	    [IP4_CONF_ARP_NOTIFY] = LARGER,	[IP4_CONF_PROXY_ARP] = OR,
	[IP4_CONF_ROUTE_LOCALNET] = OR,	    [IP4_CONF_SRC_VALID_MARK] = OR,	[IP4_CONF_PROMOTE_SECONDARIES] = OR,
	[IP4_CONF_DROP_GRATUITOUS_ARP] = OR, [IP4_CONF_DROP_UNICAST_IN_L2_MULTICAST] = OR,
	[IP4_CONF_IGNORE_ROUTES_WITH_LINKDOWN] = OR, [IP4_CONF_BC_FORWARDING] = AND, [IP4_CONF_ARP_EVICT_NOCARRIER] = AND,
};

s32 ip4_conf_get(const struct net_device *dev, enum ip4_conf c)
{
	const struct in_device *idev = in_dev_get(dev);
	const struct netns_ip4 *ip4 = dev->net->ip4;
	s32 own = idev ? idev->conf[c] : ip4->conf_default[c], all = ip4->conf_all[c];
	/* A router believes redirects only where both say so. */
	if (c == IP4_CONF_ACCEPT_REDIRECTS && idev && idev->conf[IP4_CONF_FORWARDING])
		return own && all;
	switch (combine[c]) {
	case OR: return own || all;
	case AND: return own && all;
	case LARGER: return MAX(own, all);
	}
	return own;
}

void in_dev_recompute(struct in_device *idev)
{
	static const struct { u16 conf; u16 bit; } map[] = {
		{ IP4_CONF_FORWARDING, IN_DEV_FORWARD }, { IP4_CONF_SEND_REDIRECTS, IN_DEV_SEND_REDIRECTS },
		{ IP4_CONF_SHARED_MEDIA, IN_DEV_SHARED_MEDIA }, { IP4_CONF_ACCEPT_LOCAL, IN_DEV_ACCEPT_LOCAL },
		{ IP4_CONF_ROUTE_LOCALNET, IN_DEV_ROUTE_LOCALNET }, { IP4_CONF_BC_FORWARDING, IN_DEV_BC_FORWARD },
		{ IP4_CONF_DROP_UNICAST_IN_L2_MULTICAST, IN_DEV_DROP_UNICAST_IN_L2_MC },
		{ IP4_CONF_ACCEPT_SOURCE_ROUTE, IN_DEV_SOURCE_ROUTE }, { IP4_CONF_RP_FILTER, IN_DEV_RPFILTER },
		{ IP4_CONF_IGNORE_ROUTES_WITH_LINKDOWN, IN_DEV_IGNORE_LINKDOWN }, { IP4_CONF_SRC_VALID_MARK, IN_DEV_SRC_VALID_MARK },
		{ IP4_CONF_MC_FORWARDING, IN_DEV_MFORWARD },
	};
	u32 on = 0;
	for (unsigned i = 0; i < ARRAY_SIZE(map); i++)
		if (ip4_conf_get(idev->dev, map[i].conf))
			on |= map[i].bit;
	idev->on = on;
}

void ip4_conf_recompute_all(struct netns *net)
{
	struct net_device *dev;
	dev_for_each(dev, net)
		if (dev->ip_ptr)
			in_dev_recompute(dev->ip_ptr);
}

struct in_device *in_dev_get_or_new(struct net_device *dev)
{
	struct netns *net = dev->net;
	struct in_device *idev = dev->ip_ptr;
	if (idev)
		return idev;
	if (!net->ip4 || dev->mtu < IP4_MIN_MTU || dev->unregistering)
		return NULL;
	idev = mem_zalloc(&net->world->mem, sizeof(*idev));
	if (!idev)
		return NULL;
	idev->dev = dev;
	idev->mtu = dev->mtu;
	dev_hold(dev);
	memcpy(idev->conf, net->ip4->conf_default, sizeof(idev->conf));
	if (dev->flags & IFF_LOOPBACK)
		idev->conf[IP4_CONF_NOXFRM] = idev->conf[IP4_CONF_NOPOLICY] = 1;
	list_init(&idev->addrs);
	ip4_mc_init(idev);
	idev->arp_parms = neigh_parms_for(net, &arp_table, dev);
	ptr_publish(dev->ip_ptr, idev);
	in_dev_recompute(idev);
	event_send(net->home, net, EV_NETCONF, dev, NETCONF_EVENT_ALL);
	if (dev->flags & IFF_UP)
		ip4_mc_link_up(net->home, idev);
	return idev;
}

static void in_dev_destroy(struct cpu *cpu, struct in_device *idev)
{
	struct net_device *dev = idev->dev;
	idev->dead = true;
	ip4_mc_purge(cpu, idev);
	ip4_addrs_purge(cpu, idev);
	ptr_publish(dev->ip_ptr, NULL);
	event_send(cpu, dev->net, EV_NETCONF, dev, NETCONF_EVENT_ALL | NETCONF_EVENT_GONE);
	dst_put(idev->to_link);
	dst_put(idev->to_self);
	dst_put(idev->to_group);
	dst_put(idev->to_all);
	mem_free(&cpu->world->mem, idev); /* all batons are held: no packet is in between */
	dev_put(dev);
}

/* A device that is up for the first time as loopback gets its address by itself. */
static void loopback_address(struct cpu *cpu, struct net_device *dev)
{
	struct in_ifaddr_config c = { .local = BE32(0x7f000001), .address = BE32(0x7f000001), .prefix_len = 8, .has_scope = true,
				      .scope = RT_SCOPE_HOST, .flags = IFA_F_PERMANENT, .valid_lft_s = ~0u, .preferred_lft_s = ~0u };
	if (dev->flags & IFF_LOOPBACK && list_empty(&dev->ip_ptr->addrs))
		ip4_addr_add(cpu, dev, &c, NULL);
}

static void rename_labels(struct cpu *cpu, struct in_device *idev)
{
	struct in_ifaddr *ifa;
	unsigned n = 0;
	list_for_each(ifa, &idev->addrs, link) {
		char old[DEV_NAME_SIZE], *colon;
		memcpy(old, ifa->label, sizeof(old));
		memcpy(ifa->label, idev->dev->name, DEV_NAME_SIZE);
		if (n++) {
			char tail[DEV_NAME_SIZE];
			size_t room;
			colon = strchr(old, ':');
			if (colon)
				memcpy(tail, colon, strlen(colon) + 1);
			else
				snprintf(tail, sizeof(tail), ":%u", n); /* the second and later ones get a number */
			room = DEV_NAME_SIZE - 1 - strlen(tail);
			ifa->label[MIN(strlen(ifa->label), room)] = 0;
			strcat(ifa->label, tail);
		}
		event_send(cpu, idev->dev->net, EV_ADDR_ADD, ifa, AF_INET);
	}
}

static void link_changed(struct cpu *cpu, struct in_device *idev, unsigned long what)
{
	struct net_device *dev = idev->dev;
	if (what & LINK_CHANGE_CARRIER) {
		if (dev->carrier)
			fib_dev_up(cpu, dev, AF_INET, RTNH_F_LINKDOWN);
		else
			fib_dev_down(cpu, dev, AF_INET, FIB_DOWN_CARRIER);
	}
	if (dev_told_of_state(dev, what) && !dev->carrier && ip4_conf_get(dev, IP4_CONF_ARP_EVICT_NOCARRIER))
		neigh_carrier_down(cpu, &arp_table, dev);
	if (what & LINK_CHANGE_VRF)
		fib_dev_down(cpu, dev, AF_INET, FIB_DOWN_FORCE); /* all its routes: they come again in the other table */
	if (what & LINK_CHANGE_NAME) { /* its settings move to another directory */
		rename_labels(cpu, idev);
		event_send(cpu, dev->net, EV_NETCONF, dev, NETCONF_EVENT_ALL | NETCONF_EVENT_GONE);
		event_send(cpu, dev->net, EV_NETCONF, dev, NETCONF_EVENT_ALL);
	}
	if (what & LINK_CHANGE_ADDR && ip4_conf_get(dev, IP4_CONF_ARP_NOTIFY) && dev->flags & IFF_UP)
		arp_announce_addrs(cpu, idev);
	if (what & LINK_CHANGE_MTU) {
		fib_exceptions_sync_mtu(dev->net, dev, AF_INET, idev->mtu, dev->mtu);
		idev->mtu = dev->mtu;
	}
	if (what & (LINK_CHANGE_MTU | LINK_CHANGE_ADDR))
		fib_genid_bump(dev->net);
}

static void link_event(struct cpu *cpu, struct netns *net, enum net_event ev, void *obj, unsigned long info)
{
	struct net_device *dev = obj;
	struct in_device *idev;
	if (ev > EV_LINK_UNREGISTER || !net->ip4)
		return;
	if (ev == EV_LINK_REGISTER || ev == EV_LINK_MOVED || (ev == EV_LINK_CHANGE && info & LINK_CHANGE_MTU && !dev->ip_ptr))
		in_dev_get_or_new(dev);
	idev = dev->ip_ptr;
	if (!idev)
		return;
	if (ev == EV_LINK_REGISTER && dev->l3mdev_table)
		fib_rules_add_l3mdev(cpu, net);
	switch (ev) {
	case EV_LINK_UP:
		loopback_address(cpu, dev);
		ip4_mc_link_up(cpu, idev);
		ip4_addrs_link_up(cpu, idev);
		fib_dev_up(cpu, dev, AF_INET, RTNH_F_DEAD);
		if (ip4_conf_get(dev, IP4_CONF_ARP_NOTIFY))
			arp_announce_addrs(cpu, idev);
		break;
	case EV_LINK_DOWN:
		ip4_mc_link_down(cpu, idev);
		arp_later_purge(cpu, net, dev);
		fib_dev_down(cpu, dev, AF_INET, FIB_DOWN_LINK);
		neigh_ifdown(cpu, &arp_table, dev);
		break;
	case EV_LINK_CHANGE:
		if (info & LINK_CHANGE_MTU && dev->mtu < IP4_MIN_MTU)
			in_dev_destroy(cpu, idev); /* too small for IPv4 */
		else
			link_changed(cpu, idev, info);
		break;
	case EV_LINK_UNREGISTER:
		arp_later_purge(cpu, net, dev);
		in_dev_destroy(cpu, idev);
		fib_dev_down(cpu, dev, AF_INET, FIB_DOWN_UNREGISTER);
		neigh_ifdown(cpu, &arp_table, dev);
		break;
	default:
		break;
	}
}

const struct event_sub ip4_event_sub = { .fn = link_event };

static void defaults(struct netns_ip4 *ip4)
{
	for (unsigned i = 0; i < 2; i++) {
		s32 *c = i ? ip4->conf_default : ip4->conf_all;
		c[IP4_CONF_ACCEPT_REDIRECTS] = c[IP4_CONF_SEND_REDIRECTS] = c[IP4_CONF_SECURE_REDIRECTS] = 1;
		c[IP4_CONF_SHARED_MEDIA] = c[IP4_CONF_ARP_EVICT_NOCARRIER] = 1;
		c[IP4_CONF_ACCEPT_SOURCE_ROUTE] = (s32)i;
		c[IP4_CONF_IGMPV2_UNSOLICITED] = 10000;
		c[IP4_CONF_IGMPV3_UNSOLICITED] = 1000;
	}
	ip4->default_ttl = 64;
	ip4->fwd_update_priority = 1;
	ip4->min_pmtu = 552;
	ip4->min_adv_mss = 256;
	ip4->igmp_max_memberships = 20;
	ip4->igmp_max_msf = 10;
	ip4->igmp_qrv = 2;
	ip4->igmp_link_local_reports = 1;
	ip4->mtu_expires_ns = 600 * NSEC_PER_SEC;
	ip4->early_demux = 1;
	ip4->icmp_echo_ignore_broadcasts = 1;
	ip4->icmp_ignore_bogus = 1;
	ip4->icmp_ratemask = 0x1818;
	ip4->icmp_ratelimit_ns = NSEC_PER_SEC;
	ip4->icmp_msgs_per_sec = 1000;
	ip4->icmp_msgs_burst = 50;
	ip4->ping_group_range[0] = 1;
}

static void netns_exit(struct netns *net)
{
	timer_cancel(&net->ip4->priv->addr_timer);
	arp_later_purge(net->home, net, NULL);
	for (unsigned i = 0; i < 2; i++) {
		dst_put(net->ip4->priv->no_route[i]);
		net->ip4->priv->no_route[i] = NULL;
	}
	ip4_reasm_exit(net);
}

static void netns_fini(struct netns *net)
{
	struct mem *mem = &net->world->mem;
	if (!net->ip4)
		return;
	if (net->ip4->priv) {
		ip4_reasm_fini(net);
		mem_free(mem, net->ip4->priv);
	}
	htable_fini(&net->ip4->local);
	mem_free(mem, net->ip4);
	net->ip4 = NULL;
}

static int netns_init(struct netns *net)
{
	struct mem *mem = &net->world->mem;
	struct netns_ip4 *ip4 = mem_zalloc(mem, sizeof(*ip4));
	struct net_device *dev;
	if (!ip4)
		return -ENOMEM;
	net->ip4 = ip4;
	defaults(ip4);
	if (net->world->init_net != net && net->world->init_net && net->world->init_net->ip4) {
		/* As with devconf_inherit_init_net 0: a new namespace begins with the first one's settings. */
		memcpy(ip4->conf_all, net->world->init_net->ip4->conf_all, sizeof(ip4->conf_all));
		memcpy(ip4->conf_default, net->world->init_net->ip4->conf_default, sizeof(ip4->conf_default));
	}
	ip4->priv = mem_zalloc(mem, sizeof(*ip4->priv));
	if (!ip4->priv || htable_init(&ip4->local, mem, 16))
		goto fail;
	for (unsigned i = 0; i < IP4_ID_BUCKETS; i++)
		ip4->priv->id[i] = rng_u32(&net->home->rng);
	timer_init(&ip4->priv->addr_timer, ip4_addr_timer);
	arp_later_init(net);
	if (ip4_reasm_init(net) || mr_family_start(net, &ip4_mr_family))
		goto fail;
	net->inet->af4 = &inet_af_v4;
	net->fib->ops4 = &ip4_fib_ops;
	neigh_table_start(net, &arp_table);
	if (net->dev) /* those that came before us */
		dev_for_each(dev, net)
			in_dev_get_or_new(dev);
	return 0;
fail:
	netns_fini(net);
	return -ENOMEM;
}

const struct subsys ip4_subsys = { .name = "ip4", .netns_init = netns_init, .netns_exit = netns_exit, .netns_fini = netns_fini };
