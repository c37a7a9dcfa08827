/* The receive window: how much the peer may send, and how the buffer behind it grows.
 *
 * RFC 9293 3.8.6.2.2 (receiver-side SWS avoidance), RFC 7323 (scaling), and Linux's dynamic right-sizing: once per round trip
 * the bytes that the program took are compared with the best so far, and the buffer grows to twice that, up to tcp_rmem[2].
 * rcv_ssthresh is the window we dare offer: it opens as data arrives whose packets use their memory well.
 *
 * Invariant: the right edge (rcv_wup + rcv_wnd) never moves left, unless tcp_shrink_window lets it.
 */
#include "transport/tcp/tcp_impl.h"

/* Share of a buffer that becomes window. */
u32 tcp_win_from_space(const struct tcp_sock *tp, s64 space)
{
	return space <= 0 ? 0 : (u32)(((u64)space * tp->scaling_ratio) >> 8);
}
static u64 space_from_win(const struct tcp_sock *tp, u64 win) { return (win << 8) / tp->scaling_ratio; }

static s64 free_space(const struct tcp_sock *tp)
{
	return (s64)tp->inet.sk.rcvbuf - (s64)tp->inet.sk.rmem_alloc;
}
u32 tcp_full_space(const struct tcp_sock *tp) { return tcp_win_from_space(tp, tp->inet.sk.rcvbuf); }

/* tcp_shrink_window: with window scaling a window may be taken back (RFC 7323, 2.4, allows it), when memory ran short. */
static bool may_shrink(const struct tcp_sock *tp) { return tcp_net(tp)->shrink_window && tp->rx_opt.rcv_wscale; }

/* What the header of the next segment announces (scaled); moves rcv_wnd and rcv_wup. */
u32 tcp_select_window(struct cpu *cpu, struct tcp_sock *tp)
{
	struct netns *net = tp->inet.sk.net;
	u32 old = tp->rcv_wnd, cur = tcp_receive_window(tp), new;

	if (tp->ack.pending & TCP_ACK_NOMEM) { /* no memory at all: zero, without shrinking what was promised */
		tp->pred_flags = 0;
		tp->rcv_wnd = 0;
		tp->rcv_wup = tp->rcv_nxt;
		return 0;
	}
	new = tcp_window_now(cpu, tp);
	if (new < cur && !may_shrink(tp)) {
		if (!new)
			mib_inc(cpu, net, MIB_TcpExt_TCPWantZeroWindowAdv);
		new = ALIGN_UP(cur, 1u << tp->rx_opt.rcv_wscale);
	}
	tp->rcv_wnd = new;
	tp->rcv_wup = tp->rcv_nxt;
	if (!tp->rx_opt.rcv_wscale && tcp_net(tp)->workaround_signed_windows)
		new = MIN(new, TCP_MAX_WINDOW);
	else
		new = MIN(new, 65535u << tp->rx_opt.rcv_wscale);
	new >>= tp->rx_opt.rcv_wscale;
	if (!new) {
		tp->pred_flags = 0;
		if (old)
			mib_inc(cpu, net, MIB_TcpExt_TCPToZeroWindowAdv);
	} else if (!old) {
		mib_inc(cpu, net, MIB_TcpExt_TCPFromZeroWindowAdv);
	}
	return new;
}

/* What could be offered now, before the promise not to shrink. */
u32 tcp_window_now(struct cpu *cpu, struct tcp_sock *tp)
{
	u32 mss = tp->ack.rcv_mss, full = MIN(tp->window_clamp, tcp_full_space(tp)), window;
	s64 space = tcp_win_from_space(tp, free_space(tp)), allowed = tcp_full_space(tp), unit = 1 << tp->rx_opt.rcv_wscale;

	if (mss > full) {
		mss = full;
		if (!mss)
			return 0;
	}
	if (may_shrink(tp))
		space -= space % unit;
	if (space < (s64)(full >> 1)) {
		tp->ack.quick = 0;
		if (tcp_net(tp)->pressure)
			tp->rcv_ssthresh = MIN(tp->rcv_ssthresh, 4u * tp->advmss);
		/* Below a sixteenth of the buffer or one segment: closed, to avoid silly windows. */
		space -= space % unit;
		if (space < (allowed >> 4) || space < mss || (may_shrink(tp) && !space))
			return 0;
	}
	space = MIN(space, (s64)tp->rcv_ssthresh);
	if (tp->rx_opt.rcv_wscale) {
		window = ALIGN_UP((u32)space, 1u << tp->rx_opt.rcv_wscale);
	} else {
		window = tp->rcv_wnd;
		/* In steps of a segment; half the buffer free opens it anyway. */
		if (window <= space - mss || window > space)
			window = (u32)space / mss * mss;
		else if (mss == full && space > window + (full >> 1))
			window = (u32)space;
	}
	return window;
}

/* The most that may be offered; not below half of the smallest receive buffer. */
void tcp_set_window_clamp(struct tcp_sock *tp, u32 clamp)
{
	u32 old = tp->window_clamp;

	tp->window_clamp = MAX(clamp, 2304u / 2);
	if (tp->window_clamp < old)
		tp->rcv_ssthresh = MIN(tp->rcv_ssthresh, tp->window_clamp);
	else if (tp->window_clamp > old)
		tp->rcv_ssthresh = MAX(tp->rcv_ssthresh, MIN(tp->rcv_wnd, tp->window_clamp));
}

/* -- opening: rcv_ssthresh follows what arrives -- */

static void clamp_window(struct tcp_sock *tp)
{
	struct netns_tcp *n = tcp_net(tp);
	struct sock *sk = tcp_to_sock(tp);

	tp->ack.quick = 0;
	if (sk->rcvbuf < n->rmem[2] && !(sk->userlocks & 2) && !n->pressure)
		sk->rcvbuf = (s32)MIN((s64)sk->rmem_alloc, (s64)n->rmem[2]);
	if ((s64)sk->rmem_alloc > sk->rcvbuf)
		tp->rcv_ssthresh = MIN(tp->window_clamp, 2u * tp->advmss);
}
void tcp_clamp_window(struct tcp_sock *tp) { clamp_window(tp); }

/* A packet joined the receive queue. */
void tcp_grow_window(struct tcp_sock *tp, const struct sk_buff *skb)
{
	s32 room = (s32)(MIN(tp->window_clamp, tcp_full_space(tp)) - tp->rcv_ssthresh);
	u32 incr;

	if (room <= 0 || tcp_net(tp)->pressure)
		return;
	if (tcp_win_from_space(tp, skb->truesize) <= skb->len) {
		incr = 2u * tp->advmss;
	} else {
		/* Wasteful packets open the window less, in proportion to how much is still to be opened. */
		u32 truesize = tcp_win_from_space(tp, skb->truesize) >> 1;
		u32 window = tcp_win_from_space(tp, tcp_net(tp)->rmem[2]) >> 1;
		incr = 0;
		while (tp->rcv_ssthresh <= window) {
			if (truesize <= skb->len) {
				incr = 2u * tp->ack.rcv_mss;
				break;
			}
			truesize >>= 1;
			window >>= 1;
		}
	}
	if (incr) {
		incr = MAX(incr, 2u * skb->len);
		tp->rcv_ssthresh += MIN((u32)room, incr);
		tp->ack.quick |= 1;
	}
}

/* -- receiver's round trip and dynamic right-sizing -- */

static void rcv_rtt_update(struct tcp_sock *tp, u32 sample_us, bool win_dep)
{
	u32 new = tp->rcv_rtt.rtt_us, m = sample_us;

	/* The least one counts. More is believed only from timestamps (a window may take several round trips), smoothed, and while the
	 * program has read everything: what waits for it is no round trip. */
	if (!new || m << 3 < new)
		tp->rcv_rtt.rtt_us = m << 3;
	else if (!win_dep && tp->rcv_nxt == tp->copied_seq)
		tp->rcv_rtt.rtt_us = new - (new >> 3) + m;
}

static void rcv_rtt_measure(struct cpu *cpu, struct tcp_sock *tp)
{
	if (tp->rcv_rtt.time) {
		if (seq_before(tp->rcv_nxt, tp->rcv_rtt.seq))
			return;
		u64 us = (cpu->now - tp->rcv_rtt.time) / NSEC_PER_USEC;
		rcv_rtt_update(tp, us ? (u32)us : 1, true);
	}
	tp->rcv_rtt.seq = tp->rcv_nxt + tp->rcv_wnd;
	tp->rcv_rtt.time = cpu->now;
}

/* A full segment echoes when our ACK let it go. */
void tcp_rcv_rtt_measure_ts(struct cpu *cpu, struct tcp_sock *tp, const struct sk_buff *skb, u32 len)
{
	u32 tsecr = tp->rx_opt.rcv_tsecr;

	if (!tp->rx_opt.saw_tstamp || tsecr == tp->rcv_rtt_last_tsecr)
		return;
	tp->rcv_rtt_last_tsecr = tsecr;
	if (len >= tp->ack.rcv_mss) {
		s64 us = tcp_tsecr_age_us(cpu, tp);
		if (us >= 0)
			rcv_rtt_update(tp, (u32)us, false);
	}
}

/* The program took so many bytes in a round trip, at best: the buffer holds twice that, as this is known a round trip late; more if the
 * rate still rises; and what waits behind a hole besides. */
void tcp_rcvbuf_grow(struct tcp_sock *tp, u32 taken)
{
	struct sock *sk = tcp_to_sock(tp);
	u32 before = tp->rcvq_space.space;
	u64 window = 2ull * taken, rcvbuf;

	tp->rcvq_space.space = taken;
	if (!tcp_net(tp)->moderate_rcvbuf || (sk->userlocks & 2))
		return;
	window += window * (taken - before) / before * 2;
	if (tp->ofo_last)
		window += tcp_cb(tp->ofo_last)->end_seq - tp->rcv_nxt;
	rcvbuf = MIN(space_from_win(tp, window), (u64)tcp_net(tp)->rmem[2]);
	if (rcvbuf > (u64)sk->rcvbuf) {
		sk->rcvbuf = (s32)rcvbuf;
		tp->window_clamp = tcp_win_from_space(tp, sk->rcvbuf);
	}
}

/* The program took bytes. */
void tcp_rcv_space_adjust(struct cpu *cpu, struct tcp_sock *tp)
{
	u64 elapsed = (cpu->now - tp->rcvq_space.time) / NSEC_PER_USEC;
	u32 copied, inq;

	if (elapsed < (tp->rcv_rtt.rtt_us >> 3) || !tp->rcv_rtt.rtt_us)
		return;
	/* A program that leaves bytes in the queue does not need a larger one. */
	copied = tp->copied_seq - tp->rcvq_space.seq;
	inq = tp->rcv_nxt - tp->copied_seq;
	copied = copied > inq ? copied - inq : 0;
	if (copied > tp->rcvq_space.space)
		tcp_rcvbuf_grow(tp, copied);
	tp->rcvq_space.seq = tp->copied_seq;
	tp->rcvq_space.time = cpu->now;
}

/* The clamp is what the buffer holds of such packets; what is offered follows it. */
static void set_scaling_ratio(struct tcp_sock *tp, u8 ratio)
{
	if (ratio == tp->scaling_ratio)
		return;
	tp->scaling_ratio = ratio;
	tcp_set_window_clamp(tp, tcp_full_space(tp));
	tp->rcvq_space.space = MIN(tp->rcvq_space.space, tp->window_clamp);
}

/* The peer's segment size as seen: what delayed ACKs and SWS avoidance count in. */
void tcp_measure_rcv_mss(struct tcp_sock *tp, const struct sk_buff *skb)
{
	u32 len = skb->gso_size ? skb->gso_size : skb->len, last = tp->ack.last_seg_size;

	tp->ack.last_seg_size = 0;
	if (len >= tp->ack.rcv_mss) {
		/* How well do full-sized packets use their memory? */
		if (len != tp->ack.rcv_mss && skb->truesize) {
			u64 ratio = ((u64)skb->len << 8) / skb->truesize;
			set_scaling_ratio(tp, (u8)CLAMP(ratio, 32, 255));
		}
		tp->ack.rcv_mss = MIN(len, tp->advmss ? tp->advmss : len);
		if (tcp_cb((struct sk_buff *)skb)->flags & TCPF_PSH) /* perhaps the end of a write: no more may come */
			tp->ack.pending |= TCP_ACK_PUSHED;
		return;
	}
	/* Smaller ones count when they come twice, or look like a whole minimal segment. */
	len += TCP_HDR_LEN;
	if (len >= TCP_MSS_DEFAULT + TCP_HDR_LEN || (len >= TCP_MIN_MSS && !(tcp_cb((struct sk_buff *)skb)->flags & (TCPF_PSH | TCPF_FIN)))) {
		len -= tp->tcp_header_len;
		tp->ack.last_seg_size = len;
		if (len == last) {
			tp->ack.rcv_mss = MAX(len, 1u);
			return;
		}
	}
	if (tp->ack.pending & TCP_ACK_PUSHED)
		tp->ack.pending |= TCP_ACK_PUSHED2;
	tp->ack.pending |= TCP_ACK_PUSHED;
}

/* Data arrived in order: ACK mode, round trip, window. */
void tcp_event_data_recv(struct cpu *cpu, struct tcp_sock *tp, const struct sk_buff *skb)
{
	tp->ack.pending |= TCP_ACK_SCHED;
	tcp_measure_rcv_mss(tp, skb);
	rcv_rtt_measure(cpu, tp);
	if (!tp->ack.ato) {
		tcp_incr_quickack(tp, TCP_MAX_QUICKACKS); /* first data: ACK at once, the peer is in slow start */
		tp->ack.ato = TCP_ATO_MIN;
	} else {
		u64 m = cpu->now - tp->ack.lrcvtime;

		if (m <= TCP_ATO_MIN / 2) {
			tp->ack.ato = (tp->ack.ato >> 1) + TCP_ATO_MIN / 2;
		} else if (m < tp->ack.ato) {
			tp->ack.ato = (tp->ack.ato >> 1) + m;
			tp->ack.ato = MIN(tp->ack.ato, tp->rto);
		} else if (m > tp->rto) {
			tcp_incr_quickack(tp, TCP_MAX_QUICKACKS); /* a long pause: the peer may have started over */
		}
	}
	tp->ack.lrcvtime = cpu->now;
	if (tp->ecn_ok || tp->accecn)
		tcp_ecn_recv(cpu, tp, skb);
	if (skb->len >= 128)
		tcp_grow_window(tp, skb);
}

void tcp_incr_quickack(struct tcp_sock *tp, u32 max)
{
	u32 quick = tp->rcv_wnd / (2 * MAX(tp->ack.rcv_mss, 1u));

	if (!quick)
		quick = 2;
	quick = MIN(quick, max);
	if (quick > tp->ack.quick)
		tp->ack.quick = (u8)quick;
}

void tcp_enter_quickack(struct tcp_sock *tp, u32 max)
{
	tcp_incr_quickack(tp, max);
	tp->ack.pingpong = 0;
	tp->ack.ato = TCP_ATO_MIN;
}

/* The program took bytes: does the peer have to hear of room at once? */
void tcp_cleanup_rbuf(struct cpu *cpu, struct tcp_sock *tp, u32 copied)
{
	bool now = false;

	if (tp->ack.pending & TCP_ACK_SCHED) {
		/* More than one segment unacknowledged; or all read and a small one was pushed in a one-way flow. */
		if (tp->rcv_nxt - tp->rcv_wup > tp->ack.rcv_mss)
			now = true;
		else if (copied && ((tp->ack.pending & TCP_ACK_PUSHED2) || ((tp->ack.pending & TCP_ACK_PUSHED) && !tcp_in_pingpong(tp))) &&
			 !tp->inet.sk.rmem_alloc)
			now = true;
	}
	if (copied && !now && !(tp->inet.sk.shutdown & SHUT_RCV_BIT)) {
		u32 cur = tcp_receive_window(tp);
		if (2 * (u64)cur <= tp->window_clamp) {
			u32 new = tcp_window_now(cpu, tp);
			if (new && new >= 2 * cur) /* worth a packet */
				now = true;
		}
	}
	if (now && tp->inet.sk.state != TCP_LISTEN)
		tcp_send_ack(cpu, tp);
}

/* -- beginnings -- */

/* Window, scale and clamp of a SYN or SYN-ACK, from a buffer of `space` bytes of payload. init_segs: the route's limit, 0: none. */
void tcp_select_initial_window(const struct netns_tcp *n, u32 space, u32 mss, u32 init_segs, u32 *rcv_wnd, u32 *clamp, bool wscale_ok,
			       u8 *wscale, u32 rmem_max)
{
	if (!*clamp)
		*clamp = 65535u << TCP_MAX_WSCALE;
	space = MIN(space, *clamp);
	if (space > mss)
		space = space / mss * mss;
	*rcv_wnd = n->workaround_signed_windows ? MIN(space, TCP_MAX_WINDOW) : space; /* a SYN says as much of it as its field takes */
	if (init_segs)
		*rcv_wnd = (u32)MIN((u64)*rcv_wnd, (u64)init_segs * mss);
	*wscale = 0;
	if (wscale_ok) {
		u64 max = MAX((u64)space, (u64)n->rmem[2]);
		max = MAX(max, (u64)rmem_max);
		max = MIN(max, (u64)*clamp);
		while (max > 65535 && *wscale < TCP_MAX_WSCALE) {
			max >>= 1;
			(*wscale)++;
		}
	}
	*clamp = MIN(65535u << *wscale, *clamp);
}

/* The connection is established: buffers and clamps from what is known now. */
void tcp_init_buffer_space(struct cpu *cpu, struct tcp_sock *tp)
{
	struct sock *sk = tcp_to_sock(tp);
	u32 maxwin;

	if (!(sk->userlocks & 1))
		tcp_sndbuf_expand(tp);
	tp->rcvq_space.time = cpu->now;
	tp->rcvq_space.seq = tp->copied_seq;
	tp->rcvq_space.space = MIN(MIN(tp->rcv_wnd, TCP_INIT_CWND * tp->advmss), tp->window_clamp);
	tp->rcvq_space.space = MAX(tp->rcvq_space.space, 1u);
	maxwin = tcp_full_space(tp);
	if (tp->window_clamp >= maxwin) {
		tp->window_clamp = MAX(maxwin, 1u);
		if (tcp_net(tp)->app_win && maxwin > 4u * tp->advmss)
			tp->window_clamp = MAX(maxwin - (maxwin >> tcp_net(tp)->app_win), 4u * tp->advmss);
	}
	if (tcp_net(tp)->app_win && tp->window_clamp > 2u * tp->advmss && tp->window_clamp + tp->advmss > maxwin)
		tp->window_clamp = MAX(2u * tp->advmss, maxwin - tp->advmss);
	tp->rcv_ssthresh = MIN(tp->rcv_ssthresh, tp->window_clamp);
	tp->snd_cwnd_stamp = cpu->now;
}

/* Send buffer: twice what the window may keep in flight. */
void tcp_sndbuf_expand(struct tcp_sock *tp)
{
	u32 per_mss = MAX((u32)tp->rx_opt.mss_clamp, (u32)tp->mss_cache) + 640, segs, factor = 2; /* headers and Linux' own overhead */
	u64 mem;

	per_mss = 1u << (32 - __builtin_clz(per_mss - 1));
	per_mss += 256;
	segs = MAX(MAX(TCP_INIT_CWND, tp->snd_cwnd), tp->reordering + 1);
	if (tp->cc && tp->cc->sndbuf_expand)
		factor = tp->cc->sndbuf_expand(tp);
	mem = (u64)factor * segs * per_mss;
	if ((s64)tp->inet.sk.sndbuf < (s64)mem)
		tp->inet.sk.sndbuf = (s32)MIN(mem, (u64)tcp_net(tp)->wmem[2]);
}

/* Acknowledged data made room in the send buffer. */
void tcp_check_space(struct cpu *cpu, struct tcp_sock *tp)
{
	struct sock *sk = tcp_to_sock(tp);

	if (!tp->nospace)
		return;
	if (!(sk->userlocks & 1) && !tcp_net(tp)->pressure && tp->packets_out < tp->snd_cwnd + 1) {
		tcp_sndbuf_expand(tp);
		tp->snd_cwnd_stamp = cpu->now;
	}
	if (tcp_is_writeable(tp)) {
		tp->nospace = false;
		tcp_chrono_stop(cpu, tp, TCP_CHRONO_SNDBUF_LIMITED);
		sock_wake(cpu, sk);
	}
}
