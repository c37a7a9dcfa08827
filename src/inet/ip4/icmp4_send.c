/* ICMP errors that we send, and redirects. RFC 792, 1122 section 3.2.2, 1812 section 4.3.
 *
 * Never about a packet that was not for one host, about a later fragment, or about an ICMP error. The quote goes up to 576 bytes
 * of the whole message. The source is the address that the packet was for, else that of the way back (or of the device it came
 * in by, with icmp_errors_use_inbound_ifaddr).
 */
#include "inet/icmp_limit.h"
#include "inet/ip4/ip4_priv.h"

enum { ERROR_MAX = 576 };

static bool may_answer(const struct sk_buff *skb, const struct ip4_hdr *ip)
{
	u8 tmp;
	const u8 *type;
	if (skb->pkt_type != PACKET_HOST || (skb->dst && (skb->dst->type == RTN_BROADCAST || skb->dst->type == RTN_MULTICAST)) ||
	    ip4_frag_off(ip) || v4_is_multicast(ip->daddr) || v4_is_broadcast(ip->daddr))
		return false;
	if (ip->protocol != IPPROTO_ICMP)
		return true;
	type = skb_header_pointer(skb, (u32)(skb_network_header(skb) + ip4_hlen(ip) - skb->data), 1, &tmp);
	return type && *type <= ICMP4_TYPE_MAX && !icmp4_is_error(*type);
}

static be32 error_source(struct netns *net, const struct sk_buff *skb, const struct ip4_hdr *ip)
{
	struct net_device *in;
	if (skb->dst && skb->dst->type == RTN_LOCAL && skb->skb_iif)
		return ip->daddr;
	if (!net->ip4->icmp_errors_use_inbound_ifaddr || !skb->skb_iif)
		return (be32){ 0 };
	in = dev_by_index(net, skb->skb_iif);
	return in ? ip4_select_saddr(net, in, ip->saddr, RT_SCOPE_LINK) : (be32){ 0 };
}

/* Copies the quote: from the network header on, which may lie before or at skb->data. */
static void quote(const struct sk_buff *skb, u8 *to, u32 len)
{
	u32 before = (u32)(skb->data - skb_network_header(skb));
	u32 n = MIN(before, len);
	memcpy(to, skb_network_header(skb), n);
	if (len > n)
		skb_copy_bits(skb, 0, to + n, len - n);
}

/* "Fragmentation needed" is never limited, nor is anything to ourselves. */
bool icmp4_limit_allows(struct cpu *cpu, struct netns *net, be32 daddr, u8 type, u8 code, const struct dst *d)
{
	struct inaddr to = inaddr_from_v4(daddr);
	if (type > ICMP4_TYPE_MAX || (type == ICMP4_UNREACH && code == ICMP4_FRAG_NEEDED) ||
	    !(BIT(type) & (u32)net->ip4->icmp_ratemask) || d->dev->flags & IFF_LOOPBACK)
		return true;
	if (!icmp_peer_allows(cpu, net, &to, net->ip4->icmp_ratelimit_ns)) {
		mib_inc(cpu, net, MIB_Icmp_OutRateLimitHost);
		return false;
	}
	if (!icmp_global_allows(cpu, net, (u64)net->ip4->icmp_msgs_burst, (u64)net->ip4->icmp_msgs_per_sec)) {
		mib_inc(cpu, net, MIB_Icmp_OutRateLimitGlobal);
		return false;
	}
	return true;
}

void icmp4_send(struct cpu *cpu, struct sk_buff *skb, u8 type, u8 code, be32 info)
{
	struct netns *net = skb->dst ? skb->dst->net : skb->dev->net;
	const struct ip4_hdr *ip = ip4_header(skb);
	struct flow fl;
	struct dst *d;
	struct sk_buff *e;
	struct icmp4_hdr *h;
	struct ip4_opts echo = { .len = 0 };
	struct ip_out o;
	u32 room, len, optlen = ip4_hlen(ip) - IP4_HDR_LEN;

	if (!may_answer(skb, ip))
		return;
	if (optlen && ip4_opts_answer(net, skb, &echo))
		return;
	fl = (struct flow){ .family = AF_INET, .proto = IPPROTO_ICMP, .tos = (u8)((ip->tos & 0x1e) | 0xc0), /* the precedence of internetwork control */
			    .saddr = inaddr_from_v4(error_source(net, skb, ip)), .daddr = inaddr_from_v4(echo.srr ? echo.faddr : ip->saddr), .flags = FLOW_ANYSRC,
			    .mark = net->ip4->fwmark_reflect ? skb->mark : 0, .skb = skb }; /* of equal ways the one of the packet that it is about */
	if (skb->dev && dev_vrf(skb->dev))
		fl.oif = dev_vrf(skb->dev)->ifindex;
	if (ip4_route_out_v4(cpu, net, &fl, &d))
		return;
	if (!icmp4_limit_allows(cpu, net, ip->saddr, type, code, d))
		goto out;
	room = MIN(dst_mtu(cpu, d), (u32)ERROR_MAX) - IP4_HDR_LEN - ALIGN_UP((u32)echo.len, 4u) - ICMP4_HDR_LEN;
	if (room <= IP4_HDR_LEN)
		goto out;
	len = MIN(room, (u32)(skb->data - skb_network_header(skb)) + skb->len);
	e = skb_alloc(cpu, SKB_HEADROOM, ICMP4_HDR_LEN + len);
	if (!e) {
		mib_inc(cpu, net, MIB_Icmp_OutErrors);
		goto out;
	}
	h = (struct icmp4_hdr *)skb_put(e, ICMP4_HDR_LEN + len);
	*h = (struct icmp4_hdr){ .type = type, .code = code, .word = info };
	quote(skb, (u8 *)(h + 1), len);
	h->check = csum_fold(csum_partial(h, ICMP4_HDR_LEN + len, 0));
	e->dev = d->dev;
	skb_dst_set(e, d);
	mib_inc(cpu, net, MIB_Icmp_OutMsgs);
	mib_inc(cpu, net, MIB_IcmpMsg_OutType0 + type);
	o = (struct ip_out){ .saddr = fl.saddr, .daddr = inaddr_from_v4(ip->saddr), .proto = IPPROTO_ICMP, .tos = fl.tos, .ttl = -1, .mark = fl.mark,
			     .pmtudisc = IP_PMTUDISC_DONT, .opts = echo.len ? &echo : NULL };
	ip4_xmit(cpu, net, e, &o);
	return;
out:
	dst_put(d);
}

/* The sender would do better to ask the next hop itself; the packet is forwarded all the same. A limit of its own, beside
 * icmp_ratemask's: nine in a row, each wait twice as long as the last, and after 20 seconds of silence from the start again. */
void ip4_send_redirect(struct cpu *cpu, struct sk_buff *skb, const struct dst *d)
{
	be32 gw = d->flags & DST_GATEWAY ? inaddr_v4(&d->gateway) : ip4_header(skb)->daddr;
	struct inaddr to = inaddr_from_v4(ip4_header(skb)->saddr);
	if (icmp_redirect_allowed(cpu, skb->dev->net, &to))
		icmp4_send(cpu, skb, ICMP4_REDIRECT, ICMP4_REDIR_HOST, gw);
}
