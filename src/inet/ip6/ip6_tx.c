/* IPv6 output: headers for the transports' packets, the hooks, the neighbour.
 *
 * From: transports (inet_af.xmit), ip6_forward.c (dst->output). To: neigh_output. A packet of ours that is too long is cut on the way
 * (ip6_fragment.c) when its sender allows it; a GSO packet goes down whole when its segments fit. Packets to groups are looped back to
 * ourselves when we are among them.
 */
#include "core/stack_tables.h"
#include "inet/ip6/ip6_priv.h"

/* -- below POST_ROUTING -- */

static struct neighbour *next_hop(struct cpu *cpu, struct dst *d, const struct sk_buff *skb)
{
	struct neighbour *n = d->neigh;
	struct inaddr key;
	if (likely(n && !n->dead))
		return n;
	if (!(d->flags & DST_GATEWAY)) {
		key = ip6_dst(skb);
		return neigh_get(cpu, &nd_table, &key, d->dev);
	}
	n = neigh_get(cpu, &nd_table, &d->gateway, d->dev);
	if (n) {
		neigh_hold(n);
		if (d->neigh)
			neigh_put(cpu, d->neigh);
		d->neigh = n;
	}
	return n;
}

/* A copy of a packet to a group, for ourselves. */
static void loop_back(struct cpu *cpu, struct netns *net, struct sk_buff *skb, struct inet6_dev *idev)
{
	struct sk_buff *copy = skb_clone(cpu, skb);
	struct dst *d = copy ? ip6_dev_dst(cpu, idev, RTN_MULTICAST) : NULL;
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
	copy->protocol = BE16(0x86dd);
	copy->ip_summed = CHECKSUM_UNNECESSARY;
	copy->skb_iif = d->dev->ifindex;
	if (copy->mac_header == SKB_OFF_UNSET)
		skb_reset_mac_header(copy);
	cpu_backlog_add(cpu, net->home, copy);
}

/* False: it was for this host only, and is consumed. */
static bool to_group(struct cpu *cpu, struct netns *net, struct sk_buff *skb, const struct inaddr *group)
{
	struct inet6_dev *idev = in6_dev_get(skb->dev);
	bool forwarded = IP6_CB(skb)->flags & IP6CB_FORWARDED, loops = !(skb->dev->flags & IFF_LOOPBACK) && (forwarded || IP6_CB(skb)->mc_loop);
	if (loops && idev && ((!forwarded && ip6_mr_socket(cpu, skb->dev, skb)) || ip6_mc_member(idev, group))) {
		loop_back(cpu, net, skb, idev);
		if (!ip6_header(skb)->hop_limit) {
			mib6_inc(cpu, net, idev, MIB_Ip6_OutDiscards);
			trace_point(cpu, net, skb, TP_CONSUMED, 0, 0, "hop limit 0: looped only");
			skb_consume(cpu, skb);
			return false;
		}
	}
	mib6_inc(cpu, net, idev, MIB_Ip6_OutMcastPkts);
	mib6_add(cpu, net, idev, MIB_Ip6_OutMcastOctets, skb->len);
	if (v6_mc_scope(group) <= 1 && !(skb->dev->flags & IFF_LOOPBACK)) { /* interface-local */
		trace_point(cpu, net, skb, TP_CONSUMED, 0, 0, "interface-local: looped only");
		skb_consume(cpu, skb);
		return false;
	}
	return true;
}

int ip6_finish_output(struct cpu *cpu, struct sk_buff *skb)
{
	struct dst *d = skb->dst;
	struct netns *net = d->net;
	struct inaddr daddr = ip6_dst(skb);
	struct neighbour *n;
	u32 room = (u32)d->dev->hard_header_len + d->dev->needed_headroom;

	if (unlikely(v6_is_multicast(&daddr)) && !to_group(cpu, net, skb, &daddr))
		return 0;
	if (unlikely(skb_headroom(skb) < room) && !skb_cow_head(cpu, skb, ALIGN_UP(room, 16u))) {
		skb_drop_net(cpu, net, skb, SKB_DROP_REASON_NOMEM);
		return -ENOMEM;
	}
	mib6_inc(cpu, net, in6_dev_get(d->dev), MIB_Ip6_OutTransmits);
	mib6_add(cpu, net, in6_dev_get(d->dev), MIB_Ip6_OutOctets, skb->len);
	n = next_hop(cpu, d, skb);
	if (unlikely(!n)) {
		mib6_inc(cpu, net, in6_dev_get(d->dev), MIB_Ip6_OutNoRoutes);
		skb_drop_net(cpu, net, skb, SKB_DROP_REASON_NEIGH_CREATEFAIL);
		return -EINVAL;
	}
	if (unlikely(!n->hh_len))
		skb_dst_force(skb); /* it may wait there beyond this step */
	return neigh_output(cpu, n, skb);
}

u32 ip6_gso_len(const struct sk_buff *skb)
{
	u32 off = (u32)(skb->transport_header - skb->network_header), thlen = 8;
	u8 tmp;
	const u8 *doff = skb->gso_type & SKB_GSO_TCPV6 ? skb_header_pointer(skb, (u32)(skb->head + skb->transport_header - skb->data) + 12, 1, &tmp) :
							 NULL;
	if (doff)
		thlen = (*doff >> 4) * 4u;
	return off + thlen + skb->gso_size;
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
		err = skb->len > mtu ? ip6_fragment(cpu, net, skb, mtu) : ip6_finish_output(cpu, skb);
		ret = err ? err : ret;
	}
	return ret;
}

int ip6_output(struct cpu *cpu, struct sk_buff *skb)
{
	enum hook_verdict verdict;
	struct dst *d = skb->dst;
	struct netns *net = d->net;
	struct inet6_dev *idev = in6_dev_get(d->dev);
	const struct ip6_cb *cb = IP6_CB(skb);
	u32 mtu;

	skb->dev = d->dev;
	skb->protocol = BE16(0x86dd);
	if (unlikely(!idev || idev->conf.v[IP6_CONF_DISABLE_IPV6])) {
		mib6_inc(cpu, net, idev, MIB_Ip6_OutDiscards);
		skb_drop_net(cpu, net, skb, SKB_DROP_REASON_IPV6DISABLED);
		return 0;
	}
	verdict = hook_run(cpu, net, NFPF_IPV6, NFH_POST_ROUTING, skb, NULL, skb->dev);
	if (verdict != HOOK_ACCEPT)
		return hook_errno(verdict);
	trace_point(cpu, net, skb, TP_IP_OUT, 0, 0, NULL);
	mtu = cb->flags & IP6CB_FORWARDED ? (d->link_mtu ? d->link_mtu : d->dev->mtu) : dst_mtu(cpu, d);
	if (likely(skb->len <= mtu && !cb->frag_max_size))
		return ip6_finish_output(cpu, skb);
	if (skb_is_gso(skb))
		return ip6_gso_len(skb) <= mtu ? ip6_finish_output(cpu, skb) : gso_too_long(cpu, net, skb, mtu);
	if (skb->len > mtu || (cb->frag_max_size && skb->len > cb->frag_max_size))
		return ip6_fragment(cpu, net, skb, mtu);
	return ip6_finish_output(cpu, skb);
}

/* -- from the transports -- */

/* Somebody traces. A packet from here matches a filter only now that it has a header; what led to it is told with it. */
static __attribute__((noinline)) void trace_out(struct cpu *cpu, struct netns *net, struct sk_buff *skb)
{
	struct fib_result res = { .alias = NULL };
	struct flow fl = { .family = AF_INET6, .daddr = ip6_dst(skb), .saddr = ip6_src(skb), .mark = skb->mark };

	if (!skb->trace) {
		trace_mark(cpu, skb);
		if (!skb->trace)
			return;
		if (skb->sk && net->world->tables->sock_cookie)
			trace_point(cpu, net, skb, TP_SOCK_SEND, net->world->tables->sock_cookie(skb->sk), skb->len, NULL);
		trace_point(cpu, net, skb, TP_L4_TX, 0, 0, NULL);
	}
	fib_lookup(cpu, net, &fl, &res);
	ip6_trace_route(cpu, net, skb, TP_ROUTE_OUT, res.alias, skb->dst);
}

static int local_out(struct cpu *cpu, struct netns *net, struct sk_buff *skb)
{
	enum hook_verdict verdict;

	skb->protocol = BE16(0x86dd);
	if (unlikely(cpu->world->trace != NULL))
		trace_out(cpu, net, skb);
	verdict = hook_run(cpu, net, NFPF_IPV6, NFH_LOCAL_OUT, skb, NULL, skb->dst->dev);
	if (verdict != HOOK_ACCEPT)
		return hook_errno(verdict);
	return skb->dst->output(cpu, skb);
}

/* A label for a flow that asked for none (RFC 6437): the same for all its packets, and nothing that can be guessed. */
static be32 auto_label(struct netns *net, const struct sk_buff *skb, const struct ip_out *o)
{
	u32 ports = 0, label;
	if (o->proto == IPPROTO_TCP || o->proto == IPPROTO_UDP)
		memcpy(&ports, skb->data, 4);
	label = (u32)siphash_4u64(&net->world->secret, o->saddr.q[0] ^ o->daddr.q[0], o->saddr.q[1], o->daddr.q[1],
				  ((u64)ports << 8 | o->proto) ^ (u64)o->label_salt << 40);
	return cpu_to_be32((label & IP6_FLOWLABEL_MASK) | (net->ip6->flowlabel_state_ranges ? 0x80000 : 0));
}

/* The sender's own extension headers, in front of the transport header. Returns the first one's number; *hop: where the packet goes
 * first, when a routing header says so, and the header then has the destination where it is due (RFC 8754 section 4.1). */
static u8 push_txopts(struct sk_buff *skb, const struct ip6_txopts *x, u8 proto, struct inaddr *hop)
{
	static const u8 number[IP6_TX_MAX] = { IP6_NH_HOPOPTS, IP6_NH_DSTOPTS, IP6_NH_ROUTING, IP6_NH_DSTOPTS };
	u8 *to = skb_push(skb, ip6_txopts_len(x)), first = proto, *link = &first;
	struct inaddr daddr = *hop;

	for (unsigned i = 0; i < IP6_TX_MAX; i++) {
		if (!x->len[i] || (i == IP6_TX_DST0OPT && !x->len[IP6_TX_RTHDR]))
			continue;
		memcpy(to, ip6_txopts_at(x, i), x->len[i]);
		if (i == IP6_TX_RTHDR) {
			*hop = ip6_txopts_hop(x, &daddr);
			memcpy(to + 8, daddr.b, 16);
		}
		*link = number[i];
		link = to;
		to += x->len[i];
	}
	*link = proto;
	return first;
}

/* The packet brings its own header (IPV6_HDRINCL). */
static int xmit_own_header(struct cpu *cpu, struct netns *net, struct sk_buff *skb)
{
	if (!pskb_may_pull(cpu, skb, IP6_HDR_LEN)) {
		skb_drop_net(cpu, net, skb, SKB_DROP_REASON_IP_INHDR);
		return -EINVAL;
	}
	skb_reset_network_header(skb);
	skb->transport_header = (u16)(skb->network_header + IP6_HDR_LEN);
	mib6_inc(cpu, net, in6_dev_get(skb->dst->dev), MIB_Ip6_OutRequests);
	return local_out(cpu, net, skb);
}

int ip6_xmit(struct cpu *cpu, struct netns *net, struct sk_buff *skb, const struct ip_out *o)
{
	struct dst *d = skb->dst;
	struct inet6_dev *idev = in6_dev_get(d->dev);
	const struct ip6_txopts *x = o->txopts6;
	u32 extra = ip6_txopts_len(x), hops;
	struct inaddr daddr = o->daddr;
	u8 proto = o->proto;
	be32 label = o->flowlabel;
	struct ip6_hdr *ip;

	memset(IP6_CB(skb), 0, sizeof(struct ip6_cb));
	IP6_CB(skb)->mc_loop = !o->mc_noloop;
	skb->mark = o->mark;
	skb->priority = o->priority;
	trace_mark(cpu, skb);
	if (o->hdrincl)
		return xmit_own_header(cpu, net, skb);
	if (unlikely(skb_headroom(skb) < IP6_HDR_LEN + extra) && !skb_cow_head(cpu, skb, IP6_HDR_LEN + extra + SKB_HEADROOM)) {
		mib6_inc(cpu, net, idev, MIB_Ip6_OutDiscards);
		skb_drop_net(cpu, net, skb, SKB_DROP_REASON_NOMEM);
		return -ENOBUFS;
	}
	if (!label.raw && o->auto_label)
		label = auto_label(net, skb, o);
	skb_reset_transport_header(skb);
	if (unlikely(x)) {
		proto = push_txopts(skb, x, proto, &daddr);
	}
	skb_push(skb, IP6_HDR_LEN);
	skb_reset_network_header(skb);
	hops = o->ttl >= 0 ? (u32)o->ttl : dst_metric(d, RTAX_HOPLIMIT);
	if (o->ttl < 0 && !hops)
		hops = (u32)(idev ? idev->conf.v[IP6_CONF_HOP_LIMIT] : net->ip6->conf_all.v[IP6_CONF_HOP_LIMIT]);
	ip = ip6_header(skb);
	*ip = (struct ip6_hdr){ .vtf = ip6_vtf(o->tos, label), .nexthdr = proto, .hop_limit = (u8)hops };
	ip->payload_len = cpu_to_be16(skb->len - IP6_HDR_LEN <= 65535 ? (u16)(skb->len - IP6_HDR_LEN) : 0);
	memcpy(ip->saddr, o->saddr.b, 16);
	memcpy(ip->daddr, daddr.b, 16);
	mib6_inc(cpu, net, idev, MIB_Ip6_OutRequests);
	return local_out(cpu, net, skb);
}
