/* Delivery rate: how fast the path took data, measured at every ACK (draft-cheng-iccrg-delivery-rate-estimation).
 *
 * Each segment remembers, when it is sent, how much had been delivered by then and when. At its ACK the difference is a flight of
 * data that was delivered since; it took the longer of two times: sending that flight, and acknowledging it. The longer, because
 * ACKs are compressed by the network and sends by the host, and a rate above the path's must not come out.
 * A sample is limited by the application when the program had nothing to send at some moment of the flight; such samples say
 * nothing about the path when they are low.
 */
#include "transport/tcp/tcp_impl.h"

/* s goes out now, for the first time or again. Before packets_out counts it. */
void tcp_rate_seg_sent(struct cpu *cpu, struct tcp_sock *tp, struct tcp_seg *s)
{
	/* Nothing in flight: the next flight begins here, and idle time is not its. */
	if (!tp->packets_out)
		tp->first_tx_time = tp->delivered_time = cpu->now;
	s->first_tx_ns = tp->first_tx_time;
	s->delivered_ns = tp->delivered_time;
	s->delivered = tp->delivered;
	s->delivered_ce = tp->delivered_ce;
	s->app_limited = tp->app_limited != 0;
}

/* s was acknowledged or SACKed: the sample is about the segment sent last among those that one ACK delivers. */
void tcp_rate_seg_delivered(struct tcp_sock *tp, struct tcp_seg *s, struct tcp_rate_sample *rs)
{
	if (!s->delivered_ns)
		return;
	if (!rs->prior_mstamp_ns || tcp_sent_after(s->tx_ns, s->end_seq, tp->first_tx_time, rs->last_end_seq)) {
		rs->prior_delivered = s->delivered;
		rs->prior_delivered_ce = s->delivered_ce;
		rs->prior_mstamp_ns = s->delivered_ns;
		rs->is_app_limited = s->app_limited;
		rs->is_retrans = s->state & SEG_RETRANS;
		rs->last_end_seq = s->end_seq;
		/* The send phase: from the first packet of this flight to this one. The next flight begins with this one. */
		tp->first_tx_time = s->tx_ns;
		rs->snd_interval_us = (u32)((s->tx_ns - s->first_tx_ns) / NSEC_PER_USEC);
	}
	/* SACKed now, acknowledged later: count it once. */
	if (s->state & SEG_SACKED)
		s->delivered_ns = 0;
}

/* Ends the ACK: fills the sample and what TCP_INFO shows. delivered, lost: packets by this ACK. */
void tcp_rate_gen(struct cpu *cpu, struct tcp_sock *tp, u32 delivered, u32 lost, bool sack_reneg, struct tcp_rate_sample *rs)
{
	/* What was sent while the application was the limit has been delivered. */
	if (tp->app_limited && seq_after(tp->delivered, tp->app_limited))
		tp->app_limited = 0;
	if (delivered)
		tp->delivered_time = cpu->now;
	rs->acked_sacked = delivered;
	rs->losses = lost;
	/* No segment was delivered, or the peer took back what it had SACKed: no sample. */
	if (!rs->prior_mstamp_ns || sack_reneg) {
		rs->delivered = -1;
		rs->interval_us = -1;
		return;
	}
	rs->delivered = (s32)(tp->delivered - rs->prior_delivered);
	rs->delivered_ce = (s32)(tp->delivered_ce - rs->prior_delivered_ce);
	rs->rcv_interval_us = (u32)((cpu->now - rs->prior_mstamp_ns) / NSEC_PER_USEC);
	rs->interval_us = MAX(rs->snd_interval_us, rs->rcv_interval_us);
	/* Shorter than the shortest round trip: an ACK of a spurious retransmission's original. No rate can be that high. */
	if (rs->interval_us < (s64)tcp_min_rtt(tp)) {
		rs->interval_us = -1;
		return;
	}
	if (!rs->is_app_limited || (u64)(u32)rs->delivered * tp->rate_interval_us >= (u64)tp->rate_delivered * (u64)rs->interval_us) {
		tp->rate_delivered = (u32)rs->delivered;
		tp->rate_interval_us = (u64)rs->interval_us;
		tp->rate_app_limited = rs->is_app_limited;
	}
}

/* The program is about to write: was it the limit until now? Nothing unsent, the host's queues empty, window left, no loss to repair. */
void tcp_rate_check_app_limited(struct tcp_sock *tp)
{
	if (tp->write_seq - tp->snd_nxt < tp->mss_cache && !tp->inet.sk.wmem_alloc && tcp_in_flight(tp) < tp->snd_cwnd &&
	    tp->lost_out <= tp->retrans_out) {
		u32 mark = tp->delivered + tcp_in_flight(tp);
		tp->app_limited = mark ? mark : 1;
	}
}
