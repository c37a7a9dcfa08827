/* Neighbour discovery for IPv6 (RFC 4861): solicitations, advertisements, redirects; who answers for which address; learning from what
 * passes. States and timers are link/neigh.c's; router advertisements are ndisc_ra.c's.
 *
 * Every message comes with hop limit 255 and code 0, else it came from elsewhere.
 */
#include <linux/if_arp.h>

#include "inet/ip6/ip6_priv.h"

static const struct inaddr all_nodes = { .b = { 0xff, 2, [15] = 1 } };

/* -- options -- */

int ndisc_parse_opts(const u8 *p, u32 len, struct nd_opts *o)
{
	*o = (struct nd_opts){ .begin = p, .len = len };
	while (len) {
		const struct nd_opt_hdr *h = (const struct nd_opt_hdr *)p;
		u32 n;
		if (len < sizeof(*h) || !(n = h->len * 8u) || n > len)
			return -1;
		if (h->type < ARRAY_SIZE(o->opt) && !o->opt[h->type])
			o->opt[h->type] = h;
		p += n;
		len -= n;
	}
	return 0;
}

static u32 lladdr_opt_len(const struct net_device *dev) { return dev->addr_len ? ALIGN_UP(2u + dev->addr_len, 8u) : 0; }

const u8 *ndisc_lladdr(const struct net_device *dev, const struct nd_opt_hdr *o)
{
	return o && o->len * 8u == lladdr_opt_len(dev) ? (const u8 *)(o + 1) : NULL;
}

static void put_lladdr(struct sk_buff *skb, const struct net_device *dev, u8 type)
{
	u32 len = lladdr_opt_len(dev);
	u8 *p = skb_put(skb, len);
	memset(p, 0, len);
	p[0] = type;
	p[1] = (u8)(len / 8);
	memcpy(p + 2, dev->dev_addr, dev->addr_len);
}

/* -- sending -- */

/* A dst for a message on this link: groups by their device's, neighbours by the device's own. */
static struct dst *link_dst(struct cpu *cpu, struct net_device *dev, const struct inaddr *daddr)
{
	struct inet6_dev *idev = in6_dev_get(dev);
	struct dst *d = idev ? ip6_dev_dst(cpu, idev, v6_is_multicast(daddr) ? RTN_MULTICAST : RTN_UNICAST) : NULL;
	if (d)
		dst_hold(d);
	return d;
}

static struct sk_buff *message(struct cpu *cpu, u32 len)
{
	return skb_alloc(cpu, SKB_HEADROOM, len + 64);
}

static void push(struct cpu *cpu, struct net_device *dev, struct sk_buff *skb, const struct inaddr *saddr, const struct inaddr *daddr)
{
	struct dst *d = link_dst(cpu, dev, daddr);
	if (!d) {
		skb_drop_net(cpu, dev->net, skb, SKB_DROP_REASON_IP_OUTNOROUTES);
		return;
	}
	icmp6_push(cpu, dev->net, skb, d, saddr, daddr, 255, (u8)ip6_conf_of(dev, IP6_CONF_NDISC_TCLASS), 0, (be32){ 0 });
}

void ndisc_send_ns(struct cpu *cpu, struct net_device *dev, const struct inaddr *target, const struct inaddr *daddr, const struct inaddr *saddr,
		   u64 nonce)
{
	struct sk_buff *skb = message(cpu, sizeof(struct nd_msg));
	struct nd_msg *m;
	if (!skb)
		return;
	m = (struct nd_msg *)skb_put(skb, sizeof(*m));
	*m = (struct nd_msg){ .h.type = ICMP6_NS };
	memcpy(m->target, target->b, 16);
	if (dev->addr_len && !v6_is_any(saddr))
		put_lladdr(skb, dev, ND_OPT_SLLA);
	if (nonce) {
		u8 *p = skb_put(skb, 8);
		p[0] = ND_OPT_NONCE;
		p[1] = 1;
		memcpy(p + 2, &nonce, 6);
	}
	push(cpu, dev, skb, saddr, daddr);
}

void ndisc_send_na(struct cpu *cpu, struct net_device *dev, const struct inaddr *daddr, const struct inaddr *target, bool router, bool solicited,
		   bool override, bool with_lladdr)
{
	struct netns *net = dev->net;
	struct inet6_ifaddr *ifa = ip6_ifaddr_find(net, target, dev, 0);
	struct sk_buff *skb;
	struct inaddr saddr = *target;
	struct nd_msg *m;

	if (ifa) { /* an address that may not be relied on yet overrides nothing (RFC 4429) */
		if (ifa->flags & IFA_F_OPTIMISTIC)
			override = false;
	} else { /* answered for somebody else: from an address of our own */
		if (!ip6_select_saddr(cpu, net, dev, daddr, 0, &saddr))
			return;
	}
	skb = message(cpu, sizeof(*m));
	if (!skb)
		return;
	m = (struct nd_msg *)skb_put(skb, sizeof(*m));
	*m = (struct nd_msg){ .h.type = ICMP6_NA };
	m->h.word = cpu_to_be32((u32)((router ? ND_NA_ROUTER : 0) | (solicited ? ND_NA_SOLICITED : 0) | (override ? ND_NA_OVERRIDE : 0)) << 24);
	memcpy(m->target, target->b, 16);
	if (dev->addr_len && (with_lladdr || ip6_conf_of(dev, IP6_CONF_FORCE_TLLAO)))
		put_lladdr(skb, dev, ND_OPT_TLLA);
	push(cpu, dev, skb, &saddr, daddr);
}

void ndisc_send_rs(struct cpu *cpu, struct net_device *dev, const struct inaddr *saddr, const struct inaddr *daddr)
{
	struct sk_buff *skb = message(cpu, ICMP6_HDR_LEN);
	struct icmp6_hdr *h;
	if (!skb)
		return;
	h = (struct icmp6_hdr *)skb_put(skb, sizeof(*h));
	*h = (struct icmp6_hdr){ .type = ICMP6_RS };
	if (dev->addr_len && !v6_is_any(saddr) && !(ip6_ifaddr_find(dev->net, saddr, dev, 0) && ip6_ifaddr_find(dev->net, saddr, dev, 0)->flags & IFA_F_OPTIMISTIC))
		put_lladdr(skb, dev, ND_OPT_SLLA);
	push(cpu, dev, skb, saddr, daddr);
}

/* Every address anew, to all: after a change of the hardware address. */
void ndisc_announce(struct cpu *cpu, struct inet6_dev *idev)
{
	struct inet6_ifaddr *a;
	list_for_each(a, &idev->addrs, link)
		if (!(a->flags & IFA_F_TENTATIVE) || a->flags & IFA_F_OPTIMISTIC)
			ndisc_send_na(cpu, idev->dev, &all_nodes, &a->addr, ip6_forwards(idev), false, true, true);
}

void ndisc_send_redirect(struct cpu *cpu, struct sk_buff *skb, const struct inaddr *target)
{
	struct net_device *dev = skb->dev;
	struct netns *net = dev->net;
	struct inet6_dev *idev = in6_dev_get(dev);
	struct inet6_ifaddr *ll = idev ? ip6_linklocal_of(idev, IFA_F_TENTATIVE) : NULL;
	struct inaddr s = ip6_src(skb), d = ip6_dst(skb);
	struct neighbour *n;
	struct nd_redirect_msg *m;
	struct sk_buff *r;
	u32 quoted, room, ha_len = lladdr_opt_len(dev);
	bool with_ha, direct;
	struct flow fl;
	struct dst *way;

	if (!ll || (!inaddr_eq(&d, target) && (!v6_is_linklocal(target) || v6_is_multicast(target))) || !ip6_forwards(idev) || v6_is_any(&s))
		return;
	fl = (struct flow){ .family = AF_INET6, .proto = IPPROTO_ICMPV6, .saddr = ll->addr, .daddr = s, .oif = dev->ifindex };
	if (ip6_route_out(cpu, net, &fl, &way))
		return;
	direct = !(way->flags & DST_GATEWAY);
	dst_put(way);
	if (!direct || !icmp6_redirect_allowed(cpu, net, &s))
		return;
	n = neigh_lookup(&nd_table, target, dev);
	with_ha = dev->addr_len && n && n->nud_state & (NUD_PERMANENT | NUD_NOARP | NUD_REACHABLE | NUD_PROBE | NUD_STALE | NUD_DELAY);
	room = IP6_MIN_MTU - IP6_HDR_LEN - sizeof(*m) - (with_ha ? ha_len : 0);
	quoted = MIN(room & ~7u, ALIGN_UP(skb->len + 8u, 8u));
	quoted = MIN(quoted, (skb->len >> 3 << 3) + 8);
	r = message(cpu, IP6_MIN_MTU);
	if (!r)
		return;
	m = (struct nd_redirect_msg *)skb_put(r, sizeof(*m));
	*m = (struct nd_redirect_msg){ .h.type = ICMP6_REDIRECT };
	memcpy(m->target, target->b, 16);
	memcpy(m->dest, d.b, 16);
	if (with_ha) {
		u8 *p = skb_put(r, ha_len);
		memset(p, 0, ha_len);
		p[0] = ND_OPT_TLLA;
		p[1] = (u8)(ha_len / 8);
		memcpy(p + 2, n->ha, dev->addr_len);
	}
	if (quoted > 8) {
		u8 *p = skb_put(r, quoted);
		memset(p, 0, 8);
		p[0] = ND_OPT_REDIR_HDR;
		p[1] = (u8)(quoted / 8);
		skb_copy_bits(skb, 0, p + 8, quoted - 8);
	}
	push(cpu, dev, r, &ll->addr, &s);
}

/* -- the neighbour table's questions -- */

static void solicit(struct cpu *cpu, struct neighbour *n, struct sk_buff *skb)
{
	struct net_device *dev = n->dev;
	struct inaddr target = inaddr_from_v6(n->key), to = target, saddr = inaddr_v6_any();
	const struct inet6_dev *idev = in6_dev_get(dev);
	struct inet6_ifaddr *ll;

	if (!idev)
		return;
	/* The waiting packet's own source, when it is an address of this device; else the link-local one. */
	if (skb && be16_eq(skb->protocol, BE16(0x86dd))) {
		struct inaddr s = ip6_src(skb);
		if (ip6_ifaddr_find(dev->net, &s, dev, IFA_F_TENTATIVE | IFA_F_OPTIMISTIC))
			saddr = s;
	}
	if (v6_is_any(&saddr)) {
		ll = ip6_linklocal_of(idev, IFA_F_TENTATIVE | IFA_F_OPTIMISTIC);
		if (!ll)
			return;
		saddr = ll->addr;
	}
	if (!(n->nud_state & NUD_PROBE && n->probes < n->parms->ucast_probes))
		ip6_solicited_node(&target, &to);
	ndisc_send_ns(cpu, dev, &target, &to, &saddr, 0);
}

static void error_report(struct cpu *cpu, struct neighbour *n, struct sk_buff *skb)
{
	if (be16_eq(skb->protocol, BE16(0x86dd)) && skb->dst)
		icmp6_send(cpu, skb, ICMP6_UNREACH, ICMP6_ADDR_UNREACH, 0);
	skb_drop_net(cpu, n->dev->net, skb, SKB_DROP_REASON_NEIGH_FAILED);
}

static int constructor(struct neighbour *n)
{
	struct net_device *dev = n->dev;
	struct inaddr a = inaddr_from_v6(n->key);
	if (!in6_dev_get(dev))
		return -EINVAL;
	n->type = v6_is_multicast(&a) ? RTN_MULTICAST : RTN_UNICAST;
	if (!dev->header_ops) {
		n->nud_state = NUD_NOARP;
	} else if (n->type == RTN_MULTICAST) {
		n->nud_state = NUD_NOARP;
		if (ndisc_mc_map(&a, dev, n->ha))
			memcpy(n->ha, dev->broadcast, dev->addr_len);
	} else if (dev->flags & (IFF_NOARP | IFF_LOOPBACK)) { /* its frames are for whoever gets them */
		n->nud_state = NUD_NOARP;
		memcpy(n->ha, dev->dev_addr, dev->addr_len);
		if (dev->flags & IFF_LOOPBACK)
			n->type = RTN_LOCAL;
	} else if (dev->flags & IFF_POINTOPOINT) {
		n->nud_state = NUD_NOARP;
		memcpy(n->ha, dev->broadcast, dev->addr_len);
	}
	return 0;
}

const struct neigh_table nd_table = { .family = AF_INET6, .key_len = 16, .ethertype = 0x86dd, .id = "ndisc_cache", .solicit = solicit,
				      .error_report = error_report, .constructor = constructor, .index = NEIGH_ND };

/* -- receiving -- */

struct rx {
	struct cpu *cpu;
	struct netns *net;
	struct net_device *dev;
	struct inet6_dev *idev;
	struct sk_buff *skb;
	struct inaddr saddr, daddr, target;
	const struct nd_msg *m;
	struct nd_opts opts;
};

/* A solicitation for an address that is being checked for duplicates: somebody else wants it too (RFC 4862 section 5.4.3). */
static void rx_ns_tentative(const struct rx *r, struct inet6_ifaddr *ifa, bool probe)
{
	const struct nd_opt_hdr *nonce = r->opts.opt[ND_OPT_NONCE];
	u64 theirs = 0;
	if (!probe)
		return; /* somebody resolves it: not ours to answer yet */
	if (nonce && nonce->len == 1) {
		memcpy(&theirs, nonce + 1, 6);
		if (ifa->dad_nonce && theirs == ifa->dad_nonce)
			return; /* our own, looped back */
	}
	ip6_dad_failed(r->cpu, ifa, r->skb);
}

/* `ip -6 neigh add proxy`, on devices with proxy_ndp. */
static bool proxied(const struct rx *r)
{
	if (!ip6_forwards(r->idev) || !ip6_conf_any(r->idev, IP6_CONF_PROXY_NDP))
		return false;
	return neigh_proxy_find(r->net, &nd_table, &r->target, r->dev);
}

static void rx_ns(const struct rx *r)
{
	bool probe = v6_is_any(&r->saddr), group = v6_is_multicast(&r->daddr), mine, anycast = false, router;
	const u8 *ha = ndisc_lladdr(r->dev, r->opts.opt[ND_OPT_SLLA]);
	struct inet6_ifaddr *ifa = ip6_ifaddr_find(r->net, &r->target, r->dev, 0);
	struct neighbour *n;

	if (v6_is_multicast(&r->target) || (probe && (!group || r->daddr.b[1] != 2 || r->daddr.b[12] != 0xff || r->opts.opt[ND_OPT_SLLA])))
		return;
	if (r->opts.opt[ND_OPT_SLLA] && !ha)
		return;
	if (ifa && ifa->flags & (IFA_F_TENTATIVE | IFA_F_OPTIMISTIC)) {
		rx_ns_tentative(r, ifa, probe);
		if (!(ifa->flags & IFA_F_OPTIMISTIC) || probe)
			return;
	}
	mine = ifa != NULL;
	if (!mine) {
		anycast = ip6_anycast_member(r->net, r->dev, &r->target);
		if (!anycast && !proxied(r))
			return;
	}
	router = ip6_forwards(r->idev);
	if (probe) {
		ndisc_send_na(r->cpu, r->dev, &all_nodes, &r->target, router, false, mine, true);
		return;
	}
	n = ha || !r->dev->addr_len || neigh_lookup(&nd_table, &r->saddr, r->dev) ? neigh_get(r->cpu, &nd_table, &r->saddr, r->dev) : NULL;
	if (!n && !ha && group) /* nobody to be answered is known */
		n = neigh_get(r->cpu, &nd_table, &r->saddr, r->dev);
	if (n && ha)
		neigh_update(r->cpu, n, ha, NUD_STALE, NEIGH_UPDATE_WEAK_OVERRIDE | NEIGH_UPDATE_OVERRIDE, 0);
	ndisc_send_na(r->cpu, r->dev, &r->saddr, &r->target, router, true, mine && !anycast && group, group);
}

static void rx_na(const struct rx *r)
{
	u8 bits = (u8)(be32_to_cpu(r->m->h.word) >> 24);
	const u8 *ha = ndisc_lladdr(r->dev, r->opts.opt[ND_OPT_TLLA]);
	struct inet6_ifaddr *ifa;
	struct neighbour *n;
	bool solicited = bits & ND_NA_SOLICITED;

	if (v6_is_multicast(&r->target) || (v6_is_multicast(&r->daddr) && solicited) || (r->opts.opt[ND_OPT_TLLA] && !ha))
		return;
	if (!solicited && ip6_conf_any(r->idev, IP6_CONF_DROP_UNSOLICITED_NA))
		return;
	ifa = ip6_ifaddr_find(r->net, &r->target, r->dev, 0);
	if (ifa) {
		if (r->skb->pkt_type != PACKET_LOOPBACK && ifa->flags & IFA_F_TENTATIVE)
			ip6_dad_failed(r->cpu, ifa, r->skb);
		return;
	}
	n = neigh_lookup(&nd_table, &r->target, r->dev);
	if (!n) {
		s32 accept = MAX(r->idev->conf.v[IP6_CONF_ACCEPT_UNTRACKED_NA], r->net->ip6->conf_all.v[IP6_CONF_ACCEPT_UNTRACKED_NA]);
		if (solicited || !ha || !ip6_forwards(r->idev) || !accept)
			return;
		if (accept == 2) {
			struct inet6_ifaddr *a;
			bool same = false;
			list_for_each(a, &r->idev->addrs, link)
				same |= v6_prefix_eq(&a->addr, &r->saddr, a->prefix_len);
			if (!same)
				return;
		}
		n = neigh_get(r->cpu, &nd_table, &r->target, r->dev);
		if (!n)
			return;
	} else if (n->nud_state & NUD_FAILED) {
		return;
	}
	if (ip6_conf_any(r->idev, IP6_CONF_FORWARDING) && ip6_conf_any(r->idev, IP6_CONF_PROXY_NDP) &&
	    neigh_proxy_find(r->net, &nd_table, &r->target, r->dev))
		return; /* what we ourselves said for somebody */
	{
		bool was_router = n->flags & NTF_ROUTER;
		u8 state = solicited ? NUD_REACHABLE : NUD_STALE;
		neigh_update(r->cpu, n, ha, state, NEIGH_UPDATE_WEAK_OVERRIDE | (bits & ND_NA_OVERRIDE ? NEIGH_UPDATE_OVERRIDE : 0) |
			     NEIGH_UPDATE_OVERRIDE_ISROUTER | (bits & ND_NA_ROUTER ? NEIGH_UPDATE_ISROUTER : 0), 0);
		if (was_router && !(n->flags & NTF_ROUTER)) /* RFC 4861 section 7.2.5: no router any more */
			ndisc_router_gone(r->cpu, r->dev, &r->target);
	}
}

static void rx_rs(const struct rx *r)
{
	const u8 *ha = ndisc_lladdr(r->dev, r->opts.opt[ND_OPT_SLLA]);
	struct neighbour *n;
	if (!ip6_forwards(r->idev) || v6_is_any(&r->saddr) || !ha)
		return;
	n = neigh_get(r->cpu, &nd_table, &r->saddr, r->dev);
	if (n)
		neigh_update(r->cpu, n, ha, NUD_STALE, NEIGH_UPDATE_WEAK_OVERRIDE | NEIGH_UPDATE_OVERRIDE | NEIGH_UPDATE_OVERRIDE_ISROUTER, 0);
}

/* The route over the router that says so: of one prefix any. */
static bool route_via(struct cpu *cpu, struct netns *net, struct flow *fl, const struct inaddr *router, struct fib_result *res)
{
	const struct fib_table *t;
	struct fib_alias *a;
	if (fib_lookup(cpu, net, fl, res) || res->alias->type != RTN_UNICAST)
		return false;
	if (fib_exception_dst(cpu, net, &fl->daddr, res, fib_nh_dst(cpu, res->nh))->flags & DST_REDIRECT || res->alias->fi->nhs != 1)
		return true;
	t = fib_table_find(net, AF_INET6, res->alias->table);
	a = t ? lpm_find(&t->lpm, lpm_key_of(AF_INET6, &res->alias->prefix), res->alias->prefix_len) : NULL;
	for (; a; a = a->next) {
		struct fib_nh *nh = &a->fi->nh[0];
		if (nh->has_gw && nh->oif == fl->oif && inaddr_eq(&nh->gateway, router)) {
			res->alias = a;
			res->nh = nh;
			break;
		}
	}
	return true;
}

/* A better first hop for one destination (RFC 4861 section 8.3): believed from the router in use. */
void ip6_redirect(struct cpu *cpu, struct netns *net, const struct icmp_error *e)
{
	struct net_device *dev = dev_by_index(net, e->iif);
	struct inet6_dev *idev = dev ? in6_dev_get(dev) : NULL;
	bool on_link = inaddr_eq(&e->about, &e->gateway);
	struct flow fl = { .family = AF_INET6, .daddr = e->about, .oif = e->iif, .flags = FLOW_IFACE };
	struct fib_result res;
	struct dst *base, *d;
	struct neighbour *n;

	if (!idev || ip6_forwards(idev) || !idev->conf.v[IP6_CONF_ACCEPT_REDIRECTS] || !route_via(cpu, net, &fl, &e->offender, &res))
		return;
	base = fib_nh_dst(cpu, res.nh);
	d = fib_exception_dst(cpu, net, &e->about, &res, base);
	if (!(d->flags & DST_GATEWAY) || !inaddr_eq(&d->gateway, &e->offender))
		return;
	n = neigh_get(cpu, &nd_table, &e->gateway, dev);
	if (!n)
		return;
	if (e->lladdr || n->nud_state != NUD_NONE)
		neigh_update(cpu, n, e->lladdr, NUD_STALE, NEIGH_UPDATE_WEAK_OVERRIDE | NEIGH_UPDATE_OVERRIDE |
			     (on_link ? 0 : NEIGH_UPDATE_OVERRIDE_ISROUTER | NEIGH_UPDATE_ISROUTER), 0);
	fib_exception_set(cpu, net, &e->about, &res, base, &(struct fib_learned){ .gw = &e->gateway, .anew = true });
}

/* With the header of the packet that it is about, it is for the protocol to say whether this host sent that. */
static void rx_redirect(const struct rx *r)
{
	struct inaddr dest = inaddr_from_v6(((const struct nd_redirect_msg *)r->m)->dest);
	const struct nd_opt_hdr *quoted = r->opts.opt[ND_OPT_REDIR_HDR];
	struct icmp_error e = { .family = AF_INET6, .origin = SO_EE_ORIGIN_ICMP6, .offender = r->saddr, .type = ICMP6_REDIRECT, .kind = ICMP_ERR_REDIRECT,
				.err = EPROTO, .iif = IP6_CB(r->skb)->iif, .gateway = r->target, .about = dest,
				.lladdr = ndisc_lladdr(r->dev, r->opts.opt[ND_OPT_TLLA]) };
	u32 at;

	if (v6_is_multicast(&dest) || (!inaddr_eq(&dest, &r->target) && !v6_is_linklocal(&r->target)) || (r->opts.opt[ND_OPT_TLLA] && !e.lladdr))
		return;
	if (!quoted) {
		ip6_redirect(r->cpu, r->net, &e);
		return;
	}
	at = (u32)((const u8 *)quoted + 8 - r->skb->data);
	skb_pull(r->skb, at);
	icmp6_notify(r->cpu, r->net, r->skb, &e);
}

void ndisc_rx(struct cpu *cpu, struct netns *net, struct sk_buff *skb)
{
	struct rx r = { .cpu = cpu, .net = net, .dev = skb->dev, .idev = in6_dev_get(skb->dev), .skb = skb, .saddr = ip6_src(skb), .daddr = ip6_dst(skb) };
	u8 type = skb->data[0];
	u32 fixed = type == ICMP6_RS ? ICMP6_HDR_LEN : type == ICMP6_RA ? sizeof(struct nd_ra_msg) : type == ICMP6_REDIRECT ?
		    sizeof(struct nd_redirect_msg) : sizeof(struct nd_msg);
	enum skb_drop_reason reason = SKB_DROP_REASON_IPV6_NDISC_FRAG;

	if (!r.idev)
		goto drop;
	if (IP6_CB(skb)->flags & IP6CB_FRAGMENTED && r.idev->conf.v[IP6_CONF_SUPPRESS_FRAG_NDISC])
		goto drop;
	reason = SKB_DROP_REASON_IPV6_NDISC_HOP_LIMIT;
	if (ip6_header(skb)->hop_limit != 255)
		goto drop;
	reason = SKB_DROP_REASON_IPV6_NDISC_BAD_CODE;
	if (skb->data[1])
		goto drop;
	reason = SKB_DROP_REASON_PKT_TOO_SMALL;
	if (skb->len < fixed || !pskb_may_pull(cpu, skb, skb->len))
		goto drop;
	reason = SKB_DROP_REASON_IPV6_NDISC_BAD_OPTIONS;
	if (ndisc_parse_opts(skb->data + fixed, skb->len - fixed, &r.opts))
		goto drop;
	r.m = (const struct nd_msg *)skb->data;
	if (type != ICMP6_RS && type != ICMP6_RA)
		r.target = inaddr_from_v6(r.m->target);
	switch (type) {
	case ICMP6_NS:
		rx_ns(&r);
		break;
	case ICMP6_NA:
		rx_na(&r);
		break;
	case ICMP6_RS:
		rx_rs(&r);
		break;
	case ICMP6_RA:
		ndisc_rx_ra(cpu, net, skb);
		return;
	case ICMP6_REDIRECT:
		if (v6_is_linklocal(&r.saddr))
			rx_redirect(&r);
		break;
	}
	trace_point(cpu, net, skb, TP_CONSUMED, type, 0, "ndisc");
	skb_consume(cpu, skb);
	return;
drop:
	skb_drop_net(cpu, net, skb, reason);
}
