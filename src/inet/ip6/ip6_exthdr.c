/* Extension headers of received packets (RFC 8200 section 4): hop-by-hop and destination options, routing headers; and finding the
 * upper layer behind them.
 *
 * The kernel's limits hold: max_hbh_opts_number, max_hbh_length and their twins for destination options; padding may not exceed 7
 * bytes at a time and must be zeros. Routing headers are not followed (RFC 5095): one that is not used up draws an error.
 * Data stays at the network header; skb->transport_header is at the header to be looked at, and moves behind it.
 */
#include "inet/ip6/ip6_priv.h"

static inline u32 at(const struct sk_buff *skb) { return (u32)(skb->transport_header - skb->network_header); }
static inline u8 *hdr(const struct sk_buff *skb) { return skb->head + skb->transport_header; }

/* data may be at the network header (hop-by-hop, before routing) or at the transport header. */
static bool need(struct cpu *cpu, struct sk_buff *skb, u32 n)
{
	u32 before = (u32)(skb->head + skb->transport_header - skb->data);
	return pskb_may_pull(cpu, skb, before + n);
}

void ip6_param_problem(struct cpu *cpu, struct netns *net, struct sk_buff *skb, u8 code, u32 pointer, enum skb_drop_reason reason)
{
	icmp6_send(cpu, skb, ICMP6_PARAM_PROBLEM, code, pointer);
	skb_drop_net(cpu, net, skb, reason);
}

enum verdict { OPT_OK, OPT_BAD, OPT_GONE };

/* An option that nobody here knows: its two highest bits say what to do. */
static enum verdict unknown_option(struct cpu *cpu, struct netns *net, struct sk_buff *skb, u32 off, bool refuse)
{
	u8 action = IP6_OPT_ACTION(skb_network_header(skb)[off]);
	struct inaddr d = ip6_dst(skb);
	if (refuse)
		return OPT_BAD;
	switch (action) {
	case 0:
		return OPT_OK;
	case 3:
		if (v6_is_multicast(&d))
			break;
		/* fall through */
	case 2:
		ip6_param_problem(cpu, net, skb, ICMP6_UNK_OPTION, off, SKB_DROP_REASON_UNHANDLED_PROTO);
		return OPT_GONE;
	}
	skb_drop_net(cpu, net, skb, SKB_DROP_REASON_UNHANDLED_PROTO);
	return OPT_GONE;
}

static enum verdict jumbo(struct cpu *cpu, struct netns *net, struct sk_buff *skb, u32 off)
{
	const u8 *o = skb_network_header(skb) + off;
	u32 len;
	if (o[1] != 4 || (off & 3) != 2)
		return OPT_BAD;
	len = (u32)o[2] << 24 | (u32)o[3] << 16 | (u32)o[4] << 8 | o[5];
	if (len <= 65535 || ip6_payload_len(ip6_header(skb))) {
		ip6_param_problem(cpu, net, skb, ICMP6_HDR_FIELD, len <= 65535 ? off + 2 : off, SKB_DROP_REASON_IP_INHDR);
		return OPT_GONE;
	}
	skb_drop_net(cpu, net, skb, SKB_DROP_REASON_PKT_TOO_SMALL);
	return OPT_GONE;
}

/* The options of a header of len bytes at off from the network header. max_opts < 0: unknown ones are refused, and so many others go. */
static enum verdict options(struct cpu *cpu, struct netns *net, struct sk_buff *skb, u32 off, u32 len, s32 max_opts, bool hop)
{
	bool refuse_unknown = max_opts < 0;
	s32 count = 0, max = refuse_unknown ? -max_opts : max_opts;
	u32 padded = 0, end = off + len;

	for (off += 2; off < end;) {
		const u8 *o = skb_network_header(skb) + off;
		u32 n;
		enum verdict v = OPT_OK;
		if (o[0] == IP6_OPT_PAD1) {
			if (++padded > 7)
				return OPT_BAD;
			off++;
			continue;
		}
		if (end - off < 2 || (n = o[1] + 2u) > end - off)
			return OPT_BAD;
		if (o[0] == IP6_OPT_PADN) {
			padded += n;
			if (padded > 7)
				return OPT_BAD;
			for (u32 i = 2; i < n; i++)
				if (o[i])
					return OPT_BAD;
			off += n;
			continue;
		}
		if (++count > max)
			return OPT_BAD;
		if (hop && o[0] == IP6_OPT_ROUTER_ALERT) {
			if (o[1] != 2)
				return OPT_BAD;
			IP6_CB(skb)->ra = (u16)off;
		} else if (hop && o[0] == IP6_OPT_JUMBO) {
			v = jumbo(cpu, net, skb, off);
		} else if (hop && ((o[0] == IP6_OPT_CALIPSO && o[1] < 8) || (o[0] == IP6_OPT_IOAM && o[1] < 10))) {
			/* a label without its fixed part (RFC 5570), a trace without its header (RFC 9486) */
			return OPT_BAD;
		} else {
			v = unknown_option(cpu, net, skb, off, refuse_unknown);
		}
		if (v != OPT_OK)
			return v;
		padded = 0;
		off += n;
	}
	return OPT_OK;
}

/* Both kinds of options header: length limits, the options, and on to the next header. */
static bool options_header(struct cpu *cpu, struct netns *net, struct sk_buff *skb, s32 max_len, s32 max_opts, bool hop)
{
	struct inet6_dev *idev = in6_dev_get(skb->dev);
	u32 off = at(skb), len;
	enum verdict v = OPT_BAD;

	if (need(cpu, skb, 8)) {
		len = (hdr(skb)[1] + 1u) * 8;
		if (need(cpu, skb, len) && (s64)len <= max_len) {
			v = options(cpu, net, skb, off, len, max_opts, hop);
			if (v == OPT_OK) {
				IP6_CB(skb)->nhoff = IP6_CB(skb)->lastopt = (u16)off;
				skb->transport_header = (u16)(skb->transport_header + len);
				return true;
			}
		}
	}
	mib6_inc(cpu, net, idev, MIB_Ip6_InHdrErrors);
	if (v == OPT_BAD)
		skb_drop_net(cpu, net, skb, SKB_DROP_REASON_IP_INHDR);
	return false;
}

bool ip6_rx_hopopts(struct cpu *cpu, struct netns *net, struct sk_buff *skb)
{
	return options_header(cpu, net, skb, net->ip6->max_hbh_opts_len, net->ip6->max_hbh_opts_cnt, true);
}

bool ip6_rx_dstopts(struct cpu *cpu, struct netns *net, struct sk_buff *skb)
{
	IP6_CB(skb)->dst1 = (u16)at(skb);
	return options_header(cpu, net, skb, net->ip6->max_dst_opts_len, net->ip6->max_dst_opts_cnt, false);
}

bool ip6_rx_rthdr(struct cpu *cpu, struct netns *net, struct sk_buff *skb)
{
	struct inet6_dev *idev = in6_dev_get(skb->dev);
	struct ip6_rt_hdr h;
	struct inaddr d = ip6_dst(skb);
	u32 off = at(skb);

	if (!need(cpu, skb, 8) || !need(cpu, skb, (hdr(skb)[1] + 1u) * 8)) {
		mib6_inc(cpu, net, idev, MIB_Ip6_InHdrErrors);
		skb_drop_net(cpu, net, skb, SKB_DROP_REASON_IP_INHDR);
		return false;
	}
	memcpy(&h, hdr(skb), sizeof(h));
	if (v6_is_multicast(&d) || skb->pkt_type != PACKET_HOST) {
		mib6_inc(cpu, net, idev, MIB_Ip6_InAddrErrors);
		skb_drop_net(cpu, net, skb, SKB_DROP_REASON_IP_INADDRERRORS);
		return false;
	}
	if (h.type == IP6_RT_RPL || h.type == IP6_RT_SEGMENT) { /* which nobody is to follow here */
		skb_drop_net(cpu, net, skb, SKB_DROP_REASON_NOT_SPECIFIED);
		return false;
	}
	if (!h.segments_left) {
		IP6_CB(skb)->lastopt = IP6_CB(skb)->srcrt = (u16)off;
		IP6_CB(skb)->nhoff = (u16)off;
		skb->transport_header = (u16)(skb->transport_header + (h.len + 1u) * 8);
		return true;
	}
	mib6_inc(cpu, net, idev, MIB_Ip6_InHdrErrors);
	ip6_param_problem(cpu, net, skb, ICMP6_HDR_FIELD, off + offsetof(struct ip6_rt_hdr, type), SKB_DROP_REASON_IP_INHDR);
	return false;
}

int ip6_skip_exthdrs(const struct sk_buff *skb, u32 off, u8 *nexthdr, be16 *frag_off)
{
	*frag_off = (be16){ 0 };
	while (ip6_is_ext(*nexthdr)) {
		struct ip6_ext tmp;
		const struct ip6_ext *e;
		if (*nexthdr == IP6_NH_NONE || !(e = skb_header_pointer(skb, off, sizeof(tmp), &tmp)))
			return -1;
		if (*nexthdr == IP6_NH_FRAGMENT) {
			be16 t;
			const be16 *f = skb_header_pointer(skb, off + offsetof(struct ip6_frag_hdr, off), 2, &t);
			if (!f)
				return -1;
			memcpy(&t, f, 2);
			*frag_off = t;
			if (be16_to_cpu(t) & IP6_FRAG_OFFSET)
				break;
		}
		off += ip6_ext_len(*nexthdr, e->len);
		*nexthdr = e->nexthdr;
	}
	return (int)off;
}
