/* IPv6 receive: packets from the link layer are checked and sent on their way.
 *
 * From: link's protocol switch. To: dst->input (ip6_local.c, ip6_forward.c, or an error). The checks are RFC 8200's and 4291's in the
 * kernel's order, so that counters and drop reasons agree.
 */
#include "inet/ip6/ip6_priv.h"
#include "link/l3_proto.h"

static struct sk_buff *bad(struct cpu *cpu, struct netns *net, struct inet6_dev *idev, struct sk_buff *skb, enum skb_drop_reason reason)
{
	mib6_inc(cpu, net, idev, MIB_Ip6_InHdrErrors);
	skb_drop_net(cpu, net, skb, reason);
	return NULL;
}

/* Addresses that no packet may come with (RFC 4291 sections 2.5.3, 2.7; RFC 4942 section 2.2 for the mapped ones). */
static bool addresses_ok(const struct sk_buff *skb, const struct inaddr *s, const struct inaddr *d)
{
	bool own = skb->dev->flags & IFF_LOOPBACK || skb->pkt_type == PACKET_LOOPBACK;
	if ((v6_is_loopback(s) || v6_is_loopback(d)) && !(skb->dev->flags & IFF_LOOPBACK))
		return false;
	if (v6_is_multicast(d) && (!v6_mc_scope(d) || (v6_mc_scope(d) == 1 && !own)))
		return false;
	return !v6_is_multicast(s); /* a mapped source is TCP's to refuse */
}

/* NULL: it is gone. */
static struct sk_buff *check(struct cpu *cpu, struct netns *net, struct sk_buff *skb)
{
	static const u16 ecn_mib[4] = { MIB_Ip6_InNoECTPkts, MIB_Ip6_InECT1Pkts, MIB_Ip6_InECT0Pkts, MIB_Ip6_InCEPkts };
	struct inet6_dev *idev = in6_dev_get(skb->dev);
	const struct ip6_hdr *ip;
	struct inaddr s, d;
	u32 len;

	if (unlikely(skb->pkt_type == PACKET_OTHERHOST)) {
		skb_drop_net(cpu, net, skb, SKB_DROP_REASON_OTHERHOST);
		return NULL;
	}
	mib6_inc(cpu, net, idev, MIB_Ip6_InReceives);
	mib6_add(cpu, net, idev, MIB_Ip6_InOctets, skb->len);
	if (unlikely(!idev || idev->conf.v[IP6_CONF_DISABLE_IPV6])) {
		mib6_inc(cpu, net, idev, MIB_Ip6_InDiscards);
		skb_drop_net(cpu, net, skb, SKB_DROP_REASON_IPV6DISABLED);
		return NULL;
	}
	if (unlikely(!pskb_may_pull(cpu, skb, IP6_HDR_LEN)))
		return bad(cpu, net, idev, skb, SKB_DROP_REASON_IP_INHDR);
	ip = ip6_header(skb);
	if (unlikely(ip6_version(ip) != 6))
		return bad(cpu, net, idev, skb, SKB_DROP_REASON_IP_INHDR);
	mib6_add(cpu, net, idev, ecn_mib[ip6_tclass(ip) & 3], MAX(skb->gso_segs, (u16)1));
	s = ip6_src(skb);
	d = ip6_dst(skb);
	if (unlikely(!addresses_ok(skb, &s, &d)))
		return bad(cpu, net, idev, skb, SKB_DROP_REASON_IP_INHDR);
	if (unlikely(!v6_is_multicast(&d) && (skb->pkt_type == PACKET_BROADCAST || skb->pkt_type == PACKET_MULTICAST)) &&
	    ip6_conf_any(idev, IP6_CONF_DROP_UNICAST_IN_L2_MULTICAST))
		return bad(cpu, net, idev, skb, SKB_DROP_REASON_UNICAST_IN_L2_MULTICAST);
	memset(IP6_CB(skb), 0, sizeof(struct ip6_cb));
	IP6_CB(skb)->iif = skb->dev->ifindex;
	IP6_CB(skb)->nhoff = offsetof(struct ip6_hdr, nexthdr);
	skb->transport_header = (u16)(skb->network_header + IP6_HDR_LEN);
	len = ip6_payload_len(ip);
	if (likely(len || ip->nexthdr != IP6_NH_HOPOPTS)) { /* 0: a jumbogram, whose option says how long it is */
		if (unlikely(len + IP6_HDR_LEN > skb->len)) {
			mib6_inc(cpu, net, idev, MIB_Ip6_InTruncatedPkts);
			skb_drop_net(cpu, net, skb, SKB_DROP_REASON_PKT_TOO_SMALL);
			return NULL;
		}
		if (len + IP6_HDR_LEN < skb->len) {
			if (skb->ip_summed == CHECKSUM_COMPLETE) /* the sum is over the padding too */
				skb->ip_summed = CHECKSUM_NONE;
			if (!skb_trim(cpu, skb, len + IP6_HDR_LEN)) {
				mib6_inc(cpu, net, idev, MIB_Ip6_InDiscards);
				skb_drop_net(cpu, net, skb, SKB_DROP_REASON_NOMEM);
				return NULL;
			}
		}
	}
	if (unlikely(ip6_header(skb)->nexthdr == IP6_NH_HOPOPTS) && !ip6_rx_hopopts(cpu, net, skb))
		return NULL;
	if (unlikely(skb->destructor != NULL))
		skb_orphan(cpu, skb);
	trace_point(cpu, net, skb, TP_IP_RX, 0, 0, NULL);
	return skb;
}

static void finish(struct cpu *cpu, struct netns *net, struct sk_buff *skb)
{
	enum skb_drop_reason r;
	if (!skb->dst) {
		r = ip6_route_input(cpu, net, skb);
		if (unlikely(r != SKB_NOT_DROPPED)) {
			skb_drop_net(cpu, net, skb, r);
			return;
		}
	}
	/* What we sent ourselves is shown as come by the device that has the address. */
	if (skb->dev->flags & IFF_LOOPBACK && skb->dst->flags & DST_LOCAL) {
		struct net_device *dev = ip6_dst_dev(skb->dst);
		IP6_CB(skb)->iif = skb->skb_iif = dev->ifindex;
	}
	if (unlikely(skb->pkt_type == PACKET_LOOPBACK) && skb->dev->l3mdev_table) {
		if (skb->dst->type == RTN_LOCAL) {
			fib_rx_own_in_vrf(skb);
			IP6_CB(skb)->iif = skb->sdif;
		} else if (skb->dst->type == RTN_UNICAST) { /* a route led to the VRF, whose table has the next one */
			skb->pkt_type = PACKET_HOST;
			IP6_CB(skb)->flags |= IP6CB_FORWARDED;
			skb->dst->output(cpu, skb);
			return;
		}
	}
	skb->dst->input(cpu, skb);
}

/* Router and neighbour discovery: the link's own business, VRF or not. */
static bool is_ndisc(const struct sk_buff *skb)
{
	u32 at = (u32)(skb->head + skb->transport_header - skb->data);
	u8 tmp;
	const u8 *type = ip6_header(skb)->nexthdr == IPPROTO_ICMPV6 ? skb_header_pointer(skb, at, 1, &tmp) : NULL;
	return type && *type >= ICMP6_RS && *type <= ICMP6_REDIRECT;
}

/* As ip4_rx.c's: what means something on its link only stays the link's, but sockets hear it by the VRF as well. */
static void to_vrf(struct cpu *cpu, struct sk_buff *skb)
{
	struct net_device *vrf = skb->dev->master;
	struct inaddr d = ip6_dst(skb);
	if (!vrf->l3mdev_table || is_ndisc(skb))
		return;
	skb->sdif = skb->dev->ifindex;
	skb->skb_iif = vrf->ifindex;
	if (v6_needs_scope(&d) || v6_is_multicast(&d))
		return;
	skb->dev = vrf;
	vrf->stats[cpu->id].rx_packets++;
	vrf->stats[cpu->id].rx_bytes += skb->len;
}

static void ip6_rx(struct cpu *cpu, struct netns *net, struct sk_buff **skbs, unsigned n)
{
	for (unsigned i = 0; i < MIN(n, 4u); i++)
		prefetch(skbs[i]->data);
	for (unsigned i = 0; i < n; i++) {
		struct sk_buff *skb = skbs[i];
		if (i + 4 < n)
			prefetch(skbs[i + 4]->data);
		skb = check(cpu, net, skb);
		if (unlikely(skb && skb->dev->master))
			to_vrf(cpu, skb);
		if (skb && hook_run(cpu, net, NFPF_IPV6, NFH_PRE_ROUTING, skb, skb->dev, NULL) == HOOK_ACCEPT)
			finish(cpu, net, skb);
	}
}

const struct l3_proto ip6_l3_proto = { .ethertype = 0x86dd, .rx = ip6_rx, .gro_receive = ip6_gro_receive,
				       .gro_complete = ip6_gro_complete, .gso_segment = ip6_gso_segment };
