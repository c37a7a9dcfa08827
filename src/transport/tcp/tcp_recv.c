/* recv(2) and its kin: from the receive queue to the program, once copied; and the copy-free peek and consume.
 *
 * Never blocks: gives what is there, -EAGAIN when nothing is, 0 at the end of the stream. The urgent byte splits the stream
 * (tcp_urg.c). What was read opens the window (tcp_window.c). See tcp(7), recv(2).
 */
#include "transport/tcp/tcp_impl.h"

/* Nothing in the queue: why? */
static ssize_t empty_result(struct tcp_sock *tp)
{
	struct sock *sk = tcp_to_sock(tp);

	if (tp->fin_received) /* an orderly end comes before any error */
		return 0;
	if (sk->err)
		return sock_error(sk);
	if (sk->shutdown & SHUT_RCV_BIT)
		return 0;
	return sk->state == TCP_CLOSE ? -ENOTCONN : -EAGAIN; /* never connected, or dissolved */
}

static bool at_end(const struct sk_buff *skb) { return ((const struct tcp_cb *)skb->cb)->flags & TCPF_FIN; }

/* Moves copied_seq over what the program has, freeing packets that are done. */
static void advance(struct cpu *cpu, struct tcp_sock *tp, u32 n)
{
	struct sk_buff *skb;

	tp->copied_seq += n;
	while ((skb = tp->inet.sk.rx_queue.first)) {
		u32 end = tcp_cb(skb)->end_seq - at_end(skb);

		if (seq_before(tp->copied_seq, end))
			break;
		trace_point(cpu, tp->inet.sk.net, skb, TP_SOCK_RECV, tp->inet.sk.cookie, 0, NULL);
		tcp_rxq_eat(cpu, tp);
	}
}

static void recv_timestamp(struct cpu *cpu, struct tcp_sock *tp, const struct sk_buff *skb, struct msghdr *m)
{
	const struct sock *sk = &tp->inet.sk;
	u64 t;

	if (!(sk->timestamp || sk->timestamp_ns) || !skb || !skb->tstamp)
		return;
	t = cpu->world->ops && cpu->world->ops->realtime ? cpu->world->ops->realtime(cpu->world->host, skb->tstamp) : skb->tstamp;
	if (sk->timestamp_ns) {
		struct { s64 s, ns; } ts = { (s64)(t / NSEC_PER_SEC), (s64)(t % NSEC_PER_SEC) };
		msg_put_cmsg(m, SOL_SOCKET, SCM_TIMESTAMPNS, &ts, sizeof ts);
	} else {
		struct { s64 s, us; } tv = { (s64)(t / NSEC_PER_SEC), (s64)(t % NSEC_PER_SEC / 1000) };
		msg_put_cmsg(m, SOL_SOCKET, SCM_TIMESTAMP, &tv, sizeof tv);
	}
}

ssize_t tcp_recvmsg(struct cpu *cpu, struct sock *sk, struct msghdr *m, int flags)
{
	struct tcp_sock *tp = tcp_sk(sk);
	size_t len = msg_len(m), copied = 0;
	bool peek = flags & MSG_PEEK, trunc = flags & MSG_TRUNC;
	u32 seq = tp->copied_seq, peek_from = 0;
	const struct sk_buff *last = NULL;
	struct sk_buff *skb;
	ssize_t r;

	if (flags & MSG_ERRQUEUE)
		return inet_recv_errqueue(cpu, sk, m);
	if (sk->state == TCP_LISTEN)
		return -ENOTCONN;
	if (flags & MSG_OOB)
		return tcp_recv_oob(tp, m, flags);
	if (unlikely(tp->repair)) {
		if (!peek)
			return -EPERM;
		if (tp->repair_queue != TCP_RECV_QUEUE)
			return tp->repair_queue == TCP_SEND_QUEUE ? tcp_repair_peek(tp, m) : -EINVAL;
	}
	if (peek && sk->peek_off >= 0) {
		peek_from = (u32)sk->peek_off;
		seq += peek_from;
	}
	for (skb = sk->rx_queue.first; skb && copied < len;) {
		struct tcp_cb *cb = tcp_cb(skb);
		u32 off, avail, n;

		off = seq - cb->seq;
		avail = skb->len > off ? skb->len - off : 0;
		if ((s32)off < 0)
			break;
		if (!avail) {
			skb = skb->next;
			continue;
		}
		n = (u32)MIN((size_t)avail, len - copied);
		if (unlikely(tp->urg_data) && tp->urg_seq - seq < n) {
			u32 before = tp->urg_seq - seq;

			if (!before) {
				if (!sk->oobinline) { /* the mark: skip the byte */
					if (copied)
						break;
					seq++;
					if (!peek) {
						advance(cpu, tp, 1);
						tp->urg_data = tp->urg_data & TCP_URG_VALID ? tp->urg_data : 0;
						if (seq_after(tp->copied_seq, tp->urg_seq))
							tp->urg_data = 0;
						skb = sk->rx_queue.first;
					}
					tcp_fast_path_check(tp);
					continue;
				}
			} else {
				n = before;
			}
		}
		if (!trunc) {
			int err = skb_copy_to_msg(skb, off, m, copied, n);
			if (err) {
				if (!copied)
					return err;
				break;
			}
		}
		last = skb;
		if (!copied)
			recv_timestamp(cpu, tp, skb, m);
		copied += n;
		seq += n;
		if (peek) {
			if (n == avail)
				skb = skb->next;
		} else {
			advance(cpu, tp, n);
			if (unlikely(tp->urg_data) && seq_after(tp->copied_seq, tp->urg_seq)) {
				tp->urg_data = 0;
				tcp_fast_path_check(tp);
			}
			skb = sk->rx_queue.first;
		}
		/* Stop at the mark, so that SIOCATMARK sees it. */
		if (unlikely(tp->urg_data) && tp->urg_seq == seq)
			break;
	}
	(void)last;
	if (!copied) {
		if (!len && sk->rx_queue.first)
			return 0;
		r = empty_result(tp);
		return r;
	}
	if (peek) {
		if (sk->peek_off >= 0)
			sk->peek_off += (s32)copied;
		tcp_cleanup_rbuf(cpu, tp, (u32)copied); /* an ACK may be due; who looks may read soon */
	} else {
		if (sk->peek_off >= 0)
			sk->peek_off = sk->peek_off > (s32)copied ? sk->peek_off - (s32)copied : 0;
		tcp_rcv_space_adjust(cpu, tp);
		tcp_cleanup_rbuf(cpu, tp, (u32)copied);
	}
	if (tp->recvmsg_inq) {
		int inq = (int)(tp->rcv_nxt - tp->copied_seq); /* an unread FIN counts, so that the program reads on */
		if (!inq && tp->fin_received)
			inq = 1;
		msg_put_cmsg(m, SOL_TCP, TCP_CM_INQ, &inq, sizeof inq);
	}
	return (ssize_t)copied;
}

/* Bytes that a recv would find (SIOCINQ). */
int tcp_inq(const struct tcp_sock *tp)
{
	const struct sock *sk = &tp->inet.sk;
	u32 n;

	if (BIT(sk->state) & (TCPS(SYN_SENT) | TCPS(SYN_RECV)))
		return 0;
	if (!tp->urg_data || sk->oobinline || seq_before(tp->urg_seq, tp->copied_seq) || !seq_before(tp->urg_seq, tp->rcv_nxt)) {
		n = tp->rcv_nxt - tp->copied_seq;
		if (n && tp->fin_received)
			n--;
		return (int)n;
	}
	return (int)(tp->urg_seq - tp->copied_seq);
}

/* -- without copying -- */

int tcp_peek(struct cpu *cpu, struct sock *sk, struct iovec *iov, unsigned max, u64 *bytes)
{
	struct tcp_sock *tp = tcp_sk(sk);
	u32 seq = tp->copied_seq;
	unsigned n = 0;

	*bytes = 0;
	if (sk->state == TCP_LISTEN)
		return -ENOTCONN;
	if (unlikely(tp->repair)) /* looked at by recv(2) alone */
		return -EAGAIN;
	/* The urgent byte is not part of what is read in line. */
	if (unlikely(tp->urg_data) && tp->urg_seq == seq && !sk->oobinline && sk->rx_queue.first) {
		advance(cpu, tp, 1);
		if (!(tp->urg_data & TCP_URG_VALID))
			tp->urg_data = 0;
		seq = tp->copied_seq;
		tcp_fast_path_check(tp);
	}
	for (struct sk_buff *skb = sk->rx_queue.first; skb && n < max; skb = skb->next) {
		u32 off = seq - tcp_cb(skb)->seq, len;
		unsigned used;

		if (off >= skb->len)
			continue;
		len = skb->len - off;
		if (unlikely(tp->urg_data) && !sk->oobinline && tp->urg_seq - seq < len) {
			len = tp->urg_seq - seq;
			if (!len)
				break;
			max = n + 1 > max ? max : max; /* stops below: nothing behind the mark */
			used = skb_to_iovec(skb, off, len, iov + n, max - n);
			for (unsigned i = 0; i < used; i++)
				*bytes += iov[n + i].iov_len;
			n += used;
			break;
		}
		used = skb_to_iovec(skb, off, len, iov + n, max - n);
		for (unsigned i = 0; i < used; i++)
			*bytes += iov[n + i].iov_len;
		n += used;
		seq += len;
	}
	if (!n)
		return (int)empty_result(tp);
	return (int)n;
}

void tcp_consume(struct cpu *cpu, struct sock *sk, u64 bytes)
{
	struct tcp_sock *tp = tcp_sk(sk);

	assert(bytes <= tp->rcv_nxt - tp->copied_seq);
	if (!bytes)
		return;
	advance(cpu, tp, (u32)bytes);
	if (unlikely(tp->urg_data) && seq_after(tp->copied_seq, tp->urg_seq))
		tp->urg_data = 0;
	tcp_rcv_space_adjust(cpu, tp);
	tcp_cleanup_rbuf(cpu, tp, (u32)bytes);
}
