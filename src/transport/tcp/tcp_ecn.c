/* Explicit congestion notification: which kind is agreed on, marks on what we send; of RFC 3168, the echoes of what arrives marked.
 *
 * net.ipv4.tcp_ecn      0  1  2  3  4  5	(3 to 5 as in newer Linux: 6.18 has accurate ECN, and no value that switches it on)
 *   a SYN of ours asks for  -  E  -  A  E  -	E: RFC 3168; A: accurate ECN, RFC 9768 (tcp_accecn.c)
 *   a listener accepts      -  E  E  EA EA EA
 * A route's feature `ecn` asks for and accepts RFC 3168 as well. A congestion control that lives by ECN (DCTCP) asks always and marks
 * everything as capable: SYNs, pure ACKs, retransmissions (RFC 8257).
 *
 * RFC 3168: the receiver echoes a mark in every ACK (ECE) until the sender says that it reduced its window (CWR); the sender does so once
 * per window: see tcp_recovery.c, CWR. For DCTCP the echo follows the marks exactly: cc/cc_dctcp.c.
 */
#include "transport/tcp/tcp_impl.h"

enum { ECT0 = 2, CE = 3, ECN_MASK = 3 };
enum { ACE_RFC3168_SYN = 3, ACE_RFC3168_SYNACK = 1, ACE_ALL = 7 };
#define ECN_SETUP (TCPF_ECE | TCPF_CWR)

static bool route_has_ecn(const struct dst *d) { return d && (dst_metric(d, RTAX_FEATURES) & RTAX_FEATURE_ECN); }

/* -- the handshake: client -- */

/* Flags that our SYN carries beside SYN (and AE: tcp_ecn_send). */
u8 tcp_ecn_syn_flags(struct tcp_sock *tp)
{
	u8 mode = tcp_net(tp)->ecn;

	tp->ecn_ok = tp->accecn = false;
	tp->ecn_syn = mode == 3 ? ECN_SYN_ACCURATE :
				  mode == 1 || mode == 4 || route_has_ecn(tp->inet.dst) || tp->cc->needs_ecn ? ECN_SYN_RFC3168 : ECN_SYN_NONE;
	return tp->ecn_syn ? ECN_SETUP : 0;
}

/* Retransmissions go without (RFC 3168, 6.1.1.1: some path may drop such SYNs), unless tcp_ecn_fallback is off; one that asks for accurate
 * ECN is tried twice (RFC 9768, 3.1.4.1). */
u8 tcp_ecn_syn_again_flags(const struct tcp_sock *tp)
{
	bool again = !tcp_net(tp)->ecn_fallback || (tp->ecn_syn == ECN_SYN_ACCURATE && tp->retransmits <= 1);

	return tp->ecn_syn && again ? ECN_SETUP : 0;
}

/* The SYN-ACK of our SYN. ECE alone agrees to RFC 3168; when we asked for accurate ECN, nothing and everything set are refusals, and the
 * rest agrees to that (RFC 9768, 3.1.2), even to a SYN sent without. */
void tcp_ecn_synack_rx(struct tcp_sock *tp, const struct tcp_hdr *th, u8 dsfield)
{
	u8 ace = tcp_ace(th);

	tp->ecn_ok = tp->ecn_syn && (th->flags & ECN_SETUP) == TCPF_ECE;
	if (tp->ecn_syn != ECN_SYN_ACCURATE)
		return;
	tp->ecn_ok = ace == ACE_RFC3168_SYNACK;
	tp->aecn.syn_snt = tp->cc->needs_ecn ? ECT0 : 0;
	if (ace && ace != ACE_ALL && !tp->ecn_ok)
		tcp_accecn_synack_rx(tp, th, dsfield & ECN_MASK);
}

/* A SYN that crossed ours. */
void tcp_ecn_syn_rx(struct tcp_sock *tp, const struct tcp_hdr *th, u8 dsfield)
{
	u8 ace = tcp_ace(th);

	tp->accecn = tp->ecn_syn == ECN_SYN_ACCURATE && ace && ace != ACE_RFC3168_SYN;
	tp->ecn_ok = tp->ecn_syn && !tp->accecn && (th->flags & ECN_SETUP) == ECN_SETUP;
	tp->aecn.syn_rcv = tp->aecn.prev = dsfield & ECN_MASK;
}

/* -- the handshake: listener -- */

/* A SYN's ECN setup: what may the connection use? A marked SYN is not RFC 3168's; it is all right from a peer of DCTCP, or one that asks
 * for accurate ECN (the AE bit). */
void tcp_ecn_req(struct tcp_req *req, const struct dst *dst, const struct tcp_hdr *th)
{
	const struct tcp_sock *l = req->listener;
	u8 mode = tcp_net(l)->ecn, ace = tcp_ace(th);
	bool by_route = route_has_ecn(dst), ect = req->tos & ECN_MASK, ae = th->doff & 1;
	const struct tcp_cc_ops *cc;

	req->ecn_ok = false;
	req->accecn = mode >= 3 && ace && ace != ACE_RFC3168_SYN;
	if (req->accecn || (th->flags & ECN_SETUP) != ECN_SETUP)
		return;
	cc = tcp_cc_of_route(req->net->world, dst);
	req->ecn_ok = (cc ? cc : l->cc)->needs_ecn || l->cc->needs_ecn || ((!ect || ae || by_route) && (mode || by_route));
}

/* The SYN again: its mark is reflected anew; without the bits, nothing of ours is to be marked (RFC 9768, 3.1.5). */
void tcp_ecn_req_syn_again(struct tcp_req *req, const struct tcp_hdr *th, u8 dsfield)
{
	if (!req->accecn)
		return;
	req->tos = (u8)((req->tos & ~ECN_MASK) | (dsfield & ECN_MASK));
	if (!tcp_ace(th))
		req->accecn_fail |= ACCECN_ACE_FAIL_RECV;
}

/* The SYN-ACK. Sent again it does without the option, and from the second timeout on without accurate ECN's bits: something may drop
 * either (RFC 9768, 3.2.3.2.2). */
void tcp_ecn_req_synack(const struct tcp_req *req, struct tcp_reply *r, bool again)
{
	u8 ace;

	if ((req->ecn_ok || req->accecn) && req->listener->cc->needs_ecn)
		r->tos |= ECT0;
	if (req->ecn_ok)
		r->flags |= TCPF_ECE;
	if (!req->accecn || (req->num_timeout && tcp_net(req->listener)->ecn_fallback))
		return;
	ace = tcp_accecn_reflector(req->tos & ECN_MASK);
	r->ae = ace >> 2;
	r->flags |= (u8)((ace & 2 ? TCPF_CWR : 0) | (ace & 1 ? TCPF_ECE : 0));
	if (!again && tcp_net(req->listener)->ecn_option)
		tcp_accecn_synack_option(&r->opts);
}

void tcp_ecn_child(struct tcp_sock *tp, const struct tcp_req *req)
{
	tp->ecn_ok = req->ecn_ok;
	tp->accecn = req->accecn;
	tp->aecn.syn_rcv = tp->aecn.prev = req->tos & ECN_MASK;
	tp->aecn.syn_snt = req->listener->cc->needs_ecn ? ECT0 : 0;
	tp->aecn.fail = req->accecn_fail;
}

/* -- marks -- */

/* Marks a segment on its way out. */
void tcp_ecn_send(struct cpu *cpu, struct tcp_sock *tp, const struct tcp_tx *x, const struct tcp_out_opts *o, struct tcp_hdr *th, struct ip_out *out)
{
	bool syn = x->flags & TCPF_SYN, fresh = x->len && !x->retrans && !syn, capable;

	/* RFC 3168: only new data is capable; a lost retransmission or ACK would not be noticed as the mark's loss is. RFC 9768: all. */
	capable = (fresh && tp->ecn_ok) || tp->cc->needs_ecn || (tp->accecn && !syn && !(tp->aecn.fail & ACCECN_ACE_FAIL_RECV));
	out->tos = (u8)((out->tos & ~ECN_MASK) | (capable ? ECT0 : 0));
	if (tp->accecn) {
		tcp_accecn_send(cpu, tp, th, o, !x->len && !(x->flags & TCPF_FIN));
		return;
	}
	if (syn) {
		if (x->flags & TCPF_ACK)
			th->flags |= tp->ecn_ok ? TCPF_ECE : 0;
		else if (tp->ecn_syn == ECN_SYN_ACCURATE && (x->flags & ECN_SETUP))
			th->doff |= 1;
		return;
	}
	if (!tp->ecn_ok)
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
		if (tp->ecn_ok && !tp->ecn_demand_cwr) {
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
