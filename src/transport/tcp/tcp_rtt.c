/* Round-trip time, retransmission timeout and pacing rate.
 *
 * RFC 6298 in Van Jacobson's integer arithmetic: srtt scaled by 8, the mean deviation by 4. As Linux, the variation used for
 * the timeout is the largest one of the last round trip, decays slowly, and is never below tcp_rto_min_us (200 ms), so that
 * the timeout stays clear of the peer's delayed ACKs. Karn's rule is in tcp_ack.c: retransmitted segments give no sample,
 * except through timestamps.
 */
#include "transport/tcp/tcp_impl.h"

u64 tcp_rto_min(const struct tcp_sock *tp)
{
	u64 ns = tp->rto_min;

	if (tp->inet.dst) {
		u32 ms = dst_metric(tp->inet.dst, RTAX_RTO_MIN);
		if (ms)
			ns = (u64)ms * NSEC_PER_MSEC;
	}
	return ns;
}
static u32 rto_min_us(const struct tcp_sock *tp) { return (u32)(tcp_rto_min(tp) / NSEC_PER_USEC); }

static void rtt_estimate(struct tcp_sock *tp, s64 mrtt_us)
{
	s64 m = mrtt_us;
	u32 srtt = tp->srtt_us;

	if (srtt) {
		m -= srtt >> 3;
		srtt += (u32)m; /* rtt = 7/8 rtt + 1/8 new */
		if (m < 0) {
			m = -m;
			m -= tp->mdev_us >> 2;
			/* The sample is below the mean: let the deviation grow an eighth as fast, else a falling rtt
			 * would raise the timeout. */
			if (m > 0)
				m >>= 3;
		} else {
			m -= tp->mdev_us >> 2;
		}
		tp->mdev_us += (u32)m;
		if (tp->mdev_us > tp->mdev_max_us) {
			tp->mdev_max_us = tp->mdev_us;
			if (tp->mdev_max_us > tp->rttvar_us)
				tp->rttvar_us = tp->mdev_max_us;
		}
		if (seq_after(tp->snd_una, tp->rtt_seq)) {
			if (tp->mdev_max_us < tp->rttvar_us)
				tp->rttvar_us -= (tp->rttvar_us - tp->mdev_max_us) >> 2;
			tp->rtt_seq = tp->snd_nxt;
			tp->mdev_max_us = rto_min_us(tp);
		}
	} else {
		srtt = (u32)m << 3;
		tp->mdev_us = (u32)m << 1;
		tp->rttvar_us = MAX(tp->mdev_us, rto_min_us(tp));
		tp->mdev_max_us = tp->rttvar_us;
		tp->rtt_seq = tp->snd_nxt;
	}
	tp->srtt_us = MAX(1u, srtt);
}

void tcp_set_rto(struct tcp_sock *tp)
{
	tp->rto = MIN((u64)((tp->srtt_us >> 3) + tp->rttvar_us) * NSEC_PER_USEC, tp->rto_max);
}

u32 tcp_min_rtt(const struct tcp_sock *tp) { return minmax_get(&tp->min_rtt); }

/* How long ago what the peer echoes was sent, at least a tick; -1: in no way of late. */
s64 tcp_tsecr_age_us(const struct cpu *cpu, const struct tcp_sock *tp)
{
	u32 age = tcp_ts_now(cpu, tp->usec_ts) - tp->rx_opt.rcv_tsecr;

	if (tp->usec_ts)
		return (s32)age < 0 ? -1 : MAX((s64)age, 1);
	return age < 1u << 21 ? MAX((s64)age * 1000, 1000) : -1;
}

/* Takes what an ACK tells: times in us, -1 when it does not tell. True: the estimate moved. */
bool tcp_update_rtt(struct cpu *cpu, struct tcp_sock *tp, int flag, s64 seq_rtt_us, s64 sack_rtt_us, s64 *ca_rtt_us)
{
	if (seq_rtt_us < 0)
		seq_rtt_us = sack_rtt_us;
	/* RFC 7323, 4.3: what is echoed may be of a retransmission; it is right for whatever the peer got. */
	if (seq_rtt_us < 0 && tp->rx_opt.saw_tstamp && tp->rx_opt.rcv_tsecr && (flag & FLAG_ACKED)) {
		s64 us = tcp_tsecr_age_us(cpu, tp);
		if (us >= 0)
			seq_rtt_us = *ca_rtt_us = us;
	}
	if (seq_rtt_us < 0)
		return false;
	seq_rtt_us = MAX(seq_rtt_us, 1);
	if (*ca_rtt_us >= 0)
		minmax_min(&tp->min_rtt, (u32)tcp_net(tp)->min_rtt_wlen * 1000u, (u32)(cpu->now / NSEC_PER_MSEC), MAX((u32)*ca_rtt_us, 1u));
	rtt_estimate(tp, seq_rtt_us);
	tcp_set_rto(tp);
	tp->backoff = 0; /* RFC 6298: a valid sample ends the back-off */
	return true;
}

/* Rate at which the window goes out in a round trip, with headroom: sizes GSO packets, and is what `ss` shows. */
void tcp_update_pacing_rate(struct tcp_sock *tp)
{
	const struct netns_tcp *n = tcp_net(tp);
	u64 rate = (u64)tp->mss_cache * ((NSEC_PER_SEC / 1000 / 100) << 3);

	rate *= tp->snd_cwnd < tp->snd_ssthresh / 2 ? (u64)n->pacing_ss_ratio : (u64)n->pacing_ca_ratio;
	rate *= MAX(tp->snd_cwnd, tp->packets_out);
	if (tp->srtt_us)
		rate /= tp->srtt_us;
	tp->pacing_rate = MIN(rate, tp->inet.sk.max_pacing_rate);
}

void tcp_rtt_init(struct tcp_sock *tp)
{
	tp->rto = TCP_RTO_INIT;
	tp->mdev_us = (u32)(TCP_RTO_INIT / NSEC_PER_USEC);
	tp->srtt_us = 0;
	minmax_reset(&tp->min_rtt, 0, ~0u);
}
