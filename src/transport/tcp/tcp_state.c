/* The state machine (RFC 9293, 3.3.2): every state but ESTABLISHED, whose segments tcp_rx.c handles.
 *
 *   CLOSE -> SYN_SENT (tcp_connect.c) -> ESTABLISHED; SYN_SENT -> SYN_RECV at a simultaneous open
 *   LISTEN: requests (tcp_listen.c) become ESTABLISHED children
 *   our FIN first:   FIN_WAIT1 -> FIN_WAIT2 -> TIME_WAIT; both at once: FIN_WAIT1 -> CLOSING -> TIME_WAIT
 *   their FIN first: CLOSE_WAIT -> LAST_ACK -> CLOSE
 */
#include "transport/tcp/tcp_impl.h"

const char *tcp_state_name(unsigned state)
{
	static const char *const names[] = { "?", "ESTABLISHED", "SYN_SENT", "SYN_RECV", "FIN_WAIT1", "FIN_WAIT2", "TIME_WAIT", "CLOSE",
					     "CLOSE_WAIT", "LAST_ACK", "LISTEN", "CLOSING", "NEW_SYN_RECV" };
	return state < ARRAY_SIZE(names) ? names[state] : "?";
}

void tcp_set_state(struct cpu *cpu, struct tcp_sock *tp, u8 state)
{
	struct sock *sk = tcp_to_sock(tp);
	struct netns *net = sk->net;
	u8 old = sk->state;

	if (old == state)
		return;
	switch (state) {
	case TCP_ESTABLISHED:
		mib_inc(cpu, net, MIB_Tcp_CurrEstab);
		break;
	case TCP_CLOSE_WAIT:
		if (old == TCP_SYN_RECV)
			mib_inc(cpu, net, MIB_Tcp_CurrEstab);
		break;
	case TCP_CLOSE:
		if (old == TCP_CLOSE_WAIT || old == TCP_ESTABLISHED)
			mib_inc(cpu, net, MIB_Tcp_EstabResets);
		sk->state = TCP_CLOSE;
		tcp_unhash(cpu, tp);
		if (tp->inet.bucket && !(sk->userlocks & 8))
			port_unbind(&net->tcp->ports, &tp->inet);
		/* fallthrough */
	default:
		if (old == TCP_ESTABLISHED || old == TCP_CLOSE_WAIT) {
			if (!(state == TCP_CLOSE_WAIT))
				mib_add(cpu, net, MIB_Tcp_CurrEstab, (u64)-1);
		}
		break;
	}
	sk->state = state;
}

/* The connection is gone for good; an orphan's last reference may go with it. */
void tcp_done(struct cpu *cpu, struct tcp_sock *tp)
{
	struct sock *sk = tcp_to_sock(tp);

	if (sk->state == TCP_SYN_SENT || sk->state == TCP_SYN_RECV)
		mib_inc(cpu, sk->net, MIB_Tcp_AttemptFails);
	sock_hold(sk);
	tcp_fo_remove(cpu, tp, false);
	tcp_clear_timers(tp);
	sk->shutdown = SHUT_RCV_BIT | SHUT_SND_BIT;
	tcp_set_state(cpu, tp, TCP_CLOSE);
	if (sk->dead)
		tcp_destroy(cpu, tp);
	else
		sock_wake(cpu, sk);
	sock_put(cpu, sk);
}

/* Three-way handshake complete, either side: from here on data flows. */
void tcp_finish_connect(struct cpu *cpu, struct tcp_sock *tp)
{
	tcp_set_state(cpu, tp, TCP_ESTABLISHED);
	tp->ack.lrcvtime = cpu->now;
	tcp_init_transfer(cpu, tp);
	tp->tx_timestamp = cpu->now;
	if (tp->inet.sk.keepalive)
		tcp_arm_keepalive(cpu, tp, tcp_keepalive_time(tp));
	if (!tp->rx_opt.snd_wscale)
		tcp_fast_path_on(tp);
	else
		tp->pred_flags = 0;
}

/* Metrics, buffers, congestion control: once per connection. */
void tcp_init_transfer(struct cpu *cpu, struct tcp_sock *tp)
{
	tcp_metrics_load(cpu, tp);
	if (tp->total_retrans > 1 && tp->undo_marker)
		tp->snd_cwnd = 1; /* the SYN was lost: RFC 5681, 3.1 */
	else
		tp->snd_cwnd = tcp_init_cwnd(tp);
	tcp_rto_run_ends(cpu, tp);
	tp->snd_cwnd_stamp = cpu->now;
	tcp_mtu_init(cpu, tp);
	tcp_cc_init(cpu, tp);
	tcp_init_buffer_space(cpu, tp);
	tcp_update_pacing_rate(tp);
}

u32 tcp_init_cwnd(const struct tcp_sock *tp)
{
	u32 cwnd = tp->inet.dst ? dst_metric(tp->inet.dst, RTAX_INITCWND) : 0;

	return MIN(cwnd ? cwnd : TCP_INIT_CWND, tp->snd_cwnd_clamp);
}

/* Their FIN, in sequence. */
void tcp_fin(struct cpu *cpu, struct tcp_sock *tp)
{
	struct sock *sk = tcp_to_sock(tp);

	tp->ack.pending |= TCP_ACK_SCHED;
	sk->shutdown |= SHUT_RCV_BIT;
	tp->fin_received = true;
	switch (sk->state) {
	case TCP_SYN_RECV:
	case TCP_ESTABLISHED:
		tcp_set_state(cpu, tp, TCP_CLOSE_WAIT);
		tp->ack.pingpong = tcp_net(tp)->pingpong_thresh;
		break;
	case TCP_CLOSE_WAIT:
	case TCP_CLOSING:
	case TCP_LAST_ACK:
		break;
	case TCP_FIN_WAIT1: /* both at once */
		tcp_send_ack(cpu, tp);
		tcp_set_state(cpu, tp, TCP_CLOSING);
		break;
	case TCP_FIN_WAIT2:
		tcp_send_ack(cpu, tp);
		tcp_time_wait(cpu, tp, TCP_TIME_WAIT, TCP_TIMEWAIT_LEN);
		break;
	default:
		break;
	}
	/* Nothing behind a FIN counts. */
	struct rbnode *n;
	while ((n = rb_first(&tp->ofo)))
		tcp_ofo_drop(cpu, tp, tcp_cb_skb(n), SKB_DROP_REASON_TCP_OLD_DATA);
	tp->num_sacks = 0;
	tp->dsack = (struct tcp_sack_block){ 0 };
	if (!sk->dead)
		sock_wake(cpu, sk);
}

/* Fifth step: the ACK field. True: go on with the segment; false: it is gone. */
static bool ack_step(struct cpu *cpu, struct tcp_sock *tp, struct sk_buff *skb, const struct tcp_hdr *th, const u8 *sack, unsigned nsack)
{
	struct sock *sk = tcp_to_sock(tp);
	int r = tcp_ack(cpu, tp, skb, th, sack, nsack, FLAG_SLOWPATH | FLAG_UPDATE_TS_RECENT | FLAG_NO_CHALLENGE_ACK);

	if (r <= 0) {
		if (sk->state == TCP_SYN_RECV) { /* an unacceptable ACK of our SYN-ACK: RST (RFC 9293) */
			tcp_send_reset(cpu, sk->net, tp, skb);
			skb_drop_net(cpu, sk->net, skb, r ? (enum skb_drop_reason)-r : SKB_DROP_REASON_TCP_OLD_ACK);
			return false;
		}
		if (r < 0) {
			if (r == -SKB_DROP_REASON_TCP_ACK_UNSENT_DATA || r == -SKB_DROP_REASON_TCP_TOO_OLD_ACK)
				tcp_send_challenge_ack(cpu, tp);
			skb_drop_net(cpu, sk->net, skb, (enum skb_drop_reason)-r);
			return false;
		}
	}
	return true;
}

/* Our FIN is acknowledged. False: the socket is gone, and the segment with it. */
static bool fin_wait1_acked(struct cpu *cpu, struct tcp_sock *tp, struct sk_buff *skb, const struct tcp_hdr *th)
{
	struct sock *sk = tcp_to_sock(tp);
	struct tcp_cb *cb = tcp_cb(skb);
	u64 tmo;

	tcp_set_state(cpu, tp, TCP_FIN_WAIT2);
	sk->shutdown |= SHUT_SND_BIT;
	if (!sk->dead) {
		sock_wake(cpu, sk);
		return true;
	}
	if (tp->linger2 < 0) {
		tcp_done(cpu, tp);
		mib_inc(cpu, sk->net, MIB_TcpExt_TCPAbortOnData);
		skb_drop_net(cpu, sk->net, skb, SKB_DROP_REASON_TCP_ABORT_ON_DATA);
		return false;
	}
	/* Data for a reader who is gone. */
	if (cb->end_seq != cb->seq && seq_after(cb->end_seq - !!(th->flags & TCPF_FIN), tp->rcv_nxt)) {
		tcp_send_reset(cpu, sk->net, tp, skb);
		tcp_done(cpu, tp);
		mib_inc(cpu, sk->net, MIB_TcpExt_TCPAbortOnData);
		skb_drop_net(cpu, sk->net, skb, SKB_DROP_REASON_TCP_ABORT_ON_DATA);
		return false;
	}
	tmo = tcp_fin_time(tp);
	if (tmo > TCP_TIMEWAIT_LEN) {
		tcp_arm_keepalive(cpu, tp, tmo - TCP_TIMEWAIT_LEN);
	} else if ((th->flags & TCPF_FIN) && cb->seq == tp->rcv_nxt) {
		tcp_arm_keepalive(cpu, tp, tmo); /* the FIN is handled in a moment */
	} else if (th->flags & TCPF_FIN) {
		tcp_arm_keepalive(cpu, tp, tmo);
	} else {
		tcp_time_wait(cpu, tp, TCP_FIN_WAIT2, tmo);
		trace_point(cpu, sk->net, skb, TP_CONSUMED, sk->cookie, 0, "FIN acknowledged");
		skb_consume(cpu, skb);
		return false;
	}
	return true;
}

/* The last ACK of a Fast Open child's handshake. */
static void fastopen_established(struct cpu *cpu, struct tcp_sock *tp)
{
	struct tcp_req *req = tp->fastopen_rsk;

	if (!tp->srtt_us && !req->num_retrans) {
		tp->snt_synack_us = (u32)((cpu->now - req->sent_ns) / NSEC_PER_USEC);
		tcp_update_rtt(cpu, tp, 0, MAX((s64)tp->snt_synack_us, 1), -1, &(s64){ MAX((s64)tp->snt_synack_us, 1) });
	}
	tp->retransmits = 0;
	tp->retrans_stamp = 0;
	tcp_fo_remove(cpu, tp, false);
	tcp_rearm_rto(cpu, tp); /* it was the SYN-ACK's; data may be out as well */
}

/* All states but ESTABLISHED, LISTEN and TIME_WAIT. Consumes. */
void tcp_rx_state(struct cpu *cpu, struct tcp_sock *tp, struct sk_buff *skb)
{
	struct sock *sk = tcp_to_sock(tp);
	struct netns *net = sk->net;
	const struct tcp_hdr *th = (const struct tcp_hdr *)skb_transport_header(skb);
	struct tcp_cb *cb = tcp_cb(skb);
	const u8 *sack = NULL;
	unsigned nsack = 0;
	u32 hlen = tcp_hlen(th);

	if (sk->state == TCP_CLOSE) {
		skb_drop_net(cpu, net, skb, SKB_DROP_REASON_TCP_CLOSE);
		return;
	}
	if (sk->state == TCP_SYN_SENT) {
		tcp_rx_syn_sent(cpu, tp, skb, th);
		return;
	}
	if (!(th->flags & (TCPF_ACK | TCPF_RST | TCPF_SYN))) {
		skb_drop_net(cpu, net, skb, SKB_DROP_REASON_TCP_FLAGS);
		return;
	}
	if (unlikely(tp->fastopen_rsk) && !tcp_req_check(cpu, tp->fastopen_rsk, tp, skb, th))
		return;
	tcp_options_parse_fast(tp, th, &sack, &nsack);
	if (!tcp_validate(cpu, tp, skb, th, true))
		return;
	if (!(th->flags & TCPF_ACK)) {
		skb_drop_net(cpu, net, skb, SKB_DROP_REASON_TCP_FLAGS);
		return;
	}
	tcp_ecn_count(tp, skb, skb->len - hlen);
	if (sk->state == TCP_SYN_RECV && tp->accecn) {
		tcp_accecn_third_ack(cpu, tp, th, skb->len - hlen);
		tp->aecn.handshake = true;
	}
	if (!ack_step(cpu, tp, skb, th, sack, nsack))
		return;
	tp->aecn.handshake = false;

	switch (sk->state) {
	case TCP_SYN_RECV: /* simultaneous open, Fast Open; requests of listeners are elsewhere */
		tp->delivered++;
		if (tp->fastopen_rsk) {
			fastopen_established(cpu, tp);
		} else {
			tcp_init_transfer(cpu, tp);
			tp->copied_seq = tp->rcv_nxt;
		}
		tcp_set_state(cpu, tp, TCP_ESTABLISHED);
		tp->snd_una = cb->ack_seq;
		tp->snd_wnd = (u32)cb->window << tp->rx_opt.snd_wscale;
		tp->snd_wl1 = cb->seq;
		tp->max_window = MAX(tp->max_window, tp->snd_wnd);
		if (tp->rx_opt.tstamp_ok)
			tp->advmss -= TCPO_TIMESTAMP_ALIGNED_LEN;
		tp->ack.lrcvtime = cpu->now;
		tcp_fast_path_on(tp);
		if (sk->keepalive)
			tcp_arm_keepalive(cpu, tp, tcp_keepalive_time(tp));
		sock_wake(cpu, sk);
		if (sk->shutdown & SHUT_SND_BIT) {
			tcp_set_state(cpu, tp, TCP_FIN_WAIT1);
			tcp_send_fin(cpu, tp);
		}
		break;
	case TCP_FIN_WAIT1:
		if (tp->fastopen_rsk) /* closed before the handshake was complete */
			fastopen_established(cpu, tp);
		if (tp->snd_una == tp->write_seq && !fin_wait1_acked(cpu, tp, skb, th))
			return;
		break;
	case TCP_CLOSING:
		if (tp->snd_una == tp->write_seq) {
			tcp_time_wait(cpu, tp, TCP_TIME_WAIT, TCP_TIMEWAIT_LEN);
			trace_point(cpu, net, skb, TP_CONSUMED, sk->cookie, 0, "FIN acknowledged");
			skb_consume(cpu, skb);
			return;
		}
		break;
	case TCP_LAST_ACK:
		if (tp->snd_una == tp->write_seq) {
			tcp_metrics_save(cpu, tp);
			tcp_done(cpu, tp);
			trace_point(cpu, net, skb, TP_CONSUMED, sk->cookie, 0, "closed");
			skb_consume(cpu, skb);
			return;
		}
		break;
	default:
		break;
	}

	tcp_urg_rx(cpu, tp, skb, th, hlen);

	/* Seventh: the data. */
	switch (sk->state) {
	case TCP_CLOSE_WAIT:
	case TCP_CLOSING:
	case TCP_LAST_ACK:
		if (!seq_before(cb->seq, tp->rcv_nxt)) { /* nothing comes behind their FIN */
			trace_point(cpu, net, skb, TP_CONSUMED, sk->cookie, 0, "ACK processed");
			skb_consume(cpu, skb);
			break;
		}
		/* fallthrough */
	case TCP_FIN_WAIT1:
	case TCP_FIN_WAIT2:
		/* Both directions are shut down (RFC 1122 4.2.2.13): data for nobody, RST. */
		if ((sk->shutdown & SHUT_RCV_BIT) && cb->end_seq != cb->seq &&
		    seq_after(cb->end_seq - !!(th->flags & TCPF_FIN), tp->rcv_nxt)) {
			mib_inc(cpu, net, MIB_TcpExt_TCPAbortOnData);
			tcp_send_reset(cpu, net, tp, skb);
			tcp_reset(cpu, tp);
			skb_drop_net(cpu, net, skb, SKB_DROP_REASON_TCP_ABORT_ON_DATA);
			return;
		}
		/* fallthrough */
	case TCP_ESTABLISHED:
		tcp_rcv_rtt_measure_ts(cpu, tp, skb, skb->len - hlen);
		skb_pull(skb, hlen);
		tcp_data_queue(cpu, tp, skb);
		break;
	default:
		skb_consume(cpu, skb);
	}
	if (sk->state != TCP_CLOSE) {
		tcp_data_snd_check(cpu, tp);
		tcp_ack_snd_check(cpu, tp);
	}
}
