/* Received data: the in-order queue, the out-of-order tree, the SACK blocks that describe it, and memory limits.
 *
 * Packets keep their payload where it arrived; only headers were pulled. In order: sk.rx_queue, FIFO, rcv_nxt is its end.
 * Out of order: a tree by sequence number whose members do not overlap one another's beginnings; sacks[] lists the most
 * recently changed stretches first (RFC 2018, section 4). D-SACK (RFC 2883) reports what came twice.
 * When memory is short, the highest out-of-order packets go first: the peer has them still.
 */
#include "transport/tcp/tcp_impl.h"

/* -- charging -- */

static void rx_charge(struct tcp_sock *tp, struct sk_buff *skb)
{
	skb->sk = NULL;
	tp->inet.sk.rmem_alloc += skb->truesize;
	tp->inet.sk.net->core->tcp_mem_bytes += skb->truesize;
}
static void rx_uncharge(struct tcp_sock *tp, struct sk_buff *skb)
{
	tp->inet.sk.rmem_alloc -= skb->truesize;
	tcp_mem_uncharge(tp, skb->truesize);
}

/* Takes the first packet off the receive queue; the program has it all. */
void tcp_rxq_eat(struct cpu *cpu, struct tcp_sock *tp)
{
	struct sk_buff *skb = skb_list_pop(&tp->inet.sk.rx_queue);

	rx_uncharge(tp, skb);
	skb_consume(cpu, skb);
}

static struct sk_buff *ofo_first(const struct tcp_sock *tp)
{
	struct rbnode *n = rb_first(&tp->ofo);
	return n ? tcp_cb_skb(n) : NULL;
}

static void ofo_unlink(struct tcp_sock *tp, struct sk_buff *skb)
{
	if (tp->ofo_last == skb) {
		struct rbnode *p = rb_prev(&tcp_cb(skb)->rb);
		tp->ofo_last = p ? tcp_cb_skb(p) : NULL;
	}
	rb_erase(&tp->ofo, &tcp_cb(skb)->rb);
	tp->ofo_bytes -= skb->truesize;
}

void tcp_ofo_drop(struct cpu *cpu, struct tcp_sock *tp, struct sk_buff *skb, enum skb_drop_reason reason)
{
	ofo_unlink(tp, skb);
	rx_uncharge(tp, skb);
	skb_drop_net(cpu, tp->inet.sk.net, skb, reason);
}

void tcp_rx_purge(struct cpu *cpu, struct tcp_sock *tp)
{
	struct sk_buff *skb;

	while (tp->inet.sk.rx_queue.first)
		tcp_rxq_eat(cpu, tp);
	while ((skb = ofo_first(tp))) {
		ofo_unlink(tp, skb);
		rx_uncharge(tp, skb);
		skb_consume(cpu, skb);
	}
	tp->num_sacks = 0;
}

/* -- memory -- */

/* Drops from the top of the tree until an eighth of the buffer is free again. False: nothing was there. */
static bool prune_ofo(struct cpu *cpu, struct tcp_sock *tp, u32 in_seq)
{
	struct sock *sk = tcp_to_sock(tp);
	s64 goal = sk->rcvbuf >> 3;
	bool pruned = false;

	while (tp->ofo_last) {
		struct sk_buff *skb = tp->ofo_last;
		/* What arrives above all that is kept would only be dropped in its turn. */
		if (seq_after(in_seq, tcp_cb(skb)->seq))
			break;
		goal -= skb->truesize;
		tcp_ofo_drop(cpu, tp, skb, SKB_DROP_REASON_TCP_OFO_QUEUE_PRUNE);
		pruned = true;
		if (goal <= 0 && sk->rmem_alloc <= (u32)sk->rcvbuf && !tcp_net(tp)->pressure)
			break;
	}
	if (pruned) {
		mib_inc(cpu, sk->net, MIB_TcpExt_OfoPruned);
		/* What was promised by SACK is gone: rather say nothing than renege (RFC 2018, 8, would allow it). */
		tp->num_sacks = 0;
	}
	return pruned;
}

/* Small packets in big buffers: copies neighbours of the receive queue together. */
static void collapse_rxq(struct cpu *cpu, struct tcp_sock *tp)
{
	struct skb_list *q = &tp->inet.sk.rx_queue, out;
	struct sk_buff *skb, *into = NULL;

	skb_list_init(&out);
	while ((skb = skb_list_pop(q))) {
		u32 free = into && !into->data_len ? into->end - into->tail : 0;

		if (into && skb->len && free >= skb->len && tcp_cb(into)->end_seq == tcp_cb(skb)->seq && skb->truesize > 2 * skb->len) {
			skb_copy_bits(skb, 0, skb_put(into, skb->len), skb->len);
			out.bytes += skb->len;
			tcp_cb(into)->end_seq = tcp_cb(skb)->end_seq;
			tcp_cb(into)->flags |= tcp_cb(skb)->flags;
			rx_uncharge(tp, skb);
			skb_consume(cpu, skb);
			mib_inc(cpu, tp->inet.sk.net, MIB_TcpExt_TCPRcvCollapsed);
			continue;
		}
		if (skb->len && skb->truesize > 2 * skb->len && skb->next) {
			struct sk_buff *c = skb_alloc(cpu, 0, 8192);
			if (c) {
				skb_copy_bits(skb, 0, skb_put(c, MIN(skb->len, 8192u)), MIN(skb->len, 8192u));
				if (c->len == skb->len && c->truesize < 3 * 8192) {
					memcpy(c->cb, skb->cb, sizeof c->cb);
					c->tstamp = skb->tstamp;
					c->trace = skb->trace;
					rx_uncharge(tp, skb);
					skb_consume(cpu, skb);
					rx_charge(tp, c);
					skb = c;
				} else {
					skb_consume(cpu, c);
				}
			}
		}
		into = skb;
		skb_list_add(&out, skb);
	}
	*q = out;
	if (!q->first)
		q->last = &q->first;
}

static bool fits(const struct tcp_sock *tp, u32 size)
{
	const struct sock *sk = &tp->inet.sk;

	return sk->rmem_alloc <= (u32)sk->rcvbuf && (sk->net->core->tcp_mem_bytes + size) >> 12 <= tcp_net(tp)->mem_pages[2];
}

/* Makes room for `size` more. False: there is none. */
bool tcp_rx_room(struct cpu *cpu, struct tcp_sock *tp, u32 seq, u32 size)
{
	struct sock *sk = tcp_to_sock(tp);

	if (likely(fits(tp, size)))
		return true;
	mib_inc(cpu, sk->net, MIB_TcpExt_PruneCalled);
	if (sk->rmem_alloc >= (u32)sk->rcvbuf)
		tcp_clamp_window(tp);
	else if (tcp_net(tp)->pressure)
		tp->rcv_ssthresh = MIN(tp->rcv_ssthresh, 4u * tp->advmss);
	if (fits(tp, size))
		return true;
	collapse_rxq(cpu, tp);
	if (fits(tp, size))
		return true;
	prune_ofo(cpu, tp, seq);
	if (fits(tp, size))
		return true;
	mib_inc(cpu, sk->net, MIB_TcpExt_RcvPruned);
	tp->pred_flags = 0;
	return false;
}

/* -- in order -- */

/* Appends a packet of payload [rcv_nxt ..). skb->len may be 0 for a bare FIN (then it is consumed). */
void tcp_rxq_add(struct cpu *cpu, struct tcp_sock *tp, struct sk_buff *skb)
{
	struct sock *sk = tcp_to_sock(tp);

	tp->bytes_received += tcp_cb(skb)->end_seq - tp->rcv_nxt;
	tp->rcv_nxt = tcp_cb(skb)->end_seq;
	if (!skb->len) {
		skb_consume(cpu, skb);
		return;
	}
	skb_dst_drop(skb);
	skb->dev = NULL;
	rx_charge(tp, skb);
	trace_point(cpu, sk->net, skb, TP_SOCK_QUEUE, sk->cookie, sk->rx_queue.bytes + skb->len, NULL);
	skb_list_add(&sk->rx_queue, skb);
	sk->stamp = skb->tstamp;
}

/* What waited in the tree and is next now. */
static void ofo_drain(struct cpu *cpu, struct tcp_sock *tp, bool *fin)
{
	struct sk_buff *skb;
	const u32 dsack_high = tp->rcv_nxt;

	while ((skb = ofo_first(tp))) {
		struct tcp_cb *cb = tcp_cb(skb);

		if (seq_after(cb->seq, tp->rcv_nxt))
			break;
		if (seq_before(cb->seq, dsack_high))
			tcp_dsack_extend(cpu, tp, cb->seq, seq_min(dsack_high, cb->end_seq));
		ofo_unlink(tp, skb);
		rx_uncharge(tp, skb);
		if (!seq_after(cb->end_seq, tp->rcv_nxt)) {
			skb_drop_net(cpu, tp->inet.sk.net, skb, SKB_DROP_REASON_TCP_OFO_DROP);
			continue;
		}
		if (cb->flags & TCPF_FIN)
			*fin = true;
		if (seq_before(cb->seq, tp->rcv_nxt)) {
			skb_pull_any(cpu, skb, tp->rcv_nxt - cb->seq);
			cb->seq = tp->rcv_nxt;
		}
		tcp_rxq_add(cpu, tp, skb);
		if (*fin)
			break;
	}
}

/* -- D-SACK and SACK blocks -- */

static void dsack_set(struct cpu *cpu, struct tcp_sock *tp, u32 seq, u32 end)
{
	if (!tcp_is_sack(tp) || !tcp_net(tp)->dsack)
		return;
	mib_inc(cpu, tp->inet.sk.net, seq_before(seq, tp->rcv_nxt) ? MIB_TcpExt_TCPDSACKOldSent : MIB_TcpExt_TCPDSACKOfoSent);
	tp->dsack.start = seq;
	tp->dsack.end = end;
}

static bool sack_extend(struct tcp_sack_block *b, u32 seq, u32 end)
{
	if (seq_after(seq, b->end) || seq_after(b->start, end))
		return false;
	b->start = seq_min(b->start, seq);
	b->end = seq_max(b->end, end);
	return true;
}

void tcp_dsack_extend(struct cpu *cpu, struct tcp_sock *tp, u32 seq, u32 end)
{
	if (tp->dsack.start == tp->dsack.end)
		dsack_set(cpu, tp, seq, end);
	else
		sack_extend(&tp->dsack, seq, end);
}

/* A segment that is wholly old: say so at once. */
void tcp_send_dupack(struct cpu *cpu, struct tcp_sock *tp, const struct tcp_cb *cb)
{
	if (cb->end_seq != cb->seq && seq_before(cb->seq, tp->rcv_nxt)) {
		mib_inc(cpu, tp->inet.sk.net, MIB_TcpExt_DelayedACKLost);
		tcp_accecn_old_data(tp, cb->seq);
		tcp_enter_quickack(tp, TCP_MAX_QUICKACKS);
		if (tcp_is_sack(tp) && tcp_net(tp)->dsack)
			dsack_set(cpu, tp, cb->seq, seq_after(cb->end_seq, tp->rcv_nxt) ? tp->rcv_nxt : cb->end_seq);
	}
	tcp_send_ack(cpu, tp);
}

/* An ACK waits that stands for a packet of another stretch, and the peer may never hear of that from later ones: it goes now. */
static void send_held_ack(struct cpu *cpu, struct tcp_sock *tp)
{
	if (!tp->acks_held)
		return;
	tp->acks_held--; /* this one is sent after all */
	tcp_send_ack(cpu, tp);
}

/* [seq, end) joined the tree: its stretch becomes the first block. */
static void sack_new(struct cpu *cpu, struct tcp_sock *tp, u32 seq, u32 end)
{
	struct tcp_sack_block *b = tp->sacks, cur = { seq, end };
	unsigned n = tp->num_sacks, k = 0, at = 0;

	if (!tcp_is_sack(tp))
		return;
	while (at < n && !sack_extend(&b[at], seq, end))
		at++;
	if (at >= TCP_SACK_BLOCKS_EXPECTED)
		send_held_ack(cpu, tp);
	for (unsigned i = 0; i < n; i++) /* all that touch it are one stretch now */
		if (!sack_extend(&cur, b[i].start, b[i].end))
			b[k++] = b[i];
	k = MIN(k, (unsigned)TCP_NUM_SACKS - 1);
	memmove(b + 1, b, k * sizeof *b);
	b[0] = cur;
	tp->num_sacks = (u8)(k + 1);
}

/* rcv_nxt moved: blocks below it are acknowledged. */
static void sack_remove(struct tcp_sock *tp)
{
	unsigned k = 0;

	if (rb_empty(&tp->ofo)) {
		tp->num_sacks = 0;
		return;
	}
	for (unsigned i = 0; i < tp->num_sacks; i++)
		if (seq_before(tp->rcv_nxt, tp->sacks[i].start))
			tp->sacks[k++] = tp->sacks[i];
	tp->num_sacks = (u8)k;
}

/* -- out of order -- */

static void ofo_queue(struct cpu *cpu, struct tcp_sock *tp, struct sk_buff *skb)
{
	struct netns *net = tp->inet.sk.net;
	struct tcp_cb *cb = tcp_cb(skb);
	struct rbnode **at = &tp->ofo.node, *parent = NULL, *n;
	u32 seq = cb->seq, end = cb->end_seq;

	if (!tcp_rx_room(cpu, tp, seq, skb->truesize)) {
		mib_inc(cpu, net, MIB_TcpExt_TCPOFODrop);
		skb_drop_net(cpu, net, skb, SKB_DROP_REASON_PROTO_MEM);
		return;
	}
	tcp_measure_rcv_mss(tp, skb);
	tp->pred_flags = 0;
	tp->ack.pending |= TCP_ACK_SCHED;
	tp->rcv_ooopack += MAX(1u, skb->gso_segs);
	if (tp->ecn_ok || tp->accecn)
		tcp_ecn_recv(cpu, tp, skb);
	mib_inc(cpu, net, MIB_TcpExt_TCPOFOQueue);

	if (tp->ofo_last && !seq_before(seq, tcp_cb(tp->ofo_last)->end_seq)) { /* the usual case: at the end */
		parent = &tcp_cb(tp->ofo_last)->rb;
		at = &parent->right;
	} else {
		while (*at) {
			struct tcp_cb *o = tcp_cb(tcp_cb_skb(*at));

			parent = *at;
			if (seq_before(seq, o->seq)) {
				at = &parent->left;
				continue;
			}
			if (seq_before(seq, o->end_seq)) {
				if (!seq_after(end, o->end_seq)) { /* wholly there already */
					mib_inc(cpu, net, MIB_TcpExt_TCPOFOMerge);
					skb_drop_net(cpu, net, skb, SKB_DROP_REASON_TCP_OFOMERGE);
					dsack_set(cpu, tp, seq, end);
					sack_new(cpu, tp, seq, end);
					return;
				}
				if (seq_after(seq, o->seq)) { /* overlaps its end */
					dsack_set(cpu, tp, seq, o->end_seq);
				} else { /* same beginning, longer: takes its place */
					struct sk_buff *old = tcp_cb_skb(parent);

					dsack_set(cpu, tp, o->seq, o->end_seq);
					mib_inc(cpu, net, MIB_TcpExt_TCPOFOMerge);
					tcp_ofo_drop(cpu, tp, old, SKB_DROP_REASON_TCP_OFOMERGE);
					at = &tp->ofo.node; /* the tree changed: from the top */
					parent = NULL;
					continue;
				}
			}
			at = &parent->right;
		}
	}
	rb_link(&cb->rb, parent, at);
	rb_insert(&tp->ofo, &cb->rb);
	/* Behind a hole the window grows as well, or a lossy path keeps it small. Not without SACK: an ACK that moves the window is no
	 * duplicate (RFC 5681, 2), and those start the sender's recovery. */
	if (tcp_is_sack(tp))
		tcp_grow_window(tp, skb);
	/* Whatever it covers behind itself goes. */
	while ((n = rb_next(&cb->rb))) {
		struct sk_buff *o = tcp_cb_skb(n);

		if (!seq_after(end, tcp_cb(o)->seq))
			break;
		if (seq_before(end, tcp_cb(o)->end_seq)) {
			tcp_dsack_extend(cpu, tp, tcp_cb(o)->seq, end);
			break;
		}
		tcp_dsack_extend(cpu, tp, tcp_cb(o)->seq, tcp_cb(o)->end_seq);
		mib_inc(cpu, net, MIB_TcpExt_TCPOFOMerge);
		tcp_ofo_drop(cpu, tp, o, SKB_DROP_REASON_TCP_OFOMERGE);
	}
	if (!n)
		tp->ofo_last = skb;
	skb_dst_drop(skb);
	skb->dev = NULL;
	tp->ofo_bytes += skb->truesize;
	rx_charge(tp, skb);
	sack_new(cpu, tp, seq, end);
	if (tp->inet.sk.socket) /* accepted, and no orphan */
		tcp_rcvbuf_grow(tp, tp->rcvq_space.space);
}

/* -- entry: a segment with data or FIN, headers pulled, in the window -- */
void tcp_data_queue(struct cpu *cpu, struct tcp_sock *tp, struct sk_buff *skb)
{
	struct sock *sk = tcp_to_sock(tp);
	struct tcp_cb *cb = tcp_cb(skb);
	bool fin, more = false;
	u32 before = sk->rx_queue.count;

	if (cb->seq == cb->end_seq) {
		trace_point(cpu, sk->net, skb, TP_CONSUMED, sk->cookie, 0, "ACK processed");
		skb_consume(cpu, skb);
		return;
	}
	if (unlikely(cb->flags & TCPF_CWR) && skb->len && !tp->accecn)
		tcp_ecn_accept_cwr(tp, skb);
	if (cb->seq == tp->rcv_nxt) {
		/* A bare FIN needs no window; some peers would send it for ever. */
		if (!tcp_receive_window(tp) && (skb->len || !(cb->flags & TCPF_FIN))) {
			mib_inc(cpu, sk->net, MIB_TcpExt_TCPZeroWindowDrop);
			goto out_of_window;
		}
in_order:
		if (!tcp_rx_room(cpu, tp, cb->seq, skb->truesize)) {
			tp->ack.pending |= TCP_ACK_NOMEM | TCP_ACK_NOW | TCP_ACK_SCHED;
			sock_wake(cpu, sk);
			/* An empty queue takes one packet whatever it costs, or nothing would ever move. */
			if (sk->rx_queue.first && skb->len) {
				mib_inc(cpu, sk->net, MIB_TcpExt_TCPRcvQDrop);
				skb_drop_net(cpu, sk->net, skb, SKB_DROP_REASON_PROTO_MEM);
				return;
			}
		}
		fin = cb->flags & TCPF_FIN;
		if (skb->len)
			tcp_event_data_recv(cpu, tp, skb);
		tcp_rxq_add(cpu, tp, skb);
		if (fin)
			tcp_fin(cpu, tp);
		if (!rb_empty(&tp->ofo)) {
			if (!fin) {
				ofo_drain(cpu, tp, &more);
				if (more)
					tcp_fin(cpu, tp);
			}
			/* RFC 5681, 4.2: the hole is filled, an immediate ACK is due. */
			if (rb_empty(&tp->ofo))
				tp->ack.pending |= TCP_ACK_NOW;
			sack_remove(tp);
		}
		tcp_fast_path_check(tp);
		if (sk->rx_queue.count != before && tcp_readable(tp))
			sock_wake(cpu, sk);
		return;
	}
	if (!seq_after(cb->end_seq, tp->rcv_nxt)) {
		/* Wholly old: our ACK was lost, or it was sent again for nothing. */
		mib_inc(cpu, sk->net, MIB_TcpExt_DelayedACKLost);
		tcp_accecn_old_data(tp, cb->seq);
		dsack_set(cpu, tp, cb->seq, cb->end_seq);
		tcp_enter_quickack(tp, TCP_MAX_QUICKACKS);
		tp->ack.pending |= TCP_ACK_SCHED;
		skb_drop_net(cpu, sk->net, skb, SKB_DROP_REASON_TCP_OLD_DATA);
		return;
	}
	if (!seq_before(cb->seq, tp->rcv_nxt + tcp_receive_window(tp))) {
out_of_window:
		tcp_enter_quickack(tp, TCP_MAX_QUICKACKS);
		tp->ack.pending |= TCP_ACK_SCHED;
		skb_drop_net(cpu, sk->net, skb, cb->seq == tp->rcv_nxt ? SKB_DROP_REASON_TCP_ZEROWINDOW : SKB_DROP_REASON_TCP_OVERWINDOW);
		return;
	}
	if (seq_before(cb->seq, tp->rcv_nxt)) {
		/* Its end is new. */
		dsack_set(cpu, tp, cb->seq, tp->rcv_nxt);
		if (!tcp_receive_window(tp)) {
			mib_inc(cpu, sk->net, MIB_TcpExt_TCPZeroWindowDrop);
			goto out_of_window;
		}
		skb_pull_any(cpu, skb, MIN(tp->rcv_nxt - cb->seq, skb->len));
		cb->seq = tp->rcv_nxt;
		goto in_order;
	}
	ofo_queue(cpu, tp, skb);
}
