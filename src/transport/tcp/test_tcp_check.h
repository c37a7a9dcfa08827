/* For TCP's fuzzer and attack tests: what must hold of every socket and of a namespace's totals between two steps, and at the end.
 * A breach is printed and aborts. */
#ifndef TRANSPORT_TCP_TEST_TCP_CHECK_H
#define TRANSPORT_TCP_TEST_TCP_CHECK_H

#include <stdio.h>
#include <stdlib.h>

#include "transport/tcp/tcp_impl.h"

#define TCP_HOLDS(cond)                                                                                                \
	do {                                                                                                           \
		if (!(cond)) {                                                                                         \
			fprintf(stderr, "%s:%d: does not hold: %s\n", __func__, __LINE__, #cond);                      \
			abort();                                                                                       \
		}                                                                                                      \
	} while (0)

/* The record of what was sent: without gaps from snd_una to snd_nxt, and every counter the sum of its segments. */
static inline void tcp_check_segments(const struct tcp_sock *tp)
{
	u32 packets = 0, sacked = 0, lost = 0, retrans = 0, n = 0, at = tp->snd_una;
	const struct tcp_seg *last = NULL;

	for (const struct tcp_seg *s = tcp_seg_first(tp); s; last = s, s = tcp_seg_next(s)) {
		TCP_HOLDS(s->seq == at && seq_before(s->seq, s->end_seq));
		TCP_HOLDS(s->pcount > 0);
		at = s->end_seq;
		packets += s->pcount;
		sacked += s->state & SEG_SACKED ? s->pcount : 0;
		lost += s->state & SEG_LOST ? s->pcount : 0;
		retrans += s->state & SEG_RETRANS ? s->pcount : 0;
		TCP_HOLDS((s->state & (SEG_SACKED | SEG_LOST)) != (SEG_SACKED | SEG_LOST));
		n++;
	}
	TCP_HOLDS(tp->rtx_last == last);
	TCP_HOLDS(!last || at == tp->snd_nxt);
	TCP_HOLDS(n == tp->segs_n);
	TCP_HOLDS(packets == tp->packets_out && lost == tp->lost_out && retrans == tp->retrans_out);
	TCP_HOLDS(!tcp_is_sack(tp) || sacked == tp->sacked_out);
	TCP_HOLDS(tp->sacked_out + tp->lost_out <= tp->packets_out);
	TCP_HOLDS(!tp->packets_out == (tp->snd_una == tp->snd_nxt));
}

/* The stream: its pieces follow one another up to write_seq. Returns what they stand for in tcp_mem. */
static inline u64 tcp_check_stream(const struct tcp_sock *tp)
{
	u64 charged = 0;
	u32 at = 0;

	for (const struct tcp_txbuf *tb = tp->txb_head; tb; tb = tb->next) {
		TCP_HOLDS(tb == tp->txb_head || tb->seq == at);
		TCP_HOLDS(tb->off + tb->len <= tb->buf->size);
		TCP_HOLDS(tb->next || tb == tp->txb_tail);
		at = tb->seq + tb->len;
		charged += tb->charged;
	}
	TCP_HOLDS(!tp->txb_head || at + tp->fin_queued == tp->write_seq);
	return charged;
}

/* What the error queue holds: charged to the socket, and no stream's memory. */
static inline u32 tcp_check_errors(const struct sock *sk)
{
	u32 truesize = 0;

	for (const struct sk_buff *skb = sk->err_queue.first; skb; skb = skb->next)
		truesize += skb->truesize;
	return truesize;
}

/* What was received: in order up to rcv_nxt, out of order above it, each charged once. */
static inline void tcp_check_received(const struct tcp_sock *tp)
{
	const struct sock *sk = &tp->inet.sk;
	u64 truesize = 0, ofo = 0;
	u32 at = 0;

	for (struct sk_buff *skb = sk->rx_queue.first; skb; skb = skb->next) {
		TCP_HOLDS(skb == sk->rx_queue.first || tcp_cb(skb)->seq == at);
		at = tcp_cb(skb)->end_seq;
		truesize += skb->truesize;
	}
	TCP_HOLDS(!sk->rx_queue.first || !seq_after(at, tp->rcv_nxt));
	struct sk_buff *prev = NULL;
	for (struct rbnode *n = rb_first(&tp->ofo); n; n = rb_next(n)) {
		struct sk_buff *skb = tcp_cb_skb(n);

		TCP_HOLDS(seq_after(tcp_cb(skb)->seq, tp->rcv_nxt) && seq_before(tcp_cb(skb)->seq, tcp_cb(skb)->end_seq));
		TCP_HOLDS(!prev || (seq_before(tcp_cb(prev)->seq, tcp_cb(skb)->seq) && seq_before(tcp_cb(prev)->end_seq, tcp_cb(skb)->end_seq)));
		ofo += skb->truesize;
		prev = skb;
	}
	TCP_HOLDS(prev == tp->ofo_last && ofo == tp->ofo_bytes);
	TCP_HOLDS(truesize + ofo + tcp_check_errors(sk) == sk->rmem_alloc);
	TCP_HOLDS(!seq_after(tp->copied_seq, tp->rcv_nxt));
	TCP_HOLDS(tp->num_sacks <= TCP_NUM_SACKS && (!tp->num_sacks || prev));
	for (unsigned i = 0; i < tp->num_sacks; i++)
		TCP_HOLDS(seq_before(tp->sacks[i].start, tp->sacks[i].end) && seq_after(tp->sacks[i].start, tp->rcv_nxt));
}

/* Nothing waits for ever: data in flight has a timer, data that waits has one or something in flight. */
static inline void tcp_check_timers(const struct tcp_sock *tp)
{
	if (tp->packets_out)
		TCP_HOLDS(tp->rtx_kind == TCP_TIMER_RTO || tp->rtx_kind == TCP_TIMER_LOSS_PROBE || tp->rtx_kind == TCP_TIMER_REO);
	if (tp->rtx_kind != TCP_TIMER_NONE)
		TCP_HOLDS(timer_armed(&tp->timer) && tp->timer.expires <= tp->rtx_deadline);
	if (tp->keep_deadline)
		TCP_HOLDS(timer_armed(&tp->timer) && tp->timer.expires <= tp->keep_deadline);
}

static inline void tcp_check_sock(const struct tcp_sock *tp, u64 *mem, u32 *orphans)
{
	const u32 open = TCPS(ESTABLISHED) | TCPS(FIN_WAIT1) | TCPS(FIN_WAIT2) | TCPS(CLOSE_WAIT) | TCPS(LAST_ACK) | TCPS(CLOSING);

	*mem += tp->inet.sk.rmem_alloc - tcp_check_errors(&tp->inet.sk) + tcp_check_stream(tp);
	*orphans += tp->orphan_counted;
	if (!(BIT(tp->inet.sk.state) & open))
		return;
	TCP_HOLDS(!seq_after(tp->snd_una, tp->snd_nxt) && !seq_after(tp->snd_nxt, tp->write_seq));
	TCP_HOLDS(tp->snd_cwnd > 0 && tp->snd_ssthresh > 0);
	TCP_HOLDS(tp->mss_cache > 0);
	tcp_check_segments(tp);
	tcp_check_received(tp);
	tcp_check_timers(tp);
}

/* Every TCP socket of the namespace, and the totals. Between two steps. */
static inline void tcp_check_net(const struct netns *net)
{
	const struct sock *sk;
	u64 mem = 0;
	u32 orphans = 0, sockets = 0;

	list_for_each(sk, &net->core->socks, net_link)
		if (sk->protocol == IPPROTO_TCP && sk->type == SOCK_STREAM) {
			tcp_check_sock(tcp_sk((struct sock *)sk), &mem, &orphans);
			sockets++;
		}
	TCP_HOLDS(mem == net->core->tcp_mem_bytes);
	TCP_HOLDS(orphans == net->tcp->orphans);
	TCP_HOLDS(sockets == net->tcp->sockets);
}

/* Every program has closed, every time has passed: nothing is left. */
static inline void tcp_check_empty(const struct netns *net)
{
	const struct sock *sk;

	list_for_each(sk, &net->core->socks, net_link)
		if (sk->protocol == IPPROTO_TCP && sk->type == SOCK_STREAM)
			fprintf(stderr, "left: state %u, refs %u, dead %d, orphan %d, timer %u\n", sk->state, sk->refcnt, sk->dead, tcp_sk((struct sock *)sk)->orphan_counted,
				tcp_sk((struct sock *)sk)->rtx_kind);
	TCP_HOLDS(!net->tcp->sockets && !net->tcp->orphans && !net->tcp->tw_count);
	TCP_HOLDS(!net->tcp->hash.est.count && !net->tcp->hash.listen.count && !net->tcp->ports.buckets.count);
	TCP_HOLDS(!net->core->tcp_mem_bytes && !net->tcp->pressure);
}

#endif
