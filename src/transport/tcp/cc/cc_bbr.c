/* BBR, version 1 (draft-cardwell-iccrg-bbr-congestion-control-00; Cardwell et al., ACM Queue 2016): sends at the rate at which the path
 * delivers, keeps about two bandwidth-delay products in flight, and takes loss for no signal.
 *
 * The model is two filters: the greatest delivery rate of the last 10 round trips, the least round trip of the last 10 s. Both cannot
 * be seen at once (a full pipe has a queue), so the modes take turns:
 *
 *   STARTUP    doubles the rate each round trip until three of them bring less than a quarter more
 *   DRAIN      the inverse gain, until the queue that STARTUP made is gone
 *   PROBE_BW   eight phases of a round trip: 5/4 of the rate, 3/4, six times 1; begins at a random phase, so that flows do not beat
 *   PROBE_RTT  when 10 s brought no new minimum: four packets in flight for 200 ms and a round trip
 *
 * Beside it: a policer is recognised by its constant rate under heavy loss, and that rate then used ("lt": long term); ACKs that come in
 * bursts are allowed for by more window ("extra acked"); on loss the first round trip conserves packets.
 * Rates are packets per us << 24. Time comes from delivered_time (us) where phases are measured, else ms.
 */
#include "base/minmax.h"
#include "transport/tcp/tcp_impl.h"

#define BW_SCALE 24
#define BW_UNIT (1ull << BW_SCALE)
#define GAIN_SCALE 8
#define GAIN_UNIT (1u << GAIN_SCALE)

#define CYCLE_LEN 8u
#define CYCLE_RAND 7u		      /* phases at which PROBE_BW may begin: any but the 3/4 one */
#define BW_WINDOW_ROUNDS (CYCLE_LEN + 2) /* a cycle, with room to spare */
#define MIN_RTT_WINDOW_MS 10000u
#define PROBE_RTT_MS 200u
#define CWND_MIN 4u		      /* packets that keep ACKs coming although they are delayed */
#define MIN_TSO_RATE (1200000u / 8)   /* below, single packets: bytes a second */
#define PACING_MARGIN_PERCENT 1u      /* a little under the estimate, so that no queue builds */
#define HIGH_GAIN (GAIN_UNIT * 2885 / 1000 + 1) /* 2/ln 2: the least that doubles the delivery rate per round trip */
#define DRAIN_GAIN (GAIN_UNIT * 1000 / 2885)
#define CWND_GAIN (GAIN_UNIT * 2)
#define FULL_BW_GAIN (GAIN_UNIT * 5 / 4)
#define FULL_BW_ROUNDS 3u
#define LT_MIN_ROUNDS 4u	      /* an interval of the policer's detection */
#define LT_LOSS_RATIO 50u	      /* of 256: a fifth lost */
#define LT_BW_RATIO (GAIN_UNIT / 8)   /* two intervals agree within an eighth */
#define LT_BW_DIFF (4000u / 8)	      /* or within 4 kbit/s: bytes a second */
#define LT_MAX_ROUNDS 48u	      /* then look again */
#define EXTRA_WINDOW_ROUNDS 5u
#define EXTRA_EPOCH_MAX (1u << 20)
#define EXTRA_MAX_US 100000u

static const u16 cycle_gain[CYCLE_LEN] = { GAIN_UNIT * 5 / 4, GAIN_UNIT * 3 / 4, GAIN_UNIT, GAIN_UNIT, GAIN_UNIT, GAIN_UNIT, GAIN_UNIT, GAIN_UNIT };

enum { STARTUP, DRAIN, PROBE_BW, PROBE_RTT };
struct bbr {
	u64 cycle_us;			/* when this phase began */
	u64 ack_epoch_us;
	struct minmax bw;		/* over rounds */
	u32 min_rtt_us, min_rtt_ms;	/* value, and when it was seen */
	u32 probe_rtt_done_ms;		/* 0: not draining yet */
	u32 rtt_cnt, next_rtt_delivered; /* rounds */
	u32 lt_bw, lt_last_delivered, lt_last_ms, lt_last_lost;
	u32 prior_cwnd, full_bw;
	u16 extra_acked[2];		/* greatest of this window of rounds and of the last */
	u16 pacing_gain, cwnd_gain;
	u32 ack_epoch_acked : 20, extra_acked_rounds : 5, extra_acked_idx : 1;
	u32 mode : 2, prev_ca_state : 3, packet_conservation : 1, round_start : 1, idle_restart : 1, probe_rtt_round_done : 1,
		lt_is_sampling : 1, lt_rtt_cnt : 7, lt_use_bw : 1, full_bw_reached : 1, full_bw_cnt : 2, cycle_idx : 3, has_seen_rtt : 1;
};
_Static_assert(sizeof(struct bbr) <= TCP_CC_PRIV, "fits");

static struct bbr *priv(const struct tcp_sock *tp) { return (struct bbr *)tp->cc_priv; }
static u32 now_ms(const struct cpu *cpu) { return (u32)(cpu->now / NSEC_PER_MSEC); }
static u64 delivered_us(const struct tcp_sock *tp) { return tp->delivered_time / NSEC_PER_USEC; }
static bool before_ms(u32 a, u32 b) { return (s32)(a - b) < 0; }

static u32 max_bw(const struct bbr *b) { return minmax_get(&b->bw); }
static u32 cur_bw(const struct bbr *b) { return b->lt_use_bw ? b->lt_bw : max_bw(b); }
static u16 extra_acked(const struct bbr *b) { return MAX(b->extra_acked[0], b->extra_acked[1]); }

/* -- rate -- */

static u64 bytes_per_s(const struct tcp_sock *tp, u64 bw, u32 gain)
{
	bw *= tp->mss_cache;
	bw = bw * gain >> GAIN_SCALE;
	bw *= 1000000 / 100 * (100 - PACING_MARGIN_PERCENT);
	return bw >> BW_SCALE;
}
static u64 to_pacing_rate(const struct tcp_sock *tp, u32 bw, u32 gain) { return MIN(bytes_per_s(tp, bw, gain), tp->inet.sk.max_pacing_rate); }

/* Nothing measured yet: the initial window in a round trip, a millisecond when that is unknown too. */
static void init_pacing_rate(struct tcp_sock *tp)
{
	struct bbr *b = priv(tp);
	u32 rtt_us = 1000;

	if (tp->srtt_us) {
		rtt_us = MAX(tp->srtt_us >> 3, 1u);
		b->has_seen_rtt = 1;
	}
	tp->pacing_rate = to_pacing_rate(tp, (u32)MIN(tp->snd_cwnd * BW_UNIT / rtt_us, (u64)~0u), HIGH_GAIN);
}

static void set_pacing_rate(struct tcp_sock *tp, u32 bw, u32 gain)
{
	struct bbr *b = priv(tp);
	u64 rate = to_pacing_rate(tp, bw, gain);

	if (!b->has_seen_rtt && tp->srtt_us)
		init_pacing_rate(tp);
	if (b->full_bw_reached || rate > tp->pacing_rate) /* STARTUP never slows down */
		tp->pacing_rate = rate;
}

static u32 min_tso_segs(struct tcp_sock *tp) { return tp->pacing_rate < MIN_TSO_RATE ? 1 : 2; }

/* Packets of a GSO burst at this rate: a millisecond's worth. */
static u32 tso_goal(struct tcp_sock *tp)
{
	u32 bytes = (u32)MIN(tp->pacing_rate >> 10, (u64)(65536 - 1 - 320));

	return MIN(MAX(bytes / tp->mss_cache, min_tso_segs(tp)), 127u);
}

/* -- window -- */

static void save_cwnd(struct tcp_sock *tp)
{
	struct bbr *b = priv(tp);

	if (b->prev_ca_state < TCP_CA_Recovery && b->mode != PROBE_RTT)
		b->prior_cwnd = tp->snd_cwnd;
	else /* a loss or a probe has cut it meanwhile */
		b->prior_cwnd = MAX(b->prior_cwnd, tp->snd_cwnd);
}

static u32 bdp(const struct bbr *b, u32 bw, u32 gain)
{
	if (b->min_rtt_us == ~0u) /* no sample: the initial window */
		return TCP_INIT_CWND;
	return (u32)((((u64)bw * b->min_rtt_us * gain >> GAIN_SCALE) + BW_UNIT - 1) / BW_UNIT);
}

/* Room for what the host's batching holds: at the sender's GSO, in flight, at the receiver's delayed ACK; and an even number. */
static u32 quantize(struct tcp_sock *tp, u32 cwnd)
{
	const struct bbr *b = priv(tp);

	cwnd += 3 * tso_goal(tp);
	cwnd = (cwnd + 1) & ~1u;
	if (b->mode == PROBE_BW && !b->cycle_idx) /* the 5/4 phase must get above, even of a small window */
		cwnd += 2;
	return cwnd;
}
static u32 inflight(struct tcp_sock *tp, u32 bw, u32 gain) { return quantize(tp, bdp(priv(tp), bw, gain)); }

/* In the network when the next packet is due: what is out, less what will be delivered until then. */
static u32 in_net_at_departure(struct cpu *cpu, struct tcp_sock *tp, u32 in_flight_now)
{
	const struct bbr *b = priv(tp);
	u64 wait_us = tp->pacing_next > cpu->now ? (tp->pacing_next - cpu->now) / NSEC_PER_USEC : 0;
	u32 delivered = (u32)((u64)cur_bw(b) * wait_us >> BW_SCALE);

	if (b->pacing_gain > GAIN_UNIT)
		in_flight_now += tso_goal(tp);
	return delivered >= in_flight_now ? 0 : in_flight_now - delivered;
}

static u32 aggregation_cwnd(const struct bbr *b)
{
	u32 most;

	if (!b->full_bw_reached)
		return 0;
	most = (u32)((u64)cur_bw(b) * EXTRA_MAX_US / BW_UNIT);
	return MIN((u32)extra_acked(b), most);
}

/* Loss and its end. True: the first round trip of recovery, in which one packet goes for each that is delivered. */
static bool recover_or_restore(struct tcp_sock *tp, const struct tcp_rate_sample *rs, u32 acked, u32 *cwnd)
{
	struct bbr *b = priv(tp);
	u8 prev = b->prev_ca_state, state = tp->ca_state;
	u32 w = tp->snd_cwnd;

	if (rs->losses > 0)
		w = w > rs->losses ? w - rs->losses : 1;
	if (state == TCP_CA_Recovery && prev != TCP_CA_Recovery) {
		b->packet_conservation = 1;
		b->next_rtt_delivered = tp->delivered; /* a round begins now */
		w = tcp_in_flight(tp) + acked;
	} else if (prev >= TCP_CA_Recovery && state < TCP_CA_Recovery) {
		w = MAX(w, b->prior_cwnd);
		b->packet_conservation = 0;
	}
	b->prev_ca_state = state & 7;
	if (b->packet_conservation) {
		*cwnd = MAX(w, tcp_in_flight(tp) + acked);
		return true;
	}
	*cwnd = w;
	return false;
}

static void set_cwnd(struct tcp_sock *tp, const struct tcp_rate_sample *rs, u32 acked, u32 bw, u32 gain)
{
	struct bbr *b = priv(tp);
	u32 cwnd = tp->snd_cwnd, target;

	if (acked && !recover_or_restore(tp, rs, acked, &cwnd)) {
		target = quantize(tp, bdp(b, bw, gain) + aggregation_cwnd(b));
		if (b->full_bw_reached)
			cwnd = MIN(cwnd + acked, target);
		else if (cwnd < target || tp->delivered < TCP_INIT_CWND)
			cwnd += acked;
		cwnd = MAX(cwnd, CWND_MIN);
	}
	tp->snd_cwnd = MIN(cwnd, tp->snd_cwnd_clamp);
	if (b->mode == PROBE_RTT)
		tp->snd_cwnd = MIN(tp->snd_cwnd, CWND_MIN);
}

/* -- PROBE_BW -- */

static bool phase_over(struct cpu *cpu, struct tcp_sock *tp, const struct tcp_rate_sample *rs)
{
	struct bbr *b = priv(tp);
	bool full = delivered_us(tp) - b->cycle_us > b->min_rtt_us;
	u32 in_net;

	if (b->pacing_gain == GAIN_UNIT)
		return full;
	in_net = in_net_at_departure(cpu, tp, rs->prior_in_flight);
	if (b->pacing_gain > GAIN_UNIT) /* until the path took that much more, or lost something */
		return full && (rs->losses || in_net >= inflight(tp, max_bw(b), b->pacing_gain));
	return full || in_net <= inflight(tp, max_bw(b), GAIN_UNIT); /* drained early */
}

static void next_phase(struct tcp_sock *tp)
{
	struct bbr *b = priv(tp);

	b->cycle_idx = (b->cycle_idx + 1) % CYCLE_LEN & 7;
	b->cycle_us = delivered_us(tp);
}

static void enter_probe_bw(struct cpu *cpu, struct tcp_sock *tp)
{
	struct bbr *b = priv(tp);

	b->mode = PROBE_BW;
	b->cycle_idx = (CYCLE_LEN - 1 - rng_below(&cpu->rng, CYCLE_RAND)) & 7;
	next_phase(tp);
}

static void reset_mode(struct cpu *cpu, struct tcp_sock *tp)
{
	if (!priv(tp)->full_bw_reached)
		priv(tp)->mode = STARTUP;
	else
		enter_probe_bw(cpu, tp);
}

/* -- policers -- */

static void lt_begin_interval(struct tcp_sock *tp)
{
	struct bbr *b = priv(tp);

	b->lt_last_ms = (u32)(tp->delivered_time / NSEC_PER_MSEC);
	b->lt_last_delivered = tp->delivered;
	b->lt_last_lost = tp->lost;
	b->lt_rtt_cnt = 0;
}

static void lt_reset(struct tcp_sock *tp)
{
	struct bbr *b = priv(tp);

	b->lt_bw = 0;
	b->lt_use_bw = b->lt_is_sampling = 0;
	lt_begin_interval(tp);
}

static void lt_interval_done(struct tcp_sock *tp, u32 bw)
{
	struct bbr *b = priv(tp);

	if (b->lt_bw) {
		u32 diff = bw > b->lt_bw ? bw - b->lt_bw : b->lt_bw - bw;

		if ((u64)diff * GAIN_UNIT <= (u64)LT_BW_RATIO * b->lt_bw || bytes_per_s(tp, diff, GAIN_UNIT) <= LT_BW_DIFF) {
			b->lt_bw = (u32)(((u64)bw + b->lt_bw) >> 1);
			b->lt_use_bw = 1;
			b->pacing_gain = GAIN_UNIT; /* no more probing */
			b->lt_rtt_cnt = 0;
			return;
		}
	}
	b->lt_bw = bw;
	lt_begin_interval(tp);
}

/* An interval begins and ends with a loss and lasts 4 to 16 round trips; two with much loss and one rate mean a policer. */
static void lt_sample(struct cpu *cpu, struct tcp_sock *tp, const struct tcp_rate_sample *rs)
{
	struct bbr *b = priv(tp);
	u32 lost, delivered, ms;

	if (b->lt_use_bw) {
		if (b->mode == PROBE_BW && b->round_start && ++b->lt_rtt_cnt >= LT_MAX_ROUNDS) {
			lt_reset(tp);
			enter_probe_bw(cpu, tp);
		}
		return;
	}
	if (!b->lt_is_sampling) {
		if (!rs->losses)
			return;
		lt_begin_interval(tp);
		b->lt_is_sampling = 1;
	}
	if (rs->is_app_limited) {
		lt_reset(tp);
		return;
	}
	if (b->round_start)
		b->lt_rtt_cnt++;
	if (b->lt_rtt_cnt < LT_MIN_ROUNDS)
		return;
	if (b->lt_rtt_cnt > 4 * LT_MIN_ROUNDS) {
		lt_reset(tp);
		return;
	}
	if (!rs->losses)
		return;
	lost = tp->lost - b->lt_last_lost;
	delivered = tp->delivered - b->lt_last_delivered;
	if (!delivered || (u64)lost << GAIN_SCALE < (u64)LT_LOSS_RATIO * delivered)
		return;
	ms = (u32)(tp->delivered_time / NSEC_PER_MSEC) - b->lt_last_ms;
	if ((s32)ms < 1)
		return;
	if (ms >= ~0u / 1000) {
		lt_reset(tp);
		return;
	}
	lt_interval_done(tp, (u32)(delivered * BW_UNIT / (ms * 1000u)));
}

/* -- the model -- */

static void update_bw(struct cpu *cpu, struct tcp_sock *tp, const struct tcp_rate_sample *rs)
{
	struct bbr *b = priv(tp);
	u64 bw;

	b->round_start = 0;
	if (rs->delivered < 0 || rs->interval_us <= 0)
		return;
	/* What was sent when the round began has been delivered. */
	if (!seq_before(rs->prior_delivered, b->next_rtt_delivered)) {
		b->next_rtt_delivered = tp->delivered;
		b->rtt_cnt++;
		b->round_start = 1;
		b->packet_conservation = 0;
	}
	lt_sample(cpu, tp, rs);
	bw = (u64)rs->delivered * BW_UNIT / (u64)rs->interval_us;
	/* Limited by the application: it tells only that the path is at least so fast. */
	if (!rs->is_app_limited || bw >= max_bw(b))
		minmax_max(&b->bw, BW_WINDOW_ROUNDS, b->rtt_cnt, (u32)bw);
}

/* How much more is acknowledged in a burst than the rate explains. */
static void update_aggregation(struct tcp_sock *tp, const struct tcp_rate_sample *rs)
{
	struct bbr *b = priv(tp);
	u32 expected, extra;
	u64 epoch_us;

	if (!rs->acked_sacked || rs->delivered < 0 || rs->interval_us <= 0)
		return;
	if (b->round_start) {
		b->extra_acked_rounds = MIN(31u, b->extra_acked_rounds + 1u) & 31;
		if (b->extra_acked_rounds >= EXTRA_WINDOW_ROUNDS) {
			b->extra_acked_rounds = 0;
			b->extra_acked_idx = !b->extra_acked_idx;
			b->extra_acked[b->extra_acked_idx] = 0;
		}
	}
	epoch_us = delivered_us(tp) - b->ack_epoch_us;
	expected = (u32)((u64)cur_bw(b) * epoch_us / BW_UNIT);
	/* No more than the rate explains: a new epoch. */
	if (b->ack_epoch_acked <= expected || b->ack_epoch_acked + rs->acked_sacked >= EXTRA_EPOCH_MAX) {
		b->ack_epoch_acked = 0;
		b->ack_epoch_us = delivered_us(tp);
		expected = 0;
	}
	b->ack_epoch_acked = MIN(EXTRA_EPOCH_MAX - 1, b->ack_epoch_acked + rs->acked_sacked) & (EXTRA_EPOCH_MAX - 1);
	extra = MIN(b->ack_epoch_acked - expected, tp->snd_cwnd);
	if (extra > b->extra_acked[b->extra_acked_idx])
		b->extra_acked[b->extra_acked_idx] = (u16)MIN(extra, 65535u);
}

static void check_full_bw(struct tcp_sock *tp, const struct tcp_rate_sample *rs)
{
	struct bbr *b = priv(tp);

	if (b->full_bw_reached || !b->round_start || rs->is_app_limited)
		return;
	if (max_bw(b) >= (u32)((u64)b->full_bw * FULL_BW_GAIN >> GAIN_SCALE)) {
		b->full_bw = max_bw(b);
		b->full_bw_cnt = 0;
		return;
	}
	b->full_bw_cnt = (b->full_bw_cnt + 1u) & 3;
	b->full_bw_reached = b->full_bw_cnt >= FULL_BW_ROUNDS;
}

static void check_drain(struct cpu *cpu, struct tcp_sock *tp)
{
	struct bbr *b = priv(tp);

	if (b->mode == STARTUP && b->full_bw_reached) {
		b->mode = DRAIN;
		tp->snd_ssthresh = inflight(tp, max_bw(b), GAIN_UNIT);
	}
	if (b->mode == DRAIN && in_net_at_departure(cpu, tp, tcp_in_flight(tp)) <= inflight(tp, max_bw(b), GAIN_UNIT))
		enter_probe_bw(cpu, tp);
}

static void check_probe_rtt_done(struct cpu *cpu, struct tcp_sock *tp)
{
	struct bbr *b = priv(tp);

	if (!b->probe_rtt_done_ms || !before_ms(b->probe_rtt_done_ms, now_ms(cpu)))
		return;
	b->min_rtt_ms = now_ms(cpu); /* the next one in 10 s */
	tp->snd_cwnd = MAX(tp->snd_cwnd, b->prior_cwnd);
	reset_mode(cpu, tp);
}

static void update_min_rtt(struct cpu *cpu, struct tcp_sock *tp, const struct tcp_rate_sample *rs)
{
	struct bbr *b = priv(tp);
	bool expired = before_ms(b->min_rtt_ms + MIN_RTT_WINDOW_MS, now_ms(cpu));

	if (rs->rtt_us >= 0 && ((u32)rs->rtt_us < b->min_rtt_us || (expired && !rs->is_ack_delayed))) {
		b->min_rtt_us = (u32)rs->rtt_us;
		b->min_rtt_ms = now_ms(cpu);
	}
	if (expired && !b->idle_restart && b->mode != PROBE_RTT) {
		b->mode = PROBE_RTT;
		save_cwnd(tp);
		b->probe_rtt_done_ms = 0;
	}
	if (b->mode == PROBE_RTT) {
		/* Samples of this time are low by our own doing. */
		u32 mark = tp->delivered + tcp_in_flight(tp);
		tp->app_limited = mark ? mark : 1;
		if (!b->probe_rtt_done_ms && tcp_in_flight(tp) <= CWND_MIN) {
			b->probe_rtt_done_ms = now_ms(cpu) + PROBE_RTT_MS;
			b->probe_rtt_round_done = 0;
			b->next_rtt_delivered = tp->delivered;
		} else if (b->probe_rtt_done_ms) {
			if (b->round_start)
				b->probe_rtt_round_done = 1;
			if (b->probe_rtt_round_done)
				check_probe_rtt_done(cpu, tp);
		}
	}
	if (rs->delivered > 0)
		b->idle_restart = 0;
}

static void update_gains(struct bbr *b)
{
	switch (b->mode) {
	case STARTUP:
		b->pacing_gain = b->cwnd_gain = HIGH_GAIN;
		break;
	case DRAIN:
		b->pacing_gain = DRAIN_GAIN;
		b->cwnd_gain = HIGH_GAIN;
		break;
	case PROBE_BW:
		b->pacing_gain = b->lt_use_bw ? GAIN_UNIT : cycle_gain[b->cycle_idx];
		b->cwnd_gain = CWND_GAIN;
		break;
	case PROBE_RTT:
		b->pacing_gain = b->cwnd_gain = GAIN_UNIT;
		break;
	}
}

/* -- the seam -- */

static void cong_control(struct cpu *cpu, struct tcp_sock *tp, u32 ack, int flag, const struct tcp_rate_sample *rs)
{
	struct bbr *b = priv(tp);

	update_bw(cpu, tp, rs);
	update_aggregation(tp, rs);
	if (b->mode == PROBE_BW && phase_over(cpu, tp, rs))
		next_phase(tp);
	check_full_bw(tp, rs);
	check_drain(cpu, tp);
	update_min_rtt(cpu, tp, rs);
	update_gains(b);
	set_pacing_rate(tp, cur_bw(b), b->pacing_gain);
	set_cwnd(tp, rs, rs->acked_sacked, cur_bw(b), b->cwnd_gain);
}

static void init(struct cpu *cpu, struct tcp_sock *tp)
{
	struct bbr *b = priv(tp);

	*b = (struct bbr){ .next_rtt_delivered = tp->delivered, .prev_ca_state = TCP_CA_Open, .min_rtt_us = tcp_min_rtt(tp), .min_rtt_ms = now_ms(cpu),
			   .ack_epoch_us = cpu->now / NSEC_PER_USEC };
	tp->snd_ssthresh = TCP_INFINITE_SSTHRESH;
	init_pacing_rate(tp);
	lt_reset(tp);
	update_gains(b);
	tp->pacing_needed = true;
}

static void cwnd_event(struct cpu *cpu, struct tcp_sock *tp, enum tcp_ca_event ev)
{
	struct bbr *b = priv(tp);

	if (ev != CA_EVENT_TX_START || !tp->app_limited)
		return;
	b->idle_restart = 1;
	b->ack_epoch_us = cpu->now / NSEC_PER_USEC;
	b->ack_epoch_acked = 0;
	/* The pipe is empty: at the path's rate at once, without a gain that was meant for another moment. */
	if (b->mode == PROBE_BW)
		set_pacing_rate(tp, cur_bw(b), GAIN_UNIT);
	else if (b->mode == PROBE_RTT)
		check_probe_rtt_done(cpu, tp);
}

static void set_state(struct cpu *cpu, struct tcp_sock *tp, u8 state)
{
	struct bbr *b = priv(tp);

	if (state == TCP_CA_Loss) {
		struct tcp_rate_sample rs = { .losses = 1 };

		b->prev_ca_state = TCP_CA_Loss;
		b->full_bw = 0;
		b->round_start = 1; /* a timeout is a round's end */
		lt_sample(cpu, tp, &rs);
	}
}

/* Spurious: the plateau that was seen meant nothing. */
static u32 undo_cwnd(struct tcp_sock *tp)
{
	struct bbr *b = priv(tp);

	b->full_bw = 0;
	b->full_bw_cnt = 0;
	lt_reset(tp);
	return tp->snd_cwnd;
}

static u32 ssthresh(struct cpu *cpu, struct tcp_sock *tp)
{
	save_cwnd(tp);
	return tp->snd_ssthresh;
}

static u32 sndbuf_expand(struct tcp_sock *tp) { return 3; } /* recovery may send a full window beside one that is out */

static size_t info(const struct tcp_sock *tp, void *out)
{
	const struct bbr *b = priv(tp);
	/* struct tcp_bbr_info of linux/inet_diag.h */
	u64 bw = (u64)cur_bw(b) * tp->mss_cache * 1000000 >> BW_SCALE;
	u32 v[5] = { (u32)bw, (u32)(bw >> 32), b->min_rtt_us, b->pacing_gain, b->cwnd_gain };

	memcpy(out, v, sizeof v);
	return sizeof v;
}

const struct tcp_cc_ops tcp_cc_bbr = { .name = "bbr", .non_restricted = true, .needs_pacing = true, .init = init, .cong_control = cong_control,
				       .sndbuf_expand = sndbuf_expand, .undo_cwnd = undo_cwnd, .cwnd_event = cwnd_event, .ssthresh = ssthresh,
				       .min_tso_segs = min_tso_segs, .set_state = set_state, .info = info };
