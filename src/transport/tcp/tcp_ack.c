/* What an acknowledgement does: the send window, the retransmit queue, round-trip samples, and the call of recovery.
 *
 * Comes from tcp_rx.c and tcp_state.c with a segment whose sequence numbers were accepted; calls tcp_sack.c (scoreboard),
 * tcp_recovery.c (states of loss), cc/ (window). RFC 9293 3.10.7.4 "fifth, check the ACK field", RFC 5681, 6675, 5961 (5).
 * Invariant: after it, snd_una <= snd_nxt and the first tcp_seg begins at snd_una.
 */
#include "transport/tcp/tcp_impl.h"

/* The window moved: remembers from where. */
static bool may_update_window(const struct tcp_sock *tp, u32 ack, u32 ack_seq, u32 nwin)
{
	return seq_after(ack, tp->snd_una) || seq_after(ack_seq, tp->snd_wl1) ||
	       (ack_seq == tp->snd_wl1 && (nwin > tp->snd_wnd || !nwin));
}

static int update_window(struct cpu *cpu, struct tcp_sock *tp, const struct tcp_cb *cb, u32 ack)
{
	u32 nwin = cb->window;
	int flag = 0;

	if (!(cb->flags & TCPF_SYN))
		nwin <<= tp->rx_opt.snd_wscale;
	if (may_update_window(tp, ack, cb->seq, nwin)) {
		flag |= FLAG_WIN_UPDATE;
		tp->snd_wl1 = cb->seq;
		if (tp->snd_wnd != nwin) {
			tp->snd_wnd = nwin;
			tp->pred_flags = 0;
			tcp_fast_path_check(tp);
			if (tcp_send_head(tp))
				tcp_slow_start_after_idle_check(cpu, tp);
			if (nwin > tp->max_window) {
				tp->max_window = nwin;
				tcp_sync_mss(cpu, tp, tp->pmtu_cookie);
			}
		}
	}
	if (seq_after(ack, tp->snd_una)) {
		tp->bytes_acked += ack - tp->snd_una;
		tp->snd_una = ack;
	}
	return flag;
}

/* Takes everything before snd_una off the queue. */
static int clean_rtx_queue(struct cpu *cpu, struct tcp_sock *tp, u32 prior_fack, u32 prior_una, struct tcp_sack_state *st)
{
	u64 first = 0, last = 0;
	u32 una = tp->snd_una, reord = tp->snd_nxt, acked_total = 0, prior_sacked = tp->sacked_out, last_in_flight = 0;
	s64 seq_rtt = -1, ca_rtt = -1, sack_rtt = -1;
	bool partial = false, rtt_moved;
	struct tcp_seg *s;
	int flag = 0;

	while ((s = tcp_seg_first(tp)) && seq_before(s->seq, una)) {
		u8 state = s->state, sflags = s->flags;
		u16 trimmed = s->trimmed;
		u32 acked, start = s->seq, end = s->end_seq;
		u64 tx = s->tx_ns;

		if (seq_after(s->end_seq, una)) {
			partial = true;
			acked = tcp_seg_trim_head(tp, s, una); /* counters follow by themselves */
			if (!acked)
				break;
			end = una;
			last_in_flight = s->tx_in_flight;
			tcp_rate_seg_delivered(tp, s, st->rate);
			if (!(state & SEG_SACKED))
				st->delivered_bytes += end - start;
		} else {
			tcp_rate_seg_delivered(tp, s, st->rate);
			if (!(state & SEG_SACKED))
				st->delivered_bytes += tcp_seg_payload(s);
			acked = s->pcount;
			last_in_flight = s->tx_in_flight;
			if (state & SEG_SACKED)
				tp->sacked_out -= acked;
			if (state & SEG_RETRANS)
				tp->retrans_out -= acked;
			if (state & SEG_LOST)
				tp->lost_out -= acked;
			tp->packets_out -= acked;
			tcp_seg_del(cpu, tp, s);
		}
		if (state & SEG_RETRANS || state & SEG_EVER_RETRANS) {
			flag |= FLAG_RETRANS_DATA_ACKED;
		} else if (!(state & SEG_SACKED)) {
			last = tx;
			if (!first)
				first = tx;
			/* A packet that was acknowledged in two pieces counts from its beginning, so as one that came late, as Linux has it. */
			if (seq_before(start - trimmed, reord))
				reord = start - trimmed;
			if (!seq_after(end, tp->high_seq))
				flag |= FLAG_ORIG_SACK_ACKED;
		}
		if (!(state & SEG_SACKED) && tcp_is_sack(tp)) {
			tp->delivered += acked;
			if (!tcp_spurious_retrans(tp, state, tx))
				tcp_rack_advance(cpu, tp, state, end, tx);
		}
		acked_total += acked;
		/* A SYN's acknowledgement is no data; data behind one, if any, is. */
		if (!(sflags & TCPF_SYN)) {
			flag |= FLAG_DATA_ACKED;
		} else {
			flag |= FLAG_SYN_ACKED;
			tp->retrans_stamp = 0;
		}
		if (partial)
			break;
	}
	if (unlikely(tp->marks))
		tcp_marks_acked(cpu, tp, una);
	tcp_txq_ack(cpu, tp, una);
	if (seq_between(tp->snd_up, prior_una, una))
		tp->snd_up = una;
	if (tp->urg_mode && !seq_after(tp->snd_up, una))
		tp->urg_mode = false;

	if (first && !(flag & FLAG_RETRANS_DATA_ACKED)) {
		seq_rtt = (s64)(cpu->now - first) / 1000;
		ca_rtt = (s64)(cpu->now - last) / 1000;
		if (acked_total == 1 && !partial && !prior_sacked && una - prior_una < tp->mss_cache &&
		    st->rate->prior_delivered + 1 == tp->delivered && !(flag & FLAG_SYN_ACKED) && !(st->flag & FLAG_CA_ALERT))
			flag |= FLAG_ACK_MAYBE_DELAYED;
	}
	if (st->first_tx) {
		sack_rtt = (s64)(cpu->now - st->first_tx) / 1000;
		ca_rtt = (s64)(cpu->now - st->last_tx) / 1000;
	}
	rtt_moved = tcp_update_rtt(cpu, tp, flag, seq_rtt, sack_rtt, &ca_rtt);
	st->rate->rtt_us = ca_rtt;
	if (flag & FLAG_ACKED) {
		flag |= FLAG_SET_XMIT_TIMER;
		if (tcp_is_reno(tp)) {
			tcp_remove_reno_sacks(cpu, tp, acked_total);
			if (flag & FLAG_RETRANS_DATA_ACKED)
				flag &= ~FLAG_ORIG_SACK_ACKED;
		} else if (seq_before(reord, prior_fack)) {
			tcp_check_sack_reordering(cpu, tp, reord, false);
		}
	} else if (s && rtt_moved && sack_rtt >= 0 && sack_rtt > (s64)(cpu->now - s->tx_ns) / 1000) {
		/* What was SACKed had been sent before the head was (again): the head's timeout may move. Not for what was sent after
		 * it, or SACKs would put the timeout off for ever. */
		flag |= FLAG_SET_XMIT_TIMER;
	}
	if (tp->cc->pkts_acked)
		tp->cc->pkts_acked(cpu, tp, &(struct tcp_ack_sample){ .pkts_acked = acked_total, .rtt_us = (s32)ca_rtt, .in_flight = last_in_flight });
	return flag;
}

/* An ACK came while a zero-window probe was out or data waits for room. */
static void ack_probe(struct cpu *cpu, struct tcp_sock *tp)
{
	if (!tcp_send_head(tp))
		return;
	if (!seq_after(tp->snd_nxt + MIN(tcp_unsent(tp), tp->mss_cache), tp->snd_una + tp->snd_wnd)) {
		tp->backoff = 0;
		tp->probes_stamp = 0;
		if (tp->rtx_kind == TCP_TIMER_PROBE0)
			tcp_stop_rtx(tp);
		/* Data goes out when the caller looks at the send queue. */
	} else {
		tcp_arm_probe0(cpu, tp, tcp_probe0_when(tp));
	}
}

static int replace_ts_recent(struct cpu *cpu, struct tcp_sock *tp, u32 seq)
{
	s32 delta = (s32)(tp->rx_opt.rcv_tsval - tp->rx_opt.ts_recent);

	/* RFC 7323, 4.3: only from segments that the last ACK sent lies in. */
	if (!tp->rx_opt.saw_tstamp || seq_after(seq, tp->rcv_wup) || (delta < 0 && tp->rx_opt.ts_recent_stamp_s))
		return 0;
	tcp_store_ts_recent(cpu, tp);
	return delta > 0 ? FLAG_TS_PROGRESS : 0;
}

static bool may_raise_cwnd(const struct tcp_sock *tp, int flag)
{
	if (tp->reordering > (u32)tcp_net(tp)->reordering)
		return flag & FLAG_FORWARD_PROGRESS;
	return flag & FLAG_DATA_ACKED;
}

static void cong_control(struct cpu *cpu, struct tcp_sock *tp, u32 ack, int flag, const struct tcp_rate_sample *rs)
{
	if (tp->cc->cong_control) {
		tp->cc->cong_control(cpu, tp, ack, flag, rs);
		return;
	}
	if (tcp_in_cwnd_reduction(tp)) {
		tcp_cwnd_reduction(tp, rs->acked_sacked, rs->losses, flag);
	} else if (may_raise_cwnd(tp, flag)) {
		tp->cc->cong_avoid(cpu, tp, ack, rs->acked_sacked);
		tp->snd_cwnd_stamp = cpu->now;
	}
	tcp_update_pacing_rate(tp);
}

/* Returns 1; 0 for an old ACK; negative: drop the segment, for -reason. */
int tcp_ack(struct cpu *cpu, struct tcp_sock *tp, struct sk_buff *skb, const struct tcp_hdr *th, const u8 *sack, unsigned sack_blocks,
	    int flag)
{
	struct netns *net = tp->inet.sk.net;
	struct tcp_cb *cb = tcp_cb(skb);
	struct tcp_rate_sample rs = { .rtt_us = -1 };
	struct tcp_sack_state st = { .rate = &rs, .reord = tp->snd_nxt };
	u32 prior_una = tp->snd_una, prior_packets = tp->packets_out, delivered = tp->delivered, lost = tp->lost, prior_fack;
	u32 ack = cb->ack_seq;
	int num_dupack = 0, rexmit = REXMIT_NONE;
	bool is_sack_reneg = tp->is_sack_reneg;
	u32 ce = 0;

	if (seq_before(ack, prior_una)) {
		u32 max_window = MIN((u64)tp->max_window, tp->bytes_acked);

		/* RFC 5961, 5.2: blind data injection */
		if (seq_before(ack, prior_una - max_window)) {
			if (!(flag & FLAG_NO_CHALLENGE_ACK))
				tcp_send_challenge_ack(cpu, tp);
			return -SKB_DROP_REASON_TCP_TOO_OLD_ACK;
		}
		/* Old: its SACK blocks may still tell something. */
		if (sack) {
			flag |= tcp_sacktag(cpu, tp, sack, sack_blocks, cb->ack_seq, prior_una, &st);
			num_dupack = tcp_is_dupack(tp, skb, flag);
			if (tp->accecn && tcp_accecn_ack(cpu, tp, th, tp->delivered - delivered, st.delivered_bytes, flag))
				flag |= FLAG_ECE;
			tcp_fastretrans_alert(cpu, tp, prior_una, num_dupack, &flag, &rexmit);
			tcp_xmit_recovery(cpu, tp, rexmit);
		}
		return 0;
	}
	if (seq_after(ack, tp->snd_nxt))
		return -SKB_DROP_REASON_TCP_ACK_UNSENT_DATA;

	if (seq_after(ack, prior_una)) {
		flag |= FLAG_SND_UNA_ADVANCED;
		tp->retransmits = 0;
	}
	prior_fack = tcp_is_sack(tp) ? tcp_highest_sack(tp) : tp->snd_una;
	rs.prior_in_flight = tcp_in_flight(tp);

	if (flag & FLAG_UPDATE_TS_RECENT)
		flag |= replace_ts_recent(cpu, tp, cb->seq);

	if ((flag & (FLAG_SLOWPATH | FLAG_SND_UNA_ADVANCED)) == FLAG_SND_UNA_ADVANCED) {
		/* Header prediction: the window did not move, no SACK, in sequence. */
		tp->snd_wl1 = cb->seq;
		tp->bytes_acked += ack - tp->snd_una;
		tp->snd_una = ack;
		flag |= FLAG_WIN_UPDATE;
		mib_inc(cpu, net, MIB_TcpExt_TCPHPAcks);
	} else {
		if (cb->seq != cb->end_seq)
			flag |= FLAG_DATA;
		else
			mib_inc(cpu, net, MIB_TcpExt_TCPPureAcks);
		flag |= update_window(cpu, tp, cb, ack);
		if (sack)
			flag |= tcp_sacktag(cpu, tp, sack, sack_blocks, cb->ack_seq, prior_una, &st);
		if (tp->ecn_ok && (th->flags & TCPF_ECE) && !(th->flags & TCPF_SYN))
			flag |= FLAG_ECE;
	}

	tp->inet.sk.err_soft = 0;
	tp->probes_out = 0;
	tp->rcv_tstamp = cpu->now;
	if (!prior_packets)
		goto no_queue;

	flag |= clean_rtx_queue(cpu, tp, prior_fack, prior_una, &st);
	if (unlikely(tp->mtup.probe_size))
		tcp_mtu_acked(cpu, tp);
	if (!tp->packets_out)
		tcp_chrono_stop(cpu, tp, TCP_CHRONO_BUSY);
	tcp_rack_update_reo_wnd(tp, &rs);
	if (tp->accecn && (ce = tcp_accecn_ack(cpu, tp, th, tp->delivered - delivered, st.delivered_bytes, flag)))
		flag |= FLAG_ECE;
	if (tp->tlp_high_seq)
		tcp_tlp_ack(cpu, tp, ack, flag);

	if (tcp_ack_is_dubious(tp, flag)) {
		if (!(flag & (FLAG_SND_UNA_ADVANCED | FLAG_NOT_DUP | FLAG_DSACKING_ACK))) {
			num_dupack = 1;
			/* With SACK blocks missing (RFC 6582), data that GRO merged stands for as many ACKs. */
			if (!(flag & FLAG_DATA))
				num_dupack = MAX(1, (int)skb->gso_segs);
		}
		tcp_fastretrans_alert(cpu, tp, prior_una, num_dupack, &flag, &rexmit);
	}
	if (flag & FLAG_SET_XMIT_TIMER)
		tcp_set_xmit_timer(cpu, tp);
	if ((flag & FLAG_FORWARD_PROGRESS) || !(flag & FLAG_NOT_DUP))
		if (tp->inet.dst && tp->inet.dst->neigh && (flag & FLAG_FORWARD_PROGRESS))
			neigh_confirm(cpu, tp->inet.dst->neigh);
	delivered = tp->delivered - delivered;
	lost = tp->lost - lost;
	mib_add(cpu, net, MIB_TcpExt_TCPDelivered, delivered);
	if (flag & FLAG_ECE && !ce) { /* RFC 3168: of all, as far as anybody knows */
		tp->delivered_ce += delivered;
		mib_add(cpu, net, MIB_TcpExt_TCPDeliveredCE, delivered);
	}
	if (tp->cc->in_ack_event)
		tp->cc->in_ack_event(cpu, tp, (u32)flag);
	rs.is_ack_delayed = flag & FLAG_ACK_MAYBE_DELAYED;
	tcp_rate_gen(cpu, tp, delivered, lost, is_sack_reneg, &rs);
	cong_control(cpu, tp, ack, flag, &rs);
	tcp_xmit_recovery(cpu, tp, rexmit);
	return 1;

no_queue:
	if (tp->accecn && tcp_accecn_ack(cpu, tp, th, tp->delivered - delivered, st.delivered_bytes, flag))
		flag |= FLAG_ECE;
	if (flag & FLAG_DSACKING_ACK) {
		tcp_fastretrans_alert(cpu, tp, prior_una, num_dupack, &flag, &rexmit);
	}
	ack_probe(cpu, tp);
	if (tp->tlp_high_seq)
		tcp_tlp_ack(cpu, tp, ack, flag);
	return 1;
}
