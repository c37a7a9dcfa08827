/* IPv4 as the transports see it: the const struct inet_af. */
#include "inet/ip4/ip4_priv.h"

static int route_out(struct cpu *cpu, struct netns *net, struct flow *fl, struct dst **out)
{
	return ip4_route_out_v4(cpu, net, fl, out);
}

static bool dst_valid(struct cpu *cpu, const struct dst *d)
{
	return d->genid == fib_genid(d->net) && (!d->expires || cpu->now < d->expires);
}

static u32 pseudo_csum(const struct inaddr *saddr, const struct inaddr *daddr, u32 len, u8 proto)
{
	return csum_pseudo4(inaddr_v4(saddr), inaddr_v4(daddr), len, proto);
}

static void addrs(const struct sk_buff *skb, struct inaddr *saddr, struct inaddr *daddr)
{
	const struct ip4_hdr *ip = ip4_header(skb);
	*saddr = inaddr_from_v4(ip->saddr);
	*daddr = inaddr_from_v4(ip->daddr);
}

static u8 addr_type(struct netns *net, struct net_device *dev, const struct inaddr *a) { return fib_addr_type(net, dev, a); }

static void send_error(struct cpu *cpu, struct sk_buff *skb, u8 type, u8 code, u32 info)
{
	icmp4_send(cpu, skb, type, code, type == ICMP4_PARAM_PROBLEM ? cpu_to_be32(info << 24) : cpu_to_be32(info));
}

static struct net_device *dev_of_addr(struct netns *net, const struct inaddr *a) { return ip4_dev_by_addr(net, inaddr_v4(a)); }
static bool dev_has_addr(const struct net_device *dev) { return in_dev_get(dev) && !list_empty(&in_dev_get(dev)->addrs); }
static u8 rx_ttl(const struct sk_buff *skb) { return ip4_header(skb)->ttl; }
static u8 rx_tos(const struct sk_buff *skb) { return ip4_header(skb)->tos; }
static u32 rx_frag_max(const struct sk_buff *skb) { return IP4_CB(skb)->frag_max_size; }

const struct inet_af inet_af_v4 = {
	.family = AF_INET,
	.hdr_len = IP4_HDR_LEN,
	.min_mtu = IP4_MIN_MTU,
	.route_out = route_out,
	.route_in = ip4_route_input_flow,
	.dst_valid = dst_valid,
	.xmit = ip4_xmit,
	.pseudo_csum = pseudo_csum,
	.addrs = addrs,
	.addr_type = addr_type,
	.send_error = send_error,
	.update_pmtu = ip4_update_pmtu,
	.redirect = ip4_redirect,
	.dev_of_addr = dev_of_addr,
	.dev_has_addr = dev_has_addr,
	.rx_ttl = rx_ttl,
	.rx_tos = rx_tos,
	.rx_frag_max = rx_frag_max,
};
