/* Segments without a connection behind them: resets, and the ACKs of TIME-WAIT and of requests.
 *
 * RFC 9293 3.10.7.1: a reset takes its sequence number from the ACK of what provoked it, or acknowledges what came.
 * The answer goes back along the way, from the address that was spoken to.
 */
#include "inet/ip6/ip6.h"
#include "transport/tcp/tcp_impl.h"

/* Sends a bare segment with options. r->flags decide what it is. */
int tcp_send_reply(struct cpu *cpu, struct netns *net, const struct tcp_reply *r)
{
	const struct inet_af *af = inet_af_of(net, &r->daddr);
	u32 hlen = TCP_HDR_LEN + tcp_out_opts_len(&r->opts);
	struct flow fl = { .family = af->family, .proto = IPPROTO_TCP, .tos = r->tos, .oif = r->oif, .mark = r->mark, .saddr = r->saddr,
			   .daddr = r->daddr, .sport = r->sport, .dport = r->dport, .flags = FLOW_ANYSRC };
	struct ip_out out = { .saddr = r->saddr, .daddr = r->daddr, .proto = IPPROTO_TCP, .tos = r->tos, .ttl = r->ttl ? r->ttl : -1, .pmtudisc = 1,
			      .mark = r->mark, .flowlabel = r->flowlabel, .id_zero_ok = true };
	struct sk_buff *skb;
	struct tcp_hdr *th;
	struct dst *dst;
	int err = af->route_out(cpu, net, &fl, &dst);

	if (err)
		return err;
	skb = skb_alloc(cpu, SKB_HEADROOM, hlen);
	if (!skb) {
		dst_put(dst);
		return -ENOBUFS;
	}
	th = (struct tcp_hdr *)skb_put(skb, hlen);
	skb_reset_transport_header(skb);
	th->sport = r->sport;
	th->dport = r->dport;
	th->seq = cpu_to_be32(r->seq);
	th->ack = cpu_to_be32(r->ack);
	th->doff = (u8)(hlen / 4 << 4 | r->ae);
	th->flags = r->flags;
	th->window = cpu_to_be16(r->window);
	th->urg = (be16){ 0 };
	tcp_out_opts_write((u8 *)(th + 1), &r->opts);
	if (unlikely(r->md5))
		tcp_md5_sign(r->md5, &r->saddr, &r->daddr, skb, th);
	if (unlikely(r->ao.key))
		tcp_ao_sign_reply(r, skb, th);
	skb->ip_summed = CHECKSUM_PARTIAL;
	skb->csum_start = skb->transport_header;
	skb->csum_offset = offsetof(struct tcp_hdr, check);
	th->check = csum_reduce(af->pseudo_csum(&r->saddr, &r->daddr, hlen, IPPROTO_TCP));
	skb->mark = r->mark;
	skb_dst_set(skb, dst);
	mib_inc(cpu, net, MIB_Tcp_OutSegs);
	return af->xmit(cpu, net, skb, &out);
}

/* Answers skb (transport header set, headers in front or pulled) with a reset; whose it is decides on marks and signatures. */
static void send_reset(struct cpu *cpu, struct netns *net, struct tcp_sock *tp, const struct tcp_req *req, const struct tcp_tw *tw, struct sk_buff *skb)
{
	const struct tcp_hdr *th = (const struct tcp_hdr *)skb_transport_header(skb);
	const struct inet_af *af = be16_eq(skb->protocol, BE16(0x86dd)) ? net->inet->af6 : net->inet->af4;
	const struct tcp_cb *cb = tcp_cb(skb);
	struct tcp_reply r = { .sport = th->dport, .dport = th->sport, .flags = TCPF_RST };

	if (th->flags & TCPF_RST) /* never a reset to a reset */
		return;
	af->addrs(skb, &r.daddr, &r.saddr);
	if (!tp && dev_by_index(net, skb->skb_iif) && dev_by_index(net, skb->skb_iif)->l3mdev_table)
		r.oif = skb->skb_iif;
	else if (!tp && (skb->dst ? skb->dst->type : af->addr_type(net, skb->dev ? dev_vrf(skb->dev) : NULL, &r.saddr)) != RTN_LOCAL) {
		mib_inc(cpu, net, MIB_Tcp_OutSegs); /* for many: counted, but there is no address to send it from */
		mib_inc(cpu, net, MIB_Tcp_OutRsts);
		return;
	}
	if (af->family == AF_INET6 && v6_needs_scope(&r.daddr))
		r.oif = skb->skb_iif;
	r.tos = cb->dsfield & ~3u;
	if (!tp && !req && !tw && af->family == AF_INET6 && net->ip6->flowlabel_reflect & 2)
		r.flowlabel = ip6_flowlabel((const struct ip6_hdr *)skb_network_header(skb));
	if (th->flags & TCPF_ACK) {
		r.seq = cb->ack_seq;
	} else {
		r.flags |= TCPF_ACK;
		r.ack = cb->end_seq;
	}
	if (tp) {
		r.mark = tp->inet.sk.mark;
		r.oif = tp->inet.sk.bound_dev_if ? tp->inet.sk.bound_dev_if : r.oif;
		r.md5 = tcp_md5_key(tp);
		tcp_ao_reply(tp->ao, &r);
	} else if (req) {
		r.md5 = tcp_md5_of(req->listener, req->iif, &r.daddr);
		if (!tcp_ao_req_reply(req, &r))
			return;
	} else if (tw) {
		r.md5 = tw->md5;
		tcp_ao_reply(tw->ao, &r);
	}
	r.opts.md5 = r.md5;
	mib_inc(cpu, net, MIB_Tcp_OutRsts);
	tcp_send_reply(cpu, net, &r);
}

/* tp: the connection that the segment concerns, or NULL. */
void tcp_send_reset(struct cpu *cpu, struct netns *net, struct tcp_sock *tp, struct sk_buff *skb) { send_reset(cpu, net, tp, NULL, NULL, skb); }

/* Of a request, or of remains. */
void tcp_send_reset_of(struct cpu *cpu, struct netns *net, const struct tcp_req *req, const struct tcp_tw *tw, struct sk_buff *skb)
{
	send_reset(cpu, net, NULL, req, tw, skb);
}

/* A reset from a connection itself (abort, linger 0, close with unread data). */
void tcp_send_active_reset(struct cpu *cpu, struct tcp_sock *tp)
{
	mib_inc(cpu, tp->inet.sk.net, MIB_Tcp_OutRsts);
	if (tcp_transmit(cpu, tp, &(struct tcp_tx){ .seq = tcp_acceptable_seq(tp), .flags = TCPF_RST | TCPF_ACK }))
		mib_inc(cpu, tp->inet.sk.net, MIB_TcpExt_TCPAbortFailed);
}
