/* Explicit congestion notification (RFC 3168): negotiation, marks on what we send, echoes of what arrives marked.
 *
 * net.ipv4.tcp_ecn: 1 asks and accepts, 2 only accepts, 0 neither; a route's feature `ecn` asks and accepts as well. A congestion
 * control that lives by ECN (DCTCP) asks always and marks everything as capable: SYNs, pure ACKs, retransmissions (RFC 8257).
 * Accurate ECN (RFC 9768) cannot be switched on in Linux 6.18, so it is not here; a peer that asks for it gets RFC 3168.
 *
 * The receiver echoes a mark in every ACK (ECE) until the sender says that it reduced its window (CWR); the sender does so once per
 * window: see tcp_recovery.c, CWR. For DCTCP the echo follows the marks exactly: cc/cc_dctcp.c.
 */
#include "transport/tcp/tcp_impl.h"

enum { ECT0 = 2, CE = 3, ECN_MASK = 3 };
#define ECN_SETUP (TCPF_ECE | TCPF_CWR)

static bool route_has_ecn(const struct dst *d) { return d && (dst_metric(d, RTAX_FEATURES) & RTAX_FEATURE_ECN); }

/* Flags that our SYN carries beside SYN. Retransmissions go without (RFC 3168, 6.1.1.1: some path may drop such SYNs), unless
 * tcp_ecn_fallback is off. */
u8 tcp_ecn_syn_flags(struct tcp_sock *tp)
{
	tp->ecn_ok = false;
	tp->ecn_syn = tcp_net(tp)->ecn == 1 || route_has_ecn(tp->inet.dst) || tp->cc->needs_ecn;
	return tp->ecn_syn ? ECN_SETUP : 0;
}
u8 tcp_ecn_syn_again_flags(const struct tcp_sock *tp) { return tp->ecn_syn && !tcp_net(tp)->ecn_fallback ? ECN_SETUP : 0; }

/* The SYN-ACK of our SYN: ECE alone agrees. */
void tcp_ecn_synack_rx(struct tcp_sock *tp, const struct tcp_hdr *th)
{
	tp->ecn_ok = tp->ecn_syn && (th->flags & ECN_SETUP) == TCPF_ECE;
}

/* A SYN's ECN setup: may the connection use it? A marked SYN is not RFC 3168's; it is all right from a peer of DCTCP, or one that asks
 * for accurate ECN (the AE bit). */
bool tcp_ecn_accept(const struct tcp_sock *l, const struct dst *dst, const struct tcp_hdr *th, u8 dsfield)
{
	bool by_route = route_has_ecn(dst), ect = dsfield & ECN_MASK, ae = th->doff & 1;
	const struct tcp_cc_ops *cc;

	if ((th->flags & ECN_SETUP) != ECN_SETUP)
		return false;
	cc = tcp_cc_of_route(tcp_to_sock((struct tcp_sock *)l)->net->world, dst);
	if ((cc ? cc : l->cc)->needs_ecn || l->cc->needs_ecn)
		return true;
	return (!ect || ae || by_route) && (tcp_net(l)->ecn || by_route);
}

/* Marks a segment on its way out. */
void tcp_ecn_send(struct tcp_sock *tp, const struct tcp_tx *x, struct tcp_hdr *th, struct ip_out *out)
{
	bool fresh = x->len && !x->retrans && !(x->flags & TCPF_SYN);

	/* Only new data is capable: a lost retransmission or ACK would not be noticed as the mark's loss is. */
	out->tos = (u8)((out->tos & ~ECN_MASK) | ((fresh && tp->ecn_ok) || tp->cc->needs_ecn ? ECT0 : 0));
	if (!tp->ecn_ok || (x->flags & TCPF_SYN))
		return;
	if (fresh && tp->ecn_queue_cwr) {
		tp->ecn_queue_cwr = false;
		th->flags |= TCPF_CWR;
	}
	if (tp->ecn_demand_cwr)
		th->flags |= TCPF_ECE;
}

/* What the IP header of a data segment says. */
void tcp_ecn_recv(struct cpu *cpu, struct tcp_sock *tp, const struct sk_buff *skb)
{
	switch (((const struct tcp_cb *)skb->cb)->dsfield & ECN_MASK) {
	case 0: /* after ECT was seen: probably a retransmission */
		if (tp->ecn_seen)
			tcp_enter_quickack(tp, 2);
		break;
	case CE:
		if (tp->cc->needs_ecn)
			tcp_cc_event(cpu, tp, CA_EVENT_ECN_IS_CE);
		if (!tp->ecn_demand_cwr) {
			tcp_enter_quickack(tp, 2); /* tell at once */
			tp->ecn_demand_cwr = true;
		}
		tp->ecn_seen = 1;
		break;
	default:
		if (tp->cc->needs_ecn)
			tcp_cc_event(cpu, tp, CA_EVENT_ECN_NO_CE);
		tp->ecn_seen = 1;
	}
}

/* The sender says that it reduced its window: no more ECE, until the next CE. */
void tcp_ecn_accept_cwr(struct tcp_sock *tp, const struct sk_buff *skb)
{
	tp->ecn_demand_cwr = false;
	/* Its next data may wait for our ACK: a small window after a reduction. */
	if (((const struct tcp_cb *)skb->cb)->seq != ((const struct tcp_cb *)skb->cb)->end_seq)
		tp->ack.pending |= TCP_ACK_NOW;
}
