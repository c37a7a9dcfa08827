/* ICMP messages that come in: questions are answered, errors go to whom they concern. RFC 792, 1122 section 3.2.2.
 *
 * From: ip4_local.c as the handler of protocol 1. To: ip4_xmit (replies, in the received packet's own buffer), l4_proto.err and
 * raw sockets (errors), ping sockets (echo replies), the exceptions of inet/route (path MTU, redirects).
 */
#include <arpa/inet.h>

#include "inet/icmp_probe.h"
#include "inet/ip4/ip4_priv.h"

static void bad(struct cpu *cpu, struct netns *net, struct sk_buff *skb, enum skb_drop_reason reason)
{
	mib_inc(cpu, net, MIB_Icmp_InErrors);
	skb_drop_net(cpu, net, skb, reason);
}

/* -- replies -- */

/* Our address for an answer: the one that was asked, or when all were asked the one that reaches the asker. */
static be32 answer_source(struct netns *net, const struct sk_buff *skb)
{
	const struct ip4_hdr *ip = ip4_header(skb);
	if (skb->dst->type == RTN_LOCAL)
		return ip->daddr;
	return ip4_select_saddr(net, skb->dev, ip->saddr, RT_SCOPE_UNIVERSE);
}

/* Sends the received packet (data at the ICMP header, whose type the caller has changed) back. Consumes. */
static void reply(struct cpu *cpu, struct netns *net, struct sk_buff *skb)
{
	struct ip4_hdr ip = *ip4_header(skb);
	u8 type = skb->data[0];
	struct ip4_opts echo = { .len = 0 };
	struct flow fl = { .family = AF_INET, .proto = IPPROTO_ICMP, .tos = (u8)(ip.tos & 0xfe), .mark = net->ip4->fwmark_reflect ? skb->mark : 0,
			   .saddr = inaddr_from_v4(answer_source(net, skb)), .daddr = inaddr_from_v4(ip.saddr), .flags = FLOW_ANYSRC };
	struct net_device *vrf = dev_vrf(skb->dev);
	struct dst *d;
	struct ip_out o;

	fl.oif = vrf ? vrf->ifindex : 0;
	if (ip4_hlen(&ip) > IP4_HDR_LEN && ip4_opts_answer(net, skb, &echo)) {
		skb_drop_net(cpu, net, skb, SKB_DROP_REASON_IP_OPTIONS);
		return;
	}
	if (echo.srr)
		fl.daddr = inaddr_from_v4(echo.faddr);
	if (ip4_route_out_v4(cpu, net, &fl, &d)) {
		skb_drop_net(cpu, net, skb, SKB_DROP_REASON_IP_OUTNOROUTES);
		return;
	}
	if (!icmp4_limit_allows(cpu, net, ip.saddr, type, 0, d)) {
		dst_put(d);
		skb_drop_net(cpu, net, skb, SKB_DROP_REASON_ICMP_RATE_LIMIT);
		return;
	}
	mib_inc(cpu, net, MIB_Icmp_OutMsgs);
	mib_inc(cpu, net, MIB_IcmpMsg_OutType0 + ICMP4_ECHOREPLY); /* whatever answer it is: Linux counts them so */
	skb_dst_drop(skb);
	skb_dst_set(skb, d);
	skb->ip_summed = CHECKSUM_NONE;
	skb->pkt_type = PACKET_HOST;
	skb->skb_iif = 0;
	skb->tstamp = 0;
	o = (struct ip_out){ .saddr = fl.saddr, .daddr = inaddr_from_v4(ip.saddr), .proto = IPPROTO_ICMP, .tos = ip.tos, .ttl = -1, .mark = fl.mark,
			     .pmtudisc = IP_PMTUDISC_DONT, .opts = echo.len ? &echo : NULL };
	ip4_xmit(cpu, net, skb, &o);
}

/* A linear part of our own with room for what will be pushed. NULL: gone. */
static struct sk_buff *own(struct cpu *cpu, struct netns *net, struct sk_buff *skb)
{
	if (skb_cow_head(cpu, skb, IP4_HDR_MAX + 64))
		return skb;
	skb_drop_net(cpu, net, skb, SKB_DROP_REASON_NOMEM);
	return NULL;
}

static void rx_echo(struct cpu *cpu, struct netns *net, struct sk_buff *skb)
{
	struct icmp4_hdr *h;
	u16 check;
	if (net->ip4->icmp_echo_ignore_all) {
		skb_drop_net(cpu, net, skb, SKB_DROP_REASON_ICMP_ERROR_IGNORED);
		return;
	}
	skb = own(cpu, net, skb);
	if (!skb)
		return;
	h = (struct icmp4_hdr *)skb->data;
	check = h->check;
	csum_replace2(&check, BE16(ICMP4_ECHO << 8).raw, BE16(ICMP4_ECHOREPLY << 8).raw);
	h->check = check ? check : 0xffff; /* the form of zero that is right for a message of zeros too */
	h->type = ICMP4_ECHOREPLY;
	reply(cpu, net, skb);
}

/* An extended echo: see icmp_probe.h. */
static void rx_probe(struct cpu *cpu, struct netns *net, struct sk_buff *skb)
{
	struct icmp4_hdr *h;
	if (net->ip4->icmp_echo_ignore_all || !net->ip4->icmp_echo_enable_probe) {
		skb_drop_net(cpu, net, skb, SKB_DROP_REASON_ICMP_ERROR_IGNORED);
		return;
	}
	skb = own(cpu, net, skb);
	if (!skb)
		return;
	if (!icmp_probe(net, skb, ICMP4_EXT_ECHOREPLY)) {
		skb_drop_net(cpu, net, skb, SKB_DROP_REASON_ICMP_ERROR_IGNORED);
		return;
	}
	h = (struct icmp4_hdr *)skb->data;
	h->check = 0;
	h->check = csum_fold(skb_checksum(skb, 0, skb->len, 0));
	reply(cpu, net, skb);
}

static void rx_timestamp(struct cpu *cpu, struct netns *net, struct sk_buff *skb)
{
	struct { struct icmp4_hdr h; be32 sent, received, answered; } __packed_alias *t;
	const struct world_ops *ops = net->world->ops;
	u64 ms = (ops && ops->realtime ? ops->realtime(net->world->host, cpu->now) : cpu->now) / NSEC_PER_MSEC % 86400000u;
	if (skb->len < offsetof(__typeof__(*t), received)) {
		bad(cpu, net, skb, SKB_DROP_REASON_PKT_TOO_SMALL);
		return;
	}
	skb = own(cpu, net, skb);
	if (!skb)
		return;
	if (skb->len < sizeof(*t) && skb_tailroom(skb) >= sizeof(*t) - skb->len)
		skb_put(skb, (u32)sizeof(*t) - skb->len); /* the times to come were left out */
	if (!pskb_may_pull(cpu, skb, sizeof(*t)) || !skb_trim(cpu, skb, sizeof(*t))) {
		skb_drop_net(cpu, net, skb, SKB_DROP_REASON_NOMEM);
		return;
	}
	t = (void *)skb->data;
	t->h.type = ICMP4_TIMESTAMPREPLY;
	t->h.code = 0;
	t->received = t->answered = cpu_to_be32((u32)ms);
	t->h.check = 0;
	t->h.check = csum_fold(csum_partial(t, sizeof(*t), 0));
	reply(cpu, net, skb);
}

/* -- errors -- */

static const struct { u8 err; bool hard; } unreach_errno[ICMP4_UNREACH_MAX + 1] = {
	[ICMP4_NET_UNREACH] = { ENETUNREACH, false },	 [ICMP4_HOST_UNREACH] = { EHOSTUNREACH, false },
	[ICMP4_PROT_UNREACH] = { ENOPROTOOPT, true },	 [ICMP4_PORT_UNREACH] = { ECONNREFUSED, true },
	[ICMP4_FRAG_NEEDED] = { EMSGSIZE, false },	 [ICMP4_SR_FAILED] = { EOPNOTSUPP, false },
	[ICMP4_NET_UNKNOWN] = { ENETUNREACH, true },	 [ICMP4_HOST_UNKNOWN] = { EHOSTDOWN, true },
	[ICMP4_HOST_ISOLATED] = { ENONET, true },	 [ICMP4_NET_ANO] = { ENETUNREACH, true },
	[ICMP4_HOST_ANO] = { EHOSTUNREACH, true },	 [ICMP4_NET_UNR_TOS] = { ENETUNREACH, false },
	[ICMP4_HOST_UNR_TOS] = { EHOSTUNREACH, false },	 [ICMP4_PKT_FILTERED] = { EHOSTUNREACH, true },
	[ICMP4_PREC_VIOLATION] = { EHOSTUNREACH, true }, [ICMP4_PREC_CUTOFF] = { EHOSTUNREACH, true },
};

static void classify(const struct icmp4_hdr *h, struct icmp_error *e)
{
	e->type = h->type;
	e->code = h->code;
	switch (h->type) {
	case ICMP4_UNREACH:
		e->err = unreach_errno[h->code].err;
		e->hard = unreach_errno[h->code].hard;
		break;
	case ICMP4_TIME_EXCEEDED:
		e->err = EHOSTUNREACH;
		break;
	case ICMP4_PARAM_PROBLEM:
		e->err = EPROTO;
		e->hard = true;
		break;
	}
}

bool ip4_is_own(struct netns *net, const struct inaddr *a)
{
	return inaddr_is_any(a) || ip4_ifaddr_find(net, inaddr_v4(a)) || fib_addr_type(net, NULL, a) == RTN_LOCAL;
}

void ip4_update_pmtu(struct cpu *cpu, struct netns *net, const struct flow *fl, struct dst *d, u32 mtu)
{
	u32 min = (u32)net->ip4->min_pmtu, old;
	u64 life = net->ip4->mtu_expires_ns;
	bool locked = false;
	struct flow f = *fl;
	struct fib_result res;
	struct dst *base;

	if ((!(fl->flags & FLOW_ANYSRC) && !ip4_is_own(net, &fl->saddr)) || fib_lookup(cpu, net, &f, &res) ||
	    (res.alias->type != RTN_UNICAST && !(res.alias->type == RTN_LOCAL && res.nh->dev == net->dev->loopback)))
		return;
	base = fib_nh_dst(cpu, res.nh);
	d = fib_exception_dst(cpu, net, &fl->daddr, &res, base);
	if (d->mtu_locked || dst_metric(base, RTAX_LOCK) & BIT(RTAX_MTU))
		return;
	old = dst_mtu(cpu, d);
	if (mtu > old)
		return;
	if (mtu < min) {
		locked = true;
		mtu = MIN(old, min);
	}
	if (d->mtu == mtu && !locked && cpu->now < d->expires - life / 2)
		return; /* known, and for long enough */
	fib_exception_set(cpu, net, &fl->daddr, &res, base, &(struct fib_learned){ .mtu = mtu, .mtu_locked = locked, .expires = cpu->now + life });
}

/* Somebody made it a gateway of some route. */
static bool is_gateway(struct netns *net, const struct net_device *dev, be32 gw)
{
	u64 cursor = 0;
	for (struct hnode *n = htable_walk(&net->fib->infos, &cursor, NULL); n; n = htable_walk(&net->fib->infos, &cursor, n)) {
		const struct fib_info *fi = container_of(n, struct fib_info, node);
		for (unsigned i = 0; i < fi->nhs; i++)
			if (fi->nh[i].dev == dev && fi->nh[i].has_gw && inaddr_is_v4(&fi->nh[i].gateway) &&
			    be32_eq(inaddr_v4(&fi->nh[i].gateway), gw) && !(fi->nh[i].flags & RTNH_F_DEAD))
				return true;
	}
	return false;
}

static bool on_link(const struct in_device *idev, be32 a, be32 b)
{
	const struct in_ifaddr *ifa;
	list_for_each(ifa, &idev->addrs, link)
		if (in_prefix(a, ifa->address, ifa->prefix_len) && in_prefix(b, ifa->address, ifa->prefix_len))
			return true;
	return false;
}

static void log_ignored(struct cpu *cpu, struct net_device *dev, const struct icmp_error *e)
{
	char from[INET_ADDRSTRLEN], about[INET_ADDRSTRLEN], of[INET_ADDRSTRLEN], gw[INET_ADDRSTRLEN];
	be32 a[] = { inaddr_v4(&e->offender), inaddr_v4(&e->daddr), inaddr_v4(&e->saddr), inaddr_v4(&e->gateway) };
	char *text[] = { from, about, of, gw };

	if (likely(!ip4_conf_get(dev, IP4_CONF_LOG_MARTIANS)))
		return;
	for (unsigned i = 0; i < ARRAY_SIZE(a); i++)
		inet_ntop(AF_INET, &a[i], text[i], INET_ADDRSTRLEN);
	world_log_limited(cpu, 6, "Redirect from %s on %s about %s ignored, advised path = %s -> %s", from, dev->name, gw, of, about);
}

/* A better gateway for one destination: believed from the gateway in use, when it is a neighbour that answers. RFC 1122 section 3.2.2.2. */
void ip4_redirect(struct cpu *cpu, struct netns *net, const struct icmp_error *e)
{
	struct net_device *dev = dev_by_index(net, e->iif);
	struct in_device *idev = dev ? in_dev_get(dev) : NULL;
	struct flow fl = { .family = AF_INET, .saddr = e->saddr, .daddr = e->daddr, .tos = e->tos };
	be32 gw = inaddr_v4(&e->gateway), from = inaddr_v4(&e->offender);
	struct fib_result res;
	struct dst *base, *d;
	struct neighbour *n;

	if (!idev || (e->code & 7) > ICMP4_REDIR_HOSTTOS || !ip4_is_own(net, &e->saddr) || fib_lookup(cpu, net, &fl, &res) || res.alias->type != RTN_UNICAST)
		return;
	base = fib_nh_dst(cpu, res.nh);
	d = fib_exception_dst(cpu, net, &fl.daddr, &res, base);
	if (!(d->flags & DST_GATEWAY) || !inaddr_is_v4(&d->gateway) || !be32_eq(inaddr_v4(&d->gateway), from))
		return;
	if (be32_eq(gw, from) || !ip4_conf_get(dev, IP4_CONF_ACCEPT_REDIRECTS) || v4_is_multicast(gw) || v4_is_broadcast(gw) || v4_is_zeronet(gw))
		goto ignored;
	if (!(idev->on & IN_DEV_SHARED_MEDIA)) {
		if (!on_link(idev, gw, from) || (ip4_conf_get(dev, IP4_CONF_SECURE_REDIRECTS) && !is_gateway(net, dev, gw)))
			goto ignored;
	} else if (fib_addr_type(net, NULL, &e->gateway) != RTN_UNICAST) {
		goto ignored;
	}
	n = neigh_get(cpu, &arp_table, &gw, d->dev);
	if (n && !(n->nud_state & (NUD_PERMANENT | NUD_NOARP | NUD_REACHABLE | NUD_PROBE | NUD_STALE | NUD_DELAY)))
		neigh_kick(cpu, n); /* perhaps next time */
	else if (n)
		fib_exception_set(cpu, net, &fl.daddr, &res, base, &(struct fib_learned){ .gw = &e->gateway, .expires = cpu->now + 300 * NSEC_PER_SEC });
	return;
ignored:
	log_ignored(cpu, dev, e);
}

static void deliver_error(struct cpu *cpu, struct netns *net, struct sk_buff *skb, const struct icmp_error *e)
{
	const struct ip4_hdr *q = (const struct ip4_hdr *)skb->data;
	const struct l4_proto *l4;
	u32 hlen = ip4_hlen(q);
	u8 proto = q->protocol;
	u16 th = skb->transport_header, nh = skb->network_header;

	if (net->inet->raw) {
		skb_reset_network_header(skb);
		net->inet->raw->err(cpu, net, skb, e, proto);
		skb->network_header = nh;
	}
	l4 = net->inet->l4[0][proto];
	if (!l4 || !l4->err)
		return;
	skb_pull(skb, hlen);
	skb_reset_transport_header(skb);
	l4->err(cpu, net, skb, e);
	skb_push(skb, hlen);
	skb->transport_header = th;
}

static void rx_error(struct cpu *cpu, struct netns *net, struct sk_buff *skb)
{
	struct icmp4_hdr h = *(struct icmp4_hdr *)skb->data;
	struct icmp_error e = { .family = AF_INET, .origin = SO_EE_ORIGIN_ICMP, .offender = inaddr_from_v4(ip4_header(skb)->saddr),
				.iif = skb->dev->ifindex, .sdif = skb->sdif };
	const struct ip4_hdr *q;

	if (unlikely(skb->sdif) && fib_addr_type(net, skb->dev, &e.offender) == RTN_LOCAL) /* inside a VRF: its members' sockets do not hear that */
		e.sdif = e.iif;
	if (h.type == ICMP4_UNREACH && h.code > ICMP4_UNREACH_MAX) {
		skb_drop_net(cpu, net, skb, SKB_DROP_REASON_ICMP_UNKNOWN_TYPE);
		return;
	}
	e.outer_len = (u8)ip4_hlen(ip4_header(skb));
	memcpy(e.outer, ip4_header(skb), e.outer_len);
	skb_pull(skb, ICMP4_HDR_LEN);
	if (!pskb_may_pull(cpu, skb, IP4_HDR_LEN) || ip4_hlen((struct ip4_hdr *)skb->data) < IP4_HDR_LEN ||
	    !pskb_may_pull(cpu, skb, ip4_hlen((struct ip4_hdr *)skb->data) + 8)) {
		bad(cpu, net, skb, SKB_DROP_REASON_PKT_TOO_SMALL);
		return;
	}
	q = (const struct ip4_hdr *)skb->data;
	if (q->protocol == IPPROTO_RAW) { /* which no packet has */
		bad(cpu, net, skb, SKB_DROP_REASON_UNHANDLED_PROTO);
		return;
	}
	e.quoted_len = skb->len;
	if (h.type != ICMP4_REDIRECT) /* whose second word is all gateway */
		e.ext_off = ((const u8 *)&h)[5] * 4u; /* RFC 4884: in words; the same byte in the three messages that have it */
	e.saddr = inaddr_from_v4(q->saddr);
	e.daddr = inaddr_from_v4(q->daddr);
	classify(&h, &e);
	if (h.type == ICMP4_UNREACH && h.code == ICMP4_FRAG_NEEDED) {
		bool checked = q->protocol == IPPROTO_TCP || q->protocol == IPPROTO_SCTP || q->protocol == IPPROTO_DCCP;
		/* ip_no_pmtu_disc: 1 believes no size, 2 hears nothing, 3 hears only where the transport checks that it sent this. */
		if (net->ip4->no_pmtu_disc == 2 || (net->ip4->no_pmtu_disc == 3 && !checked))
			goto ignored;
		e.info = net->ip4->no_pmtu_disc == 1 ? 0 : be16_to_cpu(h.frag.mtu);
		e.kind = ICMP_ERR_TOO_BIG;
	} else if (h.type == ICMP4_PARAM_PROBLEM) {
		e.info = h.param.pointer;
	} else if (h.type == ICMP4_TIME_EXCEEDED && h.code == ICMP4_EXC_FRAGTIME) {
		goto ignored;
	} else if (h.type == ICMP4_REDIRECT) {
		e.info = be32_to_cpu(h.gateway);
		e.gateway = inaddr_from_v4(h.gateway);
		e.tos = q->tos;
		e.kind = ICMP_ERR_REDIRECT;
	}
	if (!net->ip4->icmp_ignore_bogus && fib_addr_type(net, skb->dev, &e.daddr) == RTN_BROADCAST)
		world_log_limited(cpu, 4, "%s: ICMP error about a broadcast", skb->dev->name);
	deliver_error(cpu, net, skb, &e);
	trace_point(cpu, net, skb, TP_CONSUMED, h.type, h.code, "icmp error");
	skb_consume(cpu, skb);
	return;
ignored:
	skb_drop_net(cpu, net, skb, SKB_DROP_REASON_ICMP_ERROR_IGNORED);
}

/* -- all of them -- */

static void icmp4_rx(struct cpu *cpu, struct netns *net, struct sk_buff *skb)
{
	u8 type;
	mib_inc(cpu, net, MIB_Icmp_InMsgs);
	if (skb->ip_summed != CHECKSUM_UNNECESSARY && skb->ip_summed != CHECKSUM_PARTIAL &&
	    csum_fold(skb_checksum(skb, 0, skb->len, 0))) {
		mib_inc(cpu, net, MIB_Icmp_InCsumErrors);
		bad(cpu, net, skb, SKB_DROP_REASON_ICMP_CSUM);
		return;
	}
	if (!pskb_may_pull(cpu, skb, ICMP4_HDR_LEN)) {
		bad(cpu, net, skb, SKB_DROP_REASON_PKT_TOO_SMALL);
		return;
	}
	type = skb->data[0];
	mib_inc(cpu, net, MIB_IcmpMsg_InType0 + type);
	if (type == ICMP4_EXT_ECHO) {
		rx_probe(cpu, net, skb);
		return;
	}
	if (type == ICMP4_EXT_ECHOREPLY && net->inet->raw && skb->dst->type == RTN_LOCAL) {
		net->inet->raw->ping_rx(cpu, net, skb);
		return;
	}
	if (type > ICMP4_TYPE_MAX) {
		bad(cpu, net, skb, SKB_DROP_REASON_UNHANDLED_PROTO);
		return;
	}
	if (skb->dst->type == RTN_BROADCAST || skb->dst->type == RTN_MULTICAST) {
		bool question = type == ICMP4_ECHO || type == ICMP4_TIMESTAMP;
		if ((question && net->ip4->icmp_echo_ignore_broadcasts) ||
		    (!question && type != ICMP4_ADDRESS && type != ICMP4_ADDRESSREPLY)) {
			bad(cpu, net, skb, SKB_DROP_REASON_INVALID_PROTO);
			return;
		}
	}
	switch (type) {
	case ICMP4_ECHO:
		rx_echo(cpu, net, skb);
		return;
	case ICMP4_TIMESTAMP:
		rx_timestamp(cpu, net, skb);
		return;
	case ICMP4_ECHOREPLY:
		if (net->inet->raw) {
			net->inet->raw->ping_rx(cpu, net, skb);
			return;
		}
		break;
	default:
		if (icmp4_is_error(type)) {
			rx_error(cpu, net, skb);
			return;
		}
	}
	trace_point(cpu, net, skb, TP_CONSUMED, type, 0, "icmp");
	skb_consume(cpu, skb);
}

/* An error about an ICMP message of ours: what a ping socket sent, or an echo reply of the stack's own. */
static void icmp4_err(struct cpu *cpu, struct netns *net, struct sk_buff *skb, const struct icmp_error *e)
{
	if (skb->data[0] != ICMP4_ECHOREPLY) {
		if (net->inet->raw)
			net->inet->raw->ping_err(cpu, net, skb, e);
	} else if (e->kind == ICMP_ERR_TOO_BIG) {
		struct flow fl = { .family = AF_INET, .proto = IPPROTO_ICMP, .saddr = e->saddr, .daddr = e->daddr };
		ip4_update_pmtu(cpu, net, &fl, NULL, e->info);
	} else if (e->kind == ICMP_ERR_REDIRECT) {
		ip4_redirect(cpu, net, e);
	}
}

const struct l4_proto icmp4_proto = { .name = "icmp", .proto = IPPROTO_ICMP, .families = 1, .no_policy = true, .rx = icmp4_rx,
				      .err = icmp4_err };
