/* IPv4 output: headers for the transports' packets, the hooks, the neighbour.
 *
 * From: transports (inet_af.xmit), ip4_forward.c (dst->output). To: neigh_output. A packet that is too long is cut on the way
 * (ip4_fragment.c); a GSO packet goes down whole when its segments fit. Packets to groups and to all are looped back to
 * ourselves when we are among them.
 */
#include "core/stack_tables.h"
#include "inet/ip4/ip4_priv.h"

/* Identification: a counter per bucket of (source, destination, protocol), so that a peer cannot count what we send to others. */
void ip4_select_id(struct cpu *cpu, struct netns *net, struct ip4_hdr *ip, unsigned segs)
{
	u64 h = siphash_2u64(&net->world->secret, (u64)ip->saddr.raw << 32 | ip->daddr.raw, ip->protocol);
	u32 *id = &net->ip4->priv->id[h % IP4_ID_BUCKETS];
	ip->id = cpu_to_be16((u16)(*id + (u32)(h >> 32)));
	*id += segs ? segs : 1;
}

/* -- below POST_ROUTING -- */

/* The neighbour of a packet's next hop. A dst has one when all its packets go to one gateway. */
static struct neighbour *next_hop(struct cpu *cpu, struct dst *d, const struct sk_buff *skb)
{
	struct neighbour *n = d->neigh;
	be32 key;
	if (likely(n && !n->dead))
		return n;
	if (unlikely(d->flags & DST_GATEWAY && !inaddr_is_v4(&d->gateway))) {
		const struct fib_family_ops *ops = d->net->fib->ops6;
		n = ops ? neigh_get(cpu, ops->neigh, &d->gateway, d->dev) : NULL;
		goto keep;
	}
	if (d->dev->flags & (IFF_LOOPBACK | IFF_POINTOPOINT)) {
		key = (be32){ 0 };
	} else if (d->flags & DST_GATEWAY) {
		key = inaddr_v4(&d->gateway);
	} else {
		key = IP4_CB(skb)->srr_hit ? IP4_CB(skb)->nexthop : ip4_header(skb)->daddr;
		return neigh_get(cpu, &arp_table, &key, d->dev);
	}
	n = neigh_get(cpu, &arp_table, &key, d->dev);
keep:
	if (n) {
		neigh_hold(n);
		if (d->neigh)
			neigh_put(cpu, d->neigh);
		d->neigh = n;
	}
	return n;
}

static int to_neighbour(struct cpu *cpu, struct sk_buff *skb)
{
	struct dst *d = skb->dst;
	struct neighbour *n;
	u32 room = (u32)d->dev->hard_header_len + d->dev->needed_headroom;

	if (unlikely(d->type == RTN_MULTICAST)) {
		mib_inc(cpu, d->net, MIB_IpExt_OutMcastPkts);
		mib_add(cpu, d->net, MIB_IpExt_OutMcastOctets, skb->len);
	} else if (unlikely(d->type == RTN_BROADCAST)) {
		mib_inc(cpu, d->net, MIB_IpExt_OutBcastPkts);
		mib_add(cpu, d->net, MIB_IpExt_OutBcastOctets, skb->len);
	}
	if (unlikely(skb_headroom(skb) < room) && !skb_cow_head(cpu, skb, ALIGN_UP(room, 16u))) {
		skb_drop_net(cpu, d->net, skb, SKB_DROP_REASON_NOMEM);
		return -ENOMEM;
	}
	n = next_hop(cpu, d, skb);
	if (unlikely(!n)) {
		skb_drop_net(cpu, d->net, skb, SKB_DROP_REASON_NEIGH_CREATEFAIL);
		return -ENOMEM;
	}
	if (unlikely(!n->hh_len))
		skb_dst_force(skb); /* it may wait there beyond this step */
	return neigh_output(cpu, n, skb);
}

static u32 output_mtu(struct cpu *cpu, const struct sk_buff *skb)
{
	const struct dst *d = skb->dst;
	u32 mtu;
	if (!(IP4_CB(skb)->flags & IP4CB_FORWARDED) || d->mtu_locked || d->net->ip4->ip_forward_use_pmtu)
		return dst_mtu(cpu, d);
	mtu = dst_metric(d, RTAX_MTU);
	return MIN(mtu ? mtu : d->dev->mtu, 65535u);
}

static int gso_too_long(struct cpu *cpu, struct netns *net, struct sk_buff *skb, u32 mtu)
{
	struct skb_list segs;
	int err = skb_gso_segment(cpu, skb, skb->dst->dev->features & ~(u64)NETIF_F_GSO_SOFTWARE, &segs), ret = 0;
	if (err) {
		skb_drop_net(cpu, net, skb, SKB_DROP_REASON_SKB_GSO_SEG);
		return err;
	}
	while ((skb = skb_list_pop(&segs))) {
		err = skb->len > mtu ? ip4_fragment(cpu, net, skb, mtu) : to_neighbour(cpu, skb);
		ret = err ? err : ret;
	}
	return ret;
}

static u32 gso_len(const struct sk_buff *skb)
{
	u32 hlen = ip4_hlen(ip4_header(skb)), thlen = 8;
	u8 tmp;
	const u8 *doff = skb->gso_type & SKB_GSO_TCPV4 ? skb_header_pointer(skb, hlen + 12, 1, &tmp) : NULL;
	if (doff)
		thlen = (*doff >> 4) * 4u;
	return hlen + thlen + skb->gso_size;
}

int ip4_finish_output(struct cpu *cpu, struct sk_buff *skb) { return to_neighbour(cpu, skb); }

static int post_routing(struct cpu *cpu, struct netns *net, struct sk_buff *skb)
{
	enum hook_verdict verdict;
	u32 mtu;
	verdict = hook_run(cpu, net, NFPF_IPV4, NFH_POST_ROUTING, skb, NULL, skb->dev);
	if (verdict != HOOK_ACCEPT)
		return hook_errno(verdict);
	trace_point(cpu, net, skb, TP_IP_OUT, 0, 0, NULL);
	mtu = output_mtu(cpu, skb);
	if (likely(skb->len <= mtu && IP4_CB(skb)->frag_max_size <= mtu && !IP4_CB(skb)->frag_max_size))
		return to_neighbour(cpu, skb);
	if (skb_is_gso(skb))
		return gso_len(skb) <= mtu ? to_neighbour(cpu, skb) : gso_too_long(cpu, net, skb, mtu);
	if (skb->len > mtu || IP4_CB(skb)->frag_max_size)
		return ip4_fragment(cpu, net, skb, mtu);
	return to_neighbour(cpu, skb);
}

/* A copy of a packet to a group or to all, for ourselves. */
static void loop_back(struct cpu *cpu, struct netns *net, struct sk_buff *skb)
{
	struct sk_buff *copy = skb_clone(cpu, skb);
	struct in_device *idev = in_dev_get(skb->dst->dev);
	struct dst *d = copy && idev ? ip4_dev_dst(cpu, idev, skb->dst->type) : NULL;
	if (!copy)
		return;
	if (!d) {
		skb_drop_net(cpu, net, copy, SKB_DROP_REASON_NOMEM);
		return;
	}
	skb_dst_drop(copy);
	dst_hold(d);
	skb_dst_set(copy, d);
	copy->dev = d->dev;
	copy->pkt_type = PACKET_LOOPBACK;
	copy->protocol = BE16(0x0800);
	copy->ip_summed = CHECKSUM_UNNECESSARY;
	copy->skb_iif = d->dev->ifindex;
	if (copy->mac_header == SKB_OFF_UNSET)
		skb_reset_mac_header(copy);
	cpu_backlog_add(cpu, net->home, copy);
}

/* A group's packet comes back for our own members, and to be forwarded when it is one of ours. */
static bool loops_back(const struct in_device *idev, const struct sk_buff *skb, bool forwarded)
{
	const struct ip4_hdr *ip = ip4_header(skb);
	return ip4_mc_wants(idev, ip->daddr, ip->saddr, ip->protocol) ||
	       (idev->on & IN_DEV_MFORWARD && !forwarded && !v4_is_local_group(ip->daddr));
}

int ip4_output(struct cpu *cpu, struct sk_buff *skb)
{
	struct dst *d = skb->dst;
	struct netns *net = d->net;
	u64 *mib = net->pcpu[cpu->id]->mib;

	mib[MIB_Ip_OutTransmits]++;
	mib[MIB_IpExt_OutOctets] += skb->len;
	skb->dev = d->dev;
	skb->protocol = BE16(0x0800);
	if (unlikely(d->type == RTN_MULTICAST || d->type == RTN_BROADCAST) && !(d->dev->flags & IFF_LOOPBACK)) {
		struct in_device *idev = in_dev_get(d->dev);
		bool forwarded = IP4_CB(skb)->flags & IP4CB_FORWARDED;
		if (d->type == RTN_BROADCAST ? !forwarded : idev && (forwarded || IP4_CB(skb)->mc_loop) && loops_back(idev, skb, forwarded))
			loop_back(cpu, net, skb);
		if (d->type == RTN_MULTICAST && !ip4_header(skb)->ttl) { /* for this host only */
			trace_point(cpu, net, skb, TP_CONSUMED, 0, 0, "ttl 0: looped only");
			skb_consume(cpu, skb);
			return 0;
		}
	}
	return post_routing(cpu, net, skb);
}

/* -- from the transports -- */

/* Somebody traces. A packet from here matches a filter only now that it has a header; what led to it is told with it. */
static __attribute__((noinline)) void trace_out(struct cpu *cpu, struct netns *net, struct sk_buff *skb)
{
	const struct ip4_hdr *ip = ip4_header(skb);
	struct fib_result res = { .alias = NULL };
	struct flow fl = { .family = AF_INET, .daddr = inaddr_from_v4(ip->daddr), .saddr = inaddr_from_v4(ip->saddr),
			   .tos = ip->tos, .mark = skb->mark };

	if (!skb->trace) {
		trace_mark(cpu, skb);
		if (!skb->trace)
			return;
		if (skb->sk && net->world->tables->sock_cookie)
			trace_point(cpu, net, skb, TP_SOCK_SEND, net->world->tables->sock_cookie(skb->sk), skb->len, NULL);
		trace_point(cpu, net, skb, TP_L4_TX, 0, 0, NULL);
	}
	fib_lookup(cpu, net, &fl, &res);
	ip4_trace_route(cpu, net, skb, TP_ROUTE_OUT, res.alias, skb->dst);
}

int ip4_local_out(struct cpu *cpu, struct netns *net, struct sk_buff *skb)
{
	struct ip4_hdr *ip = ip4_header(skb);
	enum hook_verdict verdict;
	ip->tot_len = cpu_to_be16((u16)skb->len);
	ip4_set_csum(ip);
	mib_inc(cpu, net, MIB_Ip_OutRequests);
	skb->protocol = BE16(0x0800);
	if (unlikely(cpu->world->trace != NULL))
		trace_out(cpu, net, skb);
	verdict = hook_run(cpu, net, NFPF_IPV4, NFH_LOCAL_OUT, skb, NULL, skb->dst->dev);
	if (verdict != HOOK_ACCEPT)
		return hook_errno(verdict);
	return skb->dst->output(cpu, skb);
}

static bool wants_df(const struct ip_out *o, const struct dst *d)
{
	if (o->pmtudisc == IP_PMTUDISC_DO || o->pmtudisc == IP_PMTUDISC_PROBE)
		return true;
	return o->pmtudisc == IP_PMTUDISC_WANT && !d->mtu_locked && !(dst_metric(d, RTAX_LOCK) & BIT(RTAX_MTU));
}

/* The packet brings its own header: only what is missing is filled in (raw(7)). */
static int xmit_own_header(struct cpu *cpu, struct netns *net, struct sk_buff *skb, const struct ip_out *o)
{
	struct ip4_hdr *ip;
	if (!pskb_may_pull(cpu, skb, IP4_HDR_LEN) || ip4_hlen((struct ip4_hdr *)skb->data) < IP4_HDR_LEN ||
	    !pskb_may_pull(cpu, skb, ip4_hlen((struct ip4_hdr *)skb->data))) {
		skb_drop_net(cpu, net, skb, SKB_DROP_REASON_IP_INHDR);
		return -EINVAL;
	}
	skb_reset_network_header(skb);
	ip = ip4_header(skb);
	skb->transport_header = (u16)(skb->network_header + ip4_hlen(ip));
	if (!ip->saddr.raw)
		ip->saddr = inaddr_v4(&o->saddr);
	if (!ip->id.raw)
		ip4_select_id(cpu, net, ip, 1);
	return ip4_local_out(cpu, net, skb);
}

int ip4_xmit(struct cpu *cpu, struct netns *net, struct sk_buff *skb, const struct ip_out *o)
{
	struct dst *d = skb->dst;
	u32 optlen = o->opts ? ALIGN_UP((u32)o->opts->len, 4u) : 0;
	struct ip4_hdr *ip;
	u32 ttl;

	memset(IP4_CB(skb), 0, sizeof(struct ip4_cb));
	IP4_CB(skb)->mc_loop = !o->mc_noloop;
	skb->mark = o->mark;
	skb->priority = o->priority;
	trace_mark(cpu, skb);
	if (o->hdrincl)
		return xmit_own_header(cpu, net, skb, o);
	if (unlikely(skb->len + IP4_HDR_LEN + optlen > 65535 && !skb_is_gso(skb))) {
		skb_drop_net(cpu, net, skb, SKB_DROP_REASON_PKT_TOO_BIG);
		return -EMSGSIZE;
	}
	if (unlikely(skb_headroom(skb) < IP4_HDR_LEN + optlen) && !skb_cow_head(cpu, skb, IP4_HDR_LEN + optlen + SKB_HEADROOM)) {
		skb_drop_net(cpu, net, skb, SKB_DROP_REASON_NOMEM);
		return -ENOBUFS;
	}
	skb_reset_transport_header(skb);
	skb_push(skb, IP4_HDR_LEN + optlen);
	skb_reset_network_header(skb);
	ip = ip4_header(skb);
	ttl = o->ttl >= 0 ? (u32)o->ttl : dst_metric(d, RTAX_HOPLIMIT);
	if (o->ttl < 0 && !ttl)
		ttl = (u32)net->ip4->default_ttl;
	*ip = (struct ip4_hdr){ .ver_ihl = (u8)(0x45 + optlen / 4), .tos = o->tos, .ttl = (u8)ttl, .protocol = o->proto,
				.saddr = inaddr_v4(&o->saddr), .daddr = inaddr_v4(&o->daddr) };
	if (wants_df(o, d) && !skb->ignore_df)
		ip->frag = BE16(IP4_DF);
	if (!(o->id_zero_ok && ip->frag.raw))
		ip4_select_id(cpu, net, ip, skb->gso_segs);
	if (unlikely(optlen)) {
		be32 daddr = ip->daddr;
		if (o->opts->srr && o->opts->faddr.raw) {
			ip->daddr = o->opts->faddr;
		}
		ip4_options_build(cpu, net, (u8 *)(ip + 1), o->opts, daddr, ip->saddr);
		IP4_CB(skb)->optlen = (u8)optlen;
	}
	return ip4_local_out(cpu, net, skb);
}
