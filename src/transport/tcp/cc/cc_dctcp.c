/* DCTCP (RFC 8257): the window shrinks by the share of packets that were marked, not by half for any mark. For networks whose switches mark
 * at a short queue; needs ECN, and falls back to Reno where the peer refuses it (then named dctcp-reno).
 *
 * The receiver's half: ACKs say exactly which data was marked. So a change of the mark ends a delayed ACK: what came before is
 * acknowledged at once with the old echo, and the echo follows the mark of each segment instead of waiting for CWR.
 * alpha is the moving average of the marked share, in 1/1024; gain 1/16, once per window of data.
 */
#include "transport/tcp/tcp_impl.h"

#define ALPHA_MAX 1024u /* all marked; also what a connection begins with: careful */
#define SHIFT_G 4u	/* gain: RFC 8257, 4.2 */

struct dctcp {
	u32 old_delivered, old_delivered_ce, next_seq, alpha, loss_cwnd;
	bool ce_state;
	struct tcp_plb plb;
};
_Static_assert(sizeof(struct dctcp) <= TCP_CC_PRIV, "fits");

static struct dctcp *priv(const struct tcp_sock *tp) { return (struct dctcp *)tp->cc_priv; }

static void begin_window(struct tcp_sock *tp, struct dctcp *d)
{
	d->next_seq = tp->snd_nxt;
	d->old_delivered = tp->delivered;
	d->old_delivered_ce = tp->delivered_ce;
}

static const struct tcp_cc_ops dctcp_reno;

static void init(struct cpu *cpu, struct tcp_sock *tp)
{
	if (!tp->ecn_ok && !tp->accecn) {
		tp->cc = &dctcp_reno;
		return;
	}
	*priv(tp) = (struct dctcp){ .alpha = ALPHA_MAX };
	begin_window(tp, priv(tp));
}

static u32 ssthresh(struct cpu *cpu, struct tcp_sock *tp)
{
	struct dctcp *d = priv(tp);

	d->loss_cwnd = tp->snd_cwnd;
	return MAX(tp->snd_cwnd - (u32)((u64)tp->snd_cwnd * d->alpha >> 11), 2u);
}

static void in_ack_event(struct cpu *cpu, struct tcp_sock *tp, u32 flags)
{
	struct dctcp *d = priv(tp);
	u32 delivered, marked, alpha = d->alpha;

	if (seq_before(tp->snd_una, d->next_seq)) /* once per window of data */
		return;
	delivered = tp->delivered - d->old_delivered;
	marked = tp->delivered_ce - d->old_delivered_ce;
	/* alpha = (1 - g) alpha + g F; what is left of a small alpha goes at once */
	alpha -= alpha >> SHIFT_G ? alpha >> SHIFT_G : alpha;
	if (marked)
		alpha = MIN(alpha + (u32)(((u64)marked << (10 - SHIFT_G)) / MAX(delivered, 1u)), ALPHA_MAX);
	d->alpha = alpha;
	if (delivered) {
		tcp_plb_round(tp, &d->plb, delivered, marked);
		tcp_plb_check(cpu, tp, &d->plb);
	}
	begin_window(tp, d);
}

/* A lost packet is no mark: half, as Reno. */
static void react_to_loss(struct tcp_sock *tp)
{
	priv(tp)->loss_cwnd = tp->snd_cwnd;
	tp->snd_ssthresh = MAX(tp->snd_cwnd >> 1, 2u);
}

static void set_state(struct cpu *cpu, struct tcp_sock *tp, u8 state)
{
	if (state == TCP_CA_Recovery && state != tp->ca_state)
		react_to_loss(tp);
}

static void ce_changed(struct cpu *cpu, struct tcp_sock *tp, bool ce)
{
	struct dctcp *d = priv(tp);

	if (d->ce_state != ce) {
		/* A delayed ACK is due for what came with the other mark. */
		if (tp->ack.pending & TCP_ACK_TIMER) {
			tp->ecn_demand_cwr = d->ce_state;
			tcp_send_ack(cpu, tp); /* rcv_nxt does not count this segment yet */
		}
		tp->ack.pending |= TCP_ACK_NOW;
	}
	d->ce_state = ce;
	tp->ecn_demand_cwr = ce;
}

static void cwnd_event(struct cpu *cpu, struct tcp_sock *tp, enum tcp_ca_event ev)
{
	switch (ev) {
	case CA_EVENT_ECN_IS_CE:
	case CA_EVENT_ECN_NO_CE:
		ce_changed(cpu, tp, ev == CA_EVENT_ECN_IS_CE);
		break;
	case CA_EVENT_LOSS:
		tcp_plb_timeout(cpu, tp, &priv(tp)->plb);
		react_to_loss(tp);
		break;
	case CA_EVENT_TX_START: /* nothing is in flight */
		tcp_plb_check(cpu, tp, &priv(tp)->plb);
		break;
	default:
		break;
	}
}

static u32 undo_cwnd(struct tcp_sock *tp) { return MAX(tp->snd_cwnd, priv(tp)->loss_cwnd); }

/* struct tcp_dctcp_info of linux/inet_diag.h */
static size_t info(const struct tcp_sock *tp, void *out)
{
	const struct dctcp *d = priv(tp);
	struct { u16 enabled, ce_state; u32 alpha, ab_ecn, ab_tot; } i = { .enabled = tp->cc != &dctcp_reno };

	if (i.enabled) {
		i.ce_state = d->ce_state;
		i.alpha = d->alpha;
		i.ab_ecn = tp->mss_cache * (tp->delivered_ce - d->old_delivered_ce);
		i.ab_tot = tp->mss_cache * (tp->delivered - d->old_delivered);
	}
	memcpy(out, &i, sizeof i);
	return sizeof i;
}

const struct tcp_cc_ops tcp_cc_dctcp = { .name = "dctcp", .needs_ecn = true, .init = init, .in_ack_event = in_ack_event, .ssthresh = ssthresh,
					 .cong_avoid = reno_cong_avoid, .undo_cwnd = undo_cwnd, .set_state = set_state, .cwnd_event = cwnd_event,
					 .info = info };
static const struct tcp_cc_ops dctcp_reno = { .name = "dctcp-reno", .ssthresh = reno_ssthresh, .cong_avoid = reno_cong_avoid,
					      .undo_cwnd = reno_undo_cwnd, .info = info };
