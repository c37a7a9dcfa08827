/* ICMPv6 messages that come in (RFC 4443): echo requests are answered, errors go to whom they concern, neighbour discovery to ndisc.c.
 *
 * From: ip6_local.c as the handler of protocol 58. To: ip6_xmit (replies, in the received packet's own buffer), l4_proto.err and raw
 * sockets (errors), ping sockets (echo replies), the exceptions of inet/route (path MTU).
 */
#include "inet/icmp_probe.h"
#include "inet/ip4/ip4.h"
#include "inet/ip6/ip6_priv.h"

static void bad(struct cpu *cpu, struct netns *net, struct sk_buff *skb, enum skb_drop_reason reason)
{
	mib6_inc(cpu, net, in6_dev_get(skb->dev), MIB_Icmp6_InErrors);
	skb_drop_net(cpu, net, skb, reason);
}

static void rx_echo(struct cpu *cpu, struct netns *net, struct sk_buff *skb)
{
	const struct ip6_hdr *ip = ip6_header(skb);
	struct inaddr to = ip6_src(skb), asked = ip6_dst(skb);
	bool group = v6_is_multicast(&asked), anycast = !group && ip6_anycast_member(net, v6_is_linklocal(&asked) ? skb->dev : NULL, &asked);
	struct flow fl = { .family = AF_INET6, .proto = IPPROTO_ICMPV6, .daddr = to, .mark = net->ip6->fwmark_reflect ? skb->mark : 0 };
	be32 label = { 0 };
	struct dst *d;
	u8 tclass = ip6_tclass(ip);

	if (net->ip6->echo_ignore_all || (group && net->ip6->echo_ignore_multicast) || (anycast && net->ip6->echo_ignore_anycast)) {
		skb_drop_net(cpu, net, skb, SKB_DROP_REASON_ICMP_ERROR_IGNORED);
		return;
	}
	if (!group && (!anycast || net->ip6->anycast_src_echo_reply))
		fl.saddr = asked;
	fl.oif = IP6_CB(skb)->iif;
	if (net->ip6->flowlabel_reflect & 4)
		label = ip6_flowlabel(ip);
	if (!skb_cow_head(cpu, skb, IP6_HDR_LEN + 64)) {
		skb_drop_net(cpu, net, skb, SKB_DROP_REASON_NOMEM);
		return;
	}
	if (v6_is_any(&to) || ip6_route_out(cpu, net, &fl, &d)) {
		mib_inc(cpu, net, MIB_Ip6_OutNoRoutes);
		skb_drop_net(cpu, net, skb, SKB_DROP_REASON_IP_OUTNOROUTES);
		return;
	}
	if (!icmp6_limit_allows(cpu, net, &to, ICMP6_ECHOREPLY, d)) {
		dst_put(d);
		skb_drop_net(cpu, net, skb, SKB_DROP_REASON_ICMP_RATE_LIMIT);
		return;
	}
	if (skb->data[0] == ICMP6_ECHO)
		skb->data[0] = ICMP6_ECHOREPLY;
	else if (!icmp_probe(net, skb, ICMP6_EXT_ECHOREPLY)) {
		dst_put(d);
		skb_drop_net(cpu, net, skb, SKB_DROP_REASON_ICMP_ERROR_IGNORED);
		return;
	}
	skb_dst_drop(skb);
	skb->pkt_type = PACKET_HOST;
	skb->skb_iif = 0;
	skb->tstamp = 0;
	skb->ignore_df = skb->len + IP6_HDR_LEN > dst_mtu(cpu, d);
	icmp6_push(cpu, net, skb, d, &fl.saddr, &to, v6_is_multicast(&to) ? 1 : -1, tclass, fl.mark, label);
}

/* -- errors -- */

int icmp6_errno(u8 type, u8 code, bool *hard)
{
	static const struct { u8 err; bool hard; } unreach[] = {
		[ICMP6_NOROUTE] = { ENETUNREACH, false },	[ICMP6_ADM_PROHIBITED] = { EACCES, true },
		[ICMP6_NOT_NEIGHBOUR] = { EHOSTUNREACH, false }, [ICMP6_ADDR_UNREACH] = { EHOSTUNREACH, false },
		[ICMP6_PORT_UNREACH] = { ECONNREFUSED, true },	[ICMP6_POLICY_FAIL] = { EACCES, true },
		[ICMP6_REJECT_ROUTE] = { EACCES, true },
	};
	*hard = false;
	switch (type) {
	case ICMP6_UNREACH:
		*hard = true;
		if (code >= ARRAY_SIZE(unreach))
			return EPROTO;
		*hard = unreach[code].hard;
		return unreach[code].err;
	case ICMP6_PKT_TOOBIG:
		return EMSGSIZE;
	case ICMP6_PARAM_PROBLEM:
		*hard = true;
		return EPROTO;
	case ICMP6_TIME_EXCEEDED:
		return EHOSTUNREACH;
	}
	return EPROTO;
}

/* skb: data at the quoted packet. False: too short to tell. */
bool icmp6_notify(struct cpu *cpu, struct netns *net, struct sk_buff *skb, struct icmp_error *e)
{
	u16 nh_was = skb->network_header, th_was = skb->transport_header;
	const struct ip6_hdr *q;
	const struct l4_proto *l4;
	be16 frag;
	u8 proto;
	int th;

	if (!pskb_may_pull(cpu, skb, IP6_HDR_LEN))
		return false;
	q = (const struct ip6_hdr *)skb->data;
	proto = q->nexthdr;
	th = ip6_is_ext(proto) ? ip6_skip_exthdrs(skb, IP6_HDR_LEN, &proto, &frag) : IP6_HDR_LEN;
	if (th < 0 || !pskb_may_pull(cpu, skb, (u32)th + 8))
		return false;
	q = (const struct ip6_hdr *)skb->data;
	e->quoted_len = skb->len;
	e->saddr = inaddr_from_v6(q->saddr);
	e->daddr = inaddr_from_v6(q->daddr);
	if (net->inet->raw) { /* with the quoted packet's headers */
		skb_reset_network_header(skb);
		skb->transport_header = (u16)(skb->network_header + th);
		net->inet->raw->err(cpu, net, skb, e, proto);
		skb->network_header = nh_was;
	}
	l4 = net->inet->l4[1][proto];
	if (l4 && l4->err) {
		skb_pull(skb, (u32)th);
		skb_reset_transport_header(skb);
		l4->err(cpu, net, skb, e);
	}
	skb->transport_header = th_was;
	return true;
}

static void rx_error(struct cpu *cpu, struct netns *net, struct sk_buff *skb)
{
	struct icmp6_hdr h = *(struct icmp6_hdr *)skb->data;
	struct icmp_error e = { .family = AF_INET6, .origin = SO_EE_ORIGIN_ICMP6, .offender = ip6_src(skb), .type = h.type, .code = h.code,
				.info = be32_to_cpu(h.word), .iif = IP6_CB(skb)->iif, .sdif = skb->sdif ? skb->skb_iif : 0 };

	e.outer_len = IP6_HDR_LEN;
	memcpy(e.outer, skb_network_header(skb), IP6_HDR_LEN);
	skb_pull(skb, ICMP6_HDR_LEN);
	if (h.type == ICMP6_UNREACH || h.type == ICMP6_TIME_EXCEEDED)
		e.ext_off = ((const u8 *)&h)[4] * 8u; /* RFC 4884: in units of 8 bytes */
	e.err = icmp6_errno(h.type, h.code, &e.hard);
	if (h.type == ICMP6_PKT_TOOBIG)
		e.kind = ICMP_ERR_TOO_BIG;
	if (!icmp6_notify(cpu, net, skb, &e)) {
		bad(cpu, net, skb, SKB_DROP_REASON_PKT_TOO_SMALL);
		return;
	}
	trace_point(cpu, net, skb, TP_CONSUMED, h.type, h.code, "icmp error");
	skb_consume(cpu, skb);
}

/* -- all of them -- */

static void icmp6_rx(struct cpu *cpu, struct netns *net, struct sk_buff *skb)
{
	struct inet6_dev *idev = in6_dev_get(skb->dev);
	struct inaddr s = ip6_src(skb), d = ip6_dst(skb);
	u8 type;

	mib6_inc(cpu, net, idev, MIB_Icmp6_InMsgs);
	if (skb->ip_summed != CHECKSUM_UNNECESSARY && skb->ip_summed != CHECKSUM_PARTIAL &&
	    csum_fold(skb_checksum(skb, 0, skb->len, csum_pseudo6(s.b, d.b, skb->len, IPPROTO_ICMPV6)))) {
		mib6_inc(cpu, net, idev, MIB_Icmp6_InCsumErrors);
		bad(cpu, net, skb, SKB_DROP_REASON_ICMP_CSUM);
		return;
	}
	if (!pskb_may_pull(cpu, skb, ICMP6_HDR_LEN)) {
		bad(cpu, net, skb, SKB_DROP_REASON_PKT_TOO_SMALL);
		return;
	}
	type = skb->data[0];
	mib6_inc(cpu, net, idev, MIB_Icmp6Msg_InType0 + type);
	switch (type) {
	case ICMP6_ECHO:
		rx_echo(cpu, net, skb);
		return;
	case ICMP6_EXT_ECHO:
		if (!net->ip4->icmp_echo_enable_probe)
			break;
		rx_echo(cpu, net, skb);
		return;
	case ICMP6_EXT_ECHOREPLY:
	case ICMP6_ECHOREPLY:
		if (!net->inet->raw)
			break;
		net->inet->raw->ping_rx(cpu, net, skb);
		return;
	case ICMP6_MLD_QUERY:
	case ICMP6_MLD_REPORT:
	case ICMP6_MLD_DONE:
	case ICMP6_MLD2_REPORT:
		mld_rx(cpu, net, skb, type);
		return;
	case ICMP6_RS:
	case ICMP6_RA:
	case ICMP6_NS:
	case ICMP6_NA:
	case ICMP6_REDIRECT:
		ndisc_rx(cpu, net, skb);
		return;
	default: /* errors, those that nobody knows too */
		if (!icmp6_is_info(type)) {
			rx_error(cpu, net, skb);
			return;
		}
	}
	trace_point(cpu, net, skb, TP_CONSUMED, type, 0, "icmp");
	skb_consume(cpu, skb);
}

/* An error about an ICMPv6 message of ours: an echo request that a ping or raw socket sent. */
static void icmp6_err(struct cpu *cpu, struct netns *net, struct sk_buff *skb, const struct icmp_error *e)
{
	if (skb->data[0] == ICMP6_ECHO && net->inet->raw && e->kind != ICMP_ERR_REDIRECT)
		net->inet->raw->ping_err(cpu, net, skb, e);
	if (e->kind == ICMP_ERR_TOO_BIG) {
		struct flow fl = { .family = AF_INET6, .proto = IPPROTO_ICMPV6, .saddr = e->saddr, .daddr = e->daddr, .oif = e->iif };
		ip6_update_pmtu(cpu, net, &fl, NULL, e->info);
	} else if (e->kind == ICMP_ERR_REDIRECT) {
		ip6_redirect(cpu, net, e);
	}
}

const struct l4_proto icmp6_proto = { .name = "icmpv6", .proto = IPPROTO_ICMPV6, .families = 2, .no_policy = true, .rx = icmp6_rx,
				      .err = icmp6_err };
