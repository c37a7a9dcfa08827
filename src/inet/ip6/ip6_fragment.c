/* IPv6 fragmentation (RFC 8200 section 4.5): only the sender cuts.
 *
 * What every fragment repeats is the IPv6 header with the hop-by-hop options, destination options for routers, and routing header; then
 * comes the fragment header. The payload is not copied: skb_split() hands each piece its part of the buffers. Identifications are
 * random, so that nobody can guess the next one (RFC 7739).
 */
#include "inet/ip6/ip6_priv.h"

/* Bytes that every fragment repeats, and where the number stands that becomes "fragment header". */
u32 ip6_unfragmentable(const struct sk_buff *skb, u32 *nexthdr_at)
{
	const u8 *p = skb_network_header(skb);
	u32 off = IP6_HDR_LEN, end = (u32)(skb->len - skb->data_len), keep = IP6_HDR_LEN;
	u8 nh = p[offsetof(struct ip6_hdr, nexthdr)];
	u32 nh_at = offsetof(struct ip6_hdr, nexthdr);

	*nexthdr_at = nh_at;
	while ((nh == IP6_NH_HOPOPTS || nh == IP6_NH_ROUTING || nh == IP6_NH_DSTOPTS) && off + 8 <= end) {
		u32 len = (p[off + 1] + 1u) * 8;
		bool before = nh != IP6_NH_DSTOPTS;
		nh_at = off;
		nh = p[off];
		off += len;
		if (off > end)
			break;
		if (before) { /* destination options count when a routing header follows them */
			keep = off;
			*nexthdr_at = nh_at;
		}
	}
	return keep;
}

static int emit(struct cpu *cpu, struct netns *net, struct sk_buff *skb, const u8 *hdr, u32 hlen, u32 nh_at, u32 offset, bool more, be32 id)
{
	struct inet6_dev *idev = in6_dev_get(skb->dst->dev);
	struct ip6_frag_hdr *fh;
	struct ip6_hdr *ip;

	if (!skb_cow_head(cpu, skb, hlen + IP6_FRAG_HDR_LEN + SKB_HEADROOM / 2)) {
		mib6_inc(cpu, net, idev, MIB_Ip6_FragFails);
		skb_drop_net(cpu, net, skb, SKB_DROP_REASON_NOMEM);
		return -ENOMEM;
	}
	fh = (struct ip6_frag_hdr *)skb_push(skb, IP6_FRAG_HDR_LEN);
	*fh = (struct ip6_frag_hdr){ .nexthdr = hdr[nh_at], .off = cpu_to_be16((u16)(offset | (more ? IP6_MF : 0))), .id = id };
	skb_reset_transport_header(skb);
	skb_push(skb, hlen);
	skb_reset_network_header(skb);
	memcpy(skb->data, hdr, hlen);
	skb->data[nh_at] = IP6_NH_FRAGMENT;
	ip = ip6_header(skb);
	ip->payload_len = cpu_to_be16((u16)(skb->len - IP6_HDR_LEN));
	skb->protocol = BE16(0x86dd);
	mib6_inc(cpu, net, idev, MIB_Ip6_FragCreates);
	return ip6_finish_output(cpu, skb);
}

static int fail(struct cpu *cpu, struct netns *net, struct sk_buff *skb, enum skb_drop_reason reason, int err)
{
	mib6_inc(cpu, net, in6_dev_get(skb->dst->dev), MIB_Ip6_FragFails);
	skb_drop_net(cpu, net, skb, reason);
	return err;
}

int ip6_fragment(struct cpu *cpu, struct netns *net, struct sk_buff *skb, u32 mtu)
{
	u8 hdr[2048]; /* longer ones leave no room for payload */
	u32 nh_at, hlen, step, offset = 0;
	struct ip6_cb cb = *IP6_CB(skb);
	struct inet6_dev *idev = in6_dev_get(skb->dst->dev);
	be32 id = { 0 };
	int err = 0;

	if (cb.frag_max_size ? cb.frag_max_size > mtu : !skb->ignore_df && skb->len > mtu) {
		skb->dev = skb->dst->dev;
		icmp6_send(cpu, skb, ICMP6_PKT_TOOBIG, 0, mtu);
		return fail(cpu, net, skb, SKB_DROP_REASON_PKT_TOO_BIG, -EMSGSIZE);
	}
	if (skb->ip_summed == CHECKSUM_PARTIAL && !skb_checksum_help(cpu, skb))
		return fail(cpu, net, skb, SKB_DROP_REASON_SKB_CSUM, -EINVAL);
	skb->ip_summed = CHECKSUM_NONE;
	if (cb.frag_max_size && cb.frag_max_size < mtu)
		mtu = MAX((u32)cb.frag_max_size, (u32)IP6_MIN_MTU);
	hlen = ip6_unfragmentable(skb, &nh_at);
	if (hlen > sizeof(hdr) || mtu < hlen + IP6_FRAG_HDR_LEN + 8)
		return fail(cpu, net, skb, SKB_DROP_REASON_IP_FRAG_FAILED, -EMSGSIZE);
	memcpy(hdr, skb_network_header(skb), hlen);
	step = (mtu - hlen - IP6_FRAG_HDR_LEN) & ~7u;
	while (!id.raw)
		id.raw = rng_u32(&cpu->rng);
	trace_point(cpu, net, skb, TP_FRAGMENT, (skb->len - hlen + step - 1) / step, mtu, NULL);
	skb_pull(skb, hlen);
	while (skb) {
		struct sk_buff *tail = NULL;
		u32 len = skb->len;
		int e;
		if (len > mtu - hlen - IP6_FRAG_HDR_LEN) {
			if (skb_split(cpu, skb, step, &tail))
				return fail(cpu, net, skb, SKB_DROP_REASON_NOMEM, -ENOMEM);
			len = step;
			*IP6_CB(tail) = cb;
		}
		e = emit(cpu, net, skb, hdr, hlen, nh_at, offset, tail != NULL, id);
		err = err ? err : e;
		offset += len;
		skb = tail;
	}
	if (!err)
		mib6_inc(cpu, net, idev, MIB_Ip6_FragOKs);
	return err;
}
