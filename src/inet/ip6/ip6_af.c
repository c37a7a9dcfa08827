/* IPv6 as the transports see it: the const struct inet_af. */
#include "codec/wire/icmp4.h"
#include "inet/ip6/ip6_priv.h"

static bool dst_valid(struct cpu *cpu, const struct dst *d)
{
	return d->genid == fib_genid(d->net) && (!d->expires || cpu->now < d->expires);
}

static u32 pseudo_csum(const struct inaddr *saddr, const struct inaddr *daddr, u32 len, u8 proto)
{
	return csum_pseudo6(saddr->b, daddr->b, len, proto);
}

static void addrs(const struct sk_buff *skb, struct inaddr *saddr, struct inaddr *daddr)
{
	*saddr = ip6_src(skb);
	*daddr = ip6_dst(skb);
}

static u8 addr_type(struct netns *net, struct net_device *dev, const struct inaddr *a)
{
	if (v6_is_multicast(a))
		return RTN_MULTICAST;
	if (ip6_ifaddr_find_for(net, a, dev, IFA_F_TENTATIVE))
		return RTN_LOCAL;
	return ip6_anycast_member(net, dev, a) ? RTN_ANYCAST : RTN_UNICAST;
}

/* The transports' errors in IPv4's numbers. */
static void send_error(struct cpu *cpu, struct sk_buff *skb, u8 type, u8 code, u32 info)
{
	switch (type) {
	case ICMP4_UNREACH:
		if (code == ICMP4_FRAG_NEEDED)
			icmp6_send(cpu, skb, ICMP6_PKT_TOOBIG, 0, info);
		else
			icmp6_send(cpu, skb, ICMP6_UNREACH, code == ICMP4_PORT_UNREACH ? ICMP6_PORT_UNREACH : code == ICMP4_PKT_FILTERED ?
				   ICMP6_ADM_PROHIBITED : ICMP6_ADDR_UNREACH, 0);
		break;
	case ICMP4_TIME_EXCEEDED:
		icmp6_send(cpu, skb, ICMP6_TIME_EXCEEDED, code, 0);
		break;
	case ICMP4_PARAM_PROBLEM:
		icmp6_send(cpu, skb, ICMP6_PARAM_PROBLEM, ICMP6_HDR_FIELD, info);
		break;
	}
}

static struct net_device *dev_of_addr(struct netns *net, const struct inaddr *a)
{
	struct inet6_ifaddr *ifa = ip6_ifaddr_find(net, a, NULL, 0);
	return ifa ? ifa->idev->dev : NULL;
}
static bool dev_has_addr(const struct net_device *dev) { return in6_dev_get(dev) && !list_empty(&in6_dev_get(dev)->addrs); }
static u8 rx_ttl(const struct sk_buff *skb) { return ip6_header(skb)->hop_limit; }
static u32 rx_frag_max(const struct sk_buff *skb) { return IP6_CB(skb)->frag_max_size; }
static u8 rx_tos(const struct sk_buff *skb) { return ip6_tclass(ip6_header(skb)); }

const struct inet_af inet_af_v6 = {
	.family = AF_INET6,
	.hdr_len = IP6_HDR_LEN,
	.min_mtu = IP6_MIN_MTU,
	.route_out = ip6_route_out,
	.route_in = ip6_route_input_flow,
	.dst_valid = dst_valid,
	.xmit = ip6_xmit,
	.pseudo_csum = pseudo_csum,
	.addrs = addrs,
	.addr_type = addr_type,
	.send_error = send_error,
	.update_pmtu = ip6_update_pmtu,
	.redirect = ip6_redirect,
	.dev_of_addr = dev_of_addr,
	.dev_has_addr = dev_has_addr,
	.rx_ttl = rx_ttl,
	.rx_tos = rx_tos,
	.rx_frag_max = rx_frag_max,
};
