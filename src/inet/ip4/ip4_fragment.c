/* IPv4 fragmentation (RFC 791 section 3.2): a packet that is too long for its way out, cut into pieces.
 *
 * The payload is not copied: skb_split() hands each piece its part of the buffers. The first piece has all options, the others
 * those with the "copied" bit, the rest overwritten with NOPs so that all headers are equally long. A packet that was put
 * together here is cut no larger than it came, and keeps DF when the largest piece had it.
 */
#include "inet/ip4/ip4_priv.h"

static void only_copied_options(u8 *p, u32 len)
{
	while (len) {
		u32 n = 1;
		if (*p == IP4_OPT_END)
			return;
		if (*p != IP4_OPT_NOP) {
			n = len < 2 ? len : p[1];
			if (n < 2 || n > len)
				return;
			if (!(*p & IP4_OPT_COPIED))
				memset(p, IP4_OPT_NOP, n);
		}
		p += n;
		len -= n;
	}
}

static int emit(struct cpu *cpu, struct netns *net, struct sk_buff *skb, const u8 *hdr, u32 hlen, u32 offset, bool more)
{
	struct ip4_hdr *ip;
	u16 frag = be16_to_cpu(((const struct ip4_hdr *)hdr)->frag) & IP4_DF;
	u32 first = be16_to_cpu(((const struct ip4_hdr *)hdr)->frag) & IP4_OFFSET;
	bool was_more = be16_to_cpu(((const struct ip4_hdr *)hdr)->frag) & IP4_MF;

	if (!skb_cow_head(cpu, skb, hlen + SKB_HEADROOM / 2)) {
		mib_inc(cpu, net, MIB_Ip_FragFails);
		skb_drop_net(cpu, net, skb, SKB_DROP_REASON_NOMEM);
		return -ENOMEM;
	}
	skb_reset_transport_header(skb);
	skb_push(skb, hlen);
	skb_reset_network_header(skb);
	memcpy(skb->data, hdr, hlen);
	ip = ip4_header(skb);
	ip->frag = cpu_to_be16((u16)(frag | (more || was_more ? IP4_MF : 0) | (first + offset / 8)));
	ip->tot_len = cpu_to_be16((u16)skb->len);
	ip4_set_csum(ip);
	mib_inc(cpu, net, MIB_Ip_FragCreates);
	return ip4_finish_output(cpu, skb);
}

static int cut(struct cpu *cpu, struct netns *net, struct sk_buff *skb, u32 mtu)
{
	u8 hdr[IP4_HDR_MAX];
	u32 hlen = ip4_hlen(ip4_header(skb)), step, offset = 0, n = 0;
	struct ip4_cb cb = *IP4_CB(skb);
	int err = 0;

	if (skb->ip_summed == CHECKSUM_PARTIAL && !skb_checksum_help(cpu, skb)) {
		mib_inc(cpu, net, MIB_Ip_FragFails);
		skb_drop_net(cpu, net, skb, SKB_DROP_REASON_SKB_CSUM);
		return -EINVAL;
	}
	skb->ip_summed = CHECKSUM_NONE;
	if (cb.frag_max_size && cb.frag_max_size < mtu)
		mtu = cb.frag_max_size;
	memcpy(hdr, skb_network_header(skb), hlen);
	if (cb.flags & IP4CB_DF_FRAG)
		((struct ip4_hdr *)hdr)->frag.raw |= BE16(IP4_DF).raw;
	step = (mtu - hlen) & ~7u;
	if (mtu < hlen + 8) {
		mib_inc(cpu, net, MIB_Ip_FragFails);
		skb_drop_net(cpu, net, skb, SKB_DROP_REASON_IP_FRAG_FAILED);
		return -EMSGSIZE;
	}
	trace_point(cpu, net, skb, TP_FRAGMENT, (skb->len - hlen + step - 1) / step, mtu, NULL);
	skb_pull(skb, hlen);
	while (skb) {
		struct sk_buff *tail = NULL;
		u32 len = skb->len;
		int e;
		if (len > mtu - hlen || (len > step && offset == 0 && len + hlen > mtu)) {
			e = skb_split(cpu, skb, step, &tail);
			if (e) {
				mib_inc(cpu, net, MIB_Ip_FragFails);
				skb_drop_net(cpu, net, skb, SKB_DROP_REASON_NOMEM);
				return -ENOMEM;
			}
			len = step;
			*IP4_CB(tail) = cb;
		}
		e = emit(cpu, net, skb, hdr, hlen, offset, tail != NULL);
		err = err ? err : e;
		if (!n++)
			only_copied_options(hdr + IP4_HDR_LEN, hlen - IP4_HDR_LEN);
		offset += len;
		skb = tail;
	}
	if (!err)
		mib_inc(cpu, net, MIB_Ip_FragOKs);
	return err;
}

int ip4_fragment(struct cpu *cpu, struct netns *net, struct sk_buff *skb, u32 mtu)
{
	u16 largest = IP4_CB(skb)->frag_max_size;
	if (ip4_has_df(ip4_header(skb)) && (!skb->ignore_df || (largest && largest > mtu))) {
		mib_inc(cpu, net, MIB_Ip_FragFails);
		icmp4_send(cpu, skb, ICMP4_UNREACH, ICMP4_FRAG_NEEDED, cpu_to_be32(mtu));
		skb_drop_net(cpu, net, skb, SKB_DROP_REASON_PKT_TOO_BIG);
		return -EMSGSIZE;
	}
	return cut(cpu, net, skb, mtu);
}
