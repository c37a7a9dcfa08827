/* Loss: marking segments as lost, sending them again, and the retransmission timeout.
 *
 * With SACK, tcp_rack.c decides what is lost; without, RFC 6582's duplicate ACKs and partial ACKs do (here). A hint makes the walk
 * over what is to be sent again continue where the last one stopped.
 */
#include "transport/tcp/tcp_impl.h"

/* Segment s is taken for lost. */
void tcp_mark_lost(struct cpu *cpu, struct tcp_sock *tp, struct tcp_seg *s)
{
	if (s->state & SEG_SACKED)
		return;
	if (tp->rtx_hint && seq_before(s->seq, tp->rtx_hint->seq))
		tp->rtx_hint = s;
	if (s->state & SEG_LOST) {
		if (s->state & SEG_RETRANS) { /* the retransmission too */
			s->state &= ~SEG_RETRANS;
			tp->retrans_out -= s->pcount;
			tp->lost += s->pcount;
			mib_add(cpu, tp->inet.sk.net, MIB_TcpExt_TCPLostRetransmit, s->pcount);
		}
		return;
	}
	s->state |= SEG_LOST;
	tp->lost_out += s->pcount;
	tp->lost += s->pcount;
}

/* Without SACK: the first segment, once there are enough duplicates, and again at each partial ACK (RFC 6582). */
void tcp_newreno_mark_lost(struct cpu *cpu, struct tcp_sock *tp, bool una_advanced)
{
	struct tcp_seg *s;

	if (!((tp->ca_state < TCP_CA_Recovery && tp->sacked_out >= tp->reordering) || (tp->ca_state == TCP_CA_Recovery && una_advanced)))
		return;
	s = tcp_seg_first(tp);
	if (!s || (s->state & SEG_LOST))
		return;
	if (s->pcount > 1 && tcp_seg_payload(s) > tp->mss_cache)
		tcp_seg_split(cpu, tp, s, tp->mss_cache, tp->mss_cache);
	tcp_mark_lost(cpu, tp, s);
}

/* -- sending again -- */

/* s is to be sent again, and small: its neighbours join it as far as one packet, `space` bytes, holds them (tcp_retrans_collapse). Not
 * over the end of a record, nor what the peer has, nor what the window does not cover. */
static void collapse(struct cpu *cpu, struct tcp_sock *tp, struct tcp_seg *s, u32 space)
{
	struct tcp_seg *next;

	if (!tcp_net(tp)->retrans_collapse || s->pcount > 1 || s->state & SEG_SACKED)
		return;
	while ((next = tcp_seg_next(s)) && next->pcount == 1 && !(next->state & SEG_SACKED)) {
		u32 have = tcp_seg_payload(s), all = have + tcp_seg_payload(next);

		if (all > space || seq_after(next->end_seq, tp->snd_una + tp->snd_wnd) || tcp_frag_limit(s->tb, s->seq, all) < all ||
		    (tp->eor_n && tcp_txq_record_from(s->tb, s->seq, all + 1) <= have))
			return;
		tcp_seg_collapse(cpu, tp, s, next);
	}
}

/* Sends up to max_segs packets of s again, without counting them as a retransmission in flight: a probe. 0, -EAGAIN (beyond the peer's
 * window), -ENOMEM, or the network's error. */
int tcp_resend_seg(struct cpu *cpu, struct tcp_sock *tp, struct tcp_seg *s, u32 max_segs)
{
	struct netns *net = tp->inet.sk.net;
	u32 mss = tcp_current_mss(cpu, tp), wnd = tp->snd_una + tp->snd_wnd, avail, len, payload, fits;
	u8 flags = TCPF_ACK;
	int err;

	tp->mtup.probe_size = 0; /* what comes of a probe among losses tells nothing */
	if (s->seq != tp->snd_una && !seq_before(s->seq, wnd))
		return -EAGAIN;
	if (s->flags & TCPF_SYN) {
		flags = TCPF_SYN | (tp->inet.sk.state == TCP_SYN_RECV ? TCPF_ACK : tcp_ecn_syn_again_flags(tp));
	} else if (tcp_seg_payload(s)) {
		if (max_segs > 1 && !tp->gso_ok)
			max_segs = 1;
		max_segs = MIN(max_segs, (tp->gso_max_bytes - 320) / mss);
		len = MAX(max_segs, 1u) * mss;
		avail = wnd - s->seq;
		if ((s32)avail > 0 && avail < len) {
			len = avail; /* the window shrank into it: what still fits, else a probe's worth */
			if (len > mss)
				len -= len % mss;
		} else if ((s32)avail <= 0) {
			len = mss;
		}
		payload = tcp_seg_payload(s);
		s->tb = tcp_txq_at(s->tb ? s->tb : tp->txb_head, s->seq);
		fits = tcp_frag_limit(s->tb, s->seq, MIN(len, payload));
		if (fits < MIN(len, payload))
			len = fits > mss ? fits - fits % mss : fits;
		if (payload > len) {
			err = tcp_seg_split(cpu, tp, s, len, mss);
			if (err)
				return err;
		} else {
			if (s->mss != mss)
				tcp_seg_recount(tp, s, mss);
			if (payload < MIN(len, mss))
				collapse(cpu, tp, s, MIN(len, mss));
		}
		flags |= s->flags & (TCPF_PSH | TCPF_FIN);
	} else {
		flags |= s->flags & TCPF_FIN;
	}

	mib_add(cpu, net, MIB_Tcp_RetransSegs, s->pcount);
	if (s->flags & TCPF_SYN)
		mib_inc(cpu, net, MIB_TcpExt_TCPSynRetrans);
	tp->total_retrans += s->pcount;
	tp->bytes_retrans += tcp_seg_payload(s);
	err = tcp_transmit(cpu, tp, &(struct tcp_tx){ .seq = s->seq, .len = tcp_seg_payload(s), .flags = flags, .mss = mss, .tb = s->tb,
						      .retrans = true });
	s->state |= SEG_EVER_RETRANS; /* even if it failed: an ACK may be of either */
	if (err) {
		mib_add(cpu, net, MIB_TcpExt_TCPRetransFail, s->pcount);
		if (err != -ENOBUFS)
			return err;
	} else {
		tcp_rate_seg_sent(cpu, tp, s);
		s->tx_ns = cpu->now;
		s->tx_in_flight = tcp_in_flight(tp);
		list_del(&s->tsorted);
		list_add_tail(&tp->tsorted, &s->tsorted);
	}
	return err;
}

/* The same as part of recovery. */
int tcp_retransmit_seg(struct cpu *cpu, struct tcp_sock *tp, struct tcp_seg *s, u32 max_segs)
{
	int err = tcp_resend_seg(cpu, tp, s, max_segs);

	if (err && err != -ENOBUFS)
		return err;
	if (!err && !(s->state & SEG_RETRANS)) {
		s->state |= SEG_RETRANS;
		tp->retrans_out += s->pcount;
	}
	if (!tp->retrans_stamp)
		tp->retrans_stamp = cpu->now;
	if (tp->undo_retrans < 0)
		tp->undo_retrans = 0;
	tp->undo_retrans += (s32)s->pcount;
	return err;
}

/* Sends again what is marked lost, as far as the window goes. */
void tcp_xmit_retransmit(struct cpu *cpu, struct tcp_sock *tp)
{
	struct netns *net = tp->inet.sk.net;
	struct tcp_seg *s, *head;
	bool rearm = false;

	if (!tp->packets_out)
		return;
	head = tcp_seg_first(tp);
	for (s = tp->rtx_hint ? tp->rtx_hint : head; s; s = tcp_seg_next(s)) {
		s32 room = (s32)(tp->snd_cwnd - tcp_in_flight(tp));

		tp->rtx_hint = s;
		if (room <= 0 || tp->retrans_out >= tp->lost_out || tcp_pacing_holds(cpu, tp))
			break;
		if (!(s->state & SEG_LOST) || (s->state & (SEG_SACKED | SEG_RETRANS)))
			continue;
		/* A record longer than what may go is cut; its rest is looked at in the next turn. */
		if (tcp_retransmit_seg(cpu, tp, s, (u32)room))
			break;
		mib_add(cpu, net, tp->ca_state != TCP_CA_Loss ? MIB_TcpExt_TCPFastRetrans : MIB_TcpExt_TCPSlowStartRetrans, s->pcount);
		if (tcp_in_cwnd_reduction(tp))
			tp->prr_out += s->pcount;
		if (s == head && tp->rtx_kind != TCP_TIMER_REO)
			rearm = true;
	}
	if (rearm)
		tcp_arm_rtx(cpu, tp, TCP_TIMER_RTO, cpu->now + tp->rto);
}

/* -- retransmission timeout: everything outstanding is lost (RFC 5681, 3.1; RFC 6675, 5.1) -- */
void tcp_enter_loss(struct cpu *cpu, struct tcp_sock *tp)
{
	struct netns_tcp *n = tcp_net(tp);
	struct tcp_seg *s = tcp_seg_first(tp);
	bool new_recovery = tp->ca_state < TCP_CA_Recovery;
	bool reneg = s && (s->state & SEG_SACKED);

	if (reneg) { /* the peer took back what it had SACKed: forget the scoreboard */
		mib_inc(cpu, tp->inet.sk.net, MIB_TcpExt_TCPSACKReneging);
		tp->sacked_out = 0;
		tp->is_sack_reneg = true;
	} else if (tcp_is_reno(tp)) {
		tp->sacked_out = 0;
	}
	for (struct tcp_seg *head = s; s; s = tcp_seg_next(s)) {
		if (reneg) {
			s->state &= (u8)~SEG_SACKED; /* it joins tp->tsorted again when it is sent again */
		} else if (s != head && tcp_is_sack(tp) && tcp_rack_remaining(cpu, tp, s, 0) > 0) {
			continue; /* sent too recently for its ACK to be here: RFC 8985, 6.3 */
		}
		tcp_mark_lost(cpu, tp, s);
	}
	tp->rtx_hint = NULL;

	if (tp->ca_state <= TCP_CA_Disorder || !seq_after(tp->high_seq, tp->snd_una) || (tp->ca_state == TCP_CA_Loss && !tp->retransmits)) {
		tp->prior_ssthresh = tcp_current_ssthresh(tp);
		tp->prior_cwnd = tp->snd_cwnd;
		tp->snd_ssthresh = tp->cc->ssthresh(cpu, tp);
		tcp_cc_event(cpu, tp, CA_EVENT_LOSS);
		tcp_init_undo(tp);
	}
	tp->snd_cwnd = tcp_in_flight(tp) + 1;
	tp->snd_cwnd_cnt = 0;
	tp->snd_cwnd_stamp = cpu->now;
	/* A timeout although enough was SACKed for a fast retransmission: the reordering degree was too high. */
	if (tp->ca_state <= TCP_CA_Disorder && tp->sacked_out >= (u32)n->reordering)
		tp->reordering = MIN(tp->reordering, (u32)n->reordering);
	tcp_cc_set_state(cpu, tp, TCP_CA_Loss);
	tp->high_seq = tp->snd_nxt;
	tp->tlp_high_seq = 0;
	tp->ecn_queue_cwr = tp->ecn_ok;
	/* RFC 5682: is it spurious? Only the first timeout, or one whose retransmission was acknowledged, can tell. */
	tp->frto = n->frto && (new_recovery || tp->retransmits);
}

/* The path got narrower: what is out in larger pieces is lost by that alone, and goes again (RFC 1191). No congestion. */
void tcp_simple_retransmit(struct cpu *cpu, struct tcp_sock *tp)
{
	u32 mss = tcp_current_mss(cpu, tp), was = tp->lost_out;
	/* Of a SYN with data, both halves were one packet. */
	bool all = tp->syn_data && tp->inet.sk.state == TCP_SYN_SENT;

	for (struct tcp_seg *s = tcp_seg_first(tp); s; s = tcp_seg_next(s))
		if (all || MIN(tcp_seg_payload(s), (u32)s->mss) > mss)
			tcp_mark_lost(cpu, tp, s);
	if (was == tp->lost_out)
		return;
	if (tcp_is_reno(tp))
		tcp_limit_reno_sacked(cpu, tp);
	tcp_loss_without_congestion(cpu, tp);
}

/* What is marked lost goes again, and the window stays: it was not congestion. */
void tcp_loss_without_congestion(struct cpu *cpu, struct tcp_sock *tp)
{
	tp->rtx_hint = NULL;
	if (tp->ca_state != TCP_CA_Loss) {
		tp->high_seq = tp->snd_nxt;
		tp->snd_ssthresh = tcp_current_ssthresh(tp);
		tp->prior_ssthresh = 0;
		tp->undo_marker = 0;
		tcp_cc_set_state(cpu, tp, TCP_CA_Loss);
	}
	tcp_xmit_retransmit(cpu, tp);
}
