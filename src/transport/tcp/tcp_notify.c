/* What a program asked to hear of the bytes it sent: transmit stamps (SO_TIMESTAMPING) and completions (MSG_ZEROCOPY), by way of the
 * error queue.
 *
 * A mark stands at a byte of the send stream, the last one of a send. Stamps are made when a packet with that byte goes out
 * (SCM_TSTAMP_SCHED and _SND are one moment here: transmit is a call down to the device) and when it is acknowledged; sent again, it is
 * stamped again. A zero-copy send is complete when all its bytes are acknowledged. Bytes are copied in once by every send, so completions
 * say so (SO_EE_CODE_ZEROCOPY_COPIED), as on Linux where the way out could not share the program's pages.
 * Source: Documentation/networking/{timestamping,msg_zerocopy}.rst, and Linux 6.18's answers. */
#include <time.h>
#include <linux/errqueue.h>
#include <linux/net_tstamp.h>

#include "transport/tcp/tcp_impl.h"

#define MARK_COST 832u /* of optmem_max, for a zero-copy send that is not complete; as Linux charges */

struct tcp_mark {
	struct tcp_mark *next;
	u32 start, end;	/* of the packet to be, and behind the marked byte */
	u32 key, zc_id;
	u32 tsflags;	/* SOF_TIMESTAMPING_*; 0: no stamps */
	bool zc;
};

/* Where the packet begins that the last byte written is, or will be, part of. */
static u32 last_packet(const struct tcp_sock *tp)
{
	if (tp->snd_nxt == tp->write_seq && tp->rtx_last) /* all of it went already */
		return tp->rtx_last->seq;
	return seq_after(tp->tail_start, tp->snd_nxt) ? tp->tail_start : tp->snd_nxt;
}

static struct tcp_mark *mark_add(struct cpu *cpu, struct tcp_sock *tp)
{
	struct tcp_mark *k = mem_zalloc(cpu_mem(cpu), sizeof *k);

	if (!k)
		return NULL;
	k->end = tp->write_seq;
	k->start = last_packet(tp);
	if (tp->marks)
		tp->marks_last->next = k;
	else
		tp->marks = k;
	tp->marks_last = k;
	return k;
}

static void mark_del_first(struct cpu *cpu, struct tcp_sock *tp)
{
	struct tcp_mark *k = tp->marks;

	tp->marks = k->next;
	if (k->zc)
		tp->inet.sk.omem_alloc -= MARK_COST;
	mem_free(cpu_mem(cpu), k);
}

/* The last byte written is to be stamped; one packet to be has one stamp, the latest. */
void tcp_mark_stamp(struct cpu *cpu, struct tcp_sock *tp, u32 tsflags)
{
	struct tcp_mark *k = tp->marks ? tp->marks_last : NULL;
	u32 start = last_packet(tp);

	if (k && k->tsflags && seq_after(k->end, start))
		k->tsflags = 0;
	if (!k || k->end != tp->write_seq)
		k = mark_add(cpu, tp);
	if (!k)
		return; /* no memory: no stamp, as a stamp that finds the error queue full */
	k->tsflags = tsflags;
	k->key = tp->write_seq - 1 - tp->inet.sk.tskey;
}

/* May a zero-copy send begin? 0, -ENOBUFS: too many are under way. */
int tcp_zerocopy_begin(const struct tcp_sock *tp)
{
	return tp->inet.sk.omem_alloc + MARK_COST > sock_limits(tp->inet.sk.net)->optmem_max ? -ENOBUFS : 0;
}

/* A send with MSG_ZEROCOPY took bytes up to write_seq. */
void tcp_mark_zerocopy(struct cpu *cpu, struct tcp_sock *tp)
{
	struct tcp_mark *k = tp->marks && tp->marks_last->end == tp->write_seq && !tp->marks_last->zc ? tp->marks_last : mark_add(cpu, tp);

	if (!k) { /* what cannot be remembered is told at once: the bytes are the program's again */
		sock_err_queue_zerocopy(cpu, tcp_to_sock(tp), tp->zc_next, tp->zc_next);
		tp->zc_next++;
		return;
	}
	k->zc = true;
	k->zc_id = tp->zc_next++;
	tp->inet.sk.omem_alloc += MARK_COST;
}

static bool in_packet(const struct tcp_mark *k, u32 seq, u32 len)
{
	return seq_after(k->end, seq) && !seq_after(k->end, seq + len);
}

/* Before a packet with [seq, +len) goes down: a copy for its stamps to show, or NULL. */
struct sk_buff *tcp_marks_copy(struct cpu *cpu, const struct tcp_sock *tp, u32 seq, u32 len, const struct sk_buff *skb)
{
	const u32 out = SOF_TIMESTAMPING_TX_SCHED | SOF_TIMESTAMPING_TX_SOFTWARE;

	for (const struct tcp_mark *k = tp->marks; k; k = k->next)
		if (k->tsflags & out && !(k->tsflags & SOF_TIMESTAMPING_OPT_TSONLY) && in_packet(k, seq, len))
			return skb_copy(cpu, skb, 0);
	return NULL;
}

/* It went. Consumes the copy. */
void tcp_marks_sent(struct cpu *cpu, struct tcp_sock *tp, u32 seq, u32 len, struct sk_buff *copy)
{
	struct sock *sk = tcp_to_sock(tp);

	for (const struct tcp_mark *k = tp->marks; k && !seq_after(k->start, seq + len); k = k->next) {
		const struct sk_buff *shown = k->tsflags & SOF_TIMESTAMPING_OPT_TSONLY ? NULL : copy;

		if (!in_packet(k, seq, len))
			continue;
		if (k->tsflags & SOF_TIMESTAMPING_TX_SCHED)
			sock_err_queue_stamp(cpu, sk, shown, SCM_TSTAMP_SCHED, k->tsflags, k->key);
		if (k->tsflags & SOF_TIMESTAMPING_TX_SOFTWARE)
			sock_err_queue_stamp(cpu, sk, shown, SCM_TSTAMP_SND, k->tsflags, k->key);
	}
	if (copy)
		skb_consume(cpu, copy);
}

/* The stream's bytes from `from` to `to`, as far as they are still there and fit one packet. NULL: no memory. */
static struct sk_buff *payload(struct cpu *cpu, const struct tcp_sock *tp, u32 from, u32 to)
{
	struct sk_buff *skb = skb_alloc(cpu, 0, 1);
	struct tcp_txbuf *tb;

	if (!skb)
		return NULL;
	if (tp->txb_head && seq_before(from, tp->txb_head->seq))
		from = tp->txb_head->seq;
	for (tb = tcp_txq_at(tp->txb_head, from); tb && seq_before(from, to); tb = tb->next) {
		u32 skip = from - tb->seq, n = MIN(tb->len - skip, to - from);
		if (!skb_add_frag(skb, tb->buf, tb->off + skip, n))
			break;
		from += n;
	}
	return skb;
}

/* Everything before una is acknowledged; its buffers are still there. */
void tcp_marks_acked(struct cpu *cpu, struct tcp_sock *tp, u32 una)
{
	struct sock *sk = tcp_to_sock(tp);
	struct tcp_mark *k;

	while ((k = tp->marks) && !seq_after(k->end, una)) {
		if (k->tsflags & SOF_TIMESTAMPING_TX_ACK) {
			struct sk_buff *copy = k->tsflags & SOF_TIMESTAMPING_OPT_TSONLY ? NULL : payload(cpu, tp, k->start, k->end);
			sock_err_queue_stamp(cpu, sk, copy, SCM_TSTAMP_ACK, k->tsflags, k->key);
			if (copy)
				skb_consume(cpu, copy);
		}
		if (k->zc)
			sock_err_queue_zerocopy(cpu, sk, k->zc_id, k->zc_id);
		mark_del_first(cpu, tp);
	}
}

/* The connection is over: nothing more is sent or acknowledged, and zero-copy sends have given their bytes back. */
void tcp_marks_purge(struct cpu *cpu, struct tcp_sock *tp)
{
	while (tp->marks) {
		if (tp->marks->zc && tp->inet.sk.socket)
			sock_err_queue_zerocopy(cpu, tcp_to_sock(tp), tp->marks->zc_id, tp->marks->zc_id);
		mark_del_first(cpu, tp);
	}
}
