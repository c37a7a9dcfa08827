/* CUBIC (RFC 9438): after a loss the window grows as a cubic function of time since then, flat around the old maximum, so that
 * long fat paths fill quickly and fairness does not depend on the round trip. With HyStart (Ha and Rhee 2011): slow start ends
 * when ACK trains grow as long as half the path's delay, or the delay itself rises.
 *
 * Window in segments. Time in ms here; the cubic's K in units of 1/1024 s (bictcp_HZ), as fixed point: C = 0.4, beta = 717/1024.
 *   W(t) = C (t - K)^3 + W_max,  K = cbrt((W_max - cwnd) / C)
 */
#include "transport/tcp/tcp_impl.h"

#define BETA 717u	       /* of 1024: 0.7 */
#define BETA_SCALE 1024u
#define HZ 10u		       /* one unit of time is 2^-10 s */
#define HYSTART_LOW_WINDOW 16u /* below it slow start goes on */
#define HYSTART_MIN_SAMPLES 8u
#define HYSTART_ACK_DELTA_US 2000u
#define HYSTART_DELAY_MIN_US 4000u
#define HYSTART_DELAY_MAX_US 16000u
enum { TRAIN = 1, DELAY = 2 };

struct cubic {
	u32 cnt;	      /* one more segment per cnt acked */
	u32 last_max_cwnd, last_cwnd;
	u64 last_time;	      /* ns */
	u32 origin_point;     /* W_max of this epoch */
	u32 k;		      /* in 2^-10 s */
	u32 delay_min_us;
	u64 epoch_start;      /* ns, 0: none */
	u32 ack_cnt;	      /* acked since the epoch began */
	u32 tcp_cwnd;	      /* what Reno would have */
	u8 sample_cnt, found;
	u32 round_start_us, end_seq, last_ack_us, curr_rtt_us;
};
_Static_assert(sizeof(struct cubic) <= TCP_CC_PRIV, "fits");

static struct cubic *priv(struct tcp_sock *tp) { return (struct cubic *)tp->cc_priv; }

static void hystart_reset(struct cpu *cpu, struct tcp_sock *tp, struct cubic *c)
{
	c->round_start_us = c->last_ack_us = (u32)(cpu->now / NSEC_PER_USEC);
	c->end_seq = tp->snd_nxt;
	c->curr_rtt_us = ~0u;
	c->sample_cnt = 0;
}

static void init(struct cpu *cpu, struct tcp_sock *tp)
{
	struct cubic *c = priv(tp);

	memset(c, 0, sizeof *c);
	hystart_reset(cpu, tp, c);
}

/* Integer cube root by Newton's method from a power-of-two guess above it. */
static u32 cube_root(u64 a)
{
	u64 x;

	if (!a)
		return 0;
	x = 1ull << ((64 - __builtin_clzll(a) + 2) / 3);
	for (;;) {
		u64 y = (2 * x + a / (x * x)) / 3;
		if (y >= x)
			return (u32)x;
		x = y;
	}
}

static void update(struct cpu *cpu, struct cubic *c, u32 cwnd, u32 acked)
{
	u32 delta, target, max_cnt;
	u64 t, offs;

	c->ack_cnt += acked;
	if (c->last_cwnd == cwnd && cpu->now - c->last_time <= NSEC_PER_SEC / 32)
		return;
	/* The curve is looked at once per ms at most; Reno's line at every ACK. */
	if (c->epoch_start && cpu->now / NSEC_PER_MSEC == c->last_time / NSEC_PER_MSEC)
		goto tcp_friendly;
	c->last_cwnd = cwnd;
	c->last_time = cpu->now;
	if (!c->epoch_start) {
		c->epoch_start = cpu->now ? cpu->now : 1;
		c->ack_cnt = acked;
		c->tcp_cwnd = cwnd;
		if (c->last_max_cwnd <= cwnd) {
			c->k = 0;
			c->origin_point = cwnd;
		} else {
			/* K^3 = (W_max - cwnd) / C in (2^-10 s)^3: 2^40 / 410 per segment */
			c->k = cube_root((1ull << (10 + 3 * HZ)) / 410 * (c->last_max_cwnd - cwnd));
			c->origin_point = c->last_max_cwnd;
		}
	}
	t = ((cpu->now - c->epoch_start) / NSEC_PER_USEC + c->delay_min_us);
	t = (t << HZ) / 1000000;
	offs = t < c->k ? c->k - t : t - c->k;
	offs = MIN(offs, 1ull << 17); /* two minutes: the cube stays within 64 bits */
	delta = (u32)MIN((410 * offs * offs * offs) >> (10 + 3 * HZ), (u64)1 << 30);
	target = t < c->k ? c->origin_point - MIN(delta, c->origin_point) : c->origin_point + delta;
	c->cnt = target > cwnd ? cwnd / (target - cwnd) : 100 * cwnd;
	/* The first rise after a slow start without a maximum: not slower than 5 % a round trip. */
	if (!c->last_max_cwnd && c->cnt > 20)
		c->cnt = 20;
tcp_friendly:
	/* As fast as Reno with the same beta would be: 3 (1 - b) / (1 + b) segments a round trip (RFC 9438, 4.3). */
	delta = (cwnd * (8 * (BETA_SCALE + BETA) / 3 / (BETA_SCALE - BETA))) >> 3;
	while (delta && c->ack_cnt > delta) {
		c->ack_cnt -= delta;
		c->tcp_cwnd++;
	}
	if (c->tcp_cwnd > cwnd) {
		max_cnt = cwnd / (c->tcp_cwnd - cwnd);
		if (c->cnt > max_cnt)
			c->cnt = max_cnt;
	}
	c->cnt = MAX(c->cnt, 2u); /* at most half a segment per segment acked */
}

static void cong_avoid(struct cpu *cpu, struct tcp_sock *tp, u32 ack, u32 acked)
{
	struct cubic *c = priv(tp);

	if (!tcp_is_cwnd_limited(tp))
		return;
	if (tp->snd_cwnd < tp->snd_ssthresh) {
		acked = tcp_slow_start(tp, acked);
		if (!acked)
			return;
	}
	update(cpu, c, tp->snd_cwnd, acked);
	tcp_cong_avoid_ai(tp, c->cnt, acked);
}

static u32 ssthresh(struct cpu *cpu, struct tcp_sock *tp)
{
	struct cubic *c = priv(tp);

	c->epoch_start = 0;
	/* Fast convergence: a maximum lower than the last one means that a flow has joined; give way a little more. */
	if (tp->snd_cwnd < c->last_max_cwnd)
		c->last_max_cwnd = (tp->snd_cwnd * (BETA_SCALE + BETA)) / (2 * BETA_SCALE);
	else
		c->last_max_cwnd = tp->snd_cwnd;
	return MAX(tp->snd_cwnd * BETA / BETA_SCALE, 2u);
}

static void set_state(struct cpu *cpu, struct tcp_sock *tp, u8 state)
{
	if (state == TCP_CA_Loss) {
		init(cpu, tp);
	}
}

static void cwnd_event(struct cpu *cpu, struct tcp_sock *tp, enum tcp_ca_event ev)
{
	struct cubic *c = priv(tp);

	if (ev == CA_EVENT_TX_START) {
		u64 idle = cpu->now - tp->tx_timestamp;
		/* Idle time is not growing time. */
		if (c->epoch_start && tp->tx_timestamp && (s64)idle > 0) {
			c->epoch_start += idle;
			if (c->epoch_start > cpu->now)
				c->epoch_start = cpu->now;
		}
	}
}

static void hystart(struct cpu *cpu, struct tcp_sock *tp, u32 delay_us)
{
	struct cubic *c = priv(tp);
	struct netns *net = tp->inet.sk.net;
	u32 now = (u32)(cpu->now / NSEC_PER_USEC), threshold;

	/* Rounds are followed from the first packet on, so that each begins where a burst did: the middle of a burst has queued behind
	 * its first half, and would look like a longer path. */
	if (seq_after(tp->snd_una, c->end_seq))
		hystart_reset(cpu, tp, c);
	if (tp->snd_cwnd < HYSTART_LOW_WINDOW)
		return;
	if ((s32)(now - c->last_ack_us) <= (s32)HYSTART_ACK_DELTA_US) {
		c->last_ack_us = now;
		/* GSO bursts and their ACKs widen a train: allow for them when not paced. */
		threshold = c->delay_min_us + (tp->pacing_rate && tp->pacing_rate != UINT64_MAX ?
						MIN(1000u, (u32)(4ull * tp->gso_max_bytes * 1000000 / tp->pacing_rate)) : 0);
		if (!tcp_is_paced(tp))
			threshold >>= 1; /* half the round trip; ACKs come in bursts of the sender's making */
		if ((s32)(now - c->round_start_us) > (s32)threshold) {
			c->found = TRAIN;
			mib_inc(cpu, net, MIB_TcpExt_TCPHystartTrainDetect);
			mib_add(cpu, net, MIB_TcpExt_TCPHystartTrainCwnd, tp->snd_cwnd);
			tp->snd_ssthresh = tp->snd_cwnd;
		}
	}
	if (c->curr_rtt_us > delay_us)
		c->curr_rtt_us = delay_us;
	if (c->sample_cnt < HYSTART_MIN_SAMPLES) {
		c->sample_cnt++;
	} else if (c->curr_rtt_us > c->delay_min_us + CLAMP(c->delay_min_us >> 3, HYSTART_DELAY_MIN_US, HYSTART_DELAY_MAX_US)) {
		c->found = DELAY;
		mib_inc(cpu, net, MIB_TcpExt_TCPHystartDelayDetect);
		mib_add(cpu, net, MIB_TcpExt_TCPHystartDelayCwnd, tp->snd_cwnd);
		tp->snd_ssthresh = tp->snd_cwnd;
	}
}

static void pkts_acked(struct cpu *cpu, struct tcp_sock *tp, const struct tcp_ack_sample *s)
{
	struct cubic *c = priv(tp);
	u32 delay;

	if (s->rtt_us < 0)
		return;
	/* The first second after a loss: queues drain, samples mislead. */
	if (c->epoch_start && cpu->now - c->epoch_start < NSEC_PER_SEC)
		return;
	delay = MAX((u32)s->rtt_us, 1u);
	if (!c->delay_min_us || c->delay_min_us > delay)
		c->delay_min_us = delay;
	if (!c->found && tp->snd_cwnd < tp->snd_ssthresh)
		hystart(cpu, tp, delay);
}

const struct tcp_cc_ops tcp_cc_cubic = { .name = "cubic", .init = init, .ssthresh = ssthresh, .cong_avoid = cong_avoid,
					 .set_state = set_state, .undo_cwnd = reno_undo_cwnd, .cwnd_event = cwnd_event,
					 .pkts_acked = pkts_acked };
