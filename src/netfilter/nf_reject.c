/* Refusing out loud. The reset comes from the address and port that the packet was for, whoever's they are, and goes back to its sender; RFC
 * 9293 3.5.2 says which numbers it bears. The ICMP error is inet's own, with its limits.
 */
#include "netfilter/nf_reject.h"

#include "codec/wire/icmp4.h"
#include "codec/wire/icmp6.h"
#include "codec/wire/ip4hdr.h"
#include "codec/wire/ip6hdr.h"
#include "codec/wire/tcphdr.h"
#include "inet/af.h"
#include "inet/dst.h"
#include "inet/ip4/ip4.h"
#include "inet/ip6/ip6.h"
#include "link/netdevice.h"

static const struct inet_af *af_of(const struct hook_state *st)
{
	return st->pf == NFPF_IPV6 ? st->net->inet->af6 : st->net->inet->af4;
}

/* Before routing a packet has no route yet, by which inet knows where it is. */
static bool has_route(struct cpu *cpu, const struct hook_state *st, struct sk_buff *skb)
{
	const struct inet_af *af = af_of(st);
	struct flow fl = { .family = af->family, .flags = FLOW_INPUT };

	if (skb->dst)
		return true;
	if (!st->in)
		return false;
	af->addrs(skb, &fl.saddr, &fl.daddr);
	fl.iif = st->in->ifindex;
	fl.mark = skb->mark;
	return af->route_in(cpu, st->net, skb, &fl) == SKB_NOT_DROPPED && skb->dst;
}

void nf_reject_icmp(struct cpu *cpu, const struct hook_state *st, struct sk_buff *skb, u8 code)
{
	if (!has_route(cpu, st, skb))
		return;
	if (st->pf == NFPF_IPV6)
		icmp6_send(cpu, skb, ICMP6_UNREACH, code, 0);
	else
		icmp4_send(cpu, skb, ICMP4_UNREACH, code, (be32){ 0 });
}

static bool csum_right(const struct inet_af *af, const struct sk_buff *skb, const struct inaddr *s, const struct inaddr *d, u32 thoff)
{
	u32 len = skb->len - thoff;

	if (skb->ip_summed == CHECKSUM_PARTIAL || skb->ip_summed == CHECKSUM_UNNECESSARY)
		return true;
	return !csum_fold(skb_checksum(skb, thoff, len, af->pseudo_csum(s, d, len, IPPROTO_TCP)));
}

void nf_reject_tcp(struct cpu *cpu, const struct hook_state *st, struct sk_buff *skb, u32 thoff)
{
	const struct inet_af *af = af_of(st);
	struct tcp_hdr tmp, *r;
	const struct tcp_hdr *th = skb_header_pointer(skb, thoff, TCP_HDR_LEN, &tmp);
	struct flow fl = { .family = af->family, .proto = IPPROTO_TCP, .flags = FLOW_ANYSRC };
	struct ip_out out = { .proto = IPPROTO_TCP, .ttl = -1, .pmtudisc = 1, .id_zero_ok = true };
	struct sk_buff *reset;
	struct inaddr s, d;
	struct dst *dst;
	u8 type;

	if (!th || th->flags & TCPF_RST || !has_route(cpu, st, skb))
		return;
	af->addrs(skb, &s, &d);
	type = af->addr_type(st->net, NULL, &d);
	if (type == RTN_BROADCAST || type == RTN_MULTICAST || !csum_right(af, skb, &s, &d, thoff))
		return;
	fl.saddr = out.saddr = d;
	fl.daddr = out.daddr = s;
	if (af->route_out(cpu, st->net, &fl, &dst))
		return;
	reset = skb_alloc(cpu, SKB_HEADROOM, TCP_HDR_LEN);
	if (!reset) {
		dst_put(dst);
		return;
	}
	r = (struct tcp_hdr *)skb_put(reset, TCP_HDR_LEN);
	*r = (struct tcp_hdr){ .sport = th->dport, .dport = th->sport, .doff = TCP_HDR_LEN / 4 << 4, .flags = TCPF_RST };
	if (th->flags & TCPF_ACK) {
		r->seq = th->ack;
	} else {
		u32 len = skb->len - thoff - MIN(tcp_hlen(th), skb->len - thoff);

		r->flags |= TCPF_ACK;
		r->ack = cpu_to_be32(be32_to_cpu(th->seq) + len + !!(th->flags & TCPF_SYN) + !!(th->flags & TCPF_FIN));
	}
	skb_reset_transport_header(reset);
	reset->ip_summed = CHECKSUM_PARTIAL;
	reset->csum_start = reset->transport_header;
	reset->csum_offset = offsetof(struct tcp_hdr, check);
	r->check = csum_reduce(af->pseudo_csum(&d, &s, TCP_HDR_LEN, IPPROTO_TCP));
	skb_dst_set(reset, dst);
	af->xmit(cpu, st->net, reset, &out);
}
