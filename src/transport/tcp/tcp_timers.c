/* Timers of a connection: retransmission and window probes, delayed and compressed ACKs, keepalive and FIN-WAIT-2, pacing.
 *
 * RFC 6298 (backoff), RFC 1122 4.2.3.6 (keepalive) and 4.2.3.5 (when to give up: tcp_retries1 and 2, orphans sooner),
 * RFC 5482 (TCP_USER_TIMEOUT).
 *
 * Each has a deadline; the one struct timer stands no later than the earliest of them. A deadline that moves later, or goes, leaves
 * the wheel alone: the timer finds out when it fires. So a busy connection touches the wheel a few times a second, and an idle one
 * holds one timer's bytes. A firing holds a reference: what it does may be the connection's end.
 */
#include "transport/tcp/tcp_impl.h"

/* -- arming -- */

static void arm(struct cpu *cpu, struct tcp_sock *tp, u64 when)
{
	if (!tp->timer_running && (!timer_armed(&tp->timer) || tp->timer.expires > when))
		cpu_timer_arm(cpu, &tp->timer, when);
}

void tcp_arm_rtx(struct cpu *cpu, struct tcp_sock *tp, u8 kind, u64 when)
{
	tp->rtx_kind = kind;
	tp->rtx_deadline = when;
	arm(cpu, tp, when);
}
void tcp_stop_rtx(struct tcp_sock *tp) { tp->rtx_kind = TCP_TIMER_NONE; } /* a late firing does nothing */

void tcp_rearm_rto(struct cpu *cpu, struct tcp_sock *tp)
{
	u64 when = cpu->now + tp->rto;

	if (unlikely(tp->fastopen_rsk)) /* the timer is the SYN-ACK's */
		return;
	if (!tp->packets_out) {
		tcp_stop_rtx(tp);
		return;
	}
	/* The probe or reordering timer stood in the timeout's place: the time it waited counts. */
	if (tp->rtx_kind == TCP_TIMER_REO || tp->rtx_kind == TCP_TIMER_LOSS_PROBE) {
		struct tcp_seg *head = tcp_seg_first(tp);
		if (head)
			when = MAX(head->tx_ns + tp->rto, cpu->now + NSEC_PER_USEC);
	}
	tcp_arm_rtx(cpu, tp, TCP_TIMER_RTO, when);
}

/* An ACK moved the timeout; a tail loss probe comes first when it may help. */
void tcp_set_xmit_timer(struct cpu *cpu, struct tcp_sock *tp)
{
	if (!tcp_tlp_schedule(cpu, tp, true))
		tcp_rearm_rto(cpu, tp);
}

void tcp_arm_delack(struct cpu *cpu, struct tcp_sock *tp, u64 when)
{
	tp->ack.pending |= TCP_ACK_TIMER;
	tp->delack_deadline = when;
	arm(cpu, tp, when);
}
void tcp_clear_delack(struct tcp_sock *tp) { tp->ack.retry = 0; } /* ack.pending was cleared: a late firing does nothing */

void tcp_arm_keepalive(struct cpu *cpu, struct tcp_sock *tp, u64 in)
{
	tp->keep_deadline = cpu->now + in;
	arm(cpu, tp, tp->keep_deadline);
}

void tcp_clear_timers(struct tcp_sock *tp)
{
	tp->rtx_kind = TCP_TIMER_NONE;
	tp->ack.pending = 0;
	tp->ack.retry = 0;
	tp->held_deadline = 0;
	tp->keep_deadline = 0;
	tp->pacing_waits = false;
	timer_cancel(&tp->timer);
}

u64 tcp_keepalive_time(const struct tcp_sock *tp)
{
	return (u64)(tp->keepalive_time_s ? tp->keepalive_time_s : (u32)MAX(tcp_net(tp)->keepalive_time, 0)) * NSEC_PER_SEC;
}
u64 tcp_keepalive_intvl(const struct tcp_sock *tp)
{
	return (u64)(tp->keepalive_intvl_s ? tp->keepalive_intvl_s : (u32)MAX(tcp_net(tp)->keepalive_intvl, 0)) * NSEC_PER_SEC;
}
u64 tcp_fin_time(const struct tcp_sock *tp)
{
	u64 tmo = (u64)(tp->linger2 ? tp->linger2 : MAX(tcp_net(tp)->fin_timeout, 0)) * NSEC_PER_SEC;
	u64 min = (tp->rto << 2) - (tp->rto >> 1);

	return MAX(tmo, min);
}

/* -- giving up -- */

void tcp_write_err(struct cpu *cpu, struct tcp_sock *tp)
{
	struct sock *sk = tcp_to_sock(tp);

	sk->err = sk->err_soft ? sk->err_soft : ETIMEDOUT;
	mib_inc(cpu, sk->net, MIB_TcpExt_TCPAbortOnTimeout);
	tcp_txq_purge(cpu, tp);
	tcp_done(cpu, tp);
	sock_wake(cpu, sk);
}

/* Have `n` timeouts, doubling from rto_base, gone by since the first retransmission? timeout: in ns, 0: computed. */
static bool timed_out(struct cpu *cpu, const struct tcp_sock *tp, unsigned n, u64 timeout)
{
	u64 start = tp->retrans_stamp;

	if (!tp->retransmits)
		return false;
	if (!start) {
		struct tcp_seg *s = tcp_seg_first(tp);
		if (!s)
			return false;
		start = s->tx_ns;
	}
	if (!timeout) {
		u64 base = tp->inet.sk.state == TCP_SYN_SENT || tp->inet.sk.state == TCP_SYN_RECV ? TCP_RTO_INIT :
						tp->rto_min;
		u64 max = tp->rto_max;
		unsigned linear = 0;

		while ((base << linear) < max && linear < 63)
			linear++;
		linear = linear ? linear - 1 : 0; /* doublings before the maximum */
		if (n <= linear)
			timeout = ((2ull << n) - 1) * base;
		else
			timeout = ((2ull << linear) - 1) * base + (n - linear) * max;
	}
	return (s64)(cpu->now - start - timeout) >= 0;
}

/* Orphans must not hold memory for long. */
static bool orphan_out_of_resources(struct cpu *cpu, struct tcp_sock *tp, bool do_reset)
{
	struct netns_tcp *n = tcp_net(tp);
	u32 shift = 0;

	if (cpu->now - tp->tx_timestamp > 2 * tp->rto_max || !do_reset)
		shift++;
	if (tp->inet.sk.err_soft)
		shift++;
	if ((n->orphans << shift) <= (u32)n->max_orphans && !(n->pressure && tp->inet.sk.net->core->tcp_mem_bytes >> 12 > n->mem_pages[2]))
		return false;
	if (do_reset)
		tcp_send_active_reset(cpu, tp);
	mib_inc(cpu, tp->inet.sk.net, MIB_TcpExt_TCPAbortOnMemory);
	tcp_done(cpu, tp);
	return true;
}

static unsigned orphan_retries(const struct tcp_sock *tp, bool alive)
{
	unsigned r = (unsigned)tcp_net(tp)->orphan_retries;

	if (tp->inet.sk.err_soft && !alive)
		r = 0;
	if (!r && alive)
		r = 8;
	return r;
}

/* True: the connection was given up. */
static bool write_timeout(struct cpu *cpu, struct tcp_sock *tp)
{
	struct sock *sk = tcp_to_sock(tp);
	struct netns_tcp *n = tcp_net(tp);
	bool expired;
	unsigned retry_until;

	if (sk->state == TCP_SYN_SENT || sk->state == TCP_SYN_RECV) {
		unsigned max;

		retry_until = tp->syn_retries ? tp->syn_retries : (unsigned)n->syn_retries;
		max = retry_until;
		if (sk->state == TCP_SYN_SENT)
			max += (unsigned)n->syn_linear_timeouts;
		expired = tp->retransmits >= max;
	} else {
		if (timed_out(cpu, tp, (unsigned)n->retries1, 0))
			tcp_mtu_black_hole(cpu, tp);
		if (timed_out(cpu, tp, (unsigned)n->retries1, 0) && tp->inet.dst) {
			/* The route may be the trouble: look it up anew. */
			dst_put(tp->inet.dst);
			tp->inet.dst = NULL;
		}
		retry_until = (unsigned)n->retries2;
		if (sk->dead) {
			bool alive = tp->rto < tp->rto_max;

			retry_until = orphan_retries(tp, alive);
			alive = alive || !timed_out(cpu, tp, retry_until, 0);
			if (orphan_out_of_resources(cpu, tp, alive))
				return true;
		}
		expired = false;
	}
	expired = expired || timed_out(cpu, tp, retry_until, (u64)tp->user_timeout_ms * NSEC_PER_MSEC);
	tcp_fo_detect_blackhole(cpu, tp, expired);
	if (expired) {
		tcp_write_err(cpu, tp);
		return true;
	}
	if (sk->txrehash) { /* the path may be the trouble: another flow label may lead around it */
		tp->rehash++;
		tp->label_salt++;
		mib_inc(cpu, sk->net, MIB_TcpExt_TcpTimeoutRehash);
	}
	return false;
}

/* -- retransmission timeout -- */

static void retransmit_timer(struct cpu *cpu, struct tcp_sock *tp)
{
	struct sock *sk = tcp_to_sock(tp);
	struct netns_tcp *n = tcp_net(tp);
	struct tcp_seg *s = tcp_seg_first(tp);

	if (unlikely(tp->fastopen_rsk)) {
		tcp_fo_synack_timeout(cpu, tp);
		return;
	}
	if (!tp->packets_out || !s)
		return;
	if (!tp->snd_wnd && !sk->dead && !(BIT(sk->state) & (TCPS(SYN_SENT) | TCPS(SYN_RECV)))) {
		/* The window was taken back over data in flight: the retransmission is a probe, and an answer to it keeps
		 * the connection for as long as it answers. */
		u64 last = tp->rcv_tstamp;

		if (cpu->now - last > tp->rto_max * 2 && tp->retransmits) {
			tcp_write_err(cpu, tp);
			return;
		}
		tcp_enter_loss(cpu, tp);
		tcp_retransmit_seg(cpu, tp, s, 1);
		if (tp->inet.dst) {
			dst_put(tp->inet.dst);
			tp->inet.dst = NULL;
		}
		goto out;
	}
	mib_inc(cpu, sk->net, MIB_TcpExt_TCPTimeouts);
	if (write_timeout(cpu, tp))
		return;
	if (!tp->retransmits) {
		enum mib m = 0;

		if (tp->ca_state == TCP_CA_Recovery)
			m = tcp_is_sack(tp) ? MIB_TcpExt_TCPSackRecoveryFail : MIB_TcpExt_TCPRenoRecoveryFail;
		else if (tp->ca_state == TCP_CA_Loss)
			m = MIB_TcpExt_TCPLossFailures;
		else if (tp->ca_state == TCP_CA_Disorder || tp->sacked_out)
			m = tcp_is_sack(tp) ? MIB_TcpExt_TCPSackFailures : MIB_TcpExt_TCPRenoFailures;
		if (m)
			mib_inc(cpu, sk->net, m);
	}
	tcp_enter_loss(cpu, tp);
	if (!tp->retransmits) {
		tp->total_rto_recoveries++;
		tp->rto_stamp = cpu->now;
	}
	tp->retransmits++;
	tp->total_rto++;
	if (tcp_retransmit_seg(cpu, tp, tcp_seg_first(tp), 1) && !(tcp_seg_first(tp)->state & SEG_RETRANS)) {
		/* The host's own queue or memory refused: soon again. */
		tcp_arm_rtx(cpu, tp, TCP_TIMER_RTO, cpu->now + TCP_RESOURCE_PROBE_INTERVAL);
		return;
	}
out:
	tp->backoff++;
	/* A thin stream (too few packets out for fast retransmission, beyond slow start): no back-off at first. */
	if (sk->state == TCP_ESTABLISHED && (tp->thin_lto || n->thin_linear_timeouts) && tp->packets_out < 4 &&
	    tp->snd_ssthresh < TCP_INFINITE_SSTHRESH && tp->retransmits <= 6) {
		tp->backoff = 0;
		tcp_set_rto(tp);
		tp->rto = CLAMP(tp->rto, tcp_rto_min(tp), tp->rto_max);
	} else if (sk->state != TCP_SYN_SENT || tp->total_rto > (u32)n->syn_linear_timeouts) {
		tp->rto = MIN(tp->rto << 1, tp->rto_max); /* RFC 6298, 5.5 */
	}
	tcp_arm_rtx(cpu, tp, TCP_TIMER_RTO, cpu->now + tp->rto);
}

/* -- zero window probes (RFC 1122 4.2.2.17: for ever, while they are answered) -- */

u64 tcp_probe0_when(const struct tcp_sock *tp)
{
	u64 base = MAX(tp->rto, tp->rto_min);
	u64 when = tp->backoff > 20 ? tp->rto_max : base << tp->backoff;

	return MIN(when, tp->rto_max);
}

void tcp_arm_probe0(struct cpu *cpu, struct tcp_sock *tp, u64 in)
{
	if (tp->user_timeout_ms && tp->probes_stamp) { /* not later than the user gives up */
		s64 left = (s64)(tp->probes_stamp + (u64)tp->user_timeout_ms * NSEC_PER_MSEC - cpu->now);
		in = MIN(in, (u64)MAX(left, (s64)NSEC_PER_MSEC));
	}
	tcp_arm_rtx(cpu, tp, TCP_TIMER_PROBE0, cpu->now + in);
}

/* Data waits and nothing is in flight: only a probe can find out about the window. */
void tcp_check_probe_timer(struct cpu *cpu, struct tcp_sock *tp)
{
	if (!tp->packets_out && tp->rtx_kind == TCP_TIMER_NONE)
		tcp_arm_probe0(cpu, tp, tcp_probe0_when(tp));
}

static void probe_timer(struct cpu *cpu, struct tcp_sock *tp)
{
	struct sock *sk = tcp_to_sock(tp);
	unsigned max = (unsigned)tcp_net(tp)->retries2;

	if (tp->packets_out || !tcp_send_head(tp)) {
		tp->probes_out = 0;
		tp->probes_stamp = 0;
		return;
	}
	if (!tp->probes_stamp)
		tp->probes_stamp = cpu->now;
	else if (tp->user_timeout_ms && cpu->now - tp->probes_stamp >= (u64)tp->user_timeout_ms * NSEC_PER_MSEC)
		goto abort;
	if (sk->dead) {
		bool alive = tcp_probe0_when(tp) < tp->rto_max;

		max = orphan_retries(tp, alive);
		if (!alive && tp->backoff >= max)
			goto abort;
		if (orphan_out_of_resources(cpu, tp, true))
			return;
	}
	if (tp->probes_out >= max) {
abort:
		tcp_write_err(cpu, tp);
		return;
	}
	tcp_send_probe0(cpu, tp);
}

static void rtx_due(struct cpu *cpu, struct tcp_sock *tp)
{
	u8 kind = tp->rtx_kind;
	u64 deadline = tp->rtx_deadline;

	switch (kind) {
	case TCP_TIMER_RTO:
		tp->rtx_kind = TCP_TIMER_NONE;
		retransmit_timer(cpu, tp);
		break;
	case TCP_TIMER_PROBE0:
		tp->rtx_kind = TCP_TIMER_NONE;
		probe_timer(cpu, tp);
		break;
	case TCP_TIMER_REO:
		tcp_rack_reo_timeout(cpu, tp);
		break;
	case TCP_TIMER_LOSS_PROBE:
		tcp_tlp_send(cpu, tp);
		break;
	}
	if (tp->rtx_kind == kind && tp->rtx_deadline == deadline) /* not armed again */
		tp->rtx_kind = TCP_TIMER_NONE;
}

/* -- delayed ACK -- */

static void delack_due(struct cpu *cpu, struct tcp_sock *tp)
{
	tp->ack.pending &= ~(TCP_ACK_TIMER | TCP_ACK_NOMEM);
	if (tp->ack.pending & TCP_ACK_SCHED) {
		if (!tcp_in_pingpong(tp)) {
			/* A delayed ACK that was missed: delay less often. */
			tp->ack.ato = MIN(tp->ack.ato << 1, tp->rto);
		} else {
			/* The answer did not come: no conversation any more. */
			tp->ack.pingpong = 0;
			tp->ack.ato = TCP_ATO_MIN;
		}
		tcp_send_ack(cpu, tp);
		mib_inc(cpu, tp->inet.sk.net, MIB_TcpExt_DelayedACKs);
	}
}

/* -- ACKs behind a hole -- */

/* One ACK for many out-of-order packets: after a twentieth of the round trip and tcp_comp_sack_delay_ns at most, and
 * tcp_comp_sack_slack_ns later. Without an estimate of the receiver's own: after the slack alone. */
void tcp_arm_held_ack(struct cpu *cpu, struct tcp_sock *tp)
{
	const struct netns_tcp *n = tcp_net(tp);
	u32 rtt = tp->srtt_us ? MIN(tp->rcv_rtt.rtt_us, tp->srtt_us) : tp->rcv_rtt.rtt_us; /* << 3 */
	u64 delay = (u64)rtt * (NSEC_PER_USEC >> 3) / 20;

	tp->held_deadline = cpu->now + MIN(delay, n->comp_sack_delay_ns) + MIN(n->comp_sack_slack_ns, (u64)INT64_MAX >> 1);
	arm(cpu, tp, tp->held_deadline);
}

static void held_due(struct cpu *cpu, struct tcp_sock *tp)
{
	tp->held_deadline = 0;
	tp->acks_held--; /* this packet's ACK goes after all */
	tcp_send_ack(cpu, tp);
}

/* -- pacing -- */

/* May nothing go yet? The timer then sends when it may. */
bool tcp_pacing_holds(struct cpu *cpu, struct tcp_sock *tp)
{
	if (likely(!tcp_is_paced(tp)) || tp->pacing_next <= cpu->now)
		return false;
	if (!tp->pacing_waits) {
		tp->pacing_waits = true;
		arm(cpu, tp, tp->pacing_next);
	}
	return true;
}

/* -- keepalive, and FIN-WAIT-2 of an orphan -- */

static void keep_due(struct cpu *cpu, struct tcp_sock *tp)
{
	struct sock *sk = tcp_to_sock(tp);
	u64 elapsed, intvl;

	if (sk->state == TCP_FIN_WAIT2 && sk->dead) {
		if (tp->linger2 >= 0) {
			u64 tmo = tcp_fin_time(tp);
			if (tmo > TCP_TIMEWAIT_LEN) {
				tcp_time_wait(cpu, tp, TCP_FIN_WAIT2, tmo - TCP_TIMEWAIT_LEN);
				return;
			}
		}
		tcp_send_active_reset(cpu, tp);
		tcp_done(cpu, tp);
		return;
	}
	if (!sk->keepalive || sk->state == TCP_SYN_SENT)
		return;
	intvl = tcp_keepalive_intvl(tp);
	elapsed = tcp_keepalive_time(tp);
	/* Data in flight or waiting: the other timers look after the peer. */
	if (tp->packets_out || tcp_send_head(tp))
		goto again;
	u64 idle = cpu->now - MAX(tp->ack.lrcvtime, tp->rcv_tstamp);
	if (idle >= elapsed) {
		unsigned probes = tp->keepalive_probes ? tp->keepalive_probes : (unsigned)tcp_net(tp)->keepalive_probes;

		if ((tp->user_timeout_ms && idle >= (u64)tp->user_timeout_ms * NSEC_PER_MSEC && tp->probes_out > 0) ||
		    (!tp->user_timeout_ms && tp->probes_out >= probes)) {
			tcp_send_active_reset(cpu, tp);
			tcp_write_err(cpu, tp);
			return;
		}
		mib_inc(cpu, sk->net, MIB_TcpExt_TCPKeepAlive);
		if (tcp_write_wakeup(cpu, tp) != -ENOBUFS) {
			tp->probes_out++;
			elapsed = intvl;
		} else {
			elapsed = TCP_RESOURCE_PROBE_INTERVAL;
		}
	} else {
		elapsed -= idle;
	}
again:
	tcp_arm_keepalive(cpu, tp, elapsed);
}

/* SO_KEEPALIVE switched. */
void tcp_set_keepalive(struct cpu *cpu, struct tcp_sock *tp, bool on)
{
	struct sock *sk = tcp_to_sock(tp);

	if (BIT(sk->state) & (TCPS(CLOSE) | TCPS(LISTEN)))
		return;
	if (on && !tp->keep_deadline)
		tcp_arm_keepalive(cpu, tp, tcp_keepalive_time(tp));
	else if (!on && !(sk->dead && sk->state == TCP_FIN_WAIT2))
		tp->keep_deadline = 0;
}

/* -- the timer -- */

static u64 next_deadline(const struct tcp_sock *tp)
{
	u64 when = UINT64_MAX;

	if (tp->rtx_kind != TCP_TIMER_NONE)
		when = tp->rtx_deadline;
	if (tp->ack.pending & TCP_ACK_TIMER)
		when = MIN(when, tp->delack_deadline);
	if (tp->held_deadline)
		when = MIN(when, tp->held_deadline);
	if (tp->keep_deadline)
		when = MIN(when, tp->keep_deadline);
	if (tp->pacing_waits)
		when = MIN(when, tp->pacing_next);
	return when;
}

void tcp_timer(void *owner, struct timer *t)
{
	struct cpu *cpu = owner;
	struct tcp_sock *tp = container_of(t, struct tcp_sock, timer);
	struct sock *sk = tcp_to_sock(tp);
	const u32 ended = TCPS(CLOSE) | TCPS(LISTEN);
	u64 next;

	if (BIT(sk->state) & ended)
		return;
	sock_hold(sk);
	tp->timer_running = true;
	if (tp->rtx_kind != TCP_TIMER_NONE && tp->rtx_deadline <= cpu->now)
		rtx_due(cpu, tp);
	if (tp->ack.pending & TCP_ACK_TIMER && tp->delack_deadline <= cpu->now)
		delack_due(cpu, tp);
	if (tp->held_deadline && tp->held_deadline <= cpu->now)
		held_due(cpu, tp);
	if (tp->pacing_waits && tp->pacing_next <= cpu->now) {
		tp->pacing_waits = false;
		tcp_send_what_waits(cpu, tp);
	}
	if (tp->keep_deadline && tp->keep_deadline <= cpu->now) {
		tp->keep_deadline = 0;
		keep_due(cpu, tp);
	}
	tp->timer_running = false;
	next = next_deadline(tp);
	if (next != UINT64_MAX && !(BIT(sk->state) & ended))
		cpu_timer_arm(cpu, t, next);
	sock_put(cpu, sk);
}

/* An unreachable error about the head while it backs off: RFC 6069, the timeout goes one step back. */
void tcp_ld_rto_revert(struct cpu *cpu, struct tcp_sock *tp, u32 seq)
{
	struct tcp_seg *s;
	u64 passed;

	if (seq != tp->snd_una || !tp->retransmits || !tp->backoff)
		return;
	s = tcp_seg_first(tp);
	if (!s)
		return;
	tp->backoff--;
	tp->rto = tp->srtt_us ? (u64)((tp->srtt_us >> 3) + tp->rttvar_us) * NSEC_PER_USEC : TCP_RTO_INIT;
	tp->rto = MIN(tp->rto << MIN(tp->backoff, 20), tp->rto_max);
	passed = cpu->now - s->tx_ns;
	tcp_arm_rtx(cpu, tp, TCP_TIMER_RTO, cpu->now + (tp->rto > passed ? tp->rto - passed : 0));
}
