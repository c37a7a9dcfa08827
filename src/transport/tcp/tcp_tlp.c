/* Tail loss probe (RFC 8985, 7): when ACKs stop, one segment goes two round trips later, new data or the last segment again, so
 * that its SACK starts a fast recovery where a timeout would have come. net.ipv4.tcp_early_retrans 3 (and 4) has it, 0 not.
 *
 * A probe that was a retransmission may itself have repaired the only loss. Then nothing ever shows the loss but this: no D-SACK
 * came for the probe, and the ACK went beyond it; the window is reduced for it as for any loss (7.4).
 */
#include "transport/tcp/tcp_impl.h"

/* Sets the probe timer in the place of the retransmission timer, when a probe may help. advancing_rto: an ACK moved the timeout. */
bool tcp_tlp_schedule(struct cpu *cpu, struct tcp_sock *tp, bool advancing_rto)
{
	u8 mode = tcp_net(tp)->early_retrans;
	u64 wait = TCP_RTO_INIT, rto_at;

	if (unlikely(tp->fastopen_rsk)) /* the timer is the SYN-ACK's until the handshake is complete */
		return false;
	if ((mode != 3 && mode != 4) || !tp->packets_out || !tcp_is_sack(tp) || (tp->ca_state != TCP_CA_Open && tp->ca_state != TCP_CA_CWR))
		return false;
	if (tp->srtt_us) {
		wait = (u64)(tp->srtt_us >> 2) * NSEC_PER_USEC;
		/* One segment out: the peer may delay its ACK. */
		if (tp->packets_out == 1)
			wait += tcp_rto_min(tp);
		else
			wait += TCP_PROBE_SLACK;
		wait = (wait + TCP_TICK - 1) / TCP_TICK * TCP_TICK;
	}
	if (advancing_rto) {
		rto_at = cpu->now + tp->rto;
	} else {
		struct tcp_seg *head = tcp_seg_first(tp);
		rto_at = head ? head->tx_ns + tp->rto : cpu->now + tp->rto;
	}
	if (rto_at > cpu->now)
		wait = MIN(wait, rto_at - cpu->now);
	tcp_arm_rtx(cpu, tp, TCP_TIMER_LOSS_PROBE, cpu->now + MIN(wait, tp->rto_max));
	return true;
}

void tcp_tlp_send(struct cpu *cpu, struct tcp_sock *tp)
{
	u32 mss = tcp_current_mss(cpu, tp), before = tp->packets_out;
	struct tcp_seg *s;

	if (tp->tlp_high_seq) /* one per episode */
		goto rearm;
	tp->tlp_retrans = false;
	if (tcp_send_head(tp) && seq_after(tp->snd_una + tp->snd_wnd, tp->snd_nxt)) {
		tcp_write_xmit(cpu, tp, mss, TCP_NAGLE_OFF, 2);
		if (tp->packets_out > before)
			goto sent;
	}
	s = tp->rtx_last;
	if (!s)
		goto rearm;
	if (s->pcount > 1) {
		u32 payload = tcp_seg_payload(s), keep = (s->pcount - 1) * (s->mss ? s->mss : mss);

		if (keep >= payload || tcp_seg_split(cpu, tp, s, keep, s->mss ? s->mss : mss))
			goto rearm;
		s = tcp_seg_next(s);
	}
	if (!s || tcp_resend_seg(cpu, tp, s, 1))
		goto rearm;
	tp->tlp_retrans = true;
sent:
	tp->tlp_high_seq = tp->snd_nxt;
	mib_inc(cpu, tp->inet.sk.net, MIB_TcpExt_TCPLossProbes);
	tp->rtx_kind = TCP_TIMER_NONE;
rearm:
	tcp_rearm_rto(cpu, tp);
}

/* An ACK came while a probe is out: what became of it? */
void tcp_tlp_ack(struct cpu *cpu, struct tcp_sock *tp, u32 ack, int flag)
{
	if (seq_before(ack, tp->tlp_high_seq))
		return;
	if (!tp->tlp_retrans || (flag & FLAG_DSACKING_ACK)) {
		tp->tlp_high_seq = 0; /* it was new data; or the original had arrived too: nothing was lost */
	} else if (seq_after(ack, tp->tlp_high_seq)) {
		/* Beyond the probe and no D-SACK: the probe repaired a loss. */
		tcp_init_cwnd_reduction(cpu, tp);
		tcp_cc_set_state(cpu, tp, TCP_CA_CWR);
		tcp_end_cwnd_reduction(cpu, tp);
		tcp_try_keep_open(cpu, tp);
		mib_inc(cpu, tp->inet.sk.net, MIB_TcpExt_TCPLossProbeRecovery);
		tp->tlp_high_seq = 0;
	} else if (!(flag & (FLAG_SND_UNA_ADVANCED | FLAG_NOT_DUP | FLAG_DATA_SACKED))) {
		tp->tlp_high_seq = 0; /* a pure duplicate: original and probe both arrived */
	}
}
