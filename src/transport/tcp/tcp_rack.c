/* RACK: loss by time (RFC 8985). A segment is lost when one that was sent later has been delivered, and a reordering window has
 * passed since. So lost retransmissions are found as losses of originals are, and reordering costs patience, not window.
 *
 * tp->tsorted holds what is neither delivered nor found lost, in order of transmission: an ACK looks only at what was sent before
 * the most recently sent segment that was delivered. The reordering window is zero until reordering is seen (three SACKed
 * segments then begin recovery, as RFC 6675's duplicate ACKs did); then a quarter of the minimum round trip, widened by a quarter
 * for each round trip with a D-SACK (a spurious retransmission) and kept so for 16 recoveries.
 *
 * From tcp_sack.c and tcp_ack.c (deliveries), tcp_recovery.c (when to look), tcp_timers.c (the window passed); marks through
 * tcp_mark_lost(). net.ipv4.tcp_recovery: 2 keeps the window at one step, 4 does without the rule of three.
 */
#include "transport/tcp/tcp_impl.h"

enum { RECOVERY_STATIC_REO_WND = 2, RECOVERY_NO_DUPTHRESH = 4 };
#define PERSIST 16u	/* recoveries that a widened window lasts: RFC 8985, 6.2 step 4 */

void tcp_rack_init(struct tcp_sock *tp)
{
	memset(&tp->rack, 0, sizeof tp->rack);
	tp->rack.reo_wnd_steps = 1;
}

static u32 reo_wnd_us(const struct tcp_sock *tp)
{
	u64 wnd;

	if (!tp->reord_seen) {
		/* Never out of order: in recovery at once; before it, once enough was SACKed above. */
		if (tp->ca_state >= TCP_CA_Recovery)
			return 0;
		if (tp->sacked_out >= tp->reordering && !(tcp_net(tp)->recovery & RECOVERY_NO_DUPTHRESH))
			return 0;
	}
	/* Not longer than the smoothed round trip: recovery must not take much longer than that. */
	wnd = (u64)(tcp_min_rtt(tp) >> 2) * tp->rack.reo_wnd_steps;
	return (u32)MIN(wnd, (u64)tp->srtt_us >> 3);
}

/* us until s is to be taken for lost; not positive: now. */
s64 tcp_rack_remaining(struct cpu *cpu, const struct tcp_sock *tp, const struct tcp_seg *s, u32 reo_wnd)
{
	return (s64)tp->rack.rtt_us + reo_wnd - (s64)((cpu->now - s->tx_ns) / NSEC_PER_USEC);
}

/* Marks what is lost. Returns the longest time (us) until one of the rest would be; 0: none waits. */
static u32 detect_loss(struct cpu *cpu, struct tcp_sock *tp)
{
	u32 wnd = reo_wnd_us(tp), wait = 0;
	struct tcp_seg *s, *next;

	list_for_each_safe(s, next, &tp->tsorted, tsorted) {
		s64 left;

		if ((s->state & SEG_LOST) && !(s->state & SEG_RETRANS))
			continue;
		if (!tcp_sent_after(tp->rack.tx_ns, tp->rack.end_seq, s->tx_ns, s->end_seq))
			break;
		left = tcp_rack_remaining(cpu, tp, s, wnd);
		if (left <= 0) {
			tcp_mark_lost(cpu, tp, s);
			list_del(&s->tsorted);
		} else {
			wait = MAX(wait, (u32)left);
		}
	}
	return wait;
}

/* After deliveries. True: the reordering timer was set in the retransmission timer's place. */
bool tcp_rack_mark_lost(struct cpu *cpu, struct tcp_sock *tp)
{
	u64 ns;
	u32 wait;

	if (!tp->rack.advanced)
		return false;
	tp->rack.advanced = false;
	wait = detect_loss(cpu, tp);
	if (!wait)
		return false;
	/* In ticks: a segment that is merely late should not be overtaken by a finer clock than the one this was tuned with. */
	ns = (u64)wait * NSEC_PER_USEC + TCP_REO_SLACK;
	ns = (ns + TCP_TICK - 1) / TCP_TICK * TCP_TICK;
	tcp_arm_rtx(cpu, tp, TCP_TIMER_REO, cpu->now + MIN(ns, tp->rto));
	return true;
}

/* A segment in `state`, sent last at tx_ns, was delivered. */
void tcp_rack_advance(struct cpu *cpu, struct tcp_sock *tp, u8 state, u32 end_seq, u64 tx_ns)
{
	u32 rtt = (u32)((cpu->now - tx_ns) / NSEC_PER_USEC);

	/* Sent again a moment ago, less than the path's least round trip: it is the original that arrived. */
	if (rtt < tcp_min_rtt(tp) && (state & (SEG_RETRANS | SEG_EVER_RETRANS)))
		return;
	tp->rack.advanced = true;
	tp->rack.rtt_us = rtt;
	if (tcp_sent_after(tx_ns, end_seq, tp->rack.tx_ns, tp->rack.end_seq)) {
		tp->rack.tx_ns = tx_ns;
		tp->rack.end_seq = end_seq;
	}
}

/* The reordering window passed and no ACK said otherwise. */
void tcp_rack_reo_timeout(struct cpu *cpu, struct tcp_sock *tp)
{
	u32 prior = tcp_in_flight(tp), lost = tp->lost;

	detect_loss(cpu, tp);
	if (prior != tcp_in_flight(tp)) {
		if (tp->ca_state != TCP_CA_Recovery) {
			tcp_enter_recovery(cpu, tp, false);
			if (!tp->cc->cong_control)
				tcp_cwnd_reduction(tp, 1, tp->lost - lost, 0);
		}
		tcp_xmit_retransmit(cpu, tp);
	}
	if (tp->rtx_kind != TCP_TIMER_RTO)
		tcp_rearm_rto(cpu, tp);
}

/* Widens the window after a D-SACK, at most once a round trip. */
void tcp_rack_update_reo_wnd(struct tcp_sock *tp, const struct tcp_rate_sample *rs)
{
	if ((tcp_net(tp)->recovery & RECOVERY_STATIC_REO_WND) || !rs->prior_mstamp_ns)
		return;
	/* What this ACK is about was sent before the last change could act. */
	if (seq_before(rs->prior_delivered, tp->rack.last_delivered))
		tp->rack.dsack_seen = false;
	if (tp->rack.dsack_seen) {
		tp->rack.reo_wnd_steps = (u8)MIN(tp->rack.reo_wnd_steps + 1u, 255u);
		tp->rack.dsack_seen = false;
		tp->rack.last_delivered = tp->delivered;
		tp->rack.reo_wnd_persist = PERSIST;
	} else if (!tp->rack.reo_wnd_persist) {
		tp->rack.reo_wnd_steps = 1;
	}
}
