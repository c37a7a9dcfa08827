/* When to send what: new data under the windows, Nagle, corks and GSO; ACKs; FIN; window probes.
 *
 * Comes from tcp_tx.c (a program wrote), tcp_ack.c (room opened), tcp_timers.c; goes to tcp_segment.c, which builds the
 * packet. RFC 9293 (3.8.6, with sender-side SWS avoidance), RFC 896 with Minshall's variation (Nagle: only one small segment
 * unacknowledged), RFC 6928, RFC 6937 for what recovery may send.
 *
 * Unsent data has no segments: it is [snd_nxt, write_seq). Cutting happens here, when it is known how much may go.
 */
#include "transport/tcp/tcp_impl.h"

static inline u32 window_end(const struct tcp_sock *tp) { return tp->snd_una + tp->snd_wnd; }

/* Payload bytes not sent yet; a queued FIN is not counted. */
u32 tcp_unsent(const struct tcp_sock *tp)
{
	u32 n = tp->write_seq - tp->snd_nxt;
	return n && tp->fin_queued ? n - 1 : n;
}
/* Data or FIN waits for its first transmission. */
bool tcp_send_head(const struct tcp_sock *tp) { return tp->write_seq != tp->snd_nxt; }

/* -- bookkeeping of a transmission -- */

void tcp_event_data_sent(struct cpu *cpu, struct tcp_sock *tp)
{
	if (!tp->packets_out)
		tcp_cc_event(cpu, tp, CA_EVENT_TX_START);
	tp->tx_timestamp = cpu->now;
	/* An answer within the delayed-ACK time: a conversation, so ACKs can ride on data. */
	if (cpu->now - tp->ack.lrcvtime < tp->ack.ato && tp->ack.pingpong < 255)
		tp->ack.pingpong++;
}

void tcp_event_ack_sent(struct cpu *cpu, struct tcp_sock *tp, u32 pkts)
{
	if (unlikely(tp->acks_held)) {
		mib_add(cpu, tp->inet.sk.net, MIB_TcpExt_TCPAckCompressed, tp->acks_held);
		tp->acks_held = 0;
		tp->held_deadline = 0;
	}
	if (tp->ack.quick) {
		if (pkts >= tp->ack.quick) {
			tp->ack.quick = 0;
			tp->ack.ato = TCP_ATO_MIN;
		} else {
			tp->ack.quick -= (u8)pkts;
		}
	}
	tp->ack.pending = 0;
	tp->dsack.start = tp->dsack.end = 0;
	tcp_clear_delack(tp);
}

/* [snd_nxt, +) was sent as segment s. */
static void new_data_sent(struct cpu *cpu, struct tcp_sock *tp, struct tcp_seg *s)
{
	u32 prior = tp->packets_out;

	tcp_rate_seg_sent(cpu, tp, s);
	s->tx_ns = cpu->now;
	list_add_tail(&tp->tsorted, &s->tsorted);
	tp->snd_nxt = s->end_seq;
	tp->packets_out += s->pcount;
	s->tx_in_flight = tcp_in_flight(tp);
	if (!prior || tp->rtx_kind == TCP_TIMER_PROBE0)
		tcp_rearm_rto(cpu, tp);
	tcp_wmem_update(tp);
	mib_add(cpu, tp->inet.sk.net, MIB_TcpExt_TCPOrigDataSent, s->pcount);
}

/* cwnd validation (RFC 2861, as Linux): was the window used? */
static void cwnd_validate(struct cpu *cpu, struct tcp_sock *tp, bool limited)
{
	if (!seq_before(tp->snd_una, tp->cwnd_usage_seq) || limited || (!tp->is_cwnd_limited && tp->packets_out > tp->max_packets_out)) {
		tp->is_cwnd_limited = limited;
		tp->max_packets_out = tp->packets_out;
		tp->cwnd_usage_seq = tp->snd_nxt;
	}
	if (tcp_is_cwnd_limited(tp)) {
		tp->snd_cwnd_used = 0;
		tp->snd_cwnd_stamp = cpu->now;
		return;
	}
	if (tp->packets_out > tp->snd_cwnd_used)
		tp->snd_cwnd_used = tp->packets_out;
	if (tcp_net(tp)->slow_start_after_idle && cpu->now - tp->snd_cwnd_stamp >= tp->rto && !tp->cc->cong_control) {
		/* Limited by the application for an RTO. */
		if (tp->ca_state == TCP_CA_Open && tp->inet.sk.err == 0) {
			u32 used = MAX(tp->snd_cwnd_used, tcp_init_cwnd(tp));
			if (used < tp->snd_cwnd) {
				tp->snd_ssthresh = tcp_current_ssthresh(tp);
				tp->snd_cwnd = (tp->snd_cwnd + used) >> 1;
			}
			tp->snd_cwnd_used = 0;
		}
		tp->snd_cwnd_stamp = cpu->now;
	}
}

/* After idleness of an RTO the window starts again (RFC 5681, 4.1). */
void tcp_slow_start_after_idle_check(struct cpu *cpu, struct tcp_sock *tp)
{
	u64 idle;

	if (!tcp_net(tp)->slow_start_after_idle || tp->packets_out || tp->cc->cong_control || !tp->tx_timestamp)
		return;
	idle = cpu->now - tp->tx_timestamp;
	if (idle > tp->rto) {
		u32 restart = tcp_init_cwnd(tp), cwnd = tp->snd_cwnd;

		tcp_cc_event(cpu, tp, CA_EVENT_CWND_RESTART);
		tp->snd_ssthresh = tcp_current_ssthresh(tp);
		restart = MIN(restart, cwnd);
		for (u64 d = idle; (d -= MIN(d, tp->rto)) > 0 && cwnd > restart;)
			cwnd >>= 1;
		tp->snd_cwnd = MAX(cwnd, restart);
		tp->snd_cwnd_stamp = cpu->now;
		tp->snd_cwnd_used = 0;
	}
}

/* -- decisions -- */

/* The last small segment is still on its way (Minshall). */
static bool small_outstanding(const struct tcp_sock *tp)
{
	return seq_after(tp->snd_sml, tp->snd_una) && !seq_after(tp->snd_sml, tp->snd_nxt);
}

/* May a last piece of less than an MSS not go now? */
static bool nagle_holds(const struct tcp_sock *tp, int nonagle)
{
	if (nonagle & TCP_NAGLE_PUSH)
		return false;
	if (tp->urg_mode || tp->fin_queued)
		return false;
	return (nonagle & TCP_NAGLE_CORK) || (!nonagle && tp->packets_out && small_outstanding(tp));
}

/* GSO packets as large as the flow sends in a millisecond, larger when the path is short; at least two segments. */
static u32 tso_segs(const struct tcp_sock *tp, u32 mss)
{
	const struct netns_tcp *n = tcp_net(tp);
	u64 bytes;
	u32 r = n->tso_rtt_log < 32 ? tcp_min_rtt(tp) >> n->tso_rtt_log : 0, max = MIN(tp->gso_max_segs, (tp->gso_max_bytes - 320) / mss), segs;

	if (!tp->gso_ok)
		return 1;
	bytes = tp->pacing_rate == UINT64_MAX ? tp->gso_max_bytes : tp->pacing_rate >> 10;
	if (r < 32)
		bytes += tp->gso_max_bytes >> r;
	bytes = MIN(bytes, (u64)tp->gso_max_bytes);
	segs = (u32)bytes / mss;
	segs = MAX(segs, (u32)(tp->cc->min_tso_segs ? tp->cc->min_tso_segs((struct tcp_sock *)tp) : (u32)n->min_tso_segs));
	segs = MIN(segs, max);
	return MAX(segs, 1u);
}

/* How many packets cwnd lets out: at most half of it at once, so that ACKs keep clocking. */
static u32 cwnd_quota(const struct tcp_sock *tp)
{
	u32 in_flight = tcp_in_flight(tp), cwnd = tp->snd_cwnd;

	if (in_flight >= cwnd)
		return 0;
	return MIN(MAX(cwnd >> 1, 1u), cwnd - in_flight);
}

/* A larger GSO packet is likely soon: wait for the ACK that opens the window further. */
static bool tso_should_defer(struct cpu *cpu, struct tcp_sock *tp, u32 len, u32 mss, u32 max_segs, bool *cwnd_limited, bool *rwnd_limited)
{
	u32 send_win, cong_win, limit, in_flight;
	s32 divisor = tcp_net(tp)->tso_win_divisor;
	struct tcp_seg *head;
	u64 srtt;

	if (tp->ca_state >= TCP_CA_Recovery)
		return false;
	if (cpu->now - tp->tx_timestamp > NSEC_PER_MSEC)
		return false;
	in_flight = tcp_in_flight(tp);
	if (tp->snd_cwnd <= in_flight)
		return false;
	send_win = window_end(tp) - tp->snd_nxt;
	cong_win = (u32)MIN((u64)(tp->snd_cwnd - in_flight) * mss, 0x7fffffffu);
	limit = MIN(send_win, cong_win);
	if (limit >= max_segs * mss)
		return false;
	if (divisor > 0) {
		u32 chunk = (u32)MIN((u64)tp->snd_wnd, (u64)tp->snd_cwnd * mss) / (u32)divisor;
		if (limit >= chunk)
			return false;
	} else if (limit > 3 * mss) {
		return false;
	}
	head = tcp_seg_first(tp);
	if (!head)
		return false;
	/* Only for an ACK that is due: in a millisecond, and in half a round trip. ACKs that come later keep the clock better apart. */
	srtt = (u64)(tp->srtt_us >> 3) * NSEC_PER_USEC;
	if ((s64)(head->tx_ns + srtt - cpu->now) > (s64)MIN(srtt >> 1, (u64)NSEC_PER_MSEC))
		return false;
	if (cong_win < send_win) {
		if (cong_win <= len) {
			*cwnd_limited = true;
			return true;
		}
	} else if (send_win <= len) {
		*rwnd_limited = true;
		return true;
	}
	return false;
}

/* -- the sending loop -- */

/* Sends `len` payload bytes (and the FIN behind them when it is due) from snd_nxt on. */
static int send_new(struct cpu *cpu, struct tcp_sock *tp, u32 len, u32 mss, bool push)
{
	struct tcp_txbuf *tb = len ? tcp_txq_at(tp->txb_nxt ? tp->txb_nxt : tp->txb_head, tp->snd_nxt) : NULL;
	bool fin = tp->fin_queued && tp->snd_nxt + len + 1 == tp->write_seq;
	u32 end = tp->snd_nxt + len;
	u8 flags = TCPF_ACK;
	struct tcp_seg *s;
	int err;

	if (len) {
		tp->txb_nxt = tb;
		u32 fits = tcp_frag_limit(tb, tp->snd_nxt, len);
		if (unlikely(fits < len)) {
			len = fits > mss ? fits - fits % mss : fits;
			end = tp->snd_nxt + len;
			fin = false;
		}
	}
	if (fin)
		flags |= TCPF_FIN;
	if (len && (push || tcp_txq_pushed(tp, end)))
		flags |= TCPF_PSH;
	s = tcp_seg_add(cpu, tp, tp->snd_nxt, len, flags & (TCPF_FIN | TCPF_PSH), mss, tb);
	if (!s)
		return -ENOBUFS;
	if (tcp_repairs_sends(tp)) {
		s->state |= SEG_EVER_RETRANS; /* its acknowledgement is no sample of the round trip */
		err = 0;
	} else {
		err = tcp_transmit(cpu, tp, &(struct tcp_tx){ .seq = tp->snd_nxt, .len = len, .flags = flags, .mss = mss, .tb = tb });
	}
	if (unlikely(err)) {
		tcp_seg_del(cpu, tp, s);
		return err;
	}
	if (len && len % mss)
		tp->snd_sml = end;
	new_data_sent(cpu, tp, s);
	return 0;
}

/* Sends what may be sent. push_one: 0 all; 1 one packet; 2 one segment regardless of cwnd (probes). True: nothing is in
 * flight although something waits (the caller looks to the probe timer). */
bool tcp_write_xmit(struct cpu *cpu, struct tcp_sock *tp, u32 mss, int nonagle, int push_one)
{
	bool cwnd_limited = false, rwnd_limited = false, held = false;
	u32 sent = 0, max_segs = tso_segs(tp, mss), size; /* in packets; bytes */

	if (unlikely(tp->mtup.enabled) && !push_one && tcp_send_head(tp)) {
		enum tcp_mtu_verdict v = tcp_mtu_probe(cpu, tp, &size);

		if (v == TCP_MTU_WAIT)
			return false;
		if (v == TCP_MTU_PROBE && !send_new(cpu, tp, size, size, false)) {
			tcp_mtu_sent(tp, size);
			sent = 1;
		}
	}

	while (tcp_send_head(tp)) {
		u32 quota, unsent = tcp_unsent(tp), len = tcp_txq_record(tp, tp->snd_nxt, unsent), room, max, before = tp->packets_out;
		bool last = len == unsent; /* others are as full as they will ever be: Nagle has nothing to wait for */

		if (tcp_repairs_sends(tp)) { /* neither window matters */
			u32 goal = tcp_size_goal(tp, mss);

			if (send_new(cpu, tp, MIN(len, goal), mss, false))
				break;
			continue;
		}
		if (!push_one && tcp_pacing_holds(cpu, tp)) {
			held = true;
			break;
		}
		quota = cwnd_quota(tp);
		if (!quota) {
			if (push_one != 2) {
				cwnd_limited = true;
				break;
			}
			quota = 1;
		}
		/* The peer's window: a whole segment fits, or all that is left. A lone FIN may go beyond by itself. */
		room = window_end(tp) - tp->snd_nxt;
		if ((s32)room < 0)
			room = 0;
		if (room < MIN(len, mss) || (!len && (s32)(window_end(tp) - tp->snd_nxt) < 0)) {
			rwnd_limited = true;
			break;
		}
		if (len <= mss) {
			if (len < mss && last && nagle_holds(tp, nonagle) && len)
				break;
			max = len;
		} else {
			if (!push_one && tso_should_defer(cpu, tp, len, mss, max_segs, &cwnd_limited, &rwnd_limited))
				break;
			max = (u32)MIN((u64)MIN(quota, max_segs) * mss, (u64)room);
			if (push_one == 2)
				max = MIN(max, mss);
			if (max >= len)
				max = len % mss && last && nagle_holds(tp, nonagle) ? len - len % mss : len;
			else
				max -= max % mss;
		}
		/* Small queues: no more in the host's queues than needed to keep the device busy. */
		if (tp->inet.sk.wmem_alloc > (u32)tcp_net(tp)->limit_output_bytes && tp->packets_out) {
			tp->tsq_throttled = true;
			break;
		}
		if (send_new(cpu, tp, max, mss, false))
			break;
		sent += tp->packets_out - before;
		if (push_one)
			break;
	}
	tcp_chrono_set(cpu, tp, rwnd_limited);
	if (tcp_in_cwnd_reduction(tp))
		tp->prr_out += sent;
	cwnd_limited |= tcp_in_flight(tp) >= tp->snd_cwnd;
	if (sent || cwnd_limited)
		cwnd_validate(cpu, tp, cwnd_limited);
	if (sent) {
		if (push_one != 2) /* each burst may be the last: a probe looks after its tail */
			tcp_tlp_schedule(cpu, tp, false);
		return false;
	}
	return !held && !tp->packets_out && tcp_send_head(tp);
}

void tcp_push_pending(struct cpu *cpu, struct tcp_sock *tp, u32 mss, int nonagle)
{
	if (unlikely(tp->inet.sk.state == TCP_CLOSE))
		return;
	if (tcp_write_xmit(cpu, tp, mss, nonagle, 0))
		tcp_check_probe_timer(cpu, tp);
}

/* After an ACK or a wider window. */
void tcp_data_snd_check(struct cpu *cpu, struct tcp_sock *tp)
{
	if (tcp_send_head(tp) && tp->inet.sk.state != TCP_SYN_SENT)
		tcp_push_pending(cpu, tp, tcp_current_mss(cpu, tp), tp->nonagle);
	tcp_check_space(cpu, tp);
}

/* -- FIN -- */

void tcp_send_fin(struct cpu *cpu, struct tcp_sock *tp)
{
	if (tp->fin_queued)
		return;
	tp->fin_queued = true;
	tp->write_seq++;
	tcp_push_pending(cpu, tp, tcp_current_mss(cpu, tp), TCP_NAGLE_OFF);
}

/* -- ACKs -- */

void tcp_send_ack(struct cpu *cpu, struct tcp_sock *tp)
{
	if (tp->inet.sk.state == TCP_CLOSE)
		return;
	if (tcp_transmit(cpu, tp, &(struct tcp_tx){ .seq = tcp_acceptable_seq(tp), .flags = TCPF_ACK }) == -ENOBUFS) {
		/* Out of memory: again soon. */
		tp->ack.pending |= TCP_ACK_SCHED | TCP_ACK_NOMEM;
		tp->ack.ato = TCP_ATO_MIN;
		tcp_arm_delack(cpu, tp, cpu->now + TCP_DELACK_MAX);
	}
}

/* A sequence number that a peer whose window shrank still accepts. */
u32 tcp_acceptable_seq(const struct tcp_sock *tp)
{
	if (!seq_before(window_end(tp), tp->snd_nxt) ||
	    (tp->rx_opt.wscale_ok && (tp->snd_nxt - window_end(tp)) < (1u << tp->rx_opt.rcv_wscale)))
		return tp->snd_nxt;
	return window_end(tp);
}

/* The delay stays below the least timeout of a peer like us. */
static u64 delack_max(const struct tcp_sock *tp)
{
	u64 below = MAX(tcp_rto_min(tp), 2 * TCP_TICK) - TCP_TICK;

	return MIN(tp->delack_max, below);
}

void tcp_send_delayed_ack(struct cpu *cpu, struct tcp_sock *tp)
{
	u64 ato = tp->ack.ato, timeout;

	if (ato > TCP_DELACK_MIN) {
		u64 max = NSEC_PER_SEC / 2;

		if (tp->ack.pingpong >= tcp_net(tp)->pingpong_thresh || (tp->ack.pending & TCP_ACK_PUSHED))
			max = TCP_DELACK_MAX;
		if (tp->srtt_us) { /* no longer than a round trip */
			u64 rtt = MAX((u64)(tp->srtt_us >> 3) * NSEC_PER_USEC, TCP_DELACK_MIN);
			max = MIN(max, rtt);
		}
		ato = MIN(ato, max);
	}
	ato = MIN(ato, delack_max(tp));
	timeout = cpu->now + ato;
	if (tp->ack.pending & TCP_ACK_TIMER) {
		/* Already waiting, and nearly due: now. */
		if (tp->delack_deadline <= cpu->now + (ato >> 2)) {
			tcp_send_ack(cpu, tp);
			return;
		}
		timeout = MIN(timeout, tp->delack_deadline);
	}
	tp->ack.pending |= TCP_ACK_SCHED | TCP_ACK_TIMER;
	tcp_arm_delack(cpu, tp, timeout);
}

/* -- window probes (RFC 9293, 3.8.6.1) -- */

/* A segment that makes the peer answer with an ACK: a sequence number just below its window. */
int tcp_xmit_probe(struct cpu *cpu, struct tcp_sock *tp, bool urgent)
{
	mib_inc(cpu, tp->inet.sk.net, MIB_TcpExt_TCPWinProbe);
	return tcp_transmit(cpu, tp, &(struct tcp_tx){ .seq = tp->snd_una - !urgent, .flags = TCPF_ACK });
}

/* A zero or small window: sends what fits, else an empty probe. 0, or why nothing went. */
int tcp_write_wakeup(struct cpu *cpu, struct tcp_sock *tp)
{
	if (tp->inet.sk.state == TCP_CLOSE)
		return -1;
	if (tcp_send_head(tp) && seq_before(tp->snd_nxt, window_end(tp))) {
		u32 mss = tcp_current_mss(cpu, tp), len = MIN(tcp_unsent(tp), window_end(tp) - tp->snd_nxt);

		if (seq_before(tp->pushed_seq, tp->snd_nxt + len))
			tp->pushed_seq = tp->snd_nxt + len;
		return send_new(cpu, tp, MIN(len, mss), mss, true);
	}
	if (seq_between(tp->snd_up, tp->snd_una + 1, tp->snd_una + 0xffff) && tp->urg_mode)
		tcp_xmit_probe(cpu, tp, true);
	return tcp_xmit_probe(cpu, tp, false);
}

void tcp_send_probe0(struct cpu *cpu, struct tcp_sock *tp)
{
	int err = tcp_write_wakeup(cpu, tp);

	if (tp->packets_out || !tcp_send_head(tp)) {
		tp->probes_out = 0; /* data went: the retransmission timer is in charge */
		tp->backoff = 0;
		tp->probes_stamp = 0;
		return;
	}
	tp->probes_out++;
	if (err != -ENOBUFS) {
		if (tp->backoff < (u32)tcp_net(tp)->retries2)
			tp->backoff++;
		tcp_arm_probe0(cpu, tp, tcp_probe0_when(tp));
	} else {
		tcp_arm_probe0(cpu, tp, TCP_RESOURCE_PROBE_INTERVAL);
	}
}
