/* A segment for a connection: is it acceptable, and the fast path of established connections.
 *
 * Comes from tcp_demux.c with headers checked and still in front; goes to tcp_ack.c, tcp_reass.c, tcp_urg.c.
 * RFC 9293 3.10.7.4, RFC 7323 (PAWS), RFC 5961 (challenge ACKs against blind attacks).
 *
 * Header prediction: in a one-way transfer every header is as expected but for one field. pred_flags holds the expected
 * fourth word (length, flags, window); 0 sends everything through the careful path.
 */
#include "transport/tcp/tcp_impl.h"

void tcp_fast_path_on(struct tcp_sock *tp)
{
	u32 hlen = tp->tcp_header_len, ace = tp->accecn ? tcp_accecn_counter(tp->delivered_ce) : 0;

	tp->pred_flags = cpu_to_be32(hlen << 26 | ace << 22 | (u32)TCPF_ACK << 16 | (tp->snd_wnd >> tp->rx_opt.snd_wscale & 0xffff)).raw;
}

void tcp_fast_path_check(struct tcp_sock *tp)
{
	if (rb_empty(&tp->ofo) && tp->rcv_wnd && tp->inet.sk.rmem_alloc < (u32)tp->inet.sk.rcvbuf && !tp->urg_data)
		tcp_fast_path_on(tp);
}

static u32 flag_word(const struct tcp_hdr *th)
{
	u32 w;
	memcpy(&w, &th->doff, 4);
	return w;
}

/* -- ACKs to bad segments, limited -- */

/* At most one per tcp_invalid_ratelimit and connection, so that two ends cannot excite one another. */
bool tcp_oow_limited(struct cpu *cpu, struct netns *net, const struct sk_buff *skb, enum mib m, u64 *last)
{
	const struct tcp_cb *cb = (const struct tcp_cb *)skb->cb;

	if (cb->seq != cb->end_seq && !(cb->flags & TCPF_SYN)) /* data: the peer lacks something */
		return false;
	if (*last && cpu->now - *last < net->tcp->invalid_ratelimit_ns) {
		mib_inc(cpu, net, m);
		return true;
	}
	*last = cpu->now ? cpu->now : 1;
	return false;
}

/* RFC 5961, section 7: as many a second as the sysctl allows, for the whole namespace; and not too often per connection. */
void tcp_send_challenge_ack(struct cpu *cpu, struct tcp_sock *tp)
{
	struct netns *net = tp->inet.sk.net;
	struct netns_tcp *n = net->tcp;

	if (tp->last_oow_ack && cpu->now - tp->last_oow_ack < n->invalid_ratelimit_ns) {
		mib_inc(cpu, net, MIB_TcpExt_TCPACKSkippedChallenge);
		return;
	}
	tp->last_oow_ack = cpu->now ? cpu->now : 1;
	if (n->challenge_ack_limit != 0x7fffffff) {
		if (cpu->now / NSEC_PER_SEC != n->challenge_second) {
			u32 half = ((u32)n->challenge_ack_limit + 1) >> 1;
			n->challenge_second = cpu->now / NSEC_PER_SEC;
			n->challenge_count = half + rng_below(&cpu->rng, (u32)n->challenge_ack_limit); /* not to be probed for */
		}
		if (!n->challenge_count)
			return;
		n->challenge_count--;
	}
	mib_inc(cpu, net, MIB_TcpExt_TCPChallengeACK);
	tcp_send_ack(cpu, tp);
}

/* -- PAWS (RFC 7323, 5) -- */

void tcp_store_ts_recent(struct cpu *cpu, struct tcp_sock *tp)
{
	tp->rx_opt.ts_recent = tp->rx_opt.rcv_tsval;
	tp->rx_opt.ts_recent_stamp_s = tcp_now_s(cpu) + 1;
}

/* Is the timestamp all right? An old clock counts only while it cannot have wrapped (24 days). */
bool tcp_paws_ok(struct cpu *cpu, const struct tcp_opts *o, s32 slack)
{
	if ((s32)(o->ts_recent - o->rcv_tsval) <= slack)
		return true;
	if (!o->ts_recent_stamp_s || tcp_now_s(cpu) + 1 - o->ts_recent_stamp_s >= TCP_PAWS_WRAP_S)
		return true;
	return !o->ts_recent; /* no timestamp yet */
}

/* A pure ACK that changes nothing, out of order: harmless although its timestamp is old (Linux's rule against freezes). */
static bool disordered_ack(const struct tcp_sock *tp, const struct sk_buff *skb, const struct tcp_hdr *th)
{
	const struct tcp_cb *cb = (const struct tcp_cb *)skb->cb;
	u32 limit = MIN((u32)(tp->rto / NSEC_PER_MSEC) * 4, 240000u); /* their clock may tick that far in such a time */

	return (th->flags & TCPF_ACK) && cb->seq == cb->end_seq && cb->seq == tp->rcv_nxt && cb->ack_seq == tp->snd_una &&
	       !((cb->ack_seq != tp->snd_una) || ((u32)cb->window << tp->rx_opt.snd_wscale) != tp->snd_wnd) &&
	       (s32)(tp->rx_opt.ts_recent - tp->rx_opt.rcv_tsval) <= (s32)limit;
}

/* -- reset received -- */

void tcp_reset(struct cpu *cpu, struct tcp_sock *tp)
{
	struct sock *sk = tcp_to_sock(tp);

	switch (sk->state) {
	case TCP_SYN_SENT:
		sk->err = ECONNREFUSED;
		break;
	case TCP_CLOSE_WAIT:
		sk->err = EPIPE;
		break;
	case TCP_CLOSE:
		return;
	default:
		sk->err = ECONNRESET;
	}
	tcp_txq_purge(cpu, tp);
	tcp_done(cpu, tp);
	sock_wake(cpu, sk);
}

/* The window covers [seq, end), or what of it is not old. */
static enum skb_drop_reason sequence_ok(const struct tcp_sock *tp, u32 seq, u32 end, bool fin)
{
	u32 edge = tp->rcv_nxt + tcp_receive_window(tp);

	if (seq_before(end, tp->rcv_wup))
		return SKB_DROP_REASON_TCP_OLD_SEQUENCE;
	if (likely(!seq_after(end, edge)))
		return SKB_DROP_REASON_NOT_SPECIFIED;
	if (seq_after(seq, edge))
		return SKB_DROP_REASON_TCP_INVALID_SEQUENCE;
	if (fin && !seq_after(end - 1, edge)) /* FINs are sent behind closed windows, too */
		return SKB_DROP_REASON_NOT_SPECIFIED;
	/* Too long: only for an empty queue, where it is sure to be read. */
	return tp->inet.sk.rx_queue.first ? SKB_DROP_REASON_TCP_INVALID_END_SEQUENCE : SKB_DROP_REASON_NOT_SPECIFIED;
}

/* RFC 5961, 3: a RST at the right edge of what was SACKed is exact too, when our ACK of the hole was lost. */
static bool reset_matches_sack(const struct tcp_sock *tp, u32 seq)
{
	u32 max = tp->num_sacks ? tp->sacks[0].end : 0;

	for (unsigned i = 1; i < tp->num_sacks; i++)
		max = seq_max(max, tp->sacks[i].end);
	return tp->num_sacks && seq == max;
}

/* First four steps of "segment arrives". False: the segment is gone. */
bool tcp_validate(struct cpu *cpu, struct tcp_sock *tp, struct sk_buff *skb, const struct tcp_hdr *th, bool syn_ack_ok)
{
	struct sock *sk = tcp_to_sock(tp);
	struct netns *net = sk->net;
	struct tcp_cb *cb = tcp_cb(skb);
	enum skb_drop_reason reason;

	if (tp->rx_opt.saw_tstamp && !tcp_paws_ok(cpu, &tp->rx_opt, 0) && !disordered_ack(tp, skb, th)) {
		if (!(th->flags & TCPF_RST)) {
			mib_inc(cpu, net, MIB_TcpExt_PAWSEstab);
			if (!(th->flags & TCPF_SYN)) {
				if (!tcp_oow_limited(cpu, net, skb, MIB_TcpExt_TCPACKSkippedPAWS, &tp->last_oow_ack))
					tcp_send_dupack(cpu, tp, cb);
				skb_drop_net(cpu, net, skb, SKB_DROP_REASON_TCP_RFC7323_PAWS);
				return false;
			}
			goto syn_challenge;
		}
		/* Resets are accepted even if their timestamp is old. */
	}
	reason = sequence_ok(tp, cb->seq, cb->end_seq, th->flags & TCPF_FIN);
	if (reason) {
		/* RFC 9293: an unacceptable segment is answered with an ACK, unless it is a reset. */
		if (!(th->flags & TCPF_RST)) {
			if (th->flags & TCPF_SYN)
				goto syn_challenge;
			if (reason != SKB_DROP_REASON_TCP_OLD_SEQUENCE)
				mib_inc(cpu, net, MIB_TcpExt_BeyondWindow);
			if (!tcp_oow_limited(cpu, net, skb, MIB_TcpExt_TCPACKSkippedSeq, &tp->last_oow_ack))
				tcp_send_dupack(cpu, tp, cb);
		} else if (cb->seq == tp->rcv_nxt - 1 && (BIT(sk->state) & (TCPS(CLOSE_WAIT) | TCPS(LAST_ACK) | TCPS(CLOSING)))) {
			/* A RST after their FIN, by a peer that counts the FIN differently. */
			goto reset;
		}
		skb_drop_net(cpu, net, skb, reason);
		return false;
	}
	if (th->flags & TCPF_RST) {
		if (cb->seq == tp->rcv_nxt || reset_matches_sack(tp, cb->seq))
			goto reset;
		/* In the window, but not exact: ask (RFC 5961, 3.2). */
		tcp_send_challenge_ack(cpu, tp);
		skb_drop_net(cpu, net, skb, SKB_DROP_REASON_TCP_RESET);
		return false;
	}
	if (th->flags & TCPF_SYN) {
		/* The second SYN-ACK of a simultaneous open. */
		if (sk->state == TCP_SYN_RECV && syn_ack_ok && (th->flags & TCPF_ACK) && cb->seq + 1 == cb->end_seq &&
		    cb->seq + 1 == tp->rcv_nxt && cb->ack_seq == tp->snd_nxt)
			return true;
syn_challenge:
		mib_inc(cpu, net, MIB_Tcp_InErrs);
		mib_inc(cpu, net, MIB_TcpExt_TCPSYNChallenge);
		if (tp->accecn)
			tcp_accecn_syn_again(tp, th, cb->dsfield & 3);
		tcp_send_challenge_ack(cpu, tp);
		tp->aecn.reflect = false;
		skb_drop_net(cpu, net, skb, SKB_DROP_REASON_TCP_INVALID_SYN);
		return false;
	}
	return true;

reset:
	trace_point(cpu, net, skb, TP_CONSUMED, sk->cookie, 0, "connection reset");
	tcp_reset(cpu, tp);
	skb_drop_net(cpu, net, skb, SKB_DROP_REASON_TCP_RESET);
	return false;
}

/* -- ACKs of ours: now, delayed, or one for many -- */

/* Behind a hole, may this packet's ACK wait for others? Not while the sender may still need it to see the loss (three duplicate ACKs,
 * RFC 5681), not without SACK, whose blocks say in one ACK what many would. */
static bool hold_ack(struct cpu *cpu, struct tcp_sock *tp)
{
	if (!tcp_is_sack(tp) || tp->acks_held >= tcp_net(tp)->comp_sack_nr)
		return false;
	if (tp->ack.held_rcv_nxt != tp->rcv_nxt) {
		tp->ack.held_rcv_nxt = tp->rcv_nxt;
		tp->dups = 0;
	}
	if (tp->dups < TCP_FASTRETRANS_THRESH) {
		tp->dups++;
		return false;
	}
	tp->acks_held++;
	if (!tp->held_deadline)
		tcp_arm_held_ack(cpu, tp);
	return true;
}

void tcp_ack_snd_check(struct cpu *cpu, struct tcp_sock *tp)
{
	bool ofo = !rb_empty(&tp->ofo);

	if (!(tp->ack.pending & TCP_ACK_SCHED) && !(tp->ack.pending & TCP_ACK_NOW))
		return;
	/* More than a segment came, and the window may move to tell; or quick mode; or something asked for it. */
	if ((tp->rcv_nxt - tp->rcv_wup > tp->ack.rcv_mss &&
	     (tp->rcv_nxt - tp->copied_seq < (u32)tp->inet.sk.rcvlowat || tcp_window_now(cpu, tp) >= tp->rcv_wnd)) ||
	    tcp_in_quickack(tp) || (tp->ack.pending & TCP_ACK_NOW)) {
		tcp_send_ack(cpu, tp);
		return;
	}
	if (!ofo)
		tcp_send_delayed_ack(cpu, tp);
	else if (!hold_ack(cpu, tp))
		tcp_send_ack(cpu, tp);
}

/* -- established -- */

void tcp_rx_established(struct cpu *cpu, struct tcp_sock *tp, struct sk_buff *skb)
{
	struct sock *sk = tcp_to_sock(tp);
	struct netns *net = sk->net;
	const struct tcp_hdr *th = (const struct tcp_hdr *)skb_transport_header(skb);
	struct tcp_cb *cb = tcp_cb(skb);
	u32 hlen = tcp_hlen(th), len = skb->len;
	const u8 *sack = NULL;
	unsigned nsack = 0;
	int r, progress = 0;

	if (likely((flag_word(th) & ~cpu_to_be32((u32)TCPF_PSH << 16).raw) == tp->pred_flags) && cb->seq == tp->rcv_nxt &&
	    !seq_after(cb->ack_seq, tp->snd_nxt)) {
		tcp_options_parse_fast(tp, th, &sack, &nsack);
		if (unlikely(sack) || (hlen != TCP_HDR_LEN && !tp->rx_opt.saw_tstamp))
			goto slow_parsed;
		if (tp->rx_opt.saw_tstamp) {
			if ((s32)(tp->rx_opt.rcv_tsval - tp->rx_opt.ts_recent) < 0)
				goto slow_parsed;
			if (tp->rx_opt.rcv_tsval != tp->rx_opt.ts_recent)
				progress = FLAG_TS_PROGRESS;
			/* The segment begins at rcv_nxt; ts_recent moves when the last ACK sent covers that. */
			if (tp->rcv_nxt == tp->rcv_wup)
				tcp_store_ts_recent(cpu, tp);
		}
		if (len <= hlen) {
			if (len == hlen && !seq_before(cb->ack_seq, tp->snd_una)) { /* a sender gets a pure ACK */
				tcp_ecn_count(tp, skb, 0);
				r = tcp_ack(cpu, tp, skb, th, NULL, 0, progress);
				trace_point(cpu, net, skb, TP_CONSUMED, sk->cookie, 0, "ACK processed");
				skb_consume(cpu, skb);
				(void)r;
				tcp_data_snd_check(cpu, tp);
				return;
			}
			goto slow_parsed;
		}
		if (sk->rmem_alloc + skb->truesize > (u32)sk->rcvbuf || seq_after(cb->end_seq, tp->rcv_nxt + tcp_receive_window(tp)))
			goto slow_parsed;
		/* A receiver gets the next data. Linux counts what needs no further page of memory; and handles the rest alike. */
		if (skb->truesize <= (0u - sk->rmem_alloc - sk->wmem_queued) % 4096)
			mib_inc(cpu, net, MIB_TcpExt_TCPHPHits);
		tcp_rcv_rtt_measure_ts(cpu, tp, skb, len - hlen);
		tcp_ecn_count(tp, skb, len - hlen);
		skb_pull(skb, hlen);
		if (cb->ack_seq != tp->snd_una) { /* its ACK first: th lies in skb, which the queue takes */
			tcp_ack(cpu, tp, skb, th, NULL, 0, FLAG_DATA | progress);
			tcp_data_queue(cpu, tp, skb);
			tcp_data_snd_check(cpu, tp);
			if (!(tp->ack.pending & (TCP_ACK_SCHED | TCP_ACK_NOW)))
				return;
		} else {
			tp->snd_wl1 = cb->seq;
			tcp_data_queue(cpu, tp, skb);
		}
		tcp_ack_snd_check(cpu, tp);
		return;
	}
	if (len < hlen) {
		skb_drop_net(cpu, net, skb, SKB_DROP_REASON_PKT_TOO_SMALL);
		return;
	}
	if (!(th->flags & (TCPF_ACK | TCPF_RST | TCPF_SYN))) {
		skb_drop_net(cpu, net, skb, SKB_DROP_REASON_TCP_FLAGS);
		return;
	}
	tcp_options_parse_fast(tp, th, &sack, &nsack);
slow_parsed:
	if (!tcp_validate(cpu, tp, skb, th, true))
		return;
	if (!(th->flags & TCPF_ACK)) {
		skb_drop_net(cpu, net, skb, SKB_DROP_REASON_TCP_FLAGS);
		return;
	}
	tcp_ecn_count(tp, skb, len - hlen);
	r = tcp_ack(cpu, tp, skb, th, sack, nsack, FLAG_SLOWPATH | FLAG_UPDATE_TS_RECENT);
	if (r < 0) {
		if (r == -SKB_DROP_REASON_TCP_ACK_UNSENT_DATA) /* RFC 9293: an ACK of what was never sent gets an ACK */
			tcp_send_challenge_ack(cpu, tp);
		skb_drop_net(cpu, net, skb, (enum skb_drop_reason)-r);
		return;
	}
	tcp_rcv_rtt_measure_ts(cpu, tp, skb, len - hlen);
	tcp_urg_rx(cpu, tp, skb, th, hlen);
	skb_pull(skb, hlen);
	tcp_data_queue(cpu, tp, skb);
	tcp_data_snd_check(cpu, tp);
	tcp_ack_snd_check(cpu, tp);
}
