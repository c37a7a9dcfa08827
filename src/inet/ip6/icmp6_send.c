/* ICMPv6 errors that we send (RFC 4443 section 2.4).
 *
 * Never about a packet to a group (but "packet too big" and an option that asks for it), from nobody or a group, or about an ICMPv6
 * error or redirect. The quote fills the least MTU. The source is the address the packet was for, else chosen for the way back.
 */
#include "inet/icmp_limit.h"
#include "inet/ip4/ip4.h"
#include "inet/ip6/ip6_priv.h"

/* data may be anywhere at or behind the network header. */
static bool is_error_itself(const struct sk_buff *skb)
{
	const u8 *nh = skb_network_header(skb);
	s64 at = nh + IP6_HDR_LEN - skb->data;
	u8 proto = ((const struct ip6_hdr *)nh)->nexthdr, tmp;
	const u8 *type;
	be16 frag = { 0 };
	int th;

	if (at < 0) { /* headers were pulled: look at the linear bytes before data as well */
		struct sk_buff copy = *skb;
		copy.data = (u8 *)nh;
		copy.len += (u32)(skb->data - nh);
		th = ip6_skip_exthdrs(&copy, IP6_HDR_LEN, &proto, &frag);
		type = th < 0 ? NULL : skb_header_pointer(&copy, (u32)th, 1, &tmp);
	} else {
		if (skb->len < (u32)at)
			return true;
		th = ip6_skip_exthdrs(skb, (u32)at, &proto, &frag);
		type = th < 0 ? NULL : skb_header_pointer(skb, (u32)th, 1, &tmp);
	}
	if (th < 0 || proto != IPPROTO_ICMPV6)
		return false;
	if (!type)
		return !frag.raw;
	return !icmp6_is_info(*type) || *type == ICMP6_REDIRECT;
}

static bool may_answer(const struct sk_buff *skb, u8 type, u8 code, const struct inaddr *s, const struct inaddr *d)
{
	if ((v6_is_multicast(d) || skb->pkt_type != PACKET_HOST) && type != ICMP6_PKT_TOOBIG &&
	    !(type == ICMP6_PARAM_PROBLEM && code == ICMP6_UNK_OPTION))
		return false;
	return !v6_is_any(s) && !v6_is_multicast(s) && !is_error_itself(skb);
}

bool icmp6_limit_allows(struct cpu *cpu, struct netns *net, const struct inaddr *daddr, u8 type, const struct dst *d)
{
	struct flow fl = { .family = AF_INET6, .daddr = *daddr };
	struct fib_result res = { .alias = NULL };
	u64 limit = net->ip6->icmp_ratelimit_ns;
	unsigned len = 128;

	if (!(net->ip6->icmp_ratemask[type >> 5] & BIT(type & 31)) || d->dev->flags & IFF_LOOPBACK)
		return true;
	/* Who is known by a shorter prefix may be many. */
	if (!fib_lookup(cpu, net, &fl, &res) && res.alias)
		len = res.alias->prefix_len;
	if (!icmp_peer_allows(cpu, net, daddr, limit >> ((128 - len) >> 5))) {
		mib6_inc(cpu, net, in6_dev_get(d->dev), MIB_Icmp6_OutRateLimitHost);
		return false;
	}
	if (!icmp_global_allows(cpu, net, (u64)net->ip4->icmp_msgs_burst, (u64)net->ip4->icmp_msgs_per_sec)) {
		mib_inc(cpu, net, MIB_Icmp_OutRateLimitGlobal);
		return false;
	}
	return true;
}

bool icmp6_redirect_allowed(struct cpu *cpu, struct netns *net, const struct inaddr *to)
{
	return icmp_peer_allows(cpu, net, to, NSEC_PER_SEC);
}

void icmp6_push(struct cpu *cpu, struct netns *net, struct sk_buff *skb, struct dst *d, const struct inaddr *saddr, const struct inaddr *daddr,
		s16 hops, u8 tclass, u32 mark, be32 flowlabel)
{
	struct icmp6_hdr *h = (struct icmp6_hdr *)skb->data;
	struct inet6_dev *idev = in6_dev_get(d->dev);
	struct ip_out o = { .saddr = *saddr, .daddr = *daddr, .proto = IPPROTO_ICMPV6, .tos = tclass, .ttl = hops, .mark = mark,
			    .flowlabel = flowlabel, .mc_noloop = hops == 255 /* neighbour discovery */, .auto_label = hops != 255 && net->ip6->auto_flowlabels };
	h->check = 0;
	h->check = csum_fold(skb_checksum(skb, 0, skb->len, csum_pseudo6(saddr->b, daddr->b, skb->len, IPPROTO_ICMPV6)));
	skb->ip_summed = CHECKSUM_NONE;
	skb->dev = d->dev;
	skb_dst_set(skb, d);
	mib6_inc(cpu, net, idev, MIB_Icmp6_OutMsgs);
	mib6_inc(cpu, net, idev, MIB_Icmp6Msg_OutType0 + h->type);
	ip6_xmit(cpu, net, skb, &o);
}

/* The group of a link's routers, or any other anycast address: errors do not go there. */
static bool is_anycast(struct cpu *cpu, struct netns *net, const struct flow *fl)
{
	struct fib_result res;
	if (fib_lookup(cpu, net, fl, &res))
		return false;
	return res.alias->type == RTN_ANYCAST ||
	       (res.alias->type == RTN_UNICAST && res.alias->prefix_len < 127 && !res.nh->has_gw && inaddr_eq(&res.alias->prefix, &fl->daddr));
}

void icmp6_send(struct cpu *cpu, struct sk_buff *skb, u8 type, u8 code, u32 info)
{
	struct netns *net = skb->dst ? skb->dst->net : skb->dev->net;
	struct inaddr s = ip6_src(skb), dd = ip6_dst(skb);
	struct flow fl = { .family = AF_INET6, .proto = IPPROTO_ICMPV6, .daddr = s, .mark = net->ip6->fwmark_reflect ? skb->mark : 0 };
	struct icmp6_hdr *h;
	struct sk_buff *e;
	struct net_device *in;
	struct dst *d;
	u32 before, len;
	bool unspoken;

	if (!net->ip6 || !may_answer(skb, type, code, &s, &dd))
		return;
	if (!v6_is_multicast(&dd) && (ip6_ifaddr_find(net, &dd, v6_is_linklocal(&dd) ? skb->dev : NULL, 0) ||
				      ip6_anycast_member(net, v6_is_linklocal(&dd) ? skb->dev : NULL, &dd)))
		fl.saddr = dd;
	if (v6_needs_scope(&s))
		fl.oif = IP6_CB(skb)->iif ? IP6_CB(skb)->iif : skb->dev ? skb->dev->ifindex : 0;
	else if (skb->dev && dev_vrf(skb->dev))
		fl.oif = dev_vrf(skb->dev)->ifindex;
	unspoken = v6_is_any(&fl.saddr);
	fl.skb = skb; /* of equal ways the one of the packet that it is about */
	if (ip6_route_out(cpu, net, &fl, &d)) {
		mib_inc(cpu, net, MIB_Ip6_OutNoRoutes);
		return;
	}
	if (!net->ip6->error_anycast_as_unicast && is_anycast(cpu, net, &fl)) {
		dst_put(d);
		return;
	}
	in = unspoken && v6_is_any(&d->prefsrc) ? dev_by_index(net, IP6_CB(skb)->iif) : NULL;
	if (in) /* the sender knows the address of the device that it reached */
		ip6_select_saddr(cpu, net, in, &s, 0, &fl.saddr);
	if (!icmp6_limit_allows(cpu, net, &s, type, d)) {
		dst_put(d);
		return;
	}
	before = (u32)(skb->data - skb_network_header(skb));
	len = MIN(before + skb->len, (u32)(IP6_MIN_MTU - IP6_HDR_LEN - ICMP6_HDR_LEN));
	e = skb_alloc(cpu, SKB_HEADROOM, ICMP6_HDR_LEN + len);
	if (!e) {
		mib6_inc(cpu, net, in6_dev_get(d->dev), MIB_Icmp6_OutErrors);
		dst_put(d);
		return;
	}
	h = (struct icmp6_hdr *)skb_put(e, ICMP6_HDR_LEN + len);
	*h = (struct icmp6_hdr){ .type = type, .code = code, .word = cpu_to_be32(info) };
	memcpy(h + 1, skb_network_header(skb), MIN(before, len));
	if (len > before)
		skb_copy_bits(skb, 0, (u8 *)(h + 1) + before, len - before);
	icmp6_push(cpu, net, e, d, &fl.saddr, &s, -1, 0, fl.mark, (be32){ 0 });
}
