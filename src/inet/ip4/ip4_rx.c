/* IPv4 receive: batches from the link layer are checked, sorted, and sent on their way.
 *
 * From: link's protocol switch. To: dst->input (ip4_local.c, ip4_forward.c, or an error).
 *
 * The checks are RFC 1122's and in the kernel's order, so that counters and drop reasons agree. Then packets without any
 * peculiarity are routed together: their destinations are looked up in one go, and those with a plain unicast route through
 * another device go straight to ip4_forward. Everything else takes ip4_route_input one by one.
 */
#include "inet/ip4/ip4_offload.h"
#include "inet/ip4/ip4_priv.h"
#include "link/l3_proto.h"

static void drop_header(struct cpu *cpu, struct netns *net, struct sk_buff *skb, enum skb_drop_reason reason)
{
	mib_inc(cpu, net, MIB_Ip_InHdrErrors);
	skb_drop_net(cpu, net, skb, reason);
}

/* NULL: it is gone. */
static struct sk_buff *check(struct cpu *cpu, struct netns *net, struct sk_buff *skb)
{
	static const u16 ecn_mib[4] = { MIB_IpExt_InNoECTPkts, MIB_IpExt_InECT1Pkts, MIB_IpExt_InECT0Pkts, MIB_IpExt_InCEPkts };
	u64 *mib = net->pcpu[cpu->id]->mib;
	const struct ip4_hdr *ip;
	u32 hlen, len;

	if (unlikely(skb->pkt_type == PACKET_OTHERHOST)) {
		skb_drop_net(cpu, net, skb, SKB_DROP_REASON_OTHERHOST);
		return NULL;
	}
	mib[MIB_Ip_InReceives]++;
	mib[MIB_IpExt_InOctets] += skb->len;
	if (unlikely(!pskb_may_pull(cpu, skb, IP4_HDR_LEN))) {
		drop_header(cpu, net, skb, SKB_DROP_REASON_IP_INHDR);
		return NULL;
	}
	ip = ip4_header(skb);
	hlen = ip4_hlen(ip);
	if (unlikely(ip->ver_ihl != 0x45)) {
		if (hlen < IP4_HDR_LEN || ip4_version(ip) != 4) {
			drop_header(cpu, net, skb, SKB_DROP_REASON_IP_INHDR);
			return NULL;
		}
		mib[ecn_mib[ip->tos & IP_ECN_MASK]] += MAX(skb->gso_segs, (u16)1);
		if (!pskb_may_pull(cpu, skb, hlen)) {
			drop_header(cpu, net, skb, SKB_DROP_REASON_IP_INHDR);
			return NULL;
		}
		ip = ip4_header(skb);
	} else {
		mib[ecn_mib[ip->tos & IP_ECN_MASK]] += MAX(skb->gso_segs, (u16)1);
	}
	if (unlikely(ip4_hdr_csum(ip, hlen))) {
		mib[MIB_IpExt_InCsumErrors]++;
		drop_header(cpu, net, skb, SKB_DROP_REASON_IP_CSUM);
		return NULL;
	}
	len = ip4_tot_len(ip);
	if (unlikely(skb->len != len)) {
		if (skb->len < len) {
			mib[MIB_IpExt_InTruncatedPkts]++;
			skb_drop_net(cpu, net, skb, SKB_DROP_REASON_PKT_TOO_SMALL);
			return NULL;
		}
		if (len < hlen) {
			drop_header(cpu, net, skb, SKB_DROP_REASON_IP_INHDR);
			return NULL;
		}
		if (skb->ip_summed == CHECKSUM_COMPLETE) /* the sum is over the padding too */
			skb->ip_summed = CHECKSUM_NONE;
		if (!skb_trim(cpu, skb, len)) {
			mib[MIB_Ip_InDiscards]++;
			skb_drop_net(cpu, net, skb, SKB_DROP_REASON_NOMEM);
			return NULL;
		}
	}
	skb->transport_header = (u16)(skb->network_header + hlen);
	memset(IP4_CB(skb), 0, sizeof(struct ip4_cb));
	if (unlikely(skb->destructor != NULL))
		skb_orphan(cpu, skb);
	trace_point(cpu, net, skb, TP_IP_RX, 0, 0, NULL);
	return skb;
}

/* conf/DEV/log_martians: sources and destinations that cannot be. */
static void log_martian(struct cpu *cpu, struct netns *net, const struct sk_buff *skb, enum skb_drop_reason r)
{
	const struct ip4_hdr *ip = ip4_header(skb);
	u32 s = be32_to_cpu(ip->saddr), d = be32_to_cpu(ip->daddr);
	if (likely(!in_dev_get(skb->dev) || !ip4_conf_get(skb->dev, IP4_CONF_LOG_MARTIANS)))
		return;
	world_log_limited(cpu, 4, "%s: martian packet from %u.%u.%u.%u to %u.%u.%u.%u, on dev %s: %s", net->name, s >> 24, s >> 16 & 255,
		  s >> 8 & 255, s & 255, d >> 24, d >> 16 & 255, d >> 8 & 255, d & 255, skb->dev->name, skb_drop_reason_name(r));
}

/* After PRE_ROUTING: routes it unless that is done, handles options, delivers. */
static void finish_one(struct cpu *cpu, struct netns *net, struct sk_buff *skb)
{
	const struct ip4_hdr *ip = ip4_header(skb);
	struct dst *d;

	if (!skb->dst) {
		enum skb_drop_reason r = ip4_route_input(cpu, net, skb);
		if (unlikely(r != SKB_NOT_DROPPED)) {
			if (r == SKB_DROP_REASON_IP_RPFILTER)
				mib_inc(cpu, net, MIB_TcpExt_IPReversePathFilter);
			log_martian(cpu, net, skb, r);
			skb_drop_net(cpu, net, skb, r);
			return;
		}
	}
	if (unlikely(ip4_hlen(ip) > IP4_HDR_LEN) && !ip4_options_rx(cpu, net, skb))
		return;
	d = skb->dst;
	if (d->type == RTN_MULTICAST) {
		mib_inc(cpu, net, MIB_IpExt_InMcastPkts);
		mib_add(cpu, net, MIB_IpExt_InMcastOctets, skb->len);
	} else if (d->type == RTN_BROADCAST) {
		mib_inc(cpu, net, MIB_IpExt_InBcastPkts);
		mib_add(cpu, net, MIB_IpExt_InBcastOctets, skb->len);
	} else if (unlikely(skb->pkt_type == PACKET_BROADCAST || skb->pkt_type == PACKET_MULTICAST)) {
		struct in_device *idev = in_dev_get(skb->dev);
		if (idev && idev->on & IN_DEV_DROP_UNICAST_IN_L2_MC) {
			skb_drop_net(cpu, net, skb, SKB_DROP_REASON_UNICAST_IN_L2_MULTICAST);
			return;
		}
	}
	if (unlikely(skb->pkt_type == PACKET_LOOPBACK) && skb->dev->l3mdev_table) {
		if (d->type == RTN_LOCAL) {
			fib_rx_own_in_vrf(skb);
		} else if (d->type == RTN_UNICAST) { /* a route led to the VRF, whose table has the next one */
			skb->pkt_type = PACKET_HOST;
			IP4_CB(skb)->flags |= IP4CB_FORWARDED;
			d->output(cpu, skb);
			return;
		}
	}
	d->input(cpu, skb);
}

/* The source can be anyone's out there, and the destination is no special one. */
static inline bool ordinary(const struct ip4_hdr *ip)
{
	u32 s = be32_to_cpu(ip->saddr) >> 24, d = be32_to_cpu(ip->daddr) >> 24;
	return s && s != 127 && s < 224 && d && d != 127 && d < 224;
}

static inline bool forward_plainly(struct cpu *cpu, struct netns *net, struct sk_buff *skb, const struct fib_alias *a)
{
	const struct ip4_hdr *ip = ip4_header(skb);
	const struct in_device *idev = in_dev_get(skb->dev);
	const struct fib_nh *nh;
	if (!a || a->type != RTN_UNICAST || ip->ver_ihl != 0x45 || !ordinary(ip) || skb->dst || !idev ||
	    (idev->on & (IN_DEV_FORWARD | IN_DEV_RPFILTER)) != IN_DEV_FORWARD)
		return false;
	nh = &a->fi->nh[0];
	if (nh->dev == skb->dev || net->fib->exceptions.count || net->fib->custom_local || fib_has_realms(net) || skb->pkt_type != PACKET_HOST)
		return false;
	if (!(idev->on & IN_DEV_ACCEPT_LOCAL) && ip4_ifaddr_find(net, ip->saddr))
		return false;
	skb_dst_set_noref(skb, ptr_load(nh->dst));
	if (unlikely(skb->trace))
		ip4_trace_route(cpu, net, skb, TP_ROUTE_IN, a, skb->dst);
	return true;
}

/* What a member of a VRF received is the VRF's from here on. Groups and broadcasts stay the link's, whose members and addresses they concern, but
 * for sockets they came by the VRF as well. */
static void to_vrf(struct cpu *cpu, struct sk_buff *skb)
{
	struct net_device *vrf = skb->dev->master;
	if (!vrf->l3mdev_table)
		return;
	skb->sdif = skb->dev->ifindex;
	skb->skb_iif = vrf->ifindex;
	if (v4_is_multicast(ip4_header(skb)->daddr) || v4_is_broadcast(ip4_header(skb)->daddr))
		return;
	skb->dev = vrf;
	vrf->stats[cpu->id].rx_packets++;
	vrf->stats[cpu->id].rx_bytes += skb->len;
}

static void rx(struct cpu *cpu, struct netns *net, struct sk_buff **skbs, unsigned n)
{
	const struct fib_alias *route[NETDEV_BATCH];
	be32 daddr[NETDEV_BATCH];
	unsigned m = 0;
	bool hooks = net->nf && ptr_load(net->nf->hooks[NFPF_IPV4][NFH_PRE_ROUTING]);

	for (unsigned i = 0; i < MIN(n, 4u); i++)
		prefetch(skbs[i]->data);
	for (unsigned i = 0; i < n; i++) {
		struct sk_buff *skb = skbs[i];
		if (i + 4 < n)
			prefetch(skbs[i + 4]->data);
		skb = check(cpu, net, skb);
		if (unlikely(skb && skb->dev->master))
			to_vrf(cpu, skb);
		if (skb && unlikely(hooks) &&
		    hook_run(cpu, net, NFPF_IPV4, NFH_PRE_ROUTING, skb, skb->dev, NULL) != HOOK_ACCEPT)
			skb = NULL;
		if (!skb)
			continue;
		daddr[m] = ip4_header(skb)->daddr;
		skbs[m++] = skb;
	}
	if (m > 1)
		fib_lookup_bulk(net, daddr, m, route);
	for (unsigned i = 0; i < m; i++) {
		if (m > 1 && forward_plainly(cpu, net, skbs[i], route[i]))
			ip4_forward(cpu, skbs[i]);
		else
			finish_one(cpu, net, skbs[i]);
	}
}

static void ip4_rx(struct cpu *cpu, struct netns *net, struct sk_buff **skbs, unsigned n)
{
	for (; n; ) {
		unsigned m = MIN(n, (unsigned)NETDEV_BATCH);
		rx(cpu, net, skbs, m);
		skbs += m;
		n -= m;
	}
}

const struct l3_proto ip4_l3_proto = { .ethertype = 0x0800, .rx = ip4_rx, .gro_receive = ip4_gro_receive,
				       .gro_complete = ip4_gro_complete, .gso_segment = ip4_gso_segment };
