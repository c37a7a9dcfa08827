/* NewReno (RFC 5681, 6582): half the window at a loss, one segment more per round trip. What other modules fall back to. */
#include "transport/tcp/tcp_sock.h"

u32 reno_ssthresh(struct cpu *cpu, struct tcp_sock *tp) { return MAX(tp->snd_cwnd >> 1, 2u); }

void reno_cong_avoid(struct cpu *cpu, struct tcp_sock *tp, u32 ack, u32 acked)
{
	if (!tcp_is_cwnd_limited(tp))
		return;
	if (tp->snd_cwnd < tp->snd_ssthresh) {
		acked = tcp_slow_start(tp, acked);
		if (!acked)
			return;
	}
	tcp_cong_avoid_ai(tp, tp->snd_cwnd, acked);
}

u32 reno_undo_cwnd(struct tcp_sock *tp) { return MAX(tp->snd_cwnd, tp->prior_cwnd); }

const struct tcp_cc_ops tcp_cc_reno = { .name = "reno", .non_restricted = true, .ssthresh = reno_ssthresh, .cong_avoid = reno_cong_avoid,
					.undo_cwnd = reno_undo_cwnd };
