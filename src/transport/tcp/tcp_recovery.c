/* The states of congestion and loss: Open, Disorder, CWR, Recovery, Loss; how each is entered, left and undone.
 *
 * RFC 5681, 6582 (NewReno), 8985 (RACK-TLP), 6937bis (proportional rate reduction), 5682 (F-RTO), 4015 and 3522 (Eifel), 3708 (D-SACK).
 *   Open      nothing special
 *   Disorder  duplicate ACKs, SACKs; no loss inferred yet. New data may go for each (limited transmit, RFC 3042)
 *   CWR       the window is being reduced because of ECN or local congestion
 *   Recovery  fast retransmission; the window shrinks by PRR
 *   Loss      after a timeout
 * high_seq is snd_nxt when the state was entered: the state ends when snd_una reaches it.
 */
#include "transport/tcp/tcp_impl.h"

u32 tcp_current_ssthresh(const struct tcp_sock *tp)
{
	if (tcp_in_cwnd_reduction(tp))
		return tp->snd_ssthresh;
	return MAX(tp->snd_ssthresh, (tp->snd_cwnd >> 1) + (tp->snd_cwnd >> 2));
}

static bool any_retrans_done(const struct tcp_sock *tp)
{
	struct tcp_seg *s;

	if (tp->retrans_out)
		return true;
	s = tcp_seg_first(tp);
	return s && (s->state & SEG_EVER_RETRANS);
}

/* -- window reduction: PRR -- */

void tcp_init_cwnd_reduction(struct cpu *cpu, struct tcp_sock *tp)
{
	tp->high_seq = tp->snd_nxt;
	tp->tlp_high_seq = 0;
	tp->snd_cwnd_cnt = 0;
	tp->prior_cwnd = tp->snd_cwnd;
	tp->prr_delivered = tp->prr_out = 0;
	tp->snd_ssthresh = tp->cc->ssthresh(cpu, tp);
	tp->ecn_queue_cwr = tp->ecn_ok;
}

void tcp_cwnd_reduction(struct tcp_sock *tp, u32 newly_acked_sacked, u32 newly_lost, int flag)
{
	s32 delta = (s32)(tp->snd_ssthresh - tcp_in_flight(tp)), sndcnt;

	if (!newly_acked_sacked || !tp->prior_cwnd)
		return;
	tp->prr_delivered += newly_acked_sacked;
	if (delta < 0) {
		u64 dividend = (u64)tp->snd_ssthresh * tp->prr_delivered + tp->prior_cwnd - 1;
		sndcnt = (s32)(dividend / tp->prior_cwnd - tp->prr_out);
	} else {
		sndcnt = MAX((s32)(tp->prr_delivered - tp->prr_out), (s32)newly_acked_sacked);
		if ((flag & FLAG_SND_UNA_ADVANCED) && !newly_lost)
			sndcnt++;
		sndcnt = MIN(delta, sndcnt);
	}
	sndcnt = MAX(sndcnt, tp->prr_out ? 0 : 1); /* the fast retransmission itself always goes */
	tp->snd_cwnd = MAX(tcp_in_flight(tp) + (u32)sndcnt, 1u);
}

void tcp_end_cwnd_reduction(struct cpu *cpu, struct tcp_sock *tp)
{
	if (tp->cc->cong_control)
		return;
	if (tp->snd_ssthresh < TCP_INFINITE_SSTHRESH && (tp->ca_state == TCP_CA_CWR || tp->undo_marker)) {
		tp->snd_cwnd = tp->snd_ssthresh;
		tp->snd_cwnd_stamp = cpu->now;
	}
	tcp_cc_event(cpu, tp, CA_EVENT_COMPLETE_CWR);
}

/* Congestion without loss: ECN, or our own queue was full. */
void tcp_enter_cwr(struct cpu *cpu, struct tcp_sock *tp)
{
	tp->prior_ssthresh = 0;
	if (tp->ca_state < TCP_CA_CWR) {
		tp->undo_marker = 0;
		tcp_init_cwnd_reduction(cpu, tp);
		tcp_cc_set_state(cpu, tp, TCP_CA_CWR);
	}
}

/* -- undo: it was no loss after all -- */

void tcp_init_undo(struct tcp_sock *tp)
{
	tp->undo_marker = tp->snd_una;
	/* Retransmissions under way, a probe's among them, may bring D-SACKs later. 0 would mean that all of them did. */
	tp->undo_retrans = (s32)tp->retrans_out + (tp->tlp_high_seq && tp->tlp_retrans);
	if (!tp->undo_retrans)
		tp->undo_retrans = -1;
}

static bool echoed_before(const struct tcp_sock *tp, u64 ns)
{
	return tp->rx_opt.saw_tstamp && tp->rx_opt.rcv_tsecr && (s32)(tp->rx_opt.rcv_tsecr - tcp_ts_of(ns, tp->usec_ts)) < 0;
}
bool tcp_spurious_retrans(const struct tcp_sock *tp, u8 state, u64 tx_ns)
{
	return (state & (SEG_RETRANS | SEG_EVER_RETRANS)) && echoed_before(tp, tx_ns);
}

/* The ACK echoes a timestamp from before the first retransmission, or nothing was sent again at all: it is of an original (Eifel).
 * Without SACK the stamp is forgotten at the end of recovery (try_undo_recovery), when a SYN is acknowledged as well. */
static bool packet_delayed(const struct tcp_sock *tp)
{
	if (tp->retrans_stamp)
		return echoed_before(tp, tp->retrans_stamp);
	return tp->inet.sk.state != TCP_SYN_SENT && (tcp_is_sack(tp) || seq_before(tp->snd_una, tp->high_seq));
}
static bool may_undo(const struct tcp_sock *tp) { return tp->undo_marker && (!tp->undo_retrans || packet_delayed(tp)); }

static void undo_cwnd_reduction(struct cpu *cpu, struct tcp_sock *tp, bool unmark)
{
	if (unmark) {
		for (struct tcp_seg *s = tcp_seg_first(tp); s; s = tcp_seg_next(s))
			s->state &= (u8)~SEG_LOST;
		tp->lost_out = 0;
		tp->rtx_hint = NULL;
	}
	if (tp->prior_ssthresh) {
		tp->snd_cwnd = tp->cc->undo_cwnd(tp);
		if (tp->prior_ssthresh > tp->snd_ssthresh) {
			tp->snd_ssthresh = tp->prior_ssthresh;
			tp->ecn_queue_cwr = false;
		}
	}
	tp->snd_cwnd_stamp = cpu->now;
	tp->undo_marker = 0;
	tp->rack.advanced = true; /* look again at what is lost */
}

void tcp_try_keep_open(struct cpu *cpu, struct tcp_sock *tp)
{
	u8 state = TCP_CA_Open;

	if (tcp_left_out(tp) || any_retrans_done(tp))
		state = TCP_CA_Disorder;
	if (tp->ca_state != state) {
		tcp_cc_set_state(cpu, tp, state);
		tp->high_seq = tp->snd_nxt;
	}
}

static void try_to_open(struct cpu *cpu, struct tcp_sock *tp, int flag)
{
	if (!any_retrans_done(tp))
		tp->retrans_stamp = 0;
	if (flag & FLAG_ECE)
		tcp_enter_cwr(cpu, tp);
	if (tp->ca_state != TCP_CA_CWR)
		tcp_try_keep_open(cpu, tp);
}

static bool try_undo_recovery(struct cpu *cpu, struct tcp_sock *tp)
{
	if (may_undo(tp)) {
		enum mib m = tp->ca_state == TCP_CA_Loss ? MIB_TcpExt_TCPLossUndo : MIB_TcpExt_TCPFullUndo;
		undo_cwnd_reduction(cpu, tp, false);
		mib_inc(cpu, tp->inet.sk.net, m);
	} else if (tp->rack.reo_wnd_persist) {
		tp->rack.reo_wnd_persist--;
	}
	if (tp->snd_una == tp->high_seq && tcp_is_reno(tp)) {
		/* Hold until something above high_seq is acknowledged: late duplicates must not start another recovery. */
		if (!any_retrans_done(tp))
			tp->retrans_stamp = 0;
		return true;
	}
	tcp_cc_set_state(cpu, tp, TCP_CA_Open);
	tp->is_sack_reneg = false;
	return false;
}

static bool try_undo_dsack(struct cpu *cpu, struct tcp_sock *tp)
{
	if (!tp->undo_marker || tp->undo_retrans)
		return false;
	tp->rack.reo_wnd_persist = (u8)MIN(16u, tp->rack.reo_wnd_persist + 1u);
	undo_cwnd_reduction(cpu, tp, false);
	mib_inc(cpu, tp->inet.sk.net, MIB_TcpExt_TCPDSACKUndo);
	return true;
}

static bool try_undo_loss(struct cpu *cpu, struct tcp_sock *tp, bool frto)
{
	if (!frto && !may_undo(tp))
		return false;
	undo_cwnd_reduction(cpu, tp, true);
	mib_inc(cpu, tp->inet.sk.net, MIB_TcpExt_TCPLossUndo);
	if (frto)
		mib_inc(cpu, tp->inet.sk.net, MIB_TcpExt_TCPSpuriousRTOs);
	tp->retransmits = 0;
	if (frto || tcp_is_sack(tp)) {
		tcp_cc_set_state(cpu, tp, TCP_CA_Open);
		tp->is_sack_reneg = false;
	}
	return true;
}

static bool try_undo_partial(struct cpu *cpu, struct tcp_sock *tp, u32 prior_una)
{
	if (!tp->undo_marker || !packet_delayed(tp))
		return false;
	/* The hole was filled by the original: reordering. */
	tcp_check_sack_reordering(cpu, tp, prior_una, true);
	if (tp->retrans_out) /* retransmissions still out: their ACKs would confuse a full undo */
		return true;
	if (!any_retrans_done(tp))
		tp->retrans_stamp = 0;
	undo_cwnd_reduction(cpu, tp, true);
	mib_inc(cpu, tp->inet.sk.net, MIB_TcpExt_TCPPartialUndo);
	tcp_try_keep_open(cpu, tp);
	return true;
}

/* -- Recovery -- */

void tcp_enter_recovery(struct cpu *cpu, struct tcp_sock *tp, bool ece)
{
	mib_inc(cpu, tp->inet.sk.net, tcp_is_reno(tp) ? MIB_TcpExt_TCPRenoRecovery : MIB_TcpExt_TCPSackRecovery);
	tp->prior_ssthresh = 0;
	tcp_init_undo(tp);
	if (!tcp_in_cwnd_reduction(tp)) {
		if (!ece)
			tp->prior_ssthresh = tcp_current_ssthresh(tp);
		tcp_init_cwnd_reduction(cpu, tp);
	}
	tcp_cc_set_state(cpu, tp, TCP_CA_Recovery);
}

/* -- Loss -- */

static void process_loss(struct cpu *cpu, struct tcp_sock *tp, int flag, int num_dupack, int *rexmit)
{
	bool recovered = !seq_before(tp->snd_una, tp->high_seq);

	if ((flag & FLAG_SND_UNA_ADVANCED) && try_undo_loss(cpu, tp, false))
		return;
	if (tp->frto) { /* RFC 5682 with SACK; step numbers of section 3.1 */
		if ((flag & FLAG_ORIG_SACK_ACKED) && try_undo_loss(cpu, tp, true)) /* 3.b: what was not sent again arrived */
			return;
		if (seq_after(tp->snd_nxt, tp->high_seq)) {
			if ((flag & FLAG_DATA_SACKED) || num_dupack)
				tp->frto = false; /* 3.a: real */
		} else if ((flag & FLAG_SND_UNA_ADVANCED) && !recovered) {
			tp->high_seq = tp->snd_nxt;
			if (tcp_send_head(tp) && seq_after(tp->snd_una + tp->snd_wnd, tp->snd_nxt)) {
				*rexmit = REXMIT_NEW; /* 2.b */
				return;
			}
			tp->frto = false;
		}
	}
	if (recovered) {
		try_undo_recovery(cpu, tp);
		return;
	}
	if (tcp_is_reno(tp)) {
		if (seq_after(tp->snd_nxt, tp->high_seq) && num_dupack)
			tcp_add_reno_sack(cpu, tp, num_dupack);
		else if (flag & FLAG_SND_UNA_ADVANCED)
			tp->sacked_out = 0;
	}
	*rexmit = REXMIT_LOST;
}

/* The head is SACKed but not acknowledged: the peer drops what it had taken (allowed, RFC 2018, 8). A grace, then timeout. */
static bool check_reneging(struct cpu *cpu, struct tcp_sock *tp, int flag)
{
	struct tcp_seg *s;

	if (!tp->sacked_out || !tcp_is_sack(tp) || (flag & FLAG_SND_UNA_ADVANCED) == 0)
		return false;
	s = tcp_seg_first(tp);
	if (!s || !(s->state & SEG_SACKED))
		return false;
	u64 delay = MAX((u64)(tp->srtt_us >> 4) * NSEC_PER_USEC, 10 * NSEC_PER_MSEC);
	tcp_arm_rtx(cpu, tp, TCP_TIMER_RTO, cpu->now + delay);
	return true;
}

/* What does this ACK show to be lost? */
static void identify_loss(struct cpu *cpu, struct tcp_sock *tp, int *flag)
{
	u32 prior_retrans = tp->retrans_out;

	if (rb_empty(&tp->rtx))
		return;
	if (tcp_is_reno(tp)) {
		tcp_newreno_mark_lost(cpu, tp, *flag & FLAG_SND_UNA_ADVANCED);
		return;
	}
	if (tcp_rack_mark_lost(cpu, tp))
		*flag &= ~FLAG_SET_XMIT_TIMER;
	if (prior_retrans > tp->retrans_out)
		*flag |= FLAG_LOST_RETRANS;
}

/* An ACK that is not plainly good, or any ACK while not Open. */
void tcp_fastretrans_alert(struct cpu *cpu, struct tcp_sock *tp, u32 prior_una, int num_dupack, int *pflag, int *rexmit)
{
	int flag = *pflag;

	if (!tp->packets_out && tp->sacked_out)
		tp->sacked_out = 0;
	if (flag & FLAG_ECE)
		tp->prior_ssthresh = 0;
	if (check_reneging(cpu, tp, flag)) {
		*pflag &= ~FLAG_SET_XMIT_TIMER;
		return;
	}
	if (tp->ca_state == TCP_CA_Open) {
		if (!tp->retrans_out)
			tp->retrans_stamp = 0;
	} else if (!seq_before(tp->snd_una, tp->high_seq)) {
		switch (tp->ca_state) {
		case TCP_CA_CWR:
			/* One ACK beyond, so that CWR itself was seen. */
			if (tp->snd_una != tp->high_seq) {
				tcp_end_cwnd_reduction(cpu, tp);
				tcp_cc_set_state(cpu, tp, TCP_CA_Open);
			}
			break;
		case TCP_CA_Recovery:
			if (tcp_is_reno(tp))
				tp->sacked_out = 0;
			if (try_undo_recovery(cpu, tp))
				return;
			tcp_end_cwnd_reduction(cpu, tp);
			break;
		default:
			break;
		}
	}

	switch (tp->ca_state) {
	case TCP_CA_Recovery:
		if (!(flag & FLAG_SND_UNA_ADVANCED)) {
			if (tcp_is_reno(tp))
				tcp_add_reno_sack(cpu, tp, num_dupack);
		} else if (try_undo_partial(cpu, tp, prior_una)) {
			return;
		}
		if (try_undo_dsack(cpu, tp))
			try_to_open(cpu, tp, flag);
		identify_loss(cpu, tp, pflag);
		if (tp->ca_state != TCP_CA_Recovery) { /* it was undone: only a loss that stands begins it anew */
			if (!tp->lost_out)
				return;
			tcp_enter_recovery(cpu, tp, flag & FLAG_ECE);
		}
		break;
	case TCP_CA_Loss:
		process_loss(cpu, tp, flag, num_dupack, rexmit);
		if (tp->ca_state != TCP_CA_Loss)
			tcp_rto_run_ends(cpu, tp);
		identify_loss(cpu, tp, pflag);
		if (!(tp->ca_state == TCP_CA_Open || (*pflag & FLAG_LOST_RETRANS)))
			return;
		/* fallthrough */
	default:
		if (tcp_is_reno(tp)) {
			if (flag & FLAG_SND_UNA_ADVANCED)
				tp->sacked_out = 0;
			tcp_add_reno_sack(cpu, tp, num_dupack);
		}
		if (tp->ca_state <= TCP_CA_Disorder)
			try_undo_dsack(cpu, tp);
		identify_loss(cpu, tp, pflag);
		if (!tp->lost_out) {
			try_to_open(cpu, tp, flag);
			return;
		}
		if (tcp_mtu_lost(cpu, tp))
			return;
		tcp_enter_recovery(cpu, tp, flag & FLAG_ECE);
	}
	*rexmit = REXMIT_LOST;
}

/* What the verdict asks for. */
void tcp_xmit_recovery(struct cpu *cpu, struct tcp_sock *tp, int rexmit)
{
	if (rexmit == REXMIT_NONE || tp->inet.sk.state == TCP_SYN_SENT)
		return;
	if (rexmit == REXMIT_NEW) {
		tcp_push_pending(cpu, tp, tcp_current_mss(cpu, tp), TCP_NAGLE_OFF);
		if (seq_after(tp->snd_nxt, tp->high_seq))
			return;
		tp->frto = false;
	}
	tcp_xmit_retransmit(cpu, tp);
}
