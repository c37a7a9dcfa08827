/* ICMP messages that come in: questions are answered, errors go to whom they concern. RFC 792, 1122 section 3.2.2.
 *
 * From: ip4_local.c as the handler of protocol 1. To: ip4_xmit (replies, in the received packet's own buffer), l4_proto.err and
 * raw sockets (errors), ping sockets (echo replies), the exceptions of inet/route (path MTU, redirects).
 */
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
	struct flow fl = { .family = AF_INET, .proto = IPPROTO_ICMP, .tos = (u8)(ip.tos & 0xfe), .mark = 0,
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
	o = (struct ip_out){ .saddr = fl.saddr, .daddr = inaddr_from_v4(ip.saddr), .proto = IPPROTO_ICMP, .tos = ip.tos, .ttl = -1,
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

void ip4_update_pmtu(struct cpu *cpu, struct netns *net, const struct flow *fl, struct dst *d, u32 mtu)
{
	u32 min = (u32)net->ip4->min_pmtu, old;
	bool locked = false;
	struct flow f = *fl;
	struct fib_result res;
	struct dst *base;

	if (fib_lookup(cpu, net, &f, &res) || (res.alias->type != RTN_UNICAST && res.alias->type != RTN_LOCAL))
		return;
	base = fib_nh_dst(cpu, res.nh);
	d = fib_exception_dst(cpu, net, &fl->daddr, base);
	if (dst_metric(base, RTAX_LOCK) & BIT(RTAX_MTU))
		return;
	old = dst_mtu(cpu, d);
	if (mtu >= old)
		return;
	if (mtu < min) {
		locked = true;
		mtu = MIN(old, min);
	}
	fib_exception_set(cpu, net, &fl->daddr, base, mtu, locked, NULL, cpu->now + net->ip4->mtu_expires_ns);
}

static bool is_default_gateway(struct cpu *cpu, struct netns *net, const struct net_device *dev, be32 gw)
{
	struct flow fl = { .family = AF_INET, .daddr = inaddr_from_v4((be32){ 0 }) };
	struct fib_result res;
	if (fib_lookup(cpu, net, &fl, &res))
		return false;
	for (const struct fib_alias *a = res.alias; a; a = a->next)
		for (unsigned i = 0; i < a->fi->nhs; i++)
			if (a->fi->nh[i].dev == dev && a->fi->nh[i].has_gw && be32_eq(inaddr_v4(&a->fi->nh[i].gateway), gw))
				return true;
	return false;
}

/* A better gateway for one destination: believed when it is on the link where the packet came from, is a neighbour's address, and
 * comes from the gateway in use. RFC 1122 section 3.2.2.2. */
void ip4_rx_redirect(struct cpu *cpu, struct netns *net, struct sk_buff *skb, const struct ip4_hdr *quoted, be32 gw)
{
	struct net_device *dev = skb->dev;
	struct in_device *idev = in_dev_get(dev);
	struct flow fl = { .family = AF_INET, .saddr = inaddr_from_v4(quoted->saddr), .daddr = inaddr_from_v4(quoted->daddr),
			   .tos = quoted->tos };
	struct inaddr via = inaddr_from_v4(gw);
	struct fib_result res;
	struct dst *base, *d;
	struct neighbour *n;
	bool onlink = false;
	struct in_ifaddr *a;

	if (!idev || be32_eq(gw, ip4_header(skb)->saddr) || !ip4_conf_get(dev, IP4_CONF_ACCEPT_REDIRECTS) || v4_is_multicast(gw) ||
	    v4_is_broadcast(gw) || v4_is_zeronet(gw) || v4_is_loopback(gw))
		return;
	if (!(idev->on & IN_DEV_SHARED_MEDIA)) {
		list_for_each(a, &idev->addrs, link)
			onlink |= in_prefix(gw, a->address, a->prefix_len);
		if (!onlink || (ip4_conf_get(dev, IP4_CONF_SECURE_REDIRECTS) && !is_default_gateway(cpu, net, dev, gw)))
			return;
	} else if (fib_addr_type(net, NULL, &via) != RTN_UNICAST) {
		return;
	}
	if (fib_lookup(cpu, net, &fl, &res) || res.alias->type != RTN_UNICAST)
		return;
	base = fib_nh_dst(cpu, res.nh);
	d = fib_exception_dst(cpu, net, &fl.daddr, base);
	if (!(d->flags & DST_GATEWAY) || d->dev != dev || !be32_eq(inaddr_v4(&d->gateway), ip4_header(skb)->saddr))
		return;
	n = neigh_get(cpu, &arp_table, &gw, dev);
	if (n)
		fib_exception_set(cpu, net, &fl.daddr, base, 0, false, &via, cpu->now + 300 * NSEC_PER_SEC);
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
				.iif = skb->dev->ifindex };
	const struct ip4_hdr *q;

	if (h.type == ICMP4_UNREACH && h.code > ICMP4_UNREACH_MAX) {
		skb_drop_net(cpu, net, skb, SKB_DROP_REASON_ICMP_UNKNOWN_TYPE);
		return;
	}
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
		e.kind = ICMP_ERR_REDIRECT;
		if (h.code <= ICMP4_REDIR_HOSTTOS)
			ip4_rx_redirect(cpu, net, skb, q, h.gateway);
	}
	if (!net->ip4->icmp_ignore_bogus && fib_addr_type(net, skb->dev, &e.daddr) == RTN_BROADCAST)
		world_log(net->world, 4, "%s: ICMP error about a broadcast", skb->dev->name);
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

/* An error about an ICMP message of ours: an echo request that a ping or raw socket sent. */
static void icmp4_err(struct cpu *cpu, struct netns *net, struct sk_buff *skb, const struct icmp_error *e)
{
	if (skb->data[0] == ICMP4_ECHO && net->inet->raw)
		net->inet->raw->ping_err(cpu, net, skb, e);
	if (e->type == ICMP4_UNREACH && e->code == ICMP4_FRAG_NEEDED) {
		struct flow fl = { .family = AF_INET, .proto = IPPROTO_ICMP, .saddr = e->saddr, .daddr = e->daddr };
		ip4_update_pmtu(cpu, net, &fl, NULL, e->info);
	}
}

const struct l4_proto icmp4_proto = { .name = "icmp", .proto = IPPROTO_ICMP, .families = 1, .no_policy = true, .rx = icmp4_rx,
				      .err = icmp4_err };
